"""What a precise equilibrium costs in scenarios, and why precision is needed.

``traffic-warmstart``: a link is closed, and the new equilibrium is found from the old one's bushes and from nothing.
``traffic-noise``: how far link flows are from the equilibrium's when the solver stops at a gap. See `networks` and
`solvers` for data and peers.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
from harness import Case, new_record

from cases.networks import Network, has, network, objective, problem, relative_gap
from cases.solvers import AEQUILIBRAE, MAX_ROUNDS, OURS, TAP_B, Solver

WARM_GAP = 1e-8
CLOSED = {"busiest": 1.0, "99 %": 0.99, "95 %": 0.95, "90 %": 0.9, "75 %": 0.75, "50 %": 0.5}  # quantiles of road flow
REPETITIONS = 5

NOISE_NETWORK = "ChicagoSketch"
NOISE_GAPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10)
EXACT = 1e-13
OFF = 0.01  # of the flow at equilibrium
CARRIES = 1.0  # vehicles; smaller flows are not compared in parts


def _close(net: Network, link: int) -> Network:
    fixed = net["fixed_cost"].copy()
    fixed[0, link] = np.inf
    return net | {"fixed_cost": fixed}


def _candidates(net: Network, flow: np.ndarray) -> dict[str, int]:
    """Return roads, not connectors, by the quantile of their flow among the used ones whose closure cuts nobody off."""
    zones = net["demand"].shape[1]
    road = (net["link_tail"] >= zones) & (net["link_head"] >= zones) if net["first_thru"] else np.ones(len(flow), bool)
    out, into = np.bincount(net["link_tail"]), np.bincount(net["link_head"], minlength=len(net["link_start"]) - 1)
    road &= (out[net["link_tail"]] > 1) & (into[net["link_head"]] > 1) & (flow > 0.0)
    order = np.flatnonzero(road)[np.argsort(flow[road], kind="stable")]
    return {name: int(order[round(share * (len(order) - 1))]) for name, share in CLOSED.items()}


def _timed(made: Any, start: Any = None) -> tuple[float, float, Any]:
    from twin.kernels.traffic.equilibrium import solve

    cpu, wall = time.process_time(), time.perf_counter()
    solution = solve(made, WARM_GAP, MAX_ROUNDS, start)
    return time.process_time() - cpu, time.perf_counter() - wall, solution


def _measure_warmstart(case: Case, quick: bool) -> list[dict[str, Any]]:
    records = []
    for name in ("Anaheim",) if quick else ("Anaheim", "Barcelona", "Winnipeg", "ChicagoSketch"):
        if not has(name):
            continue
        net = network(name)
        base = _timed(problem(net))[2]
        closures = {"nothing": -1} | _candidates(net, base.link_flow[0])
        for what, link in closures.items():
            made = problem(net if link < 0 else _close(net, link))
            times: dict[str, list[tuple[float, float, Any]]] = {"warm": [], "cold": []}
            for _ in range(2 if quick else REPETITIONS):
                times["warm"].append(_timed(made, base))
                times["cold"].append(_timed(made))
            warm, cold = times["warm"][0][2], times["cold"][0][2]
            record = new_record(case, net["demand"].shape[1])
            record |= {"label": f"{name}: {what} closed", "network": name, "link": link, "peer": "cold start"}
            record |= {"ours_cpu_s": _median(times["warm"], 0), "ours_wall_s": _median(times["warm"], 1)}
            record |= {"peer_cpu_s": _median(times["cold"], 0), "peer_wall_s": _median(times["cold"], 1)}
            record["ratio"] = record["peer_cpu_s"] / record["ours_cpu_s"]
            # Links of constant time may share their flows in many ways; the others' flows are unique.
            unique = (net["alpha"] > 0.0) & (net["free_flow_time"] > 0.0)
            apart = float(np.abs(warm.link_flow - cold.link_flow)[0, unique].max())
            good = max(warm.relative_gap, cold.relative_gap) <= WARM_GAP and (
                link < 0 or warm.link_flow[0, link] == 0.0
            )
            text = f"{warm.rounds} rounds, cold {cold.rounds}; flows {apart:.1g} veh apart"
            record |= {"agreement": text if good else f"differs: {text}", "repetitions": len(times["warm"])}
            record |= {"flows_apart": apart, "warm_rounds": warm.rounds, "cold_rounds": cold.rounds}
            records.append(record)
    return records


def _median(times: list[tuple[float, float, Any]], column: int) -> float:
    return statistics.median(row[column] for row in times)


def _noise_row(case: Case, net: Network, solver: Solver, gap: float, exact: np.ndarray) -> dict[str, Any]:
    record = new_record(case, net["demand"].shape[1]) | {"label": f"{solver.name} {gap:.0e}", "gap": gap}
    record |= {"ours_cpu_s": None, "ours_wall_s": None, "agreement": solver.missing()}
    if solver.missing():
        return record
    answer = solver.prepare(net, gap, record["threads"])()
    off = np.abs(answer.flow - exact)
    links = int(((off > OFF * exact) & (np.maximum(exact, answer.flow) > CARRIES)).sum())
    record |= {"ours_cpu_s": answer.cpu_s, "ours_wall_s": answer.wall_s, "repetitions": 1}
    reached, apart = relative_gap(net, answer.flow), objective(net, answer.flow) / objective(net, exact) - 1.0
    record |= {"gap_reached": reached, "max_off": float(off.max()), "links_off": links, "objective_above": apart}
    record["agreement"] = f"gap {reached:.1e}: at most {off.max():.2g} veh off, {links} links by > 1 %"
    return record


def _measure_noise(case: Case, quick: bool) -> list[dict[str, Any]]:
    net = network(NOISE_NETWORK)
    exact = OURS.prepare(net, EXACT, 1)().flow
    rows = [_noise_row(case, net, OURS, gap, exact) for gap in NOISE_GAPS]
    rows += [_noise_row(case, net, TAP_B, gap, exact) for gap in NOISE_GAPS]
    return rows + [_noise_row(case, net, AEQUILIBRAE, gap, exact) for gap in ((1e-4,) if quick else (1e-4, 1e-6))]


CASES = [
    Case(
        name="traffic-warmstart",
        work=f"one link closed, to {WARM_GAP:.0e}: from the bushes of before (ours) and from nothing (peer)",
        size_unit="zones",
        measure=_measure_warmstart,
    ),
    Case(
        name="traffic-noise",
        work=f"link flows of {NOISE_NETWORK} against those at a gap of {EXACT:.0e}, by gap",
        size_unit="zones",
        measure=_measure_noise,
    ),
]
