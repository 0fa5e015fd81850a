"""First link flows of an assignment: a mix of all-or-nothing loads, and the bushes that it spreads the trips over.

Simplicial decomposition (von Hohenbalken 1977, doi 10.1007/BF01584323): all trips are loaded on cheapest paths at the
costs of the present mix, and the weights of all loads so far are set anew by pairwise Newton steps. Some steps bring
link costs near those of equilibrium. The trees of the loads that count, and those at the last costs, then make the
first bush of every origin, its trips divided among them by weight. Links that do not lead away from the origin at the
last costs are left out. Trees are not stored: labelling a batch of origins again is cheap.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from twin.kernels.traffic.all_or_nothing import (
    LANES,
    PARTS,
    Labels,
    all_or_nothing,
    batches_of,
    label_batch,
    make_labels,
)
from twin.kernels.traffic.bush import Bushes, Net, Work, copy_row, make_work, pack
from twin.kernels.traffic.bush_start import Heap, make_heap, start_bush
from twin.kernels.traffic.bush_sweep import Links, cost_and_slope, refresh
from twin.kernels.traffic.hierarchy import Hierarchy, customize
from twin.kernels.traffic.link_cost import BPR

LOADS = 9  # all-or-nothing loads
MIXES = 4  # quadratic models in a row after each of them
PAIRS = 4  # steps between two loads in a model, per load
COUNTS = 0.06  # weight from which a load counts for the bushes
TINY = 1e-30  # weight of the trees at the last costs: part of the bushes, without flow where other trees are
LEAST = 1e-7  # least cost of a link, as part of the mean: labels grow along every link


@njit(cache=True)
def _model(loads: np.ndarray, extra: np.ndarray, links: Links, cost: np.ndarray, bend: np.ndarray) -> None:
    """Fill the cost of every load at the present flow, and how much each of them bends the cost of each."""
    n, m = loads.shape
    time, bent = np.empty(m), np.empty(m)
    for link in range(m):
        if links.form[link] != BPR or links.bpr[link, 3] != 4.0:
            time[link], bent[link] = cost_and_slope(link, links)
            continue
        ratio = links.flow[link] * links.bpr[link, 2]
        cube = links.bpr[link, 1] * ratio * ratio * ratio
        time[link], bent[link] = links.bpr[link, 0] + cube * ratio, 4.0 * cube * links.bpr[link, 2]
    for i in range(n):
        total = 0.0
        for link in range(m):
            total += loads[i, link] * time[link]
        cost[i] = extra[i] + total
    for i in range(n):
        for link in range(m):
            time[link] = loads[i, link] * bent[link]
        for j in range(i + 1):
            total = 0.0
            for link in range(m):
                total += loads[j, link] * time[link]
            bend[i, j] = bend[j, i] = total


@njit(cache=True)
def _mix(loads: np.ndarray, extra: np.ndarray, weight: np.ndarray, links: Links) -> None:
    """Move `weight` [loads] from dear loads [loads, links] to the cheapest, and set all links to the mix.

    Newton steps between pairs of loads, in a quadratic model that is made anew `MIXES` times. `extra` [loads] is the
    fixed cost of a load, which does not depend on flow.
    """
    n, m = loads.shape
    cost, bend = np.empty(n), np.empty((n, n))
    for _ in range(MIXES if n > 1 else 0):
        _model(loads, extra, links, cost, bend)
        for _ in range(PAIRS * n):
            best, dear = np.argmin(cost), -1
            for i in range(n):
                if weight[i] > 0.0 and (dear < 0 or cost[i] > cost[dear]):
                    dear = i
            curve = bend[best, best] + bend[dear, dear] - 2.0 * bend[best, dear]
            if cost[dear] <= cost[best] or dear == best:
                break
            step = weight[dear]
            if curve > 0.0:
                step = min(step, (cost[dear] - cost[best]) / curve)
            weight[dear] -= step
            weight[best] += step
            for i in range(n):
                cost[i] += step * (bend[i, best] - bend[i, dear])
        for link in range(m):
            flow = 0.0
            for i in range(n):
                flow += weight[i] * loads[i, link]
            links.flow[link] = flow
    for link in range(m):
        refresh(link, links)


def _padded(links: Links) -> np.ndarray:
    """Return the link costs [classes, links], all above zero."""
    finite = links.cost[np.isfinite(links.cost)]
    return np.maximum(links.cost, max(LEAST * float(finite.mean()), 1e-300) if len(finite) else 1.0)


def _costs_and_weights(
    h: Hierarchy, arc_tail: np.ndarray, batches: np.ndarray, group: np.ndarray, demand: np.ndarray, links: Links
) -> tuple[list[np.ndarray], np.ndarray]:
    """Set all links to a mix of loads; return the costs [classes, links] of every load, and its weight."""
    n = len(links.flow)
    charged, loads, extra = [], np.zeros((0, n)), np.zeros(0)
    weight = np.zeros(0)
    fixed = np.where(np.isfinite(links.fixed), links.fixed, 0.0)
    for done in range(LOADS):
        charged.append(_padded(links))
        metric = customize(h, charged[-1])
        load = all_or_nothing(h, arc_tail, batches, group, demand, charged[-1], metric.up, metric.down)
        loads = np.concatenate([loads, load.sum(axis=0)[None]])
        extra = np.append(extra, (load * fixed).sum())
        weight = np.append(weight, 1.0 if done == 0 else 0.0)
        if done == 0:
            links.flow[:] = loads[0]
        _mix(loads, extra, weight, links)
    return charged, weight


@njit(cache=True)
def _reach(
    origins: np.ndarray, h: Hierarchy, link_cost: np.ndarray, w: Labels, at: np.ndarray, best: np.ndarray
) -> None:
    """Fill the least costs [nodes, lanes] of a batch: `best`, and `at`, which is infinite where trips do not pass."""
    for v in range(len(at)):
        r = h.rank[v]
        for i in range(LANES):
            at[v, i] = w.label[r, i] if r >= 0 else np.inf
    for i in range(LANES):
        if origins[i] >= 0:
            at[origins[i], i] = 0.0
    for v in range(len(at)):
        for i in range(LANES):
            best[v, i] = np.inf
        for j in range(h.in_start[v], h.in_start[v + 1]):
            u, c = h.in_tail[j], link_cost[h.in_link[j]]
            for i in range(LANES):
                through, old = at[u, i] + c, best[v, i]
                best[v, i] = through if through < old else old
    for i in range(LANES):
        if origins[i] >= 0:
            best[origins[i], i] = 0.0


@njit(cache=True)
def _share(
    h: Hierarchy, link_cost: np.ndarray, weight: float, at: np.ndarray, best: np.ndarray, share: np.ndarray
) -> None:
    """Add the weight of a load to the last links [links, lanes] of its cheapest paths."""
    for v in range(len(at)):
        for j in range(h.in_start[v], h.in_start[v + 1]):
            u, link = h.in_tail[j], h.in_link[j]
            c = link_cost[link]
            for i in range(LANES):
                share[link, i] += weight if at[u, i] + c <= best[v, i] else 0.0


@njit(cache=True)
def _forward(
    tail: np.ndarray, head: np.ndarray, link_cost: np.ndarray, at: np.ndarray, best: np.ndarray, share: np.ndarray
) -> None:
    """Leave a share to links that lead away from the origin only."""
    for link in range(len(head)):
        u, v = tail[link], head[link]
        for i in range(LANES):
            share[link, i] = share[link, i] if at[u, i] < best[v, i] else 0.0
        if link_cost[link] == np.inf:
            share[link] = 0.0


@njit(cache=True)
def _turn(table: np.ndarray, turned: np.ndarray) -> None:
    """Fill `turned` with the transpose of `table`."""
    for r in range(len(table)):
        for i in range(LANES):
            turned[i, r] = table[r, i]


@njit(cache=True)
def _choose(origin: int, best: np.ndarray, share: np.ndarray, room: int, net: Net, w: Work) -> int:
    """Let the links with a share enter; return how many nodes are reached, or -1 where there is no room.

    ``order`` and ``place`` hold the nodes in a topological order.
    """
    waits, kept, leaving, wanted, links = w.queue, w.link, w.first, 0, 0
    for v in range(len(best)):
        waits[v], w.entering[v], w.place[v] = 0, -1, -1
        wanted += best[v] < np.inf
        leaving[v] = links
        for link in range(net.start[v], net.start[v + 1]):
            kept[links] = link
            links += share[link] > 0.0
    leaving[len(best)] = links
    for i in range(links):
        link = kept[i]
        v = net.head[link]
        w.following[link], w.entering[v] = w.entering[v], link
        waits[v] += 1
        kept[i] = v
    w.order[0], w.place[origin] = origin, 0
    found, done = 1, 0
    while done < found:
        u = w.order[done]
        done += 1
        for i in range(leaving[u], leaving[u + 1]):
            v = kept[i]
            waits[v] -= 1
            if waits[v] == 0:
                w.order[found], w.place[v] = v, found
                found += 1
    return found if found == wanted and links <= room else -1


@njit(cache=True)
def _spread_bush(
    b: int, wanted: np.ndarray, link_cost: np.ndarray, best: np.ndarray, share: np.ndarray, net: Net, bushes: Bushes,
    w: Work, heap: Heap,
) -> None:  # fmt: skip
    """Start bush `b` with the links that have a share; where it has no room for them, on cheapest paths alone."""
    reached = _choose(bushes.group[b, 1], best, share, bushes.tail.shape[1], net, w)
    if reached < 0:
        start_bush(b, link_cost, wanted, net, bushes, w, heap)
        return
    bushes.size[b, 1] = reached
    bushes.first[b, : reached + 1] = 0
    copy_row(b, bushes, w)
    for p in range(reached):
        w.node[p] = w.order[p]
        w.order[p] = p
    pack(b, wanted, net, bushes, w)
    link, flow = bushes.link[b], bushes.flow[b]
    for a in range(bushes.first[b, reached]):
        flow[a] = share[link[a]]  # for `settle` to scale


@njit(cache=True)
def _spread_part(
    part: int, batches: np.ndarray, h: Hierarchy, arc_tail: np.ndarray, link_cost: np.ndarray, up: np.ndarray,
    down: np.ndarray, weight: np.ndarray, net: Net, bushes: Bushes, demand: np.ndarray, met: np.ndarray,
) -> None:  # fmt: skip
    nodes, n = len(net.start) - 1, len(net.head)
    labels, w, heap, origins = make_labels(len(h.parent)), make_work(nodes, n), make_heap(n), np.empty(LANES, np.int64)
    at, best, share = np.empty((nodes, LANES)), np.empty((nodes, LANES)), np.empty((n, LANES))
    best_row, share_row = np.empty((LANES, nodes)), np.empty((LANES, n))
    for batch in range(part, len(batches), PARTS):
        k = bushes.group[batches[batch, 0], 0]
        share[:] = 0.0
        for i in range(LANES):
            b = batches[batch, i]
            origins[i] = bushes.group[b, 1] if b >= 0 else -1
        for load in range(len(weight)):
            label_batch(origins, h, arc_tail, link_cost[load, k], up[load, k], down[load, k], labels)
            _reach(origins, h, link_cost[load, k], labels, at, best)
            _share(h, link_cost[load, k], weight[load], at, best, share)
        _forward(net.tail, net.head, link_cost[-1, k], at, best, share)
        _turn(best, best_row)
        _turn(share, share_row)
        for i in range(LANES):
            b, o = batches[batch, i], origins[i]
            if b < 0:
                continue
            _spread_bush(b, demand[k, o], link_cost[-1, k], best_row[i], share_row[i], net, bushes, w, heap)
            for z in range(demand.shape[1]):
                met[k, o, z] = demand[k, o, z] if z != o and best_row[i, z] < np.inf else 0.0


@njit(cache=True, parallel=True)
def _spread_all(
    batches: np.ndarray, h: Hierarchy, arc_tail: np.ndarray, link_cost: np.ndarray, up: np.ndarray, down: np.ndarray,
    weight: np.ndarray, net: Net, bushes: Bushes, demand: np.ndarray, met: np.ndarray,
) -> None:  # fmt: skip
    for part in prange(PARTS):
        _spread_part(part, batches, h, arc_tail, link_cost, up, down, weight, net, bushes, demand, met)


def spread(h: Hierarchy, net: Net, bushes: Bushes, demand: np.ndarray, met: np.ndarray, links: Links) -> None:
    """Start all bushes with fixed `demand` [classes, zones, zones], of which `met` gets what has a way.

    The links are left at the costs of the mix of loads.
    """
    arc_tail = np.repeat(np.arange(len(h.parent)), np.diff(h.arc_start))
    batches = batches_of(bushes.group, h.rank, h.link_start, h.link_head)
    charged, weight = _costs_and_weights(h, arc_tail, batches, bushes.group, demand, links)
    used = np.flatnonzero(weight > COUNTS)
    link_cost = np.stack([*(charged[i] for i in used), _padded(links)])
    metric = customize(h, link_cost.reshape(-1, len(links.flow)))
    up, down = metric.up.reshape(*link_cost.shape[:2], -1), metric.down.reshape(*link_cost.shape[:2], -1)
    weight = np.append(weight[used], TINY)
    _spread_all(batches, h, arc_tail, link_cost, up, down, weight, net, bushes, demand, met)
