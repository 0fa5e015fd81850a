"""Zone-to-zone least generalised costs (skims) for several link cost vectors at once.

The network is a forward star and nodes below `first_thru` are not passed through, as in `traffic.shortest_path`. The
topology is prepared once and may be kept: ``hierarchy = build_hierarchy(link_start, link_head, first_thru)``, then
``skims(hierarchy, link_cost, origins, destinations)`` as often as costs change. How it works is told in
`twin.kernels.traffic.hierarchy` (order and arcs) and `twin.kernels.traffic.skim_labels` (labels and their product).
"""

from __future__ import annotations

import numpy as np
from numba import prange

from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant
from twin.kernels.traffic.hierarchy import Hierarchy, Metric, build_hierarchy, customize
from twin.kernels.traffic.shortest_path import random_network, tree, trees_reference
from twin.kernels.traffic.skim_labels import FROM, TO, Plan, labels, plan, product

__all__ = ["Hierarchy", "Metric", "build_hierarchy", "customize", "plan_points", "skims", "skims_of"]

NAME = "traffic.skim"
WORTH = 100  # trees from which it pays to build a hierarchy first (measured: 60 to 110 on 400 to 13,000 nodes)


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    zones = max(2, size // 5)
    network = random_network(size, rng, zones)
    cost = network["free_flow_time"] * rng.uniform(0.5, 1.5, (2, 1))
    cost += rng.uniform(0.0, 0.5, cost.shape)
    cost[rng.random(cost.shape) < 0.03] = np.inf
    return {
        "link_start": network["link_start"],
        "link_head": network["link_head"],
        "link_cost": cost,
        "origins": np.arange(zones, dtype=np.int64),
        "destinations": np.arange(zones, dtype=np.int64)[::-1].copy(),
        "first_thru": zones,
    }


def _check_scale(kernel: Kernel, inputs: Inputs) -> None:
    """Costs twice as high (exact in binary) give costs twice as high."""
    skim = kernel(*inputs.values())
    assert np.array_equal(kernel(*(inputs | {"link_cost": 2.0 * inputs["link_cost"]}).values()), 2.0 * skim)


def _check_separate(kernel: Kernel, inputs: Inputs) -> None:
    """Several costs at once are the same as one at a time."""
    skim = kernel(*inputs.values())
    for k, cost in enumerate(inputs["link_cost"]):
        assert np.array_equal(kernel(*(inputs | {"link_cost": cost[None]}).values())[0], skim[k])


def _check_order(kernel: Kernel, inputs: Inputs) -> None:
    """Asked in another order, with one of them twice, the origins and destinations have the same costs."""
    skim = kernel(*inputs.values())
    rows, columns = np.arange(len(inputs["origins"]))[::-1], np.append(np.arange(len(inputs["destinations"])), 0)
    asked = {"origins": inputs["origins"][rows], "destinations": inputs["destinations"][columns]}
    again = kernel(*(inputs | asked).values())
    np.testing.assert_allclose(again, skim[:, rows[:, None], columns], rtol=1e-12)


declare(
    Family(
        name=NAME,
        purpose="Least costs between zones for several link cost vectors at once.",
        inputs=(
            Array("link_start", ("nodes+1",), "int64", "-"),
            Array("link_head", ("links",), "int64", "-"),
            Array("link_cost", ("costs", "links"), "float64", "min"),
            Array("origins", ("origins",), "int64", "-"),
            Array("destinations", ("destinations",), "int64", "-"),
            Array("first_thru", (), "int64", "-"),
        ),
        outputs=(Array("skim", ("costs", "origins", "destinations"), "float64", "min"),),
        sample=_sample,
        work=lambda inputs: float(len(inputs["link_cost"]) * len(inputs["origins"]) * len(inputs["destinations"])),
        work_unit="pair",
        source=(
            "customizable contraction hierarchies: Dibbelt, Strasser and Wagner 2016, doi 10.1145/2886843; "
            "batched sweeps: Delling et al. 2013, doi 10.1016/j.jpdc.2012.02.007"
        ),
        rtol=1e-9,
        atol=1e-12,
        sizes=(10, 100, 1000),
        properties=(
            Property("scale of costs", _check_scale),
            Property("several costs at once", _check_separate),
            Property("order of the points", _check_order),
        ),
    )
)


@variant(NAME, "reference")
def skims_reference(
    link_start: np.ndarray,
    link_head: np.ndarray,
    link_cost: np.ndarray,
    origins: np.ndarray,
    destinations: np.ndarray,
    first_thru: int,
) -> np.ndarray:
    """Return the costs of plain Dijkstra trees.

    Parameters
    ----------
    link_start : int64 [nodes + 1]
    link_head : int64 [links]
    link_cost : float64 [costs, links]
        Not negative; infinite when closed.
    origins, destinations : int64
        Nodes; any, also repeated.
    first_thru : int
        Nodes below it are not passed through.

    Returns
    -------
    skim : float64 [costs, origins, destinations], infinite where there is no path, 0 from a node to itself
    """
    skim = np.empty((len(link_cost), len(origins), len(destinations)))
    for k, cost in enumerate(link_cost):
        skim[k] = trees_reference(link_start, link_head, cost, origins, first_thru)[0][:, destinations]
    return skim


@njit(cache=True, parallel=True)
def _by_trees(
    link_start: np.ndarray,
    link_head: np.ndarray,
    link_cost: np.ndarray,
    origins: np.ndarray,
    destinations: np.ndarray,
    first_thru: int,
) -> np.ndarray:
    nodes, rows = len(link_start) - 1, len(origins)
    skim = np.empty((len(link_cost), rows, len(destinations)))
    for job in prange(len(link_cost) * rows):
        k, row = job // rows, job % rows
        cost, pred = np.empty(nodes), np.empty(nodes, np.int64)
        heap, place = np.empty(nodes, np.int64), np.empty(nodes, np.int64)
        tree(link_start, link_head, link_cost[k], origins[row], first_thru, cost, pred, heap, place)
        for column in range(len(destinations)):
            skim[k, row, column] = cost[destinations[column]]
    return skim


@njit(cache=True)
def _close_pairs(
    hierarchy: Hierarchy, link_cost: np.ndarray, origins: np.ndarray, destinations: np.ndarray, skim: np.ndarray
) -> None:
    """Allow the links between two nodes that are not passed through, and 0 from a node to itself."""
    nodes = len(hierarchy.rank)
    first, following = np.full(nodes, -1), np.full(len(destinations), -1)
    for j in range(len(destinations)):
        following[j] = first[destinations[j]]
        first[destinations[j]] = j
    for i in range(len(origins)):
        at = origins[i]
        if hierarchy.rank[at] < 0:
            for link in range(hierarchy.link_start[at], hierarchy.link_start[at + 1]):
                if hierarchy.rank[hierarchy.link_head[link]] < 0:
                    j = first[hierarchy.link_head[link]]
                    while j >= 0:
                        if link_cost[link] < skim[i, j]:
                            skim[i, j] = link_cost[link]
                        j = following[j]
        j = first[at]
        while j >= 0:
            skim[i, j] = 0.0
            j = following[j]


def skims(
    hierarchy: Hierarchy, link_cost: np.ndarray, origins: np.ndarray, destinations: np.ndarray
) -> np.ndarray:  # fmt: skip
    """Return the least costs for a prepared topology, [costs, origins, destinations]; see `skims_reference`.

    The same as the reference but for rounding (sums are taken in another order), the same bits for any number of
    threads and whether costs are asked for together or one by one.
    """
    return skims_of(hierarchy, customize(hierarchy, link_cost), origins, destinations)


def plan_points(hierarchy: Hierarchy, origins: np.ndarray, destinations: np.ndarray) -> tuple[Plan, Plan]:
    """Return how `skims_of` goes about these points, whatever the costs: for those who ask for them again and again."""
    h = hierarchy
    origins, destinations = (np.ascontiguousarray(points, np.int64) for points in (origins, destinations))
    return (
        plan(origins, h.rank, h.parent, h.link_start, np.arange(len(h.link_head)), h.link_head, FROM),
        plan(destinations, h.rank, h.parent, h.in_start, h.in_link, h.in_tail, TO),
    )


def skims_of(
    hierarchy: Hierarchy, metric: Metric, origins: np.ndarray, destinations: np.ndarray,
    plans: tuple[Plan, Plan] | None = None, skim: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Return the least costs for costs that `customize` has already given to a hierarchy.

    `plans` are those of the points (`plan_points`), where they are at hand; `skim` is filled, where there is one.
    """
    h = hierarchy
    origins, destinations = (np.ascontiguousarray(points, np.int64) for points in (origins, destinations))
    if skim is None:
        skim = np.empty((len(metric.link_cost), len(origins), len(destinations)))
    if skim.size == 0:
        return skim
    out, back = plan_points(h, origins, destinations) if plans is None else plans
    for k, cost in enumerate(metric.link_cost):
        here = labels(out, FROM, cost, h.arc_start, h.arc_head, metric.up[k])
        there = labels(back, TO, cost, h.arc_start, h.arc_head, metric.down[k])
        product(out, back, here, there, len(h.parent), skim[k])
        _close_pairs(h, cost, origins, destinations, skim[k])
    return skim


@variant(NAME, "hierarchy")
def skims_by_hierarchy(
    link_start: np.ndarray,
    link_head: np.ndarray,
    link_cost: np.ndarray,
    origins: np.ndarray,
    destinations: np.ndarray,
    first_thru: int,
) -> np.ndarray:
    """Return what the reference returns, by a hierarchy built for this call."""
    return skims(build_hierarchy(link_start, link_head, first_thru), link_cost, origins, destinations)


@variant(NAME, "numba")
def skims_numba(
    link_start: np.ndarray,
    link_head: np.ndarray,
    link_cost: np.ndarray,
    origins: np.ndarray,
    destinations: np.ndarray,
    first_thru: int,
) -> np.ndarray:
    """Return what the reference returns, by a hierarchy or, where few trees are asked, by Dijkstra's."""
    chosen = _by_trees if len(link_cost) * len(origins) < WORTH else skims_by_hierarchy
    return chosen(link_start, link_head, link_cost, origins, destinations, first_thru)
