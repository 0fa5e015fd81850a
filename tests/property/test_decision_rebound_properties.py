"""Rebound of a capacity increase: fixed demand is the case of no elasticity, and a stronger answer never saves more.

Networks are series of parallel roads between one origin and one destination. On such networks no paradox is possible:
more room never raises the cost of a trip (Milchtaich 2006, doi 10.1016/j.geb.2005.09.003), and the cost never falls
with the number of trips.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import twin.kernels.traffic  # noqa: F401
from twin.city.model import City
from twin.decision.rebound import rebound, turning_elasticity
from twin.kernels import registry
from twin.kernels.traffic.equilibrium import Problem, Solution, solve
from twin.traffic.model import simulate_traffic
from twin.traffic.parameters import TrafficParameters
from twin.traffic.periods import CARS, Period

GAP, REACHED, ROUNDS, CLOSE = 1e-13, 1e-11, 400, 1e-8
roads = st.tuples(st.floats(2.0, 20.0), st.floats(200.0, 2000.0), st.sampled_from([1.0, 2.0, 4.0]))
stages = st.lists(st.lists(roads, min_size=1, max_size=3), min_size=1, max_size=3)
elasticities = st.lists(st.floats(-2.0, -0.01), min_size=1, max_size=3, unique=True)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Small networks are solved sooner by one thread; results do not depend on it."""
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)


def corridor(parts: list[list[tuple[float, float, float]]], trips: float) -> Problem:
    """Return a series of parallel roads (free-flow minutes, capacity, power) and trips from node 0 to node 1."""
    links, node, middle = [], 0, len(parts) + 1
    for i, stage in enumerate(parts):
        ahead = 1 if i == len(parts) - 1 else i + 2
        for time, capacity, power in stage:
            links += [(node, middle, time, capacity, 0.5, power), (middle, ahead, 0.001, capacity, 0.0, 1.0)]
            middle += 1
        node = ahead
    tail, head, time, capacity, alpha, power = (np.array(column) for column in zip(*sorted(links), strict=True))
    demand = np.zeros((1, 2, 2))
    demand[0, 0, 1] = trips
    start = np.searchsorted(tail, np.arange(middle + 1)).astype(np.int64)
    fixed = np.zeros((1, len(links)))
    return Problem(start, head.astype(np.int64), time, capacity, alpha, power, fixed, demand, 0)


def answering(problem: Problem, pivot: float, elasticity: float) -> Problem:
    """Return the problem with demand that is as given at the cost `pivot`."""
    pair = (problem.demand > 0.0).astype(float)
    return problem._replace(pivot=pivot * pair, response=elasticity * pair, outside_leg=5.0)


def minutes(solution: Solution) -> float:
    """Return the time that all travellers spend."""
    return float(solution.link_flow.sum(axis=0) @ solution.link_time)


def same(one: Solution, other: Solution) -> None:
    for name in ("link_flow", "link_time", "skim", "od_flow"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


@given(stages, st.floats(50.0, 4000.0), st.floats(1.0, 50.0))
@settings(max_examples=60, deadline=None)
def test_no_elasticity_is_fixed_demand_to_the_bit(parts: list, trips: float, pivot: float) -> None:
    fixed = corridor(parts, trips)
    same(solve(answering(fixed, pivot, 0.0), GAP, ROUNDS), solve(fixed, GAP, ROUNDS))


@given(st.integers(0, 2**31 - 1))
@settings(max_examples=20, deadline=None)
def test_no_elasticity_is_fixed_demand_to_the_bit_on_grids_with_several_classes(seed: int) -> None:
    family = registry.families()["traffic.assignment"]
    inputs = family.sample(16, np.random.default_rng(seed))
    given_ = {name: inputs[name] for name in Problem._fields if name in inputs}
    fixed = Problem(**given_)
    rng = np.random.default_rng(seed)
    laws = {"pivot": rng.uniform(1.0, 9.0, fixed.demand.shape), "response": np.zeros_like(fixed.demand)}
    same(solve(fixed._replace(**laws, outside_leg=3.0), 1e-9, 50), solve(fixed, 1e-9, 50))


@given(stages, st.floats(50.0, 4000.0), st.integers(0, 8), st.floats(1.0, 5.0), elasticities)
@settings(max_examples=100, deadline=None)
def test_a_stronger_answer_never_saves_more(
    parts: list, trips: float, which: int, wider: float, answers: list[float]
) -> None:
    before = corridor(parts, trips)
    capacity = before.capacity.copy()
    slow = np.flatnonzero(before.alpha > 0.0)
    capacity[slow[which % len(slow)]] *= wider
    today = solve(before, GAP, ROUNDS)
    cost, spent = today.skim[0, 0, 1], minutes(today)
    ladder = [0.0, *sorted(answers, reverse=True)]
    savings, trips_made = [], []
    for elasticity in ladder:
        base = solve(answering(before, cost, elasticity), GAP, ROUNDS, today)
        assert abs(minutes(base) - spent) <= CLOSE * spent  # the baseline is the same city
        after = solve(answering(before._replace(capacity=capacity), cost, elasticity), GAP, ROUNDS)
        assert after.relative_gap <= REACHED
        savings.append(spent - minutes(after))
        trips_made.append(after.od_flow[0, 0, 1])
    trifle = CLOSE * spent
    assert savings[0] >= -trifle
    assert (np.diff(savings) <= trifle).all()
    assert (np.diff(trips_made) >= -CLOSE * trips).all()
    if savings[0] > 1e3 * trifle:
        shares = [rebound(savings[0], saving).share for saving in savings]
        assert shares[0] == 0.0
        assert (np.diff(shares) >= -1e-3).all()
        turn = turning_elasticity(np.array(ladder), np.array(savings))
        assert np.isnan(turn) == (min(savings) >= 0.0)


def test_without_elasticity_traffic_across_the_edge_stays_to_the_bit(small_city: City) -> None:
    """Wider streets in the whole model: who comes from outside is as many as before, and more with elasticity."""
    links = small_city.links
    wide = small_city.replace(links=links.assign(capacity_veh_h=2.0 * links["capacity_veh_h"]))
    fixed = dataclasses.replace(TrafficParameters(), external_elasticity=0.0)
    today = simulate_traffic(small_city, fixed)
    after = simulate_traffic(wide, fixed, base=today)
    zones = len(small_city.zones)
    for name, period in today.day.periods.items():
        assert outside(period, zones).tobytes() == outside(after.day.periods[name], zones).tobytes()
    strong = dataclasses.replace(fixed, external_elasticity=-1.0)
    base = simulate_traffic(small_city, strong)
    more = simulate_traffic(wide, strong, base=base)
    for name, period in base.day.periods.items():
        assert outside(more.day.periods[name], zones).sum() >= outside(period, zones).sum()


def outside(period: Period, zones: int) -> np.ndarray:
    """Return the cars between places of which one lies outside."""
    cars = period.od[CARS].copy()
    cars[:, :zones, :zones] = 0.0
    return cars
