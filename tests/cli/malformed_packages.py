"""Malformed city packages, used by ``twin check`` of a sound study.

Where the checksum is not the point it is written anew, so that what is wrong is found in the content.
"""

# ruff: noqa: E501 (one line for each case)

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from .malformed import STUDY, Case, Words, package, write_study

Change = Callable[[Any], Any]


def case(
    name: str, says: str, change: Callable[[Path], None], *, code: int = 4, error: str | None = "SchemaError"
) -> Case:
    """Return a case whose package is a copy of the sound one, changed in place."""

    def make(folder: Path, city: Path) -> Words:
        copy = package(folder, city)
        change(copy)
        return write_study(folder, STUDY)

    return Case(name, make, code, error, says)


def file_of(copy: Path, table: str) -> Path:
    (path,) = copy.glob(f"{table}-*")
    return path


def sign(copy: Path, table: str) -> None:
    """Write the checksum of a file into the manifest."""
    path = file_of(copy, table)
    manifest = copy / "city.yaml"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    text, count = re.subn(rf"(path: {re.escape(path.name)}\n\s*sha256: )\w+", rf"\g<1>{digest}", manifest.read_text())
    assert count == 1
    manifest.write_text(text)


def layer(table: str, change: Change) -> Callable[[Path], None]:
    """Change a table of a package and its checksum."""

    def run(copy: Path) -> None:
        path = file_of(copy, table)
        read = pd.read_parquet if table in ("weather", "terrain") else gpd.read_parquet
        frame = change(read(io.BytesIO(path.read_bytes())))
        frame.to_parquet(path)
        sign(copy, table)

    return run


def raw(table: str, change: Callable[[bytes], bytes], *, signed: bool = True) -> Callable[[Path], None]:
    """Change the bytes of a file of a package."""

    def run(copy: Path) -> None:
        path = file_of(copy, table)
        path.write_bytes(change(path.read_bytes()))
        if signed:
            sign(copy, table)

    return run


def manifest(old: str, new: str) -> Callable[[Path], None]:
    """Replace a part of ``city.yaml``, given as a regular expression."""

    def run(copy: Path) -> None:
        text, count = re.subn(old, new, (copy / "city.yaml").read_text(), count=1)
        assert count == 1, old
        (copy / "city.yaml").write_text(text)

    return run


def first(column: str, value: object) -> Change:
    """Set the first value of a column."""

    def change(frame: Any) -> Any:
        frame[column] = [value, *frame[column].tolist()[1:]]
        return frame

    return change


def _twice(frame: Any) -> Any:
    names = frame.index.tolist()
    frame.index = pd.Index([names[1], *names[1:]], dtype="str", name=frame.index.name)
    return frame


def _bow_tie(frame: Any) -> Any:
    x, y = frame.geometry.iloc[0].centroid.coords[0]
    frame.loc[frame.index[0], "geometry"] = shapely.Polygon([(x, y), (x + 9, y + 9), (x + 9, y), (x, y + 9)])
    return frame


def _nan_corner(frame: Any) -> Any:
    points = shapely.get_coordinates(frame.geometry.iloc[0])
    points[1] = np.nan
    with np.errstate(invalid="ignore"):
        frame.loc[frame.index[0], "geometry"] = shapely.LineString(points)
    return frame


def _leads_out(copy: Path) -> None:
    path = file_of(copy, "buildings")
    path.rename(copy.parent / path.name)
    manifest(rf"path: {path.name}", f"path: ../{path.name}")(copy)


def _link(copy: Path) -> None:
    path = file_of(copy, "buildings")
    path.rename(copy.parent / "elsewhere")
    path.symlink_to(copy.parent / "elsewhere")


def _folder(copy: Path) -> None:
    path = file_of(copy, "nodes")
    path.unlink()
    path.mkdir()


PACKAGES = [
    case("missing-layer", ".parquet' is missing", lambda copy: file_of(copy, "links").unlink(), error="DataError"),
    case("layer-is-a-folder", ".parquet' is missing", _folder, error="DataError"),
    case("layer-leads-out", "city/city.yaml:37:11: '../buildings-", _leads_out, error="DataError"),
    case("layer-is-a-link", "leads out of the package", _link, error="DataError"),
    case("changed-layer", "the file does not match its checksum", raw("zones", lambda b: b[:-9] + b"x" + b[-8:], signed=False), error="DataError"),
    case("truncated-layer", "not a readable Parquet file", raw("buildings", lambda b: b[: len(b) // 2]), error="DataError"),
    case("truncated-and-unsigned", "the file does not match its checksum", raw("buildings", lambda b: b[:1000], signed=False), error="DataError"),
    case("layer-of-zeros", "not a readable Parquet file", raw("nodes", lambda b: bytes(len(b))), error="DataError"),
    case("layer-without-geometry", "not a readable Parquet file", layer("nodes", lambda f: pd.DataFrame(f.drop(columns="geometry"))), error="DataError"),
    case("truncated-manifest", "city/city.yaml: the city package does not fit", lambda copy: (copy / "city.yaml").write_text((copy / "city.yaml").read_text()[:900]), error="DataError"),
    case("manifest-cut-in-a-quote", "city/city.yaml:", lambda copy: (copy / "city.yaml").write_text("schema_version: 1\ntitle: 'Half a ti"), error="DataError"),
    case("manifest-nested-too-deeply", "city/city.yaml:1:", lambda copy: (copy / "city.yaml").write_text("[" * 200_000), error="DataError"),
    case("manifest-misspelt-key", "city/city.yaml:6:1: unknown key 'lattitude'", manifest("latitude", "lattitude"), error="DataError"),
    case("manifest-infinite", "city/city.yaml:6:11: latitude: inf does not fit", manifest("latitude: .*", "latitude: .inf"), error="DataError"),
    case("future-version", "city/city.yaml:1:17: schema version 2 is not known", manifest("schema_version: 1", "schema_version: 2"), error="DataError"),
    case("norway", '"valid": true', manifest("country: FI", "country: NO"), code=0, error=None),
    case("country-false", "city/city.yaml:4:10: country: False does not fit", manifest("country: FI", "country: false"), error="DataError"),
    case("package-country-in-words", "meta.country: 'Finland' is not a country code", manifest("country: FI", "country: Finland")),
    case("latitude-of-91", "meta.latitude: 91.0 is not valid", manifest("latitude: .*", "latitude: 91")),
    case("geographic-crs", "meta.crs: the CRS 'EPSG:4326' (WGS 84) is not metric", manifest("crs: EPSG:3067", "crs: EPSG:4326")),
    case("unknown-crs", "meta.crs: unknown CRS 'EPSG:999999'", manifest("crs: EPSG:3067", "crs: EPSG:999999")),
    case("layer-in-another-crs", "links: the layer is in EPSG:3857", layer("links", lambda f: f.to_crs(3857))),
    case("layer-without-crs", "zones: the layer has no CRS", layer("zones", lambda f: f.set_crs(None, allow_override=True))),
    case("package-duplicate-ids", "buildings: 1 ids occur more than once", layer("buildings", _twice)),
    case("no-ids", "buildings: ids have dtype int64", layer("buildings", lambda f: f.reset_index(drop=True))),
    case("empty-layer", "links: the layer is empty", layer("links", lambda f: f.iloc[:0])),
    case("package-negative-height", ".height_m: -3.0 is outside the range", layer("buildings", first("height_m", -3.0))),
    case("package-height-in-words", "buildings.height_m: dtype str", layer("buildings", lambda f: f.assign(height_m=f["height_m"].astype(str)))),
    case("missing-value", ".population: the value is missing or not finite", layer("buildings", first("population", np.nan))),
    case("unknown-use", ".use: unknown value 'residental'", layer("buildings", first("use", "residental"))),
    case("package-unknown-column", "buildings: unknown column 'colour'", layer("buildings", lambda f: f.assign(colour="red"))),
    case("missing-column", "links.lanes: the column is missing", layer("links", lambda f: f.drop(columns="lanes"))),
    case("unknown-node", ".from_node: 'nowhere' is not an id of nodes", layer("links", first("from_node", "nowhere"))),
    case("bow-tie-building", ".geometry: the geometry is not valid", layer("buildings", _bow_tie)),
    case("nan-corner", "links[", layer("links", _nan_corner)),
    case("year-of-8759-hours", "weather.temperature_c: shape (8759,)", layer("weather", lambda f: f.iloc[1:])),
    case("weather-with-nan", "weather.ghi_w_m2: 1 hours are not finite, first 0", layer("weather", first("ghi_w_m2", np.nan))),
    case("weather-in-kelvin", "weather.temperature_c: 8760 hours are outside", layer("weather", lambda f: f.assign(temperature_c=f["temperature_c"] + 273.15))),
    case("weather-in-words", "weather.temperature_c: dtype", layer("weather", lambda f: f.assign(temperature_c="cold"))),
    case("weather-without-wind", "the weather has no column 'wind_speed_m_s'", layer("weather", lambda f: f.drop(columns="wind_speed_m_s")), error="DataError"),
    case("terrain-of-another-size", "the terrain holds 1 heights", manifest("rows: 1", "rows: 1000000000000000000000"), error="DataError"),
    case("terrain-of-negative-size", "the terrain holds 1 heights", manifest("rows: 1\n  columns: 1", "rows: -1\n  columns: -1"), error="DataError"),
]  # fmt: skip
