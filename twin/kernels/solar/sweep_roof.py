"""Heights inside of cells, fast: the `Roof` of `twin.kernels.solar.sweep_heights.roof_of`, bit for bit.

Every loop writes one row of one array and reads few, so that LLVM can tell that they do not overlap and vectorises it.
"""

from __future__ import annotations

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.solar.sweep_heights import BENT, SAME, Roof


@njit(cache=True)
def _rise(z, g, other_z, other_g, sign, out):  # type: ignore[no-untyped-def]
    """Write what cells rise to their neighbours: on their plane, or to the edge on the neighbour's within a ridge."""
    half, two = np.float32(0.5), np.float32(2.0)
    for j in range(out.size):
        a, b, p, q = z[j], other_z[j], sign * g[j], sign * other_g[j]
        w = two * (b - half * q - a)
        out[j] = w if (a <= b - q + SAME) & (b <= a + p + SAME) & (w < p) else p


@njit(cache=True)
def _within(z, g, other_z, other_g, sign, out):  # type: ignore[no-untyped-def]
    """Write how far from the edge to their neighbours cells have a ridge, rows."""
    half, level, one = np.float32(0.5), np.float32(0.0), np.float32(1.0)
    for j in range(out.size):
        a, b, p, q = z[j], other_z[j], sign * g[j], sign * other_g[j]
        bent = (a <= b - q + SAME) & (b <= a + p + SAME) & (p - q > BENT)
        way = ((b - half * q) - (a + half * p)) / (p - q if bent else one)
        out[j] = min(max(-way, level), half) if bent else level


@njit(cache=True)
def _edge(z, g, other_z, other_g, sign, out):  # type: ignore[no-untyped-def]
    """Write the height of the edge to the neighbours, or of the ridge near it."""
    half = np.float32(0.5)
    for j in range(out.size):
        a, b, p, q = z[j], other_z[j], sign * g[j], sign * other_g[j]
        here, there = a + half * p, b - half * q
        bent = (a <= b - q + SAME) & (b <= a + p + SAME) & (p - q > BENT)
        out[j] = here + p * ((there - here) / (p - q)) if bent else here


@njit(cache=True)
def _edge_rise(z, g, other_z, other_g, sign, rise, other_rise, out):  # type: ignore[no-untyped-def]
    for j in range(out.size):
        a, b, p, q, r, t = z[j], other_z[j], sign * g[j], sign * other_g[j], rise[j], other_rise[j]
        out[j] = t if (a <= b - q + SAME) & (b <= a + p + SAME) & (t < r) else r


@njit(cache=True)
def roof_buffer(rows: int, columns: int) -> Roof:
    """Return room for the roof of so many rows, and one more before and after them."""
    return Roof(
        np.empty((2, rows + 2, columns), np.float32),
        np.empty((2, rows + 2, columns), np.float32),
        np.empty((2, rows + 2, columns), np.float32),
        np.empty((2, 2, rows + 2, columns), np.float32),
    )


@njit(cache=True)
def roof_rows(z, along, aside, first, last, roof):  # type: ignore[no-untyped-def]
    """Write the roof of the rows `first` to `last` (not included) of a grid; row `first` is row 1 of the buffer."""
    rise, edge, within, edge_rise = roof.rise, roof.edge, roof.within, roof.edge_rise
    rows, end = z.shape
    up, down = np.float32(1.0), np.float32(-1.0)
    for i in range(max(first - 1, 0), min(last + 1, rows)):
        r = i - first + 1
        rise[0, r, end - 1], rise[1, r, 0] = aside[i, end - 1], -aside[i, 0]
        _rise(z[i, : end - 1], aside[i, : end - 1], z[i, 1:], aside[i, 1:], up, rise[0, r, : end - 1])
        _rise(z[i, 1:], aside[i, 1:], z[i, : end - 1], aside[i, : end - 1], down, rise[1, r, 1:])
    for i in range(first, last):
        r = i - first + 1
        for towards, step, sign in ((0, 1, up), (1, -1, down)):
            o = i + step
            if o < 0 or o >= rows:
                within[towards, r] = 0.0
                edge[towards, r] = z[i] + np.float32(0.5) * (sign * along[i])
                edge_rise[towards, 0, r], edge_rise[towards, 1, r] = rise[0, r], rise[1, r]
                continue
            _within(z[i], along[i], z[o], along[o], sign, within[towards, r])
            _edge(z[i], along[i], z[o], along[o], sign, edge[towards, r])
            for side in range(2):
                own, other = rise[side, r], rise[side, r + step]
                _edge_rise(z[i], along[i], z[o], along[o], sign, own, other, edge_rise[towards, side, r])
