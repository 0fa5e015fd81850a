"""Laws of PV programmes and of raised buildings, for any prospects, budget and order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.city.check import check_city
from twin.city.model import City
from twin.scenario import neighbours as near
from twin.scenario.apply import apply_measures
from twin.scenario.measures.pv_programme import PART, SCALED, spend
from twin.scenario.parameters import ModelParameters, domains
from twin.scenario.prospects import Surface, valued
from twin.scenario.schema import Study

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
P = ModelParameters(**{name: cls() for name, cls in domains().items()})
SURFACES: tuple[Surface, ...] = ("roofs", "facades")
RANKINGS = st.sampled_from(["cost_per_tonne", "net_present_value", "yield"])
BUDGETS = st.floats(1.0, 3e5)


class Drawn:
    """Prospects drawn from a seed, by building id, whatever the order of the buildings."""

    exact = True

    def __init__(self, city: City, seed: int) -> None:
        self.tables = {}
        for number, surface in enumerate(SURFACES):
            rng = np.random.default_rng([seed, number])
            n = len(city.buildings)
            kwp = rng.uniform(1.0, 40.0, n) * (rng.uniform(size=n) < 0.7)
            kwh = kwp * rng.choice([700.0, 800.0, 900.0, 950.0], n)  # with ties
            used = kwh * rng.choice([0.1, 0.5, 0.9], n)
            self.tables[surface] = valued(city.buildings.index, kwp, kwh, used, surface, P)

    def of(self, city: City, surface: Surface) -> pd.DataFrame:
        return self.tables[surface].loc[city.buildings.index]


def after(city: City, solar: Any, *measures: dict[str, Any]) -> tuple[City, list[Any]]:
    data = {"study": "s", "question": "?", "city": "c", "measures": {"m": list(measures)}, "scenarios": {"one": ["m"]}}
    result = apply_measures(city, Study.model_validate(data), ["m"], solar)
    return result.city, result.changes


def shares(city: City) -> pd.DataFrame:
    return city.buildings[["pv_share", "facade_pv_share"]].sort_index()


@QUICK
@given(seed=st.integers(0, 10_000), ranking=RANKINGS, low=BUDGETS, more=BUDGETS)
def test_a_larger_budget_never_drops_a_roof(small_city: City, seed: int, ranking: str, low: float, more: float) -> None:
    solar, measure = Drawn(small_city, seed), {"type": "pv_programme", "ranking": ranking, "surfaces": list(SURFACES)}
    poor, (little,) = after(small_city, solar, {**measure, "budget_eur": low})
    rich, (much,) = after(small_city, solar, {**measure, "budget_eur": low + more})
    assert check_city(rich) == []
    assert (shares(rich) >= shares(poor)).all(axis=None)
    for change, budget in ((little, low), (much, low + more)):
        assert change.quantities["cost_eur"] <= budget
        assert all(row["spent_eur"] <= budget * (1 + 1e-12) for row in change.rows)
    for name in ("kwp", "kwh_a", "cost_eur", "co2_kg_a"):
        assert much.quantities[name] >= little.quantities[name] * (1 - 1e-12)


@QUICK
@given(seed=st.integers(0, 10_000), ranking=RANKINGS, budget=BUDGETS, order=st.integers(0, 10_000))
def test_the_choice_does_not_depend_on_the_order_of_buildings(
    small_city: City, seed: int, ranking: str, budget: float, order: int
) -> None:
    solar, measure = Drawn(small_city, seed), {"type": "pv_programme", "ranking": ranking, "budget_eur": budget}
    rows = np.random.default_rng(order).permutation(len(small_city.buildings))
    shuffled = small_city.replace(buildings=small_city.buildings.iloc[rows])
    one, (first,) = after(small_city, solar, measure)
    other, (second,) = after(shuffled, solar, measure)
    assert shares(one).equals(shares(other))
    assert first.rows == second.rows


@QUICK
@given(seed=st.integers(0, 10_000), budget=BUDGETS)
def test_money_is_spent_to_within_one_step_of_the_next(small_city: City, seed: int, budget: float) -> None:
    lots = Drawn(small_city, seed).of(small_city, "roofs").query("kwp > 0").assign(building_id=lambda t: list(t.index))
    bought = spend(lots, budget)
    assert bought["cost_eur"].sum() <= budget
    assert (bought["part"].iloc[:-1] == 1.0).all()
    if len(bought) < len(lots):
        following = lots["cost_eur"].iloc[max(len(bought) - 1, 0) : len(bought) + 1].max()
        assert budget - bought["cost_eur"].sum() <= following * PART * 1.001
    whole = lots.loc[bought.index, SCALED].mul(bought["part"], axis=0)
    pd.testing.assert_frame_equal(bought[SCALED], whole)


def test_a_budget_for_nothing_changes_nothing(small_city: City) -> None:
    done, (change,) = after(small_city, Drawn(small_city, 1), {"type": "pv_programme", "budget_eur": 1e-3})
    assert done.buildings.equals(small_city.buildings)
    assert change.rows == ()
    assert change.quantities["kwp"] == 0.0


@QUICK
@given(data=st.data(), first=st.integers(1, 5), second=st.integers(1, 5))
def test_storeys_add_up_and_the_rest_stays(small_city: City, data: st.DataObject, first: int, second: int) -> None:
    ids = data.draw(st.lists(st.sampled_from(list(small_city.buildings.index)), min_size=1, max_size=9, unique=True))
    more = {"type": "raise_buildings", "where": f"building_id in {ids!r}"}
    twice, _ = after(small_city, None, {**more, "storeys": first}, {**more, "storeys": second})
    once, _ = after(small_city, None, {**more, "storeys": first + second})
    assert check_city(once) == []
    for column in ("height_m", "levels", "floor_area_m2", "population", "jobs"):
        np.testing.assert_allclose(twice.buildings[column], once.buildings[column], rtol=1e-12)
    rest = ~small_city.buildings.index.isin(ids)
    assert once.buildings[rest].equals(small_city.buildings[rest])
    assert list(near.neighbours(small_city.buildings, once.buildings)) == list(small_city.buildings.index[rest])


@QUICK
@given(st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_who_loses_nothing_is_not_affected(seed: int, limit: float) -> None:
    rng = np.random.default_rng(seed)
    before = {name: rng.uniform(0.0, 9.0, 6) * (rng.uniform(size=6) < 0.8) for name in near.QUANTITIES}
    gained = {name: values * rng.uniform(1.0, 2.0, 6) for name, values in before.items()}
    p = near.NeighbourParameters(limit, limit, limit)
    assert near.neighbour_totals(before, gained, p)["neighbours_affected"] == 0.0
    there, back = (near.neighbour_totals(*pair, p) for pair in ((before, gained), (gained, before)))
    for name in ("neighbour_pv_loss_kwh_a", "neighbour_irradiation_loss_kwh_a", "neighbour_sun_loss_h_a"):
        assert there[name] == pytest.approx(-back[name])
