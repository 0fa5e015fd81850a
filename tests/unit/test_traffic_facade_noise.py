from __future__ import annotations

import dataclasses

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, MultiPolygon, box

from twin.city.model import City
from twin.traffic.fleet import KINDS, fleet_of
from twin.traffic.noise_emission import (
    A_WEIGHTING,
    TABLE_F1,
    decibel,
    gradient_correction,
    hourly_energy,
    line_energy,
    vehicle_power,
)
from twin.traffic.noise_propagation import (
    FEWEST,
    MOST,
    Roofs,
    facade_noise,
    facade_receivers,
    near_pieces,
    road_pieces,
    roof_raster,
)
from twin.traffic.parameters import TrafficParameters

P = TrafficParameters()


def buildings(*shapes: object, height: float = 10.0) -> gpd.GeoDataFrame:
    index = [f"b{k}" for k in range(len(shapes))]
    return gpd.GeoDataFrame({"height_m": height, "population": 10.0}, geometry=list(shapes), index=index)


@pytest.fixture
def street(small_city: City) -> City:
    """A street to the east, a house beside it and one behind that house."""
    links = small_city.links.iloc[:2].copy()
    links["geometry"] = [LineString([(-400, 0), (400, 0)]), LineString([(400, 0), (-400, 0)])]
    return small_city.replace(
        links=links, buildings=buildings(box(-40, 10, 40, 20), box(-15, 40, 15, 50)).set_crs(links.crs)
    )


def day_noise(city: City, level_db: float = 80.0) -> np.ndarray:
    return np.full((3, len(city.links), 8), 10.0 ** (level_db / 10.0))


def test_at_the_reference_speed_the_tables_are_the_power() -> None:
    for category, c in TABLE_F1.items():
        alone = np.array(c.propulsion_a)
        rolling = 0.0 if c.rolling_a is None else 10.0 ** (np.array(c.rolling_a) / 10.0)
        expected = 10.0 * np.log10(10.0 ** (alone / 10.0) + rolling)
        assert vehicle_power(category, np.array(70.0)) == pytest.approx(expected)


def test_corrections_by_hand() -> None:
    v = np.array(70.0)
    rolls = vehicle_power("1", v, electric_share=1.0)
    assert rolls == pytest.approx(np.array(TABLE_F1["1"].rolling_a))
    assert vehicle_power("1", v, electric_share=1.0, temperature_c=-5.0) - rolls == pytest.approx(2.0)
    assert vehicle_power("1", v, electric_share=1.0, studded_share=1.0)[7] - rolls[7] == pytest.approx(9.2)
    assert vehicle_power("2", v, electric_share=1.0, studded_share=1.0) == pytest.approx(
        np.array(TABLE_F1["2"].rolling_a)
    )
    assert gradient_correction("1", v, 5.0) == pytest.approx(1.4)
    assert gradient_correction("1", v, -8.0) == pytest.approx(2.0)
    assert gradient_correction("2", v, 5.0) == pytest.approx(3.5)
    assert gradient_correction("3", v, -5.0) == pytest.approx(1.2)
    assert gradient_correction("4b", v, 12.0) == 0.0


def test_speeds_beyond_the_laws_are_set_to_their_ends() -> None:
    for category in TABLE_F1:
        assert vehicle_power(category, np.array(8.0)) == pytest.approx(vehicle_power(category, np.array(20.0)))
        assert vehicle_power(category, np.array(180.0)) == pytest.approx(vehicle_power(category, np.array(130.0)))


def test_a_truck_is_louder_than_a_van_and_an_electric_car_quieter_at_low_speed() -> None:
    def dba(category: str, speed: float, electric: float = 0.0) -> float:
        power = vehicle_power(category, np.array(speed), electric_share=electric)
        return float(10.0 * np.log10((10.0 ** ((power + A_WEIGHTING) / 10.0)).sum()))

    assert dba("3", 50.0) > dba("2", 50.0) > dba("1", 50.0)
    assert dba("1", 20.0) - dba("1", 20.0, 1.0) > dba("1", 100.0) - dba("1", 100.0, 1.0) > 0.0


def test_line_power_by_hand() -> None:
    # 1000 vehicles per hour at 50 km/h: one vehicle every 50 m.
    energy = line_energy(np.full(8, 90.0), np.array(1000.0), np.array(50.0))
    assert decibel(energy) == pytest.approx(90.0 - 10.0 * np.log10(50.0))
    assert decibel(np.zeros(3)) == pytest.approx(0.0)


def test_hourly_energy_adds_kinds() -> None:
    speed = np.array([[30.0, 60.0]])
    fleet = fleet_of(P)
    flows = {kind: np.full(speed.shape, 100.0 * (k + 1)) for k, kind in enumerate(KINDS)}
    parts = [hourly_energy({kind: flows[kind] * (kind == only) for kind in KINDS}, speed, fleet, P) for only in KINDS]
    assert hourly_energy(flows, speed, fleet, P) == pytest.approx(sum(parts))


def test_pieces_cover_the_lines() -> None:
    lines = np.array([LineString([(0, 0), (70, 0), (70, 10)]), LineString([(5, 5), (5, 5.5)])])
    pieces = road_pieces(lines, longest_m=30.0)
    assert pieces.link.tolist() == [0, 0, 0, 0, 1]
    assert pieces.length_m == pytest.approx([70 / 3, 70 / 3, 70 / 3, 10, 0.5])
    assert pieces.ends[0] == pytest.approx([0, 0, 70 / 3, 0])
    assert pieces.ends[3] == pytest.approx([70, 0, 70, 10])


def test_raster_holds_the_highest_roof() -> None:
    b = buildings(box(0, 0, 10, 4), box(4, 0, 10, 10))
    b["height_m"] = [5.0, 8.0]
    roofs = roof_raster(b, 2.0)
    assert roofs.height.shape == (6, 6)
    assert roofs.height[0].tolist() == [5.0, 5.0, 8.0, 8.0, 8.0, 0.0]
    assert roofs.height[4].tolist() == [0.0, 0.0, 8.0, 8.0, 8.0, 0.0]
    assert roof_raster(b.iloc[:0]).height.sum() == 0.0


def test_receivers_stand_in_front_of_walls() -> None:
    b = buildings(box(0, 0, 10, 10), box(12, 0, 200, 100), MultiPolygon([box(300, 0, 301, 1), box(310, 0, 330, 20)]))
    point, of = facade_receivers(b, roof_raster(b))
    count = np.bincount(of)
    assert (np.diff(of) >= 0).all()
    assert FEWEST - 2 <= count[0] <= MOST  # those between the two houses are left out
    assert (count[1:] <= MOST).all()
    distance = shapely.distance(b.geometry.to_numpy()[of], shapely.points(point))
    assert distance == pytest.approx(2.0, abs=0.2)
    assert (point[of == 2][:, 0] > 305.0).all()  # around the larger part


def test_a_building_inside_another_keeps_receivers() -> None:
    b = buildings(box(0, 0, 60, 60), box(20, 20, 30, 30))
    _, of = facade_receivers(b, roof_raster(b))
    assert np.bincount(of)[1] >= FEWEST


def test_near_pieces() -> None:
    pieces = road_pieces(np.array([LineString([(0, 0), (90, 0)])]), longest_m=30.0)
    start, found = near_pieces(np.array([[15.0, 0.0], [75.0, 5.0], [900.0, 0.0]]), np.array([40.0, 10.0, 50.0]), pieces)
    assert start.tolist() == [0, 2, 3, 3]
    assert found.tolist() == [0, 1, 2]
    empty = road_pieces(np.array([], dtype=object))
    assert near_pieces(np.zeros((2, 2)), np.ones(2), empty)[0].tolist() == [0, 0, 0]


def test_the_house_behind_is_quieter_and_noise_grows_with_power(street: City) -> None:
    noise = facade_noise(street, day_noise(street), P)
    assert list(noise.columns) == ["lden_db", "lnight_db"]
    assert noise["lden_db"].iloc[0] > noise["lden_db"].iloc[1] + 6.0
    assert (noise["lden_db"] - noise["lnight_db"]).to_numpy() == pytest.approx(6.395, abs=1e-3)
    louder = facade_noise(street, day_noise(street, 83.0), P)
    assert (louder - noise).to_numpy() == pytest.approx(3.0)


def test_a_front_house_screens(street: City) -> None:
    alone = street.replace(buildings=street.buildings.iloc[[1]])
    behind = facade_noise(street, day_noise(street), P)["lden_db"].iloc[1]
    assert facade_noise(alone, day_noise(street), P)["lden_db"].iloc[0] > behind + 2.0


def test_the_nearest_facade_is_the_level_of_an_endless_road(street: City) -> None:
    hard = dataclasses.replace(P, noise_ground_factor=0.0)
    at_500_hz = day_noise(street) * (np.arange(8) == 3)
    noise = facade_noise(street, at_500_hz, hard)["lden_db"].iloc[0]
    # Both directions on one line 8 m in front of the receivers, A-weighted, 6.4 dB above the constant level.
    power = 80.0 + 10.0 * np.log10(2.0) + A_WEIGHTING[3]
    assert noise == pytest.approx(power + 3.0 - 10.0 * np.log10(4.0 * np.hypot(8.0, 3.95)) + 6.395, abs=0.2)


def test_variants_and_blocks_agree(street: City, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = facade_noise(street, day_noise(street), P)
    reference = facade_noise(street, day_noise(street), P, variant="reference")
    assert noise.to_numpy() == pytest.approx(reference.to_numpy(), abs=1e-9)
    monkeypatch.setattr("twin.traffic.noise_propagation.BUILDINGS_AT_ONCE", 1)
    assert facade_noise(street, day_noise(street), P).equals(noise)


def test_silence(street: City) -> None:
    noise = facade_noise(street, np.zeros((3, 2, 8)), P)
    assert (noise.to_numpy() == 0.0).all()
    far = Roofs(np.zeros((1, 1), np.float32), 0.0, 0.0, 2.0)
    nobody = street.replace(buildings=street.buildings.iloc[:0])
    assert len(facade_noise(nobody, day_noise(street), P, roofs=far)) == 0
