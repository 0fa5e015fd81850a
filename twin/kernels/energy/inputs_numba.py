"""What drives and gains do to a block of buildings that stand side by side, for ``energy.zone_modal``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Lanes = NDArray[Any]
"""float64 or float32, whatever the variant steps in."""
WIDTH = 64
"""Buildings of a block."""
HOURS = 8
"""Hours whose inputs are found together, a multiple of 4."""


@njit(cache=True)
def _add_drives(w: Lanes, drive: Lanes, c: int, flow: Lanes) -> None:
    """Add weights (4 · WIDTH) times four drives, from column c, of four hours (4, m) to flow (4 · WIDTH)."""
    a0, a1, a2, a3 = drive[0, c], drive[0, c + 1], drive[0, c + 2], drive[0, c + 3]
    b0, b1, b2, b3 = drive[1, c], drive[1, c + 1], drive[1, c + 2], drive[1, c + 3]
    c0, c1, c2, c3 = drive[2, c], drive[2, c + 1], drive[2, c + 2], drive[2, c + 3]
    d0, d1, d2, d3 = drive[3, c], drive[3, c + 1], drive[3, c + 2], drive[3, c + 3]
    for j in range(WIDTH):
        w0, w1, w2, w3 = w[j], w[WIDTH + j], w[2 * WIDTH + j], w[3 * WIDTH + j]
        flow[j] += (w0 * a0 + w1 * a1) + (w2 * a2 + w3 * a3)
        flow[WIDTH + j] += (w0 * b0 + w1 * b1) + (w2 * b2 + w3 * b3)
        flow[2 * WIDTH + j] += (w0 * c0 + w1 * c1) + (w2 * c2 + w3 * c3)
        flow[3 * WIDTH + j] += (w0 * d0 + w1 * d1) + (w2 * d2 + w3 * d3)


@njit(cache=True)
def any_but_zero(values: Lanes) -> bool:
    """Return whether any value is not 0."""
    found = False
    for value in values.flat:
        found |= value != 0.0
    return found


@njit(cache=True)
def set_inputs(
    weight: Lanes, load: Lanes, met: NDArray[np.bool_], drive: Lanes, gain: Lanes, zero: float, flow: Lanes
) -> None:
    """Set the last `HOURS` of flow (rows, HOURS + 2, WIDTH) to weight times the drives plus load times the gains.

    Four drives that are 0 for four hours, as the sun at night, or that no building of the block meets, met (rows,
    drives / 4), are left out. That changes no bit: no sum here is a negative zero, for the first has a zero added.
    """
    m = drive.shape[1]
    lit = np.empty(m // 4, np.int64)
    for h in range(0, HOURS, 4):
        count = 0
        for c in range(m // 4):
            if any_but_zero(drive[h : h + 4, 4 * c : 4 * c + 4]):
                lit[count] = c
                count += 1
        gains = gain[h * WIDTH : (h + 4) * WIDTH]
        for k in range(len(load) // WIDTH):
            own = load[k * WIDTH : (k + 1) * WIDTH]
            at = (k * (HOURS + 2) + 2 + h) * WIDTH
            part = flow[at : at + 4 * WIDTH]
            for j in range(WIDTH):
                part[j] = own[j] * gains[j] + zero
                part[WIDTH + j] = own[j] * gains[WIDTH + j] + zero
                part[2 * WIDTH + j] = own[j] * gains[2 * WIDTH + j] + zero
                part[3 * WIDTH + j] = own[j] * gains[3 * WIDTH + j] + zero
            for which in range(count):
                c = 4 * lit[which]
                if met[k, lit[which]]:
                    _add_drives(weight[(k * m + c) * WIDTH : (k * m + c + 4) * WIDTH], drive[h : h + 4], c, part)
