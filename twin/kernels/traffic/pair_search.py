"""Pairs of alternative segments that bushes share: found here, visited by `bush_pairs`.

Most bushes that meet the same two ways between two junctions agree on what they cost, so the pair of ways is one
unknown for all of them (Bar-Gera 2010, "Traffic assignment by paired alternative segments", Transportation Research
Part B 44, doi 10.1016/j.trb.2009.11.004).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from twin.kernels.indices import ix
from twin.kernels.threads import over_threads, thread_count
from twin.kernels.traffic.bush import Bushes
from twin.kernels.traffic.bush_sweep import Links

EMPTY = -1
ROOM = 4096  # entries of the lists at first
PIECES, FEW = 2, 50  # threads search for pairs by so many pieces each, of so many bushes at least


class Pairs(NamedTuple):
    """Pair i has the links ``link[start[2i]:start[2i + 1]]`` and from there to ``start[2i + 2]``, last links first.

    Its bushes are the members ``first[i]``, ``following[first[i]]`` and so on, round and round. Member m is bush
    ``bush[m]``, in which the links of its pair, in the same order, are the arcs from ``arc[arc_start[m]]`` on.
    """

    group: np.ndarray  # class
    start: np.ndarray
    link: np.ndarray
    first: np.ndarray
    following: np.ndarray
    bush: np.ndarray
    arc_start: np.ndarray
    arc: np.ndarray
    reserve: np.ndarray  # [pairs, 2] flow that may leave each segment, when found


@njit(cache=True)
def _longer(a: np.ndarray, needed: int) -> np.ndarray:
    """Return `a`, or a copy at least twice as long that has room for `needed` entries."""
    if needed <= len(a):
        return a
    out = np.empty(max(needed, 2 * len(a)), a.dtype)
    out[: len(a)] = a
    return out


@njit(cache=True)
def _labels(b: int, cost: np.ndarray, bushes: Bushes, low: np.ndarray, low_arc: np.ndarray, main: np.ndarray) -> float:
    """Fill the least costs of bush `b` and their last arcs, and the arcs of most flow; return what it could save.

    Where there is no flow, the arc of most flow is the cheapest. All by position, as far as ways meet.
    """
    begin, tail, on, flow = bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
    low[0], excess = 0.0, 0.0
    for p in range(1, bushes.size[b, 2]):
        s, e = ix(begin[p]), ix(begin[p + 1])
        if e == s + 1:
            low[p], low_arc[p], main[p] = low[ix(tail[s])] + cost[ix(on[s])], s, s
            continue
        cheapest, most, least, total, paid = s, s, np.inf, 0.0, 0.0
        for a in range(s, e):
            way = low[ix(tail[a])] + cost[ix(on[a])]
            if way < least:
                least, cheapest = way, a
            if flow[a] > 0.0:
                paid += flow[a] * way
                total += flow[a]
                if flow[a] > flow[most]:
                    most = a
        if total > 0.0:
            excess += max(0.0, paid - total * least)
        low[p], low_arc[p], main[p] = least, cheapest, most if total > 0.0 else cheapest
    return excess


class Members(NamedTuple):
    """Ways to the same node, by twos: member m of bush ``bush[m]`` has the arcs ``arc[start[m]:middle[m]]`` against
    those from there to ``start[m + 1]``, last arcs first, back to where the two part.
    """  # noqa: D205

    bush: np.ndarray
    start: np.ndarray
    middle: np.ndarray
    arc: np.ndarray


@njit(cache=True, nogil=True)
def _members(rows: np.ndarray, bushes: Bushes, links: Links, excess: np.ndarray) -> Members:
    """Return the pairs of each of the bushes `rows`; see `find_pairs`.

    Of two ways the one whose last link has the lower number is the first, for all bushes.
    """
    nodes = bushes.node.shape[1]
    low, low_arc, main = np.empty(nodes), np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    second = np.empty(nodes, np.int32)
    bush, middle, start = np.empty(ROOM, np.int32), np.empty(ROOM, np.int64), np.zeros(ROOM + 1, np.int64)
    arc, found = np.empty(ROOM, np.int32), 0
    for b in rows:
        begin, tail, on, flow = bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
        excess[b] = _labels(b, links.cost[bushes.group[b, 0]], bushes, low, low_arc, main)
        most_found = found + begin[bushes.size[b, 2]]
        if most_found > len(bush):
            bush, middle = _longer(bush, most_found), _longer(middle, most_found)
            start = _longer(start, len(bush) + 1)
        for p in range(1, bushes.size[b, 2]):
            s, e, most, cheapest = ix(begin[p]), ix(begin[p + 1]), ix(main[p]), ix(low_arc[p])
            if e == s + 1 or flow[most] <= 0.0:
                continue
            for other in range(s, e):
                if other == most or (flow[other] <= 0.0 and other != cheapest):
                    continue
                at, others = start[found], ix(1)
                if at + 2 * nodes > len(arc):
                    arc = _longer(arc, at + 2 * nodes)
                cheap, swap = flow[other] <= 0.0, on[other] > on[most]
                a, c = (ix(most), ix(other)) if swap else (ix(other), ix(most))
                arc[at], second[0] = a, c
                here, i, j = at + 1, ix(tail[a]), ix(tail[c])
                back_a, back_c = low_arc if cheap and not swap else main, low_arc if cheap and swap else main
                while i != j:
                    if i > j:
                        a = ix(back_a[i])
                        arc[here] = a
                        here += 1
                        i = ix(tail[a])
                    else:
                        c = ix(back_c[j])
                        second[others] = c
                        others = ix(others + 1)
                        j = ix(tail[c])
                for n in range(others):
                    arc[here + np.int64(n)] = second[n]
                bush[found], middle[found], start[found + 1] = b, here, here + others
                found += 1
    return Members(bush[:found], start[: found + 1], middle[:found], arc)


@over_threads
def _members_of(begin: int, end: int, part: list[np.ndarray], found: list[Members], args: tuple[Any, ...]) -> None:
    for i in range(begin, end):
        found[i] = _members(part[i], *args)


def find_pairs(rows: np.ndarray, bushes: Bushes, links: Links, excess: np.ndarray) -> Pairs:
    """Return the pairs of the bushes `rows`, and fill `excess` [bushes] with what each could save within itself.

    Where used ways meet, each is paired with the one of most flow; so is the cheapest one if nobody uses it. Ways
    lead back over the arcs of most flow, from an unused one over the cheapest arcs.
    """
    threads = thread_count()
    pieces = min(PIECES * threads, len(rows) // FEW)
    if threads == 1 or pieces < 2:
        return _pairs_of(_members(rows, bushes, links, excess), bushes)
    found: list[Members] = [Members(*(np.empty(0),) * 4)] * pieces
    _members_of(pieces, np.array_split(rows, pieces), found, (bushes, links, excess))
    ends = np.concatenate([[0], np.cumsum([m.start[-1] for m in found])])
    arc = np.concatenate([m.arc[: m.start[-1]] for m in found])
    start = np.concatenate([[0], *(m.start[1:] + end for m, end in zip(found, ends, strict=False))])
    middle = np.concatenate([m.middle + end for m, end in zip(found, ends, strict=False)])
    return _pairs_of(Members(np.concatenate([m.bush for m in found]), start, middle, arc), bushes)


@njit(cache=True)
def _pairs_of(m: Members, bushes: Bushes) -> Pairs:
    """Return the pairs that have these members, in their order."""
    count = len(m.bush)
    group, first, following = np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.int32)
    start, reserve = np.zeros(2 * count + 1, np.int64), np.zeros((count, 2))
    link, table = np.empty(m.start[count], np.int32), np.full(max(ROOM, 3 * count), EMPTY, np.int32)
    pairs = 0
    for member in range(count):
        b, at, middle, end = m.bush[member], m.start[member], m.middle[member], m.start[member + 1]
        k, on, flow = bushes.group[b, 0], bushes.link[b], bushes.flow[b]
        key = np.uint64(k)
        for n in range(at, end):
            key = (key ^ np.uint64(on[ix(m.arc[n])])) * np.uint64(1099511628211)
        place = np.int64((key ^ (key >> np.uint64(29))) % np.uint64(len(table)))
        i = table[place]
        while i != EMPTY:
            begins = start[2 * i]
            same = group[i] == k and start[2 * i + 1] - begins == middle - at and start[2 * i + 2] - begins == end - at
            for n in range(end - at if same else 0):
                same = same and link[begins + n] == on[ix(m.arc[at + n])]
            if same:
                break
            place = (place + 1) % len(table)
            i = table[place]
        if i == EMPTY:
            i = pairs
            table[place], group[i], begins = i, k, start[2 * i]
            for n in range(end - at):
                link[begins + n] = on[ix(m.arc[at + n])]
            start[2 * i + 1], start[2 * i + 2] = begins + middle - at, begins + end - at
            following[member] = member
            pairs += 1
        else:
            following[member], following[first[i]] = following[first[i]], member
        first[i] = member
        reserve[i, 0] += _least(flow, m.arc, at, middle)
        reserve[i, 1] += _least(flow, m.arc, middle, end)
    return Pairs(
        group[:pairs], start[: 2 * pairs + 1], link, first[:pairs], following, m.bush, m.start, m.arc, reserve[:pairs]
    )


@njit(cache=True, inline="always")
def _least(flow: np.ndarray, arc: np.ndarray, start: int, end: int) -> float:
    least = np.inf
    for n in range(start, end):
        least = min(least, flow[ix(arc[n])])
    return least
