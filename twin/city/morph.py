"""Weather of a changed climate from a year of today's and a table of monthly changes, without a network.

Shift and stretch after S. E. Belcher, J. N. Hacker and D. S. Powell, "Constructing design weather data for future
climates", Building Services Engineering Research and Technology 26(1), 49-61 (2005), doi 10.1191/0143624405bt112oa:
temperature and humidity are shifted, radiation and wind stretched, and the daily range of temperature stretched about
the mean of the month. Diffuse and direct radiation follow the global one (the paper does so for the diffuse).
The emissivity of the sky is kept, so that its long-wave radiation follows the fourth power of the temperature
(assumption). Changes step at the turn of the month, as in the paper.
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.city.csv_table import CsvTable
from twin.city.model import Source, Weather
from twin.city.normals import MONTH_DAYS
from twin.city.road_network import raise_problems
from twin.errors import DataError, WeatherError, at_line, did_you_mean

Floats = NDArray[np.float64]
KELVIN = 273.15
_MONTH_OF_HOUR = np.repeat(np.arange(12), np.multiply(MONTH_DAYS, 24))
_HOURS_OF_MONTH = np.multiply(MONTH_DAYS, 24.0)
_LIMITS = {
    "temperature_k": (-20.0, 20.0),
    "daily_range_k": (-15.0, 15.0),
    "global_radiation_pct": (-50.0, 50.0),
    "relative_humidity_points": (-50.0, 50.0),
    "wind_speed_pct": (-90.0, 200.0),
}


class ClimateChange(NamedTuple):
    """Changes by month, float64 (12,), January first.

    temperature_k of the mean, daily_range_k of the mean daily maximum less that of the minimum, global_radiation_pct,
    relative_humidity_points (percentage points), wind_speed_pct; `name` and `sha256` of the file.
    """

    temperature_k: Floats
    daily_range_k: Floats
    global_radiation_pct: Floats
    relative_humidity_points: Floats
    wind_speed_pct: Floats
    name: str = "monthly changes"
    sha256: str = ""


def read_climate_change(path: str | Path) -> ClimateChange:
    """Read monthly changes from a CSV file.

    Columns are ``month`` (1 to 12), ``temperature_k`` and the further fields of `ClimateChange`, which are 0 where they
    are left out.

    Raises
    ------
    UnsafeFileError
        Not a regular file, too large, or not text.
    DataError
        Unknown or missing columns, months that are missing or stand twice, and figures that are not numbers or out of
        range; with line and field.
    """
    table = CsvTable(path, ("month", "temperature_k"))
    known = ("month", *_LIMITS)
    for name in table.place:
        if name not in known:
            raise DataError(
                f"unknown column {name[:40]!r}",
                where=at_line(path, 1, table.place[name] + 1),
                expected=", ".join(known),
                remedy=did_you_mean(name, known),
            )
    months = table.numbers("month", good=lambda m: m in range(1, 13), expected="a month from 1 to 12")
    columns = {
        name: table.numbers(
            name,
            default=None if name == "temperature_k" else 0.0,
            good=lambda value, low=low, high=high: low <= value <= high,  # type: ignore[misc]
            expected=f"{low:g} to {high:g}",
        )
        for name, (low, high) in _LIMITS.items()
    }
    if not table.problems:
        for row in range(1, len(months)):
            if months[row] in months[:row]:
                table.problem(row, "month", f"month {months[row]:g} stands twice", "each month once")
        missing = sorted(set(range(1, 13)) - {int(month) for month in months})
        if missing:
            shown = ", ".join(map(str, missing))
            table.problems.append(DataError(f"month {shown} is missing", where=table.path, expected="months 1 to 12"))
    raise_problems(table.problems, "the climate change cannot be used", str(path))
    order = np.argsort(months)
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return ClimateChange(
        **{name: values[order] for name, values in columns.items()}, name=Path(path).name, sha256=digest
    )


def morphed(weather: Weather, change: ClimateChange) -> Weather:
    """Return the weather under a changed climate.

    The mean temperature and daily range of each month, and its sums of radiation and wind, change as told; so does the
    relative humidity where it stays between 1 and 100 %.

    Raises
    ------
    WeatherError
        A month whose daily range of temperature would vanish.
    """
    month = _MONTH_OF_HOUR
    temperature = _temperature(np.asarray(weather.temperature_c, np.float64), change)
    light = (1.0 + change.global_radiation_pct / 100.0)[month]
    humidity = weather.relative_humidity_pct + change.relative_humidity_points[month]
    sky = weather.sky_infrared_w_m2
    if sky is not None:
        sky = np.asarray(sky * ((temperature + KELVIN) / (weather.temperature_c + KELVIN)) ** 4)
    name = f"{change.name} (sha256 {change.sha256[:12]})" if change.sha256 else change.name
    return dataclasses.replace(
        weather,
        temperature_c=temperature,
        relative_humidity_pct=np.clip(humidity, np.minimum(weather.relative_humidity_pct, 1.0), 100.0),
        wind_speed_m_s=weather.wind_speed_m_s * (1.0 + change.wind_speed_pct / 100.0)[month],
        ghi_w_m2=weather.ghi_w_m2 * light,
        dni_w_m2=weather.dni_w_m2 * light,
        dhi_w_m2=weather.dhi_w_m2 * light,
        sky_infrared_w_m2=sky,
        title=f"{weather.title}; changed by {change.name}",
        source=_changed_source(weather.source, name),
    )


def with_heat_island(weather: Weather, offset_k: float) -> Weather:
    """Return the weather of a place that is `offset_k` warmer than the station; only the air differs.

    The vapour pressure is kept: the relative humidity falls as the air is warmer (Magnus form as in `climate`).
    """
    if offset_k == 0.0:
        return weather
    warmer = weather.temperature_c + offset_k
    ratio = np.exp(17.625 * weather.temperature_c / (weather.temperature_c + 243.04))
    ratio = ratio / np.exp(17.625 * warmer / (warmer + 243.04))
    humidity = np.minimum(weather.relative_humidity_pct * ratio, 100.0)
    return dataclasses.replace(weather, temperature_c=warmer, relative_humidity_pct=humidity)


def _temperature(now: Floats, change: ClimateChange) -> Floats:
    days = now.reshape(365, 24)
    ranges = np.bincount(_MONTH_OF_HOUR[::24], np.ptp(days, axis=1)) / MONTH_DAYS
    narrow = np.flatnonzero(ranges + change.daily_range_k < 0.0)
    if len(narrow):
        k = int(narrow[0])
        raise WeatherError(
            f"the daily range of month {k + 1} is {ranges[k]:.1f} K, its change {change.daily_range_k[k]:g} K",
            where=change.name,
            expected="a range that stays positive",
        )
    stretch = np.divide(change.daily_range_k, ranges, out=np.zeros(12), where=ranges > 0.0)
    mean = np.bincount(_MONTH_OF_HOUR, now) / _HOURS_OF_MONTH
    month = _MONTH_OF_HOUR
    return np.asarray(now + change.temperature_k[month] + stretch[month] * (now - mean[month]))


def _changed_source(source: Source, name: str) -> Source:
    return dataclasses.replace(source, title=f"{source.title}; changed by {name}", id=f"{source.id}:changed")
