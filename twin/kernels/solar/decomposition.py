"""Split of the global irradiance into beam and diffuse.

Family ``solar.decomposition``. Method: D. G. Erbs, S. A. Klein and J. A. Duffie, "Estimation of the diffuse radiation
fraction for hourly, daily and monthly-average global radiation", Solar Energy 28(4), 293-302 (1982), equation 1,
doi 10.1016/0038-092X(82)90302-4.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Floats = NDArray[np.float64]

LOWEST_SUN_DEG = 87.0
"""Above this zenith angle all light is diffuse: a quotient of two small numbers says nothing about the beam."""

_MIN_COSINE = 0.065  # bounds the clearness index near the horizon; a zenith angle of 86.3 degrees


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    n = 100 * size
    zenith = rng.uniform(0.0, 110.0, n)
    extra = rng.uniform(1320.0, 1413.0, n)
    return {
        "ghi_w_m2": extra * np.maximum(np.cos(np.radians(zenith)), 0.0) * rng.uniform(0.0, 1.1, n),
        "zenith_deg": zenith,
        "extraterrestrial_w_m2": extra,
    }


def _check_closure(kernel: Kernel, inputs: Inputs) -> None:
    dni, dhi = kernel(*inputs.values())
    plane = dhi + dni * np.cos(np.radians(inputs["zenith_deg"]))
    np.testing.assert_allclose(plane, inputs["ghi_w_m2"], rtol=1e-13, atol=1e-10)


def _check_bounds(kernel: Kernel, inputs: Inputs) -> None:
    dni, dhi = kernel(*inputs.values())
    assert np.all((dni >= 0.0) & (dni <= inputs["extraterrestrial_w_m2"]))
    assert np.all((dhi >= 0.0) & (dhi <= inputs["ghi_w_m2"]))


declare(
    Family(
        name="solar.decomposition",
        purpose="Beam and diffuse irradiance from the global irradiance.",
        inputs=(
            Array("ghi_w_m2", ("t",), "float64", "W/m2"),
            Array("zenith_deg", ("t",), "float64", "deg"),
            Array("extraterrestrial_w_m2", ("t",), "float64", "W/m2"),
        ),
        outputs=(Array("dni_w_m2", ("t",), "float64", "W/m2"), Array("dhi_w_m2", ("t",), "float64", "W/m2")),
        sample=_sample,
        work=lambda inputs: float(len(inputs["ghi_w_m2"])),
        work_unit="hour",
        source="Erbs, Klein and Duffie 1982, doi 10.1016/0038-092X(82)90302-4",
        rtol=1e-9,
        atol=1e-9,
        properties=(
            Property("diffuse and beam add up to the global irradiance", _check_closure),
            Property("beam is at most extraterrestrial, diffuse at most global", _check_bounds),
        ),
    )
)


@variant("solar.decomposition", "reference")
def decomposition_reference(
    ghi_w_m2: Floats, zenith_deg: Floats, extraterrestrial_w_m2: Floats
) -> tuple[Floats, Floats]:
    """Return direct normal and diffuse horizontal irradiance, both float64 (t,), in W/m2."""
    cosine = np.cos(np.radians(zenith_deg))
    kt = np.clip(ghi_w_m2 / (extraterrestrial_w_m2 * np.maximum(cosine, _MIN_COSINE)), 0.0, 1.0)
    middle = 0.9511 - 0.1604 * kt + 4.388 * kt**2 - 16.638 * kt**3 + 12.336 * kt**4
    share = np.where(kt <= 0.22, 1.0 - 0.09 * kt, np.where(kt <= 0.8, middle, 0.165))
    high = zenith_deg <= LOWEST_SUN_DEG
    dni = np.where(high, ghi_w_m2 * (1.0 - share) / np.where(high, cosine, 1.0), 0.0)
    dni = np.minimum(dni, extraterrestrial_w_m2)
    return dni, ghi_w_m2 - np.where(high, dni * cosine, 0.0)


@variant("solar.decomposition", "numba")
@njit(cache=True)
def decomposition_numba(ghi_w_m2, zenith_deg, extraterrestrial_w_m2):  # type: ignore[no-untyped-def]
    """Return direct normal and diffuse horizontal irradiance, both float64 (t,), in W/m2."""
    n = ghi_w_m2.shape[0]
    dni, dhi = np.zeros(n), np.empty(n)
    for t in range(n):
        ghi, extra = ghi_w_m2[t], extraterrestrial_w_m2[t]
        dhi[t] = ghi
        if zenith_deg[t] > LOWEST_SUN_DEG:
            continue
        cosine = math.cos(math.radians(zenith_deg[t]))
        kt = min(1.0, max(0.0, ghi / (extra * max(cosine, _MIN_COSINE))))
        if kt <= 0.22:
            share = 1.0 - 0.09 * kt
        elif kt <= 0.8:
            share = 0.9511 + kt * (-0.1604 + kt * (4.388 + kt * (-16.638 + kt * 12.336)))
        else:
            share = 0.165
        dni[t] = min(ghi * (1.0 - share) / cosine, extra)
        dhi[t] = ghi - dni[t] * cosine
    return dni, dhi
