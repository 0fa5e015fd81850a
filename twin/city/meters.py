"""Meter readings of some buildings of a city: a CSV table, one row per building, carrier and year or month."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.csv_table import CsvTable
from twin.errors import DataError, TwinError, did_you_mean

if TYPE_CHECKING:
    from twin.city.model import City

CARRIERS = ("heat", "district_heating", "gas", "oil", "electricity")
"""``heat``: behind the boiler or substation, rooms and hot water. ``electricity``: all that the building uses, what its
own PV covers included."""
HEAT_CARRIERS = CARRIERS[:4]
SUPPLY_OF = {"district_heating": "district_heating", "gas": "gas_boiler", "oil": "oil_boiler"}
UNITS_KWH = {"wh": 1e-3, "kwh": 1.0, "mwh": 1e3, "gwh": 1e6, "mj": 1.0 / 3.6, "gj": 1e3 / 3.6}
FIRST_YEAR, LAST_YEAR = 1980, 2100
LEAST_MONTHS = 6
"""Fewer monthly readings of a meter tell too little of its year (assumption)."""
PLAUSIBLE_KWH_M2 = {"heat": (3.0, 1000.0), "electricity": (1.0, 2000.0)}
"""Per heated floor area and year (assumption: wide enough for sheds, hospitals and shops, far from a wrong unit)."""
NEEDED = ("building_id", "year", "carrier", "value", "unit")
MAX_PROBLEMS = 200


@dataclass(frozen=True)
class Meters:
    """Readings of one year.

    Parameters
    ----------
    table : DataFrame
        One row per meter, sorted by building_id and carrier; columns building_id, carrier and kwh (the year's sum, or
        that of the months that were read).
    monthly_kwh : float64 (meters, 12)
        NaN where a month was not read; all NaN for a meter that was read once a year.
    year : int
    path : str
    """

    table: pd.DataFrame
    monthly_kwh: NDArray[np.float64]
    year: int
    path: str

    @property
    def buildings(self) -> pd.Index:
        """Ids of the metered buildings, sorted."""
        return pd.Index(sorted(set(self.table["building_id"])), name="building_id", dtype="str")

    @property
    def has_months(self) -> bool:
        """Whether any meter was read by month."""
        return bool(np.isfinite(self.monthly_kwh).any())

    def of(self, building_ids: pd.Index) -> Meters:
        """Return the meters of some buildings only."""
        chosen = self.table["building_id"].isin(building_ids).to_numpy()
        return Meters(self.table[chosen].reset_index(drop=True), self.monthly_kwh[chosen], self.year, self.path)


def read_meters(path: str | Path, city: City, *, year: int | None = None) -> Meters:
    """Read meter readings and hold them against the city.

    Parameters
    ----------
    path : CSV file
        Columns building_id, year, month (may be missing or blank: the reading is of the year), carrier (`CARRIERS`),
        value and unit (`UNITS_KWH`).
    city : City
    year : int, optional
        The year to use; needed when the file holds several.

    Raises
    ------
    UnsafeFileError, DataError
        A file that cannot be read, and every row and column that is wrong: unknown buildings, carriers and units, a
        carrier that the building's heat supply does not use, readings twice, negative or implausible for the floor
        area, too few months, another year.
    """
    table = CsvTable(path, NEEDED)
    ids, carriers, units = table.text("building_id"), table.text("carrier"), table.text("unit")
    values = table.numbers("value", expected="0 or more")
    years = table.numbers("year", good=_is_year, expected=f"a whole year from {FIRST_YEAR} to {LAST_YEAR}")
    months = table.numbers("month", default=0.0, good=_is_month, expected="1 to 12, or blank for the whole year")
    carriers = [carrier.lower() for carrier in carriers]
    _check_names(table, city, ids, carriers, units)
    _raise(table)
    wanted = _chosen_year(table, years, year)
    rows = np.flatnonzero(years == wanted)
    kwh = values * np.array([UNITS_KWH[unit.lower()] for unit in units])
    meters: dict[tuple[str, str], dict[int, int]] = {}
    for row in rows.tolist():
        _note(table, meters, (ids[row], carriers[row]), int(months[row]), row)
    _raise(table)
    annual, monthly = _gathered(table, meters, kwh)
    _check_amounts(table, city, meters, annual, monthly)
    _raise(table)
    keys = sorted(meters)
    frame = pd.DataFrame(keys, columns=["building_id", "carrier"]).astype("str")
    frame["kwh"] = [annual[key] for key in keys]
    return Meters(frame, np.array([monthly[key] for key in keys]), wanted, str(path))


def _is_year(value: float) -> bool:
    return value == int(value) and FIRST_YEAR <= value <= LAST_YEAR


def _is_month(value: float) -> bool:
    return value == int(value) and 1 <= value <= 12


def _raise(table: CsvTable) -> None:
    """Raise all problems as one error."""
    if table.problems:
        shown: list[TwinError] = table.problems[:MAX_PROBLEMS]
        many = "" if len(shown) == len(table.problems) else f", the first {MAX_PROBLEMS} are shown"
        raise DataError(
            f"{len(table.problems)} problem{'s' if len(table.problems) > 1 else ''} in the meter readings{many}",
            where=table.path,
            problems=shown,
        )


def _check_names(table: CsvTable, city: City, ids: list[str], carriers: list[str], units: list[str]) -> None:
    """Note unknown buildings, carriers and units, and carriers that a building's supply does not use."""
    supply = city.buildings["heat_supply"]
    known = set(city.buildings.index)
    some = list(city.buildings.index[:5000])
    for row, (name, carrier, unit) in enumerate(zip(ids, carriers, units, strict=True)):
        if name and name not in known:
            table.problem(row, "building_id", f"the city has no building {name[:60]!r}", did_you_mean(name[:60], some))
        if unit and unit.lower() not in UNITS_KWH:
            more = ": convert a volume by its calorific value" if unit.lower() in ("m3", "m³", "l", "nm3") else ""
            table.problem(row, "unit", f"the unit {unit[:40]!r} is not known", "Wh, kWh, MWh, GWh, MJ or GJ" + more)
        if carrier and carrier not in CARRIERS:
            table.problem(row, "carrier", f"the carrier {carrier[:40]!r} is not known", ", ".join(CARRIERS))
        elif name in known and carrier in SUPPLY_OF and supply[name] != SUPPLY_OF[carrier]:
            table.problem(
                row,
                "carrier",
                f"a reading of {carrier}, but the city's heat supply of {name} is {supply[name]}",
                f"heat_supply {SUPPLY_OF[carrier]}: correct the city, or leave the meter out",
            )


def _chosen_year(table: CsvTable, years: NDArray[np.float64], year: int | None) -> int:
    there = sorted({int(y) for y in years})
    if year is None:
        if len(there) > 1:
            raise DataError(
                f"the readings are of {len(there)} years", where=f"{table.path}, column year",
                expected="one year, that of the weather", remedy=f"choose one of {', '.join(map(str, there))}",
            )  # fmt: skip
        return there[0]
    if year not in there:
        raise DataError(
            f"there are no readings of {year}", where=f"{table.path}, column year",
            expected=f"one of {', '.join(map(str, there))}",
        )  # fmt: skip
    return year


def _note(
    table: CsvTable, meters: dict[tuple[str, str], dict[int, int]], key: tuple[str, str], month: int, row: int
) -> None:
    """Note the row of a reading, or that there is another already."""
    rows = meters.setdefault(key, {})
    if month in rows:
        table.problem(
            row, "building_id", f"a second reading of {key[1]} of {key[0]}, the first is in line "
            f"{table.lines[rows[month]]}", "one; add up the meters of a building",
        )  # fmt: skip
    elif (month == 0 and rows) or 0 in rows:
        table.problem(row, "building_id", f"{key[1]} of {key[0]} is read by year and by month", "one of both")
    else:
        rows[month] = row
    other = [k for k in meters if k[0] == key[0] and k[1] != key[1] and {k[1], key[1]} <= set(HEAT_CARRIERS)] if (
        key[1] in HEAT_CARRIERS and len(rows) == 1
    ) else []  # fmt: skip
    if other:
        table.problem(row, "carrier", f"{key[0]} has readings of {other[0][1]} and of {key[1]}", "one meter of heat")


def _gathered(
    table: CsvTable, meters: dict[tuple[str, str], dict[int, int]], kwh: NDArray[np.float64]
) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], NDArray[np.float64]]]:
    annual, monthly = {}, {}
    for key, rows in meters.items():
        by_month = np.full(12, math.nan)
        for month, row in rows.items():
            if month:
                by_month[month - 1] = kwh[row]
        if 0 not in rows and len(rows) < LEAST_MONTHS:
            first = min(rows.values())
            table.problem(
                first, "month", f"{len(rows)} months of {key[1]} of {key[0]}", f"a year or {LEAST_MONTHS} to 12 months"
            )
        annual[key] = float(kwh[list(rows.values())].sum())
        monthly[key] = by_month
    return annual, monthly


def _check_amounts(
    table: CsvTable,
    city: City,
    meters: dict[tuple[str, str], dict[int, int]],
    annual: dict[tuple[str, str], float],
    monthly: dict[tuple[str, str], NDArray[np.float64]],
) -> None:
    """Note readings that no floor area of that size uses."""
    area = city.buildings["floor_area_m2"]
    for key, rows in meters.items():
        name, carrier = key
        first = min(rows.values())
        floor = float(area[name])
        if floor <= 0.0:
            table.problem(first, "building_id", f"{name} has no heated floor area", "a building with floor area")
            continue
        read = int(np.isfinite(monthly[key]).sum()) or 12
        per_m2 = annual[key] * 12.0 / read / floor
        low, high = PLAUSIBLE_KWH_M2["electricity" if carrier == "electricity" else "heat"]
        if not low <= per_m2 <= high:
            hint = next(
                (f"; is the unit {u}?" for f, u in ((1e3, "MWh"), (1e-3, "Wh")) if low <= per_m2 * f <= high), ""
            )
            table.problem(
                first, "value", f"{carrier} of {name} is {per_m2:.4g} kWh/m2 in a year, of {floor:.0f} m2",
                f"{low:g} to {high:g} kWh/m2{hint}",
            )  # fmt: skip
