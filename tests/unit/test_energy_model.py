import dataclasses
import sys

import numpy as np
import pandas as pd
import pytest
from numba.core.dispatcher import Dispatcher

from tests.energy_sun import rough_sun
from twin.city.model import HOURS
from twin.city.morph import with_heat_island
from twin.energy.model import INTENSIVE, METHODS, simulate_energy
from twin.energy.parameters import EnergyParameters, Factors
from twin.errors import DataError, WeatherError
from twin.kernels import registry

HOURLY = ("heating_kw", "cooling_kw", "hot_water_kw", "electricity_kw", "district_heating_kw")


def simulate(city, parameters=None, **options):
    sun = options.pop("sun", None) or rough_sun(city.weather, len(city.buildings))
    return simulate_energy(city, city.weather, sun, parameters or EnergyParameters(), **{"seed": 1, **options})


def changed(city, **columns):
    return city.replace(buildings=city.buildings.assign(**columns))


@pytest.fixture(scope="module")
def result(small_city):
    return simulate(small_city)


def test_result_follows_the_contract(small_city, result):
    assert result.buildings.index.equals(small_city.buildings.index)
    assert np.isfinite(result.buildings.to_numpy()).all()
    assert (result.buildings.to_numpy() >= 0.0).all()
    for name in HOURLY:
        series = getattr(result, name)
        assert series.dtype == np.float32
        assert series.shape == (len(small_city.buildings), HOURS)
    assert set(result.totals) == {*result.buildings.columns, "peak_district_heating_kw"} - set(INTENSIVE)
    for series, column in (("heating_kw", "heating_kwh_a"), ("electricity_kw", "electricity_kwh_a")):
        np.testing.assert_allclose(
            getattr(result, series).sum(axis=1, dtype=float), result.buildings[column], rtol=1e-4
        )
    np.testing.assert_allclose(result.heating_kw.max(axis=1), result.buildings["peak_heating_kw"], rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_zones_conserve_energy(small_city, method):
    b = simulate(small_city, rows=slice(0, 40), method=method).balance
    residual = b.heating - b.cooling + b.internal + b.solar - b.transmitted - b.ventilated - b.stored
    assert (residual.abs() <= 1e-9 * b.abs().sum(axis=1)).all()


def test_blocks_and_repetition_give_the_same_bits(small_city, result):
    again = simulate(small_city)
    part = simulate(small_city, rows=slice(30, 45))
    for name in HOURLY:
        np.testing.assert_array_equal(getattr(again, name), getattr(result, name))
        np.testing.assert_array_equal(getattr(part, name), getattr(result, name)[30:45])
    np.testing.assert_array_equal(part.buildings, result.buildings.iloc[30:45])


def test_reference_kernels_agree(small_city, result):
    reference = simulate(small_city, rows=slice(0, 12), variant="reference")
    np.testing.assert_allclose(reference.buildings, result.buildings.iloc[:12], rtol=1e-5, atol=1e-2)


def test_behaviour_is_keyed_by_building(small_city, result):
    without = small_city.replace(buildings=small_city.buildings.iloc[1:])
    assert simulate(without).buildings["appliances_kwh_a"].equals(result.buildings["appliances_kwh_a"].iloc[1:])
    other = simulate(small_city, draw=1)
    assert not np.allclose(other.buildings["appliances_kwh_a"], result.buildings["appliances_kwh_a"])


@pytest.mark.parametrize(
    ("supply", "column"),
    [
        ("district_heating", "district_heating_kwh_a"),
        ("gas_boiler", "gas_kwh_a"),
        ("oil_boiler", "oil_kwh_a"),
        ("direct_electric", None),
        ("air_heat_pump", None),
        ("ground_heat_pump", None),
    ],
)
def test_heat_comes_from_one_carrier(small_city, result, supply, column):
    b = simulate(changed(small_city, heat_supply=supply)).buildings
    used = {name for name in ("district_heating_kwh_a", "gas_kwh_a", "oil_kwh_a") if b[name].sum() > 0.0}
    assert used == ({column} if column else set())
    p = EnergyParameters()
    heat = b["heating_kwh_a"] / p.distribution_efficiency + b["hot_water_kwh_a"]
    plain = b["appliances_kwh_a"] + b["cooling_kwh_a"] / p.cooling_efficiency
    electric = b["electricity_kwh_a"] - plain
    if column:
        np.testing.assert_allclose(electric, 0.0, atol=1e-4 * plain.max())
        assert (b[column] >= 0.95 * heat).all()
    elif supply == "direct_electric":
        np.testing.assert_allclose(electric, heat, rtol=1e-4)
    else:
        assert ((heat / electric > 1.5) & (heat / electric < 5.0)).all()
    assert (b["heat_co2_kg_a"].sum() > 0.0) == bool(column)


def test_retrofit_saves_heat_and_serves_heat_pumps(small_city, result):
    needs, seasonal = [], []
    for envelope in ("existing", "standard_retrofit", "deep_retrofit"):
        b = simulate(changed(small_city, envelope=envelope, heat_supply="air_heat_pump")).buildings
        needs.append(b["heating_kwh_a"].sum())
        used = b["electricity_kwh_a"] - b["appliances_kwh_a"] - b["cooling_kwh_a"] / 3.0
        seasonal.append((b["heating_kwh_a"] / 0.88).sum() / used.sum())
    assert needs[0] > 1.2 * needs[1] > 1.2 * needs[2]
    homes = small_city.buildings["use"] == "residential"
    strong = simulate(small_city, EnergyParameters(prebound_strength=1.0)).buildings["heating_kwh_a"]
    none = simulate(small_city, EnergyParameters(prebound_strength=0.0)).buildings["heating_kwh_a"]
    assert strong[homes].sum() < result.buildings["heating_kwh_a"][homes].sum() < none[homes].sum()
    assert strong[~homes].equals(none[~homes])


def test_empty_building_is_dead(small_city):
    empty = small_city.buildings.copy()
    empty.loc[empty.index[0], "floor_area_m2"] = 0.0
    b = simulate(small_city.replace(buildings=empty)).buildings
    assert (b.iloc[0].drop("overheating_h") == 0.0).all()
    assert np.isfinite(b.to_numpy()).all()


def test_methods_agree_on_the_stock(small_city, result):
    """Six modes of layered walls and the simple hourly method, by year class: within a tenth of the heating."""
    simple = simulate(small_city, method="simple_hourly")
    area, years = small_city.buildings["floor_area_m2"], small_city.buildings["year_class"]
    ours, theirs = (
        (r.buildings["heating_kwh_a"].groupby(years).sum() / area.groupby(years).sum()) for r in (result, simple)
    )
    assert (abs(ours / theirs - 1.0) < 0.15).all(), (ours, theirs)


def test_factors_of_calibration(small_city, result):
    count = len(small_city.buildings)
    neutral = Factors.neutral(count)
    same = simulate(small_city, factors=neutral)
    for name in HOURLY:
        np.testing.assert_array_equal(getattr(same, name), getattr(result, name))
    some = np.arange(count) % 2 == 0
    two = np.where(some, 1.2, 1.0)
    for name, column in (
        ("u_value", "heating_kwh_a"),
        ("infiltration", "heating_kwh_a"),
        ("ventilation", "heating_kwh_a"),
        ("appliances", "appliances_kwh_a"),
        ("hot_water", "hot_water_kwh_a"),
    ):
        more = simulate(small_city, factors=dataclasses.replace(neutral, **{name: two})).buildings
        assert (more[column][some] > result.buildings[column][some]).all(), name
        np.testing.assert_array_equal(more[~some], result.buildings[~some])
    warmer = simulate(small_city, factors=dataclasses.replace(neutral, setpoint_shift_k=some * 1.0)).buildings
    assert (warmer["heating_kwh_a"][some] > result.buildings["heating_kwh_a"][some]).all()
    gains = simulate(small_city, factors=dataclasses.replace(neutral, internal_gains=two)).buildings
    assert (gains["heating_kwh_a"][some] < result.buildings["heating_kwh_a"][some]).all()
    with pytest.raises(DataError, match="infiltration"):
        simulate(small_city, factors=dataclasses.replace(neutral, infiltration=np.zeros(count)))
    with pytest.raises(DataError, match="hot_water"):
        simulate(small_city, factors=dataclasses.replace(neutral, hot_water=np.ones(3)))


def test_campaigns_reach_the_zones(small_city, result):
    cooler = simulate(changed(small_city, heating_shift_k=-1.0)).buildings
    assert (cooler["heating_kwh_a"] < result.buildings["heating_kwh_a"]).all()
    watched = simulate(changed(small_city, appliance_factor=0.9)).buildings
    assert (watched["appliances_kwh_a"] < result.buildings["appliances_kwh_a"]).all()
    assert (watched["heating_kwh_a"] >= result.buildings["heating_kwh_a"]).all()


def test_response_moves_heat_out_of_the_peaks(small_city, result):
    """Buildings that respond take less in the hours of the highest load, and other buildings what they took."""
    some = np.arange(len(small_city.buildings)) % 2 == 0
    moved = simulate(changed(small_city, heat_response=some))
    np.testing.assert_array_equal(moved.heating_kw[~some], result.heating_kw[~some])
    before, after = (r.heating_kw[some].sum(axis=0, dtype=float) for r in (result, moved))
    assert after.max() < before.max()
    assert after.sum() < 1.02 * before.sum()
    electric = small_city.buildings.assign(heat_response=True, heat_supply="air_heat_pump")
    price = np.where(np.arange(HOURS) % 24 == 3, 0.5, 0.1)  # dear in the fourth hour of the night
    table = pd.DataFrame({"price_eur_kwh": price, "co2_kg_kwh": 0.1})
    priced = simulate(small_city.replace(buildings=electric, electricity=table))
    day = priced.heating_kw.sum(axis=0, dtype=float).reshape(365, 24).mean(axis=0)
    assert day[3] < 0.8 * day[1]


def test_cars_charge_beside_the_other_electricity(small_city, result):
    charged = simulate(changed(small_city, electric_cars=2.0))
    assert not result.vehicles_kw.any()
    assert (charged.vehicles_kw.sum(axis=1) > 2000.0).all()
    np.testing.assert_array_equal(charged.electricity_kw, result.electricity_kw)


def test_no_buildings(small_city):
    nothing = simulate(small_city, rows=slice(0, 0))
    assert nothing.heating_kw.shape == (0, HOURS)
    assert nothing.totals["heating_kwh_a"] == 0.0


def test_shade_never_lowers_heating(small_city, result):
    """Nor does it raise cooling; blinds in particular."""
    dark = simulate(small_city, sun=rough_sun(small_city.weather, len(small_city.buildings), 0.3)).buildings
    blinds = simulate(small_city, EnergyParameters(blind_share=1.0, blind_threshold_w_m2=50.0)).buildings
    for less in (dark, blinds):
        assert (less["heating_kwh_a"] >= result.buildings["heating_kwh_a"] * (1.0 - 1e-9)).all()
        assert (less["cooling_kwh_a"] <= result.buildings["cooling_kwh_a"] * (1.0 + 1e-9)).all()


def test_bad_inputs_are_named(small_city):
    weather, p, good = small_city.weather, EnergyParameters(), rough_sun(small_city.weather, len(small_city.buildings))
    cold = weather.temperature_c.copy()
    cold[7] = np.nan
    with pytest.raises(WeatherError, match="outdoor temperature is incomplete: hour 7"):
        simulate_energy(small_city, dataclasses.replace(weather, temperature_c=cold), good, p, seed=1)
    with pytest.raises(WeatherError, match="8759 values"):
        short = dataclasses.replace(weather, ghi_w_m2=weather.ghi_w_m2[1:])
        simulate_energy(small_city, short, good, p, seed=1)
    for bad in (
        good._replace(irradiance_w_m2=good.irradiance_w_m2[:, :100]),
        good._replace(shading=good.shading[1:]),
        good._replace(irradiance_w_m2=-good.irradiance_w_m2 - 1.0),
        good._replace(azimuth_deg=good.azimuth_deg + 10.0),
        good._replace(roof_shading=good.roof_shading * np.nan),
    ):
        with pytest.raises(DataError):
            simulate_energy(small_city, weather, bad, p, seed=1)
    with pytest.raises(DataError, match="unknown method") as caught:
        simulate_energy(small_city, weather, good, p, seed=1, method="modl")
    assert "modal" in str(caught.value)


def compiled():
    """The types that each compiled function of the energy kernels knows."""
    modules = [module for name, module in sys.modules.items() if name.startswith("twin.kernels.energy.")]
    functions = {f for module in modules for f in vars(module).values() if isinstance(f, Dispatcher)}
    return {f"{f.__module__}.{f.__name__}": set(f.signatures) for f in functions}


@pytest.mark.parametrize("method", METHODS)
def test_model_calls_what_was_compiled_ahead(small_city, result, method):
    """The samples and the model give the kernels the same types, so nothing compiles in the middle of a run."""
    frozen = small_city.weather.temperature_c.copy()
    frozen.flags.writeable = False
    city = changed(small_city, heat_supply="air_heat_pump", heat_response=True, electric_cars=2.0)
    for family in registry.families().values():
        if family.name.startswith("energy."):
            family.call("numba", family.sample(3, np.random.default_rng(0)))
    known = compiled()
    weather = dataclasses.replace(city.weather, temperature_c=frozen)
    simulate(city.replace(weather=weather), rows=slice(0, 5), method=method)
    assert compiled() == known


def test_a_heat_island_warms_the_buildings_of_its_zones(small_city, result):
    zones = small_city.zones.index[:2]
    offset = small_city.zones.index.map({zones[0]: 2.1, zones[1]: -1.0}).to_numpy(float)
    warm = simulate(small_city.replace(zones=small_city.zones.assign(heat_island_k=np.nan_to_num(offset))))
    assert warm.buildings.index.equals(result.buildings.index)
    zone = small_city.buildings["zone_id"]
    change = warm.buildings["heating_kwh_a"] / result.buildings["heating_kwh_a"]
    assert (change[zone == zones[0]] < 0.97).all()
    assert (change[zone == zones[1]] > 1.0).all()
    elsewhere = (~zone.isin(zones)).to_numpy()
    assert elsewhere.any() and (zone == zones[0]).any() and (zone == zones[1]).any()
    for name in HOURLY:
        np.testing.assert_array_equal(getattr(warm, name)[elsewhere], getattr(result, name)[elsewhere])
    whole = small_city.replace(weather=with_heat_island(small_city.weather, 2.0))
    mine = (zone == zones[0]).to_numpy()
    same = simulate(whole, sun=rough_sun(small_city.weather, len(zone))).buildings
    np.testing.assert_array_equal(warm.buildings[mine], same[mine])
    assert warm.totals["heating_kwh_a"] == pytest.approx(warm.buildings["heating_kwh_a"].sum())
    together = warm.district_heating_kw.sum(axis=0, dtype=float).max()
    assert warm.totals["peak_district_heating_kw"] == pytest.approx(together)
