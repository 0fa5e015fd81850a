"""Select-link, select-zone and differences on Sioux Falls and on a network of two classes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.validation.sioux_falls import sioux_falls
from twin.errors import UsageError
from twin.kernels import registry
from twin.kernels.traffic.assignment import ARGUMENTS
from twin.kernels.traffic.equilibrium import Problem, Solution, solve
from twin.kernels.traffic.route_share_rows import class_flows
from twin.traffic.select_link import RouteFlows, displaced, route_flows, select, select_links, select_zones


def problem_of(inputs: registry.Inputs) -> Problem:
    return Problem(*(inputs[name] for name in ARGUMENTS[:9]))


@pytest.fixture(scope="module")
def falls() -> tuple[Problem, Solution, RouteFlows]:
    problem = problem_of(sioux_falls())
    solution = solve(problem, 1e-12, 200)
    return problem, solution, route_flows(problem, solution)


@pytest.fixture(scope="module")
def classes() -> tuple[Problem, Solution, RouteFlows]:
    problem = problem_of(registry.family("traffic.assignment").sample(30, np.random.default_rng(3)))
    solution = solve(problem, 1e-10, 200)
    return problem, solution, route_flows(problem, solution)


@pytest.mark.parametrize("name", ["falls", "classes"])
def test_trips_through_a_link_are_its_flow(name: str, request: pytest.FixtureRequest) -> None:
    _, solution, flows = request.getfixturevalue(name)
    most = solution.link_flow.max()
    total = class_flows(flows.rows, len(flows.trips), len(flows.link_head))
    np.testing.assert_allclose(total.sum(axis=0), solution.link_flow.sum(axis=0), atol=1e-9 * most)
    for link in range(0, len(flows.link_head), 7):
        found = select_links(flows, [link])
        np.testing.assert_allclose(found.trips.sum(axis=(1, 2)), total[:, link], atol=1e-9 * most)
        np.testing.assert_allclose(found.bundle[:, link], total[:, link], atol=1e-9 * most)
        assert (found.bundle <= total + 1e-9 * most).all()
        assert (found.share <= 1.0 + 1e-12).all()


def test_any_and_all(falls: tuple[Problem, Solution, RouteFlows]) -> None:
    flows = falls[2]
    a, b = 8, 10  # 4 to 5, then 5 to 4: nobody does both
    assert select_links(flows, [a, b], how="all").trips.sum() == 0.0
    c = 11  # 4 to 5 and on to 6
    both, either = select_links(flows, [a, c], how="all"), select_links(flows, [a, c])
    one, two = select_links(flows, [a]), select_links(flows, [c])
    assert both.trips.sum() > 0.0
    np.testing.assert_allclose(either.trips, one.trips + two.trips - both.trips, atol=1e-6)
    np.testing.assert_allclose(either.bundle, one.bundle + two.bundle - both.bundle, atol=1e-6)
    np.testing.assert_allclose(select(flows, [[a], [c]]).trips, both.trips)


def test_zones_are_rows_and_columns(classes: tuple[Problem, Solution, RouteFlows]) -> None:
    _, solution, flows = classes
    out, into = select_zones(flows, origins=[2]), select_zones(flows, destinations=[0, 2])
    np.testing.assert_allclose(out.trips.sum(axis=(1, 2)), solution.od_flow[:, 2].sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(into.trips.sum(), solution.od_flow[:, :, [0, 2]].sum(), rtol=1e-9)
    leaving = np.flatnonzero(flows.link_tail == 2)
    np.testing.assert_allclose(out.bundle[:, leaving].sum(axis=1), out.trips.sum(axis=(1, 2)), rtol=1e-9)
    every = sum(select_zones(flows, origins=[z]).bundle for z in range(flows.trips.shape[1]))
    np.testing.assert_allclose(every, select_zones(flows).bundle, rtol=1e-9, atol=1e-9)


def test_where_the_trips_of_a_closed_link_go(falls: tuple[Problem, Solution, RouteFlows]) -> None:
    problem, solution, flows = falls
    closed = 15  # 6 to 8
    fixed = problem.fixed_cost.copy()
    fixed[:, closed] = np.inf
    other = problem._replace(fixed_cost=fixed)
    after = solve(other, 1e-12, 200, solution)
    found = displaced(flows, route_flows(other, after), [closed])
    np.testing.assert_allclose(
        found.by_users + found.by_others, after.link_flow - solution.link_flow, atol=1e-8 * solution.link_flow.max()
    )
    assert found.by_users[0, closed] == pytest.approx(-solution.link_flow[0, closed])
    assert found.by_others[0, closed] == pytest.approx(0.0, abs=1e-3)
    assert found.users_before[0, closed] == pytest.approx(solution.link_flow[0, closed])
    same = displaced(flows, flows, [closed])
    assert not same.by_users.any() and not same.by_others.any()


def test_wrong_questions(falls: tuple[Problem, Solution, RouteFlows]) -> None:
    flows = falls[2]
    with pytest.raises(UsageError, match="no link 99"):
        select_links(flows, [99])
    with pytest.raises(UsageError, match="no link is selected"):
        select_links(flows, [])
    with pytest.raises(UsageError, match="unknown"):
        select_links(flows, [1], how="both")
    with pytest.raises(UsageError, match="conditions"):
        select_links(flows, list(range(9)), how="all")
    with pytest.raises(UsageError, match="no zone 24"):
        select_zones(flows, origins=[24])
