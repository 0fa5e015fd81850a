"""Roof planes from footprints, suitability in plain words, and what the results hold."""

from __future__ import annotations

import dataclasses

import geopandas as gpd
import numpy as np
import pytest
import shapely

from tests.solar_scenes import box_city
from twin.city.model import HOURS, City, Terrain, Weather
from twin.errors import DataError
from twin.parameters import describe, with_values
from twin.solar.model import (
    Roofs,
    SolarParameters,
    facade_gains,
    geometry_key,
    prepare_roofs,
    simulate_solar,
)
from twin.solar.roofs import POINTS_PER_PLANE, ground_height

LONE = [(0.0, 0.0, 30.0, 10.0, 8.0)]


def reasons(city: City, weather: Weather, parameters: SolarParameters | None = None) -> list[str]:
    result = simulate_solar(city, weather, parameters or SolarParameters(), prepare_roofs(city))
    return result.planes["reason"].tolist()


def test_planes_of_each_roof_type(small_city: City) -> None:
    flat = prepare_roofs(box_city(small_city, LONE))
    assert (flat.tilt_deg.tolist(), flat.area_m2.tolist()) == ([0.0], [300.0])
    gabled = prepare_roofs(box_city(small_city, LONE, "gabled", 30.0, 0.0))
    assert gabled.azimuth_deg.tolist() == [0.0, 180.0]
    np.testing.assert_allclose(gabled.area_m2, 150.0 / np.cos(np.radians(30.0)))
    hipped = prepare_roofs(box_city(small_city, LONE, "hipped", 30.0, 0.0))
    assert hipped.azimuth_deg.tolist() == [0.0, 180.0, 90.0, 270.0]
    # Two trapezoids (30 + 20) / 2 × 5 and two triangles 10 × 5 / 2, seen from above.
    np.testing.assert_allclose(hipped.area_m2 * np.cos(np.radians(30.0)), [125.0, 125.0, 25.0, 25.0])


def test_sample_points_lie_in_their_plane(small_city: City) -> None:
    from twin.solar.roofs import _planes, _prisms

    city = box_city(small_city, LONE, "gabled", 45.0, 0.0)
    geometry = city.buildings.geometry.to_numpy()
    planes = _planes(city, geometry, _prisms(city, geometry), np.array([0]))
    north = planes["y"] > 5.0
    assert planes["points"].tolist() == [POINTS_PER_PLANE, POINTS_PER_PLANE]
    assert np.array_equal(north, np.arange(24) < 12), "plane 0 faces north"
    # At 45° the roof is as high above the eaves as the point is away from them.
    np.testing.assert_allclose(planes["z"] - 8.0, np.where(north, 10.0 - planes["y"], planes["y"]))


def test_odd_footprints_have_points_inside(small_city: City) -> None:
    court = shapely.box(0, 0, 60, 60).difference(shapely.box(10, 10, 50, 50))
    thin = shapely.Polygon([(100, 0), (100.4, 0), (180, 80), (180, 80.4)])
    parts = shapely.MultiPolygon([shapely.box(200, 0, 210, 10), shapely.box(300, 50, 310, 60)])
    shapes = [court, thin, parts]
    for roof in ("flat", "gabled", "hipped"):
        frame = box_city(small_city, LONE * 3, roof, 30.0, 45.0).buildings.set_geometry(gpd.GeoSeries(shapes).values)
        frame.index = ["a", "b", "c"]
        roofs = prepare_roofs(small_city.replace(buildings=frame))
        assert np.diff(roofs.point_start).min() >= 1
        assert np.isfinite(roofs.horizon).all()
    area = prepare_roofs(small_city.replace(buildings=frame)).area_m2[:4].sum() * np.cos(np.radians(30.0))
    assert area == pytest.approx(court.area)


def test_suitability_is_explained(small_city: City, plain_weather: Weather) -> None:
    assert reasons(box_city(small_city, LONE), plain_weather) == ["suitable"]
    assert reasons(box_city(small_city, LONE, "gabled", 30.0, 10.0), plain_weather) == ["faces north", "suitable"]
    kiosk = box_city(small_city, [(0.0, 0.0, 3.0, 3.0, 3.0)])
    assert reasons(kiosk, plain_weather) == ["less than 10 m² of contiguous area"]
    steep = box_city(small_city, LONE, "gabled", 65.0, 90.0)
    assert reasons(steep, plain_weather) == ["steeper than 60°", "steeper than 60°"]
    well = box_city(small_city, [*LONE, (-40.0, -40.0, 110.0, 38.0, 60.0)])
    text = reasons(well, plain_weather)[0]
    assert text.startswith("shaded: ")
    assert text.endswith(" % of unshaded irradiation (needs 80 %)")
    assert int(text.split()[1]) < 80


def test_southern_hemisphere_turns_the_rule(small_city: City, plain_weather: Weather) -> None:
    south = dataclasses.replace(plain_weather, latitude=-35.0)
    assert reasons(box_city(small_city, LONE, "gabled", 30.0, 0.0), south) == ["suitable", "faces south"]


def test_capacity_follows_the_stated_factors(small_city: City, plain_weather: Weather) -> None:
    city = box_city(small_city, LONE)
    roofs = prepare_roofs(city)
    result = simulate_solar(city, plain_weather, SolarParameters(), roofs)
    row = result.buildings.iloc[0]
    assert row["suitable_area_m2"] == pytest.approx(300.0 * 0.6)
    assert row["pv_potential_kwp"] == pytest.approx(300.0 * 0.6 * 0.7 * 0.2)
    assert row["pv_kwp"] == pytest.approx(row["pv_potential_kwp"] / 2)
    assert row["pv_kwh_a"] == pytest.approx(result.pv_kw.sum(dtype=np.float64), rel=1e-6)
    assert result.pv_kw.shape == (1, HOURS)
    assert result.pv_kw.dtype == np.float32
    assert result.totals["pv_kwh_a"] == row["pv_kwh_a"]
    half = simulate_solar(city, plain_weather, SolarParameters(yield_factor=0.5), roofs)
    assert half.totals["pv_kwh_a"] == pytest.approx(row["pv_kwh_a"] / 2)
    assert half.totals["roof_irradiation_kwh_a"] == result.totals["roof_irradiation_kwh_a"]


def test_results_are_keyed_like_the_city(small_city: City, plain_weather: Weather) -> None:
    roofs = prepare_roofs(small_city)
    result = simulate_solar(small_city, plain_weather, SolarParameters(), roofs)
    assert result.buildings.index.equals(small_city.buildings.index)
    assert not result.buildings.isna().any(axis=None)
    assert result.planes.index.is_unique
    assert result.planes.index.name == "plane_id"
    assert set(result.planes["building_id"]) == set(small_city.buildings.index)
    covered = result.planes["area_m2"] * np.cos(np.radians(result.planes["tilt_deg"]))
    np.testing.assert_allclose(
        covered.groupby(result.planes["building_id"]).sum(), small_city.buildings.area, rtol=1e-9
    )


def test_facades(small_city: City, plain_weather: Weather) -> None:
    street = box_city(small_city, [(0.0, 0.0, 40.0, 12.0, 15.0), (0.0, 24.0, 40.0, 12.0, 15.0)])
    gains = facade_gains(street, plain_weather, SolarParameters(), prepare_roofs(street))
    assert gains.azimuth_deg.tolist() == [0.0, 45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0]
    assert gains.irradiance_w_m2.shape == (8, HOURS)
    yearly = gains.irradiance_w_m2.sum(axis=1)
    assert yearly.argmax() == 4, "the south receives most"
    assert yearly.argmin() == 0
    assert gains.shading.shape == (2, 8)
    assert np.all((gains.shading > 0.0) & (gains.shading <= 1.0))
    assert gains.shading[0, 4] == 1.0, "nothing stands south of the southern house"
    assert gains.shading[1, 4] < 0.9, "the northern house looks at it"


def test_roofs_survive_the_store(small_city: City, plain_weather: Weather) -> None:
    roofs = prepare_roofs(small_city)
    again = Roofs.from_arrays(roofs.to_arrays())
    for name, value in roofs.to_arrays().items():
        assert isinstance(value, np.ndarray)
        assert np.array_equal(value, again.to_arrays()[name])
    a, b = (simulate_solar(small_city, plain_weather, SolarParameters(), r) for r in (roofs, again))
    assert a.buildings.equals(b.buildings)


def test_roofs_of_another_city_are_refused(small_city: City, plain_weather: Weather) -> None:
    roofs = prepare_roofs(small_city)
    smaller = small_city.replace(buildings=small_city.buildings.iloc[1:])
    with pytest.raises(DataError, match="prepare the roofs"):
        simulate_solar(smaller, plain_weather, SolarParameters(), roofs)
    with pytest.raises(DataError, match="prepare the roofs"):
        facade_gains(smaller, plain_weather, SolarParameters(), roofs)
    part = prepare_roofs(small_city, rows=slice(0, 10))
    with pytest.raises(DataError, match="0 to 10 of 120"):
        simulate_solar(small_city, plain_weather, SolarParameters(), part)


def test_city_without_buildings(small_city: City, plain_weather: Weather) -> None:
    empty = small_city.replace(buildings=small_city.buildings.iloc[:0])
    roofs = prepare_roofs(empty)
    result = simulate_solar(empty, plain_weather, SolarParameters(), roofs)
    assert len(result.planes) == len(result.buildings) == 0
    assert result.totals["pv_kwp"] == 0.0
    assert facade_gains(empty, plain_weather, SolarParameters(), roofs).shading.shape == (0, 8)


def test_geometry_key_follows_geometry_only(small_city: City) -> None:
    key = geometry_key(small_city)
    frame = small_city.buildings
    assert geometry_key(small_city.replace(buildings=frame.assign(pv_share=1.0))) == key
    assert geometry_key(small_city.replace(buildings=frame.assign(height_m=frame["height_m"] + 1.0))) != key
    assert geometry_key(small_city.replace(buildings=frame.assign(roof_type="hipped"))) != key
    assert geometry_key(small_city.replace(buildings=frame.iloc[1:])) != key


def test_ground_height() -> None:
    terrain = Terrain(np.array([[1.0, 2.0], [3.0, 4.0]]), west=100.0, north=50.0, cell_m=10.0)
    x, y = np.array([105.0, 115.0, 105.0, 900.0]), np.array([45.0, 45.0, 35.0, -900.0])
    assert ground_height(terrain, x, y).tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_hill_shades(small_city: City) -> None:
    boxes = [(0.0, 0.0, 10.0, 10.0, 5.0), (20.0, 0.0, 10.0, 10.0, 5.0)]
    flat = box_city(small_city, boxes)
    hill = flat.replace(terrain=Terrain(np.array([[0.0, 30.0]]), west=-5.0, north=50.0, cell_m=20.0))
    assert prepare_roofs(flat).sky_share.tolist() == [1.0, 1.0]
    low, high = prepare_roofs(hill).sky_share
    assert low < 0.95
    assert high == 1.0


def test_every_parameter_has_a_source() -> None:
    for info in describe("solar", SolarParameters):
        assert info.source
        assert info.low <= info.default <= info.high
    assert with_values("solar", SolarParameters(), {"solar.albedo": 0.3}).albedo == 0.3
