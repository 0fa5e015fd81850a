"""The guarded door: what is read, what is refused, and by which name."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely import box

from twin.city.door import check_size, open_vector, sha256
from twin.errors import DataError, GeometryError, TwinError, UnsafeFileError

SECRET = "name,x,y\nthe secret,1,2\n"
VRT = """<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{}</SrcDataSource>
<GeometryType>wkbPoint</GeometryType><GeometryField encoding="PointFromColumns" x="x" y="y"/>
</OGRVRTLayer></OGRVRTDataSource>"""


@pytest.fixture
def frame() -> gpd.GeoDataFrame:
    shapes = [box(24.94 + k / 1000, 60.16, 24.9405 + k / 1000, 60.161) for k in range(5)]
    return gpd.GeoDataFrame({"height": np.arange(5) + 3.5, "label": list("abcde")}, geometry=shapes, crs="EPSG:4326")


def write(frame: gpd.GeoDataFrame, folder: Path, suffix: str) -> Path:
    path = folder / f"houses{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path)
    elif suffix == ".zip":
        frame.to_file(folder / "houses.shp")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
            for part in ("shp", "shx", "dbf", "prj", "cpg"):
                zipped.write(folder / f"houses.{part}", f"inner/houses.{part}")
    else:
        frame.to_file(path)
    return path


def geojson(folder: Path, coordinates: str = "[1,2]", value: str = "1", name: str = "x.geojson") -> Path:
    features = (
        '{"type":"Feature","properties":{"a":1},"geometry":{"type":"Point","coordinates":[1,2]}},'
        f'{{"type":"Feature","properties":{{"a":{value}}},"geometry":{{"type":"Point","coordinates":{coordinates}}}}}'
    )
    path = folder / name
    path.write_text(f'{{"type":"FeatureCollection","features":[{features}]}}')
    return path


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp", ".fgb", ".parquet", ".zip"])
def test_every_format_gives_the_same_features(frame: gpd.GeoDataFrame, tmp_path: Path, suffix: str) -> None:
    got = open_vector(write(frame, tmp_path, suffix)).sort_values("label", ignore_index=True)
    assert got.crs.to_epsg() == 4326
    np.testing.assert_array_equal(got["height"], frame["height"])
    assert got.geometry.normalize().geom_equals_exact(frame.geometry.normalize(), 1e-9).all()


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp", ".fgb", ".parquet", ".zip"])
def test_truncated_files_are_named(frame: gpd.GeoDataFrame, tmp_path: Path, suffix: str) -> None:
    path = write(frame, tmp_path, suffix)
    data = path.read_bytes()
    for share in (0.02, 0.3, 0.6, 0.9, 0.999):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(TwinError) as error:
            open_vector(path)
        assert path.name in str(error.value)
        assert isinstance(error.value, (DataError, UnsafeFileError))


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp", ".fgb", ".parquet", ".zip"])
def test_damaged_bytes_give_a_named_error_or_a_table(frame: gpd.GeoDataFrame, tmp_path: Path, suffix: str) -> None:
    path = write(frame, tmp_path, suffix)
    data = np.frombuffer(path.read_bytes(), np.uint8)
    generator = np.random.Generator(np.random.Philox(5))
    for _ in range(12):
        damaged = data.copy()
        damaged[generator.integers(0, len(data), 20)] = generator.integers(0, 256, 20)
        path.write_bytes(damaged.tobytes())
        try:
            assert "geometry" in open_vector(path)
        except TwinError as error:
            assert path.name in str(error)


@pytest.mark.parametrize("first", ["", "import pyogrio; pyogrio.list_drivers()", "import geopandas, pyogrio"])
@pytest.mark.parametrize("name", ["x.geojson", "x.gpkg", "x.shp", "x.fgb", "x.json"])
def test_disguised_vrt_reads_no_other_file(tmp_path: Path, first: str, name: str) -> None:
    (tmp_path / "secret.csv").write_text(SECRET)
    (tmp_path / name).write_text(VRT.format(tmp_path / "secret.csv"))
    code = f"{first}\nfrom twin.city.door import open_vector\nprint(open_vector({str(tmp_path / name)!r}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "UnsafeFileError" in result.stderr
    assert "the secret" not in result.stdout + result.stderr


def test_without_the_sniffing_the_skipped_driver_alone_refuses_a_vrt(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(SECRET)
    (tmp_path / "x.geojson").write_text(VRT.format(tmp_path / "secret.csv"))
    code = (
        "import os\nfrom twin.city.door import load_pyogrio\npyogrio = load_pyogrio()\n"
        "assert 'OGR_SKIP' not in os.environ\n"
        "print(sorted(pyogrio.list_drivers()))\n"
        f"print(pyogrio.read_dataframe({str(tmp_path / 'x.geojson')!r}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.splitlines()[0] == "['ESRI Shapefile', 'FlatGeobuf', 'GPKG', 'GeoJSON', 'MEM']"
    assert "DataSourceError" in result.stderr and "the secret" not in result.stdout


def test_gdal_pipeline_in_disguise_is_not_run(tmp_path: Path) -> None:
    write_to = tmp_path / "written.geojson"
    text = {
        "type": "gdal_streamed_alg",
        "command_line": f"gdal vector pipeline ! read {geojson(tmp_path, name='a.geojson')} ! write {write_to}",
        "note": "FeatureCollection",
    }
    for name in ("x.geojson", "x.json"):
        (tmp_path / name).write_text(json.dumps(text | {"also": {"type": "FeatureCollection"}}))
        with pytest.raises(TwinError):
            open_vector(tmp_path / name)
    assert not write_to.exists()


@pytest.mark.parametrize(
    "path", ["/vsicurl/http://h/x.geojson", "/vsizip//tmp/a.zip/x.shp", "http://h/x.geojson", "zip://a"]
)
def test_virtual_paths_are_refused(path: str) -> None:
    with pytest.raises(UnsafeFileError, match="virtual and network"):
        open_vector(path)


def test_size_missing_folder_and_pipe(tmp_path: Path) -> None:
    path = geojson(tmp_path)
    assert check_size(path, max_bytes=10_000) == path.resolve()
    with pytest.raises(UnsafeFileError, match="MiB"):
        open_vector(path, max_bytes=10)
    with pytest.raises(DataError, match="No such file"):
        open_vector(tmp_path / "none.geojson")
    with pytest.raises(UnsafeFileError, match="not a regular file"):
        open_vector(tmp_path)
    os.mkfifo(tmp_path / "pipe.geojson")
    with pytest.raises(UnsafeFileError, match="not a regular file"):
        open_vector(tmp_path / "pipe.geojson")
    (tmp_path / "empty.geojson").touch()
    with pytest.raises(DataError, match="is empty"):
        open_vector(tmp_path / "empty.geojson")
    assert len(sha256(path)) == 64


def test_content_must_be_what_the_name_says(frame: gpd.GeoDataFrame, tmp_path: Path) -> None:
    package = write(frame, tmp_path, ".gpkg")
    shutil.copy(package, tmp_path / "x.geojson")
    with pytest.raises(UnsafeFileError, match="name says GeoJSON, but the content is GeoPackage"):
        open_vector(tmp_path / "x.geojson")
    (tmp_path / "x.kml").write_text("<kml/>")
    with pytest.raises(UnsafeFileError, match="not opened"):
        open_vector(tmp_path / "x.kml")
    (tmp_path / "x.json").write_text('{"a": 1}')
    with pytest.raises(UnsafeFileError, match="not GeoJSON"):
        open_vector(tmp_path / "x.json")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_json_numbers_that_are_not_finite_name_the_row(tmp_path: Path, number: str) -> None:
    with pytest.raises(DataError, match=r"\[1\]\.geometry.*not a number"):
        open_vector(geojson(tmp_path, coordinates=f"[{number},2]"))
    with pytest.raises(DataError, match=r"\[1\]\.properties.*not a number"):
        open_vector(geojson(tmp_path, value=number))
    assert len(open_vector(geojson(tmp_path, value=f'"{number} \\" {number}"'))) == 2


def test_huge_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1e999"):
        open_vector(geojson(tmp_path, coordinates="[1e999,2]"))


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet"])
def test_coordinates_that_are_not_finite_name_the_row(frame: gpd.GeoDataFrame, tmp_path: Path, suffix: str) -> None:
    shapes = list(frame.geometry)
    shapes[3] = box(0, 0, 1, np.inf)
    path = write(frame.set_geometry(gpd.GeoSeries(shapes, crs=4326)), tmp_path, suffix)
    with pytest.raises((GeometryError, DataError)):
        open_vector(path)
    if suffix == ".parquet":
        with pytest.raises(GeometryError, match=r"\[3\]\.geometry"):
            open_vector(path)


def test_infinite_attribute_names_row_and_column(frame: gpd.GeoDataFrame, tmp_path: Path) -> None:
    frame.loc[2, "height"] = np.inf
    with pytest.raises(DataError, match=r"\[2\]\.height"):
        open_vector(write(frame, tmp_path, ".parquet"))


def test_deep_nesting_is_refused_quickly(tmp_path: Path) -> None:
    path = tmp_path / "deep.geojson"
    path.write_text('{"type":"FeatureCollection","features":' + "[" * 200_000 + "]" * 200_000 + "}")
    code = (
        "from pathlib import Path\nfrom twin.city.door import open_vector\n"
        f"try:\n    open_vector({str(path)!r})\nexcept Exception as e:\n    print(type(e).__name__)\n"
        # The peak of this process alone: ru_maxrss would start from that of the process that made it.
        "status = Path('/proc/self/status')\n"
        "print(status.read_text().split('VmHWM:')[1].split()[0] if status.exists() else 0)"
    )
    start = time.perf_counter()
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert time.perf_counter() - start < 5.0
    name, kib = result.stdout.split()
    assert name == "UnsafeFileError" and int(kib) < 500 * 1024


def test_layers_and_columns_are_named(frame: gpd.GeoDataFrame, tmp_path: Path) -> None:
    path = tmp_path / "two.gpkg"
    frame.to_file(path, layer="houses")
    frame.to_file(path, layer="sheds")
    with pytest.raises(DataError, match="several layers"):
        open_vector(path)
    with pytest.raises(DataError, match="did you mean 'houses'"):
        open_vector(path, layer="house")
    with pytest.raises(DataError, match="did you mean 'height'"):
        open_vector(path, layer="houses", columns=["heigth"])
    assert list(open_vector(path, layer="houses", columns=["height"]).columns) == ["height", "geometry"]


def archive(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in members.items():
            zipped.writestr(name, data)
    return path


def test_zip_bombs_and_paths_are_refused(tmp_path: Path) -> None:
    inner = geojson(tmp_path).read_bytes()
    assert len(open_vector(archive(tmp_path, {"a.geojson": inner, "readme.txt": b"x"}))) == 2
    with pytest.raises(UnsafeFileError, match="to 1"):
        open_vector(archive(tmp_path, {"a.geojson": b" " * (20 << 20)}))
    with pytest.raises(UnsafeFileError, match="unpacks to"):
        open_vector(archive(tmp_path, {"a.geojson": inner, "b": b"ab" * 50_000}), max_bytes=50_000)
    for name in ("../a.geojson", "/etc/a.geojson", "..\\a.geojson", "c:/a.geojson"):
        with pytest.raises(UnsafeFileError, match="leads out"):
            open_vector(archive(tmp_path, {name: inner}))
    with pytest.raises(UnsafeFileError, match="members"):
        open_vector(archive(tmp_path, {f"{k}.txt": b"" for k in range(1001)}))
    with pytest.raises(DataError, match="2 vector files"):
        open_vector(archive(tmp_path, {"a.geojson": inner, "b.geojson": inner}))
    link = zipfile.ZipInfo("a.geojson")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as zipped:
        zipped.writestr(link, "/etc/passwd")
    with pytest.raises(UnsafeFileError, match="link"):
        open_vector(tmp_path / "x.zip")


def test_zip_that_lies_about_its_sizes(tmp_path: Path) -> None:
    path = archive(tmp_path, {"a.geojson": b" " * (8 << 20)})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 1000)
    path.write_bytes(data)
    with pytest.raises((DataError, UnsafeFileError)):
        open_vector(path)


def test_a_vrt_inside_a_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(SECRET)
    text = VRT.format(tmp_path / "secret.csv").encode()
    with pytest.raises(UnsafeFileError, match="name says GeoJSON"):
        open_vector(archive(tmp_path, {"a.geojson": text}))


def test_virtual_tables_are_refused(frame: gpd.GeoDataFrame, tmp_path: Path) -> None:
    import sqlite3

    path = write(frame, tmp_path, ".gpkg")
    with sqlite3.connect(path) as database:
        database.execute("CREATE VIRTUAL TABLE texts USING fts4(a)")
    database.close()
    with pytest.raises(UnsafeFileError, match="virtual table"):
        open_vector(path)
