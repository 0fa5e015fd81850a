"""Homes as people live in them, one home after the other through the year: see `twin.kernels.energy.household`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy import household_contract as c
from twin.kernels.energy.counter import pair
from twin.kernels.jit import njit
from twin.kernels.registry import variant
from twin.kernels.threads import over_threads

Floats = NDArray[np.float64]

EFFECTIVE, MOST = c.EFFECTIVE, c.MOST_RESIDENTS
STATIC_STEPS, DAY_STEPS, EVENT_STEPS, HOUR_STEPS = c.STATIC_STEPS, c.DAY_STEPS, c.EVENT_STEPS, c.HOUR_STEPS
MEAL, SNACK, WASHING, DISHES = c.MEAL, c.SNACK, c.WASHING, c.DISHES
SCREENS, SMALL, SHOWER, TAPS = c.SCREENS, c.SMALL, c.SHOWER, c.TAPS
DARK, SHOWER_L, SHOWERS_DAY, TAP_L = c.DARK_BELOW_W_M2, c.SHOWER_L, c.SHOWERS_DAY, c.TAP_L
BASE_W, BASE_W_RESIDENT, SCREENS_W, LAMPS_W = c.BASE_W, c.BASE_W_RESIDENT, c.SCREENS_W, c.LAMPS_W
LUMPS_H, LUMP_WH, MEAL_WH, WORKERS, NIGHT_AWAKE = c.LUMPS_H, c.LUMP_WH, c.MEAL_WH, c.WORKERS, c.NIGHT_AWAKE
TAPS_H, TAPS_H_RESIDENT = c.TAPS_H, c.TAPS_H_RESIDENT
BATH_L, BATHS_DAY, BATH_OWNERS, WITHIN = c.BATH_L, c.BATHS_DAY, c.BATH_OWNERS, c.WITHIN


@njit(cache=True)
def _tri(u: float) -> float:
    if u < 0.5:
        return math.sqrt(2.0 * u) - 1.0
    return 1.0 - math.sqrt(2.0 * (1.0 - u))


@njit(cache=True)
def _live(u: Floats, worker: bool, rhythm: float, weekday: int, awake: Floats, present: Floats) -> None:
    """Add one resident's day."""
    goes = worker and u[1] < (0.85 if weekday < 5 else 0.10)
    weekend = weekday == 4 or weekday == 5
    bed = 23.2 + 0.5 * rhythm + 1.8 * _tri(u[5]) + (0.7 if weekend else 0.0)
    late = max(bed - 24.0, 0.0)
    if goes:
        wake = 6.5 + 0.7 * rhythm + 1.2 * _tri(u[0])
        leave = wake + 0.6 + 1.2 * u[2]
        back = leave + (9.0 + 2.5 * _tri(u[3]))
    else:
        wake = 8.0 + rhythm + 1.5 * _tri(u[0])
        leave = max(wake + 0.5, 10.0 + 8.0 * u[2])
        back = leave + (0.5 + 5.0 * u[3] * u[3])
    if goes or u[6] < 0.75:
        leave, back = min(leave, bed), min(back, bed)
    else:
        leave, back = wake, wake
    again, home = bed, bed
    if u[4] < (0.35 if weekend else 0.2):
        again = min(max(back, 17.0) + 1.0, bed)
        home = min(again + 1.0 + 3.0 * u[7], bed)
    for h in range(24):
        up = max(0.0, min(late, h + 1.0) - h) + max(0.0, min(leave, h + 1.0) - max(wake, h))
        up = up + max(0.0, min(again, h + 1.0) - max(back, h)) + max(0.0, min(bed, h + 1.0) - max(home, h))
        asleep = max(0.0, min(wake, h + 1.0) - max(late, h)) + max(0.0, 1.0 + h - max(bed, h))
        awake[h] += up
        present[h] += up + asleep


@njit(cache=True)
def _moment(u: float, rhythm: Floats, eff: Floats) -> float:
    """Draw a time of the day in proportion to rhythm and residents awake; negative when nobody is."""
    total = 0.0
    for h in range(24):
        total += rhythm[h] * eff[h]
    if not total > 0.0:
        return -1.0
    target, below = u * total, 0.0
    for h in range(24):
        here = rhythm[h] * eff[h]
        below += here
        if below > target or h == 23:
            place = (target - (below - here)) / here if here > 0.0 else 0.0
            return h + min(max(place, 0.0), WITHIN)
    return -1.0


@njit(cache=True)
def _spread(load: Floats, first: int, start: float, hours: float, power: float) -> None:
    begin = int(start)
    for t in range(begin, min(begin + 4, load.size - first)):
        load[first + t] += power * max(0.0, min(start + hours, t + 1.0) - max(start, float(t)))


@njit(cache=True)
def _day(
    day: int, u: Floats, s: Floats, residents: int, daylight_w_m2: Floats, buffers: Floats, awake: Floats, eff: Floats
) -> None:
    """Live one day: `u` are its numbers, `s` those of the home; adds to the rows of `buffers`."""
    present, power, light, water = buffers[0], buffers[1], buffers[2], buffers[3]
    first = 24 * day
    habit, thirst = 1.0 + 0.8 * _tri(s[7]), 1.0 + 0.5 * _tri(s[19])
    base = (BASE_W + BASE_W_RESIDENT * residents) * (1.0 + 0.5 * _tri(s[0]))
    screens, lamps = SCREENS_W * (1.0 + 0.6 * _tri(s[1])), LAMPS_W * (1.0 + 0.5 * _tri(s[18]))
    threshold, holiday = DARK * (1.0 + 0.4 * _tri(s[5])), 150.0 + 65.0 * s[6]
    awake[:] = 0.0
    if not (day >= holiday and day < holiday + 14.0):
        for p in range(residents):
            own = u[10 * p : 10 * p + 10]
            _live(own, s[8 + 2 * p] < WORKERS, _tri(s[9 + 2 * p]), day % 7, awake, present[first : first + 24])
    for h in range(24):
        below = min(int(awake[h]), MOST - 1)
        eff[h] = EFFECTIVE[below] + (awake[h] - below) * (EFFECTIVE[below + 1] - EFFECTIVE[below])
        dark = min(max(1.5 - daylight_w_m2[first + h] / threshold, 0.0), 1.0)
        light[first + h] = lamps * habit * eff[h] * dark
        lumps = math.floor(LUMPS_H * SMALL[h] * eff[h] + u[2 * (HOUR_STEPS + h)])
        power[first + h] += habit * (base + screens * SCREENS[h] * eff[h] + LUMP_WH * lumps)
        up = min(awake[h] + NIGHT_AWAKE * (present[first + h] - awake[h]), 1.0)
        rate = (TAPS_H + TAPS_H_RESIDENT * residents) * TAPS[h] * up * thirst
        water[first + h] += TAP_L * math.floor(rate + u[2 * (HOUR_STEPS + h) + 1])

    e = u[2 * EVENT_STEPS : 2 * EVENT_STEPS + 20]
    if e[0] < 0.85:
        at = _moment(e[1], MEAL, eff)
        if at >= 0.0:
            energy = (MEAL_WH + 0.6 * MEAL_WH * _tri(e[2])) * (0.7 + 0.15 * residents) * habit
            _spread(power, first, at, 0.75, energy / 0.75)
    if e[3] < 0.60:
        at = _moment(e[4], SNACK, eff)
        if at >= 0.0:
            _spread(power, first, at, 0.5, (350.0 + 250.0 * _tri(e[5])) * habit / 0.5)
    if e[6] < 0.15 + 0.1 * residents:
        at = _moment(e[7], WASHING, eff)
        if at >= 0.0:
            _spread(power, first, at, 1.5, (700.0 + 300.0 * _tri(e[8])) * habit / 1.5)
            if s[2] < 0.35:
                _spread(power, first, at + 1.5, 1.0, (1800.0 + 600.0 * _tri(e[9])) * habit)
    if s[3] < 0.6 and e[10] < 0.25 + 0.15 * residents:
        at = _moment(e[11], DISHES, eff)
        if at >= 0.0:
            _spread(power, first, at, 1.5, (1000.0 + 250.0 * _tri(e[12])) * habit / 1.5)
    if s[4] < BATH_OWNERS and e[13] < BATHS_DAY:
        at = _moment(e[14], SHOWER, eff)
        if at >= 0.0:
            water[first + min(int(at), 23)] += BATH_L * (1.0 + 0.2 * _tri(e[13] / BATHS_DAY))
    for p in range(residents):
        if u[10 * p + 8] < SHOWERS_DAY:
            at = _moment(u[10 * p + 9], SHOWER, eff)
            if at >= 0.0:
                litres = SHOWER_L * (1.0 + 0.5 * _tri(u[10 * p + 8] / SHOWERS_DAY)) * thirst
                water[first + min(int(at), 23)] += litres


@njit(cache=True)
def _home(key: np.uint64, residents: int, stream: NDArray[np.uint64], draw: np.uint64, daylight_w_m2: Floats) -> Floats:
    """Return presence, appliances, lighting and hot water of one home, float64 (4, t)."""
    buffers = np.zeros((4, daylight_w_m2.size))
    s, u = np.empty(2 * STATIC_STEPS), np.empty(2 * DAY_STEPS)
    awake, eff = np.empty(24), np.empty(24)
    for k in range(STATIC_STEPS):
        s[2 * k], s[2 * k + 1] = pair(key, stream[0], stream[1], draw, np.uint64(k))
    for day in range(daylight_w_m2.size // 24):
        step = STATIC_STEPS + DAY_STEPS * day
        for k in range(DAY_STEPS):
            if k >= 5 * residents and k < EVENT_STEPS:
                continue  # residents that this home does not have
            u[2 * k], u[2 * k + 1] = pair(key, stream[0], stream[1], draw, np.uint64(step + k))
        _day(day, u, s, residents, daylight_w_m2, buffers, awake, eff)
    return buffers


@over_threads
@njit(cache=True, nogil=True)
def _homes(
    begin: int,
    end: int,
    keys: NDArray[np.uint64],
    residents: NDArray[np.int64],
    stream: NDArray[np.uint64],
    draw: np.uint64,
    daylight_w_m2: Floats,
    out: tuple[NDArray[np.float32], ...],
) -> None:
    present, power, light, water = out
    for i in range(begin, end):
        rows = _home(keys[i], residents[i], stream, draw, daylight_w_m2)
        present[i], power[i], light[i], water[i] = rows[0], rows[1], rows[2], rows[3]


def fast(
    keys: NDArray[np.uint64], residents: NDArray[np.int64], stream: NDArray[np.uint64], draw: int, daylight_w_m2: Floats
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Live through the year, homes in parallel. See `twin.kernels.energy.household.reference`."""
    n, hours = keys.size, daylight_w_m2.size
    present, power = np.empty((n, hours), np.float32), np.empty((n, hours), np.float32)
    light, water = np.empty((n, hours), np.float32), np.empty((n, hours), np.float32)
    _homes(n, keys, residents, stream, np.uint64(draw), daylight_w_m2, (present, power, light, water))
    return present, power, light, water


variant("energy.household", "numba")(fast)
