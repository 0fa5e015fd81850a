"""Does a city obey its schema? Every problem is collected by name, none is raised before all are known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from twin.city.archetypes import check_archetypes
from twin.city.check_layer import check_layer, first_of
from twin.city.ground_floors import LEAST_LEVELS
from twin.city.model import HOURS, City, Metadata, Terrain, Weather
from twin.city.schema import BUILDING_USES, HEAT_SUPPLIES, LAYERS, MAIN_USE, OPTIONAL_LAYERS
from twin.city.upgrades import parse_upgrades
from twin.errors import CrsError, DataError, GeometryError, SchemaError, TwinError, WeatherError, at_row, did_you_mean

LINK_END_TOLERANCE_M = 1.0
WEATHER_RANGES = {
    "temperature_c": (-90.0, 60.0),
    "relative_humidity_pct": (0.0, 110.0),
    "wind_speed_m_s": (0.0, 60.0),
    "pressure_pa": (50_000.0, 110_000.0),
    "ghi_w_m2": (0.0, 1500.0),
    "dni_w_m2": (0.0, 1500.0),
    "dhi_w_m2": (0.0, 1500.0),
    "sky_infrared_w_m2": (50.0, 700.0),
}
"""Valid range of each hourly channel (assumption: the extremes ever observed at the surface, with a margin)."""
ELECTRICITY_RANGES = {"price_eur_kwh": (-5.0, 5.0), "co2_kg_kwh": (0.0, 3.0)}
"""Valid range of the hourly series of electricity (assumption: beyond what markets and the dirtiest plants show)."""


def check_city(city: City) -> list[TwinError]:
    """Return every problem of a city: metadata, layers, references between layers, weather and terrain.

    The list is empty for a valid city, which may lack roads (nodes and links both empty). Its order is fixed:
    metadata, layers in schema order, references, weather, terrain, own tables.
    """
    problems = check_meta(city.meta)
    roadless = len(city.nodes) == 0 and len(city.links) == 0
    for name, layer in LAYERS.items():
        may_be_empty = roadless and name in ("nodes", "links")
        problems += check_layer(getattr(city, name), layer, crs=city.meta.crs, may_be_empty=may_be_empty)
    for name, layer in OPTIONAL_LAYERS.items():
        if getattr(city, name) is not None:
            problems += check_layer(getattr(city, name), layer, crs=city.meta.crs)
    problems += _check_references(city)
    problems += _check_roof_planes(city.roof_planes)
    problems += _check_trees(city.trees)
    problems += _check_upgrades(city.buildings)
    problems += _check_ground_floors(city.buildings)
    problems += check_weather(city.weather)
    problems += _check_terrain(city.terrain)
    if city.archetypes is not None:
        problems += check_archetypes(city.archetypes)
    if city.electricity is not None:
        problems += check_electricity(city.electricity)
    return problems


def validated(city: City) -> City:
    """Return the city unchanged when it is valid.

    Raises
    ------
    SchemaError
        Holding every problem in ``problems``.
    """
    problems = check_city(city)
    if problems:
        count = len(problems)
        raise SchemaError(
            f"the city {city.meta.name!r} breaks its schema in {count} place{'s' if count > 1 else ''}",
            problems=problems,
        )
    return city


def check_meta(meta: Metadata) -> list[TwinError]:
    """Return the problems of the metadata: ranges, country code, heat supply and CRS."""
    problems: list[TwinError] = []
    ranges = {
        "latitude": (-90.0, 90.0),
        "longitude": (-180.0, 180.0),
        "utc_offset_h": (-12.0, 14.0),
        "elevation_m": (-500.0, 9000.0),
    }
    for name, (low, high) in ranges.items():
        value = getattr(meta, name)
        if not _is_number(value) or not low <= value <= high:
            problems.append(
                SchemaError(f"{value!r} is not valid", where=f"meta.{name}", expected=f"a number from {low} to {high}")
            )
    for name in ("name", "title"):
        value = getattr(meta, name)
        if not isinstance(value, str) or not value:
            problems.append(SchemaError(f"{value!r} is not a name", where=f"meta.{name}", expected="a text"))
    if not (isinstance(meta.country, str) and len(meta.country) == 2 and meta.country.isupper()):
        problems.append(
            SchemaError(
                f"{meta.country!r} is not a country code",
                where="meta.country",
                expected="two capital letters (ISO 3166-1), for example 'FI'",
            )
        )
    if meta.heat_supply not in HEAT_SUPPLIES:
        remedy = did_you_mean(str(meta.heat_supply), HEAT_SUPPLIES)
        problems.append(
            SchemaError(f"unknown heat supply {meta.heat_supply!r}", where="meta.heat_supply", remedy=remedy)
        )
    return problems + _check_metric(meta.crs, "meta.crs")


def check_weather(weather: Weather) -> list[TwinError]:
    """Return the problems of the weather: length, finiteness and range of every channel."""
    problems: list[TwinError] = []
    channels = weather.channels()
    for name, (low, high) in WEATHER_RANGES.items():
        where = f"weather.{name}"
        values = channels.get(name)
        if values is None and name == "sky_infrared_w_m2":
            continue
        if values is None or values.shape != (HOURS,):
            shape = "none" if values is None else str(values.shape)
            problems.append(WeatherError(f"shape {shape}", where=where, expected=f"{HOURS} hourly values"))
            continue
        if values.dtype != np.float64:
            problems.append(WeatherError(f"dtype {values.dtype}", where=where, expected="float64"))
            continue
        finite = np.isfinite(values)
        if not finite.all():
            hour = int(np.argmin(finite))
            problems.append(
                WeatherError(f"{np.sum(~finite)} hours are not finite, first {hour}", where=where, expected="a number")
            )
        outside = finite & ((values < low) | (values > high))
        if outside.any():
            hour = int(np.argmax(outside))
            problems.append(
                WeatherError(
                    f"{np.sum(outside)} hours are outside the range, first hour {hour}: {values[hour]}",
                    where=where,
                    expected=f"{low} to {high}",
                )
            )
    for name, limit in (("latitude", 90.0), ("longitude", 180.0), ("utc_offset_h", 14.0)):
        value = getattr(weather, name)
        if not _is_number(value) or abs(value) > limit:
            problems.append(
                WeatherError(f"{value!r} is not valid", where=f"weather.{name}", expected=f"-{limit} to {limit}")
            )
    return problems


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))


def _check_metric(text: str, where: str) -> list[TwinError]:
    try:
        crs = CRS.from_user_input(text)
    except CRSError:
        return [CrsError(f"unknown CRS {text!r}", where=where, expected="for example 'EPSG:3067'")]
    metric = crs.is_projected and all(axis.unit_name in ("metre", "meter") for axis in crs.axis_info[:2])
    if metric:
        return []
    return [
        CrsError(
            f"the CRS {text!r} ({crs.name}) is not metric",
            where=where,
            expected="a projected CRS in metres",
            remedy="reproject the layers, for example to the UTM zone of the city",
        )
    ]


def _check_references(city: City) -> list[TwinError]:
    problems: list[TwinError] = []
    for layer, column, target in (
        ("links", "from_node", "nodes"),
        ("links", "to_node", "nodes"),
        ("buildings", "zone_id", "zones"),
        ("charging_sites", "zone_id", "zones"),
        ("roof_planes", "building_id", "buildings"),
    ):
        frame, known = getattr(city, layer), getattr(city, target)
        if frame is None or column not in frame.columns:
            continue
        bad = ~frame[column].isin(known.index).to_numpy()
        if bad.any():
            where, more = first_of(bad, frame.index, layer, column)
            value = frame[column].iloc[int(np.argmax(bad))]
            problems.append(SchemaError(f"{value!r} is not an id of {target}{more}", where=where))
    if not problems:
        problems += _check_link_ends(city.links, city.nodes)
    return problems + _check_banned_turns(city.links)


def _check_banned_turns(links: gpd.GeoDataFrame) -> list[TwinError]:
    """Check that banned turns lead into links that start where the link ends."""
    if not {"banned_turns", "from_node", "to_node"} <= set(links.columns) or not links.index.is_unique:
        return []
    said = links["banned_turns"].to_numpy(dtype=object)
    rows = [k for k, text in enumerate(said) if isinstance(text, str) and text]  # a missing text is reported elsewhere
    start = links["from_node"].to_dict() if rows else {}
    problems: list[TwinError] = []
    for k in rows:
        link, text, end = links.index[k], said[k], links["to_node"].iloc[k]
        where, turns = at_row("links", link, "banned_turns"), text.split(" ")
        unknown = [turn for turn in turns if turn not in start]
        elsewhere = [turn for turn in turns if turn in start and start[turn] != end]
        if unknown:
            expected = "ids of links, separated by one blank"
            problems.append(SchemaError(f"{unknown[0]!r} is not an id of links", where=where, expected=expected))
        elif elsewhere:
            problems.append(
                SchemaError(
                    f"the link {elsewhere[0]!r} does not start where this link ends",
                    where=where,
                    expected=f"links whose from_node is {end!r}",
                )
            )
        elif len(set(turns)) < len(turns):
            problems.append(SchemaError("a link is named twice", where=where, expected="each link once"))
    return problems


def _check_link_ends(links: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame) -> list[TwinError]:
    """Check that each link's geometry runs from its tail to its head."""
    if not {"from_node", "to_node"} <= set(links.columns) or not nodes.index.is_unique:
        return []
    geometry, points = links.geometry.to_numpy(), nodes.geometry.to_numpy()
    problems: list[TwinError] = []
    for column, position in (("from_node", 0), ("to_node", -1)):
        ends = points[nodes.index.get_indexer(links[column])]
        with np.errstate(invalid="ignore"):
            bad = shapely.distance(shapely.get_point(geometry, position), ends) > LINK_END_TOLERANCE_M
        if bad.any():
            where, more = first_of(bad, links.index, "links", "geometry")
            what = f"the line does not {'start' if position == 0 else 'end'} at its {column}{more}"
            problems.append(GeometryError(what, where=where, expected=f"within {LINK_END_TOLERANCE_M} m"))
    return problems


def _check_roof_planes(planes: gpd.GeoDataFrame | None) -> list[TwinError]:
    """Check that every roof plane has finite heights; its other coordinates are checked with the layer."""
    if planes is None or not isinstance(planes, gpd.GeoDataFrame) or planes.active_geometry_name is None:
        return []
    geometry = planes.geometry.to_numpy()
    coordinates, row = shapely.get_coordinates(geometry, include_z=True, return_index=True)
    bad = np.zeros(len(geometry), bool)
    bad[row[~np.isfinite(coordinates[:, 2])]] = True
    if not bad.any():
        return []
    where, more = first_of(bad, planes.index, "roof_planes", "geometry")
    return [GeometryError(f"a height is missing or not finite{more}", where=where, expected="polygons with z")]


def _check_trees(trees: gpd.GeoDataFrame | None) -> list[TwinError]:
    """Check that crowns start below the tops of their trees."""
    if trees is None or not {"height_m", "crown_base_m"} <= set(trees.columns):
        return []
    height, base = (pd.to_numeric(trees[name], errors="coerce").to_numpy() for name in ("height_m", "crown_base_m"))
    bad = base >= height
    if not bad.any():
        return []
    where, more = first_of(bad, trees.index, "trees", "crown_base_m")
    return [SchemaError(f"the crown starts above the top{more}", where=where, expected="less than height_m")]


def _check_upgrades(buildings: gpd.GeoDataFrame) -> list[TwinError]:
    """Check that the renewed elements of every building can be read."""
    if "upgrades" not in buildings.columns:
        return []
    for text in buildings["upgrades"].unique():
        if not isinstance(text, str):
            continue  # reported with the layer
        try:
            parse_upgrades(text)
        except DataError as exc:
            where, more = first_of((buildings["upgrades"] == text).to_numpy(), buildings.index, "buildings", "upgrades")
            return [SchemaError(f"{exc.what}{more}", where=where, expected=exc.expected, remedy=exc.remedy)]
    return []


def _check_ground_floors(buildings: gpd.GeoDataFrame) -> list[TwinError]:
    """Check that no building of one storey has another use on its ground floor than as a whole."""
    if not {"ground_floor_use", "use", "levels"} <= set(buildings.columns) or buildings["levels"].dtype != np.float64:
        return []
    ground = buildings["ground_floor_use"]
    bad = (ground.isin(BUILDING_USES) & (ground != buildings["use"])).to_numpy(bool)
    bad = bad & (buildings["levels"].to_numpy() < LEAST_LEVELS)
    if not bad.any():
        return []
    where, more = first_of(bad, buildings.index, "buildings", "ground_floor_use")
    return [
        SchemaError(
            f"there is no other floor than the ground floor{more}",
            where=where,
            expected=f"{MAIN_USE!r}, or at least {LEAST_LEVELS:g} levels",
        )
    ]


def check_electricity(table: pd.DataFrame) -> list[TwinError]:
    """Return the problems of the hourly series of electricity: columns, length, finiteness and range."""
    problems: list[TwinError] = []
    for name, (low, high) in ELECTRICITY_RANGES.items():
        where = f"electricity.{name}"
        if name not in table.columns or len(table) != HOURS or table[name].dtype != np.float64:
            said = f"{len(table)} rows of {table[name].dtype}" if name in table.columns else "there is no such column"
            problems.append(SchemaError(said, where=where, expected=f"{HOURS} hourly values (float64)"))
            continue
        values = table[name].to_numpy()
        bad = ~(np.isfinite(values) & (values >= low) & (values <= high))
        if bad.any():
            hour = int(np.argmax(bad))
            what = f"{np.sum(bad)} hours are not valid, first hour {hour}: {values[hour]}"
            problems.append(SchemaError(what, where=where, expected=f"{low:g} to {high:g}"))
    return problems


def _check_terrain(terrain: Terrain) -> list[TwinError]:
    height = terrain.height_m
    if height.ndim != 2 or height.size == 0 or not np.isfinite(height).all():
        return [SchemaError(f"shape {height.shape}", where="terrain.height_m", expected="a 2D grid of finite heights")]
    if not all(_is_number(v) for v in (terrain.west, terrain.north, terrain.cell_m)) or terrain.cell_m <= 0:
        return [SchemaError("the grid's corner or cell size is not valid", where="terrain", expected="cell_m > 0")]
    return []
