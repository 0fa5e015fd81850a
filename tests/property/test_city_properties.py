"""Laws of imputation, zones and YAML on random inputs."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from twin.city.check import check_layer
from twin.city.impute import complete_buildings
from twin.city.model import City, Metadata
from twin.city.resolution import resolution_score
from twin.city.schema import BUILDING_USES, BUILDINGS, HEAT_SUPPLIES, ROOF_TYPES, YEAR_CLASSES
from twin.city.yaml import dump_yaml, parse_yaml
from twin.city.zones import assign_zones, grid_zones
from twin.errors import StudyError

CRS = "EPSG:3067"
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "use": st.sampled_from(BUILDING_USES),
    "height_m": st.floats(1.5, 600.0),
    "levels": st.floats(1.0, 200.0),
    "year_class": st.sampled_from(YEAR_CLASSES),
    "roof_type": st.sampled_from(ROOF_TYPES),
    "roof_azimuth_deg": st.floats(0.0, 360.0),
    "roof_tilt_deg": st.floats(0.0, 75.0),
    "floor_area_m2": st.floats(0.0, 1e4),
    "population": st.floats(0.0, 500.0),
    "jobs": st.floats(0.0, 500.0),
    "heat_supply": st.sampled_from(HEAT_SUPPLIES),
}


@st.composite
def partial_buildings(draw: st.DrawFn) -> gpd.GeoDataFrame:
    """Return up to 25 buildings on a lattice, each value present or not."""
    count = draw(st.integers(1, 25))
    columns = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True))
    rows = st.lists(st.integers(0, 2**20), min_size=count, max_size=count)
    data = {}
    for name in columns:
        pool = draw(st.lists(VALUES[name], min_size=1, max_size=4))
        data[name] = [None if k % 3 == 0 else pool[k % len(pool)] for k in draw(rows)]
    size = np.array(draw(st.lists(st.floats(2.0, 60.0), min_size=count, max_size=count)))
    x, y = 200.0 * (np.arange(count) % 5), 200.0 * (np.arange(count) // 5)
    ids = [f"b{k:02d}" for k in range(count)]
    return gpd.GeoDataFrame(data, index=ids, geometry=shapely.box(x, y, x + size, y + 10.0), crs=CRS)


@pytest.fixture(scope="module")
def meta() -> Metadata:
    return Metadata("x", "X", "FI", CRS, 60.0, 25.0, 2.0, heat_supply="district_heating")


@FEW
@given(buildings=partial_buildings())
def test_completed_buildings_obey_the_schema_and_keep_what_was_given(
    buildings: gpd.GeoDataFrame, meta: Metadata
) -> None:
    done = complete_buildings(buildings, meta)
    assert check_layer(done.assign(zone_id="z").astype({"zone_id": "str"}), BUILDINGS, crs=CRS) == []
    for name in VALUES:
        given_here = buildings[name].notna() if name in buildings else np.zeros(len(buildings), bool)
        origin = done[f"{name}_origin"]
        assert (origin[given_here] == "measured").all()
        assert origin[~given_here].str.startswith("imputed:").all()
        if name in buildings:
            assert done.loc[given_here, name].tolist() == buildings.loc[given_here, name].tolist()


@FEW
@given(buildings=partial_buildings())
def test_imputation_is_idempotent(buildings: gpd.GeoDataFrame, meta: Metadata) -> None:
    once = complete_buildings(buildings, meta)
    assert_frame_equal(complete_buildings(once, meta), once, check_exact=True)


@FEW
@given(buildings=partial_buildings(), seed=st.integers(0, 1000))
def test_imputation_does_not_see_the_order_of_rows(buildings: gpd.GeoDataFrame, meta: Metadata, seed: int) -> None:
    shuffled = buildings.iloc[np.random.default_rng(seed).permutation(len(buildings))]
    assert_frame_equal(complete_buildings(shuffled, meta), complete_buildings(buildings, meta), check_exact=True)


@FEW
@given(seed=st.integers(0, 1000), cell=st.floats(20.0, 400.0))
def test_every_building_lies_in_its_zone_whatever_the_order(small_city: City, seed: int, cell: float) -> None:
    houses = small_city.buildings
    zones = grid_zones(houses, cell)
    found = assign_zones(houses, zones)
    squares = zones.geometry.loc[found].to_numpy()
    assert shapely.intersects(squares, shapely.point_on_surface(houses.geometry.to_numpy())).all()
    order = np.random.default_rng(seed).permutation(len(houses))
    assert assign_zones(houses.iloc[order], zones).loc[houses.index].equals(found)
    assert set(found) == set(zones.index)


@FEW
@given(share=st.floats(0.0, 1.0), seed=st.integers(0, 1000))
def test_resolution_score_rises_with_every_measurement(small_city: City, share: float, seed: int) -> None:
    draw = np.random.default_rng(seed).random(len(small_city.buildings))
    before = small_city.buildings.copy()
    before["height_m_origin"] = np.where(draw < share / 2, "measured", "imputed:use_median")
    after = before.assign(height_m_origin=np.where(draw < share, "measured", "imputed:use_median"))
    low = resolution_score(small_city.replace(buildings=before)).attrs["score"]
    high = resolution_score(small_city.replace(buildings=after)).attrs["score"]
    assert 0.0 <= low <= high <= 1.0


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co", "Zl", "Zp"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=8,
)


@FEW
@given(data=st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True), PLAIN, min_size=1, max_size=4))
def test_yaml_round_trip(data: dict[str, Any]) -> None:
    parsed, positions = parse_yaml(dump_yaml(data))
    assert parsed == data
    assert set(data) <= {path[0] for path in positions.keys}


@settings(max_examples=100, deadline=None)
@given(text=st.text(alphabet="abc:-[]{}#&*!%|>'\"?,~ \n\t0.", max_size=60))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    try:
        data, _ = parse_yaml(text)
    except StudyError as exc:
        assert exc.where
    else:
        assert isinstance(data, dict)
