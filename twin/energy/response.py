"""Demand response of heating: set-points that follow a signal within comfort bounds.

The heating set-point is lowered where the signal is above its mean of the day and raised where it is below, by at most
`response_lower_k` and `response_raise_k`, so that the mass of the building carries heat from cheap hours, mostly those
before a peak, into dear ones. The change is in proportion to the signal: set-points that jump by as much as a comfort
bound allows make a peak of their own, since a step of 1 K asks walls and furniture for more heat than hot water does at
its peak (tried on the simple hourly model: jumps of 1 K raised the peak of a block of flats by 8 %, proportional
changes of 0.5 K lowered it by 8 %).

Field tests: rooms of the Otaniemi pilot moved by 0.2 to 1.0 K over two to four hours (Aalto Campus & Real Estate 2015);
student homes in Tampere saved 9 % of the year's heat and 14 to 15 % of the peak (Ala-Kotila, Vainio and Heinonen 2020,
doi 10.3390/smartcities3020009), the heat by lower mean temperatures, for which `heating_shift_k` stands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.energy.parameters import EnergyParameters
from twin.energy.stock import BASE_C
from twin.errors import DataError

Float = NDArray[np.float64]
LEAST_GAP_K = 1.0
"""Between the heating and the cooling set-point."""
FULL = 0.95
"""Quantile of the days' largest deviations from their mean at which the bounds are reached."""
LAG_HOURS = 6
"""Over which outdoor air is averaged in the shape of a district's load (assumption)."""
WATER_SHARE = 0.2
"""Hot water in the year's heat of a district (assumption)."""


def response_setpoints(heat_set_c: Float, cool_set_c: Float, signal: Float, parameters: EnergyParameters) -> Float:
    """Return the heating set-points of buildings that respond to a signal.

    Parameters
    ----------
    heat_set_c, cool_set_c : float64 (k, 8760)
        Set-points of each profile of use without response.
    signal : float64 (8760,)
        What is dear in its high hours: load of the district network, price or CO2 of electricity.
    parameters : EnergyParameters
        ``response_lower_k`` and ``response_raise_k``.

    Returns
    -------
    float64 (k, 8760)
        Never more than the bounds from `heat_set_c`, and `LEAST_GAP_K` below `cool_set_c`, or as it was.

    Raises
    ------
    DataError
        A signal of another length, or with values that are not finite.
    """
    signal = np.asarray(signal, np.float64)
    if signal.shape != heat_set_c.shape[1:] or len(signal) % 24 or not np.isfinite(signal).all():
        raise DataError(
            "the signal of heat demand response cannot be used",
            expected=f"{heat_set_c.shape[1]} finite hourly values, not {signal.shape}",
        )
    shifted = heat_set_c + response_offset(signal, parameters)
    return np.asarray(np.maximum(np.minimum(shifted, cool_set_c - LEAST_GAP_K), np.minimum(heat_set_c, shifted)))


def response_offset(signal: Float, parameters: EnergyParameters) -> Float:
    """Return what is added to the set-point in each hour, K (8760,); zero for a signal that does not vary in days."""
    days = signal.reshape(-1, 24)
    deviation = days - days.mean(axis=1, keepdims=True)
    full = float(np.quantile(np.abs(deviation).max(axis=1), FULL))
    if full <= 1e-9 * float(np.abs(days).max()):
        return np.zeros(len(signal))
    part = np.clip(deviation / full, -1.0, 1.0).ravel()
    return np.where(part > 0.0, -parameters.response_lower_k * part, -parameters.response_raise_k * part)


def heat_load_signal(temperature_c: Float, hot_water: Float) -> Float:
    """Return the shape of a district's heat load from weather and the profile of hot water, mean of the year 1.

    Parameters
    ----------
    temperature_c : float64 (8760,)
    hot_water : float64 (8760,)
        Any scale.
    """
    before = np.concatenate([temperature_c[1 - LAG_HOURS :], temperature_c])
    smooth = np.convolve(before, np.ones(LAG_HOURS) / LAG_HOURS, mode="valid")
    room = np.maximum(BASE_C - smooth, 0.0)
    room_share = (1.0 - WATER_SHARE) / max(float(room.mean()), 1e-9)
    return np.asarray(room_share * room + WATER_SHARE / float(hot_water.mean()) * hot_water)
