"""The PV chain against pvlib, and the whole chain against a year of PVWatts."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import twin.kernels.solar.pv
import twin.kernels.solar.roof
import twin.kernels.solar.transposition  # noqa: F401
from tests.figures import Recorder
from tests.solar_scenes import box_city
from twin.city.model import City, Weather
from twin.kernels.registry import family, get
from twin.kernels.solar.position import extraterrestrial_of_year, sun_of_year
from twin.solar.model import SolarParameters, prepare_roofs, simulate_solar

VARIANTS = ("reference", "numba")
PVWATTS = Path(__file__).resolve().parents[2] / "../shared/data/validation/pvwatts_8760_rackmount.csv"


@pytest.mark.parametrize("variant", VARIANTS)
def test_chain_equals_pvlib(variant: str, figure: Recorder) -> None:
    pvlib = pytest.importorskip("pvlib")
    inputs = family("solar.pv").sample(20, np.random.default_rng(4))
    inputs |= {"temperature_coefficient": -0.0035, "system_losses": 0.11, "dc_ac_ratio": 1.25, "u0": 22.0, "u1": 5.0}
    ac, annual = get("solar.pv", variant)(*inputs.values())
    cell = pvlib.temperature.faiman(inputs["poa"], inputs["temperature_c"], inputs["wind_m_s"], u0=22.0, u1=5.0)
    dc = pvlib.pvsystem.pvwatts_dc(inputs["transmitted"], cell, 1.0, -0.0035) * (1 - 0.11)
    expected = pvlib.inverter.pvwatts(dc, 1.0 / 1.25 / 0.96, eta_inv_nom=0.96)
    np.testing.assert_allclose(ac, expected, rtol=1e-9, atol=1e-12)
    source = "pvlib faiman, pvwatts_dc, pvwatts inverter"
    figure.check("PV chain: AC output by hour", ac, expected, 1e-9, "kW/kWp", source)
    year = expected.sum(axis=1)
    figure.check("PV chain: AC output by year", annual, year, 1e-9, "kWh/kWp", source, relative=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_glass_equals_fresnel_of_pvlib(variant: str, figure: Recorder) -> None:
    pvlib = pytest.importorskip("pvlib")
    incidence = np.array([0.0, 20.0, 50.0, 60.0, 70.0, 80.0, 88.0])
    beam, none = np.full(7, 1000.0), np.zeros(7)
    flat = np.zeros((1, 4), np.float32), np.arange(2), *np.zeros((3, 1))
    sun = incidence, np.full(7, 180.0)
    poa, behind, _, _ = get("solar.roof_irradiance", variant)(*flat, *sun, beam, beam, none, none, none)
    expected = pvlib.iam.physical(incidence, n=1.526, K=0.0, L=0.002)
    name, ours = "Glass: beam transmitted from 0° to 88°", behind[0] / poa[0]
    figure.check(name, ours, expected, 1e-9, "-", "pvlib iam.physical, n 1.526, without absorption", relative=True)


@pytest.mark.skipif(not PVWATTS.exists(), reason="../shared/data/validation/pvwatts_8760_rackmount.csv is not here")
def test_year_of_pvwatts(figure: Recorder) -> None:
    with PVWATTS.open(encoding="latin-1") as stream:
        lines = [line for line in csv.reader(stream) if line]
    first = next(i for i, line in enumerate(lines) if line[0] == "Month") + 1
    table = np.array([[float(v) for v in line] for line in lines[first : first + 8760]])
    dni, dhi, temperature, wind, poa_file, cell, _, ac_file = np.ascontiguousarray(table[:, 3:].T)
    zenith, azimuth = sun_of_year(39.73, -105.18, -7.0, 1819.6)
    ghi = dhi + dni * np.maximum(np.cos(np.radians(zenith)), 0.0)
    sky = get("solar.sky", "numba")(dni, dhi, ghi, zenith, extraterrestrial_of_year(), 0.2)
    beam = np.where(zenith < 90.0, dni, 0.0)
    plane = np.zeros((1, 4), np.float32), np.arange(2), np.ones(1), np.array([20.0]), np.array([180.0])
    poa, behind, annual, _ = get("solar.roof_irradiance", "numba")(*plane, zenith, azimuth, beam, *sky)
    source = "PVWatts v5, Golden, 8760 h"
    name, year = "PVWatts year: irradiation of the roof kernel", annual[0] / 1000.0
    figure.check(name, year, 1930.8936, 0.001, "kWh/m²", source, relative=True)
    assert np.sqrt(np.mean((poa[0] - poa_file) ** 2)) < 2.0
    settings = (25.0, 6.84, -0.0047, 0.1408, 1.2, 0.96)
    ac, total = get("solar.pv", "numba")(poa, behind, temperature, wind, *settings)
    figure.check("PVWatts year: AC energy of 4 kW", 4.0 * total[0], 6023.671, 0.005, "kWh", source, relative=True)
    rms = np.sqrt(np.mean((4000.0 * ac[0] - ac_file) ** 2))
    figure.check("PVWatts year: hourly AC power of 4 kW, root mean square error", rms, 0.0, 30.0, "W", source)
    # What is left is the cell temperature: with that of the file (no heating by the sun here) the energy agrees.
    _, total = get("solar.pv", "numba")(poa, behind, cell, wind, 1e12, 0.0, *settings[2:])
    name, kwh = "PVWatts year: AC energy of 4 kW at its cell temperature", 4.0 * total[0]
    figure.check(name, kwh, 6023.671, 0.001, "kWh", source, relative=True)


def test_yield_of_the_north(small_city: City, plain_weather: Weather, figure: Recorder) -> None:
    """Unshaded flat roofs near 60° north yield 750 to 1000 kWh per kWp and year (PVGIS: about 900 in Helsinki)."""
    city = box_city(small_city, [(0.0, 0.0, 20.0, 15.0, 10.0)])
    result = simulate_solar(city, plain_weather, SolarParameters(), prepare_roofs(city))
    horizontal = result.planes["irradiation_kwh_m2"].iloc[0]
    assert horizontal == pytest.approx(plain_weather.ghi_w_m2.sum() / 1000, rel=0.02)
    # The smooth year is brighter than Helsinki (980 kWh/m2): compare the yield per unit of irradiation.
    specific = result.buildings["specific_yield_kwh_kwp"].iloc[0] * 980.0 / horizontal
    figure(
        "PV yield of flat roofs at 60° north", specific, 875.0, 125.0, "kWh/kWp", "range 750 to 1000; PVGIS about 900"
    )
    assert 750.0 < specific < 1000.0
