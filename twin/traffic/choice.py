"""Which mode trips take: a nested logit of generalised costs over car, public transport and a nest of cycle and walk.

The share by car is a binary logit of the road's cost against the composite cost of all other modes, so that the
elastic equilibrium of cars is exact for the nested choice (Ben-Akiva and Lerman 1985, Discrete Choice Analysis, 10.3).
Costs are minutes of the traveller's time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

import twin.kernels.traffic  # noqa: F401 - registers the kernel families
from twin.city.frames import with_defaults
from twin.city.model import City
from twin.city.schema import LINKS, ZONES
from twin.kernels import registry
from twin.traffic.network import Network
from twin.traffic.parameters import TrafficParameters

Floats = NDArray[np.float64]

MODES = ("car", "transit", "cycle", "walk")
NO_CYCLING = ("motorway",)
# Roads that are felt longer without a lane or track, above some 10,000 vehicles a day. Assumption by class.
BUSY = ("trunk", "primary", "secondary")


@dataclass(frozen=True)
class Alternatives:
    """Generalised cost of public transport, cycling and walking between zones, each [zones, zones], minutes."""

    transit: Floats
    cycle: Floats
    walk: Floats


def softmin(costs: Floats, scale: float) -> Floats:
    """Return the composite cost ``-ln(sum(exp(-scale * costs))) / scale`` over the first axis; inf where all are."""
    least = costs.min(axis=0)
    safe = np.where(np.isfinite(least), least, 0.0)
    return np.asarray(least - np.log(np.exp(-scale * (costs - safe)).sum(axis=0).clip(1e-300)) / scale)


def other_cost(alternatives: Alternatives, p: TrafficParameters) -> Floats:
    """Return the composite cost of all modes but the car [zones, zones]."""
    active = softmin(np.stack([alternatives.cycle, alternatives.walk]), p.logit_scale_per_min * p.active_nest_ratio)
    return softmin(np.stack([alternatives.transit, active]), p.logit_scale_per_min)


def car_share(car: Floats, other: Floats, p: TrafficParameters) -> Floats:
    """Return the car's share of trips at its whole cost `car` against the composite cost `other` of the rest."""
    return np.asarray(p.car_availability * expit(-p.logit_scale_per_min * (car - other)))


def mode_shares(car: Floats, alternatives: Alternatives, p: TrafficParameters) -> Floats:
    """Return the shares of `MODES` [4, zones, zones] at the car's whole cost; they sum to 1."""
    scale, nest = p.logit_scale_per_min, p.logit_scale_per_min * p.active_nest_ratio
    active = softmin(np.stack([alternatives.cycle, alternatives.walk]), nest)
    whole = other_cost(alternatives, p)
    # Both sides of each choice by themselves: one less the other would lose small shares to rounding.
    rest = 1.0 - p.car_availability + p.car_availability * expit(scale * (car - whole))
    transit, not_transit = (expit(sign * scale * (active - alternatives.transit)) for sign in (1.0, -1.0))
    cycle, walk = (expit(sign * nest * (alternatives.walk - alternatives.cycle)) for sign in (1.0, -1.0))
    return np.stack([car_share(car, whole, p), rest * transit, rest * not_transit * cycle, rest * not_transit * walk])


def composite_cost(car: Floats, other: Floats, p: TrafficParameters) -> Floats:
    """Return the mean composite cost of those who could take a car, at its whole cost `car`, and those who cannot."""
    with_car = softmin(np.stack([np.broadcast_to(car, other.shape), other]), p.logit_scale_per_min)
    return np.asarray(p.car_availability * with_car + (1.0 - p.car_availability) * other)


def alternatives(city: City, network: Network, km: Floats, p: TrafficParameters, variant: str) -> Alternatives:
    """Return the costs of the other modes between zones at route lengths `km` [zones, zones].

    Public transport runs at its speed over `km`; the waiting part of its constant falls with the mean of the two
    zones' frequency. Cyclists ride over the street network with the distances they feel, at most as far as `km` on
    main roads. Walkers walk `km`.
    """
    level = with_defaults(city.zones, ZONES)["transit_level"].to_numpy(float)
    wait = min(p.transit_wait_min, p.transit_constant_min)
    waiting = wait / (0.5 * (level[:, None] + level[None, :]))
    felt = np.minimum(cycling_km(city, network, p, variant), km * p.cycle_busy_factor)
    np.fill_diagonal(felt, np.diagonal(km))
    return Alternatives(
        transit=p.transit_constant_min - wait + waiting + 60.0 * km / p.transit_speed_kmh,
        cycle=p.cycle_constant_min + 60.0 * felt / p.cycle_speed_kmh,
        walk=p.walk_constant_min + 60.0 * km / p.walk_speed_kmh,
    )


def cycling_km(city: City, network: Network, p: TrafficParameters, variant: str) -> Floats:
    """Return the shortest felt distance of cyclists between zones over the street network [zones, zones].

    A quiet street counts its length, a main road without lane or track more, a track less (Broach, Dill and Gliebe
    2012, doi 10.1016/j.tra.2012.07.005). Streets closed to cars stay open to cyclists; one-way streets and
    turn bans hold for them.
    """
    links = with_defaults(city.links, LINKS)
    facility = links["cycle_facility"].to_numpy()
    factor = np.where(np.isin(links["road_class"], BUSY), p.cycle_busy_factor, 1.0)
    factor = np.where(facility == "lane", 1.0, factor)
    factor = np.where(facility == "track", p.cycle_track_factor, factor)
    factor = np.where(np.isin(links["road_class"], NO_CYCLING) & (facility == "none"), np.inf, factor)
    felt = network.free_flow_time * p.access_speed_kmh / 60.0  # connectors
    np.multiply(network.length_km, factor[network.row.clip(0)], out=felt, where=network.row >= 0)
    trees = registry.get("traffic.shortest_path", variant)
    best, _ = trees(network.link_start, network.link_head, felt, np.arange(network.zones), network.centroids)
    return np.asarray(best[:, : network.zones]).copy()


def parking_minutes(city: City, p: TrafficParameters) -> tuple[Floats, Floats]:
    """Return the parking charge of a visit and the search for a place in each zone [zones], minutes of a traveller.

    The charge is shared by those in the car. The search is that of today over the relative supply, less today's,
    which is part of the car's constant; a simple function without a source.
    """
    zones = with_defaults(city.zones, ZONES)
    charge, supply = zones["parking_eur"].to_numpy(float), zones["parking_supply"].to_numpy(float)
    eur_to_min = 60.0 / (p.value_of_time_eur_h * p.car_occupancy)
    return charge * eur_to_min, p.parking_search_min * (1.0 / supply - 1.0)
