"""Newton steps on bushes: flow moves to cheaper ways, and demand to what the cost of the cheapest way asks for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.traffic.bush import Bushes, copy_part
from twin.kernels.traffic.demand_law import HALVINGS, answer, too_far
from twin.kernels.traffic.link_cost import BPR, bpr_time, shape


class Links(NamedTuple):
    """The state of every link; `cost` is [classes, links].

    `margin` is 1 where travellers pay the marginal cost. `mirror` is how many blocks of bushes sweep at once: each
    takes its own moves times `mirror`, as if the others did the same.
    """

    flow: np.ndarray
    cost: np.ndarray
    slope: np.ndarray
    fixed: np.ndarray
    bpr: np.ndarray  # [links, 4]: time at zero flow, that times alpha, one over capacity, power
    form: np.ndarray
    curves: np.ndarray
    margin: float
    mirror: float


class Desire(NamedTuple):
    """Demand laws of all pairs [classes, zones, zones] (see `demand_law`), and the demand met, which sweeps change.

    `response` and `pivot` are [classes, 0, 0] where all demand is fixed.
    """

    demand: np.ndarray
    pivot: np.ndarray
    response: np.ndarray
    leg: float
    met: np.ndarray


class Reach(NamedTuple):
    """Scratch space of a sweep, by position: cost of the cheapest and the dearest used way, and their last arcs."""

    low: np.ndarray
    high: np.ndarray
    low_arc: np.ndarray
    high_arc: np.ndarray


class Hot(NamedTuple):
    """What sweeps read and change of all bushes, close together: the positions that matter, and the arcs into them."""

    at: np.ndarray  # [bushes + 1, 2] first position and first arc
    node: np.ndarray  # by position
    first: np.ndarray  # by position, one more per bush: first arc, counted from that of the bush
    tail: np.ndarray  # by arc: position, counted from that of the bush
    link: np.ndarray
    flow: np.ndarray


@njit(cache=True)
def gather(bushes: Bushes, elastic: bool) -> Hot:
    """Copy out the positions that lead to a meeting of ways, or where demand is elastic to a destination."""
    n = len(bushes.group)
    at = np.zeros((n + 1, 2), np.int64)
    for b in range(n):
        positions = bushes.size[b, 0 if elastic else 2]
        at[b + 1, 0] = at[b, 0] + positions + 1
        at[b + 1, 1] = at[b, 1] + bushes.first[b, positions]
    node, first = np.empty(at[n, 0], np.int32), np.empty(at[n, 0], np.int32)
    tail, link, flow = np.empty(at[n, 1], np.int32), np.empty(at[n, 1], np.int32), np.empty(at[n, 1])
    for b in range(n):
        p, a = at[b]
        positions, arcs = at[b + 1, 0] - p - 1, at[b + 1, 1] - a
        copy_part(positions, bushes.node[b], node[p:])
        copy_part(positions + 1, bushes.first[b], first[p:])
        copy_part(arcs, bushes.tail[b], tail[a:])
        copy_part(arcs, bushes.link[b], link[a:])
        copy_part(arcs, bushes.flow[b], flow[a:])
    return Hot(at, node, first, tail, link, flow)


@njit(cache=True)
def scatter(hot: Hot, bushes: Bushes) -> None:
    """Copy the flows back."""
    for b in range(len(bushes.group)):
        s, e = hot.at[b, 1], hot.at[b + 1, 1]
        copy_part(e - s, hot.flow[s:], bushes.flow[b])


@njit(cache=True)
def make_reach(nodes: int) -> Reach:
    """Return scratch space."""
    return Reach(np.empty(nodes), np.empty(nodes), np.empty(nodes, np.int32), np.empty(nodes, np.int32))


@njit(cache=True)
def cost_and_slope(link: int, links: Links) -> tuple[float, float]:
    """Return what flow pays for a link, and its derivative; rounding may leave the flow a hair below zero."""
    bpr = links.bpr
    time0, rise, per_capacity, power = bpr[link, 0], bpr[link, 1], bpr[link, 2], bpr[link, 3]
    ratio = max(links.flow[link], 0.0) * per_capacity
    if links.form[link] == BPR:
        return bpr_time(ratio, time0, rise, per_capacity, power)
    value, first, second, _ = shape(ratio, rise / time0, power, links.form[link], links.curves)
    margin = links.margin
    return time0 * (value + margin * ratio * first), time0 * per_capacity * (first + margin * (first + ratio * second))


@njit(cache=True)
def refresh(which: np.ndarray, links: Links, times: np.ndarray) -> None:
    """Set cost and slope of the links `which` to their flows, and fill `times` with what flow pays for them."""
    bpr = links.bpr
    for j in range(len(which)):
        link = which[j]
        if bpr[link, 1] == 0.0:
            times[j] = bpr[link, 0]
            continue
        if links.form[link] == BPR:
            ratio = max(links.flow[link], 0.0) * bpr[link, 2]
            time, slope = bpr_time(ratio, bpr[link, 0], bpr[link, 1], bpr[link, 2], bpr[link, 3])
        else:
            time, slope = cost_and_slope(link, links)
        links.slope[link], times[j] = slope, time
        for k in range(len(links.cost)):
            links.cost[k, link] = time + links.fixed[k, link]


@njit(cache=True)
def fill_all(links: Links, time: np.ndarray, slope: np.ndarray) -> None:
    """Fill what flow pays for every link, and its derivative.

    All links are first taken for what most are, BPR with the power 4: that loop has no branch.
    """
    bpr, form, flow, others = links.bpr, links.form, links.flow, 0
    for link in range(len(flow)):
        ratio = (flow[link] if flow[link] > 0.0 else 0.0) * bpr[link, 2]
        cube = bpr[link, 1] * ratio * ratio * ratio
        time[link], slope[link] = bpr[link, 0] + cube * ratio, 4.0 * cube * bpr[link, 2]
        others += (form[link] != BPR) | (bpr[link, 3] != 4.0)
    for link in range(len(flow) if others > 0 else 0):
        if bpr[link, 1] == 0.0:
            time[link], slope[link] = bpr[link, 0], 0.0
        elif form[link] != BPR:
            time[link], slope[link] = cost_and_slope(link, links)
        elif bpr[link, 3] != 4.0:
            ratio = max(flow[link], 0.0) * bpr[link, 2]
            time[link], slope[link] = bpr_time(ratio, bpr[link, 0], bpr[link, 1], bpr[link, 2], bpr[link, 3])


@njit(cache=True)
def refresh_range(first: int, last: int, links: Links, time: np.ndarray) -> None:
    """Set cost and slope of the links from `first` to `last` to their flows, and `time` [links] to what flow pays."""
    part, slope = time[first:last], links.slope[first:last]
    some = Links(
        links.flow[first:last], links.cost, slope, links.fixed, links.bpr[first:last], links.form[first:last],
        links.curves, links.margin, links.mirror,
    )  # fmt: skip
    fill_all(some, part, slope)
    for k in range(len(links.cost)):
        cost, fixed = links.cost[k, first:last], links.fixed[k, first:last]
        for link in range(len(part)):
            cost[link] = part[link] + fixed[link]


@njit(cache=True)
def refresh_all(links: Links) -> None:
    """Set cost and slope of all links to their flows."""
    refresh_range(0, len(links.flow), links, np.empty(len(links.flow)))


@njit(cache=True)
def fill_times(which: np.ndarray, links: Links, time: np.ndarray) -> None:
    """Fill `time` with what flow pays for the links `which`; see `refresh`."""
    bpr = links.bpr
    for j in range(len(which)):
        link = which[j]
        if links.form[link] == BPR:
            ratio = max(links.flow[link], 0.0) * bpr[link, 2]
            time[j], _ = bpr_time(ratio, bpr[link, 0], bpr[link, 1], bpr[link, 2], bpr[link, 3])
        else:
            time[j], _ = cost_and_slope(link, links)


@njit(cache=True)
def _add_along(
    p: int, last: int, change: float, k: int, arc: np.ndarray, tail: np.ndarray, link: np.ndarray, flow: np.ndarray,
    links: Links,
) -> float:  # fmt: skip
    """Add `change` to the flows of the way that `arc` leads back from position `p` to `last`; return what it costs."""
    bpr, total, i = links.bpr, 0.0, p
    while i != last:
        a = arc[i]
        on = link[a]
        flow[a] += change
        links.flow[on] += links.mirror * change
        if bpr[on, 1] != 0.0:
            if links.form[on] == BPR:
                ratio = max(links.flow[on], 0.0) * bpr[on, 2]
                time, slope = bpr_time(ratio, bpr[on, 0], bpr[on, 1], bpr[on, 2], bpr[on, 3])
            else:
                time, slope = cost_and_slope(on, links)
            links.slope[on] = slope
            for c in range(len(links.cost)):
                links.cost[c, on] = time + links.fixed[c, on]
        total += links.cost[k, on]
        i = tail[a]
    return total


@njit(cache=True)
def sweep_bush(b: int, k: int, origin: int, hot: Hot, links: Links, desire: Desire, r: Reach) -> float:
    """Move flow of one bush from the dearest used to the cheapest way into every node; return the excess cost found.

    The bush is that of class `k` and `origin`.
    """
    p0, a0, p1, a1 = hot.at[b, 0], hot.at[b, 1], hot.at[b + 1, 0], hot.at[b + 1, 1]
    first, node = hot.first[p0:p1], hot.node[p0:p1]
    tail, link, flow = hot.tail[a0:a1], hot.link[a0:a1], hot.flow[a0:a1]
    cost = links.cost[k]
    low, high, low_arc, high_arc = r.low, r.high, r.low_arc, r.high_arc
    zones = desire.response.shape[1]
    low[0], high[0] = 0.0, 0.0
    excess = 0.0
    for p in range(1, len(first) - 1):
        s, e = first[p], first[p + 1]
        if e - s == 1:
            c = cost[link[s]]
            low[p], high[p] = low[tail[s]] + c, high[tail[s]] + c
            low_arc[p], high_arc[p] = s, s
        else:
            cheapest, dearest, least, most, total = s, -1, np.inf, -np.inf, 0.0
            for a in range(s, e):
                c = cost[link[a]]
                way = low[tail[a]] + c
                if way < least:
                    least, cheapest = way, a
                if flow[a] > 0.0:
                    excess += flow[a] * way
                    total += flow[a]
                    way = high[tail[a]] + c
                    if way > most:
                        most, dearest = way, a
            if dearest < 0:
                dearest, most = cheapest, high[tail[cheapest]] + cost[link[cheapest]]
            excess -= total * least
            low[p], high[p], low_arc[p], high_arc[p] = least, most, cheapest, dearest
            if cheapest != dearest:
                _equalise(p, k, first, tail, link, flow, cost, links, high, low_arc, high_arc)
                low[p] = low[tail[cheapest]] + cost[link[cheapest]]
                high[p] = high[tail[high_arc[p]]] + cost[link[high_arc[p]]]
        if zones > 0 and node[p] < zones:
            excess += _answer(p, k, origin, node[p], tail, link, flow, links, desire, r)
    return excess


@njit(cache=True, inline="always")
def _equalise(
    p: int, k: int, first: np.ndarray, tail: np.ndarray, link: np.ndarray, flow: np.ndarray, cost: np.ndarray,
    links: Links, high: np.ndarray, low_arc: np.ndarray, high_arc: np.ndarray,
) -> None:  # fmt: skip
    """Shift flow at position `p` by one Newton step between the two ways back to where they part."""
    a, c = high_arc[p], low_arc[p]
    i, j = tail[a], tail[c]
    extra = cost[link[a]] - cost[link[c]]
    steep = links.slope[link[a]] + links.slope[link[c]]
    most = flow[a]
    while i != j:
        if i > j:
            a = high_arc[i]
            i = tail[a]
            extra += cost[link[a]]
            steep += links.slope[link[a]]
            most = min(most, flow[a])
        else:
            c = low_arc[j]
            j = tail[c]
            extra -= cost[link[c]]
            steep += links.slope[link[c]]
    last, wanted = i, extra > 0.0 and most > 0.0
    move = min(most, extra / (links.mirror * steep)) if steep > 0.0 else most
    if wanted:
        _add_along(p, last, -move, k, high_arc, tail, link, flow, links)
    i = p if wanted else last
    while i != last:
        a = high_arc[i]
        if flow[a] <= 0.0:
            dearest = -np.inf
            for other in range(first[i], first[i + 1]):
                way = high[tail[other]] + cost[link[other]]
                if flow[other] > 0.0 and way > dearest:
                    dearest, high_arc[i] = way, other
        i = tail[a]
    if wanted:
        _add_along(p, last, move, k, low_arc, tail, link, flow, links)


@njit(cache=True)
def _answer(
    p: int, k: int, origin: int, zone: int, tail: np.ndarray, link: np.ndarray, flow: np.ndarray, links: Links,
    desire: Desire, r: Reach,
) -> float:  # fmt: skip
    """Change the demand met at position `p` by one Newton step; return the cost of the trips out of place.

    New trips take the cheapest way, trips given up leave the dearest used one. A step that goes too far is halved.
    """
    most, response = desire.demand[k, origin, zone], desire.response[k, origin, zone]
    if response == 0.0 or most == 0.0 or zone == origin:
        return 0.0
    pivot, leg, met = desire.pivot[k, origin, zone], desire.leg, desire.met[k, origin, zone]
    wanted, _ = answer(r.low[p], most, pivot, response, leg)
    off = abs(wanted - met) * r.low[p]
    arc = r.low_arc if wanted > met else r.high_arc
    spare, cost, steep = np.inf, 0.0, 0.0
    i = p
    while i != 0:
        a = arc[i]
        cost += links.cost[k, link[a]]
        steep += links.slope[link[a]]
        spare = min(spare, flow[a])
        i = tail[a]
    if cost < np.inf:
        fitting, bend = answer(cost, most, pivot, response, leg)
        short = fitting - met
        change = short / (1.0 - bend * steep * links.mirror)
        if wanted <= met:
            # no more than the cheapest way asks for: the dearest may only not be equalised yet
            change = max(change, -min(spare, met), wanted - met)
        elif change < 0.0:
            return off
        cost = _add_along(p, 0, change, k, arc, tail, link, flow, links)
        for _ in range(HALVINGS):
            fitting, _ = answer(cost, most, pivot, response, leg)
            if not too_far(short, fitting - (met + change)):
                break
            change *= 0.5
            cost = _add_along(p, 0, -change, k, arc, tail, link, flow, links)
        desire.met[k, origin, zone] = met + change
    return off
