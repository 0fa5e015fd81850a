"""Analysis zones: a square grid whose ids do not depend on the extent, and the zone of each feature."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from twin.city.frames import layer_frame
from twin.city.schema import ZONES
from twin.errors import DataError


def grid_zones(buildings: gpd.GeoDataFrame, cell_m: float) -> gpd.GeoDataFrame:
    """Return the square cells that hold at least one building.

    Cells lie on multiples of `cell_m` of the CRS, so that a zone keeps its id ``z<column>_<row>`` when buildings
    come or go. The name is its place in this city: letters from the west, numbers from the north ("C7").

    Parameters
    ----------
    buildings : GeoDataFrame
        In a metric CRS.
    cell_m : float
        Side of a cell, m.

    Raises
    ------
    DataError
        No buildings, or a cell size that is not positive.
    """
    if not (np.isfinite(cell_m) and cell_m > 0):
        raise DataError(f"zone size {cell_m!r} is not valid", expected="a positive number of metres")
    if len(buildings) == 0:
        raise DataError("zones need at least one building", where="buildings")
    points = shapely.get_coordinates(shapely.point_on_surface(buildings.geometry.to_numpy()))
    cells = np.unique(np.floor(points / cell_m).astype(np.int64), axis=0)
    low = cells * cell_m
    columns = cells[:, 0] - cells[:, 0].min()
    rows = cells[:, 1].max() - cells[:, 1]
    ids = [f"z{x}_{y}" for x, y in cells]
    names = [f"{_letters(c)}{r + 1}" for c, r in zip(columns.tolist(), rows.tolist(), strict=True)]
    squares = shapely.box(low[:, 0], low[:, 1], low[:, 0] + cell_m, low[:, 1] + cell_m)
    return layer_frame(ZONES, ids, {"name": names}, squares, buildings.crs)


def assign_zones(features: gpd.GeoDataFrame | gpd.GeoSeries, zones: gpd.GeoDataFrame) -> pd.Series:
    """Return the zone id of each feature: the zone that holds its representative point, else the nearest zone.

    Where zones touch or tie, the first id in sorted order is taken, so the result does not depend on row order.

    Parameters
    ----------
    features, zones : GeoDataFrame
        In the same CRS.

    Returns
    -------
    Series of str, named ``zone_id``, indexed like `features`
    """
    if len(zones) == 0:
        raise DataError("there are no zones to assign", where="zones")
    ordered = zones.sort_index()
    tree = shapely.STRtree(ordered.geometry.to_numpy())
    points = shapely.point_on_surface(features.geometry.to_numpy())
    position = np.full(len(points), len(ordered), np.int64)
    feature, zone = tree.query(points, predicate="intersects")
    np.minimum.at(position, feature, zone)
    outside = np.flatnonzero(position == len(ordered))
    if len(outside):
        feature, zone = tree.query_nearest(points[outside], all_matches=True)
        np.minimum.at(position, outside[feature], zone)
    ids = ordered.index.astype("str")[position]
    return pd.Series(pd.array(ids, "str"), index=features.index, name="zone_id")


def _letters(number: int) -> str:
    """Return a spreadsheet column name: 0 → A, 25 → Z, 26 → AA."""
    text = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        text = chr(ord("A") + digit) + text
    return text
