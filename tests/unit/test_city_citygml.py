"""CityGML 2.0 and 3.0: the same roofs as from CityJSON, links, parts, axis order, and nothing but the file is read."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.city_solids_fixture import (
    HELSINKI,
    Solid,
    citygml,
    cityjson,
    gable,
    hip,
    inside_out,
    moved,
    plain,
    prism,
    write_json,
)
from twin.city.citygml import read_citygml
from twin.city.importing import import_city
from twin.city.solids_import import CityModel, read_solids
from twin.errors import CrsError, DataError, UnsafeFileError

SQUARE = [(0.0, 0.0), (10.0, 0.0), (10.0, 8.0), (0.0, 8.0)]
HOUSE = Solid("house", gable(10.0, 8.0, 5.0, 8.0), surface_ids=True)
BLOCK = Solid("block", moved(prism(SQUARE, 0.0, 12.0), (30.0, 0.0, 0.0)), surface_ids=True)
HIP = Solid("hip", moved(hip(12.0, 8.0, 4.0, 7.0, 4.0), (60.0, 0.0, 0.0)), surface_ids=True)


def write(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def read(tmp_path: Path, *solids: Solid, name: str = "t.gml", **how: Any) -> CityModel:
    return read_solids(write(tmp_path / name, citygml(solids, **how)))


def assert_same_roofs(first: CityModel, second: CityModel) -> None:
    columns = ["building_id", "tilt_deg", "azimuth_deg", "area_m2"]
    pd.testing.assert_frame_equal(first.roof_planes[columns], second.roof_planes[columns], rtol=0, atol=1e-9)
    assert shapely.equals(first.roof_planes.geometry.to_numpy(), second.roof_planes.geometry.to_numpy()).all()
    assert first.buildings.drop(columns="geometry").equals(second.buildings.drop(columns="geometry"))
    assert shapely.equals(first.buildings.geometry.to_numpy(), second.buildings.geometry.to_numpy()).all()


@pytest.mark.parametrize("version", ["2.0", "3.0"])
@pytest.mark.parametrize("name", ["t.gml", "t.gml.gz"])
def test_both_formats_give_the_same_city(tmp_path: Path, version: str, name: str) -> None:
    model = read(tmp_path, HOUSE, BLOCK, HIP, version=version, name=name)
    other = read_solids(write_json(tmp_path / "t.city.json", cityjson([HOUSE, BLOCK, HIP])))
    assert_same_roofs(model, other)
    assert model.roof_planes.index.tolist() == other.roof_planes.index.tolist()
    assert "house/house-s1" in model.roof_planes.index
    assert model.crs == "EPSG:3067"
    assert model.roof_planes.loc["house/house-s1", "tilt_deg"] == pytest.approx(
        math.degrees(math.atan2(3, 4)), abs=1e-9
    )
    assert not any("closed" in line or "link" in line for line in model.log)


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_parts_terrain_and_attributes(tmp_path: Path, version: str) -> None:
    attributes = {"function": "1120", "yearOfConstruction": "1991", "roofType": "1030", "storeysAboveGround": "2"}
    whole = Solid("b", [], attributes=attributes)
    parts = [
        Solid("b-1", gable(10.0, 8.0, 5.0, 8.0), parent="b"),
        Solid("b-2", moved(prism(SQUARE, 0.0, 5.0), (10.0, 0.0, 0.0)), parent="b"),
    ]
    a, b, c, d = (-20.0, -20.0, 0.0), (80.0, -20.0, 0.0), (80.0, 40.0, 6.0), (-20.0, 40.0, 6.0)
    model = read(tmp_path, whole, *parts, version=version, relief=[[a, b, c], [a, c, d]])
    row = model.buildings.loc["b"]
    assert (row["use"], row["year_class"], row["levels"]) == ("office", "1980-1999", 2.0)
    assert len(model.roof_planes) == 3 and row["height_m"] == 5.0
    assert model.terrain.height_m[0, 0] == pytest.approx(HELSINKI[2] + 5.9)
    assert model.terrain.height_m[-1, 0] == pytest.approx(HELSINKI[2] + 0.1)


def test_polygons_given_twice_and_given_once(tmp_path: Path) -> None:
    linked = read(tmp_path, HOUSE, BLOCK)
    assert_same_roofs(read(tmp_path, HOUSE, BLOCK, linked=False), linked)
    surfaces = [Solid(s.id, s.faces, geometry="MultiSurface") for s in (HOUSE, BLOCK)]
    assert_same_roofs(read(tmp_path, *surfaces), linked)
    bare = read(tmp_path, *(Solid(s.id, plain(s.faces)) for s in (HOUSE, BLOCK)))
    columns = ["tilt_deg", "azimuth_deg", "area_m2"]
    np.testing.assert_allclose(bare.roof_planes[columns], linked.roof_planes[columns], atol=1e-9)
    assert any("without semantics classified by normal" in line for line in bare.log)


def test_inverted_solids_are_turned(tmp_path: Path) -> None:
    model = read(tmp_path, Solid("house", inside_out(HOUSE.faces)))
    assert any("turned inside out" in line for line in model.log)
    assert_same_roofs(model, read(tmp_path, HOUSE))


def test_north_before_east_is_noticed(tmp_path: Path) -> None:
    model = read(tmp_path, HOUSE, BLOCK, swap=True)
    assert any("north before east" in line for line in model.log)
    assert_same_roofs(model, read(tmp_path, HOUSE, BLOCK))


@pytest.mark.parametrize(
    "srs",
    [
        "EPSG:3067",
        "urn:ogc:def:crs:EPSG::3067",
        "urn:ogc:def:crs:EPSG:9.9:3067",
        "urn:ogc:def:crs,crs:EPSG::3067,crs:EPSG::3900",
        "http://www.opengis.net/def/crs/EPSG/0/3067",
        "http://www.opengis.net/gml/srs/epsg.xml#3067",
        "ETRS89 / TM35FIN(E,N)",
    ],
)
def test_names_of_reference_systems(tmp_path: Path, srs: str) -> None:
    assert read(tmp_path, HOUSE, srs=srs).crs == "EPSG:3067"


def test_names_of_the_german_surveys(tmp_path: Path) -> None:
    munich = (691_000, 5_335_000, 500)
    model = read(tmp_path, HOUSE, srs="urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH", origin=munich)
    assert model.crs == "EPSG:25832"


def test_unknown_reference_systems_are_named(tmp_path: Path) -> None:
    for srs in ("", "urn:ogc:def:crs:local", "EPSG:999999"):
        with pytest.raises(CrsError, match="--crs"):
            read(tmp_path, HOUSE, srs=srs)


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE CityModel [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE CityModel SYSTEM "http://example.org/city.dtd">',
        '<!DOCTYPE CityModel [<!ENTITY secret SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE CityModel [<!ENTITY % more SYSTEM "more.dtd"> %more;]>',
    ],
)
def test_document_types_are_refused(tmp_path: Path, declaration: str) -> None:
    head, body = citygml([HOUSE]).split("?>", 1)
    with pytest.raises(UnsafeFileError, match=r"t\.gml:2:\d+: the file declares a document type"):
        read_citygml(write(tmp_path / "t.gml", f"{head}?>\n{declaration}{body}"))


@pytest.mark.parametrize(
    ("space", "version"),
    [
        ("http://www.opengis.net/citygml/1.0", "CityGML 1.0 is not read"),
        ("http://www.citygml.org/citygml/1/0/0", "CityGML 1.0.0 is not read"),
        ("http://www.citygml.org/citygml/0/4/0", "CityGML 0.4.0 is not read"),
    ],
)
def test_old_versions_are_refused_with_the_upgrade(tmp_path: Path, space: str, version: str) -> None:
    text = citygml([HOUSE]).replace("http://www.opengis.net/citygml/2.0", space)
    with pytest.raises(DataError, match=version) as caught:
        read_citygml(write(tmp_path / "t.gml", text))
    assert "citygml-tools" in str(caught.value.remedy)


def test_import_takes_citygml(tmp_path: Path) -> None:
    row = [Solid(f"b{k}", moved(HOUSE.faces, (20.0 * k, 0.0, 0.0))) for k in range(4)]
    city = import_city(write(tmp_path / "t.gml", citygml(row)), "t")
    assert city.roof_planes is not None and len(city.roof_planes) == 8
    assert city.meta.crs == "EPSG:3067" and city.meta.elevation_m == 10.0


EIGHTHS = st.integers(16, 400).map(lambda n: n / 8)


@settings(max_examples=25, deadline=None)
@given(
    houses=st.lists(st.tuples(EIGHTHS, EIGHTHS, EIGHTHS, EIGHTHS), min_size=1, max_size=4),
    version=st.sampled_from(["2.0", "3.0"]),
    linked=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_written_houses_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    houses: list[tuple[float, float, float, float]],
    version: str,
    linked: bool,
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("h")
    random = np.random.default_rng(seed)
    solids = []
    for k, (width, depth, eaves, rise) in enumerate(houses):
        faces = gable(width, depth, eaves, eaves + rise, east=60.0 * k)
        solids.append(Solid(f"b{k}", [faces[i] for i in random.permutation(len(faces))]))
    mixed = [solids[i] for i in random.permutation(len(solids))]
    model = read_solids(write(folder / "t.gml", citygml(mixed, version=version, linked=linked)))
    for k, (width, depth, eaves, rise) in enumerate(houses):
        tilt = math.degrees(math.atan2(rise, depth / 2))
        if tilt > 74.9:
            continue  # steeper roofs are walls
        planes = model.roof_planes[model.roof_planes["building_id"] == f"b{k}"].sort_values("azimuth_deg")
        area = width * math.hypot(depth / 2, rise)
        found = planes[["tilt_deg", "azimuth_deg", "area_m2"]].to_numpy()
        np.testing.assert_allclose(found, [(tilt, 0.0, area), (tilt, 180.0, area)], rtol=0, atol=1e-9)
        assert model.buildings.loc[f"b{k}", "height_m"] == pytest.approx(eaves, abs=1e-9)
