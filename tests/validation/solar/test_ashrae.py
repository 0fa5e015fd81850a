"""Incident irradiation of ASHRAE 140-2020 case 600 against the six programs of the standard."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import twin.kernels.solar  # noqa: F401
from tests.figures import Recorder
from twin.city.epw import read_epw
from twin.kernels.registry import get
from twin.kernels.solar.light import Light, light_of_year
from twin.solar.irradiance import STEPS

Float = NDArray[np.float64]
SHARED = Path(__file__).resolve().parents[3] / "../shared/data"
EPW = SHARED / "weather/USA_CO_Denver_725650_TMY3.epw"
HOURLY = SHARED / "validation/ashrae140_case600_incident_hourly.csv"
PROGRAMS = "six programs, ASHRAE 140-2020, RESULTS5-2A"
SURFACES = {"H": (0.0, 0.0), "N": (90.0, 0.0), "E": (90.0, 90.0), "S": (90.0, 180.0), "W": (90.0, 270.0)}
# EnergyPlus, and the lowest and highest of BSIMAC, CSE, DeST, EnergyPlus, ESP-r and TRNSYS; kWh/m².
ANNUAL = {
    "H": (1664.3, 1662.5, 1670.0), "N": (438.2, 399.0, 477.3), "E": (1062.2, 1016.7, 1067.9),
    "S": (1370.5, 1290.6, 1387.0), "W": (967.3, 903.1, 997.0),
}  # fmt: skip
needs_weather = pytest.mark.skipif(not EPW.exists(), reason=f"../shared/data/weather/{EPW.name} is not here")


@pytest.fixture(scope="module")
def parts() -> Light:
    """Return the light of Denver in the steps that the city model takes."""
    weather = read_epw(EPW)
    site = (weather.latitude, weather.longitude, weather.utc_offset_h, weather.elevation_m)
    irradiances = (weather.dni_w_m2, weather.dhi_w_m2, weather.ghi_w_m2)
    return light_of_year(site, *irradiances, 0.2, temperature_c=float(weather.temperature_c.mean()), steps=STEPS)


def incident(light: Light, surfaces: list[str]) -> NDArray[np.float32]:
    """Return W/m² on surfaces in the open, float32 [surfaces, hours]."""
    tilt, azimuth = (np.array(v) for v in zip(*(SURFACES[name] for name in surfaces), strict=True))
    ones = np.ones(len(tilt), np.float32)
    own = (ones, ones, (0.5 * (1.0 - np.cos(np.radians(tilt)))).astype(np.float32), 0.0 * ones)
    rest = np.zeros(len(light.ground)), np.empty(0, np.float32)
    return get("solar.plane_irradiance", "numba")(tilt, azimuth, np.empty((0, 0), np.uint8), *own, *light, *rest)[0]


@needs_weather
def test_year_of_case_600(parts: Light, figure: Recorder) -> None:
    whole, fine = incident(parts.hourly(), list(ANNUAL)), incident(parts, list(ANNUAL))
    for row, (surface, (peer, low, high)) in enumerate(ANNUAL.items()):
        limit = 0.012 if surface == "N" else 0.006
        source = "EnergyPlus in RESULTS5-2A, ASHRAE 140-2020"
        year = whole[row].sum(dtype=np.float64) / 1000.0
        name = f"ASHRAE 140 case 600: incident irradiation, {surface}"
        figure.check(name, year, peer, limit, "kWh/m²", source, relative=True)
        apart = fine[row].sum(dtype=np.float64) / (1000.0 * STEPS)
        figure.check(f"{name}, quarter hours", apart, peer, limit, "kWh/m²", source, relative=True)
        assert low - 0.001 * peer < year < high + 0.001 * peer


@needs_weather
@pytest.mark.skipif(not HOURLY.exists(), reason=f"../shared/data/validation/{HOURLY.name} is not here")
def test_two_days_of_case_600(parts: Light, figure: Recorder) -> None:
    """Compare every hour of a cloudy and of a clear day with the range of the programs."""
    with HOURLY.open() as stream:
        rows = list(csv.DictReader(stream))
    names = {"horz": "H", "south": "S", "west": "W"}
    hours = incident(parts.hourly(), list(names.values()))
    for day, start in (("may4", 123 * 24), ("jul14", 194 * 24)):
        for row, surface in enumerate(names):
            table = np.array([float(line[f"{day}_{surface}"]) for line in rows]).reshape(-1, 24)
            ours = hours[row, start : start + 24]
            beyond = np.maximum(table.min(axis=0) - ours, 0.0) + np.maximum(ours - table.max(axis=0), 0.0)
            title = f"ASHRAE 140 case 600: {day}, {surface}"
            figure.check(f"{title}, hours beyond the range", beyond, 0.0, 2.0, "W/m²", PROGRAMS)


@settings(max_examples=10, deadline=None)
@given(latitude=st.floats(-66.0, 66.0), steps=st.integers(1, 5), seed=st.integers(0, 99))
def test_no_light_is_lost_between_the_steps(latitude: float, steps: int, seed: int) -> None:
    """Beam and diffuse of an hour are the means of its steps wherever the sun is up in any part of it."""
    rng = np.random.default_rng(seed)
    dni, dhi = rng.uniform(0.0, 900.0, 8760), rng.uniform(0.0, 300.0, 8760)
    fine = light_of_year((latitude, 10.0, 1.0, 0.0), dni, dhi, dhi, 0.2, steps=steps)
    up = (fine.zenith_deg < 90.0).reshape(8760, steps).any(axis=1)
    beam = fine.beam.reshape(8760, steps).mean(axis=1)
    np.testing.assert_allclose(beam[up], dni[up], rtol=1e-12)
    assert not beam[~up].any()
    whole = fine.hourly()
    np.testing.assert_allclose(whole.ground, 0.2 * dhi, rtol=1e-12)
    assert np.all(whole.direct >= whole.beam)
    assert np.all(whole.beam <= beam + 1e-9)


def test_the_north_wall_sees_the_rising_sun() -> None:
    """In June the sun of Denver rises in the north-east: an hour that it rises in gives beam on the north wall."""
    dni = np.zeros(8760)
    day = 170 * 24
    dni[day : day + 24] = 500.0
    light = light_of_year((39.8, -104.7, -7.0, 1650.0), dni, np.zeros(8760), np.zeros(8760), 0.0, steps=1)
    north = incident(light, ["N"])[0, day : day + 24]
    rising = int(np.argmax(light.zenith_deg[day : day + 24] < 90.0))
    assert light.azimuth_deg[day + rising] == pytest.approx(60.0, abs=2.0)
    assert north[rising] == pytest.approx(500.0 * np.cos(np.radians(60.0)), rel=0.05)
