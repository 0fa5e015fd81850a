"""What must hold for loads of any buildings."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.energy_loads import buildings, loads

SOME = settings(max_examples=15, deadline=None)
HOMES = st.lists(st.integers(1, 400), min_size=2, max_size=8)
CHANNELS = ("appliances_kw", "hot_water_kw", "vehicles_kw")


@SOME
@given(HOMES, st.integers(0, 3), st.randoms(use_true_random=False))
def test_a_building_does_not_depend_on_the_block_it_is_in(homes, draw, random):
    table = buildings(homes, cars=1.0)
    order = random.sample(range(len(homes)), len(homes) - 1)
    whole, part = loads(table, draw=draw), loads(table.iloc[order], draw=draw)
    for name in CHANNELS:
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[order])


@SOME
@given(HOMES, st.floats(0.1, 5.0))
def test_needs_scale_and_keep_their_course(homes, factor):
    table = buildings(homes)
    area = table["floor_area_m2"].to_numpy()
    plain = loads(table)
    more = loads(table, appliance_scale=factor * area / 1000.0, tapped_kwh=factor * 30.0 * area)
    for name in ("appliances_kw", "hot_water_kw"):
        np.testing.assert_allclose(getattr(more, name), factor * getattr(plain, name), rtol=1e-5)


@SOME
@given(HOMES, st.integers(1, 1000))
def test_another_draw_moves_hours_and_keeps_the_year(homes, draw):
    table = buildings(homes)
    a, b = loads(table), loads(table, draw=draw)
    for name in ("appliances_kw", "hot_water_kw"):
        first, second = getattr(a, name), getattr(b, name)
        assert not np.array_equal(first, second)
        np.testing.assert_allclose(first.sum(axis=1, dtype=float), second.sum(axis=1, dtype=float), rtol=1e-6)


@SOME
@given(st.integers(0, 1000))
def test_loads_are_finite_and_never_negative(draw):
    got = loads(buildings([1, 2, 64, 129], cars=0.3), draw=draw)
    for name in CHANNELS:
        values = getattr(got, name)
        assert np.isfinite(values).all() and (values >= 0.0).all()


@SOME
@given(st.integers(0, 1000))
def test_many_homes_together_peak_lower_for_each(draw):
    got = loads(buildings([1] * 20 + [400] * 3), draw=draw)
    for name in ("appliances_kw", "hot_water_kw"):
        over_mean = getattr(got, name).max(axis=1) / getattr(got, name).mean(axis=1)
        assert over_mean[20:].max() < 0.7 * over_mean[:20].mean()
