"""What the panes of a window absorb of beam, by angle of incidence.

Fresnel and Bouguer for each polarisation, all reflections between two equal panes: J. A. Duffie and W. A. Beckman,
"Solar Engineering of Thermal Processes", 4th edition, Wiley (2013), doi:10.1002/9781118671603, sections 5.1 to 5.3.
The share that passes is `twin.kernels.solar.window.transmittance`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


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
