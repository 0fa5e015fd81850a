"""Height of the ground at points and on rasters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.city.model import Terrain
from twin.solar.scene import Window

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
_ROWS = 256  # rows whose float64 temporaries are in memory at once


def ground_height(terrain: Terrain, x: Float, y: Float) -> Float:
    """Return the ground height (m above sea level) at points: bilinear between cell centres; the edge cells go on."""
    rows, columns = terrain.height_m.shape
    r = np.clip((terrain.north - y) / terrain.cell_m - 0.5, 0.0, rows - 1.0)
    c = np.clip((x - terrain.west) / terrain.cell_m - 0.5, 0.0, columns - 1.0)
    i, j = np.minimum(r.astype(np.int64), max(rows - 2, 0)), np.minimum(c.astype(np.int64), max(columns - 2, 0))
    below, right = np.minimum(i + 1, rows - 1), np.minimum(j + 1, columns - 1)
    z, u, v = terrain.height_m, r - i, c - j
    north = z[i, j] * (1.0 - v) + z[i, right] * v
    south = z[below, j] * (1.0 - v) + z[below, right] * v
    return np.asarray(north * (1.0 - u) + south * u, dtype=np.float64)


def ground_raster(terrain: Terrain, window: Window, cell_m: float) -> Float32:
    """Return the ground height at the cell centres of a window."""
    if terrain.height_m.size == 1:
        return np.full(window.shape, terrain.height_m[0, 0], np.float32)
    y: Float = -(np.arange(window.first_row, window.last_row, dtype=np.float64) + 0.5) * cell_m
    x: Float = (np.arange(window.first_column, window.last_column, dtype=np.float64) + 0.5) * cell_m
    out = np.empty(window.shape, np.float32)
    for low in range(0, len(y), _ROWS):
        out[low : low + _ROWS] = ground_height(terrain, x[None, :], y[low : low + _ROWS, None])
    return out
