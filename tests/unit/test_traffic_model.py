from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from twin.city.model import City
from twin.errors import DataError
from twin.traffic.model import TrafficParameters, TrafficResult, simulate_traffic

P = TrafficParameters(external_traffic_level=2.0)


def changed(city: City, rows: np.ndarray, column: str, value: object) -> City:
    links = city.links.copy()
    links.loc[links.index[rows], column] = value
    return city.replace(links=links)


@pytest.fixture(scope="module")
def before(small_city: City) -> TrafficResult:
    return simulate_traffic(small_city, P)


def busiest(result: TrafficResult) -> np.ndarray:
    return np.array([int(np.argmax(result.links["flow_veh_day"].to_numpy()))])


def test_results_are_complete(small_city: City, before: TrafficResult) -> None:
    assert list(before.links.columns) == [
        "flow_veh_day",
        "flow_peak_veh_h",
        "speed_peak_kmh",
        "volume_capacity_ratio",
        "delay_veh_h_day",
        "co2_kg_day",
        "nox_g_day",
    ]
    assert before.arrivals_veh_h.shape == (len(small_city.zones), 24)
    assert before.od_car.shape == (len(small_city.zones),) * 2
    assert set(before.totals) == {
        "vehicle_km_day",
        "vehicle_h_day",
        "delay_veh_h_day",
        "mean_car_trip_time_min",
        "mean_car_trip_length_km",
        "car_trips_day",
        "car_share",
        "traffic_co2_t_a",
        "traffic_nox_kg_a",
        "toll_revenue_eur_a",
    }
    assert before.diagnostics["relative_gap"] <= P.relative_gap
    assert before.diagnostics["demand_residual"] < 1e-3
    assert all(isinstance(v, float) for v in before.totals.values())


def test_a_closed_street_is_empty_and_others_take_over(small_city: City, before: TrafficResult) -> None:
    street = busiest(before)
    after = simulate_traffic(changed(small_city, street, "closed", True), P)
    row = after.links.iloc[street[0]]
    assert row["flow_veh_day"] == row["speed_peak_kmh"] == row["co2_kg_day"] == 0.0
    assert (after.links["flow_veh_day"] > before.links["flow_veh_day"] * 1.01 + 1.0).any()
    assert after.totals["mean_car_trip_time_min"] > before.totals["mean_car_trip_time_min"]


def test_cut_off_zones_lose_their_cars_with_a_warning(small_city: City) -> None:
    keep = 2
    rows = np.arange(keep, len(small_city.links))
    after = simulate_traffic(changed(small_city, rows, "closed", True), P)
    assert any("no way" in warning for warning in after.diagnostics["warnings"])
    assert np.isfinite(after.zones.to_numpy()).all()
    assert after.totals["car_trips_day"] < 0.5 * simulate_traffic(small_city, P).totals["car_trips_day"]


def test_who_loses_the_way_by_car_never_gains(small_city: City, before: TrafficResult) -> None:
    """Trips without a way are made otherwise; leaving them out would make the zone that is cut off a winner."""
    middle = small_city.zones.geometry.iloc[len(small_city.zones) // 2].centroid
    rows = np.flatnonzero(small_city.links.distance(middle) < 170.0)
    assert 0 < len(rows) < len(small_city.links)
    after = simulate_traffic(changed(small_city, rows, "closed", True), P)
    assert any("no way left" in warning for warning in after.diagnostics["warnings"])
    cost = "mean_generalised_cost_min"
    assert (after.zones[cost] > before.zones[cost]).all()


def test_all_streets_closed_is_an_error(small_city: City) -> None:
    with pytest.raises(DataError, match="every link is closed"):
        simulate_traffic(changed(small_city, np.arange(len(small_city.links)), "closed", True), P)


def test_a_toll_is_paid_and_avoided(small_city: City, before: TrafficResult) -> None:
    street = busiest(before)
    after = simulate_traffic(changed(small_city, street, "toll_eur", 0.2), P)
    flow = after.links["flow_veh_day"].iloc[street[0]]
    assert flow < before.links["flow_veh_day"].iloc[street[0]]
    assert after.totals["toll_revenue_eur_a"] == pytest.approx(0.2 * flow * P.working_day_equivalents)
    assert before.totals["toll_revenue_eur_a"] == 0.0


def test_a_toll_everywhere_shifts_trips_to_other_modes(small_city: City, before: TrafficResult) -> None:
    after = simulate_traffic(changed(small_city, np.arange(len(small_city.links)), "toll_eur", 0.5), P)
    assert after.totals["car_share"] < before.totals["car_share"]
    assert after.totals["car_trips_day"] < before.totals["car_trips_day"]


def test_low_emission_zone(small_city: City, before: TrafficResult) -> None:
    everywhere = np.arange(len(small_city.links))
    after = simulate_traffic(changed(small_city, everywhere, "low_emission", True), P)
    share = before.totals["traffic_nox_kg_a"] / before.totals["vehicle_km_day"]
    assert after.totals["traffic_nox_kg_a"] / after.totals["vehicle_km_day"] < 0.7 * share
    assert after.totals["car_trips_day"] < before.totals["car_trips_day"]
    assert any("non-compliant" in warning for warning in after.diagnostics["warnings"])
    cost = "mean_generalised_cost_min"
    assert (after.zones[cost] > before.zones[cost]).all()
    nobody = dataclasses.replace(P, noncompliant_share=0.0)
    free = simulate_traffic(small_city, nobody)
    with_zone = simulate_traffic(changed(small_city, busiest(before), "low_emission", True), nobody)
    for name, value in free.totals.items():
        assert with_zone.totals[name] == pytest.approx(value, rel=1e-4), name


def test_lower_limits_slow_traffic_down(small_city: City, before: TrafficResult) -> None:
    links = small_city.links.copy()
    links["speed_limit_kmh"] *= 0.6
    after = simulate_traffic(small_city.replace(links=links), P)
    assert after.totals["mean_car_trip_time_min"] > before.totals["mean_car_trip_time_min"]
    assert after.totals["car_share"] < before.totals["car_share"]


def test_the_reference_kernels_give_the_same_city(small_city: City) -> None:
    loose = dataclasses.replace(P, relative_gap=1e-4)
    fast, plain = simulate_traffic(small_city, loose), simulate_traffic(small_city, loose, variant="reference")
    for name, value in plain.totals.items():
        assert fast.totals[name] == pytest.approx(value, rel=2e-3), name


def test_gridlock_is_reported(small_city: City) -> None:
    """Demand far beyond capacity under a steep function: results stay finite and the warnings say so."""
    steep = dataclasses.replace(P, demand_factor=5.0, external_traffic_level=5.0, peak_share=0.12, bpr_beta=12.0)
    result = simulate_traffic(small_city, steep)
    assert np.isfinite(list(result.totals.values())).all()
    assert any("still differ" in w or "relative gap" in w for w in result.diagnostics["warnings"])
