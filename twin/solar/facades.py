"""The light on single walls, storey by storey and hour by hour, on demand: what a façade system or permit looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.model import City
from twin.errors import DataError, did_you_mean
from twin.solar.crowns import transmissivity_by_month
from twin.solar.roofs import CELL_M, site_of
from twin.solar.scene import Walls, Window
from twin.solar.shading import as_bytes, suns_of
from twin.solar.shapes import shapes_of_city
from twin.solar.sky import cosines, reinhart_sky
from twin.solar.sources import BLOCK, Source, VectorSource
from twin.solar.tiles import MARGIN, Tile, View, batches

Float = NDArray[np.float64]
Int = NDArray[np.int64]

SLIVER_M = 0.01


@dataclass(frozen=True)
class Facades:
    """Storeys of walls: `w` of them, sorted by building, wall and storey; `s` suns.

    Attributes
    ----------
    building : int64 [w]
        Row of the building in the city.
    wall : int64 [w]
        Number of the footprint's edge within the building.
    storey : int64 [w]
        0 at the ground, counted in storeys of the building's mean height.
    azimuth_deg, area_m2 : float64 [w]
        Outward normal; free area.
    hours : int64 [s]
        Hours of the year in which the sun is up.
    sun_azimuth_deg, sun_altitude_deg : float64 [s]
    lit : uint8 [w, s]
        Sunlit share of the storey, 255 = all, 0 with the sun behind the wall.
    sky_share : float32 [w]
        Share of the wall's half sky that it sees.
    """

    building: Int
    wall: Int
    storey: Int
    azimuth_deg: Float
    area_m2: Float
    hours: Int
    sun_azimuth_deg: Float
    sun_altitude_deg: Float
    lit: NDArray[np.uint8]
    sky_share: NDArray[np.float32]

    def frame(self, city: City) -> pd.DataFrame:
        """Return a table with one row per storey.

        Columns: building_id, wall, storey, azimuth_deg, area_m2, sky_share, and sun_hours, the hours of the year in
        which the sun reaches the storey, each weighted by the share that it reaches.
        """
        names = ("wall", "storey", "azimuth_deg", "area_m2", "sky_share")
        columns = {"building_id": city.buildings.index[self.building]} | {name: getattr(self, name) for name in names}
        return pd.DataFrame(columns | {"sun_hours": self.lit.sum(axis=1, dtype=np.int64) / 255.0})


def facades(
    city: City,
    buildings: Sequence[str],
    *,
    source: Source | None = None,
    cell_m: float = CELL_M,
    variant: str = "numba",
) -> Facades:
    """Return the light on the walls of some buildings, by storey and hour.

    Memory grows with the walls times the hours of sun (4 kB per storey of a wall); the buildings should lie together,
    because the raster spans all of them.

    Parameters
    ----------
    city : City
        All of it casts shadow.
    buildings : sequence of str
        Ids of the buildings to look at.
    source : Source, optional
        ``VectorSource(shapes_of_city(city, cell_m))``, made once by those who look at one building after the other, or
        the raster of a surface model (`twin.solar.sources.RasterSource`), whose walls must be known.
    cell_m : float
        Width of the raster's cells, where there is no `source`.
    variant : str
        Kernel variant.

    Raises
    ------
    DataError
        A building that the city does not have.
    """
    rows = city.buildings.index.get_indexer(list(buildings)).astype(np.int64)
    for name, row in zip(buildings, rows, strict=True):
        if row < 0:
            raise DataError(f"the city has no building {name!r}", remedy=did_you_mean(name, city.buildings.index))
    source, rows = source or VectorSource(shapes_of_city(city, cell_m)), np.unique(rows)
    site = site_of(city.weather)
    suns, sky = suns_of(site), reinhart_sky()
    clear = transmissivity_by_month(site.latitude, source.evergreen_share)
    if len(rows) == 0:
        return _empty(suns.hours, suns.azimuth_deg, suns.altitude_deg)
    view = _view(source, rows, variant)
    height, levels = (city.buildings[name].to_numpy(np.float64) for name in ("height_m", "levels"))
    free = source.walls(view.core, rows)
    if free is None:
        return _empty(suns.hours, suns.azimuth_deg, suns.altitude_deg)
    walls, storey = _by_storey(free, height, np.maximum(np.round(levels), 1.0))
    order = np.lexsort((storey, walls.edge, walls.building))
    walls, storey = walls.take(order), storey[order]
    key = np.stack([walls.building, walls.edge, storey], axis=1)
    start = np.flatnonzero(np.r_[True, (key[1:] != key[:-1]).any(axis=1)][: len(key)])
    if len(start) == 0:
        return _empty(suns.hours, suns.azimuth_deg, suns.altitude_deg)
    area = np.add.reduceat(walls.area_m2, start)
    upright = np.full(len(start), 90.0)
    facing = walls.azimuth_deg[start]

    def light(azimuth: Float, altitude: Float, through: Float) -> Float:
        strips = view.on_walls(walls, azimuth, altitude, through)
        return np.asarray(np.add.reduceat(strips * walls.area_m2[:, None], start, axis=0) / area[:, None])

    lit = np.zeros((len(start), len(suns.hours)), np.uint8)
    for some in batches(suns.azimuth_deg, suns.altitude_deg, len(walls)):
        own = suns.take(some)
        ahead = cosines(upright, facing, own.azimuth_deg, own.altitude_deg) > 0.0
        lit[:, some] = as_bytes(light(own.azimuth_deg, own.altitude_deg, clear[own.month]) * ahead)
    seen = np.empty((len(start), len(sky.solid_angle)), np.float32)
    for some in batches(sky.azimuth_deg, sky.altitude_deg, len(walls)):
        seen[:, some] = light(sky.azimuth_deg[some], sky.altitude_deg[some], np.full(len(some), clear.mean()))
    return Facades(
        building=walls.building[start],
        wall=walls.edge[start],
        storey=storey[start],
        azimuth_deg=facing,
        area_m2=area,
        hours=suns.hours,
        sun_azimuth_deg=suns.azimuth_deg,
        sun_altitude_deg=suns.altitude_deg,
        lit=lit,
        sky_share=sky.shares(seen, upright, facing)[0].astype(np.float32),
    )


def _view(source: Source, rows: Int, variant: str) -> View:
    box = source.box[rows]
    low, high = box.min(axis=0), box.max(axis=0)
    core = Window(int(low[0]), int(high[1]), int(low[2]), int(high[3])).grown(MARGIN, MARGIN, MARGIN, MARGIN)
    core = core if source.extent is None else core.within(source.extent)
    tile = Tile(rows, core, np.unique(source.middle[rows] // BLOCK, axis=0))
    return View(source, tile, source.obstacles(), np.zeros(0, np.int64), variant)


def _by_storey(walls: Walls, height_m: Float, levels: Float) -> tuple[Walls, Int]:
    """Return the strips cut at the storeys of their buildings, and the storey of each piece; gables join the last."""
    ground = np.full(len(height_m), np.inf)
    np.minimum.at(ground, walls.building, walls.foot_m)
    base, count = ground[walls.building], levels[walls.building].astype(np.int64)
    piece = np.repeat(np.arange(len(walls)), count)
    storey = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
    pieces, step = walls.take(piece), (height_m / levels)[walls.building[piece]]
    low = np.maximum(pieces.foot_m, base[piece] + storey * step)
    high = np.where(storey == count[piece] - 1, pieces.top_m, base[piece] + (storey + 1) * step)
    high = np.minimum(pieces.top_m, high)
    kept = np.flatnonzero(high - low > SLIVER_M)
    return replace(pieces, foot_m=low, top_m=high).take(kept), storey[kept]


def _empty(hours: Int, azimuth: Float, altitude: Float) -> Facades:
    none, zero = np.zeros(0, np.int64), np.zeros(0)
    lit = np.zeros((0, len(hours)), np.uint8)
    return Facades(none, none, none, zero, zero, hours, azimuth, altitude, lit, np.zeros(0, np.float32))
