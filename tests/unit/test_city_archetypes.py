"""A city's own table of archetypes: reading plain files and typologies, checking, keeping it in packages."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.test_city_vector import MAPPING, houses, streets
from twin.city.archetype_files import read_archetypes
from twin.city.archetypes import CLASS_YEARS, COLUMNS, FIGURES, Entry, by_class, check_archetypes
from twin.city.check import check_city
from twin.city.importing import import_city
from twin.city.model import City
from twin.city.package import load_city, save_city
from twin.city.schema import YEAR_CLASSES
from twin.errors import DataError, SchemaError, UnsafeFileError

PLAIN = "use,size,year_class,envelope,wall_w_m2k,roof_w_m2k,floor_w_m2k,window_w_m2k,heat_recovery,mass\n"
ROW = "residential,house,1960-1979,existing,0.9,0.6,0.7,2.5,0.1,light\n"
TYPOLOGY = (
    "Code_BuildingVariant,Code_Country,Code_DataType_Building,Code_BuildingSizeClass,Year1_Building,Year2_Building,"
    "A_C_Ref,n_Storey,A_Estim_Env_Sum,A_Calc_Wall_1,A_Calc_Wall_2,A_Calc_Roof_1,A_Calc_Floor_1,A_Calc_Window_1,"
    "U_Actual_Wall_1,U_Actual_Wall_2,U_Actual_Roof_1,U_Actual_Floor_1,U_Actual_Window_1,b_Transmission_Wall_1,"
    "b_Transmission_Wall_2,b_Transmission_Roof_1,b_Transmission_Floor_1,g_gl_n,n_air_infiltration,n_air_use"
)
HOUSE = "200,2,400,100,50,80,80,30,1.0,2.0,0.8,0.9,2.8,1,0.5,1,0.5,0.75,0.2,0.4"


def typology(folder: Path, *rows: str, header: str = TYPOLOGY) -> Path:
    path = folder / "typology.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def house(code: str = "XA.N.SFH.05.Gen.ReEx.001.001", years: str = "1960,1979", kind: str = "ReEx", size: str = "SFH"):
    return f"{code},{code[:2]},{kind},{size},{years},{HOUSE}"


def plain(folder: Path, text: str) -> Path:
    path = folder / "archetypes.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plain_table(tmp_path: Path) -> None:
    table = read_archetypes(plain(tmp_path, PLAIN + ROW + ",,before-1940,,1.5,,,,,\n"))
    assert list(table.columns) == list(COLUMNS)
    assert table["use"].tolist() == ["", "residential"]
    assert table["envelope"].tolist() == ["existing"] * 2
    assert table.loc[1, ["wall_w_m2k", "heat_recovery", "mass", "rows"]].tolist() == [0.9, 0.1, "light", 1]
    assert np.isnan(table.loc[0, "roof_w_m2k"]) and np.isnan(table.loc[1, "g_value"])
    assert check_archetypes(table) == []


def test_a_table_with_years(tmp_path: Path) -> None:
    text = "first_year,last_year,wall_w_m2k\n1930,1949,1.0\n1950,1979,0.5\n"
    table = read_archetypes(plain(tmp_path, text)).set_index("year_class")["wall_w_m2k"]
    assert table.to_dict() == pytest.approx({"before-1940": 1.0, "1940-1959": 0.75, "1960-1979": 0.5})


def test_a_typology(tmp_path: Path) -> None:
    renewed = house("XA.N.SFH.05.Gen.ReEx.001.003").replace(",1.0,2.0,", ",0.2,0.4,")
    regional, average = house("XA.East.SFH.05.Gen.ReEx.001.001"), house("XA.N.SFH.01.Gen.SyAv.001.001", kind="SyAv")
    other = house("XB.N.SFH.05.Gen.ReEx.001.001").replace("1.0,2.0", "oops,2.0")  # not asked for, not read
    left_out = house("XA.N.SFH.05.Gen.ReEx.001.004")
    path = typology(tmp_path, house(), renewed, regional, average, other, left_out, house(size="AB"))
    table = read_archetypes(path, "XA")
    assert table[["size", "envelope", "rows"]].to_numpy().tolist() == [
        ["house", "existing", 1],
        ["house", "deep_retrofit", 1],
        ["block", "existing", 1],
    ]
    first = table.iloc[0]
    assert first["wall_w_m2k"] == pytest.approx((100 * 1.0 + 50 * 2.0 * 0.5) / 150)  # towards an unheated room: half
    assert first["floor_w_m2k"] == pytest.approx(0.9)  # the model has its own ground
    assert first["leakage_m3_h_m2"] == pytest.approx(0.2 * 200 * 2.5 * 24 / 400)
    assert first["flow_share"] == pytest.approx(0.4 * 2.5 / 3.6 / 0.5)
    assert np.isnan(first["heat_recovery"])


def test_the_only_country_of_a_typology_serves_any_city(tmp_path: Path) -> None:
    path = typology(tmp_path, house())
    assert read_archetypes(path).equals(read_archetypes(path, "FI"))


BAD_PLAIN = {
    "unknown use": (ROW.replace("residential", "castle"), "archetypes.csv:2:1: unknown use 'castle'"),
    "unknown size": (ROW.replace("house", "hut"), ":2:2: unknown size 'hut'"),
    "unknown class": (ROW.replace("1960-1979", "1961"), ":2:3: unknown year_class '1961'"),
    "unknown state": (ROW.replace("existing", "new"), ":2:4: unknown envelope 'new'"),
    "negative": (ROW.replace("0.9,0.6", "-0.9,0.6"), ":2:5: wall_w_m2k is -0.9"),
    "in W/cm²K": (ROW.replace("0.9,0.6", "0.9,0.00006"), ":2:6: roof_w_m2k is 6e-05"),
    "not a number": (ROW.replace("0.7", "1/2"), ":2:7: floor_w_m2k is '1/2'"),
    "infinite": (ROW.replace("2.5", "inf"), ":2:8: window_w_m2k is 'inf'"),
    "per cent": (ROW.replace(",0.1,", ",55,"), ":2:9: heat_recovery is 55"),
    "unknown mass": (ROW.replace("light", "feather"), ":2:10: unknown mass 'feather'"),
    "twice": (ROW + ROW, ":3:3: an archetype stands twice"),
    "empty row": (ROW.replace("0.9,0.6,0.7,2.5,0.1", ",,,,"), ":2:5: the row has no figures"),
    "short row": (ROW.replace(",light", ""), ":2:1: 9 fields"),
    "no years": (ROW.replace("1960-1979", ""), ":2:3: the row has no years"),
    "no rows": ("", "the table has no rows"),
}


@pytest.mark.parametrize("name", BAD_PLAIN)
def test_what_is_wrong_with_a_plain_table_is_named(tmp_path: Path, name: str) -> None:
    rows, said = BAD_PLAIN[name]
    with pytest.raises(DataError) as caught:
        read_archetypes(plain(tmp_path, PLAIN + rows))
    assert said in caught.value.message()


def test_columns_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names no archetypes"):
        read_archetypes(plain(tmp_path, "a,b\n1,2\n"))
    with pytest.raises(DataError, match="did you mean 'roof_w_m2k'"):
        read_archetypes(plain(tmp_path, "year_class,wall_w_m2k,roofs_w_m2k\n1960-1979,1,1\n"))
    with pytest.raises(DataError, match="starts"):
        read_archetypes(plain(tmp_path, "first_year,last_year,wall_w_m2k\n1960,1950,1\n"))
    binary = tmp_path / "b.csv"
    binary.write_bytes(b"\x00\x01")
    with pytest.raises(UnsafeFileError):
        read_archetypes(binary)


BAD_TYPOLOGY = {
    "negative U": (house().replace(",1.0,2.0,", ",-1.0,2.0,"), ":2:15: u_actual_wall_1 is -1"),
    "U of a pane": (house().replace(",2.8,", ",28,"), ":2:19: u_actual_window_1 is 28"),
    "g in per cent": (house().replace(",0.75,", ",75,"), ":2:24: g_gl_n is 75"),
    "size": (house(size="CASTLE"), ":2:4: unknown size 'castle'"),
    "code": (house("XA.N.SFH.05"), ":2:1: 'XA.N.SFH.05' is not the code of a variant"),
    "years": (house(years="1979,1960"), ":2:6: ends in 1960 before it starts"),
    "year": (house(years="sixties,1979"), ":2:5: year1_building is 'sixties'"),
    "area": (house().replace("400,100,50", "400,-100,50"), ":2:10: a_calc_wall_1 is -100"),
    "infiltration": (house().replace(",0.2,0.4", ",20,0.4"), ":2:25: n_air_infiltration is 20"),
}


@pytest.mark.parametrize("name", BAD_TYPOLOGY)
def test_what_is_wrong_with_a_typology_is_named(tmp_path: Path, name: str) -> None:
    row, said = BAD_TYPOLOGY[name]
    with pytest.raises(DataError) as caught:
        read_archetypes(typology(tmp_path, row))
    assert said in caught.value.message()


def test_countries_and_columns_of_a_typology(tmp_path: Path) -> None:
    both = typology(tmp_path, house(), house("XB.N.SFH.05.Gen.ReEx.001.001"))
    with pytest.raises(DataError, match="holds 2 countries"):
        read_archetypes(both)
    with pytest.raises(DataError, match="no rows of the country 'FI'"):
        read_archetypes(both, "FI")
    with pytest.raises(DataError, match="'year1_building' is missing"):
        read_archetypes(typology(tmp_path, house(), header=TYPOLOGY.replace("Year1_", "Year_")))
    with pytest.raises(DataError, match="'u_actual_roof_1' is missing"):
        read_archetypes(typology(tmp_path, house(), header=TYPOLOGY.replace("U_Actual_Roof_1", "U_Dach")))


@given(first=st.integers(1700, 2030), span=st.integers(0, 300), value=st.floats(0.1, 3.0))
def test_every_year_finds_its_class_and_means_stay_between(first: int, span: int, value: float) -> None:
    entries = [Entry("", "", (first, first + span + 1), "existing", {"wall_w_m2k": value}) for _ in range(2)]
    entries.append(Entry("", "", (1850, 2025), "existing", {"wall_w_m2k": 1.0}))
    table = by_class(entries).set_index("year_class")
    assert set(table.index) == set(YEAR_CLASSES)
    assert table["wall_w_m2k"].between(min(value, 1.0) - 1e-9, max(value, 1.0) + 1e-9).all()
    year = min(max(first, CLASS_YEARS[0][0]), CLASS_YEARS[-1][1] - 1)
    its = next(n for n, (begins, ends) in zip(YEAR_CLASSES, CLASS_YEARS, strict=True) if begins <= year < ends)
    assert table.loc[its, "rows"] == 3


def test_a_package_keeps_the_tables(small_city: City, tmp_path: Path) -> None:
    table = read_archetypes(plain(tmp_path, PLAIN + ROW))
    hours = pd.DataFrame({"price_eur_kwh": np.linspace(-0.1, 0.4, 8760), "co2_kg_kwh": np.full(8760, 0.1)})
    city = small_city.replace(archetypes=table, electricity=hours)
    save_city(city, tmp_path / "city")
    back = load_city(tmp_path / "city")
    pd.testing.assert_frame_equal(back.archetypes, table)
    pd.testing.assert_frame_equal(back.electricity, hours)
    save_city(small_city, tmp_path / "city")
    back = load_city(tmp_path / "city")
    assert back.archetypes is None and back.electricity is None
    assert not list((tmp_path / "city").glob("archetypes-*"))


def test_the_tables_of_a_city_are_checked(small_city: City, tmp_path: Path) -> None:
    table = read_archetypes(plain(tmp_path, PLAIN + ROW))
    hours = pd.DataFrame({"price_eur_kwh": np.full(8760, 0.1), "co2_kg_kwh": np.full(8760, 0.1)})
    for changed, said in (
        ({"archetypes": table.drop(columns="mass")}, "the column 'mass' is missing"),
        ({"archetypes": table.assign(use="castle")}, "archetypes[0].use: unknown use 'castle'"),
        ({"archetypes": table.assign(g_value=7.0)}, "archetypes[0].g_value: 7.0 is not valid"),
        ({"archetypes": pd.concat([table, table], ignore_index=True)}, "archetypes[1]: an archetype stands twice"),
        ({"electricity": hours[:100]}, "electricity.price_eur_kwh: 100 rows"),
        ({"electricity": hours.assign(co2_kg_kwh=-0.1)}, "8760 hours are not valid, first hour 0"),
        ({"electricity": hours.rename(columns={"co2_kg_kwh": "co2"})}, "electricity.co2_kg_kwh: there is no such"),
        ({"buildings": small_city.buildings.assign(upgrades="walls:deep")}, "'walls:deep' is no upgrade"),
        ({"buildings": small_city.buildings.assign(upgrades="wall:deep wall:standard")}, "'wall' stands twice"),
    ):
        problem, *others = check_city(small_city.replace(**changed))
        assert len(others) <= int("hours" in said or "rows" in said)  # of the other series
        assert isinstance(problem, SchemaError)
        assert said in problem.message()
    fine = small_city.buildings.assign(upgrades="wall:deep ventilation:standard")
    assert check_city(small_city.replace(archetypes=table, electricity=hours, buildings=fine)) == []


def test_import_takes_a_table(tmp_path: Path) -> None:
    files = {"roads": streets(tmp_path), "mapping": MAPPING, "archetypes": plain(tmp_path, PLAIN + ROW)}
    city = import_city(houses(tmp_path), "x", **files)
    assert city.archetypes is not None and city.archetypes["wall_w_m2k"].tolist() == [0.9]
    assert city.meta.sources[-1].id == "archetypes:archetypes.csv"


def test_the_table_of_the_user(tmp_path: Path) -> None:
    """The whole EPISCOPE table, where TWIN_EPISCOPE names it."""
    path = os.environ.get("TWIN_EPISCOPE", "")
    if not path:
        pytest.skip("TWIN_EPISCOPE names no EPISCOPE table")
    with Path(path).open(encoding="utf-8") as stream:
        countries = {row["Code_Country"] for row in csv.DictReader(stream)} - {"XX"}
    assert len(countries) == 20
    for country in sorted(countries):
        table = read_archetypes(path, country)
        assert check_archetypes(table) == []
        old = table[table["envelope"] == "existing"]
        assert set(old["size"]) == {"house", "block"} and len(old) >= 10
        assert old[[name for name in FIGURES if name.endswith("_w_m2k")]].notna().all(axis=None)
