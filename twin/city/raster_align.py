"""Height rasters of one place put on one grid, holes filled, contradictions named: the input of a raster scene."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from scipy import ndimage

from twin.city.raster import Raster
from twin.errors import CrsError, GeometryError

Floats = NDArray[np.float32]

BELOW_TOLERANCE_M = 1.0
"""A surface this far below the ground is a contradiction of the two models, not their noise (assumption)."""
MAX_BELOW_SHARE = 0.5
"""Where more of the surface than this lies below the ground, the files do not belong together (assumption)."""

SAMPLES = 8
"""Points by side of a cell at the edge of an outline, to tell how much of the cell it covers."""


@dataclass(frozen=True)
class Heights:
    """Rasters of one place on one grid, without holes.

    Parameters
    ----------
    surface_m, ground_m : float32 (rows, columns), m above sea level; surface >= ground
    canopy_m : float32 (rows, columns), height of the crowns above the ground in m, 0 where there are none; shape (0, 0)
        without a canopy model
    west, north, cell_m, crs : as in `Raster`
    step_m : step between the values of the surface, m; 0 when continuous
    repairs : what was filled, cut and resampled, one line each
    """

    surface_m: Floats
    ground_m: Floats
    canopy_m: Floats
    west: float
    north: float
    cell_m: float
    crs: str
    step_m: float
    repairs: tuple[str, ...]


def align(surface: Raster, ground: Raster, canopy: Raster | None = None, *, above_ground: bool = False) -> Heights:
    """Put a surface model, a terrain model and a canopy model on the grid of the surface model.

    The ground is interpolated bilinearly, the canopy takes the nearest cell. A hole of the ground takes the nearest
    known ground, a hole of the surface the ground, a hole of the canopy is without trees. Where the surface lies below
    the ground it is raised to it. Everything is cut to where both surface and ground are.

    Parameters
    ----------
    surface, ground : Raster
    canopy : Raster, optional
        Heights of the crowns above the ground.
    above_ground : bool
        The surface model holds heights above the ground (a normalised surface model) instead of above sea level.

    Raises
    ------
    CrsError
        Rasters in different reference systems.
    GeometryError
        Rasters that do not overlap, or a surface below the ground over more than half of the area.
    """
    for other in (ground, canopy):
        _check_same_crs(surface, other)
    log: list[str] = []
    surface = _cut(surface, ground, log)
    below = _fill_nearest(_bilinear(ground, surface), ground.where, log)
    heights = surface.values.copy()
    if above_ground:
        heights = np.maximum(heights, np.float32(0.0)) + below
    holes = np.isnan(heights)
    heights[holes] = below[holes]
    if holes.any():
        log.append(f"{surface.where}: {_cells(holes)} without data take the height of the ground")
    _raise_to_ground(heights, below, surface.where, log)
    crowns = np.zeros((0, 0), np.float32) if canopy is None else _crowns(canopy, surface, log)
    return Heights(
        heights, below, crowns, surface.west, surface.north, surface.cell_m, surface.crs, surface.step_m, tuple(log)
    )


def burn(shapes: gpd.GeoSeries, heights: Heights, where: str = "footprints") -> tuple[NDArray[np.int32], Floats]:
    """Put polygons on the grid.

    Returns
    -------
    number : int32 (rows, columns)
        Row of the polygon that holds the middle of a cell (the last one of several), -1 for none.
    weight : float32 (rows, columns)
        Area of the polygon that such a cell stands for, in cells: the part of the cell that it covers, and its part of
        neighbouring cells whose middle it misses.

    Raises
    ------
    CrsError
        Polygons without a reference system.
    GeometryError
        No polygon on the raster.
    """
    if shapes.crs is None:
        raise CrsError("the outlines name no coordinate reference system", where=where, expected="a CRS")
    outlines = shapely.make_valid(shapes.to_crs(heights.crs).to_numpy())
    rows, columns = heights.surface_m.shape
    number, weight = np.full((rows, columns), -1, np.int32), np.zeros((rows, columns), np.float32)
    cell = heights.cell_m
    for k, outline in enumerate(outlines):
        if outline is None or shapely.is_empty(outline):
            continue
        west, south, east, north = shapely.bounds(outline)
        left, right = math.floor((west - heights.west) / cell) - 1, math.ceil((east - heights.west) / cell) + 1
        top, bottom = math.floor((heights.north - north) / cell) - 1, math.ceil((heights.north - south) / cell) + 1
        window = (slice(max(top, 0), max(min(bottom, rows), 0)), slice(max(left, 0), max(min(right, columns), 0)))
        if number[window].size == 0:
            continue
        shapely.prepare(outline)
        x = heights.west + (np.arange(columns, dtype=np.float64)[window[1]] + 0.5) * cell
        y = heights.north - (np.arange(rows, dtype=np.float64)[window[0]] + 0.5) * cell
        inside = np.asarray(shapely.contains_xy(outline, x[None, :], y[:, None]))
        number[window][inside] = k
        weight[window][inside] = _weights(outline, inside, x, y, cell)[inside]
    if not (number >= 0).any():
        raise GeometryError(
            "no outline lies on the raster", where=where, expected="outlines and raster of the same place"
        )
    return number, weight


def _weights(
    outline: shapely.Geometry, inside: NDArray[np.bool_], x: NDArray[np.float64], y: NDArray[np.float64], cell: float
) -> Floats:
    """Return the area of an outline that each cell stands for, in cells; that of cells outside goes to a neighbour."""
    edge = ndimage.maximum_filter(inside, 3) & ~ndimage.minimum_filter(inside, 3, mode="constant", cval=0)
    row, column = np.nonzero(edge)
    offset = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
    along, down = (part.ravel() * cell for part in np.meshgrid(offset, offset))
    hits = shapely.contains_xy(outline, x[column][:, None] + along, y[row][:, None] + down)
    covered = inside.astype(np.float32)
    covered[edge] = np.asarray(hits).mean(axis=1)
    weight = np.pad(np.where(inside, covered, np.float32(0.0)), 1)
    rest, home = np.where(inside, np.float32(0.0), covered), np.pad(inside, 1)
    for i, j in ((0, 1), (1, 0), (1, 2), (2, 1), (0, 0), (0, 2), (2, 0), (2, 2)):
        there = (slice(i, i + inside.shape[0]), slice(j, j + inside.shape[1]))
        given = home[there] & (rest > 0)
        weight[there][given] += rest[given]
        rest[given] = 0.0
    return np.asarray(weight[1:-1, 1:-1], np.float32)


def _check_same_crs(surface: Raster, other: Raster | None) -> None:
    if other is None or other.crs == surface.crs:
        return
    first, second = CRS(surface.crs), CRS(other.crs)
    if not first.equals(second, ignore_axis_order=True):
        raise CrsError(
            f"the rasters are in different reference systems: {first.name} ({surface.where}) and {second.name}",
            where=other.where,
            expected=f"{first.name} for both",
            remedy="warp one to the system of the other, for example with gdalwarp -t_srs",
        )


def _cut(surface: Raster, ground: Raster, log: list[str]) -> Raster:
    """Return the part of the surface whose cells have their middle over the ground model."""
    west, south, east, north = ground.bounds
    cell, (rows, columns) = surface.cell_m, surface.values.shape
    left = max(math.ceil((west - surface.west) / cell - 0.5), 0)
    right = min(math.floor((east - surface.west) / cell - 0.5) + 1, columns)
    top = max(math.ceil((surface.north - north) / cell - 0.5), 0)
    bottom = min(math.floor((surface.north - south) / cell - 0.5) + 1, rows)
    if left >= right or top >= bottom:
        edges = (", ".join(f"{v:.10g}" for v in raster.bounds) for raster in (surface, ground))
        raise GeometryError(
            f"the rasters do not overlap: {next(edges)} m ({surface.where}) and {next(edges)} m",
            where=ground.where,
            expected="two models of the same place",
            remedy="check which tiles belong together",
        )
    if (bottom - top, right - left) == (rows, columns):
        return surface
    log.append(
        f"{surface.where}: cut to the extent of the ground, {bottom - top} of {rows} rows and "
        f"{right - left} of {columns} columns"
    )
    values = np.ascontiguousarray(surface.values[top:bottom, left:right])
    return replace(surface, values=values, west=surface.west + left * cell, north=surface.north - top * cell)


def _centres(target: Raster, source: Raster) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the middles of the cells of `target` as fractional rows and columns of `source` (0 = first middle)."""
    rows, columns = target.values.shape
    y = target.north - (np.arange(rows, dtype=np.float64) + 0.5) * target.cell_m
    x = target.west + (np.arange(columns, dtype=np.float64) + 0.5) * target.cell_m
    return (source.north - y) / source.cell_m - 0.5, (x - source.west) / source.cell_m - 0.5


def _bilinear(source: Raster, target: Raster) -> Floats:
    """Return `source` at the middles of the cells of `target`; a hole among the four neighbours makes a hole."""
    row, column = _centres(target, source)
    i, j = (np.floor(np.round(at, 6)).astype(np.int64) for at in (row, column))
    down = (np.round(row, 6) - i).astype(np.float32)[:, None]
    along = (np.round(column, 6) - j).astype(np.float32)
    last_row, last_column = (n - 1 for n in source.values.shape)
    i0, i1 = np.clip(i, 0, last_row)[:, None], np.clip(i + 1, 0, last_row)[:, None]
    j0, j1 = np.clip(j, 0, last_column), np.clip(j + 1, 0, last_column)
    # A weight of zero must not let the hole of an unused neighbour through.
    i1, j1 = np.where(down == 0, i0, i1), np.where(along == 0, j0, j1)
    values, one = source.values, np.float32(1.0)
    upper = values[i0, j0] * (one - along) + values[i0, j1] * along
    lower = values[i1, j0] * (one - along) + values[i1, j1] * along
    return np.asarray(upper * (one - down) + lower * down, np.float32)


def _fill_nearest(values: Floats, where: str, log: list[str]) -> Floats:
    holes = np.isnan(values)
    if not holes.any():
        return values
    if holes.all():
        raise GeometryError("the ground has no data under the surface model", where=where)
    nearest = ndimage.distance_transform_edt(holes, return_distances=False, return_indices=True)
    log.append(f"{where}: {_cells(holes)} without ground take that of the nearest cell")
    return np.asarray(values[tuple(nearest)], np.float32)


def _raise_to_ground(heights: Floats, ground: Floats, where: str, log: list[str]) -> None:
    """Raise the surface to the ground where it is below, in place."""
    deep = heights < ground - np.float32(BELOW_TOLERANCE_M)
    share = float(deep.mean())
    if share > MAX_BELOW_SHARE:
        raise GeometryError(
            f"the surface lies below the ground in {100 * share:.0f} % of the cells",
            where=where,
            expected="heights above sea level in both models",
            remedy="if the surface model holds heights above the ground, say so (above ground); else check the files",
        )
    low = heights < ground
    heights[low] = ground[low]
    if deep.any():
        log.append(f"{where}: {_cells(deep)} more than {BELOW_TOLERANCE_M:g} m below the ground are raised to it")


def _crowns(canopy: Raster, target: Raster, log: list[str]) -> Floats:
    """Return the heights of the crowns on the grid of `target`; where the canopy model ends there are none."""
    row, column = (np.floor(at + 0.5).astype(np.int64) for at in _centres(target, canopy))
    rows, columns = canopy.values.shape
    inside = ((row >= 0) & (row < rows))[:, None] & ((column >= 0) & (column < columns))
    if not inside.any():
        raise GeometryError(
            "the canopy model does not overlap the surface model",
            where=canopy.where,
            expected="models of the same place",
        )
    values = canopy.values[np.clip(row, 0, rows - 1)[:, None], np.clip(column, 0, columns - 1)]
    holes = inside & np.isnan(values)
    if holes.any():
        log.append(f"{canopy.where}: {_cells(holes)} without data count as without trees")
    if not inside.all():
        log.append(f"{canopy.where}: {_cells(~inside)} outside the canopy model count as without trees")
    return np.where(inside & ~holes, values, np.float32(0.0)).astype(np.float32)


def _cells(mask: NDArray[np.bool_]) -> str:
    n = int(mask.sum())
    return "1 cell" if n == 1 else f"{n} cells"
