"""Heights inside of cells: what a ray of `twin.kernels.solar.sweep` meets at the edges of a row.

A cell is a piece of a plane. Two cells whose planes each pass above the other's middle meet in a ridge between them,
which stands for the edge: it is higher than the edge of one of the two cells and lower than that of the other. Cells
that the edge of a building cuts have a plane of their own over each quarter (`twin.kernels.solar.cut_cells`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]

SAME, BENT = np.float32(0.01), np.float32(0.04)
"""Metres by which cells may miss each other's planes and still lie in one roof, well above what heights round to; and
from which change of the rise two planes make a ridge."""


class Roof(NamedTuple):
    """What rays meet inside of cells, for light along the columns; float32 arrays."""

    rise: Float32
    """[2, rows, columns] What the roof rises from the middle of a cell to the next (0) or previous (1) column."""
    edge: Float32
    """[2, rows, columns] Height amid the edge to the next (0) or previous (1) row, or of the ridge by it."""
    within: Float32
    """[2, rows, columns] How far inside of the cell that ridge is, rows; 0 where it is beyond the edge."""
    edge_rise: Float32
    """[2, 2, rows, columns] What the roof rises along these edges to the next (0) or previous (1) column."""


class Halves(NamedTuple):
    """What rays meet on the quarters of cells, for light along the columns; float32 arrays.

    The first axis tells the half of the row, or the end at which it is: 0 the previous row for `z` and `aside`, the end
    to the next row for the others, as in `Roof`. The second tells the half of the cell aside, 0 that of the previous
    column.
    """

    z: Float32
    """[2, 2, rows, columns] Height of the quarter's plane in the middle of the cell."""
    aside: Float32
    """[2, 2, rows, columns] What that plane rises to the next column."""
    edge: Float32
    """[2, 2, rows, columns] `Roof.edge`, `Roof.within` and `Roof.edge_rise` of the quarter."""
    within: Float32
    edge_rise: Float32
    """[2, 2, 2, rows, columns] The third axis tells the side, as in `Roof`."""


def _pairs(axis: int, towards: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return slices of all cells that have a next (0) or previous (1) one along an axis, and of those neighbours."""
    before, after = (slice(None),) * axis + (slice(None, -1),), (slice(None),) * axis + (slice(1, None),)
    return (before, after) if towards == 0 else (after, before)


def roof_of(z: Float32, along: Float32, aside: Float32) -> Roof:
    """Return the roof of cells of height `z` that rise by `along` to the next row and by `aside` to the next column."""
    half, two = np.float32(0.5), np.float32(2.0)
    roof = Roof(*(np.zeros((*n, *z.shape), np.float32) for n in ((2,), (2,), (2,), (2, 2))))
    for side, sign in ((0, np.float32(1.0)), (1, np.float32(-1.0))):
        roof.rise[side] = sign * aside
        own, other = _pairs(1, side)
        p, q = sign * aside[own], sign * aside[other]
        ridge = (z[own] <= z[other] - q + SAME) & (z[other] <= z[own] + p + SAME)
        roof.rise[side][own] = np.where(ridge, np.minimum(p, two * (z[other] - half * q - z[own])), p)
    for end, sign in ((0, np.float32(1.0)), (1, np.float32(-1.0))):
        roof.edge[end] = z + half * (sign * along)
        roof.edge_rise[end] = roof.rise
        own, other = _pairs(0, end)
        p, q = sign * along[own], sign * along[other]
        ridge = (z[own] <= z[other] - q + SAME) & (z[other] <= z[own] + p + SAME)
        here, there = z[own] + half * p, z[other] - half * q
        bent = ridge & (p - q > BENT)
        way = (there - here) / np.where(bent, p - q, np.float32(1.0))
        roof.edge[end][own] = np.where(bent, here + p * way, here)
        roof.within[end][own] = np.where(bent, np.clip(-way, np.float32(0.0), half), np.float32(0.0))
        for side in (0, 1):
            rise = roof.rise[side]
            roof.edge_rise[end, side][own] = np.where(ridge, np.minimum(rise[own], rise[other]), rise[own])
    return roof


def halves_of(z: Float32, along: Float32, aside: Float32, cut: Int64, plane: Float32) -> Halves:
    """Return `roof_of` by quarters of cells; `plane` [cuts, 3] has the z, along and aside of those that are cut."""
    roof = roof_of(z, along, aside)
    both = (np.repeat(a[:, None], 2, axis=1) for a in (roof.edge, roof.within, roof.edge_rise))
    out = Halves(np.tile(z, (2, 2, 1, 1)), np.tile(aside, (2, 2, 1, 1)), *both)
    for (i, j, quarter), (height, up, over) in zip(cut.tolist(), plane, strict=True):
        row_half, half = divmod(quarter, 2)
        end = 1 - row_half
        out.z[row_half, half, i, j], out.aside[row_half, half, i, j] = height, over
        out.edge[end, half, i, j] = height + np.float32(0.5) * (up if end == 0 else -up)
        out.within[end, half, i, j] = 0.0
        out.edge_rise[end, half, :, i, j] = over, -over
    return out


def rises(slope_x: Float32, slope_y: Float32, shape: tuple[int, ...], cell_m: float) -> tuple[Float32, Float32]:
    """Return what cells rise to the next row and to the next column, m; zeros where no slopes are given."""
    if slope_x.size == 0:
        return np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    return slope_y * np.float32(-cell_m), slope_x * np.float32(cell_m)
