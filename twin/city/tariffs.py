"""Hourly price and CO2 of electricity: a CSV file of 8760 rows.

Columns ``price_eur_kwh`` (what is paid per kWh bought, with network fees and taxes; may be negative) and
``co2_kg_kwh``; row k is the hour from k to k + 1 in local standard time, as in `twin.city.model.Weather`, January 1 a
Monday. A column ``hour`` (0 … 8759) or ``time`` (ISO 8601, without an offset, of a year without a leap day) may say so;
then a missing or repeated hour is found by name. Other columns are not read.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from twin.city.check import ELECTRICITY_RANGES
from twin.city.csv_table import CsvTable
from twin.city.model import HOURS
from twin.city.road_network import raise_problems
from twin.errors import DataError, at_line

_UNITS = {
    "price_eur_kwh": "EUR/kWh; divide EUR/MWh by 1000",
    "co2_kg_kwh": "kg/kWh; divide g/kWh by 1000",
}
_OTHER_UNITS = {"price_eur_mwh": 1000, "price_ct_kwh": 100, "co2_g_kwh": 1000, "co2_kg_mwh": 1000}


def read_electricity(path: str | Path) -> pd.DataFrame:
    """Read hourly prices and emission factors of electricity.

    Parameters
    ----------
    path : path of a CSV file

    Returns
    -------
    DataFrame (8760 rows)
        Float64 columns ``price_eur_kwh`` and ``co2_kg_kwh``.

    Raises
    ------
    UnsafeFileError
        Not a regular file, too large, or not text.
    DataError
        Missing columns or hours, repeated hours, values that are not numbers, or that must be in another unit; every
        cell by line and column.
    """
    table = CsvTable(path, ())
    _check_units(table)
    columns = {}
    for column, (low, high) in ELECTRICITY_RANGES.items():
        columns[column] = table.numbers(
            column,
            good=lambda value, low=low, high=high: low <= value <= high,  # type: ignore[misc]
            expected=f"{low:g} to {high:g} {_UNITS[column]}",
        )
    _check_hours(table)
    raise_problems(table.problems, "prices and CO2 of electricity cannot be used", str(path))
    return pd.DataFrame(columns)


def _check_units(table: CsvTable) -> None:
    """Refuse a file without the columns; name the unit where a column of another one stands there."""
    for column in ELECTRICITY_RANGES:
        if column in table:
            continue
        quantity = column.split("_")[0]
        other = next((name for name in table.place if name in _OTHER_UNITS and name.startswith(quantity)), None)
        remedy = f"rename {other!r} and divide its values by {_OTHER_UNITS[other]}" if other else None
        raise DataError(
            f"the column {column!r} is missing",
            where=at_line(table.path, 1, 1),
            expected=f"the columns {', '.join(ELECTRICITY_RANGES)}",
            remedy=remedy,
        )


def _check_hours(table: CsvTable) -> None:
    """Note rows that are not the hours of the year in their order."""
    if "hour" in table or "time" in table:
        column = "hour" if "hour" in table else "time"
        for row, cell in enumerate(table.cells[column]):
            hour = _hour(cell) if column == "hour" else _hour_of_time(cell)
            if hour is None:
                table.problem(row, column, f"{column} is {cell[:40]!r}", f"hour 0 to {HOURS - 1} of the year")
                return
            if hour != row:
                late = f"hour {row} of the year ({_name(row)}) is missing"
                twice = f"hour {hour} of the year ({_name(hour)}) stands twice or too late"
                table.problem(row, column, late if hour > row else twice, "all hours of the year in order")
                return
    if len(table) != HOURS:
        leap = "; leave out February 29" if len(table) == HOURS + 24 else ""
        table.problems.insert(
            0, DataError(f"{len(table)} hours", where=table.path, expected=f"{HOURS} rows, one for each hour{leap}")
        )


def _hour(cell: str) -> int | None:
    text = cell.strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) < HOURS else None


def _hour_of_time(cell: str) -> int | None:
    """Return the hour of the year of an ISO time; None for another text, an offset, half hours and February 29."""
    try:
        time = datetime.fromisoformat(cell.strip())
    except ValueError:
        return None
    if time.tzinfo or time.minute or time.second or (time.month, time.day) == (2, 29):
        return None
    return int((time.replace(year=2001) - datetime(2001, 1, 1)) / timedelta(hours=1))


def _name(hour: int) -> str:
    return (datetime(2001, 1, 1) + timedelta(hours=hour)).strftime("%m-%d %H:00")
