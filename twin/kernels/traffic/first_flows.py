"""First link flows of an assignment: a mix of all-or-nothing loads, and the bushes that it spreads the trips over.

Simplicial decomposition (von Hohenbalken 1977, doi 10.1007/BF01584323): all trips are loaded on cheapest paths at the
costs of the present mix, and the weights of the loads are set anew by pairwise Newton steps. Some steps bring
link costs near those of equilibrium. The trees of the loads that count, and those at the last costs, then make the
first bush of every origin, its trips divided among them by weight. Links that do not lead away from the origin at the
last costs are left out. Trees are not stored: labelling a batch of origins again is cheap.
"""

from __future__ import annotations

import numpy as np

from twin.kernels.dot import dot
from twin.kernels.jit import njit
from twin.kernels.threads import over_threads
from twin.kernels.traffic.all_or_nothing import (
    PARTS,
    all_or_nothing,
    batches_of,
    least_costs,
    make_room,
    trips_of,
)
from twin.kernels.traffic.bush import Bushes, Net, make_work, settle
from twin.kernels.traffic.bush_start import make_heap, start_bush
from twin.kernels.traffic.bush_sweep import Links, fill_all, refresh_all
from twin.kernels.traffic.first_bushes import Ways, add_tree, bush_of_shares, finish_shares, make_sketch
from twin.kernels.traffic.hierarchy import Hierarchy, customize

LOADS = 11  # all-or-nothing loads
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
    fill_all(links, time, bent)
    for i in range(n):
        cost[i] = extra[i] + dot(loads[i], time)
    for i in range(n):
        for link in range(m):
            time[link] = loads[i, link] * bent[link]
        for j in range(i + 1):
            bend[i, j] = bend[j, i] = dot(loads[j], time)


@njit(cache=True)
def _mix(loads: np.ndarray, extra: np.ndarray, weight: np.ndarray, links: Links) -> None:
    """Move `weight` [loads] from dear loads [loads, links] to the cheapest, and set all links to the mix.

    Newton steps between pairs of loads, in a quadratic model that is made anew `MIXES` times. `extra` [loads] is the
    fixed cost of a load, which does not depend on flow.
    """
    n, m = loads.shape
    cost, bend, flow = np.empty(n), np.empty((n, n)), links.flow
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
        flow[:] = 0.0
        for i in range(n):
            for link in range(m):
                flow[link] += weight[i] * loads[i, link]
    refresh_all(links)


@njit(cache=True)
def _padded(links: Links) -> np.ndarray:
    """Return the link costs [classes, links], all above zero."""
    total, finite = 0.0, 0
    for k in range(len(links.cost)):
        for link in range(len(links.flow)):
            if links.cost[k, link] < np.inf:
                total += links.cost[k, link]
                finite += 1
    least = max(LEAST * total / finite, 1e-300) if finite > 0 else 1.0
    padded = np.empty_like(links.cost)
    for k in range(len(links.cost)):
        for link in range(len(links.flow)):
            padded[k, link] = max(links.cost[k, link], least)
    return padded


def _costs_and_weights(
    h: Hierarchy, batches: np.ndarray, group: np.ndarray, demand: np.ndarray, links: Links
) -> tuple[list[np.ndarray], np.ndarray]:
    """Set all links to a mix of loads; return the costs [classes, links] of every load of it, and its weight."""
    n, count = len(links.flow), 0
    charged, loads, extra, weight = [], np.empty((LOADS, n)), np.empty(LOADS), np.empty(LOADS)
    fixed = np.where(np.isfinite(links.fixed), links.fixed, 0.0)
    room, trips = make_room(len(demand), n, len(h.arc_head)), trips_of(batches, group, demand)
    for done in range(LOADS):
        charged.append(_padded(links))
        metric = customize(h, charged[-1])
        load = all_or_nothing(h, batches, group, trips, charged[-1], metric.up, metric.down, room)
        loads[count], extra[count], weight[count] = load.sum(axis=0), (load * fixed).sum(), 1.0 if done == 0 else 0.0
        count += 1
        if done == 0:
            links.flow[:] = loads[0]
        _mix(loads[:count], extra[:count], weight[:count], links)
        kept = np.flatnonzero(weight[:count] > 0.0)  # loads given up are not taken again
        if len(kept) < count:
            count, charged = len(kept), [charged[i] for i in kept]
            loads[:count], extra[:count], weight[:count] = loads[kept], extra[kept], weight[kept]
    return charged, weight[:count]


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
    charged, weight = _costs_and_weights(h, batches, bushes.group, demand, links)
    used = np.flatnonzero(weight > COUNTS)
    link_cost = np.stack([*(charged[i] for i in used), _padded(links)])
    metric = customize(h, link_cost.reshape(-1, len(links.flow)))
    up, down = metric.up.reshape(*link_cost.shape[:2], -1), metric.down.reshape(*link_cost.shape[:2], -1)
    weight = np.append(weight[used], TINY)
    row = np.where(h.rank < 0, len(h.parent) + np.arange(len(h.rank)), h.rank)
    ways = Ways(*(a.astype(np.int32) for a in (h.in_start, row[h.in_tail], h.in_tail, h.in_link)))
    _spread_all(PARTS, batches, h, link_cost, up, down, weight, net, ways, bushes, demand, met)
