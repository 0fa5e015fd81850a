"""A do-nothing scenario changes nothing, threads change nothing, and a killed run ends with the same bits."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from twin.errors import RunError
from twin.scenario.store import Run

from .conftest import call

KILLS = 20
NOT_RESULTS = {"log.jsonl", ".lock"}


def checksums(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in NOT_RESULTS
    }


def the_run(folder: Path) -> Path:
    (run,) = (folder / "runs").iterdir()
    return run


def test_what_a_process_killed_after_simulating_left_is_removed(finished_run, study_text, tmp_path):
    """It may be killed while it writes the table or the report of a finished run; a living one may write on."""
    shutil.copytree(finished_run.parent, tmp_path / "runs")
    (tmp_path / "small.yaml").write_text(study_text, encoding="utf-8")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    run = the_run(tmp_path)
    (run / "kpis.csv").unlink()
    left, living = run / f".kpis.csv.{ended.pid}.part", run / f".report.html.{os.getpid()}.part"
    left.write_text("half")
    living.write_text("half")
    outcome = call("run", "small.yaml", "--json", cwd=tmp_path)
    assert outcome.code == 0, outcome.err
    assert not left.exists() and living.exists()
    living.unlink()
    assert checksums(run) == checksums(finished_run)


def test_a_scenario_without_measures_equals_the_baseline_in_every_file(finished_run):
    nothing = checksums(finished_run / "nothing")
    noise = nothing.pop("noise.parquet")
    assert noise
    assert nothing == checksums(finished_run / "baseline")
    blocks = checksums(finished_run / "blocks" / "nothing")
    assert blocks == checksums(finished_run / "blocks" / "baseline")
    table = pd.read_parquet(finished_run / "nothing" / "noise.parquet")
    assert (table["value"] == 0).all()
    assert table["sd"].isna().all(), "two draws say nothing about the spread"
    kpis = pd.read_parquet(finished_run / "kpis.parquet")
    rows = kpis[kpis["scenario"] == "nothing"]
    assert len(rows) > 10
    assert (rows["difference"] == 0).all()
    assert set(rows["verdict"]) <= {"no change"}


def test_one_and_two_threads_give_the_same_bits(finished_run, study_text, tmp_path):
    (tmp_path / "small.yaml").write_text(study_text, encoding="utf-8")
    outcome = call("run", "small.yaml", "--threads", "1", cwd=tmp_path, env={"NUMBA_NUM_THREADS": "2"})
    assert outcome.code == 0, outcome.err
    assert checksums(the_run(tmp_path)) == checksums(finished_run)


@pytest.mark.parametrize("part", range(4))
def test_a_killed_run_resumes_to_the_same_bits(finished_run, study_text, tmp_path, part):
    """Twenty kills at random moments, five in each part, each in a run of its own."""
    moments = random.Random(part)
    log = [json.loads(line) for line in (finished_run / "log.jsonl").read_text().splitlines()]
    length = next(entry["seconds"] for entry in log if entry["event"] == "finished")
    expected = checksums(finished_run)
    for kill in range(KILLS // 4):
        folder = tmp_path / str(kill)
        folder.mkdir()
        (folder / "small.yaml").write_text(study_text, encoding="utf-8")
        command = [sys.executable, "-m", "twin", "run", "small.yaml", "--json"]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not list(folder.glob("runs/*/log.jsonl")):
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 1.3 * length + 0.5))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        outcome = call("run", "small.yaml", "--json", cwd=folder)
        assert outcome.code == 0, outcome.err
        assert checksums(the_run(folder)) == expected, f"kill {kill}"


def test_hourly_series_add_up(finished_run):
    run = Run.open(finished_run)
    city, buildings = run.series("both"), run.layer("both", "buildings")
    own = run.building_series("both")
    for name, total in (("electricity_kw", "electricity_demand_kw"), ("pv_kw", "pv_kw"), ("heating_kw", "heating_kw")):
        np.testing.assert_allclose(own[name].sum(axis=0, dtype=float), city[total], rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(own["pv_kw"].sum(axis=1, dtype=float), buildings["pv_kwh_a"], rtol=1e-5)
    some = list(buildings.index[[5, 2]])
    np.testing.assert_array_equal(run.building_series("both", some)["pv_kw"], own["pv_kw"][[5, 2]])
    with pytest.raises(RunError, match="no building"):
        run.building_series("both", ["nowhere"])


def test_a_finished_run_is_not_computed_again(finished_run):
    before = (finished_run / "log.jsonl").read_bytes()
    outcome = call("run", "../../small.yaml", "--runs", "..", "--json", cwd=finished_run)
    assert outcome.code == 0, outcome.err
    assert (finished_run / "log.jsonl").read_bytes() == before


def test_a_damaged_block_is_done_again(finished_run, study_text, tmp_path):
    import shutil

    runs = tmp_path / "runs"
    shutil.copytree(finished_run, runs / finished_run.name)
    (tmp_path / "small.yaml").write_text(study_text, encoding="utf-8")
    run = the_run(tmp_path)
    (run / "run.json").unlink()
    block = run / "blocks" / "both" / "draw-0001.npz"
    block.write_bytes(block.read_bytes()[:100])
    assert call("run", "small.yaml", "--json", cwd=tmp_path).code == 0
    assert checksums(run) == checksums(finished_run)


def test_a_lost_file_is_written_again(finished_run, study_text, tmp_path):
    import shutil

    runs = tmp_path / "runs"
    shutil.copytree(finished_run, runs / finished_run.name)
    (tmp_path / "small.yaml").write_text(study_text, encoding="utf-8")
    run = the_run(tmp_path)
    (run / "both" / "links.parquet").unlink()
    shutil.rmtree(run / "baseline" / "series.zarr")
    (run / "run.json").unlink()
    assert call("run", "small.yaml", "--json", cwd=tmp_path).code == 0
    assert checksums(run) == checksums(finished_run)


def test_a_damaged_file_is_named(finished_run, tmp_path):
    import shutil

    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    for name in ("draws.parquet", "both/zones.parquet"):
        whole = (run / name).read_bytes()
        (run / name).write_bytes(whole[: len(whole) // 2])
        outcome = call("compare" if name == "draws.parquet" else "export", run, cwd=tmp_path)
        assert outcome.code == 6, outcome.err
        assert "a file of this run is damaged" in outcome.err
        (run / name).write_bytes(whole)


def test_a_run_in_use_is_refused(finished_run, study_text, tmp_path):
    from filelock import FileLock

    (tmp_path / "small.yaml").write_text(study_text, encoding="utf-8")
    folder = tmp_path / "runs" / finished_run.name
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        outcome = call("run", "small.yaml", cwd=tmp_path)
    assert outcome.code == 6
    assert "another process" in outcome.err
