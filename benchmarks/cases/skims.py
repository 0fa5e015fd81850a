"""Least costs between all zones of a made-up metropolitan network (`metropolis`): trees per second.

Warm: new costs on a known topology, the order of the hierarchy kept (ours and RoutingKit's are both prepared outside
the clock, the costs are customized within it); cold: nothing kept. SciPy runs Dijkstra in C, AequilibraE its Dijkstra
in Cython on its contracted graph, RoutingKit (C++, package routingkit-cch) a customizable contraction hierarchy with
one-to-many queries and coordinates for its order; it takes whole numbers, so its costs are in millionths of a minute.
Zones are not passed through: where a peer has no such rule, zones are left from a node of their own.

SciPy and RoutingKit use one thread; compare with ``NUMBA_NUM_THREADS=1``. AequilibraE uses as many as Numba. Install
the peers in a virtual environment of their own and run there with the repository on PYTHONPATH.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
from harness import Case, Job, Peer

from cases.metropolis import metropolis

NODES = {24: 60, 110: 420, 387: 1000, 1790: 11_200}
UNITS = 1e6  # whole units per minute


@cache
def _network(zones: int) -> dict[str, Any]:
    return metropolis(zones, NODES[zones])


def _split(zones: int) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """Return the network, its tails with every zone left from a node of its own, and those nodes."""
    net = _network(zones)
    nodes = len(net["link_start"]) - 1
    tail = np.repeat(np.arange(nodes), np.diff(net["link_start"]))
    return net, np.where(tail < zones, tail + nodes, tail), nodes + np.arange(zones)


def _warm(zones: int) -> Job:
    from twin.kernels.traffic.skim import build_hierarchy, skims

    net, every = _network(zones), np.arange(zones)
    hierarchy = build_hierarchy(net["link_start"], net["link_head"], net["first_thru"])
    return lambda: skims(hierarchy, net["free_flow_time"][None], every, every)[0]


def _cold(zones: int) -> Job:
    from twin.kernels.traffic.skim import skims_numba

    net, every = _network(zones), np.arange(zones)
    cost = net["free_flow_time"][None].copy()
    return lambda: skims_numba(net["link_start"], net["link_head"], cost, every, every, zones)[0]


def _scipy(zones: int) -> Job:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    net, tail, sources = _split(zones)
    order = np.lexsort((net["free_flow_time"], net["link_head"], tail))
    tail, head, cost = tail[order], net["link_head"][order], net["free_flow_time"][order]
    kept = np.r_[True, (np.diff(tail) != 0) | (np.diff(head) != 0)]  # of parallel links the cheapest
    nodes = int(sources[-1]) + 1
    graph = csr_array((cost[kept], (tail[kept], head[kept])), shape=(nodes, nodes))
    return lambda: dijkstra(graph, indices=sources)[:, :zones]


def _aequilibrae(zones: int) -> Job:
    os.environ["AEQ_SHOW_PROGRESS"] = "FALSE"
    import numba
    import pandas as pd
    from aequilibrae.paths import Graph, NetworkSkimming

    net = _network(zones)
    links = len(net["link_head"])
    table = {
        "link_id": np.arange(1, links + 1),
        "a_node": np.repeat(np.arange(len(net["link_start"]) - 1), np.diff(net["link_start"])) + 1,
        "b_node": net["link_head"] + 1,
        "direction": np.ones(links, np.int8),
        "time": net["free_flow_time"],
    }
    graph = Graph()
    graph.network = pd.DataFrame(table)
    graph.prepare_graph(np.arange(1, zones + 1), remove_dead_ends=False)
    graph.set_graph("time")
    graph.set_skimming("time")
    graph.set_blocked_centroid_flows(True)

    def job() -> np.ndarray:
        skimming = NetworkSkimming(graph)
        skimming.set_cores(numba.get_num_threads())
        skimming.execute()
        return np.array(skimming.results.skims.matrix["time"])

    return job


def _routingkit(zones: int) -> Job:
    import routingkit_cch as kit

    net, tail, sources = _split(zones)
    place = np.vstack([net["xy_km"], net["xy_km"][:zones]])
    tails, heads = tail.tolist(), net["link_head"].tolist()
    order = kit.compute_order_inertial(len(place), tails, heads, place[:, 1].tolist(), place[:, 0].tolist())
    hierarchy = kit.CCH(order, tails, heads, False)
    weights = np.rint(net["free_flow_time"] * UNITS).astype(np.int64).tolist()
    targets, sources = list(range(zones)), sources.tolist()

    def job() -> list[Any]:
        query = kit.CCHOneToMany(kit.CCHMetric(hierarchy, weights), targets)
        return [query.distances_from(source) for source in sources]

    return job


def _agreement(units: float, tolerance: float, ours: np.ndarray, theirs: Any) -> tuple[str, bool]:
    """Compare all pairs of different zones; infinite (None) on both sides is equal."""
    other = np.array(theirs, np.float64) / units
    other[np.isnan(other)] = np.inf
    pairs = ~np.eye(len(ours), dtype=bool) & (np.isfinite(ours) | np.isfinite(other))
    apart = np.max(np.abs(ours[pairs] - other[pairs]) / np.abs(ours[pairs])) if pairs.any() else 0.0
    return f"costs {apart:.0e} apart", bool(apart <= tolerance)


def _peer(name: str, package: str, prepare: Callable[[int], Job], units: float, tolerance: float) -> Peer:
    return Peer(name, package, "", prepare, partial(_agreement, units, tolerance))


SCIPY = _peer("SciPy dijkstra", "scipy", _scipy, 1.0, 1e-12)
PEERS = (
    SCIPY,
    _peer("AequilibraE skimming", "aequilibrae", _aequilibrae, 1.0, 1e-12),
    _peer("RoutingKit CCH", "routingkit_cch", _routingkit, UNITS, 1e-4),
)


def _case(name: str, work: str, prepare: Callable[[int], Job], peers: tuple[Peer, ...]) -> Case:
    return Case(name, work, "zones", tuple(NODES), (24, 110), prepare, peers, repetitions=3)


CASES = [
    _case("traffic-skims", "least costs between all zones, topology known", _warm, PEERS),
    _case("traffic-skims-cold", "least costs between all zones, topology new", _cold, (SCIPY,)),
]
