"""CityGML 2.0 and 3.0: buildings, parts and terrain as bodies of polygons, read as a stream.

Sources of the format: OGC 12-019 (CityGML 2.0), OGC 20-010 and 21-006r2 (CityGML 3.0), and GML 3.1.1/3.2. The parser
is expat with document types refused outright: without them there are no entities, and nothing in the file can name
another file or an address to fetch. Links between geometries (``xlink:href``) are followed within the file only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np

from twin.city.solids import KINDS, UNKNOWN, Face, Floats, Log, Part, SolidFile
from twin.city.solids_file import chunks
from twin.errors import CrsError, DataError, GeometryError, SchemaError, UnsafeFileError, at_line

MAX_DEPTH = 100
MAX_TEXT = 1 << 24
_CORE = "http://www.opengis.net/citygml/"
_XLINK = "http://www.w3.org/1999/xlink href"
_POLYGONS = frozenset(("Polygon", "PolygonPatch", "Triangle", "Rectangle"))
_LEFT_OUT = frozenset(
    (
        "BuildingInstallation",
        "IntBuildingInstallation",
        "Room",
        "BuildingRoom",
        "BuildingFurniture",
        "BuildingUnit",
        "Storey",
    )
)
_ATTRIBUTES = frozenset(
    ("class", "function", "usage", "yearOfConstruction", "dateOfConstruction", "roofType", "measuredHeight")
) | {"storeysAboveGround", "name"}
_TEXTS = frozenset(("posList", "pos", "value")) | _ATTRIBUTES
UPGRADE = "upgrade it to CityGML 2.0 with citygml-tools (citygml-tools upgrade; older: FME or 3DCityDB)"


@dataclass
class _Polygon:
    """A polygon as it stands in the file; `holder` is the place that it stands in."""

    rings: list[Floats]
    holder: _Holder
    line: int
    id: str = ""


@dataclass
class _Holder:
    """What a polygon stands in: the building or part, level of detail, boundary surface, and shell."""

    part: Part | None
    lod: float
    kind: str
    surface: str
    shell: int
    terrain: bool


@dataclass
class _Reading:
    """The state of the parser."""

    path: str
    parts: list[Part] = field(default_factory=list)
    polygons: list[_Polygon] = field(default_factory=list)
    links: list[tuple[str, _Holder]] = field(default_factory=list)
    log: Log = field(default_factory=Log)
    srs: set[str] = field(default_factory=set)
    tags: list[str] = field(default_factory=list)
    open_parts: list[Part] = field(default_factory=list)
    surfaces: list[tuple[int, str, str]] = field(default_factory=list)
    """Depth, kind and id of the boundary surfaces around the present place."""
    lods: list[tuple[int, float]] = field(default_factory=list)
    dimensions: list[tuple[int, int]] = field(default_factory=lambda: [(0, 3)])
    left_out: int = 0
    voids: int = 0
    terrain: int = 0
    shells: int = 0
    polygon: _Polygon | None = None
    ring: list[str] | None = None
    text: list[str] | None = None
    size: int = 0
    core: str = ""


def read_citygml(path: str | Path) -> SolidFile:
    """Return buildings, parts and terrain of a CityGML file, packed or not.

    Raises
    ------
    UnsafeFileError
        Not a regular file, too large, packed too strongly, nested too deeply, or with a document type.
    DataError
        Not CityGML, another version, not well-formed, a link that leads out of the file, or numbers that are none.
    CrsError
        Several reference systems in one file.
    GeometryError
        A coordinate that is not finite, or a polygon in two dimensions.
    """
    where = str(path)
    reading = _Reading(where)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = _refuse(parser, where)
    parser.EntityDeclHandler = _refuse(parser, where)
    parser.ExternalEntityRefHandler = _refuse(parser, where)
    parser.StartElementHandler = lambda name, attributes: _start(reading, parser, name, attributes)
    parser.EndElementHandler = lambda name: _end(reading, parser, name)
    parser.CharacterDataHandler = lambda data: _characters(reading, parser, data)
    try:
        for piece in chunks(path):
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        place = at_line(where, error.lineno, error.offset + 1)
        reason = expat.errors.messages.get(error.code, str(error.code))
        raise DataError(f"not well-formed XML: {reason}", where=place, remedy="copy or download it again") from error
    except (ValueError, LookupError) as error:  # an encoding that Python does not know, or bytes outside it
        raise DataError(f"the text cannot be decoded: {error}", where=where, expected="UTF-8") from error
    if len(reading.srs) > 1:
        raise CrsError(
            f"the file names {len(reading.srs)} reference systems: {', '.join(sorted(reading.srs))[:300]}",
            where=where,
            expected="one for the whole file",
        )
    return _resolved(reading)


def _refuse(parser: Any, where: str) -> Callable[..., int]:
    def refuse(*_: object) -> int:
        raise UnsafeFileError(
            "the file declares a document type or entities",
            where=at_line(where, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1),
            expected="plain XML without <!DOCTYPE …>",
            remedy="delete the declaration; CityGML needs none",
        )

    return refuse


def _place(reading: _Reading, parser: Any) -> str:
    return at_line(reading.path, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)


def _start(reading: _Reading, parser: Any, name: str, attributes: dict[str, str]) -> None:
    space, _, tag = name.rpartition(" ")
    if not reading.tags:
        _check_root(reading, parser, space, tag)
    reading.tags.append(tag)
    depth = len(reading.tags)
    if depth > MAX_DEPTH:
        raise UnsafeFileError(
            f"the XML text is nested deeper than {MAX_DEPTH} levels",
            where=_place(reading, parser),
            expected="CityGML, which needs about 25",
        )
    identity = attributes.get("http://www.opengis.net/gml id") or attributes.get(
        "http://www.opengis.net/gml/3.2 id", ""
    )
    if "srsName" in attributes and attributes["srsName"].strip():
        reading.srs.add(attributes["srsName"].strip())
    if "srsDimension" in attributes:
        reading.dimensions.append((depth, 2 if attributes["srsDimension"].strip() == "2" else 3))
    if space.startswith("http://www.opengis.net/gml"):
        _start_geometry(reading, parser, tag, identity, attributes)
    elif tag in ("Building", "BuildingPart"):
        parent = reading.open_parts[-1].id if reading.open_parts else None
        part = Part(identity, parent)
        if not identity:
            raise SchemaError(
                f"a {tag} has no gml:id", where=_place(reading, parser), expected="an id for each building"
            )
        reading.parts.append(part)
        reading.open_parts.append(part)
    elif tag == "TINRelief":
        reading.terrain = depth
    elif tag in _LEFT_OUT and not reading.left_out:
        reading.left_out = depth
        reading.log.add(
            "installations and rooms of buildings left out", reading.open_parts[-1].id if reading.open_parts else ""
        )
    elif tag in KINDS:
        reading.surfaces.append((depth, KINDS[tag], identity))
    elif tag[:3] == "lod" and tag[3:4].isdigit():
        reading.lods.append((depth, float(tag[3])))
        reading.shells += 1
    if tag in _TEXTS:
        reading.text, reading.size = [], 0


def _start_geometry(reading: _Reading, parser: Any, tag: str, identity: str, attributes: dict[str, str]) -> None:
    if tag in _POLYGONS:
        reading.polygon = _Polygon([], _holder(reading), parser.CurrentLineNumber, identity)
    elif tag == "LinearRing" and reading.polygon is not None:
        reading.ring = []
    elif tag == "Solid":
        reading.shells += 1
    elif tag == "interior" and reading.polygon is None and reading.voids == 0:
        reading.voids = len(reading.tags)
    elif tag == "OrientableSurface":
        reading.log.add("orientable surfaces: normals are taken from the solids or the roofs", identity)
    link = attributes.get(_XLINK, "")
    if link and reading.lods and reading.open_parts:
        target = link.strip().removeprefix("#")
        if "#" in target or "/" in target:
            raise DataError(
                f"the link {link[:120]!r} leads out of the file",
                where=_place(reading, parser),
                expected="links of the form #id",
                remedy="put everything into one file first",
            )
        if not reading.voids and not reading.left_out:
            reading.links.append((target, _holder(reading)))


def _check_root(reading: _Reading, parser: Any, space: str, tag: str) -> None:
    place = _place(reading, parser)
    version = space.removeprefix(_CORE) if space.startswith(_CORE) else ""
    old = space.startswith("http://www.citygml.org/citygml/") or version in ("1.0", "0.4", "0.3")
    if old:
        named = version or space.rsplit("citygml/", 1)[1].replace("/", ".")
        raise DataError(f"CityGML {named} is not read", where=place, expected="CityGML 2.0 or 3.0", remedy=UPGRADE)
    if tag != "CityModel" or version not in ("2.0", "3.0"):
        raise DataError(
            f"the root element is {tag!r:.60} of {space[:120]!r}",
            where=place,
            expected="CityModel of CityGML 2.0 or 3.0",
            remedy=UPGRADE if version else None,
        )
    reading.core = version


def _holder(reading: _Reading) -> _Holder:
    _, kind, surface = reading.surfaces[-1] if reading.surfaces else (0, UNKNOWN, "")
    part = reading.open_parts[-1] if reading.open_parts else None
    lod = reading.lods[-1][1] if reading.lods else -1.0
    # The faces of a boundary surface belong together with those of its neighbours: they share the shell of their part.
    shell = 0 if kind != UNKNOWN else reading.shells
    return _Holder(part, lod, kind, surface, shell, reading.terrain > 0)


def _characters(reading: _Reading, parser: Any, data: str) -> None:
    if reading.text is None:
        return
    reading.size += len(data)
    if reading.size > MAX_TEXT:
        raise UnsafeFileError(
            "one element holds too much text", where=_place(reading, parser), expected="at most 16 MiB"
        )
    reading.text.append(data)


def _end(reading: _Reading, parser: Any, name: str) -> None:
    _, _, tag = name.rpartition(" ")
    depth = len(reading.tags)
    if tag in _TEXTS and reading.text is not None:
        _take_text(reading, parser, tag, "".join(reading.text))
        reading.text = None
    if tag == "LinearRing" and reading.ring is not None and reading.polygon is not None:
        reading.polygon.rings.append(_ring(reading, parser))
        reading.ring = None
    elif tag in _POLYGONS and reading.polygon is not None:
        _take_polygon(reading, reading.polygon)
        reading.polygon = None
    elif tag in ("Building", "BuildingPart") and reading.open_parts:
        reading.open_parts.pop()
    for stack in (reading.surfaces, reading.lods, reading.dimensions):
        if stack and stack[-1][0] == depth:
            stack.pop()
    if reading.voids == depth:
        reading.voids = 0
    if reading.left_out == depth:
        reading.left_out = 0
    if reading.terrain == depth:
        reading.terrain = 0
    reading.tags.pop()


def _take_text(reading: _Reading, parser: Any, tag: str, text: str) -> None:
    above = reading.tags[-2] if len(reading.tags) > 1 else ""
    if tag in ("posList", "pos"):
        if reading.ring is not None:
            if reading.dimensions[-1][1] == 2:
                raise GeometryError(
                    "a polygon has two dimensions", where=_place(reading, parser), expected="x, y and z for each point"
                )
            reading.ring.append(text)
    elif reading.open_parts and above in ("Building", "BuildingPart") and tag in _ATTRIBUTES:
        reading.open_parts[-1].attributes.setdefault(tag, text.strip())
    elif (
        reading.open_parts
        and tag == "value"
        and above == "Height"
        and reading.tags[-4:-3] in (["Building"], ["BuildingPart"])
    ):
        reading.open_parts[-1].attributes.setdefault("measuredHeight", text.strip())


def _ring(reading: _Reading, parser: Any) -> Floats:
    place = _place(reading, parser)
    words = " ".join(reading.ring or []).split()
    try:
        numbers = np.array(words, np.float64)
    except ValueError as error:
        raise DataError(f"a coordinate is not a number: {str(error)[-60:]}", where=place, expected="numbers") from error
    if len(numbers) % 3:
        raise DataError(f"a ring holds {len(numbers)} numbers", where=place, expected="three for each point")
    if not np.isfinite(numbers).all():
        raise GeometryError("a coordinate is not a finite number", where=place, expected="finite coordinates")
    ring = numbers.reshape(-1, 3)
    return ring[:-1] if len(ring) > 1 and (ring[0] == ring[-1]).all() else ring


def _take_polygon(reading: _Reading, polygon: _Polygon) -> None:
    holder = polygon.holder
    if reading.left_out:
        return
    if reading.voids:
        reading.log.add("polygons of inner shells (voids) left out", holder.part.id if holder.part else "")
    elif not polygon.rings:
        reading.log.add("polygons without a ring left out", holder.part.id if holder.part else "")
    elif holder.terrain or (holder.part is not None and holder.lod >= 0):
        reading.polygons.append(polygon)


def _resolved(reading: _Reading) -> SolidFile:
    """Return the file with the links resolved: a polygon that a solid and a boundary surface share has both."""
    by_id = {polygon.id: polygon for polygon in reading.polygons if polygon.id}
    everything = [ring for polygon in reading.polygons for ring in polygon.rings]
    origin = np.zeros(3)
    if everything:
        # Whole metres: exact to subtract, and small numbers keep their digits.
        origin = np.floor(np.vstack([ring[:1] for ring in everything]).min(axis=0))
    holders: dict[int, list[_Holder]] = {id(polygon): [polygon.holder] for polygon in reading.polygons}
    for target, holder in reading.links:
        linked = by_id.get(target)
        if linked is not None:
            holders[id(linked)].append(holder)
        elif holder.part is not None:
            reading.log.add("links to a surface that is not in the file left out", holder.part.id)
    triangles = []
    for polygon in reading.polygons:
        rings = tuple(ring - origin for ring in polygon.rings)
        if polygon.holder.terrain:
            if len(rings[0]) == 3:
                triangles.append(rings[0])
            continue
        for holder in _joined(holders[id(polygon)]):
            assert holder.part is not None
            address = (holder.part.id, holder.surface)
            face = Face(rings, holder.lod, holder.kind, holder.surface, holder.shell, address)
            holder.part.faces.append(face)
    srs = next(iter(reading.srs), "")
    return SolidFile(reading.parts, origin, srs, np.array(triangles).reshape(-1, 3, 3), reading.log)


def _joined(holders: list[_Holder]) -> list[_Holder]:
    """Return one holder for each part and level of detail: the shell of the solid, the meaning of the surface."""
    found: dict[tuple[str, float], _Holder] = {}
    for holder in holders:
        assert holder.part is not None
        key = (holder.part.id, holder.lod)
        if key not in found:
            found[key] = _Holder(holder.part, holder.lod, holder.kind, holder.surface, holder.shell, False)
        elif holder.kind != UNKNOWN:
            found[key].kind, found[key].surface = holder.kind, holder.surface
        else:
            found[key].shell = holder.shell
    return list(found.values())
