"""Roof planes of buildings, their horizons, and the horizons of façades: all that depends on geometry alone.

Footprints carry parametric roofs. Their size comes from the rectangle of the same area and perimeter (courtyards
count), so that a perimeter block gets the roof of its wings. A pitched neighbour shades as a prism up to its mean roof
height. A building does not shade itself beyond the tilt of its planes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

import twin.kernels.solar.horizon  # noqa: F401 registers the families
from twin.city.model import City, Terrain
from twin.errors import DataError
from twin.kernels.registry import get

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Progress = Callable[[int, int], None]

VERSION = "roofs-1"  # part of the geometry key: change it when the same city gives other roofs
ROOF_BINS, FACADE_BINS = 72, 36
FACADE_AZIMUTHS: Float = np.arange(0.0, 360.0, 45.0, dtype=np.float64)
POINTS_PER_PLANE = 12
CANDIDATES = 64
# Obstacles farther away or lower than this are left out: 2° of horizon all round hides 0.12 % of the sky.
MAX_DISTANCE_M, MIN_ELEVATION_DEG = 500.0, 2.0
BLOCK = 2000
_INSET_M = 0.5


@dataclass(frozen=True)
class Roofs:
    """Roof planes and horizons of the buildings ``first_row`` to ``first_row + count`` of a city, in city order.

    Planes are sorted by building. `city_buildings` is the number of buildings in the city and `plane_building` the row
    of the plane's building in it. `horizon` (degrees, one row per sample point, 72 azimuths clockwise from north)
    belongs to plane i in rows ``point_start[i]`` to ``point_start[i + 1]``; `sky_share` is the visible share of the
    plane's sky; `facade_horizon` is the horizon of the walls at mid height, [count, 8 orientations, 36 azimuths].
    """

    first_row: int
    count: int
    city_buildings: int
    plane_building: Int
    plane_number: Int
    tilt_deg: Float
    azimuth_deg: Float
    area_m2: Float
    sky_share: Float
    point_start: Int
    horizon: NDArray[np.float32]
    facade_horizon: NDArray[np.float32]

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return everything as plain arrays, for the run store."""
        return {f.name: np.atleast_1d(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> Roofs:
        """Return the roofs that `to_arrays` gave."""
        values = {f.name: np.asarray(arrays[f.name]) for f in fields(cls)}
        scalars = {name: int(values[name][0]) for name in ("first_row", "count", "city_buildings")}
        return cls(**(values | scalars))  # type: ignore[arg-type]

    def planes(self, city: City, start: int, stop: int) -> slice:
        """Return the planes of the buildings `start` to `stop` (rows of `city`).

        Raises
        ------
        DataError
            The roofs were prepared for a city with other buildings, or for other rows.
        """
        last = self.first_row + self.count
        if len(city.buildings) != self.city_buildings or start < self.first_row or stop > last:
            raise DataError(
                f"roofs were prepared for buildings {self.first_row} to {last} of {self.city_buildings}, "
                f"not for {start} to {stop} of {len(city.buildings)}",
                remedy="prepare the roofs of this city again: its buildings have changed",
            )
        low, high = np.searchsorted(self.plane_building, [start, max(start, stop)])
        return slice(int(low), int(high))


@dataclass(frozen=True)
class _Prisms:
    """All buildings as prisms: edges in rows ``edge_start[b]`` to ``edge_start[b + 1]``, heights above sea level."""

    edge_start: Int
    x1: Float
    y1: Float
    x2: Float
    y2: Float
    base: Float
    height: Float
    rise: Float
    aspect: Float
    top: Float


def geometry_key(city: City) -> str:
    """Return a hash of all that `prepare_roofs` depends on: footprints, heights, roof shapes, terrain."""
    digest = hashlib.sha256(VERSION.encode())
    frame = city.buildings
    for wkb in shapely.to_wkb(frame.geometry.to_numpy()):
        digest.update(wkb)
    for name in ("height_m", "roof_azimuth_deg", "roof_tilt_deg"):
        digest.update(np.ascontiguousarray(frame[name].to_numpy(np.float64)).tobytes())
    digest.update("\n".join(frame["roof_type"]).encode())
    terrain = city.terrain
    digest.update(repr((terrain.height_m.shape, terrain.west, terrain.north, terrain.cell_m)).encode())
    digest.update(np.ascontiguousarray(terrain.height_m, np.float64).tobytes())
    return digest.hexdigest()


def prepare_roofs(
    city: City, *, rows: slice = slice(None), variant: str = "numba", progress: Progress | None = None
) -> Roofs:
    """Return the roof planes of the buildings in `rows` and their horizons among all buildings of the city.

    Parameters
    ----------
    city : City
        Only geometry, height, roof columns and terrain are read.
    rows : slice
        Contiguous block of buildings in city order; memory grows with the block, not with the city.
    variant : str
        Kernel variant.
    progress : callable, optional
        Called with (buildings done, buildings in all).
    """
    start, stop, _ = rows.indices(len(city.buildings))
    stop = max(start, stop)
    geometry = city.buildings.geometry.to_numpy()
    prisms = _prisms(city, geometry)
    tree = shapely.STRtree(geometry)
    blocks = []
    for first in range(start, max(stop, start + 1), BLOCK):
        last = min(first + BLOCK, stop)
        blocks.append(_prepare_block(city, geometry, prisms, tree, np.arange(first, last), variant))
        if progress is not None:
            progress(last - start, stop - start)
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0] if name != "points"}
    points = np.concatenate([block["points"] for block in blocks])
    return Roofs(
        first_row=start,
        count=stop - start,
        city_buildings=len(geometry),
        point_start=np.concatenate([[0], np.cumsum(points)]),
        **joined,
    )


def _prepare_block(
    city: City, geometry: NDArray[np.object_], prisms: _Prisms, tree: shapely.STRtree, rows: Int, variant: str
) -> dict[str, NDArray[np.generic]]:
    horizon, sky_share = get("solar.horizon", variant), get("solar.sky_share", variant)
    planes = _planes(city, geometry, prisms, rows)

    def seen_from(x: Float, y: Float, z: Float, group: Int, low: Float, bins: int) -> NDArray[np.float32]:
        starts, neighbours = _neighbours(geometry, prisms, tree, rows, low)
        edges = (prisms.edge_start, prisms.x1, prisms.y1, prisms.x2, prisms.y2, prisms.top)
        out: NDArray[np.float32] = horizon(x, y, z, group, starts, neighbours, *edges, bins).astype(np.float32)
        return out

    eaves = prisms.base[rows] + prisms.height[rows]
    roof = seen_from(planes["x"], planes["y"], planes["z"], planes["point_group"], eaves, ROOF_BINS)
    point_start = np.concatenate([[0], np.cumsum(planes["points"])])
    middle = prisms.base[rows] + prisms.height[rows] / 2
    fx, fy = _facade_points(geometry, prisms, rows)
    group = np.repeat(np.arange(len(rows)), 8)
    walls = seen_from(fx.ravel(), fy.ravel(), np.repeat(middle, 8), group, middle, FACADE_BINS)
    names = ("plane_building", "plane_number", "tilt_deg", "azimuth_deg", "area_m2", "points")
    return {name: planes[name] for name in names} | {
        "horizon": roof,
        "sky_share": sky_share(roof, point_start, planes["tilt_deg"], planes["azimuth_deg"]),
        "facade_horizon": walls.reshape(len(rows), 8, FACADE_BINS),
    }


def _prisms(city: City, geometry: NDArray[np.object_]) -> _Prisms:
    parts, part_owner = shapely.get_parts(geometry, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    owner = part_owner[ring_part[ring[:-1][same]]]
    frame = city.buildings
    centre = shapely.get_coordinates(shapely.centroid(geometry))
    base = ground_height(city.terrain, centre[:, 0], centre[:, 1])
    height = frame["height_m"].to_numpy(np.float64)
    roof = frame["roof_type"].to_numpy()
    area, perimeter = shapely.area(geometry), shapely.length(geometry)
    width = (perimeter - np.sqrt(np.maximum(perimeter**2 - 16 * area, 0.0))) / 4
    width = np.minimum(width, np.sqrt(area))
    aspect = width**2 / np.maximum(area, 1e-9)  # width over length of the equivalent rectangle, at most 1
    tilt = np.where(roof == "flat", 0.0, np.radians(frame["roof_tilt_deg"].to_numpy(np.float64)))
    rise = np.tan(tilt) * width / 2
    mean = np.where(roof == "hipped", 0.5 - aspect / 6, 0.5) * rise
    return _Prisms(
        edge_start=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(geometry)))]),
        x1=np.ascontiguousarray(xy[:-1][same, 0]),
        y1=np.ascontiguousarray(xy[:-1][same, 1]),
        x2=np.ascontiguousarray(xy[1:][same, 0]),
        y2=np.ascontiguousarray(xy[1:][same, 1]),
        base=base,
        height=height,
        rise=rise,
        aspect=aspect,
        top=base + height + mean,
    )


def ground_height(terrain: Terrain, x: Float, y: Float) -> Float:
    """Return the ground height (m above sea level) of the terrain cells under the points; the edge cells go on."""
    rows, columns = terrain.height_m.shape
    row = np.clip(np.floor((terrain.north - y) / terrain.cell_m), 0, rows - 1).astype(np.int64)
    column = np.clip(np.floor((x - terrain.west) / terrain.cell_m), 0, columns - 1).astype(np.int64)
    return np.asarray(terrain.height_m[row, column], dtype=np.float64)


def _planes(city: City, geometry: NDArray[np.object_], prisms: _Prisms, rows: Int) -> dict[str, Any]:
    """Return the planes of some buildings and their sample points (x, y, z, point_group, points per plane)."""
    frame = city.buildings.iloc[rows]
    roof = frame["roof_type"].to_numpy()
    azimuth = np.where(roof == "flat", 0.0, frame["roof_azimuth_deg"].to_numpy(np.float64))
    tilt = np.where(roof == "flat", 0.0, frame["roof_tilt_deg"].to_numpy(np.float64))
    count = np.select([roof == "flat", roof == "gabled"], [1, 2], 4)
    building = np.repeat(np.arange(len(rows)), count)
    number = np.arange(len(building)) - np.repeat(np.cumsum(count) - count, count)
    end = prisms.aspect[rows] / 4
    share = np.where(
        count[building] < 4, 1.0 / count[building], np.where(number < 2, 0.5 - end[building], end[building])
    )
    turn = np.array([0.0, 180.0, 90.0, 270.0])[number]

    x, y, depth, facing = _candidates(geometry[rows], np.radians(azimuth), roof)
    inside = shapely.contains_xy(geometry[rows][:, None], x, y)
    member = inside[building] & (facing[building] == number[:, None])
    member &= np.cumsum(member, axis=1) <= POINTS_PER_PLANE
    none = ~member.any(axis=1)
    member[none, 0] = True
    plane, candidate = np.nonzero(member)
    fallback = shapely.get_coordinates(shapely.point_on_surface(geometry[rows]))
    lost = none[plane]
    group = building[plane]
    height = np.where(lost, 0.5, depth[group, candidate]) * prisms.rise[rows][group]
    return {
        "plane_building": rows[building],
        "plane_number": number,
        "tilt_deg": tilt[building],
        "azimuth_deg": np.where(count[building] == 1, 0.0, (azimuth[building] + turn) % 360.0),
        "area_m2": shapely.area(geometry[rows])[building] * share / np.cos(np.radians(tilt[building])),
        "points": np.bincount(plane, minlength=len(building)),
        "x": np.where(lost, fallback[group, 0], x[group, candidate]),
        "y": np.where(lost, fallback[group, 1], y[group, candidate]),
        "z": (prisms.base + prisms.height)[rows][group] + height,
        "point_group": group,
    }


def _candidates(
    geometry: NDArray[np.object_], azimuth: Float, roof: NDArray[np.object_]
) -> tuple[Float, Float, Float, Int]:
    """Return x, y, depth (0 eaves, 1 ridge) and plane number of evenly spread points in each building's rectangle.

    The points follow the R2 sequence (M. Roberts, The unreasonable effectiveness of quasirandom sequences, 2018), in
    the rectangle along the roof's azimuth; those outside the footprint are dropped later.
    """
    plastic = 1.32471795724474602596
    k = np.arange(1, CANDIDATES + 1)
    u = 2 * ((0.5 + k / plastic) % 1.0) - 1
    v = 2 * ((0.5 + k / plastic**2) % 1.0) - 1
    xy, owner = shapely.get_coordinates(geometry, return_index=True)
    first = np.searchsorted(owner, np.arange(len(geometry)))
    sine, cosine = np.sin(azimuth), np.cos(azimuth)
    across = xy[:, 0] * sine[owner] + xy[:, 1] * cosine[owner]
    along = xy[:, 0] * cosine[owner] - xy[:, 1] * sine[owner]
    middle, half = [], []
    for values in (across, along):
        low, high = np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)
        middle.append(((low + high) / 2)[:, None])
        half.append(((high - low) / 2)[:, None])
    a, b = middle[0] + half[0] * u, middle[1] + half[1] * v
    x = a * sine[:, None] + b * cosine[:, None]
    y = a * cosine[:, None] - b * sine[:, None]
    side, gable_end = half[0] * (1 - np.abs(u)), half[1] * (1 - np.abs(v))
    hipped = (roof == "hipped")[:, None]
    at_end = hipped & (gable_end < side)
    facing = np.where(at_end, np.where(v > 0, 2, 3), np.where(u > 0, 0, 1))
    facing = np.where((roof == "flat")[:, None], 0, facing)
    reach = np.where(hipped, np.minimum(half[0], half[1]), half[0])
    depth = np.where(at_end, gable_end, side) / np.maximum(reach, 1e-9)
    return x, y, depth, facing


def _neighbours(
    geometry: NDArray[np.object_], prisms: _Prisms, tree: shapely.STRtree, rows: Int, low: Float
) -> tuple[Int, Int]:
    """Return the buildings that may rise over the height `low` of each building, as a compressed row list."""
    box = shapely.bounds(geometry[rows])
    reach = shapely.box(
        box[:, 0] - MAX_DISTANCE_M, box[:, 1] - MAX_DISTANCE_M, box[:, 2] + MAX_DISTANCE_M, box[:, 3] + MAX_DISTANCE_M
    )
    here, other = tree.query(reach)
    far = shapely.bounds(geometry[other])
    near = box[here]
    gap = np.hypot(
        np.maximum(0.0, np.maximum(far[:, 0] - near[:, 2], near[:, 0] - far[:, 2])),
        np.maximum(0.0, np.maximum(far[:, 1] - near[:, 3], near[:, 1] - far[:, 3])),
    )
    above = prisms.top[other] - low[here]
    keep = (rows[here] != other) & (above > 0.0) & (gap <= MAX_DISTANCE_M)
    keep &= above > gap * np.tan(np.radians(MIN_ELEVATION_DEG))
    here, other = here[keep], other[keep]
    order = np.lexsort((other, here))
    starts = np.concatenate([[0], np.cumsum(np.bincount(here, minlength=len(rows)))])
    return starts, other[order]


def _facade_points(geometry: NDArray[np.object_], prisms: _Prisms, rows: Int) -> tuple[Float, Float]:
    """Return x and y [rows, 8] where the rays from the centroid leave the footprint, a little inside the wall."""
    centre = shapely.get_coordinates(shapely.centroid(geometry[rows]))
    counts = np.diff(prisms.edge_start)[rows]
    edges = np.arange(prisms.edge_start[rows[0]], prisms.edge_start[rows[-1] + 1]) if len(rows) else np.arange(0)
    owner = np.repeat(np.arange(len(rows)), counts)
    cx, cy = centre[owner, 0], centre[owner, 1]
    ax, ay, bx, by = prisms.x1[edges] - cx, prisms.y1[edges] - cy, prisms.x2[edges] - cx, prisms.y2[edges] - cy
    x, y = np.empty((len(rows), 8)), np.empty((len(rows), 8))
    for k, azimuth in enumerate(np.radians(FACADE_AZIMUTHS)):
        dx, dy = np.sin(azimuth), np.cos(azimuth)
        ca, cb = dx * ay - dy * ax, dx * by - dy * bx
        hit = (ca * cb <= 0.0) & (ca != cb)
        distance = np.where(hit, ax * by - ay * bx, 0.0) / np.where(hit, cb - ca, 1.0)
        reach = np.zeros(len(rows))
        np.maximum.at(reach, owner, distance)
        reach = np.maximum(reach - _INSET_M, 0.0)
        x[:, k], y[:, k] = centre[:, 0] + dx * reach, centre[:, 1] + dy * reach
    return x, y
