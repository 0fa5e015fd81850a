"""What the solar model makes of roofs and weather: results keyed like the city, sums that agree, refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.solar_scenes import box_city
from twin.city.model import HOURS, City, Weather
from twin.errors import DataError
from twin.parameters import describe, with_values
from twin.solar.model import Roofs, SolarParameters, facade_gains, prepare_roofs, simulate_solar

LONE = [(0.0, 0.0, 30.0, 10.0, 8.0)]


def reasons(city: City, weather: Weather) -> list[str]:
    return simulate_solar(city, weather, SolarParameters(), prepare_roofs(city)).planes["reason"].tolist()


def test_southern_hemisphere_turns_the_rule(small_city: City, plain_weather: Weather) -> None:
    pitched = box_city(small_city, LONE, "gabled", 30.0, 0.0)
    south = dataclasses.replace(plain_weather, latitude=-35.0)
    north_first, south_first = reasons(pitched, plain_weather), reasons(pitched.replace(weather=south), south)
    assert "north" in north_first[0]
    assert "south" in south_first[1]
    assert north_first[1] == south_first[0] == "suitable"


def test_installed_is_a_share_of_the_potential(small_city: City, plain_weather: Weather) -> None:
    city = box_city(small_city, LONE)
    roofs = prepare_roofs(city)
    result = simulate_solar(city, plain_weather, SolarParameters(), roofs)
    row = result.buildings.iloc[0]
    assert row["pv_kwp"] == pytest.approx(row["pv_potential_kwp"] / 2)
    assert row["pv_kwh_a"] == pytest.approx(result.pv_kw.sum(dtype=np.float64), rel=1e-5)
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
    assert gains.shading[0, 4] > 0.9, "nothing stands south of the southern house"
    assert gains.shading[1, 4] < 0.9, "the northern house looks at it"
    np.testing.assert_array_equal(gains.horizontal_w_m2, plain_weather.ghi_w_m2)
    assert (gains.transmitted_w_m2 <= 0.704 * gains.irradiance_w_m2 + 1e-9).all(), "no more than at normal incidence"
    assert (gains.transmitted_w_m2.sum(axis=1) > 0.55 * yearly).all()
    assert gains.roof_shading.shape == (2,)
    assert ((gains.roof_shading > 0.9) & (gains.roof_shading <= 1.0)).all(), "roofs of one height see all the sky"


def test_roofs_from_the_store_give_the_same(small_city: City, plain_weather: Weather) -> None:
    roofs = prepare_roofs(small_city)
    again = Roofs.from_arrays(roofs.to_arrays())
    a, b = (simulate_solar(small_city, plain_weather, SolarParameters(), r) for r in (roofs, again))
    assert a.buildings.equals(b.buildings)


def test_roofs_of_another_city_are_refused(small_city: City, plain_weather: Weather) -> None:
    roofs = prepare_roofs(box_city(small_city, LONE))
    with pytest.raises(DataError, match="prepare the roofs"):
        simulate_solar(small_city, plain_weather, SolarParameters(), roofs)
    with pytest.raises(DataError, match="prepare the roofs"):
        facade_gains(small_city, plain_weather, SolarParameters(), roofs)


def test_city_without_buildings(small_city: City, plain_weather: Weather) -> None:
    empty = small_city.replace(buildings=small_city.buildings.iloc[:0])
    roofs = prepare_roofs(empty)
    result = simulate_solar(empty, plain_weather, SolarParameters(), roofs)
    assert len(result.planes) == len(result.buildings) == 0
    assert result.totals["pv_kwp"] == 0.0
    assert facade_gains(empty, plain_weather, SolarParameters(), roofs).shading.shape == (0, 8)


def test_every_parameter_has_a_source() -> None:
    for info in describe("solar", SolarParameters):
        assert info.source
        if info.low is not None:
            assert info.low <= info.default <= info.high
    assert with_values("solar", SolarParameters(), {"solar.albedo": 0.3}).albedo == 0.3
