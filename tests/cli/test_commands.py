"""Every command as a user calls it."""

from __future__ import annotations

import json

import pytest

from .conftest import call


def test_help_answers_at_once(tmp_path):
    outcome = min((call("--help", cwd=tmp_path) for _ in range(3)), key=lambda o: o.seconds)
    assert outcome.code == 0
    assert "exit codes" in outcome.out
    assert outcome.peak_mb < 60, "the parser must not import the numerical packages"


def test_help_imports_nothing_heavy():
    import subprocess
    import sys

    probe = """
import sys
from twin.cli import main
try:
    main(["--version"])
except SystemExit:
    pass
print(sorted({"numpy", "pandas", "numba", "geopandas", "pydantic", "rich"} & set(sys.modules)))
"""
    out = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


def test_check_says_what_matches_and_what_is_needed(study, tmp_path):
    outcome = call("check", study.name, "--json", cwd=tmp_path)
    assert outcome.code == 0, outcome.err
    data = json.loads(outcome.out)
    assert data["valid"] and data["forecast"]["blocks"] == 12
    assert data["changes"]["nothing"] == []
    assert not (tmp_path / "runs").exists()


def test_compare_prints_the_table(finished_run):
    outcome = call("compare", finished_run, cwd=finished_run.parent)
    assert outcome.code == 0, outcome.err
    assert "CO2" in outcome.out or "CO₂" in outcome.out
    data = json.loads(call("compare", finished_run, "--json", cwd=finished_run.parent).out)
    assert data


def test_report_is_written_again_with_the_same_bits(finished_run):
    path = finished_run / "report.html"
    before = path.read_bytes()
    assert call("report", finished_run, cwd=finished_run.parent).code == 0
    assert path.read_bytes() == before


def test_export_writes_gis_files(finished_run, tmp_path):
    outcome = call("export", finished_run, "--output", tmp_path / "gis", "--json", cwd=tmp_path)
    assert outcome.code == 0, outcome.err
    names = {name.rsplit(".", 1)[-1] for name in json.loads(outcome.out)["files"]}
    assert {"gpkg", "geojson", "csv"} <= names


def test_generate_then_refuses_to_overwrite(tmp_path):
    words = ("generate", "--buildings", "100", "--output", "city", "--json")
    first = call(*words, cwd=tmp_path)
    assert first.code == 0, first.err
    stamp = (tmp_path / "city" / "city.yaml").stat().st_mtime_ns
    second = call(*words, cwd=tmp_path)
    assert second.code == 2
    assert "--force" in second.err
    assert (tmp_path / "city" / "city.yaml").stat().st_mtime_ns == stamp


def test_import_of_the_other_extract(tmp_path):
    pyrosm = pytest.importorskip("pyrosm")
    extract = pyrosm.get_data("test_pbf")
    outcome = call("import", extract, "--name", "other", "--json", cwd=tmp_path)
    assert outcome.code == 0, outcome.err
    size = json.loads(outcome.out)["size"]
    assert size["buildings"] > 2000
    assert size["links"] > 400


def test_bench_prints_work_per_second(tmp_path):
    outcome = call("bench", "energy.zone_balance", "--sizes", "5", "--json", cwd=tmp_path)
    assert outcome.code == 0, outcome.err
    records = json.loads(outcome.out)["records"]
    assert {r["variant"] for r in records} >= {"reference", "numba"}
    assert all(r["agrees"] and r["work_per_s"] > 0 for r in records)


def test_schema_is_the_committed_one(tmp_path, repo_root):
    outcome = call("schema", "study.schema.json", cwd=tmp_path)
    assert outcome.code == 0, outcome.err
    committed = (repo_root / "scenarios" / "study.schema.json").read_bytes()
    assert (tmp_path / "study.schema.json").read_bytes() == committed


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (MemoryError(), 9, "not enough memory"),
        (OSError(28, "No space left on device"), 9, "disk is full"),
        (KeyboardInterrupt(), 130, "resume"),
        (ZeroDivisionError("x"), 1, "this is a bug"),
    ],
)
def test_what_no_command_foresees_is_still_said_plainly(monkeypatch, capsys, raised, code, said):
    from twin import cli

    def fail(words):
        raise raised

    monkeypatch.delenv("TWIN_DEBUG", raising=False)
    monkeypatch.setattr(cli, "_dispatch", fail)
    assert cli.main(["check", "x"]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../../x", "a/b", "", "x" * 65, "a b"])
def test_a_city_name_is_only_a_name(capsys, name):
    from twin import cli

    assert cli.main(["import", "x.osm.pbf", "--name", name]) == 2
    assert "name" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("schema", "missing/folder/schema.json"),
        ("run", "small.yaml", "--runs", "a-file"),
        ("export", "RUN", "--output", "a-file/below"),
    ],
)
def test_a_path_that_cannot_be_written_is_named(study, finished_run, tmp_path, words):
    (tmp_path / "a-file").write_text("mine", encoding="utf-8")
    words = [str(finished_run) if word == "RUN" else word for word in words]
    outcome = call(*words, "--json", cwd=tmp_path)
    assert outcome.code == 2, outcome.err
    error = json.loads(outcome.out)
    assert error["error"] == "UsageError"
    assert error["where"]
    assert (tmp_path / "a-file").read_text(encoding="utf-8") == "mine"
