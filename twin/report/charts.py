"""Charts as SVG: differences with their intervals, typical days, the heat load duration curve, traffic by hour."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.decision.compare import BETTER, CHANGED, NO_CHANGE, WORSE
from twin.decision.kpis import KPIS, Kpi
from twin.report import svg
from twin.report.formats import DIRECTION, TRIFLE_PERCENT, difference_texts, number
from twin.scenario.store import BASELINE

WIDTH = 540.0
VERDICT_COLOURS = {
    BETTER: svg.BETTER_COLOUR,
    WORSE: svg.WORSE_COLOUR,
    CHANGED: svg.CHANGED_COLOUR,
}
MONTH_HOURS = np.cumsum([0, *(24 * d for d in (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31))])
WINTER, SUMMER = (0, 1, 11), (5, 6, 7)
CURVE_POINTS = 200
DAY = (0.0, 24.0)
VISIBLE = 0.002
"""Part of the highest value below which two lines lie on each other."""
HOUR_MIDDLES: NDArray[np.float64] = np.linspace(0.5, 23.5, 24)

Series = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Lines:
    """A line chart: one y array per scenario, over common x.

    `span` is the range of the x axis and `marks` its labelled ticks. Hourly means are drawn at the middle of the hour.
    """

    title: str
    unit: str
    x_title: str
    x: NDArray[np.float64]
    span: tuple[float, float]
    marks: Sequence[tuple[float, str]]
    values: Mapping[str, NDArray[np.float64]]
    note: str = field(default="")


def interval_chart(kpi: Kpi, rows: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Return the differences of one KPI: a dot and a 90 % whisker per scenario, zero and the better side marked.

    Parameters
    ----------
    kpi : Kpi
    rows : DataFrame
        Rows of the KPI table for this KPI, without the baseline.
    labels : mapping
        Scenario names for readers.
    """
    left, right, top, step = 208.0, 90.0, 58.0, 26.0
    bottom = top + step * len(rows)
    height = bottom + 26
    scale = kpi.shown.scale
    ends = rows[["difference", "low", "high"]].to_numpy(np.float64) * scale
    low, high = min(0.0, float(np.nanmin(ends))), max(0.0, float(np.nanmax(ends)))
    span = (high - low) or 1.0
    low, high = low - 0.08 * span, high + 0.08 * span

    def at(value: float) -> float:
        return left + (value - low) / (high - low) * (WIDTH - left - right)

    parts = [_heading(kpi.label, f"difference to the baseline, {kpi.shown.difference_unit} · {DIRECTION[kpi.better]}")]
    parts += _better_side(kpi, at(0.0), left, WIDTH - right, top, bottom)
    grid = svg.ticks(low, high, 5)
    decimals = svg.tick_decimals(svg.nice_step(high - low, 5))
    for tick in grid:
        parts.append(svg.line(at(tick), top, at(tick), bottom, stroke=svg.GRID))
        parts.append(
            svg.text(at(tick), bottom + 16, number(tick, decimals, signed=True), text_anchor="middle", font_size=11,
                     fill=svg.MUTED, class_="axis")
        )  # fmt: skip
    parts.append(svg.line(at(0.0), top - 4, at(0.0), bottom, stroke=svg.INK, stroke_width=1.2))
    for position, row in enumerate(rows.to_dict("records")):
        parts.append(_interval_row(kpi, row, labels, at, top + step * (position + 0.5), left, scale))
    label = f"{kpi.label}: difference of each scenario to the baseline with 90 % interval"
    return svg.document(WIDTH, height, label, "".join(parts), "chart")


def _interval_row(
    kpi: Kpi, row: dict, labels: Mapping[str, str], at: Callable[[float], float], y: float, left: float, scale: float
) -> str:
    colour = VERDICT_COLOURS.get(row["verdict"], svg.NOISE_COLOUR)
    sure = row["verdict"] in VERDICT_COLOURS
    parts = [
        svg.text(
            left - 12, y + 4, svg.shorten(labels[row["scenario"]], left - 14, 11.5), text_anchor="end", font_size=11.5
        )
    ]
    if np.isfinite(row["low"]):
        ends = at(row["low"] * scale), at(row["high"] * scale)
        parts.append(svg.line(ends[0], y, ends[1], y, stroke=colour, stroke_width=2.2))
        parts += [svg.line(x, y - 4, x, y + 4, stroke=colour, stroke_width=2.2) for x in ends]
    parts.append(
        svg.element("circle", cx=float(at(row["difference"] * scale)), cy=float(y), r=4.5,
                    fill=colour if sure else "#fff", stroke=colour, stroke_width=2)
    )  # fmt: skip
    difference, _ = difference_texts(kpi, row["difference"], row["low"], row["high"])
    shown = NO_CHANGE if row["verdict"] == NO_CHANGE else difference
    note = "" if sure or row["verdict"] == NO_CHANGE else "?"
    parts.append(
        svg.text(
            WIDTH - 8, y + 4, f"{shown}{note and ' ' + note}", text_anchor="end", fill=colour if sure else svg.MUTED
        )
    )
    return "".join(parts)


def _better_side(kpi: Kpi, zero: float, left: float, right: float, top: float, bottom: float) -> list[str]:
    """Shade the half of the plot where a scenario does better, and name it."""
    if kpi.better == "neutral":
        return []
    start, end = (left, zero) if kpi.better == "lower" else (zero, right)
    parts = [svg.rect(start, top, max(end - start, 0.0), bottom - top, fill="#eef4fb")]
    if end - start > 46:
        anchor = (
            {"x": start + 4, "text_anchor": "start"} if kpi.better == "lower" else {"x": end - 4, "text_anchor": "end"}
        )
        parts.append(svg.element("text", "better", y=float(top - 4), font_size=10, fill=svg.BETTER_COLOUR, **anchor))
    return parts


def line_chart(chart: Lines, labels: Mapping[str, str], *, height: float = 230.0, from_zero: bool = True) -> str:
    """Return a line chart with the baseline in black and a legend below."""
    left, right, top = 62.0, 14.0, 56.0
    bottom = top + height - 60
    everything = np.concatenate([np.asarray(v, np.float64) for v in chart.values.values()])
    high = float(everything.max()) if len(everything) else 1.0
    low = min(0.0, float(everything.min())) if from_zero else float(everything.min())
    if high <= low:
        high = low + 1.0
    step = svg.nice_step(high - low, 4)
    high = step * np.ceil(high / step - 1e-9)
    x0, x1 = chart.span

    def px(value: float) -> float:
        return left + (value - x0) / (x1 - x0) * (WIDTH - left - right)

    def py(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - top)

    parts = [_heading(chart.title, f"{chart.unit}{' · ' + chart.note if chart.note else ''}")]
    for tick in svg.ticks(low, high, 4):
        parts.append(svg.line(left, py(tick), WIDTH - right, py(tick), stroke=svg.GRID))
        parts.append(
            svg.text(left - 8, py(tick) + 4, number(tick, svg.tick_decimals(step)), text_anchor="end", font_size=11,
                     fill=svg.MUTED, class_="axis")
        )  # fmt: skip
    for value, label in chart.marks:
        parts.append(svg.line(px(value), bottom, px(value), bottom + 4, stroke=svg.MUTED))
        parts.append(
            svg.text(px(value), bottom + 17, label, text_anchor="middle", font_size=11, fill=svg.MUTED, class_="axis")
        )
    parts.append(svg.line(left, py(0.0), WIDTH - right, py(0.0), stroke=svg.INK))
    parts.append(
        svg.text((left + WIDTH - right) / 2, bottom + 33, chart.x_title, text_anchor="middle", font_size=11,
                 fill=svg.MUTED)
    )  # fmt: skip
    strokes = _strokes(chart.values)
    for scenario, values in sorted(chart.values.items(), key=lambda item: item[0] == BASELINE):
        points = " ".join(f"{svg.num(px(x))},{svg.num(py(y))}" for x, y in zip(chart.x, values, strict=True))
        stroke = strokes[scenario]
        parts.append(
            svg.element("polyline", points=points, fill="none", stroke=stroke.colour, stroke_width=stroke.width,
                        stroke_dasharray=stroke.dash or None, stroke_linejoin="round")
        )  # fmt: skip
    names = [(labels[scenario], strokes[scenario]) for scenario in chart.values]
    body, used = svg.legend(names, left, bottom + 54, WIDTH - left - right)
    parts.append(body)
    return svg.document(WIDTH, bottom + 54 + used - 6, f"{chart.title}, {chart.unit}", "".join(parts), "chart")


def typical_day(values: NDArray[np.float64], months: Sequence[int]) -> NDArray[np.float64]:
    """Return the mean working day (Monday to Friday) of some months, float64 (24,), of an hourly year (8760,)."""
    days = np.asarray(values, np.float64).reshape(365, 24)
    chosen = np.zeros(365, bool)
    for month in months:
        chosen[MONTH_HOURS[month] // 24 : MONTH_HOURS[month + 1] // 24] = True
    chosen &= np.arange(365) % 7 < 5
    return np.asarray(days[chosen].mean(axis=0))


def day_charts(series: Mapping[str, Series]) -> list[Lines]:
    """Return the mean winter and summer working day of electricity demand, PV and import; none that is all zero."""
    marks = [(float(h), f"{h:02d}") for h in range(0, 25, 6)]
    quantities = (
        ("electricity_demand_kw", "Electricity demand"),
        ("pv_kw", "PV generation"),
        ("import_kw", "Electricity from outside"),
    )
    seasons = ((WINTER, "winter", "December to February"), (SUMMER, "summer", "June to August"))
    charts = []
    for name, title in quantities:
        for months, season, months_text in seasons:
            values = {s: typical_day(data[name], months) / 1000.0 for s, data in series.items() if name in data}
            if any(load.any() for load in values.values()):
                note = f"mean working day, {months_text}"
                charts.append(
                    Lines(
                        f"{title}, {season} day",
                        "MW",
                        "hour (local standard time)",
                        HOUR_MIDDLES,
                        DAY,
                        marks,
                        values,
                        note,
                    )
                )
    return charts


def duration_curve(series: Mapping[str, Series]) -> Lines | None:
    """Return the heat load of every hour of the year, sorted from the highest."""
    x = np.linspace(0.0, 8759.0, CURVE_POINTS).round().astype(np.float64)
    values = {}
    for scenario, data in series.items():
        if "heating_kw" in data:
            load = np.asarray(data["heating_kw"], np.float64) + data.get("hot_water_kw", np.zeros(8760))
            values[scenario] = np.sort(load)[::-1][x.astype(int)] / 1000.0
    if not values:
        return None
    marks = [(float(h), number(h)) for h in range(0, 8001, 2000)]
    note = "useful heat for rooms and hot water"
    return Lines(
        "Heat load duration curve",
        "MW",
        "hours of the year with at least this load",
        x,
        (0.0, 8760.0),
        marks,
        values,
        note,
    )


def traffic_chart(series: Mapping[str, Series], vehicle_km: Mapping[str, float]) -> Lines | None:
    """Return the vehicle-kilometres of every hour of a working day."""
    values = {
        s: np.asarray(data["traffic_flow_share"]) * vehicle_km[s] / 1000.0
        for s, data in series.items()
        if "traffic_flow_share" in data and s in vehicle_km
    }
    if not values:
        return None
    marks = [(float(h), f"{h:02d}") for h in range(0, 25, 6)]
    return Lines("Road traffic by hour", "1000 veh·km/h", "hour of a working day", HOUR_MIDDLES, DAY, marks, values)


def differs(chart: Lines) -> bool:
    """Return whether any scenario leaves the baseline's line by more than could be seen."""
    base = np.asarray(chart.values[BASELINE])
    seen = VISIBLE * np.abs(base).max()
    return any(np.abs(np.asarray(values) - base).max() > seen for values in chart.values.values())


def chart_kpis(table: pd.DataFrame, asked: Collection[str] = ()) -> list[Kpi]:
    """Return the headline KPIs, and those that are `asked` for, that any scenario changes by more than a trifle."""
    percent = table["percent"].to_numpy(np.float64)
    moved = set(table.loc[(table["difference"] != 0) & ~(np.abs(percent) < TRIFLE_PERCENT), "kpi"])
    return [kpi for kpi in KPIS.values() if kpi.id in moved and (kpi.headline or kpi.id in asked)]


def _heading(title: str, subtitle: str) -> str:
    return svg.text(4, 16, title, font_size=14, font_weight="600", fill=svg.INK) + svg.text(
        4, 33, subtitle, font_size=11, fill=svg.MUTED
    )


def _strokes(values: Mapping[str, object]) -> dict[str, svg.Stroke]:
    scenarios = [name for name in values if name != BASELINE]
    return {BASELINE: svg.BASELINE_STROKE} | {name: svg.scenario_stroke(i) for i, name in enumerate(scenarios)}
