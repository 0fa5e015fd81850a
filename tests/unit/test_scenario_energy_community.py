"""The measure `energy_community`, and what it does to bills, totals and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_scenario_measures import applied, only_changed

from twin.city.model import HOURS, City
from twin.decision.kpis import find_kpi
from twin.errors import SchemaError, StudyError
from twin.scenario import community
from twin.scenario.balance import ElectricityParameters
from twin.scenario.community import COLUMNS, RESULTS, Communities
from twin.scenario.evaluate import Evaluation, evaluate
from twin.scenario.memo import Memo, Prints
from twin.scenario.parameters import ModelParameters, domains
from twin.scenario.payments import BILLS
from twin.solar.model import Roofs, prepare_roofs

P = ModelParameters(**{name: cls() for name, cls in domains().items()})
PRICE, PAID, FEE = P.electricity.price_eur_kwh, P.electricity.export_price_eur_kwh, 0.06
SHARED, GAIN = "community_shared_kwh_a", "community_gain_eur_a"


def three(net_kw: list[list[float]], names: list[str], price: float = 0.1, fee: float = 0.05) -> pd.DataFrame:
    """Settle a community whose members have the same few hours all over the year."""
    table = pd.DataFrame({"energy_community": names, COLUMNS[1]: price, COLUMNS[2]: fee})
    repeated = np.tile(np.array(net_kw, np.float32), (1, HOURS // len(net_kw[0])))
    communities = Communities(table)
    communities.add(slice(0, len(table)), repeated)
    return communities.settle(table.index, ElectricityParameters()) / (HOURS // len(net_kw[0]))


def test_a_community_worked_out_by_hand() -> None:
    """Hour 1: 6 kWh fed in by two, 3 bought; hour 2: 2 fed in, 8 bought by two; 3 + 2 kWh are shared."""
    result = three([[-4.0, -2.0], [-2.0, 6.0], [3.0, 2.0], [9.0, 9.0]], ["c", "c", "c", ""])
    np.testing.assert_allclose(result["community_sold_kwh_a"], [2.0 + 2.0, 1.0, 0.0, 0.0], rtol=1e-8)
    np.testing.assert_allclose(result["community_bought_kwh_a"], [0.0, 1.5, 3.0 + 0.5, 0.0], rtol=1e-8)
    seller, buyer = 0.1 - PAID, PRICE - 0.1 - 0.05
    expected = [4.0 * seller, 1.0 * seller + 1.5 * buyer, 3.5 * buyer, 0.0]
    np.testing.assert_allclose(result["community_gain_eur_a"], expected, rtol=1e-7)


def test_communities_do_not_share_with_each_other() -> None:
    result = three([[-4.0], [4.0], [-1.0], [0.5]], ["a", "b", "b", "a"])
    np.testing.assert_allclose(result["community_sold_kwh_a"], [0.5, 0.0, 1.0, 0.0], rtol=1e-8)


def test_loads_that_wait_on_disk_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[-4.0, 1.1], [0.3, -5.7], [2.2, 0.1]]
    before = three(rows, ["c"] * 3)
    monkeypatch.setattr(community, "HELD_BYTES", 1)
    monkeypatch.setattr(community, "CHUNK", 2)
    pd.testing.assert_frame_equal(three(rows, ["c"] * 3), before, check_exact=True)


def test_a_community_has_one_price() -> None:
    table = pd.DataFrame({"energy_community": ["c", "c"], COLUMNS[1]: [0.1, 0.2], COLUMNS[2]: 0.0}, index=["a", "b"])
    with pytest.raises(SchemaError, match=r"buildings\[a\].*more than one price"):
        Communities(table)


def test_members_get_the_price_at_which_both_gain_alike(small_city: City) -> None:
    done = applied(small_city, {"type": "energy_community", "where": "use == 'residential'", "share": 0.5})
    only_changed(small_city, done.city, "buildings", *COLUMNS)
    buildings, change = done.city.buildings, done.changes[0]
    inside = buildings["energy_community"] == "m"
    assert 0 < inside.sum() < len(buildings)
    assert (buildings.loc[inside, "use"] == "residential").all()
    assert change.quantities["buildings"] == inside.sum()
    assert change.quantities["price_eur_kwh"] == pytest.approx((PAID + PRICE - FEE) / 2.0)
    assert f"{(PAID + PRICE - FEE) / 2.0:.4g} EUR/kWh" in change.summary
    assert (buildings.loc[inside, COLUMNS[1]] == change.quantities["price_eur_kwh"]).all()
    assert (buildings.loc[~inside, COLUMNS[1]] == 0.0).all()
    assert change.capital_cost_eur == 0.0
    assert Prints.of(done.city) == Prints.of(small_city)


def test_a_second_community_has_its_own_name(small_city: City) -> None:
    measure = {"type": "energy_community", "where": "use == 'residential'"}
    other = {**measure, "where": "use != 'residential'", "price_eur_kwh": 0.07}
    names = applied(small_city, measure, other).city.buildings["energy_community"]
    assert set(names) - {""} == {"m", "m-2"}


def test_with_hourly_prices_their_mean_counts(small_city: City) -> None:
    hourly = pd.DataFrame({"price_eur_kwh": np.linspace(-0.1, 0.5, HOURS), "co2_kg_kwh": 0.1})
    done = applied(small_city.replace(electricity=hourly), {"type": "energy_community"})
    assert done.changes[0].quantities["price_eur_kwh"] == pytest.approx((PAID + 0.2 - FEE) / 2.0)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"price_eur_kwh": 0.04}, "sellers would lose at 0.04"),
        ({"price_eur_kwh": 0.13}, "buyers would lose at 0.13"),
        ({"grid_fee_eur_kwh": 0.2}, "sharing gains nothing"),
    ],
)
def test_prices_at_which_a_side_would_lose_are_refused(small_city: City, keys: dict[str, float], message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        applied(small_city, {"type": "energy_community", **keys})
    assert "eur_kwh" in caught.value.expected


def test_what_is_shared_is_a_kpi() -> None:
    assert find_kpi(SHARED).label == "Electricity shared in the community"
    assert (find_kpi(SHARED).better, find_kpi(GAIN).better) == ("higher", "higher")


Run = Callable[[City], Evaluation]


@pytest.fixture(scope="module")
def sunny(small_city: City) -> City:
    """A city in which every other building has PV."""
    share = np.where(np.arange(len(small_city.buildings)) % 2, 1.0, 0.0)
    return small_city.replace(buildings=small_city.buildings.assign(pv_share=share))


@pytest.fixture(scope="module")
def run(sunny: City) -> Run:
    memo, roofs = Memo(), prepare_roofs(sunny)

    def once(city: City, roofs: Roofs = roofs, **options: Any) -> Evaluation:
        return evaluate(city, P, roofs, **({"seed": 1, "draw": 0, "memo": memo} | options))

    return once


@pytest.fixture(scope="module")
def before(run: Run, sunny: City) -> Evaluation:
    return run(sunny)


def same(one: Evaluation, other: Evaluation) -> None:
    assert one.totals == other.totals
    for name, layer in one.layers.items():
        pd.testing.assert_frame_equal(layer, other.layers[name], check_exact=True)


def test_bills_fall_and_nothing_else_changes(sunny: City, run: Run, before: Evaluation) -> None:
    after = run(applied(sunny, {"type": "energy_community"}).city)
    changed = {name for name in before.totals if after.totals[name] != before.totals[name]}
    assert changed - set(BILLS) == {SHARED, GAIN, "electricity_cost_eur_a", "energy_cost_eur_a"}
    gain = after.totals[GAIN]
    assert gain == pytest.approx(after.totals[SHARED] * (PRICE - PAID - FEE), rel=1e-9)
    assert gain > 0.0
    assert before.totals["energy_cost_eur_a"] - after.totals["energy_cost_eur_a"] == pytest.approx(gain, rel=1e-9)
    old, new = before.layers["buildings"], after.layers["buildings"]
    columns = {name for name in old if not new[name].equals(old[name])}
    assert columns == {*RESULTS, "electricity_cost_eur_a", "energy_cost_eur_a"}
    np.testing.assert_allclose(
        old["energy_cost_eur_a"] - new["energy_cost_eur_a"], new["community_gain_eur_a"], atol=1e-6
    )
    assert (new["community_gain_eur_a"] >= 0.0).all()
    assert (new["community_sold_kwh_a"] <= new["electricity_export_kwh_a"] * (1 + 1e-9)).all()
    assert (new["community_bought_kwh_a"] <= new["electricity_import_kwh_a"] * (1 + 1e-9)).all()
    assert new["community_sold_kwh_a"].sum() == pytest.approx(after.totals[SHARED], rel=1e-9)
    zones = after.layers["zones"]["energy_cost_eur_a"].sum()
    assert zones == pytest.approx(after.totals["energy_cost_eur_a"])


def test_no_community_and_a_community_of_one_change_nothing(sunny: City, run: Run, before: Evaluation) -> None:
    none = applied(sunny, {"type": "energy_community", "share": 0.0})
    assert none.city is sunny
    assert before.totals[SHARED] == before.totals[GAIN] == 0.0
    first = sunny.buildings.index[sunny.buildings["floor_area_m2"] > 0][0]
    alone = applied(sunny, {"type": "energy_community", "where": f"building_id == {first!r}"}).city
    assert (alone.buildings["energy_community"] != "").sum() == 1
    same(run(alone), before)


def test_a_city_without_memory_gives_the_same_bits(sunny: City, run: Run) -> None:
    city = applied(sunny, {"type": "energy_community", "share": 0.4}).city
    same(run(city), run(city, memo=Memo()))


def test_a_dearer_draw_leaves_the_price_and_moves_the_gain(sunny: City) -> None:
    """The price was agreed upon at nominal parameters; what sharing is worth follows the draw."""
    city = applied(sunny, {"type": "energy_community"}).city
    dear = dataclasses.replace(P.electricity, price_eur_kwh=PRICE + 0.1)
    communities = Communities(city.buildings)
    net_kw = np.ones((len(city.buildings), HOURS), np.float32)
    net_kw[::2] = -1.0
    communities.add(slice(0, len(net_kw)), net_kw)
    gain = communities.settle(city.buildings.index, dear)["community_gain_eur_a"]
    assert gain.sum() == pytest.approx(communities.shared_kwh_a * (PRICE + 0.1 - PAID - FEE), rel=1e-9)
