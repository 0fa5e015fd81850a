"""Laws of the measures on streets, zones and land use, for any selection."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.city.check import check_city
from twin.city.model import City
from twin.scenario.apply import apply_measures
from twin.scenario.schema import Study

QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LAYERS = ("buildings", "nodes", "links", "zones", "charging_sites")

NOTHING: list[tuple[str, dict[str, Any]]] = [
    ("links", {"type": "road_works", "weeks": 1, "capacity_factor": 1}),
    ("links", {"type": "road_works", "weeks": 1, "speed_limit_kmh": 130}),
    ("zones", {"type": "parking", "parking_eur": 0, "parking_supply_factor": 1}),
    ("zones", {"type": "public_transport", "transit_level_factor": 1}),
    ("zones", {"type": "fleet_turnover", "electric_share_added": 0, "old_car_share_factor": 1}),
    ("buildings", {"type": "land_use_change", "floor_area_factor": 1, "population_factor": 1, "jobs_factor": 1}),
]
ONCE: list[tuple[str, dict[str, Any]]] = [
    ("links", {"type": "access_only"}),
    ("links", {"type": "truck_ban"}),
    ("links", {"type": "cycle_network", "facility": "lane", "from_car_lane": True}),
    ("links", {"type": "cycle_network", "facility": "track", "from_car_lane": True}),
    ("links", {"type": "road_works", "weeks": 2, "closed": True}),
    ("links", {"type": "road_works", "weeks": 2, "speed_limit_kmh": 20}),
    ("zones", {"type": "parking", "parking_eur": 2.5}),
    ("buildings", {"type": "land_use_change", "use": "retail"}),
]
NAMES = {"links": "link_id", "zones": "zone_id", "buildings": "building_id"}


def after(city: City, *measures: dict[str, Any]) -> City:
    data = {"study": "s", "question": "?", "city": "c", "measures": {"m": list(measures)}, "scenarios": {"one": ["m"]}}
    result = apply_measures(city, Study.model_validate(data), ["m"])
    assert check_city(result.city) == []
    return result.city


def on_some(city: City, layer: str, measure: dict[str, Any], data: st.DataObject) -> tuple[dict[str, Any], list[str]]:
    ids = data.draw(st.lists(st.sampled_from(list(getattr(city, layer).index)), min_size=1, max_size=9, unique=True))
    return {**measure, "where": f"{NAMES[layer]} in {ids!r}"}, ids


def same(first: City, second: City) -> bool:
    return all(getattr(first, name).equals(getattr(second, name)) for name in LAYERS)


@pytest.mark.parametrize(("layer", "measure"), NOTHING, ids=lambda v: v if isinstance(v, str) else "-".join(v))
@QUICK
@given(data=st.data())
def test_a_measure_that_changes_nothing_leaves_every_value_and_origin(
    small_city: City, layer: str, measure: dict[str, Any], data: st.DataObject
) -> None:
    assert same(after(small_city, on_some(small_city, layer, measure, data)[0]), small_city)


@pytest.mark.parametrize(
    ("layer", "measure"), ONCE, ids=lambda v: v if isinstance(v, str) else "-".join(map(str, v.values()))
)
@QUICK
@given(data=st.data())
def test_twice_is_as_once_and_the_rest_stays(
    small_city: City, layer: str, measure: dict[str, Any], data: st.DataObject
) -> None:
    some, ids = on_some(small_city, layer, measure, data)
    once = after(small_city, some)
    assert same(after(once, some), once)
    rest = ~getattr(small_city, layer).index.isin(ids)
    assert getattr(once, layer)[rest].equals(getattr(small_city, layer)[rest])


@QUICK
@given(data=st.data())
def test_banned_turns_add_up_in_any_order(small_city: City, data: st.DataObject) -> None:
    links = small_city.links
    keys = data.draw(st.lists(st.sampled_from(list(links.index)), min_size=2, max_size=6, unique=True))
    turns = []
    for key in keys:
        into = links.index[links["from_node"] == links.at[key, "to_node"]]
        chosen = data.draw(st.sampled_from(list(into)))
        turns.append({"type": "ban_turns", "from_where": f'link_id == "{key}"', "into_where": f'link_id == "{chosen}"'})
    forward, backward = after(small_city, *turns), after(small_city, *turns[::-1])
    assert same(forward, backward)
    assert same(after(forward, *turns), forward)
    assert set(links.index[forward.links["banned_turns"] != ""]) == set(keys)


@QUICK
@given(first=st.floats(0.5, 1.5), second=st.floats(0.5, 1.5))
def test_factors_multiply(small_city: City, first: float, second: float) -> None:
    measures = [{"type": "public_transport", "transit_level_factor": x} for x in (first, second)]
    np.testing.assert_allclose(after(small_city, *measures).zones["transit_level"], first * second)
    dense = [{"type": "land_use_change", "where": "levels > 0", "floor_area_factor": x} for x in (first, second)]
    both = after(small_city, *dense).buildings
    np.testing.assert_allclose(both["population"], small_city.buildings["population"] * first * second)
