"""What drives and gains do to a block of buildings that stand side by side, for ``energy.zone_modal``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.kernels.jit import njit

Lanes = NDArray[Any]
"""float64 or float32, whatever the variant steps in."""
Whole = NDArray[np.int64]
Truth = NDArray[np.bool_]
WIDTH = 128
"""Buildings of a block at most, which stand so far apart in it."""
VECTOR = 16
"""The buildings of a block that has fewer are rounded up to a multiple of this."""
HOURS = 16
"""Hours whose inputs are found together, a multiple of 4, so that they share each look at the weights of a row."""
ROW = HOURS * WIDTH + 16
"""From one mode's flow to the next; without the rest all would fall on the same lines of the cache."""


INDEX, LANES = 2**40 - 1, 2**20 - 1
"""An offset or a width that is cut by them is seen not to be negative, else an index counts as one that might be."""


@njit(cache=True)
def _add_drives(width: int, weight: Lanes, at: int, drive: Lanes, hour: int, c: int, flow: Lanes, to: int) -> None:
    """Add weights (4, WIDTH) times four drives, from column c, of four hours to flow (4, WIDTH)."""
    at, to = at & INDEX, to & INDEX
    a0, a1, a2, a3 = drive[hour, c], drive[hour, c + 1], drive[hour, c + 2], drive[hour, c + 3]
    b0, b1, b2, b3 = drive[hour + 1, c], drive[hour + 1, c + 1], drive[hour + 1, c + 2], drive[hour + 1, c + 3]
    c0, c1, c2, c3 = drive[hour + 2, c], drive[hour + 2, c + 1], drive[hour + 2, c + 2], drive[hour + 2, c + 3]
    d0, d1, d2, d3 = drive[hour + 3, c], drive[hour + 3, c + 1], drive[hour + 3, c + 2], drive[hour + 3, c + 3]
    for j in range(width & LANES):
        w0, w1 = weight[at + j], weight[at + WIDTH + j]
        w2, w3 = weight[at + 2 * WIDTH + j], weight[at + 3 * WIDTH + j]
        flow[to + j] += (w0 * a0 + w1 * a1) + (w2 * a2 + w3 * a3)
        flow[to + WIDTH + j] += (w0 * b0 + w1 * b1) + (w2 * b2 + w3 * b3)
        flow[to + 2 * WIDTH + j] += (w0 * c0 + w1 * c1) + (w2 * c2 + w3 * c3)
        flow[to + 3 * WIDTH + j] += (w0 * d0 + w1 * d1) + (w2 * d2 + w3 * d3)


@njit(cache=True)
def _lag(width: int, share: Lanes, before: Lanes, own: int, flow: Lanes, to: int) -> None:
    """Take off each of four hours a share of the hour before, which is kept in `before`."""
    own, to = own & INDEX, to & INDEX
    for j in range(width & LANES):
        f0, f1, f2, f3 = flow[to + j], flow[to + WIDTH + j], flow[to + 2 * WIDTH + j], flow[to + 3 * WIDTH + j]
        part = share[own + j]
        flow[to + j] = f0 - part * before[own + j]
        flow[to + WIDTH + j] = f1 - part * f0
        flow[to + 2 * WIDTH + j] = f2 - part * f1
        flow[to + 3 * WIDTH + j] = f3 - part * f2
        before[own + j] = f3


@njit(cache=True)
def any_but_zero(values: Lanes) -> bool:
    """Return whether any value is not 0."""
    found = False
    for value in values.flat:
        found |= value != 0.0
    return found


@njit(cache=True)
def _set_gains(width: int, load: Lanes, own: int, gain: Lanes, hour: int, zero: float, flow: Lanes, to: int) -> None:
    """Set four hours of flow to the load times the gains; no sum that begins so is a negative zero."""
    own, hour, to = own & INDEX, hour & INDEX, to & INDEX
    for j in range(width & LANES):
        part = load[own + j]
        flow[to + j] = part * gain[hour + j] + zero
        flow[to + WIDTH + j] = part * gain[hour + WIDTH + j] + zero
        flow[to + 2 * WIDTH + j] = part * gain[hour + 2 * WIDTH + j] + zero
        flow[to + 3 * WIDTH + j] = part * gain[hour + 3 * WIDTH + j] + zero


@njit(cache=True)
def _add_gains(width: int, load: Lanes, own: int, gain: Lanes, hour: int, flow: Lanes, to: int) -> None:
    """Add to four hours of flow the load times the gains."""
    own, hour, to = own & INDEX, hour & INDEX, to & INDEX
    for j in range(width & LANES):
        part = load[own + j]
        flow[to + j] += part * gain[hour + j]
        flow[to + WIDTH + j] += part * gain[hour + WIDTH + j]
        flow[to + 2 * WIDTH + j] += part * gain[hour + 2 * WIDTH + j]
        flow[to + 3 * WIDTH + j] += part * gain[hour + 3 * WIDTH + j]


@njit(cache=True)
def set_inputs(
    width: int,
    first: int,
    weight: Lanes,
    load: Lanes,
    met: Truth,
    lag: Lanes,
    drive: Lanes,
    slope: Lanes,
    lit: Truth,
    sloping: Truth,
    gain: Lanes,
    gain_slope: Lanes,
    zero: float,
    before: Lanes,
    flow: Lanes,
) -> None:
    """Set `HOURS` of flow (rows - 1, `FLOW`) from hour `first` of the run on.

    Of the modes, each hour is the flow less the share `lag` (modes, WIDTH) of the hour before; `before` (modes, WIDTH)
    is the last hour. Of the air, it is what the last but one row makes of drives and gains and the last row of their
    slopes. drive, slope (steps, m); gain, gain_slope (HOURS, WIDTH). Four drives that are 0 for four hours, as the sun
    at night, not `lit` or `sloping` (steps / 4, m / 4), or that no building of the block meets, not `met`
    (rows, m / 4), are left out, which changes no bit.
    """
    m, air, groups = drive.shape[1], len(load) // WIDTH - 2, drive.shape[1] // 4
    moving = any_but_zero(gain_slope)
    for k in range(air + 1):
        for h in range(0, HOURS, 4):
            to, four = k * ROW + h * WIDTH, (first + h) // 4
            _set_gains(width, load, k * WIDTH, gain, h * WIDTH, zero, flow, to)
            for c in range(groups):
                if met[k, c] and lit[four, c]:
                    _add_drives(width, weight, (k * m + 4 * c) * WIDTH, drive, first + h, 4 * c, flow, to)
            if k < air:
                _lag(width, lag, before, k * WIDTH, flow, to)
                continue
            for c in range(groups):
                if met[k + 1, c] and sloping[four, c]:
                    _add_drives(width, weight, ((k + 1) * m + 4 * c) * WIDTH, slope, first + h, 4 * c, flow, to)
            if moving:
                _add_gains(width, load, (k + 1) * WIDTH, gain_slope, h * WIDTH, flow, to)
