"""Whom a scenario of a finished run reaches: residents by direct, indirect or no benefit, and who wins and who loses.

Entities are the buildings of the baseline where people live; each resident is counted once, at home. A measure acts on
an entity where an input column of the city differs between baseline and scenario. A resident is reached directly where
a measure acts on the building, on its zone, or on a street at the house; and only where that brings a gain.

Gains are of what the run has per building or per zone (`EFFECTS`). A difference counts where it is neither noise of the
paired draws nor a trifle. All but `Incidence.entities` has passed `twin.decision.suppression` and may be published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.city.schema import LAYERS
from twin.decision.incidence import LOSER, NOT_REACHED, classify, entity_gains, quintiles
from twin.decision.reach_tables import UNKNOWN_QUINTILE, Poverty, Tables, poverty
from twin.decision.suppression import MINIMUM_COUNT
from twin.errors import RunError
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from twin.decision.incomes import KnownIncomes
    from twin.scenario.store import Run

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

HOUSE_TO_STREET_M = 30.0
"""A street whose middle is no farther from the house is a street at the house (assumption: half of a wide street)."""


@dataclass(frozen=True)
class Effect:
    """Something residents gain or lose by: a result column of buildings or of zones.

    `least` is the smallest difference that counts, so that a thousandth of a decibel makes nobody a winner. All of them
    are assumptions; 1 dB is about what a careful listener can tell.
    """

    quantity: str
    layer: str
    label: str
    unit: str
    better: str
    least: float
    decimals: int


BILL = Effect("energy_cost_eur_a", "buildings", "Energy bill of a resident", "EUR/a", "lower", 10.0, 0)
EFFECTS = (
    BILL,
    Effect("lden_db", "buildings", "Road noise at home (Lden)", "dB", "lower", 1.0, 1),
    Effect("nox_ug_m3", "buildings", "NOx from roads at home", "µg/m³", "lower", 0.1, 2),
    Effect("mean_generalised_cost_min", "zones", "Cost of a car trip from the zone", "min", "lower", 0.25, 2),
    Effect("accessibility_min", "zones", "Cost of reaching a job from the zone", "min", "lower", 0.25, 2),
)


@dataclass(frozen=True)
class Incidence:
    """Who is reached by a scenario. NaN is suppressed.

    Attributes
    ----------
    scenario : str
    effects : tuple of Effect
        Those that the run has.
    people, buildings : float, int
        Residents of the baseline, and buildings where they live.
    newcomers : float
        Residents of buildings that only the scenario has; they are not among `people`.
    acted_on : dict
        Entities that a measure acts on: ``buildings`` (with the two that follow), ``new_buildings``,
        ``removed_buildings``, ``links`` and ``zones``.
    reach : DataFrame
        By `twin.decision.incidence.REACH`: people, share (of people), buildings.
    outcomes : DataFrame
        By `twin.decision.incidence.OUTCOMES`: people, share (of people), buildings.
    by_zone : DataFrame
        By zone_id: people by outcome, people, net_share (winners less losers, in steps of 5), state (`SHOWN`,
        `SUPPRESSED` or `EMPTY`), and the mean gain of a resident by quantity.
    by_quintile : DataFrame
        By income quintile, 1 poorest to 5 richest, 0 where the income is not known: people by outcome, people, and by
        quantity the mean gain of a resident and its standard deviation (``<quantity>_sd``). Empty without incomes.
    gains : DataFrame
        By quantity: mean_gain of a resident, sd, noise (cannot be told from it), and the disparity of poorest to
        richest fifth: poorest, richest, ratio, reading. The gain of `BILL` is money.
    poverty : Poverty or None
        None without incomes.
    hidden_share : float
        Share of the cells of zones and quintiles that are suppressed.
    entities : DataFrame
        Not for publication. By building_id: zone_id, people, treated, reach, outcome, quintile, and the gain by
        quantity as simulated.
    """

    scenario: str
    effects: tuple[Effect, ...]
    people: float
    buildings: int
    newcomers: float
    acted_on: dict[str, int]
    reach: pd.DataFrame
    outcomes: pd.DataFrame
    by_zone: pd.DataFrame
    by_quintile: pd.DataFrame
    gains: pd.DataFrame
    poverty: Poverty | None
    hidden_share: float
    entities: pd.DataFrame


@dataclass(frozen=True)
class _Pair:
    """A layer of the baseline and of the scenario."""

    before: gpd.GeoDataFrame
    after: gpd.GeoDataFrame


def incidence_of(run: Run, scenario: str, incomes: KnownIncomes | None = None) -> Incidence:
    """Return whom a scenario reaches, against the baseline of its run.

    Parameters
    ----------
    run : Run
    scenario : str
    incomes : KnownIncomes, optional
        From `twin.decision.incomes.read_incomes`; without them nothing is known of quintiles and energy poverty.

    Raises
    ------
    RunError
        An unknown scenario, or a run without any column of `EFFECTS`.
    """
    layers = {name: _Pair(run.layer(BASELINE, name), run.layer(scenario, name)) for name in ("buildings", "zones")}
    layers["links"] = _Pair(run.layer(BASELINE, "links"), run.layer(scenario, "links"))
    effects = tuple(e for e in EFFECTS if all(e.quantity in x.columns for x in _both(layers[e.layer])))
    if not effects:
        raise RunError("nothing in this run tells who gains", expected=f"a column as {EFFECTS[0].quantity}")
    acted = {name: acted_on(pair.before, pair.after, name) for name, pair in layers.items()}
    buildings = layers["buildings"].before
    homes = buildings.loc[buildings["population"].to_numpy(np.float64) > 0.0]
    before, after, sd = _values(run.noise(scenario), layers, homes, effects)
    better, least = {e.quantity: e.better for e in effects}, {e.quantity: e.least for e in effects}
    raw = entity_gains(before, after, better)
    treated = _treated(layers, acted, homes)
    classes = classify(entity_gains(before, after, better, sd, least), treated)
    gone = _lacks(layers["buildings"].after.index, homes.index)
    classes.loc[gone, ["reach", "outcome"]] = [NOT_REACHED, LOSER]  # whoever has to move out loses
    people = homes["population"].to_numpy(np.float64)
    income = None if incomes is None else incomes.income.reindex(homes.index).to_numpy(np.float64)
    entities = pd.DataFrame({"zone_id": homes["zone_id"].astype(str), "people": people, "treated": treated})
    entities[["reach", "outcome"]] = classes
    entities["quintile"] = UNKNOWN_QUINTILE if income is None else quintiles(income, people)
    tables = Tables.of(entities, raw, sd, has_incomes=income is not None)
    return Incidence(
        scenario=scenario,
        effects=effects,
        people=float(people.sum()),
        buildings=len(entities),
        newcomers=_newcomers(layers["buildings"]),
        acted_on=_counts(layers, acted),
        outcomes=tables.outcomes(),
        reach=tables.reach(),
        by_zone=tables.by_zone(layers["zones"].before.index),
        by_quintile=pd.DataFrame() if income is None else tables.by_quintile(),
        gains=tables.gains(),
        poverty=None if incomes is None or income is None else _poverty(before, after, income, people, incomes, homes),
        hidden_share=tables.parts.hidden_share,
        entities=entities.join(raw),
    )


def _both(pair: _Pair) -> tuple[pd.DataFrame, pd.DataFrame]:
    return pair.before, pair.after


def acted_on(before: pd.DataFrame, after: pd.DataFrame, layer: str) -> pd.Series:
    """Return by id whether a measure acts on an entity: an input differs, or only one of the two has the entity.

    Parameters
    ----------
    before, after : DataFrame
        Of baseline and scenario, with the input columns of the city schema.
    layer : str

    Returns
    -------
    Series of bool
        Over the ids of both.
    """
    names = [c.name for c in LAYERS[layer].columns if c.name in before.columns and c.name in after.columns]
    was, new = before[names], after[names]
    if before.index.equals(after.index):
        return _changed(was, new)
    ids, common = before.index.union(after.index), before.index.intersection(after.index)
    return _changed(was.loc[common], new.loc[common]).reindex(ids, fill_value=True)


def _changed(was: pd.DataFrame, new: pd.DataFrame) -> pd.Series:
    """Return whether any column differs, by row of two tables of the same rows; two gaps are equal."""
    changed = np.zeros(len(was), bool)
    for name in was.columns:
        changed |= ((was[name] != new[name]) & ~(was[name].isna() & new[name].isna())).to_numpy(bool)
    return pd.Series(changed, index=was.index)


def _treated(layers: Mapping[str, _Pair], acted: Mapping[str, pd.Series], homes: gpd.GeoDataFrame) -> Bool:
    """Return of each home whether a measure acts on it, on its zone, or on a street at the house."""
    zones = homes["zone_id"].map(acted["zones"]).eq(True).to_numpy(bool)
    treated = acted["buildings"].reindex(homes.index).to_numpy(bool) | zones
    pair = layers["links"]
    streets = pd.concat([pair.after.geometry, pair.before.geometry[_lacks(pair.after.index, pair.before.index)]])
    streets = streets[acted["links"].reindex(streets.index).to_numpy(bool)]
    if len(streets):
        tree = shapely.STRtree(streets.to_numpy())
        found = tree.query_nearest(homes.geometry.to_numpy(), max_distance=HOUSE_TO_STREET_M, all_matches=False)
        treated[found[0]] = True
    return treated


def _values(
    noise: pd.DataFrame, layers: Mapping[str, _Pair], homes: gpd.GeoDataFrame, effects: tuple[Effect, ...]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return each home's value by quantity before and after, and the standard deviation of the difference.

    Bills are those of a resident and of homes only: what other buildings pay is their owners'. A home that the scenario
    does not have keeps its values.
    """
    is_home = (homes["use"] == "residential").to_numpy()
    residents = homes["population"].to_numpy(np.float64)
    frames = tuple(pd.DataFrame(index=homes.index) for _ in range(3))
    for layer in sorted({effect.layer for effect in effects}):
        names = [effect.quantity for effect in effects if effect.layer == layer]
        rows = noise[(noise["layer"] == layer) & noise["quantity"].isin(names)]
        sd = rows.pivot(index="id", columns="quantity", values="sd").reindex(columns=names)
        ids = homes.index if layer == "buildings" else pd.Index(homes["zone_id"])
        for frame, table in zip(frames, (layers[layer].before[names], layers[layer].after[names], sd), strict=True):
            frame[names] = _at(table, ids)
    before, after, spread = frames
    if BILL.quantity in before:
        now = layers["buildings"].after["population"].reindex(homes.index).to_numpy(np.float64)
        heads = (residents, np.where(now > 0.0, now, np.nan), residents)
        for frame, people in zip(frames, heads, strict=True):
            frame[BILL.quantity] = np.where(is_home, frame[BILL.quantity] / people, 0.0)
    return before, after.fillna(before), spread


def _at(table: pd.DataFrame, ids: pd.Index) -> Float:
    """Return the rows of a table at ids that may repeat; NaN where it has none."""
    rows = table.index.get_indexer(ids)
    return np.where((rows >= 0)[:, None], table.to_numpy(np.float64)[rows], np.nan)


def _lacks(index: pd.Index, ids: pd.Index) -> Bool:
    """Return which ids an index lacks."""
    return np.asarray(index.get_indexer(ids) < 0)


def _poverty(
    before: pd.DataFrame, after: pd.DataFrame, income: Float, people: Float, incomes: KnownIncomes, homes: pd.DataFrame
) -> Poverty | None:
    """Return the energy poverty of those who live in homes and whose income is known; None without bills."""
    if BILL.quantity not in before:
        return None
    living = (homes["use"] == "residential").to_numpy() & np.isfinite(income)
    bills = [frame[BILL.quantity].to_numpy(np.float64)[living] for frame in (before, after)]
    return poverty(bills[0], bills[1], income[living], people[living], incomes.poverty_share)


def _newcomers(pair: _Pair) -> float:
    count = float(pair.after["population"].to_numpy(np.float64)[_lacks(pair.before.index, pair.after.index)].sum())
    return float("nan") if 0.0 < count < MINIMUM_COUNT else count


def _counts(layers: Mapping[str, _Pair], acted: Mapping[str, pd.Series]) -> dict[str, int]:
    pair = layers["buildings"]
    counts = {name: int(acted[name].sum()) for name in ("buildings", "links", "zones")}
    counts["new_buildings"] = int(_lacks(pair.before.index, pair.after.index).sum())
    counts["removed_buildings"] = int(_lacks(pair.after.index, pair.before.index).sum())
    return counts
