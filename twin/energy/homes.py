"""A library of home-years that the residential buildings of a city share, and how a building picks from it.

Homes are simulated once (`twin.kernels.energy.household`) and put into one table, first the homes one by one, then
disjoint groups of 8 and of 64 homes summed. A building of 137 homes takes two groups of 64, one of 8 and one home,
drawn by its id: the work stays small and the peaks are those of 137 homes that live on their own.

A finite library would carry its own chance into the sum of a whole city. So all homes get the same energy in the year
(how much a building uses is said elsewhere), and each hour of all homes is multiplied such that their mean follows its
smoothed course; draws from the library then scatter around that course like draws from infinitely many homes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import twin.kernels.energy  # noqa: F401  (registers the kernels)
from twin.city.rules import M2_PER_RESIDENT
from twin.kernels import registry
from twin.kernels.energy.household_contract import MOST_RESIDENTS
from twin.random import entity_keys, stream_key, uniform, uniform_at

HOMES = 512
GROUPS = (64, 8, 1)
"""Homes that a row of the table holds, from the largest; each divides the one before, and the first divides `HOMES`."""
LIGHTING_SHARE = 0.15
"""Lighting over all electricity of a home (assumption; national surveys give a tenth to a fifth)."""
SMOOTHING_DAYS = 28  # to either side, days of the same kind

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Homes:
    """The table of home-years: rows are groups of homes in the order of `GROUPS`, largest first.

    `electricity` (appliances and lighting) and `hot_water` are float32 (rows, 8760), relative to the mean of a home;
    `electricity_year` and `hot_water_year` are their sums, float64 (rows,). `present` float64 (8760,) is the share of
    residents at home.
    """

    electricity: NDArray[np.float32]
    hot_water: NDArray[np.float32]
    electricity_year: Floats
    hot_water_year: Floats
    present: Floats

    @property
    def electricity_course(self) -> Floats:
        """Mean home over the year's mean, float64 (8760,)."""
        return _course(self.electricity[: HOMES // GROUPS[0]])

    @property
    def hot_water_course(self) -> Floats:
        """Mean home over the year's mean, float64 (8760,)."""
        return _course(self.hot_water[: HOMES // GROUPS[0]])


def home_years(seed: int, persons_per_home: float, daylight_w_m2: Floats, variant: str = "numba") -> Homes:
    """Return the library for a seed, a mean size of households and the global horizontal irradiance of a year.

    It is kept while the arguments stay, so that blocks of buildings and scenarios share it.
    """
    return _home_years(seed, float(persons_per_home), np.asarray(daylight_w_m2, np.float64).tobytes(), variant)


@lru_cache(maxsize=2)
def _home_years(seed: int, persons_per_home: float, daylight: bytes, variant: str) -> Homes:
    keys = entity_keys(f"home/{i}" for i in range(HOMES))
    residents = household_sizes(uniform(seed, "energy.household_size", keys)[:, 0], persons_per_home)
    words = np.array(stream_key(seed, "energy.household"), np.uint64)
    present, power, light, water = registry.get("energy.household", variant)(
        keys, residents, words, 0, np.frombuffer(daylight, np.float64).copy()
    )
    light *= np.float32(LIGHTING_SHARE / (1.0 - LIGHTING_SHARE) * power.mean(dtype=float) / light.mean(dtype=float))
    mean = power.mean(axis=1, dtype=np.float64) + light.mean(axis=1, dtype=np.float64)
    for part in (power, light):
        part /= mean.astype(np.float32)[:, None]
    water /= water.mean(axis=1, dtype=np.float64).astype(np.float32)[:, None]
    centre(power)
    centre(water)
    power += light  # follows the light of each day, which is not chance
    electricity, litres = grouped(power), grouped(water)
    return Homes(
        electricity,
        litres,
        electricity.sum(axis=1, dtype=np.float64),
        litres.sum(axis=1, dtype=np.float64),
        present.sum(axis=0, dtype=np.float64) / residents.sum(),
    )


def household_sizes(u: Floats, mean: float) -> NDArray[np.int64]:
    """Return residents of homes from quantiles: one and a Poisson number more, at most `MOST_RESIDENTS`.

    Jennings, Lloyd-Smith and Ironmonger 1999 (J. Australian Population Association 16) find that household sizes less
    one are close to a Poisson distribution (as recalled).
    """
    more = mean - 1.0
    terms = np.cumprod(np.concatenate([[np.exp(-more)], more / np.arange(1.0, MOST_RESIDENTS - 1.0)]))
    return np.asarray(1 + np.searchsorted(np.cumsum(terms), u, side="right"), np.int64)


def centre(load: NDArray[np.float32]) -> None:
    """Multiply each hour of all rows such that their mean follows its course smoothed over days of the same kind."""
    daily = load.mean(axis=0, dtype=np.float64).reshape(-1, 24)
    days = len(daily)
    day = np.arange(days)
    kind = np.maximum(day % 7 - 4, 0)  # working day, Saturday, Sunday
    apart = np.abs(day[:, None] - day[None, :])
    near = (np.minimum(apart, days - apart) <= SMOOTHING_DAYS) & (kind[:, None] == kind[None, :])
    smooth = (near @ daily) / near.sum(axis=1, keepdims=True)
    load *= np.divide(smooth, daily, out=np.ones_like(daily), where=daily > 0.0).ravel().astype(np.float32)


def grouped(single: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows of the table: sums of disjoint groups in the order of `GROUPS`; the last are the single rows."""
    parts = [single.reshape(-1, size, single.shape[1]).sum(axis=1) for size in GROUPS]
    return np.concatenate(parts)


def home_counts(buildings: pd.DataFrame, persons_per_home: float) -> NDArray[np.int64]:
    """Return the homes in each building, at least one where the use is residential and none elsewhere, int64 (n,).

    Where a residential building has no residents its floor area says how many would live there.
    """
    persons = buildings["population"].to_numpy(np.float64)
    guess = buildings["floor_area_m2"].to_numpy(np.float64) / M2_PER_RESIDENT
    homes = np.maximum(np.rint(np.where(persons > 0.0, persons, guess) / persons_per_home), 1.0)
    return np.where((buildings["use"] == "residential").to_numpy(), homes, 0.0).astype(np.int64)


def pick_rows(
    keys: NDArray[np.uint64], counts: NDArray[np.int64], *, seed: int, model: str, draw: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw the rows of a grouped table that make up each building.

    Parameters
    ----------
    keys : uint64 (n,)
        Of the buildings.
    counts : int64 (n,)
        Homes (or cars) of each.
    seed, model, draw
        Of the random numbers.

    Returns
    -------
    first : int64 (n + 1,)
        Building i has the picks first[i] … first[i + 1].
    row : int64 (m,)
    """
    taken = np.stack([counts // GROUPS[0], counts % GROUPS[0] // GROUPS[1], counts % GROUPS[1]], axis=1)
    first = np.concatenate([[0], np.cumsum(taken.sum(axis=1))]).astype(np.int64)
    owner = np.repeat(np.arange(len(counts)), taken.sum(axis=1))
    level = np.repeat(np.tile(np.arange(len(GROUPS)), len(counts)), taken.ravel())
    block = np.concatenate([[0], np.cumsum(taken.ravel())])[:-1]
    within = np.arange(first[-1]) - np.repeat(block, taken.ravel())
    # another level is another stretch of the building's sequence: a home more leaves the other picks where they were
    u = uniform_at(stream_key(seed, model), keys[owner], draw, 1, within + (level << 24))[:, 0]
    rows = np.array([HOMES // size for size in GROUPS])
    start = np.concatenate([[0], np.cumsum(rows)])[:-1]
    return first, start[level] + (u * rows[level]).astype(np.int64)


def _course(rows: NDArray[np.float32]) -> Floats:
    mean = rows.mean(axis=0, dtype=np.float64)
    return np.asarray(mean / mean.mean())
