"""What a run promised for a year: the baseline, plus the difference times the part that is in place by then.

The part in place follows from the canvas: benefits start when the key activities are done, and spread with the uptake
of the deployment that a measure is part of. Where the measures of a scenario spread differently, their effect together
is taken as the mean of their shares, and the interval reaches from the least to the largest share (assumption).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.decision import staging
from twin.decision.canvas import Canvas
from twin.decision.canvas_lines import curve_of
from twin.decision.compare import ROUNDING, interval
from twin.decision.follow_up_observed import measures_of
from twin.decision.tasks import MONTHS, months_to_benefit
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

Float = NDArray[np.float64]

SPENT = ("investment_eur", "public_investment_eur")
"""KPIs that count what was spent until the end of a year, not what happens in it."""


@dataclass(frozen=True)
class Share:
    """A part of what was simulated, 0 to 1, and its range."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, shares: Mapping[str, float]) -> Share:
        """Return the mean, least and largest share of several measures; all of it where there is none."""
        parts = list(shares.values()) or [1.0]
        return cls(float(np.mean(parts)), min(parts), max(parts))


@dataclass(frozen=True)
class Level:
    """An expected number with its 90 % interval; NaN where the run has too few draws."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Timetable:
    """When the measures of a scenario take effect.

    Attributes
    ----------
    decided : float or None
        Decimal year of the decision; None where the canvas says nothing of it: all is expected in place at once.
    start : float
        Decimal year in which benefits start.
    curves : dict of str to Uptake
        By measure.
    """

    decided: float | None
    start: float
    curves: dict[str, staging.Uptake]

    def shares(self, year: int, kpi: str = "") -> dict[str, float]:
        """Return the mean part of a year that each measure is in place; of `SPENT`, what is paid until its end."""
        if self.decided is None:
            return dict.fromkeys(self.curves, 1.0)
        return {name: self._spent(curve, year) if kpi in SPENT else self._mean(curve, year)
                for name, curve in self.curves.items()}  # fmt: skip

    def _mean(self, curve: staging.Uptake, year: int) -> float:
        mean = staging.in_service(np.array([self.start]), np.array([float(year)]), curve, np.array([np.inf]))
        return float(mean[0, 0])

    def _spent(self, curve: staging.Uptake, year: int) -> float:
        """Return the part paid by the end of a year; what is built at once is paid when decided, as in the ledger."""
        begin = float(self.decided or 0.0) if curve == staging.AT_ONCE else self.start
        return float(curve.share(np.nextafter(year + 1.0 - begin, -np.inf)))


def timetable(run: Run, canvas: Canvas | None, scenario: str) -> Timetable:
    """Return when the measures of a scenario take effect, by the canvas."""
    names = [] if scenario == BASELINE else measures_of(run, scenario)
    if canvas is None or canvas.accounts is None:
        return Timetable(None, 0.0, dict.fromkeys(names, staging.AT_ONCE))
    first = float(canvas.accounts.first_year)
    curves = {}
    for name in names:
        stated = [entry.uptake for entry in canvas.deployment if name in entry.measures]
        curves[name] = next((curve_of(uptake) for uptake in stated if uptake is not None), staging.AT_ONCE)
    return Timetable(first, first + (months_to_benefit(canvas) or 0.0) / MONTHS, curves)


@dataclass(frozen=True)
class Promise:
    """The totals of a run, from which it is read what was promised.

    Attributes
    ----------
    draws : DataFrame
        `Run.draws`.
    kpis : frozenset of str
        Those that are asked for.
    """

    draws: pd.DataFrame
    kpis: frozenset[str]

    @cached_property
    def _totals(self) -> dict[tuple[str, str], pd.Series]:
        ordered = self.draws[self.draws["quantity"].isin(self.kpis)].sort_values("draw", kind="stable")
        groups = ordered.groupby(["scenario", "quantity"], sort=True)
        return {(str(s), str(q)): part.set_index("draw")["value"] for (s, q), part in groups}

    def nominal(self, scenario: str, kpi: str) -> float:
        """Return the total with nominal parameters."""
        return float(self._totals[scenario, kpi].loc[0])

    def level(self, scenario: str, kpi: str, share: Share) -> Level:
        """Return the value that is expected where `share` of the measures is in place."""
        base, change = self._paired(scenario, kpi)
        return _level(base, change, share)

    def effect(self, scenario: str, kpi: str, share: Share) -> Level:
        """Return the difference to the baseline that is expected where `share` of the measures is in place."""
        base, change = self._paired(scenario, kpi)
        return _level(0.0 * base, change, share)

    @cached_property
    def _pairs(self) -> dict[tuple[str, str], tuple[Float, Float]]:
        return {}

    def _paired(self, scenario: str, kpi: str) -> tuple[Float, Float]:
        """Return the baseline and the difference to it by draw, float64 (draws + 1,) each, the nominal draw first."""
        key = scenario, kpi
        if key not in self._pairs:
            base = self._totals[BASELINE, kpi]
            paired = (self._totals[scenario, kpi] - base).dropna().sort_index()
            before = base.reindex(paired.index).to_numpy(np.float64)
            change = paired.to_numpy(np.float64)
            self._pairs[key] = before, np.where(np.abs(change) <= ROUNDING * np.abs(before), 0.0, change)
        return self._pairs[key]


def _level(base: Float, change: Float, share: Share) -> Level:
    ends = [interval((base + part * change)[1:]) for part in (share.low, share.value, share.high)]
    return Level(float(base[0] + share.value * change[0]), min(e[0] for e in ends), max(e[1] for e in ends))
