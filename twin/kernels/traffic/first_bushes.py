"""The first bushes of a batch of origins, from the trees of several all-or-nothing loads.

Trees are not stored: labelling a batch of origins again is cheap. A link gets a share of the trips to its head, the
weight of all trees that come that way; links that do not lead away from the origin at the last costs get none. What has
a share is the bush. Tables are by incoming link, in the order of ``Hierarchy.in_link``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.traffic.all_or_nothing import WIDE
from twin.kernels.traffic.bush import CRUMB, Bushes


class Ways(NamedTuple):
    """The links into every node: those of node v are at ``start[v]:start[v + 1]``."""

    start: np.ndarray
    row: np.ndarray  # row of the tail in a table of labels
    tail: np.ndarray
    link: np.ndarray


class Sketch(NamedTuple):
    """Scratch space for one bush."""

    start: np.ndarray  # [nodes + 1] first arc into a node
    tail: np.ndarray  # by arc: the node it comes from
    link: np.ndarray  # by arc
    flow: np.ndarray  # by arc: its share, then its flow
    place: np.ndarray  # by node: place in `order` and then position in the bush, NOWHERE or WAITS
    order: np.ndarray  # nodes in a topological order
    stack: np.ndarray
    leads: np.ndarray  # by node: 1 to a destination, 3 to a meeting of ways too
    amount: np.ndarray  # by node: trips that arrive or pass


NOWHERE, WAITS = -1, -2


@njit(cache=True)
def make_sketch(nodes: int, links: int) -> Sketch:
    """Return scratch space."""
    return Sketch(
        np.empty(nodes + 1, np.int32),
        np.empty(links, np.int32),
        np.empty(links, np.int32),
        np.empty(links),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.uint8),
        np.empty(nodes),
    )


@njit(cache=True)
def add_tree(ways: Ways, link_cost: np.ndarray, weight: float, label: np.ndarray, share: np.ndarray) -> None:
    """Add the weight of a load to the `share` [links, lanes] of the last links of its cheapest paths."""
    lanes = label.shape[1] & WIDE
    least = np.empty(lanes)
    for v in range(len(ways.start) - 1):
        s, e = ix(ways.start[v]), ix(ways.start[v + 1])
        least[:] = np.inf
        for j in range(s, e):
            u, c = ix(ways.row[j]), link_cost[ix(ways.link[j])]
            for i in range(lanes):
                through, old = label[u, i] + c, least[i]
                least[i] = through if through < old else old
        for j in range(s, e):
            u, c = ix(ways.row[j]), link_cost[ix(ways.link[j])]
            for i in range(lanes):
                share[j, i] += weight if label[u, i] + c <= least[i] else 0.0


@njit(cache=True)
def finish_shares(
    origins: np.ndarray, ways: Ways, link_cost: np.ndarray, weight: float, label: np.ndarray, share: np.ndarray,
    best: np.ndarray,
) -> None:  # fmt: skip
    """Add the last tree, and leave a share to links that lead away from the origin only; fill `best` [nodes, lanes]."""
    lanes = label.shape[1] & WIDE
    for v in range(len(best)):
        s, e = ix(ways.start[v]), ix(ways.start[v + 1])
        best[v] = np.inf
        for j in range(s, e):
            u, c = ix(ways.row[j]), link_cost[ix(ways.link[j])]
            for i in range(lanes):
                through, old = label[u, i] + c, best[v, i]
                best[v, i] = through if through < old else old
        for i in range(lanes):
            if origins[i] == v:
                best[v, i] = 0.0
        for j in range(s, e):
            u, c = ix(ways.row[j]), link_cost[ix(ways.link[j])]
            for i in range(lanes):
                base, least = label[u, i], best[v, i]
                total = share[j, i] + (weight if base + c <= least else 0.0)
                share[j, i] = total if base < least else 0.0
        for i in range(lanes):
            if best[v, i] == np.inf:
                share[s:e, i] = 0.0


@njit(cache=True)
def _sort(origin: int, best: np.ndarray, guess: np.ndarray, s: Sketch) -> int:
    """Fill ``order`` and ``place`` by a topological order; return how many nodes it holds, 0 where there is none.

    Depth first against the arcs, from all nodes that are reached. The order of `guess`, of which the bush of a
    neighbour is one, is all but right.
    """
    s.place[:] = NOWHERE
    s.order[0], s.place[origin] = origin, 0
    found = 1
    for i in range(len(guess) + len(best)):
        v = guess[i] if i < len(guess) else i - len(guess)
        if s.place[v] != NOWHERE or best[v] == np.inf:
            continue
        s.stack[0], s.place[v] = v, WAITS
        depth = 1
        while depth > 0:
            v = s.stack[depth - 1]
            missing = -1
            for a in range(ix(s.start[v]), ix(s.start[v + 1])):
                if s.place[ix(s.tail[a])] < 0:
                    missing = s.tail[a]
                    break
            if missing < 0 and s.start[v] < s.start[v + 1]:
                s.order[found], s.place[v] = v, found
                found += 1
                depth -= 1
            elif missing < 0 or s.place[missing] == WAITS:
                return 0
            else:
                s.stack[depth], s.place[missing] = missing, WAITS
                depth += 1
    return found


@njit(cache=True)
def _share_out(found: int, wanted: np.ndarray, s: Sketch) -> None:
    """Let the trips `wanted` by zone come along the arcs by their shares, in balance to rounding; fill ``leads``."""
    s.leads[:] = 0
    s.amount[:] = 0.0
    for z in range(len(wanted)):
        if wanted[z] > 0.0:
            s.leads[z], s.amount[z] = 1, wanted[z]
    s.leads[s.order[0]] = 3
    for q in range(found - 1, 0, -1):
        v = ix(s.order[q])
        first, end, want = ix(s.start[v]), ix(s.start[v + 1]), s.amount[v]
        if end > first + 1 and s.leads[v] > 0:
            s.leads[v] = 3
        total, largest = 0.0, first
        for a in range(first, end):
            total += s.flow[a]
            largest = a if s.flow[a] > s.flow[largest] else largest
        part, rest = want / total, want
        for a in range(first, end):
            flow = s.flow[a] * part
            flow = flow if flow > CRUMB * want and a != largest else 0.0
            rest -= flow
            s.flow[a] = flow
            s.amount[ix(s.tail[a])] += flow
            s.leads[ix(s.tail[a])] |= s.leads[v]
        s.flow[largest] = rest
        s.amount[ix(s.tail[largest])] += rest


@njit(cache=True)
def _write(b: int, found: int, bushes: Bushes, s: Sketch) -> None:
    """Write row `b`: nodes that lead to a meeting of ways first, those that lead to no destination last."""
    node, first, tail, link, flow = bushes.node[b], bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
    meeting, live = 0, 0
    for q in range(found):
        meeting += s.leads[s.order[q]] == 3
        live += s.leads[s.order[q]] != 0
    bushes.size[b, 0], bushes.size[b, 1], bushes.size[b, 2] = live, found, meeting
    ahead, alive, dead = 0, meeting, live
    for q in range(found):
        v = ix(s.order[q])
        leads = s.leads[v]
        to = ahead if leads == 3 else alive if leads == 1 else dead
        ahead += leads == 3
        alive += leads == 1
        dead += leads == 0
        node[to], s.place[v] = v, to
    arcs = ix(0)
    for q in range(found):
        first[q] = arcs
        v = ix(node[q])
        for a in range(ix(s.start[v]), ix(s.start[v + 1])):
            tail[arcs], link[arcs], flow[arcs] = s.place[ix(s.tail[a])], s.link[a], s.flow[a]
            arcs = ix(arcs + 1)
    first[found] = arcs


@njit(cache=True)
def bush_of_shares(
    b: int, wanted: np.ndarray, ways: Ways, best: np.ndarray, share: np.ndarray, guess: np.ndarray, bushes: Bushes,
    s: Sketch,
) -> bool:  # fmt: skip
    """Fill row `b` with the links that have a share, and the flow of the trips `wanted`, settled.

    Returns False where the row has no room for them, or they do not make a bush.
    """
    arcs = ix(0)
    for v in range(len(best)):
        s.start[v] = arcs
        for j in range(ix(ways.start[v]), ix(ways.start[v + 1])):
            s.tail[arcs], s.link[arcs], s.flow[arcs] = ways.tail[j], ways.link[j], share[j]
            arcs = ix(arcs + (share[j] > 0.0))
    s.start[len(best)] = arcs
    if arcs > bushes.tail.shape[1]:
        return False
    found = _sort(bushes.group[b, 1], best, guess, s)
    if found == 0:
        return False
    _share_out(found, wanted, s)
    _write(b, found, bushes, s)
    return True
