"""Bushes: the acyclic part of the network that one origin's traffic of one class may use, packed for fast sweeps.

A bush (Dial 2006, doi 10.1016/j.trb.2006.02.008) holds the nodes in a topological order. Its arcs lie in one row,
grouped by head position; an arc stores the position of its tail, its link and its flow. Nodes on no way to a
meeting of ways stand last, so sweeps leave them out. Row ``b`` of every array belongs to bush ``b``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit

SHORT = np.iinfo(np.uint16).max  # most nodes and links that two bytes can number
HEAVY, LIGHT = 40_000, 160_000  # nodes of bushes from which on threads pay, for loops that do much or little for each
CRUMB = 1e-13  # share of a node's inflow below which an arc's flow is rounding and goes to the largest arc


class Net(NamedTuple):
    """The network: the links out of node u are ``start[u]:start[u + 1]``."""

    start: np.ndarray
    head: np.ndarray
    tail: np.ndarray
    first_thru: int


class Bushes(NamedTuple):
    """All bushes. Of the positions, those that lead to a meeting of ways come first, then those that only lead to a
    destination, then the rest; `size` [bushes, 3] counts those that lead to a destination, all, and the first sort.
    What a row holds beyond its last arc means nothing.
    """  # noqa: D205

    group: np.ndarray  # [bushes, 2] class and origin
    size: np.ndarray
    node: np.ndarray  # [bushes, nodes] by position
    first: np.ndarray  # [bushes, nodes + 1] first arc into a position
    tail: np.ndarray  # [bushes, arcs] position of the tail
    link: np.ndarray
    flow: np.ndarray


def nodes_each(*args: Any) -> int:
    """Return how many nodes a bush has that is among the arguments of a loop over bushes: what each of them costs."""
    return next(int(a.node.shape[1]) for a in args if isinstance(a, Bushes))


@njit(cache=True)
def origins_of(demand: np.ndarray) -> np.ndarray:
    """Return class and origin [bushes, 2] of all trips of `demand` [classes, zones, zones] to elsewhere."""
    group, n = np.empty((demand.shape[0] * demand.shape[1], 2), np.int64), 0
    for k in range(demand.shape[0]):
        for o in range(demand.shape[1]):
            for z in range(demand.shape[2]):
                if demand[k, o, z] > 0.0 and z != o:
                    group[n, 0], group[n, 1] = k, o
                    n += 1
                    break
    return group[:n]


def make_bushes(group: np.ndarray, nodes: int, arcs: int, number: Any) -> Bushes:
    """Return empty bushes for `group` [bushes, 2], with room for so many nodes and arcs each.

    Nodes, positions, arcs and links are of type `number` (see `number_of`). All rows lie in one block of memory,
    which the system's allocator more often has at hand than many: fresh memory costs more than what is written to it.
    """
    n, widths, numbers = len(group), (arcs, nodes + 1, arcs, arcs, nodes), (np.float64, *(number,) * 4)
    ends = np.cumsum([0, *(-(-n * w * np.dtype(d).itemsize // 8) for w, d in zip(widths, numbers, strict=True))])
    block = np.empty(ends[-1])
    flow, first, tail, link, node = (
        block[start:end].view(d)[: n * w].reshape(n, w)
        for start, end, w, d in zip(ends[:-1], ends[1:], widths, numbers, strict=True)
    )
    first[:, 0] = 0
    return Bushes(group.astype(np.int64), np.zeros((n, 3), np.int64), node, first, tail, link, flow)


def number_of(nodes: int, links: int) -> Any:
    """Return the smallest type that can number all nodes and links: a warm start copies many of them."""
    return np.uint16 if max(nodes, links) <= SHORT else np.int32


class Work(NamedTuple):
    """Scratch space of one thread; by node unless said otherwise."""

    low: np.ndarray
    high: np.ndarray
    best: np.ndarray
    place: np.ndarray  # position in the bush, -1 outside
    queue: np.ndarray  # also the stack of `sort`, and new positions by old
    state: np.ndarray
    node: np.ndarray  # by position: of the row that `pack` writes
    first: np.ndarray  # by position, the same
    order: np.ndarray  # by new position: the old position
    tail: np.ndarray  # by arc: of the row that `pack` writes
    link: np.ndarray  # by arc, the same
    flow: np.ndarray  # by arc, the same
    entering: np.ndarray  # by position: first link that enters the bush there, -1 for none
    following: np.ndarray  # by link: the next one that enters at the same position
    mark: np.ndarray  # by link: 1 where it stays in the bush
    tree: np.ndarray  # last link of the cheapest path


@njit(cache=True)
def make_net(link_start: np.ndarray, link_head: np.ndarray, first_thru: int) -> Net:
    """Return the network with the tails of its links."""
    tail = np.empty(len(link_head), np.int32)
    for u in range(len(link_start) - 1):
        tail[link_start[u] : link_start[u + 1]] = u
    return Net(link_start.astype(np.int32), link_head.astype(np.int32), tail, first_thru)


@njit(cache=True)
def make_work(nodes: int, links: int) -> Work:
    """Return scratch space."""
    return Work(
        np.empty(nodes),
        np.empty(nodes),
        np.empty(nodes),
        np.empty(nodes, np.int32),
        np.empty(nodes + 1, np.int32),
        np.empty(nodes, np.uint8),
        np.empty(nodes, np.int32),
        np.empty(nodes + 1, np.int32),
        np.empty(nodes, np.int32),
        np.empty(links, np.int32),
        np.empty(links, np.int32),
        np.empty(links),
        np.empty(nodes, np.int32),
        np.empty(links, np.int32),
        np.empty(links, np.uint8),
        np.empty(nodes, np.int32),
    )


@njit(cache=True)
def settle(b: int, wanted: np.ndarray, bushes: Bushes, w: Work) -> None:
    """Scale arc flows, from the last position to the first, so that every node is in balance to rounding."""
    node, first, tail, flow = bushes.node[b], bushes.first[b], bushes.tail[b], bushes.flow[b]
    amount, trips = w.low, w.high
    live, zones = bushes.size[b, 0], len(wanted)
    copy_part(zones, wanted, trips)
    trips[bushes.group[b, 1]] = 0.0
    if zones < len(trips):
        trips[zones] = 0.0  # of all nodes that are no zones: no branch for each
    for p in range(live):
        v = ix(node[p])
        amount[p] = trips[v if v < zones else ix(zones)]
    for p in range(live - 1, 0, -1):
        s, e = ix(first[p]), ix(first[p + 1])
        want = amount[p]
        if e > s + 1:
            total, largest = 0.0, s
            for a in range(s, e):
                total += flow[a]
                if flow[a] > flow[largest]:
                    largest = a
            rest = want
            for a in range(s, e):
                if a != largest:
                    f = flow[a] * (want / total) if total > 0.0 else 0.0
                    flow[a] = f if f > CRUMB * want else 0.0
                    rest -= flow[a]
                    amount[ix(tail[a])] += flow[a]
            flow[largest] = rest
            amount[ix(tail[largest])] += rest
        else:
            flow[s] = want
            amount[ix(tail[s])] += want
    for a in range(first[live], first[bushes.size[b, 1]]):
        flow[a] = 0.0


@njit(cache=True)
def copy_part(count: int, source: np.ndarray, target: np.ndarray) -> None:
    """Copy the first `count` entries: a loop, since assignments of slices take three times as long."""
    for i in range(count):
        target[i] = source[i]
