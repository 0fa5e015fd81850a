"""The raster scene of a city: which cell belongs to which roof plane, how high, and where walls and crowns stand."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from tests.solar_scenes import box_city, with_roof_planes, with_trees
from twin.city.model import City, Terrain
from twin.solar.crowns import transmissivity_by_month
from twin.solar.ground import ground_height
from twin.solar.scene import NO_RECEIVER, Scene, Window, scene_of_city, shade

LONE = [(0.0, 0.0, 30.0, 10.0, 8.0)]


def cells(scene: Scene, plane: int) -> int:
    return int((scene.label == plane).sum())


def test_the_grid_is_global(small_city: City) -> None:
    scene = scene_of_city(box_city(small_city, [(1000.5, -700.5, 10.0, 8.0, 5.0)]), cell_m=0.5)
    assert (scene.west / 0.5, scene.north / 0.5) == (scene.first_column, -scene.first_row)
    assert scene.label.shape == scene.surface_m.shape == scene.receiver_m.shape
    i, j = np.nonzero(scene.label == 0)
    x, y = scene.west + (j + 0.5) * 0.5, scene.north - (i + 0.5) * 0.5
    assert (x.min(), x.max()) == (1000.75, 1010.25)
    assert (y.min(), y.max()) == (-700.25, -692.75)
    assert len(i) == 4 * 10 * 8


def test_flat_roofs_and_ground(small_city: City) -> None:
    scene = scene_of_city(box_city(small_city, LONE))
    assert cells(scene, 0) == 300
    assert set(np.unique(scene.surface_m)) == {0.0, 8.0}
    assert np.array_equal(scene.surface_m, scene.receiver_m)
    assert not scene.slope_x.any()
    assert not scene.slope_y.any()
    assert np.all(scene.surface_m[scene.label == NO_RECEIVER] == 0.0)
    assert scene.canopy_m.size == 0


def test_a_gable_has_its_shape(small_city: City) -> None:
    scene = scene_of_city(box_city(small_city, LONE, "gabled", 45.0, 0.0))
    assert [cells(scene, k) for k in (0, 1)] == [150, 150]
    first = int(np.nonzero((scene.label >= 0).any(axis=1))[0][0])
    column = np.s_[first : first + 10, 15]
    assert scene.label[column].tolist() == [0] * 5 + [1] * 5, "plane 0 faces north"
    # The rise to the ridge at 45° is the way from the eaves.
    rise = np.array([0.5, 1.5, 2.5, 3.5, 4.5, 4.5, 3.5, 2.5, 1.5, 0.5])
    np.testing.assert_allclose(scene.surface_m[column] - 8.0, rise, atol=1e-5)
    assert np.array_equal(scene.receiver_m, scene.surface_m)
    np.testing.assert_allclose(scene.slope_y[column], [-1.0] * 5 + [1.0] * 5, atol=1e-6)
    np.testing.assert_allclose(scene.slope_x, 0.0, atol=1e-6)
    assert not scene.slope_y[scene.label == NO_RECEIVER].any()


def test_a_hip_has_four_planes(small_city: City) -> None:
    scene = scene_of_city(box_city(small_city, LONE, "hipped", 45.0, 0.0), cell_m=0.25)
    share = np.array([cells(scene, k) for k in range(4)]) / 16.0
    np.testing.assert_allclose(share, [125.0, 125.0, 25.0, 25.0], atol=1.5)
    _, j = np.nonzero(scene.label == 2)
    assert scene.west + j.min() * 0.25 >= 25.0, "plane 2 faces east"


def test_turned_footprints_have_turned_roofs(small_city: City) -> None:
    city = box_city(small_city, LONE, "gabled", 30.0, 30.0)
    turned = shapely.affinity.rotate(city.buildings.geometry.iloc[0], -30.0, origin="centroid")
    frame = city.buildings.set_geometry(gpd.GeoSeries([turned], index=city.buildings.index, crs=city.buildings.crs))
    scene = scene_of_city(city.replace(buildings=frame), cell_m=0.25)
    sizes = np.array([cells(scene, k) for k in (0, 1)]) / 16.0
    np.testing.assert_allclose(sizes, 150.0, rtol=0.01)
    assert scene.surface_m.max() - 8.0 == pytest.approx(5.0 * np.tan(np.radians(30.0)), abs=0.2)


def test_perimeter_blocks_have_the_roof_of_their_wings(small_city: City) -> None:
    court = shapely.box(0, 0, 60, 60).difference(shapely.box(10, 10, 50, 50))
    city = box_city(small_city, LONE, "gabled", 30.0, 0.0)
    frame = city.buildings.set_geometry(gpd.GeoSeries([court], index=city.buildings.index, crs=city.buildings.crs))
    scene = scene_of_city(city.replace(buildings=frame))
    assert scene.surface_m.max() <= 8.0 + 5.3 * np.tan(np.radians(30.0))
    assert (scene.label >= 0).sum() == court.area
    assert scene.surface_m[scene.window.of(Window(-31, -30, 30, 31))] == 0.0, "the courtyard is open"
    assert scene.walls is not None
    assert scene.walls.length_m.sum() == pytest.approx(4 * 60 + 4 * 40)


def test_the_higher_roof_wins_and_ids_break_ties(small_city: City) -> None:
    two = [(0.0, 0.0, 20.0, 10.0, 8.0), (10.0, 0.0, 20.0, 10.0, 12.0)]
    scene = scene_of_city(box_city(small_city, two))
    assert [cells(scene, k) for k in (0, 1)] == [100, 200]
    same = [(*b[:4], 8.0) for b in two]
    city = box_city(small_city, same)
    scene = scene_of_city(city)
    assert [cells(scene, k) for k in (0, 1)] == [200, 100]
    back = scene_of_city(city.replace(buildings=city.buildings.iloc[::-1]))
    assert [cells(back, k) for k in (0, 1)] == [100, 200], "by id, not by row"


def test_planes_without_a_cell_look_out_of_the_one_they_lie_in(small_city: City) -> None:
    boxes = [
        (0.1, 0.1, 0.3, 0.3, 5.0),
        (20.0, 0.0, 10.0, 10.0, 9.0),
        (22.1, 2.1, 0.2, 0.2, 9.0),
        (0.1, 0.1, 0.2, 0.2, 3.0),
    ]
    scene = scene_of_city(box_city(small_city, boxes))
    assert cells(scene, 0) == 1
    here = scene.label == 0
    assert (scene.surface_m[here], scene.receiver_m[here]) == (0.0, 5.0), "too small to cast shadow, high enough to see"
    assert cells(scene, 1) == 100
    assert cells(scene, 2) == cells(scene, 3) == 0
    assert scene.host is not None
    assert scene.host[3] == 0, "one in the same cell does it for both"


def test_walls_of_a_lone_box(small_city: City) -> None:
    walls = scene_of_city(box_city(small_city, LONE)).walls
    assert walls is not None
    assert sorted(set(walls.azimuth_deg)) == [0.0, 90.0, 180.0, 270.0]
    assert walls.area_m2.sum() == pytest.approx(80.0 * 8.0)
    south = walls.azimuth_deg == 180.0
    assert np.all(walls.row[south] == 0), "the cell south of the footprint"
    assert np.all(walls.row[walls.azimuth_deg == 0.0] == -11)
    assert np.all((walls.length_m > 1.2) & (walls.length_m < 3.8))


def test_party_walls_are_free_above_the_neighbour(small_city: City) -> None:
    walls = scene_of_city(box_city(small_city, [*LONE, (30.0, 0.0, 20.0, 10.0, 14.0)])).walls
    assert walls is not None
    low, high = walls.building == 0, walls.building == 1
    assert not np.any(walls.azimuth_deg[low] == 90.0), "nothing is left of the lower one's"
    west = high & (walls.azimuth_deg == 270.0)
    np.testing.assert_allclose(walls.foot_m[west], 8.0)
    assert walls.area_m2[west].sum() == pytest.approx(10.0 * 6.0)


def test_gable_ends_rise_to_the_ridge(small_city: City) -> None:
    walls = scene_of_city(box_city(small_city, LONE, "gabled", 45.0, 0.0)).walls
    assert walls is not None
    end = walls.azimuth_deg == 90.0
    assert walls.area_m2[end].sum() == pytest.approx(10.0 * 8.0 + 25.0, rel=0.02)
    assert walls.area_m2[walls.azimuth_deg == 0.0].sum() == pytest.approx(30.0 * 8.0)


def test_roof_planes_of_a_3d_model(small_city: City) -> None:
    """A shed roof that rises from 6 m in the south to 10 m in the north over 10 m, beside a parametric one."""
    city = box_city(small_city, [*LONE, (60.0, 0.0, 10.0, 10.0, 5.0)])
    roof = shapely.Polygon([(0, 0, 6), (30, 0, 6), (30, 10, 10), (0, 10, 10)])
    scene = scene_of_city(with_roof_planes(city, {"box-000": [roof]}))
    assert scene.planes.ids.tolist() == ["box-000/s0", "box-001/p0"]
    np.testing.assert_allclose(scene.planes.tilt_deg, [np.degrees(np.arctan(0.4)), 0.0])
    assert scene.planes.azimuth_deg[0] == 180.0
    rows = scene.receiver_m[:, 15][scene.label[:, 15] == 0]
    np.testing.assert_allclose(np.sort(rows)[:8], 6.0 + 0.4 * (np.arange(8) + 0.5), rtol=1e-6)
    assert cells(scene, 0) == 300


def test_gaps_between_roof_planes_stay_opaque(small_city: City) -> None:
    city = box_city(small_city, LONE)
    half = shapely.Polygon([(0, 0, 6), (15, 0, 6), (15, 10, 6), (0, 10, 6)])
    scene = scene_of_city(with_roof_planes(city, {"box-000": [half]}))
    assert cells(scene, 0) == 150
    assert (scene.surface_m == 6.0).sum() == 300


def test_crowns_are_spheroids(small_city: City) -> None:
    city = with_trees(box_city(small_city, LONE), [(50.5, 20.5, 12.0, 4.0, 8.0)])
    window = Window(-40, 10, 0, 80)
    scene = scene_of_city(city, window)
    crown = scene.canopy_m > scene.trunk_m
    assert crown.sum() == pytest.approx(np.pi * 16.0, abs=6.0)
    i, j = 40 - 21, 50
    assert (scene.canopy_m[i, j], scene.trunk_m[i, j]) == (12.0, 4.0)
    assert np.array_equal(scene.canopy_m[~crown], scene.surface_m[~crown])
    lit, behind = shade(scene, np.array([180.0]), np.array([40.0]))
    assert (lit[0, 0], behind[0, 0]) == (300, 0), "it stands beside the roof"


def test_leaves_follow_the_hemisphere() -> None:
    north, south = transmissivity_by_month(60.0, 0.0), transmissivity_by_month(-35.0, 0.0)
    assert north[6] < 0.1 < north[0]
    assert south[0] < 0.1 < south[6]
    assert np.array_equal(np.roll(north, 6), south)
    assert np.ptp(transmissivity_by_month(5.0, 0.3)) == 0.0
    assert np.ptp(transmissivity_by_month(60.0, 1.0)) == 0.0


def test_ground_height_is_bilinear() -> None:
    terrain = Terrain(np.array([[1.0, 2.0], [3.0, 4.0]]), west=100.0, north=50.0, cell_m=10.0)
    x, y = np.array([105.0, 115.0, 105.0, 110.0, 900.0]), np.array([45.0, 45.0, 35.0, 40.0, -900.0])
    assert ground_height(terrain, x, y).tolist() == [1.0, 2.0, 3.0, 2.5, 4.0]


def test_roofs_below_ground_are_no_roofs(small_city: City) -> None:
    hill = Terrain(np.array([[0.0, 40.0]]), west=-15.0, north=50.0, cell_m=30.0)
    scene = scene_of_city(box_city(small_city, LONE).replace(terrain=hill))
    assert scene.surface_m.max() > 30.0
    assert 0 < cells(scene, 0) < 300


def test_a_city_without_buildings_has_a_scene(small_city: City) -> None:
    scene = scene_of_city(small_city.replace(buildings=small_city.buildings.iloc[:0]))
    assert len(scene.planes) == 0
    assert scene.walls is not None
    assert len(scene.walls) == 0
