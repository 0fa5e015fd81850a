"""Nested-dissection order of a street network that needs no coordinates.

A piece of the network is split by a small set of nodes into two parts of similar size, the parts are split again, and
every separator is ranked above the parts it separates (George 1973, doi 10.1137/0710032). The separator is a minimum
node cut between the two ends of the piece, as in inertial flow (Schild and Sommer 2015, doi
10.1007/978-3-319-20086-6_22); where that method sorts the nodes along a line on the map, we sort them by the
difference of their hop distances from two nodes far apart. Small pieces are ordered by minimum fill, counting their
neighbours in the separators around.

All functions take an undirected graph without loops or parallel edges as adjacency lists: the neighbours of ``v`` are
``adj[adj_start[v]:adj_start[v + 1]]``, ascending.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.threads import over_threads, thread_count
from twin.kernels.traffic.minimum_fill import sort_by_minimum_fill

LEAF = 1000  # pieces up to this many nodes are ordered by minimum fill: in a quarter of the time, a tenth less to do
LOW = 40  # or these, for an elimination tree that is lower by a fifth, where costs are asked for again and again
END_SHARE = 0.25  # share of a piece's nodes at either end of a line that the cut must lie between
ENDS = 4  # nodes far apart that the lines are drawn between
BEGIN, FINISH = -2, -3  # marks of a unit of flow that begins or ends at a node


@njit(cache=True)
def by_key(key: np.ndarray, keys: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where each number below `keys` starts in a stable order of `key`, and the order."""
    start, order = np.zeros(keys + 1, np.int64), np.empty(len(key), np.int64)
    for i in range(len(key)):
        start[key[i] + 1] += 1
    for k in range(keys):
        start[k + 1] += start[k]
    place = start[:keys].copy()
    for i in range(len(key)):
        order[place[key[i]]] = i
        place[key[i]] += 1
    return start, order


@njit(cache=True)
def by_ends(tail: np.ndarray, head: np.ndarray, nodes: int) -> np.ndarray:
    """Return the order of links by tail, and by head where tails are the same."""
    _, order = by_key(head, nodes)
    _, again = by_key(tail[order], nodes)
    return order[again]


@njit(cache=True)
def undirected(tail: np.ndarray, head: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the adjacency lists of the links taken without direction, loops and repetition."""
    source, target = np.concatenate((tail, head)), np.concatenate((head, tail))
    order = by_ends(source, target, nodes)
    start, adj, count = np.zeros(nodes + 1, np.int64), np.empty(len(source), np.int64), 0
    last = np.int64(-1)
    for i in order:
        key = source[i] * nodes + target[i]
        if source[i] != target[i] and key != last:
            adj[count] = target[i]
            count += 1
            start[source[i] + 1] = count
        last = key
    for v in range(nodes):
        start[v + 1] = max(start[v + 1], start[v])
    return start, adj[:count].copy()


@njit(cache=True)
def _hops(start: np.ndarray, adj: np.ndarray, nodes: int, root: int, hops: np.ndarray, queue: np.ndarray) -> int:
    """Fill `hops` with the number of edges from `root`, -1 unreached; return how many nodes `queue` holds, by hops."""
    hops[:nodes] = -1
    hops[root] = 0
    queue[0] = root
    done, found = 0, 1
    while done < found:
        v = ix(queue[done])
        done += 1
        for e in range(ix(start[v]), ix(start[v + 1])):
            w = ix(adj[e])
            if hops[w] < 0:
                hops[w] = hops[v] + 1
                queue[found] = w
                found += 1
    return found


@njit(cache=True)
def _search(
    start: np.ndarray,
    adj: np.ndarray,
    nodes: int,
    end: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    parent: np.ndarray,
    queue: np.ndarray,
) -> int:
    """Search a further unit of flow; return the node that it leaves at, or -1. `parent` remembers the way.

    State ``2 v`` is the entrance of node v, ``2 v + 1`` its exit; a node carries one unit at most, from ``before[v]``
    to ``after[v]`` (-1: none). A search may push flow back where there is some.
    """
    parent[: 2 * nodes] = -1
    found = 0
    for v in range(nodes):
        if end[v] == 1 and before[v] != BEGIN:
            parent[2 * v] = BEGIN
            queue[found] = 2 * v
            found += 1
    done = 0
    while done < found:
        state = queue[done]
        done += 1
        v = state >> 1
        if state & 1 == 0:
            if before[v] == -1:
                follower = 2 * v + 1
            elif before[v] >= 0:
                follower = 2 * before[v] + 1
            else:
                continue
            if parent[follower] == -1:
                parent[follower] = state
                queue[found] = follower
                found += 1
            continue
        if end[v] == 2 and after[v] != FINISH:
            return v
        if before[v] != -1 and parent[2 * v] == -1:
            parent[2 * v] = state
            queue[found] = 2 * v
            found += 1
        for e in range(ix(start[v]), ix(start[v + 1])):
            w = adj[e]
            entrance = ix(2 * w)
            if parent[entrance] == -1 and after[v] != w:
                parent[entrance] = state
                queue[found] = 2 * w
                found += 1
    return -1


@njit(cache=True)
def _cut(
    start: np.ndarray,
    adj: np.ndarray,
    nodes: int,
    end: np.ndarray,
    limit: int,
    before: np.ndarray,
    after: np.ndarray,
    parent: np.ndarray,
    queue: np.ndarray,
) -> int:
    """Return the size of a minimum node cut between the nodes of `end` 1 and 2, or -1 where it exceeds `limit`.

    Augmenting paths of Ford and Fulkerson 1956. Afterwards ``parent`` tells the side: both states reached is the side
    of 1, the entrance only is the cut.
    """
    before[:nodes] = -1
    after[:nodes] = -1
    flow = 0
    while True:
        v = _search(start, adj, nodes, end, before, after, parent, queue)
        if v < 0:
            return flow
        flow += 1
        if flow > limit:
            return -1
        length = 0
        state = 2 * v + 1
        while state != BEGIN:
            queue[length] = state
            length += 1
            state = parent[state]
        state = queue[length - 1]
        before[state >> 1] = BEGIN
        for i in range(length - 2, -1, -1):
            last, state = state, queue[i]
            a, b = last >> 1, state >> 1
            if last & 1 == 1:
                if a == b:
                    before[a] = -1
                    after[a] = -1
                else:
                    after[a] = b
                    before[b] = a
        after[v] = FINISH


@njit(cache=True)
def _sort_along(first: np.ndarray, second: np.ndarray, along: np.ndarray) -> None:
    """Fill `along` with the nodes by the difference of two hop distances, each below their number; a counting sort."""
    nodes = len(along)
    ends = np.zeros(2 * nodes, np.int64)
    for v in range(nodes):
        ends[first[v] - second[v] + nodes] += 1
    ends = np.cumsum(ends)
    for v in range(nodes - 1, -1, -1):
        key = first[v] - second[v] + nodes
        ends[key] -= 1
        along[ends[key]] = v


@njit(cache=True)
def _grade(size: float, low: float, high: float, nodes: int) -> float:
    """Return the work that a separator of `size` between parts of `low` and `high` nodes leaves; see `_separate`."""
    return size * (1.0 + 1.55 * ((low / nodes) ** 2.5 + (high / nodes) ** 2.5))


@njit(cache=True)
def _separate(start: np.ndarray, adj: np.ndarray, nodes: int, root: int, share: float) -> np.ndarray:
    """Return the side of every node of a connected piece: 0 and 1 the parts, 2 the separator between them.

    Of the lines between every two of `ENDS` nodes far apart, the cut wins that makes the work of all-pairs costs
    least: separator times the square of the piece, plus the same of the parts when they divide like this piece.
    """
    hops = np.empty((ENDS, nodes), np.int64)
    queue = np.empty(2 * nodes, np.int64)
    nearest = np.full(nodes, nodes)
    _hops(start, adj, nodes, root, hops[0], queue)
    far = queue[nodes - 1]
    for i in range(ENDS):
        _hops(start, adj, nodes, far, hops[i], queue)
        for v in range(nodes):
            nearest[v] = min(nearest[v], hops[i, v])
        far = np.argmax(nearest)
    side = np.zeros(nodes, np.int64)
    best, limit = np.inf, nodes
    end = np.empty(nodes, np.int64)
    before, after = np.empty(nodes, np.int64), np.empty(nodes, np.int64)
    parent, along = np.empty(2 * nodes, np.int64), np.empty(nodes, np.int64)
    count = max(1, int(share * nodes))
    for i in range(ENDS):
        for j in range(i):
            _sort_along(hops[i], hops[j], along)
            end[:] = 0
            end[along[:count]] = 1
            end[along[nodes - count :]] = 2
            while limit > 0 and _grade(limit, 0.5 * (nodes - limit), 0.5 * (nodes - limit), nodes) >= best:
                limit -= 1  # a larger cut would not win if it were in the very middle
            size = _cut(start, adj, nodes, end, limit, before, after, parent, queue)
            if size < 0:
                continue
            low = 0
            for v in range(nodes):
                if parent[2 * v + 1] != -1:
                    low += 1
            high = nodes - low - size
            grade = _grade(size, low, high, nodes)
            if grade < best:
                best = grade
                for v in range(nodes):
                    side[v] = 0 if parent[2 * v + 1] != -1 else (2 if parent[2 * v] != -1 else 1)
    return side


class Scratch(NamedTuple):
    """Scratch space of one thread, by node of the whole network or of a piece."""

    local: np.ndarray  # by node: number in the piece, -1 outside
    hops: np.ndarray
    queue: np.ndarray
    start: np.ndarray  # [nodes + 1] adjacency lists of the piece
    inner: np.ndarray  # [2 × edges]


@njit(cache=True)
def _make_scratch(nodes: int, arcs: int) -> Scratch:
    return Scratch(
        np.full(nodes, -1),
        np.empty(nodes, np.int64),
        np.empty(nodes, np.int64),
        np.empty(nodes + 1, np.int64),
        np.empty(arcs, np.int64),
    )


@njit(cache=True)
def _divide(
    adj_start: np.ndarray, adj: np.ndarray, order: np.ndarray, low: int, high: int, share: float, leaf: int, w: Scratch
) -> tuple[int, int]:
    """Sort the piece ``order[low:high]`` in place: two parts and what separates them, or, if it is small, for good.

    Returns where the first and the second part end, `low` twice where nothing is left to do.
    """
    size, local, start, inner = high - low, w.local, w.start, w.inner
    piece = order[low:high].copy()
    if size <= leaf:
        if size > 1:
            sort_by_minimum_fill(adj_start, adj, order[low:high], local)
        return low, low
    for i in range(size):
        local[piece[i]] = i
    arcs = 0
    for i in range(size):
        start[i] = arcs
        for e in range(adj_start[piece[i]], adj_start[piece[i] + 1]):
            if local[adj[e]] >= 0:
                inner[arcs] = local[adj[e]]
                arcs += 1
    start[size] = arcs
    for i in range(size):
        local[piece[i]] = -1
    reached = _hops(start, inner, size, 0, w.hops, w.queue)
    side = _separate(start, inner, size, 0, share) if reached == size else np.where(w.hops[:size] >= 0, 0, 1)
    ends, place = np.empty(3, np.int64), low
    for part in range(3):
        for i in range(size):
            if side[i] == part:
                order[place] = piece[i]
                place += 1
        ends[part] = place
    if max(ends[0] - low, ends[1] - ends[0]) == size:  # nothing cuts a few nodes that are all neighbours
        sort_by_minimum_fill(adj_start, adj, order[low:high], local)
        return low, low
    return ends[0], ends[1]


@over_threads
@njit(cache=True, nogil=True)
def _dissect(
    begin: int, end: int, pieces: np.ndarray, adj_start: np.ndarray, adj: np.ndarray, order: np.ndarray, share: float,
    leaf: int,
) -> None:  # fmt: skip
    """Sort the parts of `order` between the bounds `pieces` [pieces, 2] for good."""
    w = _make_scratch(len(order), len(adj))
    for i in range(begin, end):
        stack = [(pieces[i, 0], pieces[i, 1])]
        while len(stack) > 0:
            low, high = stack.pop()
            first, second = _divide(adj_start, adj, order, low, high, share, leaf, w)
            if first > low:
                stack.append((low, first))
            if second > first:
                stack.append((first, second))


def dissection_order(adj_start: np.ndarray, adj: np.ndarray, share: float = END_SHARE, leaf: int = LEAF) -> np.ndarray:
    """Return the nodes in the order of their elimination, separators after the parts they separate.

    Parameters
    ----------
    adj_start : int64 [nodes + 1]
    adj : int64 [2 × edges]
    share : float
        Share of a piece's nodes that must lie at either side of a cut.
    leaf : int
        Pieces up to this many nodes are ordered by minimum fill.

    Returns
    -------
    order : int64 [nodes]
    """
    nodes = len(adj_start) - 1
    order, pieces = np.arange(nodes), [(0, nodes)]
    if thread_count() > 1 and nodes > leaf:
        first, second = _divide(adj_start, adj, order, 0, nodes, share, leaf, _make_scratch(nodes, len(adj)))
        pieces = [(0, first), (first, second)]
    _dissect(len(pieces), np.array(pieces), adj_start, adj, order, share, leaf)
    return order
