"""The cadastre's tables, the ranked list under a budget, and the outlines of planes."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from tests.solar_tables import CRS, made_up
from twin.errors import UsageError
from twin.solar.cadastre import counts_by_reason, rank
from twin.solar.economics import EconomicsParameters
from twin.solar.outlines import plane_outlines


def same(a: shapely.Geometry, b: shapely.Geometry) -> bool:
    return a.symmetric_difference(b).area < 1e-6


def test_buildings_are_the_sums_of_their_planes() -> None:
    _, cadastre = made_up()
    for name in ("pv_potential_kwp", "pv_potential_kwh_a", "capex_eur", "npv_eur", "co2_avoided_t", "co2_embodied_t"):
        sums = cadastre.planes.groupby("building_id")[name].sum()
        np.testing.assert_allclose(cadastre.buildings[name], sums, rtol=1e-9, err_msg=name)
    assert cadastre.totals["pv_potential_kwp"] == pytest.approx(cadastre.planes["pv_potential_kwp"].sum())
    assert cadastre.totals["suitable_buildings"] <= cadastre.totals["buildings"] == 12


def test_no_missing_figures_where_there_is_a_system() -> None:
    _, cadastre = made_up()
    built = cadastre.buildings[cadastre.buildings["pv_potential_kwp"] > 0]
    assert not built.isna().any(axis=None)
    assert (built["p90_kwh_a"] < built["p90_life_kwh_a"]).all() and (built["p90_life_kwh_a"] < built["p50_kwh_a"]).all()


def test_the_largest_suitable_plane_speaks_for_its_building() -> None:
    _, cadastre = made_up()
    for name, row in cadastre.buildings.iterrows():
        own = cadastre.planes[cadastre.planes["building_id"] == name]
        assert (row["reason"] == "suitable") == bool(own["suitable"].any())
        assert row["reason"] in set(own["reason"])


def test_installed_against_potential() -> None:
    _, cadastre = made_up(installed=0.25)
    table = cadastre.buildings
    np.testing.assert_allclose(table["installed_share"][table["pv_potential_kwp"] > 0], 0.25)
    assert cadastre.totals["installed_share"] == pytest.approx(0.25)
    assert cadastre.totals["remaining_kwp"] == pytest.approx(0.75 * cadastre.totals["pv_potential_kwp"])
    ranked = rank(table)
    np.testing.assert_allclose(ranked["kwp"], 0.75 * table["pv_potential_kwp"].reindex(ranked.index))


def test_rank_by_hand() -> None:
    table = pd.DataFrame(
        {
            "pv_potential_kwp": [1.0, 1.0, 1.0, 0.0],
            "pv_potential_kwh_a": [900.0, 800.0, 700.0, 0.0],
            "capex_eur": [1000.0, 1000.0, 1000.0, 0.0],
            "npv_eur": [100.0, 300.0, -50.0, 0.0],
            "co2_avoided_t": [4.0, 2.0, 1.0, 0.0],
            "co2_embodied_t": [0.5, 0.5, 0.5, 0.0],
            "installed_share": 0.0,
        },
        index=["a", "b", "c", "d"],
    )
    assert rank(table, "co2").index.tolist() == ["a", "b", "c"]
    assert rank(table, "npv").index.tolist() == ["b", "a"]
    some = rank(table, "co2", 1500.0)
    assert some["equipped_share"].tolist() == [1.0, 0.5]
    assert some["cumulative_capex_eur"].tolist() == [1000.0, 1500.0]
    assert some["cumulative_co2_avoided_t"].tolist() == [4.0, 5.0]
    assert some["rank"].tolist() == [1, 2]
    assert len(rank(table, "co2", 0.0)) == 0


def test_rank_refuses_what_it_cannot_do() -> None:
    _, cadastre = made_up(3)
    with pytest.raises(UsageError, match="unknown ranking"):
        rank(cadastre.buildings, "beauty")
    for budget in (-1.0, float("nan")):
        with pytest.raises(UsageError, match="no budget"):
            rank(cadastre.buildings, "co2", budget)


def test_nothing_is_ranked_where_nothing_is_worth_it() -> None:
    _, cadastre = made_up(parameters=EconomicsParameters(discount_rate=0.3, life_a=5.0))
    assert not len(rank(cadastre.buildings, "npv"))
    assert not len(rank(cadastre.buildings.assign(co2_avoided_t=0.0), "co2"))


def test_equal_roofs_are_ranked_by_id() -> None:
    _, cadastre = made_up(4)
    table = pd.concat([cadastre.buildings.iloc[[1]].set_axis([name]) for name in ("z", "a", "m")])
    assert rank(table).index.tolist() == ["a", "m", "z"]


def test_outlines_of_gables_are_halves_along_the_ridge() -> None:
    houses, cadastre = made_up(3)
    outlines = plane_outlines(houses, cadastre.planes)
    south, north = outlines.geometry["b000/p0"], outlines.geometry["b000/p1"]
    assert same(south, shapely.box(0, 0, 12, 5))
    assert same(north, shapely.box(0, 5, 12, 10))
    assert outlines.geometry["b001/p0"].equals(houses.geometry["b001"])
    assert outlines.crs == houses.crs


@pytest.mark.parametrize("turn", [0.0, 30.0, 135.0])
def test_outlines_of_hips_part_the_footprint(turn: float) -> None:
    house = shapely.affinity.rotate(shapely.box(0, 0, 20, 10), -turn, origin=(0, 0))
    houses = gpd.GeoDataFrame({"name": ["h"]}, index=["h"], geometry=[house], crs=CRS)
    azimuth = (np.array([0.0, 180.0, 90.0, 270.0]) + turn) % 360.0
    planes = pd.DataFrame(
        {"building_id": "h", "tilt_deg": 30.0, "azimuth_deg": azimuth, "area_m2": 50.0},
        index=[f"h/p{i}" for i in range(4)],
    )
    outlines = plane_outlines(houses, planes).geometry
    np.testing.assert_allclose(outlines.area, [75.0, 75.0, 25.0, 25.0], rtol=1e-9)
    assert shapely.union_all(outlines.to_numpy()).area == pytest.approx(200.0)


def test_modelled_planes_keep_their_outline() -> None:
    houses, cadastre = made_up(2)
    own = gpd.GeoDataFrame(geometry=[shapely.Polygon([(0, 0, 5), (3, 0, 5), (3, 3, 7)])], index=["b000/p1"], crs=CRS)
    outlines = plane_outlines(houses, cadastre.planes, own)
    assert outlines.geometry["b000/p1"].area == pytest.approx(4.5)
    assert not outlines.geometry["b000/p1"].has_z
    assert same(outlines.geometry["b000/p0"], shapely.box(0, 0, 12, 5))


def test_counts_by_reason_leave_figures_out() -> None:
    _, cadastre = made_up(40)
    counts = counts_by_reason(cadastre.planes)
    assert counts.index[0] == "suitable"
    assert counts["planes"].sum() == len(cadastre.planes)
    assert set(counts.index) <= {"suitable", "shaded", "faces north"}
    assert counts["area_m2"].sum() == pytest.approx(cadastre.planes["area_m2"].sum())
