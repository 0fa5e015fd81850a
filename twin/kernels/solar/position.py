"""Where the sun is: the Solar Position Algorithm, and the sun of a weather year.

Family ``solar.position``. Method: I. Reda and A. Andreas, "Solar Position Algorithm for Solar Radiation
Applications", NREL/TP-560-34302, revised January 2008 (doi 10.2172/15003974; stated uncertainty 0.0003 degrees).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, get, variant
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

Floats = NDArray[np.float64]

REFERENCE_YEAR = 2021
"""The non-leap year whose sun a weather year is given; another year moves the sun by at most about 0.3 degrees."""

_REFERENCE_UNIX_S = 1609459200.0  # 2021-01-01T00:00:00Z
DELTA_T_S = 69.4
"""Terrestrial time minus universal time in 2021 (US Naval Observatory, deltat.data); 10 s move the sun 1e-4 degrees."""

REFRACTION_DEG = 0.5667
"""Usual refraction at sunrise and sunset (Reda and Andreas 2008, section 3.1.1)."""

SOLAR_CONSTANT_W_M2 = 1366.1
"""Solar constant of ASTM E 490-00a."""


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "unix_s": np.sort(rng.uniform(9.4e8, 1.9e9, 20 * size)),
        "latitude_deg": float(rng.uniform(-65.0, 72.0)),
        "longitude_deg": float(rng.uniform(-180.0, 180.0)),
        "elevation_m": float(rng.uniform(0.0, 3000.0)),
        "pressure_pa": float(rng.uniform(7e4, 1.03e5)),
        "temperature_c": float(rng.uniform(-20.0, 30.0)),
        "delta_t_s": DELTA_T_S,
        "refraction_deg": REFRACTION_DEG,
    }


def _vectors(zenith_deg: Floats, azimuth_deg: Floats) -> Floats:
    z, a = np.radians(zenith_deg), np.radians(azimuth_deg)
    return np.stack((np.sin(z) * np.sin(a), np.sin(z) * np.cos(a), np.cos(z)), axis=1)


def _check_range(kernel: Kernel, inputs: Inputs) -> None:
    zenith, azimuth = kernel(*inputs.values())
    assert np.all((zenith >= -1e-9) & (zenith <= 180.0))
    assert np.all((azimuth >= 0.0) & (azimuth < 360.0))


def _check_smooth(kernel: Kernel, inputs: Inputs) -> None:
    moved = dict(inputs, unix_s=inputs["unix_s"] + 1.0, refraction_deg=0.0, pressure_pa=0.0)
    before = _vectors(*kernel(*dict(moved, unix_s=inputs["unix_s"]).values()))
    after = _vectors(*kernel(*moved.values()))
    step = np.degrees(np.linalg.norm(after - before, axis=1))
    # The sky turns 15.04 arc seconds in one second at most.
    assert np.all(step < 0.00419)


declare(
    Family(
        name="solar.position",
        purpose="Apparent topocentric zenith and azimuth of the sun.",
        inputs=(
            Array("unix_s", ("t",), "float64", "s since 1970-01-01T00:00Z"),
            Array("latitude_deg", (), "float64", "deg"),
            Array("longitude_deg", (), "float64", "deg"),
            Array("elevation_m", (), "float64", "m"),
            Array("pressure_pa", (), "float64", "Pa"),
            Array("temperature_c", (), "float64", "degC"),
            Array("delta_t_s", (), "float64", "s"),
            Array("refraction_deg", (), "float64", "deg"),
        ),
        outputs=(
            Array("zenith_deg", ("t",), "float64", "deg"),
            Array("azimuth_deg", ("t",), "float64", "deg clockwise from north"),
        ),
        sample=_sample,
        work=lambda inputs: float(len(inputs["unix_s"])),
        work_unit="position",
        source="Reda and Andreas 2008, NREL/TP-560-34302, doi 10.2172/15003974",
        # Far from the equator of the sky the azimuth amplifies rounding of the hour angle, itself about 1e-9 degrees.
        rtol=0.0,
        atol=1e-6,
        sizes=(10, 100, 1000),
        properties=(
            Property("zenith and azimuth stay in their ranges", _check_range),
            Property("the sun moves at most 15.04 arc seconds per second", _check_smooth),
        ),
    )
)


def _series(jme: Floats, tables: tuple[Floats, ...]) -> Floats:
    """Return the sum over the tables of (sum of A cos(B + C jme)) jme^k, divided by 1e8 (equations 9 to 11)."""
    total = np.zeros_like(jme)
    for k, table in enumerate(tables):
        terms = table[:, 0] * np.cos(table[:, 1] + table[:, 2] * jme[:, None])
        total += terms.sum(axis=1) * jme**k
    return total / 1e8


@variant("solar.position", "reference")
def position_reference(
    unix_s: Floats,
    latitude_deg: float,
    longitude_deg: float,
    elevation_m: float,
    pressure_pa: float,
    temperature_c: float,
    delta_t_s: float,
    refraction_deg: float,
) -> tuple[Floats, Floats]:
    """Return apparent zenith and azimuth, both float64 (t,), in degrees; symbols as in the report."""
    jd = np.asarray(unix_s, np.float64) / 86400.0 + 2440587.5
    jc = (jd - 2451545.0) / 36525.0
    jce = (jd + delta_t_s / 86400.0 - 2451545.0) / 36525.0
    jme = jce / 10.0

    R = _series(jme, (R0, R1, R2, R3, R4))
    theta = np.degrees(_series(jme, (L0, L1, L2, L3, L4, L5))) + 180.0
    beta = -_series(jme, (B0, B1))

    # Nutation (equations 15 to 23).
    X = np.stack(
        (
            297.85036 + 445267.111480 * jce - 0.0019142 * jce**2 + jce**3 / 189474.0,
            357.52772 + 35999.050340 * jce - 0.0001603 * jce**2 - jce**3 / 300000.0,
            134.96298 + 477198.867398 * jce + 0.0086972 * jce**2 + jce**3 / 56250.0,
            93.27191 + 483202.017538 * jce - 0.0036825 * jce**2 + jce**3 / 327270.0,
            125.04452 - 1934.136261 * jce + 0.0020708 * jce**2 + jce**3 / 450000.0,
        ),
        axis=1,
    )
    angle = np.radians(X @ NUTATION_MULTIPLES.T)
    a, b, c, d = NUTATION_COEFFICIENTS.T
    dpsi = np.sum((a + b * jce[:, None]) * np.sin(angle), axis=1) / 36e6
    deps = np.sum((c + d * jce[:, None]) * np.cos(angle), axis=1) / 36e6

    # Obliquity, apparent longitude, sidereal time (equations 24 to 29).
    U = jme / 10.0
    powers = (84381.448, -4680.93, -1.55, 1999.25, -51.38, -249.67, -39.05, 7.12, 27.87, 5.79, 2.45)
    eps = np.radians(np.polynomial.polynomial.polyval(U, powers) / 3600.0 + deps)
    lam = np.radians(theta + dpsi - 20.4898 / (3600.0 * R))
    nu0 = 280.46061837 + 360.98564736629 * (jd - 2451545.0) + 0.000387933 * jc**2 - jc**3 / 38710000.0
    nu = nu0 % 360.0 + dpsi * np.cos(eps)

    # Geocentric right ascension, declination and hour angle (equations 30 to 32).
    alpha = np.arctan2(np.sin(lam) * np.cos(eps) - np.tan(beta) * np.sin(eps), np.cos(lam))
    delta = np.arcsin(np.sin(beta) * np.cos(eps) + np.cos(beta) * np.sin(eps) * np.sin(lam))
    H = np.radians((nu + longitude_deg) % 360.0) - alpha

    # Parallax of the place (equations 33 to 40).
    phi = math.radians(latitude_deg)
    u = math.atan(0.99664719 * math.tan(phi))
    x = math.cos(u) + elevation_m / 6378140.0 * math.cos(phi)
    y = 0.99664719 * math.sin(u) + elevation_m / 6378140.0 * math.sin(phi)
    xi = np.radians(8.794 / (3600.0 * R))
    side = np.cos(delta) - x * np.sin(xi) * np.cos(H)
    dalpha = np.arctan2(-x * np.sin(xi) * np.sin(H), side)
    delta1 = np.arctan2((np.sin(delta) - y * np.sin(xi)) * np.cos(dalpha), side)
    H1 = H - dalpha

    # Elevation, refraction, azimuth (equations 41 to 47).
    sine = math.sin(phi) * np.sin(delta1) + math.cos(phi) * np.cos(delta1) * np.cos(H1)
    e0 = np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))
    visible = e0 >= -(0.26667 + refraction_deg)
    h = np.where(visible, e0, 0.0)
    density = pressure_pa / 101000.0 * 283.0 / (273.0 + temperature_c)
    lift = density * 1.02 / (60.0 * np.tan(np.radians(h + 10.3 / (h + 5.11))))
    zenith = 90.0 - (e0 + np.where(visible, lift, 0.0))
    west = np.arctan2(np.sin(H1), np.cos(H1) * math.sin(phi) - np.tan(delta1) * math.cos(phi))
    return zenith, _wrap(np.degrees(west) + 180.0)


def _wrap(degrees: Floats) -> Floats:
    """Return angles in [0, 360); the plain remainder rounds tiny negative angles to 360."""
    wrapped = degrees % 360.0
    return np.where(wrapped >= 360.0, 0.0, wrapped)


@njit(cache=True)
def _terms(table, x):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(table.shape[0]):
        total += table[i, 0] * math.cos(table[i, 1] + table[i, 2] * x)
    return total


@njit(cache=True)
def _geocentric(jd, delta_t_s):  # type: ignore[no-untyped-def]
    """Return distance, right ascension, declination (radians) and apparent sidereal time (degrees)."""
    jc = (jd - 2451545.0) / 36525.0
    jce = (jd + delta_t_s / 86400.0 - 2451545.0) / 36525.0
    t = jce / 10.0
    R = (_terms(R0, t) + t * (_terms(R1, t) + t * (_terms(R2, t) + t * (_terms(R3, t) + t * _terms(R4, t))))) / 1e8
    L = _terms(L2, t) + t * (_terms(L3, t) + t * (_terms(L4, t) + t * _terms(L5, t)))
    L = (_terms(L0, t) + t * (_terms(L1, t) + t * L)) / 1e8
    beta = -(_terms(B0, t) + t * _terms(B1, t)) / 1e8

    x0 = 297.85036 + jce * (445267.111480 + jce * (-0.0019142 + jce / 189474.0))
    x1 = 357.52772 + jce * (35999.050340 + jce * (-0.0001603 - jce / 300000.0))
    x2 = 134.96298 + jce * (477198.867398 + jce * (0.0086972 + jce / 56250.0))
    x3 = 93.27191 + jce * (483202.017538 + jce * (-0.0036825 + jce / 327270.0))
    x4 = 125.04452 + jce * (-1934.136261 + jce * (0.0020708 + jce / 450000.0))
    dpsi, deps = 0.0, 0.0
    for i in range(NUTATION_MULTIPLES.shape[0]):
        y = NUTATION_MULTIPLES[i]
        angle = math.radians(y[0] * x0 + y[1] * x1 + y[2] * x2 + y[3] * x3 + y[4] * x4)
        c = NUTATION_COEFFICIENTS[i]
        dpsi += (c[0] + c[1] * jce) * math.sin(angle)
        deps += (c[2] + c[3] * jce) * math.cos(angle)
    dpsi, deps = dpsi / 36e6, deps / 36e6

    U = t / 10.0
    e0 = -39.05 + U * (7.12 + U * (27.87 + U * (5.79 + U * 2.45)))
    e0 = 84381.448 + U * (-4680.93 + U * (-1.55 + U * (1999.25 + U * (-51.38 + U * (-249.67 + U * e0)))))
    eps = math.radians(e0 / 3600.0 + deps)
    lam = math.radians(math.degrees(L) + 180.0 + dpsi - 20.4898 / (3600.0 * R))
    nu0 = 280.46061837 + 360.98564736629 * (jd - 2451545.0) + jc * jc * (0.000387933 - jc / 38710000.0)
    nu = nu0 % 360.0 + dpsi * math.cos(eps)
    alpha = math.atan2(math.sin(lam) * math.cos(eps) - math.tan(beta) * math.sin(eps), math.cos(lam))
    delta = math.asin(math.sin(beta) * math.cos(eps) + math.cos(beta) * math.sin(eps) * math.sin(lam))
    return R, alpha, delta, nu


@variant("solar.position", "numba")
@njit(cache=True)
def position_numba(  # type: ignore[no-untyped-def]
    unix_s, latitude_deg, longitude_deg, elevation_m, pressure_pa, temperature_c, delta_t_s, refraction_deg
):
    """Return apparent zenith and azimuth, both float64 (t,), in degrees: the same algorithm, one time after another."""
    n = unix_s.shape[0]
    zenith, azimuth = np.empty(n), np.empty(n)
    phi = math.radians(latitude_deg)
    sin_phi, cos_phi = math.sin(phi), math.cos(phi)
    u = math.atan(0.99664719 * math.tan(phi))
    x = math.cos(u) + elevation_m / 6378140.0 * cos_phi
    y = 0.99664719 * math.sin(u) + elevation_m / 6378140.0 * sin_phi
    density = pressure_pa / 101000.0 * 283.0 / (273.0 + temperature_c)
    for i in range(n):
        R, alpha, delta, nu = _geocentric(unix_s[i] / 86400.0 + 2440587.5, delta_t_s)
        H = math.radians((nu + longitude_deg) % 360.0) - alpha
        sin_xi = math.sin(math.radians(8.794 / (3600.0 * R)))
        side = math.cos(delta) - x * sin_xi * math.cos(H)
        dalpha = math.atan2(-x * sin_xi * math.sin(H), side)
        delta1 = math.atan2((math.sin(delta) - y * sin_xi) * math.cos(dalpha), side)
        H1 = H - dalpha
        sine = sin_phi * math.sin(delta1) + cos_phi * math.cos(delta1) * math.cos(H1)
        e = math.degrees(math.asin(min(1.0, max(-1.0, sine))))
        if e >= -(0.26667 + refraction_deg):
            e += density * 1.02 / (60.0 * math.tan(math.radians(e + 10.3 / (e + 5.11))))
        zenith[i] = 90.0 - e
        west = math.atan2(math.sin(H1), math.cos(H1) * sin_phi - math.tan(delta1) * cos_phi)
        azimuth[i] = (math.degrees(west) + 180.0) % 360.0
        if azimuth[i] >= 360.0:
            azimuth[i] = 0.0
    return zenith, azimuth


def hours_of_year(utc_offset_h: float, hours: int = 8760) -> Floats:
    """Return the Unix time of the middle of each hour of the reference year in local standard time.

    Parameters
    ----------
    utc_offset_h : float
        Local standard time minus universal time.
    hours : int
        How many hours from January 1, 00:00.

    Returns
    -------
    float64 (hours,)
    """
    return _REFERENCE_UNIX_S + 3600.0 * (np.arange(hours, dtype=np.float64) + 0.5 - utc_offset_h)


def sun_of_year(
    latitude_deg: float,
    longitude_deg: float,
    utc_offset_h: float,
    elevation_m: float = 0.0,
    temperature_c: float = 10.0,
    *,
    variant: str = "numba",
) -> tuple[Floats, Floats]:
    """Return apparent zenith and azimuth (degrees, clockwise from north) at the middle of the 8760 hours of a year.

    The year is `REFERENCE_YEAR`. The pressure is that of the standard atmosphere at `elevation_m`; with the mean
    temperature it enters the refraction only.
    """
    pressure = standard_pressure(elevation_m)
    kernel = get("solar.position", variant)
    times = hours_of_year(utc_offset_h)
    zenith, azimuth = kernel(
        times, float(latitude_deg), float(longitude_deg), float(elevation_m), pressure, float(temperature_c),
        DELTA_T_S, REFRACTION_DEG,
    )  # fmt: skip
    return zenith, azimuth


def standard_pressure(elevation_m: float) -> float:
    """Return the pressure (Pa) of the ICAO standard atmosphere (ISO 2533:1975) at a height below 11 km."""
    return float(101325.0 * (1.0 - 2.25577e-5 * elevation_m) ** 5.25588)


def extraterrestrial_normal(day_of_year: Floats) -> Floats:
    """Return the irradiance on a plane normal to the sun outside the atmosphere, W/m2.

    Fourier series of J. W. Spencer, "Fourier series representation of the position of the sun", Search 2(5), 172
    (1971); January 1 is day 1.
    """
    angle = 2.0 * np.pi / 365.0 * (np.asarray(day_of_year, np.float64) - 1.0)
    ratio = 1.00011 + 0.034221 * np.cos(angle) + 0.00128 * np.sin(angle)
    ratio = ratio + 0.000719 * np.cos(2.0 * angle) + 0.000077 * np.sin(2.0 * angle)
    return np.asarray(SOLAR_CONSTANT_W_M2 * ratio)


def extraterrestrial_of_year() -> Floats:
    """Return `extraterrestrial_normal` for each of the 8760 hours of a year, float64 (8760,)."""
    return np.repeat(extraterrestrial_normal(np.arange(1.0, 366.0)), 24)
