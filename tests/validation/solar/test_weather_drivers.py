"""ASHRAE 140 weather drivers WD100 to WD600: the year's irradiation of ten surfaces in six climates."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.interpolate import Akima1DInterpolator

import twin.kernels.solar  # noqa: F401
from tests.figures import Recorder
from twin.kernels.registry import get
from twin.kernels.solar.light import Light, light_of_year
from twin.kernels.solar.position import DELTA_T_S, REFRACTION_DEG, extraterrestrial_of_year

Float = NDArray[np.float64]
SHARED = Path(__file__).resolve().parents[3] / "../shared/data"
TABLE, REFERENCE = SHARED / "validation/wd_pvlib.csv", SHARED / "validation/ibpsa_wd_reference.json"
ALBEDO = {"WD100": 0.0, "WD200": 0.0, "WD300": 0.0, "WD400": 0.0, "WD500": 0.0, "WD600": 0.2}
# Tilt and azimuth, as the columns of the table call them; 180 is S90 in the southern hemisphere, too.
SURFACES = {
    "HORZ": (0.0, 0.0), "S90": (90.0, 180.0), "E90": (90.0, 90.0), "N90": (90.0, 0.0), "W90": (90.0, 270.0),
    "SE90": (90.0, 135.0), "SW90": (90.0, 225.0), "E30": (30.0, 90.0), "S30": (30.0, 180.0), "W30": (30.0, 270.0),
}  # fmt: skip
# The IBPSA names count the azimuth from south, clockwise.
IBPSA = {
    "HORZ": "azi000til00", "S90": "azi000til90", "E90": "azi270til90", "N90": "azi180til90", "W90": "azi090til90",
    "SE90": "azi315til90", "SW90": "azi045til90", "E30": "azi270til30", "S30": "azi000til30", "W30": "azi090til30",
}  # fmt: skip
needs_table = pytest.mark.skipif(not TABLE.exists(), reason="../shared/data/validation/wd_pvlib.csv is not here")


@dataclass(frozen=True)
class Driver:
    """One file: site as `light_of_year` wants it, mean temperature, and the three irradiances by hour."""

    site: tuple[float, float, float, float]
    temperature_c: float
    ghi: Float
    dni: Float
    dhi: Float


@cache
def driver(case: str) -> Driver:
    with gzip.open(SHARED / f"weather/wd/{case}.epw.gz", "rt", encoding="latin-1") as stream:
        lines = stream.read().splitlines()
    latitude, longitude, offset, elevation = (float(cell) for cell in lines[0].split(",")[6:10])
    rows = [line.split(",") for line in lines[8 : 8 + 8760]]
    temperature, ghi, dni, dhi = (np.array([float(row[k]) for row in rows]) for k in (6, 13, 14, 15))
    return Driver((latitude, longitude, offset, elevation), float(temperature.mean()), ghi, dni, dhi)


def irradiance(light: Light, tilt: Float, azimuth: Float) -> NDArray[np.float32]:
    """Return the irradiance of planes in the open, float32 [planes, steps]."""
    ones = np.ones(len(tilt), np.float32)
    ground = (0.5 * (1.0 - np.cos(np.radians(tilt)))).astype(np.float32)
    nothing = np.empty((0, 0), np.uint8), np.empty(0, np.float32)
    own = (tilt, azimuth, nothing[0], ones, ones, ground, 0.0 * ones)
    return get("solar.plane_irradiance", "numba")(*own, *light, np.zeros(len(light.ground)), nothing[1])[0]


def year(light: Light) -> Float:
    """Return kWh/m² on the surfaces of the table."""
    tilt, azimuth = (np.array(v) for v in zip(*SURFACES.values(), strict=True))
    return irradiance(light, tilt, azimuth).sum(axis=1, dtype=np.float64) / 1000.0


def light_as_in_table(d: Driver, albedo: float) -> Light:
    """Return the light with the conventions of the table.

    The sun of the year 2023 in the middle of each hour without refraction; light of hours in whose middle the sun is
    down comes as if it were on the horizon.
    """
    latitude, longitude, offset, elevation = d.site
    times = 1672531200.0 + 3600.0 * (np.arange(8760) + 0.5 - offset)
    place = (latitude, longitude, elevation, 0.0, 0.0, DELTA_T_S, REFRACTION_DEG)
    zenith, azimuth = get("solar.position", "numba")(times, *place)
    sky = get("solar.sky", "numba")(
        d.dni, d.dhi, d.ghi, np.minimum(zenith, 89.999), extraterrestrial_of_year(), albedo
    )  # fmt: skip
    return Light(zenith, azimuth, d.dni, *sky)


@needs_table
@pytest.mark.parametrize("case", ALBEDO)
def test_totals_of_pvlib(case: str, figure: Recorder) -> None:
    with TABLE.open() as stream:
        rows = {row[""]: row for row in csv.DictReader(stream)}
    expected = np.array([float(rows[f"{case} perez"][name]) for name in SURFACES])
    source = "pvlib, model perez, mid-hour sun"
    ours = year(light_as_in_table(driver(case), ALBEDO[case]))
    figure.check(f"{case}: ten surfaces, same sun", ours, expected, 0.001, "kWh/m²", source, relative=True)
    # With the sun of the product: refraction, its own year, and the middle of the sunlit part of an hour.
    d = driver(case)
    own = light_of_year(d.site, d.dni, d.dhi, d.ghi, ALBEDO[case], temperature_c=d.temperature_c)
    figure.check(f"{case}: ten surfaces, own sun", year(own), expected, 0.0025, "kWh/m²", source, relative=True)


@needs_table
@pytest.mark.parametrize("case", ALBEDO)
def test_instants_of_ibpsa(case: str, figure: Recorder) -> None:
    """Compare with 101 instants of a model that interpolates the weather smoothly and knows no refraction."""
    instants = json.loads(REFERENCE.read_text())[case.removeprefix("WD")]
    times = np.linspace(*instants["time"], 101)
    d = driver(case)
    latitude, longitude, offset, elevation = d.site
    unix = 1609459200.0 + times - 3600.0 * offset
    place = (latitude, longitude, elevation, 0.0, 0.0, DELTA_T_S, REFRACTION_DEG)
    zenith, azimuth = get("solar.position", "numba")(unix, *place)
    curves = (Akima1DInterpolator(np.arange(-1, 8761) + 0.5, np.pad(v, 1, mode="wrap")) for v in (d.dni, d.dhi, d.ghi))
    dni, dhi, ghi = (np.maximum(curve(times / 3600.0), 0.0) for curve in curves)
    extra = np.append(extraterrestrial_of_year(), 1412.0)[(times // 3600.0).astype(int)]
    beam = np.where(zenith < 90.0, dni, 0.0)
    light = Light(zenith, azimuth, beam, *get("solar.sky", "numba")(beam, dhi, ghi, zenith, extra, ALBEDO[case]))
    tilt, facing = (np.array(v) for v in zip(*SURFACES.values(), strict=True))
    ours = irradiance(light, tilt, facing)
    theirs = np.array([instants[f"{IBPSA[name]}.HPer"] for name in SURFACES])
    error = np.abs(ours - theirs).mean(axis=1)
    source = "IBPSA Modelica library, Dymola, 101 instants"
    figure.check(f"{case}: ten surfaces at instants, mean error", error, 0.0, 4.0, "W/m²", source)


def test_a_clear_hour_by_hand(figure: Recorder) -> None:
    """Without the files: zenith 60°, DNI 800, DHI 100, extraterrestrial 1367 W/m², wall facing the sun, albedo 0.2."""
    # Air mass 1.99429, brightness 100·1.99429/1367 = 0.145888, clearness (9 + 1.041·1.0472³) / (1 + 1.041·1.0472³)
    # = 4.64388: row 4.5 to 6.2. F1 = 1.060 - 1.600·0.145888 - 0.359·1.0472 = 0.450635;
    # F2 = 0.264 - 1.127·0.145888 + 0.131·1.0472 = 0.236767. The cosine on the wall is sin 60° = 0.866025.
    beam, extra, zenith = np.array([800.0]), np.array([1367.0]), np.array([60.0])
    sky = get("solar.sky", "reference")(beam, np.array([100.0]), np.array([500.0]), zenith, extra, 0.2)
    light = Light(zenith, np.array([180.0]), beam, *sky)
    diffuse = 100.0 * (0.5 * (1.0 - 0.450635) + 0.450635 * 0.866025 / 0.5 + 0.236767)
    expected = 800.0 * 0.866025 + diffuse + 0.5 * 0.2 * 500.0
    ours = irradiance(light, np.array([90.0]), np.array([180.0]))
    figure.check("Perez sky by hand: clear hour on a south wall", ours, expected, 0.01, "W/m²", "Perez et al. 1990")
