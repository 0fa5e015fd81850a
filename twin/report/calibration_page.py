"""The page of a calibration: the district, where the model may be believed, the meters, what they can tell apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from twin import __version__
from twin.city.model import City
from twin.city.schema import YEAR_CLASSES
from twin.energy.calibration import predict as trust
from twin.energy.calibration import quality
from twin.energy.calibration.observed import SHARE_SD, SLOTS, SUM_SD
from twin.energy.calibration.posterior import Calibration
from twin.energy.calibration.predict import Prediction
from twin.energy.calibration.prior import FIELDS, IN_LOGARITHM, PARTS, SPREAD, building_spread
from twin.report import calibration_charts as charts
from twin.report.formats import NOTHING, number
from twin.report.roof_map import MapClass, class_map
from twin.report.templating import environment

CARRIER_NAMES = {
    "heat": "Heat", "district_heating": "District heat", "gas": "Gas", "oil": "Oil", "electricity": "Electricity",
}  # fmt: skip
QUANTITIES = {"heat": "Heat", "electricity": "Electricity"}
FIELD_NAMES = {
    "u_value": "U-values", "infiltration": "Air leakage", "ventilation": "Ventilation",
    "setpoint_shift_k": "Heating set-point, K", "internal_gains": "Internal gains",
    "appliances": "Electricity of appliances", "hot_water": "Hot water",
}  # fmt: skip
MEANING = {
    trust.METERED: "its own meter was read",
    trust.CALIBRATED: f"{trust.ENOUGH} or more metered buildings of its use and year class",
    trust.BORROWED: f"fewer than that, or none but {trust.ENOUGH} of its use",
    trust.EXTRAPOLATED: "no metered building like it in use or size: the prior, shifted by what the city taught",
}
TRUST_COLOURS = {
    trust.METERED: "#08306b", trust.CALIBRATED: "#4393c3", trust.BORROWED: "#fdb863", trust.EXTRAPOLATED: "#b35806",
}  # fmt: skip
CLEAR, VAGUE = 0.5, 0.2
"""Shares of variance from which a factor is called told, and below which it is called not told (for the text only)."""

ODD, MOST_ODD = 2.5758, 12
"""Standard deviations from which a reading is listed (one in a hundred), and readings that are listed at most."""


@dataclass(frozen=True)
class CalibrationReport:
    """All that the page shows."""

    city: City
    calibration: Calibration
    prediction: Prediction
    held_out: pd.DataFrame
    guideline_14: pd.DataFrame
    identified: pd.DataFrame
    parameters: list[dict[str, Any]]
    notes: list[str]
    files: list[tuple[str, str]]


def render_calibration(report: CalibrationReport) -> str:
    """Return the page."""
    present = [q for q in SLOTS if (report.held_out["quantity"] == q).any()]
    chart = charts.totals_chart(_used(report.prediction.totals), CARRIER_NAMES)
    heading = f"Energy of {report.city.meta.title}, calibrated"
    return (
        environment()
        .get_template("calibration.html.j2")
        .render(
            city=report.city.meta.title,
            heading=heading,
            year=report.calibration.year,
            lead=_lead(report),
            cards=_cards(report, present),
            totals=_totals(report.prediction.totals),
            totals_chart=_safe(chart),
            maps=[_safe(m) for m in _maps(report, present) if m],
            quantities=[QUANTITIES[q] for q in present],
            trust=_trust(report, present),
            held_out_text=_held_out_text(report, present),
            held_out=[
                _safe(charts.held_out_chart(_of(report.held_out, q), f"{QUANTITIES[q]}, every meter held out"))
                for q in present
            ],
            months=[_safe(m) for q in present if (m := _months(report, q))],
            odd=_odd(report),
            guideline=_guideline(report.guideline_14),
            identified_text=_identified_text(report),
            identified=_identified(report.identified),
            scatter=_scatter(report.calibration),
            groups=_groups(report, present),
            files=[{"name": name, "what": what} for name, what in report.files],
            notes=report.notes,
            parameters=report.parameters + _assumptions(),
            sources=[vars(s) for s in report.city.meta.sources],
            weather=[report.city.weather.title],
            version=__version__,
        )
    )


def _safe(image: str) -> Markup:
    """Mark an image as safe for the template: `twin.report.svg` escapes every text and attribute in it."""
    return Markup(image)  # noqa: S704


def _of(table: pd.DataFrame, quantity: str) -> pd.DataFrame:
    return table[table["quantity"] == quantity]


def _used(totals: pd.DataFrame) -> pd.DataFrame:
    return totals[totals["mean_kwh"] > 0.0]


def _gwh(kwh: float) -> str:
    return number(kwh / 1e6, 2 if abs(kwh) < 1e8 else 1)


def _percent(share: float, decimals: int = 0, *, signed: bool = False) -> str:
    return number(100.0 * share, decimals, signed=signed) if np.isfinite(share) else NOTHING


def _row_of(report: CalibrationReport, carrier: str) -> dict[str, float]:
    values = report.prediction.totals.loc[[carrier]].to_numpy(np.float64)[0]
    return dict(zip(map(str, report.prediction.totals.columns), values.tolist(), strict=True))


def _lead(report: CalibrationReport) -> str:
    area = report.city.buildings["floor_area_m2"]
    ids = report.calibration.metered.ids
    share = float(area[ids].sum() / max(area.sum(), 1e-9))
    heat = _row_of(report, "heat")
    change = heat["mean_kwh"] / heat["uncalibrated_kwh"] - 1.0
    return (
        f"{number(len(ids))} of {number(len(area))} buildings were read, {_percent(share)} % of the floor area. With "
        f"them, the city uses {_gwh(heat['mean_kwh'])} GWh of heat ({_gwh(heat['low_kwh'])} to "
        f"{_gwh(heat['high_kwh'])}), {_percent(abs(change), 1)} % {'more' if change > 0.0 else 'less'} than the "
        f"{_gwh(heat['uncalibrated_kwh'])} of the uncalibrated model."
    )


def _cards(report: CalibrationReport, present: list[str]) -> list[dict[str, str]]:
    cards = []
    for quantity in present:
        row = _row_of(report, quantity)
        half = 0.5 * (row["high_kwh"] - row["low_kwh"]) / row["mean_kwh"]
        cards.append(
            {
                "value": f"{_gwh(row['mean_kwh'])} GWh ± {_percent(half, 1)} %",
                "label": f"{QUANTITIES[quantity].lower()} of the city",
                "note": f"90 % interval; uncalibrated {_gwh(row['uncalibrated_kwh'])}",
            }
        )
    tables = {q: _of(report.held_out, q) for q in present}
    shares = [f"{_percent(float(t['covered'].mean()))} %" for t in tables.values()]
    cards.append(
        {
            "value": " and ".join(shares),
            "label": f"of the readings of {' and '.join(present)} lie in their 90 % interval",
            "note": f"{len(report.held_out)} readings, each predicted without it; near 90 is right",
        }
    )
    return cards


def _totals(totals: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {
            "name": CARRIER_NAMES[str(carrier)],
            "before": _gwh(row["uncalibrated_kwh"]),
            "mean": _gwh(row["mean_kwh"]),
            "interval": f"{_gwh(row['low_kwh'])} … {_gwh(row['high_kwh'])}",
            "metered": _percent(row["metered_share"]),
        }
        for carrier, row in _used(totals).iterrows()
    ]


def _maps(report: CalibrationReport, present: list[str]) -> list[str]:
    legend = [MapClass(name, TRUST_COLOURS[name]) for name in trust.TRUST]
    shapes = gpd.GeoSeries(report.city.buildings.geometry)
    maps = []
    for quantity in present:
        classes = report.prediction.buildings[f"{quantity}_trust"].map({n: k for k, n in enumerate(trust.TRUST)})
        title = f"{QUANTITIES[quantity]}: what it is known from"
        codes: NDArray[np.int64] = classes.to_numpy().astype(np.int64)
        maps.append(class_map(title, "blue is better known than orange", shapes, codes, legend))
    return maps


def _trust(report: CalibrationReport, present: list[str]) -> list[dict[str, Any]]:
    area = report.city.buildings["floor_area_m2"].to_numpy(np.float64)
    table = report.prediction.buildings
    rows = []
    for name in trust.TRUST:
        cells = []
        for q in present:
            chosen = (table[f"{q}_trust"] == name).to_numpy()
            wide = 0.5 * (table[f"{q}_high_kwh_a"] - table[f"{q}_low_kwh_a"]) / table[f"{q}_kwh_a"].replace(0.0, np.nan)
            width = wide[chosen].median() if chosen.any() else np.nan
            cells.append(
                {
                    "buildings": number(chosen.sum()),
                    "area": _percent(area[chosen].sum() / max(area.sum(), 1e-9)),
                    "width": _percent(float(width)),
                }
            )
        rows.append({"name": name, "meaning": MEANING[name], "cells": cells})
    return rows


def _held_out_text(report: CalibrationReport, present: list[str]) -> str:
    parts = []
    for quantity in present:
        table = _of(report.held_out, quantity)
        off = np.abs(np.log((table["predicted_kwh"] / table["measured_kwh"]).to_numpy(np.float64)))
        parts.append(
            f"{QUANTITIES[quantity]}: {_percent(float(table['covered'].mean()))} % of {len(table)} readings lie in "
            f"their 90 % interval, half of them within {_percent(float(np.median(off)))} % of the prediction"
        )
    return (
        "Each tenth of the metered buildings was predicted from the other nine tenths, as if it had no meter. "
        + ". ".join(parts) + "."
    )  # fmt: skip


def _odd(report: CalibrationReport) -> list[dict[str, str]]:
    """Return the readings that are hardest to believe."""
    table = report.held_out
    table = table[table["deviation"].abs() >= ODD].sort_values("deviation", key=abs, ascending=False).head(MOST_ODD)
    area = report.city.buildings["floor_area_m2"]
    rows = []
    for row in table.to_dict("records"):
        floor = float(area[row["building_id"]])
        measured, low, high = (number(row[f"{c}_kwh"] / floor) for c in ("measured", "low", "high"))
        use = str(report.city.buildings["use"][row["building_id"]])
        rows.append(
            {
                "name": str(row["building_id"]),
                "use": use,
                "quantity": QUANTITIES[row["quantity"]],
                "measured": measured,
                "interval": f"{low} … {high}",
                "deviation": number(row["deviation"], 1, signed=True),
            }
        )
    return rows


def _months(report: CalibrationReport, quantity: str) -> str:
    observed = report.calibration.metered
    slot = SLOTS.index(quantity)
    whole = np.isfinite(observed.monthly_kwh[:, slot]).all(axis=1)
    if not whole.any():
        return ""
    model = {
        "uncalibrated": report.calibration.nominal,
        "calibrated groups": report.calibration.archetypes.mean(axis=0),
    }
    lines = [("measured", observed.monthly_kwh[whole, slot].sum(axis=0))]
    lines += [(n, quality.decoded(observed, v)[1][whole, slot].sum(axis=0)) for n, v in model.items()]
    return charts.months_chart(f"{QUANTITIES[quantity]} of metered buildings", lines)


def _guideline(table: pd.DataFrame) -> list[dict[str, Any]]:
    order = table.assign(place=table["stage"].map({s: k for k, s in enumerate(quality.STAGES)}))
    rows, last = [], ("", "")
    for row in order.sort_values(["quantity", "scope", "place"], ascending=[False, False, True]).to_dict("records"):
        what = row["quantity"], row["scope"]
        within = NOTHING
        if np.isfinite(row["within"]):
            each = row["scope"] == "months, each building"
            within = f"{_percent(row['within'])} % of {row['count']:.0f}" if each else "yes" if row["within"] else "no"
        rows.append(
            {
                "first": what != last,
                "what": QUANTITIES[row["quantity"]],
                "scope": row["scope"],
                "stage": row["stage"],
                "nmbe": _percent(row["nmbe"], 1, signed=row["scope"] != "months, each building"),
                "cvrmse": _percent(row["cvrmse"], 1),
                "within": within,
            }
        )
        last = what
    return rows


def _in_text(field: str) -> str:
    name = FIELD_NAMES[field].removesuffix(", K")
    return name if name.startswith("U-") else name[0].lower() + name[1:]


def _identified_text(report: CalibrationReport) -> str:
    resolved = report.identified["resolved"]
    clear = [_in_text(str(f)) for f in resolved.index if resolved[f] >= CLEAR]
    vague = [_in_text(str(f)) for f in resolved.index if resolved[f] < VAGUE]
    months = (
        "Months tell heat for rooms from hot water, and losses from gains"
        if report.calibration.metered.by_month
        else "One reading a year tells only the sum: losses, set-point and gains trade off against each other"
    )
    told = f"Told well: {', '.join(clear)}. " if clear else ""
    left = f"Hardly told, so left near the prior: {', '.join(vague)}. " if vague else ""
    return f"{told}{left}{months}. Consumption is better known than any one factor, whose doubts cancel in it."


def _identified(table: pd.DataFrame) -> list[dict[str, str]]:
    rows = []
    for field, row in table.iterrows():
        in_log = bool(IN_LOGARITHM[FIELDS.index(str(field))])
        values = [np.exp(row[c]) if in_log else row[c] for c in ("low", "mean", "high")]
        texts = [number(float(v), 2, signed=not in_log) for v in values]
        doubt = [f"{_percent(row[c])} %" if in_log else f"{number(row[c], 2)} K" for c in ("prior_sd", "posterior_sd")]
        rows.append(
            {
                "name": FIELD_NAMES[str(field)],
                "mean": texts[1],
                "interval": f"{texts[0]} … {texts[2]}",
                "before": doubt[0],
                "after": doubt[1],
                "resolved": _percent(row["resolved"]),
            }
        )
    return rows


def _scatter(calibration: Calibration) -> str:
    own = building_spread(calibration.scatter[0])
    shown = [
        f"{_in_text(f)} {number(100 * sd)} %" if IN_LOGARITHM[k] else f"{_in_text(f)} {number(sd, 1)} K"
        for k, (f, sd) in enumerate(zip(FIELDS, own, strict=True))
    ]
    return ", ".join(shown)


def _groups(report: CalibrationReport, present: list[str]) -> list[dict[str, Any]]:
    buildings = report.city.buildings
    table = report.prediction.buildings.assign(area=buildings["floor_area_m2"])
    metered = buildings.index.isin(report.calibration.metered.ids)
    rows = []
    groups = dict(iter(table.groupby([buildings["use"], buildings["year_class"]])))
    for use, year in sorted(groups, key=lambda key: (key[0], YEAR_CLASSES.index(key[1]))):
        part = groups[use, year]
        area = part["area"].sum()
        cells = []
        for q in present:
            before, after = part[f"{q}_uncalibrated_kwh_a"].sum(), part[f"{q}_kwh_a"].sum()
            cells.append(
                {
                    "before": number(before / area) if area > 0.0 else NOTHING,
                    "after": number(after / area) if area > 0.0 else NOTHING,
                    "change": _percent(after / before - 1.0, signed=True) if before > 0.0 else NOTHING,
                }
            )
        read = int(metered[buildings.index.isin(part.index)].sum())
        rows.append({"use": use, "year": year, "buildings": number(len(part)), "meters": number(read), "cells": cells})
    return rows


def _assumptions() -> list[dict[str, str]]:
    """Return the prior as rows of the table of parameters."""
    rows = []
    for field in FIELDS:
        unit = "K" if field == "setpoint_shift_k" else "-"
        meaning = f"prior spread of {FIELD_NAMES[field].removesuffix(', K')} between {', '.join(PARTS)} and building"
        shown = " ".join(f"{x:g}" for x in SPREAD[field])
        rows.append(
            {"path": f"prior.{field}", "shown": shown, "unit": unit, "meaning": meaning, "source": "assumption"}
        )
    for name, value, meaning in (
        ("sum_sd", SUM_SD, "error of a yearly reading and of the model of one building, of the logarithm"),
        ("share_sd", SHARE_SD, "error of the share of a month in the year"),
    ):
        row = {"path": f"reading.{name}", "shown": f"{value:g}", "unit": "-", "meaning": meaning}
        rows.append(row | {"source": "assumption"})
    return rows
