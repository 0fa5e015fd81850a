"""Height rasters of unknown origin: what is read, what is refused by name, and how rasters come on one grid."""

from __future__ import annotations

import dataclasses
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.raster import Raster, read_raster
from twin.city.raster_align import Heights, align, burn
from twin.errors import CrsError, DataError, GeometryError, TwinError, UnsafeFileError

rasterio = pytest.importorskip("rasterio")
from rasterio.transform import Affine  # noqa: E402

CRS = "EPSG:25832"
WEST, NORTH = 500_000.0, 5_600_000.0
HILL = (100.0 + np.arange(48, dtype=np.float32).reshape(6, 8) / 10).astype(np.float32)


def from_origin(west: float, north: float, width: float, height: float) -> Affine:
    return Affine(width, 0, west, 0, -height, north)


def write(path: Path, values: Any = HILL, **options: Any) -> Path:
    """Write a GeoTIFF; options override those of a sound one."""
    bands = np.asarray(values)[None] if np.ndim(values) == 2 else np.asarray(values)
    metadata = options.pop("metadata", {})
    profile = {
        "driver": "GTiff",
        "count": bands.shape[0],
        "height": bands.shape[1],
        "width": bands.shape[2],
        "dtype": bands.dtype,
        "crs": CRS,
        "transform": from_origin(WEST, NORTH, 1.0, 1.0),
    } | options
    path.parent.mkdir(parents=True, exist_ok=True)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", **profile) as file:
            file.write(bands.astype(profile["dtype"]))
            for name, value in metadata.items():
                setattr(file, name, value)
    return path


def test_a_sound_file(tmp_path: Path) -> None:
    raster = read_raster(write(tmp_path / "a.tif", nodata=-9999.0))
    assert np.array_equal(raster.values, HILL) and raster.values.dtype == np.float32
    assert (raster.west, raster.north, raster.cell_m, raster.crs) == (WEST, NORTH, 1.0, CRS)
    assert raster.bounds == (WEST, NORTH - 6, WEST + 8, NORTH)
    assert raster.step_m == 0.0 and not raster.missing.any()


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "float64", "uint8"])
@pytest.mark.parametrize("compress", [None, "deflate", "lzw", "zstd"])
def test_types_and_codecs(tmp_path: Path, dtype: str, compress: str | None) -> None:
    raster = read_raster(write(tmp_path / "a.tif", HILL.round(), dtype=dtype, compress=compress))
    assert np.array_equal(raster.values, HILL.round())
    assert raster.step_m == (0.0 if dtype == "float64" else 1.0)


def test_scale_offset_and_no_data(tmp_path: Path) -> None:
    stored = np.full((6, 8), 1500, np.int16)
    stored[0, 0] = -32768
    path = write(tmp_path / "a.tif", stored, nodata=-32768, metadata={"scales": (0.1,), "offsets": (50.0,)})
    raster = read_raster(path)
    assert raster.missing.sum() == 1 and raster.missing[0, 0]
    assert raster.values[1, 1] == pytest.approx(200.0) and raster.step_m == pytest.approx(0.1)


def test_undeclared_no_data_can_be_named(tmp_path: Path) -> None:
    values = HILL.copy()
    values[2, 3] = -9999.0
    path = write(tmp_path / "a.tif", values)
    with pytest.raises(DataError, match=r"row 2, column 3.*-9999") as caught:
        read_raster(path)
    assert "nodata" in str(caught.value.remedy)
    assert read_raster(path, nodata=-9999.0).missing.sum() == 1


def test_nan_is_no_data_and_an_inner_mask_too(tmp_path: Path) -> None:
    values = HILL.copy()
    values[1, 1] = np.nan
    assert read_raster(write(tmp_path / "a.tif", values)).missing.sum() == 1
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(tmp_path / "a.tif", "r+") as file:
        file.write_mask(np.arange(48).reshape(6, 8) > 3)
    assert read_raster(tmp_path / "a.tif").missing.sum() == 5


def test_rows_from_the_south_are_turned(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", HILL[::-1], transform=Affine(1, 0, WEST, 0, 1, NORTH - 6))
    raster = read_raster(path)
    assert np.array_equal(raster.values, HILL) and (raster.west, raster.north) == (WEST, NORTH)
    part = read_raster(path, bounds=(WEST + 1, NORTH - 3, WEST + 4, NORTH - 1))
    assert np.array_equal(part.values, HILL[1:3, 1:4]) and (part.west, part.north) == (WEST + 1, NORTH - 1)


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 7.9), st.floats(0.01, 9), st.floats(0, 5.9), st.floats(0.01, 9))
def test_a_part_is_the_part_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, left: float, width: float, top: float, height: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "window.tif"
    if not path.exists():
        write(path)
    bounds = (WEST + left, NORTH - top - height, WEST + left + width, NORTH - top)
    part = read_raster(path, bounds=bounds)
    row, column = round(NORTH - part.north), round(part.west - WEST)
    rows, columns = part.values.shape
    assert np.array_equal(part.values, HILL[row : row + rows, column : column + columns])
    west, south, east, north = part.bounds
    assert west <= bounds[0] and (east >= bounds[2] or east == WEST + 8)
    assert north >= bounds[3] and (south <= bounds[1] or south == NORTH - 6)


def test_compound_and_unregistered_systems(tmp_path: Path) -> None:
    assert read_raster(write(tmp_path / "a.tif", crs="EPSG:25832+7837")).crs == CRS
    own = "+proj=tmerc +lat_0=50 +lon_0=9 +k=1 +x_0=500000 +y_0=5600000 +datum=WGS84 +units=m"
    raster = read_raster(write(tmp_path / "b.tif", crs=own))
    assert "PROJCRS" in raster.crs
    assert align(raster, raster).crs == raster.crs


def test_sidecars_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif")
    (tmp_path / "a.tif.aux.xml").write_text(
        "<PAMDataset><SRS>EPSG:4326</SRS><PAMRasterBand band='1'><NoDataValue>100.3</NoDataValue>"
        "<Metadata domain='OVERVIEWS'><MDI key='OVERVIEW_FILE'>/etc/passwd</MDI></Metadata>"
        "</PAMRasterBand></PAMDataset>"
    )
    (tmp_path / "a.tfw").write_text("9\n0\n0\n-9\n0\n0\n")
    (tmp_path / "a.tif.ovr").write_bytes(b"II*\x00broken")
    (tmp_path / "a.tif.msk").write_bytes(b"II*\x00broken")
    raster = read_raster(path)
    assert np.array_equal(raster.values, HILL) and raster.cell_m == 1.0 and raster.crs == CRS


def test_cells_that_are_nearly_square_are_usual(tmp_path: Path) -> None:
    raster = read_raster(write(tmp_path / "a.tif", transform=from_origin(WEST, NORTH, 2.5021, 2.5024)))
    assert raster.cell_m == pytest.approx((2.5021 * 2.5024) ** 0.5)
    large = np.zeros((10, 6000), np.float32)
    with pytest.raises(GeometryError, match="not square"):
        read_raster(write(tmp_path / "b.tif", large, transform=from_origin(WEST, NORTH, 2.5021, 2.5033)))


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[Path], Path]
    error: type[TwinError]
    says: str
    kind: str = "surface"


def option(
    name: str, error: type[TwinError], says: str, values: Any = HILL, kind: str = "surface", **more: Any
) -> Case:
    return Case(name, lambda folder: write(folder / "a.tif", values, **more), error, says, kind)


def data(name: str, error: type[TwinError], says: str, content: bytes, file: str = "a.tif") -> Case:
    def make(folder: Path) -> Path:
        (folder / file).write_bytes(content)
        return folder / file

    return Case(name, make, error, says)


def changed(name: str, error: type[TwinError], says: str, change: Callable[[bytes], bytes]) -> Case:
    def make(folder: Path) -> Path:
        path = write(folder / "a.tif", np.tile(HILL, (20, 20)), compress="deflate")
        path.write_bytes(change(path.read_bytes()))
        return path

    return Case(name, make, error, says)


def vrt(folder: Path) -> Path:
    inner = write(folder / "inner.tif")
    (folder / "a.tif").write_text(
        f"<VRTDataset rasterXSize='8' rasterYSize='6'><SRS>{CRS}</SRS><VRTRasterBand dataType='Float32' band='1'>"
        f"<SimpleSource><SourceFilename>{inner}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return folder / "a.tif"


def huge(width: int, height: int) -> Callable[[Path], Path]:
    """A sparse file that declares far more cells than it holds."""

    def make(folder: Path) -> Path:
        transform = from_origin(300_000, 6_100_000, 1, 1)
        options = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": CRS, "transform": transform}
        with rasterio.open(folder / "a.tif", "w", width=width, height=height, tiled=True, sparse_ok=True, **options):
            pass
        return folder / "a.tif"

    return make


def one_block(folder: Path) -> Path:
    options = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": CRS, "transform": from_origin(3e5, 6.1e6, 1, 1)}
    tile = {"tiled": True, "blockxsize": 16384, "blockysize": 16384, "sparse_ok": True, "compress": "deflate"}
    with rasterio.open(folder / "a.tif", "w", width=15_000, height=10_000, **tile, **options):
        pass
    return folder / "a.tif"


def pages(folder: Path) -> Path:
    """Append a copy of the only image directory."""
    path = write(folder / "a.tif")
    content = path.read_bytes()
    at = struct.unpack("<I", content[4:8])[0]
    end = at + 2 + 12 * struct.unpack("<H", content[at : at + 2])[0]
    path.write_bytes(
        content[:end] + struct.pack("<I", len(content)) + content[end + 4 :] + content[at:end] + struct.pack("<I", 0)
    )
    return path


def directory_loop(content: bytes) -> bytes:
    """Make the only image directory follow itself."""
    at = struct.unpack("<I", content[4:8])[0]
    end = at + 2 + 12 * struct.unpack("<H", content[at : at + 2])[0]
    return content[:end] + struct.pack("<I", at) + content[end + 4 :]


def strip_outside(content: bytes) -> bytes:
    """Let the first strip start beyond the end of the file."""
    at = struct.unpack("<I", content[4:8])[0]
    for k in range(struct.unpack("<H", content[at : at + 2])[0]):
        entry = at + 2 + 12 * k
        tag, kind, count, value = struct.unpack("<HHII", content[entry : entry + 12])
        if tag == 273:
            where = value if count > 1 else entry + 8
            size = {3: 2, 4: 4}[kind]
            return content[:where] + b"\xf0" * size + content[where + size :]
    raise AssertionError("no strips")


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "a.tif")
    return folder / "a.tif"


def hole(value: float, where: Any = (2, 3)) -> np.ndarray:
    values = HILL.copy()
    values[where] = value
    return values


CASES = [
    Case("no file", lambda folder: folder / "a.tif", DataError, "cannot be read"),
    Case("a folder", lambda folder: folder, UnsafeFileError, "not a regular file"),
    Case("a pipe", fifo, UnsafeFileError, "not a regular file"),
    Case("virtual path", lambda folder: Path("/vsizip/a.zip/a.tif"), UnsafeFileError, "virtual and network"),
    Case("curl path", lambda folder: Path("/vsicurl/http:/example.org/a.tif"), UnsafeFileError, "virtual and network"),
    data("empty", DataError, "is empty", b""),
    data("text", UnsafeFileError, "something else", b"these are no heights"),
    data("another suffix", UnsafeFileError, "not opened as rasters", b"II*\x00", "a.asc"),
    data("header only", DataError, "truncated or damaged", b"II*\x00"),
    data("directory beyond the end", DataError, "truncated or damaged", b"II*\x00\xff\xff\x00\x00" + bytes(100)),
    data("BigTIFF of nothing", DataError, "truncated or damaged", b"II+\x00\x08\x00\x00\x00" + b"\xff" * 8),
    Case("virtual dataset named .tif", vrt, UnsafeFileError, "something else"),
    changed("cut off", DataError, "truncated or damaged", lambda b: b[: len(b) // 2]),
    changed("last byte missing", DataError, "truncated or damaged", lambda b: b[:-400]),
    changed("packed data broken", DataError, "truncated or damaged", lambda b: b[:700] + bytes(300) + b[1000:]),
    changed("strip beyond the end", DataError, "truncated or damaged", strip_outside),
    Case("too many cells", huge(100_000, 50_000), UnsafeFileError, "5 000 000 000 cells"),
    Case("one giant block", one_block, UnsafeFileError, "a block of the raster has 268 435 456"),
    option("two bands", DataError, "2 bands", np.stack([HILL, HILL])),
    option("a photograph", DataError, "3 bands", np.stack([HILL] * 3).astype(np.uint8), photometric="rgb"),
    option("complex numbers", DataError, "complex", HILL.astype(np.complex64)),
    option("a coloured picture", DataError, "coloured picture", HILL.astype(np.uint8), photometric="palette"),
    option("lossy codec", UnsafeFileError, "packed as jpeg", np.tile(HILL, (4, 4)).astype(np.uint8), compress="jpeg"),
    option("heights in feet", DataError, "'ft'", metadata={"units": ("ft",)}),
    option("scale of zero", DataError, "scale", metadata={"scales": (0.0,)}),
    option("turned", GeometryError, "turned or sheared", transform=Affine(0.9, 0.4, WEST, 0.4, -0.9, NORTH)),
    option("sheared", GeometryError, "turned or sheared", transform=Affine(1, 0.2, WEST, 0, -1, NORTH)),
    option("oblong cells", GeometryError, "not square", transform=from_origin(WEST, NORTH, 1, 2)),
    option("from east to west", GeometryError, "east to west", transform=Affine(-1, 0, WEST, 0, -1, NORTH)),
    option("no georeference", GeometryError, "no georeference", transform=Affine.identity()),
    option("cells of no width", GeometryError, "no georeference", transform=Affine(0, 0, WEST, 0, -1, NORTH)),
    option("endless cells", GeometryError, "not finite", transform=Affine(float("inf"), 0, WEST, 0, -1, NORTH)),
    option("cells of a kilometre", GeometryError, "1000 m wide", transform=from_origin(WEST, NORTH, 1000, 1000)),
    option("cells of a centimetre", GeometryError, "0.01 m wide", transform=from_origin(WEST, NORTH, 0.01, 0.01)),
    option("no reference system", CrsError, "names no coordinate reference system", crs=None),
    option("degrees", CrsError, "in degrees", crs="EPSG:4326", transform=from_origin(9, 50, 1e-5, 1e-5)),
    option("geocentric", CrsError, "geocentric", crs="EPSG:4978"),
    option("feet on the ground", CrsError, "US survey foot", crs="EPSG:2263"),
    option("no place on Earth", CrsError, "not tied to the Earth", crs='LOCAL_CS["plan",UNIT["metre",1]]'),
    option("outside the area of use", CrsError, "outside the area of use", transform=from_origin(5e6, 1e5, 1, 1)),
    option("axes swapped", CrsError, "outside the area of use", transform=from_origin(NORTH, WEST, 1, 1)),
    option("no data at all", DataError, "no data at all", np.full((6, 8), -9999.0, np.float32), nodata=-9999),
    option("nothing but NaN", DataError, "no data at all", np.full((6, 8), np.nan, np.float32)),
    option("infinite height", DataError, "row 2, column 3", hole(np.inf)),
    option("undeclared no data", DataError, "no heights", hole(-32768.0)),
    option("undeclared largest float", DataError, "no heights", hole(3.4e38)),
    option("doubles beyond float32", DataError, "no heights", np.full((6, 8), 1e300)),
    option("higher than Everest", DataError, "no heights", hole(12_000.0)),
    option("below all land", DataError, "no heights", hole(-800.0), kind="ground"),
    option("a tree of 300 m", DataError, "canopy model", np.full((6, 8), 300.0), kind="canopy"),
    option("crowns below ground", DataError, "no heights", np.full((6, 8), -30.0), kind="canopy"),
    option("sea level as height above ground", DataError, "no heights", np.full((6, 8), 1500.0), kind="height"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_malformed_rasters(case: Case, tmp_path: Path) -> None:
    with pytest.raises(TwinError) as caught:
        read_raster(case.make(tmp_path), case.kind)
    assert isinstance(caught.value, case.error), caught.value
    assert case.says in str(caught.value)
    assert caught.value.where and len(str(caught.value)) < 1000


def test_several_images_in_one_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds 2 images"):
        read_raster(pages(tmp_path))


def test_a_directory_that_follows_itself_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif")
    path.write_bytes(directory_loop(path.read_bytes()))
    try:
        assert np.array_equal(read_raster(path).values, HILL)
    except DataError as error:
        assert "damaged" in str(error)


def test_too_large_a_file(tmp_path: Path) -> None:
    with pytest.raises(UnsafeFileError, match="MiB"):
        read_raster(write(tmp_path / "a.tif"), max_bytes=100)


def test_an_extent_outside_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif")
    for bounds in ((0, 0, 1, 1), (WEST, NORTH, WEST - 1, NORTH + 1), (np.nan, 0, 1, 1)):
        with pytest.raises(GeometryError, match="extent"):
            read_raster(path, bounds=bounds)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_bytes_never_crash(tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject) -> None:
    folder = tmp_path_factory.getbasetemp()
    sound = folder / "sound.tif"
    if not sound.exists():
        write(sound, compress="deflate")
    content = bytearray(sound.read_bytes())
    for _ in range(draw.draw(st.integers(1, 6))):
        content[draw.draw(st.integers(4, len(content) - 1))] = draw.draw(st.integers(0, 255))
    (folder / "damaged.tif").write_bytes(bytes(content[: draw.draw(st.integers(8, len(content)))]))
    try:
        raster = read_raster(folder / "damaged.tif", max_cells=10_000_000)
    except TwinError as error:
        assert error.where
    else:
        assert np.isfinite(raster.values[~raster.missing]).all()


def test_without_rasterio_the_extra_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif")
    script = (
        "import sys; sys.modules['rasterio'] = None\n"
        "from twin.city.raster import read_raster\nfrom twin.errors import MissingExtraError\n"
        f"try: read_raster({str(path)!r})\nexcept MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert "'.[raster]'" in done.stdout, done.stderr


# --- alignment ---------------------------------------------------------------------------------------------------


def grid(values: Any, *, west: float = WEST, north: float = NORTH, cell_m: float = 1.0, crs: str = CRS, **more: Any) -> Raster:  # noqa: E501  # fmt: skip
    return Raster(np.asarray(values, np.float32), west, north, cell_m, crs, **more)


def test_aligned_rasters_pass_through() -> None:
    heights = align(grid(HILL + 5, where="dsm.tif"), grid(HILL), grid(np.zeros((6, 8))))
    assert np.array_equal(heights.surface_m, HILL + 5) and np.array_equal(heights.ground_m, HILL)
    assert heights.repairs == ()
    assert align(grid(HILL), grid(HILL)).canopy_m.shape == (0, 0)


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-3, 3), st.floats(-3, 3), st.floats(0.4, 3), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(0, 99)
)
def test_a_sloping_ground_is_interpolated_exactly(
    east: float, north: float, cell: float, a: float, b: float, base: float
) -> None:
    """Bilinear interpolation keeps planes, whatever the grids."""

    def plane(x: Any, y: Any) -> Any:
        return base + a * (x - WEST) + b * (y - NORTH)

    n = 60
    x0, y0 = WEST - 10 + east, NORTH + 10 + north
    x, y = x0 + (np.arange(n) + 0.5) * cell, y0 - (np.arange(n) + 0.5) * cell
    ground = grid(plane(x[None, :], y[:, None]), west=x0, north=y0, cell_m=cell)
    heights = align(grid(np.full((8, 8), 500.0)), ground)
    rows, columns = heights.ground_m.shape
    xs = heights.west + (np.arange(columns) + 0.5) * heights.cell_m
    ys = heights.north - (np.arange(rows) + 0.5) * heights.cell_m
    inner = (xs[None, :] > x[0]) & (xs[None, :] < x[-1]) & (ys[:, None] < y[0]) & (ys[:, None] > y[-1])
    np.testing.assert_allclose(heights.ground_m[inner], plane(xs[None, :], ys[:, None])[inner], atol=2e-3)
    assert (heights.ground_m.max() - heights.ground_m.min()) < 100


def test_holes_are_filled_by_rule_and_counted() -> None:
    surface, ground = HILL + 5, HILL.copy()
    surface[1, 1] = surface[2, 2] = np.nan
    ground[4, :] = np.nan
    canopy = np.full((6, 8), 3.0)
    canopy[0, :2] = np.nan
    heights = align(grid(surface, where="s.tif"), grid(ground, where="g.tif"), grid(canopy, where="c.tif"))
    assert heights.surface_m[1, 1] == HILL[1, 1]
    assert set(heights.ground_m[4]) <= set(HILL[3]) | set(HILL[5])
    assert not np.isnan(heights.surface_m).any() and not np.isnan(heights.ground_m).any()
    assert heights.canopy_m[0, :3].tolist() == [0.0, 0.0, 3.0]
    assert heights.repairs == (
        "g.tif: 8 cells without ground take that of the nearest cell",
        "s.tif: 2 cells without data take the height of the ground",
        "c.tif: 2 cells without data count as without trees",
    )


def test_a_surface_below_the_ground() -> None:
    surface = HILL.copy()
    surface[0, :3] -= 5.0
    surface[1, 0] -= 0.3
    heights = align(grid(surface, where="s.tif"), grid(HILL))
    assert np.array_equal(heights.surface_m, HILL)
    assert heights.repairs == ("s.tif: 3 cells more than 1 m below the ground are raised to it",)
    with pytest.raises(GeometryError, match="100 % of the cells") as caught:
        align(grid(HILL - 90), grid(HILL))
    assert "above the ground" in str(caught.value.remedy)
    assert np.allclose(align(grid(HILL - 90), grid(HILL), above_ground=True).surface_m, 2 * HILL - 90)


def test_parts_outside_the_ground_are_cut_off() -> None:
    heights = align(grid(HILL + 5, where="s.tif"), grid(HILL[:4, :5], where="g.tif"))
    assert heights.surface_m.shape == (4, 5) and (heights.west, heights.north) == (WEST, NORTH)
    assert heights.repairs == ("s.tif: cut to the extent of the ground, 4 of 6 rows and 5 of 8 columns",)
    east = align(grid(HILL + 5), grid(HILL[2:, 3:], west=WEST + 3, north=NORTH - 2))
    assert (east.west, east.north) == (WEST + 3, NORTH - 2)
    assert np.array_equal(east.ground_m, HILL[2:, 3:])


def test_rasters_of_two_places_or_systems_are_named() -> None:
    with pytest.raises(GeometryError, match=r"do not overlap.*s\.tif"):
        align(grid(HILL, where="s.tif"), grid(HILL, west=WEST + 100))
    with pytest.raises(GeometryError, match="canopy model does not overlap"):
        align(grid(HILL), grid(HILL), grid(HILL * 0, north=NORTH + 1e4))
    with pytest.raises(CrsError, match=r"ETRS89 / UTM zone 32N \(s\.tif\) and ETRS89 / UTM zone 33N"):
        align(grid(HILL, where="s.tif"), grid(HILL, crs="EPSG:25833"))
    with pytest.raises(CrsError, match="different reference systems"):
        align(grid(HILL), grid(HILL), grid(HILL, crs="EPSG:3067"))
    with pytest.raises(GeometryError, match="no data under"):
        align(grid(HILL), grid(np.full((6, 8), np.nan)))


def test_canopy_smaller_than_the_surface() -> None:
    heights = align(grid(HILL), grid(HILL), grid(np.full((3, 4), 7.0), where="c.tif"))
    assert (heights.canopy_m > 0).sum() == 12
    assert heights.repairs == ("c.tif: 36 cells outside the canopy model count as without trees",)


# --- outlines on the grid ------------------------------------------------------------------------------------------


def heights_of(rows: int, columns: int) -> Heights:
    flat = np.zeros((rows, columns), np.float32)
    return align(grid(flat), grid(flat))


@settings(max_examples=30, deadline=None)
@given(st.floats(4, 14), st.floats(4, 14), st.floats(2.5, 8), st.floats(2.5, 8), st.floats(0, 90))
def test_outlines_keep_their_area(x: float, y: float, width: float, depth: float, turn: float) -> None:
    box = shapely.affinity.rotate(shapely.box(-width / 2, -depth / 2, width / 2, depth / 2), turn)
    box = shapely.affinity.translate(box, WEST + 3 + x, NORTH - 3 - y)
    number, weight = burn(gpd.GeoSeries([box], crs=CRS), heights_of(24, 24))
    assert weight[number == 0].sum() == pytest.approx(box.area, abs=0.07 * box.length)
    assert (weight[number < 0] == 0).all()


def test_outlines_of_another_place_are_named() -> None:
    here = shapely.box(WEST + 2, NORTH - 5, WEST + 5, NORTH - 2)
    with pytest.raises(GeometryError, match="no outline lies on the raster"):
        burn(gpd.GeoSeries([shapely.affinity.translate(here, 1e4)], crs=CRS), heights_of(6, 8))
    with pytest.raises(CrsError):
        burn(gpd.GeoSeries([here]), heights_of(6, 8))
    other = gpd.GeoSeries([here], crs=CRS).to_crs("EPSG:4326")
    number, _ = burn(other, heights_of(6, 8))
    assert (number == 0).sum() == 9
    bowtie = shapely.Polygon([(WEST, NORTH), (WEST + 4, NORTH - 4), (WEST + 4, NORTH), (WEST, NORTH - 4)])
    assert (burn(gpd.GeoSeries([bowtie, shapely.Polygon()], crs=CRS), heights_of(6, 8))[0] == 0).any()


def test_the_grid_may_be_read_only() -> None:
    surface = grid(HILL)
    surface.values.setflags(write=False)
    assert dataclasses.replace(surface).bounds == surface.bounds
    assert align(surface, surface).surface_m.flags.writeable


def test_a_copy_under_another_name_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif")
    shutil.copy(path, tmp_path / "a.png")
    with pytest.raises(UnsafeFileError):
        read_raster(tmp_path / "a.png")
