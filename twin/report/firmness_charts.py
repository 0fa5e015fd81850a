"""Charts of how firm a study is: ranked parameters, a pilot's estimate against the truth, its map, and splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from twin.decision.pilot import CONTROL, EDGE, PILOT, Estimate
from twin.report import svg
from twin.report.formats import number
from twin.report.maps import BUILDING, HEAD, LAND, STREET, WIDTH, Frame, city_frame, north_arrow, scale_bar
from twin.report.roof_map import MAX_SHAPES

Scale = Callable[[float], float]

BAR, TIE, AREA_EDGE = "#4f7cac", svg.INK, "#7b8794"
TRUTH_COLOUR = "#762a83"
AREA_COLOURS = {PILOT: "#2166ac", EDGE: "#e08214", CONTROL: "#5aae61", "": BUILDING}
AREA_NAMES = {PILOT: "pilot", EDGE: "strip around it", CONTROL: "control area", "": "rest of the city"}
SPLIT_COLOURS = {"equal": "#4f7cac", "per_capita": "#e08214", "shapley": "#5aae61", "stable": "#762a83"}


@dataclass(frozen=True)
class Bar:
    """One parameter of a ranking: influence and half its interval; `tied` with the next below.

    `shown` is the number as an SVG text with its reference, `tip` its interval for a tooltip.
    """

    name: str
    value: float
    half: float
    tied: bool
    shown: str
    tip: str


def ranking_chart(title: str, subtitle: str, bars: Sequence[Bar], top: float, effect: float = np.nan) -> str:
    """Return parameters as bars with their confidence, the most influential first; ties are bracketed.

    Parameters
    ----------
    title, subtitle : str
        The subtitle holds the unit.
    bars : sequence of Bar
    top : float
        End of the scale, one for all charts that are compared.
    effect : float
        Size of the difference itself, drawn as a dashed line where it lies on the scale.
    """
    left, right, head, step = 208.0, 126.0, 46.0, 25.0
    bottom = head + step * len(bars)

    def at(value: float) -> float:
        return left + value / (top or 1.0) * (WIDTH - left - right)

    parts = [*_heading(title, subtitle), *_axis(at, 0.0, top, head, bottom)]
    for position, bar in enumerate(bars):
        y = head + step * (position + 0.5)
        name = svg.shorten(bar.name, left - 20, 10.5)
        parts.append(svg.text(left - 18, y + 4, name, text_anchor="end", font_size=10.5, class_="stated"))
        tip = svg.element("title", svg.escape(bar.tip))
        size = {"width": max(at(bar.value) - left, 0.5), "height": 14.0}
        parts.append(svg.element("rect", tip, x=left, y=y - 7, fill=BAR, **size))
        ends = at(max(bar.value - bar.half, 0.0)), at(min(bar.value + bar.half, top))
        parts.append(svg.line(ends[0], y, ends[1], y, stroke=svg.INK, stroke_width=1.4))
        parts += [svg.line(x, y - 4, x, y + 4, stroke=svg.INK, stroke_width=1.4) for x in ends]
        parts.append(svg.element("text", bar.shown, x=WIDTH - 4, y=y + 4, text_anchor="end", font_size=11))
        if bar.tied and position + 1 < len(bars):
            bracket = f"M{svg.num(left - 6)} {svg.num(y + 3)}h-6v{svg.num(step - 6)}h6"
            tip = svg.element("title", "cannot be told apart")
            parts.append(svg.element("path", tip, d=bracket, fill="none", stroke=TIE, stroke_width=1.3))
    if 0.0 < effect <= top:
        dashed = svg.line(at(effect), head - 4, at(effect), bottom, stroke=TRUTH_COLOUR, stroke_dasharray="4 3")
        parts.append(svg.element("g", dashed + svg.element("title", "the difference itself"), stroke_width=1.6))
    return svg.document(WIDTH, bottom + 24, f"{title}. {subtitle}", "".join(parts), "chart")


def estimate_chart(title: str, subtitle: str, scaled: Estimate, truth: float, shown: Mapping[str, str]) -> str:
    """Return what a pilot foretells for the city, with its interval, above what the run simulated.

    Parameters
    ----------
    title, subtitle : str
    scaled : Estimate
    truth : float
        NaN where it was not simulated.
    shown : mapping of str to str
        ``scaled`` and ``truth`` as SVG texts with their references.
    """
    left, right, head, step = 132.0, 128.0, 50.0, 32.0
    values = np.array([scaled.value, scaled.low, scaled.high, truth, 0.0])
    values = values[np.isfinite(values)]
    span = float(np.ptp(values)) or 1.0
    low, high = float(values.min()) - 0.05 * span, float(values.max()) + 0.05 * span
    known = bool(np.isfinite(truth))
    bottom = head + step * (2 if known else 1)

    def at(value: float) -> float:
        return left + (value - low) / (high - low) * (WIDTH - left - right)

    parts = [*_heading(title, subtitle), *_axis(at, low, high, head, bottom, 4)]
    parts.append(svg.line(at(0.0), head - 4, at(0.0), bottom, stroke=svg.INK, stroke_width=1.2))
    y = head + step / 2
    parts.append(svg.text(left - 10, y + 4, "foretold by the pilot", text_anchor="end", font_size=11.5))
    if np.isfinite(scaled.low):
        if known:
            band = at(scaled.high) - at(scaled.low)
            parts.append(svg.rect(at(scaled.low), head, band, bottom - head, fill="#eef4fb"))
        ends = at(scaled.low), at(scaled.high)
        parts.append(svg.line(ends[0], y, ends[1], y, stroke=BAR, stroke_width=2.2))
        parts += [svg.line(x, y - 5, x, y + 5, stroke=BAR, stroke_width=2.2) for x in ends]
    parts.append(svg.element("circle", cx=at(scaled.value), cy=y, r=4.5, fill=BAR))
    parts.append(svg.element("text", shown["scaled"], x=WIDTH - 4, y=y + 4, text_anchor="end", font_size=11.5))
    if known:
        y, x = y + step, at(truth)
        parts.append(svg.text(left - 10, y + 4, "simulated", text_anchor="end", font_size=11.5))
        diamond = f"M{svg.num(x)} {svg.num(y - 6)}l6 6l-6 6l-6 -6z"
        parts.append(svg.element("path", d=diamond, fill=TRUTH_COLOUR))
        parts.append(svg.line(x, head, x, y, stroke=TRUTH_COLOUR, stroke_dasharray="3 3"))
        parts.append(svg.element("text", shown["truth"], x=WIDTH - 4, y=y + 4, text_anchor="end", font_size=11.5))
    return svg.document(WIDTH, bottom + 24, f"{title}. {subtitle}", "".join(parts), "chart")


def pilot_map(
    title: str, subtitle: str, areas: gpd.GeoDataFrame, outlines: Sequence[shapely.Geometry], lines: bool
) -> str:
    """Return the map of pilot, strip, control area and the rest; no text where there are too many shapes.

    Parameters
    ----------
    title, subtitle : str
    areas : GeoDataFrame
        Of `twin.decision.pilot.entity_areas`.
    outlines : sequence of geometries
        In the coordinates of the city, drawn as they are stated.
    lines : bool
        Whether the shapes are streets.
    """
    if not 0 < len(areas) <= MAX_SHAPES:
        return ""
    frame = city_frame({"buildings": areas})
    simple, body = areas.geometry.simplify(0.3 / frame.scale), []
    for area in ("", CONTROL, EDGE, PILOT):
        path = "".join(frame.path(shape) for shape in simple[areas["area"] == area])
        colour = STREET if lines and not area else AREA_COLOURS[area]
        style = {"fill": "none", "stroke": colour, "stroke_width": 2.2 if area else 1.2} if lines else {"fill": colour}
        body.append(svg.element("path", d=path, **style) if path else "")
    style = {"fill": "none", "stroke": svg.INK, "stroke_width": 1.4, "stroke_dasharray": "5 3"}
    body += [svg.element("path", d=frame.path(outline), **style) for outline in outlines]
    inner = svg.element(
        "svg", "".join(body), x="0", y=svg.num(HEAD), width=svg.num(WIDTH), height=svg.num(frame.height),
        viewBox=f"0 {svg.num(HEAD)} {svg.num(WIDTH)} {svg.num(frame.height)}",
    )  # fmt: skip
    parts = [
        *_heading(title, subtitle),
        svg.rect(0, HEAD, WIDTH, frame.height, fill=LAND, stroke=svg.GRID),
        inner,
        scale_bar(frame),
        north_arrow(frame),
        _areas_legend(frame, set(areas["area"]), lines),
    ]
    return svg.document(WIDTH, HEAD + frame.height + 44, f"{title}. {subtitle}", "".join(parts), "map")


def split_chart(
    title: str,
    subtitle: str,
    members: Mapping[str, tuple[float, Mapping[str, float]]],
    names: Mapping[str, str],
    shown: Callable[[str, str], str],
) -> str:
    """Return what each member pays under each split as bars, a line where it would be alone.

    Parameters
    ----------
    title, subtitle : str
    members : mapping
        By label: what it pays alone, and under each split.
    names : mapping of str to str
        Names of the splits.
    shown : callable
        Number of a member (its label) and a split as an SVG text with its reference.
    """
    left, right, head, step, gap = 176.0, 84.0, 62.0, 17.0, 12.0
    top = max((max(alone, *pays.values()) for alone, pays in members.values()), default=1.0) or 1.0
    rows = sum(len(pays) for _, pays in members.values())
    bottom = head + step * rows + gap * len(members)

    def at(value: float) -> float:
        return left + value / top * (WIDTH - left - right)

    parts = [*_heading(title, subtitle), *_axis(at, 0.0, top, head - 4, bottom, 4, 1e-6)]
    y = head
    for label, (alone, pays) in members.items():
        middle = y + step * len(pays) / 2
        name = svg.shorten(label, 88, 12)
        parts.append(svg.text(4, middle + 4, name, font_size=12, font_weight="600", class_="stated"))
        start = y
        for split, value in pays.items():
            parts.append(svg.text(left - 8, y + 12, names[split], text_anchor="end", font_size=10.5, fill=svg.MUTED))
            width = max(at(value) - left, 0.5)
            parts.append(svg.rect(left, y + 2, width, step - 4, fill=SPLIT_COLOURS[split]))
            parts.append(
                svg.element("text", shown(label, split), x=WIDTH - 4, y=y + 12.0, text_anchor="end", font_size=10.5)
            )
            y += step
        parts.append(svg.line(at(alone), start, at(alone), y, stroke=svg.INK, stroke_width=2, stroke_dasharray="4 2"))
        y += gap
    key = svg.line(left, 46, left + 22, 46, stroke=svg.INK, stroke_width=2, stroke_dasharray="4 2")
    parts.append(key + svg.text(left + 28, 50, "what it would pay alone", font_size=11, fill=svg.INK))
    return svg.document(WIDTH, bottom + 24, f"{title}. {subtitle}", "".join(parts), "chart")


def _heading(title: str, subtitle: str) -> list[str]:
    return [
        svg.text(4, 16, svg.shorten(title, WIDTH - 8, 14), font_size=14, font_weight="600", fill=svg.INK,
                 class_="stated"),
        svg.text(4, 33, svg.shorten(subtitle, WIDTH - 8, 11), font_size=11, fill=svg.MUTED, class_="stated"),
    ]  # fmt: skip


def _axis(
    at: Scale, low: float, high: float, head: float, bottom: float, most: int = 3, scale: float = 1.0
) -> list[str]:
    """Return vertical grid lines with their ticks, printed times `scale`."""
    decimals = svg.tick_decimals(svg.nice_step((high - low) * scale, most))
    parts = []
    for tick in svg.ticks(low * scale, high * scale, most):
        x = at(tick / scale)
        parts.append(svg.line(x, head, x, bottom, stroke=svg.GRID))
        parts.append(
            svg.text(x, bottom + 15, number(tick, decimals), text_anchor="middle", font_size=10.5, fill=svg.MUTED,
                     class_="axis")
        )  # fmt: skip
    return parts


def _areas_legend(frame: Frame, present: set[str], lines: bool) -> str:
    parts, x, y = [], 4.0, HEAD + frame.height + 18.0
    for area, name in AREA_NAMES.items():
        if area in present:
            colour = STREET if lines and not area else AREA_COLOURS[area]
            parts.append(svg.rect(x, y - 9, 16, 11, fill=colour, stroke=AREA_EDGE, stroke_width=0.5))
            parts.append(svg.text(x + 22, y, name, font_size=11, fill=svg.INK))
            x += 40 + svg.text_width(name, 11)
    parts.append(svg.line(x, y - 4, x + 20, y - 4, stroke=svg.INK, stroke_width=1.4, stroke_dasharray="5 3"))
    parts.append(svg.text(x + 26, y, "as stated", font_size=11, fill=svg.INK))
    return "".join(parts)
