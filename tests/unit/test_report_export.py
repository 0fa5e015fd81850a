"""Export: every layer opens, styles are valid QML, differences are right, other folders are left alone."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pyogrio
import pytest
from report_fixture import FakeRun, make_run

from twin.city.model import City
from twin.errors import UsageError
from twin.report.export import EXPORTED, export_run


@pytest.fixture(scope="module")
def run(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    return make_run(small_city, tmp_path_factory.mktemp("run"), idle=True)


@pytest.fixture(scope="module")
def exported(run: FakeRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "out"
    export_run(run, folder)
    return folder


def package(folder: Path) -> Path:
    return next(folder.glob("*.gpkg"))


def styles(folder: Path) -> list[tuple[str, str, str, int]]:
    with contextlib.closing(sqlite3.connect(package(folder))) as connection:
        return connection.execute("SELECT f_table_name, styleName, styleQML, useAsDefault FROM layer_styles").fetchall()


def test_every_layer_opens_with_its_features(run: FakeRun, exported: Path) -> None:
    names = {name for name, geometry in pyogrio.list_layers(package(exported)) if geometry}
    assert names == {
        f"{scenario}_{layer}"
        for scenario in ("baseline", *run.info["scenarios"])
        for layer in EXPORTED
        if len(run.layer(scenario, EXPORTED[layer]))
    }
    assert "baseline_sites" in names
    for name in names:
        scenario, _, layer = name.rpartition("_")
        frame = pyogrio.read_dataframe(package(exported), layer=name)
        original = run.layer(scenario, EXPORTED[layer])
        assert list(frame[original.index.name]) == list(original.index)
        assert frame.crs == original.crs
        assert frame.geometry.is_valid.all()


def test_difference_columns(run: FakeRun, exported: Path) -> None:
    frame = pyogrio.read_dataframe(package(exported), layer="combination_buildings").set_index("building_id")
    here, there = run.layer("combination", "buildings"), run.layer("baseline", "buildings")
    expected = here["heating_kwh_a"] - there["heating_kwh_a"]
    assert np.allclose(frame["heating_kwh_a_diff"], expected)
    noise = run.noise("combination")
    rows = noise[(noise["layer"] == "buildings") & (noise["quantity"] == "heating_kwh_a")].set_index("id")
    distinct = (rows["value"] != 0) & (rows["value"].abs() >= 1.64 * rows["sd"])
    assert list(frame["heating_kwh_a_distinct"].astype(bool)) == list(distinct.reindex(frame.index))
    idle = pyogrio.read_dataframe(package(exported), layer="do-nothing_links")
    assert (idle["flow_veh_day_diff"] == 0).all()
    assert not idle["flow_veh_day_distinct"].astype(bool).any()


def test_styles_are_valid_and_one_is_default(run: FakeRun, exported: Path) -> None:
    rows = styles(exported)
    layers = {name for name, geometry in pyogrio.list_layers(package(exported)) if geometry}
    assert {row[0] for row in rows} == layers
    defaults = pd.Series([row[3] for row in rows]).groupby([row[0] for row in rows]).sum()
    assert (defaults == 1).all()
    for layer, _, qml, _ in rows:
        root = ET.fromstring(qml)
        renderer = root.find("renderer-v2")
        assert root.tag == "qgis"
        assert renderer is not None
        assert renderer.get("type") == "graduatedSymbol"
        ranges = renderer.findall("ranges/range")
        symbols = {symbol.get("name") for symbol in renderer.findall("symbols/symbol")}
        assert {item.get("symbol") for item in ranges} == symbols
        limits = [(float(item.get("lower", "")), float(item.get("upper", ""))) for item in ranges]
        assert all(low <= high for low, high in limits)
        assert all(a[1] == b[0] for a, b in pairwise(limits))
        columns = set(pyogrio.read_info(package(exported), layer=layer)["fields"])
        attribute = renderer.get("attr", "")
        assert set(attribute.split('"')[1::2]) <= columns


def test_difference_styles_are_the_same_in_every_scenario(run: FakeRun, exported: Path) -> None:
    by_theme: dict[tuple[str, str], set[str]] = {}
    for layer, name, qml, _ in styles(exported):
        scenario, _, kind = layer.rpartition("_")
        if scenario != "baseline":
            by_theme.setdefault((kind, name), set()).add(qml)
    assert by_theme
    assert all(len(found) == 1 for found in by_theme.values())


def test_geojson_is_in_degrees(exported: Path) -> None:
    data = json.loads((exported / "geojson" / "baseline_links.geojson").read_text(encoding="utf-8"))
    assert data["type"] == "FeatureCollection"
    longitude, latitude = data["features"][0]["geometry"]["coordinates"][0][:2]
    assert -180 <= longitude <= 180
    assert -90 <= latitude <= 90


def test_tables_and_attribution(run: FakeRun, exported: Path) -> None:
    text = (exported / "ATTRIBUTION.txt").read_text(encoding="utf-8")
    assert "© OpenStreetMap contributors" in text
    assert "ODbL-1.0" in text
    kpis = pd.read_csv(exported / "csv" / "kpis.csv")
    assert set(kpis["scenario"]) == {"baseline", *run.info["scenarios"]}
    zones = pd.read_csv(exported / "csv" / "zone_differences.csv")
    assert zones.loc[zones["outcome"] == "suppressed", "difference"].isna().all()


def test_text_files_are_equal_bytes_when_repeated(run: FakeRun, exported: Path, tmp_path: Path) -> None:
    files = export_run(run, tmp_path / "again")
    for path in files:
        if path.suffix != ".gpkg":
            assert path.read_bytes() == (exported / path.relative_to(tmp_path / "again")).read_bytes()


def test_a_folder_with_other_files_is_left_alone(run: FakeRun, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work", encoding="utf-8")
    with pytest.raises(UsageError, match="holds other files"):
        export_run(run, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    export_run(run, tmp_path / "new")
    export_run(run, tmp_path / "new")
    assert not list(tmp_path.glob(".*.part"))
