"""Bushes: the acyclic part of the network that one origin's traffic of one class may use, packed for fast sweeps.

A bush (Dial 2006, doi 10.1016/j.trb.2006.02.008) holds the nodes in a topological order. Its arcs lie in one row,
grouped by head position; an arc stores the position of its tail, its link and its flow. Nodes on no way to a
meeting of ways stand last, so sweeps leave them out. Row ``b`` of every array belongs to bush ``b``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

SPARE = 20  # a bush without shortcuts is only packed anew when more than one arc in this many is unused
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
    """  # noqa: D205

    group: np.ndarray  # [bushes, 2] class and origin
    size: np.ndarray
    node: np.ndarray  # [bushes, nodes] by position
    first: np.ndarray  # [bushes, nodes + 1] first arc into a position
    tail: np.ndarray  # [bushes, arcs] position of the tail
    link: np.ndarray
    flow: np.ndarray


class Work(NamedTuple):
    """Scratch space of one thread; by node unless said otherwise."""

    low: np.ndarray
    high: np.ndarray
    best: np.ndarray
    place: np.ndarray  # position in the bush, -1 outside
    queue: np.ndarray  # also the stack of `_sort`
    state: np.ndarray
    node: np.ndarray  # by position: a copy of the row
    first: np.ndarray  # by position: a copy of the row
    order: np.ndarray  # by new position: the old position
    tail: np.ndarray  # by arc: a copy of the row
    link: np.ndarray  # by arc: a copy of the row
    flow: np.ndarray  # by arc: a copy of the row
    entering: np.ndarray  # first link that enters the bush at a node, -1 for none
    following: np.ndarray  # by link: the next one that enters at the same node
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
    amount = w.low
    live, origin, zones = bushes.size[b, 0], bushes.group[b, 1], len(wanted)
    for p in range(live):
        v = node[p]
        amount[p] = wanted[v] if v < zones and v != origin else 0.0
    for p in range(live - 1, 0, -1):
        s, e = first[p], first[p + 1]
        want = amount[p]
        if e - s > 1:
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
                    amount[tail[a]] += flow[a]
            flow[largest] = rest
            amount[tail[largest]] += rest
        else:
            flow[s] = want
            amount[tail[s]] += want
    for a in range(first[live], first[bushes.size[b, 1]]):
        flow[a] = 0.0


@njit(cache=True)
def renew(
    b: int, cost: np.ndarray, wanted: np.ndarray, tolerance: float, net: Net, bushes: Bushes, w: Work, skim: np.ndarray
) -> tuple[float, float, int]:
    """Drop unused arcs of bush `b`, take in the shortcuts, and sort it again.

    Fills `skim` [zones] with the least costs in the whole network. Returns the cost paid, the part of it that the
    cheapest paths would save, and the arcs that the bush would hold with all shortcuts (more than the row has room
    for: the rest waits for the next time).
    """
    paid, kept, idle = _prune(b, cost, bushes, w)
    shorter = _cheapest(b, cost, tolerance, net, bushes, w)
    node, first, tail, link, flow = bushes.node[b], bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
    reached, origin = bushes.size[b, 1], bushes.group[b, 1]
    excess = 0.0
    for p in range(1, bushes.size[b, 0]):
        for a in range(first[p], first[p + 1]):
            if flow[a] > 0.0:
                excess += flow[a] * max(0.0, w.best[node[tail[a]]] + cost[link[a]] - w.best[node[p]])
    for z in range(len(skim)):
        skim[z] = w.best[z]
    new, backwards = 0, False
    w.entering[:] = -1
    if shorter:
        room = len(link) - kept
        new, backwards = _shortcuts(cost, True, room, origin, net, w)
        if new == 0:
            new, backwards = _shortcuts(cost, False, room, origin, net, w)
    elif idle * SPARE < kept:
        return paid, excess, kept
    copy_row(b, bushes, w)
    if backwards:
        _sort(reached, net, w)
    else:
        for p in range(reached):
            w.order[p] = p
    pack(b, wanted, net, bushes, w)
    return paid, excess, kept + new


@njit(cache=True)
def _prune(b: int, cost: np.ndarray, bushes: Bushes, w: Work) -> tuple[float, int, int]:
    """Mark the arcs that stay: those with flow, and the cheapest into each node.

    Fills ``low`` with the cheapest and ``high`` with the dearest cost over the arcs that stay. Returns the cost paid,
    how many arcs stay and how many go.
    """
    node, first, tail, link, flow = bushes.node[b], bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
    w.mark[:] = 0
    w.place[:] = -1
    w.best[:] = np.inf
    origin = node[0]
    w.low[origin], w.high[origin], w.best[origin], w.place[origin] = 0.0, 0.0, 0.0, 0
    paid = 0.0
    kept = 0
    reached = bushes.size[b, 1]
    for p in range(1, reached):
        v, s, e = node[p], first[p], first[p + 1]
        w.place[v] = p
        if e - s == 1:
            u, c = node[tail[s]], cost[link[s]]
            paid += flow[s] * c
            w.low[v], w.high[v] = w.low[u] + c, w.high[u] + c
            w.best[v] = w.low[v]
            w.mark[link[s]] = 1
            kept += 1
            continue
        cheapest, low, high = s, np.inf, -np.inf
        for a in range(s, e):
            u, c = node[tail[a]], cost[link[a]]
            if w.low[u] + c < low:
                cheapest, low = a, w.low[u] + c
            if flow[a] > 0.0:
                paid += flow[a] * c
                high = max(high, w.high[u] + c)
                w.mark[link[a]] = 1
                kept += 1
        if flow[cheapest] <= 0.0:
            w.mark[link[cheapest]] = 1
            high = max(high, w.high[node[tail[cheapest]]] + cost[link[cheapest]])
            kept += 1
        w.low[v], w.high[v], w.best[v] = low, high, low
    return paid, kept, first[reached] - kept


@njit(cache=True)
def _cheapest(b: int, cost: np.ndarray, tolerance: float, net: Net, bushes: Bushes, w: Work) -> bool:
    """Lower ``best`` from the bush's labels to the least costs in the network: the same bits as Dijkstra's.

    One pass in bush order, then a queue of the few nodes improved behind it. Returns whether the
    label of a node that leads to a destination was lowered by more than the share `tolerance`.
    """
    node, live, reached, origin = bushes.node[b], bushes.size[b, 0], bushes.size[b, 1], bushes.group[b, 1]
    queue, waits, best = w.queue, w.state, w.best
    room = len(queue)
    waits[:] = 0
    ahead, behind = 0, 0
    for p in range(reached):
        u = node[p]
        waits[u] = 0
        if u < net.first_thru and u != origin:
            continue
        base = best[u]
        for link in range(net.start[u], net.start[u + 1]):
            v = net.head[link]
            if base + cost[link] < best[v]:
                best[v] = base + cost[link]
                if w.place[v] < p and waits[v] == 0:
                    waits[v] = 1
                    queue[behind] = v
                    behind += 1
                    if behind == room:
                        behind = 0
    while ahead != behind:
        u = queue[ahead]
        ahead += 1
        if ahead == room:
            ahead = 0
        waits[u] = 0
        if u < net.first_thru and u != origin:
            continue
        base = best[u]
        for link in range(net.start[u], net.start[u + 1]):
            v = net.head[link]
            if base + cost[link] < best[v]:
                best[v] = base + cost[link]
                if waits[v] == 0:
                    waits[v] = 1
                    queue[behind] = v
                    behind += 1
                    if behind == room:
                        behind = 0
    for p in range(live):
        u = node[p]
        if best[u] < w.low[u] * (1.0 - tolerance):
            return True
    return False


@njit(cache=True)
def _shortcuts(cost: np.ndarray, strict: bool, room: int, origin: int, net: Net, w: Work) -> tuple[int, bool]:
    """Let in the links that shorten the dearest way to their head; where `strict`, also the cheapest way.

    Such links never close a cycle with the arcs that stay. Returns how many there are and whether one goes backwards.
    """
    new, backwards = 0, False
    for u in range(len(w.place)):
        if w.place[u] < 0 or (u < net.first_thru and u != origin):
            continue
        best, high = w.best[u], w.high[u]
        for link in range(net.start[u], net.start[u + 1]):
            v = net.head[link]
            if high + cost[link] < w.high[v] and w.mark[link] == 0:
                if strict and best + cost[link] >= w.low[v]:
                    continue
                new += 1
                if new <= room:
                    w.following[link], w.entering[v] = w.entering[v], link
                    backwards = backwards or w.place[u] > w.place[v]
    return new, backwards


@njit(cache=True)
def copy_part(count: int, source: np.ndarray, target: np.ndarray) -> None:
    """Copy the first `count` entries: a loop, since assignments of slices take three times as long."""
    for i in range(count):
        target[i] = source[i]


@njit(cache=True)
def copy_row(b: int, bushes: Bushes, w: Work) -> None:
    """Copy row `b` into the scratch space, since `pack` writes over it."""
    reached = bushes.size[b, 1]
    arcs = bushes.first[b, reached]
    copy_part(reached, bushes.node[b], w.node)
    copy_part(reached + 1, bushes.first[b], w.first)
    copy_part(arcs, bushes.tail[b], w.tail)
    copy_part(arcs, bushes.link[b], w.link)
    copy_part(arcs, bushes.flow[b], w.flow)


@njit(cache=True)
def _sort(reached: int, net: Net, w: Work) -> None:
    """Fill ``order`` with a topological order of the arcs that stay and enter, close to the old order.

    Depth first against the arcs: a node follows when the tails of all arcs into it have.
    """
    stack, done = w.queue, w.state
    done[:] = 0
    found = 0
    for start in range(reached):
        if done[start] == 1:
            continue
        stack[0] = start
        depth = 1
        while depth > 0:
            p = stack[depth - 1]
            waits_for = -1
            for a in range(w.first[p], w.first[p + 1]):
                if done[w.tail[a]] == 0 and w.mark[w.link[a]] == 1:
                    waits_for = w.tail[a]
                    break
            link = w.entering[w.node[p]]
            while waits_for < 0 and link >= 0:
                if done[w.place[net.tail[link]]] == 0:
                    waits_for = w.place[net.tail[link]]
                link = w.following[link]
            if waits_for >= 0:
                stack[depth] = waits_for
                depth += 1
            else:
                done[p] = 1
                w.order[found] = p
                found += 1
                depth -= 1


@njit(cache=True)
def pack(b: int, wanted: np.ndarray, net: Net, bushes: Bushes, w: Work) -> None:
    """Write the arcs that stay and enter into row `b` in the new order, nodes that lead to no destination last."""
    node, first, tail, link, flow = bushes.node[b], bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
    reached, zones = bushes.size[b, 1], len(wanted)
    leads = w.state  # 1: to a destination; 3: to a meeting of ways too
    for p in range(reached):
        v = w.node[p]
        leads[p] = 3 if p == 0 else 1 if v < zones and wanted[v] > 0.0 else 0
    for q in range(reached - 1, -1, -1):
        p = w.order[q]
        if leads[p] == 0:
            continue
        ways = 0
        for a in range(w.first[p], w.first[p + 1]):
            ways += w.mark[w.link[a]]
        enters = w.entering[w.node[p]]
        while enters >= 0:
            ways += 1
            enters = w.following[enters]
        if ways > 1:
            leads[p] = 3
        for a in range(w.first[p], w.first[p + 1]):
            if w.mark[w.link[a]] == 1:
                leads[w.tail[a]] |= leads[p]
        enters = w.entering[w.node[p]]
        while enters >= 0:
            leads[w.place[net.tail[enters]]] |= leads[p]
            enters = w.following[enters]
    meeting, live = 0, 0
    for p in range(reached):
        meeting += leads[p] == 3
        live += leads[p] != 0
    bushes.size[b, 0], bushes.size[b, 2] = live, meeting
    at = w.place
    ahead, alive, dead = 0, meeting, live
    for q in range(reached):
        p = w.order[q]
        if leads[p] == 3:
            to = ahead
            ahead += 1
        elif leads[p] == 1:
            to = alive
            alive += 1
        else:
            to = dead
            dead += 1
        node[to], at[w.node[p]], w.queue[to] = w.node[p], to, p
    arcs = 0
    for q in range(reached):
        first[q] = arcs
        p = w.queue[q]
        for a in range(w.first[p], w.first[p + 1]):
            if w.mark[w.link[a]] == 1:
                tail[arcs], link[arcs], flow[arcs] = at[w.node[w.tail[a]]], w.link[a], w.flow[a]
                arcs += 1
        enters = w.entering[node[q]]
        while enters >= 0:
            tail[arcs], link[arcs], flow[arcs] = at[net.tail[enters]], enters, 0.0
            arcs += 1
            enters = w.following[enters]
    first[reached] = arcs
