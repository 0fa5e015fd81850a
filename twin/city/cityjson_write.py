"""Results back into the CityJSON file that a city came from: attributes by id, everything else as it was."""

from __future__ import annotations

import gzip
import json
import math
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from twin.city.cityjson import Json, documents, polygons
from twin.city.solids_file import CITYGML, CITYJSON_SEQ, solid_format
from twin.errors import DataError, at_row

Address = tuple[str, int, tuple[int, ...]]


def write_cityjson_attributes(
    source: str | Path, destination: str | Path, attributes: pd.DataFrame, *, crs: str | None = None
) -> None:
    """Write a CityJSON file again with attributes added to its buildings and roof surfaces.

    Attributes of a building join those of its CityObject. Attributes of a roof plane join the semantic surface of its
    polygons; where that surface has polygons of other planes too, the plane's polygons get a copy of their own, and
    polygons without semantics get a RoofSurface. Nothing else changes: geometry, order of objects, extensions.

    Parameters
    ----------
    source : CityJSON or CityJSONSeq file, packed or not
    destination : may be the source; packed where its name ends in ``.gz``. Replaced in one step once it is complete.
    attributes : DataFrame
        Indexed by building id or plane id, as `twin.city.solids_import.read_solids` gives them; missing values are not
        written.
    crs : as for `read_solids`

    Raises
    ------
    DataError
        An id that the file does not have, a source that is not CityJSON, a value that JSON cannot hold, or a
        destination that cannot be written.
    """
    if solid_format(source) in (None, CITYGML):
        raise DataError("attributes are written to CityJSON files only", where=str(source), expected="a CityJSON file")
    head, features = documents(source)
    things = {identity: thing for document in features for identity, thing in document["CityObjects"].items()}
    addresses: dict[str, list[Address]] = {}
    if not set(attributes.index) <= set(things):
        from twin.city.solids_import import read_solids

        addresses = read_solids(source, crs=crs).addresses
    rows = [(str(identity), _plain(row, str(identity))) for identity, row in attributes.to_dict("index").items()]
    planes = []
    for identity, values in rows:
        if identity in things:
            things[identity].setdefault("attributes", {}).update(values)
        elif identity in addresses:
            planes.append((addresses[identity], values))
        else:
            raise DataError(
                "the file has no building or roof plane of this id",
                where=at_row(str(source), identity),
                expected="ids that reading this file gives",
            )
    _mark_planes(things, planes)
    seq = solid_format(source) == CITYJSON_SEQ
    lines = [head, *(f for f in features if f is not head)] if seq else [head]
    try:
        texts = [json.dumps(line, ensure_ascii=False, separators=(",", ":"), allow_nan=False) for line in lines]
    except ValueError as error:
        raise DataError(f"a number of the file cannot be written: {error}", where=str(source)) from error
    _replace(Path(destination), ("\n".join(texts) + ("\n" if seq else "")).encode())


def _plain(row: dict[Any, Any], identity: str) -> Json:
    """Return the values of a row as JSON has them, without missing ones."""
    plain: Json = {}
    for name, value in row.items():
        value = value.item() if isinstance(value, np.generic) else value
        if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
            continue
        if not isinstance(value, (bool, int, float, str)) or (isinstance(value, float) and math.isinf(value)):
            raise DataError(f"{value!r:.60} is not a value of JSON", where=at_row("attributes", identity, str(name)))
        plain[str(name)] = value
    return plain


def _mark_planes(things: dict[str, Json], planes: list[tuple[list[Address], Json]]) -> None:
    """Add attributes to the semantic surfaces of planes; shared surfaces are told apart first."""
    uses: dict[tuple[str, int], Counter[int]] = {}
    for addresses, values in planes:
        by_geometry: dict[tuple[str, int, int | None], list[tuple[int, ...]]] = {}
        for identity, number, address in addresses:
            geometry = things[identity]["geometry"][number]
            value = _value(geometry, address)
            by_geometry.setdefault((identity, number, value), []).append(address)
            if (identity, number) not in uses:
                uses[identity, number] = Counter(
                    v for place, _ in polygons(geometry, identity) if (v := _value(geometry, place)) is not None
                )
        for (identity, number, value), places in by_geometry.items():
            geometry, used = things[identity]["geometry"][number], uses[identity, number]
            if geometry.get("semantics") is None:
                geometry["semantics"] = {}
            semantics = geometry["semantics"]
            surfaces = semantics.setdefault("surfaces", [])
            if value is not None and used[value] == len(places):
                surfaces[value].update(values)
                continue
            surface = {"type": "RoofSurface"}
            if value is not None:
                surface = {key: part for key, part in surfaces[value].items() if key != "children"}
                used[value] -= len(places)
            surfaces.append(surface | values)
            for place in places:
                semantics["values"] = _with(semantics.get("values"), geometry["boundaries"], place, len(surfaces) - 1)
            used[len(surfaces) - 1] = len(places)


def _value(geometry: Json, address: tuple[int, ...]) -> int | None:
    value: Any = (geometry.get("semantics") or {}).get("values")
    for number in address:
        if value is None:
            return None
        value = value[number]
    return None if value is None else int(value)


def _with(values: Any, boundaries: list[Any], address: tuple[int, ...], new: int) -> Any:
    """Return nested values with one of them set; null stands for a whole branch without values."""
    if not address:
        return new
    if values is None:
        values = [None] * len(boundaries)
    first, *rest = address
    values[first] = _with(values[first], boundaries[first], tuple(rest), new)
    return values


def _replace(path: Path, content: bytes) -> None:
    """Write a file beside its place, make sure that it is on disk, then move it there in one step."""
    if path.name.lower().endswith(".gz"):
        content = gzip.compress(content, mtime=0)
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"the file cannot be written: {error.strerror or error}", where=str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
