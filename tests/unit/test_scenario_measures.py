from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from twin.city.check import check_city
from twin.city.model import City
from twin.errors import DataError, SelectorError, StudyError, TwinError
from twin.scenario.apply import Applied, apply_measures
from twin.scenario.measures.base import new_ids
from twin.scenario.schema import Study
from twin.scenario.study import load_study


def study_of(**measures: list[dict[str, Any]]) -> Study:
    return Study.model_validate(
        {"study": "s", "question": "?", "city": "c", "measures": measures, "scenarios": {"one": list(measures)}}
    )


def applied(city: City, *interventions: dict[str, Any]) -> Applied:
    result = apply_measures(city, study_of(m=list(interventions)), ["m"])
    assert [str(e) for e in check_city(result.city)] == [str(e) for e in check_city(city)]
    assert all(c.matched > 0 and c.summary for c in result.changes)
    return result


def only_changed(before: City, after: City, layer: str, *columns: str) -> None:
    """Nothing but the named columns (and their origins) of one layer differs."""
    for name in ("buildings", "nodes", "links", "zones", "charging_sites"):
        old, new = getattr(before, name), getattr(after, name)
        if name != layer:
            assert new is old
            continue
        assert list(new.columns) == list(old.columns)
        assert (new.dtypes == old.dtypes).all()
        kept = [c for c in old.columns if c.removesuffix("_origin") not in columns]
        assert new[kept].equals(old[kept])
    assert after.weather is before.weather
    assert after.meta is before.meta


def around(city: City, share: float = 0.5) -> list[list[float]]:
    """A polygon over the middle of the city."""
    west, south, east, north = city.links.total_bounds
    x, y, w, h = (west + east) / 2, (south + north) / 2, (east - west) * share / 2, (north - south) * share / 2
    ring = gpd.GeoSeries([shapely.box(x - w, y - h, x + w, y + h)], crs=city.links.crs).to_crs("EPSG:4326").iloc[0]
    return [list(p) for p in ring.exterior.coords]


def test_nothing_done_is_the_very_same_city(small_city: City) -> None:
    assert apply_measures(small_city, study_of(), []).city is small_city


def test_close_and_reopen(small_city: City) -> None:
    name = small_city.links["name"].iloc[0]
    closed = applied(small_city, {"type": "close_links", "where": f'name == "{name}"'})
    only_changed(small_city, closed.city, "links", "closed")
    mask = (small_city.links["name"] == name).to_numpy()
    assert closed.city.links["closed"].tolist() == mask.tolist()
    change = closed.changes[0]
    assert change.matched == mask.sum()
    assert f"of {name}" in change.summary
    assert change.quantities["street_length_km"] == pytest.approx(
        small_city.links.loc[mask, "length_m"].sum() / 2000, rel=1e-6
    )
    opened = applied(closed.city, {"type": "reopen_links", "where": "closed"})
    assert opened.city.links.equals(small_city.links)


def test_fewer_lanes_rescale_the_capacity(small_city: City) -> None:
    two = applied(small_city, {"type": "change_links", "lanes": 2}).city
    only_changed(small_city, two, "links", "lanes", "capacity_veh_h")
    one = applied(two, {"type": "change_links", "lanes_factor": 0.5, "capacity_factor": 0.9}).city
    np.testing.assert_allclose(one.links["capacity_veh_h"], 0.45 * two.links["capacity_veh_h"])
    assert (one.links["lanes_origin"] == "derived").all()
    given = applied(two, {"type": "change_links", "lanes": 1, "capacity_veh_h": 700}).city
    assert (given.links["capacity_veh_h"] == 700).all()


def test_values_outside_the_schema_are_named(small_city: City) -> None:
    with pytest.raises(DataError, match=r"lanes would become 0\.\d+") as caught:
        applied(small_city, {"type": "change_links", "where": "lanes == 1", "lanes_factor": 0.5})
    assert "links[" in caught.value.what


def test_speed_limits(small_city: City) -> None:
    slow = applied(small_city, {"type": "change_links", "where": "speed_limit_kmh > 30", "speed_limit_kmh": 30})
    only_changed(small_city, slow.city, "links", "speed_limit_kmh")
    assert slow.city.links["speed_limit_kmh"].max() == 30
    assert "speed limit to 30 km/h" in slow.changes[0].summary


def test_a_cordon_tolls_the_links_that_enter(small_city: City) -> None:
    cordon = around(small_city)
    tolled = applied(small_city, {"type": "toll", "toll_eur": 3, "cordon": cordon}).city
    only_changed(small_city, tolled, "links", "toll_eur")
    ring = gpd.GeoSeries([shapely.Polygon(cordon)], crs="EPSG:4326").to_crs(small_city.links.crs).iloc[0]
    paid = tolled.links[tolled.links["toll_eur"] > 0]
    heads, tails = (small_city.nodes.geometry[paid[c]].to_numpy() for c in ("to_node", "from_node"))
    assert shapely.intersects(ring, heads).all()
    assert not shapely.intersects(ring, tails).any()
    with pytest.raises(SelectorError, match="no link enters the cordon"):
        applied(small_city, {"type": "toll", "toll_eur": 3, "cordon": around(small_city, 3.0)})


def test_low_emission_zone(small_city: City) -> None:
    zone = applied(small_city, {"type": "low_emission_zone", "inside": around(small_city)}).city
    only_changed(small_city, zone, "links", "low_emission")
    assert 0 < zone.links["low_emission"].sum() < len(zone.links)


def test_demand_of_the_city_and_of_zones(small_city: City) -> None:
    less = applied(small_city, {"type": "change_demand", "factor": 0.8})
    only_changed(small_city, less.city, "zones", "trip_factor")
    assert (less.city.zones["trip_factor"] == 0.8).all()
    assert "the whole city by -20 %" in less.changes[0].summary
    zone = small_city.zones.index[0]
    more = applied(less.city, {"type": "change_demand", "where": f'zone_id == "{zone}"', "factor": 2}).city
    assert more.zones["trip_factor"].iloc[0] == 1.6
    assert (more.zones["trip_factor"].iloc[1:] == 0.8).all()


def test_pv_keeps_what_is_there(small_city: City) -> None:
    half = applied(small_city, {"type": "install_pv", "where": "footprint_area_m2 > 200", "share": 0.5})
    only_changed(small_city, half.city, "buildings", "pv_share")
    large = small_city.buildings["footprint_area_m2"] > 200
    assert (half.city.buildings["pv_share"] == np.where(large, 0.5, 0.0)).all()
    some = applied(half.city, {"type": "install_pv", "share": 0.2}).city
    assert (some.buildings["pv_share"] == np.where(large, 0.5, 0.2)).all()
    assert half.changes[0].capital_cost_eur == 0.0


def test_retrofit_never_worsens_and_costs(small_city: City) -> None:
    deep = applied(small_city, {"type": "retrofit", "where": "floor_area_m2 > 1000", "to": "deep_retrofit"})
    only_changed(small_city, deep.city, "buildings", "envelope")
    change = deep.changes[0]
    area = small_city.buildings.query("floor_area_m2 > 1000")["floor_area_m2"].sum()
    assert change.quantities["floor_area_m2"] == pytest.approx(area)
    assert change.capital_cost_eur > 0
    assert "assumption" in change.cost_source
    standard = applied(deep.city, {"type": "retrofit", "to": "standard_retrofit"}).city
    assert (standard.buildings["envelope"][small_city.buildings["floor_area_m2"] > 1000] == "deep_retrofit").all()
    assert "existing" not in set(standard.buildings["envelope"])


def test_heat_supply(small_city: City) -> None:
    pumps = applied(small_city, {"type": "change_heat_supply", "to": "air_heat_pump"})
    only_changed(small_city, pumps.city, "buildings", "heat_supply")
    assert set(pumps.city.buildings["heat_supply"]) == {"air_heat_pump"}
    again = applied(pumps.city, {"type": "change_heat_supply", "to": "air_heat_pump"})
    assert again.changes[0].quantities["buildings"] == 0
    assert again.changes[0].capital_cost_eur == 0.0


def test_charging_sites_get_stable_ids_and_a_zone(small_city: City) -> None:
    west, south = around(small_city)[0]
    site = {"at": [west, south], "connectors": 4, "connector_power_kw": 50}
    built = applied(small_city, {"type": "build_charging_sites", "sites": [site, {**site, "power_cap_kw": 60}]},
                    {"type": "build_charging_sites", "sites": [site]})  # fmt: skip
    new = built.city.charging_sites.loc[[f"measure/m/{k}" for k in (1, 2, 3)]]
    assert new["power_cap_kw"].tolist() == [200, 60, 200]
    assert new["zone_id"].isin(small_city.zones.index).all()
    assert built.city.charging_sites.drop(new.index).equals(small_city.charging_sites)
    with pytest.raises(SelectorError, match="lies outside the city"):
        applied(small_city, {"type": "build_charging_sites", "sites": [{"at": [south, west]}]})


def test_the_first_charging_site_of_a_city(small_city: City) -> None:
    bare = small_city.replace(charging_sites=small_city.charging_sites.iloc[:0])
    west, south = around(small_city)[0]
    built = applied(bare, {"type": "build_charging_sites", "sites": [{"at": [west, south]}]}).city
    assert (built.charging_sites.dtypes == small_city.charging_sites.dtypes).all()


def free_ground(city: City) -> list[list[float]]:
    """A small square that no building touches."""
    west, south, east, north = city.zones.total_bounds
    built = shapely.union_all(city.buildings.geometry.to_numpy())
    for x in np.arange(west + 20, east - 20, 15.0):
        for y in np.arange(south + 20, north - 20, 15.0):
            square = shapely.box(x, y, x + 10, y + 10)
            if square.distance(built) > 1:
                degrees = gpd.GeoSeries([square], crs=city.links.crs).to_crs("EPSG:4326").iloc[0]
                return [list(p) for p in degrees.exterior.coords]
    raise AssertionError("no free ground")


def test_buildings_are_added_complete_and_removed_again(small_city: City) -> None:
    new = {"polygon": free_ground(small_city), "use": "residential", "levels": 5, "name": "New"}
    added = applied(small_city, {"type": "add_buildings", "buildings": [new]})
    row = added.city.buildings.loc["measure/m/1"]
    assert (row["levels"], row["levels_origin"]) == (5, "measured")
    assert row["height_m_origin"].startswith(("derived", "imputed:"))
    assert row["footprint_area_m2"] == pytest.approx(100, rel=0.01)
    assert row["zone_id"] in small_city.zones.index
    assert added.changes[0].quantities["population"] == pytest.approx(row["population"])
    assert added.city.buildings.drop("measure/m/1").equals(small_city.buildings)
    removed = applied(added.city, {"type": "remove_buildings", "where": 'name == "New"'})
    assert removed.city.buildings.equals(small_city.buildings)
    twice = apply_measures(small_city, study_of(m=[{"type": "add_buildings", "buildings": [new]}]), ["m"])
    assert twice.city.buildings.equals(added.city.buildings)


def test_buildings_come_from_a_file_too(small_city: City, tmp_path: Path) -> None:
    square = shapely.Polygon(free_ground(small_city))
    frame = gpd.GeoDataFrame({"use": ["office"], "height_m": [20.0]}, geometry=[square], crs="EPSG:4326")
    frame.to_file(tmp_path / "new.geojson")
    text = """
study: s
question: q
city: c
measures: {m: [{type: add_buildings, file: new.geojson}]}
scenarios: {one: [m]}
"""
    (tmp_path / "study.yaml").write_text(text)
    result = apply_measures(small_city, load_study(tmp_path / "study.yaml"), ["m"])
    row = result.city.buildings.loc["measure/m/1"]
    assert (row["use"], row["height_m"], row["year_class"]) == ("office", 20.0, "2010-onwards")
    frame["height_m"] = -3.0
    frame.to_file(tmp_path / "new.geojson")
    with pytest.raises(DataError, match="height_m of a new building"):
        apply_measures(small_city, load_study(tmp_path / "study.yaml"), ["m"])


def test_new_buildings_may_not_overlap(small_city: City) -> None:
    footprint = small_city.buildings.geometry.iloc[:1].to_crs("EPSG:4326").iloc[0]
    new = {"polygon": [list(p) for p in footprint.exterior.coords], "use": "office", "levels": 2}
    with pytest.raises(DataError, match="overlap 1 building"):
        applied(small_city, {"type": "add_buildings", "buildings": [new]})
    key = small_city.buildings.index[0]
    swapped = applied(
        small_city,
        {"type": "remove_buildings", "where": f'building_id == "{key}"'},
        {"type": "add_buildings", "buildings": [new]},
    )
    assert len(swapped.city.buildings) == len(small_city.buildings)


def test_order_matters_and_the_last_value_holds(small_city: City) -> None:
    study = study_of(a=[{"type": "toll", "toll_eur": 1, "where": "lanes > 0"}],
                     b=[{"type": "toll", "toll_eur": 2, "where": "toll_eur == 0"}])  # fmt: skip
    assert (apply_measures(small_city, study, ["b", "a"]).city.links["toll_eur"] == 1).all()
    with pytest.raises(SelectorError):
        apply_measures(small_city, study, ["a", "b"])


def test_errors_name_measure_and_line(small_city: City, tmp_path: Path) -> None:
    text = """
study: s
question: q
city: c
measures:
  street:
    - type: close_links
      where: nane == "x"
    - {type: close_links, inside: nowhere.gpkg}
scenarios: {one: [street]}
"""
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(SelectorError) as caught:
        apply_measures(small_city, load_study(path), ["street"])
    assert caught.value.where == f"{path}:8:14"
    assert "measure 'street', close_links: layer 'links' has no column 'nane'" in caught.value.what
    path.write_text(text.replace("nane ==", "name !="))
    with pytest.raises(TwinError) as missing:
        apply_measures(small_city, load_study(path), ["street"])
    assert f"{path}:9:" in missing.value.message()


def test_unknown_names(small_city: City) -> None:
    with pytest.raises(StudyError, match="unknown measure 'b'"):
        apply_measures(small_city, study_of(a=[{"type": "close_links"}]), ["b"])


def test_new_buildings_may_not_overlap_each_other(small_city: City) -> None:
    x, y = small_city.zones.to_crs("EPSG:4326").total_bounds[:2]
    square = [[x + dx, y + dy] for dx, dy in ((1e-5, 1e-5), (2e-4, 1e-5), (2e-4, 1e-4), (1e-5, 1e-4))]
    new = {"polygon": square, "use": "office", "levels": 3}
    standing = small_city.replace(buildings=small_city.buildings.iloc[[-1]])
    with pytest.raises(DataError, match="new buildings 1 and 2 overlap"):
        apply_measures(standing, study_of(m=[{"type": "add_buildings", "buildings": [new, new]}]), ["m"])


def test_outlines_of_a_file_must_be_sound(small_city: City, tmp_path: Path) -> None:
    x, y = small_city.zones.total_bounds[:2]
    bow_tie = shapely.Polygon([(x, y), (x + 20, y + 20), (x + 20, y), (x, y + 20)])
    path = tmp_path / "new.geojson"
    frame = gpd.GeoDataFrame({"use": ["office"], "levels": [3.0]}, geometry=[bow_tie], crs=small_city.meta.crs)
    frame.to_crs("EPSG:4326").to_file(path)
    study = study_of(m=[{"type": "add_buildings", "file": str(path)}])
    with pytest.raises(DataError, match="cross themselves"):
        apply_measures(small_city, study, ["m"])


def test_the_last_building_stays(small_city: City) -> None:
    study = study_of(m=[{"type": "remove_buildings", "where": "footprint_area_m2 >= 0"}])
    with pytest.raises(SelectorError, match="every building"):
        apply_measures(small_city, study, ["m"])


def test_numbers_of_new_ids_go_on_whatever_ids_the_data_has() -> None:
    existing = pd.Index(["measure/a/2", "measure/a/x", "measure/b/9", "w1"])
    assert new_ids(existing, "a", 2) == ["measure/a/3", "measure/a/4"]
