"""What a setback leaves of roof planes with their true outlines, and what the model makes of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import shapely

import twin.solar.outlines
from tests.solar_scenes import box_city, with_roof_planes
from twin.city.model import City
from twin.solar.model import Roofs, SolarParameters, prepare_roofs, simulate_solar
from twin.solar.outlines import inner_area
from twin.solar.suitability import setback_area

HOUSE = [(0.0, 0.0, 30.0, 10.0, 8.0)]


def test_flat_roofs_are_rectangles_not_squares(small_city: City) -> None:
    city = box_city(small_city, HOUSE)
    roofs = prepare_roofs(city)
    np.testing.assert_allclose(inner_area(city, roofs, 1.0), [28.0 * 8.0])
    assert inner_area(city, roofs, 1.0)[0] < setback_area(np.array([300.0]), 1.0)[0]
    np.testing.assert_allclose(inner_area(city, roofs, 5.0), [0.0], atol=1e-9)
    np.testing.assert_allclose(inner_area(city, roofs, 0.0), [300.0])


def test_halves_of_a_gable_are_measured_along_the_slope(small_city: City) -> None:
    city = box_city(small_city, HOUSE, "gabled", 60.0, 180.0)
    np.testing.assert_allclose(inner_area(city, prepare_roofs(city), 1.0), [28.0 * 8.0] * 2)  # 5 m are 10 m of slope


def test_planes_of_a_model_keep_their_outline(small_city: City) -> None:
    city = box_city(small_city, HOUSE)
    bone = shapely.union_all([shapely.box(0, 0, 10, 10), shapely.box(10, 4.5, 20, 5.5), shapely.box(20, 0, 30, 10)])
    high = shapely.force_3d(bone, 8.0)
    city = with_roof_planes(city, {"box-000": [high]})
    inner = inner_area(city, prepare_roofs(city), 1.0)
    np.testing.assert_allclose(inner, [64.0], rtol=2e-3)  # the neck is too narrow: the larger piece counts


def test_outlines_of_a_surface_model_are_handed_in(small_city: City) -> None:
    city = box_city(small_city, HOUSE)
    plain = prepare_roofs(city)
    half = replace(plain, outline=np.array([shapely.box(0, 0, 30, 5)], dtype=object), inner_area_m2={})
    np.testing.assert_allclose(inner_area(city, half, 1.0), [300.0 * 28.0 * 3.0 / 150.0])
    lost = replace(plain, outline=np.array([None], dtype=object), inner_area_m2={})
    np.testing.assert_allclose(inner_area(city, lost, 1.0), setback_area(np.array([300.0]), 1.0))


def test_worked_out_once_per_setback_and_not_stored(small_city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    city = box_city(small_city, HOUSE)
    roofs = prepare_roofs(city)
    calls, count = [], twin.solar.outlines.contiguous_area
    monkeypatch.setattr(twin.solar.outlines, "contiguous_area", lambda *a: calls.append(a[3]) or count(*a))
    for setback in (1.0, 1.0, 0.5, 0.0, 1.0):
        simulate_solar(city, small_city.weather, SolarParameters(setback_m=setback), roofs)
    assert calls == [1.0, 0.5]
    again = Roofs.from_arrays(roofs.to_arrays())
    assert again.inner_area_m2 == {} and again.outline is None


def test_setbacks_take_from_rule_area_and_power(small_city: City) -> None:
    city = box_city(small_city, [*HOUSE, (100.0, 0.0, 4.0, 4.0, 8.0)])
    roofs = prepare_roofs(city)
    plain, narrow = (
        simulate_solar(city, small_city.weather, SolarParameters(setback_m=m), roofs).planes for m in (0.0, 1.0)
    )
    assert plain["reason"].tolist() == ["suitable", "suitable"]
    assert narrow["reason"].tolist() == ["suitable", "less than 10 m² of contiguous area inside a setback of 1 m"]
    np.testing.assert_allclose(narrow["inner_area_m2"], [224.0, 4.0])
    ratio = narrow["pv_potential_kwp"] / plain["pv_potential_kwp"]
    np.testing.assert_allclose(ratio, [224.0 / 300.0, 0.0])
    np.testing.assert_allclose(narrow["usable_area_m2"], [224.0 * SolarParameters().usable_share, 0.0])


def test_any_city_any_setback(small_city: City) -> None:
    """Larger setbacks never leave more, and blocks of buildings see the same planes as the whole city."""
    roofs = prepare_roofs(small_city)
    inner = [inner_area(small_city, roofs, m) for m in (0.0, 0.3, 1.0, 2.5)]
    for more, less in pairwise(inner):
        assert (less <= more * (1 + 1e-9)).all() and (less >= 0.0).all()
    p = SolarParameters(setback_m=1.0)
    whole = simulate_solar(small_city, small_city.weather, p, roofs).planes
    part = simulate_solar(small_city, small_city.weather, p, roofs, rows=slice(20, 40)).planes
    assert part.equals(whole.loc[part.index])
