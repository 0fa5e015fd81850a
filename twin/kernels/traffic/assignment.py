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
from numba import njit

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant
from twin.kernels.traffic.shortest_path import random_network, tree, trees_reference

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
LOAD = 0.3  # of sample demand: the busiest links are near their capacity
MIX_STEPS = 1000
SWEEPS = 20  # most flow-shifting sweeps between two searches for new routes


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
            "gradient projection: Jayakrishnan et al. 1994, Transportation Research Record 1443"
        ),
        rtol=1e-3,
        atol=0.5,
        sizes=(10, 100, 500),
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


@njit(cache=True)
def _time_and_slope(x: float, time0: float, capacity: float, alpha: float, power: float) -> tuple[float, float]:
    """Return the BPR time and its derivative at flow `x`; rounding may leave `x` a hair below zero."""
    ratio = max(x, 0.0) / capacity
    if power == 4.0:
        cube = ratio * ratio * ratio
        return time0 * (1.0 + alpha * cube * ratio), 4.0 * time0 * alpha * cube / capacity
    if ratio == 0.0:
        return time0, time0 * alpha / capacity if power == 1.0 else 0.0
    below = ratio ** (power - 1.0)
    return time0 * (1.0 + alpha * below * ratio), power * time0 * alpha * below / capacity


@njit(cache=True)
def _add_tree_paths(
    pairs: np.ndarray, tail: np.ndarray, pred: np.ndarray, first: np.ndarray, begin: np.ndarray, flow: np.ndarray,
    links: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Rebuild the route store: routes that carry flow, then the current cheapest route where it is new.

    The routes of pair ``p`` are ``first[p] .. first[p + 1] - 1``; the links of route ``r`` are
    ``links[begin[r]:begin[r + 1]]``, from the destination back to the origin.
    """
    n = len(pairs)
    room = len(links)
    for p in range(n):
        node = pairs[p, 2]
        while pred[pairs[p, 0], pairs[p, 1], node] >= 0:
            node = tail[pred[pairs[p, 0], pairs[p, 1], node]]
            room += 1
    new_first = np.zeros(n + 1, np.int64)
    new_begin = np.zeros(len(flow) + n + 1, np.int64)
    new_flow = np.zeros(len(flow) + n)
    new_links = np.empty(room, np.int64)
    routes, used = 0, 0
    for p in range(n):
        new_first[p] = routes
        k, origin, destination = pairs[p, 0], pairs[p, 1], pairs[p, 2]
        known = False
        for r in range(first[p], first[p + 1]):
            same = True
            node = destination
            for i in range(begin[r], begin[r + 1]):
                if pred[k, origin, node] != links[i]:
                    same = False
                    break
                node = tail[links[i]]
            if flow[r] <= 0.0 and not same:
                continue
            known = known or same
            for i in range(begin[r], begin[r + 1]):
                new_links[used] = links[i]
                used += 1
            new_flow[routes] = flow[r]
            routes += 1
            new_begin[routes] = used
        if not known:
            node = destination
            while pred[k, origin, node] >= 0:
                new_links[used] = pred[k, origin, node]
                node = tail[new_links[used]]
                used += 1
            routes += 1
            new_begin[routes] = used
    new_first[n] = routes
    return new_first, new_begin[: routes + 1].copy(), new_flow[:routes].copy(), new_links[:used].copy()


@njit(cache=True)
def _shift(
    pairs: np.ndarray, first: np.ndarray, begin: np.ndarray, flow: np.ndarray, links: np.ndarray, x: np.ndarray,
    time: np.ndarray, slope: np.ndarray, bpr: np.ndarray, fixed_cost: np.ndarray, mark: np.ndarray,
) -> float:  # fmt: skip
    """Move flow of every pair towards its cheapest known route by Newton steps; return the excess cost found.

    The step for a route is its extra cost over the sum of the link derivatives on which the two routes differ.
    """
    excess = 0.0
    for p in range(len(pairs)):
        if first[p + 1] - first[p] < 2:
            continue
        k = pairs[p, 0]
        best, least = -1, np.inf
        for r in range(first[p], first[p + 1]):
            cost = 0.0
            for i in range(begin[r], begin[r + 1]):
                cost += time[links[i]] + fixed_cost[k, links[i]]
            if cost < least:
                best, least = r, cost
        for i in range(begin[best], begin[best + 1]):
            mark[links[i]] = 1
        for r in range(first[p], first[p + 1]):
            if r == best or flow[r] <= 0.0:
                continue
            extra, steep = 0.0, 0.0
            for i in range(begin[r], begin[r + 1]):
                link = links[i]
                if mark[link] == 1:
                    mark[link] = 2
                else:
                    extra += time[link] + fixed_cost[k, link]
                    steep += slope[link]
            for i in range(begin[best], begin[best + 1]):
                link = links[i]
                if mark[link] == 1:
                    extra -= time[link] + fixed_cost[k, link]
                    steep += slope[link]
            move = 0.0
            if extra > 0.0:
                excess += extra * flow[r]
                move = min(flow[r], extra / steep) if steep > 0.0 else flow[r]
                flow[r] -= move
                flow[best] += move
                for i in range(begin[r], begin[r + 1]):
                    link = links[i]
                    if mark[link] == 0:
                        x[link] -= move
                        time[link], slope[link] = _time_and_slope(
                            x[link], bpr[0, link], bpr[1, link], bpr[2, link], bpr[3, link]
                        )
            for i in range(begin[best], begin[best + 1]):
                link = links[i]
                if mark[link] == 2:
                    mark[link] = 1
                elif move > 0.0:
                    x[link] += move
                    time[link], slope[link] = _time_and_slope(
                        x[link], bpr[0, link], bpr[1, link], bpr[2, link], bpr[3, link]
                    )
        for i in range(begin[best], begin[best + 1]):
            mark[links[i]] = 0
    return excess


@njit(cache=True)
def _load(
    pairs: np.ndarray, amount: np.ndarray, first: np.ndarray, begin: np.ndarray, flow: np.ndarray, links: np.ndarray,
    link_flow: np.ndarray,
) -> None:  # fmt: skip
    """Sum route flows into `link_flow`, after the last rounding of each pair's demand went to its largest route."""
    link_flow[:] = 0.0
    for p in range(len(pairs)):
        total, largest = 0.0, first[p]
        for r in range(first[p], first[p + 1]):
            total += flow[r]
            if flow[r] > flow[largest]:
                largest = r
        flow[largest] += amount[p] - total
        for r in range(first[p], first[p + 1]):
            if flow[r] > 0.0:
                for i in range(begin[r], begin[r + 1]):
                    link_flow[pairs[p, 0], links[i]] += flow[r]


@variant(NAME, "numba")
@njit(cache=True)
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
    """Route-based gradient projection, one pair after the other (so the same bits for any number of threads).

    Each round finds the cheapest routes at fixed times, which also gives the gap, adds them to the routes known, and
    shifts flow between known routes in up to `SWEEPS` sweeps. Arguments and results as for the reference.
    """
    classes, zones, nodes, n_links = len(demand), demand.shape[1], len(link_start) - 1, len(link_head)
    tail = np.empty(n_links, np.int64)
    for u in range(nodes):
        tail[link_start[u] : link_start[u + 1]] = u
    bpr = np.empty((4, n_links))
    bpr[0], bpr[1], bpr[2], bpr[3] = free_flow_time, capacity, alpha, power
    heap, place, best = np.empty(nodes, np.int64), np.empty(nodes, np.int64), np.empty(nodes)
    pred = np.empty((classes, zones, nodes), np.int64)
    skim = np.empty((classes, zones, zones))
    link_flow, x = np.zeros((classes, n_links)), np.zeros(n_links)
    time, slope, mark = free_flow_time.copy(), np.zeros(n_links), np.zeros(n_links, np.uint8)
    pairs, amount = np.empty((0, 3), np.int64), np.empty(0)
    first, begin = np.zeros(1, np.int64), np.zeros(1, np.int64)
    flow, links = np.empty(0), np.empty(0, np.int64)
    gap = 0.0
    for done in range(max_rounds + 1):
        for k in range(classes):
            for origin in range(zones):
                tree(
                    link_start, link_head, time + fixed_cost[k], origin, first_thru, best, pred[k, origin], heap, place
                )
                skim[k, origin] = best[:zones]
        if done == 0:
            pairs, amount = _reachable_pairs(demand, skim)
            first = np.zeros(len(pairs) + 1, np.int64)
            if len(pairs) == 0:
                break
        else:
            paid, least = 0.0, 0.0
            for k in range(classes):
                for link in range(n_links):
                    if link_flow[k, link] > 0.0:
                        paid += link_flow[k, link] * (time[link] + fixed_cost[k, link])
            for p in range(len(pairs)):
                least += amount[p] * skim[pairs[p, 0], pairs[p, 1], pairs[p, 2]]
            gap = max(0.0, 1.0 - least / paid) if paid > 0.0 else 0.0
            if gap <= target_gap or done == max_rounds:
                break
        first, begin, flow, links = _add_tree_paths(pairs, tail, pred, first, begin, flow, links)
        if done == 0:
            flow[:] = amount
            _load(pairs, amount, first, begin, flow, links, link_flow)
        else:
            for _ in range(SWEEPS):
                excess = _shift(pairs, first, begin, flow, links, x, time, slope, bpr, fixed_cost, mark)
                if excess <= 0.02 * gap * paid:
                    break
            _load(pairs, amount, first, begin, flow, links, link_flow)
        for link in range(n_links):
            x[link] = 0.0
            for k in range(classes):
                x[link] += link_flow[k, link]
            time[link], slope[link] = _time_and_slope(
                x[link], free_flow_time[link], capacity[link], alpha[link], power[link]
            )
    return link_flow, time, skim, gap


@njit(cache=True)
def _reachable_pairs(demand: np.ndarray, skim: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (class, origin, destination) of all demand that has a path, and the demand."""
    classes, zones = demand.shape[0], demand.shape[1]
    pairs, amount = np.empty((demand.size, 3), np.int64), np.empty(demand.size)
    n = 0
    for k in range(classes):
        for i in range(zones):
            for j in range(zones):
                if i != j and demand[k, i, j] > 0.0 and skim[k, i, j] < np.inf:
                    pairs[n, 0], pairs[n, 1], pairs[n, 2] = k, i, j
                    amount[n] = demand[k, i, j]
                    n += 1
    return pairs[:n].copy(), amount[:n].copy()
