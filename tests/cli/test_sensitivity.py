"""``twin sensitivity``: a ranking and a sweep of elasticities on a small city, and what can be said wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from twin.cli import main
from twin.decision.elasticity import read_elasticity
from twin.decision.sensitivity import read_sensitivity

HEADLINE = "total_co2_t_a"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, study_text: str) -> tuple[Path, Path, Path]:
    """Return the small study, cut to one scenario, its runs and the folder of its finished run."""
    folder = tmp_path_factory.mktemp("ranked")
    text = study_text.replace("  nothing: []\n", "").replace("  both: [solar, retrofit]\n", "")
    text = text.replace("draws: 2", "draws: 1")
    study, runs = folder / "small.yaml", folder / "runs"
    study.write_text(text, encoding="utf-8")
    assert main(["run", str(study), "--runs", str(runs), "--json"]) == 0
    (run,) = runs.iterdir()
    return study, runs, run


def test_a_ranking_is_printed_and_kept(ran: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("SALib", reason="the extra 'sensitivity' is not installed")
    study, runs, run = ran
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    words = ["sensitivity", str(study), "--runs", str(runs), "--trajectories", "4", "--kpi", HEADLINE, "investment_eur"]
    capsys.readouterr()
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "Morris, 4 trajectories" in out
    assert "Total CO₂" in out
    assert "traffic.demand_factor" in out
    assert "Investment: no parameter moves the difference" in out
    assert "simulating: " in err
    assert " left)" in err
    found = read_sensitivity(run)
    assert found is not None
    assert list(found.table["parameter"]) == ["traffic.demand_factor", "electricity.price_eur_kwh"]
    assert found.table["influence"].iloc[0] > 0.0 == found.table["influence"].iloc[1]  # a price changes no CO2
    assert len(pd.read_csv(run / "sensitivity.csv")) == len(found.table)
    assert {name: (run / name).read_bytes() for name in before} == before


def test_a_sweep_of_elasticities_is_printed_and_kept(
    ran: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    study, runs, run = ran
    words = ["sensitivity", str(study), "--runs", str(runs), "--elasticity", "0,-1"]
    capsys.readouterr()
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "CO₂ saved" in out
    assert "Street: " in out
    found = read_elasticity(run)
    assert found is not None
    assert list(found.table["elasticity"]) == [0.0, -1.0]
    assert set(found.outcome) == {"street"}
    assert main([*words, "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["table"] == found.as_data()["table"]
    assert again["run"] == str(run)


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["--trajectories", "3"], 2, "3 trajectories do not fit morris"),
        (["--trajectories", "0"], 2, "positive whole number"),
        (["--method", "sobol", "--trajectories", "20"], 2, "a power of two"),
        (["--method", "guess"], 2, "invalid choice"),
        (["--kpi", "total_co2"], 2, "did you mean 'total_co2_t_a'"),
        (["--kpi"], 2, "expected at least one argument"),
        (["--elasticity", "0,much"], 2, "is no list of numbers"),
        (["--elasticity", ""], 2, "is no list of numbers"),
        (["--elasticity", "0,-3"], 2, "is out of range"),
        (["--elasticity", "0,nan"], 2, "is out of range"),
        (["--elasticity", "0.5"], 2, "is out of range"),
        (["--elasticity", "0"], 2, "needs another value than 0"),
        (["--elasticity", "0,-1", "--method", "morris"], 2, "--method belongs to a ranking"),
        (["--runs", "elsewhere"], 6, "there is no finished run of this study"),
    ],
)
def test_options_that_do_not_fit(
    study: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, what: str
) -> None:
    pytest.importorskip("SALib", reason="the extra 'sensitivity' is not installed")
    assert main(["sensitivity", str(study), *words]) == code
    err = capsys.readouterr().err
    assert what in err
    assert "Traceback" not in err


def test_a_study_without_uncertain_parameters(
    ran: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("SALib", reason="the extra 'sensitivity' is not installed")
    text = ran[0].read_text(encoding="utf-8")
    start = text.index("uncertainty:")
    path = tmp_path / "sure.yaml"
    path.write_text(text[:start] + text[text.index("seed:") :], encoding="utf-8")
    assert main(["sensitivity", str(path), "--runs", str(ran[1])]) == 3
    assert "no uncertain parameters" in capsys.readouterr().err


def test_without_the_package_the_extra_is_named(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("twin.decision.sensitivity.find_spec", lambda name: None)
    assert main(["sensitivity", str(study)]) == 8
    assert "pip install -e '.[sensitivity]'" in capsys.readouterr().err


def test_no_such_study(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("SALib", reason="the extra 'sensitivity' is not installed")
    assert main(["sensitivity", "no-such-study"]) == 3
    assert "neither a file nor in the library" in capsys.readouterr().err
