"""The counter-based random numbers of `twin.random` for use inside compiled kernels: the same bits."""

from __future__ import annotations

import numpy as np

from twin.kernels.jit import njit

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_S32, _S21, _S11 = np.uint64(32), np.uint64(21), np.uint64(11)


@njit(cache=True)
def pair(key: np.uint64, k0: np.uint64, k1: np.uint64, draw: np.uint64, step: np.uint64) -> tuple[float, float]:
    """Return the two numbers in (0, 1) that `twin.random.uniform_at` gives for a key at a step.

    Philox 4x32-10, Salmon, Moraes, Dror and Shaw 2011, doi 10.1145/2063384.2063405.
    """
    x0, x1, x2, x3 = key & _LOW, key >> _S32, draw, step
    for _ in range(10):
        p0, p1 = _M0 * x0, _M1 * x2
        x0, x1, x2, x3 = (p1 >> _S32) ^ x1 ^ k0, p1 & _LOW, (p0 >> _S32) ^ x3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    a, b = (x0 << _S21) ^ (x1 >> _S11), (x2 << _S21) ^ (x3 >> _S11)
    return (np.float64(a) + 0.5) * 2.0**-53, (np.float64(b) + 0.5) * 2.0**-53
