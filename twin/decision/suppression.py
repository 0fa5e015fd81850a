"""Publish counts by group and class without small cells, and without any that differencing would give away.

A count above zero and below the minimum (default 5) is small. Readers know all that is published, including the totals
of rows, columns and table, and can subtract. Rows with a small cell are therefore hidden whole, with further rows until
every small cell could, for all a reader can tell, be at least the minimum. Because hidden rows are hidden whole, what a
reader can tell has a closed form: the Fréchet bounds of the block of hidden rows (Dobra and Fienberg 2000,
doi 10.1073/pnas.97.22.11885).

Two tables of the same people (by zone, and by income) know more together than each alone: `suppress_nested` hides them
together.

What it does not protect against: a reader who knows some entities in a cell; rows of one class only (everybody in a
zone loses), which say something of each resident without any small count; and tables of several scenarios, whose
classes are of different people.
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
    while (needed := _unsafe(x, hidden, minimum)) is not None:
        if not _hide_more(x, hidden, needed):
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


def _unsafe(x: Float, hidden: _Hidden, minimum: float) -> NDArray[np.bool_] | None:
    """Return None where every small count that is hidden could reach the minimum, as far as readers can tell.

    Else the columns (c,) of which hidden rows must hold more; none where that is not what is missing.
    """
    block, needed = x[hidden.rows], np.zeros(x.shape[1], bool)
    if len(block) == 0:
        return needed if hidden.row_totals.any() or hidden.column_totals.any() else None
    unknown_row, unknown_column = hidden.row_totals[hidden.rows], hidden.column_totals
    if unknown_row.sum() == 1 or unknown_column.sum() == 1:
        return needed  # its total follows from the others
    row, column = block.sum(axis=1), block.sum(axis=0)
    row_most = np.where(unknown_row, row[unknown_row].sum(), row)
    column_most = np.where(unknown_column, column[unknown_column].sum(), column)
    most = np.minimum(row_most[:, None], column_most[None, :])
    shown = x[~hidden.rows].sum(axis=0)
    open_cells = _small(block, minimum) & (most < minimum)
    open_rows = unknown_row & _small(row, minimum) & (row_most < minimum)
    open_columns = unknown_column & _small(shown + column, minimum) & (shown + column_most < minimum)
    if not (open_cells.any() or open_rows.any() or open_columns.any()):
        return None
    return np.asarray(open_cells.any(axis=0) & (column_most < minimum))


def _hide_more(x: Float, hidden: _Hidden, needed: NDArray[np.bool_]) -> bool:
    """Hide one more row that is still shown; when none is left, all column totals, then all row totals.

    It is the smallest of those that hold some of a needed column, else the smallest of all.
    """
    shown = np.flatnonzero(~hidden.rows)
    if len(shown):
        size, helps = x[shown].sum(axis=1), (x[shown][:, needed] > 0.0).any(axis=1)
        hidden.rows[shown[np.lexsort((size, size == 0.0, ~helps))[0]]] = True
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


def suppress_nested(counts: pd.DataFrame, minimum: float = MINIMUM_COUNT) -> tuple[Published, Published]:
    """Return what may be published, together, of counts by group and of the parts that the groups consist of.

    Groups come first: what is hidden of them must not follow from their parts, nor small parts from a group less its
    other parts. Parts of a group that is shown are suppressed against its cells. Parts of all groups that are hidden
    are suppressed as one table: a small cell of a group is then as safe as that of the part which holds it.

    Parameters
    ----------
    counts : DataFrame (r, c)
        Index of two levels: group, part. A part of several groups (a zone where poor and rich live) has a row in each.
    minimum : float

    Returns
    -------
    groups, parts : Published
        `parts` by both levels of the index, without totals of columns. Any sum of what is shown may be shown too.
    """
    group = counts.index.get_level_values(0)
    upper = suppress(counts.groupby(group).sum(), minimum)
    cells, rows = counts.astype(np.float64) * np.nan, counts.sum(axis=1) * np.nan
    hidden = upper.cells.isna().any(axis=1)
    blocks = [[name] for name in upper.cells.index[~hidden]]
    if hidden.any() and not upper.columns.isna().any():  # else no total of their columns is known to hide behind
        blocks.append(list(upper.cells.index[hidden]))
    for names in blocks:
        inside = np.asarray(group.isin(names))
        block = suppress(counts[inside], minimum)
        if not block.columns.isna().any() and _safe_in_groups(counts[inside], block, minimum):
            cells[inside], rows[inside] = block.cells, block.rows
    none = pd.Series(np.nan, counts.columns)
    return upper, Published(cells, rows, none, upper.total)


def _safe_in_groups(counts: pd.DataFrame, block: Published, minimum: float) -> bool:
    """Return whether a block stays safe for readers who know the total of every group in it.

    Hidden totals of rows then have to hide behind others of their own group.
    """
    unknown = block.rows.isna().to_numpy()
    if not unknown.any():
        return True
    group = counts.index.get_level_values(0)
    x = counts.to_numpy(np.float64)
    held = pd.Series(x.sum(axis=1) * unknown).groupby(group).transform("sum").to_numpy()
    alone = pd.Series(unknown.astype(int)).groupby(group).transform("sum").to_numpy() == 1
    column = np.where(block.cells.isna().all(axis=1).to_numpy()[:, None], x, 0.0).sum(axis=0)
    most = np.minimum(held[:, None], column[None, :])[unknown]
    small = _small(x[unknown], minimum)
    return bool(not alone[unknown].any() and (held[unknown] >= minimum).all() and (most[small] >= minimum).all())
