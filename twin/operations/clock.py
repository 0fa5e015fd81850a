"""The city's clock: one SimPy environment in which every operational process runs.

Time is in seconds since local midnight of the first reported day. A run starts `warm_up_days` earlier, so that queues
are not empty at midnight, and counts only what happens from 0 to the end of the last reported day.

A process is a class that takes the clock, starts its SimPy generators with `CityClock.start`, and writes what it
measures to a `Meter`. `twin.operations.charging.ChargingSite` is the pattern: bridges, parking or waste rounds join
the same clock, so that they may wait for each other.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import simpy
from numpy.typing import NDArray

HOUR_S = 3600.0
DAY_S = 24.0 * HOUR_S


class CityClock:
    """Whole days of the city, with whole days before them to warm up.

    Parameters
    ----------
    warm_up_days : int
        Days that are simulated first and not counted.
    days : int
        Days that are reported.
    """

    def __init__(self, warm_up_days: int = 1, days: int = 1) -> None:
        self.start_s = -warm_up_days * DAY_S
        self.days = days
        self.end_s = days * DAY_S
        self.env = simpy.Environment(initial_time=self.start_s)

    @property
    def now_s(self) -> float:
        """Seconds since midnight of the first reported day; negative while warming up."""
        return float(self.env.now)

    def start(self, process: Generator[simpy.Event, object, object]) -> simpy.Process:
        """Start a process at the present time."""
        return self.env.process(process)

    def wait_until(self, time_s: float) -> simpy.Event:
        """Return an event at a time of the clock; at once if it is past."""
        return self.env.timeout(max(0.0, time_s - self.now_s))

    def run(self, extra_s: float = 0.0) -> None:
        """Run to the end of the reported days, and on for some time that is not counted."""
        self.env.run(until=self.end_s + extra_s)


class Meter:
    """Integrates a quantity that is constant between changes, for example kW to kWh per hour of the reported days.

    Parameters
    ----------
    days : int
        Days that are reported.
    """

    def __init__(self, days: int = 1) -> None:
        self.peak = 0.0
        self._hourly: NDArray[np.float64] = np.zeros(24 * days)

    def add(self, begin_s: float, end_s: float, level: float) -> None:
        """Add a level that held from one time to another; only the part inside the reported days counts."""
        hours = len(self._hourly)
        begin, end = max(begin_s, 0.0), min(end_s, hours * HOUR_S)
        if end <= begin:
            return
        if level > self.peak:
            self.peak = level
        for hour in range(int(begin // HOUR_S), min(hours, int(end // HOUR_S) + 1)):
            overlap = min(end, (hour + 1) * HOUR_S) - max(begin, hour * HOUR_S)
            self._hourly[hour] += level * max(0.0, overlap) / HOUR_S

    def hourly_means(self) -> NDArray[np.float64]:
        """Return the mean level of each hour of each day, float64 (days, 24)."""
        return self._hourly.reshape(-1, 24).copy()
