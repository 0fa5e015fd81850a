"""Compiled code on disk: found again, never that of other sources, and not kept for ever."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numba
import pytest

from twin.kernels import jit

RUN = "from pack.outer import outer; print(outer(1.0), sum(outer.stats.cache_hits.values()))"
INNER = """
from pack.jit import njit

@njit(cache=True)
def inner(x):
    return x + {}
"""
OUTER = """
from pack.inner import inner
from pack.jit import njit

@njit(cache=True)
def outer(x):
    return inner(x)
"""


def run(folder: Path) -> tuple[float, int]:
    """Return what `outer` gives in a new process, and whether it was on disk."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    value, found = done.stdout.split()
    return float(value), int(found)


def test_a_change_in_another_file_is_compiled_in(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    shutil.copy(jit.__file__, pack / "jit.py")
    (pack / "inner.py").write_text(INNER.format(1.0))
    (pack / "outer.py").write_text(OUTER)
    assert run(tmp_path) == (2.0, 0)
    assert run(tmp_path) == (2.0, 1)
    (pack / "inner.py").write_text(INNER.format(2.0))
    assert run(tmp_path) == (3.0, 0)
    (pack / "inner.py").write_text(INNER.format(1.0))  # back again, as with branches
    value, _ = run(tmp_path)
    assert value == 2.0


def test_the_digest_is_of_texts_and_their_places(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one")
    first = jit.digest(tmp_path)
    os.utime(tmp_path / "a.py", (0, 0))
    (tmp_path / "a.txt").write_text("other")
    assert jit.digest(tmp_path) == first
    (tmp_path / "a.py").write_text("two")
    second = jit.digest(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.py").rename(tmp_path / "sub" / "a.py")
    assert len({first, second, jit.digest(tmp_path)}) == 3


def test_numba_keeps_the_settings_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "code_folder", lambda: tmp_path / "ours")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "users"))

    def double(x: float) -> float:
        return 2.0 * x

    ours, theirs = jit.njit(cache=True)(double), numba.njit(cache=True)(double)
    assert Path(ours.stats.cache_path).is_relative_to(tmp_path / "ours")
    assert Path(theirs.stats.cache_path).is_relative_to(tmp_path / "users")
    with pytest.raises(TypeError):
        jit.njit(cache=True)("no function")
    assert str(tmp_path / "users") == numba.config.CACHE_DIR


def test_old_code_goes(tmp_path: Path) -> None:
    states = [tmp_path / f"twin-kernels-{k:016x}" for k in range(6)]
    others = [tmp_path / "twin-kernels-of-mine", tmp_path / "twin-kernels-0000000000000000.txt", tmp_path / "x"]
    for age, folder in enumerate([*states, *others]):
        folder.mkdir()
        os.utime(folder, (1e9 - age, 1e9 - age))
    jit.drop_old_code(states[5])  # the oldest is in use now
    assert {path for path in states if path.exists()} == {states[5], *states[: jit.KEPT - 1]}
    assert all(path.exists() for path in others)
    jit.drop_old_code(tmp_path / "new" / states[0].name)


def test_code_of_the_last_day_stays(tmp_path: Path) -> None:
    states = [tmp_path / f"twin-kernels-{k:016x}" for k in range(6)]
    for hours, folder in enumerate(states):
        folder.mkdir()
        then = time.time() - 3600.0 * hours
        os.utime(folder, (then, then))
    jit.drop_old_code(states[5])
    assert all(path.exists() for path in states)
