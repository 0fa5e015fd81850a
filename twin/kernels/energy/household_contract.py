"""What the kernel family ``energy.household`` promises, and the figures of life at home that both variants share.

Times are hours of the day. Shares, rates and daily rhythms are assumptions unless a source stands beside them; the
levels do not matter, because the city layer scales what comes out to the annual use of each building. What the kernel
gives is when and how unevenly.
"""

from __future__ import annotations

import numpy as np

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare

MOST_RESIDENTS = 5
STATIC_STEPS = 10
DAY_STEPS = 60
PERSON_STEPS, EVENT_STEPS, HOUR_STEPS = 0, 25, 36
"""Addresses of random numbers: steps of two numbers each, first those of the home, then those of each day: five for
each resident, then events, then one for each hour."""

EFFECTIVE = np.array([0.0, 1.0, 1.528, 1.694, 1.983, 2.094])
"""Residents that use light or a television for 0 … 5 that are awake, for they share them: Richardson, Thomson,
Infield and Delahunty 2009, doi 10.1016/j.enbuild.2009.02.010, as recalled."""

DARK_BELOW_W_M2 = 60.0
"""Global irradiance below which lights are switched on, Richardson et al. 2009: 60 ± 10 W/m², as recalled."""

BASE_W, BASE_W_RESIDENT = 125.0, 32.0
"""Always on: refrigerators, networks, standby."""
SCREENS_W, LAMPS_W = 55.0, 120.0
LUMPS_H, LUMP_WH = 0.35, 130.0
"""Kettles, irons, vacuum cleaners …: number an hour and energy of each."""
MEAL_WH = 700.0
WORKERS = 0.55
"""Share of residents who work or learn away from home."""
NIGHT_AWAKE = 0.08
"""Share of residents asleep who use a tap all the same."""

SHOWER_L, SHOWERS_DAY = 40.0, 0.55
BATH_L, BATHS_DAY, BATH_OWNERS = 140.0, 0.286, 0.5
TAP_L, TAPS_H, TAPS_H_RESIDENT = 6.0, 0.62, 0.02
"""Litres at 45 °C and numbers: Jordan and Vajen 2001 (IEA Task 26): 8 l/min for 5 min, 14 l/min for 10 min 0.143
times a day and home, 6 l/min for 1 min. Showers per resident after Energy Saving Trust 2013, 4.4 a week. Taps run at
a rate per hour with somebody awake that brings the volumes of households near Energy Saving Trust 2008."""

WITHIN = 1.0 - 1e-9
"""The end of an hour, just before the next."""


def _day(*spans: tuple[int, int, float], rest: float = 0.0) -> np.ndarray:
    """Return 24 weights: (first hour, end hour, weight)."""
    weights = np.full(24, rest)
    for first, end, weight in spans:
        weights[first:end] = weight
    return weights


MEAL = _day(
    (10, 11, 2.0), (11, 14, 6.0), (14, 16, 2.5), (16, 17, 4.5), (17, 19, 6.5), (19, 20, 4.5), (20, 22, 3.0), rest=0.3
)
SNACK = _day((6, 10, 4.0), (11, 14, 5.0), (16, 21, 3.0), rest=0.5)
WASHING = _day((7, 10, 3.0), (10, 14, 4.0), (14, 18, 3.0), (18, 22, 1.5), rest=0.1)
DISHES = _day((8, 10, 2.0), (10, 17, 2.0), (17, 20, 2.5), (20, 23, 4.0), (23, 24, 2.0), rest=0.2)
SCREENS = _day((5, 16, 0.9), (16, 19, 1.0), (19, 23, 1.1), rest=0.9)
SMALL = _day((6, 9, 1.3), (9, 16, 1.0), (16, 20, 1.2), (20, 24, 0.7), rest=0.5)
SHOWER = _day((5, 6, 3.0), (6, 9, 6.0), (9, 16, 1.0), (16, 19, 2.0), (19, 23, 3.5), rest=0.5)
TAPS = _day((6, 9, 1.2), (9, 11, 0.9), (11, 14, 1.1), (14, 16, 0.8), (16, 21, 1.3), (21, 24, 0.8), rest=0.4)
"""Likelihood over the day of what residents do while somebody is awake at home."""

_N_T = ("n", "t")
INPUTS = (
    Array("keys", ("n",), "uint64", "-"),
    Array("residents", ("n",), "int64", "persons"),
    Array("stream", ("two",), "uint64", "-"),
    Array("draw", (), "int64", "-"),
    Array("daylight_w_m2", ("t",), "float64", "W/m2"),
)
OUTPUTS = (
    Array("present", _N_T, "float32", "persons"),
    Array("appliances_w", _N_T, "float32", "W"),
    Array("lighting_w", _N_T, "float32", "W"),
    Array("hot_water_l", _N_T, "float32", "l"),
)


def sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return `size` homes over ten days."""
    hour = np.arange(240) % 24
    sun = np.maximum(0.0, np.sin(np.pi * (hour - 6.0) / 12.0))
    return {
        "keys": rng.integers(0, 2**64 - 1, size, dtype=np.uint64),
        "residents": rng.integers(1, MOST_RESIDENTS + 1, size),
        "stream": rng.integers(0, 2**32, 2, dtype=np.uint64),
        "draw": 3,
        "daylight_w_m2": 500.0 * sun * rng.uniform(0.1, 1.0, 240),
    }


def _residents_bound(kernel: Kernel, inputs: Inputs) -> None:
    present, appliances, lighting, water = kernel(*inputs.values())
    assert (present >= 0.0).all() and (present <= inputs["residents"][:, None] + 1e-6).all()
    for load in (appliances, lighting, water):
        assert np.isfinite(load).all() and (load >= 0.0).all()


def _order_does_not_matter(kernel: Kernel, inputs: Inputs) -> None:
    order = np.random.default_rng(0).permutation(len(inputs["keys"]))
    moved = inputs | {"keys": inputs["keys"][order], "residents": inputs["residents"][order]}
    for a, b in zip(kernel(*inputs.values()), kernel(*moved.values()), strict=True):
        np.testing.assert_array_equal(a[order], b)


def _light_only_in_the_dark(kernel: Kernel, inputs: Inputs) -> None:
    bright = inputs | {"daylight_w_m2": np.full_like(inputs["daylight_w_m2"], 300.0)}
    dark = inputs | {"daylight_w_m2": np.zeros_like(inputs["daylight_w_m2"])}
    none, most = kernel(*bright.values()), kernel(*dark.values())
    assert (none[2] == 0.0).all() and (kernel(*inputs.values())[2] <= most[2]).all()
    for a, b in zip((*none[:2], none[3]), (*most[:2], most[3]), strict=True):
        np.testing.assert_array_equal(a, b)


FAMILY = declare(
    Family(
        name="energy.household",
        purpose="Hourly presence, appliances, lighting and hot-water draws of homes from random daily lives.",
        inputs=INPUTS,
        outputs=OUTPUTS,
        sample=sample,
        work=lambda inputs: float(len(inputs["keys"]) * inputs["daylight_w_m2"].size),
        work_unit="home·hour",
        source="occupancy first, events within it: Richardson, Thomson, Infield and Clifford 2010, doi "
        "10.1016/j.enbuild.2010.05.023; draws of hot water: Jordan and Vajen 2001, IEA SHC Task 26; days of residents "
        "and rhythms are ours",
        rtol=1e-6,
        atol=1e-5,
        properties=(
            Property("nothing is negative and no more are present than live there", _residents_bound),
            Property("the order of homes does not matter", _order_does_not_matter),
            Property("light is needed in the dark only, and changes nothing else", _light_only_in_the_dark),
        ),
    )
)
