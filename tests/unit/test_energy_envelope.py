import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import Polygon, box

from twin.energy.envelope import build_shells


def buildings(*geometry, height_m=10.0, use="residential", floor_area_m2=1e6):
    table = {
        "use": use,
        "height_m": height_m,
        "floor_area_m2": floor_area_m2,
        "footprint_area_m2": shapely.area(np.array(geometry)),
    }
    return gpd.GeoDataFrame(table, geometry=list(geometry), crs=3067, index=[f"b{i}" for i in range(len(geometry))])


def test_walls_face_where_they_look():
    shells = build_shells(buildings(box(0, 0, 20, 10)))
    outer = shells.wall_m2 + shells.window_m2
    assert outer[0] == pytest.approx([200, 0, 100, 0, 200, 0, 100, 0])
    assert shells.window_m2[0] == pytest.approx(0.25 * outer[0])
    assert shells.roof_m2[0] == shells.floor_m2[0] == 200.0


@pytest.mark.parametrize("ring", [1, -1])
def test_direction_of_digitising_does_not_matter(ring):
    square = Polygon(np.array([(0, 0), (20, 0), (10, 10)])[::ring])
    outer = build_shells(buildings(square))
    assert (outer.wall_m2 + outer.window_m2)[0] == pytest.approx(
        np.array([0, 10 * 200**0.5, 0, 0, 200, 0, 0, 10 * 200**0.5])
    )


def test_courtyard_walls_are_outer_walls():
    yard = Polygon(box(0, 0, 30, 30).exterior, [box(10, 10, 20, 20).exterior])
    shells = build_shells(buildings(yard))
    assert (shells.wall_m2 + shells.window_m2)[0] == pytest.approx([400, 0, 400, 0, 400, 0, 400, 0])


@pytest.mark.parametrize("gap", [0.0, 0.2])
def test_party_walls_lose_nothing(gap):
    shells = build_shells(buildings(box(0, 0, 10, 10), box(10 + gap, 0, 20, 10)))
    assert shells.party_wall_m2 == pytest.approx([100, 100])
    assert (shells.wall_m2 + shells.window_m2)[0] == pytest.approx([100, 0, 0, 0, 100, 0, 100, 0], abs=1e-9)


def test_wall_above_a_lower_neighbour_is_outer():
    shells = build_shells(buildings(box(0, 0, 10, 10), box(10, 0, 20, 10), height_m=[10.0, 4.0]))
    assert shells.party_wall_m2 == pytest.approx([40, 40])


def test_touching_at_a_corner_or_far_away_shares_nothing():
    shells = build_shells(buildings(box(0, 0, 10, 10), box(10, 10, 20, 20), box(40, 0, 50, 10)))
    assert shells.party_wall_m2 == pytest.approx([0, 0, 0])


def test_rows_see_their_neighbours():
    row = buildings(*(box(10 * i, 0, 10 * i + 10, 10 + i) for i in range(6)))
    whole, part = build_shells(row), build_shells(row, slice(2, 4))
    np.testing.assert_array_equal(part.wall_m2, whole.wall_m2[2:4])
    np.testing.assert_array_equal(part.party_wall_m2, whole.party_wall_m2[2:4])


def test_windows_are_bounded_by_floor_area():
    tower = build_shells(buildings(box(0, 0, 5, 5), height_m=80.0, floor_area_m2=25.0))
    assert tower.window_m2.sum() == pytest.approx(0.3 * 25.0)
