"""Charts of money: the balance over the years, and intervals as small marks beside the numbers of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from twin.decision import finance
from twin.decision.ledger import Ledger, npv_by_draw
from twin.report import charts, svg

MARK_WIDTH, MARK_HEIGHT = 190.0, 20.0
YEARS_BETWEEN = 5


def cumulated_cash(
    book: Ledger, rate: float, promoter: str, public: Iterable[str], actors: Mapping[str, str]
) -> pd.DataFrame:
    """Return the discounted balance of the three business cases (columns) at the end of every year (rows), EUR.

    The last row is the net present value. The parameters are those of `twin.decision.ledger.business_cases`.
    """
    each_year = replace(book, profile=np.ones((len(book.lines), 1)))
    cash = npv_by_draw(each_year, book.amounts.T, 0.0, promoter, public, actors)
    discounted = cash.to_numpy(np.float64) * finance.discount_factors(rate, len(book.years))[:, None]
    balance = finance.cumulative(discounted.T).T
    return pd.DataFrame(balance, index=pd.Index(book.years, name="year"), columns=cash.columns)


def cash_chart(balance: pd.DataFrame, labels: Mapping[str, str], note: str) -> str:
    """Return the balance over the years as a chart; nothing where no money moves in any case.

    Parameters
    ----------
    balance : DataFrame (years, cases)
        Of `cumulated_cash`.
    labels : mapping
        Names of the cases for readers.
    note : str
        Stands beside the unit.
    """
    values = balance.to_numpy(np.float64)
    if not values.any() or len(balance) < 2:
        return ""
    unit, scale = ("M€", 1e-6) if np.abs(values).max() >= 1e6 else ("k€", 1e-3)
    years = np.arange(balance.index[0], balance.index[-1] + 2, dtype=np.float64)
    round_years = [y for y in years[1:] if y % YEARS_BETWEEN == 0 and y - years[0] >= YEARS_BETWEEN / 2]
    marks = [(float(y), f"{y:.0f}") for y in (years[0], *round_years)]
    return charts.line_chart(
        charts.Lines(
            "Balance over the years",
            unit,
            "start of the year",
            years,
            (float(years[0]), float(years[-1])),
            marks,
            {str(name): scale * np.concatenate([[0.0], balance[name]]) for name in balance},
            note,
        ),
        labels,
    )


def span_of(table: pd.DataFrame) -> tuple[float, float]:
    """Return the range that holds all marks of a table with value, low and high, and zero."""
    ends = table[["value", "low", "high"]].to_numpy(np.float64)
    ends = ends[np.isfinite(ends)]
    return float(min(ends.min(initial=0.0), 0.0)), float(max(ends.max(initial=0.0), 0.0))


def interval_mark(value: float, low: float, high: float, span: tuple[float, float]) -> str:
    """Return a dot with its interval on the common scale of a table, zero marked; hollow where it holds zero."""
    width = (span[1] - span[0]) or 1.0

    def at(x: float) -> float:
        return 6.0 + (x - span[0]) / width * (MARK_WIDTH - 12.0)

    middle = MARK_HEIGHT / 2.0
    known = bool(np.isfinite(low) and np.isfinite(high))
    sure = known and (low > 0.0 or high < 0.0)
    colour = svg.NOISE_COLOUR if not sure else svg.BETTER_COLOUR if value > 0.0 else svg.WORSE_COLOUR
    parts = [svg.line(at(0.0), 0, at(0.0), MARK_HEIGHT, stroke=svg.INK, stroke_width=1)]
    if known:
        parts.append(svg.line(at(low), middle, at(high), middle, stroke=colour, stroke_width=2.2))
        parts += [svg.line(at(x), middle - 4, at(x), middle + 4, stroke=colour, stroke_width=2.2) for x in (low, high)]
    parts.append(
        svg.element("circle", cx=float(at(value)), cy=middle, r=4.0, fill=colour if sure else "#fff", stroke=colour,
                    stroke_width=2)
    )  # fmt: skip
    return svg.document(MARK_WIDTH, MARK_HEIGHT, "position with its interval", "".join(parts), "mark")
