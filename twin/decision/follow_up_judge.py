"""What may be said of an observation beside a promise, and of why they differ.

A promise is an interval. An observation that reaches into it is as promised, wherever in it: nothing inside the noise
is called better or worse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from twin.decision.compare import NO_INTERVAL

AS_PROMISED, BETTER, WORSE, OTHER = "as promised", "better than promised", "worse than promised", "other than promised"
INSIDE, OUTSIDE = "inside the interval", "outside the interval"
"""What is said of the baseline, which promises nothing."""
VERDICTS = (AS_PROMISED, BETTER, WORSE, OTHER, INSIDE, OUTSIDE, NO_INTERVAL)

BY_INPUTS, BY_PART, BY_MODEL = "inputs explain it", "inputs explain a part", "inputs do not explain it"
BY_LUCK = "only because errors cancel"
NOT_SPLIT = "no inputs observed"
"""Why an observation is not as promised; the fourth, that one as promised would not be so with the true inputs."""

PART = 0.1
"""Less of a residual that inputs explain is no part worth the name (assumption)."""
_ROUNDING = 1e-9
"""Part of a value that may be lost when it is written down in full."""


@dataclass(frozen=True)
class Range:
    """A value and its range."""

    value: float
    low: float
    high: float

    def shifted(self, by: float) -> Range:
        """Return the range moved by `by`."""
        return Range(self.value + by, self.low + by, self.high + by)

    def minus(self, other: Range) -> Range:
        """Return the widest range of the difference."""
        return Range(self.value - other.value, self.low - other.high, self.high - other.low)


def meets(observed: Range, promised: Range) -> bool:
    """Return whether the ranges have a value in common."""
    slack = _ROUNDING * max(map(abs, (observed.low, observed.high, promised.low, promised.high)))
    return observed.high >= promised.low - slack and observed.low <= promised.high + slack


def verdict(observed: Range, promised: Range, better: str) -> str:
    """Return what may be said of an observation.

    Parameters
    ----------
    observed, promised : Range
        The promise's range is its 90 % interval, NaN where there is none.
    better : {"lower", "higher", "neutral"}
        Which direction is an improvement.
    """
    if math.isnan(promised.low):
        return NO_INTERVAL
    if meets(observed, promised):
        return AS_PROMISED
    if better == "neutral":
        return OTHER
    return BETTER if (observed.high < promised.low) == (better == "lower") else WORSE


def cause(said: str, observed: Range, promised: Range, shift: float) -> str:
    """Return why an observation is not as promised; empty where nothing is to be explained.

    Parameters
    ----------
    said : str
        Of `verdict`.
    observed, promised : Range
    shift : float
        What the observed inputs change in the promise; NaN where none were observed.
    """
    if said == NO_INTERVAL:
        return ""
    if math.isnan(shift):
        return "" if said == AS_PROMISED else NOT_SPLIT
    explained = meets(observed, promised.shifted(shift))
    if said == AS_PROMISED:
        return "" if explained else BY_LUCK
    if explained:
        return BY_INPUTS
    before = observed.value - promised.value
    return BY_PART if abs(before - shift) <= (1.0 - PART) * abs(before) else BY_MODEL
