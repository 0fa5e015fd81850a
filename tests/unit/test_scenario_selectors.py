from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from twin.city.model import City
from twin.errors import SelectorError
from twin.scenario import expression
from twin.scenario.selectors import select


@pytest.fixture
def streets() -> gpd.GeoDataFrame:
    lines = [shapely.LineString([(500000 + 100 * k, 6670000), (500100 + 100 * k, 6670000)]) for k in range(4)]
    return gpd.GeoDataFrame(
        {
            "name": pd.array(["Mikonkatu", "Kaivokatu", "", "Mikonkatu"], "str"),
            "lanes": [1.0, 2.0, 3.0, 2.0],
            "closed": [False, False, True, False],
        },
        index=pd.Index(["a/f", "b/f", "c/f", "d/f"], dtype="str", name="link_id"),
        geometry=lines,
        crs="EPSG:3067",
    )


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ('name == "Mikonkatu"', [1, 0, 0, 1]),
        ("lanes >= 2 and not closed", [0, 1, 0, 1]),
        ('name in ["Kaivokatu", "Mikonkatu"] and lanes < 2', [1, 0, 0, 0]),
        ("lanes not in [1, 3]", [0, 1, 0, 1]),
        ("1 < lanes <= 2", [0, 1, 0, 1]),
        ("lanes * 2 - 1 == 3 or lanes / 3 == 1", [0, 1, 1, 1]),
        ('contains(name, "vok")', [0, 1, 0, 0]),
        ('startswith(name, "Mik") or endswith(name, "katu")', [1, 1, 0, 1]),
        ('link_id == "c/f"', [0, 0, 1, 0]),
        ("closed == true", [0, 0, 1, 0]),
        ("-lanes < -2", [0, 0, 1, 0]),
        ('"a" < "b"', [1, 1, 1, 1]),
    ],
)
def test_expressions(streets: gpd.GeoDataFrame, where: str, expected: list[int]) -> None:
    assert select(streets, where, name="links").astype(int).tolist() == expected


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("lane > 1", "did you mean 'lanes'?"),
        ("colour == 3", "known: closed, lanes, link_id, name"),
        ('lanes > "2"', "cannot compare `lanes` (number) > `'2'` (text)"),
        ("name == 3", "(text) == `3` (number)"),
        ("lanes", "gives a number"),
        ("lanes and closed", "`and` joins conditions"),
        ("not name", "`not` joins conditions"),
        ("closed < true", "has no order"),
        ('name + "x" == "y"', "needs numbers"),
        ("lanes / 0 > 1", "division by zero"),
        ("name in closed", "needs a list"),
        ("lower(name) == 3", "unknown function 'lower'"),
        ('contains(lanes, "2")', "works on texts"),
        ("contains(name)", "takes a column and a text"),
        ('name = "x"', "texts in quotes"),
        ("__import__('os').system('ls')", "unknown function"),
        ("name.upper == 1", "attribute"),
        ("[x for x in name]", "listcomp"),
        ("lanes ** 9 ** 9 > 1", "pow"),
        ("lanes > " + "9" * 400, "too large"),
        ("lanes > 1e999 - 1e999", "none of the 4 links"),
        ("(" * 500 + "1" + ")" * 500 + " == 1", "cannot read the expression"),
        ("not " * 300 + "closed", "too deeply"),
        ("x" * 5000, "5000 characters"),
        ("lanes > 1\x00", "cannot read"),
        ("  ", "is empty"),
        ("None == 1", "neither a number nor a text"),
        ("lanes > 1j", "neither a number nor a text"),
        ('name == "Mikonkattu"', "did you mean 'Mikonkatu'?"),
        ("lanes > 20", "none of the 4 links satisfies `lanes > 20`"),
    ],
)
def test_refused_expressions(streets: gpd.GeoDataFrame, where: str, words: str) -> None:
    with pytest.raises(SelectorError) as caught:
        select(streets, where, name="links")
    assert words in caught.value.message()


def corners(layer: gpd.GeoDataFrame, west: float, east: float) -> list[list[float]]:
    ring = shapely.box(west, 6669900, east, 6670100)
    degrees = gpd.GeoSeries([ring], crs=layer.crs).to_crs("EPSG:4326").iloc[0]
    return [list(p) for p in degrees.exterior.coords]


def test_a_link_is_inside_when_its_middle_is(streets: gpd.GeoDataFrame) -> None:
    assert select(streets, inside=corners(streets, 500040, 500260), name="links").tolist() == [1, 1, 1, 0]


def test_polygon_and_expression_both_hold(streets: gpd.GeoDataFrame) -> None:
    area = corners(streets, 500040, 500260)
    assert select(streets, "lanes > 1", area, name="links").tolist() == [0, 1, 1, 0]
    with pytest.raises(SelectorError, match="1 of the 4 links satisfy `link_id == 'd/f'`, but none"):
        select(streets, "link_id == 'd/f'", area, name="links")


def test_an_empty_selection_says_where_the_layer_is(streets: gpd.GeoDataFrame) -> None:
    swapped = [[y, x] for x, y in corners(streets, 500040, 500260)]
    with pytest.raises(SelectorError) as caught:
        select(streets, inside=swapped, name="links")
    assert "none of the 4 links lies in the polygon" in caught.value.message()
    assert "longitude 27.000 to 27.00" in caught.value.message()


def test_an_empty_layer_is_named(streets: gpd.GeoDataFrame) -> None:
    with pytest.raises(SelectorError, match="the city has no sites"):
        select(streets.iloc[:0], name="sites")


def test_polygons_come_from_a_file_too(streets: gpd.GeoDataFrame, tmp_path: Path) -> None:
    area = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.box(500040, 6669900, 500260, 6670100)], crs="EPSG:3067")
    area.to_file(tmp_path / "area.gpkg")
    assert select(streets, inside="area.gpkg", name="links", base=tmp_path).tolist() == [1, 1, 1, 0]


def test_every_column_of_a_city_can_be_named(small_city: City) -> None:
    for name in ("buildings", "links", "nodes", "zones", "charging_sites"):
        layer = getattr(small_city, name)
        for column in layer.columns.drop("geometry"):
            assert select(layer, f"{column} == {column}", name=name).all()


def test_values_are_scalars_or_arrays_of_the_right_length() -> None:
    columns = {"x": np.array([1, 2, 3])}
    assert expression.evaluate("1 == 1", columns, layer="l", length=3).tolist() == [True] * 3
    assert expression.evaluate("x == 2", columns, layer="l", length=3).tolist() == [False, True, False]
