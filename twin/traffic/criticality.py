"""Link criticality: what it costs the city when a street is closed.

Every street of a list is closed in turn, and the equilibrium solved anew from the bushes of the open network (warm
start); so the list may be long. Closures do not know of each other: the result does not depend on their order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from twin.errors import UsageError
from twin.kernels.traffic.equilibrium import Problem, Solution, solve
from twin.kernels.traffic.warm_adopt import Room

MINUTES = 60.0
COLUMNS = ["flow", "added_cost_h", "added_time_h", "cut_off", "relative_gap", "rounds"]

Row = tuple[float, ...]

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
    file: Path | None = None,
) -> pd.DataFrame:
    """Close links in turn; return what each closure costs.

    Memory holds the base and one solution besides, however many closures there are; of this only the bushes that a
    closure has changed are copied again for the next.

    Parameters
    ----------
    problem : Problem
    base : Solution
        Of `problem`, at `target_gap` or below, so that differences are those of the closure.
    closures : sequence of int or of sequences of int
        Links by number; several in one entry (the two directions of a street) are closed together.
    target_gap : float
        Of every closure. Small added costs are lost in gaps above 1e-8 (figures in docs/traffic.md).
    max_rounds : int
        Per closure; `relative_gap` in the result tells where it was not enough.
    progress : callable, optional
    file : Path, optional
        Where every closure is written as soon as it is solved; those that it holds already are not solved again.

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
        Empty closures, links that do not exist, or a file with closures of another equilibrium or with other lines.
    """
    groups = [np.unique(np.atleast_1d(np.asarray(closure, np.int64))) for closure in closures]
    for links in groups:
        if len(links) == 0 or links[0] < 0 or links[-1] >= len(problem.link_head):
            raise UsageError(
                f"cannot close links {links.tolist()}", expected=f"link numbers 0 to {len(problem.link_head) - 1}"
            )
    known = {} if file is None else _known(file, f"{target_gap:.3g} {_hours(base):.17g}")
    begun, rows, solved, room = time.monotonic(), [], 0, Room(base.bushes)
    left = sum(_name(links) not in known for links in groups)
    for done, links in enumerate(groups, 1):
        if _name(links) in known:
            rows.append(known[_name(links)])
        else:
            rows.append(_close(problem, base, links, target_gap, max_rounds, room))
            solved += 1
            if file is not None:
                with file.open("a", encoding="utf-8") as out:
                    out.write(",".join([_name(links), *(repr(value) for value in rows[-1])]) + "\n")
        if progress:
            progress(done, len(groups), (time.monotonic() - begun) / max(1, solved) * (left - solved))
    return pd.DataFrame(rows, columns=COLUMNS).astype({"rounds": np.int64})


def _name(links: np.ndarray) -> str:
    return " ".join(str(link) for link in links)


def _known(file: Path, what: str) -> dict[str, Row]:
    """Return the closures that a file holds, by their links; begin it with `what` it is about where it is not there.

    A last line without its end, as an interruption leaves it, is cut off.
    """
    if not file.is_file() or file.stat().st_size == 0:
        file.write_text(what + "\n", encoding="utf-8")
        return {}
    text = file.read_text(encoding="utf-8", errors="replace")
    whole = text[: text.rfind("\n") + 1]
    lines = whole.splitlines()
    if not lines or lines[0] != what:
        raise UsageError(
            "the closures in the file are of another equilibrium or another gap",
            where=str(file),
            remedy="name another file, or delete this one",
        )
    if whole != text:
        file.write_text(whole, encoding="utf-8")
    known: dict[str, Row] = {}
    for number, line in enumerate(lines[1:], 2):
        name, *values = line.split(",")
        try:
            known[name] = (*(float(value) for value in values[:-1]), int(values[-1]))
        except (ValueError, IndexError):
            values = []
        if len(values) != len(COLUMNS):
            raise UsageError(
                f"line {number} is not a closure: {line[:40]!r}",
                where=str(file),
                expected=f"link numbers, {', '.join(COLUMNS)}",
                remedy="delete the line, and it is solved again",
            )
    return known


def _close(problem: Problem, base: Solution, links: np.ndarray, target_gap: float, max_rounds: int, room: Room) -> Row:
    flow = float(base.link_flow[:, links].sum())
    if flow == 0.0:  # nobody has to go another way, so nothing changes
        return flow, 0.0, 0.0, 0.0, base.relative_gap, 0
    fixed = problem.fixed_cost.copy()
    fixed[:, links] = np.inf
    found = solve(problem._replace(fixed_cost=fixed), target_gap, max_rounds, base, room=room)
    could, can = np.isfinite(base.skim), np.isfinite(found.skim)
    more = np.where(could & can, found.skim, 0.0) - np.where(could & can, base.skim, 0.0)
    cost = float((0.5 * (base.od_flow + found.od_flow) * more).sum())
    time_h = (_hours(found) - _hours(base)) / MINUTES
    return flow, cost / MINUTES, time_h, float(base.od_flow[could & ~can].sum()), found.relative_gap, found.rounds


def _hours(solution: Solution) -> float:
    return float((solution.link_flow.sum(axis=0) * solution.link_time).sum())
