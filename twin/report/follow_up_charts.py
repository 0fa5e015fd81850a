"""The promise over the years, with what was observed, as one chart per KPI."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from twin.decision.follow_up_judge import AS_PROMISED, BETTER, WORSE
from twin.decision.kpis import Kpi
from twin.report import svg
from twin.report.formats import DIRECTION, number

WIDTH, HEIGHT = 540.0, 170.0
LEFT, RIGHT, TOP = 74.0, 16.0, 56.0
Scale = Callable[[float], float]
BAND, PROMISED = "#d6e4f0", "#5b7f9e"
COLOURS = {BETTER: svg.BETTER_COLOUR, WORSE: svg.WORSE_COLOUR, AS_PROMISED: svg.INK}


_OF_EFFECT = {
    "effect_expected": "expected", "effect_low": "low", "effect_high": "high", "effect_observed": "observed",
    "effect_observed_low": "observed_low", "effect_observed_high": "observed_high", "effect_rerun": "rerun",
}  # fmt: skip


def promise_chart(kpi: Kpi, path: pd.DataFrame, seen: pd.DataFrame, *, effect: bool = False) -> str:
    """Return a chart of a KPI by year.

    Parameters
    ----------
    kpi : Kpi
    path : DataFrame
        Of `twin.decision.follow_up.FollowUp.paths`: the promise in every year.
    seen : DataFrame
        Rows of `twin.decision.follow_up.FollowUp.table`.
    effect : bool
        Whether to show the change against the baseline in place of the value: what was judged must be what is seen.
    """
    if effect:
        path, seen = (t.drop(columns=[*_OF_EFFECT.values()], errors="ignore").rename(columns=_OF_EFFECT)
                      for t in (path, seen))  # fmt: skip
    scale, bottom = kpi.shown.scale, TOP + HEIGHT
    columns = [path[["expected", "low", "high"]], seen[["observed_low", "observed_high", "rerun"]]]
    everything = np.concatenate([part.to_numpy(np.float64).ravel() for part in columns]) * scale
    axis = _axis(float(np.nanmin(everything)), float(np.nanmax(everything)))
    x = _scale(float(path["year"].min()) - 0.5, float(path["year"].max()) + 0.5, LEFT, WIDTH - RIGHT)
    y = _scale(axis[0], axis[-1], bottom, TOP)
    parts = [*_frame(kpi, x, y, axis, path, effect), *_promise(path, x, y, scale)]
    parts += [_observation(row, x, y, scale) for row in seen.to_dict("records")]
    body, used = _key(bool(path["low"].notna().any()), bool(seen["rerun"].notna().any()), bottom + 34)
    label = f"{kpi.label} by year: promised and observed, {kpi.shown.unit}"
    return svg.document(WIDTH, bottom + 40 + used, label, "".join([*parts, body]), "chart")


def _frame(kpi: Kpi, x: Scale, y: Scale, axis: list[float], path: pd.DataFrame, effect: bool) -> list[str]:
    bottom, decimals = TOP + HEIGHT, svg.tick_decimals(axis[1] - axis[0])
    unit = f"{kpi.shown.difference_unit}, change against the observed baseline" if effect else kpi.shown.unit
    subtitle = f"{unit} · {DIRECTION[kpi.better]}" + (" · the axis does not begin at zero" if axis[0] > 0 else "")
    parts = [
        svg.text(4, 16, svg.shorten(kpi.label, WIDTH - 20, 14), font_size=14, font_weight="600", fill=svg.INK),
        svg.text(4, 33, subtitle, font_size=11, fill=svg.MUTED),
    ]
    for tick in axis:
        parts.append(svg.line(LEFT, y(tick), WIDTH - RIGHT, y(tick), stroke=svg.GRID if tick else svg.MUTED))
        text = number(tick, decimals)
        parts.append(svg.text(LEFT - 8, y(tick) + 4, text, text_anchor="end", font_size=11, fill=svg.MUTED))
    years = [int(year) for year in path["year"]]
    every = max(1, math.ceil(len(years) / 9))
    style = {"text_anchor": "middle", "font_size": 11, "fill": svg.MUTED}
    return [*parts, *(svg.text(x(year), bottom + 16, str(year), **style) for year in years[::every])]


def _promise(path: pd.DataFrame, x: Scale, y: Scale, scale: float) -> list[str]:
    """Return the interval as a band and the expected values as a line."""
    parts = []
    if path["low"].notna().all():
        there = [(row["year"], row["high"]) for row in path.to_dict("records")]
        back = [(row["year"], row["low"]) for row in reversed(path.to_dict("records"))]
        corners = " ".join(f"{svg.num(x(year))},{svg.num(y(scale * value))}" for year, value in [*there, *back])
        parts.append(svg.element("polygon", points=corners, fill=BAND))
    points = " ".join(
        f"{svg.num(x(year))},{svg.num(y(scale * value))}"
        for year, value in zip(path["year"], path["expected"], strict=True)
    )
    parts.append(svg.element("polyline", points=points, fill="none", stroke=PROMISED, stroke_width=1.8))
    return parts


def _observation(row: dict[Any, Any], x: Scale, y: Scale, scale: float) -> str:
    values = {name: scale * float(str(row[name])) for name in ("observed", "observed_low", "observed_high", "rerun")}
    at, colour = x(float(str(row["year"]))), COLOURS.get(str(row["verdict"]), svg.INK)
    parts = []
    if values["observed_low"] < values["observed_high"]:
        ends = y(values["observed_low"]), y(values["observed_high"])
        parts.append(svg.line(at, ends[0], at, ends[1], stroke=colour, stroke_width=1.6))
    if math.isfinite(values["rerun"]):
        parts.append(_cross(at, y(values["rerun"])))
    middle = float(y(values["observed"]))
    parts.append(svg.element("circle", cx=float(at), cy=middle, r=4.8, fill=colour, stroke="#fff", stroke_width=1.2))
    return "".join(parts)


def _cross(x: float, y: float) -> str:
    ends = [(x - 5, y - 5, x + 5, y + 5), (x - 5, y + 5, x + 5, y - 5)]
    return "".join(svg.line(*each, stroke=svg.CHANGED_COLOUR, stroke_width=2) for each in ends)


def _key(interval: bool, rerun: bool, top: float) -> tuple[str, float]:
    """Return what the marks mean, and the height it takes."""
    parts, left = [], LEFT
    marks = [
        (svg.line(0, 0, 20, 0, stroke=PROMISED, stroke_width=2), "promised", True),
        (svg.rect(0, -6, 20, 12, fill=BAND), "its interval", interval),
        (svg.element("circle", cx=10.0, cy=0.0, r=4.8, fill=svg.INK), "observed", True),
        (_cross(10, 0), "simulated again", rerun),
    ]
    for mark, name, shown in marks:
        if shown:
            parts.append(svg.element("g", mark, transform=f"translate({svg.num(left)} {svg.num(top)})"))
            parts.append(svg.text(left + 26, top + 4, name, font_size=11, fill=svg.INK))
            left += 40 + svg.text_width(name, 11)
    return "".join(parts), 8.0


def _axis(low: float, high: float) -> list[float]:
    """Return round numbers, evenly apart, of which the first and the last hold both with some room."""
    span = (high - low) or max(abs(high), 1.0) * 0.1
    step = svg.nice_step(1.1 * span, 4)
    first, last = math.floor((low - 0.05 * span) / step), math.ceil((high + 0.05 * span) / step)
    return [step * k for k in range(first, last + 1)]


def _scale(low: float, high: float, start: float, end: float) -> Scale:
    return lambda value: start + (value - low) / (high - low) * (end - start)
