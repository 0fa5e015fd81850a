"""Ground floors of another use: from points inside, from a table, by a measure; and what is wrong with them by name."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from twin.city.check import check_city
from twin.city.frames import with_defaults
from twin.city.ground_floors import POINT_M2, RULE, UNKNOWN, is_mixed, with_ground_floors
from twin.city.impute import complete_buildings
from twin.city.model import Metadata
from twin.city.osm_tags import street_use
from twin.city.schema import BUILDINGS
from twin.city.vector import read_buildings
from twin.errors import SchemaError
from twin.scenario.apply import apply_measures
from twin.scenario.memo import Prints
from twin.scenario.schema import Study

CRS = "EPSG:3067"
META = Metadata("t", "T", "FI", CRS, 60.0, 25.0, 2.0, 5.0, "district_heating")


def row_of(count, **columns):
    """Return `count` houses of 20 by 15 m in a row, 300 m² each."""
    shapes = [shapely.box(30.0 * k, 0.0, 30.0 * k + 20.0, 15.0) for k in range(count)]
    index = pd.Index([f"h{k}" for k in range(count)], dtype="str", name="building_id")
    columns = {"use": "residential", "levels": 5.0} | columns
    return gpd.GeoDataFrame(columns, index=index, geometry=shapes, crs=CRS)


def points(*places):
    use = pd.array([use for use, _, _ in places], "str")
    return gpd.GeoDataFrame({"use": use}, geometry=[shapely.Point(x, y) for _, x, y in places], crs=CRS)


@pytest.fixture(scope="module")
def houses():
    return complete_buildings(row_of(5), META)


def test_nothing_known_is_the_main_use_and_says_so(houses):
    assert set(houses["ground_floor_use"]) == {"main"}
    assert set(houses["ground_floor_use_origin"]) == {UNKNOWN}
    assert not is_mixed(houses).any()
    assert with_ground_floors(houses, None) is houses
    assert complete_buildings(houses, META).equals(houses)


def test_points_that_fill_half_the_floor_give_their_most_common_use(houses):
    inside = points(("retail", 5, 5), ("health", 35, 5), ("retail", 36, 6), ("retail", 37, 6), ("retail", 500, 5))
    found = with_ground_floors(houses, inside)
    assert list(found["ground_floor_use"]) == ["retail", "retail", "main", "main", "main"]
    assert list(found["ground_floor_use_origin"]) == [RULE, RULE, UNKNOWN, UNKNOWN, UNKNOWN]
    kept = [c for c in houses if not c.startswith("ground_floor")]
    assert found[kept].equals(houses[kept])
    wide = houses.assign(footprint_area_m2=2.1 * POINT_M2)
    assert list(with_ground_floors(wide, inside)["ground_floor_use"]) == ["main", "retail", "main", "main", "main"]
    turned = with_ground_floors(houses, inside.iloc[::-1])
    assert turned.equals(found)


@pytest.mark.parametrize(
    "columns",
    [
        {"use": "retail"},
        {"levels": 1.0},
        {"floor_area_m2": 0.0},
        {"ground_floor_use": "office"},
        {"ground_floor_use": "main", "ground_floor_use_origin": "measured"},
    ],
)
def test_points_change_nothing_that_is_given_or_cannot_be(columns):
    before = complete_buildings(row_of(2, **columns), META)
    after = with_ground_floors(before, points(("retail", 5, 5), ("retail", 6, 6), ("retail", 7, 7)))
    assert after.equals(before)


@pytest.mark.parametrize(
    ("tags", "use"),
    [
        ({"shop": "clothes"}, "retail"),
        ({"shop": "kiosk", "level": "0"}, "retail"),
        ({"shop": "yes", "level": "1"}, None),
        ({"shop": "yes", "level": "-1; 0"}, "retail"),
        ({"shop": "vacant"}, None),
        ({"amenity": "restaurant"}, "retail"),
        ({"amenity": "bank"}, "office"),
        ({"amenity": "dentist"}, "health"),
        ({"amenity": "bench"}, None),
        ({"amenity": "parking"}, None),
        ({"amenity": "nursing_home"}, None),
        ({}, None),
    ],
)
def test_tags_of_points(tags, use):
    assert street_use(tags) == use


def test_what_a_table_says_is_measured_and_an_unknown_use_is_named(tmp_path):
    file = tmp_path / "houses.gpkg"
    said = row_of(3, ground_floor_use=["retail", None, "main"]).reset_index(drop=True)
    said.to_file(file)
    complete = complete_buildings(read_buildings(file), META)
    assert list(complete["ground_floor_use"]) == ["retail", "main", "main"]
    assert list(complete["ground_floor_use_origin"]) == ["measured", UNKNOWN, "measured"]
    said.assign(ground_floor_use=["retail", "shop", None]).to_file(file)
    with pytest.raises(SchemaError, match="'shop' is not a known ground_floor_use") as caught:
        read_buildings(file)
    assert "1" in str(caught.value.where)
    assert "ground_floor_use" in str(caught.value.where)


def problems(city, **columns):
    return [str(e) for e in check_city(city.replace(buildings=city.buildings.assign(**columns)))]


def ground(city, row, use):
    values = city.buildings["ground_floor_use"].to_numpy(object).copy()
    values[row] = use
    return pd.array(values, "str")


def test_what_cannot_be_is_named_with_its_building(small_city):
    levels = small_city.buildings["levels"].to_numpy()
    use = small_city.buildings["use"].to_numpy(object)
    low = int(np.flatnonzero((levels < 2.0) & (use == "residential"))[0])
    tall = int(np.flatnonzero((levels >= 2.0) & (use == "residential"))[0])
    assert problems(small_city, ground_floor_use=ground(small_city, tall, "retail")) == []
    assert problems(small_city, ground_floor_use=ground(small_city, low, "residential")) == []
    (one,) = problems(small_city, ground_floor_use=ground(small_city, low, "retail"))
    assert small_city.buildings.index[low] in one
    assert "no other floor than the ground floor" in one
    (one,) = problems(small_city, ground_floor_use=ground(small_city, tall, "retial"))
    assert small_city.buildings.index[tall] in one
    assert "'retail'" in one


def test_packages_from_before_get_the_column(small_city):
    old = small_city.buildings.drop(columns=["ground_floor_use", "ground_floor_use_origin"])
    new = with_defaults(old, BUILDINGS)
    assert set(new.columns) == set(small_city.buildings.columns)
    assert set(new["ground_floor_use"]) == {"main"}
    assert check_city(small_city.replace(buildings=new)) == []


def apply(city, **what):
    measures = {"m": [{"type": "land_use_change", "where": "use == 'residential'", **what}]}
    study = Study.model_validate(
        {"study": "s", "question": "?", "city": "c", "measures": measures, "scenarios": {"one": ["m"]}}
    )
    return apply_measures(city, study, ["m"])


def test_a_measure_lets_ground_floors_and_only_energy_sees_it(small_city):
    done = apply(small_city, ground_floor_use="retail")
    assert check_city(done.city) == []
    before, after = small_city.buildings, done.city.buildings
    homes = (before["use"] == "residential").to_numpy()
    tall = homes & (before["levels"] >= 2.0).to_numpy()
    assert ((after["ground_floor_use"] == "retail").to_numpy() == tall).all()
    assert ((after["ground_floor_use_origin"] == "derived").to_numpy() == tall).all()
    kept = [c for c in before if not c.startswith("ground_floor")]
    assert after[kept].equals(before[kept])
    assert done.changes[0].quantities["ground_floors_of_another_use"] == tall.sum()
    assert "shops" in done.changes[0].summary
    was, now = Prints.of(small_city), Prints.of(done.city)
    assert now.without_pv != was.without_pv
    assert (now.traffic, now.sun) == (was.traffic, was.sun)
    undone = apply(done.city, ground_floor_use="main")
    assert undone.city.buildings["ground_floor_use"].equals(before["ground_floor_use"])
    same = apply(small_city, ground_floor_use="main")
    assert same.city.buildings.equals(before)
    assert Prints.of(same.city) == was


def test_a_ground_floor_of_the_same_use_turns_with_its_building(small_city):
    said = small_city.buildings.assign(ground_floor_use=small_city.buildings["use"])
    done = apply(small_city.replace(buildings=said), use="office")
    homes = (said["use"] == "residential").to_numpy()
    assert check_city(done.city) == []
    assert not is_mixed(done.city.buildings).any()
    assert ((done.city.buildings["ground_floor_use"] == "main").to_numpy() == homes).all()


@pytest.mark.parametrize(
    ("storeys", "wrong"), [({"levels": 5}, False), ({"levels": 1}, True), ({"height_m": 3.0}, True)]
)
def test_a_new_building_of_one_storey_has_one_use(small_city, storeys, wrong):
    west, south, *_ = small_city.buildings.total_bounds
    site = gpd.GeoSeries([shapely.box(west - 40, south, west - 20, south + 15)], crs=small_city.meta.crs).to_crs(4326)
    corners = [list(place) for place in site.iloc[0].exterior.coords[:-1]]
    new = {"name": "Corner", "use": "residential", "ground_floor_use": "retail", "polygon": corners, **storeys}
    study = Study.model_validate(
        {
            "study": "s",
            "question": "?",
            "city": "c",
            "measures": {"m": [{"type": "add_buildings", "buildings": [new]}]},
            "scenarios": {"one": ["m"]},
        }
    )
    if wrong:
        with pytest.raises(SchemaError, match="the building Corner has no other floor"):
            apply_measures(small_city, study, ["m"])
    else:
        done = apply_measures(small_city, study, ["m"]).city
        assert check_city(done) == []
        assert is_mixed(done.buildings).sum() == 1
