"""What a warm start takes over from an earlier solution: bushes, as they are or with more room."""

from __future__ import annotations

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.threads import over_threads_from
from twin.kernels.traffic.bush import LIGHT, Bushes, copy_part, make_bushes, nodes_each, origins_of

SPARE = 1.15  # rows get so much more room than the longest needs: a cold start, which made them, needs more


def grow(bushes: Bushes, arcs: int) -> Bushes:
    """Return the bushes with rows of `arcs` arcs."""
    new = make_bushes(bushes.group, bushes.node.shape[1], arcs, bushes.node.dtype)
    for wide, old in zip(new, bushes, strict=True):
        wide[:, : old.shape[1]] = old
    return new


def _width(bushes: Bushes) -> int:
    """Return how many arcs the rows of a copy need."""
    longest = bushes.first[np.arange(len(bushes.group)), bushes.size[:, 1]].max(initial=0)
    return min(bushes.tail.shape[1], int(SPARE * longest) + 1)


def adopt(old: Bushes, demand: np.ndarray, opened: np.ndarray, lost: np.ndarray) -> tuple[Bushes, np.ndarray]:
    """Return the bushes for `demand` [classes, zones, zones], those in `old` copied, and the rows that must start anew.

    These are of classes and origins that had none, that have trips to where none went before, and, where links have
    opened to the class (`opened` [classes]), those that did not reach all nodes or found no way for some trips (`lost`
    [classes, zones]).
    """
    group = origins_of(demand)
    row_of = np.full(demand.shape[:2], -1)
    row_of[old.group[:, 0], old.group[:, 1]] = np.arange(len(old.group))
    before = row_of[group[:, 0], group[:, 1]]
    reached = old.size[before, 1] if len(old.size) else before
    short = (reached < old.node.shape[1]) | lost[group[:, 0], group[:, 1]]
    before[opened[group[:, 0]] & short] = -1
    arcs = old.tail.shape[1] if (before < 0).any() else _width(old)
    new = make_bushes(group, old.node.shape[1], arcs, old.node.dtype)
    _copy(len(before), before, old, new.group, new.size, new.node, new.first, new.tail, new.link, new.flow, demand)
    return new, np.flatnonzero(before < 0)


@njit(cache=True)
def other_trips(group: np.ndarray, met: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return for which of `group` [bushes, 2] the trips to elsewhere `met` differ from those `before`."""
    other = np.zeros(len(group), np.bool_)
    for b in range(len(group)):
        now, was = met[group[b, 0], group[b, 1]], before[group[b, 0], group[b, 1]]
        differ = 0
        for z in range(len(now)):
            differ += now[z] != was[z]
        other[b] = differ > (now[ix(group[b, 1])] != was[ix(group[b, 1])])
    return other


def _copy_rows(rows: np.ndarray, old: Bushes, new: Bushes) -> None:
    """Copy the rows `rows` of `old` into those of `new` as they are, whatever trips there are."""
    nothing = np.zeros((0, 0, 0))  # demand without zones: `_copy` looks for none
    _copy(len(rows), rows, old, new.group, new.size, new.node, new.first, new.tail, new.link, new.flow, nothing)


def regroup(bushes: Bushes, of: np.ndarray, scale: np.ndarray) -> Bushes:
    """Return bushes of other classes: class k has the bushes of class ``of[k]``, with their flow times ``scale[k]``."""
    rows = [np.flatnonzero(bushes.group[:, 0] == k) for k in of]
    pick, number = np.concatenate(rows), np.repeat(np.arange(len(of)), [len(r) for r in rows])
    b = make_bushes(
        np.column_stack([number, bushes.group[pick, 1]]), bushes.node.shape[1], _width(bushes), bushes.node.dtype
    )
    _copy_rows(pick, bushes, b)
    _scale(b, scale)
    return b


@njit(cache=True)
def _scale(bushes: Bushes, scale: np.ndarray) -> None:
    for b in range(len(bushes.group)):
        for a in range(bushes.first[b, bushes.size[b, 1]]):
            bushes.flow[b, a] *= scale[bushes.group[b, 0]]


class Room:
    """Bushes to work in for one closure after the other: what the last one has changed is copied again, no more."""

    def __init__(self, base: Bushes) -> None:
        self._base = base
        self._bushes = make_bushes(base.group, base.node.shape[1], _width(base), base.node.dtype)
        self._changed = np.ones(len(base.group), np.bool_)

    def restored(self) -> Bushes:
        """Return the bushes as they were at first."""
        _copy_rows(np.where(self._changed, np.arange(len(self._changed)), -1), self._base, self._bushes)
        self._changed[:] = False
        return self._bushes

    def note(self, bushes: Bushes, changed: np.ndarray) -> None:
        """Keep `bushes`, in which `changed` [bushes] are not as they were at first."""
        self._bushes = bushes
        self._changed |= changed


@njit(cache=True)
def _wanted(nodes: np.ndarray, trips: np.ndarray, origin: int) -> bool:
    """Return whether `trips` [zones] go to some of the `nodes`."""
    zones, some = len(trips), 0
    for p in range(len(nodes)):
        v = ix(nodes[p])
        z = v if v < zones else ix(origin)  # no branch for each
        some += (trips[z] > 0.0) & (z != origin)
    return some > 0


@over_threads_from(LIGHT, nodes_each)
@njit(cache=True, nogil=True)
def _copy(
    begin: int, end: int, before: np.ndarray, old: Bushes, group: np.ndarray, size: np.ndarray, node: np.ndarray,
    first: np.ndarray, tail: np.ndarray, link: np.ndarray, flow: np.ndarray, demand: np.ndarray,
) -> None:  # fmt: skip
    """Copy the rows `before`; set those to -1 that led to no zone where trips want to go now."""
    for b in range(begin, end):
        row = before[b]
        if row < 0:
            continue
        live, reached = old.size[row, 0], old.size[row, 1]
        if demand.shape[2] > 0 and _wanted(old.node[row, live:reached], demand[group[b, 0], group[b, 1]], group[b, 1]):
            before[b] = -1
            continue
        arcs = old.first[row, reached]
        for i in range(3):
            size[b, i] = old.size[row, i]
        copy_part(reached, old.node[row], node[b])
        copy_part(reached + 1, old.first[row], first[b])
        copy_part(arcs, old.tail[row], tail[b])
        copy_part(arcs, old.link[row], link[b])
        copy_part(arcs, old.flow[row], flow[b])
