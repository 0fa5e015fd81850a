"""Height rasters (GeoTIFF) from untrusted files: one band, square cells, north up, in a metric reference system.

GDAL reads far more than pixels: sidecar files, overviews kept elsewhere, virtual datasets. Here only its GTiff driver
may open the file, sidecars and environment are ignored, and size, form and place are checked before a pixel is read
(https://gdal.org/en/stable/user/security.html).
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from twin.city.door import check_size
from twin.city.geometry import check_crs
from twin.errors import CrsError, DataError, GeometryError, MissingExtraError, TwinError, UnsafeFileError

MAX_RASTER_BYTES = 4 << 30
MAX_CELLS = 250_000_000
"""Cells of one reading, 1 GB as float32."""
MAX_BLOCK_CELLS = 1 << 26
CELL_RANGE_M = (0.05, 100.0)
KINDS = {
    "surface": ("surface model", -500.0, 9000.0),
    "ground": ("terrain model", -500.0, 9000.0),
    "height": ("model of heights above ground", -20.0, 1000.0),
    "canopy": ("canopy model", -1.0, 120.0),
}
"""What a raster may hold: its name, and the heights in m beyond which a value cannot be one. The lowest land lies at
-430 m and the highest at 8849 m, the tallest building has 828 m, the tallest tree 116 m."""
_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_COMPRESSIONS = {"none", "lzw", "deflate", "packbits", "zstd", "lzma", "lerc", "lerc_deflate", "lerc_zstd"}
"""Lossless codecs, and LERC, which holds to a stated error; pictures (JPEG, WebP) are no heights."""
_SUFFIXES = (".tif", ".tiff", ".gtiff")
# No sidecars, no overviews in other files, no georeference but the file's own, no network.
_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "GDAL_NUM_THREADS": "1",
    "GTIFF_IGNORE_READ_ERRORS": "NO",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
}

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Raster:
    """Heights on a grid of square cells, row 0 in the north.

    Parameters
    ----------
    values : float32 (rows, columns), m; NaN where there is no data
    west, north : coordinates of the outer corner of cell (0, 0), m
    cell_m : side of a cell, m
    crs : ``EPSG:…``, or WKT where the register does not know the system
    where : the file, for messages
    step_m : step between the values a cell can have, m: 1 for whole metres; 0 where they are as good as continuous
    """

    values: NDArray[np.float32]
    west: float
    north: float
    cell_m: float
    crs: str
    where: str = "raster"
    step_m: float = 0.0

    @property
    def missing(self) -> NDArray[np.bool_]:
        """The cells without data, bool (rows, columns)."""
        return np.isnan(self.values)

    @property
    def bounds(self) -> Bounds:
        """West, south, east and north, m."""
        rows, columns = self.values.shape
        return self.west, self.north - rows * self.cell_m, self.west + columns * self.cell_m, self.north


def read_raster(
    path: str | Path,
    kind: str = "surface",
    *,
    bounds: Bounds | None = None,
    nodata: float | None = None,
    max_bytes: int = MAX_RASTER_BYTES,
    max_cells: int = MAX_CELLS,
) -> Raster:
    """Read heights from a GeoTIFF of unknown origin.

    Parameters
    ----------
    path : path of a ``.tif`` file
    kind : ``surface``, ``ground``, ``height`` or ``canopy``; sets the heights that are believed
    bounds : west, south, east, north in the file's own CRS; only the cells that touch it are read
    nodata : value that stands for no data, where the file does not say so
    max_bytes, max_cells : caps on the file and on what is read from it

    Returns
    -------
    Raster

    Raises
    ------
    MissingExtraError
        rasterio is not installed.
    UnsafeFileError
        Refused before it was opened, or too large: path, size, content that is not what the name says, cells, codec.
    DataError
        Damaged or truncated; not one band of heights; no data at all; values that cannot be heights.
    GeometryError
        Turned or sheared grid, cells that are not square, no georeference, `bounds` outside the file.
    CrsError
        No reference system, one in degrees or feet, or coordinates outside its area of use.
    """
    name, low, high = KINDS[kind]
    resolved = check_size(path, max_bytes=max_bytes, what=name)
    where = str(path)
    _check_magic(resolved, where)
    rasterio = _load()
    with _gdal_errors(where), rasterio.Env(**_OPTIONS), warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(resolved, driver="GTiff", sharing=False) as file:
            _check_form(file, where, name)
            cell_m, flipped = _check_grid(file, where)
            crs = _check_crs(file, where)
            window = _window(file, bounds, cell_m, flipped, where)
            _check_cells(file, window, max_cells, where)
            heights = file.read(1, window=window, out_dtype="float32")
            hidden = file.read_masks(1, window=window) == 0
            scale, offset = float(file.scales[0]), float(file.offsets[0])
            west, top = file.transform @ (window.col_off, window.row_off)
            integer = np.dtype(file.dtypes[0]).kind in "iu"
    if nodata is not None:
        hidden |= heights == np.float32(nodata)
    hidden |= np.isnan(heights)
    if (scale, offset) != (1.0, 0.0):
        heights = (heights * np.float32(scale) + np.float32(offset)).astype(np.float32)
    heights[hidden] = np.nan
    _check_heights(heights, low, high, where, name)
    if kind == "canopy":
        heights = np.maximum(heights, np.float32(0.0))
    if flipped:
        heights = np.ascontiguousarray(heights[::-1])
        top = top + heights.shape[0] * cell_m
    return Raster(heights, float(west), float(top), cell_m, crs, where, abs(scale) if integer else 0.0)


def _load() -> ModuleType:
    try:
        import rasterio
        import rasterio.errors
        import rasterio.windows
    except ModuleNotFoundError as error:
        raise MissingExtraError("rasterio", "raster", "reading GeoTIFF height models") from error
    return rasterio


@contextmanager
def _gdal_errors(where: str) -> Iterator[None]:
    """Name what rasterio raises on damaged files."""
    hook = sys.unraisablehook

    def hush(problem: Any) -> None:
        # rasterio cannot log a message of GDAL that quotes damaged text, and would print a traceback instead.
        if not isinstance(problem.exc_value, UnicodeDecodeError):
            hook(problem)

    sys.unraisablehook = hush
    try:
        yield
    except (TwinError, MemoryError):
        raise
    except Exception as error:  # damaged files raise whatever the readers happen to trip over
        reason = next(iter(str(error.__cause__ or error).splitlines()), type(error).__name__)[:160]
        raise DataError(
            f"the GeoTIFF is truncated or damaged: {reason}", where=where, remedy="copy or download it again"
        ) from error
    finally:
        sys.unraisablehook = hook


def _check_magic(path: Path, where: str) -> None:
    if path.suffix.lower() not in _SUFFIXES:
        raise UnsafeFileError(
            f"files named {path.suffix or 'without a suffix'!r} are not opened as rasters",
            where=where,
            expected="a GeoTIFF (.tif)",
            remedy="convert the file, for example with gdal_translate",
        )
    with path.open("rb") as file:
        head = file.read(4)
    if head not in _MAGIC:
        raise UnsafeFileError(
            "the name says GeoTIFF, but the content is something else",
            where=where,
            expected="a GeoTIFF",
            remedy="name the file by what it holds; virtual datasets and other formats are not opened",
        )


def _check_form(file: Any, where: str, name: str) -> None:
    """Check that the file is one picture of one band of real numbers."""
    if len(file.subdatasets) > 1:
        raise DataError(f"the file holds {len(file.subdatasets)} images", where=where, expected=f"one {name}")
    if file.count != 1:
        raise DataError(
            f"the file has {file.count} bands",
            where=where,
            expected="one band of heights in metres",
            remedy="extract the band of heights, for example with gdal_translate -b 1",
        )
    kind = np.dtype(file.dtypes[0]).kind
    if kind not in "iuf" or file.dtypes[0].startswith("complex"):
        raise DataError(f"the values are of type {file.dtypes[0]}", where=where, expected="real numbers")
    if file.colorinterp[0].name == "palette":
        raise DataError("the file is a coloured picture, not a table of heights", where=where)
    codec = file.compression.value.lower() if file.compression else "none"
    if codec not in _COMPRESSIONS:
        raise UnsafeFileError(
            f"the raster is packed as {codec}",
            where=where,
            expected="one of " + ", ".join(sorted(_COMPRESSIONS)),
            remedy="convert it, for example with gdal_translate -co COMPRESS=DEFLATE",
        )
    unit = (file.units[0] or "m").strip().lower()
    if unit not in ("m", "metre", "meter", "metres", "meters"):
        raise DataError(f"the heights are in {unit!r}", where=where, expected="metres", remedy="convert them to metres")
    if not (math.isfinite(file.scales[0]) and math.isfinite(file.offsets[0]) and file.scales[0] != 0.0):
        raise DataError(f"the scale of the heights is {file.scales[0]} with offset {file.offsets[0]}", where=where)


def _check_grid(file: Any, where: str) -> tuple[float, bool]:
    """Return the side of the cells and whether the rows run from south to north."""
    t = file.transform
    numbers = (t.a, t.b, t.c, t.d, t.e, t.f)
    if not all(map(math.isfinite, numbers)):
        raise GeometryError(f"the georeference is not finite: {numbers}", where=where, expected="finite numbers")
    if t.is_identity:
        raise GeometryError(
            "the file has no georeference",
            where=where,
            expected="a GeoTIFF that says where its cells lie",
            remedy="write a world file or sidecar into the file with gdal_translate",
        )
    wide, high = abs(t.a), abs(t.e)
    if max(abs(t.b), abs(t.d)) > 1e-6 * max(wide, high):
        raise GeometryError(
            "the grid is turned or sheared", where=where, expected="rows from west to east", remedy="warp it (gdalwarp)"
        )
    cell = math.sqrt(wide * high)
    # Cells that are square only nearly are usual after reprojection; what counts is how far they drift from the grid.
    drift = max(abs(wide - cell) * file.width, abs(high - cell) * file.height)
    if not (cell > 0.0 and abs(wide - high) < 0.01 * cell and drift <= 0.5 * cell):
        raise GeometryError(
            f"the cells are not square: {wide:g} by {high:g}",
            where=where,
            expected="square cells",
            remedy="resample it, for example with gdalwarp -tr 1 1",
        )
    if t.a < 0:
        raise GeometryError("the columns run from east to west", where=where, expected="west to east")
    return cell, t.e > 0


def _check_crs(file: Any, where: str) -> str:
    """Return the horizontal reference system of the raster, in metres and holding its corners."""
    if file.crs is None:
        raise CrsError(
            "the raster names no coordinate reference system",
            where=where,
            expected="a projected CRS in metres in the file",
            remedy="assign the right one, for example with gdal_edit -a_srs EPSG:25832",
        )
    try:
        crs = CRS.from_wkt(file.crs.to_wkt())
        crs = (crs.sub_crs_list[0] if crs.is_compound else crs).to_2d()
    except CRSError as error:
        raise CrsError("the reference system of the raster cannot be understood", where=where) from error
    if crs.is_geographic or crs.is_geocentric:
        raise CrsError(
            f"the raster is in {'degrees' if crs.is_geographic else 'geocentric coordinates'} ({crs.name})",
            where=where,
            expected="a projected CRS in metres, with square cells",
            remedy="warp it, for example with gdalwarp -t_srs EPSG:25832 -tr 1 1",
        )
    if not crs.is_projected:
        raise CrsError(f"the reference system {crs.name!r} is not tied to the Earth", where=where)
    factors = {axis.unit_conversion_factor for axis in crs.axis_info}
    if factors != {1.0}:
        raise CrsError(
            f"the coordinates of {crs.name} count in {crs.axis_info[0].unit_name}",
            where=where,
            expected="a CRS in metres",
            remedy="warp the raster to one",
        )
    low, high = CELL_RANGE_M
    if not low <= abs(file.transform.a) <= high:
        raise GeometryError(
            f"the cells are {abs(file.transform.a):g} m wide", where=where, expected=f"{low:g} to {high:g} m"
        )
    code = crs.to_epsg()
    # The register knows the area of use, which the file does not state.
    name = f"EPSG:{code}" if code else str(crs.to_wkt())
    outline = gpd.GeoSeries([shapely.box(*file.bounds)], crs=name)
    check_crs(gpd.GeoDataFrame(geometry=outline), where)
    return name


def _window(file: Any, bounds: Bounds | None, cell_m: float, flipped: bool, where: str) -> Any:
    """Return the window of the cells that `bounds` touches."""
    from rasterio.windows import Window

    if bounds is None:
        return Window(0, 0, file.width, file.height)
    west, south, east, north = map(float, bounds)
    if not (all(map(math.isfinite, bounds)) and west < east and south < north):
        raise GeometryError(f"the extent {bounds} is none", where=where, expected="west, south, east, north in m")
    left, right = (math.floor((west - file.transform.c) / cell_m), math.ceil((east - file.transform.c) / cell_m))
    first, last = (file.transform.f - north) / cell_m, (file.transform.f - south) / cell_m
    if flipped:
        first, last = (south - file.transform.f) / cell_m, (north - file.transform.f) / cell_m
    left, right = max(left, 0), min(right, file.width)
    top, bottom = max(math.floor(first), 0), min(math.ceil(last), file.height)
    if left >= right or top >= bottom:
        edges = ", ".join(f"{v:.10g}" for v in file.bounds)
        raise GeometryError(
            f"the extent {bounds} lies outside the raster", where=where, expected=f"a part of {edges} (m)"
        )
    return Window(left, top, right - left, bottom - top)


def _check_cells(file: Any, window: Any, max_cells: int, where: str) -> None:
    cells = int(window.width) * int(window.height)
    block = max(int(rows) * int(columns) for rows, columns in file.block_shapes)
    if cells > max_cells or block > MAX_BLOCK_CELLS:
        what = f"the raster has {cells:,} cells" if cells > max_cells else f"a block of the raster has {block:,} cells"
        raise UnsafeFileError(
            what.replace(",", " "),
            where=where,
            expected=f"at most {max_cells if cells > max_cells else MAX_BLOCK_CELLS} at once",
            remedy="read a part of it, or make the cells larger",
        )


def _check_heights(heights: NDArray[np.float32], low: float, high: float, where: str, name: str) -> None:
    """Check that there is data, and that it can be heights; NaN is no data."""
    known = ~np.isnan(heights)
    if not known.any():
        raise DataError(f"the {name} holds no data at all", where=where, expected="heights in metres")
    with np.errstate(invalid="ignore"):
        bad = known & ~((heights >= low) & (heights <= high))
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        value = float(heights[row, column])
        likely = "it probably stands for no data: declare it with gdal_edit -a_nodata, or name it in `nodata`"
        raise DataError(
            f"{int(bad.sum())} cells of the {name} hold values that are no heights; the first is {value:g}",
            where=f"{where}[row {row}, column {column}]",
            expected=f"{low:g} to {high:g} m",
            remedy=likely if (heights[bad] == value).all() else "check the unit and the band",
        )
