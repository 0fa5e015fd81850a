"""Fixtures that every room may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.figures import FigureTable
from twin.city.model import HOURS, City, Source, Weather


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(FigureTable())


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests away from the user's cache of cities (compiled kernels stay where numba keeps them)."""
    before = os.environ.get("TWIN_CACHE_DIR")
    os.environ["TWIN_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["TWIN_CACHE_DIR"]
    else:
        os.environ["TWIN_CACHE_DIR"] = before


@pytest.fixture(scope="session")
def repo_root() -> Path:
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def plain_weather() -> Weather:
    """A smooth, physically plausible year at 60 N: cheap, and independent of the climate generator."""
    hour = np.arange(HOURS, dtype=np.float64)
    day = hour / 24.0
    clock = hour % 24 + 0.5
    declination = np.radians(-23.44 * np.cos(2 * np.pi * (day + 10) / 365))
    latitude = np.radians(60.15)
    angle = np.radians(15.0 * (clock - 12.2))
    cosine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(angle)
    up = np.clip(cosine, 0.0, 1.0)
    dni = np.where(up > 0.02, 450.0 * (1 - np.exp(-8.0 * up)), 0.0)
    dhi = 120.0 * np.sqrt(up) * (up > 0)
    season = -np.cos(2 * np.pi * (day - 20) / 365)
    return Weather(
        temperature_c=6.0 + 11.5 * season + 3.0 * np.sin(2 * np.pi * (clock - 9) / 24),
        relative_humidity_pct=80.0 - 10.0 * season,
        wind_speed_m_s=np.full(HOURS, 4.0),
        pressure_pa=np.full(HOURS, 101_300.0),
        ghi_w_m2=dni * up + dhi,
        dni_w_m2=dni,
        dhi_w_m2=dhi,
        latitude=60.15,
        longitude=27.0,
        utc_offset_h=2.0,
        elevation_m=0.0,
        title="Smooth test year",
        source=Source("test-weather", "Smooth test year", "CC0-1.0", "twin tests"),
    )


@pytest.fixture(scope="session")
def small_city(plain_weather: Weather) -> City:
    """A complete synthetic city of 120 buildings with weather. Shared: never change it in place."""
    from twin.city.synthetic import generate_city

    return generate_city(120, seed=1, weather=plain_weather)
