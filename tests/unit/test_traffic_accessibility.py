from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from twin.city.model import City
from twin.traffic.accessibility import (
    PeriodState,
    accessibility,
    composite_change,
    consumer_surplus,
    law_surplus,
    period_state,
    period_surplus,
    rule_of_half,
)
from twin.traffic.classes import CLASSES
from twin.traffic.demand import Demand, build_demand
from twin.traffic.network import Network, build_network
from twin.traffic.parameters import TrafficParameters
from twin.traffic.profile import PERIODS
from twin.traffic.response import DemandFunctions, demand_functions, evaluate

P = TrafficParameters()


@pytest.fixture(scope="module")
def network(small_city: City) -> Network:
    return build_network(small_city, P)


@pytest.fixture(scope="module")
def demand(small_city: City, network: Network) -> Demand:
    return build_demand(small_city, network, P, "numba")


def state(
    demand: Demand, network: Network, added: float | np.ndarray, lost: tuple[int, int] | None = None
) -> PeriodState:
    m = network.centroids
    reference = np.random.default_rng(7).uniform(2.0, 9.0, (m, m))
    cost = np.repeat((reference + added)[None], len(CLASSES), axis=0)
    if lost:
        cost[:, lost[0], lost[1]] = np.inf
    functions = demand_functions(demand, network, P, "evening", cost, reference)
    flow = evaluate(functions, cost)
    return period_state(demand, network, functions, demand.hourly_persons("evening"), flow, cost, "evening", P)


def test_rule_of_half_is_exact_for_linear_demand() -> None:
    def demanded(cost: np.ndarray) -> np.ndarray:
        return 100.0 - 3.0 * cost

    before, after = np.array([4.0, 10.0]), np.array([2.0, 15.0])
    area = 100.0 * (before - after) - 1.5 * (before**2 - after**2)
    np.testing.assert_allclose(rule_of_half(demanded(before), demanded(after), before, after), area, rtol=1e-13)
    assert rule_of_half(np.ones(1), np.zeros(1), np.ones(1), np.full(1, np.inf))[0] == 0.0


def test_surplus_is_the_area_under_each_law() -> None:
    shape = (4, 1, 1)
    response = np.array([0.0, -0.4, -1.0, 0.09]).reshape(shape)
    functions = DemandFunctions(np.full(shape, 50.0), np.full(shape, 12.0), response, 20.0)
    before, after = np.full(shape, 6.0), np.full(shape, 31.0)
    x = np.linspace(6.0, 31.0, 20001)
    path = np.stack([evaluate(functions, np.full(shape, c))[:, 0, 0] for c in x])
    area = -((path[1:] + path[:-1]) * 0.5 * np.diff(x)[:, None]).sum(axis=0)
    np.testing.assert_allclose(law_surplus(functions, before, after)[:, 0, 0], area, rtol=1e-7)
    gone = law_surplus(functions, before, np.full(shape, np.inf))[:, 0, 0]
    assert gone[3] == pytest.approx(-50.0 / 0.09 * np.log1p(np.exp(0.09 * 6.0)), rel=1e-12)
    assert (gone[:3] == 0.0).all()


def test_no_change_is_worth_nothing(small_city: City, demand: Demand, network: Network) -> None:
    one, two = (state(demand, network, 0.0) for _ in range(2))
    assert (composite_change(one, two) == 0.0).all()
    frame = period_surplus(one, two, small_city.zones.index, P)
    assert (frame.to_numpy() == 0.0).all()
    assert frame.attrs["through_eur"] == 0.0


def test_both_measures_agree_to_second_order(small_city: City, demand: Demand, network: Network) -> None:
    """The gap between them falls with the third power of the change."""
    before = state(demand, network, 0.0)
    gaps = []
    for step in (4.0, 2.0, 1.0):
        frame = period_surplus(before, state(demand, network, step), small_city.zones.index, P)
        assert (frame[["rule_of_half_eur", "logsum_eur"]].to_numpy() < 0.0).all()
        gaps.append(abs(frame["rule_of_half_eur"].sum() - frame["logsum_eur"].sum()) / abs(frame["logsum_eur"].sum()))
    assert gaps[2] < 2e-3
    assert gaps[1] < 0.3 * gaps[0]
    assert gaps[2] < 0.3 * gaps[1]


def test_a_small_toll_costs_what_it_brings_in(small_city: City, demand: Demand, network: Network) -> None:
    toll_eur = 0.001
    before, after = state(demand, network, 0.0), state(demand, network, 60.0 * toll_eur / P.value_of_time_eur_h)
    frame = period_surplus(before, after, small_city.zones.index, P)
    n = network.zones
    cars = after.flow[:4].sum(axis=0)
    payers = cars.sum() - cars[n:, n:].sum()
    assert frame["logsum_eur"].sum() == pytest.approx(-toll_eur * payers, rel=1e-3)


def test_a_closed_pair_is_a_finite_loss(small_city: City, demand: Demand, network: Network) -> None:
    before, after = state(demand, network, 0.0), state(demand, network, 0.0, lost=(1, 3))
    frame = period_surplus(before, after, small_city.zones.index, P)
    assert np.isfinite(frame.to_numpy()).all()
    assert (frame["logsum_eur"] <= 0.0).all()
    assert frame["logsum_eur"].iloc[1] < 0.0
    assert frame["rule_of_half_eur"].iloc[1] == pytest.approx(frame["logsum_eur"].iloc[1])


def test_better_public_transport_is_worth_something(small_city: City, demand: Demand, network: Network) -> None:
    zones = small_city.zones.copy()
    zones["transit_level"] = 1.05
    better = build_demand(small_city.replace(zones=zones), network, P, "numba")
    before, after = state(demand, network, 0.0), state(better, network, 0.0)
    frame = period_surplus(before, after, small_city.zones.index, P)
    assert frame["logsum_eur"].sum() > 0.0
    inside = frame["logsum_eur"] != 0.0
    np.testing.assert_allclose(frame["rule_of_half_eur"][inside], frame["logsum_eur"][inside], rtol=1e-3)


def test_accessibility_falls_with_cost_and_counts_jobs(small_city: City, demand: Demand, network: Network) -> None:
    near, far = state(demand, network, 0.0), state(demand, network, 30.0)
    zones = small_city.zones.index
    a, b = accessibility(demand, near, zones, P), accessibility(demand, far, zones, P)
    assert (b["jobs_30min_car"] < a["jobs_30min_car"]).all()
    assert (b["accessibility_min"] > a["accessibility_min"]).all()
    assert (a["jobs_30min"] >= a["jobs_30min_car"] - 1e-9).all()
    assert (a["jobs_30min"] <= demand.jobs.sum()).all()
    assert np.isfinite(a.to_numpy()).all()
    # All jobs at the same cost: that cost.
    flat = dataclasses.replace(near, composite=np.full_like(near.composite, 17.0))
    assert accessibility(demand, flat, zones, P)["accessibility_min"].to_numpy() == pytest.approx(17.0)
    empty = dataclasses.replace(demand, jobs=np.zeros_like(demand.jobs))
    assert np.isinf(accessibility(empty, near, zones, P)["accessibility_min"]).all()


def test_fewer_trips_leave_the_jobs_where_they_are(small_city: City, network: Network, demand: Demand) -> None:
    """A factor on trips is not one on the jobs that a zone reaches, nor on its residents."""
    halved = dataclasses.replace(small_city, zones=small_city.zones.assign(trip_factor=0.5))
    found = build_demand(halved, network, P, "numba")
    np.testing.assert_array_equal(found.jobs, demand.jobs)
    np.testing.assert_array_equal(found.population, demand.population)
    assert sum(m.sum() for m in found.trips.values()) < 0.7 * sum(m.sum() for m in demand.trips.values())


def test_a_day_is_the_sum_of_its_hours(small_city: City, demand: Demand, network: Network) -> None:
    zones = small_city.zones.index
    before, after = state(demand, network, 0.0), state(demand, network, 2.0)
    hour = period_surplus(before, after, zones, P)
    day = consumer_surplus(dict.fromkeys(PERIODS, before), dict.fromkeys(PERIODS, after), zones, P)
    np.testing.assert_allclose(day.to_numpy(), 24.0 * hour.to_numpy(), rtol=1e-12)
    assert day.attrs["through_eur"] == pytest.approx(24.0 * hour.attrs["through_eur"])
