"""Figures that the validation tests compare with a truth from outside, and the table of them after a run."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import pytest

KEY = "figure"
HEADER = ("Figure", "Ours", "Truth", "Off by", "Limit", "Unit", "Cases", "Source")


@dataclass(frozen=True)
class Figure:
    """One comparison; the limit is in the unit, or a share of the truth where `relative`."""

    name: str
    ours: float
    truth: float
    limit: float
    unit: str
    source: str
    relative: bool
    cases: int

    @property
    def off(self) -> float:
        return (self.ours - self.truth) / (abs(self.truth) if self.relative else 1.0)

    @property
    def severity(self) -> float:
        """How much of the limit is used; more than 1 is a miss."""
        return abs(self.off) / self.limit if self.limit > 0.0 else float(self.off != 0.0) * np.inf

    def cells(self) -> tuple[str, ...]:
        off, limit = f"{self.off:+.3g}", f"{self.limit:g}"
        if self.relative:
            off, limit = f"{100.0 * self.off:+.3g} %", f"{100.0 * self.limit:g} %"
        numbers = (f"{self.ours:.8g}", f"{self.truth:.8g}", "0" if self.off == 0.0 else off, limit)
        return (self.name, *numbers, self.unit, str(self.cases), self.source)


class Recorder:
    """Records figures in the properties of one test, which also travel from the workers of pytest-xdist."""

    def __init__(self, properties: list[tuple[str, Any]]) -> None:
        self._properties = properties
        self.names: set[str] = set()

    def __call__(
        self, name: str, ours: Any, truth: Any, limit: float, unit: str, source: str, *, relative: bool = False
    ) -> Figure:
        """Record a figure, of arrays their worst element, and return it; asserts nothing."""
        a, b = np.broadcast_arrays(np.asarray(ours, float), np.asarray(truth, float))
        all_of_them = [
            Figure(name, float(x), float(y), float(limit), unit, source, relative, a.size)
            for x, y in zip(a.ravel(), b.ravel(), strict=True)
        ]
        worst = max(all_of_them, key=lambda f: np.inf if np.isnan(f.severity) else f.severity)
        self._properties.append((KEY, list(astuple(worst))))
        self.names.add(name)
        return worst

    def check(
        self, name: str, ours: Any, truth: Any, limit: float, unit: str, source: str, *, relative: bool = False
    ) -> None:
        """Record a figure and assert that every element is within the limit."""
        worst = self(name, ours, truth, limit, unit, source, relative=relative)
        assert abs(worst.off) <= limit, f"{name}: {worst.ours!r} against {worst.truth!r}, limit {worst.cells()[4]}"


def table(figures: list[Figure]) -> list[str]:
    """Return the lines of an aligned Markdown table, sorted by name; of figures with one name the worst is shown."""
    worst: dict[str, Figure] = {}
    cases: dict[str, int] = {}
    for f in figures:
        cases[f.name] = cases.get(f.name, 0) + f.cases
        if f.name not in worst or not f.severity <= worst[f.name].severity:
            worst[f.name] = f
    rows = [HEADER]
    for name in sorted(worst):
        cells = list(worst[name].cells())
        cells[HEADER.index("Cases")] = str(cases[name])
        rows.append(tuple(cells))
    width = [max(len(row[k]) for row in rows) for k in range(len(HEADER))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, width, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in width) + "|")
    return lines


class FigureTable:
    """The plugin that gathers the figures of all reports and prints them."""

    def __init__(self) -> None:
        self._figures: list[Figure] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self._figures += [Figure(*value) for name, value in report.user_properties if name == KEY]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._figures:
            terminalreporter.section("Validation figures")
            for line in table(self._figures):
                terminalreporter.write_line(line)
