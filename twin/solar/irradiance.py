"""The light of a weather year on one city: sun, Perez sky, and what its ground and walls reflect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.city.climate import MONTH_OF_HOUR
from twin.city.model import Weather
from twin.kernels.solar.light import light_of_year
from twin.solar.parameters import SolarParameters
from twin.solar.reflection import Reflected, SkyLight, Streets, reflected
from twin.solar.roofs import FACADE_AZIMUTHS, Roofs

Float = NDArray[np.float64]
Int = NDArray[np.int64]

STEPS = 4
"""Parts of an hour over which the sun is followed; the hour's light then has one effective direction."""


@dataclass(frozen=True)
class Irradiance:
    """The hours of a year with light, all arrays over them (t,).

    `hours` are hours of the year; sun in degrees; `beam` is the direct normal irradiance and `direct`, `isotropic`,
    `band` are the coefficients of ``solar.sky``, `ground` the radiosity of an open plain, W/m2.
    """

    hours: Int
    zenith_deg: Float
    azimuth_deg: Float
    beam: Float
    direct: Float
    isotropic: Float
    band: Float
    ground: Float
    temperature_c: Float
    wind_m_s: Float

    @property
    def sky(self) -> SkyLight:
        """Sun and sky, as reflection reads them."""
        return SkyLight(self.zenith_deg, self.azimuth_deg, self.direct, self.isotropic, self.band)

    def series(self, ground: Float, wall: Float) -> tuple[Float, ...]:
        """Return the series of ``solar.plane_irradiance`` with the radiosity of the ground and of walls."""
        return (
            self.zenith_deg, self.azimuth_deg, self.beam, self.direct, self.isotropic, self.band, ground, wall,
        )  # fmt: skip

    @property
    def in_the_open(self) -> tuple[Float, ...]:
        """The series of an open plain."""
        return self.series(self.ground, np.zeros_like(self.ground))


def irradiance_of(weather: Weather, parameters: SolarParameters, variant: str = "numba") -> Irradiance:
    """Return the light of a weather year.

    Parameters
    ----------
    weather : Weather
    parameters : SolarParameters
        The albedo of the ground.
    variant : str
        Kernel variant.
    """
    site = (weather.latitude, weather.longitude, weather.utc_offset_h, weather.elevation_m)
    radiation = (weather.dni_w_m2, weather.dhi_w_m2, weather.ghi_w_m2)
    temperature = float(np.mean(weather.temperature_c))
    year = light_of_year(
        site, *radiation, parameters.albedo, temperature_c=temperature, steps=STEPS, variant=variant
    ).hourly()
    hours = np.flatnonzero((weather.ghi_w_m2 > 0.0) | (weather.dhi_w_m2 > 0.0) | (year.beam > 0.0))
    series = (*year, weather.temperature_c, weather.wind_speed_m_s)
    return Irradiance(hours, *(np.ascontiguousarray(a[hours], np.float64) for a in series))


def reflected_light(light: Irradiance, roofs: Roofs, parameters: SolarParameters) -> Reflected:
    """Return what the ground and the walls of the city reflect, hour by hour, with all bounces."""
    lit, sky = roofs.mean_facades
    streets = Streets(
        ground_sky=roofs.ground_sky,
        ground_lit=roofs.ground_lit_at(light.hours) / 255.0,
        wall_azimuth_deg=FACADE_AZIMUTHS,
        wall_area_m2=roofs.facade_area_m2.sum(axis=0, dtype=np.float64),
        wall_sky=sky,
        wall_lit=lit[:, MONTH_OF_HOUR[light.hours], light.hours % 24],
    )
    return reflected(streets, light.sky, parameters.albedo, parameters.wall_albedo)
