"""Buildings as bodies of polygons in space: what the readers of CityJSON and CityGML give, before any judgement.

Coordinates are metres relative to the file's `origin`, so that differences of coordinates, and with them normals and
areas, keep all their digits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import DataError, GeometryError, SchemaError, at_row

Floats = NDArray[np.float64]
ROOF, WALL, GROUND, OTHER, UNKNOWN = "roof", "wall", "ground", "other", ""
KINDS = {
    "RoofSurface": ROOF,
    "WallSurface": WALL,
    "InteriorWallSurface": OTHER,
    "GroundSurface": GROUND,
    "ClosureSurface": OTHER,
    "OuterCeilingSurface": OTHER,
    "OuterFloorSurface": OTHER,
    "CeilingSurface": OTHER,
    "FloorSurface": OTHER,
    "Window": WALL,
    "Door": WALL,
    "WindowSurface": WALL,
    "DoorSurface": WALL,
}
"""Meaning of boundary surfaces (CityGML 2.0, 10.3.3; 3.0, construction module; CityJSON 2.0, 3.3)."""
MAX_FACES = 100_000
"""Most polygons of one building: far above any LoD2 model, and few enough to compare with each other."""


@dataclass
class Face:
    """One polygon: closed rings without the repeated last point, the outer one first.

    `shell` numbers the shell (solid or surface) of its part that the polygon belongs to, `surface` is the id of the
    boundary surface, `address` is the reader's own name for the place, used to write attributes back.
    """

    rings: tuple[Floats, ...]
    lod: float
    kind: str = UNKNOWN
    surface: str = ""
    shell: int = 0
    address: Any = None


@dataclass
class Part:
    """A building or building part as the file has it, with the faces of all its levels of detail."""

    id: str
    parent: str | None
    attributes: dict[str, Any] = field(default_factory=dict)
    faces: list[Face] = field(default_factory=list)


@dataclass
class Body:
    """A building with the faces of its best level of detail, its parts included; shells are numbered throughout."""

    id: str
    attributes: dict[str, Any]
    faces: list[Face]
    lod: int


class Log:
    """What was repaired or left out, by reason; ids are counted and the first few are named."""

    def __init__(self) -> None:
        self.entries: dict[str, list[str]] = defaultdict(list)

    def add(self, reason: str, identity: str = "") -> None:
        """Note one case."""
        self.entries[reason].append(identity)

    def lines(self) -> list[str]:
        """Return one line per reason, sorted; identical ids are counted once in the list of names."""
        lines = []
        for reason, ids in sorted(self.entries.items()):
            names = sorted({i for i in ids if i})
            shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
            lines.append(f"{len(ids)} {reason}" + (f": {shown}" if shown else "") if names else reason)
        return lines


@dataclass
class SolidFile:
    """What a reader gives: the parts, the place, the terrain's triangles (float64 (t, 3, 3)) and the reference system.

    `srs` is the text by which the file names its reference system, empty where it names none.
    """

    parts: list[Part]
    origin: Floats
    srs: str
    triangles: Floats = field(default_factory=lambda: np.zeros((0, 3, 3)))
    log: Log = field(default_factory=Log)
    title: str = ""


def rank(lod: float) -> float:
    """Return a number that is higher for the level of detail to prefer: 2.x, then 3.x, 4, 1.x, 0.x."""
    return (0.0, 1.0, 4.0, 3.0, 2.0)[min(int(lod), 4)] + 0.1 * (lod - int(lod))


def check_coordinates(rings: Iterable[Floats], where: str, identity: str) -> None:
    """Raise GeometryError where a coordinate is not a finite number."""
    for ring in rings:
        if not np.isfinite(ring).all():
            raise GeometryError(
                "a coordinate is not a finite number",
                where=at_row(where, identity, "geometry"),
                expected="finite coordinates",
            )


def assemble(parts: Sequence[Part], where: str, log: Log) -> list[Body]:
    """Return the buildings, sorted by id, each with the faces of its best level of detail.

    The geometry that a building has beside its parts counts only where it is as detailed as theirs.

    Raises
    ------
    SchemaError
        An id that stands twice, or an object without one.
    DataError
        Building parts that contain each other, or no building at all.
    GeometryError
        No building has a polygon.
    """
    known: dict[str, Part] = {}
    for part in parts:
        if not part.id:
            raise SchemaError("a building has no id", where=where, expected="an id of its own for each building")
        if part.id in known:
            raise SchemaError(
                "the id stands twice", where=at_row(where, part.id), expected="an id of its own for each building"
            )
        known[part.id] = part
    if not known:
        raise DataError(
            "the file holds no building",
            where=where,
            expected="objects of the type Building",
            remedy="name a file of buildings; bridges, tunnels, vegetation and roads are not read",
        )
    members: dict[str, list[Part]] = defaultdict(list)
    for part in sorted(known.values(), key=lambda p: p.id):
        members[_root(part, known, where, log)].append(part)
    bodies = []
    for identity, group in sorted(members.items()):
        body = _body(known[identity], group)
        if len(body.faces) > MAX_FACES:
            raise GeometryError(
                f"the building has {len(body.faces):,} polygons",
                where=at_row(where, identity, "geometry"),
                expected=f"at most {MAX_FACES:,}",
                remedy="give each building an object of its own",
            )
        if body.faces:
            bodies.append(body)
        else:
            log.add("buildings without a polygon left out", identity)
    if not bodies:
        raise GeometryError(
            "no building has a polygon",
            where=where,
            expected="geometry as Solid, MultiSurface or CompositeSurface of LoD 0 to 3",
        )
    return bodies


def _root(part: Part, known: dict[str, Part], where: str, log: Log) -> str:
    seen = {part.id}
    while part.parent is not None:
        if part.parent not in known:
            log.add("building parts whose building is not in the file stand alone", part.id)
            break
        part = known[part.parent]
        if part.id in seen:
            raise DataError("building parts contain each other", where=at_row(where, part.id))
        seen.add(part.id)
    return part.id


def _body(root: Part, group: list[Part]) -> Body:
    best = {part.id: max((rank(face.lod) for face in part.faces), default=-1.0) for part in group}
    top = max((best[part.id] for part in group if part is not root), default=-1.0)
    faces: list[Face] = []
    shells = 0
    lods = []
    for part in group:
        if part is root and int(best[root.id]) < int(top):
            continue
        chosen = [face for face in part.faces if rank(face.lod) == best[part.id]]
        numbers = {shell: shells + k for k, shell in enumerate(sorted({face.shell for face in chosen}))}
        shells += len(numbers)
        for face in chosen:
            face.shell = numbers[face.shell]
        faces += chosen
        lods += [int(face.lod) for face in chosen[:1]]
    attributes: dict[str, Any] = {}
    for part in [root, *(p for p in group if p is not root)]:
        attributes = {k: v for k, v in part.attributes.items() if v not in (None, "")} | attributes
    return Body(root.id, attributes, faces, max(lods, default=-1))
