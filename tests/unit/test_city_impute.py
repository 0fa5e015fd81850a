"""The rules of imputation and the resolution score, one by one."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from twin.city.impute import complete_buildings, complete_charging_sites, complete_links, roof_azimuth
from twin.city.model import City, Metadata
from twin.city.resolution import resolution_score
from twin.city.rules import M2_PER_JOB, M2_PER_RESIDENT, NET_FACTOR
from twin.errors import SchemaError

CRS = "EPSG:3067"
META = Metadata("x", "X", "FI", CRS, 60.0, 25.0, 2.0, heat_supply="district_heating")


def frame(rows: list[dict[str, Any]], size: float = 12.0, depth: float = 10.0) -> gpd.GeoDataFrame:
    """Return buildings in a row, 30 m apart, `size` by `depth` metres."""
    x = 30.0 * np.arange(len(rows))
    ids = [f"b{k}" for k in range(len(rows))]
    keys = list(dict.fromkeys(k for row in rows for k in row))
    data = {k: [row.get(k) for row in rows] for k in keys}
    return gpd.GeoDataFrame(data, index=ids, geometry=shapely.box(x, 0, x + size, depth), crs=CRS)


def complete(rows: list[dict[str, Any]], **more: float) -> gpd.GeoDataFrame:
    return complete_buildings(frame(rows, **more), META)


def test_nothing_known_gives_defaults_and_flags() -> None:
    row = complete([{}]).iloc[0]
    assert (row.use, row.use_origin) == ("residential", "imputed:default")
    assert (row.levels, row.levels_origin) == (2.0, "imputed:use_default")
    assert (row.height_m, row.height_m_origin) == (6.0, "imputed:use_default")
    assert (row.year_class, row.year_class_origin) == ("1960-1979", "imputed:default")
    assert (row.roof_type, row.roof_type_origin) == ("gabled", "imputed:use_size_year")
    assert row.roof_azimuth_deg == 180.0
    assert row.footprint_area_m2 == 120.0
    assert row.floor_area_m2 == pytest.approx(120 * 2 * NET_FACTOR)
    assert row.population == pytest.approx(row.floor_area_m2 / M2_PER_RESIDENT)
    assert (row.jobs, row.pv_share, row.envelope, row["name"]) == (0.0, 0.0, "existing", "")
    assert (row.heat_supply, row.heat_supply_origin) == ("direct_electric", "imputed:small_house")


def test_height_and_levels_fill_each_other() -> None:
    done = complete([{"use": "office", "height_m": 14.4}, {"use": "office", "levels": 3.0}])
    assert done.levels.tolist() == [4.0, 3.0]
    assert done.height_m.tolist() == [14.4, 10.5]
    assert done.levels_origin.tolist() == ["imputed:from_height", "measured"]
    assert done.height_m_origin.tolist() == ["measured", "imputed:from_levels"]


def test_levels_come_from_neighbours_of_the_same_use() -> None:
    rows = [{"use": "residential", "levels": n} for n in (4.0, 5.0, 6.0)] + [{"use": "retail", "levels": 1.0}] * 4
    done = complete([*rows, {"use": "residential"}])
    assert (done.levels.iloc[-1], done.levels_origin.iloc[-1]) == (5.0, "imputed:neighbours")
    assert (done.height_m.iloc[-1], done.height_m_origin.iloc[-1]) == (15.0, "imputed:neighbours")


def test_levels_fall_back_on_the_median_of_the_use() -> None:
    done = complete([{"use": "office", "levels": 7.0}, {"use": "office"}])
    assert (done.levels.iloc[1], done.levels_origin.iloc[1]) == (7.0, "imputed:use_median")


def test_use_and_year_follow_neighbours_and_ties_follow_the_schema() -> None:
    rows = [{"use": u, "year_class": y} for u, y in (("retail", "2000-2009"), ("office", "1940-1959")) for _ in "ab"]
    done = complete([*rows, {}])
    assert (done.use.iloc[-1], done.use_origin.iloc[-1]) == ("office", "imputed:neighbours")
    assert (done.year_class.iloc[-1], done.year_class_origin.iloc[-1]) == ("1940-1959", "imputed:neighbours")


def test_sheds_are_other_unheated_and_do_not_vote() -> None:
    done = complete([{"use": "other"}] * 4 + [{}], size=5.0, depth=5.0)
    assert (done.use.iloc[-1], done.use_origin.iloc[-1]) == ("other", "imputed:small_footprint")
    assert done.floor_area_m2.tolist() == [0.0] * 5
    assert set(done.floor_area_m2_origin) == {"imputed:unheated"}
    large = complete([{"use": "other"}] * 4 + [{}])
    assert large.use.iloc[-1] == "residential"


def test_jobs_by_use() -> None:
    done = complete([{"use": "office", "floor_area_m2": 1000.0}, {"use": "residential", "jobs": 3.0}])
    assert done.jobs.tolist() == [1000.0 / M2_PER_JOB["office"], 3.0]
    assert done.jobs_origin.tolist() == ["imputed:floor_area_per_job", "measured"]
    assert done.heat_supply.iloc[0] == "district_heating"


def test_a_given_tilt_tells_the_roof_type() -> None:
    done = complete([{"use": "office", "roof_tilt_deg": 35.0}, {"roof_tilt_deg": 0.0}])
    assert done.roof_type.tolist() == ["gabled", "flat"]
    assert done.roof_tilt_deg.tolist() == [35.0, 0.0]
    assert done.roof_azimuth_deg.tolist() == [180.0, 0.0]


@pytest.mark.parametrize(("turn", "azimuth"), [(0, 180), (30, 150), (90, 90), (120, 240), (45, 135), (135, 225)])
def test_roof_azimuth_is_across_the_long_side(turn: float, azimuth: float) -> None:
    house = shapely.affinity.rotate(shapely.box(0, 0, 20, 8), turn, origin=(0, 0))
    assert roof_azimuth(np.array([house])) == pytest.approx([azimuth % 360], abs=0.11)


def test_given_origins_are_kept() -> None:
    done = complete([{"height_m": 9.0, "height_m_origin": "derived"}, {"height_m": 9.0}])
    assert done.height_m_origin.tolist() == ["derived", "measured"]


def test_text_in_a_column_of_numbers_is_named() -> None:
    with pytest.raises(SchemaError, match=r"buildings\.height_m"):
        complete([{"height_m": "tall"}])


def test_links_by_road_class() -> None:
    lines = [shapely.LineString([(0, 0), (k + 1, 0)]) for k in range(3)]
    links = gpd.GeoDataFrame(
        {
            "road_class": ["primary", "residential", None],
            "lanes": [3.0, np.nan, np.nan],
            "from_node": "a",
            "to_node": "b",
        },
        index=["a/f", "b/f", "c/f"],
        geometry=lines,
        crs=CRS,
    )
    done = complete_links(links)
    assert done.length_m.tolist() == [1.0, 2.0, 3.0]
    assert done.lanes.tolist()[:2] == [3.0, 1.0]
    assert done.capacity_veh_h.tolist()[:2] == [2700.0, 500.0]
    assert done.lanes_origin.tolist()[:2] == ["measured", "imputed:road_class"]
    assert np.isnan(done.lanes.iloc[2])
    assert done.closed.tolist() == [False] * 3


def test_charging_sites() -> None:
    sites = gpd.GeoDataFrame(
        {"connectors": [4, None], "zone_id": "z"}, index=["a", "b"], geometry=shapely.points([0, 1], [0, 1]), crs=CRS
    )
    done = complete_charging_sites(sites)
    assert done.connectors.tolist() == [4, 2]
    assert done.connectors.dtype == np.int64
    assert done.power_cap_kw.tolist() == [88.0, 44.0]
    assert done.connectors_origin.tolist() == ["measured", "imputed:default"]


def test_resolution_score_of_measured_and_imputed_cities(small_city: City) -> None:
    table = resolution_score(small_city)
    assert table.attrs["score"] == pytest.approx(0.1)  # quantity 0, quality 0.3, depth 0
    measured = {}
    for layer in ("buildings", "links", "charging_sites"):
        copy = getattr(small_city, layer).copy()
        for column in copy.columns:
            if column.endswith("_origin"):
                copy[column] = "measured"
        measured[layer] = copy
    assert resolution_score(small_city.replace(**measured)).attrs["score"] == 1.0
    half = small_city.buildings.copy()
    half.loc[half.index[:60], "height_m_origin"] = "derived"
    row = resolution_score(small_city.replace(buildings=half)).query("layer == 'buildings' and column == 'height_m'")
    assert row[["quantity", "quality", "depth", "score"]].iloc[0].tolist() == pytest.approx([0.5, 0.5, 1.0, 0.5])
