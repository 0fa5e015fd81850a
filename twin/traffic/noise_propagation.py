"""Road noise in front of buildings: Lden and Lnight at the most exposed façade, 4 m above ground.

Links are cut into straight pieces of at most `PIECE_M` (`FAR_PIECE_M` where they are far). Receivers `OFFSET_M` in
front of the outer walls hear the pieces within `RADIUS_M` of their building; `traffic.noise_level` has the physics
and what is left out. Roofs screen as a raster of eaves heights. Levels are those of the incident sound, without the
reflection of the own façade.

The power of a link is spread over its geometry; where two directions share it, they are one line. Streets in tunnels or
on bridges are not told apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from twin.city.model import City
from twin.kernels import registry
from twin.kernels.traffic.noise import CLEAR_M as OFFSET_M
from twin.traffic.noise_emission import A_WEIGHTING, FREQUENCIES, decibel
from twin.traffic.parameters import TrafficParameters

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PIECE_M, RADIUS_M, CELL_M = 30.0, 300.0, 2.5
FAR_PIECE_M, FAR_M = 90.0, 100.0  # beyond this distance of a building longer pieces do
SPACING_M, FEWEST, MOST = 10.0, 4, 12  # of receivers around a building
RECEIVER_HEIGHT_M, SOURCE_HEIGHT_M = 4.0, 0.05
MOST_CELLS = 16_000_000  # of the raster; larger cities get coarser cells
BUILDINGS_AT_ONCE = 2000
# dB/km at 10 degC and 70 % relative humidity, ISO 9613-2:1996, table 2.
ABSORPTION = np.array([0.1, 0.4, 1.0, 1.9, 3.7, 9.7, 32.8, 117.0])
# Share of the day and penalty (dB) of day, evening and night in Lden: Directive 2002/49/EC, annex I.
DEN_HOURS, DEN_PENALTY_DB = np.array([12.0, 4.0, 8.0]), np.array([0.0, 5.0, 10.0])


@dataclass(frozen=True)
class Pieces:
    """Straight pieces of road: `ends` float64 [pieces, 4] (x, y, x, y in m) and the row of their link."""

    ends: Floats
    link: Ints

    @property
    def length_m(self) -> Floats:
        """Length of each piece, m."""
        return np.asarray(np.hypot(self.ends[:, 2] - self.ends[:, 0], self.ends[:, 3] - self.ends[:, 1]))

    @property
    def middle(self) -> Floats:
        """Middle of each piece, [pieces, 2]."""
        return 0.5 * (self.ends[:, :2] + self.ends[:, 2:])


@dataclass(frozen=True)
class Roofs:
    """Heights (m) in cells of `cell` metres, row 0 in the south; 0 where there is no building."""

    height: NDArray[np.float32]
    west: float
    south: float
    cell: float


def road_pieces(geometry: NDArray[np.object_], longest_m: float = PIECE_M) -> Pieces:
    """Return lines cut into straight pieces; of lengths near zero none is made."""
    xy, line = shapely.get_coordinates(geometry, return_index=True)
    same = np.flatnonzero(line[1:] == line[:-1])
    ends = np.concatenate([xy[same], xy[same + 1]], axis=1)
    link = line[same].astype(np.int64)
    some = np.hypot(*(ends[:, 2:] - ends[:, :2]).T) > 1e-6
    ends, of = _cut(ends[some], longest_m)
    return Pieces(ends, link[some][of])


def _cut(ends: Floats, longest_m: float) -> tuple[Floats, Ints]:
    """Return straight lines cut into equal pieces, in order, and the line of each."""
    start, end = ends[:, :2], ends[:, 2:]
    count = np.ceil(np.hypot(*(end - start).T) / longest_m).astype(np.int64)
    of, step = _expand(count)
    share = (np.stack([step, step + 1]) / count[of])[..., None]
    cut = start[of] + share * (end - start)[of]
    return np.concatenate([cut[0], cut[1]], axis=1), of


def _expand(count: Ints) -> tuple[Ints, Ints]:
    """Return each row as often as counted, and 0, 1, 2 ... within each."""
    of = np.repeat(np.arange(len(count)), count)
    return of, np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)


def den_energy(noise_energy: Floats) -> Floats:
    """Return A-weighted power for Lden and Lnight, pW/m, [2, links, bands], of that of day, evening and night."""
    weight = DEN_HOURS / DEN_HOURS.sum() * 10.0 ** (DEN_PENALTY_DB / 10.0)
    weighted = noise_energy * 10.0 ** (A_WEIGHTING / 10.0)
    return np.stack([np.tensordot(weight, weighted, axes=1), weighted[2]])


def level_10m(noise_energy: Floats) -> Floats:
    """Return Lden 10 m from the middle of an endless straight road over hard ground, without air absorption, dB."""
    slant = np.hypot(10.0, RECEIVER_HEIGHT_M - SOURCE_HEIGHT_M)
    total: Floats = den_energy(noise_energy)[0].sum(axis=-1)
    return decibel(total * 10.0**0.3 / (4.0 * slant))


def roof_raster(buildings: pd.DataFrame, cell_m: float = CELL_M) -> Roofs:
    """Return the heights of the eaves in square cells; a cell belongs to the building that holds its middle."""
    geometry = buildings.geometry.to_numpy()
    if len(geometry) == 0:
        return Roofs(np.zeros((1, 1), np.float32), 0.0, 0.0, cell_m)
    bounds = shapely.bounds(geometry)
    west, south = bounds[:, 0].min(), bounds[:, 1].min()
    width, depth = bounds[:, 2].max() - west, bounds[:, 3].max() - south
    cell = max(cell_m, float(np.sqrt(max(width, cell_m) * max(depth, cell_m) / MOST_CELLS)))
    columns, rows = int(width / cell) + 1, int(depth / cell) + 1
    height = np.zeros((rows, columns), np.float32)
    first = ((bounds[:, :2] - (west, south)) / cell).astype(np.int64)
    last = ((bounds[:, 2:] - (west, south)) / cell).astype(np.int64)
    size = last - first + 1
    of, number = _expand(size.prod(axis=1))
    column = first[of, 0] + number % size[of, 0]
    row = first[of, 1] + number // size[of, 0]
    shapely.prepare(geometry)
    inside = shapely.contains_xy(geometry[of], west + (column + 0.5) * cell, south + (row + 0.5) * cell)
    np.maximum.at(height, (row[inside], column[inside]), buildings["height_m"].to_numpy(np.float32)[of[inside]])
    return Roofs(height, float(west), float(south), cell)


def facade_receivers(buildings: pd.DataFrame, roofs: Roofs) -> tuple[Floats, Ints]:
    """Return points in front of the outer walls [receivers, 2] and the row of their building, in order of buildings.

    Points inside another building are left out, unless all points of a building are.
    """
    polygon = buildings.geometry.to_numpy()
    # The largest part of a building stands for it.
    parts, owner = shapely.get_parts(polygon, return_index=True)
    order = np.lexsort((-shapely.area(parts), owner))
    main = parts[order][np.unique(owner[order], return_index=True)[1]]
    ring = shapely.get_exterior_ring(shapely.buffer(main, OFFSET_M, quad_segs=2))
    length = shapely.length(ring)
    count = np.clip(np.ceil(length / SPACING_M), FEWEST, MOST).astype(np.int64)
    of, step = _expand(count)
    point = shapely.get_coordinates(shapely.line_interpolate_point(ring[of], (step + 0.5) / count[of] * length[of]))
    column = np.floor((point[:, 0] - roofs.west) / roofs.cell).astype(np.int64)
    row = np.floor((point[:, 1] - roofs.south) / roofs.cell).astype(np.int64)
    inside = (column >= 0) & (column < roofs.height.shape[1]) & (row >= 0) & (row < roofs.height.shape[0])
    free = ~inside
    free[inside] = roofs.height[row[inside], column[inside]] == 0.0
    none = np.bincount(of, free, len(count)) == 0.0
    keep = free | none[of]
    return point[keep], of[keep].astype(np.int64)


def near_pieces(points: Floats, reach: Floats, pieces: Pieces) -> tuple[Ints, Ints]:
    """Return start [points + 1] and the pieces whose middle is within `reach` (m) of each point, sorted."""
    if len(pieces.link) == 0:
        return np.zeros(len(points) + 1, np.int64), np.zeros(0, np.int64)
    found = cKDTree(pieces.middle).query_ball_point(points, reach, return_sorted=True)
    start = np.concatenate([[0], np.cumsum([len(f) for f in found])]).astype(np.int64)
    return start, np.concatenate([np.asarray(f, np.int64) for f in found]) if len(found) else np.zeros(0, np.int64)


def _merged(pieces: Pieces, energy: Floats) -> tuple[Floats, Floats]:
    """Return ends and power of the pieces with sound; those at one place (directions of a street) are added up."""
    loud = energy.sum(axis=(1, 2)) > 0.0
    cm = np.round(100.0 * pieces.ends).astype(np.int64)
    turned = (cm[:, 0] > cm[:, 2]) | ((cm[:, 0] == cm[:, 2]) & (cm[:, 1] > cm[:, 3]))
    cm[turned] = cm[turned][:, [2, 3, 0, 1]]
    _, first, of = np.unique(cm[loud], axis=0, return_index=True, return_inverse=True)
    total = np.zeros((len(first), *energy.shape[1:]))
    np.add.at(total, of.ravel(), energy[loud])
    return pieces.ends[loud][first], total


def _heard(centre: Floats, reach: Floats, long: Pieces, children: Ints) -> tuple[Ints, Ints]:
    """Return start [buildings + 1] and what each hears: long pieces that are far, instead of near ones their parts.

    The parts follow the long pieces, `children` of each in turn.
    """
    start, found = near_pieces(centre, reach, long)
    of = np.repeat(np.arange(len(centre)), np.diff(start))
    near = np.hypot(*(long.middle[found] - centre[of]).T) < reach[of] - RADIUS_M + FAR_M
    first = len(children) + np.cumsum(children) - children
    count = np.where(near, children[found], 1)
    row, step = _expand(count)
    start = np.concatenate([[0], np.cumsum(np.bincount(of, count, len(centre)).astype(np.int64))])
    return start.astype(np.int64), np.where(near, first[found], found)[row] + step


def facade_noise(
    city: City,
    noise_energy: Floats,
    parameters: TrafficParameters,
    *,
    roofs: Roofs | None = None,
    variant: str = "numba",
) -> pd.DataFrame:
    """Return `lden_db` and `lnight_db` at the most exposed façade of each building.

    Parameters
    ----------
    city : City
    noise_energy : float64 [3, links, 8]
        Sound power of day, evening and night, pW per metre and octave band (`LinkEffects.noise_energy`).
    parameters : TrafficParameters
    roofs : Roofs, optional
        Of the city, where they are at hand from an earlier call.
    variant : str
        Of the kernel.

    Returns
    -------
    DataFrame indexed like the buildings; 0 dB where no road is in reach.
    """
    buildings = city.buildings
    roofs = roof_raster(buildings) if roofs is None else roofs
    kernel = registry.get("traffic.noise_level", variant)
    pieces = road_pieces(city.links.geometry.to_numpy(), FAR_PIECE_M)
    ends, energy = _merged(pieces, den_energy(noise_energy)[:, pieces.link].transpose(1, 0, 2))
    long = Pieces(ends, np.arange(len(ends)))
    parts, parent = _cut(ends, PIECE_M)
    children = np.bincount(parent, minlength=len(ends))
    ends, energy = np.concatenate([ends, parts]), np.concatenate([energy, energy[parent]])
    bounds = shapely.bounds(buildings.geometry.to_numpy())
    centre = 0.5 * (bounds[:, :2] + bounds[:, 2:])
    reach = RADIUS_M + 0.5 * np.hypot(*(bounds[:, 2:] - bounds[:, :2]).T)
    best = np.zeros((len(buildings), 2))
    for low in range(0, len(buildings), BUILDINGS_AT_ONCE):
        block = slice(low, low + BUILDINGS_AT_ONCE)
        point, of = facade_receivers(buildings.iloc[block], roofs)
        start, candidate = _heard(centre[block], reach[block], long, children)
        out = kernel(
            point, start[of], start[of + 1], candidate, ends, energy, roofs.height, roofs.west, roofs.south,
            roofs.cell, FREQUENCIES, ABSORPTION, parameters.noise_ground_factor, SOURCE_HEIGHT_M, RECEIVER_HEIGHT_M,
        )  # fmt: skip
        np.maximum.at(best[block], of, out)
    level = decibel(best)
    return pd.DataFrame({"lden_db": level[:, 0], "lnight_db": level[:, 1]}, index=buildings.index)
