"""What the equilibria of a day mean for links, zones and the city."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.kernels.traffic.assignment import link_times
from twin.traffic.accessibility import accessibility
from twin.traffic.classes import NAMES
from twin.traffic.effects import city_effects, link_effects
from twin.traffic.fleet import fleet
from twin.traffic.network import along_paths
from twin.traffic.periods import CARS, GOODS, PCU, Day, Period, Setting, shortest_trees
from twin.traffic.profile import PERIODS
from twin.traffic.response import class_shares, cordon_parking

Floats = NDArray[np.float64]

PEAK = "evening"
VAN, TRUCK = NAMES.index("van"), NAMES.index("truck")


@dataclass(frozen=True)
class Streets:
    """Flows and times of every hour on the city's links, in their order.

    ``flow`` [classes, links, 24] veh/h; ``load`` [links, 24] passenger-car units per hour; ``time`` [links, 24] and
    ``free`` [links] minutes; ``km`` [links].
    """

    flow: Floats
    load: Floats
    time: Floats
    free: Floats
    km: Floats

    @property
    def speed(self) -> Floats:
        """Speeds [links, 24], km/h."""
        return 60.0 * self.km[:, None] / self.time


def streets(s: Setting, day: Day) -> Streets:
    """Return the hours of a day: those of a period share its routes, and follow the profiles of cars and goods."""
    net = s.network
    street = np.flatnonzero(net.row >= 0)
    street = street[np.argsort(net.row[street])]
    flow = np.zeros((len(NAMES), len(street), 24))
    for name, hours in PERIODS.items():
        some = list(hours)
        for classes, profile in ((CARS, s.demand.car_hours), (GOODS, s.demand.goods_hours)):
            level = profile[some] / profile[some].mean()
            for k in classes:
                flow[k][:, some] = day.periods[name].flow[k, street][:, None] * level
    load = (flow * PCU).sum(axis=0)
    bpr = (net.free_flow_time[street], net.capacity[street], net.alpha[street], net.power[street])
    time = np.column_stack([link_times(np.ascontiguousarray(load[:, hour]), *bpr) for hour in range(24)])
    return Streets(flow, load, time, net.free_flow_time[street], net.length_km[street])


def road_totals(s: Setting, day: Day) -> tuple[float, float]:
    """Return traffic CO2, t/a, and vehicle-km of a working day."""
    on = streets(s, day)
    found = link_effects(s.city.links, on.flow, on.speed, s.parameters, fleet(s.city, s.parameters))
    co2 = float(found.co2.sum()) * s.parameters.working_day_equivalents / 1e6
    return co2, float((on.flow.sum(axis=0).sum(axis=1) * on.km).sum())


def link_results(s: Setting, day: Day) -> tuple[pd.DataFrame, pd.DataFrame, Floats, dict[str, float]]:
    """Return columns of links and of buildings, vehicle-km by hour [24], and totals."""
    city, p = s.city, s.parameters
    on = streets(s, day)
    effects = city_effects(city, on.flow, on.speed, p, fleet(city, p), variant=s.variant)
    vehicles = on.flow.sum(axis=0)
    by_class = on.flow.sum(axis=2)
    peak = list(PERIODS[PEAK])
    period = day.periods[PEAK]
    row = np.flatnonzero(s.network.row >= 0)
    row = row[np.argsort(s.network.row[row])]
    delay = (vehicles * (on.time - on.free[:, None])).sum(axis=1) / 60.0
    links = pd.DataFrame(
        {
            "flow_veh_day": vehicles.sum(axis=1),
            "flow_van_veh_day": by_class[VAN],
            "flow_truck_veh_day": by_class[TRUCK],
            "flow_peak_veh_h": vehicles[:, peak].mean(axis=1),
            "speed_peak_kmh": np.where(city.links["closed"], 0.0, 60.0 * on.km / period.time[row]),
            "volume_capacity_ratio": on.load[:, peak].mean(axis=1) / s.network.capacity[row],
            "delay_veh_h_day": delay,
            "co2_kg_day": effects.links.co2 / 1000.0,
            "nox_g_day": effects.links.nox,
        },
        index=city.links.index,
    ).join(effects.links.frame(city.links.index))
    hours = (on.flow * on.time).sum(axis=(1, 2)) / 60.0
    paid = by_class * city.links["toll_eur"].to_numpy(float)
    paid[TRUCK] *= p.truck_toll_factor
    totals = {
        "vehicle_km_day": float((vehicles.sum(axis=1) * on.km).sum()),
        "car_km_day": float((by_class[CARS] * on.km).sum()),
        "van_km_day": float((by_class[VAN] * on.km).sum()),
        "truck_km_day": float((by_class[TRUCK] * on.km).sum()),
        "vehicle_h_day": float(hours.sum()),
        "car_h_day": float(hours[CARS].sum()),
        "delay_veh_h_day": float(delay.sum()),
        "toll_revenue_eur_a": float(paid.sum()) * p.working_day_equivalents,
        **effects.totals,
    }
    return links, effects.buildings, (vehicles * on.km[:, None]).sum(axis=0), totals


def zone_results(s: Setting, day: Day) -> tuple[pd.DataFrame, Floats, Floats, dict[str, float]]:
    """Return columns of zones, arrivals of cars [zones, 24], internal car trips [zones, zones], and totals."""
    n, m, p = s.network.zones, s.network.centroids, s.parameters
    arrivals, od = np.zeros((n, 24)), np.zeros((m, m))
    trips, persons_by_car = np.zeros(n), np.zeros(n)
    for name, hours in PERIODS.items():
        period, some = day.periods[name], list(hours)
        cars = period.od[CARS].sum(axis=0)
        od += cars * len(some)
        level = s.demand.car_hours[some] / s.demand.car_hours[some].mean()
        arrivals[:, some] = cars[:, :n].sum(axis=0)[:, None] * level
        trips += period.persons.sum(axis=1) * len(some)
        persons_by_car += cars[:n, :n].sum(axis=1) * len(some) * p.car_occupancy
    time, cost = _peak_costs(s, day.periods[PEAK])
    weight = np.concatenate([s.demand.hourly_persons(PEAK), s.demand.external[:n, n:]], axis=1)
    weight[:, n:] *= float(s.demand.car_hours[list(PERIODS[PEAK])].mean())
    weight[np.arange(n), np.arange(n)] = 0.0
    reach = accessibility(s.demand, day.states[PEAK], s.city.zones.index, p)
    zones = pd.DataFrame(
        {
            "trips_day": trips,
            "car_trips_day": od[:n].sum(axis=1),
            "car_share": np.divide(persons_by_car, trips, out=np.zeros(n), where=trips > 0.0),
            "mean_car_time_min": _weighted(time[:n], weight),
            "mean_generalised_cost_min": _weighted(cost[:n], weight),
            "jobs_30min": reach["jobs_30min"],
            "accessibility_min": np.where(np.isfinite(reach["accessibility_min"]), reach["accessibility_min"], 0.0),
        },
        index=s.city.zones.index,
    )
    residents = s.demand.population
    totals = {
        "car_trips_day": float(od.sum()),
        "car_share": float(persons_by_car.sum() / trips.sum()) if trips.sum() > 0.0 else 0.0,
        "jobs_30min": float((zones["jobs_30min"] * residents).sum() / residents.sum())
        if residents.sum() > 0.0
        else 0.0,
    }
    return zones, arrivals, od[:n, :n], totals


def _peak_costs(s: Setting, peak: Period) -> tuple[Floats, Floats]:
    """Return time and generalised cost of cars between centroids, means over the classes of a pair.

    The time is the mean over the classes that have a way, infinite where none has. The cost, parking included, is the
    mean over all of them; who has no way travels otherwise: leaving out such trips would make a zone that is cut off
    a winner. It then is that of the cheapest other mode, and never below that of the open road.
    """
    net, n = s.network, s.network.zones
    shares = class_shares(s.demand, net, s.parameters)
    instead = np.where(np.isfinite(s.reference), np.maximum(s.demand.without_car_min, s.reference), np.inf)
    parking = cordon_parking(s.demand, net.centroids)
    parking[:n, :n] = s.demand.parking_min(PEAK)
    time, cost, seen = np.zeros((3, *instead.shape))
    rest = list(CARS)
    while rest:
        fixed = net.fixed_cost[rest[0]]
        alike = [k for k in rest if np.array_equal(net.fixed_cost[k], fixed)]
        rest = [k for k in rest if k not in alike]
        share = shares[[CARS.index(k) for k in alike]].sum(axis=0)
        best, pred = shortest_trees(net, peak.time + fixed, s.variant)
        open_ = np.isfinite(best)
        time += share * np.where(open_, along_paths(net, pred, peak.time), 0.0)
        cost += np.where(share > 0.0, share * np.where(open_, best + parking, instead), 0.0)
        seen += share * open_
    return np.divide(time, seen, out=np.full_like(time, np.inf), where=seen > 0.0), cost


def _weighted(values: Floats, weight: Floats) -> Floats:
    """Return the weighted mean of each row over its finite values; 0 where there are none."""
    weight = weight * np.isfinite(values)
    total = weight.sum(axis=1)
    summed = (np.where(np.isfinite(values), values, 0.0) * weight).sum(axis=1)
    return np.divide(summed, total, out=np.zeros(len(total)), where=total > 0.0)
