"""Newton steps on pairs of alternative segments: the last digits of an equilibrium, without sweeps over whole bushes.

Most bushes that meet the same two ways between two junctions agree on what they cost, so the pair of ways is one
unknown for all of them (Bar-Gera 2010, "Traffic assignment by paired alternative segments", Transportation Research
Part B 44, doi 10.1016/j.trb.2009.11.004). `pair_search` reads them off the bushes, `equalise` visits them in turn. A
bush has few of them beside its arcs, so that a visit of all pairs costs a small part of a sweep.
"""

from __future__ import annotations

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.traffic.bush import Bushes
from twin.kernels.traffic.bush_sweep import Links, fill_times, refresh
from twin.kernels.traffic.pair_search import Pairs, find_pairs

VISITS, FEWEST = 300, 5  # most visits to all pairs in a Newton step, and fewest: flat pairs waste next to nothing
ENOUGH = 0.02  # visits end when the pairs could save this part of what they could before the step
SEARCHES, STEEP = 3, 0.3  # of the search along a step: most trials, and the part of the first slope that may be left
WITHIN = 0.1  # of what is wanted that may remain within the bushes when they are at rest
REST = 0.02  # or of what they could save at first
STEPS = 6  # most Newton steps with the pairs of one search


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
    change, was, time0, time = np.empty(len(used)), np.empty(len(used)), np.empty(len(used)), np.empty(len(used))
    for step in range(most):
        excess = _costs(pairs, links, extra, steep)
        if step == 0:
            before = excess
        if excess <= enough:
            break
        if step == 0:
            fill_times(used, links, time0)
        rise[used] = 0.0
        shift[:] = 0.0
        _visits(pairs, links.slope, extra, steep, max(0.5 * enough, ENOUGH * excess), shift, rise)
        for j in range(len(used)):
            change[j], was[j] = 0.0, links.flow[used[j]]
            rise[used[j]] = 0.0
        for i in range(n):
            if shift[i] != 0.0:
                for a in range(pairs.start[2 * i], pairs.start[2 * i + 2]):
                    rise[ix(pairs.link[a])] += -shift[i] if a < pairs.start[2 * i + 1] else shift[i]
        gain = 0.0
        for i in range(n):
            gain -= extra[i] * shift[i]
        change[:] = rise[used]
        part = _search(used, was, change, gain, links, time0, time)
        if not _apply(part, shift, pairs, bushes, moved, links):
            refresh(used, links, time)
        time0, time = time, time0
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
            more += cost[ix(pairs.link[a])]
            slope += links.slope[ix(pairs.link[a])]
        for a in range(pairs.start[2 * i + 1], pairs.start[2 * i + 2]):
            more -= cost[ix(pairs.link[a])]
            slope += links.slope[ix(pairs.link[a])]
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
    for visit in range(VISITS):
        excess = 0.0
        for i in range(len(extra)):
            s, middle, e = ix(start[2 * i]), ix(start[2 * i + 1]), ix(start[2 * i + 2])
            more = extra[i]
            for a in range(s, middle):
                more += rise[ix(link[a])]
            for a in range(middle, e):
                more -= rise[ix(link[a])]
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
                rise[ix(link[a])] -= slope[ix(link[a])] * step
            for a in range(middle, e):
                rise[ix(link[a])] += slope[ix(link[a])] * step
        if excess <= enough and visit + 1 >= FEWEST:
            break


@njit(cache=True)
def _search(
    used: np.ndarray, was: np.ndarray, change: np.ndarray, gain: float, links: Links, time0: np.ndarray,
    time: np.ndarray,
) -> float:  # fmt: skip
    """Return the part of `change` to take, at most 1, and set the links `used` to it, and `time` to theirs.

    `gain` (below 0) is how Beckmann's function falls at first, at the times `time0`. Where it would rise again in the
    end, the part comes from a secant, twice.
    """
    low, fall, high, climb, part = 0.0, gain, 1.0, 0.0, 1.0
    for trial in range(SEARCHES + 1):
        slope = gain
        for j in range(len(used)):
            links.flow[used[j]] = was[j] + part * change[j]
        refresh(used, links, time)
        for j in range(len(used)):
            slope += (time[j] - time0[j]) * change[j]
        if trial == SEARCHES or (slope <= -STEEP * gain and (part == 1.0 or slope >= STEEP * gain)):
            break
        if slope > 0.0:
            high, climb = part, slope
        else:
            low, fall = part, slope
        part = low + (high - low) * (fall / (fall - climb))
    return part


@njit(cache=True)
def _apply(part: float, shift: np.ndarray, pairs: Pairs, bushes: Bushes, moved: np.ndarray, links: Links) -> bool:
    """Move `part` of `shift` [pairs] from the first to the second segments, or back, as far as the members can.

    Returns whether they could all the way; else the links' flows are put right.
    """
    arc, reserve, able = pairs.arc, pairs.reserve, True
    for i in range(len(shift)):
        if shift[i] == 0.0:
            continue
        ahead, s, middle, e = shift[i] > 0.0, pairs.start[2 * i], pairs.start[2 * i + 1], pairs.start[2 * i + 2]
        asked = part * abs(shift[i])
        left, last = asked, pairs.first[i]
        m = last
        while left > 0.0:
            at, end = pairs.arc_start[2 * m], pairs.arc_start[2 * m + 2]
            cut = at + middle - s
            flow = bushes.flow[pairs.bush[m]]
            from0, from1, into0, into1 = (at, cut, cut, end) if ahead else (cut, end, at, cut)
            move = left
            for n in range(from0, from1):
                move = min(move, flow[ix(arc[n])])
            if move > 0.0:
                for n in range(from0, from1):
                    flow[ix(arc[n])] -= move
                for n in range(into0, into1):
                    flow[ix(arc[n])] += move
                moved[pairs.bush[m]] = True
                left -= move
            if left > 0.0:
                m = pairs.following[m]
                if m == last:
                    break
        pairs.first[i] = m  # has flow left, on either segment
        side = 0 if ahead else 1
        reserve[i, side] = reserve[i, side] - asked + left if left == 0.0 else 0.0  # other pairs have taken some of it
        reserve[i, 1 - side] += asked - left
        if left > 0.0:
            able, back = False, left if ahead else -left
            for a in range(s, e):
                links.flow[pairs.link[a]] += back if a < middle else -back
    return able


def rest(rows: np.ndarray, bushes: Bushes, links: Links, moved: np.ndarray, wanted: float, finds: int) -> Pairs:
    """Shift flow within the bushes `rows` until they could save little more by it.

    Pairs are searched for `finds` times at most; `wanted` is what may remain in the end, of all the network could save.
    Sets `moved` [bushes] where a bush has changed. Returns the pairs last found.
    """
    excess, first = np.zeros(len(bushes.group)), 0.0
    for search in range(finds):
        pairs = find_pairs(rows, bushes, links, excess)
        within = float(excess[rows].sum())
        first = within if search == 0 else first
        if within <= max(WITHIN * wanted, REST * first):
            break
        equalise(pairs, bushes, links, moved, _left(wanted, within), STEPS)
    return pairs


def rest_again(pairs: Pairs, bushes: Bushes, links: Links, moved: np.ndarray, wanted: float) -> None:
    """Shift flow over `pairs`, without a search; see `rest`."""
    within = saving(pairs, links)
    if within > WITHIN * wanted:
        equalise(pairs, bushes, links, moved, _left(wanted, within), STEPS)


def _left(wanted: float, within: float) -> float:
    """Return what pairs may save in the end that could save `within`."""
    return max(0.5 * WITHIN * wanted, 0.2 * REST * within)


@njit(cache=True)
def saving(pairs: Pairs, links: Links) -> float:
    """Return what the pairs could save."""
    return _costs(pairs, links, np.empty(len(pairs.group)), np.empty(len(pairs.group)))
