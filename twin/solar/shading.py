"""The light of a whole source, tile by tile: roof planes, open ground and walls, under all suns and patches of sky."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.city.climate import MONTH_OF_DAY
from twin.city.normals import MONTH_DAYS
from twin.kernels.registry import get
from twin.kernels.solar.position import sun_of_year
from twin.solar.crowns import transmissivity_by_month
from twin.solar.daylight import OPEN_VSC, by_side, vertical_sky_components, window_points
from twin.solar.scene import NO_RECEIVER, Scene, Site, Walls
from twin.solar.sky import Sky, cosines, reinhart_sky
from twin.solar.sources import Source
from twin.solar.tiles import View, batches, tiles_of

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]
UInt8 = NDArray[np.uint8]
Progress = Callable[[int, int], None]

FACADE_DAYS = (4, 11, 19, 27)
"""Days of each month whose suns stand for it on the walls."""
OCTANTS = 8
_DAY_OF_MONTH = np.concatenate([np.arange(1, n + 1) for n in MONTH_DAYS])


@dataclass(frozen=True)
class Suns:
    """The suns of the hours of a year in which it is up; arrays [s], degrees."""

    hours: Int
    azimuth_deg: Float
    altitude_deg: Float

    def take(self, rows: Int) -> Suns:
        """Return some of the suns."""
        return Suns(self.hours[rows], self.azimuth_deg[rows], self.altitude_deg[rows])

    @property
    def month(self) -> Int:
        """Month of each sun, 0 to 11."""
        return MONTH_OF_DAY[self.hours // 24]


def suns_of(site: Site) -> Suns:
    """Return the suns of a year at a site."""
    zenith, azimuth = sun_of_year(site.latitude, site.longitude, site.utc_offset_h, site.elevation_m)
    hours = np.flatnonzero(zenith < 90.0)
    return Suns(hours, azimuth[hours], 90.0 - zenith[hours])


def octant_of(azimuth_deg: Float) -> Int:
    """Return the orientation (0 north, 1 north-east, …) that an azimuth belongs to."""
    return np.asarray(np.floor((azimuth_deg + 22.5) % 360.0 / 45.0), np.int64)


def as_bytes(share: Float) -> UInt8:
    """Return shares of 0 to 1 as 0 to 255, rounded."""
    return np.floor(share * 255.0 + 0.5).astype(np.uint8)


def light_of(
    source: Source, site: Site, *, tile_m: float, variant: str, progress: Progress | None, store: Path | None
) -> dict[str, Any]:
    """Return the fields of `Roofs` that depend on light, by name."""
    suns, sky = suns_of(site), reinhart_sky()
    clear = transmissivity_by_month(site.latitude, source.evergreen_share)
    planes, s, n = len(source.planes), len(suns.hours), source.buildings
    shape = (planes, s)
    lit = np.zeros(shape, np.uint8)
    if store is not None:
        lit = np.lib.format.open_memmap(store, mode="w+", dtype=np.uint8, shape=shape)
    out: dict[str, Any] = {
        "lit": lit,
        "sky_share": np.zeros(planes, np.float32),
        "band_share": np.zeros(planes, np.float32),
        "facade_area_m2": np.zeros((n, OCTANTS), np.float32),
        "facade_lit": np.full((n, OCTANTS, 12, 24), 255, np.uint8),
        "facade_sky": np.ones((n, OCTANTS), np.float32),
        "facade_vsc": np.full((n, OCTANTS + 1), OPEN_VSC, np.float32),
    }
    host = source.host.copy()
    ground = np.zeros(s + len(sky.solid_angle) + 1)
    obstacles, done = source.obstacles(), 0
    through = np.concatenate([clear[suns.month], np.full(len(sky.solid_angle), clear.mean())])
    for tile in tiles_of(source, tile_m):
        owned = np.flatnonzero(np.isin(source.planes.building, tile.buildings))
        view = View(source, tile, obstacles, owned, variant)
        ground += _plane_light(view, suns, sky, through, host, out)
        walls = source.walls(view.core, tile.buildings)
        if walls is not None:
            _wall_light(view, walls, suns, sky, clear, out)
            windows = window_points(walls, source.storey_m)
            found = vertical_sky_components(view, windows, sky)
            place = np.searchsorted(tile.buildings, windows.building)
            out["facade_vsc"][tile.buildings] = by_side(
                place, octant_of(windows.azimuth_deg), found, len(tile.buildings)
            )
        done += len(tile.buildings)
        if progress is not None:
            progress(done, n)
    _shared(host, out)
    lit_ground = np.divide(ground[:-1], ground[-1], out=np.ones(len(ground) - 1), where=ground[-1] > 0)
    sky_ground = sky.shares(lit_ground[None, s:].astype(np.float32), np.zeros(1), np.zeros(1))[0]
    return out | {
        "hours": suns.hours,
        "sun_azimuth_deg": suns.azimuth_deg,
        "sun_altitude_deg": suns.altitude_deg,
        "ground_lit": as_bytes(lit_ground[:s]),
        "ground_sky": float(sky_ground[0]),
    }


def _plane_light(view: View, suns: Suns, sky: Sky, through: Float, host: Int, out: dict[str, Any]) -> Float:
    """Write the light of a tile's planes; return the lit cells of its open ground per direction, and how many it has.

    Planes without cells get their `host` here: the plane over the point in their middle.
    """
    kernel, own = get("solar.sunlit_cells", view.variant), view.planes
    azimuth = np.concatenate([suns.azimuth_deg, sky.azimuth_deg])
    altitude = np.concatenate([suns.altitude_deg, sky.altitude_deg])
    s, k = len(suns.hours), len(own)
    cells = np.bincount(view.label[view.label >= 0], minlength=k + 1)[: k + 1]
    lit, seen = np.zeros((k, s), np.uint8), np.zeros((k, len(azimuth) - s), np.float32)
    ground = np.zeros(len(azimuth) + 1)
    ground[-1] = cells[k]
    for some in batches(azimuth, altitude):
        part = view.scene(azimuth[some], altitude[some])
        directions = azimuth[some], altitude[some]
        counts = kernel(*_rasters(part), part.label, k + 1, *_corner(part), *directions, part.cut, part.cut_plane)
        shining = counts[0] - counts[1] * (1.0 - through[some])
        ground[some] = shining[k]
        share = shining[:k] / np.maximum(cells[:k, None], 1)
        day = some < s
        lit[:, some[day]] = as_bytes(share[:, day])
        seen[:, some[~day] - s] = share[:, ~day]
    out["lit"][own] = lit
    planes = view.source.planes
    out["sky_share"][own], out["band_share"][own] = sky.shares(seen, planes.tilt_deg[own], planes.azimuth_deg[own])
    bare = own[(cells[:k] == 0) & (host[own] < 0)]
    spot = view.source.inner[bare] - [view.tile.core.first_row, view.tile.core.first_column]
    host[bare] = view.core.label[spot[:, 0], spot[:, 1]]
    return ground


def _rasters(scene: Scene) -> tuple[Float32, ...]:
    return scene.surface_m, scene.receiver_m, scene.slope_x, scene.slope_y, scene.canopy_m, scene.trunk_m


def _corner(scene: Scene) -> tuple[float, int, int]:
    return scene.cell_m, scene.first_row, scene.first_column


def _shared(host: Int, out: dict[str, Any]) -> None:
    """Give planes without cells the light of their hosts; a host may have one itself, but no further one."""
    first = np.where(host >= 0, host, NO_RECEIVER)
    follow = np.where((first >= 0) & (host[first] >= 0), host[first], first)
    bare = np.flatnonzero(follow >= 0)
    for name in ("lit", "sky_share", "band_share"):
        out[name][bare] = out[name][follow[bare]]


def _wall_light(view: View, walls: Walls, suns: Suns, sky: Sky, clear: Float, out: dict[str, Any]) -> None:
    """Write the light on the walls of a tile's buildings, by orientation."""
    buildings = view.tile.buildings
    octant = octant_of(walls.azimuth_deg)
    order = np.lexsort((octant, walls.building))
    walls, octant = walls.take(order), octant[order]
    key = np.searchsorted(buildings, walls.building) * OCTANTS + octant
    group, start = np.unique(key, return_index=True)
    area = walls.area_m2
    days = suns.take(np.flatnonzero(np.isin(_DAY_OF_MONTH[suns.hours // 24], FACADE_DAYS)))
    bins = days.month * 24 + days.hours % 24
    numerator, denominator = np.zeros((2, len(buildings) * OCTANTS, 12 * 24))
    seen, whole, size = np.zeros((3, len(buildings) * OCTANTS))
    if len(walls):
        size[group] = np.add.reduceat(area, start)
        for some in batches(days.azimuth_deg, days.altitude_deg, len(walls)):
            own = days.take(some)
            weight, light = _strips(view, walls, own.azimuth_deg, own.altitude_deg, clear[own.month])
            weight *= area[:, None]
            for total, part in ((numerator, weight * light), (denominator, weight)):
                summed = np.add.reduceat(part, start, axis=0)
                for column, place in enumerate(bins[some]):
                    total[group, place] += summed[:, column]
        for some in batches(sky.azimuth_deg, sky.altitude_deg, len(walls)):
            through = np.full(len(some), clear.mean())
            weight, light = _strips(view, walls, sky.azimuth_deg[some], sky.altitude_deg[some], through)
            weight *= area[:, None] * sky.solid_angle[some]
            for total, part in ((seen, weight * light), (whole, weight)):
                for column in np.add.reduceat(part, start, axis=0).T:
                    total[group] += column
    shape = (len(buildings), OCTANTS)
    out["facade_area_m2"][buildings] = size.reshape(shape)
    lit = _orientations(numerator.reshape(*shape, -1), denominator.reshape(*shape, -1), size.reshape(shape))
    out["facade_lit"][buildings] = as_bytes(lit).reshape(*shape, 12, 24)
    view_of_sky = _orientations(seen.reshape(*shape, 1), whole.reshape(*shape, 1), size.reshape(shape))
    out["facade_sky"][buildings] = view_of_sky[..., 0]


def _strips(view: View, walls: Walls, azimuth: Float, altitude: Float, through: Float) -> tuple[Float, Float]:
    """Return cosine of incidence and lit share of wall strips, float64 [strips, suns]."""
    light = view.on_walls(walls, azimuth, altitude, through)
    upright = np.full(len(walls), 90.0)
    return cosines(upright, walls.azimuth_deg, azimuth, altitude), light.astype(np.float64)


def _orientations(part: Float, whole: Float, size: Float) -> Float:
    """Return part over whole [buildings, 8, k]: 1 where no light comes from; the building's mean where no walls are.

    A building that stands free nowhere gets nothing.
    """
    own = np.divide(part, whole, out=np.ones_like(part), where=whole > 0.0)
    total = np.zeros_like(part[:, 0]), np.zeros_like(part[:, 0])
    for k in range(OCTANTS):
        total[0][:] += part[:, k]
        total[1][:] += whole[:, k]
    mean = np.divide(total[0], total[1], out=np.ones_like(total[0]), where=total[1] > 0.0)
    mean[size.sum(axis=1) == 0.0] = 0.0
    return np.where((size > 0.0)[:, :, None], own, mean[:, None, :])
