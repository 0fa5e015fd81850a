"""The grids of a scene as the fast sweeps want them, and the batches of suns that are walked together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.solar.sweep import HIGH, LOW, Float32, Int64, Paths
from twin.kernels.solar.sweep_rows import ROWS

LARGE = 8 << 20
"""Bytes of a piece of memory that has large pages, as NumPy asks for from half of it on."""


def grids_along(sideways: bool, *grids: np.ndarray) -> list[np.ndarray]:
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


def level_blocks(along: Float32, across: Float32, rows: int) -> NDArray[np.bool_]:
    """Return which blocks of `ROWS` rows are level, the rows next to them included; all where no slopes are given."""
    if along.size == 0:
        return np.ones(-(-rows // ROWS), np.bool_)
    tilted = np.pad((along != 0.0).any(axis=1) | (across != 0.0).any(axis=1), (1, 1 + -len(along) % ROWS))
    inside = tilted[1:-1].reshape(-1, ROWS).any(axis=1)
    return ~(inside | tilted[:-2:ROWS] | tilted[1 + ROWS :: ROWS])


def crowns_of(canopy_m: Float32, trunk_m: Float32) -> tuple[Float32, Float32]:
    """Return tops and undersides that cast nothing where there is no crown."""
    crown = canopy_m > trunk_m
    return np.where(crown, canopy_m, LOW), np.where(crown, trunk_m, HIGH)


def in_batches(path: Paths, sideways: bool, size: int) -> tuple[Int64, Int64]:
    """Return the suns whose light runs along the rows, or not, by sense, and where their batches start in them."""
    these = np.flatnonzero(path.up & (path.sideways == sideways))
    these = these[np.lexsort((path.shift[these], path.descending[these]))]
    turn = int(np.searchsorted(path.descending[these], True))
    starts = [np.arange(a, b, size) for a, b in ((0, turn), (turn, len(these)))]
    return these, np.concatenate([*starts, [len(these)]]).astype(np.int64)
