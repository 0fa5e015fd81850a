"""Follow-up: what was promised for a year beside what was observed, and where the difference is from.

The residual, observed less expected, is split by simulating again with the inputs that were observed (parameters,
weather, and how much of the measures was in place). Input error is what they change; model error is what is left of the
residual with them. Input error may hold a part that is due to the uptake alone.

What a measure did is observed less what would have been without it: the baseline observed in the same year (a control
area), or in the latest year before, adjusted by what the observed inputs change in the simulated baseline (the adjusted
baseline of IPMVP, Core Concepts, Efficiency Valuation Organization EVO 10000), or, where it was never observed, the
simulated one. With an observed baseline the effect is judged against the promised effect and its paired interval; a
model that is off by the same amount with and without the measure then does no harm. Without one, the value is judged
against the promised value, whose interval is wider.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from twin.decision import follow_up_judge as judge
from twin.decision.canvas import Canvas
from twin.decision.compare import compare
from twin.decision.follow_up_expected import SPENT, Level, Promise, Share, Timetable, timetable
from twin.decision.follow_up_judge import Range
from twin.decision.follow_up_observed import KPI, PARTICIPATION, UPTAKE, Observed
from twin.decision.kpis import KPIS
from twin.scenario.output import MINIMUM_DRAWS
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

NOMINAL = 0
"""Stands for the year of a simulation with the study's own inputs."""
SAME_YEAR, EARLIER, SIMULATED = "observed in the same year", "observed before and adjusted", "simulated"
AS_PLANNED, BEHIND, AHEAD = "as planned", "behind plan", "ahead of plan"
UPTAKE_ROUNDING = 0.005
"""Shares are written down to the per cent."""

COLUMNS = [
    "scenario", "kpi", "label", "unit", "year", "expected", "low", "high", "observed", "observed_low", "observed_high",
    "residual", "input_error", "of_uptake", "model_error", "rerun", "share_expected", "share_observed",
    "effect_expected", "effect_low", "effect_high", "effect_observed", "effect_observed_low", "effect_observed_high",
    "effect_rerun", "without", "against", "promise", "verdict", "cause", "source",
]  # fmt: skip
UPTAKE_COLUMNS = ["scenario", "measure", "year", "planned", "observed", "low", "high", "verdict", "source"]


@dataclass(frozen=True)
class FollowUp:
    """A promise and what became of it.

    Attributes
    ----------
    run : Run
    canvas : Canvas or None
    observed : Observed
    table : DataFrame
        `COLUMNS`, one row per observed KPI, scenario and year. `residual` = `input_error` + `model_error`; both are NaN
        where no input of the year was observed. `of_uptake` is the part of the input error due to the uptake.
        `promise` is what the run says of the difference to the baseline at full effect.
    paths : DataFrame
        scenario, kpi, year, expected, low, high, and the same of the effect with ``effect_`` before it: the promise in
        every year, for charts.
    uptake : DataFrame
        `UPTAKE_COLUMNS`: planned and observed shares; `measure` is empty for all together.
    participation : DataFrame
        scenario, actor, year, value, low, high, source.
    kpis : DataFrame
        The KPI table of the run (`twin.decision.compare.compare`).
    notes : list of str
    """

    run: Run
    canvas: Canvas | None
    observed: Observed
    table: pd.DataFrame
    paths: pd.DataFrame
    uptake: pd.DataFrame
    participation: pd.DataFrame
    kpis: pd.DataFrame
    notes: list[str] = field(default_factory=list)

    @property
    def scenarios(self) -> list[str]:
        """The scenarios that were observed, in the order of the study."""
        return [s for s in self.run.info["scenarios"] if s in self.observed.scenarios]


def follow_up(run: Run, canvas: Canvas | None, observed: Observed, again: pd.DataFrame | None = None) -> FollowUp:
    """Return expected beside observed, by KPI and year.

    Parameters
    ----------
    run : Run
        The run that made the promise.
    canvas : Canvas, optional
        Of the run's study.
    observed : Observed
    again : DataFrame, optional
        year, scenario, quantity, value: totals simulated with the inputs of each year
        (`twin.decision.follow_up_again`); those of `NOMINAL` where today's program is not the one that made the run.
    """
    join = _Join(run, canvas, observed, again)
    rows = [join.row(row) for row in observed.of(KPI).to_dict("records")]
    order = {name: k for k, name in enumerate([*run.info["scenarios"], BASELINE])}
    kpis = {name: k for k, name in enumerate(KPIS)}
    rows.sort(key=lambda row: (order[row["scenario"]], kpis[row["kpi"]], row["year"]))
    table = pd.DataFrame(rows, columns=COLUMNS)
    people = observed.of(PARTICIPATION).rename(columns={"name": "actor"})
    columns = ["scenario", "actor", "year", "value", "low", "high", "source"]
    return FollowUp(
        run, canvas, observed, table, join.paths(), join.uptake_table(), people[columns], join.kpis, join.notes(table)
    )


class _Join:
    """What is read again and again while the rows are made."""

    def __init__(self, run: Run, canvas: Canvas | None, observed: Observed, again: pd.DataFrame | None) -> None:
        self.run, self.canvas, self.observed = run, canvas, observed
        self.promise = Promise(run.draws(), frozenset(observed.of(KPI)["name"]))
        self.kpis = compare(run)
        self.times: dict[str, Timetable] = {s: timetable(run, canvas, s) for s in observed.scenarios}
        rows = [] if again is None else again.to_dict("records")
        self.again = {(int(r["year"]), str(r["scenario"]), str(r["quantity"])): float(r["value"]) for r in rows}
        self.simulated = {year for year, _, _ in self.again} - {NOMINAL}

    @cached_property
    def verdicts(self) -> dict[tuple[str, str], str]:
        """What the run says of each difference."""
        rows = self.kpis.to_dict("records")
        return {(str(r["scenario"]), str(r["kpi"])): str(r["verdict"]) for r in rows}

    @cached_property
    def before(self) -> dict[str, dict[int, Range]]:
        """The observed baseline by KPI and year."""
        found: dict[str, dict[int, Range]] = {}
        for row in self.observed.of(KPI).to_dict("records"):
            if row["scenario"] == BASELINE:
                found.setdefault(str(row["name"]), {})[int(row["year"])] = _range(row)
        return found

    @cached_property
    def _uptake(self) -> dict[tuple[str, int], dict[str, Range]]:
        found: dict[tuple[str, int], dict[str, Range]] = {}
        for row in self.observed.of(UPTAKE).to_dict("records"):
            found.setdefault((str(row["scenario"]), int(row["year"])), {})[str(row["name"])] = _range(row)
        return found

    def planned(self, scenario: str, year: int, kpi: str) -> Share:
        """Return the part that was to be in place."""
        return Share.of(self.times[scenario].shares(year, kpi))

    def in_place(self, scenario: str, year: int, kpi: str) -> Share | None:
        """Return the part that was observed to be in place; None where nobody looked."""
        seen = self._uptake.get((scenario, year))
        if seen is None or kpi in SPENT:
            return None
        if "" in seen:
            return Share(seen[""].value, seen[""].low, seen[""].high)
        shares = {name: Range(s, s, s) for name, s in self.times[scenario].shares(year, kpi).items()} | seen
        parts = list(shares.values())
        return Share(float(np.mean([p.value for p in parts])), min(p.low for p in parts), max(p.high for p in parts))

    def model(self, scenario: str, year: int, kpi: str) -> float:
        """Return the total with the inputs of a year: the run's own where none were observed.

        Where today's program is not that of the run, what the inputs change is added to what the run says.
        """
        own = self.promise.nominal(scenario, kpi)
        value = self.again.get((year, scenario, kpi))
        if value is None:
            return own
        nominal = self.again.get((NOMINAL, scenario, kpi))
        return value if nominal is None else own + (value - nominal)

    def without(self, year: int, kpi: str) -> tuple[Range, str]:
        """Return what would have been without the measures, and where that is from.

        A simulated baseline is only as sure as its interval: money that rests on it is judged with that doubt.
        """
        seen, here = self.before.get(kpi, {}), self.model(BASELINE, year, kpi)
        if year in seen:
            return seen[year], SAME_YEAR
        earlier = [y for y in seen if y < year]
        if not earlier:
            level = _as_range(self.promise.level(BASELINE, kpi, Share(1.0, 1.0, 1.0)))
            known = level if math.isfinite(level.low) else Range(level.value, level.value, level.value)
            return known.shifted(here - level.value), SIMULATED
        last = max(earlier)
        return seen[last].shifted(here - self.model(BASELINE, last, kpi)), EARLIER

    def row(self, seen: dict[Any, Any]) -> dict[str, Any]:
        """Return one row of the table."""
        scenario, kpi, year = str(seen["scenario"]), str(seen["name"]), int(seen["year"])
        row = {"scenario": scenario, "kpi": kpi, "label": KPIS[kpi].label, "unit": KPIS[kpi].unit, "year": year}
        observed = _range(seen)
        row |= {"observed": observed.value, "observed_low": observed.low, "observed_high": observed.high}
        rest = self._baseline(kpi, year, observed) if scenario == BASELINE else self._scenario(row, observed)
        return row | rest | {"source": seen["source"]}

    def _baseline(self, kpi: str, year: int, observed: Range) -> dict[str, Any]:
        level = self.promise.level(BASELINE, kpi, Share(1.0, 1.0, 1.0))
        shift = self.model(BASELINE, year, kpi) - level.value if year in self.simulated else math.nan
        promised = _as_range(level)
        said = judge.verdict(observed, promised, "neutral")
        words = {judge.AS_PROMISED: judge.INSIDE, judge.OTHER: judge.OUTSIDE}
        return {
            **_expected(level), **_split(observed.value - level.value, shift, math.nan, level.value),
            "against": "", "promise": "", "verdict": words.get(said, said),
            "cause": judge.cause(said, observed, promised, shift),
        }  # fmt: skip

    def _scenario(self, row: dict[str, Any], observed: Range) -> dict[str, Any]:
        scenario, kpi, year = row["scenario"], row["kpi"], row["year"]
        planned, in_place = self.planned(scenario, year, kpi), self.in_place(scenario, year, kpi)
        level, effect = (look(scenario, kpi, planned) for look in (self.promise.level, self.promise.effect))
        share = planned if in_place is None else in_place
        base, full = self.model(BASELINE, year, kpi), self.model(scenario, year, kpi)
        known = in_place is not None or year in self.simulated
        rerun = base + share.value * (full - base)
        shift = rerun - level.value if known else math.nan
        full_effect = self.promise.nominal(scenario, kpi) - self.promise.nominal(BASELINE, kpi)
        of_uptake = (share.value - planned.value) * full_effect
        without, against = self.without(year, kpi)
        did = observed.minus(without)
        if against == SIMULATED:
            mine, promised, moved = observed, _as_range(level), shift
        else:
            mine, promised = did, _as_range(effect)
            moved = share.value * (full - base) - effect.value if known else math.nan
        said = judge.verdict(mine, promised, KPIS[kpi].better)
        return {
            **_expected(level), **_split(observed.value - level.value, shift, of_uptake, level.value),
            "share_expected": planned.value, "share_observed": math.nan if in_place is None else in_place.value,
            "effect_expected": effect.value, "effect_low": effect.low, "effect_high": effect.high,
            "effect_observed": did.value, "effect_observed_low": did.low, "effect_observed_high": did.high,
            "effect_rerun": share.value * (full - base) if known else math.nan,
            "without": without.value, "against": against, "promise": self.verdicts[scenario, kpi],
            "verdict": said, "cause": judge.cause(said, mine, promised, moved),
        }  # fmt: skip

    def paths(self) -> pd.DataFrame:
        """Return the promise in every year from the decision, or the year before the first observation, on."""
        rows = []
        seen = self.observed.of(KPI)
        groups = seen[seen["scenario"] != BASELINE].groupby(["scenario", "name"], sort=False)
        for (scenario, kpi), part in ((tuple(map(str, key)), part) for key, part in groups):
            decided = self.times[scenario].decided
            years = [int(y) for y in part["year"]] + list(self.before.get(kpi, {}))
            first = min(years) - 1 if decided is None else min(int(decided) - 1, *years)
            for year in range(first, max(years) + 2):
                share = self.planned(scenario, year, kpi)
                level, effect = self.promise.level(scenario, kpi, share), self.promise.effect(scenario, kpi, share)
                changed = {f"effect_{end}": value for end, value in _expected(effect).items()}
                rows.append({"scenario": scenario, "kpi": kpi, "year": year, **_expected(level), **changed})
        ends = ["expected", "low", "high"]
        return pd.DataFrame(rows, columns=["scenario", "kpi", "year", *ends, *(f"effect_{end}" for end in ends)])

    def uptake_table(self) -> pd.DataFrame:
        """Return planned and observed uptake."""
        rows = []
        for row in self.observed.of(UPTAKE).to_dict("records"):
            scenario, measure, year = str(row["scenario"]), str(row["name"]), int(row["year"])
            shares = self.times[scenario].shares(year) if scenario in self.times else {}
            if not shares:
                continue
            planned = shares[measure] if measure else Share.of(shares).value
            seen = _range(row)
            said = (
                AS_PLANNED
                if seen.low - UPTAKE_ROUNDING <= planned <= seen.high + UPTAKE_ROUNDING
                else BEHIND if seen.high < planned else AHEAD
            )  # fmt: skip
            values = (scenario, measure, year, planned, seen.value, seen.low, seen.high, said, row["source"])
            rows.append(dict(zip(UPTAKE_COLUMNS, values, strict=True)))
        return pd.DataFrame(rows, columns=UPTAKE_COLUMNS)

    def notes(self, table: pd.DataFrame) -> list[str]:
        """Return what a reader must know before believing the table."""
        found = []
        if self.canvas is None or self.canvas.accounts is None:
            found.append(
                "The canvas does not say when benefits start, so that the full effect is expected in every year."
            )
        unused = sorted({*self.observed.inputs()} - {int(y) for y in table["year"]})
        if unused:
            found.append(f"Inputs of {', '.join(map(str, unused))} are not used: no KPI was observed in that year.")
        if (table["against"] == SIMULATED).any():
            found.append(
                "Where the baseline was never observed, the simulated one stands for what would have been without the "
                "measures: a model whose level is off then looks like an effect. A year before the measure, or a "
                "control area, given as scenario baseline, prevents this."
            )
        if any(year == NOMINAL for year, _, _ in self.again):
            found.append(
                "The run was made by another version of the program. Of what today's simulates, only the change by the "
                "observed inputs is used."
            )
        if int(self.run.info["draws"]) < MINIMUM_DRAWS:
            found.append(
                "The study has too few uncertainty draws: there is no interval, and no observation can be judged."
            )
        return found


def _range(row: dict[Any, Any]) -> Range:
    return Range(float(row["value"]), float(row["low"]), float(row["high"]))


def _as_range(level: Level) -> Range:
    return Range(level.value, level.low, level.high)


def _expected(level: Level) -> dict[str, float]:
    return {"expected": level.value, "low": level.low, "high": level.high}


def _split(residual: float, shift: float, of_uptake: float, expected: float) -> dict[str, float]:
    """Return the parts of a residual; `shift` is what the inputs change, NaN where none were observed."""
    parts = {"residual": residual, "input_error": shift, "model_error": residual - shift, "rerun": expected + shift}
    return parts | {"of_uptake": math.nan if math.isnan(shift) else of_uptake}
