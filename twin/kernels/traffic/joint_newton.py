"""Newton steps on the flows and the demand of all bushes at once, for where sweeps stall.

A sweep moves flow between two ways at a time. Where a few overfull roads have times millions of times as steep as all
others, or classes share a road that one should leave to another, what helps keeps the flow of these roads as it is: it
takes many pairs of ways together, and each pair alone may only creep. So here all flow moves together.

Every bush has a tree, of the arcs of most flow into every node. Its other arcs are the unknowns, each of which changes
the flow on a cycle with the tree, and so are the trips whose demand answers cost. A Newton step is solved for by
conjugate gradients within the bounds of the flows (Bertsekas and Gafni 1983, "Projected Newton methods and optimization
of multicommodity flows", IEEE Transactions on Automatic Control 28, doi 10.1109/TAC.1983.1103183), and a search along
it makes up for the curve of costs. So every step lowers Beckmann's function, or its like for demand that answers cost.

Vectors hold the arcs of all bushes, then the trips by position, both as in `Hot`.
"""

from __future__ import annotations

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.traffic.bush import Bushes
from twin.kernels.traffic.bush_sweep import Desire, Hot, Links, fill_times, gather, refresh_all, scatter
from twin.kernels.traffic.demand_law import asked_cost

STEPS = 20  # most Newton steps
ENOUGH = 1e-4  # steps end when what one wins falls to this part of what the first won
CYCLES, FEWEST = 5000, 50  # conjugate gradients in all steps: at most, and at least
WORK = 20_000_000  # in between as many as visit so many arcs, about what sweeps do between two renewals
RESIDUE = 1e-3  # a step is solved to this part of its first residue
SEARCHES, STEEP = 30, 0.1  # of the search along a step: most trials, and the part of the first slope that may be left
NEAR = 0.9  # part of the way to no trips, or to all that could travel, that trips may go in one step
STIFF = 1e100  # cost, or its slope, of trips that stay as they are
FLAT = 1e-12  # part of the steepest cycle's slope that others have at least, for the sake of division


def rounds_worth(bushes: Bushes) -> int:
    """Return how many rounds of an equilibrium cost what joint steps cost at least."""
    arcs = int(bushes.first[np.arange(len(bushes.group)), bushes.size[:, 0]].sum())
    return max(1, FEWEST * arcs // WORK)


@njit(cache=True)
def _trees(group: np.ndarray, hot: Hot, links: Links, main: np.ndarray, low: np.ndarray) -> None:
    """Fill `main` with the arc of most flow into every position, or the cheapest way where there is no flow."""
    for b in range(len(group)):
        p0, a0 = hot.at[b]
        low[0] = 0.0
        for p in range(1, hot.at[b + 1, 0] - p0 - 1):
            most, best, cheapest, least = -1, 0.0, -1, np.inf
            for a in range(a0 + hot.first[p0 + p], a0 + hot.first[p0 + p + 1]):
                way = low[hot.tail[a]] + links.cost[group[b, 0], hot.link[a]]
                if way < least:
                    cheapest, least = a, way
                if hot.flow[a] > best:
                    most, best = a, hot.flow[a]
            most = most if most >= 0 else cheapest
            main[p0 + p] = most
            low[p] = low[hot.tail[most]] + links.cost[group[b, 0], hot.link[most]]


@njit(cache=True)
def _pull(group: np.ndarray, hot: Hot, main: np.ndarray, cost: np.ndarray, low: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` with what an arc's cycle and a trip along the tree cost, at `cost` [classes or 1, links]."""
    arcs = len(hot.link)
    for b in range(len(group)):
        p0, a0 = hot.at[b]
        row = cost[group[b, 0] if len(cost) > 1 else 0]
        low[0] = 0.0
        for p in range(1, hot.at[b + 1, 0] - p0 - 1):
            m = main[p0 + p]
            low[p] = low[hot.tail[m]] + row[hot.link[m]]
            out[arcs + p0 + p] = low[p]
            for a in range(a0 + hot.first[p0 + p], a0 + hot.first[p0 + p + 1]):
                out[a] = low[hot.tail[a]] + row[hot.link[a]] - low[p] if a != m else 0.0


@njit(cache=True)
def _complete(
    group: np.ndarray, hot: Hot, main: np.ndarray, x: np.ndarray, need: np.ndarray, total: np.ndarray
) -> None:
    """Set the tree's arcs of `x` to what the others and the trips ask for, and `total` [links] to the sum."""
    arcs = len(hot.link)
    total[:] = 0.0
    for b in range(len(group)):
        p0, a0 = hot.at[b]
        positions = hot.at[b + 1, 0] - p0 - 1
        need[:positions] = x[arcs + p0 : arcs + p0 + positions]
        for p in range(positions - 1, 0, -1):
            m, rest = main[p0 + p], need[p]
            for a in range(a0 + hot.first[p0 + p], a0 + hot.first[p0 + p + 1]):
                if a != m and x[a] != 0.0:
                    rest -= x[a]
                    need[hot.tail[a]] += x[a]
                    total[hot.link[a]] += x[a]
            x[m] = rest
            need[hot.tail[m]] += rest
            total[hot.link[m]] += rest


@njit(cache=True)
def _fit(
    group: np.ndarray, hot: Hot, main: np.ndarray, low: np.ndarray, high: np.ndarray, free: np.ndarray, x: np.ndarray,
    need: np.ndarray,
) -> bool:  # fmt: skip
    """Bring `x` within its bounds, those of the tree too; return whether the tree has changed.

    What is at a bound is no longer `free`. Where the other arcs into a position would carry more than goes on from
    there, they are scaled, and the largest takes the place of the tree's.
    """
    arcs, changed = len(hot.link), False
    for b in range(len(group)):
        p0, a0 = hot.at[b]
        positions = hot.at[b + 1, 0] - p0 - 1
        need[:positions] = 0.0
        for p in range(positions - 1, -1, -1):  # what ends at a position, from the balance of all flow
            q = p0 + p
            if free[arcs + q] and not low[arcs + q] < x[arcs + q] < high[arcs + q]:
                x[arcs + q] = max(low[arcs + q], min(high[arcs + q], x[arcs + q]))
                free[arcs + q] = False
            need[p] += x[arcs + q]
            for a in range(a0 + hot.first[q], a0 + hot.first[q + 1]):
                need[p] += hot.flow[a]
                need[hot.tail[a]] -= hot.flow[a]
        for p in range(positions - 1, 0, -1):
            q, m, through, most = p0 + p, main[p0 + p], max(0.0, need[p]), main[p0 + p]
            others = 0.0
            for a in range(a0 + hot.first[q], a0 + hot.first[q + 1]):
                if a != m:
                    if x[a] <= low[a]:
                        x[a], free[a] = low[a], False
                    others += hot.flow[a] + x[a]
                    if most == m or x[a] + hot.flow[a] > x[most] + hot.flow[most]:
                        most = a
            for a in range(a0 + hot.first[q], a0 + hot.first[q + 1]):
                if a != m:
                    if others > through:
                        x[a] = (hot.flow[a] + x[a]) * (through / others) - hot.flow[a]
                    need[hot.tail[a]] += hot.flow[a] + x[a]
            need[hot.tail[m]] += max(0.0, through - others)
            if others > through > 0.0:
                x[m], main[q], free[most], changed = -hot.flow[m], most, False, True
    return changed


@njit(cache=True)
def _steepness(
    group: np.ndarray, hot: Hot, main: np.ndarray, slope: np.ndarray, bend: np.ndarray, out: np.ndarray
) -> None:
    """Fill `out` with the slope of every arc's cycle and of every trip by itself."""
    arcs, steepest = len(hot.link), 0.0
    out[:] = 0.0
    for b in range(len(group)):
        p0, a0 = hot.at[b]
        for p in range(1, hot.at[b + 1, 0] - p0 - 1):
            i, steep = p, bend[p0 + p]
            while i != 0 and steep > 0.0:
                steep += slope[hot.link[main[p0 + i]]]
                i = hot.tail[main[p0 + i]]
            out[arcs + p0 + p] = steep
            for a in range(a0 + hot.first[p0 + p], a0 + hot.first[p0 + p + 1]):
                i, j, steep = p, hot.tail[a], slope[hot.link[a]]
                while i != j:
                    if i > j:
                        steep += slope[hot.link[main[p0 + i]]]
                        i = hot.tail[main[p0 + i]]
                    else:
                        steep += slope[hot.link[main[p0 + j]]]
                        j = hot.tail[main[p0 + j]]
                out[a] = steep
                steepest = max(steepest, steep)
    for i in range(len(out)):
        out[i] = max(out[i], FLAT * steepest) if steepest > 0.0 else 1.0


@njit(cache=True)
def _laws(
    group: np.ndarray, hot: Hot, desire: Desire, worth: np.ndarray, bend: np.ndarray, low: np.ndarray, high: np.ndarray
) -> None:
    """Fill what trips are `worth` to those who make them, how that falls, and how far trips may go down and up.

    All by position; `bend` is 0 where demand is fixed or there are no trips.
    """
    zones = desire.response.shape[1]
    worth[:], bend[:], low[:], high[:] = 0.0, 0.0, 0.0, 0.0
    for b in range(len(group)):
        p0, (k, origin) = hot.at[b, 0], group[b]
        for q in range(p0 + 1, hot.at[b + 1, 0] - 1):
            z = hot.node[q]
            if z >= zones or z == origin or desire.response[k, origin, z] == 0.0:
                continue
            met, most, response = desire.met[k, origin, z], desire.demand[k, origin, z], desire.response[k, origin, z]
            if met <= 0.0 or most <= 0.0 or (response > 0.0 and met >= most):
                continue
            cost, slope = asked_cost(met, most, desire.pivot[k, origin, z], response, desire.leg)
            if not (0.0 < -slope < STIFF and cost < STIFF):
                continue  # too few trips to tell
            worth[q], bend[q], low[q] = cost, -slope, -NEAR * met
            high[q] = NEAR * (most - met) if response > 0.0 else np.inf


@njit(cache=True)
def _residue(
    group: np.ndarray, hot: Hot, main: np.ndarray, links: Links, worth: np.ndarray, bend: np.ndarray, x: np.ndarray,
    free: np.ndarray, residue: np.ndarray,
) -> None:  # fmt: skip
    """Fill `residue` with what unknowns that are `free` would save where costs have risen in a line by step `x`."""
    arcs, total, cost = len(hot.link), np.empty(len(links.flow)), links.cost.copy()
    room = np.empty(len(hot.node))
    _complete(group, hot, main, x, room, total)
    for k in range(len(cost)):
        cost[k] += links.slope * total
    _pull(group, hot, main, cost, room, residue)
    for q in range(len(bend)):
        residue[arcs + q] += bend[q] * x[arcs + q] - worth[q]
    for i in range(len(x)):
        residue[i] = -residue[i] if free[i] else 0.0


@njit(cache=True)
def _seek(residue: np.ndarray, steep: np.ndarray, free: np.ndarray, keep: float, seek: np.ndarray) -> float:
    """Turn `seek` to what is `free` to save, with the share `keep` of where it went; return what it saves at first."""
    along = 0.0
    for i in range(len(seek)):
        seek[i] = residue[i] / steep[i] + keep * seek[i] if free[i] else 0.0
        along += residue[i] * seek[i]
    return along


@njit(cache=True)
def _within(x: np.ndarray, seek: np.ndarray, length: float, low: np.ndarray, high: np.ndarray) -> float:
    """Return how far `x` may go along `seek`, at most `length`, until it runs into a bound."""
    for i in range(len(x)):
        if seek[i] != 0.0:
            length = min(length, ((low[i] if seek[i] < 0.0 else high[i]) - x[i]) / seek[i])
    return max(0.0, length)


@njit(cache=True)
def _rise(bend: np.ndarray, slope: np.ndarray, x: np.ndarray, total: np.ndarray) -> float:
    """Return what a step `x`, which sums up to `total` [links], costs more at its end than at its start."""
    rise, arcs = 0.0, len(x) - len(bend)
    for link in range(len(slope)):
        rise += slope[link] * total[link] * total[link]
    for q in range(len(bend)):
        rise += bend[q] * x[arcs + q] * x[arcs + q]
    return rise


@njit(cache=True)
def _direction(
    group: np.ndarray, hot: Hot, main: np.ndarray, links: Links, worth: np.ndarray, bend: np.ndarray,
    gradient: np.ndarray, low: np.ndarray, high: np.ndarray, free: np.ndarray, x: np.ndarray, total: np.ndarray,
    most: int,
) -> int:  # fmt: skip
    """Fill `x` with the Newton step within its bounds, and `total` [links] with its sum; return the cycles it took.

    At most `most` conjugate gradients (Polak and Ribiere's, as the unknowns grow fewer). One that would leave the
    bounds is brought back (see `_fit`) and taken if it helps as it is; else it ends at the first bound.
    """
    n, arcs, slope = len(x), len(hot.link), links.slope
    room, turned, trial = np.empty(len(hot.node)), np.empty((1, len(slope))), np.empty(n)
    steep, seek, product, residue, before = np.empty(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    _steepness(group, hot, main, slope, bend, steep)
    x[:] = 0.0
    _residue(group, hot, main, links, worth, bend, x, free, residue)
    first, last, fresh, value, cycle = -1.0, 1.0, True, 0.0, 0
    while cycle < most:
        size, cross = 0.0, 0.0
        for i in range(n):
            size += residue[i] * residue[i] / steep[i]
            cross += residue[i] * before[i] / steep[i]
            before[i] = residue[i]
        first = size if cycle == 0 else first
        if size <= RESIDUE * RESIDUE * first:
            break
        cycle += 1
        along = _seek(residue, steep, free, 0.0 if fresh else max(0.0, (size - cross) / last), seek)
        if along <= 0.0:
            along = _seek(residue, steep, free, 0.0, seek)
        _complete(group, hot, main, seek, room, total)
        curve = _rise(bend, slope, seek, total)
        length = along / curve if curve > 0.0 else np.inf
        allowed = _within(x, seek, length, low, high)
        last, fresh = size, False
        if allowed == np.inf:
            break
        if allowed == length:
            turned[0] = slope * total
            _pull(group, hot, main, turned, room, product)
            product[arcs:] += bend * seek[arcs:]
            for i in range(n):
                x[i] += length * seek[i]
                if free[i]:
                    residue[i] -= length * product[i]
            value -= 0.5 * length * along
            continue
        for part in (length, allowed):
            if part < np.inf:
                for i in range(n):
                    trial[i] = x[i] + part * seek[i]
                fresh = _fit(group, hot, main, low, high, free, trial, room) or fresh
                _complete(group, hot, main, trial, room, total)
                now = np.sum(gradient * trial) + 0.5 * _rise(bend, slope, trial, total)
                if now < value:
                    x[:], value = trial, now
                    break
        if fresh:
            _steepness(group, hot, main, slope, bend, steep)
        _residue(group, hot, main, links, worth, bend, x, free, residue)
    _complete(group, hot, main, x, room, total)
    return cycle


@njit(cache=True)
def _search(
    total: np.ndarray, trips: np.ndarray, gain: float, links: Links, group: np.ndarray, hot: Hot, desire: Desire,
    worth: np.ndarray,
) -> float:  # fmt: skip
    """Return the part of a step to take, at most 1: where what it wins (`gain`, below 0, at first) comes to an end.

    `total` [links] and `trips` by position are the step's. Leaves the links' flows at the part that is taken.
    """
    used = np.flatnonzero(total)
    was, time, now = links.flow.copy(), np.empty(len(used)), np.empty(len(used))
    fill_times(used, links, time)
    low, fall, high, climb, part, side = 0.0, gain, 1.0, 0.0, 1.0, 0
    for _ in range(SEARCHES):
        links.flow[:] = was + part * total
        fill_times(used, links, now)
        slope = gain + np.sum((now - time) * total[used])
        for b in range(len(group)):
            k, origin = group[b]
            for q in range(hot.at[b, 0], hot.at[b + 1, 0] - 1):
                if trips[q] != 0.0:
                    z = hot.node[q]
                    asked, _ = asked_cost(
                        desire.met[k, origin, z] + part * trips[q], desire.demand[k, origin, z],
                        desire.pivot[k, origin, z], desire.response[k, origin, z], desire.leg,
                    )  # fmt: skip
                    slope -= (asked - worth[q]) * trips[q]
        if slope <= -STEEP * gain and (part == 1.0 or slope >= STEEP * gain):
            break
        if slope > 0.0:
            high, climb = part, slope
            fall = 0.5 * fall if side > 0 else fall
            side = 1
        else:
            low, fall = part, slope
            climb = 0.5 * climb if side < 0 else climb
            side = -1
        part = low + (high - low) * (fall / (fall - climb))
    return part


@njit(cache=True)
def joint_steps(bushes: Bushes, links: Links, desire: Desire) -> float:
    """Take Newton steps on all flow of the bushes, and on all trips that answer; return what the first would win.

    Changes bushes, links and the demand met.
    """
    group, hot = bushes.group, gather(bushes, desire.response.shape[1] > 0)
    arcs, positions = len(hot.link), len(hot.node)
    n = arcs + positions
    main, room, total = np.zeros(positions, np.int64), np.empty(positions), np.empty(len(links.flow))
    worth, bend = np.empty(positions), np.empty(positions)
    gradient, low, high, free, x = np.zeros(n), np.empty(n), np.full(n, np.inf), np.zeros(n, np.bool_), np.empty(n)
    first, left = 0.0, max(FEWEST, min(CYCLES, WORK // max(1, arcs)))
    for step in range(STEPS):
        _trees(group, hot, links, main, room)
        _laws(group, hot, desire, worth, bend, low[arcs:], high[arcs:])
        _pull(group, hot, main, links.cost, room, gradient)
        gradient[arcs:] -= worth
        low[:arcs] = -hot.flow
        free[:arcs] = (hot.flow > 0.0) | (gradient[:arcs] < 0.0)
        free[arcs:] = bend > 0.0
        for b in range(len(group)):
            free[main[hot.at[b, 0] + 1 : hot.at[b + 1, 0] - 1]] = False
        left -= _direction(group, hot, main, links, worth, bend, gradient, low, high, free, x, total, left)
        gain = np.sum(gradient * x)
        first = gain if step == 0 else first
        if gain >= 0.0 or gain > ENOUGH * first:
            break
        part = _search(total, x[arcs:], gain, links, group, hot, desire, worth)
        for a in range(arcs):
            hot.flow[a] = max(0.0, hot.flow[a] + part * x[a])
        for b in range(len(group)):
            k, origin = group[b]
            for q in range(hot.at[b, 0], hot.at[b + 1, 0] - 1):
                if x[arcs + q] != 0.0:
                    desire.met[k, origin, hot.node[q]] += part * x[arcs + q]
        refresh_all(links)
        if left <= 0:
            break
    scatter(hot, bushes)
    return first
