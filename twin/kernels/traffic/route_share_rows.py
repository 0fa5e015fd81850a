"""Who uses which link: the flows of an equilibrium by group, in rows without padding.

A group is one class of one origin. Its row holds arcs in an order in which those into one node stand side by side
and every arc stands behind all arcs into its tail; the first begins at the origin.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.threads import over_threads
from twin.kernels.traffic.bush import Bushes
from twin.kernels.traffic.shortest_path import tree

CHUNKS = 16  # groups are treated in this many parallel parts, whatever the number of threads


class Rows(NamedTuple):
    """Arcs and flows by group."""

    group: np.ndarray  # int64 [groups, 2]: class and origin
    start: np.ndarray  # int64 [groups + 1]
    link: np.ndarray  # int64 [arcs]
    flow: np.ndarray  # float64 [arcs]


@njit(cache=True)
def rows_of(bushes: Bushes) -> Rows:
    """Return the arcs of the bushes that carry flow."""
    groups = len(bushes.group)
    start = np.zeros(groups + 1, np.int64)
    for b in range(groups):
        used = 0
        for a in range(bushes.first[b, bushes.size[b, 0]]):
            used += bushes.flow[b, a] > 0.0
        start[b + 1] = start[b] + used
    link, flow = np.empty(start[groups], np.int64), np.empty(start[groups])
    for b in range(groups):
        at = start[b]
        for a in range(bushes.first[b, bushes.size[b, 0]]):
            if bushes.flow[b, a] > 0.0:
                link[at], flow[at] = bushes.link[b, a], bushes.flow[b, a]
                at += 1
    return Rows(bushes.group.copy(), start, link, flow)


@njit(cache=True)
def class_flows(rows: Rows, classes: int, links: int) -> np.ndarray:
    """Return the flow of all groups of each class, [classes, links]."""
    total = np.zeros((classes, links))
    for g in range(len(rows.group)):
        for a in range(rows.start[g], rows.start[g + 1]):
            total[rows.group[g, 0], rows.link[a]] += rows.flow[a]
    return total


def open_rows(
    rows: Rows, link_start: np.ndarray, link_head: np.ndarray, link_cost: np.ndarray, first_thru: int, tolerance: float
) -> Rows:
    """Return the rows with all arcs that cost the group as little as those it uses; their flow is zero.

    Parameters
    ----------
    rows : Rows
    link_start, link_head : int64 [nodes + 1], [links]
    link_cost : float64 [classes, links]
        Generalised cost at the equilibrium, minutes; infinite where closed.
    first_thru : int
    tolerance : float
        Minutes by which an arc may exceed the cheapest way into its head. Arcs that nobody uses stay out.
    """
    used = np.zeros(len(link_head), np.bool_)
    used[rows.link[rows.flow > 0.0]] = True
    is_open = np.zeros((len(rows.group), len(link_head)), np.bool_)
    order = np.full((len(rows.group), len(link_start) - 1), -1, np.int32)
    _open(CHUNKS, rows, link_start, link_head, link_cost, first_thru, tolerance, used, is_open, order)
    into_start, into_link = _arcs_into(link_start, link_head)
    return _pack(rows, into_start, into_link, is_open, order)


@njit(cache=True)
def _arcs_into(link_start: np.ndarray, link_head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    start = np.zeros(len(link_start), np.int64)
    for v in link_head:
        start[v + 1] += 1
    start = np.cumsum(start)
    filled, link = start.copy(), np.empty(len(link_head), np.int64)
    for a in range(len(link_head)):
        link[filled[link_head[a]]] = a
        filled[link_head[a]] += 1
    return start, link


@over_threads
@njit(cache=True, nogil=True)
def _open(
    begin: int, end: int, rows: Rows, link_start: np.ndarray, link_head: np.ndarray, link_cost: np.ndarray,
    first_thru: int, tolerance: float, used: np.ndarray, is_open: np.ndarray, order: np.ndarray,
) -> None:  # fmt: skip
    """Mark the open arcs of every group and fill the order of its nodes."""
    for part in range(begin, end):
        _open_part(part, rows, link_start, link_head, link_cost, first_thru, tolerance, used, is_open, order)


@njit(cache=True)
def _open_part(
    part: int, rows: Rows, link_start: np.ndarray, link_head: np.ndarray, link_cost: np.ndarray, first_thru: int,
    tolerance: float, used: np.ndarray, is_open: np.ndarray, order: np.ndarray,
) -> None:  # fmt: skip
    nodes = len(link_start) - 1
    heap, place = np.empty(nodes, np.int64), np.empty(nodes, np.int64)
    best, pred = np.empty(nodes), np.empty(nodes, np.int64)
    state, queue = np.empty(nodes, np.int64), np.empty(nodes, np.int64)
    served = np.empty(nodes, np.bool_)
    for g in range(part, len(rows.group), CHUNKS):
        k, origin = rows.group[g]
        cost, mark = link_cost[k], is_open[g]
        tree(link_start, link_head, cost, origin, first_thru, best, pred, heap, place)
        served[:] = False
        for a in range(rows.start[g], rows.start[g + 1]):
            served[link_head[rows.link[a]]] = True
        for u in range(nodes):
            if best[u] == np.inf or (u < first_thru and u != origin):
                continue
            for link in range(link_start[u], link_start[u + 1]):
                v = link_head[link]
                # An arc that does not lead away from the origin could close a cycle.
                if used[link] and best[v] > best[u] and best[u] + cost[link] <= best[v] + tolerance:
                    mark[link] = True
        for a in range(rows.start[g], rows.start[g + 1]):
            mark[rows.link[a]] = True
        if not _sort(origin, served, link_start, link_head, mark, state, queue, order[g]):
            mark[:] = False
            for a in range(rows.start[g], rows.start[g + 1]):
                mark[rows.link[a]] = True
            _sort(origin, served, link_start, link_head, mark, state, queue, order[g])


@njit(cache=True)
def _sort(
    origin: int, served: np.ndarray, link_start: np.ndarray, link_head: np.ndarray, mark: np.ndarray,
    state: np.ndarray, queue: np.ndarray, order: np.ndarray,
) -> bool:  # fmt: skip
    """Unmark arcs that the origin does not reach or that lead nowhere; sort the nodes. False where there is a cycle."""
    state[:] = -1
    state[origin] = 0
    queue[0] = origin
    ahead, behind = 0, 1
    while ahead < behind:
        u = queue[ahead]
        ahead += 1
        for link in range(link_start[u], link_start[u + 1]):
            if mark[link]:
                v = link_head[link]
                if state[v] < 0:
                    state[v] = 0
                    queue[behind] = v
                    behind += 1
                state[v] += 1
    for u in range(len(state)):
        if state[u] < 0:
            mark[link_start[u] : link_start[u + 1]] = False
    reached = behind
    order[:] = -1
    order[0] = origin
    ahead, behind = 0, 1
    while ahead < behind:
        u = order[ahead]
        ahead += 1
        for link in range(link_start[u], link_start[u + 1]):
            if mark[link]:
                v = link_head[link]
                state[v] -= 1
                if state[v] == 0:
                    order[behind] = v
                    behind += 1
    if behind < reached:
        return False
    for i in range(reached - 1, -1, -1):
        u = order[i]
        leads = served[u]
        for link in range(link_start[u], link_start[u + 1]):
            mark[link] = mark[link] and state[link_head[link]] == 1
            leads = leads or mark[link]
        state[u] = 1 if leads else 0
    return True


@njit(cache=True)
def _pack(rows: Rows, into_start: np.ndarray, into_link: np.ndarray, is_open: np.ndarray, order: np.ndarray) -> Rows:
    """Return the open arcs in the order of their heads, with the flows of `rows`."""
    groups, links = is_open.shape
    start = np.zeros(groups + 1, np.int64)
    for g in range(groups):
        start[g + 1] = start[g] + is_open[g].sum()
    link, flow = np.empty(start[groups], np.int64), np.empty(start[groups])
    known = np.zeros(links)
    for g in range(groups):
        for a in range(rows.start[g], rows.start[g + 1]):
            known[rows.link[a]] = rows.flow[a]
        at = start[g]
        for v in order[g]:
            if v < 0:
                break
            for i in range(into_start[v], into_start[v + 1]):
                if is_open[g, into_link[i]]:
                    link[at], flow[at] = into_link[i], known[into_link[i]]
                    at += 1
        for a in range(rows.start[g], rows.start[g + 1]):
            known[rows.link[a]] = 0.0
    return Rows(rows.group.copy(), start, link, flow)
