"""``city.yaml``: what a city package says of itself, checked key by key with line and column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from twin.city.model import Metadata, Source
from twin.city.yaml import KeyPath, Positions, read_yaml
from twin.errors import DataError, TwinError, did_you_mean

SCHEMA_VERSION = 1
_TEXT, _NUMBER, _COUNT, _MAPPING, _LIST = "a text", "a number", "a whole number", "a mapping", "a list"


@dataclass(frozen=True)
class _Key:
    kind: str
    required: bool = True


def _keys_of(cls: type, *left_out: str) -> dict[str, _Key]:
    kinds = {"str": _TEXT, "float": _NUMBER}
    return {
        f.name: _Key(kinds[str(f.type)], f.default is MISSING and f.default_factory is MISSING)
        for f in fields(cls)
        if f.name not in left_out
    }


_PLACE = {name: _Key(_NUMBER) for name in ("latitude", "longitude", "utc_offset_h", "elevation_m")}
_SOURCE = _keys_of(Source)
_META = _keys_of(Metadata, "sources", "repairs")
_TOP = {
    "schema_version": _Key(_COUNT),
    **_META,
    "sources": _Key(_LIST),
    "weather": _Key(_MAPPING),
    "terrain": _Key(_MAPPING),
    "files": _Key(_MAPPING),
}
_WEATHER = {"title": _Key(_TEXT), **_PLACE, "source": _Key(_MAPPING)}
_TERRAIN = {name: _Key(_NUMBER) for name in ("west", "north", "cell_m")} | {
    name: _Key(_COUNT) for name in ("rows", "columns")
}
_FILE = {"path": _Key(_TEXT), "sha256": _Key(_TEXT)}


@dataclass(frozen=True)
class Manifest:
    """The content of ``city.yaml``; `weather` and `terrain` hold what is not in their tables."""

    meta: Metadata
    weather: dict[str, Any]
    terrain: dict[str, Any]
    files: dict[str, dict[str, str]]
    positions: Positions

    def where(self, *path: str | int) -> str:
        """Return ``file:line:column`` of a key path."""
        return self.positions.where(path)


def read_manifest(path: Path, *, files: Sequence[str], optional: Sequence[str] = ()) -> Manifest:
    """Read and check ``city.yaml``.

    Parameters
    ----------
    path : Path
    files : sequence of str
        Names that must stand under ``files``.
    optional : sequence of str
        Names that may stand there too; no others may.

    Raises
    ------
    DataError
        Holding every key that is missing, unknown or of the wrong kind; or an unknown schema version.
    """
    data, positions = read_yaml(path, error=DataError)
    version = data.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise DataError(
            f"schema version {version!r} is not known",
            where=positions.where(("schema_version",)),
            expected=f"schema_version: {SCHEMA_VERSION}",
            remedy="rebuild the package with this version of twin",
        )
    check = _Check(positions)
    top = check.mapping(data, (), _TOP)
    sources = [check.mapping(item, ("sources", k), _SOURCE) for k, item in enumerate(_as(list, data.get("sources")))]
    weather = check.mapping(_as(dict, data.get("weather")), ("weather",), _WEATHER)
    weather_source = check.mapping(_as(dict, weather.get("source")), ("weather", "source"), _SOURCE)
    terrain = check.mapping(_as(dict, data.get("terrain")), ("terrain",), _TERRAIN)
    named = dict.fromkeys(files, _Key(_MAPPING)) | dict.fromkeys(optional, _Key(_MAPPING, required=False))
    entries = check.mapping(_as(dict, data.get("files")), ("files",), named)
    tables = {name: check.mapping(entry, ("files", name), _FILE) for name, entry in entries.items()}
    if check.problems:
        raise DataError("the city package does not fit its schema", where=str(path), problems=check.problems)
    return Manifest(
        meta=Metadata(
            **{name: top[name] for name in _META if name in top}, sources=tuple(Source(**s) for s in sources)
        ),
        weather=weather | {"source": Source(**weather_source)},
        terrain=terrain,
        files=tables,
        positions=positions,
    )


def _as(kind: type, value: Any) -> Any:
    """Return the value, or an empty one where its kind is wrong (which `_Check` reports with its parent)."""
    return value if isinstance(value, kind) else kind()


class _Check:
    """Collects what is wrong with mappings of known keys."""

    def __init__(self, positions: Positions) -> None:
        self.positions = positions
        self.problems: list[TwinError] = []

    def mapping(self, data: Any, path: KeyPath, keys: Mapping[str, _Key]) -> dict[str, Any]:
        """Return the entries of the right kind; numbers become float."""
        if not isinstance(data, dict):
            self._add(f"{data!r:.60} is not {_MAPPING}", path)
            return {}
        for name in data:
            if name not in keys:
                self._add(f"unknown key {name!r}", (*path, name), key=True, remedy=did_you_mean(name, keys))
        for name, key in keys.items():
            if key.required and name not in data:
                self._add(f"the key {name!r} is missing", path, expected=key.kind)
        good = {}
        for name, value in data.items():
            if name in keys and _fits(value, keys[name].kind):
                good[name] = float(value) if keys[name].kind == _NUMBER else value
            elif name in keys:
                self._add(f"{name}: {value!r:.60} does not fit", (*path, name), expected=keys[name].kind)
        return good

    def _add(
        self, what: str, path: KeyPath, *, key: bool = False, expected: str | None = None, remedy: str | None = None
    ) -> None:
        where = self.positions.where(path, key=key)
        self.problems.append(DataError(what, where=where, expected=expected, remedy=remedy))


def _fits(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return False
    if kind == _NUMBER:
        return isinstance(value, (int, float)) and abs(value) < 1e300 and math.isfinite(value)
    types = {_TEXT: str, _COUNT: int, _MAPPING: dict, _LIST: list}
    return isinstance(value, types[kind])
