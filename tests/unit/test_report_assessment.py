"""The assessment of a small city: weather years, other heights, walls by storey."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.solar_scenes import box_city
from twin.city.model import City, Weather
from twin.energy.parameters import EnergyParameters
from twin.errors import DataError, WeatherError
from twin.report.assessment import Assumptions, assess, facade_layer, storey_light
from twin.scenario.balance import ElectricityParameters
from twin.solar.economics import EconomicsParameters
from twin.solar.parameters import SolarParameters
from twin.solar.roofs import Roofs, prepare_roofs
from twin.solar.storage import StorageParameters
from twin.solar.uncertainty import UncertaintyParameters, with_other_heights

ASSUMED = Assumptions(
    SolarParameters(), EconomicsParameters(), ElectricityParameters(), StorageParameters(), UncertaintyParameters(),
    EnergyParameters(),
)  # fmt: skip


def sunnier(weather: Weather, factor: float) -> Weather:
    light = {name: getattr(weather, name) * factor for name in ("ghi_w_m2", "dni_w_m2", "dhi_w_m2")}
    return replace(weather, title=f"Year times {factor:g}", **light)


@pytest.fixture(scope="module")
def town(small_city: City) -> City:
    return small_city.replace(buildings=small_city.buildings.iloc[:12].copy())


@pytest.fixture(scope="module")
def roofs(town: City) -> Roofs:
    return prepare_roofs(town)


def test_weather_years_move_the_mean_and_the_spread(town: City, roofs: Roofs) -> None:
    one = assess(town, roofs, ASSUMED)
    three = assess(town, roofs, ASSUMED, years=[sunnier(town.weather, f) for f in (0.9, 0.8)])
    before, after = one.cadastre.buildings, three.cadastre.buildings
    built = before["pv_potential_kwp"] > 0
    ratio = (after["p50_kwh_a"] / before["p50_kwh_a"])[built]
    assert ((ratio > 0.88) & (ratio < 0.92)).all()
    np.testing.assert_allclose(after["specific_yield_kwh_kwp"][built], before["specific_yield_kwh_kwp"][built] * ratio)
    assert (after["sd_weather"][built] > 0.06).all()
    assert (one.factor == 1.0).all()
    planes = three.cadastre.planes.groupby("building_id")["pv_potential_kwh_a"].sum()
    np.testing.assert_allclose(planes[built], after["pv_potential_kwh_a"][built])


def test_years_of_another_place_are_refused(town: City, roofs: Roofs) -> None:
    with pytest.raises(WeatherError, match="another place or clock"):
        assess(town, roofs, ASSUMED, years=[replace(town.weather, latitude=50.0)])
    with pytest.raises(WeatherError, match="another place or clock"):
        assess(town, roofs, ASSUMED, years=[replace(town.weather, utc_offset_h=9.0)])


def test_no_buildings(town: City, roofs: Roofs) -> None:
    with pytest.raises(DataError, match="no buildings"):
        assess(town.replace(buildings=town.buildings.iloc[:0]), roofs, ASSUMED)


def test_other_heights_widen_the_spread(town: City, roofs: Roofs) -> None:
    def redraw() -> tuple[City, Roofs]:
        other = with_other_heights(town, UncertaintyParameters(estimated_height_sd=0.8), 1, 1)
        return other, prepare_roofs(other)

    still = assess(town, roofs, ASSUMED, redrawn=[lambda: (town, roofs)]).cadastre.buildings
    moved = assess(town, roofs, ASSUMED, redrawn=[redraw]).cadastre.buildings
    assert (still["sd_height"] < 1e-12).all()
    assert moved["sd_height"].max() > 1e-6
    assert (moved["p90_kwh_a"] <= still["p90_kwh_a"] + 1e-6).all()


def test_the_hours_of_a_building_are_its_yield(town: City, roofs: Roofs) -> None:
    found = assess(town, roofs, ASSUMED)
    name = str(found.cadastre.buildings["pv_potential_kwp"].idxmax())
    year, row = found.year(name), found.cadastre.buildings.loc[name]
    assert year.pv_kw.sum(dtype=np.float64) == pytest.approx(row["pv_potential_kwh_a"], rel=1e-5)
    assert year.demand_kw is not None and year.curve is not None and year.storeys is None
    assert year.demand_kw.sum(dtype=np.float64) == pytest.approx(row["demand_kwh_a"], rel=1e-5)
    assert year.curve["self_consumption_share"].iloc[0] == pytest.approx(row["self_consumption_share"], rel=1e-6)
    assert row["self_consumption_battery_share"] >= row["self_consumption_share"]


def test_walls_by_orientation_are_those_of_a_box(town: City) -> None:
    city = box_city(town, [(0.0, 0.0, 20.0, 10.0, 12.0)])
    extra = {
        c: town.buildings[c].iloc[:1].to_numpy() for c in town.buildings.columns if c not in city.buildings.columns
    }
    city = city.replace(buildings=city.buildings.assign(**extra))
    roofs = prepare_roofs(city)
    walls = facade_layer(city, roofs, ASSUMED).set_index("azimuth_deg")
    assert walls.index.tolist() == [0.0, 90.0, 180.0, 270.0]
    np.testing.assert_allclose(walls["area_m2"], [240.0, 120.0, 240.0, 120.0], rtol=0.02)
    np.testing.assert_allclose(walls.geometry.length, [20.0, 10.0, 20.0, 10.0])
    np.testing.assert_allclose(walls.geometry.bounds.loc[180.0, ["miny", "maxy"]], [0.0, 0.0])
    np.testing.assert_allclose(walls["irradiation_kwh_m2"], walls["unshaded_kwh_m2"], rtol=0.05)

    storeys = storey_light(city, roofs, SolarParameters(), str(city.buildings.index[0]))
    weight = storeys["area_m2"] * storeys["irradiation_kwh_m2"]
    by_side = weight.groupby(storeys["azimuth_deg"]).sum() / storeys["area_m2"].groupby(storeys["azimuth_deg"]).sum()
    np.testing.assert_allclose(by_side, walls["irradiation_kwh_m2"], rtol=0.05)
