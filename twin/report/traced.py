"""Numbers in pages: each is printed by its reference, and carries it, its exact value and where it is from."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

from twin.decision.figures import COUNT, EUR, PERCENT, SHARE, YEAR, Figure, Figures
from twin.decision.kpis import KPIS
from twin.report.formats import NOTHING, THIN, decimals_of, difference_texts, eur, number, value_text

DIGITS = 3
UNKNOWN = NOTHING


@dataclass(frozen=True)
class Traced:
    """Prints the numbers of a decision."""

    figures: Figures

    def text(self, ref: str) -> str:
        """Return a number with its unit as plain text; a dash where it is not known."""
        return printed(self.figures[ref])

    def html(self, ref: str) -> Markup:
        """Return a number as an element ``<data>`` with its exact value, its reference and its origin."""
        figure = self.figures[ref]
        return Markup('<data value="{}" data-from="{}" title="{}">{}</data>').format(
            repr(figure.value), ref, figure.origin, printed(figure)
        )

    def svg(self, ref: str) -> str:
        """Return a number for a text of an SVG image: a ``<tspan>`` with the same attributes."""
        figure = self.figures[ref]
        return (
            f'<tspan data-value="{figure.value!r}" data-from="{escape(ref)}"><title>{escape(figure.origin)}</title>'
            f"{escape(printed(figure))}</tspan>"
        )

    def known(self, ref: str) -> bool:
        """Return whether there is such a number, and it is finite."""
        return self.figures.known(ref)


def printed(figure: Figure) -> str:
    """Return a number as readers see it, with its unit."""
    value, sign = figure.value, figure.difference
    if value != value or value in (float("inf"), float("-inf")):
        return UNKNOWN
    if figure.kpi:
        kpi = KPIS[figure.kpi]
        unit = kpi.shown.difference_unit if sign else kpi.shown.unit
        return f"{difference_texts(kpi, value, value, value)[0] if sign else value_text(kpi, value)}{THIN}{unit}"
    if figure.unit == EUR:
        return ("+" if sign and value > 0 else "") + eur(value)
    if figure.unit == YEAR:
        return f"{value:.0f}"
    if figure.unit == SHARE:
        return f"{number(100 * value, decimals_of(abs(100 * value), DIGITS, 1), signed=sign)}{THIN}%"
    if figure.unit == COUNT:
        return number(value)
    text = number(value, decimals_of(abs(value), DIGITS, 2), signed=sign)
    return (
        f"{text}{THIN}{figure.unit}"
        if figure.unit and figure.unit != PERCENT
        else text + (f"{THIN}%" if figure.unit == PERCENT else "")
    )
