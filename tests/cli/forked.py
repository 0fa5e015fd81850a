"""Calling ``twin`` in a process that is forked from one that has the packages loaded: without the second of imports."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from .outcome import Outcome

_PRELOADED = ["twin.cli.commands", "twin.city.importing", "twin.scenario.runner", "tests.cli.forked"]


def call_forked(*words: str | Path, cwd: Path, env: dict[str, str], timeout: float) -> Outcome:
    """Run ``twin`` as `tests.cli.conftest.call` does; peak memory holds the loaded packages, the times do not."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        process = context.Process(target=_child, args=([*map(str, words)], str(cwd), env, folder))
        process.start()
        process.join(timeout)
        if process.is_alive():
            process.kill()
            raise TimeoutError(f"twin {words} took more than {timeout} s")
        seconds = time.monotonic() - begun
        out, err = (Path(folder, name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err"))
        cpu_s, peak_mb = map(float, Path(folder, "usage").read_text().split())
    return Outcome(process.exitcode or 0, out, err, seconds, cpu_s, peak_mb)


def _child(words: list[str], cwd: str, env: dict[str, str], folder: str) -> None:
    from twin.cli import main

    os.chdir(cwd)
    os.environ.update(env)
    tempfile.tempdir = None
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT), number)  # noqa: PTH118
    sys.stdout, sys.stderr = (os.fdopen(n, "w", encoding="utf-8", closefd=False) for n in (1, 2))
    try:
        code = main(words)
    except SystemExit as stop:
        code = int(stop.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    Path(folder, "usage").write_text(f"{usage.ru_utime + usage.ru_stime} {usage.ru_maxrss / 1024}")
    os._exit(code)
