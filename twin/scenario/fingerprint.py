"""Fingerprints: one hash over everything that can change a number."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import twin

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.city.model import City, Weather

_NUMERIC_PACKAGES = ("numpy", "numba", "scipy", "shapely", "pandas", "geopandas", "pyproj", "simpy")
_SHOWING = ("decision", "report", "cli")
"""Rooms that read the numbers of a run and add none to it."""


def versions() -> dict[str, str]:
    """Return the versions of this program and of the packages whose arithmetic enters results."""
    return {"twin": twin.__version__, **{name: version(name) for name in _NUMERIC_PACKAGES}}


@lru_cache(maxsize=1)
def source_hash() -> str:
    """Return a hash of the installed source that computes numbers, so that a changed model is another run."""
    root = Path(twin.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] in _SHOWING:
            continue
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def layer_hash(layer: gpd.GeoDataFrame, without: tuple[str, ...] = ()) -> str:
    """Return a hash of ids, geometry and columns of a layer, in order, leaving out the columns in `without`."""
    digest = hashlib.sha256()
    for part in layer.index:
        digest.update(f"{part}\n".encode())
    digest.update(b"".join(layer.geometry.to_wkb()))
    for name in sorted(set(layer.columns) - {layer.geometry.name, *without}):
        column = layer[name]
        digest.update(name.encode())
        if pd.api.types.is_numeric_dtype(column.dtype):
            digest.update(np.ascontiguousarray(column.to_numpy()).tobytes())
        else:
            digest.update("\n".join(map(str, column)).encode())
    return digest.hexdigest()


def weather_hash(weather: Weather) -> str:
    """Return a hash of the hourly values and the site."""
    digest = hashlib.sha256()
    for name, values in sorted(weather.channels().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    site = (weather.latitude, weather.longitude, weather.utc_offset_h, weather.elevation_m)
    digest.update(repr(site).encode())
    return digest.hexdigest()


def city_hash(city: City) -> str:
    """Return a hash of every layer, the city's own tables, the weather, the terrain and the metadata."""
    digest = hashlib.sha256()
    for layer in (city.buildings, city.nodes, city.links, city.zones, city.charging_sites):
        digest.update(layer_hash(layer).encode())
    for optional in (city.roof_planes, city.trees):
        digest.update(b"none" if optional is None else layer_hash(optional).encode())
    for table in (city.archetypes, city.electricity):
        digest.update(b"none" if table is None else table.to_csv().encode())
    digest.update(weather_hash(city.weather).encode())
    digest.update(np.ascontiguousarray(city.terrain.height_m).tobytes())
    digest.update(json.dumps(dataclasses.asdict(city.meta), sort_keys=True).encode())
    return digest.hexdigest()


def combined(*parts: object) -> str:
    """Return a hash of the reprs of the parts."""
    return hashlib.sha256("\x1f".join(map(repr, parts)).encode()).hexdigest()
