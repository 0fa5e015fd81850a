"""Every hour of the year on roof planes and on storeys of walls: in memory for some of them, in a store for all.

The annual figures of `simulate_solar` are sums of these hours. They are computed again when they are asked for: a
plane takes 105 kB, which few questions need.

The store is a Zarr group (version 3) that xarray and zarr read: ``planes`` and, where asked for, ``storeys`` hold
float32 arrays [surface, hour] of 8760 hours each, local standard time, hour 0 from midnight on 1 January; hour k is the
mean of [k, k + 1). Chunks hold some surfaces with all their hours.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.model import HOURS, City, Weather
from twin.errors import DataError, did_you_mean
from twin.solar.facades import Facades, facades
from twin.solar.irradiance import Irradiance
from twin.solar.parameters import SolarParameters
from twin.solar.roofs import CELL_M, Roofs
from twin.solar.shapes import shapes_of_city
from twin.solar.sources import Source, VectorSource
from twin.solar.surfaces import (
    CHUNK,
    LitSurfaces,
    Surroundings,
    module_surfaces,
    plane_irradiance,
    pv_output,
    roof_surfaces,
)

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]
Progress = Callable[[int, int], None]

STORED_SURFACES = 128
"""Surfaces of a chunk of the store, 4.5 MB before compression; blocks of `CHUNK` planes fill whole chunks."""
FORMAT = "twin-solar-hourly-1"
QUANTITIES: Mapping[str, tuple[str, str]] = {
    "irradiance_w_m2": ("W/m2", "irradiance on the surface, with shading and reflected light, mean of the hour"),
    "sunlit_share": ("1", "share of the surface that the sun reaches where the hour has direct light, else 0; light "
                     "through tree crowns counts by the season; a surface turned away from the sun may count as lit"),
    "ac_kw_kwp": ("kW/kWp", "AC output of modules of 1 kWp: flush with the surface, on racks in rows on flat roofs"),
}  # fmt: skip

UNITS = {"tilt_deg": "degree", "azimuth_deg": "degree", "area_m2": "m2"}


@dataclass(frozen=True)
class HourlyLight:
    """The hours of some surfaces, float32 [surfaces, 8760]; `about` has a row with id, place and size of each."""

    about: pd.DataFrame
    irradiance_w_m2: Float32
    sunlit_share: Float32
    ac_kw_kwp: Float32


def hourly_planes(
    city: City,
    weather: Weather,
    parameters: SolarParameters,
    roofs: Roofs,
    planes: Sequence[str],
    *,
    variant: str = "numba",
) -> HourlyLight:
    """Return the hours of some roof planes, in the order asked for, whether they suit PV or not.

    Parameters
    ----------
    city : City
    weather : Weather
    parameters : SolarParameters
    roofs : Roofs
        From `prepare_roofs` of the same city.
    planes : sequence of str
        Plane ids.
    variant : str
        Kernel variant.

    Raises
    ------
    DataError
        A plane that the roofs do not have, or roofs of another city.
    """
    roofs.planes(city)
    known = pd.Index(roofs.plane_id)
    rows = known.get_indexer(pd.Index(planes)).astype(np.int64)
    for name, row in zip(planes, rows, strict=True):
        if row < 0:
            raise DataError(f"the city has no roof plane {name!r}", remedy=did_you_mean(name, list(known[:5000])))
    around = Surroundings.of(weather, parameters, roofs, variant)
    parts = [_of_planes(roofs, rows[low : low + CHUNK], around) for low in range(0, len(rows), CHUNK)]
    return _joined(_about_planes(city, roofs, rows), parts)


def hourly_storeys(
    city: City,
    weather: Weather,
    parameters: SolarParameters,
    roofs: Roofs,
    buildings: Sequence[str],
    *,
    variant: str = "numba",
) -> HourlyLight:
    """Return the hours of the walls of some buildings by storey, with PV flush with the wall.

    Parameters are those of `hourly_planes`; `buildings` are ids, and should lie together (`facades`).

    Raises
    ------
    DataError
        A building that the city does not have, or roofs of another city.
    """
    roofs.planes(city)
    around = Surroundings.of(weather, parameters, roofs, variant)
    walls = facades(city, buildings, variant=variant)
    parts = [_of_storeys(walls, some, around) for some in _chunks(len(walls.building))]
    return _joined(_about_storeys(city, walls), parts)


def write_hourly(
    path: Path,
    city: City,
    weather: Weather,
    parameters: SolarParameters,
    roofs: Roofs,
    *,
    storeys_of: Sequence[str] = (),
    source: Source | None = None,
    progress: Progress | None = None,
    variant: str = "numba",
) -> None:
    """Write the hours of every roof plane, and of the walls of some buildings by storey, to a Zarr store.

    `CHUNK` planes, or the walls of one building, are in memory at once. The store is written under another name beside
    `path` and renamed when it is whole; one that is there is replaced.

    Parameters
    ----------
    path : Path
        Folder of the store.
    city : City
    weather : Weather
    parameters : SolarParameters
    roofs : Roofs
        From `prepare_roofs` of the same city.
    storeys_of : sequence of str
        Ids of buildings whose walls are written too.
    source : Source, optional
        Where the walls stand, as in `facades`; by default the city's shapes.
    progress : callable, optional
        Called with (planes done, planes in all), then with (buildings done, buildings in all) for the walls.
    variant : str
        Kernel variant.

    Raises
    ------
    DataError
        A building that the city does not have, or roofs of another city.
    """
    import zarr

    roofs.planes(city)
    for name in storeys_of:
        if name not in city.buildings.index:
            raise DataError(f"the city has no building {name!r}", remedy=did_you_mean(name, city.buildings.index))
    say = progress or (lambda *_: None)
    around = Surroundings.of(weather, parameters, roofs, variant)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        store = zarr.open_group(part, mode="w")
        store.attrs.update(
            {"format": FORMAT, "city": city.meta.title, "weather": weather.title, "calendar": "8760 hours, no leap day",
             "time": f"local standard time, UTC {weather.utc_offset_h:+g} h"}
        )  # fmt: skip
        count = len(roofs.plane_id)
        group = store.create_group("planes")
        arrays = _arrays(group)
        for some in _chunks(count):
            say(int(some[0]), count)
            _append(arrays, _of_planes(roofs, some, around))
        _describe(group, _about_planes(city, roofs, np.arange(count)))
        if len(storeys_of):
            _write_storeys(store.create_group("storeys"), city, storeys_of, source, around, say)
        say(count, count)
        shutil.rmtree(path, ignore_errors=True)
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write_storeys(
    group: Any, city: City, buildings: Sequence[str], source: Source | None, around: Surroundings, say: Progress
) -> None:
    """Write the storeys of the walls of some buildings, one building after the other."""
    arrays, tables = _arrays(group), []
    names, source = sorted(set(buildings)), source or VectorSource(shapes_of_city(city, CELL_M))
    for done, name in enumerate(names):
        say(done, len(names))
        walls = facades(city, [name], source=source, variant=around.variant)
        tables.append(_about_storeys(city, walls))
        for some in _chunks(len(walls.building)):
            _append(arrays, _of_storeys(walls, some, around))
    _describe(group, pd.concat(tables))


def _arrays(group: Any) -> dict[str, Any]:
    """Return the empty arrays of the hours, which grow block by block."""
    from zarr.codecs import BloscCodec

    return {
        quantity: group.create_array(
            quantity, shape=(0, HOURS), chunks=(STORED_SURFACES, HOURS), dtype="float32", fill_value=0.0,
            compressors=BloscCodec(cname="zstd", clevel=3, shuffle="shuffle", typesize=4),
            dimension_names=("surface", "hour"), attributes={"units": unit, "long_name": meaning},
        )
        for quantity, (unit, meaning) in QUANTITIES.items()
    }  # fmt: skip


def _append(arrays: Mapping[str, Any], found: Mapping[str, Float32]) -> None:
    for quantity, array in arrays.items():
        array.append(found[quantity])


def _describe(group: Any, about: pd.DataFrame) -> None:
    """Write id, place and size of surfaces as arrays over them."""
    for name, values in about.reset_index().items():
        text = not pd.api.types.is_numeric_dtype(values.dtype)
        array = group.create_array(
            str(name), shape=(len(about),), chunks=(max(len(about), 1),), dtype=str if text else values.dtype.name,
            dimension_names=("surface",), attributes={"units": UNITS[str(name)]} if name in UNITS else {},
        )  # fmt: skip
        array[:] = values.to_numpy(object) if text else values.to_numpy()


def _chunks(count: int) -> Iterator[Int]:
    for low in range(0, count, CHUNK):
        yield np.arange(low, min(low + CHUNK, count))


def _about_planes(city: City, roofs: Roofs, rows: Int) -> pd.DataFrame:
    columns = {
        "building_id": np.asarray(city.buildings.index)[roofs.plane_building[rows]],
        "tilt_deg": roofs.tilt_deg[rows],
        "azimuth_deg": roofs.azimuth_deg[rows],
        "area_m2": roofs.area_m2[rows],
    }
    return pd.DataFrame(columns, index=pd.Index(roofs.plane_id[rows].tolist(), name="plane_id", dtype="str"))


def _about_storeys(city: City, walls: Facades) -> pd.DataFrame:
    table = walls.frame(city)[["building_id", "wall", "storey", "azimuth_deg", "area_m2"]]
    ids = [
        f"{b}/wall{w}/storey{s}" for b, w, s in zip(table["building_id"], table["wall"], table["storey"], strict=True)
    ]
    return table.set_axis(pd.Index(ids, name="storey_id", dtype="str"), axis=0)


def _of_planes(roofs: Roofs, rows: Int, around: Surroundings) -> dict[str, Float32]:
    plain = roof_surfaces(roofs, rows, roofs.tilt_deg[rows], roofs.azimuth_deg[rows], around.light)
    return _hours(plain, module_surfaces(roofs, rows, around), around)


def _of_storeys(walls: Facades, rows: Int, around: Surroundings) -> dict[str, Float32]:
    lit = np.zeros((len(rows), HOURS), np.uint8)
    lit[:, walls.hours] = walls.lit[rows]
    sky, upright = walls.sky_share[rows], np.full(len(rows), 90.0)
    plain = LitSurfaces.of(upright, walls.azimuth_deg[rows], np.ascontiguousarray(lit[:, around.light.hours]), sky, sky)
    return _hours(plain, plain, around)


def _hours(plain: LitSurfaces, modules: LitSurfaces, around: Surroundings) -> dict[str, Float32]:
    """Return the quantities of surfaces and of the modules on them, float32 [surfaces, 8760] each."""
    light = around.light
    lit = np.where(light.beam > 0.0, plain.lit, np.uint8(0)).astype(np.float32) / np.float32(255.0)
    found = {
        "irradiance_w_m2": plane_irradiance(plain, around)[0],
        "sunlit_share": lit,
        "ac_kw_kwp": pv_output(modules, around)[0],
    }
    return {name: _over_the_year(values, light) for name, values in found.items()}


def _over_the_year(values: Float32, light: Irradiance) -> Float32:
    out = np.zeros((len(values), HOURS), np.float32)
    out[:, light.hours] = values
    return out


def _joined(about: pd.DataFrame, parts: list[dict[str, Float32]]) -> HourlyLight:
    none = np.zeros((0, HOURS), np.float32)
    return HourlyLight(about, **{name: np.concatenate([none, *(p[name] for p in parts)]) for name in QUANTITIES})
