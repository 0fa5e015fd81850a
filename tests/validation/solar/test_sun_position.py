"""Sun position against the example of Reda and Andreas and against pvlib."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import twin.kernels.solar  # noqa: F401
from twin.kernels.registry import get
from twin.kernels.solar.position import (
    DELTA_T_S,
    REFRACTION_DEG,
    extraterrestrial_normal,
    hours_of_year,
    standard_pressure,
    sun_of_year,
)

VARIANTS = ("reference", "numba")


@pytest.mark.parametrize("variant", VARIANTS)
def test_example_of_the_report(variant, figure):
    # NREL/TP-560-34302, table A5.1: 2003-10-17 12:30:30 at UTC-7.
    unix_s = np.array([1066419030.0])
    zenith, azimuth = get("solar.position", variant)(unix_s, 39.742476, -105.1786, 1830.14, 82000.0, 11.0, 67.0, 0.5667)
    source = "Reda and Andreas 2008, NREL/TP-560-34302, table A5.1"
    figure.check("Sun position: zenith of the NREL example", zenith[0], 50.11162, 1e-5, "deg", source)
    figure.check("Sun position: azimuth of the NREL example", azimuth[0], 194.34024, 1e-5, "deg", source)


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_as_pvlib_over_decades(variant, figure):
    spa = pytest.importorskip("pvlib.spa")
    t = np.random.default_rng(0).uniform(9.4e8, 1.9e9, 1000)
    zenith, azimuth = get("solar.position", variant)(t, 60.17, 24.94, 10.0, 101325.0, 5.0, 69.0, 0.5667)
    peer = spa.solar_position_numpy(t, 60.17, 24.94, 10.0, 1013.25, 5.0, 69.0, 0.5667, 1)
    source = "pvlib spa.solar_position_numpy, 1999 to 2030"
    figure.check("Sun position: zenith over decades", zenith, peer[0], 1e-6, "deg", source)
    figure.check("Sun position: azimuth over decades", azimuth, peer[4], 1e-6, "deg", source)


@settings(max_examples=30, deadline=None)
@given(st.floats(-89.5, 89.5), st.floats(-179.9, 179.9), st.floats(9.4e8, 1.9e9))
def test_variants_agree_everywhere(latitude, longitude, start):
    t = start + np.arange(48) * 1800.0
    place = (latitude, longitude, 100.0, 1e5, 10.0, DELTA_T_S, REFRACTION_DEG)
    a = get("solar.position", "reference")(t, *place)
    b = get("solar.position", "numba")(t, *place)
    np.testing.assert_allclose(a[0], b[0], rtol=0, atol=1e-7)
    # Near the zenith the azimuth means nothing; compare the direction of the sun instead.
    away = np.abs((a[1] - b[1] + 180.0) % 360.0 - 180.0) * np.sin(np.radians(a[0]))
    assert away.max() < 1e-7


def test_noon_of_a_weather_year_is_in_the_south():
    zenith, azimuth = sun_of_year(60.1752, 24.9446, 2.0)
    assert zenith.shape == azimuth.shape == (8760,)
    # Half of the year, and half an hour more at sunrise and at sunset: an hour counts when any part of it has sun.
    assert (zenith < 90.0).sum() == pytest.approx(4380 + 365, rel=0.03)
    days = zenith.reshape(365, 24)
    # Highest sun at midsummer: 90 - latitude + 23.44 degrees; mid-hour sun is at most half an hour from noon.
    assert days.min() == pytest.approx(60.1752 - 23.44, abs=0.5)
    assert int(days.min(axis=1).argmin()) == pytest.approx(171, abs=4)
    noon = azimuth.reshape(365, 24)[np.arange(365), days.argmin(axis=1)]
    assert np.all(np.abs(noon - 180.0) < 20.0)


@settings(max_examples=10, deadline=None)
@given(st.floats(-65.0, 65.0), st.floats(-180.0, 180.0))
def test_sun_of_year_of_both_variants(latitude, longitude):
    offset = float(round(longitude / 15.0))
    a = sun_of_year(latitude, longitude, offset, variant="reference")
    b = sun_of_year(latitude, longitude, offset)
    np.testing.assert_allclose(a[0], b[0], rtol=0, atol=1e-7)


def test_hours_start_at_local_midnight():
    t = hours_of_year(2.0)
    assert t[0] == 1609459200.0 - 2 * 3600.0 + 1800.0
    assert np.all(np.diff(t) == 3600.0)


def test_extraterrestrial_series_is_that_of_pvlib(figure):
    irradiance = pytest.importorskip("pvlib.irradiance")
    day = np.arange(1.0, 366.0)
    ours, peer = extraterrestrial_normal(day), irradiance.get_extra_radiation(day)
    name, source = "Extraterrestrial irradiance", "Spencer 1971, by pvlib get_extra_radiation"
    figure.check(name, ours, peer, 1e-12, "W/m²", source, relative=True)


def test_standard_pressure(figure):
    # ISO 2533: 1000 m, 898.75 hPa (geopotential height).
    assert standard_pressure(0.0) == 101325.0
    ours, name = standard_pressure(1000.0), "Standard pressure at 1000 m"
    figure.check(name, ours, 89875.0, 1e-4, "Pa", "ISO 2533:1975", relative=True)


@pytest.mark.parametrize("count", [40, 8760])
def test_order_of_the_instants_does_not_matter(count, figure):
    """Few instants are computed one by one, many between midnights: neither depends on the order."""
    rng = np.random.default_rng(3)
    t = rng.uniform(1.6e9, 1.6e9 + 365 * 86400.0, count)
    place = (48.1, 11.6, 500.0, 95000.0, 8.0, DELTA_T_S, REFRACTION_DEG)
    whole, order = get("solar.position", "numba")(t, *place), rng.permutation(count)
    for a, b in zip(whole, get("solar.position", "numba")(t[order], *place), strict=True):
        assert np.array_equal(a[order], b)
    some = slice(0, count, 20)
    exact = get("solar.position", "reference")(t[some], *place)
    name, source = "Sun position: zenith between midnights", "NREL/TP-560-34302 at the instant itself"
    figure.check(name, whole[0][some], exact[0], 1e-7, "deg", source)


def test_steps_of_the_hours():
    """The sun of an hour is up if it is up in any part of it, and stands in the middle of that part."""
    site, numba = (52.5, 13.4, 1.0), get("solar.position", "numba")
    zenith, _ = sun_of_year(*site)
    fine = sun_of_year(*site, steps=12)[0].reshape(8760, 12)
    assert np.array_equal(zenith < 90.0, (fine < 90.0).any(axis=1))
    place = (52.5, 13.4, 0.0, 101325.0, 10.0, DELTA_T_S, REFRACTION_DEG)
    middle = hours_of_year(1.0)
    start, end = (numba(middle + shift, *place)[0] < 90.0 for shift in (-1800.0, 1800.0))
    np.testing.assert_array_equal(zenith[start == end], numba(middle, *place)[0][start == end])
    # A sun that climbs by 7 to 15 degrees an hour is in the middle of what is left half as high as at its end.
    assert (start != end).sum() == 2 * 365
    rising = end & ~start
    highest = 90.0 - numba(middle + 1800.0, *place)[0][rising]
    np.testing.assert_allclose(90.0 - zenith[rising], 0.5 * highest, rtol=0, atol=0.4)
