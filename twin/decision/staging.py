"""When benefits start and how fast they grow: tasks that wait for one another, and uptake curves.

Times are decimal years: 2027.5 is the middle of 2027. What stands for half of a year brings half of a year's benefit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.errors import StudyError, did_you_mean

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """A piece of work: its duration in years and the tasks that must be done before it starts."""

    name: str
    duration_years: float
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Uptake:
    """The share that takes part, by years since the start: straight lines between points.

    Parameters
    ----------
    years, shares : tuple of float
        Years since the start, rising from 0, and the share (0 to 1) from then on. The last share stays. The first one
        is taken up at once.
    """

    years: tuple[float, ...] = (0.0,)
    shares: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        years, shares = np.asarray(self.years, float), np.asarray(self.shares, float)
        rising = len(years) > 0 and years[0] == 0.0 and bool((np.diff(years) > 0).all())
        if not (rising and len(shares) == len(years) and bool(((shares >= 0) & (shares <= 1)).all())):
            raise StudyError(
                f"an uptake curve with years {list(self.years)} and shares {list(self.shares)} cannot be used",
                expected="years that rise from 0, and as many shares between 0 and 1",
            )

    @classmethod
    def linear(cls, years: float, final: float = 1.0) -> Uptake:
        """Return a rise by the same part every year to `final` after `years`."""
        return cls((0.0, years), (0.0, final))

    @classmethod
    def s_curve(cls, years: float, final: float = 1.0, *, steps: int = 40) -> Uptake:
        """Return a logistic rise from nothing to `final` after `years`, half way in the middle.

        The logistic curve of diffusion (Griliches 1957, doi 10.2307/1905380) between its 1 % and 99 % points,
        stretched to begin at 0 and end at `final`.
        """
        t = np.linspace(0.0, 1.0, steps + 1)
        raw = 1.0 / (1.0 + np.exp(-2.0 * np.log(99.0) * (t - 0.5)))
        shares = (raw - raw[0]) / (raw[-1] - raw[0])
        return cls(tuple(years * t), tuple(np.clip(final * shares, 0.0, 1.0)))

    def share(self, since: Float) -> Float:
        """Return the share at times since the start; 0 before it."""
        value = np.interp(since, self.years, self.shares)
        return np.where(np.asarray(since) < 0.0, 0.0, value)

    def mean_share(self, low: Float, high: Float) -> Float:
        """Return the mean share between two times since the start, exactly."""
        return (self._integral(high) - self._integral(low)) / (high - low)

    def _integral(self, since: Float) -> Float:
        x, y = np.asarray(self.years, float), np.asarray(self.shares, float)
        t = np.maximum(since, 0.0)
        k = np.searchsorted(x, t, side="right") - 1
        whole = np.concatenate([[0.0], np.cumsum(np.diff(x) * (y[:-1] + y[1:]) / 2.0)])
        slope = np.append(np.diff(y) / np.diff(x), 0.0) if len(x) > 1 else np.zeros(1)
        part = t - x[k]
        return np.asarray(whole[k] + part * (y[k] + slope[k] * part / 2.0))


AT_ONCE = Uptake()
"""All take part from the start."""


def schedule(tasks: Sequence[Task], start: float) -> pd.DataFrame:
    """Return when each task starts and ends, as early as its predecessors allow.

    Parameters
    ----------
    tasks : sequence of Task
    start : float
        Decimal year in which work may begin.

    Returns
    -------
    DataFrame
        Indexed by task, in the order given: start, end, critical (whether a delay of it delays the last task).

    Raises
    ------
    StudyError
        Two tasks of one name, a predecessor that is not there, a duration below zero, or tasks that wait for one
        another in a ring.
    """
    known = _by_name(tasks)
    begins: dict[str, float] = {}
    ends: dict[str, float] = {}
    order: list[str] = []
    waiting = list(known)
    while waiting:
        ready = [name for name in waiting if all(p in ends for p in known[name].after)]
        if not ready:
            raise StudyError(f"tasks wait for one another: {', '.join(waiting)}", remedy="remove one predecessor")
        for name in ready:
            begins[name] = max((ends[p] for p in known[name].after), default=float(start))
            ends[name] = begins[name] + known[name].duration_years
            order.append(name)
        waiting = [name for name in waiting if name not in ends]
    critical = _critical(known, begins, ends, order)
    frame = pd.DataFrame({"start": begins, "end": ends, "critical": critical}, index=pd.Index(known, name="task"))
    return frame.astype({"start": float, "end": float, "critical": bool})


def _by_name(tasks: Sequence[Task]) -> dict[str, Task]:
    known = {task.name: task for task in tasks}
    if len(known) < len(tasks):
        names = [task.name for task in tasks]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise StudyError(f"two tasks are called {twice[0]!r}", expected="a name of its own for every task")
    for task in tasks:
        if not (np.isfinite(task.duration_years) and task.duration_years >= 0.0):
            raise StudyError(f"task {task.name!r} takes {task.duration_years!r} years", expected="0 or more")
        for name in task.after:
            if name not in known:
                raise StudyError(
                    f"task {task.name!r} waits for {name!r}, which is no task", remedy=did_you_mean(name, known)
                )
    return known


def _critical(
    known: Mapping[str, Task], begins: Mapping[str, float], ends: Mapping[str, float], order: Sequence[str]
) -> dict[str, bool]:
    """Return the tasks without slack (critical path method, Kelley and Walker 1959, doi 10.1145/1460299.1460318)."""
    last = max(ends.values(), default=0.0)
    latest = dict.fromkeys(known, last)
    for name in reversed(order):
        for before in known[name].after:
            latest[before] = min(latest[before], latest[name] - known[name].duration_years)
    return {name: latest[name] - ends[name] <= 1e-9 for name in known}


def in_service(start: Float, years: Float, uptake: Uptake, life: Float) -> Float:
    """Return the mean share of each calendar year that is taken up and has not reached the end of its life.

    Parameters
    ----------
    start : float64 (n,)
        Decimal year of the start.
    years : float64 (y,)
        Calendar years.
    uptake : Uptake
    life : float64 (n,)
        Years each part serves; infinite where it has no end.

    Returns
    -------
    float64 (n, y)
    """
    since = years[None, :] - start[:, None]
    share = uptake.mean_share(since, since + 1.0)
    ended = np.where(np.isfinite(life), life, 0.0)[:, None]
    gone = np.where(np.isfinite(life)[:, None], uptake.mean_share(since - ended, since - ended + 1.0), 0.0)
    return np.asarray(share - gone)


def installed(start: Float, years: Float, uptake: Uptake) -> Float:
    """Return the share that is newly taken up in each calendar year, float64 (n, y): when money is paid once.

    What is taken up in a year (start of it included, end not) is paid in it. `years` follow one another.
    """
    edges = np.append(years, years[-1] + 1.0)[None, :] - start[:, None]
    before = np.nextafter(edges, -np.inf)  # what starts with a year is of that year
    return np.diff(uptake.share(before), axis=1)
