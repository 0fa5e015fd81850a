"""Trips of vans and trucks: within the area, across its cordon, and through it.

Trip ends per job and per household follow the rates of the US Quick Response Freight Manual (Cambridge Systematics
1996, table 4.1: daily destinations of four-tyre commercial vehicles, and of single-unit and combination trucks), as
recalled, times `goods_level`. Vans stand for four-tyre vehicles, trucks for the other two. Goods trips do not answer
costs.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.traffic.parameters import TrafficParameters

Floats = NDArray[np.float64]

PERSONS_PER_HOUSEHOLD = 2.0  # assumption
_INDUSTRY, _RETAIL, _OFFICE = (0.938, 0.242 + 0.104), (0.888, 0.253 + 0.065), (0.437, 0.068 + 0.009)
_HOUSEHOLD = (0.251, 0.099 + 0.038)
# Trip ends of vans and trucks per job and working day, by use of the building. Offices and services hold for all uses
# that are neither industry nor retail.
ENDS_PER_JOB = {
    "residential": _OFFICE,
    "office": _OFFICE,
    "retail": _RETAIL,
    "education": _OFFICE,
    "health": _OFFICE,
    "public": _OFFICE,
    "industrial": _INDUSTRY,
    "other": _OFFICE,
}
MEAN_LENGTH_KM = 1.5  # of trips inside the area, relative to those of persons. Assumption.


def goods_ends(buildings: pd.DataFrame, zone: NDArray[np.int64], factor: Floats, p: TrafficParameters) -> Floats:
    """Return trips per day that end in each zone, [2, zones], vans and trucks.

    Parameters
    ----------
    buildings : DataFrame
        Those inside a zone: use, jobs, population.
    zone : int64 [buildings]
    factor : float64 [zones]
        Multiplies the trips of a zone.
    """
    jobs = buildings["jobs"].to_numpy(float)
    households = buildings["population"].to_numpy(float) / PERSONS_PER_HOUSEHOLD
    ends = []
    for k in range(2):
        per_job = buildings["use"].map({use: rates[k] for use, rates in ENDS_PER_JOB.items()}).to_numpy(float)
        ends.append(np.bincount(zone, per_job * jobs + _HOUSEHOLD[k] * households, len(factor)) * factor)
    return np.stack(ends) * p.goods_level * p.demand_factor


def goods_trips(
    ends: Floats, entering: Floats, leaving: Floats, through: Floats, km: Floats, p: TrafficParameters
) -> Floats:
    """Return vehicles per day [2, centroids, centroids], vans and trucks.

    Inside the area origins and destinations have the same ends, and trips get rarer with distance. The rest of a
    zone's ends come from and go to the stations, in proportion to their usual traffic.

    Parameters
    ----------
    ends : float64 [2, zones]
    entering, leaving : float64 [stations]
        Usual traffic.
    through : float64 [stations, stations]
        Vehicles of all kinds that cross the area.
    km : float64 [zones, zones]
        Route lengths.
    """
    n, stations = ends.shape[1], len(entering)
    out = np.zeros((2, n + stations, n + stations))
    nearness = np.exp(-km / (MEAN_LENGTH_KM * p.mean_trip_length_km))
    np.fill_diagonal(nearness, 0.0)
    share = (p.through_van_share, p.through_truck_share)
    crossing = 1.0 - p.goods_internal_share if entering.sum() > 0.0 and leaving.sum() > 0.0 else 0.0
    for k in range(2):
        pull = nearness * ends[k]
        reach = pull.sum(axis=1, keepdims=True)
        stay = (1.0 - crossing) * ends[k]
        out[k, :n, :n] = stay[:, None] * np.divide(pull, reach, out=np.zeros_like(pull), where=reach > 0.0)
        if crossing > 0.0:
            out[k, n:, :n] = crossing * (entering / entering.sum())[:, None] * ends[k][None, :]
            out[k, :n, n:] = crossing * ends[k][:, None] * (leaving / leaving.sum())[None, :]
        out[k, n:, n:] = share[k] * through
    return out
