"""Sine, cosine and arc tangent without branches or calls, so that loops over them run in vector instructions.

The polynomials are those of fdlibm (sine and cosine) and Cephes (arc tangent); errors are a few units of 1e-16.
"""

from __future__ import annotations

import math

from twin.kernels.jit import njit

_ROUND = 6755399441055744.0  # 1.5 · 2^52: adding it and taking it away rounds to the nearest integer
_TWO_OVER_PI = 2.0 / math.pi
# pi/2 in two parts, the first of 33 bits: its products with integers below 2^20 are exact (fdlibm, e_rem_pio2.c).
_HALF_PI_HIGH, _HALF_PI_LOW = 1.57079632673412561417, 6.07710050650619224932e-11


@njit(cache=True, error_model="numpy")
def sine_cosine(x):  # type: ignore[no-untyped-def]
    """Return sine and cosine of an angle in radians, ``|x| < 1e6``."""
    quarter = (x * _TWO_OVER_PI + _ROUND) - _ROUND
    r = (x - quarter * _HALF_PI_HIGH) - quarter * _HALF_PI_LOW
    z = r * r
    s = z * (2.75573137070700676789e-6 + z * (-2.50507602534068634195e-8 + z * 1.58969099521155010221e-10))
    s = r + r * z * (
        -1.66666666666666324348e-1 + z * (8.33333333332248946124e-3 + z * (-1.98412698298579493134e-4 + s))
    )
    c = z * (-2.75573143513906633035e-7 + z * (2.08757232129817482790e-9 + z * -1.13596475577881948265e-11))
    c = z * (-1.38888888888741095749e-3 + z * (2.48015872894767294178e-5 + c))
    c = 1.0 - 0.5 * z + z * z * (4.16666666666666019037e-2 + c)
    turn = (quarter * 0.25 + _ROUND) - _ROUND
    rest = quarter - 4.0 * turn  # -2, -1, 0, 1 or 2
    odd = rest * rest == 1.0
    sine, cosine = (c if odd else s), (s if odd else c)
    half = rest * rest == 4.0
    return (-sine if (half or rest == -1.0) else sine), (-cosine if (half or rest == 1.0) else cosine)


@njit(cache=True, error_model="numpy")
def arc_tangent(y, x):  # type: ignore[no-untyped-def]
    """Return the angle of the point (x, y) in radians, from -pi to pi; 0 at the origin."""
    a, b = abs(x), abs(y)
    low, high = (b if b < a else a), (a if b < a else b)
    far = low > 0.66 * high
    t = (low - high if far else low) / ((low + high if far else high) + 1e-300)
    z = t * t
    p = -7.500855792314704667340e1 + z * (-1.615753718733365076637e1 + z * -8.750608600031904122785e-1)
    p = -6.485021904942025371773e1 + z * (-1.228866684490136173410e2 + z * p)
    q = 4.328810604912902668951e2 + z * (1.650270098316988542046e2 + z * (2.485846490142306297962e1 + z))
    q = 1.945506571482613964425e2 + z * (4.853903996359136964868e2 + z * q)
    angle = t + t * (z * p / q) + (0.25 * math.pi if far else 0.0)
    angle = 0.5 * math.pi - angle if b > a else angle
    angle = math.pi - angle if x < 0.0 else angle
    return -angle if y < 0.0 else angle
