"""Street layouts of synthetic cities: crossings, streets with their class, and the blocks between them."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from twin.city.frames import layer_frame
from twin.city.rules import ROADS, RoadRates
from twin.city.schema import IMPUTED, LINKS, NODES
from twin.random import entity_keys, uniform

PITCH_M = 100.0
JITTER_M = 6.0
CORE_RADIUS_M = 150.0
CORE_SECTORS = 8
STATION_DISTANCE_M = 400.0
RING_ROAD_FROM = 40
"""Grids of at least this many blocks a side have a trunk road around them."""


@dataclass(frozen=True)
class Layout:
    """A street network and its blocks, around the origin, in metres.

    Attributes
    ----------
    nodes : float64 (n, 2)
        Crossings and, last, cordon stations.
    external : bool (n,)
        Whether a node is a cordon station.
    edges : int64 (m, 2)
        Undirected streets as pairs of nodes.
    road_class : object (m,)
        Class of each street.
    street : object (m,)
        Name of each street.
    corners : float64 (b, 4, 2)
        Corners of each block, counter-clockwise; the first side runs along the street that the houses face.
    radius_m : float
        Distance of the farthest crossing from the centre.
    """

    nodes: NDArray[np.float64]
    external: NDArray[np.bool_]
    edges: NDArray[np.int64]
    road_class: NDArray[np.object_]
    street: NDArray[np.object_]
    corners: NDArray[np.float64]
    radius_m: float


def grid_layout(size: int, seed: int) -> Layout:
    """Return a grid of `size` × `size` blocks: arterials every 5 and 10 streets, residential streets between."""
    lines = size + 1
    centre = size // 2
    column, row = (a.ravel() for a in np.meshgrid(np.arange(lines), np.arange(lines)))
    nodes = np.column_stack([column, row]).astype(np.float64) * PITCH_M - 0.5 * size * PITCH_M
    nodes += _jitter(seed, [f"{c}/{r}" for c, r in zip(column.tolist(), row.tolist(), strict=True)])

    index = np.arange(lines * lines, dtype=np.int64).reshape(lines, lines)  # [row, column]
    along_rows = np.column_stack([index[:, :-1].ravel(), index[:, 1:].ravel()])
    along_columns = np.column_stack([index[:-1].ravel(), index[1:].ravel()])
    classes = _grid_classes(lines, centre)
    line_of_row_edge = np.repeat(np.arange(lines), size)
    line_of_column_edge = np.tile(np.arange(lines), size)
    names_row = np.array([f"{k + 1}. Street" for k in range(lines)], object)
    names_column = np.array([f"{k + 1}. Avenue" for k in range(lines)], object)
    edges = np.concatenate([along_rows, along_columns])
    road_class = np.concatenate([classes[line_of_row_edge], classes[line_of_column_edge]])
    street = np.concatenate([names_row[line_of_row_edge], names_column[line_of_column_edge]])
    if size >= 6:
        _calm_centre(edges, road_class, nodes)

    low = index[:-1, :-1].ravel()
    corners = nodes[np.column_stack([low, low + 1, low + lines + 1, low + lines])]
    arterials = np.flatnonzero(classes == "primary")
    arterials = arterials[(arterials > 0) & (arterials < size)]
    gates = np.concatenate([index[arterials, 0], index[arterials, -1], index[0, arterials], index[-1, arterials]])
    outward = np.repeat([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]], len(arterials), axis=0)
    return _with_stations(nodes, edges, road_class, street, corners, gates, outward)


def ring_layout(rings: int, seed: int) -> Layout:
    """Return a ring-radial network of `rings` rings of blocks around a square; radials double as the rings widen."""
    radii = CORE_RADIUS_M + PITCH_M * np.arange(rings + 1)
    sectors = CORE_SECTORS * 2 ** np.floor(np.log2(radii / CORE_RADIUS_M)).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(sectors)])
    ring = np.repeat(np.arange(rings + 1), sectors)
    sector = np.arange(first[-1]) - first[ring]
    angle = 2 * np.pi * sector / sectors[ring]
    nodes = radii[ring, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    nodes += _jitter(seed, [f"{k}/{j}" for k, j in zip(ring.tolist(), sector.tolist(), strict=True)])

    here = np.arange(first[-1], dtype=np.int64)
    following = first[ring] + (sector + 1) % sectors[ring]
    inner = here[ring < rings]
    ring_in, sector_in = ring[inner], sector[inner]
    ratio = sectors[ring_in + 1] // sectors[ring_in]
    outer = first[ring_in + 1] + sector_in * ratio
    outer_next = first[ring_in + 1] + (sector_in + 1) * ratio % sectors[ring_in + 1]

    edges = np.concatenate([np.column_stack([here, following]), np.column_stack([inner, outer])])
    ring_class = np.select(
        [(ring == rings) & (rings >= RING_ROAD_FROM // 2), ring % 10 == 5, ring % 5 == 0, ring % 2 == 0],
        ["trunk", "primary", "secondary", "tertiary"],
        "residential",
    )
    share = sector_in / sectors[ring_in]
    radial_class = np.select(
        [share * 8 % 1 == 0, share * 16 % 1 == 0, share * 64 % 1 == 0],
        ["primary", "secondary", "tertiary"],
        "residential",
    )
    road_class = np.concatenate([ring_class, radial_class]).astype(object)
    names = [f"Ring {k + 1}" for k in ring.tolist()] + [f"Radial {round(s * 360, 1)}" for s in share.tolist()]
    street = np.array(names, object)

    corners = nodes[np.column_stack([following[inner], here[inner], outer, outer_next])]
    gates = here[(ring == rings) & (sector * CORE_SECTORS % sectors[ring] == 0)]
    outward = nodes[gates] / np.hypot(*nodes[gates].T)[:, None]
    return _with_stations(nodes, edges, road_class, street, corners, gates, outward)


def network_layers(
    streets: Layout, centre_m: NDArray[np.float64], crs: str
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return nodes and directed links (two per street) of a layout laid around `centre_m`, float64 (2,)."""
    digits = len(str(len(streets.nodes)))
    node_ids = np.array([f"n{i:0{digits}d}" for i in range(len(streets.nodes))], object)
    points = shapely.points(streets.nodes + centre_m)
    nodes = layer_frame(NODES, node_ids, {"external": streets.external}, points, crs)

    digits = len(str(len(streets.edges)))
    edge_ids = [f"w{i:0{digits}d}" for i in range(len(streets.edges))]
    ends = np.stack([streets.edges, streets.edges[:, ::-1]], axis=1).reshape(-1, 2)
    lines = streets.nodes[ends] + centre_m
    road_class = np.repeat(streets.road_class, 2)
    rates = {name: np.array([getattr(ROADS[k], name) for k in road_class]) for name in RoadRates.__annotations__}
    columns = {
        "name": np.repeat(streets.street, 2),
        "from_node": node_ids[ends[:, 0]],
        "to_node": node_ids[ends[:, 1]],
        "road_class": road_class,
        "length_m": np.hypot(*(lines[:, 1] - lines[:, 0]).T),
        "lanes": rates["lanes"],
        "speed_limit_kmh": rates["speed_limit_kmh"],
        "capacity_veh_h": rates["lanes"] * rates["capacity_per_lane_veh_h"],
    }
    ids = [f"{i}/{way}" for i in edge_ids for way in "fb"]
    return nodes, layer_frame(LINKS, ids, columns, shapely.linestrings(lines), crs, origin=f"{IMPUTED}road_class")


def _grid_classes(lines: int, centre: int) -> NDArray[np.object_]:
    distance = np.abs(np.arange(lines) - centre)
    classes = np.select(
        [distance % 10 == 0, distance % 5 == 0, distance % 5 == 2],
        ["primary", "secondary", "tertiary"],
        "residential",
    ).astype(object)
    if lines > RING_ROAD_FROM:
        classes[[0, -1]] = "trunk"
    return classes


def _calm_centre(edges: NDArray[np.int64], road_class: NDArray[np.object_], nodes: NDArray[np.float64]) -> None:
    """Make the residential streets within two blocks of the centre living streets."""
    middle = np.abs(nodes[edges].mean(axis=1)).max(axis=1)
    road_class[(middle < 2 * PITCH_M) & (road_class == "residential")] = "living_street"


def _jitter(seed: int, names: list[str]) -> NDArray[np.float64]:
    return (2 * uniform(seed, "synthetic.node", entity_keys(names), n=2) - 1) * JITTER_M


def _with_stations(
    nodes: NDArray[np.float64],
    edges: NDArray[np.int64],
    road_class: NDArray[np.object_],
    street: NDArray[np.object_],
    corners: NDArray[np.float64],
    gates: NDArray[np.int64],
    outward: NDArray[np.float64],
) -> Layout:
    """Add a cordon station beyond each gate, joined by a road of the primary class."""
    stations = nodes[gates] + STATION_DISTANCE_M * outward
    station = len(nodes) + np.arange(len(gates))
    names = np.array([f"Gate road {k + 1}" for k in range(len(gates))], object)
    return Layout(
        nodes=np.concatenate([nodes, stations]),
        external=np.arange(len(nodes) + len(gates)) >= len(nodes),
        edges=np.concatenate([edges, np.column_stack([gates, station])]),
        road_class=np.concatenate([road_class, np.full(len(gates), "primary", object)]),
        street=np.concatenate([street, names]),
        corners=corners,
        radius_m=float(np.hypot(*nodes.T).max()),
    )
