"""Least costs between all zones of a network, again and again while an equilibrium is sought."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from twin.kernels.traffic.dissection import LOW
from twin.kernels.traffic.hierarchy import Hierarchy, build_hierarchy, customize, first_passed
from twin.kernels.traffic.skim import plan_points, skims_of
from twin.kernels.traffic.skim_labels import Plan

KEPT = 2  # hierarchies kept


class Ways(NamedTuple):
    """What least costs between the zones of a network need besides the costs of its links."""

    hierarchy: Hierarchy
    zones: np.ndarray
    plans: tuple[Plan, Plan]


def ways_by(hierarchy: Hierarchy, zones: int) -> Ways:
    """Return the `Ways` between the first `zones` nodes."""
    points = np.arange(zones)
    return Ways(hierarchy, points, plan_points(hierarchy, points, points))


@lru_cache(maxsize=KEPT)
def ways_of(start: bytes, head: bytes, first_thru: int, zones: int) -> Ways:
    """Return the `Ways` of a network given by the bytes of a `Net`: scenarios of one city share them."""
    graph = np.frombuffer(start, np.int32).astype(np.int64), np.frombuffer(head, np.int32).astype(np.int64)
    return ways_by(build_hierarchy(*graph, first_passed(*graph, first_thru, zones), leaf=LOW), zones)


def fill_zone_skims(ways: Ways, cost: np.ndarray, skim: np.ndarray) -> None:
    """Fill `skim` [classes, zones, zones] with the least costs between zones for link costs [classes, links]."""
    skims_of(ways.hierarchy, customize(ways.hierarchy, cost), ways.zones, ways.zones, ways.plans, skim)
