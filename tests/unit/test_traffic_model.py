from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from twin.city.model import City
from twin.errors import DataError
from twin.traffic.classes import CLASSES
from twin.traffic.model import TrafficParameters, TrafficResult, simulate_traffic
from twin.traffic.periods import prepare

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
        "flow_van_veh_day",
        "flow_truck_veh_day",
        "flow_peak_veh_h",
        "speed_peak_kmh",
        "volume_capacity_ratio",
        "delay_veh_h_day",
        "co2_kg_day",
        "nox_g_day",
        "pm25_g_day",
        "ev_kwh_day",
        "lden_10m_db",
        "injuries_a",
    ]
    assert list(before.buildings.columns) == ["lden_db", "lnight_db", "nox_ug_m3", "nox_exposure"]
    assert before.buildings.index.equals(small_city.buildings.index)
    assert before.arrivals_veh_h.shape == (len(small_city.zones), 24)
    assert before.od_car.shape == (len(small_city.zones),) * 2
    assert set(before.totals) == {
        "vehicle_km_day",
        "car_km_day",
        "van_km_day",
        "truck_km_day",
        "vehicle_h_day",
        "delay_veh_h_day",
        "mean_car_trip_time_min",
        "mean_car_trip_length_km",
        "car_trips_day",
        "car_share",
        "jobs_30min",
        "consumer_surplus_eur_a",
        "traffic_co2_t_a",
        "traffic_co2_gross_change_t_a",
        "vehicle_km_gross_change_day",
        "rebound_share",
        "traffic_nox_kg_a",
        "traffic_pm25_kg_a",
        "ev_kwh_day",
        "toll_revenue_eur_a",
        "injuries_a",
        "people_lden_55",
        "people_lden_65",
        "people_lnight_50",
        "highly_annoyed",
        "nox_exposure",
    }
    assert before.diagnostics["relative_gap"] <= P.relative_gap
    assert before.diagnostics["demand_residual"] == 0.0
    assert all(isinstance(v, float) for v in before.totals.values())


def test_a_scenario_that_does_nothing_is_its_baseline(small_city: City, before: TrafficResult) -> None:
    same = simulate_traffic(small_city.replace(links=small_city.links.copy()), P, base=before)
    assert same.totals == before.totals
    for name in ("links", "buildings", "zones"):
        assert getattr(same, name).equals(getattr(before, name)), name
    taller = small_city.buildings.assign(height_m=small_city.buildings["height_m"] + 9.0)
    other = simulate_traffic(small_city.replace(buildings=taller), P, base=before)
    assert other.links.equals(before.links)
    assert not other.buildings["lden_db"].equals(before.buildings["lden_db"])
    assert other.totals["rebound_share"] == other.totals["consumer_surplus_eur_a"] == 0.0


def test_classes_add_up(small_city: City, before: TrafficResult) -> None:
    """Flows of the classes conserve their own trips, with what is solved as one and split again."""
    partly = small_city.links.index[::3]
    links = small_city.links.assign(low_emission=small_city.links.index.isin(partly))
    factor = np.linspace(0.2, 2.0, len(small_city.zones))
    zones = small_city.zones.assign(old_car_share_factor=factor)
    for city in (small_city, small_city.replace(links=links), small_city.replace(zones=zones)):
        network = prepare(city, P, "numba").network
        day = simulate_traffic(city, P, base=before).day
        for period in day.periods.values():
            for k in range(len(CLASSES)):
                balance = np.bincount(network.link_head, period.flow[k], len(network.link_start) - 1)
                balance -= np.bincount(network.link_tail, period.flow[k], len(balance))
                balance[: network.centroids] -= period.od[k].sum(axis=0) - period.od[k].sum(axis=1)
                assert np.abs(balance).max() <= 1e-8 * max(1.0, period.od[k].sum())
            assert (period.flow >= 0.0).all()
            pcu = np.array([c.pcu for c in CLASSES])
            np.testing.assert_allclose(pcu @ period.flow, period.solution.link_flow.sum(axis=0), rtol=1e-9, atol=1e-6)


def test_old_cars_stay_out_and_through_traffic_off_access_only_links(small_city: City, before: TrafficResult) -> None:
    street = small_city.links.index[busiest(before)]
    for column, barred in (("low_emission", (2, 3)), ("access_only", (0, 2)), ("truck_ban", (5,))):
        city = small_city.replace(links=small_city.links.assign(**{column: small_city.links.index.isin(street)}))
        s = prepare(city, P, "numba")
        here = s.network.row == busiest(before)[0]
        after = simulate_traffic(city, P, base=before)
        for period in after.day.periods.values():
            assert period.flow[list(barred)][:, here].max() == 0.0
        assert after.links.loc[street, "flow_veh_day"].iloc[0] < before.links.loc[street, "flow_veh_day"].iloc[0]


def test_held_trips_stay(small_city: City, before: TrafficResult) -> None:
    """The gross effect: a closure makes detours, and no trip is given up."""
    city = changed(small_city, busiest(before), "closed", True)
    gross = simulate_traffic(city, P, held=before)
    net = simulate_traffic(city, P, base=before)
    assert gross.totals["car_trips_day"] == pytest.approx(before.totals["car_trips_day"], rel=1e-12)
    assert net.totals["car_trips_day"] < before.totals["car_trips_day"]
    more = gross.totals["vehicle_km_day"] - before.totals["vehicle_km_day"]
    assert net.totals["vehicle_km_gross_change_day"] == pytest.approx(more, rel=1e-6)
    co2 = [r.totals["traffic_co2_t_a"] for r in (before, gross, net)]
    assert net.totals["rebound_share"] == pytest.approx(1.0 - (co2[2] - co2[0]) / (co2[1] - co2[0]), rel=1e-6)
    assert 0.0 < net.totals["rebound_share"] < 1.0
    assert simulate_traffic(small_city, P, held=before).links.equals(before.links)


def test_who_does_not_answer_costs_has_no_rebound(small_city: City, before: TrafficResult) -> None:
    still = dataclasses.replace(
        P, external_elasticity=0.0, logit_scale_per_min=1e-9, period_scale_per_min=0.0, destination_scale_per_min=0.0
    )
    base = simulate_traffic(small_city, still)
    after = simulate_traffic(changed(small_city, busiest(before), "closed", True), still, base=base)
    assert after.totals["car_trips_day"] == pytest.approx(base.totals["car_trips_day"], rel=1e-6)
    assert after.totals["rebound_share"] == pytest.approx(0.0, abs=1e-3)


def test_parking_charges_have_no_gross_effect(small_city: City, before: TrafficResult) -> None:
    after = simulate_traffic(small_city.replace(zones=small_city.zones.assign(parking_eur=4.0)), P, base=before)
    assert after.totals["traffic_co2_gross_change_t_a"] == after.totals["rebound_share"] == 0.0
    assert after.totals["car_share"] < before.totals["car_share"]
    assert after.totals["consumer_surplus_eur_a"] < 0.0
    assert (after.zones["consumer_surplus_eur_day"] < 0.0).all()
    assert (after.zones["mean_generalised_cost_min"] > before.zones["mean_generalised_cost_min"]).all()


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
    trucks = after.links["flow_truck_veh_day"].iloc[street[0]]
    paid = 0.2 * (flow + (P.truck_toll_factor - 1.0) * trucks)
    assert after.totals["toll_revenue_eur_a"] == pytest.approx(paid * P.working_day_equivalents)
    assert before.totals["toll_revenue_eur_a"] == 0.0


def test_a_toll_everywhere_shifts_trips_to_other_modes(small_city: City, before: TrafficResult) -> None:
    after = simulate_traffic(changed(small_city, np.arange(len(small_city.links)), "toll_eur", 0.5), P)
    assert after.totals["car_share"] < before.totals["car_share"]
    assert after.totals["car_trips_day"] < before.totals["car_trips_day"]


def test_low_emission_zone(small_city: City, before: TrafficResult) -> None:
    everywhere = np.arange(len(small_city.links))
    after = simulate_traffic(changed(small_city, everywhere, "low_emission", True), P)
    falls = {name: 1.0 - after.totals[name] / before.totals[name] for name in ("traffic_nox_kg_a", "car_km_day")}
    assert 0.15 < falls["car_km_day"] < P.noncompliant_share + 0.01
    assert falls["traffic_nox_kg_a"] > 1.2 * (1.0 - after.totals["vehicle_km_day"] / before.totals["vehicle_km_day"])
    assert after.totals["van_km_day"] == pytest.approx(before.totals["van_km_day"], rel=1e-3)
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


def test_gridlock_is_solved_or_reported(small_city: City) -> None:
    """Demand far beyond capacity under a steep function: results stay finite."""
    steep = dataclasses.replace(P, demand_factor=5.0, external_traffic_level=5.0, peak_share=0.12, bpr_beta=12.0)
    result = simulate_traffic(small_city, steep)
    assert np.isfinite(list(result.totals.values())).all()
    told = any("relative gap" in w for w in result.diagnostics["warnings"])
    assert told == (result.diagnostics["relative_gap"] > steep.relative_gap)
