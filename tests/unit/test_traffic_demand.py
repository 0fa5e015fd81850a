from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from twin.city.model import City
from twin.parameters import describe, with_values
from twin.traffic.demand import build_demand, car_share, car_trips
from twin.traffic.model import hourly_profile
from twin.traffic.network import build_network
from twin.traffic.parameters import TrafficParameters

P = TrafficParameters()


def test_parameters_have_sources_and_defaults_in_range() -> None:
    for info in describe("traffic", TrafficParameters):
        assert info.low <= info.default <= info.high, info.path
        assert info.source
        assert info.meaning
        assert info.unit
    assert with_values("traffic", P, {"traffic.bpr_beta": 5.0}).bpr_beta == 5.0


def test_trips_follow_residents(small_city: City) -> None:
    demand = build_demand(small_city, build_network(small_city, P), P, "numba")
    people, jobs = small_city.buildings["population"].sum(), small_city.buildings["jobs"].sum()
    kept = P.internal_trip_share
    assert demand.work.sum() == pytest.approx(people * P.work_trips_per_resident * kept)
    other = people * P.other_trips_per_resident + jobs * P.business_trips_per_job
    assert demand.other.sum() == pytest.approx(other * kept)
    assert demand.persons(0.3).sum() == pytest.approx(demand.work.sum() + demand.other.sum())


def test_trip_length_is_calibrated_or_the_cap_is_told(small_city: City) -> None:
    network = build_network(small_city, P)
    short = dataclasses.replace(P, mean_trip_length_km=0.177)
    demand = build_demand(small_city, network, short, "numba")
    assert demand.trip_length_km == pytest.approx(0.177, rel=1e-6)
    assert not demand.warnings
    demand = build_demand(small_city, network, dataclasses.replace(P, mean_trip_length_km=40.0), "numba")
    assert "too small" in demand.warnings[0]
    demand = build_demand(small_city, network, dataclasses.replace(P, mean_trip_length_km=0.05), "numba")
    assert "too large" in demand.warnings[0]


def test_a_zone_without_its_station_uses_the_others(small_city: City) -> None:
    network = build_network(small_city, P)
    demand = build_demand(small_city, network, dataclasses.replace(P, through_share=0.0), "numba")
    n, m = network.zones, network.centroids
    cost = np.full((2, m, m), 5.0)
    cost[:, :, n] = np.inf
    cars = car_trips(demand, 0.5, cost, np.full((m, m), 5.0), P).sum(axis=0)
    assert cars[:n, n].sum() == 0.0
    assert cars[:n, n:].sum() == pytest.approx(demand.external[:n, n:].sum())


def test_a_zone_factor_scales_its_trips(small_city: City) -> None:
    zones = small_city.zones.copy()
    zones["trip_factor"] = 1.0
    busiest = small_city.buildings.groupby("zone_id")["population"].sum().idxmax()
    zones.loc[busiest, "trip_factor"] = 0.0
    network = build_network(small_city, P)
    demand = build_demand(small_city.replace(zones=zones), network, P, "numba")
    at = zones.index.get_loc(busiest)
    assert demand.work[at].sum() == 0.0
    assert demand.external[at].sum() == 0.0
    assert demand.work.sum() > 0.0


def test_cordon_traffic_balances(small_city: City) -> None:
    network = build_network(small_city, P)
    demand = build_demand(small_city, network, P, "numba")
    n = network.zones
    assert demand.external[:n, :n].sum() == 0.0
    assert demand.external[:n, n:].sum() == pytest.approx(demand.external[n:, :n].sum())
    assert np.diagonal(demand.external).sum() == 0.0
    none = build_demand(small_city, network, dataclasses.replace(P, external_traffic_level=0.0), "numba")
    assert none.external.sum() == 0.0


def test_car_share_falls_with_cost_and_ends_without_a_way(small_city: City) -> None:
    network = build_network(small_city, P)
    demand = build_demand(small_city, network, P, "numba")
    n, m = network.zones, network.centroids
    cheap, dear = np.full((2, m, m), 3.0), np.full((2, m, m), 6.0)
    assert (car_share(demand, dear[:, :n, :n], P) <= car_share(demand, cheap[:, :n, :n], P)).all()
    assert car_share(demand, cheap[:, :n, :n], P).max() < P.car_availability
    shut = cheap.copy()
    shut[1] = np.inf
    reference = np.full((m, m), 3.0)
    cars = car_trips(demand, 0.5, shut, reference, P)
    assert cars[1].sum() == 0.0
    assert cars[0].sum() > 0.0
    assert car_trips(demand, 0.5, dear, reference, P).sum() < car_trips(demand, 0.5, cheap, reference, P).sum()


def test_cordon_traffic_at_usual_cost_is_as_given(small_city: City) -> None:
    network = build_network(small_city, P)
    demand = build_demand(small_city, network, P, "numba")
    m, n = network.centroids, network.zones
    cost = np.random.default_rng(0).uniform(1.0, 9.0, (m, m))
    cars = car_trips(demand, 0.5, np.stack([cost, cost]), cost, P).sum(axis=0)
    cars[:n, :n] = 0.0
    assert cars == pytest.approx(demand.external)


@pytest.mark.parametrize("share", [0.042, 0.085, 0.12])
def test_profile_is_a_day(share: float) -> None:
    profile = hourly_profile(dataclasses.replace(P, peak_share=share))
    assert profile.sum() == pytest.approx(1.0, abs=1e-12)
    assert (profile > 0.0).all()
    assert profile[16] == share
