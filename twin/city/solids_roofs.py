"""Roof planes of a body: coplanar neighbours merged; tilt, azimuth and area exact; the shape of the roof."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from twin.city.solids import Floats, Log
from twin.city.solids_shape import SNAP_M, Surface

SAME_ANGLE_DEG = 1.0
SAME_OFFSET_M = 0.05
"""Neighbouring faces that differ by less, in angle and in distance from the plane, are one plane (assumption)."""
FLAT_BELOW_DEG = 0.05
"""Tilts below are 0: a millimetre, the usual resolution, over a metre."""
MIN_PLANE_M2 = 0.01
FLAT_ROOF_DEG = 10.0
"""Planes with less tilt speak for a flat roof (assumption; NREL counts roofs below 9.5 degrees as flat)."""
HIPPED_SHARE = 0.1
"""A pitched roof with at least this share of its area across the main direction, on two sides, is hipped."""


@dataclass
class Plane:
    """One roof plane; `polygon` has heights and is in the file's own coordinates, less its origin."""

    tilt_deg: float
    azimuth_deg: float
    area_m2: float
    polygon: shapely.Polygon
    surfaces: list[Surface]

    @property
    def lowest_m(self) -> float:
        """Return the height of the lowest point."""
        return float(shapely.get_coordinates(self.polygon, include_z=True)[:, 2].min())


def angles(vector: Floats) -> tuple[float, float]:
    """Return tilt and azimuth, degrees, of a normal that points up; azimuth 0 where the tilt is 0."""
    x, y, z = map(float, vector)
    tilt = math.degrees(math.atan2(math.hypot(x, y), z))
    if tilt < FLAT_BELOW_DEG:
        return 0.0, 0.0
    azimuth = math.degrees(math.atan2(x, y)) % 360.0
    return tilt, azimuth if azimuth < 360.0 else 0.0


def roof_planes(roofs: Sequence[Surface], identity: str, log: Log) -> list[Plane]:
    """Return the planes of a body's roof surfaces, in an order that depends on their shapes alone.

    Faces are taken by falling area; each gathers the faces not yet taken that lie in its plane and touch it.
    """
    faces = sorted(roofs, key=lambda s: (-round(float(np.linalg.norm(s.vector)), 6), sorted(s.key)))
    flat = [_flat(surface) for surface in faces]
    normals = np.array([s.vector / np.linalg.norm(s.vector) for s in faces]).reshape(-1, 3)
    free = np.ones(len(faces), bool)
    planes: list[Plane] = []
    for seed in range(len(faces)):
        if not free[seed]:
            continue
        group = [seed]
        alike = np.flatnonzero(free & (normals @ normals[seed] >= math.cos(math.radians(SAME_ANGLE_DEG))))
        near = [k for k in alike.tolist() if k != seed and _offset(faces[k], faces[seed], normals[seed])]
        if near:
            group = _touching(seed, near, flat)
        free[group] = False
        planes += _plane([faces[k] for k in group], [flat[k] for k in group], identity, log)
    planes.sort(key=_place)
    return planes


def _place(plane: Plane) -> tuple[float, ...]:
    x, y = shapely.get_coordinates(shapely.centroid(plane.polygon))[0].tolist()
    return round(x, 3), round(y, 3), plane.area_m2


def _flat(surface: Surface) -> shapely.Geometry:
    rings = [ring[:, :2] for ring in surface.face.rings]
    polygon = shapely.Polygon(rings[0], rings[1:])
    return polygon if polygon.is_valid else shapely.make_valid(polygon)


def _offset(face: Surface, seed: Surface, normal: Floats) -> bool:
    return bool(np.abs((face.points - seed.points[0]) @ normal).max() <= SAME_OFFSET_M)


def _touching(seed: int, near: list[int], flat: list[shapely.Geometry]) -> list[int]:
    """Return the seed and those of the faces in its plane that hang together with it."""
    members = [seed, *near]
    shapes = [flat[k] for k in members]
    whole = shapely.get_parts(shapely.union_all(shapes, grid_size=SNAP_M))
    inside = shapely.point_on_surface(np.array(shapes))
    home = next((part for part in whole if part.intersects(inside[0])), None)
    if home is None:
        return [seed]
    return [k for k, point in zip(members, inside, strict=True) if k == seed or home.intersects(point)]


def _plane(members: list[Surface], flat: list[shapely.Geometry], identity: str, log: Log) -> list[Plane]:
    """Return the plane of the faces of one group; several where their outline falls into pieces."""
    vector = np.sum([s.vector for s in members], axis=0)
    area = float(np.linalg.norm(vector))
    tilt, azimuth = angles(vector)
    if len(members) == 1 and isinstance(flat[0], shapely.Polygon):
        rings = members[0].face.rings
        shapes = [shapely.Polygon(rings[0], rings[1:])]
        whole = float(shapely.area(flat[0]))
    else:
        union = shapely.union_all(flat, grid_size=SNAP_M) if len(members) > 1 else flat[0]
        normal = vector / area
        through = np.sum([s.points.mean(axis=0) * np.linalg.norm(s.vector) for s in members], axis=0)
        through = through / np.sum([np.linalg.norm(s.vector) for s in members])
        parts = [
            p for p in shapely.get_parts(shapely.get_parts(union)) if isinstance(p, shapely.Polygon) and p.area > 0
        ]
        shapes = [_lifted(part, normal, through) for part in parts]
        whole = sum(part.area for part in parts)
    spread = float(sum(abs(s.vector[2]) for s in members))
    if whole < 0.99 * spread:
        log.add("roofs whose faces cover each other counted once", identity)
        area *= whole / spread
    planes = []
    for shape in shapes:
        share = shape.area / whole if len(shapes) > 1 else 1.0
        if area * share < MIN_PLANE_M2:
            log.add(f"roof planes smaller than {MIN_PLANE_M2:g} m2 left out", identity)
            continue
        planes.append(Plane(tilt, azimuth, area * share, shape, members))
    return planes


def _lifted(part: shapely.Polygon, normal: Floats, through: Floats) -> shapely.Polygon:
    """Return a flat polygon with the heights of a plane."""

    def heights(xy: Floats) -> Floats:
        z = through[2] - ((xy[:, :2] - through[:2]) @ normal[:2]) / normal[2]
        return np.column_stack([xy[:, :2], z])

    return shapely.Polygon(
        heights(np.asarray(part.exterior.coords)), [heights(np.asarray(ring.coords)) for ring in part.interiors]
    )


def roof_shape(planes: Sequence[Plane]) -> tuple[str, float, float]:
    """Return roof type, azimuth and tilt (degrees) by which the building's columns describe the planes.

    Flat where planes of less than `FLAT_ROOF_DEG` cover at least half of the plan; else gabled, or hipped where two
    opposite sides across the main direction hold `HIPPED_SHARE` of the area each. The azimuth is that of the
    largest group of planes with the same direction, the tilt the mean by area.
    """
    area = np.array([p.area_m2 for p in planes])
    tilt = np.array([p.tilt_deg for p in planes])
    plan = area * np.cos(np.radians(tilt))
    pitched = tilt >= FLAT_ROOF_DEG
    if plan[~pitched].sum() >= 0.5 * plan.sum():
        return "flat", 0.0, 0.0
    area, tilt = area[pitched], tilt[pitched]
    azimuth = np.array([p.azimuth_deg for p in planes])[pitched]
    apart = np.abs((azimuth[:, None] - azimuth[None, :] + 180.0) % 360.0 - 180.0)
    votes = np.where(apart <= 20.0, area, 0.0).sum(axis=1)
    main = azimuth[int(np.lexsort((azimuth, -np.round(votes, 6)))[0])]
    turn = (azimuth - main) % 360.0
    sides = [float(area[np.abs(turn - side) <= 45.0].sum()) / float(area.sum()) for side in (90.0, 270.0)]
    kind = "hipped" if min(sides) >= HIPPED_SHARE else "gabled"
    return kind, float(main), min(float((tilt * area).sum() / area.sum()), 75.0)
