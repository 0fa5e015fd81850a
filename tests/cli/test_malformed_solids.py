"""Malformed 3D city files: each gives its named error, place and exit code, or is repaired and said."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from .conftest import call
from .forked import call_forked
from .malformed_solids import SOLIDS
from .test_malformed import MAX_MB, MAX_SECONDS, snapshot


@pytest.mark.parametrize("number", range(len(SOLIDS)), ids=[case.name for case in SOLIDS])
def test_malformed_3d_file_is_named(number: int, tmp_path: Path) -> None:
    case = SOLIDS[number]
    folder, temporary = tmp_path / "work", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    command = case.make(folder, folder)
    before = snapshot(folder)
    # Every twentieth case runs in a new process, imports and all.
    run = call_forked if number % 20 and not os.environ.get("TWIN_TEST_NEW_PROCESS") else call
    outcome = run(*command, "--json", cwd=folder, env={"TMPDIR": str(temporary)}, timeout=60)
    everything = outcome.out + outcome.err
    assert outcome.code == case.code, everything
    assert "Traceback" not in everything
    assert "internal error" not in everything
    data = json.loads(outcome.out)
    if case.error is None:
        assert case.says in " ".join(["crs", *data["repairs"]])
        assert data["size"]["buildings"] == 3 and data["size"]["roof_planes"] >= 6
    else:
        assert data["error"] == case.error
        assert case.says in outcome.err
    assert outcome.cpu_s < MAX_SECONDS
    assert outcome.peak_mb < MAX_MB
    after = snapshot(folder)
    assert after == before if case.error else before.items() <= after.items()
    assert not [path for path in temporary.rglob("*") if path.is_file()]


def test_no_two_cases_have_one_name() -> None:
    names = [case.name for case in SOLIDS]
    assert len(set(names)) == len(names) >= 80
