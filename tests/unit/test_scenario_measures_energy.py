"""Energy policies: what each does to the buildings it chooses, what it costs, and who pays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_scenario_measures import applied, only_changed, study_of

from twin.city.model import City
from twin.city.schema import ELEMENTS
from twin.city.upgrades import element_levels
from twin.errors import TwinError
from twin.report.html import render
from twin.scenario.apply import apply_measures
from twin.scenario.heat_estimate import HeatEstimate, energy_cost_eur_a, supply_cost_eur
from twin.scenario.measures.district_heating_zone import trench_m
from twin.scenario.parameters import ModelParameters, domains, scaled
from twin.scenario.payments import BUSINESS, HOMES, PAYERS, PUBLIC, SUBSIDY, UTILITY, invested, summed
from twin.scenario.runner import plan_run, run_study

P = ModelParameters(**{name: cls() for name, cls in domains().items()})
PACKAGE = ["roof:standard", "window:standard", "wall:standard"]


def with_supply(city: City, *supplies: str) -> City:
    """The city with these heat supplies in turn."""
    buildings = city.buildings.copy()
    buildings["heat_supply"] = pd.Series(np.resize(supplies, len(buildings)), index=buildings.index, dtype="str")
    return city.replace(buildings=buildings)


def heated(city: City) -> int:
    return int((city.buildings["floor_area_m2"] > 0).sum())


def test_a_retrofit_programme_renews_step_by_step(small_city: City) -> None:
    whole = {"type": "retrofit_programme", "package": PACKAGE, "rate": 0.05, "years": 20}
    all_done = applied(small_city, whole)
    only_changed(small_city, all_done.city, "buildings", "upgrades")
    renewed = all_done.city.buildings["upgrades"]
    old = (small_city.buildings["year_class"] == "before-1940") & (small_city.buildings["floor_area_m2"] > 0)
    assert (renewed[old] == "wall:standard roof:standard window:standard").all()
    new = small_city.buildings["year_class"] == "2010-onwards"
    assert not renewed[new].str.contains("wall").any()  # as good already: nothing to gain, nothing paid
    assert all_done.changes[0].quantities["buildings"] == (renewed != "").sum()
    first = applied(small_city, {**whole, "years": 5, "order": "by_element"}).city.buildings
    levels = element_levels(first)
    # a quarter of the work of three steps: only the first step, in the order of the package
    assert levels[:, ELEMENTS.index("roof")].any()
    assert not levels[:, ELEMENTS.index("wall")].any()


def test_rankings_choose_different_buildings(small_city: City) -> None:
    programme = {"type": "retrofit_programme", "package": PACKAGE, "rate": 0.1, "years": 1}
    chosen = {
        ranking: applied(small_city, {**programme, "ranking": ranking})
        for ranking in ("cost_per_kwh", "worst_first", "random")
    }
    per_kwh = {
        r: a.changes[0].capital_cost_eur / a.changes[0].quantities["estimated_saving_kwh_a"] for r, a in chosen.items()
    }
    assert per_kwh["cost_per_kwh"] == min(per_kwh.values())
    worst = chosen["worst_first"].city.buildings
    estimate = HeatEstimate(small_city).heat_kwh_a(small_city.buildings) / small_city.buildings["floor_area_m2"].clip(1)
    gains = small_city.buildings["year_class"] != "2010-onwards"
    assert estimate[worst["upgrades"] != ""].min() >= estimate[(worst["upgrades"] == "") & gains].median()


def test_a_subsidy_moves_money_from_owners_to_the_public(small_city: City) -> None:
    programme = {"type": "retrofit_programme", "package": PACKAGE, "rate": 1.0, "years": 1}
    none, half = (applied(small_city, {**programme, "subsidy_share": s}).changes[0] for s in (0.0, 0.5))
    assert half.capital_cost_eur == pytest.approx(none.capital_cost_eur)
    before, after = summed(none.payments), summed(half.payments)
    for payer in (HOMES, BUSINESS):
        if payer in before:
            assert after[payer][0] == pytest.approx(0.5 * before[payer][0])
    assert after.get(PUBLIC) == before.get(PUBLIC)
    assert after[SUBSIDY][0] == pytest.approx(0.5 * sum(before.get(p, (0.0, 0.0))[0] for p in (HOMES, BUSINESS)))


def test_public_buildings_are_done_whole_under_a_budget(small_city: City) -> None:
    everything = {"type": "public_building_programme", "package": PACKAGE, "budget_eur": 1e12, "where": "levels > 0"}
    cost = applied(small_city, everything).changes[0].capital_cost_eur
    done = applied(small_city, {**everything, "budget_eur": 0.3 * cost})
    only_changed(small_city, done.city, "buildings", "upgrades")
    change = done.changes[0]
    assert change.capital_cost_eur <= 0.3 * cost
    assert [row["score"] for row in change.rows] == sorted(row["score"] for row in change.rows)
    assert set(summed(change.payments)) == {PUBLIC}
    assert "the next one would cost" in change.summary
    assert done.city.buildings.loc[change.rows[0]["building_id"], "upgrades"] != ""


def test_a_ban_replaces_boilers_by_rule(small_city: City) -> None:
    city = with_supply(small_city, "gas_boiler", "oil_boiler", "air_heat_pump")
    ban = {"type": "boiler_ban", "from_year": 2026, "year": 2060}
    far = applied(city, ban)
    only_changed(city, far.city, "buildings", "heat_supply")
    supplies, area = far.city.buildings["heat_supply"], city.buildings["floor_area_m2"]
    boilers = city.buildings["heat_supply"].isin(["gas_boiler", "oil_boiler"])
    assert (supplies[boilers & (area >= 2000)] == "ground_heat_pump").all()
    assert (supplies[boilers & (area < 2000)] == "air_heat_pump").all()
    assert (supplies[~boilers] == "air_heat_pump").all()
    half = applied(city, {**ban, "year": 2036}).changes[0].quantities
    assert 0.3 < half["buildings"] / half["boilers"] < 0.7
    assert half["spared_boilers_eur"] > 0
    served = with_supply(small_city, "gas_boiler", "district_heating")
    near = applied(served, {**ban, "network_m": 5000}).city.buildings["heat_supply"]
    assert (near == "district_heating").all()
    assert (
        applied(city, {**ban, "to": "direct_electric"}).city.buildings["heat_supply"][boilers] == "direct_electric"
    ).all()


def test_a_subsidy_for_heat_pumps_is_taken_up_by_cost(small_city: City) -> None:
    city = with_supply(small_city, "oil_boiler")
    subsidy = {"type": "heat_pump_subsidy", "years": 20, "subsidy_share": 0.6}
    done = applied(city, subsidy)
    only_changed(city, done.city, "buildings", "heat_supply")
    change = done.changes[0]
    q = change.quantities
    assert q["eligible"] == q["replaced_in_time"] == heated(city)
    assert 0.0 <= q["mean_probability_without"] < q["mean_probability"] <= 1.0
    paid = summed(change.payments)
    assert paid[SUBSIDY][0] == pytest.approx(q["subsidy_eur"])
    pump = supply_cost_eur(city.buildings, "air_heat_pump")
    changed = (done.city.buildings["heat_supply"] == "air_heat_pump").to_numpy()
    assert change.capital_cost_eur == pytest.approx(pump[changed].sum())
    assert q["buildings"] == changed.sum()
    expected = (q["mean_probability"] - q["mean_probability_without"]) * q["replaced_in_time"]
    assert changed.sum() == pytest.approx(expected, abs=3.0 * np.sqrt(heated(city)))


def test_heat_costs_by_supply(small_city: City) -> None:
    room, water, cold = np.array([10_000.0]), np.array([3_000.0]), small_city.weather.temperature_c
    costs = {
        s: energy_cost_eur_a(s, room, water, cold, P)[0] for s in ("direct_electric", "air_heat_pump", "gas_boiler")
    }
    assert costs["air_heat_pump"] < 0.6 * costs["direct_electric"]
    heat = room[0] / P.energy.distribution_efficiency + water[0] * (1 + P.energy.hot_water_loss_share)
    assert costs["direct_electric"] == pytest.approx(heat * P.electricity.price_eur_kwh)
    assert costs["gas_boiler"] == pytest.approx(heat * P.energy.gas_price_eur_kwh / P.energy.gas_boiler_efficiency)


def test_a_zone_connects_to_district_heating(small_city: City) -> None:
    city = with_supply(small_city, "gas_boiler", "district_heating", "air_heat_pump")
    done = applied(city, {"type": "district_heating_zone", "where": "levels > 0", "connection_rate": 1.0})
    only_changed(city, done.city, "buildings", "heat_supply")
    gas = (city.buildings["heat_supply"] == "gas_boiler") & (city.buildings["floor_area_m2"] > 0)
    assert (done.city.buildings.loc[gas, "heat_supply"] == "district_heating").all()
    assert (done.city.buildings["heat_supply"] == "air_heat_pump").sum() == (
        city.buildings["heat_supply"] == "air_heat_pump"
    ).sum()
    change = done.changes[0]
    pipes = change.quantities["trench_m"]
    assert summed(change.payments)[UTILITY][0] == pytest.approx(800.0 * pipes)


def test_pipes_follow_the_shortest_tree(small_city: City) -> None:
    first = small_city.buildings.index[0]
    city = with_supply(small_city, "gas_boiler")
    alone = city.buildings.index == first
    assert trench_m(city, alone) == 0.0  # nothing to connect to
    assert trench_m(city, np.zeros(len(city.buildings), bool)) == 0.0
    served = city.buildings.assign(heat_supply=city.buildings["heat_supply"].where(~alone, "district_heating"))
    joined = city.replace(buildings=served)
    second = city.buildings.index[1]
    middles = city.buildings.geometry.centroid
    assert trench_m(joined, city.buildings.index == second) == pytest.approx(middles[first].distance(middles[second]))
    everyone = ~alone
    most = sum(middles[i].distance(middles[first]) for i in city.buildings.index[1:])
    assert 0 < trench_m(joined, everyone) < most


def test_cleaner_district_heat_changes_parameters_only(small_city: City) -> None:
    measures = [{"type": "change_district_heat", "co2_factor": 0.4, "price_factor": 1.1, "cost_eur": 5e6}]
    result = apply_measures(
        small_city, study_of(m=measures, n=[{**measures[0], "co2_factor": 0.5, "cost_eur": 0}]), ["m", "n"]
    )
    assert result.city is small_city
    factors = result.factors
    assert factors["energy.district_heating_co2_kg_kwh"] == pytest.approx(0.2)
    assert factors["energy.district_heating_price_eur_kwh"] == pytest.approx(1.21)
    assert summed(result.changes[0].payments) == {UTILITY: (5e6, 0.0)}
    changed = scaled(P, factors)
    assert changed.energy.district_heating_co2_kg_kwh == pytest.approx(0.2 * P.energy.district_heating_co2_kg_kwh)
    assert changed.electricity is P.electricity
    assert scaled(P, {}) is P
    assert scaled(P, {"energy.district_heating_co2_kg_kwh": 1e9}).energy.district_heating_co2_kg_kwh == 0.6


def test_a_run_counts_factors_and_public_money(small_city: City, tmp_path: Path) -> None:
    clean = [{"type": "change_district_heat", "co2_factor": 0.0, "cost_eur": 1e6}]
    campaign = [{"type": "setback_campaign", "kelvin": 1.0, "cost_eur": 5e4}]
    run = run_study(plan_run(study_of(clean=clean, campaign=campaign), small_city), tmp_path)
    totals = run.draws().pivot_table(index="quantity", columns="scenario", values="value")
    before, after = (run.layer(name, "buildings") for name in ("baseline", "one"))
    served = before["heat_supply"] == "district_heating"
    assert (before.loc[served, "heat_co2_kg_a"] > 0).any()
    assert (after.loc[served, "heat_co2_kg_a"] == 0).all()
    assert totals.loc["heating_kwh_a", "one"] < totals.loc["heating_kwh_a", "baseline"]
    assert totals.loc["investment_eur", "one"] == pytest.approx(1.05e6)
    assert totals.loc["public_investment_eur", "one"] == pytest.approx(5e4)
    assert totals.loc["public_investment_eur", "baseline"] == 0.0
    text = render(run)
    assert 'id="energy"' in text
    assert "Energy company" in text


@pytest.mark.parametrize(
    ("measure", "column", "value"),
    [
        ({"type": "setback_campaign", "kelvin": 1.5, "cost_eur": 20_000}, "heating_shift_k", -1.5),
        ({"type": "heat_response"}, "heat_response", True),
        ({"type": "electricity_monitoring", "saving": 0.1, "where": "levels > 0"}, "appliance_factor", 0.9),
        ({"type": "install_batteries", "kwh_building": 12, "only_with_pv": False}, "battery_kwh", 12.0),
    ],
    ids=lambda v: v["type"] if isinstance(v, dict) else "",
)
def test_columns_of_those_who_take_part(small_city: City, measure: dict[str, Any], column: str, value: Any) -> None:
    done = applied(small_city, measure)
    only_changed(small_city, done.city, "buildings", column)
    real = small_city.buildings["floor_area_m2"] > 0
    assert (done.city.buildings.loc[real, column] == value).all()
    assert done.city.buildings.loc[~real, column].equals(small_city.buildings.loc[~real, column])
    change = done.changes[0]
    assert change.capital_cost_eur == pytest.approx(invested(change.payments))
    assert change.capital_cost_eur > 0
    some = applied(small_city, {**measure, "share": 0.3}).city.buildings[column] == value
    assert 0.15 < some[real].mean() < 0.45


def test_campaigns_add_up_and_stay_in_range(small_city: City) -> None:
    one = {"type": "setback_campaign", "kelvin": 1.0}
    assert applied(small_city, one, one).city.buildings["heating_shift_k"].min() == -2.0
    with pytest.raises(TwinError, match="heating_shift_k would become"):
        applied(small_city, *[one] * 6)
    twice = applied(small_city, *[{"type": "electricity_monitoring", "saving": 0.1, "where": "levels > 0"}] * 2)
    assert twice.city.buildings["appliance_factor"].min() == pytest.approx(0.81)


def test_batteries_go_where_pv_is(small_city: City) -> None:
    pv = {"type": "install_pv", "where": "footprint_area_m2 > 300"}
    battery = {"type": "install_batteries", "kwh_m2": 0.02}
    done = applied(small_city, pv, battery).city.buildings
    assert ((done["battery_kwh"] > 0) == ((done["pv_share"] > 0) & (done["floor_area_m2"] > 0))).all()
    before = applied(small_city, battery)
    assert before.city is small_city
    larger = applied(small_city, pv, battery, {**battery, "kwh_m2": 0.05})
    first, second = larger.changes[1:]
    assert second.quantities["battery_kwh"] == pytest.approx(1.5 * first.quantities["battery_kwh"])


def test_cars_follow_residents(small_city: City) -> None:
    done = applied(small_city, {"type": "electric_cars", "share": 0.5, "cars_per_resident": 0.4})
    only_changed(small_city, done.city, "buildings", "electric_cars")
    np.testing.assert_allclose(done.city.buildings["electric_cars"], 0.2 * small_city.buildings["population"])
    assert done.changes[0].capital_cost_eur == pytest.approx(300.0 * small_city.buildings["population"].sum())


def test_monitoring_is_about_public_buildings_unless_said(small_city: City) -> None:
    use = small_city.buildings["use"].copy()
    use.iloc[:9] = ["education", "health", "public"] * 3
    small_city = small_city.replace(buildings=small_city.buildings.assign(use=use))
    done = applied(small_city, {"type": "electricity_monitoring"})
    public = small_city.buildings["use"].isin(["education", "health", "public"])
    changed = done.city.buildings["appliance_factor"] != 1.0
    assert changed.equals(public & (small_city.buildings["floor_area_m2"] > 0))
    (row,) = done.changes[0].payments
    floor = small_city.buildings.loc[changed, "floor_area_m2"].sum()
    assert row == {
        "payer": PUBLIC,
        "what": row["what"],
        "eur": pytest.approx(0.65 * floor),
        "eur_a": pytest.approx(0.22 * floor),
    }
    assert PAYERS.index(row["payer"]) == 2


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        ({"type": "retrofit_programme", "package": ["walls:standard"], "rate": 0.1, "years": 1}, "no upgrade"),
        ({"type": "retrofit_programme", "package": ["wall:deeper"], "rate": 0.1, "years": 1}, "no upgrade"),
        ({"type": "retrofit_programme", "package": ["wall:deep", "wall:standard"], "rate": 0.1, "years": 1}, "twice"),
        ({"type": "retrofit_programme", "package": [], "rate": 0.1, "years": 1}, "at least 1"),
        ({"type": "retrofit_programme", "package": PACKAGE, "rate": -0.1, "years": 1}, "greater than or equal to 0"),
        ({"type": "boiler_ban", "from_year": 2030, "year": 2040, "to": "gas_boiler"}, "by_rule"),
        ({"type": "district_heating_zone", "connection_rate": 1.0}, "names no buildings"),
        ({"type": "setback_campaign", "share": 1.2}, "less than or equal to 1"),
        ({"type": "electricity_monitoring", "saving": 0.5}, "less than or equal to 0.3"),
        ({"type": "electric_cars"}, "Field required"),
    ],
    ids=lambda v: v["type"] if isinstance(v, dict) else v,
)
def test_wrong_measures_are_refused(measure: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        study_of(m=[measure])
