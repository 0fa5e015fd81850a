"""The street network as the kernels want it: a forward star of links and zone connectors.

Node numbers: zones, then cordon stations (both are centroids that paths do not pass through), then junctions. Closed
streets stay in the arrays with an infinite cost, so that node and link numbers never depend on a measure; for the same
reason connectors are laid without looking at closures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from twin.city.model import City
from twin.errors import DataError, at_row
from twin.traffic.parameters import TrafficParameters

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CONNECTORS_PER_ZONE = 3
CONNECTOR_CAPACITY = 1e9  # veh/h; connectors never congest


@dataclass(frozen=True)
class Network:
    """Arrays of a street network with connectors, sorted by tail node.

    ``row`` is the position of each link in the city's links layer, -1 for a connector. Times in minutes, lengths in
    km (0 for connectors). ``fixed_cost`` [2, links] holds operating cost and toll as minutes for compliant and other
    cars, infinite where closed to them; ``reference_cost`` [links] the same without tolls, closures and low-emission
    rules. ``position`` [zones + stations, 2] are the centroids in the city's CRS.
    """

    link_start: Ints
    link_head: Ints
    link_tail: Ints
    row: Ints
    length_km: Floats
    free_flow_time: Floats
    capacity: Floats
    alpha: Floats
    power: Floats
    fixed_cost: Floats
    reference_cost: Floats
    zones: int
    station_nodes: tuple[str, ...]
    position: Floats

    @property
    def centroids(self) -> int:
        """Number of zones and stations, which is also the first node that paths may pass through."""
        return self.zones + len(self.station_nodes)


def build_network(city: City, parameters: TrafficParameters) -> Network:
    """Return the network of a city.

    Every zone is joined to its `CONNECTORS_PER_ZONE` nearest junctions of the largest part of the network in which
    each junction reaches every other (distance first, then node id).

    Raises
    ------
    DataError
        Links that name unknown nodes, figures that are not positive, no links, or no zones.
    """
    links, nodes = city.links, city.nodes
    if len(links) == 0 or len(city.zones) == 0:
        raise DataError("traffic needs at least one link and one zone", where="links" if len(links) == 0 else "zones")
    ids = nodes.index
    tail, head = ids.get_indexer(links["from_node"]), ids.get_indexer(links["to_node"])
    _check_links(links, tail, head)
    part = _largest_part(tail, head, len(nodes))
    is_station = nodes["external"].to_numpy(dtype=bool) & np.isin(np.arange(len(nodes)), np.concatenate([tail, head]))
    stations = np.flatnonzero(is_station)
    zone_xy = _zone_centres(city)
    node_xy = shapely.get_coordinates(nodes.geometry.to_numpy())
    zone_of, junction, distance = _zone_connectors(zone_xy, node_xy, np.flatnonzero(part))
    first = len(zone_xy) + len(stations)
    station_number = len(zone_xy) + np.arange(len(stations))
    near = np.concatenate([zone_of, station_number])
    far = first + np.concatenate([junction, stations])
    access = np.concatenate([distance / (parameters.access_speed_kmh / 0.06), np.zeros(len(stations))])
    n, c = len(links), 2 * len(near)
    all_tail = np.concatenate([first + tail, near, far])
    all_head = np.concatenate([first + head, far, near])
    row = np.concatenate([np.arange(n), np.full(c, -1)])
    order = np.lexsort((row, all_head, all_tail))

    def on_links(values: Floats, connector: float | Floats) -> Floats:
        return np.concatenate([values, np.broadcast_to(connector, c)])[order]

    length_km = links["length_m"].to_numpy(float) / 1000.0
    speed = links["speed_limit_kmh"].to_numpy(float) * parameters.free_flow_speed_ratio
    eur_to_min = 60.0 / parameters.value_of_time_eur_h
    running = length_km * parameters.car_operating_cost_eur_km * eur_to_min
    paid = running + links["toll_eur"].to_numpy(float) * eur_to_min
    closed = links["closed"].to_numpy(bool)
    fixed = np.stack(
        [
            on_links(np.where(shut, np.inf, paid), 0.0)
            for shut in (closed, closed | links["low_emission"].to_numpy(bool))
        ]
    )
    return Network(
        link_start=np.searchsorted(all_tail[order], np.arange(first + len(nodes) + 1)).astype(np.int64),
        link_head=all_head[order].astype(np.int64),
        link_tail=all_tail[order].astype(np.int64),
        row=row[order],
        length_km=on_links(length_km, 0.0),
        free_flow_time=on_links(length_km / speed * 60.0, np.concatenate([access, access])),
        capacity=on_links(links["capacity_veh_h"].to_numpy(float), CONNECTOR_CAPACITY),
        alpha=on_links(np.full(n, parameters.bpr_alpha), 0.0),
        power=on_links(np.full(n, parameters.bpr_beta), 1.0),
        fixed_cost=fixed,
        reference_cost=on_links(running, 0.0),
        zones=len(zone_xy),
        station_nodes=tuple(str(i) for i in ids[stations]),
        position=np.concatenate([zone_xy, node_xy[stations]]),
    )


def along_paths(network: Network, pred_link: Ints, values: Floats) -> Floats:
    """Return the sum of `values` [links] along each tree path between centroids, [centroids, centroids].

    `pred_link` [centroids, nodes] comes from the shortest-path kernel; pairs without a path get 0.
    """
    n = network.centroids
    origin = np.repeat(np.arange(n), n)
    node = np.tile(np.arange(n), n)
    total = np.zeros(n * n)
    pair = np.arange(n * n)
    while len(pair):
        link = pred_link[origin[pair], node[pair]]
        pair, link = pair[link >= 0], link[link >= 0]
        total[pair] += values[link]
        node[pair] = network.link_tail[link]
    return total.reshape(n, n)


def _check_links(links: pd.DataFrame, tail: Ints, head: Ints) -> None:
    problems: list[DataError] = []
    for column, found in (("from_node", tail), ("to_node", head)):
        problems += [
            DataError(f"unknown node {links[column].iloc[i]!r}", where=at_row("links", links.index[i], column))
            for i in np.flatnonzero(found < 0)[:5]
        ]
    for column in ("length_m", "speed_limit_kmh", "capacity_veh_h"):
        values = links[column].to_numpy(float)
        for i in np.flatnonzero(~(np.isfinite(values) & (values > 0.0)))[:5]:
            where = at_row("links", links.index[i], column)
            problems.append(DataError(f"{values[i]!r} is not valid", where=where, expected="a positive number"))
    if problems:
        raise DataError("the street network cannot be used", where="links", problems=problems)


def _largest_part(tail: Ints, head: Ints, nodes: int) -> NDArray[np.bool_]:
    """Return which nodes are in the largest strongly connected part (of equal ones, that of the first node)."""
    graph = coo_array((np.ones(len(tail)), (tail, head)), shape=(nodes, nodes)).tocsr()
    _, label = connected_components(graph, directed=True, connection="strong")
    size = np.bincount(label)
    best = label[np.argmax(size[label])]
    return np.asarray(label == best)


def _zone_centres(city: City) -> Floats:
    """Return the centre of each zone: of its buildings weighted by residents and jobs, else of its polygon."""
    centre = shapely.get_coordinates(shapely.centroid(city.zones.geometry.to_numpy()))
    zone = city.zones.index.get_indexer(city.buildings["zone_id"])
    weight = (city.buildings["population"] + city.buildings["jobs"]).to_numpy(float) * (zone >= 0)
    xy = shapely.get_coordinates(shapely.centroid(city.buildings.geometry.to_numpy()))
    total = np.bincount(zone.clip(0), weight, len(centre))
    for axis in range(2):
        moment = np.bincount(zone.clip(0), weight * xy[:, axis], len(centre))
        centre[:, axis] = np.where(total > 0.0, moment / np.where(total > 0.0, total, 1.0), centre[:, axis])
    return np.asarray(centre)


def _zone_connectors(zone_xy: Floats, node_xy: Floats, usable: Ints) -> tuple[Ints, Ints, Floats]:
    """Return zone, node and distance (m) of every connector."""
    count = min(CONNECTORS_PER_ZONE, len(usable))
    tree = cKDTree(node_xy[usable])
    candidates = min(4 * count, len(usable))
    distance, position = (np.asarray(found).reshape(len(zone_xy), -1) for found in tree.query(zone_xy, k=candidates))
    order = np.lexsort((usable[position], distance), axis=1)[:, :count]
    zone = np.repeat(np.arange(len(zone_xy)), count)
    node = usable[np.take_along_axis(position, order, axis=1)].ravel()
    return zone, node, np.take_along_axis(distance, order, axis=1).ravel()
