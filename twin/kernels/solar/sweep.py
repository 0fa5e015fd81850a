"""Beam shading of a raster city: sunlit cells of roofs, sums of beam light, and shadow heights on walls.

The rows of the grid are walked in the direction the light travels (the columns, where the sun stands nearer to east or
west). Over every line of cells that a ray follows lies the height S below which a cell is in shadow::

    S <- max(S - drop, z - drop, f - drop / 2, n - 3 drop / 2)

`drop` is what a ray loses on its way through one row; z, f and n are heights of the roof where the ray passes: in the
middle of the row just left (there the lower of both sides), at its far edge, and at the near edge. The far edge is what
casts: casting from the middle of a cell would shorten every shadow by half a cell. The last term stands only in rows
that the ray enters through a neighbouring cell, whose edge n is then: without it rays that clip no more than the corner
of a building would miss it. It counts from the edge where the ray enters, for of a corner that is not along the grid
only a part is real. Where the edge of a building cuts a cell (`twin.kernels.solar.cut_cells`), n is that of the quarter
in which the ray enters the row and f that of the quarter in which it leaves; z is that of either, if the first is the
higher one. So a wall that is not along the grid casts from steps of half a cell. A cell is lit when S does not exceed
its receiver height where the ray passes. The line of cell (R, C) is ``C - floor(R shift + 1/2)`` with R, C counted over
the whole city, so that a cell has the same answer in every tile that holds its neighbourhood (`halo_cells`).

The heights on a ray follow the tilt of the cell (`Roof`), to the edges of the row and aside to the ray. So a plane
never shades itself, however low the sun is over it, and nothing needs to be lifted or lowered. Where two planes meet
in a ridge between cells (each cell lies under the other's plane) the ridge casts instead of the edge: from its place
inside of the cell, and from the edge where it is beyond that. Light falls on the cell's plane as if that went on behind
a ridge: what lies there is of the other plane.

Tree crowns let part of the light through. Their shadow is one interval of heights per line, from the underside to the
top of the crown that cast it: crowns whose intervals overlap join, of two apart the higher one is kept, so light passes
below the crown between the trunks.

Sources: C. Ratti, P. Richens, Raster analysis of urban form, Environ. Plan. B 31 (2004) 297-309, doi:10.1068/b2665
(shadow volumes of height rasters); A. J. Stewart, Fast horizon computation at all points of a terrain, IEEE Trans.
Vis. Comput. Graph. 4 (1998) 82-93, doi:10.1109/2945.675656 (sweeps by azimuth).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.kernels.registry import variant
from twin.kernels.solar.cut_cells import NO_CUT, NO_CUT_PLANE, oriented
from twin.kernels.solar.sweep_families import BEAM, CELLS, WALLS
from twin.kernels.solar.sweep_heights import halves_of, rises

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

MIN_ALTITUDE_DEG = 3.0
"""Suns lower than this cast the shadows of this altitude, which bounds the halo of a tile."""
LOW, HIGH = np.float32(-1e9), np.float32(1e9)
"""Heights below and above everything: no shadow, no crown."""


class Paths(NamedTuple):
    """How the light of each sun runs over the grid; arrays over the suns."""

    up: NDArray[np.bool_]
    """The sun is above the horizon."""
    sideways: NDArray[np.bool_]
    """Light runs along the rows: the grid is transposed before it is walked."""
    descending: NDArray[np.bool_]
    """Rows are walked from the last to the first."""
    shift: Float
    """Columns that a ray moves aside per row."""
    drop: Float32
    """Metres that a ray loses per row."""


def paths(azimuth_deg: Float, altitude_deg: Float, cell_m: float) -> Paths:
    """Return the paths of suns at `azimuth_deg` (clockwise from north) and `altitude_deg` over cells of `cell_m`."""
    count = len(azimuth_deg)
    out = Paths(*(np.zeros(count, t) for t in (bool, bool, bool, np.float64, np.float32)))
    for k in range(count):
        east, north = math.sin(math.radians(azimuth_deg[k])), math.cos(math.radians(azimuth_deg[k]))
        along, aside = (north, east) if abs(north) >= abs(east) else (east, north)
        out.up[k] = altitude_deg[k] > 0.0
        out.sideways[k] = abs(north) < abs(east)
        out.descending[k] = east > 0.0 if out.sideways[k] else north < 0.0
        out.shift[k] = -aside / along
        out.drop[k] = cell_m * math.tan(math.radians(max(altitude_deg[k], MIN_ALTITUDE_DEG))) / abs(along)
    return out


def halo_cells(relief_m: float, cell_m: float, altitude_deg: float) -> int:
    """Return how many cells around a tile can shade it when heights differ by `relief_m` and the sun is not lower.

    Parameters
    ----------
    relief_m : float
        Highest surface or crown minus lowest receiver, m.
    cell_m : float
        Width of a cell, m.
    altitude_deg : float
        Lowest sun; taken as at least `MIN_ALTITUDE_DEG`.
    """
    slope = math.tan(math.radians(max(altitude_deg, MIN_ALTITUDE_DEG)))
    return math.ceil(max(relief_m, 0.0) / (cell_m * slope)) + 2


def _cells(shape: tuple[int, ...], first: int, path: Paths, k: int) -> Iterator[tuple]:
    """Yield (cell, line, neighbour, ways, halves) in the order in which light of sun `k` passes the cells.

    The light runs along the columns. The neighbour is the cell through which the ray of this line enters the row, None
    where that is the cell itself. The ways are what the ray lies aside, in columns: from the cell's middle in the
    middle of the row, then at the far edge, and from the neighbour's middle at the near edge. The halves (0 to the
    previous column) are those in which the ray is: of the cell in the near and in the far half of the row, of the
    neighbour at the near edge.
    """
    rows, columns = shape
    shift, back = path.shift[k], 0.5 if path.descending[k] else -0.5
    for i in range(rows - 1, -1, -1) if path.descending[k] else range(rows):
        row = first + i
        moved = math.floor(row * shift + 0.5)
        aside = math.floor((row + back) * shift + 0.5) - moved
        ways = row * shift - moved, (row - back) * shift - moved, (row + back) * shift - moved - aside
        quarters = (row + 0.5 * back) * shift - moved, (row - 0.5 * back) * shift - moved, ways[2]
        halves = tuple(int(way >= 0.0) for way in quarters)
        for j in range(columns):
            enters = aside != 0 and 0 <= j + aside < columns
            yield (i, j), j - moved, (i, j + aside) if enters else None, ways, halves


def _at(height: np.float32, rise: Float32, cell: tuple[int, int], way: float) -> np.float32:
    """Return the height of the roof where a ray passes `way` columns aside of the middle of a cell."""
    return np.float32(height + np.float32(abs(way)) * rise[(int(way < 0.0), *cell)])


class Shadow(NamedTuple):
    """Shadow heights over every cell for one sun, m."""

    opaque: Float32
    """What is not higher is in shadow."""
    top: Float32
    under: Float32
    """Light that reaches the cell between these heights has passed a crown."""
    wall_top: Float32
    wall_under: Float32
    """The same where the light leaves the cell, which counts the cell's own crown."""
    rise: Float32
    """What the cell's plane is higher where the ray passes than in its middle."""


def _shadow(
    surface_m: Float32, rise: tuple[Float32, Float32], canopy_m: Float32, trunk_m: Float32, first: tuple[int, int],
    path: Paths, k: int, cuts: tuple[Int64, Float32] = (NO_CUT, NO_CUT_PLANE),
) -> Shadow:  # fmt: skip
    """Walk the grid for sun `k`, cell by cell; `rise` as of `rises`, cuts as of `oriented`."""
    if not path.sideways[k]:
        return _walk(surface_m, rise, canopy_m, trunk_m, first[0], path, k, cuts)
    turned = rise[1].T, rise[0].T
    return Shadow(*(a.T for a in _walk(surface_m.T, turned, canopy_m.T, trunk_m.T, first[1], path, k, cuts)))


def _walk(
    surface_m: Float32, rise: tuple[Float32, Float32], canopy_m: Float32, trunk_m: Float32, first: int, path: Paths,
    k: int, cuts: tuple[Int64, Float32],
) -> Shadow:  # fmt: skip
    """Walk the grid along its columns."""
    roof, drop = halves_of(surface_m, *rise, *cuts), path.drop[k]
    half, deep = np.float32(0.5) * drop, np.float32(1.5) * drop
    far, near = (1, 0) if path.descending[k] else (0, 1)
    opaque: dict[int, np.float32] = {}
    crowns: dict[int, tuple[np.float32, np.float32]] = {}
    out = Shadow(*(np.full(surface_m.shape, v, np.float32) for v in (LOW, LOW, HIGH, LOW, HIGH, 0.0)))
    for cell, line, neighbour, (middle, ahead, entry), (c, d, e) in _cells(surface_m.shape, first, path, k):
        s = out.opaque[cell] = opaque.get(line, LOW)
        out.rise[cell] = np.float32(middle) * rise[1][cell]
        z = roof.z[near, d][cell] - abs(np.float32(middle) * roof.aside[near, d][cell])
        if roof.z[far, c][cell] > roof.z[near, d][cell]:
            z = max(z, roof.z[far, c][cell] + np.float32(middle) * roof.aside[far, c][cell])
        edge = _at(roof.edge[far, d][cell], roof.edge_rise[far, d], cell, ahead)
        opaque[line] = max(max(s, z) - drop, edge - (drop * roof.within[far, d][cell] + half))
        if neighbour is not None:
            edge = _at(roof.edge[near, e][neighbour], roof.edge_rise[near, e], neighbour, entry)
            opaque[line] = max(opaque[line], edge + (drop * roof.within[near, e][neighbour] - deep))
        if canopy_m.size == 0:
            continue
        top, under = out.top[cell], out.under[cell] = crowns.get(line, (LOW, HIGH))
        crowns[line] = (top - drop, under - drop)
        out.wall_top[cell], out.wall_under[cell] = top - half, under - half
        if canopy_m[cell] > trunk_m[cell]:
            crowns[line] = _join(top - drop, under - drop, canopy_m[cell] - half, trunk_m[cell] - deep)
            beyond = _join(top - half, under - half, canopy_m[cell], trunk_m[cell] - drop)
            out.wall_top[cell], out.wall_under[cell] = beyond
    return out


def _join(top: np.float32, under: np.float32, new_top: np.float32, new_under: np.float32) -> tuple:
    """Return the shadow interval of the crowns on a line after one more casts its own."""
    if new_under <= top and under <= new_top:
        return max(top, new_top), min(under, new_under)
    return (new_top, new_under) if new_top > top else (top, under)


def _light(
    shadow: Shadow, receiver_m: Float32, canopy_m: Float32, trunk_m: Float32, drop: np.float32
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which cells no opaque thing shades, and which of them have their light through a crown."""
    lit = shadow.opaque <= receiver_m + shadow.rise
    behind = (shadow.under <= receiver_m) & (receiver_m < shadow.top)
    if canopy_m.size > 0:
        behind |= (trunk_m - np.float32(0.5) * drop <= receiver_m) & (receiver_m < canopy_m) & (canopy_m > trunk_m)
    return lit, lit & behind


@variant(CELLS, "reference")
def sunlit_cells_reference(
    surface_m: Float32,
    receiver_m: Float32,
    slope_x: Float32,
    slope_y: Float32,
    canopy_m: Float32,
    trunk_m: Float32,
    label: Int32,
    receivers: int,
    cell_m: float,
    first_row: int,
    first_column: int,
    azimuth_deg: Float,
    altitude_deg: Float,
    cut: Int64 = NO_CUT,
    cut_plane: Float32 = NO_CUT_PLANE,
) -> tuple[Int32, Int32]:
    """Count the sunlit cells of every receiver for every sun.

    Parameters
    ----------
    surface_m : float32 [rows, columns], m
        Height of what is opaque: ground and buildings. Row 0 is in the north, column 0 in the west.
    receiver_m : float32 [rows, columns], m
        Height at which light counts, in the middle of the cell.
    slope_x, slope_y : float32 [rows, columns] or [0, 0]
        What the surface rises inside of its cell per metre to the east and to the north. Empty: all cells are level.
    canopy_m, trunk_m : float32 [rows, columns] or [0, 0], m
        Top and underside of tree crowns; no crown where the top does not exceed the underside. Empty: no trees.
    label : int32 [rows, columns]
        Receiver of each cell, -1 for none (ground, halo).
    receivers : int
        Number of receivers.
    cell_m : float
        Width of a cell, m.
    first_row, first_column : int
        Place of the first cell in the grid of the whole city.
    azimuth_deg, altitude_deg : float64 [suns], deg
        Azimuth clockwise from north. Nothing is lit by a sun at or below the horizon.
    cut, cut_plane : int64 and float32 [cuts, 3], optional
        Quarters of cells that the edge of a building cuts, as of `twin.kernels.solar.cut_cells.cut_cells`.

    Returns
    -------
    lit : int32 [receivers, suns]
        Cells that no opaque thing shades.
    behind : int32 [receivers, suns]
        Those of them whose light passes a tree crown.
    """
    counted = label >= 0
    path = paths(azimuth_deg, altitude_deg, cell_m)
    rise = rises(slope_x, slope_y, surface_m.shape, cell_m)
    out = np.zeros((2, receivers, len(azimuth_deg)), np.int32)
    for k in np.flatnonzero(path.up).tolist():
        cuts = oriented(cut, cut_plane, cell_m, bool(path.sideways[k]))
        shadow = _shadow(surface_m, rise, canopy_m, trunk_m, (first_row, first_column), path, k, cuts)
        for cells, of in zip(_light(shadow, receiver_m, canopy_m, trunk_m, path.drop[k]), out, strict=True):
            of[:, k] = np.bincount(label[counted & cells], minlength=receivers)
    return out[0], out[1]


@variant(BEAM, "reference")
def beam_sum_reference(
    surface_m: Float32,
    receiver_m: Float32,
    slope_x: Float32,
    slope_y: Float32,
    canopy_m: Float32,
    trunk_m: Float32,
    nx: Float32,
    ny: Float32,
    nz: Float32,
    transmissivity: float,
    cell_m: float,
    first_row: int,
    first_column: int,
    azimuth_deg: Float,
    altitude_deg: Float,
    weight: Float32,
) -> Float32:
    """Add the beam light of many suns on every cell: weight times the cosine of incidence times the light let through.

    Parameters
    ----------
    surface_m, receiver_m, slope_x, slope_y, canopy_m, trunk_m
        As `sunlit_cells_reference`.
    cell_m, first_row, first_column, azimuth_deg, altitude_deg
        As `sunlit_cells_reference`.
    nx, ny, nz : float32 [rows, columns]
        Unit normal of each cell: east, north, up.
    transmissivity : float
        Share of the beam that passes a crown.
    weight : float32 [suns]
        For example the direct normal irradiance, W/m².

    Returns
    -------
    float32 [rows, columns]
        Sum in the unit of `weight`.
    """
    path = paths(azimuth_deg, altitude_deg, cell_m)
    rise = rises(slope_x, slope_y, surface_m.shape, cell_m)
    total = np.zeros(surface_m.shape)
    for k in np.flatnonzero(path.up).tolist():
        turn, up = math.radians(azimuth_deg[k]), math.radians(altitude_deg[k])
        sun = (math.cos(up) * math.sin(turn), math.cos(up) * math.cos(turn), math.sin(up))
        cosine = np.maximum(sum(n.astype(np.float64) * s for n, s in zip((nx, ny, nz), sun, strict=True)), 0.0)
        shadow = _shadow(surface_m, rise, canopy_m, trunk_m, (first_row, first_column), path, k)
        lit, behind = _light(shadow, receiver_m, canopy_m, trunk_m, path.drop[k])
        total += weight[k] * cosine * np.where(behind, transmissivity, lit)
    return total.astype(np.float32)


@variant(WALLS, "reference")
def wall_sunlit_reference(
    surface_m: Float32,
    slope_x: Float32,
    slope_y: Float32,
    canopy_m: Float32,
    trunk_m: Float32,
    transmissivity: Float,
    row: Int64,
    column: Int64,
    foot_m: Float32,
    top_m: Float32,
    cell_m: float,
    first_row: int,
    first_column: int,
    azimuth_deg: Float,
    altitude_deg: Float,
) -> Float32:
    """Return the sunlit share of vertical strips, each standing behind the cell in front of a wall.

    The shadow height is taken where the light leaves that cell, half a cell beyond its centre, which is where the wall
    is on average. Whether the wall faces the sun is the caller's to know.

    Parameters
    ----------
    surface_m, slope_x, slope_y, canopy_m, trunk_m, cell_m, first_row, first_column, azimuth_deg, altitude_deg
        As `sunlit_cells_reference`.
    transmissivity : float64 [suns]
        Share of the beam that passes a crown.
    row, column : int64 [walls]
        Cell in front of each strip, in this tile.
    foot_m, top_m : float32 [walls], m
        Ends of the strip, top above foot.

    Returns
    -------
    float32 [walls, suns]
        0 in full shadow, 1 in full light.
    """
    path = paths(azimuth_deg, altitude_deg, cell_m)
    rise = rises(slope_x, slope_y, surface_m.shape, cell_m)
    out = np.zeros((len(row), len(azimuth_deg)), np.float32)
    for k in np.flatnonzero(path.up).tolist():
        shadow = _shadow(surface_m, rise, canopy_m, trunk_m, (first_row, first_column), path, k)
        low = np.clip(shadow.opaque[row, column] - np.float32(0.5) * path.drop[k], foot_m, top_m)
        top, under = shadow.wall_top[row, column], shadow.wall_under[row, column]
        veiled = np.maximum(np.minimum(top, top_m) - np.maximum(under, low), np.float32(0.0))
        light = (top_m - low) - np.float32(1.0 - transmissivity[k]) * veiled
        out[:, k] = light / (top_m - foot_m)
    return out
