"""Weather of a changed climate and of warmer places: the months change as told, and bad tables are named."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.climate import MONTH_OF_DAY, MONTH_OF_HOUR, weather_from_normals
from twin.city.morph import ClimateChange, morphed, read_climate_change, with_heat_island
from twin.city.normals import MONTH_DAYS, builtin_normals
from twin.city.weather_of_place import weather_of_place
from twin.errors import DataError, WeatherError

HOURS = np.multiply(MONTH_DAYS, 24.0)
NONE = np.zeros(12)
HEADER = "month,temperature_k,daily_range_k,global_radiation_pct,relative_humidity_points,wind_speed_pct\n"
GOOD = HEADER + "".join(f"{m},{m / 4},-0.5,{-m},1,2\n" for m in range(12, 0, -1))


def mean(hourly):
    return np.bincount(MONTH_OF_HOUR, hourly) / HOURS


def daily_range(weather):
    return np.bincount(MONTH_OF_DAY, np.ptp(weather.temperature_c.reshape(365, 24), axis=1)) / MONTH_DAYS


@pytest.fixture(scope="module")
def weather():
    year = weather_from_normals(builtin_normals()["helsinki-kaisaniemi"])
    return dataclasses.replace(year, sky_infrared_w_m2=np.full(8760, 300.0))


def table(tmp_path, text):
    path = tmp_path / "change.csv"
    path.write_text(text)
    return path


twelve = st.lists(st.floats(-1.0, 1.0), min_size=12, max_size=12).map(np.array)


@settings(max_examples=10, deadline=None)
@given(warm=twelve, spread=twelve, light=twelve, wind=twelve)
def test_months_change_as_told(weather, warm, spread, light, wind):
    later = morphed(weather, ClimateChange(5.0 * warm, spread, 30.0 * light, NONE, 20.0 * wind))
    np.testing.assert_allclose(mean(later.temperature_c) - mean(weather.temperature_c), 5.0 * warm, atol=1e-9)
    np.testing.assert_allclose(daily_range(later) - daily_range(weather), spread, atol=1e-9)
    for name in ("ghi_w_m2", "dni_w_m2", "dhi_w_m2"):
        factor = 1.0 + 0.3 * light
        np.testing.assert_allclose(mean(getattr(later, name)), mean(getattr(weather, name)) * factor, atol=1e-9)
    np.testing.assert_allclose(mean(later.wind_speed_m_s), mean(weather.wind_speed_m_s) * (1.0 + 0.2 * wind), rtol=1e-9)
    np.testing.assert_array_equal(later.relative_humidity_pct, weather.relative_humidity_pct)
    ratio = ((later.temperature_c + 273.15) / (weather.temperature_c + 273.15)) ** 4
    np.testing.assert_allclose(later.sky_infrared_w_m2, 300.0 * ratio)


def test_no_change_changes_nothing(weather):
    later = morphed(weather, ClimateChange(NONE, NONE, NONE, NONE, NONE))
    for name, values in weather.channels().items():
        np.testing.assert_allclose(getattr(later, name), values, rtol=1e-14)


def test_humidity_is_shifted_within_its_limits(weather):
    later = morphed(weather, ClimateChange(NONE, NONE, NONE, NONE + 50.0, NONE))
    assert later.relative_humidity_pct.max() == 100.0
    np.testing.assert_allclose(later.relative_humidity_pct, np.minimum(weather.relative_humidity_pct + 50.0, 100.0))


def test_a_file_in_any_order_of_months(weather, tmp_path):
    change = read_climate_change(table(tmp_path, GOOD))
    np.testing.assert_allclose(change.temperature_k, np.arange(1, 13) / 4)
    np.testing.assert_allclose(change.global_radiation_pct, -np.arange(1.0, 13.0))
    later = morphed(weather, change)
    assert later.title.endswith("; changed by change.csv")
    assert change.sha256[:12] in later.source.title
    short = read_climate_change(table(tmp_path, "month,temperature_k\n" + "".join(f"{m},2\n" for m in range(1, 13))))
    np.testing.assert_array_equal(short.wind_speed_pct, NONE)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\n12,3.0,", "\n12,warm,", r"change.csv:2:2: temperature_k is 'warm'"),
        ("\n12,3.0,", "\n12,300,", r"change.csv:2:2: temperature_k is 300"),
        ("\n12,3.0,", "\n12,,", r"temperature_k is ''"),
        ("\n12,", "\n13,", r"change.csv:2:1: month is 13"),
        ("\n12,", "\n11,", r"change.csv:3:1: month 11 stands twice"),
        ("1,0.25,-0.5,-1,1,2\n", "", r"month 1 is missing"),
        ("temperature_k", "temperature_c", r"the column 'temperature_k' is missing"),
        ("wind_speed_pct", "wind_pct", r"change.csv:1:6: unknown column 'wind_pct'"),
    ],
)
def test_bad_tables_are_named(tmp_path, old, new, message):
    with pytest.raises(DataError, match=message):
        read_climate_change(table(tmp_path, GOOD.replace(old, new, 1)))


def test_a_range_that_vanishes_is_refused(weather):
    with pytest.raises(WeatherError, match="daily range of month 1 is"):
        morphed(weather, ClimateChange(NONE, NONE - 14.0, NONE, NONE, NONE))


def test_weather_of_a_place_is_changed(tmp_path):
    path = table(tmp_path, GOOD)
    now, _, _ = weather_of_place("helsinki", 60.2, 25.0)
    later, country, notes = weather_of_place("helsinki", 60.2, 25.0, climate_change=path)
    assert country == "FI"
    assert notes == ["weather: changed by the months of change.csv"]
    np.testing.assert_allclose(mean(later.temperature_c) - mean(now.temperature_c), np.arange(1, 13) / 4)


@settings(max_examples=10, deadline=None)
@given(offset=st.floats(-5.0, 15.0))
def test_a_heat_island_warms_the_air_and_keeps_its_water(weather, offset):
    warmer = with_heat_island(weather, offset)
    np.testing.assert_allclose(warmer.temperature_c, weather.temperature_c + offset)
    assert warmer.ghi_w_m2 is weather.ghi_w_m2

    def vapour(year):
        return year.relative_humidity_pct * np.exp(17.625 * year.temperature_c / (year.temperature_c + 243.04))

    below = warmer.relative_humidity_pct < 100.0
    np.testing.assert_allclose(vapour(warmer)[below], vapour(weather)[below])
    assert below.all() or offset < 0.01
    assert with_heat_island(weather, 0.0) is weather
