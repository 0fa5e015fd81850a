"""The fast variant of ``energy.zone_pair``: one pair after the other, what goes in by tiles of hours.

The inputs of a tile are sums of long rows, which become vector instructions; the few operations of an hour are then
done one by one. Pairs never mix.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy.modal_numba import _phi
from twin.kernels.energy.pair import SWEEPS
from twin.kernels.jit import njit
from twin.kernels.registry import variant
from twin.kernels.threads import over_threads

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Modes = tuple[Float, Float, Float, Float, Float, Float]
"""As `twin.kernels.energy.pair_reduction.PairModes`, of all pairs or of one."""
STEP = 3600.0
TILE = 96
"""Hours of a tile."""
DECAY, MEAN, FREE, FLOW, RISE, STATE = range(6)
"""Rows of the steps of the modes: how the state goes on, by itself and per mean flow; what of state, flow and its rise
the mean of the hour has; the state."""
LOW, HIGH, WIDE, LOST, GAINED, HEAT, AIRED = range(7)
"""Rows of an hour of both zones: band; air flow, then airing with windows wide open, W/K; heat lost per kelvin and its
inverse; heat to the air at 0 °C; airing."""
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
    still: float, low: float, high: float, open_w: float, lost: float, most: float, least: float
) -> tuple[float, float]:
    """Return the power and the airing of an hour; see `twin.kernels.energy.air_node.held`.

    still: air without both; open_w: airing with windows wide open; lost: heat per kelvin.
    """
    aired = max(0.0, min(open_w, max(0.0, still - 0.5 * (low + high)) * lost))
    free = still * lost - aired
    power = min(max(min(max(free, low * lost), high * lost) - free, -least), most)
    return power, aired


@njit(cache=True, error_model="numpy")
def _coefficients(modes: Modes, rest: Float, start_c: float) -> tuple[Float, Float]:
    """Return the steps of the modes (6, r), the last row their state at rest, and the response to the airs (3, 2)."""
    rate, out, _, _, _, air_direct = modes
    steps, response = np.empty((6, len(rate))), air_direct.copy()
    for k in range(len(rate)):
        e, one, two, three = _phi(rate[k] * STEP)
        steps[DECAY, k], steps[MEAN, k], steps[FREE, k] = e, STEP * one, one
        steps[FLOW, k], steps[RISE, k] = STEP * two, 0.5 * STEP * (three - 0.5 * two)
        steps[STATE, k] = (rest[k] + (out[0, k] + out[1, k]) * start_c) / -rate[k]
        for row in range(3):
            for z in range(2):
                response[row, z] += out[row, k] * STEP * two * out[z, k]
    return steps, response


@njit(cache=True)
def _fill(flow: Float, count: int, modes: Modes, gain: Float, rows: Float, kind: NDArray[np.int64], start: int) -> None:
    """Set `count` hours of flow (r + 3, TILE + 2) to what drives and gains do from hour `start` of the rows on."""
    _, _, _, drive_in, gain_in, _ = modes
    for k in range(len(flow)):
        part = flow[k, :count]
        part[:] = 0.0
        _add(part, gain_in[k, :1], gain[kind[0] : kind[0] + 1], start)
        _add(part, gain_in[k, 1:], gain[kind[1] : kind[1] + 1], start)
        _add(part, drive_in[k], rows, start)


@njit(cache=True, error_model="numpy")
def _step_modes(steps: Float, flow: Float, j: int, out: Float, given: Float) -> None:
    """Set the rows of `out` without the airs' share (3), and all but their share of the next state."""
    r = steps.shape[1]
    given[0], given[1], given[2] = flow[r, j], flow[r + 1, j], flow[r + 2, j]
    for k in range(r):
        here, rise, state = flow[k, j], flow[k, j + 1] - flow[k, j - 1], steps[STATE, k]
        free = steps[FREE, k] * state + steps[FLOW, k] * here + steps[RISE, k] * rise
        given[0] += out[0, k] * free
        given[1] += out[1, k] * free
        given[2] += out[2, k] * free
        slope = 0.5 * (steps[FLOW, k] - 0.5 * steps[MEAN, k])
        steps[STATE, k] = steps[DECAY, k] * state + steps[MEAN, k] * here + slope * rise


@njit(cache=True, error_model="numpy")
def _airs(
    zones: Float, hour: Float, given: Float, response: Float, outside: float, air: Float, power: Float, vented: Float
) -> None:
    """Settle both airs in turn; hour (7, 2): set-points and air flow, and room to work in."""
    for z in range(2):
        heat_set, high = hour[LOW, z], hour[HIGH, z]
        hour[LOW, z] = min(heat_set + zones[z, 10], max(heat_set, high - 0.5))
        vented[z] = zones[z, 0] + hour[WIDE, z] * zones[z, 1] * (1.0 - zones[z, 8])
        store = zones[z, 2] * (1.0 / STEP)
        lost = vented[z] + store - response[z, z]
        hour[LOST, z], hour[GAINED, z] = lost, 1.0 / lost
        hour[WIDE, z] = zones[z, 9] / (1.0 + zones[z, 9] * hour[GAINED, z])
        hour[HEAT, z] = given[z] + vented[z] * outside + store * air[z]
    for _ in range(SWEEPS):
        last = air[1]
        for z in range(2):
            heat, gained = hour[HEAT, z] + response[z, 1 - z] * air[1 - z], hour[GAINED, z]
            wide = hour[WIDE, z] * (heat * gained - outside)
            power[z], hour[AIRED, z] = _settle(
                heat * gained, hour[LOW, z], hour[HIGH, z], wide, hour[LOST, z], zones[z, 6], zones[z, 7]
            )
            air[z] = (heat - hour[AIRED, z] + power[z]) * gained
        if abs(air[1] - last) <= SETTLED_K:
            break
    for z in range(2):
        vented[z] = vented[z] * (air[z] - outside) + hour[AIRED, z]


@njit(cache=True, error_model="numpy")
def _note(
    z: int, power: float, air: float, warmth: float, overheating: float, of_year: float, balance: Float, figures: Float
) -> None:
    """Add an hour of a zone to its balance and figures."""
    heat, cool = max(power, 0.0), max(-power, 0.0)
    balance[z, 0] += heat
    balance[z, 1] += cool
    figures[z, 0], figures[z, 1] = max(figures[z, 0], heat), max(figures[z, 1], cool)
    figures[z, 2] += air * of_year
    figures[z, 3], figures[z, 4] = min(figures[z, 3], air), max(figures[z, 4], air)
    figures[z, 5] += 1.0 if warmth > overheating else 0.0
    figures[z, 6] = max(figures[z, 6], warmth)


@njit(cache=True, error_model="numpy")
def _pair(
    tables: tuple[Float, Float, Float, Float],
    rows: Float,
    kind: NDArray[np.int64],
    zones: Float,
    modes: Modes,
    run: tuple[float, float, int],
    series: tuple[Single, Single, Single],
    balance: Float,
    figures: Float,
) -> float:
    """Run one pair through the hours of `rows` (m, warmup + t + 2), which begin an hour early; return what passed."""
    heat_set, cool_set, gain, air_flow = tables
    _, out, storage, _, _, _ = modes
    start_c, overheating, warmup = run
    r, hours = out.shape[1], series[0].shape[1]
    flow = np.empty((r + 3, TILE + 2))
    steps, response = _coefficients(modes, _mean_flow(flow, modes, gain, rows, kind, warmup), start_c)
    begin, first_air, air = steps[STATE].copy(), np.empty(2), np.full(2, start_c)
    given, power, vented, hour = np.empty(3), np.empty(2), np.empty(2), np.empty((7, 2))
    half_film = np.array([0.5 / film if film > 0.0 else 0.0 for film in zones[:, 11]])
    to_air, through = np.zeros(2), 0.0
    figures[:, 3], figures[:, 4], figures[:, 6] = np.inf, -np.inf, -np.inf
    for start in range(0, warmup + hours, TILE):
        count = min(TILE, warmup + hours - start)
        _fill(flow, count + 2, modes, gain, rows, kind, start)
        for j in range(1, count + 1):
            at = start + j
            t = at - 1 - warmup
            if t == 0:
                begin[:], first_air[:] = steps[STATE], air
            _step_modes(steps, flow, j, out, given)
            for z in range(2):
                p = kind[z]
                hour[LOW, z], hour[HIGH, z], hour[WIDE, z] = heat_set[p, at], cool_set[p, at], air_flow[p, at]
            _airs(zones, hour, given, response, rows[0, at], air, power, vented)
            for k in range(r):
                steps[STATE, k] += steps[MEAN, k] * (out[0, k] * air[0] + out[1, k] * air[1])
            if t < 0:
                continue
            through += given[2] + response[2, 0] * air[0] + response[2, 1] * air[1]
            for z in range(2):
                felt, own = given[z] + response[z, 0] * air[0] + response[z, 1] * air[1], gain[kind[z], at]
                to_air[z] += felt
                warmth = air[z] + half_film[z] * (felt - zones[z, 12] * own)
                series[0][z, t], series[1][z, t] = max(power[z], 0.0), max(-power[z], 0.0)
                series[2][z, t] = air[z]
                balance[z, 2] += own
                balance[z, 5] += vented[z]
                _note(z, power[z], air[z], warmth, overheating, 1.0 / hours, balance, figures)
    for z in range(2):
        kept = 0.0
        for k in range(r):
            kept += storage[z, k] * (steps[STATE, k] - begin[k]) / STEP
        balance[z, 2] *= zones[z, 3]
        passed = through if z == 0 else -through
        balance[z, 4] = balance[z, 2] + balance[z, 3] - to_air[z] - kept - passed
        balance[z, 6] = kept + zones[z, 2] / STEP * (air[z] - first_air[z])
    return through


@njit(cache=True)
def _mean_flow(flow: Float, modes: Modes, gain: Float, rows: Float, kind: NDArray[np.int64], warmup: int) -> Float:
    """Return the mean of what drives and gains do to the modes in the warm-up."""
    mean = np.zeros(len(flow))
    for start in range(0, warmup, TILE):
        count = min(TILE, warmup - start)
        _fill(flow, count, modes, gain, rows, kind, start + 1)
        for k in range(len(flow)):
            mean[k] += flow[k, :count].sum() / warmup
    return mean


@over_threads
@njit(cache=True, nogil=True)
def _run(
    begin: int,
    end: int,
    tables: tuple[Float, Float, Float, Float],
    rows: Float,
    profile: NDArray[np.int64],
    zones: Float,
    modes: Modes,
    run: tuple[float, float, int],
    series: tuple[Single, Single, Single],
    balance: Float,
    through: Float,
    figures: Float,
) -> None:
    for i in range(begin, end):
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
        n,
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
