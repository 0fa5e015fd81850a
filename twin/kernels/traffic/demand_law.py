"""How the demand of a class between two zones answers its generalised cost.

The sign of the response says which law holds:

- 0: fixed, ``D = demand``
- negative, constant elasticity: ``D = demand * ((c + leg) / (pivot + leg)) ** response``, where `leg` is the cost
  outside the area; `demand` holds at the cost `pivot`
- positive, binary logit: ``D = demand / (1 + exp(response * (c - pivot)))``; `demand` is what could travel at most
  and `pivot` the cost at which half of it does
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

STEEPEST = 700.0  # largest exponent that stays finite


@njit(cache=True)
def answer(cost: float, demand: float, pivot: float, response: float, leg: float) -> tuple[float, float]:
    """Return the demand at a cost and its derivative by the cost."""
    if response == 0.0 or demand == 0.0:
        return demand, 0.0
    if cost == np.inf:
        return 0.0, 0.0
    if response > 0.0:
        exponent = response * (cost - pivot)
        if exponent > STEEPEST:
            return 0.0, 0.0
        odds = math.exp(exponent)
        wanted = demand / (1.0 + odds)
        return wanted, -response * wanted * odds / (1.0 + odds)
    if cost + leg <= 0.0 or pivot + leg <= 0.0:
        return demand, 0.0
    wanted = demand * ((cost + leg) / (pivot + leg)) ** response
    return wanted, response * wanted / (cost + leg)
