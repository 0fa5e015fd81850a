"""Reading OpenStreetMap extracts (PBF) through pyrosm: raw buildings, roads, charging stations and trees."""

from __future__ import annotations

import datetime
import json
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from twin.city import osm_tags
from twin.city.osm_turns import Restriction, read_restrictions
from twin.city.pbf import check_pbf
from twin.city.roads import Way
from twin.city.schema import BUILDINGS, CHARGING_SITES, DERIVED, TREES, Layer
from twin.errors import DataError, MissingExtraError

LICENCE = "ODbL 1.0"
ATTRIBUTION = "© OpenStreetMap contributors"
COPYRIGHT_URL = "https://www.openstreetmap.org/copyright"
_BUILDING_KEYS = (
    "roof:shape",
    "roof:height",
    "roof:angle",
    "roof:direction",
    "healthcare",
    "tourism",
)
_TREE_KEYS = ("height", "est_height", "diameter_crown", "leaf_cycle", "leaf_type", "genus", "species", "wood", "type")
_SERVICE_KEYS = ("shop", "amenity", "level")
_ROAD_KEYS = ("junction", "ref", "lanes:forward", "lanes:backward", "maxspeed:forward", "maxspeed:backward")
# Columns of pyrosm that are no tags.
_FRAME_COLUMNS = frozenset(
    "id osm_type geometry timestamp version changeset visible tags u v length lon lat".split()  # noqa: SIM905
)

Bbox = tuple[float, float, float, float]


@dataclass(frozen=True)
class OsmData:
    """What an extract holds, in WGS 84; `date` is the day of its newest edit (ISO).

    `restrictions` are those on turns of cars, `restrictions_left_out` how many could not be used, by reason; `services`
    points with the `use` of shops and services on ground floors.
    """

    buildings: gpd.GeoDataFrame
    ways: tuple[Way, ...]
    road_nodes: gpd.GeoSeries
    charging_sites: gpd.GeoDataFrame
    date: str
    restrictions: tuple[Restriction, ...] = ()
    restrictions_left_out: Counter[str] = field(default_factory=Counter)
    trees: gpd.GeoDataFrame | None = None
    services: gpd.GeoDataFrame | None = None


def read_osm(path: str | Path, *, clip: Bbox | None = None, progress: Callable[[str], None] | None = None) -> OsmData:
    """Read an OSM PBF extract.

    Parameters
    ----------
    path : path of the ``.osm.pbf`` file
    clip : west, south, east, north in degrees; all when None
    progress : called with one line per step

    Returns
    -------
    OsmData
        Unknown values are NaN or None with an empty origin.

    Raises
    ------
    MissingExtraError
        pyrosm is not installed.
    DataError
        Not a PBF file, damaged or truncated, or without buildings or drivable roads.
    UnsafeFileError
        Refused before it was opened.
    """
    info = check_pbf(path)
    try:
        import pyrosm
    except ModuleNotFoundError as error:
        raise MissingExtraError("pyrosm", "osm", "reading OpenStreetMap PBF extracts") from error
    say = progress or (lambda line: None)
    with _pyrosm_errors(path):
        osm = pyrosm.OSM(str(path), bounding_box=list(clip) if clip else None)
        say("reading buildings")
        buildings = osm.get_buildings(extra_attributes=list(_BUILDING_KEYS))
        say("reading roads")
        network = osm.get_network("driving", nodes=True, extra_attributes=list(_ROAD_KEYS))
        say("reading charging stations")
        stations = osm.get_data_by_custom_criteria(
            custom_filter={"amenity": ["charging_station"]}, filter_type="keep", keep_relations=False
        )
        say("reading shops and services")
        services = osm.get_data_by_custom_criteria(
            custom_filter={"shop": True, "amenity": True},
            filter_type="keep",
            keep_ways=False,
            keep_relations=False,
            extra_attributes=list(_SERVICE_KEYS),
        )
        say("reading trees")
        trees = osm.get_data_by_custom_criteria(
            custom_filter={"natural": ["tree"]},
            filter_type="keep",
            keep_ways=False,
            keep_relations=False,
            extra_attributes=list(_TREE_KEYS),
        )
    if buildings is None or len(buildings) == 0:
        raise DataError("the extract holds no buildings", where=str(path))
    if network is None or network[1] is None or len(network[1]) == 0:
        raise DataError("the extract holds no road that cars may use", where=str(path))
    nodes, edges = network
    say("reading turn restrictions")
    restrictions, left_out = read_restrictions(path)
    road_nodes = gpd.GeoSeries(nodes.geometry.to_numpy(), index=nodes["id"].to_numpy(np.int64), crs=4326)
    with _pyrosm_errors(path):
        return OsmData(
            buildings=_buildings(buildings),
            ways=tuple(_ways(edges)),
            road_nodes=road_nodes,
            charging_sites=_charging_sites(stations),
            date=info.date or _newest(buildings, edges),
            restrictions=restrictions,
            restrictions_left_out=left_out,
            trees=_trees(trees),
            services=_services(services),
        )


@contextmanager
def _pyrosm_errors(path: str | Path) -> Iterator[None]:
    """Name what pyrosm raises on damaged data, and hush its notes about layers that are not there."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Could not find any", category=UserWarning)
        try:
            yield
        except (Exception, SystemError) as error:
            if isinstance(error, MemoryError):
                raise
            raise DataError(
                f"the OSM PBF file cannot be read: {type(error).__name__}: {str(error)[:200]}",
                where=str(path),
                remedy="copy or download it again",
            ) from error


def _tags(frame: pd.DataFrame) -> list[dict[str, str]]:
    """Return the tags of each row: the columns pyrosm made of them, and its JSON text of all others."""
    columns = [c for c in frame.columns if c not in _FRAME_COLUMNS]
    rows: list[dict[str, str]] = []
    others = frame["tags"].tolist() if "tags" in frame else [None] * len(frame)
    for values, other in zip(zip(*(frame[c].tolist() for c in columns), strict=True), others, strict=True):
        tags = dict(json.loads(other)) if isinstance(other, str) else {}
        tags |= {k: v for k, v in zip(columns, values, strict=True) if isinstance(v, str)}
        rows.append({k: str(v) for k, v in tags.items()})
    return rows


def _ids(frame: pd.DataFrame) -> list[str]:
    return [f"osm/{kind}/{number}" for kind, number in zip(frame["osm_type"], frame["id"], strict=True)]


def _raw_layer(layer: Layer, frame: gpd.GeoDataFrame, rows: list[dict[str, tuple[Any, str]]]) -> gpd.GeoDataFrame:
    """Return a raw layer: of each column its values and, as ``<name>_origin``, their origins."""
    data: dict[str, Any] = {}
    for name in rows[0] if rows else ():
        values = [row[name][0] for row in rows]
        column = layer.column(name)
        kind = {"bool": object}.get(column.dtype, np.float64)
        data[name] = pd.array(values, "str") if column.dtype == "str" else np.array(values, kind)
        if column.has_origin:
            data[f"{name}_origin"] = pd.array([row[name][1] for row in rows], "str")
    index = pd.Index(_ids(frame), dtype="str", name=layer.id_name)
    return gpd.GeoDataFrame(data, index=index, geometry=frame.geometry.to_numpy(), crs=4326).sort_index()


def _buildings(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    rows = []
    for tags in _tags(frame):
        unheated = tags.get("building") in osm_tags.UNHEATED
        rows.append(
            {
                "name": (osm_tags.building_name(tags), ""),
                "use": osm_tags.building_use(tags),
                "height_m": osm_tags.building_height(tags),
                "levels": osm_tags.building_levels(tags),
                "year_class": osm_tags.year_class(tags.get("start_date")),
                **osm_tags.roof(tags),
                "floor_area_m2": (0.0, DERIVED) if unheated else (np.nan, ""),
            }
        )
    return _raw_layer(BUILDINGS, frame, rows)


def _charging_sites(frame: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    if frame is None or len(frame) == 0:
        return gpd.GeoDataFrame(index=pd.Index([], dtype="str", name="site_id"), geometry=[], crs=4326)
    frame = frame.assign(geometry=frame.geometry.representative_point())
    rows: list[dict[str, tuple[Any, str]]] = [
        {"name": (tags.get("name") or tags.get("operator") or "", ""), **osm_tags.charging(tags)}
        for tags in _tags(frame)
    ]
    return _raw_layer(CHARGING_SITES, frame, rows)


def _trees(frame: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    if frame is None or len(frame) == 0:
        return None
    points = frame[frame.geometry.geom_type == "Point"]
    rows: list[dict[str, tuple[Any, str]]] = [dict(osm_tags.tree(tags)) for tags in _tags(points)]
    return _raw_layer(TREES, points, rows)


def _services(frame: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    if frame is None or len(frame) == 0:
        return None
    uses = pd.array([osm_tags.street_use(tags) for tags in _tags(frame)], "str")
    points = gpd.GeoDataFrame({"use": uses}, geometry=frame.geometry.to_numpy(), crs=4326)
    return points[points["use"].notna() & (points.geometry.geom_type == "Point")]


def _ways(edges: pd.DataFrame) -> Iterator[Way]:
    """Put the segments of pyrosm together to ways; where nodes of a way are missing it goes on as a new part."""
    u, v, ids = (edges[c].to_numpy(np.int64) for c in ("u", "v", "id"))
    whole = np.concatenate([[False], (ids[1:] == ids[:-1]) & (u[1:] == v[:-1])])
    starts = np.flatnonzero(~whole)
    tags = _tags(edges.iloc[starts])
    for k, (first, last) in enumerate(zip(starts, [*starts[1:], len(edges)], strict=True)):
        yield Way(int(ids[first]), tags[k], (int(u[first]), *map(int, v[first:last])))


def _newest(*frames: pd.DataFrame) -> str:
    seconds = max((float(f["timestamp"].max()) for f in frames if "timestamp" in f), default=0.0)
    if not (math.isfinite(seconds) and 0 < seconds < 2**33):
        return ""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).date().isoformat()
