"""Laws of the equilibrium solver: order, conservation, warm starts after any change, threads, doing nothing.

Costs rise strictly on all streets, and connectors carry what their zone sends and gets: so total link flows, costs
and the demand met are unique and may be compared.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.kernels.traffic.assignment import beckmann_objective
from twin.kernels.traffic.bush import make_net
from twin.kernels.traffic.demand_law import answer
from twin.kernels.traffic.equilibrium import IN_BLOCKS, Problem, Solution, solve
from twin.kernels.traffic.shortest_path import random_network, trees_reference
from twin.kernels.traffic.warm_rounds import no_way_round

GAP, REACHED, ROUNDS, FLOW = 1e-13, 1e-11, 400, 1e-7
seeds = st.integers(0, 2**31 - 1)
counts = st.integers(1, 3)


def random_problem(
    seed: int, classes: int, elastic: bool, size: int = 16, zones: int = 5, load: float = 0.5
) -> Problem:
    """Return a grid with streets of all powers, some closed to a class, and demand between most pairs.

    Elastic demand mixes pairs with a logit, with constant elasticity and without a response.
    """
    rng = np.random.default_rng(seed)
    network = random_network(size, rng, zones)
    links = len(network["link_head"])
    street = (network["link_head"] >= zones) & (network["link_tail"] >= zones)
    fixed = rng.uniform(0.0, 0.5, (classes, links)) * street
    fixed[1:][(rng.random((classes - 1, links)) < 0.1) & street] = np.inf
    demand = rng.uniform(0.2, 1.0, (classes, zones, zones)) * (rng.random((classes, zones, zones)) < 0.7)
    busy = max(1.0, (demand * (1.0 - np.eye(zones))).sum())
    demand *= load * network["capacity"][street].sum() / (busy * np.sqrt(size))
    response = rng.choice([0.0, -0.6, 0.3], demand.shape)
    return Problem(
        network["link_start"],
        network["link_head"],
        network["free_flow_time"],
        network["capacity"],
        rng.choice([0.15, 1.0], links) * street,
        rng.choice([1.0, 2.0, 4.0], links),
        fixed,
        demand * np.where(response > 0.0, 2.0, 1.0) if elastic else demand,
        zones,
        pivot=rng.uniform(2.0, 8.0, demand.shape) if elastic else None,
        response=response if elastic else None,
        outside_leg=1.0,
    )


def found(problem: Problem, start: Solution | None = None) -> Solution:
    """Return the checked solution."""
    solution = solve(problem, GAP, ROUNDS, start)
    check(problem, solution)
    return solution


def objective(problem: Problem, solution: Solution) -> float:
    """Return the part of the streets in what an equilibrium minimises; unique where flows and demand met are."""
    total = solution.link_flow.sum(axis=0)
    time = (problem.free_flow_time, problem.capacity, problem.alpha, problem.power)
    used = solution.link_flow > 0.0
    return float(beckmann_objective(total, *time) + (solution.link_flow[used] * problem.fixed_cost[used]).sum())


def check(problem: Problem, solution: Solution) -> None:
    """Demand by its law at the cheapest costs, all of it carried, none where there is no way or a link is closed.

    The bushes, from which another problem may start, carry the flows.
    """
    zones, nodes = problem.demand.shape[1], len(problem.link_start) - 1
    off = ~np.eye(zones, dtype=bool)
    tail = np.repeat(np.arange(nodes), np.diff(problem.link_start))
    assert solution.relative_gap <= REACHED
    assert (solution.link_flow >= 0.0).all()
    assert not solution.link_flow[np.isinf(problem.fixed_cost)].any()
    carried, bushes = np.zeros_like(solution.link_flow), solution.bushes
    for b, (k, _) in enumerate(bushes.group):
        arcs = bushes.first[b, bushes.size[b, 0]]
        np.add.at(carried[k], bushes.link[b, :arcs], bushes.flow[b, :arcs])
    np.testing.assert_allclose(solution.link_flow, carried, rtol=1e-13, atol=1e-13)
    for k, met in enumerate(solution.od_flow):
        cost = solution.link_time + problem.fixed_cost[k]
        best, _ = trees_reference(problem.link_start, problem.link_head, cost, np.arange(zones), problem.first_thru)
        np.testing.assert_allclose(solution.skim[k], best[:, :zones], rtol=1e-12)
        can = np.isfinite(best[:, :zones]) & off
        assert not met[~can].any()
        wanted = problem.demand[k] * can
        if problem.response is not None and problem.pivot is not None:
            laws = zip(problem.demand[k, can], problem.pivot[k, can], problem.response[k, can], strict=True)
            wanted[can] = [
                answer(c, d, p, r, problem.outside_leg)[0]
                for c, (d, p, r) in zip(solution.skim[k, can], laws, strict=True)
            ]
        np.testing.assert_allclose(met, wanted, rtol=1e-8, atol=1e-9 * max(1.0, wanted.max()))
        balance = np.bincount(problem.link_head, solution.link_flow[k], nodes)
        balance -= np.bincount(tail, solution.link_flow[k], nodes)
        balance[:zones] -= met.sum(axis=0) - met.sum(axis=1)
        assert np.abs(balance).max() <= 1e-9 * max(1.0, met.sum())


def assert_same(problem: Problem, a: Solution, b: Solution) -> None:
    """Costs, demand met and objective agree to 1e-9; flows to 1e-7 of the largest.

    Flows are worse conditioned: where a street is nearly empty its time hardly depends on its flow.
    """
    np.testing.assert_allclose(a.skim, b.skim, rtol=1e-9)
    np.testing.assert_allclose(a.od_flow, b.od_flow, rtol=1e-9, atol=1e-9 * max(1.0, b.od_flow.max()))
    assert objective(problem, a) == pytest.approx(objective(problem, b), rel=1e-9)
    total, other = a.link_flow.sum(axis=0), b.link_flow.sum(axis=0)
    np.testing.assert_allclose(total, other, rtol=0.0, atol=FLOW * max(1.0, other.max()))


def bits(solution: Solution) -> list[bytes]:
    return [np.asarray(part).tobytes() for part in solution[:6]]


def shuffled(problem: Problem, rng: np.random.Generator) -> tuple[Problem, np.ndarray, np.ndarray]:
    """Return the problem with zones, junctions and the links of each star in another order, and both orders."""
    zones, nodes = problem.demand.shape[1], len(problem.link_start) - 1
    tail = np.repeat(np.arange(nodes), np.diff(problem.link_start))
    number = np.concatenate([rng.permutation(zones), zones + rng.permutation(nodes - zones)])
    order = rng.permutation(len(tail))
    order = order[np.argsort(number[tail][order], kind="stable")]

    def pairs(table: np.ndarray | None) -> np.ndarray | None:
        if table is None:
            return None
        out = np.empty_like(table)
        out[:, number[:zones, None], number[None, :zones]] = table
        return out

    names = ("free_flow_time", "capacity", "alpha", "power")
    moved = problem._replace(
        link_start=np.searchsorted(number[tail][order], np.arange(nodes + 1)).astype(np.int64),
        link_head=number[problem.link_head][order],
        fixed_cost=problem.fixed_cost[:, order].copy(),
        **{name: pairs(getattr(problem, name)) for name in ("demand", "pivot", "response")},
        **{name: getattr(problem, name)[order] for name in names},
    )
    return moved, order, number


@settings(max_examples=25, deadline=None)
@given(seed=seeds, classes=counts, elastic=st.booleans())
def test_order_of_links_nodes_and_zones_does_not_matter(seed: int, classes: int, elastic: bool) -> None:
    problem = random_problem(seed, classes, elastic)
    moved, order, number = shuffled(problem, np.random.default_rng(seed))
    zones = problem.demand.shape[1]
    here, there = found(problem), found(moved)
    at = (slice(None), number[:zones, None], number[None, :zones])
    back = there._replace(skim=there.skim[at], od_flow=there.od_flow[at])
    back = back._replace(link_flow=np.empty_like(here.link_flow))
    back.link_flow[:, order] = there.link_flow
    assert_same(problem, back, here)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, classes=counts, elastic=st.booleans())
def test_all_demand_of_every_class_is_carried(seed: int, classes: int, elastic: bool) -> None:
    """What leaves the zones, what arrives and what is met are one number; fixed demand is met in full."""
    problem = random_problem(seed, classes, elastic)
    zones = problem.demand.shape[1]
    tail = np.repeat(np.arange(len(problem.link_start) - 1), np.diff(problem.link_start))
    solution = found(problem)
    met = solution.od_flow.sum(axis=(1, 2))
    for ends in (tail, problem.link_head):
        np.testing.assert_allclose(solution.link_flow[:, ends < zones].sum(axis=1), met, rtol=1e-12)
    if not elastic:
        reachable = np.isfinite(solution.skim) & ~np.eye(zones, dtype=bool)
        np.testing.assert_allclose(met, (problem.demand * reachable).sum(axis=(1, 2)), rtol=1e-12)


def close(problem: Problem, before: Problem, rng: np.random.Generator) -> Problem:
    """Close some links to one class or all, now and then all that lead to a zone or away from it."""
    fixed = problem.fixed_cost.copy()
    links = rng.integers(0, fixed.shape[1], rng.integers(1, 5))
    classes = slice(None) if rng.random() < 0.5 else int(rng.integers(len(fixed)))
    if rng.random() < 0.3:
        zone, nodes = rng.integers(problem.demand.shape[1]), len(problem.link_start) - 1
        tail = np.repeat(np.arange(nodes), np.diff(problem.link_start))
        links = np.flatnonzero((tail if rng.random() < 0.5 else problem.link_head) == zone)
    fixed[classes, links] = np.inf
    return problem._replace(fixed_cost=fixed)


def reopen(problem: Problem, before: Problem, rng: np.random.Generator) -> Problem:
    """Take the costs and closures of the first problem."""
    return problem._replace(fixed_cost=before.fixed_cost, free_flow_time=before.free_flow_time)


def reprice(problem: Problem, before: Problem, rng: np.random.Generator) -> Problem:
    fixed = problem.fixed_cost * rng.choice([0.25, 0.5, 1.0, 3.0])
    time = problem.free_flow_time * rng.uniform(0.5, 2.0, len(problem.free_flow_time))
    return problem._replace(fixed_cost=fixed, free_flow_time=time)


def redistribute(problem: Problem, before: Problem, rng: np.random.Generator) -> Problem:
    """Some pairs lose their trips, some that had none get trips, and the others change."""
    demand = problem.demand * rng.uniform(0.5, 1.5, problem.demand.shape)
    demand[rng.random(demand.shape) < 0.3] = 0.0
    demand[rng.random(demand.shape) < 0.3] = 0.5 * problem.demand.max()
    return problem._replace(demand=demand)


def restore(problem: Problem, before: Problem, rng: np.random.Generator) -> Problem:
    return problem._replace(demand=before.demand)


CHANGES = (close, reopen, reprice, redistribute, restore)


@settings(max_examples=40, deadline=None)
@given(
    seed=seeds,
    classes=counts,
    elastic=st.booleans(),
    changes=st.lists(st.sampled_from(CHANGES), min_size=1, max_size=4),
)
def test_a_warm_start_leads_where_a_cold_one_does(seed: int, classes: int, elastic: bool, changes: list) -> None:
    """After every change of a chain, each solved from the solution before."""
    rng = np.random.default_rng(seed)
    first = problem = random_problem(seed, classes, elastic)
    warm = found(problem)
    for change in changes:
        problem = change(problem, first, rng)
        warm = found(problem, warm)
        assert_same(problem, warm, found(problem))


@settings(max_examples=20, deadline=None)
@given(seed=seeds, classes=counts, through=st.booleans())
def test_a_warm_start_claims_the_gap_of_its_flows(seed: int, classes: int, through: bool) -> None:
    """After closures, stopped early."""
    rng = np.random.default_rng(seed)
    problem = random_problem(seed, classes, False, size=36, zones=8)._replace(first_thru=0 if through else 8)
    warm = solve(problem, 1e-3, ROUNDS)
    for _ in range(2):
        problem = close(problem, problem, rng)
        warm = solve(problem, 1e-3, ROUNDS, warm)
        cost, used, way = warm.link_time + problem.fixed_cost, warm.link_flow > 0.0, np.isfinite(warm.skim)
        paid, least = (warm.link_flow[used] * cost[used]).sum(), (warm.od_flow[way] * warm.skim[way]).sum()
        assert warm.relative_gap == pytest.approx((paid - least) / paid, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=seeds, shut=st.integers(1, 12), through=st.booleans())
def test_closures_with_a_way_round_cut_nobody_off(seed: int, shut: int, through: bool) -> None:
    """What a look round each closed link says, against the trees of the whole network."""
    rng, zones = np.random.default_rng(seed), 5
    network = random_network(16, rng, zones)
    links = len(network["link_head"])
    cost = np.where(rng.random((2, links)) < 0.2, np.inf, 1.0)
    newly = np.zeros((2, links), bool)
    newly[rng.integers(0, 2, shut), rng.integers(0, links, shut)] = True
    first_thru = 0 if through else zones
    graph = network["link_start"], network["link_head"]
    before, after = (
        np.isfinite([trees_reference(*graph, c, np.arange(zones), first_thru)[0][:, :zones] for c in at])
        for at in (cost, np.where(newly, np.inf, cost))
    )
    shut_cost = np.where(newly & np.isfinite(cost), 1e12, cost)
    if not no_way_round(newly, shut_cost, 1e11, make_net(*graph, first_thru)):
        assert np.array_equal(before, after)
    elif shut == 1 and first_thru == 0:
        k, link = np.argwhere(newly)[0]
        tail = np.searchsorted(network["link_start"], link, side="right") - 1
        trees = trees_reference(*graph, np.where(newly, np.inf, cost)[k], np.array([tail]), 0)[0]
        assert np.isinf(trees[0, network["link_head"][link]])


# A, B and C are zones that meet at one junction: A can be left, B and C can be reached.
NONE, TO_B, TO_C, TO_BOTH = (
    np.array([[[0.0, b, c], [0.0] * 3, [0.0] * 3]]) for b, c in ((0, 0), (9, 0), (0, 5), (9, 5))
)


@pytest.mark.parametrize("response", [(0.0, 0.0), (-0.5, -0.5), (-0.5, 0.0), (0.3, -0.5)])
@pytest.mark.parametrize("before", [NONE, TO_B, TO_C, TO_BOTH])
@pytest.mark.parametrize("after", [NONE, TO_B, TO_C, TO_BOTH])
def test_pairs_get_and_lose_trips(before: np.ndarray, after: np.ndarray, response: tuple[float, float]) -> None:
    one, laws = np.ones(3), np.zeros((1, 3, 3))
    laws[0, 0, 1:] = response
    problem = Problem(
        np.array([0, 1, 1, 1, 3]), np.array([3, 1, 2]), one, 10.0 * one, 0.15 * one, one, np.zeros((1, 3)), before, 3,
        pivot=2.0 * np.ones((1, 3, 3)), response=laws, outside_leg=1.0,
    )  # fmt: skip
    now = problem._replace(demand=after)
    assert_same(now, found(now, found(problem)), found(now))


def test_a_zone_cut_off_comes_back() -> None:
    """Closed, solved from the open network, and opened again, solved from the closed one."""
    problem = random_problem(3, 1, False)
    into = np.flatnonzero(problem.link_head == 2)
    fixed = problem.fixed_cost.copy()
    fixed[0, into] = np.inf
    closed = problem._replace(fixed_cost=fixed)
    opened = found(problem)
    shut = found(closed, opened)
    assert np.isinf(np.delete(shut.skim[0, :, 2], 2)).all() and not shut.od_flow[0, :, 2].any()
    assert_same(problem, found(problem, shut), opened)


@pytest.mark.parametrize("shut", [2, 4])
@pytest.mark.parametrize("response", [None, -0.5])
def test_trips_that_come_back_stay_off_a_link_closed_meanwhile(shut: int, response: float | None) -> None:
    """Zone A sends trips to B over either of two junctions, and to C; nobody goes to B when one way closes."""
    one, time, laws = np.ones(6), np.ones(6), np.zeros((1, 3, 3))
    time[6 - shut] = 1.5
    laws[0, 0, 2] = response or 0.0
    demand = np.zeros((1, 3, 3))
    demand[0, 0, 1:] = 9.0, 5.0
    problem = Problem(
        np.array([0, 2, 2, 2, 4, 6]), np.array([3, 4, 1, 2, 1, 2]), time, 3.0 * one, one, one, np.zeros((1, 6)), demand,
        3, pivot=None if response is None else 2.0 * np.ones((1, 3, 3)), response=None if response is None else laws,
    )  # fmt: skip
    closed = np.where(np.arange(6) == shut, np.inf, 0.0)[None]
    none = demand.copy()
    none[0, 0, 1] = 0.0
    both = found(problem)
    assert (both.link_flow[0, [2, 4]] > 0.0).all()
    empty = found(problem._replace(fixed_cost=closed, demand=none), both)
    back = problem._replace(fixed_cost=closed)
    assert_same(back, found(back, empty), found(back))
    one_way = found(problem._replace(demand=0.01 * demand))  # only one of the two ways is in the bush
    empty = found(problem._replace(fixed_cost=closed, demand=none), one_way)
    assert_same(back, found(back, empty), found(back))


@settings(max_examples=15, deadline=None)
@given(seed=seeds, classes=counts, elastic=st.booleans())
def test_doing_nothing_changes_nothing(seed: int, classes: int, elastic: bool) -> None:
    """The same problem gives the same bits; its own solution needs no round, and fixed demand keeps its bits."""
    problem = random_problem(seed, classes, elastic)
    first = solve(problem, 1e-9, ROUNDS)
    assert bits(solve(problem, 1e-9, ROUNDS)) == bits(first)
    idle = solve(problem, 1e-9, ROUNDS, first)
    assert idle.rounds == 0
    assert idle.relative_gap <= 1e-9
    if not elastic:
        assert bits(idle)[:4] == bits(first)[:4]
    np.testing.assert_allclose(idle.link_flow, first.link_flow, rtol=1e-12, atol=1e-12 * first.link_flow.max())
    np.testing.assert_allclose(idle.skim, first.skim, rtol=1e-12)
    np.testing.assert_allclose(idle.od_flow, first.od_flow, rtol=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, classes=counts)
def test_elastic_demand_without_a_response_is_fixed_demand(seed: int, classes: int) -> None:
    fixed = random_problem(seed, classes, False)
    pivot = np.random.default_rng(seed).uniform(1.0, 9.0, fixed.demand.shape)
    still = fixed._replace(pivot=pivot, response=np.zeros_like(pivot), outside_leg=3.0)
    here, there = solve(fixed, GAP, ROUNDS), solve(still, GAP, ROUNDS)
    assert bits(here) == bits(there)
    closed = np.where(np.arange(len(fixed.link_head)) == seed % len(fixed.link_head), np.inf, fixed.fixed_cost)
    fixed, still = (p._replace(fixed_cost=closed) for p in (fixed, still))
    assert bits(solve(fixed, GAP, ROUNDS, here)) == bits(solve(still, GAP, ROUNDS, there))


def digests() -> list[str]:
    """Return digests of cold and warm solutions of networks large enough for sweeps in blocks."""
    out = []
    for elastic in (False, True):
        problem = random_problem(5, 2, elastic, size=80, zones=IN_BLOCKS)
        cold = solve(problem, 1e-10, ROUNDS)
        assert len(cold.bushes.group) >= IN_BLOCKS and cold.relative_gap <= 1e-10
        busiest = int(np.argmax(cold.link_flow.sum(axis=0) * (problem.alpha > 0.0)))
        fixed = problem.fixed_cost.copy()
        fixed[:, busiest] = np.inf
        warm = solve(problem._replace(fixed_cost=fixed), 1e-10, ROUNDS, cold)
        assert warm.relative_gap <= 1e-10
        out += [hashlib.sha256(b"".join(bits(solution))).hexdigest() for solution in (cold, warm)]
    return out


def print_digests() -> None:
    for threads in (1, 2, 4):
        numba.set_num_threads(threads)
        print(*digests())


def test_threads_change_no_bit_of_sweeps_in_blocks() -> None:
    """In a process of its own, since the most threads are set when Numba starts."""
    command = "from tests.property.test_traffic_equilibrium import print_digests; print_digests()"
    done = subprocess.run(
        [sys.executable, "-c", command],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"NUMBA_NUM_THREADS": "4"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    one, *others = done.stdout.split("\n")[:3]
    assert len(set(one.split())) == 4
    assert others == [one, one]
