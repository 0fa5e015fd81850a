"""Tiles of a scene with just enough around them, so that a city of any size runs in bounded memory.

A tile looks at whole buildings: those whose middle lies in it. For every batch of suns the raster around them reaches
as far towards the suns as the tallest thing there can throw a shadow. All cells are counted over the city, sums over
cells are whole numbers, and nothing else depends on the tile: any tiling gives the bits of the city in one piece.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from twin.kernels.registry import get
from twin.kernels.solar.cut_cells import cuts_within
from twin.kernels.solar.sweep import MIN_ALTITUDE_DEG
from twin.solar.scene import NO_RECEIVER, Scene, Walls, Window
from twin.solar.sources import BLOCK, Obstacles, Source

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]

BATCH = 256
"""Most suns of one octant that are swept at once; they share the raster that reaches towards them."""
PAIRS = 4_000_000
"""Most strips of wall times suns that are looked at at once (100 MB)."""
MARGIN = 3
"""Cells around the buildings of a tile that belong to it: where the cells in front of walls lie."""
ONE_PIECE_CELLS = 50_000_000
"""A tile whose surroundings are larger is rasterised anew for every batch of suns (12 bytes per cell)."""
GROUND_STEP = 4
"""Every how many rows and columns a cell of open ground is looked at."""


@dataclass(frozen=True)
class Tile:
    """Buildings (rows of the city) that are looked at together, the cells that hold them, and blocks of ground."""

    buildings: Int
    core: Window
    blocks: Int


def tiles_of(source: Source, tile_m: float) -> Iterator[Tile]:
    """Yield the tiles of a source; their width is rounded to whole blocks of cells."""
    side = BLOCK * max(1, round(tile_m / source.cell_m / BLOCK))
    place = source.middle // side
    if len(place) == 0:
        return
    tiles, which = np.unique(place, axis=0, return_inverse=True)
    which = which.ravel()
    order = np.argsort(which, kind="stable")
    for buildings in np.split(order, np.searchsorted(which[order], np.arange(1, len(tiles)))):
        blocks = np.unique(source.middle[buildings] // BLOCK, axis=0)
        box = source.box[buildings]
        low = np.minimum(box[:, [0, 2]].min(axis=0), blocks.min(axis=0) * BLOCK)
        high = np.maximum(box[:, [1, 3]].max(axis=0), (blocks.max(axis=0) + 1) * BLOCK)
        core = Window(int(low[0]), int(high[0]), int(low[1]), int(high[1])).grown(MARGIN, MARGIN, MARGIN, MARGIN)
        yield Tile(buildings, core if source.extent is None else core.within(source.extent), blocks)


def batches(azimuth_deg: Float, altitude_deg: Float, strips: int = 0) -> list[Int]:
    """Return the suns in batches of one octant and similar altitude, always in the same order.

    Where they shine on so many `strips` of wall, batches are smaller: at most `PAIRS` strips and suns.
    """
    octant, most = np.floor(azimuth_deg % 360.0 / 45.0), min(BATCH, max(PAIRS // max(strips, 1), 1))
    order = np.lexsort((altitude_deg, octant))
    starts = np.flatnonzero(np.diff(octant[order])) + 1
    cuts = [np.split(own, range(most, len(own), most)) for own in np.split(order, starts)]
    return [part for parts in cuts for part in parts if len(part)]


@dataclass(frozen=True)
class View:
    """A tile's raster, and the planes that it looks at under numbers of their own.

    Attributes
    ----------
    planes : int64 [k]
        Planes of the tile's buildings. Label k stands for the open ground.
    """

    source: Source
    tile: Tile
    obstacles: Obstacles
    planes: Int
    variant: str

    @cached_property
    def _low(self) -> float:
        return self.source.lowest(self.tile.core)

    @cached_property
    def _around(self) -> tuple[Float, Float, Float]:
        """Return gap to the core (cells), top, and how far they reach beyond each side, of the obstacles around it."""
        core, box = self.tile.core, self.obstacles.box
        north, south = core.first_row - box[:, 0], box[:, 1] - core.last_row
        west, east = core.first_column - box[:, 2], box[:, 3] - core.last_column
        beyond = np.stack([north, south, west, east])
        own = np.flatnonzero((beyond > 0).any(axis=0) & (self.obstacles.top_m > self._low))
        rows = np.maximum(np.maximum(core.first_row - box[own, 1], box[own, 0] - core.last_row), 0)
        columns = np.maximum(np.maximum(core.first_column - box[own, 3], box[own, 2] - core.last_column), 0)
        return np.hypot(rows, columns), self.obstacles.top_m[own], beyond[:, own].astype(np.float64)

    def window(self, azimuth_deg: Float, altitude_deg: Float) -> Window:
        """Return the cells that matter for the tile under some suns.

        On each side as far as the longest shadow that reaches the core comes from there, and no farther than what
        casts such shadows stands.
        """
        gap, top, beyond = self._around
        slope = math.tan(math.radians(max(float(altitude_deg.min()), MIN_ALTITUDE_DEG)))
        reach = (top - self._low) / (slope * self.source.cell_m) + 2.0
        near = reach > gap
        longest, farthest = reach[near].max(initial=0.0), beyond[:, near].max(axis=1, initial=0.0)
        turn = np.radians(azimuth_deg)
        towards = (np.cos(turn).max(), -np.cos(turn).min(), -np.sin(turn).min(), np.sin(turn).max())
        sides = (
            math.ceil(min(longest * max(float(part), 0.0), far)) + 2
            for part, far in zip(towards, farthest, strict=True)
        )
        grown = self.tile.core.grown(*sides)
        return grown if self.source.extent is None else grown.within(self.source.extent)

    @cached_property
    def core(self) -> Scene:
        """The scene of the tile alone, labels as in the source."""
        return self.source.raster(self.tile.core, self.variant)

    @cached_property
    def label(self) -> NDArray[np.int32]:
        """Own labels of the core: row of `planes`, their number for sampled open ground, else `NO_RECEIVER`."""
        own = np.full(len(self.source.planes) + 1, NO_RECEIVER, np.int32)
        own[self.planes] = np.arange(len(self.planes))
        label, core = own[self.core.label], self.tile.core
        sides = (core.first_row, core.last_row), (core.first_column, core.last_column)
        rows, columns = (np.arange(-(-low // GROUND_STEP) * GROUND_STEP, high, GROUND_STEP) for low, high in sides)
        corner = self.tile.blocks.min(axis=0)
        built = np.zeros(self.tile.blocks.max(axis=0) - corner + 3, bool)
        built[tuple((self.tile.blocks - corner + 1).T)] = True
        i, j = (
            np.clip(cells // BLOCK - c + 1, 0, n - 1)
            for cells, c, n in zip((rows, columns), corner, built.shape, strict=True)
        )
        r, c = rows[:, None] - core.first_row, columns - core.first_column
        ground = built[i[:, None], j] & (self.core.label[r, c] == NO_RECEIVER)
        label[r, c] = np.where(ground, len(self.planes), label[r, c])
        return label

    @cached_property
    def _whole(self) -> Scene | None:
        """The scene around the tile, wide enough for every sun; None where that would be too large."""
        every = np.arange(0.0, 360.0, 90.0)
        window = self.window(every, np.full(4, MIN_ALTITUDE_DEG))
        if math.prod(window.shape) > ONE_PIECE_CELLS:
            return None
        return self._load(window)

    def _load(self, window: Window) -> Scene:
        scene = self.source.raster(window, self.variant)
        label = np.full(window.shape, NO_RECEIVER, np.int32)
        label[window.of(self.tile.core)] = self.label
        return replace(scene, label=label)

    def scene(self, azimuth_deg: Float, altitude_deg: Float) -> Scene:
        """Return the scene that some suns need, with the labels of the view; arrays are contiguous."""
        window, whole = self.window(azimuth_deg, altitude_deg), self._whole
        if whole is None:
            return self._load(window)
        part = whole.window.of(window)
        crowns = [np.ascontiguousarray(a[part]) if a.size else a for a in (whole.canopy_m, whole.trunk_m)]
        cut, cut_plane = cuts_within(whole.cut, whole.cut_plane, part)
        return replace(
            whole,
            west=window.first_column * whole.cell_m,
            north=-window.first_row * whole.cell_m,
            surface_m=np.ascontiguousarray(whole.surface_m[part]),
            receiver_m=np.ascontiguousarray(whole.receiver_m[part]),
            slope_x=np.ascontiguousarray(whole.slope_x[part]),
            slope_y=np.ascontiguousarray(whole.slope_y[part]),
            canopy_m=crowns[0],
            trunk_m=crowns[1],
            label=np.ascontiguousarray(whole.label[part]),
            cut=cut,
            cut_plane=cut_plane,
        )

    def on_walls(self, walls: Walls, azimuth_deg: Float, altitude_deg: Float, through: Float) -> Float32:
        """Return the share of strips that suns of one octant reach, float32 [strips, suns]; cosines are not looked at.

        `through` [suns] is the share of light that passes a crown, 1 where trees do not count.
        """
        part = self.scene(azimuth_deg, altitude_deg)
        light: Float32 = get("solar.wall_sunlit", self.variant)(
            part.surface_m, part.slope_x, part.slope_y, part.canopy_m, part.trunk_m, through,
            walls.row - part.first_row, walls.column - part.first_column,
            walls.foot_m.astype(np.float32), walls.top_m.astype(np.float32),
            part.cell_m, part.first_row, part.first_column, azimuth_deg, altitude_deg,
        )  # fmt: skip
        return light
