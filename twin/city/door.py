"""The one guarded door for untrusted files: what they may be, how large, and which driver may read them.

GDAL opens far more than it seems to: a virtual dataset (VRT) renamed ``.geojson`` reads any other local file, and
``/vsicurl`` paths reach the network (https://gdal.org/en/stable/user/security.html). Three guards stand here, each
enough on its own: drivers other than the four needed are skipped before GDAL loads; the first bytes of the file
must be those of the format its name claims; and JSON, which has no magic bytes, is read with a forced driver.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sqlite3
import stat
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from twin.city.jsonscan import scan_stream
from twin.city.unzip import single_vector
from twin.errors import DataError, GeometryError, TwinError, UnsafeFileError, at_row, did_you_mean

MAX_VECTOR_BYTES = 512 << 20
SUFFIXES = {
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".gpkg": "GeoPackage",
    ".shp": "Shapefile",
    ".fgb": "FlatGeobuf",
    ".parquet": "GeoParquet",
    ".geoparquet": "GeoParquet",
    ".zip": "zip",
}
_KEPT_DRIVERS = ("GeoJSON", "GPKG", "ESRI Shapefile", "FlatGeobuf", "MEM")
# Every other vector driver of GDAL 3.12, of which OGR_VRT, GDALG, HTTP and the web services are the dangerous ones.
_SKIPPED_DRIVERS = (
    "OGR_VRT,GDALG,HTTP,WFS,OAPIF,CSW,OGCAPI,EEDA,Elasticsearch,Carto,AmigoCloud,PLSCENES,NGW,MVT,PMTiles,MBTiles,"
    "ADBC,PCIDSK,PDS4,VICAR,PDF,MapInfo File,LVBAG,S57,DGN,CSV,GML,GPX,LIBKML,KML,GeoJSONSeq,ESRIJSON,TopoJSON,"
    "OGR_GMT,SQLite,WAsP,OpenFileGDB,DXF,GeoRSS,VFK,PGDUMP,OSM,GPSBabel,OGR_PDS,EDIGEO,Idrisi,ODS,XLSX,SXF,Selafin,"
    "JML,VDV,MapML,GTFS,JSONFG,MiraMonVector,AVCBin,AVCE00,AIVector,MySQL,PostgreSQL,ODBC,MSSQLSpatial,VRT"
)
_MAGIC = (
    (b"SQLite format 3\x00", "GeoPackage"),
    (b"fgb\x03fgb", "FlatGeobuf"),
    (b"\x00\x00\x27\x0a", "Shapefile"),
    (b"PAR1", "GeoParquet"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)


def check_size(path: str | Path, *, max_bytes: int, what: str = "file") -> Path:
    """Return the resolved path of a regular local file of at most `max_bytes`.

    Raises
    ------
    UnsafeFileError
        A virtual (``/vsi…``) or URL-like path, something that is not a regular file, or a file that is too large.
    DataError
        No such file, or an empty one.
    """
    text = str(path)
    if text.replace("\\", "/").startswith("/vsi") or "://" in text or "\x00" in text:
        raise UnsafeFileError(
            "virtual and network paths are not opened", where=repr(text), expected="the path of a local file"
        )
    try:
        resolved = Path(path).resolve(strict=True)
        status = resolved.stat()
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(f"the {what} cannot be read: {reason}", where=text, remedy="check the path") from error
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeFileError(f"the {what} is not a regular file", where=text, expected="a regular file")
    if status.st_size == 0:
        raise DataError(f"the {what} is empty", where=text, remedy="copy or download it again")
    if status.st_size > max_bytes:
        raise UnsafeFileError(
            f"the {what} is {status.st_size / 2**20:.1f} MiB",
            where=text,
            expected=f"at most {max_bytes / 2**20:.1f} MiB",
            remedy="cut out the area of interest first",
        )
    return resolved


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_vector(
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    layer: str | None = None,
    max_bytes: int = MAX_VECTOR_BYTES,
) -> Any:
    """Read a vector file from an untrusted source.

    Parameters
    ----------
    path : path of a GeoPackage, GeoJSON, Shapefile (``.shp``), FlatGeobuf or GeoParquet file, or of a zip archive that
        holds exactly one of them
    columns : names of the attributes to read; all when None
    layer : layer to read; needed only when the file has several
    max_bytes : cap on the file, and on all that a zip archive unpacks to

    Returns
    -------
    GeoDataFrame
        Rows in file order with a plain number index, finite coordinates, finite or missing numbers. Warnings that
        GDAL gave are listed in ``attrs["notes"]``. The CRS is the file's own and may be None.

    Raises
    ------
    UnsafeFileError
        Refused before it was opened: path, size, content that is not what the name says, archive, nesting depth.
    DataError
        Damaged or truncated file, unknown layer or column, numbers that are not finite.
    GeometryError
        No geometry, or a coordinate that is not finite.
    """
    resolved = check_size(path, max_bytes=max_bytes, what="vector file")
    kind = sniff(resolved)
    if kind == "zip":
        with tempfile.TemporaryDirectory(prefix="twin-") as folder:
            inner = single_vector(resolved, Path(folder), tuple(s for s in SUFFIXES if s != ".zip"), max_bytes)
            where = f"{path} ({inner.name})"
            return _read(inner, sniff(inner, where), where, columns, layer, max_bytes)
    return _read(resolved, kind, str(path), columns, layer, max_bytes)


def sniff(path: Path, where: str | None = None) -> str:
    """Return the format that both the name and the first bytes of a file claim; UnsafeFileError when they differ."""
    where = where or str(path)
    named = SUFFIXES.get(path.suffix.lower())
    if named is None:
        raise UnsafeFileError(
            f"files named {path.suffix or 'without a suffix'!r} are not opened",
            where=where,
            expected="one of " + ", ".join(SUFFIXES),
            remedy="convert the file, for example with QGIS",
        )
    with path.open("rb") as file:
        head = file.read(1024)
    found = next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)
    if found is None and head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        found = "GeoJSON"
    if found != named:
        raise UnsafeFileError(
            f"the name says {named}, but the content is {found or 'something else'}",
            where=where,
            expected=f"a {named} file",
            remedy="name the file by what it holds; virtual datasets and other formats are not opened",
        )
    return named


def _read(path: Path, kind: str, where: str, columns: Sequence[str] | None, layer: str | None, max_bytes: int) -> Any:
    if kind == "GeoParquet":
        frame = _read_parquet(path, where, columns, max_bytes)
    else:
        _check_content(path, kind, where)
        frame = _read_gdal(path, kind, where, columns, layer)
    _check_finite(frame, where)
    return frame


def _check_content(path: Path, kind: str, where: str) -> None:
    """Check the inside of a file before GDAL opens it."""
    if kind == "GeoJSON":
        with path.open("rb") as file:
            scan = scan_stream(file, where, marks=(b'"FeatureCollection"', b'"Feature"'))
        if not scan.marks:
            raise UnsafeFileError("the JSON text is not GeoJSON", where=where, expected="a FeatureCollection")
        if scan.not_finite:
            raise DataError(
                f"the JSON text holds {scan.not_finite}, which is not a number",
                where=_place_of_not_finite(path, where),
                expected="finite numbers, or null where a value is missing",
            )
    if kind == "GeoPackage":
        _check_sqlite(path, where)
    if kind == "Shapefile":
        with path.open("rb") as file:
            declared = 2 * int.from_bytes(file.read(100)[24:28], "big")
        if declared > path.stat().st_size:
            raise _truncated(where, f"its header declares {declared} bytes, {path.stat().st_size} are there")
        missing = [s for s in (".shx", ".dbf") if not path.with_suffix(s).is_file()]
        if missing:
            raise DataError(f"the Shapefile lacks {' and '.join(missing)} beside it", where=where)


def _check_sqlite(path: Path, where: str) -> None:
    with path.open("rb") as file:
        head = file.read(100)
    page = int.from_bytes(head[16:18], "big")
    declared = (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big")
    if len(head) < 100 or declared > path.stat().st_size:
        raise _truncated(where, f"its header declares {declared} bytes, {path.stat().st_size} are there")
    try:
        database = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            state = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            tables = dict(database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
        finally:
            database.close()
    except (sqlite3.DatabaseError, ValueError) as error:
        raise _truncated(where, str(error)) from error
    if state != "ok":
        raise _truncated(where, str(state).splitlines()[-1])
    if "gpkg_contents" not in tables:
        raise UnsafeFileError("an SQLite database that is not a GeoPackage", where=where, expected="a GeoPackage")
    for name, sql in tables.items():
        # Virtual tables can stand for other files; GeoPackage itself needs only the spatial index.
        if sql and sql.upper().startswith("CREATE VIRTUAL") and " USING RTREE" not in sql.upper():
            raise UnsafeFileError(f"the GeoPackage has a virtual table {name!r}", where=where, expected="plain tables")


def _truncated(where: str, reason: str) -> DataError:
    return DataError(f"the file is truncated or damaged: {reason}", where=where, remedy="copy or download it again")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


def load_pyogrio() -> ModuleType:
    """Import pyogrio with every driver skipped that the door does not need (no effect where it is loaded already)."""
    if "pyogrio" not in sys.modules:
        before = {name: os.environ.get(name) for name in ("OGR_SKIP", "CPL_LOG")}
        os.environ["OGR_SKIP"] = ",".join(filter(None, (before["OGR_SKIP"], _SKIPPED_DRIVERS)))
        # GDAL prints a warning for each skipped driver that its build lacks; pyogrio raises or logs all that matters.
        os.environ["CPL_LOG"] = before["CPL_LOG"] or os.devnull
        try:
            import pyogrio
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
    import pyogrio

    return pyogrio


def _read_gdal(path: Path, kind: str, where: str, columns: Sequence[str] | None, layer: str | None) -> Any:
    pyogrio = load_pyogrio()
    from shapely.errors import ShapelyError

    target = f"GeoJSON:{path}" if kind == "GeoJSON" else str(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            chosen = _choose_layer(pyogrio.list_layers(target), layer, where)
            info = pyogrio.read_info(target, layer=chosen, force_feature_count=True)
            _check_columns(list(info["fields"]), columns, where)
            frame = pyogrio.read_dataframe(target, layer=chosen, columns=columns)
        except ShapelyError as error:
            raise GeometryError(f"a geometry cannot be read: {error}", where=where) from error
        except TwinError:
            raise
        except Exception as error:  # damaged files raise whatever the readers happen to trip over
            raise _truncated(where, _first_line(error).replace(target, path.name)) from error
    notes = sorted({str(w.message) for w in caught})
    if "geometry" not in frame or len(frame) < info["features"]:
        raise _truncated(where, f"{len(frame)} of {info['features']} features can be read. {' '.join(notes)}")
    frame.attrs["notes"] = notes
    return frame


def _choose_layer(layers: Any, wanted: str | None, where: str) -> str:
    names = [str(name) for name, geometry_type in layers if geometry_type is not None]
    if wanted is not None and wanted not in names:
        raise DataError(f"no layer {wanted!r}", where=where, remedy=did_you_mean(wanted, names))
    if not names:
        raise GeometryError("the file has no layer with geometry", where=where)
    if wanted is None and len(names) > 1:
        raise DataError("the file has several layers", where=where, expected="one of " + ", ".join(names))
    return wanted or names[0]


def _check_columns(known: list[str], wanted: Sequence[str] | None, where: str) -> None:
    for name in wanted or ():
        if name not in known:
            raise DataError(f"no column {name!r}", where=where, remedy=did_you_mean(name, known))


def _read_parquet(path: Path, where: str, columns: Sequence[str] | None, max_bytes: int) -> Any:
    import io

    import geopandas as gpd
    import pyarrow.parquet as pq

    try:
        meta = pq.ParquetFile(path).metadata
        geo = (meta.metadata or {}).get(b"geo")
        if geo is None:
            raise UnsafeFileError("a Parquet file without geometry metadata", where=where, expected="GeoParquet")
        scan_stream(io.BytesIO(geo), where, marks=())
        unpacked = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        if unpacked > 4 * max_bytes or unpacked > 200 * path.stat().st_size + (64 << 20):
            raise UnsafeFileError(f"the Parquet file unpacks to {unpacked / 2**20:.0f} MiB", where=where)
        names = [n for n in meta.schema.to_arrow_schema().names if n != "geometry"]
        _check_columns(names, columns, where)
        frame = gpd.read_parquet(path, columns=None if columns is None else [*columns, "geometry"])
    except TwinError:
        raise
    except Exception as error:  # damaged files raise whatever the readers happen to trip over
        raise _truncated(where, _first_line(error)) from error
    return frame.reset_index(drop=frame.index.name is None)


def _check_finite(frame: Any, where: str) -> None:
    import shapely

    coordinates, row = shapely.get_coordinates(frame.geometry.to_numpy(), return_index=True)
    bad = ~np.isfinite(coordinates).all(axis=1)
    if bad.any():
        raise GeometryError(
            "a coordinate is not a finite number",
            where=at_row(where, int(row[bad][0]), "geometry"),
            expected="finite coordinates",
            remedy="correct or delete the feature",
        )
    for name in frame.columns:
        if frame[name].dtype.kind == "f" and np.isinf(values := frame[name].to_numpy()).any():
            first = int(np.flatnonzero(np.isinf(values))[0])
            raise DataError("a value is infinite", where=at_row(where, first, name), expected="a finite number")


def _place_of_not_finite(path: Path, where: str) -> str:
    """Return the feature of a JSON text, known to be shallow, that holds a number which is not finite."""
    try:
        features = json.loads(path.read_bytes())["features"]
        for row, feature in enumerate(features):
            for part in ("geometry", "properties"):
                if not _all_finite(feature.get(part)):
                    return at_row(where, row, part)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # the text is broken in other ways too; the number alone is reason enough to refuse it
    return where


def _all_finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_all_finite, value.values()))
    if isinstance(value, list):
        return all(map(_all_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
