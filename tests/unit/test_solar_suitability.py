"""Suitability rules against hand figures, in both hemispheres, and areas inside setbacks."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from twin.errors import UsageError
from twin.solar.parameters import SolarParameters
from twin.solar.suitability import (
    RULE_SETS,
    contiguous_area,
    irradiation_class,
    setback_area,
    suitability,
    usable_area,
    with_rules,
)


def verdict(latitude: float = 60.0, parameters: SolarParameters | None = None, **plane: float) -> str:
    known = {"tilt": 30.0, "azimuth": 180.0, "area": 50.0, "annual": 900e3, "unshaded": 1000e3} | plane
    good, reason = suitability(parameters or SolarParameters(), latitude, *(np.array([v]) for v in known.values()))
    assert bool(good[0]) == (reason[0] == "suitable")
    return str(reason[0])


@pytest.mark.parametrize(
    ("plane", "reason"),
    [
        ({}, "suitable"),
        ({"area": 10.0}, "suitable"),
        ({"area": 9.99}, "less than 10 m² of contiguous area"),
        ({"tilt": 60.0}, "suitable"),
        ({"tilt": 60.1}, "steeper than 60°"),
        ({"azimuth": 10.0}, "faces north"),
        ({"azimuth": 292.0}, "suitable"),
        ({"azimuth": 293.0}, "faces north"),
        ({"azimuth": 0.0, "tilt": 9.5}, "suitable"),
        ({"annual": 700e3}, "suitable"),
        ({"annual": 699.9e3}, "shaded: 69 % of unshaded irradiation (needs 70 %)"),
        ({"unshaded": 0.0, "annual": 0.0}, "suitable"),
    ],
)
def test_nrel_rules_by_hand(plane: dict[str, float], reason: str) -> None:
    assert verdict(**plane) == reason


def test_the_first_rule_broken_is_the_reason() -> None:
    assert verdict(tilt=80.0, area=1.0, azimuth=0.0, annual=0.0) == "steeper than 60°"
    assert verdict(area=1.0, azimuth=0.0, annual=0.0) == "less than 10 m² of contiguous area"
    assert verdict(azimuth=0.0, annual=0.0) == "faces north"


def test_the_pole_is_south_of_the_equator_in_the_south() -> None:
    assert verdict(-33.0, azimuth=180.0) == "faces south"
    assert verdict(-33.0, azimuth=0.0) == "suitable"


def test_rule_sets() -> None:
    defaults = SolarParameters()
    assert with_rules(defaults, "nrel") == defaults
    cea, swiss = (with_rules(defaults, name) for name in ("cea_800", "sonnendach"))
    small_and_north = {"azimuth": 0.0, "area": 2.0, "tilt": 80.0, "unshaded": 5000e3}
    assert verdict(parameters=cea, annual=801e3, **small_and_north) == "suitable"
    assert verdict(parameters=cea, annual=799.6e3, **small_and_north) == "too little sun: 799 kWh/m² a year (needs 800)"
    assert verdict(parameters=swiss, annual=1000e3) == "suitable"
    assert verdict(parameters=swiss, annual=900e3) == "too little sun: 900 kWh/m² a year (needs 1000)"
    with pytest.raises(UsageError, match="unknown rule set"):
        with_rules(defaults, "nrell")
    assert set(RULE_SETS["nrel"]) == set(RULE_SETS["cea_800"]) == set(RULE_SETS["sonnendach"])


def test_classes() -> None:
    values = np.array([0.0, 799.9, 800.0, 1000.0, 1399.0, 1400.0])
    assert irradiation_class(values).tolist() == ["low", "low", "medium", "good", "very good", "excellent"]


def test_setback_of_rectangles() -> None:
    area, perimeter = np.array([100.0, 100.0, 9.0, 4.0]), np.array([40.0, 58.0, 12.0, 8.0])  # 10×10, 25×4, 3×3, 2×2
    np.testing.assert_allclose(setback_area(area, 1.0, perimeter), [64.0, 46.0, 1.0, 0.0])
    np.testing.assert_allclose(setback_area(area, 0.0, perimeter), area)
    np.testing.assert_allclose(setback_area(np.array([100.0]), 1.0), [64.0])
    assert setback_area(np.array([100.0]), 1.0, np.array([1.0]))[0] == pytest.approx(64.0)  # no such rectangle


def test_contiguous_area_is_measured_along_the_slope() -> None:
    """A plane of 10 m by 10 m at 60°, facing east: 5 m wide from above."""
    outlines = np.array([shapely.box(0, 0, 5, 10), shapely.box(0, 0, 10, 5)], dtype=object)
    tilt, azimuth = np.array([60.0, 60.0]), np.array([90.0, 180.0])
    np.testing.assert_allclose(contiguous_area(outlines, tilt, azimuth, 0.0), [100.0, 100.0])
    np.testing.assert_allclose(contiguous_area(outlines, tilt, azimuth, 1.0), [64.0, 64.0])


def test_contiguous_area_takes_the_largest_piece() -> None:
    bone = shapely.union_all([shapely.box(0, 0, 10, 10), shapely.box(10, 4.5, 20, 5.5), shapely.box(20, 0, 25, 10)])
    area = contiguous_area(np.array([bone], dtype=object), np.zeros(1), np.zeros(1), 1.0)
    assert area[0] == pytest.approx(64.0, rel=2e-3)  # round where the neck begins
    none = contiguous_area(np.array([shapely.box(0, 0, 1, 9)], dtype=object), np.zeros(1), np.zeros(1), 1.0)
    assert none[0] == 0.0


def test_usable_area_prefers_measured_obstructions() -> None:
    parameters = SolarParameters(usable_share=0.6)
    area, good = np.full(3, 100.0), np.array([True, True, False])
    share = np.array([np.nan, 0.1, 0.1])
    np.testing.assert_allclose(usable_area(parameters, area, good, obstruction_share=share), [60.0, 90.0, 0.0])
    np.testing.assert_allclose(usable_area(parameters, area, good), [60.0, 60.0, 0.0])
    strip = SolarParameters(usable_share=1.0, setback_m=1.0)
    np.testing.assert_allclose(usable_area(strip, area, good), [64.0, 64.0, 0.0])


def test_no_planes() -> None:
    none = np.zeros(0)
    good, reason = suitability(SolarParameters(), 50.0, none, none, none, none, none)
    assert good.shape == reason.shape == (0,)
