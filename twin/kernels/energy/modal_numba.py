"""The fast variants of ``energy.zone_modal``: buildings side by side in blocks, in double or in single precision.

A block holds `WIDTH` buildings in the innermost axis of every coefficient, so that each short loop over them becomes
vector instructions (`inputs_numba`, `hour_numba`). Three things keep a compiler from that, and are avoided there: a
check for division by zero (an early exit; hence ``error_model="numpy"`` where the air node divides), an index that
might be negative (hence offsets cut by `INDEX`), and many arrays that might overlap (hence rows of one array at
constant distances). With any of them the loop stays scalar, and single precision gains nothing. Views are left out
too, because numba counts each while it lives. Rows are long because what stands before and after a loop costs too, and
`HOURS` hours share each look at the weights of the drives.

Buildings never mix: the result of one does not depend on its neighbours, nor on the number of threads. Products and
sums are not contracted, so that processors with and without such an instruction give the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from twin.kernels.energy import hour_numba as hour
from twin.kernels.energy.hour_numba import Series
from twin.kernels.energy.inputs_numba import HOURS, ROW, VECTOR, WIDTH, Lanes, Truth, Whole, any_but_zero, set_inputs
from twin.kernels.energy.modal import start_state
from twin.kernels.jit import njit
from twin.kernels.registry import variant
from twin.kernels.threads import over_threads

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Pair = tuple[Lanes, Lanes]
TILE = 384
"""Bytes of a building and a quantity that are kept before they are summed and written to the rows of the result: as
many hours as leave the tile of a block in the second cache."""
STEP = 3600.0
TERMS = 16
IN_SINGLE = {
    "heating_w": (1e-4, 10.0),
    "cooling_w": (1e-4, 10.0),
    "air_c": (0.0, 5e-4),
    "balance": (1e-4, 1e3),
    "figures": (1e-4, 10.0),
}
"""Relative and absolute tolerance of the variant in single precision, for buildings of up to 10,000 m².

A temperature is right to about 2e-6 K, and a large building gains or loses up to 1e5 W for each kelvin."""


@njit(cache=True)
def _phi(y: float) -> tuple[float, float, float, float]:
    """Return e^y and φ1, φ2, φ3 of y. See `twin.kernels.energy.modal.phi`."""
    if abs(y) < 0.5:
        three, power, factorial = 0.0, 1.0, 6.0
        for k in range(TERMS):
            three += power / factorial
            power *= y
            factorial *= k + 4.0
        two = 0.5 + y * three
        return math.exp(y), 1.0 + y * two, two, three
    one = math.expm1(y) / y
    two = (one - 1.0) / y
    return math.exp(y), one, two, (two - 0.5) / y


@njit(cache=True)
def _coefficients(
    first: int,
    lanes: int,
    drives: int,
    start_c: float,
    kind: Lanes,
    modes: tuple[Float, ...],
    zones: Float,
    direct: Float,
) -> tuple[Lanes, Lanes, Lanes, Lanes, Lanes, Lanes, Float]:
    """Lay out the coefficients of a block in the precision of `kind`.

    Modes z are divided by Δ φ1, so that a mean flow f enters them with weight 1. Kept is z(t) - s f(t) with the weight
    s of the slope f(t + 1) - f(t - 1) in them: then f(t) enters with weight 1 + e^y s and f(t - 1) with -s, and all
    else that the flows give to the air is two sums over drives, one of them over their slopes (`set_inputs`). Returns
    weight (r + 2, drives, W), load (r + 2, W), lag and the hour before (r, W); of each mode (r, 4, W) decay, air in,
    heat to the air, and the state; of each building (15, W); the unit of the modes (r, W). All but the last are flat.
    """
    rate, air_in, start, before, begin, drive_in, gain_in = modes
    r, m = rate.shape[1], direct.shape[1]
    weight, load = np.zeros((r + 2) * drives * WIDTH, kind.dtype), np.zeros((r + 2) * WIDTH, kind.dtype)
    lag, last = np.zeros(r * WIDTH, kind.dtype), np.zeros(r * WIDTH, kind.dtype)
    mode, zone, unit = np.zeros(r * hour.MODE, kind.dtype), np.zeros(hour.ZONE, kind.dtype), np.ones((r, WIDTH))
    zone[hour.EXCHANGE : hour.EXCHANGE + WIDTH] = 1.0  # lanes without a building divide by this
    zone[hour.AIR : hour.AIR + WIDTH] = start_c
    heat, slope = np.empty(m + 1), np.empty(m + 1)
    for j in range(lanes):
        i = first + j
        exchange = zones[i, 5]
        heat[:m], heat[m], slope[:] = direct[i], zones[i, 4], 0.0
        for k in range(r):
            e, one, two, three = _phi(rate[i, k] * STEP)
            at, own, unit[k, j] = k * hour.MODE + j, air_in[i, k], STEP * one
            rise = 0.5 * (two / one - 0.5)
            grown, state = 1.0 + e * rise, own * one * unit[k, j]
            now, later = state * rise + own * STEP * two, own * STEP * 0.5 * (three - 0.5 * two)
            mode[at + hour.DECAY], mode[at + hour.AIR_IN], mode[at + hour.HEAT_STATE] = e, own, state
            mode[at + hour.STATE] = start[i, k] / unit[k, j] - rise * begin[i, k] - own * start_c
            lag[k * WIDTH + j], last[k * WIDTH + j] = rise / grown, grown * before[i, k]
            exchange -= own * STEP * two * own
            for c in range(m + 1):
                enters = drive_in[i, k, c] if c < m else gain_in[i, k]
                heat[c] += now * enters
                slope[c] += later * enters
                if c < m:
                    weight[(k * drives + c) * WIDTH + j] = grown * enters
                else:
                    load[k * WIDTH + j] = grown * enters
        for c in range(m):
            weight[(r * drives + c) * WIDTH + j], weight[((r + 1) * drives + c) * WIDTH + j] = heat[c], slope[c]
        load[r * WIDTH + j], load[(r + 1) * WIDTH + j] = heat[m], slope[m]
        zone[hour.LEAK + j], zone[hour.VENT + j] = zones[i, 0], zones[i, 1] * (1.0 - zones[i, 8])
        zone[hour.EXCHANGE + j], zone[hour.STORE + j] = exchange, zones[i, 2] / STEP
        zone[hour.MOST + j], zone[hour.LEAST + j] = zones[i, 6], zones[i, 7]
        zone[hour.AIRING + j], zone[hour.OFFSET + j] = zones[i, 9], zones[i, 10]
        zone[hour.HALF_FILM + j] = 0.5 / zones[i, 11] if zones[i, 11] > 0.0 else 0.0
        zone[hour.CONVECTIVE + j] = zones[i, 12]
    return weight, load, lag, last, mode, zone, unit


@njit(cache=True)
def _block(
    first: int,
    table: Lanes,
    drive: tuple[Lanes, Lanes],
    lit: tuple[Truth, Truth],
    profile: Whole,
    zones: Float,
    direct: Float,
    modes: tuple[Float, ...],
    options: tuple[float, float, int, int],
    series: Series,
    sums: Float,
    figures: Float,
    change: Float,
) -> None:
    """Run one block of buildings: hourly `series`, `sums` (n, 5), `figures`, and change (n, r) of the modes.

    modes: rate, air in, state at the start, flow the hour before and in the first hour, drive in, gain in.
    """
    start_c, overheating_c, warmup, record = options
    hours, drives, r = table.shape[0], drive[0].shape[1], modes[0].shape[1]
    kind = table.dtype.type
    half, one, zero, overheating = kind(0.5), kind(1.0), kind(0.0), kind(overheating_c)
    lanes = min(WIDTH, len(profile) - first)
    width = -(-lanes // VECTOR) * VECTOR
    weight, load, lag, before, mode, zone, unit = _coefficients(
        first, lanes, drives, start_c, table, modes, zones, direct
    )
    met = np.zeros((r + 2, drives // 4), np.bool_)
    for k in range(r + 2):
        for c in range(drives // 4):
            at = (k * drives + 4 * c) * WIDTH
            met[k, c] = any_but_zero(weight[at : at + 4 * WIDTH])
    airs = any_but_zero(zone[hour.AIRING : hour.AIRING + WIDTH])
    which = np.full(WIDTH, profile[first], np.int64)
    which[:lanes] = profile[first : first + lanes]
    alike = not any_but_zero(which - which[0])
    flow = np.zeros((r + 1) * ROW, table.dtype)
    gain, slope = np.zeros(HOURS * WIDTH, table.dtype), np.zeros(HOURS * WIDTH, table.dtype)
    tile_hours = TILE // table.itemsize
    tile, best = np.zeros(tile_hours * hour.HOUR, table.dtype), np.zeros(hour.BEST, table.dtype)
    best[hour.LEAST_AIR : hour.LEAST_AIR + WIDTH] = np.inf
    best[hour.MOST_AIR : hour.MOST_AIR + WIDTH] = -np.inf
    best[hour.MOST_WARMTH : hour.MOST_WARMTH + WIDTH] = -np.inf
    total, begin, end = np.zeros(4 * WIDTH), np.zeros(r * WIDTH, table.dtype), np.zeros(r * WIDTH, table.dtype)
    air_begin = zone[hour.AIR : hour.AIR + WIDTH].copy()
    for coming in range(0, warmup + hours, HOURS):
        for h in range(HOURS):
            t = (coming + h - warmup) % hours
            hour.look_up(width, table, t, which, alike, 2, gain, h * WIDTH)
            hour.look_up(width, table, t, which, alike, 4, slope, h * WIDTH)
        set_inputs(width, coming, weight, load, met, lag, *drive, *lit, gain, slope, zero, before, flow)
        for h in range(min(HOURS, warmup + hours - coming)):
            step = coming + h - warmup
            t = step % hours
            row = t % tile_hours
            if step == 0:
                hour.states(width, mode, zone, begin)
                air_begin[:] = zone[hour.AIR : hour.AIR + WIDTH]
            hour.look_up(width, table, t, which, alike, 0, zone, hour.LOW)
            hour.look_up(width, table, t, which, alike, 1, zone, hour.HIGH)
            hour.look_up(width, table, t, which, alike, 3, zone, hour.FLOW)
            hour.step_modes(width, mode, flow, h, zone)
            if airs:
                hour.settle(width, zone, gain, h, drive[0][coming + h, 0], half, one, zero, tile, row * hour.HOUR)
            else:
                hour.settle_shut(width, zone, gain, h, drive[0][coming + h, 0], half, one, zero, tile, row * hour.HOUR)
            if step >= 0 and (row == tile_hours - 1 or step == hours - 1):
                for kept in range(row + 1):
                    hour.sum_up(width, tile, kept * hour.HOUR, overheating, one, zero, best, total)
                if record:
                    hour.flush(tile, series, zero, first, lanes, t - row, row + 1)
    hour.states(width, mode, zone, end)
    for j in range(lanes):
        i = first + j
        sums[i, 0], sums[i, 1] = total[hour.HEATED + j], total[hour.COOLED + j]
        sums[i, 2], sums[i, 3] = total[hour.VENTED_SUM + j], total[hour.AIR_SUM + j]
        sums[i, 4] = zone[hour.AIR + j] - air_begin[j]
        figures[i, 0], figures[i, 1], figures[i, 2] = (
            best[hour.PEAK_HEAT + j],
            best[hour.PEAK_COOL + j],
            sums[i, 3] / hours,
        )
        figures[i, 3], figures[i, 4] = best[hour.LEAST_AIR + j], best[hour.MOST_AIR + j]
        figures[i, 5], figures[i, 6] = best[hour.HOT_HOURS + j], best[hour.MOST_WARMTH + j]
        for k in range(r):
            change[i, k] = (end[k * WIDTH + j] - begin[k * WIDTH + j]) * unit[k, j]


@over_threads
@njit(cache=True, nogil=True)
def _run(
    begin: int,
    end: int,
    table: Lanes,
    drive: tuple[Lanes, Lanes],
    lit: tuple[Truth, Truth],
    profile: Whole,
    zones: Float,
    direct: Float,
    modes: tuple[Float, ...],
    options: tuple[float, float, int, int],
    series: Series,
    sums: Float,
    figures: Float,
    change: Float,
) -> None:
    for block in range(begin, end):
        _block(block * WIDTH, table, drive, lit, profile, zones, direct, modes, options, series, sums, figures, change)


Result = tuple[Single, Single, Single, Float, Float]


def _hours_of_run(drive: Float, warmup: int, kind: DTypeLike) -> tuple[Pair, tuple[Truth, Truth]]:
    """Return drives and slopes of all hours of the run in a row, and where four drives of four hours are not all 0."""
    hours, m = drive.shape
    steps, columns = -(-(warmup + hours) // HOURS) * HOURS, (m + 3) // 4 * 4
    order = np.arange(-warmup, steps - warmup) % hours
    found, lit = [], []
    for values in (drive, np.roll(drive, -1, axis=0) - np.roll(drive, 1, axis=0)):
        laid = np.zeros((steps, columns), kind)
        laid[:, :m] = values[order]
        found.append(laid)
        lit.append((laid != 0.0).reshape(steps // 4, 4, columns // 4, 4).any(axis=(1, 3)))
    return (found[0], found[1]), (lit[0], lit[1])


def _fast(kind: DTypeLike, inputs: Sequence[Any]) -> Result:
    """Run blocks of buildings in parallel; see `twin.kernels.energy.modal.reference`.

    The yearly balance of the network comes from its states at both ends and the sums of what went in.
    """
    drive, heat_set_c, cool_set_c, gain, air_flow, profile, zones, direct, solar_in = inputs[:9]
    rate, air_in, storage, drive_in, gain_in, start_c, overheating_c, warmup, record = inputs[9:]
    n, hours = len(profile), len(drive)
    shape = (n, hours) if record else (0, 0)
    series = (np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.float32))
    sums, figures, change = np.zeros((n, 5)), np.zeros((n, 7)), np.zeros(rate.shape)
    # Hour by hour, the values of one profile after those of the other.
    slope = np.roll(gain, -1, axis=1) - np.roll(gain, 1, axis=1)
    table = np.stack([heat_set_c, cool_set_c, gain, air_flow, slope]).transpose(2, 1, 0).reshape(hours, -1).astype(kind)
    flows = (
        drive_in @ drive[at] + gain_in * gain[profile, at, None] for at in ((-warmup - 1) % hours, -warmup % hours)
    )
    start = start_state(drive, gain, profile, rate, air_in, drive_in, gain_in, start_c, warmup)
    modes = rate, air_in, start, *flows, drive_in, gain_in
    options = (float(start_c), float(overheating_c), int(warmup), int(record))
    blocks, shared = (n + WIDTH - 1) // WIDTH, (np.ascontiguousarray(table), *_hours_of_run(drive, warmup, kind))
    _run(blocks, *shared, profile, zones, direct, modes, options, series, sums, figures, change)

    heat, cool, vented, warmth, risen = sums.T
    gains, drives = gain.sum(axis=1)[profile], drive.sum(axis=0)
    internal, sun = zones[:, 3] * gains, solar_in @ drives
    entered = drive_in @ drives + gain_in * gains[:, None] + air_in * warmth[:, None]
    modes_sum = (change / STEP - entered) / rate
    to_air = np.sum(air_in * modes_sum, axis=1) + direct @ drives + zones[:, 4] * gains - zones[:, 5] * warmth
    kept = np.sum(storage * change, axis=1) / STEP
    stored = kept + zones[:, 2] / STEP * risen
    balance = np.stack([heat, cool, internal, sun, internal + sun - to_air - kept, vented, stored], axis=1)
    return (*series, balance, figures)


@variant("energy.zone_modal", "numba")
def fast(*inputs: Any) -> Result:
    """Step in double precision; arguments and results as in `twin.kernels.energy.modal.reference`."""
    return _fast(np.float64, inputs)


@variant("energy.zone_modal", "numba_single", tolerances=IN_SINGLE, exempt=["energy is conserved to 1e-9"])
def fast_single(*inputs: Any) -> Result:
    """Step in single precision and sum up in double precision, otherwise as `fast`."""
    return _fast(np.float32, inputs)
