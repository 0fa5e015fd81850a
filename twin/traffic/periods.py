"""The equilibria of a working day: one per period, of its mean hour, solved together with the demand of all classes.

Classes that pay the same on every link and answer costs alike are solved as one, in passenger-car units, and split
again pro rata, which is the split that the condition of proportionality asks for. Classes that differ are told apart
by the solver; how it splits a link's flow between them is not unique, totals and times are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.city.model import City
from twin.kernels import registry
from twin.kernels.traffic.elastic_assignment import ARGUMENTS, NAME
from twin.kernels.traffic.equilibrium import Problem, Solution, solve
from twin.kernels.traffic.link_cost import NO_CURVES
from twin.kernels.traffic.route_share import NAME as ROUTE_SHARE
from twin.kernels.traffic.route_share_rows import rows_of
from twin.kernels.traffic.warm_adopt import regroup
from twin.traffic.accessibility import PeriodState, composite_change, period_state
from twin.traffic.classes import CLASSES
from twin.traffic.cordon import regained
from twin.traffic.demand import Demand, build_demand
from twin.traffic.network import Network, build_network
from twin.traffic.parameters import TrafficParameters
from twin.traffic.profile import PERIODS
from twin.traffic.response import DemandFunctions, answered_persons, class_shares, demand_functions, held

Floats = NDArray[np.float64]
Groups = tuple[tuple[int, ...], ...]

MAX_ROUTE_ROUNDS = 200
OUTER_ROUNDS = 2  # of periods and destinations that answer the change of costs
LOOSE_GAP = 1e-6  # of the equilibria that only tell how costs change
ALIKE = 1e-12  # relative difference of demand that is rounding
PCU = np.array([c.pcu for c in CLASSES])[:, None, None]
CARS = [k for k, c in enumerate(CLASSES) if not c.goods]
GOODS = [k for k, c in enumerate(CLASSES) if c.goods]


@dataclass(frozen=True)
class Setting:
    """What the periods share.

    ``reference`` [centroids, centroids] is a car's cost at free flow without tolls, closures and rules; ``free``
    [classes, centroids, centroids] each class's cost at free flow with them.
    """

    city: City
    network: Network
    demand: Demand
    parameters: TrafficParameters
    reference: Floats
    free: Floats
    variant: str


@dataclass(frozen=True)
class Period:
    """The equilibrium of a period's mean hour.

    ``persons`` [zones, zones] person trips per hour; ``flow`` [classes, links] and ``od`` [classes, centroids,
    centroids] vehicles per hour; ``time`` [links]; ``skim`` [classes, centroids, centroids] generalised costs, min.
    `problem` and `solution` are those of the `groups` of classes; `target` is the gap that was asked for.
    """

    functions: DemandFunctions
    persons: Floats
    flow: Floats
    od: Floats
    time: Floats
    skim: Floats
    groups: Groups
    problem: Problem
    solution: Solution
    target: float


@dataclass(frozen=True)
class Day:
    """The periods of a working day, and how far person trips are from what the costs ask for (share of all trips)."""

    periods: dict[str, Period]
    states: dict[str, PeriodState]
    residual: float = 0.0
    rounds: int = 0


def prepare(city: City, parameters: TrafficParameters, variant: str) -> Setting:
    """Return network, demand and free-flow costs of a city."""
    network = build_network(city, parameters)
    demand = build_demand(city, network, parameters, variant)
    reference, _ = shortest_trees(network, network.free_flow_time + network.reference_cost[0], variant)
    free = np.empty((len(CLASSES), *reference.shape))
    for k, fixed in enumerate(network.fixed_cost):
        same = next((j for j in range(k) if np.array_equal(network.fixed_cost[j], fixed)), None)
        if same is not None:
            free[k] = free[same]
        else:
            free[k], _ = shortest_trees(network, network.free_flow_time + fixed, variant)
    return Setting(city, network, demand, parameters, reference, free, variant)


def shortest_trees(network: Network, cost: Floats, variant: str) -> tuple[Floats, NDArray[np.int64]]:
    """Return costs between centroids and the predecessor links [centroids, nodes]."""
    trees = registry.get("traffic.shortest_path", variant)
    best, pred = trees(network.link_start, network.link_head, cost, np.arange(network.centroids), network.centroids)
    return best[:, : network.centroids].copy(), pred


def usual_day(s: Setting) -> Day:
    """Return the day at the usual hours and destinations: the baseline's."""
    gap = s.parameters.relative_gap
    return _day(s, {name: _answering(s, name, s.demand.hourly_persons(name), gap, None) for name in PERIODS})


def changed_day(s: Setting, base: Day) -> Day:
    """Return the day of a scenario: hours and destinations answer how costs differ from those of `base`."""
    target = s.parameters.relative_gap
    persons = {name: s.demand.hourly_persons(name) for name in PERIODS}
    before = base.periods
    for left in range(OUTER_ROUNDS, -1, -1):
        gap = max(target, LOOSE_GAP) if left else target
        day = _day(s, {name: _answering(s, name, persons[name], gap, before[name]) for name in PERIODS})
        change = {name: composite_change(base.states[name], day.states[name]) for name in PERIODS}
        answer = answered_persons(s.demand, change, s.parameters)
        off, total = (
            sum(len(PERIODS[name]) * float(values[name].sum()) for name in PERIODS)
            for values in ({name: np.abs(answer[name] - persons[name]) for name in PERIODS}, persons)
        )
        persons, before = (answer, day.periods) if left else (persons, before)
    return Day(day.periods, day.states, off / total if total > 0.0 else 0.0, OUTER_ROUNDS)


def held_day(s: Setting, base: Day) -> Day:
    """Return the day when all trips of `base` are made as before, and only their routes answer.

    Cars are split by the setting's own classes. Pairs without a way drop out, or use the stations that are left.
    """
    return _day(s, {name: _held(s, base.periods[name]) for name in PERIODS})


def _day(s: Setting, periods: dict[str, Period]) -> Day:
    states = {
        name: period_state(s.demand, s.network, of.functions, of.persons, of.od, of.skim, name, s.parameters)
        for name, of in periods.items()
    }
    return Day(periods, states)


def _answering(s: Setting, name: str, persons: Floats, gap: float, start: Period | None) -> Period:
    laws = demand_functions(s.demand, s.network, s.parameters, name, s.free, s.reference, persons)
    return solve_period(s, laws, persons, gap, start)


def _held(s: Setting, base: Period) -> Period:
    n = s.network.zones
    shares = class_shares(s.demand, s.network, s.parameters)
    od = np.concatenate([base.od[CARS].sum(axis=0) * shares, base.od[GOODS]])
    reached = np.isfinite(s.free)
    od *= reached * regained(od, reached, n)
    gap = s.parameters.relative_gap
    if _same_roads(s.network, base.problem, base.groups) and np.allclose(od, base.od, rtol=ALIKE, atol=0.0):
        return base
    return solve_period(s, held(od), base.persons, gap, base)


def solve_period(
    s: Setting, functions: DemandFunctions, persons: Floats, gap: float, start: Period | None = None
) -> Period:
    """Return the equilibrium of a period for given laws of demand, from an earlier one where it has the same links.

    A problem that is that of `start` to the last bit has its solution.
    """
    f, net = functions, s.network
    groups = _groups(s, f)
    first = [group[0] for group in groups]
    problem = Problem(
        link_start=net.link_start,
        link_head=net.link_head,
        free_flow_time=net.free_flow_time,
        capacity=net.capacity,
        alpha=net.alpha,
        power=net.power,
        fixed_cost=net.fixed_cost[first],
        demand=np.stack([(f.demand[list(group)] * PCU[list(group)]).sum(axis=0) for group in groups]),
        first_thru=net.centroids,
        pivot=f.pivot[first],
        response=f.response[first],
        outside_leg=f.outside_leg,
    )
    if start is not None and start.groups == groups and start.target <= gap and _same_problem(problem, start.problem):
        solution, target = start.solution, start.target
    else:
        solution, target = _solve(problem, gap, s.variant, _warm(problem, groups, start)), gap
    flow, od = _split(s, functions, groups, problem, solution)
    skim = np.empty_like(od)
    for i, group in enumerate(groups):
        skim[list(group)] = solution.skim[i]
    return Period(f, persons, flow, od, solution.link_time, skim, groups, problem, solution, target)


def _solve(problem: Problem, gap: float, variant: str, start: Solution | None) -> Solution:
    if variant == "numba":
        return solve(problem, gap, MAX_ROUTE_ROUNDS, start)
    given = problem._asdict() | {
        "form": np.zeros(len(problem.link_head), np.int64),
        "curves": NO_CURVES,
        "marginal": 0,
        "max_rounds": MAX_ROUTE_ROUNDS,
        "target_gap": gap,
    }
    flow, time, skim, od, found = registry.get(NAME, variant)(*(given[name] for name in ARGUMENTS))
    return Solution(flow, time, skim, od, float(found), 0, None, np.isinf(problem.fixed_cost))  # type: ignore[arg-type]


def _groups(s: Setting, f: DemandFunctions) -> Groups:
    """Return the classes by groups that are solved as one."""
    groups: list[list[int]] = []
    for k in range(len(CLASSES)):
        for group in groups:
            j = group[0]
            if all(np.array_equal(a[j], a[k]) for a in (s.network.fixed_cost, f.pivot, f.response)) and (
                # Without bushes only shares that are the same everywhere can be split again.
                s.variant == "numba" or _proportional(f.demand[[j, k]])
            ):
                group.append(k)
                break
        else:
            groups.append([k])
    return tuple(tuple(group) for group in groups)


def _proportional(demand: Floats) -> bool:
    """Return whether classes have the same share in the demand of every pair."""
    total = demand.sum(axis=0)
    whole = float(total.sum())
    share = demand.sum(axis=(1, 2)) / whole if whole > 0.0 else np.zeros(len(demand))
    rounding = ALIKE * float(total.max(initial=0.0))
    return bool(np.allclose(demand, share[:, None, None] * total, rtol=1e-9, atol=rounding))


def _split(
    s: Setting, f: DemandFunctions, groups: Groups, problem: Problem, solution: Solution
) -> tuple[Floats, Floats]:
    """Return the flow [classes, links] and trips [classes, centroids, centroids] of each class, vehicles per hour."""
    flow = np.zeros((len(CLASSES), len(problem.link_head)))
    od = np.zeros(f.demand.shape)
    for i, group in enumerate(groups):
        members = list(group)
        wanted = f.demand[members] * PCU[members]
        total = problem.demand[i]
        share = np.divide(wanted, total, out=np.zeros_like(wanted), where=total > 0.0)
        met = share * solution.od_flow[i]
        od[members] = met / PCU[members]
        if len(group) == 1:
            of_class = solution.link_flow[[i]]
        elif _proportional(wanted):
            of_class = (wanted.sum(axis=(1, 2)) / max(float(total.sum()), 1e-300))[:, None] * solution.link_flow[i]
        else:
            of_class = np.stack([_load(s, solution, i, trips) for trips in met])
        flow[members] = of_class / PCU[members, 0]
    return flow, od


def _load(s: Setting, solution: Solution, group: int, trips: Floats) -> Floats:
    """Return the flow [links] of some of a group's trips, spread over the ways into every node as all of them."""
    rows = rows_of(solution.bushes)
    own = np.zeros(solution.od_flow.shape)
    own[group] = trips
    none = np.zeros(len(s.network.link_head), np.int64)
    _, flow = registry.get(ROUTE_SHARE, s.variant)(
        s.network.link_tail, s.network.link_head, rows.group, rows.start, rows.link, rows.flow,
        np.ascontiguousarray(own[rows.group[:, 0], rows.group[:, 1]]), none, 0, len(own),
    )  # fmt: skip
    return np.asarray(flow[group])


def _same_problem(a: Problem, b: Problem) -> bool:
    return all(np.array_equal(np.asarray(x), np.asarray(y)) for x, y in zip(a, b, strict=True))


def _same_roads(network: Network, problem: Problem, groups: Groups) -> bool:
    """Return whether the roads and what they cost each class are those of a problem."""
    names = ("link_start", "link_head", "free_flow_time", "capacity", "alpha", "power")
    of_class = {k: problem.fixed_cost[i] for i, group in enumerate(groups) for k in group}
    return all(np.array_equal(getattr(network, name), getattr(problem, name)) for name in names) and all(
        np.array_equal(of_class[k], fixed) for k, fixed in enumerate(network.fixed_cost)
    )


def _warm(problem: Problem, groups: Groups, start: Period | None) -> Solution | None:
    """Return what `solve` may start from: the solution of `start` with the groups and the demand of the problem.

    None where links or nodes differ, and where closures empty links that demand reacts on: from there it settles late.
    """
    if start is None or start.solution.bushes is None:
        return None
    old, bushes = start.solution, start.solution.bushes
    was = start.problem
    if not (np.array_equal(problem.link_start, was.link_start) and np.array_equal(problem.link_head, was.link_head)):
        return None
    of = np.array([next(i for i, some in enumerate(start.groups) if group[0] in some) for group in groups])
    response = np.zeros_like(problem.demand) if problem.response is None else problem.response
    emptied = (np.isinf(problem.fixed_cost) & ~old.closed[of] & (old.link_flow[of] > 0.0)).any()
    if emptied and bool(response.any()):
        return None
    # Where a group has come apart, each part takes its share of the flow.
    whole = np.stack([problem.demand[of == i].sum(axis=0) for i in of])
    part = np.divide(problem.demand, whole, out=np.zeros_like(whole), where=whole > 0.0)
    od = old.od_flow[of] * part
    od = np.where(response > 0.0, np.minimum(od, problem.demand), od)
    scale = np.ones(len(of))
    if groups != start.groups:
        scale = np.array([problem.demand[g].sum() / max(float(whole[g].sum()), 1e-300) for g in range(len(of))])
        bushes = regroup(bushes, of, scale)
    # Where demand is fixed, what the bushes carry: trips that differ from it are settled anew.
    carried = old.od_flow[of] * scale[:, None, None]
    carried = np.where(np.isclose(carried, problem.demand, rtol=ALIKE, atol=0.0), problem.demand, carried)
    od = np.where(response == 0.0, carried, od)
    flow = old.link_flow[of] * scale[:, None]
    return old._replace(link_flow=flow, skim=old.skim[of], od_flow=od, closed=old.closed[of], bushes=bushes)


def relative_gap(periods: Mapping[str, Period]) -> float:
    """Return the largest gap of the periods."""
    return max(float(period.solution.relative_gap) for period in periods.values())
