"""Which buildings have another use on the ground floor: shops and services that are mapped as points inside them.

A point says what is there, not how much of the floor it takes. So it is given `POINT_M2`, and the whole ground floor
goes to the use that most points inside have where all of them together fill half of it; otherwise the building stays
of one use. What was given is never changed.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.city.columns import IMPUTED
from twin.city.schema import BUILDING_USES, MAIN_USE

POINT_M2 = 150.0
"""Ground floor that a shop, restaurant or other service takes, back rooms and stairs included, and what is not mapped.
Assumption."""
FILLED = 0.5
"""Share of the footprint from which on the ground floor counts as theirs: to the nearer of all and nothing."""
LEAST_LEVELS = 2.0
"""Storeys of a building whose ground floor may have a use of its own."""
UNKNOWN = f"{IMPUTED}main_use"
RULE = f"{IMPUTED}points_inside"
STREET_USES = ("office", "retail", "education", "health", "public")
"""Uses that a point may give a ground floor; of offices only those that serve customers are mapped so (banks)."""


def is_mixed(buildings: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Return which buildings have heated floors of another use above their ground floor."""
    ground = buildings["ground_floor_use"].to_numpy(object)
    other = (ground != MAIN_USE) & (ground != buildings["use"].to_numpy(object))
    if not other.any():
        return other.astype(bool)
    tall = buildings["levels"].to_numpy(np.float64) >= LEAST_LEVELS
    return np.asarray(other & tall & (buildings["floor_area_m2"].to_numpy(np.float64) > 0.0), bool)


def with_ground_floors(buildings: gpd.GeoDataFrame, points: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    """Return complete buildings with the ground floors that points inside them speak for.

    Parameters
    ----------
    buildings : GeoDataFrame
        Complete, in a metric CRS.
    points : GeoDataFrame, optional
        Shops and services in the same CRS, with ``use``.
    """
    if points is None or not len(points):
        return buildings
    inside, which = shapely.STRtree(points.geometry.to_numpy()).query(buildings.geometry.to_numpy(), "intersects")
    use = np.array([STREET_USES.index(name) for name in points["use"]], np.int64)[which]
    count = np.zeros((len(buildings), len(STREET_USES)), np.int64)
    np.add.at(count, (inside, use), 1)
    found = np.array(STREET_USES, object)[count.argmax(axis=1)]
    filled = count.sum(axis=1) * POINT_M2 >= FILLED * buildings["footprint_area_m2"].to_numpy(np.float64)
    asked = (buildings["ground_floor_use_origin"] == UNKNOWN).to_numpy()
    filled &= asked & is_mixed(buildings.assign(ground_floor_use=found)) & (count.sum(axis=1) > 0)
    ground, origin = (buildings[name].to_numpy(object).copy() for name in _COLUMNS)
    ground[filled], origin[filled] = found[filled], RULE
    texts = (pd.array(values, "str") for values in (ground, origin))
    return buildings.assign(**dict(zip(_COLUMNS, texts, strict=True)))


_COLUMNS = ("ground_floor_use", "ground_floor_use_origin")
assert set(STREET_USES) <= set(BUILDING_USES)
