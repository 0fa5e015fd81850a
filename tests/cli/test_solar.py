"""``twin solar``: a small city end to end, and everything that can be said wrong on its command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import zarr

from tests.unit.city_solids_fixture import Solid, cityjson, gable, moved, write_json
from twin.city.package import load_city, save_city
from twin.cli import main


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory, city_package: Path) -> Path:
    """Return a town of 24 buildings, one of them with a name and PV on half of its roof. Read only."""
    city = load_city(city_package)
    buildings = city.buildings.iloc[:24].copy()
    buildings.loc[buildings.index[0], "pv_share"] = 0.5
    buildings.loc[buildings.index[0], "name"] = "Old <Town> Hall"
    folder = tmp_path_factory.mktemp("town") / "town"
    save_city(city.replace(buildings=buildings), folder)
    return folder


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, package: Path) -> tuple[dict[str, Any], Path]:
    """Return the summary and the folder of one cadastre. Read only."""
    out = tmp_path_factory.mktemp("out") / "cadastre"
    hall = load_city(package).buildings.index[0]
    words = ["--budget", "50000", "--facades", "--draws", "1", "--sheet", str(hall), "--hourly"]
    assert main(["solar", str(package), "--out", str(out), *words]) == 0
    return json.loads((out / "summary.json").read_text(encoding="utf-8")), out


def run(capsys: pytest.CaptureFixture[str], *words: str | Path, code: int = 0) -> dict[str, Any]:
    assert main(["solar", *map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_figures_agree_with_each_other(result: tuple[dict[str, Any], Path]) -> None:
    found, out = result
    planes, buildings = (gpd.read_file(out / "solar_cadastre.gpkg", layer=n) for n in ("roof_planes", "buildings"))
    assert len(buildings) == found["totals"]["buildings"] == 24
    totals = found["totals"]
    for name in ("pv_potential_kwp", "pv_potential_kwh_a"):
        assert planes[name].sum() == pytest.approx(totals[name], rel=1e-9)
        assert buildings[name].sum() == pytest.approx(totals[name], rel=1e-9)
    assert 600 < totals["pv_potential_kwh_a"] / totals["pv_potential_kwp"] < 1100
    assert 0.8 < totals["p90_kwh_a"] / totals["pv_potential_kwh_a"] < 0.95
    first = buildings.sort_values("building_id").iloc[0]
    assert first["installed_share"] == pytest.approx(0.5)
    assert totals["installed_kwp"] == pytest.approx(0.5 * first["pv_potential_kwp"])
    assert (planes["reason"].str.split(":").str[0].value_counts().to_dict()) == found["reasons"]


def test_hours_add_up_to_the_cadastre(result: tuple[dict[str, Any], Path], package: Path) -> None:
    _, out = result
    store = zarr.open_group(out / "hourly.zarr", mode="r")
    planes = gpd.read_file(out / "solar_cadastre.gpkg", layer="roof_planes").set_index("plane_id")
    own = planes.loc[list(store["planes/plane_id"][:])]
    assert len(own) == len(planes)
    sun = store["planes/irradiance_w_m2"][:].sum(axis=1, dtype=np.float64) / 1000.0
    np.testing.assert_allclose(sun, own["irradiation_kwh_m2"], rtol=1e-5)
    assert set(store["storeys/building_id"][:]) == {load_city(package).buildings.index[0]}
    assert "hourly.zarr" in (out / "index.html").read_text(encoding="utf-8")
    assert not list(out.rglob("*.part"))


def test_the_budget_is_spent(result: tuple[dict[str, Any], Path]) -> None:
    found, out = result
    table = pd.read_csv(out / "ranked.csv")
    assert table["capex_eur"].sum() == pytest.approx(50_000.0)
    assert found["ranking"]["buildings"] == len(table)
    assert table["cost_eur_t_co2"].is_monotonic_increasing


def test_the_sheet_that_was_asked_for(result: tuple[dict[str, Any], Path]) -> None:
    _, out = result
    (sheet,) = (out / "sheets").iterdir()
    text = sheet.read_text(encoding="utf-8")
    assert "Old &lt;Town&gt; Hall" in text and "From roof to money" in text
    assert "(50 %)" in text
    assert "Walls, storey by storey" in text and "ground floor" in text


def test_facades_get_less_than_roofs_and_the_south_more_than_the_north(result: tuple[dict[str, Any], Path]) -> None:
    walls = gpd.read_file(result[1] / "solar_cadastre.gpkg", layer="facades")
    mean = walls.groupby("azimuth_deg")["irradiation_kwh_m2"].mean()
    if {0.0, 180.0} <= set(mean.index):
        assert mean[180.0] > 1.5 * mean[0.0]
    assert (walls["irradiation_kwh_m2"] > 0).all() and walls.geometry.length.gt(0).all()


def test_same_bits_again_and_nothing_is_overwritten(
    result: tuple[dict[str, Any], Path], package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = result
    hall = load_city(package).buildings.index[0]
    words = ("--budget", "50000", "--facades", "--draws", "1", "--sheet", str(hall), "--hourly")
    again = tmp_path / "again"
    files = run(capsys, package, "--out", again, *words)["files"]
    assert sum(1 for path in files if "hourly.zarr" in path) == 1, "a store counts as one file"
    for name in ("ranked.csv", "summary.json", "index.html", "solar_cadastre.gpkg"):
        assert (again / name).read_bytes() == (out / name).read_bytes(), name
    error = run(capsys, package, "--out", again, code=2)
    assert error["what"] == "there is something already"
    (again / "sheets" / "old.html").write_text("old")
    run(capsys, package, "--out", again, "--force", "--draws", "0", "--by", "npv", "--rules", "cea_800")
    assert not (again / "sheets" / "old.html").exists()
    assert json.loads((again / "summary.json").read_text())["rules"] == "cea_800"


def test_prices_are_parameters(package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dear = ["--set", "electricity.price_eur_kwh=0.5", "--set", "electricity.export_price_eur_kwh=0.3"]
    found = run(capsys, package, "--out", tmp_path / "dear", "--draws", "0", *dear)
    assert found["parameters"]["electricity.price_eur_kwh"] == 0.5
    assert found["totals"]["npv_eur"] > 0.0


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["--rules", "nrell"], 2, "unknown rule set 'nrell'"),
        (["--set", "price=1"], 2, "names no parameter"),
        (["--set", "electricity.price_eur_kwh"], 2, "names no parameter"),
        (["--set", "electricity.price_eur_kwh=much"], 2, "is no number"),
        (["--set", "electricity.price=1"], 2, "unknown parameter"),
        (["--set", "solar.albedo=7"], 2, "outside its range"),
        (["--budget", "-1"], 2, "is no budget"),
        (["--budget", "nan"], 2, "--budget"),
        (["--draws", "-1"], 2, "out of range"),
        (["--sheet", "no-such-house"], 2, "no building has the id"),
        (["--ground", "x.tif"], 2, "--ground goes with a surface model"),
        (["--above-ground"], 2, "--above-ground goes with a surface model"),
        (["--weather", "nowhere.epw"], 2, "nowhere.epw"),
        (["--weather", "helsinki"], 2, "is no weather file"),
    ],
)
def test_wrong_options_are_named(
    words: list[str], code: int, what: str, package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["solar", str(package), "--out", str(tmp_path / "o"), *words]) in (code, 4)
    assert what in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_wrong_sources_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "town.csv"
    text.write_text("a,b\n")
    out = ["--out", str(tmp_path / "o")]
    assert main(["solar", str(text), *out]) != 0
    assert "town.csv" in capsys.readouterr().err
    assert main(["solar", "no-such-city", *out]) == 4
    assert "no-such-city" in capsys.readouterr().err
    surface = tmp_path / "town.tif"
    surface.write_bytes(b"II*\x00")
    assert main(["solar", str(surface), *out]) == 2
    assert "--ground" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_3d_city_file_gets_its_results_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = [Solid(f"b{k}", moved(gable(10.0, 8.0, 5.0, 8.0), (20.0 * k, 0.0, 0.0))) for k in range(3)]
    source = write_json(tmp_path / "row.city.json", cityjson(row))
    found = run(capsys, source, "--out", tmp_path / "o", "--draws", "1", "--title", "The row")
    assert found["title"] == "The row" and found["totals"]["suitable_buildings"] == 3
    things = json.loads((tmp_path / "o" / "row.solar.city.json").read_text())["CityObjects"]
    buildings = gpd.read_file(tmp_path / "o" / "solar_cadastre.gpkg", layer="buildings").set_index("building_id")
    for name in buildings.index:
        assert things[name]["attributes"]["solar_npv_eur"] == pytest.approx(buildings.at[name, "npv_eur"])
        surfaces = things[name]["geometry"][0]["semantics"]["surfaces"]
        roofs = [s for s in surfaces if s["type"] == "RoofSurface"]
        assert sorted(s["solar_reason"] for s in roofs) == ["faces north", "suitable"]
    planes = gpd.read_file(tmp_path / "o" / "solar_cadastre.gpkg", layer="roof_planes")
    assert planes.geometry.area.sum() == pytest.approx(3 * 80.0, rel=1e-3)


@pytest.mark.parametrize("outlines", [False, True])
def test_a_surface_model(outlines: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rasterio = pytest.importorskip("rasterio")
    west, north = 385_000.0, 6_672_080.0
    above, crowns = np.zeros((80, 80), np.float32), np.zeros((80, 80), np.float32)
    above[20:40, 10:30] = 9.0
    above[50:70, 40:70] = 4.0 + 6.0 - np.abs(np.arange(20) - 9.5)[:, None] * 0.6  # a ridge from west to east
    crowns[5:9, 60:64] = 8.0
    for name, values in {"dsm": above + 20.0, "dtm": above * 0 + 20.0, "trees": crowns}.items():
        with rasterio.open(
            tmp_path / f"{name}.tif", "w", driver="GTiff", width=80, height=80, count=1, dtype="float32",
            crs="EPSG:3067", transform=rasterio.Affine(1.0, 0.0, west, 0.0, -1.0, north),
        ) as file:  # fmt: skip
            file.write(values.astype(np.float32), 1)
    words = ["--ground", tmp_path / "dtm.tif", "--canopy", tmp_path / "trees.tif", "--draws", "1", "--facades"]
    words += ["--hourly", "--set", "solar.setback_m=1"]
    if outlines:
        boxes = [shapely.box(40, 10, 70, 30), shapely.box(10, 40, 30, 60)]
        moved_boxes = [shapely.affinity.translate(b, west, north - 80.0) for b in boxes]
        gpd.GeoDataFrame(geometry=moved_boxes, crs="EPSG:3067").to_file(tmp_path / "b.gpkg")
        words += ["--footprints", tmp_path / "b.gpkg"]
    found = run(capsys, tmp_path / "dsm.tif", "--out", tmp_path / "o", *words)
    planes = gpd.read_file(tmp_path / "o" / "solar_cadastre.gpkg", layer="roof_planes")
    buildings = gpd.read_file(tmp_path / "o" / "solar_cadastre.gpkg", layer="buildings").set_index("building_id")
    assert found["totals"]["buildings"] == found["totals"]["suitable_buildings"] == 2
    assert sorted(planes["tilt_deg"].round()) == [0.0, 31.0, 31.0]
    assert sorted(buildings.geometry.area) == pytest.approx([400.0, 600.0])
    for _, plane in planes.iterrows():
        assert buildings.geometry[plane["building_id"]].intersection(plane.geometry).area > 0.9 * plane.geometry.area
    flat = planes[planes["tilt_deg"] == 0.0]
    np.testing.assert_allclose(flat["inner_area_m2"], 18.0 * 18.0, rtol=0.01)  # of the roof's own outline
    walls = gpd.read_file(tmp_path / "o" / "solar_cadastre.gpkg", layer="facades")
    assert set(walls["building_id"]) == set(buildings.index)
    # The box of 20 m by 20 m and 9 m, and the gable with eaves of about 4.5 m.
    assert walls["area_m2"].sum() == pytest.approx(80.0 * 9.0 + 60.0 * 4.5 + 40.0 * 5.6 - 10.0, rel=0.15)
    assert walls.set_index("azimuth_deg").loc[180.0, "irradiation_kwh_m2"].min() > 400.0
    storeys = zarr.open_group(tmp_path / "o" / "hourly.zarr", mode="r")["storeys"]
    assert storeys["irradiance_w_m2"].shape[1] == 8760
    assert "No free wall" not in (tmp_path / "o" / "index.html").read_text(encoding="utf-8")
