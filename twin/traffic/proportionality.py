"""Unique route flows of an equilibrium.

Link flows of an equilibrium are unique, route flows are not: without a further condition it is an accident of the
algorithm who is found on a link. `proportional_rows` applies the condition of proportionality (see
`twin.kernels.traffic.proportionality`), so that select-link results do not depend on the path to the solution.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels import registry
from twin.kernels.traffic.equilibrium import Problem, Solution
from twin.kernels.traffic.proportionality import NAME
from twin.kernels.traffic.route_share_rows import Rows, open_rows, rows_of

EQUAL_COST_MIN = 1e-5
"""Ways that differ by less are taken as equally dear (assumption: far above the noise of a gap of 1e-10, far below
any difference that a traveller could feel)."""

SWEEPS = 1000
TARGET = 1e-9


class Proportional(NamedTuple):
    """Rows of proportional flows, and the greatest deviation left."""

    rows: Rows
    deviation: float


def link_costs(problem: Problem, solution: Solution) -> np.ndarray:
    """Return the generalised cost [classes, links], minutes, at a solution; without marginal-cost tolls."""
    return np.asarray(solution.link_time + problem.fixed_cost)


def proportional_rows(
    problem: Problem,
    solution: Solution,
    *,
    tolerance_min: float = EQUAL_COST_MIN,
    max_sweeps: int = SWEEPS,
    target: float = TARGET,
    variant: str = "numba",
) -> Proportional:
    """Return the flows by class and origin under the condition of proportionality; link flows in total stay.

    Parameters
    ----------
    problem : Problem
    solution : Solution
        Its gap should be small: 1e-8 or less, better 1e-10.
    tolerance_min : float
        Minutes by which ways may differ that count as alternatives.
    max_sweeps : int
    target : float
        Stop when no group would trade more than this part of the flow on a pair of alternatives.
    variant : str
        Of the kernel.
    """
    tail = np.repeat(np.arange(len(problem.link_start) - 1), np.diff(problem.link_start)).astype(np.int64)
    head = problem.link_head.astype(np.int64)
    rows = open_rows(
        rows_of(solution.bushes),
        problem.link_start.astype(np.int64), head, link_costs(problem, solution), problem.first_thru, tolerance_min,
    )  # fmt: skip
    flow, deviation = registry.get(NAME, variant)(tail, head, rows.start, rows.link, rows.flow, max_sweeps, target)
    return Proportional(rows._replace(flow=flow), float(deviation))
