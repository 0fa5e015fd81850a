"""Fast sweeps over cells: the variants "numba" of `solar.sunlit_cells` and `solar.beam_sum`.

The line of a cell is found by an offset that changes from row to row, so nothing is moved when the light moves aside.
Suns whose light crosses the grid in the same sense are walked together in batches: heights are read from memory once
per batch and stay in the first caches, as do the states of the lines of one sun. Batches run in parallel; sums over
batches are taken in `PARTS` parts, however many threads there are.

Floor: a level cell and sun needs two subtractions, a maximum, a comparison and one bit, and moves the state (read,
write) and two rows of heights through the first cache: 0.13 ns there, 0.2 ns in all. Where roofs are tilted four more
rows of heights, with a product and a sum each, take this to 0.4 and 0.6 ns; these rows are made once per batch, eight
at a time, for 2.3 ns a cell, which counts where suns are few. Where edges of buildings that are not along the grid
cut cells all over the city (`twin.kernels.solar.sweep_cut`), both take 0.1 ns more with many suns, and with a few
dozen 0.2 to 0.8 ns. `beam_sum` has eight more operations per cell and sun, in rows of upright cells one.
"""

from __future__ import annotations

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.registry import variant
from twin.kernels.solar.cut_cells import NO_CUT, NO_CUT_PLANE, oriented
from twin.kernels.solar.sweep import Float, Float32, Int32, Int64, paths
from twin.kernels.solar.sweep_cut import (
    batch_halves,
    block_starts,
    first_halves,
    light_level_quarters,
    light_quarters,
    quarter_buffer,
    quarter_rows,
    steps_of,
)
from twin.kernels.solar.sweep_families import BEAM, CELLS
from twin.kernels.solar.sweep_grids import crowns_of, grids_along, in_batches, level_blocks
from twin.kernels.solar.sweep_heights import rises
from twin.kernels.solar.sweep_roof import roof_buffer, roof_rows
from twin.kernels.solar.sweep_rows import (
    ROWS,
    add_beam,
    add_upright,
    batch_places,
    fresh,
    label_blocks,
    light_level_rows,
    light_level_suns,
    light_suns,
    ones,
    upright_lines,
    veil,
)
from twin.kernels.threads import over_threads

BATCH, CELL_BATCH = 32, 64
"""Suns walked together, to add beams and to count cells: states of 64 × 2000 lines fill half of a cache of 1 MB."""
PARTS = 4
"""Most sums of beam light over batches, each of the size of the tile."""


@njit(cache=True)
def _count(z, receiver, along, across, level, top, under, blocks, cuts, first, descending, shift, drop, out):  # type: ignore[no-untyped-def]
    """Count the cells of each label for one batch of suns into out [suns, 1 or, with trees, 2, receivers]."""
    rows, columns = z.shape
    place, aside, ways, extra = batch_places(first, rows, shift, descending)
    half = batch_halves(first, rows, shift, descending)
    trees = top.size > 0
    state, high, low = fresh(shift.size, columns + extra)
    start, word, of, mask = blocks
    cut, plane, of_block, all_starts, column, height, rise = cuts
    steps = all_starts[1 if descending else 0], column, height, rise
    quarters = quarter_buffer(columns)
    roof = first_halves(quarters)
    width = (columns + 7) // 8 * 8
    lit, behind = np.zeros((shift.size, width), np.uint8), np.zeros((shift.size if trees else 0, width), np.uint8)
    lit_words, behind_words = lit.view(np.uint64), behind.view(np.uint64)
    count, suns = start.size - 1, shift.size
    for n in range(count):
        b = count - 1 - n if descending else n
        inside = min(ROWS, rows - b * ROWS)
        lit[:], behind[:] = 0, 0
        begin, end = of_block[b], of_block[b + 1]
        if not level[b]:
            roof_rows(z, along, across, b * ROWS, b * ROWS + inside, roof)
        if begin < end:
            quarter_rows(z, across, cut, plane, begin, end, b * ROWS, inside, descending, level[b], quarters)
        for k in range(suns if level[b] and begin == end else 0):
            light_level_rows(b * ROWS, inside, descending, receiver, z, place[k], aside[k], state[k], drop[k], lit[k])
        for m in range(0 if level[b] or begin < end else inside):
            r = inside - 1 - m if descending else m
            light_suns(
                b * ROWS + r, r + 1, 0, suns, True, receiver, z, across, roof, descending, ways, place, aside, state,
                drop, lit,
            )  # fmt: skip
        # Level rows stay in the first cache for one sun after the other; a roof does not, but one of its rows does.
        for k in range(suns if level[b] and begin < end else 0):
            light_level_quarters(
                b * ROWS, inside, descending, receiver, quarters, steps, half[k], ways[k], place[k], aside[k], state[k],
                drop[k], lit[k],
            )  # fmt: skip
        for m in range(inside if begin < end and not level[b] else 0):
            r = inside - 1 - m if descending else m
            light_quarters(
                b * ROWS + r, r, descending, receiver, across, quarters, steps, half, ways, place, aside, state, drop,
                lit,
            )  # fmt: skip
        for turn in range(inside * suns if trees else 0):
            m, k = turn % inside, turn // inside
            r = inside - 1 - m if descending else m
            i = b * ROWS + r
            lines = slice(place[k, i], place[k, i] + columns)
            veil(receiver[i], top[i], under[i], high[k, lines], low[k, lines], drop[k], behind[k], 1 << r)
        for k in range(suns):
            for e in range(start[b], start[b + 1]):
                cells = lit_words[k, word[e]] & mask[e]
                out[k, 0, of[e]] += ones(cells)
                if trees:
                    out[k, 1, of[e]] += ones(cells & behind_words[k, word[e]])


@over_threads
@njit(cache=True, nogil=True)
def _count_all(  # type: ignore[no-untyped-def]
    begin, end, z, receiver, along, across, level, top, under, blocks, cuts, first, batch, descending, shift, drop, out
):
    for b in range(begin, end):
        suns = slice(batch[b], batch[b + 1])
        _count(
            z, receiver, along, across, level, top, under, blocks, cuts, first, descending[batch[b]], shift[suns],
            drop[suns], out[suns],
        )  # fmt: skip


@njit(cache=True)
def _sum(  # type: ignore[no-untyped-def]
    z, receiver, along, across, level, top, under, nx, ny, nz, upright, through, first, descending, shift, drop, sun,
    total,
):  # fmt: skip
    """Add the light of one batch of suns [suns, 3], zeros beyond the last to a multiple of eight, to the total.

    The normals are not read in the rows that are `upright`.
    """
    rows, columns = z.shape
    place, aside, ways, extra = batch_places(first, rows, shift, descending)
    trees = top.size > 0
    state, high, low = fresh(shift.size, columns + extra)
    lit, behind = np.zeros((1, columns), np.uint8), np.zeros(columns, np.uint8)
    filtered = sun * np.float32(through)
    roof = roof_buffer(ROWS, columns)
    for n in range(rows):
        i = rows - 1 - n if descending else n
        r = i % ROWS
        if not level[i // ROWS] and (n == 0 or r == (ROWS - 1 if descending else 0)):
            roof_rows(z, along, across, i - r, min(i - r + ROWS, rows), roof)
        for g in range(0, shift.size, 8):
            lit[:], behind[:] = 0, 0
            end = min(g + 8, shift.size)
            if level[i // ROWS]:
                light_level_suns(i, g, end, receiver, z, place, aside, state, drop, lit[0])
            else:
                light_suns(
                    i, r + 1, g, end, False, receiver, z, across, roof, descending, ways, place, aside, state, drop, lit
                )  # fmt: skip
            for k in range(g if trees else end, end):
                lines = slice(place[k, i], place[k, i] + columns)
                veil(receiver[i], top[i], under[i], high[k, lines], low[k, lines], drop[k], behind, 1 << (k - g))
            if trees:
                behind &= lit[0]
                lit[0] ^= behind
                if upright[i]:
                    add_upright(behind, filtered[g : g + 8, 2], total[i])
                else:
                    add_beam(behind, nx[i], ny[i], nz[i], filtered[g : g + 8], total[i])
            if upright[i]:
                add_upright(lit[0], sun[g : g + 8, 2], total[i])
            else:
                add_beam(lit[0], nx[i], ny[i], nz[i], sun[g : g + 8], total[i])


@over_threads
@njit(cache=True, nogil=True)
def _sum_all(  # type: ignore[no-untyped-def]
    begin, end, z, receiver, along, across, level, top, under, nx, ny, nz, upright, through, first, batch, descending,
    shift, drop, sun, total,
):  # fmt: skip
    for part in range(begin, end):
        for b in range(part, batch.size - 1, len(total)):
            suns = slice(batch[b], batch[b + 1])
            padded = np.zeros(((shift[suns].size + 7) // 8 * 8, 3), np.float32)
            padded[: shift[suns].size] = sun[suns]
            _sum(
                z, receiver, along, across, level, top, under, nx, ny, nz, upright, through, first,
                descending[batch[b]], shift[suns], drop[suns], padded, total[part],
            )  # fmt: skip


@variant(CELLS, "numba")
def sunlit_cells_numba(
    surface_m: Float32,
    receiver_m: Float32,
    slope_x: Float32,
    slope_y: Float32,
    canopy_m: Float32,
    trunk_m: Float32,
    label: Int32,
    receivers: int,
    cell_m: float,
    first_row: int,
    first_column: int,
    azimuth_deg: Float,
    altitude_deg: Float,
    cut: Int64 = NO_CUT,
    cut_plane: Float32 = NO_CUT_PLANE,
) -> tuple[Int32, Int32]:
    """Count the sunlit cells of every receiver for every sun; arguments as `sunlit_cells_reference`."""
    path = paths(azimuth_deg, altitude_deg, cell_m)
    sloped = cut_plane[:, 1:].any() or slope_x.size > 0
    rise = rises(slope_x, slope_y, surface_m.shape if sloped else (0, 0), cell_m)
    crowns = crowns_of(canopy_m, trunk_m)
    kinds = 2 if canopy_m.size > 0 else 1
    out = np.zeros((2, receivers, len(azimuth_deg)), np.int32)
    for sideways in (False, True):
        these, batches = in_batches(path, sideways, CELL_BATCH)
        if len(these) == 0:
            continue
        z, receiver, top, under, labels = grids_along(sideways, surface_m, receiver_m, *crowns, label)
        along, across = grids_along(sideways, *rise[:: -1 if sideways else 1])
        cuts = oriented(cut, cut_plane, cell_m, sideways)
        level = level_blocks(along, across, len(z))
        cuts = (*cuts, block_starts(*cuts, level), *steps_of(z, across, *cuts))
        part = np.zeros((len(these), kinds, receivers), np.int32)
        _count_all(
            len(batches) - 1, z, receiver, along, across, level, top, under, label_blocks(labels), cuts,
            first_column if sideways else first_row, batches, path.descending[these], path.shift[these],
            path.drop[these], part,
        )  # fmt: skip
        for kind in range(kinds):
            out[kind][:, these] = part[:, kind].T
    return out[0], out[1]


@variant(BEAM, "numba")
def beam_sum_numba(
    surface_m: Float32,
    receiver_m: Float32,
    slope_x: Float32,
    slope_y: Float32,
    canopy_m: Float32,
    trunk_m: Float32,
    nx: Float32,
    ny: Float32,
    nz: Float32,
    transmissivity: float,
    cell_m: float,
    first_row: int,
    first_column: int,
    azimuth_deg: Float,
    altitude_deg: Float,
    weight: Float32,
) -> Float32:
    """Add the beam light of many suns on every cell; arguments as `beam_sum_reference`."""
    path = paths(azimuth_deg, altitude_deg, cell_m)
    rise = rises(slope_x, slope_y, slope_x.shape, cell_m)
    crowns = crowns_of(canopy_m, trunk_m)
    turn, up = np.radians(azimuth_deg), np.radians(altitude_deg)
    toward = np.stack([np.cos(up) * np.sin(turn), np.cos(up) * np.cos(turn), np.sin(up)], axis=1)
    sun = (toward * weight[:, None]).astype(np.float32)
    upright = upright_lines(nx, ny, nz)
    if upright[0].all():
        nx = ny = nz = surface_m  # not read
    total = np.zeros(surface_m.shape, np.float32)
    suns = [in_batches(path, sideways, BATCH) for sideways in (False, True)]
    count = [min(PARTS, len(batches) - 1) for _, batches in suns]
    room = np.zeros((sum(count), total.size), np.float32)
    for sideways, (these, batches) in enumerate(suns):
        if len(these) == 0:
            continue
        z, receiver, top, under, *normal = grids_along(bool(sideways), surface_m, receiver_m, *crowns, nx, ny, nz)
        along, across = grids_along(bool(sideways), *rise[:: -1 if sideways else 1])
        parts = (room[count[0] :] if sideways else room[: count[0]]).reshape(-1, *z.shape)
        _sum_all(
            len(parts), z, receiver, along, across, level_blocks(along, across, len(z)), top, under, normal[0],
            normal[1], normal[2], upright[sideways], transmissivity, first_column if sideways else first_row, batches,
            path.descending[these], path.shift[these], path.drop[these], sun[these], parts,
        )  # fmt: skip
        for part in parts[1:]:
            parts[0] += part
        total += parts[0].T if sideways else parts[0]
    return total
