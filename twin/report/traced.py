"""Numbers in pages: each is printed by its reference, and carries it, its exact value and where it is from."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

from twin.decision.figures import COUNT, EUR, SHARE, YEAR, Figure, Figures
from twin.decision.kpis import KPIS
from twin.report.formats import NOTHING, THIN, decimals_of, difference_texts, eur, number, value_text
from twin.report.summary import REBOUND

DIGITS = 3
"""Significant digits of numbers without a form of their own."""
SHORT = 4
"""Most decimals, and most digits of a number that is printed as it is."""
UNKNOWN = NOTHING
FIRMNESS = ("footprint", "pilot", "programme", "sensitivity", "elasticity", "noise", "rebound")
"""First parts of references that the page on how firm it is shows."""


@dataclass(frozen=True)
class Traced:
    """Prints the numbers of a decision."""

    figures: Figures

    def text(self, ref: str) -> str:
        """Return a number with its unit as plain text; a dash where it is not known."""
        return printed(self.figures[ref])

    def html(self, ref: str, text: str = "") -> Markup:
        """Return a number as an element ``<data>`` with its exact value, its reference and its origin.

        `text` stands in place of the number with its unit, for columns under which the unit stands once.
        """
        figure = self.figures[ref]
        return Markup('<data value="{}" data-from="{}" title="{}">{}</data>').format(
            repr(figure.value), ref, figure.origin, text or printed(figure)
        )

    def link(self, ref: str) -> Markup:
        """Return the same, as a link to the page and place that shows where the number is from."""
        return Markup('<a class="from" href="{}">{}</a>').format(shown_in(ref, self.figures[ref]), self.html(ref))

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


def stated(text: object) -> Markup:
    """Return words of the study or of a catalogue, a name or a text, whose digits are part of them."""
    return Markup('<span class="stated">{}</span>').format(text)


def shown_in(ref: str, figure: Figure) -> str:
    """Return where a number stands beside what it comes from: in the report, the ledger or the canvas."""
    if figure.kpi or ref.startswith("kpi/"):
        kpi = ref.split("/")[2]
        return "report.html#rebound" if kpi in REBOUND else f"report.html#kpi-{kpi}"
    if ref.startswith(("ledger/", "veto/")):
        return f"ledger.html#{ref.split('/')[1]}"
    if ref.startswith("reach/"):
        return f"people.html#{ref.split('/')[1]}"
    if (part := ref.split("/")[0]) in (
        "footprint",
        "pilot",
        "programme",
        "sensitivity",
        "elasticity",
        "noise",
        "rebound",
    ):
        return f"firmness.html#{part}"
    return "ledger.html#choice" if ref.startswith("choice/") else "canvas.html"


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
        decimals = decimals_of(abs(100 * value), DIGITS, 1) if value else 0
        return f"{number(100 * value, decimals, signed=sign)}{THIN}%"
    if figure.unit == COUNT:
        return number(value)
    text = number(value, _decimals(value), signed=sign)
    return f"{text}{THIN}{figure.unit}" if figure.unit else text


def _decimals(value: float) -> int:
    """Return the decimals that print a number of few digits as it is, and a long one with three digits."""
    most = min(SHORT, decimals_of(abs(value), SHORT, SHORT))
    return next((n for n in range(most + 1) if round(value, n) == value), decimals_of(abs(value), DIGITS, SHORT))
