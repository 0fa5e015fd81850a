"""The city: layers with stable ids, weather and metadata. Everything else reads it; measures return a changed copy."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

HOURS = 8760


@dataclass(frozen=True)
class Source:
    """Where data came from; printed in every output."""

    id: str
    title: str
    licence: str
    attribution: str
    url: str = ""
    sha256: str = ""
    crs: str = ""
    date: str = ""


@dataclass(frozen=True)
class Metadata:
    """What is known of the city as a whole.

    Latitude and longitude are WGS 84 degrees of the centre; `crs` is the metric CRS of all layers ("EPSG:3067");
    `utc_offset_h` is local standard time; `elevation_m` the mean ground height; `heat_supply` the usual supply that
    imputation falls back on; `repairs` the log of the import.
    """

    name: str
    title: str
    country: str
    crs: str
    latitude: float
    longitude: float
    utc_offset_h: float
    elevation_m: float = 0.0
    heat_supply: str = "gas_boiler"
    sources: tuple[Source, ...] = ()
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weather:
    """One year of hourly weather: 8760 values, no leap day.

    Hour k covers local standard time k to k + 1; the sun is taken in the middle of its sunlit part, or in finer steps
    (`twin.kernels.solar.light`). Radiation is the mean over the hour. `dni` is on a plane normal to the sun, `ghi`,
    `dhi` and `sky_infrared`, the long-wave radiation of the sky, on the horizontal; the latter is None where unknown.
    """

    temperature_c: NDArray[np.float64]
    relative_humidity_pct: NDArray[np.float64]
    wind_speed_m_s: NDArray[np.float64]
    pressure_pa: NDArray[np.float64]
    ghi_w_m2: NDArray[np.float64]
    dni_w_m2: NDArray[np.float64]
    dhi_w_m2: NDArray[np.float64]
    latitude: float
    longitude: float
    utc_offset_h: float
    elevation_m: float
    title: str
    source: Source
    sky_infrared_w_m2: NDArray[np.float64] | None = None

    def channels(self) -> dict[str, NDArray[np.float64]]:
        """Return the hourly arrays that are known by field name."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


@dataclass(frozen=True)
class Terrain:
    """Ground height above sea level: a regular grid (row 0 in the north), or one cell for a flat city."""

    height_m: NDArray[np.float64]
    west: float
    north: float
    cell_m: float


@dataclass(frozen=True)
class City:
    """A city model. Layers are GeoDataFrames in one metric CRS, indexed by id, with the columns of `schema.LAYERS`.

    `roof_planes` and `trees` (`schema.OPTIONAL_LAYERS`) are None where nothing is known of them. So are the city's own
    tables: `archetypes`, thermal figures by use and year class (`twin.city.archetypes`), and `electricity`, 8760 hours
    of price and CO2 (`twin.city.tariffs`).
    """

    meta: Metadata
    buildings: gpd.GeoDataFrame
    nodes: gpd.GeoDataFrame
    links: gpd.GeoDataFrame
    zones: gpd.GeoDataFrame
    charging_sites: gpd.GeoDataFrame
    weather: Weather
    terrain: Terrain = field(
        default_factory=lambda: Terrain(np.zeros((1, 1)), west=0.0, north=0.0, cell_m=1e6),
    )

    roof_planes: gpd.GeoDataFrame | None = None
    trees: gpd.GeoDataFrame | None = None
    archetypes: pd.DataFrame | None = None
    electricity: pd.DataFrame | None = None

    def replace(self, **layers: object) -> City:
        """Return a copy with some layers replaced."""
        return dataclasses.replace(self, **layers)  # type: ignore[arg-type]
