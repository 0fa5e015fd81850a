"""The compiled equilibrium: Algorithm B on packed bushes.

Dial 2006, "A path-based user-equilibrium traffic assignment algorithm that obviates path storage and enumeration",
Transportation Research Part B 40, doi 10.1016/j.trb.2006.02.008. Registered as the numba variant of
``traffic.assignment``; see `assignment` for the problem.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, prange

from twin.kernels.traffic.bush import Bushes, Net, make_net, make_work, renew, settle, start_bush
from twin.kernels.traffic.shortest_path import tree

FOCUS = 5  # of so many sweeps one visits all bushes, the others those that could save most
SWEEPS = 60  # most sweeps over all bushes between two renewals
CHUNKS = 16  # bushes are renewed in this many parallel parts, whatever the number of threads
IGNORE = 0.01  # shortcuts that save less than this part of the last gap wait
ENOUGH = 0.02  # sweeps stop when the bushes could save this part of what the network could


class Links(NamedTuple):
    """The state of every link; `cost` is [classes, links]."""

    flow: np.ndarray
    cost: np.ndarray
    slope: np.ndarray
    fixed: np.ndarray
    bpr: np.ndarray  # [links, 4]: time at zero flow, that times alpha, one over capacity, power


@njit(cache=True)
def _time_and_slope(link: int, links: Links) -> tuple[float, float]:
    """Return the time of a link and its derivative; rounding may leave the flow a hair below zero."""
    time0, rise, per_capacity, power = links.bpr[link]
    ratio = max(links.flow[link], 0.0) * per_capacity
    if power == 4.0:
        cube = ratio * ratio * ratio
        return time0 + rise * cube * ratio, 4.0 * rise * cube * per_capacity
    if power == 0.0:
        return time0 + rise, 0.0
    if ratio == 0.0:
        return time0, rise * per_capacity if power == 1.0 else 0.0
    below = ratio ** (power - 1.0)
    return time0 + rise * below * ratio, power * rise * below * per_capacity


@njit(cache=True)
def _refresh(link: int, links: Links) -> None:
    """Set cost and slope of a link to its flow."""
    if links.bpr[link, 1] == 0.0:
        return
    time, slope = _time_and_slope(link, links)
    links.slope[link] = slope
    for k in range(len(links.cost)):
        links.cost[k, link] = time + links.fixed[k, link]


@njit(cache=True)
def _times(links: Links) -> np.ndarray:
    """Return the time of every link."""
    time = np.empty(len(links.flow))
    for link in range(len(time)):
        time[link], _ = _time_and_slope(link, links)
    return time


@njit(cache=True)
def _sweep_bush(
    b: int, bushes: Bushes, links: Links, low: np.ndarray, high: np.ndarray, low_arc: np.ndarray, high_arc: np.ndarray
) -> float:
    """Move flow of one bush from the dearest used to the cheapest way into every node; return the excess cost found."""
    first, tail, link, flow = bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
    cost = links.cost[bushes.group[b, 0]]
    low[0], high[0] = 0.0, 0.0
    excess = 0.0
    for p in range(1, bushes.size[b, 0]):
        s, e = first[p], first[p + 1]
        if e - s == 1:
            c = cost[link[s]]
            low[p], high[p] = low[tail[s]] + c, high[tail[s]] + c
            low_arc[p], high_arc[p] = s, s
            continue
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
            _equalise(p, first, tail, link, flow, cost, links, high, low_arc, high_arc)
            low[p] = low[tail[cheapest]] + cost[link[cheapest]]
            high[p] = high[tail[high_arc[p]]] + cost[link[high_arc[p]]]
    return excess


@njit(cache=True)
def _equalise(
    p: int, first: np.ndarray, tail: np.ndarray, link: np.ndarray, flow: np.ndarray, cost: np.ndarray, links: Links,
    high: np.ndarray,
    low_arc: np.ndarray, high_arc: np.ndarray,
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
    if extra <= 0.0 or most <= 0.0:
        return
    move = min(most, extra / steep) if steep > 0.0 else most
    last = i
    i = p
    while i != last:
        a = high_arc[i]
        flow[a] -= move
        links.flow[link[a]] -= move
        _refresh(link[a], links)
        if flow[a] <= 0.0:
            most = -np.inf
            for other in range(first[i], first[i + 1]):
                way = high[tail[other]] + cost[link[other]]
                if flow[other] > 0.0 and way > most:
                    most, high_arc[i] = way, other
        i = tail[a]
    j = p
    while j != last:
        c = low_arc[j]
        flow[c] += move
        links.flow[link[c]] += move
        _refresh(link[c], links)
        j = tail[c]


@njit(cache=True)
def _load(bushes: Bushes, link_flow: np.ndarray, links: Links) -> None:
    """Sum the arcs into class flows, and set all links to the totals."""
    link_flow[:] = 0.0
    for b in range(len(bushes.group)):
        flow, link, total = bushes.flow[b], bushes.link[b], link_flow[bushes.group[b, 0]]
        for a in range(bushes.first[b, bushes.size[b, 0]]):
            total[link[a]] += flow[a]
    for link in range(len(links.flow)):
        x = 0.0
        for k in range(len(link_flow)):
            x += link_flow[k, link]
        links.flow[link] = x
        _refresh(link, links)


@njit(cache=True, parallel=True)
def _start(
    bushes: Bushes, net: Net, links: Links, demand: np.ndarray, wide_start: np.ndarray, wide_head: np.ndarray
) -> None:
    """Make every bush the shortest-path tree."""
    nodes = len(net.start) - 1
    for part in prange(CHUNKS):
        w = make_work(nodes, len(net.head))
        heap, place = np.empty(nodes, np.int64), np.empty(nodes, np.int64)
        best, pred = np.empty(nodes), np.empty(nodes, np.int64)
        for b in range(part, len(bushes.group), CHUNKS):
            k, origin = bushes.group[b]
            tree(wide_start, wide_head, links.cost[k], origin, net.first_thru, best, pred, heap, place)
            start_bush(b, pred, best, demand[k, origin], net, bushes, w)


@njit(cache=True, parallel=True)
def _settle(bushes: Bushes, net: Net, demand: np.ndarray) -> None:
    for part in prange(CHUNKS):
        w = make_work(len(net.start) - 1, 1)
        for b in range(part, len(bushes.group), CHUNKS):
            settle(b, demand[bushes.group[b, 0], bushes.group[b, 1]], bushes, w)


@njit(cache=True, parallel=True)
def _renew(
    bushes: Bushes, net: Net, links: Links, demand: np.ndarray, tolerance: float, skim: np.ndarray, found: np.ndarray
) -> None:
    """Renew every bush; `found` [bushes, 3] gets what `renew` returns."""
    for part in prange(CHUNKS):
        w = make_work(len(net.start) - 1, len(net.head))
        for b in range(part, len(bushes.group), CHUNKS):
            k, origin = bushes.group[b]
            paid, excess, arcs = renew(b, links.cost[k], demand[k, origin], tolerance, net, bushes, w, skim[k, origin])
            found[b, 0], found[b, 1], found[b, 2] = paid, excess, arcs


@njit(cache=True)
def _grow(bushes: Bushes, arcs: int) -> Bushes:
    """Return the bushes with rows of `arcs` arcs."""
    rows, old = bushes.tail.shape
    tail, link, flow = np.zeros((rows, arcs), np.int32), np.zeros((rows, arcs), np.int32), np.zeros((rows, arcs))
    tail[:, :old], link[:, :old], flow[:, :old] = bushes.tail, bushes.link, bushes.flow
    return Bushes(bushes.group, bushes.size, bushes.node, bushes.first, tail, link, flow)


@njit(cache=True)
def _make_bushes(demand: np.ndarray, nodes: int, n_links: int) -> Bushes:
    """Return empty bushes, one per class and origin with demand to elsewhere."""
    classes, zones = demand.shape[0], demand.shape[1]
    group = np.empty((classes * zones, 2), np.int64)
    n = 0
    for k in range(classes):
        for origin in range(zones):
            for z in range(zones):
                if z != origin and demand[k, origin, z] > 0.0:
                    group[n, 0], group[n, 1] = k, origin
                    n += 1
                    break
    arcs = min(n_links, nodes + nodes // 2)
    return Bushes(
        group[:n].copy(),
        np.zeros((n, 2), np.int64),
        np.zeros((n, nodes), np.int32),
        np.zeros((n, nodes + 1), np.int32),
        np.zeros((n, arcs), np.int32),
        np.zeros((n, arcs), np.int32),
        np.zeros((n, arcs)),
    )


@njit(cache=True)
def _sweeps(bushes: Bushes, links: Links, nodes: int, enough: float) -> None:
    """Sweep over the bushes, one after the other, until they could save no more than `enough`.

    A few bushes hold most of what is left, since their own ways work against each other.
    """
    low, high = np.empty(nodes), np.empty(nodes)
    low_arc, high_arc = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    excess = np.empty(len(bushes.group))
    total = np.inf
    for s in range(SWEEPS):
        every = s % FOCUS == 0
        share = 0.5 * total / len(excess)
        for b in range(len(excess)):
            if every or excess[b] > share:
                excess[b] = _sweep_bush(b, bushes, links, low, high, low_arc, high_arc)
        total = excess.sum()
        if every and total <= enough:
            break


@njit(cache=True)
def _fill_skims(
    bushes: Bushes, link_start: np.ndarray, link_head: np.ndarray, links: Links, first_thru: int, skim: np.ndarray
) -> None:
    """Fill the skims of the origins without a bush."""
    nodes, zones = len(link_start) - 1, skim.shape[1]
    has_bush = np.zeros(skim.shape[:2], np.bool_)
    for b in range(len(bushes.group)):
        has_bush[bushes.group[b, 0], bushes.group[b, 1]] = True
    heap, place = np.empty(nodes, np.int64), np.empty(nodes, np.int64)
    best, pred = np.empty(nodes), np.empty(nodes, np.int64)
    for k in range(len(skim)):
        for origin in range(zones):
            if not has_bush[k, origin]:
                tree(link_start, link_head, links.cost[k], origin, first_thru, best, pred, heap, place)
                skim[k, origin] = best[:zones]


def assign_bushes(
    link_start: np.ndarray,
    link_head: np.ndarray,
    free_flow_time: np.ndarray,
    capacity: np.ndarray,
    alpha: np.ndarray,
    power: np.ndarray,
    fixed_cost: np.ndarray,
    demand: np.ndarray,
    first_thru: int,
    max_rounds: int,
    target_gap: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Algorithm B; arguments and results as for the reference.

    A round renews all bushes in parallel at fixed times, which also gives skims and gap, then sweeps over them one
    after the other: the same bits for any number of threads.
    """
    classes, zones, nodes, n_links = len(demand), demand.shape[1], len(link_start) - 1, len(link_head)
    net = make_net(link_start, link_head, first_thru)
    bpr = np.column_stack([free_flow_time, free_flow_time * alpha, 1.0 / capacity, power])
    links = Links(np.zeros(n_links), free_flow_time + fixed_cost, np.zeros(n_links), fixed_cost, bpr)
    link_flow = np.zeros((classes, n_links))
    skim = np.empty((classes, zones, zones))
    bushes = _make_bushes(demand, nodes, n_links)
    _start(bushes, net, links, demand, link_start, link_head)
    found = np.zeros((len(bushes.group), 3))
    gap = 0.0
    for done in range(max_rounds + 1):
        _settle(bushes, net, demand)
        _load(bushes, link_flow, links)
        _renew(bushes, net, links, demand, IGNORE * gap, skim, found)
        paid, excess, _ = found.sum(axis=0)
        gap = float(excess / paid) if paid > 0.0 else 0.0
        if gap <= target_gap or done == max_rounds:
            break
        arcs = found[:, 2].max()
        if arcs > bushes.tail.shape[1]:
            bushes = _grow(bushes, min(n_links, int(1.2 * arcs)))
        _sweeps(bushes, links, nodes, ENOUGH * excess)
    _fill_skims(bushes, link_start, link_head, links, first_thru, skim)
    return link_flow, _times(links), skim, gap
