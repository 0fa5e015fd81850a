"""Small scenes of boxes for the solar tests."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from twin.city.model import City

Box = tuple[float, float, float, float, float]  # west, south, width, depth, height


def box_city(city: City, boxes: list[Box], roof: str = "flat", tilt: float = 0.0, azimuth: float = 0.0) -> City:
    """Return `city` with boxes for buildings, all with one roof type and half of their suitable roof under PV."""
    columns = {
        "height_m": [b[4] for b in boxes],
        "levels": [max(round(b[4] / 3.0), 1.0) for b in boxes],
        "roof_type": [roof] * len(boxes),
        "roof_tilt_deg": [tilt] * len(boxes),
        "roof_azimuth_deg": [azimuth] * len(boxes),
        "pv_share": [0.5] * len(boxes),
        "facade_pv_share": [0.0] * len(boxes),
    }
    shapes = [shapely.box(x, y, x + w, y + d) for x, y, w, d, _ in boxes]
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=city.buildings.crs)
    frame.index = np.array([f"box-{i:03d}" for i in range(len(boxes))])
    frame.index.name = "building_id"
    return city.replace(buildings=frame)


def with_roof_planes(city: City, outlines: dict[str, list[shapely.Polygon]]) -> City:
    """Return the city with roof surfaces (polygons in space) for some buildings; ids are ``<building>/s<number>``."""
    rows = []
    for building, polygons in outlines.items():
        for k, polygon in enumerate(polygons):
            p = np.asarray(polygon.exterior.coords)
            normal = np.cross(p[:-1], p[1:]).sum(axis=0)
            normal *= np.sign(normal[2])
            across = np.hypot(normal[0], normal[1])
            tilt = np.degrees(np.arctan2(across, normal[2]))
            azimuth = np.degrees(np.arctan2(normal[0], normal[1])) % 360.0 if across > 1e-9 * normal[2] else 0.0
            rows.append((f"{building}/s{k}", building, tilt, azimuth, np.linalg.norm(normal) / 2, polygon))
    columns = ("plane_id", "building_id", "tilt_deg", "azimuth_deg", "area_m2", "geometry")
    frame = {name: [row[k] for row in rows] for k, name in enumerate(columns)}
    layer = gpd.GeoDataFrame(frame, geometry="geometry", crs=city.buildings.crs).set_index("plane_id")
    return city.replace(roof_planes=layer)


def with_trees(city: City, trees: list[tuple[float, float, float, float, float]], evergreen: bool = False) -> City:
    """Return the city with trees: x, y, height, height of the lowest leaves, crown diameter."""
    columns = {
        "height_m": [t[2] for t in trees],
        "crown_base_m": [t[3] for t in trees],
        "crown_diameter_m": [t[4] for t in trees],
        "evergreen": [evergreen] * len(trees),
    }
    layer = gpd.GeoDataFrame(columns, geometry=[shapely.Point(t[:2]) for t in trees], crs=city.buildings.crs)
    layer.index = np.array([f"tree-{k}" for k in range(len(trees))])
    layer.index.name = "tree_id"
    return city.replace(trees=layer)
