"""The COP of heat pumps from the temperature lift between source and sink.

Quadratic regressions of Ruhnau, Hirth and Praktiknjo 2019, "Time series of heat demand and heat pump efficiency for
energy system modeling", Scientific Data 6:189, doi 10.1038/s41597-019-0199-y, with their least lift of 15 K and their
correction of catalogue to field values by 0.85. The paper prints the coefficients rounded, which raises the COP of air
by a tenth at a lift of 60 K; those used here are the ones its published series were made with (when2heat,
input/cop/cop_parameters.csv). Beyond the lift where the parabola turns upward its lowest value is kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

AIR, GROUND = 0, 1
COEFFICIENTS = np.array([[6.0801, -0.0941, 0.0005], [10.288, -0.2084, 0.0012]])
LEAST_LIFT_K = 15.0


def cop(kind: int, lift_k: NDArray[np.float64], correction: float) -> NDArray[np.float64]:
    """Return the COP at a temperature lift, never below 1.

    Parameters
    ----------
    kind : int
        `AIR` or `GROUND`.
    lift_k : float64 array
        Sink minus source temperature.
    correction : float
        Field over catalogue performance.
    """
    a, b, c = COEFFICIENTS[kind]
    lift = np.clip(lift_k, LEAST_LIFT_K, -b / (2.0 * c))
    return np.maximum(1.0, correction * (a + b * lift + c * lift * lift))
