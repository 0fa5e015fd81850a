"""The second process that compiles: ``python -m twin.kernels.helper``, and what drives it.

It reads names of families from its input, one per line, compiles each into the cache on disk that all processes share,
and answers with a line. It ends with its input, so not later than the process that started it and the kernel in hand.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections import deque
from threading import Thread

from twin.kernels import registry


class Helper:
    """Works through `groups` of families from the front, as another process does, until none is left."""

    def __init__(self, groups: deque[list[registry.Family]], variant: str) -> None:
        self.done: list[tuple[registry.Family, float]] = []
        self._groups, self._variant = groups, variant
        self._process: subprocess.Popen[str] | None = None
        self._thread = Thread(target=self._drive, daemon=True)
        self._thread.start()

    def finish(self) -> list[tuple[registry.Family, float]]:
        """Wait for the kernels in hand; return the families taken, with the seconds each took there.

        The seconds are 0 where nothing was compiled, or where the process failed.
        """
        self._thread.join()
        return self.done

    def stop(self) -> None:
        """End the process; what it has in hand is lost. Nothing to do after `finish`."""
        self._groups.clear()
        if self._process:
            self._process.kill()
        self._thread.join()

    def _drive(self) -> None:
        command = [sys.executable, "-m", "twin.kernels.helper", self._variant]
        pipe, none = subprocess.PIPE, subprocess.DEVNULL
        try:
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=none, text=True)  # noqa: S603 our own module
        except OSError:
            return  # the first process does it all
        self._process = process
        with process, contextlib.suppress(OSError):
            assert process.stdin and process.stdout
            while self._groups:
                try:
                    group = self._groups.popleft()
                except IndexError:
                    break
                for family in group:
                    self.done.append((family, self._ask(process, family.name)))
            process.stdin.close()

    def _ask(self, process: subprocess.Popen[str], name: str) -> float:
        assert process.stdin and process.stdout
        try:
            process.stdin.write(f"{name}\n")
            process.stdin.flush()
            return float(process.stdout.readline() or 0.0)
        except (OSError, ValueError):
            return 0.0


def main(variant: str) -> None:
    """Compile the families named on standard input; answer each with its seconds, 0 where it was on disk."""
    from twin.kernels.compile import first_call

    families = registry.families()
    for line in sys.stdin:
        one = first_call(families[line.strip()], variant)
        print(0.0 if one.from_cache else one.seconds, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
