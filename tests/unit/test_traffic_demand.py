from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from twin.city.model import City
from twin.parameters import describe, with_values
from twin.traffic.cordon import regained
from twin.traffic.demand import Demand, build_demand
from twin.traffic.distribution import choose_destinations
from twin.traffic.network import Network, build_network
from twin.traffic.parameters import TrafficParameters
from twin.traffic.profile import LEGS, PERIODS, PURPOSES, goods_profile, hourly_profile, leg_profiles

P = TrafficParameters()


@pytest.fixture(scope="module")
def network(small_city: City) -> Network:
    return build_network(small_city, P)


@pytest.fixture(scope="module")
def demand(small_city: City, network: Network) -> Demand:
    return build_demand(small_city, network, P, "numba")


def test_parameters_have_sources_and_defaults_in_range() -> None:
    for info in describe("traffic", TrafficParameters):
        assert info.low <= info.default <= info.high, info.path
        assert info.source
        assert info.meaning
        assert info.unit
    assert with_values("traffic", P, {"traffic.bpr_beta": 5.0}).bpr_beta == 5.0


def test_trips_follow_residents(small_city: City, demand: Demand) -> None:
    people, jobs = small_city.buildings["population"].sum(), small_city.buildings["jobs"].sum()
    kept = P.internal_trip_share
    assert demand.trips["work"].sum() == pytest.approx(people * P.work_trips_per_resident * kept)
    others = demand.trips["other"].sum() + demand.trips["education"].sum()
    assert others == pytest.approx(people * P.other_trips_per_resident * kept)
    assert demand.trips["business"].sum() == pytest.approx(jobs * P.business_trips_per_job * kept)
    assert demand.daily_persons().sum() == pytest.approx(sum(t.sum() for t in demand.trips.values()))


def test_schools_draw_their_share(small_city: City, network: Network) -> None:
    buildings = small_city.buildings.copy()
    buildings.loc[buildings.index[:5], "use"] = "education"
    demand = build_demand(small_city.replace(buildings=buildings), network, P, "numba")
    trips = demand.trips["education"]
    others = P.internal_trip_share * P.other_trips_per_resident * buildings["population"].sum()
    assert trips.sum() == pytest.approx(P.education_trip_share * others)
    schools = set(small_city.zones.index.get_indexer(buildings["zone_id"].iloc[:5]))
    assert set(np.flatnonzero(trips.sum(axis=0) > 0.0)) == schools
    none = buildings.replace({"use": {"education": "office"}})
    without = build_demand(small_city.replace(buildings=none), network, P, "numba")
    assert without.trips["education"].sum() == 0.0
    assert without.trips["other"].sum() == pytest.approx(others)


def test_the_hours_of_all_trips_are_those_of_the_day(demand: Demand) -> None:
    total = sum(t.sum() for t in demand.trips.values())
    for name, hours in PERIODS.items():
        mean = demand.car_hours[list(hours)].mean()
        assert demand.hourly_persons(name).sum() == pytest.approx(total * mean, rel=1e-11)
    day = sum(demand.hourly_persons(name) * len(hours) for name, hours in PERIODS.items())
    assert day == pytest.approx(demand.daily_persons(), rel=1e-11)
    morning = demand.legs("work", "morning")
    evening = demand.legs("work", "evening")
    assert morning.out.sum() > 4.0 * morning.back.sum()
    assert evening.back.sum() > 4.0 * evening.out.sum()


def test_trip_length_is_calibrated_or_the_cap_is_told(small_city: City, network: Network) -> None:
    # One purpose only: the small city leaves little room between the shortest and the longest mean length.
    one = dataclasses.replace(P, work_trips_per_resident=0.0, business_trips_per_job=0.0, education_trip_share=0.0)
    demand = build_demand(small_city, network, dataclasses.replace(one, mean_trip_length_km=0.177), "numba")
    assert demand.trip_length_km == pytest.approx(0.177, rel=1e-6)
    assert not demand.warnings
    demand = build_demand(small_city, network, dataclasses.replace(P, mean_trip_length_km=40.0), "numba")
    assert "too small" in demand.warnings[0]
    demand = build_demand(small_city, network, dataclasses.replace(P, mean_trip_length_km=0.05), "numba")
    assert "too large" in demand.warnings[0]


def test_destination_choice_meets_productions_and_length() -> None:
    rng = np.random.default_rng(3)
    km = rng.uniform(0.5, 9.0, (12, 12))
    made, pull = rng.uniform(0.0, 50.0, 12), rng.uniform(0.0, 5.0, 12)
    pull[:3] = 0.0
    trips, beta = choose_destinations(made, pull, km, 3.0)
    assert beta > 0.0
    assert trips.sum(axis=1) == pytest.approx(made)
    assert (trips * km).sum() / trips.sum() == pytest.approx(3.0, rel=1e-9)
    assert trips[:, :3].sum() == 0.0
    odds = np.log(trips[0, 4] / trips[0, 5]) - np.log(pull[4] / pull[5])
    assert odds == pytest.approx(-beta * (km[0, 4] - km[0, 5]))


def test_a_zone_factor_scales_its_trips(small_city: City, network: Network) -> None:
    zones = small_city.zones.copy()
    zones["trip_factor"] = 1.0
    busiest = small_city.buildings.groupby("zone_id")["population"].sum().idxmax()
    zones.loc[busiest, "trip_factor"] = 0.0
    demand = build_demand(small_city.replace(zones=zones), network, P, "numba")
    at = zones.index.get_loc(busiest)
    assert demand.trips["work"][at].sum() == 0.0
    assert demand.external[at].sum() == demand.goods[:, at].sum() == 0.0
    assert demand.trips["work"].sum() > 0.0


def test_cordon_traffic_balances(small_city: City, network: Network, demand: Demand) -> None:
    n = network.zones
    assert demand.external[:n, :n].sum() == 0.0
    assert demand.external[:n, n:].sum() == pytest.approx(demand.external[n:, :n].sum())
    assert np.diagonal(demand.external).sum() == 0.0
    none = build_demand(small_city, network, dataclasses.replace(P, external_traffic_level=0.0), "numba")
    assert none.external.sum() == 0.0


def test_goods_trips_come_and_go(demand: Demand, network: Network) -> None:
    n = network.zones
    crossing = demand.goods[:, n:, :n].sum(axis=(1, 2))
    assert demand.goods[:, :n, n:].sum(axis=(1, 2)) == pytest.approx(crossing)
    inside = demand.goods[:, :n, :n].sum(axis=(1, 2))
    assert inside == pytest.approx(crossing * P.goods_internal_share / (1.0 - P.goods_internal_share))
    assert (demand.goods >= 0.0).all()
    through = demand.external[n:, n:].sum() + demand.goods[:, n:, n:].sum()
    assert demand.goods[1, n:, n:].sum() == pytest.approx(P.through_truck_share * through)
    assert (demand.goods[0].sum() > demand.goods[1].sum()) and (np.diagonal(demand.goods[:, :n, :n].T) == 0.0).all()


def test_a_zone_without_its_station_uses_the_others(demand: Demand, network: Network) -> None:
    n, m = network.zones, network.centroids
    reached = np.ones((2, m, m), bool)
    reached[0, :, n] = False
    cars = demand.external * reached * regained(demand.external, reached, n)
    assert cars[0, :n, n].sum() == 0.0
    assert cars[0, :n].sum(axis=1) == pytest.approx(demand.external[:n].sum(axis=1))
    assert np.array_equal(cars[1], demand.external)
    nothing = demand.external * np.zeros((m, m), bool) * regained(demand.external, np.zeros((m, m), bool), n)
    assert nothing.sum() == 0.0


@pytest.mark.parametrize("share", [0.042, 0.085, 0.12])
def test_profile_is_a_day(share: float) -> None:
    profile = hourly_profile(dataclasses.replace(P, peak_share=share))
    assert profile.sum() == pytest.approx(1.0, abs=1e-12)
    assert (profile > 0.0).all()
    assert profile[16] == share
    assert goods_profile().sum() == pytest.approx(1.0)
    trips = dict(zip(PURPOSES, (300.0, 40.0, 0.0, 700.0), strict=True))
    legs = leg_profiles(trips, profile)
    assert legs.shape == (len(LEGS), 24)
    assert legs.sum(axis=1) == pytest.approx(np.ones(len(LEGS)), abs=1e-12)
    weight = np.repeat([0.5 * t for t in trips.values()], 2)
    assert weight @ legs == pytest.approx(profile * weight.sum(), rel=1e-11)
    assert leg_profiles(dict.fromkeys(PURPOSES, 0.0), profile).sum(axis=1) == pytest.approx(np.ones(len(LEGS)))
