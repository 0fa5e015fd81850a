"""Malformed inputs: each gives its named error, place and exit code, in time and memory, and touches no file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from twin.city.package import load_city

from .conftest import call
from .forked import call_forked
from .malformed import COMMANDS, STUDIES
from .malformed_files import FILES
from .malformed_packages import PACKAGES, manifest

MAX_SECONDS = 5.0
MAX_MB = 500.0
CASES = [*STUDIES, *PACKAGES, *FILES, *COMMANDS]


def snapshot(folder: Path) -> dict[str, str]:
    """Return the checksum of every file of a folder."""
    files = {path for path in folder.rglob("*") if path.is_file() or path.is_symlink()}
    return {path.relative_to(folder).as_posix(): checksum(path) for path in sorted(files)}


def checksum(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_malformed_input_is_named(number: int, city_package: Path, tmp_path: Path) -> None:
    case = CASES[number]
    folder, temporary = tmp_path / "work", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    command = case.make(folder, city_package)
    before = snapshot(folder)
    # Every fourth case runs in a new process, imports and all; forks of one that has them loaded save two minutes.
    run = call_forked if number % 4 and not os.environ.get("TWIN_TEST_NEW_PROCESS") else call
    outcome = run(*command, "--json", cwd=folder, env={"TMPDIR": str(temporary)}, timeout=60)
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
    after = snapshot(folder)
    assert after == before if case.error else before.items() <= after.items()
    assert not [path for path in temporary.rglob("*") if path.is_file()]


def test_norway_is_a_country_and_not_a_no(city_package: Path, tmp_path: Path) -> None:
    city = Path(shutil.copytree(city_package, tmp_path / "city"))
    manifest("country: FI", "country: NO")(city)
    assert load_city(city).meta.country == "NO"


def test_no_two_cases_have_one_name() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
