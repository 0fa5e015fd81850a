"""The section on energy policies: each euro once, against the baseline, and peaks on the day that matters."""

from __future__ import annotations

import numpy as np
import pytest
from report_fixture import FakeRun, make_run

from twin.city.model import City
from twin.decision.compare import compare
from twin.report.energy_policies import bills_eur_a, energy_policies, heat_rows, peak_charts, peak_rows, stock_rows
from twin.report.html import render
from twin.report.summary import labels_of
from twin.scenario.payments import HOMES, PUBLIC, SUBSIDY, UTILITY


@pytest.fixture
def run(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    made = make_run(small_city, tmp_path_factory.mktemp("energy"))
    programme = made.info["changes"]["combination"][2]
    programme["payments"] = (
        {"payer": HOMES, "what": "renewal", "eur": 20e6, "eur_a": 0.0},
        {"payer": PUBLIC, "what": "renewal", "eur": 8e6, "eur_a": 3e4},
        {"payer": SUBSIDY, "what": "renewal", "eur": 10e6, "eur_a": 0.0},
    )
    return made


def test_each_euro_stands_once(run: FakeRun) -> None:
    section = energy_policies(run, compare(run), labels_of(run))
    assert section["payers"] == [HOMES, PUBLIC, SUBSIDY, "other measures, PV included"]
    rows = {row["label"]: row for row in section["money"]}
    both = rows["Both, with deep retrofit"]
    assert both["once"] == ["+20.0\u202fM€", "+8.00\u202fM€", "+10.0\u202fM€", "+3.20\u202fM€"]
    assert both["invested"] == "+41.2\u202fM€"
    assert both["yearly"] == "+30\u202fk€"
    assert both["per_tonne"].endswith("€")
    street = rows["Car-free street"]
    assert street["once"][:3] == ["–"] * 3
    assert street["per_tonne"] == "–"
    assert all(cell.startswith("−") for cell in both["bills"].values() if cell != "–")


def test_costs_of_a_year_follow_the_interest_of_the_run(run: FakeRun) -> None:
    usual = energy_policies(run, compare(run), labels_of(run))
    assert (usual["years"], usual["rate"]) == ("30", "3")
    run.info["parameters"] += [
        {"path": path, "value": value, "source": "test", "meaning": "", "unit": "-", "distribution": ""}
        for path, value in (("lifecycle.years", 10.0), ("lifecycle.discount_rate", 0.08))
    ]
    dear = energy_policies(run, compare(run), labels_of(run))
    assert (dear["years"], dear["rate"]) == ("10", "8")
    costs = [{row["label"]: row["cost"] for row in section["money"]} for section in (usual, dear)]
    assert costs[0]["Both, with deep retrofit"] != costs[1]["Both, with deep retrofit"]


def test_what_the_baseline_pays_is_left_out(run: FakeRun) -> None:
    run.info["changes"]["baseline"] = [run.info["changes"]["combination"][2]]
    section = energy_policies(run, compare(run), labels_of(run))
    assert UTILITY not in section["payers"]
    rows = {row["label"]: row for row in section["money"]}
    assert rows["Both, with deep retrofit"]["once"][:3] != rows["Car-free street"]["once"][:3]
    assert rows["Car-free street"]["once"][0] == "−20.0\u202fM€"  # the fixture's scenario lacks the baseline's measure


def test_bills_add_up(run: FakeRun) -> None:
    for scenario in ("baseline", "combination"):
        bills = bills_eur_a(run, scenario)
        assert sum(bills.values()) == pytest.approx(run.layer(scenario, "buildings")["energy_cost_eur_a"].sum())


def test_peaks_are_those_of_the_series(run: FakeRun) -> None:
    rows = peak_rows(run, labels_of(run))
    heat = run.series("baseline")["heating_kw"] + run.series("baseline")["hot_water_kw"]
    assert rows[0]["cells"][0] == {"value": f"{heat.max() / 1000:.2f}", "change": ""}
    assert rows[-1]["cells"][0]["change"].startswith("−4")
    charts = peak_charts(run)
    assert len(charts) == 3
    assert charts[0].values["baseline"].max() == pytest.approx(heat.max() / 1000)
    assert all(len(v) == 24 for chart in charts for v in chart.values.values())


def test_heat_by_year_class(run: FakeRun) -> None:
    rows = heat_rows(run)
    buildings = run.layer("baseline", "buildings")
    homes = buildings[(buildings["use"] == "residential") & (buildings["floor_area_m2"] > 0)]
    mean = homes["heating_kwh_a"].sum() / homes["floor_area_m2"].sum()
    assert rows[-1]["year"] == "all"
    assert float(rows[-1]["cells"][0]) == pytest.approx(mean, abs=0.5)
    assert len(rows[0]["cells"]) == 4


def test_the_stock_is_shown_where_the_run_has_it(run: FakeRun) -> None:
    row = {
        "year_class": "1960-1979", "buildings": 3, "floor_area_m2": 3000.0, "corrected_kwh_m2": 150.2,
        "calculated_kwh_m2": 190.0, "gap": 0.21, "published_gap": None, "measured_low_kwh_m2": 113.0,
        "measured_high_kwh_m2": np.nan,
    }  # fmt: skip
    (shown,) = stock_rows([row, {**row, "buildings": 0}])
    assert (shown["gap"], shown["published"], shown["measured"], shown["corrected"]) == ("21", "–", "–", "150")
    (known,) = stock_rows([{**row, "measured_high_kwh_m2": 158.0}])
    assert known["measured"] == "113 … 158"
    assert "calculated, corrected and measured" not in render(run)
    run.info["stock"] = [row]
    assert "calculated, corrected and measured" in render(run)


def test_the_section_is_there_only_for_energy_policies(run: FakeRun, small_city: City, tmp_path: object) -> None:
    text = render(run)
    assert 'id="energy"' in text
    assert "on the peak day" in text
    assert render(run) == text
    del run.info["changes"]["combination"][2]["payments"]
    assert energy_policies(run, compare(run), labels_of(run)) == {}
    assert 'id="energy"' not in render(run)
