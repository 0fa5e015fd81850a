"""A metropolitan network to equilibrium: time, memory, and how cost grows with origins, links and precision.

The network is made up (`metropolis`). Every size runs in a process of its own. TAP-B runs on the largest where the
environment variable ``TAPB`` names it, and AequilibraE, which would need hundreds of iterations, for ten of them.

The floor of a sweep: every arc of every bush is read once, tail and link of 4 bytes, flow of 8, and every node's first
arc of 4; costs of links (8 bytes) and labels of nodes come out of a cache that holds them. That is 16 bytes per arc and
4 per node, times the bushes, over the rate at which one core reads memory, measured here by adding up an array. Four
additions and two comparisons per arc are far below what a core does in that time. Renewing a bush also reads the
network's links once (16 bytes, cached) and writes the bush anew: three times the floor of a sweep.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, new_record

from cases.metropolis import CONNECTOR, metropolis
from cases.networks import imbalance, objective, problem, relative_gap
from cases.solvers import AEQUILIBRAE, MAX_ROUNDS, TAP_B, Solver

FULL = (1790, 11_200)
ORIGINS = ((224, 11_200), (448, 11_200), (895, 11_200))
LINKS = ((448, 1400), (448, 2800), (448, 5600))
QUICK = ((56, 350), (112, 700))
GAPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-8)
SLOPE_GAP, FULL_GAP = 1e-6, 1e-6
BYTES_PER_ARC, BYTES_PER_NODE = 16, 4
CRITICAL_GAP = 1e-6
CRITICAL_BASE = 1e-10  # gap of the open network, so that differences are those of the closure
CRITICAL_LINKS = 20  # as many as fit a coffee break; the environment variable of this name asks for more
CRITICAL_CHECKED = 20  # closures solved to `CRITICAL_BASE` too, of the least to the most flow


def _in_process(work: Any, *arguments: Any) -> dict[str, Any]:
    """Return what `work` returns, with the peak memory of the process that did nothing else."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_with_memory, (work, arguments))


def _with_memory(work: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
    result = work(*arguments)
    return result | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _read_rate() -> float:
    """Return the bytes per second at which one core reads memory."""
    array = np.ones(16_000_000)
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        array.sum()
        best = min(best, time.perf_counter() - start)
    return array.nbytes / best


def _compile() -> None:
    """Call the solver cold and warm on a network large enough that it compiles all it has."""
    from twin.kernels.traffic.equilibrium import solve

    made = problem(metropolis(448, 1400))
    solve(made, 1e-6, MAX_ROUNDS, solve(made, 1e-6, MAX_ROUNDS))


def _solve(zones: int, nodes: int, gap: float) -> dict[str, Any]:
    """Return times to each gap on the way to `gap`, and the floor of a sweep."""
    from twin.kernels.traffic.equilibrium import solve

    _compile()
    net = metropolis(zones, nodes)
    made = problem(net)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rounds: list[tuple[float, float, float]] = []
    cpu, wall = time.process_time(), time.perf_counter()

    def progress(_: int, reached: float) -> None:
        rounds.append((reached, time.process_time() - cpu, time.perf_counter() - wall))

    solution = solve(made, gap, MAX_ROUNDS, progress=progress)
    result: dict[str, Any] = {"ours_cpu_s": time.process_time() - cpu, "ours_wall_s": time.perf_counter() - wall}
    to_gap = {g: next(r for r in rounds if r[0] <= g)[1:] for g in GAPS if g >= solution.relative_gap}
    bushes = solution.bushes
    arcs = int(bushes.first[np.arange(len(bushes.size)), bushes.size[:, 0]].sum())
    moved = BYTES_PER_ARC * arcs + BYTES_PER_NODE * int(bushes.size[:, 0].sum())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    flow = solution.link_flow[0]
    result |= {"to_gap": to_gap, "rounds": solution.rounds, "by_round": rounds, "links": len(flow), "arcs": arcs}
    result |= {"solve_mb": memory, "import_mb": before, "pairs": int(np.count_nonzero(net["demand"]))}
    result |= {"floor_sweep_s": moved / _read_rate(), "sweep_bytes": moved, "objective": objective(net, flow)}
    return result | {"gap_computed_apart": relative_gap(net, flow), "imbalance": imbalance(net, flow)}


def _row(case: Case, zones: int, nodes: int, gap: float) -> list[dict[str, Any]]:
    """Return one record per gap reached on the way."""
    found = _in_process(_solve, zones, nodes, gap)
    rows = []
    for reached, (cpu, wall) in found.pop("to_gap").items():
        row = new_record(case, zones) | found | {"gap": reached, "ours_cpu_s": cpu, "ours_wall_s": wall}
        row |= {"label": f"{zones:,} zones, {found['links']:,} links, {reached:.0e}", "repetitions": 1}
        row |= {"peak_mb": found["solve_mb"], "inverse_gap": 1.0 / reached}
        row["agreement"] = f"gap apart {found['gap_computed_apart']:.1e}" if reached <= gap else "on the way"
        rows.append(row)
    return rows


def _slope(case: Case, what: str, rows: list[dict[str, Any]], axis: str) -> list[dict[str, Any]]:
    """Return a record whose ratio is the slope of CPU time over the axis, log-log, by least squares."""
    x, y = (np.log([row[key] for row in rows]) for key in (axis, "ours_cpu_s"))
    slope = float(np.polyfit(x, y, 1)[0])
    empty = {"label": f"slope over {what}", "ours_cpu_s": None, "ours_wall_s": None, "slope": slope}
    return [new_record(case, 0) | empty | {"agreement": f"CPU ~ {what} ^ {slope:.2f}"}]


def _measure(case: Case, quick: bool) -> list[dict[str, Any]]:
    full, gap = (QUICK[-1], SLOPE_GAP) if quick else (FULL, FULL_GAP)
    rows = _row(case, *full, gap)
    last = rows[-1]
    sweep = last["floor_sweep_s"]
    per_round = last["ours_cpu_s"] / max(1, last["rounds"])
    text = f"{last['sweep_bytes'] / 1e6:.0f} MB a sweep; a round takes {per_round / sweep:.0f} sweeps"
    floor = {"label": "floor: one sweep", "ours_cpu_s": sweep, "ours_wall_s": sweep, "agreement": text}
    result = [*rows, new_record(case, full[0]) | floor, *_slope(case, "1/gap", rows, "inverse_gap")]
    small = (QUICK[0],) if quick else ORIGINS
    origins = [_row(case, *size, SLOPE_GAP)[-1] for size in small]
    result += origins
    if not quick:
        result += _slope(case, "origins", [*origins, last], "size")
        links = [_row(case, *size, SLOPE_GAP)[-1] for size in LINKS]
        result += links + _slope(case, "links", [*links, origins[1]], "links")
    return result


def _peer(case: Case, quick: bool) -> list[dict[str, Any]]:
    """Return ours and TAP-B to 1e-4, each once, and AequilibraE for ten iterations."""
    zones, nodes = QUICK[-1] if quick else FULL
    net = metropolis(zones, nodes)
    mine = _in_process(_solve, zones, nodes, 1e-4)
    record = new_record(case, zones) | {"label": f"{zones:,} zones, 1e-04", "peer": TAP_B.name, "repetitions": 1}
    record |= {key: mine[key] for key in ("ours_cpu_s", "ours_wall_s", "rounds", "solve_mb", "gap_computed_apart")}
    record |= {"agreement": TAP_B.missing(), "peak_mb": mine["solve_mb"]}
    if not TAP_B.missing():
        answer = TAP_B.prepare(net, 1e-4, record["threads"])()
        theirs, apart = relative_gap(net, answer.flow), objective(net, answer.flow) / mine["objective"] - 1.0
        good = abs(theirs) <= 2e-4 and abs(apart) <= 3e-4
        text = f"gaps {mine['gap_computed_apart']:.1e}, {theirs:.1e}; objectives {apart:.0e} apart"
        record |= {"agreement": text if good else f"differs: {text}", "peer_note": answer.note}
        if good:
            record |= {"peer_cpu_s": answer.cpu_s, "peer_wall_s": answer.wall_s}
            record["ratio"] = answer.cpu_s / record["ours_cpu_s"]
            record["ratio_wall"] = answer.wall_s / record["ours_wall_s"]
    return [record, _ten_iterations(case, net, zones, AEQUILIBRAE)]


def _ten_iterations(case: Case, net: dict[str, Any], zones: int, solver: Solver) -> dict[str, Any]:
    record = new_record(case, zones) | {"label": "ten iterations", "peer": solver.name, "repetitions": 1}
    record |= {"ours_cpu_s": None, "ours_wall_s": None, "agreement": solver.missing()}
    if not solver.missing():
        answer = solver.prepare(net, 1e-12, record["threads"], max_rounds=10)()
        record |= {"peer_cpu_s": answer.cpu_s, "peer_wall_s": answer.wall_s, "peer_version": solver.version()}
        record["agreement"] = f"gap {relative_gap(net, answer.flow):.1e} after {answer.note}"
    return record


def _criticality(zones: int, nodes: int, count: int) -> dict[str, Any]:
    """Return the time to close roads, spread evenly over those by flow, one at a time from the same warm start.

    The environment variable ``CRITICAL_FILE`` names a file that gets every closure as it is solved; a run that was cut
    off goes on from there, and its times are those of the rest.
    """
    from twin.kernels.traffic.equilibrium import solve
    from twin.traffic.criticality import link_criticality

    _compile()
    net = metropolis(zones, nodes)
    made = problem(net)
    cpu, wall = time.process_time(), time.perf_counter()
    base = solve(made, CRITICAL_GAP, MAX_ROUNDS)
    result = {"cold_cpu_s": time.process_time() - cpu, "cold_wall_s": time.perf_counter() - wall}
    base = solve(made, CRITICAL_BASE, MAX_ROUNDS, base)
    flow = base.link_flow[0]
    roads = np.flatnonzero((net["kind"] != CONNECTOR) & (flow > 0.0))
    chosen = roads[np.argsort(flow[roads], kind="stable")][np.linspace(0, len(roads) - 1, count).astype(np.int64)]
    link_criticality(made, base, chosen[-1:].tolist(), target_gap=0.1)  # compiles what is left
    file = os.environ.get("CRITICAL_FILE")
    cpu, wall = time.process_time(), time.perf_counter()
    table = link_criticality(
        made, base, chosen.tolist(), target_gap=CRITICAL_GAP, progress=_say, file=Path(file) if file else None
    )
    result |= {"ours_cpu_s": time.process_time() - cpu, "ours_wall_s": time.perf_counter() - wall, "closures": count}
    some = np.linspace(0, count - 1, min(count, CRITICAL_CHECKED)).astype(np.int64)
    exact = link_criticality(made, base, chosen[some].tolist(), target_gap=CRITICAL_BASE)["added_cost_h"]
    off = np.abs(table["added_cost_h"].to_numpy()[some] - exact.to_numpy())
    result |= {"checked_h": exact.tolist(), "checked_off_h": off.tolist()}
    worst = float(table["added_cost_h"].max())
    reached = float(table["relative_gap"].max())
    return result | {"reached": reached, "rounds": table["rounds"].tolist(), "worst_h": worst}


def _say(done: int, total: int, left_s: float) -> None:
    """Tell every tenth closure how long the others will take."""
    if done % 10 == 0 or done == total:
        print(f"{done:,} of {total:,} closures, {left_s / 60.0:.1f} min left", file=sys.stderr, flush=True)


def _measure_criticality(case: Case, quick: bool) -> list[dict[str, Any]]:
    zones, nodes = QUICK[-1] if quick else FULL
    count = int(os.environ.get("CRITICAL_LINKS", CRITICAL_LINKS))
    found = _in_process(_criticality, zones, nodes, count)
    record = new_record(case, zones) | found | {"label": f"{count:,} closures", "peer": "cold, times closures"}
    record |= {"peer_cpu_s": count * found["cold_cpu_s"], "peer_wall_s": count * found["cold_wall_s"], "repetitions": 1}
    record["ratio"] = record["peer_cpu_s"] / record["ours_cpu_s"]
    share = found["ours_cpu_s"] / count
    text = f"{share:.3g} s each, cold {found['cold_cpu_s']:.3g} s; gaps at most {found['reached']:.1e}"
    off, most = found["checked_off_h"], max(found["checked_h"])
    text += f"; {len(off)} added costs of up to {most:,.0f} h off by {np.median(off):.2g} h, {max(off):.2g} at most,"
    record["agreement"] = f"{text} from those at {CRITICAL_BASE:.0e}"
    return [record]


CASES = [
    Case("traffic-scale", "a metropolitan network to equilibrium", "zones", measure=_measure),
    Case("traffic-scale-peers", "a metropolitan network to 1e-4 against TAP-B", "zones", measure=_peer),
    Case("traffic-criticality", "metropolitan roads closed one by one", "zones", measure=_measure_criticality),
]
