"""Planes in a height raster: local fits, moments of regions, regions put together and their edges drawn anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.csgraph import connected_components

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]
Int32 = NDArray[np.int32]

STRIP_ROWS = 512
"""Rows whose local fits are worked out at once: bounds the memory of the double precision in between."""


@dataclass(frozen=True)
class LocalPlanes:
    """Local fits: slopes (NaN where none fits), residual of the fit around the cell itself (inf where none fits)."""

    slope_east: Float32
    slope_north: Float32
    residual_m: Float32


def local_planes(height_m: Float32, building: Int32, cell_m: float, radius: int) -> LocalPlanes:
    """Fit a plane in the square window around every cell that lies in one building, and give each cell the best one.

    The slope of a cell is that of the window, among all that hold it, with the least residual (the edge-preserving
    choice of M. Kuwahara et al. 1976): beside a ridge it comes from the window that does not reach over it.

    Parameters
    ----------
    height_m : float32 (r, c)
    building : int32 (r, c), negative outside
    cell_m : side of a cell, m
    radius : half the window, cells; 1 makes windows of 3 by 3
    """
    rows, columns = height_m.shape
    east, north, residual = (np.full((rows, columns), value, np.float32) for value in (np.nan, np.nan, np.inf))
    halo = 2 * radius
    for first in range(0, rows, STRIP_ROWS):
        last = min(first + STRIP_ROWS, rows)
        top, bottom = max(first - halo, 0), min(last + halo, rows)
        part = slice(first - top, last - top)
        fits = _strip(height_m[top:bottom], building[top:bottom], cell_m, radius)
        east[first:last], north[first:last], residual[first:last] = (values[part] for values in fits)
    return LocalPlanes(east, north, residual)


def _strip(height_m: Float32, building: Int32, cell_m: float, radius: int) -> tuple[Float, Float, Float]:
    inside = building >= 0
    side = 2 * radius + 1
    lowest = ndimage.minimum_filter(building, side, mode="constant", cval=-1)
    whole = inside & (lowest == ndimage.maximum_filter(building, side, mode="constant", cval=-1))
    base = float(np.median(height_m[inside])) if inside.any() else 0.0
    z = np.where(inside, height_m.astype(np.float64) - base, 0.0)
    offset, one = np.arange(-radius, radius + 1.0), np.ones(side)

    def window(values: Float, down: Float, along: Float) -> Float:
        across = ndimage.correlate1d(values, along, axis=1, mode="constant")
        return np.asarray(ndimage.correlate1d(across, down, axis=0, mode="constant"))

    spread = side * float((offset**2).sum())
    along, down = window(z, one, offset), window(z, offset, one)
    rest = window(z * z, one, one) - window(z, one, one) ** 2 / side**2 - (along**2 + down**2) / spread
    own = np.where(whole, np.sqrt(np.maximum(rest, 0.0) / (side**2 - 3)), np.inf)
    slopes = np.stack([along, -down]) / (spread * cell_m)
    best = np.full(z.shape, np.inf)
    chosen = np.full((2, *z.shape), np.nan)
    padded = np.pad(own, radius, constant_values=np.inf)
    shifted = np.pad(slopes, ((0, 0), (radius, radius), (radius, radius)))
    rows, columns = z.shape
    # The window around the cell itself goes first: it is kept where others are only as good.
    for i, j in sorted(np.ndindex(side, side), key=lambda at: (at[0] - radius) ** 2 + (at[1] - radius) ** 2):
        candidate = padded[i : i + rows, j : j + columns]
        better = candidate < best
        best[better] = candidate[better]
        chosen[:, better] = shifted[:, i : i + rows, j : j + columns][:, better]
    chosen[:, ~inside] = np.nan
    return chosen[0], chosen[1], own


@dataclass(frozen=True)
class Moments:
    """Sums of the cells of regions: count, means of x (east), y (north), z (up), and centred products, float64 (p,)."""

    count: Float
    mean: Float
    """(p, 3)"""
    product: Float
    """(p, 3, 3)"""

    def slopes(self) -> tuple[Float, Float]:
        """Return the slopes east and north of the planes of least squares; NaN where the cells lie on a line."""
        m = self.product
        determinant = m[:, 0, 0] * m[:, 1, 1] - m[:, 0, 1] ** 2
        usable = determinant > 1e-6 * (m[:, 0, 0] + m[:, 1, 1]) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            east = (m[:, 0, 2] * m[:, 1, 1] - m[:, 1, 2] * m[:, 0, 1]) / determinant
            north = (m[:, 1, 2] * m[:, 0, 0] - m[:, 0, 2] * m[:, 0, 1]) / determinant
        return np.where(usable, east, np.nan), np.where(usable, north, np.nan)

    def residual(self) -> Float:
        """Return the root mean square distance in height from the planes."""
        east, north = self.slopes()
        rest = self.product[:, 2, 2] - east * self.product[:, 0, 2] - north * self.product[:, 1, 2]
        return np.asarray(np.sqrt(np.maximum(rest, 0.0) / self.count))

    def joined(self, first: Int, second: Int) -> Moments:
        """Return the moments of pairs of regions taken together."""
        n, m = self.count[first], self.count[second]
        step = self.mean[second] - self.mean[first]
        mean = self.mean[first] + step * (m / (n + m))[:, None]
        outer = step[:, :, None] * step[:, None, :] * (n * m / (n + m))[:, None, None]
        return Moments(n + m, mean, self.product[first] + self.product[second] + outer)


def moments(region: Int, x: Float, y: Float, z: Float, regions: int) -> Moments:
    """Return the moments of regions from their cells; `region` is -1 where a cell is in none.

    Parameters
    ----------
    region : int (m,)
    x, y, z : float64 (m,), m
    regions : number of regions, each of which has a cell
    """
    used = region >= 0
    owner = region[used]
    points = np.stack([x[used], y[used], z[used]], axis=1)
    count = np.bincount(owner, minlength=regions).astype(np.float64)
    mean = np.stack([np.bincount(owner, points[:, k], regions) for k in range(3)], axis=1) / count[:, None]
    centred = points - mean[owner]
    product = np.empty((regions, 3, 3))
    for i in range(3):
        for j in range(i, 3):
            product[:, i, j] = product[:, j, i] = np.bincount(owner, centred[:, i] * centred[:, j], regions)
    return Moments(count, mean, product)


class Cells:
    """The building cells of a raster as a list, with the numbers of their neighbours.

    Attributes
    ----------
    index : int64 (m,), flat index of the cells in the raster
    building : int32 (m,)
    x, y, z : float64 (m,), position of the middle of the cell relative to the raster's corner, and height, m
    neighbour : int32 (m, 8), place in the list of the neighbours of the same building, -1 where there is none; the four
        that share a side come first
    """

    def __init__(self, height_m: Float32, building: Int32, cell_m: float) -> None:
        rows, columns = building.shape
        self.index: Int = np.flatnonzero(building >= 0)
        self.building: Int32 = building.ravel()[self.index]
        row, column = np.divmod(self.index, columns)
        self.x: Float = (column + 0.5) * cell_m
        self.y: Float = -(row + 0.5) * cell_m
        self.z: Float = height_m.ravel()[self.index].astype(np.float64)
        place = np.full((rows + 2, columns + 2), -1, np.int32)
        inner = place[1:-1, 1:-1]
        inner[row, column] = np.arange(len(self.index))
        steps = ((-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))
        self.neighbour: Int32 = np.stack([place[1 + row + i, 1 + column + j] for i, j in steps], axis=1)
        other = self.building[self.neighbour] != self.building[:, None]
        self.neighbour[other] = -1

    def pairs(self, region: Int) -> tuple[Int, Int]:
        """Return the pairs of regions that share a side of a cell, the smaller number first."""
        near = self.neighbour[:, 2:4]
        here = np.broadcast_to(region[:, None], near.shape)
        there = np.where(near >= 0, region[near], -1)
        touching = (here >= 0) & (there >= 0) & (here != there)
        low, high = np.minimum(here, there)[touching], np.maximum(here, there)[touching]
        count = int(region.max(initial=0)) + 1
        low, high = np.divmod(np.unique(low * count + high), count)
        return low, high

    def moments(self, region: Int) -> Moments:
        """Return the moments of all regions."""
        return moments(region, self.x, self.y, self.z, int(region.max(initial=-1)) + 1)


def renumbered(region: Int) -> Int:
    """Return regions numbered without gaps, in the order of their old numbers."""
    kept = region >= 0
    result = np.full_like(region, -1)
    result[kept] = np.unique(region[kept], return_inverse=True)[1]
    return result


def merge(cells: Cells, region: Int, noise_m: float, max_turn: float, *, excess: float = 1.15) -> Int:
    """Put neighbouring regions together that are one plane.

    They are when their normals differ by less than `max_turn` (radians) and one plane through both fits, but for
    `excess`, as well as the two do or as well as the noise allows. Of several partners the best goes first.
    """
    for _ in range(30):
        state = cells.moments(region)
        first, second = cells.pairs(region)
        if len(first) == 0:
            return region
        joint = state.joined(first, second).residual()
        own = state.residual()
        apart = np.sqrt(
            (state.count[first] * own[first] ** 2 + state.count[second] * own[second] ** 2)
            / (state.count[first] + state.count[second])
        )
        limit = excess * np.maximum(apart, 0.8 * noise_m)
        good = (joint <= limit) & (_turn(state, first, second) <= max_turn)
        if not good.any():
            return region
        first, second, cost = first[good], second[good], (joint / limit)[good]
        best = np.full(len(state.count), np.inf)
        np.minimum.at(best, first, cost)
        np.minimum.at(best, second, cost)
        mutual = (cost <= best[first]) & (cost <= best[second])
        target = np.arange(len(state.count))
        target[second[mutual]] = first[mutual]
        while not np.array_equal(target[target], target):
            target = target[target]
        region = renumbered(np.where(region >= 0, target[region], -1))
    return region


def _turn(state: Moments, first: Int, second: Int) -> Float:
    """Return the angle between the normals of pairs of regions, radians."""
    east, north = state.slopes()
    normal = np.stack([-east, -north, np.ones_like(east)], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    dot = (normal[first] * normal[second]).sum(axis=1)
    return np.asarray(np.nan_to_num(np.arccos(np.clip(dot, -1.0, 1.0)), nan=np.pi))


def redraw(cells: Cells, region: Int, reach_m: float, passes: int = 12) -> Int:
    """Give cells at the edge of regions to the neighbouring plane that they lie closest to, within `reach_m`."""
    for _ in range(passes):
        state = cells.moments(region)
        if len(state.count) == 0:
            return region
        there = np.where(cells.neighbour >= 0, region[cells.neighbour], -1)
        edge = np.flatnonzero(((there >= 0) & (there != region[:, None])).any(axis=1))
        best, there = region[edge], there[edge]
        nearest = _distance(cells, edge, best, state)
        nearest[best < 0] = reach_m
        for owner in there.T:
            away = _distance(cells, edge, owner, state)
            better = (owner != best) & (away < nearest - 1e-9)
            best[better], nearest[better] = owner[better], away[better]
        if np.array_equal(best, region[edge]):
            return region
        region = region.copy()
        region[edge] = best
        region = renumbered(region)
    return region


def _distance(cells: Cells, rows: Int, owner: Int, state: Moments) -> Float:
    """Return how far above or below the plane of a region some cells lie; infinite where `owner` is -1."""
    east, north = state.slopes()
    mean = state.mean[owner]
    x, y, z = cells.x[rows], cells.y[rows], cells.z[rows]
    away = np.abs(z - (mean[:, 2] + east[owner] * (x - mean[:, 0]) + north[owner] * (y - mean[:, 1])))
    return np.where((owner >= 0) & ~np.isnan(away), away, np.inf)


def dissolve(cells: Cells, region: Int, reach_m: float, max_cells: int, share: float = 0.9) -> Int:
    """Give up small regions whose cells lie, but for a few, in the planes of larger neighbours.

    A strip along a shallow ridge looks flat to the local fits and may grow into a plane of its own; its cells belong
    to the planes on both sides.
    """
    state = cells.moments(region)
    pair = np.concatenate([np.stack(cells.pairs(region)), np.stack(cells.pairs(region)[::-1])], axis=1)
    small, large = pair[:, (state.count[pair[0]] < max_cells) & (state.count[pair[1]] > state.count[pair[0]])]
    if len(small) == 0:
        return region
    order = np.argsort(region, kind="stable")
    start = np.searchsorted(region[order], np.arange(len(state.count)))
    size = state.count[small].astype(np.int64)
    within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    rows = order[np.repeat(start[small], size) + within]
    near = rows[_distance(cells, rows, np.repeat(large, size), state) <= reach_m]
    explained = np.zeros(len(region), bool)
    explained[near] = True
    found = np.bincount(region[explained], minlength=len(state.count))
    return without_small(region, found < share * state.count)


def parts(cells: Cells, region: Int) -> Int:
    """Return the connected parts of regions (cells that share a side), numbered."""
    near = cells.neighbour[:, 2:4]
    same = (near >= 0) & (region[:, None] >= 0)
    same &= np.where(near >= 0, region[near], -1) == region[:, None]
    here = np.broadcast_to(np.arange(len(region))[:, None], near.shape)[same]
    links = sparse.coo_matrix((np.ones(len(here), bool), (here, near[same])), shape=(len(region), len(region)))
    component = connected_components(links, directed=False)[1].astype(np.int64)
    return renumbered(np.where(region >= 0, component, -1))


def without_small(region: Int, keep: NDArray[np.bool_]) -> Int:
    """Return regions without those that `keep` (p,) leaves out."""
    return renumbered(np.where((region >= 0) & keep[region], region, -1)) if len(keep) else region


@dataclass(frozen=True)
class Shares:
    """Which plane the area of each cell belongs to, when planes are cut where they meet.

    Attributes
    ----------
    area_cells : float64 (p,), area of the regions in cells
    owner : int64 (m,), region at the middle of each cell
    core : bool (m,), cells that lie in one region as a whole
    """

    area_cells: Float
    owner: Int
    core: NDArray[np.bool_]


def shares(
    cells: Cells, region: Int, state: Moments, weight: Float, cell_m: float, reach_m: float, points: int = 4
) -> Shares:
    """Cut the cells at the edges of regions where the planes meet: at ridges, hips and valleys.

    Two planes meet between two regions when each is the lower one (ridge, hip) or the higher one (valley) on its own
    side. A point of a cell that has a neighbour in such a region belongs to the plane that is lower, or higher, there.
    Without this the area of a plane would have the error of half a cell along its edges.

    Parameters
    ----------
    cells, region, state : the cells, their regions and the moments of these
    weight : float64 (m,), area that each cell stands for, in cells
    cell_m : side of a cell, m
    reach_m : farthest that a cell may lie above or below a plane to be cut by it, m
    points : points by side of a cell
    """
    count = len(state.count)
    near = cells.neighbour
    there = np.where(near >= 0, region[near], -1)
    edge = np.flatnonzero((region >= 0) & ((there >= 0) & (there != region[:, None])).any(axis=1))
    own, other = region[edge][:, None], np.where(there[edge] != region[edge][:, None], there[edge], -1)
    east, north = state.slopes()

    def gap(x: Float, y: Float) -> Float:
        """Return how far the own plane lies above the other one at a point."""
        return np.asarray(base + rise_x * x + rise_y * y)

    rise_x, rise_y = east[own] - east[other], north[own] - north[other]
    level = state.mean[:, 2] - east * state.mean[:, 0] - north * state.mean[:, 1]
    base = level[own] - level[other]
    x, y, z = cells.x[edge][:, None], cells.y[edge][:, None], cells.z[edge][:, None]
    side = np.sign(gap(state.mean[own, 0], state.mean[own, 1]))
    apart = np.abs(z - (level[other] + east[other] * x + north[other] * y))
    meets = (other >= 0) & (side * gap(state.mean[other, 0], state.mean[other, 1]) < 0) & (apart <= reach_m)
    lead = np.where(meets, -side * gap(x, y), -np.inf)
    lead_x, lead_y = -side * rise_x * cell_m, -side * rise_y * cell_m
    area = np.asarray(np.bincount(region[region >= 0], weight[region >= 0], count), np.float64)
    core = np.ones(len(region), bool)
    owner = region.copy()
    offsets = (np.arange(points) + 0.5) / points - 0.5
    for i, j in [(i, j) for i in offsets for j in offsets] + [(0.0, 0.0)]:
        beyond = lead + j * lead_x + i * lead_y
        best = beyond.argmax(axis=1)
        rows = np.arange(len(edge))
        lost = beyond[rows, best] > 0 if len(edge) else np.zeros(0, bool)
        new = np.where(lost, other[rows, best], own[:, 0])
        if (i, j) == (0.0, 0.0):
            owner[edge] = new
        else:
            moved = weight[edge[lost]] / points**2
            area += np.bincount(new[lost], moved, count) - np.bincount(own[lost, 0], moved, count)
            core[edge[lost]] = False
    return Shares(area, owner, core)
