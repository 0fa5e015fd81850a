"""What new height takes from its neighbours: the roofs that lose most, a map, and the check that a permit needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from twin.decision.kpis import KPIS
from twin.report import svg
from twin.report.formats import difference_texts, number
from twin.report.layers import building_names
from twin.report.maps import BUILDING, HEAD, LAND, MAX_HEIGHT, WIDTH, Frame, north_arrow, scale_bar
from twin.scenario.neighbours import (
    IRRADIATION,
    PV,
    QUANTITIES,
    SKY,
    SUN,
    VSC_LOWEST,
    VSC_SIDES,
    Limit,
    affected,
    neighbours,
)
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

TOTAL = "neighbour_pv_loss_kwh_a"
SHOWN = 12
"""Neighbours in the table, those that lose the largest part of their sun first."""
TRIFLE = 1e-3
"""Neighbours that lose or gain less of their irradiation are not counted, listed or coloured, but below a limit."""
MARGIN_M = 120.0
"""What the map shows around the buildings that change or are affected."""
FOOT = 46.0
CLASSES = ((0.01, "#fee0b6", "0.1–1 %"), (0.05, "#fdb863", "1–5 %"), (0.1, "#e08214", "5–10 %"),
           (np.inf, "#8c4a05", "more than 10 %"))  # fmt: skip
GAIN, CHANGED = "#4393c3", "#1f2933"
WORDS = {IRRADIATION: "irradiation", SUN: "hours of sun", SKY: "view of the sky"} | dict.fromkeys(
    VSC_SIDES, "daylight at windows"
)
PARAMETER = {IRRADIATION: "irradiation_ratio", SUN: "sun_ratio", SKY: "sky_ratio"} | dict.fromkeys(
    VSC_SIDES, "vsc_ratio"
)


def neighbour_sections(run: Run, table: pd.DataFrame, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return, per scenario that shades or frees a neighbour: totals, the worst affected, and a map.

    Scenarios that do the same to the same neighbours share one entry. Empty where the run has no such totals
    (`twin.decision.compare.compare` names them in its notes).

    Parameters
    ----------
    run : Run
    table : DataFrame
        Of `twin.decision.compare.compare`.
    labels : mapping
        Scenario names for readers.
    """
    totals: dict[str, Any] = {row["scenario"]: row for row in table[table["kpi"] == TOTAL].to_dict("records")}
    if BASELINE not in totals:
        return []
    before, limits = run.layer(BASELINE, "buildings"), limits_of(run)
    links = run.layer(BASELINE, "links")
    found: list[tuple[list[str], pd.DataFrame, dict[str, Any]]] = []
    for scenario in run.info["scenarios"]:
        after = run.layer(scenario, "buildings")
        kept = kept_of(before, after, limits)
        touched = kept[(kept["lost"].abs() > TRIFLE) | (kept["below"] != "")]
        if touched.empty:
            continue
        alike = next((names for names, known, _ in found if known.equals(touched)), None)
        if alike is None:
            places = building_names(before.loc[touched.index], links)
            section = _section(labels[scenario], totals[scenario], before, after, touched, places)
            found.append(([labels[scenario]], touched, section | {"carried": []}))
            alike = found[-1][0]
        else:
            alike.append(labels[scenario])
        carried = _carried(after, touched)
        if carried:
            section = next(section for names, _, section in found if names is alike)
            section["carried"].append({"label": labels[scenario], "words": carried})
    return [section | {"label": " · ".join(names)} for names, _, section in found]


def limits_of(run: Run) -> dict[str, Limit]:
    """Return the limit by result column, as the study has it; runs of older versions do not know all of them."""
    values = {row["path"]: float(row["value"]) for row in run.info["parameters"]}
    ratio = {column: values.get(f"neighbours.{name}") for column, name in PARAMETER.items()}
    enough = values.get("neighbours.vsc_enough", np.inf)
    known = {column: value for column, value in ratio.items() if value is not None}
    return {column: Limit(value, enough if column in VSC_SIDES else np.inf) for column, value in known.items()}


def limit_rows(run: Run) -> list[dict[str, str]]:
    """Return the limits of the permit check in words, with their sources."""
    sources = {row["path"]: row["source"] for row in run.info["parameters"]}
    return [
        {
            "what": WORDS[column] + _unless(limit),
            "least": f"{number(100 * limit.ratio)} %",
            "source": sources[f"neighbours.{PARAMETER[column]}"],
        }
        for column, limit in limits_of(run).items()
        if column not in VSC_SIDES[1:]  # one limit for all sides
    ]


def _unless(limit: Limit) -> str:
    if not np.isfinite(limit.enough):
        return ""
    return f" (unless its vertical sky component stays above {number(100 * limit.enough)} %)"


def kept_of(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, limits: Mapping[str, Limit]) -> pd.DataFrame:
    """Return the neighbours: results before and after, part of the irradiation lost, distance, limits broken.

    Returns
    -------
    DataFrame
        Indexed by building, largest loss first: ``<quantity>_before`` and ``_after``, `lost` (share of the
        irradiation), `distance_m` to the nearest building that changes (NaN when only trees do), `below` (words).
    """
    ids = neighbours(before, after)
    old, new = before.loc[ids], after.loc[ids]
    there = [q for q in QUANTITIES if q in old and q in new]
    frame = pd.DataFrame({f"{q}_before": old[q] for q in there} | {f"{q}_after": new[q] for q in there})
    had = frame[f"{IRRADIATION}_before"]
    frame["lost"] = ((had - frame[f"{IRRADIATION}_after"]) / had.where(had > 0.0)).fillna(0.0)
    shapes = changed_shapes(before, after)
    frame["distance_m"] = shapely.distance(old.geometry.to_numpy(), shapely.union_all(shapes.to_numpy()))
    was, is_ = ({q: frame[f"{q}_{when}"].to_numpy() for q in there} for when in ("before", "after"))
    broken = {name: affected(was, is_, {name: limit}) for name, limit in limits.items() if name in there}
    frame["below"] = [", ".join(dict.fromkeys(WORDS[n] for n in broken if broken[n][i])) for i in range(len(frame))]
    order = np.lexsort((np.asarray(frame.index, str), -frame["lost"].to_numpy()))
    return frame.iloc[order]


def changed_shapes(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Return the outlines of the buildings that are new, gone or of another shape."""
    same = neighbours(before, after)
    new, gone = after.index.difference(same), before.index.difference(same).difference(after.index)
    return gpd.GeoSeries(pd.concat([after.geometry[new], before.geometry[gone]]), crs=before.crs)


def _carried(after: gpd.GeoDataFrame, touched: pd.DataFrame) -> str:
    """Return what PV that a scenario has on affected roofs generates less than it would without their new shade."""
    own = after.loc[touched.index]
    lost = float((own["pv_share"] * (touched[f"{PV}_before"] - touched[f"{PV}_after"])).sum()) / 1e3
    with_pv = int((own["pv_share"] > 0.0).sum())
    return f"{number(with_pv)} of them carry PV, which generates {number(lost, 1)} MWh/a less" if with_pv else ""


def _section(
    label: str,
    total: Mapping[str, Any],
    before: gpd.GeoDataFrame,
    after: gpd.GeoDataFrame,
    touched: pd.DataFrame,
    places: Mapping[str, str],
) -> dict[str, Any]:
    losing, broken = touched[touched["lost"] > 0.0], touched[touched["below"] != ""]
    kpi = KPIS[TOTAL]
    loss, interval = difference_texts(kpi, total["difference"], total["low"], total["high"])
    return {
        "losing": number(len(losing)),
        "gaining": number(len(touched) - len(losing)),
        "loss": f"{loss.lstrip('+')} {kpi.shown.unit}",
        "interval": interval,
        "sun": number(float((touched[f"{IRRADIATION}_before"] - touched[f"{IRRADIATION}_after"]).sum()) / 1e3),
        "broken": number(len(broken)),
        "css": "worse" if len(broken) else "better",
        "rows": [_row(places[str(key)], row, str(before["use"][key])) for key, row in touched.head(SHOWN).iterrows()],
        "more": max(len(touched) - SHOWN, 0),
        "map": neighbour_map(label, before, after, touched),
    }


def _row(name: str, row: pd.Series, use: str) -> dict[str, str]:
    away = f", {number(row['distance_m'])} m away" if np.isfinite(row["distance_m"]) else ""
    return {
        "name": name,
        "what": f"{use}{away}",
        "irradiation": _pair(row, IRRADIATION, 1e-3, 0),
        "irradiation_percent": _percent(row, IRRADIATION),
        "sun": _pair(row, SUN, 1.0, 0),
        "sun_percent": _percent(row, SUN),
        "sky": _pair(row, SKY, 100.0, 0),
        "sky_percent": _percent(row, SKY),
        "vsc": _pair(row, VSC_LOWEST, 100.0, 0),
        "vsc_percent": _percent(row, VSC_LOWEST),
        "pv": _pair(row, PV, 1e-3, 1),
        "check": f"below the limit: {row['below']}" if row["below"] else "within limits",
        "css": "worse" if row["below"] else "same",
    }


def _pair(row: pd.Series, name: str, scale: float, decimals: int) -> str:
    if f"{name}_before" not in row:
        return ""  # a run of an older version
    return " → ".join(number(row[f"{name}_{when}"] * scale, decimals) for when in ("before", "after"))


def _percent(row: pd.Series, name: str) -> str:
    had = row.get(f"{name}_before", 0.0)
    return f"{number(100 * (row[f'{name}_after'] / had - 1), 1, signed=True)} %" if had > 0.0 else ""


def neighbour_map(label: str, before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, touched: pd.DataFrame) -> str:
    """Return a map of what changes, and of the neighbours by the part of their irradiation that they lose."""
    shapes = changed_shapes(before, after)
    strong = touched.index[touched["lost"].abs() >= CLASSES[0][0]]
    seen = [*shapes, *before.geometry[strong if len(strong) else touched.index]]
    frame = _around(shapely.total_bounds(np.array(seen, object)))
    window = shapely.box(
        frame.west, frame.north - frame.height / frame.scale, frame.west + WIDTH / frame.scale, frame.north
    )
    near = before[before.intersects(window)]
    body = [svg.element("path", d="".join(frame.path(g) for g in near.geometry), fill=BUILDING)]
    for key, lost in touched["lost"].items():
        if key in near.index:
            name = str(before["name"][key]) or str(key)
            tip = svg.element("title", svg.escape(f"{name}: {number(-100 * lost, 1, signed=True)} % irradiation"))
            body.append(
                svg.element("path", tip, d=frame.path(before.geometry[key]), fill=_colour(lost), stroke="#fff",
                            stroke_width=0.5)
            )  # fmt: skip
    outline = "".join(frame.path(g) for g in shapes)
    if outline:
        body.append(svg.element("path", d=outline, fill=CHANGED, fill_opacity=0.25, stroke=CHANGED, stroke_width=1.8))
    parts = [
        svg.text(4, 16, svg.shorten(label, WIDTH - 8, 14), font_size=14, font_weight="600", fill=svg.INK),
        svg.text(4, 33, "Irradiation that roofs lose in a year, % of before · ↓ lower is better", font_size=11,
                 fill=svg.MUTED),
        svg.rect(0, HEAD, WIDTH, frame.height, fill=LAND, stroke=svg.GRID),
        svg.element("svg", "".join(body), x=0.0, y=HEAD, width=WIDTH, height=frame.height,
                    viewBox=f"0 {svg.num(HEAD)} {svg.num(WIDTH)} {svg.num(frame.height)}"),
        scale_bar(frame),
        north_arrow(frame),
        _legend(HEAD + frame.height + 14, bool((touched["lost"] < 0).any())),
    ]  # fmt: skip
    text = f"Irradiation lost by neighbours: {label}, %"
    return svg.document(WIDTH, HEAD + frame.height + FOOT, text, "".join(parts), "map")


def _around(bounds: np.ndarray) -> Frame:
    west, south, east, north = bounds
    width, depth = east - west + 2 * MARGIN_M, north - south + 2 * MARGIN_M
    scale = min(WIDTH / width, MAX_HEIGHT / depth)
    x, y, height = (west + east) / 2, (south + north) / 2, depth * scale
    return Frame(x - WIDTH / scale / 2, y + height / scale / 2, scale, height)


def _colour(lost: float) -> str:
    return GAIN if lost < 0.0 else next(colour for least, colour, _ in CLASSES if lost < least)


def _legend(y: float, gains: bool) -> str:
    entries = [(CHANGED, "changes"), *((colour, name) for _, colour, name in CLASSES)]
    entries += [(GAIN, "gains")] if gains else []
    parts, x = [], 4.0
    for colour, name in entries:
        opacity = 0.35 if colour == CHANGED else 1.0
        parts.append(svg.rect(x, y, 14, 10, fill=colour, fill_opacity=opacity, stroke=colour))
        parts.append(svg.text(x + 19, y + 9, name, font_size=10.5, fill=svg.INK))
        x += 19 + svg.text_width(name, 10.5) + 14
    return "".join(parts)
