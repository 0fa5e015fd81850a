"""Heat supply of buildings and the balance behind their meters."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from twin.city.schema import HEAT_SUPPLIES
from twin.energy.parameters import EnergyParameters
from twin.energy.supply import KINDS, supply_heat
from twin.errors import DataError
from twin.kernels import registry
from twin.kernels.energy.heat_pump import AIR, GROUND, cop
from twin.scenario.balance import ElectricityParameters, building_balance
from twin.solar.storage import StorageParameters

HOURS = 240
P = EnergyParameters()
E = ElectricityParameters()


def houses(supplies, **columns):
    table = {"heat_supply": list(supplies), "envelope": "existing", "upgrades": "", "year_class": "1960-1979"}
    return pd.DataFrame(table | columns, index=[f"b{i}" for i in range(len(supplies))])


def loads(n):
    rng = np.random.default_rng(3)
    heating = np.maximum(0.0, rng.normal(5.0, 5.0, (n, HOURS))).astype(np.float32)
    return heating, rng.uniform(0.0, 2.0, (n, HOURS)).astype(np.float32), rng.uniform(-15.0, 10.0, HOURS)


def supplied(buildings, parameters=P, variant="numba", **options):
    heating, water, outdoor = loads(len(buildings))
    return supply_heat(buildings, heating, water, outdoor, parameters, variant, **options)


@pytest.mark.parametrize("variant", ["reference", "numba"])
def test_each_supply_meets_the_same_heat(variant):
    assert set(KINDS) == set(HEAT_SUPPLIES)
    heating, water, outdoor = (x[:1] if x.ndim > 1 else x for x in loads(1))
    n = len(HEAT_SUPPLIES)
    result = supply_heat(houses(HEAT_SUPPLIES), np.repeat(heating, n, 0), np.repeat(water, n, 0), outdoor, P, variant)
    need = heating.sum(dtype=float) / P.distribution_efficiency + water.sum(dtype=float)
    a = result.annual.set_index(pd.Index(HEAT_SUPPLIES))
    assert a.at["district_heating", "district_heating_kwh_a"] == pytest.approx(need / P.district_heating_efficiency)
    assert a.at["gas_boiler", "gas_kwh_a"] == pytest.approx(need / P.gas_boiler_efficiency)
    assert a.at["oil_boiler", "oil_kwh_a"] == pytest.approx(need / P.oil_boiler_efficiency)
    assert a.at["direct_electric", "heat_electricity_kwh_a"] == pytest.approx(need)
    for pump in ("air_heat_pump", "ground_heat_pump"):
        assert a.at[pump, "heat_pump_heat_kwh_a"] + a.at[pump, "backup_kwh_a"] == pytest.approx(need)
        assert 1.5 < need / a.at[pump, "heat_electricity_kwh_a"] < 4.5
    np.testing.assert_allclose(result.electricity_kw.sum(axis=1, dtype=float), a["heat_electricity_kwh_a"], rtol=1e-5)
    np.testing.assert_allclose(
        a["heat_co2_kg_a"],
        a["district_heating_kwh_a"] * P.district_heating_co2_kg_kwh
        + a["gas_kwh_a"] * P.gas_co2_kg_kwh
        + a["oil_kwh_a"] * P.oil_co2_kg_kwh,
    )
    assert (a[["heat_co2_kg_a", "heat_cost_eur_a"]].to_numpy()[3:] == 0.0).all()


def test_an_hour_of_a_heat_pump_by_hand():
    outdoor = np.array([-10.0])
    heating, water = np.full((2, 1), 8.8, np.float32), np.full((2, 1), 2.0, np.float32)
    result = supply_heat(houses(["air_heat_pump", "ground_heat_pump"]), heating, water, outdoor, P, "numba")
    capacity = 0.7 * (8.8 / 0.88 + 2.0)  # of 12 kW
    source = {AIR: -10.0, GROUND: -10.0 - P.ground_source_drop_k}
    for row, kind in enumerate((AIR, GROUND)):
        space = (capacity - 2.0) / cop(kind, np.array([50.0 - source[kind]]), 0.85)
        hot = 2.0 / cop(kind, np.array([55.0 - source[kind]]), 0.85)
        expected = space + hot + (12.0 - capacity)
        assert result.electricity_kw[row, 0] == pytest.approx(expected[0], rel=1e-5)


def test_renewed_houses_need_cooler_water():
    upgrades = ["", "wall:standard roof:standard window:standard", "wall:deep roof:deep window:deep", "wall:deep"]
    one = loads(4)[0]
    same = np.repeat(one[:1], 4, 0)
    water = np.repeat(loads(4)[1][:1], 4, 0)
    built = houses(["air_heat_pump"] * 4, upgrades=upgrades)
    result = supply_heat(built, same, water, loads(4)[2], P, "numba").annual["heat_electricity_kwh_a"].to_numpy()
    assert result[2] < result[1] < result[0]
    assert result[3] == result[0]  # windows and roof as built still ask for hot water
    new = supply_heat(built.assign(year_class="2010-onwards"), same, water, loads(4)[2], P, "numba")
    assert np.ptp(new.annual["heat_electricity_kwh_a"]) == 0.0
    assert new.annual["heat_electricity_kwh_a"].iloc[0] == result[2]


def test_tanks_spread_draws_and_lose_nothing():
    draws = np.zeros((3, HOURS), np.float32)
    draws[:, 7::24] = 12.0
    buildings = houses(["direct_electric", "ground_heat_pump", "district_heating"])
    none = np.zeros_like(draws)
    plain, spread = (
        supply_heat(buildings, none, draws, np.zeros(HOURS), dataclasses.replace(P, tank_hours=hours), "numba")
        for hours in (1.0, 6.0)
    )
    np.testing.assert_allclose(plain.electricity_kw[0], draws[0])
    assert spread.electricity_kw[0].max() == pytest.approx(2.0)
    assert spread.electricity_kw[0].sum(dtype=float) == pytest.approx(draws[0].sum(dtype=float))
    assert spread.annual.at["b1", "backup_kwh_a"] < plain.annual.at["b1", "backup_kwh_a"]
    np.testing.assert_array_equal(spread.district_heating_kw, plain.district_heating_kw)  # exchangers have no tank


def test_cooling_and_the_ground_are_handed_in():
    buildings = houses(["district_heating", "ground_heat_pump"])
    cold = np.full((2, HOURS), 3.0, np.float32)
    plain, cooled = supplied(buildings), supplied(buildings, cooling_kw=cold)
    np.testing.assert_allclose(cooled.electricity_kw - plain.electricity_kw, 3.0 / P.cooling_efficiency, rtol=1e-5)
    assert cooled.annual["cooling_electricity_kwh_a"].to_numpy() == pytest.approx(HOURS * 3.0 / P.cooling_efficiency)
    warm = supplied(buildings, ground_c=np.full(HOURS, 12.0)).annual["heat_electricity_kwh_a"]
    assert warm["b1"] < plain.annual.at["b1", "heat_electricity_kwh_a"]


def test_what_does_not_fit_is_named():
    with pytest.raises(DataError, match=r"buildings\[b1\].heat_supply: unknown heat supply 'coal'"):
        supplied(houses(["gas_boiler", "coal"]))
    heating, water, outdoor = loads(1)
    with pytest.raises(DataError, match="do not fit"):
        supply_heat(houses(["gas_boiler"] * 2), heating, water, outdoor, P, "numba")


def metered(n=4, seed=1):
    rng = np.random.default_rng(seed)
    sun = np.clip(np.sin((np.arange(HOURS) % 24 - 6) / 12 * np.pi), 0.0, None)
    demand = rng.gamma(2.0, 1.0, (n, HOURS)).astype(np.float32)
    pv = (10.0 * sun * rng.uniform(0.2, 1.0, (n, HOURS))).astype(np.float32)
    cars = (3.7 * (rng.random((n, HOURS)) < 0.1)).astype(np.float32)
    return pd.Index([f"b{i}" for i in range(n)]), demand, pv, cars


def test_plain_buildings_are_balanced_as_in_one_line():
    index, demand, pv, _ = metered()
    b = building_balance(index, demand, pv, E)
    direct = np.minimum(demand, pv).sum(axis=1, dtype=float)
    np.testing.assert_allclose(b.buildings["pv_used_kwh_a"], direct, rtol=1e-6)
    np.testing.assert_array_equal(b.demand_kw, demand.sum(axis=0, dtype=float))
    np.testing.assert_allclose(b.net_kw, demand - pv, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(b.buildings["peak_electricity_kw"], b.net_kw.max(axis=1))


def test_a_battery_saves_what_was_fed_in():
    index, demand, pv, _ = metered()
    plain = building_balance(index, demand, pv, E).buildings
    stored = building_balance(index, demand, pv, E, battery_kwh=np.array([0.0, 5.0, 10.0, 10.0]))
    b = stored.buildings
    assert b["battery_discharged_kwh_a"].iloc[0] == 0.0
    assert (b["electricity_import_kwh_a"].iloc[1:] < plain["electricity_import_kwh_a"].iloc[1:]).all()
    assert (b["electricity_cost_eur_a"] <= plain["electricity_cost_eur_a"] + 1e-9).all()
    saved = plain["electricity_import_kwh_a"] - b["electricity_import_kwh_a"]
    np.testing.assert_allclose(saved, b["battery_discharged_kwh_a"], atol=1e-6)
    loss = b["battery_loss_kwh_a"].iloc[1:] / b["battery_discharged_kwh_a"].iloc[1:]
    np.testing.assert_allclose(loss, 1.0 / StorageParameters().round_trip_efficiency - 1.0, rtol=0.05)
    np.testing.assert_allclose(stored.demand_kw - stored.pv_kw, stored.net_kw.sum(axis=0, dtype=float), atol=1e-4)


def test_cars_that_wait_take_the_sun():
    index, demand, pv, cars = metered(seed=2)
    waiting = dataclasses.replace(E, car_charging_hours=12.0)
    at_once = building_balance(index, demand, pv, E, vehicles_kw=cars).buildings
    later = building_balance(index, demand, pv, waiting, vehicles_kw=cars).buildings
    assert (later["pv_used_kwh_a"] > at_once["pv_used_kwh_a"]).all()
    np.testing.assert_allclose(later["vehicles_kwh_a"], cars.sum(axis=1, dtype=float), atol=3.7 * 12)
    np.testing.assert_allclose(at_once["vehicles_kwh_a"], cars.sum(axis=1, dtype=float))
    power = np.full(4, 11.0)
    strong = building_balance(index, demand, pv, waiting, vehicles_kw=cars, charging_kw=power).buildings
    assert strong["pv_used_kwh_a"].sum() >= later["pv_used_kwh_a"].sum()
    none = building_balance(index, demand, pv, waiting, vehicles_kw=np.zeros_like(cars)).buildings
    pd.testing.assert_frame_equal(none, building_balance(index, demand, pv, E).buildings)


def test_hourly_prices_and_co2_replace_the_flat_ones():
    index, demand, pv, _ = metered()
    flat = pd.DataFrame({"price_eur_kwh": np.full(HOURS, E.price_eur_kwh), "co2_kg_kwh": E.co2_kg_kwh})
    same = building_balance(index, demand, pv, E, electricity=flat).buildings
    pd.testing.assert_frame_equal(same, building_balance(index, demand, pv, E).buildings)
    night = flat.assign(price_eur_kwh=np.where(np.arange(HOURS) % 24 < 6, 0.0, 0.3))
    b = building_balance(index, demand, pv, E, electricity=night).buildings
    net = building_balance(index, demand, pv, E).net_kw.astype(float)
    bill = np.maximum(net, 0.0) @ night["price_eur_kwh"].to_numpy() - E.export_price_eur_kwh * np.maximum(-net, 0).sum(
        1
    )
    np.testing.assert_allclose(b["electricity_cost_eur_a"], bill, rtol=1e-5)


def test_impossible_batteries_are_named():
    index, demand, pv, cars = metered()
    with pytest.raises(DataError, match=r"buildings\[b2\].battery_kwh: the battery is -1 kWh"):
        building_balance(index, demand, pv, E, battery_kwh=np.array([0.0, 1.0, -1.0, 0.0]))
    with pytest.raises(DataError, match="cars"):
        building_balance(index, demand, pv, E, vehicles_kw=cars[:, :10])


def test_results_are_the_same_from_both_variants():
    index, demand, pv, cars = metered()
    options = {"battery_kwh": np.array([0.0, 5.0, 10.0, 0.0]), "vehicles_kw": cars}
    p = dataclasses.replace(E, car_charging_hours=8.0)
    fast = building_balance(index, demand, pv, p, **options)
    plain = building_balance(index, demand, pv, p, **options, variant="reference")
    pd.testing.assert_frame_equal(fast.buildings, plain.buildings, rtol=1e-9, atol=1e-6)
    assert registry.get("energy.meter", "numba")
