"""``twin evaluate``: a small study end to end, and what can be said wrong on its command line."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from twin.city.package import load_city
from twin.cli import main

HEADER = "year,kpi,scenario,value,low,high,source\n"
EPW_HEADS = (
    "DESIGN CONDITIONS", "TYPICAL/EXTREME PERIODS", "GROUND TEMPERATURES", "HOLIDAYS/DAYLIGHT SAVINGS", "COMMENTS 1",
    "COMMENTS 2",
)  # fmt: skip
PRICE = "electricity.price_eur_kwh"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, finished_run: Path) -> Path:
    """Return a folder with the small study and a copy of its finished run below ``runs``."""
    folder = tmp_path_factory.mktemp("work")
    shutil.copy(finished_run.parent.parent / "small.yaml", folder / "small.yaml")
    shutil.copytree(finished_run, folder / "runs" / finished_run.name)
    return folder


def nominal(run: Path, scenario: str, kpi: str) -> float:
    import pandas as pd

    table = pd.read_parquet(run / "draws.parquet").query("draw == 0").set_index(["scenario", "quantity"])["value"]
    return float(table[scenario, kpi])


def evaluate(work: Path, rows: list[str], capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    """Return exit code, JSON document and messages."""
    (work / "seen.csv").write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    given = ["evaluate", str(work / "small.yaml"), "--observed", str(work / "seen.csv"), "--json"]
    code = main([*given, "--runs", str(work / "runs"), *words])
    said = capsys.readouterr()
    return code, json.loads(said.out), said.err


def test_inputs_as_assumed_change_nothing(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run,) = (work / "runs").iterdir()
    info = json.loads((run / "run.json").read_text(encoding="utf-8"))
    price = next(row["value"] for row in info["parameters"] if row["path"] == PRICE)
    expected = nominal(run, "both", "energy_cost_eur_a")
    rows = [f"2027,energy_cost_eur_a,both,{1.1 * expected!r},,,meters", f"2027,{PRICE},,{price},,,tariffs"]
    rows += [f"2028,energy_cost_eur_a,both,{1.1 * expected!r},,,meters", f"2028,{PRICE},,{1.5 * price},,,tariffs"]
    code, found, _ = evaluate(work, rows, capsys)
    assert code == 0
    same, dearer = found["kpis"]
    assert same["expected"] == same["rerun"] == expected  # bit for bit: the same inputs are the same run
    assert (same["input_error"], same["model_error"]) == (0.0, same["residual"])
    assert dearer["input_error"] > 0.0
    assert dearer["residual"] == pytest.approx(dearer["input_error"] + dearer["model_error"])
    assert {row["verdict"] for row in found["kpis"]} == {"no interval"}  # two draws make none
    assert [answer["answer"] for answer in found["answers"]] == ["not known"] * 3
    with (run / "follow-up.csv").open(encoding="utf-8", newline="") as file:
        assert [float(row["rerun"]) for row in csv.DictReader(file)] == [same["rerun"], dearer["rerun"]]
    page = (run / "follow-up.html").read_text(encoding="utf-8")
    assert "Was value delivered?" in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_people_get_tables_and_answers(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "seen.csv").write_text(f"{HEADER}2027,pv_kwh_a,both,10,,,meters\n", encoding="utf-8")
    given = ["evaluate", str(work / "small.yaml"), "--observed", str(work / "seen.csv"), "--runs", str(work / "runs")]
    assert main(given) == 0
    out = capsys.readouterr().out
    assert "Was value delivered? Not known." in out
    assert "follow-up.html" in out


def test_the_run_of_another_version_is_named(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run whose name is not today's: it is found by --run, and what inputs change is measured by simulating twice."""
    (run,) = (work / "runs").iterdir()
    other = tmp_path / "runs" / "small-0123456789ab"
    shutil.copytree(run, other)
    info = json.loads((other / "run.json").read_text(encoding="utf-8"))
    (other / "run.json").write_text(json.dumps(info | {"run": other.name}), encoding="utf-8")
    rows = ["2027,pv_kwh_a,both,10,,,meters", f"2027,{PRICE},,0.3,,,tariffs"]
    code, said, _ = evaluate(work, rows, capsys, "--runs", str(tmp_path / "runs"))
    assert code == 6
    assert str(other) in said["remedy"]
    code, found, _ = evaluate(work, rows, capsys, "--run", str(other))
    assert code == 0
    assert found["kpis"][0]["input_error"] == 0.0  # PV does not depend on the price
    assert any("another version" in note for note in found["notes"])


def test_a_colder_year_is_an_input(
    work: Path, city_package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    city = load_city(city_package)
    weather, meta = city.weather, city.meta
    place = f"LOCATION,Here,-,XXX,made up,0,{meta.latitude},{meta.longitude},{weather.utc_offset_h},0"
    lines = [place, *(f"{name},0" for name in EPW_HEADS), "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31"]
    for k, (temperature, *sun) in enumerate(
        zip(weather.temperature_c, weather.ghi_w_m2, weather.dni_w_m2, weather.dhi_w_m2, strict=True)
    ):
        day = date(2001, 1, 1) + timedelta(days=k // 24)
        head = [2001, day.month, day.day, k % 24 + 1, 60, "A7", round(temperature - 3.0, 3), -10, 80, 101000, 0, 0, 300]
        lines.append(",".join(map(str, [*head, *sun, 0, 0, 0, 0, 180, 3.5, 5, 5])))
    (tmp_path / "cold.epw").write_text("\n".join(lines) + "\n", encoding="latin-1")
    rows = ["2027,heating_kwh_a,both,1e6,,,meters", "2028,heating_kwh_a,both,1e6,,,meters"]
    code, found, said = evaluate(work, rows, capsys, "--weather", f"2027={tmp_path / 'cold.epw'}")
    assert code == 0, said
    cold, usual = found["kpis"]
    assert 0.1 < cold["input_error"] / cold["expected"] < 0.6  # three degrees of some twenty
    assert usual["input_error"] is None  # nothing was observed of that year


@pytest.mark.parametrize(
    ("rows", "words", "code", "what"),
    [
        (["2027,pv_kwh_a,both,x,,,y"], (), 4, "value is 'x'"),
        (["2027,pv_kwh_a,neither,1,,,y"], (), 4, "no scenario 'neither' here"),
        (["2027,weather.hdd,both,1,,,y"], (), 4, "--weather YEAR=FILE.epw"),
        (["2027,pv_kwh_a,both,1,,,y"], ("--weather", "soon"), 2, "names no year and file"),
        (["2027,pv_kwh_a,both,1,,,y"], ("--weather", "2027=nowhere.epw"), 4, "does not exist"),
        (["2027,pv_kwh_a,both,1e300,,,y"], (), 4, "value is 1e+300"),
        (["2027,pv_kwh_a,both,1,,,y"], ("--run", "nowhere"), 6, "no such run folder"),
        (["2027,pv_kwh_a,both,1,,,y"], ("--runs", "nowhere"), 6, "has no finished run"),
    ],
)
def test_what_does_not_fit(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    rows: list[str], words: tuple[str, ...], code: int, what: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    given, data, said = evaluate(work, rows, capsys, *words)
    assert given == code
    assert what in said
    assert data["exit_code"] == code


def test_a_run_of_another_study_is_refused(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run,) = (work / "runs").iterdir()
    other = tmp_path / run.name
    shutil.copytree(run, other)
    info = json.loads((other / "run.json").read_text(encoding="utf-8"))
    info["study"]["seed"] = 8
    (other / "run.json").write_text(json.dumps(info), encoding="utf-8")
    code, _, said = evaluate(work, ["2027,pv_kwh_a,both,1,,,y"], capsys, "--run", str(other))
    assert code == 6
    assert "the same seed" in said
