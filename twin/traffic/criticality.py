"""Link criticality: what it costs the city when a street is closed.

Every street of a list is closed in turn, and the equilibrium solved anew from the bushes of the open network (warm
start); so the list may be long. Closures do not know of each other: the result does not depend on their order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from twin.errors import UsageError
from twin.kernels.traffic.equilibrium import Problem, Solution, solve

MINUTES = 60.0

Progress = Callable[[int, int, float], None]
"""Called with the closures done, their number, and the seconds left."""


def link_criticality(
    problem: Problem,
    base: Solution,
    closures: Sequence[int | Sequence[int]],
    *,
    target_gap: float = 1e-8,
    max_rounds: int = 200,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Close links in turn; return what each closure costs.

    Memory holds the base and one solution besides, however many closures there are.

    Parameters
    ----------
    problem : Problem
    base : Solution
        Of `problem`, at `target_gap` or below, so that differences are those of the closure.
    closures : sequence of int or of sequences of int
        Links by number; several in one entry (the two directions of a street) are closed together.
    target_gap : float
    max_rounds : int
        Per closure; `relative_gap` in the result tells where it was not enough.
    progress : callable, optional

    Returns
    -------
    DataFrame, one row per closure in the given order:
        ``flow``: flow of the closed links before, pcu/h. ``added_cost_h``: generalised cost added per hour of demand,
        in hours, over the pairs of zones that stay connected; where demand is elastic by the rule of a half (Jara-Diaz
        2007, Transport Economic Theory, ch. 3), which is the loss of consumer surplus.
        ``added_time_h``: change of pcu-hours driven, which falls where trips are cut off or given up. ``cut_off``:
        trips, pcu/h, whose zones are not connected any more. ``relative_gap``, ``rounds``: of the solution.

    Raises
    ------
    UsageError
        Empty closures, or links that do not exist.
    """
    groups = [np.unique(np.atleast_1d(np.asarray(closure, np.int64))) for closure in closures]
    for links in groups:
        if len(links) == 0 or links[0] < 0 or links[-1] >= len(problem.link_head):
            raise UsageError(
                f"cannot close links {links.tolist()}", expected=f"link numbers 0 to {len(problem.link_head) - 1}"
            )
    begun, rows = time.monotonic(), []
    for done, links in enumerate(groups, 1):
        rows.append(_close(problem, base, links, target_gap, max_rounds))
        if progress:
            progress(done, len(groups), (time.monotonic() - begun) / done * (len(groups) - done))
    columns = ["flow", "added_cost_h", "added_time_h", "cut_off", "relative_gap", "rounds"]
    return pd.DataFrame(rows, columns=columns).astype({"rounds": np.int64})


def _close(
    problem: Problem, base: Solution, links: np.ndarray, target_gap: float, max_rounds: int
) -> tuple[float, float, float, float, float, int]:
    flow = float(base.link_flow[:, links].sum())
    if flow == 0.0:  # nobody has to go another way, so nothing changes
        return flow, 0.0, 0.0, 0.0, base.relative_gap, 0
    fixed = problem.fixed_cost.copy()
    fixed[:, links] = np.inf
    found = solve(problem._replace(fixed_cost=fixed), target_gap, max_rounds, base)
    could, can = np.isfinite(base.skim), np.isfinite(found.skim)
    more = np.where(could & can, found.skim, 0.0) - np.where(could & can, base.skim, 0.0)
    cost = float((0.5 * (base.od_flow + found.od_flow) * more).sum())
    time_h = (_hours(found) - _hours(base)) / MINUTES
    return flow, cost / MINUTES, time_h, float(base.od_flow[could & ~can].sum()), found.relative_gap, found.rounds


def _hours(solution: Solution) -> float:
    return float((solution.link_flow.sum(axis=0) * solution.link_time).sum())
