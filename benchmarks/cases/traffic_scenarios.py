"""What a precise equilibrium costs in scenarios, and why precision is needed.

``traffic-warmstart``: a link is closed, and the new equilibrium is found from the old one's bushes and from nothing:
streets by quantiles of flow, up to the busiest, and streets drawn at random.
``traffic-noise``: how far link flows are from the equilibrium's when the solver stops at a gap.
``traffic-closure-noise``: how far what the closure of a street adds is from what it adds at equilibrium. See `networks`
and `solvers` for data and peers.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
from harness import Case, new_record

from cases.metropolis import metropolis
from cases.networks import Network, has, network, objective, problem, relative_gap
from cases.solvers import AEQUILIBRAE, MAX_ROUNDS, OURS, TAP_B, Solver

WARM_GAP = 1e-8
CLOSED = {"busiest": 1.0, "99 %": 0.99, "95 %": 0.95, "90 %": 0.9, "75 %": 0.75, "50 %": 0.5}  # quantiles of road flow
REPETITIONS = 5
ANY, ANY_REPETITIONS, DRAW = 100, 3, 1  # streets drawn at random, repetitions of each, and the seed
FIFTH = 5.0
TIMES = ("ours_cpu_s", "ours_wall_s", "peer_cpu_s", "peer_wall_s")

NOISE_NETWORK = "ChicagoSketch"
NOISE_GAPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10)
EXACT = 1e-13
OFF = 0.01  # of the flow at equilibrium
CARRIES = 1.0  # vehicles; smaller flows are not compared in parts

CLOSURES = {NOISE_NETWORK: 200, "metropolis": 40}  # streets, evenly over their ranks of flow
CLOSURE_GAPS = (1e-6, 1e-8, 1e-10)  # of the open network and of the closures
CLOSURE_EXACT = 1e-12
PART = 0.1  # of what a closure adds


def _close(net: Network, link: int) -> Network:
    fixed = net["fixed_cost"].copy()
    fixed[0, link] = np.inf
    return net | {"fixed_cost": fixed}


def _streets(net: Network, flow: np.ndarray) -> np.ndarray:
    """Return the used roads, not connectors, whose closure cuts nobody off, by flow."""
    zones = net["demand"].shape[1]
    road = (net["link_tail"] >= zones) & (net["link_head"] >= zones) if net["first_thru"] else np.ones(len(flow), bool)
    out, into = np.bincount(net["link_tail"]), np.bincount(net["link_head"], minlength=len(net["link_start"]) - 1)
    road &= (out[net["link_tail"]] > 1) & (into[net["link_head"]] > 1) & (flow > 0.0)
    return np.flatnonzero(road)[np.argsort(flow[road], kind="stable")]


def _candidates(net: Network, flow: np.ndarray) -> dict[str, int]:
    """Return streets by the quantile of their flow."""
    order = _streets(net, flow)
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
            record = new_record(case, net["demand"].shape[1])
            record |= {"label": f"{name}: {what} closed", "network": name, "link": link, "peer": "cold start"}
            records.append(record | _warm_and_cold(net, link, base, 2 if quick else REPETITIONS))
        records.append(_any_street(case, name, net, base, 4 if quick else ANY))
    return records


def _warm_and_cold(net: Network, link: int, base: Any, repetitions: int) -> dict[str, Any]:
    """Return median times with `link` closed (none below 0) from `base` and from nothing, and how they agree."""
    made = problem(net if link < 0 else _close(net, link))
    warm, cold = _timed(made, base)[2], _timed(made)[2]
    # Solutions are dropped at once: memory is had again, not new from the system.
    times = [(*_timed(made, base)[:2], *_timed(made)[:2]) for _ in range(repetitions)]
    record: dict[str, Any] = dict(zip(TIMES, np.median(times, axis=0).tolist(), strict=True))
    record["ratio"] = record["peer_cpu_s"] / record["ours_cpu_s"]
    # Links of constant time may share their flows in many ways; the others' flows are unique.
    unique = (net["alpha"] > 0.0) & (net["free_flow_time"] > 0.0)
    apart = float(np.abs(warm.link_flow - cold.link_flow)[0, unique].max())
    good = max(warm.relative_gap, cold.relative_gap) <= WARM_GAP and (link < 0 or warm.link_flow[0, link] == 0.0)
    text = f"{warm.rounds} rounds, cold {cold.rounds}; flows {apart:.1g} veh apart"
    record |= {"agreement": text if good else f"differs: {text}", "repetitions": repetitions}
    return record | {"flows_apart": apart, "warm_rounds": warm.rounds, "cold_rounds": cold.rounds}


def _any_street(case: Case, name: str, net: Network, base: Any, count: int) -> dict[str, Any]:
    """Return the median over streets drawn at random, each closed alone."""
    streets = _streets(net, base.link_flow[0])
    drawn = np.random.default_rng(DRAW).choice(streets, min(count, len(streets)), replace=False)
    rows = [_warm_and_cold(net, int(link), base, ANY_REPETITIONS) for link in drawn]
    ratios = np.array([row["ratio"] for row in rows])
    record = new_record(case, net["demand"].shape[1]) | {"label": f"{name}: any street closed", "peer": "cold start"}
    record |= {"network": name, "ratios": ratios.tolist(), "links": drawn.tolist(), "repetitions": len(rows)}
    record |= {key: statistics.median(row[key] for row in rows) for key in TIMES}
    record["ratio"] = statistics.median(ratios)
    text = f"{len(rows)} streets, {(ratios >= FIFTH).mean():.0%} of them in a fifth, least {ratios.min():.2g}"
    differs = [row["agreement"] for row in rows if row["agreement"].startswith("differs")]
    return record | {"agreement": differs[0] if differs else text}


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


def _added_h(made: Any, streets: list[int], gap: float) -> tuple[float, float, np.ndarray]:
    """Return CPU and wall seconds of closing streets in turn, and the hours that each adds; all to a gap."""
    from twin.kernels.traffic.equilibrium import solve
    from twin.traffic.criticality import link_criticality

    base = solve(made, gap, MAX_ROUNDS)
    cpu, wall = time.process_time(), time.perf_counter()
    added = link_criticality(made, base, streets, target_gap=gap)["added_cost_h"].to_numpy()
    return time.process_time() - cpu, time.perf_counter() - wall, added


def _closure_noise(case: Case, name: str, net: Network, count: int) -> list[dict[str, Any]]:
    """Return a record for every gap: errors of the hours that closures of streets add."""
    made = problem(net)
    base = _timed(made)[2]
    whole_h = float((base.link_flow * base.link_time).sum()) / 60.0
    streets = _streets(net, base.link_flow[0])
    chosen = streets[np.linspace(0, len(streets) - 1, min(count, len(streets))).astype(np.int64)].tolist()
    exact, records = _added_h(made, chosen, CLOSURE_EXACT)[2], []
    for gap in CLOSURE_GAPS:
        cpu, wall, added = _added_h(made, chosen, gap)
        off = np.abs(added - exact)
        coarse = off > PART * np.abs(exact)
        record = new_record(case, net["demand"].shape[1]) | {"label": f"{name} {gap:.0e}", "network": name, "gap": gap}
        record |= {"ours_cpu_s": cpu, "ours_wall_s": wall, "repetitions": 1, "whole_h": whole_h}
        record |= {"links": chosen, "off_h": off.tolist(), "exact_h": exact.tolist()}
        text = f"{len(off)} closures, median change {np.median(np.abs(exact)):.3g} of {whole_h:,.0f} h; "
        text += f"off by {np.median(off):.2g} h, {off.max():.2g} at most; {coarse.sum()} by > {PART:.0%}"
        record["agreement"] = text + (f", change {np.abs(exact)[coarse].max():.2g} h at most" if coarse.any() else "")
        records.append(record)
    return records


def _measure_closure_noise(case: Case, quick: bool) -> list[dict[str, Any]]:
    records = []
    for name, count in CLOSURES.items():
        if name == "metropolis":
            records += _closure_noise(case, name, metropolis(56, 350) if quick else metropolis(), count)
        elif has(name):
            records += _closure_noise(case, name, network(name), 20 if quick else count)
    return records


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
    Case(
        name="traffic-closure-noise",
        work=f"hours that closures add against those at a gap of {CLOSURE_EXACT:.0e}, by gap; time of all closures",
        size_unit="zones",
        measure=_measure_closure_noise,
    ),
]
