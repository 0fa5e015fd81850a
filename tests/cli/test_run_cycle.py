"""A do-nothing scenario changes nothing, threads change nothing, and a killed run ends with the same bits."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

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


def test_a_scenario_without_measures_equals_the_baseline_in_every_file(finished_run):
    nothing = checksums(finished_run / "nothing")
    noise = nothing.pop("noise.parquet")
    assert noise
    assert nothing == checksums(finished_run / "baseline")
    blocks = checksums(finished_run / "blocks" / "nothing")
    assert blocks == checksums(finished_run / "blocks" / "baseline")
    table = pd.read_parquet(finished_run / "nothing" / "noise.parquet")
    assert (table["value"] == 0).all()
    assert (table["sd"] == 0).all()
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


def test_a_run_in_use_is_refused(finished_run, study_text, tmp_path):
    from filelock import FileLock

    (tmp_path / "small.yaml").write_text(study_text, encoding="utf-8")
    folder = tmp_path / "runs" / finished_run.name
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        outcome = call("run", "small.yaml", cwd=tmp_path)
    assert outcome.code == 6
    assert "another process" in outcome.err
