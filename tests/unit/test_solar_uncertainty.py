"""P50 and P90: the parts of the error by hand, and cities drawn again."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from twin.city.model import City
from twin.parameters import describe
from twin.solar.uncertainty import (
    UncertaintyParameters,
    angle_sd,
    city_exceedance,
    exceedance,
    exceeded,
    height_sd,
    height_spread,
    moderated_sd,
    weather_sd,
    with_other_heights,
)

P = UncertaintyParameters()


def test_p90_of_a_normal_yield() -> None:
    assert exceeded(np.array([1000.0]), np.array([0.1]), 0.9)[0] == pytest.approx(1000 - 128.155, abs=1e-3)
    assert exceeded(np.array([1000.0]), np.array([0.1]), 0.5)[0] == pytest.approx(1000.0)
    assert exceeded(np.array([1000.0]), np.array([5.0]), 0.9)[0] == 0.0


def test_errors_add_in_squares() -> None:
    p = UncertaintyParameters(model_sd=0.06)
    part = {"weather": np.array([0.03]), "angle": np.array([0.02]), "height": np.array([0.0])}
    row = exceedance(pd.Series([1000.0], index=["b"]), p, **part, life_a=9.0).iloc[0]
    assert row["sd_year"] == pytest.approx(0.07)
    assert row["p90_kwh_a"] == pytest.approx(1000 * (1 - 1.281552 * 0.07), rel=1e-6)
    assert row["p90_life_kwh_a"] == pytest.approx(1000 * (1 - 1.281552 * np.sqrt(0.0036 + 0.0004 + 0.0001)), rel=1e-6)


def test_published_example() -> None:
    """Thevenard and Pelland: 3.9 % of climate and the rest give 8.7 % of a first year."""
    assert np.hypot(P.interannual_sd, P.model_sd) == pytest.approx(0.087, abs=5e-4)


def test_weather_years_move_the_spread() -> None:
    assert weather_sd(None, 2, P).tolist() == [P.interannual_sd] * 2
    assert weather_sd(np.array([[900.0]]), 1, P).tolist() == [P.interannual_sd]
    years = np.array([[90.0, 100.0, 110.0], [100.0, 100.0, 100.0], [0.0, 0.0, 0.0]])
    found = weather_sd(years, 3, P)
    assert found[0] == pytest.approx(np.sqrt((4 * 0.039**2 + 2 * 0.1**2) / 6))
    assert found[1] == found[2] == pytest.approx(np.sqrt(4 / 6) * 0.039)
    many = np.random.default_rng(1).normal(1000.0, 60.0, (1, 4000))
    assert weather_sd(many, 1, P)[0] == pytest.approx(0.06, rel=0.05)


def test_moderation_without_weight_is_the_sample() -> None:
    sample = np.array([[1.0, 2.0, 3.0]])
    assert moderated_sd(sample, 9.0, 0.0)[0] == pytest.approx(1.0)
    assert moderated_sd(sample[:, :1], 9.0, 0.0)[0] == 0.0
    assert moderated_sd(sample[:, :1], 9.0, 4.0)[0] == pytest.approx(9.0)


def test_angles_by_slope() -> None:
    """A yield that is linear in the tilt and flat in the azimuth."""
    found = angle_sd(lambda t, a: 1000.0 + 10.0 * t, np.array([20.0]), np.zeros(1), np.array([5.0]), np.array([5.0]))
    assert found[0] == pytest.approx(50.0 / 1200.0)
    best = angle_sd(lambda t, a: 1000.0 - (t - 35.0) ** 2, np.array([35.0]), np.zeros(1), np.ones(1), np.ones(1))
    assert best[0] == 0.0


def test_heights_about_the_stated_yield() -> None:
    kwh = np.array([100.0, 100.0, 0.0])
    draws = np.array([[90.0, 110.0], [100.0, 100.0], [0.0, 5.0]])
    found = height_sd(kwh, draws)
    city = (0.01 + 0.0) / 2
    assert found[0] == pytest.approx(np.sqrt((4 * city + 2 * 0.01) / 6))
    assert found[1] == pytest.approx(np.sqrt(4 * city / 6))
    assert found[2] == 0.0
    assert height_sd(kwh, None).tolist() == [0.0] * 3


def test_own_errors_cancel_in_the_city_and_common_ones_do_not() -> None:
    def city(count: int, weather: float, angle: float) -> float:
        n = np.full(count, 1.0)
        p = UncertaintyParameters(model_sd=0.0)
        kwh = pd.Series(100.0 * n, index=[f"b{i}" for i in range(count)])
        table = exceedance(kwh, p, weather=weather * n, angle=angle * n, height=0 * n, life_a=25.0)
        return city_exceedance(table) / kwh.sum()

    assert city(100, 0.05, 0.0) == pytest.approx(1 - 1.281552 * 0.05)
    assert city(100, 0.0, 0.05) == pytest.approx(1 - 1.281552 * 0.005)
    assert city_exceedance(exceedance(pd.Series([0.0]), P, weather=np.zeros(1), angle=np.zeros(1), height=np.zeros(1),
                                      life_a=25.0)) == 0.0  # fmt: skip


def test_other_heights_follow_their_origin(small_city: City) -> None:
    measured = small_city.buildings.assign(height_m=10.0, height_m_origin="measured")
    guessed = measured.assign(height_m_origin="imputed:neighbours")
    assert set(height_spread(measured, P)) == {P.height_sd_m}
    assert set(height_spread(guessed, P)) == {10.0 * P.estimated_height_sd}
    many = [
        with_other_heights(small_city.replace(buildings=guessed), P, 1, draw).buildings["height_m"].to_numpy()
        for draw in range(1, 9)
    ]
    assert np.std(many) == pytest.approx(1.5, rel=0.1)
    assert np.mean(many) == pytest.approx(10.0, abs=0.2)
    assert min(map(np.min, many)) >= 1.5


def test_other_heights_are_a_building_s_own(small_city: City) -> None:
    whole = with_other_heights(small_city, P, 3, 1).buildings["height_m"]
    half = small_city.replace(buildings=small_city.buildings.iloc[::2])
    part = with_other_heights(half, P, 3, 1).buildings["height_m"]
    pd.testing.assert_series_equal(part, whole[part.index])
    assert not whole.equals(with_other_heights(small_city, P, 3, 2).buildings["height_m"])
    assert not whole.equals(with_other_heights(small_city, P, 4, 1).buildings["height_m"])


def test_roof_planes_rise_with_their_building(small_city: City) -> None:
    ids = small_city.buildings.index[:2]
    shapes = [
        shapely.Polygon([(0, 0, 10), (5, 0, 10), (5, 5, 12)]),
        shapely.Polygon([(9, 0, 20), (12, 0, 20), (9, 3, 21)]),
    ]
    planes = gpd.GeoDataFrame({"building_id": ids}, index=["x", "y"], geometry=shapes, crs=small_city.buildings.crs)
    city = small_city.replace(roof_planes=planes)
    other = with_other_heights(city, P, 1, 1)
    lift = (other.buildings["height_m"] - city.buildings["height_m"])[ids].to_numpy()
    before, after = (shapely.get_coordinates(c.roof_planes.geometry.to_numpy(), include_z=True) for c in (city, other))
    np.testing.assert_allclose(after[:, :2], before[:, :2])
    np.testing.assert_allclose(after[:, 2] - before[:, 2], np.repeat(lift, 4))
    assert np.abs(lift).min() > 0.0


def test_every_parameter_has_a_source() -> None:
    for info in describe("uncertainty", UncertaintyParameters):
        assert info.source and info.meaning and info.low <= info.default <= info.high
