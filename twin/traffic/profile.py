"""When trips are made: the hours of the working day, and which purposes and directions fill each of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from twin.traffic.parameters import TrafficParameters

Floats = NDArray[np.float64]

# Hours of the day (k to k + 1) of each period.
PERIODS = {
    "morning": (7, 8),
    "evening": (15, 16, 17),
    "off_peak": (0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 18, 19, 20, 21, 22, 23),
}
MORNING_TO_EVENING = 0.9  # share of an hour in the morning peak over one in the evening peak. Assumption.
# Relative level of the off-peak hours, in the order of PERIODS. Assumption: typical urban working day.
OFF_PEAK_LEVEL = (10, 7, 5, 4, 6, 16, 40, 56, 52, 52, 55, 56, 60, 62, 50, 40, 33, 25, 16)

PURPOSES = ("work", "education", "business", "other")
FIXED_HOURS = ("work", "education")
"""Purposes whose hours do not answer costs."""
LEGS = (
    "work_out",
    "work_back",
    "education_out",
    "education_back",
    "business_out",
    "business_back",
    "other_out",
    "other_back",
)
"""Each purpose's way from home (business: from the workplace) and back."""

# Shape of each leg over the day, percent per hour from 0 to 23 h, before it is fitted to the hours of all trips.
# Other: half shopping, which is the National Travel Survey of England 2025, table NTS0502b, Monday to Friday, 7 to
# 21 h (checked in a transcription), and half leisure; the way back an hour later. Work: the same survey has 13.6 % of
# all commuting start between 17 and 18 h (checked in the same transcription). The rest is assumption.
_SHAPE = {
    "work_out": (0.3, 0.3, 0.3, 0.5, 1.5, 5, 13, 28, 23, 8, 3, 2, 3, 3, 2, 1.5, 1, 0.9, 0.8, 0.8, 0.8, 0.7, 0.4, 0.3),
    "work_back": (0.4, 0.3, 0.2, 0.2, 0.3, 0.4, 0.8, 1, 1, 1, 1.2, 2, 4, 4, 7, 15, 24, 19, 7, 3.5, 2.5, 2, 1.8, 1),
    "education_out": (
        0.01, 0.01, 0.01, 0.01, 0.01, 0.1, 3, 43, 38, 7, 2, 1.5, 2, 1.5, 0.5, 0.3, 0.3, 0.3, 0.3, 0.1, 0.05, 0.02, 0.01,
        0.01,
    ),
    "education_back": (
        0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.05, 0.3, 0.6, 1, 2, 5, 11, 17, 22, 23, 9, 4, 2, 1.2, 1, 0.5, 0.2, 0.05,
    ),
    "business_out": (
        0.1, 0.1, 0.1, 0.1, 0.2, 0.5, 1.5, 4, 7, 10, 11, 13, 13, 11, 9, 7, 5, 3, 1.5, 1, 0.8, 0.5, 0.3, 0.2,
    ),
    "business_back": (
        0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 0.7, 1.5, 3, 6, 9, 11, 14, 13, 11, 10, 8, 5, 2.5, 1.5, 1, 0.7, 0.4, 0.3,
    ),
    "other_out": (
        0.3, 0.2, 0.1, 0.1, 0.2, 0.4, 1, 1.8, 3.6, 5.8, 8.3, 9, 8, 7.2, 6.9, 7, 7.6, 8.6, 8.5, 6.2, 3.4, 1.9, 1, 0.6,
    ),
    "other_back": (
        0.8, 0.5, 0.3, 0.2, 0.1, 0.2, 0.4, 0.8, 1.4, 2.8, 4.8, 7.2, 8.2, 7.6, 7.2, 7.2, 7.6, 8.2, 8.4, 7.8, 6.6, 5.2,
        3.4, 1.8,
    ),
}  # fmt: skip
# Vans and trucks start early and are few in the evening. Assumption.
_GOODS = (1, 1, 1, 1.5, 2, 3, 5.5, 7.5, 8.5, 9, 9, 8.5, 8, 7.5, 7, 6, 4.5, 3, 2, 1.5, 1.2, 1, 0.8, 0.5)
FIT_TOLERANCE = 1e-13
FIT_ROUNDS = 2000


def hourly_profile(parameters: TrafficParameters) -> Floats:
    """Return the share of the working day's trips in each hour [24], which sums to 1."""
    profile = np.zeros(24)
    profile[list(PERIODS["evening"])] = parameters.peak_share
    profile[list(PERIODS["morning"])] = MORNING_TO_EVENING * parameters.peak_share
    level = np.array(OFF_PEAK_LEVEL, float)
    profile[list(PERIODS["off_peak"])] = (1.0 - profile.sum()) * level / level.sum()
    return profile


def goods_profile() -> Floats:
    """Return the share of the working day's van and truck trips in each hour [24], which sums to 1."""
    shape = np.array(_GOODS, float)
    return shape / shape.sum()


def leg_profiles(trips: Mapping[str, float], profile: Floats) -> Floats:
    """Return the share of each leg's trips in each hour, [legs, 24]; rows sum to 1.

    Shapes by purpose are fitted to the hours of all trips by iterative proportional fitting (Deming and Stephan 1940,
    doi 10.1214/aoms/1177731829), so that the sum over purposes follows `profile`. Half of a purpose's trips are its
    way out.

    Parameters
    ----------
    trips : mapping of str to float
        Trips per day by purpose, both legs counted.
    profile : float64 [24]
        Share of all trips in each hour; positive, sums to 1.
    """
    shape = np.array([_SHAPE[leg] for leg in LEGS], float)
    shape /= shape.sum(axis=1, keepdims=True)
    weight = np.repeat([0.5 * trips[purpose] for purpose in PURPOSES], 2)
    total = weight.sum()
    if total <= 0.0:
        return np.asarray(shape)
    weight = weight / total
    for _ in range(FIT_ROUNDS):
        hours = weight @ shape
        if np.abs(hours - profile).max() <= FIT_TOLERANCE:
            break
        shape *= profile / hours
        shape /= shape.sum(axis=1, keepdims=True)
    return np.asarray(shape)


def per_hour(shares: Floats, period: str) -> Floats:
    """Return the mean of hourly `shares` [..., 24] over the hours of a period [...]."""
    return np.asarray(shares[..., list(PERIODS[period])].mean(axis=-1))
