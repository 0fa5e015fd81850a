"""Traffic across the edge of the area: what the stations carry, and cars from, to and through it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.city.model import City
from twin.traffic.network import Network
from twin.traffic.parameters import TrafficParameters

Floats = NDArray[np.float64]

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


def station_traffic(city: City, network: Network) -> tuple[Floats, Floats]:
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


def through_traffic(entering: Floats, leaving: Floats, km: Floats, p: TrafficParameters) -> Floats:
    """Return vehicles of all kinds per day that cross the area [stations, stations].

    A share of each station's usual traffic leaves at another station in proportion to that one's traffic and its
    distance `km` [stations, stations], so that it crosses rather than turns back.
    """
    exits = leaving[None, :] * km
    reach = exits.sum(axis=1, keepdims=True)
    shares = np.divide(exits, reach, out=np.zeros_like(exits), where=reach > 0.0)
    return p.external_traffic_level * p.demand_factor * p.through_share * entering[:, None] * shares


def external_cars(
    population: Floats, jobs: Floats, entering: Floats, leaving: Floats, through: Floats, p: TrafficParameters
) -> Floats:
    """Return cars per day across the cordon [centroids, centroids], at usual costs.

    The residents and jobs of each zone make trips from and to outside, half of them each way, which are spread over
    the stations by their usual traffic. Cars are what vans and trucks leave of through traffic.
    """
    n, m = len(population), len(population) + len(entering)
    out = np.zeros((m, m))
    leaving_persons = population * (p.work_trips_per_resident + p.other_trips_per_resident)
    persons = leaving_persons * (1.0 - p.internal_trip_share) + jobs * p.cordon_trips_per_job
    level = p.external_traffic_level * p.demand_factor
    cars = 0.5 * level * persons * p.cordon_car_share / p.car_occupancy
    if entering.sum() > 0.0:
        out[n:, :n] = (entering / entering.sum())[:, None] * cars[None, :]
    if leaving.sum() > 0.0:
        out[:n, n:] = cars[:, None] * (leaving / leaving.sum())[None, :]
    out[n:, n:] = (1.0 - p.through_van_share - p.through_truck_share) * through
    return out


def regained(trips: Floats, reached: NDArray[np.bool_], zones: int) -> Floats:
    """Return the factor that gives a zone's trips across the cordon to the stations it can still reach.

    Parameters
    ----------
    trips : float64 [..., centroids, centroids]
    reached : bool, of the shape that broadcasts with `trips`
    zones : int
        Centroids before the first station.

    Returns
    -------
    factor : float64, of the broadcast shape
        1 between zones, between stations, and where no station is left.
    """
    left = trips * reached
    wanted = np.broadcast_to(trips, left.shape)
    factor = np.ones(left.shape)
    n = zones
    for part, axis in ((np.s_[..., :n, n:], -1), (np.s_[..., n:, :n], -2)):
        had, has = (of[part].sum(axis=axis, keepdims=True) for of in (wanted, left))
        factor[part] = np.divide(had, has, out=np.ones_like(has), where=has > 0.0)
    return factor
