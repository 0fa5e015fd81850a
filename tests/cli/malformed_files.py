"""Malformed files to import: OSM PBF, vector files, archives and weather, each beside sound ones."""

# ruff: noqa: E501 (one line for each case)

from __future__ import annotations

import json
import os
import random
import sqlite3
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

from .malformed import Case, Words

Json = dict[str, Any]
SECRET = "name,x,y\nthe-secret,1,2\n"
VRT = """<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{}</SrcDataSource>
<GeometryType>wkbPoint</GeometryType><GeometryField encoding="PointFromColumns" x="x" y="y"/>
</OGRVRTLayer></OGRVRTDataSource>"""
IMPORT = ["import", "b.geojson", "--roads", "r.geojson", "--name", "x"]


def feature(shape: shapely.Geometry, **properties: object) -> Json:
    return {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(shape)}


def collection(*features: Json) -> Json:
    return {"type": "FeatureCollection", "features": list(features)}


def buildings() -> Json:
    """Return 12 houses in Helsinki."""
    corners = [(24.94 + k / 1000, 60.17 + j / 1000) for k in range(4) for j in range(3)]
    return collection(
        *(feature(shapely.box(x, y, x + 4e-4, y + 2e-4), id=k, height_m=9.5) for k, (x, y) in enumerate(corners))
    )


def roads() -> Json:
    """Return a small grid of streets."""
    xs, ys = [24.9395 + k / 1000 for k in range(5)], [60.1695 + k / 1000 for k in range(4)]
    lines = [[(x, y) for x in xs] for y in ys] + [[(x, y) for y in ys] for x in xs]
    return collection(*(feature(shapely.LineString(line), road_class="residential") for line in lines))


def frame(data: Json, crs: int | None = 4326) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame.from_features(data, crs=crs)


def imported(
    name: str,
    says: str,
    prepare: Callable[[Path], object],
    *more: str,
    code: int = 4,
    error: str | None = "DataError",
    file: str = "b.geojson",
) -> Case:
    """Return a case that imports sound buildings and roads after `prepare` has changed the folder."""

    def make(folder: Path, city: Path) -> Words:
        (folder / "b.geojson").write_text(json.dumps(buildings()))
        (folder / "r.geojson").write_text(json.dumps(roads()))
        prepare(folder)
        return [IMPORT[0], file, *IMPORT[2:], *more]

    return Case(name, make, code, error, says)


def edited(change: Callable[[Json], object], name: str = "b.geojson") -> Callable[[Path], None]:
    """Change the JSON of a file; numbers that are not finite are written as Python does."""

    def run(folder: Path) -> None:
        data = json.loads((folder / name).read_text())
        change(data)
        (folder / name).write_text(json.dumps(data))

    return run


def text(content: str | bytes, name: str = "b.geojson") -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def _height(value: object) -> Callable[[Json], None]:
    return lambda data: data["features"][2]["properties"].update(height_m=value)


def _corner(x: float, y: float) -> Callable[[Json], None]:
    return lambda data: data["features"][3]["geometry"]["coordinates"][0].__setitem__(1, [x, y])


def _moved(scale: float, east: float, north: float) -> Callable[[Json], None]:
    def change(data: Json) -> None:
        for item in data["features"]:
            rings = item["geometry"]["coordinates"]
            item["geometry"]["coordinates"] = [[[scale * x + east, scale * y + north] for x, y in r] for r in rings]

    return change


def _bow_tie(data: Json) -> None:
    ring = data["features"][0]["geometry"]["coordinates"][0]
    ring[1], ring[2] = ring[2], ring[1]


def _truncated(share: float, name: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return run


def _vrt(name: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        (folder / "secret.csv").write_text(SECRET)
        (folder / name).write_text(VRT.format(folder / "secret.csv"))

    return run


def _vector(
    name: str, crs: int | None = 4326, change: Callable[[gpd.GeoDataFrame], Any] = lambda f: f
) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a missing CRS, which is meant
            change(frame(buildings(), crs)).to_file(folder / name)

    return run


def _swapped(houses: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    metric = houses.to_crs(3067)
    return metric.set_geometry(shapely.transform(metric.geometry.array, lambda xy: xy[:, ::-1]), crs=3067)


def _without(suffix: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        _vector("b.shp")(folder)
        (folder / f"b{suffix}").unlink()

    return run


def _sqlite(folder: Path) -> None:
    with sqlite3.connect(folder / "b.gpkg") as database:
        database.execute("CREATE TABLE houses (a)")
    database.close()


def _damaged_gpkg(folder: Path) -> None:
    _vector("b.gpkg")(folder)
    _truncated(0.6, "b.gpkg")(folder)


def _zip(**members: bytes) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        with zipfile.ZipFile(folder / "b.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, content in members.items():
                zipped.writestr(name, content)

    return run


def _zip_bomb(declared: int | None = None, mib: int = 1200) -> Callable[[Path], None]:
    """Return a maker of an archive of about 1 MB that unpacks to 1.2 GB of blanks, or says that it is smaller."""

    def run(folder: Path) -> None:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        block = packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
        data = block * mib + packer.flush(zlib.Z_FINISH)
        size = mib * 2**20 if declared is None else declared
        fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, 0, len(data), size, 9, 0)
        local = b"PK\x03\x04" + fields + b"a.geojson" + data
        central = b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, 0) + b"a.geojson"
        end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
        (folder / "b.zip").write_bytes(local + central + end)

    return run


def _extract() -> bytes:
    import pyrosm

    return Path(pyrosm.get_data("test_pbf")).read_bytes()


def pbf(name: str, says: str, content: Callable[[], bytes], *, code: int = 4, error: str = "DataError") -> Case:
    """Return a case that imports an OSM extract."""

    def make(folder: Path, city: Path) -> Words:
        (folder / "e.osm.pbf").write_bytes(content())
        return ["import", "e.osm.pbf", "--name", "x"]

    return Case(name, make, code, error, says)


def _flipped() -> bytes:
    data = bytearray(_extract())
    data[len(data) // 2] ^= 0x55
    return bytes(data)


def _field(number: int, value: bytes | int) -> bytes:
    """Return a protocol buffer field."""

    def varint(n: int) -> bytes:
        return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def _frame(content: bytes, kind: bytes = b"OSMData") -> bytes:
    blob = _field(2, len(content)) + _field(3, zlib.compress(content, 9))
    header = _field(1, kind) + _field(3, len(blob))
    return struct.pack(">I", len(header)) + header + blob


def _header(feature: bytes = b"OsmSchema-V0.6") -> bytes:
    return _frame(_field(4, feature), b"OSMHeader")


def _noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


EPW_HEADER = """\
LOCATION,TESTVILLE,-,XXX,Made up,000000,60.20,25.00,2.0,20.0
DESIGN CONDITIONS,0
TYPICAL/EXTREME PERIODS,0
GROUND TEMPERATURES,0
HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0
COMMENTS 1,none
COMMENTS 2,none
DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31
"""
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
EPW = EPW_HEADER + "".join(
    f"2001,{month},{day},{hour},60,A7,5.0,1.0,80,101000,0,0,300,0,0,0,0,0,0,0,180,3.5,5,5\n"
    for month, days in enumerate(DAYS, start=1)
    for day in range(1, days + 1)
    for hour in range(1, 25)
)
CHANGE = "month,temperature_k\n" + "".join(f"{month},2\n" for month in range(1, 13))


def epw(name: str, says: str, content: str | bytes, *, code: int = 4, error: str = "WeatherError") -> Case:
    return imported(name, says, text(content, "w.epw"), "--weather", "w.epw", code=code, error=error)


UNSAFE: dict[str, Any] = {"code": 5, "error": "UnsafeFileError"}
FILES = [
    pbf("pbf-of-10-bytes", "e.osm.pbf: ", lambda: _extract()[:10]),
    pbf("pbf-cut-in-the-middle", "e.osm.pbf: the OSM PBF file is truncated", lambda: _extract()[:60_000]),
    pbf("pbf-without-its-last-byte", "e.osm.pbf: the OSM PBF file is truncated", lambda: _extract()[:-1]),
    pbf("pbf-empty", "e.osm.pbf", lambda: b""),
    pbf("pbf-of-text", "e.osm.pbf: this is not an OSM PBF file", lambda: b"<osm version='0.6'></osm>\n" * 40),
    pbf("pbf-of-noise", "e.osm.pbf: this is not an OSM PBF file", lambda: _noise(1, 50_000)),
    pbf("pbf-with-a-flipped-block", "e.osm.pbf: the OSM PBF file is damaged in the frame at byte", _flipped),
    pbf("pbf-block-of-noise", "e.osm.pbf: the OSM PBF file cannot be read", lambda: _header() + _frame(_noise(2, 5000))),
    pbf("pbf-without-data", "e.osm.pbf: the OSM PBF file holds no map data", _header),
    pbf("pbf-of-the-future", "e.osm.pbf: the OSM PBF file needs the feature", lambda: _header(b"LocationsOnWays-9") + _frame(b"")),
    pbf("pbf-bomb", "e.osm.pbf: ", lambda: _header() + _frame(bytes(31 << 20)) * 200, **UNSAFE),
    imported("geojson-truncated", "b.geojson: the JSON text is empty or ends too early", _truncated(0.7, "b.geojson")),
    imported("geojson-nan", "b.geojson[3].geometry: the JSON text holds NaN", edited(_corner(float("nan"), 60.17))),
    imported("geojson-infinity", "b.geojson[2].properties: the JSON text holds Infinity", edited(_height(float("inf")))),
    imported("geojson-of-metres", "the coordinates look like metres", edited(_moved(1e5, 0.0, 0.0)), error="CrsError"),
    imported("axes-swapped-in-degrees", "r.geojson: the roads lie 4", edited(_moved(1.0, 35.2, -35.2)), error="GeometryError"),
    imported("roads-of-another-city", "r.geojson: the roads lie 5.00 degrees from the buildings", edited(lambda d: [f["geometry"].update(coordinates=[[x + 5, y] for x, y in f["geometry"]["coordinates"]]) for f in d["features"]], "r.geojson"), error="GeometryError"),
    imported("duplicate-ids", "b.geojson[b/0]: 1 ids appear more than once", edited(lambda d: d["features"][1]["properties"].update(id=0)), error="SchemaError"),
    imported("negative-height", "b.geojson[2].height_m: -4.5 is not valid", edited(_height(-4.5)), error="SchemaError"),
    imported("height-in-words", "b.geojson[2].height_m: 'tall' is not valid", edited(_height("tall")), error="SchemaError"),
    imported("empty-collection", "b.geojson: ", text(json.dumps(collection())), error="GeometryError"),
    imported("buildings-that-are-lines", "buildings: ", text(json.dumps(roads())), error="GeometryError"),
    imported("roads-that-are-areas", "no road has a known class", text(json.dumps(collection(*(f | {"properties": {"road_class": "house"}} for f in buildings()["features"]))), "r.geojson"), error="SchemaError"),
    imported("bow-ties-are-repaired", "buildings: 1 outlines repaired (Self-intersection 1): b/0", edited(_bow_tie), code=0, error=None),
    imported("mapped-column-unknown", "b.geojson: the mapping of 'height_m' names a column", text("buildings: {height_m: hight}\n", "m.yaml"), "--mapping", "m.yaml"),
    imported("mapping-fills-unknown-column", "unknown column 'hight_m'", text("buildings: {hight_m: height_m}\n", "m.yaml"), "--mapping", "m.yaml"),
    imported("mapping-is-a-list", "m.yaml:1:1: the top level is not a mapping", text("[1, 2]\n", "m.yaml"), "--mapping", "m.yaml"),
    imported("mapping-of-the-wrong-shape", "m.yaml", text("buildings: height_m\n", "m.yaml"), "--mapping", "m.yaml"),
    imported("geojson-200k-nested-brackets", "b.geojson: the JSON text is nested deeper than 64", text('{"type":"FeatureCollection","features":' + "[" * 200_000 + "]" * 200_000 + "}"), **UNSAFE),
    imported("json-of-something-else", "b.geojson: the JSON text is not GeoJSON", text('{"a": 1}'), **UNSAFE),
    imported("vrt-as-geojson", "b.geojson: the name says GeoJSON, but", _vrt("b.geojson"), **UNSAFE),
    imported("vrt-as-roads", "r.geojson: the name says GeoJSON, but", _vrt("r.geojson"), **UNSAFE),
    imported("vrt-as-gpkg", "b.gpkg: the name says GeoPackage, but", _vrt("b.gpkg"), file="b.gpkg", **UNSAFE),
    imported("vsicurl", "virtual and network paths", lambda f: None, file="/vsicurl/http://127.0.0.1:9/b.geojson", **UNSAFE),
    imported("vsizip", "virtual and network paths", _zip(**{"b.geojson": json.dumps(buildings()).encode()}), file="/vsizip/b.zip/b.geojson", **UNSAFE),
    imported("url", "virtual and network paths", lambda f: None, file="https://127.0.0.1:9/b.geojson", **UNSAFE),
    imported("csv", "files named '.csv' are not read", text(SECRET, "b.csv"), file="b.csv"),
    imported("pipe", "b.fgb: the vector file is not a regular file", lambda f: os.mkfifo(f / "b.fgb"), file="b.fgb", **UNSAFE),
    imported("missing-file", "c.geojson: the vector file cannot be read", lambda f: None, file="c.geojson"),
    imported("zip-bomb", "b.zip: the archive unpacks to 1200.0 MiB", _zip_bomb(), file="b.zip", **UNSAFE),
    imported("zip-bomb-in-disguise", "b.zip: the zip archive is damaged", _zip_bomb(1000), file="b.zip"),
    imported("zip-packed-too-tightly", "b.zip: the member 'a.geojson' is compressed", _zip_bomb(mib=20), file="b.zip", **UNSAFE),
    imported("zip-traversal", "b.zip: the member '../b.geojson' leads out", _zip(**{"../b.geojson": b"{}"}), file="b.zip", **UNSAFE),
    imported("zip-of-a-vrt", "b.zip (layer.geojson): the name says GeoJSON", lambda f: (_vrt("v")(f), _zip(**{"a.geojson": (f / "v").read_bytes()})(f)), file="b.zip", **UNSAFE),
    imported("gpkg-truncated", "b.gpkg: the file is truncated or damaged", _damaged_gpkg, file="b.gpkg"),
    imported("gpkg-that-is-any-sqlite", "b.gpkg: an SQLite database that is not a GeoPackage", _sqlite, file="b.gpkg", **UNSAFE),
    imported("gpkg-without-crs", "b.gpkg: ", _vector("b.gpkg", None), file="b.gpkg", error="CrsError"),
    imported("gpkg-axes-swapped", "the axes look swapped", _vector("b.gpkg", change=_swapped), file="b.gpkg", error="CrsError"),
    imported("shapefile-without-shx", "b.shp: the Shapefile lacks .shx", _without(".shx"), file="b.shp"),
    imported("shapefile-without-dbf", "b.shp: the Shapefile lacks .dbf", _without(".dbf"), file="b.shp"),
    imported("shapefile-without-prj", "b.shp: the layer names no coordinate reference system", _without(".prj"), file="b.shp", error="CrsError"),
    imported("parquet-of-noise", "b.parquet: the file is truncated or damaged", text(b"PAR1" + _noise(3, 4000) + b"PAR1", "b.parquet"), file="b.parquet"),
    imported("flatgeobuf-of-noise", "b.fgb: the file", text(b"fgb\x03fgb\x00" + _noise(4, 4000), "b.fgb"), file="b.fgb", error="GeometryError"),
    imported("zones-of-nan", "--zone-size", lambda f: None, "--zone-size", "nan", code=2, error="UsageError"),
    imported("clock-of-nan", "--utc-offset", lambda f: None, "--utc-offset", "nan", code=2, error="UsageError"),
    imported("country-in-words", "'Norge' is not a country code", lambda f: None, "--country", "Norge", error="SchemaError"),
    epw("epw-truncated", "w.epw", EPW[: len(EPW) // 2]),
    epw("epw-cut-between-rows", "w.epw: the weather file holds 4000 hours", "\n".join(EPW.split("\n")[:4008]) + "\n"),
    epw("epw-sub-hourly", "w.epw:8:16: the weather file has not one record per hour", EPW.replace("DATA PERIODS,1,1", "DATA PERIODS,1,4")),
    epw("epw-with-a-word", "w.epw:9:18: temperature_c is 'warm'", EPW.replace("A7,5.0", "A7,warm", 1)),
    epw("epw-all-missing", "w.epw, field 7: temperature_c is missing in 8760 hours", EPW.replace("A7,5.0", "A7,99.9")),
    epw("epw-far-away", "the weather is from a place", EPW.replace("60.20,25.00,2.0", "48.20,16.40,1.0")),
    epw("epw-on-the-other-hemisphere", "the weather is from a place", EPW.replace("60.20,", "-60.20,", 1)),
    epw("epw-latitude-of-95", "w.epw:1:41: the latitude '95' is not valid", EPW.replace("60.20", "95", 1)),
    epw("epw-that-is-packed", "w.epw: the weather file is compressed", b"PK\x03\x04" + bytes(100), **UNSAFE),
    imported("climate-change", "weather: changed by the months of c.csv", text(CHANGE, "c.csv"), "--climate-change", "c.csv", code=0, error=None),
    imported("climate-change-in-words", "c.csv:3:2: temperature_k is 'warm'", text(CHANGE.replace("\n2,2", "\n2,warm"), "c.csv"), "--climate-change", "c.csv"),
    imported("climate-change-of-eleven-months", "c.csv: month 12 is missing", text(CHANGE.replace("12,2\n", ""), "c.csv"), "--climate-change", "c.csv"),
]  # fmt: skip
