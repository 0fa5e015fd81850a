"""Does one layer obey its declaration? Ids, columns, types, ranges, origins, CRS and geometry, each by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pandas.api import types as pdt
from pyproj import CRS
from pyproj.exceptions import CRSError

from twin.city.schema import DERIVED, IMPUTED, MEASURED, OPTIONAL_LAYERS, Column, Layer
from twin.errors import CrsError, GeometryError, SchemaError, TwinError, at_row, did_you_mean

MAY_BE_EMPTY = ("charging_sites", *OPTIONAL_LAYERS)
_DTYPES: dict[str, Callable[[Any], bool]] = {
    "str": lambda dtype: isinstance(dtype, pd.StringDtype),
    "float64": lambda dtype: dtype == np.float64,
    "int64": lambda dtype: dtype == np.int64,
    "bool": lambda dtype: dtype == np.bool_,
}


def check_layer(frame: Any, layer: Layer, *, crs: str, may_be_empty: bool = False) -> list[TwinError]:
    """Return the problems of one layer: ids, columns, types, ranges, CRS and geometry.

    Parameters
    ----------
    frame : GeoDataFrame
        Indexed by id.
    layer : Layer
        Its declaration.
    crs : str
        The CRS that the metadata states.
    may_be_empty : bool
        Whether the layer may lack rows although its kind usually has some.
    """
    if not isinstance(frame, gpd.GeoDataFrame) or frame.active_geometry_name is None:
        return [SchemaError("the layer is not a GeoDataFrame with a geometry", where=layer.name)]
    problems = _check_index(frame, layer, may_be_empty)
    problems += _check_columns(frame, layer)
    for column in layer.columns:
        if column.name in frame.columns:
            problems += _check_values(frame[column.name], column, layer.name)
        origin = f"{column.name}_origin"
        if column.has_origin and origin in frame.columns:
            problems += _check_origin(frame[origin], layer.name)
    problems += _check_layer_crs(frame, layer.name, crs)
    problems += _check_geometry(frame, layer)
    return problems


def _check_layer_crs(frame: gpd.GeoDataFrame, name: str, crs: str) -> list[TwinError]:
    if frame.crs is None:
        return [CrsError("the layer has no CRS", where=name, expected=crs)]
    try:
        same = CRS.from_user_input(crs) == frame.crs
    except CRSError:
        return []  # reported with the metadata
    if same:
        return []
    return [
        CrsError(f"the layer is in {frame.crs.to_string()}", where=name, expected=crs, remedy="reproject the layer")
    ]


def _check_index(frame: gpd.GeoDataFrame, layer: Layer, may_be_empty: bool) -> list[TwinError]:
    problems: list[TwinError] = []
    index = frame.index
    if len(frame) == 0 and not may_be_empty and layer.name not in MAY_BE_EMPTY:
        problems.append(SchemaError("the layer is empty", where=layer.name, expected="at least one row"))
    if index.name != layer.id_name:
        problems.append(
            SchemaError(f"the index is named {index.name!r}", where=layer.name, expected=f"{layer.id_name!r}")
        )
    if not isinstance(index.dtype, pd.StringDtype):
        problems.append(SchemaError(f"ids have dtype {index.dtype}", where=layer.name, expected="str"))
        return problems
    missing = np.asarray(index.isna() | (index == ""))
    if missing.any():
        problems.append(SchemaError(f"{missing.sum()} rows have no id", where=layer.name))
    twice = np.asarray(index.duplicated())
    if twice.any():
        problems.append(
            SchemaError(
                f"{twice.sum()} ids occur more than once, first {index[int(np.argmax(twice))]!r}",
                where=layer.name,
                expected="unique ids",
            )
        )
    elif not missing.any() and not index.is_monotonic_increasing:
        problems.append(SchemaError("the rows are not sorted by id", where=layer.name, remedy="use sort_index()"))
    return problems


def _check_columns(frame: gpd.GeoDataFrame, layer: Layer) -> list[TwinError]:
    known = [c.name for c in layer.columns] + [f"{c.name}_origin" for c in layer.columns if c.has_origin]
    problems: list[TwinError] = [
        SchemaError("the column is missing", where=f"{layer.name}.{name}")
        for name in known
        if name not in frame.columns
    ]
    for name in frame.columns:
        if name not in known and name != frame.active_geometry_name:
            remedy = did_you_mean(str(name), known)
            problems.append(SchemaError(f"unknown column {name!r}", where=layer.name, remedy=remedy))
    if frame.active_geometry_name != "geometry":
        problems.append(
            SchemaError(f"the geometry is named {frame.active_geometry_name!r}", where=layer.name, expected="geometry")
        )
    return problems


def first_of(bad: NDArray[np.bool_], ids: pd.Index, layer: str, column: str | None) -> tuple[str, str]:
    """Return the place of the first bad row, and a text that counts them all."""
    count = int(bad.sum())
    first = at_row(layer, ids[int(np.argmax(bad))], column)
    return first, "" if count == 1 else f" ({count} rows in all)"


def _check_values(values: pd.Series, column: Column, layer: str) -> list[TwinError]:
    if not _DTYPES[column.dtype](values.dtype):
        where = f"{layer}.{column.name}"
        return [SchemaError(f"dtype {values.dtype}", where=where, expected=f"dtype {column.dtype}")]
    ids = values.index
    missing = values.isna().to_numpy()
    if pdt.is_float_dtype(values.dtype):
        missing = ~np.isfinite(values.to_numpy())
    problems: list[TwinError] = []
    if missing.any():
        where, more = first_of(missing, ids, layer, column.name)
        problems.append(SchemaError(f"the value is missing or not finite{more}", where=where))
    if column.values:
        bad = ~missing & ~values.isin(column.values).to_numpy()
        if bad.any():
            where, more = first_of(bad, ids, layer, column.name)
            word = str(values.iloc[int(np.argmax(bad))])
            remedy = did_you_mean(word, column.values)
            problems.append(SchemaError(f"unknown value {word!r}{more}", where=where, remedy=remedy))
    if column.low is not None and column.high is not None:
        numbers = values.to_numpy()
        with np.errstate(invalid="ignore"):
            bad = ~missing & ((numbers < column.low) | (numbers > column.high))
        if bad.any():
            where, more = first_of(bad, ids, layer, column.name)
            number = numbers[int(np.argmax(bad))]
            expected = f"{column.low} to {column.high} {column.unit}"
            problems.append(SchemaError(f"{number} is outside the range{more}", where=where, expected=expected))
    return problems


def _check_origin(values: pd.Series, layer: str) -> list[TwinError]:
    name = str(values.name)
    if not isinstance(values.dtype, pd.StringDtype):
        return [SchemaError(f"dtype {values.dtype}", where=f"{layer}.{name}", expected="dtype str")]
    known = [
        word
        for word in values.unique()
        if isinstance(word, str)
        and (word in (MEASURED, DERIVED) or (word.startswith(IMPUTED) and len(word) > len(IMPUTED)))
    ]
    bad = ~values.isin(known).to_numpy()
    if not bad.any():
        return []
    where, more = first_of(bad, values.index, layer, name)
    word = values.iloc[int(np.argmax(bad))]
    expected = f"{MEASURED!r}, {DERIVED!r} or '{IMPUTED}<rule>'"
    return [SchemaError(f"unknown origin {word!r}{more}", where=where, expected=expected)]


def _check_geometry(frame: gpd.GeoDataFrame, layer: Layer) -> list[TwinError]:
    geometry = frame.geometry.to_numpy()
    ids = frame.index
    problems: list[TwinError] = []

    def report(bad: NDArray[np.bool_], what: str, expected: str | None = None) -> None:
        if bad.any():
            where, more = first_of(bad, ids, layer.name, "geometry")
            problems.append(GeometryError(f"{what}{more}", where=where, expected=expected))

    absent = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    report(absent, "the geometry is missing or empty")
    types = [int(shapely.GeometryType[name.upper()].value) for name in layer.geometry]
    wrong = ~absent & ~np.isin(shapely.get_type_id(geometry), types)
    report(wrong, "wrong geometry type", " or ".join(layer.geometry))
    finite = np.isfinite(shapely.bounds(geometry)).all(axis=1)
    report(~absent & ~finite, "a coordinate is not finite")
    invalid = ~absent & finite & ~wrong & ~shapely.is_valid(geometry)
    report(invalid, "the geometry is not valid", "a simple polygon without self-intersection")
    return problems
