"""Writing files so that a reader never sees half of one: write, flush to disk, then rename."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Call `write` with a temporary path beside `path`, flush it to disk, then rename it to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(temporary)
        _flush(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8 atomically."""

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_atomically(path, write)


def write_json(path: Path, data: object) -> None:
    """Write JSON atomically, with sorted keys and no non-finite numbers."""
    write_text(path, json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays to one ``.npz`` file atomically, without pickles."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **dict(arrays))

    write_atomically(path, write)


def read_arrays(path: Path) -> dict[str, NDArray[Any]] | None:
    """Read what `write_arrays` wrote; None when the file is not there or is damaged."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except (OSError, ValueError, EOFError, BadZipFile):
        return None


def replace_folder(path: Path, write: Callable[[Path], None]) -> None:
    """Write a whole folder under a temporary name, then put it in the place of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        write(temporary)
        shutil.rmtree(path, ignore_errors=True)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_leftovers(folder: Path, anybodys: bool) -> None:
    """Remove temporary files that killed processes left: `anybodys`, or only those of processes that are gone."""
    for leftover in list(folder.rglob(".*.part")):
        if not anybodys and not _is_gone(leftover.name.split(".")[-2]):
            continue
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _is_gone(process: str) -> bool:
    """Return whether there is no process of this number, as far as the system tells without touching it."""
    if sys.platform == "win32" or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
