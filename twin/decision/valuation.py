"""Ledger lines from what a run computed: KPI differences times unit values, and the payments of measures.

Every line keeps the KPI it came from, the source of its unit value and a range: the ends of the KPI's interval times
the ends of the unit value's. A difference inside the noise keeps its amount, and its verdict says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin import random
from twin.decision.compare import BETTER, CHANGED, WORSE
from twin.decision.ledger import COST, OUTSIDE, Line
from twin.decision.staging import AT_ONCE, Uptake
from twin.errors import StudyError
from twin.scenario.store import BASELINE

Float = NDArray[np.float64]

SAMPLES = 1000
"""Samples of KPI draws and unit values that intervals of money rest on."""

KNOWN_FROM_NOISE = (BETTER, WORSE, CHANGED, "")
"""Verdicts of amounts that may be relied on; the empty one is that of stated lines."""


def gain_range(row: Mapping[str, Any], sign: float, worth: Sequence[float]) -> tuple[float, float]:
    """Return the least and the most a KPI's difference is worth: the corners of its interval and the unit value's.

    Parameters
    ----------
    row : mapping
        difference, low and high of the KPI; without an interval (NaN) the difference stands for it.
    sign : float
        -1 where it is a gain that the KPI falls, else 1.
    worth : sequence of float
        The ends of what a unit is worth.
    """
    ends = [row["low"], row["high"]]
    gains = [sign * end for end in ([row["difference"]] if np.isnan(ends).any() else ends)]
    corners = [gain * unit for gain in gains for unit in worth]
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
