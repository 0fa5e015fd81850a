"""A canvas makes no new run; its pages, the sheet of a building and the JSON are there and trace every number."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.traced_pages import check_page
from twin.decision.decide import decide
from twin.decision.figures import figures_of
from twin.report.decision_pages import PAGES
from twin.scenario.store import Run

from .conftest import call

CANVAS = """\
canvas:
  mission: {text: A city that warms nobody but its people, kpi: total_co2_t_a}
  value_proposition:
    - {text: Bills fall, kpis: [energy_cost_eur_a]}
    - {text: The city is talked of, evidence: expert, source: a hearing}
  actors:
    city: {label: The city, public: true}
    homes: {label: Those who live here, veto: true, aliases: [owners of homes]}
  budget_costs:
    - {text: signs and paint, kind: capex, quantity: 2, payer: city, measure: close-a-street,
       amount: {value: 5000, unit: EUR, source: assumption, year: 2025, low: 3000, high: 9000}}
  revenue_streams:
    - {text: lower bills, kpi: energy_cost_eur_a, gainer: homes,
       amount: {value: 1, unit: EUR/EUR, source: counted by the run, year: 2025, low: 1, high: 1}}
  accounts: {first_year: 2026, years: 20, discount_rate: 0.03, promoter: city, source: assumption}
"""


@pytest.fixture(scope="module")
def decided(finished_run: Path, study_text: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the small study, now with a canvas, and its run."""
    folder = tmp_path_factory.mktemp("decided")
    shutil.copytree(finished_run, folder / "runs" / finished_run.name)
    (folder / "small.yaml").write_text(study_text + CANVAS, encoding="utf-8")
    outcome = call("run", "small.yaml", "--json", cwd=folder)
    assert outcome.code == 0, outcome.err
    assert sorted(Path(page).name for page in json.loads(outcome.out)["pages"]) == sorted(PAGES)
    return folder


def test_a_canvas_makes_no_new_run(decided: Path, finished_run: Path) -> None:
    (run,) = (decided / "runs").iterdir()
    assert run.name == finished_run.name
    for name in ("run.json", "draws.parquet", "log.jsonl"):
        assert (run / name).read_bytes() == (finished_run / name).read_bytes()


def test_all_pages_trace_every_number(decided: Path) -> None:
    (run,) = (decided / "runs").iterdir()
    figures = figures_of(decide(Run.open(run)))
    for name in PAGES:
        assert check_page((run / name).read_text(encoding="utf-8"), figures) > 5, name


def test_another_canvas_makes_other_pages_and_none_removes_its_own(
    decided: Path, study_text: str, tmp_path: Path
) -> None:
    shutil.copytree(decided / "runs", tmp_path / "runs")
    (run,) = (tmp_path / "runs").iterdir()
    (tmp_path / "small.yaml").write_text(study_text + CANVAS.replace("talked of", "sung of"), encoding="utf-8")
    assert call("run", "small.yaml", cwd=tmp_path).code == 0
    assert "sung of" in (run / "canvas.html").read_text(encoding="utf-8")
    (tmp_path / "small.yaml").write_text(study_text, encoding="utf-8")
    assert call("run", "small.yaml", cwd=tmp_path).code == 0
    assert not (run / "canvas.json").exists()
    outcome = call("canvas", str(run), cwd=tmp_path)
    assert outcome.code == 3
    assert "no canvas" in outcome.err


def test_the_json_of_a_run_holds_every_number(decided: Path) -> None:
    (run,) = (decided / "runs").iterdir()
    outcome = call("canvas", str(run), "--json", cwd=decided)
    assert outcome.code == 0, outcome.err
    data = json.loads(outcome.out)
    assert len(data["blocks"]) == 14
    assert data["numbers"]["stated/accounts/years"]["value"] == 20
    assert all(number["origin"] for number in data["numbers"].values())


def test_a_sheet_for_a_building(decided: Path) -> None:
    (run,) = (decided / "runs").iterdir()
    building = str(Run.open(run).layer("baseline", "buildings").index[0])
    outcome = call("sheet", str(run), building, "--json", cwd=decided)
    assert outcome.code == 0, outcome.err
    data = json.loads(outcome.out)
    assert data["building"] == building
    assert {row["scenario"] for row in data["results"]} == {"nothing", "street", "both"}
    assert "What it means here" in Path(data["sheet"]).read_text(encoding="utf-8")
    assert call("sheet", str(run), "no such place", cwd=decided).code == 4


def test_bad_incomes_are_said_before_anything_is_simulated(study_text: str, tmp_path: Path) -> None:
    incomes = "  incomes: {file: incomes.csv, source: made up, year: 2024}\n"
    (tmp_path / "small.yaml").write_text(study_text + CANVAS + incomes, encoding="utf-8")
    (tmp_path / "incomes.csv").write_text("zone_id,income_eur_a\nnowhere,30000\n", encoding="utf-8")
    for command in ("check", "run"):
        outcome = call(command, "small.yaml", cwd=tmp_path)
        assert outcome.code == 4, outcome.err
        assert "incomes.csv" in outcome.err and "nowhere" in outcome.err
    assert not list((tmp_path / "runs").glob("*/log.jsonl"))


def test_a_pilot_that_holds_nothing_is_said_before_anything_is_simulated(study_text: str, tmp_path: Path) -> None:
    pilot = "  pilot: {scenario: both, inside: [[24, 60], [25, 60], [25, 61]], quantity: heating_kwh_a}\n"
    (tmp_path / "small.yaml").write_text(study_text + CANVAS + pilot, encoding="utf-8")
    for command in ("check", "run"):
        outcome = call(command, "small.yaml", cwd=tmp_path)
        assert outcome.code == 3, outcome.err
        assert "small.yaml:" in outcome.err and "lies in the polygon" in outcome.err
    assert not list((tmp_path / "runs").glob("*/log.jsonl"))


def test_homes_take_back_part_of_the_heat_that_a_calculation_saves(decided: Path) -> None:
    (run,) = (decided / "runs").iterdir()
    info = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert set(info["heat_rebound"]) == {"both"}, "no other scenario changes heat"
    heat = info["heat_rebound"]["both"]
    assert heat["calculated_kwh_a"] < heat["simulated_kwh_a"] < 0.0
    figures = figures_of(decide(Run.open(run)))
    difference = figures["kpi/both/heating_kwh_a/difference"].value
    assert figures["rebound/both/heat/simulated"].value == pytest.approx(difference, rel=1e-12)
    assert 0.0 < figures["rebound/both/heat/share"].value < 1.0
    assert 'data-from="rebound/both/heat/share"' in (run / "firmness.html").read_text(encoding="utf-8")
