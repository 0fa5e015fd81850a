"""Rebound: what a scenario would do if nobody changed a trip (gross), and what it does with changed trips (net)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from twin.decision.compare import NO_CHANGE, NOT_DISTINGUISHABLE
from twin.decision.kpis import KPIS
from twin.report.formats import difference_texts, number, percent_text
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

SHARE = "rebound_share"
PAIRS = (("traffic_co2_t_a", "traffic_co2_gross_change_t_a"), ("vehicle_km_day", "vehicle_km_gross_change_day"))
"""KPIs whose difference is the net change, and those that hold the gross change."""
FAR = 5.0
"""Beyond this many times the gross change a share says no more than that trips turned it around or multiplied it."""


def rebound_rows(run: Run, table: pd.DataFrame, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return, per scenario whose traffic changes: gross and net change of CO2 and traffic, the rebound, and words.

    Empty where the run has no gross changes or no scenario changes traffic.

    Parameters
    ----------
    run : Run
    table : DataFrame
        Of `twin.decision.compare.compare`.
    labels : mapping
        Scenario names for readers.
    """
    cells: dict[tuple[str, str], Any] = {(row["scenario"], row["kpi"]): row for row in table.to_dict("records")}
    if any((BASELINE, name) not in cells for pair in PAIRS for name in (*pair, SHARE)):
        return []
    rows = []
    for scenario in run.info["scenarios"]:
        pairs = [(cells[scenario, net], cells[scenario, gross]) for net, gross in PAIRS]
        if all(row["verdict"] == NO_CHANGE for pair in pairs for row in pair):
            continue
        share = cells[scenario, SHARE]
        rows.append(
            {
                "label": labels[scenario],
                "quantities": [_quantity(net, gross) for net, gross in pairs],
                "share": share_text(share["value"]),
                "words": words(*pairs[0], share["value"]),
            }
        )
    return rows


def share_text(share: float) -> str:
    """Return the rebound in per cent; a dash where there is no gross change that could rebound (share 0)."""
    if share == 0.0:
        return "–"
    if abs(share) > FAR:
        return f"{'above' if share > 0 else 'below'} {number(100 * FAR * (1 if share > 0 else -1))} %"
    return f"{number(100 * share)} %"


def words(net: Mapping[str, Any], gross: Mapping[str, Any], share: float) -> str:
    """Return what trips that change do to the gross change of CO2, in a sentence.

    Parameters
    ----------
    net, gross : mapping
        Rows of the KPI table: CO2 of road traffic and its gross change.
    share : float
        The rebound; 0 where the gross change is next to nothing beside the net one.
    """
    if share == 0.0:
        return "With every trip as before little would change: what changes comes from changed trips."
    if gross["verdict"] == NOT_DISTINGUISHABLE:
        return "The gross change cannot be told from noise, so its rebound says little."
    part = f"{number(100 * min(abs(share), FAR))} %"
    if gross["difference"] < 0.0:
        if share < 0.0:
            return "Changed trips add to the saving."
        if share <= 1.0:
            return f"Changed trips take back {part} of the saving."
        return "Changed trips take back more than the saving: emissions rise."
    if share < 0.0:
        return "Changed trips add to the increase."
    if share <= 1.0:
        return f"{part} of the increase does not happen, because trips change."
    return "Trips that change save more than detours add: emissions fall."


def _quantity(net: Mapping[str, Any], gross: Mapping[str, Any]) -> dict[str, str]:
    """Return gross and net change, each with its part of the baseline and its interval, and what lies between."""
    kpi = KPIS[net["kpi"]]
    between, _ = difference_texts(kpi, net["difference"] - gross["difference"], float("nan"), float("nan"))
    cell = {"label": kpi.label, "unit": kpi.shown.unit, "answer": between}
    for name, row in (("gross", gross), ("net", net)):
        difference, interval = difference_texts(kpi, row["difference"], row["low"], row["high"])
        percent = 100.0 * row["difference"] / net["baseline"] if net["baseline"] else float("nan")
        cell |= {name: difference, f"{name}_percent": percent_text(kpi, percent), f"{name}_interval": interval}
    return cell
