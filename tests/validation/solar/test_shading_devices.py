"""Overhangs and fins of ASHRAE 140 cases 610 and 630, and the closed forms behind them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import twin.kernels.solar  # noqa: F401
from tests.figures import Recorder
from twin.city.epw import read_epw
from twin.kernels.solar.light import Light, light_of_year
from twin.kernels.solar.window import Window, diffuse_transmittance, lit_share, transmittance, views

Float = NDArray[np.float64]
EPW = Path(__file__).resolve().parents[3] / "../shared/data/weather/USA_CO_Denver_725650_TMY3.epw"
needs_weather = pytest.mark.skipif(not EPW.exists(), reason=f"../shared/data/weather/{EPW.name} is not here")
# Windows of 3 m by 2 m, sill at 0.2 m in a wall of 2.7 m; devices of 1 m (ASHRAE 140-2020, section 7.2.2).
BARE = Window(3.0, 2.0)
# The overhang spans the wall of 8 m: half a metre beyond the outer side of each of the two windows.
OVERHANGS = [
    Window(3.0, 2.0, overhang_depth=1.0, overhang_gap=0.5, overhang_left=left, overhang_right=5.0 - left)
    for left in (0.5, 4.5)
]
FINS = Window(3.0, 2.0, overhang_depth=1.0, overhang_gap=0.5, fin_depth=1.0)


@pytest.fixture(scope="module")
def light() -> Light:
    weather = read_epw(EPW)
    site = (weather.latitude, weather.longitude, weather.utc_offset_h, weather.elevation_m)
    parts = (weather.dni_w_m2, weather.dhi_w_m2, weather.ghi_w_m2)
    return light_of_year(site, *parts, 0.2, temperature_c=float(weather.temperature_c.mean()), steps=2).hourly()


def transmitted(light: Light, azimuth: float, window: Window) -> float:
    """Return kWh/m² through the double pane of a vertical window in a year."""
    turn, zenith = light.azimuth_deg - azimuth, np.radians(light.zenith_deg)
    cosine = np.maximum(np.sin(zenith) * np.cos(np.radians(turn)), 0.0)
    direct = light.direct * cosine * lit_share(window, 90.0 - light.zenith_deg, turn) * transmittance(cosine)
    seen = views(window)
    diffuse = 0.5 * light.isotropic * seen.sky + light.band * seen.band + 0.5 * light.ground * seen.ground
    return float((direct + np.maximum(diffuse, 0.0) * diffuse_transmittance()).sum()) / 1000.0


@needs_weather
def test_cases_610_and_630(light: Light, figure: Recorder) -> None:
    south, west = transmitted(light, 180.0, BARE), transmitted(light, 270.0, BARE)
    overhang = np.mean([transmitted(light, 180.0, window) for window in OVERHANGS])
    fins = transmitted(light, 270.0, FINS)
    source = "six programs, ASHRAE 140-2020, RESULTS5-2A"
    for name, ours, low, high, unit in (
        ("case 600: transmitted, south", south, 804.0, 825.5, "kWh/m²"),
        ("case 620: transmitted, west", west, 569.0, 624.0, "kWh/m²"),
        ("case 610: shading coefficient of the overhang, south", 1.0 - overhang / south, 0.1760, 0.2243, "-"),
        ("case 630: shading coefficient of overhang and fins, west", 1.0 - fins / west, 0.2676, 0.3416, "-"),
    ):
        figure.check(f"ASHRAE 140 {name}", ours, 0.5 * (low + high), 0.5 * (high - low), unit, source)


def test_shadow_of_an_overhang(figure: Recorder) -> None:
    # Sun in front at 45°: the shadow of 1 m reaches 1 m down, 0.5 m of the window of 2 m. At 63.435° 2 m down: 1.5 m.
    wide = Window(3.0, 2.0, overhang_depth=1.0, overhang_gap=0.5, overhang_left=100.0, overhang_right=100.0)
    ours = lit_share(wide, np.array([20.0, 45.0, 63.43494882, 80.0]), np.zeros(4))
    figure.check("Overhang: lit share of a window", ours, [1.0, 0.75, 0.25, 0.0], 1e-9, "-", "tangent of the altitude")
    # Fins at the sides, sun at 45° aside on the horizon: 1 m of 3 m is shaded.
    ours = lit_share(Window(3.0, 2.0, fin_depth=1.0), np.array([1e-6, 1e-6]), np.array([45.0, -45.0]))
    figure.check("Fins: lit share of a window", ours, 2.0 / 3.0, 1e-6, "-", "tangent of the azimuth")


def test_sky_under_an_overhang(figure: Recorder) -> None:
    # A wide overhang of depth D above a strip of height H: crossed strings give the view between the two.
    depth, height = 1.0, 2.0
    wide = Window(1000.0, height, overhang_depth=depth, overhang_left=1e5, overhang_right=1e5)
    to_overhang = 0.5 * (height + depth - np.hypot(height, depth)) / height
    expected = (0.5 - to_overhang) / 0.5
    figure.check("Overhang: share of the sky left", views(wide).sky, expected, 2e-3, "-", "crossed strings, Hottel")


def test_glass_of_case_600(figure: Recorder) -> None:
    # The standard's own table is computed by wavelength, which makes the two panes a little clearer.
    angle = np.array([0.0, 40.0, 50.0, 60.0, 70.0, 80.0])
    ours = np.append(transmittance(np.cos(np.radians(angle))), diffuse_transmittance())
    theirs = [0.703, 0.678, 0.646, 0.577, 0.438, 0.208, 0.601]
    name, source = "Double pane: transmittance from 0° to 80° and diffuse", "ASHRAE 140-2020, window of case 600"
    figure.check(name, ours, theirs, 0.035, "-", source)
    one = float(transmittance(np.ones(1), panes=1)[0])
    figure.check("Single pane: transmittance at normal incidence", one, 0.834, 0.001, "-", source)


@settings(max_examples=40, deadline=None)
@given(
    altitude=st.floats(-80.0, 89.0), turn=st.floats(-180.0, 180.0), depth=st.floats(0.0, 3.0), more=st.floats(0.0, 2.0)
)
def test_deeper_devices_take_more(altitude: float, turn: float, depth: float, more: float) -> None:
    direction = np.array([altitude]), np.array([turn])
    less, deep = (lit_share(Window(2.0, 1.5, d, 0.2, 0.3, 0.6, d, 0.1), *direction)[0] for d in (depth, depth + more))
    assert 0.0 <= deep <= less + 1e-12 <= 1.0 + 2e-12
    mirrored = lit_share(Window(2.0, 1.5, depth, 0.2, 0.6, 0.3, depth, 0.1), direction[0], -direction[1])[0]
    assert mirrored == pytest.approx(less, abs=1e-9)
