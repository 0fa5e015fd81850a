"""Laws of scenes and tiles: tiles, order and threads change no bit, shade only takes, turned scenes turn."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.solar_scenes import box_city, with_trees
from twin.city.model import City
from twin.solar.roofs import Roofs, prepare_roofs, roofs_of
from twin.solar.scene import Site, scene_of_city, shade
from twin.solar.shapes import shapes_of_city
from twin.solar.sky import cosines
from twin.solar.sources import BLOCK, VectorSource
from twin.solar.tiles import BATCH, batches, tiles_of

# Every example sweeps a scene under some 5,000 suns: shrinking would take minutes.
QUICK: dict[str, object] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
    "phases": (Phase.explicit, Phase.reuse, Phase.generate),
}
FEW, MODEST = settings(max_examples=3, **QUICK), settings(max_examples=10, **QUICK)  # type: ignore[arg-type]
SITE = Site(50.0, 10.0, 1.0)
grid = st.floats(0.0, 12.0)


@st.composite
def scenes(draw: st.DrawFn) -> list[tuple[float, float, float, float, float]]:
    """Draw three to nine boxes on a jittered grid wide enough for several blocks; some overlap."""
    count = draw(st.integers(3, 9))
    return [
        (
            k % 3 * 45.0 + draw(grid),
            k // 3 * 45.0 + draw(grid),
            draw(grid) + 0.4,
            4 * draw(grid) + 3.0,
            draw(st.floats(3.0, 60.0)),
        )
        for k in range(count)
    ]


def light(city: City, tile_m: float) -> Roofs:
    source = VectorSource(shapes_of_city(city, 1.0))
    return roofs_of(source, SITE, tile_m=tile_m, variant="numba", progress=None)


def differences(a: Roofs, b: Roofs) -> list[str]:
    theirs = b.to_arrays()
    return [name for name, value in a.to_arrays().items() if not np.array_equal(value, theirs[name])]


LOW_SUN_PAST_A_TOWER = [
    (1.8, 10.0, 5.5, 39.1, 55.5),
    (48.8, 3.1, 0.4, 3.0, 3.0),
    *((45.0 * (k % 3), 45.0 * (k // 3), 0.4, 3.0, 3.0) for k in range(2, 9)),
]
"""Its shadow enters a tile past the corner, from a place that lies hardly beyond one of the tile's sides."""


@FEW
@example(LOW_SUN_PAST_A_TOWER, "flat", False)
@given(scenes(), st.sampled_from(["flat", "gabled", "hipped"]), st.booleans())
def test_tiles_change_no_bit(small_city: City, boxes: list, roof: str, trees: bool) -> None:
    city = box_city(small_city, boxes, roof, 35.0, 20.0)
    if trees:
        city = with_trees(city, [(30.3, 20.1, 25.0, 3.0, 14.0), (75.0, 60.0, 9.0, 2.0, 5.0)])
    whole = light(city, 2048.0)
    assert differences(light(city, 64.0), whole) == []
    assert differences(light(city, 128.0), whole) == []


def test_tiles_of_a_town_change_no_bit(small_city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    from twin.solar import tiles

    whole = prepare_roofs(small_city)
    assert differences(prepare_roofs(small_city, tile_m=192.0), whole) == []
    monkeypatch.setattr(tiles, "ONE_PIECE_CELLS", 1000)
    assert differences(prepare_roofs(small_city, tile_m=512.0), whole) == [], "rasterised anew for every batch"


def test_every_building_has_one_tile(small_city: City) -> None:
    source = VectorSource(shapes_of_city(small_city, 1.0))
    for width in (64.0, 200.0, 1000.0):
        tiles = list(tiles_of(source, width))
        assert sorted(np.concatenate([t.buildings for t in tiles])) == list(range(120))
        for tile in tiles:
            box = source.box[tile.buildings]
            assert tile.core.first_row < box[:, 0].min()
            assert tile.core.last_row > box[:, 1].max()
            assert tile.core.shape[0] <= max(width, BLOCK) + BLOCK + 100


def test_batches_hold_each_sun_once() -> None:
    rng = np.random.default_rng(1)
    azimuth, altitude = rng.uniform(0.0, 360.0, 3000), rng.uniform(0.1, 90.0, 3000)
    for strips, most in ((0, BATCH), (50_000, 80), (9_000_000, 1)):
        parts = batches(azimuth, altitude, strips)
        assert sorted(np.concatenate(parts)) == list(range(3000))
        assert all(len(set(azimuth[part] // 45.0)) == 1 for part in parts)
        assert max(map(len, parts)) == most
        assert np.array_equal(np.concatenate(parts), np.concatenate(batches(azimuth, altitude)))
    assert batches(np.zeros(0), np.zeros(0)) == []


@FEW
@given(scenes(), st.randoms(use_true_random=False))
def test_the_order_of_buildings_does_not_matter(small_city: City, boxes: list, random) -> None:  # type: ignore[no-untyped-def]
    city = box_city(small_city, boxes, "gabled", 30.0, 70.0)
    order = list(range(len(boxes)))
    random.shuffle(order)
    a, b = light(city, 2048.0), light(city.replace(buildings=city.buildings.iloc[order]), 2048.0)
    back = np.argsort(order)
    for name in ("facade_lit", "facade_sky", "facade_area_m2"):
        assert np.array_equal(getattr(a, name), getattr(b, name)[back]), name
    rows = np.argsort(b.plane_id)
    assert np.array_equal(a.plane_id, b.plane_id[rows])
    for name in ("lit", "sky_share", "band_share", "tilt_deg", "azimuth_deg", "area_m2"):
        assert np.array_equal(getattr(a, name), getattr(b, name)[rows]), name
    assert np.array_equal(a.ground_lit, b.ground_lit)


@FEW
@given(scenes())
def test_a_new_building_never_lights_anything(small_city: City, boxes: list) -> None:
    apart = [*boxes[:-1], (-30.0, *boxes[-1][1:])]  # it covers no roof
    before, after = (light(box_city(small_city, b, "gabled", 30.0), 2048.0) for b in (apart[:-1], apart))
    old = len(before.plane_id)
    assert np.array_equal(before.plane_id, after.plane_id[:old])
    assert np.all(after.lit[:old] <= before.lit)
    assert np.all(after.sky_share[:old] <= before.sky_share + 1e-7)
    assert np.all(after.facade_sky[: len(boxes) - 1] <= before.facade_sky + 1e-7)
    assert np.all(after.facade_lit[: len(boxes) - 1] <= before.facade_lit)


@MODEST
@given(scenes(), st.sampled_from(["flat", "gabled", "hipped"]), st.integers(0, 10**6))
def test_turned_scenes_turn_with_the_sun(small_city: City, boxes: list, roof: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Of a house narrower than a few cells, half its cells are a matter of rounding; and no edge or hip runs through the
    # middles of cells, where turning decides which side they fall on.
    x, y, width, depth = (np.round(8.0 * np.array([box[k] for box in boxes])) / 8.0 for k in range(4))
    boxes = list(zip(x + 0.0625, y + 0.09375, width + 6.0, depth + 3.0, (box[4] for box in boxes), strict=True))
    city = box_city(small_city, boxes, roof, 35.0, 30.0)
    frame = city.buildings
    turned = frame.set_geometry(
        frame.geometry.apply(lambda g: shapely.affinity.affine_transform(g, [0, 1, -1, 0, 0, 0]))
    ).assign(roof_azimuth_deg=frame["roof_azimuth_deg"] + 90.0)
    # No sun on a diagonal, where which way rays run is a matter of rounding, and no cell centre on an edge.
    azimuth = rng.integers(0, 8, 16) * 45.0 + rng.uniform(2.0, 43.0, 16)
    altitude = rng.uniform(4.0, 75.0, 16)
    here = shade(scene_of_city(city), azimuth, altitude)[0]
    there = shade(scene_of_city(city.replace(buildings=turned)), azimuth + 90.0, altitude)[0]
    size = np.maximum(here.max(axis=1, keepdims=True), 20)
    # Rows and columns round their half cells to different sides of a turned line of cells.
    assert np.abs(here - there).max() <= max(3, 0.1 * size.max())
    # The same beam; of light that grazes a plane, rounding decides.
    planes = scene_of_city(city).planes
    cosine = cosines(planes.tilt_deg, planes.azimuth_deg, azimuth, altitude)
    assert abs((cosine * (here - there)).sum()) <= 0.01 * (cosine * here).sum() + 5


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="numba was started with one thread")
def test_threads_do_not_matter(small_city: City) -> None:
    before, results = numba.get_num_threads(), []
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            results.append(prepare_roofs(small_city))
    finally:
        numba.set_num_threads(before)
    assert differences(*results) == []


def test_reference_and_numba_agree(small_city: City) -> None:
    city = box_city(small_city, [(0.0, 0.0, 7.0, 6.0, 8.0), (9.0, 1.0, 6.0, 9.0, 15.0)], "gabled", 30.0, 10.0)
    azimuth, altitude = np.linspace(5.0, 355.0, 24), np.linspace(4.0, 60.0, 24)
    plain, fast = (scene_of_city(city, variant=v) for v in ("reference", "numba"))
    for name in ("surface_m", "receiver_m", "slope_x", "slope_y", "label"):
        assert np.array_equal(getattr(plain, name), getattr(fast, name)), name
    for a, b in zip(shade(plain, azimuth, altitude, "reference"), shade(fast, azimuth, altitude), strict=True):
        assert np.array_equal(a, b)
