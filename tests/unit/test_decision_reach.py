"""Whom a scenario reaches: what a measure acts on, gains by building, and published tables, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.decision_reach_fixture import SCENARIO, run_of
from tests.unit.report_fixture import make_run
from twin.city.model import City
from twin.decision.incomes import KnownIncomes
from twin.decision.reach import acted_on, incidence_of
from twin.decision.reach_tables import EMPTY, SHOWN, SUPPRESSED, poverty
from twin.errors import RunError


def _buildings(**columns: Any) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "use": ["residential", "residential", "residential", "office", "residential"],
            "population": [10.0, 20.0, 30.0, 6.0, 0.0],
            "zone_id": ["a", "a", "b", "b", "c"],
            "envelope": "existing",
            "energy_cost_eur_a": [1000.0, 4000.0, 3000.0, 500.0, 700.0],
            "lden_db": 60.0,
        },
        index=pd.Index(["b0", "b1", "b2", "b3", "b4"], name="building_id"),
    )
    return table.assign(**columns)


def _zones(**columns: Any) -> pd.DataFrame:
    table = pd.DataFrame({"parking_eur": 0.0, "mean_generalised_cost_min": 20.0}, index=list("abc"))
    return table.rename_axis("zone_id").assign(**columns)


def test_gains_and_reach_by_hand() -> None:
    after = _buildings(
        envelope=["deep_retrofit", "existing", "existing", "deep_retrofit", "deep_retrofit"],
        energy_cost_eur_a=[500.0, 3900.0, 3600.0, 100.0, 10.0],  # 50, 5 (a trifle) and -20 a head; b3 is no home
        lden_db=[60.0, 57.0, 60.0, 57.0, 60.0],
    )
    found = incidence_of(run_of(_buildings(), after, _zones(), _zones()), SCENARIO)
    entities = found.entities
    assert list(entities.index) == ["b0", "b1", "b2", "b3"]  # nobody lives in b4
    assert entities["reach"].tolist() == ["direct", "indirect", "none", "direct"]
    assert entities["outcome"].tolist() == ["wins", "wins", "loses", "wins"]
    assert entities["energy_cost_eur_a"].tolist() == [50.0, 5.0, -20.0, 0.0]
    assert (found.people, found.buildings, found.newcomers) == (66.0, 4, 0.0)
    assert found.acted_on == {"buildings": 3, "links": 0, "zones": 0, "new_buildings": 0, "removed_buildings": 0}
    assert found.outcomes["people"].tolist() == [36.0, 30.0, 0.0, 0.0]
    assert found.reach["people"].tolist() == [16.0, 20.0, 30.0]
    assert found.reach["share"].sum() == pytest.approx(1.0)
    assert found.reach["buildings"].isna().all() and found.outcomes["buildings"].isna()[:2].all()  # fewer than five
    assert found.by_zone["state"].tolist() == [SHOWN, SHOWN, EMPTY]
    assert found.by_zone["net_share"].tolist()[:2] == [1.0, -25.0 / 36.0]  # 6 less 30, in steps of five
    money = found.gains.loc["energy_cost_eur_a"]
    assert money["mean_gain"] == pytest.approx((500.0 + 100.0 - 600.0) / 66.0)
    assert money["reading"] == "incomes are not known" and found.poverty is None and found.by_quintile.empty
    assert found.gains.loc["lden_db", "mean_gain"] == pytest.approx(3.0 * 26.0 / 66.0)


def test_noise_makes_nobody_a_winner() -> None:
    after = _buildings(lden_db=[57.0, 63.0, 57.0, 57.0, 57.0])
    found = incidence_of(run_of(_buildings(), after, _zones(), _zones(), sd=2.0), SCENARIO)
    assert set(found.entities["outcome"]) == {"no change"} and found.gains["noise"].to_dict()["lden_db"]
    assert found.outcomes["people"].tolist() == [0.0, 0.0, 0.0, 66.0]


def test_streets_and_zones_reach_people() -> None:
    links = pd.DataFrame({"at": [5.0, 205.0], "closed": False}, index=pd.Index(["l0", "l1"], name="link_id"))
    shut = links.assign(closed=[False, True])
    cheaper = _zones(mean_generalised_cost_min=[18.0, 18.0, 20.0])
    run = run_of(_buildings(), _buildings(), _zones(), cheaper, links=links, links_after=shut)
    found = incidence_of(run, SCENARIO)
    # the street at b2 (x = 200 to 220) is closed; b1 ends 85 m from it
    assert found.entities["treated"].tolist() == [False, False, True, False] and found.acted_on["links"] == 1
    assert found.entities["reach"].tolist() == ["indirect", "indirect", "direct", "indirect"]
    charged = _zones(parking_eur=[0.0, 2.0, 0.0], mean_generalised_cost_min=[20.0, 21.0, 20.0])
    found = incidence_of(run_of(_buildings(), _buildings(), _zones(), charged), SCENARIO)
    assert found.entities["treated"].tolist() == [False, False, True, True]
    assert found.entities["outcome"].tolist() == ["no change", "no change", "loses", "loses"]
    assert found.reach.loc["none", "people"] == 66.0  # acted on, but not to their benefit
    gone = links.iloc[:1]
    run = run_of(_buildings(), _buildings(), _zones(), cheaper, links=links, links_after=gone)
    assert incidence_of(run, SCENARIO).entities["treated"].tolist() == [False, False, True, False]


def test_new_and_removed_buildings() -> None:
    new = _buildings().loc[["b1"]].rename(index={"b1": "new"}).assign(population=7.0)
    after = pd.concat([_buildings().drop(index="b0"), new]).rename_axis("building_id")
    found = incidence_of(run_of(_buildings(), after, _zones(), _zones()), SCENARIO)
    few = incidence_of(run_of(_buildings(), after.replace(7.0, 3.0), _zones(), _zones()), SCENARIO)
    assert found.newcomers == 7.0 and np.isnan(few.newcomers) and found.people == 66.0
    assert found.acted_on["new_buildings"] == found.acted_on["removed_buildings"] == 1
    assert found.entities.loc["b0", ["reach", "outcome"]].tolist() == ["none", "loses"]
    assert found.outcomes["people"].tolist() == [0.0, 10.0, 0.0, 56.0]


def test_incomes_give_quintiles_disparity_and_poverty() -> None:
    n = 50
    ids = pd.Index([f"b{k:02}" for k in range(n)], name="building_id")
    before = pd.DataFrame(
        {"use": "residential", "population": 10.0, "zone_id": "a", "energy_cost_eur_a": 12000.0}, index=ids
    )
    poor = np.arange(n) < 10
    after = before.assign(energy_cost_eur_a=np.where(poor, 9000.0, 6000.0))
    income = pd.Series(np.where(poor, 10_000.0, 20_000.0 + 100.0 * np.arange(n)), index=ids)
    run = run_of(before, after, _zones().iloc[:1], _zones().iloc[:1])
    found = incidence_of(run, SCENARIO, KnownIncomes(income, 0.10, "assumption, 2024"))
    assert found.by_quintile["people"].tolist() == [100.0] * 5 and list(found.by_quintile.index) == [1, 2, 3, 4, 5]
    money = found.gains.loc["energy_cost_eur_a"]
    assert (money["poorest"], money["richest"], money["ratio"]) == (300.0, 600.0, 0.5)
    assert money["reading"] == "the poorest gain less than the richest"
    # 1200 of 10,000 before and 900 after: all of the poorest fifth were poor in energy, none is
    assert found.poverty is not None and (found.poverty.before, found.poverty.after) == (0.2, 0.0)
    assert found.poverty.people == 500.0


def test_poverty_of_few_is_not_published() -> None:
    people, income = np.array([3.0, 97.0, 100.0]), np.full(3, 10_000.0)
    before, after = np.array([2000.0, 100.0, 2000.0]), np.array([2000.0, 100.0, 100.0])
    found = poverty(before, after, income, people, 0.1)
    assert found.before == 103.0 / 200.0 and np.isnan(found.after)  # three people are left
    found = poverty(before, np.array([100.0, 100.0, 2000.0]), income, people, 0.1)
    assert np.isnan(found.after)  # the change would tell of three people
    assert np.isnan(poverty(after, after, income, people, 0.1).before)


def test_small_zones_are_suppressed() -> None:
    before = _buildings(population=[10.0, 20.0, 3.0, 0.0, 40.0])
    after = before.assign(lden_db=[55.0, 65.0, 55.0, 60.0, 65.0])
    found = incidence_of(run_of(before, after, _zones(), _zones()), SCENARIO)
    # three people live in b; a is hidden with it, or the difference would tell of them
    assert found.by_zone["state"].tolist() == [SUPPRESSED, SUPPRESSED, SHOWN]
    hidden = found.by_zone.loc[["a", "b"], ["wins", "people", "net_share", "lden_db"]]
    assert hidden.isna().all(axis=None) and found.hidden_share > 0.0


def test_what_a_measure_acts_on_is_an_input_that_differs() -> None:
    before = pd.DataFrame({"lanes": [1.0, np.nan, 2.0], "name": ["", "x", ""], "flow_veh_day": 5.0}, index=list("pqr"))
    after = pd.DataFrame(
        {"lanes": [1.0, np.nan, 1.0, 1.0], "name": ["", "x", "", ""], "flow_veh_day": 9.0}, index=list("pqrs")
    )
    assert acted_on(before, after, "links").to_dict() == {"p": False, "q": False, "r": True, "s": True}
    assert not acted_on(before, before.assign(flow_veh_day=1.0), "links").any()


def test_a_whole_run(small_city: City, tmp_path: Path) -> None:
    run: Any = make_run(small_city, tmp_path, idle=True)
    for scenario in run.info["scenarios"]:
        found = incidence_of(run, scenario)
        assert found.people == pytest.approx(small_city.buildings["population"].sum())
        assert found.by_zone.index.tolist() == small_city.zones.index.tolist()
        assert found.reach["people"].sum() == pytest.approx(found.people, nan_ok=True)
    assert found.scenario == "do-nothing" and found.outcomes.loc["no change", "share"] == pytest.approx(1.0)
    assert not any(found.acted_on.values())
    bare = run_of(_buildings().drop(columns=["energy_cost_eur_a", "lden_db"]), _buildings(), _zones(), _zones())
    assert [e.quantity for e in incidence_of(bare, SCENARIO).effects] == ["mean_generalised_cost_min"]
    nothing = _zones().drop(columns="mean_generalised_cost_min")
    with pytest.raises(RunError, match="who gains"):
        incidence_of(run_of(_buildings(lden_db=1.0)[["population"]], _buildings(), nothing, nothing), SCENARIO)


def test_a_city_without_residents() -> None:
    nobody = _buildings(population=0.0)
    found = incidence_of(run_of(nobody, nobody, _zones(), _zones()), SCENARIO)
    assert found.people == 0.0 and (found.by_zone["state"] == EMPTY).all() and found.reach["people"].sum() == 0.0
    assert np.isnan(found.gains["mean_gain"]).all()
