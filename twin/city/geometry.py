"""Geometry as it comes and as it must be: reference systems checked, broken shapes repaired, every change logged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_utm_crs_info
from pyproj.exceptions import CRSError, ProjError

from twin.errors import CrsError, GeometryError, SchemaError, at_row

NATIONAL_CRS = {
    "AT": "EPSG:31287",
    "BE": "EPSG:3812",
    "CH": "EPSG:2056",
    "DK": "EPSG:25832",
    "EE": "EPSG:3301",
    "FI": "EPSG:3067",
    "FR": "EPSG:2154",
    "GB": "EPSG:27700",
    "NL": "EPSG:28992",
    "SE": "EPSG:3006",
}
"""The usual metric reference system of a country, where one covers all of it (EPSG register)."""
FOOT_M = 0.3048
_MARGIN_DEG = 0.5
MIN_AREA_M2 = 0.01
REACH_DEG = 0.05
"""Farthest that the roads may lie from the buildings, about 5 km (assumption)."""


def metric_crs(longitude: float, latitude: float, country: str | None = None) -> str:
    """Return a metric CRS that fits a place: the country's usual one where it covers the place, else UTM (WGS 84).

    Raises
    ------
    CrsError
        A place outside the Earth's degrees, or near a pole, where UTM ends.
    """
    national = NATIONAL_CRS.get(country or "")
    if national and _covers(CRS(national), longitude, latitude):
        return national
    if abs(longitude) <= 180 and abs(latitude) <= 90:
        here = AreaOfInterest(longitude, latitude, longitude, latitude)
        for info in query_utm_crs_info(datum_name="WGS 84", area_of_interest=here):
            return f"EPSG:{info.code}"
    raise CrsError(
        f"no metric reference system fits longitude {longitude:g}, latitude {latitude:g}",
        expected="a place between 80° south and 84° north",
    )


def check_together(buildings: gpd.GeoDataFrame, lines: gpd.GeoDataFrame, where: str) -> None:
    """Raise GeometryError where no road comes near the buildings: the files are of two places."""
    houses, streets = (shapely.box(*layer.to_crs(4326).total_bounds) for layer in (buildings, lines))
    if not shapely.dwithin(houses, streets, REACH_DEG):
        raise GeometryError(
            f"the roads lie {shapely.distance(houses, streets):.2f} degrees from the buildings",
            where=where,
            expected="roads of the same place",
            remedy="check both files and their reference systems",
        )


def _covers(crs: CRS, longitude: float, latitude: float, margin: float = 0.0) -> bool:
    area = crs.area_of_use
    if area is None:
        return True
    # An area across the date line has its west edge east of its east edge.
    east = area.east if area.east >= area.west else area.east + 360.0
    inside = any(area.west - margin <= x <= east + margin for x in (longitude, longitude + 360.0))
    return inside and area.south - margin <= latitude <= area.north + margin


def check_crs(frame: gpd.GeoDataFrame, where: str) -> CRS:
    """Return the CRS of a layer whose coordinates lie in its area of use.

    Raises
    ------
    CrsError
        No CRS, one that cannot be tied to the Earth, or coordinates outside its area of use; likely causes are named.
    """
    if frame.crs is None:
        raise CrsError(
            "the layer names no coordinate reference system",
            where=where,
            expected="a CRS in the file (a .prj beside a Shapefile)",
            remedy="assign the right CRS in the program that made the file",
        )
    crs = CRS(frame.crs)
    bounds = np.asarray(frame.total_bounds, np.float64)
    if not np.isfinite(bounds).all():
        raise GeometryError("the layer holds no coordinates", where=where)
    centre = _to_degrees(crs, bounds[[0, 2]].mean(), bounds[[1, 3]].mean(), where)
    corners = [_to_degrees(crs, x, y, where) for x in bounds[[0, 2]] for y in bounds[[1, 3]]]
    bad = [place for place in (centre, *corners) if place is None or not _covers(crs, *place, _MARGIN_DEG)]
    if crs.is_geographic and (np.abs(bounds[[0, 2]]) > 180).any() | (np.abs(bounds[[1, 3]]) > 90).any():
        bad = bad or [None]
    if bad:
        area = crs.area_of_use
        raise CrsError(
            f"coordinates lie outside the area of use of {crs.name}: x {bounds[0]:.6g} to {bounds[2]:.6g}, "
            f"y {bounds[1]:.6g} to {bounds[3]:.6g}",
            where=where,
            expected=f"longitude {area.west} to {area.east}, latitude {area.south} to {area.north}" if area else None,
            remedy=_likely_cause(crs, bounds, where),
        )
    return crs


def _to_degrees(crs: CRS, x: float, y: float, where: str) -> tuple[float, float] | None:
    try:
        transformer = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        longitude, latitude = transformer.transform(float(x), float(y))
    except (CRSError, ProjError) as error:
        raise CrsError(
            f"the reference system {crs.name} cannot be tied to the Earth",
            where=where,
            expected="a geographic or projected CRS",
        ) from error
    return (longitude, latitude) if np.isfinite([longitude, latitude]).all() else None


def _likely_cause(crs: CRS, bounds: NDArray[np.float64], where: str) -> str:
    x, y = bounds[[0, 2]].mean(), bounds[[1, 3]].mean()

    def fits(a: float, b: float) -> bool:
        if crs.is_geographic:
            return abs(a) <= 180 and abs(b) <= 90 and _covers(crs, a, b)
        place = _to_degrees(crs, a, b, where)
        return place is not None and _covers(crs, *place)

    if not crs.is_geographic and abs(x) <= 180 and abs(y) <= 90:
        return "the coordinates look like degrees: the CRS is probably EPSG:4326"
    if fits(y, x):
        return "the axes look swapped: write x (east, longitude) before y (north, latitude)"
    if crs.is_geographic and max(abs(x), abs(y)) > 360:
        return "the coordinates look like metres: name the projected CRS they are in"
    if fits(x * FOOT_M, y * FOOT_M):
        return "the coordinates look like feet: convert them, or name the CRS in feet"
    if fits(x / FOOT_M, y / FOOT_M):
        return "the coordinates look like metres in a CRS that counts feet: name the CRS in metres"
    return "the file probably names the wrong CRS: find out which one its coordinates are in"


def to_metric(frame: gpd.GeoDataFrame, crs: str) -> gpd.GeoDataFrame:
    """Return a layer in a metric CRS.

    Raises
    ------
    CrsError
        Coordinates that have no finite place in `crs`.
    """
    projected = frame.to_crs(crs)
    bad = ~np.isfinite(shapely.bounds(projected.geometry.to_numpy())).all(axis=1) & ~projected.geometry.is_empty
    bad &= projected.geometry.notna()
    if bad.any():
        row = projected.index[np.argmax(bad.to_numpy())]
        raise CrsError(
            f"the geometry has no place in {crs}",
            where=at_row(frame.index.name or "layer", row, "geometry"),
            remedy="check the coordinates and the CRS of the source",
        )
    return projected


def check_ids(frame: gpd.GeoDataFrame, where: str) -> None:
    """Raise SchemaError when an id is missing or appears twice."""
    missing = frame.index.isna()
    if missing.any():
        raise SchemaError("a feature has no id", where=at_row(where, int(np.argmax(missing))), expected="an id")
    twice = sorted(set(frame.index[frame.index.duplicated()]))
    if twice:
        raise SchemaError(
            f"{len(twice)} ids appear more than once",
            where=at_row(where, twice[0]),
            expected="an id of its own for each feature",
            remedy="map another column to id, or leave the id out",
        )


def repair_polygons(frame: gpd.GeoDataFrame, name: str) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Return valid polygons only, flat (two dimensions), and the log of what was changed or dropped.

    Self-intersecting outlines ("bow-ties") are cut into valid parts (Shapely ``make_valid``); of collections the
    polygons stay. Features without a polygon or with less than 0.01 m2 are dropped.

    Parameters
    ----------
    frame : GeoDataFrame indexed by id, in a metric CRS
    name : the layer's name, for the log

    Raises
    ------
    SchemaError
        An id that is missing or appears twice.
    GeometryError
        No polygon is left.
    """
    check_ids(frame, name)
    shapes = shapely.force_2d(frame.geometry.to_numpy())
    invalid = ~shapely.is_missing(shapes) & ~shapely.is_valid(shapes)
    log = []
    if invalid.any():
        reasons = Counter(str(r).split("[")[0] for r in shapely.is_valid_reason(shapes[invalid]))
        what = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
        log.append(f"{name}: {invalid.sum()} outlines repaired ({what}): {_some(frame.index[invalid])}")
        shapes[invalid] = shapely.make_valid(shapes[invalid])
    mixed = shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION.value
    shapes[mixed] = [_polygonal(shape) for shape in shapes[mixed]]
    kinds = shapely.get_type_id(shapes)
    areal = np.isin(kinds, (shapely.GeometryType.POLYGON.value, shapely.GeometryType.MULTIPOLYGON.value))
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    flat = areal & ~empty & (shapely.area(shapes) < MIN_AREA_M2)
    for bad, why in (
        (empty, "without geometry"),
        (~areal & ~empty, "not polygons"),
        (flat, "without area (such as outlines cut off at the edge of an extract)"),
    ):
        if bad.any():
            log.append(f"{name}: {bad.sum()} dropped, {why}: {_some(frame.index[bad])}")
    keep = areal & ~empty & ~flat
    if not keep.any():
        raise GeometryError("no usable polygon", where=name, expected="polygons of at least 0.01 m2")
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))[keep], log


def _polygonal(shape: shapely.Geometry) -> shapely.Geometry:
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.union_all([p for p in parts if p.geom_type == "Polygon"])


def repair_lines(frame: gpd.GeoDataFrame, name: str) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Return single lines with a length, flat, and the log; parts of a multi-line become rows ``<id>.<part>``.

    Raises
    ------
    SchemaError
        An id that is missing or appears twice.
    GeometryError
        No line is left.
    """
    check_ids(frame, name)
    log = []
    single = frame.set_geometry(gpd.GeoSeries(shapely.force_2d(frame.geometry.to_numpy()), frame.index, crs=frame.crs))
    multi = (single.geom_type == "MultiLineString").to_numpy()
    if multi.any():
        log.append(f"{name}: {multi.sum()} multi-part lines cut into parts")
        parts = single[multi].explode()
        number = parts.groupby(level=0).cumcount().astype(str)
        parts.index = parts.index.astype(str) + "." + number.to_numpy()
        single = gpd.GeoDataFrame(gpd.pd.concat([single[~multi], parts]), crs=frame.crs)
    shapes = single.geometry.to_numpy()
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    lines = shapely.get_type_id(shapes) == shapely.GeometryType.LINESTRING.value
    short = lines & ~empty & (shapely.length(shapes) < 0.01)
    for bad, why in ((empty, "without geometry"), (~lines & ~empty, "not lines"), (short, "without length")):
        if bad.any():
            log.append(f"{name}: {bad.sum()} dropped, {why}: {_some(single.index[bad])}")
    keep = lines & ~empty & ~short
    if not keep.any():
        raise GeometryError("no usable line", where=name, expected="lines of at least 0.01 m")
    return single[keep], log


def _some(ids: Sequence[object]) -> str:
    shown = ", ".join(str(i) for i in ids[:5])
    return shown + (" …" if len(ids) > 5 else "")
