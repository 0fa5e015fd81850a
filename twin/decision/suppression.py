"""Publish counts by group and class without small cells, and without any that differencing would give away.

A count above zero and below the minimum (default 5) is small. Readers know all that is published, including the totals
of rows, columns and table, and can subtract. Rows with a small cell are therefore hidden whole, with further rows until
every small cell could, for all a reader can tell, be at least the minimum. Because hidden rows are hidden whole, what a
reader can tell has a closed form: the Fréchet bounds of the block of hidden rows (Dobra and Fienberg 2000,
doi 10.1073/pnas.97.22.11885).

What it does not protect against: a reader who knows some entities in a cell; rows of one class only (everybody in a
zone loses), which say something of each resident without any small count; and groups of one table that lie within
groups of another one, which have to be suppressed together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.errors import DataError

Float = NDArray[np.float64]

MINIMUM_COUNT = 5.0


@dataclass(frozen=True)
class Published:
    """A table of counts as it may be published; NaN is suppressed.

    Attributes
    ----------
    cells : DataFrame (r, c)
    rows, columns : Series (r,), (c,)
        Totals.
    total : float
    """

    cells: pd.DataFrame
    rows: pd.Series
    columns: pd.Series
    total: float

    @property
    def hidden_share(self) -> float:
        """Share of cells above zero or hidden that are suppressed: how much the table lost."""
        hidden = int(self.cells.isna().to_numpy().sum())
        shown = int((self.cells > 0.0).to_numpy().sum())
        return hidden / (hidden + shown) if hidden else 0.0


@dataclass
class _Hidden:
    """Which rows, and which totals of rows and columns, are hidden."""

    rows: NDArray[np.bool_]
    row_totals: NDArray[np.bool_]
    column_totals: NDArray[np.bool_]


def suppress(counts: pd.DataFrame, minimum: float = MINIMUM_COUNT) -> Published:
    """Return what may be published of counts by group (rows) and class (columns).

    Parameters
    ----------
    counts : DataFrame (r, c)
        Not negative. Each entity stands in one cell.
    minimum : float

    Raises
    ------
    DataError
        A count below zero or not finite.
    """
    x = counts.to_numpy(np.float64)
    if not (np.isfinite(x).all() and (x >= 0.0).all()):
        raise DataError("counts must be numbers of 0 or more", expected="one finite count per group and class")
    if x.sum() < minimum and x.any():
        return _publish(counts, x, None)
    hidden = _Hidden(
        np.asarray(_small(x, minimum).any(axis=1)),
        _complement(x.sum(axis=1), minimum),
        _complement(x.sum(axis=0), minimum),
    )
    hidden.rows |= hidden.row_totals
    while not _safe(x, hidden, minimum):
        if not _hide_more(x, hidden):
            return _publish(counts, x, None)
    return _publish(counts, x, hidden)


def _small(values: Float, minimum: float) -> NDArray[np.bool_]:
    return np.asarray((values > 0.0) & (values < minimum))


def _complement(totals: Float, minimum: float) -> NDArray[np.bool_]:
    """Return which totals to hide: the small ones, and the next ones up until two or more hold the minimum."""
    small = _small(totals, minimum)
    if not small.any():
        return small
    # small totals first, then by size: zeros last, they protect nobody
    order = np.lexsort((np.where(totals == 0.0, np.inf, totals), ~small))
    held = np.cumsum(totals[order])
    enough = (np.arange(1, len(totals) + 1) >= max(2, small.sum())) & (held >= minimum)
    count = int(np.argmax(enough)) + 1 if enough.any() else len(totals)
    hidden = np.zeros(len(totals), bool)
    hidden[order[:count]] = True
    return hidden


def _safe(x: Float, hidden: _Hidden, minimum: float) -> bool:
    """Return whether every small count that is hidden could reach the minimum, as far as readers can tell."""
    block = x[hidden.rows]
    if len(block) == 0:
        return not (hidden.row_totals.any() or hidden.column_totals.any())
    unknown_row, unknown_column = hidden.row_totals[hidden.rows], hidden.column_totals
    if unknown_row.sum() == 1 or unknown_column.sum() == 1:
        return False  # its total follows from the others
    row, column = block.sum(axis=1), block.sum(axis=0)
    row_most = np.where(unknown_row, row[unknown_row].sum(), row)
    column_most = np.where(unknown_column, column[unknown_column].sum(), column)
    most = np.minimum(row_most[:, None], column_most[None, :])
    shown = x[~hidden.rows].sum(axis=0)
    cells = most[_small(block, minimum)]
    rows = row_most[unknown_row & _small(row, minimum)]
    columns = (shown + column_most)[unknown_column & _small(shown + column, minimum)]
    return bool((np.concatenate([cells, rows, columns]) >= minimum).all())


def _hide_more(x: Float, hidden: _Hidden) -> bool:
    """Hide the smallest row that is still shown; when none is left, all column totals, then all row totals."""
    shown = np.flatnonzero(~hidden.rows)
    if len(shown):
        size = x[shown].sum(axis=1)
        hidden.rows[shown[np.lexsort((size, size == 0.0))[0]]] = True
        return True
    for totals in (hidden.column_totals, hidden.row_totals):
        if not totals.all():
            totals[:] = True
            return True
    return False


def _publish(counts: pd.DataFrame, x: Float, hidden: _Hidden | None) -> Published:
    """Return the table with what is hidden left out; nothing at all where `hidden` is None."""
    r, c = x.shape
    mask = hidden or _Hidden(np.ones(r, bool), np.ones(r, bool), np.ones(c, bool))
    return Published(
        cells=pd.DataFrame(np.where(mask.rows[:, None], np.nan, x), counts.index, counts.columns),
        rows=pd.Series(np.where(mask.row_totals, np.nan, x.sum(axis=1)), counts.index),
        columns=pd.Series(np.where(mask.column_totals, np.nan, x.sum(axis=0)), counts.columns),
        total=float("nan") if hidden is None else float(x.sum()),
    )


def suppress_values(values: pd.DataFrame, published: Published) -> pd.DataFrame:
    """Return values by group (means, sums) without the groups whose own total is suppressed.

    One total of few people could still be had as the difference to the whole, so at least two are always hidden
    together (see `suppress`).
    """
    return values.mask(published.rows.isna().reindex(values.index, fill_value=False), np.nan)
