"""The fast variant of ``energy.heat_supply``: one pass over the hours of each building, buildings in parallel.

Hours are worked off in tiles: the sums of a year are kept apart for each hour of a tile, so that the loop over a tile
becomes vector instructions without a change in the order of any sum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy.heat_pump import COEFFICIENTS, LEAST_LIFT_K
from twin.kernels.energy.heat_supply import AIR_PUMP, ANNUAL, DIRECT, DISTRICT, Float, Single
from twin.kernels.jit import njit
from twin.kernels.registry import variant
from twin.kernels.threads import over_threads

TILE = 120


@njit(cache=True)
def _charged(water: Single, tank_hours: float) -> Float:
    """Return the heat for hot water as a tank takes it: the mean of the last hours, around the ends of the series."""
    hours, k = water.size, max(int(tank_hours), 1)
    out = np.empty(hours)
    if k == 1:
        for t in range(hours):
            out[t] = water[t]
        return out
    total, share = 0.0, 1.0 / k
    for t in range(hours - k, hours):
        total += water[t % hours]
    for t in range(hours):
        total += np.float64(water[t]) - np.float64(water[(t - k) % hours])
        out[t] = max(total, 0.0) * share
    return out


@njit(cache=True)
def _burner(
    kind: int, plant: Float, heating: Single, water: Float, cooling: Single, power: Single, district: Single
) -> tuple[float, float]:
    """Write the hours of a supply with an efficiency and return the sums of its carrier and of cooling."""
    factor, share, per_cold = plant[0], 1.0 / plant[1], 1.0 / plant[6]
    direct, network = 1.0 if kind == DIRECT else 0.0, 1.0 if kind == DISTRICT else 0.0
    carrier, cold = np.zeros(TILE), np.zeros(TILE)
    for first in range(0, heating.size, TILE):
        for j in range(min(TILE, heating.size - first)):
            t = first + j
            made = (factor * heating[t] + water[t]) * share
            cooled = cooling[t] * per_cold
            carrier[j] += made
            cold[j] += cooled
            power[t] = direct * made + cooled
            district[t] = network * made
    return carrier.sum(), cold.sum()


@njit(cache=True)
def _pump(
    plant: Float,
    curve: Float,
    heating: Single,
    water: Float,
    cooling: Single,
    outdoor: Float,
    source: Float,
    power: Single,
    sums: Float,
) -> None:
    """Write the hours of a heat pump and its sums: compressor, back-up, cooling, heat for space and for water."""
    factor, flow, slope, sink = plant[0], plant[2], plant[3], plant[4]
    capacity, per_cold = plant[5], 1.0 / plant[6]
    a, b, c, most = curve[0], curve[1], curve[2], curve[3]
    total = np.zeros((5, TILE))
    for first in range(0, heating.size, TILE):
        for j in range(min(TILE, heating.size - first)):
            t = first + j
            space, hot = factor * heating[t], water[t]
            from_water = min(hot, capacity)
            from_space = min(space, capacity - from_water)
            lift = min(max(flow - slope * outdoor[t] - source[t], LEAST_LIFT_K), most)
            compressor = from_space / max(1.0, a + b * lift + c * lift * lift)
            lift = min(max(sink - source[t], LEAST_LIFT_K), most)
            compressor += from_water / max(1.0, a + b * lift + c * lift * lift)
            backup = (hot - from_water) + (space - from_space)
            cooled = cooling[t] * per_cold
            power[t] = cooled + compressor + backup
            total[0, j] += compressor
            total[1, j] += backup
            total[2, j] += cooled
            total[3, j] += from_space
            total[4, j] += from_water
    for k in range(5):
        sums[k] = total[k].sum()


@over_threads
@njit(cache=True, nogil=True)
def _all(
    begin: int,
    end: int,
    heating: Single,
    water: Single,
    cooling: Single,
    outdoor: Float,
    source: Float,
    supply: NDArray[np.int64],
    plant: Float,
    curves: Float,
    power: Single,
    district: Single,
    annual: Float,
) -> None:
    for i in range(begin, end):
        kind, hot = supply[i], _charged(water[i], plant[i, 7])
        if kind >= AIR_PUMP:
            k = kind - AIR_PUMP
            _pump(plant[i], curves[k], heating[i], hot, cooling[i], outdoor, source[k], power[i], annual[i, 4:])
            district[i] = 0.0
        else:
            burnt = _burner(kind, plant[i], heating[i], hot, cooling[i], power[i], district[i])
            annual[i, kind], annual[i, 6] = burnt


@variant("energy.heat_supply", "numba")
def fast(
    heating_kw: Single,
    hot_water_kw: Single,
    cooling_kw: Single,
    outdoor_c: Float,
    source_c: Float,
    supply: NDArray[np.int64],
    plant: Float,
    correction: float,
) -> tuple[Single, Single, Float]:
    """Run buildings in parallel; see `twin.kernels.energy.heat_supply.reference`."""
    power, district = np.empty(heating_kw.shape, np.float32), np.empty(heating_kw.shape, np.float32)
    annual = np.zeros((len(supply), len(ANNUAL)))
    turn = -COEFFICIENTS[:, 1] / (2.0 * COEFFICIENTS[:, 2])
    curves = np.column_stack([correction * COEFFICIENTS, turn])
    columns = heating_kw, hot_water_kw, cooling_kw, outdoor_c, source_c, supply, plant, curves, power, district, annual
    _all(len(supply), *columns)
    return power, district, annual
