"""Terrain as a grid of heights, from the triangles of a relief or, without one, from where the buildings stand."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from twin.city.model import Terrain
from twin.city.solids import Floats
from twin.errors import GeometryError

CELL_M = 2.0
MAX_CELLS = 4_000_000
GROUND_CELL_M = 10.0
NEIGHBOURS = 8
MAX_COVERED = 50 * MAX_CELLS
_BATCH = 5_000_000


def grid_of_triangles(triangles: Floats) -> Terrain:
    """Return the heights of a TIN (float64 (t, 3, 3)) at the middles of cells of 2 m, larger for huge reliefs.

    Cells that no triangle covers take the height of the nearest covered one; of triangles above each other the
    highest counts.
    """
    low, high = triangles[..., :2].min(axis=(0, 1)), triangles[..., :2].max(axis=(0, 1))
    cell, west, north, rows, columns = _frame(low, high, CELL_M)
    height = np.full(rows * columns, -np.inf)
    edge = np.array([west, north])
    box_low = np.floor((triangles[..., :2].min(axis=1) - edge) / cell).astype(np.int64)
    box_high = np.floor((triangles[..., :2].max(axis=1) - edge) / cell).astype(np.int64)
    wide = box_high[:, 0] - box_low[:, 0] + 1
    tall = box_high[:, 1] - box_low[:, 1] + 1
    count = wide * tall
    ends = np.cumsum(count)
    if ends[-1] > MAX_COVERED:
        raise GeometryError("the triangles of the terrain cover each other too often", expected="one height per place")
    start = 0
    while start < len(triangles):
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + _BATCH, side="right")), start + 1)
        which = np.repeat(np.arange(start, stop), count[start:stop])
        place = np.arange(len(which)) - np.repeat(ends[start:stop] - count[start:stop] - before, count[start:stop])
        column = box_low[which, 0] + place % wide[which]
        line = box_low[which, 1] + place // wide[which]
        z, inside = _at(triangles[which], west + (column + 0.5) * cell, north + (line + 0.5) * cell)
        row = -1 - line
        inside &= (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        np.maximum.at(height, row[inside] * columns + column[inside], z[inside])
        start = stop
    grid = height.reshape(rows, columns)
    return Terrain(_filled(grid, np.isfinite(grid)), west=west, north=north, cell_m=cell)


def grid_of_points(xy: Floats, z: Floats) -> Terrain:
    """Return heights between known points: the mean of the nearest eight, weighted by the inverse squared distance."""
    cell, west, north, rows, columns = _frame(xy.min(axis=0), xy.max(axis=0), GROUND_CELL_M)
    x = west + (np.arange(columns) + 0.5) * cell
    y = north - (np.arange(rows) + 0.5) * cell
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    order = np.lexsort((z, xy[:, 1], xy[:, 0]))
    near = min(NEIGHBOURS, len(xy))
    distance, index = cKDTree(xy[order]).query(places, k=[*range(1, near + 1)])
    weight = 1.0 / np.maximum(distance, 0.5 * cell) ** 2
    heights = (weight * z[order][index]).sum(axis=1) / weight.sum(axis=1)
    return Terrain(heights.reshape(rows, columns), west=west, north=north, cell_m=cell)


def height_at(terrain: Terrain, x: Floats, y: Floats) -> Floats:
    """Return the height of the cell under each point, of the nearest cell outside the grid."""
    rows, columns = terrain.height_m.shape
    row = np.clip(np.floor((terrain.north - y) / terrain.cell_m).astype(np.int64), 0, rows - 1)
    column = np.clip(np.floor((x - terrain.west) / terrain.cell_m).astype(np.int64), 0, columns - 1)
    return np.asarray(terrain.height_m[row, column], np.float64)


def _frame(low: Floats, high: Floats, cell: float) -> tuple[float, float, float, int, int]:
    width, depth = (np.maximum(high - low, cell)).tolist()
    cell = max(cell, math.ceil(math.sqrt(width * depth / MAX_CELLS)))
    west = math.floor(low[0] / cell) * cell
    north = math.ceil(high[1] / cell) * cell
    columns = max(1, math.ceil((high[0] - west) / cell))
    rows = max(1, math.ceil((north - low[1]) / cell))
    return cell, west, north, rows, columns


def _at(triangles: Floats, x: Floats, y: Floats) -> tuple[Floats, np.ndarray]:
    """Return the height of each triangle's plane at a point, and whether the point lies in the triangle."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    whole = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        u = ((x - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (y - a[:, 1])) / whole
        v = ((b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (x - a[:, 0]) * (b[:, 1] - a[:, 1])) / whole
        z = a[:, 2] + u * (b[:, 2] - a[:, 2]) + v * (c[:, 2] - a[:, 2])
        inside = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (whole != 0)
    return z, inside


def _filled(grid: Floats, known: np.ndarray) -> Floats:
    if known.all():
        return grid
    if not known.any():
        return np.zeros_like(grid)
    index = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(grid[tuple(index)], np.float64)
