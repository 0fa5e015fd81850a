"""Laws of energy policies: doing nothing changes nothing, more contains less, and every euro has one payer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.city.check import check_city
from twin.city.model import City
from twin.city.upgrades import element_levels
from twin.scenario.apply import Applied, apply_measures
from twin.scenario.payments import invested
from twin.scenario.schema import Study

QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PACKAGE = ["roof:standard", "window:deep", "wall:standard", "ventilation:deep"]
SHARES = st.floats(0.0, 1.0)
SEEDS = st.integers(0, 1000)
NOTHING: list[dict[str, Any]] = [
    {"type": "retrofit_programme", "package": PACKAGE, "rate": 0.0, "years": 10},
    {"type": "retrofit_programme", "package": PACKAGE, "rate": 0.03, "years": 0, "order": "by_element"},
    {"type": "public_building_programme", "package": PACKAGE, "budget_eur": 0, "where": "floor_area_m2 > 0"},
    {"type": "boiler_ban", "from_year": 2030, "year": 2030},
    {"type": "heat_pump_subsidy", "subsidy_share": 0.0},
    {"type": "heat_pump_subsidy", "subsidy_share": 0.5, "years": 0},
    {"type": "district_heating_zone", "where": "floor_area_m2 > 0", "connection_rate": 0.0},
    {"type": "change_district_heat"},
    {"type": "setback_campaign", "share": 0.0},
    {"type": "setback_campaign", "kelvin": 0.0},
    {"type": "heat_response", "share": 0.0},
    {"type": "electricity_monitoring", "share": 0.0, "where": "floor_area_m2 > 0"},
    {"type": "electricity_monitoring", "saving": 0.0, "where": "floor_area_m2 > 0"},
    {"type": "install_batteries", "share": 0.0, "kwh_building": 10, "only_with_pv": False},
    {"type": "install_batteries", "kwh_building": 10},
    {"type": "electric_cars", "share": 0.0},
]


@pytest.fixture(scope="module")
def mixed(small_city: City) -> City:
    """The small city with all heat supplies."""
    supplies = ["gas_boiler", "oil_boiler", "district_heating", "direct_electric", "air_heat_pump"]
    buildings = small_city.buildings.copy()
    buildings["heat_supply"] = pd.Series(np.resize(supplies, len(buildings)), index=buildings.index, dtype="str")
    return small_city.replace(buildings=buildings)


def after(city: City, *measures: dict[str, Any], seed: int = 0) -> Applied:
    data = {"study": "s", "question": "?", "city": "c", "measures": {"m": list(measures)}, "scenarios": {"one": ["m"]}}
    return apply_measures(city, Study.model_validate(data | {"seed": seed}), ["m"])


def done(before: City, changed: City, column: str) -> set[str]:
    different = before.buildings[column].to_numpy() != changed.buildings[column].to_numpy()
    return set(before.buildings.index[different])


@pytest.mark.parametrize("measure", NOTHING, ids=lambda m: m["type"])
def test_a_programme_that_does_nothing_changes_nothing(mixed: City, measure: dict[str, Any]) -> None:
    result = after(mixed, measure)
    assert result.city is mixed
    assert result.factors == {}
    (change,) = result.changes
    assert change.capital_cost_eur == 0.0
    assert change.payments == ()


@QUICK
@given(low=SHARES, high=SHARES, seed=SEEDS)
@pytest.mark.parametrize(
    ("column", "measure", "key"),
    [
        ("heating_shift_k", {"type": "setback_campaign"}, "share"),
        ("heat_response", {"type": "heat_response"}, "share"),
        ("appliance_factor", {"type": "electricity_monitoring", "where": "floor_area_m2 > 0"}, "share"),
        ("battery_kwh", {"type": "install_batteries", "kwh_m2": 0.1, "only_with_pv": False}, "share"),
        ("heat_supply", {"type": "district_heating_zone", "where": "floor_area_m2 > 0"}, "connection_rate"),
        ("heat_supply", {"type": "heat_pump_subsidy", "years": 20}, "subsidy_share"),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_a_larger_share_contains_the_smaller(
    mixed: City, column: str, measure: dict[str, Any], key: str, low: float, high: float, seed: int
) -> None:
    low, high = min(low, high), max(low, high)
    few, many = (after(mixed, {**measure, key: value}, seed=seed) for value in (low, high))
    assert done(mixed, few.city, column) <= done(mixed, many.city, column)
    assert check_city(many.city) == []
    for change in (*few.changes, *many.changes):
        assert change.capital_cost_eur == pytest.approx(invested(change.payments), abs=1e-6)


@QUICK
@given(
    rates=st.tuples(st.floats(0.0, 0.2), st.floats(0.0, 0.2)),
    years=st.integers(0, 20),
    ranking=st.sampled_from(["cost_per_kwh", "worst_first", "random"]),
    order=st.sampled_from(["by_building", "by_element"]),
    subsidy=SHARES,
)
def test_a_higher_rate_renews_no_building_less(
    mixed: City, rates: tuple[float, float], years: int, ranking: str, order: str, subsidy: float
) -> None:
    programme = {"type": "retrofit_programme", "package": PACKAGE, "years": years, "ranking": ranking, "order": order}
    few, many = (
        after(mixed, {**programme, "rate": rate, "subsidy_share": subsidy}) for rate in (min(rates), max(rates))
    )
    assert (element_levels(few.city.buildings) <= element_levels(many.city.buildings)).all()
    assert few.changes[0].capital_cost_eur <= many.changes[0].capital_cost_eur * (1 + 1e-12)
    change = many.changes[0]
    assert sum(row["cost_eur"] for row in change.rows) == pytest.approx(change.capital_cost_eur)
    assert [row["year"] for row in change.rows] == sorted({row["year"] for row in change.rows})
    assert all(1 <= row["year"] <= max(years, 1) for row in change.rows)


@QUICK
@given(budgets=st.tuples(st.floats(0.0, 2e7), st.floats(0.0, 2e7)), order=st.integers(0, 1000))
def test_a_budget_holds_and_a_larger_one_drops_nothing(mixed: City, budgets: tuple[float, float], order: int) -> None:
    programme = {"type": "public_building_programme", "package": PACKAGE, "where": "floor_area_m2 > 0"}
    small, large = (after(mixed, {**programme, "budget_eur": b}) for b in (min(budgets), max(budgets)))
    assert done(mixed, small.city, "upgrades") <= done(mixed, large.city, "upgrades")
    for result, budget in ((small, min(budgets)), (large, max(budgets))):
        assert result.changes[0].capital_cost_eur <= budget
    rows = np.random.default_rng(order).permutation(len(mixed.buildings))
    shuffled = after(mixed.replace(buildings=mixed.buildings.iloc[rows]), {**programme, "budget_eur": max(budgets)})
    assert shuffled.city.buildings["upgrades"].sort_index().equals(large.city.buildings["upgrades"].sort_index())


@QUICK
@given(years=st.tuples(st.integers(0, 30), st.integers(0, 30)), seed=SEEDS, life=st.floats(1.0, 40.0))
def test_a_ban_only_gains_with_time(mixed: City, years: tuple[int, int], seed: int, life: float) -> None:
    ban = {"type": "boiler_ban", "from_year": 2026, "lifetime_years": life}
    early, late = (after(mixed, {**ban, "year": 2026 + y}, seed=seed) for y in (min(years), max(years)))
    assert done(mixed, early.city, "heat_supply") <= done(mixed, late.city, "heat_supply")
    boilers = mixed.buildings["heat_supply"].isin(["gas_boiler", "oil_boiler"])
    assert done(mixed, late.city, "heat_supply") <= set(mixed.buildings.index[boilers])
    if max(years) >= life:
        assert done(mixed, late.city, "heat_supply") == set(mixed.buildings.index[boilers])
