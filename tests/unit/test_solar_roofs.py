"""Roof planes of a city and their light: geometry, sun's path, sky, walls, and what the object keeps."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from tests.solar_scenes import box_city, with_roof_planes, with_trees
from twin.city.model import City, Terrain
from twin.errors import DataError
from twin.kernels.solar.position import sun_of_year
from twin.solar.facades import facades
from twin.solar.roofs import Roofs, geometry_key, prepare_roofs, roofs_of_scene
from twin.solar.scene import NO_CROWN, Planes, Scene, Site, scene_of_city
from twin.solar.sky import cosines, reinhart_sky

LONE = [(0.0, 0.0, 30.0, 10.0, 8.0)]


def at(city: City, latitude: float, longitude: float, offset: float) -> City:
    place = {"latitude": latitude, "longitude": longitude, "utc_offset_h": offset}
    return city.replace(weather=dataclasses.replace(city.weather, **place))


def same(a: Roofs, b: Roofs) -> bool:
    return all(np.array_equal(v, b.to_arrays()[k]) for k, v in a.to_arrays().items())


def raster_scene(surface: np.ndarray, label: np.ndarray, planes: int) -> Scene:
    zero, height = np.zeros(planes), surface.astype(np.float32)
    ids = np.array([f"b{k}/p0" for k in range(planes)])
    table = Planes(np.arange(planes), np.zeros(planes, np.int64), zero, zero, zero + 1.0, ids)
    level = np.zeros_like(height)
    return Scene(0.0, 0.0, 1.0, height, height, level, level, NO_CROWN, NO_CROWN, label.astype(np.int32), table, planes)


def test_planes_of_each_roof_type(small_city: City) -> None:
    flat = prepare_roofs(box_city(small_city, LONE))
    assert (flat.tilt_deg.tolist(), flat.area_m2.tolist()) == ([0.0], [300.0])
    gabled = prepare_roofs(box_city(small_city, LONE, "gabled", 30.0, 0.0))
    assert gabled.azimuth_deg.tolist() == [0.0, 180.0]
    assert gabled.plane_id.tolist() == ["box-000/p0", "box-000/p1"]
    np.testing.assert_allclose(gabled.area_m2, 150.0 / np.cos(np.radians(30.0)))
    hipped = prepare_roofs(box_city(small_city, LONE, "hipped", 30.0, 0.0))
    assert hipped.azimuth_deg.tolist() == [0.0, 180.0, 90.0, 270.0]
    # Two trapezoids (30 + 20) / 2 × 5 and two triangles 10 × 5 / 2, seen from above.
    np.testing.assert_allclose(hipped.area_m2 * np.cos(np.radians(30.0)), [125.0, 125.0, 25.0, 25.0])


def test_hours_are_those_with_sun(small_city: City) -> None:
    roofs = prepare_roofs(box_city(small_city, LONE))
    weather = small_city.weather
    zenith, azimuth = sun_of_year(weather.latitude, weather.longitude, weather.utc_offset_h, weather.elevation_m)
    assert np.array_equal(roofs.hours, np.flatnonzero(zenith < 90.0))
    np.testing.assert_allclose(roofs.sun_altitude_deg, 90.0 - zenith[roofs.hours])
    np.testing.assert_allclose(roofs.sun_azimuth_deg, azimuth[roofs.hours])
    assert roofs.lit.shape == (1, len(roofs.hours))
    light = roofs.lit_at(slice(None), np.array([0, 12, 180 * 24 + 12]))
    assert light.tolist() == [[0, 255, 255]], "dark at midnight"


@pytest.mark.parametrize("roof", ["flat", "gabled", "hipped"])
def test_a_lone_building_sees_the_whole_sky(small_city: City, roof: str) -> None:
    far = box_city(small_city, [(2000.0 * k, 0.0, 22.0, 11.0, 8.0) for k in range(4)], roof, 40.0)
    turn = np.array([0.0, 20.0, 45.0, 70.0])
    shapes = [
        shapely.affinity.rotate(g, -t, origin="centroid") for g, t in zip(far.buildings.geometry, turn, strict=True)
    ]
    frame = far.buildings.set_geometry(gpd.GeoSeries(shapes, index=far.buildings.index, crs=far.buildings.crs))
    roofs = prepare_roofs(far.replace(buildings=frame.assign(roof_azimuth_deg=turn)))
    np.testing.assert_allclose(roofs.sky_share, 1.0, atol=1e-9 if roof == "flat" else 0.0021)
    weight = cosines(roofs.tilt_deg, roofs.azimuth_deg, roofs.sun_azimuth_deg, roofs.sun_altitude_deg)
    beam = (weight * roofs.lit).sum(axis=1) / weight.sum(axis=1) / 255.0
    assert beam.mean() > (0.9999 if roof == "flat" else 0.999)
    assert roofs.facade_lit.mean() > 0.995 * 255, "but where the sun grazes the steps of a slanting wall"
    np.testing.assert_allclose(roofs.facade_sky, 1.0, atol=0.01)


def test_the_sky_is_whole() -> None:
    sky = reinhart_sky()
    assert len(sky.solid_angle) == 577
    assert sky.solid_angle.sum() == pytest.approx(2 * np.pi)
    tilt, azimuth = np.array([0.0, 30.0, 90.0]), np.array([0.0, 77.0, 200.0])
    seen = (sky.cosines(tilt, azimuth) * sky.solid_angle).sum(axis=1) / np.pi
    np.testing.assert_allclose(seen, (1 + np.cos(np.radians(tilt))) / 2, atol=0.002)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_street_canyons_see_their_sky(ratio: float) -> None:
    """The floor of an endless street sees sqrt(1 + r²) - r of the sky, its walls (1 + 1/r - sqrt(1 + 1/r²)) / 2."""
    width, length = 20, 601
    surface, label = np.full((120, length), ratio * width), np.full((120, length), -1)
    surface[50:70] = 0.0
    label[50:70, 295:305] = 0
    floor = np.sqrt(1 + ratio**2) - ratio
    for turned in (False, True):
        scene = raster_scene(surface.T if turned else surface, label.T if turned else label, 1)
        roofs = roofs_of_scene(scene, Site(52.0, 13.0, 1.0))
        assert roofs.sky_share[0] == pytest.approx(floor, abs=0.003)


def test_walls_of_a_canyon_see_their_sky(small_city: City) -> None:
    ratio = 1.0
    rows = box_city(small_city, [(0.0, 0.0, 600.0, 12.0, 20.0), (0.0, 32.0, 600.0, 12.0, 20.0)])
    roofs = prepare_roofs(rows)
    wall = 0.5 * (1 + 1 / ratio - np.sqrt(1 + 1 / ratio**2))
    # Of its half sky, which is one half of all that it looks at; the ends of the street see more.
    assert roofs.facade_sky[0, 0] == pytest.approx(2 * wall, abs=0.03)
    assert roofs.facade_sky[1, 4] == pytest.approx(roofs.facade_sky[0, 0], abs=0.005)
    assert roofs.facade_sky[0, 4] == 1.0
    assert roofs.facade_area_m2[0].tolist() == [12000.0, 0.0, 240.0, 0.0, 12000.0, 0.0, 240.0, 0.0]
    noon_december = roofs.facade_lit[1, 4, 11, 11:13]
    assert np.all(noon_december < 40), "the low sun does not reach into the street"
    assert np.all(roofs.facade_lit[0, 4] == 255)
    assert np.all((roofs.facade_lit[0, 1] >= roofs.facade_lit[0, 0].min()) | (roofs.facade_lit[0, 1] == 255))


def test_a_tower_takes_the_afternoon(small_city: City) -> None:
    roofs = prepare_roofs(box_city(small_city, [*LONE, (-30.0, -10.0, 20.0, 30.0, 40.0)]))
    assert roofs.sky_share[0] < 0.9
    assert roofs.sky_share[1] == 1.0
    hour = roofs.hours % 24
    morning, evening = roofs.lit[0, hour == 7].mean(), roofs.lit[0, hour == 17].mean()
    assert morning > 200 > 120 > evening


def test_a_hill_shades(small_city: City) -> None:
    boxes = [(0.0, 0.0, 10.0, 10.0, 5.0), (20.0, 0.0, 10.0, 10.0, 5.0)]
    flat = box_city(small_city, boxes)
    hill = flat.replace(terrain=Terrain(np.array([[0.0, 30.0]]), west=-5.0, north=50.0, cell_m=20.0))
    assert prepare_roofs(flat).sky_share.tolist() == [1.0, 1.0]
    low, high = prepare_roofs(hill).sky_share
    assert low < 0.95 < high


def test_crowns_let_more_through_in_winter(small_city: City) -> None:
    """A tall tree south of a low roof: little gets through at noon in June, about half of what it hides in December."""
    city = at(box_city(small_city, LONE), 45.0, 15.0, 1.0)
    trees = [(float(x), -9.0, 30.0, 1.0, 16.0) for x in (-6, 5, 15, 25, 36)]
    plain, treed = prepare_roofs(city), prepare_roofs(with_trees(city, trees))
    noon = treed.hours % 24 == 12
    month = treed.hours // 24 // 30.5
    winter, summer = (float(treed.lit[0, noon & (month == m)].mean()) for m in (0, 6))
    assert np.all(plain.lit[0, noon] == 255)
    assert 0.45 * 255 <= winter < 0.75 * 255
    assert np.all(treed.lit <= plain.lit)
    pines = prepare_roofs(with_trees(city, trees, evergreen=True))
    assert pines.lit[0, noon & (month == 0)].mean() < winter
    assert summer > winter, "the sun stands above the crowns"


def test_roof_planes_of_a_3d_model(small_city: City) -> None:
    city = box_city(small_city, [*LONE, (200.0, 0.0, 10.0, 10.0, 5.0)])
    south = shapely.Polygon([(0, 0, 6), (30, 0, 6), (30, 5, 9), (0, 5, 9)])
    north = shapely.Polygon([(0, 10, 6), (0, 5, 9), (30, 5, 9), (30, 10, 6)])
    steep = shapely.Polygon([(5, 5, 9), (5.2, 5, 9), (5.2, 5.01, 12), (5, 5.01, 12)])
    roofs = prepare_roofs(with_roof_planes(city, {"box-000": [south, north, steep]}))
    assert roofs.plane_id.tolist() == ["box-000/s0", "box-000/s1", "box-000/s2", "box-001/p0"]
    np.testing.assert_allclose(roofs.azimuth_deg[:2], [180.0, 0.0])
    np.testing.assert_allclose(roofs.area_m2[:2], 30.0 * np.hypot(5.0, 3.0))
    np.testing.assert_allclose(roofs.sky_share[:2], 1.0, atol=0.002)
    assert np.isfinite(roofs.sky_share).all()


def test_odd_footprints(small_city: City) -> None:
    """Courtyards, slivers thinner than a cell, parts, one inside a higher one: each plane has its light."""
    court = shapely.box(0, 0, 60, 60).difference(shapely.box(10, 10, 50, 50))
    thin = shapely.Polygon([(100, 0), (100.4, 0), (180, 80), (180, 80.4)])
    parts = shapely.MultiPolygon([shapely.box(200, 0, 210, 10), shapely.box(300, 50, 310, 60)])
    kiosk = shapely.box(130.2, 2.2, 130.5, 2.6)
    inside = shapely.box(203, 3, 206, 6)
    shapes = [court, thin, parts, kiosk, inside]
    boxes = [*LONE * 4, (0.0, 0.0, 1.0, 1.0, 3.0)]
    for roof in ("flat", "gabled", "hipped"):
        frame = box_city(small_city, boxes, roof, 30.0, 45.0).buildings
        frame = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
        city = small_city.replace(buildings=frame)
        roofs = prepare_roofs(city)
        assert np.isfinite(roofs.sky_share).all()
        assert roofs.lit.any(axis=1).all()
        for fields in (roofs.lit, roofs.sky_share):
            hidden = roofs.plane_building == 4
            over = roofs.plane_building == 2
            assert all(any(np.array_equal(a, b) for b in fields[over]) for a in fields[hidden]), "the roof above it"
    area = roofs.area_m2[:4].sum() * np.cos(np.radians(30.0))
    assert area == pytest.approx(court.area)


def test_a_building_of_one_cell_and_no_building(small_city: City) -> None:
    one = prepare_roofs(box_city(small_city, [(5.0, 5.0, 1.0, 1.0, 3.0)]))
    assert one.sky_share.tolist() == [1.0]
    assert np.all(one.lit == 255)
    none = prepare_roofs(small_city.replace(buildings=small_city.buildings.iloc[:0]))
    assert none.lit.shape == (0, len(none.hours))
    assert none.facade_lit.shape == (0, 8, 12, 24)
    assert none.ground_sky == 1.0
    assert same(none, Roofs.from_arrays(none.to_arrays()))


def test_polar_day_and_night(small_city: City) -> None:
    roofs = prepare_roofs(at(box_city(small_city, LONE), 78.2, 15.6, 1.0))
    day = np.bincount(roofs.hours // 24, minlength=365)
    assert day[172] == 24
    assert day[355] == day[10] == 0
    assert np.all(roofs.lit == 255)


def test_the_southern_hemisphere_has_its_sun_in_the_north(small_city: City) -> None:
    wall = box_city(small_city, [*LONE, (0.0, 14.0, 30.0, 6.0, 20.0)])
    north, south = (prepare_roofs(at(wall, latitude, 15.0, 1.0)) for latitude in (50.0, -50.0))
    noon = {k: r.lit[0, r.hours % 24 == 12].mean() for k, r in (("north", north), ("south", south))}
    assert noon["north"] == 255
    assert noon["south"] < 128
    turned = np.arange(12)
    assert north.facade_lit[0, 4, turned, 12].min() == 255


@pytest.mark.parametrize(("longitude", "offset"), [(179.9, 12.0), (-179.9, -12.0), (-179.9, 12.0)])
def test_the_date_line_is_no_border(small_city: City, longitude: float, offset: float) -> None:
    roofs = prepare_roofs(at(box_city(small_city, LONE), 10.0, longitude, offset))
    highest = roofs.hours[np.argmax(roofs.sun_altitude_deg)] % 24
    assert highest in (11, 12)
    assert 4800 < len(roofs.hours) < 4900, "4422 h of sun, and the hours of sunrise and sunset"


def test_roofs_survive_the_store(small_city: City, tmp_path: Path) -> None:
    roofs = prepare_roofs(small_city)
    again = Roofs.from_arrays(roofs.to_arrays())
    assert all(isinstance(value, np.ndarray) for value in roofs.to_arrays().values())
    assert same(roofs, again)
    assert dataclasses.fields(again) == dataclasses.fields(roofs)
    mapped = prepare_roofs(small_city, store=tmp_path / "lit.npy")
    assert isinstance(mapped.lit, np.memmap)
    assert same(roofs, mapped)


def test_roofs_of_another_city_are_refused(small_city: City) -> None:
    roofs = prepare_roofs(box_city(small_city, LONE))
    with pytest.raises(DataError, match="prepare the roofs"):
        roofs.planes(small_city)


def test_progress_counts_buildings(small_city: City) -> None:
    seen: list[tuple[int, int]] = []
    prepare_roofs(small_city, progress=lambda done, total: seen.append((done, total)), tile_m=256.0)
    assert seen[-1] == (120, 120)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert len(seen) > 1


def test_geometry_key_follows_geometry_only(small_city: City) -> None:
    key = geometry_key(small_city)
    frame = small_city.buildings
    assert geometry_key(small_city.replace(buildings=frame.assign(pv_share=1.0))) == key
    assert geometry_key(small_city.replace(buildings=frame.assign(height_m=frame["height_m"] + 1.0))) != key
    assert geometry_key(small_city.replace(buildings=frame.assign(roof_type="hipped"))) != key
    assert geometry_key(small_city.replace(buildings=frame.iloc[1:])) != key
    assert geometry_key(at(small_city, -30.0, 20.0, 1.0)) != key
    grown = with_trees(small_city, [(5e5, 6.67e6, 12.0, 4.0, 8.0)])
    assert geometry_key(grown) != key
    assert geometry_key(with_trees(small_city, [(5e5, 6.67e6, 13.0, 4.0, 8.0)])) != geometry_key(grown)


def test_facades_by_storey(small_city: City) -> None:
    street = box_city(small_city, [(0.0, 0.0, 40.0, 12.0, 15.0), (0.0, 24.0, 40.0, 12.0, 15.0)])
    city = street.replace(buildings=street.buildings.assign(levels=5.0))
    light = facades(city, ["box-001"])
    table = light.frame(city)
    assert set(table["building_id"]) == {"box-001"}
    assert table["area_m2"].sum() == pytest.approx(104.0 * 15.0)
    south = table[table["azimuth_deg"] == 180.0].sort_values("storey")
    assert south["storey"].tolist() == [0, 1, 2, 3, 4]
    assert south["sky_share"].is_monotonic_increasing
    assert south["sun_hours"].is_monotonic_increasing
    behind = cosines(np.full(len(table), 90.0), light.azimuth_deg, light.sun_azimuth_deg, light.sun_altitude_deg) == 0.0
    assert not light.lit[behind].any()
    with pytest.raises(DataError, match="box-007"):
        facades(city, ["box-007"])
    assert len(facades(city, []).frame(city)) == 0


def test_a_raster_scene_gives_the_same_light(small_city: City) -> None:
    city = small_city.replace(buildings=small_city.buildings.iloc[:30])
    weather = city.weather
    site = Site(weather.latitude, weather.longitude, weather.utc_offset_h, weather.elevation_m)
    direct, raster = prepare_roofs(city), roofs_of_scene(scene_of_city(city), site)
    for name in ("lit", "sky_share", "band_share", "facade_sky", "facade_lit", "plane_id"):
        assert np.array_equal(getattr(direct, name), getattr(raster, name)), name
