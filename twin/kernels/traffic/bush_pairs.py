"""Newton steps on pairs of alternative segments: the last digits of an equilibrium, without sweeps over whole bushes.

Most bushes that meet the same two ways between two junctions agree on what they cost, so the pair of ways is one
unknown for all of them (Bar-Gera 2010, "Traffic assignment by paired alternative segments", Transportation Research
Part B 44, doi 10.1016/j.trb.2009.11.004). `find_pairs` reads them off the bushes, `equalise` visits them in turn. A
bush has few of them beside its arcs, so that a visit of all pairs costs a small part of a sweep.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from twin.kernels.traffic.bush import Bushes
from twin.kernels.traffic.bush_sweep import Links, cost_and_slope, refresh

EMPTY = -1
VISITS = 300  # most visits to all pairs in a Newton step
ENOUGH = 0.02  # visits end when the pairs could save this part of what they could before the step
SEARCHES, STEEP = 3, 0.3  # of the search along a step: most trials, and the part of the first slope that may be left
ROOM = 4096  # entries of the lists at first


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
def _trace(
    a: int, c: int, one: np.ndarray, two: np.ndarray, tail: np.ndarray, out: np.ndarray, at: int, room: np.ndarray
) -> tuple[int, int]:
    """Write the arcs back from `a` by tree `one`, then those back from `c` by tree `two`, to where they part.

    Returns where either list ends.
    """
    middle, other = at + 1, 1
    out[at], room[0] = a, c
    i, j = tail[a], tail[c]
    while i != j:
        if i > j:
            a = one[i]
            out[middle] = a
            middle += 1
            i = tail[a]
        else:
            c = two[j]
            room[other] = c
            other += 1
            j = tail[c]
    for n in range(other):
        out[middle + n] = room[n]
    return middle, middle + other


@njit(cache=True)
def _labels(b: int, cost: np.ndarray, bushes: Bushes, low: np.ndarray, low_arc: np.ndarray, main: np.ndarray) -> float:
    """Fill the least costs of bush `b` and their last arcs, and the arcs of most flow; return what it could save.

    Where there is no flow, the arc of most flow is the cheapest. All by position, as far as ways meet.
    """
    begin, tail, on, flow = bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
    low[0], excess = 0.0, 0.0
    for p in range(1, bushes.size[b, 2]):
        s, e = begin[p], begin[p + 1]
        if e - s == 1:
            low[p], low_arc[p], main[p] = low[tail[s]] + cost[on[s]], s, s
            continue
        cheapest, most, least, total, paid = s, s, np.inf, 0.0, 0.0
        for a in range(s, e):
            way = low[tail[a]] + cost[on[a]]
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


@njit(cache=True)
def find_pairs(rows: np.ndarray, bushes: Bushes, links: Links, excess: np.ndarray) -> Pairs:
    """Return the pairs of the bushes `rows`, and fill `excess` [bushes] with what each could save within itself.

    Where used ways meet, each is paired with the one of most flow; so is the cheapest one if nobody uses it. Ways
    lead back over the arcs of most flow, from an unused one over the cheapest arcs.
    """
    nodes = bushes.node.shape[1]
    low, low_arc, main = np.empty(nodes), np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    room = np.empty(nodes, np.int32)
    group, reserve = np.empty(ROOM, np.int32), np.empty(2 * ROOM)
    start, first = np.zeros(2 * ROOM + 1, np.int64), np.empty(ROOM, np.int32)
    link = np.empty(ROOM, np.int32)
    bush, following, arc_start = np.empty(ROOM, np.int32), np.empty(ROOM, np.int32), np.zeros(ROOM + 1, np.int64)
    arc = np.empty(ROOM, np.int32)
    table = np.full(2 * ROOM, EMPTY, np.int32)
    pairs, members = 0, 0
    for b in rows:
        k = bushes.group[b, 0]
        cost, begin, tail, on, flow = links.cost[k], bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
        excess[b] = _labels(b, cost, bushes, low, low_arc, main)
        for p in range(1, bushes.size[b, 2]):
            s, e, most, cheapest = begin[p], begin[p + 1], main[p], low_arc[p]
            if e - s == 1 or flow[most] <= 0.0:
                continue
            for a in range(s, e):
                if a == most or (flow[a] <= 0.0 and a != cheapest):
                    continue
                at = arc_start[members]
                arc = _longer(arc, at + 2 * nodes)
                if on[a] < on[most]:
                    middle, end = _trace(a, most, main if flow[a] > 0.0 else low_arc, main, tail, arc, at, room)
                else:
                    middle, end = _trace(most, a, main, main if flow[a] > 0.0 else low_arc, tail, arc, at, room)
                bush, following = _longer(bush, members + 1), _longer(following, members + 1)
                arc_start = _longer(arc_start, members + 2)
                bush[members], arc_start[members + 1] = b, end
                # The pair these links are, or a new one.
                key = np.uint64(k)
                for n in range(at, end):
                    key = (key ^ np.uint64(on[arc[n]])) * np.uint64(1099511628211)
                place = np.int64((key ^ (key >> np.uint64(29))) % np.uint64(len(table)))
                i = table[place]
                while i != EMPTY and not _same(i, k, on, arc, at, middle, end, group, start, link):
                    place = (place + 1) % len(table)
                    i = table[place]
                if i == EMPTY:
                    i = pairs
                    table[place] = i
                    pairs += 1
                    group, first = _longer(group, pairs), _longer(first, pairs)
                    start, reserve = _longer(start, 2 * pairs + 1), _longer(reserve, 2 * pairs)
                    group[i], first[i] = k, EMPTY
                    reserve[2 * i], reserve[2 * i + 1] = 0.0, 0.0
                    begins = start[2 * i]
                    link = _longer(link, begins + end - at)
                    for n in range(at, end):
                        link[begins + n - at] = on[arc[n]]
                    start[2 * i + 1], start[2 * i + 2] = begins + middle - at, begins + end - at
                    if 2 * pairs > len(table):
                        table = _rehash(pairs, group, start, link, 4 * len(table))
                if first[i] == EMPTY:
                    following[members] = members
                else:
                    following[members], following[first[i]] = following[first[i]], members
                first[i] = members
                members += 1
                reserve[2 * i] += _least(flow, arc, at, middle)
                reserve[2 * i + 1] += _least(flow, arc, middle, end)
    return Pairs(
        group[:pairs], start[: 2 * pairs + 1], link, first[:pairs], following, bush, arc_start, arc,
        reserve[: 2 * pairs].reshape((pairs, 2)),
    )  # fmt: skip


@njit(cache=True)
def _same(
    i: int, k: int, on: np.ndarray, arc: np.ndarray, at: int, middle: int, end: int, group: np.ndarray,
    start: np.ndarray, link: np.ndarray,
) -> bool:  # fmt: skip
    """Return whether pair `i` is that of class `k` with the links of the arcs ``at:middle`` and ``middle:end``."""
    begins = start[2 * i]
    if group[i] != k or start[2 * i + 1] - begins != middle - at or start[2 * i + 2] - begins != end - at:
        return False
    same = True
    for n in range(end - at):
        same = same and link[begins + n] == on[arc[at + n]]
    return same


@njit(cache=True)
def _rehash(pairs: int, group: np.ndarray, start: np.ndarray, link: np.ndarray, size: int) -> np.ndarray:
    table = np.full(size, EMPTY, np.int32)
    for i in range(pairs):
        key = np.uint64(group[i])
        for n in range(start[2 * i], start[2 * i + 2]):
            key = (key ^ np.uint64(link[n])) * np.uint64(1099511628211)
        place = np.int64((key ^ (key >> np.uint64(29))) % np.uint64(size))
        while table[place] != EMPTY:
            place = (place + 1) % size
        table[place] = i
    return table


@njit(cache=True, inline="always")
def _least(flow: np.ndarray, arc: np.ndarray, start: int, end: int) -> float:
    least = np.inf
    for n in range(start, end):
        least = flow[arc[n]] if flow[arc[n]] < least else least
    return least


@njit(cache=True)
def equalise(pairs: Pairs, bushes: Bushes, links: Links, moved: np.ndarray, enough: float, most: int) -> float:
    """Solve for the flow of all pairs by at most `most` Newton steps; return what they could save before.

    Costs are linear in a step, so a visit of a pair only adds numbers up; a search along the step makes up for the
    curve. The members of a pair then take its shift, one after the other. Ends when the pairs could save no more than
    `enough`. Sets `moved` [bushes] where a bush has changed.
    """
    n, before = len(pairs.group), 0.0
    extra, steep, shift, rise = np.empty(n), np.empty(n), np.empty(n), np.zeros(len(links.flow))
    used = _links_of(pairs, len(links.flow))
    change, was = np.empty(len(used)), np.empty(len(used))
    for step in range(most):
        excess = _costs(pairs, links, extra, steep)
        if step == 0:
            before = excess
        if excess <= enough:
            break
        rise[used] = 0.0
        shift[:] = 0.0
        _visits(pairs, links.slope, extra, steep, max(0.5 * enough, ENOUGH * excess), shift, rise)
        for j in range(len(used)):
            change[j], was[j] = 0.0, links.flow[used[j]]
            rise[used[j]] = 0.0
        for i in range(n):
            for a in range(pairs.start[2 * i], pairs.start[2 * i + 2]):
                rise[pairs.link[a]] += -shift[i] if a < pairs.start[2 * i + 1] else shift[i]
        gain = 0.0
        for i in range(n):
            gain -= extra[i] * shift[i]
        change[:] = rise[used]
        part = _search(used, was, change, gain, links)
        for i in range(n):
            if shift[i] != 0.0:
                asked = part * shift[i]
                done = _apply(i, asked, pairs, bushes, moved)
                if done != asked:
                    _add(i, done - asked, pairs, links)
                side = 0 if shift[i] > 0.0 else 1
                pairs.reserve[i, side] -= abs(done)
                pairs.reserve[i, 1 - side] += abs(done)
                if done != asked:
                    pairs.reserve[i, side] = 0.0  # other pairs have taken some of it
        for link in used:
            refresh(link, links)
    return before


@njit(cache=True)
def _links_of(pairs: Pairs, links: int) -> np.ndarray:
    """Return the links that any pair holds."""
    held = np.zeros(links, np.bool_)
    for a in range(pairs.start[2 * len(pairs.group)]):
        held[pairs.link[a]] = True
    return np.flatnonzero(held)


@njit(cache=True)
def _costs(pairs: Pairs, links: Links, extra: np.ndarray, steep: np.ndarray) -> float:
    """Fill `extra` with what the first segments cost more than the second, and its slopes; return what that wastes."""
    excess = 0.0
    for i in range(len(pairs.group)):
        cost, more, slope = links.cost[pairs.group[i]], 0.0, 0.0
        for a in range(pairs.start[2 * i], pairs.start[2 * i + 1]):
            more += cost[pairs.link[a]]
            slope += links.slope[pairs.link[a]]
        for a in range(pairs.start[2 * i + 1], pairs.start[2 * i + 2]):
            more -= cost[pairs.link[a]]
            slope += links.slope[pairs.link[a]]
        extra[i], steep[i] = more, slope
        excess += abs(more) * max(0.0, pairs.reserve[i, 0 if more > 0.0 else 1])
    return excess


@njit(cache=True)
def _visits(
    pairs: Pairs, slope: np.ndarray, extra: np.ndarray, steep: np.ndarray, enough: float, shift: np.ndarray,
    rise: np.ndarray,
) -> None:  # fmt: skip
    """Fill `shift` [pairs] with the flow that goes to the second segment, if costs were linear; Gauss and Seidel's.

    `rise` [links] holds what links cost more by then.
    """
    link, start, reserve = pairs.link, pairs.start, pairs.reserve
    for _ in range(VISITS):
        excess = 0.0
        for i in range(len(extra)):
            s, middle, e = start[2 * i], start[2 * i + 1], start[2 * i + 2]
            more = extra[i]
            for a in range(s, middle):
                more += rise[link[a]]
            for a in range(middle, e):
                more -= rise[link[a]]
            spare = reserve[i, 0] - shift[i] if more > 0.0 else reserve[i, 1] + shift[i]
            waste = abs(more) * spare
            if waste <= 0.0:
                continue
            excess += waste
            step = abs(more) / steep[i] if steep[i] > 0.0 else np.inf
            step = step if step < spare else spare
            step = step if more > 0.0 else -step
            shift[i] += step
            for a in range(s, middle):
                rise[link[a]] -= slope[link[a]] * step
            for a in range(middle, e):
                rise[link[a]] += slope[link[a]] * step
        if excess <= enough:
            break


@njit(cache=True)
def _search(used: np.ndarray, was: np.ndarray, change: np.ndarray, gain: float, links: Links) -> float:
    """Return the part of `change` to take, at most 1, and set the flows of the links `used` to it.

    `gain` (below 0) is how Beckmann's function falls at first. Where it would rise again in the end, the part comes
    from a secant, twice.
    """
    low, fall, high, climb = 0.0, gain, 1.0, 0.0
    part, time0 = 1.0, np.empty(len(used))
    for j in range(len(used)):
        time0[j], _ = cost_and_slope(used[j], links)
    for _ in range(SEARCHES):
        slope = gain
        for j in range(len(used)):
            links.flow[used[j]] = was[j] + part * change[j]
            if change[j] != 0.0:
                time, _ = cost_and_slope(used[j], links)
                slope += (time - time0[j]) * change[j]
        if slope <= -STEEP * gain and (part == 1.0 or slope >= STEEP * gain):
            break
        if slope > 0.0:
            high, climb = part, slope
        else:
            low, fall = part, slope
        part = low + (high - low) * (fall / (fall - climb))
    for j in range(len(used)):
        links.flow[used[j]] = was[j] + part * change[j]
    return part


@njit(cache=True)
def _apply(i: int, shift: float, pairs: Pairs, bushes: Bushes, moved: np.ndarray) -> float:
    """Move `shift` from the first to the second segment of pair `i`, or back; return what the members could."""
    s, middle = pairs.start[2 * i], pairs.start[2 * i + 1]
    left, last = abs(shift), pairs.first[i]
    m = last
    while left > 0.0:
        at, end = pairs.arc_start[m], pairs.arc_start[m + 1]
        cut = at + middle - s
        flow = bushes.flow[pairs.bush[m]]
        from0, from1, into0, into1 = (at, cut, cut, end) if shift > 0.0 else (cut, end, at, cut)
        move = left
        for n in range(from0, from1):
            move = flow[pairs.arc[n]] if flow[pairs.arc[n]] < move else move
        if move > 0.0:
            for n in range(from0, from1):
                flow[pairs.arc[n]] -= move
            for n in range(into0, into1):
                flow[pairs.arc[n]] += move
            moved[pairs.bush[m]] = True
            left -= move
        if left > 0.0:
            m = pairs.following[m]
            if m == last:
                break
    pairs.first[i] = m  # has flow left, on either segment
    return shift - left if shift > 0.0 else shift + left


@njit(cache=True)
def _add(i: int, shift: float, pairs: Pairs, links: Links) -> None:
    """Set the links of pair `i` to a shift."""
    for a in range(pairs.start[2 * i], pairs.start[2 * i + 1]):
        links.flow[pairs.link[a]] -= shift
    for a in range(pairs.start[2 * i + 1], pairs.start[2 * i + 2]):
        links.flow[pairs.link[a]] += shift
