"""Electricity, hot water and home charging of buildings, hour by hour.

Homes live their own lives (`twin.energy.homes`): the energy of a year follows floor area and use as everywhere, when
it is needed follows the homes that a building has drawn by its id. Other uses follow their profiles.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.model import HOURS
from twin.city.schema import BUILDING_USES
from twin.energy.homes import Homes, home_counts, home_years, pick_rows
from twin.energy.parameters import EnergyParameters
from twin.energy.profiles import Profiles
from twin.energy.vehicles import car_years
from twin.kernels import registry
from twin.random import entity_keys

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Entries = tuple[tuple[NDArray[np.int64], Floats], ...]
Picks = tuple[NDArray[np.int64], NDArray[np.int64]]
RESIDENTIAL = BUILDING_USES.index("residential")


@dataclass(frozen=True)
class Loads:
    """Loads of buildings in kW, float32 (n, 8760).

    `appliances_kw` holds appliances, lighting and fans; `hot_water_kw` heat with circulation losses; `vehicles_kw` the
    charging of electric cars as they come home.
    """

    appliances_kw: Singles
    hot_water_kw: Singles
    vehicles_kw: Singles


def lived_in(profiles: Profiles, homes: Homes) -> Profiles:
    """Return the profiles with the mean home of the library as the residential use; the means of the year stay."""
    rows = {f.name: getattr(profiles, f.name).copy() for f in fields(profiles)}
    present = homes.present / homes.present.mean()
    rows["people_w_m2"][RESIDENTIAL] = rows["people_w_m2"][RESIDENTIAL].mean() * present
    rows["electricity_w_m2"][RESIDENTIAL] = rows["electricity_w_m2"][RESIDENTIAL].mean() * homes.electricity_course
    rows["hot_water"][RESIDENTIAL] = homes.hot_water_course / HOURS
    return replace(profiles, **rows)


def building_loads(
    buildings: pd.DataFrame,
    profiles: Profiles,
    parameters: EnergyParameters,
    *,
    seed: int,
    draw: int = 0,
    appliance_scale: Floats,
    tapped_kwh: Floats,
    fan_kw: Floats,
    temperature_c: Floats,
    daylight_w_m2: Floats,
    variant: str = "numba",
) -> Loads:
    """Return the loads of a block of buildings.

    Parameters
    ----------
    buildings : DataFrame
        With ``use``, ``floor_area_m2``, ``population`` and ``electric_cars``.
    profiles : Profiles
        Of homes only the mean of the electricity counts.
    parameters : EnergyParameters
    seed, draw : int
        The homes and cars of the library belong to the seed; which of them a building has, to seed, draw and its id.
    appliance_scale : float64 (n,)
        What multiplies the profile of appliances and lighting in W/m² to give the building's kW.
    tapped_kwh : float64 (n,)
        Hot water drawn in the year, without the losses of circulation.
    fan_kw : float64 (n,)
        Power of the fans at full flow.
    temperature_c, daylight_w_m2 : float64 (8760,)
        Outdoor air and global horizontal irradiance.
    variant : str
        Kernel variant.
    """
    use = np.asarray(buildings["use"].map({name: i for i, name in enumerate(BUILDING_USES)}), np.int64)
    at_home = use == RESIDENTIAL
    keys = entity_keys(buildings.index)
    homes = home_years(seed, parameters.persons_per_home, daylight_w_m2, variant)
    counts = home_counts(buildings, parameters.persons_per_home)
    picks = pick_rows(keys, counts, seed=seed, model="energy.homes", draw=draw)
    mix = registry.get("energy.load_mix", variant)

    electricity_kwh = profiles.electricity_w_m2.sum(axis=1)[use] * appliance_scale
    tables = np.concatenate([profiles.electricity_w_m2, profiles.air_flow]).astype(np.float32)
    extra: Entries = ((use, np.where(at_home, 0.0, appliance_scale)), (len(profiles.air_flow) + use, fan_kw))
    appliances = mix(homes.electricity, tables, *_entries(picks, homes.electricity_year, electricity_kwh, extra))

    tables = np.concatenate([profiles.hot_water, np.full((1, HOURS), 1.0 / HOURS)]).astype(np.float32)
    losses = (np.full(len(use), len(profiles.hot_water)), tapped_kwh * parameters.hot_water_loss_share)
    extra = ((use, np.where(at_home, 0.0, tapped_kwh)), losses)
    hot_water = mix(homes.hot_water, tables, *_entries(picks, homes.hot_water_year, tapped_kwh, extra))
    return Loads(appliances, hot_water, _vehicles(buildings, keys, parameters, temperature_c, seed, draw, variant))


def _entries(
    picks: Picks,
    year: Floats,
    energy: Floats,
    extra: Entries,
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return first, row and weight of the kernel: homes that add up to the energy, and one row for each `extra`."""
    first, row = picks
    owner = np.repeat(np.arange(len(energy)), np.diff(first))
    drawn = np.bincount(owner, weights=year[row], minlength=len(energy))
    scale = np.divide(energy, drawn, out=np.zeros_like(energy), where=drawn > 0.0)
    more = len(extra)
    starts = first + more * np.arange(len(first))
    rows, weights = np.empty(starts[-1], np.int64), np.empty(starts[-1])
    at = np.arange(len(row)) + more * owner
    rows[at], weights[at] = row, scale[owner]
    for k, (table_row, weight) in enumerate(extra):
        at = starts[1:] - more + k
        rows[at], weights[at] = len(year) + table_row, weight
    return starts, rows, weights


def _vehicles(
    buildings: pd.DataFrame,
    keys: NDArray[np.uint64],
    parameters: EnergyParameters,
    temperature_c: Floats,
    seed: int,
    draw: int,
    variant: str,
) -> Singles:
    """Return the charging of cars; a fraction of a car is a whole one at that fraction of its power."""
    cars = buildings["electric_cars"].to_numpy(np.float64)
    if not cars.any():
        return np.zeros((len(buildings), HOURS), np.float32)
    counts = np.ceil(cars).astype(np.int64)
    library = car_years(seed, parameters.home_charger_kw, parameters.car_home_kwh_a, temperature_c)
    first, row = pick_rows(keys, counts, seed=seed, model="energy.cars", draw=draw)
    share = np.divide(cars, counts, out=np.zeros_like(cars), where=counts > 0)
    weight = np.repeat(share, np.diff(first))
    none = np.zeros((0, HOURS), np.float32)
    return np.asarray(registry.get("energy.load_mix", variant)(library, none, first, row, weight))
