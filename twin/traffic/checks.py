"""What is wrong with a road network and its trips, all of it at once.

Errors make results meaningless; notes may be meant (a dead end is usual in a street network, and a mistake in one of
motorways). Nothing is raised here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from twin.city.road_network import RoadNetwork
from twin.errors import DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SHOWN = 5


@dataclass(frozen=True)
class Checked:
    """What was found: `errors` and `notes`, and the pairs of zones with trips but no way, int64 [pairs, 2]."""

    errors: list[DataError] = field(default_factory=list)
    notes: list[DataError] = field(default_factory=list)
    lost: Ints = field(default_factory=lambda: np.empty((0, 2), np.int64))


def check_network(network: RoadNetwork, demand: Floats, fixed_cost: Floats | None = None, where: str = "") -> Checked:
    """Check a network with its trips.

    Parameters
    ----------
    network : RoadNetwork
    demand : float64 [zones, zones]
    fixed_cost : float64 [links], optional
        Costs beside the travel time; links of infinite cost are closed.
    where : str
        File of the network, for messages.

    Returns
    -------
    Checked
        Errors: costs that are negative or not numbers, capacities that are not positive, trips that are negative or
        not finite, trips without a way, trips of zones without links. Notes: nodes that can be entered but not left
        and the reverse, dead ends, links of no length, parallel links, zones without links.
    """
    found = Checked()
    n, zones = len(network.node_labels), network.zones
    tail, head = network.link_tail, network.link_head
    fixed = np.zeros(len(tail)) if fixed_cost is None else fixed_cost
    _costs(found, network, fixed, where)
    if not (np.isfinite(demand) & (demand >= 0.0)).all():
        pair = np.argwhere(~(np.isfinite(demand) & (demand >= 0.0)))[0]
        what = f"{demand[tuple(pair)]} trips from zone {_names(network, pair[:1])} to {_names(network, pair[1:])}"
        found.errors.append(DataError(what, where=where, expected="finite and not negative"))
        return found
    wanted = (demand > 0.0) & ~np.eye(zones, dtype=bool)
    enter, leave = np.bincount(head, minlength=n), np.bincount(tail, minlength=n)
    isolated = np.flatnonzero((enter[:zones] == 0) & (leave[:zones] == 0))
    with_trips = isolated[wanted[isolated].any(axis=1) | wanted[:, isolated].any(axis=0)]
    _add(found.errors, network, with_trips, "zones with trips have no link", where, "add connectors or drop the trips")
    _add(found.notes, network, np.setdiff1d(isolated, with_trips), "zones without trips have no link", where)
    open_ = np.isfinite(fixed)
    lost = lost_pairs(network, wanted, open_)
    if len(lost):
        shown = ", ".join(f"{network.node_labels[a]} to {network.node_labels[b]}" for a, b in lost[:SHOWN])
        more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
        total = float(demand[lost[:, 0], lost[:, 1]].sum())
        what = f"{total:g} trips have no way: from zone {shown}{more}"
        remedy = "mend the links (one-way directions, missing pieces) or drop the trips"
        found.errors.append(DataError(what, where=where, expected="a path for every trip", remedy=remedy))
    inner = np.arange(n) >= zones
    _add(
        found.notes,
        network,
        np.flatnonzero(inner & (enter > 0) & (leave == 0)),
        "nodes can be entered but not left",
        where,
    )
    _add(
        found.notes,
        network,
        np.flatnonzero(inner & (enter == 0) & (leave > 0)),
        "nodes can be left but not entered",
        where,
    )
    pairs = np.unique(np.sort(np.column_stack([tail, head]), axis=1), axis=0)
    neighbours = np.bincount(pairs.ravel(), minlength=n)
    dead = np.flatnonzero(inner & (neighbours == 1) & (enter > 0) & (leave > 0))
    _add(found.notes, network, dead, "nodes are dead ends", where)
    _add_links(found.notes, network, np.flatnonzero(network.length == 0.0), "links have no length", where)
    again = np.concatenate([[False], (tail[1:] == tail[:-1]) & (head[1:] == head[:-1])])
    _add_links(found.notes, network, np.flatnonzero(again), "links run beside another between the same nodes", where)
    return Checked(found.errors, found.notes, lost)


def lost_pairs(network: RoadNetwork, wanted: NDArray[np.bool_], open_: NDArray[np.bool_]) -> Ints:
    """Return the wanted pairs of zones [zones, zones] between which no path of open links leads, int64 [pairs, 2]."""
    n, zones, first = len(network.node_labels), network.zones, network.first_thru
    # Nodes that paths do not pass through are left by copies of them, numbered from n.
    tail = np.where(network.link_tail < first, network.link_tail + n, network.link_tail)[open_]
    head = network.link_head[open_]
    graph = csr_array((np.ones(len(tail), np.int8), (tail, head)), shape=(n + first, n + first))
    source = np.where(np.arange(zones) < first, np.arange(zones) + n, np.arange(zones))
    _, label = connected_components(graph, directed=True, connection="strong")
    middle = int(np.argmax(label == np.argmax(np.bincount(label))))
    reached = _reach(graph, middle)[:zones]  # from the middle
    reaching = _reach(graph.T.tocsr(), middle)[source]
    lost = []
    for origin in np.flatnonzero(wanted.any(axis=1)):
        missing = wanted[origin] if not reaching[origin] else wanted[origin] & ~reached
        if missing.any():
            there = _reach(graph, int(source[origin]))[:zones]
            lost += [(int(origin), int(k)) for k in np.flatnonzero(wanted[origin] & ~there)]
    return np.array(lost, np.int64).reshape(-1, 2)


def _reach(graph: csr_array, node: int) -> NDArray[np.bool_]:
    there = np.zeros(graph.shape[0], bool)
    there[breadth_first_order(graph, node, return_predecessors=False)] = True
    return there


def _costs(found: Checked, network: RoadNetwork, fixed: Floats, where: str) -> None:
    capacity, power = network.capacity, network.power
    bad = {
        "links have a capacity that is not positive": ~(capacity > 0.0),
        "links cost less than nothing": ~(network.free_flow_time + fixed >= 0.0),
        "links have a time that is negative or no number": ~(
            np.isfinite(network.free_flow_time) & (network.free_flow_time >= 0.0)
        ),
        "links have a BPR function that does not rise": ~((network.alpha >= 0.0) & ((power == 0.0) | (power >= 1.0))),
    }
    for what, which in bad.items():
        _add_links(found.errors, network, np.flatnonzero(which), what, where)


def _names(network: RoadNetwork, nodes: Sequence[int] | Ints) -> str:
    more = f" and {len(nodes) - SHOWN} more" if len(nodes) > SHOWN else ""
    return ", ".join(network.node_labels[k] for k in nodes[:SHOWN]) + more


def _add(
    to: list[DataError], network: RoadNetwork, nodes: Ints, what: str, where: str, remedy: str | None = None
) -> None:
    if len(nodes):
        to.append(DataError(f"{len(nodes)} {what}: {_names(network, nodes)}", where=where, remedy=remedy))


def _add_links(to: list[DataError], network: RoadNetwork, links: Ints, what: str, where: str) -> None:
    if len(links):
        label = network.node_labels
        names = [
            f"{network.link_ids[k]} ({label[network.link_tail[k]]} to {label[network.link_head[k]]})"
            for k in links[:SHOWN]
        ]
        more = f" and {len(links) - SHOWN} more" if len(links) > SHOWN else ""
        to.append(DataError(f"{len(links)} {what}: {', '.join(names)}{more}", where=where))
