"""Charging sites: queueing theory, conservation, common random numbers, edge cases."""

import dataclasses
import math
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from twin.errors import DataError
from twin.operations.charging import REPORTED_DAYS, OperationsParameters, draw_vehicles, simulate_charging
from twin.operations.clock import DAY_S, CityClock, Meter
from twin.parameters import describe

ALL_EV = dataclasses.replace(OperationsParameters(), ev_share=1.0, public_charging_share=1.0)


def city(sites, zones=1):
    """Return zones of 200 m in a row and sites given as (connectors, connector_power_kw, power_cap_kw, x)."""
    zone_frame = gpd.GeoDataFrame(
        {"name": [""] * zones},
        geometry=[box(200.0 * i, 0.0, 200.0 * i + 200.0, 200.0) for i in range(zones)],
        index=[f"z{i}" for i in range(zones)],
        crs="EPSG:3067",
    )
    columns = ("connectors", "connector_power_kw", "power_cap_kw")
    site_frame = gpd.GeoDataFrame(
        {name: [site[k] for site in sites] for k, name in enumerate(columns)},
        geometry=[Point(site[3], 100.0) for site in sites],
        index=[f"s{i}" for i in range(len(sites))],
        crs="EPSG:3067",
    )
    site_frame.index.name = "site_id"
    return SimpleNamespace(zones=zone_frame, charging_sites=site_frame)


def flat(zones, rate):
    return np.full((zones, 24), float(rate))


def erlang_loss(a, c, k):
    """Return the loss probability of M/M/c with k places to wait."""
    weights = [a**n / math.factorial(n) for n in range(c + 1)]
    weights += [weights[c] * (a / c) ** j for j in range(1, k + 1)]
    return weights[-1] / sum(weights)


@pytest.mark.parametrize(("connectors", "places"), [(2, 0), (3, 2)])
def test_loss_is_that_of_queueing_theory(connectors, places):
    # Exponential energy at constant power: M/M/c with `places` places to wait, offered load 2 erlang.
    parameters = dataclasses.replace(
        ALL_EV, energy_kwh=1.1, energy_cv=1.0, queue_places=float(places), patience_min=720.0, vehicle_ac_kw=11.0
    )
    here = city([(connectors, 22.0, 1000.0, 100.0)])
    weeks = [simulate_charging(here, flat(1, 20.0), parameters, seed=1, draw=d) for d in range(8)]
    arrivals = np.mean([week.totals["charging_arrivals_day"] for week in weeks])
    lost = np.mean([week.totals["charging_turned_away_day"] for week in weeks])
    assert arrivals == pytest.approx(480, rel=0.03)
    # Standard error about 0.005 with 19,200 arrivals that are correlated over some service times.
    assert lost / arrivals == pytest.approx(erlang_loss(2.0, connectors, places), abs=0.015)
    busy = np.mean([week.sites["utilisation"].iloc[0] for week in weeks]) * connectors
    assert busy == pytest.approx(2.0 * (1.0 - erlang_loss(2.0, connectors, places)), rel=0.03)


@settings(max_examples=25, deadline=None)
@given(
    connectors=st.integers(1, 6),
    cap=st.floats(3.0, 100.0),
    rate=st.floats(0.0, 4.0),
    places=st.integers(0, 4),
    patience=st.floats(0.0, 120.0),
    cv=st.floats(0.0, 1.0),
    seed=st.integers(0, 1000),
)
def test_vehicles_and_energy_are_conserved(connectors, cap, rate, places, patience, cv, seed):
    parameters = dataclasses.replace(ALL_EV, queue_places=float(places), patience_min=patience, energy_cv=cv)
    result = simulate_charging(city([(connectors, 22.0, cap, 100.0)]), flat(1, rate), parameters, seed=seed)
    site = result.sites.iloc[0]
    counts = site[["arrivals_day", "served_day", "turned_away_day"]] * REPORTED_DAYS
    np.testing.assert_allclose(counts, np.round(counts), rtol=0.0, atol=1e-9)  # whole vehicles in the week
    assert round(counts["arrivals_day"]) == round(counts["served_day"]) + round(counts["turned_away_day"])
    # Energy counted per car equals the integral of the load of the site.
    assert site["energy_kwh_day"] == pytest.approx(result.load_kw.sum(), rel=1e-9, abs=1e-9)
    limit = min(cap, connectors * 11.0)
    assert site["peak_kw"] <= limit * (1 + 1e-12)
    # The mean of the daily peaks lies between the peak of the mean day and the peak of any moment.
    assert result.load_kw.max() <= result.totals["charging_peak_kw"] * (1 + 1e-12)
    assert result.totals["charging_peak_kw"] <= site["peak_kw"] * (1 + 1e-9)
    assert result.load_kw.max() <= limit * (1 + 1e-9)
    assert 0.0 <= site["utilisation"] <= 1.0 + 1e-12
    assert 0.0 <= site["mean_wait_min"] <= patience + 1e-6
    assert np.isfinite(result.sites.to_numpy()).all()


def test_the_cap_is_shared():
    # One busy site with a cap of 12 kW: it delivers 12 kW all day, however many cars share it.
    parameters = dataclasses.replace(ALL_EV, queue_places=100.0, patience_min=720.0)
    result = simulate_charging(city([(4, 22.0, 12.0, 100.0)]), flat(1, 10.0), parameters, seed=3)
    np.testing.assert_allclose(result.load_kw, 12.0, rtol=1e-9)
    assert result.sites["utilisation"].iloc[0] == pytest.approx(1.0)
    assert result.totals["charging_peak_kw"] == pytest.approx(12.0)


@pytest.mark.parametrize("day", [-1, 0, REPORTED_DAYS - 1])
def test_one_car_charges_as_computed_by_hand(day):
    parameters = dataclasses.replace(ALL_EV, energy_cv=0.0, energy_kwh=11.0)
    rates = np.zeros((1, 24))
    rates[0, 10] = 0.4
    draws = ((seed, draw_vehicles(["z0"], rates, parameters, seed, 0).time_s) for seed in range(1000))
    seed, time_s = next((s, t[0]) for s, t in draws if len(t) == 1 and t[0] // DAY_S == day)
    result = simulate_charging(city([(1, 22.0, 22.0, 100.0)]), rates, parameters, seed=seed)
    site = result.sites.iloc[0]
    if day < 0:  # it came on the warm-up day and was gone before midnight
        assert result.load_kw.sum() == site["arrivals_day"] == site["peak_kw"] == 0.0
        return
    begin = (time_s - day * DAY_S) / 3600.0
    that_day = np.array([11.0 * max(0.0, min(h + 1, begin + 1.0) - max(h, begin)) for h in range(24)])
    np.testing.assert_allclose(result.load_kw[0], that_day / REPORTED_DAYS, atol=1e-9)
    assert site["arrivals_day"] == site["served_day"] == 1.0 / REPORTED_DAYS
    assert site["energy_kwh_day"] == pytest.approx(11.0 / REPORTED_DAYS, rel=1e-9)
    assert site["utilisation"] == pytest.approx(1.0 / (24.0 * REPORTED_DAYS), rel=1e-9)
    assert site["peak_kw"] == 11.0
    assert result.totals["charging_peak_kw"] == pytest.approx(that_day.max() / REPORTED_DAYS, rel=1e-9)
    assert site["mean_wait_min"] == 0.0


def test_every_day_has_vehicles_of_its_own():
    vehicles = draw_vehicles(["a", "b"], flat(2, 10.0), ALL_EV, 1, 0)
    day = vehicles.time_s // DAY_S
    assert list(np.unique(day)) == list(range(-1, REPORTED_DAYS))
    time_of_day = vehicles.time_s - day * DAY_S
    assert len(np.unique(np.round(time_of_day, 6))) == len(np.unique(vehicles.key)) == len(day)
    result = simulate_charging(city([(2, 22.0, 44.0, 100.0)], zones=2), flat(2, 10.0), ALL_EV, seed=1)
    drawn = draw_vehicles(["z0", "z1"], flat(2, 10.0), ALL_EV, 1, 0)
    assert result.totals["charging_arrivals_day"] == np.sum(drawn.time_s >= 0.0) / REPORTED_DAYS


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), low=st.floats(0.1, 5.0), factor=st.floats(1.0, 4.0))
def test_more_traffic_keeps_the_vehicles_that_were_there(seed, low, factor):
    few = draw_vehicles(["a", "b"], flat(2, low), ALL_EV, seed, 0)
    many = draw_vehicles(["a", "b"], flat(2, low * factor), ALL_EV, seed, 0)
    row = {int(k): i for i, k in enumerate(many.key)}
    assert len(row) == len(many.key)
    keep = [row[int(k)] for k in few.key]
    np.testing.assert_array_equal(many.time_s[keep], few.time_s)
    np.testing.assert_array_equal(many.energy_kwh[keep], few.energy_kwh)
    assert np.all(np.diff(few.time_s) >= 0.0)


def test_vehicles_do_not_depend_on_the_order_of_zones():
    rates = np.random.default_rng(0).uniform(0.0, 2.0, (3, 24))
    a = draw_vehicles(["a", "b", "c"], rates, ALL_EV, 5, 0)
    b = draw_vehicles(["c", "a", "b"], rates[[2, 0, 1]], ALL_EV, 5, 0)
    np.testing.assert_array_equal(a.key, b.key)
    np.testing.assert_array_equal(a.time_s, b.time_s)


def test_number_of_vehicles_is_poisson():
    counts = np.array([len(draw_vehicles(["a"], flat(1, 0.5), ALL_EV, 1, d).zone) for d in range(400)])
    assert counts.mean() == pytest.approx(72.0, abs=0.8)  # six days of 12; standard error 0.42
    assert counts.var() / counts.mean() == pytest.approx(1.0, abs=0.25)
    energy = draw_vehicles(["a"], flat(1, 100.0), ALL_EV, 1, 0).energy_kwh
    assert energy.mean() == pytest.approx(20.0, rel=0.03)
    assert energy.std() / energy.mean() == pytest.approx(0.5, abs=0.03)


def test_a_new_site_relieves_and_disturbs_nobody_else():
    parameters = dataclasses.replace(ALL_EV, patience_min=30.0)
    crowded = city([(1, 22.0, 22.0, 100.0), (2, 22.0, 44.0, 500.0)], zones=3)
    relieved = city([(1, 22.0, 22.0, 100.0), (2, 22.0, 44.0, 500.0), (4, 22.0, 88.0, 300.0)], zones=3)
    before = simulate_charging(crowded, flat(3, 1.5), parameters, seed=9)
    after = simulate_charging(relieved, flat(3, 1.5), parameters, seed=9)
    assert after.totals["charging_arrivals_day"] == before.totals["charging_arrivals_day"]
    assert after.totals["charging_turned_away_day"] < before.totals["charging_turned_away_day"]
    assert np.all(after.sites["arrivals_day"].iloc[:2] <= before.sites["arrivals_day"])


def test_repeats_bit_for_bit_and_differs_by_draw():
    here = city([(2, 22.0, 30.0, 100.0), (2, 50.0, 100.0, 300.0)], zones=2)
    a, b, c = (simulate_charging(here, flat(2, 3.0), ALL_EV, seed=4, draw=d) for d in (0, 0, 1))
    np.testing.assert_array_equal(a.load_kw, b.load_kw)
    assert a.totals == b.totals
    assert a.totals != c.totals


def test_without_sites_everybody_is_turned_away():
    result = simulate_charging(city([]), flat(1, 5.0), ALL_EV, seed=1)
    assert result.sites.shape == (0, 8)
    assert result.load_kw.shape == (0, 24)
    totals = result.totals
    assert totals["charging_arrivals_day"] == totals["charging_turned_away_day"] > 0.0
    assert totals["charging_arrivals_day"] == totals["charging_out_of_reach_day"]
    assert totals["charging_kwh_day"] == totals["charging_peak_kw"] == 0.0


def test_without_arrivals_and_out_of_reach():
    here = city([(2, 22.0, 44.0, 100.0)])
    idle = simulate_charging(here, flat(1, 0.0), ALL_EV, seed=1)
    assert set(idle.totals.values()) == {0.0}
    far = simulate_charging(city([(2, 22.0, 44.0, 5000.0)]), flat(1, 2.0), ALL_EV, seed=1)
    assert far.totals["charging_out_of_reach_day"] == far.totals["charging_arrivals_day"] > 0.0
    assert far.load_kw.sum() == 0.0


@pytest.mark.parametrize("arrivals", [np.zeros((2, 24)), np.zeros((1, 23)), flat(1, -1.0), flat(1, np.nan)])
def test_wrong_arrivals_are_named(arrivals):
    with pytest.raises(DataError, match="cannot be used"):
        simulate_charging(city([]), arrivals, ALL_EV, seed=1)


def test_parameters_are_declared_within_their_range():
    for info in describe("operations", OperationsParameters):
        assert info.low <= info.default <= info.high
        assert info.unit
        assert info.source


def test_processes_wait_for_each_other_on_the_clock():
    # The pattern for later processes: a bridge that opens at 08:00 holds a bus that comes at 07:59.
    clock = CityClock()
    assert clock.now_s == -DAY_S
    opened = clock.env.event()
    crossed = []

    def bridge():
        yield clock.wait_until(8 * 3600.0)
        opened.succeed()

    def bus():
        yield clock.wait_until(8 * 3600.0 - 60.0)
        yield opened
        crossed.append(clock.now_s)

    clock.start(bus())
    clock.start(bridge())
    clock.run()
    assert crossed == [8 * 3600.0]
    assert clock.now_s == DAY_S


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 3), st.lists(st.tuples(st.floats(0.0, 5000.0), st.floats(0.0, 50.0)), min_size=1, max_size=60))
def test_meter_integrates(days, steps):
    meter, now, inside = Meter(days), -20000.0, 0.0
    for length, level in steps:
        meter.add(now, now + length, level)
        inside += level * max(0.0, min(now + length, days * DAY_S) - max(now, 0.0)) / 3600.0
        now += length
    assert meter.hourly_means().shape == (days, 24)
    assert meter.hourly_means().sum() == pytest.approx(inside, rel=1e-9, abs=1e-9)
    assert meter.hourly_means().max() <= meter.peak * (1 + 1e-12)
