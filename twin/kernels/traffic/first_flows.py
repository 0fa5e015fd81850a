"""First link flows of an assignment: a mix of all-or-nothing loads, and the bushes that it spreads the trips over.

Simplicial decomposition (von Hohenbalken 1977, doi 10.1007/BF01584323): all trips are loaded on cheapest paths at the
costs of the present mix, and the weights of the loads are set anew (`load_weights`). Some steps bring link costs near
those of equilibrium. The trees of the loads that count, and those at the last costs, then make the first bush of every
origin, its trips divided among them by weight. Links that do not lead away from the origin at the last costs are left
out. Trees are not stored: labelling a batch of origins again is cheap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.team import NONE, close_team, next_piece, opened, over_team, staying, take_piece
from twin.kernels.threads import over_threads
from twin.kernels.traffic.all_or_nothing import (
    PARTS,
    PIECES,
    Room,
    batches_of,
    lead_load,
    least_costs,
    load_piece,
    make_room,
    trips_of,
)
from twin.kernels.traffic.bush import Bushes, Net, make_work, settle
from twin.kernels.traffic.bush_start import make_heap, start_bush
from twin.kernels.traffic.bush_sweep import Links
from twin.kernels.traffic.first_bushes import Ways, add_tree, bush_of_shares, finish_shares, make_sketch
from twin.kernels.traffic.hierarchy import Hierarchy, Metric, customize
from twin.kernels.traffic.load_weights import Mix, drop_unused, lead_mix, make_mix, mix_piece

LOADS = 11  # all-or-nothing loads
COUNTS = 0.06  # weight from which a load counts for the bushes
TINY = 1e-30  # weight of the trees at the last costs: part of the bushes, without flow where other trees are
LEAST = 1e-7  # least cost of a link, as part of the mean: labels grow along every link


@njit(cache=True)
def _pad(links: Links, padded: np.ndarray) -> None:
    """Fill `padded` [classes, links] with the costs of the links, all above zero."""
    total, finite = 0.0, 0
    for k in range(len(links.cost)):
        for link in range(len(links.flow)):
            if links.cost[k, link] < np.inf:
                total += links.cost[k, link]
                finite += 1
    least = max(LEAST * total / finite, 1e-300) if finite > 0 else 1.0
    for k in range(len(links.cost)):
        for link in range(len(links.flow)):
            padded[k, link] = max(links.cost[k, link], least)


@njit(cache=True)
def _take_load(number: int, loads: int, flow: np.ndarray, mix: Mix, links: Links) -> None:
    """Make the flow [classes, links] the last of the loads; only the first of all has a weight."""
    load, extra = mix.load[loads - 1], 0.0
    load[:] = 0.0
    for k in range(len(flow)):
        for link in range(len(load)):
            load[link] += flow[k, link]
            extra += flow[k, link] * links.fixed[k, link] if flow[k, link] > 0.0 else 0.0
    mix.number[loads - 1], mix.extra[loads - 1], mix.weight[loads - 1] = number, extra, 1.0 if loads == 1 else 0.0


class Stage(NamedTuple):
    """How far a decomposition is: one number each, for all members of the team."""

    base: np.ndarray  # pieces that were open before the present load
    number: np.ndarray  # of the present load
    loads: np.ndarray  # in the mix


@over_team
@njit(cache=True, nogil=True)
def _decompose(
    member: int, team: np.ndarray, batches: np.ndarray, group: np.ndarray, trips: np.ndarray, h: Hierarchy,
    link_cost: np.ndarray, up: np.ndarray, down: np.ndarray, room: Room, mix: Mix, links: Links, stage: Stage,
) -> None:  # fmt: skip
    """Load all trips at present costs, and mix that load with those before, again and again.

    `link_cost` [loads, classes, links], `up` and `down` [loads, classes, arcs] get the costs of each load.
    """
    while member > 0 and staying(team):
        piece = take_piece(member, team)
        while piece != NONE:
            at, now = piece - stage.base[0], stage.number[0]
            if at < PIECES:
                load_piece(at, batches, group, trips, h, Metric(link_cost[now], up[now], down[now]), room)
            else:
                mix_piece(at - PIECES, stage.loads[0], mix, links)
            piece = next_piece(member, team)
    if member > 0:
        return
    for now in range(LOADS):
        stage.base[0], stage.number[0], loads = opened(team), now, stage.loads[0] + 1
        stage.loads[0] = loads
        _pad(links, link_cost[now])
        metric = Metric(link_cost[now], up[now], down[now])
        lead_load(team, stage.base[0], batches, group, trips, h, metric, room)
        _take_load(now, loads, room.flow[0], mix, links)
        lead_mix(team, stage.base[0] + PIECES, loads, mix, links)
        stage.loads[0] = drop_unused(loads, mix)
    close_team(team)


def _metrics_and_weights(
    h: Hierarchy, batches: np.ndarray, group: np.ndarray, demand: np.ndarray, links: Links
) -> tuple[list[Metric], np.ndarray]:
    """Set all links to a mix of loads; return the costs of every load that counts, and its weight."""
    classes, n, arcs = len(demand), len(links.flow), len(h.arc_head)
    mix, stage = make_mix(LOADS, n), Stage(*np.zeros((3, 1), np.int64))
    metrics = np.empty((LOADS, classes, n)), np.empty((LOADS, classes, arcs)), np.empty((LOADS, classes, arcs))
    room, trips = make_room(classes, n, arcs), trips_of(batches, group, demand)
    _decompose(PARTS, batches, group, trips, h, *metrics, room, mix, links, stage)
    used = np.flatnonzero(mix.weight[: stage.loads[0]] > COUNTS)
    return [Metric(*(costs[i] for costs in metrics)) for i in mix.number[used]], mix.weight[used]


@njit(cache=True)
def _turn(table: np.ndarray, turned: np.ndarray) -> None:
    """Fill `turned` with the transpose of `table`."""
    for r in range(len(table)):
        for i in range(len(turned)):
            turned[i, r] = table[r, i]


@njit(cache=True)
def _spread_part(
    part: int, batches: np.ndarray, h: Hierarchy, link_cost: np.ndarray, up: np.ndarray,
    down: np.ndarray, weight: np.ndarray, net: Net, ways: Ways, bushes: Bushes, demand: np.ndarray, met: np.ndarray,
) -> None:  # fmt: skip
    nodes, n, last, lanes = len(net.start) - 1, len(net.head), len(weight) - 1, batches.shape[1]
    w, heap, sketch = make_work(nodes, n), make_heap(n), make_sketch(nodes, n)
    label, above, origins = np.empty((nodes, lanes)), np.empty(nodes, np.uint8), np.empty(lanes, np.int64)
    best, share, best_row, share_row = (
        np.empty((nodes, lanes)), np.empty((n, lanes)), np.empty((lanes, nodes)), np.empty((lanes, n)),
    )  # fmt: skip
    guess = bushes.node[0, :0]
    for batch in range(part, len(batches), PARTS):
        k = bushes.group[batches[batch, 0], 0]
        share[:] = 0.0
        for i in range(lanes):
            b = batches[batch, i]
            origins[i] = bushes.group[b, 1] if b >= 0 else -1
        for load in range(len(weight)):
            least_costs(origins, h, link_cost[load, k], up[load, k], down[load, k], label, above)
            if load < last:
                add_tree(ways, link_cost[load, k], weight[load], label, share)
        finish_shares(origins, ways, link_cost[last, k], weight[last], label, share, best)
        _turn(best, best_row)
        _turn(share, share_row)
        for i in range(lanes):
            b, o = batches[batch, i], origins[i]
            if b < 0:
                continue
            for z in range(demand.shape[1]):
                met[k, o, z] = demand[k, o, z] if z != o and best_row[i, z] < np.inf else 0.0
            if not bush_of_shares(b, met[k, o], ways, best_row[i], share_row[i], guess, bushes, sketch):
                start_bush(b, link_cost[last, k], demand[k, o], net, bushes, w, heap)
                settle(b, met[k, o], bushes, w)
            guess = bushes.node[b, : bushes.size[b, 1]]


@over_threads
@njit(cache=True, nogil=True)
def _spread_all(
    begin: int, end: int, batches: np.ndarray, h: Hierarchy, link_cost: np.ndarray,
    up: np.ndarray, down: np.ndarray, weight: np.ndarray, net: Net, ways: Ways, bushes: Bushes, demand: np.ndarray,
    met: np.ndarray,
) -> None:  # fmt: skip
    for part in range(begin, end):
        _spread_part(part, batches, h, link_cost, up, down, weight, net, ways, bushes, demand, met)


def spread(h: Hierarchy, net: Net, bushes: Bushes, demand: np.ndarray, met: np.ndarray, links: Links) -> None:
    """Start all bushes with fixed `demand` [classes, zones, zones], of which `met` gets what has a way.

    The links are left at the costs of the mix of loads.
    """
    batches = batches_of(bushes.group, h.rank, h.link_start, h.link_head)
    metrics, weight = _metrics_and_weights(h, batches, bushes.group, demand, links)
    last = np.empty((len(demand), len(links.flow)))
    _pad(links, last)
    link_cost, up, down = (np.stack(costs) for costs in zip(*metrics, customize(h, last), strict=True))
    weight = np.append(weight, TINY)
    row = np.where(h.rank < 0, len(h.parent) + np.arange(len(h.rank)), h.rank)
    ways = Ways(*(a.astype(np.int32) for a in (h.in_start, row[h.in_tail], h.in_tail, h.in_link)))
    _spread_all(PARTS, batches, h, link_cost, up, down, weight, net, ways, bushes, demand, met)
