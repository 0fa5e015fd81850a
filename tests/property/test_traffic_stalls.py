"""The equilibrium is reached where sweeps stall: far above capacity, and where classes swap roads.

The seeds named are of networks on which 300 rounds ended at the gaps given before all flow moved together.
"""

from __future__ import annotations

from collections.abc import Iterator

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import twin.kernels.traffic  # noqa: F401
from tests.property.test_traffic_bush import awkward
from tests.property.test_traffic_equilibrium import GAP, check, close, random_problem, redistribute, reprice, seeds
from twin.kernels import registry
from twin.kernels.traffic import equilibrium
from twin.kernels.traffic.assignment import ARGUMENTS, beckmann_objective
from twin.kernels.traffic.bush import Bushes
from twin.kernels.traffic.bush_sweep import Desire, Links
from twin.kernels.traffic.demand_law import answer, asked_cost
from twin.kernels.traffic.equilibrium import Problem, Solution, solve
from twin.kernels.traffic.equilibrium_steps import load, settle_and_load, start_all
from twin.kernels.traffic.joint_newton import joint_steps
from twin.kernels.traffic.warm_adopt import grow

ENOUGH = 60  # rounds; of 1200 such problems none took more than 40
constant, logit = st.floats(-4.0, -0.1), st.floats(0.05, 4.0)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Small networks are solved sooner by one thread; results do not depend on it."""
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)


def overfull(seed: int) -> Problem:
    """Return one class whose busiest roads carry up to 80 times their capacity, at powers of 4 and 6."""
    rng = np.random.default_rng(seed + 77)
    size, zones = int(rng.choice([16, 36, 64])), int(rng.choice([5, 10, 20]))
    problem = random_problem(seed, 1, False, size, zones, 0.5 * rng.uniform(3.0, 30.0))
    return problem._replace(power=np.where(problem.power == 1.0, 4.0, problem.power + 2.0))


def shared(seed: int) -> Problem:
    """Return two or three classes that share overfull roads."""
    rng = np.random.default_rng(seed + 77)
    return random_problem(
        seed, int(rng.integers(2, 4)), False, int(rng.choice([16, 36])), load=0.5 * rng.uniform(1.0, 15.0)
    )


def loose(problem: Problem, rounds: int) -> tuple[Bushes, Links, Desire, np.ndarray]:
    """Return what joint steps work on after some rounds, settled."""
    start = solve(problem, 0.0, rounds)
    links, desire = equilibrium._links(problem, problem.fixed_cost), equilibrium._desire(problem)
    desire.met[:] = start.od_flow
    flow = np.zeros_like(start.link_flow)
    settle_and_load(np.arange(len(start.bushes.group)), start.bushes, desire.met, flow, links)
    return start.bushes, links, desire, flow


def value(problem: Problem, links: Links, flow: np.ndarray, met: np.ndarray) -> float:
    """Return what an equilibrium minimises: Beckmann's function, less what the trips are worth to those who make them.

    The worth is the integral of the law's inverse.
    """
    time = (problem.free_flow_time, problem.capacity, problem.alpha, problem.power)
    open_to = np.isfinite(problem.fixed_cost)
    total = beckmann_objective(links.flow, *time) + (flow * np.where(open_to, problem.fixed_cost, 0.0)).sum()
    if problem.response is None or problem.pivot is None:
        return float(total)
    for at in zip(*np.nonzero((problem.response != 0.0) & (met > 0.0)), strict=True):
        x, most, pivot, response, leg = met[at], problem.demand[at], problem.pivot[at], problem.response[at], 1.0
        if response > 0.0:
            total -= pivot * x - ((most - x) * np.log(most - x) + x * np.log(x)) / response
        else:
            power = 1.0 / response + 1.0
            total -= (pivot + leg) * most * (x / most) ** power / power - leg * x
    return float(total)


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from([overfull, shared]))
def test_the_gap_is_reached_far_above_capacity(seed: int, kind: object) -> None:
    problem = overfull(seed) if kind is overfull else shared(seed)
    solution = solve(problem, GAP, 4 * ENOUGH)
    check(problem, solution)


@pytest.mark.parametrize(
    ("seed", "stalled"), [(14, 4e-6), (17, 5e-7), (73, 1e-5), (105, 5e-6), (107, 5e-7), (117, 1e-6)]
)
def test_overfull_roads(seed: int, stalled: float) -> None:
    """One class; a sweep only creeps, since the times of some roads are a million times as steep as others'."""
    problem = overfull(seed)
    assert solve(problem, 1e-9, ENOUGH).relative_gap <= 1e-9 < stalled


@pytest.mark.parametrize(("seed", "stalled"), [(47, 4e-4), (61, 4e-4), (70, 2e-4), (103, 2e-4)])
def test_classes_that_swap_overfull_roads(seed: int, stalled: float) -> None:
    problem = shared(seed)
    assert solve(problem, 1e-9, ENOUGH).relative_gap <= 1e-9 < stalled


@pytest.mark.parametrize("seed", [438, 738, 819, 910])
def test_awkward_networks_that_stalled(seed: int) -> None:
    inputs = awkward(seed)
    assert solve(Problem(*(inputs[name] for name in ARGUMENTS[:-2])), 1e-9, ENOUGH).relative_gap <= 1e-9


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("change", [close, reprice, redistribute])
def test_warm_starts_far_above_capacity(seed: int, change: object) -> None:
    """From the solution before a change, to where a cold start leads."""
    problem = overfull(seed)
    before: Solution = solve(problem, 1e-10, ENOUGH)
    after = change(problem, problem, np.random.default_rng(seed))  # type: ignore[operator]
    warm, cold = solve(after, 1e-10, 2 * ENOUGH, before), solve(after, 1e-10, ENOUGH)
    assert max(warm.relative_gap, cold.relative_gap) <= 1e-10
    np.testing.assert_allclose(warm.skim, cold.skim, rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 3), st.booleans(), st.floats(0.2, 5.0), st.integers(0, 4))
def test_joint_steps_lower_what_is_minimised_and_keep_all_balances(
    seed: int, classes: int, elastic: bool, demand: float, rounds: int
) -> None:
    problem = random_problem(seed, classes, elastic, load=demand)
    bushes, links, desire, flow = loose(problem, rounds)
    zones, nodes = problem.demand.shape[1], len(problem.link_start) - 1
    tail = np.repeat(np.arange(nodes), np.diff(problem.link_start))
    before, paid = value(problem, links, flow, desire.met), float((links.flow * links.cost[0]).sum())
    won = joint_steps(bushes, links, desire)
    total = links.flow.copy()
    load(bushes, flow, links)
    np.testing.assert_allclose(total, links.flow, rtol=1e-9, atol=1e-9 * total.max(initial=1.0))
    assert won <= 0.0
    assert value(problem, links, flow, desire.met) <= before + 1e-9 * max(abs(before), paid)
    assert all(
        (flow[: first[reached]] >= 0.0).all()
        for flow, first, (_, reached, _) in zip(bushes.flow, bushes.first, bushes.size, strict=True)
    )
    for k in range(classes):
        balance = np.bincount(problem.link_head, flow[k], nodes) - np.bincount(tail, flow[k], nodes)
        met = desire.met[k] * (1.0 - np.eye(zones))
        balance[:zones] -= met.sum(axis=0) - met.sum(axis=1)
        assert np.abs(balance).max() <= 1e-9 * max(1.0, met.sum())


def swap(power: float) -> Problem:
    """Two classes over two equal roads, each of which is a little dearer to one of them."""
    toll = np.zeros((2, 4))
    toll[0, 2], toll[1, 3] = 1e-3, 1e-3
    demand = np.zeros((2, 2, 2))
    demand[:, 0, 1] = 9.0
    return Problem(
        np.array([0, 2, 2, 3, 4]), np.array([2, 3, 1, 1]), np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4),
        np.array([0.0, 0.0, 1.0, 1.0]), np.full(4, power), toll, demand, 2,
    )  # fmt: skip


@pytest.mark.parametrize("power", [1.0, 4.0, 9.0])
def test_two_classes_swap_two_roads_in_one_call(power: float) -> None:
    """All of either class starts on the road that is dearer to it: the totals are right, and only a swap helps.

    One class alone would move a thousandth of what it should, or, at the ninth power, a millionth of a millionth.
    """
    problem = swap(power)
    closed = np.isinf(problem.fixed_cost)
    state, fresh = equilibrium._before(problem, None, None, closed, closed)
    _, net, links, desire, flow, _ = state
    bushes = grow(state.bushes, 2 * len(problem.link_head))
    start_all(len(fresh), fresh, bushes, net, links, desire)
    for b, (k, _) in enumerate(bushes.group):
        on = bushes.link[b, : bushes.first[b, bushes.size[b, 1]]]
        assert sorted(on) == [0, 1, 2, 3]
        bushes.flow[b, : len(on)] = np.where((on == k) | (on == k + 2), 9.0, 0.0)
    load(bushes, flow, links)
    assert joint_steps(bushes, links, desire) < 0.0
    load(bushes, flow, links)
    np.testing.assert_allclose(flow, [[0.0, 9.0, 0.0, 9.0], [9.0, 0.0, 9.0, 0.0]], atol=1e-6)


@given(
    st.one_of(constant, logit), st.floats(0.1, 1e4), st.floats(0.01, 1e3), st.floats(1e-3, 0.999), st.floats(0.0, 9.0)
)
def test_the_cost_asked_for_is_the_inverse_of_the_law(
    response: float, demand: float, pivot: float, share: float, leg: float
) -> None:
    trips = share * demand
    cost, slope = asked_cost(trips, demand, pivot, response, leg)
    if response > 0.0 or (cost + leg > 0.0 and pivot + leg > 0.0):
        back, bend = answer(cost, demand, pivot, response, leg)
        assert back == pytest.approx(trips, rel=1e-6)
        assert slope * bend == pytest.approx(1.0, rel=1e-6)


def test_networks_that_do_not_stall_take_no_joint_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """So their flows keep their bits: sweeps alone gain a factor of ten or more a round."""
    monkeypatch.setattr(equilibrium, "joint_steps", lambda *_: pytest.fail("a joint step"))
    family = registry.family("traffic.assignment")
    for size in (30, 100, 300):
        inputs = family.sample(size, np.random.default_rng(size))
        problem = Problem(*(inputs[name] for name in ARGUMENTS[:-2]))
        assert solve(problem, 1e-10, ENOUGH).relative_gap <= 1e-10
