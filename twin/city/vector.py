"""Buildings and roads from any vector format that the door opens, with a mapping of columns.

A mapping names, for each of our columns, where its values come from:

- ``height_m: measuredHeight``: a column of the file;
- ``use: {value: office}``: the same value for all features;
- ``use: {column: function, values: {"1010": residential, "2020": office}}``: a column, translated value by value.

Without a mapping, columns of the file that are named like ours are taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from twin.city.door import open_vector
from twin.city.geometry import check_ids
from twin.city.roads import NodeId, Way, road_class
from twin.city.schema import BUILDINGS, MEASURED, Column
from twin.city.yaml import read_yaml
from twin.errors import DataError, SchemaError, at_row, did_you_mean

Mapped = Mapping[str, Any]
_STATE = (
    "footprint_area_m2",
    "zone_id",
    *("envelope", "upgrades", "heating_shift_k", "heat_response", "appliance_factor"),
    *("electric_cars", "battery_kwh", "pv_share", "facade_pv_share"),
    *("energy_community", "community_price_eur_kwh", "community_fee_eur_kwh"),
)
"""Columns that no file is asked for: what follows from geometry, and state that a new city starts with."""
BUILDING_TARGETS = (
    "id",
    *(c.name for c in BUILDINGS.columns if c.name not in _STATE),
)
ROAD_TARGETS = ("id", "name", "road_class", "oneway", "lanes", "speed_limit_kmh")
_RULES: tuple[set[str], ...] = ({"column"}, {"value"}, {"column", "values"})
SNAP_M = 0.1
"""Vertices of roads closer than about this are the same node."""


def read_buildings(path: str | Path, mapping: Mapped | None = None, *, layer: str | None = None) -> gpd.GeoDataFrame:
    """Return raw buildings in the file's own CRS, indexed by id (``<file stem>/<id or row>``).

    Raises
    ------
    DataError
        A mapping that names a column the schema or the file does not have.
    SchemaError
        A value of the wrong kind, outside its range or not among the allowed ones, or an id that appears twice.
    UnsafeFileError, GeometryError
        See `twin.city.door.open_vector`.
    """
    features = open_vector(path, layer=layer)
    columns = _mapped(features, mapping, BUILDING_TARGETS, str(path))
    data: dict[str, Any] = {}
    for name, values in columns.items():
        if name == "id":
            continue
        column = BUILDINGS.column(name)
        data[name] = _checked(values, column, str(path))
        if column.has_origin:
            data[f"{name}_origin"] = pd.array(np.where(pd.isna(data[name]), "", MEASURED), "str")
    index = _ids(features, columns.get("id"), path, "building_id")
    frame = gpd.GeoDataFrame(data, index=index, geometry=features.geometry.to_numpy(), crs=features.crs)
    check_ids(frame, str(path))
    return frame


def read_roads(path: str | Path, mapping: Mapped | None = None, *, layer: str | None = None) -> gpd.GeoDataFrame:
    """Return raw road lines in the file's own CRS with the columns of `ROAD_TARGETS` that are known, as text.

    Raises
    ------
    DataError
        As for `read_buildings`; also when no column says the road class.
    """
    features = open_vector(path, layer=layer)
    columns = _mapped(features, mapping, ROAD_TARGETS, str(path))
    if "road_class" not in columns:
        raise DataError(
            "no column says the road class",
            where=str(path),
            remedy="map road_class, for example `road_class: highway` or `road_class: {value: residential}`",
        )
    data = {}
    for name, values in columns.items():
        if name != "id":
            text = [None if pd.isna(v) else f"{v:g}" if isinstance(v, float) else str(v) for v in values.tolist()]
            data[name] = pd.array(text, "str")
    bad = [row for row, value in enumerate(data["road_class"]) if road_class(value if value == value else None) is None]
    if len(bad) == len(features):
        raise SchemaError(
            f"no road has a known class; the first is {data['road_class'][0]!r}",
            where=at_row(str(path), 0, "road_class"),
            expected="values of OSM's highway key",
            remedy="translate them with `road_class: {column: …, values: {…}}`",
        )
    index = _ids(features, columns.get("id"), path, "way_id")
    frame = gpd.GeoDataFrame(data, index=index, geometry=features.geometry.to_numpy(), crs=features.crs)
    check_ids(frame, str(path))
    return frame


def read_mapping(mapping: Mapping[str, Mapped] | str | Path | None) -> dict[str, Any]:
    """Return the two parts of a mapping, ``buildings`` and ``roads``, read from its file where it is one.

    Raises
    ------
    DataError
        A file that cannot be read, an unknown part, or a part that maps nothing.
    """
    rules = read_yaml(mapping, error=DataError)[0] if isinstance(mapping, (str, Path)) else dict(mapping or {})
    place = str(mapping) if isinstance(mapping, (str, Path)) else None
    for key in rules:
        if key not in ("buildings", "roads"):
            raise DataError(
                f"the mapping has an unknown part {key!r}",
                where=place,
                remedy=did_you_mean(key, ("buildings", "roads")),
            )
        if not isinstance(rules[key], Mapping):
            raise DataError(
                f"the part {key!r} of the mapping is {rules[key]!r:.60}",
                where=place,
                expected="our column -> column of the file or constant",
            )
    return rules


def ways_of_lines(lines: gpd.GeoDataFrame) -> tuple[list[Way], dict[NodeId, tuple[float, float]]]:
    """Return lines in a metric CRS as ways whose nodes are their vertices, and the nodes' coordinates."""
    keys = {
        "road_class": "highway",
        "oneway": "oneway",
        "lanes": "lanes",
        "speed_limit_kmh": "maxspeed",
        "name": "name",
    }
    tags = lines[[c for c in keys if c in lines]].rename(columns=keys).to_dict("records")
    positions: dict[NodeId, tuple[float, float]] = {}
    ways = []
    for identity, line, row in zip(lines.index, lines.geometry, tags, strict=True):
        nodes: list[NodeId] = []
        for x, y in shapely.get_coordinates(line):
            node = f"{round(x / SNAP_M)}_{round(y / SNAP_M)}"
            positions.setdefault(node, (float(x), float(y)))
            if not nodes or nodes[-1] != node:
                nodes.append(node)
        known = {str(k): v for k, v in row.items() if isinstance(v, str)}
        known["oneway"] = {"true": "yes", "1": "yes", "-1": "-1"}.get(known.get("oneway", "").lower(), "no")
        ways.append(Way(str(identity).split("/", 1)[-1], known, tuple(nodes)))
    return ways, positions


def _ids(features: gpd.GeoDataFrame, values: pd.Series | None, path: str | Path, name: str) -> pd.Index:
    ids = range(len(features)) if values is None else values.tolist()
    text = [None if pd.isna(v) else f"{int(v)}" if isinstance(v, float) and v.is_integer() else str(v) for v in ids]
    return pd.Index([None if t is None else f"{Path(path).stem}/{t}" for t in text], dtype="str", name=name)


def _mapped(features: gpd.GeoDataFrame, mapping: Mapped | None, targets: tuple[str, ...], where: str) -> dict[str, Any]:
    known = [c for c in features.columns if c != features.geometry.name]
    if mapping is None:
        mapping = {name: name for name in targets if name in known}
    columns = {}
    for target, source in mapping.items():
        if target not in targets:
            raise DataError(
                f"the mapping fills an unknown column {target!r}", where=where, remedy=did_you_mean(target, targets)
            )
        rule: dict[str, Any] = {"column": source} if isinstance(source, str) else {}
        if isinstance(source, Mapping):
            rule = dict(source)
        if set(rule) not in _RULES or not isinstance(rule.get("values", {}), Mapping):
            raise DataError(
                f"the mapping of {target!r} cannot be understood: {source!r}",
                where=where,
                expected="a column name, {value: …} or {column: …, values: {…}}",
            )
        if "value" in rule:
            columns[target] = pd.Series([rule["value"]] * len(features))
            continue
        if rule["column"] not in known:
            raise DataError(
                f"the mapping of {target!r} names a column that the file does not have: {rule['column']!r}",
                where=where,
                remedy=did_you_mean(str(rule["column"]), known),
            )
        columns[target] = features[rule["column"]].reset_index(drop=True)
        if "values" in rule:
            table = {str(k): v for k, v in rule["values"].items()}
            columns[target] = columns[target].map(lambda v, table=table: None if pd.isna(v) else table.get(_text(v), v))
    return columns


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _checked(values: pd.Series, column: Column, where: str) -> Any:
    """Return the values in the column's type, missing where missing; SchemaError names the first that does not fit."""
    if column.dtype == "str":
        text = pd.array([None if pd.isna(v) or v == "" else _text(v) for v in values.tolist()], "str")
        for row, value in enumerate(text):
            if column.values and isinstance(value, str) and value not in column.values:
                raise SchemaError(
                    f"{value!r} is not a known {column.name}",
                    where=at_row(where, row, column.name),
                    expected="one of " + ", ".join(column.values),
                    remedy="translate the values in the mapping: {column: …, values: {…}}",
                )
        return text if column.name != "name" else text.fillna("")
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64)
    low, high = column.low, column.high
    with np.errstate(invalid="ignore"):
        bad = (numbers < (low if low is not None else -np.inf)) | (numbers > (high if high is not None else np.inf))
    bad |= np.isinf(numbers) | (np.isnan(numbers) & values.notna().to_numpy())
    if bad.any():
        row = int(np.argmax(bad))
        raise SchemaError(
            f"{values.tolist()[row]!r} is not valid for {column.name}",
            where=at_row(where, row, column.name),
            expected=f"a number from {low:g} to {high:g} {column.unit}, or nothing",
            remedy="correct the value or leave it empty",
        )
    return numbers
