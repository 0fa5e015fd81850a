"""CityJSON: roofs with their exact tilt, azimuth and area, repairs that say so, and attributes written back."""

from __future__ import annotations

import copy
import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from tests.unit.city_solids_fixture import (
    HELSINKI,
    Ring,
    Solid,
    cityjson,
    gable,
    hip,
    inside_out,
    moved,
    plain,
    prism,
    write_json,
)
from twin.city.check import check_city
from twin.city.cityjson_write import write_cityjson_attributes
from twin.city.importing import import_city
from twin.city.package import load_city, save_city
from twin.city.schema import DERIVED, MEASURED
from twin.city.solids_import import CityModel, read_solids
from twin.errors import CrsError, DataError, GeometryError

SQUARE = [(0.0, 0.0), (10.0, 0.0), (10.0, 8.0), (0.0, 8.0)]
L_SHAPE = [(0.0, 0.0), (12.0, 0.0), (12.0, 4.0), (4.0, 4.0), (4.0, 10.0), (0.0, 10.0)]
HOUSE = Solid("house", gable(10.0, 8.0, 5.0, 8.0))
BLOCK = Solid("block", moved(prism(SQUARE, 0.0, 12.0), (30.0, 0.0, 0.0)))


def read(tmp_path: Path, *solids: Solid, **how: Any) -> CityModel:
    return read_solids(write_json(tmp_path / "t.city.json", cityjson(solids, **how)))


def says(model: CityModel, text: str) -> bool:
    return any(text in line for line in model.log)


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_gabled_house_and_flat_block(tmp_path: Path, version: str) -> None:
    model = read(tmp_path, HOUSE, BLOCK, version=version)
    assert model.crs == "EPSG:3067"
    planes = model.roof_planes
    assert planes["building_id"].tolist() == ["block", "house", "house"]
    tilt, area = math.degrees(math.atan2(3, 4)), 10.0 * 5.0
    np.testing.assert_allclose(planes["tilt_deg"], [0.0, tilt, tilt], atol=1e-9)
    np.testing.assert_allclose(planes["area_m2"], [80.0, area, area], atol=1e-9)
    np.testing.assert_allclose(planes["azimuth_deg"], [0.0, 180.0, 0.0], atol=1e-9)
    bottom, top = (planes.loc[f"house/p{k}"].geometry for k in (0, 1))
    assert bottom.centroid.y < top.centroid.y
    assert {p[2] for p in bottom.exterior.coords} == {15.0, 18.0}
    house, block = model.buildings.loc["house"], model.buildings.loc["block"]
    assert (house["height_m"], house["roof_type"], house["roof_type_origin"]) == (5.0, "gabled", DERIVED)
    assert house["roof_tilt_deg"] == pytest.approx(tilt)
    assert house["roof_azimuth_deg"] in (0.0, pytest.approx(180.0))
    assert (block["height_m"], block["roof_type"], block["height_m_origin"]) == (12.0, "flat", MEASURED)
    assert block.geometry.equals(
        shapely.box(30, 0, 40, 8).__class__(shapely.get_coordinates(shapely.box(30, 0, 40, 8)) + HELSINKI[:2])
    )
    assert not [line for line in model.log if "repair" in line or "normal" in line]


def test_l_shape_with_a_court_and_a_hip(tmp_path: Path) -> None:
    court = [[(2.0, 2.0), (2.0, 6.0), (8.0, 6.0), (8.0, 2.0)], prism(SQUARE, 0.0, 6.0)]
    hole: Ring = [(x, y, 6.0) for x, y in court[0]]
    floor: Ring = [(x, y, 0.0) for x, y in court[0]]
    faces = court[1]
    faces[0][1].append(floor[::-1])
    faces[1][1].append(hole)
    for k in range(4):
        n = (k + 1) % 4
        faces.append(("WallSurface", [[floor[k], floor[n], hole[n], hole[k]]]))
    model = read(
        tmp_path,
        Solid("court", faces),
        Solid("l", moved(prism(L_SHAPE, 0.0, 9.0), (20.0, 0.0, 0.0))),
        Solid("hip", moved(hip(12.0, 8.0, 4.0, 7.0, 4.0), (40.0, 0.0, 0.0))),
    )
    area = model.roof_planes.groupby("building_id")["area_m2"].agg(["sum", "count"])
    assert area.loc["court"].tolist() == [80.0 - 24.0, 1.0]
    assert area.loc["l"].tolist() == [72.0, 1.0]
    assert area.loc["hip", "count"] == 4
    assert area.loc["hip", "sum"] == pytest.approx(2 * (12 + 4) / 2 * 5 + 2 * 8 * 5 / 2)
    assert model.buildings.loc["hip", "roof_type"] == "hipped"
    assert len(model.buildings.loc["court"].geometry.interiors) == 1


def test_parts_belong_to_their_building(tmp_path: Path) -> None:
    whole = Solid("b", [], attributes={"storeysAboveGround": 3, "function": "1000", "yearOfConstruction": 1975})
    low = Solid("b-1", moved(prism(SQUARE, 0.0, 4.0), (10.0, 0.0, 0.0)), parent="b")
    high = Solid("b-2", gable(10.0, 8.0, 9.0, 12.0), parent="b", attributes={"roofType": "1030"})
    model = read(tmp_path, whole, low, high)
    assert model.buildings.index.tolist() == ["b"]
    row = model.buildings.loc["b"]
    assert (row["use"], row["levels"], row["year_class"]) == ("residential", 3.0, "1960-1979")
    assert row["height_m"] == pytest.approx((80 * 4 + 80 * 9) / 160)
    assert row.geometry.area == pytest.approx(160.0)
    assert row["roof_type"] == "flat"  # half of the plan is flat
    assert set(model.roof_planes["building_id"]) == {"b"} and len(model.roof_planes) == 3


def test_best_level_of_detail(tmp_path: Path) -> None:
    document = cityjson([HOUSE])
    coarse = cityjson([Solid("house", prism(SQUARE, 0.0, 6.5), lod="1.2")])
    shift = len(document["vertices"])
    document["vertices"] += coarse["vertices"]
    geometry = coarse["CityObjects"]["house"]["geometry"][0]
    geometry["boundaries"] = [[[[v + shift for v in ring] for ring in p] for p in geometry["boundaries"][0]]]
    document["CityObjects"]["house"]["geometry"].insert(0, geometry)
    model = read_solids(write_json(tmp_path / "a.json", document))
    assert len(model.roof_planes) == 2 and model.buildings.loc["house", "height_m"] == 5.0


def test_lod1_has_a_height_and_no_planes(tmp_path: Path) -> None:
    model = read(tmp_path, Solid("b", plain(prism(SQUARE, 0.0, 6.5)), lod="1"), attributes_of_roof())
    assert len(model.roof_planes) == 0
    assert model.buildings["height_m"].tolist() == [6.5, 6.5]
    assert model.buildings.loc["c", "roof_type"] == "hipped"
    assert pd.isna(model.buildings.loc["b", "roof_type"])


def attributes_of_roof() -> Solid:
    faces = moved(plain(prism(SQUARE, 0.0, 6.5)), (40.0, 0.0, 0.0))
    return Solid("c", faces, lod="1", attributes={"roofType": "1040"})


def test_lod0_is_a_plan(tmp_path: Path) -> None:
    plan: Ring = [(x, y, 0.0) for x, y in SQUARE]
    model = read(
        tmp_path,
        Solid("b", [(None, [plan])], lod="0", geometry="MultiSurface", attributes={"measuredHeight": 7.5}),
    )
    assert says(model, "buildings with a plan only (LoD 0)")
    assert model.buildings["height_m"].tolist() == [7.5] and model.buildings.area.tolist() == [80.0]


def test_coplanar_neighbours_are_one_plane(tmp_path: Path) -> None:
    faces = prism(SQUARE, 0.0, 6.0)
    faces[1] = ("RoofSurface", [[(0.0, 0.0, 6.0), (10.0, 0.0, 6.0), (10.0, 8.0, 6.0)]])
    faces.append(("RoofSurface", [[(0.0, 0.0, 6.0), (10.0, 8.0, 6.0), (0.0, 8.0, 6.0)]]))
    apart = [
        ("RoofSurface", [[(x + 20.0, y, z) for x, y, z in ring] for ring in rings])
        for kind, rings in faces
        if kind == "RoofSurface"
    ]
    model = read(tmp_path, Solid("b", faces), Solid("c", [*faces, *apart], geometry="MultiSurface"))
    assert model.roof_planes.groupby("building_id").size().to_dict() == {"b": 1, "c": 2}
    assert model.roof_planes["area_m2"].tolist() == pytest.approx([80.0] * 3)


def test_steep_roof_surfaces_are_walls(tmp_path: Path) -> None:
    faces = [("RoofSurface" if kind == "WallSurface" else kind, rings) for kind, rings in HOUSE.faces]
    model = read(tmp_path, Solid("house", faces))
    assert len(model.roof_planes) == 2
    assert says(model, "4 roof surfaces steeper than 75 degrees taken for walls: house")


@pytest.mark.parametrize("how", ["solid", "faces", "surface", "plain", "plain surface", "upside down"])
def test_repairs_lead_to_the_same_roofs(tmp_path: Path, how: str) -> None:
    sound = read(tmp_path, HOUSE).roof_planes
    faces, geometry = HOUSE.faces, "Solid"
    text = {
        "solid": "solids turned inside out were turned back",
        "faces": "solids with inverted faces repaired",
        "surface": "roof surfaces with inverted normals turned up",
        "plain": "buildings without semantics classified by normal",
        "plain surface": "shells that are not closed",
        "upside down": "whose roof surfaces lie below their ground surfaces classified by normal",
    }[how]
    if how == "solid":
        faces = inside_out(faces)
    elif how == "faces":
        faces = [(k, [r[::-1] for r in rings]) if n in (1, 4) else (k, rings) for n, (k, rings) in enumerate(faces)]
    elif how == "surface":
        faces, geometry = inside_out(faces[:-1]), "MultiSurface"
    elif how == "plain":
        faces = plain(faces)
    elif how == "plain surface":
        faces, geometry = plain(faces[:-1]), "MultiSurface"
    else:
        other = {"RoofSurface": "GroundSurface", "GroundSurface": "RoofSurface"}
        faces = [(other.get(k or "", k), rings) for k, rings in faces]
    model = read(tmp_path, Solid("house", faces, geometry=geometry))
    assert says(model, text)
    columns = ["tilt_deg", "azimuth_deg", "area_m2"]
    pd.testing.assert_frame_equal(model.roof_planes[columns], sound[columns], rtol=0, atol=1e-9)
    assert model.buildings.area.tolist() == pytest.approx([80.0])


def test_degenerate_polygons_are_left_out_and_said(tmp_path: Path) -> None:
    line: Ring = [(0.0, 0.0, 1.0), (5.0, 0.0, 1.0), (10.0, 0.0, 1.0)]
    faces = [*HOUSE.faces, ("RoofSurface", [line]), ("RoofSurface", [line[:2]]), ("RoofSurface", HOUSE.faces[1][1])]
    model = read(tmp_path, Solid("house", faces))
    assert model.roof_planes["area_m2"].tolist() == pytest.approx([50.0, 50.0])
    for text in ("polygons without area", "fewer than three points", "stand twice in one solid"):
        assert says(model, text), model.log


def test_overhangs_have_undersides_that_are_no_roofs(tmp_path: Path) -> None:
    faces = [("RoofSurface" if kind == "GroundSurface" else kind, rings) for kind, rings in prism(SQUARE, 3.0, 6.0)]
    model = read(tmp_path, Solid("b", faces))
    assert says(model, "taken for undersides") and len(model.roof_planes) == 1


def test_buildings_that_stand_twice_and_party_walls(tmp_path: Path) -> None:
    row = [Solid(name, moved(prism(SQUARE, 0.0, 6.0 + k), (10.0 * k, 0.0, 0.0))) for k, name in enumerate("abc")]
    model = read(tmp_path, *row, Solid("copy", row[0].faces))
    assert model.buildings.index.tolist() == ["a", "b", "c"]
    assert says(model, "under different ids counted once: copy")
    assert says(model, "2 wall lines shared by two buildings (party walls): a, b")


def test_terrain_and_roofs_below_it(tmp_path: Path) -> None:
    a, b, c, d = (-20.0, -20.0, 0.0), (80.0, -20.0, 10.0), (80.0, 40.0, 10.0), (-20.0, 40.0, 0.0)
    buried = Solid("garage", moved(prism(SQUARE, -9.0, -4.0), (20.0, 20.0, 0.0)))
    model = read(tmp_path, HOUSE, buried, relief=[[a, b, c], [a, c, d]])
    assert model.buildings.index.tolist() == ["house"]
    assert says(model, "buildings that lie below the terrain left out: garage")
    terrain = model.terrain
    assert (terrain.cell_m, terrain.west, terrain.north) == (2.0, HELSINKI[0] - 20.0, HELSINKI[1] + 40.0)
    x = 2.0 * np.arange(terrain.height_m.shape[1]) + 1.0
    np.testing.assert_allclose(terrain.height_m, np.broadcast_to(10.0 + x / 10.0, terrain.height_m.shape), atol=1e-9)


def test_without_terrain_the_ground_is_that_of_the_buildings(tmp_path: Path) -> None:
    model = read(tmp_path, HOUSE, Solid("up", moved(prism(SQUARE, 0.0, 5.0), (100.0, 0.0, 20.0))))
    assert says(model, "no relief in the file")
    assert model.terrain.height_m.min() == pytest.approx(10.0, abs=2.0)
    assert model.terrain.height_m.max() == pytest.approx(30.0, abs=2.0)


def test_sequence_of_features_and_packed_files(tmp_path: Path) -> None:
    whole = read(tmp_path, HOUSE, BLOCK)
    lines = [cityjson([])]
    for solid in (HOUSE, BLOCK):
        feature = cityjson([solid])
        lines.append(
            {
                "type": "CityJSONFeature",
                "id": solid.id,
                "CityObjects": feature["CityObjects"],
                "vertices": feature["vertices"],
            }
        )
    text = "\n".join(map(json.dumps, lines))
    (tmp_path / "t.city.jsonl").write_text(text)
    (tmp_path / "t.city.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("t.city.jsonl", "t.city.jsonl.gz"):
        model = read_solids(tmp_path / name)
        assert model.roof_planes.equals(whole.roof_planes) and model.buildings.equals(whole.buildings)


def test_crs_may_be_named_and_must_fit(tmp_path: Path) -> None:
    path = write_json(tmp_path / "t.city.json", cityjson([HOUSE], crs=None))
    with pytest.raises(CrsError, match="--crs"):
        read_solids(path)
    assert read_solids(path, crs="EPSG:3067").crs == "EPSG:3067"
    with pytest.raises(CrsError, match="outside the area of use"):
        read_solids(path, crs="EPSG:28992")
    with pytest.raises(CrsError, match="not metres"):
        read_solids(path, crs="EPSG:4326")


@pytest.mark.parametrize(
    ("code", "longitude", "latitude"),
    [(2193, 174.78, -41.29), (3460, 179.9, -16.8), (3460, -179.9, -16.8), (25835, 24.9, 60.2)],
)
def test_south_and_the_date_line(tmp_path: Path, code: int, longitude: float, latitude: float) -> None:
    x, y = Transformer.from_crs(4326, code, always_xy=True).transform(longitude, latitude)
    place = (float(round(x)), float(round(y)), 0.0)
    name = f"https://www.opengis.net/def/crs/EPSG/0/{code}"
    model = read(tmp_path, HOUSE, BLOCK, crs=name, origin=place)
    assert model.crs == f"EPSG:{code}"
    assert not says(model, "north before east")
    azimuth = dict(zip(model.roof_planes.index, model.roof_planes["azimuth_deg"], strict=True))
    assert azimuth["house/p0"] == 180.0
    degrees = model.buildings.to_crs(4326).geometry.iloc[0].centroid
    assert (degrees.x - longitude + 180.0) % 360.0 - 180.0 == pytest.approx(0.0, abs=0.01)


def test_a_building_may_not_be_a_city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin.city.solids.MAX_FACES", 6)
    with pytest.raises(GeometryError, match="the building has 7 polygons"):
        read(tmp_path, HOUSE)


def test_a_spire_keeps_its_building(tmp_path: Path) -> None:
    model = read(tmp_path, Solid("spire", gable(2.0, 2.0, 8.0, 28.0)))
    assert says(model, "buildings without a roof plane: roof by rule: spire")
    assert len(model.roof_planes) == 0 and model.buildings.loc["spire", "height_m"] == 28.0


def test_import_makes_a_package_without_roads(tmp_path: Path) -> None:
    row = [Solid(f"b{k}", moved(gable(10.0, 8.0, 5.0, 8.0), (20.0 * k, 0.0, 0.0))) for k in range(6)]
    city = import_city(write_json(tmp_path / "t.city.json", cityjson(row)), "t")
    assert not check_city(city)
    assert len(city.links) == len(city.nodes) == 0 and len(city.buildings) == 6
    assert city.roof_planes is not None and len(city.roof_planes) == 12
    assert any("no links" in line for line in city.meta.repairs)
    save_city(city, tmp_path / "p")
    again = load_city(tmp_path / "p")
    assert again.roof_planes.equals(city.roof_planes)
    assert again.links.dtypes.equals(city.links.dtypes)
    np.testing.assert_array_equal(again.terrain.height_m, city.terrain.height_m)


LENGTHS = st.integers(16, 400).map(lambda n: n / 8)
HOUSES = st.lists(
    st.tuples(LENGTHS, LENGTHS, LENGTHS, st.integers(1, 160).map(lambda n: n / 8), st.booleans()),
    min_size=1,
    max_size=5,
)


def expected_of(house: tuple[float, float, float, float, bool]) -> list[tuple[float, float, float]]:
    """Return tilt, azimuth and area of each plane of a house whose ridge rises by the fourth number."""
    width, depth, _, rise, pitched = house
    if not pitched:
        return [(0.0, 0.0, width * depth)]
    slope = math.hypot(depth / 2, rise)
    return [(math.degrees(math.atan2(rise, depth / 2)), azimuth, width * slope) for azimuth in (180.0, 0.0)]


def solids_of(houses: list[tuple[float, float, float, float, bool]]) -> list[Solid]:
    solids = []
    for k, (width, depth, eaves, rise, pitched) in enumerate(houses):
        block = prism([(0, 0), (width, 0), (width, depth), (0, depth)], 0.0, eaves)
        shape = gable(width, depth, eaves, eaves + rise) if pitched else block
        solids.append(Solid(f"b{k}", moved(shape, (60.0 * k, 0.0, 0.0))))
    return solids


@settings(max_examples=40, deadline=None)
@given(houses=HOUSES, seed=st.integers(0, 2**32 - 1))
def test_what_is_written_comes_back_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, houses: list[tuple[float, float, float, float, bool]], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("h")
    solids = solids_of(houses)
    # The middle of the depth must fall on the grid of vertices: sixteenths of a metre.
    model = read_solids(write_json(folder / "a.city.json", cityjson(solids, scale=0.0625)))
    for k, house in enumerate(houses):
        if house[4] and math.atan2(house[3], house[1] / 2) > math.radians(74.9):
            continue  # steeper roofs are walls
        planes = model.roof_planes[model.roof_planes["building_id"] == f"b{k}"]
        found = planes[["tilt_deg", "azimuth_deg", "area_m2"]].to_numpy()
        np.testing.assert_allclose(found, expected_of(house), rtol=0, atol=1e-9)
        assert model.buildings.loc[f"b{k}", "height_m"] == pytest.approx(house[2], abs=1e-9)
    random = np.random.default_rng(seed)
    mixed = [
        Solid(s.id, [s.faces[i] for i in random.permutation(len(s.faces))])
        for s in (solids[i] for i in random.permutation(len(solids)))
    ]
    count = len(cityjson(mixed, scale=0.0625)["vertices"])
    document = cityjson(mixed, scale=0.0625, order=random.permutation(count).tolist())
    other = read_solids(write_json(folder / "b.city.json", document))
    assert other.log == model.log
    pd.testing.assert_frame_equal(
        pd.DataFrame(other.roof_planes.drop(columns="geometry")),
        pd.DataFrame(model.roof_planes.drop(columns="geometry")),
    )
    assert shapely.equals(other.roof_planes.geometry.to_numpy(), model.roof_planes.geometry.to_numpy()).all()
    assert shapely.equals(other.buildings.geometry.to_numpy(), model.buildings.geometry.to_numpy()).all()


def test_attributes_are_written_back_by_id(tmp_path: Path) -> None:
    document = cityjson([HOUSE, BLOCK], version="1.1") | {"+extra": {"kept": [1, 2.5, None, "ä"]}}
    source = write_json(tmp_path / "s.city.json", document)
    planes = read_solids(source).roof_planes
    table = pd.DataFrame(
        {"pv_kwh_a": [1.5, 2.5, np.nan], "suitable": [True, False, None]}, index=[planes.index[1], "house", "block"]
    )
    write_cityjson_attributes(source, tmp_path / "o.city.json.gz", table)
    written = json.loads(gzip.decompress((tmp_path / "o.city.json.gz").read_bytes()))
    house = written["CityObjects"]["house"]
    assert house.pop("attributes") == {"pv_kwh_a": 2.5, "suitable": False}
    surface = house["geometry"][0]["semantics"]["surfaces"][1]
    assert (surface.pop("pv_kwh_a"), surface.pop("suitable")) == (1.5, True)
    written["CityObjects"]["block"].pop("attributes")
    assert written == document
    assert read_solids(tmp_path / "o.city.json.gz").roof_planes.equals(planes)
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("how", ["shared", "none", "multi"])
def test_planes_get_surfaces_of_their_own(tmp_path: Path, how: str) -> None:
    document = cityjson([Solid("house", HOUSE.faces, geometry="MultiSurface" if how == "multi" else "Solid")])
    geometry = document["CityObjects"]["house"]["geometry"][0]
    if how == "none":
        del geometry["semantics"]
    else:
        values = geometry["semantics"]["values"]
        (values if how == "multi" else values[0])[2] = 1  # both slopes share one surface
    source = write_json(tmp_path / "s.city.json", document)
    before = copy.deepcopy(geometry["boundaries"])
    planes = read_solids(source).roof_planes
    table = pd.DataFrame({"rank": [1, 2]}, index=planes.index)
    write_cityjson_attributes(source, source, table)
    geometry = json.loads(source.read_text())["CityObjects"]["house"]["geometry"][0]
    assert geometry["boundaries"] == before
    values = geometry["semantics"]["values"]
    values = values if how == "multi" else values[0]
    surfaces = geometry["semantics"]["surfaces"]
    assert [surfaces[values[k]]["rank"] for k in (1, 2)] == [1, 2]
    assert [surfaces[values[k]]["type"] for k in (1, 2)] == ["RoofSurface"] * 2
    again = read_solids(source)
    assert again.roof_planes["area_m2"].tolist() == planes["area_m2"].tolist()


def test_writing_back_names_what_is_wrong(tmp_path: Path) -> None:
    source = write_json(tmp_path / "s.city.json", cityjson([HOUSE]))
    for index, value, what in (
        (["huose"], 1.0, "no building or roof plane"),
        (["house"], np.inf, "not a value of JSON"),
    ):
        with pytest.raises(DataError, match=what):
            write_cityjson_attributes(source, tmp_path / "o.city.json", pd.DataFrame({"a": [value]}, index=index))
    with pytest.raises(DataError, match="CityJSON files only"):
        write_cityjson_attributes(tmp_path / "s.gml", tmp_path / "o.gml", pd.DataFrame())
    with pytest.raises(DataError, match="cannot be written"):
        write_cityjson_attributes(source, tmp_path / "no" / "o.city.json", pd.DataFrame())
    assert not (tmp_path / "o.city.json").exists()


def test_nothing_to_build_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no building"):
        read(tmp_path)
    with pytest.raises(GeometryError, match="no building has a polygon"):
        read(tmp_path, Solid("b", []))
