"""EnergyPlus weather files (EPW): one hourly year, with the format's quirks handled by name.

Format: "Auxiliary Programs", EnergyPlus documentation, chapter "EnergyPlus Weather File (EPW) Data Dictionary".
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.city.model import HOURS, Source, Weather
from twin.city.normals import MONTH_DAYS
from twin.errors import TwinError, UnsafeFileError, WeatherError, at_line

Floats = NDArray[np.float64]

MAX_BYTES = 20_000_000
"""A year of hourly rows is about 1.6 MB."""

MAX_GAP_H = {"radiation": 3, "other": 24}
"""Longest run of missing hours that is filled by interpolation (assumption: radiation changes within the day)."""

MAX_MISSING_SHARE = 0.05
"""Largest share of the year that may be missing in one column (assumption)."""

MAX_SHOWN = 20
EARTH_RADIUS_KM = 6371.0088


@dataclass(frozen=True)
class _Channel:
    """A column that is read: place in the row, field of `Weather`, code of a missing value, valid range.

    Files often leave an `optional` column out, or fill it with zeros; it is then left unknown.
    """

    column: int
    name: str
    missing: float
    low: float
    high: float
    optional: bool = False


_CHANNELS = (
    _Channel(6, "temperature_c", 99.9, -90.0, 70.0),
    _Channel(8, "relative_humidity_pct", 999.0, 0.0, 110.0),
    _Channel(9, "pressure_pa", 999999.0, 31000.0, 120000.0),
    _Channel(12, "sky_infrared_w_m2", 9999.0, 50.0, 700.0, optional=True),
    _Channel(13, "ghi_w_m2", 9999.0, 0.0, 1600.0),
    _Channel(14, "dni_w_m2", 9999.0, 0.0, 1600.0),
    _Channel(15, "dhi_w_m2", 9999.0, 0.0, 1600.0),
    _Channel(21, "wind_speed_m_s", 999.0, 0.0, 75.0),
)
_FIRST_ROW = 8  # after eight header lines
_MIN_FIELDS = 22


@dataclass(frozen=True)
class _Header:
    city: str
    kind: str
    latitude: float
    longitude: float
    utc_offset_h: float
    elevation_m: float


def read_epw(path: str | Path) -> Weather:
    """Read an EPW file of one hourly year.

    Missing values (99.9, 999, 9999 …) are interpolated over short gaps, a leap day is dropped; both are noted in the
    title of the result. Hour 1 of the file is the hour from 0:00 to 1:00, local standard time.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Weather

    Raises
    ------
    UnsafeFileError
        A file that is larger than `MAX_BYTES`, compressed or not text.
    WeatherError
        A file that is not an EPW file, holds less or more than a year, has several records per hour, cells that are
        not numbers or out of range, or too many missing values; with file, line and column.
    """
    path = Path(path)
    raw = _read(path)
    lines, notes = _decode(raw, path)
    header = _header(lines, path)
    rows, numbers, dropped = _year(lines, path)
    if dropped:
        notes.append("29 February dropped")
    channels: dict[str, Any] = {}
    problems: list[TwinError] = []
    for channel in _CHANNELS:
        values, found = _column(rows, numbers, channel, path)
        problems += found
        channels[channel.name] = values
    if problems:
        raise WeatherError(
            f"{len(problems)} cells of the weather file cannot be used", where=str(path), problems=problems[:MAX_SHOWN]
        )
    for channel in _CHANNELS:
        channels[channel.name] = _filled(channels[channel.name], channel, path, notes)
    channels["relative_humidity_pct"] = np.minimum(channels["relative_humidity_pct"], 100.0)
    title = f"{header.city} ({header.kind})" + (f"; {'; '.join(notes)}" if notes else "")
    source = Source(
        id=f"epw:{path.name}",
        title=f"Weather file {path.name}: {header.city}, {header.kind}",
        licence="terms of the file's publisher",
        attribution=header.kind,
        sha256=hashlib.sha256(raw).hexdigest(),
    )
    return Weather(
        **channels,
        latitude=header.latitude,
        longitude=header.longitude,
        utc_offset_h=header.utc_offset_h,
        elevation_m=header.elevation_m,
        title=title,
        source=source,
    )


def check_weather_location(weather: Weather, latitude: float, longitude: float, *, max_km: float = 100.0) -> float:
    """Return the distance (km) of the weather station from a place.

    Raises
    ------
    WeatherError
        The station is farther away than `max_km` (assumption: within 100 km a station stands for a city).
    """
    distance = distance_km(weather.latitude, weather.longitude, latitude, longitude)
    if distance > max_km:
        raise WeatherError(
            f"the weather is from a place {distance:.0f} km from the city",
            where=f"{weather.title}: {weather.latitude:.2f}, {weather.longitude:.2f}",
            expected=f"a station within {max_km:.0f} km of {latitude:.2f}, {longitude:.2f}",
            remedy="choose a weather file of the region, or check latitude and longitude of both",
        )
    return distance


def distance_km(latitude1: float, longitude1: float, latitude2: float, longitude2: float) -> float:
    """Return the great-circle distance of two places in degrees, km (haversine, mean Earth radius)."""
    a, b = math.radians(latitude1), math.radians(latitude2)
    turn = math.radians(longitude2 - longitude1)
    h = math.sin((b - a) / 2.0) ** 2 + math.cos(a) * math.cos(b) * math.sin(turn / 2.0) ** 2
    return 2.0 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(h)))


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise WeatherError("the weather file does not exist or is not a file", where=str(path))
    with path.open("rb") as stream:
        raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise UnsafeFileError("the weather file is too large", where=str(path), expected=f"at most {MAX_BYTES:,} bytes")
    if raw[:2] in (b"\x1f\x8b", b"PK"):
        raise UnsafeFileError("the weather file is compressed", where=str(path), remedy="unpack it first")
    if b"\0" in raw:
        raise UnsafeFileError("the weather file is not text", where=str(path), expected="an EPW text file")
    return raw


def _decode(raw: bytes, path: Path) -> tuple[list[str], list[str]]:
    notes = []
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
        notes.append("read as Latin-1")
    # Not splitlines: it also breaks at control characters that may stand in a comment.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines or not lines[0].upper().startswith("LOCATION,"):
        raise WeatherError(
            "not an EPW file", where=at_line(path, 1, 1), expected="a first line that starts with LOCATION,"
        )
    if len(lines) <= _FIRST_ROW:
        raise WeatherError("the weather file holds no hours", where=str(path), expected="8760 rows after the header")
    return lines, notes


def _header(lines: list[str], path: Path) -> _Header:
    cells = lines[0].split(",")
    if len(cells) < 10:
        raise WeatherError("the LOCATION line is incomplete", where=at_line(path, 1, 1), expected="ten fields")
    limits = ((6, "latitude", 90.0), (7, "longitude", 180.0), (8, "UTC offset", 14.0), (9, "elevation", 6000.0))
    numbers = []
    for column, name, limit in limits:
        value = _number(cells[column])
        if value is None or abs(value) > limit:
            raise WeatherError(
                f"the {name} {cells[column].strip()!r} is not valid",
                where=_place(path, 0, lines[0], column),
                expected=f"a number from -{limit:g} to {limit:g}",
            )
        numbers.append(value)
    latitude, longitude, offset, elevation = numbers
    # No place on land keeps a standard time more than 4 hours from that of its longitude.
    apart = abs((offset - longitude / 15.0 + 12.0) % 24.0 - 12.0)
    if apart > 4.0:
        raise WeatherError(
            f"the UTC offset {offset:g} h does not fit the longitude {longitude:g} degrees",
            where=_place(path, 0, lines[0], 8),
            remedy="check the signs: east is positive in both",
        )
    _check_periods(lines, path)
    return _Header(cells[1].strip(), cells[4].strip() or "EPW", latitude, longitude, offset, elevation)


def _check_periods(lines: list[str], path: Path) -> None:
    for index, line in enumerate(lines[:_FIRST_ROW]):
        cells = line.split(",")
        if cells[0].strip().upper() != "DATA PERIODS":
            continue
        per_hour = _number(cells[2]) if len(cells) > 2 else None
        if per_hour != 1.0:
            raise WeatherError(
                "the weather file has not one record per hour",
                where=_place(path, index, line, min(2, len(cells) - 1)),
                expected="one record per hour; sub-hourly files are not read",
                remedy="use the hourly file of the same station, or average it to hours",
            )
        return
    raise WeatherError("the header has no DATA PERIODS line", where=at_line(path, 8, 1), expected="eight header lines")


def _year(lines: list[str], path: Path) -> tuple[list[list[str]], list[int], bool]:
    """Return the cells and line numbers (from 0) of the 8760 hours, and whether a leap day was dropped."""
    rows: list[list[str]] = []
    numbers: list[int] = []
    leap = False
    calendar = [(m + 1, d + 1, h + 1) for m, days in enumerate(MONTH_DAYS) for d in range(days) for h in range(24)]
    for index in range(_FIRST_ROW, len(lines)):
        line = lines[index]
        cells = line.split(",")
        if len(cells) < _MIN_FIELDS:
            raise WeatherError(
                f"the row has {len(cells)} fields", where=at_line(path, index + 1, 1), expected=f"{_MIN_FIELDS} or more"
            )
        when = tuple(_number(cell) for cell in cells[1:4])
        if when[:2] == (2.0, 29.0):
            leap = True
            continue
        k = len(rows)
        if k == HOURS:
            raise WeatherError(
                f"the weather file holds more than a year, {len(lines) - _FIRST_ROW} rows",
                where=at_line(path, index + 1, 1),
                expected="8760 hourly rows (8784 with a leap day)",
            )
        if when != calendar[k]:
            month, day, hour = calendar[k]
            shown = "/".join(cell.strip() for cell in cells[1:4])
            raise WeatherError(
                f"the hours are out of order: month/day/hour {shown}",
                where=_place(path, index, line, 1),
                expected=f"{month}/{day}/{hour}: one row per hour from 1 January",
            )
        rows.append(cells)
        numbers.append(index)
    if len(rows) != HOURS:
        raise WeatherError(
            f"the weather file holds {len(rows)} hours",
            where=str(path),
            expected="8760 hours, a whole year",
            remedy="the file may be cut off: fetch it again",
        )
    return rows, numbers, leap


def _column(rows: list[list[str]], numbers: list[int], channel: _Channel, path: Path) -> tuple[Floats, list[TwinError]]:
    """Return a column, missing values as NaN, and its problems."""
    column = channel.column
    problems: list[TwinError] = []
    values = np.array([_number(cells[column]) for cells in rows], np.float64)  # NaN where there is no number
    good = (values >= channel.low) & (values <= channel.high) & (values < channel.missing)
    if channel.optional:
        good &= values != 0.0
    values[~good] = np.nan
    for k in np.flatnonzero(~good):
        cells, value = rows[k], _number(rows[k][column])
        if value is not None and value >= channel.missing:
            continue
        if channel.optional and (value == 0.0 or not cells[column].strip()):
            continue
        problem = WeatherError(
            f"{channel.name} is {cells[column].strip()[:30]!r}",
            where=_place(path, numbers[k], ",".join(cells), column),
            expected=f"a number from {channel.low:g} to {channel.high:g}, or {channel.missing:g} where missing",
        )
        problems.append(problem)
    return values, problems


def _filled(values: Floats, channel: _Channel, path: Path, notes: list[str]) -> Floats | None:
    """Return the values with short gaps interpolated, the year taken as periodic.

    An optional column with longer gaps is None.
    """
    missing = np.isnan(values)
    count = int(missing.sum())
    if not count:
        return values
    limit = MAX_GAP_H["radiation" if channel.name.endswith("w_m2") else "other"]
    longest = _longest_gap(missing)
    if longest > limit or count > MAX_MISSING_SHARE * HOURS:
        if channel.optional:
            if count < HOURS:
                notes.append(f"{channel.name}: not read, {count} hours are missing")
            return None
        raise WeatherError(
            f"{channel.name} is missing in {count} hours, up to {longest} in a row",
            where=f"{path}, field {channel.column + 1}",
            expected=f"at most {limit} in a row and {MAX_MISSING_SHARE:.0%} of the year",
            remedy="use another file, or fill the gaps first",
        )
    known = np.flatnonzero(~missing)
    notes.append(f"{channel.name}: {count} missing hours interpolated")
    return np.where(missing, np.interp(np.arange(HOURS), known, values[known], period=HOURS), values)


def _longest_gap(missing: NDArray[np.bool_]) -> int:
    longest = run = 0
    for gap in np.concatenate((missing, missing)):  # twice: a gap may cross the end of the year
        run = run + 1 if gap else 0
        longest = max(longest, run)
    return min(longest, len(missing))


@lru_cache(maxsize=2**14)
def _number(cell: str) -> float | None:
    """Return a cell as a finite number, else None. Most cells of a year are like others."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in cell else None


def _place(path: Path, index: int, line: str, column: int) -> str:
    """Return file:line:column of a cell; `index` and `column` count from 0."""
    before = ",".join(line.split(",")[:column])
    return at_line(path, index + 1, len(before) + (2 if column else 1))
