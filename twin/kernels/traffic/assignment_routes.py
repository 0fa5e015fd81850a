"""The compiled equilibrium: route-based gradient projection.

Jayakrishnan et al. 1994, "A faster path-based algorithm for traffic assignment", Transportation Research Record 1443.
Registered as the numba variant of ``traffic.assignment``; see `assignment` for the problem.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.kernels.traffic.shortest_path import tree

SWEEPS = 20  # most flow-shifting sweeps between two searches for new routes


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


@njit(cache=True)
def assign_routes(
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
