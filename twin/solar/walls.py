"""Outer walls of buildings in strips, each with the cell in front of it from which its light is taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.solar.scene import NO_RECEIVER, Scene, Walls
from twin.solar.shapes import Shapes

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Objects = NDArray[np.object_]

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
    strips = _strips(shapes.footprint[buildings], buildings)
    row, column, found = _front(scene, strips)
    foot = scene.surface_m[row - scene.first_row, column - scene.first_column].astype(np.float64)
    return _free(strips, row, column, foot, _top(shapes, scene, strips), found)


def walls_of_raster(
    scene: Scene, building: NDArray[np.integer], ground_m: NDArray[np.floating], outline: Objects
) -> Walls:
    """Return the free walls of the buildings of a surface model, as `walls_of` does.

    A surface model shows no walls: they stand on the outlines, on the ground or the roof of the building that touches
    them, and end at the roof inside, whose plane is continued to the wall. Cells of an outline that are in no plane
    take the surface as it is. Strips that leave the raster are left out.

    Parameters
    ----------
    scene : Scene
        From `twin.solar.segment.scene_of`.
    building : int [r, c]
        Building of each cell, as its row in `outline`; -1 outside.
    ground_m : float [r, c]
        Height of the ground.
    outline : object [n]
        Polygons of all buildings, in the scene's coordinates; None has no walls.
    """
    known = np.flatnonzero(shapely.is_geometry(outline) & ~shapely.is_empty(outline))
    strips = _strips(outline[known], known)
    shape = scene.label.shape

    def under(point: Float) -> tuple[Int, Int, NDArray[np.bool_], NDArray[np.bool_]]:
        """Return row and column in the raster, whether there are such, and whether that cell is the wall's building."""
        i = np.floor((scene.north - point[:, 1]) / scene.cell_m).astype(np.int64)
        j = np.floor((point[:, 0] - scene.west) / scene.cell_m).astype(np.int64)
        inside = (i >= 0) & (i < shape[0]) & (j >= 0) & (j < shape[1])
        i, j = np.where(inside, i, 0), np.where(inside, j, 0)
        return i, j, inside, inside & (building[i, j] == strips.building)

    many = len(strips.edge)
    (row, column), top, (found, roof) = np.zeros((2, many), np.int64), np.zeros(many), np.zeros((2, many), bool)
    for step in STEPS:
        i, j, inside, mine = under(strips.point + step * scene.cell_m * strips.normal)
        new = inside & ~mine & ~found
        row[new], column[new], found[new] = i[new], j[new], True
    for step in STEPS:
        i, j, _, mine = under(strips.point - step * scene.cell_m * strips.normal)
        new = mine & ~roof
        east = strips.point[:, 0] - (scene.west + (j + 0.5) * scene.cell_m)
        north = strips.point[:, 1] - (scene.north - (i + 0.5) * scene.cell_m)
        height = scene.surface_m[i, j] + scene.slope_x[i, j] * east + scene.slope_y[i, j] * north
        top[new], roof[new] = height[new], True
    touching = building[row, column] >= 0
    foot = np.where(touching, scene.surface_m[row, column], ground_m[row, column]).astype(np.float64)
    return _free(strips, row + scene.first_row, column + scene.first_column, foot, top, found & roof)


@dataclass(frozen=True)
class _Strips:
    """Strips of walls before it is known what of them is free: middle and outward normal [w, 2]."""

    building: Int
    edge: Int
    length: Float
    point: Float
    normal: Float


def _strips(footprint: Objects, buildings: Int) -> _Strips:
    """Return the sides of footprints in strips of about `STRIP_M`."""
    owner, edge, a, b = _edges(footprint)
    along = b - a
    length = np.hypot(along[:, 0], along[:, 1])
    long = length >= SHORTEST_M
    owner, edge, a, along, length = owner[long], edge[long], a[long], along[long], length[long]
    pieces = np.maximum(np.round(length / STRIP_M), 1.0).astype(np.int64)
    e = np.repeat(np.arange(len(length)), pieces)
    place = np.arange(len(e)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    point = a[e] + along[e] * ((place + 0.5) / pieces[e])[:, None]
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1)[e] / length[e][:, None]
    return _Strips(buildings[owner[e]], edge[e], (length / pieces)[e], point, normal)


def _free(strips: _Strips, row: Int, column: Int, foot: Float, top: Float, found: NDArray[np.bool_]) -> Walls:
    """Return the strips that rise above what is in front of them."""
    kept = np.flatnonzero(found & (top - foot >= LOWEST_M))
    return Walls(
        building=strips.building[kept],
        edge=strips.edge[kept],
        azimuth_deg=np.degrees(np.arctan2(strips.normal[kept, 0], strips.normal[kept, 1])) % 360.0,
        length_m=strips.length[kept],
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


def _front(scene: Scene, strips: _Strips) -> tuple[Int, Int, NDArray[np.bool_]]:
    """Return the first cell ahead of each wall that is not its own building, and whether there is one."""
    point, normal, building = strips.point, strips.normal, strips.building
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


def _top(shapes: Shapes, scene: Scene, strips: _Strips) -> Float:
    """Return the height of the roof above each wall: its plane's, continued to the wall, or the highest point."""
    point, normal, building = strips.point, strips.normal, strips.building
    _, _, label = _label_at(scene, point - STEPS[0] * scene.cell_m * normal)
    top = shapes.top_m[building]
    own = (label != NO_RECEIVER) & (shapes.planes.building[label] == building)
    top[own] = shapes.surfaces.height(label[own], point[own, 0], point[own, 1])
    return np.asarray(top)
