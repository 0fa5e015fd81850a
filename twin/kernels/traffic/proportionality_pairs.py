"""Proportionality over pairs of alternative segments, compiled; see `proportionality` for the problem.

Pairs are found where ways meet (Bar-Gera 2010, doi 10.1016/j.trb.2010.03.003): from every two arcs into a node back
to the nearest node that leads to both. Equal pairs of different groups are one. Every pair is then visited in turn:
its groups trade flow, so that all split alike and the link flows stay. Each trade moves towards the common split
and not beyond, so entropy never falls.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels.jit import njit

ROUNDING = 1e-14  # part of the greatest link flow below which a pair has no flow to trade
EMPTY = -1  # in the hash table
FOCUS = 5  # of so many sweeps one visits all pairs, the others those that lag behind


class Pairs(NamedTuple):
    """Pairs of segments: pair i has the links ``link[start[2i]:start[2i + 1]]`` and from there to ``start[2i + 2]``.

    Links of a segment stand from its first to its last.
    """

    start: np.ndarray
    link: np.ndarray


class State(NamedTuple):
    """Flows of the arcs [slots, groups] and into their heads [slots of nodes, groups]; of links in pairs only."""

    link_slot: np.ndarray  # [links], -1 for links in no pair
    head_slot: np.ndarray  # [links]
    x: np.ndarray
    into: np.ndarray


@njit(cache=True)
def _enlarged(a: np.ndarray, size: int) -> np.ndarray:
    out = np.empty(max(size, 2 * len(a)), a.dtype)
    out[: len(a)] = a
    return out


@njit(cache=True)
def _same(pairs_start: np.ndarray, pairs_link: np.ndarray, i: int, start: int, middle: int, end: int) -> bool:
    """Return whether pair `i` is the pair whose links stand at ``start:middle`` and ``middle:end``."""
    a, b, c = pairs_start[2 * i], pairs_start[2 * i + 1], pairs_start[2 * i + 2]
    if b - a != middle - start or c - b != end - middle:
        return False
    return bool((pairs_link[a:c] == pairs_link[start:end]).all())


@njit(cache=True)
def find_pairs(link_tail: np.ndarray, link_head: np.ndarray, row_start: np.ndarray, row_link: np.ndarray) -> Pairs:
    """Return the distinct pairs of alternative segments of all groups."""
    nodes = 1
    for i in range(len(link_head)):
        nodes = max(nodes, link_head[i] + 1, link_tail[i] + 1)
    place = np.full(nodes, -1, np.int64)
    first = np.zeros(nodes + 1, np.int64)  # by position: first arc into it
    colour = np.zeros(nodes, np.uint8)
    onward = np.zeros((2, nodes), np.int64)  # by position: the arc to the meeting, on either way
    waiting = np.empty(nodes, np.int64)
    touched = np.empty(nodes, np.int64)
    start: np.ndarray = np.zeros(1025, np.int64)
    link: np.ndarray = np.empty(8192, np.int64)
    count = 0
    table = np.full(4096, EMPTY, np.int64)
    for g in range(len(row_start) - 1):
        s, e = row_start[g], row_start[g + 1]
        if e == s:
            continue
        place[link_tail[row_link[s]]] = 0
        first[0] = first[1] = s
        last = 0
        for a in range(s, e):
            v = link_head[row_link[a]]
            if place[v] < 0:
                last += 1
                place[v] = last
                first[last] = a
        first[last + 1] = e
        for p in range(1, last + 1):
            for i in range(first[p] + 1, first[p + 1]):
                for j in range(first[p], i):
                    if 2 * count + 3 > len(start):
                        start = _enlarged(start, 0)
                    if start[2 * count] + 2 * nodes + 2 > len(link):
                        link = _enlarged(link, start[2 * count] + 2 * nodes + 2)
                    one, two = (i, j) if row_link[i] < row_link[j] else (j, i)
                    middle, end = _trace(
                        one, two, first, row_link, link_tail, place, colour, onward, waiting, touched, link,
                        start[2 * count],
                    )  # fmt: skip
                    start[2 * count + 1], start[2 * count + 2] = middle, end
                    if 2 * (count + 1) > len(table):
                        table = _rehash(start, link, count, 4 * len(table))
                    if _insert(table, start, link, count):
                        count += 1
        place[link_tail[row_link[s]]] = -1
        for a in range(s, e):
            place[link_head[row_link[a]]] = -1
    return Pairs(start[: 2 * count + 1].copy(), link[: start[2 * count]].copy())


@njit(cache=True)
def _trace(
    one: int, two: int, first: np.ndarray, row_link: np.ndarray, link_tail: np.ndarray, place: np.ndarray,
    colour: np.ndarray, onward: np.ndarray, waiting: np.ndarray, touched: np.ndarray, out: np.ndarray, at: int,
) -> tuple[int, int]:  # fmt: skip
    """Write the segments that end with the arcs `one` and `two` to `out`; return where they end.

    Goes back from both arcs, the last position first, until one position leads to both.
    """
    n, seen = 0, 0
    for side in range(2):
        a = one if side == 0 else two
        p = place[link_tail[row_link[a]]]
        if colour[p] == 0:
            waiting[n], touched[seen] = p, p
            n += 1
            seen += 1
        colour[p] |= 1 << side
        onward[side, p] = a
    while True:
        k = 0
        for i in range(1, n):
            if waiting[i] > waiting[k]:
                k = i
        p = waiting[k]
        n -= 1
        waiting[k] = waiting[n]
        if colour[p] == 3:
            break
        side = 0 if colour[p] == 1 else 1
        for a in range(first[p], first[p + 1]):
            q = place[link_tail[row_link[a]]]
            if colour[q] == 0:
                waiting[n], touched[seen] = q, q
                n += 1
                seen += 1
            if colour[q] & (1 << side) == 0:
                colour[q] |= 1 << side
                onward[side, q] = a
    middle = at
    for side in range(2):
        q, final = p, one if side == 0 else two
        while True:
            a = onward[side, q]
            out[at] = row_link[a]
            at += 1
            if a == final:
                break
            q = _head_of(a, first, q)
        if side == 0:
            middle = at
    for i in range(seen):
        colour[touched[i]] = 0
    return middle, at


@njit(cache=True)
def _head_of(a: int, first: np.ndarray, behind: int) -> int:
    """Return the position that arc `a` leads to; it lies after `behind`."""
    p = behind + 1
    while first[p + 1] <= a:
        p += 1
    return p


@njit(cache=True)
def _hash(start: np.ndarray, link: np.ndarray, i: int) -> int:
    h = np.uint64(1469598103934665603)
    for k in range(start[2 * i], start[2 * i + 2]):
        h = (h ^ np.uint64(link[k] + 1)) * np.uint64(1099511628211)
    h = (h ^ np.uint64(start[2 * i + 1] - start[2 * i])) * np.uint64(1099511628211)
    return int((h ^ (h >> np.uint64(29))) >> np.uint64(2))


@njit(cache=True)
def _insert(table: np.ndarray, start: np.ndarray, link: np.ndarray, i: int) -> bool:
    """Put pair `i` into the hash table; return False if it is there already."""
    at = _hash(start, link, i) % len(table)
    while table[at] != EMPTY:
        if _same(start, link, table[at], start[2 * i], start[2 * i + 1], start[2 * i + 2]):
            return False
        at = (at + 1) % len(table)
    table[at] = i
    return True


@njit(cache=True)
def _rehash(start: np.ndarray, link: np.ndarray, count: int, size: int) -> np.ndarray:
    table = np.full(size, EMPTY, np.int64)
    for i in range(count):
        at = _hash(start, link, i) % size
        while table[at] != EMPTY:
            at = (at + 1) % size
        table[at] = i
    return table


@njit(cache=True)
def find_groups(pairs: Pairs, row_start: np.ndarray, row_link: np.ndarray, links: int) -> tuple[np.ndarray, np.ndarray]:
    """Return for every pair the groups to which all its links are open, as starts and members."""
    n = (len(pairs.start) - 1) // 2
    start = np.zeros(n + 1, np.int64)
    members = np.empty(0, np.int64)
    filled = np.zeros(n, np.int64)
    is_open = np.zeros(links, np.bool_)
    for turn in range(2):
        for g in range(len(row_start) - 1):
            for a in range(row_start[g], row_start[g + 1]):
                is_open[row_link[a]] = True
            for i in range(n):
                has = True
                for k in range(pairs.start[2 * i + 2] - 1, pairs.start[2 * i] - 1, -1):
                    if not is_open[pairs.link[k]]:
                        has = False
                        break
                if has and turn == 0:
                    start[i + 1] += 1
                elif has:
                    members[start[i] + filled[i]] = g
                    filled[i] += 1
            for a in range(row_start[g], row_start[g + 1]):
                is_open[row_link[a]] = False
        if turn == 0:
            start = np.cumsum(start)
            members = np.empty(start[n], np.int64)
    return start, members


@njit(cache=True)
def _make_state(
    pairs: Pairs, link_head: np.ndarray, row_start: np.ndarray, row_link: np.ndarray, row_flow: np.ndarray
) -> State:
    links, groups = len(link_head), len(row_start) - 1
    link_slot, head_slot = np.full(links, -1, np.int64), np.full(links, -1, np.int64)
    node_slot = np.full(link_head.max() + 1, -1, np.int64)
    slots, node_slots = 0, 0
    for link in pairs.link:
        if link_slot[link] < 0:
            link_slot[link] = slots
            slots += 1
            if node_slot[link_head[link]] < 0:
                node_slot[link_head[link]] = node_slots
                node_slots += 1
    for link in range(links):
        head_slot[link] = node_slot[link_head[link]]
    x, into = np.zeros((slots, groups)), np.zeros((node_slots, groups))
    for g in range(groups):
        for a in range(row_start[g], row_start[g + 1]):
            link = row_link[a]
            if link_slot[link] >= 0:
                x[link_slot[link], g] += row_flow[a]
            if head_slot[link] >= 0:
                into[head_slot[link], g] += row_flow[a]
    return State(link_slot, head_slot, x, into)


@njit(cache=True)
def _carried(s: int, e: int, g: int, link: np.ndarray, state: State) -> float:
    """Return the flow of group `g` along the whole segment ``link[s:e]``."""
    f = state.x[state.link_slot[link[e - 1]], g]
    for k in range(e - 2, s - 1, -1):
        if f <= 0.0:
            return 0.0
        x = state.x[state.link_slot[link[k]], g]
        f = f * (x / state.into[state.head_slot[link[k]], g]) if x > 0.0 else 0.0
    return f


@njit(cache=True)
def _move(s: int, e: int, g: int, amount: float, link: np.ndarray, state: State) -> None:
    """Add `amount` to the segment; the flow into its last node is the matter of both segments and stays."""
    for k in range(s, e):
        row = state.x[state.link_slot[link[k]]]
        row[g] = max(0.0, row[g] + amount)
        if k < e - 1:
            node = state.into[state.head_slot[link[k]]]
            node[g] = max(row[g], node[g] + amount)


@njit(cache=True)
def _sweep(
    pairs: Pairs, start: np.ndarray, members: np.ndarray, state: State, least: float, trade: bool,
    lagging: np.ndarray, every: bool, target: float,
) -> float:  # fmt: skip
    """Visit all pairs, or those that `lagging` [pairs] has above `target`; return the greatest deviation seen."""
    worst = 0.0
    most_members = 0
    for i in range(len(start) - 1):
        most_members = max(most_members, start[i + 1] - start[i])
    on_one, on_two = np.empty(most_members), np.empty(most_members)
    for i in range(len(start) - 1):
        if start[i + 1] - start[i] < 2 or not (every or lagging[i] > target):
            continue
        a, b, c = pairs.start[2 * i], pairs.start[2 * i + 1], pairs.start[2 * i + 2]
        one, two = 0.0, 0.0
        for r in range(start[i], start[i + 1]):
            f1 = _carried(a, b, members[r], pairs.link, state)
            f2 = _carried(b, c, members[r], pairs.link, state)
            on_one[r - start[i]], on_two[r - start[i]] = f1, f2
            one += f1
            two += f2
        lagging[i] = 0.0
        if one + two <= least:
            continue
        share = one / (one + two)
        most = 0.0
        for r in range(start[i], start[i + 1]):
            f1, f2 = on_one[r - start[i]], on_two[r - start[i]]
            amount = share * (f1 + f2) - f1
            most = max(most, abs(amount))
            if trade and amount != 0.0:
                _move(a, b, members[r], amount, pairs.link, state)
                _move(b, c, members[r], -amount, pairs.link, state)
        lagging[i] = most / (one + two)
        worst = max(worst, lagging[i])
    return worst


@njit(cache=True)
def trade(
    link_tail: np.ndarray,
    link_head: np.ndarray,
    row_start: np.ndarray,
    row_link: np.ndarray,
    row_flow: np.ndarray,
    max_sweeps: int,
    target: float,
) -> tuple[np.ndarray, float, int]:
    """Trade flow between groups over all pairs until all split alike; arguments as for `proportionality`.

    Returns the flows, the deviation and the number of pairs that more than one group has. The deviation is the
    greatest amount that a group would have to trade over a pair, as a part of what the pair's groups carry there.
    Without sweeps it is that of the given flows.
    """
    pairs = find_pairs(link_tail, link_head, row_start, row_link)
    flow = row_flow.copy()
    if len(pairs.link) == 0:
        return flow, 0.0, 0
    start, members = find_groups(pairs, row_start, row_link, len(link_head))
    state = _make_state(pairs, link_head, row_start, row_link, row_flow)
    total = np.zeros(len(link_head))
    for a in range(len(row_link)):
        total[row_link[a]] += row_flow[a]
    least = ROUNDING * total.max()
    lagging = np.zeros(len(start) - 1)
    shared = int((start[1:] - start[:-1] > 1).sum())
    deviation = np.inf
    for sweep in range(max_sweeps):
        every = sweep % FOCUS == 0
        seen = _sweep(pairs, start, members, state, least, True, lagging, every, target)
        if every and seen <= target:
            break
    deviation = _sweep(pairs, start, members, state, least, False, lagging, True, target)
    for g in range(len(row_start) - 1):
        for a in range(row_start[g], row_start[g + 1]):
            if state.link_slot[row_link[a]] >= 0:
                flow[a] = state.x[state.link_slot[row_link[a]], g]
    return flow, deviation, shared
