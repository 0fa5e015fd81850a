import dataclasses

import numpy as np
import pytest

from tests.energy_sun import rough_sun
from twin.city.model import HOURS
from twin.energy import drives as d
from twin.energy.drives import STEFAN_BOLTZMANN, check_sun, check_weather, cloud_cover, drives, sky_infrared
from twin.energy.parameters import EnergyParameters
from twin.errors import DataError, WeatherError
from twin.kernels.solar.position import sun_of_year


def clear_sky(weather, share=1.0):
    """Global radiation of a cloudless sky after Kasten and Czeplak, times a share."""
    zenith, _ = sun_of_year(weather.latitude, weather.longitude, weather.utc_offset_h, weather.elevation_m)
    return dataclasses.replace(weather, ghi_w_m2=share * np.maximum(910.0 * np.cos(np.radians(zenith)) - 30.0, 0.0))


def test_columns(plain_weather):
    sun, p = rough_sun(plain_weather, 3), EnergyParameters(blind_share=0.0)
    table = drives(plain_weather, sun, p)
    assert table.shape == (HOURS, d.COLUMNS)
    assert table.flags.c_contiguous
    np.testing.assert_array_equal(table[:, d.AIR], plain_weather.temperature_c)
    np.testing.assert_allclose(table[:, d.GROUND], plain_weather.temperature_c.mean())
    np.testing.assert_array_equal(table[:, d.WALLS], sun.irradiance_w_m2.T)
    np.testing.assert_array_equal(table[:, d.ROOF], plain_weather.ghi_w_m2)
    np.testing.assert_allclose(table[:, d.LIGHT], sun.transmitted_w_m2.T / 0.703, rtol=0.01)
    assert table[:, d.SKY].max() <= 0.0  # never warmer than the air
    assert -120.0 < table[:, d.SKY].mean() < -30.0


def test_blinds_close_above_their_threshold(plain_weather):
    sun = rough_sun(plain_weather, 1)
    p = EnergyParameters(blind_share=1.0, blind_transmission=0.25, blind_threshold_w_m2=150.0)
    plain = drives(plain_weather, sun, EnergyParameters(blind_share=0.0))[:, d.LIGHT]
    closed = sun.irradiance_w_m2.T > 150.0
    assert closed.any()
    np.testing.assert_allclose(drives(plain_weather, sun, p)[:, d.LIGHT], np.where(closed, 0.25, 1.0) * plain)


def test_swing_of_the_ground_is_the_year_of_the_air_a_month_later(plain_weather):
    hour = np.arange(HOURS) + 0.5
    year = dataclasses.replace(plain_weather, temperature_c=5.0 - 11.0 * np.cos(2.0 * np.pi * (hour - 400.0) / HOURS))
    swing = drives(year, rough_sun(year, 1), EnergyParameters())[:, d.SWING]
    np.testing.assert_allclose(swing, -11.0 * np.cos(2.0 * np.pi * (hour - 400.0 - HOURS / 12.0) / HOURS), atol=1e-9)


def test_clear_sky_has_the_published_emissivity(plain_weather):
    """Berdahl and Martin at a dew point of 10 °C: 0.711 + 0.056 + 0.0073 in the mean of a day; clouds bring it to 1."""
    warm = dataclasses.replace(
        clear_sky(plain_weather), temperature_c=np.full(HOURS, 20.0), relative_humidity_pct=np.full(HOURS, 52.5)
    )
    np.testing.assert_allclose(cloud_cover(warm), 0.0, atol=1e-9)
    emissivity = sky_infrared(warm) / (STEFAN_BOLTZMANN * 293.15**4)
    assert emissivity.mean() == pytest.approx(0.711 + 0.056 + 0.0073, abs=2e-3)
    dull = clear_sky(warm, 0.25)
    np.testing.assert_allclose(cloud_cover(dull), 1.0)
    assert (sky_infrared(dull) > sky_infrared(warm)).all()
    dark = dataclasses.replace(warm, ghi_w_m2=np.zeros(HOURS), latitude=-90.0)
    assert np.isfinite(sky_infrared(dark)).all()


def test_bad_sun_and_weather_are_named(plain_weather):
    sun = rough_sun(plain_weather, 4)
    check_sun(sun, 4)
    check_weather(plain_weather)
    shade = sun.shading.copy()
    shade[2, 5] = np.inf
    with pytest.raises(DataError, match=r"shading of façades is inf at \[2, 5\]"):
        check_sun(sun._replace(shading=shade), 4)
    with pytest.raises(DataError, match="light behind glass"):
        check_sun(sun._replace(transmitted_w_m2=-1.0 - sun.transmitted_w_m2), 4)
    with pytest.raises(DataError, match=r"shading of roofs has the shape \(4,\)"):
        check_sun(sun._replace(shading=sun.shading[:3]), 3)
    with pytest.raises(WeatherError, match="relative humidity is incomplete"):
        check_weather(dataclasses.replace(plain_weather, relative_humidity_pct=np.ones(8784)))
