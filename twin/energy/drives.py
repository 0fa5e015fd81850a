"""What all buildings of a city meet outside, hour by hour: the shared drives of the thermal networks.

Sky: long-wave radiation of the weather file where it has it, else the emissivity of a clear sky by the dew point
(P. Berdahl and M. Martin, "Emissivity of clear skies", Solar Energy 32(5), 663-664 (1984),
doi:10.1016/0038-092X(84)90144-0), raised by clouds after G. N. Walton, "Thermal Analysis Research Program Reference
Manual", NBSIR 83-2655 (1983), as in EnergyPlus; clouds from the day's global radiation after F. Kasten and G. Czeplak,
"Solar and terrestrial radiation dependent on the amount and type of cloud", Solar Energy 24(2), 177-189 (1980),
doi:10.1016/0038-092X(80)90391-6.

Ground: EN ISO 13370:2017, the annual mean of the outdoor air, and the first harmonic of its year as a drive of its own,
since its weight depends on the size of the floor (`twin.energy.ground`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.city.model import HOURS, Weather
from twin.energy.envelope import ORIENTATIONS
from twin.energy.parameters import EnergyParameters
from twin.errors import DataError, WeatherError
from twin.kernels.solar.position import sun_of_year
from twin.kernels.solar.window import transmittance

Float = NDArray[np.float64]
STEFAN_BOLTZMANN = 5.670374419e-8
AIR, GROUND, SWING, SKY, ROOF = 0, 1, 2, 3, 4
"""Columns: outdoor air, mean of the ground, its yearly swing (°C), long-wave light of the sky less that of a black body
at the temperature of the air, and sun on the horizontal (W/m²)."""
LIGHT = slice(5, 5 + ORIENTATIONS)
"""Columns of what passes windows by orientation, W/m² of irradiance at normal incidence that would pass as much."""
WALLS = slice(LIGHT.stop, LIGHT.stop + ORIENTATIONS)
"""Columns of the irradiance on walls by orientation."""
COLUMNS = WALLS.stop
_LAG_H = HOURS / 12.0
"""The ground under a slab follows the year of the outdoor air by one month (EN ISO 13370, annex on periodic flows, as
recalled; not checked at source)."""


class SunOnBuildings(NamedTuple):
    """Sun on the walls and roofs of a city.

    azimuth_deg [8] 0, 45, … 315; irradiance_w_m2 [8, 8760] on unshaded walls; transmitted_w_m2 [8, 8760] behind two
    clear panes in them; horizontal_w_m2 [8760]; shading [n, 8] and roof_shading [n]: what reaches each building of the
    city, 1 unshaded.
    """

    azimuth_deg: Float
    irradiance_w_m2: Float
    transmitted_w_m2: Float
    horizontal_w_m2: Float
    shading: Float
    roof_shading: Float


def drives(weather: Weather, sun: SunOnBuildings, parameters: EnergyParameters) -> Float:
    """Return the drives, float64 (8760, `COLUMNS`).

    Blinds close where the sun on the unshaded wall is above their threshold; the share of windows that has them and
    what they let through are those of the whole city.
    """
    table = np.empty((HOURS, COLUMNS))
    table[:, AIR] = weather.temperature_c
    table[:, GROUND] = np.mean(weather.temperature_c)
    table[:, SWING] = _yearly_swing(np.asarray(weather.temperature_c, np.float64))
    table[:, SKY] = sky_infrared(weather) - _black(weather.temperature_c)
    table[:, ROOF] = sun.horizontal_w_m2
    normal = float(transmittance(np.ones(1))[0])
    closed = sun.irradiance_w_m2 > parameters.blind_threshold_w_m2
    open_share = 1.0 - parameters.blind_share * (1.0 - parameters.blind_transmission) * closed
    table[:, LIGHT] = (sun.transmitted_w_m2 / normal * open_share).T
    table[:, WALLS] = sun.irradiance_w_m2.T
    return table


def sky_infrared(weather: Weather) -> Float:
    """Return the long-wave irradiance of the sky on the horizontal, W/m², float64 (8760,)."""
    if weather.sky_infrared_w_m2 is not None:
        return np.asarray(weather.sky_infrared_w_m2, np.float64)
    dew = _dew_point(np.asarray(weather.temperature_c, np.float64), weather.relative_humidity_pct) / 100.0
    hour = np.arange(HOURS) % 24 + 0.5
    clear = 0.711 + 0.56 * dew + 0.73 * dew**2 + 0.013 * np.cos(2.0 * np.pi * hour / 24.0)
    tenths = 10.0 * np.repeat(cloud_cover(weather), 24)
    clouds = 1.0 + 0.0224 * tenths - 0.0035 * tenths**2 + 0.00028 * tenths**3
    return np.asarray(np.minimum(clear * clouds, 1.0) * _black(weather.temperature_c))


def cloud_cover(weather: Weather) -> Float:
    """Return the cloud cover of each day, 0 to 1, float64 (365,); days of little light take that of days around."""
    zenith, _ = sun_of_year(weather.latitude, weather.longitude, weather.utc_offset_h, weather.elevation_m)
    clear = np.maximum(910.0 * np.cos(np.radians(zenith)) - 30.0, 0.0).reshape(365, 24).sum(axis=1)
    bright = np.flatnonzero(clear > 200.0)
    if len(bright) == 0:
        return np.full(365, 0.5)
    share = np.asarray(weather.ghi_w_m2, np.float64).reshape(365, 24).sum(axis=1)[bright] / clear[bright]
    cover = (np.clip(1.0 - share, 0.0, 0.75) / 0.75) ** (1.0 / 3.4)
    return np.asarray(np.interp(np.arange(365.0), bright, cover, period=365.0))


def check_sun(sun: SunOnBuildings, buildings: int) -> None:
    """Raise DataError for sun that the kernels cannot use: shapes, values that are not finite or below 0, azimuths."""
    walls, whole = (ORIENTATIONS, HOURS), (buildings, ORIENTATIONS)
    shapes: tuple[tuple[str, Float, tuple[int, ...]], ...] = (
        ("azimuths of façades", sun.azimuth_deg, (ORIENTATIONS,)),
        ("irradiance on façades", sun.irradiance_w_m2, walls),
        ("light behind glass", sun.transmitted_w_m2, walls),
        ("irradiance on the horizontal", sun.horizontal_w_m2, (HOURS,)),
        ("shading of façades", sun.shading, whole),
        ("shading of roofs", sun.roof_shading, (buildings,)),
    )
    for what, values, shape in shapes:
        if values.shape != shape:
            raise DataError(f"the {what} has the shape {values.shape}", expected=f"{shape}")
        wrong = np.argwhere(~(np.isfinite(values) & (values >= 0.0)))
        if len(wrong):
            at = tuple(int(i) for i in wrong[0])
            raise DataError(f"the {what} is {values[at]:g} at {list(at)}", expected="finite values from 0 up")
    if not np.allclose(sun.azimuth_deg, 360.0 / ORIENTATIONS * np.arange(ORIENTATIONS)):
        raise DataError("the azimuths of façades do not fit", expected="0, 45, … 315 degrees")


def check_weather(weather: Weather) -> None:
    """Raise WeatherError where an hour of temperature, humidity or global radiation is missing."""
    channels = {
        "outdoor temperature": weather.temperature_c,
        "relative humidity": weather.relative_humidity_pct,
        "global radiation": weather.ghi_w_m2,
    }
    for what, values in channels.items():
        if values.shape != (HOURS,):
            raise WeatherError(
                f"the {what} is incomplete: {values.size} values", where=weather.title, expected=f"{HOURS} hours"
            )
        missing = np.flatnonzero(~np.isfinite(values))
        if len(missing):
            raise WeatherError(
                f"the {what} is incomplete: hour {missing[0]} and {len(missing) - 1} more",
                where=weather.title,
                expected=f"{HOURS} finite hourly values",
            )


def _black(temperature_c: Float) -> Float:
    return np.asarray(STEFAN_BOLTZMANN * (temperature_c + 273.15) ** 4)


def _dew_point(temperature_c: Float, humidity_pct: Float) -> Float:
    """Return the dew point, °C: Magnus' formula with the constants of WMO-No. 8 over water."""
    share = np.log(np.clip(humidity_pct, 1.0, 100.0) / 100.0) + 17.62 * temperature_c / (243.12 + temperature_c)
    return np.asarray(243.12 * share / (17.62 - share))


def _yearly_swing(temperature_c: Float) -> Float:
    """Return the first harmonic of the year, delayed by the lag of the ground, mean 0."""
    angle = 2.0 * np.pi * (np.arange(HOURS) + 0.5) / HOURS
    first = 2.0 / HOURS * np.array([np.sum(temperature_c * np.cos(angle)), np.sum(temperature_c * np.sin(angle))])
    late = angle - 2.0 * np.pi * _LAG_H / HOURS
    return np.asarray(first[0] * np.cos(late) + first[1] * np.sin(late))
