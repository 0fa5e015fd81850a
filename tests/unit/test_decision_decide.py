"""The decision of a run, its numbers by reference, the brief and the sheet of a building."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from decision_run_fixture import canvas_run
from report_fixture import FakeRun

from tests.traced_pages import check_page
from twin.city.model import City
from twin.decision import valuation
from twin.decision.decide import Decision, decide
from twin.decision.figures import Figures, figures_of
from twin.decision.ledger import OUTSIDE
from twin.decision.place import find_building, place_figures, place_of
from twin.errors import DataError, StudyError
from twin.report.brief import change, leading_scenario, render_brief
from twin.report.place_sheet import render_place
from twin.report.traced import Traced


@pytest.fixture(scope="module")
def run(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    return canvas_run(small_city, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def decision(run: FakeRun) -> Decision:
    return decide(run)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def figures(decision: Decision) -> Figures:
    return figures_of(decision)


def test_money_of_all_sums_to_zero(decision: Decision) -> None:
    for books in decision.money.values():
        value = books.positions["value"]
        assert abs(value.sum()) <= 1e-9 * value.abs().sum()
        assert abs(books.delay.sum()) <= 1e-9 * value.abs().sum()


def test_intervals_hold_their_value(decision: Decision) -> None:
    for books in decision.money.values():
        told = books.positions.dropna()
        assert len(told) == len(books.positions)
        assert (told["low"] <= told["high"]).all()
        moved = told[told["low"] < told["high"]]
        assert ((moved["low"] <= moved["value"]) & (moved["value"] <= moved["high"])).all()


def test_a_position_in_the_noise_is_not_told(decision: Decision) -> None:
    for books in decision.money.values():
        for actor in books.told().index:
            row = books.positions.loc[actor]
            assert row["low"] > 0.0 or row["high"] < 0.0
        assert OUTSIDE not in books.told().index


def test_unit_values_are_sampled_within_their_range(decision: Decision) -> None:
    lines = decision.money["car-free-street"].book.lines
    paving = lines.loc["cost-0/paving/city"]
    amounts = valuation.sampled_amounts(lines, decision.run.draws(), "car-free-street", seed=1)
    drawn = amounts[:, lines.index.get_loc("cost-0/paving/city")]
    assert (paving["low"] <= drawn).all() and (drawn <= paving["high"]).all()
    mean = (200 + 300 + 450) / 3 * 500  # of the triangular distribution
    assert drawn.mean() == pytest.approx(mean, rel=0.01)
    again = valuation.sampled_amounts(lines, decision.run.draws(), "car-free-street", seed=1)
    assert np.array_equal(amounts, again)


def test_win_shares_sum_to_one(decision: Decision) -> None:
    for column in ("wins", "wins_stakeholders"):
        assert decision.choice[column].sum() == pytest.approx(1.0)
    assert decision.choice["pareto"].any()


def test_an_investment_counts_in_the_share_of_weights(small_city: City, tmp_path: Path) -> None:
    dear = {"text": "a wall", "kind": "capex", "quantity": 1e12, "payer": "city"}
    dear["amount"] = {"value": 1, "unit": "EUR", "source": "made up", "year": 2025, "low": 1, "high": 1}
    shares = []
    for name, costs in (("cheap", []), ("dear", [dear])):
        run = canvas_run(small_city, tmp_path / name, budget_costs=costs)
        shares.append(decide(run).choice["wins"]["baseline"])  # type: ignore[arg-type]
    assert shares[1] > shares[0]


def test_a_veto_holder_in_the_noise_does_not_pass_for_sure(decision: Decision, figures: Figures) -> None:
    books, scenario = decision.money["car-free-street"], "car-free-street"
    holder = str(decision.vetoes["actor"].iloc[0])
    positions = books.positions.copy()
    positions.loc[holder, ["value", "low", "high"]] = 1.0, -1e6, 1e6
    vetoes = decision.vetoes.assign(outcome="passes")
    doubtful = dataclasses.replace(
        decision,
        vetoes=vetoes[vetoes["scenario"] == scenario],
        money=decision.money | {scenario: dataclasses.replace(books, positions=positions)},
    )
    assert holder in doubtful.in_doubt(scenario)
    page = render_brief(doubtful, figures)
    assert "nobody who holds a veto would lose" not in page and "who can say no, would lose cannot be told" in page


def test_without_accounts_there_is_no_money(small_city: City, tmp_path: Path) -> None:
    poor = decide(canvas_run(small_city, tmp_path, accounts=None))  # type: ignore[arg-type]
    assert poor.money == {} and not len(poor.vetoes)
    assert poor.choice["wins_stakeholders"].isna().all()
    assert check_page(render_brief(poor, figures_of(poor)), figures_of(poor)) > 5


def test_without_a_canvas_there_is_no_decision(run: FakeRun) -> None:
    study = {key: value for key, value in run.info["study"].items() if key != "canvas"}
    bare = FakeRun(**{**vars(run), "info": run.info | {"study": study}})
    with pytest.raises(StudyError, match="canvas"):
        decide(bare)  # type: ignore[arg-type]


def test_numbers_of_kpis_are_those_of_the_table(decision: Decision, figures: Figures) -> None:
    for row in decision.table.to_dict("records"):
        for column in ("value", "baseline", "difference", "low", "high", "percent"):
            figure = figures[f"kpi/{row['scenario']}/{row['kpi']}/{column}"]
            assert figure.value == row[column] or math.isnan(row[column])
            assert row["kpi"] in figure.origin


def test_every_number_says_where_it_is_from(figures: Figures) -> None:
    assert len(figures) > 500
    assert all(figures[ref].origin for ref in figures)
    assert figures["stated/accounts/discount_rate"].value == 0.03
    assert all(math.isfinite(entry["value"]) for entry in figures.as_data().values())
    with pytest.raises(StudyError, match="no number"):
        figures["kpi/nothing"]


def test_printed_numbers_link_to_their_source(figures: Figures) -> None:
    traced = Traced(figures)
    assert 'href="report.html#kpi-pv_kwh_a"' in traced.link("kpi/solar-roofs/pv_kwh_a/difference")
    assert 'href="ledger.html#solar-roofs"' in traced.link("ledger/solar-roofs/position/residents/value")
    assert traced.text("stated/accounts/discount_rate") == "3.0\u202f%"
    assert traced.text("kpi/baseline/pv_kwh_a/low") == "–"


def test_the_brief_traces_every_number(decision: Decision, figures: Figures) -> None:
    page = render_brief(decision, figures)
    assert check_page(page, figures) > 20
    assert page == render_brief(decision, figures)
    assert decision.labels[leading_scenario(decision)] in page


def test_what_is_in_the_noise_is_called_so(decision: Decision, figures: Figures) -> None:
    traced, seen = Traced(figures), 0
    for row in decision.table[decision.table["scenario"] != "baseline"].to_dict("records"):
        if row["verdict"] == "not distinguishable":
            text = change(decision, traced, row["scenario"], row["kpi"])
            assert text.startswith("cannot be told from noise")
            seen += 1
    assert seen


def test_the_brief_names_the_veto_and_what_it_costs(decision: Decision, figures: Figures) -> None:
    page = render_brief(decision, figures)
    assert "City of Helsinki</span> can say no, and would lose" in page  # it pays the paving and gains nothing
    assert "Nobody gains enough to make that good" in page


def test_hostile_texts_stay_texts(small_city: City, tmp_path: Path) -> None:
    run = canvas_run(small_city, tmp_path, mission={"text": "<script>alert(1)</script>", "kpi": "total_co2_t_a"})
    run.info["question"] = "</h1><b onload=x>"
    nasty = decide(run)  # type: ignore[arg-type]
    page = render_brief(nasty, figures_of(nasty))
    assert "<script" not in page and "onload=x>" not in page.replace("&gt;", "")


def test_a_place_is_found_by_id_name_and_position(run: FakeRun, small_city: City) -> None:
    first = str(small_city.buildings.index[3])
    at = small_city.buildings.geometry.to_crs("EPSG:4326").iloc[3].representative_point()
    assert find_building(run, first) == first  # type: ignore[arg-type]
    assert find_building(run, f"{at.x:.7f},{at.y:.7f}") == first  # type: ignore[arg-type]
    for place in ("nowhere at all", "0,0", ""):
        with pytest.raises(DataError):
            find_building(run, place)  # type: ignore[arg-type]


def test_a_name_that_fits_several_is_an_error(run: FakeRun) -> None:
    layers = {key: frame.copy() for key, frame in run.layers.items()}
    for (_, layer), frame in layers.items():
        if layer == "buildings":
            frame["name"] = "House " + pd.Series(range(len(frame)), index=frame.index).astype(str)
    named = FakeRun(**{**vars(run), "layers": layers})
    with pytest.raises(DataError, match="buildings fit"):
        find_building(named, "house")  # type: ignore[arg-type]
    assert find_building(named, "HOUSE 7") == layers["baseline", "buildings"].index[7]  # type: ignore[arg-type]


def test_the_sheet_of_a_place_shows_the_run(run: FakeRun, small_city: City) -> None:
    building = str(small_city.buildings.index[0])
    place = place_of(run, building)  # type: ignore[arg-type]
    assert len(place.results)
    for row in place.results.to_dict("records"):
        layer, key = (
            ("zones", place.zone_id) if row["column"] == "mean_generalised_cost_min" else ("buildings", building)
        )
        assert row["value"] == run.layer(row["scenario"], layer).loc[key, row["column"]]
        assert row["difference"] == row["value"] - row["baseline"]
    page = render_place(run, building)  # type: ignore[arg-type]
    assert check_page(page, Figures(place_figures(place, run.info["labels"]))) > 3


def test_what_is_done_to_a_building_is_said_plainly(run: FakeRun, small_city: City) -> None:
    building = str(small_city.buildings.index[0])
    layers = dict(run.layers)
    changed = layers["combination", "buildings"].copy()
    changed["upgrades"] = changed["upgrades"].astype(object)
    changed.loc[building, ["upgrades", "heat_response"]] = ["wall:standard roof:deep", True]
    layers["combination", "buildings"] = changed
    page = render_place(FakeRun(**{**vars(run), "layers": layers}), building)  # type: ignore[arg-type]
    assert ">wall standard, roof deep<" in page
    assert ">yes<" in page and "True" not in page


def test_the_sheet_says_what_is_on_the_ground_floor(run: FakeRun, small_city: City) -> None:
    b = small_city.buildings
    building = str(b.index[(b["use"] == "residential") & (b["levels"] >= 2.0)][0])
    layers = dict(run.layers)
    old = {key: layer.drop(columns="ground_floor_use") for key, layer in layers.items() if key[1] == "buildings"}
    page = render_place(FakeRun(**{**vars(run), "layers": layers | old}), building)  # type: ignore[arg-type]
    assert f"Building {building} (residential), " in page
    let = layers["baseline", "buildings"].copy()
    let.loc[building, "ground_floor_use"] = "retail"
    layers["baseline", "buildings"] = let
    page = render_place(FakeRun(**{**vars(run), "layers": layers}), building)  # type: ignore[arg-type]
    assert f"Building {building} (residential, retail on the ground floor), " in page
    assert "Use of the ground floor of a building with floors above: " in page


def test_a_building_that_only_a_scenario_has(run: FakeRun, small_city: City) -> None:
    building = str(small_city.buildings.index[0])
    layers = dict(run.layers)
    layers["baseline", "buildings"] = layers["baseline", "buildings"].drop(index=building)
    added = FakeRun(**{**vars(run), "layers": layers})
    place = place_of(added, building)  # type: ignore[arg-type]
    assert place.new and not len(place.results)
    assert "There is nothing to compare it with" in render_place(added, building)  # type: ignore[arg-type]
    with pytest.raises(DataError):
        place_of(added, "no such building")  # type: ignore[arg-type]


def test_devices_that_take_the_saving_back_are_in_the_environmental_line(small_city: City, tmp_path: Path) -> None:
    def number(value: float) -> dict[str, object]:
        return {"value": value, "unit": "kg", "source": "made up", "year": 2025, "low": value, "high": value}

    run = canvas_run(small_city, tmp_path)
    run.info["parameters"] = [{"path": "electricity.co2_kg_kwh", "value": 0.06}]
    before = decide(run)  # type: ignore[arg-type]
    assert before.lines.at["solar-roofs", "environmental"] == "better"
    run.info["study"]["canvas"]["devices"] = [{"text": "modules", "embodied_kg": number(1e9), "life_years": 25}]
    after = decide(run)  # type: ignore[arg-type]
    assert after.lines.at["solar-roofs", "environmental"] == "worse"
    assert "Making and running its devices takes" in render_brief(after, figures_of(after))
