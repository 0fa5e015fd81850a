"""What the report says in words and tables: headlines, measures, KPI cells, targets, winners and losers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from twin.decision.compare import BETTER, CHANGED, MINIMUM_DRAWS, NO_CHANGE, NO_INTERVAL, NOT_DISTINGUISHABLE, WORSE
from twin.decision.distribution import BURDENS, OUTCOMES, SUPPRESSED
from twin.decision.kpis import KPIS, Kpi
from twin.report.formats import DIRECTION, TRIFLE_PERCENT, difference_texts, eur, number, percent_text, value_text
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

VERDICT_CLASSES = {
    BETTER: "better",
    WORSE: "worse",
    CHANGED: "changed",
    NO_CHANGE: "same",
    NOT_DISTINGUISHABLE: "noise",
    NO_INTERVAL: "noise",
}
REBOUND = ("vehicle_km_gross_change_day", "traffic_co2_gross_change_t_a", "rebound_share")
"""KPIs that the table of rebound shows, and the KPI table does not."""
ZONES_SHOWN = 10
"""Zones with the largest difference, of each sign, that the table lists."""


def labels_of(run: Run) -> dict[str, str]:
    """Return the readers' names of the baseline and all scenarios."""
    names = {name: name.replace("-", " ").capitalize() for name in (BASELINE, *run.info["scenarios"])}
    return names | {str(k): str(v) for k, v in run.info.get("labels", {}).items()}


def asked_for(run: Run) -> set[str]:
    """Return the KPIs that the study has a target for."""
    return {str(target["kpi"]) for target in run.info["study"].get("targets", [])}


def headlines(run: Run, table: pd.DataFrame, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return, per scenario, what it does in plain words: effects that can be told from noise, and what stays open.

    Named are the headline KPIs and those that the study has a target for, where they move by more than a trifle.
    """
    items = []
    for scenario in run.info["scenarios"]:
        rows = [
            row for row in table[table["scenario"] == scenario].to_dict("records") if row["kpi"] != "investment_eur"
        ]
        sayings: dict[str, list[str]] = {BETTER: [], WORSE: [], CHANGED: []}
        for row in rows:
            kpi = KPIS[row["kpi"]]
            chosen = kpi.headline or kpi.id in asked_for(run)
            if row["verdict"] in sayings and chosen and not abs(row["percent"]) < TRIFLE_PERCENT:
                sayings[row["verdict"]].append(_saying(kpi, row))
        counts = {name: sum(row["verdict"] == name for row in rows) for name in VERDICT_CLASSES}
        items.append(
            {
                "label": labels[scenario],
                "better": sayings[BETTER],
                "worse": sayings[WORSE],
                "changed": sayings[CHANGED],
                "investment": _investment(table, scenario),
                "tally": _tally(counts, len(rows)),
                "idle": counts[NO_CHANGE] == len(rows),
                "open": counts[NO_INTERVAL] > 0,
            }
        )
    return items


def _saying(kpi: Kpi, row: dict[str, Any]) -> str:
    verb = "falls" if row["difference"] < 0 else "rises"
    difference, _ = difference_texts(kpi, abs(row["difference"]), row["low"], row["high"])
    amount = f"{difference.lstrip('+')} {kpi.shown.difference_unit}"
    percent = percent_text(kpi, row["percent"])
    if percent.startswith("×"):
        before, after = value_text(kpi, row["baseline"]), value_text(kpi, row["value"])
        return f"{kpi.label} {verb} from {before} to {after} {kpi.shown.unit}"
    return f"{kpi.label} {verb} by {amount}" + (f" ({percent})" if percent else "")


def _investment(table: pd.DataFrame, scenario: str) -> str:
    rows = table[(table["scenario"] == scenario) & (table["kpi"] == "investment_eur")]
    return eur(float(rows["difference"].iloc[0])) if len(rows) and rows["difference"].iloc[0] else ""


def _tally(counts: Mapping[str, int], total: int) -> str:
    parts = [f"{count} {name}" for name, count in counts.items() if count]
    return f"{total} KPIs: " + ", ".join(parts)


def changes(run: Run, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what each scenario changes: measures, matched features, cost; the baseline first when it has any."""
    items = []
    for scenario in (BASELINE, *run.info["scenarios"]):
        rows = [
            {
                "measure": change["measure"].replace("-", " "),
                "summary": change["summary"],
                "matched": f"{number(change['matched'])} {change['layer'].replace('_', ' ')}",
                "cost": eur(change["capital_cost_eur"]) if change.get("capital_cost_eur") else "–",
            }
            for change in run.info["changes"].get(scenario, [])
        ]
        if rows or scenario != BASELINE:
            items.append({"label": labels[scenario], "rows": rows})
    return items


def kpi_groups(run: Run, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the KPI table by domain: per KPI the baseline value and a cell per scenario.

    KPIs that no scenario changes are only named, with their value, in `unchanged`.
    """
    cells: dict[tuple[str, str], Any] = {(row["scenario"], row["kpi"]): row for row in table.to_dict("records")}
    groups: dict[str, dict[str, list[Any]]] = {}
    for kpi in KPIS.values():
        if (BASELINE, kpi.id) not in cells or kpi.id in REBOUND:
            continue
        group = groups.setdefault(kpi.domain, {"rows": [], "unchanged": [], "same": []})
        own = [cells.get((scenario, kpi.id)) for scenario in run.info["scenarios"]]
        value = value_text(kpi, cells[BASELINE, kpi.id]["value"])
        if own and all(cell is not None and cell["verdict"] == NO_CHANGE for cell in own):
            group["same"].append(kpi.id)
            group["unchanged"].append(f"{kpi.label} {value}" + (f" {kpi.shown.unit}" if value != "0" else ""))
            continue
        row = {
            "id": kpi.id,
            "label": kpi.label,
            "meaning": kpi.meaning,
            "unit": kpi.shown.unit,
            "direction": DIRECTION[kpi.better],
            "baseline": value,
            "cells": [_cell(kpi, cell) for cell in own],
        }
        group["rows"].append(row)
    return [{"domain": domain} | group for domain, group in groups.items()]


def _cell(kpi: Kpi, row: dict[str, Any] | None) -> dict[str, str]:
    if row is None:
        return {"value": "–", "verdict": "not modelled", "css": "noise"}
    difference, interval = difference_texts(kpi, row["difference"], row["low"], row["high"])
    return {
        "value": value_text(kpi, row["value"]),
        "difference": f"{difference} {kpi.shown.difference_unit}" if kpi.shown.unit == "%" else difference,
        "percent": percent_text(kpi, row["percent"]),
        "interval": interval,
        "verdict": row["verdict"],
        "css": VERDICT_CLASSES[row["verdict"]],
    }


def target_rows(run: Run, targets: pd.DataFrame, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the targets: limit, and per scenario the value, the share of draws that meets it and the verdict."""
    rows = []
    for position, target in enumerate(run.info["study"].get("targets", [])):
        count = len(labels_in_order(run))
        part = targets.iloc[position * count : (position + 1) * count]
        kpi = KPIS.get(target["kpi"])
        first = part.iloc[0]
        limit = f"{value_text(kpi, first['limit'])} {kpi.shown.unit}" if kpi else number(first["limit"], 2)
        cells = [
            {
                "value": value_text(kpi, row["value"]) if kpi else "–",
                "share": f"{number(100 * row['share'])} % of draws" if np.isfinite(row["share"]) else "",
                "verdict": row["verdict"],
                "css": {"met": "better", "missed": "worse"}.get(row["verdict"], "noise"),
            }
            for row in part.to_dict("records")
        ]
        name = kpi.label if kpi else target["kpi"]
        rows.append({"label": first["label"], "kpi": name, "limit": f"{first['kind']} {limit}", "cells": cells})
    return rows


def labels_in_order(run: Run) -> list[str]:
    """Return the baseline and the scenarios in the order of every table."""
    return [BASELINE, *run.info["scenarios"]]


def winners(
    run: Run, zones: pd.DataFrame, counts: pd.DataFrame, labels: Mapping[str, str], places: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return, per burden: zones and residents by outcome and scenario, and the zones that change most."""
    items = []
    for burden in BURDENS:
        part = zones[zones["quantity"] == burden.quantity] if len(zones) else zones
        if not len(part):
            continue
        tally = counts[counts["quantity"] == burden.quantity].set_index(["scenario", "outcome"])
        total = float(part[part["scenario"] == part["scenario"].iloc[0]]["residents"].sum())
        rows = []
        for scenario in run.info["scenarios"]:
            cells = []
            for outcome in OUTCOMES:
                found = tally.loc[(scenario, outcome)] if (scenario, outcome) in tally.index else None
                residents = float(np.nan_to_num(found["residents"])) if found is not None else 0.0
                count = int(found["zones"]) if found is not None else 0
                share = residents / total if total else 0.0
                cells.append(
                    {
                        "zones": count,
                        "residents": number(residents),
                        "share": round(100 * share, 1),
                        "outcome": outcome,
                    }
                )
            rows.append({"label": labels[scenario], "cells": cells})
        extremes = [
            item
            for scenario in run.info["scenarios"]
            if (item := _extremes(part, scenario, burden.decimals, labels, places))
        ]
        items.append({"label": burden.label, "unit": burden.unit, "rows": rows, "extremes": extremes})
    return items


def _extremes(
    part: pd.DataFrame, scenario: str, decimals: int, labels: Mapping[str, str], places: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return the zones that win and lose most in a scenario; None when no zone does."""
    mine = part[(part["scenario"] == scenario) & part["outcome"].isin(["wins", "loses"])]
    mine = mine.sort_values(["difference", "zone_id"])
    losers = mine[mine["difference"] > 0].iloc[::-1].head(ZONES_SHOWN)
    gainers = mine[mine["difference"] < 0].head(ZONES_SHOWN)
    if not len(mine):
        return None

    def rows(frame: pd.DataFrame) -> list[dict[str, str]]:
        return [
            {
                "zone": places[row["zone_id"]],
                "residents": number(row["residents"]),
                "baseline": number(row["baseline"], decimals),
                "difference": number(row["difference"], decimals, signed=True),
            }
            for row in frame.to_dict("records")
        ]

    return {"label": labels[scenario], "winners": rows(gainers), "losers": rows(losers)}


def limits(run: Run, notes: list[str]) -> list[str]:
    """Return the sentences on what this comparison can and cannot say."""
    draws = int(run.info["draws"])
    sampled = [row["path"] for row in run.info["parameters"] if row.get("distribution")]
    if draws >= MINIMUM_DRAWS:
        first = (
            f"Intervals are the 5 % to 95 % range of paired differences over {draws} draws of "
            f"{len(sampled)} uncertain parameters. They hold what these parameters leave open, not errors of the "
            "models or of the input data."
        )
        if draws < 40:
            first += (
                f" With {draws} draws the ends of the intervals are themselves rough. The values and differences are "
                "those of the nominal parameters; where a distribution is skewed or a count jumps they can lie outside "
                "the interval of the draws."
            )
    else:
        first = (
            f"The run has {draws or 'no'} uncertainty draws; an interval needs at least {MINIMUM_DRAWS}: no "
            "difference in this report can be told from noise."
        )
    return [
        first,
        "Every draw uses the same parameters and random numbers in every scenario, so a difference comes from the "
        "measures and from nothing else.",
        "The models are not calibrated with local counts or meter readings unless the data sources below say so; "
        "read differences between scenarios rather than absolute values.",
        f"Zones with fewer than 5 residents are left out of the table of zones ({SUPPRESSED}).",
        *notes,
        *[str(warning) for warning in run.info.get("warnings", [])],
    ]
