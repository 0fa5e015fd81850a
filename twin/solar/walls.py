"""Outer walls of buildings in strips, each with the cell in front of it from which its light is taken."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.solar.scene import NO_RECEIVER, Scene, Walls
from twin.solar.shapes import Shapes

Float = NDArray[np.float64]
Int = NDArray[np.int64]

STRIP_M = 2.5
SHORTEST_M = 0.05
LOWEST_M = 0.5
"""Strips that rise less than this above their neighbour or the ground are not walls of their own."""
STEPS = (0.75, 1.25, 1.75)
"""Cells ahead of the wall at which a cell is looked for that is not the building's own."""


def walls_of(shapes: Shapes, scene: Scene, buildings: Int) -> Walls:
    """Return the free walls of some buildings, in the order of the buildings and of their footprints' edges.

    The sides of the footprint and of its courtyards are cut into strips of about 2.5 m. A strip begins at the height
    of what lies in the cell in front of it, the ground or a neighbour's roof, and ends at the roof above it: a party
    wall is free only above the lower neighbour.

    Parameters
    ----------
    shapes : Shapes
    scene : Scene
        Holds the buildings and two cells around them; `shapes.raster` gives it.
    buildings : int64
        Rows of the buildings to take.
    """
    owner, edge, a, b = _edges(shapes.footprint[buildings])
    along = b - a
    length = np.hypot(along[:, 0], along[:, 1])
    long = length >= SHORTEST_M
    owner, edge, a, along, length = owner[long], edge[long], a[long], along[long], length[long]
    pieces = np.maximum(np.round(length / STRIP_M), 1.0).astype(np.int64)
    e = np.repeat(np.arange(len(length)), pieces)
    place = np.arange(len(e)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    point = a[e] + along[e] * ((place + 0.5) / pieces[e])[:, None]
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1)[e] / length[e][:, None]
    building = buildings[owner[e]]
    row, column, found = _front(scene, point, normal, building)
    top = _top(shapes, scene, point, normal, building)
    foot = scene.surface_m[row - scene.first_row, column - scene.first_column].astype(np.float64)
    kept = np.flatnonzero(found & (top - foot >= LOWEST_M))
    azimuth = np.degrees(np.arctan2(normal[kept, 0], normal[kept, 1])) % 360.0
    return Walls(
        building=building[kept],
        edge=edge[e][kept],
        azimuth_deg=azimuth,
        length_m=(length / pieces)[e][kept],
        foot_m=foot[kept],
        top_m=top[kept],
        row=row[kept],
        column=column[kept],
    )


def _edges(footprint: NDArray[np.object_]) -> tuple[Int, Int, Float, Float]:
    """Return owner, number within the owner, first and last point of all edges, the outside to their right."""
    parts, part_owner = shapely.get_parts(footprint, return_index=True)
    parts = shapely.orient_polygons(shapely.force_2d(parts), exterior_cw=False)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = np.flatnonzero(ring[1:] == ring[:-1])
    owner = part_owner[ring_part[ring[same]]].astype(np.int64)
    return owner, np.arange(len(owner)) - np.searchsorted(owner, owner), xy[same], xy[same + 1]


def _label_at(scene: Scene, point: Float) -> tuple[Int, Int, Int]:
    """Return global row, column and label of the cells under points."""
    row = np.floor(-point[:, 1] / scene.cell_m).astype(np.int64)
    column = np.floor(point[:, 0] / scene.cell_m).astype(np.int64)
    return row, column, scene.label[row - scene.first_row, column - scene.first_column].astype(np.int64)


def _front(scene: Scene, point: Float, normal: Float, building: Int) -> tuple[Int, Int, NDArray[np.bool_]]:
    """Return the first cell ahead of each wall that is not its own building, and whether there is one."""
    row, column = (np.full(len(point), v, np.int64) for v in (scene.first_row, scene.first_column))
    found = np.zeros(len(point), bool)
    for step in STEPS:
        rest = np.flatnonzero(~found)
        i, j, label = _label_at(scene, point[rest] + step * scene.cell_m * normal[rest])
        # The last of the planes stands in for no plane, as index -1 does; whether there is one is tested beside it.
        free = (label == NO_RECEIVER) | (scene.planes.building[label] != building[rest])
        row[rest[free]], column[rest[free]] = i[free], j[free]
        found[rest[free]] = True
    return row, column, found


def _top(shapes: Shapes, scene: Scene, point: Float, normal: Float, building: Int) -> Float:
    """Return the height of the roof above each wall: its plane's, continued to the wall, or the highest point."""
    _, _, label = _label_at(scene, point - STEPS[0] * scene.cell_m * normal)
    top = shapes.top_m[building]
    own = (label != NO_RECEIVER) & (shapes.planes.building[label] == building)
    top[own] = shapes.surfaces.height(label[own], point[own, 0], point[own, 1])
    return np.asarray(top)
