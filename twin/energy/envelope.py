"""From footprints to the areas that lose heat: outer walls without party walls, windows by orientation, roof, floor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.energy.archetypes import USES, Use

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

ORIENTATIONS = 8
TOUCHING_M = 0.3
"""Footprints closer than this share a party wall; drawn footprints rarely meet exactly."""
LARGEST_WINDOWS = 0.3
"""Window area over floor area at most, so that towers and churches stay plausible (assumption)."""


@dataclass(frozen=True)
class Shells:
    """Outer surfaces of buildings, in the order of the rows they were made from.

    Parameters
    ----------
    wall_m2, window_m2 : float64 (n, 8)
        Opaque outer wall and windows facing 0°, 45°, … clockwise from north.
    party_wall_m2 : float64 (n,)
        Wall shared with neighbours, no loss.
    roof_m2, floor_m2 : float64 (n,)
    between_m2 : float64 (n,)
        Floor shared with the other zone of the building.
    """

    wall_m2: NDArray[np.float64]
    window_m2: NDArray[np.float64]
    party_wall_m2: NDArray[np.float64]
    roof_m2: NDArray[np.float64]
    floor_m2: NDArray[np.float64]
    between_m2: NDArray[np.float64]


def build_shells(
    buildings: gpd.GeoDataFrame, rows: slice | NDArray[np.int64] = slice(None), uses: Mapping[str, Use] = USES
) -> Shells:
    """Return the outer surfaces of some buildings; all buildings count as neighbours.

    Where a neighbour is lower, the wall above its eaves is an outer wall.
    """
    which = np.arange(len(buildings))[rows]
    mine = buildings.iloc[rows]
    walls, party = outer_walls(buildings, which, mine["height_m"].to_numpy(np.float64))
    windows = walls * window_share(mine, walls, uses)[:, None]
    footprint = mine["footprint_area_m2"].to_numpy(np.float64)
    return Shells(walls - windows, windows, party, footprint, footprint, np.zeros(len(which)))


def window_share(zones: pd.DataFrame, walls: NDArray[np.float64], uses: Mapping[str, Use]) -> NDArray[np.float64]:
    """Return the windows over the outer walls (n, 8) of zones with their use and floor area, float64 (n,)."""
    share = zones["use"].map({use: uses[use].window_share for use in uses}).to_numpy(np.float64)
    wanted = share * walls.sum(axis=1)
    most = LARGEST_WINDOWS * zones["floor_area_m2"].to_numpy(np.float64)
    return np.asarray(share * np.minimum(1.0, most / np.maximum(wanted, 1e-9)))


def outer_walls(
    buildings: gpd.GeoDataFrame, which: NDArray[np.int64], up_to_m: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the outer walls by orientation (n, 8) and the party walls (n,) of some buildings up to a height each."""
    geometry = np.asarray(buildings.geometry.array)
    height = buildings["height_m"].to_numpy(np.float64)
    owner, segments, bearing = _segments(shapely.orient_polygons(geometry[which]))
    length = shapely.length(segments)
    own = up_to_m[owner]
    shared = np.minimum(_shared_area(geometry, height, which[owner], own, segments), length * own)
    outer = length * own - shared
    walls, party = np.zeros((len(which), ORIENTATIONS)), np.zeros(len(which))
    sector = np.round(bearing / (360.0 / ORIENTATIONS)).astype(np.int64) % ORIENTATIONS
    np.add.at(walls, (owner, sector), outer)
    np.add.at(party, owner, shared)
    return walls, party


def _segments(
    geometry: NDArray[np.object_],
) -> tuple[NDArray[np.int64], NDArray[np.object_], NDArray[np.float64]]:
    """Return the owner, the line and the bearing of the outward normal of every edge of every ring.

    Rings are oriented with the building on their left, so the outside is on the right.
    """
    parts, part_owner = shapely.get_parts(geometry, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    start, end = xy[:-1][same], xy[1:][same]
    delta = end - start
    bearing = np.degrees(np.arctan2(delta[:, 1], -delta[:, 0])) % 360.0  # of (dy, -dx), clockwise from north
    owner = part_owner[ring_part[ring[:-1][same]]]
    segments = np.asarray(shapely.linestrings(np.stack([start, end], axis=1)))
    return owner, segments, bearing


def _shared_area(
    geometry: NDArray[np.object_],
    height: NDArray[np.float64],
    building: NDArray[np.int64],
    up_to_m: NDArray[np.float64],
    segments: NDArray[np.object_],
) -> NDArray[np.float64]:
    """Return the area of each edge's wall that stands against neighbours.

    Each edge has its building and a height up to which its wall counts. The length within `TOUCHING_M` of the neighbour
    counts; a stub no longer than that is a wall meeting a corner.
    """
    edge, other = shapely.STRtree(geometry).query(segments, predicate="dwithin", distance=TOUCHING_M)
    foreign = building[edge] != other
    edge, other = edge[foreign], other[foreign]
    order = np.lexsort((other, edge))
    edge, other = edge[order], other[order]
    area = np.zeros(len(segments))
    if edge.size:
        needed, position = np.unique(other, return_inverse=True)
        grown = shapely.buffer(geometry[needed], TOUCHING_M, join_style="mitre")
        touching = shapely.length(shapely.intersection(segments[edge], grown[position]))
        touching[touching <= 2.0 * TOUCHING_M] = 0.0
        low = np.minimum(up_to_m[edge], height[other])
        np.add.at(area, edge, touching * low)
    return area
