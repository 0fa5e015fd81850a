"""A city's own thermal figures by use, size and year class: the columns of the table and its check."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from twin.city.csv_table import CsvTable
from twin.city.schema import BUILDING_USES, ENVELOPES, YEAR_CLASSES
from twin.errors import SchemaError, TwinError, at_row, did_you_mean

CLASS_YEARS = ((1850, 1940), (1940, 1960), (1960, 1980), (1980, 2000), (2000, 2010), (2010, 2025))
"""First year and end of `twin.city.schema.YEAR_CLASSES`;
what is older or younger counts as of the first or last year."""
SIZES = ("house", "block")
"""One-family and terraced houses; blocks of flats and everything else."""
MASSES = ("light", "medium", "heavy")

FIGURES: dict[str, tuple[float, float]] = {
    "wall_w_m2k": (0.05, 8.0),
    "roof_w_m2k": (0.03, 8.0),
    "floor_w_m2k": (0.05, 10.0),
    "window_w_m2k": (0.3, 8.0),
    "g_value": (0.05, 0.95),
    "leakage_m3_h_m2": (0.05, 50.0),
    "heat_recovery": (0.0, 0.98),
    "flow_share": (0.0, 5.0),
    "fan_power_kw_s_m3": (0.0, 10.0),
}
"""Figures of an archetype and their valid range (assumption: wider than any building): U-values, normal g-value, q50
per envelope area, share of heat recovered, flow over the standard flow of the use, and specific fan power."""

KEYS = {
    "use": ("", *BUILDING_USES),
    "size": ("", *SIZES),
    "year_class": YEAR_CLASSES,
    "envelope": ENVELOPES,
}
"""What a row speaks for; an empty use or size means all."""
COLUMNS = (*KEYS, *FIGURES, "mass", "rows")
"""Columns of the table; ``rows`` counts the rows of the file behind it. A figure that is missing is NaN."""


@dataclass
class Entry:
    """One row of a file: what it speaks for, its years (first, end) and its figures."""

    use: str
    size: str
    years: tuple[int, int]
    envelope: str
    figures: dict[str, float]
    mass: str = ""


def by_class(entries: list[Entry]) -> pd.DataFrame:
    """Return the mean of the entries of each year class, weighted by the years they share with it."""
    groups: dict[tuple[str, str, str, str], list[tuple[int, Entry]]] = {}
    for entry in entries:
        first = min(max(entry.years[0], CLASS_YEARS[0][0]), CLASS_YEARS[-1][1] - 1)
        end = max(min(entry.years[1], CLASS_YEARS[-1][1]), first + 1)
        for name, (begins, ends) in zip(YEAR_CLASSES, CLASS_YEARS, strict=True):
            shared = min(end, ends) - max(first, begins)
            if shared > 0:
                groups.setdefault((entry.use, entry.size, name, entry.envelope), []).append((shared, entry))
    rows = []
    for key, members in groups.items():
        figures = {name: _mean([(w, e.figures.get(name, math.nan)) for w, e in members]) for name in FIGURES}
        masses = {entry.mass for _, entry in members}
        mass = masses.pop() if len(masses) == 1 else ""
        rows.append((*key, *figures.values(), mass, len(members)))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    order = [[list(known).index(value) for value in frame[name]] for name, known in KEYS.items()]
    frame = frame.iloc[np.lexsort(order[::-1])].reset_index(drop=True)
    return frame.astype(dict.fromkeys((*KEYS, "mass"), "str") | dict.fromkeys(FIGURES, "float64"))


def check_archetypes(table: pd.DataFrame) -> list[TwinError]:
    """Return the problems of a table of archetypes: columns, words, ranges and rows that stand twice."""
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        expected = ", ".join(COLUMNS)
        return [SchemaError(f"the column {missing[0]!r} is missing", where="archetypes", expected=expected)]
    problems: list[TwinError] = []
    for name, known in (KEYS | {"mass": ("", *MASSES)}).items():
        bad = ~table[name].isin(known).to_numpy()
        if bad.any():
            row = int(np.argmax(bad))
            word = str(table[name].iloc[row])
            where = at_row("archetypes", table.index[row], name)
            problems.append(SchemaError(f"unknown {name} {word!r}", where=where, remedy=did_you_mean(word, known)))
    for name, (low, high) in FIGURES.items():
        values = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64)
        bad = (table[name].notna().to_numpy() & np.isnan(values)) | (values < low) | (values > high)
        if bad.any():
            row = int(np.argmax(bad))
            where = at_row("archetypes", table.index[row], name)
            what = f"{table[name].iloc[row]} is not valid"
            problems.append(SchemaError(what, where=where, expected=f"a number from {low:g} to {high:g}"))
    twice = table.duplicated(list(KEYS)).to_numpy()
    if twice.any():
        where = at_row("archetypes", table.index[int(np.argmax(twice))])
        problems.append(SchemaError("an archetype stands twice", where=where, expected="each " + ", ".join(KEYS)))
    return problems


def figure(table: CsvTable, name: str, low: float, high: float) -> list[float]:
    """Return a column of figures, NaN where a cell is empty; those that are out of range are noted."""
    values = table.numbers(name, default=math.nan, good=lambda x: low <= x <= high, expected=f"{low:g} to {high:g}")
    return [float(value) for value in values]


def _mean(values: list[tuple[int, float]]) -> float:
    """Return the weighted mean of what is not NaN; NaN where nothing is."""
    known = [(weight, value) for weight, value in values if not math.isnan(value)]
    return sum(w * v for w, v in known) / sum(w for w, _ in known) if known else math.nan
