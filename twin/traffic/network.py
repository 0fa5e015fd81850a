"""The street network as the kernels want it: a forward star of links and zone connectors.

Node numbers: zones, then cordon stations (both are centroids that paths do not pass through), then junctions. Closed
streets stay in the arrays with an infinite cost, so that node and link numbers do not depend on what is closed or
tolled; for the same reason connectors are laid without looking at closures. Only turn bans change the numbers: a
junction that has one is taken apart (see `twin.traffic.turns`), which adds nodes after all others.
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

from twin.city.frames import with_defaults
from twin.city.model import City
from twin.city.schema import LINKS
from twin.errors import DataError, at_row
from twin.traffic.classes import CLASSES, VehicleClass
from twin.traffic.parameters import TrafficParameters
from twin.traffic.turns import take_apart

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CONNECTORS_PER_ZONE = 3
CONNECTOR_CAPACITY = 1e9  # veh/h; connectors never congest


@dataclass(frozen=True)
class Network:
    """Arrays of a street network with connectors, sorted by tail node.

    ``row`` is the position of each link in the city's links layer, -1 for a connector or a turn. Times in minutes,
    lengths in km (0 for connectors and turns). ``fixed_cost`` [classes, links], in the order of
    `twin.traffic.classes.CLASSES`, holds operating cost and toll as minutes of the class, infinite where closed to it;
    ``reference_cost`` [classes, links] the same without tolls, closures and rules. ``position`` [zones + stations, 2]
    are the centroids in the city's CRS. ``access_zone`` [zones] tells zones that hold the middle of an access-only
    link.
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
    access_zone: NDArray[np.bool_]

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
        Links that name unknown nodes or turns, figures that are not positive, no links, or no zones.
    """
    links, nodes = with_defaults(city.links, LINKS), city.nodes
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
    turns = take_apart(tail, head, banned_pairs(links), np.concatenate([junction, stations]), len(nodes))
    n, c, t = len(links), 2 * len(near), len(turns.tail)
    all_tail = np.concatenate([first + turns.link_tail, near, first + turns.leave[far - first], first + turns.tail])
    all_head = np.concatenate([first + turns.link_head, far, near, first + turns.head])
    row = np.concatenate([np.arange(n), np.full(c + t, -1)])
    order = np.lexsort((row, all_head, all_tail))

    def on_links(values: Floats, connector: float | Floats, turn: float = 0.0) -> Floats:
        return np.concatenate([values, np.broadcast_to(connector, c), np.full(t, turn)])[order]

    length_km = links["length_m"].to_numpy(float) / 1000.0
    speed = links["speed_limit_kmh"].to_numpy(float) * parameters.free_flow_speed_ratio
    running, paid = zip(*(_class_cost(links, k, parameters) for k in CLASSES), strict=True)
    return Network(
        link_start=np.searchsorted(all_tail[order], np.arange(first + turns.nodes + 1)).astype(np.int64),
        link_head=all_head[order].astype(np.int64),
        link_tail=all_tail[order].astype(np.int64),
        row=row[order],
        length_km=on_links(length_km, 0.0),
        free_flow_time=on_links(length_km / speed * 60.0, np.concatenate([access, access])),
        capacity=on_links(links["capacity_veh_h"].to_numpy(float), CONNECTOR_CAPACITY, CONNECTOR_CAPACITY),
        alpha=on_links(np.full(n, parameters.bpr_alpha), 0.0),
        power=on_links(np.full(n, parameters.bpr_beta), 1.0, 1.0),
        fixed_cost=np.stack([on_links(cost, 0.0) for cost in paid]),
        reference_cost=np.stack([on_links(cost, 0.0) for cost in running]),
        zones=len(zone_xy),
        station_nodes=tuple(str(i) for i in ids[stations]),
        position=np.concatenate([zone_xy, node_xy[stations]]),
        access_zone=_access_zones(city, links),
    )


def banned_pairs(links: pd.DataFrame) -> Ints:
    """Return the banned turns of a links layer as positions of the link left and the link entered, int64 [turns, 2].

    Raises
    ------
    DataError
        Names that are no link, or a link that does not begin where the other ends; all are named.
    """
    said = links["banned_turns"].astype(str).to_numpy()
    rows = np.flatnonzero(said != "")
    pairs = [(int(row), name) for row in rows for name in said[row].split()]
    if not pairs:
        return np.empty((0, 2), np.int64)
    left = np.array([row for row, _ in pairs])
    entered = links.index.get_indexer(pd.Index([name for _, name in pairs], dtype="str"))
    start, end = links["from_node"].to_numpy(), links["to_node"].to_numpy()
    problems = []
    for (row, name), target in zip(pairs, entered, strict=True):
        if target < 0 or start[target] != end[row]:
            what = f"unknown link {name!r}" if target < 0 else f"the link {name!r} does not begin where this one ends"
            problems.append(DataError(what, where=at_row("links", links.index[row], "banned_turns")))
    if problems:
        raise DataError("the turn bans cannot be used", where="links", problems=problems[:20])
    return np.unique(np.column_stack([left, entered]), axis=0).astype(np.int64)


def _class_cost(links: pd.DataFrame, vehicle: VehicleClass, p: TrafficParameters) -> tuple[Floats, Floats]:
    """Return the cost of a class on every street in minutes: running alone, and with tolls and rules."""
    value, per_km, toll = {
        "van": (p.van_value_of_time_eur_h, p.van_operating_cost_eur_km, 1.0),
        "truck": (p.truck_value_of_time_eur_h, p.truck_operating_cost_eur_km, p.truck_toll_factor),
    }.get(vehicle.name, (p.value_of_time_eur_h, p.car_operating_cost_eur_km, 1.0))
    eur_to_min = 60.0 / value
    running = links["length_m"].to_numpy(float) / 1000.0 * per_km * eur_to_min
    shut = links["closed"].to_numpy(bool)
    if vehicle.old:
        shut = shut | links["low_emission"].to_numpy(bool)
    if not vehicle.access:
        shut = shut | links["access_only"].to_numpy(bool)
    if vehicle.name == "truck":
        shut = shut | links["truck_ban"].to_numpy(bool)
    return running, np.where(shut, np.inf, running + links["toll_eur"].to_numpy(float) * toll * eur_to_min)


def _access_zones(city: City, links: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which zones hold the middle of an access-only link."""
    lines = links.geometry.to_numpy()[links["access_only"].to_numpy(bool)]
    middles = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    tree = shapely.STRtree(city.zones.geometry.to_numpy())
    held = np.zeros(len(city.zones), bool)
    held[tree.query(middles, predicate="intersects")[1]] = True
    return held


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
