"""The solar scene: heights of all that casts shadow on one raster, and the planes and walls that receive light.

All scenes of a city lie on one grid: cell (r, c) of a scene covers x from ``west + c cell`` and y down from
``north - r cell``, and `west` and `north` are whole multiples of the cell. The global row of the scene's first row is
``first_row = -north / cell``, the global column of its first column ``first_column = west / cell``. So a cell has the
same number in every tile of a city, and its shadows have the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

import twin.kernels.solar.sweep
import twin.kernels.solar.sweep_numba  # noqa: F401 registers the families
from twin.city.model import City
from twin.kernels.registry import get
from twin.kernels.solar.cut_cells import NO_CUT, NO_CUT_PLANE

__all__ = ["NO_CROWN", "NO_RECEIVER", "Planes", "Scene", "Site", "Walls", "Window", "scene_of_city", "shade"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]

NO_RECEIVER = -1
"""Label of a cell that belongs to no plane."""
NO_CROWN: Float32 = np.zeros((0, 0), np.float32)
"""Canopy and trunk raster of a scene without trees."""


STOREY_M = 3.0
"""Height of a storey where the source has none (assumption)."""


@dataclass(frozen=True)
class Site:
    """Where a scene lies and which clock its hours follow (local standard time, no summer time)."""

    latitude: float
    longitude: float
    utc_offset_h: float
    elevation_m: float = 0.0


@dataclass(frozen=True)
class Window:
    """A rectangle of global cells: rows `first_row` to `last_row` (not included), columns likewise."""

    first_row: int
    last_row: int
    first_column: int
    last_column: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.last_row - self.first_row, self.last_column - self.first_column

    def grown(self, north: int, south: int, west: int, east: int) -> Window:
        """Return the window with cells added on its sides."""
        return Window(self.first_row - north, self.last_row + south, self.first_column - west, self.last_column + east)

    def within(self, other: Window) -> Window:
        """Return the part of the window that lies in another one."""
        return Window(
            max(self.first_row, other.first_row),
            min(self.last_row, other.last_row),
            max(self.first_column, other.first_column),
            min(self.last_column, other.last_column),
        )

    def of(self, part: Window) -> tuple[slice, slice]:
        """Return the slices that cut `part` out of an array of this window."""
        return (
            slice(part.first_row - self.first_row, part.last_row - self.first_row),
            slice(part.first_column - self.first_column, part.last_column - self.first_column),
        )


@dataclass(frozen=True)
class Planes:
    """Roof planes, sorted by building.

    Attributes
    ----------
    building : int64 [p]
        Row of the plane's building.
    number : int64 [p]
        0, 1, … within the building.
    tilt_deg, azimuth_deg : float64 [p]
        Exact tilt, and direction that the plane faces clockwise from north (0 where flat).
    area_m2 : float64 [p]
        True area, not its projection.
    ids : str [p]
        ``<building id>/p0`` or the id that the source gave.
    """

    building: Int
    number: Int
    tilt_deg: Float
    azimuth_deg: Float
    area_m2: Float
    ids: NDArray[np.str_]

    def __len__(self) -> int:
        """Return the number of planes."""
        return len(self.building)

    def take(self, rows: Int) -> Planes:
        """Return some of the planes."""
        return Planes(*(np.asarray(getattr(self, f.name))[rows] for f in fields(self)))


@dataclass(frozen=True)
class Walls:
    """Outer walls in vertical strips a few metres wide, each looked at from one cell in front of it.

    Attributes
    ----------
    building : int64 [w]
        Row of the strip's building.
    edge : int64 [w]
        Number of the footprint's edge within the building that the strip is part of.
    azimuth_deg : float64 [w]
        Direction that the wall faces (outward normal), clockwise from north.
    length_m : float64 [w]
    foot_m, top_m : float64 [w]
        Heights above sea level between which the wall is free: above the ground or the neighbour that touches it, up
        to the roof.
    row, column : int64 [w]
        Global cell in front of the strip.
    """

    building: Int
    edge: Int
    azimuth_deg: Float
    length_m: Float
    foot_m: Float
    top_m: Float
    row: Int
    column: Int

    def __len__(self) -> int:
        """Return the number of strips."""
        return len(self.building)

    def take(self, rows: Int) -> Walls:
        """Return some of the strips."""
        return Walls(*(getattr(self, f.name)[rows] for f in fields(self)))

    @property
    def area_m2(self) -> Float:
        """Free area of each strip."""
        return np.asarray(self.length_m * (self.top_m - self.foot_m))


@dataclass(frozen=True)
class Scene:
    """A raster of what casts shadow and of what receives light.

    Attributes
    ----------
    west, north, cell_m : float
        Whole multiples of the cell, and the cell (m).
    surface_m : float32 [r, c]
        Height above sea level of what casts shadow and is opaque: ground and roofs, without trees.
    receiver_m : float32 [r, c]
        Height at which the cell is looked at: the surface, but in cells of planes too small to be part of it.
    slope_x, slope_y : float32 [r, c]
        What the surface rises inside of the cell, per metre to the east and to the north: the plane's slopes, 0 on the
        ground.
    canopy_m, trunk_m : float32 [r, c] or [0, 0]
        Top and underside of tree crowns; both are the surface where there is none; `NO_CROWN` in a scene without trees.
    label : int32 [r, c]
        Index in `planes`, `NO_RECEIVER` elsewhere.
    planes : Planes
    buildings : int
        Number of buildings in the city.
    walls : Walls or None
    host : int64 [p] or None
        -1, or the plane whose light a plane takes that is too small or too hidden to have a cell.
    evergreen_share : float
        Share of crown area that keeps its leaves.
    storey_m : float64 [buildings] or None
        Height of the storeys of each building; `STOREY_M` where it is not known.
    cut, cut_plane : int64 and float32 [cuts, 3]
        Quarters of cells that the edge of a building cuts (`twin.kernels.solar.cut_cells`); none in a surface model,
        which knows no edges within its cells.
    """

    west: float
    north: float
    cell_m: float
    surface_m: Float32
    receiver_m: Float32
    slope_x: Float32
    slope_y: Float32
    canopy_m: Float32
    trunk_m: Float32
    label: NDArray[np.int32]
    planes: Planes
    buildings: int
    walls: Walls | None = None
    host: Int | None = None
    evergreen_share: float = 0.0
    storey_m: Float | None = None
    cut: Int = field(default_factory=NO_CUT.copy)
    cut_plane: Float32 = field(default_factory=NO_CUT_PLANE.copy)

    @property
    def first_row(self) -> int:
        """Global row of the first row."""
        return -round(self.north / self.cell_m)

    @property
    def first_column(self) -> int:
        """Global column of the first column."""
        return round(self.west / self.cell_m)

    @property
    def window(self) -> Window:
        """The cells of the scene."""
        rows, columns = self.surface_m.shape
        return Window(self.first_row, self.first_row + rows, self.first_column, self.first_column + columns)


def scene_of_city(city: City, window: Window | None = None, cell_m: float = 1.0, variant: str = "numba") -> Scene:
    """Return the scene of a city, walls included.

    Parameters
    ----------
    city : City
        Footprints, heights, roof columns, terrain, `roof_planes` and `trees` are read.
    window : Window, optional
        Cells to take, by default all buildings and two cells around them. Labels are rows of the planes of the whole
        city; walls are those of buildings whose footprint begins in the window.
    cell_m : float
        Width of a cell.
    variant : str
        Kernel variant.
    """
    from twin.solar.shapes import shapes_of_city
    from twin.solar.walls import walls_of

    shapes = shapes_of_city(city, cell_m)
    if window is None:
        box = shapes.box if len(shapes.box) else np.zeros((1, 4), np.int64)
        low, high = box.min(axis=0), box.max(axis=0)
        window = Window(int(low[0]), int(high[1]), int(low[2]), int(high[3])).grown(2, 2, 2, 2)
    scene = shapes.raster(window, variant)
    inside = (shapes.box[:, 0] >= window.first_row) & (shapes.box[:, 0] < window.last_row)
    inside &= (shapes.box[:, 2] >= window.first_column) & (shapes.box[:, 2] < window.last_column)
    return replace(scene, walls=walls_of(shapes, scene, np.flatnonzero(inside)))


def shade(
    scene: Scene, azimuth_deg: Float, altitude_deg: Float, variant: str = "numba"
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return how many cells of each plane each sun reaches, and how many of them through tree crowns.

    Returns
    -------
    lit, behind : int32 [planes, suns]
        As ``solar.sunlit_cells``. Only what stands in the scene casts shadow.
    """
    lit, behind = get("solar.sunlit_cells", variant)(
        scene.surface_m, scene.receiver_m, scene.slope_x, scene.slope_y, scene.canopy_m, scene.trunk_m,
        scene.label, len(scene.planes), scene.cell_m, scene.first_row, scene.first_column,
        np.ascontiguousarray(azimuth_deg, np.float64), np.ascontiguousarray(altitude_deg, np.float64),
        scene.cut, scene.cut_plane,
    )  # fmt: skip
    return lit, behind
