"""Travel demand: trips from buildings, their destinations, the share by car, and traffic across the cordon.

Destinations answer the straight distance (gravity model calibrated to a mean trip length) and stay as they are when
roads change: the model gives the short-run response, in which mode and route react. The car share of each pair is a
logit of generalised cost against walking, cycling and public transport, whose times are proxies from distance and
speed. Cars to and from outside the area follow residents and jobs, through traffic the road class of the cordon
stations; both react through a constant elasticity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import twin.kernels.traffic  # noqa: F401 - registers the kernel families
from twin.city.model import City
from twin.kernels import registry
from twin.traffic.network import Network
from twin.traffic.parameters import TrafficParameters

Floats = NDArray[np.float64]

# Relative weight of a square metre of floor for trips other than work, by use. Assumption.
OTHER_ATTRACTION = {
    "residential": 0.2,
    "office": 0.3,
    "retail": 3.0,
    "education": 1.5,
    "health": 1.5,
    "public": 1.0,
    "industrial": 0.1,
    "other": 0.2,
}
# Vehicles per working day and direction at a cordon station, by its highest road class. Assumption, of the usual
# order in cities; counts should replace them.
CORDON_VEH_DAY = {
    "motorway": 20000.0,
    "trunk": 12000.0,
    "primary": 8000.0,
    "secondary": 4500.0,
    "tertiary": 2500.0,
    "unclassified": 800.0,
    "residential": 400.0,
    "living_street": 100.0,
    "service": 50.0,
}
LONGEST_SHARE = 0.9  # of the mean length without deterrence
SHORTEST_KM = 0.05


@dataclass(frozen=True)
class Demand:
    """Trips of a working day.

    ``work`` [zones, zones] are person trips from home (row) to work and back, both directions counted; ``other`` the
    same for all other purposes. ``external`` [centroids, centroids] are cars that cross the cordon, before they react
    to cost. ``other_modes`` [zones, zones] is the sum over walking, cycling and public transport of
    ``exp(-scale * cost)``; ``without_car_min`` [centroids, centroids] the generalised cost of the cheapest of them,
    less the car's constant, so that it compares with the cost of the road alone.
    """

    work: Floats
    other: Floats
    external: Floats
    other_modes: Floats
    without_car_min: Floats
    trip_length_km: float
    betas: tuple[float, float]
    warnings: tuple[str, ...]

    def persons(self, outbound: float) -> Floats:
        """Return person trips between zones when a share `outbound` of commuting goes from home to work."""
        work = outbound * self.work + (1.0 - outbound) * self.work.T
        return work + 0.5 * (self.other + self.other.T)


def build_demand(city: City, network: Network, parameters: TrafficParameters, variant: str) -> Demand:
    """Return the demand of a city's working day."""
    p = parameters
    n = network.zones
    zone = city.zones.index.get_indexer(city.buildings["zone_id"])
    buildings = city.buildings[zone >= 0]
    zone = zone[zone >= 0]
    factor = city.zones["trip_factor"].to_numpy(float) if "trip_factor" in city.zones else np.ones(n)

    def per_zone(values: Floats) -> Floats:
        return np.bincount(zone, values, n) * factor

    population = per_zone(buildings["population"].to_numpy(float))
    jobs = per_zone(buildings["jobs"].to_numpy(float))
    weight = buildings["use"].map(OTHER_ATTRACTION).to_numpy(float) * buildings["floor_area_m2"].to_numpy(float)
    kept = p.internal_trip_share * p.demand_factor
    work_ends = (population * p.work_trips_per_resident * kept, jobs)
    other_ends = (
        (population * p.other_trips_per_resident + jobs * p.business_trips_per_job) * kept,
        per_zone(weight),
    )
    km = _distance_km(network.position) * p.detour_factor
    inside = km[:n, :n].copy()
    inside[np.arange(n), np.arange(n)] = _inside_km(city) * p.detour_factor
    inside = np.maximum(inside, SHORTEST_KM)
    whole = km.copy()
    whole[:n, :n] = inside
    warnings: list[str] = []
    work, beta_work = _distribute(*work_ends, inside, p, variant, "work", warnings)
    other, beta_other = _distribute(*other_ends, inside, p, variant, "other", warnings)
    trips = work + other
    total = trips.sum()
    return Demand(
        work=work,
        other=other,
        external=_external(city, network, population, jobs, km, p),
        other_modes=np.exp(-p.logit_scale_per_min * _other_costs(inside, p)).sum(axis=0),
        without_car_min=_other_costs(whole, p).min(axis=0) - p.car_constant_min,
        trip_length_km=float((trips * inside).sum() / total) if total > 0.0 else 0.0,
        betas=(beta_work, beta_other),
        warnings=tuple(warnings),
    )


def car_trips(demand: Demand, outbound: float, cost: Floats, reference: Floats, p: TrafficParameters) -> Floats:
    """Return cars per day [2 classes, centroids, centroids] at generalised car costs `cost` of the same shape.

    `outbound` is the share of commuting from home to work. Pairs without a path (infinite cost) lose their car
    trips: internal ones go by other modes, through traffic stays away, and cars to or from outside use the stations
    that their zone can still reach. `reference` [centroids, centroids] is the cost at which cordon traffic is as
    given.
    """
    n = len(demand.work)
    fleet = np.array([1.0 - p.noncompliant_share, p.noncompliant_share])
    reached = np.isfinite(cost)
    external = demand.external * reached
    external[:, :n, n:] *= _regained(demand.external[:n, n:].sum(axis=1), external[:, :n, n:].sum(axis=2))[:, :, None]
    external[:, n:, :n] *= _regained(demand.external[n:, :n].sum(axis=0), external[:, n:, :n].sum(axis=1))[:, None, :]
    # With an outer leg of 0 a cost may be 0: such traffic stays as given.
    ratio = np.divide(
        cost + p.external_leg_min,
        reference + p.external_leg_min,
        out=np.ones_like(cost),
        where=reached & (reference + p.external_leg_min > 0.0) & (cost + p.external_leg_min > 0.0),
    )
    cars = external * ratio**p.external_elasticity
    cars[:, :n, :n] = car_share(demand, cost[:, :n, :n], p) * demand.persons(outbound) / p.car_occupancy
    return cars * fleet[:, None, None]


def _regained(wanted: Floats, left: Floats) -> Floats:
    """Return the factor [classes, zones] that spreads the wanted trips over the stations left; 1 where none is."""
    return np.divide(wanted, left, out=np.ones_like(left), where=left > 0.0)


def car_share(demand: Demand, cost: Floats, p: TrafficParameters) -> Floats:
    """Return the car's share of internal person trips [classes, zones, zones]; none within a zone."""
    car = np.exp(-p.logit_scale_per_min * (cost + p.car_constant_min))
    share = p.car_availability * car / (car + demand.other_modes)
    n = len(demand.work)
    share[:, np.arange(n), np.arange(n)] = 0.0
    return np.asarray(share)


def _distribute(
    productions: Floats, attractions: Floats, km: Floats, p: TrafficParameters, variant: str, purpose: str,
    warnings: list[str],
) -> tuple[Floats, float]:  # fmt: skip
    total, pull = productions.sum(), attractions.sum()
    if total <= 0.0 or pull <= 0.0:
        return np.zeros_like(km), 0.0
    attractions = attractions * (total / pull)
    longest = LONGEST_SHARE * float((productions[:, None] * km * attractions).sum()) / total**2
    target = min(p.mean_trip_length_km, longest)
    if target < p.mean_trip_length_km:
        warnings.append(
            f"mean length of {purpose} trips set to {target:.2f} km: the area is too small for "
            f"{p.mean_trip_length_km:.2f} km"
        )
    trips, beta = registry.get("traffic.gravity", variant)(productions, attractions, km, 0.0, target)
    mean = float((trips * km).sum() / trips.sum())
    if mean > 1.001 * target:
        warnings.append(f"{purpose} trips are {mean:.2f} km long: zones are too large or far apart for {target:.2f} km")
    return trips, float(beta)


def _distance_km(position: Floats) -> Floats:
    return np.hypot(*(position[:, None, :] - position[None, :, :]).transpose(2, 0, 1)) / 1000.0


def _inside_km(city: City) -> Floats:
    """Return the mean straight distance within each zone: that of two random points in a square of its area."""
    # 0.5214 sides: Santaló 1976, Integral Geometry and Geometric Probability.
    return 0.5214 * np.sqrt(city.zones.geometry.area.to_numpy()) / 1000.0


def _other_costs(km: Floats, p: TrafficParameters) -> Floats:
    """Return the generalised cost of walking, cycling and public transport over `km`, [3, ...], minutes."""
    modes = (
        (p.walk_constant_min, p.walk_speed_kmh),
        (p.cycle_constant_min, p.cycle_speed_kmh),
        (p.transit_constant_min, p.transit_speed_kmh),
    )
    return np.stack([constant + 60.0 * km / speed for constant, speed in modes])


def _external(
    city: City, network: Network, population: Floats, jobs: Floats, km: Floats, p: TrafficParameters
) -> Floats:
    """Return cars per day across the cordon [centroids, centroids].

    A zone's residents and jobs make trips from and to outside, half of them each way, which are spread over the
    stations by their usual traffic. A share of each station's usual traffic crosses the area; it leaves at another
    station in proportion to that one's traffic and its distance, so that it crosses rather than turns back.
    """
    n, m = network.zones, network.centroids
    out = np.zeros((m, m))
    entering, leaving = _cordon(city, network)
    level = p.external_traffic_level * p.demand_factor
    leaving_persons = population * (p.work_trips_per_resident + p.other_trips_per_resident)
    persons = leaving_persons * (1.0 - p.internal_trip_share) + jobs * p.cordon_trips_per_job
    cars = 0.5 * level * persons * p.cordon_car_share / p.car_occupancy
    if entering.sum() > 0.0:
        out[n:, :n] = (entering / entering.sum())[:, None] * cars[None, :]
    if leaving.sum() > 0.0:
        out[:n, n:] = cars[:, None] * (leaving / leaving.sum())[None, :]
    exits = leaving[None, :] * km[n:, n:]
    reach = exits.sum(axis=1, keepdims=True)
    shares = np.divide(exits, reach, out=np.zeros_like(exits), where=reach > 0.0)
    out[n:, n:] = level * p.through_share * entering[:, None] * shares
    return out


def _cordon(city: City, network: Network) -> tuple[Floats, Floats]:
    """Return vehicles per day that enter and leave at each station, by the highest class of its links."""
    rank = {name: i for i, name in enumerate(CORDON_VEH_DAY)}
    veh_day = np.array([*CORDON_VEH_DAY.values(), 0.0])
    links = city.links
    road = links["road_class"].map(rank).to_numpy(int)

    def busiest(column: str) -> Floats:
        best = np.full(len(network.station_nodes), len(rank))
        station = {node: i for i, node in enumerate(network.station_nodes)}
        at = links[column].map(station).fillna(-1).to_numpy(int)
        np.minimum.at(best, at[at >= 0], road[at >= 0])
        return veh_day[best]

    return busiest("from_node"), busiest("to_node")
