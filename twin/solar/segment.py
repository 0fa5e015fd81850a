"""Roof planes from a surface model: which cells are roof, which planes they form, and the scene they stand in."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from twin.city.raster import Raster
from twin.city.raster_align import Heights, align, burn
from twin.errors import DataError
from twin.kernels.registry import get
from twin.solar.scene import NO_CROWN, Planes, Scene
from twin.solar.segment_planes import (
    Cells,
    Moments,
    dissolve,
    local_planes,
    merge,
    moments,
    parts,
    redraw,
    shares,
    without_small,
)
from twin.solar.walls import walls_of_raster

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]

MIN_HEIGHT_M = 2.5
"""Where no outlines are given, what stands this high above the ground and is no tree is a building (assumption: above
cars and hedges, below the eaves of a garage)."""
MIN_HEIGHT_IN_OUTLINE_M = 1.0
MIN_BUILDING_M2 = 16.0
"""Smaller things that stand alone are masts, kiosks and noise (assumption)."""
MIN_PLANE_M2 = 5.0
"""Smallest plane worth a row (assumption; suitability asks for more)."""
MAX_TILT_DEG = 75.0
"""Steeper planes are walls seen by the raster."""
FLAT_DEG = 1.0
"""Planes with less tilt than this, or than twice its standard error, are flat."""
TRUNK_SHARE = 0.25
"""Height of the lowest leaves over the height of the tree: the default of SOLWEIG (F. Lindberg, C. S. B. Grimmond, The
influence of vegetation and building morphology on shadow patterns and mean radiant temperatures in urban areas, Theor.
Appl. Climatol. 105 (2011) 311-323, doi:10.1007/s00704-010-0382-8)."""
MIN_CROWN_M = 1.0
"""Lower growth casts no shadow on roofs."""


@dataclass(frozen=True)
class Segmentation:
    """Roof planes of a surface model.

    Attributes
    ----------
    heights : Heights
    building : int32 (r, c), row of the cell's building in `building_ids`, -1 outside
    building_ids : str (b,), sorted
    label : int32 (r, c), row of the cell in `planes`, -1 where it is in none
    planes : Planes
    residual_m : float64 (p,), root mean square distance of the cells from their plane
    plane_m : float32 (r, c), height of the plane; the surface where there is none
    noise_m : noise of the surface that was found, m
    tree : bool (r, c), cells where the surface model shows a crown
    """

    heights: Heights
    building: Int32
    building_ids: NDArray[np.str_]
    label: Int32
    planes: Planes
    residual_m: NDArray[np.float64]
    plane_m: Float32
    noise_m: float
    tree: NDArray[np.bool_]

    @property
    def planar_share(self) -> float:
        """Share of the building cells that lie in a plane."""
        return float((self.label >= 0).sum() / max((self.building >= 0).sum(), 1))


def segment_roofs(
    heights: Heights, footprints: gpd.GeoDataFrame | None = None, *, variant: str = "numba"
) -> Segmentation:
    """Find the roof planes in a surface model.

    Planes are grown from the flattest spots of every building over cells that lie within three times the noise of the
    plane (`twin.kernels.solar.segmentation`); neighbours that are one plane are joined, and edges drawn where the
    planes are nearest. Tilt, azimuth and area are those of the plane of least squares.

    Parameters
    ----------
    heights : Heights
    footprints : GeoDataFrame, optional
        Outlines of buildings, indexed by id; those over which nothing stands are left out. Without outlines, buildings
        are the connected cells that stand more than `MIN_HEIGHT_M` above the ground and are no trees.
    variant : str
        Variant of the kernel.

    Raises
    ------
    DataError
        No building in the surface model.
    CrsError, GeometryError
        Outlines without a reference system, or of another place.
    """
    tree = _trees(heights)
    building, ids, weight = _buildings(heights, footprints, tree)
    if not (building >= 0).any():
        raise DataError(
            "the surface model shows no building",
            expected=f"cells more than {MIN_HEIGHT_M:g} m above the ground, {MIN_BUILDING_M2:g} m² together",
            remedy="check that surface and ground model are of the same place and in metres",
        )
    cell = heights.cell_m
    radius = min(max(1, round(1.25 / cell)), 4)
    local = local_planes(heights.surface_m, building, cell, radius)
    noise = _noise(local.residual_m, heights.step_m)
    tolerance = min(max(0.25, 3.0 * noise), 1.5)
    spread = cell * math.sqrt((2 * radius + 1) * radius * (radius + 1) * (2 * radius + 1) / 3.0)
    turn = min(max(math.radians(12.0), 3.0 * noise / spread), math.radians(30.0))
    seed = np.flatnonzero(np.isfinite(local.residual_m))
    seed = seed[np.argsort(local.residual_m.ravel()[seed], kind="stable")].astype(np.int64)
    min_cells = max(4, math.ceil(0.5 * MIN_PLANE_M2 / cell**2))
    region = get("solar.roof_regions", variant)(
        heights.surface_m,
        building,
        local.slope_east,
        local.slope_north,
        seed,
        float(cell),
        tolerance,
        math.cos(turn),
        min_cells,
    )
    cells = Cells(heights.surface_m, building, cell)
    owner = region.ravel()[cells.index].astype(np.int64)
    owner = merge(cells, owner, noise, turn)
    owner = dissolve(cells, owner, tolerance, max_cells=40)
    owner = redraw(cells, owner, 1.5 * tolerance)
    owner = parts(cells, merge(cells, owner, noise, turn))
    owner = without_small(owner, _worth_keeping(cells.moments(owner), cell))
    owner = redraw(cells, owner, 1.5 * tolerance, passes=3)
    owner = without_small(owner, _worth_keeping(cells.moments(owner), cell))
    state, area_cells, owner = _cut_at_edges(cells, owner, weight.ravel()[cells.index], cell, tolerance)
    return _segmentation(heights, building, ids, cells, owner, state, area_cells, noise, tree)


def _noise(residual_m: Float32, step_m: float) -> float:
    """Return the noise of the surface: what is usual in the windows that lie in one plane, and no less than the step.

    The 40th percentile stands for the windows in one plane, since some reach over ridges.
    """
    usable = residual_m[np.isfinite(residual_m)]
    found = float(np.percentile(usable, 40.0)) if len(usable) else 0.0
    return max(found, step_m / math.sqrt(12.0), 0.02)


def _trees(heights: Heights) -> NDArray[np.bool_]:
    """Return the cells whose surface is that of a crown: no higher above the ground than the canopy model says."""
    if heights.canopy_m.size == 0:
        return np.zeros(heights.surface_m.shape, bool)
    above = heights.surface_m - heights.ground_m
    return (heights.canopy_m >= MIN_CROWN_M) & (above <= heights.canopy_m + 1.0)


def _buildings(
    heights: Heights, footprints: gpd.GeoDataFrame | None, tree: NDArray[np.bool_]
) -> tuple[Int32, NDArray[np.str_], NDArray[np.float64]]:
    """Return the building of each cell, the ids, and the area in cells that each cell stands for."""
    above = heights.surface_m - heights.ground_m
    if footprints is not None:
        outlines = footprints.sort_index()
        building, weight = burn(outlines.geometry, heights)
        building[above < MIN_HEIGHT_IN_OUTLINE_M] = -1
        kept = np.bincount(building[building >= 0], minlength=len(outlines)) > 0
        return _renamed(building, kept), outlines.index.to_numpy()[kept].astype(np.str_), weight.astype(np.float64)
    high = (above > MIN_HEIGHT_M) & ~tree
    number, count = ndimage.label(high)
    kept = np.bincount(number[high] - 1, minlength=count) * heights.cell_m**2 >= MIN_BUILDING_M2
    width = len(str(int(kept.sum())))
    ids = np.array([f"building/{k + 1:0{width}d}" for k in range(int(kept.sum()))], np.str_)
    return _renamed(number.astype(np.int32) - 1, kept), ids, np.ones(above.shape)


def _renamed(building: Int32, kept: NDArray[np.bool_]) -> Int32:
    """Return the numbers of the buildings that are kept, without gaps."""
    table = np.full(len(kept) + 1, -1, np.int32)
    table[:-1][kept] = np.arange(kept.sum(), dtype=np.int32)
    return np.asarray(table[building])


def _tilt_and_azimuth(state: Moments, noise_m: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return tilt and azimuth of planes in degrees; 0 where they are flat."""
    east, north = state.slopes()
    slope = np.hypot(east, north)
    residual = np.maximum(state.residual(), noise_m)
    error = residual / np.sqrt(np.minimum(state.product[:, 0, 0], state.product[:, 1, 1]))
    flat = (slope < math.tan(math.radians(FLAT_DEG))) | (slope < 2.0 * error)
    # The plane falls against the gradient.
    azimuth = np.degrees(np.arctan2(-east, -north)) % 360.0
    return np.where(flat, 0.0, np.degrees(np.arctan(slope))), np.where(flat, 0.0, azimuth)


def _worth_keeping(state: Moments, cell_m: float) -> NDArray[np.bool_]:
    """Return the regions that are planes, large enough and no walls."""
    slope = np.hypot(*state.slopes())
    area = state.count * cell_m**2 * np.sqrt(1.0 + slope**2)
    return np.asarray((area >= MIN_PLANE_M2) & (slope <= math.tan(math.radians(MAX_TILT_DEG))))


def _cut_at_edges(
    cells: Cells, owner: NDArray[np.int64], weight: NDArray[np.float64], cell_m: float, tolerance_m: float
) -> tuple[Moments, NDArray[np.float64], NDArray[np.int64]]:
    """Return the planes fitted to whole cells alone, their area in cells, and the regions cut where planes meet."""
    reach = tolerance_m + 0.5 * cell_m
    state = cells.moments(owner)
    if len(state.count) == 0:
        return state, state.count, owner
    cut = shares(cells, owner, state, weight, cell_m, reach)
    before = np.bincount(owner[owner >= 0], minlength=len(state.count))
    for _ in range(3):
        after = np.bincount(cut.owner[cut.owner >= 0], minlength=len(state.count))
        # A plane that would lose half of its cells meets its neighbour elsewhere: it stays as it was grown.
        owner = np.where((owner >= 0) & (after < 0.5 * before)[owner], owner, cut.owner)
        pure = np.where(cut.core, owner, -1)
        fitted = np.bincount(pure[pure >= 0], minlength=len(state.count)) >= 6
        everything = cells.moments(owner)
        whole = moments(np.where(fitted[owner] & (owner >= 0), pure, owner), cells.x, cells.y, cells.z, len(fitted))
        line = np.isnan(whole.slopes()[0])
        state = Moments(
            np.where(line, everything.count, whole.count),
            np.where(line[:, None], everything.mean, whole.mean),
            np.where(line[:, None, None], everything.product, whole.product),
        )
        cut = shares(cells, owner, state, weight, cell_m, reach)
    return state, cut.area_cells, owner


def _segmentation(
    heights: Heights,
    building: Int32,
    ids: NDArray[np.str_],
    cells: Cells,
    owner: NDArray[np.int64],
    state: Moments,
    area_cells: NDArray[np.float64],
    noise_m: float,
    tree: NDArray[np.bool_],
) -> Segmentation:
    """Put regions into planes, sorted by building and falling area."""
    tilt, azimuth = _tilt_and_azimuth(state, noise_m)
    house = np.zeros(len(tilt), np.int64)
    house[owner[owner >= 0]] = cells.building[owner >= 0]
    area = area_cells * heights.cell_m**2 / np.cos(np.radians(tilt))
    seen = np.bincount(owner[owner >= 0], minlength=len(tilt)) > 0
    kept = seen & (area >= MIN_PLANE_M2) & (tilt <= MAX_TILT_DEG)
    if len(kept):
        owner = np.where((owner >= 0) & kept[owner], owner, -1)
    order = np.lexsort((-area, house))
    order = order[kept[order]]
    rank = np.full(len(kept), -1, np.int64)
    rank[order] = np.arange(len(order))
    row = np.where(owner >= 0, rank[owner], -1) if len(order) else owner
    house = house[order]
    number = np.arange(len(house)) - np.searchsorted(house, house)
    names = np.array([f"{ids[h]}/p{k}" for h, k in zip(house, number, strict=True)], np.str_)
    label = np.full(building.shape, -1, np.int32)
    label.ravel()[cells.index] = row
    slope = np.tan(np.radians(tilt))
    east, north = -slope * np.sin(np.radians(azimuth)), -slope * np.cos(np.radians(azimuth))
    used = owner >= 0
    mean = state.mean[owner[used]]
    plane_m = heights.surface_m.copy()
    plane_m.ravel()[cells.index[used]] = (
        mean[:, 2]
        + east[owner[used]] * (cells.x[used] - mean[:, 0])
        + north[owner[used]] * (cells.y[used] - mean[:, 1])
    )
    planes = Planes(house, number, tilt[order], azimuth[order], area[order], names)
    return Segmentation(heights, building, ids, label, planes, state.residual()[order], plane_m, noise_m, tree)


def scene_of(
    segmentation: Segmentation,
    *,
    outlines: gpd.GeoSeries | None = None,
    trunk_share: float = TRUNK_SHARE,
    evergreen_share: float = 0.0,
) -> Scene:
    """Return the scene of segmented roofs; its receivers are the planes.

    Roof cells that lie in a plane take the plane's height, so that the noise of the survey casts no shadow; all other
    cells keep that of the surface model. Crowns stand on the ground, as high as the canopy model says. Walls stand on
    the `outlines` of buildings (by id); without them no walls are known.
    """
    heights, label = segmentation.heights, segmentation.label
    surface = np.where(segmentation.tree & (segmentation.building < 0), heights.ground_m, segmentation.plane_m)
    slope = np.append(np.tan(np.radians(segmentation.planes.tilt_deg)), 0.0)
    facing = np.append(np.radians(segmentation.planes.azimuth_deg), 0.0)
    east, north = ((-slope * f(facing)).astype(np.float32) for f in (np.sin, np.cos))
    canopy = trunk = NO_CROWN
    if (heights.canopy_m >= MIN_CROWN_M).any():
        top = heights.ground_m + heights.canopy_m
        crown = (heights.canopy_m >= MIN_CROWN_M) & (top > surface)
        foot = heights.ground_m + np.float32(trunk_share) * heights.canopy_m
        canopy = np.where(crown, top, surface)
        trunk = np.where(crown, np.maximum(foot, surface), surface)
    scene = Scene(
        west=heights.west,
        north=heights.north,
        cell_m=heights.cell_m,
        surface_m=surface,
        receiver_m=surface,
        slope_x=east[label],
        slope_y=north[label],
        canopy_m=canopy,
        trunk_m=trunk,
        label=label,
        planes=segmentation.planes,
        buildings=len(segmentation.building_ids),
        evergreen_share=evergreen_share,
    )
    if outlines is None:
        return scene
    shapes = outlines.reindex(segmentation.building_ids.tolist()).to_numpy()
    return replace(scene, walls=walls_of_raster(scene, segmentation.building, heights.ground_m, shapes))


def scene_from_rasters(
    surface: Raster,
    ground: Raster,
    canopy: Raster | None = None,
    footprints: gpd.GeoDataFrame | None = None,
    *,
    above_ground: bool = False,
    trunk_share: float = TRUNK_SHARE,
    evergreen_share: float = 0.0,
) -> Scene:
    """Return the scene of a surface model, a terrain model and, where there is one, a canopy model.

    Parameters
    ----------
    surface, ground, canopy : Raster
        See `twin.city.raster_align.align`.
    footprints : GeoDataFrame, optional
        Outlines of buildings, indexed by id; walls stand on them. Without them the scene has no walls.
    above_ground : bool
        `surface` holds heights above the ground.
    trunk_share : float
        Height of the lowest leaves over the height of the tree.
    evergreen_share : float
        Share of crown area that keeps its leaves in winter.

    Raises
    ------
    CrsError, GeometryError, DataError
        See `align` and `segment_roofs`.
    """
    heights = align(surface, ground, canopy, above_ground=above_ground)
    found = segment_roofs(heights, footprints)
    return scene_of(
        found,
        outlines=footprints.geometry.to_crs(heights.crs) if footprints is not None else None,
        trunk_share=trunk_share,
        evergreen_share=evergreen_share,
    )
