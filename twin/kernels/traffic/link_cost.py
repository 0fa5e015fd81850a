"""Travel time of a link as a function of its flow, with first and second derivatives and the integral.

With the free-flow time ``t0`` and the ratio ``r`` of flow to capacity:

- `BPR`: ``t0 * (1 + alpha * r**power)`` (Bureau of Public Roads 1964, Traffic Assignment Manual)
- `CONICAL`: ``t0 * (1 + alpha * (f(r) - 1))`` with ``f = 2 + sqrt(a**2 * (1 - r)**2 + b**2) - a * (1 - r) - b``,
  ``a = power > 1`` and ``b = (2a - 1) / (2a - 2)`` (Spiess 1990, doi 10.1287/trsc.24.2.153; alpha is 1 there)
- `DAVIDSON`: ``t0 * (1 + alpha * r / (1 - r))`` (Davidson 1966), beyond ``r = power < 1`` its parabola there: finite
  as with the tangent of Tisato 1991, and smooth enough for marginal costs
- `CURVE` + i: ``t0 * g(r)`` with row i of `curves`: pieces of cubics, each (start, g, g', g'' / 2, g''' / 6) at its
  start; before the first start the first value, beyond the last piece's start that piece goes on.
"""

from __future__ import annotations

import math

import numpy as np

from twin.kernels.jit import njit

BPR, CONICAL, DAVIDSON, CURVE = 0, 1, 2, 3
NO_CURVES = np.zeros((0, 1, 5))


@njit(cache=True, inline="always")
def bpr_time(ratio: float, time0: float, rise: float, per_capacity: float, power: float) -> tuple[float, float]:
    """Return BPR time ``time0 + rise * ratio**power`` and its derivative by flow.

    Numbers in, numbers out, for loops over links: a call that takes `Links` for every link would cost several times as
    much. Most links have the power 4, which needs no `pow`.
    """
    if power == 4.0:
        cube = rise * ratio * ratio * ratio
        return time0 + cube * ratio, 4.0 * cube * per_capacity
    if power == 0.0:
        return time0 + rise, 0.0
    if ratio == 0.0:
        return time0, rise * per_capacity if power == 1.0 else 0.0
    below = ratio ** (power - 1.0)
    return time0 + rise * below * ratio, power * rise * below * per_capacity


@njit(cache=True)
def shape(ratio: float, alpha: float, power: float, form: int, curves: np.ndarray) -> tuple[float, float, float, float]:
    """Return time over free-flow time at a flow-to-capacity ratio, two derivatives by the ratio, and the integral."""
    if form == BPR:
        if power == 0.0:
            return 1.0 + alpha, 0.0, 0.0, ratio * (1.0 + alpha)
        if ratio == 0.0:
            second = 2.0 * alpha if power == 2.0 else 0.0
            return 1.0, (alpha if power == 1.0 else 0.0), second, 0.0
        rise = alpha * ratio**power
        first = power * rise / ratio
        return 1.0 + rise, first, (power - 1.0) * first / ratio, ratio * (1.0 + rise / (power + 1.0))
    if form == CONICAL:
        b = (2.0 * power - 1.0) / (2.0 * power - 2.0)
        y = power * (1.0 - ratio)
        root = math.sqrt(y * y + b * b)
        # The integral of the root by y is (y * root + b**2 * asinh(y / b)) / 2.
        y0 = power
        root0 = math.sqrt(y0 * y0 + b * b)
        under = 0.5 * (y0 * root0 - y * root + b * b * (math.asinh(y0 / b) - math.asinh(y / b))) / power
        under += ratio * (1.0 - b - power) + 0.5 * power * ratio * ratio
        return (
            1.0 + alpha * (1.0 + root - y - b),
            alpha * power * (1.0 - y / root),
            alpha * power * power * b * b / (root * root * root),
            ratio + alpha * under,
        )
    if form == DAVIDSON:
        r = min(ratio, power)
        free = 1.0 - r
        beyond = ratio - r
        value, first = 1.0 + alpha * r / free, alpha / (free * free)
        second = 2.0 * first / free
        under = r + alpha * (-r - math.log(free)) + beyond * (value + beyond * (first / 2.0 + beyond * second / 6.0))
        return value + beyond * (first + 0.5 * second * beyond), first + second * beyond, second, under
    return _curve(ratio, curves[form - CURVE])


@njit(cache=True)
def _curve(ratio: float, curve: np.ndarray) -> tuple[float, float, float, float]:
    """Return value, derivatives and integral of a piecewise cubic."""
    if ratio <= curve[0, 0]:
        return curve[0, 1], 0.0, 0.0, curve[0, 1] * ratio
    under = curve[0, 0] * curve[0, 1]
    piece = 0
    while piece + 1 < len(curve) and curve[piece + 1, 0] <= ratio:
        under += _under(curve[piece + 1, 0] - curve[piece, 0], curve[piece])
        piece += 1
    x = ratio - curve[piece, 0]
    _, g, g1, g2, g3 = curve[piece]
    value = g + x * (g1 + x * (g2 + x * g3))
    first = g1 + x * (2.0 * g2 + 3.0 * x * g3)
    return value, first, 2.0 * g2 + 6.0 * x * g3, under + _under(x, curve[piece])


@njit(cache=True)
def _under(x: float, piece: np.ndarray) -> float:
    return x * (piece[1] + x * (piece[2] / 2.0 + x * (piece[3] / 3.0 + x * piece[4] / 4.0)))


@njit(cache=True)
def link_shapes(
    flow: np.ndarray, capacity: np.ndarray, alpha: np.ndarray, power: np.ndarray, form: np.ndarray, curves: np.ndarray
) -> np.ndarray:
    """Return `shape` of every link, [links, 4]."""
    out = np.empty((len(flow), 4))
    for link in range(len(flow)):
        ratio = max(flow[link], 0.0) / capacity[link]
        out[link] = shape(ratio, alpha[link], power[link], form[link], curves)
    return out
