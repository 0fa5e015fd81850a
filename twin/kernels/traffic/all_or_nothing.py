"""All trips on cheapest paths of a contraction hierarchy, for batches of origins: labels, and flows of the links.

The labels of a batch climb from its origins and then descend to all nodes (PHAST: Delling et al. 2013, doi
10.1016/j.jpdc.2012.02.007), and trips go the same ways back. They load the arcs of the hierarchy, which are unpacked
to links once for all origins, highest arcs first. Costs must be above zero: labels then grow along every path by more
than rounding, so that paths close no circle.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from twin.kernels.indices import ix
from twin.kernels.threads import over_threads
from twin.kernels.traffic.hierarchy import Hierarchy

LANES = 32  # origins per batch
PARTS = 8  # batches are loaded in this many parallel parts, whatever the number of threads


class Labels(NamedTuple):
    """Labels of a batch, by rank and lane, and the last arcs of their paths; scratch space of one thread."""

    label: np.ndarray  # [junctions, 2 lanes] least costs from the origins, then last arcs down, -1 for ways only up
    climbed: np.ndarray  # [junctions, lanes] last arc of the cheapest way up; -2 - link where a zone's link ends
    above: np.ndarray  # [junctions] 1 where a way up leads
    load: np.ndarray  # [junctions, lanes]
    trips: np.ndarray  # [zones, lanes]


@njit(cache=True)
def make_labels(junctions: int, zones: int) -> Labels:
    """Return scratch space."""
    return Labels(
        np.empty((junctions, 2 * LANES)),
        np.empty((junctions, LANES)),
        np.empty(junctions, np.uint8),
        np.empty((junctions, LANES)),
        np.empty((zones, LANES)),
    )


def batches_of(group: np.ndarray, rank: np.ndarray, link_start: np.ndarray, link_head: np.ndarray) -> np.ndarray:
    """Return the rows of `group` [bushes, 2] in batches of one class, neighbours together; -1 fills up."""
    place = rank[group[:, 1]]
    first = np.minimum(link_start[group[:, 1]], len(link_head) - 1)
    place = np.where(place < 0, rank[link_head[first]], place)
    parts = []
    for k in np.unique(group[:, 0]):
        rows = np.flatnonzero(group[:, 0] == k)
        rows = rows[np.argsort(place[rows], kind="stable")]
        filled = np.full(-(-len(rows) // LANES) * LANES, -1, np.int64)
        filled[: len(rows)] = rows
        parts.append(filled.reshape(-1, LANES))
    return np.concatenate(parts)


@njit(cache=True)
def label_batch(
    origins: np.ndarray, h: Hierarchy, link_cost: np.ndarray, up: np.ndarray, down: np.ndarray,
    w: Labels,
) -> None:  # fmt: skip
    """Fill the labels of a batch of `origins` [lanes], -1 for none, for arc costs `up` and `down`."""
    label, climbed, above = w.label, w.climbed, w.above
    label[:, :LANES] = np.inf
    label[:, LANES:] = -1.0
    above[:] = 0
    for i in range(LANES):
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
                label[r, i], label[r, LANES + i], above[r] = link_cost[link], -2 - link, 1
    for r in range(len(above)):
        for j in range(h.below_start[r], h.below_start[r + 1]):
            e = h.below_arc[j]
            if above[h.arc_tail[e]] == 1:
                above[r] = 1
                _improve(label, r, h.arc_tail[e], up[e], e)
    for r in range(len(above)):
        for i in range(LANES):
            climbed[r, i], label[r, LANES + i] = label[r, LANES + i], -1.0
    for r in range(len(above) - 1, -1, -1):
        for e in range(h.arc_start[r], h.arc_start[r + 1]):
            _improve(label, r, h.arc_head[e], down[e], e)


@njit(cache=True, inline="always")
def _improve(label: np.ndarray, r: int, p: int, extra: float, arc: int) -> None:
    """Lower the costs of row `r` to those of the ways over `p`, and note the arc: LLVM vectorises this."""
    code = float(arc)
    for i in range(LANES):
        through, old, last = label[p, i] + extra, label[r, i], label[r, LANES + i]
        label[r, i] = through if through < old else old
        label[r, LANES + i] = code if through < old else last


@njit(cache=True)
def least_costs(
    origins: np.ndarray, h: Hierarchy, link_cost: np.ndarray, up: np.ndarray, down: np.ndarray,
    label: np.ndarray, above: np.ndarray,
) -> None:  # fmt: skip
    """Fill the labels [nodes, lanes] of a batch without the ways: by rank, then nodes that are not passed through.

    Of these only an origin has a label, its own zero. `above` [junctions] is scratch space.
    """
    junctions = len(h.parent)
    label[:] = np.inf
    above[:] = 0
    for i in range(LANES):
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
            e = h.below_arc[j]
            if above[h.arc_tail[e]] == 1:
                above[r] = 1
                _lower(label, r, h.arc_tail[e], up[e])
    for r in range(junctions - 1, -1, -1):
        for e in range(h.arc_start[r], h.arc_start[r + 1]):
            _lower(label, r, h.arc_head[e], down[e])


@njit(cache=True, inline="always")
def _lower(label: np.ndarray, r: int, p: int, extra: float) -> None:
    """Lower the costs of row `r` to those of the ways over `p`."""
    for i in range(LANES):
        through, old = label[p, i] + extra, label[r, i]
        label[r, i] = through if through < old else old


@njit(cache=True)
def _load_batch(
    origins: np.ndarray, demand: np.ndarray, h: Hierarchy, link_cost: np.ndarray, w: Labels,
    loads: np.ndarray, flow: np.ndarray,
) -> None:  # fmt: skip
    """Add the trips of a labelled batch to the arcs `loads` [2, arcs] (up, down) and, at their ends, to `flow`."""
    load, label, climbed, above, trips = w.load, w.label, w.climbed, w.above, w.trips
    load[:] = 0.0
    for z in range(demand.shape[1]):
        for i in range(LANES):
            o = origins[i]
            x = demand[o, z]
            trips[z, i] = x if x > 0.0 and o >= 0 and z != o else 0.0
        if h.rank[z] < 0:
            _load_links(z, origins, h, link_cost, w, flow)
            continue
        r = h.rank[z]
        for i in range(LANES):
            load[r, i] += trips[z, i] if label[r, i] < np.inf else 0.0
    for r in range(len(load)):
        for i in range(LANES):
            e, x = int(label[r, LANES + i]), load[r, i]
            if e >= 0 and x > 0.0:
                loads[1, ix(e)] += x
                load[ix(h.arc_head[ix(e)]), i] += x
                load[r, i] = 0.0
    for r in range(len(load) - 1, -1, -1):
        if above[r] == 0:
            continue
        for i in range(LANES):
            e, x = int(climbed[r, i]), load[r, i]
            if x > 0.0 and e >= 0:
                loads[0, ix(e)] += x
                load[ix(h.arc_tail[ix(e)]), i] += x
            elif x > 0.0 and e < -1:
                flow[-2 - e] += x


@njit(cache=True)
def _load_links(z: int, origins: np.ndarray, h: Hierarchy, link_cost: np.ndarray, w: Labels, flow: np.ndarray) -> None:
    """Let the trips to a zone that is no part of the hierarchy come by the best of its links."""
    load, label, trips = w.load, w.label, w.trips
    s, e = h.in_start[z], h.in_start[z + 1]
    if e - s == 1 and h.rank[h.in_tail[s]] >= 0:
        r, c = h.rank[h.in_tail[s]], link_cost[h.in_link[s]]
        for i in range(LANES):
            x = trips[z, i] if label[r, i] + c < np.inf else 0.0
            trips[z, i] = x
            load[r, i] += x
        even, odd = 0.0, 0.0
        for i in range(0, LANES, 2):
            even += trips[z, i]
            odd += trips[z, i + 1]
        flow[h.in_link[s]] += even + odd
        return
    for i in range(LANES):
        if trips[z, i] <= 0.0:
            continue
        least, last = np.inf, -1
        for j in range(s, e):
            r = h.rank[h.in_tail[j]]
            base = label[r, i] if r >= 0 else 0.0 if h.in_tail[j] == origins[i] else np.inf
            if base + link_cost[h.in_link[j]] < least:
                least, last = base + link_cost[h.in_link[j]], j
        if last >= 0:
            flow[h.in_link[last]] += trips[z, i]
            if h.rank[h.in_tail[last]] >= 0:
                load[h.rank[h.in_tail[last]], i] += trips[z, i]


@njit(cache=True)
def _unpack(
    h: Hierarchy, link_cost: np.ndarray, up: np.ndarray, down: np.ndarray, loads: np.ndarray,
    flow: np.ndarray,
) -> None:  # fmt: skip
    """Move the loads of the arcs to the links, and to the arcs below that they stand for, from the top down."""
    own = np.full(loads.shape, -1)
    for link in range(len(link_cost)):
        arc = h.link_arc[link] >> 1
        side = h.link_arc[link] & 1
        if arc >= 0 and link_cost[link] == (down[arc] if side == 1 else up[arc]):
            own[side, arc] = link
    nodes = len(h.arc_start) - 1
    ahead, back = np.empty(nodes), np.empty(nodes)  # loads of the arcs of a node, by upper end
    there, home = np.empty(nodes), np.empty(nodes)  # what the arcs cost, -1 where no load is left
    for r in range(nodes - 1, -1, -1):
        left = 0
        for e in range(ix(h.arc_start[r]), ix(h.arc_start[r + 1])):
            p = ix(h.arc_head[e])
            there[p], home[p] = -1.0, -1.0
            if own[0, e] >= 0:
                flow[own[0, e]] += loads[0, e]
            elif loads[0, e] > 0.0:
                ahead[p], there[p] = loads[0, e], up[e]
                left += 1
            if own[1, e] >= 0:
                flow[own[1, e]] += loads[1, e]
            elif loads[1, e] > 0.0:
                back[p], home[p] = loads[1, e], down[e]
                left += 1
        for i in range(h.below_start[r], h.below_start[r + 1]):
            if left == 0:
                break
            arc = ix(h.below_arc[i])
            to, fro = down[arc], up[arc]
            for e in range(ix(arc + 1), ix(h.arc_start[h.arc_tail[arc] + 1])):
                p = ix(h.arc_head[e])
                if to + up[e] == there[p]:
                    loads[1, arc] += ahead[p]
                    loads[0, e] += ahead[p]
                    there[p] = -1.0
                    left -= 1
                if down[e] + fro == home[p]:
                    loads[1, e] += back[p]
                    loads[0, arc] += back[p]
                    home[p] = -1.0
                    left -= 1


@njit(cache=True)
def _load_part(
    part: int, batches: np.ndarray, group: np.ndarray, demand: np.ndarray, h: Hierarchy,
    link_cost: np.ndarray, up: np.ndarray, down: np.ndarray, loads: np.ndarray, flow: np.ndarray,
) -> None:  # fmt: skip
    w, origins = make_labels(len(h.parent), demand.shape[1]), np.empty(LANES, np.int64)
    loads[:] = 0.0
    flow[:] = 0.0
    for b in range(part, len(batches), PARTS):
        k = group[batches[b, 0], 0]
        for i in range(LANES):
            origins[i] = group[batches[b, i], 1] if batches[b, i] >= 0 else -1
        label_batch(origins, h, link_cost[k], up[k], down[k], w)
        _load_batch(origins, demand[k], h, link_cost[k], w, loads[k], flow[k])


@over_threads
@njit(cache=True, nogil=True)
def _load_all(
    begin: int, end: int, batches: np.ndarray, group: np.ndarray, demand: np.ndarray, h: Hierarchy,
    link_cost: np.ndarray, up: np.ndarray, down: np.ndarray, loads: np.ndarray, flow: np.ndarray,
) -> None:  # fmt: skip
    for part in range(begin, end):
        _load_part(part, batches, group, demand, h, link_cost, up, down, loads[part], flow[part])


@njit(cache=True)
def _gather_parts(
    h: Hierarchy, link_cost: np.ndarray, up: np.ndarray, down: np.ndarray, loads: np.ndarray,
    flow: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Sum the parts of `loads` [parts, classes, 2, arcs] and `flow` [parts, classes, links], and unpack the sums."""
    for part in range(1, PARTS):
        for k in range(len(link_cost)):
            for e in range(loads.shape[3]):
                loads[0, k, 0, e] += loads[part, k, 0, e]
                loads[0, k, 1, e] += loads[part, k, 1, e]
            for link in range(flow.shape[2]):
                flow[0, k, link] += flow[part, k, link]
    for k in range(len(link_cost)):
        _unpack(h, link_cost[k], up[k], down[k], loads[0, k], flow[0, k])
    return flow[0]


def make_room(classes: int, links: int, arcs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what `all_or_nothing` adds loads up in."""
    return np.empty((PARTS, classes, 2, arcs)), np.empty((PARTS, classes, links))


def all_or_nothing(
    h: Hierarchy, batches: np.ndarray, group: np.ndarray, demand: np.ndarray,
    link_cost: np.ndarray, up: np.ndarray, down: np.ndarray, room: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:  # fmt: skip
    """Return the flow of the links [classes, links] with all trips on cheapest paths.

    Parameters
    ----------
    h : Hierarchy
    batches : int64 [batches, lanes]
        Rows of `group`; see `batches_of`.
    group : int64 [bushes, 2]
        Class and origin.
    demand : float64 [classes, zones, zones]
        The diagonal, and trips without a way, are left out.
    link_cost : float64 [classes, links]
        Above zero; infinite when closed.
    up, down : float64 [classes, arcs]
        Of `customize`.
    room : tuple
        Of `make_room`; the result lies in it until the next call.
    """
    loads, flow = room
    _load_all(PARTS, batches, group, demand, h, link_cost, up, down, loads, flow)
    return _gather_parts(h, link_cost, up, down, loads, flow)
