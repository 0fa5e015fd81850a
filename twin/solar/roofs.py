"""Roof planes of a city and how much light they get: all that depends on geometry and the sun's path alone.

`prepare_roofs` looks at every roof plane under every sun of the year and under the 577 patches of the sky, and at the
walls under a few days of each month. Weather comes later (`twin.solar.model`), so that a study simulates many draws on
the same `Roofs`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.city.model import City, Weather
from twin.errors import DataError
from twin.solar.scene import Scene, Site
from twin.solar.shading import light_of
from twin.solar.shapes import shapes_of_city
from twin.solar.sources import RasterSource, Source, VectorSource

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]
UInt8 = NDArray[np.uint8]
Progress = Callable[[int, int], None]

VERSION = "roofs-6"  # part of the geometry key: change it when the same city gives other roofs
CELL_M = 1.0
TILE_M = 2048.0
NOT_STORED = ("outline", "inner_area_m2")
FACADE_AZIMUTHS: Float = np.arange(0.0, 360.0, 45.0, dtype=np.float64)


@dataclass(frozen=True)
class Roofs:
    """Roof planes of all buildings of a city in city order, and their light. `p` planes, `n` buildings, `s` suns.

    Attributes
    ----------
    buildings : int
        Number of buildings n.
    plane_building, plane_number : int64 [p]
        Row of the plane's building, ascending; number of the plane within it.
    plane_id : str [p]
        ``<building id>/p0``, or the id of the roof surface in the source.
    tilt_deg, azimuth_deg, area_m2 : float64 [p]
        Exact; true area.
    hours : int64 [s]
        Hours of the year (0 … 8759, local standard time) in which the sun is up.
    sun_azimuth_deg, sun_altitude_deg : float64 [s]
        The suns of these hours, see `sun_of_year`.
    lit : uint8 [p, s]
        Share of the plane that the sun reaches, 255 = all; light through tree crowns counts by the season's
        transmissivity. Not the cosine of incidence: a plane turned away may be "lit".
    sky_share : float32 [p]
        Share of the plane's own sky (the half sky above it, weighted by the cosine of incidence) that it sees.
    band_share : float32 [p]
        The same for the lowest 6° of the sky.
    facade_area_m2 : float32 [n, 8]
        Free wall area by orientation (`FACADE_AZIMUTHS`).
    facade_lit : uint8 [n, 8, 12, 24]
        Share of sun on the walls of an orientation, by month and hour of the day, 255 = all; 255 too where the sun is
        never in front of them. An orientation without walls has the mean of the building's others.
    facade_sky : float32 [n, 8]
        Share of the wall's half sky that it sees; orientations without walls as above.
    facade_vsc : float32 [n, 9]
        Least vertical sky component of the windows of each orientation, and the mean of all windows of the building
        (`twin.solar.daylight`), as shares; 0 where there are no windows, that of the open where walls are not known.
    ground_lit : uint8 [s]
        Share of the open ground that the sun reaches.
    ground_sky : float
        Share of the sky that the open ground sees.
    outline : object [p], optional
        Outlines of the planes seen from above (shapely), where they do not follow from the city: planes of a surface
        model. Not stored.
    inner_area_m2 : dict of float64 [p]
        What is left of the planes inside each setback that was asked for (`twin.solar.outlines`). Not stored.
    """

    buildings: int
    plane_building: Int
    plane_number: Int
    plane_id: NDArray[np.str_]
    tilt_deg: Float
    azimuth_deg: Float
    area_m2: Float
    hours: Int
    sun_azimuth_deg: Float
    sun_altitude_deg: Float
    lit: UInt8
    sky_share: Float32
    band_share: Float32
    facade_area_m2: Float32
    facade_lit: UInt8
    facade_sky: Float32
    facade_vsc: Float32
    ground_lit: UInt8
    ground_sky: float
    outline: NDArray[np.object_] | None = None
    inner_area_m2: dict[float, Float] = field(default_factory=dict, repr=False, compare=False)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return all that is stored as plain arrays, for the run store."""
        return {f.name: np.atleast_1d(getattr(self, f.name)) for f in fields(self) if f.name not in NOT_STORED}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> Roofs:
        """Return the roofs that `to_arrays` gave."""
        values = {f.name: np.asarray(arrays[f.name]) for f in fields(cls) if f.name not in NOT_STORED}
        scalars = {"buildings": int(values["buildings"][0]), "ground_sky": float(values["ground_sky"][0])}
        return cls(**(values | scalars))  # type: ignore[arg-type]

    def planes(self, city: City, start: int = 0, stop: int | None = None) -> slice:
        """Return the planes of the buildings `start` to `stop` (rows of `city`, by default all).

        Raises
        ------
        DataError
            The roofs were prepared for a city with another number of buildings.
        """
        stop = len(city.buildings) if stop is None else stop
        if len(city.buildings) != self.buildings:
            raise DataError(
                f"roofs were prepared for {self.buildings} buildings, not for {len(city.buildings)}",
                remedy="prepare the roofs of this city again: its buildings have changed",
            )
        low, high = np.searchsorted(self.plane_building, [start, max(start, stop)])
        return slice(int(low), int(high))

    @cached_property
    def mean_facades(self) -> tuple[Float, Float]:
        """Mean lit share (0 to 1) of all walls by orientation, month and hour [8, 12, 24], and mean sky share [8]."""
        area = self.facade_area_m2.astype(np.float64)
        total = area.sum(axis=0)
        weight = np.where(total > 0.0, area / np.where(total > 0.0, total, 1.0), 1.0 / max(len(area), 1))
        if not len(area):
            return np.ones((8, 12, 24)), np.ones(8)
        lit = np.zeros((8, 12, 24))
        for low in range(0, len(area), 1024):
            some = slice(low, low + 1024)
            lit += np.einsum("no,nomh->omh", weight[some], self.facade_lit[some].astype(np.float64))
        return lit / 255.0, (weight * self.facade_sky).sum(axis=0)

    def lit_at(self, planes: slice | Int, hours: Int) -> UInt8:
        """Return the lit share of some planes at hours of the year, uint8 [planes, hours]; 0 where the sun is down."""
        return self._at(self.lit[planes], hours)

    def ground_lit_at(self, hours: Int) -> UInt8:
        """Return the lit share of the open ground at hours of the year, uint8 [hours]; 0 where the sun is down."""
        return self._at(self.ground_lit, hours)

    def _at(self, lit: UInt8, hours: Int) -> UInt8:
        place = np.searchsorted(self.hours, hours)
        up = place < len(self.hours)
        up[up] = self.hours[place[up]] == hours[up]
        out = np.zeros((*lit.shape[:-1], len(hours)), np.uint8)
        out[..., up] = lit[..., place[up]]
        return out


def site_of(weather: Weather) -> Site:
    """Return the site whose clock and sun a year of weather has."""
    return Site(weather.latitude, weather.longitude, weather.utc_offset_h, weather.elevation_m)


def prepare_roofs(
    city: City,
    *,
    progress: Progress | None = None,
    variant: str = "numba",
    cell_m: float = CELL_M,
    tile_m: float = TILE_M,
    store: Path | None = None,
) -> Roofs:
    """Return the roof planes of a city and their light.

    Parameters
    ----------
    city : City
        Footprints, heights, levels, roof columns, terrain, `roof_planes` and `trees` are read, and the weather's site.
    progress : callable, optional
        Called with (buildings done, buildings in all).
    variant : str
        Kernel variant.
    cell_m : float
        Width of the raster's cells.
    tile_m : float
        Width of the tiles that are in memory at once; any width gives the same bits.
    store : Path, optional
        File that holds `Roofs.lit` (.npy, memory mapped) instead of the memory, for very large cities.
    """
    source = VectorSource(shapes_of_city(city, cell_m))
    return roofs_of(source, site_of(city.weather), tile_m=tile_m, variant=variant, progress=progress, store=store)


def roofs_of_scene(
    scene: Scene, site: Site, *, progress: Progress | None = None, variant: str = "numba", tile_m: float = TILE_M
) -> Roofs:
    """Return the planes of a scene that is already a raster, and their light."""
    return roofs_of(RasterSource(scene), site, tile_m=tile_m, variant=variant, progress=progress)


def roofs_of(
    source: Source, site: Site, *, tile_m: float, variant: str, progress: Progress | None, store: Path | None = None
) -> Roofs:
    """Return the planes of a source and their light."""
    planes = source.planes
    light = light_of(source, site, tile_m=tile_m, variant=variant, progress=progress, store=store)
    return Roofs(
        buildings=source.buildings,
        plane_building=planes.building,
        plane_number=planes.number,
        plane_id=planes.ids,
        tilt_deg=planes.tilt_deg,
        azimuth_deg=planes.azimuth_deg,
        area_m2=planes.area_m2,
        **light,
    )


def geometry_key(city: City) -> str:
    """Return a hash of all that `prepare_roofs` depends on: shapes, storeys, terrain, trees and the sun's path."""
    digest = hashlib.sha256(VERSION.encode())
    frame = city.buildings
    digest.update(repr(site_of(city.weather)).encode())
    digest.update("\n".join(map(str, frame.index)).encode())
    for wkb in shapely.to_wkb(frame.geometry.to_numpy()):
        digest.update(wkb)
    for name in ("height_m", "levels", "roof_azimuth_deg", "roof_tilt_deg"):
        digest.update(np.ascontiguousarray(frame[name].to_numpy(np.float64)).tobytes())
    digest.update("\n".join(frame["roof_type"]).encode())
    for layer, columns in ((city.roof_planes, ("building_id", "tilt_deg", "azimuth_deg", "area_m2")), (city.trees, ())):
        if layer is None:
            digest.update(b"none")
            continue
        names = columns or ("height_m", "crown_base_m", "crown_diameter_m", "evergreen")
        digest.update("\n".join(map(str, layer.index)).encode())
        for wkb in shapely.to_wkb(layer.geometry.to_numpy(), output_dimension=3):
            digest.update(wkb)
        for name in names:
            digest.update("\n".join(map(repr, layer[name].tolist())).encode())
    terrain = city.terrain
    digest.update(repr((terrain.height_m.shape, terrain.west, terrain.north, terrain.cell_m)).encode())
    digest.update(np.ascontiguousarray(terrain.height_m, np.float64).tobytes())
    return digest.hexdigest()
