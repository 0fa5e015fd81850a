"""Measures on streets, zones and land use: each example shows what it changes, and that nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.test_scenario_measures import applied, around, only_changed, study_of
from twin.city.model import City
from twin.city.rules import M2_PER_JOB, M2_PER_RESIDENT
from twin.errors import DataError, SelectorError, StudyError
from twin.scenario.apply import apply_measures
from twin.scenario.measures.cycle_network import TRACK_EUR_KM
from twin.scenario.study import load_study


def test_access_only_and_truck_ban(small_city: City) -> None:
    name = small_city.links["name"].iloc[0]
    for kind, words in (("access_only", "to through traffic"), ("truck_ban", "to trucks")):
        done = applied(small_city, {"type": kind, "where": f'name == "{name}"'})
        only_changed(small_city, done.city, "links", kind)
        assert done.city.links[kind].tolist() == (small_city.links["name"] == name).tolist()
        assert words in done.changes[0].summary
        assert done.changes[0].quantities["street_length_km"] > 0


def test_a_neighbourhood_for_access_only_spares_main_streets(small_city: City) -> None:
    area = around(small_city, 0.8)
    done = applied(small_city, {"type": "low_traffic_neighbourhood", "inside": area, "access_only": True})
    only_changed(small_city, done.city, "links", "access_only")
    quiet = done.city.links[done.city.links["access_only"]]
    assert set(quiet["road_class"]) <= {"residential", "living_street", "service", "unclassified"}
    assert done.changes[0].quantities["access_only_links"] == len(quiet) > 0
    every = {"type": "low_traffic_neighbourhood", "inside": area, "access_only": True, "where": "lanes > 0"}
    assert applied(small_city, every).city.links["access_only"].sum() > len(quiet)


def test_a_neighbourhood_with_filters(small_city: City) -> None:
    area = around(small_city, 0.5)
    inside = applied(small_city, {"type": "access_only", "inside": area}).city.links["access_only"]
    key = small_city.links.index[inside][0]
    both = {"type": "low_traffic_neighbourhood", "inside": area, "access_only": True, "filters": f'link_id == "{key}"'}
    done = applied(small_city, both)
    only_changed(small_city, done.city, "links", "access_only", "closed")
    assert list(done.city.links.index[done.city.links["closed"]]) == [key]
    assert "to cars and" in done.changes[0].summary
    outside = small_city.links.index[~inside][0]
    with pytest.raises(SelectorError, match=r"filters: 1 of the .* but none of them lies in the polygon"):
        applied(small_city, {**both, "filters": f'link_id == "{outside}"'})


def test_an_error_in_filters_is_placed_there(small_city: City, tmp_path: Path) -> None:
    text = f"""
study: s
question: q
city: c
measures:
  quiet:
    - type: low_traffic_neighbourhood
      inside: {around(small_city)}
      filters: nane == "x"
scenarios: {{one: [quiet]}}
"""
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(SelectorError, match="no column 'nane'") as caught:
        apply_measures(small_city, load_study(path), ["quiet"])
    assert caught.value.where == f"{path}:9:16"


def test_banned_turns_lead_from_one_street_into_another(small_city: City) -> None:
    links = small_city.links
    first = links.iloc[0]
    into = links.index[(links["from_node"] == first["to_node"]) & (links["to_node"] != first["from_node"])]
    turn = {
        "type": "ban_turns",
        "from_where": f'link_id == "{links.index[0]}"',
        "into_where": f"link_id in {list(into)}",
    }
    done = applied(small_city, turn)
    only_changed(small_city, done.city, "links", "banned_turns")
    assert done.city.links["banned_turns"].iloc[0] == " ".join(sorted(into))
    assert (done.city.links["banned_turns"].iloc[1:] == "").all()
    assert done.changes[0].quantities == {"turns": len(into)}
    assert applied(done.city, turn).city.links.equals(done.city.links)
    one = applied(small_city, {**turn, "into_where": f'link_id == "{into[0]}"'})
    assert applied(one.city, turn).city.links.equals(done.city.links)
    with pytest.raises(SelectorError, match="leads into one with"):
        applied(small_city, {**turn, "into_where": f'link_id == "{links.index[0]}"'})
    with pytest.raises(SelectorError, match="leads into one with"):
        applied(small_city, {**turn, "inside": [[0, 0], [1, 0], [1, 1]]})


def test_banned_turns_at_junctions_within_a_polygon(small_city: City) -> None:
    everywhere = {"type": "ban_turns", "from_where": "lanes > 0", "into_where": "lanes > 0"}
    inner = applied(small_city, {**everywhere, "inside": around(small_city)}).changes[0]
    assert 0 < inner.quantities["turns"] < applied(small_city, everywhere).changes[0].quantities["turns"]


def test_cycle_tracks_take_a_car_lane_once_and_cost(small_city: City) -> None:
    wide = applied(small_city, {"type": "change_links", "where": 'road_class == "primary"', "lanes": 2}).city
    track = {"type": "cycle_network", "where": "lanes > 0", "facility": "track", "from_car_lane": True}
    done = applied(wide, track)
    only_changed(wide, done.city, "links", "cycle_facility", "lanes", "capacity_veh_h")
    before, after = wide.links, done.city.links
    assert (after["cycle_facility"] == "track").all()
    two = (before["lanes"] >= 2).to_numpy()
    assert two.any()
    np.testing.assert_allclose(after["lanes"], before["lanes"] - two)
    np.testing.assert_allclose(after["capacity_veh_h"] / before["capacity_veh_h"], after["lanes"] / before["lanes"])
    change = done.changes[0]
    assert change.capital_cost_eur == pytest.approx(TRACK_EUR_KM * before["length_m"].sum() / 1000)
    assert "Taylor and Hiblin" in change.cost_source
    again = applied(done.city, track, {**track, "facility": "lane"})
    assert again.city.links.equals(after)
    assert [c.capital_cost_eur for c in again.changes] == [0.0, 0.0]
    lanes = applied(wide, {"type": "cycle_network", "where": "lanes > 0", "facility": "lane"})
    only_changed(wide, lanes.city, "links", "cycle_facility")
    assert lanes.changes[0].cost_source == ""


def test_road_works(small_city: City) -> None:
    two = applied(small_city, {"type": "change_links", "lanes": 2}).city
    name = two.links["name"].iloc[0]
    works = {"type": "road_works", "where": f'name == "{name}"', "weeks": 13}
    done = applied(two, {**works, "lanes_closed": 1, "capacity_factor": 0.8, "speed_limit_kmh": 30})
    only_changed(two, done.city, "links", "lanes", "capacity_veh_h", "speed_limit_kmh")
    mask = (two.links["name"] == name).to_numpy()
    ratio = (done.city.links["capacity_veh_h"] / two.links["capacity_veh_h"]).to_numpy()
    np.testing.assert_allclose(ratio, np.where(mask, 0.4, 1.0))
    assert done.city.links.loc[mask, "speed_limit_kmh"].max() <= 30
    change = done.changes[0]
    assert change.quantities["share_of_the_year"] == 0.25
    assert "for 13 weeks of the year; results show a day during the works" in change.summary
    faster = applied(two, {**works, "speed_limit_kmh": 130}).city
    assert faster.links.equals(two.links)
    shut = applied(two, {**works, "closed": True})
    only_changed(two, shut.city, "links", "closed")
    with pytest.raises(DataError, match="lanes would become 0"):
        applied(two, {**works, "lanes_closed": 2})


def test_zones_parking_transit_and_fleet(small_city: City) -> None:
    zone = small_city.zones.index[0]
    where = {"where": f'zone_id == "{zone}"'}
    priced = applied(small_city, {"type": "parking", **where, "parking_eur": 3, "parking_supply_factor": 0.8})
    only_changed(small_city, priced.city, "zones", "parking_eur", "parking_supply")
    assert priced.city.zones["parking_eur"].tolist() == [3.0] + [0.0] * (len(small_city.zones) - 1)
    assert priced.city.zones["parking_supply"].iloc[0] == 0.8
    assert priced.changes[0].summary.endswith("changes the parking spaces by -20 % in 1 zone")
    bus = applied(small_city, {"type": "public_transport", "transit_level_factor": 1.5})
    only_changed(small_city, bus.city, "zones", "transit_level")
    assert (bus.city.zones["transit_level"] == 1.5).all()
    assert "+50 % in the whole city" in bus.changes[0].summary
    fleet = applied(small_city, {"type": "fleet_turnover", "electric_share_added": 0.1, "old_car_share_factor": 0.5})
    only_changed(small_city, fleet.city, "zones", "electric_share_added", "old_car_share_factor")
    assert (fleet.city.zones["electric_share_added"] == 0.1).all()
    assert "+10 percentage points" in fleet.changes[0].summary
    full = {"type": "fleet_turnover", "electric_share_added": 0.6}
    with pytest.raises(DataError, match=r"electric_share_added would become 1\.2"):
        applied(small_city, full, full)


def test_offices_become_dwellings_with_their_residents(small_city: City) -> None:
    turn = {"type": "land_use_change", "where": 'use == "office"', "use": "residential"}
    done = applied(small_city, turn)
    only_changed(small_city, done.city, "buildings", "use", "population", "jobs")
    mask = (small_city.buildings["use"] == "office").to_numpy()
    before, after = small_city.buildings[mask], done.city.buildings[mask]
    np.testing.assert_allclose(after["population"], before["floor_area_m2"] / M2_PER_RESIDENT)
    assert (after["jobs"] == 0).all()
    assert (after["use_origin"] == "derived").all()
    assert done.city.buildings[~mask].equals(small_city.buildings[~mask])
    assert done.changes[0].quantities["added_jobs"] == pytest.approx(-before["jobs"].sum())
    back = applied(done.city, {**turn, "where": f"building_id in {list(before.index)}", "use": "office"}).city
    np.testing.assert_allclose(back.buildings.loc[mask, "jobs"], before["floor_area_m2"] / M2_PER_JOB["office"])
    larger = applied(small_city, {**turn, "floor_area_factor": 1.2, "population_factor": 0.5}).city.buildings[mask]
    np.testing.assert_allclose(larger["population"], 0.6 * after["population"])


def test_denser_use_keeps_the_mix(small_city: City) -> None:
    dense = applied(small_city, {"type": "land_use_change", "where": "floor_area_m2 >= 0", "floor_area_factor": 1.1})
    only_changed(small_city, dense.city, "buildings", "floor_area_m2", "population", "jobs")
    for column in ("floor_area_m2", "population", "jobs"):
        np.testing.assert_allclose(dense.city.buildings[column], 1.1 * small_city.buildings[column])
    assert "the floor area by +10 %" in dense.changes[0].summary


NEIGHBOURHOOD: dict[str, Any] = {"type": "low_traffic_neighbourhood", "inside": [[0, 0], [1, 0], [1, 1]]}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"type": "access_only"}, "access_only names no links"),
    ({"type": "truck_ban"}, "truck_ban names no links"),
    ({"type": "cycle_network", "facility": "track"}, "cycle_network names no links"),
    ({"type": "cycle_network", "where": "lanes > 0", "facility": "path"}, "'lane' or 'track'"),
    ({"type": "road_works", "weeks": 4, "closed": True}, "road_works names no links"),
    ({"type": "road_works", "where": "lanes > 0", "weeks": 4}, "hinders nobody"),
    ({"type": "road_works", "where": "lanes > 0", "weeks": 60, "closed": True}, "less than or equal to 52"),
    ({"type": "road_works", "where": "lanes > 0", "weeks": 4, "closed": True, "lanes_closed": 1}, "narrowed at once"),
    ({"type": "road_works", "where": "lanes > 0", "weeks": 4, "capacity_factor": 1.5}, "less than or equal to 1"),
    ({"type": "low_traffic_neighbourhood", "access_only": True}, "inside"),
    (NEIGHBOURHOOD, "keeps nobody out"),
    ({**NEIGHBOURHOOD, "filters": "closed", "where": "closed"}, "where says which streets"),
    ({"type": "ban_turns", "from_where": "lanes > 0"}, "into_where"),
    ({"type": "ban_turns", "from_where": "lanes >", "into_where": "lanes > 0"}, "from_where"),
    ({"type": "parking"}, "parking changes nothing"),
    ({"type": "parking", "parking_eur": -1}, "greater than or equal to 0"),
    ({"type": "parking", "parking_eur": "3"}, "valid number"),
    ({"type": "public_transport", "transit_level_factor": 0}, "greater than 0"),
    ({"type": "public_transport", "transit_level_factor": float("nan")}, "finite"),
    ({"type": "fleet_turnover"}, "fleet_turnover changes nothing"),
    ({"type": "fleet_turnover", "electric_share_added": 1.5}, "less than or equal to 1"),
    ({"type": "land_use_change", "where": "jobs > 0"}, "land_use_change changes nothing"),
    ({"type": "land_use_change", "use": "office"}, "names no buildings"),
    ({"type": "land_use_change", "where": "jobs > 0", "use": "offices"}, "'residential', 'office'"),
]  # fmt: skip


@pytest.mark.parametrize(("measure", "message"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_makes_no_sense_is_refused_by_name(measure: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        study_of(m=[measure])


@pytest.mark.parametrize(
    "measure",
    [
        {"type": "access_only", "where": "lanes > 99"},
        {"type": "truck_ban", "where": "lanes > 99"},
        {"type": "cycle_network", "where": "lanes > 99", "facility": "lane"},
        {"type": "road_works", "where": "lanes > 99", "weeks": 1, "closed": True},
        {"type": "ban_turns", "from_where": "lanes > 99", "into_where": "lanes > 0"},
        {**NEIGHBOURHOOD, "access_only": True},
        {"type": "parking", "where": "trip_factor > 99", "parking_eur": 1},
        {"type": "public_transport", "where": "trip_factor > 99", "transit_level_factor": 2},
        {"type": "fleet_turnover", "where": "trip_factor > 99", "old_car_share_factor": 0},
        {"type": "land_use_change", "where": "levels > 999", "use": "office"},
    ],
    ids=lambda measure: measure["type"],
)
def test_matching_nothing_is_an_error(small_city: City, measure: dict[str, Any]) -> None:
    with pytest.raises((SelectorError, StudyError), match=r"none of the|satisf"):
        applied(small_city, measure)
