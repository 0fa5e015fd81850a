"""Synthetic cities and their zones: exact, valid, plausible, reproducible."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pandas.testing import assert_frame_equal
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from twin.city.check import check_city
from twin.city.model import City, Weather
from twin.city.synthetic import generate_city
from twin.city.zones import assign_zones, grid_zones
from twin.errors import DataError, UsageError

Generate = Callable[..., City]


@pytest.fixture(scope="module")
def generate(plain_weather: Weather) -> Generate:
    return lambda count, seed=1, layout="grid": generate_city(count, seed=seed, layout=layout, weather=plain_weather)


@pytest.mark.parametrize("layout", ["grid", "ring"])
@pytest.mark.parametrize("count", [100, 777, 5000])
def test_exact_valid_and_connected(generate: Generate, layout: str, count: int) -> None:
    city = generate(count, layout=layout)
    assert len(city.buildings) == count
    assert check_city(city) == []
    tail = city.nodes.index.get_indexer(city.links.from_node)
    head = city.nodes.index.get_indexer(city.links.to_node)
    graph = csr_array((np.ones(len(tail)), (tail, head)), shape=(len(city.nodes),) * 2)
    assert connected_components(graph, connection="strong")[0] == 1
    assert city.nodes.external.sum() >= 4
    assert 4 <= len(city.zones) <= 480


@pytest.mark.parametrize("layout", ["grid", "ring"])
def test_buildings_overlap_neither_each_other_nor_streets(generate: Generate, layout: str) -> None:
    city = generate(1500, layout=layout)
    polygons = city.buildings.geometry.to_numpy()
    pairs = shapely.STRtree(polygons).query(polygons, predicate="overlaps")
    assert pairs.shape[1] == 0
    crossings = shapely.STRtree(city.links.geometry.to_numpy()).query(polygons, predicate="intersects")
    assert crossings.shape[1] == 0


def test_directed_links_come_in_pairs(small_city: City) -> None:
    forth = small_city.links[small_city.links.index.str.endswith("/f")]
    back = small_city.links.loc[forth.index.str.replace("/f", "/b")]
    assert 2 * len(forth) == len(small_city.links)
    assert forth.from_node.tolist() == back.to_node.tolist()
    assert forth.length_m.tolist() == back.length_m.tolist()


def test_density_falls_from_the_centre(generate: Generate) -> None:
    houses = generate(5000).buildings
    centre = houses.geometry.union_all().centroid
    distance = houses.distance(centre).to_numpy()
    inner, outer = distance < np.quantile(distance, 0.2), distance > np.quantile(distance, 0.8)
    floor = houses.floor_area_m2.to_numpy()
    assert floor[inner].mean() > 3 * floor[outer].mean()
    assert houses.use[inner].isin(["office", "retail"]).mean() > 2 * houses.use[outer].isin(["office", "retail"]).mean()


def test_same_seed_same_city_other_seed_another(generate: Generate) -> None:
    first, again, other = generate(500), generate(500), generate(500, seed=2)
    for layer in ("buildings", "links", "zones", "charging_sites"):
        assert_frame_equal(getattr(first, layer), getattr(again, layer), check_exact=True)
    assert not first.buildings.height_m.reset_index(drop=True).equals(other.buildings.height_m.reset_index(drop=True))


def test_small_city_has_what_tests_need(small_city: City) -> None:
    houses = small_city.buildings
    assert len(houses) == 120
    assert houses.population.sum() > 100
    assert houses.jobs.sum() > 100
    assert len(set(houses.use)) >= 4
    assert len(small_city.zones) >= 4
    assert len(small_city.charging_sites) == 2
    assert set(houses.roof_type) == {"flat", "gabled", "hipped"}


def test_arguments_out_of_range_are_named() -> None:
    for count in (0, 99, 1_000_001):
        with pytest.raises(UsageError, match="cannot be generated"):
            generate_city(count, seed=1)
    with pytest.raises(UsageError, match="did you mean 'grid'"):
        generate_city(200, seed=1, layout="grit")


def test_zones_keep_their_ids_when_buildings_go(small_city: City) -> None:
    some = small_city.buildings.iloc[::7]
    assert set(grid_zones(some, 75.0).index) <= set(grid_zones(small_city.buildings, 75.0).index)


def test_zone_of_features_inside_on_borders_and_outside() -> None:
    squares = gpd.GeoDataFrame(geometry=shapely.box([0.0, 1000.0], 0.0, [500.0, 1500.0], 500.0), crs="EPSG:3067")
    zones = grid_zones(squares, 500.0)
    assert list(zones.index) == ["z0_0", "z2_0"]
    assert list(zones.name) == ["A1", "C1"]
    points = gpd.GeoSeries(
        shapely.points([[250, 250], [500, 100], [600, 250], [990, 250], [750, 250]]), crs="EPSG:3067"
    )
    assert assign_zones(points, zones).tolist() == ["z0_0", "z0_0", "z0_0", "z2_0", "z0_0"]
    assert assign_zones(points, zones.iloc[::-1]).tolist() == assign_zones(points, zones).tolist()
    with pytest.raises(DataError, match="zone size"):
        grid_zones(squares, 0.0)
    with pytest.raises(DataError, match="no zones"):
        assign_zones(points, zones.iloc[:0])
