"""The one family of errors a user may see: what is wrong, where, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

LONG = 200
"""Characters from which a hint of a problem is not printed again for the next one."""


class TwinError(Exception):
    """A problem the user can act on.

    Parameters
    ----------
    what : str
        What is wrong, in one sentence.
    where : str, optional
        The place: ``file``, ``file:line:column`` or ``layer[row] column`` (see `at_line` and `at_row`).
    expected : str, optional
        What would have been right.
    remedy : str, optional
        What to do about it.
    problems : sequence of TwinError, optional
        Further problems found in the same pass; all are printed.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        remedy: str | None = None,
        problems: Sequence[TwinError] = (),
    ) -> None:
        self.what = what
        self.where = where
        self.expected = expected
        self.remedy = remedy
        self.problems = tuple(problems)
        super().__init__(self.message())

    def message(self) -> str:
        """Return the whole message on one or more lines."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        lines = [head]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        for problem in self.problems:
            own = problem.message().split("\n")
            lines.append(f"- {own[0]}")
            # one list of all known names is enough, however many names are wrong
            lines += [line for line in own[1:] if len(line) <= LONG or line not in lines]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, object]:
        """Return the error as plain data, for ``--json``."""
        return {
            "error": type(self).__name__,
            "what": self.what,
            "where": self.where,
            "expected": self.expected,
            "remedy": self.remedy,
            "exit_code": self.exit_code,
            "problems": [problem.as_dict() for problem in self.problems],
        }


class UsageError(TwinError):
    """A command, option or argument that does not fit."""

    exit_code = 2


class StudyError(TwinError):
    """A study file that cannot be read or does not fit its schema."""

    exit_code = 3


class SelectorError(StudyError):
    """A selector that cannot be evaluated or that matches nothing."""


class DataError(TwinError):
    """Input data that cannot be used: a city package, layer, network or table."""

    exit_code = 4


class SchemaError(DataError):
    """A layer whose columns, types, ranges or ids break the declared schema."""


class CrsError(DataError):
    """A coordinate reference system that is missing, wrong or outside its area of use."""


class GeometryError(DataError):
    """Geometry that cannot be used or repaired."""


class WeatherError(DataError):
    """A weather file or table that cannot be used."""


class UnsafeFileError(TwinError):
    """A file that is refused before it is opened: type, size, archive ratio or path."""

    exit_code = 5


class RunError(TwinError):
    """A run folder that is missing, locked, damaged or of another study."""

    exit_code = 6


class KernelError(TwinError):
    """A kernel family or variant that is unknown, or declared twice."""

    exit_code = 7


class MissingExtraError(TwinError):
    """An optional package that is not installed."""

    exit_code = 8

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"the package {package!r} is not installed; it is needed for {purpose}",
            remedy=f"install the extra {extra!r}; in a clone: pip install -e '.[{extra}]'",
        )


class ResourceError(TwinError):
    """Memory or disk space that does not suffice."""

    exit_code = 9


def at_line(path: str | Path, line: int, column: int) -> str:
    """Return ``file:line:column`` (both counted from 1)."""
    return f"{path}:{line}:{column}"


def at_row(layer: str, row: object, column: str | None = None) -> str:
    """Return ``layer[row]`` or ``layer[row].column``."""
    return f"{layer}[{row}]" + (f".{column}" if column else "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a remedy that names the closest known word, else lists them all."""
    words = sorted(known)
    close = get_close_matches(word, words, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(words)
