"""Electric cars charged at home: a library of car-years, in the same groups as the homes of `twin.energy.homes`.

A car is used on most days, comes home in the afternoon, and is plugged in when it has used up the share of its range
at which its owner does so, or more than half of it. It then charges at the power of the home's charger until what was
driven since the last time has been replaced. Cold days cost more per kilometre.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from twin.city.model import HOURS
from twin.energy.homes import HOMES, grouped
from twin.random import entity_keys, uniform

DAYS = HOURS // 24
USED = np.array([0.80, 0.80, 0.80, 0.80, 0.80, 0.65, 0.55])
"""Share of cars used on each day of the week (assumption; Mobilität in Deutschland 2017 finds about 60 % of all cars
moving on a mean day, and electric cars are used more)."""
COLD_BELOW_C, PER_KELVIN = 20.0, 0.011
"""Consumption rises by this share per kelvin below (assumption, about a third more at −10 °C)."""
RANGE_KWH = 50.0
_STEPS = 6  # numbers of a day

Floats = NDArray[np.float64]


def car_years(
    seed: int, charger_kw: float, home_kwh_a: float, temperature_c: Floats, draw: int = 0
) -> NDArray[np.float32]:
    """Return the charging of cars at home in kW, float32 (rows, 8760), rows as `twin.energy.homes.grouped` makes them.

    Parameters
    ----------
    seed, draw : int
    charger_kw : float
    home_kwh_a : float
        Energy that a car takes at home in a year at mild temperatures, mean of all cars.
    temperature_c : float64 (8760,)
        Outdoor air.
    """
    temperature = np.asarray(temperature_c, np.float64).tobytes()
    return _car_years(seed, draw, float(charger_kw), float(home_kwh_a), temperature)


@lru_cache(maxsize=2)
def _car_years(seed: int, draw: int, charger_kw: float, home_kwh_a: float, temperature: bytes) -> NDArray[np.float32]:
    keys = entity_keys(f"car/{i}" for i in range(HOMES))
    own = uniform(seed, "energy.car", keys, draw, 4)
    days = uniform(seed, "energy.car_day", keys, draw, _STEPS * DAYS).reshape(HOMES, DAYS, _STEPS)
    weekday = np.arange(DAYS) % 7
    used = days[:, :, 0] < USED[weekday]
    daily = -np.log(days[:, :, 1]) * (0.5 + own[:, :1])  # exponential, some drive three times as much as others
    driven = np.where(used, daily, 0.0)
    driven *= home_kwh_a / driven.sum(axis=1).mean()
    daily_c = np.frombuffer(temperature, np.float64).reshape(DAYS, 24).mean(axis=1)
    driven *= 1.0 + PER_KELVIN * np.maximum(COLD_BELOW_C - daily_c, 0.0)

    # half come straight from work, the others are spread over afternoon and evening (assumption)
    work = (days[:, :, 2] < 0.5) & (weekday < 5)
    hour = np.where(work, 14.5 + 5.0 * days[:, :, 3], 10.0 + 6.5 * (days[:, :, 3] + days[:, :, 4]))
    plug_at = RANGE_KWH * (0.04 + 0.46 * own[:, 1] * own[:, 2])
    return grouped(_charge(driven, hour, used, plug_at, charger_kw))


def _charge(
    driven: Floats, hour: Floats, used: NDArray[np.bool_], plug_at: Floats, charger_kw: float
) -> NDArray[np.float32]:
    """Return the hourly power of cars that drive, come home at an hour and are plugged in when they need it."""
    cars = np.arange(len(driven))
    year = np.zeros((len(driven), HOURS))
    missing, busy_until = np.zeros(len(driven)), np.zeros(len(driven))
    for day in range(DAYS):
        missing = missing + driven[:, day]
        plugs = used[:, day] & (missing >= plug_at)
        start = np.maximum(24.0 * day + hour[:, day], busy_until)
        long = np.where(plugs, missing / charger_kw, 0.0)
        for k in range(int(np.ceil(long.max())) + 1):
            t = start.astype(np.int64) + k
            share = np.maximum(0.0, np.minimum(start + long, t + 1.0) - np.maximum(start, t))
            year[cars, t % HOURS] += charger_kw * share
        busy_until = np.where(plugs, start + long, busy_until)
        missing = np.where(plugs, 0.0, missing)
    # what is missing at the end of the year is charged in the last night, so that the year holds what was driven
    return _topped_up(year, missing, charger_kw).astype(np.float32)


def _topped_up(year: Floats, missing: Floats, charger_kw: float) -> Floats:
    """Charge what is missing from midnight backwards."""
    for t in range(HOURS - 1, HOURS - 1 - 48, -1):
        more = np.minimum(np.maximum(charger_kw - year[:, t], 0.0), missing)
        year[:, t] += more
        missing = missing - more
    return year
