"""How much of the beam passes the cover of a module: incidence angle modifiers, and their polynomial for the kernels.

The modifier is the transmittance at an angle over that at normal incidence. Each function takes the cosine of incidence
(1 is normal) and returns the modifier, 0 where the sun is behind the plane. They are plain NumPy: they run once per
study, and `polynomial` turns them into the coefficients that ``solar.plane_irradiance`` evaluates for every hour.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

GLASS = 1.526
"""Refractive index of glass (De Soto et al. 2006; PVWatts version 5)."""
COATING = 1.3
"""Refractive index of an anti-reflective coating (Dobos 2014, section 8: premium and thin-film modules of PVWatts)."""
EXTINCTION_PER_M = 4.0
"""Extinction coefficient of water-white glass (De Soto et al. 2006)."""
THICKNESS_M = 0.002
"""Thickness of the cover glass (De Soto et al. 2006)."""
_TERMS = 13


def physical(
    cosine: Float,
    *,
    index: float = GLASS,
    extinction_per_m: float = EXTINCTION_PER_M,
    thickness_m: float = THICKNESS_M,
    coating: float | None = None,
) -> Float:
    """Return the modifier of a glass cover by Snell, Fresnel and Bouguer, optionally below an anti-reflective coating.

    W. De Soto, S. A. Klein and W. A. Beckman, "Improvement and validation of a model for photovoltaic array
    performance", Solar Energy 80 (2006) 78-88, doi:10.1016/j.solener.2005.06.010, equations 12 to 14; with coating
    A. P. Dobos, PVWatts Version 5 Manual, NREL/TP-6A20-62641 (2014), section 8.
    """
    cosine = np.asarray(cosine, np.float64)
    layers = [index] if coating is None else [coating, index]
    return np.where(cosine > 0.0, _through(cosine, layers, extinction_per_m, thickness_m), 0.0) / _through(
        np.ones(1), layers, extinction_per_m, thickness_m
    )


def _through(cosine: Float, layers: list[float], extinction_per_m: float, thickness_m: float) -> Float:
    """Return the transmittance of the cover, mean of both polarisations, with reflections to and fro in a coating."""
    above, outside = 1.0, np.clip(cosine, 0.0, 1.0)
    sine = np.sqrt(1.0 - outside**2)
    across, along = np.ones_like(outside), np.ones_like(outside)
    back_across, back_along = np.zeros_like(outside), np.zeros_like(outside)
    for below in layers:
        inside = np.sqrt(1.0 - (sine / below) ** 2)
        off_across = ((above * outside - below * inside) / (above * outside + below * inside)) ** 2
        off_along = ((below * outside - above * inside) / (below * outside + above * inside)) ** 2
        across = across * (1.0 - off_across) / (1.0 - off_across * back_across)
        along = along * (1.0 - off_along) / (1.0 - off_along * back_along)
        back_across, back_along = off_across, off_along
        above, outside = below, inside
    return np.asarray(0.5 * (across + along) * np.exp(-extinction_per_m * thickness_m / outside))


def ashrae(cosine: Float, b: float = 0.05) -> Float:
    """Return ``1 - b (1/cosine - 1)``, at least 0, as in ASHRAE Standard 93.

    A. F. Souka and H. H. Safwat, Solar Energy 10 (1966) 170-174, doi:10.1016/0038-092X(66)90004-1.
    """
    cosine = np.asarray(cosine, np.float64)
    up = np.where(cosine > 0.0, cosine, 1.0)
    return np.where(cosine > 0.0, np.maximum(1.0 - b * (1.0 / up - 1.0), 0.0), 0.0)


def martin_ruiz(cosine: Float, a_r: float = 0.16) -> Float:
    """Return ``(1 - exp(-cosine / a_r)) / (1 - exp(-1 / a_r))``.

    N. Martin and J. M. Ruiz, Solar Energy Materials and Solar Cells 70 (2001) 25-38,
    doi:10.1016/S0927-0248(00)00408-6, equation 4.
    """
    cosine = np.maximum(np.asarray(cosine, np.float64), 0.0)
    return np.asarray((1.0 - np.exp(-cosine / a_r)) / (1.0 - np.exp(-1.0 / a_r)))


def polynomial(modifier: Callable[[Float], Float]) -> NDArray[np.float32]:
    """Return the coefficients of ``modifier(cosine) cosine`` in ``x = 2 cosine - 1``, for ``solar.plane_irradiance``.

    Interpolation at Chebyshev nodes; `physical` and `martin_ruiz` are met within 1e-6. For `ashrae`, whose kink no
    polynomial follows, use `ashrae_polynomial`.
    """
    x = np.cos(np.pi * (np.arange(200) + 0.5) / 200.0)
    cosine = 0.5 * (1.0 + x)
    series = np.polynomial.chebyshev.chebfit(x, modifier(cosine) * cosine, _TERMS - 1)
    return np.polynomial.chebyshev.cheb2poly(series).astype(np.float32)


def ashrae_polynomial(b: float = 0.05) -> NDArray[np.float32]:
    """Return the two coefficients of `ashrae`, which times the cosine is a straight line, cut at 0 by the kernel."""
    return np.array([0.5 * (1.0 - b), 0.5 * (1.0 + b)], np.float32)
