"""CSV files of unknown origin: bounded, UTF-8, with the line and column of everything that is wrong."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.city.door import check_size
from twin.city.road_network import MAX_BYTES, MAX_COUNT
from twin.errors import DataError, TwinError, UnsafeFileError, at_line, did_you_mean

MAX_COLUMNS = 500


class CsvTable:
    """The cells of a CSV file by column; `problems` collects what is wrong with them.

    Parameters
    ----------
    path : path of a file with one header line
    needed : columns that must be there

    Raises
    ------
    UnsafeFileError
        Not a regular file, larger than `MAX_BYTES`, or not text.
    DataError
        No header, needed columns that are missing, columns named twice, rows of another length, no rows.
    """

    def __init__(self, path: str | Path, needed: Sequence[str]) -> None:
        self.path = str(path)
        self.problems: list[TwinError] = []
        reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
        rows: list[list[str]] = []
        self.lines: list[int] = []
        try:
            header = next(reader, [])
            for row in reader:
                if not row or (len(row) == 1 and not row[0].strip()):
                    continue
                if len(row) != len(header):
                    where = at_line(path, reader.line_num, 1)
                    self.problems.append(
                        DataError(f"{len(row)} fields", where=where, expected=f"{len(header)}, as in the header")
                    )
                    continue
                rows.append(row)
                self.lines.append(reader.line_num)
                if len(rows) > MAX_COUNT:
                    raise UnsafeFileError(f"more than {MAX_COUNT:,} rows", where=self.path)
        except csv.Error as error:
            where = at_line(path, max(reader.line_num, 1), 1)
            raise DataError(f"the CSV file cannot be read: {error}", where=where) from None
        names = [name.strip().lower() for name in header]
        self._check_header(names, needed)
        columns = map(list, zip(*rows, strict=True)) if rows else ([] for _ in names)
        self.cells = dict(zip(names, columns, strict=True))
        self.place = {name: k for k, name in enumerate(names)}
        if not rows and not self.problems:
            raise DataError("the table has no rows", where=self.path, expected="a header and at least one row")

    def __len__(self) -> int:
        return len(self.lines)

    def __contains__(self, column: str) -> bool:
        return column in self.place

    def _check_header(self, names: list[str], needed: Sequence[str]) -> None:
        where = at_line(self.path, 1, 1)
        if not any(names):
            raise DataError("there is no header", where=where, expected=", ".join(needed))
        if len(names) > MAX_COLUMNS:
            raise UnsafeFileError(f"{len(names)} columns", where=where, expected=f"at most {MAX_COLUMNS}")
        twice = sorted({name for name in names if name and names.count(name) > 1})
        if twice:
            raise DataError(f"the column {twice[0]!r} stands twice", where=where)
        missing = [name for name in needed if name not in names]
        if missing:
            raise DataError(
                f"the column {missing[0]!r} is missing",
                where=where,
                expected=", ".join(needed),
                remedy=did_you_mean(missing[0], [name[:40] for name in names[:40]]),
            )

    def keep(self, rows: Sequence[int]) -> None:
        """Keep only some of the rows, in this order."""
        self.lines = [self.lines[row] for row in rows]
        self.cells = {name: [cells[row] for row in rows] for name, cells in self.cells.items()}

    def at(self, row: int, column: str) -> str:
        """Return the place of a cell: file, line, and the number of its field."""
        return at_line(self.path, self.lines[row], self.place[column] + 1)

    def problem(self, row: int, column: str, what: str, expected: str | None = None) -> None:
        """Note that a cell is wrong."""
        self.problems.append(DataError(what, where=self.at(row, column), expected=expected))

    def text(self, column: str) -> list[str]:
        """Return the cells of a column without blanks around them; empty ones are noted."""
        found = [cell.strip() for cell in self.cells.get(column, [])]
        for row, cell in enumerate(found):
            if not cell or len(cell) > 200:
                self.problem(row, column, f"{column} is {'empty' if not cell else 'too long'}", "a name or number")
        return found

    def numbers(
        self,
        column: str,
        *,
        default: float | None = None,
        good: Callable[[float], bool] = lambda value: value >= 0.0,
        expected: str = "not negative",
    ) -> NDArray[np.float64]:
        """Return a column of finite numbers; `default` fills empty cells and a column that is not there."""
        if column not in self:
            return np.full(len(self), math.nan if default is None else default)
        values = np.empty(len(self))
        for row, cell in enumerate(self.cells[column]):
            text = cell.strip()
            if not text and default is not None:
                values[row] = default
                continue
            try:
                value = math.nan if "_" in text else float(text)
            except ValueError:
                value = math.nan
            if not math.isfinite(value):
                self.problem(row, column, f"{column} is {text[:40]!r}", "a finite number")
            elif not good(value):
                self.problem(row, column, f"{column} is {value:g}", expected)
            values[row] = value
        return values


def read_text(path: str | Path) -> str:
    """Return the text of a file of at most `MAX_BYTES`; UnsafeFileError or DataError when it is none."""
    resolved = check_size(path, max_bytes=MAX_BYTES, what="text file")
    raw = resolved.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnsafeFileError("the file is not UTF-8 text", where=str(path), expected="a text file") from None
    if "\0" in text:
        raise UnsafeFileError("the file is not text", where=str(path), expected="a text file")
    return text
