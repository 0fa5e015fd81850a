from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from twin.city.model import City
from twin.city.schema import ROAD_CLASSES
from twin.traffic.classes import CLASSES
from twin.traffic.effects import city_effects, link_effects
from twin.traffic.emissions import factors
from twin.traffic.exposure import dilution, highly_annoyed_share, noise_exposure, nox_concentration
from twin.traffic.fleet import fleet, fleet_of, zone_mean
from twin.traffic.parameters import TrafficParameters
from twin.traffic.safety import RATES, accidents

P = TrafficParameters()
NAMES = [c.name for c in CLASSES]


def flows(city: City, per_hour: float = 100.0) -> tuple[np.ndarray, np.ndarray]:
    """Return flows [classes, links, 24] that differ by class and hour, and speeds [links, 24]."""
    shape = (len(CLASSES), len(city.links), 24)
    weight = np.linspace(1.0, 0.1, len(CLASSES))[:, None, None] * (1.0 + np.arange(24) / 24.0)
    speed = np.broadcast_to(city.links["speed_limit_kmh"].to_numpy(float)[:, None] * 0.8, shape[1:])
    return per_hour * np.broadcast_to(weight, shape).copy(), speed.copy()


def with_zones(city: City, **columns: float) -> City:
    return city.replace(zones=city.zones.assign(**columns))


def test_zones_change_the_fleet(small_city: City) -> None:
    plain = fleet(small_city, P)
    assert plain == fleet_of(P)
    changed = fleet(with_zones(small_city, electric_share_added=0.2, old_car_share_factor=0.5), P)
    assert changed.electric["car"] == pytest.approx(P.electric_share + 0.2)
    assert changed.noncompliant_share == pytest.approx(0.5 * P.noncompliant_share)
    assert fleet(with_zones(small_city, electric_share_added=5.0), P).electric["car"] == 1.0


def test_the_mean_of_the_zones_is_weighted_with_people(small_city: City) -> None:
    busiest = small_city.buildings["zone_id"].value_counts().index[0]
    values = (small_city.zones.index == busiest).astype(float)
    city = small_city.replace(zones=small_city.zones.assign(electric_share_added=values))
    b = small_city.buildings
    people = b["population"] + b["jobs"]
    expected = people[b["zone_id"] == busiest].sum() / people.sum()
    assert zone_mean(city, "electric_share_added", 0.0) == pytest.approx(expected)
    assert zone_mean(small_city.replace(zones=small_city.zones[["geometry"]]), "electric_share_added", 0.3) == 0.3
    nobody = city.replace(buildings=b.iloc[:0])
    assert zone_mean(nobody, "electric_share_added", 0.0) == pytest.approx(values.mean())


def test_link_effects_by_hand(small_city: City) -> None:
    links = small_city.links.iloc[:3]
    flow, speed = np.zeros((len(CLASSES), 3, 24)), np.full((3, 24), 45.0)
    flow[NAMES.index("old_car_access"), 1, 8] = 500.0
    flow[NAMES.index("truck"), 2, 23] = 20.0
    found = link_effects(links, flow, speed, P, fleet_of(P))
    km = links["length_m"].to_numpy(float) / 1000.0
    old, truck = (factors(kind, np.array(45.0), fleet_of(P), P) for kind in ("old_car", "truck"))
    assert found.co2 == pytest.approx([0.0, 500.0 * km[1] * old.co2, 20.0 * km[2] * truck.co2])
    assert found.nox == pytest.approx([0.0, 500.0 * km[1] * old.nox, 20.0 * km[2] * truck.nox])
    frame = found.frame(links.index)
    assert list(frame.columns) == ["pm25_g_day", "ev_kwh_day", "lden_10m_db", "injuries_a"]
    assert frame["pm25_g_day"].iloc[1] == pytest.approx(500.0 * km[1] * float(old.pm_exhaust + old.pm_nonexhaust))
    assert found.noise_energy[0, 1].sum() > 0.0  # by day only
    assert found.noise_energy[1:, 1].sum() == 0.0
    assert found.noise_energy[2, 2].sum() > 0.0  # by night only
    assert found.noise_energy[:2, 2].sum() == 0.0
    assert frame["lden_10m_db"].iloc[0] == 0.0


def test_closed_links_have_no_effects(small_city: City) -> None:
    links = small_city.links.iloc[:2]
    found = link_effects(links, np.zeros((len(CLASSES), 2, 24)), np.zeros((2, 24)), P, fleet_of(P))
    assert (found.frame(links.index).to_numpy() == 0.0).all()


def test_accidents_by_hand() -> None:
    links = pd.DataFrame({"road_class": ["primary", "motorway"]})
    speeds = np.array([40.0, 100.0])
    found = accidents(links, np.array([1e6, 2e6]), speeds, P)
    days = P.working_day_equivalents
    assert found == pytest.approx([days * 0.12 * (40.0 / 50.0) ** 1.2, 2.0 * days * 0.03])
    hours = np.full((2, 2), 0.5) * np.array([[1e6], [2e6]])
    assert accidents(links, hours, np.stack([speeds, speeds], axis=1), P) == pytest.approx(found)
    twice = dataclasses.replace(P, injury_rate_scale=2.0)
    assert accidents(links, np.array([1e6, 2e6]), speeds, twice) == pytest.approx(2.0 * found)
    assert set(RATES) == set(ROAD_CLASSES)
    assert len(accidents(links.iloc[:0], np.zeros(0), np.zeros(0), P)) == 0


def test_noise_exposure_counts_people() -> None:
    people = np.array([10.0, 20.0, 40.0, 80.0])
    lden, lnight = np.array([54.9, 55.0, 64.0, 70.0]), np.array([45.0, 49.9, 50.0, 60.0])
    totals = noise_exposure(people, lden, lnight)
    assert totals["people_lden_55"] == 140.0
    assert totals["people_lden_65"] == 80.0
    assert totals["people_lnight_50"] == 120.0
    assert totals["highly_annoyed"] == pytest.approx(float(people[1:] @ highly_annoyed_share(lden[1:])))


def test_dilution_by_hand() -> None:
    sigma = np.hypot(0.14 * 100.0 / np.sqrt(1.03), 2.0)
    assert dilution(np.array(100.0), 2.0) == pytest.approx(1.0 / (np.sqrt(2.0 * np.pi) * np.pi * 2.0 * sigma * 100.0))
    assert dilution(np.array(0.0), 2.0) == dilution(np.array(5.0), 2.0)


def test_nox_adds_up_and_falls_with_distance(small_city: City) -> None:
    one = np.zeros(len(small_city.links))
    one[0] = 1000.0
    near = nox_concentration(small_city, one, P)
    assert near.index.equals(small_city.buildings.index)
    both = nox_concentration(small_city, one + one[::-1], P)
    assert both.to_numpy() == pytest.approx((near + nox_concentration(small_city, one[::-1], P)).to_numpy())
    distance = small_city.buildings.centroid.distance(small_city.links.geometry.iloc[0])
    assert near[distance.idxmin()] > near[distance > distance.min() + 50.0].max()
    assert (near[distance > 320.0] == 0.0).all()


def test_city_effects(small_city: City) -> None:
    flow, speed = flows(small_city)
    found = city_effects(small_city, flow, speed, P, fleet(small_city, P))
    assert list(found.buildings.columns) == ["lden_db", "lnight_db", "nox_ug_m3", "nox_exposure"]
    assert found.buildings.index.equals(small_city.buildings.index)
    assert set(found.totals) == {
        "traffic_co2_t_a", "traffic_nox_kg_a", "traffic_pm25_kg_a", "ev_kwh_day", "injuries_a", "people_lden_55",
        "people_lden_65", "people_lnight_50", "highly_annoyed", "nox_exposure",
    }  # fmt: skip
    assert all(value > 0.0 for value in found.totals.values())
    assert found.totals["people_lden_65"] <= found.totals["people_lden_55"] <= small_city.buildings["population"].sum()
    assert found.totals["traffic_co2_t_a"] == pytest.approx(found.links.co2.sum() * P.working_day_equivalents / 1e6)


def test_electric_cars_help_everything_but_wear_and_accidents(small_city: City) -> None:
    flow, speed = flows(small_city)
    base = city_effects(small_city, flow, speed, P, fleet_of(P)).totals
    electric = city_effects(small_city, flow, speed, P, fleet_of(P, electric_added=0.5)).totals
    for name in ("traffic_co2_t_a", "traffic_nox_kg_a", "traffic_pm25_kg_a", "nox_exposure", "highly_annoyed"):
        assert electric[name] < base[name]
    assert electric["ev_kwh_day"] > base["ev_kwh_day"]
    assert electric["injuries_a"] == pytest.approx(base["injuries_a"])


def test_a_city_without_buildings_or_traffic(small_city: City) -> None:
    flow, speed = flows(small_city)
    empty = small_city.replace(buildings=small_city.buildings.iloc[:0])
    found = city_effects(empty, flow, speed, P, fleet(empty, P))
    assert len(found.buildings) == 0
    assert found.totals["nox_exposure"] == found.totals["people_lden_55"] == 0.0
    assert found.totals["traffic_co2_t_a"] > 0.0
    quiet = city_effects(small_city, 0.0 * flow, speed, P, fleet(small_city, P))
    assert all(value == 0.0 for value in quiet.totals.values())
    assert (quiet.buildings["lden_db"] == 0.0).all()
