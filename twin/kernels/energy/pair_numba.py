"""The fast variant of ``energy.zone_pair``: one pair after the other, what goes in by tiles of hours.

The inputs of a tile are sums of long rows, which become vector instructions; the few operations of an hour are then
done one by one. Pairs never mix.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from twin.kernels.energy.modal_numba import _phi
from twin.kernels.energy.pair import SWEEPS
from twin.kernels.registry import variant

Float = NDArray[np.float64]
Single = NDArray[np.float32]
STEP = 3600.0
TILE = 96
"""Hours of a tile."""
SETTLED_K = 1e-9
"""Sweeps end when the second air moves by no more."""


@njit(cache=True)
def _add(to: Float, weight: Float, rows: Float, start: int) -> None:
    """Add weight (m) times rows (m, t) from hour `start` on; four rows at a time, those without weight left out."""
    m = len(weight)
    for c in range(0, m - 3, 4):
        w0, w1, w2, w3 = weight[c], weight[c + 1], weight[c + 2], weight[c + 3]
        if w0 == 0.0 and w1 == 0.0 and w2 == 0.0 and w3 == 0.0:
            continue
        a, b = rows[c, start : start + len(to)], rows[c + 1, start : start + len(to)]
        d, e = rows[c + 2, start : start + len(to)], rows[c + 3, start : start + len(to)]
        for j in range(len(to)):
            to[j] += (w0 * a[j] + w1 * b[j]) + (w2 * d[j] + w3 * e[j])
    for c in range(m - m % 4, m):
        w0, a = weight[c], rows[c, start : start + len(to)]
        for j in range(len(to)):
            to[j] += w0 * a[j]


@njit(cache=True, error_model="numpy")
def _settle(
    zone: Float, heat: float, outside: float, band: tuple[float, float], lost: float, gained: float, open_w_k: float
) -> tuple[float, float, float]:
    """Return the air, the power and the airing of an hour; see `twin.kernels.energy.air_node.held`.

    heat: to the air at 0 °C; lost: per kelvin, `gained` its inverse; open_w_k: airing over what it leaves of the rise.
    """
    low, high = band
    still = heat * gained
    needed = max(0.0, still - 0.5 * (low + high)) * lost
    aired = max(0.0, min(open_w_k * (still - outside), needed))
    free = still - aired * gained
    power = min(max((min(max(free, low), high) - free) * lost, -zone[7]), zone[6])
    return free + power * gained, power, aired


@njit(cache=True, error_model="numpy")
def _pair(
    tables: tuple[Float, Float, Float, Float],
    rows: Float,
    kind: NDArray[np.int64],
    zones: Float,
    modes: tuple[Float, Float, Float, Float, Float, Float],
    run: tuple[float, float, int],
    series: tuple[Single, Single, Single],
    balance: Float,
    figures: Float,
) -> float:
    """Run one pair through the hours of `rows` (m, warmup + t + 2), which begin an hour early; return what passed."""
    heat_set, cool_set, gain, air_flow = tables
    rate, out, storage, drive_in, gain_in, air_direct = modes
    start_c, overheating, warmup = run
    heating, cooling, temperature = series
    r, hours = len(rate), heating.shape[1]
    decay, one, two, three = np.empty(r), np.empty(r), np.empty(r), np.empty(r)
    slope, state, free = np.empty(r), np.empty(r), np.empty(r)
    response = air_direct.copy()
    for k in range(r):
        e, a, b, c = _phi(rate[k] * STEP)
        decay[k], one[k], two[k], three[k] = e, a, STEP * b, 0.5 * STEP * (c - 0.5 * b)
        slope[k] = 0.5 * STEP * (b - 0.5 * a)
        for row in range(3):
            for z in range(2):
                response[row, z] += out[row, k] * two[k] * out[z, k]
        rest = (out[0, k] + out[1, k]) * start_c
        for c in range(len(rows)):
            rest += drive_in[k, c] * rows[c, 1 : warmup + 1].mean()
        for z in range(2):
            rest += gain_in[k, z] * gain[kind[z], 1 : warmup + 1].mean()
        state[k] = rest / -rate[k]
    begin, first_air = state.copy(), np.empty(2)
    air, given, power, aired = np.full(2, start_c), np.empty(3), np.empty(2), np.empty(2)
    before, low, high, h_air, lost = np.empty(2), np.empty(2), np.empty(2), np.empty(2), np.empty(2)
    gained, open_w_k, heat_in = np.empty(2), np.empty(2), np.empty(2)
    store = zones[:, 2] / STEP
    fixed = np.array([store[0] - response[0, 0], store[1] - response[1, 1]])
    to_air, through = np.zeros(2), 0.0
    figures[:, 3], figures[:, 4], figures[:, 6] = np.inf, -np.inf, -np.inf
    flow = np.empty((r + 3, TILE + 2))
    for start in range(0, warmup + hours, TILE):
        count = min(TILE, warmup + hours - start)
        for k in range(r + 3):
            part = flow[k, : count + 2]
            part[:] = 0.0
            _add(part, gain_in[k, :1], gain[kind[0] : kind[0] + 1], start)
            _add(part, gain_in[k, 1:], gain[kind[1] : kind[1] + 1], start)
            _add(part, drive_in[k], rows, start)
        for j in range(1, count + 1):
            at = start + j
            t = at - 1 - warmup
            outside = rows[0, at]
            if t == 0:
                begin[:], first_air[:] = state, air
            for row in range(3):
                given[row] = flow[r + row, j]
            for k in range(r):
                rise = flow[k, j + 1] - flow[k, j - 1]
                free[k] = one[k] * state[k] + two[k] * flow[k, j] + three[k] * rise
                state[k] = decay[k] * state[k] + STEP * one[k] * flow[k, j] + slope[k] * rise
            for k in range(r):
                given[0] += out[0, k] * free[k]
                given[1] += out[1, k] * free[k]
                given[2] += out[2, k] * free[k]
            for z in range(2):
                p = kind[z]
                before[z], high[z] = air[z], cool_set[p, at]
                low[z] = min(heat_set[p, at] + zones[z, 10], max(heat_set[p, at], high[z] - 0.5))
                h_air[z] = zones[z, 0] + air_flow[p, at] * zones[z, 1] * (1.0 - zones[z, 8])
                lost[z] = h_air[z] + fixed[z]
                gained[z] = 1.0 / lost[z]
                open_w_k[z] = zones[z, 9] / (1.0 + zones[z, 9] * gained[z])
                heat_in[z] = given[z] + h_air[z] * outside + store[z] * before[z]
            for _ in range(SWEEPS):
                last = air[1]
                for z in range(2):
                    heat = heat_in[z] + response[z, 1 - z] * air[1 - z]
                    band = low[z], high[z]
                    air[z], power[z], aired[z] = _settle(
                        zones[z], heat, outside, band, lost[z], gained[z], open_w_k[z]
                    )
                if abs(air[1] - last) <= SETTLED_K:
                    break
            for k in range(r):
                state[k] += STEP * one[k] * (out[0, k] * air[0] + out[1, k] * air[1])
            if t < 0:
                continue
            through += given[2] + response[2, 0] * air[0] + response[2, 1] * air[1]
            for z in range(2):
                felt = given[z] + response[z, 0] * air[0] + response[z, 1] * air[1]
                to_air[z] += felt
                heat, cool = max(power[z], 0.0), max(-power[z], 0.0)
                heating[z, t], cooling[z, t], temperature[z, t] = heat, cool, air[z]
                balance[z, 0] += heat
                balance[z, 1] += cool
                balance[z, 2] += gain[kind[z], at]
                balance[z, 5] += h_air[z] * (air[z] - outside) + aired[z]
                warmth = air[z]
                if zones[z, 11] > 0.0:
                    warmth += 0.5 / zones[z, 11] * (felt - zones[z, 12] * gain[kind[z], at])
                figures[z, 0], figures[z, 1] = max(figures[z, 0], heat), max(figures[z, 1], cool)
                figures[z, 2] += air[z] / hours
                figures[z, 3], figures[z, 4] = min(figures[z, 3], air[z]), max(figures[z, 4], air[z])
                figures[z, 5] += 1.0 if warmth > overheating else 0.0
                figures[z, 6] = max(figures[z, 6], warmth)
    for z in range(2):
        kept = 0.0
        for k in range(r):
            kept += storage[z, k] * (state[k] - begin[k]) / STEP
        balance[z, 2] *= zones[z, 3]
        passed = through if z == 0 else -through
        balance[z, 4] = balance[z, 2] + balance[z, 3] - to_air[z] - kept - passed
        balance[z, 6] = kept + zones[z, 2] / STEP * (air[z] - first_air[z])
    return through


@njit(cache=True, parallel=True)
def _run(
    tables: tuple[Float, Float, Float, Float],
    rows: Float,
    profile: NDArray[np.int64],
    zones: Float,
    modes: tuple[Float, Float, Float, Float, Float, Float],
    run: tuple[float, float, int],
    series: tuple[Single, Single, Single],
    balance: Float,
    through: Float,
    figures: Float,
) -> None:
    for i in prange(len(profile)):
        own = (modes[0][i], modes[1][i], modes[2][i], modes[3][i], modes[4][i], modes[5][i])
        hourly = (series[0][i], series[1][i], series[2][i])
        through[i] = _pair(tables, rows, profile[i], zones[i], own, run, hourly, balance[i], figures[i])


@variant("energy.zone_pair", "numba")
def fast(
    drive: Float,
    heat_set_c: Float,
    cool_set_c: Float,
    gain: Float,
    air_flow: Float,
    profile: NDArray[np.int64],
    zones: Float,
    solar_in: Float,
    rate: Float,
    out: Float,
    storage: Float,
    drive_in: Float,
    gain_in: Float,
    air_direct: Float,
    start_c: float,
    overheating_c: float,
    warmup: int,
) -> tuple[Single, Single, Single, Float, Float, Float]:
    """Step pairs in parallel; arguments and results as in `twin.kernels.energy.pair.reference`."""
    n, hours = len(profile), len(drive)
    when = np.arange(-warmup - 1, hours + 1) % hours
    heat, cool, gains, flow = (np.ascontiguousarray(t[:, when]) for t in (heat_set_c, cool_set_c, gain, air_flow))
    rows = np.ascontiguousarray(drive[when].T)
    heating, cooling, temperature = (np.zeros((n, 2, hours), np.float32) for _ in range(3))
    balance, through, figures = np.zeros((n, 2, 7)), np.zeros(n), np.zeros((n, 2, 7))
    balance[:, :, 3] = np.einsum("nzm,m->nz", solar_in, drive.sum(axis=0))
    modes = rate, out, storage, drive_in, gain_in, air_direct
    run = float(start_c), float(overheating_c), int(warmup)
    _run(
        (heat, cool, gains, flow),
        rows,
        profile,
        zones,
        modes,
        run,
        (heating, cooling, temperature),
        balance,
        through,
        figures,
    )
    return heating, cooling, temperature, balance, through, figures
