"""City packages: a folder with ``city.yaml``, one GeoParquet file per layer, weather, terrain and the repairs log.

Layers that a city may lack (`twin.city.schema.OPTIONAL_LAYERS`) and its own tables (`OWN_TABLES`) have a file only
where the city has them.

File names carry the start of their checksum, and ``city.yaml`` is replaced last in one step. So a package is either
the old or the new one, never a mixture, and whatever else lies in the folder stays untouched.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from twin.city.check import validated
from twin.city.frames import with_defaults
from twin.city.manifest import SCHEMA_VERSION, Manifest, read_manifest
from twin.city.model import City, Terrain, Weather
from twin.city.schema import LAYERS, OPTIONAL_LAYERS
from twin.city.yaml import dump_yaml
from twin.errors import DataError

MANIFEST = "city.yaml"
TABLES = (*LAYERS, "weather", "terrain")
OWN_TABLES = ("archetypes", "electricity")
"""Tables without geometry that a city may have."""
REPAIRS = "repairs"
MAX_FILE_BYTES = 2_000_000_000
MAX_ROWS = 20_000_000
MAX_UNPACKED_BYTES = 8_000_000_000
_NAMES = "|".join((*TABLES, *OPTIONAL_LAYERS, *OWN_TABLES, REPAIRS))
_OURS = re.compile(rf"({_NAMES})-[0-9a-f]{{12}}\.(parquet|txt)(\.tmp)?|city\.yaml\.tmp")


def save_city(city: City, folder: str | Path) -> None:
    """Write a city package, replacing the one in the folder only once the new one is complete on disk.

    Parameters
    ----------
    city : City
        Must pass `twin.city.check.check_city`.
    folder : str or Path
        Created with its parents where needed.

    Raises
    ------
    SchemaError
        The city breaks its schema; nothing is written.
    DataError
        The folder cannot be written.
    """
    validated(city)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = {name: _write(folder, name, "parquet", content) for name, content in _tables(city)}
        repairs = "".join(" ".join(line.split()) + "\n" for line in city.meta.repairs)
        files[REPAIRS] = _write(folder, REPAIRS, "txt", repairs.encode())
        _replace(folder / MANIFEST, dump_yaml(_manifest(city, files)).encode())
        kept = {entry["path"] for entry in files.values()}
        for path in folder.iterdir():
            if _OURS.fullmatch(path.name) and path.name not in kept:
                path.unlink(missing_ok=True)
    except OSError as exc:
        raise DataError(f"the city package cannot be written: {exc.strerror or exc}", where=str(folder)) from exc


def load_city(path: str | Path) -> City:
    """Read a city package; columns of state that it was saved without get their default.

    Parameters
    ----------
    path : str or Path
        The folder or its ``city.yaml``.

    Raises
    ------
    DataError
        No package there, or a damaged one: a key, file or checksum that is wrong; with file, line and column.
    SchemaError
        The layers break the schema or the CRS of ``city.yaml``; every problem is named.
    """
    path = Path(path)
    manifest_path = path / MANIFEST if path.is_dir() else path
    if not manifest_path.is_file():
        raise DataError("there is no city package", where=str(path), expected=f"a folder with a {MANIFEST}")
    manifest = read_manifest(manifest_path, files=(*TABLES, REPAIRS), optional=(*OPTIONAL_LAYERS, *OWN_TABLES))
    folder = manifest_path.parent
    layers = {
        name: with_defaults(_read(folder, manifest, name, gpd.read_parquet), layer)
        for name, layer in (LAYERS | OPTIONAL_LAYERS).items()
        if name in manifest.files
    }
    own = {name: _read(folder, manifest, name, pd.read_parquet) for name in OWN_TABLES if name in manifest.files}
    weather = _read(folder, manifest, "weather", pd.read_parquet)
    terrain = _read(folder, manifest, "terrain", pd.read_parquet)
    repairs = _bytes(folder, manifest, REPAIRS).decode("utf-8", errors="replace")
    return validated(
        City(
            meta=dataclasses.replace(manifest.meta, repairs=tuple(repairs.splitlines())),
            weather=_weather(weather, manifest),
            terrain=_terrain(terrain, manifest),
            **layers,
            **own,
        )
    )


def _tables(city: City) -> list[tuple[str, bytes]]:
    """Return each table of the package as the bytes of a Parquet file."""
    tables = []
    frames: dict[str, Any] = {name: getattr(city, name) for name in LAYERS}
    frames |= {name: getattr(city, name) for name in (*OPTIONAL_LAYERS, *OWN_TABLES) if getattr(city, name) is not None}
    frames["weather"] = pd.DataFrame(city.weather.channels())
    frames["terrain"] = pd.DataFrame({"height_m": np.asarray(city.terrain.height_m, np.float64).ravel()})
    for name, frame in frames.items():
        stream = io.BytesIO()
        frame.to_parquet(stream, compression="zstd")
        tables.append((name, stream.getvalue()))
    return tables


def _manifest(city: City, files: dict[str, dict[str, str]]) -> dict[str, Any]:
    meta = {name: value for name, value in dataclasses.asdict(city.meta).items() if name not in ("sources", "repairs")}
    weather, terrain = city.weather, city.terrain
    return {
        "schema_version": SCHEMA_VERSION,
        **{name: value.item() if isinstance(value, np.generic) else value for name, value in meta.items()},
        "sources": [_source(source) for source in city.meta.sources],
        "weather": {
            "title": weather.title,
            **{k: float(getattr(weather, k)) for k in ("latitude", "longitude", "utc_offset_h", "elevation_m")},
            "source": _source(weather.source),
        },
        "terrain": {
            **{k: float(getattr(terrain, k)) for k in ("west", "north", "cell_m")},
            "rows": terrain.height_m.shape[0],
            "columns": terrain.height_m.shape[1],
        },
        "files": files,
    }


def _source(source: Any) -> dict[str, str]:
    return {name: value for name, value in dataclasses.asdict(source).items() if value}


def _write(folder: Path, name: str, suffix: str, content: bytes) -> dict[str, str]:
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / f"{name}-{sha256[:12]}.{suffix}"
    _replace(path, content)
    return {"path": path.name, "sha256": sha256}


def _replace(path: Path, content: bytes) -> None:
    """Write a file beside its place, make sure that it is on disk, then move it there in one step."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    if os.name == "posix":
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _bytes(folder: Path, manifest: Manifest, name: str) -> bytes:
    """Return the content of a file of the package after checking name, size and checksum."""
    entry, where = manifest.files[name], manifest.where("files", name, "path")
    path = folder / entry["path"]
    if Path(entry["path"]).name != entry["path"] or path.is_symlink():
        raise DataError(f"{entry['path']!r} leads out of the package", where=where, expected="a plain file name")
    if not path.is_file():
        raise DataError(f"the file {entry['path']!r} is missing", where=where, remedy="restore or rebuild the package")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DataError("the file is too large", where=str(path), expected=f"at most {MAX_FILE_BYTES:,} bytes")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise DataError(
            "the file does not match its checksum",
            where=str(path),
            expected=f"sha256 {entry['sha256']}",
            remedy="the file was changed or damaged: restore or rebuild the package",
        )
    return content


def _read(folder: Path, manifest: Manifest, name: str, reader: Callable[[Any], Any]) -> Any:
    content = _bytes(folder, manifest, name)
    path = folder / manifest.files[name]["path"]
    try:
        metadata = pq.ParquetFile(pa.BufferReader(content)).metadata
        unpacked = sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
        too_large = metadata.num_rows > MAX_ROWS or unpacked > MAX_UNPACKED_BYTES
        if not too_large:
            return reader(io.BytesIO(content))
    except Exception as exc:  # the parsers of untrusted bytes raise many kinds
        raise DataError(f"not a readable Parquet file: {str(exc)[:300]}", where=str(path)) from exc
    raise DataError("the table is too large", where=str(path), expected=f"at most {MAX_ROWS:,} rows")


def _weather(table: pd.DataFrame, manifest: Manifest) -> Weather:
    fields = [f for f in dataclasses.fields(Weather) if f.name not in manifest.weather]
    missing = [f.name for f in fields if f.name not in table.columns and f.default is dataclasses.MISSING]
    if missing:
        raise DataError(f"the weather has no column {missing[0]!r}", where=manifest.where("files", "weather"))
    names = [f.name for f in fields if f.name in table.columns]
    channels: dict[str, Any] = {name: table[name].to_numpy(copy=True) for name in names}
    return Weather(**channels, **manifest.weather)


def _terrain(table: pd.DataFrame, manifest: Manifest) -> Terrain:
    shape = manifest.terrain["rows"], manifest.terrain["columns"]
    if "height_m" not in table.columns or len(table) != shape[0] * shape[1] or min(shape) < 1:
        raise DataError(
            f"the terrain holds {len(table)} heights",
            where=manifest.where("terrain"),
            expected=f"{shape[0]} rows times {shape[1]} columns",
        )
    height = table["height_m"].to_numpy(np.float64, copy=True).reshape(shape)
    return Terrain(height, *(manifest.terrain[name] for name in ("west", "north", "cell_m")))
