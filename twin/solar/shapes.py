"""From the city's vectors to what rasters of any window are made of: roof polygons, plane equations, crowns, ground.

A building with rows in `City.roof_planes` has these roof surfaces, and a body under them up to their lowest point so
that gaps between them stay opaque. Every other building has the parametric roof of its columns: eaves at `height_m`,
planes of one tilt that rise from the sides of the footprint's rectangle along `roof_azimuth_deg` (the lower envelope of
two for a gable, of four for a hip), and no higher than the ridge of the rectangle that has the footprint's area and
perimeter. So a box has its exact roof, and a perimeter block the roof of its wings with a flat ridge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

import twin.kernels.solar.rasterise  # noqa: F401 registers the family
from twin.city.model import City, Terrain
from twin.kernels.registry import get
from twin.kernels.solar.cut_cells import QUARTERS, cut_cells, quarter_ways
from twin.kernels.solar.rasterise import RASTERISE, covered_cells
from twin.solar.crowns import Crowns, crowns_of
from twin.solar.ground import ground_height, ground_raster
from twin.solar.roof_shapes import RoofPlanes, Surfaces, detailed_roofs, parametric_roofs
from twin.solar.scene import NO_CROWN, NO_RECEIVER, Planes, Scene, Window

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]
Objects = NDArray[np.object_]


@dataclass(frozen=True)
class Spots:
    """Planes that cover no cell centre, and the cell each is looked at from. Arrays over such planes.

    `plane` looks out of the cell (`row`, `column`) at `height_m`, if the cell is not another plane's; of several in one
    cell the first does it for all.
    """

    plane: Int
    row: Int
    column: Int
    height_m: Float32


@dataclass(frozen=True)
class Shapes:
    """All that casts shadow or receives light in a city, as vectors, on the grid of `cell_m`.

    Attributes
    ----------
    planes : Planes
    surfaces : Surfaces
        Of `planes`.
    footprint : object [n]
        Shapely polygons.
    box : int64 [n, 4]
        First and last row, first and last column (global, last not included) of each building.
    middle : int64 [n, 2]
        Global cell (row, column) that decides which tile looks at the building.
    top_m : float64 [n]
        Highest point of each building.
    polygons : tuple of arrays
        edge_start, x1, y1, x2, y2, plane_start, label and seven columns of plane equations, as the kernel takes them,
        sorted by building id.
    inner : int64 [p, 2]
        Global cell under a point of each plane.
    spots : Spots
    storey_m : float64 [n]
        Height of the storeys of each building.
    host : int64 [p]
        For planes without a cell: the plane whose spot they share, else -1.
    """

    cell_m: float
    planes: Planes
    surfaces: Surfaces
    footprint: Objects
    box: Int
    middle: Int
    top_m: Float
    polygons: tuple[NDArray[np.generic], ...]
    inner: Int
    spots: Spots
    host: Int
    storey_m: Float
    terrain: Terrain
    crowns: Crowns | None

    @property
    def buildings(self) -> int:
        """Number of buildings in the city."""
        return len(self.footprint)

    def ground(self, window: Window) -> Float32:
        """Return the height of the ground in a window."""
        return ground_raster(self.terrain, window, self.cell_m)

    def raster(self, window: Window, variant: str = "numba") -> Scene:
        """Return the scene of a window; its labels are rows of `planes`, all planes of the city."""
        corner = (window.first_row, window.first_column, self.cell_m)
        ground = self.ground(window)
        surface, slope_x, slope_y, label = get(RASTERISE, variant)(ground, *self.polygons, *corner)
        aside = (_moved(self.polygons, *quarter_ways(q, self.cell_m)) for q in range(QUARTERS))
        quarters = (get(RASTERISE, variant)(ground, *polygons, *corner)[:3] for polygons in aside)
        cut, cut_plane = cut_cells(self.cell_m, surface, slope_x, slope_y, quarters)
        receiver = surface.copy()
        self._claim(window, surface, receiver, label)
        canopy, trunk = NO_CROWN, NO_CROWN
        if self.crowns is not None:
            canopy, trunk = self.crowns.raster(window, surface, self.cell_m)
        return Scene(
            west=window.first_column * self.cell_m,
            north=-window.first_row * self.cell_m,
            cell_m=self.cell_m,
            surface_m=surface,
            receiver_m=receiver,
            slope_x=slope_x,
            slope_y=slope_y,
            canopy_m=canopy,
            trunk_m=trunk,
            label=label,
            planes=self.planes,
            buildings=self.buildings,
            host=self.host,
            cut=cut,
            cut_plane=cut_plane,
            evergreen_share=self.crowns.evergreen_share if self.crowns is not None else 0.0,
            storey_m=self.storey_m,
        )

    def _claim(self, window: Window, surface: Float32, receiver: Float32, label: NDArray[np.int32]) -> None:
        """Give planes too small to cover a cell centre the cell that they lie in, where it is nobody's."""
        spots = self.spots
        rows, columns = window.shape
        i, j = spots.row - window.first_row, spots.column - window.first_column
        here = np.flatnonzero((i >= 0) & (i < rows) & (j >= 0) & (j < columns))
        here = here[label[i[here], j[here]] == NO_RECEIVER]
        i, j = i[here], j[here]
        label[i, j] = spots.plane[here]
        receiver[i, j] = np.maximum(surface[i, j], spots.height_m[here])


def _moved(polygons: tuple[NDArray, ...], east: float, north: float) -> tuple[NDArray, ...]:
    """Return the polygons so that cells are looked at `east` and `north` (m) of their middles."""
    start, x1, y1, x2, y2, plane_start, label, x0, y0, *rest = polygons
    x1, x2, x0 = (x - east for x in (x1, x2, x0))
    y1, y2, y0 = (y - north for y in (y1, y2, y0))
    return start, x1, y1, x2, y2, plane_start, label, x0, y0, *rest


def shapes_of_city(city: City, cell_m: float) -> Shapes:
    """Return what the rasters of a city are made of."""
    footprint = city.buildings.geometry.to_numpy()
    centre = shapely.get_coordinates(shapely.centroid(footprint))
    base = ground_height(city.terrain, centre[:, 0], centre[:, 1])
    detailed = detailed_roofs(city)
    own = np.zeros(len(footprint), bool)
    own[detailed.building] = True
    roofs = _joined(parametric_roofs(city, base, np.flatnonzero(~own)), detailed)
    top = np.full(len(footprint), -np.inf)
    np.maximum.at(top, roofs.building, roofs.surfaces.high)
    inner = _inner_points(footprint, roofs)
    cell = np.floor(np.stack([-inner[:, 1], inner[:, 0]], axis=1) / cell_m).astype(np.int64)
    ranks = _ranks(city)
    shapes = Shapes(
        cell_m=cell_m,
        planes=Planes(roofs.building, roofs.number, roofs.tilt_deg, roofs.azimuth_deg, roofs.area_m2, roofs.ids),
        surfaces=roofs.surfaces,
        footprint=footprint,
        box=_boxes(footprint, roofs, cell_m),
        middle=np.floor(np.stack([-centre[:, 1], centre[:, 0]], axis=1) / cell_m).astype(np.int64),
        top_m=top,
        polygons=_polygons(footprint, roofs, own, ranks),
        inner=cell,
        spots=Spots(*(np.zeros(0, t) for t in (np.int64, np.int64, np.int64, np.float32))),  # type: ignore[arg-type]
        host=np.full(len(roofs.building), -1, np.int64),
        storey_m=storey_heights(city),
        terrain=city.terrain,
        crowns=crowns_of(city),
    )
    return _with_spots(shapes, roofs, inner, ranks)


def storey_heights(city: City) -> Float:
    """Return the mean height of the storeys below the eaves of each building, float64 [n] in m."""
    height, levels = (city.buildings[name].to_numpy(np.float64) for name in ("height_m", "levels"))
    return np.asarray(height / np.maximum(np.round(levels), 1.0))


def _ranks(city: City) -> Int:
    """Return the place of each building in the order of ids, which decides where two roofs are equally high."""
    ranks = np.empty(len(city.buildings), np.int64)
    ranks[np.argsort(np.asarray(city.buildings.index, dtype=np.str_), kind="stable")] = np.arange(len(ranks))
    return ranks


def _joined(simple: RoofPlanes, detailed: RoofPlanes) -> RoofPlanes:
    """Return both kinds of roofs, sorted by building."""
    building = np.concatenate([simple.building, detailed.building])
    order = np.lexsort((np.concatenate([simple.number, detailed.number]), building))

    def both(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(simple, name), getattr(detailed, name)])[order]

    names = ("building", "number", "tilt_deg", "azimuth_deg", "area_m2", "ids", "outline")
    surfaces = simple.surfaces.joined(detailed.surfaces).take(order)
    return RoofPlanes(surfaces=surfaces, **{name: both(name) for name in names})  # type: ignore[arg-type]


def _boxes(footprint: Objects, roofs: RoofPlanes, cell_m: float) -> Int:
    """Return the cells that each building, roof overhangs included, may touch."""
    bounds = shapely.bounds(footprint).reshape(-1, 4)
    own = np.flatnonzero(shapely.is_geometry(roofs.outline))
    eaves = shapely.bounds(roofs.outline[own]).reshape(-1, 4)
    for k, smaller in enumerate((True, True, False, False)):
        (np.minimum if smaller else np.maximum).at(bounds[:, k], roofs.building[own], eaves[:, k])
    west, south, east, north = bounds.T / cell_m
    edges = (np.floor(-north), np.ceil(-south), np.floor(west), np.ceil(east))
    return np.asarray(np.stack(edges, axis=1).astype(np.int64))


def _inner_points(footprint: Objects, roofs: RoofPlanes) -> Float:
    """Return a point inside each plane that has an outline, and inside the footprint of the others."""
    points = shapely.get_coordinates(shapely.point_on_surface(footprint))[roofs.building]
    own = np.flatnonzero(shapely.is_geometry(roofs.outline))
    points[own] = shapely.get_coordinates(shapely.point_on_surface(shapely.force_2d(roofs.outline[own])))
    return np.asarray(points)


def _polygons(footprint: Objects, roofs: RoofPlanes, own: NDArray[np.bool_], ranks: Int) -> tuple[NDArray, ...]:
    """Return all polygons as the kernel takes them, by building id: roofs, then the bodies under 3D roofs."""
    count = np.bincount(roofs.building, minlength=len(footprint))
    first = np.cumsum(count) - count
    bodies, simple = np.flatnonzero(own), np.flatnonzero(~own)
    surfaces = np.flatnonzero(own[roofs.building])
    floor = np.minimum.reduceat(roofs.surfaces.low, first) if len(footprint) else np.zeros(0)
    zero = np.zeros(len(bodies))
    body_planes = Surfaces(zero, zero, floor[bodies], zero, zero, floor[bodies], floor[bodies])
    building = np.concatenate([bodies, simple, roofs.building[surfaces]])
    last = int(count.max(initial=0))
    number = np.concatenate([np.full(len(bodies), last), np.full(len(simple), 0), roofs.number[surfaces]])
    start = np.concatenate([len(roofs.building) + np.arange(len(bodies)), first[simple], surfaces])
    planes = np.concatenate([np.ones(len(bodies), np.int64), count[simple], np.ones(len(surfaces), np.int64)])
    shape = np.concatenate([footprint[bodies], footprint[simple], roofs.outline[surfaces]])
    order = np.lexsort((number, ranks[building]))
    start, planes, shape = start[order], planes[order], shape[order]
    stop = np.concatenate([[0], np.cumsum(planes)])
    pick = np.arange(stop[-1]) + np.repeat(start - stop[:-1], planes)
    label = np.where(pick < len(roofs.building), pick, NO_RECEIVER).astype(np.int32)
    equations = roofs.surfaces.joined(body_planes).take(pick).columns()
    return (*_edges(shape), stop, label, *equations)


def _edges(shape: Objects) -> tuple[NDArray[np.generic], ...]:
    """Return edge_start, x1, y1, x2, y2 of all rings of polygons."""
    parts, part_owner = shapely.get_parts(shape, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = np.flatnonzero(ring[1:] == ring[:-1])
    owner = part_owner[ring_part[ring[same]]]
    start = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(shape)))])
    return start, *(np.ascontiguousarray(xy[same + k, axis]) for k in (0, 1) for axis in (0, 1))


def _with_spots(shapes: Shapes, roofs: RoofPlanes, inner: Float, ranks: Int) -> Shapes:
    """Return the shapes with a cell for every plane that covers no cell centre."""
    start, x1, y1, x2, y2, plane_start, label, x0, y0, z0, slope_x, slope_y, _, _ = shapes.polygons
    edges, equations = (start, x1, y1, x2, y2), (x0, y0, z0, slope_x, slope_y)
    covered = np.zeros(len(shapes.planes), np.int64)
    counts = covered_cells(*edges, plane_start, *equations, shapes.cell_m)
    roof = np.asarray(label) >= 0
    covered[label[roof]] = counts[roof]
    bare = np.flatnonzero(covered == 0)
    bare = bare[np.lexsort((roofs.number[bare], ranks[roofs.building[bare]]))]
    height = shapes.surfaces.height(bare, inner[bare, 0], inner[bare, 1])
    cell, place, which = np.unique(shapes.inner[bare], axis=0, return_index=True, return_inverse=True)
    which = which.ravel()
    highest = np.full(len(cell), -np.inf)
    np.maximum.at(highest, which, height)
    shapes.host[bare] = np.where(place[which] == np.arange(len(bare)), -1, bare[place[which]])
    spots = Spots(bare[place], cell[:, 0], cell[:, 1], highest.astype(np.float32))
    return replace(shapes, spots=spots)
