"""Outlines of roof planes seen from above, and what is left of each plane inside a setback along its edges."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from twin.city.model import City
from twin.solar.roofs import Roofs
from twin.solar.suitability import contiguous_area, setback_area

Float = NDArray[np.float64]


def inner_area(city: City, roofs: Roofs, setback_m: float) -> Float:
    """Return the largest piece of every roof plane that is left inside a setback, float64 [planes] in m².

    The share that the setback leaves of the plane's outline, measured along the slope, times the plane's area: outlines
    of parametric roofs are those of the footprint's rectangle and need not have the area of the plane. Planes that have
    no outline count as squares. The result is kept with the roofs, since every draw of a study asks for the same.

    Parameters
    ----------
    city : City
        Footprints and `roof_planes` give the outlines, unless `Roofs.outline` does.
    roofs : Roofs
        Of this city.
    setback_m : float
        0: nothing is left out.
    """
    area = roofs.area_m2
    if setback_m <= 0.0:
        return setback_area(area, 0.0)
    if setback_m not in roofs.inner_area_m2:
        outline = _outlines(city, roofs)
        inner = setback_area(area, setback_m)
        known = np.flatnonzero(shapely.area(outline) > 0.0)
        tilt = roofs.tilt_deg[known]
        left = contiguous_area(outline[known], tilt, roofs.azimuth_deg[known], setback_m)
        share = left / (shapely.area(outline[known]) / np.maximum(np.cos(np.radians(tilt)), 1e-6))
        inner[known] = area[known] * np.minimum(share, 1.0)
        roofs.inner_area_m2[setback_m] = inner
    return roofs.inner_area_m2[setback_m]


def _outlines(city: City, roofs: Roofs) -> NDArray[np.object_]:
    if roofs.outline is not None:
        return roofs.outline
    columns = {"tilt_deg": roofs.tilt_deg, "azimuth_deg": roofs.azimuth_deg, "area_m2": roofs.area_m2}
    owner = city.buildings.index[roofs.plane_building]
    planes = pd.DataFrame({"building_id": owner} | columns, index=pd.Index(roofs.plane_id.tolist(), dtype="str"))
    return np.array(plane_outlines(city.buildings, planes, city.roof_planes).geometry, dtype=object)


def plane_outlines(
    buildings: gpd.GeoDataFrame, planes: pd.DataFrame, roof_planes: gpd.GeoDataFrame | None = None
) -> gpd.GeoDataFrame:
    """Return the planes with their outlines seen from above.

    A plane of a 3D model has its own outline. Parametric roofs are cut out of the footprint: halves along the ridge
    for two planes, the hips of the footprint's rectangle along the roof for four.

    Parameters
    ----------
    buildings : GeoDataFrame
    planes : DataFrame
        building_id, tilt_deg, azimuth_deg; indexed by plane id.
    roof_planes : GeoDataFrame, optional
        `City.roof_planes`.
    """
    owner = planes["building_id"].to_numpy()
    outline = np.array(buildings.geometry.reindex(owner).to_numpy(), dtype=object)
    count = planes.groupby("building_id")["area_m2"].transform("size").to_numpy()
    pitched = (planes["tilt_deg"].to_numpy() > 0.0) & (count > 1)
    modelled = np.zeros(len(planes), bool)
    if roof_planes is not None and len(roof_planes):
        own = roof_planes.geometry.reindex(planes.index)
        modelled = own.notna().to_numpy()
        outline[modelled] = shapely.force_2d(own.to_numpy()[modelled])
    rows = np.flatnonzero(pitched & ~modelled)
    facing = [
        _side(outline[i], np.radians(a), hipped=n > 2)
        for i, a, n in zip(rows, planes["azimuth_deg"].to_numpy()[rows], count[rows], strict=True)
    ]
    for i, side in zip(rows, facing, strict=True):
        cut = _areal(shapely.intersection(outline[i], side))
        outline[i] = cut if cut.area > 0.0 else outline[i]
    return gpd.GeoDataFrame(planes, geometry=outline, crs=buildings.crs)


def _areal(shape: BaseGeometry) -> BaseGeometry:
    """Return the polygons of a shape, without the lines and points that a cut may leave."""
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return shape
    return shapely.union_all([part for part in getattr(shape, "geoms", ()) if part.geom_type == "Polygon"])


def _side(footprint: BaseGeometry, azimuth: float, *, hipped: bool) -> BaseGeometry:
    """Return the part of the footprint's rectangle, turned along `azimuth`, whose roof faces that way."""
    ahead, side = np.array([np.sin(azimuth), np.cos(azimuth)]), np.array([np.cos(azimuth), -np.sin(azimuth)])
    corners = shapely.get_coordinates(footprint)
    u, v = corners @ ahead, corners @ side
    middle = (u.min() + u.max()) / 2, (v.min() + v.max()) / 2
    deep, wide = (u.max() - u.min()) / 2, (v.max() - v.min()) / 2
    if not hipped:
        shape = [(0, -wide), (0, wide), (deep, wide), (deep, -wide)]
    elif wide >= deep:  # the eaves are the long side: a trapezoid up to the ridge
        shape = [(0, -(wide - deep)), (0, wide - deep), (deep, wide), (deep, -wide)]
    else:  # the end of the roof: a triangle
        shape = [(deep - wide, 0), (deep, wide), (deep, -wide)]
    return shapely.Polygon([(a + middle[0]) * ahead + (b + middle[1]) * side for a, b in shape])
