"""Pairs of alternative segments that bushes share: found here, visited by `bush_pairs`.

Most bushes that meet the same two ways between two junctions agree on what they cost, so the pair of ways is one
unknown for all of them (Bar-Gera 2010, "Traffic assignment by paired alternative segments", Transportation Research
Part B 44, doi 10.1016/j.trb.2009.11.004).
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.threads import over_threads, thread_count
from twin.kernels.traffic.bush import Bushes
from twin.kernels.traffic.bush_sweep import Links

EMPTY = -1
ROOM = 4096  # entries of the lists at first
LEAST = 80_000  # nodes of bushes that a thread searches for pairs at least
PRIME = np.uint64(1099511628211)  # of the hash of Fowler, Noll and Vo


class Pairs(NamedTuple):
    """Pair i has the links ``link[start[2i]:start[2i + 1]]`` and from there to ``start[2i + 2]``, last links first.

    Its bushes are the members ``first[i]``, ``following[first[i]]`` and so on, round and round. Member m is bush
    ``bush[m]``, in which the links of its pair, in the same order, are the arcs from ``arc[arc_start[2m]]`` on.
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
    """Ways to the same node, by twos: member m of bush ``bush[m]`` has the arcs ``arc[start[2m]:start[2m + 1]]``
    against those from there to ``start[2m + 2]``, last arcs first, back to where the two part.
    """  # noqa: D205

    bush: np.ndarray
    start: np.ndarray
    arc: np.ndarray


@njit(cache=True)
def _members(rows: np.ndarray, bushes: Bushes, links: Links, excess: np.ndarray) -> Members:
    """Return the pairs of each of the bushes `rows`; see `find_pairs`.

    Of two ways the one whose last link has the lower number is the first, for all bushes.
    """
    nodes = bushes.node.shape[1]
    low, low_arc, main = np.empty(nodes), np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    second = np.empty(nodes, bushes.link.dtype)
    bush, start = np.empty(ROOM, np.int32), np.zeros(2 * ROOM + 1, np.int64)
    arc, found = np.empty(ROOM, bushes.link.dtype), 0  # a bush has no more arcs than there are links
    for b in rows:
        begin, tail, on, flow = bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
        excess[b] = _labels(b, links.cost[bushes.group[b, 0]], bushes, low, low_arc, main)
        most_found = found + begin[bushes.size[b, 2]]
        if most_found > len(bush):
            bush = _longer(bush, most_found)
            start = _longer(start, 2 * len(bush) + 1)
        for p in range(1, bushes.size[b, 2]):
            s, e, most, cheapest = ix(begin[p]), ix(begin[p + 1]), ix(main[p]), ix(low_arc[p])
            if e == s + 1 or flow[most] <= 0.0:
                continue
            for other in range(s, e):
                if other == most or (flow[other] <= 0.0 and other != cheapest):
                    continue
                at, others = start[2 * found], ix(1)
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
                bush[found], start[2 * found + 1], start[2 * found + 2] = b, here, here + others
                found += 1
    return Members(bush[:found], start[: 2 * found + 1], arc[: start[2 * found]])


class PartPairs(NamedTuple):
    """The pairs of a part of the bushes and their members, both in the order in which they are found; see `Pairs`."""

    group: np.ndarray
    start: np.ndarray
    link: np.ndarray
    key: np.ndarray  # [pairs] hash of the class and the links
    pair: np.ndarray  # [members]
    bush: np.ndarray
    arc_start: np.ndarray
    arc: np.ndarray
    least: np.ndarray  # [members, 2] flow that may leave each segment


@njit(cache=True)
def _distinct(group: np.ndarray, start: np.ndarray, link: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs that are the first of their kind, and for all the number of theirs among these."""
    count, kinds = len(group), 0
    table, first, number = np.full(max(ROOM, 3 * count), EMPTY), np.empty(count, np.int64), np.empty(count, np.int32)
    for i in range(count):
        at, cut, size = start[2 * i], start[2 * i + 1] - start[2 * i], start[2 * i + 2] - start[2 * i]
        place = np.int64((key[i] ^ (key[i] >> np.uint64(29))) % np.uint64(len(table)))
        while table[place] != EMPTY:
            other = first[table[place]]
            begins = start[2 * other]
            same = group[other] == group[i]
            same = same and start[2 * other + 1] - begins == cut and start[2 * other + 2] - begins == size
            for n in range(size if same else 0):
                same = same and link[ix(begins + n)] == link[ix(at + n)]
            if same:
                break
            place = (place + 1) % len(table)
        if table[place] == EMPTY:
            table[place], first[kinds] = kinds, i
            kinds += 1
        number[i] = table[place]
    return first[:kinds], number


@njit(cache=True)
def _some(
    some: np.ndarray, group: np.ndarray, start: np.ndarray, link: np.ndarray, key: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return class, start, links and key of the pairs `some`."""
    count, end = len(some), 0
    starts = np.zeros(2 * count + 1, np.int64)
    for j in range(count):
        at = start[2 * some[j]]
        starts[2 * j + 1] = end + start[2 * some[j] + 1] - at
        end += start[2 * some[j] + 2] - at
        starts[2 * j + 2] = end
    links = np.empty(end, link.dtype)
    for j in range(count):
        for n in range(starts[2 * j + 2] - starts[2 * j]):
            links[ix(starts[2 * j] + n)] = link[ix(start[2 * some[j]] + n)]
    return group[some], starts, links, key[some]


@njit(cache=True, inline="always")
def _key(group: int, link: np.ndarray, at: int, end: int) -> np.uint64:
    """Return the hash of a class and the links from `at` to `end`."""
    hashed = np.uint64(group)
    for n in range(at, end):
        hashed = (hashed ^ np.uint64(link[ix(n)])) * PRIME
    return hashed


@njit(cache=True)
def _pairs_with(m: Members, bushes: Bushes) -> PartPairs:
    """Return the pairs that have these members."""
    members = len(m.bush)
    group, key, link = np.empty(members, np.int32), np.empty(members, np.uint64), np.empty_like(m.arc)
    least = np.empty((members, 2))
    for member in range(members):
        b = m.bush[member]
        at, middle, end = m.start[2 * member], m.start[2 * member + 1], m.start[2 * member + 2]
        on, flow = bushes.link[b], bushes.flow[b]
        group[member] = bushes.group[b, 0]
        least[member, 0] = _least(flow, m.arc, at, middle)
        least[member, 1] = _least(flow, m.arc, middle, end)
        for n in range(at, end):
            link[ix(n)] = on[ix(m.arc[ix(n)])]
        key[member] = _key(group[member], link, at, end)
    first, pair = _distinct(group, m.start, link, key)
    group, start, link, key = _some(first, group, m.start, link, key)
    return PartPairs(group, start, link, key, pair, m.bush, m.start, m.arc, least)


@njit(cache=True, nogil=True)
def _found(rows: np.ndarray, bushes: Bushes, links: Links, excess: np.ndarray) -> PartPairs:
    """Return the pairs of the bushes `rows`: one call, since handing over members takes as long as some bushes."""
    return _pairs_with(_members(rows, bushes, links, excess), bushes)


@njit(cache=True)
def _found_alone(rows: np.ndarray, bushes: Bushes, links: Links, excess: np.ndarray) -> Pairs:
    """Return all pairs where one thread finds them: one call again."""
    return _pairs_of(_found(rows, bushes, links, excess))


@over_threads
def _find_parts(begin: int, end: int, part: list[np.ndarray], found: list[PartPairs], args: tuple[Any, ...]) -> None:
    for i in range(begin, end):
        found[i] = _found(part[i], *args)


def find_pairs(rows: np.ndarray, bushes: Bushes, links: Links, excess: np.ndarray) -> Pairs:
    """Return the pairs of the bushes `rows`, and fill `excess` [bushes] with what each could save within itself.

    Where used ways meet, each is paired with the one of most flow; so is the cheapest one if nobody uses it. Ways
    lead back over the arcs of most flow, from an unused one over the cheapest arcs.
    """
    count = min(thread_count(), len(rows), len(rows) * bushes.node.shape[1] // LEAST)
    if count < 2:
        return _found_alone(rows, bushes, links, excess)
    found: list[PartPairs] = [PartPairs(*(np.empty(0),) * 9)] * count
    ends = [len(rows) * i // count for i in range(count + 1)]
    parts = [rows[first:last] for first, last in itertools.pairwise(ends)]
    _find_parts(count, parts, found, (bushes, links, excess))
    return _pairs_of_both(_together(found[: count // 2]), _together(found[count // 2 :]))


def _together(found: list[PartPairs]) -> PartPairs:
    """Return all parts as one."""
    half = len(found) // 2
    return _joined(_together(found[:half]), _together(found[half:])) if half > 0 else found[0]


@njit(cache=True)
def _pairs_of_both(a: PartPairs, b: PartPairs) -> Pairs:
    """Return the pairs of both parts: one call, as for `_found`."""
    return _pairs_of(_joined(a, b))


@njit(cache=True)
def _joined(a: PartPairs, b: PartPairs) -> PartPairs:
    """Return both parts as one."""
    pairs = len(a.group)
    group, key = np.concatenate((a.group, b.group)), np.concatenate((a.key, b.key))
    start, link = _one_after_the_other(a.start, b.start), np.concatenate((a.link, b.link))
    first, number = _distinct(group, start, link, key)
    pair = np.empty(len(a.pair) + len(b.pair), np.int32)
    for member in range(len(a.pair)):
        pair[member] = number[a.pair[member]]
    for member in range(len(b.pair)):
        pair[len(a.pair) + member] = number[pairs + b.pair[member]]
    group, start, link, key = _some(first, group, start, link, key)
    bush, arc = np.concatenate((a.bush, b.bush)), np.concatenate((a.arc, b.arc))
    arc_start, least = _one_after_the_other(a.arc_start, b.arc_start), np.concatenate((a.least, b.least))
    return PartPairs(group, start, link, key, pair, bush, arc_start, arc, least)


@njit(cache=True)
def _one_after_the_other(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return where lists start of which those that start at `b` stand behind those that start at `a`."""
    starts = np.empty(len(a) + len(b) - 1, np.int64)
    starts[: len(a)] = a
    starts[len(a) :] = b[1:] + a[-1]
    return starts


@njit(cache=True)
def _pairs_of(p: PartPairs) -> Pairs:
    """Return the pairs with their members linked up."""
    count = len(p.group)
    first, following, reserve = np.full(count, EMPTY, np.int32), np.empty(len(p.pair), np.int32), np.zeros((count, 2))
    for member in range(len(p.pair)):
        i = p.pair[member]
        last = first[i]
        if last == EMPTY:
            following[member] = member
        else:
            following[member], following[last] = following[last], member
        first[i] = member
        reserve[i, 0] += p.least[member, 0]
        reserve[i, 1] += p.least[member, 1]
    return Pairs(p.group, p.start, p.link, first, following, p.bush, p.arc_start, p.arc, reserve)


@njit(cache=True, inline="always")
def _least(flow: np.ndarray, arc: np.ndarray, start: int, end: int) -> float:
    least = np.inf
    for n in range(start, end):
        least = min(least, flow[ix(arc[ix(n)])])
    return least


@njit(cache=True)
def _kept(pairs: Pairs, gone: np.ndarray, bushes: Bushes) -> PartPairs:
    """Return the pairs as they are now, without the bushes that are `gone` [bushes]."""
    count, members, end = 0, 0, 0
    some, key = np.empty(len(pairs.group), np.int64), np.empty(len(pairs.group), np.uint64)
    pair, bush, start = np.empty_like(pairs.bush), np.empty_like(pairs.bush), np.empty_like(pairs.arc_start)
    arc, least = np.empty_like(pairs.arc), np.empty((len(pair), 2))
    start[0] = 0
    for i in range(len(pairs.group)):
        before, m = members, pairs.first[i]
        for _ in range(len(pairs.bush)):
            m = pairs.following[m]
            if not gone[pairs.bush[m]]:
                at, middle, last = pairs.arc_start[2 * m], pairs.arc_start[2 * m + 1], pairs.arc_start[2 * m + 2]
                pair[members], bush[members] = count, pairs.bush[m]
                least[members, 0] = _least(bushes.flow[pairs.bush[m]], pairs.arc, at, middle)
                least[members, 1] = _least(bushes.flow[pairs.bush[m]], pairs.arc, middle, last)
                for n in range(last - at):
                    arc[ix(end + n)] = pairs.arc[ix(at + n)]
                start[2 * members + 1] = end + middle - at
                end += last - at
                members += 1
                start[2 * members] = end
            if m == pairs.first[i]:
                break
        if members > before:
            some[count] = i
            key[i] = _key(pairs.group[i], pairs.link, pairs.start[2 * i], pairs.start[2 * i + 2])
            count += 1
    group, starts, link, keys = _some(some[:count], pairs.group, pairs.start, pairs.link, key)
    ends = start[: 2 * members + 1]
    return PartPairs(group, starts, link, keys, pair[:members], bush[:members], ends, arc[:end], least[:members])


@njit(cache=True)
def exchanged(pairs: Pairs, others: Pairs, rows: np.ndarray, bushes: Bushes) -> Pairs:
    """Return `pairs` and `others` as they are now, where the bushes `rows` are no longer in `pairs` but in `others`."""
    gone = np.zeros(len(bushes.group), np.bool_)
    new = _kept(others, gone, bushes)
    gone[rows] = True
    return _pairs_of(_joined(_kept(pairs, gone, bushes), new))
