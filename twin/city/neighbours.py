"""What the nearest features with a known value say: medians and most common values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

NEAREST = 9
FEWEST = 3
RADIUS_M = 500.0
"""How many neighbours are asked, how many must answer, and from how far. Assumption."""


def nearest_known(
    points: NDArray[np.float64], known: NDArray[np.bool_], asked: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the nearest known features of each asked one.

    Parameters
    ----------
    points : float64 (n, 2)
        In a fixed order (by id), so that ties are broken the same way each time.
    known, asked : bool (n,)

    Returns
    -------
    asker : int64 (m,)
        Asked rows that have at least `FEWEST` known neighbours within `RADIUS_M`.
    neighbours : int64 (m, NEAREST)
        Rows of their neighbours, -1 where there are fewer.
    """
    source, target = np.flatnonzero(known), np.flatnonzero(asked)
    if len(source) < FEWEST or len(target) == 0:
        return np.empty(0, np.int64), np.empty((0, NEAREST), np.int64)
    _, found = cKDTree(points[source]).query(points[target], k=NEAREST, distance_upper_bound=RADIUS_M)
    present = found < len(source)
    rows = np.where(present, source[np.minimum(found, len(source) - 1)], -1)
    enough = present.sum(axis=1) >= FEWEST
    return target[enough], rows[enough]


def median_of(values: NDArray[np.float64], neighbours: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the median value of each row of neighbours."""
    picked = np.where(neighbours >= 0, values[neighbours], np.nan)
    return np.asarray(np.nanmedian(picked, axis=1))


def most_common_of(
    values: NDArray[np.object_], neighbours: NDArray[np.int64], order: Sequence[str]
) -> NDArray[np.object_]:
    """Return the most common value of each row of neighbours; among equals, the first in `order`."""
    codes = np.array([order.index(v) if v in order else -1 for v in values], np.int64)
    picked = np.where(neighbours >= 0, codes[neighbours], -1)
    votes = np.stack([(picked == k).sum(axis=1) for k in range(len(order))], axis=1)
    return np.array(order, object)[votes.argmax(axis=1)]
