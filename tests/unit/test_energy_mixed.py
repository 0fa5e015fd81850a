"""Buildings whose ground floor has a use of its own: two zones with a floor between them."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from tests.energy_sun import rough_sun
from twin.city.ground_floors import is_mixed
from twin.energy import model, pairs, parts
from twin.energy.archetypes import archetypes_of
from twin.energy.drives import drives
from twin.energy.model import METHODS, simulate_energy
from twin.energy.parameters import EnergyParameters, Factors
from twin.energy.parts import Parts
from twin.errors import DataError
from twin.kernels import registry
from twin.kernels.energy.network_contract import ZONE

ALIKE = EnergyParameters(behaviour_spread=0.0, setpoint_spread_k=0.0, night_setback_k=3.0)


def simulate(city, parameters=ALIKE, **options):
    sun = rough_sun(city.weather, len(city.buildings))
    return simulate_energy(city, city.weather, sun, parameters, **{"seed": 1, **options})


def with_ground(city, use, where=slice(None)):
    ground = city.buildings["ground_floor_use"].to_numpy(object).copy()
    ground[where] = use
    return city.replace(buildings=city.buildings.assign(ground_floor_use=pd.array(ground, "str")))


@pytest.fixture(scope="module")
def shops(small_city):
    """Shops under all homes of two storeys and more."""
    b = small_city.buildings
    homes = np.flatnonzero((b["use"] == "residential") & (b["levels"] >= 2.0))
    assert 20 < len(homes) < len(b)
    return with_ground(small_city, "retail", homes)


@pytest.fixture(scope="module")
def mixed(shops):
    return is_mixed(shops.buildings)


@pytest.fixture(scope="module")
def summery(shops):
    """The same in air that is 8 K warmer, so that shops are cooled."""
    weather = shops.weather
    return shops.replace(weather=dataclasses.replace(weather, temperature_c=weather.temperature_c + 8.0))


@pytest.fixture(scope="module")
def single(small_city):
    return simulate(small_city)


@pytest.fixture(scope="module")
def result(shops):
    return simulate(shops)


def above(result, column):
    return result.zones.loc[result.zones["part"] == "above", column]


def below(result, column):
    return result.zones.loc[result.zones["part"] == "ground_floor", column]


def test_zones_share_what_the_building_has(shops, mixed):
    rows, uses = np.arange(len(shops.buildings)), archetypes_of(shops).uses
    whole = parts.build_shells(shops.buildings, rows, uses)
    zones = Parts(shops.buildings)
    split = zones.shells(shops.buildings, rows, uses)
    n = len(rows)
    for name in ("roof_m2", "floor_m2", "party_wall_m2"):
        np.testing.assert_allclose(zones.summed(getattr(split, name).copy()), getattr(whole, name), atol=1e-9)
    walls = zones.summed(split.wall_m2 + split.window_m2)
    np.testing.assert_allclose(walls, whole.wall_m2 + whole.window_m2, atol=1e-9)
    for name in ("floor_area_m2", "height_m", "population"):
        own = zones.table[name].to_numpy(float).copy()
        np.testing.assert_allclose(zones.summed(own), shops.buildings[name], rtol=1e-12)
    assert (split.roof_m2[n:] == 0.0).all()
    assert (split.floor_m2[np.flatnonzero(mixed)] == 0.0).all()
    assert (split.between_m2[n:] == shops.buildings["footprint_area_m2"].to_numpy()[mixed]).all()
    assert zones.table.index.is_unique


def test_other_buildings_keep_their_bits(single, result, mixed):
    assert single.buildings[~mixed].equals(result.buildings[~mixed])
    for name in ("heating_kw", "cooling_kw", "hot_water_kw", "electricity_kw", "district_heating_kw", "vehicles_kw"):
        assert getattr(single, name)[~mixed].tobytes() == getattr(result, name)[~mixed].tobytes()
    assert not single.zones.size
    assert set(result.zones.index) == set(result.buildings.index[mixed])


@pytest.mark.parametrize("method", METHODS)
def test_equal_uses_are_one_zone_with_the_same_bits(small_city, method):
    rows = slice(0, 30)
    plain = simulate(small_city, rows=rows, method=method)
    said = simulate(with_ground(small_city, small_city.buildings["use"].to_numpy(object)), rows=rows, method=method)
    assert plain.buildings.equals(said.buildings)
    assert plain.electricity_kw.tobytes() == said.electricity_kw.tobytes()


def test_two_zones_of_one_use_are_nearly_one_zone(small_city, single, monkeypatch):
    """Made two zones by force: air that mixes through all floors, or through all but one."""
    homes = small_city.buildings["use"] == "residential"
    tall = ((small_city.buildings["levels"] >= 2.0) & homes).to_numpy()
    monkeypatch.setattr(parts, "is_mixed", lambda b: (b["levels"] >= 2.0).to_numpy() & (b["use"] == "residential"))
    split = simulate(with_ground(small_city, "residential", tall))
    assert len(split.zones) == 2 * tall.sum()
    for name, most in (("heating_kwh_a", 0.015), ("peak_heating_kw", 0.03)):
        off = (split.buildings[name] / single.buildings[name] - 1.0).abs()[tall].max()
        assert off <= most, name
    for name in ("hot_water_kwh_a", "appliances_kwh_a"):
        np.testing.assert_allclose(split.buildings[name][tall], single.buildings[name][tall], rtol=2e-3)


def test_books_close_and_the_floor_hands_on_what_it_takes(result, mixed):
    b = result.balance
    lack = b.heating - b.cooling + b.internal + b.solar - b.transmitted - b.ventilated - b.stored
    assert (lack.abs() <= 1e-9 * b.abs().sum(axis=1)).all()
    np.testing.assert_allclose(above(result, "from_other_kwh_a"), -below(result, "from_other_kwh_a"), rtol=1e-12)
    assert (below(result, "from_other_kwh_a").abs() > 0.0).all()  # shops are colder: they are heated from above
    assert below(result, "from_other_kwh_a").sum() > 0.0
    for name in ("heating_kwh_a", "cooling_kwh_a", "hot_water_kwh_a", "appliances_kwh_a"):
        summed = result.zones.groupby(level=0)[name].sum().reindex(result.buildings.index[mixed])
        np.testing.assert_allclose(summed, result.buildings[name][mixed], rtol=1e-5, err_msg=name)


def test_areas_count_by_use(shops, summery, result, mixed):
    uses = archetypes_of(shops).uses
    for part, use in (("ground_floor", "retail"), ("above", "residential")):
        zones = result.zones[result.zones["part"] == part]
        assert (zones["use"] == use).all()
        tapped = zones["floor_area_m2"] * uses[use].hot_water_kwh_m2 * (1.0 + ALIKE.hot_water_loss_share)
        np.testing.assert_allclose(zones["hot_water_kwh_a"], tapped * ALIKE.hot_water_factor, rtol=1e-4)
    hot = simulate(summery, rows=slice(0, 40))
    assert (below(hot, "cooling_kwh_a") > 0.0).any()
    assert (above(hot, "cooling_kwh_a") == 0.0).all()
    area = result.zones.groupby(level=0)["floor_area_m2"].sum()
    np.testing.assert_allclose(area, shops.buildings["floor_area_m2"][mixed], rtol=1e-12)


def test_order_and_blocks_change_no_bit(shops, result):
    order = np.random.default_rng(4).permutation(len(shops.buildings))
    turned = simulate(shops.replace(buildings=shops.buildings.iloc[order]))
    block = simulate(shops, rows=slice(20, 61))
    pd.testing.assert_frame_equal(block.buildings, result.buildings.iloc[20:61], rtol=0.0, atol=0.0)
    for name in ("heating_kw", "cooling_kw", "electricity_kw"):
        assert getattr(turned, name).tobytes() == getattr(result, name)[order].tobytes()
        assert getattr(block, name).tobytes() == getattr(result, name)[20:61].tobytes()


def test_more_gains_below_never_mean_more_heat_above(shops, result, monkeypatch):
    def busy(city):
        known = archetypes_of(city)
        retail = dataclasses.replace(known.uses["retail"], equipment_w_m2=12.0)
        return dataclasses.replace(known, uses=known.uses | {"retail": retail})

    monkeypatch.setattr(model, "archetypes_of", busy)
    busier = simulate(shops)
    for part in (above, below):
        before, after = part(result, "heating_kwh_a"), part(busier, "heating_kwh_a")
        assert (after <= before * (1.0 + 1e-6)).all()
        assert after.sum() < before.sum()
    assert above(busier, "from_other_kwh_a").sum() > above(result, "from_other_kwh_a").sum()


@pytest.mark.parametrize("warm", [False, True])
def test_modes_are_the_full_network(shops, summery, monkeypatch, warm):
    """Twenty modes against all 38 nodes of the pair."""
    city = summery if warm else shops
    got = simulate(city)
    monkeypatch.setattr(pairs, "PAIR_MODES", 10**3)
    exact = simulate(city)
    for name in ("heating_kwh_a", "cooling_kwh_a"):
        for part in (above, below):
            truth = part(exact, name)
            counted = truth > 1e-3 * truth.sum()
            assert ((part(got, name) - truth).abs()[counted] <= 0.006 * truth[counted]).all(), (name, part)
    assert warm == (below(exact, "cooling_kwh_a").sum() > 0.0)
    assert (got.buildings["peak_heating_kw"] / exact.buildings["peak_heating_kw"] - 1.0).abs().max() <= 0.006
    assert (got.zones["max_operative_c"] - exact.zones["max_operative_c"]).abs().max() <= 0.05
    assert (got.zones["overheating_h"] - exact.zones["overheating_h"]).abs().max() <= 2.0


def test_two_zones_follow_their_network_stepped_plainly(shops, mixed, monkeypatch):
    """The network of a pair with both airs as nodes, in steps of three minutes, against the kernel: a cold fortnight.

    Heated to 21 and 18 °C without limit, no ventilation, airing or gains; each air is heated where it would fall below.
    """
    caught = {}

    def catch(zones, fabric, rows, between):
        made, solar = pair_networks(zones, fabric, rows, between)
        caught["made"] = made
        return made, solar

    pair_networks = pairs.pair_networks
    monkeypatch.setattr(pairs, "pair_networks", catch)
    one = int(np.flatnonzero(mixed)[3])
    simulate(shops, rows=slice(one, one + 1))
    made, hours, minutes = caught["made"], 336, 20
    sun = rough_sun(shops.weather, len(shops.buildings))
    drive = drives(shops.weather, sun, ALIKE)[:hours].copy()
    zones = made.zones.copy()
    table = {"h_vent_w_k": 0.0, "airing_w_k": 0.0, "internal_w": 0.0, "direct_gain_w": 0.0, "convective_w": 0.0}
    table |= {"heating_limit_w": 1e9, "cooling_limit_w": 0.0, "heat_offset_k": 0.0}
    for name, value in table.items():
        zones[:, :, ZONE[name]] = value
    set_c = np.array([18.0, 21.0])
    flat = np.repeat(set_c[:, None], hours, axis=1)
    none = np.zeros((2, hours))
    plain = made._replace(zones=zones, gain_in=np.zeros_like(made.gain_in))
    modes = registry.get("energy.pair_reduction", "numba")(*plain, pairs.PAIR_MODES)
    solar = np.zeros((1, 2, drive.shape[1]))
    heating, _, air, _, through, _ = registry.get("energy.zone_pair", "numba")(
        drive, flat, flat + 30.0, none, none, np.array([[0, 1]]), zones, solar, *modes, 20.0, 27.0, hours
    )
    warm, heat, passed = _stepped(plain, drive, set_c, minutes)
    np.testing.assert_allclose(heating[0].sum(axis=1), heat.sum(axis=1), rtol=0.006)
    np.testing.assert_allclose(air[0], warm, atol=0.1)
    np.testing.assert_allclose(through[0], passed.sum(), rtol=0.01)


def _stepped(made, drive, set_c, minutes):
    """Return hourly means of both airs, of the heat to them and through the floor, by implicit steps."""
    s, hours, step = made.capacity_j_k.shape[1], len(drive), 3600.0 / minutes
    air_in, exchange = made.air_in_w_k[0], made.zones[0][:, ZONE["direct_air_w_k"]]
    leak, store = (made.zones[0][:, ZONE[name]] for name in ("h_leak_w_k", "air_capacity_j_k"))
    k = np.zeros((s + 2, s + 2))
    k[:s, :s], k[:s, s:], k[s:, :s] = made.conductance_w_k[0], -air_in.T, -air_in
    k[[s, s + 1], [s, s + 1]] = exchange + leak
    c = np.concatenate([made.capacity_j_k[0], store]) / step
    sources = np.concatenate([made.drive_in[0], made.direct[0]])
    sources[s:, 0] += leak
    solved = {}
    for held in [(a, b) for a in (False, True) for b in (False, True)]:
        m = np.diag(c) + k
        for z in range(2):
            if held[z]:  # the power is unknown instead of the temperature
                m[:, s + z] = 0.0
                m[s + z, s + z] = -1.0
        solved[held] = np.linalg.inv(m)
    rest = made.drive_in[0] @ drive.mean(axis=0) + air_in.T @ set_c
    state = np.concatenate([np.linalg.solve(made.conductance_w_k[0], rest), set_c])
    warm, heat, passed = np.zeros((2, hours)), np.zeros((2, hours)), np.zeros(hours)
    before, after = np.roll(drive, 1, axis=0), np.roll(drive, -1, axis=0)
    for hour in range(-hours, hours):
        for minute in range(minutes):
            at = (minute + 1.0) / minutes - 0.5
            u = drive[hour] + at * 0.5 * (after[hour] - before[hour])
            right = sources @ u + c * state
            for held, inverse in solved.items():
                known = right.copy()
                for z in range(2):
                    if held[z]:
                        known -= (np.diag(c)[:, s + z] + k[:, s + z]) * set_c[z]
                found = inverse @ known
                power = np.array([found[s + z] if held[z] else 0.0 for z in range(2)])
                found[s:] = [set_c[z] if held[z] else found[s + z] for z in range(2)]
                if all(power >= 0.0) and all(found[s:] >= set_c - 1e-9):
                    break
            state = found
            if hour < 0:  # once before, as the kernel does
                continue
            warm[:, hour] += found[s:] / minutes
            heat[:, hour] += power / minutes
            passed[hour] += made.link_w_k[0] @ found[:s] / minutes
    return warm, heat, passed


def test_the_simple_method_takes_both_zones_apart(shops):
    b = simulate(shops, rows=slice(0, 40), method="simple_hourly")
    assert (b.zones["from_other_kwh_a"] == 0.0).all()
    lack = b.balance @ np.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0])
    assert (lack.abs() <= 1e-9 * b.balance.abs().sum(axis=1)).all()


def test_heat_islands_and_calibrated_factors_reach_both_zones(shops, result, mixed):
    zones = shops.zones.assign(heat_island_k=np.where(np.arange(len(shops.zones)) % 2 == 0, 0.0, 1.0))
    warmer = simulate(shops.replace(zones=zones))
    assert len(warmer.zones) == len(result.zones)
    assert below(warmer, "heating_kwh_a").sum() < below(result, "heating_kwh_a").sum()
    n = len(shops.buildings)
    more = dataclasses.replace(Factors.neutral(n), u_value=np.full(n, 1.2), hot_water=np.full(n, 0.5))
    fitted = simulate(shops, factors=more)
    assert (fitted.zones["heating_kwh_a"].to_numpy() > result.zones["heating_kwh_a"].to_numpy()).mean() > 0.95
    np.testing.assert_allclose(fitted.zones["hot_water_kwh_a"], 0.5 * result.zones["hot_water_kwh_a"], rtol=1e-5)


def test_cars_and_renewal_belong_to_the_building(shops, result, mixed):
    b = shops.buildings.assign(electric_cars=2.0, upgrades="wall:deep window:deep ventilation:deep")
    renewed = simulate(shops.replace(buildings=b))
    assert (renewed.vehicles_kw[mixed].sum(axis=1) > 0.0).all()
    assert renewed.vehicles_kw.shape == renewed.heating_kw.shape
    for part in (above, below):
        assert part(renewed, "heating_kwh_a").sum() < 0.8 * part(result, "heating_kwh_a").sum()


def test_a_ground_floor_of_an_unknown_use_is_named(shops):
    with pytest.raises(DataError, match=r"no archetype has the ground_floor_use 'shop'"):
        simulate(with_ground(shops, "shop", [5]))
