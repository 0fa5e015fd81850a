"""The fast variant of ``energy.meter``: one pass over the hours of each building, buildings in parallel.

Buildings without a battery and without cars that wait have no state: their hours are worked off in tiles, the sums
kept apart for each hour of a tile, so that the loop over a tile becomes vector instructions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy.meter import ANNUAL, Float, Single
from twin.kernels.jit import njit
from twin.kernels.registry import variant
from twin.kernels.threads import over_threads

TILE = 120
DEMAND, VEHICLES, GENERATED, IMPORTED, EXPORTED, USED = 0, 1, 2, 3, 4, 5
CHARGED, DISCHARGED, STORED, WAITING, COST, CO2, PEAK_IMPORT, PEAK_EXPORT = 6, 7, 8, 9, 10, 11, 12, 13


@njit(cache=True)
def _plain(demand: Single, pv: Single, car: Single, signals: Float, net: Single, out: Float) -> None:
    """Balance a building without state; `car` has no hours where there are no cars."""
    total = np.zeros((7, TILE))
    best = np.zeros((2, TILE))
    load = np.zeros(TILE)
    price, paid, dirty, credit = signals[0], signals[1], signals[2], signals[3]
    for first in range(0, demand.size, TILE):
        count = min(TILE, demand.size - first)
        for j in range(count):
            load[j] = demand[first + j]
            total[0, j] += load[j]
        if car.size:
            for j in range(count):
                drawn = np.float64(car[first + j])
                load[j] += drawn
                total[1, j] += drawn
        for j in range(count):
            t = first + j
            made = np.float64(pv[t])
            direct = min(load[j], made)
            bought, fed = load[j] - direct, made - direct
            net[t] = bought - fed
            total[2, j] += made
            total[3, j] += bought
            total[4, j] += fed
            total[5, j] += bought * price[t] - fed * paid[t]
            total[6, j] += bought * dirty[t] - fed * credit[t]
            best[0, j], best[1, j] = max(best[0, j], bought), max(best[1, j], fed)
    out[DEMAND], out[VEHICLES], out[GENERATED] = total[0].sum(), total[1].sum(), total[2].sum()
    out[IMPORTED], out[EXPORTED], out[USED] = total[3].sum(), total[4].sum(), total[2].sum() - total[4].sum()
    out[COST], out[CO2] = total[5].sum(), total[6].sum()
    out[PEAK_IMPORT], out[PEAK_EXPORT] = best[0].max(), best[1].max()


@njit(cache=True)
def _storing(
    demand: Single, pv: Single, car: Single, store: Float, signals: Float, warmup: int, net: Single, out: Float
) -> None:
    """Balance a building hour by hour with what its battery holds and its cars wait for."""
    hours = demand.size
    capacity, power, efficiency = store[0], store[1], store[2]
    points, window = store[3], max(int(store[4]), 1)
    share, inverse = 1.0 / window, 1.0 / efficiency
    held = ahead = waiting = mean = 0.0
    for step in range(-warmup, hours):
        t = step if step >= 0 else step + hours
        if step == 0:
            out[STORED], out[WAITING] = -held, -waiting
        need, made = np.float64(demand[t]), np.float64(pv[t])
        drawn = 0.0
        if car.size:
            came = np.float64(car[t])
            drawn = came
            if window > 1:
                mean += came
                if step - window >= -warmup:
                    past = t - window
                    mean -= np.float64(car[past if past >= 0 else past + hours])
                waiting += came
                least = min(max(mean * share - ahead, 0.0), waiting)
                most = max(min(points, waiting), least)
                drawn = min(max(made - need, least), most)
                ahead += drawn - mean * share
                waiting = max(waiting - drawn, 0.0)
        load = need + drawn
        direct = min(load, made)
        surplus, lack = made - direct, load - direct
        into = min(surplus, power, (capacity - held) * inverse)
        taken = min(lack, power, held * efficiency)
        held = min(max(held + into * efficiency - taken * inverse, 0.0), capacity)
        if step < 0:
            continue
        bought, fed = lack - taken, surplus - into
        net[t] = bought - fed
        out[DEMAND] += need
        out[VEHICLES] += drawn
        out[GENERATED] += made
        out[IMPORTED] += bought
        out[EXPORTED] += fed
        out[USED] += direct + taken
        out[CHARGED] += into
        out[DISCHARGED] += taken
        out[COST] += bought * signals[0, t] - fed * signals[1, t]
        out[CO2] += bought * signals[2, t] - fed * signals[3, t]
        out[PEAK_IMPORT], out[PEAK_EXPORT] = max(out[PEAK_IMPORT], bought), max(out[PEAK_EXPORT], fed)
    out[STORED] += held
    out[WAITING] += waiting


@over_threads
@njit(cache=True, nogil=True)
def _all(
    begin: int,
    end: int,
    demand: Single,
    pv: Single,
    vehicles: Single,
    row: NDArray[np.int64],
    store: Float,
    signals: Float,
    warmup: int,
    net: Single,
    annual: Float,
) -> None:
    for i in range(begin, end):
        has_car = row[i] >= 0
        car = vehicles[row[i]] if has_car else demand[i, :0]
        if store[i, 0] > 0.0 or (has_car and store[i, 4] > 1.0):
            _storing(demand[i], pv[i], car, store[i], signals, warmup, net[i], annual[i])
        else:
            _plain(demand[i], pv[i], car, signals, net[i], annual[i])


@variant("energy.meter", "numba")
def fast(
    demand_kw: Single,
    pv_kw: Single,
    vehicles_kw: Single,
    vehicle_row: NDArray[np.int64],
    store: Float,
    signals: Float,
    warmup: int,
) -> tuple[Single, Float]:
    """Run buildings in parallel; see `twin.kernels.energy.meter.reference`."""
    net, annual = np.empty(demand_kw.shape, np.float32), np.zeros((len(vehicle_row), len(ANNUAL)))
    _all(len(net), demand_kw, pv_kw, vehicles_kw, vehicle_row, store, signals, int(warmup), net, annual)
    return net, annual
