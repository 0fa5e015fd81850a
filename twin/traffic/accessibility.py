"""What zones can reach, and what a change is worth to travellers.

Consumer surplus is given twice: by the rule of a half (Neuburger 1971, JTEP 5(1); UK TAG unit A1.3) over the modes,
and by the integral of the demand laws, which for the nested logit is the change of its composite cost (Williams 1977,
doi 10.1068/a090285). Both agree for small changes; for large ones the second is the one that follows the model.
Travellers count as parties of `car_occupancy` persons, whose time is worth `value_of_time_eur_h` together, so that a
toll costs its payers what it brings in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from twin.traffic.choice import Alternatives, composite_cost, mode_shares, softmin
from twin.traffic.classes import CLASSES
from twin.traffic.demand import Demand
from twin.traffic.network import Network
from twin.traffic.parameters import TrafficParameters
from twin.traffic.profile import PERIODS
from twin.traffic.response import DemandFunctions, class_shares, cordon_parking

Floats = NDArray[np.float64]

LIMIT_MIN = 30.0
SOFTNESS_MIN = 3.0  # jobs at the limit count half; the share falls from 0.88 to 0.12 within 6 minutes on either side
_CARS = [k for k, c in enumerate(CLASSES) if not c.goods]
_GOODS = [k for k, c in enumerate(CLASSES) if c.goods]


@dataclass(frozen=True)
class PeriodState:
    """Demand and costs of the mean hour of a period.

    ``persons`` [zones, zones] trips per hour of all modes; ``flow`` and ``cost`` [classes, centroids, centroids]
    vehicles per hour and generalised costs; ``share`` [4, zones, zones] of the car classes; ``car`` [4, zones, zones]
    the whole cost of a car trip; ``parked`` [centroids, centroids] what parking adds to a car trip across the cordon;
    ``other`` [zones, zones] the composite cost of the ``alternatives``; ``composite`` [zones, zones] that of all
    modes, mean over the classes.
    """

    persons: Floats
    flow: Floats
    cost: Floats
    functions: DemandFunctions
    share: Floats
    car: Floats
    parked: Floats
    other: Floats
    alternatives: Alternatives
    composite: Floats


def period_state(
    demand: Demand, network: Network, functions: DemandFunctions, persons: Floats, flow: Floats, cost: Floats,
    period: str, p: TrafficParameters,
) -> PeriodState:  # fmt: skip
    """Return the state of a period from its equilibrium: `flow` and `cost` [classes, centroids, centroids]."""
    n = network.zones
    share = class_shares(demand, network, p)[:, :n, :n]
    car = cost[_CARS, :n, :n] + (p.car_constant_min + demand.parking_min(period))
    car[:, np.arange(n), np.arange(n)] = np.inf  # trips within a zone are made without a car
    each = np.stack([composite_cost(one, demand.other_cost, p) for one in car])
    composite = (share * each).sum(axis=0)
    return PeriodState(
        persons=persons,
        flow=flow,
        cost=cost,
        functions=functions,
        share=share,
        car=car,
        parked=cordon_parking(demand, network.centroids),
        other=demand.other_cost,
        alternatives=demand.alternatives,
        composite=np.asarray(composite),
    )


def composite_change(before: PeriodState, after: PeriodState) -> Floats:
    """Return by how many minutes the composite cost between zones rose [zones, zones]; 0 where nothing changed."""
    return np.asarray(after.composite - before.composite)


def rule_of_half(before: Floats, after: Floats, cost_before: Floats, cost_after: Floats) -> Floats:
    """Return the surplus ``(before + after) / 2 * (cost_before - cost_after)``; 0 where a cost is infinite."""
    known = np.isfinite(cost_before) & np.isfinite(cost_after)
    saved = np.subtract(cost_before, cost_after, out=np.zeros(np.broadcast(cost_before, cost_after).shape), where=known)
    return np.asarray(0.5 * (before + after) * saved)


def law_surplus(functions: DemandFunctions, cost_before: Floats, cost_after: Floats) -> Floats:
    """Return the integral of the demand laws from `cost_after` to `cost_before`, per pair and class.

    Where demand is fixed or a power with an infinite cost the pair counts 0: no finite price ends such demand.
    """
    f = functions
    known = np.isfinite(cost_before) & np.isfinite(cost_after)
    a, b = (np.where(known, cost, 0.0) for cost in (cost_after, cost_before))
    legs = (a + f.outside_leg > 0.0) & (b + f.outside_leg > 0.0) & (f.pivot + f.outside_leg > 0.0)
    out = f.demand * (b - a)
    power = (f.response < 0.0) & legs
    base = np.where(power, f.pivot + f.outside_leg, 1.0)
    high, low = (np.where(power, x + f.outside_leg, 1.0) / base for x in (b, a))
    r1 = np.where(power, f.response, 0.0) + 1.0
    slope = np.where(np.abs(r1) < 1e-9, 1.0, r1)
    area = np.where(np.abs(r1) < 1e-9, np.log(high / low), (high**r1 - low**r1) / slope)
    out = np.where(power, f.demand * base * area, out)
    logit = f.response > 0.0
    scale = np.where(logit, f.response, 1.0)
    far = [np.where(logit, -scale * (np.minimum(x, 1e12) - f.pivot), 0.0) for x in (cost_after, cost_before)]
    return np.where(logit, f.demand / scale * (np.logaddexp(0.0, far[0]) - np.logaddexp(0.0, far[1])), out * known)


def period_surplus(before: PeriodState, after: PeriodState, zones: pd.Index, p: TrafficParameters) -> pd.DataFrame:
    """Return consumer surplus per hour of a period, EUR/h, by zone.

    Columns: ``rule_of_half_eur`` and ``logsum_eur`` of all person trips that start in the zone and of cars between it
    and outside, ``goods_eur`` of vans and trucks from, to or within it. ``attrs["through_eur"]`` is what crosses the
    area. Pairs that lose or gain their way by car count by the composite cost in both columns.
    """
    n = len(zones)
    logsum = rule_of_half(before.persons, after.persons, before.composite, after.composite) / p.car_occupancy
    by_mode = rule_of_half(
        _parties_by_mode(before, p), _parties_by_mode(after, p), _cost_by_mode(before), _cost_by_mode(after)
    )
    changed = np.isfinite(before.car) != np.isfinite(after.car)
    half = np.where(changed.any(axis=0), logsum, by_mode.sum(axis=0))
    cross = np.ones_like(before.cost[0])
    cross[:n, :n] = 0.0
    vehicles = rule_of_half(before.flow, after.flow, before.cost, after.cost)
    parking = rule_of_half(before.flow, after.flow, before.parked, after.parked)[_CARS].sum(axis=0)
    cars_half = (vehicles[_CARS] * cross).sum(axis=0) + parking
    laws = 0.5 * np.sum([law_surplus(s.functions, before.cost, after.cost) for s in (before, after)], axis=0)
    cars_law = (laws[_CARS] * cross).sum(axis=0) + parking
    worth = p.value_of_time_eur_h / 60.0
    by_class = np.array([p.van_value_of_time_eur_h, p.truck_value_of_time_eur_h])[:, None, None] / 60.0
    goods = (vehicles[_GOODS] * by_class).sum(axis=0)
    frame = pd.DataFrame(
        {
            "rule_of_half_eur": worth * (half.sum(axis=1) + _at_zones(cars_half, n)),
            "logsum_eur": worth * (logsum.sum(axis=1) + _at_zones(cars_law, n)),
            "goods_eur": goods[:n, :n].sum(axis=1) + _at_zones(goods, n),
        },
        index=zones,
    )
    frame.attrs["through_eur"] = float(worth * cars_law[n:, n:].sum() + goods[n:, n:].sum())
    return frame


def consumer_surplus(
    before: Mapping[str, PeriodState], after: Mapping[str, PeriodState], zones: pd.Index, p: TrafficParameters
) -> pd.DataFrame:
    """Return consumer surplus per working day, EUR, by zone: `period_surplus` over the hours of all periods."""
    parts = [period_surplus(before[name], after[name], zones, p) for name in PERIODS]
    hours = [len(PERIODS[name]) for name in PERIODS]
    frame = pd.DataFrame(
        sum(h * part.to_numpy() for h, part in zip(hours, parts, strict=True)), zones, parts[0].columns
    )
    frame.attrs["through_eur"] = sum(h * part.attrs["through_eur"] for h, part in zip(hours, parts, strict=True))
    return frame


def _at_zones(values: Floats, n: int) -> Floats:
    """Return what zones exchange with the stations [zones]."""
    return np.asarray(values[:n, n:].sum(axis=1) + values[n:, :n].sum(axis=0))


def _parties_by_mode(state: PeriodState, p: TrafficParameters) -> Floats:
    """Return parties per hour of each car class and other mode [4 + 3, zones, zones]."""
    parties = state.persons / p.car_occupancy
    shares = [mode_shares(car, state.alternatives, p) for car in state.car]
    cars = np.stack([one[0] * part for one, part in zip(shares, state.share, strict=True)])
    others = sum(one[1:] * part for one, part in zip(shares, state.share, strict=True))
    return np.concatenate([cars, np.asarray(others)]) * parties


def _cost_by_mode(state: PeriodState) -> Floats:
    modes = state.alternatives
    return np.concatenate([state.car, np.stack([modes.transit, modes.cycle, modes.walk])])


def accessibility(demand: Demand, state: PeriodState, zones: pd.Index, p: TrafficParameters) -> pd.DataFrame:
    """Return what each zone reaches in a period.

    ``jobs_30min_car`` and ``jobs_30min``: jobs within 30 minutes of generalised cost by car, and by the best mode,
    counted softly around the limit. ``accessibility_min``: composite cost of a trip to a job, by a logit of
    destinations that are jobs, minutes (lower is better; a logsum has no zero, so that only differences tell); inf
    without jobs.
    """
    car = np.multiply(state.share, state.car, out=np.zeros_like(state.car), where=state.share > 0.0).sum(axis=0)
    modes = demand.alternatives
    best = np.minimum.reduce([car, modes.transit, modes.cycle, modes.walk])
    jobs = demand.jobs

    def within(cost: Floats) -> Floats:
        return np.asarray(expit((LIMIT_MIN - cost) / SOFTNESS_MIN) @ jobs)

    total = jobs.sum()
    pull = np.full_like(jobs, np.inf)
    scale = max(p.destination_scale_per_min, 1e-6)
    np.divide(-np.log(np.where(jobs > 0.0, jobs, 1.0) / (total or 1.0)), scale, out=pull, where=jobs > 0.0)
    return pd.DataFrame(
        {
            "jobs_30min_car": within(car),
            "jobs_30min": within(best),
            "accessibility_min": softmin((state.composite + pull[None, :]).T, scale),
        },
        index=zones,
    )
