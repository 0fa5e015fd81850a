"""What a warm start takes over from an earlier solution: bushes, as they are or with more room."""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.kernels.threads import over_threads
from twin.kernels.traffic.bush import Bushes, copy_part

CHUNKS = 16  # bushes are copied in this many parallel parts


def grow(bushes: Bushes, arcs: int) -> Bushes:
    """Return the bushes with rows of `arcs` arcs."""
    wide = [np.zeros((len(a), arcs), a.dtype) for a in bushes[4:]]
    for new, old in zip(wide, bushes[4:], strict=True):
        new[:, : old.shape[1]] = old
    return Bushes(*bushes[:4], *wide)


def _empty(group: np.ndarray, nodes: int, arcs: int) -> Bushes:
    n = len(group)
    new = Bushes(
        group.astype(np.int64),
        np.zeros((n, 3), np.int64),
        np.empty((n, nodes), np.int32),
        np.empty((n, nodes + 1), np.int32),
        np.empty((n, arcs), np.int32),
        np.empty((n, arcs), np.int32),
        np.empty((n, arcs)),
    )
    new.first[:, 0] = 0
    return new


def adopt(old: Bushes, demand: np.ndarray, opened: np.ndarray, lost: np.ndarray) -> tuple[Bushes, np.ndarray]:
    """Return the bushes for `demand` [classes, zones, zones], those in `old` copied, and the rows that must start anew.

    These are of classes and origins that had none, that have trips to where none went before, and, where links have
    opened to the class (`opened` [classes]), those that did not reach all nodes or found no way for some trips (`lost`
    [classes, zones]).
    """
    wanted = demand > 0.0
    wanted[:, np.arange(demand.shape[1]), np.arange(demand.shape[1])] = False
    group = np.argwhere(wanted.any(axis=2))
    row_of = np.full(demand.shape[:2], -1)
    row_of[old.group[:, 0], old.group[:, 1]] = np.arange(len(old.group))
    before = row_of[group[:, 0], group[:, 1]]
    reached = old.size[before, 1] if len(old.size) else before
    short = (reached < old.node.shape[1]) | lost[group[:, 0], group[:, 1]]
    before[opened[group[:, 0]] & short] = -1
    new = _empty(group, old.node.shape[1], old.tail.shape[1])
    _copy(CHUNKS, before, old, new.group, new.size, new.node, new.first, new.tail, new.link, new.flow, wanted)
    return new, np.flatnonzero(before < 0)


class Room:
    """Bushes to work in for one closure after the other: what the last one has changed is copied again, no more."""

    def __init__(self, base: Bushes) -> None:
        self._base = base
        self._bushes = _empty(base.group, base.node.shape[1], base.tail.shape[1])
        self._changed = np.ones(len(base.group), np.bool_)

    def restored(self) -> Bushes:
        """Return the bushes as they were at first."""
        b, base = self._bushes, self._base
        rows = np.where(self._changed, np.arange(len(self._changed)), -1)
        zones = int(base.group[:, 1].max(initial=-1)) + 1
        nothing = np.zeros((int(base.group[:, 0].max(initial=-1)) + 1, zones, 0), np.bool_)
        _copy(CHUNKS, rows, base, b.group, b.size, b.node, b.first, b.tail, b.link, b.flow, nothing)
        self._changed[:] = False
        return b

    def note(self, bushes: Bushes, changed: np.ndarray) -> None:
        """Keep `bushes`, in which `changed` [bushes] are not as they were at first."""
        self._bushes = bushes
        self._changed |= changed


@over_threads
@njit(cache=True, nogil=True)
def _copy(
    begin: int, end: int, before: np.ndarray, old: Bushes, group: np.ndarray, size: np.ndarray, node: np.ndarray,
    first: np.ndarray, tail: np.ndarray, link: np.ndarray, flow: np.ndarray, wanted: np.ndarray,
) -> None:  # fmt: skip
    """Copy the rows `before`; set those to -1 that led to no zone where trips want to go now."""
    for part in range(begin, end):
        for b in range(part, len(before), CHUNKS):
            row = before[b]
            if row < 0:
                continue
            live, reached = old.size[row, 0], old.size[row, 1]
            here, k, origin = True, group[b, 0], group[b, 1]
            for p in range(live, reached):
                v = old.node[row, p]
                if v < wanted.shape[2] and wanted[k, origin, v]:
                    here = False
            if not here:
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
