"""Unique route flows: the textbook case of two diamonds in series, and Sioux Falls."""

from __future__ import annotations

import numpy as np
import pytest

from tests.validation.sioux_falls import sioux_falls
from twin.kernels import registry
from twin.kernels.traffic.equilibrium import Problem, Solution, solve
from twin.kernels.traffic.proportionality import entropy
from twin.kernels.traffic.proportionality_pairs import trade
from twin.kernels.traffic.route_share_rows import Rows, class_flows, open_rows, rows_of
from twin.traffic.proportionality import link_costs, proportional_rows
from twin.traffic.select_link import RouteFlows, select_links

# Origins 0 and 1, destination 2; node 3, then by 4 or 5 to 6, then by 7 or 8 to 9.
TAIL = np.array([0, 1, 3, 3, 4, 5, 6, 6, 7, 8, 9])
HEAD = np.array([3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 2])
FIRST, SECOND = 2, 6  # links to the upper branch of either diamond


def row(origin: int, trips: float, first: float, second: float) -> tuple[list[int], list[float]]:
    links = [origin, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    parts = [1.0, first, 1.0 - first, first, 1.0 - first, second, 1.0 - second, second, 1.0 - second, 1.0]
    return links, [trips * part for part in parts]


def two_diamonds() -> Rows:
    """Origin 0 sends 100 by the upper ways only, origin 1 sends 300, mostly by the lower ones."""
    a, b = row(0, 100.0, 1.0, 1.0), row(1, 300.0, 0.2, 0.4)
    group = np.array([[0, 0], [0, 1]])
    return Rows(group, np.array([0, 10, 20]), np.array(a[0] + b[0]), np.array(a[1] + b[1]))


@pytest.mark.parametrize("variant", ["reference", "numba"])
def test_two_diamonds_multiply(variant: str) -> None:
    rows = two_diamonds()
    kernel = registry.get("traffic.proportionality", variant)
    flow, deviation = kernel(TAIL, HEAD, rows.start, rows.link, rows.flow, 1000, 1e-12)
    # 100 + 60 of 400 take the upper way of the first diamond, 100 + 120 that of the second.
    expected = row(0, 100.0, 0.4, 0.55)[1] + row(1, 300.0, 0.4, 0.55)[1]
    np.testing.assert_allclose(flow, expected, rtol=1e-9)
    assert deviation <= 1e-12
    assert entropy(HEAD, rows.start, rows.link, flow) > entropy(HEAD, rows.start, rows.link, rows.flow)
    trips = np.zeros((1, 3, 3))
    trips[0, 0, 2], trips[0, 1, 2] = 100.0, 300.0
    both = select_links(RouteFlows(TAIL, HEAD, rows._replace(flow=flow), trips), [FIRST, SECOND], how="all")
    np.testing.assert_allclose(both.share[0, :2, 2], 0.4 * 0.55, rtol=1e-9)


def relabelled(seed: int | None) -> tuple[Problem, np.ndarray, np.ndarray]:
    """Sioux Falls with its nodes in another order; also the new number of every node and the old of every link."""
    inputs = sioux_falls()
    inputs["free_flow_time"] *= 0.6  # minutes
    nodes = len(inputs["link_start"]) - 1
    new = np.arange(nodes) if seed is None else np.random.default_rng(seed).permutation(nodes)
    tail = new[np.repeat(np.arange(nodes), np.diff(inputs["link_start"]))]
    order = np.lexsort((new[inputs["link_head"]], tail))
    demand = np.zeros_like(inputs["demand"])
    demand[:, new[:, None], new[None, :]] = inputs["demand"]
    by_link = (inputs[name][order] for name in ("free_flow_time", "capacity", "alpha", "power"))
    start = np.searchsorted(tail[order], np.arange(nodes + 1)).astype(np.int64)
    problem = Problem(start, new[inputs["link_head"]][order], *by_link, inputs["fixed_cost"], demand, 0)
    return problem, new, order


def dense(rows: Rows, new: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Flows [origins, links] by the numbers of the network as published."""
    flow = np.zeros((len(new), len(order)))
    origin = np.repeat(np.argsort(new)[rows.group[:, 1]], np.diff(rows.start))
    flow[origin, order[rows.link]] = rows.flow
    return flow


def test_sioux_falls() -> None:
    problem, _, order = relabelled(None)
    solution: Solution = solve(problem, 1e-12, 200)
    found = proportional_rows(problem, solution)
    total = class_flows(found.rows, 1, len(order))
    np.testing.assert_allclose(total, solution.link_flow, rtol=1e-9)
    tail = np.repeat(np.arange(24), np.diff(problem.link_start))
    before = open_rows(
        rows_of(solution.bushes), problem.link_start, problem.link_head, link_costs(problem, solution), 0, 1e-5
    )
    _, was, pairs = trade(tail, problem.link_head, before.start, before.link, before.flow, 0, 1e-9)
    assert pairs > 20
    assert was > 0.1
    assert found.deviation <= 1e-9
    parts = (problem.link_head, before.start, before.link)
    assert entropy(*parts, found.rows.flow) > entropy(*parts, before.flow)
    reference = proportional_rows(problem, solution, variant="reference")
    np.testing.assert_allclose(found.rows.flow, reference.rows.flow, atol=1e-5)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sioux_falls_does_not_depend_on_the_order_of_nodes(seed: int) -> None:
    results = []
    for numbering in (None, seed):
        problem, new, order = relabelled(numbering)
        solution = solve(problem, 1e-13, 300)
        unsettled = dense(rows_of(solution.bushes), new, order)
        results.append((unsettled, dense(proportional_rows(problem, solution).rows, new, order)))
    assert np.abs(results[0][0] - results[1][0]).max() > 1.0  # what the solver finds does depend on it
    np.testing.assert_allclose(results[0][1], results[1][1], atol=1e-6 * results[0][1].max())
