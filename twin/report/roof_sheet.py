"""The sheet of one building's roof: what the sun gives, what shade takes, which rule decides, from area to money."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from twin.report import charts, svg
from twin.report.cadastre_page import CadastreReport, building_name, common
from twin.report.formats import NOTHING, eur, number
from twin.report.maps import BUILDING, HEAD, LAND, WIDTH, city_frame, north_arrow, scale_bar
from twin.report.templating import environment
from twin.scenario.store import BASELINE
from twin.solar.economics import EconomicsParameters, Prices
from twin.solar.parameters import SolarParameters
from twin.solar.suitability import FLAT_TILT_DEG

YES, NO = "#2166ac", "#b9c0c8"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
POINTS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
AROUND_M = 8.0
MAX_PLANES = 40
"""Planes that the sheet shows one by one; the largest come first."""


@dataclass(frozen=True)
class RoofYear:
    """The hours of one building: PV of the whole potential and demand, kW (8760,), and what batteries change.

    `curve` is `storage.battery_curve`; None, like `demand_kw`, where the demand is not known. `storeys` holds the
    pieces of wall by storey (`assessment.storey_light`), where they were asked for.
    """

    pv_kw: NDArray[np.float32]
    demand_kw: NDArray[np.float32] | None = None
    curve: pd.DataFrame | None = None
    storeys: pd.DataFrame | None = None


@dataclass(frozen=True)
class SheetParameters:
    """What the explanations quote."""

    solar: SolarParameters
    economics: EconomicsParameters
    prices: Prices
    latitude: float


def render_sheet(report: CadastreReport, building_id: str, year: RoofYear, parameters: SheetParameters) -> str:
    """Return the sheet of a building as one page that needs no other file."""
    row = report.cadastre.buildings.loc[[building_id]].iloc[0]
    planes = report.planes[report.planes["building_id"] == building_id].sort_values("area_m2", ascending=False)
    name = building_name(report, building_id)
    rules = _rules(parameters, planes)
    shown = planes.head(MAX_PLANES)
    labels = [
        f"{i + 1}: {_direction(t, a)}"
        for i, (t, a) in enumerate(zip(shown["tilt_deg"], shown["azimuth_deg"], strict=True))
    ]
    content = {
        "heading": name if name != building_id else f"Roof of {building_id}",
        "building_id": building_id,
        "lead": _lead(row, len(planes)),
        "cards": _cards(row, report, building_id),
        "plan": _svg(_plan(shown, report.buildings)),
        "light": _svg(_light_chart(shown, labels, parameters.solar)),
        "rule_names": list(rules),
        "planes": [
            {
                "label": label,
                "area": number(plane["area_m2"], 1),
                "cells": [{"text": cells[i][0], "ok": cells[i][1]} for cells in rules.values()],
                "reason": plane["reason"],
            }
            for i, (label, plane) in enumerate(zip(labels, shown.to_dict("records"), strict=True))
        ],
        "chain": _chain(row, planes, parameters),
        "charts": [_svg(chart) for chart in _year_charts(year, parameters)],
        "sides": _sides(year.storeys),
        "storeys": _storeys(year.storeys),
        "certainty": _certainty(row),
        "errors": _errors(row),
    }
    return environment().get_template("solar_sheet.html.j2").render(common(report) | content)


def _svg(image: str) -> Markup:
    return Markup(image)  # noqa: S704 `twin.report.svg` escapes every text and attribute


def _direction(tilt: float, azimuth: float) -> str:
    if tilt < 0.5:
        return "flat"
    return f"{tilt:.0f}° to the {POINTS[int((azimuth + 22.5) % 360 // 45)]}"


def _lead(row: pd.Series, planes: int) -> str:
    if row["pv_potential_kwp"] <= 0.0:
        return f"No plane of this roof suits PV. The largest: {row['reason']}."
    loss = number(100 * row["shading_loss_share"], 1)
    return (
        f"{number(row['suitable_planes'])} of {planes} roof planes suit PV: {number(row['pv_potential_kwp'], 1)} kWp "
        f"that yield {number(row['pv_potential_kwh_a'])} kWh a year. Shade takes {loss}\u00a0% of the sun on the roof."
    )


def _cards(row: pd.Series, report: CadastreReport, building_id: str) -> list[dict[str, str]]:
    rank = report.ranked["rank"]
    place = f"rank {rank[building_id]} of {len(rank)}" if building_id in rank.index else "not in the ranked list"
    pays = number(row["payback_a"], 1) + " years" if math.isfinite(row["payback_a"]) else "not within its life"
    lcoe = f"{number(100 * row['lcoe_eur_kwh'], 1)} ct/kWh" if math.isfinite(row["lcoe_eur_kwh"]) else NOTHING
    installed = f"{number(row['installed_kwp'], 1)} kWp installed already ({number(100 * row['installed_share'])} %)"
    return [
        {"value": f"{number(row['pv_potential_kwp'], 1)} kWp", "label": "power that fits", "note": installed},
        {
            "value": f"{number(row['p50_kwh_a'])} kWh/a",
            "label": "expected yield",
            "note": f"nine years in ten above {number(row['p90_kwh_a'])} (P90) · ↑ higher is better",
        },
        {"value": lcoe, "label": "levelised cost", "note": "↓ lower is better"},
        {"value": eur(row["npv_eur"]), "label": "net present value", "note": f"{place} · ↑ higher is better"},
        {"value": pays, "label": "payback", "note": f"of {eur(row['capex_eur'])} · ↓ lower is better"},
        {
            "value": f"{number(row['co2_avoided_t'], 1)} t",
            "label": "CO2 avoided over the life",
            "note": f"making the modules emitted {number(row['co2_embodied_t'], 1)}, not deducted · ↑ higher is better",
        },
    ]


def _rules(parameters: SheetParameters, planes: pd.DataFrame) -> dict[str, list[tuple[str, bool]]]:
    """Return each rule that is in force with the planes' figures and whether they keep it."""
    p = parameters.solar
    pole = 0.0 if parameters.latitude >= 0.0 else 180.0
    rules: dict[str, list[tuple[str, bool]]] = {}
    if p.minimum_area_m2 > 0.0:
        inner, least = planes["inner_area_m2"], p.minimum_area_m2
        rules[f"contiguous ≥ {least:g} m²"] = [(number(a, 1), a >= least) for a in inner]
    if p.maximum_tilt_deg < 90.0:
        rules[f"tilt ≤ {p.maximum_tilt_deg:g}°"] = [(f"{t:.0f}°", t <= p.maximum_tilt_deg) for t in planes["tilt_deg"]]
    if p.poleward_sector_deg > 0.0:
        rules["not to the pole, unless flat"] = [
            (_direction(t, a), t <= FLAT_TILT_DEG or abs((a - pole + 180) % 360 - 180) >= p.poleward_sector_deg)
            for t, a in zip(planes["tilt_deg"], planes["azimuth_deg"], strict=True)
        ]
    if p.minimum_irradiation_share > 0.0:
        # Rounded down, so that the printed share is never the one that it misses.
        rules[f"sun ≥ {100 * p.minimum_irradiation_share:g} % of unshaded"] = [
            (f"{math.floor(100 * (1 - loss) + 1e-9)} %", 1 - loss >= p.minimum_irradiation_share)
            for loss in planes["shading_loss_share"]
        ]
    if p.minimum_irradiation_kwh_m2 > 0.0:
        rules[f"sun ≥ {p.minimum_irradiation_kwh_m2:g} kWh/m²"] = [
            (number(math.floor(x)), x >= p.minimum_irradiation_kwh_m2) for x in planes["irradiation_kwh_m2"]
        ]
    return rules


def _plan(planes: gpd.GeoDataFrame, around: gpd.GeoDataFrame) -> str:
    """Return the roof from above: planes by verdict, numbered, with arrows down their slope."""
    frame = city_frame({"buildings": planes.geometry.buffer(AROUND_M)})
    west, south, east, north = planes.total_bounds
    margin = max(east - west, north - south) + 20.0
    near = around.geometry.cx[west - margin : east + margin, south - margin : north + margin]
    body = [svg.element("path", d="".join(frame.path(shape) for shape in near), fill=BUILDING, stroke="#fff")]
    for i, (shape, good, tilt, azimuth) in enumerate(
        zip(planes.geometry, planes["suitable"], planes["tilt_deg"], planes["azimuth_deg"], strict=True)
    ):
        body.append(svg.element("path", d=frame.path(shape), fill=YES if good else NO, stroke="#fff", stroke_width=1.5))
        point = shape.representative_point()
        x, y = (point.x - frame.west) * frame.scale, (frame.north - point.y) * frame.scale + HEAD
        if tilt >= 0.5:
            dx, dy = 22 * math.sin(math.radians(azimuth)), -22 * math.cos(math.radians(azimuth))
            body.append(svg.line(x, y, x + dx, y + dy, stroke="#fff", stroke_width=2))
            body.append(svg.element("circle", cx=float(x + dx), cy=float(y + dy), r=3.2, fill="#fff"))
        body.append(svg.text(x - dx * 0.45 if tilt >= 0.5 else x, y - dy * 0.45 + 4 if tilt >= 0.5 else y + 4,
                             str(i + 1), text_anchor="middle", font_size=13, font_weight="700", fill="#fff",
                             stroke=YES if good else "#5f6c7b", stroke_width=2.5, paint_order="stroke"))  # fmt: skip
    height = frame.height
    parts = [
        svg.text(4, 16, "The roof from above", font_size=14, font_weight="600", fill=svg.INK),
        svg.text(4, 33, "blue: suitable · grey: not · the dotted end of a line lies down the slope", font_size=11,
                 fill=svg.MUTED),
        svg.rect(0, HEAD, WIDTH, height, fill=LAND, stroke=svg.GRID),
        svg.element("svg", "".join(body), x="0", y=svg.num(HEAD), width=svg.num(WIDTH), height=svg.num(height),
                    viewBox=f"0 {svg.num(HEAD)} {svg.num(WIDTH)} {svg.num(height)}"),
        scale_bar(frame),
        north_arrow(frame),
    ]  # fmt: skip
    return svg.document(WIDTH, HEAD + height + 4, "The roof planes from above", "".join(parts), "map")


def _light_chart(planes: pd.DataFrame, labels: list[str], parameters: SolarParameters) -> str:
    """Return one bar per plane: what arrives, and what shade takes of the same plane in the open."""
    left, right, top, step = 150.0, 16.0, 62.0, 25.0
    high = max(float(planes["unshaded_kwh_m2"].max()), 1.0) * 1.02
    bottom = top + step * len(planes)

    def at(value: float) -> float:
        return left + value / high * (WIDTH - left - right)

    parts = [
        svg.text(4, 16, "Sun on each plane in a year", font_size=14, font_weight="600", fill=svg.INK),
        svg.text(4, 33, "kWh/m² · dark: arrives · pale: taken by shade · ↑ higher is better", font_size=11,
                 fill=svg.MUTED),
    ]  # fmt: skip
    for tick in svg.ticks(0.0, high, 5):
        parts.append(svg.line(at(tick), top, at(tick), bottom, stroke=svg.GRID))
        parts.append(svg.text(at(tick), bottom + 15, number(tick), text_anchor="middle", font_size=11, fill=svg.MUTED))
    share = parameters.minimum_irradiation_share
    for i, (label, got, open_, good) in enumerate(
        zip(labels, planes["irradiation_kwh_m2"], planes["unshaded_kwh_m2"], planes["suitable"], strict=True)
    ):
        y = top + step * i + 4
        parts.append(svg.text(left - 8, y + 12, label, text_anchor="end", font_size=11.5, fill=svg.INK))
        parts.append(svg.rect(left, y, at(open_) - left, 16, fill="#f3d9a4"))
        parts.append(svg.rect(left, y, at(got) - left, 16, fill=YES if good else "#7d8894"))
        inside = got > 0.25 * high
        parts.append(
            svg.text(at(got) - 6 if inside else at(open_) + 6, y + 12, number(got),
                     text_anchor="end" if inside else "start", font_size=11, fill="#fff" if inside else svg.INK)
        )  # fmt: skip
        if 0.0 < share < 1.0:
            parts.append(
                svg.line(at(share * open_), y - 3, at(share * open_), y + 19, stroke=svg.INK, stroke_width=1.6)
            )
    note = f"black mark: {100 * share:g} % of the unshaded sun, which the rule asks" if 0.0 < share < 1.0 else ""
    parts.append(svg.text(4, bottom + 34, note, font_size=11, fill=svg.MUTED))
    return svg.document(WIDTH, bottom + 42, "Sun on each roof plane", "".join(parts), "chart")


def _chain(row: pd.Series, planes: pd.DataFrame, parameters: SheetParameters) -> list[dict[str, str]]:
    """Return the steps from roof area to money, each with how it follows from the one before."""
    s, e, p = parameters.solar, parameters.economics, parameters.prices
    suits, area = planes["suitable"].to_numpy(bool), planes["area_m2"].to_numpy(np.float64)
    steps = [
        ("Roof area", f"{number(area.sum(), 1)} m²", f"true area of {len(planes)} planes, not their shadow on a map")
    ]
    steps.append(("Suitable planes", f"{number(area[suits].sum(), 1)} m²", "planes that keep every rule"))
    if not suits.any():
        return [dict(zip(("label", "value", "note"), step, strict=True)) for step in steps]
    usable, kwp = float(planes["usable_area_m2"].sum()), float(row["pv_potential_kwp"])
    setback = f"inside a setback of {s.setback_m:g} m, " if s.setback_m > 0.0 else ""
    flat = bool((planes["tilt_deg"].to_numpy()[suits] <= FLAT_TILT_DEG).any())
    racks = f"; on flat planes racks at {s.rack_tilt_deg:g}° cover {100 * s.flat_coverage:g} %" if flat else ""
    used, kwh = float(row["self_consumption_share"]), float(row["pv_potential_kwh_a"])
    demand = f" of a demand of {number(row['demand_kwh_a'])} kWh" if row["demand_kwh_a"] else "; no demand is known"
    steps += [
        ("Usable for modules", f"{number(usable, 1)} m²",
         f"{setback}chimneys, dormers, plant and edges left out ({100 * s.usable_share:g} % used, if not measured)"),
        ("Modules", f"{number(kwp / s.module_efficiency, 1)} m²", f"{100 * s.pitched_coverage:g} % of pitched planes "
         f"covered{racks}"),
        ("Power", f"{number(kwp, 1)} kWp", f"{s.module_efficiency:g} kWp per m² of module"),
        ("Yield of the first year", f"{number(kwh)} kWh", f"{number(row['specific_yield_kwh_kwp'])} kWh per kWp after "
         f"temperature, {100 * s.system_losses:.3g} % system losses and inverter; falls by "
         f"{100 * e.degradation:.3g} % a year"),
        ("Used in the building", f"{number(kwh * used)} kWh", f"{number(100 * used)} % of the yield, hour by hour"
         f"{demand}; worth {100 * p.price_eur_kwh:g} ct/kWh"),
        ("Fed into the grid", f"{number(kwh * (1 - used))} kWh", f"paid {100 * p.export_price_eur_kwh:g} ct/kWh"),
        ("Earned or saved in the first year", f"{number(row['revenue_eur_a'])} €", "used and fed in, at these prices"),
        ("Capital", f"{number(row['capex_eur'])} €", f"{number(p.pv_cost_eur_kwp)} € per kWp; inverter again after "
         f"{e.inverter_life_a:g} years for {number(e.inverter_cost_eur_kwp * kwp)} €"),
        ("Upkeep", f"{number(row['cost_eur_a'])} € a year", f"{100 * e.opex_share:g} % of the capital"),
        ("Levelised cost", f"{number(100 * row['lcoe_eur_kwh'], 1)} ct/kWh", f"all costs over all yield of "
         f"{e.life_a:g} years, both discounted at {100 * e.discount_rate:g} % (real)"),
        ("Net present value", f"{number(row['npv_eur'])} €", "what remains of earnings after capital and upkeep"),
        ("CO2 avoided over the life", f"{number(row['co2_avoided_t'], 1)} t", f"{1000 * p.co2_kg_kwh:g} g for each kWh "
         f"used in the building, {1000 * p.export_co2_kg_kwh:g} g for each kWh fed in"),
        ("CO2 of making the modules", f"{number(row['co2_embodied_t'], 1)} t",
         f"{number(e.embodied_co2_kg_kwp)} kg per kWp, not deducted above"),
    ]  # fmt: skip
    return [dict(zip(("label", "value", "note"), step, strict=True)) for step in steps]


def _sides(walls: pd.DataFrame | None) -> list[str]:
    if walls is None or not len(walls):
        return []
    return [POINTS[k] for k in np.unique(np.floor((walls["azimuth_deg"] + 22.5) % 360 // 45).astype(int))]


def _storeys(walls: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return one row per storey, the top first: mean irradiation and area by orientation."""
    if walls is None or not len(walls):
        return []
    side = np.floor((walls["azimuth_deg"] + 22.5) % 360 // 45).astype(int)
    parts = walls.assign(side=side, sun=walls["irradiation_kwh_m2"] * walls["area_m2"])
    sums = parts.groupby(["storey", "side"])[["sun", "area_m2"]].sum()
    rows = []
    for storey in sorted(set(walls["storey"]), reverse=True):
        cells = []
        for k in np.unique(side):
            known = (storey, k) in sums.index
            sun, area = sums.loc[(storey, k)] if known else (0.0, 0.0)
            cells.append(
                {"sun": number(sun / area) if known else NOTHING, "area": f"{number(area)} m²" if known else ""}
            )
        rows.append({"name": "ground floor" if storey == 0 else f"storey {storey}", "cells": cells})
    return rows


def _certainty(row: pd.Series) -> str:
    if row["p50_kwh_a"] <= 0.0:
        return "There is no yield to be unsure of."
    return (
        f"Expected are {number(row['p50_kwh_a'])} kWh a year (P50: as likely more as less). Nine single years in ten "
        f"exceed {number(row['p90_kwh_a'])} kWh (P90); the mean of its life exceeds {number(row['p90_life_kwh_a'])} "
        "kWh with the same probability. The errors are independent: their squares add up."
    )


def _errors(row: pd.Series) -> list[dict[str, str]]:
    how = {
        "sd_weather": ("The weather of a single year", "parameter, moderated by the weather years given"),
        "sd_model": ("Irradiation data, module rating, losses", "parameter"),
        "sd_angle": ("Tilt and azimuth of the roof", "yield at plus and minus one standard deviation"),
        "sd_height": ("Heights of this and other buildings", "the city drawn again with other heights"),
        "sd_year": ("Together, for one year", "root of the sum of squares"),
    }
    return [{"name": n, "sd": number(100 * row[k], 1), "how": h} for k, (n, h) in how.items()]


def _year_charts(year: RoofYear, parameters: SheetParameters) -> list[str]:
    if not year.pv_kw.any():
        return []
    shown = [_month_chart(year)]
    series: dict[str, Any] = {"pv": year.pv_kw}
    labels = {"pv": "PV of the whole roof", BASELINE: "electricity demand of the building"}
    if year.demand_kw is not None:
        series[BASELINE] = year.demand_kw
    marks = [(float(h), f"{h:02d}") for h in range(0, 25, 6)]
    summer, winter = (charts.SUMMER, charts.WINTER) if parameters.latitude >= 0.0 else (charts.WINTER, charts.SUMMER)
    for months, season in ((summer, "summer"), (winter, "winter")):
        values = {k: charts.typical_day(v, months) for k, v in series.items()}
        note = "mean working day"
        lines = charts.Lines(f"A {season} day", "kW", "hour (local standard time)", charts.HOUR_MIDDLES, charts.DAY,
                             marks, values, note)  # fmt: skip
        shown.append(charts.line_chart(lines, labels))
    if year.curve is not None and len(year.curve) > 1:
        shown.append(_battery_chart(year.curve))
    return shown


def _month_chart(year: RoofYear) -> str:
    """Return PV and demand of the months as bars beside each other."""
    left, right, top, bottom = 62.0, 14.0, 56.0, 226.0
    edges = charts.MONTH_HOURS
    series = {"PV of the whole roof": (year.pv_kw, svg.SCENARIO_COLOURS[0])}
    if year.demand_kw is not None:
        series["electricity demand"] = (year.demand_kw, "#9aa3ad")
    sums = {k: np.add.reduceat(v.astype(np.float64), edges[:-1]) for k, (v, _) in series.items()}
    high = max(float(v.max()) for v in sums.values()) or 1.0
    step = svg.nice_step(high, 4)
    high = step * math.ceil(high / step)
    parts = [
        svg.text(4, 16, "Months", font_size=14, font_weight="600", fill=svg.INK),
        svg.text(4, 33, "kWh", font_size=11, fill=svg.MUTED),
    ]
    for tick in svg.ticks(0.0, high, 4):
        y = bottom - tick / high * (bottom - top)
        parts.append(svg.line(left, y, WIDTH - right, y, stroke=svg.GRID))
        parts.append(
            svg.text(left - 8, y + 4, number(tick, svg.tick_decimals(step)), text_anchor="end", font_size=11,
                     fill=svg.MUTED)
        )  # fmt: skip
    slot = (WIDTH - left - right) / 12
    wide = slot * 0.8 / len(series)
    for k, (name, (_, colour)) in enumerate(series.items()):
        for month, value in enumerate(sums[name]):
            tall = value / high * (bottom - top)
            parts.append(svg.rect(left + slot * month + slot * 0.1 + wide * k, bottom - tall, wide, tall, fill=colour))
    for month, name in enumerate(MONTHS):
        parts.append(
            svg.text(left + slot * (month + 0.5), bottom + 16, name, text_anchor="middle", font_size=11, fill=svg.MUTED)
        )
    for k, (name, (_, colour)) in enumerate(series.items()):
        parts.append(svg.rect(left + 190 * k, bottom + 30, 14, 11, fill=colour))
        parts.append(svg.text(left + 190 * k + 20, bottom + 40, name, font_size=11, fill=svg.INK))
    return svg.document(WIDTH, bottom + 50, "PV and demand by month", "".join(parts), "chart")


def _battery_chart(curve: pd.DataFrame) -> str:
    size = curve.index.to_numpy(np.float64)
    values = {
        "used": 100 * curve["self_consumption_share"].to_numpy(np.float64),
        "self": 100 * curve["self_sufficiency_share"].to_numpy(np.float64),
    }
    labels = {"used": "share of the PV used in the building", "self": "share of the demand met by it"}
    ticks = svg.ticks(0.0, float(size[-1]), 5)
    decimals = svg.tick_decimals(svg.nice_step(float(size[-1]), 5))
    lines = charts.Lines("What a battery would change", "%", "usable capacity of the battery, kWh", size,
                         (0.0, float(size[-1])), [(t, number(t, decimals)) for t in ticks], values,
                         "greedy dispatch, whole year · ↑ higher is better")  # fmt: skip
    return charts.line_chart(lines, labels)
