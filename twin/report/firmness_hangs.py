"""What the answers of a study hang on: ranked parameters, changed trips, and where a CO₂ saving turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from twin.decision.kpis import KPIS
from twin.report import charts, firmness_charts
from twin.report import firmness_words as words
from twin.report.firmness_numbers import Numbers, image
from twin.report.formats import MINUS
from twin.report.traced import stated
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    import pandas as pd

MOST_BARS = 8
"""Parameters of a ranking that are shown; the table beside the run holds all."""
REBOUND, NET, GROSS = "rebound_share", "traffic_co2_t_a", "traffic_co2_gross_change_t_a"
KM_NET, KM_GROSS = "vehicle_km_day", "vehicle_km_gross_change_day"


def sensitivity(page: Numbers) -> dict[str, Any] | None:
    """Return the rankings by KPI and scenario, None where none was made."""
    found = page.decision.sensitivity
    if found is None:
        return None
    groups = [_ranking(page, str(kpi), part) for kpi, part in found.table.groupby("kpi", sort=False)]
    return {
        "short": words.most_often_first(found.table),
        "method": found.method,
        "points": page.traced.html("sensitivity/points"),
        "groups": groups,
        "parameters": list(found.parameters.items()),
        "notes": found.notes,
    }


def _ranking(page: Numbers, kpi: str, table: pd.DataFrame) -> dict[str, Any]:
    """Return the charts of one KPI, all on one scale."""
    morris = page.decision.sensitivity is not None and page.decision.sensitivity.method == "morris"
    shown = KPIS[kpi].shown
    scale, unit = (shown.scale, shown.difference_unit) if morris else (1.0, "share of the variance")
    top = scale * float((table["influence"] + table["confidence"]).max())
    scenarios = []
    for scenario, part in table.groupby("scenario", sort=False):
        base, difference = f"sensitivity/{scenario}/{kpi}", page.decision.kpi(str(scenario), kpi)
        size = abs(float(difference["difference"])) if difference is not None and morris else np.nan
        bars = [_bar(page, base, row, scale, morris) for row in part.head(MOST_BARS).to_dict("records")]
        chart = firmness_charts.ranking_chart(
            page.decision.labels[str(scenario)], f"influence on the difference of {KPIS[kpi].label}, {unit}",
            bars, top, scale * size,
        )  # fmt: skip
        scenarios.append({"chart": image(chart), "words": _leader(page, str(scenario), kpi, part, size)})
    return {"label": stated(KPIS[kpi].label), "scenarios": scenarios}


def _bar(page: Numbers, base: str, row: dict[Any, Any], scale: float, morris: bool) -> firmness_charts.Bar:
    ref = f"{base}/{row['parameter']}"
    shown = page.traced.svg(f"{ref}/influence") + (f" {words.direction(row)}" if morris else "")
    tip = f"{page.traced.text(f'{ref}/influence')} ± {page.traced.text(f'{ref}/confidence')}"
    value, half = scale * row["influence"], scale * row["confidence"]
    return firmness_charts.Bar(row["parameter"], value, half, bool(row["tied"]), shown, tip)


def _leader(page: Numbers, scenario: str, kpi: str, part: pd.DataFrame, size: float) -> Markup:
    """Return in words which parameter matters most, and whether as much as the difference itpage."""
    tied = [str(row["parameter"]) for row in part.to_dict("records")]
    more = int(np.argmin([*part["tied"].to_numpy(bool), False]))  # ties run from the first down to the first gap
    text = words.leaders(tied[: more + 1], whole=more + 1 == len(tied))
    if not np.isfinite(size):
        return text
    against = words.against_difference(float(part["influence"].iloc[0]), size)
    difference = page.traced.link(f"kpi/{scenario}/{kpi}/difference")
    return text + Markup(" The difference itself is {}: {}.").format(difference, against)


def rebound(page: Numbers) -> dict[str, Any] | None:
    """Return what trips that change do to the first effect, None where no scenario changes traffic."""
    decision = page.decision
    names = (REBOUND, NET, GROSS, KM_NET, KM_GROSS)
    known = all(decision.kpi(BASELINE, name) is not None for name in names)
    moved = [s for s in decision.scenarios if known and words.moves(decision, s, (NET, GROSS, KM_NET, KM_GROSS))]
    heat = _heat(page)
    if not moved and not heat and decision.elasticity is None:
        return None
    rows = []
    for scenario in moved:
        share = decision.kpi(scenario, REBOUND)
        plain = words.far(float(share["value"])) if share else ""
        rows.append(
            {
                "label": page.label(scenario),
                "quantities": [
                    {"name": stated(KPIS[net].label), "gross": page.change(scenario, gross)}
                    | {"net": page.change(scenario, net)}
                    for net, gross in ((NET, GROSS), (KM_NET, KM_GROSS))
                ],
                "share": plain or page.traced.html(f"kpi/{scenario}/{REBOUND}/value"),
                "words": words.rebound(decision.kpi(scenario, GROSS), share),
            }
        )
    sweep = _sweep(page)
    return {"short": words.rebound_short(decision, moved), "rows": rows, "sweep": sweep, "heat": heat}


def _heat(page: Numbers) -> list[dict[str, Any]]:
    """Return what homes take back of the heat that a calculation would save, by scenario."""
    return [
        {"label": page.label(scenario)}
        | {part: page.traced.html(f"rebound/{scenario}/heat/{part}") for part in ("calculated", "simulated", "share")}
        for scenario in page.decision.scenarios
        if page.traced.known(f"rebound/{scenario}/heat/share")
    ]


def _sweep(page: Numbers) -> dict[str, Any] | None:
    """Return what is saved at several elasticities, and where the saving turns."""
    found = page.decision.elasticity
    if found is None:
        return None
    parts = {str(scenario): part.reset_index(drop=True) for scenario, part in found.table.groupby("scenario")}
    parts = {scenario: parts[scenario] for scenario in page.decision.scenarios if scenario in parts}
    x = next(iter(parts.values()))["elasticity"].to_numpy(np.float64)
    chart = charts.line_chart(
        charts.Lines(
            "CO₂ saved, by how strongly traffic answers cost", "t/a", f"{found.parameter} →", x,
            (float(x[0]), float(x[-1])), [(float(value), f"{value:g}".replace("-", MINUS)) for value in x],
            {scenario: part["saving_t_a"].to_numpy(np.float64) for scenario, part in parts.items()},
            "above zero is better",
        ),
        page.decision.labels,
    )  # fmt: skip
    return {
        "parameter": stated(found.parameter),
        "chart": image(chart),
        "notes": found.notes,
        "turns": [_turn(page, scenario, found.outcome[scenario]) for scenario in parts],
        "values": [page.traced.html(f"elasticity/{next(iter(parts))}/{k}/elasticity") for k in range(len(x))],
        "rows": [
            {
                "label": page.label(scenario),
                "cells": [
                    (page.traced.html(f"elasticity/{scenario}/{k}/saving_t_a"),
                     page.known(f"elasticity/{scenario}/{k}/rebound_share"))
                    for k in range(len(part))
                ],
            }
            for scenario, part in parts.items()
        ],
    }  # fmt: skip


def _turn(page: Numbers, scenario: str, outcome: str) -> dict[str, Any]:
    text = words.turning(outcome, page.known(f"elasticity/{scenario}/turning"))
    return {"label": page.label(scenario), "short": Markup("{}: {}").format(page.label(scenario), text)}
