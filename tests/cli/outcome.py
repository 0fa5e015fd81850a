"""What a call of ``twin`` gave."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """Exit code, output, wall and processor time (s) and peak memory (MiB) of one process."""

    code: int
    out: str
    err: str
    seconds: float
    cpu_s: float
    peak_mb: float
