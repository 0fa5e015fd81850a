"""Incomes of residents, from the section `incomes` of a canvas: a table by zone, or areas with a column.

Nothing here guesses: a home whose zone or area has no figure has no known income, and without a section nothing is said
of income quintiles and energy poverty.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from twin.city.csv_table import CsvTable
from twin.city.door import open_vector
from twin.errors import DataError, RunError, TwinError, at_row, did_you_mean
from twin.scenario import files

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.decision.canvas_sections import Incomes

HOW_TO_GIVE = (
    "Incomes are not known, so nothing is said of income quintiles and energy poverty. Give them in the canvas as "
    "`incomes`: `file` (a CSV with the columns zone_id and income_eur_a, or a layer of areas with that column), "
    "`source` and `year`."
)
KEPT = "incomes.parquet"
"""Of the file in the run folder."""
MAX_PROBLEMS = 200
LIKELY_EUR_A = 1e7
"""A higher mean income of a year is taken for an error (assumption)."""


@dataclass(frozen=True)
class KnownIncomes:
    """Incomes of residents.

    Attributes
    ----------
    income : Series of float64
        Mean income of a resident a year in EUR by building_id; NaN where it is not known.
    poverty_share : float
        Share of income on energy above which a home is poor.
    source : str
        Where the figures are from, with their year.
    """

    income: pd.Series
    poverty_share: float
    source: str


def read_incomes(section: Incomes, folder: str | Path, buildings: gpd.GeoDataFrame) -> KnownIncomes:
    """Return the incomes that a canvas names, by building.

    Parameters
    ----------
    section : Incomes
        ``file`` is relative to `folder`. A name that ends in .csv is a table with the columns zone_id and
        ``section.column``; others are layers of areas (`twin.city.door.open_vector`) with that column. Empty cells are
        incomes that are not known.
    folder : path
        Where the study is.
    buildings : GeoDataFrame
        Of the city, with zone_id, in its metric CRS. A building has the income of the area that its middle lies in.

    Raises
    ------
    UnsafeFileError, GeometryError
        See `twin.city.door`.
    DataError
        A file that cannot be read, a missing column, and every row that is wrong: a zone that the city does not have
        or that stands twice, an income that is no number, negative or above `LIKELY_EUR_A`, areas without a coordinate
        system, that overlap at a building, or that hold no building.
    """
    path = Path(folder) / section.file
    of_zones = path.suffix.lower() == ".csv"
    values = _by_zone(path, section.column, buildings) if of_zones else _by_area(path, section.column, buildings)
    income = pd.Series(values, index=buildings.index, name="income_eur_a")
    return KnownIncomes(income, section.poverty_share, f"{section.source}, {section.year}")


def keep_incomes(folder: Path, known: KnownIncomes | None) -> None:
    """Write the incomes of buildings beside a run, which does not know where its study was; remove those of before."""
    if known is None:
        (folder / KEPT).unlink(missing_ok=True)
    else:
        table = known.income.rename("income_eur_a").to_frame()
        files.write_atomically(folder / KEPT, table.to_parquet)


def kept_incomes(folder: Path, section: Incomes | None) -> KnownIncomes | None:
    """Return what `keep_incomes` wrote, None where the canvas or the folder has none.

    Raises
    ------
    RunError
        The file is damaged.
    """
    path = folder / KEPT
    if section is None or not path.is_file():
        return None
    try:
        income = pd.read_parquet(path)["income_eur_a"]
    except (OSError, ValueError, KeyError) as error:
        raise RunError("a file of this run is damaged", where=str(path), remedy="run the study again") from error
    return KnownIncomes(income, section.poverty_share, f"{section.source}, {section.year}")


def _by_zone(path: Path, column: str, buildings: gpd.GeoDataFrame) -> np.ndarray:
    table = CsvTable(path, ("zone_id", column.lower()))
    zones, known = table.text("zone_id"), set(buildings["zone_id"].astype(str))
    values = _numbers(table, column.lower())
    first: dict[str, int] = {}
    for row, zone in enumerate(zones):
        if zone and zone not in known:
            remedy = did_you_mean(zone[:60], known)
            where = table.at(row, "zone_id")
            what = f"no building of the city lies in a zone {zone[:60]!r}"
            table.problems.append(DataError(what, where=where, remedy=remedy))
        elif zone in first:
            line = table.lines[first[zone]]
            table.problem(row, "zone_id", f"a second income of {zone}, the first is in line {line}", "one")
        else:
            first[zone] = row
    _raise(table.problems, str(path))
    income = pd.Series(values, index=zones)
    return buildings["zone_id"].astype(str).map(income).to_numpy(np.float64)


def _numbers(table: CsvTable, column: str) -> np.ndarray:
    """Return the incomes of a table, NaN where a cell is empty."""
    empty = -1.0  # no file holds it: a written -1 is noted as a problem below
    written = np.array([bool(cell.strip()) for cell in table.cells[column]], bool)
    values = table.numbers(column, default=empty, good=_likely, expected=_EXPECTED)
    return np.where(written, values, np.nan)


_EXPECTED = f"0 to {LIKELY_EUR_A:,.0f} EUR a year, or empty where it is not known"


def _likely(value: float) -> bool:
    return 0.0 <= value <= LIKELY_EUR_A


def _by_area(path: Path, column: str, buildings: gpd.GeoDataFrame) -> np.ndarray:
    areas = open_vector(path, columns=[column])
    if areas.crs is None:
        raise DataError("the areas have no coordinate system", where=str(path), remedy="save them with one, as WGS84")
    values = _area_values(areas[column], path)
    shapes = areas.geometry.to_crs(buildings.crs).to_numpy()
    middles = buildings.geometry.representative_point().to_numpy()
    found, area = shapely.STRtree(shapes).query(middles, predicate="intersects")
    order = np.lexsort((area, found))
    found, area = found[order], area[order]
    again = np.flatnonzero(found[1:] == found[:-1])
    conflicts = [k for k in again.tolist() if not _equal(values[area[k]], values[area[k + 1]])]
    _raise(
        [
            DataError(
                f"building {buildings.index[found[k]]} lies in it and in the area of row {area[k]}",
                where=at_row(str(path), int(area[k + 1])), expected="areas that do not overlap",
            )
            for k in conflicts
        ],
        str(path),
    )  # fmt: skip
    if not len(found):
        raise DataError("no building of the city lies in any area", where=str(path), remedy="check the areas' CRS")
    result = np.full(len(buildings), np.nan)
    result[found] = values[area]
    return result


def _equal(a: float, b: float) -> bool:
    return a == b or bool(np.isnan(a) and np.isnan(b))


def _area_values(column: pd.Series, path: Path) -> np.ndarray:
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    given = column.notna().to_numpy() & (column.astype(str).str.strip() != "").to_numpy()
    wrong = given & ~((values >= 0.0) & (values <= LIKELY_EUR_A))
    _raise(
        [
            DataError(
                f"the income is {str(column.iloc[row])[:40]!r}",
                where=at_row(str(path), row, str(column.name)),
                expected=_EXPECTED,
            )
            for row in np.flatnonzero(wrong).tolist()
        ],
        str(path),
    )
    return values


def _raise(problems: list[TwinError] | list[DataError], path: str) -> None:
    """Raise all problems as one error."""
    if problems:
        shown = problems[:MAX_PROBLEMS]
        many = "" if len(shown) == len(problems) else f", the first {MAX_PROBLEMS} are shown"
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise DataError(f"{count} in the incomes{many}", where=path, problems=shown)
