"""Cells that the edge of a building cuts: what stands over each quarter of them.

A cell of the raster has the height and slopes of what stands over its middle. Where the edge of a roof passes through a
cell, something else stands over some of its quarters; the sweep casts shadows from these. A quarter that only lies
beyond a ridge of the same roof is not cut: the sweep knows ridges from the planes of the cells.

Quarters have the numbers 0 north-west, 1 north-east, 2 south-west and 3 south-east, and are looked at in their middles,
a quarter of the cell aside of its middle each way (`quarter_ways`).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from twin.kernels.jit import njit
from twin.kernels.solar.sweep_heights import SAME

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]

NO_CUT: Int64 = np.zeros((0, 3), np.int64)
NO_CUT_PLANE: Float32 = np.zeros((0, 3), np.float32)
QUARTERS = 4


def quarter_ways(quarter: int, cell_m: float) -> tuple[float, float]:
    """Return how far to the east and to the north of the middle of a cell that of its quarter lies, m."""
    return (quarter % 2 - 0.5) * 0.5 * cell_m, (0.5 - quarter // 2) * 0.5 * cell_m


def cut_cells(
    cell_m: float,
    surface_m: Float32,
    slope_x: Float32,
    slope_y: Float32,
    quarters: Iterable[tuple[Float32, Float32, Float32]],
) -> tuple[Int64, Float32]:
    """Return the quarters of cells over which something else stands than over the middle of the cell.

    Parameters
    ----------
    cell_m : float
        Width of a cell, m.
    surface_m, slope_x, slope_y : float32 [rows, columns]
        Height (m) over the middles of the cells, and what it rises per metre to the east and to the north.
    quarters : four times the same
        Over the middles of the quarters 0 to 3, one after the other.

    Returns
    -------
    cut : int64 [cuts, 3]
        Row, column and quarter, in this order.
    cut_plane : float32 [cuts, 3]
        Plane over the quarter: its height where it passes the middle of the cell (m), and its slopes as above.
    """
    found = [
        _cut(surface_m, slope_x, slope_y, *quarter, *(np.float32(way) for way in quarter_ways(q, cell_m)))
        for q, quarter in enumerate(quarters)
    ]
    where = [np.column_stack([row, column, np.full(len(row), q)]) for q, (row, column, _) in enumerate(found)]
    cut, plane = np.concatenate(where), np.concatenate([p for _, _, p in found])
    order = np.lexsort(cut.T[::-1])
    return cut[order].astype(np.int64), plane[order]


@njit(cache=True)
def _cut(z, slope_x, slope_y, other, other_x, other_y, east, north):  # type: ignore[no-untyped-def]
    """Return row, column and plane of the cells of which one quarter is cut."""
    rows, columns = z.shape
    size = 0
    for fill in (False, True):
        row, column, plane = np.empty(size, np.int64), np.empty(size, np.int64), np.empty((size, 3), np.float32)
        n = 0
        for i in range(rows):
            for j in range(columns):
                here = z[i, j] + (slope_x[i, j] * east + slope_y[i, j] * north)
                middle = other[i, j] - (other_x[i, j] * east + other_y[i, j] * north)
                if other[i, j] <= here + SAME and z[i, j] <= middle + SAME:
                    continue
                if fill:
                    row[n], column[n] = i, j
                    plane[n, 0], plane[n, 1], plane[n, 2] = middle, other_x[i, j], other_y[i, j]
                n += 1
        size = n
    return row, column, plane


def cuts_within(cut: Int64, cut_plane: Float32, part: tuple[slice, slice]) -> tuple[Int64, Float32]:
    """Return the cuts in a part of the grid, rows and columns counted from its first."""
    rows, columns = part
    some = (cut[:, 0] >= rows.start) & (cut[:, 0] < rows.stop)
    some &= (cut[:, 1] >= columns.start) & (cut[:, 1] < columns.stop)
    return cut[some] - np.array([rows.start, columns.start, 0]), cut_plane[some]


def oriented(cut: Int64, cut_plane: Float32, cell_m: float, sideways: bool) -> tuple[Int64, Float32]:
    """Return the cuts of the grid, transposed where light runs along the rows, by row.

    The planes are given as their height, what they rise to the next row and what to the next column, m.
    """
    along, aside = cut_plane[:, 2] * np.float32(-cell_m), cut_plane[:, 1] * np.float32(cell_m)
    if sideways:
        row, column, quarter = cut.T
        cut = np.stack([column, row, quarter % 2 * 2 + quarter // 2], axis=1)
        along, aside = aside, along
    order = np.lexsort(cut.T[::-1])
    return cut[order], np.stack([cut_plane[:, 0], along, aside], axis=1)[order]
