"""Incomes from a table by zone or from areas, and named errors for every row that is wrong."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from twin.decision.canvas_sections import Incomes
from twin.decision.incomes import HOW_TO_GIVE, KEPT, keep_incomes, kept_incomes, read_incomes
from twin.errors import DataError, RunError, TwinError, UnsafeFileError


def _buildings() -> gpd.GeoDataFrame:
    shapes = [shapely.box(x, 6_670_000, x + 20, 6_670_020) for x in (385_000, 385_100, 385_200)]
    index = pd.Index(["b0", "b1", "b2"], name="building_id")
    return gpd.GeoDataFrame({"zone_id": ["a", "a", "b"]}, index=index, geometry=shapes, crs="EPSG:3067")


def _section(file: str, column: str = "income_eur_a") -> Incomes:
    return Incomes.model_validate({"file": file, "column": column, "source": "a made-up register", "year": 2023})


def _problems(folder: Path, file: str, column: str = "income_eur_a") -> list[TwinError]:
    with pytest.raises(DataError, match="in the incomes") as caught:
        read_incomes(_section(file, column), folder, _buildings())
    return list(caught.value.problems)


def test_a_table_by_zone(tmp_path: Path) -> None:
    (tmp_path / "incomes.csv").write_text("zone_id,people,Income_EUR_a\nb,4,31000\na,7,24500.5\n", encoding="utf-8")
    found = read_incomes(_section("incomes.csv"), tmp_path, _buildings())
    assert found.income.to_dict() == {"b0": 24500.5, "b1": 24500.5, "b2": 31000.0}
    assert found.source == "a made-up register, 2023" and found.poverty_share == 0.10
    (tmp_path / "gap.csv").write_text("zone_id,income_eur_a\na, \nb,0\n", encoding="utf-8")
    gap = read_incomes(_section("gap.csv"), tmp_path, _buildings()).income
    assert np.isnan(gap["b0"]) and gap["b2"] == 0.0
    (tmp_path / "part.csv").write_text("zone_id,income_eur_a\nb,9000\n", encoding="utf-8")
    assert read_incomes(_section("part.csv"), tmp_path, _buildings()).income.isna().tolist() == [True, True, False]


def test_errors_of_a_table_name_the_line(tmp_path: Path) -> None:
    rows = ["zone_id,income_eur_a", "a,24000", "a,25000", "bb,1", "b,-1", "b,much", "b,1e9"]
    (tmp_path / "bad.csv").write_text("\n".join(rows), encoding="utf-8")
    problems = _problems(tmp_path, "bad.csv")
    text = "\n".join(problem.message() for problem in problems)
    for piece in (
        "bad.csv:3:1: a second income of a, the first is in line 2",
        "bad.csv:4:1: no building of the city lies in a zone 'bb'",
        "bad.csv:5:2: income_eur_a is -1",
        "bad.csv:6:2: income_eur_a is 'much'",
        "bad.csv:7:2: income_eur_a is 1e+09",
        "empty where it is not known",
    ):
        assert piece in text
    with pytest.raises(DataError, match="'wage' is missing"):
        read_incomes(_section("bad.csv", "wage"), tmp_path, _buildings())
    with pytest.raises(DataError, match="cannot be read"):
        read_incomes(_section("nowhere.csv"), tmp_path, _buildings())


def _areas(path: Path, boxes: list[tuple[float, float]], values: list[object], crs: str | None = "EPSG:4326") -> None:
    shapes = gpd.GeoSeries([shapely.box(x, 6_669_900, y, 6_670_100) for x, y in boxes], crs="EPSG:3067")
    shapes = shapes.set_crs(None, allow_override=True) if crs is None else shapes.to_crs(crs)
    areas = gpd.GeoDataFrame({"median": values}, geometry=shapes)
    areas.to_parquet(path) if path.suffix == ".parquet" else areas.to_file(path)


def test_areas(tmp_path: Path) -> None:
    _areas(tmp_path / "areas.gpkg", [(384_900, 385_050), (385_050, 385_150)], [20000.0, None])
    found = read_incomes(_section("areas.gpkg", "median"), tmp_path, _buildings()).income
    assert found["b0"] == 20000.0 and found[["b1", "b2"]].isna().all()
    with pytest.raises(DataError, match="no column 'income_eur_a'"):
        read_incomes(_section("areas.gpkg"), tmp_path, _buildings())


def test_errors_of_areas_name_the_row(tmp_path: Path) -> None:
    _areas(tmp_path / "low.gpkg", [(384_900, 385_050), (385_050, 385_300)], [20000.0, -5.0])
    assert "low.gpkg[1].median: the income is '-5.0'" in _problems(tmp_path, "low.gpkg", "median")[0].message()
    _areas(tmp_path / "words.gpkg", [(384_900, 385_050)], ["rich"])
    assert "'rich'" in _problems(tmp_path, "words.gpkg", "median")[0].what
    _areas(tmp_path / "twice.gpkg", [(384_900, 385_150), (385_050, 385_300)], [20000.0, 30000.0])
    assert "building b1 lies in it and in the area of row 0" in _problems(tmp_path, "twice.gpkg", "median")[0].what
    _areas(tmp_path / "same.gpkg", [(384_900, 385_150), (385_050, 385_300)], [20000.0, 20000.0])
    assert (read_incomes(_section("same.gpkg", "median"), tmp_path, _buildings()).income == 20000.0).all()
    _areas(tmp_path / "far.gpkg", [(300_000, 300_100)], [20000.0])
    with pytest.raises(DataError, match="no building of the city lies in any area"):
        read_incomes(_section("far.gpkg", "median"), tmp_path, _buildings())
    _areas(tmp_path / "bare.parquet", [(384_900, 385_050)], [20000.0], crs=None)
    with pytest.raises(DataError, match="no coordinate system"):
        read_incomes(_section("bare.parquet", "median"), tmp_path, _buildings())
    (tmp_path / "areas.vrt").write_text("<OGRVRTDataSource/>", encoding="utf-8")
    with pytest.raises(UnsafeFileError):
        read_incomes(_section("areas.vrt", "median"), tmp_path, _buildings())


def test_a_run_keeps_its_incomes(tmp_path: Path) -> None:
    (tmp_path / "incomes.csv").write_text("zone_id,income_eur_a\na,24500\nb,\n", encoding="utf-8")
    section = _section("incomes.csv")
    known = read_incomes(section, tmp_path, _buildings())
    keep_incomes(tmp_path, known)
    kept = kept_incomes(tmp_path, section)
    assert kept is not None and (kept.source, kept.poverty_share) == (known.source, known.poverty_share)
    pd.testing.assert_series_equal(kept.income, known.income)
    assert kept_incomes(tmp_path, None) is None
    (tmp_path / KEPT).write_text("broken", encoding="utf-8")
    with pytest.raises(RunError, match="damaged"):
        kept_incomes(tmp_path, section)
    keep_incomes(tmp_path, None)
    assert kept_incomes(tmp_path, section) is None


def test_the_page_can_say_how_to_give_incomes() -> None:
    assert "not known" in HOW_TO_GIVE and all(f"`{name}`" in HOW_TO_GIVE for name in ("incomes", "file", "source"))
