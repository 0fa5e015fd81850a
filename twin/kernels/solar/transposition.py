"""The sky model of Perez et al. (1990), once per hour.

Family ``solar.sky``: per hour [t] ``direct`` (beam and circumsolar, per unit of cosine of incidence), ``isotropic``,
``horizon`` and ``ground`` coefficients; what planes receive of them is for `twin.kernels.solar.plane`.

Method: R. Perez, P. Ineichen, R. Seals, J. Michalsky and R. Stewart, "Modeling daylight availability and irradiance
components from direct and global irradiance", Solar Energy 44(5), 271-289 (1990), doi 10.1016/0038-092X(90)90055-H,
table 1 and equations 1 and 9, coefficients of all sites. Relative air mass: F. Kasten and A. T. Young, "Revised
optical air mass tables and approximation formula", Applied Optics 28(22), 4735-4738 (1989),
doi 10.1364/AO.28.004735.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Floats = NDArray[np.float64]

CLEARNESS_EDGES = np.array([1.065, 1.23, 1.5, 1.95, 2.8, 4.5, 6.2])
# Columns f11, f12, f13, f21, f22, f23; rows from overcast to very clear.
PEREZ_1990 = np.array(
    [
        [-0.008, 0.588, -0.062, -0.060, 0.072, -0.022],
        [0.130, 0.683, -0.151, -0.019, 0.066, -0.029],
        [0.330, 0.487, -0.221, 0.055, -0.064, -0.026],
        [0.568, 0.187, -0.295, 0.109, -0.152, -0.014],
        [0.873, -0.392, -0.362, 0.226, -0.462, 0.001],
        [1.132, -1.237, -0.412, 0.288, -0.823, 0.056],
        [1.060, -1.600, -0.359, 0.264, -1.127, 0.131],
        [0.678, -0.327, -0.250, 0.156, -1.377, 0.251],
    ]
)
_KAPPA = 1.041  # for the zenith angle in radians
_COS_85 = math.cos(math.radians(85.0))
_TRACE_W_M2 = 1e-9  # less diffuse light than this has no pattern; the clearness would overflow


def _sky_sample(size: int, rng: np.random.Generator) -> Inputs:
    n = 100 * size
    zenith = rng.uniform(0.0, 120.0, n)
    cosine = np.maximum(np.cos(np.radians(zenith)), 0.0)
    dni = np.where(rng.random(n) < 0.3, 0.0, rng.uniform(0.0, 1000.0, n)) * (cosine > 0.0)
    dhi = np.where(rng.random(n) < 0.1, 0.0, rng.uniform(0.0, 450.0, n)) * (cosine > 0.0)
    return {
        "dni_w_m2": dni,
        "dhi_w_m2": dhi,
        "ghi_w_m2": dhi + dni * cosine,
        "zenith_deg": zenith,
        "extraterrestrial_w_m2": rng.uniform(1320.0, 1413.0, n),
        "albedo": float(rng.uniform(0.0, 0.6)),
    }


def _check_diffuse_kept(kernel: Kernel, inputs: Inputs) -> None:
    """On the horizontal the components add up to the global irradiance (sun more than 5 degrees high)."""
    direct, isotropic, _, _ = kernel(*inputs.values())
    high = inputs["zenith_deg"] < 85.0
    plane = direct * np.cos(np.radians(inputs["zenith_deg"])) + isotropic
    np.testing.assert_allclose(plane[high], inputs["ghi_w_m2"][high], rtol=1e-10, atol=1e-9)


def _check_night(kernel: Kernel, inputs: Inputs) -> None:
    direct, isotropic, horizon, _ = kernel(*inputs.values())
    night = inputs["zenith_deg"] >= 90.0
    assert not direct[night].any()
    assert not horizon[night].any()
    np.testing.assert_array_equal(isotropic[night], inputs["dhi_w_m2"][night])


declare(
    Family(
        name="solar.sky",
        purpose="Coefficients of the Perez sky per hour: direct, isotropic, horizon, ground.",
        inputs=(
            Array("dni_w_m2", ("t",), "float64", "W/m2"),
            Array("dhi_w_m2", ("t",), "float64", "W/m2"),
            Array("ghi_w_m2", ("t",), "float64", "W/m2"),
            Array("zenith_deg", ("t",), "float64", "deg"),
            Array("extraterrestrial_w_m2", ("t",), "float64", "W/m2"),
            Array("albedo", (), "float64", "-"),
        ),
        outputs=(
            Array("direct", ("t",), "float64", "W/m2"),
            Array("isotropic", ("t",), "float64", "W/m2"),
            Array("horizon", ("t",), "float64", "W/m2"),
            Array("ground", ("t",), "float64", "W/m2"),
        ),
        sample=_sky_sample,
        work=lambda inputs: float(len(inputs["dni_w_m2"])),
        work_unit="hour",
        source="Perez et al. 1990, doi 10.1016/0038-092X(90)90055-H; Kasten and Young 1989, doi 10.1364/AO.28.004735",
        rtol=1e-9,
        atol=1e-9,
        properties=(
            Property("the horizontal plane receives the global irradiance", _check_diffuse_kept),
            Property("no direct light without the sun", _check_night),
        ),
    )
)


@variant("solar.sky", "reference")
def sky_reference(
    dni_w_m2: Floats,
    dhi_w_m2: Floats,
    ghi_w_m2: Floats,
    zenith_deg: Floats,
    extraterrestrial_w_m2: Floats,
    albedo: float,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the coefficients ``direct``, ``isotropic``, ``horizon`` and ``ground``, each float64 (t,).

    Diffuse light that a file reports while the sun is below the horizon counts as isotropic; beam is then dropped.
    """
    up = zenith_deg < 90.0
    lit = up & (dhi_w_m2 > _TRACE_W_M2)
    z_deg = np.where(up, zenith_deg, 0.0)
    z = np.radians(z_deg)
    dhi = np.where(lit, dhi_w_m2, 1.0)
    air_mass = 1.0 / (np.cos(z) + 0.50572 * (96.07995 - z_deg) ** -1.6364)
    brightness = dhi * air_mass / extraterrestrial_w_m2
    bend = _KAPPA * z**3
    clearness = ((dhi + dni_w_m2) / dhi + bend) / (1.0 + bend)
    f = PEREZ_1990[np.digitize(clearness, CLEARNESS_EDGES)]
    F1 = np.where(lit, np.maximum(f[:, 0] + f[:, 1] * brightness + f[:, 2] * z, 0.0), 0.0)
    F2 = np.where(lit, f[:, 3] + f[:, 4] * brightness + f[:, 5] * z, 0.0)
    beam = np.where(up, dni_w_m2, 0.0)
    direct = beam + dhi_w_m2 * F1 / np.maximum(np.cos(z), _COS_85)
    return direct, dhi_w_m2 * (1.0 - F1), dhi_w_m2 * F2, albedo * ghi_w_m2


@variant("solar.sky", "numba")
@njit(cache=True)
def sky_numba(dni_w_m2, dhi_w_m2, ghi_w_m2, zenith_deg, extraterrestrial_w_m2, albedo):  # type: ignore[no-untyped-def]
    """Return the coefficients ``direct``, ``isotropic``, ``horizon`` and ``ground``, each float64 (t,)."""
    n = dni_w_m2.shape[0]
    direct, isotropic, horizon, ground = np.zeros(n), np.empty(n), np.zeros(n), np.empty(n)
    for t in range(n):
        dhi, zenith = dhi_w_m2[t], zenith_deg[t]
        ground[t] = albedo * ghi_w_m2[t]
        isotropic[t] = dhi
        if zenith >= 90.0:
            continue
        direct[t] = dni_w_m2[t]
        if dhi <= _TRACE_W_M2:
            continue
        z = math.radians(zenith)
        air_mass = 1.0 / (math.cos(z) + 0.50572 * (96.07995 - zenith) ** -1.6364)
        brightness = dhi * air_mass / extraterrestrial_w_m2[t]
        bend = _KAPPA * z * z * z
        clearness = ((dhi + dni_w_m2[t]) / dhi + bend) / (1.0 + bend)
        row = 0
        while row < 7 and clearness >= CLEARNESS_EDGES[row]:
            row += 1
        f = PEREZ_1990[row]
        F1 = max(f[0] + f[1] * brightness + f[2] * z, 0.0)
        direct[t] += dhi * F1 / max(math.cos(z), _COS_85)
        isotropic[t] = dhi * (1.0 - F1)
        horizon[t] = dhi * (f[3] + f[4] * brightness + f[5] * z)
    return direct, isotropic, horizon, ground
