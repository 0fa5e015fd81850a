"""Unit costs and the life-cycle cost after EN 15459-1."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.schema import ELEMENTS, ENVELOPES, HEAT_SUPPLIES, LEVELS
from twin.energy.costs import (
    ELEMENT_EUR_M2,
    ELEMENT_LIFE_A,
    ELEMENT_UPKEEP,
    HEAT_SUPPLY_EUR_M2,
    RETROFIT_EUR_M2,
    SUPPLY_LIFE_A,
    SUPPLY_UPKEEP,
    heat_supply_cost_eur,
    parts_of_change,
    retrofit_cost_eur,
    upgrade_cost_eur,
    value_of_change,
)
from twin.energy.lifecycle import LifecycleParameters, Part, annuity_factor, compared, life_cycle
from twin.errors import DataError

ONE = pd.Index(["a"], name="building_id")
P = LifecycleParameters()


def one(value):
    return np.array([float(value)])


def test_every_element_and_supply_has_a_price_and_a_life():
    for table in (ELEMENT_EUR_M2, ELEMENT_LIFE_A, ELEMENT_UPKEEP):
        assert set(table) == set(ELEMENTS)
    for table in (HEAT_SUPPLY_EUR_M2, SUPPLY_LIFE_A, SUPPLY_UPKEEP):
        assert set(table) == set(HEAT_SUPPLIES)
    assert all(set(prices) == set(LEVELS) and prices["deep"] > prices["standard"] for prices in ELEMENT_EUR_M2.values())
    assert RETROFIT_EUR_M2 == {"existing": 0.0, "standard_retrofit": 180.0, "deep_retrofit": 380.0}


def test_packages_cost_what_their_elements_cost():
    buildings = pd.DataFrame(
        {
            "floor_area_m2": 100.0,
            "envelope": ["existing", "existing", "standard_retrofit", "deep_retrofit"],
            "upgrades": ["", "wall:standard window:deep", "", ""],
        },
        index=pd.Index(list("abcd"), name="building_id"),
    )
    sums = {
        state: sum(upgrade_cost_eur(buildings, element, level) for element in elements)
        for state, level, elements in (
            ("standard_retrofit", "standard", ("wall", "roof", "window")),
            ("deep_retrofit", "deep", ELEMENTS),
        )
    }
    for state, total in sums.items():
        assert retrofit_cost_eur(buildings, state).tolist() == total.tolist()
    assert sums["standard_retrofit"].tolist() == [18_000.0, 3_500.0, 0.0, 0.0]
    assert sums["deep_retrofit"].tolist() == [38_000.0, 29_500.0, 38_000.0, 0.0]
    for state in ENVELOPES:
        assert (retrofit_cost_eur(buildings, state) >= 0.0).all()
    supplies = buildings.assign(heat_supply=["gas_boiler", "air_heat_pump", "district_heating", "gas_boiler"])
    assert heat_supply_cost_eur(supplies, "air_heat_pump").tolist() == [7_000.0, 0.0, 7_000.0, 7_000.0]
    with pytest.raises(DataError, match="did you mean 'window'"):
        upgrade_cost_eur(buildings, "windows", "deep")
    with pytest.raises(DataError, match="unknown level"):
        upgrade_cost_eur(buildings, "window", "passive")


def test_annuity_is_that_of_the_tables():
    assert annuity_factor(30, 0.03) == pytest.approx(0.0510193, abs=1e-7)
    assert annuity_factor(20, 0.05) == pytest.approx(0.0802426, abs=1e-7)
    assert annuity_factor(20, 0.0) == 0.05
    assert annuity_factor(20, 1e-9) == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize(
    ("life", "replaced", "left"),
    [
        (40, (), 10 / 40),  # a quarter is left after 30 years
        (30, (), 0.0),
        (20, (20,), 10 / 20),  # bought again in year 20, half worn at the end
        (15, (15,), 0.0),
        (7, (7, 14, 21, 28), 5 / 7),
    ],
)
def test_replacement_and_what_is_left(life, replaced, left):
    found = life_cycle(ONE, [Part("boiler", one(1000.0), life)], {}, P).table.iloc[0]
    assert found["investment_eur"] == 1000.0
    assert found["replacement_eur"] == pytest.approx(sum(1000.0 / 1.03**year for year in replaced))
    assert found["residual_eur"] == pytest.approx(1000.0 * left / 1.03**30)
    assert found["global_cost_eur"] == pytest.approx(
        found["investment_eur"] + found["replacement_eur"] - found["residual_eur"]
    )


def test_running_costs_in_closed_form():
    p = dataclasses.replace(P, heat_price_rise=0.02, co2_price_eur_t=100.0, years=20.0)
    part = Part("pump", one(5000.0), 20.0, upkeep_share=0.03)
    energy = {"heat": one(800.0), "electricity": one(300.0)}
    found = life_cycle(ONE, [part], energy, p, co2_kg_a=one(2000.0)).table.iloc[0]
    present = (1.0 - 1.03**-20) / 0.03
    growing = (1.0 - (1.02 / 1.03) ** 20) / (0.03 - 0.02)
    assert found["energy_eur"] == pytest.approx(800.0 * growing + 300.0 * present)
    assert found["upkeep_eur"] == pytest.approx(150.0 * present)
    assert found["co2_eur"] == pytest.approx(200.0 * present)
    assert found["annuity_eur_a"] == pytest.approx(found["global_cost_eur"] / present)


def test_an_option_pays_back_when_its_savings_have():
    free = dataclasses.replace(P, discount_rate=0.0)
    old = life_cycle(ONE, [], {"heat": one(1000.0)}, free)
    new = life_cycle(ONE, [Part("wall", one(4500.0), 40.0)], {"heat": one(400.0)}, free)
    result = compared(new, old).iloc[0]
    assert result["payback_a"] == pytest.approx(7.5)
    assert result["npv_eur"] == pytest.approx(30 * 600.0 - 4500.0 + 4500.0 / 4)
    never = compared(life_cycle(ONE, [Part("wall", one(1e6), 40.0)], {"heat": one(400.0)}, P), old).iloc[0]
    assert never["payback_a"] == np.inf
    assert never["npv_eur"] < 0.0
    assert compared(old, old).iloc[0].tolist() == [0.0, 0.0, 0.0, 0.0]
    helped = Part("wall", one(4500.0), 40.0, subsidy_eur=one(1500.0))
    assert compared(life_cycle(ONE, [helped], {"heat": one(400.0)}, free), old)["payback_a"].iloc[0] == pytest.approx(5)


@settings(max_examples=50, deadline=None)
@given(
    cost=st.floats(0.0, 1e5),
    life=st.integers(1, 60),
    years=st.integers(1, 60),
    rate=st.floats(0.0, 0.1),
    saved=st.floats(0.0, 1e4),
)
def test_laws_of_global_cost(cost, life, years, rate, saved):
    p = LifecycleParameters(years=float(years), discount_rate=rate)
    part = Part("part", one(cost), float(life))
    option = life_cycle(ONE, [part], {"heat": one(1e4 - saved)}, p)
    reference = life_cycle(ONE, [], {"heat": one(1e4)}, p)
    t = option.table.iloc[0]
    assert 0.0 <= t["residual_eur"] <= cost
    assert t["global_cost_eur"] == pytest.approx(option.yearly_eur[0] @ option.discount - t["residual_eur"])
    # a part that is always there costs each year the annuity over its own life, where the period holds whole lives
    if years % life == 0:
        held = (t["global_cost_eur"] - t["energy_eur"]) * annuity_factor(years, rate)
        assert held == pytest.approx(cost * annuity_factor(life, rate), rel=1e-9, abs=1e-9)
    result = compared(option, reference).iloc[0]
    swapped = compared(reference, option).iloc[0]
    assert result["npv_eur"] == pytest.approx(-swapped["npv_eur"])
    if cost == 0.0:
        assert result["payback_a"] == 0.0
    cheaper = life_cycle(ONE, [dataclasses.replace(part, cost_eur=one(0.5 * cost))], {"heat": one(1e4 - saved)}, p)
    assert compared(cheaper, reference)["payback_a"].iloc[0] <= result["payback_a"] + 1e-9


def test_a_part_may_be_bought_later():
    later = life_cycle(ONE, [Part("boiler", one(1000.0), 20.0, 0.02, first_year=10)], {}, P).table.iloc[0]
    assert later["investment_eur"] == 0.0
    assert later["replacement_eur"] == pytest.approx(1000.0 / 1.03**10)  # the next would be in year 30
    assert later["residual_eur"] == 0.0
    assert later["upkeep_eur"] == pytest.approx(sum(20.0 / 1.03**year for year in range(11, 31)))
    assert not life_cycle(ONE, [Part("boiler", one(1000.0), 20.0, first_year=30)], {}, P).table.to_numpy().any()


def change():
    before = pd.DataFrame(
        {
            "floor_area_m2": [100.0, 100.0, 100.0],
            "envelope": "existing",
            "upgrades": "",
            "heat_supply": "gas_boiler",
            "heat_cost_eur_a": 1500.0,
            "electricity_cost_eur_a": 500.0,
            "co2_kg_a": 3000.0,
        },
        index=pd.Index(list("abc"), name="building_id"),
    )
    after = before.assign(
        upgrades=["", "wall:standard window:deep", ""],
        heat_supply=["gas_boiler", "gas_boiler", "air_heat_pump"],
        heat_cost_eur_a=[1500.0, 900.0, 0.0],
        electricity_cost_eur_a=[500.0, 500.0, 1100.0],
        co2_kg_a=[3000.0, 2000.0, 500.0],
    )
    return before, after


def test_a_change_is_valued_from_what_it_buys_and_saves():
    before, after = change()
    bought = sum(part.cost_eur for part in parts_of_change(before, after) if not part.first_year)
    assert bought.tolist() == [0.0, 16_500.0, 7_000.0]
    value = value_of_change(before, after, P)
    assert value["extra_investment_eur"].tolist() == bought.tolist()
    assert value.loc["a", ["npv_eur", "payback_a", "annuity_saved_eur_a"]].tolist() == [0.0, 0.0, 0.0]
    saved = 600.0 * (1.0 - 1.03**-30) / 0.03
    left = 8_000.0 * 10 / 40 + 8_500.0 * 0.0
    assert value.at["b", "npv_eur"] == pytest.approx(saved - 16_500.0 + left / 1.03**30)
    helped = value_of_change(before, after, P, subsidy_eur=pd.Series([0.0, 0.0, 3_000.0], index=after.index))
    assert helped.at["c", "npv_eur"] == pytest.approx(value.at["c", "npv_eur"] + 3_000.0)
    assert helped.at["c", "payback_a"] < value.at["c", "payback_a"]
    society = dataclasses.replace(P, co2_price_eur_t=100.0)
    assert (value_of_change(before, after, society)["npv_eur"] >= value["npv_eur"]).all()


def test_what_cannot_be_is_named():
    with pytest.raises(DataError, match="the cost of boiler of a is -1"):
        life_cycle(ONE, [Part("boiler", one(-1.0), 20.0)], {}, P)
    with pytest.raises(DataError, match="boiler: life 0 a"):
        life_cycle(ONE, [Part("boiler", one(1.0), 0.0)], {}, P)
    with pytest.raises(DataError, match="one value for each of 1 buildings"):
        life_cycle(ONE, [Part("boiler", np.ones(2), 20.0)], {}, P)
    with pytest.raises(DataError, match="unknown energy 'heating'"):
        life_cycle(ONE, [], {"heating": one(1.0)}, P)
    with pytest.raises(DataError, match="the CO2 of a is nan"):
        life_cycle(ONE, [], {}, P, co2_kg_a=one(np.nan))
