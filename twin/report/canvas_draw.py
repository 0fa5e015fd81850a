"""Drawing on the canvas sheet: rectangles, lines of text with their numbers, and letters of scenarios; mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from twin.report.canvas_layout import LEADING, Bit, Bits, wrap
from twin.report.canvas_text import LETTER, Piece, Printer
from twin.report.font_metrics import width as text_width

WIDTH, HEIGHT, MARGIN = 420.0, 297.0, 9.0
INNER = WIDTH - 2 * MARGIN
EDGE = "#8b97a3"


@dataclass(frozen=True)
class Place:
    """A rectangle of the sheet."""

    x: float
    y: float
    width: float
    height: float


def rect(place: Place, fill: str, stroke: str = EDGE) -> str:
    """Return a rectangle with a thin edge."""
    return (
        f'<rect x="{place.x:.2f}" y="{place.y:.2f}" width="{place.width:.2f}" height="{place.height:.2f}" '
        f'fill="{fill}" stroke="{stroke}" stroke-width=".25"/>'
    )


def line_of_text(printer: Printer, bits: Bits, x: float, y: float, size: float) -> str:
    """Return a line of text with its baseline at `y`; letters of scenarios stand in boxes."""
    found: list[str] = []
    run: list[Bit] = []
    for bit in bits:
        if bit.piece.words == LETTER:
            found += [_run(printer, run, x, y, size), _badge(bit.text, x + bit.x, y, size)]
            run = []
        else:
            run.append(bit)
    return "".join([*found, _run(printer, run, x, y, size)])


def _run(printer: Printer, bits: Sequence[Bit], x: float, y: float, size: float) -> str:
    """Return bits without a letter between them as one text; neighbours of one piece go together."""
    if not bits:
        return ""
    groups: list[tuple[Piece, str, bool]] = []
    for k, bit in enumerate(bits):
        space = bit.space and k > 0
        if groups and groups[-1][0] is bit.piece and not bit.piece.ref:
            groups[-1] = (bit.piece, f"{groups[-1][1]}{' ' if space else ''}{bit.text}", groups[-1][2])
        else:
            groups.append((bit.piece, bit.text, space))
    body = "".join(f"{' ' if space else ''}{printer.tspan(piece, text)}" for piece, text, space in groups)
    return f'<text x="{x + bits[0].x:.2f}" y="{y:.2f}" font-size="{size:.2f}">{body}</text>'


def _badge(text: str, x: float, y: float, size: float) -> str:
    wide = max(1.0 * size, 0.75 * size * len(text))
    return (
        f'<rect x="{x:.2f}" y="{y - 0.8 * size:.2f}" width="{wide:.2f}" height="{size:.2f}" rx="{0.22 * size:.2f}" '
        f'fill="#3d4a56"/><text x="{x + wide / 2:.2f}" y="{y - 0.02 * size:.2f}" font-size="{0.78 * size:.2f}" '
        f'font-weight="700" fill="#fff" text-anchor="middle">{escape(text)}</text>'
    )


def paragraph(
    printer: Printer, pieces: Sequence[Piece], x: float, y: float, width: float, size: float
) -> tuple[str, float]:
    """Return a wrapped paragraph below `y`, and its height."""
    lines = wrap(printer, pieces, width, size)
    step = LEADING * size
    drawn = [line_of_text(printer, bits, x, y + step * k + 0.95 * size, size) for k, bits in enumerate(lines)]
    return "".join(drawn), step * len(lines)


def length(bits: Bits, size: float) -> float:
    """Return how long a line of text is."""
    last = bits[-1]
    if last.piece.words == LETTER:
        return last.x + 1.3 * size
    return last.x + text_width(last.text, size, bold=last.piece.bold)
