"""``twin calibrate``: a small city end to end, and what can be said wrong on its command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from twin.city.package import load_city
from twin.cli import main
from twin.energy.calibration.store import load_calibration


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory, city_package: Path) -> Path:
    """Return readings of ten buildings of the small city that are plausible for its floor areas."""
    buildings = load_city(city_package).buildings
    chosen = buildings[buildings["floor_area_m2"] > 80.0].iloc[::6].head(10)
    share = 1.0 + np.cos(2.0 * np.pi * (np.arange(12) + 0.5) / 12.0)
    rows = []
    for k, (name, row) in enumerate(chosen.iterrows()):
        heat = (150.0 + 10.0 * (k % 3)) * row["floor_area_m2"]
        rows += [(name, 2023, m + 1, "heat", heat * share[m] / 12e3, "MWh") for m in range(12)]
        rows.append((name, 2023, "", "electricity", 45.0 * row["floor_area_m2"], "kWh"))
    path = tmp_path_factory.mktemp("meters") / "meters.csv"
    columns = ["building_id", "year", "month", "carrier", "value", "unit"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, city_package: Path, readings: Path) -> tuple[dict[str, Any], Path]:
    """Return the summary and the folder of one calibration. Read only."""
    out = tmp_path_factory.mktemp("out") / "calibration"
    words = ["--meters", str(readings), "--out", str(out), "--members", "20", "--city-members", "19"]
    assert main(["calibrate", str(city_package), *words]) == 0
    return json.loads((out / "summary.json").read_text(encoding="utf-8")), out


def test_files_agree_with_each_other(result: tuple[dict[str, Any], Path], city_package: Path) -> None:
    found, out = result
    city = load_city(city_package)
    buildings = pd.read_csv(out / "buildings.csv", index_col="building_id")
    assert list(buildings.index) == list(city.buildings.index)
    assert (buildings["heat_trust"] == "metered").sum() == found["metered_buildings"] == 10
    totals = {row["carrier"]: row for row in found["totals"]}
    assert buildings["heat_uncalibrated_kwh_a"].sum() == pytest.approx(totals["heat"]["uncalibrated_kwh"], rel=1e-4)
    assert totals["heat"]["low_kwh"] < totals["heat"]["mean_kwh"] < totals["heat"]["high_kwh"]
    calibration = load_calibration(out)
    calibration.factors(city, 1).check(len(city.buildings))
    assert calibration.members == found["members"] == 20


def test_the_page_needs_nothing_else(result: tuple[dict[str, Any], Path]) -> None:
    page = (result[1] / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    for text in ("Where the model may be believed", "ASHRAE Guideline 14", "extrapolated", "Heat of metered buildings"):
        assert text in page


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["--members", "5"], 2, "--members 5 is out of range"),
        (["--city-members", "5"], 2, "--city-members 5 is out of range"),
        (["--year", "1999"], 4, "no readings of 1999"),
        (["--set", "energy.nonsense=1"], 2, "unknown parameter"),
        (["--set", "energy.night_setback_k"], 2, "names no parameter"),
        (["--set", "energy.night_setback_k=warm"], 2, "is no number"),
        (["--weather", "nowhere.epw"], 4, "does not exist"),
    ],
)
def test_options_that_do_not_fit(
    tmp_path: Path, city_package: Path, readings: Path, capsys: pytest.CaptureFixture[str],
    words: list[str], code: int, what: str,
) -> None:  # fmt: skip
    given = ["calibrate", str(city_package), "--meters", str(readings), "--out", str(tmp_path / "new"), *words]
    assert main(given) == code
    assert what in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_other_files_are_never_replaced(
    tmp_path: Path, city_package: Path, readings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    given = ["calibrate", str(city_package), "--meters", str(readings), "--out", str(tmp_path)]
    assert main(given) == 2
    assert main([*given, "--force"]) == 2
    assert "holds other files" in capsys.readouterr().err
    assert (tmp_path / "letter.txt").read_text(encoding="utf-8") == "dear"
