"""All trips on cheapest paths of a contraction hierarchy, for batches of origins: labels, and flows of the links.

The labels of a batch climb from its origins and then descend to all nodes (PHAST: Delling et al. 2013, doi
10.1016/j.jpdc.2012.02.007), and trips go the same ways back. They load the arcs of the hierarchy, which are unpacked
to links once for all origins, highest arcs first. Costs must be above zero: labels then grow along every path by more
than rounding, so that paths close no circle.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.team import NONE, await_pieces, next_piece, open_pieces, take_piece
from twin.kernels.traffic.hierarchy import TOP, Hierarchy, Metric, customize_branch
from twin.kernels.traffic.unpack import find_own_links, unpack_branch

LANES = 24, 32, 40, 48  # origins that a batch may have; fours, for `_sum`
BESIDE = 16  # lanes that cost as much as what a batch costs beside its lanes (measured on Chicago Sketch)
WIDE = 2**16 - 1  # masks a number of lanes: short loops of a number that LLVM knows it unrolls, and does not vectorise
PARTS = 8  # batches are loaded in this many parallel parts, whatever the number of threads
PIECES = TOP + PARTS + TOP + TOP  # of a load


class Labels(NamedTuple):
    """Labels of a batch, by rank and lane, and the last arcs of their paths; scratch space of one thread."""

    label: np.ndarray  # [junctions, 2 lanes] least costs from the origins, then last arcs down, -1 for ways only up
    climbed: np.ndarray  # [junctions, lanes] last arc of the cheapest way up; -2 - link where a zone's link ends
    above: np.ndarray  # [junctions] 1 where a way up leads
    load: np.ndarray  # [junctions, lanes]


class Room(NamedTuple):
    """What `lead_load` adds loads up in: those of all parts end in the first, some by way of the second."""

    loads: np.ndarray  # [parts, classes, 2, arcs] up, down
    flow: np.ndarray  # [parts, classes, links]
    own: np.ndarray  # [classes, 2, arcs] link that an arc stands for, or -1


def make_room(classes: int, links: int, arcs: int) -> Room:
    """Return a `Room`."""
    return Room(
        np.empty((PARTS, classes, 2, arcs)), np.empty((PARTS, classes, links)), np.empty((classes, 2, arcs), np.int64)
    )


@njit(cache=True)
def make_labels(junctions: int, lanes: int) -> Labels:
    """Return scratch space."""
    return Labels(
        np.empty((junctions, 2 * lanes)),
        np.empty((junctions, lanes)),
        np.empty(junctions, np.uint8),
        np.empty((junctions, lanes)),
    )


def lanes_for(classes: np.ndarray) -> int:
    """Return how many origins to a batch cost least, for the class of every bush, if two threads share the batches."""

    def cost_of(lanes: int) -> int:
        batches = sum(-(-int(n) // lanes) for n in np.bincount(classes))
        return (batches + batches % 2) * (lanes + BESIDE)

    return min(LANES, key=cost_of)


def batches_of(group: np.ndarray, rank: np.ndarray, link_start: np.ndarray, link_head: np.ndarray) -> np.ndarray:
    """Return the rows of `group` [bushes, 2] in batches of one class, neighbours together; -1 fills up."""
    place = rank[group[:, 1]]
    first = np.minimum(link_start[group[:, 1]], len(link_head) - 1)
    place = np.where(place < 0, rank[link_head[first]], place)
    parts, lanes = [], lanes_for(group[:, 0])
    for k in np.unique(group[:, 0]):
        rows = np.flatnonzero(group[:, 0] == k)
        rows = rows[np.argsort(place[rows], kind="stable")]
        filled = np.full(-(-len(rows) // lanes) * lanes, -1, np.int64)
        filled[: len(rows)] = rows
        parts.append(filled.reshape(-1, lanes))
    return np.concatenate(parts)


@njit(cache=True)
def trips_of(batches: np.ndarray, group: np.ndarray, demand: np.ndarray) -> np.ndarray:
    """Return the trips [batches, zones, lanes] to elsewhere of `demand` [classes, zones, zones]."""
    lanes = batches.shape[1]
    trips = np.zeros((len(batches), demand.shape[2], lanes))
    for batch in range(len(batches)):
        of_batch = trips[batch]
        for i in range(lanes):
            if batches[batch, i] >= 0:
                k, o = group[batches[batch, i]]
                row = demand[k, o]
                for z in range(len(row)):
                    of_batch[z, i] = row[z] if row[z] > 0.0 else 0.0
                of_batch[o, i] = 0.0
    return trips


@njit(cache=True)
def label_batch(
    origins: np.ndarray, h: Hierarchy, link_cost: np.ndarray, up: np.ndarray, down: np.ndarray,
    w: Labels,
) -> None:  # fmt: skip
    """Fill the labels of a batch of `origins` [lanes], -1 for none, for arc costs `up` and `down`."""
    label, climbed, above = w.label, w.climbed, w.above
    arc_start, arc_head, arc_tail, below_arc = h.arc_start, h.arc_head, h.arc_tail, h.below_arc
    lanes = len(origins) & WIDE
    label[:, :lanes] = np.inf
    label[:, lanes:] = -1.0
    above[:] = 0
    for i in range(lanes):
        o = origins[i]
        if o < 0:
            continue
        if h.rank[o] >= 0:
            label[h.rank[o], i] = 0.0
            above[h.rank[o]] = 1
            continue
        for link in range(h.link_start[o], h.link_start[o + 1]):
            r = h.rank[h.link_head[link]]
            if r >= 0 and link_cost[link] < label[r, i]:
                label[r, i], label[r, lanes + i], above[r] = link_cost[link], -2 - link, 1
    for r in range(len(above)):
        for j in range(h.below_start[r], h.below_start[r + 1]):
            e = ix(below_arc[j])
            if above[ix(arc_tail[e])] == 1:
                above[r] = 1
                _improve(label, r, ix(arc_tail[e]), up[e], e, lanes)
    for r in range(len(above)):
        for i in range(lanes):
            climbed[r, i], label[r, lanes + i] = label[r, lanes + i], -1.0
    for r in range(len(above) - 1, -1, -1):
        for e in range(ix(arc_start[r]), ix(arc_start[r + 1])):
            _improve(label, r, ix(arc_head[e]), down[e], e, lanes)


@njit(cache=True, inline="always")
def _improve(label: np.ndarray, r: int, p: int, extra: float, arc: int, lanes: int) -> None:
    """Lower the costs of row `r` to those of the ways over `p`, and note the arc: LLVM vectorises this."""
    code = float(arc)
    for i in range(lanes):
        through, old, last = label[p, i] + extra, label[r, i], label[r, lanes + i]
        label[r, i] = through if through < old else old
        label[r, lanes + i] = code if through < old else last


@njit(cache=True)
def least_costs(
    origins: np.ndarray, h: Hierarchy, link_cost: np.ndarray, up: np.ndarray, down: np.ndarray,
    label: np.ndarray, above: np.ndarray,
) -> None:  # fmt: skip
    """Fill the labels [nodes, lanes] of a batch without the ways: by rank, then nodes that are not passed through.

    Of these only an origin has a label, its own zero. `above` [junctions] is scratch space.
    """
    arc_start, arc_head, arc_tail, below_arc = h.arc_start, h.arc_head, h.arc_tail, h.below_arc
    junctions, lanes = len(h.parent), label.shape[1] & WIDE
    label[:] = np.inf
    above[:] = 0
    for i in range(lanes):
        o = origins[i]
        if o < 0:
            continue
        if h.rank[o] >= 0:
            label[h.rank[o], i] = 0.0
            above[h.rank[o]] = 1
            continue
        label[junctions + o, i] = 0.0
        for link in range(h.link_start[o], h.link_start[o + 1]):
            r = h.rank[h.link_head[link]]
            if r >= 0:
                label[r, i], above[r] = min(label[r, i], link_cost[link]), 1
    for r in range(junctions):
        for j in range(h.below_start[r], h.below_start[r + 1]):
            e = ix(below_arc[j])
            if above[ix(arc_tail[e])] == 1:
                above[r] = 1
                _lower(label, r, ix(arc_tail[e]), up[e], lanes)
    for r in range(junctions - 1, -1, -1):
        for e in range(ix(arc_start[r]), ix(arc_start[r + 1])):
            _lower(label, r, ix(arc_head[e]), down[e], lanes)


@njit(cache=True, inline="always")
def _lower(label: np.ndarray, r: int, p: int, extra: float, lanes: int) -> None:
    """Lower the costs of row `r` to those of the ways over `p`."""
    for i in range(lanes):
        through, old = label[p, i] + extra, label[r, i]
        label[r, i] = through if through < old else old


@njit(cache=True)
def _load_batch(
    origins: np.ndarray, trips: np.ndarray, h: Hierarchy, link_cost: np.ndarray, w: Labels,
    loads: np.ndarray, flow: np.ndarray,
) -> None:  # fmt: skip
    """Add the `trips` of a labelled batch to the arcs `loads` [2, arcs] (up, down) and, at their ends, to `flow`."""
    load, label, climbed, above = w.load, w.label, w.climbed, w.above
    arc_head, arc_tail, up, down = h.arc_head, h.arc_tail, loads[0], loads[1]
    lanes = len(origins) & WIDE
    load[:] = 0.0
    _load_ends(origins, trips, h, link_cost, w, flow)
    for r in range(len(load)):
        for i in range(lanes):
            e, x = int(label[r, lanes + i]), load[r, i]
            if e >= 0:
                down[ix(e)] += x
                load[ix(arc_head[ix(e)]), i] += x
                load[r, i] = 0.0
    for r in range(len(load) - 1, -1, -1):
        if above[r] == 0:
            continue
        for i in range(lanes):
            e, x = int(climbed[r, i]), load[r, i]
            if x > 0.0 and e >= 0:
                up[ix(e)] += x
                load[ix(arc_tail[ix(e)]), i] += x
            elif x > 0.0 and e < -1:
                flow[-2 - e] += x


@njit(cache=True)
def _load_ends(
    origins: np.ndarray, trips: np.ndarray, h: Hierarchy, link_cost: np.ndarray, w: Labels, flow: np.ndarray
) -> None:
    """Add the `trips` [zones, lanes] that have a way to the load of the junctions where they leave the hierarchy.

    To zones that are no part of it they come by the best of their links, which go to `flow`.
    """
    lanes, load, label = len(origins) & WIDE, w.load, w.label
    best, last, come = np.empty(lanes), np.empty(lanes), np.empty(lanes)
    rank, in_start, in_tail, in_link = h.rank, h.in_start, h.in_tail, h.in_link
    for z in range(len(trips)):
        r = rank[z]
        if r >= 0:
            for i in range(lanes):
                load[r, i] += trips[z, i] if label[r, i] < np.inf else 0.0
            continue
        best[:] = np.inf
        last[:] = -1.0
        for j in range(in_start[z], in_start[z + 1]):
            r, cost, code = rank[in_tail[j]], link_cost[in_link[j]], float(j)
            if r < 0:  # from zone to zone, of use to those who start there
                for i in range(lanes):
                    if origins[i] == in_tail[j] and cost < best[i]:
                        best[i], last[i] = cost, code
                continue
            for i in range(lanes):
                through, old, was = label[ix(r), i] + cost, best[i], last[i]
                best[i] = through if through < old else old
                last[i] = code if through < old else was
        for j in range(in_start[z], in_start[z + 1]):
            r, code = rank[in_tail[j]], float(j)
            for i in range(lanes):
                come[i] = trips[z, i] if last[i] == code else 0.0
            if r >= 0:
                for i in range(lanes):
                    load[ix(r), i] += come[i]
            flow[in_link[j]] += _sum(come)


@njit(cache=True, inline="always")
def _sum(lanes: np.ndarray) -> float:
    """Return the sum by four partial sums: one alone would wait for every addition."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for i in range(0, len(lanes), 4):
        a += lanes[i]
        b += lanes[i + 1]
        c += lanes[i + 2]
        d += lanes[i + 3]
    return (a + b) + (c + d)


@njit(cache=True)
def _load_part(
    part: int, batches: np.ndarray, group: np.ndarray, trips: np.ndarray, h: Hierarchy,
    link_cost: np.ndarray, up: np.ndarray, down: np.ndarray, loads: np.ndarray, flow: np.ndarray,
) -> None:  # fmt: skip
    lanes = batches.shape[1]
    w, origins = make_labels(len(h.parent), lanes), np.empty(lanes, np.int64)
    loads[:] = 0.0
    flow[:] = 0.0
    for b in range(part, len(batches), PARTS):
        k = group[batches[b, 0], 0]
        for i in range(lanes):
            origins[i] = group[batches[b, i], 1] if batches[b, i] >= 0 else -1
        label_batch(origins, h, link_cost[k], up[k], down[k], w)
        _load_batch(origins, trips[b], h, link_cost[k], w, loads[k], flow[k])


@njit(cache=True)
def _sum_branch(h: Hierarchy, branch: int, to: int, end: int, loads: np.ndarray) -> None:
    """Add the `loads` of the arcs of a branch, of the parts behind part `to` up to `end`, to those of part `to`."""
    at, last = h.branch_start[branch], h.branch_start[branch + 1]
    while at < last:
        node = begin = h.branch_node[at]
        while at < last and h.branch_node[at] == node:  # nodes are in runs, and so their arcs
            at, node = at + 1, node + 1
        first, stop = ix(h.arc_start[begin]), ix(h.arc_start[node])
        for part in range(to + 1, end):
            for k in range(loads.shape[1]):
                for side in range(2):
                    total, other = loads[to, k, side, first:stop], loads[part, k, side, first:stop]
                    for e in range(len(total)):
                        total[e] += other[e]


@njit(cache=True)
def _sum_flow(first: int, last: int, to: int, end: int, flow: np.ndarray) -> None:
    """Add the `flow` of the links from `first` to `last`, of the parts behind part `to` up to `end`, to part `to`'s."""
    for k in range(flow.shape[1]):
        for part in range(to + 1, end):
            for link in range(first, last):
                flow[to, k, link] += flow[part, k, link]


@njit(cache=True)
def load_piece(
    piece: int, batches: np.ndarray, group: np.ndarray, trips: np.ndarray, h: Hierarchy, metric: Metric, room: Room
) -> None:  # fmt: skip
    """Do one of the `PIECES` of a load; see `lead_load`."""
    cost, up, down, loads, flow = metric.link_cost, metric.up, metric.down, room.loads, room.flow
    links = flow.shape[2]
    if piece < TOP:
        for k in range(len(cost)):
            customize_branch(h, piece, cost[k], up[k], down[k])
    elif piece < TOP + PARTS:
        part = piece - TOP
        _load_part(part, batches, group, trips, h, cost, up, down, loads[part], flow[part])
    elif piece < TOP + PARTS + TOP:
        branch = piece - TOP - PARTS
        _sum_branch(h, branch, 1, PARTS, loads)
        _sum_flow(links * branch // TOP, links * (branch + 1) // TOP, 1, PARTS, flow)
    else:
        branch = piece - TOP - PARTS - TOP
        _sum_branch(h, branch, 0, 2, loads)
        for k in range(len(cost)):
            unpack_branch(h, branch, up[k], down[k], room.own[k], loads[0, k], flow[0, k])


@njit(cache=True)
def _finish(
    team: np.ndarray, base: int, batches: np.ndarray, group: np.ndarray, trips: np.ndarray, h: Hierarchy,
    metric: Metric, room: Room,
) -> None:  # fmt: skip
    """See the pieces done that are open."""
    piece = take_piece(0, team)
    while piece != NONE:
        load_piece(piece - base, batches, group, trips, h, metric, room)
        piece = next_piece(0, team)
    await_pieces(team)


@njit(cache=True)
def lead_load(
    team: np.ndarray, base: int, batches: np.ndarray, group: np.ndarray, trips: np.ndarray, h: Hierarchy,
    metric: Metric, room: Room,
) -> None:  # fmt: skip
    """Load all trips on cheapest paths with a `team`: fill the first part of ``room.flow`` with the flow of the links.

    Parameters
    ----------
    team : int64 array
        Its pieces from `base` on are those of `load_piece`.
    base : int
    batches : int64 [batches, lanes]
        Rows of `group`; see `batches_of`.
    group : int64 [bushes, 2]
        Class and origin.
    trips : float64 [batches, zones, lanes]
        See `trips_of`; those without a way are left out.
    h : Hierarchy
    metric : Metric
        Of a cost for every class, above zero; infinite when closed. The costs of the arcs are filled.
    room : Room
    """
    cost, up, down, loads, flow = metric.link_cost, metric.up, metric.down, room.loads, room.flow
    open_pieces(team, TOP)
    _finish(team, base, batches, group, trips, h, metric, room)
    for k in range(len(cost)):
        customize_branch(h, TOP, cost[k], up[k], down[k])
        find_own_links(h, cost[k], up[k], down[k], room.own[k])
    open_pieces(team, PARTS)
    _finish(team, base, batches, group, trips, h, metric, room)
    open_pieces(team, TOP)  # the branches' loads are summed up in the second part meanwhile
    _sum_branch(h, TOP, 0, PARTS, loads)
    for k in range(len(cost)):
        unpack_branch(h, TOP, up[k], down[k], room.own[k], loads[0, k], flow[0, k])
    _finish(team, base, batches, group, trips, h, metric, room)
    open_pieces(team, TOP)
    _finish(team, base, batches, group, trips, h, metric, room)
    _sum_flow(0, flow.shape[2], 0, 2, flow)
