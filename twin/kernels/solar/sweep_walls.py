"""Sunlit shares of wall strips: the variant "numba" of `solar.wall_sunlit`.

A strip stands in front of the cell whose line holds the height of the shadow there (see `sweep_numba`).
"""

from __future__ import annotations

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.registry import variant
from twin.kernels.solar.sweep import Float, Float32, Int64, paths
from twin.kernels.solar.sweep_families import WALLS
from twin.kernels.solar.sweep_grids import crowns_of, grids_along, in_batches, level_blocks
from twin.kernels.solar.sweep_heights import rises
from twin.kernels.solar.sweep_roof import roof_buffer, roof_rows
from twin.kernels.solar.sweep_rows import ROWS, batch_places, cast_crowns, cast_level_suns, cast_suns, fresh
from twin.kernels.threads import over_threads

BATCH = 32
"""Suns walked together: what they meet in a row is then read from the first cache."""


@njit(cache=True)
def _strips(  # type: ignore[no-untyped-def]
    z, along, across, level, top, under, through, start, column, foot, head, first, descending, shift, drop, out
):
    """Find the sunlit shares [suns, strips] for one batch of suns; strips of row i are start[i] ... start[i + 1]."""
    rows, columns = z.shape
    place, aside, ways, extra = batch_places(first, rows, shift, descending)
    trees, roof = top.size > 0, roof_buffer(ROWS, columns)
    state, high, low = fresh(shift.size, columns + extra)
    veiled = np.float32(0.0)
    for n in range(rows):
        i = rows - 1 - n if descending else n
        r = i % ROWS
        if not level[i // ROWS] and (n == 0 or r == (ROWS - 1 if descending else 0)):
            roof_rows(z, along, across, i - r, min(i - r + ROWS, rows), roof)
        for k in range(shift.size if start[i] < start[i + 1] else 0):
            half, held, at = np.float32(0.5) * drop[k], np.float32(1.0 - through[k]), place[k, i]
            for w in range(start[i], start[i + 1]):
                j = column[w]
                base = min(max(state[k, at + j] - half, foot[w]), head[w])
                if trees:
                    t, u = _beyond(high[k, at + j] - half, low[k, at + j] - half, top[i, j], under[i, j] - drop[k])
                    veiled = max(min(t, head[w]) - max(u, base), np.float32(0.0))
                out[k, w] = ((head[w] - base) - held * veiled) / (head[w] - foot[w])
        if level[i // ROWS]:
            cast_level_suns(i, z, place, aside, state, drop)
        else:
            cast_suns(i, r + 1, z, across, roof, descending, ways, place, aside, state, drop)
        for k in range(shift.size if trees else 0):
            lines = slice(place[k, i], place[k, i] + columns)
            cast_crowns(top[i], under[i], high[k, lines], low[k, lines], drop[k])


@njit(cache=True)
def _beyond(top: np.float32, under: np.float32, new_top: np.float32, new_under: np.float32) -> tuple:
    if new_under <= top and under <= new_top:
        return max(top, new_top), min(under, new_under)
    if new_top > top:
        return new_top, new_under
    return top, under


@over_threads
@njit(cache=True, nogil=True)
def _strips_all(  # type: ignore[no-untyped-def]
    begin, end, z, along, across, level, top, under, through, start, column, foot, head, first, batch, descending,
    shift, drop, out,
):  # fmt: skip
    for b in range(begin, end):
        suns = slice(batch[b], batch[b + 1])
        _strips(
            z, along, across, level, top, under, through[suns], start, column, foot, head, first, descending[batch[b]],
            shift[suns], drop[suns], out[suns],
        )  # fmt: skip


@variant(WALLS, "numba")
def wall_sunlit_numba(
    surface_m: Float32,
    slope_x: Float32,
    slope_y: Float32,
    canopy_m: Float32,
    trunk_m: Float32,
    transmissivity: Float,
    row: Int64,
    column: Int64,
    foot_m: Float32,
    top_m: Float32,
    cell_m: float,
    first_row: int,
    first_column: int,
    azimuth_deg: Float,
    altitude_deg: Float,
) -> Float32:
    """Return the sunlit share of wall strips; arguments as `wall_sunlit_reference`."""
    path = paths(azimuth_deg, altitude_deg, cell_m)
    rise, crowns = rises(slope_x, slope_y, surface_m.shape, cell_m), crowns_of(canopy_m, trunk_m)
    out = np.zeros((len(row), len(azimuth_deg)), np.float32)
    for sideways in (False, True):
        suns, batches = in_batches(path, sideways, BATCH)
        if len(suns) == 0:
            continue
        z, top, under = grids_along(sideways, surface_m, *crowns)
        along, across = grids_along(sideways, *rise[:: -1 if sideways else 1])
        i, j = (column, row) if sideways else (row, column)
        order = np.argsort(i, kind="stable")
        part = np.zeros((len(suns), len(row)), np.float32)
        _strips_all(
            len(batches) - 1, z, along, across, level_blocks(along, across, len(z)), top, under, transmissivity[suns],
            np.searchsorted(i[order], np.arange(z.shape[0] + 1)), j[order], foot_m[order], top_m[order],
            first_column if sideways else first_row, batches, path.descending[suns], path.shift[suns],
            path.drop[suns], part,
        )  # fmt: skip
        out[np.ix_(order, suns)] = part.T
    return out
