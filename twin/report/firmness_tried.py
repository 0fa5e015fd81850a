"""What a study tries and takes itself: its pilot, its own footprint, and the programme that cities share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from twin.decision.figures_more import pilot_units
from twin.decision.footprint import COMPUTING
from twin.decision.kpis import KPIS
from twin.decision.pilot import CITY, CONTROL, EDGE, NOT_SIMULATED, PILOT, entity_areas
from twin.decision.programme import SPLITS
from twin.report import firmness_charts
from twin.report import firmness_words as words
from twin.report.firmness_numbers import Numbers, image
from twin.report.traced import stated
from twin.scenario import selectors

if TYPE_CHECKING:
    import pandas as pd

    from twin.decision.canvas_sections import Pilot

MOST_LEAVERS = 3
"""Groups of a split that are shown."""
TRIFLE_T = 1e-3
"""A footprint below a kilogram of CO2 a year is not printed in tonnes."""
_AREA_NAMES = {PILOT: "pilot", EDGE: "strip around it", CONTROL: "control area", CITY: "whole city"}


def pilot(page: Numbers) -> dict[str, Any] | None:
    """Return what the pilot shows, None where the canvas has none."""
    found = page.decision.pilot
    if found is None:
        return None
    pilot, kpi = found.pilot, KPIS.get(found.pilot.quantity)
    ends = {name: page.interval(f"pilot/{name}/low", f"pilot/{name}/high") for name in ("effect", "spill_over")}
    shown = {"scaled": page.traced.svg("pilot/scaled/value"), "truth": page.traced.svg("pilot/truth")}
    label, unit = kpi.label if kpi else pilot.quantity, pilot_units(pilot)[0] or "as stored"
    subtitle = f"change of {label} of the whole city, {unit}"
    estimate = firmness_charts.estimate_chart("From the pilot to the city", subtitle, found.scaled, found.truth, shown)
    return {
        "short": words.pilot_short(found),
        "scenario": page.label(pilot.scenario),
        "citywide": page.label(pilot.citywide) if pilot.citywide else "",
        "quantity": stated(label),
        "edge": page.traced.html("pilot/edge_m"),
        "rows": [_area(page, str(area)) for area in found.areas.index],
        "effect": {"value": page.traced.html("pilot/effect/value"), "interval": ends["effect"]},
        "effect_words": words.pilot_effect(found.verdict),
        "spill": {"value": page.traced.html("pilot/spill_over/value"), "interval": ends["spill_over"]},
        "spill_words": words.spill_over(found),
        "scaled": {
            "value": page.traced.html("pilot/scaled/value"),
            "interval": page.interval("pilot/scaled/low", "pilot/scaled/high"),
        },
        "truth": "" if found.answer == NOT_SIMULATED else page.traced.html("pilot/truth"),
        "answer": words.pilot_answer(found.answer),
        "alike": page.traced.html("pilot/alike") if found.alike > 1.0 else "",
        "chart": image(estimate),
        "map": _pilot_map(page, pilot),
        "notes": found.notes,
    }


def _area(page: Numbers, area: str) -> dict[str, Any]:
    base = f"pilot/area/{area}"
    each = {name: page.known(f"{base}/{name}") for name in ("entities", "units", "baseline", "change", "per_unit")}
    return each | {"name": _AREA_NAMES[area], "interval": page.interval(f"{base}/low", f"{base}/high")}


def _pilot_map(page: Numbers, pilot: Pilot) -> Markup:
    areas = entity_areas(page.decision.run, pilot)
    rings = [ring for ring in (pilot.inside, pilot.control) if ring is not None]
    outlines = [selectors.polygon(ring, str(areas.crs)) for ring in rings]
    label = page.decision.labels[pilot.scenario]
    subtitle = f"where the measure is tried, and what it is compared with ({pilot.layer})"
    return image(firmness_charts.pilot_map(label, subtitle, areas, outlines, pilot.layer == "links"))


def footprint(page: Numbers) -> dict[str, Any] | None:
    """Return what devices and the run itself take, None where the canvas states neither."""
    found = page.decision.footprint
    if found is None:
        return None
    computing = found.rows[found.rows["item"] == COMPUTING]
    first = f"footprint/{computing['scenario'].iloc[0]}/{COMPUTING}" if len(computing) else ""
    return {
        "short": words.footprint_short(page.decision, found),
        "devices": list(_devices(page, found.rows[found.rows["item"] != COMPUTING])),
        "run": None
        if not first
        else {
            "cpu": page.traced.html("footprint/cpu_seconds"),
            "power": page.known("stated/computing/power_w/value"),
            "runs": page.traced.html(f"{first}/count"),
            "kwh": _range(page, first, "kwh_a"),
            "co2": _range(page, first, "co2_kg_a"),
            "source": computing["source"].iloc[0],
        },
        "net": [_net(page, row) for row in found.net.to_dict("records")],
        "notes": found.notes,
    }


def _devices(page: Numbers, rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the devices of each scenario; scenarios with the same devices stand together."""
    alike: dict[str, list[str]] = {}
    for scenario, part in rows.groupby("scenario", sort=False):
        alike.setdefault(part.drop(columns=["scenario", "item"]).to_json(orient="values"), []).append(str(scenario))
    for scenarios in alike.values():
        base = f"footprint/{scenarios[0]}"
        yield {
            "labels": [page.label(scenario) for scenario in scenarios],
            "rows": [
                {
                    "text": row["text"],
                    "source": row["source"],
                    "count": page.traced.html(f"{base}/{row['item']}/count"),
                    "energy": _range(page, f"{base}/{row['item']}", "kwh_a"),
                    "use": page.traced.html(f"{base}/{row['item']}/use_kg_a"),
                    "embodied": page.traced.html(f"{base}/{row['item']}/embodied_kg_a"),
                    "both": _range(page, f"{base}/{row['item']}", "co2_kg_a"),
                }
                for row in rows[rows["scenario"] == scenarios[0]].to_dict("records")
            ],
        }


def _range(page: Numbers, base: str, name: str) -> dict[str, Markup]:
    ends = page.interval(f"{base}/{name}_low", f"{base}/{name}_high")
    value = page.traced.figures[f"{base}/{name}"].value
    return {"value": page.traced.html(f"{base}/{name}"), "interval": ends if value else Markup("")}


def _net(page: Numbers, row: dict[Any, Any]) -> dict[str, Any]:
    base = f"footprint/net/{row['scenario']}"
    some = row["footprint_t_a"] == 0.0 or row["footprint_t_a"] >= TRIFLE_T
    return {
        "label": page.label(row["scenario"]),
        "gross": page.traced.html(f"{base}/gross_t_a"),
        "footprint": page.traced.html(f"{base}/footprint_t_a") if some else "next to nothing",
        "net": page.traced.html(f"{base}/net_t_a"),
        "interval": page.interval(f"{base}/low", f"{base}/high"),
        "share": page.known(f"{base}/share") if some else "",
        "words": words.net(str(row["verdict"])),
    }


def programme(page: Numbers) -> dict[str, Any] | None:
    """Return the splits of the shared programme side by side, None where the canvas has none."""
    found = page.decision.programme
    if found is None:
        return None
    ids = {label: member for member, label in found.labels.items()}
    chart = firmness_charts.split_chart(
        "What each member pays", "present value, M€",
        {
            found.labels[str(member)]: (row["alone"], {split: row[split] for split in SPLITS})
            for member, row in found.shares.to_dict("index").items()
        },
        words.SPLIT_NAMES,
        lambda label, split: page.traced.svg(f"programme/share/{ids[label]}/{split}"),
    )  # fmt: skip
    return {
        "short": words.programme_short(found),
        "total": page.traced.html("programme/total"),
        "interval": page.interval("programme/low", "programme/high"),
        "saving": page.traced.html("programme/saving"),
        "splits": [(words.SPLIT_NAMES[split], words.SPLIT_MEANING[split], found.stays[split]) for split in SPLITS],
        "members": [
            {"label": label}
            | {
                "cells": [
                    page.traced.html(f"programme/share/{member}/{name}")
                    for name in ("people", "units", "alone", *SPLITS)
                ]
            }
            for member, label in found.labels.items()
        ],
        "leavers": list(_leavers(page)),
        "chart": image(chart) if len(ids) == len(found.labels) else "",
    }


def _leavers(page: Numbers) -> Iterator[dict[str, Any]]:
    found = page.decision.programme
    assert found is not None
    for split, part in found.leavers.groupby("split", sort=False):
        groups = []
        for row in part.head(MOST_LEAVERS).to_dict("records"):
            base = f"programme/leavers/{split}/{row['group']}"
            members = [found.labels[name] for name in row["group"].split(", ")]
            numbers = {name: page.traced.html(f"{base}/{name}") for name in ("pays", "alone", "gain")}
            groups.append({"members": members} | numbers)
        yield {"split": words.SPLIT_NAMES[str(split)], "groups": groups, "more": len(part) > MOST_LEAVERS}
