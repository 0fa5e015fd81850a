"""A whole study as a user runs it: the demo from nothing, and again."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from typing import Any

from harness import Case, Job


def _demo(size: int) -> Job:
    def job() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            seconds = []
            for _ in range(2):
                begun = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, "-m", "twin", "demo"], cwd=folder, capture_output=True, text=True, check=True
                )
                seconds.append(time.perf_counter() - begun)
                if len(seconds) == 1:
                    found = re.search(r"of which ([\d.]+) s compiling", done.stdout)
                    compiling = float(found.group(1)) if found else None
        return {"first_demo_s": seconds[0], "kernels_s": compiling, "second_demo_s": seconds[1]}

    return job


CASES = [
    Case(
        name="demo",
        work="twin demo in an empty folder, then again (a child process: CPU and memory are not counted)",
        size_unit="buildings",
        sizes=(486,),
        quick_sizes=(486,),
        prepare=_demo,
        isolated=True,
    )
]
