"""Roof planes as equations: parametric roofs on footprints, and roof surfaces of a 3D city model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.city.model import City

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Objects = NDArray[np.object_]

STEEPEST = 0.05
"""Least vertical part of a unit normal whose plane has a height at every point (87°); steeper ones are taken as flat
at their mean height, they cover next to nothing."""


@dataclass(frozen=True)
class Surfaces:
    """Plane equations ``z = z0 + slope_x (x - x0) + slope_y (y - y0)``, kept within low and high; arrays [planes]."""

    x0: Float
    y0: Float
    z0: Float
    slope_x: Float
    slope_y: Float
    low: Float
    high: Float

    def columns(self) -> tuple[Float, ...]:
        """Return the arrays in the order of the kernel."""
        return self.x0, self.y0, self.z0, self.slope_x, self.slope_y, self.low, self.high

    def take(self, rows: Int) -> Surfaces:
        """Return some of the planes."""
        return Surfaces(*(a[rows] for a in self.columns()))

    def joined(self, other: Surfaces) -> Surfaces:
        """Return the planes of both."""
        return Surfaces(*(np.concatenate(pair) for pair in zip(self.columns(), other.columns(), strict=True)))

    def height(self, rows: Int, x: Float, y: Float) -> Float:
        """Return the height of the planes `rows` at one point each."""
        z = self.z0[rows] + self.slope_x[rows] * (x - self.x0[rows]) + self.slope_y[rows] * (y - self.y0[rows])
        return np.asarray(np.clip(z, self.low[rows], self.high[rows]))


@dataclass(frozen=True)
class RoofPlanes:
    """Roof planes of some buildings: rows of the buildings, numbers within them, and where they lie.

    `outline` holds the polygon of each plane, or None where it is part of the footprint.
    """

    building: Int
    number: Int
    tilt_deg: Float
    azimuth_deg: Float
    area_m2: Float
    ids: NDArray[np.str_]
    surfaces: Surfaces
    outline: Objects


def parametric_roofs(city: City, base_m: Float, rows: Int) -> RoofPlanes:
    """Return the planes of the roofs that the building columns describe.

    Parameters
    ----------
    city : City
    base_m : float64 [n]
        Ground height of every building.
    rows : int64
        Buildings to take.
    """
    frame = city.buildings.iloc[rows]
    geometry = frame.geometry.to_numpy()
    roof = frame["roof_type"].to_numpy()
    flat = roof == "flat"
    facing = np.where(flat, 0.0, frame["roof_azimuth_deg"].to_numpy(np.float64))
    tilt = np.where(flat, 0.0, frame["roof_tilt_deg"].to_numpy(np.float64))
    count = np.select([flat, roof == "gabled"], [1, 2], 4)
    width, aspect = _equivalent(geometry)
    x, y, half_across, half_along = _rectangle(geometry, np.radians(facing))
    b = np.repeat(np.arange(len(rows)), count)
    number = np.arange(len(b)) - np.repeat(np.cumsum(count) - count, count)
    end = aspect[b] / 4
    share = np.where(count[b] < 4, 1.0 / count[b], np.where(number < 2, 0.5 - end, end))
    turned = (facing[b] + np.array([0.0, 180.0, 90.0, 270.0])[number]) % 360.0
    slope = np.tan(np.radians(tilt))
    eaves = base_m[rows] + frame["height_m"].to_numpy(np.float64)
    reach = np.where(number < 2, half_across[b], half_along[b])
    surfaces = Surfaces(
        x0=x[b],
        y0=y[b],
        z0=eaves[b] + slope[b] * reach,
        slope_x=-slope[b] * np.sin(np.radians(turned)),
        slope_y=-slope[b] * np.cos(np.radians(turned)),
        low=eaves[b],
        high=(eaves + slope * width / 2)[b],
    )
    names = np.asarray(frame.index, dtype=np.str_)[b]
    return RoofPlanes(
        building=rows[b],
        number=number,
        tilt_deg=tilt[b],
        azimuth_deg=np.where(count[b] == 1, 0.0, turned),
        area_m2=shapely.area(geometry)[b] * share / np.cos(np.radians(tilt[b])),
        ids=np.char.add(np.char.add(names, "/p"), number.astype(np.str_)),
        surfaces=surfaces,
        outline=np.full(len(b), None, object),
    )


def _equivalent(geometry: Objects) -> tuple[Float, Float]:
    """Return the width, and width over length, of the rectangle of the same area and perimeter as each footprint."""
    area, perimeter = shapely.area(geometry), shapely.length(geometry)
    width = (perimeter - np.sqrt(np.maximum(perimeter**2 - 16 * area, 0.0))) / 4
    width = np.minimum(width, np.sqrt(area))
    return width, width**2 / np.maximum(area, 1e-9)


def _rectangle(geometry: Objects, azimuth: Float) -> tuple[Float, Float, Float, Float]:
    """Return the centre and the half sides, along and across `azimuth`, of the rectangle around each footprint."""
    if len(geometry) == 0:
        return (np.zeros(0),) * 4  # type: ignore[return-value]
    xy, owner = shapely.get_coordinates(geometry, return_index=True)
    first = np.searchsorted(owner, np.arange(len(geometry)))
    sine, cosine = np.sin(azimuth), np.cos(azimuth)
    # Around a corner of its own, so that large coordinates do not cost digits.
    x, y = xy[:, 0] - xy[first, 0][owner], xy[:, 1] - xy[first, 1][owner]
    middle, half = [], []
    for values in (x * sine[owner] + y * cosine[owner], x * cosine[owner] - y * sine[owner]):
        low, high = np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)
        middle.append((low + high) / 2)
        half.append((high - low) / 2)
    a, b = middle
    return xy[first, 0] + a * sine + b * cosine, xy[first, 1] + a * cosine - b * sine, half[0], half[1]


def detailed_roofs(city: City) -> RoofPlanes:
    """Return the roof surfaces of `City.roof_planes`, with exact normals; none in a city without them."""
    layer = city.roof_planes
    frame = layer if layer is not None else None
    if frame is None or len(frame) == 0:
        nothing = np.zeros(0)
        none = Surfaces(*(nothing,) * 7)
        rows = np.zeros(0, np.int64)
        return RoofPlanes(rows, rows, nothing, nothing, nothing, np.zeros(0, "<U1"), none, np.zeros(0, object))
    frame = frame[frame["building_id"].isin(city.buildings.index)]
    building = city.buildings.index.get_indexer(frame["building_id"]).astype(np.int64)
    ids = np.asarray(frame.index, dtype=np.str_)
    order = np.lexsort((ids, building))
    building, ids, frame = building[order], ids[order], frame.iloc[order]
    outline = frame.geometry.to_numpy()
    number = np.arange(len(building)) - np.searchsorted(building, building)
    return RoofPlanes(
        building=building,
        number=number,
        tilt_deg=frame["tilt_deg"].to_numpy(np.float64),
        azimuth_deg=frame["azimuth_deg"].to_numpy(np.float64),
        area_m2=frame["area_m2"].to_numpy(np.float64),
        ids=ids,
        surfaces=_fitted(outline),
        outline=outline,
    )


def _fitted(outline: Objects) -> Surfaces:
    """Return the planes through polygons in space: Newell's normal through the mean of the corners."""
    rings = shapely.get_exterior_ring(outline)
    xyz, owner = shapely.get_coordinates(rings, include_z=True, return_index=True)
    first = np.searchsorted(owner, np.arange(len(outline)))
    origin = xyz[first]
    p = xyz - origin[owner]
    edge = np.flatnonzero(owner[1:] == owner[:-1])
    a, b, ring = p[edge], p[edge + 1], owner[edge]
    start = np.searchsorted(ring, np.arange(len(outline)))
    normal = np.add.reduceat(np.cross(a, b), start, axis=0)
    mean = np.add.reduceat(a, start, axis=0) / np.bincount(ring, minlength=len(outline))[:, None]
    length = np.linalg.norm(normal, axis=1)
    steep = np.abs(normal[:, 2]) <= STEEPEST * length
    up = np.where(steep, 1.0, normal[:, 2])
    z = xyz[:, 2]
    return Surfaces(
        x0=origin[:, 0] + mean[:, 0],
        y0=origin[:, 1] + mean[:, 1],
        z0=origin[:, 2] + mean[:, 2],
        slope_x=np.where(steep, 0.0, -normal[:, 0] / up),
        slope_y=np.where(steep, 0.0, -normal[:, 1] / up),
        low=np.minimum.reduceat(z, first),
        high=np.maximum.reduceat(z, first),
    )
