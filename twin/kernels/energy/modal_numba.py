"""The fast variant of ``energy.zone_modal``: buildings side by side in blocks.

A block holds `WIDTH` buildings in the innermost axis of every coefficient, so that each short loop over them becomes
vector instructions; the coefficients of a block stay in the second cache, and 64 was the fastest width. Buildings never
mix: the result of one does not depend on its neighbours, nor on the number of threads.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from twin.kernels.energy.modal import start_state
from twin.kernels.registry import variant

Float = NDArray[np.float64]
Single = NDArray[np.float32]
WIDTH = 64
GROUP = 8
"""Drives that one loop over the buildings adds up."""
TILE = 96
"""Hours kept before they are written to the rows of the result."""
STEP = 3600.0
TERMS = 16


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
def _inputs(weight: Float, load: Float, drive: Float, gain: Float, out: Float) -> None:
    """Set out (rows, WIDTH) to weight (rows, m, WIDTH) times the drives of an hour, plus load times the gains."""
    rows, drives = weight.shape[0], weight.shape[1]
    for k in range(rows):
        for j in range(WIDTH):
            out[k, j] = load[k, j] * gain[j]
        for c in range(0, drives, GROUP):
            u0, u1, u2, u3 = drive[c], drive[c + 1], drive[c + 2], drive[c + 3]
            u4, u5, u6, u7 = drive[c + 4], drive[c + 5], drive[c + 6], drive[c + 7]
            for j in range(WIDTH):
                out[k, j] += (
                    (weight[k, c, j] * u0 + weight[k, c + 1, j] * u1)
                    + (weight[k, c + 2, j] * u2 + weight[k, c + 3, j] * u3)
                ) + (
                    (weight[k, c + 4, j] * u4 + weight[k, c + 5, j] * u5)
                    + (weight[k, c + 6, j] * u6 + weight[k, c + 7, j] * u7)
                )


@njit(cache=True)
def _coefficients(
    first: int, lanes: int, modes: tuple[Float, ...], zones: Float, direct: Float
) -> tuple[Float, Float, Float, Float, Float]:
    """Lay out the coefficients of a block.

    Modes are divided by Δ φ1, so that a mean flow enters them with weight 1. Returns weight (r + 1, m, W) and load
    (r + 1, W), the last row direct; of each mode [6] (r, 6, W): decay, slope, air in, and of the heat to the air per
    state, mean and slope; of each building (6, W): see below; the unit of the modes (r, W).
    """
    rate, air_in, _, drive_in, gain_in = modes
    r, m = rate.shape[1], direct.shape[1]
    padded = (m + GROUP - 1) // GROUP * GROUP
    weight, load = np.zeros((r + 1, padded, WIDTH)), np.zeros((r + 1, WIDTH))
    mode, zone, unit = np.zeros((r, 6, WIDTH)), np.zeros((6, WIDTH)), np.ones((r, WIDTH))
    zone[2] = 1.0  # lanes without a building divide by this
    for j in range(lanes):
        i = first + j
        exchange = zones[i, 5]
        for k in range(r):
            e, one, two, three = _phi(rate[i, k] * STEP)
            unit[k, j] = STEP * one
            mode[k, 0, j] = e
            mode[k, 1, j] = 0.5 * (two / one - 0.5)
            mode[k, 2, j] = air_in[i, k]
            mode[k, 3, j] = air_in[i, k] * one * unit[k, j]
            mode[k, 4, j] = air_in[i, k] * STEP * two
            mode[k, 5, j] = air_in[i, k] * STEP * 0.5 * (three - 0.5 * two)
            exchange -= air_in[i, k] * STEP * two * air_in[i, k]
            load[k, j] = gain_in[i, k]
            for c in range(m):
                weight[k, c, j] = drive_in[i, k, c]
        load[r, j] = zones[i, 4]
        for c in range(m):
            weight[r, c, j] = direct[i, c]
        zone[0, j], zone[1, j] = zones[i, 0], zones[i, 1]
        zone[2, j], zone[3, j] = exchange, zones[i, 2] / STEP
        zone[4, j], zone[5, j] = zones[i, 6], zones[i, 7]
    return weight, load, mode, zone, unit


@njit(cache=True)
def _flush(tile: Single, out: Single, first: int, lanes: int, start: int, count: int) -> None:
    for j in range(lanes):
        for h in range(count):
            out[first + j, start + h] = tile[h, j]


@njit(cache=True)
def _block(
    first: int,
    table: Float,
    drive: Float,
    profile: NDArray[np.int64],
    zones: Float,
    direct: Float,
    modes: tuple[Float, ...],
    options: tuple[float, int, int],
    series: tuple[Single, Single, Single],
    sums: Float,
    figures: Float,
    change: Float,
) -> None:
    """Run one block of buildings: hourly `series`, `sums` (n, 5), `figures`, and change (n, r) of the modes.

    modes: rate, air in, state at the start, drive in, gain in.
    """
    start_c, warmup, record = options
    hours, r = drive.shape[0], modes[0].shape[1]
    lanes = min(WIDTH, len(profile) - first)
    weight, load, mode, zone, unit = _coefficients(first, lanes, modes, zones, direct)
    padded = np.zeros(weight.shape[1])
    which = np.zeros(WIDTH, np.int64)
    which[:lanes] = profile[first : first + lanes]
    state, begin = np.zeros((r, WIDTH)), np.zeros((r, WIDTH))
    for k in range(r):
        for j in range(lanes):
            state[k, j] = modes[2][first + j, k] / unit[k, j]
    flow, coming = np.zeros((3, r + 1, WIDTH)), np.zeros(WIDTH)
    low, high, h_air, heat_to_air = np.zeros(WIDTH), np.zeros(WIDTH), np.zeros(WIDTH), np.zeros(WIDTH)
    air = np.full(WIDTH, start_c)
    acc = np.zeros((5, WIDTH))  # heating, cooling, ventilated, air temperature, air at the start
    best = np.zeros((4, WIDTH))  # peaks of heating and cooling, air at least and at most
    best[2], best[3] = np.inf, -np.inf
    tiles = np.zeros((3, TILE, WIDTH), np.float32)
    drives = drive.shape[1]
    for step in range(-warmup - 2, hours):
        now = (step + 1) % hours
        padded[:drives] = drive[now]
        for j in range(WIDTH):
            coming[j] = table[now, 2, which[j]]
        # The inputs of the next hour take the place of those of the hour before the last.
        place = (step + 1) % 3
        _inputs(weight, load, padded, coming, flow[place])
        if step < -warmup:
            continue
        t = step % hours
        ahead, here, behind = flow[place], flow[step % 3], flow[(step - 1) % 3]
        if step == 0:
            acc[4] = air
            begin[:] = state
        outside = drive[t, 0]
        for j in range(WIDTH):
            low[j], high[j] = table[t, 0, which[j]], table[t, 1, which[j]]
            h_air[j] = zone[0, j] + table[t, 3, which[j]] * zone[1, j]
            heat_to_air[j] = here[r, j]
        for k in range(r):
            for j in range(WIDTH):
                slope = ahead[k, j] - behind[k, j]
                heat_to_air[j] += (mode[k, 3, j] * state[k, j] + mode[k, 4, j] * here[k, j]) + mode[k, 5, j] * slope
                # All but the air's share of the next state.
                state[k, j] = (mode[k, 0, j] * state[k, j] + here[k, j]) + mode[k, 1, j] * slope
        row = t % TILE
        for j in range(WIDTH):
            lost = (zone[2, j] + h_air[j]) + zone[3, j]
            still = ((heat_to_air[j] + h_air[j] * outside) + zone[3, j] * air[j]) / lost
            wanted = min(max(still, low[j]), high[j])
            power = min(max((wanted - still) * lost, -zone[5, j]), zone[4, j])
            air[j] = still + power / lost
            heat, cool = max(power, 0.0), max(-power, 0.0)
            tiles[0, row, j], tiles[1, row, j], tiles[2, row, j] = heat, cool, air[j]
            if step >= 0:
                acc[0, j] += heat
                acc[1, j] += cool
                acc[2, j] += h_air[j] * (air[j] - outside)
                acc[3, j] += air[j]
                best[0, j], best[1, j] = max(best[0, j], heat), max(best[1, j], cool)
                best[2, j], best[3, j] = min(best[2, j], air[j]), max(best[3, j], air[j])
        for k in range(r):
            for j in range(WIDTH):
                state[k, j] += mode[k, 2, j] * air[j]
        if record and step >= 0 and (row == TILE - 1 or step == hours - 1):
            for s in range(3):
                _flush(tiles[s], series[s], first, lanes, t - row, row + 1)
    for j in range(lanes):
        i = first + j
        sums[i, 0], sums[i, 1], sums[i, 2], sums[i, 3] = acc[0, j], acc[1, j], acc[2, j], acc[3, j]
        sums[i, 4] = air[j] - acc[4, j]
        figures[i, 0], figures[i, 1], figures[i, 2] = best[0, j], best[1, j], acc[3, j] / hours
        figures[i, 3], figures[i, 4] = best[2, j], best[3, j]
        for k in range(r):
            change[i, k] = (state[k, j] - begin[k, j]) * unit[k, j]


@njit(cache=True, parallel=True)
def _run(
    table: Float,
    drive: Float,
    profile: NDArray[np.int64],
    zones: Float,
    direct: Float,
    modes: tuple[Float, ...],
    options: tuple[float, int, int],
    series: tuple[Single, Single, Single],
    sums: Float,
    figures: Float,
    change: Float,
) -> None:
    for block in prange((len(profile) + WIDTH - 1) // WIDTH):
        _block(block * WIDTH, table, drive, profile, zones, direct, modes, options, series, sums, figures, change)


@variant("energy.zone_modal", "numba")
def fast(
    drive: Float,
    heat_set_c: Float,
    cool_set_c: Float,
    gain: Float,
    air_flow: Float,
    profile: NDArray[np.int64],
    zones: Float,
    direct: Float,
    solar_in: Float,
    rate: Float,
    air_in: Float,
    storage: Float,
    drive_in: Float,
    gain_in: Float,
    start_c: float,
    warmup: int,
    record: int,
) -> tuple[Single, Single, Single, Float, Float]:
    """Run blocks of buildings in parallel; see `twin.kernels.energy.modal.reference`.

    The yearly balance of the network comes from its states at both ends and the sums of what went in.
    """
    n, hours = len(profile), drive.shape[0]
    shape = (n, hours) if record else (0, 0)
    series = (np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.float32))
    sums, figures, change = np.zeros((n, 5)), np.zeros((n, 5)), np.zeros(rate.shape)
    # Hour by hour, the four profiles of one kind of building after those of the other.
    table = np.ascontiguousarray(np.stack([heat_set_c, cool_set_c, gain, air_flow]).transpose(2, 0, 1))
    modes = (
        rate,
        air_in,
        start_state(drive, gain, profile, rate, air_in, drive_in, gain_in, start_c, warmup),
        drive_in,
        gain_in,
    )
    options = (float(start_c), int(warmup), int(record))
    _run(table, drive, profile, zones, direct, modes, options, series, sums, figures, change)

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
