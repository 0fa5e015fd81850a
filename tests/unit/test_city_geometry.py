"""Reference systems and repair of geometry."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely import GeometryCollection, LineString, MultiLineString, Point, Polygon, box

from twin.city.geometry import check_crs, metric_crs, repair_lines, repair_polygons, to_metric
from twin.errors import CrsError, GeometryError, SchemaError

BOWTIE = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])


def layer(shapes: list, ids: list[str] | None = None, crs: str | None = "EPSG:3067") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(index=ids or [f"b{k}" for k in range(len(shapes))], geometry=shapes, crs=crs)


def test_a_bow_tie_becomes_two_triangles_and_is_logged() -> None:
    frame, log = repair_polygons(layer([BOWTIE, box(0, 0, 1, 1)]), "buildings")
    assert frame.is_valid.all()
    assert frame.area["b0"] == pytest.approx(50.0)
    assert log == ["buildings: 1 outlines repaired (Self-intersection 1): b0"]


def test_what_cannot_be_a_polygon_is_dropped_and_logged() -> None:
    spike = Polygon([(0, 0), (5, 0), (0, 0), (0, 0)])
    shapes = [None, Polygon(), Point(0, 0), LineString([(0, 0), (1, 1)]), spike, box(0, 0, 1e-3, 1e-3), box(0, 0, 2, 2)]
    frame, log = repair_polygons(layer(shapes), "buildings")
    assert list(frame.index) == ["b6"]
    assert any("without geometry: b0, b1" in line for line in log)
    assert any("not polygons: b2, b3" in line for line in log)
    assert any("without area" in line for line in log)
    with pytest.raises(GeometryError, match="no usable polygon"):
        repair_polygons(layer([None, Point(0, 0)]), "buildings")


def test_collections_keep_their_polygons_and_heights_are_flattened() -> None:
    mixed = GeometryCollection([box(0, 0, 1, 1), box(3, 3, 5, 5), Point(9, 9), LineString([(0, 0), (9, 9)])])
    solid = shapely.force_3d(box(0, 0, 1, 1), 7.0)
    frame, _ = repair_polygons(layer([mixed, solid]), "buildings")
    assert frame.area.tolist() == [5.0, 1.0]
    assert not frame.has_z.any()


def test_ids_must_be_there_and_differ() -> None:
    with pytest.raises(SchemaError, match=r"1 ids appear more than once") as error:
        repair_polygons(layer([box(0, 0, 1, 1)] * 2, ["a", "a"]), "buildings")
    assert error.value.where == "buildings[a]"
    with pytest.raises(SchemaError, match="no id"):
        repair_polygons(layer([box(0, 0, 1, 1)] * 2, ["a", None]), "buildings")  # type: ignore[list-item]


def test_lines() -> None:
    lines = [
        LineString([(0, 0), (1, 0)]),
        LineString([(0, 0), (0, 0)]),
        MultiLineString([[(0, 0), (1, 1)], [(5, 5), (6, 6)]]),
        Point(0, 0),
        None,
    ]
    frame, log = repair_lines(layer(lines), "roads")
    assert list(frame.index) == ["b0", "b2.0", "b2.1"]
    assert len(log) == 4
    with pytest.raises(GeometryError, match="no usable line"):
        repair_lines(layer([Point(0, 0)]), "roads")


def test_metric_crs() -> None:
    assert metric_crs(24.94, 60.17, "FI") == "EPSG:3067"
    assert metric_crs(24.94, 60.17) == "EPSG:32635"
    assert metric_crs(-58.4, -34.6) == "EPSG:32721"
    # A country code that does not fit the place does not decide.
    assert metric_crs(-58.4, -34.6, "FI") == "EPSG:32721"
    with pytest.raises(CrsError):
        metric_crs(500.0, 0.0)


@settings(max_examples=12, deadline=None)
@given(st.floats(-179.9, 179.9), st.floats(-79.0, 83.0))
def test_metric_crs_is_metric_and_holds_the_place_everywhere(longitude: float, latitude: float) -> None:
    crs = CRS(metric_crs(longitude, latitude))
    assert crs.axis_info[0].unit_name == "metre"
    here = gpd.GeoSeries([Point(longitude, latitude)], crs=4326)
    assert np.isfinite(shapely.get_coordinates(here.to_crs(crs).to_numpy())).all()


@pytest.mark.parametrize(
    ("crs", "bounds", "cause"),
    [
        ("EPSG:3067", (6671000, 385000, 6673000, 387000), "swapped"),
        ("EPSG:3067", (24.93, 60.16, 24.95, 60.18), "degrees"),
        ("EPSG:4326", (385000, 6671000, 387000, 6673000), "metres"),
        ("EPSG:27700", (1738845.0, 590551.0, 1738945.0, 590651.0), "feet"),
        ("EPSG:3067", (24.93e9, 60.16e9, 24.95e9, 60.18e9), "wrong CRS"),
    ],
)
def test_coordinates_outside_the_area_of_use_name_the_likely_cause(crs: str, bounds: tuple, cause: str) -> None:
    with pytest.raises(CrsError, match="outside the area of use") as error:
        check_crs(layer([box(*bounds)], crs=crs), "houses.gpkg")
    assert cause in str(error.value.remedy)
    assert error.value.where == "houses.gpkg"


def test_good_and_missing_crs() -> None:
    assert check_crs(layer([box(385000, 6671000, 387000, 6673000)]), "x").to_epsg() == 3067
    with pytest.raises(CrsError, match="names no coordinate reference system"):
        check_crs(layer([box(0, 0, 1, 1)], crs=None), "x")
    local = 'LOCAL_CS["site grid",UNIT["metre",1]]'
    with pytest.raises(CrsError, match="cannot be tied to the Earth"):
        check_crs(layer([box(0, 0, 1, 1)], crs=local), "x")


def test_to_metric_names_what_has_no_place() -> None:
    frame = layer([box(24, 60, 25, 61), box(24, 95, 25, 96)], crs="EPSG:4326")
    with pytest.raises(CrsError, match="no place in EPSG:3067") as error:
        to_metric(frame, "EPSG:3067")
    assert "[b1]" in str(error.value.where)
