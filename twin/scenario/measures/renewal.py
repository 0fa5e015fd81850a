"""Packages of renewal: what each step costs and saves in each building, and carrying the chosen steps out."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from twin.city.model import City
from twin.city.schema import ELEMENTS, LEVELS
from twin.city.upgrades import element_levels, format_upgrades, parse_upgrades
from twin.energy.costs import upgrade_cost_eur
from twin.scenario.heat_estimate import HeatEstimate
from twin.scenario.measures.base import checked
from twin.scenario.measures.participation import chances, with_buildings

Ranking = Literal["cost_per_kwh", "worst_first", "random"]
RANKINGS: dict[str, str] = {
    "cost_per_kwh": "least cost per kWh saved first",
    "worst_first": "most heat per floor area first",
    "random": "in random order",
}
LEAST_GAIN = 0.05
"""A step that improves the U-value of an element by less than this share is not done (assumption)."""


def _once(package: list[str]) -> list[str]:
    elements = [step.partition(":")[0] for step in package]
    if len(set(elements)) != len(elements):
        raise PydanticCustomError("twin", "the package names an element twice", {"expected": "each element once"})
    return package


Step = Annotated[str, checked(parse_upgrades)]
Package = Annotated[list[Step], Field(min_length=1, max_length=len(ELEMENTS)), AfterValidator(_once)]


def works(city: City, mask: NDArray[np.bool_], package: list[str]) -> pd.DataFrame:
    """Return the steps of a package that save heat in the selected buildings, each on top of those before it.

    Returns
    -------
    DataFrame
        One row per building and step: `row` (place of the building), `building_id`, `step` (place in the package),
        `cost_eur`, `saving_kwh_a` (`twin.scenario.heat_estimate`), `floor_area_m2`; `heat_kwh_m2` of the building
        before. Ordered by building, then step.
    """
    estimate, buildings = HeatEstimate(city), city.buildings
    area = buildings["floor_area_m2"].to_numpy(np.float64)
    first = before = estimate.heat_kwh_a(buildings)
    parts, current = [], buildings
    for number, text in enumerate(package):
        ((element, level),) = parse_upgrades(text).items()
        lacking = element_levels(current)[:, ELEMENTS.index(element)] < 1 + LEVELS.index(level)
        done = _renewed(current, mask & (area > 0.0) & lacking, {element: level})
        after = estimate.heat_kwh_a(done)
        useful = (after < before) & estimate.improved(current, done, element, LEAST_GAIN)
        current = _renewed(current, useful, {element: level})
        rows = np.flatnonzero(useful)
        part = pd.DataFrame({"row": rows, "building_id": buildings.index[rows], "step": number})
        cost = upgrade_cost_eur(buildings.iloc[rows], element, level).to_numpy(np.float64)
        parts.append(part.assign(cost_eur=cost, saving_kwh_a=(before - after)[rows]))
        before = np.where(useful, after, before)
    table = pd.concat(parts, ignore_index=True).sort_values(["row", "step"], kind="stable", ignore_index=True)
    rows = table["row"].to_numpy()
    return table.assign(floor_area_m2=area[rows], heat_kwh_m2=first[rows] / area[rows])


def by_building(table: pd.DataFrame) -> pd.DataFrame:
    """Return the steps of `works` summed to one row per building, with `steps`, their places as a tuple."""
    columns = {"building_id": "first", "cost_eur": "sum", "saving_kwh_a": "sum"}
    kept = {"floor_area_m2": "first", "heat_kwh_m2": "first"}
    grouped = table.groupby("row", sort=True)
    return grouped.agg(columns | kept).assign(steps=grouped["step"].agg(tuple)).reset_index()


def ranked(jobs: pd.DataFrame, ranking: Ranking, city: City, seed: int) -> pd.DataFrame:
    """Return jobs (rows of `works` or `by_building`) with their `score`, the best first; equals by id."""
    if ranking == "cost_per_kwh":
        score = jobs["cost_eur"] / jobs["saving_kwh_a"]
        order = score
    elif ranking == "worst_first":
        score = jobs["heat_kwh_m2"]
        order = -score
    else:
        score = order = pd.Series(chances(city.buildings.iloc[jobs["row"]], "renewal", seed), index=jobs.index)
    sorted_jobs = jobs.assign(score=score, order=order).sort_values(["order", "building_id"], kind="stable")
    return sorted_jobs.drop(columns="order").reset_index(drop=True)


def carried_out(city: City, chosen: pd.DataFrame, package: list[str]) -> City:
    """Return the city with the steps of some rows of `works` done; the very same city where there are none."""
    buildings = city.buildings
    for step in sorted(set(chosen["step"])):
        mask = np.zeros(len(buildings), bool)
        mask[chosen.loc[chosen["step"] == step, "row"].to_numpy()] = True
        buildings = _renewed(buildings, mask, parse_upgrades(package[step]))
    changed = (buildings["upgrades"] != city.buildings["upgrades"]).to_numpy()
    return with_buildings(city, "upgrades", changed, buildings.loc[changed, "upgrades"])


def _renewed(buildings: pd.DataFrame, mask: NDArray[np.bool_], levels: dict[str, str]) -> pd.DataFrame:
    """Return buildings with the elements of some renewed, in the column `upgrades`."""
    texts = buildings.loc[mask, "upgrades"]
    new = texts.map({text: format_upgrades(parse_upgrades(text) | levels) for text in texts.unique()})
    return buildings.assign(upgrades=buildings["upgrades"].where(~mask, new.reindex(buildings.index)))
