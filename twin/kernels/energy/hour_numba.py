"""What happens to a block of buildings in an hour of ``energy.zone_modal``, and what becomes of the hours.

Each function goes over the buildings that stand side by side in rows of `WIDTH`, and stays as short as a compiler needs
to turn it into vector instructions; see `twin.kernels.energy.modal_numba`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy.inputs_numba import INDEX, LANES, ROW, WIDTH, Lanes, Whole
from twin.kernels.jit import njit

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Series = tuple[Single, Single, Single]
# Rows of `WIDTH` of each mode, then of each zone: what stays, then what changes with the hours. See `modal_numba`.
DECAY, AIR_IN, HEAT_STATE, STATE = range(0, 4 * WIDTH, WIDTH)
MODE = 4 * WIDTH
LEAK, VENT, EXCHANGE, STORE, MOST, LEAST, AIRING, OFFSET, HALF_FILM, CONVECTIVE = range(0, 10 * WIDTH, WIDTH)
AIR, HEAT, LOW, HIGH, FLOW = range(10 * WIDTH, 15 * WIDTH, WIDTH)
ZONE = 15 * WIDTH
# Rows of each hour of the tile.
POWER, AIR_C, VENTED, WARMTH = range(0, 4 * WIDTH, WIDTH)
HOUR = 4 * WIDTH + 16  # not all hours on the same lines of the cache
HEATED, COOLED, VENTED_SUM, AIR_SUM = range(0, 4 * WIDTH, WIDTH)
PEAK_HEAT, PEAK_COOL, LEAST_AIR, MOST_AIR, HOT_HOURS, MOST_WARMTH = range(0, 6 * WIDTH, WIDTH)
BEST = 6 * WIDTH
# Of each profile and hour.
OF_PROFILE = 5


@njit(cache=True)
def look_up(width: int, table: Lanes, hour: int, which: Whole, alike: bool, column: int, row: Lanes, at: int) -> None:
    """Take a value of each building's profile from those of an hour (hours, k · 5)."""
    at = at & INDEX
    if alike:
        value = table[hour, OF_PROFILE * which[0] + column]
        for j in range(width & LANES):
            row[at + j] = value
    else:
        for j in range(width & LANES):
            row[at + j] = table[hour, OF_PROFILE * which[j] + column]


@njit(cache=True)
def _step_three(width: int, mode: Lanes, at: int, flow: Lanes, to: int, zone: Lanes) -> None:
    """Move three modes from `at` by an hour and add what they give to the air; their flow stands from `to` on."""
    at, to = at & INDEX, to & INDEX
    for j in range(width & LANES):
        here, air = at + j, zone[AIR + j]
        one = mode[here + STATE] + mode[here + AIR_IN] * air
        two = mode[here + MODE + STATE] + mode[here + MODE + AIR_IN] * air
        three = mode[here + 2 * MODE + STATE] + mode[here + 2 * MODE + AIR_IN] * air
        zone[HEAT + j] += (mode[here + HEAT_STATE] * one + mode[here + MODE + HEAT_STATE] * two) + (
            mode[here + 2 * MODE + HEAT_STATE] * three
        )
        mode[here + STATE] = mode[here + DECAY] * one + flow[to + j]
        mode[here + MODE + STATE] = mode[here + MODE + DECAY] * two + flow[to + ROW + j]
        mode[here + 2 * MODE + STATE] = mode[here + 2 * MODE + DECAY] * three + flow[to + 2 * ROW + j]


@njit(cache=True)
def _step_one(width: int, mode: Lanes, at: int, flow: Lanes, to: int, zone: Lanes) -> None:
    """Move one mode, as `_step_three`."""
    at, to = at & INDEX, to & INDEX
    for j in range(width & LANES):
        one = mode[at + STATE + j] + mode[at + AIR_IN + j] * zone[AIR + j]
        zone[HEAT + j] += mode[at + HEAT_STATE + j] * one
        mode[at + STATE + j] = mode[at + DECAY + j] * one + flow[to + j]


@njit(cache=True)
def step_modes(width: int, mode: Lanes, flow: Lanes, h: int, zone: Lanes) -> None:
    """Set the heat to the air without the air's own share, and all but the air's share of the next state."""
    modes = len(mode) // MODE
    to = (modes * ROW + h * WIDTH) & INDEX
    for j in range(width & LANES):
        zone[HEAT + j] = flow[to + j]
    whole = modes // 3 * 3
    for k in range(0, whole, 3):
        _step_three(width, mode, k * MODE, flow, k * ROW + h * WIDTH, zone)
    for k in range(whole, modes):
        _step_one(width, mode, k * MODE, flow, k * ROW + h * WIDTH, zone)


@njit(cache=True)
def states(width: int, mode: Lanes, zone: Lanes, states: Lanes) -> None:
    """Set states (r · W) to those of the modes with the air's share."""
    for k in range(len(mode) // MODE):
        at = k * MODE
        for j in range(width & LANES):
            states[k * WIDTH + j] = mode[at + STATE + j] + mode[at + AIR_IN + j] * zone[AIR + j]


@njit(cache=True, error_model="numpy")
def settle(
    width: int,
    zone: Lanes,
    gain: Lanes,
    h: int,
    outside: float,
    half: float,
    one: float,
    zero: float,
    out: Lanes,
    at: int,
) -> None:
    """Find the air of an hour; the constants come in the precision of the arrays, which a literal would not keep."""
    h, at = (h * WIDTH) & INDEX, at & INDEX
    for j in range(width & LANES):
        low, high = zone[LOW + j], zone[HIGH + j]
        low = min(low + zone[OFFSET + j], max(low, high - half))
        h_air = zone[LEAK + j] + zone[FLOW + j] * zone[VENT + j]
        lost = (zone[EXCHANGE + j] + h_air) + zone[STORE + j]
        per_watt = one / lost
        still = ((zone[HEAT + j] + h_air * outside) + zone[STORE + j] * zone[AIR + j]) * per_watt
        # Airing cools down to the middle of the band, if it can.
        fully_open = zone[AIRING + j] * (still - outside) / (lost + zone[AIRING + j])
        fall = max(min(fully_open, still - half * (low + high)), zero)
        free = still - fall
        wanted = min(max(free, low), high)
        power = min(max((wanted - free) * lost, -zone[LEAST + j]), zone[MOST + j])
        air = free + power * per_watt
        surfaces = (zone[HEAT + j] - zone[EXCHANGE + j] * air) - zone[CONVECTIVE + j] * gain[h + j]
        zone[AIR + j] = air
        out[at + POWER + j], out[at + AIR_C + j] = power, air
        out[at + VENTED + j] = h_air * (air - outside) + fall * lost
        out[at + WARMTH + j] = air + zone[HALF_FILM + j] * surfaces


@njit(cache=True, error_model="numpy")
def settle_shut(
    width: int,
    zone: Lanes,
    gain: Lanes,
    h: int,
    outside: float,
    half: float,
    one: float,
    zero: float,
    out: Lanes,
    at: int,
) -> None:
    """Do as `settle` where no building of the block airs: the same bits without looking whether it would."""
    h, at = (h * WIDTH) & INDEX, at & INDEX
    for j in range(width & LANES):
        low, high = zone[LOW + j], zone[HIGH + j]
        low = min(low + zone[OFFSET + j], max(low, high - half))
        h_air = zone[LEAK + j] + zone[FLOW + j] * zone[VENT + j]
        lost = (zone[EXCHANGE + j] + h_air) + zone[STORE + j]
        per_watt = one / lost
        free = ((zone[HEAT + j] + h_air * outside) + zone[STORE + j] * zone[AIR + j]) * per_watt
        wanted = min(max(free, low), high)
        power = min(max((wanted - free) * lost, -zone[LEAST + j]), zone[MOST + j])
        air = free + power * per_watt
        surfaces = (zone[HEAT + j] - zone[EXCHANGE + j] * air) - zone[CONVECTIVE + j] * gain[h + j]
        zone[AIR + j] = air
        out[at + POWER + j], out[at + AIR_C + j] = power, air
        out[at + VENTED + j] = h_air * (air - outside)
        out[at + WARMTH + j] = air + zone[HALF_FILM + j] * surfaces


@njit(cache=True)
def sum_up(
    width: int, tile: Lanes, at: int, overheating: float, one: float, zero: float, best: Lanes, sums: Float
) -> None:
    """Add an hour of the tile to the sums (4 · WIDTH), which are in double precision, and to the extremes."""
    at = at & INDEX
    for j in range(width & LANES):
        air, warmth, power = tile[at + AIR_C + j], tile[at + WARMTH + j], tile[at + POWER + j]
        best[PEAK_HEAT + j] = max(best[PEAK_HEAT + j], power)
        best[PEAK_COOL + j] = max(best[PEAK_COOL + j], -power)
        best[LEAST_AIR + j], best[MOST_AIR + j] = min(best[LEAST_AIR + j], air), max(best[MOST_AIR + j], air)
        best[HOT_HOURS + j] += one if warmth > overheating else zero
        best[MOST_WARMTH + j] = max(best[MOST_WARMTH + j], warmth)
    for j in range(width & LANES):
        sums[HEATED + j] += max(tile[at + POWER + j], zero)
        sums[COOLED + j] += max(-tile[at + POWER + j], zero)
        sums[VENTED_SUM + j] += tile[at + VENTED + j]
        sums[AIR_SUM + j] += tile[at + AIR_C + j]


@njit(cache=True)
def flush(tile: Lanes, series: Series, zero: float, first: int, lanes: int, start: int, count: int) -> None:
    """Write the hours of a tile to the rows of the result."""
    heating, cooling, air = series
    for j in range(lanes):
        for h in range(count):
            power = tile[h * HOUR + POWER + j]
            heating[first + j, start + h] = max(power, zero)
            cooling[first + j, start + h] = max(-power, zero)
            air[first + j, start + h] = tile[h * HOUR + AIR_C + j]
