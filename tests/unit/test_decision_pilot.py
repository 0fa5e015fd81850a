"""The smart zone: known effects inside, at the edge and far away; the ratio estimator and its interval."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from twin.decision.canvas_sections import Pilot
from twin.decision.pilot import INSIDE, NOT_SIMULATED, OUTSIDE, Ratio, likeness, ratio, scale_up, smart_zone
from twin.errors import SelectorError, StudyError

CRS, WEST, SOUTH, STEP, SIDE = "EPSG:3067", 385_000.0, 6_672_000.0, 50.0, 20
PILOT = (0.0, 0.0, 250.0, 250.0)
"""Five rows of five houses; the houses stand in the middle of plots of 50 m."""


def outline(west: float, south: float, east: float, north: float) -> list[list[float]]:
    box = shapely.box(WEST + west, SOUTH + south, WEST + east, SOUTH + north)
    ring = gpd.GeoSeries([box], crs=CRS).to_crs("EPSG:4326").iloc[0].exterior
    return [list(point) for point in ring.coords[:-1]]


class GridRun:
    """A city of 400 houses (or as many streets) in which scenarios do what a test says."""

    def __init__(self, changes: dict[str, NDArray[np.float64]], floor: NDArray[np.float64] | None = None) -> None:
        self.info = {"scenarios": list(changes)}
        self.floor = np.full(SIDE * SIDE, 100.0) if floor is None else floor
        self.changes = {"baseline": np.zeros(SIDE * SIDE)} | changes

    def layer(self, scenario: str, name: str) -> gpd.GeoDataFrame:
        x, y = X - 5.0 + WEST, Y - 5.0 + SOUTH
        shapes = shapely.box(x, y, x + 10, y + 10) if name == "buildings" else _streets(x, y)
        frame = gpd.GeoDataFrame({"floor_area_m2": self.floor}, geometry=shapes, crs=CRS)
        frame.index = [f"b{k:03}" for k in range(len(frame))]
        frame["heating_kwh_a"] = 120.0 * self.floor + self.changes[scenario]
        frame["flow_veh_day"], frame["use"] = frame["heating_kwh_a"], "residential"
        return frame


def _streets(x: NDArray[np.float64], y: NDArray[np.float64]) -> Any:
    ends = np.stack([np.stack([x, y], 1), np.stack([x + 10, y + 10], 1)], 1)
    return shapely.linestrings(ends)


X, Y = (a.ravel() * STEP + STEP / 2 for a in np.meshgrid(np.arange(SIDE), np.arange(SIDE)))
IN = (X < 250) & (Y < 250)
NEAR = ~IN & (np.hypot(np.maximum(X - 250, 0), np.maximum(Y - 250, 0)) <= 100)
FAR = ~IN & ~NEAR


def zone(run: GridRun, **keys: Any) -> Any:
    stated = {"scenario": "pilot", "inside": outline(*PILOT), "edge_m": 100, "quantity": "heating_kwh_a"}
    return smart_zone(run, Pilot.model_validate(stated | {"per": "floor_area_m2"} | keys))  # type: ignore[arg-type]


def test_a_known_effect_is_found_and_scaled_up() -> None:
    floor = np.linspace(50.0, 500.0, SIDE * SIDE)
    run = GridRun({"pilot": np.where(IN, -30.0 * floor, 0.0), "all": -30.0 * floor}, floor)
    found = zone(run, citywide="all")
    assert found.effect.value == pytest.approx(-30.0) and found.verdict == "better"
    assert found.areas["entities"].to_dict() == {
        "pilot": 25, "edge": NEAR.sum(), "control": FAR.sum(), "city": 400,
    }  # fmt: skip
    assert found.areas.loc["pilot", "baseline"] == pytest.approx(120.0 * floor[IN].sum())
    assert found.areas.loc["city", "per_unit"] == pytest.approx(-30.0 * floor[IN].sum() / floor.sum())
    assert found.spill_over.value == 0.0
    assert found.truth == pytest.approx(-30.0 * floor.sum()) and found.scaled.value == pytest.approx(found.truth)
    assert found.scaled.high - found.scaled.low == pytest.approx(0.0, abs=1e-6 * abs(found.truth))


def test_spill_over_and_a_change_everywhere_are_told_apart() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0.0, 100.0, SIDE * SIDE)
    noise -= np.where(IN, noise[IN].mean(), np.where(NEAR, noise[NEAR].mean(), noise[FAR].mean()))
    change = np.where(IN, -3000.0, np.where(NEAR, 500.0, 0.0)) + 200.0 + noise
    found = zone(GridRun({"pilot": change, "all": np.full(400, -3200.0)}), citywide="all", per=None)
    assert found.areas["per_unit"].tolist()[:3] == pytest.approx([-2800.0, 700.0, 200.0])
    assert found.effect.value == pytest.approx(-3000.0) and found.spill_over.value == pytest.approx(500.0)
    assert found.spill_over.low > 0.0 and found.effect.high < 0.0
    # city-wide the measure brings 200 more per house than its pilot could show
    assert found.scaled.value == pytest.approx(-1.2e6) and found.truth == pytest.approx(-1.28e6)
    assert found.answer == OUTSIDE
    assert zone(GridRun({"pilot": change})).answer == NOT_SIMULATED


def test_the_interval_holds_what_it_should() -> None:
    rng = np.random.default_rng(2)
    everywhere = rng.normal(-3000.0, 800.0, SIDE * SIDE)
    found = zone(GridRun({"pilot": np.where(IN, everywhere, 0.0), "all": everywhere}), citywide="all")
    assert found.answer == INSIDE and found.scaled.low < found.truth < found.scaled.high
    assert zone(GridRun({"pilot": np.zeros(400)})).verdict == "no change"
    assert zone(GridRun({"pilot": np.where(IN, rng.normal(0, 100, 400), 0.0)})).verdict == "not distinguishable"


def test_links_and_a_control_area() -> None:
    change = np.where(IN, -500.0, np.where(X > 800, 100.0, 0.0)) + np.arange(400) % 2
    found = zone(
        GridRun({"pilot": change}), layer="links", quantity="flow_veh_day", per=None,
        control=outline(800, 0, 1000, 1000),
    )  # fmt: skip
    assert found.areas.loc["control", "entities"] == (X > 800).sum()
    assert found.effect.value == pytest.approx(-600.0, abs=1.0) and found.verdict == "changed"  # no KPI of that name


def test_buildings_that_come_and_go_count() -> None:
    run = GridRun({"pilot": np.zeros(400)})
    whole = run.layer

    def layer(scenario: str, name: str) -> gpd.GeoDataFrame:
        frame = whole(scenario, name)
        return frame.drop(index="b000") if scenario == "pilot" else frame.drop(index="b001")

    run.layer = layer  # type: ignore[method-assign]
    found = zone(run)
    assert found.areas.loc["city", "change"] == pytest.approx(0.0)
    assert found.areas.loc["pilot", "entities"] == 25 and found.notes == []

    def gaps(scenario: str, name: str) -> gpd.GeoDataFrame:
        frame = whole(scenario, name)
        frame.loc["b000", "floor_area_m2"] = np.nan
        return frame

    run.layer = gaps  # type: ignore[method-assign]
    found = zone(run)
    assert found.areas.loc["pilot", "entities"] == 24 and "1 of 400 buildings" in found.notes[0]


def test_what_is_no_pilot_is_refused() -> None:
    run = GridRun({"pilot": np.zeros(400), "all": np.zeros(400)})
    for keys, message in (
        ({"scenario": "pilots"}, "no scenario"),
        ({"citywide": "everywhere"}, "no scenario"),
        ({"quantity": "heating_kwh"}, "no column"),
        ({"quantity": "use"}, "no column"),
        ({"per": "floor"}, "no column"),
        ({"control": outline(200, 0, 1000, 1000)}, "lie in the pilot and in its control area"),
        ({"control": outline(250, 0, 300, 100)}, "holds none"),
        ({"edge_m": 4000}, "holds none"),
    ):
        with pytest.raises(StudyError, match=message):
            zone(run, **keys)
    with pytest.raises(StudyError, match="sums to nothing"):
        zone(GridRun({"pilot": np.zeros(400)}, np.zeros(400)))
    with pytest.raises(SelectorError, match="lies in the polygon"):
        zone(run, inside=outline(5000, 5000, 6000, 6000))


def test_one_building_gives_no_interval() -> None:
    run = GridRun({"pilot": np.where((X < 50) & (Y < 50), -1e4, 0.0), "all": np.full(400, -1e4)})
    found = zone(run, inside=outline(0, 0, 50, 50), citywide="all")
    assert found.areas.loc["pilot", "entities"] == 1 and np.isnan(found.effect.low)
    assert found.verdict == "no interval" and found.answer == NOT_SIMULATED


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30), st.floats(0.1, 1e3), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_equal_units_give_the_variance_of_a_mean(values: list[float], units: float, random: Any) -> None:
    change = np.array(values)
    found = ratio(change, np.full(len(change), units))
    assert found.value == pytest.approx(change.mean() / units, abs=1e-9 * 1e3 / units)
    variance = change.var(ddof=1) / len(change) / units**2
    assert found.variance == pytest.approx(variance, rel=1e-6, abs=1e-12 * (1e3 / units) ** 2)
    random.shuffle(values)
    assert ratio(np.array(values), np.full(len(values), units)).value == pytest.approx(
        found.value, abs=1e-9 * 1e3 / units
    )


def test_what_is_observed_whole_is_certain() -> None:
    rng = np.random.default_rng(3)
    units, change = rng.uniform(1, 10, 50), rng.normal(0, 5, 50)
    found = scale_up(ratio(change, units), Ratio(0.0, 0.0, 9), units)
    assert found.low == found.value == found.high == pytest.approx(change.sum())


def test_likeness_tells_patches_from_noise() -> None:
    rng = np.random.default_rng(4)
    points, units = np.stack([X, Y], 1), np.full(400, 100.0)
    assert likeness(rng.normal(120.0, 30.0, 400) * units, units, points, 25) < 2.0
    assert likeness((120.0 + 0.1 * X) * units, units, points, 25) > 10.0  # the east needs more than the west
    for n in (0, 1, 400):
        assert likeness(X, units, points, n) == 1.0
    assert likeness(np.zeros(400), units, points, 25) == 1.0
    empty = np.where(X < 500, 0.0, 100.0)  # areas without units say nothing
    assert 1.0 <= likeness(120.0 * empty + rng.normal(0, 1, 400), empty, points, 25) < np.inf


def test_a_pilot_in_a_patchy_city_claims_less() -> None:
    patchy = 100.0 + 0.1 * X
    noise = np.random.default_rng(5).normal(0.0, 300.0, 400)
    change = np.where(IN, -30.0 * patchy + noise, 0.0)
    plain, wary = (zone(GridRun({"pilot": change}, floor), per=None) for floor in (None, patchy))
    assert plain.alike == 1.0 and wary.alike > 10.0
    width = [found.scaled.high - found.scaled.low for found in (plain, wary)]
    assert width[1] == pytest.approx(width[0] * np.sqrt(wary.alike))
    assert plain.effect == wary.effect  # what the pilot did where it stands does not hang on the city
