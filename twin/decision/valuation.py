"""Ledger lines from what a run computed: KPI differences times unit values, and the payments of measures.

Every line keeps the KPI it came from, the source of its unit value and a range: the ends of the KPI's interval times
the ends of the unit value's. A difference inside the noise keeps its amount, and its verdict says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin import random
from twin.decision.compare import BETTER, CHANGED, NOT_MODELLED, WORSE
from twin.decision.ledger import COST, OUTSIDE, SAVING, Line
from twin.decision.staging import AT_ONCE, Uptake
from twin.errors import StudyError
from twin.scenario.store import BASELINE

Float = NDArray[np.float64]

SAMPLES = 1000
"""Samples of KPI draws and unit values that intervals of money rest on."""

KNOWN_FROM_NOISE = (BETTER, WORSE, CHANGED, "")
"""Verdicts of amounts that may be relied on; the empty one is that of stated lines."""


@dataclass(frozen=True)
class UnitValue:
    """What a unit of a KPI is worth, to whom, and at whose expense.

    Parameters
    ----------
    kpi : str
    value, low, high : float
        Money per unit of the KPI and year, above zero, and its range (NaN where none is known).
    gainer, payer : str
        Who gains when the KPI improves; the payer is whoever had that money before.
    gain_when : {"lower", "higher"}
        Which direction of the KPI is a gain to the gainer: not the KPI's own, because one party's bill is another's
        income.
    kind : str
        Kind of ledger line.
    source, year : str, int
        Where the value is published, and the year of its prices.
    """

    kpi: str
    value: float
    gainer: str
    gain_when: Literal["lower", "higher"]
    payer: str = OUTSIDE
    kind: str = SAVING
    low: float = float("nan")
    high: float = float("nan")
    source: str = ""
    year: int = 0


def value_lines(
    kpis: pd.DataFrame,
    scenario: str,
    values: Iterable[UnitValue],
    *,
    start: float | None = None,
    life_years: float = np.inf,
    uptake: Uptake = AT_ONCE,
) -> tuple[list[Line], list[str]]:
    """Return one line for each unit value whose KPI the run holds, and a note for each that it lacks.

    Parameters
    ----------
    kpis : DataFrame
        The table of `twin.decision.compare.compare`.
    scenario : str
    values : iterable of UnitValue
    start, life_years, uptake
        When the benefits start, how long they last and how fast they grow.
    """
    rows = kpis[kpis["scenario"] == scenario].set_index("kpi")
    lines, notes = [], []
    for k, value in enumerate(values):
        if value.kpi not in rows.index:
            notes.append(f"{value.kpi} is {NOT_MODELLED}: no money is counted for it")
            continue
        row: Any = rows.loc[value.kpi]
        low, high = gain_range(row, value)
        lines.append(
            Line(
                id=f"kpi-{k}/{value.kpi}/{value.gainer}",
                what=str(row["label"]),
                kind=value.kind,
                payer=value.payer,
                gainer=value.gainer,
                amount=_gain(row["difference"], value) * value.value,
                start=start,
                life_years=life_years,
                uptake=uptake,
                kpi=value.kpi,
                per_unit=value.value if value.gain_when == "higher" else -value.value,
                source=f"{value.source} ({value.year})" if value.year else value.source,
                low=low,
                high=high,
                verdict=str(row["verdict"]),
            )
        )
    return lines, notes


def _gain(difference: float, value: UnitValue) -> float:
    return float(difference if value.gain_when == "higher" else -difference)


def gain_range(row: Mapping[str, Any], value: UnitValue) -> tuple[float, float]:
    """Return the least and the most a KPI's difference is worth; NaN where neither factor has a range."""
    interval = [_gain(row[end], value) for end in ("low", "high")]
    unit = [value.low, value.high]
    if np.isnan(interval).any() and np.isnan(unit).any():
        return float("nan"), float("nan")
    gains = [_gain(row["difference"], value)] if np.isnan(interval).any() else interval
    prices = [value.value] if np.isnan(unit).any() else unit
    corners = [gain * price for gain in gains for price in prices]
    return float(min(corners)), float(max(corners))


def amounts_by_draw(lines: pd.DataFrame, draws: pd.DataFrame, scenario: str) -> Float:
    """Return the amount of every line in the draws 1..d, float64 (d, n): pair by pair for KPIs, else as stated.

    Parameters
    ----------
    lines : DataFrame (n,)
        `Ledger.lines`.
    draws : DataFrame
        `Run.draws`: scenario, draw, quantity, value.
    scenario : str

    Raises
    ------
    StudyError
        A line that names a KPI and not what it is worth per unit, or a KPI without draws.
    """
    sampled = draws[draws["draw"] > 0]
    tables = {
        name: sampled[sampled["scenario"] == name].pivot(index="draw", columns="quantity", values="value").sort_index()
        for name in (scenario, BASELINE)
    }
    differences = tables[scenario] - tables[BASELINE]
    amounts = np.tile(lines["amount"].to_numpy(np.float64), (len(differences), 1))
    for k, (kpi, per_unit) in enumerate(zip(lines["kpi"], lines["per_unit"], strict=True)):
        if kpi and (kpi not in differences or not np.isfinite(per_unit)):
            lacks = "draws" if kpi not in differences else "an amount per unit"
            raise StudyError(f"the KPI {kpi} has no {lacks}", where=f"ledger line {lines.index[k]!r}")
        if kpi:
            amounts[:, k] = differences[kpi].to_numpy(np.float64) * per_unit
    return amounts


def sampled_amounts(
    lines: pd.DataFrame, draws: pd.DataFrame, scenario: str, seed: int, samples: int = SAMPLES
) -> Float:
    """Return the amount of every line in many samples, float64 (samples, n), for intervals of sums of money.

    Sample ``k`` takes the KPI differences of draw ``1 + k % d`` and, for every unit value with a range, a triangular
    number with its most likely value at the stated one, keyed by the unit value's name: the same in all scenarios.

    Parameters
    ----------
    lines : DataFrame (n,)
        `Ledger.lines`.
    draws : DataFrame
        `Run.draws`, with at least one draw beside the nominal one.
    scenario : str
    seed : int
    """
    physical = amounts_by_draw(lines, draws, scenario)
    chosen = physical[np.arange(samples) % len(physical)]
    keys = lines["unit_key"].to_numpy()
    ranged = np.flatnonzero((keys != "") & (lines["unit_low"] < lines["unit_high"]).to_numpy())
    if len(ranged):
        u = random.uniform(seed, "decision.unit_values", random.entity_keys(keys[ranged]), n=samples).T
        low, high = (lines[name].to_numpy(np.float64)[ranged] for name in ("unit_low", "unit_high"))
        chosen[:, ranged] *= _triangular(u, low, high)
    return chosen


def _triangular(u: Float, low: Float, high: Float) -> Float:
    """Return the triangular numbers of mode 1 at probabilities `u`; the ends may be in either order."""
    low, high = np.minimum(low, high), np.maximum(low, high)
    span = high - low
    at_mode = (1.0 - low) / span
    rising = low + np.sqrt(np.maximum(u * span * (1.0 - low), 0.0))
    falling = high - np.sqrt(np.maximum((1.0 - u) * span * (high - 1.0), 0.0))
    return np.where(u < at_mode, rising, falling)


def payment_lines(
    payments: Iterable[Mapping[str, Any]],
    *,
    start: float | None = None,
    life_years: float = np.inf,
    uptake: Uptake = AT_ONCE,
    receiver: str = OUTSIDE,
    prefix: str = "payment",
) -> list[Line]:
    """Return the cost lines of a measure's payments (`twin.scenario.payments`): what is paid once, and each year.

    A payer who receives (the energy company, from owners it connects) has a row below zero; all rows meet in the
    receiver, whose position is thus what leaves the actors.
    """
    lines = []
    for k, row in enumerate(payments):
        for part, once in (("eur", True), ("eur_a", False)):
            if row[part]:
                lines.append(
                    Line(
                        id=f"{prefix}-{k}/{'once' if once else 'yearly'}",
                        what=str(row["what"]),
                        kind=COST,
                        payer=str(row["payer"]),
                        gainer=receiver,
                        amount=float(row[part]),
                        once=once,
                        start=start,
                        life_years=life_years,
                        uptake=uptake,
                        source="payments of the measure",
                    )
                )
    return lines


def in_noise(lines: pd.DataFrame) -> pd.Series:
    """Return which lines of a ledger rest on a difference that cannot be told from noise, bool by line."""
    return ~lines["verdict"].isin(KNOWN_FROM_NOISE)
