"""What a warm start takes over: bushes as they were, and which of them start anew or have other trips."""

from __future__ import annotations

import numpy as np

from tests.property.test_traffic_equilibrium import random_problem
from twin.kernels.traffic.bush import Bushes
from twin.kernels.traffic.equilibrium import solve
from twin.kernels.traffic.warm_adopt import adopt, other_trips


def rows(bushes: Bushes) -> list[list[list[float]]]:
    """Return what the rows hold, without what lies beyond their last arcs."""
    held = []
    for b in range(len(bushes.group)):
        nodes = int(bushes.size[b, 1])
        arcs = int(bushes.first[b, nodes])
        ends = ((bushes.node, nodes), (bushes.first, nodes + 1), (bushes.tail, arcs), (bushes.link, arcs))
        held.append([bushes.size[b].tolist(), *(a[b, :end].tolist() for a, end in (*ends, (bushes.flow, arcs)))])
    return held


def test_rows_are_copied() -> None:
    problem = random_problem(3, 2, False, size=36, zones=8)
    old = solve(problem, 1e-6, 50).bushes
    nothing = np.zeros(2, np.bool_), np.zeros(problem.demand.shape[:2], np.bool_)
    new, fresh = adopt(old, problem.demand, *nothing)
    assert len(fresh) == 0
    assert rows(new) == rows(old)
    before = rows(old)
    new.flow[:] = -1.0
    assert rows(old) == before


def test_bushes_start_anew_that_do_not_lead_where_trips_go() -> None:
    """Of three origins the first sends trips to where none went, the second sends none, the third the same."""
    problem = random_problem(3, 1, False, size=36, zones=3)
    demand = np.array([[[0.0, 9.0, 0.0], [9.0, 0.0, 0.0], [9.0, 9.0, 0.0]]])
    old = solve(problem._replace(demand=demand), 1e-6, 50).bushes
    now = np.array([[[0.0, 9.0, 9.0], [0.0, 0.0, 0.0], [9.0, 9.0, 0.0]]])
    new, fresh = adopt(old, now, np.zeros(1, np.bool_), np.zeros((1, 3), np.bool_))
    assert new.group.tolist() == [[0, 0], [0, 2]]
    assert 2 not in old.node[0, : old.size[0, 0]]
    assert fresh.tolist() == [0]
    assert rows(new)[1] == rows(old)[2]


def test_trips_within_a_zone_do_not_count() -> None:
    before = np.ones((2, 3, 3))
    met = before.copy()
    met[0, 0, 0] = 5.0  # within the zone
    met[0, 1, 2] = 0.5
    met[1, 2, 2], met[1, 2, 0] = 0.0, 2.0
    group = np.array([[0, 0], [0, 1], [0, 2], [1, 0], [1, 2]])
    assert other_trips(group, met, before).tolist() == [False, True, False, False, True]
    assert not other_trips(group, before, before.copy()).any()
