"""The layout of the canvas sheet: text broken into lines by its measured width, and blocks that fit their places.

All lengths are in mm. Nothing is cut within a line; where a block has too much, whole entries at the end of a group are
left out, and the block says how many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from twin.report.canvas_marks import FLAG
from twin.report.canvas_text import (
    COMPUTED,
    LETTER,
    STATED,
    BlockText,
    Entry,
    Piece,
    Printer,
    in_words,
    words,
)
from twin.report.font_metrics import width as text_width

LEADING = 1.24
LABEL = 7.0
"""Room for the part at the right of a title."""
PADDING = 2.2
GROUPS = (FLAG, STATED, COMPUTED)
_KEPT = dict.fromkeys(("buy_in", "budget_costs", "revenue_streams"), COMPUTED)
"""Blocks in which what the run says is left out last: vetoes and sums matter more than all the lines behind them."""
SAFETY = 1.012
"""Browsers round advance widths; lines are broken a little early."""
SMALL, TITLE, GOAL = 0.86, 1.14, 1.3
SIZES = {False: (4.0, 3.8, 3.6, 3.4, 3.3, 3.2, 3.1, 3.0, 2.9), True: (3.4, 3.3, 3.2, 3.1, 3.0, 2.9, 2.8, 2.7, 2.6)}
"""Type sizes that a sheet may take, mm (2.6 mm are 7.4 points): with all there is to say, and in brief."""


@dataclass(frozen=True)
class Bit:
    """A word, number or letter in a line, at `x` from the start of the line."""

    x: float
    text: str
    piece: Piece
    space: bool


Bits = tuple[Bit, ...]


@dataclass(frozen=True)
class Row:
    """A line of a block at `y` from its top: its mark if it is the first of a paragraph."""

    y: float
    bits: Bits
    size: float
    indent: float
    mark: str = ""


@dataclass(frozen=True)
class Laid:
    """A block broken into rows, and the height that they take with the padding."""

    rows: tuple[Row, ...]
    height: float


def wrap(printer: Printer, pieces: Sequence[Piece], width: float, size: float) -> list[Bits]:
    """Return the lines of a paragraph; words that are wider than a line are broken."""
    key = (tuple(pieces), width, size)
    if key not in printer.lines:
        printer.lines[key] = _wrapped(printer, pieces, width, size)
    return list(printer.lines[key])


def _wrapped(printer: Printer, pieces: Sequence[Piece], width: float, size: float) -> list[Bits]:
    lines: list[Bits] = []
    line: list[Bit] = []
    x = 0.0
    space_width = text_width(" ", size) * SAFETY
    for group in _groups(printer, pieces, width, size):
        wide = sum(w for _, _, w in group)
        gap = space_width if line else 0.0
        if line and x + gap + wide > width:
            lines.append(tuple(line))
            line, x, gap = [], 0.0, 0.0
        x += gap
        for k, (text, piece, w) in enumerate(group):
            line.append(Bit(x, text, piece, k == 0 and gap > 0.0))
            x += w
    return [*lines, tuple(line)] if line else lines


def _groups(
    printer: Printer, pieces: Sequence[Piece], width: float, size: float
) -> Iterator[list[tuple[str, Piece, float]]]:
    """Yield what stands together without a space: text, piece and width of each part."""
    group: list[tuple[str, Piece, float]] = []
    for text, piece, glued in _chunks(printer, pieces):
        if not glued and group:
            yield group
            group = []
        for part in _broken(text, piece, width, size):
            wide = _wide(part, piece, size)
            if group and sum(w for _, _, w in group) + wide > width:
                yield group
                group = []
            group.append((part, piece, wide))
    if group:
        yield group


def _chunks(printer: Printer, pieces: Sequence[Piece]) -> Iterator[tuple[str, Piece, bool]]:
    space, lettered = True, False  # a number stays with the letter of its scenario
    for piece in (p for p in pieces if not (p.spare and printer.brief)):
        shown = printer.shown(piece)
        for k, part in enumerate([shown] if piece.ref or piece.words == LETTER else shown.split(" ")):
            space = space or k > 0
            if part:
                yield part, piece, not space or (lettered and bool(piece.ref))
                space, lettered = False, piece.words == LETTER


def _broken(text: str, piece: Piece, width: float, size: float) -> Iterator[str]:
    while not piece.ref and len(text) > 1 and _wide(text, piece, size) > width:
        fits = next((n for n in range(len(text) - 1, 1, -1) if _wide(text[:n], piece, size) <= width), 1)
        yield text[:fits]
        text = text[fits:]
    yield text


def _wide(text: str, piece: Piece, size: float) -> float:
    if piece.words == LETTER:
        return max(1.3 * size, text_width(text, size * SMALL, bold=True) + 0.65 * size)
    return text_width(text, size, bold=piece.bold) * SAFETY


def lay_out(printer: Printer, block: BlockText, width: float, size: float, most: float = float("inf")) -> Laid:
    """Return a block in rows, at most `most` high: entries are left out from the ends until it fits."""
    kept = {k: [e for e in block.entries if e.kind == k and not (e.spare and printer.brief)] for k in GROUPS[1:]}
    kept = {FLAG: [Entry(FLAG, (flag,)) for flag in block.flags], **kept}
    whole = {kind: len(entries) for kind, entries in kept.items()}
    counts, keep = dict(whole), _KEPT.get(block.key, "")

    def laid() -> Laid:
        shown = {kind: kept[kind][: counts[kind]] for kind in GROUPS}
        return _rows(printer, block, shown, {k: whole[k] - counts[k] for k in GROUPS}, width, size)

    def weight(kind: str) -> int:
        return _weight(kept[kind][: counts[kind]])

    found = laid()
    while found.height > most and any(counts.values()):
        kind = max((k for k in GROUPS if counts[k]), key=lambda k: (counts[k] > 1, k not in (FLAG, keep), weight(k)))
        counts[kind] -= 1
        found = laid()
    for kind in GROUPS:  # the last one taken out may have made room for a shorter one
        while counts[kind] < whole[kind] and found.height <= most:
            counts[kind] += 1
            more = laid()
            if more.height > most:
                counts[kind] -= 1
                break
            found = more
    return found


def fair(needs: Sequence[float], room: float) -> list[float]:
    """Return how a room is shared: in proportion if all fits, else the small ones get what they need."""
    total = sum(needs)
    if total <= room:
        return [need * room / total for need in needs]
    level, left = room / len(needs), list(needs)
    for _ in needs:
        small = [need for need in left if need <= level]
        level = (room - sum(small)) / max(len(left) - len(small), 1)
    return [min(need, level) for need in left]


def _weight(entries: Sequence[Entry]) -> int:
    return sum(len(piece.text) + 8 for entry in entries for p in entry.paragraphs for piece in p.pieces)


def _rows(
    printer: Printer, block: BlockText, kept: dict[str, list[Entry]], left_out: dict[str, int], width: float,
    size: float,
) -> Laid:  # fmt: skip
    missing = not printer.brief
    inner, rows = width - 2 * PADDING, []
    y = PADDING

    def add(pieces: Sequence[Piece], mark: str, scale: float, indent: float, before: float) -> None:
        nonlocal y
        y += before * size
        step = 1.25 * size if mark else 0.0
        room = inner - indent - step - (LABEL if scale == TITLE else 0.0)
        for k, bits in enumerate(wrap(printer, pieces, room, scale * size)):
            y += LEADING * scale * size
            rows.append(Row(y, bits, scale * size, indent + step, mark if k == 0 else ""))

    add((Piece(str(block.number), words="name", soft=True), words(f" {block.title}", bold=True)), "", TITLE, 0.0, 0.0)
    for kind, entries in kept.items():
        if entries or left_out[kind]:
            _group(add, kind, entries, left_out[kind], size, GOAL if block.key == "mission" else 1.0)
    for k, lack in enumerate(block.missing if missing else ()):
        add(lack.pieces, lack.mark, SMALL, 0.0, 0.6 if k == 0 else 0.1)
    return Laid(tuple(rows), y + 0.35 * size + PADDING)


def _group(
    add: Callable[..., None], kind: str, entries: Sequence[Entry], left_out: int, size: float, first: float
) -> None:
    """Add the entries of a kind under its name; what is first stated may stand in larger type."""
    if kind != FLAG and entries:
        add((words(kind, soft=True),), kind, SMALL, 0.0, 0.5)
    for i, entry in enumerate(entries):
        for k, paragraph in enumerate(p for p in entry.paragraphs if not p.detail):
            scale = first if (i, k, kind) == (0, 0, STATED) else 1.0
            add(paragraph.pieces, paragraph.mark or (kind if k == 0 else ""), scale, 0.0 if k == 0 else 1.25 * size,
                0.3 if k == 0 else 0.06)  # fmt: skip
    if left_out:
        which = "" if entries else {FLAG: " red flags"}.get(kind, f" {kind}")
        add(
            (words(f"and {in_words(left_out)} more{which}, on the page in full", soft=True),), "", 1.0, 1.25 * size, 0.3
        )


_ROUNDS, _STEP, _TALLEST = 5, 0.7, 1.7
Column = tuple[int, ...]


@dataclass(frozen=True)
class Band:
    """Columns of blocks side by side: the blocks' numbers, widths, and the height that they need."""

    columns: tuple[Column, ...]
    widths: tuple[float, ...]
    heights: tuple[tuple[float, ...], ...]

    @property
    def height(self) -> float:
        """Height of the tallest column."""
        return max(sum(column) for column in self.heights)

    def lacking(self, height: float) -> float:
        """Return how much of the columns does not fit into a height, as an area."""
        return sum(w * max(sum(h) - height, 0.0) for w, h in zip(self.widths, self.heights, strict=True))


def band(
    printer: Printer, blocks: dict[int, BlockText], columns: Sequence[Column], width: float, size: float,
    narrowest: float,
) -> Band:  # fmt: skip
    """Return columns of about equal height: those that are taller than the mean are widened, again and again."""
    widths = np.full(len(columns), width / len(columns))
    tried = []
    for _ in range(_ROUNDS):
        heights = tuple(
            tuple(lay_out(printer, blocks[n], float(w), size).height for n in column)
            for column, w in zip(columns, widths, strict=True)
        )
        tried.append(Band(tuple(columns), tuple(float(w) for w in widths), heights))
        tall = np.array([sum(column) for column in heights])
        tall = np.minimum(tall, _TALLEST * np.median(tall))  # one endless block does not take the width of all
        widths = np.maximum(widths * (tall / tall.mean()) ** _STEP, narrowest)
        widths = narrowest + (widths - narrowest) * (width - narrowest * len(widths)) / max(
            (widths - narrowest).sum(), 1e-9
        )
    return min(tried, key=lambda found: found.height)
