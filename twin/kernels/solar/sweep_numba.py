"""Fast sweeps: the variants "numba" of the families of `twin.kernels.solar.sweep`.

The line of a cell is found by an offset that changes from row to row, so nothing is moved when the light moves aside.
Suns whose light crosses the grid in the same sense are walked together in batches: heights are read from memory once
per batch and stay in the first caches, as do the states of the lines of one sun. Batches run in parallel; sums over
batches are taken in `PARTS` parts, however many threads there are.

Floor: a level cell and sun needs two subtractions, a maximum, a comparison and one bit, and moves the state (read,
write) and two rows of heights through the first cache: 0.13 ns there, 0.2 ns in all. Where roofs are tilted four more
rows of heights, with a product and a sum each, take this to 0.4 and 0.6 ns; these rows are made once per batch, eight
at a time, for 2.3 ns a cell, which counts where suns are few. Where edges of buildings that are not along the grid
cut cells all over the city (`twin.kernels.solar.sweep_cut`), both take 0.1 to 0.15 ns more with many suns, and with a
few dozen 1 to 1.4 ns. `beam_sum` has eight more operations per cell and sun, in rows of upright cells one.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.kernels.registry import variant
from twin.kernels.solar.cut_cells import NO_CUT, NO_CUT_PLANE, oriented
from twin.kernels.solar.sweep import HIGH, LOW, Float, Float32, Int32, Int64, Paths, paths
from twin.kernels.solar.sweep_cut import (
    batch_halves,
    block_starts,
    climb,
    first_halves,
    light_quarters,
    quarter_buffer,
    quarter_rows,
    steps,
)
from twin.kernels.solar.sweep_families import BEAM, CELLS, WALLS
from twin.kernels.solar.sweep_heights import rises
from twin.kernels.solar.sweep_roof import roof_buffer, roof_rows
from twin.kernels.solar.sweep_rows import (
    ROWS,
    add_beam,
    add_upright,
    cast,
    cast_crowns,
    fresh,
    label_blocks,
    light,
    light_level,
    light_level_cut,
    ones,
    row_places,
    upright_lines,
    veil,
)
from twin.kernels.threads import over_threads

BATCH, CELL_BATCH = 32, 64
"""Suns walked together, to add beams and to count cells: states of 64 × 2000 lines fill half of a cache of 1 MB."""
PARTS = 4
"""Most sums of beam light over batches, each of the size of the tile."""
CHUNK = 256
"""Suns whose wall shares are turned into the result at once."""
LARGE = 8 << 20
"""Bytes of a piece of memory that has large pages, as NumPy asks for from half of it on."""


@njit(cache=True)
def _batch_places(first: int, rows: int, shift: np.ndarray, descending: bool) -> tuple:
    place, aside = np.empty((shift.size, rows), np.int64), np.empty((shift.size, rows), np.int64)
    ways = np.empty((shift.size, rows, 3), np.float32)
    for k in range(shift.size):
        place[k], aside[k], ways[k] = row_places(first, rows, shift[k], descending)
    return place, aside, ways, place.max() + 1


@njit(cache=True)
def _count(z, receiver, along, across, level, top, under, blocks, cuts, first, descending, shift, drop, out):  # type: ignore[no-untyped-def]
    """Count the cells of each label for one batch of suns into out [suns, 1 or, with trees, 2, receivers]."""
    rows, columns = z.shape
    place, aside, ways, extra = _batch_places(first, rows, shift, descending)
    half = batch_halves(first, rows, shift, descending)
    trees = top.size > 0
    state, high, low = fresh(shift.size, columns + extra)
    start, word, of, mask = blocks
    cut, plane, of_block, all_steps, column, height, rise = cuts
    step = all_steps[1 if descending else 0]
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
        for turn in range(inside * suns):
            # Level rows stay in the first cache for one sun after the other; a roof does not, but one of its rows does.
            m, k = (turn % inside, turn // inside) if level[b] else (turn // suns, turn % suns)
            r = inside - 1 - m if descending else m
            i = b * ROWS + r
            lines = slice(place[k, i], place[k, i] + columns)
            if begin == end and level[b]:
                light_level(receiver[i], z[i], state[k, lines], drop[k], aside[k, i], lit[k], 1 << r)
            elif begin == end:
                light(
                    receiver[i], z[i], across[i], roof, r + 1, descending, ways[k, i], state[k, lines], drop[k],
                    aside[k, i], lit[k], 1 << r,
                )  # fmt: skip
            elif level[b]:
                light_level_cut(
                    receiver[i], quarters.z[0, half[k, i, 1], r], quarters.z[1, half[k, i, 2], r], state[k, lines],
                    drop[k], aside[k, i], lit[k], 1 << r,
                )  # fmt: skip
            else:
                light_quarters(
                    receiver[i], across[i], quarters, r, descending, ways[k, i], half[k, i], state[k, lines], drop[k],
                    aside[k, i], lit[k], 1 << r,
                )  # fmt: skip
            if begin < end:
                e = 4 * i + 2 * half[k, i, 0] + half[k, i, 1]
                climb(column, height, rise, step[e], step[e + 1], ways[k, i, 0], drop[k], state[k, lines])
            if trees:
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
    place, aside, ways, extra = _batch_places(first, rows, shift, descending)
    trees = top.size > 0
    state, high, low = fresh(shift.size, columns + extra)
    lit, behind = np.zeros(columns, np.uint8), np.zeros(columns, np.uint8)
    filtered = sun * np.float32(through)
    roof = roof_buffer(ROWS, columns)
    for n in range(rows):
        i = rows - 1 - n if descending else n
        r = i % ROWS
        if not level[i // ROWS] and (n == 0 or r == (ROWS - 1 if descending else 0)):
            roof_rows(z, along, across, i - r, min(i - r + ROWS, rows), roof)
        for g in range(0, shift.size, 8):
            lit[:], behind[:] = 0, 0
            for k in range(g, min(g + 8, shift.size)):
                lines, bit = slice(place[k, i], place[k, i] + columns), 1 << (k - g)
                if level[i // ROWS]:
                    light_level(receiver[i], z[i], state[k, lines], drop[k], aside[k, i], lit, bit)
                else:
                    light(
                        receiver[i], z[i], across[i], roof, r + 1, descending, ways[k, i], state[k, lines], drop[k],
                        aside[k, i], lit, bit,
                    )  # fmt: skip
                if trees:
                    veil(receiver[i], top[i], under[i], high[k, lines], low[k, lines], drop[k], behind, bit)
            if trees:
                behind &= lit
                lit ^= behind
                if upright[i]:
                    add_upright(behind, filtered[g : g + 8, 2], total[i])
                else:
                    add_beam(behind, nx[i], ny[i], nz[i], filtered[g : g + 8], total[i])
            if upright[i]:
                add_upright(lit, sun[g : g + 8, 2], total[i])
            else:
                add_beam(lit, nx[i], ny[i], nz[i], sun[g : g + 8], total[i])


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


@njit(cache=True)
def _strips(z, across, roof, top, under, through, start, column, foot, head, first, descending, shift, drop, out):  # type: ignore[no-untyped-def]
    """Find the sunlit shares of wall strips for one sun; those of row i are start[i] ... start[i + 1]."""
    rows, columns = z.shape
    place, aside, ways = row_places(first, rows, shift, descending)
    trees = top.size > 0
    states, highs, lows = fresh(1, columns + place.max() + 1)
    half, veiled = np.float32(0.5) * drop, np.float32(0.0)
    held = np.float32(1.0 - through)
    for n in range(rows):
        i = rows - 1 - n if descending else n
        lines = slice(place[i], place[i] + columns)
        state, high, low = states[0, lines], highs[0, lines], lows[0, lines]
        for w in range(start[i], start[i + 1]):
            j = column[w]
            base = min(max(state[j] - half, foot[w]), head[w])
            if trees:
                t, u = _beyond(high[j] - half, low[j] - half, top[i, j], under[i, j] - drop)
                veiled = max(min(t, head[w]) - max(u, base), np.float32(0.0))
            out[w] = ((head[w] - base) - held * veiled) / (head[w] - foot[w])
        cast(z[i], across[i], roof, i + 1, descending, ways[i], state, drop, aside[i])
        if trees:
            cast_crowns(top[i], under[i], high, low, drop)


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


def _grids(sideways: bool, *grids: np.ndarray) -> list[np.ndarray]:
    """Return the grids, transposed where light runs along the rows, contiguous; those that are one array stay so.

    Transposed ones lie in one piece of memory of at least `LARGE` bytes, for which NumPy asks for large pages: small
    ones cost as much as a sweep with few suns.
    """
    if not sideways:
        return [np.ascontiguousarray(g) for g in grids]
    found = {id(g): g for g in grids}
    ends = np.cumsum([g.nbytes for g in found.values()])
    room = np.empty(max(int(ends[-1]), LARGE), np.uint8)
    turned = {}
    for (key, g), end in zip(found.items(), ends.tolist(), strict=True):
        turned[key] = room[end - g.nbytes : end].view(g.dtype).reshape(g.T.shape)
        turned[key][:] = g.T
    return [turned[id(g)] for g in grids]


def _level(along: Float32, across: Float32, rows: int) -> NDArray[np.bool_]:
    """Return which blocks of `ROWS` rows are level, the rows next to them included; all where no slopes are given."""
    if along.size == 0:
        return np.ones(-(-rows // ROWS), np.bool_)
    tilted = np.pad((along != 0.0).any(axis=1) | (across != 0.0).any(axis=1), (1, 1 + -len(along) % ROWS))
    inside = tilted[1:-1].reshape(-1, ROWS).any(axis=1)
    return ~(inside | tilted[:-2:ROWS] | tilted[1 + ROWS :: ROWS])


def _crowns(canopy_m: Float32, trunk_m: Float32) -> tuple[Float32, Float32]:
    """Return tops and undersides that cast nothing where there is no crown."""
    crown = canopy_m > trunk_m
    return np.where(crown, canopy_m, LOW), np.where(crown, trunk_m, HIGH)


def _in_batches(path: Paths, sideways: bool, size: int) -> tuple[Int64, Int64]:
    """Return the suns whose light runs along the rows, or not, by sense, and where their batches start in them."""
    these = np.flatnonzero(path.up & (path.sideways == sideways))
    these = these[np.lexsort((path.shift[these], path.descending[these]))]
    turn = int(np.searchsorted(path.descending[these], True))
    starts = [np.arange(a, b, size) for a, b in ((0, turn), (turn, len(these)))]
    return these, np.concatenate([*starts, [len(these)]]).astype(np.int64)


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
    crowns = _crowns(canopy_m, trunk_m)
    kinds = 2 if canopy_m.size > 0 else 1
    out = np.zeros((2, receivers, len(azimuth_deg)), np.int32)
    for sideways in (False, True):
        these, batches = _in_batches(path, sideways, CELL_BATCH)
        if len(these) == 0:
            continue
        z, receiver, top, under, labels = _grids(sideways, surface_m, receiver_m, *crowns, label)
        along, across = _grids(sideways, *rise[:: -1 if sideways else 1])
        cuts = oriented(cut, cut_plane, cell_m, sideways)
        level = _level(along, across, len(z))
        cuts = (*cuts, block_starts(*cuts, level), *steps(z, across, *cuts))
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
    crowns = _crowns(canopy_m, trunk_m)
    turn, up = np.radians(azimuth_deg), np.radians(altitude_deg)
    toward = np.stack([np.cos(up) * np.sin(turn), np.cos(up) * np.cos(turn), np.sin(up)], axis=1)
    sun = (toward * weight[:, None]).astype(np.float32)
    upright = upright_lines(nx, ny, nz)
    if upright[0].all():
        nx = ny = nz = surface_m  # not read
    total = np.zeros(surface_m.shape, np.float32)
    suns = [_in_batches(path, sideways, BATCH) for sideways in (False, True)]
    count = [min(PARTS, len(batches) - 1) for _, batches in suns]
    room = np.zeros((sum(count), total.size), np.float32)
    for sideways, (these, batches) in enumerate(suns):
        if len(these) == 0:
            continue
        z, receiver, top, under, *normal = _grids(bool(sideways), surface_m, receiver_m, *crowns, nx, ny, nz)
        along, across = _grids(bool(sideways), *rise[:: -1 if sideways else 1])
        parts = (room[count[0] :] if sideways else room[: count[0]]).reshape(-1, *z.shape)
        _sum_all(
            len(parts), z, receiver, along, across, _level(along, across, len(z)), top, under, normal[0], normal[1],
            normal[2], upright[sideways], transmissivity, first_column if sideways else first_row, batches,
            path.descending[these], path.shift[these], path.drop[these], sun[these], parts,
        )  # fmt: skip
        for part in parts[1:]:
            parts[0] += part
        total += parts[0].T if sideways else parts[0]
    return total


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
    rise, crowns = rises(slope_x, slope_y, surface_m.shape, cell_m), _crowns(canopy_m, trunk_m)
    out = np.zeros((len(row), len(azimuth_deg)), np.float32)
    for sideways in (False, True):
        suns = np.flatnonzero(path.up & (path.sideways == sideways))
        if len(suns) == 0:
            continue
        z, top, under = _grids(sideways, surface_m, *crowns)
        along, across = _grids(sideways, *rise[:: -1 if sideways else 1])
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
