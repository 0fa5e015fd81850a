"""National residential typologies in the manner of TABULA and EPISCOPE (www.episcope.eu): one row a building variant.

Columns are found by name, whatever their order and case. A variant's code ends in the number of its state: 001 as
built, 002 usual and 003 advanced refurbishment; other states are left out. Rows of real examples are preferred to
averages, and those of a whole nation to those of its regions. Each element's U-value is the mean over its parts by
area; walls and roofs towards unheated rooms count with their correction factor, floors do not: the model has its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from twin.city.archetypes import FIGURES, Entry, figure
from twin.city.csv_table import CsvTable
from twin.city.schema import ENVELOPES
from twin.errors import DataError, did_you_mean

CODE = "code_buildingvariant"
SIZE_OF = {"sfh": "house", "th": "house", "mfh": "block", "ab": "block"}
PARTS = {"wall": 3, "roof": 2, "floor": 2, "window": 2}
FIRST_YEAR, LAST_YEAR = "year1_building", "year2_building"
ROOM_HEIGHT_M = 2.5
HOME_FLOW_L_S_M2 = 0.5
"""Standard flow of homes that shares of flow refer to (`twin.energy.archetypes.USES`)."""
LEAKAGE_DIVISOR = ((5.0, 15.0), (3.0, 20.0), (2.0, 24.0), (0.0, 35.0))
"""q50 over mean leakage by storeys from this number up (Finnish decree 1010/2017, formerly D5; 35 was checked, the
others are given as recalled)."""


def is_typology(table: CsvTable) -> bool:
    """Return whether the table has the columns of a typology."""
    return CODE in table or "code_buildingsizeclass" in table


def read_typology(table: CsvTable, country: str = "") -> list[Entry]:
    """Return the rows of a country; what is wrong with them is noted in the table.

    Raises
    ------
    DataError
        Columns that are missing; no rows of the country, or several countries and none asked for.
    """
    _check_columns(table)
    codes = [cell.strip() for cell in table.cells[CODE]]
    kept = _of_country(table, codes, country.lower())
    kept = _preferred(table, kept, "code_datatype_building", "reex")
    national = [row for row in kept if codes[row].split(".")[1:2] == ["N"]]
    table.keep(national or kept)
    first, last = (_years(table, name) for name in (FIRST_YEAR, LAST_YEAR))
    elements = {name: _u_values(table, name, parts) for name, parts in PARTS.items()}
    g_value = _first_of(table, ("g_gl_n", "g_gl_n_window_1"), *FIGURES["g_value"])
    leakage, flow = _leakage(table), figure(table, "n_air_use", 0.0, 5.0)
    entries = []
    for row, cell in enumerate(table.cells[CODE]):
        said = re.fullmatch(r"[\w.\- ]+\.(\d{3})", cell.strip())
        size = table.cells["code_buildingsizeclass"][row].strip().lower()
        if said is None:
            table.problem(row, CODE, f"{cell[:60]!r} is not the code of a variant", "a code that ends in .001 or so")
        elif size not in SIZE_OF:
            table.problem(row, "code_buildingsizeclass", f"unknown size {size[:20]!r}", ", ".join(SIZE_OF).upper())
        elif last[row] < first[row]:
            table.problem(row, LAST_YEAR, f"ends in {last[row]} before it starts", f"from {first[row]} on")
        elif 1 <= int(said[1]) <= len(ENVELOPES):
            figures = {f"{name}_w_m2k": values[row] for name, values in elements.items()}
            figures |= {"g_value": g_value[row], "leakage_m3_h_m2": leakage[row]}
            figures["flow_share"] = flow[row] * ROOM_HEIGHT_M / 3.6 / HOME_FLOW_L_S_M2
            years = (first[row], last[row] + 1)
            entries.append(Entry("residential", SIZE_OF[size], years, ENVELOPES[int(said[1]) - 1], figures))
    return entries


def leakage_divisor(storeys: float) -> float:
    """Return q50 over the mean leakage of a building."""
    return next(divisor for least, divisor in LEAKAGE_DIVISOR if storeys >= least)


def _check_columns(table: CsvTable) -> None:
    needed = [CODE, "code_buildingsizeclass", FIRST_YEAR, LAST_YEAR, *(f"a_calc_{name}_1" for name in PARTS)]
    missing = [name for name in needed if name not in table]
    missing += [f"u_actual_{name}_1" for name in PARTS if not {f"u_actual_{name}_1", f"u_{name}_1"} & set(table.place)]
    if missing:
        raise DataError(
            f"the column {missing[0]!r} is missing",
            where=f"{table.path}:1:1",
            expected=", ".join(needed) + ", and u_actual_… or u_… for each element",
            remedy=did_you_mean(missing[0], [name for name in table.place if name][:400]),
        )


def _of_country(table: CsvTable, codes: list[str], country: str) -> list[int]:
    """Return the rows of the country, by its column or the start of the code; the only country of a file is it."""
    said = [cell.strip().lower() for cell in table.cells.get("code_country", [])] or [
        code.split(".")[0].lower() for code in codes
    ]
    known = sorted({name for name in said if name})
    if not country and len(known) > 1:
        where = f"{table.path}:1:1"
        names = ", ".join(known).upper()
        raise DataError(f"the table holds {len(known)} countries", where=where, expected=f"one asked for of {names}")
    if len(known) == 1:
        return list(range(len(said)))
    kept = [row for row, name in enumerate(said) if name == country]
    if not kept:
        raise DataError(
            f"the table has no rows of the country {country.upper()!r}",
            where=f"{table.path}:1:1",
            expected=f"rows of {', '.join(known).upper() or 'a country'}",
            remedy="keep only the rows of the country that shall stand for it",
        )
    return kept


def _preferred(table: CsvTable, rows: list[int], column: str, word: str) -> list[int]:
    if column not in table:
        return rows
    return [row for row in rows if table.cells[column][row].strip().lower() == word] or rows


def _years(table: CsvTable, column: str) -> list[int]:
    """Return a column of years; 0 and 9999 mean that the class is open."""
    years = table.numbers(column, good=lambda x: 0.0 <= x <= 9999.0 and x == int(x), expected="a year, or 0 or 9999")
    return [0 if math.isnan(year) else int(year) for year in years]


def _u_values(table: CsvTable, element: str, parts: int) -> list[float]:
    """Return the mean U-value of an element by area; parts without area or U-value are not there."""
    high = FIGURES[f"{element}_w_m2k"][1]
    weights, sums = [0.0] * len(table), [0.0] * len(table)
    for part in range(1, parts + 1):
        names = (f"u_actual_{element}_{part}", f"u_{element}_{part}")
        areas = figure(table, f"a_calc_{element}_{part}", 0.0, 1e6)
        u_values = _first_of(table, names, 0.0, high)
        towards = figure(table, f"b_transmission_{element}_{part}", 0.0, 1.0)
        for row, (area, u_value, b) in enumerate(zip(areas, u_values, towards, strict=True)):
            if area > 0.0 and u_value > 0.0:
                share = b if element in ("wall", "roof") and b > 0.0 else 1.0
                weights[row] += area
                sums[row] += area * u_value * share
    low = FIGURES[f"{element}_w_m2k"][0]
    return [max(low, s / w) if w > 0.0 else math.nan for s, w in zip(sums, weights, strict=True)]


def _first_of(table: CsvTable, names: tuple[str, ...], low: float, high: float) -> list[float]:
    """Return the first of some columns that is there, 0 and empty cells as NaN where 0 is out of range."""
    name = next((name for name in names if name in table), names[0])
    good: Callable[[float], bool] = lambda x: x == 0.0 or low <= x <= high  # noqa: E731
    values = table.numbers(name, default=math.nan, good=good, expected=f"{low:g} to {high:g}")
    return [math.nan if value == 0.0 and low > 0.0 else float(value) for value in values]


def _leakage(table: CsvTable) -> list[float]:
    """Return q50 per envelope area from the mean infiltration in air changes an hour."""
    changes, area = figure(table, "n_air_infiltration", 0.0, 5.0), figure(table, "a_c_ref", 1.0, 1e6)
    storeys, envelope = figure(table, "n_storey", 0.0, 200.0), figure(table, "a_estim_env_sum", 1.0, 1e6)
    low, high = FIGURES["leakage_m3_h_m2"]
    found = []
    for n, floor, levels, outer in zip(changes, area, storeys, envelope, strict=True):
        q50 = n * floor * ROOM_HEIGHT_M * (leakage_divisor(levels) if levels >= 0.0 else math.nan) / outer
        found.append(min(max(q50, low), high) if math.isfinite(q50) else math.nan)
    return found
