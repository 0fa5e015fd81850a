"""The small shapes of the canvas pages. Each differs in form, so that they can be told apart without colour."""

from __future__ import annotations

from twin.decision import claims, compare, robustness
from twin.report.svg import BETTER_COLOUR, INK, MUTED, WORSE_COLOUR

STATED, COMPUTED, FLAG, MISSING, CONFLICT, NONE = "stated", "computed", "flag", "missing", "conflict", "none"
_RING = '<circle cx="5" cy="5" r="4.1" fill="none" stroke="{c}" stroke-width="1.3"{x}/>'
_DISC = '<circle cx="5" cy="5" r="4.8" fill="{c}"/>'
_CUT = '<path d="{d}" fill="none" stroke="#fff" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"/>'
_STROKE = '<path d="{d}" fill="none" stroke="{c}" stroke-width="1.4" stroke-linecap="round"/>'

SHAPES = {
    STATED: _RING.format(c=INK, x="").replace('r="4.1"', 'r="3"'),
    COMPUTED: f'<rect x="1.6" y="1.6" width="6.8" height="6.8" fill="{INK}"/>',
    claims.SUPPORTED: _DISC.format(c=BETTER_COLOUR) + _CUT.format(d="M2.6 5.2 4.4 7 7.5 3.3"),
    claims.NOT_SUPPORTED: f'<rect x=".4" y=".4" width="9.2" height="9.2" fill="{WORSE_COLOUR}"/>'
    + _CUT.format(d="M3 3 7 7M7 3 3 7"),
    claims.NOT_DISTINGUISHABLE: _RING.format(c=MUTED, x="") + _STROKE.format(c=MUTED, d="M2.8 5.4Q4 3.7 5 5T7.2 4.6"),
    claims.NOT_MODELLED: _RING.format(c=MUTED, x=' stroke-dasharray="1.8 1.5"'),
    compare.BETTER: f'<path d="M5 .8 9.6 9H.4Z" fill="{BETTER_COLOUR}"/>',
    compare.WORSE: f'<path d="M5 9.2 .4 1H9.6Z" fill="{WORSE_COLOUR}"/>',
    robustness.MIXED: f'<path d="M5 .2 8.4 4.4H1.6ZM5 9.8 1.6 5.6H8.4Z" fill="{INK}"/>',
    FLAG: f'<path d="M1.8 .4V9.8" stroke="{WORSE_COLOUR}" stroke-width="1.5"/>'
    f'<path d="M1.8 .6H9.2L7.2 3.2 9.2 5.8H1.8Z" fill="{WORSE_COLOUR}"/>',
    MISSING: f'<rect x="1.4" y="1.4" width="7.2" height="7.2" fill="none" stroke="{MUTED}" stroke-width="1.1" '
    'stroke-dasharray="1.7 1.3"/>',
    CONFLICT: f'<path d="M0 5 2.9 2.2V4H7.1V2.2L10 5 7.1 7.8V6H2.9V7.8Z" fill="{WORSE_COLOUR}"/>',
    NONE: _STROKE.format(c=MUTED, d="M2.5 5H7.5"),
}


def shape(mark: str) -> str:
    """Return a mark within a box of 10 by 10."""
    return SHAPES[mark]


def in_svg(mark: str, x: float, y: float, size: float) -> str:
    """Return a mark whose box has its upper left corner at (x, y)."""
    return f'<g transform="translate({x:.2f} {y:.2f}) scale({size / 10:.3f})">{SHAPES[mark]}</g>'


def in_html(mark: str) -> str:
    """Return a mark as an image in a line of text."""
    return f'<svg class="mark" viewBox="0 0 10 10" aria-hidden="true">{SHAPES[mark]}</svg>'
