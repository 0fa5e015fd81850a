"""What the canvas pages are written in: pieces of text, paragraphs and entries, the same for the sheet and for HTML.

Words of our own are plain; what the canvas's author wrote, names of KPIs and scenarios, and sources are of class
``stated``, so that a check may tell their digits from numbers. Numbers are printed by their reference alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

import numpy as np
from markupsafe import Markup

from twin.decision.canvas_figures import Part
from twin.decision.figures import PLAIN, Figures
from twin.decision.kpis import KPIS
from twin.report.formats import MINUS, THIN, difference_texts
from twin.report.traced import Traced, shown_in
from twin.report.traced import stated as quoted

STATED, COMPUTED = "stated", "computed"
_ID = re.compile(r"(\b[a-z0-9]+(?:_[a-z0-9]+)+\b)")
NAME, SOURCE = "name", "source"
LETTER = "letter"
_LINKED = ("kpi/", "ledger/", "veto/", "choice/")
_NUMBER_WORDS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """A run of text in one form, or a number.

    Attributes
    ----------
    text : str
        The words; of a number, how it is shown where that is not the form `Traced` gives it.
    ref : str
        The number's reference; empty for words.
    words : str
        Whose words they are: `STATED`, `NAME`, `SOURCE` or our own (empty); `LETTER` is a scenario's letter.
    bold, soft : bool
    spare : bool
        Whether a full sheet leaves it to the page.
    """

    text: str = ""
    ref: str = ""
    words: str = ""
    bold: bool = False
    soft: bool = False
    spare: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean(self.text))


@dataclass(frozen=True)
class Paragraph:
    """Pieces in a row, with a mark before them; `detail` ones are for the page, not for the sheet."""

    pieces: tuple[Piece, ...]
    mark: str = ""
    detail: bool = False


@dataclass(frozen=True)
class Entry:
    """An entry of a block, stated or computed: a first paragraph and what is said to it; `spare` as of pieces."""

    kind: str
    paragraphs: tuple[Paragraph, ...]
    spare: bool = False


@dataclass(frozen=True)
class BlockText:
    """All that a block says."""

    number: int
    key: str
    title: str
    part: str
    question: str
    line: str
    entries: tuple[Entry, ...]
    flags: tuple[Paragraph, ...] = ()
    missing: tuple[Paragraph, ...] = ()


@dataclass(frozen=True)
class Printer:
    """Prints pieces with the numbers of `figures`; in `brief`, layouts leave out what is to spare."""

    figures: Figures
    brief: bool = False
    traced: Traced = field(init=False)
    lines: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "traced", Traced(self.figures))

    def shown(self, piece: Piece) -> str:
        """Return a piece as a reader sees it."""
        return piece.text or self.traced.text(piece.ref) if piece.ref else piece.text

    def html(self, piece: Piece) -> str:
        """Return a piece as HTML."""
        if piece.ref:
            body = str(self.traced.html(piece.ref)) if not piece.text else self._data(piece)
            if piece.ref.startswith(_LINKED):
                body = f'<a class="from" href="{escape(shown_in(piece.ref, self.figures[piece.ref]))}">{body}</a>'
        elif piece.words == LETTER:
            body = f'<b class="letter">{escape(piece.text)}</b>'
        elif piece.words:
            body = str(quoted(piece.text))
        else:
            body = escape(piece.text)
        body = f"<b>{body}</b>" if piece.bold else body
        return f'<span class="soft">{body}</span>' if piece.soft else body

    def tspan(self, piece: Piece, text: str) -> str:
        """Return a part of a piece (all of it for a number) as ``<tspan>``."""
        kinds = [kind for kind, held in (("soft", piece.soft), ("stated", bool(piece.words))) if held]
        bold, kind = ' font-weight="700"' if piece.bold else "", f' class="{" ".join(kinds)}"' if kinds else ""
        look = f"{bold}{kind}"
        if piece.ref:
            figure = self.figures[piece.ref]
            value = f' data-value="{figure.value!r}" data-from="{escape(piece.ref)}"'
            return f"<tspan{look}{value}>{escape(text)}<title>{escape(clean(figure.origin))}</title></tspan>"
        return f"<tspan{look}>{escape(text)}</tspan>" if look else escape(text)

    def paragraph(self, paragraph: Paragraph) -> Markup:
        """Return the pieces of a paragraph as HTML, without its mark."""
        pieces = list(paragraph.pieces)
        for k, after in enumerate(pieces[2:]):
            if pieces[k].words == LETTER and pieces[k + 1].text == " " and after.ref:
                pieces[k + 1] = words("\u00a0")  # a number stays with the letter of its scenario
        return Markup("".join(self.html(piece) for piece in pieces))  # noqa: S704 - pieces are escaped

    def _data(self, piece: Piece) -> str:
        figure = self.figures[piece.ref]
        return (
            f'<data value="{figure.value!r}" data-from="{escape(piece.ref)}" title="{escape(figure.origin)}">'
            f"{escape(piece.text)}</data>"
        )


def clean(text: str) -> str:
    """Return a text on one line, without control characters: XML cannot hold them, and some turn the reading order."""
    return "".join(" " if c in "\n\r\t" else c for c in text if c in "\n\r\t" or unicodedata.category(c)[0] != "C")


def words(text: str, *, bold: bool = False, soft: bool = False) -> Piece:
    """Return words of our own."""
    return Piece(text, bold=bold, soft=soft)


def stated(text: str, *, bold: bool = False, soft: bool = False) -> Piece:
    """Return words of the canvas's author."""
    return Piece(text, words=STATED, bold=bold, soft=soft)


def name(text: str, *, bold: bool = False, soft: bool = False) -> Piece:
    """Return the name of a KPI or a scenario."""
    return Piece(text, words=NAME, bold=bold, soft=soft)


def letter(text: str) -> Piece:
    """Return the letter of a scenario."""
    return Piece(text, words=LETTER)


def as_stated(figures: Figures, ref: str) -> Piece:
    """Return a stated number as it was written; shares and years in the form of all pages."""
    figure = figures[ref]
    if figure.unit != PLAIN:
        return Piece(ref=ref)
    text = np.format_float_positional(figure.value, trim="-")
    whole, dot, part = text.removeprefix("-").partition(".")
    grouped = f"{int(whole):,}".replace(",", THIN) if len(whole) > 4 else whole
    return Piece(f"{MINUS if figure.value < 0 else ''}{grouped}{dot}{part}", ref)


def from_parts(parts: Iterable[Part], *, soft: bool = False) -> tuple[Piece, ...]:
    """Return the pieces of a sentence."""
    found = [Piece(p.text, p.ref, STATED if p.stated else "", soft=soft) for p in parts]
    return tuple(piece for one in found for piece in ([one] if one.ref or one.words else _named(one)))


def _named(piece: Piece) -> Iterator[Piece]:
    """Yield words with ids of KPIs put as their names."""
    for part in _ID.split(piece.text):
        known = part in KPIS
        yield Piece(KPIS[part].label if known else part, words=NAME if known else "", soft=piece.soft)


def difference(figures: Figures, scenario: str, kpi: str) -> tuple[Piece, ...]:
    """Return a KPI's difference with its unit, and its interval in brackets where there is one."""
    base = f"kpi/{scenario}/{kpi}"
    known = figures.known(f"{base}/low")
    ends = [figures[f"{base}/{column}"].value for column in ("difference", "low", "high")]
    text, between = difference_texts(KPIS[kpi], *ends)
    unit = KPIS[kpi].shown.difference_unit
    value = Piece(f"{text}{THIN}{unit}".replace(" ", THIN), f"{base}/difference", bold=True)
    if not known or " … " not in between:
        return (value,)
    low, high = between.split(" … ")
    between_them = (
        words(" (", soft=True), Piece(low, f"{base}/low", soft=True), words(" to ", soft=True),
        Piece(high, f"{base}/high", soft=True), words(")", soft=True),
    )  # fmt: skip
    return (value, *spare(between_them))


def listed(items: Sequence[Sequence[Piece]], joiner: str = "; ") -> tuple[Piece, ...]:
    """Return several runs of pieces with a joiner between them."""
    found: list[Piece] = []
    for k, item in enumerate(items):
        found += [words(joiner)] if k else []
        found += item
    return tuple(found)


def spare(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return pieces that a full sheet leaves out."""
    return tuple(replace(piece, spare=True) for piece in pieces)


def in_words(count: int) -> str:
    """Return a small count in words: what is left out of a sheet is no number of the run."""
    return _NUMBER_WORDS[count] if count < len(_NUMBER_WORDS) else "more than twenty"
