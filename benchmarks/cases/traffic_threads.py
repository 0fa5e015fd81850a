"""What a second thread is worth in a cold start: wall times on one thread and on two, in turns.

Where memory comes to lie is worth some hundredths, and stays for as long as a process: there are several.
"""

from __future__ import annotations

import multiprocessing
import os
from typing import Any
from unittest import mock

import numpy as np
from harness import Case, clock, new_record

from cases.networks import has, network, problem

NETWORKS = ("Anaheim", "Barcelona", "Winnipeg", "ChicagoSketch")
GAPS = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)
PROCESSES, TURNS = 8, 10
MAX_ROUNDS = 500


def _cold_starts(name: str, turns: int) -> tuple[np.ndarray, bool]:
    """Return CPU and wall seconds [gaps, turns, threads, 2], and whether the threads give the same bits."""
    import numba

    from twin.kernels.traffic.equilibrium import solve

    made, seconds, same = problem(network(name)), np.empty((len(GAPS), turns, 2, 2)), True
    for g, gap in enumerate(GAPS):
        for turn in range(-1, turns):  # a first one that does not count
            flows = []
            for t in range(2):
                numba.set_num_threads(t + 1)
                cpu, wall, answer = clock(lambda gap=gap: solve(made, gap, MAX_ROUNDS))
                flows.append(answer.link_flow)
                seconds[g, turn, t] = cpu, wall
            same = same and np.array_equal(*flows)
    return seconds, same


def _apart(name: str, turns: int) -> tuple[np.ndarray, bool]:
    """Return `_cold_starts` of a process of its own, which may use two threads."""
    with (
        mock.patch.dict(os.environ, NUMBA_NUM_THREADS="2"),
        multiprocessing.get_context("spawn").Pool(1) as pool,
    ):
        return pool.apply(_cold_starts, (name, turns))


def _rows(case: Case, name: str, processes: int, turns: int) -> list[dict[str, Any]]:
    """Return a record for every gap: medians over the processes of the best times of each."""
    found = [_apart(name, turns) for _ in range(processes)]
    best, records = np.array([seconds.min(axis=1) for seconds, _ in found]), []  # [processes, gaps, threads, 2]
    bits = "same bits" if all(same for _, same in found) else "differs"
    for g, gap in enumerate(GAPS):
        one, two = np.median(best[:, g], axis=0)
        ratios = best[:, g, 0, 1] / best[:, g, 1, 1]
        record = new_record(case, network(name)["demand"].shape[1])
        record |= {"label": f"{name} {gap:.0e}", "network": name, "gap": gap, "threads": 2, "peer": "one thread"}
        record |= {"ours_cpu_s": two[0], "ours_wall_s": two[1], "peer_cpu_s": one[0], "peer_wall_s": one[1]}
        record |= {"ratio": float(np.median(ratios)), "ratios": ratios.tolist(), "repetitions": turns * processes}
        records.append(record | {"agreement": f"{bits}; {ratios.min():.2f} to {ratios.max():.2f} by process"})
    return records


def _measure(case: Case, quick: bool) -> list[dict[str, Any]]:
    names = [name for name in (NETWORKS[:1] if quick else NETWORKS) if has(name)]
    return [row for name in names for row in _rows(case, name, *((2, 3) if quick else (PROCESSES, TURNS)))]


CASES = [
    Case(
        name="traffic-threads",
        work="cold starts on two threads (ours) and one (peer), best of a process; the ratio is of wall times",
        size_unit="zones",
        measure=_measure,
    )
]
