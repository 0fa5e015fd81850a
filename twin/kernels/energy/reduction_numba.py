"""The fast variant of ``energy.zone_reduction``: each building from its network to its modes without leaving the cache.

Eigenvectors by Householder's tridiagonal form and the implicit QL method (J. H. Wilkinson and C. Reinsch, "Handbook for
Automatic Computation II: Linear Algebra", Springer (1971), contributions II/2 and II/4: tred2, imtql2), the inner loops
along rows. Only what the kept modes need is turned: the base of all modes is applied to six columns, and these to the
drives.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from twin.kernels.energy.reduction import Modes
from twin.kernels.registry import variant

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
def _eigen(v: Float, d: Float, e: Float) -> None:
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


@njit(cache=True, error_model="numpy")
def _reduce(
    capacity: Float,
    conductance: Float,
    air_w_k: Float,
    drive_w: Float,
    gain_w: Float,
    out: tuple[Float, Float, Float, Float, Float],
    direct: Float,
) -> tuple[float, float]:
    """Reduce one network; fills `out` (rate, air in, storage, drive in, gain in) and adds what it lacks to `direct`.

    Returns what it lacks of the gains and of the air.
    """
    s, m, r = len(capacity), len(direct), len(out[0])
    root = np.sqrt(capacity)
    v, d, e = np.empty((s, s)), np.empty(s), np.empty(s)
    for i in range(s):
        for j in range(s):
            v[i, j] = -0.5 * (conductance[i, j] + conductance[j, i]) / (root[i] * root[j])
    _eigen(v, d, e)
    air = np.empty(s)
    for k in range(s):
        total = 0.0
        for i in range(s):
            total += v[k, i] * (air_w_k[i] / root[i])
        air[k] = total
    # The kept modes as rows of `base` in terms of all modes.
    base, rate = np.zeros((r, s)), out[0]
    if r < s:
        gramian, size = np.empty((s, s)), np.empty(s)
        for i in range(s):
            for j in range(s):
                gramian[i, j] = air[i] * air[j] / -(d[i] + d[j])
        _eigen(gramian, size, e)
        inner = np.zeros((r, r))
        for i in range(r):
            for j in range(r):
                for k in range(s):
                    inner[i, j] += gramian[s - r + i, k] * d[k] * gramian[s - r + j, k]
        _eigen(inner, rate, e[:r])
        for i in range(r):
            for j in range(r):
                for k in range(s):
                    base[i, k] += inner[i, j] * gramian[s - r + j, k]
    else:
        rate[:] = d
        for k in range(s):
            base[k, k] = 1.0
    # Weights of all modes and of the kept ones in the steady heat to the air, in terms of the nodes.
    lack, nodes = np.zeros(s), np.empty(s)
    for k in range(s):
        weight = air[k] / -d[k]
        for i in range(s):
            lack[i] += weight * v[k, i]
    for q in range(r):
        reach = 0.0
        for k in range(s):
            reach += base[q, k] * air[k]
        sign = -1.0 if reach < 0.0 else 1.0
        nodes[:] = 0.0
        for k in range(s):
            for i in range(s):
                nodes[i] += sign * base[q, k] * v[k, i]
        out[1][q] = sign * reach
        store, gain = 0.0, 0.0
        for i in range(s):
            store += nodes[i] * root[i]
            gain += nodes[i] * (gain_w[i] / root[i])
        out[2][q], out[4][q] = store, gain
        row = out[3][q]
        row[:] = 0.0
        weight = sign * reach / -rate[q]
        for i in range(s):
            share = nodes[i] / root[i]
            lack[i] -= weight * nodes[i]
            for c in range(m):
                row[c] += share * drive_w[i, c]
    if r == s:
        return 0.0, 0.0
    gains, pull = 0.0, 0.0
    for i in range(s):
        share = lack[i] / root[i]
        gains += share * gain_w[i]
        pull += share * air_w_k[i]
        for c in range(m):
            direct[c] += share * drive_w[i, c]
    return gains, pull


@njit(cache=True)
def _one(at: int, network: tuple[Float, ...], out: tuple[Float, ...], zones: Float, direct: Float) -> None:
    capacity, conductance, air, drives, gains = network
    own = (out[0][at], out[1][at], out[2][at], out[3][at], out[4][at])
    lacks = _reduce(capacity[at], conductance[at], air[at], drives[at], gains[at], own, direct[at])
    zones[at, 4] += lacks[0]
    zones[at, 5] -= lacks[1]


@njit(cache=True, parallel=True)
def _all(network: tuple[Float, ...], out: tuple[Float, ...], zones: Float, direct: Float) -> None:
    for at in prange(len(zones)):
        _one(at, network, out, zones, direct)


@variant("energy.zone_reduction", "numba")
def fast(
    zones: Float,
    direct: Float,
    solar_in: Float,
    capacity_j_k: Float,
    conductance_w_k: Float,
    air_in_w_k: Float,
    drive_in: Float,
    gain_in: Float,
    modes: int,
) -> Modes:
    """Reduce buildings in parallel; see `twin.kernels.energy.reduction.reduce_networks`."""
    (n, s), m = capacity_j_k.shape, direct.shape[1]
    r = min(s, modes)
    out = np.empty((n, r)), np.empty((n, r)), np.empty((n, r)), np.empty((n, r, m)), np.empty((n, r))
    zones, direct = zones.copy(), direct.copy()
    network = capacity_j_k, conductance_w_k, air_in_w_k, drive_in, gain_in
    _all(tuple(np.ascontiguousarray(a) for a in network), out, zones, direct)
    return Modes(zones, direct, solar_in, *out)
