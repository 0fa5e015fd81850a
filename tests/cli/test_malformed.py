"""Malformed inputs: each gives its named error, place and exit code, in time and memory, and touches no file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from .conftest import call
from .malformed import COMMANDS, STUDIES, Case

MAX_SECONDS = 5.0
MAX_MB = 500.0
CASES = [*STUDIES, *COMMANDS]


def snapshot(folder: Path) -> dict[str, str]:
    """Return the checksum of every file of a folder."""
    files = {path for path in folder.rglob("*") if path.is_file() or path.is_symlink()}
    return {path.relative_to(folder).as_posix(): checksum(path) for path in sorted(files)}


def checksum(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_malformed_input_is_named(case: Case, city_package: Path, tmp_path: Path) -> None:
    folder, temporary = tmp_path / "work", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    command = case.make(folder, city_package)
    before = snapshot(folder)
    outcome = call(*command, "--json", cwd=folder, env={"TMPDIR": str(temporary)}, timeout=60)
    everything = outcome.out + outcome.err
    assert outcome.code == case.code, everything
    assert "Traceback" not in everything
    assert "internal error" not in everything
    assert "the-secret" not in everything
    data = json.loads(outcome.out)
    if case.error is None:
        assert case.says in everything
    else:
        assert data["error"] == case.error
        assert case.says in outcome.err
    # On a loaded machine the wall clock measures the neighbours: the time of the processor counts.
    assert outcome.cpu_s < MAX_SECONDS
    assert outcome.peak_mb < MAX_MB
    assert snapshot(folder) == before
    assert not list(temporary.iterdir())


def test_no_two_cases_have_one_name() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
