"""How wide text is in Arial, Helvetica and Liberation Sans, for pages that are laid out without a browser.

The three share one set of advance widths; those below are of Liberation Sans 2, in thousandths of the font size.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

FAMILY = "'Liberation Sans', Arial, Helvetica, sans-serif"

_REGULAR = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
)  # fmt: skip
_BOLD = (
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611,
    556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389,
    280, 389, 584,
)  # fmt: skip
_OTHERS = {
    "–": 556, "—": 1000, "…": 1000, "·": 333, "•": 350, "×": 584, "°": 400, "€": 556, "₂": 400, "²": 333, "³": 333,
    "\u202f": 240, "\u2009": 240, "\u00a0": 278, "−": 584, "±": 549, "≤": 549, "≥": 549, "„": 500, "“": 500, "”": 500,
    "‘": 278, "’": 278, "«": 556, "»": 556, "ß": 611, "æ": 889, "ø": 611, "ł": 278, "→": 1000, "Ø": 778, "µ": 576,
}  # fmt: skip
_FIRST, _WIDEST = 32, 1050


def width(text: str, size: float = 1.0, *, bold: bool = False) -> float:
    """Return the width of a text in the unit of `size`; characters that are not known count as the widest."""
    return size * _units(text, bold) / 1000.0


@lru_cache(maxsize=32768)
def _units(text: str, bold: bool) -> int:
    table = _BOLD if bold else _REGULAR
    return sum(_advance(character, table) for character in text)


def _advance(character: str, table: tuple[int, ...]) -> int:
    place = ord(character) - _FIRST
    if 0 <= place < len(table):
        return table[place]
    if character in _OTHERS:
        return _OTHERS[character]
    base = unicodedata.normalize("NFD", character)[0]
    place = ord(base) - _FIRST
    if base != character and 0 <= place < len(table):
        return table[place]
    return 0 if unicodedata.combining(character) else _WIDEST
