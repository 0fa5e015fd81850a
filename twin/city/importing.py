"""From open data to a complete city: read, project, repair, fill, divide into zones, add weather, check."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from twin.city.check import validated
from twin.city.climate import weather_from_normals
from twin.city.door import SUFFIXES, sha256
from twin.city.epw import check_weather_location, distance_km, read_epw
from twin.city.geometry import check_crs, metric_crs, repair_lines, repair_polygons, to_metric
from twin.city.impute import complete_buildings, complete_charging_sites, complete_links
from twin.city.model import City, Metadata, Source, Weather
from twin.city.normals import builtin_normals, load_normals
from twin.city.osm import ATTRIBUTION, COPYRIGHT_URL, LICENCE, Bbox, read_osm
from twin.city.osm_turns import Restriction
from twin.city.roads import NodeId, Way, build_network
from twin.city.vector import Mapped, read_buildings, read_roads, ways_of_lines
from twin.city.yaml import read_yaml
from twin.city.zones import assign_zones, grid_zones
from twin.errors import DataError, GeometryError, UsageError, WeatherError, did_you_mean

WEATHER_REACH_KM = 250.0
"""Built-in climate normals stand for places up to this far when no weather is named (assumption)."""
REACH_DEG = 0.05
"""Farthest that the roads may lie from the buildings, about 5 km (assumption)."""
DISTRICT_HEATED = frozenset(("DK", "EE", "FI", "IS", "LT", "LV", "SE"))
"""Countries whose towns are taken to be on district heating when nothing else is said (assumption)."""

Say = Callable[[str], None]


@dataclass
class _Raw:
    """What a reader gives: raw layers in WGS 84 or the file's own CRS, and what there is to say about them."""

    buildings: gpd.GeoDataFrame
    charging_sites: gpd.GeoDataFrame
    sources: list[Source]
    origin: str
    ways: tuple[Way, ...] = ()
    road_nodes: gpd.GeoSeries | None = None
    road_lines: gpd.GeoDataFrame | None = None
    restrictions: tuple[Restriction, ...] = ()
    restrictions_left_out: Mapping[str, int] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)


def import_city(
    path: str | Path,
    name: str,
    *,
    title: str | None = None,
    country: str | None = None,
    utc_offset_h: float | None = None,
    weather: str | Path | None = None,
    roads: str | Path | None = None,
    mapping: Mapping[str, Mapped] | str | Path | None = None,
    crs: str | None = None,
    zone_cell_m: float = 250.0,
    heat_supply: str | None = None,
    clip: Bbox | None = None,
    source: Mapping[str, str] | None = None,
    progress: Say | None = None,
) -> City:
    """Import a city from an OSM extract, or from a file of buildings and one of roads.

    Parameters
    ----------
    path : OSM PBF extract (``.pbf``), or any vector file of buildings that `twin.city.door` opens
    name : short name, for example ``helsinki-centre``
    title : name to print; the short name when None
    country : ISO 3166-1 code; that of the nearest built-in climate normals when None, else ``ZZ`` (unknown)
    utc_offset_h : local standard time; that of the weather when None
    weather : an EPW file, a YAML file of monthly normals, or the name of built-in normals. The nearest built-in normals
        within 250 km when None.
    roads : vector file of road lines, beside a file of buildings
    mapping : ``{"buildings": {...}, "roads": {...}}`` as in `twin.city.vector`, or the path of a YAML file with it
    crs : metric CRS; a fitting one when None
    zone_cell_m : side of the square zones, m
    heat_supply : the usual heat supply; by country when None
    clip : west, south, east, north in degrees, for PBF
    source : licence, attribution, title and url of the data, where they are not those of OpenStreetMap
    progress : called with one line per step

    Raises
    ------
    UsageError
        Options that do not go together.
    DataError, UnsafeFileError, WeatherError
        Input that cannot be used; see the readers.
    """
    say = progress or (lambda line: None)
    if str(path).lower().endswith(".pbf"):
        if roads or mapping:
            raise UsageError("--roads and --mapping are for vector files; an OSM extract brings its own roads")
        raw = _from_osm(path, clip, source or {}, say)
    else:
        if clip:
            raise UsageError("clip is for OSM extracts")
        raw = _from_vector(path, roads, mapping, source or {}, say)
    say("projecting and repairing")
    west, south, east, north = raw.buildings.to_crs(4326).total_bounds
    longitude, latitude = float(west + east) / 2, float(south + north) / 2
    year, station, notes = _weather(weather, latitude, longitude)
    if country is None:
        country = station or "ZZ"
        notes.append(f"country: {country}, from the climate station" if station else "country: unknown (ZZ)")
    crs = crs or metric_crs(longitude, latitude, country)
    if heat_supply is None:
        heat_supply = "district_heating" if country in DISTRICT_HEATED else "gas_boiler"
        notes.append(f"heat supply: {heat_supply} taken as the usual one of {country}")
    buildings, log = repair_polygons(to_metric(raw.buildings, crs), "buildings")
    nodes, links, roads_log = _network(raw, buildings, crs)
    notes.append(f"elevation: {year.elevation_m:g} m taken from the weather station")
    meta = Metadata(
        name=name,
        title=title or name,
        country=country,
        crs=crs,
        latitude=round(latitude, 5),
        longitude=round(longitude, 5),
        utc_offset_h=year.utc_offset_h if utc_offset_h is None else float(utc_offset_h),
        elevation_m=year.elevation_m,
        heat_supply=heat_supply,
        sources=(*raw.sources, year.source),
        repairs=(*raw.log, *log, *roads_log, *notes),
    )
    say("filling what is missing")
    complete = complete_buildings(buildings, meta)
    zones = grid_zones(complete, zone_cell_m)
    complete["zone_id"] = assign_zones(complete, zones)
    sites = complete_charging_sites(to_metric(raw.charging_sites, crs))
    sites["zone_id"] = assign_zones(sites, zones)
    say("checking")
    return validated(
        City(
            meta=meta,
            buildings=complete,
            nodes=nodes,
            links=complete_links(links),
            zones=zones,
            charging_sites=sites,
            weather=year,
        )
    )


def _from_osm(path: str | Path, clip: Bbox | None, about: Mapping[str, str], say: Say) -> _Raw:
    data = read_osm(path, clip=clip, progress=say)
    source = Source(
        id=f"osm:{Path(path).name}",
        title=about.get("title", f"OpenStreetMap extract {Path(path).name}"),
        licence=LICENCE,
        attribution=ATTRIBUTION,
        url=about.get("url", COPYRIGHT_URL),
        sha256=sha256(path),
        crs="EPSG:4326",
        date=data.date,
    )
    return _Raw(
        data.buildings,
        data.charging_sites,
        [source],
        "osm",
        ways=data.ways,
        road_nodes=data.road_nodes,
        restrictions=data.restrictions,
        restrictions_left_out=data.restrictions_left_out,
    )


def _from_vector(
    path: str | Path,
    roads: str | Path | None,
    mapping: Mapping[str, Mapped] | str | Path | None,
    about: Mapping[str, str],
    say: Say,
) -> _Raw:
    if Path(path).suffix.lower() not in SUFFIXES:
        raise DataError(
            f"files named {Path(path).suffix or 'without a suffix'!r} are not read",
            where=str(path),
            expected="an OSM extract (.osm.pbf) or one of " + ", ".join(SUFFIXES),
        )
    if roads is None:
        raise UsageError("a city needs roads too", where=str(path), remedy="name a file of road lines with --roads")
    rules = read_yaml(mapping, error=DataError)[0] if isinstance(mapping, (str, Path)) else dict(mapping or {})
    place = str(mapping) if isinstance(mapping, (str, Path)) else None
    for key in rules:
        if key not in ("buildings", "roads"):
            raise DataError(
                f"the mapping has an unknown part {key!r}",
                where=place,
                remedy=did_you_mean(key, ("buildings", "roads")),
            )
        if not isinstance(rules[key], Mapping):
            raise DataError(
                f"the part {key!r} of the mapping is {rules[key]!r:.60}",
                where=place,
                expected="our column -> column of the file or constant",
            )
    say("reading buildings")
    buildings = read_buildings(path, rules.get("buildings"))
    check_crs(buildings, str(path))
    say("reading roads")
    lines = read_roads(roads, rules.get("roads"))
    check_crs(lines, str(roads))
    _check_together(buildings, lines, str(roads))
    sites = gpd.GeoDataFrame(index=gpd.pd.Index([], dtype="str", name="site_id"), geometry=[], crs=buildings.crs)
    sources = [_file_source(p, layer.crs.to_string(), about) for p, layer in ((path, buildings), (roads, lines))]
    return _Raw(buildings, sites, sources, Path(roads).stem, road_lines=lines)


def _check_together(buildings: gpd.GeoDataFrame, lines: gpd.GeoDataFrame, where: str) -> None:
    """Raise GeometryError where no road comes near the buildings: the files are of two places."""
    houses, streets = (shapely.box(*layer.to_crs(4326).total_bounds) for layer in (buildings, lines))
    if not shapely.dwithin(houses, streets, REACH_DEG):
        raise GeometryError(
            f"the roads lie {shapely.distance(houses, streets):.2f} degrees from the buildings",
            where=where,
            expected="roads of the same place",
            remedy="check both files and their reference systems",
        )


def _file_source(path: str | Path, crs: str, about: Mapping[str, str]) -> Source:
    stamp = datetime.datetime.fromtimestamp(Path(path).stat().st_mtime, datetime.UTC)
    return Source(
        id=f"file:{Path(path).name}",
        title=about.get("title", Path(path).name),
        licence=about.get("licence", "not stated"),
        attribution=about.get("attribution", "not stated"),
        url=about.get("url", ""),
        sha256=sha256(path),
        crs=crs,
        date=stamp.date().isoformat(),
    )


def _network(raw: _Raw, buildings: gpd.GeoDataFrame, crs: str) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, list[str]]:
    log: list[str] = []
    positions: dict[NodeId, tuple[float, float]]
    if raw.road_lines is not None:
        lines, log = repair_lines(to_metric(raw.road_lines, crs), "roads")
        ways, positions = ways_of_lines(lines)
    else:
        assert raw.road_nodes is not None
        points = raw.road_nodes.to_crs(crs)
        ways = list(raw.ways)
        positions = dict(
            zip(points.index.tolist(), zip(points.x.tolist(), points.y.tolist(), strict=True), strict=True)
        )
    everything = np.vstack([shapely.get_coordinates(buildings.geometry.to_numpy()), list(positions.values())])
    nodes, links, more = build_network(
        ways,
        positions,
        crs,
        everything,
        source=raw.origin,
        restrictions=raw.restrictions,
        left_out=raw.restrictions_left_out,
    )
    return nodes, links, [*log, *more]


def _weather(wanted: str | Path | None, latitude: float, longitude: float) -> tuple[Weather, str, list[str]]:
    """Return the weather year, the country of the built-in station used (else empty), and notes."""
    stations = builtin_normals()
    if wanted is None:
        distance, name = min(
            (distance_km(n.latitude, n.longitude, latitude, longitude), key) for key, n in stations.items()
        )
        if distance > WEATHER_REACH_KM:
            raise WeatherError(
                f"no built-in climate normals within {WEATHER_REACH_KM:.0f} km; the nearest, {name}, is "
                f"{distance:.0f} km away",
                expected="weather of the place",
                remedy="name an EPW file, or a YAML file of monthly normals, with --weather",
            )
        note = f"weather: generated from the normals of {name}, {distance:.0f} km away, since none was named"
        return weather_from_normals(stations[name]), stations[name].country, [note]
    text = str(wanted)
    if text.lower().endswith(".epw"):
        year = read_epw(text)
        check_weather_location(year, latitude, longitude)
        return year, "", []
    if text.lower().endswith((".yaml", ".yml")):
        normals = load_normals(text)
    else:
        matches = [key for key in stations if key == text or key.startswith(f"{text}-")]
        if len(matches) != 1:
            raise WeatherError(
                f"no built-in climate normals are named {text!r}",
                expected="an .epw file, a .yaml file of monthly normals, or a name",
                remedy=did_you_mean(text, stations),
            )
        normals = stations[matches[0]]
    year = weather_from_normals(normals)
    check_weather_location(year, latitude, longitude, max_km=WEATHER_REACH_KM)
    return year, normals.country, []
