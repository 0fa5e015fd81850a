"""Charts of a calibration: the district before and after, held-out meters, months."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.report import svg
from twin.report.formats import number

WIDTH = 540.0
BEFORE, AFTER, MEASURED = "#9aa3ad", "#2166ac", svg.INK
MISSED = "#b35806"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def totals_chart(totals: pd.DataFrame, labels: dict[str, str]) -> str:
    """Return the uncalibrated and the calibrated consumption of the city by carrier, with the 90 % interval."""
    left, right, top, step = 150.0, 20.0, 58.0, 40.0
    bottom = top + step * len(totals)
    high = 1.08 * float(totals[["uncalibrated_kwh", "high_kwh"]].to_numpy().max()) / 1e6
    at = _scale(0.0, high, left, WIDTH - right)
    parts = [
        _heading("The district before and after", "GWh in the year · dot: uncalibrated; bar: calibrated, 90 % interval")
    ]
    parts += _grid(at, 0.0, high, top, bottom)
    for place, (carrier, row) in enumerate(totals.iterrows()):
        y = top + step * (place + 0.5)
        low, mean, end, before = (row[c] / 1e6 for c in ("low_kwh", "mean_kwh", "high_kwh", "uncalibrated_kwh"))
        name = svg.shorten(labels[str(carrier)], left - 14, 12)
        parts.append(svg.text(left - 12, y + 4, name, text_anchor="end", font_size=12))
        parts.append(svg.rect(at(0.0), y - 8, at(mean) - at(0.0), 16, fill="#c6dbef"))
        parts.append(svg.line(at(low), y, at(end), y, stroke=AFTER, stroke_width=2.4))
        parts += [svg.line(at(x), y - 6, at(x), y + 6, stroke=AFTER, stroke_width=2.4) for x in (low, end)]
        parts.append(svg.element("circle", cx=float(at(before)), cy=float(y), r=4.5, fill="#fff", stroke=BEFORE,
                                 stroke_width=2.4))  # fmt: skip
    label = "Consumption of the city by carrier, uncalibrated and calibrated with 90 % interval, GWh"
    return svg.document(WIDTH, bottom + 26, label, "".join(parts), "chart")


def held_out_chart(table: pd.DataFrame, title: str) -> str:
    """Return predictions of meters that were left out against their readings, both axes logarithmic."""
    left, right, top, height = 70.0, 16.0, 56.0, 300.0
    bottom = top + height
    values = table[["measured_kwh", "low_kwh", "high_kwh"]].to_numpy(np.float64) / 1e3
    low, high = np.log10(values.min()) - 0.05, np.log10(values.max()) + 0.05
    x, y = _scale(low, high, left, WIDTH - right), _scale(low, high, bottom, top)
    hit = int(table["covered"].sum())
    note = f"MWh in the year · {hit} of {len(table)} readings lie in their 90 % interval, predicted without them"
    parts = [_heading(title, note)]
    for tick in _decades(low, high):
        name, at = number(tick, max(0, -int(np.floor(np.log10(tick))))), float(np.log10(tick))
        parts.append(svg.line(x(at), top, x(at), bottom, stroke=svg.GRID))
        parts.append(svg.line(left, y(at), WIDTH - right, y(at), stroke=svg.GRID))
        parts.append(svg.text(x(at), bottom + 16, name, text_anchor="middle", font_size=11, fill=svg.MUTED))
        parts.append(svg.text(left - 8, y(at) + 4, name, text_anchor="end", font_size=11, fill=svg.MUTED))
    parts.append(svg.line(x(low), y(low), x(high), y(high), stroke=svg.MUTED, stroke_dasharray="4 3"))
    for row in table.sort_values("covered", ascending=False).to_dict("records"):
        colour = AFTER if row["covered"] else MISSED
        at = x(np.log10(row["measured_kwh"] / 1e3))
        ends = [y(np.log10(row[c] / 1e3)) for c in ("low_kwh", "high_kwh")]
        parts.append(svg.line(at, ends[0], at, ends[1], stroke=colour, stroke_width=0.9, opacity=0.55))
        middle = float(y(np.log10(row["predicted_kwh"] / 1e3)))
        parts.append(svg.element("circle", cx=float(at), cy=middle, r=2.6, fill=colour))
    parts.append(svg.text((left + WIDTH - right) / 2, bottom + 33, "measured", text_anchor="middle", font_size=11,
                          fill=svg.MUTED))  # fmt: skip
    parts.append(svg.text(left + 6, top + 12, "predicted", font_size=11, fill=svg.MUTED))
    return svg.document(WIDTH, bottom + 40, f"{title}, predicted against measured", "".join(parts), "chart")


def months_chart(title: str, lines: Sequence[tuple[str, NDArray[np.float64]]]) -> str:
    """Return sums of metered buildings by month: the meters first, then the uncalibrated and the calibrated model."""
    left, right, top, height = 62.0, 14.0, 56.0, 170.0
    bottom = top + height
    top_value = max(float(values.max()) for _, values in lines) / 1e3
    step = svg.nice_step(top_value, 4)
    high = step * np.ceil(top_value / step)
    y = _scale(0.0, high, bottom, top)
    x = _scale(0.0, 12.0, left, WIDTH - right)
    parts = [_heading(title, "MWh in the month, all buildings with twelve readings together")]
    for tick in svg.ticks(0.0, high, 4):
        parts.append(svg.line(left, y(tick), WIDTH - right, y(tick), stroke=svg.GRID))
        text = number(tick, svg.tick_decimals(step))
        parts.append(svg.text(left - 8, y(tick) + 4, text, text_anchor="end", font_size=11, fill=svg.MUTED))
    for k, month in enumerate(MONTHS):
        parts.append(svg.text(x(k + 0.5), bottom + 16, month, text_anchor="middle", font_size=11, fill=svg.MUTED))
    strokes = (svg.Stroke(MEASURED, "", 2.2), svg.Stroke(BEFORE, "6 3"), svg.Stroke(AFTER, "2 3", 2.2))
    for (_, values), stroke in zip(lines, strokes, strict=True):
        points = " ".join(f"{svg.num(x(k + 0.5))},{svg.num(y(v / 1e3))}" for k, v in enumerate(values))
        parts.append(svg.element("polyline", points=points, fill="none", stroke=stroke.colour,
                                 stroke_width=stroke.width, stroke_dasharray=stroke.dash or None))  # fmt: skip
    names = [(name, stroke) for (name, _), stroke in zip(lines, strokes, strict=True)]
    body, used = svg.legend(names, left, bottom + 40, WIDTH - left - right)
    return svg.document(WIDTH, bottom + 40 + used, f"{title} by month", "".join([*parts, body]), "chart")


def _decades(low: float, high: float) -> list[float]:
    """Return powers of ten between two logarithms, and where these are few also twice and five times them."""
    powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    steps = (1.0, 2.0, 5.0) if high - low < 2.5 else (1.0,)
    return [m * 10.0**p for p in powers for m in steps if low <= np.log10(m * 10.0**p) <= high]


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _grid(at: Callable[[float], float], low: float, high: float, top: float, bottom: float) -> list[str]:
    decimals = svg.tick_decimals(svg.nice_step(high - low, 5))
    parts = []
    for tick in svg.ticks(low, high, 5):
        parts.append(svg.line(at(tick), top, at(tick), bottom, stroke=svg.GRID))
        text = number(tick, decimals)
        parts.append(svg.text(at(tick), bottom + 16, text, text_anchor="middle", font_size=11, fill=svg.MUTED))
    return parts


def _heading(title: str, subtitle: str) -> str:
    return svg.text(4, 16, title, font_size=14, font_weight="600", fill=svg.INK) + svg.text(
        4, 33, subtitle, font_size=11, fill=svg.MUTED
    )
