"""What was claimed, and what the run says to it.

A claim is judged by the paired differences to the baseline and their intervals (`twin.decision.compare`). Nothing
inside the noise is ever supported: not a direction, not a percentage, and not a limit that is kept without the measure
just as well. What rests on an expert or a measurement keeps that evidence beside the verdict "not modelled".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.decision import compare
from twin.decision.canvas import Canvas, Claim
from twin.decision.kpis import KPIS
from twin.scenario.output import MINIMUM_DRAWS
from twin.scenario.store import BASELINE

SUPPORTED, NOT_SUPPORTED = "supported", "not supported"
NOT_DISTINGUISHABLE, NOT_MODELLED = compare.NOT_DISTINGUISHABLE, compare.NOT_MODELLED
Rows = dict[tuple[str, str], dict[str, Any]]
Values = dict[tuple[str, str], pd.Series]
VERDICTS = (SUPPORTED, NOT_SUPPORTED, NOT_DISTINGUISHABLE, NOT_MODELLED)
_WEAKEST_FIRST = (NOT_SUPPORTED, NOT_DISTINGUISHABLE, NOT_MODELLED, SUPPORTED)
"""A claim about several KPIs is as good as the weakest of them."""

PART_COLUMNS = [
    "block", "place", "scenario", "kpi", "wanted", "baseline", "value", "unit", "difference", "low", "high", "draws",
    "share", "verdict", "reason",
]  # fmt: skip
CLAIM_COLUMNS = ["block", "place", "text", "scenario", "kpis", "year", "verdict", "evidence", "source", "reason"]


@dataclass(frozen=True)
class Answer:
    """What one KPI says to a claim; `share` is the part of the draws that reach a limit or percentage."""

    verdict: str
    reason: str
    share: float = float("nan")


def judge_parts(canvas: Canvas, table: pd.DataFrame, draws: pd.DataFrame) -> pd.DataFrame:
    """Return the answer of each KPI to each claim.

    Parameters
    ----------
    canvas : Canvas
    table : DataFrame
        As `twin.decision.compare.compare` returns it.
    draws : DataFrame
        scenario, draw, quantity, value; draw 0 is nominal.

    Returns
    -------
    DataFrame
        `PART_COLUMNS`: block and place of the claim, scenario, kpi, what was wanted, values and difference in the
        KPI's unit with its 90 % interval, verdict (one of `VERDICTS`) and reason.
    """
    records = table.to_dict("records")
    rows = {(str(row["scenario"]), str(row["kpi"])): {str(key): row[key] for key in row} for row in records}
    values = _by_draw(draws, {kpi for _, _, claim in canvas.claims() for kpi in claim.kpis})
    answers = [
        _part_row(block, place, claim, scenario, kpi, rows, values)
        for block, place, claim in canvas.claims()
        for scenario in _scenarios(claim, table)
        for kpi in claim.kpis
    ]
    return pd.DataFrame(answers, columns=PART_COLUMNS)


def judge(canvas: Canvas, parts: pd.DataFrame | None = None, scenarios: list[str] | None = None) -> pd.DataFrame:
    """Return the verdict on each claim, by scenario.

    Parameters
    ----------
    canvas : Canvas
    parts : DataFrame, optional
        Of `judge_parts`; without it (no run) every claim is "not modelled", with an empty scenario.
    scenarios : list of str, optional
        The run's scenarios without the baseline, so that a claim with no KPI has its row for each.

    Returns
    -------
    DataFrame
        `CLAIM_COLUMNS`. `evidence` is "simulated" where the run modelled every KPI of the claim with an interval, else
        what the author states; a stated "simulated" that no run shows counts as "none".
    """
    rows = []
    for block, place, claim in canvas.claims():
        for scenario in [claim.scenario] if claim.scenario else (scenarios or [""]):
            mine = _NOTHING if parts is None else parts
            mine = mine[(mine["block"] == block) & (mine["place"] == place) & (mine["scenario"] == scenario)]
            found = set(mine["verdict"])
            word = next((v for v in _WEAKEST_FIRST if v in found), NOT_MODELLED)
            shown = bool(found) and NOT_MODELLED not in found and bool((mine["draws"] >= MINIMUM_DRAWS).all())
            stated = "none" if claim.evidence == "simulated" else claim.evidence
            rows.append(
                {
                    "block": block,
                    "place": place,
                    "text": claim.text,
                    "scenario": scenario,
                    "kpis": ", ".join(claim.kpis),
                    "year": claim.year,
                    "verdict": word,
                    "evidence": "simulated" if shown else stated,
                    "source": claim.source,
                    "reason": _reason(claim, mine[mine["verdict"] == word]),
                }
            )
    return pd.DataFrame(rows, columns=CLAIM_COLUMNS).astype({"year": "Int64"})


def _reason(claim: Claim, parts: pd.DataFrame) -> str:
    """Return why, from the answers that decide; with the KPI's name where a claim has several."""
    if parts.empty:
        return "not run" if claim.kpis else "the claim names no KPI"
    pairs = zip(parts["kpi"], parts["reason"], strict=True)
    return "; ".join(reason if len(claim.kpis) == 1 else f"{KPIS[kpi].label}: {reason}" for kpi, reason in pairs)


def share_without_evidence(judged: pd.DataFrame) -> tuple[int, int, float]:
    """Return claims without any evidence in any scenario, all claims, and the share (NaN where nothing is claimed)."""
    if judged.empty:
        return 0, 0, float("nan")
    bare = judged.assign(bare=judged["evidence"] == "none").groupby(["block", "place"])["bare"].all()
    return int(bare.sum()), len(bare), float(bare.mean())


def evidence_sentence(judged: pd.DataFrame) -> str:
    """Return the sentence that comes first: how many claims rest on nothing."""
    none, count, share = share_without_evidence(judged)
    if not count:
        return "Nothing is claimed."
    return f"{none} of {count} claims {'has' if none == 1 else 'have'} no evidence ({100 * share:.0f} %)."


def _by_draw(draws: pd.DataFrame, kpis: set[str]) -> Values:
    """Return the values by draw of every scenario, for some KPIs."""
    used = draws[draws["quantity"].isin(sorted(kpis))].dropna(subset="value").sort_values("draw", kind="stable")
    groups = used.groupby(["scenario", "quantity"], sort=True)
    return {(str(s), str(q)): part.set_index("draw")["value"] for (s, q), part in groups}


_NOTHING = pd.DataFrame(columns=PART_COLUMNS)


def _scenarios(claim: Claim, table: pd.DataFrame) -> list[str]:
    return [claim.scenario] if claim.scenario else [s for s in table["scenario"].unique() if s != BASELINE]


def _part_row(
    block: str, place: int, claim: Claim, scenario: str, kpi: str, rows: Rows, values: Values
) -> dict[str, Any]:
    row = rows.get((scenario, kpi), {})
    if row:
        answer = answer_of(claim, kpi, row, values[scenario, kpi], values[BASELINE, kpi])
    else:
        answer = Answer(NOT_MODELLED, f"the run has no {kpi} of {scenario}")
    return {
        "block": block, "place": place, "scenario": scenario, "kpi": kpi, "wanted": _wanted(claim, kpi),
        **{key: row.get(key, np.nan) for key in ("baseline", "value", "difference", "low", "high")},
        "unit": row.get("unit", KPIS[kpi].unit if kpi in KPIS else ""), "draws": int(row.get("draws", 0)),
        "share": answer.share, "verdict": answer.verdict, "reason": answer.reason,
    }  # fmt: skip


def answer_of(claim: Claim, kpi: str, row: dict[str, Any], own: pd.Series, base: pd.Series) -> Answer:
    """Return what one KPI says to a claim.

    Parameters
    ----------
    claim : Claim
    kpi : str
    row : dict
        The KPI's row of the comparison: verdict, low, high, draws.
    own, base : Series
        Values of the scenario and of the baseline by draw; 0 is nominal.
    """
    if row["draws"] < MINIMUM_DRAWS:
        return Answer(NOT_DISTINGUISHABLE, f"{row['draws']} draws give no interval")
    moved = _moved(row)
    if claim.by_percent is not None:
        return _by_percent(claim.by_percent, direction_of(claim, kpi), moved, own, base)
    if claim.at_most is None and claim.at_least is None:
        return _direction(direction_of(claim, kpi), moved, str(row["verdict"]))
    reached = own <= claim.at_most if claim.at_most is not None else own >= float(claim.at_least or 0.0)
    share, nominal = float(reached[reached.index > 0].mean()), bool(reached.loc[0])
    if share >= compare.SURE and nominal:
        if not moved:
            return Answer(
                NOT_DISTINGUISHABLE, "the limit is kept, but the measure makes no difference beyond noise", share
            )
        if claim.direction is not None and moved != claim.direction:
            return Answer(NOT_SUPPORTED, f"the limit is kept, but it becomes {moved}", share)
        return Answer(SUPPORTED, _draws_say(share, "keep the limit"), share)
    if share <= 1.0 - compare.SURE and not nominal:
        return Answer(NOT_SUPPORTED, _draws_say(share, "keep the limit"), share)
    return Answer(NOT_DISTINGUISHABLE, _draws_say(share, "keep the limit"), share)


def direction_of(claim: Claim, kpi: str) -> str:
    """Return the direction a claim promises: its own, that of its limit, else that in which the KPI gets better."""
    if claim.direction is not None:
        return claim.direction
    if claim.at_most is not None or claim.at_least is not None:
        return "lower" if claim.at_most is not None else "higher"
    return KPIS[kpi].better


def _moved(row: dict[str, Any]) -> str:
    """Return "lower" or "higher" where a difference can be told from noise, else nothing."""
    if row["verdict"] not in (compare.BETTER, compare.WORSE, compare.CHANGED):
        return ""
    return "lower" if row["high"] < 0.0 else "higher"


def _direction(wanted: str, moved: str, verdict: str) -> Answer:
    if verdict == compare.NO_CHANGE:
        return Answer(NOT_SUPPORTED, "nothing changes")
    if not moved:
        return Answer(NOT_DISTINGUISHABLE, "the difference is inside the noise")
    return Answer(SUPPORTED if moved == wanted else NOT_SUPPORTED, f"it becomes {moved} beyond noise")


def _by_percent(percent: float, wanted: str, moved: str, own: pd.Series, base: pd.Series) -> Answer:
    """Return whether at least `percent` is reached, in paired draws."""
    own = own[own.index.isin(base.index)]
    before: NDArray[np.float64] = base.reindex(own.index).to_numpy(np.float64)
    if not (before != 0.0).all():
        return Answer(NOT_DISTINGUISHABLE, "the baseline is zero: there is no percentage")
    change = 100.0 * (own.to_numpy(np.float64) - before) / np.abs(before)
    reached = (change if wanted == "higher" else -change) >= percent
    sampled = own.index.to_numpy() > 0
    share, nominal = float(reached[sampled].mean()), bool(reached[~sampled].all())
    reason = _draws_say(share, f"reach {percent:g} %")
    if share >= compare.SURE and nominal and moved == wanted:
        return Answer(SUPPORTED, reason, share)
    sure = share <= 1.0 - compare.SURE and not nominal
    return Answer(NOT_SUPPORTED if sure else NOT_DISTINGUISHABLE, reason, share)


def _draws_say(share: float, what: str) -> str:
    return f"{100 * share:.0f} % of the draws {what}"


def _wanted(claim: Claim, kpi: str) -> str:
    limit = claim.at_most if claim.at_most is not None else claim.at_least
    if limit is not None:
        return f"at {'most' if claim.at_most is not None else 'least'} {limit:g}"
    direction = claim.direction or (KPIS[kpi].better if kpi in KPIS else "")
    return f"{direction} by at least {claim.by_percent:g} %" if claim.by_percent is not None else direction
