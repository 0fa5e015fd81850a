"""What was observed after a decision: a CSV table of dated values, read against a run and its canvas.

One row is one value in one calendar year. Column ``kpi`` says of what:

- a KPI of the run: the value of the whole year, in the scenario that was carried out, or of the baseline (a year before
  the measure, or a control area);
- a parameter path such as ``electricity.price_eur_kwh``: an input that turned out otherwise than assumed;
- ``uptake`` or ``uptake.<measure>``: the part of what was simulated that was in place, mean of the year, 0 to 1;
- ``participation.<actor>``: the part of an actor's members that took part, 0 to 1;
- ``cost.<id>`` and ``revenue.<id>``: money of a line of the canvas in that year.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twin.city.csv_table import CsvTable
from twin.decision.canvas import Canvas
from twin.decision.kpis import KPIS
from twin.errors import DataError, StudyError, TwinError, did_you_mean
from twin.scenario.parameters import all_parameters, check_value, known_parameter
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

NEEDED = ("year", "kpi", "value", "source")
COLUMNS = ["kind", "name", "year", "scenario", "value", "low", "high", "source"]
KPI, INPUT, UPTAKE, PARTICIPATION, COST, REVENUE = "kpi", "input", "uptake", "participation", "cost", "revenue"
PREFIXES = (UPTAKE, PARTICIPATION, COST, REVENUE)
FIRST_YEAR, LAST_YEAR = 1900, 2200
LARGEST = 1e15
MAX_PROBLEMS = 200


@dataclass(frozen=True)
class Observed:
    """Observations that fit the run.

    Attributes
    ----------
    table : DataFrame
        `COLUMNS`; kind is one of the constants above, name the KPI, path, measure, actor or id of a line. Inputs hold
        in all scenarios: theirs is empty. Where no range is given, low and high equal the value.
    path : str
        The file.
    """

    table: pd.DataFrame
    path: str

    def of(self, kind: str) -> pd.DataFrame:
        """Return the rows of one kind, in the order of scenario, name and year."""
        return self.table[self.table["kind"] == kind].sort_values(["scenario", "name", "year"], ignore_index=True)

    def inputs(self) -> dict[int, dict[str, float]]:
        """Return the observed values of parameters by year and path."""
        found: dict[int, dict[str, float]] = {}
        for row in self.of(INPUT).to_dict("records"):
            found.setdefault(int(row["year"]), {})[str(row["name"])] = float(row["value"])
        return found

    @property
    def scenarios(self) -> list[str]:
        """The scenarios of which a KPI was observed, without the baseline."""
        return [s for s in self.of(KPI)["scenario"].unique() if s != BASELINE]


def read_observed(path: str | Path, run: Run, canvas: Canvas | None) -> Observed:
    """Read observations and hold them against a run.

    Parameters
    ----------
    path : CSV file
        Columns year, kpi, value and source; optionally scenario (needed where the study has several), low and high (the
        range of the value), and unit (checked, and converted where it is the one that reports print).
    run : Run
    canvas : Canvas or None
        Of the run's study.

    Raises
    ------
    UnsafeFileError, DataError
        A file that cannot be read, and every row that does not fit: all are in ``problems`` with line and column.
    """
    table = CsvTable(path, NEEDED)
    checked = _Checked(table, run, canvas)
    rows = [checked.row(i) for i in range(len(table))]
    checked.find_twice(rows)
    if table.problems:
        shown: list[TwinError] = table.problems[:MAX_PROBLEMS]
        several = f"{len(table.problems)} problem{'s' if len(table.problems) > 1 else ''} in the observations"
        raise DataError(several, where=table.path, problems=shown)
    found = Observed(pd.DataFrame(rows, columns=COLUMNS), table.path)
    if not found.scenarios:
        raise DataError(
            "no KPI of a scenario was observed",
            where=table.path,
            expected="a row whose kpi is for example total_co2_t_a",
            remedy="the KPIs of a run: twin compare RUN",
        )
    return found


class _Checked:
    """Reads row by row and notes what is wrong with each."""

    def __init__(self, table: CsvTable, run: Run, canvas: Canvas | None) -> None:
        self.table, self.canvas = table, canvas
        self.scenarios = list(run.info["scenarios"])
        self.measures = {s: measures_of(run, s) for s in self.scenarios}
        modelled = set(run.draws()["quantity"])
        self.kpis = [name for name in KPIS if name in modelled]
        self.names, self.sources = table.text("kpi"), table.text("source")
        year_range = f"a whole year from {FIRST_YEAR} to {LAST_YEAR}"
        self.years = table.numbers("year", good=_is_year, expected=year_range)
        size = f"a number between -{LARGEST:g} and {LARGEST:g}"
        self.values = table.numbers("value", good=_is_sane, expected=size)
        self.low = table.numbers("low", default=np.nan, good=_is_sane, expected=size)
        self.high = table.numbers("high", default=np.nan, good=_is_sane, expected=size)

    def row(self, i: int) -> dict[str, object]:
        """Return a row as `COLUMNS`; nonsense where a problem was noted."""
        prefix, _, rest = self.names[i].partition(".")
        if prefix in PREFIXES:
            kind, name = prefix, rest
        elif rest:
            kind, name = INPUT, self.names[i]
        else:
            kind, name = KPI, prefix
        scenario = self._scenario(i, kind)
        self._check_name(i, kind, name, scenario)
        values = self._range(i)
        if kind in (UPTAKE, PARTICIPATION) and not (values[0] >= 0.0 and values[2] <= 1.0):
            self.table.problem(i, "value", f"{kind} is {values[1]:g}", "a share from 0 to 1")
        factor = self._factor(i, kind, name)
        year = int(self.years[i]) if np.isfinite(self.years[i]) else 0
        low, value, high = (factor * each for each in values)
        return dict(zip(COLUMNS, (kind, name, year, scenario, value, low, high, self.sources[i]), strict=True))

    def find_twice(self, rows: list[dict[str, object]]) -> None:
        """Note rows that say the same thing twice, and uptake that is given both as a whole and by measure."""
        seen: dict[tuple[object, ...], int] = {}
        for i, row in enumerate(rows):
            key = tuple(row[c] for c in ("kind", "name", "year", "scenario"))
            if key in seen:
                first = self.table.lines[seen[key]]
                self.table.problem(
                    i, "kpi", f"{self.names[i]} of {row['year']} stands twice", f"once; see line {first}"
                )
            seen.setdefault(key, i)
        for i, row in enumerate(rows):
            whole = (UPTAKE, "", row["year"], row["scenario"])
            if row["kind"] == UPTAKE and row["name"] and whole in seen:
                self.table.problem(i, "kpi", "uptake is given as a whole and by measure", "one of them")

    def _scenario(self, i: int, kind: str) -> str:
        given = self.table.cells["scenario"][i].strip() if "scenario" in self.table else ""
        allowed = [*self.scenarios, BASELINE] if kind == KPI else self.scenarios
        if given and given not in allowed:
            self._note(i, f"no scenario {given[:60]!r} here", did_you_mean(given[:60], allowed))
        if kind == INPUT:
            if given and len(self.scenarios) > 1:
                self._note(i, "an input holds in all scenarios", "an empty cell")
            return ""
        if not given and len(self.scenarios) > 1:
            self._note(i, "no scenario is named, and the study has several", ", ".join(allowed))
        return given or self.scenarios[0]

    def _note(self, i: int, what: str, expected: str) -> None:
        self.table.problem(i, "scenario" if "scenario" in self.table else "kpi", what, expected)

    def _check_name(self, i: int, kind: str, name: str, scenario: str) -> None:
        """Note a name that nothing here has."""
        if not self.names[i]:
            return
        if kind == INPUT:
            self._check_input(i, name)
            return
        known = self._known(kind, scenario)
        if name not in known and not (kind == UPTAKE and not name):
            words = {KPI: "KPI of the run", UPTAKE: "measure of the scenario", PARTICIPATION: "actor of the canvas"}
            what = words.get(kind, f"{kind} line with an id in the canvas")
            hint = did_you_mean(name[:60], known) if known else "there is none"
            self.table.problem(i, "kpi", f"{name[:60]!r} is no {what}", hint)

    def _known(self, kind: str, scenario: str) -> list[str]:
        if kind == KPI:
            return self.kpis
        if kind == UPTAKE:
            return self.measures.get(scenario, [])
        if self.canvas is None:
            return []
        if kind == PARTICIPATION:
            return list(self.canvas.actors)
        lines = self.canvas.budget_costs if kind == COST else self.canvas.revenue_streams
        return [line.id for line in lines if line.id]

    def _check_input(self, i: int, name: str) -> None:
        if name.startswith("weather."):
            self.table.problem(
                i, "kpi", f"the engine takes no {name[:60]!r}, only the hours of a year", "--weather YEAR=FILE.epw"
            )
            return
        try:
            known_parameter(name)
            if np.isfinite(self.values[i]):
                check_value(name, float(self.values[i]))
        except StudyError as error:
            column = "kpi" if error.what.startswith("unknown") else "value"
            self.table.problem(i, column, error.what, error.expected or error.remedy)

    def _range(self, i: int) -> tuple[float, float, float]:
        low, value, high = (float(part[i]) for part in (self.low, self.values, self.high))
        if np.isnan(low) != np.isnan(high):
            self.table.problem(i, "low" if np.isnan(low) else "high", "one end of the range is missing", "low and high")
        if low > value or value > high:
            self.table.problem(i, "value", f"{value:g} is not between low and high", f"{low:g} to {high:g}")
        return (value if np.isnan(low) else low), value, (value if np.isnan(high) else high)

    def _factor(self, i: int, kind: str, name: str) -> float:
        """Return what turns the given unit into the stored one; 1 where none is given."""
        unit = self.table.cells["unit"][i].strip() if "unit" in self.table else ""
        units: dict[str, float] = {}
        if kind == KPI and name in KPIS:
            kpi = KPIS[name]
            units = {kpi.shown.unit: 1.0 / kpi.shown.scale, kpi.unit: 1.0}
        elif kind == INPUT and name in all_parameters():
            units = {all_parameters()[name].unit: 1.0}
        if unit and units and unit not in units:
            self.table.problem(i, "unit", f"the unit is {unit[:40]!r}", " or ".join(sorted(units)))
        return units.get(unit, 1.0)


def _is_sane(value: float) -> bool:
    return abs(value) <= LARGEST


def _is_year(value: float) -> bool:
    return value == int(value) and FIRST_YEAR <= value <= LAST_YEAR


def measures_of(run: Run, scenario: str) -> list[str]:
    """Return the measures of a scenario that the baseline does not have."""
    base = {str(change["measure"]) for change in run.info["changes"].get(BASELINE, ())}
    names = dict.fromkeys(str(change["measure"]) for change in run.info["changes"][scenario])
    return [name for name in names if name not in base]
