"""Set-points of buildings that respond to a signal."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.energy.parameters import EnergyParameters
from twin.energy.response import heat_load_signal, response_offset, response_setpoints
from twin.errors import DataError
from twin.kernels import registry
from twin.kernels.energy.zone_contract import ZONE_COLUMNS

HOURS = 8760
P = EnergyParameters()
EVENING = np.tile(np.where(np.isin(np.arange(24), (17, 18, 19, 20)), 2.0, 1.0), 365)


def test_set_points_mirror_the_signal_within_the_bounds():
    offset = response_offset(EVENING, P).reshape(365, 24)
    np.testing.assert_allclose(offset[:, 17:21], -P.response_lower_k)
    quiet = np.delete(offset, np.arange(17, 21), axis=1)
    np.testing.assert_allclose(quiet, P.response_raise_k * 4 / 20)
    assert np.abs(offset.sum(axis=1)).max() < 1e-9


def test_small_swings_move_little_and_flat_days_nothing():
    scale = np.repeat(np.where(np.arange(365) < 200, 1.0, 0.1), 24)
    offset = response_offset(5.0 + scale * EVENING, P)
    np.testing.assert_allclose(offset[4800:], 0.1 * offset[: HOURS - 4800], atol=1e-9)
    assert (response_offset(np.ones(HOURS), P) == 0.0).all()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    lower=st.floats(0.0, 4.0),
    raised=st.floats(0.0, 3.0),
)
def test_comfort_bounds_hold(seed, lower, raised):
    rng = np.random.default_rng(seed)
    p = dataclasses.replace(P, response_lower_k=lower, response_raise_k=raised)
    heat, cool = rng.uniform(18.0, 22.0, (2, HOURS)), rng.uniform(22.0, 27.0, (2, HOURS))
    new = response_setpoints(heat, cool, rng.normal(size=HOURS), p)
    assert (new >= heat - lower - 1e-12).all()
    assert (new <= heat + raised + 1e-12).all()
    assert (new <= np.maximum(cool - 1.0, heat) + 1e-12).all()
    if lower == 0.0 and raised == 0.0:
        np.testing.assert_allclose(new, np.minimum(heat, np.maximum(heat, cool - 1.0)), atol=1e-12)


def test_district_load_is_high_in_cold_weather_and_at_taps():
    hour = np.arange(HOURS) % 24
    outdoor = 5.0 - 10.0 * np.cos(2.0 * np.pi * np.arange(HOURS) / HOURS)
    signal = heat_load_signal(outdoor, np.where(hour == 19, 3.0, 1.0))
    assert signal.mean() == pytest.approx(1.0)
    assert signal[:720].mean() > 2.0 * signal[4000:4720].mean()
    assert (signal.reshape(365, 24).argmax(axis=1)[180:200] == 19).all()


@pytest.mark.parametrize("signal", [np.ones(24), np.full(HOURS, np.nan)])
def test_a_signal_that_does_not_fit_is_refused(signal):
    with pytest.raises(DataError, match="signal of heat demand response"):
        response_setpoints(np.full((1, HOURS), 21.0), np.full((1, HOURS), 25.0), signal, P)


def test_proportional_response_cuts_the_peak_of_a_block_of_flats(plain_weather):
    """The simple hourly model of a block in Helsinki: heat moves in time, hardly any is saved."""
    home = (2, 1, 1, 1, 2, 5, 9, 9, 7, 6, 5, 5, 5, 5, 5, 5, 6, 8, 9, 10, 10, 9, 7, 4)
    area = 2000.0
    zone = {
        "floor_area_m2": area,
        "h_opaque_w_k": 750.0,
        "h_window_w_k": 450.0,
        "h_leak_w_k": 120.0,
        "h_vent_w_k": 960.0,
        "capacity_j_k": 260e3 * area,
        "mass_area_m2": 3.0 * area,
        "surface_area_m2": 4.5 * area,
        "gains_factor": 1.0,
        "heating_limit_w": 1e9,
    }
    outdoor = np.array(plain_weather.temperature_c)
    water = np.tile(np.array(home) / sum(home), 365) * 35_000.0 * area / 365
    heat, cool = np.full((1, HOURS), 21.0), np.full((1, HOURS), 27.0)

    def year(set_point):
        return registry.get("energy.zone_balance", "numba")(
            outdoor,
            np.zeros((HOURS, 8)),
            set_point,
            cool,
            np.full((1, HOURS), 4.0),
            np.ones((1, HOURS)),
            np.zeros(1, np.int64),
            np.array([[zone.get(name, 0.0) for name in ZONE_COLUMNS]]),
            np.zeros((1, 8)),
            27.0,
            336,
        )[0][0]

    plain, after = year(heat), year(response_setpoints(heat, cool, heat_load_signal(outdoor, water), P))
    assert after.sum() == pytest.approx(plain.sum(), rel=0.01)
    assert 0.88 < (after + water).max() / (plain + water).max() < 0.96
