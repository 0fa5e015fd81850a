"""A layer in the making: which values are given, which are filled, and by which rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from twin.city.frames import layer_frame
from twin.city.schema import IMPUTED, MEASURED, Layer
from twin.errors import SchemaError

Mask = NDArray[np.bool_]


class Completion:
    """The columns of a layer, sorted by id; values that were given are never changed.

    Parameters
    ----------
    frame : GeoDataFrame
        Indexed by id, with any of the layer's columns; missing values are None or NaN. Columns that the schema does
        not know are left out of the result.
    layer : Layer

    Raises
    ------
    SchemaError
        A text in a column of numbers.
    """

    def __init__(self, frame: gpd.GeoDataFrame, layer: Layer) -> None:
        self.layer = layer
        self.input = frame.sort_index(kind="stable")
        self.geometry: NDArray[np.object_] = np.asarray(self.input.geometry.to_numpy(), object)
        self.values: dict[str, NDArray[Any]] = {}
        self.origin: dict[str, NDArray[np.object_]] = {}
        for column in layer.columns:
            if column.name in self.input.columns or column.has_origin:
                self.values[column.name] = self._read(column.name, number=column.dtype in ("float64", "int64"))
            if column.has_origin:
                self.origin[column.name] = self._read_origin(column.name)

    def missing(self, name: str) -> Mask:
        """Return which rows have no value yet."""
        values = self.values[name]
        if values.dtype == np.float64:
            return np.isnan(values)
        return np.array([v is None for v in values], bool)

    def fill(self, name: str, where: Mask, values: Any, rule: str | NDArray[np.object_]) -> None:
        """Set the missing values among the rows `where`, and flag them with the rule.

        Parameters
        ----------
        name : str
        where : bool (n,)
            Rows the rule speaks for; those that have a value already keep it.
        values : scalar or array (n,)
        rule : str or array (n,)
            Name of the rule, or an origin per row.
        """
        target = where & self.missing(name)
        self.values[name][target] = np.broadcast_to(values, target.shape)[target]
        if name in self.origin:
            origins = f"{IMPUTED}{rule}" if isinstance(rule, str) else rule
            self.origin[name][target] = np.broadcast_to(np.asarray(origins, object), target.shape)[target]

    def default(self, name: str, value: object) -> None:
        """Fill what is missing in a column of state, which carries no origin."""
        if name in self.values:
            missing = self.missing(name)
            self.values[name][missing] = value

    def frame(self) -> gpd.GeoDataFrame:
        """Return the completed layer with the schema's columns, dtypes and defaults."""
        for column in self.layer.columns:
            if column.default is not None:
                self.default(column.name, column.default)
        columns: Mapping[str, Any] = self.values | {f"{name}_origin": values for name, values in self.origin.items()}
        return layer_frame(self.layer, self.input.index, columns, self.geometry, self.input.crs)

    def _read(self, name: str, *, number: bool) -> NDArray[Any]:
        count = len(self.input)
        if name not in self.input.columns:
            return np.full(count, np.nan) if number else np.full(count, None, object)
        column = self.input[name]
        if number:
            try:
                return column.astype("float64").to_numpy(copy=True)
            except (TypeError, ValueError) as exc:
                where = f"{self.layer.name}.{name}"
                raise SchemaError(f"the column holds more than numbers: {exc}", where=where) from exc
        values = column.astype(object).to_numpy(copy=True)
        values[column.isna().to_numpy()] = None
        return values

    def _read_origin(self, name: str) -> NDArray[np.object_]:
        origin = self._read(f"{name}_origin", number=False)
        given = ~self.missing(name)
        unflagged = np.array([v is None for v in origin], bool)
        origin[given & unflagged] = MEASURED
        return origin
