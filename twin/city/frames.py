"""Layers as frames: the right dtypes, column order, defaults and sorting, in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from twin.city.schema import IMPUTED, Column, Layer

_NUMPY = {"float64": np.float64, "int64": np.int64, "bool": np.bool_}


def as_dtype(values: Any, column: Column) -> Any:
    """Return values as the dtype that the schema declares."""
    return pd.array(values, "str") if column.dtype == "str" else np.asarray(values, _NUMPY[column.dtype])


def layer_frame(
    layer: Layer,
    ids: Sequence[str] | Any,
    columns: Mapping[str, Any],
    geometry: Any,
    crs: str,
    *,
    origin: str | None = None,
) -> gpd.GeoDataFrame:
    """Return a layer indexed and sorted by id, with the schema's columns in the schema's order.

    A column of the schema that is not given gets its default, and is left out where it has none.

    Parameters
    ----------
    layer : Layer
    ids : sequence of str
    columns : mapping
        Values by column name; ``<name>_origin`` columns too, where they differ from `origin`.
    geometry : sequence of shapely geometries
    crs : str
    origin : str, optional
        Origin of every given value whose column has an origin.
    """
    data: dict[str, Any] = {}
    count = len(ids)
    for column in layer.columns:
        if column.name in columns:
            data[column.name] = as_dtype(columns[column.name], column)
        elif column.default is not None:
            data[column.name] = as_dtype(np.full(count, column.default, object), column)
        if column.has_origin and column.name in data:
            name = f"{column.name}_origin"
            if name in columns or origin is not None:
                data[name] = pd.array(columns[name] if name in columns else np.full(count, origin, object), "str")
    index = pd.Index(pd.array(ids, "str"), name=layer.id_name)
    frame = gpd.GeoDataFrame(data, index=index, geometry=np.asarray(geometry, object), crs=crs)
    return frame if frame.index.is_monotonic_increasing else frame.sort_index()


def with_defaults(frame: gpd.GeoDataFrame, layer: Layer) -> gpd.GeoDataFrame:
    """Return a layer whose missing columns of state hold their default, in the schema's order.

    What has no default stays missing, for `twin.city.check` to name.
    A default that needs an origin is ``imputed:default``.
    """
    added = {
        column.name: pd.Series(as_dtype(np.full(len(frame), column.default, object), column), index=frame.index)
        for column in layer.columns
        if column.default is not None and column.name not in frame.columns
    }
    if not added:
        return frame
    for column in layer.columns:
        if column.has_origin and column.name in added:
            added[f"{column.name}_origin"] = pd.Series(f"{IMPUTED}default", index=frame.index, dtype="str")
    known = [name for c in layer.columns for name in (c.name, f"{c.name}_origin")]
    full = frame.assign(**added)
    order = [name for name in known if name in full.columns]
    return full[order + [name for name in full.columns if name not in order]]
