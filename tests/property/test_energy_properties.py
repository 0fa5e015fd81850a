from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import get_num_threads, set_num_threads
from shapely import box

import twin.kernels.energy  # noqa: F401
from tests.energy_sun import rough_sun
from twin.energy.envelope import build_shells
from twin.energy.model import simulate_energy
from twin.energy.parameters import EnergyParameters, Factors
from twin.kernels import registry
from twin.kernels.energy.heat_pump import AIR, GROUND, cop

FAMILIES = ("energy.zone_balance", "energy.heat_supply")
LAWS = [(name, law) for name in FAMILIES for law in registry.family(name).properties]
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(("name", "law"), LAWS, ids=lambda value: getattr(value, "name", value))
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_laws_hold_for_every_variant(name, law, seed):
    family = registry.family(name)
    for kernel in family.variants.values():
        law.check(kernel, family.sample(6, np.random.default_rng(seed)))


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_variants_agree(name, seed):
    family = registry.family(name)
    inputs = family.sample(6, np.random.default_rng(seed))
    for fast, plain in zip(family.call("numba", inputs), family.call("reference", inputs), strict=True):
        np.testing.assert_allclose(fast, plain, rtol=family.rtol, atol=family.atol)


@settings(max_examples=50, deadline=None)
@given(lift=st.floats(-20.0, 120.0), more=st.floats(0.0, 40.0), kind=st.sampled_from([AIR, GROUND]))
def test_cop_never_rises_with_the_lift(lift, more, kind):
    low, high = cop(kind, np.array([lift + more, lift]), 0.85)
    assert 1.0 <= low <= high <= 6.5


sides = st.floats(3.0, 40.0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(sides, sides, st.floats(3.0, 60.0)), min_size=1, max_size=6))
def test_walls_are_outer_or_party(row):
    """Terraces of any widths, depths and heights: outer plus party wall is the whole wall."""
    edges = np.concatenate([[0.0], np.cumsum([width for width, _, _ in row])])
    shapes = [box(edges[i], 0.0, edges[i + 1], depth) for i, (_, depth, _) in enumerate(row)]
    height = np.array([h for _, _, h in row])
    frame = gpd.GeoDataFrame(
        {"use": "office", "height_m": height, "floor_area_m2": 1e3, "footprint_area_m2": [s.area for s in shapes]},
        geometry=shapes,
        crs=3067,
    )
    shells = build_shells(frame)
    whole = np.array([s.length for s in shapes]) * height
    np.testing.assert_allclose(
        shells.wall_m2.sum(axis=1) + shells.window_m2.sum(axis=1) + shells.party_wall_m2, whole, rtol=1e-9
    )
    between = sum(
        min(row[i][1], row[i + 1][1]) * min(row[i][2], row[i + 1][2]) for i in range(len(row) - 1)
    )  # each party wall is seen from both sides
    reach = 0.3 * (len(row) - 1) * 2 * height.max()
    assert abs(shells.party_wall_m2.sum() - 2 * between) <= reach + 1e-6


def demand(city, p=None, **options):
    sun = rough_sun(city.weather, len(city.buildings))
    return simulate_energy(city, city.weather, sun, p or EnergyParameters(), **{"seed": 1, **options})


@settings(max_examples=5, deadline=None)
@given(seed=seeds)
def test_better_elements_never_raise_the_stocks_heating(small_city, seed):
    """Whatever is better of walls, windows, leaks and recovery in whichever buildings, by calibration or renewal."""
    rng = np.random.default_rng(seed)
    count = len(small_city.buildings)
    renewed = rng.choice(["", "wall:standard", "roof:deep window:standard", "ventilation:deep floor:standard"], count)
    before = demand(small_city).buildings["heating_kwh_a"]
    better = small_city.replace(buildings=small_city.buildings.assign(upgrades=renewed))
    neutral = Factors.neutral(count)
    tighter = replace(neutral, u_value=rng.uniform(0.6, 1.0, count), infiltration=rng.uniform(0.5, 1.0, count))
    # New windows let less sun in, and the less prebound, the more a better home is heated.
    assert demand(better).totals["heating_kwh_a"] <= before.sum()
    heat = demand(small_city, factors=tighter).buildings["heating_kwh_a"]
    homes = small_city.buildings["use"] == "residential"
    assert (heat[~homes] <= before[~homes] * (1.0 + 1e-9)).all()
    assert heat.sum() <= before.sum()


def test_order_and_threads_do_not_matter(small_city):
    """To the last bit."""
    whole = demand(small_city)
    order = np.random.default_rng(3).permutation(len(small_city.buildings))
    turned = demand(small_city.replace(buildings=small_city.buildings.iloc[order]))
    threads = get_num_threads()
    try:
        set_num_threads(1)
        alone = demand(small_city)
    finally:
        set_num_threads(threads)
    for name in ("heating_kw", "cooling_kw", "electricity_kw", "district_heating_kw", "hot_water_kw"):
        np.testing.assert_array_equal(getattr(turned, name), getattr(whole, name)[order])
        np.testing.assert_array_equal(getattr(alone, name), getattr(whole, name))
    np.testing.assert_array_equal(turned.buildings, whole.buildings.iloc[order])
    np.testing.assert_array_equal(alone.balance, whole.balance)
