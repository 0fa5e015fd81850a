"""What the panes of a window absorb of beam, by angle of incidence, and what the gap between them conducts.

Fresnel and Bouguer for each polarisation, all reflections between two equal panes: J. A. Duffie and W. A. Beckman,
"Solar Engineering of Thermal Processes", 4th edition, Wiley (2013), doi:10.1002/9781118671603, sections 5.1 to 5.3.
The share that passes is `twin.kernels.solar.window.transmittance`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
STEFAN_BOLTZMANN = 5.670374419e-8
GASES = {
    "air": (
        (2.336e-2, 2.416e-2, 2.496e-2, 2.576e-2),
        (1.326, 1.277, 1.232, 1.189),
        (1.661e-5, 1.711e-5, 1.761e-5, 1.811e-5),
        1008.0,
    ),
    "argon": (
        (1.584e-2, 1.634e-2, 1.684e-2, 1.734e-2),
        (1.829, 1.762, 1.699, 1.640),
        (2.038e-5, 2.101e-5, 2.164e-5, 2.228e-5),
        519.0,
    ),
}
"""Conductivity W/mK, density kg/m³, viscosity kg/ms at -10, 0, 10 and 20 °C; heat capacity J/kgK (EN 673:2011)."""


def gap_conductance(
    inner_c: Float,
    outer_c: Float,
    width_m: float,
    *,
    gas: str = "air",
    emissivities: tuple[float, float] = (0.84, 0.84),
    pressure_share: float = 1.0,
) -> Float:
    """Return the conductance of an upright gap between two panes, W/m²K, float64 like their temperatures.

    EN 673:2011, sections 5.2 and 5.3: radiation between the panes, and the gas by its Nusselt number, at the mean
    temperature of the gap. Beyond the table the properties of the gas go on in straight lines.

    Parameters
    ----------
    inner_c, outer_c : float64
        Temperatures of the panes.
    width_m : float
    gas : str
        ``"air"`` or ``"argon"``.
    emissivities : tuple of float
        Of the sides that face the gap.
    pressure_share : float
        Of the gas, against that of the table.
    """
    mean = 0.5 * (np.asarray(inner_c, np.float64) + outer_c)
    apart, kelvin = np.maximum(np.abs(np.asarray(inner_c, np.float64) - outer_c), 1e-6), mean + 273.15
    at = np.array([-10.0, 0.0, 10.0, 20.0])
    conductivity, density, viscosity = (np.polynomial.Polynomial.fit(at, row, 1)(mean) for row in GASES[gas][:3])
    heat = GASES[gas][3]
    density = density * pressure_share
    grashof = 9.81 * width_m**3 * apart * density**2 / (kelvin * viscosity**2)
    nusselt = np.maximum(1.0, 0.035 * (grashof * viscosity * heat / conductivity) ** 0.38)
    between = 1.0 / (1.0 / emissivities[0] + 1.0 / emissivities[1] - 1.0)
    return np.asarray(4.0 * STEFAN_BOLTZMANN * between * kelvin**3 + nusselt * conductivity / width_m)


def absorptance(
    cosine: Float,
    panes: int = 2,
    *,
    index: float = 1.526,
    extinction_per_m: float = 31.0,
    thickness_m: float = 0.003048,
) -> tuple[Float, Float]:
    """Return the shares of beam that the inner and the outer pane absorb, float64 like `cosine`.

    Parameters
    ----------
    cosine : float64 [n]
        Of the angle of incidence; light from behind (0 or less) gives 0.
    panes : int
        1 or 2. The share of the outer of one pane is 0.
    index, extinction_per_m, thickness_m : float
        Of the glass; the defaults are those of `twin.kernels.solar.window.transmittance`.
    """
    cosine = np.asarray(cosine, np.float64)
    outside = np.clip(cosine, 1e-9, 1.0)
    refracted = np.sqrt(1.0 - (1.0 - outside**2) / index**2)
    kept = np.exp(-extinction_per_m * thickness_m / refracted)
    inner, outer = np.zeros_like(outside), np.zeros_like(outside)
    for numerator, denominator in (
        (outside - index * refracted, outside + index * refracted),
        (index * outside - refracted, index * outside + refracted),
    ):
        r = (numerator / denominator) ** 2
        through = kept * (1.0 - r) ** 2 / (1.0 - (r * kept) ** 2)
        back = r * (1.0 + kept * through)
        taken = 1.0 - through - back
        if panes == 1:
            inner += 0.5 * taken
        else:
            arriving = through / (1.0 - back**2)  # on the inner pane, of what falls on the outer
            inner += 0.5 * arriving * taken
            outer += 0.5 * (taken + arriving * back * taken)
    front = cosine > 0.0
    return np.asarray(np.where(front, inner, 0.0)), np.asarray(np.where(front, outer, 0.0))
