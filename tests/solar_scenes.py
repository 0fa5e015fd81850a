"""Small scenes of boxes for the solar tests."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from twin.city.model import City
from twin.kernels.registry import get

Box = tuple[float, float, float, float, float]  # west, south, width, depth, height


def box_city(city: City, boxes: list[Box], roof: str = "flat", tilt: float = 0.0, azimuth: float = 0.0) -> City:
    """Return `city` with boxes for buildings, all with one roof type and half of their suitable roof under PV."""
    columns = {
        "height_m": [b[4] for b in boxes],
        "roof_type": [roof] * len(boxes),
        "roof_tilt_deg": [tilt] * len(boxes),
        "roof_azimuth_deg": [azimuth] * len(boxes),
        "pv_share": [0.5] * len(boxes),
    }
    shapes = [shapely.box(x, y, x + w, y + d) for x, y, w, d, _ in boxes]
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=city.buildings.crs)
    frame.index = np.array([f"box-{i:03d}" for i in range(len(boxes))])
    frame.index.name = "building_id"
    return city.replace(buildings=frame)


def horizons(points: np.ndarray, polygons: list[np.ndarray], tops: list[float], bins: int, variant: str) -> np.ndarray:
    """Return the horizons of points [n, 3] that see all polygons (open rings of corners)."""
    corners = np.concatenate(polygons)
    after = np.concatenate([np.roll(p, -1, axis=0) for p in polygons])
    return get("solar.horizon", variant)(
        *(np.ascontiguousarray(points[:, k], dtype=np.float64) for k in range(3)),
        np.zeros(len(points), np.int64),
        np.array([0, len(polygons)]),
        np.arange(len(polygons)),
        np.concatenate([[0], np.cumsum([len(p) for p in polygons])]),
        *(np.ascontiguousarray(a[:, k]) for a in (corners, after) for k in range(2)),
        np.array(tops, np.float64),
        bins,
    )


def rectangle(west: float, south: float, east: float, north: float) -> np.ndarray:
    return np.array([[west, south], [east, south], [east, north], [west, north]], np.float64)


def sky_view(horizon: np.ndarray, tilt: float, azimuth: float, variant: str) -> np.ndarray:
    """Return the sky view factor of a plane at each of the points."""
    n = len(horizon)
    planes = np.full(n, tilt), np.full(n, azimuth)
    share = get("solar.sky_share", variant)(horizon.astype(np.float32), np.arange(n + 1), *planes)
    return share * (1 + np.cos(np.radians(tilt))) / 2
