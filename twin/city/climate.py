"""Hourly weather years without a network, generated from published monthly climate normals.

The months of the result have the temperature, radiation, humidity and wind of the normals exactly (up to rounding);
days and hours vary as measured weather does:

- The clearness of days is a first-order autoregressive series with coefficient 0.29 (V. A. Graham, K. G. T. Hollands
  and T. E. Unny, "A time series model for Kt with application to global synthetic weather generation", Solar Energy
  40(2), 83-92, 1988, doi 10.1016/0038-092X(88)90075-8); that of hours is another around it. Both pass through a
  logistic curve that scales the clear sky of B. Haurwitz, "Insolation in relation to cloudiness and cloud density",
  Journal of Meteorology 2, 154-166 (1945). Beam and diffuse follow from `solar.decomposition`.
- Temperature is the month's mean, day-to-day anomalies and a daily cycle with its maximum at 15:00.
- The vapour pressure is constant over a day (Magnus form of O. A. Alduchov and R. E. Eskridge, "Improved Magnus form
  approximation of saturation vapor pressure", Journal of Applied Meteorology 35, 601-609, 1996), so that humidity is
  lowest in the warm hours.
- Wind speed is Rayleigh distributed and correlated from hour to hour.

Years differ (`weather_years`) by what the same day-to-day series leave in the mean of a month: the climatic noise of
R. A. Madden, "Estimates of the natural variability of time-averaged sea-level pressure", Monthly Weather Review 104,
942-952 (1976), which is a lower bound, since slow changes of oceans and circulation add to it.

Coefficients without a paper beside them are fitted to the Helsinki IWEC year or are marked as assumptions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from twin.city.epw import distance_km
from twin.city.model import Metadata, Source, Weather
from twin.city.normals import MONTH_DAYS, MONTHS, Normals, builtin_normals
from twin.errors import WeatherError
from twin.kernels.registry import get
from twin.kernels.solar.position import extraterrestrial_of_year, standard_pressure, sun_of_year
from twin.random import entity_keys, normal

Floats = NDArray[np.float64]

MONTH_OF_DAY = np.repeat(np.arange(12), MONTH_DAYS)
MONTH_OF_HOUR = np.repeat(MONTH_OF_DAY, 24)
CLEARNESS_DAY_LAG = 0.29
CLEARNESS_HOUR_LAG = 0.54  # assumption
# Of the logit; assumption. The clearness of days then spreads by 0.08 to 0.17 within a month; IWEC has 0.07 to 0.15.
CLEARNESS_DAY_SD, CLEARNESS_HOUR_SD = 1.2, 0.6
TEMPERATURE_DAY_LAG = 0.72  # mean lag-1 correlation of daily means within the months of the Helsinki IWEC year
WIND_HOUR_LAG = 0.97  # lag-1 correlation of hourly wind of the Helsinki IWEC year
WARMEST_HOUR = 15.0
DAILY_RADIATION_SPREAD = 0.35
"""Standard deviation over mean of the daily sums of a month (assumption; 0.28 to 0.69 in generated Helsinki)."""


def weather_from_normals(normals: Normals, *, seed: int = 1, title: str | None = None) -> Weather:
    """Return a year of hourly weather that reproduces monthly normals.

    Parameters
    ----------
    normals : Normals
    seed : int
        Another seed gives other days with the same months.
    title : str, optional

    Returns
    -------
    Weather
        Monthly means of temperature, humidity and wind and monthly sums of global radiation equal the normals to
        rounding; the mean daily range of temperature does where the day-to-day changes leave room for it (0.3 K).

    Raises
    ------
    WeatherError
        Radiation that is more than a clear sky gives, or a humidity that cannot be reached.
    """
    zenith, _ = sun_of_year(normals.latitude, normals.longitude, normals.utc_offset_h, normals.elevation_m)
    ghi = _radiation(normals, zenith, seed)
    dni, dhi = get("solar.decomposition", "numba")(ghi, zenith, extraterrestrial_of_year())
    temperature = _temperature(normals, seed)
    return Weather(
        temperature_c=temperature,
        relative_humidity_pct=_humidity(normals, temperature),
        wind_speed_m_s=_wind(normals, seed),
        pressure_pa=np.full(8760, standard_pressure(normals.elevation_m)),
        ghi_w_m2=ghi,
        dni_w_m2=dni,
        dhi_w_m2=dhi,
        latitude=normals.latitude,
        longitude=normals.longitude,
        utc_offset_h=normals.utc_offset_h,
        elevation_m=normals.elevation_m,
        title=title or f"Generated from monthly normals: {normals.title}",
        source=Source(
            id=f"normals:{normals.name}",
            title=f"Monthly climate normals: {normals.title}",
            licence=normals.licence,
            attribution=normals.attribution,
        ),
    )


def weather_years(normals: Normals, years: int, *, seed: int = 1) -> list[Weather]:
    """Return years of hourly weather that differ as years do; their mean tends to the normals.

    Months of a year are warmer or colder, brighter or darker than the normals by draws that are keyed by the number of
    the year, so that asking for more years leaves the first ones as they are.

    Raises
    ------
    WeatherError
        As `weather_from_normals`, or fewer years than one.
    """
    if years < 1:
        raise WeatherError(f"{years} years of weather", expected="one or more")
    zenith, _ = sun_of_year(normals.latitude, normals.longitude, normals.utc_offset_h, normals.elevation_m)
    clear = np.bincount(MONTH_OF_HOUR, clear_sky(zenith)) / 1000.0
    usual = normals.global_radiation(monthly_daylight(zenith))
    keys = entity_keys(f"year-{year:05d}" for year in range(years))
    warm = normal(seed, "weather.year.temperature", keys, n=12)
    bright = normal(seed, "weather.year.radiation", keys, n=12)
    warm *= normals.day_to_day_sd_k * _noise_of_mean(TEMPERATURE_DAY_LAG)
    bright *= DAILY_RADIATION_SPREAD * _noise_of_mean(CLEARNESS_DAY_LAG)
    found = []
    for year in range(years):
        # the clearest month that the generator can make, a little below its own limit
        radiation = np.clip(usual * (1.0 + bright[year]), 0.0, np.maximum(0.95 * clear, usual))
        of_year = dataclasses.replace(
            normals, temperature_c=normals.temperature_c + warm[year], global_kwh_m2=radiation, sunshine_h=None
        )
        own = int(keys[year] >> np.uint64(1)) ^ seed
        found.append(weather_from_normals(of_year, seed=own, title=f"Generated year {year + 1}: {normals.title}"))
    return found


def _noise_of_mean(lag: float) -> Floats:
    """Return the spread of monthly means over that of days (12,), of a first-order autoregressive series."""
    days = np.array(MONTH_DAYS, np.float64)
    gain = (1.0 + lag) / (1.0 - lag) - 2.0 * lag * (1.0 - lag**days) / (days * (1.0 - lag) ** 2)
    return np.sqrt(gain / days)


def default_weather(meta: Metadata, *, seed: int = 1) -> Weather:
    """Return weather generated from the built-in normals whose station is nearest to the city."""
    stations = builtin_normals().values()
    nearest = min(stations, key=lambda n: distance_km(n.latitude, n.longitude, meta.latitude, meta.longitude))
    return weather_from_normals(nearest, seed=seed)


def clear_sky(zenith_deg: Floats) -> Floats:
    """Return the global irradiance of a clear sky, W/m2 (Haurwitz 1945), 0 while the sun is down."""
    cosine = np.cos(np.radians(zenith_deg))
    up = cosine > 0.0
    safe = np.where(up, cosine, 1.0)
    return np.where(up, 1098.0 * safe * np.exp(-0.059 / safe), 0.0)


def _series(seed: int, model: str, lag: float, *, hours: bool) -> Floats:
    """Return a standard normal autoregressive series of the days (365,) or hours (8760,) of the year."""
    from scipy.signal import lfilter

    keys = entity_keys(f"day-{day:03d}" for day in range(365))
    noise = normal(seed, f"weather.{model}", keys, n=24 if hours else 1).ravel()
    noise[1:] *= np.sqrt(1.0 - lag**2)
    return np.asarray(lfilter([1.0], [1.0, -lag], noise))


def _solve(function: Callable[[float], float], target: float, low: float, high: float) -> float:
    """Return where an increasing function reaches the target; the ends of the interval must enclose it."""
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if function(middle) < target else (low, middle)
    return high


def _radiation(normals: Normals, zenith_deg: Floats, seed: int) -> Floats:
    clear = clear_sky(zenith_deg)
    days = np.repeat(_series(seed, "clearness.day", CLEARNESS_DAY_LAG, hours=False), 24)
    hours = _series(seed, "clearness.hour", CLEARNESS_HOUR_LAG, hours=True)
    logit = CLEARNESS_DAY_SD * days + CLEARNESS_HOUR_SD * hours
    wanted = 1000.0 * normals.global_radiation(monthly_daylight(zenith_deg))
    ghi = np.zeros(8760)
    for month in range(12):
        rows = month == MONTH_OF_HOUR
        sky, shape = clear[rows], logit[rows]
        if not 0.0 <= wanted[month] < 0.98 * sky.sum():
            raise WeatherError(
                f"the normals of {normals.name} have {wanted[month] / 1000.0:.1f} kWh/m2 in {MONTHS[month]}",
                expected=f"less than 98 % of a clear sky, {sky.sum() / 1000.0:.1f} kWh/m2",
                remedy="check the month's radiation or sunshine, and the station's latitude",
            )
        hourly = sky * _logistic(_clearness_level(sky, shape, wanted[month]) + shape)
        ghi[rows] = hourly * (wanted[month] / hourly.sum()) if wanted[month] > 0.0 else 0.0
    return ghi


def _clearness_level(sky: Floats, shape: Floats, wanted: float) -> float:
    return _solve(lambda level: float(sky @ _logistic(level + shape)), wanted, -40.0, 40.0)


def monthly_daylight(zenith_deg: Floats) -> tuple[Floats, Floats]:
    """Return per month the extraterrestrial radiation on the horizontal (kWh/m2) and the hours of daylight."""
    cosine = np.maximum(np.cos(np.radians(zenith_deg)), 0.0)
    outside = np.bincount(MONTH_OF_HOUR, extraterrestrial_of_year() * cosine) / 1000.0
    return outside, np.bincount(MONTH_OF_HOUR, cosine > 0.0).astype(np.float64)


def _logistic(x: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-x))


def _monthly_line(values: Floats) -> Floats:
    """Return the hourly (8760,) line through values at the middle of the months, periodic over the year."""
    ends = np.cumsum(np.multiply(MONTH_DAYS, 24.0))
    middles = ends - np.multiply(MONTH_DAYS, 12.0)
    return np.interp(np.arange(8760) + 0.5, middles, values, period=8760.0)


def _line_with_means(means: Floats) -> Floats:
    """Return the continuous hourly line (8760,) whose monthly means are given."""
    basis = np.stack([_monthly_line(row) for row in np.eye(12)], axis=1)
    system = np.stack([basis[month == MONTH_OF_HOUR].mean(axis=0) for month in range(12)])
    return np.asarray(basis @ np.linalg.solve(system, means))


def _monthly_mean(hourly: Floats) -> Floats:
    return np.asarray(np.bincount(MONTH_OF_HOUR, hourly) / np.multiply(MONTH_DAYS, 24.0))


def _daily_range(temperature: Floats) -> Floats:
    days = temperature.reshape(365, 24)
    return np.asarray(np.bincount(MONTH_OF_DAY, np.ptp(days, axis=1)) / MONTH_DAYS)


def _temperature(normals: Normals, seed: int) -> Floats:
    days = _series(seed, "temperature.day", TEMPERATURE_DAY_LAG, hours=False) * normals.day_to_day_sd_k[MONTH_OF_DAY]
    noon = np.arange(365) * 24.0 + 12.0
    anomaly = np.interp(np.arange(8760) + 0.5, noon, days, period=8760.0)
    cycle = np.cos(2.0 * np.pi / 24.0 * (np.arange(8760) + 0.5 - WARMEST_HOUR))

    def hourly(amplitude: Floats) -> Floats:
        raw = anomaly + cycle * _monthly_line(amplitude)
        return raw + _line_with_means(normals.temperature_c - _monthly_mean(raw))

    # The daily range also holds the change from day to day, so the amplitude is found by iteration.
    amplitude = 0.5 * normals.daily_range_k
    for _ in range(12):
        error = normals.daily_range_k - _daily_range(hourly(amplitude))
        amplitude = np.maximum(amplitude + 0.5 * error, 0.0)
    return hourly(amplitude)


def _saturation(temperature_c: Floats) -> Floats:
    return np.asarray(610.94 * np.exp(17.625 * temperature_c / (temperature_c + 243.04)))


def _humidity(normals: Normals, temperature: Floats) -> Floats:
    daily = np.repeat(temperature.reshape(365, 24).mean(axis=1), 24)
    shape = _saturation(daily) / _saturation(temperature)
    humidity = np.empty(8760)
    for month in range(12):
        rows = month == MONTH_OF_HOUR
        level = _humidity_level(shape[rows], float(normals.relative_humidity_pct[month]))
        humidity[rows] = np.minimum(level * shape[rows], 100.0)
    return humidity


def _humidity_level(shape: Floats, wanted: float) -> float:
    return _solve(lambda level: float(np.minimum(level * shape, 100.0).mean()), wanted, 0.0, 1000.0)


def _wind(normals: Normals, seed: int) -> Floats:
    from scipy.special import log_ndtr

    # Rayleigh by inversion: the upper tail of a standard normal z is ndtr(-z).
    raw = np.sqrt(-2.0 * log_ndtr(-_series(seed, "wind", WIND_HOUR_LAG, hours=True)))
    return np.asarray(raw * (normals.wind_speed_m_s / _monthly_mean(raw))[MONTH_OF_HOUR])
