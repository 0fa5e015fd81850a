"""Sums of products of two arrays."""

from __future__ import annotations

import numpy as np

from twin.kernels.jit import njit

SUMS = 64  # sums side by side, a power of two: with fewer, each addition would wait for the one before


@njit(cache=True)
def dot(a: np.ndarray, b: np.ndarray) -> float:
    """Return the sum of all products, by `SUMS` partial sums that are then added two by two."""
    sums, whole, half = np.zeros(SUMS), len(a) - len(a) % SUMS, SUMS // 2
    for first in range(0, whole, SUMS):
        for i in range(SUMS):
            sums[i] += a[first + i] * b[first + i]
    for i in range(whole, len(a)):
        sums[i - whole] += a[i] * b[i]
    while half > 0:
        for i in range(half):
            sums[i] += sums[half + i]
        half //= 2
    return sums[0]
