"""Taking a closed link out of a bush: its trips find another way at once, and all others stay where they are."""

from __future__ import annotations

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
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


@njit(cache=True, inline="always")
def _ahead(u: int, v: int, limit: float, high: np.ndarray, best: np.ndarray, place: np.ndarray) -> bool:
    """Return whether node `u` may stand before `v`, which is affected."""
    return bool((high[u] < limit) | (best[u] < best[v]) | ((best[u] == best[v]) & (place[u] < place[v])))


@njit(cache=True)
def _part(b: int, cost: np.ndarray, closed: np.ndarray, limit: float, bushes: Bushes, w: Work) -> tuple[int, int, int]:
    """Take out of bush `b` the arcs into affected nodes that are closed or go against the order among these.

    Fills ``state`` with 2 where an affected node is left without the last link of its cheapest path. Returns how many
    these are, the first affected position, and how many arcs go.
    """
    node, first, tail, link = bushes.node[b], bushes.first[b], bushes.tail[b], bushes.link[b]
    best, high, place, mark, lacks = w.best, w.high, w.place, w.mark, w.state
    lack, lowest, gone = 0, int(bushes.size[b, 1]), 0
    lacks[:] = 0
    for p in range(1, bushes.size[b, 1]):
        v = ix(node[p])
        if high[v] < limit or best[v] >= limit:
            continue
        lowest, has = min(lowest, p), False
        for a in range(ix(first[p]), ix(first[p + 1])):
            u, n = ix(node[ix(tail[a])]), ix(link[a])
            if mark[n] == 0:
                continue
            if closed[n] or not _ahead(u, v, limit, high, best, place):
                mark[n] = 0
                gone += 1
            else:
                has |= best[u] + cost[n] == best[v]
        lacks[v] = 0 if has else 2
        lack += 0 if has else 1
    return lack, lowest, gone


@njit(cache=True)
def _enter(
    lack: int, origin: int, cost: np.ndarray, closed: np.ndarray, limit: float, net: Net, w: Work
) -> bool:  # fmt: skip
    """Let the last links of their cheapest paths in to the `lack` nodes that lack them; return whether all have one."""
    best, high, place, mark, lacks = w.best, w.high, w.place, w.mark, w.state
    entering, following, tail, head = w.entering, w.following, net.tail, net.head
    entering[:] = -1
    for n in range(len(head) if lack > 0 else 0):
        v, u = ix(head[n]), ix(tail[n])
        if lacks[v] != 2 or place[u] < 0 or (u < net.first_thru and u != origin):
            continue
        if best[u] + cost[n] == best[v] and not closed[n] and _ahead(u, v, limit, high, best, place):
            if mark[n] == 0:
                following[n], entering[place[v]] = -1, n
            lacks[v] = 0
            lack -= 1
            if lack == 0:
                break
    return lack == 0


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
    reached = bushes.size[b, 1]
    kept, _ = prune(b, cost, bushes, w)
    cheapest(b, cost, 0.0, net, bushes, w)
    lack, lowest, gone = _part(b, cost, closed, limit, bushes, w)
    if kept - gone + lack > bushes.link.shape[1]:
        return False
    if not _enter(lack, bushes.group[b, 1], cost, closed, limit, net, w):
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
