"""What rounds of a warm start look at: what each bush pays more than its trips would on cheapest ways."""

from __future__ import annotations

import numpy as np
import pytest

from tests.property.test_traffic_equilibrium import random_problem
from twin.kernels.traffic.equilibrium import Problem, Solution, _before, _links, solve
from twin.kernels.traffic.equilibrium_steps import add_rows, cost_paid, least_costs, load
from twin.kernels.traffic.warm_rounds import _drop_lost, _lacking, _leave_closed, _look
from twin.kernels.traffic.zone_skims import ways_of


@pytest.fixture(scope="module")
def closed() -> tuple[Problem, Solution, list[int]]:
    """Return a problem of two classes, its solution after its most used link was closed in a warm start, and links.

    Bushes may still hold the closed link, without flow. The links are the next two in use, and the three most used
    after them that do not lead to or from a zone.
    """
    problem = random_problem(11, 2, False, size=60, zones=12)
    base = solve(problem, 1e-6, 50)
    order = np.argsort(-base.link_flow.sum(axis=0), kind="stable")
    fixed = problem.fixed_cost.copy()
    fixed[:, order[0]] = np.inf
    problem = problem._replace(fixed_cost=fixed)
    streets = order[3:][(problem.link_head[order[3:]] >= 12) & (order[3:] >= problem.link_start[12])]
    return problem, solve(problem, 1e-6, 50, base), [*order[1:3].tolist(), *streets[:3].tolist()]


def test_bushes_are_charged_for_the_links_they_use(closed: tuple[Problem, Solution, list[int]]) -> None:
    problem, solution, _ = closed
    bushes, links = solution.bushes, _links(problem, problem.fixed_cost)
    flow = np.zeros_like(problem.fixed_cost)
    load(bushes, flow, links)
    assert np.isinf(links.cost).any()
    skim, excess = 0.9 * solution.skim, np.full(len(bushes.group), np.nan)  # cheaper ways than there are
    least = least_costs(bushes.group, solution.od_flow, skim)
    _look(len(excess), bushes, links, least, excess)
    for b, (k, origin) in enumerate(bushes.group):
        arcs = np.flatnonzero(bushes.flow[b, : bushes.first[b, bushes.size[b, 0]]])
        paid = (bushes.flow[b, arcs] * links.cost[k, bushes.link[b, arcs]]).sum()
        goes = solution.od_flow[k, origin] > 0.0
        np.testing.assert_allclose(least[b], (solution.od_flow[k, origin, goes] * skim[k, origin, goes]).sum())
        np.testing.assert_allclose(excess[b], paid - least[b], rtol=1e-9)
    np.testing.assert_allclose(excess.sum(), cost_paid(flow, links) - least.sum(), rtol=1e-9)
    _look(len(excess), bushes, links, 1.2 * least, excess)
    assert (excess == 0.0).all()


def test_closures_one_after_the_other(closed: tuple[Problem, Solution, list[int]]) -> None:
    """Each warm start goes on from the one before, in no more rounds than a cold start would need twice over."""
    problem, warm, order = closed
    told: list[int] = []
    for link in order:
        fixed = problem.fixed_cost.copy()
        fixed[:, link] = np.inf
        problem = problem._replace(fixed_cost=fixed)
        told.clear()
        warm = solve(problem, 1e-9, 50, warm, lambda number, _: told.append(number))
        cold = solve(problem, 1e-9, 50)
        assert warm.relative_gap <= 1e-9 and warm.rounds <= 2 * cold.rounds
        assert told == list(range(warm.rounds + 1))
        np.testing.assert_allclose(warm.link_time, cold.link_time, rtol=1e-4)
        np.testing.assert_allclose(warm.link_flow.sum(axis=0), cold.link_flow.sum(axis=0), atol=1e-2)
        assert warm.link_flow[:, link].max() == 0.0


def test_bushes_leave_a_closed_link_with_all_their_flow(closed: tuple[Problem, Solution, list[int]]) -> None:
    """What the links carry is then what the bushes say, without a sum over all of them."""
    problem, solution, order = closed
    shut, by_others = np.isinf(problem.fixed_cost), 0
    for link in order:
        newly = np.zeros_like(shut)
        newly[:, link] = ~shut[:, link]
        s, _ = _before(problem, solution, None, shut | newly, newly)
        ways = ways_of(s.net.start.tobytes(), s.net.head.tobytes(), s.net.first_thru, s.skim.shape[1])
        moved = np.zeros(len(s.bushes.group), np.bool_)
        s = _drop_lost(s, newly, ways, moved)  # those who have no other way lose their trips
        left = _leave_closed(s, newly, moved)
        by_others += len(left)
        assert moved[left].all()
        assert s.link_flow[newly].max() == 0.0 < solution.link_flow[newly].max()
        told, time = s.link_flow.copy(), s.links.cost.copy()
        np.testing.assert_allclose(s.links.flow, told.sum(axis=0), rtol=1e-12)
        load(s.bushes, s.link_flow, s.links)
        np.testing.assert_allclose(told, s.link_flow, rtol=1e-9, atol=1e-9 * told.max())
        np.testing.assert_allclose(time, s.links.cost, rtol=1e-6)
    assert by_others >= 3


def test_flows_of_bushes_are_added_and_taken_away(closed: tuple[Problem, Solution, list[int]]) -> None:
    _, solution, _ = closed
    flow, rows = np.zeros_like(solution.link_flow), np.arange(len(solution.bushes.group))
    add_rows(rows[1:], 1.0, solution.bushes, flow)
    assert (flow <= solution.link_flow + 1e-9).all()
    add_rows(rows[:1], 1.0, solution.bushes, flow)
    np.testing.assert_allclose(flow, solution.link_flow, rtol=1e-9, atol=1e-9 * flow.max())
    add_rows(rows, -1.0, solution.bushes, flow)
    np.testing.assert_allclose(flow, 0.0, atol=1e-9 * solution.link_flow.max())


def test_the_fewest_bushes_are_renewed() -> None:
    excess = np.array([3.0, 0.0, 1.0, 2.0, 0.5])
    assert _lacking(excess, 0.0).tolist() == [0, 2, 3, 4]
    assert _lacking(excess, 1.5).tolist() == [0, 3]
    assert _lacking(excess, 6.5).tolist() == []
