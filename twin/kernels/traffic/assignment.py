"""Static user equilibrium of several vehicle classes that share the roads.

Link time is the BPR function (Bureau of Public Roads 1964) ``t = t0 * (1 + alpha * (x / capacity) ** power)`` of the
sum ``x`` of all classes' flows; each class adds its own fixed cost per link (toll as time; infinite where closed to
it). Each class's demand uses only its cheapest routes (Wardrop's first principle), which is the minimum of
Beckmann's function (Beckmann, McGuire and Winsten 1956). Total link flows and times are unique; the split of a link's
flow between classes need not be.

Networks are forward stars (see `shortest_path`); zones are nodes 0 .. zones - 1. Demand that has no open path is left
out: the caller sees it as an infinite skim.
"""

from __future__ import annotations

import numpy as np

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant
from twin.kernels.traffic.equilibrium import MANY, Problem, solve
from twin.kernels.traffic.shortest_path import random_network, trees_reference

NAME = "traffic.assignment"
ARGUMENTS = (
    "link_start",
    "link_head",
    "free_flow_time",
    "capacity",
    "alpha",
    "power",
    "fixed_cost",
    "demand",
    "first_thru",
    "max_rounds",
    "target_gap",
)
LOAD = 0.2  # of sample demand: the busiest links are near their capacity
MIX_STEPS = 1000


def link_times(
    flow: np.ndarray, free_flow_time: np.ndarray, capacity: np.ndarray, alpha: np.ndarray, power: np.ndarray
) -> np.ndarray:
    """Return the BPR travel time [links], in the unit of `free_flow_time`, of total link flows [links]."""
    return free_flow_time * (1.0 + alpha * (flow / capacity) ** power)


def beckmann_objective(
    flow: np.ndarray, free_flow_time: np.ndarray, capacity: np.ndarray, alpha: np.ndarray, power: np.ndarray
) -> float:
    """Return Beckmann's function, the sum over links of the integral of time over flow, without fixed costs."""
    integral = flow + alpha * capacity / (power + 1.0) * (flow / capacity) ** (power + 1.0)
    return float(np.sum(free_flow_time * integral))


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    zones = max(3, size // 3)
    network = random_network(max(9, size), rng, zones)
    links = len(network["link_head"])
    demand = rng.uniform(0.0, 1.0, (2, zones, zones)) * np.array([0.8, 0.2])[:, None, None]
    demand[:, np.arange(zones), np.arange(zones)] = 0.0
    demand *= LOAD * network["capacity"][network["capacity"] < 1e6].sum() / (demand.sum() * np.sqrt(max(9, size)))
    # Costs that differ by class on every street make the split between classes unique too.
    street = (network["link_head"] >= zones) & (network["link_tail"] >= zones)
    fixed = rng.uniform(0.0, 0.5, (2, links)) * street
    return {
        **{k: network[k] for k in ("link_start", "link_head", "free_flow_time", "capacity")},
        "alpha": np.full(links, 0.15),
        "power": np.full(links, 4.0),
        "fixed_cost": fixed,
        "demand": demand,
        "first_thru": zones,
        "max_rounds": 2000,
        "target_gap": 1e-9,
    }


def _total_outputs(kernel: Kernel, inputs: Inputs) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    return kernel(*(inputs[name] for name in ARGUMENTS))


def _check_conservation(kernel: Kernel, inputs: Inputs) -> None:
    """At every node, class flow in minus out equals what ends there minus what starts there."""
    flow, _, _, _ = _total_outputs(kernel, inputs)
    start, head, demand = inputs["link_start"], inputs["link_head"], inputs["demand"]
    nodes = len(start) - 1
    tail = np.repeat(np.arange(nodes), np.diff(start))
    for k in range(len(demand)):
        balance = np.bincount(head, flow[k], nodes) - np.bincount(tail, flow[k], nodes)
        balance[: demand.shape[1]] -= demand[k].sum(axis=0) - demand[k].sum(axis=1)
        assert np.abs(balance).max() <= 1e-9 * max(1.0, demand.sum())


def _check_equilibrium(kernel: Kernel, inputs: Inputs) -> None:
    """Check that the cost paid exceeds that of the cheapest routes at the same times by the stated gap."""
    flow, time, skim, gap = _total_outputs(kernel, inputs)
    cost = time[None, :] + inputs["fixed_cost"]
    used = flow > 0.0
    paid = float((flow[used] * cost[used]).sum())
    zones = inputs["demand"].shape[1]
    least = 0.0
    for k in range(len(flow)):
        best, _ = trees_reference(
            inputs["link_start"], inputs["link_head"], cost[k], np.arange(zones), inputs["first_thru"]
        )
        np.testing.assert_allclose(skim[k], best[:, :zones], rtol=1e-9)
        reached = inputs["demand"][k] > 0.0
        least += float((inputs["demand"][k][reached] * skim[k][reached]).sum())
    assert abs((1.0 - least / paid) - gap) <= 1e-9
    assert gap <= inputs["target_gap"]


def _check_zero(kernel: Kernel, inputs: Inputs) -> None:
    flow, time, _, gap = _total_outputs(kernel, dict(inputs, demand=np.zeros_like(inputs["demand"])))
    assert np.all(flow == 0.0) and gap == 0.0
    assert np.array_equal(time, inputs["free_flow_time"])


def _warm_up() -> None:
    """Start many bushes from nothing, and again after a street is closed; and fill some roads until sweeps stall."""
    inputs = _sample(2 * MANY, np.random.default_rng(0))
    problem = Problem(*(inputs[name] for name in ARGUMENTS[:-2]))
    start = solve(problem, 1e-4, 3)
    busiest = np.argmax(start.link_flow.sum(axis=0) * (inputs["link_head"] >= inputs["first_thru"]))
    closed = inputs["fixed_cost"].copy()
    closed[:, busiest] = np.inf
    solve(problem._replace(fixed_cost=closed), 1e-6, 3, start)
    small = _sample(30, np.random.default_rng(4))
    overfull = dict(small, demand=100.0 * small["demand"])
    solve(Problem(*(overfull[name] for name in ARGUMENTS[:-2])), 1e-9, 20)


declare(
    Family(
        name=NAME,
        purpose="User-equilibrium link flows of several vehicle classes.",
        inputs=(
            Array("link_start", ("nodes+1",), "int64", "-"),
            Array("link_head", ("links",), "int64", "-"),
            Array("free_flow_time", ("links",), "float64", "min"),
            Array("capacity", ("links",), "float64", "veh/h"),
            Array("alpha", ("links",), "float64", "-"),
            Array("power", ("links",), "float64", "-"),
            Array("fixed_cost", ("classes", "links"), "float64", "min"),
            Array("demand", ("classes", "zones", "zones"), "float64", "veh/h"),
            Array("first_thru", (), "int64", "-"),
            Array("max_rounds", (), "int64", "-"),
            Array("target_gap", (), "float64", "-"),
        ),
        outputs=(
            Array("link_flow", ("classes", "links"), "float64", "veh/h"),
            Array("link_time", ("links",), "float64", "min"),
            Array("skim", ("classes", "zones", "zones"), "float64", "min"),
            Array("relative_gap", (), "float64", "-"),
        ),
        sample=_sample,
        work=lambda inputs: float(np.count_nonzero(inputs["demand"]) * len(inputs["link_head"])),
        work_unit="OD pair·link",
        source=(
            "simplicial decomposition: von Hohenbalken 1977, doi 10.1007/BF01584323, with pairwise steps; "
            "Algorithm B: Dial 2006, doi 10.1016/j.trb.2006.02.008"
        ),
        rtol=1e-3,
        atol=0.5,
        sizes=(10, 100, 500),
        warm_up=_warm_up,
        properties=(
            Property("flow conservation", _check_conservation),
            Property("equilibrium by the textbook gap", _check_equilibrium),
            Property("no demand, no flow", _check_zero),
        ),
    )
)


def _all_or_nothing(
    start: np.ndarray, head: np.ndarray, cost: np.ndarray, demand: np.ndarray, first_thru: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the link flow [links] of all demand [zones, zones] on cheapest paths, and the skim [zones, zones]."""
    zones = len(demand)
    tail = np.repeat(np.arange(len(start) - 1), np.diff(start))
    best, pred = trees_reference(start, head, cost, np.arange(zones), first_thru)
    flow = np.zeros(len(head))
    for origin in range(zones):
        carried = np.zeros(len(start) - 1)
        carried[:zones] = np.where(np.isfinite(best[origin, :zones]), demand[origin], 0.0)
        for destination in np.flatnonzero(carried[:zones] > 0.0):
            node = destination
            while pred[origin, node] >= 0:
                link = pred[origin, node]
                flow[link] += carried[destination]
                node = tail[link]
    return flow, best[:, :zones]


@variant(NAME, "reference")
def assignment_reference(
    link_start: np.ndarray,
    link_head: np.ndarray,
    free_flow_time: np.ndarray,
    capacity: np.ndarray,
    alpha: np.ndarray,
    power: np.ndarray,
    fixed_cost: np.ndarray,
    demand: np.ndarray,
    first_thru: int,
    max_rounds: int,
    target_gap: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Simplicial decomposition in plain NumPy: Frank-Wolfe that keeps its all-or-nothing loads and mixes them anew.

    Parameters
    ----------
    link_start, link_head : int64 [nodes + 1], [links]
    free_flow_time, capacity, alpha, power : float64 [links]
        Of the BPR function; times in minutes, capacity in vehicles per hour.
    fixed_cost : float64 [classes, links]
        Minutes; infinite where the link is closed to the class.
    demand : float64 [classes, zones, zones]
        Vehicles per hour; the diagonal is not assigned.
    first_thru : int
        Nodes below it are not passed through.
    max_rounds : int
    target_gap : float
        Stop when ``1 - (cheapest cost of all demand) / (cost paid)`` is at most this.

    Returns
    -------
    link_flow : float64 [classes, links]
    link_time : float64 [links]
    skim : float64 [classes, zones, zones], generalised cost, infinite where there is no open path
    relative_gap : float
    """
    classes, zones = demand.shape[:2]
    wanted = demand.copy()
    wanted[:, np.arange(zones), np.arange(zones)] = 0.0
    bpr = (free_flow_time, capacity, alpha, power)
    fixed = np.where(np.isfinite(fixed_cost), fixed_cost, 0.0)
    flow, nearest, skim = np.zeros_like(fixed_cost), np.zeros_like(fixed_cost), np.zeros_like(demand)
    loads, weights = np.zeros((0, *flow.shape)), np.zeros(0)
    gap = 0.0
    for done in range(max_rounds + 1):
        time = link_times(flow.sum(axis=0), *bpr)
        for k in range(classes):
            nearest[k], skim[k] = _all_or_nothing(link_start, link_head, time + fixed_cost[k], wanted[k], first_thru)
        if done > 0:
            paid = float((flow * (time + fixed)).sum())
            gap = max(0.0, 1.0 - float((nearest * (time + fixed)).sum()) / paid)
            if gap <= target_gap or done == max_rounds:
                break
        if not nearest.any():
            break
        used = weights > 0.0
        loads = np.concatenate([loads[used], nearest[None]])
        weights = np.append(weights[used], 1.0 if done == 0 else 0.0)
        _mix(loads, weights, fixed, bpr, 0.05 * max(gap, target_gap))
        flow = np.tensordot(weights, loads, axes=1)
    return flow, time, skim, gap


def _mix(loads: np.ndarray, weights: np.ndarray, fixed: np.ndarray, bpr: tuple[np.ndarray, ...], enough: float) -> None:
    """Change `weights` [loads] in place until the mix of loads is close to their least Beckmann function.

    Weight moves from the dearest load in use to the cheapest one by Newton steps, until their costs differ by no more
    than the part `enough` of the cost.
    """
    _, capacity, alpha, power = bpr
    fixed_part = (loads * fixed).sum(axis=(1, 2))
    totals = loads.sum(axis=1)
    for _ in range(MIX_STEPS):
        x = weights @ totals
        cost = totals @ link_times(x, *bpr) + fixed_part
        cheap, dear = int(np.argmin(cost)), int(np.argmax(np.where(weights > 0.0, cost, -np.inf)))
        if cost[dear] - cost[cheap] <= enough * cost[cheap]:
            break
        slope = bpr[0] * alpha * power / capacity * (x / capacity) ** (power - 1.0)
        change = totals[cheap] - totals[dear]
        curve = float(change @ (slope * change))
        step = min(weights[dear], (cost[dear] - cost[cheap]) / curve) if curve > 0.0 else weights[dear]
        weights[dear] -= step
        weights[cheap] += step
    weights /= weights.sum()


@variant(NAME, "numba")
def assignment_numba(
    link_start: np.ndarray,
    link_head: np.ndarray,
    free_flow_time: np.ndarray,
    capacity: np.ndarray,
    alpha: np.ndarray,
    power: np.ndarray,
    fixed_cost: np.ndarray,
    demand: np.ndarray,
    first_thru: int,
    max_rounds: int,
    target_gap: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Algorithm B; arguments and results as for the reference."""
    problem = Problem(link_start, link_head, free_flow_time, capacity, alpha, power, fixed_cost, demand, first_thru)
    found = solve(problem, target_gap, max_rounds)
    return found.link_flow, found.link_time, found.skim, found.relative_gap
