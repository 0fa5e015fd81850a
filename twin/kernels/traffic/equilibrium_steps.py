"""The compiled steps of a round of Algorithm B, over all bushes; `equilibrium` drives them."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.kernels.dot import dot
from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.threads import over_threads, over_threads_from
from twin.kernels.traffic.bush import HEAVY, LIGHT, Bushes, Net, make_work, nodes_each, settle
from twin.kernels.traffic.bush_renew import renew
from twin.kernels.traffic.bush_start import make_heap, start_bush
from twin.kernels.traffic.bush_sweep import (
    Desire,
    Hot,
    Links,
    gather,
    make_reach,
    refresh_all,
    scatter,
    sweep_bush,
)  # fmt: skip
from twin.kernels.traffic.demand_law import answer
from twin.kernels.traffic.shortest_path import tree

FOCUS = 5  # of so many sweeps one visits all bushes, the others those that could save most
SWEEPS = 60  # most sweeps over all bushes between two renewals
PARTS = 8  # bushes are settled and summed in so many parts, whatever the number of threads
BLOCKS = 2  # bushes are swept in this many parallel parts, whatever the number of threads


def _nodes_of_part(*args: Any) -> int:
    """Return how many nodes the bushes of a part have."""
    bushes = next(a for a in args if isinstance(a, Bushes))
    return int(bushes.node.size) // PARTS


@njit(cache=True, inline="always")
def _add(b: int, bushes: Bushes, total: np.ndarray) -> None:
    """Add the flow of bush `b` to that of the links."""
    flow, link = bushes.flow[b], bushes.link[b]
    for a in range(bushes.first[b, bushes.size[b, 0]]):
        total[ix(link[a])] += flow[a]


@over_threads_from(LIGHT, _nodes_of_part)
@njit(cache=True, nogil=True)
def _sum_parts(
    begin: int, end: int, unsettled: np.ndarray, bushes: Bushes, met: np.ndarray, flows: np.ndarray
) -> None:  # fmt: skip
    """Fill `flows` [parts, classes, links] with the sums of each part of the bushes; settle those `unsettled` first."""
    w, count = make_work(bushes.node.shape[1], 1), len(bushes.group)
    flows[begin:end] = 0.0
    for part in range(begin, end):
        for b in range(count * part // PARTS, count * (part + 1) // PARTS):
            if unsettled[b]:
                settle(b, met[bushes.group[b, 0], bushes.group[b, 1]], bushes, w)
            _add(b, bushes, flows[part, bushes.group[b, 0]])


@njit(cache=True)
def _take(flows: np.ndarray, link_flow: np.ndarray) -> None:
    """Sum the parts into class flows."""
    for k in range(len(link_flow)):
        for link in range(link_flow.shape[1]):
            own = 0.0
            for part in range(PARTS):
                own += flows[part, k, link]
            link_flow[k, link] = own


@njit(cache=True)
def carry(link_flow: np.ndarray, links: Links) -> None:
    """Set all links to the totals of class flows [classes, links]."""
    links.flow[:] = 0.0
    for k in range(len(link_flow)):
        for link in range(len(links.flow)):
            links.flow[link] += link_flow[k, link]
    refresh_all(links)


@njit(cache=True)
def add_rows(rows: np.ndarray, times: float, bushes: Bushes, link_flow: np.ndarray) -> None:
    """Add so many times the flows of the bushes `rows` to class flows [classes, links]."""
    for b in rows:
        total, flow, link = link_flow[bushes.group[b, 0]], bushes.flow[b], bushes.link[b]
        for a in range(bushes.first[b, bushes.size[b, 0]]):
            total[ix(link[a])] += times * flow[a]


def load(bushes: Bushes, link_flow: np.ndarray, links: Links) -> None:
    """Sum the arcs into class flows [classes, links], and set all links to the totals."""
    settle_and_load(np.zeros(0, np.int64), bushes, np.zeros((0, 0, 0)), link_flow, links)


def settle_and_load(
    rows: np.ndarray, bushes: Bushes, met: np.ndarray, link_flow: np.ndarray, links: Links
) -> None:  # fmt: skip
    """Settle the bushes `rows` to the demand met, and `load`."""
    unsettled, flows = np.zeros(len(bushes.group), np.bool_), np.empty((PARTS, *link_flow.shape))
    unsettled[rows] = True
    _sum_parts(PARTS, unsettled, bushes, met, flows)
    _take(flows, link_flow)
    carry(link_flow, links)


@over_threads_from(HEAVY, nodes_each)
@njit(cache=True, nogil=True)
def start_all(begin: int, end: int, rows: np.ndarray, bushes: Bushes, net: Net, links: Links, desire: Desire) -> None:
    """Start the bushes `rows` at present costs, which their demand met answers."""
    zones, elastic, met = desire.demand.shape[1], desire.response.shape[1] > 0, desire.met
    w, heap = make_work(len(net.start) - 1, len(net.head)), make_heap(len(net.head))
    for i in range(begin, end):
        k, origin = bushes.group[rows[i]]
        start_bush(rows[i], links.cost[k], desire.demand[k, origin], net, bushes, w, heap)
        for z in range(zones):
            if w.best[z] == np.inf or z == origin:
                met[k, origin, z] = 0.0
            elif not elastic:
                met[k, origin, z] = desire.demand[k, origin, z]
            else:
                law = (desire.demand[k, origin, z], desire.pivot[k, origin, z], desire.response[k, origin, z])
                met[k, origin, z], _ = answer(w.best[z], law[0], law[1], law[2], desire.leg)


@over_threads_from(HEAVY, nodes_each)
@njit(cache=True, nogil=True)
def renew_all(
    begin: int, end: int, rows: np.ndarray, bushes: Bushes, net: Net, links: Links, desire: Desire, tolerance: float,
    skim: np.ndarray, found: np.ndarray, settled: bool,
) -> None:  # fmt: skip
    """Renew the bushes `rows`; `found` [bushes, 3] gets what `renew` returns, trips out of place with their cost.

    The last column holds the excess without these trips. Bushes that are not `settled` are settled first: crumbs on
    dear ways would bar shortcuts.
    """
    zones = desire.response.shape[1]
    w = make_work(len(net.start) - 1, len(net.head))
    for i in range(begin, end):
        b = rows[i]
        k, origin = bushes.group[b]
        row = skim[k, origin]
        if not settled:
            settle(b, desire.met[k, origin], bushes, w)
        excess, arcs = renew(b, links.cost[k], desire.demand[k, origin], tolerance, net, bushes, w, row)
        found[b, 2] = excess
        for z in range(zones):
            if z != origin and desire.response[k, origin, z] != 0.0 and row[z] < np.inf:
                law = (desire.demand[k, origin, z], desire.pivot[k, origin, z], desire.response[k, origin, z])
                wanted, _ = answer(row[z], law[0], law[1], law[2], desire.leg)
                excess += abs(wanted - desire.met[k, origin, z]) * row[z]
        found[b, 0], found[b, 1] = excess, arcs


@over_threads
@njit(cache=True, nogil=True)
def _sweep_blocks(
    begin: int, end: int, group: np.ndarray, hot: Hot, links: Links, desire: Desire, nodes: int, excess: np.ndarray,
    flows: np.ndarray,
) -> None:  # fmt: skip
    for block in range(begin, end):
        own = Links(
            links.flow.copy(),
            links.cost.copy(),
            links.slope.copy(),
            links.fixed,
            links.bpr,
            links.form,
            links.curves,
            links.margin,
            float(BLOCKS),
        )
        reach = make_reach(nodes)
        for b in range(block, len(excess), BLOCKS):
            excess[b] = sweep_bush(b, group[b, 0], group[b, 1], hot, own, desire, reach)
        flows[block] = own.flow


@njit(cache=True)
def _take_mean(flows: np.ndarray, links: Links) -> None:
    for link in range(len(links.flow)):
        x = 0.0
        for block in range(BLOCKS):
            x += flows[block, link]
        links.flow[link] = x / BLOCKS
    refresh_all(links)


@njit(cache=True)
def _sweep_some(
    group: np.ndarray, hot: Hot, links: Links, desire: Desire, nodes: int, excess: np.ndarray, share: float, times: int
) -> None:
    """Sweep over the bushes whose excess is above `share`, one after the other."""
    reach = make_reach(nodes)
    for _ in range(times):
        for b in range(len(excess)):
            if excess[b] > share:
                excess[b] = sweep_bush(b, group[b, 0], group[b, 1], hot, links, desire, reach)


def sweeps(
    bushes: Bushes, links: Links, desire: Desire, nodes: int, excess: np.ndarray, enough: float, together: bool
) -> None:  # fmt: skip
    """Sweep over the bushes until they could save no more than `enough`; all of them in blocks where `together`.

    Blocks start at the same flows, and the mean of theirs is taken. A few bushes hold most of what is left, since their
    own ways work against each other: they get more sweeps.
    """
    total, group, hot = excess.sum(), bushes.group, gather(bushes, desire.response.shape[1] > 0)
    for s in range(SWEEPS // FOCUS):
        if s > 0 or total < np.inf:
            _sweep_some(group, hot, links, desire, nodes, excess, 0.5 * total / len(excess), FOCUS - 1)
        if together:
            flows = np.empty((BLOCKS, len(links.flow)))
            _sweep_blocks(BLOCKS, group, hot, links, desire, nodes, excess, flows)
            _take_mean(flows, links)
        else:
            _sweep_some(group, hot, links, desire, nodes, excess, -np.inf, 1)
        total = excess.sum()
        if total <= enough:
            break
    scatter(hot, bushes)


@njit(cache=True)
def fill_skims(
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


def without(desire: Desire, lost: np.ndarray) -> Desire:
    """Return the demand laws without the trips that are `lost` [classes, zones, zones]; none of them is met."""
    desire.met[lost] = 0.0
    return desire._replace(demand=np.where(lost, 0.0, desire.demand))


@njit(cache=True)
def cost_paid(link_flow: np.ndarray, links: Links) -> float:
    """Return the generalised cost of all flow [classes, links]; closed links without any count nothing."""
    total = 0.0
    for k in range(len(link_flow)):
        for link in range(len(links.flow)):
            if link_flow[k, link] > 0.0:
                total += link_flow[k, link] * links.cost[k, link]
    return total


@njit(cache=True, inline="always")
def _least_of(met: np.ndarray, skim: np.ndarray) -> float:
    """Return what the demand met [zones] of one origin pays on cheapest paths."""
    total = dot(met, skim)
    if np.isnan(total):  # nobody goes where no way leads: zero times infinity
        total = 0.0
        for z in range(len(met)):
            total += met[z] * skim[z] if met[z] > 0.0 else 0.0
    return total


@njit(cache=True)
def least_costs(group: np.ndarray, met: np.ndarray, skim: np.ndarray) -> np.ndarray:
    """Return what the demand met [classes, zones, zones] of each `group` [bushes, 2] pays on cheapest paths."""
    least = np.empty(len(group))
    for b in range(len(group)):
        least[b] = _least_of(met[group[b, 0], group[b, 1]], skim[group[b, 0], group[b, 1]])
    return least
