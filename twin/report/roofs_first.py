"""Which roofs first: the ranked lists of PV programmes, with the reason for each place and the running total."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twin.report.formats import eur, number
from twin.report.layers import building_names
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

SHOWN = 30
"""Places of a list that the report prints; the rest is summed up, and in run.json."""
SCORES = {
    "cost_per_tonne": ("Cost per tonne of CO₂", "€/t"),
    "net_present_value": ("Net present value per euro", "€/€"),
    "yield": ("Yield", "kWh/kWp"),
}
SURFACES = {"roofs": "roof", "facades": "façade"}


def programme_sections(run: Run, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return, per scenario and programme that ranked buildings: what it buys, and the list of them.

    A list that an earlier scenario has already, with the same places and amounts, is only named.
    """
    sections: list[dict[str, Any]] = []
    seen: dict[str, str] = {}
    for scenario in (BASELINE, *run.info["scenarios"]):
        for change in run.info["changes"].get(scenario, []):
            rows = change.get("rows", [])
            if change["type"] != "pv_programme" or not rows:
                continue
            key = repr(rows)
            places = {} if key in seen else _places(run, scenario, rows[:SHOWN])
            sections.append(_section(change, labels[scenario], seen.get(key, ""), places))
            seen.setdefault(key, labels[scenario])
    return sections


def _places(run: Run, scenario: str, rows: list[dict[str, Any]]) -> dict[str, str]:
    """Return names for the buildings of a list."""
    buildings = run.layer(scenario, "buildings")
    chosen = buildings[buildings.index.isin([row["building_id"] for row in rows])]
    return building_names(chosen, run.layer(scenario, "links"))


def _section(change: Mapping[str, Any], label: str, same_as: str, places: Mapping[str, str]) -> dict[str, Any]:
    amounts, rows = change["quantities"], change["rows"]
    heading, unit = SCORES[rows[0]["ranking"]]
    return {
        "label": label,
        "same_as": same_as,
        "buildings": f"{number(amounts['buildings'])} of {number(amounts['candidates'])}",
        "spent": f"{eur(amounts['cost_eur'])} of {eur(amounts['budget_eur'])}",
        "power": number(amounts["kwp"]),
        "energy": number(amounts["kwh_a"] / 1e3),
        "used": number(100 * amounts["used_kwh_a"] / amounts["kwh_a"]),
        "co2": number(amounts["co2_kg_a"] / 1e3, 1),
        "npv": eur(amounts["npv_eur"]),
        "heading": heading,
        "unit": unit,
        "rows": [] if same_as else [_row(place, row, places) for place, row in enumerate(rows[:SHOWN], start=1)],
        "more": 0 if same_as else max(len(rows) - SHOWN, 0),
    }


def _row(place: int, row: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, str]:
    decimals = 2 if row["ranking"] == "net_present_value" else 0
    part = (
        "" if row["part"] == 1.0 else f"{number(100 * row['part'], 1)} % of the {SURFACES[row['surface']]}: money ends"
    )
    return {
        "place": str(place),
        "name": places.get(row["building_id"], row["name"] or row["building_id"]),
        "what": f"{row['use']}, {SURFACES[row['surface']]}",
        "score": number(row["score"], decimals),
        "why": why(row),
        "power": number(row["kwp"], 1 if row["kwp"] < 100 else 0),
        "part": part,
        "co2": number(row["co2_kg_a"] / 1e3, 1),
        "cost": eur(row["cost_eur"]),
        "total": eur(row["spent_eur"]),
    }


def why(row: Mapping[str, Any]) -> str:
    """Return what put a building at its place: how much sun it has, and how much of the output it uses itself."""
    sun = f"{number(row['kwh_a'] / row['kwp'])} kWh per kWp"
    if row["ranking"] == "yield":
        return sun
    return f"{sun}, {number(100 * row['used_kwh_a'] / row['kwh_a'])} % of it used in the building"
