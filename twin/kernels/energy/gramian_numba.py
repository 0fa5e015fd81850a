"""What the air can reach of a network: the dominant eigenvectors of the Gramian, without those of the network.

A network is written as S = C^-1/2 K C^-1/2 and b = C^-1/2 b_air; its Gramian X solves S X + X S = b b'. X is summed up
by alternating directions with shifts σ, X = Σ 2σ x x', x = (S + σ)^-1 w, w ← w - 2σ x, from w = b (J.-R. Li and
J. White, "Low rank solution of Lyapunov equations", SIAM J. Matrix Analysis and Applications 24(1), 260-280 (2002),
doi:10.1137/S0895479801384937), where the best shifts for a range of eigenvalues are known (E. L. Wachspress, "The ADI
Model Problem", Springer (2013), doi:10.1007/978-1-4614-5122-8, chapter 1). Walls are chains of nodes that meet at their
inner ends, so that each solution takes few operations: ends of chains are eliminated one after the other, what is left
densely.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy.symmetric_numba import eigen
from twin.kernels.jit import njit

Float = NDArray[np.float64]
Whole = NDArray[np.int64]
REMAINS = 1e-11
"""What the shifts leave of w at most."""
MOST_SHIFTS = 120
LEFT_OUT, ROUNDING = 1e-11, 4e-15
"""What the factor of the Gramian may lack: of what its last kept direction has, and of all."""


@njit(cache=True, error_model="numpy")
def tree_of(s: Float, order: Whole, up: Whole, core: Whole) -> tuple[int, int]:
    """Find what can be eliminated as ends of chains: `order`, each with its only neighbour left `up` (-1: none).

    s (n, n) symmetric. The rest goes to `core`. Returns the numbers of both.
    """
    n = len(s)
    degree, others = np.zeros(n, np.int64), np.zeros(n, np.int64)  # others: the exclusive or of the neighbours
    for i in range(n):
        for j in range(i):
            if s[i, j] != 0.0:
                degree[i] += 1
                degree[j] += 1
                others[i] ^= j
                others[j] ^= i
    count = 0
    for i in range(n):
        if degree[i] <= 1:
            order[count] = i
            count += 1
    at = 0
    while at < count:
        i = order[at]
        at += 1
        up[i] = -1
        if degree[i] == 1:
            j = others[i]
            up[i] = j
            others[j] ^= i
            degree[j] -= 1
            degree[i] = 0
            if degree[j] == 1:
                order[count] = j
                count += 1
    rest = 0
    for i in range(n):
        if degree[i] > 1:
            core[rest] = i
            rest += 1
    return count, rest


@njit(cache=True, error_model="numpy")
def solve(
    s: Float, link: Float, tree: tuple[Whole, Whole, Whole], shift: float, x: Float, work: tuple[Float, Float, Float]
) -> None:
    """Replace x by (s + shift)^-1 x. link (n,): of each node in the order with its neighbour."""
    order, up, core = tree
    pivot, share, dense = work
    for i in range(len(x)):
        pivot[i] = s[i, i] + shift
    for at in range(len(order)):
        i = order[at]
        j = up[i]
        if j >= 0:
            f = link[i] / pivot[i]
            pivot[j] -= f * link[i]
            x[j] -= f * x[i]
            share[i] = f
    c = len(core)
    for a in range(c):
        for b in range(a):
            dense[a, b] = s[core[a], core[b]]
    for a in range(c):
        i = core[a]
        one = 1.0 / pivot[i]
        for b in range(a + 1, c):
            j = core[b]
            f = dense[b, a] * one
            dense[a, b] = f
            x[j] -= f * x[i]
            for k in range(a + 1, b):
                dense[b, k] -= f * dense[k, a]
            pivot[j] -= f * dense[b, a]
    for a in range(c - 1, -1, -1):
        i = core[a]
        value = x[i] / pivot[i]
        for b in range(a + 1, c):
            value -= dense[a, b] * x[core[b]]
        x[i] = value
    for at in range(len(order) - 1, -1, -1):
        i = order[at]
        value = x[i] / pivot[i]
        if up[i] >= 0:
            value -= share[i] * x[up[i]]
        x[i] = value


@njit(cache=True, error_model="numpy")
def multiply(s: Float, link: Float, tree: tuple[Whole, Whole, Whole], x: Float, y: Float) -> None:
    """Set y to s times x."""
    order, up, core = tree
    for i in range(len(x)):
        y[i] = s[i, i] * x[i]
    for at in range(len(order)):
        i = order[at]
        if up[i] >= 0:
            y[i] += link[i] * x[up[i]]
            y[up[i]] += link[i] * x[i]
    for a in range(len(core)):
        for b in range(a):
            i, j = core[a], core[b]
            y[i] += s[i, j] * x[j]
            y[j] += s[i, j] * x[i]


@njit(cache=True, error_model="numpy")
def _shifts(least: float, most: float, shifts: Float) -> int:
    """Fill in the best shifts for eigenvalues from `least` to `most`, smallest last; return how many.

    Approximate elliptic functions of Wachspress, section 1.4 and 1.5, exact to rounding where most > 10 least.
    """
    ratio = min(least / most, 0.1)
    count = min(math.ceil(math.log(4.0 / ratio) * math.log(4.0 / REMAINS) / math.pi**2), len(shifts))
    nome = ratio * ratio / 16.0 * (1.0 + 0.5 * ratio * ratio)
    for j in range(count):
        r = (2.0 * j + 1.0) / (2.0 * count)
        value = nome ** (0.25 * (2.0 * r - 1.0)) * (1.0 + nome ** (1.0 - r) + nome ** (1.0 + r))
        shifts[j] = most * math.sqrt(ratio) * value / (1.0 + nome**r + nome ** (2.0 - r))
    return count


@njit(cache=True, error_model="numpy")
def _sum_up(
    s: Float,
    link: Float,
    tree: tuple[Whole, Whole, Whole],
    b: Float,
    bounds: tuple[float, float],
    work: tuple[Float, Float, Float],
    terms: Float,
) -> int:
    """Fill rows of `terms` whose products add up to the Gramian; return how many."""
    shifts, w = np.empty(len(terms)), b.copy()
    count = _shifts(bounds[0], bounds[1], shifts)
    for j in range(count):
        own, shift = terms[j], shifts[j]
        own[:] = w
        solve(s, link, tree, shift, own, work)
        scale = math.sqrt(2.0 * shift)
        for i in range(len(w)):
            w[i] -= 2.0 * shift * own[i]
            own[i] *= scale
    return count


@njit(cache=True, error_model="numpy")
def _factor(terms: Float, least: int, factor: Float) -> int:
    """Factorise the sum of products of `terms` (k, n) by Cholesky's method, largest pivot first, into rows.

    Returns how many rows there are: at least `least` where the sum has so many.
    """
    k, n = terms.shape
    left = np.zeros(n)
    for j in range(k):
        own = terms[j]
        for i in range(n):
            left[i] += own[i] * own[i]
    first, last = 0.0, 0.0
    for row in range(n):
        at, total = 0, 0.0
        for i in range(n):
            total += max(left[i], 0.0)
            if left[i] > left[at]:
                at = i
        pivot = left[at]
        first = total if row == 0 else first
        last = pivot if row == least - 1 else last
        enough = max(LEFT_OUT * last, ROUNDING * first) if row >= least else 1e-30 * first
        if total <= enough or pivot <= 0.0:
            return row
        own = factor[row]
        own[:] = 0.0
        for j in range(k):
            weight, term = terms[j, at], terms[j]
            for i in range(n):
                own[i] += weight * term[i]
        for j in range(row):
            weight, term = factor[j, at], factor[j]
            for i in range(n):
                own[i] -= weight * term[i]
        scale = 1.0 / math.sqrt(pivot)
        for i in range(n):
            own[i] *= scale
            left[i] -= own[i] * own[i]
        left[at] = 0.0
    return n


@njit(cache=True, error_model="numpy")
def _remove(base: Float, count: int, vector: Float) -> float:
    """Make a vector orthogonal to the first rows of `base` and return what is left of its length."""
    n = len(vector)
    for _ in range(2):  # once more for what rounding leaves
        for k in range(count):
            own, along = base[k], 0.0
            for i in range(n):
                along += own[i] * vector[i]
            for i in range(n):
                vector[i] -= along * own[i]
    square = 0.0
    for i in range(n):
        square += vector[i] * vector[i]
    return math.sqrt(square)


@njit(cache=True, error_model="numpy")
def dominant(
    s: Float,
    link: Float,
    tree: tuple[Whole, Whole, Whole],
    b: Float,
    bounds: tuple[float, float],
    work: tuple[Float, Float, Float],
    base: Float,
) -> None:
    """Fill the rows of `base` (r, n) with the dominant eigenvectors of the Gramian, the largest first.

    bounds: between which the eigenvalues of s lie; outside of them the sum converges slower.
    """
    r, n = base.shape
    terms, factor = np.empty((MOST_SHIFTS, n)), np.empty((n, n))
    count = _sum_up(s, link, tree, b, bounds, work, terms)
    p = _factor(terms[:count], r, factor)
    inner, size, column = np.zeros((p, p)), np.empty(p), np.empty(p)
    for i in range(n):
        for k in range(p):
            column[k] = factor[k, i]
        for k in range(p):
            weight, own = column[k], inner[k]
            for q in range(p):
                own[q] += weight * column[q]
    if p > 0:
        eigen(inner, size, column)
    spare, scale = n, 0.0
    for q in range(r):
        vector, length = base[q], 0.0
        if q < p:
            vector[:] = 0.0
            for k in range(p):
                weight, own = inner[p - 1 - q, k], factor[k]
                for i in range(n):
                    vector[i] += weight * own[i]
            length = _remove(base, q, vector)
            scale = max(scale, length)
        while length <= 1e-14 * scale or length == 0.0:  # what the air does not reach, anything may stand for
            spare -= 1
            vector[:] = 0.0
            vector[spare] = 1.0
            length = _remove(base, q, vector)
            if length < 0.1:
                length = 0.0
        for i in range(n):
            vector[i] /= length
