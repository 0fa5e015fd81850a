"""Net present value, internal rate of return, payback and break-even of yearly cash flows.

Cash of year ``t`` stands at position ``t`` of the last axis, below zero where it is paid. Position 0 is not discounted,
as in numpy-financial. Measures after S. A. Ross, R. W. Westerfield and J. Jaffe, Corporate Finance, chapters 4 to 6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from twin.errors import StudyError

Float = NDArray[np.float64]

GROWTH = np.unique(
    np.concatenate([np.geomspace(1e-9, 0.5, 600), np.linspace(0.5, 2.0, 3001), np.geomspace(2.0, 1e9, 600)])
)
"""Growth factors ``1 + rate`` between which a rate of return is looked for."""
ROUNDING = 1e-12
"""A balance within this part of the money moved is zero."""


def discount_factors(rate: float, years: int) -> Float:
    """Return ``(1 + rate)^-t`` of the years 0 to ``years - 1``.

    Raises
    ------
    StudyError
        The rate is not above −100 %.
    """
    if not (np.isfinite(rate) and rate > -1.0):
        raise StudyError(f"the discount rate {rate!r} cannot be used", expected="a rate above -1, for example 0.03")
    return (1.0 + rate) ** -np.arange(years, dtype=np.float64)


def npv(rate: float, cash: Float) -> Float:
    """Return the net present value of cash float64 (..., years), shape (...)."""
    cash = np.asarray(cash, np.float64)
    return np.asarray(cash @ discount_factors(rate, cash.shape[-1]))


def irr(cash: Float) -> float:
    """Return the rate at which the net present value is zero; NaN where there is none or more than one.

    Cash that changes sign more than once may have several such rates: none of them ranks projects, so none is given.

    Parameters
    ----------
    cash : float64 (years,)
    """
    cash = np.asarray(cash, np.float64)
    scale = np.abs(cash).max(initial=0.0)
    if scale == 0.0 or not ((cash > 0).any() and (cash < 0).any()):
        return float("nan")
    flows = cash / scale

    def present(growth: Any) -> Any:
        # Horner's rule; worth of the first year, or of the last where growth is below one, lest the powers overflow
        late = growth < 1.0
        factor = np.where(late, growth, 1.0 / growth)
        total = np.zeros_like(factor)
        for early, other in zip(flows, flows[::-1], strict=True):
            total = total * factor + np.where(late, early, other)
        return total

    values = present(GROWTH)
    roots = list(GROWTH[values == 0.0])
    changes = np.flatnonzero(values[:-1] * values[1:] < 0.0)
    roots += [brentq(present, GROWTH[k], GROWTH[k + 1], xtol=1e-15, rtol=1e-14) for k in changes]
    return float(roots[0] - 1.0) if len(roots) == 1 else float("nan")


def cumulative(cash: Float) -> Float:
    """Return the running balance along the years, what is only rounding set to zero."""
    balance = np.cumsum(cash, axis=-1)
    moved = np.cumsum(np.abs(cash), axis=-1)
    return np.where(np.abs(balance) <= ROUNDING * moved, 0.0, balance)


def stays_positive_from(balance: Float) -> int | None:
    """Return the first position from which a running balance is never below zero again; None if it ends below."""
    below = np.flatnonzero(balance < 0.0)
    if len(below) == 0:
        return 0
    return None if below[-1] == len(balance) - 1 else int(below[-1]) + 1


def payback_years(cash: Float) -> float:
    """Return the years until the undiscounted balance is never below zero again, part of a year by interpolation.

    NaN where it ends below zero; 0 where nothing is ever owed.
    """
    balance = cumulative(np.asarray(cash, np.float64))
    year = stays_positive_from(balance)
    if year is None:
        return float("nan")
    if year == 0:
        return 0.0
    owed = -balance[year - 1]
    return float(year - 1 + owed / (owed + balance[year]))


def break_even(rate: float, cash: Float, first_year: int) -> int | None:
    """Return the first calendar year from which the discounted balance is never below zero again; None if none."""
    cash = np.asarray(cash, np.float64)
    year = stays_positive_from(cumulative(cash * discount_factors(rate, cash.shape[-1])))
    return None if year is None else first_year + year
