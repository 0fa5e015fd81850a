"""How demand answers the costs of travel: the laws of the elastic equilibrium, periods and destinations.

`demand_functions` states, for one period, the demand of every class and pair of centroids as a law of its cost (see
`twin.kernels.traffic.demand_law`), which the elastic equilibrium solves together with the routes. Period and
destination follow in an outer loop, pivoting on the costs of the baseline (`answered_persons`): without a change of
cost they change no bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.kernels.traffic.demand_law import STEEPEST
from twin.traffic.classes import CLASSES
from twin.traffic.cordon import regained
from twin.traffic.demand import Demand
from twin.traffic.network import Network
from twin.traffic.parameters import TrafficParameters
from twin.traffic.profile import FIXED_HOURS, PERIODS, PURPOSES, per_hour

Floats = NDArray[np.float64]

FREE_DESTINATIONS = ("other",)
"""Purposes that choose other destinations when costs change."""


@dataclass(frozen=True)
class DemandFunctions:
    """Demand in vehicles per hour as a law of cost, arrays [classes, centroids, centroids].

    ``response`` 0: fixed ``demand``; negative: ``demand * ((c + leg) / (pivot + leg)) ** response`` with the cost
    ``outside_leg`` outside the area; positive: ``demand / (1 + exp(response * (c - pivot)))``.
    """

    demand: Floats
    pivot: Floats
    response: Floats
    outside_leg: float


def held(od: Floats) -> DemandFunctions:
    """Return demand that stays at `od` [classes, centroids, centroids] whatever the costs."""
    return DemandFunctions(od.copy(), np.zeros_like(od), np.zeros_like(od), 0.0)


def evaluate(functions: DemandFunctions, cost: Floats) -> Floats:
    """Return the demand at `cost` [classes, centroids, centroids]; the law of the equilibrium kernels in NumPy."""
    f = functions
    power, logit = _laws(f, cost)
    ratio = np.divide(cost + f.outside_leg, f.pivot + f.outside_leg, out=np.ones_like(f.demand), where=power)
    out = f.demand * np.power(ratio, f.response, out=np.ones_like(ratio), where=power)
    exponent = np.where(logit, f.response * (np.where(np.isfinite(cost), cost, 1e12) - f.pivot), 0.0)
    share = np.where(exponent > STEEPEST, 0.0, 1.0 / (1.0 + np.exp(exponent.clip(max=STEEPEST))))
    return np.asarray(np.where(logit, f.demand * share, out))


def inverse(functions: DemandFunctions, demand: Floats) -> Floats:
    """Return the cost at which `demand` is met; nan where demand does not answer cost, inf where none is left.

    `demand` must be positive and, for logit laws, below the most that could travel.
    """
    f = functions
    power, logit = _laws(f, np.where(f.response < 0.0, f.pivot, 0.0))
    some = (demand > 0.0) & (f.demand > 0.0)
    share = np.divide(demand, f.demand, out=np.ones_like(f.demand), where=some)
    root = np.divide(1.0, f.response, out=np.zeros_like(f.demand), where=f.response != 0.0)
    with np.errstate(over="ignore"):
        ratio = np.power(share, root, out=np.ones_like(share), where=power)
    cost = np.where(power, (f.pivot + f.outside_leg) * ratio - f.outside_leg, np.nan)
    odds = np.where(logit & (share < 1.0), 1.0 / share - 1.0, 1.0)
    cost = np.where(logit, f.pivot + root * np.log(odds), cost)
    return np.asarray(np.where(some | ~(power | logit), cost, np.inf))


def _laws(f: DemandFunctions, cost: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where demand follows the power and where the logit."""
    power = (f.response < 0.0) & (f.pivot + f.outside_leg > 0.0) & (cost + f.outside_leg > 0.0)
    return power, f.response > 0.0


def class_shares(demand: Demand, network: Network, p: TrafficParameters) -> Floats:
    """Return the share of each car class in a pair's cars [4, centroids, centroids]; they sum to 1.

    Trips with an end in a zone that holds an access-only link may use such links. The share of old cars is the mean of
    both ends; outside the area it is the parameter's.
    """
    n, m = network.zones, network.centroids
    inside = np.zeros(m, bool)
    inside[:n] = network.access_zone
    access = inside[:, None] | inside[None, :]
    factor = np.ones(m)
    factor[:n] = demand.old_factor
    old = np.clip(p.noncompliant_share * 0.5 * (factor[:, None] + factor[None, :]), 0.0, 1.0)
    shares = [(old if c.old else 1.0 - old) * (access == c.access) for c in CLASSES if not c.goods]
    return np.stack(shares)


def demand_functions(
    demand: Demand,
    network: Network,
    parameters: TrafficParameters,
    period: str,
    free: Floats,
    reference: Floats,
    persons: Floats | None = None,
) -> DemandFunctions:
    """Return the laws of demand in the mean hour of a period, vehicles per hour.

    Cars inside the area are the car's share of person trips, the nested logit of `choice`; cars across the cordon
    have the elasticity of the whole trip; vans and trucks are fixed. Pairs without a way have no demand; who comes
    from or goes to outside then uses the stations that are left.

    Parameters
    ----------
    period : str
        Of `profile.PERIODS`.
    free : float64 [classes, centroids, centroids]
        Costs at free flow; infinite where a class has no way.
    reference : float64 [centroids, centroids]
        Cost of a car at which cordon traffic is as given: free flow without tolls, closures and rules.
    persons : float64 [zones, zones]
        Person trips per hour; those of `demand` when not given.
    """
    p = parameters
    n = network.zones
    cars = [k for k, c in enumerate(CLASSES) if not c.goods]
    goods = [k for k, c in enumerate(CLASSES) if c.goods]
    shape = (len(CLASSES), network.centroids, network.centroids)
    out, pivot, response = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    reached = np.isfinite(free)
    reached[:, np.arange(n), np.arange(n)] = False
    shares = class_shares(demand, network, p)
    outside = shares * (demand.external * per_hour(demand.car_hours, period) * _parked(demand, reference, p))
    answers = np.isfinite(reference) & (reference + p.external_leg_min > 0.0)
    out[cars] = outside * reached[cars] * regained(outside, reached[cars], n)
    pivot[cars] = np.where(answers, reference, 0.0)
    response[cars] = np.where(answers, p.external_elasticity, 0.0)
    inside = np.s_[cars, :n, :n]
    persons = demand.hourly_persons(period) if persons is None else persons
    out[inside] = shares[:, :n, :n] * reached[inside] * (persons * (p.car_availability / p.car_occupancy))
    pivot[inside] = demand.other_cost - demand.parking_min(period) - p.car_constant_min
    response[inside] = p.logit_scale_per_min
    loads = demand.goods * per_hour(demand.goods_hours, period)
    out[goods] = loads * reached[goods] * regained(loads, reached[goods], n)
    return DemandFunctions(out, pivot, response, p.external_leg_min)


def _parked(demand: Demand, reference: Floats, p: TrafficParameters) -> Floats:
    """Return what parking in the zones leaves of cordon traffic [centroids, centroids]; 1 without charges."""
    added = cordon_parking(demand, len(reference))
    whole = np.where(np.isfinite(reference), reference, 0.0) + p.external_leg_min
    ratio = np.divide(whole + added, whole, out=np.ones_like(added), where=(whole > 0.0) & (whole + added > 0.0))
    return np.asarray(ratio**p.external_elasticity)


def cordon_parking(demand: Demand, centroids: int) -> Floats:
    """Return what parking adds to the cost of a car across the cordon [centroids, centroids], minutes.

    Half of a visit's charge is borne each way, the search by those who arrive.
    """
    n = len(demand.population)
    added = np.zeros((centroids, centroids))
    added[n:, :n] = 0.5 * demand.parking_charge_min + demand.parking_search_min
    added[:n, n:] = 0.5 * demand.parking_charge_min[:, None]
    return added


def kept_share(trips: Floats, change: Floats, scale: float, axis: int) -> Floats:
    """Return the factor on trips after a change of cost: an incremental logit over `axis`, which keeps the sums.

    Exactly 1 without change (Ortúzar and Willumsen 2011, 7.7.1).

    Parameters
    ----------
    trips : float64 [...]
        Before; of periods not per hour.
    change : float64, shape of `trips`
        Cost after less cost before, minutes.
    scale : float
        1/min.
    axis : int
        Over which travellers choose: periods, or destinations.
    """
    weight = np.exp(-scale * change)
    total, weighted = trips.sum(axis=axis, keepdims=True), (trips * weight).sum(axis=axis, keepdims=True)
    return np.asarray(weight * np.divide(total, weighted, out=np.ones_like(total), where=weighted > 0.0))


def answered_persons(demand: Demand, change: Mapping[str, Floats], p: TrafficParameters) -> dict[str, Floats]:
    """Return person trips per mean hour of each period [zones, zones] after costs changed.

    Business and other trips change period, each way by itself; other trips also change destination, by the mean over
    both ways of the change that is left once periods have answered. Trips to work and school stay as they are.

    Parameters
    ----------
    change : mapping of str to float64 [zones, zones]
        By period, change of the composite cost of all modes between two zones (row: start), minutes.
    """
    names = list(PERIODS)
    hours = np.array([len(PERIODS[name]) for name in names], float)[:, None, None]
    there = np.stack([change[name] for name in names])
    persons = {name: np.zeros_like(demand.other_cost) for name in names}
    for purpose in PURPOSES:
        legs = [demand.legs(purpose, name) for name in names]
        out, back = np.stack([leg.out for leg in legs]), np.stack([leg.back for leg in legs])
        if purpose not in FIXED_HOURS:
            ways = ((out * hours, there), (back * hours, there.transpose(0, 2, 1)))
            moved = [kept_share(trips, way, p.period_scale_per_min, 0) for trips, way in ways]
            if purpose in FREE_DESTINATIONS:
                left = 0.5 * sum(_composite(trips, way, p.period_scale_per_min) for trips, way in ways)
                chosen = kept_share(demand.trips[purpose], np.asarray(left), p.destination_scale_per_min, 1)
                moved = [factor * chosen for factor in moved]
            out, back = out * moved[0], back * moved[1]
        for k, name in enumerate(names):
            persons[name] = persons[name] + (out[k] + back[k].T)
    return persons


def _composite(trips: Floats, change: Floats, scale: float) -> Floats:
    """Return the change of cost [...] that a choice among periods leaves; 0 without change."""
    if scale <= 0.0:
        total = trips.sum(axis=0)
        return np.divide((trips * change).sum(axis=0), total, out=np.zeros_like(total), where=total > 0.0)
    total, weighted = trips.sum(axis=0), (trips * np.exp(-scale * change)).sum(axis=0)
    return np.asarray(-np.log(np.divide(weighted, total, out=np.ones_like(total), where=weighted > 0.0)) / scale)
