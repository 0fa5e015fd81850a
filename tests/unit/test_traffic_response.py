from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from twin.city.model import City
from twin.kernels.traffic.demand_law import answer
from twin.parameters import describe
from twin.traffic.accessibility import period_state
from twin.traffic.choice import mode_shares
from twin.traffic.classes import CLASSES, NAMES
from twin.traffic.demand import Demand, build_demand
from twin.traffic.demand_parameters import DemandParameters
from twin.traffic.network import Network, build_network
from twin.traffic.parameters import TrafficParameters
from twin.traffic.profile import PERIODS, per_hour
from twin.traffic.response import (
    DemandFunctions,
    answered_persons,
    class_shares,
    demand_functions,
    evaluate,
    held,
    inverse,
)

P = TrafficParameters()


@pytest.fixture(scope="module")
def network(small_city: City) -> Network:
    return build_network(small_city, P)


@pytest.fixture(scope="module")
def demand(small_city: City, network: Network) -> Demand:
    return build_demand(small_city, network, P, "numba")


def costs(network: Network, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    m = network.centroids
    reference = np.random.default_rng(seed).uniform(1.0, 9.0, (m, m))
    return np.repeat(reference[None], len(CLASSES), axis=0), reference


class WithAccess:
    """A network in which some zones hold access-only links."""

    def __init__(self, network: Network, zones: list[int]) -> None:
        self.zones, self.centroids = network.zones, network.centroids
        self.access_zone = np.isin(np.arange(network.zones), zones)


def test_cars_are_the_nested_logit(demand: Demand, network: Network) -> None:
    cost, reference = costs(network)
    functions = demand_functions(demand, network, P, "evening", cost, reference)
    n = network.zones
    cars = evaluate(functions, 1.7 * cost)[:4, :n, :n].sum(axis=0)
    whole = 1.7 * reference[:n, :n] + P.car_constant_min + demand.parking_min("evening")
    wanted = mode_shares(whole, demand.alternatives, P)[0] * demand.hourly_persons("evening") / P.car_occupancy
    np.fill_diagonal(wanted, 0.0)
    np.testing.assert_allclose(cars, wanted, rtol=1e-12, atol=1e-15)


def test_cordon_traffic_at_usual_cost_is_as_given(demand: Demand, network: Network) -> None:
    cost, reference = costs(network)
    functions = demand_functions(demand, network, P, "morning", cost, reference)
    n = network.zones
    got = evaluate(functions, cost)
    cars = got[:4].sum(axis=0)
    cars[:n, :n] = 0.0
    np.testing.assert_allclose(cars, demand.external * per_hour(demand.car_hours, "morning"), rtol=1e-13)
    np.testing.assert_allclose(got[4:], demand.goods * per_hour(demand.goods_hours, "morning"), rtol=1e-13)


def test_no_elasticity_is_fixed_demand_to_the_bit(demand: Demand, network: Network) -> None:
    cost, reference = costs(network)
    stiff = dataclasses.replace(P, external_elasticity=0.0)
    functions = demand_functions(demand, network, stiff, "morning", cost, reference)
    n = network.zones
    assert (functions.response[:, n:] == 0.0).all()
    got = evaluate(functions, 3.0 * cost)
    assert np.array_equal(got[:, n:], functions.demand[:, n:])
    usual = held(got)
    assert np.array_equal(evaluate(usual, np.full_like(cost, np.inf)), got)


def test_pairs_without_a_way_have_no_cars(demand: Demand, network: Network) -> None:
    n = network.zones
    cost, reference = costs(network)
    free = cost.copy()
    free[:, :, 0] = np.inf
    free[NAMES.index("old_car"), :, n] = np.inf
    functions = demand_functions(demand, network, P, "morning", free, reference)
    got = evaluate(functions, np.where(np.isfinite(free), cost, np.inf))
    assert np.isfinite(got).all()
    assert (got[~np.isfinite(free)] == 0.0).all()
    # Those from zone 1 to the closed station leave by the others.
    usual = evaluate(demand_functions(demand, network, P, "morning", cost, reference), cost)
    old = NAMES.index("old_car")
    assert functions.demand[old, 1, n:].sum() == pytest.approx(
        demand_functions(demand, network, P, "morning", cost, reference).demand[old, 1, n:].sum()
    )
    assert np.array_equal(got[0, 1:n, 1:n], usual[0, 1:n, 1:n])


def test_classes_split_by_access_and_age(demand: Demand, network: Network) -> None:
    m = network.centroids
    shares = class_shares(demand, WithAccess(network, [2]), P)  # type: ignore[arg-type]
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, rtol=1e-15)
    access = [NAMES.index("car_access"), NAMES.index("old_car_access")]
    mask = np.zeros((m, m), bool)
    mask[2], mask[:, 2] = True, True
    np.testing.assert_allclose(shares[access].sum(axis=0), mask, rtol=1e-15)
    older = dataclasses.replace(demand, old_factor=np.where(np.arange(network.zones) == 1, 3.0, 1.0))
    old = class_shares(older, network, P)[NAMES.index("old_car")]
    assert old[1, 1] == pytest.approx(3.0 * P.noncompliant_share)
    assert old[0, 1] == pytest.approx(2.0 * P.noncompliant_share)
    assert old[0, 3] == pytest.approx(P.noncompliant_share)


def test_parking_charges_fall_on_visitors(small_city: City, network: Network) -> None:
    zones = small_city.zones.copy()
    at = 3
    zones["parking_eur"] = np.where(np.arange(len(zones)) == at, 4.0, 0.0)
    dear = build_demand(small_city.replace(zones=zones), network, P, "numba")
    free = build_demand(small_city, network, P, "numba")
    cost, reference = costs(network)
    n = network.zones
    before, after = (
        evaluate(demand_functions(d, network, P, "morning", cost, reference), cost).sum(axis=0) for d in (free, dear)
    )
    assert (after <= before).all()
    into, out = after[:n, at].sum() / before[:n, at].sum(), after[at, :n].sum() / before[at, :n].sum()
    assert into < 1.0
    assert out < 1.0
    assert after[n:, at].sum() < before[n:, at].sum()
    rest = np.arange(n) != at
    assert np.array_equal(after[:n, :n][np.ix_(rest, rest)], before[:n, :n][np.ix_(rest, rest)])
    scarce = small_city.zones.copy()
    scarce["parking_supply"] = 0.5
    fewer = build_demand(small_city.replace(zones=scarce), network, P, "numba")
    assert fewer.parking_min("morning") == pytest.approx(np.full((n, n), P.parking_search_min))


def test_the_law_is_that_of_the_kernels_and_its_inverse() -> None:
    rng = np.random.default_rng(5)
    shape = (3, 4, 4)
    response = np.array([0.0, -0.4, 0.09])[:, None, None] * np.ones(shape)
    functions = DemandFunctions(rng.uniform(1.0, 9.0, shape), rng.uniform(2.0, 30.0, shape), response, 20.0)
    cost = rng.uniform(0.5, 60.0, shape)
    got = evaluate(functions, cost)
    for at in np.ndindex(shape):
        wanted, _ = answer(cost[at], functions.demand[at], functions.pivot[at], response[at], 20.0)
        assert got[at] == pytest.approx(wanted, rel=1e-13)
    np.testing.assert_allclose(inverse(functions, got)[1:], cost[1:], rtol=1e-10)
    assert np.isnan(inverse(functions, got)[0]).all()
    assert np.isinf(inverse(functions, 0.0 * got)[1:]).all()
    none = evaluate(functions, np.full(shape, np.inf))
    assert np.array_equal(none[0], functions.demand[0])
    assert (none[1:] == 0.0).all()


def test_dearer_mornings_move_business_and_shopping_only(demand: Demand) -> None:
    n = len(demand.jobs)
    zero = {name: np.zeros((n, n)) for name in PERIODS}
    dearer = {**zero, "morning": np.full((n, n), 10.0)}
    before, after = answered_persons(demand, zero, P), answered_persons(demand, dearer, P)
    assert after["morning"].sum() < before["morning"].sum()
    assert after["evening"].sum() > before["evening"].sum()
    total = [sum(persons[name].sum() * len(h) for name, h in PERIODS.items()) for persons in (before, after)]
    assert total[1] == pytest.approx(total[0], rel=1e-12)
    fixed = sum(leg for purpose in ("work", "education") for leg in map(np.sum, demand.legs(purpose, "morning")))
    assert after["morning"].sum() > fixed


def test_a_dear_zone_loses_shoppers(demand: Demand) -> None:
    n = len(demand.jobs)
    change = np.zeros((n, n))
    change[:, 4], change[4, :] = 6.0, 6.0
    change[4, 4] = 0.0
    everywhere = dict.fromkeys(PERIODS, change)
    before = {name: demand.hourly_persons(name) for name in PERIODS}
    after = answered_persons(demand, everywhere, P)
    others = np.arange(n) != 4
    assert after["off_peak"][others, 4].sum() < before["off_peak"][others, 4].sum()
    day = [sum(p[name] * len(h) for name, h in PERIODS.items()).sum() for p in (before, after)]
    assert day[1] == pytest.approx(day[0], rel=1e-12)


@pytest.mark.parametrize("end", ["low", "high"])
def test_every_parameter_at_its_ends_gives_finite_demand(small_city: City, end: str) -> None:
    for info in describe("traffic", DemandParameters):
        p = dataclasses.replace(P, **{info.path.removeprefix("traffic."): getattr(info, end)})
        network = build_network(small_city, p)
        demand = build_demand(small_city, network, p, "numba")
        cost, reference = costs(network)
        cost[:, 2, :] = np.inf
        functions = demand_functions(demand, network, p, "morning", cost, reference)
        flow = evaluate(functions, 2.0 * cost)
        found = period_state(demand, network, functions, demand.hourly_persons("morning"), flow, cost, "morning", p)
        for values in (functions.demand, functions.pivot, functions.response, flow, found.persons, found.composite):
            assert np.isfinite(values).all(), info.path
        assert (flow >= 0.0).all(), info.path
        change = dict.fromkeys(PERIODS, 0.1 * found.composite)
        assert all(np.isfinite(persons).all() for persons in answered_persons(demand, change, p).values()), info.path
