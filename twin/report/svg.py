"""Small helpers for hand-made SVG: elements with escaped text, colours, axis ticks and legends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

FONT = 12.0
CHARACTER = 0.56
"""Mean width of a character in units of the font size, for layout without font metrics."""

INK, MUTED, GRID = "#1f2933", "#5f6c7b", "#d9dee5"
BETTER_COLOUR, WORSE_COLOUR, NOISE_COLOUR, CHANGED_COLOUR = "#2166ac", "#b35806", "#9aa3ad", "#762a83"

SCENARIO_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195")
"""Okabe and Ito, "Color Universal Design" (2008): told apart with any colour vision."""
SCENARIO_DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "12 4", "1 2")


@dataclass(frozen=True)
class Stroke:
    """How the line of a scenario is drawn."""

    colour: str
    dash: str
    width: float = 1.8


BASELINE_STROKE = Stroke(INK, "", 1.4)


def scenario_stroke(position: int) -> Stroke:
    """Return the stroke of the scenario at this position among the scenarios."""
    return Stroke(SCENARIO_COLOURS[position % len(SCENARIO_COLOURS)], SCENARIO_DASHES[position % len(SCENARIO_DASHES)])


def num(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def element(name: str, body: str = "", /, **attributes: object) -> str:
    """Return an element; attribute names take ``_`` for ``-``, values are escaped, None leaves one out."""
    parts = []
    for key, value in attributes.items():
        if value is not None:
            text = num(value) if isinstance(value, float) else str(value)
            parts.append(f' {key.rstrip("_").replace("_", "-")}="{escape(text)}"')
    return f"<{name}{''.join(parts)}>{body}</{name}>" if body else f"<{name}{''.join(parts)}/>"


def text(x: float, y: float, content: str, **attributes: object) -> str:
    """Return a text element with escaped content."""
    return element("text", escape(content), x=float(x), y=float(y), **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: object) -> str:
    """Return a line."""
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), **attributes)


def rect(x: float, y: float, width: float, height: float, **attributes: object) -> str:
    """Return a rectangle."""
    return element("rect", x=float(x), y=float(y), width=float(width), height=float(height), **attributes)


def document(width: float, height: float, label: str, body: str, css: str) -> str:
    """Return a whole SVG image that scales with its container; `label` is read to those who cannot see it."""
    return (
        f'<svg class="{css}" viewBox="0 0 {num(width)} {num(height)}" role="img" aria-label="{escape(label)}" '
        f'font-size="{num(FONT)}">{body}</svg>'
    )


def text_width(content: str, size: float = FONT) -> float:
    """Return the rough width of a text."""
    return len(content) * size * CHARACTER


def shorten(content: str, width: float, size: float = FONT) -> str:
    """Return the text, cut with an ellipsis when it is wider than `width`."""
    most = max(int(width / (size * CHARACTER)), 2)
    return content if len(content) <= most else content[: most - 1].rstrip() + "…"


def nice_step(span: float, parts: int) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that cuts `span` into at most about `parts`."""
    raw = span / max(parts, 1)
    if raw <= 0 or not math.isfinite(raw):
        return 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= raw * (1 - 1e-9))


def ticks(low: float, high: float, parts: int) -> list[float]:
    """Return round numbers from `low` to `high`, both included where they are round."""
    step = nice_step(high - low, parts)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def tick_decimals(step: float) -> int:
    """Return the decimals that a tick of this step needs."""
    return max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0


def legend(
    entries: Sequence[tuple[str, Stroke]], x: float, y: float, width: float, size: float = 11.0
) -> tuple[str, float]:
    """Return line samples with names, wrapped to `width`, and the height they take."""
    parts, left, top, row = [], x, y, 17.0
    for name, stroke in entries:
        name = shorten(name, width - 40, size)
        need = 30 + text_width(name, size) + 14
        if left > x and left + need > x + width:
            left, top = x, top + row
        parts.append(
            line(left, top, left + 24, top, stroke=stroke.colour, stroke_width=stroke.width + 0.4,
                 stroke_dasharray=stroke.dash or None)
        )  # fmt: skip
        parts.append(text(left + 30, top + 4, name, font_size=size, fill=INK))
        left += need
    return "".join(parts), top - y + row
