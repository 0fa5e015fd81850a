"""Weather years from monthly normals: the months are met, the hours are physical, the tables are checked."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.climate import (
    MONTH_OF_DAY,
    MONTH_OF_HOUR,
    clear_sky,
    default_weather,
    weather_from_normals,
    weather_years,
)
from twin.city.model import Metadata
from twin.city.normals import MONTH_DAYS, builtin_normals, load_normals
from twin.errors import WeatherError
from twin.kernels.solar.position import extraterrestrial_of_year, sun_of_year

HELSINKI = "helsinki-kaisaniemi"
HOURS = np.multiply(MONTH_DAYS, 24.0)


def monthly_mean(hourly):
    return np.bincount(MONTH_OF_HOUR, hourly) / HOURS


@pytest.fixture(scope="module")
def helsinki():
    return builtin_normals()[HELSINKI]


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_months_are_those_of_the_normals(seed):
    normals = builtin_normals()[HELSINKI]
    weather = weather_from_normals(normals, seed=seed)
    # Required: 0.2 K and 1 %; by construction exact.
    np.testing.assert_allclose(monthly_mean(weather.temperature_c), normals.temperature_c, rtol=0, atol=1e-9)
    np.testing.assert_allclose(np.bincount(MONTH_OF_HOUR, weather.ghi_w_m2) / 1000.0, normals.global_kwh_m2, rtol=1e-9)
    np.testing.assert_allclose(monthly_mean(weather.relative_humidity_pct), normals.relative_humidity_pct, rtol=1e-9)
    np.testing.assert_allclose(monthly_mean(weather.wind_speed_m_s), normals.wind_speed_m_s, rtol=1e-9)
    daily = np.ptp(weather.temperature_c.reshape(365, 24), axis=1)
    ranges = np.bincount(MONTH_OF_DAY, daily) / MONTH_DAYS
    np.testing.assert_allclose(ranges, normals.daily_range_k, rtol=0, atol=0.3)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_hours_are_physical(seed):
    normals = builtin_normals()[HELSINKI]
    weather = weather_from_normals(normals, seed=seed)
    zenith, _ = sun_of_year(normals.latitude, normals.longitude, normals.utc_offset_h, normals.elevation_m)
    cosine = np.cos(np.radians(zenith))
    for value in weather.channels().values():
        assert value.shape == (8760,)
        assert np.isfinite(value).all()
    assert not weather.ghi_w_m2[cosine <= 0.0].any()
    assert np.all(weather.ghi_w_m2 <= clear_sky(zenith))
    assert np.all((weather.dhi_w_m2 >= 0.0) & (weather.dhi_w_m2 <= weather.ghi_w_m2))
    assert np.all((weather.dni_w_m2 >= 0.0) & (weather.dni_w_m2 <= extraterrestrial_of_year()))
    np.testing.assert_allclose(weather.dhi_w_m2 + weather.dni_w_m2 * cosine, weather.ghi_w_m2, rtol=1e-12, atol=1e-9)
    assert weather.relative_humidity_pct.max() <= 100.0
    assert weather.relative_humidity_pct.min() > 5.0
    assert weather.wind_speed_m_s.min() >= 0.0
    # No jumps between months: measured hours differ by a few kelvin at most.
    assert np.abs(np.diff(weather.temperature_c)).max() < 5.0


def test_days_differ_as_measured_days_do(helsinki):
    weather = weather_from_normals(helsinki)
    outside = extraterrestrial_of_year() * np.maximum(
        np.cos(np.radians(sun_of_year(helsinki.latitude, helsinki.longitude, helsinki.utc_offset_h)[0])), 0.0
    )
    clearness = weather.ghi_w_m2.reshape(365, 24).sum(axis=1) / outside.reshape(365, 24).sum(axis=1)
    summer = clearness[(MONTH_OF_DAY >= 4) & (MONTH_OF_DAY <= 7)]
    assert 0.08 < summer.std() < 0.22
    assert summer.max() > 0.65
    # Radiation is nearly half diffuse in southern Finland (motiva.fi).
    assert 0.40 < weather.dhi_w_m2.sum() / weather.ghi_w_m2.sum() < 0.62
    days = weather.temperature_c.reshape(365, 24).mean(axis=1)
    months = np.split(days, np.cumsum(MONTH_DAYS)[:-1])
    lag = np.mean([np.corrcoef(month[1:], month[:-1])[0, 1] for month in months])
    assert 0.4 < lag < 0.95


def test_same_seed_same_year_other_seed_other_days(helsinki):
    a, b, c = (weather_from_normals(helsinki, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(a.ghi_w_m2, b.ghi_w_m2)
    np.testing.assert_array_equal(a.temperature_c, b.temperature_c)
    assert np.abs(a.temperature_c - c.temperature_c).max() > 1.0


def test_sunshine_gives_radiation_by_angstrom_prescott(helsinki):
    zenith, _ = sun_of_year(helsinki.latitude, helsinki.longitude, helsinki.utc_offset_h)
    cosine = np.maximum(np.cos(np.radians(zenith)), 0.0)
    daylight = np.bincount(MONTH_OF_HOUR, cosine > 0.0).astype(float)
    outside = np.bincount(MONTH_OF_HOUR, cosine * extraterrestrial_of_year()) / 1000.0
    grey = dataclasses.replace(helsinki, global_kwh_m2=None, sunshine_h=0.2 * daylight)
    weather = weather_from_normals(grey)
    expected = outside * (0.25 + 0.5 * 0.2)
    np.testing.assert_allclose(np.bincount(MONTH_OF_HOUR, weather.ghi_w_m2) / 1000.0, expected, rtol=0.01)


def test_more_radiation_than_a_clear_sky_is_refused(helsinki):
    bright = dataclasses.replace(helsinki, global_kwh_m2=np.full(12, 60.0))
    with pytest.raises(WeatherError, match=r"60\.0 kWh/m2 in January"):
        weather_from_normals(bright)


def test_every_figure_has_a_source(helsinki):
    rows = ("temperature_c", "daily_range_k", "day_to_day_sd_k", "global_kwh_m2", "relative_humidity_pct")
    for row in (*rows, "wind_speed_m_s"):
        assert len(helsinki.sources[row]) > 20
    assert helsinki.temperature_c.mean() == pytest.approx(6.5, abs=0.05)


def test_default_weather_is_the_nearest_station():
    meta = Metadata("x", "X", "FI", "EPSG:3067", 60.17, 24.94, 2.0)
    weather = default_weather(meta)
    assert "Helsinki" in weather.title
    assert weather.source.attribution


GOOD = """
name: here
title: Here
licence: none
attribution: nobody
latitude: 10
longitude: 20
utc_offset_h: 1
elevation_m: 5
temperature_c: [25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25]
daily_range_k: [8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8]
relative_humidity_pct: [60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60]
wind_speed_m_s: [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]
sunshine_h: [200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200]
"""


def test_own_normals_are_read(tmp_path):
    path = tmp_path / "here.yaml"
    path.write_text(GOOD)
    weather = weather_from_normals(load_normals(path))
    np.testing.assert_allclose(monthly_mean(weather.temperature_c), 25.0, atol=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("latitude: 10", "latitude: 100", "100 is not valid"),
        ("latitude: 10", "lattitude: 10", "did you mean 'latitude'"),
        ("title: Here\n", "", "'title' is missing"),
        ("sunshine_h", "# sunshine_h", "neither radiation nor sunshine"),
        ("[8, 8, 8,", "[8, 8,", "daily_range_k has not twelve figures"),
        ("[2, 2, 2,", "[2, two, 2,", "'two' is not valid"),
        ("[60, 60,", "[60, .nan,", "nan is not valid"),
        ("[2, 2, 2,", "[2, true, 2,", "True is not valid"),
        ("name: here", "name: here\nname: there", "stands twice"),
        ("name: here", "sources: [1]\nname: here", "sources is not a mapping"),
    ],
)
def test_wrong_normals_are_named(tmp_path, old, new, message):
    path = tmp_path / "here.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(WeatherError, match=message):
        load_normals(path)


def test_years_differ_as_years_do(helsinki):
    years = weather_years(helsinki, 10, seed=3)
    means = np.array([monthly_mean(year.temperature_c) for year in years])
    light = np.array([np.bincount(MONTH_OF_HOUR, year.ghi_w_m2) / 1000.0 for year in years])
    # Ten years: the spread of a month is that of the noise, about 0.4 of that of days, within wide limits.
    share = means.std(axis=0, ddof=1) / (0.4 * helsinki.day_to_day_sd_k)
    assert 0.7 < share.mean() < 1.3
    np.testing.assert_allclose(means.mean(axis=0), helsinki.temperature_c, atol=2.5)
    assert 0.02 < (light.std(axis=0, ddof=1) / helsinki.global_kwh_m2).mean() < 0.15
    np.testing.assert_allclose(light.mean(axis=0), helsinki.global_kwh_m2, rtol=0.15)


def test_more_years_leave_the_first_ones(helsinki):
    for one, other in zip(weather_years(helsinki, 1), weather_years(helsinki, 2), strict=False):
        for name, values in one.channels().items():
            np.testing.assert_array_equal(getattr(other, name), values)
    with pytest.raises(WeatherError, match="0 years"):
        weather_years(helsinki, 0)


def test_years_from_sunshine(helsinki):
    sunny = dataclasses.replace(
        helsinki, global_kwh_m2=None, sunshine_h=np.full(12, 150.0) * (helsinki.global_kwh_m2 > 60)
    )
    assert all(np.isfinite(year.ghi_w_m2).all() for year in weather_years(sunny, 2))
