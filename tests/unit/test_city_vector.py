"""Buildings and roads from vector files with a column mapping, and a whole city from them."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely import LineString, box

from twin.city.importing import import_city
from twin.city.vector import read_buildings, read_roads, ways_of_lines
from twin.errors import CrsError, DataError, GeometryError, SchemaError, TwinError, UsageError

EAST, NORTH = 385_000.0, 6_672_000.0


def houses(folder: Path, name: str = "houses.gpkg", **columns: object) -> Path:
    shapes = [box(x, y, x + 20, y + 12) for x in np.arange(5) * 60 + EAST + 10 for y in np.arange(4) * 60 + NORTH + 10]
    data = {"fid2": np.arange(20), "hgt": np.full(20, 9.0), "kind": ["1010", "2020"] * 10} | columns
    path = folder / name
    gpd.GeoDataFrame(data, geometry=shapes, crs="EPSG:3067").to_file(path)
    return path


def streets(folder: Path, **columns: object) -> Path:
    lines = [LineString([(EAST + x, NORTH + y) for y in range(0, 241, 60)]) for x in range(0, 301, 60)]
    lines += [LineString([(EAST + x, NORTH + y) for x in range(0, 301, 60)]) for y in range(0, 241, 60)]
    data = {
        "class": ["tertiary"] + ["residential"] * 9 + ["secondary"],
        "limit": [40.0] * 11,
        "label": list("abcdefghijk"),
    }
    data |= {"limit": [40.0] * 11, "label": list("abcdefghijk")} | columns
    path = folder / "streets.geojson"
    gpd.GeoDataFrame(data, geometry=lines, crs="EPSG:3067").to_crs(4326).to_file(path)
    return path


MAPPING = {
    "buildings": {
        "id": "fid2",
        "height_m": "hgt",
        "use": {"column": "kind", "values": {"1010": "residential", "2020": "office"}},
        "year_class": {"value": "1980-1999"},
    },
    "roads": {"road_class": "class", "speed_limit_kmh": "limit", "name": "label"},
}


def test_buildings_take_mapped_columns(tmp_path: Path) -> None:
    frame = read_buildings(houses(tmp_path), MAPPING["buildings"])
    assert frame.index[0] == "houses/0" and frame.index.name == "building_id"
    assert frame["height_m"].tolist() == [9.0] * 20
    assert frame["use"].tolist() == ["residential", "office"] * 10
    assert set(frame["use_origin"]) == {"measured"}


def test_same_names_need_no_mapping(tmp_path: Path) -> None:
    path = houses(tmp_path, height_m=[5.0] * 19 + [None], nothing=1)
    frame = read_buildings(path)
    assert list(frame.columns) == ["height_m", "height_m_origin", "geometry"]
    assert frame["height_m_origin"].tolist() == ["measured"] * 19 + [""]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"heigth_m": "hgt"}, "did you mean 'height_m'"),
        ({"height_m": "hgtt"}, "did you mean 'hgt'"),
        ({"height_m": {"colunm": "hgt"}}, "cannot be understood"),
        ({"height_m": 3}, "cannot be understood"),
        ({"use": {"column": "kind", "values": ["a"]}}, "cannot be understood"),
    ],
)
def test_mappings_that_do_not_fit_are_named(tmp_path: Path, mapping: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_buildings(houses(tmp_path), mapping)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("height_m", [9.0] * 7 + [-3.0] + [9.0] * 12, r"\[7\]\.height_m.*-3"),
        ("height_m", ["9"] * 4 + ["tall"] + ["9"] * 15, r"\[4\]\.height_m.*tall"),
        ("use", ["office"] * 2 + ["castle"] + ["office"] * 17, r"\[2\]\.use.*castle"),
    ],
)
def test_values_that_do_not_fit_name_the_row(tmp_path: Path, column: str, values: list, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        read_buildings(houses(tmp_path, **{column: values}))


def test_ids_that_appear_twice(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="more than once"):
        read_buildings(houses(tmp_path, fid2=[1] * 20), {"id": "fid2"})


def test_roads_need_a_class(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column says the road class"):
        read_roads(streets(tmp_path))
    with pytest.raises(SchemaError, match="no road has a known class"):
        read_roads(streets(tmp_path), {"road_class": {"value": "canal"}})
    ways, positions = ways_of_lines(read_roads(streets(tmp_path), MAPPING["roads"]).to_crs("EPSG:3067"))
    assert len(ways) == 11 and len(positions) == 30
    assert ways[0].tags == {"highway": "tertiary", "maxspeed": "40", "name": "a", "oneway": "no"}


def test_a_city_from_two_vector_files(tmp_path: Path) -> None:
    import_ = {"mapping": MAPPING, "country": "FI", "roads": streets(tmp_path)}
    city = import_city(houses(tmp_path), "blocks", **import_)
    assert len(city.buildings) == 20 and city.meta.crs == "EPSG:3067"
    assert len(city.nodes) == 30 and len(city.links) == 98
    assert city.links.index[0].startswith("streets/way/")
    assert (city.links["speed_limit_kmh"] == 40.0).all()
    assert city.links["length_m"].to_numpy() == pytest.approx(60.0, abs=0.2)
    assert {s.id for s in city.meta.sources} >= {"file:houses.gpkg", "file:streets.geojson"}
    assert all(len(s.sha256) == 64 for s in city.meta.sources[:2])
    again = import_city(houses(tmp_path, "same.gpkg"), "blocks", **import_)
    assert again.links.equals(city.links)


def test_mapping_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text("buildings: {height_m: hgt}\nroads: {road_class: class}\n")
    city = import_city(houses(tmp_path), "blocks", mapping=file, roads=streets(tmp_path))
    assert set(city.buildings["height_m_origin"]) == {"measured"}
    assert city.meta.country == "FI" and any("country" in line for line in city.meta.repairs)
    file.write_text("building: {height_m: hgt}\n")
    with pytest.raises(DataError, match="did you mean 'buildings'"):
        import_city(houses(tmp_path), "blocks", mapping=file, roads=streets(tmp_path))


def test_files_and_options_that_do_not_go_together(tmp_path: Path) -> None:
    path, roads = houses(tmp_path), streets(tmp_path)
    with pytest.raises(UsageError, match="needs roads"):
        import_city(path, "x")
    with pytest.raises(DataError, match="not read"):
        import_city(tmp_path / "x.csv", "x")
    with pytest.raises(DataError, match="no built-in climate normals are named"):
        import_city(path, "x", roads=roads, mapping=MAPPING, weather="atlantis")
    with pytest.raises(DataError, match="cannot be read"):
        import_city(tmp_path / "none.pbf", "x")
    shape = houses(tmp_path, "houses.shp")
    shape.with_suffix(".prj").unlink()
    with pytest.raises(CrsError, match="names no coordinate"):
        import_city(shape, "x", roads=roads, mapping=MAPPING)


def test_a_place_far_from_every_station_needs_weather(tmp_path: Path) -> None:
    def moved(path: Path) -> Path:
        layer = gpd.read_file(path).to_crs(3067)
        layer = layer.set_geometry(layer.geometry.translate(-EAST + 500_000, -NORTH + 4_000_000))
        far = tmp_path / f"far-{path.stem}.gpkg"
        layer.set_crs("EPSG:32635", allow_override=True).to_file(far)
        return far

    files = moved(houses(tmp_path)), moved(streets(tmp_path))
    with pytest.raises(TwinError, match="no built-in climate normals within 250 km"):
        import_city(files[0], "far", roads=files[1], mapping={"roads": {"road_class": "class"}})
    with pytest.raises(GeometryError, match="degrees from the buildings"):
        import_city(files[0], "far", roads=streets(tmp_path), mapping={"roads": {"road_class": "class"}})
