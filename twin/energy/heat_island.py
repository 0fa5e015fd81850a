"""The urban heat island: buildings of warmer zones meet warmer air.

`heat_island_k` of a zone is added to the outdoor temperature of its buildings, hour by hour the same; the sun, the
light and the water in the air stay (`twin.city.morph.with_heat_island`). Offsets are rounded to `STEP_K`, so that all
buildings of one offset share one weather and are simulated together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.city.model import City

STEP_K = 0.25
COLUMN = "heat_island_k"


def heat_island_k(city: City, rows: slice | NDArray[np.int64] = slice(None)) -> NDArray[np.float64]:
    """Return what is added to the outdoor temperature of buildings, K, float64 (n,), rounded to `STEP_K`."""
    zone = city.buildings["zone_id"].iloc[rows]
    if COLUMN not in city.zones or not city.zones[COLUMN].any():
        return np.zeros(len(zone))
    of_zone = zone.map(city.zones[COLUMN]).fillna(0.0).to_numpy(np.float64)
    return np.asarray(np.rint(of_zone / STEP_K) * STEP_K)
