"""The fast variants of ``energy.zone_modal``: buildings side by side in blocks, in double or in single precision.

A block holds `WIDTH` buildings in the innermost axis of every coefficient, so that each short loop over them becomes
vector instructions. Three things keep a compiler from that, and are avoided here: a check for division by zero (an
early exit; hence ``error_model="numpy"`` where the air node divides), an index that might be negative (hence views
whose indices start at 0), and many arrays that might overlap (hence rows of one array at constant distances). With
any of them the loop stays scalar, and single precision gains nothing. `HOURS` hours share each look at the weights of
the drives (`inputs_numba`).

Buildings never mix: the result of one does not depend on its neighbours, nor on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import DTypeLike, NDArray

from twin.kernels.energy.inputs_numba import HOURS, WIDTH, any_but_zero, set_inputs
from twin.kernels.energy.modal import start_state
from twin.kernels.registry import variant

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Lanes = NDArray[Any]
"""float64 or float32, whatever the variant steps in."""
TILE = 96
"""Hours kept before they are summed and written to the rows of the result."""
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

# Rows of `WIDTH` of each mode: see `_coefficients`.
DECAY, SLOPE, AIR_IN, HEAT_STATE, HEAT_MEAN, HEAT_SLOPE, STATE = range(0, 7 * WIDTH, WIDTH)
MODE = 7 * WIDTH
# Rows of each zone: what stays, then what changes with the hours.
LEAK, VENT, EXCHANGE, STORE, MOST, LEAST, AIRING, OFFSET, HALF_FILM, CONVECTIVE = range(0, 10 * WIDTH, WIDTH)
AIR, HEAT, LOW, HIGH, GAIN, FLOW = range(10 * WIDTH, 16 * WIDTH, WIDTH)
ZONE = 16 * WIDTH
# Rows of each hour of the tile, the first three of which are results.
HEATING, COOLING, AIR_C, VENTED, WARMTH = range(0, 5 * WIDTH, WIDTH)
HOUR = 5 * WIDTH
PEAK_HEAT, PEAK_COOL, LEAST_AIR, MOST_AIR, HOT_HOURS, MOST_WARMTH = range(0, 6 * WIDTH, WIDTH)
BEST = 6 * WIDTH


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
def _look_up(table: Lanes, which: NDArray[np.int64], zone: Lanes) -> None:
    """Take set-points, gains and air flow of an hour from its table (k · 4)."""
    for j in range(WIDTH):
        at = 4 * which[j]
        zone[LOW + j], zone[HIGH + j] = table[at], table[at + 1]
        zone[GAIN + j], zone[FLOW + j] = table[at + 2], table[at + 3]


@njit(cache=True)
def _look_up_gains(table: Lanes, which: NDArray[np.int64], gain: Lanes) -> None:
    """Take the gains alone."""
    for j in range(WIDTH):
        gain[j] = table[4 * which[j] + 2]


@njit(cache=True)
def _step_modes(mode: Lanes, flow: Lanes, h: int, zone: Lanes) -> None:
    """Set the heat to the air without the air's own share, and all but the air's share of the next state."""
    modes = len(mode) // MODE
    at = (modes * (HOURS + 2) + h + 1) * WIDTH
    direct = flow[at : at + WIDTH]
    for j in range(WIDTH):
        zone[HEAT + j] = direct[j]
    for k in range(modes):
        own, at = mode[k * MODE : (k + 1) * MODE], (k * (HOURS + 2) + h) * WIDTH
        around = flow[at : at + 3 * WIDTH]
        for j in range(WIDTH):
            here, state = around[WIDTH + j], own[STATE + j]
            slope = around[2 * WIDTH + j] - around[j]
            zone[HEAT + j] += (own[HEAT_STATE + j] * state + own[HEAT_MEAN + j] * here) + own[HEAT_SLOPE + j] * slope
            own[STATE + j] = (own[DECAY + j] * state + here) + own[SLOPE + j] * slope


@njit(cache=True)
def _warm_modes(mode: Lanes, zone: Lanes) -> None:
    """Add the air's share to the states."""
    for k in range(len(mode) // MODE):
        own = mode[k * MODE : (k + 1) * MODE]
        for j in range(WIDTH):
            own[STATE + j] += own[AIR_IN + j] * zone[AIR + j]


@njit(cache=True, error_model="numpy")
def _settle(zone: Lanes, outside: float, half: float, zero: float, out: Lanes) -> None:
    """Find the air of an hour; the constants come in the precision of the arrays, which a literal would not keep."""
    for j in range(WIDTH):
        low, high = zone[LOW + j], zone[HIGH + j]
        low = min(low + zone[OFFSET + j], max(low, high - half))
        h_air = zone[LEAK + j] + zone[FLOW + j] * zone[VENT + j]
        lost = (zone[EXCHANGE + j] + h_air) + zone[STORE + j]
        still = ((zone[HEAT + j] + h_air * outside) + zone[STORE + j] * zone[AIR + j]) / lost
        # Airing cools down to the middle of the band, if it can.
        fully_open = zone[AIRING + j] * (still - outside) / (lost + zone[AIRING + j])
        fall = max(min(fully_open, still - half * (low + high)), zero)
        free = still - fall
        wanted = min(max(free, low), high)
        power = min(max((wanted - free) * lost, -zone[LEAST + j]), zone[MOST + j])
        air = free + power / lost
        surfaces = (zone[HEAT + j] - zone[EXCHANGE + j] * air) - zone[CONVECTIVE + j] * zone[GAIN + j]
        zone[AIR + j] = air
        out[HEATING + j], out[COOLING + j], out[AIR_C + j] = max(power, zero), max(-power, zero), air
        out[VENTED + j] = h_air * (air - outside) + fall * lost
        out[WARMTH + j] = air + zone[HALF_FILM + j] * surfaces


@njit(cache=True)
def _sum_up(hour: Lanes, overheating: float, one: float, zero: float, best: Lanes, sums: Float) -> None:
    """Add an hour of the tile to the sums (4 · WIDTH), which are in double precision, and to the extremes."""
    for j in range(WIDTH):
        air, warmth = hour[AIR_C + j], hour[WARMTH + j]
        best[PEAK_HEAT + j] = max(best[PEAK_HEAT + j], hour[HEATING + j])
        best[PEAK_COOL + j] = max(best[PEAK_COOL + j], hour[COOLING + j])
        best[LEAST_AIR + j], best[MOST_AIR + j] = min(best[LEAST_AIR + j], air), max(best[MOST_AIR + j], air)
        best[HOT_HOURS + j] += one if warmth > overheating else zero
        best[MOST_WARMTH + j] = max(best[MOST_WARMTH + j], warmth)
    for j in range(4 * WIDTH):
        sums[j] += hour[j]


@njit(cache=True)
def _flush(tile: Lanes, row: int, out: Single, first: int, lanes: int, start: int, count: int) -> None:
    for j in range(lanes):
        for h in range(count):
            out[first + j, start + h] = tile[h, row + j]


@njit(cache=True)
def _coefficients(
    first: int, lanes: int, drives: int, kind: Lanes, modes: tuple[Float, ...], zones: Float, direct: Float
) -> tuple[Lanes, Lanes, Lanes, Lanes, Float]:
    """Lay out the coefficients of a block in the precision of `kind`.

    Modes are divided by Δ φ1, so that a mean flow enters them with weight 1. Returns weight (r + 1, drives, W) and load
    (r + 1, W), the last row direct; of each mode (r, 7, W): decay, slope, air in, of the heat to the air per state,
    mean and slope, and the state; of each building (16, W); the unit of the modes (r, W). All but the last are flat.
    """
    rate, air_in, start, drive_in, gain_in = modes
    r, m = rate.shape[1], direct.shape[1]
    weight, load = np.zeros((r + 1) * drives * WIDTH, kind.dtype), np.zeros((r + 1) * WIDTH, kind.dtype)
    mode, zone, unit = np.zeros(r * MODE, kind.dtype), np.zeros(ZONE, kind.dtype), np.ones((r, WIDTH))
    zone[EXCHANGE : EXCHANGE + WIDTH] = 1.0  # lanes without a building divide by this
    for j in range(lanes):
        i = first + j
        exchange = zones[i, 5]
        for k in range(r):
            e, one, two, three = _phi(rate[i, k] * STEP)
            at = k * MODE + j
            unit[k, j] = STEP * one
            mode[at + DECAY] = e
            mode[at + SLOPE] = 0.5 * (two / one - 0.5)
            mode[at + AIR_IN] = air_in[i, k]
            mode[at + HEAT_STATE] = air_in[i, k] * one * unit[k, j]
            mode[at + HEAT_MEAN] = air_in[i, k] * STEP * two
            mode[at + HEAT_SLOPE] = air_in[i, k] * STEP * 0.5 * (three - 0.5 * two)
            mode[at + STATE] = start[i, k] / unit[k, j]
            exchange -= air_in[i, k] * STEP * two * air_in[i, k]
            load[k * WIDTH + j] = gain_in[i, k]
            for c in range(m):
                weight[(k * drives + c) * WIDTH + j] = drive_in[i, k, c]
        load[r * WIDTH + j] = zones[i, 4]
        for c in range(m):
            weight[(r * drives + c) * WIDTH + j] = direct[i, c]
        zone[LEAK + j], zone[VENT + j] = zones[i, 0], zones[i, 1] * (1.0 - zones[i, 8])
        zone[EXCHANGE + j], zone[STORE + j] = exchange, zones[i, 2] / STEP
        zone[MOST + j], zone[LEAST + j] = zones[i, 6], zones[i, 7]
        zone[AIRING + j], zone[OFFSET + j] = zones[i, 9], zones[i, 10]
        zone[HALF_FILM + j] = 0.5 / zones[i, 11] if zones[i, 11] > 0.0 else 0.0
        zone[CONVECTIVE + j] = zones[i, 12]
    return weight, load, mode, zone, unit


@njit(cache=True)
def _block(
    first: int,
    table: Lanes,
    drive: Lanes,
    profile: NDArray[np.int64],
    zones: Float,
    direct: Float,
    modes: tuple[Float, ...],
    options: tuple[float, float, int, int],
    series: tuple[Single, Single, Single],
    sums: Float,
    figures: Float,
    change: Float,
) -> None:
    """Run one block of buildings: hourly `series`, `sums` (n, 5), `figures`, and change (n, r) of the modes.

    modes: rate, air in, state at the start, drive in, gain in.
    """
    start_c, overheating_c, warmup, record = options
    hours, drives, r = drive.shape[0], drive.shape[1], modes[0].shape[1]
    kind = drive.dtype.type
    half, one, zero, overheating = kind(0.5), kind(1.0), kind(0.0), kind(overheating_c)
    lanes = min(WIDTH, len(profile) - first)
    weight, load, mode, zone, unit = _coefficients(first, lanes, drives, drive, modes, zones, direct)
    zone[AIR : AIR + WIDTH] = start_c
    met = np.zeros((r + 1, drives // 4), np.bool_)
    for k in range(r + 1):
        for c in range(drives // 4):
            at = (k * drives + 4 * c) * WIDTH
            met[k, c] = any_but_zero(weight[at : at + 4 * WIDTH])
    which = np.zeros(WIDTH, np.int64)
    which[:lanes] = profile[first : first + lanes]
    flow = np.zeros((r + 1) * (HOURS + 2) * WIDTH, drive.dtype)
    gain, local = np.zeros(HOURS * WIDTH, drive.dtype), np.zeros((HOURS, drives), drive.dtype)
    tile, best = np.zeros((TILE, HOUR), drive.dtype), np.zeros(BEST, drive.dtype)
    best[LEAST_AIR : LEAST_AIR + WIDTH] = np.inf
    best[MOST_AIR : MOST_AIR + WIDTH] = -np.inf
    best[MOST_WARMTH : MOST_WARMTH + WIDTH] = -np.inf
    total, begin, air_begin = np.zeros(4 * WIDTH), mode.copy(), zone[AIR : AIR + WIDTH].copy()
    for coming in range(-warmup - 1, hours + 1, HOURS):
        # The inputs of the hours that come go behind those of the last two.
        for k in range(r + 1):
            at = k * (HOURS + 2) * WIDTH
            flow[at : at + 2 * WIDTH] = flow[at + HOURS * WIDTH : at + (HOURS + 2) * WIDTH]
        for h in range(HOURS):
            now = (coming + h) % hours
            local[h] = drive[now]
            _look_up_gains(table[now], which, gain[h * WIDTH : (h + 1) * WIDTH])
        set_inputs(weight, load, met, local, gain, zero, flow)
        for h in range(HOURS):
            step = coming - 1 + h
            if step < -warmup or step >= hours:
                continue
            t = step % hours
            row = t % TILE
            if step == 0:
                begin[:] = mode
                air_begin[:] = zone[AIR : AIR + WIDTH]
            _look_up(table[t], which, zone)
            _step_modes(mode, flow, h, zone)
            _settle(zone, drive[t, 0], half, zero, tile[row])
            _warm_modes(mode, zone)
            if step >= 0 and (row == TILE - 1 or step == hours - 1):
                for kept in range(row + 1):
                    _sum_up(tile[kept], overheating, one, zero, best, total)
                if record:
                    for s in range(3):
                        _flush(tile, s * WIDTH, series[s], first, lanes, t - row, row + 1)
    for j in range(lanes):
        i = first + j
        sums[i, 0], sums[i, 1] = total[HEATING + j], total[COOLING + j]
        sums[i, 2], sums[i, 3] = total[VENTED + j], total[AIR_C + j]
        sums[i, 4] = zone[AIR + j] - air_begin[j]
        figures[i, 0], figures[i, 1], figures[i, 2] = best[PEAK_HEAT + j], best[PEAK_COOL + j], sums[i, 3] / hours
        figures[i, 3], figures[i, 4] = best[LEAST_AIR + j], best[MOST_AIR + j]
        figures[i, 5], figures[i, 6] = best[HOT_HOURS + j], best[MOST_WARMTH + j]
        for k in range(r):
            at = k * MODE + STATE + j
            change[i, k] = (mode[at] - begin[at]) * unit[k, j]


@njit(cache=True, parallel=True)
def _run(
    table: Lanes,
    drive: Lanes,
    profile: NDArray[np.int64],
    zones: Float,
    direct: Float,
    modes: tuple[Float, ...],
    options: tuple[float, float, int, int],
    series: tuple[Single, Single, Single],
    sums: Float,
    figures: Float,
    change: Float,
) -> None:
    for block in prange((len(profile) + WIDTH - 1) // WIDTH):
        _block(block * WIDTH, table, drive, profile, zones, direct, modes, options, series, sums, figures, change)


Result = tuple[Single, Single, Single, Float, Float]


def _fast(kind: DTypeLike, inputs: Sequence[Any]) -> Result:
    """Run blocks of buildings in parallel; see `twin.kernels.energy.modal.reference`.

    The yearly balance of the network comes from its states at both ends and the sums of what went in.
    """
    drive, heat_set_c, cool_set_c, gain, air_flow, profile, zones, direct, solar_in = inputs[:9]
    rate, air_in, storage, drive_in, gain_in, start_c, overheating_c, warmup, record = inputs[9:]
    n, (hours, m) = len(profile), drive.shape
    shape = (n, hours) if record else (0, 0)
    series = (np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.float32))
    sums, figures, change = np.zeros((n, 5)), np.zeros((n, 7)), np.zeros(rate.shape)
    # Hour by hour, the four values of one profile after those of the other.
    table = np.stack([heat_set_c, cool_set_c, gain, air_flow]).transpose(2, 1, 0).reshape(hours, -1).astype(kind)
    padded = np.zeros((hours, (m + 3) // 4 * 4), kind)
    padded[:, :m] = drive
    modes = (
        rate,
        air_in,
        start_state(drive, gain, profile, rate, air_in, drive_in, gain_in, start_c, warmup),
        drive_in,
        gain_in,
    )
    options = (float(start_c), float(overheating_c), int(warmup), int(record))
    _run(np.ascontiguousarray(table), padded, profile, zones, direct, modes, options, series, sums, figures, change)

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
