"""Cells that the edge of a building cuts, fast: the quarters of `twin.kernels.solar.sweep_heights.halves_of`.

The rows of a block are written once for each half of the cells and for a batch of suns; a ray takes those of the half
in which it is. That it entered a cell higher than it leaves it matters at few cells, the steps, which are walked alone.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.solar.cut_cells import Float32, Int64
from twin.kernels.solar.sweep_heights import Roof
from twin.kernels.solar.sweep_rows import ROWS, after_cell, after_entry, light_level


class Quarters(NamedTuple):
    """Rows of a block by half of their cells, 0 that of the previous column; float32 arrays."""

    z: np.ndarray
    """[2, 2, ROWS, columns] Height of the planes by which rays leave (0) and enter (1) the row, by half."""
    aside: np.ndarray
    """[2, ROWS, columns] What those by which they leave rise to the next column."""
    rise: np.ndarray
    """[2, ROWS + 2, columns] `Roof.rise` without cuts; the first row of the block is row 1, here and below."""
    edge: np.ndarray
    """[2, 2, ROWS + 2, columns] `Roof.edge` and `Roof.within` by half and end."""
    within: np.ndarray
    edge_rise: np.ndarray
    """[2, 2, 2, ROWS + 2, columns] `Roof.edge_rise` by half, end and side."""


@njit(cache=True)
def quarter_buffer(columns: int) -> Quarters:
    """Return room for a block of rows."""
    return Quarters(
        np.empty((2, 2, ROWS, columns), np.float32),
        np.empty((2, ROWS, columns), np.float32),
        np.empty((2, ROWS + 2, columns), np.float32),
        np.empty((2, 2, ROWS + 2, columns), np.float32),
        np.empty((2, 2, ROWS + 2, columns), np.float32),
        np.empty((2, 2, 2, ROWS + 2, columns), np.float32),
    )


@njit(cache=True)
def first_halves(quarters: Quarters) -> Roof:
    """Return the roof of the first halves, for `roof_rows` to write."""
    return Roof(quarters.rise, quarters.edge[0], quarters.within[0], quarters.edge_rise[0])


def block_starts(cut: Int64, plane: Float32, level: NDArray[np.bool_]) -> Int64:
    """Return where the cuts of each block begin, and mark the blocks that are not level by a cut."""
    level[cut[plane[:, 1:].any(axis=1), 0] // ROWS] = False
    return np.asarray(np.searchsorted(cut[:, 0], np.arange(len(level) + 1) * ROWS))


@njit(cache=True)
def batch_halves(first: int, rows: int, shift: np.ndarray, descending: bool) -> np.ndarray:
    """Return in which half of a cell (0 to the previous column) the rays of each sun are, int64 [suns, rows, 3].

    Of their own cell in the near half of the row and in the far half, and of the cell of entry at the near edge.
    """
    half = np.empty((shift.size, rows, 3), np.int64)
    back = 0.5 if descending else -0.5
    for k in range(shift.size):
        for i in range(rows):
            row = first + i
            moved = math.floor(row * shift[k] + 0.5)
            aside = math.floor((row + back) * shift[k] + 0.5) - moved
            half[k, i, 0] = (row + 0.5 * back) * shift[k] - moved >= 0.0
            half[k, i, 1] = (row - 0.5 * back) * shift[k] - moved >= 0.0
            half[k, i, 2] = (row + back) * shift[k] - moved - aside >= 0.0
    return half


@njit(cache=True)
def _copy(row: np.ndarray, out: np.ndarray) -> None:
    for j in range(out.size):
        out[j] = row[j]


@njit(cache=True)
def quarter_rows(z, aside, cut, plane, begin, end, first, rows, descending, level, quarters):  # type: ignore[no-untyped-def]
    """Write the rows of a block that begins at row `first`.

    Parameters
    ----------
    z, aside : float32 [rows, columns]
        Height of the cells, and what they rise to the next column.
    cut, plane, begin, end
        Cuts as of `oriented`, and which of them are in the block.
    descending, level : bool
        Light goes to lower rows; all cells and cuts of the block are level: then only `Quarters.z` is written.
    quarters : Quarters
        With the roof of the block, if it is not level, in its first halves.
    """
    edge, within, edge_rise = quarters.edge, quarters.within, quarters.edge_rise
    for r in range(rows):
        for half in range(2):
            _copy(z[first + r], quarters.z[0, half, r])
            if level:
                _copy(z[first + r], quarters.z[1, half, r])
                continue
            _copy(aside[first + r], quarters.aside[half, r])
            _copy(edge[0, half, r + 1], edge[1, half, r + 1])
            _copy(within[0, half, r + 1], within[1, half, r + 1])
            _copy(edge_rise[0, half, 0, r + 1], edge_rise[1, half, 0, r + 1])
            _copy(edge_rise[0, half, 1, r + 1], edge_rise[1, half, 1, r + 1])
    far = 0 if descending else 1  # half of the row by which rays leave
    for e in range(begin, end):
        r, j = cut[e, 0] - first, cut[e, 1]
        row_half, half = cut[e, 2] // 2, cut[e, 2] % 2
        height, up, over = plane[e, 0], plane[e, 1], plane[e, 2]
        quarters.z[0 if row_half == far else 1, half, r, j] = height
        if level:
            continue
        if row_half == far:
            quarters.aside[half, r, j] = over
        to = 1 - row_half
        edge[half, to, r + 1, j] = height + np.float32(0.5) * (up if to == 0 else -up)
        within[half, to, r + 1, j] = 0.0
        edge_rise[half, to, 0, r + 1, j], edge_rise[half, to, 1, r + 1, j] = over, -over


@njit(cache=True)
def steps_of(z, aside, cut, plane):  # type: ignore[no-untyped-def]
    """Return the quarters by which rays enter a cell higher than they leave it.

    Returns
    -------
    start : int64 [2, 4 rows + 1]
        Where those of each row, half of entry and half by which the ray leaves begin, for light to higher (0) and to
        lower rows (1).
    column, height, rise : int64 and float32 [steps]
        Cell, and height and rise to the next column of the plane over the quarter.
    """
    rows, count = z.shape[0], len(cut)
    start = np.zeros((2, 4 * rows + 1), np.int64)
    column, height, rise = np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32)
    over, rising = np.empty(4, np.float32), np.empty(4, np.float32)
    at = np.zeros((2, 4 * rows), np.int64)
    for fill in (False, True):
        e = 0
        while e < count:
            i, j = cut[e, 0], cut[e, 1]
            over[:], rising[:] = z[i, j], aside[i, j] if aside.size > 0 else np.float32(0.0)
            while e < count and cut[e, 0] == i and cut[e, 1] == j:
                over[cut[e, 2]], rising[cut[e, 2]] = plane[e, 0], plane[e, 2]
                e += 1
            for near in range(2):
                for k in range(4):
                    q = 2 * near + k // 2
                    if over[q] <= over[2 - 2 * near + k % 2]:
                        continue
                    if fill:
                        n = at[near, 4 * i + k]
                        column[n], height[n], rise[n] = j, over[q], rising[q]
                    at[near, 4 * i + k] += 1
        if not fill:
            total = 0
            for near in range(2):
                for k in range(4 * rows):
                    start[near, k] = total
                    total += at[near, k]
                    at[near, k] = start[near, k]
                start[near, 4 * rows] = total
            column, height, rise = np.empty(total, np.int64), np.empty(total, np.float32), np.empty(total, np.float32)
    return start, column, height, rise


@njit(cache=True)
def light_level_quarters(
    begin: int, rows: int, descending: bool, receiver: np.ndarray, quarters: Quarters, steps: tuple,
    half: np.ndarray, ways: np.ndarray, place: np.ndarray, aside: np.ndarray, state: np.ndarray, drop: np.float32,
    lit: np.ndarray,
) -> None:  # fmt: skip
    """Do as `light_level_rows` for one sun in a level block with cuts, of `rows` rows from row `begin` on."""
    z = quarters.z.reshape(4 * ROWS, -1)
    start, column, height, rise = steps
    for m in range(rows):
        r = rows - 1 - m if descending else m
        i = ix(begin + r)
        leave, enter = ix(half[i, 1] * ROWS + r), ix((2 + half[i, 2]) * ROWS + r)
        light_level(i, receiver, z, leave, enter, place[i], aside[i], state, drop, lit, np.uint8(1 << r))
        e = 4 * (begin + r) + 2 * half[i, 0] + half[i, 1]
        _climb(start[e], start[e + 1], column, height, rise, ways[i, 0], drop, place[i], state)


@njit(cache=True, inline="always")
def _climb(begin, end, column, height, rise, middle, drop, at, state):  # type: ignore[no-untyped-def]
    """Raise the shadow by the steps of a row, `begin` to `end`."""
    for e in range(begin, end):
        j = at + column[e]
        a, b = (height[e] + middle * rise[e]) - drop, state[j]
        state[j] = a if a > b else b


@njit(cache=True)
def light_quarters(
    i: int, r: int, descending: bool, receiver: np.ndarray, across: np.ndarray, quarters: Quarters, steps: tuple,
    half: np.ndarray, ways: np.ndarray, place: np.ndarray, aside: np.ndarray, state: np.ndarray, drop: np.ndarray,
    lit: np.ndarray,
) -> None:  # fmt: skip
    """Do as `light_suns` in row `i`, row `r` of a block with cuts.

    No row is cut out of the grids for a sun: counting references to them would take as long as some hundred cells.
    """
    far, near, to, on, off = ix(descending), ix(not descending), ix(r + 1), np.uint8(1 << r), np.uint8(0)
    z, over, edge, within, rises = quarters.z, quarters.aside, quarters.edge, quarters.within, quarters.edge_rise
    start, column, height, rise = steps
    i, r, here, columns = ix(i), ix(r), ix(0), receiver.shape[1]
    for k in range(len(state)):
        at, middle, ahead = place[k, i], ways[k, i, 0], abs(ways[k, i, 1])
        leave, enter = ix(half[k, i, 1]), ix(half[k, i, 2])
        side, loss, half_loss = ix(ways[k, i, 1] < np.float32(0.0)), drop[k], np.float32(0.5) * drop[k]
        for j in range(columns):
            s, m = state[k, ix(at + j)], z[here, leave, r, ix(j)] - abs(middle * over[leave, r, ix(j)])
            lit[k, j] |= on if s <= receiver[i, ix(j)] + middle * across[i, ix(j)] else off
            state[k, ix(at + j)] = after_cell(
                s, m, edge[leave, far, to, ix(j)], ahead, rises[leave, far, side, to, ix(j)],
                within[leave, far, to, ix(j)], loss, half_loss,
            )  # fmt: skip
        if aside[k, i] != 0:
            steep, deep, side = abs(ways[k, i, 2]), np.float32(1.5) * loss, ix(ways[k, i, 2] < np.float32(0.0))
            line, cell = (at, 1) if aside[k, i] > 0 else (at + 1, 0)
            for j in range(columns - 1):
                c = ix(cell + j)
                state[k, ix(line + j)] = after_entry(
                    state[k, ix(line + j)], edge[enter, near, to, c], steep, rises[enter, near, side, to, c],
                    within[enter, near, to, c], loss, deep,
                )  # fmt: skip
        e = 4 * np.int64(i) + 2 * half[k, i, 0] + half[k, i, 1]
        _climb(start[e], start[e + 1], column, height, rise, middle, loss, at, state[k])
