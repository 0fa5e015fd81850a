"""Reading a city's own archetypes from CSV files.

Two kinds of files are read. The plain kind has one row for each archetype: ``year_class`` (or ``first_year`` and
``last_year``) and any of `twin.city.archetypes.FIGURES`; further ``use``, ``size`` and ``envelope``, which mean every
use, both sizes and ``existing`` where they are empty or left out; ``mass``; and ``source``, which is not read. The
other kind are national residential typologies in the manner of TABULA and EPISCOPE (`twin.city.tabula`).
"""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from twin.city.archetypes import CLASS_YEARS, COLUMNS, FIGURES, KEYS, MASSES, Entry, by_class, figure
from twin.city.csv_table import CsvTable
from twin.city.schema import YEAR_CLASSES
from twin.city.tabula import is_typology, read_typology
from twin.errors import DataError, did_you_mean

FURTHER = ("first_year", "last_year", "source")


def read_archetypes(path: str | Path, country: str = "") -> pd.DataFrame:
    """Read a table of archetypes.

    Parameters
    ----------
    path : CSV file
        Plain, or a typology in the manner of TABULA.
    country : str
        Code of the country whose rows are wanted, where the file holds more than one.

    Returns
    -------
    DataFrame
        With `COLUMNS`, sorted by what the rows speak for.

    Raises
    ------
    UnsafeFileError
        Too large, or not text.
    DataError
        Columns that are missing, cells that cannot be used (each with line and field), no rows of the country.
    """
    table = CsvTable(path, ())
    entries = read_typology(table, country) if is_typology(table) else _read_plain(table)
    if table.problems:
        raise DataError("the table of archetypes cannot be used", where=table.path, problems=table.problems)
    return by_class(entries)


def _read_plain(table: CsvTable) -> list[Entry]:
    """Return the rows of a plain table; what is wrong is noted in the table."""
    figures = [name for name in FIGURES if name in table]
    if not figures or not ("year_class" in table or {"first_year", "last_year"} <= set(table.place)):
        raise DataError(
            "the table names no archetypes",
            where=f"{table.path}:1:1",
            expected=f"year_class, or first_year and last_year, and any of {', '.join(FIGURES)}; or the columns of a "
            "typology in the manner of TABULA",
        )
    unknown = [name for name in table.place if name not in (*COLUMNS, *FURTHER, "")]
    if unknown:
        remedy = did_you_mean(unknown[0], (*COLUMNS, *FURTHER))
        where = f"{table.path}:1:{table.place[unknown[0]] + 1}"
        raise DataError(f"unknown column {unknown[0]!r}", where=where, remedy=remedy)
    words = {name: _words(table, name, known) for name, known in (KEYS | {"mass": ("", *MASSES)}).items()}
    years = _years(table, words["year_class"])
    values = {name: figure(table, name, *FIGURES[name]) for name in figures}
    seen: set[tuple[str, ...]] = set()
    entries = []
    for row in range(len(table)):
        use, size, envelope = (words[name][row] for name in ("use", "size", "envelope"))
        key = (use, size, envelope, words["year_class"][row])
        if key[-1] and key in seen:
            table.problem(row, "year_class", "an archetype stands twice", "each use, size, class and envelope once")
        seen.add(key)
        said = {name: values[name][row] for name in figures}
        if all(math.isnan(value) for value in said.values()):
            table.problem(row, figures[0], "the row has no figures", "at least one")
        entries.append(Entry(use, size, years[row], envelope, said, words["mass"][row]))
    return entries


def _words(table: CsvTable, column: str, known: tuple[str, ...]) -> list[str]:
    """Return the words of a column, the first known one where a cell is empty or the column is not there."""
    default = "" if column == "year_class" else known[0]
    cells = [cell.strip().lower() for cell in table.cells.get(column, [""] * len(table))]
    for row, cell in enumerate(cells):
        if cell and cell not in known:
            names = ", ".join(word for word in known if word)
            table.problem(row, column, f"unknown {column} {cell[:40]!r}", names)
    return [cell or default for cell in cells]


def _years(table: CsvTable, classes: list[str]) -> list[tuple[int, int]]:
    """Return the first year and the end of each row, from its years, else its class."""
    spans = dict(zip(YEAR_CLASSES, CLASS_YEARS, strict=True))
    first, last = (figure(table, name, -10_000.0, 10_000.0) for name in ("first_year", "last_year"))
    found = []
    for row, name in enumerate(classes):
        if math.isfinite(first[row]) and math.isfinite(last[row]):
            if last[row] < first[row]:
                table.problem(row, "last_year", f"ends in {last[row]:g} before it starts", f"from {first[row]:g} on")
            found.append((int(first[row]), int(last[row]) + 1))
            continue
        if not name:
            column = "year_class" if "year_class" in table else "first_year"
            table.problem(row, column, "the row has no years", ", ".join(YEAR_CLASSES))
        found.append(spans.get(name, CLASS_YEARS[0]))
    return found
