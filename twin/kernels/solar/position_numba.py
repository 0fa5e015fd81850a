"""The solar position algorithm in vector instructions; family and reference are in `twin.kernels.solar.position`.

The sun's place seen from the centre of the earth changes slowly: it is computed at every midnight of universal time and
interpolated by polynomials of degree five, which are within 1e-8 degrees of it. Sidereal time, parallax and refraction
are computed for every instant.
"""

from __future__ import annotations

import math

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.registry import variant
from twin.kernels.solar.position import J2000_UNIX_S
from twin.kernels.solar.spa_terms import (
    B0,
    B1,
    L0,
    L1,
    L2,
    L3,
    L4,
    L5,
    NUTATION_COEFFICIENTS,
    NUTATION_MULTIPLES,
    R0,
    R1,
    R2,
    R3,
    R4,
)  # fmt: skip
from twin.kernels.solar.trigonometry import arc_tangent, sine_cosine

_RADIAN = math.pi / 180.0
_BLOCK = 512  # instants whose intermediate rows stay in the first-level cache


@njit(cache=True, error_model="numpy")
def _add_terms(table, t, sums):  # type: ignore[no-untyped-def]
    """Set `sums` to the sum of A cos(B + C t) over the rows (A, B, C) of `table`."""
    sums[:] = 0.0
    for i in range(table.shape[0]):
        a, b, c = table[i, 0], table[i, 1], table[i, 2]
        for j in range(t.size):
            sums[j] += a * sine_cosine(b + c * t[j])[1]


@njit(cache=True, error_model="numpy")
def _horner(tables, t, out, sums):  # type: ignore[no-untyped-def]
    """Set `out` to the sum over the tables, highest power first, of the sum of their terms times a power of t."""
    out[:] = 0.0
    for table in tables:
        _add_terms(table, t, sums)
        for j in range(t.size):
            out[j] = out[j] * t[j] + sums[j]


@njit(cache=True, error_model="numpy")
def _nutation(jce, dpsi, deps):  # type: ignore[no-untyped-def]
    """Set nutation in longitude and obliquity, degrees (equations 15 to 23)."""
    dpsi[:] = 0.0
    deps[:] = 0.0
    for i in range(NUTATION_MULTIPLES.shape[0]):
        m0, m1, m2, m3, m4 = NUTATION_MULTIPLES[i]
        a, b, c, d = NUTATION_COEFFICIENTS[i]
        for j in range(jce.size):
            t = jce[j]
            x0 = 297.85036 + t * (445267.111480 + t * (-0.0019142 + t / 189474.0))
            x1 = 357.52772 + t * (35999.050340 + t * (-0.0001603 - t / 300000.0))
            x2 = 134.96298 + t * (477198.867398 + t * (0.0086972 + t / 56250.0))
            x3 = 93.27191 + t * (483202.017538 + t * (-0.0036825 + t / 327270.0))
            x4 = 125.04452 + t * (-1934.136261 + t * (0.0020708 + t / 450000.0))
            sine, cosine = sine_cosine((m0 * x0 + m1 * x1 + m2 * x2 + m3 * x3 + m4 * x4) * _RADIAN)
            dpsi[j] += (a + b * t) * sine / 36e6
            deps[j] += (c + d * t) * cosine / 36e6


@njit(cache=True, error_model="numpy")
def _geocentric(days, delta_t_s):  # type: ignore[no-untyped-def]
    """Return the sun of some instants, given in days since J2000, as four rows.

    Three are the unit vector to the sun from the centre of the earth (equations 9 to 31) in the equatorial frame that
    turns with the *mean* sidereal time: the equation of the equinoxes is taken off the right ascension. The fourth is
    the sine of the sun's parallax (equation 33). All vary so smoothly that a day is no distance.
    """
    n = days.size
    jce = (days + delta_t_s / 86400.0) / 36525.0
    t = jce / 10.0
    R, L, beta, sums = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    dpsi, deps = np.empty(n), np.empty(n)
    _horner((R4, R3, R2, R1, R0), t, R, sums)
    _horner((L5, L4, L3, L2, L1, L0), t, L, sums)
    _horner((B1, B0), t, beta, sums)
    _nutation(jce, dpsi, deps)
    out = np.empty((4, n))
    for j in range(n):
        distance, U = R[j] / 1e8, t[j] / 10.0
        e0 = -39.05 + U * (7.12 + U * (27.87 + U * (5.79 + U * 2.45)))
        e0 = 84381.448 + U * (-4680.93 + U * (-1.55 + U * (1999.25 + U * (-51.38 + U * (-249.67 + U * e0)))))
        sin_eps, cos_eps = sine_cosine((e0 / 3600.0 + deps[j]) * _RADIAN)
        lam = L[j] / 1e8 + math.pi + (dpsi[j] - 20.4898 / (3600.0 * distance)) * _RADIAN
        sin_lam, cos_lam = sine_cosine(lam)
        sin_beta, cos_beta = sine_cosine(-beta[j] / 1e8)
        x, y = cos_lam * cos_beta, sin_lam * cos_beta * cos_eps - sin_beta * sin_eps
        sin_turn, cos_turn = sine_cosine(dpsi[j] * cos_eps * _RADIAN)
        out[0, j] = x * cos_turn + y * sin_turn
        out[1, j] = y * cos_turn - x * sin_turn
        out[2, j] = sin_beta * cos_eps + cos_beta * sin_eps * sin_lam
        out[3, j] = sine_cosine(8.794 / (3600.0 * distance) * _RADIAN)[0]
    return out


@njit(cache=True)
def _daily(first, count, delta_t_s):  # type: ignore[no-untyped-def]
    """Return polynomials [count, 4, 6] in the part of the day that has passed, for days since J2000 from `first`.

    Each goes through the six midnights around its day; what it misses is below 1e-8 degrees (the fastest terms of the
    nutation have periods of some five days and amplitudes of some 1e-6 degrees).
    """
    knots = _geocentric(first - 2.0 + np.arange(count + 5), delta_t_s)
    out = np.empty((count, 4, 6))
    for day in range(count):
        for row in range(4):
            f = knots[row, day : day + 6]
            # Powers of the Lagrange polynomial through -2, -1, 0, 1, 2, 3.
            c = out[day, row]
            c[0] = f[2]
            c[1] = (6.0 * f[0] - 60.0 * f[1] - 40.0 * f[2] + 120.0 * f[3] - 30.0 * f[4] + 4.0 * f[5]) / 120.0
            c[2] = (-5.0 * f[0] + 80.0 * f[1] - 150.0 * f[2] + 80.0 * f[3] - 5.0 * f[4]) / 120.0
            c[3] = (-5.0 * f[0] - 5.0 * f[1] + 50.0 * f[2] - 70.0 * f[3] + 35.0 * f[4] - 5.0 * f[5]) / 120.0
            c[4] = (5.0 * f[0] - 20.0 * f[1] + 30.0 * f[2] - 20.0 * f[3] + 5.0 * f[4]) / 120.0
            c[5] = (-f[0] + 5.0 * f[1] - 10.0 * f[2] + 10.0 * f[3] - 5.0 * f[4] + f[5]) / 120.0
    return out


@njit(cache=True)
def _interpolate(days, first, daily, out):  # type: ignore[no-untyped-def]
    """Fill the four rows of `_geocentric` from the polynomials of the days."""
    for j in range(days.size):
        day = math.floor(days[j])
        s = days[j] - day
        for row in range(4):
            c = daily[np.int64(day - first), row]
            out[row, j] = c[0] + s * (c[1] + s * (c[2] + s * (c[3] + s * (c[4] + s * c[5]))))


@njit(cache=True, error_model="numpy")
def _topocentric(days, sun, place, zenith, azimuth):  # type: ignore[no-untyped-def]
    """Fill zenith and azimuth (degrees): sidereal time, parallax as a vector, refraction (equations 28 to 47)."""
    longitude_deg, sin_phi, cos_phi, x, y, density, refraction_deg = place
    for j in range(days.size):
        d = days[j]
        jc = d / 36525.0
        nu = 280.46061837 + 360.98564736629 * d + jc * jc * (0.000387933 - jc / 38710000.0) + longitude_deg
        turns = nu / 360.0
        nu = (turns - np.floor(turns)) * (2.0 * math.pi)
        sine, cosine = sine_cosine(nu)
        # The sun from the place: towards the meridian, west and the pole. The same as parallax in two angles.
        meridian = cosine * sun[0, j] + sine * sun[1, j] - x * sun[3, j]
        west = sine * sun[0, j] - cosine * sun[1, j]
        pole = sun[2, j] - y * sun[3, j]
        up = sin_phi * pole + cos_phi * meridian
        south = sin_phi * meridian - cos_phi * pole
        e = arc_tangent(up, math.sqrt(south * south + west * west)) / _RADIAN
        visible = e >= -(0.26667 + refraction_deg)
        sine, cosine = sine_cosine(((e if visible else 0.0) + 10.3 / ((e if visible else 0.0) + 5.11)) * _RADIAN)
        e += density * 1.02 / 60.0 * cosine / sine if visible else 0.0
        zenith[j] = 90.0 - e
        turn = arc_tangent(west, south) / _RADIAN + 180.0
        azimuth[j] = turn if turn < 360.0 else 0.0


@variant("solar.position", "numba")
@njit(cache=True)
def position_numba(  # type: ignore[no-untyped-def]
    unix_s, latitude_deg, longitude_deg, elevation_m, pressure_pa, temperature_c, delta_t_s, refraction_deg
):
    """Return apparent zenith and azimuth, both float64 (t,), in degrees.

    The slow geocentric part is computed once a day and interpolated where that is less work, the fast topocentric part
    for every instant. What an instant gets does not depend on the order of the instants.
    """
    n = unix_s.shape[0]
    zenith, azimuth = np.empty(n), np.empty(n)
    if n == 0:
        return zenith, azimuth
    phi = math.radians(latitude_deg)
    u = math.atan(0.99664719 * math.tan(phi))
    x = math.cos(u) + elevation_m / 6378140.0 * math.cos(phi)
    y = 0.99664719 * math.sin(u) + elevation_m / 6378140.0 * math.sin(phi)
    density = pressure_pa / 101000.0 * 283.0 / (273.0 + temperature_c)
    place = (longitude_deg, math.sin(phi), math.cos(phi), x, y, density, refraction_deg)

    first = np.floor((unix_s.min() - J2000_UNIX_S) / 86400.0)
    count = int(np.floor((unix_s.max() - J2000_UNIX_S) / 86400.0) - first) + 1
    dense = count + 5 <= n
    daily = _daily(first, count if dense else 0, delta_t_s)
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        days = (unix_s[start:stop] - J2000_UNIX_S) / 86400.0
        if dense:
            sun = np.empty((4, stop - start))
            _interpolate(days, first, daily, sun)
        else:
            sun = _geocentric(days, delta_t_s)
        _topocentric(days, sun, place, zenith[start:stop], azimuth[start:stop])
    return zenith, azimuth
