"""Which features of a layer a measure concerns: an attribute expression, a polygon, or both.

A polygon is a list of ``[longitude, latitude]`` pairs (WGS 84 degrees), or the path of a vector file whose polygons
are united. A feature is inside when its point of reference is: the middle of a link, a point within a building or
zone, a site itself. A selector that matches nothing is an error.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from twin.errors import GeometryError, SelectorError
from twin.scenario import expression

WGS84 = "EPSG:4326"
LonLat = Sequence[float]


def select(
    layer: gpd.GeoDataFrame,
    where: str | None = None,
    inside: Sequence[LonLat] | str | None = None,
    *,
    name: str,
    base: Path | None = None,
) -> NDArray[np.bool_]:
    """Return which features of a layer are selected.

    Parameters
    ----------
    layer : GeoDataFrame
        A layer of the city, in its metric CRS.
    where : str, optional
        Expression on the columns and the id (see `twin.scenario.expression`); without it every feature qualifies.
    inside : list of [longitude, latitude] or str, optional
        Polygon, or path of a vector file relative to `base`.
    name : str
        Name of the layer, for messages.
    base : Path, optional
        Folder that relative paths start from.

    Returns
    -------
    bool (len(layer),)

    Raises
    ------
    SelectorError
        The expression does not fit the layer, the polygon is none, or nothing matches.
    """
    mask = np.ones(len(layer), dtype=bool)
    if where is not None:
        mask &= expression.evaluate(where, table(layer), layer=name, length=len(layer))
    matched_where = int(mask.sum())
    if inside is not None:
        area = polygon(inside, str(layer.crs), base=base)
        mask &= shapely.contains_xy(area, *_reference_points(layer).T)
    if not mask.any():
        raise SelectorError(_nothing(layer, where, inside, name, matched_where), remedy=_remedy(layer, where, inside))
    return mask


def table(layer: gpd.GeoDataFrame) -> dict[str, NDArray[Any]]:
    """Return the columns that an expression may use: all but the geometry, and the id under its own name."""
    columns = {str(layer.index.name or "id"): np.asarray(layer.index, dtype=object)}
    for column in layer.columns.drop(layer.geometry.name):
        values = layer[column]
        plain = values.dtype.kind in "biuf"
        columns[column] = values.to_numpy() if plain else values.fillna("").astype(str).to_numpy(dtype=object)
    return columns


def check_lonlat(points: Sequence[LonLat]) -> None:
    """Refuse what is no ring of at least three WGS 84 positions, or crosses itself.

    Raises
    ------
    SelectorError
    """
    for i, point in enumerate(points):
        if len(point) != 2 or not all(math.isfinite(x) for x in point):
            raise SelectorError(f"corner {i} of the polygon is {list(point)!r}", expected="[longitude, latitude]")
        if not (-180 <= point[0] <= 180 and -90 <= point[1] <= 90):
            raise SelectorError(
                f"corner {i} of the polygon is {list(point)!r}, outside the world",
                expected="[longitude, latitude] in degrees",
            )
    distinct = {(float(p[0]), float(p[1])) for p in points}
    if len(distinct) < 3:
        raise SelectorError(f"the polygon has {len(distinct)} distinct corners", expected="at least 3")
    ring = shapely.Polygon(points)
    if not ring.is_valid or ring.area == 0:
        raise SelectorError(
            f"the polygon is not valid: {shapely.is_valid_reason(ring)}", remedy="list the corners in order around it"
        )


def polygon(inside: Sequence[LonLat] | str, crs: str, *, base: Path | None = None) -> shapely.Geometry:
    """Return a polygon in a metric CRS, from corners in degrees or from a vector file.

    Raises
    ------
    SelectorError
        The corners are no polygon, or the file holds none.
    """
    if not isinstance(inside, str):
        check_lonlat(inside)
        return gpd.GeoSeries([shapely.Polygon(inside)], crs=WGS84).to_crs(crs).iloc[0]
    from twin.city.door import open_vector

    features = open_vector(resolve(inside, base))
    shapes = features.geometry[features.geometry.geom_type.isin(["Polygon", "MultiPolygon"])]
    if shapes.empty:
        raise SelectorError(f"the file {inside!r} holds no polygon")
    if shapes.crs is None:
        raise SelectorError(f"the file {inside!r} names no coordinate reference system")
    united = shapely.union_all(shapely.make_valid(shapes.to_crs(crs).to_numpy()))
    if united.is_empty:
        raise GeometryError(f"the polygons of {inside!r} are empty")
    return united


def point(lonlat: LonLat, crs: str) -> shapely.Point:
    """Return a WGS 84 position in a metric CRS."""
    return gpd.GeoSeries([shapely.Point(lonlat)], crs=WGS84).to_crs(crs).iloc[0]


def resolve(path: str, base: Path | None) -> Path:
    """Return a path relative to the folder of the study file."""
    return Path(path) if base is None or Path(path).is_absolute() else base / path


def _reference_points(layer: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Return the point of reference of every feature, float64 (n, 2)."""
    shapes = layer.geometry.to_numpy()
    lines = shapely.get_dimensions(shapes) == 1
    points = shapely.point_on_surface(shapes)
    if lines.any():
        points = points.copy()
        points[lines] = shapely.line_interpolate_point(shapes[lines], 0.5, normalized=True)
    return shapely.get_coordinates(points)


def _nothing(layer: gpd.GeoDataFrame, where: str | None, inside: object, name: str, matched_where: int) -> str:
    if not len(layer):
        return f"the city has no {name}"
    if where is None:
        return f"none of the {len(layer)} {name} lies in the polygon"
    if inside is None or matched_where == 0:
        return f"none of the {len(layer)} {name} satisfies `{where}`"
    return f"{matched_where} of the {len(layer)} {name} satisfy `{where}`, but none of them lies in the polygon"


def _remedy(layer: gpd.GeoDataFrame, where: str | None, inside: object) -> str | None:
    """Return names that resemble a quoted text of the expression, or what to check of the polygon."""
    if where is not None and "name" in layer.columns:
        known = set(layer["name"]) - {""}
        hints = [hint for text in _quoted(where) if (hint := _closest(text, known))]
        if hints:
            return "; ".join(hints)
    if inside is not None and len(layer):
        west, south, east, north = layer.to_crs(WGS84).total_bounds
        return (
            f"the layer spans longitude {west:.3f} to {east:.3f}, latitude {south:.3f} to {north:.3f}; "
            "corners are [longitude, latitude]"
        )
    return None


def _quoted(where: str) -> list[str]:
    return [
        n.value for n in ast.walk(expression.parse(where)) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    ]


def _closest(text: str, known: set[str]) -> str | None:
    close = get_close_matches(text, sorted(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close and close[0] != text else None
