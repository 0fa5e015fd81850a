"""The traffic of a working day: demand and equilibrium in three periods, and what follows for links and zones.

Each period is one user equilibrium of its mean hour, in which car shares answer the congested costs: `ROUNDS` rounds
of assignment and mode choice, each moving the demand `STEP` of the way to its answer. The last round is assigned to
the stated relative gap; how far the demand still is from its answer is reported as ``demand_residual``. Hours within a
period share its routes; their flows follow the hourly profile, their speeds the BPR function.

Cars below the low-emission standard are a class of their own where streets are closed to them. How the equilibrium
splits a link's flow between classes is not unique; totals and times are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.model import City
from twin.errors import DataError
from twin.kernels import registry
from twin.kernels.traffic.assignment import link_times
from twin.traffic.demand import Demand, build_demand, car_trips
from twin.traffic.emissions import emission_factors
from twin.traffic.network import Network, along_paths, build_network
from twin.traffic.parameters import TrafficParameters

__all__ = ["PERIODS", "TrafficParameters", "TrafficResult", "hourly_profile", "simulate_traffic"]

Floats = NDArray[np.float64]

ROUNDS = 5
STEP = 0.7
LOOSE_GAP = 1e-4  # of the rounds before the last
MAX_ROUTE_ROUNDS = 200
RESIDUAL_LIMIT = 0.01  # of the car trips; a warning beyond
# Hours of the day (k to k + 1) of each period.
PERIODS = {
    "morning": (7, 8),
    "evening": (15, 16, 17),
    "off_peak": (0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 18, 19, 20, 21, 22, 23),
}
PEAK = "evening"
MORNING_TO_EVENING = 0.9  # share of an hour in the morning peak over one in the evening peak. Assumption.
# Share of commuting that goes from home to work; off-peak balances the day. Assumption.
OUTBOUND = {"morning": 0.85, "evening": 0.25}
# Relative level of the off-peak hours, in the order of PERIODS. Assumption: typical urban working day.
OFF_PEAK_LEVEL = (10, 7, 5, 4, 6, 16, 40, 56, 52, 52, 55, 56, 60, 62, 50, 40, 33, 25, 16)


@dataclass(frozen=True)
class TrafficResult:
    """Traffic of a working day, and annual totals; frames are indexed like the city's layers.

    ``links``: flow_veh_day, flow_peak_veh_h, speed_peak_kmh, volume_capacity_ratio, delay_veh_h_day, co2_kg_day,
    nox_g_day. ``zones``: trips_day (person trips that start here and stay inside the area), car_trips_day (cars that
    start here), car_share (of trips_day), mean_car_time_min and mean_generalised_cost_min (evening peak, weighted with
    the trips of all modes from here; where a closure or a low-emission rule leaves no way by car, the cost is that of
    the cheapest other mode, and never below that of the open road). ``arrivals_veh_h`` [zones, 24] cars that arrive;
    ``od_car`` [zones, zones] internal car trips per day; ``hourly_flow_veh_h`` [24] vehicle-km in each hour. In
    `totals`, car_trips_day counts all cars, those that only cross the area included.
    """

    links: pd.DataFrame
    zones: pd.DataFrame
    arrivals_veh_h: Floats
    od_car: Floats
    hourly_flow_veh_h: Floats
    totals: dict[str, float]
    diagnostics: dict[str, Any]


@dataclass(frozen=True)
class _Period:
    """Equilibrium of a period's mean hour: cars [2, centroids, centroids], flows [2, links], times, skims, gap."""

    hours: tuple[int, ...]
    outbound: float
    cars: Floats
    flow: Floats
    time: Floats
    skim: Floats
    gap: float
    residual: float


def simulate_traffic(city: City, parameters: TrafficParameters, *, variant: str = "numba") -> TrafficResult:
    """Return the traffic of a city's working day.

    Parameters
    ----------
    city : City
        Complete (see `twin.city.check`).
    parameters : TrafficParameters
    variant : str
        Of the traffic kernels.

    Raises
    ------
    DataError
        A network that cannot be used: unknown nodes, figures that are not positive, all streets closed.
    """
    if bool(city.links["closed"].all()):
        raise DataError("every link is closed to cars", where="links", remedy="leave at least one link open")
    network = build_network(city, parameters)
    demand = build_demand(city, network, parameters, variant)
    reference, _ = _trees(network, network.free_flow_time + network.reference_cost, variant)
    free = np.stack([_trees(network, network.free_flow_time + fixed, variant)[0] for fixed in network.fixed_cost])
    warnings = [*demand.warnings, *_cut_off(city, network, free, reference)]
    profile = hourly_profile(parameters)
    outbound = _outbound_shares(profile)
    periods = {
        name: _equilibrium(network, demand, parameters, variant, hours, profile, outbound[name], free, reference)
        for name, hours in PERIODS.items()
    }
    links, hourly, totals = _link_results(city, network, periods, profile, parameters)
    zones, arrivals, od_car, trip_totals = _zone_results(
        city, network, demand, periods, profile, parameters, reference, variant
    )
    cars = trip_totals["car_trips_day"]
    totals = {
        **totals,
        **trip_totals,
        "mean_car_trip_time_min": 60.0 * totals["vehicle_h_day"] / cars if cars > 0.0 else 0.0,
        "mean_car_trip_length_km": totals["vehicle_km_day"] / cars if cars > 0.0 else 0.0,
    }
    warnings += _not_converged(periods, parameters)
    diagnostics = {
        "relative_gap": max(period.gap for period in periods.values()),
        "unreachable_pairs": _lost_pairs(free[0], reference),
        "demand_residual": max(period.residual for period in periods.values()),
        "iterations": ROUNDS,
        "mean_trip_length_km": demand.trip_length_km,
        "beta_work_per_km": demand.betas[0],
        "beta_other_per_km": demand.betas[1],
        "warnings": warnings,
    }
    return TrafficResult(links, zones, arrivals, od_car, hourly, totals, diagnostics)


def hourly_profile(parameters: TrafficParameters) -> Floats:
    """Return the share of the working day's trips in each hour [24], which sums to 1."""
    profile = np.zeros(24)
    profile[list(PERIODS["evening"])] = parameters.peak_share
    profile[list(PERIODS["morning"])] = MORNING_TO_EVENING * parameters.peak_share
    level = np.array(OFF_PEAK_LEVEL, float)
    profile[list(PERIODS["off_peak"])] = (1.0 - profile.sum()) * level / level.sum()
    return profile


def _outbound_shares(profile: Floats) -> dict[str, float]:
    """Return the share of commuting from home to work in each period, half of it over the day."""
    share = {name: profile[list(hours)].sum() for name, hours in PERIODS.items()}
    rest = 0.5 - sum(OUTBOUND[name] * share[name] for name in OUTBOUND)
    return {**OUTBOUND, "off_peak": float(np.clip(rest / share["off_peak"], 0.0, 1.0))}


def _trees(network: Network, cost: Floats, variant: str) -> tuple[Floats, NDArray[np.int64]]:
    """Return costs between centroids and the predecessor links [centroids, nodes]."""
    origins = np.arange(network.centroids)
    trees = registry.get("traffic.shortest_path", variant)
    best, pred = trees(network.link_start, network.link_head, cost, origins, network.centroids)
    return best[:, : network.centroids].copy(), pred


def _equilibrium(
    network: Network, demand: Demand, p: TrafficParameters, variant: str, hours: tuple[int, ...], profile: Floats,
    outbound: float, free: Floats, reference: Floats,
) -> _Period:  # fmt: skip
    per_hour = float(profile[list(hours)].mean())
    assign = registry.get("traffic.assignment", variant)
    # Without low-emission streets the classes are alike: one equilibrium, split by share, is quicker and unique.
    alike = np.array_equal(network.fixed_cost[0], network.fixed_cost[1])
    fixed = network.fixed_cost[:1] if alike else network.fixed_cost
    noncompliant = p.noncompliant_share
    cars = car_trips(demand, outbound, free, reference, p) * per_hour
    for done in range(ROUNDS):
        last = done == ROUNDS - 1
        flow, time, skim, gap = assign(
            network.link_start, network.link_head, network.free_flow_time, network.capacity, network.alpha,
            network.power, fixed, cars.sum(axis=0, keepdims=True) if alike else cars, network.centroids,
            MAX_ROUTE_ROUNDS, p.relative_gap if last else max(p.relative_gap, LOOSE_GAP),
        )  # fmt: skip
        skim = np.concatenate([skim, skim]) if alike else skim
        answer = car_trips(demand, outbound, skim, reference, p) * per_hour
        total = float(answer.sum())
        residual = float(np.abs(answer - cars).sum()) / total if total > 0.0 else 0.0
        if not last:
            cars = cars + STEP * (answer - cars)
    if alike:
        flow = np.concatenate([flow * (1.0 - noncompliant), flow * noncompliant])
    return _Period(hours, outbound, cars, flow, time, skim, float(gap), residual)


def _cut_off(city: City, network: Network, free: Floats, reference: Floats) -> list[str]:
    """Return a warning for zones and stations that closures leave without any way in or out by car."""
    names = [*(f"zone {i}" for i in city.zones.index), *(f"station {i}" for i in network.station_nodes)]
    warnings = []
    for cost, who in zip(free, ("cars", "non-compliant cars"), strict=True):
        for axis, way in ((1, "out"), (0, "in")):
            off_diagonal = ~np.eye(len(names), dtype=bool)
            had = (np.isfinite(reference) & off_diagonal).any(axis=axis)
            lost = had & ~(np.isfinite(cost) & off_diagonal).any(axis=axis)
            if lost.any():
                some = ", ".join(np.array(names)[lost][:5])
                warnings.append(f"no way {way} for {who} at {int(lost.sum())} place(s): {some}")
    lost = _lost_pairs(free[0], reference)
    if lost > 0.0:
        warnings.append(
            f"{100.0 * lost:.1f} % of pairs of places have no way left for cars: trips inside go by other modes, "
            "through traffic stays away, and cars to and from outside use other stations"
        )
    return list(dict.fromkeys(warnings))


def _not_converged(periods: dict[str, _Period], parameters: TrafficParameters) -> list[str]:
    """Return a warning for every period whose equilibrium or demand is further off than it should be."""
    warnings = []
    for name, period in periods.items():
        if period.gap > parameters.relative_gap:
            warnings.append(f"{name}: relative gap {period.gap:.1e}, above the {parameters.relative_gap:.1e} asked for")
        if period.residual > RESIDUAL_LIMIT:
            warnings.append(f"{name}: car trips still differ by {period.residual:.1%} from what the costs ask for")
    return warnings


def _lost_pairs(free: Floats, reference: Floats) -> float:
    """Return the share of pairs with a path on the open network that have none now."""
    return float(1.0 - np.isfinite(free).sum() / np.isfinite(reference).sum())


def _link_results(
    city: City, network: Network, periods: dict[str, _Period], profile: Floats, p: TrafficParameters
) -> tuple[pd.DataFrame, Floats, dict[str, float]]:
    street = np.flatnonzero(network.row >= 0)
    street = street[np.argsort(network.row[street])]
    km, free, capacity = network.length_km[street], network.free_flow_time[street], network.capacity[street]
    bpr = (free, capacity, network.alpha[street], network.power[street])
    n = len(street)
    day, delay, vehicle_h, co2, nox = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    hourly = np.zeros(24)
    for period in periods.values():
        mean = profile[list(period.hours)].mean()
        for hour in period.hours:
            flow = period.flow[:, street] * (profile[hour] / mean)
            total = flow.sum(axis=0)
            time = link_times(total, *bpr)
            by_class = emission_factors(60.0 * km / time, p)
            day += total
            vehicle_h += total * time / 60.0
            delay += total * (time - free) / 60.0
            co2 += (flow * by_class[0]).sum(axis=0) * km / 1000.0
            nox += (flow * by_class[1]).sum(axis=0) * km
            hourly[hour] = float((total * km).sum())
    peak = periods[PEAK]
    peak_flow = peak.flow[:, street].sum(axis=0)
    links = pd.DataFrame(
        {
            "flow_veh_day": day,
            "flow_peak_veh_h": peak_flow,
            "speed_peak_kmh": np.where(city.links["closed"], 0.0, 60.0 * km / peak.time[street]),
            "volume_capacity_ratio": peak_flow / capacity,
            "delay_veh_h_day": delay,
            "co2_kg_day": co2,
            "nox_g_day": nox,
        },
        index=city.links.index,
    )
    days = p.working_day_equivalents
    totals = {
        "vehicle_km_day": float((day * km).sum()),
        "vehicle_h_day": float(vehicle_h.sum()),
        "delay_veh_h_day": float(delay.sum()),
        "traffic_co2_t_a": float(co2.sum()) * days / 1e3,
        "traffic_nox_kg_a": float(nox.sum()) * days / 1e3,
        "toll_revenue_eur_a": float((day * city.links["toll_eur"].to_numpy(float)).sum()) * days,
    }
    return links, hourly, totals


def _zone_results(
    city: City, network: Network, demand: Demand, periods: dict[str, _Period], profile: Floats, p: TrafficParameters,
    reference: Floats, variant: str,
) -> tuple[pd.DataFrame, Floats, Floats, dict[str, float]]:  # fmt: skip
    n, m = network.zones, network.centroids
    arrivals, od = np.zeros((n, 24)), np.zeros((m, m))
    trips, persons_by_car = np.zeros(n), np.zeros(n)
    for period in periods.values():
        share_of_day = profile[list(period.hours)].sum()
        cars = period.cars.sum(axis=0)
        od += cars * len(period.hours)
        for hour in period.hours:
            arrivals[:, hour] = cars[:, :n].sum(axis=0) * profile[hour] * len(period.hours) / share_of_day
        persons = demand.persons(period.outbound) * share_of_day
        trips += persons.sum(axis=1)
        persons_by_car += cars[:n, :n].sum(axis=1) * len(period.hours) * p.car_occupancy
    fleet = np.array([1.0 - p.noncompliant_share, p.noncompliant_share])
    # A trip that loses its way by car is made otherwise; leaving it out would make a zone that is cut off a winner.
    instead = np.where(np.isfinite(reference), np.maximum(demand.without_car_min, reference), np.inf)
    time, cost = _peak_costs(network, periods[PEAK], fleet, instead, variant)
    weight = demand.persons(periods[PEAK].outbound)
    weight = np.concatenate([weight, demand.external[:n, n:]], axis=1)
    weight[np.arange(n), np.arange(n)] = 0.0
    zones = pd.DataFrame(
        {
            "trips_day": trips,
            "car_trips_day": od[:n].sum(axis=1),
            "car_share": np.divide(persons_by_car, trips, out=np.zeros(n), where=trips > 0.0),
            "mean_car_time_min": _weighted(time[:n], weight),
            "mean_generalised_cost_min": _weighted(cost[:n], weight),
        },
        index=city.zones.index,
    )
    totals = {
        "car_trips_day": float(od.sum()),
        "car_share": float(persons_by_car.sum() / trips.sum()) if trips.sum() > 0.0 else 0.0,
    }
    return zones, arrivals, od[:n, :n], totals


def _peak_costs(network: Network, peak: _Period, fleet: Floats, instead: Floats, variant: str) -> tuple[Floats, Floats]:
    """Return time and generalised cost between centroids.

    The time is the mean over the fleet's classes that have a way, infinite where none has; the cost the mean over all
    of the fleet, with the cost `instead` for classes that have none.
    """
    time, cost, seen = np.zeros((3, network.centroids, network.centroids))
    for share, fixed in zip(fleet, network.fixed_cost, strict=True):
        best, pred = _trees(network, peak.time + fixed, variant)
        open_ = np.isfinite(best)
        time += share * np.where(open_, along_paths(network, pred, peak.time), 0.0)
        if share > 0.0:
            cost += share * np.where(open_, best, instead)
        seen += share * open_
    return np.divide(time, seen, out=np.full_like(time, np.inf), where=seen > 0.0), cost


def _weighted(values: Floats, weight: Floats) -> Floats:
    """Return the weighted mean of each row over its finite values; 0 where there are none."""
    weight = weight * np.isfinite(values)
    total = weight.sum(axis=1)
    summed = (np.where(np.isfinite(values), values, 0.0) * weight).sum(axis=1)
    return np.divide(summed, total, out=np.zeros(len(total)), where=total > 0.0)
