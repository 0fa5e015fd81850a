"""Where trips go: doubly constrained gravity and singly constrained destination choice, calibrated to a length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

import twin.kernels.traffic  # noqa: F401 - registers the kernel families
from twin.kernels import registry

Floats = NDArray[np.float64]

LONGEST_SHARE = 0.9  # of the mean length without deterrence
BETA_LIMIT = 200.0  # largest deterrence, in units of 1 / mean length without it


def distribute(
    productions: Floats, attractions: Floats, km: Floats, length_km: float, purpose: str, both_ends: bool, variant: str
) -> tuple[Floats, float, list[str]]:
    """Return trips [zones, zones], the deterrence (1/km) and warnings.

    Parameters
    ----------
    productions, attractions : float64 [zones]
        Not negative. Productions are met; attractions are met in proportion where `both_ends`, else they only pull.
    km : float64 [zones, zones]
        Positive.
    length_km : float
        Mean length asked for; capped at `LONGEST_SHARE` of the mean without deterrence.
    purpose : str
        For warnings.
    both_ends : bool
        Doubly constrained.
    variant : str
        Of the gravity kernel.
    """
    total, pull = productions.sum(), attractions.sum()
    if total <= 0.0 or pull <= 0.0:
        return np.zeros_like(km), 0.0, []
    attractions = attractions * (total / pull)
    longest = LONGEST_SHARE * float((productions[:, None] * km * attractions).sum()) / total**2
    target = min(length_km, longest)
    warnings = []
    if target < length_km:
        warnings.append(
            f"mean length of {purpose} trips set to {target:.2f} km: the area is too small for {length_km:.2f} km"
        )
    if both_ends:
        trips, beta = registry.get("traffic.gravity", variant)(productions, attractions, km, 0.0, target)
    else:
        trips, beta = choose_destinations(productions, attractions, km, target)
    mean = float((trips * km).sum() / trips.sum())
    if mean > 1.001 * target:
        warnings.append(f"{purpose} trips are {mean:.2f} km long: zones are too large or far apart for {target:.2f} km")
    return trips, float(beta), warnings


def choose_destinations(productions: Floats, attractions: Floats, km: Floats, length_km: float) -> tuple[Floats, float]:
    """Return trips [zones, zones] of a logit of destinations with size `attractions`, and its deterrence (1/km).

    ``trips[i, j] = productions[i] * attractions[j] * exp(-beta * km[i, j]) / sum over j of the same`` (Ortúzar and
    Willumsen 2011, Modelling Transport, 5.6), beta such that the mean length is `length_km` where that can be.
    """
    # From the nearest destination on, so that the weights of a remote zone cannot all underflow.
    beyond = km - km[:, attractions > 0.0].min(axis=1, keepdims=True)

    def trips(beta: float) -> Floats:
        weight = np.where(attractions > 0.0, attractions * np.exp(-beta * beyond.clip(0.0)), 0.0)
        return np.asarray(productions[:, None] * weight / weight.sum(axis=1, keepdims=True))

    def excess(beta: float) -> float:
        found = trips(beta)
        return float((found * km).sum() / found.sum()) - length_km

    longest = excess(0.0)
    if longest <= 0.0:
        return trips(0.0), 0.0
    limit = BETA_LIMIT / (longest + length_km)
    if excess(limit) >= 0.0:
        return trips(limit), limit
    beta = float(brentq(excess, 0.0, limit, xtol=1e-14, rtol=1e-13))
    return trips(beta), beta
