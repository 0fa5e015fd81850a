"""Is the balance as expected? The ledger of a run with what was observed in place of what was expected.

A line that rests on a KPI takes the observed effect of the year times its unit value; a line of the canvas whose money
was observed takes that money, and if it is paid once, none in the years that nobody names. All others stay as expected.
Sums are in real money from the first year of the ledger to the last observed one, not discounted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.decision import follow_up_judge as judge
from twin.decision import ledger, valuation
from twin.decision.actors import one_name
from twin.decision.canvas import Canvas
from twin.decision.canvas_lines import ledger_lines
from twin.decision.compare import QUANTILES
from twin.decision.follow_up import FollowUp
from twin.decision.follow_up_judge import Range
from twin.decision.follow_up_observed import COST, REVENUE
from twin.scenario.output import MINIMUM_DRAWS

Float = NDArray[np.float64]

AS_EXPECTED, BETTER, WORSE = "as expected", "better than expected", "worse than expected"
NOT_OBSERVED = "not observed"
_WORDS = {judge.AS_PROMISED: AS_EXPECTED, judge.BETTER: BETTER, judge.WORSE: WORSE}

ACTOR_COLUMNS = [
    "scenario", "actor", "expected", "low", "high", "observed", "observed_low", "observed_high", "difference",
    "verdict",
]  # fmt: skip
LINE_COLUMNS = ["scenario", "line", "what", "payer", "gainer", "year", "expected", "observed", "from"]


@dataclass(frozen=True)
class Balance:
    """Expected and observed money.

    Attributes
    ----------
    actors : DataFrame
        `ACTOR_COLUMNS`: net money of each actor so far, its 90 % interval, and the same with observed values.
    lines : DataFrame
        `LINE_COLUMNS`: every line and year that was replaced; `from` is the KPI or entry that says so.
    until : dict of str to int
        Last observed year by scenario.
    share : dict of str to float
        Part of the money expected to flow until then that was observed, by scenario.
    notes : list of str
    """

    actors: pd.DataFrame
    lines: pd.DataFrame
    until: dict[str, int] = field(default_factory=dict)
    share: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def balance(found: FollowUp) -> Balance:
    """Return the balance of every observed scenario; empty where the canvas has no accounts."""
    result = Balance(pd.DataFrame(columns=ACTOR_COLUMNS), pd.DataFrame(columns=LINE_COLUMNS))
    canvas = found.canvas
    if canvas is None or canvas.accounts is None:
        result.notes.append("The canvas has no accounts, and so no balance to compare.")
        return result
    actors, lines = [], []
    for scenario in found.scenarios:
        changes = found.run.info["changes"][scenario]
        own, _ = ledger_lines(canvas, scenario, found.kpis, changes, canvas.accounts.first_year)
        book = ledger.build(own, canvas.accounts.first_year, canvas.accounts.years)
        swapped = _Swapped(book, scenario, found, canvas)
        result.notes.extend(swapped.notes)
        lines += swapped.rows
        if swapped.rows:
            result.until[scenario] = swapped.until
            result.share[scenario] = swapped.share()
            actors += list(swapped.by_actor(found))
    return Balance(
        pd.DataFrame(actors, columns=ACTOR_COLUMNS), pd.DataFrame(lines, columns=LINE_COLUMNS),
        result.until, result.share, result.notes,
    )  # fmt: skip


class _Swapped:
    """The ledger of a scenario with observed amounts, float64 (lines, years), and their ranges."""

    def __init__(self, book: ledger.Ledger, scenario: str, found: FollowUp, canvas: Canvas) -> None:
        self.book, self.scenario, self.names = book, scenario, one_name(canvas)
        self.value, self.low, self.high = book.amounts.copy(), book.amounts.copy(), book.amounts.copy()
        self.swapped = np.zeros(book.amounts.shape, bool)
        self.rows: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self._take_kpis(found)
        self._take_money(found, canvas)
        self.until = max((int(row["year"]) for row in self.rows), default=book.first_year)

    def _take_kpis(self, found: FollowUp) -> None:
        mine = found.table[found.table["scenario"] == self.scenario]
        for row in mine.to_dict("records"):
            for k in np.flatnonzero((self.book.lines["kpi"] == row["kpi"]).to_numpy()):
                unit = float(self.book.lines["per_unit"].iloc[k])
                ends = [unit * row[f"effect_observed{end}"] for end in ("", "_low", "_high")]
                self._put(int(k), int(row["year"]), Range(ends[0], min(ends), max(ends)), f"KPI {row['kpi']}")

    def _take_money(self, found: FollowUp, canvas: Canvas) -> None:
        for kind, entries in ((COST, canvas.budget_costs), (REVENUE, canvas.revenue_streams)):
            places = {entry.id: i for i, entry in enumerate(entries) if entry.id}
            seen = found.observed.of(kind)
            for row in seen[seen["scenario"] == self.scenario].to_dict("records"):
                rows = self._lines_of(f"{kind}-{places[row['name']]}")
                if not len(rows):
                    self.notes.append(
                        f"{kind}.{row['name']} is not used: the ledger of {self.scenario} has no such line."
                    )
                self._share(rows, row, f"{kind}.{row['name']}")

    def _lines_of(self, name: str) -> NDArray[np.int64]:
        """Return the lines of an entry of the canvas: one, or one for each payer."""
        ids = self.book.lines.index
        return np.flatnonzero([line == name or str(line).startswith(f"{name}/") for line in ids])

    def _share(self, rows: NDArray[np.int64], row: dict[Any, Any], origin: str) -> None:
        """Put observed money on lines in proportion to what each was to carry."""
        whole = self.book.lines["amount"].to_numpy(np.float64)[rows]
        parts = whole / whole.sum() if whole.sum() else np.full(len(rows), 1.0 / max(len(rows), 1))
        for k, part in zip(rows.tolist(), parts.tolist(), strict=True):
            ends = [part * float(row[end]) for end in ("value", "low", "high")]
            self._forget(k)
            self._put(k, int(row["year"]), Range(ends[0], min(ends), max(ends)), origin)

    def _forget(self, k: int) -> None:
        """Take nothing as paid in the years of a line that is paid once, but for what was observed."""
        if self.book.lines["once"].iloc[k]:
            for part in (self.value, self.low, self.high):
                part[k, ~self.swapped[k]] = 0.0
            self.swapped[k] = True

    def _put(self, k: int, year: int, seen: Range, origin: str) -> None:
        column = year - self.book.first_year
        if not 0 <= column < self.value.shape[1]:
            self.notes.append(f"{origin} of {year} is not used: the accounts do not reach that year.")
            return
        self.value[k, column], self.low[k, column], self.high[k, column] = seen.value, seen.low, seen.high
        self.swapped[k, column] = True
        line = self.book.lines.iloc[k]
        names = [self.names.get(line[side], line[side]) for side in ("payer", "gainer")]
        values = (self.scenario, self.book.lines.index[k], line["what"], *names, year)
        money = (float(self.book.amounts[k, column]), seen.value, origin)
        self.rows.append(dict(zip(LINE_COLUMNS, (*values, *money), strict=True)))

    @property
    def _window(self) -> slice:
        return slice(0, self.until - self.book.first_year + 1)

    def share(self) -> float:
        """Return the part of the money expected until the last observed year that was observed."""
        flows = np.abs(self.book.amounts[:, self._window])
        total = float(flows.sum())
        return float(flows[self.swapped[:, self._window]].sum()) / total if total else float("nan")

    def by_actor(self, found: FollowUp) -> Iterator[dict[str, Any]]:
        """Yield the rows of `ACTOR_COLUMNS`."""
        payer, gainer = self.book.parties(self.names)
        window = self._window
        expected, value, low, high = (
            part[:, window].sum(axis=1) for part in (self.book.amounts, self.value, self.low, self.high)
        )
        samples = self._samples(found)
        touched = np.asarray(self.swapped[:, window].any(axis=1))
        for actor in sorted({*payer, *gainer} - {ledger.OUTSIDE}):
            sign = (gainer == actor).astype(float) - (payer == actor)
            net, seen = float(sign @ expected), float(sign @ value)
            ends = [float(np.where(sign > 0, sign * a, sign * b).sum()) for a, b in ((low, high), (high, low))]
            interval = (np.nan, np.nan) if samples is None else np.quantile(samples @ sign, QUANTILES)
            promised, observed = Range(net, *map(float, interval)), Range(seen, *ends)
            said = judge.verdict(observed, promised, "higher")
            word = _WORDS.get(said, said) if (touched & (sign != 0.0)).any() else NOT_OBSERVED
            values = (self.scenario, actor, net, promised.low, promised.high, seen, *ends, seen - net, word)
            yield dict(zip(ACTOR_COLUMNS, values, strict=True))

    def _samples(self, found: FollowUp) -> Float | None:
        """Return the money of every line until the last observed year in many samples; None without draws."""
        draws = found.run.draws()
        if draws["draw"].max() < MINIMUM_DRAWS or not len(self.book.lines):
            return None
        amounts = valuation.sampled_amounts(self.book.lines, draws, self.scenario, int(found.run.info["seed"]))
        return np.asarray(amounts * self.book.profile[:, self._window].sum(axis=1))
