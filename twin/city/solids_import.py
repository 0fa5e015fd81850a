"""A city's buildings, roof planes and terrain from a 3D city file."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from twin.city.cityjson import read_cityjson
from twin.city.frames import layer_frame
from twin.city.model import Terrain
from twin.city.schema import DERIVED, MEASURED, ROOF_PLANES
from twin.city.solids import GROUND, ROOF, WALL, Body, Floats, Log, SolidFile, assemble
from twin.city.solids_attributes import columns_of
from twin.city.solids_crs import crs_text, horizontal_crs, swapped
from twin.city.solids_file import CITYGML, solid_format
from twin.city.solids_roofs import Plane, roof_planes, roof_shape
from twin.city.solids_shape import SNAP_M, Surface, surfaces_of
from twin.city.solids_terrain import grid_of_points, grid_of_triangles, height_at
from twin.errors import GeometryError

LOWEST_M = 1.5
"""Least height that the schema allows a building."""
BURIED_M = 0.5
HEIGHTS_M = (-1000.0, 10_000.0)
"""Range of heights above sea level that are taken for such."""
SLIVER_M2 = 0.1
SHORT_M = 0.1
"""Walls shorter than this are not looked at for neighbours; lines within a tenth of it are the same."""
_COLUMNS = ("name", "use", "height_m", "levels", "year_class", "roof_type", "roof_azimuth_deg", "roof_tilt_deg")


@dataclass
class CityModel:
    """Raw buildings as `twin.city.impute` completes them, roof planes, terrain, and what there is to say about them.

    `addresses` holds, for each plane, the places of its polygons in the file (see `twin.city.solids.Face`).
    """

    buildings: gpd.GeoDataFrame
    roof_planes: gpd.GeoDataFrame
    terrain: Terrain
    crs: str
    log: tuple[str, ...]
    addresses: dict[str, list[Any]]


@dataclass
class _House:
    """One building on its way: its planes, its plan, the height of its ground and its eaves above it."""

    body: Body
    planes: list[Plane]
    plan: shapely.Geometry
    ground_m: float
    eaves_m: float
    walls: list[Surface]


def read_solids(path: str | Path, *, crs: str | None = None) -> CityModel:
    """Read a CityJSON 1.1/2.0 or CityGML 2.0/3.0 file.

    Parameters
    ----------
    path : file named .city.json, .json, .city.jsonl, .gml, each also packed (.gz)
    crs : the reference system of the coordinates, where the file names none or a wrong one

    Raises
    ------
    UnsafeFileError, DataError, SchemaError, CrsError, GeometryError
        See `twin.city.cityjson` and `twin.city.citygml`; also a reference system that is unknown, not in metres, or
        far from the coordinates, and a file without a building above ground.
    """
    where = str(path)
    if solid_format(path) == CITYGML:
        from twin.city.citygml import read_citygml

        file = read_citygml(path)
    else:
        file = read_cityjson(path)
    log = file.log
    bodies = assemble(file.parts, where, log)
    system = horizontal_crs(file.srs, where, crs)
    points = np.vstack([file.triangles.reshape(-1, 3), *(r for b in bodies for f in b.faces for r in f.rings)])
    low, high = points.min(axis=0) + file.origin, points.max(axis=0) + file.origin
    if low[2] < HEIGHTS_M[0] or high[2] > HEIGHTS_M[1]:
        raise GeometryError(
            f"heights run from {low[2]:g} to {high[2]:g} m",
            where=where,
            expected=f"metres above sea level, {HEIGHTS_M[0]:g} to {HEIGHTS_M[1]:g}",
        )
    if swapped(system, np.array([low[:2], high[:2]]), where):
        _swap(file, bodies)
        log.add(f"the coordinates stand north before east in {system.name}: turned")
    houses = [house for body in bodies if (house := _house(body, log)) is not None]
    _check_some(houses, where)
    houses = _once(houses, log)
    terrain = _terrain(file, houses, log)
    if len(file.triangles):
        houses = _above(houses, terrain, log)
        _check_some(houses, where)
    _note_party_walls(houses, log)
    text = crs_text(system)
    planes, addresses = _plane_frame(houses, file.origin, text)
    x, y, z = file.origin
    return CityModel(
        buildings=_building_frame(houses, file.origin, text),
        roof_planes=planes,
        terrain=Terrain(terrain.height_m + z, terrain.west + x, terrain.north + y, terrain.cell_m),
        crs=text,
        log=tuple(f"3D file: {line}" for line in log.lines()),
        addresses=addresses,
    )


def _check_some(houses: list[_House], where: str) -> None:
    if not houses:
        raise GeometryError(
            "no building has a plan above ground", where=where, expected="ground or roof surfaces that span an area"
        )


def _swap(file: SolidFile, bodies: list[Body]) -> None:
    order = [1, 0, 2]
    for body in bodies:
        for face in body.faces:
            # Exchanging two axes mirrors the body: the rings must run the other way to keep facing outward.
            face.rings = tuple(ring[::-1, order] for ring in face.rings)
    file.triangles = file.triangles[..., order]
    file.origin = file.origin[order]


def _house(body: Body, log: Log) -> _House | None:
    surfaces = surfaces_of(body, log)
    if not surfaces:
        log.add("buildings without a sound polygon left out", body.id)
        return None
    kinds = defaultdict(list)
    for surface in surfaces:
        kinds[surface.kind].append(surface)
    if body.lod == 0:
        # A footprint or the edge of a roof: all there is to know is the plan.
        plan = _plan(surfaces)
        ground = min(float(s.points[:, 2].min()) for s in surfaces)
        log.add("buildings with a plan only (LoD 0): roofs and heights by rule", body.id)
        return None if plan is None else _House(body, [], plan, ground, float("nan"), [])
    planes = roof_planes(kinds[ROOF], body.id, log)
    roof_plan = _plan(kinds[ROOF])
    plan = _plan(kinds[GROUND])
    if plan is None or (roof_plan is not None and shapely.area(plan) < 0.1 * shapely.area(roof_plan)):
        log.add("buildings whose plan is that of their roof, having no ground surface", body.id)
        plan = roof_plan
    if plan is None:
        log.add("buildings without a plan left out", body.id)
        return None
    base = kinds[GROUND]
    if base:
        weight = np.array([abs(float(s.vector[2])) for s in base])
        ground = float((weight * [s.points[:, 2].mean() for s in base]).sum() / weight.sum())
    else:
        ground = float(min(s.points[:, 2].min() for s in surfaces))
    if planes:
        area = np.array([p.polygon.area for p in planes])
        eaves = float((area * [p.lowest_m for p in planes]).sum() / area.sum()) - ground
    else:
        log.add("buildings without a roof plane: roof by rule", body.id)
        eaves = float(max(s.points[:, 2].max() for s in surfaces)) - ground
    if eaves < LOWEST_M:
        log.add(f"buildings lower than {LOWEST_M:g} m raised to it", body.id)
    if body.lod == 1:
        planes = []  # the block's top is not the roof's shape
    return _House(body, planes, plan, ground, float(np.clip(eaves, LOWEST_M, 600.0)), kinds[WALL])


def _plan(surfaces: list[Surface]) -> shapely.Geometry | None:
    shapes = []
    for surface in surfaces:
        rings = [ring[:, :2] for ring in surface.face.rings]
        shape = shapely.Polygon(rings[0], rings[1:])
        shapes.append(shape if shape.is_valid else shapely.make_valid(shape))
    union = shapely.union_all(shapes, grid_size=SNAP_M)
    parts = [
        shapely.Polygon(p.exterior, [r for r in p.interiors if shapely.Polygon(r).area >= SLIVER_M2])
        for p in shapely.get_parts(union)
        if isinstance(p, shapely.Polygon) and p.area >= SLIVER_M2
    ]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _once(houses: list[_House], log: Log) -> list[_House]:
    """Return the buildings without those whose roof and plan are those of one before (in order of id)."""
    seen: dict[bytes, str] = {}
    kept = []
    for house in houses:
        shape = shapely.to_wkb(shapely.normalize(shapely.set_precision(house.plan, SNAP_M)))
        key = (
            shape
            + repr([(round(p.tilt_deg, 3), round(p.area_m2, 2), round(p.lowest_m, 2)) for p in house.planes]).encode()
        )
        if key in seen:
            log.add("buildings that stand twice under different ids counted once", house.body.id)
            continue
        seen[key] = house.body.id
        kept.append(house)
    return kept


def _terrain(file: SolidFile, houses: list[_House], log: Log) -> Terrain:
    if len(file.triangles):
        return grid_of_triangles(file.triangles)
    log.add("terrain: no relief in the file; heights between the grounds of the buildings")
    places = shapely.get_coordinates(shapely.centroid(np.array([h.plan for h in houses])))
    return grid_of_points(places, np.array([h.ground_m for h in houses]))


def _above(houses: list[_House], terrain: Terrain, log: Log) -> list[_House]:
    """Return the buildings without roof planes that lie in the ground, and without buildings that lie there whole."""
    kept = []
    for house in houses:
        had = len(house.planes)
        house.planes = [p for p in house.planes if not _buried(p, terrain)]
        if len(house.planes) < had:
            log.add("roof planes below the terrain left out", house.body.id)
        if had and not house.planes:
            log.add("buildings that lie below the terrain left out", house.body.id)
        else:
            kept.append(house)
    return kept


def _buried(plane: Plane, terrain: Terrain) -> bool:
    points = shapely.get_coordinates(plane.polygon, include_z=True)
    place = shapely.get_coordinates(shapely.point_on_surface(plane.polygon))
    ground = height_at(terrain, np.append(points[:, 0], place[:, 0]), np.append(points[:, 1], place[:, 1]))
    return bool(points[:, 2].max() < ground.min() - BURIED_M)


def _note_party_walls(houses: list[_House], log: Log) -> None:
    """Note the walls that stand on a line with a wall of another building."""
    rings = [(number, wall.points) for number, house in enumerate(houses) for wall in house.walls]
    if not rings:
        return
    owner = np.concatenate([np.full(len(ring), number) for number, ring in rings])
    start = np.vstack([ring[:, :2] for _, ring in rings])
    end = np.vstack([np.concatenate((ring[1:, :2], ring[:1, :2])) for _, ring in rings])
    long = np.hypot(*(end - start).T) > SHORT_M
    a, b = np.rint(start[long] / SHORT_M * 10).astype(np.int64), np.rint(end[long] / SHORT_M * 10).astype(np.int64)
    flip = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    lines = np.where(flip[:, None], np.hstack([b, a]), np.hstack([a, b]))
    pairs = np.unique(np.column_stack([lines, owner[long]]), axis=0)
    _, first, count = np.unique(pairs[:, :4], axis=0, return_index=True, return_counts=True)
    for row in first[count > 1].tolist():
        log.add("wall lines shared by two buildings (party walls)", houses[pairs[row, 4]].body.id)


def _building_frame(houses: list[_House], origin: Floats, crs: str) -> gpd.GeoDataFrame:
    rows = [_row(house) for house in houses]
    data: dict[str, Any] = {}
    for name in _COLUMNS:
        values = [row.get(name, (None, ""))[0] for row in rows]
        number = name in ("height_m", "levels", "roof_azimuth_deg", "roof_tilt_deg")
        data[name] = (
            np.array([np.nan if v is None else v for v in values], np.float64) if number else pd.array(values, "str")
        )
        if name != "name":
            data[f"{name}_origin"] = pd.array([row.get(name, (None, ""))[1] for row in rows], "str")
    data["name"] = data["name"].fillna("")
    plans = shapely.transform(np.array([h.plan for h in houses]), lambda xy: xy + origin[:2])
    index = pd.Index(pd.array([h.body.id for h in houses], "str"), name="building_id")
    return gpd.GeoDataFrame(data, index=index, geometry=plans, crs=crs).sort_index()


def _row(house: _House) -> dict[str, tuple[Any, str]]:
    """Return what is known of a building, with the origin of each value."""
    found = columns_of(house.body.attributes)
    row = {
        "name": (found.get("name"), ""),
        "use": (found.get("use"), MEASURED),
        "levels": (found.get("levels"), MEASURED),
        "year_class": (found.get("year"), MEASURED),
        "roof_type": (found.get("roof"), MEASURED),
        "height_m": (found.get("height"), MEASURED) if np.isnan(house.eaves_m) else (house.eaves_m, MEASURED),
    }
    if house.planes:
        for name, value in zip(
            ("roof_type", "roof_azimuth_deg", "roof_tilt_deg"), roof_shape(house.planes), strict=True
        ):
            row[name] = (value, DERIVED)
    return {name: value for name, value in row.items() if value[0] is not None}


def _plane_frame(houses: list[_House], origin: Floats, crs: str) -> tuple[gpd.GeoDataFrame, dict[str, list[Any]]]:
    ids: list[str] = []
    planes: list[Plane] = []
    owners: list[str] = []
    for house in houses:
        names = _plane_names(house.planes)
        ids += [f"{house.body.id}/{name}" for name in names]
        owners += [house.body.id] * len(names)
        planes += house.planes
    columns = {
        "building_id": owners,
        "tilt_deg": [p.tilt_deg for p in planes],
        "azimuth_deg": [p.azimuth_deg for p in planes],
        "area_m2": [p.area_m2 for p in planes],
    }
    shapes = shapely.transform(np.array([p.polygon for p in planes], object), lambda p: p + origin, include_z=True)
    addresses = {i: [s.face.address for s in p.surfaces] for i, p in zip(ids, planes, strict=True)}
    return layer_frame(ROOF_PLANES, ids, columns, shapes, crs), addresses


def _plane_names(planes: list[Plane]) -> list[str]:
    """Return the id of each plane within its building: that of its surface, numbered where several planes share one."""
    names: list[str] = []
    for number, plane in enumerate(planes):
        name = min((s.face.surface for s in plane.surfaces if s.face.surface), default=f"p{number}")
        copies = [f"{name}-{k}" for k in range(2, len(planes) + 2)]
        names.append(next(n for n in (name, *copies) if n not in names))
    return names
