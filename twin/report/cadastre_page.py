"""The page of a solar cadastre: what the roofs of the city could do, maps, why not the others, which first."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from markupsafe import Markup

from twin import __version__
from twin.report.formats import NOTHING, eur, number
from twin.report.qml import SEQUENTIAL
from twin.report.roof_map import MapClass, class_map
from twin.report.templating import environment
from twin.solar.cadastre import RANKINGS, Cadastre, counts_by_reason
from twin.solar.suitability import CLASS_LIMITS_KWH_M2, CLASSES, SUITABLE

MARKER = "summary.json"
"""Only a folder that holds this file is ever replaced."""
PACKAGE = "solar_cadastre.gpkg"
SHOWN, LONGEST_NAME = 50, 120
"""Buildings of the ranked list that the page shows, and characters of an id in a file name."""
BRIGHT_WALL_KWH_M2 = 600.0
"""Walls with as much are named in the page (class "good" of façades on sonnenfassade.ch, as recalled)."""
RULE_COLOURS = {
    SUITABLE: "#2166ac",
    "faces": "#5f6c7b",
    "shaded": "#e08214",
    "less than": "#9970ab",
    "steeper": "#d9b365",
    "too little sun": "#35978f",
}
"""Colours by how the deciding rule begins."""
OTHER_RULE_COLOUR = "#c7cdd4"
CHOSEN_COLOUR, PART_COLOUR, LATER_COLOUR = "#1b7837", "#7fbf7b", "#e8ebee"


@dataclass(frozen=True)
class CadastreReport:
    """All that the files of a cadastre show.

    `planes` and `buildings` are the tables of `cadastre` with geometry (planes: seen from above; buildings: also name
    and use); `facades` one row per piece of wall; `parameters` rows of path, shown, unit, meaning, source; `sheets` the
    pages of single roofs by building id, made when written.
    """

    title: str
    cadastre: Cadastre
    planes: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame
    ranked: pd.DataFrame
    by: str
    budget_eur: float | None
    rules: str
    city_p90_kwh: float
    parameters: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    weather: list[str]
    notes: list[str]
    facades: gpd.GeoDataFrame | None = None
    sheets: Mapping[str, Callable[[], str]] = field(default_factory=dict)


def sheet_path(building_id: str) -> str:
    """Return the file name of a building's sheet; ids may hold what file names may not."""
    safe = "".join(c if c.isalnum() or c in "-_." else f"~{ord(c):x}" for c in building_id).lstrip(".") or "_"
    if len(safe) > LONGEST_NAME:
        safe = f"{safe[:LONGEST_NAME]}~{hashlib.blake2b(building_id.encode(), digest_size=6).hexdigest()}"
    return f"sheets/{safe}.html"


def rule_colours(reason: pd.Series) -> dict[str, str]:
    """Return a colour per deciding rule, the same in every city: the suitable first, then from frequent to rare."""
    counts = reason.str.split(":").str[0].value_counts()
    others = sorted((k for k in counts.index if k != SUITABLE), key=lambda k: (-counts[k], k))
    return {name: _rule_colour(name) for name in (SUITABLE, *others)}


def _rule_colour(name: str) -> str:
    return next((colour for start, colour in RULE_COLOURS.items() if name.startswith(start)), OTHER_RULE_COLOUR)


def render_index(report: CadastreReport, more_files: list[tuple[str, str]]) -> str:
    """Return the page that shows the whole city."""
    totals, links = report.cadastre.totals, _links(report)
    rows = _rows(report)
    has_walls = report.facades is not None and len(report.facades) > 0
    described = [
        (PACKAGE, "roof planes and buildings" + (" and façades" if has_walls else "")
         + ", with styles for QGIS"),
        ("ranked.csv", "the ranked list"),
        (MARKER, "sums, parameters and sources as data"),
        *more_files,
    ]  # fmt: skip
    return (
        environment()
        .get_template("solar_index.html.j2")
        .render(
            common(report)
            | {
                "heading": f"Solar cadastre of {report.title}",
                "lead": _lead(report),
                "rules": report.rules,
                "cards": _cards(report),
                "maps": [Markup(m) for m in _maps(report, links) if m],  # noqa: S704 made by twin.report.svg, which escapes
                "sheets": bool(links),
                "reasons": [
                    {
                        "reason": name,
                        "planes": number(row["planes"]),
                        "area": number(row["area_m2"]),
                        "share": number(100 * row["area_m2"] / max(totals["roof_area_m2"], 1e-9), 1),
                    }
                    for name, row in counts_by_reason(report.cadastre.planes).iterrows()
                ],
                "ranking": _ranking(report),
                "by": RANKINGS[report.by],
                "rows": rows,
                "more": number(len(report.ranked) - len(rows)) if len(report.ranked) > len(rows) else "",
                "facades": _facades(report),
                "files": [{"name": name, "what": what} for name, what in described],
            }
        )
    )


def common(report: CadastreReport) -> dict[str, Any]:
    """Return what every page of a cadastre shows."""
    return {
        "city": report.title,
        "notes": report.notes,
        "parameters": report.parameters,
        "sources": report.sources,
        "weather": report.weather,
        "version": __version__,
    }


def _lead(report: CadastreReport) -> str:
    t = report.cadastre.totals
    share = t["suitable_area_m2"] / max(t["roof_area_m2"], 1e-9)
    percent = number(100 * t["pv_potential_kwh_a"] / t["demand_kwh_a"]) if t["demand_kwh_a"] > 0.0 else ""
    against = f", as much as {percent} % of the electricity that these buildings use" if percent else ""
    return (
        f"{number(t['suitable_buildings'])} of {number(t['buildings'])} buildings have a roof that suits PV. "
        f"Modules may use {number(100 * share)} % of the roof area; they would yield "
        f"{number(t['pv_potential_kwh_a'] / 1e6, 2)} GWh a year{against}."
    )


def _cards(report: CadastreReport) -> list[dict[str, str]]:
    t, buildings = report.cadastre.totals, report.cadastre.buildings
    kwh = buildings["pv_potential_kwh_a"].to_numpy(np.float64)
    lcoe = _weighted_median(buildings["lcoe_eur_kwh"].to_numpy(np.float64), kwh)
    made = f"making the modules emitted {number(t['co2_embodied_t'] / 1e3, 2)}, not deducted"
    installed = f"{number(t['installed_kwp'])} of {number(t['pv_potential_kwp'])} kWp"
    return [
        {
            "value": f"{number(t['pv_potential_kwp'] / 1e3, 2)} MWp",
            "label": "PV potential",
            "note": "↑ higher is better",
        },
        {
            "value": f"{number(t['pv_potential_kwh_a'] / 1e6, 2)} GWh/a",
            "label": "expected yield",
            "note": f"nine years in ten above {number(report.city_p90_kwh / 1e6, 2)} (P90)",
        },
        {"value": f"{number(100 * t['installed_share'], 1)} %", "label": "installed already", "note": installed},
        {
            "value": f"{number(100 * lcoe, 1)} ct/kWh" if math.isfinite(lcoe) else NOTHING,
            "label": "levelised cost",
            "note": "half of the yield costs less; ↓ lower is better",
        },
        {
            "value": eur(t["npv_eur"]),
            "label": "net present value of all",
            "note": f"for {eur(t['capex_eur'])} of capital; ↑ higher is better",
        },
        {
            "value": f"{number(t['co2_avoided_t'] / 1e3, 2)} kt",
            "label": "CO2 avoided over the life",
            "note": f"{made}; ↑ higher is better",
        },
    ]


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    known = np.isfinite(values) & (weights > 0.0)
    if not known.any():
        return math.nan
    order = np.argsort(values[known], kind="stable")
    total = np.cumsum(weights[known][order])
    return float(values[known][order][np.searchsorted(total, total[-1] / 2)])


def _ranking(report: CadastreReport) -> str:
    chosen = report.ranked
    goal = RANKINGS[report.by]
    if not len(chosen):
        return f"No roof is worth it by this measure ({goal}) and these prices."
    sums = chosen[["kwp", "kwh_a", "capex_eur", "co2_avoided_t", "npv_eur"]].sum()
    spent = f"With {eur(report.budget_eur)}" if report.budget_eur is not None else "Without a limit"
    return (
        f"{spent}, {goal}: {number(len(chosen))} buildings with {number(sums['kwp'] / 1e3, 2)} MWp for "
        f"{eur(sums['capex_eur'])}, {number(sums['kwh_a'] / 1e6, 2)} GWh a year, "
        f"{number(sums['co2_avoided_t'])} t of CO2 avoided over the life, net present value {eur(sums['npv_eur'])}."
    )


def _facades(report: CadastreReport) -> str:
    if report.facades is None:
        return ""
    if not len(report.facades):
        return "No free wall is known."
    area, light = report.facades["area_m2"], report.facades["irradiation_kwh_m2"]
    good, mean = light >= BRIGHT_WALL_KWH_M2, (area * light).sum() / max(area.sum(), 1e-9)
    return (
        f"{number(area.sum())} m² of wall receive {number(mean)} kWh/m² a year on average; "
        f"{number(area[good].sum())} m² receive {number(BRIGHT_WALL_KWH_M2)} or more. "
        "They are the layer facades of the GeoPackage."
    )


def _links(report: CadastreReport) -> dict[str, tuple[str, str]]:
    rank = report.ranked["rank"]
    links = {}
    for name in report.sheets:
        place = f", rank {rank[name]}" if name in rank.index else ""
        links[name] = sheet_path(name), f"{building_name(report, name)}{place}"
    return links


def building_name(report: CadastreReport, building_id: str) -> str:
    """Return the name of a building for readers, its id when it has none."""
    name = str(report.buildings.at[building_id, "name"]) if "name" in report.buildings.columns else ""
    return name or building_id


def _maps(report: CadastreReport, links: dict[str, tuple[str, str]]) -> list[str]:
    planes, outlines = report.planes, report.buildings.geometry
    limits = [number(x) for x in CLASS_LIMITS_KWH_M2]
    ranges = [f"below {limits[0]}", *(f"{a} to {b}" for a, b in pairwise(limits))]
    ranges.append(f"above {limits[-1]}")
    sun = [MapClass(f"{r} ({c})", colour) for r, c, colour in zip(ranges, CLASSES, SEQUENTIAL, strict=True)]
    level = np.digitize(planes["irradiation_kwh_m2"].to_numpy(), CLASS_LIMITS_KWH_M2)
    colours = rule_colours(planes["reason"])
    rules = [MapClass(name, colour) for name, colour in colours.items()]
    rule = planes["reason"].str.split(":").str[0].map({k: i for i, k in enumerate(colours)}).to_numpy()
    share = report.ranked["equipped_share"].reindex(outlines.index).to_numpy(np.float64)
    chosen = np.select([share >= 1.0, share > 0.0], [0, 1], 2)
    chosen = np.where((chosen == 2) & (report.buildings["pv_potential_kwp"].to_numpy() <= 0.0), 3, chosen)
    spent = "all worth it" if report.budget_eur is None else f"within {eur(report.budget_eur)}"
    first = [
        MapClass(f"equipped ({spent})", CHOSEN_COLOUR),
        MapClass("equipped in part (the budget ends here)", PART_COLOUR),
        MapClass("suitable, later", "#c7cdd4"),
        MapClass("no suitable roof", LATER_COLOUR),
    ]
    by = f"{RANKINGS[report.by]} · dark green comes first"
    open_ = {"background": outlines, "links": links, "link_shapes": outlines}
    return [
        class_map("Sun on roof planes, with shading", "irradiation of the year in kWh/m² · ↑ higher is better",
                  planes.geometry, level, sun, **open_),
        class_map("Which rule decides", "roof planes by the first rule broken", planes.geometry, rule, rules, **open_),
        class_map("Which roofs first", by, outlines, chosen, first, links=links, link_shapes=outlines),
    ]  # fmt: skip


def _rows(report: CadastreReport) -> list[dict[str, str]]:
    table = report.ranked.head(SHOWN).join(
        report.buildings[["self_consumption_share", "lcoe_eur_kwh", "payback_a", "cost_eur_t_co2", "p90_kwh_a"]]
    )
    missing = 1.0 - report.buildings["installed_share"].reindex(table.index).clip(0.0, 1.0)
    rows = []
    for name, row in table.iterrows():
        share = float(row["equipped_share"])
        about = [str(name) if building_name(report, str(name)) != name else ""]
        about.append(f"{100 * share:.0f} % of the roof, then the budget ends" if share < 1.0 else "")
        rows.append(
            {
                "rank": number(row["rank"]),
                "name": building_name(report, str(name)),
                "about": " · ".join(filter(None, about)),
                "sheet": sheet_path(str(name)) if name in report.sheets else "",
                "kwp": number(row["kwp"], 1),
                "mwh": number(row["kwh_a"] / 1e3, 1),
                "p90": number(row["p90_kwh_a"] * share * missing[name] / 1e3, 1),
                "used": number(100 * row["self_consumption_share"]),
                "lcoe": number(100 * row["lcoe_eur_kwh"], 1),
                "payback": number(row["payback_a"], 1),
                "npv": number(row["npv_eur"] / 1e3, 1),
                "per_tonne": number(row["cost_eur_t_co2"]),
                "spent": number(row["cumulative_capex_eur"] / 1e3),
            }
        )
    return rows
