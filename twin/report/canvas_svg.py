"""The canvas as one sheet: SVG of A3 landscape that prints as it is, without a browser's layout.

The fourteen blocks stand as in the City Model Canvas (Timeus, Vinaixa and Pardo-Bosch 2020, doi
10.1080/14719037.2020.1718187): the mission above, partners to beneficiaries in the middle, the triple bottom line at
the foot. The type is as large as the fullest block allows. Shapes and words carry what colour does, so that the sheet
may be printed in grey.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape

from twin.decision import robustness
from twin.report import canvas_marks as marks
from twin.report.canvas_draw import HEIGHT, INNER, MARGIN, WIDTH, Place, length, line_of_text, paragraph, rect
from twin.report.canvas_head import evidence, header
from twin.report.canvas_layout import PADDING, SIZES, Band, Laid, band, fair, lay_out, wrap
from twin.report.canvas_sheet import Sheet
from twin.report.canvas_text import (
    COMPUTED,
    SOURCE,
    STATED,
    BlockText,
    Entry,
    Piece,
    Printer,
    letter,
    words,
)
from twin.report.font_metrics import FAMILY
from twin.report.svg import INK, MUTED

GAP = 2.4
MIDDLE = ((6,), (7, 8), (2,), (4, 5), (3,))
FOOT = ((9,), (10,), (11,), (12,), (13,), (14,))
MISSION_MOST, MIDDLE_LEAST, FOOT_LEAST = 60.0, 52.0, 50.0
LINE_HEAD, LEGEND = 6.2, 10.5
TINTS = {"I": "#eaf1f7", "II": "#f3f5ee", "III": "#f8f4ec", "IV": "#fbfbfc"}
LINE_TINT = "#dfe5ea"
_SOFT = "#4c5965"


def draw_sheet(sheet: Sheet) -> str:
    """Return the sheet as one SVG image of 420 by 297 mm. Equal sheets give equal bytes."""
    printer = Printer(sheet.book.figures)
    parts = [_frame(sheet)]
    y = MARGIN
    for draw in (evidence, header):
        body, height = draw(sheet, printer, y)
        parts.append(body)
        y += height + GAP
    blocks = {block.number: block for block in sheet.blocks}
    room = HEIGHT - MARGIN - LEGEND - y - 2 * GAP - LINE_HEAD
    fit = _fit(sheet, blocks, room)
    parts += [*_blocks(sheet, fit, blocks, y, room), _legend(sheet, fit.printer)]
    label = f"City Model Canvas: {sheet.title}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sheet" width="{WIDTH:g}mm" height="{HEIGHT:g}mm" '
        f'viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{escape(label)}" font-family="{FAMILY}" '
        f'fill="{INK}">{"".join(parts)}</svg>'
    )


def _frame(sheet: Sheet) -> str:
    style = f".soft{{fill:{_SOFT}}}@page{{size:{WIDTH:g}mm {HEIGHT:g}mm;margin:0}}"
    return f'<style>{style}</style><rect width="{WIDTH:g}" height="{HEIGHT:g}" fill="#fff"/>'


@dataclass(frozen=True)
class Fit:
    """Blocks in a type size: the printer (brief or not), the bands, and the height that all need."""

    printer: Printer
    size: float
    mission: float
    middle: Band
    foot: Band

    @property
    def needed(self) -> float:
        """Height of all blocks."""
        return self.mission + self.middle.height + self.foot.height


def _fit(sheet: Sheet, blocks: dict[int, BlockText], room: float) -> Fit:
    """Return the blocks in the largest type in which all fit, in brief only if need be; else in the smallest."""
    for brief, sizes in SIZES.items():
        printer = Printer(sheet.book.figures, brief)
        found: dict[int, Fit] = {}

        def fit(k: int, printer: Printer = printer, sizes: tuple[float, ...] = sizes, found: dict = found) -> Fit:
            if k not in found:
                middle = band(printer, blocks, MIDDLE, INNER, sizes[k], MIDDLE_LEAST)
                foot = band(printer, blocks, FOOT, INNER - 2 * GAP, sizes[k], FOOT_LEAST)
                found[k] = Fit(printer, sizes[k], _mission_height(printer, blocks[1], sizes[k]), middle, foot)
            return found[k]

        first, last = 0, len(sizes) - 1
        while first < last:
            k = (first + last) // 2
            first, last = (first, k) if fit(k).needed <= room else (k + 1, last)
        if fit(first).needed <= room or brief:
            return fit(first)
    raise AssertionError("SIZES ends in brief")


def _blocks(sheet: Sheet, fit: Fit, blocks: dict[int, BlockText], y: float, room: float) -> Iterator[str]:
    """Draw the fourteen blocks; what is to spare goes to the rows, what lacks is cut where least is lost."""
    rest = room - fit.mission
    natural = fit.middle.height + fit.foot.height
    if natural <= rest:
        tall = fit.middle.height * rest / natural
    else:
        cuts = [rest * k / 40 for k in range(12, 29)]
        tall = min(cuts, key=lambda cut: fit.middle.lacking(cut) + fit.foot.lacking(rest - cut))
    yield from _mission(fit, blocks[1], Place(MARGIN, y, INNER, fit.mission))
    yield from _middle(fit, blocks, Place(MARGIN, y + fit.mission + GAP, INNER, tall))
    yield from _foot(sheet, fit, blocks, Place(MARGIN, y + fit.mission + tall + 2 * GAP, INNER, rest - tall))


def _halves(block: BlockText) -> list[BlockText]:
    """Return the mission cut in two: what is wanted, and what the run says to it."""
    wanted, said = [], []
    for entry in block.entries:
        marked = tuple(p for p in entry.paragraphs if p.mark)
        plain = tuple(p for p in entry.paragraphs if not p.mark)
        if entry.kind == STATED:
            wanted.append(Entry(STATED, plain))
            said += [Entry(COMPUTED, (p,)) for p in marked]
        else:
            said.append(entry)
    return [replace(block, entries=tuple(wanted), flags=(), missing=()), replace(block, entries=tuple(said))]


def _mission_height(printer: Printer, block: BlockText, size: float) -> float:
    return max(lay_out(printer, half, INNER / 2, size, MISSION_MOST).height for half in _halves(block))


def _mission(fit: Fit, block: BlockText, place: Place) -> Iterator[str]:
    yield rect(place, TINTS[block.part])
    for k, half in enumerate(_halves(block)):
        laid = lay_out(fit.printer, half, INNER / 2, fit.size, MISSION_MOST)
        rows = laid.rows if k == 0 else laid.rows[1:]
        yield _rows(fit.printer, Laid(rows, laid.height), place.x + k * INNER / 2, place.y, fit.size)
    yield _part_label(place, block.part)


def _middle(fit: Fit, blocks: dict[int, BlockText], place: Place) -> Iterator[str]:
    x, found = place.x, fit.middle
    for column, width, heights in zip(found.columns, found.widths, found.heights, strict=True):
        y = place.y
        for number, height in zip(column, fair(heights, place.height), strict=True):
            box = Place(x, y, width, height)
            yield _block(fit, blocks[number], box)
            y += box.height
        x += width


def _foot(sheet: Sheet, fit: Fit, blocks: dict[int, BlockText], place: Place) -> Iterator[str]:
    """Draw the triple bottom line: over each pair of blocks stands what the scenarios do to that line."""
    x, printer = place.x, fit.printer
    for k, line in enumerate(robustness.LINES):
        pair = list(zip(fit.foot.columns, fit.foot.widths, strict=True))[2 * k : 2 * k + 2]
        head = Place(x, place.y, sum(width for _, width in pair), LINE_HEAD)
        yield rect(head, LINE_TINT)
        title = (words(f"{line.capitalize()} bottom line", bold=True),)
        yield paragraph(printer, title, head.x + PADDING, head.y + 1.2, head.width, 3.2)[0]
        yield from _line_verdicts(sheet, printer, k, head)
        for (number,), width in pair:
            yield _block(fit, blocks[number], Place(x, place.y + LINE_HEAD, width, place.height))
            x += width
        x += GAP


def _line_verdicts(sheet: Sheet, printer: Printer, line: int, head: Place) -> Iterator[str]:
    """Draw the verdicts of the scenarios on one line, from the right; marks alone where words do not fit."""
    size, gap = 2.5, 3.1
    for in_full in (True, False):
        found = [
            (row.lines[line][0], wrap(printer, (letter(row.letter), *said), head.width, size)[0])
            for row in sheet.rows
            for said in [(words(f" {row.lines[line][1]}"),) if in_full else ()]
        ]
        if sum(length(bits, size) + 2 * gap for _, bits in found) <= head.width - 52.0:
            break
    x = head.x + head.width - PADDING + gap
    for mark, bits in reversed(found):
        x -= length(bits, size) + gap
        yield line_of_text(printer, bits, x, head.y + 4.0, size)
        x -= gap
        yield marks.in_svg(mark if mark in marks.SHAPES else marks.NONE, x, head.y + 1.9, size)


def _block(fit: Fit, block: BlockText, place: Place) -> str:
    laid = lay_out(fit.printer, block, place.width, fit.size, place.height + 1e-6)
    text = _rows(fit.printer, laid, place.x, place.y, fit.size)
    return rect(place, TINTS[block.part]) + text + _part_label(place, block.part)


def _rows(printer: Printer, laid: Laid, x: float, y: float, size: float) -> str:
    parts = []
    for row in laid.rows:
        if row.mark:
            left = x + PADDING + row.indent - 1.25 * size
            parts.append(marks.in_svg(row.mark, left, y + row.y - 0.74 * row.size, 0.82 * row.size))
        parts.append(line_of_text(printer, row.bits, x + PADDING + row.indent, y + row.y, row.size))
    return "".join(parts)


def _part_label(place: Place, part: str) -> str:
    return (
        f'<text x="{place.x + place.width - 1.4:.2f}" y="{place.y + 3.4:.2f}" font-size="2.3" fill="{MUTED}" '
        f'text-anchor="end">part {part}</text>'
    )


def _legend(sheet: Sheet, printer: Printer) -> str:
    """Draw what the shapes mean, and where the canvas is from."""
    y, x, size = HEIGHT - MARGIN - LEGEND + 3.2, MARGIN, 2.5
    parts = []
    for mark, text in sheet.legend:
        bits = wrap(printer, (words(text),), INNER, size)[0]
        parts += [marks.in_svg(mark, x, y + 0.1, 2.4), line_of_text(printer, bits, x + 3.2, y + 2.1, size)]
        x += 3.2 + length(bits, size) + 4.2
    foot = (Piece(sheet.source, words=SOURCE, soft=True),)
    parts.append(paragraph(printer, (*sheet.reading, *foot), MARGIN, y + 3.6, INNER, 2.3)[0])
    return "".join(parts)
