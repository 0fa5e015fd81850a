"""Sunlit shares of wall strips: the variant "numba" of `solar.wall_sunlit`.

A strip stands in front of the cell whose line holds the height of the shadow there (see `sweep_numba`).
"""

from __future__ import annotations

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.registry import variant
from twin.kernels.solar.sweep import Float, Float32, Int64, paths
from twin.kernels.solar.sweep_families import WALLS
from twin.kernels.solar.sweep_grids import crowns_of, grids_along
from twin.kernels.solar.sweep_heights import rises
from twin.kernels.solar.sweep_roof import roof_buffer, roof_rows
from twin.kernels.solar.sweep_rows import cast, cast_crowns, fresh, row_places
from twin.kernels.threads import over_threads

CHUNK = 256
"""Suns whose shares are turned into the result at once."""


@njit(cache=True)
def _strips(z, across, roof, top, under, through, start, column, foot, head, first, descending, shift, drop, out):  # type: ignore[no-untyped-def]
    """Find the sunlit shares of wall strips for one sun; those of row i are start[i] ... start[i + 1]."""
    rows, columns = z.shape
    place, aside, ways = row_places(first, rows, shift, descending)
    trees = top.size > 0
    states, highs, lows = fresh(1, columns + place.max() + 1)
    state, high, low = states[0], highs[0], lows[0]
    half, veiled = np.float32(0.5) * drop, np.float32(0.0)
    held = np.float32(1.0 - through)
    for n in range(rows):
        i = rows - 1 - n if descending else n
        at = place[i]
        for w in range(start[i], start[i + 1]):
            j = column[w]
            base = min(max(state[at + j] - half, foot[w]), head[w])
            if trees:
                t, u = _beyond(high[at + j] - half, low[at + j] - half, top[i, j], under[i, j] - drop)
                veiled = max(min(t, head[w]) - max(u, base), np.float32(0.0))
            out[w] = ((head[w] - base) - held * veiled) / (head[w] - foot[w])
        cast(i, z, across, roof, descending, ways, state[at : at + columns], drop, aside[i])
        if trees:
            cast_crowns(top[i], under[i], high[at : at + columns], low[at : at + columns], drop)


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
    begin, end, z, across, roof, top, under, through, start, column, foot, head, first, descending, shift, drop, out
):
    for k in range(begin, end):
        _strips(
            z, across, roof, top, under, through, start, column, foot, head, first, descending[k], shift[k], drop[k],
            out[k],
        )  # fmt: skip


@variant(WALLS, "numba")
def wall_sunlit_numba(
    surface_m: Float32,
    slope_x: Float32,
    slope_y: Float32,
    canopy_m: Float32,
    trunk_m: Float32,
    transmissivity: float,
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
        suns = np.flatnonzero(path.up & (path.sideways == sideways))
        if len(suns) == 0:
            continue
        z, top, under = grids_along(sideways, surface_m, *crowns)
        along, across = grids_along(sideways, *rise[:: -1 if sideways else 1])
        roof = roof_buffer(*z.shape)
        roof_rows(z, along, across, 0, len(z), roof)
        i, j = (column, row) if sideways else (row, column)
        order = np.argsort(i, kind="stable")
        start = np.searchsorted(i[order], np.arange(z.shape[0] + 1))
        for these in np.array_split(suns, -(-len(suns) // CHUNK)):
            part = np.zeros((len(these), len(row)), np.float32)
            _strips_all(
                len(these), z, across, roof, top, under, transmissivity, start, j[order], foot_m[order], top_m[order],
                first_column if sideways else first_row, path.descending[these], path.shift[these],
                path.drop[these], part,
            )  # fmt: skip
            out[np.ix_(order, these)] = part.T
    return out
