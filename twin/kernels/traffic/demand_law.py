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

from twin.kernels.jit import njit

STEEPEST = 700.0  # largest exponent that stays finite
MISSED = 0.5  # a step of demand may overshoot if it leaves at most this part of what was out of place
HALVINGS = 60  # most of one step: the last is as small as rounding


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


@njit(cache=True)
def too_far(before: float, after: float) -> bool:
    """Return whether a step of demand overshot; both are what the law asks for less what is met.

    Bare Newton steps may swing for ever between no trips and far too many: an empty road has no slope, so all come who
    would at its cost; on one that is overfull nobody would travel, so all go. Along a way what is asked for falls as
    trips are added, so a step halved often enough stops short of the solution or close to it, and the swing ends.
    """
    return before * after < 0.0 and abs(after) > MISSED * abs(before)


@njit(cache=True)
def asked_cost(trips: float, demand: float, pivot: float, response: float, leg: float) -> tuple[float, float]:
    """Return the cost at which a law asks for `trips`, and its derivative by them: the inverse of `answer`.

    There must be a response and trips; with a logit fewer of these than `demand`.
    """
    if response > 0.0:
        return pivot + math.log((demand - trips) / trips) / response, -demand / (response * trips * (demand - trips))
    ratio = (trips / demand) ** (1.0 / response)
    return ratio * (pivot + leg) - leg, ratio * (pivot + leg) / (response * trips)
