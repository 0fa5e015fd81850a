"""The smart zone: what a measure does inside a pilot area, what spills over its edge, and what it would do city-wide.

The effect is a difference in differences: the change of a quantity (scenario less baseline) per unit inside the pilot,
less the same in a control area. It is scaled up to the city as an evaluator would who knows nothing but the pilot, by
the ratio estimator (W. G. Cochran, Sampling Techniques, 3rd ed. 1977, chapter 6): change per unit times the units of
the city. Its 90 % interval is Student's, with the jackknife variance of each ratio (K. M. Wolter, Introduction to
Variance Estimation, chapter 4) times the part of the city that was not observed. The run also simulates the measure
city-wide, so that the estimate can be held against the truth.

A pilot is no random sample: neighbours are alike. How much, is taken from what is known everywhere before the measure:
compact areas as large as the pilot, in all parts of the city, differ in the baseline per unit by more than their own
spread foretells, and the variance of the pilot is multiplied by that ratio (a design effect: L. Kish, Survey Sampling,
1965). This assumes that the effect is as patchy as the baseline. The interval is at nominal parameters. A truth outside
of it says that the pilot, for all that, does not stand for the city.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import stdtrit

from twin.decision.canvas_sections import Pilot
from twin.decision.compare import BETTER, CHANGED, NO_CHANGE, NO_INTERVAL, NOT_DISTINGUISHABLE, WORSE
from twin.decision.kpis import KPIS
from twin.errors import StudyError, did_you_mean
from twin.scenario import selectors
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

CONFIDENCE = 0.90
AREAS = 400
"""Areas of the pilot's size at which the city is looked at to see how alike neighbours are."""
INSIDE, OUTSIDE, NOT_SIMULATED = "inside the interval", "outside the interval", "not simulated"
PILOT, EDGE, CONTROL, CITY = "pilot", "edge", "control", "city"
AREA_COLUMNS = ["entities", "units", "baseline", "change", "per_unit", "low", "high"]


@dataclass(frozen=True)
class Estimate:
    """A value and its 90 % interval; NaN ends where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class SmartZone:
    """What a pilot shows.

    Attributes
    ----------
    pilot : Pilot
        The section of the canvas: scenarios, outlines, layer, quantity, column to scale by.
    areas : DataFrame
        Indexed by ``pilot``, ``edge``, ``control`` and ``city``: entities, units (the sum of the column to scale by, or
        the entities), baseline (of the quantity), change (scenario less baseline), per_unit (change per unit), low and
        high (its 90 % interval by entities; NaN for the city, which is known whole, and below two entities).
    effect : Estimate
        Difference in differences per unit: pilot less control.
    verdict : str
        What may be said of it, as of a KPI.
    spill_over : Estimate
        The same for the strip around the pilot.
    alike : float
        Times by which the variance of the pilot exceeds that of a random sample, because neighbours are alike.
    scaled : Estimate
        The effect times the units of the city: change of the whole city, as the pilot foretells it.
    truth : float
        That change by the city-wide scenario; NaN where there is none.
    answer : {"inside the interval", "outside the interval", "not simulated"}
        Where the truth lies; not simulated also where there is no interval.
    notes : list of str
    """

    pilot: Pilot
    areas: pd.DataFrame
    effect: Estimate
    verdict: str
    spill_over: Estimate
    alike: float
    scaled: Estimate
    truth: float
    answer: str
    notes: list[str]


@dataclass(frozen=True)
class Ratio:
    """A ratio of sums: value, jackknife variance (NaN below two entities) and entities."""

    value: float
    variance: float
    n: int


def smart_zone(run: Run, pilot: Pilot) -> SmartZone:
    """Return what the pilot of a run shows.

    Parameters
    ----------
    run : Run
    pilot : Pilot
        The canvas's section ``pilot``.

    Raises
    ------
    StudyError
        A scenario or column that the run lacks, an outline that holds nothing, areas that overlap, or units that do
        not sum to more than zero.
    """
    for name in (pilot.scenario, pilot.citywide):
        if name is not None and name not in run.info["scenarios"]:
            known = run.info["scenarios"]
            raise StudyError(
                f"the pilot names {name!r}, which is no scenario", where="pilot", remedy=did_you_mean(name, known)
            )
    before = run.layer(BASELINE, pilot.layer)
    for column in (pilot.quantity, pilot.per):
        if column is not None:
            _check_column(before, column, pilot.layer)
    table, notes = _changes(before, run.layer(pilot.scenario, pilot.layer), pilot)
    places = _places(table, pilot)
    masks = _areas(table, places, pilot)
    change, units = table["change"].to_numpy(np.float64), table["units"].to_numpy(np.float64)
    ratios = {area: ratio(change[mask], units[mask]) for area, mask in masks.items()}
    effect = _contrast(ratios[PILOT], ratios[CONTROL])
    truth = float("nan")
    if pilot.citywide is not None:
        everywhere, more = _changes(before, run.layer(pilot.citywide, pilot.layer), pilot)
        truth, notes = float(everywhere["change"].sum()), [*notes, *(n for n in more if n not in notes)]
    alike = likeness(table["baseline"].to_numpy(np.float64), units, places, ratios[PILOT].n)
    inside = replace(ratios[PILOT], variance=alike * ratios[PILOT].variance)
    scaled = scale_up(inside, ratios[CONTROL], units)
    known = not np.isnan(truth) and not np.isnan(scaled.low)
    return SmartZone(
        pilot,
        _area_table(table, masks, ratios),
        effect,
        _verdict(effect, pilot.quantity, bool(change.any())),
        _contrast(ratios[EDGE], ratios[CONTROL]),
        alike,
        scaled,
        truth,
        NOT_SIMULATED if not known else INSIDE if scaled.low <= truth <= scaled.high else OUTSIDE,
        notes,
    )


def entity_areas(run: Run, pilot: Pilot) -> gpd.GeoDataFrame:
    """Return which area every entity of a pilot's layer lies in, for a map.

    Returns
    -------
    GeoDataFrame
        Shapes by id with the column area: ``pilot``, ``edge``, ``control``, or "" for what lies in none of them.
    """
    table, _ = _changes(run.layer(BASELINE, pilot.layer), run.layer(pilot.scenario, pilot.layer), pilot)
    masks = _areas(table, _places(table, pilot), pilot)
    names = np.select([*masks.values()], [*masks], "")
    return gpd.GeoDataFrame({"area": names}, index=table.index, geometry=table.geometry)


def ratio(change: Float, units: Float) -> Ratio:
    """Return the change per unit of a group of entities, float64 (n,) each, and its jackknife variance.

    Raises
    ------
    StudyError
        Units that do not sum to more than zero, with or without any one entity.
    """
    n, total = len(change), float(units.sum())
    if n == 0:
        return Ratio(float("nan"), float("nan"), 0)
    if not total > 0.0:
        raise StudyError("the column to scale by sums to nothing", where="pilot: per", expected="a sum above zero")
    value = float(change.sum() / total)
    rest = total - units
    if n < 2 or (rest <= 0.0).any():  # one entity holds everything: nothing is known of the spread
        return Ratio(value, float("nan"), n)
    left_out = (change.sum() - change) / rest
    return Ratio(value, float((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum()), n)


def scale_up(pilot: Ratio, control: Ratio, units: Float) -> Estimate:
    """Return the change of a whole city as foretold by a pilot and its control area.

    Parameters
    ----------
    pilot, control : Ratio
    units : float64 (n,)
        Of every entity of the city. What is observed of them is no longer uncertain.
    """
    seen = pilot.n / len(units), control.n / len(units)
    found = _contrast(pilot, control, 1.0 - seen[0], 1.0 - seen[1])
    total = float(units.sum())
    return Estimate(total * found.value, total * found.low, total * found.high)


def likeness(baseline: Float, units: Float, points: Float, n: int) -> float:
    """Return how many times compact areas of n entities vary as much as random samples of n would, at least 1.

    Parameters
    ----------
    baseline, units : float64 (N,)
        Of every entity of the city.
    points : float64 (N, 2)
        Where they are, m.
    n : int

    Returns
    -------
    float
        The mean square by which the ratio of an area misses that of the city, over the mean of what the area's own
        jackknife variance foretells. Areas are the n entities nearest to each of `AREAS` entities.
    """
    if n < 2 or n >= len(units):
        return 1.0
    centres = np.unique(np.linspace(0, len(units) - 1, AREAS).astype(np.int64))
    near = np.asarray(cKDTree(points).query(points[centres], k=n)[1])
    found = [ratio(baseline[area], units[area]) for area in near if units[area].sum() > 0.0]
    off = np.array([each.value for each in found]) - baseline.sum() / units.sum()
    foretold = np.array([each.variance for each in found])
    known = np.isfinite(foretold)
    foretold_mean = (1.0 - n / len(units)) * foretold[known].mean() if known.any() else 0.0
    return max(1.0, float((off[known] ** 2).mean() / foretold_mean)) if foretold_mean > 0.0 else 1.0


def _contrast(one: Ratio, other: Ratio, unseen: float = 1.0, other_unseen: float = 1.0) -> Estimate:
    """Return the difference of two ratios with its interval; the degrees of freedom are Welch's."""
    value = one.value - other.value
    parts = np.array([unseen * one.variance, other_unseen * other.variance])
    variance = parts.sum()
    if np.isnan(variance) or variance == 0.0:
        return Estimate(value, *((value, value) if variance == 0.0 else (float("nan"), float("nan"))))
    freedom = variance**2 / (parts**2 / np.array([one.n - 1, other.n - 1])).sum()
    half = float(stdtrit(freedom, (1.0 + CONFIDENCE) / 2.0) * np.sqrt(variance))
    return Estimate(value, value - half, value + half)


def _changes(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, pilot: Pilot) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Return baseline, change and units of every entity; one that is new or gone counts as nothing where it is not."""
    new = after.geometry[before.index.get_indexer(after.index) < 0]
    shapes = gpd.GeoSeries(pd.concat([before.geometry, new]), crs=before.crs)
    here, there = (_values(frame, pilot.quantity, shapes.index) for frame in (after, before))
    units = np.ones(len(shapes))
    if pilot.per is not None:
        own, later = (_values(frame, pilot.per, shapes.index) for frame in (before, after))
        units = np.where(np.arange(len(shapes)) < len(before), own, later)
    columns = {"baseline": there, "change": here - there, "units": units}
    table = gpd.GeoDataFrame(columns, index=shapes.index, geometry=shapes)
    gap = table[["change", "units"]].isna().any(axis=1).to_numpy()
    lacks = f"{int(gap.sum())} of {len(gap)} {pilot.layer} have no {pilot.quantity} or {pilot.per} and are left out"
    return table[~gap], [lacks.replace(" or None", "")] if gap.any() else []


def _values(frame: gpd.GeoDataFrame, column: str, ids: pd.Index) -> Float:
    """Return a column by id, float64 (n,): zero where the frame has no such entity, NaN where that has no value."""
    rows = frame.index.get_indexer(ids)
    return np.where(rows < 0, 0.0, frame[column].to_numpy(np.float64)[rows])


def _places(table: gpd.GeoDataFrame, pilot: Pilot) -> Float:
    """Return the points of reference, float64 (n, 2), as selectors take them: the middle of links, inside buildings."""
    lines = pilot.layer == "links"
    shapes = table.geometry.to_numpy()
    points = shapely.line_interpolate_point(shapes, 0.5, normalized=True) if lines else shapely.point_on_surface(shapes)
    return np.asarray(shapely.get_coordinates(points))


def _check_column(layer: gpd.GeoDataFrame, column: str, name: str) -> None:
    numbers = [c for c in layer.columns if layer[c].dtype.kind in "iuf"]
    if column not in numbers:
        raise StudyError(
            f"the layer {name} has no column {column!r} of numbers",
            where="pilot",
            expected=", ".join(numbers),
            remedy=did_you_mean(column, numbers),
        )


def _areas(table: gpd.GeoDataFrame, places: Float, pilot: Pilot) -> dict[str, Mask]:
    """Return which entities lie in the pilot, in the strip around it, and in the control area.

    An entity lies where its point of reference does, as in selectors. The control area never holds the strip.
    """
    outline = selectors.polygon(pilot.inside, str(table.crs))
    inside = selectors.select(table, inside=pilot.inside, name=pilot.layer)
    near = ~inside & (shapely.distance(shapely.points(places), outline) <= pilot.edge_m)
    far = ~inside & ~near
    if pilot.control is not None:
        chosen = selectors.select(table, inside=pilot.control, name=pilot.layer)
        if (chosen & inside).any():
            raise StudyError(
                f"{int((chosen & inside).sum())} {pilot.layer} lie in the pilot and in its control area",
                where="pilot: control",
                expected="outlines that do not overlap",
            )
        far &= chosen
    if not far.any():
        raise StudyError(
            f"the control area holds none of the {pilot.layer} outside of the strip around the pilot",
            where="pilot: control" if pilot.control is not None else "pilot",
            remedy="choose another control area, or a smaller edge_m",
        )
    return {PILOT: inside, EDGE: near, CONTROL: far}


def _area_table(table: gpd.GeoDataFrame, masks: dict[str, Mask], ratios: dict[str, Ratio]) -> pd.DataFrame:
    rows = {}
    for area, mask in {**masks, CITY: np.ones(len(table), bool)}.items():
        part = table[mask]
        sums = [float(part[column].sum()) for column in ("units", "baseline", "change")]
        mean = _contrast(ratios[area], Ratio(0.0, 0.0, 2)) if area != CITY else None
        ends = [mean.value, mean.low, mean.high] if mean else [sums[2] / sums[0], float("nan"), float("nan")]
        rows[area] = [len(part), *sums, *ends]
    return pd.DataFrame.from_dict(rows, orient="index", columns=AREA_COLUMNS).rename_axis("area")


def _verdict(effect: Estimate, quantity: str, anything: bool) -> str:
    """Return what may be said of the effect; the direction that is better is that of the KPI of the same name."""
    if not anything:
        return NO_CHANGE
    if np.isnan(effect.low):
        return NO_INTERVAL
    if effect.low <= 0.0 <= effect.high:
        return NOT_DISTINGUISHABLE
    better = KPIS[quantity].better if quantity in KPIS else "neutral"
    if better == "neutral":
        return CHANGED
    return BETTER if (effect.high < 0.0) == (better == "lower") else WORSE
