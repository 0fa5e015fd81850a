"""What a run means at one place: the differences of a building, of its zone, and what is done to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from twin.city.ground_floors import is_mixed
from twin.city.schema import BUILDINGS
from twin.decision.compare import BETTER, NO_CHANGE, NOT_DISTINGUISHABLE, WORSE
from twin.decision.distribution import is_noise
from twin.decision.figures import PLAIN, SHARE, Figure
from twin.errors import DataError
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.scenario.store import Run

NEAREST_M = 50.0
"""How far from a position its building may be."""
MOST_NAMED = 8
"""Places that an error names where a name fits several."""
RESULT_COLUMNS = [
    "scenario", "column", "label", "unit", "better", "baseline", "value", "difference", "sd", "outcome",
]  # fmt: skip
_POSITION = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*$")
_STATE = ("zone_id", "population", "jobs")
"""Columns that follow from others: their change is not what a measure does."""


@dataclass(frozen=True)
class Quantity:
    """A result that people at a place notice: a column of their building or of their zone."""

    column: str
    layer: str
    label: str
    unit: str
    better: str


QUANTITIES = (
    Quantity("energy_cost_eur_a", "buildings", "Energy bill of the building", "EUR/a", "lower"),
    Quantity("heating_kwh_a", "buildings", "Heat for its rooms", "kWh/a", "lower"),
    Quantity("pv_kwh_a", "buildings", "Electricity from its roof", "kWh/a", "higher"),
    Quantity("co2_kg_a", "buildings", "CO₂ of the building", "kg/a", "lower"),
    Quantity("lden_db", "buildings", "Road noise at the loudest façade", "dB", "lower"),
    Quantity("nox_ug_m3", "buildings", "NOx from nearby traffic", "µg/m³", "lower"),
    Quantity("mean_generalised_cost_min", "zones", "Time and money of a trip, mean of the zone", "min", "lower"),
)
_OF_ZONES = {q.column for q in QUANTITIES if q.layer == "zones"}


@dataclass(frozen=True)
class Place:
    """A building in every scenario.

    Attributes
    ----------
    building_id, name, zone_id, use : str
        The use in words, with that of the ground floor where it is another.
    results : DataFrame
        scenario, column, label, unit, better, baseline, value, difference, sd, outcome (better, worse, no change or not
        distinguishable); rows only of scenarios in which the building stands.
    done : DataFrame
        scenario, column, meaning, before, after: what measures do to the building.
    gone, new : tuple of str
        Scenarios in which the building is not there, or in which only it is.
    """

    building_id: str
    name: str
    zone_id: str
    use: str
    results: pd.DataFrame
    done: pd.DataFrame
    gone: tuple[str, ...]
    new: tuple[str, ...]


def find_building(run: Run, place: str) -> str:
    """Return the id of the building at a place: an id, a name or address, or ``longitude,latitude``.

    Raises
    ------
    DataError
        There is none, or several have that name.
    """
    import geopandas as gpd
    from shapely import Point

    buildings = pd.concat([run.layer(s, "buildings") for s in run.scenarios])
    buildings = buildings[~buildings.index.duplicated()]
    if place in buildings.index:
        return place
    if position := _POSITION.match(place):
        at = gpd.GeoSeries([Point(*map(float, position.groups()))], crs="EPSG:4326").to_crs(buildings.crs)
        distance = buildings.distance(at.iloc[0])
        if not np.isfinite(distance).any() or distance.min() > NEAREST_M:
            raise DataError(f"no building within {NEAREST_M:g} m of {place}", expected="longitude,latitude in the city")
        return str(distance.idxmin())
    names = buildings["name"].astype(str) if "name" in buildings.columns else pd.Series("", index=buildings.index)
    wanted = place.strip().casefold()
    known = names.str.casefold()
    found = names[known == wanted] if (known == wanted).any() else names[known.str.contains(wanted, regex=False)]
    if len(found) == 1:
        return str(found.index[0])
    if len(found) == 0 or not wanted:
        remedy = "give an id, a name or address of the city model, or longitude,latitude"
        raise DataError(f"no building is called {place[:100]!r}", remedy=remedy)
    some = "; ".join(f"{name} ({key})" for key, name in found.head(MOST_NAMED).items())
    raise DataError(f"{len(found)} buildings fit {place!r}: {some}", remedy="give the whole name, or the id")


def place_of(run: Run, building_id: str) -> Place:
    """Return what the run says of a building.

    Raises
    ------
    DataError
        No scenario has it.
    """
    layers = {s: run.layer(s, "buildings") for s in run.scenarios}
    holding = [s for s, layer in layers.items() if building_id in layer.index]
    if not holding:
        raise DataError(f"no building {building_id!r} in this run")
    first = layers[holding[0]].loc[building_id]
    zone = str(first["zone_id"])
    results: list[dict[str, Any]] = []
    done: list[dict[str, Any]] = []
    if BASELINE in holding:
        for scenario in (s for s in holding if s != BASELINE):
            results += _results(run, scenario, building_id, zone, layers)
            done += _done(scenario, first, layers[scenario].loc[building_id])
    return Place(
        building_id,
        str(first.get("name", "")),
        zone,
        _use_of(layers[holding[0]].loc[[building_id]]),
        pd.DataFrame(results, columns=RESULT_COLUMNS),
        pd.DataFrame(done, columns=["scenario", "column", "meaning", "before", "after"]),
        tuple(s for s in run.scenarios if s not in holding) if BASELINE in holding else (),
        tuple(holding) if BASELINE not in holding else (),
    )


def _use_of(building: gpd.GeoDataFrame) -> str:
    """Return the use of one building in words; runs of earlier versions do not say what is on the ground floor."""
    words = [str(building["use"].iloc[0])]
    if "ground_floor_use" in building and is_mixed(building)[0]:
        words.append(f"{building['ground_floor_use'].iloc[0]} on the ground floor")
    return ", ".join(words).replace("_", " ")


def _results(run: Run, scenario: str, building_id: str, zone: str, layers: dict[str, Any]) -> list[dict[str, Any]]:
    noise = run.noise(scenario).set_index(["layer", "id", "quantity"])["sd"]
    zones = {s: run.layer(s, "zones") for s in (BASELINE, scenario)}
    rows: list[dict[str, Any]] = []
    for q in QUANTITIES:
        key = building_id if q.layer == "buildings" else zone
        before, after = (
            (layers[s] if q.layer == "buildings" else zones[s]).reindex([key]).get(q.column)
            for s in (BASELINE, scenario)
        )
        if before is None or after is None or not np.isfinite([before.iloc[0], after.iloc[0]]).all():
            continue
        old, new = float(before.iloc[0]), float(after.iloc[0])
        sd = float(noise.get((q.layer, key, q.column), np.nan))
        row = {"scenario": scenario, "column": q.column, "label": q.label, "unit": q.unit, "better": q.better}
        numbers = {"baseline": old, "value": new, "difference": new - old, "sd": sd}
        rows.append({**row, **numbers, "outcome": _outcome(new - old, sd, q.better)})
    return rows


def _outcome(difference: float, sd: float, better: str) -> str:
    if difference == 0.0:
        return NO_CHANGE
    if bool(is_noise(np.array([difference]), np.array([sd]))[0]):
        return NOT_DISTINGUISHABLE
    return BETTER if (difference < 0.0) == (better == "lower") else WORSE


def _done(scenario: str, before: pd.Series, after: pd.Series) -> list[dict[str, Any]]:
    """Return the columns of the city model that a scenario changes at a building."""
    rows = []
    for column in BUILDINGS.columns:
        name = column.name
        if name in _STATE or name not in before.index or name not in after.index or before[name] == after[name]:
            continue
        row = {"scenario": scenario, "column": name, "meaning": column.meaning}
        rows.append(row | {"before": before[name], "after": after[name]})
    return rows


def place_figures(place: Place, labels: dict[str, str]) -> dict[str, Figure]:
    """Return the numbers of a place by reference: ``place/<scenario>/<column>/difference``."""
    found = {}
    units = {column.name: column.unit for column in BUILDINGS.columns}
    for row in place.results.to_dict("records"):
        where = f"zone {place.zone_id}" if row["column"] in _OF_ZONES else f"building {place.building_id}"
        for part in ("baseline", "value", "difference"):
            label = labels[BASELINE if part == "baseline" else row["scenario"]]
            against = f" against {labels[BASELINE]}" if part == "difference" else ""
            found[f"place/{row['scenario']}/{row['column']}/{part}"] = Figure(
                float(row[part]), str(row["unit"]), f"{row['column']} of {where}, {label}{against}",
                difference=part == "difference", verdict=str(row["outcome"]) if part == "difference" else "",
            )  # fmt: skip
    for row in place.done.to_dict("records"):
        for part in ("before", "after"):
            if isinstance(row[part], int | float) and not isinstance(row[part], bool):
                unit = units[row["column"]]
                is_share = row["column"].endswith("share")
                found[f"place/{row['scenario']}/{row['column']}/{part}"] = Figure(
                    float(row[part]), SHARE if is_share else PLAIN if unit == "-" else unit,
                    f"{row['column']} of building {place.building_id} in the city model",
                )  # fmt: skip
    return found
