"""Select-link, select-zone and difference analysis of an equilibrium.

All figures are exact within the flows by class and origin: trips to a zone spread over routes by the shares of the
ways into every node (see `twin.kernels.traffic.route_share`). Link numbers are those of the problem's arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import UsageError
from twin.kernels import registry
from twin.kernels.traffic.equilibrium import Problem, Solution
from twin.kernels.traffic.route_share import NAME
from twin.kernels.traffic.route_share_rows import Rows, rows_of
from twin.traffic.proportionality import proportional_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_CONDITIONS = 8
USES = 1e-9
"""Part of a pair's trips above which the pair counts as a user of a link."""


class RouteFlows(NamedTuple):
    """Flows of an equilibrium by class and origin, ready to be asked; `trips` is [classes, zones, zones]."""

    link_tail: Ints
    link_head: Ints
    rows: Rows
    trips: Floats


class Selection(NamedTuple):
    """Trips selected.

    ``share`` and ``trips`` [classes, zones, zones] are the part and the number (veh/h, or the unit of the demand) of
    the trips of each pair; ``bundle`` [classes, links] is the flow of these trips on every link.
    """

    share: Floats
    trips: Floats
    bundle: Floats


class Displaced(NamedTuple):
    """Where the trips of the pairs that used some links go after a change; all [classes, links] but `pairs`.

    ``pairs`` [classes, zones, zones] marks the users. ``by_users`` is the change of link flow due to all trips of
    these pairs, ``by_others`` that due to the other pairs; both together are the whole change. ``users_before`` is
    the flow of those trips that did use the links.
    """

    pairs: NDArray[np.bool_]
    by_users: Floats
    by_others: Floats
    users_before: Floats


def route_flows(problem: Problem, solution: Solution, *, proportional: bool = True) -> RouteFlows:
    """Return the flows by class and origin of an equilibrium.

    Without `proportional` they are those that the solver happened to reach: link flows are the same, but what a
    selection gives then depends on the way to the solution.
    """
    tail = np.repeat(np.arange(len(problem.link_start) - 1), np.diff(problem.link_start)).astype(np.int64)
    rows = proportional_rows(problem, solution).rows if proportional else rows_of(solution.bushes)
    return RouteFlows(tail, problem.link_head.astype(np.int64), rows, solution.od_flow)


def select_links(flows: RouteFlows, links: Sequence[int], *, how: str = "any", variant: str = "numba") -> Selection:
    """Select the trips that use any or all of some links.

    Raises
    ------
    UsageError
        No links, links that do not exist, more than `MAX_CONDITIONS` with ``how="all"``, or another word for `how`.
    """
    if how not in ("any", "all"):
        raise UsageError(f"how = {how!r} is unknown", expected="any or all")
    return select(flows, [links] if how == "any" else [[link] for link in links], variant=variant)


def select(flows: RouteFlows, conditions: Sequence[Sequence[int]], *, variant: str = "numba") -> Selection:
    """Select the trips that use, of every one of `conditions`, at least one link.

    Raises
    ------
    UsageError
        No condition, more than `MAX_CONDITIONS`, an empty one, or links that do not exist.
    """
    if not 0 < len(conditions) <= MAX_CONDITIONS:
        raise UsageError(f"{len(conditions)} conditions", expected=f"1 to {MAX_CONDITIONS}")
    bits = np.zeros(len(flows.link_head), np.int64)
    for i, links in enumerate(conditions):
        chosen = np.asarray(links, np.int64)
        if len(chosen) == 0:
            raise UsageError("no link is selected", expected="at least one link")
        wrong = chosen[(chosen < 0) | (chosen >= len(bits))]
        if len(wrong):
            raise UsageError(f"there is no link {wrong[0]}", expected=f"0 to {len(bits) - 1}")
        bits[chosen] |= 1 << i
    return _ask(flows, flows.trips, bits, len(conditions), variant)


def select_zones(
    flows: RouteFlows,
    *,
    origins: Sequence[int] | None = None,
    destinations: Sequence[int] | None = None,
    variant: str = "numba",
) -> Selection:
    """Select the trips that start in `origins` and end in `destinations`; None is all zones.

    Raises
    ------
    UsageError
        Zones that do not exist.
    """
    zones = flows.trips.shape[1]
    mask = np.ones((zones, zones), bool)
    for axis, chosen in enumerate((origins, destinations)):
        if chosen is not None:
            wrong = [z for z in chosen if not 0 <= z < zones]
            if wrong:
                raise UsageError(f"there is no zone {wrong[0]}", expected=f"0 to {zones - 1}")
            one = np.isin(np.arange(zones), np.asarray(chosen, np.int64))
            mask &= one[:, None] if axis == 0 else one[None, :]
    found = _ask(flows, flows.trips * mask, np.zeros(len(flows.link_head), np.int64), 0, variant)
    return found._replace(share=found.share * mask)


def displaced(base: RouteFlows, scenario: RouteFlows, links: Sequence[int], *, variant: str = "numba") -> Displaced:
    """Split the change of link flows by whether the pair of zones used any of `links` in the base.

    Trips of one pair are alike, so which of them moved cannot be told; the split is by pair and exact.

    Raises
    ------
    UsageError
        Networks of different sizes, and as `select`.
    """
    if base.trips.shape != scenario.trips.shape or len(base.link_head) != len(scenario.link_head):
        raise UsageError("base and scenario differ in classes, zones or links", expected="the same network")
    chosen = select_links(base, links, variant=variant)
    pairs = chosen.share > USES
    none = np.zeros(len(base.link_head), np.int64)
    change = [
        _ask(scenario, scenario.trips * mask, none, 0, variant).bundle
        - _ask(base, base.trips * mask, none, 0, variant).bundle
        for mask in (pairs, ~pairs)
    ]
    return Displaced(pairs, change[0], change[1], chosen.bundle)


def _ask(flows: RouteFlows, trips: Floats, bits: Ints, conditions: int, variant: str) -> Selection:
    group, rows = flows.rows.group, flows.rows
    part, bundle = registry.get(NAME, variant)(
        flows.link_tail, flows.link_head, group, rows.start, rows.link, rows.flow,
        np.ascontiguousarray(trips[group[:, 0], group[:, 1]]), bits, conditions, len(trips),
    )  # fmt: skip
    share = np.zeros_like(trips)
    share[group[:, 0], group[:, 1]] = part
    return Selection(share, share * trips, bundle)
