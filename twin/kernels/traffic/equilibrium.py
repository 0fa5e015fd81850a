"""User equilibrium by Algorithm B on packed bushes, from a cold start or from an earlier solution.

Dial 2006, "A path-based user-equilibrium traffic assignment algorithm that obviates path storage and enumeration",
Transportation Research Part B 40, doi 10.1016/j.trb.2006.02.008. Demand that answers cost is solved jointly: a bush
holds, beside the flows of its arcs, the demand met at its zones, and both move by Newton steps (`bush_sweep`).

The numba variants of ``traffic.assignment`` and ``traffic.elastic_assignment`` call `solve`, which is also what warm
starts and analyses use. The driver is plain Python: compiled functions that call parallel ones do not reload well from
Numba's cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit, prange

from twin.kernels.traffic.bush import Bushes, Net, make_heap, make_net, make_work, renew, settle, start_bush
from twin.kernels.traffic.bush_sweep import Desire, Links, cost_and_slope, make_reach, refresh, sweep_bush
from twin.kernels.traffic.demand_law import answer
from twin.kernels.traffic.link_cost import BPR, NO_CURVES
from twin.kernels.traffic.shortest_path import tree

FOCUS = 5  # of so many sweeps one visits all bushes, the others those that could save most
SWEEPS = 60  # most sweeps over all bushes between two renewals
MANY = 100  # bushes from which on sweeps go in blocks
FINE = 1e-7  # gap from which on they go one after the other: the mean of blocks is slow to settle
BLOCKS = 2  # bushes are swept in this many parallel parts, whatever the number of threads
CHUNKS = 16  # bushes are renewed in this many parallel parts, whatever the number of threads
IGNORE = 0.01  # shortcuts that save less than this part of the last gap wait
FIRST = 0.1  # sweeps before the first renewal stop at this part of the cost
ENOUGH = 0.02  # sweeps stop when the bushes could save this part of what the network could
BLOCKED = 1e12  # minutes; what a warm start charges on links that were open, until nobody is left on them


class Problem(NamedTuple):
    """What is to be solved; networks are forward stars (see `shortest_path`), zones are nodes 0 .. zones - 1.

    Parameters
    ----------
    link_start, link_head : int64 [nodes + 1], [links]
    free_flow_time, capacity, alpha, power : float64 [links]
        Minutes, and passenger-car units per hour; see `link_cost`.
    fixed_cost : float64 [classes, links]
        Minutes; infinite where the link is closed to the class.
    demand : float64 [classes, zones, zones]
        Passenger-car units per hour; the diagonal is not assigned.
    first_thru : int
        Nodes below it are not passed through.
    form : int64 [links]
        Of the link's time function; see `link_cost`.
    curves : float64 [curves, pieces, 5]
    pivot, response : float64 [classes, zones, zones]
        Demand laws (see `demand_law`), or [classes, 0, 0] where all demand is fixed.
    outside_leg : float
    marginal : bool
        Travellers pay what they cost all others too: the system optimum (Pigou 1920).
    """

    link_start: np.ndarray
    link_head: np.ndarray
    free_flow_time: np.ndarray
    capacity: np.ndarray
    alpha: np.ndarray
    power: np.ndarray
    fixed_cost: np.ndarray
    demand: np.ndarray
    first_thru: int
    form: np.ndarray | None = None
    curves: np.ndarray = NO_CURVES
    pivot: np.ndarray | None = None
    response: np.ndarray | None = None
    outside_leg: float = 0.0
    marginal: bool = False


class Solution(NamedTuple):
    """An equilibrium: flows [classes, links], travel times [links], generalised costs and demand met
    [classes, zones, zones], the relative gap, rounds, and the bushes, from which another problem may start.

    Costs are those that travellers answer: with `Problem.marginal` they hold the marginal-cost tolls.
    """  # noqa: D205

    link_flow: np.ndarray
    link_time: np.ndarray
    skim: np.ndarray
    od_flow: np.ndarray
    relative_gap: float
    rounds: int
    bushes: Bushes
    closed: np.ndarray


Progress = Callable[[int, float], None]


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
        refresh(link, links)


@njit(cache=True, parallel=True)
def _start(rows: np.ndarray, bushes: Bushes, net: Net, links: Links, desire: Desire) -> None:
    """Start the bushes `rows` at present costs, which their demand answers."""
    zones, elastic = desire.demand.shape[1], desire.response.shape[1] > 0
    for part in prange(CHUNKS):
        w, heap = make_work(len(net.start) - 1, len(net.head)), make_heap(len(net.head))
        for i in range(part, len(rows), CHUNKS):
            k, origin = bushes.group[rows[i]]
            start_bush(rows[i], links.cost[k], desire.demand[k, origin], net, bushes, w, heap)
            for z in range(zones):
                if w.best[z] == np.inf or z == origin:
                    desire.met[k, origin, z] = 0.0
                elif elastic:
                    law = (desire.demand[k, origin, z], desire.pivot[k, origin, z], desire.response[k, origin, z])
                    desire.met[k, origin, z], _ = answer(w.best[z], law[0], law[1], law[2], desire.leg)


@njit(cache=True, parallel=True)
def _settle(bushes: Bushes, net: Net, met: np.ndarray) -> None:
    for part in prange(CHUNKS):
        w = make_work(len(net.start) - 1, 1)
        for b in range(part, len(bushes.group), CHUNKS):
            settle(b, met[bushes.group[b, 0], bushes.group[b, 1]], bushes, w)


@njit(cache=True, parallel=True)
def _renew(
    bushes: Bushes, net: Net, links: Links, desire: Desire, tolerance: float, skim: np.ndarray, found: np.ndarray
) -> None:
    """Renew every bush; `found` [bushes, 3] gets what `renew` returns, trips out of place counted with their cost."""
    zones = desire.response.shape[1]
    for part in prange(CHUNKS):
        w = make_work(len(net.start) - 1, len(net.head))
        for b in range(part, len(bushes.group), CHUNKS):
            k, origin = bushes.group[b]
            row = skim[k, origin]
            paid, excess, arcs = renew(b, links.cost[k], desire.demand[k, origin], tolerance, net, bushes, w, row)
            for z in range(zones):
                if z != origin and desire.response[k, origin, z] != 0.0 and row[z] < np.inf:
                    law = (desire.demand[k, origin, z], desire.pivot[k, origin, z], desire.response[k, origin, z])
                    wanted, _ = answer(row[z], law[0], law[1], law[2], desire.leg)
                    excess += abs(wanted - desire.met[k, origin, z]) * row[z]
            found[b, 0], found[b, 1], found[b, 2] = paid, excess, arcs


@njit(cache=True, parallel=True)
def _sweep_all(bushes: Bushes, links: Links, desire: Desire, nodes: int, excess: np.ndarray) -> None:
    """Sweep over all bushes in `BLOCKS` blocks at once; each starts at the same flows, and their mean is taken."""
    flows = np.empty((BLOCKS, len(links.flow)))
    for block in prange(BLOCKS):
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
            excess[b] = sweep_bush(b, bushes, own, desire, reach)
        flows[block] = own.flow
    for link in range(len(links.flow)):
        x = 0.0
        for block in range(BLOCKS):
            x += flows[block, link]
        links.flow[link] = x / BLOCKS
        refresh(link, links)


@njit(cache=True)
def _sweep_some(
    bushes: Bushes, links: Links, desire: Desire, nodes: int, excess: np.ndarray, share: float, rounds: int
) -> None:
    """Sweep over the bushes whose excess is above `share`, one after the other."""
    reach = make_reach(nodes)
    for _ in range(rounds):
        for b in range(len(excess)):
            if excess[b] > share:
                excess[b] = sweep_bush(b, bushes, links, desire, reach)


def _sweeps(bushes: Bushes, links: Links, desire: Desire, nodes: int, enough: float, together: bool) -> None:
    """Sweep over the bushes until they could save no more than `enough`; all of them in blocks where `together`.

    A few bushes hold most of what is left, since their own ways work against each other: they get more sweeps.
    """
    excess = np.full(len(bushes.group), np.inf)
    for _ in range(SWEEPS // FOCUS):
        if together:
            _sweep_all(bushes, links, desire, nodes, excess)
        else:
            _sweep_some(bushes, links, desire, nodes, excess, -np.inf, 1)
        total = excess.sum()
        if total <= enough:
            break
        _sweep_some(bushes, links, desire, nodes, excess, 0.5 * total / len(excess), FOCUS - 1)


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


def _make_bushes(demand: np.ndarray, nodes: int, n_links: int, arcs: int = 0) -> Bushes:
    """Return empty bushes, one per class and origin with demand to elsewhere."""
    off_diagonal = demand * (1.0 - np.eye(demand.shape[1]))
    group = np.argwhere((off_diagonal > 0.0).any(axis=2))
    n, arcs = len(group), max(arcs, nodes, n_links // 2 + nodes // 10)
    return Bushes(
        group.astype(np.int64),
        np.zeros((n, 3), np.int64),
        np.zeros((n, nodes), np.int32),
        np.zeros((n, nodes + 1), np.int32),
        np.zeros((n, arcs), np.int32),
        np.zeros((n, arcs), np.int32),
        np.zeros((n, arcs)),
    )


def _grow(bushes: Bushes, arcs: int) -> Bushes:
    """Return the bushes with rows of `arcs` arcs."""
    wide = [np.zeros((len(a), arcs), a.dtype) for a in bushes[4:]]
    for new, old in zip(wide, bushes[4:], strict=True):
        new[:, : old.shape[1]] = old
    return Bushes(*bushes[:4], *wide)


def _adopt(bushes: Bushes, start: Solution, closed: np.ndarray) -> np.ndarray:
    """Copy the bushes of an earlier solution; return the rows that must start anew.

    Those are of classes and origins that had none, and, where links have opened, those that did not reach all nodes.
    """
    old = start.bushes
    row_of = {(int(k), int(o)): i for i, (k, o) in enumerate(old.group)}
    rows = np.array([row_of.get((int(k), int(o)), -1) for k, o in bushes.group], np.int64)
    opened = (start.closed & ~closed).any(axis=1)
    partial = (old.size[rows, 1] < bushes.node.shape[1]) & opened[bushes.group[:, 0]]
    anew = (rows < 0) | partial
    for new, before in zip(bushes[1:], old[1:], strict=True):
        new[~anew, : before.shape[1]] = before[rows[~anew]]
    return np.flatnonzero(anew)


def _links(problem: Problem, fixed: np.ndarray) -> Links:
    n = len(problem.link_head)
    form = np.zeros(n, np.int64) if problem.form is None else problem.form.astype(np.int64)
    alpha = np.where(form == BPR, problem.alpha * (1.0 + problem.power * problem.marginal), problem.alpha)
    alpha = np.where(form > 2, 1.0, alpha)
    time0 = problem.free_flow_time
    bpr = np.column_stack([time0, time0 * alpha, 1.0 / problem.capacity, problem.power])
    return Links(
        np.zeros(n), time0 + fixed, np.zeros(n), fixed, bpr, form, problem.curves, float(problem.marginal), 1.0
    )


def _desire(problem: Problem) -> Desire:
    none = np.zeros((len(problem.demand), 0, 0))
    elastic = problem.response is not None and problem.pivot is not None and bool(problem.response.any())
    pivot, response = (problem.pivot, problem.response) if elastic else (none, none)
    return Desire(problem.demand.copy(), pivot, response, problem.outside_leg, problem.demand.copy())


def solve(
    problem: Problem, target_gap: float, max_rounds: int, start: Solution | None = None,
    progress: Progress | None = None,
) -> Solution:  # fmt: skip
    """Return the user equilibrium, or the system optimum where `problem.marginal` is set.

    A round renews all bushes in parallel at fixed times, which also gives skims and gap, then sweeps over them one
    after the other: the same bits for any number of threads.

    Parameters
    ----------
    problem : Problem
    target_gap : float
        Stop when ``(cost paid - cheapest cost of the same trips + cost of trips out of place) / cost paid`` is at
        most this; trips are out of place by how far the demand met is from its law at the cheapest cost.
    max_rounds : int
    start : Solution, optional
        Of a problem with the same links and nodes; costs, closures and demand may differ.
    progress : callable, optional
        Called with the round and its gap.
    """
    nodes, n_links = len(problem.link_start) - 1, len(problem.link_head)
    closed = np.isinf(problem.fixed_cost)
    newly = np.zeros_like(closed) if start is None else closed & ~start.closed
    fixed = np.where(newly, BLOCKED, problem.fixed_cost)
    limit = 0.5 * BLOCKED if newly.any() else np.inf
    net = make_net(problem.link_start, problem.link_head, problem.first_thru)
    links, desire = _links(problem, fixed), _desire(problem)
    link_flow, skim = np.zeros_like(problem.fixed_cost), np.empty_like(problem.demand)
    bushes = _make_bushes(problem.demand, nodes, n_links, 0 if start is None else start.bushes.tail.shape[1])
    rows, many = np.arange(len(bushes.group)), len(bushes.group) >= MANY
    if start is not None:
        rows = _adopt(bushes, start, closed)
        desire.met[:] = np.where(start.skim < np.inf, start.od_flow if desire.response.size else problem.demand, 0.0)
        _load(bushes, link_flow, links)
    _start(rows, bushes, net, links, desire)
    if len(rows) == len(bushes.group):
        _settle(bushes, net, desire.met)
        _load(bushes, link_flow, links)
        _sweeps(bushes, links, desire, nodes, FIRST * _paid(link_flow, links), many)
    found = np.zeros((len(bushes.group), 3))
    gap = 0.0
    for done in range(max_rounds + 1):
        _settle(bushes, net, desire.met)
        _load(bushes, link_flow, links)
        _renew(bushes, net, links, desire, IGNORE * gap, skim, found)
        paid, excess, _ = found.sum(axis=0)
        gap = float(excess / paid) if paid > 0.0 else 0.0
        if progress:
            progress(done, gap)
        if (gap <= target_gap or done == max_rounds) and not _cut_off(skim, desire, limit):
            break
        if found[:, 2].max() > bushes.tail.shape[1]:
            bushes = _grow(bushes, min(n_links, int(1.2 * found[:, 2].max())))
        _sweeps(bushes, links, desire, nodes, ENOUGH * excess, many and gap > FINE)
    _fill_skims(bushes, problem.link_start, problem.link_head, links, problem.first_thru, skim)
    skim[skim >= limit] = np.inf
    met = np.where(np.isfinite(skim), desire.met, 0.0) * (1.0 - np.eye(skim.shape[1]))
    return Solution(link_flow, _times(problem, links), skim, met, gap, done, bushes, closed)


def _cut_off(skim: np.ndarray, desire: Desire, limit: float) -> bool:
    """Drop the demand between places that a closure has cut off; return whether there was any."""
    lost = (skim >= limit) & (desire.met > 0.0) & ~np.eye(skim.shape[1], dtype=bool) & (limit < np.inf)
    desire.met[lost] = 0.0
    desire.demand[lost] = 0.0
    return bool(lost.any())


def _paid(link_flow: np.ndarray, links: Links) -> float:
    """Return the generalised cost of all flow."""
    return float(np.sum(link_flow * np.where(link_flow > 0.0, links.cost, 0.0)))


def _times(problem: Problem, links: Links) -> np.ndarray:
    """Return the travel time of every link, tolls left out."""
    plain = _links(problem._replace(marginal=False), problem.fixed_cost)
    plain.flow[:] = links.flow
    return _cost_of_all(plain)


@njit(cache=True)
def _cost_of_all(links: Links) -> np.ndarray:
    time = np.empty(len(links.flow))
    for link in range(len(time)):
        time[link], _ = cost_and_slope(link, links)
    return time
