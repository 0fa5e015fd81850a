import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

import twin.kernels.energy  # noqa: F401
from twin.energy.envelope import build_shells
from twin.kernels import registry
from twin.kernels.energy.heat_pump import AIR, GROUND, cop

FAMILIES = ("energy.zone_balance", "energy.heat_pump")
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
