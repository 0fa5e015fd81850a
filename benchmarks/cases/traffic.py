"""User equilibrium of public networks against Algorithm B in C and bi-conjugate Frank-Wolfe, to the same relative gap.

All use as many threads as Numba (``NUMBA_NUM_THREADS``). A time counts where the gap, computed anew from the link
flows by `networks.relative_gap`, is at most twice the one asked for, the objective is as close as that gap demands,
and no flow is lost. See `networks` for the data and `solvers` for how the peers are set up.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
from harness import Case, new_record

from cases.networks import Network, has, imbalance, link_cost, network, objective, relative_gap
from cases.solvers import AEQUILIBRAE, OURS, TAP_B, Answer, Solver

NETWORKS = ("SiouxFalls", "Anaheim", "Barcelona", "Winnipeg", "ChicagoSketch")
GAPS = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)
REPETITIONS = 5
LONG_S = 2.0  # answers that take longer are asked for once, or three times where they take less than five such
DECIMALS = 0.5e-6  # to which TAP-B writes its flows


def _judge(net: Network, gap: float, mine: Answer, other: Answer) -> tuple[str, bool]:
    reached = [relative_gap(net, answer.flow) for answer in (mine, other)]
    # Rounded flows change the cost paid by about this part; it bounds how well gaps below 1e-10 can be checked.
    rounding = (
        3.0 * DECIMALS * float(np.linalg.norm(link_cost(net, mine.flow)) / (link_cost(net, mine.flow) @ mine.flow))
    )
    goal = objective(net, mine.flow)
    apart = abs(objective(net, other.flow) - goal) / goal
    lost = imbalance(net, other.flow)
    good = max(map(abs, reached)) <= 2.0 * gap + rounding and apart <= 3.0 * gap + rounding and lost <= 1e-3
    return f"gaps {reached[0]:.1e}, {reached[1]:.1e}; objectives {apart:.0e} apart", good


def compare(case: Case, name: str, net: Network, gap: float, peers: list[Solver], most: int) -> list[dict[str, Any]]:
    """Return one record per peer: all solvers in turn, `most` times, slow peers fewer times."""
    empty = new_record(case, net["demand"].shape[1]) | {"label": f"{name} {gap:.0e}", "network": name, "gap": gap}
    threads = empty["threads"]
    records = [
        empty | {"peer": peer.name, "peer_version": peer.version() if not peer.missing() else None} for peer in peers
    ]
    present = [peer for peer in peers if not peer.missing()]
    calls = {solver.name: solver.prepare(net, gap, threads) for solver in (OURS, *present)}
    first = calls[OURS.name]()
    times: dict[str, list[Answer]] = {solver: [] for solver in calls}
    for turn in range(most):
        for solver, call in calls.items():
            spent = sum(answer.wall_s for answer in times[solver])
            if spent > 5.0 * LONG_S or (turn >= 3 and spent > LONG_S):
                continue
            times[solver].append(call())
    for record, peer in zip(records, peers, strict=True):
        record |= {"ours_first_call_s": first.wall_s, "repetitions": len(times[OURS.name])}
        record["ours_cpu_s"], record["ours_wall_s"] = _medians(times[OURS.name])
        record["agreement"] = peer.missing()
        if peer in present:
            text, good = _judge(net, gap, first, times[peer.name][0])
            record |= {"agreement": text if good else f"differs: {text}", "difference": None if good else text}
            record |= {"ours_note": first.note, "peer_note": times[peer.name][0].note}
            if good:
                record["peer_cpu_s"], record["peer_wall_s"] = _medians(times[peer.name])
                record["ratio"] = record["peer_cpu_s"] / record["ours_cpu_s"]
                record["ratio_wall"] = record["peer_wall_s"] / record["ours_wall_s"]
    return records


def _medians(answers: list[Answer]) -> tuple[float, float]:
    return statistics.median(a.cpu_s for a in answers), statistics.median(a.wall_s for a in answers)


def _measure(case: Case, quick: bool) -> list[dict[str, Any]]:
    records = []
    for name in NETWORKS[:2] if quick else NETWORKS:
        if not has(name):
            empty = {"label": name, "network": name, "agreement": f"network missing: {name}"}
            records.append(new_record(case, 0) | empty | {"ours_cpu_s": None, "ours_wall_s": None})
            continue
        for gap in GAPS:
            peers = [peer for peer in (TAP_B, AEQUILIBRAE) if peer.tightest <= gap]
            records += compare(case, name, network(name), gap, peers, 3 if quick else REPETITIONS)
    return records


CASES = [
    Case(
        name="traffic-assignment",
        work="user equilibrium to a relative gap",
        size_unit="zones",
        measure=_measure,
    )
]
