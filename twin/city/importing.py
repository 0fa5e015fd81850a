"""From open data to a complete city: read, project, repair, fill, divide into zones, add weather, check."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from twin.city.check import validated
from twin.city.door import SUFFIXES, sha256
from twin.city.frames import layer_frame
from twin.city.geometry import check_crs, check_together, metric_crs, repair_lines, repair_polygons, to_metric
from twin.city.ground_floors import with_ground_floors
from twin.city.impute import complete_buildings, complete_charging_sites, complete_links
from twin.city.model import City, Metadata, Source, Terrain
from twin.city.osm import ATTRIBUTION, COPYRIGHT_URL, LICENCE, Bbox, read_osm
from twin.city.osm_turns import Restriction
from twin.city.own_tables import read_own_tables
from twin.city.roads import NodeId, Way, build_network
from twin.city.schema import LINKS, NODES
from twin.city.solids_crs import crs_text, horizontal_crs
from twin.city.solids_file import ENDINGS, solid_format
from twin.city.solids_import import read_solids
from twin.city.trees import trees_of
from twin.city.vector import Mapped, read_buildings, read_mapping, read_roads, ways_of_lines
from twin.city.weather_of_place import weather_of_place
from twin.city.zones import assign_zones, grid_zones
from twin.errors import DataError, UsageError

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
    crs: str | None = None
    roof_planes: gpd.GeoDataFrame | None = None
    terrain: Terrain | None = None
    trees: gpd.GeoDataFrame | None = None
    services: gpd.GeoDataFrame | None = None


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
    archetypes: str | Path | None = None,
    electricity: str | Path | None = None,
    climate_change: str | Path | None = None,
    progress: Say | None = None,
) -> City:
    """Import a city from an OSM extract, from a file of buildings and one of roads, or from a 3D city file.

    Parameters
    ----------
    path : OSM PBF extract (``.pbf``), any vector file of buildings that `twin.city.door` opens, or a CityJSON or
        CityGML file (`twin.city.solids_import`), whose roof planes and terrain the city then has
    name : short name, for example ``helsinki-centre``
    title : name to print; the short name when None
    country : ISO 3166-1 code; that of the nearest built-in climate normals when None, else ``ZZ`` (unknown)
    utc_offset_h : local standard time; that of the weather when None
    weather : an EPW file, a YAML file of monthly normals, or the name of built-in normals. The nearest built-in normals
        within 250 km when None.
    roads : vector file of road lines, beside a file of buildings; a 3D city may do without, and then has no links
    mapping : ``{"buildings": {...}, "roads": {...}}`` as in `twin.city.vector`, or the path of a YAML file with it
    crs : metric CRS; a fitting one when None. Of a 3D city file: the CRS of its coordinates, where it names none; the
        city keeps it, since turned roofs would no longer be exact.
    zone_cell_m : side of the square zones, m
    heat_supply : the usual heat supply; by country when None
    clip : west, south, east, north in degrees, for PBF
    source : licence, attribution, title and url of the data, where they are not those of OpenStreetMap
    archetypes : a table of the city's own archetypes (`twin.city.archetype_files`)
    electricity : a CSV file of hourly prices and CO2 of electricity (`twin.city.tariffs`)
    climate_change : a CSV file of monthly changes of the weather (`twin.city.morph`)
    progress : called with one line per step

    Raises
    ------
    UsageError
        Options that do not go together.
    DataError, UnsafeFileError, WeatherError
        Input that cannot be used; see the readers.
    """
    say = progress or (lambda line: None)
    crs = crs_text(horizontal_crs("", "--crs", crs)) if crs else None
    if str(path).lower().endswith(".pbf"):
        if roads or mapping:
            raise UsageError("--roads and --mapping are for vector files; an OSM extract brings its own roads")
        raw = _from_osm(path, clip, source or {}, say)
    elif clip:
        raise UsageError("clip is for OSM extracts")
    elif solid_format(path):
        if mapping and roads is None:
            raise UsageError("--mapping is for vector files; a 3D city file has attributes with known names")
        raw = _from_solids(path, roads, mapping, crs, source or {}, say)
    else:
        raw = _from_vector(path, roads, mapping, source or {}, say)
    return _city_of(
        raw,
        name,
        say,
        title=title,
        country=country,
        utc_offset_h=utc_offset_h,
        weather=weather,
        crs=crs,
        zone_cell_m=zone_cell_m,
        heat_supply=heat_supply,
        archetypes=archetypes,
        electricity=electricity,
        climate_change=climate_change,
    )


def city_of_buildings(
    buildings: gpd.GeoDataFrame,
    name: str,
    source: Source,
    *,
    terrain: Terrain | None = None,
    weather: str | Path | None = None,
    log: Sequence[str] = (),
    progress: Say | None = None,
) -> City:
    """Return a city without roads made of buildings that something else than a file gave, a surface model for example.

    Parameters
    ----------
    buildings : GeoDataFrame in a metric CRS, indexed by building_id, with what is known of `schema.BUILDINGS`
    name : short name
    source : where the buildings are from
    terrain : ground below them; flat when None
    weather : as for `import_city`
    log : what was repaired on the way
    progress : called with one line per step
    """
    crs = buildings.crs.to_string()
    sites = gpd.GeoDataFrame(index=gpd.pd.Index([], dtype="str", name="site_id"), geometry=[], crs=crs)
    raw = _Raw(buildings, sites, [source], "none", log=list(log), crs=crs, terrain=terrain)
    return _city_of(raw, name, progress or (lambda line: None), weather=weather)


def _city_of(
    raw: _Raw,
    name: str,
    say: Say,
    *,
    title: str | None = None,
    country: str | None = None,
    utc_offset_h: float | None = None,
    weather: str | Path | None = None,
    crs: str | None = None,
    zone_cell_m: float = 250.0,
    heat_supply: str | None = None,
    archetypes: str | Path | None = None,
    electricity: str | Path | None = None,
    climate_change: str | Path | None = None,
) -> City:
    """Complete what was read and check it; parameters as for `import_city`."""
    say("projecting and repairing")
    longitude, latitude = _centre(raw.buildings)
    year, station, notes = weather_of_place(weather, latitude, longitude, climate_change=climate_change)
    if country is None:
        country = station or "ZZ"
        notes.append(f"country: {country}, from the climate station" if station else "country: unknown (ZZ)")
    own, own_sources = read_own_tables(archetypes, electricity, country)
    crs = raw.crs or crs or metric_crs(longitude, latitude, country)
    if heat_supply is None:
        heat_supply = "district_heating" if country in DISTRICT_HEATED else "gas_boiler"
        notes.append(f"heat supply: {heat_supply} taken as the usual one of {country}")
    buildings, log = repair_polygons(to_metric(raw.buildings, crs), "buildings")
    nodes, links, roads_log = _network(raw, buildings, crs)
    trees, trees_log = trees_of(raw.trees, crs)
    elevation = year.elevation_m if raw.terrain is None else round(float(raw.terrain.height_m.mean()), 1)
    notes.append(f"elevation: {elevation:g} m taken from the {'weather station' if raw.terrain is None else 'terrain'}")
    meta = Metadata(
        name=name,
        title=title or name,
        country=country,
        crs=crs,
        latitude=round(latitude, 5),
        longitude=round(longitude, 5),
        utc_offset_h=year.utc_offset_h if utc_offset_h is None else float(utc_offset_h),
        elevation_m=elevation,
        heat_supply=heat_supply,
        sources=(*raw.sources, year.source, *own_sources),
        repairs=(*raw.log, *log, *roads_log, *trees_log, *notes),
    )
    say("filling what is missing")
    services = None if raw.services is None else to_metric(raw.services, crs)
    complete = with_ground_floors(complete_buildings(buildings, meta), services)
    zones = grid_zones(complete, zone_cell_m)
    complete["zone_id"] = assign_zones(complete, zones)
    sites = complete_charging_sites(to_metric(raw.charging_sites, crs))
    sites["zone_id"] = assign_zones(sites, zones)
    say("checking")
    city = City(
        meta=meta,
        buildings=complete,
        nodes=nodes,
        links=complete_links(links),
        zones=zones,
        charging_sites=sites,
        weather=year,
        trees=trees,
        archetypes=own.get("archetypes"),
        electricity=own.get("electricity"),
    )
    if raw.terrain is not None:
        city = city.replace(terrain=raw.terrain)
    if raw.roof_planes is not None:
        kept = raw.roof_planes["building_id"].isin(complete.index)
        city = city.replace(roof_planes=raw.roof_planes[kept.to_numpy()])
    return validated(city)


def _centre(layer: gpd.GeoDataFrame) -> tuple[float, float]:
    """Return longitude and latitude of the middle of a layer, found in its own CRS: degrees jump at the date line."""
    west, south, east, north = layer.total_bounds
    middle = gpd.GeoSeries([shapely.Point((west + east) / 2, (south + north) / 2)], crs=layer.crs).to_crs(4326)
    return float(middle.x.iloc[0]), float(middle.y.iloc[0])


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
        trees=data.trees,
        services=data.services,
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
            expected="an OSM extract (.osm.pbf), a 3D city file ("
            + ", ".join(ENDINGS)
            + ") or one of "
            + ", ".join(SUFFIXES),
        )
    if roads is None:
        raise UsageError("a city needs roads too", where=str(path), remedy="name a file of road lines with --roads")
    rules = read_mapping(mapping)
    say("reading buildings")
    buildings = read_buildings(path, rules.get("buildings"))
    check_crs(buildings, str(path))
    say("reading roads")
    lines = read_roads(roads, rules.get("roads"))
    check_crs(lines, str(roads))
    check_together(buildings, lines, str(roads))
    sites = gpd.GeoDataFrame(index=gpd.pd.Index([], dtype="str", name="site_id"), geometry=[], crs=buildings.crs)
    sources = [_file_source(p, layer.crs.to_string(), about) for p, layer in ((path, buildings), (roads, lines))]
    return _Raw(buildings, sites, sources, Path(roads).stem, road_lines=lines)


def _from_solids(
    path: str | Path,
    roads: str | Path | None,
    mapping: Mapping[str, Mapped] | str | Path | None,
    crs: str | None,
    about: Mapping[str, str],
    say: Say,
) -> _Raw:
    say("reading the 3D city file")
    model = read_solids(path, crs=crs)
    sites = gpd.GeoDataFrame(index=gpd.pd.Index([], dtype="str", name="site_id"), geometry=[], crs=model.crs)
    raw = _Raw(
        model.buildings,
        sites,
        [_file_source(path, model.crs, about)],
        "none",
        log=list(model.log),
        crs=model.crs,
        roof_planes=model.roof_planes,
        terrain=model.terrain,
    )
    if roads is None:
        raw.log.append("roads: none given; the city has no links, and nothing can be said of its traffic")
        return raw
    say("reading roads")
    raw.road_lines = read_roads(roads, read_mapping(mapping).get("roads"))
    check_crs(raw.road_lines, str(roads))
    check_together(raw.buildings, raw.road_lines, str(roads))
    raw.sources.append(_file_source(roads, raw.road_lines.crs.to_string(), about))
    raw.origin = Path(roads).stem
    return raw


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
    if raw.road_lines is None and raw.road_nodes is None:
        none = np.array([], object)
        return layer_frame(NODES, [], {}, none, crs), _no_links(crs), log
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


def _no_links(crs: str) -> gpd.GeoDataFrame:
    columns: dict[str, list[str]] = {column.name: [] for column in LINKS.columns}
    return layer_frame(LINKS, [], columns, np.array([], object), crs, origin="")
