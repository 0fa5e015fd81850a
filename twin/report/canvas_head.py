"""The top of the canvas sheet: the share of claims without evidence first, then title, question and scenarios."""

from __future__ import annotations

from collections.abc import Iterator

from twin.report import canvas_marks as marks
from twin.report.canvas_computed import ScenarioRow
from twin.report.canvas_draw import EDGE, INNER, MARGIN, Place, length, line_of_text, paragraph, rect
from twin.report.canvas_layout import LEADING, wrap
from twin.report.canvas_sheet import Sheet
from twin.report.canvas_text import Printer, letter, name, words
from twin.report.svg import INK, WORSE_COLOUR

TABLE_WIDTH, TABLE_MOST = 212.0, 62.0
TABLE_SIZES, QUESTION_SIZES = (2.75, 2.5, 2.3), (5.0, 4.4, 3.9)
_COLUMNS = (("", 54.0), ("economic", 25.0), ("environmental", 27.0), ("social", 25.0), ("veto holders", 81.0))


def evidence(sheet: Sheet, printer: Printer, y: float) -> tuple[str, float]:
    """Draw what comes first: the share of claims that rest on nothing."""
    height, size, bar = 7.4, 4.1, Place(MARGIN, y + 1.4, 46.0, 4.6)
    parts = [rect(bar, "#fff", INK)]
    if sheet.bare_share > 0:
        hatch = "".join(
            f'<path d="M{bar.x + k:.2f} {bar.y:.2f}v{bar.height:.2f}" stroke="{WORSE_COLOUR}" stroke-width=".5"/>'
            for k in _steps(bar.width * sheet.bare_share)
        )
        parts.append(hatch)
    lines = wrap(printer, sheet.evidence, INNER, size)
    parts.append(line_of_text(printer, lines[0], bar.x + bar.width + 3.0, y + 5.2, size))
    x = bar.x + bar.width + 8.0 + length(lines[0], size)
    for mark, pieces in sheet.verdicts:
        found = wrap(printer, pieces, INNER, 3.0)[0]
        parts += [marks.in_svg(mark, x, y + 2.4, 3.0), line_of_text(printer, found, x + 4.0, y + 4.9, 3.0)]
        x += 4.0 + length(found, 3.0) + 4.5
    parts.append(f'<path d="M{MARGIN:g} {y + height:.2f}h{INNER:g}" stroke="{INK}" stroke-width=".5"/>')
    return "".join(parts), height


def _steps(length: float) -> Iterator[float]:
    k = 0.5
    while k < length:
        yield k
        k += 1.1


def header(sheet: Sheet, printer: Printer, y: float) -> tuple[str, float]:
    """Draw title and question on the left, and what each scenario does on the right."""
    x = MARGIN + INNER - TABLE_WIDTH
    right, most = "", 0.0
    if sheet.rows:
        for size in TABLE_SIZES:
            right, most = _table(sheet, printer, x, y, size)
            if most <= TABLE_MOST:
                break
    else:
        right, most = _notes(sheet, printer, x, y)
    for size in QUESTION_SIZES:
        left, high = _title(sheet, printer, y, size)
        if high <= most:
            break
    return left + right, max(high, most)


def _title(sheet: Sheet, printer: Printer, y: float, question: float) -> tuple[str, float]:
    """Draw what the study is: place, title, question, and what the run rests on."""
    parts, at, width = [], y, INNER - TABLE_WIDTH - 8.0
    for pieces, size, gap in (
        ((words("City Model Canvas", soft=True), *sheet.place) if sheet.place else (), 2.9, 0.6),
        ((name(sheet.title, bold=True),), 8.2 if len(sheet.title) < 60 else 6.0, 1.2),
        (sheet.question, question, 1.4),
        (sheet.facts, 2.55, 0.0),
    ):
        body, high = paragraph(printer, pieces, MARGIN, at, width, size)
        parts.append(body)
        at += high + gap if pieces else 0.0
    return "".join(parts), at - y


def _table(sheet: Sheet, printer: Printer, x: float, y: float, size: float) -> tuple[str, float]:
    """Draw one row per scenario: its bottom lines, its conflict, and what its veto holders get."""
    parts, at, left = [], y, x
    for title, width in _COLUMNS:
        parts.append(paragraph(printer, (words(title, bold=True),), left + 1.0, at, width, size)[0])
        left += width
    at += LEADING * size + 0.8
    for row in sheet.rows:
        parts.append(f'<path d="M{x:.2f} {at:.2f}h{TABLE_WIDTH:g}" stroke="{EDGE}" stroke-width=".25"/>')
        body, high = _scenario(printer, row, x, at + 0.7, size)
        parts.append(body)
        at += high + 1.5
    return "".join(parts), at - y


def _scenario(printer: Printer, row: ScenarioRow, x: float, y: float, size: float) -> tuple[str, float]:
    """Draw a row of the table; a conflict stands right below the bottom lines that are in it."""
    first, last = _COLUMNS[0][1], _COLUMNS[-1][1]
    label = (letter(row.letter), words(" "), name(row.label, bold=True))
    body, high = paragraph(printer, label, x + 1.0, y, first - 3.0, size)
    parts, left, below = [body], x + first, 0.0
    for (mark, word), (_, width) in zip(row.lines, _COLUMNS[1:], strict=False):
        parts.append(marks.in_svg(mark if mark in marks.SHAPES else marks.NONE, left + 1.0, y + 0.2, 0.95 * size))
        cell, tall = paragraph(printer, (words(word),), left + 4.6, y, width - 5.0, size)
        parts.append(cell)
        left, below = left + width, max(below, tall)
    parts.append(marks.in_svg(row.veto_mark, left + 1.0, y + 0.2, 0.95 * size))
    cell, tall = paragraph(printer, row.veto, left + 4.6, y, last - 5.0, size)
    parts.append(cell)
    if row.conflict:
        parts.append(marks.in_svg(marks.CONFLICT, x + first + 1.0, y + below + 0.3, 1.05 * size))
        text = (words(f"Conflict: {row.conflict}", bold=True),)
        body, more = paragraph(printer, text, x + first + 4.6, y + below, TABLE_WIDTH - first - last - 5.0, size)
        parts.append(body)
        below += more
    return "".join(parts), max(high, below, tall)


def _notes(sheet: Sheet, printer: Printer, x: float, y: float) -> tuple[str, float]:
    """Draw what stands in place of the scenarios where there is no run."""
    parts, at = [], y + 1.0
    for note in sheet.notes:
        body, high = paragraph(printer, note, x, at, TABLE_WIDTH, 3.1)
        parts.append(body)
        at += high + 1.2
    return "".join(parts), at - y
