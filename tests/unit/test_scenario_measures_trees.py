"""Trees: tags, named rules, planting and felling."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city import osm_tags
from twin.city.check import check_city
from twin.city.model import City
from twin.city.package import load_city, save_city
from twin.city.schema import TREES
from twin.city.trees import complete_trees, trees_of
from twin.errors import GeometryError, SelectorError, StudyError, TwinError
from twin.scenario.apply import Applied, apply_measures
from twin.scenario.schema import Study


def study_of(*interventions: dict[str, Any]) -> Study:
    return Study.model_validate(
        {"study": "s", "question": "?", "city": "c", "measures": {"m": list(interventions)}, "scenarios": {"a": ["m"]}}
    )


def applied(city: City, *interventions: dict[str, Any]) -> Applied:
    result = apply_measures(city, study_of(*interventions), ["m"])
    assert check_city(result.city) == []
    return result


def lonlat(city: City, x: float, y: float) -> list[float]:
    point = gpd.GeoSeries([shapely.Point(x, y)], crs=city.meta.crs).to_crs("EPSG:4326").iloc[0]
    return [point.x, point.y]


def square(city: City, x: float, y: float, half: float) -> list[list[float]]:
    corners = ((x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half))
    return [lonlat(city, *corner) for corner in corners]


def gap_of(city: City) -> tuple[float, float]:
    """The middle of a street: no building, but a link."""
    middle = shapely.line_interpolate_point(city.links.geometry.iloc[0], 0.5, normalized=True)
    return middle.x, middle.y


def test_tags_of_trees() -> None:
    assert osm_tags.tree({"height": "12 m", "diameter_crown": "8", "leaf_cycle": "deciduous"}) == {
        "height_m": (12.0, "measured"),
        "crown_diameter_m": (8.0, "measured"),
        "evergreen": (False, "measured"),
    }
    assert osm_tags.tree({"est_height": "40 ft"})["height_m"] == (pytest.approx(12.192), "derived")
    assert osm_tags.tree({"leaf_type": "needleleaved"})["evergreen"] == (True, "derived")
    assert osm_tags.tree({"leaf_type": "needleleaved", "genus": "Larix"})["evergreen"] == (False, "derived")
    assert osm_tags.tree({"type": "conifer"})["evergreen"] == (True, "derived")
    assert osm_tags.tree({"leaf_cycle": "deciduous", "leaf_type": "needleleaved"})["evergreen"] == (False, "measured")
    nothing = osm_tags.tree({"height": "900", "diameter_crown": "-3", "leaf_cycle": "often"})
    assert nothing["evergreen"] == (None, "") and np.isnan(nothing["height_m"][0])


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["height", "est_height", "diameter_crown", "leaf_cycle", "leaf_type", "genus", "type", "wood"]), st.text(max_size=12)))  # noqa: E501  # fmt: skip
def test_no_tag_text_breaks_the_trees(tags: dict[str, str]) -> None:
    found = osm_tags.tree(tags)
    assert not found["height_m"][0] < 1 and not found["height_m"][0] > 80
    assert all((value is None or value != value) == (origin == "") for value, origin in found.values())


def raw_trees(rows: list[dict[str, Any]], crs: str = "EPSG:3067") -> gpd.GeoDataFrame:
    points = [shapely.Point(385000 + 10 * k, 6672000) for k in range(len(rows))]
    columns = {c: [row.get(c, None if c == "evergreen" else np.nan) for row in rows] for c in ("height_m", "crown_base_m", "crown_diameter_m", "evergreen")}  # noqa: E501  # fmt: skip
    index = [f"t{k}" for k in range(len(rows))]
    frame = gpd.GeoDataFrame(columns, index=index, geometry=points, crs=crs)
    return frame.astype({"evergreen": object})


def test_rules_fill_what_is_missing() -> None:
    layer = complete_trees(
        raw_trees([{}, {"evergreen": True}, {"crown_diameter_m": 9.0}, {"height_m": 3.0, "crown_base_m": 5.0}])
    )
    assert layer["height_m"].tolist() == [12.0, 15.0, 15.0, 3.0]
    assert layer["height_m_origin"].tolist() == ["imputed:deciduous", "imputed:evergreen", "imputed:crown_diameter", "measured"]  # noqa: E501  # fmt: skip
    assert layer["crown_diameter_m"].tolist() == pytest.approx([7.2, 6.0, 9.0, 1.8])
    assert layer["crown_base_m"].tolist() == pytest.approx([3.0, 3.75, 3.75, 2.7])
    assert layer["evergreen"].tolist() == [False, True, False, False] and layer["evergreen"].dtype == bool
    assert complete_trees(layer).equals(layer)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "height_m": st.floats(1, 80),
                "crown_diameter_m": st.floats(0.2, 60),
                "evergreen": st.booleans(),
            },
        ),
        min_size=1,
        max_size=6,
    )
)
def test_complete_trees_obey_the_schema(rows: list[dict[str, Any]]) -> None:
    raw = raw_trees(rows)
    layer = complete_trees(raw)
    assert layer.equals(complete_trees(raw[::-1]))
    for column in TREES.columns:
        if column.low is not None:
            assert layer[column.name].between(column.low, column.high).all()
    assert (layer["crown_base_m"] < layer["height_m"]).all()
    for k, row in enumerate(rows):
        for name, value in row.items():
            assert layer[name].iloc[k] == value and layer[f"{name}_origin"].iloc[k] == "measured"


def test_trees_entered_twice_and_no_trees() -> None:
    raw = raw_trees([{}, {}, {}])
    raw.geometry = [shapely.Point(0, 0), shapely.Point(0.3, 0), shapely.Point(9, 0)]
    layer, log = trees_of(raw, "EPSG:3067")
    assert layer is not None and list(layer.index) == ["t0", "t2"]
    assert log == ["trees: 1 entered twice left out", "trees: 2 imported, the height of 2 filled by rule"]
    assert trees_of(None, "EPSG:3067") == (None, []) == trees_of(raw[:0], "EPSG:3067")


def test_planting_at_places(small_city: City) -> None:
    x, y = gap_of(small_city)
    result = applied(small_city, {"type": "plant_trees", "at": [lonlat(small_city, x, y)], "size": "large"})
    trees, change = result.city.trees, result.changes[0]
    assert list(trees.index) == ["measure/m/1"]
    assert trees.geometry.iloc[0].distance(shapely.Point(x, y)) < 0.01
    assert trees.iloc[0][["height_m", "crown_base_m", "crown_diameter_m"]].tolist() == [20.0, 5.0, 12.0]
    assert trees["height_m_origin"].iloc[0] == "derived"
    assert change.capital_cost_eur == 1000.0 and "assumption" in change.cost_source
    assert change.summary == "plants 1 tree, 20 m high"
    assert small_city.trees is None
    for name in ("buildings", "links", "zones", "nodes", "charging_sites"):
        assert getattr(result.city, name) is getattr(small_city, name)


def test_planting_in_a_building_or_outside_is_named(small_city: City) -> None:
    inside = small_city.buildings.geometry.iloc[0].representative_point()
    with pytest.raises(GeometryError, match=f"stands in the building {small_city.buildings.index[0]}"):
        applied(small_city, {"type": "plant_trees", "at": [lonlat(small_city, inside.x, inside.y)]})
    with pytest.raises(SelectorError, match="lies outside the city"):
        applied(small_city, {"type": "plant_trees", "at": [[0.0, 0.0]]})


@pytest.mark.parametrize(("spacing", "offset"), [(10.0, 6.0), (25.0, 8.0)])
def test_rows_along_streets(small_city: City, spacing: float, offset: float) -> None:
    links = small_city.links
    name = links["name"].iloc[0]
    streets = links[links["name"] == name]
    trees = applied(
        small_city,
        {"type": "plant_trees", "along": f'name == "{name}"', "spacing_m": spacing, "offset_m": offset},
    ).city.trees
    points = trees.geometry.to_numpy()
    away = shapely.distance(points, shapely.union_all(streets.geometry.to_numpy()))
    np.testing.assert_allclose(away, offset, rtol=0.1)
    assert (shapely.distance(points, shapely.union_all(links.geometry.to_numpy())) >= 0.9 * offset).all()
    assert (shapely.distance(points, small_city.buildings.union_all()) > 2.0).all()
    nearest = shapely.STRtree(points).query(points, predicate="dwithin", distance=spacing / 2)
    assert len(nearest[0]) == len(points)
    metres = streets["length_m"].groupby(streets.index.str[:-2]).max().sum()
    assert 0.5 * 2 * metres / spacing < len(trees) <= 2 * metres / spacing + 2 * len(streets)


def test_an_area_is_filled_between_the_houses(small_city: City) -> None:
    x, y = gap_of(small_city)
    ring = square(small_city, x, y, 60.0)
    result = applied(small_city, {"type": "plant_trees", "inside": ring, "spacing_m": 8.0, "evergreen": True})
    trees = result.city.trees
    area = gpd.GeoSeries([shapely.Polygon(ring)], crs="EPSG:4326").to_crs(small_city.meta.crs).iloc[0]
    assert shapely.contains_xy(area, *shapely.get_coordinates(trees.geometry.to_numpy()).T).all()
    assert (shapely.distance(trees.geometry.to_numpy(), small_city.buildings.union_all()) > 2.0).all()
    assert trees["evergreen"].all() and "left out" in result.changes[0].summary
    # Once more: every place is taken.
    with pytest.raises(SelectorError, match=r"none of .* places is free"):
        applied(result.city, {"type": "plant_trees", "inside": ring, "spacing_m": 8.0})


def test_felling(small_city: City) -> None:
    x, y = gap_of(small_city)
    at = [lonlat(small_city, x + 3 * k, y) for k in range(3)]
    plant = {"type": "plant_trees", "at": at, "height_m": 8.0}
    more = {"type": "plant_trees", "at": [lonlat(small_city, x, y + 4)], "size": "large", "cost_eur": 0.0}
    result = applied(small_city, plant, more, {"type": "fell_trees", "where": "height_m > 10", "cost_eur": 400.0})
    assert list(result.city.trees.index) == ["measure/m/1", "measure/m/2", "measure/m/3"]
    assert result.changes[2].summary == "fells 1 tree of 4"
    assert result.changes[2].capital_cost_eur == 400.0 and result.changes[2].cost_source.endswith("(study)")
    assert result.changes[1].capital_cost_eur == 0.0
    everything = applied(result.city, {"type": "fell_trees", "inside": square(small_city, x, y, 20.0)}).city
    assert everything.trees is not None and len(everything.trees) == 0
    with pytest.raises(SelectorError, match="has no trees"):
        applied(everything, {"type": "fell_trees", "where": "height_m > 0"})
    with pytest.raises(SelectorError, match="has no trees"):
        applied(small_city, {"type": "fell_trees", "where": "height_m > 0"})
    with pytest.raises(SelectorError):
        applied(result.city, {"type": "fell_trees", "where": "height_m > 70"})
    with pytest.raises(TwinError, match=r"unknown|no column"):
        applied(result.city, {"type": "fell_trees", "where": "heigth_m > 7"})


def test_trees_travel_with_the_package(small_city: City, tmp_path: Any) -> None:
    x, y = gap_of(small_city)
    city = applied(small_city, {"type": "plant_trees", "at": [lonlat(small_city, x, y)]}).city
    save_city(city, tmp_path / "c")
    assert load_city(tmp_path / "c").trees.equals(city.trees)


@pytest.mark.parametrize(
    ("measure", "says"),
    [
        ({"type": "plant_trees"}, "one kind of place"),
        ({"type": "plant_trees", "at": [[25, 60]], "along": "lanes > 0"}, "one kind of place"),
        ({"type": "plant_trees", "at": []}, "at least 1"),
        ({"type": "plant_trees", "at": [[25]]}, "at least 2"),
        ({"type": "plant_trees", "along": "lanes >"}, "lanes"),
        ({"type": "plant_trees", "along": "lanes > 0", "spacing_m": 0.5}, "spacing_m"),
        ({"type": "plant_trees", "along": "lanes > 0", "size": "huge"}, "size"),
        ({"type": "plant_trees", "along": "lanes > 0", "height_m": 200}, "height_m"),
        ({"type": "fell_trees"}, "names no trees"),
    ],
)
def test_malformed_measures(measure: dict[str, Any], says: str) -> None:
    with pytest.raises((StudyError, ValueError), match=says):
        study_of(measure)


def test_places_that_cannot_be(small_city: City) -> None:
    x, y = gap_of(small_city)
    with pytest.raises(SelectorError, match="holds no place"):
        applied(small_city, {"type": "plant_trees", "inside": square(small_city, x, y, 0.2), "spacing_m": 100.0})
    with pytest.raises(SelectorError, match="more than"):
        world = [[20, 59], [30, 59], [30, 62], [20, 62]]
        applied(small_city, {"type": "plant_trees", "inside": world, "spacing_m": 2.0})
    with pytest.raises(SelectorError):
        applied(small_city, {"type": "plant_trees", "along": 'name == "nowhere"'})
