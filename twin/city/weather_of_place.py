"""The weather year of a place: the file or normals that are named, else the nearest normals in the package."""

from __future__ import annotations

from pathlib import Path

from twin.city.climate import weather_from_normals
from twin.city.epw import check_weather_location, distance_km, read_epw
from twin.city.model import Weather
from twin.city.morph import morphed, read_climate_change
from twin.city.normals import builtin_normals, load_normals
from twin.errors import WeatherError, did_you_mean

WEATHER_REACH_KM = 250.0
"""Built-in climate normals stand for places up to this far when no weather is named (assumption)."""


def weather_of_place(
    wanted: str | Path | None, latitude: float, longitude: float, *, climate_change: str | Path | None = None
) -> tuple[Weather, str, list[str]]:
    """Return the weather year, the country of the built-in station used (else empty), and notes.

    Parameters
    ----------
    wanted : an EPW file, a YAML file of monthly normals, the name of built-in normals, or None for the nearest of them
    latitude, longitude : degrees
    climate_change : a CSV file of monthly changes (`twin.city.morph`) to apply to it

    Raises
    ------
    WeatherError
        No built-in normals near, a name that none has, or weather of another place; see also the readers.
    """
    year, country, notes = _present_weather(wanted, latitude, longitude)
    if climate_change is not None:
        year = morphed(year, read_climate_change(climate_change))
        notes.append(f"weather: changed by the months of {Path(climate_change).name}")
    return year, country, notes


def _present_weather(wanted: str | Path | None, latitude: float, longitude: float) -> tuple[Weather, str, list[str]]:
    stations = builtin_normals()
    if wanted is None:
        distance, name = min(
            (distance_km(n.latitude, n.longitude, latitude, longitude), key) for key, n in stations.items()
        )
        if distance > WEATHER_REACH_KM:
            raise WeatherError(
                f"no built-in climate normals within {WEATHER_REACH_KM:.0f} km; the nearest, {name}, is "
                f"{distance:.0f} km away",
                expected="weather of the place",
                remedy="name an EPW file, or a YAML file of monthly normals, with --weather",
            )
        note = f"weather: generated from the normals of {name}, {distance:.0f} km away, since none was named"
        return weather_from_normals(stations[name]), stations[name].country, [note]
    text = str(wanted)
    if text.lower().endswith(".epw"):
        year = read_epw(text)
        check_weather_location(year, latitude, longitude)
        return year, "", []
    if text.lower().endswith((".yaml", ".yml")):
        normals = load_normals(text)
    else:
        matches = [key for key in stations if key == text or key.startswith(f"{text}-")]
        if len(matches) != 1:
            raise WeatherError(
                f"no built-in climate normals are named {text!r}",
                expected="an .epw file, a .yaml file of monthly normals, or a name",
                remedy=did_you_mean(text, stations),
            )
        normals = stations[matches[0]]
    year = weather_from_normals(normals)
    check_weather_location(year, latitude, longitude, max_km=WEATHER_REACH_KM)
    return year, normals.country, []
