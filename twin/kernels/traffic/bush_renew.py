"""Renewing a bush: unused arcs go, shortcuts come in."""

from __future__ import annotations

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.traffic.bush import Bushes, Net, Work
from twin.kernels.traffic.bush_pack import pack, sort

TOGETHER = 32  # links looked at together
SPARE = 20  # a bush without shortcuts is only packed anew when more than one arc in this many is unused


@njit(cache=True)
def renew(
    b: int, cost: np.ndarray, wanted: np.ndarray, tolerance: float, net: Net, bushes: Bushes, w: Work, skim: np.ndarray
) -> tuple[float, int]:
    """Drop unused arcs of bush `b`, take in the shortcuts, and sort it again.

    Fills `skim` [zones] with the least costs in the whole network. Returns the part of the cost paid that the
    cheapest paths would save, and the arcs that the bush would hold with all shortcuts (more than the row has room
    for: the rest waits for the next time).
    """
    kept, idle = prune(b, cost, bushes, w)
    shorter = cheapest(b, cost, tolerance, net, bushes, w)
    node, first, tail, link, flow = bushes.node[b], bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
    reached, origin, best = bushes.size[b, 1], bushes.group[b, 1], w.best
    excess = 0.0
    for p in range(1, bushes.size[b, 0]):
        least = best[ix(node[p])]
        for a in range(ix(first[p]), ix(first[p + 1])):
            if flow[a] > 0.0:
                excess += flow[a] * max(0.0, best[ix(node[ix(tail[a])])] + cost[ix(link[a])] - least)
    for z in range(len(skim)):
        skim[z] = best[z]
    if not shorter and idle * SPARE < kept:
        return excess, kept
    new, lowest, highest = 0, reached, 0
    for p in range(reached):
        w.entering[p], w.order[p] = -1, p
    if shorter:
        room = len(link) - kept
        new, lowest, highest = _shortcuts(cost, True, room, origin, net, w)
        if new == 0:
            new, lowest, highest = _shortcuts(cost, False, room, origin, net, w)
    if lowest < highest:
        sort(b, lowest, highest, bushes, net, w)
    pack(b, reached, wanted, bushes, net, w)
    return excess, kept + new


@njit(cache=True)
def prune(b: int, cost: np.ndarray, bushes: Bushes, w: Work) -> tuple[int, int]:
    """Mark the arcs that stay: those with flow, and the cheapest into each node; return how many stay and how many go.

    Fills ``low`` and ``best`` with the cheapest and ``high`` with the dearest cost over the arcs that stay.
    """
    node, first, tail, link, flow = bushes.node[b], bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
    low, high, best, place, mark = w.low, w.high, w.best, w.place, w.mark
    for n in range(len(mark)):
        mark[n] = 0
    for v in range(len(best)):
        best[v], low[v], high[v], place[v] = np.inf, -np.inf, -np.inf, -1
    origin = node[0]
    low[origin], high[origin], best[origin], place[origin] = 0.0, 0.0, 0.0, 0
    kept, reached = 0, bushes.size[b, 1]
    for p in range(1, reached):
        v, s, e = ix(node[p]), ix(first[p]), ix(first[p + 1])
        place[v] = p
        if e == s + 1:
            n = ix(link[s])
            u, c = ix(node[ix(tail[s])]), cost[n]
            low[v], high[v], best[v] = low[u] + c, high[u] + c, low[u] + c
            mark[n] = 1
            kept += 1
            continue
        least, way, dearest = s, np.inf, -np.inf
        for a in range(s, e):
            n = ix(link[a])
            u, c = ix(node[ix(tail[a])]), cost[n]
            if low[u] + c < way:
                least, way = a, low[u] + c
            if flow[a] > 0.0:
                dearest = max(dearest, high[u] + c)
                mark[n] = 1
                kept += 1
        if flow[least] <= 0.0:
            mark[link[least]] = 1
            dearest = max(dearest, high[node[tail[least]]] + cost[link[least]])
            kept += 1
        low[v], high[v], best[v] = way, dearest, way
    return kept, first[reached] - kept


@njit(cache=True, inline="always")
def _below(origin: int, base: np.ndarray, bound: np.ndarray, cost: np.ndarray, net: Net, found: np.ndarray) -> int:
    """List the links that lead from `base` [nodes] to less than `bound` [nodes] in `found`; return how many.

    Nobody passes through the nodes before `net.first_thru`: of these only the origin has links. Most groups of links
    hold none, which is found out without a branch for each.
    """
    head, tail, count = net.head, net.tail, 0
    passed = net.start[min(net.first_thru, len(base))]
    for n in range(net.start[origin], min(passed, net.start[origin + 1])):
        if base[origin] + cost[n] < bound[head[n]]:
            found[count] = n
            count += 1
    for begin in range(passed, len(head), TOGETHER):
        end, some = min(begin + TOGETHER, len(head)), 0
        if end - begin == TOGETHER:
            for i in range(TOGETHER):
                n = ix(begin + i)
                some += base[ix(tail[n])] + cost[n] < bound[ix(head[n])]
        for n in range(begin if some > 0 or end - begin < TOGETHER else end, end):
            if base[ix(tail[n])] + cost[ix(n)] < bound[ix(head[n])]:
                found[count] = n
                count += 1
    return count


@njit(cache=True)
def cheapest(b: int, cost: np.ndarray, tolerance: float, net: Net, bushes: Bushes, w: Work) -> bool:
    """Lower ``best`` from the bush's labels to the least costs in the network: the same bits as Dijkstra's.

    All links are compared first; what they lower is passed on in bush order, and by a queue where it goes backwards.
    Returns whether the label of a node that leads to a destination was lowered by more than the share `tolerance`.
    """
    node, reached, origin = bushes.node[b], bushes.size[b, 1], bushes.group[b, 1]
    queue, waits, best, place, below = w.queue, w.state, w.best, w.place, w.link
    count = _below(origin, best, best, cost, net, below)
    if count == 0:
        return False
    for v in range(len(best)):
        waits[v] = 0
    lowest, ahead, behind = reached, 0, 0
    for i in range(count):
        v, lower = net.head[below[i]], best[net.tail[below[i]]] + cost[below[i]]
        if lower < best[v]:
            best[v], lowest = lower, min(lowest, place[v])
            if waits[v] == 0 and place[v] < 0:
                queue[behind] = v
                behind += 1
            waits[v] = 1
    for p in range(max(0, lowest), reached):
        u = ix(node[p])
        if waits[u] == 1:
            waits[u] = 0
            behind = _pass_on(u, p, behind, origin, cost, net, w)
    while ahead != behind:
        u = ix(queue[ahead])
        ahead = ahead + 1 if ahead + 1 < len(queue) else 0
        waits[u] = 0
        behind = _pass_on(u, reached, behind, origin, cost, net, w)
    lowered = False
    for p in range(bushes.size[b, 0]):
        lowered = lowered or best[ix(node[p])] < w.low[ix(node[p])] * (1.0 - tolerance)
    return lowered


@njit(cache=True, inline="always")
def _pass_on(u: int, p: int, behind: int, origin: int, cost: np.ndarray, net: Net, w: Work) -> int:
    """Lower the labels of the heads of the links out of node `u`; return the end of the queue.

    Of the nodes lowered, those before position `p` join the queue.
    """
    best, queue = w.best, w.queue
    if u < net.first_thru and u != origin:
        return behind
    base = best[u]
    for link in range(ix(net.start[u]), ix(net.start[u + 1])):
        v = ix(net.head[link])
        if base + cost[link] < best[v]:
            best[v] = base + cost[link]
            if w.state[v] == 0 and w.place[v] < p:
                queue[behind] = v
                behind = behind + 1 if behind + 1 < len(queue) else 0
            w.state[v] = 1
    return behind


@njit(cache=True)
def _shortcuts(cost: np.ndarray, strict: bool, room: int, origin: int, net: Net, w: Work) -> tuple[int, int, int]:
    """Let in the links that shorten the dearest way to their head; where `strict`, also the cheapest way.

    Such links never close a cycle with the arcs that stay. Returns how many there are, and between which positions
    they go backwards.
    """
    new, lowest, highest = 0, len(w.place), 0
    high, place, below = w.high, w.place, w.link
    count = _below(origin, w.best, w.low, cost, net, below) if strict else _below(origin, high, high, cost, net, below)
    for i in range(count):
        link = below[i]
        u, v = net.tail[link], net.head[link]
        if place[u] >= 0 and high[u] + cost[link] < high[v] and w.mark[link] == 0:
            new += 1
            if new <= room:
                w.following[link], w.entering[place[v]] = w.entering[place[v]], link
                if place[u] > place[v]:
                    lowest, highest = min(lowest, place[v]), max(highest, place[u])
    return new, lowest, highest
