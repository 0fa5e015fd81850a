"""CityJSON 1.1 and 2.0, and CityJSONSeq: buildings, parts and terrain as bodies of polygons.

Source of the format: CityJSON 2.0.1 specifications (https://www.cityjson.org/specs/2.0.1/). Of a CityObject's
geometry, solids (their outer shells), multi- and composite surfaces are read; templates, points and lines are not.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from twin.city.jsonscan import scan_stream
from twin.city.solids import KINDS, OTHER, UNKNOWN, Face, Floats, Log, Part, SolidFile, check_coordinates
from twin.city.solids_file import CITYJSON_SEQ, chunks, solid_format
from twin.errors import DataError, GeometryError, SchemaError, at_row

Json = dict[str, Any]
VERSIONS = ("1.1", "2.0")
_DEPTH = {"MultiSurface": 1, "CompositeSurface": 1, "Solid": 2, "MultiSolid": 3, "CompositeSolid": 3}
"""How many lists lie around a polygon (a list of rings) in ``boundaries``."""
_BUILDINGS = ("Building", "BuildingPart")


def read_cityjson(path: str | Path) -> SolidFile:
    """Return buildings, parts and terrain of a CityJSON or CityJSONSeq file, packed or not.

    Raises
    ------
    UnsafeFileError
        Not a regular file, too large, packed too strongly, or nested too deeply.
    DataError
        Not CityJSON, another version, damaged, or of the wrong structure.
    SchemaError
        An id that stands twice.
    GeometryError
        A coordinate that is not finite.
    """
    where = str(path)
    head, features = documents(path)
    log = Log()
    metadata = _mapping(head.get("metadata", {}), f"{where}: metadata")
    scale, origin = transform(head, where)
    parts: list[Part] = []
    triangles: list[Floats] = []
    for document in features:
        vertices = vertices_of(document, where) * scale
        for identity, thing in objects(document, where):
            kind = thing.get("type")
            if kind in _BUILDINGS:
                parts.append(_part(identity, thing, vertices, where, log))
            elif kind == "TINRelief":
                faces = _part(identity, thing, vertices, where, log).faces
                triangles += [face.rings[0] for face in faces if len(face.rings[0]) == 3]
            else:
                log.add("objects that are neither buildings nor terrain left out", str(kind))
    text = metadata.get("referenceSystem", "")
    return SolidFile(
        parts,
        origin,
        text if isinstance(text, str) else json.dumps(text),
        np.array(triangles).reshape(-1, 3, 3),
        log,
        str(metadata.get("title") or ""),
    )


def documents(path: str | Path) -> tuple[Json, list[Json]]:
    """Return the head of a file, which holds version, transform and metadata, and the documents with the objects.

    For CityJSON these are one and the same; for CityJSONSeq the first line is the head.
    """
    where = str(path)
    content = b"".join(chunks(path))
    if solid_format(path) != CITYJSON_SEQ:
        document = parse(content, where)
        _check_head(document, where)
        return document, [document]
    lines = [(number, line) for number, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    parsed = [(number, parse(line, f"{where}:{number}:1")) for number, line in lines]
    if not parsed:
        raise DataError("the file is empty", where=where)
    head = parsed[0][1]
    _check_head(head, where)
    for number, feature in parsed[1:]:
        if feature.get("type") != "CityJSONFeature":
            raise DataError(
                f"the type is {feature.get('type')!r:.60}",
                where=f"{where}:{number}:1",
                expected="a CityJSONFeature on each line after the first",
            )
    return head, [document for _, document in parsed if document.get("CityObjects")]


def parse(content: bytes, where: str) -> Json:
    """Return a JSON object after a cheap look at its depth and completeness; no key may stand twice."""
    scan = scan_stream(io.BytesIO(content), where, marks=())
    if scan.not_finite:
        raise DataError(
            f"the JSON text holds {scan.not_finite}, which is not a number", where=where, expected="finite numbers"
        )
    try:
        document = json.loads(content, object_pairs_hook=_unique)
    except _TwiceError as error:
        raise SchemaError(
            f"the key {error.args[0]!r:.120} stands twice", where=where, expected="an id of its own for each object"
        ) from None
    except json.JSONDecodeError as error:
        place = f"{where}:{error.lineno}:{error.colno}"
        raise DataError(f"not valid JSON: {error.msg}", where=place, remedy="copy or download it again") from error
    except (ValueError, RecursionError) as error:  # bytes that are not UTF-8, numbers without end
        raise DataError(f"not valid JSON: {str(error)[:120]}", where=where) from error
    return _mapping(document, where)


class _TwiceError(ValueError):
    """A key that stands twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        raise _TwiceError(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return found


def _check_head(document: Json, where: str) -> None:
    if document.get("type") != "CityJSON":
        raise DataError(
            f"the type is {document.get('type')!r:.60}",
            where=where,
            expected="a CityJSON object",
            remedy="a CityJSONFeature alone has no transform: pass the CityJSONSeq file (.city.jsonl) that holds it"
            if document.get("type") == "CityJSONFeature"
            else None,
        )
    version = document.get("version")
    if not isinstance(version, str) or not version.startswith(VERSIONS):
        raise DataError(
            f"CityJSON version {version!r:.40} is not read",
            where=where,
            expected="version " + " or ".join(VERSIONS),
            remedy="upgrade it: cjio FILE upgrade save NEW.city.json",
        )


def transform(head: Json, where: str) -> tuple[Floats, Floats]:
    """Return scale and translation, float64 (3,) each."""
    place = f"{where}: transform"
    if "transform" not in head:
        raise DataError("the transform is missing", where=where, expected="scale and translate (CityJSON 1.1, 4)")
    data = _mapping(head["transform"], place)
    values = []
    for name in ("scale", "translate"):
        three = data.get(name)
        if not (isinstance(three, list) and len(three) == 3 and all(_is_number(v) for v in three)):
            raise DataError(f"{name} is {three!r:.60}", where=place, expected="three numbers")
        try:
            values.append(np.array(three, np.float64))
        except OverflowError:
            values.append(np.full(3, np.inf))
    if not (np.isfinite(values).all() and (values[0] > 0).all()):
        raise DataError("the transform is not valid", where=place, expected="positive scales, finite numbers")
    return values[0], values[1]


def vertices_of(document: Json, where: str) -> Floats:
    """Return the vertices as the file has them, float64 (n, 3)."""
    raw = document.get("vertices")
    if not isinstance(raw, list):
        raise DataError("the vertices are missing", where=where, expected="a list of vertices")
    for number, vertex in enumerate(raw):
        if not (isinstance(vertex, list) and len(vertex) == 3 and all(_is_number(v) for v in vertex)):
            raise DataError(
                f"{vertex!r:.60} is not a vertex", where=f"{where}: vertices[{number}]", expected="three numbers"
            )
    try:
        return np.array(raw, np.float64).reshape(-1, 3)
    except OverflowError as error:
        raise GeometryError("a coordinate is not a finite number", where=f"{where}: vertices") from error


def objects(document: Json, where: str) -> Iterator[tuple[str, Json]]:
    """Yield the CityObjects by id, in sorted order."""
    things = _mapping(document.get("CityObjects", None), f"{where}: CityObjects")
    for identity in sorted(things):
        yield identity, _mapping(things[identity], at_row(f"{where}: CityObjects", identity))


def _part(identity: str, thing: Json, vertices: Floats, where: str, log: Log) -> Part:
    place = at_row(f"{where}: CityObjects", identity)
    parents = thing.get("parents", [])
    if not isinstance(parents, list) or not all(isinstance(p, str) for p in parents):
        raise DataError(f"parents is {parents!r:.60}", where=place, expected="a list of ids")
    attributes = _mapping(thing.get("attributes", {}), f"{place}.attributes")
    faces: list[Face] = []
    shells = 0
    for number, geometry in enumerate(_list(thing.get("geometry", []), f"{place}.geometry")):
        spot = f"{place}.geometry[{number}]"
        kind = _mapping(geometry, spot).get("type")
        if not isinstance(kind, str) or kind not in _DEPTH:
            log.add("geometries that are not surfaces left out", identity)
            continue
        lod = _lod(geometry.get("lod"), spot)
        semantics = _Semantics(geometry.get("semantics"), spot)
        for address, rings in polygons(geometry, spot):
            if len(address) > 1 and address[-2] > 0:
                log.add("polygons of inner shells (voids) left out", identity)
                continue
            faces.append(
                Face(
                    _points(rings, vertices, f"{spot}.boundaries{list(address)}"),
                    lod,
                    *semantics.of(address, spot),
                    shell=shells + (address[0] if len(address) == 3 else 0),
                    address=(identity, number, address),
                )
            )
            check_coordinates(faces[-1].rings, where, identity)
        shells += 1 + len(_list(geometry.get("boundaries"), spot))
    return Part(identity, parents[0] if parents else None, attributes, faces)


def polygons(geometry: Json, where: str) -> Iterator[tuple[tuple[int, ...], list[Any]]]:
    """Yield the polygons of a geometry, as lists of rings, with their place in ``boundaries``."""
    depth = _DEPTH[geometry["type"]]

    def walk(level: Any, address: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], list[Any]]]:
        items = _list(level, f"{where}.boundaries{list(address)}")
        if len(address) == depth:
            yield address, items
            return
        for number, item in enumerate(items):
            yield from walk(item, (*address, number))

    yield from walk(geometry.get("boundaries"), ())


def _points(rings: list[Any], vertices: Floats, where: str) -> tuple[Floats, ...]:
    if not rings:
        raise GeometryError("a polygon has no ring", where=where, expected="at least an outer ring")
    found = []
    for ring in rings:
        if not isinstance(ring, list) or not all(isinstance(v, int) and not isinstance(v, bool) for v in ring):
            raise DataError(f"{ring!r:.60} is not a ring", where=where, expected="a list of vertex numbers")
        if ring and not (min(ring) >= 0 and max(ring) < len(vertices)):
            bad = next(v for v in ring if not 0 <= v < len(vertices))
            raise GeometryError(
                f"there is no vertex {bad}", where=where, expected=f"vertex numbers from 0 to {len(vertices) - 1}"
            )
        found.append(vertices[np.array(ring, np.int64)])
    return tuple(found)


class _Semantics:
    """The meaning of each polygon of a geometry."""

    def __init__(self, data: Any, where: str) -> None:
        self.surfaces: list[Any] = []
        self.values: Any = None
        if data is not None:
            place = f"{where}.semantics"
            self.surfaces = _list(_mapping(data, place).get("surfaces", []), f"{place}.surfaces")
            self.values = data.get("values")

    def of(self, address: tuple[int, ...], where: str) -> tuple[str, str]:
        """Return the kind and the id of the surface that a polygon belongs to, empty where none."""
        value = self.values
        for number in address:
            if value is None:
                return UNKNOWN, ""
            if not isinstance(value, list) or number >= len(value):
                raise DataError(
                    "the semantics do not fit the boundaries",
                    where=f"{where}.semantics.values{list(address)}",
                    expected="one value for each polygon, or null",
                )
            value = value[number]
        if value is None:
            return UNKNOWN, ""
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < len(self.surfaces):
            raise DataError(
                f"there is no semantic surface {value!r:.40}",
                where=f"{where}.semantics.values{list(address)}",
                expected=f"numbers from 0 to {len(self.surfaces) - 1}, or null",
            )
        surface = _mapping(self.surfaces[value], f"{where}.semantics.surfaces[{value}]")
        identity = surface.get("id", "")
        return KINDS.get(str(surface.get("type")), OTHER), identity if isinstance(identity, str) else ""


def _lod(value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < 4:
        raise DataError(f"the level of detail is {value!r:.40}", where=where, expected='a text such as "2.2"')
    return number


def _mapping(value: Any, where: str) -> Json:
    if not isinstance(value, dict):
        raise DataError(f"{value!r:.60} is not an object", where=where, expected="a JSON object")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"{value!r:.60} is not a list", where=where, expected="a list")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
