"""What a second thread is worth in a cold start: wall times on one thread and on two, in turns.

Where memory comes to lie is worth some hundredths, and stays for as long as a process: there are several. Each has
another process beside it, and in every turn both make a cold start on one thread at the same time: two processors of a
shared machine may be one core or less, which bounds what two threads can be worth.
"""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.synchronize import Barrier
from typing import Any
from unittest import mock

import numpy as np
from harness import Case, clock, new_record

from cases.networks import has, network, problem

NETWORKS = ("Anaheim", "Barcelona", "Winnipeg", "ChicagoSketch")
GAPS = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)
PROCESSES, TURNS = 8, 10
MAX_ROUNDS = 500
PATIENCE_S = 600.0  # for the other process, which compiles at first
ONE, TWO, BESIDE = range(3)  # ways of a cold start: on one thread, on two, on one with another beside it
_meet: list[Barrier] = []  # of a process and the one beside it


def _meet_at(barrier: Barrier) -> None:
    _meet.append(barrier)


def _cold_starts(name: str, turns: int, leads: bool) -> tuple[np.ndarray, bool]:
    """Return CPU and wall seconds [gaps, turns, ways, 2], and whether one and two threads give the same bits.

    The process that does not lead only makes the cold starts beside the other.
    """
    import numba

    from twin.kernels.traffic.equilibrium import solve

    made, seconds, same = problem(network(name)), np.empty((len(GAPS), turns, 3, 2)), True
    for g, gap in enumerate(GAPS):
        for turn in range(-1, turns):  # a first one that does not count
            flows = []
            for way in (ONE, TWO, BESIDE) if leads else (BESIDE,):
                numba.set_num_threads(2 if way == TWO else 1)
                if way == BESIDE:
                    _meet[0].wait(PATIENCE_S)
                cpu, wall, answer = clock(lambda gap=gap: solve(made, gap, MAX_ROUNDS))
                flows.append(answer.link_flow)
                seconds[g, turn, way] = cpu, wall
            same = same and all(np.array_equal(flows[0], other) for other in flows)
    return seconds, same


def _apart(name: str, turns: int) -> tuple[np.ndarray, bool]:
    """Return `_cold_starts` of a process of its own, which may use two threads, with another beside it."""
    context = multiprocessing.get_context("spawn")
    given = {"initializer": _meet_at, "initargs": (context.Barrier(2),)}
    with (
        mock.patch.dict(os.environ, NUMBA_NUM_THREADS="2"),
        context.Pool(1, **given) as pool,
        context.Pool(1, **given) as beside,
    ):
        beside.apply_async(_cold_starts, (name, turns, False))
        return pool.apply(_cold_starts, (name, turns, True))


def _rows(case: Case, name: str, processes: int, turns: int) -> list[dict[str, Any]]:
    """Return a record for every gap: medians over the processes of the best times of each."""
    found = [_apart(name, turns) for _ in range(processes)]
    best, records = np.array([seconds.min(axis=1) for seconds, _ in found]), []  # [processes, gaps, ways, 2]
    bits = "same bits" if all(same for _, same in found) else "differs"
    for g, gap in enumerate(GAPS):
        one, two = np.median(best[:, g, [ONE, TWO]], axis=0)
        ratios = best[:, g, ONE, 1] / best[:, g, TWO, 1]
        at_once = 2.0 * best[:, g, ONE, 1] / best[:, g, BESIDE, 1]
        record = new_record(case, network(name)["demand"].shape[1])
        record |= {"label": f"{name} {gap:.0e}", "network": name, "gap": gap, "threads": 2, "peer": "one thread"}
        record |= {"ours_cpu_s": two[0], "ours_wall_s": two[1], "peer_cpu_s": one[0], "peer_wall_s": one[1]}
        record |= {"ratio": float(np.median(ratios)), "ratios": ratios.tolist(), "repetitions": turns * processes}
        record |= {"two_processes": float(np.median(at_once)), "two_processes_each": at_once.tolist()}
        spread = f"{ratios.min():.2f} to {ratios.max():.2f} by process"
        records.append(record | {"agreement": f"{bits}; {spread}; two processes {record['two_processes']:.2f}"})
    return records


def _measure(case: Case, quick: bool) -> list[dict[str, Any]]:
    names = [name for name in (NETWORKS[:1] if quick else NETWORKS) if has(name)]
    return [row for name in names for row in _rows(case, name, *((2, 3) if quick else (PROCESSES, TURNS)))]


CASES = [
    Case(
        name="traffic-threads",
        work="cold starts on two threads (ours) and one (peer), best of a process; ratios of wall times, "
        "also of two processes at once on one thread each",
        size_unit="zones",
        measure=_measure,
    )
]
