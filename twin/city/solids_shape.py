"""Faces of a body made sound: degenerate ones dropped, normals turned outward, missing meanings filled."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass

import numpy as np

from twin.city.solids import GROUND, OTHER, ROOF, UNKNOWN, WALL, Body, Face, Floats, Log

WALL_TILT_DEG = 75.0
"""Faces steeper than this are walls, whatever the file calls them (gables, sides of dormers; assumption)."""
SNAP_M = 1e-3
"""Vertices of one body nearer than this are one (CityJSON's usual resolution)."""
MIN_FACE_M2 = 1e-4
BENT_M = 0.1
GROUND_REACH_M = 0.1
_STEEP = math.cos(math.radians(WALL_TILT_DEG))


@dataclass
class Surface:
    """A sound face: `vector` is the outward normal times the area (float64 (3,)), `kind` its meaning."""

    face: Face
    vector: Floats
    kind: str
    key: tuple[tuple[int, int, int], ...]

    @property
    def points(self) -> Floats:
        """Return the outer ring."""
        return self.face.rings[0]


def area_vector(rings: tuple[Floats, ...]) -> Floats:
    """Return the normal times the area of a polygon with holes (Newell's method), float64 (3,)."""
    total = _newell(rings[0])
    for hole in rings[1:]:
        inner = _newell(hole)
        total = total + inner if float(inner @ total) < 0 else total - inner
    return total


def _newell(ring: Floats) -> Floats:
    p = ring - ring[0]
    x, y, z = p.T
    u, v, w = np.concatenate((p[1:], p[:1])).T
    return 0.5 * np.array([(y * w - z * v).sum(), (z * u - x * w).sum(), (x * v - y * u).sum()])


def surfaces_of(body: Body, log: Log) -> list[Surface]:
    """Return the sound faces of a body: cleaned, each once, outward where its shell is closed, and with a meaning.

    Roof surfaces that face down in a closed shell are undersides of overhangs and become OTHER; in an open one they
    are turned up. Faces without a meaning get one by their normal.
    """
    surfaces = _cleaned(body, log)
    shells: dict[int, list[Surface]] = defaultdict(list)
    for surface in surfaces:
        shells[surface.face.shell].append(surface)
    closed = {shell: _turn(members, body.id, log) for shell, members in shells.items()}
    if body.lod > 0 and surfaces and not any(s.kind == ROOF for s in surfaces):
        if any(s.kind for s in surfaces):
            log.add("buildings without a roof surface classified by normal", body.id)
        _forget(surfaces)
    elif _upside_down(surfaces):
        log.add("buildings whose roof surfaces lie below their ground surfaces classified by normal", body.id)
        _forget(surfaces)
    lowest = min((float(s.points[:, 2].min()) for s in surfaces), default=0.0)
    guessed = False
    for surface in surfaces:
        sound = closed[surface.face.shell]
        if surface.kind == UNKNOWN:
            surface.kind = _by_normal(surface, sound, lowest)
            guessed = True
        elif surface.kind == ROOF and surface.vector[2] < 0 and sound:
            surface.kind = OTHER
            log.add("roof surfaces that face down in a closed solid taken for undersides", body.id)
        elif surface.kind == ROOF and surface.vector[2] < 0 and -surface.vector[2] > _STEEP * _size(surface):
            log.add("roof surfaces with inverted normals turned up", body.id)
        if surface.kind == ROOF and surface.vector[2] < 0:
            surface.vector = -surface.vector
        if surface.kind == ROOF and surface.vector[2] < _STEEP * _size(surface):
            surface.kind = WALL
            log.add(f"roof surfaces steeper than {WALL_TILT_DEG:.0f} degrees taken for walls", body.id)
    if guessed and body.lod > 1:
        log.add("buildings without semantics classified by normal", body.id)
    return surfaces


def _size(surface: Surface) -> float:
    return float(np.linalg.norm(surface.vector))


def _forget(surfaces: list[Surface]) -> None:
    for surface in surfaces:
        surface.kind = UNKNOWN


def _upside_down(surfaces: list[Surface]) -> bool:
    roofs = [float(s.points[:, 2].max()) for s in surfaces if s.kind == ROOF]
    grounds = [float(s.points[:, 2].min()) for s in surfaces if s.kind == GROUND]
    return bool(roofs and grounds) and max(roofs) < min(grounds)


def _by_normal(surface: Surface, sound: bool, lowest: float) -> str:
    up = float(surface.vector[2]) / _size(surface)
    if abs(up) <= _STEEP:
        return WALL
    if sound:
        return ROOF if up > 0 else GROUND
    return GROUND if float(surface.points[:, 2].max()) <= lowest + GROUND_REACH_M else ROOF


def _cleaned(body: Body, log: Log) -> list[Surface]:
    """Return the faces that span an area, each once in its shell, in an order that depends on their shapes alone.

    Files that give a building both as a solid and as surfaces with a meaning, without saying that they are the same,
    have each polygon twice: the solid's takes over the meaning.
    """
    found: dict[tuple[object, ...], Surface] = {}
    for face in body.faces:
        surface = _sound(face, body.id, log)
        if surface is None:
            continue
        place = (face.shell, *sorted(surface.key))
        if place in found:
            log.add("polygons that stand twice in one solid counted once", body.id)
        else:
            found[place] = surface
    meant = {place[1:]: place for place, surface in found.items() if surface.kind != UNKNOWN}
    for place, surface in list(found.items()):
        twin = meant.get(place[1:])
        if surface.kind == UNKNOWN and twin is not None and twin in found:
            other = found.pop(twin)
            surface.kind, surface.face.surface, surface.face.address = (
                other.kind,
                other.face.surface,
                other.face.address,
            )
    return [found[place] for place in sorted(found, key=lambda place: (place[1:], place[0]))]


def _sound(face: Face, identity: str, log: Log) -> Surface | None:
    """Return a face without repeated points, or None where it spans no area."""
    rings = tuple(_without_repeats(ring) for ring in face.rings)
    if len(rings[0]) < 3:
        log.add("polygons with fewer than three points left out", identity)
        return None
    rings = (rings[0], *(ring for ring in rings[1:] if len(ring) >= 3))
    vector = area_vector(rings)
    size = float(np.linalg.norm(vector))
    if size < MIN_FACE_M2:
        log.add("polygons without area left out", identity)
        return None
    if float(np.abs((rings[0] - rings[0].mean(axis=0)) @ (vector / size)).max()) > BENT_M:
        log.add(f"polygons bent by more than {BENT_M:g} m taken for plane", identity)
    key = tuple(map(tuple, np.rint(rings[0] / SNAP_M).astype(np.int64).tolist()))
    sound = Face(rings, face.lod, face.kind, face.surface, face.shell, face.address)
    return Surface(sound, vector, face.kind, key)


def _without_repeats(ring: Floats) -> Floats:
    if len(ring) < 2:
        return ring
    step = np.abs(ring - np.concatenate((ring[-1:], ring[:-1]))).max(axis=1)
    return ring[step > 1e-6]


def _turn(members: list[Surface], identity: str, log: Log) -> bool:
    """Turn the normals of a shell outward; return whether that could be done: the shell is closed and has a volume."""
    edges: dict[tuple[object, object], list[tuple[int, int]]] = defaultdict(list)
    for number, surface in enumerate(members):
        for ring in surface.face.rings:
            keys = list(map(tuple, np.rint(ring / SNAP_M).astype(np.int64).tolist()))
            for a, b in zip(keys, keys[1:] + keys[:1], strict=True):
                if a != b:
                    edges[(a, b) if a < b else (b, a)].append((number, 1 if a < b else -1))
    if any(len(uses) % 2 for uses in edges.values()):
        if any(s.face.lod >= 1 for s in members) and len(members) > 1:
            log.add("shells that are not closed: their normals are judged one by one", identity)
        return False
    signs = np.ones(len(members))
    component = np.zeros(len(members), np.int64)
    if any(sum(direction for _, direction in uses) for uses in edges.values()):
        component = _agree(len(members), edges, signs)
        if any(sum(d * signs[n] for n, d in uses) for uses in edges.values()):
            log.add("shells whose faces cannot be turned to agree: judged one by one", identity)
            return False
    middle = np.vstack([s.points for s in members]).mean(axis=0)
    parts = np.array([float((s.points.mean(axis=0) - middle) @ s.vector) for s in members]) * signs / 3
    volume = np.bincount(component, parts)
    if (np.abs(volume) < 1e-6).any():
        return False
    signs *= np.where(volume < 0, -1.0, 1.0)[component]
    turned = int((signs < 0).sum())
    if turned:
        whole = turned == len(members)
        log.add(
            "solids turned inside out were turned back" if whole else "solids with inverted faces repaired", identity
        )
        for surface, sign in zip(members, signs, strict=True):
            surface.vector = surface.vector * sign
    return True


def _agree(count: int, edges: dict[tuple[object, object], list[tuple[int, int]]], signs: Floats) -> np.ndarray:
    """Set the signs so that neighbours run along their common edge in opposite directions; return the components."""
    neighbours: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for uses in edges.values():
        if len(uses) == 2:
            (a, first), (b, second) = uses
            neighbours[a].append((b, -first * second))
            neighbours[b].append((a, -first * second))
    component = np.full(count, -1)
    for start in range(count):
        if component[start] >= 0:
            continue
        component[start] = start
        queue = deque([start])
        while queue:
            here = queue.popleft()
            for other, relation in neighbours[here]:
                if component[other] < 0:
                    component[other] = start
                    signs[other] = signs[here] * relation
                    queue.append(other)
    return np.unique(component, return_inverse=True)[1]
