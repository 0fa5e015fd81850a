"""Every way to break a city is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from tests.unit.city_layers_fixture import with_optional_layers
from twin.city.check import check_city, validated
from twin.city.model import City, Terrain
from twin.errors import SchemaError


def _set(layer: str, column: str, value: object, row: int = 3) -> Callable[[City], City]:
    def change(city: City) -> City:
        frame = getattr(city, layer).copy()
        frame.loc[frame.index[row], column] = value
        return city.replace(**{layer: frame})

    return change


def _frame(layer: str, change: Callable[[gpd.GeoDataFrame], Any]) -> Callable[[City], City]:
    return lambda city: city.replace(**{layer: change(getattr(city, layer).copy())})


def _geometry(layer: str, geometry: object) -> Callable[[City], City]:
    def change(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        values = frame.geometry.to_numpy().copy()
        values[3] = geometry
        return frame.set_geometry(gpd.GeoSeries(values, index=frame.index, crs=frame.crs))

    return _frame(layer, change)


def _weather(name: str, value: object) -> Callable[[City], City]:
    return lambda city: city.replace(weather=dataclasses.replace(city.weather, **{name: value}))


def _hour(name: str, value: float) -> Callable[[City], City]:
    def change(city: City) -> City:
        values = getattr(city.weather, name).copy()
        values[100] = value
        return _weather(name, values)(city)

    return change


def _meta(**values: object) -> Callable[[City], City]:
    return lambda city: city.replace(meta=dataclasses.replace(city.meta, **values))


def _turns(text: str) -> Callable[[City], City]:
    """Ban turns at the end of one link; <next> and <far> name a link that starts there and one that does not."""

    def change(city: City) -> City:
        links = city.links
        starts = (links["from_node"] == links["to_node"].iloc[3]).to_numpy()
        named = text.replace("<next>", links.index[starts][0]).replace("<far>", links.index[~starts][0])
        return _set("links", "banned_turns", named)(city)

    return change


BOW_TIE = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
BROKEN: dict[str, tuple[Callable[[City], City], str, str]] = {
    "missing column": (_frame("buildings", lambda f: f.drop(columns="use")), "buildings.use", "column is missing"),
    "missing origin": (_frame("links", lambda f: f.drop(columns="lanes_origin")), "links.lanes_origin", "missing"),
    "unknown column": (_frame("buildings", lambda f: f.assign(hieght_m=1.0)), "buildings", "unknown column"),
    "dtype": (_frame("buildings", lambda f: f.assign(levels=f.levels.astype("int64"))), "buildings.levels", "int64"),
    "object dtype": (_frame("zones", lambda f: f.assign(name=f.name.astype(object))), "zones.name", "object"),
    "negative height": (_set("buildings", "height_m", -3.0), "].height_m", "outside the range"),
    "NaN": (_set("buildings", "population", np.nan), "].population", "missing or not finite"),
    "infinite": (_set("links", "length_m", np.inf), "].length_m", "not finite"),
    "category": (_set("buildings", "use", "residental"), "].use", "unknown value"),
    "origin": (_set("buildings", "use_origin", "guessed"), "].use_origin", "unknown origin"),
    "empty origin rule": (_set("buildings", "use_origin", "imputed:"), "].use_origin", "unknown origin"),
    "missing text": (_set("buildings", "zone_id", None), "].zone_id", "missing"),
    "unknown zone": (_set("buildings", "zone_id", "z9"), "].zone_id", "not an id of zones"),
    "unknown node": (_set("links", "to_node", "n999"), "].to_node", "not an id of nodes"),
    "wrong node": (_set("links", "to_node", "n00"), "].geometry", "does not end at its to_node"),
    "turn into nothing": (_turns("nowhere"), "].banned_turns", "'nowhere' is not an id of links"),
    "turn into a far link": (_turns("<next> <far>"), "].banned_turns", "does not start where this link ends"),
    "turns with two blanks": (_turns("<next>  <next>"), "].banned_turns", "'' is not an id of links"),
    "turn banned twice": (_turns("<next> <next>"), "].banned_turns", "named twice"),
    "cycle facility": (_set("links", "cycle_facility", "path"), "].cycle_facility", "unknown value"),
    "parking charge": (_set("zones", "parking_eur", 101.0), "].parking_eur", "outside the range"),
    "duplicate id": (
        _frame("nodes", lambda f: f.set_index(f.index.where(f.index != "n03", "n04"))),
        "nodes",
        "occur more than once",
    ),
    "unsorted": (_frame("buildings", lambda f: f.iloc[::-1]), "buildings", "not sorted"),
    "index name": (_frame("zones", lambda f: f.rename_axis("id")), "zones", "index is named"),
    "integer ids": (_frame("charging_sites", lambda f: f.reset_index(drop=True)), "charging_sites", "ids have dtype"),
    "empty layer": (_frame("links", lambda f: f.iloc[:0]), "links", "layer is empty"),
    "no geometry": (_frame("zones", lambda f: pd.DataFrame(f.drop(columns="geometry"))), "zones", "not a GeoDataFrame"),
    "geometry type": (_geometry("buildings", shapely.Point(0, 0)), "].geometry", "wrong geometry type"),
    "null geometry": (_geometry("buildings", None), "].geometry", "missing or empty"),
    "bow-tie": (_geometry("buildings", BOW_TIE), "].geometry", "not valid"),
    "degrees": (_meta(crs="EPSG:4326"), "meta.crs", "not metric"),
    "feet": (_meta(crs="EPSG:2263"), "meta.crs", "not metric"),
    "unknown CRS": (_meta(crs="EPSG:999999"), "meta.crs", "unknown CRS"),
    "other CRS": (_frame("zones", lambda f: f.to_crs("EPSG:32635")), "zones", "EPSG:32635"),
    "no CRS": (_frame("zones", lambda f: f.set_crs(None, allow_override=True)), "zones", "no CRS"),
    "country": (_meta(country="Finland"), "meta.country", "not a country code"),
    "country from YAML 1.1": (_meta(country=False), "meta.country", "not a country code"),
    "latitude": (_meta(latitude=91.0), "meta.latitude", "not valid"),
    "heat supply": (_meta(heat_supply="district"), "meta.heat_supply", "unknown heat supply"),
    "weather length": (_weather("ghi_w_m2", np.zeros(8784)), "weather.ghi_w_m2", "8784"),
    "weather dtype": (_weather("ghi_w_m2", np.zeros(8760, np.float32)), "weather.ghi_w_m2", "float32"),
    "weather NaN": (_hour("temperature_c", np.nan), "weather.temperature_c", "not finite"),
    "negative radiation": (_hour("ghi_w_m2", -1.0), "weather.ghi_w_m2", "outside the range"),
    "terrain": (lambda c: c.replace(terrain=Terrain(np.array([[np.nan]]), 0, 0, 1)), "terrain.height_m", "shape"),
    "terrain cell": (lambda c: c.replace(terrain=Terrain(np.zeros((1, 1)), 0, 0, 0)), "terrain", "cell size"),
}


FLAT = shapely.box(0, 0, 5, 5)
BROKEN_OPTIONAL: dict[str, tuple[Callable[[City], City], str, str]] = {
    "plane of no building": (_set("roof_planes", "building_id", "nobody"), "].building_id", "not an id of buildings"),
    "plane twice": (
        _frame("roof_planes", lambda f: f.set_index(f.index.where(f.index != f.index[1], f.index[0]))),
        "roof_planes",
        "occur more than once",
    ),
    "plane without heights": (_geometry("roof_planes", FLAT), "].geometry", "a height is missing"),
    "plane with a height without end": (
        _geometry("roof_planes", shapely.force_3d(FLAT, np.inf)),
        "].geometry",
        "a height is missing or not finite",
    ),
    "plane of many parts": (
        _geometry("roof_planes", shapely.MultiPolygon([FLAT])),
        "].geometry",
        "wrong geometry type",
    ),
    "overhanging plane": (_set("roof_planes", "tilt_deg", 91.0), "].tilt_deg", "outside the range"),
    "azimuth beyond north": (_set("roof_planes", "azimuth_deg", 361.0), "].azimuth_deg", "outside the range"),
    "negative area": (_set("roof_planes", "area_m2", -1.0), "].area_m2", "outside the range"),
    "planes elsewhere": (_frame("roof_planes", lambda f: f.to_crs("EPSG:32635")), "roof_planes", "EPSG:32635"),
    "planes in a table": (
        _frame("roof_planes", lambda f: pd.DataFrame(f.drop(columns="geometry"))),
        "roof_planes",
        "not a",
    ),
    "giant tree": (_set("trees", "height_m", 81.0), "].height_m", "outside the range"),
    "crown above the top": (_set("trees", "crown_base_m", 30.0), "].crown_base_m", "starts above the top"),
    "tree without crown": (_frame("trees", lambda f: f.drop(columns="crown_diameter_m")), "trees", "column is missing"),
    "tree of unknown origin": (_set("trees", "evergreen_origin", "seen"), "].evergreen_origin", "unknown origin"),
    "tree as area": (_geometry("trees", FLAT), "].geometry", "wrong geometry type"),
    "roads without nodes": (_frame("nodes", lambda f: f.iloc[:0]), "nodes", "layer is empty"),
}


@pytest.mark.parametrize("name", BROKEN_OPTIONAL)
def test_each_problem_of_the_layers_that_a_city_may_lack_is_named(small_city: City, name: str) -> None:
    change, where, what = BROKEN_OPTIONAL[name]
    sound = with_optional_layers(small_city)
    assert check_city(sound) == []
    problems = check_city(change(sound))
    assert any(where in str(p.where) and what in p.what for p in problems), [p.message() for p in problems]


def test_a_banned_turn_into_a_link_that_follows_is_fine(small_city: City) -> None:
    assert check_city(_turns("<next>")(small_city)) == []


@pytest.mark.parametrize("name", BROKEN)
def test_each_problem_is_named(small_city: City, name: str) -> None:
    change, where, what = BROKEN[name]
    problems = check_city(change(small_city))
    assert any(where in str(p.where) and what in p.what for p in problems), [p.message() for p in problems]


def test_small_city_is_valid(small_city: City) -> None:
    assert check_city(small_city) == []
    assert validated(small_city) is small_city


def test_all_problems_are_collected_at_once(small_city: City) -> None:
    broken = small_city
    for name in ("negative height", "category", "unknown node", "weather NaN", "latitude"):
        broken = BROKEN[name][0](broken)
    with pytest.raises(SchemaError) as caught:
        validated(broken)
    assert len(caught.value.problems) == 5
    assert "did you mean 'residential'?" in str(caught.value)


def test_a_city_may_have_no_charging_sites(small_city: City) -> None:
    assert check_city(small_city.replace(charging_sites=small_city.charging_sites.iloc[:0])) == []
