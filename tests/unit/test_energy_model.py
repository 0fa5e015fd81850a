import dataclasses

import numpy as np
import pytest

from twin.city.model import HOURS
from twin.energy.model import simulate_energy
from twin.energy.parameters import EnergyParameters
from twin.errors import DataError, WeatherError
from twin.kernels import registry

AZIMUTH = 45.0 * np.arange(8)
HOURLY = ("heating_kw", "cooling_kw", "hot_water_kw", "electricity_kw", "district_heating_kw")


def gains(city):
    """A rough sky: a third of the global radiation on every façade, 0.6 shading."""
    irradiance = np.repeat(0.33 * city.weather.ghi_w_m2[None, :], 8, axis=0)
    return AZIMUTH, irradiance, np.full((len(city.buildings), 8), 0.6)


def simulate(city, parameters=None, **options):
    return simulate_energy(city, city.weather, *gains(city), parameters or EnergyParameters(), **{"seed": 1, **options})


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
    assert set(result.totals) == {*result.buildings.columns, "peak_district_heating_kw"}
    for series, column in (("heating_kw", "heating_kwh_a"), ("electricity_kw", "electricity_kwh_a")):
        np.testing.assert_allclose(
            getattr(result, series).sum(axis=1, dtype=float), result.buildings[column], rtol=1e-4
        )
    np.testing.assert_allclose(result.heating_kw.max(axis=1), result.buildings["peak_heating_kw"], rtol=1e-6)


def test_zones_conserve_energy(result):
    b = result.balance
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
    np.testing.assert_allclose(reference.buildings, result.buildings.iloc[:12], rtol=1e-5, atol=1e-3)


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


def test_bad_inputs_are_named(small_city):
    azimuth, irradiance, shading = gains(small_city)
    weather, p = small_city.weather, EnergyParameters()
    cold = weather.temperature_c.copy()
    cold[7] = np.nan
    with pytest.raises(WeatherError, match="outdoor temperature"):
        broken = dataclasses.replace(weather, temperature_c=cold)
        simulate_energy(small_city, broken, azimuth, irradiance, shading, p, seed=1)
    for bad in (
        (azimuth, irradiance[:, :100], shading),
        (azimuth, irradiance, shading[1:]),
        (azimuth, -irradiance - 1.0, shading),
        (azimuth + 10.0, irradiance, shading),
    ):
        with pytest.raises(DataError):
            simulate_energy(small_city, weather, *bad, p, seed=1)


def test_model_calls_what_was_compiled_ahead(small_city, result):
    """The samples and the model give the kernels the same types, so nothing compiles in the middle of a run."""
    frozen = small_city.weather.temperature_c.copy()
    frozen.flags.writeable = False
    city = changed(small_city, heat_supply="air_heat_pump")
    families = [registry.family(name) for name in ("energy.zone_balance", "energy.heat_pump")]
    for family in families:
        family.call("numba", family.sample(3, np.random.default_rng(0)))
    known = [len(family.variants["numba"].signatures) for family in families]
    simulate(city.replace(weather=dataclasses.replace(city.weather, temperature_c=frozen)), rows=slice(0, 5))
    assert [len(family.variants["numba"].signatures) for family in families] == known
