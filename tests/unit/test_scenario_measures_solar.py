"""PV on roofs and façades, programmes under a budget, raised buildings, and what neighbours lose."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from report_fixture import FakeRun, make_run
from test_scenario_measures import applied, only_changed, study_of

from twin.city.model import City
from twin.city.rules import M2_PER_JOB, M2_PER_RESIDENT, NET_FACTOR, STOREY_HEIGHT_M
from twin.decision.compare import compare
from twin.errors import DataError, SelectorError
from twin.report.html import render
from twin.report.neighbours import kept_of, neighbour_sections
from twin.report.roofs_first import programme_sections
from twin.report.summary import labels_of
from twin.scenario import neighbours as near
from twin.scenario.apply import Applied, apply_measures, needs_solar
from twin.scenario.evaluate import evaluate
from twin.scenario.parameters import ModelParameters, domains
from twin.scenario.prospects import Estimate, Simulated, Surface, valued
from twin.scenario.runner import plan_run, run_study
from twin.solar.model import prepare_roofs

P = ModelParameters(**{name: cls() for name, cls in domains().items()})


class Known:
    """Prospects that a test sets: output per kWp and share used, by building; 10 kWp on roofs, 4 on façades."""

    exact = True

    def __init__(self, kwh_per_kwp: dict[str, float], used: dict[str, float] | None = None) -> None:
        self.kwh_per_kwp, self.used = kwh_per_kwp, used or {}

    def of(self, city: City, surface: Surface) -> pd.DataFrame:
        ids = city.buildings.index
        power = 10.0 if surface == "roofs" else 4.0
        kwp = np.array([power if i in self.kwh_per_kwp else 0.0 for i in ids])
        kwh = kwp * np.array([self.kwh_per_kwp.get(i, 0.0) for i in ids])
        used = kwh * np.array([self.used.get(i, 1.0) for i in ids])
        return valued(ids, kwp, kwh, used, surface, P)


def programme(city: City, solar: Any, **keys: Any) -> Applied:
    study = study_of(m=[{"type": "pv_programme", "budget_eur": 30_000, **keys}])
    return apply_measures(city, study, ["m"], solar)


@pytest.fixture
def known(small_city: City) -> Known:
    a, b, c, d = small_city.buildings.index[:4]
    return Known({a: 800.0, b: 900.0, c: 900.0, d: 850.0}, {a: 1.0, b: 0.5, c: 1.0, d: 0.1})


def test_storeys_bring_height_floor_area_and_people(small_city: City) -> None:
    raised = applied(small_city, {"type": "raise_buildings", "where": "levels >= 2", "storeys": 4})
    only_changed(small_city, raised.city, "buildings", "height_m", "levels", "floor_area_m2", "population", "jobs")
    mask = (small_city.buildings["levels"] >= 2).to_numpy()
    before, after = small_city.buildings, raised.city.buildings
    assert after[~mask].equals(before[~mask])
    np.testing.assert_allclose((after["levels"] - before["levels"])[mask], 4.0)
    metres = 4 * before["use"].map(dict(STOREY_HEIGHT_M))
    np.testing.assert_allclose((after["height_m"] - before["height_m"])[mask], metres[mask])
    heated = mask & (before["floor_area_m2"] > 0).to_numpy()
    floor = np.where(heated, before["footprint_area_m2"] * 4 * NET_FACTOR, 0.0)
    np.testing.assert_allclose(after["floor_area_m2"] - before["floor_area_m2"], floor, atol=1e-6)
    homes = (before["use"] == "residential").to_numpy()
    people = np.where(homes, floor / M2_PER_RESIDENT, 0.0)
    np.testing.assert_allclose(after["population"] - before["population"], people, atol=1e-9)
    offices = (before["use"] == "office").to_numpy()
    np.testing.assert_allclose((after["jobs"] - before["jobs"])[offices], floor[offices] / M2_PER_JOB["office"])
    assert (after["height_m_origin"][mask] == "derived").all()
    assert "4 storeys" in raised.changes[0].summary
    assert raised.changes[0].capital_cost_eur == 0.0


def test_roof_planes_are_lifted_with_their_building_and_trees_stay(small_city: City) -> None:
    first, second = small_city.buildings.index[:2]
    squares = [shapely.Polygon([(x, 0, 9), (x + 5, 0, 9), (x + 5, 5, 12), (x, 5, 12)]) for x in (0, 10, 20)]
    planes = gpd.GeoDataFrame(
        {"building_id": [first, first, second], "tilt_deg": 31.0, "azimuth_deg": 180.0, "area_m2": 29.2},
        index=pd.Index([f"{first}/p0", f"{first}/p1", f"{second}/p0"], name="plane_id"),
        geometry=squares,
        crs=small_city.meta.crs,
    )
    trees = gpd.GeoDataFrame({"height_m": [9.0]}, geometry=[shapely.Point(0, 0)], crs=small_city.meta.crs)
    city = small_city.replace(roof_planes=planes, trees=trees)
    study = study_of(m=[{"type": "raise_buildings", "where": f'building_id == "{first}"', "metres": 2.5}])
    raised = apply_measures(city, study, ["m"]).city
    z = shapely.get_coordinates(raised.roof_planes.geometry.to_numpy(), include_z=True)[:, 2].reshape(3, -1)
    before = shapely.get_coordinates(planes.geometry.to_numpy(), include_z=True)[:, 2].reshape(3, -1)
    np.testing.assert_allclose(z - before, np.array([2.5, 2.5, 0.0])[:, None] * np.ones((1, 5)))
    assert raised.roof_planes.drop(columns="geometry").equals(planes.drop(columns="geometry"))
    assert planes.geometry.iloc[0].equals_exact(squares[0], 0.0)
    assert raised.trees is trees
    assert raised.buildings["levels"].equals(city.buildings["levels"])  # less than a storey
    gone = apply_measures(city, study_of(m=[{"type": "remove_buildings", "where": f'building_id == "{first}"'}]), ["m"])
    assert list(gone.city.roof_planes.index) == [f"{second}/p0"]
    other = study_of(
        m=[{"type": "raise_buildings", "where": f'building_id == "{small_city.buildings.index[5]}"', "storeys": 1}]
    )
    assert apply_measures(city, other, ["m"]).city.roof_planes is planes


def test_too_high_is_named(small_city: City) -> None:
    with pytest.raises(DataError, match=r"height_m would become \d+"):
        applied(small_city, *[{"type": "raise_buildings", "where": "levels > 0", "metres": 400}] * 2)


def test_pv_on_facades(small_city: City) -> None:
    done = applied(small_city, {"type": "install_pv", "where": "levels >= 2", "share": 0.4, "surfaces": ["facades"]})
    only_changed(small_city, done.city, "buildings", "facade_pv_share")
    assert "suitable façade area" in done.changes[0].summary
    both = applied(done.city, {"type": "install_pv", "share": 0.2, "surfaces": ["roofs", "facades"]}).city.buildings
    assert (both["pv_share"] == 0.2).all()
    assert (both["facade_pv_share"] == np.where(small_city.buildings["levels"] >= 2, 0.4, 0.2)).all()


def test_the_best_come_first_and_the_last_gets_a_part(small_city: City, known: Known) -> None:
    a, b, c, d = small_city.buildings.index[:4]
    done = programme(small_city, known)
    only_changed(small_city, done.city, "buildings", "pv_share")
    shares = done.city.buildings["pv_share"]
    change = done.changes[0]
    assert [row["building_id"] for row in change.rows] == [c, a, b]  # 1 kWp avoids what 900, 800, 450 kWh do
    assert (shares[c], shares[a], shares[b], shares[d]) == (1.0, 1.0, 0.5, 0.0)
    assert change.quantities["cost_eur"] == 30_000
    assert [row["spent_eur"] for row in change.rows] == [12_000, 24_000, 30_000]
    assert change.capital_cost_eur == 0.0
    assert "the last one on 50 % of its area" in change.summary
    years = (1 - (1 - P.economics.degradation) ** 25) / P.economics.degradation
    cost = 1200 / (0.9 * P.electricity.co2_kg_kwh * years)
    assert change.rows[0]["score"] == pytest.approx(cost)
    by_yield = programme(small_city, known, ranking="yield").changes[0].rows
    assert [row["building_id"] for row in by_yield] == [b, c, d]  # equals by id
    assert by_yield[0]["score"] == pytest.approx(900.0)


def test_what_loses_money_or_saves_nothing_is_left_out(small_city: City, known: Known) -> None:
    *_, d = small_city.buildings.index[:4]
    money = programme(small_city, known, ranking="net_present_value", budget_eur=1e6).changes[0]
    assert d not in {row["building_id"] for row in money.rows}
    assert all(row["npv_eur"] > 0 for row in money.rows)
    idle = Known(known.kwh_per_kwp, dict.fromkeys(known.kwh_per_kwp, 0.0))
    with pytest.raises(SelectorError, match="none of the 120 selected buildings"):
        programme(small_city, idle)
    assert len(programme(small_city, idle, ranking="yield", budget_eur=1e6).changes[0].rows) == 4


def test_roofs_and_facades_compete(small_city: City, known: Known) -> None:
    both = programme(small_city, known, surfaces=["roofs", "facades"], budget_eur=1e6)
    only_changed(small_city, both.city, "buildings", "pv_share", "facade_pv_share")
    rows = both.changes[0].rows
    assert sorted({row["surface"] for row in rows}) == ["facades", "roofs"]
    assert len(rows) == 8
    assert both.changes[0].quantities["buildings"] == both.changes[0].quantities["candidates"] == 4
    assert "the roofs and façades of 4 buildings of 4 that qualify" in both.changes[0].summary
    assert rows[0]["surface"] == "roofs"  # the same sun at 1 instead of 1.5 times the cost
    walls = programme(small_city, known, surfaces=["facades"], budget_eur=1e6)
    only_changed(small_city, walls.city, "buildings", "facade_pv_share")


def test_only_what_is_selected_and_on_top_of_what_is_there(small_city: City, known: Known) -> None:
    a, b, c, _ = small_city.buildings.index[:4]
    had = small_city.buildings.assign(pv_share=np.where(small_city.buildings.index == a, 0.6, 0.0))
    done = programme(small_city.replace(buildings=had), known, where=f'building_id in ["{a}", "{b}"]', budget_eur=1e6)
    shares = done.city.buildings["pv_share"]
    assert (shares[a], shares[b], shares[c]) == (1.0, 1.0, 0.0)
    assert done.changes[0].matched == 2


def test_without_a_simulation_the_choice_is_called_an_estimate(small_city: City) -> None:
    study = study_of(m=[{"type": "pv_programme", "budget_eur": 100_000}], n=[{"type": "install_pv"}])
    guess = apply_measures(small_city, study, ["m"]).changes[0]
    assert "a rough estimate; the run chooses by simulation" in guess.summary
    assert guess.quantities["cost_eur"] <= 100_000
    assert needs_solar(study)
    assert not needs_solar(study_of(n=[{"type": "install_pv"}]))
    walls = Estimate(P).of(small_city, "facades")
    assert (walls["kwp"] > 0).all()
    assert (walls["cost_eur"] / walls["kwp"]).to_numpy() == pytest.approx(1200 * P.economics.facade_cost_factor)


def test_results_bring_what_the_programme_promised(small_city: City) -> None:
    roofs = prepare_roofs(small_city)
    calls = []

    def roofs_of(city: City) -> Any:
        calls.append(city)
        return roofs

    solar = Simulated(P, roofs_of, seed=1)
    done = programme(small_city, solar, budget_eur=40_000)
    again = programme(small_city, solar, budget_eur=40_000)
    assert len(calls) == 1  # remembered
    assert done.changes == again.changes
    rows = {row["building_id"]: row for row in done.changes[0].rows if row["part"] == 1.0}
    assert rows
    before, after = (evaluate(city, P, roofs, seed=1, draw=0) for city in (small_city, done.city))
    old, new = before.layers["buildings"].loc[list(rows)], after.layers["buildings"].loc[list(rows)]
    for column, promised in (("electricity_co2_kg_a", "co2_kg_a"), ("electricity_cost_eur_a", "saving_eur_a")):
        np.testing.assert_allclose(old[column] - new[column], [row[promised] for row in rows.values()], rtol=1e-4)
    np.testing.assert_allclose(new["pv_kwp"], [row["kwp"] for row in rows.values()])
    invested = after.totals["investment_eur"]
    assert invested == pytest.approx(done.changes[0].quantities["cost_eur"])
    assert invested <= 40_000


def test_a_programme_after_a_raise_keeps_to_its_budget(small_city: City, tmp_path: Path) -> None:
    """It covers what is suitable among the higher buildings, not what was suitable before."""
    some = ", ".join(f'"{b}"' for b in small_city.buildings.index[::7])
    up = [{"type": "raise_buildings", "where": f"building_id in [{some}]", "storeys": 12}]
    plan = plan_run(study_of(up=up, m=[{"type": "pv_programme", "budget_eur": 1_000_000}]), small_city)
    run = run_study(plan, tmp_path)
    _, change = run.info["changes"]["one"]
    totals = run.draws().query("scenario == 'one' and draw == 0").set_index("quantity")["value"]
    assert totals["investment_eur"] == pytest.approx(change["quantities"]["cost_eur"])
    assert 990_000 < totals["investment_eur"] <= 1_000_000


def test_a_run_chooses_by_simulation_and_counts_neighbours(small_city: City, tmp_path: Path) -> None:
    tall = small_city.buildings.index[40]
    study = study_of(
        m=[{"type": "pv_programme", "budget_eur": 60_000}],
        up=[{"type": "raise_buildings", "where": f'building_id == "{tall}"', "storeys": 6}],
    )
    plan = plan_run(study, small_city)
    assert "rough estimate" in plan.scenarios["one"].changes[0].summary
    assert plan_run(study, small_city).identity == plan.identity
    run = run_study(plan, tmp_path)
    change, _ = run.info["changes"]["one"]
    assert "rough estimate" not in change["summary"]
    assert 0 < change["quantities"]["cost_eur"] <= 60_000
    buildings = run.layer("one", "buildings")
    assert set(buildings.index[buildings["pv_share"] > 0]) == {row["building_id"] for row in change["rows"]}
    totals = run.draws().pivot_table(index="quantity", columns="scenario", values="value")
    names = ["neighbour_pv_loss_kwh_a", "neighbour_irradiation_loss_kwh_a", "neighbour_sun_loss_h_a"]
    assert (totals.loc[names, "baseline"] == 0.0).all()
    before = run.layer("baseline", "buildings")
    lost = (before[near.IRRADIATION] - buildings[near.IRRADIATION]).drop(tall)
    assert totals.loc["neighbour_irradiation_loss_kwh_a", "one"] == pytest.approx(lost.sum())
    assert lost.sum() > 0.0
    assert 'id="roofs-first"' in render(run)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"type": "raise_buildings", "storeys": 2}, "raise_buildings names no buildings"),
    ({"type": "raise_buildings", "where": "levels > 0"}, "needs one height"),
    ({"type": "raise_buildings", "where": "levels > 0", "storeys": 2, "metres": 6}, "needs one height"),
    ({"type": "raise_buildings", "where": "levels > 0", "storeys": 0}, "greater than or equal to 1"),
    ({"type": "install_pv", "surfaces": []}, "at least 1 item"),
    ({"type": "install_pv", "surfaces": ["roofs", "roofs"]}, "listed twice"),
    ({"type": "install_pv", "surfaces": ["walls"]}, "'roofs' or 'facades'"),
    ({"type": "pv_programme"}, "budget_eur"),
    ({"type": "pv_programme", "budget_eur": 0}, "greater than 0"),
    ({"type": "pv_programme", "budget_eur": float("inf")}, "finite"),
    ({"type": "pv_programme", "budget_eur": 1, "ranking": "price"}, "'cost_per_tonne'"),
]


@pytest.mark.parametrize(("measure", "message"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_makes_no_sense_is_refused_by_name(measure: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        study_of(m=[measure])


def test_a_programme_that_matches_nothing_is_placed(small_city: City, known: Known) -> None:
    with pytest.raises(SelectorError, match=r"pv_programme: .*none"):
        programme(small_city, known, where="levels > 999")


def results(city: City) -> gpd.GeoDataFrame:
    """Buildings with the columns that neighbours are compared by."""
    area = city.buildings["footprint_area_m2"]
    columns = {near.IRRADIATION: 900 * area, near.SUN: 3000.0, near.SKY: 0.9, near.PV: 100 * area, "pv_kwp": 0.0,
               near.VSC_LOWEST: 0.3} | dict.fromkeys(near.VSC_SIDES, 0.35)  # fmt: skip
    return city.buildings.assign(**columns)


def test_neighbours_are_those_that_keep_their_shape(small_city: City) -> None:
    before = results(small_city)
    a, b, c, d = before.index[:4]
    after = before.copy()
    after.loc[a, "height_m"] += 3.0
    after.loc[b, "geometry"] = shapely.affinity.translate(after.geometry[b], 0.5, 0.0)
    after.loc[d, ["population", "pv_share"]] = [7.0, 0.5]
    after = after.drop(index=c)
    assert list(near.neighbours(before, after)) == [i for i in before.index if i not in (a, b, c)]
    assert list(near.neighbours(before, before)) == list(before.index)


def test_totals_count_losses_of_neighbours_and_limits() -> None:
    before = {name: np.array([100.0, 200.0, 0.0, 50.0]) for name in near.QUANTITIES}
    p = near.NeighbourParameters()
    nothing = near.neighbour_totals(before, before, p)
    assert set(nothing.values()) == {0.0}
    after = before | {
        near.IRRADIATION: np.array([91.0, 179.0, 0.0, 55.0]),
        near.SKY: np.array([79.0, 200.0, 0.0, 50.0]),
    }
    after[near.PV] = np.array([80.0, 180.0, 0.0, 55.0])
    totals = near.neighbour_totals(before, after, p)
    assert totals["neighbour_irradiation_loss_kwh_a"] == pytest.approx(9 + 21 - 5)
    assert totals["neighbour_pv_loss_kwh_a"] == pytest.approx(20 + 20 - 5)
    assert totals["neighbour_sun_loss_h_a"] == 0.0
    assert totals["neighbours_affected"] == 2.0  # sky of the first, irradiation of the second
    lenient = dataclasses.replace(p, irradiation_ratio=0.5, sky_ratio=0.5)
    assert near.neighbour_totals(before, after, lenient)["neighbours_affected"] == 0.0


def test_daylight_counts_below_27_percent_and_below_four_fifths() -> None:
    p = near.NeighbourParameters()
    before = {name: np.full(5, 100.0) for name in near.QUANTITIES}
    north, south = near.VSC_SIDES[0], near.VSC_SIDES[4]
    before |= dict.fromkeys(near.VSC_SIDES, np.zeros(5))  # no windows
    before |= {south: np.array([0.35, 0.35, 0.20, 0.20, 0.0]), north: np.full(5, 0.10)}
    # Less than 0.8 but still 27 %; both; 0.8 of little; less than that; no window. The dark north side hides nothing.
    after = before | {south: np.array([0.275, 0.265, 0.165, 0.155, 0.0])}
    assert near.affected(before, after, p.limits()).tolist() == [False, True, False, True, False]
    assert near.neighbour_totals(before, after, p)["neighbours_affected"] == 2.0
    never = dataclasses.replace(p, vsc_enough=0.0)
    assert not near.affected(before, after, never.limits()).any()


@pytest.fixture
def shaded_run(small_city: City, known: Known, tmp_path: Path) -> FakeRun:
    """A run in which the first scenario raises a building, the second too, with PV, and the third changes nothing."""
    run = make_run(small_city, tmp_path, idle=True)
    first, *others = small_city.buildings.index
    for scenario in ("car-free-street", "solar-roofs"):
        mine = run.layers[scenario, "buildings"]
        mine.loc[first, "height_m"] += 12.0
        mine.loc[others[:20], near.IRRADIATION] *= np.linspace(0.7, 0.98, 20)
        mine.loc[others[:20], near.PV] *= 0.5
    mine.loc[others[0], ["pv_share", "pv_kwp"]] = [1.0, 8.0]
    lost = run.table["quantity"].isin(["neighbour_pv_loss_kwh_a", "neighbours_affected"])
    run.table.loc[lost & run.table["scenario"].isin(["car-free-street", "solar-roofs"]), "value"] = 5000.0
    change = programme(small_city, known).changes[0].as_dict()
    run.info["changes"]["solar-roofs"] = [change]
    run.info["changes"]["combination"] = [change]
    return run


def test_the_report_lists_who_loses_most(shaded_run: FakeRun, small_city: City) -> None:
    labels, table = labels_of(shaded_run), compare(shaded_run)
    (section,) = neighbour_sections(shaded_run, table, labels)  # both scenarios shade alike
    assert section["label"] == f"{labels['car-free-street']} · {labels['solar-roofs']}"
    assert section["losing"] == "20"
    assert (len(section["rows"]), section["more"]) == (12, 8)
    assert [part["label"] for part in section["carried"]] == [labels["solar-roofs"]]
    lost = [float(row["irradiation_percent"].split()[0].replace("−", "-")) for row in section["rows"]]
    assert lost == sorted(lost)
    before, after = (shaded_run.layer(s, "buildings") for s in ("baseline", "car-free-street"))
    kept = kept_of(before, after, {near.IRRADIATION: near.Limit(0.9)})
    assert small_city.buildings.index[0] not in kept.index
    assert int((kept["below"] != "").sum()) == int((np.linspace(0.7, 0.98, 20) < 0.9).sum())
    assert "lower is better" in section["map"]


def test_trees_shade_without_any_building_changing(shaded_run: FakeRun, small_city: City) -> None:
    layer = shaded_run.layers["car-free-street", "buildings"]
    layer["height_m"] = small_city.buildings["height_m"]
    labels = labels_of(shaded_run)
    alone = neighbour_sections(shaded_run, compare(shaded_run), labels)[0]
    assert alone["label"] == labels["car-free-street"]
    assert not any("m away" in row["what"] for row in alone["rows"])


def test_the_report_tells_which_roofs_and_why(shaded_run: FakeRun) -> None:
    first, second = programme_sections(shaded_run, labels_of(shaded_run))
    assert [row["place"] for row in first["rows"]] == ["1", "2", "3"]
    assert "900 kWh per kWp, 100 % of it used in the building" in first["rows"][0]["why"]
    assert first["rows"][-1]["total"].startswith("30")
    assert "money ends" in first["rows"][-1]["part"]
    assert second["same_as"] == first["label"]
    page = render(shaded_run)
    assert 'id="roofs-first"' in page
    assert 'id="neighbours"' in page
    assert "What new height takes from its neighbours" in page


def test_other_reports_do_not_speak_of_roofs(small_city: City, tmp_path: Path) -> None:
    page = render(make_run(small_city, tmp_path))
    assert 'id="roofs-first"' not in page
    assert 'id="neighbours"' not in page
