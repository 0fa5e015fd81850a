"""Where the rasters of tiles come from: the vectors of a city, or a scene that is a raster already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from twin.kernels.solar.cut_cells import cuts_within
from twin.solar.ground import ground_raster
from twin.solar.scene import NO_RECEIVER, STOREY_M, Planes, Scene, Walls, Window
from twin.solar.shapes import Shapes
from twin.solar.walls import walls_of

Float = NDArray[np.float64]
Int = NDArray[np.int64]

BLOCK = 64
"""Cells along the side of the blocks in which obstacles are summed up and open ground is sampled."""
BEYOND = 10_000_000
"""Cells by which the outermost ground goes on beyond the terrain."""


@dataclass(frozen=True)
class Obstacles:
    """What may cast shadow: box (first and last row, first and last column, global) and top of each thing."""

    box: Int
    top_m: Float


class Source(Protocol):
    """What `twin.solar.tiles` asks of a source; `box` and `middle` are cells of buildings as in `Shapes`."""

    @property
    def cell_m(self) -> float:
        """Width of a cell."""

    @property
    def planes(self) -> Planes:
        """All planes."""

    @property
    def buildings(self) -> int:
        """Number of buildings."""

    @property
    def box(self) -> Int:
        """Cells of the buildings."""

    @property
    def middle(self) -> Int:
        """Cell that decides the tile of each building."""

    @property
    def inner(self) -> Int:
        """Cell under a point of each plane."""

    @property
    def host(self) -> Int:
        """Plane whose cell a plane without cells shares, else -1."""

    @property
    def evergreen_share(self) -> float:
        """Share of crown area that keeps its leaves."""

    @property
    def storey_m(self) -> Float:
        """Height of the storeys of each building."""

    @property
    def extent(self) -> Window | None:
        """The cells that there are, None where they have no end."""

    def obstacles(self) -> Obstacles:
        """Return everything that may cast shadow."""

    def lowest(self, window: Window) -> float:
        """Return the lowest height at which light is looked for in a window."""

    def raster(self, window: Window, variant: str) -> Scene:
        """Return the scene of a window."""

    def walls(self, scene: Scene, buildings: Int) -> Walls | None:
        """Return the walls of buildings that lie in a scene, None where walls are not known."""


@dataclass(frozen=True)
class VectorSource:
    """A city's shapes as a source."""

    shapes: Shapes
    extent: Window | None = None

    @property
    def cell_m(self) -> float:
        """Width of a cell."""
        return self.shapes.cell_m

    @property
    def planes(self) -> Planes:
        """All planes of the city."""
        return self.shapes.planes

    @property
    def buildings(self) -> int:
        """Number of buildings."""
        return self.shapes.buildings

    @property
    def box(self) -> Int:
        """Cells of the buildings."""
        return self.shapes.box

    @property
    def middle(self) -> Int:
        """Cell that decides the tile of each building."""
        return self.shapes.middle

    @property
    def inner(self) -> Int:
        """Cell under a point of each plane."""
        return self.shapes.inner

    @property
    def host(self) -> Int:
        """Plane whose cell a plane without cells shares, else -1."""
        return self.shapes.host

    @property
    def evergreen_share(self) -> float:
        """Share of crown area that keeps its leaves."""
        return self.shapes.crowns.evergreen_share if self.shapes.crowns is not None else 0.0

    @property
    def storey_m(self) -> Float:
        """Height of the storeys of each building."""
        return self.shapes.storey_m

    def obstacles(self) -> Obstacles:
        """Return buildings, blocks of crowns and cells of the terrain."""
        found = [(self.shapes.box, self.shapes.top_m), _ground_blocks(self.shapes)]
        crowns = self.shapes.crowns
        if crowns is not None:
            cell = np.floor(np.stack([-crowns.y, crowns.x], axis=1) / self.cell_m).astype(np.int64)
            reach = np.ceil(crowns.radius / self.cell_m).astype(np.int64)[:, None] + 1
            near = np.concatenate([cell - reach, cell + reach], axis=1)[:, [0, 2, 1, 3]]
            block, which = np.unique(cell // BLOCK, axis=0, return_inverse=True)
            box, top = np.empty((len(block), 4), np.int64), np.full(len(block), -np.inf)
            for k, far in enumerate((False, True, False, True)):
                box[:, k] = np.iinfo(np.int64).min if far else np.iinfo(np.int64).max
                (np.maximum if far else np.minimum).at(box[:, k], which.ravel(), near[:, k])
            np.maximum.at(top, which.ravel(), crowns.high)
            found.append((box, top))
        return Obstacles(np.concatenate([b for b, _ in found]), np.concatenate([t for _, t in found]))

    def lowest(self, window: Window) -> float:
        """Return the lowest ground in a window."""
        return float(ground_raster(self.shapes.terrain, window, self.cell_m).min())

    def raster(self, window: Window, variant: str) -> Scene:
        """Return the scene of a window."""
        return self.shapes.raster(window, variant)

    def walls(self, scene: Scene, buildings: Int) -> Walls:
        """Return the walls of buildings."""
        return walls_of(self.shapes, scene, buildings)


def _ground_blocks(shapes: Shapes) -> tuple[Int, Float]:
    """Return the cells of the terrain in blocks; those at its edge go on beyond it."""
    terrain = shapes.terrain
    rows, columns = terrain.height_m.shape
    if rows * columns == 1:
        return np.zeros((0, 4), np.int64), np.zeros(0)
    scale = terrain.cell_m / shapes.cell_m
    step = max(1, int(BLOCK / scale))
    padded = np.pad(terrain.height_m, 1, mode="edge")
    boxes, tops = [], []
    for i in range(0, rows, step):
        for j in range(0, columns, step):
            # Heights run on between cell centres: a block reaches to the centres of its neighbours.
            tops.append(padded[i : i + step + 2, j : j + step + 2].max())
            north = -terrain.north / shapes.cell_m + (i - 0.5) * scale if i > 0 else -BEYOND
            south = -terrain.north / shapes.cell_m + (i + step + 0.5) * scale if i + step < rows else BEYOND
            west = terrain.west / shapes.cell_m + (j - 0.5) * scale if j > 0 else -BEYOND
            east = terrain.west / shapes.cell_m + (j + step + 0.5) * scale if j + step < columns else BEYOND
            boxes.append((np.floor(north), np.ceil(south), np.floor(west), np.ceil(east)))
    return np.array(boxes).astype(np.int64), np.array(tops, np.float64)


@dataclass(frozen=True)
class RasterSource:
    """A scene that holds everything as a source."""

    scene: Scene

    @property
    def cell_m(self) -> float:
        """Width of a cell."""
        return self.scene.cell_m

    @property
    def planes(self) -> Planes:
        """All planes of the scene."""
        return self.scene.planes

    @property
    def buildings(self) -> int:
        """Number of buildings."""
        return self.scene.buildings

    @property
    def evergreen_share(self) -> float:
        """Share of crown area that keeps its leaves."""
        return self.scene.evergreen_share

    @property
    def storey_m(self) -> Float:
        """Height of the storeys of each building."""
        known = self.scene.storey_m
        return known if known is not None else np.full(self.buildings, STOREY_M)

    @property
    def extent(self) -> Window:
        """The cells that the scene holds."""
        return self.scene.window

    @property
    def host(self) -> Int:
        """Plane whose cell a plane without cells shares, else -1."""
        host = self.scene.host
        return host if host is not None else np.full(len(self.planes), -1, np.int64)

    @cached_property
    def inner(self) -> Int:
        """First cell of each plane; the first of the scene where it has none."""
        plane, place = np.unique(self.scene.label, return_index=True)
        out = np.tile([self.scene.first_row, self.scene.first_column], (len(self.planes), 1)).astype(np.int64)
        own = plane >= 0
        out[plane[own]] += np.stack(np.divmod(place[own], self.scene.label.shape[1]), axis=1)
        return out

    @cached_property
    def box(self) -> Int:
        """Cells of the buildings."""
        i, j = np.nonzero(self.scene.label != NO_RECEIVER)
        building = self.planes.building[self.scene.label[i, j]] if len(i) else np.zeros(0, np.int64)
        corner = np.array([self.scene.first_row, self.scene.first_column])
        low, high = np.full((self.buildings, 2), np.iinfo(np.int32).max), np.full((self.buildings, 2), -1)
        for k, cells in enumerate((i, j)):
            np.minimum.at(low[:, k], building, cells)
            np.maximum.at(high[:, k], building, cells)
        walls = self.scene.walls
        if walls is not None:  # a building reaches beyond its planes where cells of it are in none
            for k, cells in enumerate((walls.row - corner[0], walls.column - corner[1])):
                np.minimum.at(low[:, k], walls.building, cells)
                np.maximum.at(high[:, k], walls.building, cells)
        low[high < 0] = 0
        box = np.stack([low, np.maximum(high, 0) + 1], axis=2) + corner[:, None]
        return np.asarray(box.reshape(-1, 4).astype(np.int64))

    @property
    def middle(self) -> Int:
        """Cell that decides the tile of each building."""
        return np.asarray((self.box[:, [0, 2]] + self.box[:, [1, 3]]) // 2)

    def obstacles(self) -> Obstacles:
        """Return the blocks of the scene, at their highest."""
        scene = self.scene
        top = np.maximum(scene.surface_m, scene.canopy_m) if scene.canopy_m.size else scene.surface_m
        rows, columns = top.shape
        i, j = np.arange(0, rows, BLOCK), np.arange(0, columns, BLOCK)
        high = np.maximum.reduceat(np.maximum.reduceat(top, i, axis=0), j, axis=1).astype(np.float64)
        first, left = np.meshgrid(i, j, indexing="ij")
        box = np.stack([first, np.minimum(first + BLOCK, rows), left, np.minimum(left + BLOCK, columns)], axis=-1)
        corner = np.array([scene.first_row, scene.first_row, scene.first_column, scene.first_column])
        return Obstacles(box.reshape(-1, 4) + corner, high.ravel())

    def lowest(self, window: Window) -> float:
        """Return the lowest surface in a window."""
        return float(self.scene.surface_m[self.extent.of(window)].min())

    def raster(self, window: Window, variant: str) -> Scene:
        """Return the part of the scene in a window."""
        scene, part = self.scene, self.extent.of(window)
        crowns = [a[part] if a.size else a for a in (scene.canopy_m, scene.trunk_m)]
        cut, cut_plane = cuts_within(scene.cut, scene.cut_plane, part)
        return replace(
            scene,
            west=window.first_column * scene.cell_m,
            north=-window.first_row * scene.cell_m,
            surface_m=scene.surface_m[part],
            receiver_m=scene.receiver_m[part],
            slope_x=scene.slope_x[part],
            slope_y=scene.slope_y[part],
            canopy_m=crowns[0],
            trunk_m=crowns[1],
            label=scene.label[part],
            walls=None,
            cut=cut,
            cut_plane=cut_plane,
        )

    def walls(self, scene: Scene, buildings: Int) -> Walls | None:
        """Return the walls of buildings."""
        walls = self.scene.walls
        if walls is None:
            return None
        rows = np.flatnonzero(np.isin(walls.building, buildings))
        return walls.take(rows[np.argsort(walls.building[rows], kind="stable")])
