"""Eigenvectors of small symmetric matrices, one matrix at a time, for kernels.

Householder's tridiagonal form and the implicit QL method (J. H. Wilkinson and C. Reinsch, "Handbook for Automatic
Computation II: Linear Algebra", Springer (1971), contributions II/2 and II/4: tred2, imtql2), the inner loops along
rows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.kernels.jit import njit

Float = NDArray[np.float64]
EPS = 2.0**-52
ROUNDS = 60
"""Iterations for one eigenvalue at most; two are usual."""


@njit(cache=True, error_model="numpy")
def _tridiagonal(v: Float, d: Float, e: Float) -> None:
    """Turn a symmetric matrix into diagonal d and subdiagonal e[1:]; v becomes the turn, one vector in each row."""
    n = len(d)
    d[:] = v[:, n - 1]
    for i in range(n - 1, 0, -1):
        scale, h = 0.0, 0.0
        for k in range(i):
            scale += abs(d[k])
        if scale == 0.0:
            e[i] = d[i - 1]
            for j in range(i):
                d[j] = v[j, i - 1]
                v[j, i] = 0.0
                v[i, j] = 0.0
        else:
            for k in range(i):
                d[k] /= scale
                h += d[k] * d[k]
            f = d[i - 1]
            g = -math.sqrt(h) if f > 0.0 else math.sqrt(h)
            e[i] = scale * g
            h -= f * g
            d[i - 1] = f - g
            e[:i] = 0.0
            for j in range(i):
                row, f = v[j], d[j]
                v[i, j] = f
                g = e[j] + row[j] * f
                for k in range(j + 1, i):
                    g += row[k] * d[k]
                for k in range(j + 1, i):
                    e[k] += row[k] * f
                e[j] = g
            f = 0.0
            for j in range(i):
                e[j] /= h
                f += e[j] * d[j]
            half = f / (h + h)
            for j in range(i):
                e[j] -= half * d[j]
            for j in range(i):
                row, f, g = v[j], d[j], e[j]
                for k in range(j, i):
                    row[k] -= f * e[k] + g * d[k]
                d[j] = row[i - 1]
                row[i] = 0.0
        d[i] = h
    for i in range(n - 1):
        v[i, n - 1] = v[i, i]
        v[i, i] = 1.0
        h, own = d[i + 1], v[i + 1]
        if h != 0.0:
            for k in range(i + 1):
                d[k] = own[k] / h
            for j in range(i + 1):
                row, g = v[j], 0.0
                for k in range(i + 1):
                    g += own[k] * row[k]
                for k in range(i + 1):
                    row[k] -= g * d[k]
        own[: i + 1] = 0.0
    for j in range(n):
        d[j] = v[j, n - 1]
        v[j, n - 1] = 0.0
    v[n - 1, n - 1] = 1.0
    e[0] = 0.0


@njit(cache=True, error_model="numpy")
def _turn_pair(low: Float, high: Float, c: float, s: float) -> None:
    for k in range(len(low)):
        h = high[k]
        high[k] = s * low[k] + c * h
        low[k] = c * low[k] - s * h


@njit(cache=True, error_model="numpy")
def eigen(v: Float, d: Float, e: Float) -> None:
    """Turn a symmetric matrix into its eigenvalues d, ascending, and its eigenvectors, the rows of v."""
    n = len(d)
    _tridiagonal(v, d, e)
    for i in range(1, n):
        e[i - 1] = e[i]
    e[n - 1] = 0.0
    for low in range(n):
        for _ in range(ROUNDS):
            m = low
            while m < n - 1 and abs(e[m]) > EPS * (abs(d[m]) + abs(d[m + 1])):
                m += 1
            if m == low:
                break
            g = (d[low + 1] - d[low]) / (2.0 * e[low])
            r = math.sqrt(g * g + 1.0)
            g = d[m] - d[low] + e[low] / (g + (r if g >= 0.0 else -r))
            s, c, p = 1.0, 1.0, 0.0
            i = m - 1
            while i >= low:
                f, b = s * e[i], c * e[i]
                r = math.sqrt(f * f + g * g)
                e[i + 1] = r
                if r == 0.0:
                    d[i + 1] -= p
                    e[m] = 0.0
                    break
                s, c = f / r, g / r
                g = d[i + 1] - p
                r = (d[i] - g) * s + 2.0 * c * b
                p = s * r
                d[i + 1] = g + p
                g = c * r - b
                _turn_pair(v[i], v[i + 1], c, s)
                i -= 1
            if i >= low:
                continue
            d[low] -= p
            e[low] = g
            e[m] = 0.0
    for i in range(n - 1):
        least = i
        for j in range(i + 1, n):
            if d[j] < d[least]:
                least = j
        if least != i:
            d[i], d[least] = d[least], d[i]
            for k in range(n):
                v[i, k], v[least, k] = v[least, k], v[i, k]
