"""One-to-many shortest-path trees on a forward star (CSR) network.

Links are sorted by tail node: the links that leave node ``u`` are ``link_start[u] .. link_start[u + 1] - 1``. Nodes
below `first_thru` are zone centroids: a path may start or end there but not pass through (first-thru-node rule of
Sheffi 1985, "Urban Transportation Networks", and of the TNTP format). A link of infinite cost is closed.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant
from twin.kernels.threads import over_threads

NAME = "traffic.shortest_path"


def random_network(size: int, rng: np.random.Generator, zones: int) -> dict[str, Any]:
    """Return a random grid network with two-way streets and zone connectors, as a forward star.

    `size` is the number of junctions (about). Keys: ``link_start``, ``link_head``, ``link_tail``, ``free_flow_time``
    (min) and ``capacity`` (veh/h); connectors have a capacity that is never reached.
    """
    columns = max(2, int(np.sqrt(size)))
    rows = max(2, -(-size // columns))
    number = zones + np.arange(rows * columns).reshape(rows, columns)
    ends = [(number[:, :-1].ravel(), number[:, 1:].ravel()), (number[:-1].ravel(), number[1:].ravel())]
    tail = np.concatenate([e[0] for e in ends] + [e[1] for e in ends])
    head = np.concatenate([e[1] for e in ends] + [e[0] for e in ends])
    time = rng.uniform(0.5, 2.0, len(tail))
    capacity = rng.uniform(400.0, 1500.0, len(tail))
    at = rng.choice(number.ravel(), zones, replace=zones > number.size)
    centroid = np.arange(zones)
    tail = np.concatenate([tail, centroid, at])
    head = np.concatenate([head, at, centroid])
    time = np.concatenate([time, np.full(2 * zones, 0.2)])
    capacity = np.concatenate([capacity, np.full(2 * zones, 1e6)])
    order = np.lexsort((head, tail))
    nodes = zones + number.size
    return {
        "link_start": np.searchsorted(tail[order], np.arange(nodes + 1)).astype(np.int64),
        "link_head": head[order].astype(np.int64),
        "link_tail": tail[order].astype(np.int64),
        "free_flow_time": time[order],
        "capacity": capacity[order],
    }


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    zones = max(2, size // 5)
    network = random_network(size, rng, zones)
    cost = network["free_flow_time"].copy()
    cost[rng.random(len(cost)) < 0.03] = np.inf
    return {
        "link_start": network["link_start"],
        "link_head": network["link_head"],
        "link_cost": cost,
        "origins": np.arange(zones, dtype=np.int64),
        "first_thru": zones,
    }


def _check_tree(kernel: Kernel, inputs: Inputs) -> None:
    """Every cost is the predecessor's cost plus its link, no link could shorten it, and centroids are not crossed."""
    start, head, link_cost = inputs["link_start"], inputs["link_head"], inputs["link_cost"]
    cost, pred = kernel(start, head, link_cost, inputs["origins"], inputs["first_thru"])
    tail = np.repeat(np.arange(len(start) - 1), np.diff(start))
    for row, origin in enumerate(inputs["origins"]):
        assert cost[row, origin] == 0.0 and pred[row, origin] == -1
        reached = np.flatnonzero(pred[row] >= 0)
        links = pred[row, reached]
        assert np.array_equal(head[links], reached)
        assert np.array_equal(cost[row, reached], cost[row, tail[links]] + link_cost[links])
        assert np.all((tail[links] >= inputs["first_thru"]) | (tail[links] == origin))
        usable = (tail >= inputs["first_thru"]) | (tail == origin)
        assert np.all(cost[row, head[usable]] <= cost[row, tail[usable]] + link_cost[usable])


def _check_scale(kernel: Kernel, inputs: Inputs) -> None:
    """Costs twice as high (exact in binary) give the same trees and costs twice as high."""
    args = (inputs["origins"], inputs["first_thru"])
    cost, pred = kernel(inputs["link_start"], inputs["link_head"], inputs["link_cost"], *args)
    cost2, pred2 = kernel(inputs["link_start"], inputs["link_head"], 2.0 * inputs["link_cost"], *args)
    assert np.array_equal(2.0 * cost, cost2)
    assert np.array_equal(pred, pred2)


declare(
    Family(
        name=NAME,
        purpose="Cheapest paths from each origin to all nodes, as predecessor trees.",
        inputs=(
            Array("link_start", ("nodes+1",), "int64", "-"),
            Array("link_head", ("links",), "int64", "-"),
            Array("link_cost", ("links",), "float64", "min"),
            Array("origins", ("origins",), "int64", "-"),
            Array("first_thru", (), "int64", "-"),
        ),
        outputs=(
            Array("cost", ("origins", "nodes"), "float64", "min"),
            Array("pred_link", ("origins", "nodes"), "int64", "-"),
        ),
        sample=_sample,
        work=lambda inputs: float(len(inputs["origins"]) * len(inputs["link_head"])),
        work_unit="tree·link",
        source="Dijkstra 1959, doi 10.1007/BF01386390; binary heap with decrease-key",
        rtol=0.0,
        atol=0.0,
        sizes=(10, 100, 1000),
        properties=(Property("optimal tree", _check_tree), Property("scale of costs", _check_scale)),
    )
)


@variant(NAME, "reference")
def trees_reference(
    link_start: np.ndarray, link_head: np.ndarray, link_cost: np.ndarray, origins: np.ndarray, first_thru: int
) -> tuple[np.ndarray, np.ndarray]:
    """Plain Dijkstra. Nodes settle in order of (cost, node); of equally cheap ways in, the lowest link index wins.

    Parameters
    ----------
    link_start : int64 [nodes + 1]
    link_head : int64 [links]
    link_cost : float64 [links]
        Not negative; infinite when closed.
    origins : int64 [origins]
    first_thru : int
        Nodes below it are not passed through.

    Returns
    -------
    cost : float64 [origins, nodes], infinite where there is no path
    pred_link : int64 [origins, nodes], the last link of the path; -1 at the origin and where there is no path
    """
    nodes = len(link_start) - 1
    cost = np.full((len(origins), nodes), np.inf)
    pred = np.full((len(origins), nodes), -1, np.int64)
    start, head, weight = link_start.tolist(), link_head.tolist(), link_cost.tolist()
    for row, origin in enumerate(origins.tolist()):
        best = [np.inf] * nodes
        into = [-1] * nodes
        settled = [False] * nodes
        best[origin] = 0.0
        queue = [(0.0, origin)]
        while queue:
            c, u = heapq.heappop(queue)
            if settled[u]:
                continue
            settled[u] = True
            if u < first_thru and u != origin:
                continue
            for link in range(start[u], start[u + 1]):
                v, through = head[link], c + weight[link]
                if settled[v] or through == np.inf:
                    continue
                if through < best[v]:
                    best[v], into[v] = through, link
                    heapq.heappush(queue, (through, v))
                elif through == best[v] and link < into[v]:
                    into[v] = link
        cost[row], pred[row] = best, into
    return cost, pred


@njit(cache=True)
def tree(
    link_start: np.ndarray,
    link_head: np.ndarray,
    link_cost: np.ndarray,
    origin: int,
    first_thru: int,
    cost: np.ndarray,
    pred: np.ndarray,
    heap: np.ndarray,
    place: np.ndarray,
) -> None:
    """Fill `cost` and `pred` [nodes] with the tree of one origin; `heap` and `place` [nodes] are work space.

    An indexed binary heap ordered by (cost, node); ``place`` is -1 for an untouched node and -2 for a settled one.
    """
    cost[:] = np.inf
    pred[:] = -1
    place[:] = -1
    cost[origin] = 0.0
    heap[0] = origin
    place[origin] = 0
    size = 1
    while size > 0:
        u = heap[0]
        place[u] = -2
        size -= 1
        if size > 0:
            w = heap[size]
            i = 0
            while True:
                child = 2 * i + 1
                if child >= size:
                    break
                a = heap[child]
                if child + 1 < size:
                    b = heap[child + 1]
                    if cost[b] < cost[a] or (cost[b] == cost[a] and b < a):
                        child += 1
                        a = b
                if cost[a] < cost[w] or (cost[a] == cost[w] and a < w):
                    heap[i] = a
                    place[a] = i
                    i = child
                else:
                    break
            heap[i] = w
            place[w] = i
        if u < first_thru and u != origin:
            continue
        for link in range(link_start[u], link_start[u + 1]):
            v = link_head[link]
            through = cost[u] + link_cost[link]
            if place[v] == -2 or through == np.inf:
                continue
            if through < cost[v]:
                cost[v] = through
                pred[v] = link
                i = place[v]
                if i == -1:
                    i = size
                    size += 1
                while i > 0:
                    parent = (i - 1) // 2
                    a = heap[parent]
                    if through < cost[a] or (through == cost[a] and v < a):
                        heap[i] = a
                        place[a] = i
                        i = parent
                    else:
                        break
                heap[i] = v
                place[v] = i
            elif through == cost[v] and link < pred[v]:
                pred[v] = link


@over_threads
@njit(cache=True, nogil=True)
def _trees(
    begin: int, end: int, link_start: np.ndarray, link_head: np.ndarray, link_cost: np.ndarray, origins: np.ndarray,
    first_thru: int, cost: np.ndarray, pred: np.ndarray,
) -> None:  # fmt: skip
    heap, place = np.empty(cost.shape[1], np.int64), np.empty(cost.shape[1], np.int64)
    for row in range(begin, end):
        tree(link_start, link_head, link_cost, origins[row], first_thru, cost[row], pred[row], heap, place)


@variant(NAME, "numba")
def trees_numba(
    link_start: np.ndarray, link_head: np.ndarray, link_cost: np.ndarray, origins: np.ndarray, first_thru: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the same trees as the reference, bit for bit; origins in parallel."""
    nodes = len(link_start) - 1
    cost = np.empty((len(origins), nodes))
    pred = np.empty((len(origins), nodes), np.int64)
    _trees(len(origins), link_start, link_head, link_cost, origins, first_thru, cost, pred)
    return cost, pred
