"""All-or-nothing loads by a hierarchy, and the bushes that an assignment starts from."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from twin.kernels.team import NONE, new_team, take_piece
from twin.kernels.traffic import bush
from twin.kernels.traffic.all_or_nothing import batches_of, lanes_for, lead_load, make_room, trips_of
from twin.kernels.traffic.bush import make_net
from twin.kernels.traffic.equilibrium import MANY, Problem, _desire, _links, _make_bushes, solve
from twin.kernels.traffic.equilibrium_steps import settle_and_load
from twin.kernels.traffic.first_flows import spread
from twin.kernels.traffic.hierarchy import Metric, build_hierarchy, customize
from twin.kernels.traffic.shortest_path import random_network, trees_reference

ZONES, CLASSES = MANY + 10, 2


def _problem(seed: int, through: bool) -> Problem:
    """Return two classes on a random network, some links closed, zones passed through or not."""
    rng = np.random.default_rng(seed)
    network = random_network(3 * ZONES, rng, ZONES)
    links = len(network["link_head"])
    demand = rng.uniform(0.0, 1.0, (CLASSES, ZONES, ZONES)) * (rng.random((CLASSES, ZONES, ZONES)) < 0.3)
    demand *= 0.1 * network["capacity"][network["capacity"] < 1e6].sum() / (demand.sum() * np.sqrt(3 * ZONES))
    fixed = rng.uniform(0.0, 0.5, (CLASSES, links))
    fixed[rng.random(fixed.shape) < 0.02] = np.inf
    return Problem(
        network["link_start"], network["link_head"], network["free_flow_time"], network["capacity"],
        np.full(links, 0.15), np.full(links, 4.0), fixed, demand, 0 if through else ZONES,
    )  # fmt: skip


def _least(problem: Problem, cost: np.ndarray) -> np.ndarray:
    best, _ = trees_reference(problem.link_start, problem.link_head, cost, np.arange(ZONES), problem.first_thru)
    return best[:, :ZONES]


def test_batches_are_of_a_width_that_two_threads_share_with_little_waste() -> None:
    assert lanes_for(np.zeros(387, np.int64)) == 40  # ten batches; of 32 origins they would be 13, the last of three
    assert lanes_for(np.repeat([0, 1], 96)) == 48  # two for either class
    assert lanes_for(np.repeat([0, 2], 20)) == 24


@pytest.mark.parametrize("through", [False, True])
def test_loads_pay_the_least_cost_and_lose_no_trip(through: bool) -> None:
    problem = _problem(1, through)
    cost = problem.free_flow_time + problem.fixed_cost
    h = build_hierarchy(problem.link_start, problem.link_head, problem.first_thru)
    group = _make_bushes(problem.demand, len(problem.link_start) - 1, 1).group
    batches = batches_of(group, h.rank, h.link_start, h.link_head)
    assert sorted(batches[batches >= 0]) == list(range(len(group)))
    assert batches.shape[1] == lanes_for(group[:, 0])
    metric = Metric(cost, *np.full((2, len(cost), len(h.arc_head)), np.nan))
    room, team = make_room(*cost.shape, len(h.arc_head)), new_team()
    lead_load(team, 0, batches, group, trips_of(batches, group, problem.demand), h, metric, room)
    assert take_piece(0, team) == NONE
    flow = room.flow[0]
    expected = customize(h, cost)
    assert np.array_equal(metric.up, expected.up) and np.array_equal(metric.down, expected.down)
    nodes = len(problem.link_start) - 1
    tail = np.repeat(np.arange(nodes), np.diff(problem.link_start))
    for k in range(CLASSES):
        least = _least(problem, cost[k])
        trips = problem.demand[k] * np.isfinite(least) * ~np.eye(ZONES, dtype=bool)
        open_to = np.isfinite(cost[k])
        assert not flow[k, ~open_to].any()
        expected = (trips * np.where(np.isfinite(least), least, 0.0)).sum()
        assert flow[k, open_to] @ cost[k, open_to] == pytest.approx(expected, rel=1e-12)
        balance = np.bincount(problem.link_head, flow[k], nodes) - np.bincount(tail, flow[k], nodes)
        balance[:ZONES] -= trips.sum(axis=0) - trips.sum(axis=1)
        assert np.abs(balance).max() < 1e-9 * trips.sum()


@pytest.mark.parametrize("through", [False, True])
def test_first_bushes_are_acyclic_and_serve_all_trips_that_have_a_way(through: bool) -> None:
    problem = _problem(2, through)
    nodes = len(problem.link_start) - 1
    links, desire = _links(problem, problem.fixed_cost), _desire(problem)
    net = make_net(problem.link_start, problem.link_head, problem.first_thru)
    bushes = _make_bushes(problem.demand, nodes, len(problem.link_head))
    h = build_hierarchy(problem.link_start, problem.link_head, problem.first_thru)
    spread(h, net, bushes, desire.demand, desire.met, links)
    mixed = links.flow.copy()
    costs = problem.free_flow_time + problem.fixed_cost
    least = np.stack([_least(problem, cost) for cost in costs])
    for b, (k, origin) in enumerate(bushes.group):
        live, reached, _ = bushes.size[b]
        position = np.repeat(np.arange(reached), np.diff(bushes.first[b, : reached + 1]))
        arcs = len(position)
        assert (bushes.tail[b, :arcs] < position).all()
        assert np.array_equal(problem.link_head[bushes.link[b, :arcs]], bushes.node[b][position])
        assert np.isfinite(problem.fixed_cost[k, bushes.link[b, :arcs]]).all()
        reach = np.isfinite(least[k, origin]) & (np.arange(ZONES) != origin)
        assert np.array_equal(desire.met[k, origin], problem.demand[k, origin] * reach)
        assert set(np.flatnonzero(desire.met[k, origin])) <= set(bushes.node[b, :live])
    flow = np.zeros_like(problem.fixed_cost)
    settle_and_load(np.arange(len(bushes.group)), bushes, desire.met, flow, links)
    assert np.abs(flow.sum(axis=0) - mixed).sum() < 0.2 * mixed.sum()  # the mix, but for links that lead back


def test_the_gap_found_by_skims_is_that_of_the_flows() -> None:
    problem = _problem(3, False)
    found = solve(problem, 1e-5, 100)
    cost = found.link_time + problem.fixed_cost
    paid = (found.link_flow * np.where(found.link_flow > 0.0, cost, 0.0)).sum()
    least = 0.0
    for k in range(CLASSES):
        best = _least(problem, cost[k])
        np.testing.assert_allclose(found.skim[k], best, rtol=1e-9)
        least += (found.od_flow[k] * np.where(found.od_flow[k] > 0.0, best, 0.0)).sum()
    assert found.relative_gap == pytest.approx((paid - least) / paid, abs=1e-12)
    assert found.relative_gap <= 1e-5


def test_same_bits_for_any_number_of_threads() -> None:
    problem, most = _problem(4, True), numba.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 4):
            numba.set_num_threads(min(threads, most))
            found.append(solve(problem, 1e-4, 100))
    finally:
        numba.set_num_threads(most)
    for other in found[1:]:
        assert other.relative_gap == found[0].relative_gap
        assert np.array_equal(other.link_flow, found[0].link_flow)
        assert np.array_equal(other.skim, found[0].skim)
        assert np.array_equal(other.bushes.size, found[0].bushes.size)
        for b, (_, reached, _) in enumerate(other.bushes.size):
            arcs = other.bushes.first[b, reached]
            assert np.array_equal(other.bushes.link[b, :arcs], found[0].bushes.link[b, :arcs])
            assert np.array_equal(other.bushes.flow[b, :arcs], found[0].bushes.flow[b, :arcs])


def test_large_numbers_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of more than 65,535 links number them by larger integers, from a cold start and from a warm one."""
    problem = _problem(5, True)
    shut = problem._replace(fixed_cost=problem.fixed_cost.copy())
    small = solve(problem, 1e-4, 100)
    shut.fixed_cost[:, np.argsort(small.link_flow.sum(axis=0))[-3:]] = np.inf
    small = [small, solve(shut, 1e-4, 100, small)]
    monkeypatch.setattr(bush, "SHORT", 0)
    large = solve(problem, 1e-4, 100)
    for one, other in zip(small, [large, solve(shut, 1e-4, 100, large)], strict=True):
        assert (one.bushes.link.dtype, other.bushes.link.dtype) == (np.uint16, np.int32)
        assert np.array_equal(one.link_flow, other.link_flow)
        assert np.array_equal(one.skim, other.skim)
