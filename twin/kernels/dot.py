"""Sums of products of two arrays."""

from __future__ import annotations

import numpy as np
from numba import njit

SUMS = 8  # sums side by side


@njit(cache=True)
def dot(a: np.ndarray, b: np.ndarray) -> float:
    """Return the sum of all products, by `SUMS` partial sums: one alone would wait for every addition."""
    sums, whole = np.zeros(SUMS), len(a) - len(a) % SUMS
    for first in range(0, whole, SUMS):
        for i in range(SUMS):
            sums[i] += a[first + i] * b[first + i]
    total = 0.0
    for i in range(whole, len(a)):
        total += a[i] * b[i]
    for i in range(SUMS):
        total += sums[i]
    return total
