"""User equilibrium by Algorithm B on packed bushes, from a cold start or from an earlier solution.

Dial 2006, "A path-based user-equilibrium traffic assignment algorithm that obviates path storage and enumeration",
Transportation Research Part B 40, doi 10.1016/j.trb.2006.02.008. Flow of fixed demand moves over pairs of ways that
bushes share (`bush_pairs`). Demand that answers cost is solved jointly: a bush holds, beside the flows of its arcs, the
demand met at its zones, and both move by Newton steps, bush after bush (`bush_sweep`).

The numba variants of ``traffic.assignment`` and ``traffic.elastic_assignment`` call `solve`, which is also what warm
starts and analyses use. The driver is plain Python: compiled functions that call parallel ones do not reload well from
Numba's cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from twin.kernels.traffic.bush import Bushes, make_bushes, make_net, number_of, origins_of
from twin.kernels.traffic.bush_pairs import rest
from twin.kernels.traffic.bush_reroute import start_empty_all
from twin.kernels.traffic.bush_sweep import Desire, Links, fill_all
from twin.kernels.traffic.equilibrium_steps import (
    carry,
    cost_paid,
    fill_skims,
    least_costs,
    load,
    renew_all,
    settle_and_load,
    start_all,
    sweeps,
    without,
)
from twin.kernels.traffic.first_flows import spread
from twin.kernels.traffic.hierarchy import build_hierarchy, first_passed
from twin.kernels.traffic.joint_newton import joint_steps, rounds_worth
from twin.kernels.traffic.link_cost import BPR, NO_CURVES
from twin.kernels.traffic.round_choice import Watch, next_rows
from twin.kernels.traffic.warm_adopt import Room, adopt, grow, other_trips
from twin.kernels.traffic.warm_rounds import BLOCKED, State, warm_rounds
from twin.kernels.traffic.zone_skims import Ways, fill_zone_skims, ways_by

MANY = 80  # bushes from which on a cold start of fixed demand goes by a hierarchy
IN_BLOCKS = 100  # bushes from which on sweeps go in blocks
FINE = 1e-7  # gap from which on they go one after the other: the mean of blocks is slow to settle
IGNORE = 0.01  # shortcuts that save less than this part of the last gap wait; of routes alone: demand may need them
FIRST, FIRST_SPREAD = 0.1, 1e-4  # flow moves before the first renewal to this part of the cost (see `first_flows`)
ENOUGH = 0.02  # sweeps stop when the bushes could save this part of what the network could
ALONE, ALONE_TO = 3, 0.1  # most rounds without the others, and part of the excess at which they come back
FINDS = 2  # most searches for pairs of ways in a round
ROUNDING = 1e-13  # costs that differ less are the same
FALL, FIRST_GAP = 1e3, 1e-4  # gaps seldom fall more in a round; what first flows by a hierarchy are taken to leave


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
    [classes, zones, zones], the relative gap, rounds, and the bushes, from which another problem may start: they
    must carry the flows, and where demand is fixed what is met.

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


def _make_bushes(demand: np.ndarray, nodes: int, n_links: int) -> Bushes:
    """Return empty bushes, one per class and origin with demand to elsewhere."""
    arcs = max(nodes, n_links // 2 + nodes // 10)
    return make_bushes(origins_of(demand), nodes, arcs, number_of(nodes, n_links))


def _met_before(problem: Problem, start: Solution, desire: Desire, all_reached: bool) -> np.ndarray:
    """Return the demand that a warm start holds at first: elastic demand as it was, all other as it is now.

    `all_reached`: whether there was a way between all zones in `start`.
    """
    met = problem.demand
    if desire.response.size:
        met = np.where((desire.response == 0.0) | (met == 0.0), met, start.od_flow)
    return met if all_reached else np.where(np.isfinite(start.skim), met, 0.0)


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
    pivot = response = np.zeros((len(problem.demand), 0, 0))
    if problem.pivot is not None and problem.response is not None and problem.response.any():
        pivot, response = problem.pivot, problem.response
    return Desire(problem.demand, pivot, response, problem.outside_leg, problem.demand.copy())


def solve(
    problem: Problem, target_gap: float, max_rounds: int, start: Solution | None = None,
    progress: Progress | None = None, room: Room | None = None,
) -> Solution:  # fmt: skip
    """Return the user equilibrium, or the system optimum where `problem.marginal` is set.

    A round renews the bushes in parallel at fixed times, then moves flow: of fixed demand over pairs of ways in a fixed
    order, of elastic demand by sweeps, over many bushes in a fixed number of blocks. Any number of threads gives the
    same bits.

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
    room : Room, optional
        Made of the bushes of `start`, for many problems that differ from that of `start` by closures alone. The next
        call overwrites the bushes of the solution.
    """
    closed = np.isinf(problem.fixed_cost)
    newly = np.zeros_like(closed) if start is None else closed & ~start.closed
    limit = 0.5 * BLOCKED if newly.any() else np.inf
    s, fresh = _before(problem, start, room, closed, newly)
    ways = _first_flows(problem, s, fresh, start is None)
    gap, done, moved = np.inf, 0, np.ones(len(s.bushes.group), np.bool_)
    if start is not None:
        changed = _changed(s, start, fresh)
        if s.desire.response.size == 0:
            s, moved, gap, done = _warm(s, start, changed, newly, target_gap, max_rounds, progress)
    if gap > target_gap:
        rows = _users(s.bushes, newly) if newly.any() and s.desire.response.size else np.arange(len(moved))
        stop = Stop(target_gap, max_rounds, limit, progress)
        s, gap, done = _rounds(s, ways, rows, done, start is not None, stop)
        moved[:] = True
        fill_skims(s.bushes, problem.link_start, problem.link_head, s.links, problem.first_thru, s.skim)
    if room is not None:
        room.note(s.bushes, moved)
    met, zones = s.desire.met, np.arange(s.skim.shape[1])
    met[:, zones, zones] = 0.0
    if s.skim.max(initial=0.0) >= min(limit, np.finfo(float).max):
        s.skim[s.skim >= limit] = np.inf
        met[np.isinf(s.skim)] = 0.0
    return Solution(s.link_flow, _times(problem, s.links), s.skim, met, gap, done, s.bushes, closed)


def _before(
    problem: Problem, start: Solution | None, room: Room | None, closed: np.ndarray, newly: np.ndarray
) -> tuple[State, np.ndarray]:
    """Return the state before the first flows, that of `start` where there is one, and the bushes that start anew."""
    net = make_net(problem.link_start, problem.link_head, problem.first_thru)
    links, desire = _links(problem, np.where(newly, BLOCKED, problem.fixed_cost)), _desire(problem)
    link_flow, skim = np.zeros_like(problem.fixed_cost), np.empty_like(problem.demand)
    if start is None:
        bushes = _make_bushes(desire.demand, len(problem.link_start) - 1, len(problem.link_head))
        return State(bushes, net, links, desire, link_flow, skim), np.arange(len(bushes.group))
    all_reached = bool(start.skim.max(initial=0.0) < np.inf)
    if room is not None:
        bushes, fresh = room.restored(), np.empty(0, np.int64)
    else:
        lost = np.zeros(desire.demand.shape[:2], np.bool_)
        if not all_reached:
            lost = (np.isinf(start.skim) & (problem.demand > 0.0)).any(axis=2)
        bushes, fresh = adopt(start.bushes, desire.demand, (start.closed & ~closed).any(axis=1), lost)
    met = _met_before(problem, start, desire, all_reached)
    if met is not problem.demand:
        desire.met[:] = met
    if len(fresh) > 0 or len(bushes.group) != len(start.bushes.group):
        load(bushes, link_flow, links)
    else:
        link_flow[:] = start.link_flow
        carry(link_flow, links)
    return State(bushes, net, links, desire, link_flow, skim), fresh


def _first_flows(problem: Problem, s: State, fresh: np.ndarray, cold: bool) -> Ways | None:
    """Give the bushes `fresh` their first flows; return the ways between zones that a cold start has found them by."""
    bushes, ways = s.bushes, None
    if len(bushes.group) >= MANY and cold and s.desire.response.size == 0:
        graph = problem.link_start, problem.link_head
        hierarchy = build_hierarchy(*graph, first_passed(*graph, problem.first_thru, problem.demand.shape[1]))
        spread(hierarchy, s.net, bushes, s.desire.demand, s.desire.met, s.links)
        ways = ways_by(hierarchy, problem.demand.shape[1])
    elif len(fresh) > 0:
        start_all(len(fresh), fresh, bushes, s.net, s.links, s.desire)
    if 0 < len(fresh) == len(bushes.group):
        if ways is None:
            settle_and_load(fresh, bushes, s.desire.met, s.link_flow, s.links)
        else:
            load(bushes, s.link_flow, s.links)
        enough = (FIRST if ways is None else FIRST_SPREAD) * cost_paid(s.link_flow, s.links)
        if s.desire.response.size == 0:
            rest(fresh, bushes, s.links, np.zeros(len(fresh), np.bool_), enough, FINDS)
        else:
            together = len(bushes.group) >= IN_BLOCKS
            sweeps(bushes, s.links, s.desire, len(s.net.start) - 1, np.full(len(fresh), np.inf), enough, together)
    return ways


def _changed(s: State, start: Solution, fresh: np.ndarray) -> np.ndarray:
    """Return which bushes are `fresh` or have other trips than in `start`, ready for these: bool [bushes]."""
    changed = other_trips(s.bushes.group, s.desire.met, start.od_flow)
    changed[fresh] = True
    if changed.any():
        stuck = np.zeros(len(changed), np.bool_)
        rows = np.flatnonzero(changed)
        start_empty_all(len(rows), rows, s.links.cost, s.desire.met, s.bushes, stuck)
        rows = np.flatnonzero(stuck)
        start_all(len(rows), rows, s.bushes, s.net, s.links, s.desire)
    return changed


def _warm(
    s: State, start: Solution, changed: np.ndarray, newly: np.ndarray, target_gap: float, max_rounds: int,
    progress: Progress | None,
) -> tuple[State, np.ndarray, float, int]:  # fmt: skip
    """Go on from the bushes of `start` with fixed demand; return the state, the bushes changed, gap and rounds."""
    if changed.any():
        rows = np.flatnonzero(changed)
        settle_and_load(rows, s.bushes, s.desire.met, s.link_flow, s.links)
    s, moved, gap, done = warm_rounds(s, newly, target_gap, max_rounds, progress)
    if done == 0 and np.allclose(s.skim, start.skim, rtol=ROUNDING, atol=0.0):
        s.skim[:] = start.skim
    return s, moved | changed, gap, done


class Stop(NamedTuple):
    """When rounds end, and who hears of them; skims of `limit` and above are of places cut off."""

    target_gap: float
    max_rounds: int
    limit: float
    progress: Progress | None


def _rounds(
    s: State, ways: Ways | None, rows: np.ndarray, first: int, aside: bool, stop: Stop
) -> tuple[State, float, int]:
    """Renew the bushes and move flow within them, from round `first` and the bushes `rows` on, to the gap asked for.

    `aside`: bushes that hold little of the excess may be left out for a while. With `ways`, the gap of fixed
    demand is checked by skims before bushes are renewed, once it may be there. Where rounds stall all flow moves
    together.
    """
    bushes, net, links, desire, link_flow, skim = s
    found, every = np.zeros((len(bushes.group), 3)), np.arange(len(bushes.group))
    gap, detours, whole, moved = 0.0, 0.0, (-ALONE, np.inf), np.zeros(len(every), np.bool_)
    watch = Watch(rounds_worth(bushes))
    for done in range(first, stop.max_rounds + 1):
        settle_and_load(rows, bushes, desire.met, link_flow, links)
        if ways is not None and (gap if done > first else FIRST_GAP) <= FALL * stop.target_gap:
            gap = _gap_of_skims(ways, bushes.group, desire.met, links, link_flow, skim)
            if gap <= stop.target_gap:
                if stop.progress:
                    stop.progress(done, gap)
                break
        if done == stop.max_rounds:
            rows = every
        renew_all(len(rows), rows, bushes, net, links, desire, IGNORE * detours, skim, found, True)
        paid, excess = cost_paid(link_flow, links), float(found[:, 0].sum())
        gap, detours = (excess / paid, float(found[:, 2].sum()) / paid) if paid > 0.0 else (0.0, 0.0)
        if stop.progress:
            stop.progress(done, gap)
        lost = _cut_off(skim, desire, stop.limit, bushes.group[rows])
        if lost.any():
            desire = without(desire, lost)
            continue
        if len(rows) == len(every) and (gap <= stop.target_gap or done == stop.max_rounds):
            break
        if gap <= stop.target_gap:
            rows = every
            continue
        if found[:, 1].max() > bushes.tail.shape[1]:
            bushes = grow(bushes, min(len(links.flow), int(1.2 * found[:, 1].max())))
        if desire.response.size == 0:
            rest(every, bushes, links, moved, stop.target_gap * paid, FINDS)
        else:
            together = len(every) >= IN_BLOCKS and gap > FINE
            sweeps(bushes, links, desire, len(net.start) - 1, found[:, 0].copy(), ENOUGH * excess, together)
        if gap > ROUNDING and watch.stalls(excess):
            settle_and_load(every, bushes, desire.met, link_flow, links)
            joint_steps(bushes, links, desire)
            rows = every
            continue
        if len(rows) == len(every):
            whole = (done, excess)
        if aside:
            rows = next_rows(rows, found[:, 0], done - whole[0] < ALONE and excess > ALONE_TO * whole[1])
    return s._replace(bushes=bushes, desire=desire), gap, done


def _users(bushes: Bushes, newly: np.ndarray) -> np.ndarray:
    """Return the bushes that hold a link of `newly` [classes, links]."""
    return np.array(
        [
            b
            for b, (k, _) in enumerate(bushes.group)
            if newly[k, bushes.link[b, : bushes.first[b, bushes.size[b, 1]]]].any()
        ],
        np.int64,
    )


def _cut_off(skim: np.ndarray, desire: Desire, limit: float, groups: np.ndarray) -> np.ndarray:
    """Return the demand that a closure has cut off, of the classes and origins `groups`: bool, as `skim`."""
    lost = np.zeros(skim.shape if limit < np.inf else 0, bool)
    if lost.size:
        lost[groups[:, 0], groups[:, 1]] = skim[groups[:, 0], groups[:, 1]] >= limit
        lost &= (desire.met > 0.0) & ~np.eye(skim.shape[1], dtype=bool)
    return lost


def _gap_of_skims(
    ways: Ways, group: np.ndarray, met: np.ndarray, links: Links, link_flow: np.ndarray, skim: np.ndarray
) -> float:
    """Return the relative gap of fixed demand without a look at the bushes; fill the skims."""
    paid = cost_paid(link_flow, links)
    fill_zone_skims(ways, links.cost, skim)
    return max(0.0, (paid - float(least_costs(group, met, skim).sum())) / paid) if paid > 0.0 else 0.0


def _times(problem: Problem, links: Links) -> np.ndarray:
    """Return the travel time of every link, tolls left out."""
    if problem.marginal:
        plain = _links(problem._replace(marginal=False), problem.fixed_cost)
        plain.flow[:] = links.flow
        links = plain
    time = np.empty(len(links.flow))
    fill_all(links, time, np.empty(len(time)))
    return time
