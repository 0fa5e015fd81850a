"""Laws of demand on random trips, costs and parameters."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.model import City
from twin.traffic.choice import Alternatives, composite_cost, mode_shares, other_cost
from twin.traffic.cordon import regained
from twin.traffic.demand import build_demand
from twin.traffic.distribution import choose_destinations
from twin.traffic.network import build_network
from twin.traffic.parameters import TrafficParameters
from twin.traffic.profile import PERIODS, PURPOSES, hourly_profile, leg_profiles
from twin.traffic.response import (
    DemandFunctions,
    answered_persons,
    evaluate,
    inverse,
    kept_share,
)

P = TrafficParameters()
seeds = st.integers(0, 2**31 - 1)


def functions_of(rng: np.random.Generator, n: int = 6) -> DemandFunctions:
    response = rng.choice([0.0, -1.3, -0.3, 0.02, 0.4], (3, n, n))
    return DemandFunctions(rng.uniform(0.0, 90.0, (3, n, n)), rng.uniform(1.0, 40.0, (3, n, n)), response, 15.0)


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_demand_never_grows_with_cost_and_returns_from_its_inverse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    functions = functions_of(rng)
    cost = rng.uniform(0.0, 80.0, functions.demand.shape)
    low, high = evaluate(functions, cost), evaluate(functions, cost + rng.uniform(0.0, 30.0, cost.shape))
    assert (high <= low * (1.0 + 1e-14)).all()
    assert (low >= 0.0).all()
    back = inverse(functions, low)
    answers = (functions.response != 0.0) & (low > 0.0)
    np.testing.assert_allclose(back[answers], cost[answers], rtol=1e-7, atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, scale=st.floats(0.0, 0.5))
def test_periods_and_destinations_conserve_and_follow_cost(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    trips = rng.uniform(0.0, 50.0, (3, 7, 7)) * (rng.random((3, 7, 7)) < 0.8)
    change = rng.normal(0.0, 8.0, trips.shape)
    shifted = trips * kept_share(trips, change, scale, 0)
    np.testing.assert_allclose(shifted.sum(axis=0), trips.sum(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(trips * kept_share(trips, np.zeros_like(trips), scale, 0), trips)
    alike = trips * kept_share(trips, np.broadcast_to(change[:1], trips.shape), scale, 0)
    np.testing.assert_allclose(alike, trips, rtol=1e-12)
    chosen = trips[0] * kept_share(trips[0], change[0], scale, 1)
    np.testing.assert_allclose(chosen.sum(axis=1), trips[0].sum(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(trips[0] * kept_share(trips[0], np.zeros((7, 7)), scale, 1), trips[0])
    dearer = change[0].copy()
    dearer[:, 2] += 3.0
    assert ((trips[0] * kept_share(trips[0], dearer, scale, 1))[:, 2] <= chosen[:, 2] * (1.0 + 1e-12)).all()


@settings(max_examples=40, deadline=None)
@given(seed=seeds, ratio=st.floats(1.0, 8.0), scale=st.floats(0.005, 0.5))
def test_shares_are_shares_and_answer_their_costs(seed: int, ratio: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    p = dataclasses.replace(P, active_nest_ratio=ratio, logit_scale_per_min=scale)
    car, transit, cycle, walk = rng.uniform(0.0, 90.0, (4, 5, 5))
    others = Alternatives(transit, cycle, walk)
    shares = mode_shares(car, others, p)
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, rtol=1e-12)
    assert (shares >= 0.0).all()
    dearer = mode_shares(car + 3.0, others, p)
    assert (dearer[0] <= shares[0]).all()
    assert (dearer[1:] >= shares[1:] * (1.0 - 1e-12)).all()
    slower = mode_shares(car, dataclasses.replace(others, cycle=cycle + 3.0), p)
    assert (slower[2] <= shares[2]).all()
    assert (slower[[0, 1, 3]] >= shares[[0, 1, 3]] * (1.0 - 1e-12)).all()
    composite = composite_cost(car, other_cost(others, p), p)
    assert (composite <= other_cost(others, p) + 1e-9).all()
    assert (composite_cost(car + 1.0, other_cost(others, p), p) >= composite - 1e-12).all()


@settings(max_examples=30, deadline=None)
@given(trips=st.tuples(*[st.floats(0.0, 1e5)] * len(PURPOSES)), peak=st.floats(0.042, 0.12))
def test_the_hours_of_purposes_add_up(trips: tuple[float, ...], peak: float) -> None:
    profile = hourly_profile(dataclasses.replace(P, peak_share=peak))
    legs = leg_profiles(dict(zip(PURPOSES, trips, strict=True)), profile)
    np.testing.assert_allclose(legs.sum(axis=1), 1.0, rtol=1e-12)
    assert (legs >= 0.0).all()
    weight = np.repeat(trips, 2)
    if weight.sum() > 0.0:
        np.testing.assert_allclose(weight / weight.sum() @ legs, profile, atol=1e-11)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, length=st.floats(0.2, 20.0))
def test_destination_choice_keeps_productions(seed: int, length: float) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    made, pull = rng.uniform(0.1, 9.0, n), rng.uniform(0.0, 4.0, n) * (rng.random(n) < 0.7)
    pull[0] = 1.0
    km = rng.uniform(0.05, 12.0, (n, n))
    trips, beta = choose_destinations(made, pull, km, length)
    np.testing.assert_allclose(trips.sum(axis=1), made, rtol=1e-12)
    assert (trips >= 0.0).all()
    assert beta >= 0.0
    assert (trips[:, pull == 0.0] == 0.0).all()


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_lost_stations_lose_no_trips_while_one_is_left(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = 4, 7
    trips = rng.uniform(0.1, 5.0, (m, m))
    reached = rng.random((2, m, m)) < 0.6
    got = trips * reached * regained(trips, reached, n)
    some = reached[:, :n, n:].any(axis=2)
    np.testing.assert_allclose(got[:, :n, n:].sum(axis=2), np.where(some, trips[:n, n:].sum(axis=1), 0.0), rtol=1e-12)
    some = reached[:, n:, :n].any(axis=1)
    np.testing.assert_allclose(got[:, n:, :n].sum(axis=1), np.where(some, trips[n:, :n].sum(axis=0), 0.0), rtol=1e-12)
    np.testing.assert_array_equal(got[:, n:, n:], (trips * reached)[:, n:, n:])


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_a_city_answers_costs_without_losing_trips(small_city: City, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = dataclasses.replace(
        P, period_scale_per_min=rng.uniform(0.0, 0.3), destination_scale_per_min=rng.uniform(0.0, 0.2)
    )
    network = build_network(small_city, p)
    demand = build_demand(small_city, network, p, "numba")
    n = network.zones
    still = answered_persons(demand, {name: np.zeros((n, n)) for name in PERIODS}, p)
    for name in PERIODS:
        np.testing.assert_array_equal(still[name], demand.hourly_persons(name))
    moved = answered_persons(demand, {name: rng.normal(0.0, 6.0, (n, n)) for name in PERIODS}, p)
    assert all((moved[name] >= 0.0).all() for name in PERIODS)
    day = sum(moved[name].sum() * len(hours) for name, hours in PERIODS.items())
    np.testing.assert_allclose(day, sum(t.sum() for t in demand.trips.values()), rtol=1e-12)
