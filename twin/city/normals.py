"""Monthly climate normals: the table that a weather year is generated from, and the stations in the package."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.city.yaml import Positions, parse_yaml, read_yaml
from twin.errors import WeatherError, did_you_mean

Floats = NDArray[np.float64]

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

ANGSTROM_A, ANGSTROM_B = 0.25, 0.50
"""Angstrom-Prescott coefficients where none are calibrated: R. G. Allen et al., "Crop evapotranspiration", FAO
Irrigation and Drainage Paper 56 (1998), equation 35."""

USUAL_DAY_TO_DAY_SD_K = 3.0
"""Spread of daily mean temperatures within a month where the table gives none: an assumption for temperate climates."""

# Rows of twelve figures: lowest and highest valid value.
_ROWS = {
    "temperature_c": (-60.0, 50.0),
    "daily_range_k": (0.0, 30.0),
    "day_to_day_sd_k": (0.0, 15.0),
    "relative_humidity_pct": (1.0, 99.9),
    "wind_speed_m_s": (0.0, 30.0),
    "global_kwh_m2": (0.0, 350.0),
    "sunshine_h": (0.0, 744.0),
}
_NUMBERS = {
    "latitude": (-90.0, 90.0),
    "longitude": (-180.0, 180.0),
    "utc_offset_h": (-12.0, 14.0),
    "elevation_m": (-500.0, 6000.0),
}
_TEXTS = ("name", "title", "country", "licence", "attribution")
_OPTIONAL = ("day_to_day_sd_k", "global_kwh_m2", "sunshine_h", "country")


@dataclass(frozen=True)
class Normals:
    """Monthly normals of a station; every row holds twelve figures, January first.

    Either `global_kwh_m2` (sum of the month on the horizontal) or `sunshine_h` (hours of bright sunshine of the
    month) must be given. `sources` says per row where its figures are from.
    """

    name: str
    title: str
    latitude: float
    longitude: float
    utc_offset_h: float
    elevation_m: float
    temperature_c: Floats
    daily_range_k: Floats
    relative_humidity_pct: Floats
    wind_speed_m_s: Floats
    global_kwh_m2: Floats | None = None
    sunshine_h: Floats | None = None
    day_to_day_sd_k: Floats = field(default_factory=lambda: np.full(12, USUAL_DAY_TO_DAY_SD_K))
    country: str = ""
    licence: str = ""
    attribution: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)

    def global_radiation(self, daylight: tuple[Floats, Floats]) -> Floats:
        """Return the monthly global radiation, kWh/m2: the figures given, else from sunshine by Angstrom-Prescott.

        Parameters
        ----------
        daylight : two arrays (12,)
            Extraterrestrial radiation on the horizontal (kWh/m2) and hours of daylight of each month.
        """
        if self.global_kwh_m2 is not None:
            return self.global_kwh_m2
        if self.sunshine_h is None:
            raise WeatherError(
                f"the normals of {self.name} have neither radiation nor sunshine",
                remedy="give global_kwh_m2 or sunshine_h",
            )
        outside, hours = daylight
        share = np.divide(self.sunshine_h, hours, out=np.zeros(12), where=hours > 0.0)
        return np.asarray(outside * (ANGSTROM_A + ANGSTROM_B * np.minimum(share, 1.0)))


def load_normals(path: str | Path) -> Normals:
    """Read monthly normals from a YAML file with the fields of `Normals`.

    Raises
    ------
    WeatherError
        A file that cannot be read, an unknown, missing or repeated key, a row that has not twelve numbers, or a
        number out of range; with file, line and column.
    """
    data, positions = read_yaml(path, error=WeatherError)
    return _checked(data, positions)


@cache
def builtin_normals() -> dict[str, Normals]:
    """Return the stations that come with the package, by name."""
    folder = files("twin.city").joinpath("climate_normals")
    stations = {}
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".yaml"):
            data, positions = parse_yaml(entry.read_text("utf-8"), file=entry.name, error=WeatherError)
            normals = _checked(data, positions)
            stations[normals.name] = normals
    return stations


def _checked(data: dict[str, Any], positions: Positions) -> Normals:
    known = (*_TEXTS, *_NUMBERS, *_ROWS, "sources")
    problems = [
        WeatherError(f"unknown key {key!r}", where=positions.where((key,), key=True), remedy=did_you_mean(key, known))
        for key in data
        if key not in known
    ]
    problems += [
        WeatherError(f"the key {key!r} is missing", where=positions.where(()))
        for key in (*_TEXTS, *_NUMBERS, *_ROWS)
        if key not in data and key not in _OPTIONAL
    ]
    if "global_kwh_m2" not in data and "sunshine_h" not in data:
        problems.append(WeatherError("neither radiation nor sunshine is given", expected="global_kwh_m2 or sunshine_h"))
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key in _ROWS:
            problems += _row_problems(key, value, positions)
            values[key] = value
        elif key in _NUMBERS:
            problems += _number_problems(value, *_NUMBERS[key], positions.where((key,)))
            values[key] = value
        elif key in _TEXTS:
            values[key] = str(value)
    sources = data.get("sources", {})
    if not isinstance(sources, dict):
        problems.append(WeatherError("sources is not a mapping of row to text", where=positions.where(("sources",))))
    if problems:
        raise WeatherError(f"the climate normals have {len(problems)} problems", problems=problems)
    values = {k: np.array(v, np.float64) if k in _ROWS else v for k, v in values.items()}
    values |= {key: float(values[key]) for key in _NUMBERS}
    return Normals(sources={k: " ".join(str(v).split()) for k, v in sources.items()}, **values)


def _row_problems(key: str, value: object, positions: Positions) -> list[WeatherError]:
    if not isinstance(value, list) or len(value) != 12:
        return [WeatherError(f"{key} has not twelve figures", where=positions.where((key,)), expected="one per month")]
    problems = []
    for month, figure in enumerate(value):
        problems += _number_problems(figure, *_ROWS[key], positions.where((key, month)))
    return problems


def _number_problems(value: object, low: float, high: float, where: str) -> list[WeatherError]:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and math.isfinite(float(value)) and low <= float(value) <= high:  # type: ignore[arg-type]
        return []
    return [WeatherError(f"{value!r} is not valid", where=where, expected=f"a number from {low:g} to {high:g}")]
