"""Progress on standard error: a live bar in a terminal, one plain line per step elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any


class ProgressLine:
    """A callable ``(label, done, total)`` that shows what is done and the time left."""

    def __init__(self, title: str, quiet: bool = False) -> None:
        self.title, self.quiet = title, quiet
        self._started = self._counted = time.monotonic()
        self._bar: Any = None
        self._task: Any = None
        self._last = ""

    def __enter__(self) -> ProgressLine:
        """Open the bar, when standard error is a terminal."""
        if not self.quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self.title, total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the bar."""
        if self._bar:
            self._bar.stop()

    def __call__(self, label: str, done: int = 0, total: int = 0) -> None:
        """Show a step. A count that begins again at 0 starts the clock of the time left again."""
        if not done:
            self._counted = time.monotonic()
        if self._bar:
            self._bar.update(self._task, description=f"{self.title}: {label}", completed=done, total=total or None)
        elif not self.quiet:
            self._plain(label, done, total)

    def _plain(self, label: str, done: int, total: int) -> None:
        """One line per tenth of the work, so that a log stays short."""
        tenth = f"{10 * done // total}/{total}" if total else label
        if tenth == self._last:
            return
        self._last = tenth
        elapsed = time.monotonic() - self._started
        since = time.monotonic() - self._counted
        left = f", about {since / done * (total - done):.0f} s left" if 0 < done < total else ""
        count = f" {done}/{total}" if total else ""
        print(f"{self.title}:{count} {label} ({elapsed:.0f} s{left})", file=sys.stderr, flush=True)
