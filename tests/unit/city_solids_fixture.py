"""Small buildings as CityJSON and CityGML, written by the tests: prisms with flat, gabled, hipped and shed roofs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

Point = tuple[float, float, float]
Ring = list[Point]
HELSINKI = (385_000, 6_672_000, 10)
"""A place in EPSG:3067, whole metres, so that adding it to eighths of a metre is exact."""


@dataclass
class Solid:
    """One building or part: faces as (kind, rings), outward; `kind` None for no meaning."""

    id: str
    faces: list[tuple[str | None, list[Ring]]]
    parent: str | None = None
    lod: str = "2"
    attributes: dict[str, Any] = field(default_factory=dict)
    surface_ids: bool = False
    geometry: str = "Solid"


def prism(outline: Sequence[tuple[float, float]], low: float, high: float) -> list[tuple[str | None, list[Ring]]]:
    """Return a block: the outline runs counter-clockwise."""
    floor = [(x, y, low) for x, y in outline]
    roof = [(x, y, high) for x, y in outline]
    faces: list[tuple[str | None, list[Ring]]] = [("GroundSurface", [floor[::-1]]), ("RoofSurface", [roof])]
    for k in range(len(outline)):
        n = (k + 1) % len(outline)
        faces.append(("WallSurface", [[floor[k], floor[n], roof[n], roof[k]]]))
    return faces


def turned(x: float, y: float, degrees: float, east: float, north: float) -> tuple[float, float]:
    """Return a point turned clockwise about the origin and moved."""
    a = math.radians(degrees)
    return east + x * math.cos(a) + y * math.sin(a), north - x * math.sin(a) + y * math.cos(a)


def gable(
    width: float, depth: float, eaves: float, ridge: float, *, east: float = 0.0, north: float = 0.0, turn: float = 0.0
) -> list[tuple[str | None, list[Ring]]]:
    """Return a house whose ridge runs along its width; unturned, its slopes face south and north."""

    def at(x: float, y: float, z: float) -> Point:
        return (*turned(x, y, turn, east, north), z)

    a, b, c, d = (at(x, y, 0.0) for x, y in ((0, 0), (width, 0), (width, depth), (0, depth)))
    e, f, g, h = (at(x, y, eaves) for x, y in ((0, 0), (width, 0), (width, depth), (0, depth)))
    r, s = at(0, depth / 2, ridge), at(width, depth / 2, ridge)
    return [
        ("GroundSurface", [[d, c, b, a]]),
        ("RoofSurface", [[e, f, s, r]]),
        ("RoofSurface", [[g, h, r, s]]),
        ("WallSurface", [[a, b, f, e]]),
        ("WallSurface", [[b, c, g, s, f]]),
        ("WallSurface", [[c, d, h, g]]),
        ("WallSurface", [[d, a, e, r, h]]),
    ]


def hip(width: float, depth: float, eaves: float, ridge: float, inset: float) -> list[tuple[str | None, list[Ring]]]:
    """Return a hipped house: the ridge ends `inset` from the short sides."""
    e, f, g, h = ((x, y, eaves) for x, y in ((0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth)))
    r, s = (inset, depth / 2, ridge), (width - inset, depth / 2, ridge)
    walls = [
        face for face in prism([(0, 0), (width, 0), (width, depth), (0, depth)], 0.0, eaves) if face[0] != "RoofSurface"
    ]
    return [*walls, *(("RoofSurface", [ring]) for ring in ([e, f, s, r], [f, g, s], [g, h, r, s], [h, e, r]))]


def moved(faces: list[tuple[str | None, list[Ring]]], by: Point) -> list[tuple[str | None, list[Ring]]]:
    return [
        (kind, [[(x + by[0], y + by[1], z + by[2]) for x, y, z in ring] for ring in rings]) for kind, rings in faces
    ]


def plain(faces: list[tuple[str | None, list[Ring]]]) -> list[tuple[str | None, list[Ring]]]:
    """Return the faces without a meaning."""
    return [(None, rings) for _, rings in faces]


def inside_out(faces: list[tuple[str | None, list[Ring]]]) -> list[tuple[str | None, list[Ring]]]:
    return [(kind, [ring[::-1] for ring in rings]) for kind, rings in faces]


def cityjson(
    solids: Sequence[Solid],
    *,
    version: str = "2.0",
    crs: str | None = "https://www.opengis.net/def/crs/EPSG/0/3067",
    scale: float = 0.125,
    origin: Point = HELSINKI,
    relief: Sequence[Ring] = (),
    order: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Return a CityJSON object; `order` permutes the vertices."""
    vertices: dict[tuple[int, int, int], int] = {}

    def index(point: Point) -> int:
        key = tuple(round(value / scale) for value in point)
        return vertices.setdefault(key, len(vertices))  # type: ignore[arg-type]

    things: dict[str, Any] = {}
    for solid in solids:
        polygons = [[[index(p) for p in ring] for ring in rings] for _, rings in solid.faces]
        surfaces = [
            {"type": kind} | ({"id": f"{solid.id}-s{k}"} if solid.surface_ids else {})
            for k, (kind, _) in enumerate(solid.faces)
            if kind
        ]
        numbers = iter(range(len(surfaces)))
        values = [next(numbers) if kind else None for kind, _ in solid.faces]
        whole = solid.geometry == "Solid"
        geometry: dict[str, Any] = {
            "type": solid.geometry,
            "lod": solid.lod,
            "boundaries": [polygons] if whole else polygons,
        }
        if surfaces:
            geometry["semantics"] = {"surfaces": surfaces, "values": [values] if whole else values}
        thing: dict[str, Any] = {"type": "BuildingPart" if solid.parent else "Building", "geometry": [geometry]}
        if not solid.faces:
            thing["geometry"] = []
        if solid.attributes:
            thing["attributes"] = dict(solid.attributes)
        if solid.parent:
            thing["parents"] = [solid.parent]
            things[solid.parent].setdefault("children", []).append(solid.id)
        things[solid.id] = thing
    if relief:
        boundaries = [[[index(p) for p in ring]] for ring in relief]
        things["relief"] = {
            "type": "TINRelief",
            "geometry": [{"type": "CompositeSurface", "lod": "1", "boundaries": boundaries}],
        }
    points = [list(key) for key in vertices]
    if order is not None:
        place = {old: new for new, old in enumerate(order)}
        points = [points[old] for old in order]
        for thing in things.values():
            for geometry in thing["geometry"]:
                geometry["boundaries"] = _renumbered(geometry["boundaries"], place)
    return {
        "type": "CityJSON",
        "version": version,
        "transform": {"scale": [scale] * 3, "translate": list(origin)},
        "metadata": {"referenceSystem": crs} if crs else {},
        "CityObjects": things,
        "vertices": points,
    }


def _renumbered(level: Any, place: dict[int, int]) -> Any:
    return place[level] if isinstance(level, int) else [_renumbered(item, place) for item in level]


def write_json(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


_SPACES = {
    "2.0": {
        "": "http://www.opengis.net/citygml/2.0",
        "bldg": "http://www.opengis.net/citygml/building/2.0",
        "con": "http://www.opengis.net/citygml/building/2.0",
        "dem": "http://www.opengis.net/citygml/relief/2.0",
        "gml": "http://www.opengis.net/gml",
    },
    "3.0": {
        "": "http://www.opengis.net/citygml/3.0",
        "bldg": "http://www.opengis.net/citygml/building/3.0",
        "con": "http://www.opengis.net/citygml/construction/3.0",
        "dem": "http://www.opengis.net/citygml/relief/3.0",
        "gml": "http://www.opengis.net/gml/3.2",
    },
}


def citygml(
    solids: Sequence[Solid],
    *,
    version: str = "2.0",
    srs: str = "urn:ogc:def:crs,crs:EPSG::3067,crs:EPSG::3900",
    origin: Point = HELSINKI,
    relief: Sequence[Ring] = (),
    linked: bool = True,
    swap: bool = False,
) -> str:
    """Return CityGML; `linked`: solids refer to the polygons of their boundary surfaces, as the standard says."""
    spaces = " ".join(f'xmlns{":" + k if k else ""}="{v}"' for k, v in _SPACES[version].items())
    name = f" srsName={quoteattr(srs)}" if srs else ""
    three = version == "3.0"

    def poslist(ring: Ring) -> str:
        points = [
            (y + origin[1], x + origin[0], z + origin[2])
            if swap
            else tuple(map(sum, zip((x, y, z), origin, strict=True)))
            for x, y, z in ring
        ]
        return " ".join(f"{value!r}" for point in [*points, points[0]] for value in point)

    def polygon(rings: list[Ring], identity: str) -> str:
        holes = "".join(
            f"<gml:interior><gml:LinearRing><gml:posList>{poslist(r)}</gml:posList></gml:LinearRing></gml:interior>"
            for r in rings[1:]
        )
        return (
            f"<gml:Polygon gml:id={quoteattr(identity)}><gml:exterior><gml:LinearRing><gml:posList>{poslist(rings[0])}"
            f"</gml:posList></gml:LinearRing></gml:exterior>{holes}</gml:Polygon>"
        )

    def building(solid: Solid) -> str:
        tag = "bldg:BuildingPart" if solid.parent else "bldg:Building"
        parts = [s for s in solids if s.parent == solid.id]
        text = "".join(f"<bldg:{k}>{v}</bldg:{k}>" for k, v in solid.attributes.items())
        members, lod = "", f"lod{solid.lod[0]}"
        holder = "" if three else "bldg:"
        for k, (kind, rings) in enumerate(solid.faces):
            identity = f"{solid.id}-f{k}"
            if kind is None or not linked:
                members += f"<gml:surfaceMember>{polygon(rings, identity)}</gml:surfaceMember>"
            else:
                members += f'<gml:surfaceMember xlink:href="#{identity}"/>'
            if kind is not None:
                around = "boundary" if three else "bldg:boundedBy"
                text += (
                    f"<{around}><con:{kind} gml:id={quoteattr(f'{solid.id}-s{k}')}><{holder}{lod}MultiSurface>"
                    f"<gml:MultiSurface><gml:surfaceMember>{polygon(rings, identity if linked else identity + 'b')}"
                    f"</gml:surfaceMember></gml:MultiSurface></{holder}{lod}MultiSurface></con:{kind}></{around}>"
                )
        if members and solid.geometry == "Solid":
            shell = "gml:Shell" if three else "gml:CompositeSurface"
            text += (
                f"<{holder}{lod}Solid><gml:Solid><gml:exterior><{shell}>{members}</{shell}></gml:exterior></gml:Solid>"
                f"</{holder}{lod}Solid>"
            )
        elif members and not linked:
            text += (
                f"<{holder}{lod}MultiSurface><gml:MultiSurface>{members}</gml:MultiSurface></{holder}{lod}MultiSurface>"
            )
        around = "bldg:buildingPart" if three else "bldg:consistsOfBuildingPart"
        text += "".join(f"<{around}>{building(part)}</{around}>" for part in parts)
        return f"<{tag} gml:id={quoteattr(solid.id)}>{text}</{tag}>"

    body = "".join(f"<cityObjectMember>{building(s)}</cityObjectMember>" for s in solids if not s.parent)
    if relief:
        triangles = "".join(
            f"<gml:Triangle><gml:exterior><gml:LinearRing><gml:posList>{poslist(r)}</gml:posList></gml:LinearRing>"
            "</gml:exterior></gml:Triangle>"
            for r in relief
        )
        body += (
            "<cityObjectMember><dem:TINRelief gml:id='relief'><dem:lod>1</dem:lod><dem:tin><gml:TriangulatedSurface>"
            f"<gml:trianglePatches>{triangles}</gml:trianglePatches></gml:TriangulatedSurface></dem:tin></dem:TINRelief>"
            "</cityObjectMember>"
        )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<CityModel {spaces} xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<gml:boundedBy><gml:Envelope{name} srsDimension="3"><gml:lowerCorner>0 0 0</gml:lowerCorner>'
        f"<gml:upperCorner>1 1 1</gml:upperCorner></gml:Envelope></gml:boundedBy>{body}</CityModel>"
    )
