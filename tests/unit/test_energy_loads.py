"""Homes, their library, cars and the loads of buildings."""

from itertools import pairwise

import numpy as np
import pytest

from tests.energy_loads import DAY, DAYLIGHT, HOUR, PARAMETERS, TEMPERATURE, buildings, loads, profiles
from twin.city.model import HOURS
from twin.city.schema import BUILDING_USES
from twin.energy.homes import (
    GROUPS,
    HOMES,
    centre,
    grouped,
    home_counts,
    home_years,
    household_sizes,
    pick_rows,
)
from twin.energy.loads import RESIDENTIAL, lived_in
from twin.energy.vehicles import PER_KELVIN, car_years
from twin.kernels.energy.counter import pair
from twin.random import entity_keys, stream_key, uniform, uniform_at


def test_kernels_draw_the_numbers_of_twin_random():
    keys, stream = entity_keys(["a", "b"]), stream_key(3, "model")
    expected = uniform_at(stream, keys, 5, 6, 7)
    k0, k1 = (np.uint64(word) for word in stream)
    for key, row in zip(keys, expected, strict=True):
        for step in range(3):
            assert pair(key, k0, k1, np.uint64(5), np.uint64(7 + step)) == tuple(row[2 * step : 2 * step + 2])
    np.testing.assert_array_equal(uniform(3, "model", keys, 5, 20)[:, 14:], expected)


def test_first_step_may_differ_between_entities():
    keys, stream = entity_keys(["a", "b"]), stream_key(3, "model")
    both = uniform_at(stream, keys, 0, 2, np.array([4, 9]))
    np.testing.assert_array_equal(both[1], uniform_at(stream, keys[1:], 0, 2, 9)[0])


def test_household_sizes_are_one_and_a_poisson_number():
    u = (np.arange(100_000) + 0.5) / 100_000
    sizes = household_sizes(u, 2.0)
    assert sizes.min() == 1 and sizes.max() == 5
    assert (sizes == 1).mean() == pytest.approx(np.exp(-1.0), abs=1e-4)
    assert sizes.mean() == pytest.approx(2.0, abs=0.03)  # nobody lives with more than four others
    assert (household_sizes(u, 1.0) == 1).all()


def test_centre_gives_the_mean_home_a_smooth_course():
    rng = np.random.default_rng(0)
    rows = rng.exponential(1.0, (64, HOURS)).astype(np.float32) * (1.0 + (HOUR == 18)).astype(np.float32)
    centre(rows)
    mean = rows.mean(axis=0, dtype=float)
    assert mean[HOUR == 18].std() / mean[HOUR == 18].mean() < 0.04  # 0.125 before
    assert mean[HOUR == 18].mean() / mean[HOUR == 3].mean() == pytest.approx(2.0, rel=0.01)


def test_rows_of_the_table_are_disjoint_groups():
    single = np.random.default_rng(0).uniform(0.0, 1.0, (HOMES, 5)).astype(np.float32)
    table = grouped(single)
    assert len(table) == sum(HOMES // size for size in GROUPS)
    for size, at in zip(GROUPS, (0, 8, 72), strict=True):
        part = table[at : at + HOMES // size]
        np.testing.assert_allclose(part.sum(axis=0), single.sum(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(table[72:], single)


def test_homes_are_counted_from_residents_else_from_floor_area():
    table = buildings([1, 10, 3, 4])
    table.loc["b1", "population"] = 0.0  # 1000 m² at 50 m² a resident and two a home
    table.loc["b2", "use"] = "office"
    table.loc["b3", ["population", "floor_area_m2"]] = 0.0
    np.testing.assert_array_equal(home_counts(table, 2.0), [1, 10, 0, 1])


def test_picks_add_up_to_the_homes_and_one_more_leaves_the_others():
    library = np.repeat(GROUPS, [HOMES // size for size in GROUPS])
    keys = entity_keys(f"b{i}" for i in range(6))
    counts = np.array([0, 1, 7, 8, 137, 1000])
    first, row = pick_rows(keys, counts, seed=1, model="m", draw=0)
    np.testing.assert_array_equal([library[row[a:b]].sum() for a, b in pairwise(first)], counts)
    more_first, more = pick_rows(keys, counts + np.array([0, 0, 0, 0, 1, 0]), seed=1, model="m", draw=0)
    before, after = row[first[4] : first[5]], more[more_first[4] : more_first[5]]
    np.testing.assert_array_equal(after[:-1], before)


def test_library_is_kept_and_belongs_to_its_seed():
    a = home_years(5, 2.0, DAYLIGHT)
    assert home_years(5, 2.0, DAYLIGHT.copy()) is a
    assert not np.array_equal(home_years(6, 2.0, DAYLIGHT).electricity, a.electricity)
    assert a.present.max() <= 1.0


def test_people_are_at_home_at_night_and_away_on_working_days_and_holidays():
    present = home_years(5, 2.0, DAYLIGHT).present
    winter = DAY < 90
    assert present[winter & (HOUR == 3)].min() > 0.99
    assert 0.35 < present[winter & (DAY % 7 < 5) & (HOUR == 12)].mean() < 0.55
    assert present[winter & (DAY % 7 == 6) & (HOUR == 12)].mean() > 0.6
    assert present[(DAY > 180) & (DAY < 200) & (HOUR == 3)].mean() < 0.85


def test_lights_follow_the_season():
    homes = home_years(5, 2.0, DAYLIGHT)
    evening = homes.electricity_course.reshape(365, 24)[:, 20]
    assert evening[:60].mean() > 1.1 * evening[140:200].mean()


def test_profiles_of_homes_keep_their_means():
    plain = profiles()
    lived = lived_in(plain, home_years(5, 2.0, DAYLIGHT))
    for name in ("people_w_m2", "electricity_w_m2", "hot_water"):
        before, after = getattr(plain, name), getattr(lived, name)
        assert after[RESIDENTIAL].sum() == pytest.approx(before[RESIDENTIAL].sum(), rel=1e-9)
        np.testing.assert_array_equal(np.delete(after, RESIDENTIAL, 0), np.delete(before, RESIDENTIAL, 0))
    assert not np.array_equal(lived.electricity_w_m2[RESIDENTIAL], plain.electricity_w_m2[RESIDENTIAL])


@pytest.mark.parametrize("use", BUILDING_USES)
def test_the_year_is_that_of_the_profiles(use):
    table, plain = buildings([1, 9, 200], use), profiles()
    fan = np.array([0.0, 0.1, 2.0])
    got = loads(table, fan_kw=fan)
    k, area = BUILDING_USES.index(use), table["floor_area_m2"].to_numpy()
    electricity = plain.electricity_w_m2[k].sum() * area / 1000.0 + plain.air_flow[k].sum() * fan
    np.testing.assert_allclose(got.appliances_kw.sum(axis=1, dtype=float), electricity, rtol=1e-6)
    water = 30.0 * area * (1.0 + PARAMETERS.hot_water_loss_share)
    np.testing.assert_allclose(got.hot_water_kw.sum(axis=1, dtype=float), water, rtol=1e-6)
    assert got.vehicles_kw.shape == (3, HOURS) and not got.vehicles_kw.any()
    if use != "residential":
        np.testing.assert_allclose(got.appliances_kw[0], plain.electricity_w_m2[k] * 0.1, rtol=1e-6)


def test_without_floor_area_nothing_is_used():
    table = buildings([0, 0])
    got = loads(table)
    assert not got.appliances_kw.any() and not got.hot_water_kw.any()


def test_reference_and_fast_loads_agree():
    table = buildings([1, 9, 200, 3], cars=0.7)
    table.loc["b3", "use"] = "office"
    fast = loads(table)
    slow = _with_reference_mix(table)
    for name in ("appliances_kw", "hot_water_kw", "vehicles_kw"):
        np.testing.assert_allclose(getattr(slow, name), getattr(fast, name), rtol=1e-4, atol=1e-5)


def _with_reference_mix(table):
    """The reference of the homes is held to the fast variant by the registry's tests; here it would take long."""
    from twin.kernels import registry

    mix = registry.family("energy.load_mix").variants
    fast = mix["numba"]
    mix["numba"] = mix["reference"]
    try:
        return loads(table)
    finally:
        mix["numba"] = fast


def test_cars_take_their_energy_and_no_more_than_the_charger_gives():
    cars = car_years(5, 7.4, 2100.0, TEMPERATURE)[-HOMES:]
    assert cars.min() >= 0.0 and cars.max() <= 7.4 * (1.0 + 1e-6)
    cold = PER_KELVIN * np.maximum(20.0 - TEMPERATURE, 0.0).mean()
    assert cars.sum(axis=1, dtype=float).mean() == pytest.approx(2100.0 * (1.0 + cold), rel=0.01)
    mild = car_years(5, 7.4, 2100.0, np.full(HOURS, 22.0))[-HOMES:]
    assert mild.sum(axis=1, dtype=float).mean() == pytest.approx(2100.0, rel=1e-4)


def test_a_fraction_of_a_car_takes_that_fraction():
    whole, half = buildings([1]), buildings([1])
    whole["electric_cars"], half["electric_cars"] = 1.0, 0.5
    np.testing.assert_allclose(loads(half).vehicles_kw, 0.5 * loads(whole).vehicles_kw, rtol=1e-6)
