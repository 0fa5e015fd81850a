"""Roof planes segmented from surface models of known roofs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.roof_rasters import NORTH, WEST, Roof, footprints, rasters
from twin.city.raster import Raster
from twin.city.raster_align import align
from twin.errors import DataError
from twin.kernels.registry import get
from twin.solar.scene import NO_CROWN
from twin.solar.segment import Segmentation, scene_from_rasters, scene_of, segment_roofs

SIZE_M = 60.0


def segmented(roofs: list[Roof], *, outlines: bool = False, **options: float) -> Segmentation:
    surface, ground = rasters(roofs, size_m=SIZE_M, **options)
    return segment_roofs(align(surface, ground), footprints(roofs, SIZE_M) if outlines else None)


def turn_between(a: float, b: float) -> float:
    return abs((a - b + 180.0) % 360.0 - 180.0)


def check(found: Segmentation, roof: Roof, *, area: float = 0.05) -> None:
    """Every plane of a roof is found: tilt within 2°, azimuth within 3°, area within 5 %."""
    planes, wanted = found.planes, roof.planes()
    assert len(planes) == len(wanted)
    for tilt, azimuth, true in wanted:
        k = min(range(len(planes)), key=lambda i: turn_between(planes.azimuth_deg[i], azimuth))
        assert abs(planes.tilt_deg[k] - tilt) < 2.0
        assert turn_between(planes.azimuth_deg[k], azimuth) < 3.0
        assert planes.area_m2[k] == pytest.approx(true, rel=area)


@pytest.mark.parametrize("kind", ["flat", "gabled", "hipped"])
@pytest.mark.parametrize("ridge_deg", [0.0, 17.0, 45.0, 90.0, 133.0])
@pytest.mark.parametrize("tilt_deg", [20.0, 35.0, 50.0])
def test_known_roofs_with_noise(kind: str, ridge_deg: float, tilt_deg: float) -> None:
    roof = Roof(kind, 30.3, 29.7, 20.0, 12.0, ridge_deg, tilt_deg)
    found = segmented([roof], outlines=True, cell_m=0.5, noise_m=0.1)
    check(found, roof)
    assert found.planar_share > 0.98
    assert found.noise_m == pytest.approx(0.1, rel=0.15)
    assert found.planes.area_m2.sum() == pytest.approx(sum(area for _, _, area in roof.planes()), rel=0.02)


@settings(max_examples=25, deadline=None)
@given(
    st.floats(24, 36), st.floats(24, 36), st.floats(0, 180), st.floats(15, 50), st.floats(14, 22), st.floats(10, 14),
    st.integers(0, 1000),
)  # fmt: skip
def test_any_gabled_roof_at_one_metre(
    x: float, y: float, ridge: float, tilt: float, length: float, depth: float, seed: int
) -> None:
    roof = Roof("gabled", x, y, length, depth, ridge, tilt)
    check(segmented([roof], outlines=True, cell_m=1.0, noise_m=0.1, seed=seed), roof, area=0.07)


@pytest.mark.parametrize("kind", ["flat", "gabled", "hipped"])
def test_without_outlines_the_whole_roof_area_holds(kind: str) -> None:
    """The edge of a house is known to half a cell only: planes hold their tilt, and the area of all is near."""
    roof = Roof(kind, 30.3, 29.7, 20.0, 12.0, 17.0, 30.0)
    found = segmented([roof], cell_m=0.5, noise_m=0.1)
    check(found, roof, area=0.08)
    assert found.planes.area_m2.sum() == pytest.approx(sum(area for _, _, area in roof.planes()), rel=0.05)
    assert list(found.planes.ids) == [f"building/1/p{k}" for k in range(len(found.planes))]


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 3), st.floats(0, 90), st.floats(15, 45), st.integers(0, 99))
def test_turning_the_raster_turns_the_planes(quarters: int, ridge: float, tilt: float, seed: int) -> None:
    surface, ground = rasters([Roof("hipped", 30, 30, 20, 12, ridge, tilt)], noise_m=0.05, seed=seed)
    before = segment_roofs(align(surface, ground)).planes
    turned = dataclasses.replace(surface, values=np.ascontiguousarray(np.rot90(surface.values, -quarters)))
    after = segment_roofs(align(turned, ground)).planes
    assert len(after) == len(before)
    for k in range(len(before)):
        wanted = (before.azimuth_deg[k] + 90.0 * quarters) % 360.0
        away = [turn_between(a, wanted) + abs(a2 - before.area_m2[k]) for a, a2 in zip(after.azimuth_deg, after.area_m2, strict=True)]  # noqa: E501  # fmt: skip
        assert min(away) < 2.0


@settings(max_examples=10, deadline=None)
@given(st.integers(-500, 500), st.integers(-500, 500), st.integers(0, 20))
def test_moving_the_raster_changes_nothing(east: int, north: int, up: int) -> None:
    surface, ground = rasters([Roof("gabled", 30, 30, 20, 12, 30, 35)], noise_m=0.05)
    before = segment_roofs(align(surface, ground))
    moved = [
        dataclasses.replace(r, west=r.west + east, north=r.north + north, values=r.values + np.float32(16 * up))
        for r in (surface, ground)
    ]
    after = segment_roofs(align(*moved))
    assert (after.label == before.label).mean() > 0.99
    np.testing.assert_allclose(after.planes.tilt_deg, before.planes.tilt_deg, atol=0.3)
    np.testing.assert_allclose(after.planes.area_m2, before.planes.area_m2, rtol=0.02)


def test_two_houses_are_told_apart_and_heights_do_not_mix() -> None:
    roofs = [Roof("flat", 15, 30, 12, 10, 0, 0, 6.0), Roof("flat", 25, 30, 12, 10, 0, 0, 9.0)]
    together = segmented(roofs, noise_m=0.1)
    assert len(together.building_ids) == 1, "they touch: without outlines they are one block"
    assert len(together.planes) == 2
    apart = segmented(roofs, outlines=True, noise_m=0.1)
    assert list(apart.planes.ids) == ["house-0/p0", "house-1/p0"]
    np.testing.assert_allclose(apart.planes.area_m2, 120.0, rtol=0.02)


def test_whole_metres_give_the_slope_of_a_large_roof() -> None:
    """Models in whole metres: their step is taken as noise."""
    roof = Roof("gabled", 30, 30, 40, 30, 20, 25)
    surface, ground = rasters([roof], cell_m=1.0)
    coarse = dataclasses.replace(surface, values=np.round(surface.values), step_m=1.0)
    planes = segment_roofs(align(coarse, ground), footprints([roof], SIZE_M)).planes
    main = planes.take(np.argsort(-planes.area_m2)[:2])
    np.testing.assert_allclose(main.tilt_deg, 25.0, atol=2.0)
    assert sorted(round(a / 10) for a in main.azimuth_deg) == [11, 29]


def test_a_chimney_is_left_out_and_a_step_is_kept() -> None:
    surface, ground = rasters([Roof("gabled", 30, 30, 20, 12, 0, 30)], cell_m=0.5, noise_m=0.05)
    with_chimney = surface.values.copy()
    with_chimney[50:54, 64:68] += 1.5
    found = segment_roofs(align(dataclasses.replace(surface, values=with_chimney), ground))
    assert len(found.planes) == 2
    assert (found.label[50:54, 64:68] == -1).all()
    assert found.plane_m[51, 65] == with_chimney[51, 65]


def test_trees_in_the_surface_model_are_no_buildings() -> None:
    roof = Roof("gabled", 20, 30, 16, 10, 0, 30)
    surface, ground = rasters([roof], noise_m=0.05)
    x, y = np.meshgrid(np.arange(60) + 0.5, 60 - (np.arange(60) + 0.5))
    crown = np.where(np.hypot(x - 45, y - 30) < 4, 9.0, 0.0).astype(np.float32)
    with_tree = dataclasses.replace(surface, values=surface.values + crown)
    canopy = dataclasses.replace(surface, values=crown, where="canopy.tif")
    assert len(segment_roofs(align(with_tree, ground)).building_ids) == 2
    found = segment_roofs(align(with_tree, ground, canopy))
    assert len(found.building_ids) == 1 and len(found.planes) == 2
    scene = scene_of(found, trunk_share=0.3)
    there = crown > 0
    np.testing.assert_allclose(scene.surface_m[there], 40.0, atol=0.3)
    np.testing.assert_allclose(scene.canopy_m[there], 49.0, atol=0.3)
    np.testing.assert_allclose(scene.trunk_m[there], 42.7, atol=0.3)
    assert (scene.canopy_m >= scene.trunk_m).all() and (scene.trunk_m >= scene.surface_m).all()


def test_scene_of_rasters() -> None:
    roofs = [Roof("gabled", 15.5, 30.2, 16, 10, 20, 30), Roof("hipped", 43, 30, 20, 12, 80, 40)]
    surface, ground = rasters(roofs, noise_m=0.1)
    scene = scene_from_rasters(surface, ground, footprints=footprints(roofs, SIZE_M))
    assert (scene.west, scene.north, scene.cell_m) == (WEST, NORTH, 1.0)
    assert (scene.first_row, scene.first_column) == (-5_600_000, 500_000)
    assert scene.canopy_m is NO_CROWN and scene.buildings == 2 and len(scene.planes) == 6
    assert {a.dtype for a in (scene.surface_m, scene.receiver_m)} == {np.dtype(np.float32)}
    assert scene.label.dtype == np.int32 and scene.label.max() == 5 and scene.label.min() == -1
    for k in range(6):
        cells = scene.label == k
        slope = np.tan(np.radians(scene.planes.tilt_deg[k]))
        np.testing.assert_allclose(np.hypot(scene.slope_x, scene.slope_y)[cells], slope, rtol=1e-5)
        # The surface under a plane is the plane itself: no noise is left to cast shadows.
        row, column = np.nonzero(cells)
        design = np.stack([row, column, np.ones(len(row))], axis=1).astype(float)
        rest = np.linalg.lstsq(design, scene.surface_m[cells].astype(float), rcond=None)[1]
        assert rest.sum() < 1e-4
        rows, columns = cells[1:, 1:] & cells[:-1, 1:], cells[1:, 1:] & cells[1:, :-1]
        step = np.diff(scene.surface_m, axis=0)[:, 1:][rows], np.diff(scene.surface_m, axis=1)[1:][columns]
        np.testing.assert_allclose(step[0], -scene.slope_y[1:, 1:][rows], atol=1e-3)
        np.testing.assert_allclose(step[1], scene.slope_x[1:, 1:][columns], atol=1e-3)
    assert np.array_equal(scene.receiver_m, scene.surface_m)
    assert not scene.slope_x[scene.label < 0].any() and not scene.slope_y[scene.label < 0].any()


def test_heights_above_ground_on_a_slope() -> None:
    roof = Roof("flat", 30, 30, 20, 12, 30, 0)
    surface, ground = rasters([roof], noise_m=0.02)
    hill = np.broadcast_to(np.linspace(0, 30, 60, dtype=np.float32), (60, 60)).copy()
    above = dataclasses.replace(surface, values=surface.values - 40.0)
    slope = dataclasses.replace(ground, values=hill)
    found = segment_roofs(align(above, slope, above_ground=True))
    assert len(found.planes) == 1
    assert found.planes.tilt_deg[0] == pytest.approx(np.degrees(np.arctan(30 / 59)), abs=1.0)
    assert found.planes.azimuth_deg[0] == pytest.approx(270.0, abs=1.0)


def test_no_building_is_named() -> None:
    surface, ground = rasters([])
    flat = dataclasses.replace(surface, values=np.full((60, 60), 40.0, np.float32))
    with pytest.raises(DataError, match="shows no building"):
        segment_roofs(align(flat, ground))
    # Low and small things are none either.
    flat.values[10:13, 10:13] = 60.0
    flat.values[30:50, 30:50] = 42.0
    with pytest.raises(DataError, match="shows no building"):
        segment_roofs(align(flat, ground))


def test_noise_alone_makes_no_planes_and_no_crash() -> None:
    values = np.random.default_rng(2).uniform(45, 70, (60, 60)).astype(np.float32)
    rough = Raster(values, WEST, NORTH, 1.0, "EPSG:25832")
    ground = dataclasses.replace(rough, values=np.full((60, 60), 40.0, np.float32))
    found = segment_roofs(align(rough, ground))
    assert found.planes.area_m2.sum() < 0.5 * 3600


@pytest.mark.parametrize("shape", [(1, 60), (60, 1), (2, 2), (3, 40)])
def test_narrow_rasters(shape: tuple[int, int]) -> None:
    block = Raster(np.full(shape, 60.0, np.float32), WEST, NORTH, 2.0, "EPSG:25832")
    ground = dataclasses.replace(block, values=np.full(shape, 40.0, np.float32))
    found = segment_roofs(align(block, ground))
    assert (found.planes.tilt_deg == 0).all()


def test_variants_give_the_same_planes() -> None:
    surface, ground = rasters([Roof("hipped", 30.2, 30.1, 20, 12, 25, 30)], noise_m=0.1)
    heights = align(surface, ground)
    fast, plain = (segment_roofs(heights, variant=name) for name in ("numba", "reference"))
    assert np.array_equal(fast.label, plain.label)
    assert np.array_equal(fast.planes.area_m2, plain.planes.area_m2)


def test_outlines_cover_the_cells_they_should() -> None:
    roof = Roof("flat", 30.3, 29.7, 20.0, 12.0, 33.0, 0.0)
    found = segmented([roof], outlines=True, cell_m=2.0)
    assert found.planes.area_m2.sum() == pytest.approx(240.0, rel=0.01)
    assert shapely.Polygon(roof.outline()).area == pytest.approx(240.0)


def test_buildings_are_in_the_order_of_their_ids_and_those_that_are_gone_are_left_out() -> None:
    roofs = [Roof("flat", 8 + 11 * k, 30, 8, 8, 0, 0, 5.0 + k) for k in range(4)]
    outlines = footprints([*roofs, Roof("flat", 30, 50, 8, 8, 0, 0)], SIZE_M)
    outlines.index = ["b10", "b9", "b2", "b1", "b0"]
    surface, ground = rasters(roofs, size_m=SIZE_M)
    found = segment_roofs(align(surface, ground), outlines)
    assert list(found.building_ids) == ["b1", "b10", "b2", "b9"]
    assert list(found.planes.ids) == ["b1/p0", "b10/p0", "b2/p0", "b9/p0"]
    tops = [found.plane_m[found.label == k].mean() for k in range(4)]
    np.testing.assert_allclose(tops, [48, 45, 47, 46], atol=1e-3)
    many = [Roof("flat", 3 + 5.5 * (k % 10), 10 + 20 * (k // 10), 4, 6, 90, 0) for k in range(12)]
    alone = segmented(many)
    assert list(alone.building_ids) == sorted(alone.building_ids) and len(alone.building_ids) == 12


def test_the_kernel_wants_no_seeds() -> None:
    flat = np.zeros((4, 4), np.float32)
    region = get("solar.roof_regions", "numba")(
        flat, np.zeros((4, 4), np.int32), flat, flat, np.zeros(0, np.int64), 1.0, 0.3, 0.9, 4
    )
    assert (region == -1).all()
