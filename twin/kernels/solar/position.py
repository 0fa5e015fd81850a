"""Where the sun is: the Solar Position Algorithm, and the sun of a weather year.

Family ``solar.position``. Method: I. Reda and A. Andreas, "Solar Position Algorithm for Solar Radiation
Applications", NREL/TP-560-34302, revised January 2008 (doi 10.2172/15003974; stated uncertainty 0.0003 degrees).
"""

from __future__ import annotations

import math

import numpy as np
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
J2000_UNIX_S = 946728000.0  # 2000-01-01T12:00:00Z
DELTA_T_S = 69.4
"""Terrestrial time minus universal time in 2021 (US Naval Observatory, deltat.data); 10 s move the sun 1e-4 degrees."""

_HALVINGS = 12  # of an hour: sunrise to the second
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
    # Counted from J2000: the Julian day itself is rounded to 4e-5 s, that is 2e-7 degrees.
    days = (np.asarray(unix_s, np.float64) - J2000_UNIX_S) / 86400.0
    jc = days / 36525.0
    jce = (days + delta_t_s / 86400.0) / 36525.0
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
    nu0 = 280.46061837 + 360.98564736629 * days + 0.000387933 * jc**2 - jc**3 / 38710000.0
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


def hours_of_year(utc_offset_h: float, hours: int = 8760, steps: int = 1) -> Floats:
    """Return the Unix time of the middle of each step of each hour of the reference year in local standard time.

    Parameters
    ----------
    utc_offset_h : float
        Local standard time minus universal time.
    hours : int
        How many hours from January 1, 00:00.
    steps : int
        Equal parts of each hour; with one its middle.

    Returns
    -------
    float64 (hours * steps,)
    """
    step = (np.arange(hours * steps, dtype=np.float64) + 0.5) / steps
    return np.asarray(_REFERENCE_UNIX_S + 3600.0 * (step - utc_offset_h))


def sun_of_year(
    latitude_deg: float,
    longitude_deg: float,
    utc_offset_h: float,
    elevation_m: float = 0.0,
    temperature_c: float = 10.0,
    *,
    steps: int = 1,
    variant: str = "numba",
) -> tuple[Floats, Floats]:
    """Return apparent zenith and azimuth (degrees, clockwise from north) of the sun of the 8760 hours of a year.

    It is the sun in the middle of the hour; where the sun rises or sets within the hour, in the middle of the part in
    which it is up, as in PVWatts (Dobos 2014, NREL/TP-6A20-62641, section 5). With `steps` the hours are divided into
    that many equal parts with a sun each, float64 (8760 * steps,): see `twin.kernels.solar.light`.

    The year is `REFERENCE_YEAR`. The pressure is that of the standard atmosphere at `elevation_m`; with the mean
    temperature it enters the refraction only.
    """
    kernel = get("solar.position", variant)
    place = (
        float(latitude_deg), float(longitude_deg), float(elevation_m), standard_pressure(elevation_m),
        float(temperature_c), DELTA_T_S, REFRACTION_DEG,
    )  # fmt: skip
    times = hours_of_year(utc_offset_h, steps=steps)
    half = 1800.0 / steps
    up = kernel(np.append(times, times[-1] + 2.0 * half) - half, *place)[0] < 90.0
    crossed = np.flatnonzero(up[:-1] != up[1:])
    rising = up[1:][crossed]
    low, high = times[crossed] - half, times[crossed] + half
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        risen = (kernel(middle, *place)[0] < 90.0) == rising
        low, high = np.where(risen, low, middle), np.where(risen, middle, high)
    times[crossed] = 0.5 * np.where(rising, high + times[crossed] + half, low + times[crossed] - half)
    zenith, azimuth = kernel(times, *place)
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
