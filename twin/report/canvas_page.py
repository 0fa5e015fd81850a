"""The canvas as a page: the sheet as it prints on A3, and below it everything in full."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from twin.decision.decide import Decision
from twin.decision.figures import Figures
from twin.decision.overview import Overview
from twin.report import canvas_marks as marks
from twin.report.canvas_blocks import Pieces
from twin.report.canvas_sheet import Sheet, sheet_alone, sheet_of
from twin.report.canvas_svg import draw_sheet
from twin.report.canvas_text import COMPUTED, STATED, BlockText, Entry, Paragraph, Printer, letter, words
from twin.report.templating import environment


def canvas_pages(decision: Decision, figures: Figures) -> dict[str, str]:
    """Return the canvas of a run by file name, laid out once.

    ``canvas.html`` is one page without network or script that prints on one A3 page, ``canvas.svg`` its first part
    alone, A3 landscape (420 by 297 mm).
    """
    return _pages(sheet_of(decision, figures))


def canvas_pages_alone(overview: Overview, title: str = "") -> dict[str, str]:
    """Return the same of a canvas that has not been run."""
    return _pages(sheet_alone(overview, title))


def _pages(sheet: Sheet) -> dict[str, str]:
    image = draw_sheet(sheet)
    html = environment().get_template("canvas.html.j2").render(_content(sheet, image))
    return {"canvas.html": html, "canvas.svg": image}


def _content(sheet: Sheet, image: str) -> dict[str, Any]:
    printer = Printer(sheet.book.figures)
    return {
        "title": sheet.title,
        "sheet": Markup(image),  # noqa: S704 - every text in it is escaped
        "evidence": printer.paragraph(Paragraph(sheet.evidence)),
        "verdicts": [(_mark(mark), printer.paragraph(Paragraph(pieces))) for mark, pieces in sheet.verdicts],
        "question": printer.paragraph(Paragraph(sheet.question)),
        "facts": printer.paragraph(
            Paragraph((*sheet.place[1:], *(words(" · ") for _ in sheet.facts[:1]), *sheet.facts))
        ),
        "notes": [printer.paragraph(Paragraph(note)) for note in sheet.notes],
        "scenarios": [_scenario(printer, row) for row in sheet.rows],
        "blocks": [_block(printer, block) for block in sheet.blocks],
        "legend": [(_mark(mark), text) for mark, text in sheet.legend],
        "reading": printer.paragraph(Paragraph(sheet.reading)),
        "source": sheet.source,
    }


def _scenario(printer: Printer, row: Any) -> dict[str, Any]:
    return {
        "letter": printer.paragraph(Paragraph((letter(row.letter),))),
        "label": row.label,
        "lines": [(_mark(mark if mark in marks.SHAPES else marks.NONE), word) for mark, word in row.lines],
        "conflict": row.conflict,
        "conflict_mark": _mark(marks.CONFLICT),
        "veto": printer.paragraph(Paragraph(row.veto)),
        "veto_mark": _mark(row.veto_mark),
        "wins": printer.traced.html(row.wins) if row.wins else "",
    }


def _block(printer: Printer, block: BlockText) -> dict[str, Any]:
    return {
        "number": block.number,
        "title": block.title,
        "part": block.part,
        "question": block.question,
        "line": block.line,
        "flags": [_paragraph(printer, flag) for flag in block.flags],
        "groups": [
            {
                "kind": kind,
                "mark": _mark(kind),
                "entries": [_entry(printer, e) for e in block.entries if e.kind == kind],
            }
            for kind in (STATED, COMPUTED)
            if any(e.kind == kind for e in block.entries)
        ],
        "missing": [_paragraph(printer, lack) for lack in block.missing],
    }


def _entry(printer: Printer, entry: Entry) -> list[dict[str, Any]]:
    return [_paragraph(printer, paragraph) for paragraph in entry.paragraphs]


def _paragraph(printer: Printer, paragraph: Paragraph) -> dict[str, Any]:
    return {
        "mark": _mark(paragraph.mark) if paragraph.mark else "",
        "text": printer.paragraph(paragraph),
        "detail": paragraph.detail,
    }


def _mark(mark: str) -> Markup:
    return Markup(marks.in_html(mark))  # noqa: S704 - our own shapes


def _where(sheet: Sheet) -> Pieces:
    """Return place and facts in a row."""
    between = (words(" · ", soft=True),) if sheet.place and sheet.facts else ()
    return (*sheet.place[1:], *between, *sheet.facts)
