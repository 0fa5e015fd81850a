"""`numba.njit`, with what it compiles kept on disk apart for every state of the kernels' sources.

Numba keeps the code of a function for as long as the file does not change that defines it. But functions and constants
of other files are compiled into it, too: after an update of one of these it would go on with what they were before, or
fail on types that are gone. So what is kept lies in a folder named after the text of all kernels.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

KERNELS = Path(__file__).parent
KEPT, DAY = 3, 86_400.0  # states whose code stays on disk, of some 30 MB each, and seconds that others stay
STATE = re.compile(r"twin-kernels-[0-9a-f]{16}")

_lock = threading.RLock()


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return `numba.njit` with these options; with ``cache=True`` the code is kept in `code_folder`."""

    def decorate(function: Callable[..., Any]) -> Any:
        with _lock:  # the folder is read from Numba's settings, which are the user's before and after
            users = numba.config.CACHE_DIR  # type: ignore[attr-defined]
            numba.config.CACHE_DIR = str(code_folder())  # type: ignore[attr-defined]
            try:
                return numba.njit(**options)(function)
            finally:
                numba.config.CACHE_DIR = users  # type: ignore[attr-defined]

    return decorate


@functools.cache
def code_folder() -> Path:
    """Return the folder of the present sources: in ``NUMBA_CACHE_DIR``, beside the kernels, or in the user's cache."""
    given: str = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    beside = KERNELS / "__pycache__" if os.access(KERNELS, os.W_OK) else cache_folder()
    parent = Path(given) if given else beside
    return parent / f"twin-kernels-{digest(KERNELS)}"


def cache_folder() -> Path:
    """Return ``TWIN_CACHE_DIR``, or the user's cache folder."""
    from platformdirs import user_cache_dir

    return Path(os.environ.get("TWIN_CACHE_DIR") or user_cache_dir("twin"))


def digest(folder: Path) -> str:
    """Return 16 hexadecimal digits that stand for the text of all Python files below a folder."""
    text = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content = path.read_bytes()
        text.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
        text.update(content)
    return text.hexdigest()[:16]


def drop_old_code(folder: Path) -> None:
    """Remove what lies beside `folder` for other states of the sources, but for the last few and those of a day.

    A process that still runs with the sources of some hours ago may have more to compile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    states = [(path.stat().st_mtime, path) for path in folder.parent.iterdir() if STATE.fullmatch(path.name)]
    for used, path in sorted(states)[:-KEPT]:
        if used < time.time() - DAY:
            shutil.rmtree(path, ignore_errors=True)
