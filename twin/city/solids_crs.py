"""The reference system of a 3D city file: read from the many ways to name one, and checked against the coordinates."""

from __future__ import annotations

import re
from functools import cache

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from twin.city.geometry import check_crs
from twin.errors import CrsError

_EPSG = re.compile(r"epsg(?:\.xml#|::|:|/[\d.]*/|:[\d.]+:)(\d{4,6})", re.IGNORECASE)
ADV_NAMES = {
    "ETRS89_UTM31": 25831,
    "ETRS89_UTM32": 25832,
    "ETRS89_UTM33": 25833,
    "DE_DHDN_3GK2": 31466,
    "DE_DHDN_3GK3": 31467,
    "DE_DHDN_3GK4": 31468,
    "DE_DHDN_3GK5": 31469,
}
"""Names of the German surveys, as in ``urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH`` (AdV, GeoInfoDok, CRS URN)."""


def horizontal_crs(text: str, where: str, override: str | None = None) -> CRS:
    """Return the horizontal part of the reference system that a file names, or of the one given in its place.

    Raises
    ------
    CrsError
        None, an unknown one, or one whose units are not metres.
    """
    named = override or text
    if not named:
        raise CrsError(
            "the file names no reference system",
            where=where,
            expected="referenceSystem (CityJSON) or srsName (CityGML)",
            remedy="name the one that its coordinates are in with --crs, for example --crs EPSG:28992",
        )
    try:
        crs = CRS.from_user_input(override) if override else _parse(text)
    except (CRSError, ValueError) as error:
        raise CrsError(
            f"unknown reference system {named[:120]!r}",
            where=where,
            expected="an EPSG code, such as https://www.opengis.net/def/crs/EPSG/0/7415",
            remedy="name the one that the coordinates are in with --crs, for example --crs EPSG:28992",
        ) from error
    axes = crs.axis_info
    if any(axis.unit_name not in ("metre", "meter") for axis in axes):
        units = ", ".join(sorted({axis.unit_name for axis in axes}))
        raise CrsError(
            f"the units of {crs.name} are not metres but {units}",
            where=where,
            expected="a projected reference system with heights in metres",
            remedy="reproject the file, for example with citygml-tools reproject or cjio crs_reproject",
        )
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if crs.is_projected and len(crs.axis_info) == 3:
        crs = crs.to_2d()
    if not crs.is_projected:
        raise CrsError(f"{crs.name} is not a projected reference system", where=where, expected="easting and northing")
    return crs


def crs_text(crs: CRS) -> str:
    """Return the shortest text that names a CRS for good."""
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else crs.to_wkt()


def _parse(text: str) -> CRS:
    codes = [int(code) for code in _EPSG.findall(text)]
    if codes:
        return CRS.from_epsg(codes[0])  # of "crs:EPSG::25832,crs:EPSG::7837" the first is the horizontal one
    for name, code in ADV_NAMES.items():
        if name in text:
            return CRS.from_epsg(code)
    return CRS.from_user_input(text)


def swapped(crs: CRS, points: NDArray[np.float64], where: str) -> bool:
    """Return whether the file writes north before east.

    Files differ whatever the register says, so the coordinates decide: east before north where that lies in the
    CRS's area of use, else north before east where that does.

    Parameters
    ----------
    crs : CRS
    points : float64 (n, 2)
        As the file writes them.

    Raises
    ------
    CrsError
        Coordinates that lie in the area of use in neither order.
    """
    low, high = points.min(0), points.max(0)
    if _inside(crs, low[0], low[1]) and _inside(crs, high[0], high[1]):
        return False
    if _inside(crs, low[1], low[0]) and _inside(crs, high[1], high[0]):
        return True
    check_crs(gpd.GeoDataFrame(geometry=shapely.points([low, high]), crs=crs), where)
    return False


@cache
def _to_degrees(crs: CRS) -> Transformer:
    return Transformer.from_crs(crs, "EPSG:4326", always_xy=True)


def _inside(crs: CRS, x: float, y: float) -> bool:
    area = crs.area_of_use
    if area is None:
        return False
    try:
        longitude, latitude = _to_degrees(crs).transform(float(x), float(y))
    except ProjError:
        return False
    east = area.east if area.east >= area.west else area.east + 360.0  # across the date line
    return area.south <= latitude <= area.north and any(area.west <= v <= east for v in (longitude, longitude + 360.0))
