"""Rounds of a warm start: look at all bushes, but renew only those that lack a shorter way.

A change in one street leaves most bushes as they are. Least costs between all zones come from a contraction hierarchy
(`skim`), which is far cheaper than renewing every bush; they tell which bushes lack ways and how far all are from the
equilibrium. Flow moves over pairs of ways (`bush_pairs`). `equilibrium` drives this, and goes on in its own way where
these rounds come to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.threads import over_threads_from
from twin.kernels.traffic.bush import LIGHT, Bushes, Net, copy_part, nodes_each
from twin.kernels.traffic.bush_pairs import rest
from twin.kernels.traffic.bush_reroute import reroute_all, users
from twin.kernels.traffic.bush_sweep import Desire, Hot, Links, make_reach, sweep_bush
from twin.kernels.traffic.equilibrium_steps import cost_paid, least_cost, load, renew_all, settle_and_load
from twin.kernels.traffic.warm_adopt import grow
from twin.kernels.traffic.zone_skims import Ways, fill_zone_skims, ways_of

BLOCKED = 1e12  # minutes; what a warm start charges on links that were open, until nobody is left on them
SWEEPS = 2  # over the bushes that used a closed link
REROUTES = 40  # most renewals until nobody is left on a closed link
IGNORE = 0.03  # shortcuts that save less than this part of the last gap wait
LEAVE = 0.02  # bushes that lack no more than this part of what all lack wait
CLOSE, NEAR = 0.3, 100.0  # or than this part of the target, where all lack no more than so many times that
FINDS, FINDS_ALL = 3, 1  # most searches for pairs in a round, among the bushes renewed and among all
SLOW, PATIENCE = 0.5, 4  # rounds that leave more than this part of the gap, before others go on
FIRST_GAP = 1e-4  # what a closure is taken to make of it, until skims tell


@njit(cache=True)
def no_way_round(newly: np.ndarray, cost: np.ndarray, limit: float, net: Net) -> bool:
    """Return whether some link of `newly` [classes, links] has no way round it over links that cost less than `limit`.

    Where all have one, closing them cuts nobody off.
    """
    queue, seen, stamp = np.empty(len(net.start), np.int32), np.full(len(net.start), -1), 0
    for k in range(len(newly)):
        for link in range(len(net.head)):
            if not newly[k, link]:
                continue
            queue[0], seen[net.tail[link]], stamp = net.tail[link], stamp, stamp + 1
            ahead, behind, goal = 0, 1, net.head[link]
            while ahead < behind and seen[goal] != stamp - 1:
                u = queue[ahead]
                ahead += 1
                if u < net.first_thru and ahead > 1:
                    continue
                for n in range(net.start[u], net.start[u + 1]):
                    v = net.head[n]
                    if cost[k, n] < limit and seen[v] != stamp - 1:
                        seen[v] = stamp - 1
                        queue[behind] = v
                        behind += 1
            if seen[goal] != stamp - 1:
                return True
    return False


@njit(cache=True)
def _sweep_rows(rows: np.ndarray, bushes: Bushes, links: Links, desire: Desire, times: int) -> None:
    """Sweep over the bushes `rows`, one after the other."""
    reach = make_reach(bushes.node.shape[1])
    for _ in range(times):
        for b in rows:
            positions = bushes.size[b, 2]
            arcs = bushes.first[b, positions]
            hot = Hot(
                np.array([[0, 0], [positions + 1, arcs]]),
                bushes.node[b],
                bushes.first[b],
                bushes.tail[b],
                bushes.link[b],
                bushes.flow[b],
            )
            sweep_bush(0, bushes.group[b, 0], bushes.group[b, 1], hot, links, desire, reach)


@njit(cache=True)
def _look_at(
    b: int, bushes: Bushes, cost: np.ndarray, met: np.ndarray, skim: np.ndarray, low: np.ndarray
) -> tuple[float, float]:
    """Return what the flow of bush `b` could save within it, and what the cheapest ways outside it would add.

    The rows `met` and `skim` end with zeros for all nodes that are no zones; `low` (by position) is scratch space.
    """
    node, first, tail, link, flow = bushes.node[b], bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
    live, meeting = bushes.size[b, 0], bushes.size[b, 2]
    within, beyond, other = 0.0, 0.0, len(met) - 1
    low[0] = 0.0
    for p in range(1, meeting):
        s, e = ix(first[p]), ix(first[p + 1])
        if e == s + 1:
            low[p] = low[ix(tail[s])] + cost[ix(link[s])]
            continue
        least = np.inf
        for a in range(s, e):
            way = low[ix(tail[a])] + cost[ix(link[a])]
            least = way if way < least else least
        low[p] = least
        for a in range(s, e):
            if flow[a] > 0.0:
                within += flow[a] * (low[ix(tail[a])] + cost[ix(link[a])] - least)
    for p in range(1, meeting):
        z = ix(min(node[p], other))
        more = low[p] - skim[z]
        beyond += met[z] * (more if more > 0.0 else 0.0)
    for p in range(max(1, meeting), live):  # one arc into each
        a, z = ix(first[p]), ix(min(node[p], other))
        low[p] = low[ix(tail[a])] + cost[ix(link[a])]
        more = low[p] - skim[z]
        beyond += met[z] * (more if more > 0.0 else 0.0)
    if np.isnan(beyond):  # nobody goes where no way leads: zero times infinity
        beyond = 0.0
        for p in range(1, live):
            z = min(node[p], other)
            if met[z] > 0.0:
                beyond += met[z] * max(0.0, low[p] - skim[z])
    return within, beyond


@over_threads_from(LIGHT, nodes_each)
@njit(cache=True, nogil=True)
def _look(
    begin: int, end: int, bushes: Bushes, links: Links, met: np.ndarray, skim: np.ndarray, found: np.ndarray
) -> None:
    """Fill `found` [bushes, 2] with what each could save within itself, and on cheapest ways outside it."""
    low, zones = np.empty(bushes.node.shape[1]), met.shape[2]
    trips, least = np.zeros(zones + 1), np.zeros(zones + 1)
    for b in range(begin, end):
        k, origin = bushes.group[b]
        copy_part(zones, met[k, origin], trips)
        copy_part(zones, skim[k, origin], least)
        found[b] = _look_at(b, bushes, links.cost[k], trips, least, low)


def _lacking(beyond: np.ndarray, allowed: float) -> np.ndarray:
    """Return the fewest bushes without which the others lack no more than `allowed`."""
    order = np.argsort(beyond, kind="stable")
    waiting = int(np.searchsorted(np.cumsum(beyond[order]), allowed, side="right"))
    return np.sort(order[waiting:])


class State(NamedTuple):
    """What a solution is made of while it is worked on; see `Bushes`, `Net`, `Links` and `Desire`."""

    bushes: Bushes
    net: Net
    links: Links
    desire: Desire
    link_flow: np.ndarray
    skim: np.ndarray


def _leave_closed(s: State, newly: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Take links of `newly` [classes, links] out of the bushes that use them, mark these in `moved` and return them.

    Where that fails at once, they are renewed and swept until none uses them.
    """
    found = np.empty((len(moved), 3))
    rows = used = users(np.arange(len(moved)), s.bushes, newly)
    moved[used] = True
    reroute_all(len(rows), rows, s.links.cost, newly, 0.5 * BLOCKED, s.desire.demand, s.desire.met, s.net, s.bushes)
    load(s.bushes, s.link_flow, s.links)
    for _ in range(REROUTES):
        rows = users(used, s.bushes, newly)
        if len(rows) == 0:
            break
        renew_all(len(rows), rows, s.bushes, s.net, s.links, s.desire, 0.0, s.skim, found, False)
        _sweep_rows(rows, s.bushes, s.links, s.desire, SWEEPS)
        # A crumb behind a closed link, where all others have gone another way, would count with what that is charged.
        settle_and_load(rows, s.bushes, s.desire.met, s.link_flow, s.links)
    return used


def _drop_lost(s: State, newly: np.ndarray, ways: Ways, moved: np.ndarray) -> None:
    """Drop the demand between places that closing `newly` [classes, links] cuts off; mark its bushes in `moved`."""
    if not no_way_round(newly, s.links.cost, 0.5 * BLOCKED, s.net):
        return
    desire = s.desire
    fill_zone_skims(ways, np.where(newly, np.inf, s.links.cost), s.skim)
    lost = np.isinf(s.skim) & (desire.met > 0.0) & ~np.eye(len(ways.zones), dtype=bool)
    if lost.any():
        desire.met[lost] = 0.0
        desire.demand[lost] = 0.0
        group = s.bushes.group
        moved |= lost.any(axis=2)[group[:, 0], group[:, 1]]
        rows = np.flatnonzero(moved)
        settle_and_load(rows, s.bushes, s.desire.met, s.link_flow, s.links)


def _paid(s: State) -> float:
    """Return the generalised cost of all flow."""
    if len(s.link_flow) == 1:
        s.link_flow[0] = s.links.flow
    else:
        load(s.bushes, s.link_flow, s.links)
    return cost_paid(s.link_flow, s.links)


def _renew_some(
    s: State, rows: np.ndarray, tolerance: float, allowed: float, wanted: float, moved: np.ndarray
) -> State:  # fmt: skip
    """Renew the bushes `rows` and move flow within them, unless they could save no more than `allowed`."""
    found = np.zeros((len(moved), 3))
    renew_all(len(rows), rows, s.bushes, s.net, s.links, s.desire, tolerance, s.skim, found, False)
    if found[:, 1].max() > s.bushes.tail.shape[1]:
        s = s._replace(bushes=grow(s.bushes, min(len(s.links.flow), int(1.2 * found[:, 1].max()))))
    if float(found[:, 0].sum()) > allowed:
        rest(rows, s.bushes, s.links, moved, wanted, FINDS)
    return s


def warm_rounds(
    s: State, newly: np.ndarray, target_gap: float, max_rounds: int, progress: Callable[[int, float], None] | None
) -> tuple[Bushes, np.ndarray, float, int]:
    """Bring the bushes to the equilibrium of fixed demand; return them, which have changed, the gap and the rounds.

    Stops short of `target_gap` where that goes slowly. Flows, times and skims are then those of the gap.

    Parameters
    ----------
    s : State
        Changed in place; `links` at the flows of the bushes.
    newly : bool [classes, links]
        Closed, but with flow still on them.
    target_gap, max_rounds, progress
        As for `equilibrium.solve`.
    """
    links = s.links
    every, moved = np.arange(len(s.bushes.group)), np.zeros(len(s.bushes.group), np.bool_)
    found = np.zeros((len(every), 2))
    ways = ways_of(s.net.start.tobytes(), s.net.head.tobytes(), s.net.first_thru, s.skim.shape[1])
    rows = every[:0]
    if newly.any():
        _drop_lost(s, newly, ways, moved)
        rows = _leave_closed(s, newly, moved)
    gap, last, slow, done = FIRST_GAP, np.inf, 0, 0
    allowed = LEAVE * FIRST_GAP * _paid(s)
    while True:
        paid = _paid(s)
        wanted = target_gap * paid
        if done > 0 or len(rows) == 0 or max_rounds == 0:  # else first come those that left a closed link
            fill_zone_skims(ways, np.where(newly, np.inf, links.cost), s.skim)
            excess = paid - least_cost(s.desire.met, s.skim)
            if abs(excess) > wanted:
                _look(len(every), s.bushes, links, s.desire.met, s.skim, found)
                excess = float(found.sum())
            gap = max(0.0, excess / paid) if paid > 0.0 else 0.0
            if progress:
                progress(done, gap)
            slow += gap > SLOW * last
            if gap <= target_gap or done == max_rounds or slow > PATIENCE:
                break
            beyond = float(found[:, 1].sum())
            allowed = CLOSE * wanted if beyond <= NEAR * wanted else LEAVE * beyond
            last, rows = gap, _lacking(found[:, 1], allowed)
            moved[rows] = True
        else:
            rest(rows, s.bushes, links, moved, wanted, 1)
        s = _renew_some(s, rows, IGNORE * gap, allowed, wanted, moved)
        rest(every, s.bushes, links, moved, wanted, FINDS_ALL)
        done += 1
    load(s.bushes, s.link_flow, links)
    return s.bushes, moved, gap, done
