"""Walls of surface models: where they stand, how high they are, and what façades get there."""

from __future__ import annotations

import dataclasses

import geopandas as gpd
import numpy as np
import pytest
import shapely

from tests.roof_rasters import Roof, footprints, rasters
from tests.solar_scenes import box_city, with_roof_planes
from twin.city.model import City
from twin.city.raster_align import align
from twin.solar.facade_gains import facade_gains
from twin.solar.facades import facades
from twin.solar.model import SolarParameters, prepare_roofs, simulate_solar
from twin.solar.roofs import roofs_of_scene, site_of
from twin.solar.scene import Scene, Walls, scene_of_city
from twin.solar.segment import scene_from_rasters, scene_of, segment_roofs
from twin.solar.sources import RasterSource
from twin.solar.walls import walls_of_raster

SIZE_M = 60.0
FLAT = Roof("flat", 30, 30, 20, 10, 90, 0, 9.0)


def area_by_side(walls: Walls) -> np.ndarray:
    side = np.floor((walls.azimuth_deg + 22.5) % 360.0 / 45.0).astype(int)
    return np.bincount(side, walls.area_m2, minlength=8)


def scene(roofs: list[Roof], **options: float) -> Scene:
    surface, ground = rasters(roofs, size_m=SIZE_M, **options)
    return scene_from_rasters(surface, ground, footprints=footprints(roofs, SIZE_M))


@pytest.mark.parametrize("cell_m", [0.5, 1.0])
def test_a_box_has_its_four_walls(cell_m: float) -> None:
    walls = scene([FLAT], cell_m=cell_m).walls
    assert walls is not None
    np.testing.assert_allclose(area_by_side(walls), [180.0, 0, 90, 0, 180, 0, 90, 0], rtol=0.01, atol=1e-9)


def test_gables_rise_to_the_ridge() -> None:
    house = Roof("gabled", 30, 30, 16, 10, 0, 45, 6.0)
    walls = scene([house], cell_m=0.5).walls
    assert walls is not None
    gable = 10 * 6.0 + 10 * 5.0 / 2
    np.testing.assert_allclose(area_by_side(walls), [gable, 0, 96, 0, gable, 0, 96, 0], rtol=0.06, atol=1e-9)


def test_turned_walls_keep_length_and_direction() -> None:
    walls = scene([dataclasses.replace(FLAT, ridge_deg=25.0)], cell_m=0.5).walls
    assert walls is not None
    assert set(np.round(walls.azimuth_deg, 3)) == {25.0, 115.0, 205.0, 295.0}
    assert walls.area_m2.sum() == pytest.approx(60.0 * 9.0, rel=0.02)


def test_party_walls_are_free_above_the_neighbour() -> None:
    low, high = Roof("flat", 20, 30, 10, 10, 0, 0, 6.0), Roof("flat", 30, 30, 10, 10, 0, 0, 12.0)
    walls = scene([low, high], cell_m=0.5).walls
    assert walls is not None
    np.testing.assert_allclose(np.bincount(walls.building, walls.area_m2), [180.0, 360.0 + 60.0], rtol=0.02)


def test_without_outlines_there_are_no_walls() -> None:
    surface, ground = rasters([FLAT], size_m=SIZE_M)
    assert scene_of(segment_roofs(align(surface, ground))).walls is None


def test_walls_beyond_the_raster_are_left_out() -> None:
    surface, ground = rasters([FLAT], size_m=SIZE_M)
    whole = footprints([FLAT], SIZE_M)
    found = segment_roofs(align(surface, ground), whole)
    far = whole.geometry.apply(lambda shape: shapely.union(shape, shapely.affinity.translate(shape, 500.0, 0.0)))
    walls = scene_of(found, outlines=gpd.GeoSeries(far, crs=whole.crs)).walls
    assert walls is not None
    assert walls.area_m2.sum() == pytest.approx(60.0 * 9.0, rel=0.01)


def test_buildings_reach_to_their_walls() -> None:
    """Cells of a building that are in no plane still have walls, which lie in the building's tile."""
    found = scene([FLAT])
    east = np.where(np.arange(60) >= 30, -1, found.label)  # half of the roof is in no plane
    half = dataclasses.replace(found, label=east.astype(np.int32))
    walls, box = half.walls, RasterSource(half).box[0]
    assert walls is not None
    assert box[0] <= walls.row.min() < walls.row.max() < box[1]
    assert box[2] <= walls.column.min() < walls.column.max() < box[3]


def test_light_of_a_raster_is_that_of_the_vectors(small_city: City) -> None:
    boxes = [(10.0, 20.0, 20.0, 12.0, 12.0), (10.0, 50.0, 20.0, 12.0, 18.0), (44.0, 20.0, 10.0, 42.0, 9.0)]
    city = box_city(small_city, boxes)
    vectors = scene_of_city(city)
    building = np.append(vectors.planes.building, -1)[vectors.label]
    walls = walls_of_raster(vectors, building, np.zeros(building.shape), city.buildings.geometry.to_numpy())
    assert vectors.walls is not None
    for field in dataclasses.fields(Walls):
        np.testing.assert_allclose(getattr(walls, field.name), getattr(vectors.walls, field.name), atol=1e-5)
    raster = dataclasses.replace(vectors, walls=walls)
    ours, known = roofs_of_scene(raster, site_of(city.weather)), prepare_roofs(city)
    for name in ("facade_area_m2", "facade_sky", "facade_vsc"):
        np.testing.assert_allclose(getattr(ours, name), getattr(known, name), atol=1e-4)
    open_walls = roofs_of_scene(dataclasses.replace(vectors, walls=None), site_of(city.weather))
    p = SolarParameters(facade_minimum_kwh_m2=300.0)
    pv, gains = (
        [f(city, city.weather, p, roofs) for roofs in (ours, known, open_walls)] for f in (simulate_solar, facade_gains)
    )
    assert pv[0].totals["facade_pv_potential_kwh_a"] == pytest.approx(pv[1].totals["facade_pv_potential_kwh_a"], 0.03)
    assert pv[0].totals["facade_pv_potential_kwh_a"] > 0.0 == pv[2].totals["facade_pv_potential_kwh_a"]
    # The raster ends beside the buildings, so that it has another open ground than the city: 1.6 % of PV.
    np.testing.assert_allclose(gains[0].shading, gains[1].shading, atol=0.02)
    assert gains[0].shading.min() < 0.9 < gains[2].shading.min()
    storeys = [facades(city, ["box-000"], source=s).frame(city) for s in (RasterSource(raster), None)]
    np.testing.assert_allclose(storeys[0]["sun_hours"], storeys[1]["sun_hours"], rtol=0.01)
    assert len(facades(city, ["box-000"], source=RasterSource(dataclasses.replace(vectors, walls=None))).building) == 0


def test_facades_of_a_city_model(small_city: City) -> None:
    """Roof surfaces of LoD2 with a gable: the walls are those of the solid, and façades get light and PV."""
    city = box_city(small_city, [(0.0, 0.0, 20.0, 10.0, 6.0), (0.0, 22.0, 20.0, 10.0, 15.0)])
    west, east, south, north, ridge = 0.0, 20.0, 0.0, 10.0, 11.0
    halves = [
        shapely.Polygon([(west, south, 6.0), (east, south, 6.0), (east, 5.0, ridge), (west, 5.0, ridge)]),
        shapely.Polygon([(east, north, 6.0), (west, north, 6.0), (west, 5.0, ridge), (east, 5.0, ridge)]),
    ]
    modelled = with_roof_planes(city, {"box-000": halves})
    roofs = prepare_roofs(modelled, cell_m=0.5)
    gable = 10.0 * 6.0 + 10.0 * 5.0 / 2.0
    np.testing.assert_allclose(roofs.facade_area_m2[0], [120.0, 0, gable, 0, 120.0, 0, gable, 0], rtol=0.02)
    found = simulate_solar(modelled, city.weather, SolarParameters(), roofs).buildings
    assert (found["facade_pv_potential_kwh_a"] > 0.0).all()
    assert found["facade_vsc_lowest"].iloc[0] < found["facade_vsc_mean"].iloc[0] < 0.4
