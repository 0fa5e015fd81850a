"""Taking a closed link out of a bush: its trips find another way at once, and all others stay where they are."""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.kernels.indices import ix
from twin.kernels.threads import over_threads_from
from twin.kernels.traffic.bush import HEAVY, Bushes, Net, Work, make_work, nodes_each, settle
from twin.kernels.traffic.bush_pack import pack, sort
from twin.kernels.traffic.bush_renew import cheapest, prune


@njit(cache=True)
def users(rows: np.ndarray, bushes: Bushes, closed: np.ndarray) -> np.ndarray:
    """Return those of the bushes `rows` with flow on a link of `closed` [classes, links]."""
    out = np.empty(len(rows), np.int64)
    count = 0
    for b in rows:
        shut, link, flow = closed[bushes.group[b, 0]], bushes.link[b], bushes.flow[b]
        for a in range(bushes.first[b, bushes.size[b, 0]]):
            if shut[ix(link[a])] and flow[a] > 0.0:
                out[count] = b
                count += 1
                break
    return out[:count]


@njit(cache=True)
def _ahead(u: int, v: int, limit: float, w: Work) -> bool:
    """Return whether node `u` may stand before `v`, which is affected."""
    if w.high[u] < limit or w.best[u] < w.best[v]:
        return True
    return bool(w.best[u] == w.best[v] and w.place[u] < w.place[v])


@njit(cache=True)
def _reroute(
    b: int, cost: np.ndarray, closed: np.ndarray, limit: float, wanted: np.ndarray, met: np.ndarray, net: Net,
    bushes: Bushes, w: Work,
) -> bool:  # fmt: skip
    """Take the links `closed`, whose costs are above `limit`, out of bush `b`; return False where that fails.

    Nodes that some way leads to over a closed link are affected. These are ordered anew, by the least costs without
    the link, behind all others: arcs between them that go against that order go, and the last link of the cheapest
    path comes in where it is missing. Arcs keep their share of the flow into a node.
    """
    kept, _ = prune(b, cost, bushes, w)
    cheapest(b, cost, 0.0, net, bushes, w)
    node, first, tail, link = bushes.node[b], bushes.first[b], bushes.tail[b], bushes.link[b]
    reached, origin, best, high = bushes.size[b, 1], bushes.group[b, 1], w.best, w.high
    w.state[:] = 0  # 2 where an affected node lacks the last link of its cheapest path
    w.entering[:] = -1
    lack, lowest = 0, reached
    for p in range(1, reached):
        v = ix(node[p])
        if high[v] < limit or best[v] >= limit:
            continue
        w.state[v] = 2
        lack, lowest = lack + 1, min(lowest, p)
        for a in range(first[p], first[p + 1]):
            u = node[tail[a]]
            if w.mark[link[a]] == 0:
                continue
            if closed[link[a]] or not _ahead(u, v, limit, w):
                w.mark[link[a]] = 0
                kept -= 1
            elif w.state[v] == 2 and best[u] + cost[link[a]] == best[v]:
                w.state[v] = 0
                lack -= 1
    if kept + lack > len(link):
        return False
    for n in range(len(net.head) if lack > 0 else 0):
        v, u = net.head[n], net.tail[n]
        if w.state[ix(v)] != 2 or w.place[u] < 0 or (u < net.first_thru and u != origin):
            continue
        if best[u] + cost[n] == best[v] and not closed[n] and _ahead(u, v, limit, w):
            if w.mark[n] == 0:
                w.following[n], w.entering[w.place[v]] = -1, n
            w.state[v] = 0
            lack -= 1
    if lack > 0:
        return False  # links that cost nothing may lead in a circle
    for p in range(reached):
        w.order[p] = p
    sort(b, lowest, reached - 1, bushes, net, w)
    pack(b, reached, wanted, bushes, net, w)
    _start_empty(b, cost, bushes, w.low)
    settle(b, met, bushes, w)
    return True


@njit(cache=True)
def _start_empty(b: int, cost: np.ndarray, bushes: Bushes, low: np.ndarray) -> None:
    """Give the cheapest arc some flow where none of those into a node has any, for `settle` to scale."""
    first, tail, link, flow = bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
    low[0] = 0.0
    for p in range(1, bushes.size[b, 0]):
        s, e = ix(first[p]), ix(first[p + 1])
        cheapest, least, total = s, np.inf, 0.0
        for a in range(s, e):
            total += flow[a]
            way = low[ix(tail[a])] + cost[ix(link[a])]
            if way < least:
                cheapest, least = a, way
        low[p] = least
        if total <= 0.0:
            flow[cheapest] = 1.0


@over_threads_from(HEAVY, nodes_each)
@njit(cache=True, nogil=True)
def reroute_all(
    begin: int, end: int, rows: np.ndarray, cost: np.ndarray, closed: np.ndarray, limit: float, demand: np.ndarray,
    met: np.ndarray, net: Net, bushes: Bushes,
) -> None:  # fmt: skip
    """Take the links `closed` [classes, links] out of the bushes `rows`, at costs [classes, links]."""
    w = make_work(len(net.start) - 1, len(net.head))
    for i in range(begin, end):
        b = rows[i]
        k, origin = bushes.group[b]
        _reroute(b, cost[k], closed[k], limit, demand[k, origin], met[k, origin], net, bushes, w)


@over_threads_from(HEAVY, nodes_each)
@njit(cache=True, nogil=True)
def start_empty_all(
    begin: int, end: int, rows: np.ndarray, cost: np.ndarray, met: np.ndarray, bushes: Bushes, stuck: np.ndarray
) -> None:
    """Prepare the bushes `rows` for trips to where none went before, at costs [classes, links].

    Marks in `stuck` [bushes] those that lead there over closed links only.
    """
    low = np.empty(bushes.node.shape[1])
    for i in range(begin, end):
        b = rows[i]
        k, origin = bushes.group[b]
        _start_empty(b, cost[k], bushes, low)
        for p in range(1, bushes.size[b, 0]):
            v = bushes.node[b, p]
            if v < met.shape[2] and met[k, origin, v] > 0.0 and low[p] == np.inf:
                stuck[b] = True
