"""The fast variant of ``energy.zone_reduction``: each building from its network to its modes without leaving the cache.

Where fewer modes are kept than there are nodes, `twin.kernels.energy.gramian_numba` finds the space that they span, and
only the network within it is brought to its eigenvectors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy.gramian_numba import dominant, multiply, solve, tree_of
from twin.kernels.energy.reduction import Modes
from twin.kernels.energy.symmetric_numba import eigen
from twin.kernels.jit import njit
from twin.kernels.registry import variant
from twin.kernels.threads import over_threads

Float = NDArray[np.float64]


@njit(cache=True, error_model="numpy")
def _few_modes(s: Float, root: Float, air: Float, rate: Float, nodes: Float, lack: Float) -> None:
    """Fill in the rates and, as rows of `nodes` (r, n), the kept modes of the network s (n, n) in √J√K.

    lack (n,) becomes what air warmer by a kelvin makes of the nodes at steady state.
    """
    r, n = nodes.shape
    order, up, core = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    count, rest = tree_of(s, order, up, core)
    tree = order[:count], up, core[:rest]
    link, work = np.zeros(n), (np.empty(n), np.empty(n), np.empty((rest, rest)))
    for at in range(count):
        i = order[at]
        if up[i] >= 0:
            link[i] = s[i, up[i]]
    lack[:] = air
    solve(s, link, tree, 0.0, lack, work)
    # The slowest mode is no slower than the longest time in which a node follows, the fastest no faster than the most
    # that a row sums up to.
    times, slowest, fastest = root.copy(), 0.0, 0.0
    solve(s, link, tree, 0.0, times, work)
    for i in range(n):
        slowest = max(slowest, abs(times[i]) / root[i])
        row = 0.0
        for j in range(n):
            row += abs(s[i, j])
        fastest = max(fastest, row)
    found = np.empty((r, n))
    dominant(s, link, tree, air, (1.0 / slowest, fastest), work, found)
    inner, moved = np.empty((r, r)), np.empty(n)
    for q in range(r):
        multiply(s, link, tree, found[q], moved)
        for k in range(q + 1):
            total, own = 0.0, found[k]
            for i in range(n):
                total -= own[i] * moved[i]
            inner[q, k] = total
            inner[k, q] = total
    eigen(inner, rate, np.empty(r))
    for q in range(r):
        mode = nodes[q]
        mode[:] = 0.0
        for k in range(r):
            weight, own = inner[q, k], found[k]
            for i in range(n):
                mode[i] += weight * own[i]


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
    n, m, r = len(capacity), len(direct), len(out[0])
    root, one, air, lack = np.sqrt(capacity), np.empty(n), np.empty(n), np.zeros(n)
    s, nodes = np.empty((n, n)), np.empty((r, n))
    for i in range(n):
        one[i] = 1.0 / root[i]
        air[i] = air_w_k[i] * one[i]
    for i in range(n):
        for j in range(i):
            s[i, j] = 0.5 * (conductance[i, j] + conductance[j, i]) * (one[i] * one[j])
            s[j, i] = s[i, j]
        s[i, i] = conductance[i, i] * (one[i] * one[i])
    rate = out[0]
    if r < n:
        _few_modes(s, root, air, rate, nodes, lack)
    else:
        for i in range(n):
            for j in range(n):
                nodes[i, j] = -s[i, j]
        eigen(nodes, rate, lack)
    for q in range(r):
        mode, row = nodes[q], out[3][q]
        reach, store, gain = 0.0, 0.0, 0.0
        for i in range(n):
            reach += mode[i] * air[i]
            store += mode[i] * root[i]
            gain += mode[i] * (gain_w[i] * one[i])
        sign = -1.0 if reach < 0.0 else 1.0
        weight = reach / -rate[q]
        out[1][q], out[2][q], out[4][q] = sign * reach, sign * store, sign * gain
        row[:] = 0.0
        for i in range(n):
            share, of_node = sign * mode[i] * one[i], drive_w[i]
            lack[i] -= weight * mode[i]
            for c in range(m):
                row[c] += share * of_node[c]
    if r == n:
        return 0.0, 0.0
    gains, pull = 0.0, 0.0
    for i in range(n):
        share, of_node = lack[i] * one[i], drive_w[i]
        gains += share * gain_w[i]
        pull += share * air_w_k[i]
        for c in range(m):
            direct[c] += share * of_node[c]
    return gains, pull


@over_threads
@njit(cache=True, nogil=True)
def _all(begin: int, end: int, network: tuple[Float, ...], out: tuple[Float, ...], zones: Float, direct: Float) -> None:
    capacity, conductance, air, drives, gains = network
    for at in range(begin, end):
        own = (out[0][at], out[1][at], out[2][at], out[3][at], out[4][at])
        lacks = _reduce(capacity[at], conductance[at], air[at], drives[at], gains[at], own, direct[at])
        zones[at, 4] += lacks[0]
        zones[at, 5] -= lacks[1]


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
    _all(n, tuple(np.ascontiguousarray(a) for a in network), out, zones, direct)
    return Modes(zones, direct, solar_in, *out)
