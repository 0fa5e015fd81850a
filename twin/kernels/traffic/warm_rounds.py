"""Rounds of a warm start: look at all bushes, but renew only those that pay too much.

A change in one street leaves most bushes as they are. Least costs between all zones come from a contraction hierarchy
(`skim`), which is far cheaper than renewing every bush; they tell what each bush pays above them, and with that how far
all are from the equilibrium. Flow moves over pairs of ways (`bush_pairs`), which bushes that are not renewed keep from
round to round. `equilibrium` drives this, and goes on in its own way where these rounds come to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.threads import over_threads_from
from twin.kernels.traffic.bush import LIGHT, Bushes, Net, nodes_each
from twin.kernels.traffic.bush_pairs import rest, rest_again
from twin.kernels.traffic.bush_reroute import reroute_all, users
from twin.kernels.traffic.bush_sweep import Desire, Hot, Links, make_reach, sweep_bush
from twin.kernels.traffic.equilibrium_steps import (
    add_rows,
    carry,
    cost_paid,
    least_costs,
    load,
    renew_all,
    settle_and_load,
    without,
)
from twin.kernels.traffic.pair_search import Pairs, exchanged, find_pairs
from twin.kernels.traffic.warm_adopt import grow
from twin.kernels.traffic.zone_skims import Ways, fill_zone_skims, ways_of

BLOCKED = 1e12  # minutes; what a warm start charges on links that were open, until nobody is left on them
SWEEPS = 2  # over the bushes that used a closed link
REROUTES = 40  # most renewals until nobody is left on a closed link
IGNORE = 0.03  # shortcuts that save less than this part of the last gap wait
LEAVE = 0.05  # bushes that could save no more than this part of what all could wait
CLOSE, NEAR = 0.8, 100.0  # or than this part of the target, where all could save no more than so many times that
FINDS = 2  # most searches for pairs among the bushes renewed in a round
SLOW, PATIENCE = 0.5, 4  # rounds that leave more than this part of the gap, before others go on


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


@njit(cache=True, inline="always")
def _charge(arcs: int, flow: np.ndarray, link: np.ndarray, cost: np.ndarray) -> float:
    """Return what the flow of the first `arcs` pays, by four sums: one alone would wait for every addition."""
    w, x, y, z, whole = 0.0, 0.0, 0.0, 0.0, arcs - arcs % 4
    for a in range(0, whole, 4):
        w += flow[a] * cost[ix(link[a])]
        x += flow[a + 1] * cost[ix(link[a + 1])]
        y += flow[a + 2] * cost[ix(link[a + 2])]
        z += flow[a + 3] * cost[ix(link[a + 3])]
    for a in range(whole, arcs):
        w += flow[a] * cost[ix(link[a])]
    total = (w + x) + (y + z)
    if np.isnan(total):  # zero times infinity on closed links
        total = 0.0
        for a in range(arcs):
            total += flow[a] * cost[ix(link[a])] if flow[a] > 0.0 else 0.0
    return total


@over_threads_from(LIGHT, nodes_each)
@njit(cache=True, nogil=True)
def _look(begin: int, end: int, bushes: Bushes, links: Links, least: np.ndarray, excess: np.ndarray) -> None:
    """Fill `excess` [bushes] with what each pays more than the `least` [bushes] that its trips could."""
    for b in range(begin, end):
        arcs, cost = ix(bushes.first[b, bushes.size[b, 0]]), links.cost[bushes.group[b, 0]]
        excess[b] = max(0.0, _charge(arcs, bushes.flow[b], bushes.link[b], cost) - least[b])


def _lacking(excess: np.ndarray, allowed: float) -> np.ndarray:
    """Return the fewest bushes without which the `excess` [bushes] of the others is no more than `allowed`."""
    order = np.argsort(excess, kind="stable")
    waiting = int(np.searchsorted(np.cumsum(excess[order]), allowed, side="right"))
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
    add_rows(rows, -1.0, s.bushes, s.link_flow)
    reroute_all(len(rows), rows, s.links.cost, newly, 0.5 * BLOCKED, s.desire.demand, s.desire.met, s.net, s.bushes)
    add_rows(rows, 1.0, s.bushes, s.link_flow)
    rows = users(used, s.bushes, newly)
    if len(rows) == 0:
        s.link_flow[newly] = 0.0  # to the last digit
    carry(s.link_flow, s.links)
    for _ in range(REROUTES if len(rows) > 0 else 0):
        renew_all(len(rows), rows, s.bushes, s.net, s.links, s.desire, 0.0, s.skim, found, False)
        _sweep_rows(rows, s.bushes, s.links, s.desire, SWEEPS)
        # A crumb behind a closed link, where all others have gone another way, would count with what that is charged.
        settle_and_load(rows, s.bushes, s.desire.met, s.link_flow, s.links)
        rows = users(used, s.bushes, newly)
        if len(rows) == 0:
            break
    return used


def _drop_lost(s: State, newly: np.ndarray, ways: Ways, moved: np.ndarray) -> State:
    """Drop the demand between places that closing `newly` [classes, links] cuts off; mark its bushes in `moved`."""
    if not no_way_round(newly, s.links.cost, 0.5 * BLOCKED, s.net):
        return s
    fill_zone_skims(ways, np.where(newly, np.inf, s.links.cost), s.skim)
    lost = np.isinf(s.skim) & (s.desire.met > 0.0) & ~np.eye(len(ways.zones), dtype=bool)
    if lost.any():
        s = s._replace(desire=without(s.desire, lost))
        group = s.bushes.group
        moved |= lost.any(axis=2)[group[:, 0], group[:, 1]]
        rows = np.flatnonzero(moved)
        settle_and_load(rows, s.bushes, s.desire.met, s.link_flow, s.links)
    return s


def _paid(s: State) -> float:
    """Return the generalised cost of all flow."""
    if len(s.link_flow) == 1:
        s.link_flow[0] = s.links.flow
    else:
        load(s.bushes, s.link_flow, s.links)
    return cost_paid(s.link_flow, s.links)


def _renew_some(
    s: State, rows: np.ndarray, tolerance: float, allowed: float, wanted: float, moved: np.ndarray
) -> tuple[State, Pairs]:  # fmt: skip
    """Renew the bushes `rows` and move flow within them, if they could save more than `allowed`; return their pairs."""
    found = np.zeros((len(moved), 3))
    renew_all(len(rows), rows, s.bushes, s.net, s.links, s.desire, tolerance, s.skim, found, False)
    if found[:, 1].max() > s.bushes.tail.shape[1]:
        s = s._replace(bushes=grow(s.bushes, min(len(s.links.flow), int(1.2 * found[:, 1].max()))))
    if float(found[:, 0].sum()) > allowed:
        return s, rest(rows, s.bushes, s.links, moved, wanted, FINDS)
    return s, find_pairs(rows, s.bushes, s.links, found[:, 0])


def warm_rounds(
    s: State, newly: np.ndarray, target_gap: float, max_rounds: int, progress: Callable[[int, float], None] | None
) -> tuple[State, np.ndarray, float, int]:
    """Bring bushes to the equilibrium of fixed demand; return the state, the bushes changed, the gap and the rounds.

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
    links, every, moved = s.links, np.arange(len(s.bushes.group)), np.zeros(len(s.bushes.group), np.bool_)
    ways = ways_of(s.net.start.tobytes(), s.net.head.tobytes(), s.net.first_thru, s.skim.shape[1])
    pairs: Pairs | None = None
    if newly.any():
        s = _drop_lost(s, newly, ways, moved)
        left = _leave_closed(s, newly, moved)
        if len(left) > 0:
            wanted = target_gap * _paid(s)
            rest(left, s.bushes, links, moved, wanted, 1)
            pairs = rest(every, s.bushes, links, moved, wanted, 1)
    last, slow, done, excesses = np.inf, 0, 0, np.zeros(len(every))
    while True:
        paid = _paid(s)
        wanted = target_gap * paid
        fill_zone_skims(ways, np.where(newly, np.inf, links.cost), s.skim)
        least = least_costs(s.bushes.group, s.desire.met, s.skim)
        excess = paid - float(least.sum())
        gap = max(0.0, excess / paid) if paid > 0.0 else 0.0
        if progress:
            progress(done, gap)
        slow += gap > SLOW * last
        if gap <= target_gap or done == max_rounds or slow > PATIENCE:
            break
        _look(len(every), s.bushes, links, least, excesses)
        allowed = CLOSE * wanted if excess <= NEAR * wanted else LEAVE * excess
        last, rows = gap, _lacking(excesses, allowed)
        moved[rows] = True
        s, renewed = _renew_some(s, rows, IGNORE * gap, allowed, wanted, moved)
        if pairs is None:
            pairs = rest(every, s.bushes, links, moved, wanted, 1)
        else:
            pairs = exchanged(pairs, renewed, rows, s.bushes)
            rest_again(pairs, s.bushes, links, moved, wanted)
        done += 1
    load(s.bushes, s.link_flow, links)
    return s, moved, gap, done
