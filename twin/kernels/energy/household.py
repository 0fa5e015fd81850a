"""Homes as people live in them: reference of the kernel family ``energy.household``, day by day, all homes at once.

Every resident has a day: gets up, goes to work or school or out for a while, comes back, may go out in the evening,
and goes to bed. While somebody is awake at home, meals are cooked, washing is done, screens and lamps are lit, and hot
water is drawn; each happens at an hour drawn in proportion to the residents who are awake and to the rhythm of the
thing. Two weeks in summer nobody is at home. Random numbers come from the counters of `twin.random`, so that a home
depends on its key alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy import household_contract as c
from twin.kernels.registry import variant
from twin.random import uniform_at

Floats = NDArray[np.float64]


def tri(u: Floats) -> Floats:
    """Return the symmetric triangular distribution over -1 … 1 at the quantile u."""
    low = np.sqrt(2.0 * np.minimum(u, 0.5)) - 1.0
    high = 1.0 - np.sqrt(2.0 * np.minimum(1.0 - u, 0.5))
    return np.where(u < 0.5, low, high)


def effective(awake: Floats) -> Floats:
    """Return how many residents light and screens serve, between the numbers of `EFFECTIVE`."""
    below = np.minimum(awake.astype(np.int64), len(c.EFFECTIVE) - 2)
    return c.EFFECTIVE[below] + (awake - below) * (c.EFFECTIVE[below + 1] - c.EFFECTIVE[below])


def _overlap(start: Floats, end: Floats) -> Floats:
    """Return the share of each hour between two times of the day, (n, 24)."""
    hour = np.arange(24)
    return np.maximum(0.0, np.minimum(end[:, None], hour + 1.0) - np.maximum(start[:, None], hour))


def _lives(static: Floats, u: Floats, residents: NDArray[np.int64], weekday: int) -> tuple[Floats, Floats]:
    """Return residents awake and residents present, (n, 24)."""
    awake, present = np.zeros((len(u), 24)), np.zeros((len(u), 24))
    for person in range(c.MOST_RESIDENTS):
        worker, rhythm = static[:, 8 + 2 * person] < c.WORKERS, tri(static[:, 9 + 2 * person])
        u_wake, u_goes, u_leave, u_long, u_evening, u_bed, u_out, u_stay = u[:, 10 * person : 10 * person + 8].T
        goes = worker & (u_goes < (0.85 if weekday < 5 else 0.10))
        out = goes | (u_out < 0.75)
        wake = np.where(goes, 6.5 + 0.7 * rhythm + 1.2 * tri(u_wake), 8.0 + rhythm + 1.5 * tri(u_wake))
        bed = 23.2 + 0.5 * rhythm + 1.8 * tri(u_bed) + (0.7 if weekday in (4, 5) else 0.0)
        late = np.maximum(bed - 24.0, 0.0)  # the day before went on as long
        leave = np.where(goes, wake + 0.6 + 1.2 * u_leave, np.maximum(wake + 0.5, 10.0 + 8.0 * u_leave))
        back = leave + np.where(goes, 9.0 + 2.5 * tri(u_long), 0.5 + 5.0 * u_long * u_long)
        leave, back = np.where(out, np.minimum(leave, bed), wake), np.where(out, np.minimum(back, bed), wake)
        evening = u_evening < (0.35 if weekday in (4, 5) else 0.2)
        again = np.where(evening, np.minimum(np.maximum(back, 17.0) + 1.0, bed), bed)
        home = np.where(evening, np.minimum(again + 1.0 + 3.0 * u_stay, bed), bed)
        counts = (residents > person)[:, None]
        up = _overlap(np.zeros(len(u)), late) + _overlap(wake, leave) + _overlap(back, again) + _overlap(home, bed)
        asleep = _overlap(late, wake) + _overlap(bed, np.full(len(u), 24.0))
        awake += np.where(counts, up, 0.0)
        present += np.where(counts, up + asleep, 0.0)
    return awake, present


def _moment(u: Floats, weights: Floats) -> tuple[NDArray[np.bool_], NDArray[np.int64], Floats]:
    """Draw a time in proportion to the weights (n, 24): whether there is one, its hour and its place in the hour."""
    below = np.cumsum(weights, axis=1)
    total = below[:, -1]
    target = u * total
    hour = np.minimum((below <= target[:, None]).sum(axis=1), 23)
    rows = np.arange(len(u))
    here = weights[rows, hour]
    before = below[rows, hour] - here
    place = np.where(here > 0.0, (target - before) / np.where(here > 0.0, here, 1.0), 0.0)
    return total > 0.0, hour, np.minimum(np.maximum(place, 0.0), c.WITHIN)


def _spread(load: Floats, first: int, start: Floats, hours: float, power: Floats) -> None:
    """Add a power over some hours from a time of the day that begins at column `first`; what passes the end is lost."""
    rows = np.arange(len(start))
    begin = start.astype(np.int64)
    for k in range(4):
        t = begin + k
        share = np.maximum(0.0, np.minimum(start + hours, t + 1.0) - np.maximum(start, t))
        inside = first + t < load.shape[1]
        load[rows[inside], (first + t)[inside]] += (power * share)[inside]


def reference(
    keys: NDArray[np.uint64], residents: NDArray[np.int64], stream: NDArray[np.uint64], draw: int, daylight_w_m2: Floats
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Live through the days.

    Parameters
    ----------
    keys : uint64 (n,)
        `twin.random.entity_keys` of the homes.
    residents : int64 (n,)
        1 … `MOST_RESIDENTS`.
    stream : uint64 (2,)
        `twin.random.stream_key` of seed and model.
    draw : int
    daylight_w_m2 : float64 (t,)
        Global horizontal irradiance; whole days from a Monday on.

    Returns
    -------
    present : float32 (n, t)
        Residents at home, mean of the hour.
    appliances_w, lighting_w : float32 (n, t)
    hot_water_l : float32 (n, t)
        Litres at 45 °C.
    """
    n, hours = len(keys), daylight_w_m2.size
    words = (int(stream[0]), int(stream[1]))
    static = uniform_at(words, keys, draw, 2 * c.STATIC_STEPS)
    base = (c.BASE_W + c.BASE_W_RESIDENT * residents) * (1.0 + 0.5 * tri(static[:, 0]))
    screens = c.SCREENS_W * (1.0 + 0.6 * tri(static[:, 1]))
    dryer, dishwasher, bath = static[:, 2] < 0.35, static[:, 3] < 0.6, static[:, 4] < c.BATH_OWNERS
    threshold = c.DARK_BELOW_W_M2 * (1.0 + 0.4 * tri(static[:, 5]))
    holiday = 150.0 + 65.0 * static[:, 6]
    habit = 1.0 + 0.8 * tri(static[:, 7])
    lamps = c.LAMPS_W * (1.0 + 0.5 * tri(static[:, 18]))
    thirst = 1.0 + 0.5 * tri(static[:, 19])

    present = np.zeros((n, hours))
    power, light, water = np.zeros((n, hours)), np.zeros((n, hours)), np.zeros((n, hours))
    for day in range(hours // 24):
        u = uniform_at(words, keys, draw, 2 * c.DAY_STEPS, c.STATIC_STEPS + c.DAY_STEPS * day)
        today = slice(24 * day, 24 * day + 24)
        awake, here = _lives(static, u, residents, day % 7)
        away = ((day >= holiday) & (day < holiday + 14.0))[:, None]
        awake, here = np.where(away, 0.0, awake), np.where(away, 0.0, here)
        present[:, today] = here
        eff = effective(awake)

        sun = daylight_w_m2[None, today]
        dark = np.minimum(np.maximum(1.5 - sun / threshold[:, None], 0.0), 1.0)
        light[:, today] = (lamps * habit)[:, None] * eff * dark

        v = u[:, 2 * c.HOUR_STEPS : 2 * c.HOUR_STEPS + 48]
        lumps = np.floor(c.LUMPS_H * c.SMALL * eff + v[:, 0::2])
        steady = base[:, None] + screens[:, None] * c.SCREENS * eff
        power[:, today] += habit[:, None] * (steady + c.LUMP_WH * lumps)
        up = np.minimum(awake + c.NIGHT_AWAKE * (here - awake), 1.0)
        rate = (c.TAPS_H + c.TAPS_H_RESIDENT * residents)[:, None] * c.TAPS * up * thirst[:, None]
        water[:, today] += c.TAP_L * np.floor(rate + v[:, 1::2])

        e = u[:, 2 * c.EVENT_STEPS : 2 * c.EVENT_STEPS + 20]
        size = 0.7 + 0.15 * residents
        events = (
            (e[:, 0] < 0.85, c.MEAL, e[:, 1], 0.75, (c.MEAL_WH + 0.6 * c.MEAL_WH * tri(e[:, 2])) * size),
            (e[:, 3] < 0.60, c.SNACK, e[:, 4], 0.5, 350.0 + 250.0 * tri(e[:, 5])),
            (e[:, 6] < 0.15 + 0.1 * residents, c.WASHING, e[:, 7], 1.5, 700.0 + 300.0 * tri(e[:, 8])),
            (
                dishwasher & (e[:, 10] < 0.25 + 0.15 * residents),
                c.DISHES,
                e[:, 11],
                1.5,
                1000.0 + 250.0 * tri(e[:, 12]),
            ),
        )
        for happens, rhythm, when, long, energy in events:
            any_awake, hour, place = _moment(when, rhythm * eff)
            takes = np.where(happens & any_awake, energy * habit, 0.0)
            _spread(power, 24 * day, hour + place, long, takes / long)
            if rhythm is c.WASHING:
                drying = np.where(happens & any_awake & dryer, (1800.0 + 600.0 * tri(e[:, 9])) * habit, 0.0)
                _spread(power, 24 * day, hour + place + long, 1.0, drying)
        rows = np.arange(n)
        any_awake, hour, _ = _moment(e[:, 14], c.SHOWER * eff)
        filled = bath & (e[:, 13] < c.BATHS_DAY) & any_awake
        litres = c.BATH_L * (1.0 + 0.2 * tri(np.minimum(e[:, 13] / c.BATHS_DAY, 1.0)))
        water[rows, 24 * day + hour] += np.where(filled, litres, 0.0)
        for person in range(c.MOST_RESIDENTS):
            u_happens, u_when = u[:, 10 * person + 8], u[:, 10 * person + 9]
            any_awake, hour, _ = _moment(u_when, c.SHOWER * eff)
            showers = (residents > person) & (u_happens < c.SHOWERS_DAY) & any_awake
            litres = c.SHOWER_L * (1.0 + 0.5 * tri(np.minimum(u_happens / c.SHOWERS_DAY, 1.0))) * thirst
            water[rows, 24 * day + hour] += np.where(showers, litres, 0.0)
    f32 = np.float32
    return present.astype(f32), power.astype(f32), light.astype(f32), water.astype(f32)


variant("energy.household", "reference")(reference)
