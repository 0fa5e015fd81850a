"""Paired comparison of every scenario with the baseline, with intervals over the uncertainty draws.

Draw 0 holds the nominal parameters and gives the reported value. Draws 1..n sample the uncertain parameters; each
draw uses the same parameters and random numbers in every scenario, so that scenario minus baseline, taken draw by
draw, holds the policy's effect and nothing else. The 90 % interval is the range from the 5 % to the 95 % quantile of
these differences (common random numbers: Law, "Simulation Modeling and Analysis", 5th ed., section 11.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.decision.kpis import KPIS, Kpi, available
from twin.scenario import files
from twin.scenario.output import MINIMUM_DRAWS
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

QUANTILES = (0.05, 0.95)
ROUNDING = 1e-13
"""Differences up to this part of the value come from the order of summing."""

BETTER, WORSE, CHANGED = "better", "worse", "changed"
NO_CHANGE, NOT_DISTINGUISHABLE, NO_INTERVAL = "no change", "not distinguishable", "no interval"
VERDICTS = (BETTER, WORSE, CHANGED, NO_CHANGE, NOT_DISTINGUISHABLE, NO_INTERVAL)

MET, MISSED, UNCERTAIN, NOT_MODELLED = "met", "missed", "uncertain", "not modelled"
SURE = 0.95
"""A target is met (missed) when at least this share of the draws meets (misses) it."""


def interval(differences: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 5 % and 95 % quantiles of paired differences of draws 1..n; NaN for too few draws."""
    if len(differences) < MINIMUM_DRAWS:
        return float("nan"), float("nan")
    low, high = np.quantile(differences, QUANTILES)
    return float(low), float(high)


def verdict(nominal: float, differences: NDArray[np.float64], better: str) -> str:
    """Return what may be said of a difference.

    It can be told from noise where the interval lies on one side of zero and the nominal difference on the same: a
    count of people above a limit may move one way with nominal parameters and the other way with most draws.

    Parameters
    ----------
    nominal : float
        The difference with nominal parameters (draw 0).
    differences : float64 (n,)
        The paired differences of draws 1..n.
    better : {"lower", "higher", "neutral"}
    """
    if nominal == 0.0 and not np.any(differences):
        return NO_CHANGE
    low, high = interval(differences)
    if np.isnan(low):
        return NO_INTERVAL
    if low <= 0.0 <= high or np.sign(nominal) != np.sign(low):
        return NOT_DISTINGUISHABLE
    if better == "neutral":
        return CHANGED
    return BETTER if (high < 0.0) == (better == "lower") else WORSE


def compare(run: Run) -> pd.DataFrame:
    """Return the KPI table of a run.

    Returns
    -------
    DataFrame
        One row per scenario (the baseline first) and KPI: scenario, kpi, scope, label, value, unit, better, baseline,
        difference, percent, low, high, draws, verdict. `low` and `high` bound the 90 % interval of the difference;
        `percent` is empty where the baseline is zero. ``attrs["notes"]`` names KPIs the run has no total for.
    """
    totals = _by_draw(run.draws())
    kpis, notes = available({quantity for _, quantity in totals})
    rows = [
        _row(scenario, kpi, totals[scenario, kpi.id], totals[BASELINE, kpi.id])
        for scenario in _scenarios(run)
        for kpi in kpis
        if (scenario, kpi.id) in totals and (BASELINE, kpi.id) in totals
    ]
    table = pd.DataFrame(rows)
    table.attrs["notes"] = notes
    return table


def write_kpis(run: Run) -> pd.DataFrame:
    """Write ``kpis.parquet`` and ``kpis.csv`` into the run folder and return the table."""
    table = compare(run)
    files.write_atomically(run.path / "kpis.parquet", lambda path: table.to_parquet(path, index=False))
    files.write_text(run.path / "kpis.csv", table.to_csv(index=False, lineterminator="\n"))
    return table


def targets(run: Run) -> pd.DataFrame:
    """Return whether each scenario, and the baseline, keeps the study's targets.

    Returns
    -------
    DataFrame
        scenario, kpi, label, kind ("at most" or "at least"), limit, unit, value, share, draws, verdict. `share` is
        the share of draws 1..n that meet the target; the verdict is "met" or "missed" when at least 95 % of them
        agree, else "uncertain". Without draws the nominal value decides and `share` is empty. A target on a total
        that the run lacks is "not modelled".
    """
    totals = _by_draw(run.draws())
    rows = [
        _target_row(target, scenario, totals.get((scenario, target["kpi"])))
        for target in run.info["study"].get("targets", [])
        for scenario in _scenarios(run)
    ]
    columns = ["scenario", "kpi", "label", "kind", "limit", "unit", "value", "share", "draws", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def _target_row(target: dict[str, Any], scenario: str, values: pd.Series | None) -> dict[str, Any]:
    name = target["kpi"]
    at_most = target.get("at_most") is not None
    limit = float(target["at_most"] if at_most else target["at_least"])
    row = {
        "scenario": scenario,
        "kpi": name,
        "label": target.get("label") or (KPIS[name].label if name in KPIS else name),
        "kind": "at most" if at_most else "at least",
        "limit": limit,
        "unit": KPIS[name].unit if name in KPIS else "",
    }
    if values is None:
        nothing = float("nan")
        return row | {"value": nothing, "share": nothing, "draws": 0, "verdict": NOT_MODELLED}
    meets = (values <= limit) if at_most else (values >= limit)
    sampled = meets[meets.index > 0]
    share = float(sampled.mean()) if len(sampled) else float("nan")
    certainty = share if len(sampled) else float(meets.loc[0])
    outcome = MET if certainty >= SURE else MISSED if certainty <= 1.0 - SURE else UNCERTAIN
    return row | {"value": float(values.loc[0]), "share": share, "draws": len(sampled), "verdict": outcome}


def _scenarios(run: Run) -> list[str]:
    return [BASELINE, *(name for name in run.info["scenarios"] if name != BASELINE)]


def _by_draw(draws: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    """Return the values by draw, in order of the draws, of every scenario and total."""
    ordered = draws.sort_values("draw", kind="stable")
    groups = ordered.groupby(["scenario", "quantity"], sort=True)
    return {(str(s), str(q)): part.set_index("draw")["value"] for (s, q), part in groups}


def _row(scenario: str, kpi: Kpi, values: pd.Series, baseline: pd.Series) -> dict[str, Any]:
    paired = (values - baseline).dropna()
    paired = paired.mask(paired.abs() <= ROUNDING * baseline.reindex(paired.index).abs(), 0.0)
    nominal, sampled = float(paired.loc[0]), paired[paired.index > 0].to_numpy(np.float64)
    base = float(baseline.loc[0])
    low, high = interval(sampled)
    if scenario == BASELINE:
        low = high = float("nan")
    return {
        "scenario": scenario,
        "kpi": kpi.id,
        "scope": kpi.scope,
        "label": kpi.label,
        "value": float(values.loc[0]),
        "unit": kpi.unit,
        "better": kpi.better,
        "baseline": base,
        "difference": nominal,
        "percent": 100.0 * nominal / abs(base) if base else float("nan"),
        "low": low,
        "high": high,
        "draws": len(sampled),
        "verdict": BASELINE if scenario == BASELINE else verdict(nominal, sampled, kpi.better),
    }
