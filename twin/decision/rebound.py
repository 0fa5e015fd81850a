"""Rebound: what is left of a saving when demand reacts to what things cost.

Demand follows ``D = D0 (c / c0) ** elasticity``; with an elasticity of zero nothing reacts and the net saving is the
gross one. Runs with several elasticities give the one at which a saving turns into a loss. Definitions after S. Sorrell
and J. Dimitropoulos 2008, doi 10.1016/j.ecolecon.2007.08.013.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.errors import StudyError

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Rebound:
    """Gross and net saving, and the share of the gross saving that demand takes back.

    A share of 0.3 takes 30 % back; above 1 the net saving is a loss; below 0 demand adds to the saving. NaN where
    nothing is saved in the first place.
    """

    gross: float
    net: float
    share: float


def rebound(gross: float, net: float) -> Rebound:
    """Return the rebound of a gross saving (demand fixed) of which `net` is left."""
    return Rebound(gross, net, 1.0 - net / gross if gross else float("nan"))


def demand(base: Float, cost_ratio: Float, elasticity: float) -> Float:
    """Return ``base * cost_ratio ** elasticity``; with an elasticity of 0 it is `base` bit for bit.

    Raises
    ------
    StudyError
        A cost ratio that is not above zero, or an elasticity above zero.
    """
    if not (np.asarray(cost_ratio) > 0.0).all() or not -np.inf < elasticity <= 0.0:
        raise StudyError("demand cannot follow this cost", expected="costs above 0 and an elasticity of 0 or below")
    return np.asarray(base * np.power(cost_ratio, elasticity))


def turning_elasticity(elasticities: Float, net_saving: Float) -> float:
    """Return the elasticity closest to zero at which the net saving turns into a loss.

    By straight lines between runs; NaN where it does not turn within them, or where nothing is saved to begin with.

    Parameters
    ----------
    elasticities : float64 (n,)
        Different values of zero or below, in any order.
    net_saving : float64 (n,)
        Net saving of the run with each.
    """
    order = np.argsort(elasticities)[::-1]
    x, y = np.asarray(elasticities, np.float64)[order], np.asarray(net_saving, np.float64)[order]
    if len(x) < 2 or y[0] <= 0.0 or not (y < 0.0).any():
        return float("nan")
    k = int(np.argmax(y < 0.0))
    return float(x[k - 1] + (x[k] - x[k - 1]) * y[k - 1] / (y[k - 1] - y[k]))
