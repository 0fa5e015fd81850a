"""One row of one sweep: the loops that the fast variants of `twin.kernels.solar.sweep` are made of.

Every loop runs over the cells of one row (1000 cells, 4 KB), writes one array and reads few, so that LLVM vectorises
it for any processor; no sum is taken over lanes, so the width of the vectors changes no bit. Sunlit cells are bits of
bytes: eight rows of one sun, or eight suns of one row.
"""

from __future__ import annotations

import math

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.solar.sweep import HIGH, LOW
from twin.kernels.solar.sweep_heights import Roof

ROWS = 8
"""Rows in a byte of lit bits; eight bytes, a block of 8 × 8 cells, are counted at once."""


@njit(cache=True)
def row_places(first: int, rows: int, shift: float, descending: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the line of the first cell of each row, counted from the lowest, the step to the cell of entry, and ways.

    Ways are float32 [rows, 3]: what the ray lies aside from the middle of its cell in the middle of the row, at the far
    edge, and at the near edge from the middle of the cell of entry.
    """
    place, aside, ways = np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty((rows, 3), np.float32)
    back = 0.5 if descending else -0.5
    for i in range(rows):
        row = first + i
        moved = math.floor(row * shift + 0.5)
        place[i] = -moved
        aside[i] = math.floor((row + back) * shift + 0.5) - moved
        ways[i, 0] = row * shift - moved
        ways[i, 1] = (row - back) * shift - moved
        ways[i, 2] = (row + back) * shift - moved - aside[i]
    return place - place.min(), aside, ways


@njit(cache=True)
def batch_places(first: int, rows: int, shift: np.ndarray, descending: bool) -> tuple:
    """Return `row_places` of a batch of suns, suns first, and how many lines more than columns there are."""
    place, aside = np.empty((shift.size, rows), np.int64), np.empty((shift.size, rows), np.int64)
    ways = np.empty((shift.size, rows, 3), np.float32)
    for k in range(shift.size):
        place[k], aside[k], ways[k] = row_places(first, rows, shift[k], descending)
    return place, aside, ways, place.max() + 1


@njit(cache=True)
def _side(way: np.float32) -> int:
    return 1 if way < np.float32(0.0) else 0


@njit(cache=True, inline="always")
def after_cell(s, m, edge, ahead, rise, within, drop, half):  # type: ignore[no-untyped-def]
    """Return the shadow height `s` after a cell that is `m` high in its middle, and the edge by which rays leave it."""
    a, b = (s if s > m else m) - drop, (edge + ahead * rise) - (drop * within + half)
    return a if a > b else b


@njit(cache=True, inline="always")
def after_entry(s, edge, steep, rise, within, drop, deep):  # type: ignore[no-untyped-def]
    """Return the shadow height `s` after a row that rays enter by an edge of the cell aside."""
    b = (edge + steep * rise) + (drop * within - deep)
    return s if s > b else b


@njit(cache=True)
def cast_suns(
    i: int, r: int, z: np.ndarray, across: np.ndarray, roof: Roof, descending: bool, ways: np.ndarray,
    place: np.ndarray, aside: np.ndarray, state: np.ndarray, drop: np.ndarray,
) -> None:  # fmt: skip
    """Pass row `i` of a grid, row `r` of its roof: shadow heights on the lines of its cells, before it and after it.

    Rows are cut out of the grids once for all suns; see `light_suns`.
    """
    far, near = (1, 0) if descending else (0, 1)
    here, over, edge, within = z[i], across[i], roof.edge[far, r], roof.within[far, r]
    rise, fall = roof.edge_rise[far, 0, r], roof.edge_rise[far, 1, r]
    entry, inside = roof.edge[near, r], roof.within[near, r]
    entry_rise, entry_fall = roof.edge_rise[near, 0, r], roof.edge_rise[near, 1, r]
    for k in range(len(state)):
        line, way = state[k, place[k, i] : place[k, i] + here.size], ways[k, i, 2]
        cast_row(here, over, edge, within, rise if _side(ways[k, i, 1]) == 0 else fall, ways[k, i], drop[k], line)
        if aside[k, i] != 0:
            raise_row(entry, inside, entry_rise if _side(way) == 0 else entry_fall, way, drop[k], aside[k, i], line)


@njit(cache=True)
def cast_row(
    z: np.ndarray, across: np.ndarray, edge: np.ndarray, within: np.ndarray, rise: np.ndarray, ways: np.ndarray,
    drop: np.float32, state: np.ndarray,
) -> None:  # fmt: skip
    """Pass the cells of a row and the edges by which rays leave them."""
    half, middle, ahead = np.float32(0.5) * drop, ways[0], abs(ways[1])
    for j in range(z.size):
        s, m = state[j], z[j] - abs(middle * across[j])
        state[j] = after_cell(s, m, edge[j], ahead, rise[j], within[j], drop, half)


@njit(cache=True)
def light_suns(
    i: int, r: int, begin: int, end: int, apart: bool, receiver: np.ndarray, z: np.ndarray, across: np.ndarray,
    roof: Roof, descending: bool, ways: np.ndarray, place: np.ndarray, aside: np.ndarray, state: np.ndarray,
    drop: np.ndarray, lit: np.ndarray,
) -> None:  # fmt: skip
    """Set a bit of the cells of row `i` that are lit, for the suns from `begin` to `end` (not included), then cast.

    The row is row `r` of the roof. Where suns are kept `apart` each has a row of `lit`, with bit ``r - 1`` for this row
    of cells; else they have bits of their own in the first one. Rows are cut out of the grids once for all suns:
    counting references to them takes as long as some hundred cells.
    """
    far, near = (1, 0) if descending else (0, 1)
    own, here, over, edge, within = receiver[i], z[i], across[i], roof.edge[far, r], roof.within[far, r]
    rise, fall = roof.edge_rise[far, 0, r], roof.edge_rise[far, 1, r]
    entry, inside = roof.edge[near, r], roof.within[near, r]
    entry_rise, entry_fall = roof.edge_rise[near, 0, r], roof.edge_rise[near, 1, r]
    for k in range(begin, end):
        line = state[k, place[k, i] : place[k, i] + here.size]
        cells, bit = lit[k if apart else 0], r - 1 if apart else k - begin
        middle, ahead, way = ways[k, i, 0], abs(ways[k, i, 1]), ways[k, i, 2]
        if _side(ways[k, i, 1]) == 0:
            _light(own, here, over, edge, within, rise, middle, ahead, drop[k], line, cells, 1 << bit)
        else:
            _light(own, here, over, edge, within, fall, middle, ahead, drop[k], line, cells, 1 << bit)
        if aside[k, i] != 0:
            raise_row(entry, inside, entry_rise if _side(way) == 0 else entry_fall, way, drop[k], aside[k, i], line)


@njit(cache=True)
def _light(
    receiver: np.ndarray, z: np.ndarray, across: np.ndarray, edge: np.ndarray, within: np.ndarray, rise: np.ndarray,
    middle: np.float32, ahead: np.float32, drop: np.float32, state: np.ndarray, lit: np.ndarray, bit: int,
) -> None:  # fmt: skip
    half, on, off = np.float32(0.5) * drop, np.uint8(bit), np.uint8(0)
    for j in range(z.size):
        s, up = state[j], middle * across[j]
        m = z[j] - abs(up)
        lit[j] |= on if s <= receiver[j] + up else off
        state[j] = after_cell(s, m, edge[j], ahead, rise[j], within[j], drop, half)


@njit(cache=True)
def light_level_rows(
    begin: int, rows: int, descending: bool, receiver: np.ndarray, z: np.ndarray, place: np.ndarray, aside: np.ndarray,
    state: np.ndarray, drop: np.float32, lit: np.ndarray,
) -> None:  # fmt: skip
    """Do what `light_suns` does for one sun in `rows` rows of level cells, from row `begin` on, each with its own bit.

    Rows are not cut out of the grids one by one: counting references to them would take as long as 200 cells.
    """
    for m in range(rows):
        r = rows - 1 - m if descending else m
        i = ix(begin + r)
        light_level(i, receiver, z, i, i, place[i], aside[i], state, drop, lit, np.uint8(1 << r))


@njit(cache=True)
def light_level_suns(
    i: int, begin: int, end: int, receiver: np.ndarray, z: np.ndarray, place: np.ndarray, aside: np.ndarray,
    state: np.ndarray, drop: np.ndarray, lit: np.ndarray,
) -> None:  # fmt: skip
    """Do the same in row `i` for the suns from `begin` to `end` (not included), each with a bit of its own."""
    row = ix(i)
    for k in range(begin, end):
        bit = np.uint8(1 << (k - begin))
        light_level(row, receiver, z, row, row, place[k, i], aside[k, i], state[k], drop[k], lit, bit)


@njit(cache=True, inline="always")
def light_level(
    i: int, receiver: np.ndarray, z: np.ndarray, leave: int, enter: int, at: int, aside: int, state: np.ndarray,
    drop: np.float32, lit: np.ndarray, on: np.uint8,
) -> None:  # fmt: skip
    """Set the bit `on` of the cells of row `i` that are lit by one sun, and cast from this row of level cells.

    Rays leave it at the heights of row `leave` of `z` and enter it at those of row `enter`.
    """
    half, off = np.float32(0.5) * drop, np.uint8(0)
    for j in range(z.shape[1]):
        s = state[ix(at + j)]
        lit[j] |= on if s <= receiver[i, ix(j)] else off
        a, b = s - drop, z[leave, ix(j)] - half
        state[ix(at + j)] = a if a > b else b
    _raise_level(enter, z, at, aside, state, drop)


@njit(cache=True, inline="always")
def _raise_level(i: int, z: np.ndarray, at: int, aside: int, state: np.ndarray, drop: np.float32) -> None:
    if aside != 0:
        deep = np.float32(1.5) * drop
        line, cell = (at, 1) if aside > 0 else (at + 1, 0)
        for j in range(z.shape[1] - 1):
            a, b = state[ix(line + j)], z[i, ix(cell + j)] - deep
            state[ix(line + j)] = a if a > b else b


@njit(cache=True)
def cast_level_suns(
    i: int, z: np.ndarray, place: np.ndarray, aside: np.ndarray, state: np.ndarray, drop: np.ndarray
) -> None:
    """Do what `cast_suns` does in a row of level cells."""
    for k in range(len(state)):
        half, at = np.float32(0.5) * drop[k], place[k, i]
        for j in range(z.shape[1]):
            a, b = state[k, ix(at + j)] - drop[k], z[i, ix(j)] - half
            state[k, ix(at + j)] = a if a > b else b
        _raise_level(ix(i), z, at, aside[k, i], state[k], drop[k])


@njit(cache=True)
def raise_row(
    edge: np.ndarray, within: np.ndarray, rise: np.ndarray, way: np.float32, drop: np.float32, aside: int,
    state: np.ndarray,
) -> None:  # fmt: skip
    """Raise the shadow on the lines of a row by the edges of the cells `aside` of them."""
    steep, deep = abs(way), np.float32(1.5) * drop
    line, cell = (0, 1) if aside > 0 else (1, 0)
    for n in range(edge.size - 1):
        i, j = ix(line + n), ix(cell + n)
        state[i] = after_entry(state[i], edge[j], steep, rise[j], within[j], drop, deep)


@njit(cache=True)
def veil(
    receiver: np.ndarray, top: np.ndarray, under: np.ndarray, high: np.ndarray, low: np.ndarray, drop: np.float32,
    behind: np.ndarray, bit: int,
) -> None:  # fmt: skip
    """Set `bit` of the cells whose light passes a crown, then `cast_crowns`."""
    half, on, off = np.float32(0.5) * drop, np.uint8(bit), np.uint8(0)
    for j in range(receiver.size):
        r = receiver[j]
        behind[j] |= on if ((low[j] <= r) & (r < high[j])) | ((under[j] - half <= r) & (r < top[j])) else off
    cast_crowns(top, under, high, low, drop)


@njit(cache=True)
def cast_crowns(top: np.ndarray, under: np.ndarray, high: np.ndarray, low: np.ndarray, drop: np.float32) -> None:
    """Pass one row of crowns: the interval of heights that they shade, before it and after it."""
    half, deep = np.float32(0.5) * drop, np.float32(1.5) * drop
    for j in range(top.size):
        t, u, new_top, new_under = high[j] - drop, low[j] - drop, top[j] - half, under[j] - deep
        joined = (new_under <= t) & (u <= new_top)
        apart = new_under if new_top > t else u
        both = new_under if new_under < u else u
        low[j] = both if joined else apart
        high[j] = new_top if new_top > t else t


@njit(cache=True)
def _sun(sun: np.ndarray, k: int) -> tuple[np.float32, np.float32, np.float32]:
    return sun[k, 0], sun[k, 1], sun[k, 2]


@njit(cache=True)
def _beam(on: np.signedinteger, x: np.float32, y: np.float32, z: np.float32, sun: tuple) -> np.float32:
    c = x * sun[0] + y * sun[1] + z * sun[2]
    return c if (on != 0) & (c > np.float32(0.0)) else np.float32(0.0)


@njit(cache=True)
def add_beam(
    lit: np.ndarray, nx: np.ndarray, ny: np.ndarray, nz: np.ndarray, sun: np.ndarray, total: np.ndarray
) -> None:
    """Add the light of the eight suns [8, 3], each a bit of `lit`, on one row of cells with the normals nx, ny, nz."""
    s0, s1, s2, s3 = _sun(sun, 0), _sun(sun, 1), _sun(sun, 2), _sun(sun, 3)
    s4, s5, s6, s7 = _sun(sun, 4), _sun(sun, 5), _sun(sun, 6), _sun(sun, 7)
    for j in range(total.size):
        x, y, z, on, t = nx[j], ny[j], nz[j], np.int32(lit[j]), total[j]
        t += _beam(on & 1, x, y, z, s0)
        t += _beam(on & 2, x, y, z, s1)
        t += _beam(on & 4, x, y, z, s2)
        t += _beam(on & 8, x, y, z, s3)
        t += _beam(on & 16, x, y, z, s4)
        t += _beam(on & 32, x, y, z, s5)
        t += _beam(on & 64, x, y, z, s6)
        t += _beam(on & 128, x, y, z, s7)
        total[j] = t


@njit(cache=True)
def _upright(on: np.signedinteger, c: np.float32) -> np.float32:
    return c if on != 0 else np.float32(0.0)


@njit(cache=True)
def add_upright(lit: np.ndarray, sun: np.ndarray, total: np.ndarray) -> None:
    """Do what `add_beam` does in a row of cells with the normal (0, 0, 1), to the same bits; `sun` [8] is upward."""
    s0, s1, s2, s3, s4, s5, s6, s7 = sun[0], sun[1], sun[2], sun[3], sun[4], sun[5], sun[6], sun[7]
    for j in range(total.size):
        on, t = np.int32(lit[j]), total[j]
        t += _upright(on & 1, s0)
        t += _upright(on & 2, s1)
        t += _upright(on & 4, s2)
        t += _upright(on & 8, s3)
        t += _upright(on & 16, s4)
        t += _upright(on & 32, s5)
        t += _upright(on & 64, s6)
        t += _upright(on & 128, s7)
        total[j] = t


@njit(cache=True)
def upright_lines(nx: np.ndarray, ny: np.ndarray, nz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return in which rows, and in which columns, all normals are (0, 0, 1)."""
    rows, columns = nx.shape
    tilted_rows, tilted_columns = np.zeros(rows, np.bool_), np.zeros(columns, np.uint8)
    for i in range(rows):
        tilted_rows[i] = _note_tilted(nx[i], ny[i], nz[i], tilted_columns)
    return ~tilted_rows, tilted_columns == 0


@njit(cache=True)
def _note_tilted(nx: np.ndarray, ny: np.ndarray, nz: np.ndarray, columns: np.ndarray) -> bool:
    seen, flat = np.uint8(0), np.float32(0.0)
    for j in range(columns.size):
        tilted = np.uint8((nx[j] != flat) | (ny[j] != flat) | (nz[j] != np.float32(1.0)))
        columns[j] |= tilted
        seen |= tilted
    return seen != 0


@njit(cache=True)
def ones(word: np.uint64) -> np.uint64:
    """Return the number of bits set (LLVM knows this formula and takes the processor's instruction)."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@njit(cache=True)
def label_blocks(label: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return where the labels lie, in blocks of 8 × 8 cells.

    Returns
    -------
    start : int64 [blocks of rows + 1]
    word : int64, of : int64, mask : uint64, each [entries]
        Entries of eight rows; bit ``8 c + r`` of a mask is the cell in row r and column c of the block.
    """
    rows, columns = label.shape
    blocks, words = (rows + ROWS - 1) // ROWS, (columns + 7) // 8
    start = np.zeros(blocks + 1, np.int64)
    size = 64
    word, of, mask = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.uint64)
    n = 0
    for b in range(blocks):
        for w in range(words):
            begin = n
            if n + 64 > size:
                size *= 2
                word, of, mask = _longer(word, size), _longer(of, size), _longer(mask, size)
            for r in range(min(ROWS, rows - b * ROWS)):
                for c in range(min(8, columns - w * 8)):
                    here = label[b * ROWS + r, w * 8 + c]
                    if here < 0:
                        continue
                    e = begin
                    while e < n and of[e] != here:
                        e += 1
                    if e == n:
                        word[e], of[e], mask[e] = w, here, 0
                        n += 1
                    mask[e] |= np.uint64(1) << np.uint64(8 * c + r)
        start[b + 1] = n
    return start, word[:n], of[:n], mask[:n]


@njit(cache=True)
def _longer(old: np.ndarray, size: int) -> np.ndarray:
    new = np.empty(size, old.dtype)
    new[: old.size] = old
    return new


@njit(cache=True)
def fresh(suns: int, lines: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the states of lines that no shadow has met yet: opaque height, crown top, crown underside."""
    return np.full((suns, lines), LOW), np.full((suns, lines), LOW), np.full((suns, lines), HIGH)
