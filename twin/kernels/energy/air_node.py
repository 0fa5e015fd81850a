"""The air of a zone for one hour, in closed form, as the references of the network and the modal family take it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Single = NDArray[np.float32]
LEAST_BAND_K = 0.5
FIGURES = (
    "peak_heating_w",
    "peak_cooling_w",
    "mean_air_c",
    "min_air_c",
    "max_air_c",
    "overheating_h",  # hours with an operative temperature above `overheating_c`
    "max_operative_c",
)


def heating_set(heat_set_c: Float, offset_k: Float, cool_set_c: Float) -> Float:
    """Return the heating set-point with its offset, which lifts it no higher than 0.5 K below the cooling set-point."""
    return np.asarray(np.minimum(heat_set_c + offset_k, np.maximum(heat_set_c, cool_set_c - LEAST_BAND_K)))


def held(
    still: Float,
    per_watt: Float,
    outside: float,
    band: tuple[Float, Float],
    airing: Float,
    limits: tuple[Float, Float],
) -> tuple[Float, Float, Float]:
    """Return the air temperature, the power that heats (positive) or cools, and the heat that airing takes.

    Parameters
    ----------
    still : float64 (n,)
        Air temperature without power and airing.
    per_watt : float64 (n,)
        Its rise per watt.
    outside : float
    band : pair of float64 (n,)
        Set-points for heating and cooling.
    airing : float64 (n,)
        Additional exchange with outdoors at most, W/K; from the middle of the band upwards as much as holds it.
    limits : pair of float64 (n,)
        Most heating and most cooling, W.
    """
    low, high = band
    needed = np.maximum(0.0, still - 0.5 * (low + high)) / per_watt
    fully_open = airing * (still - outside) / (1.0 + airing * per_watt)
    aired = np.clip(fully_open, 0.0, needed)
    free = still - per_watt * aired
    power = np.clip((np.clip(free, low, high) - free) / per_watt, -limits[1], limits[0])
    return free + power * per_watt, power, aired


def operative(air: Float, from_surfaces: Float, film_w_k: Float) -> Float:
    """Return the mean of the air and of the surfaces weighted by film and area, from the heat these give to the air.

    With a film of 0 it is that of the air.
    """
    half = np.divide(0.5, film_w_k, out=np.zeros_like(film_w_k), where=film_w_k > 0.0)
    return np.asarray(air + half * from_surfaces)


def figures_of(heating: Single, cooling: Single, air: Single, warmth: Float, overheating_c: float) -> Float:
    """Return `FIGURES`, float64 (n, 7), from hourly heating, cooling, air and operative temperature (n, t)."""
    columns = (
        heating.max(axis=1),
        cooling.max(axis=1),
        air.mean(axis=1, dtype=np.float64),
        air.min(axis=1),
        air.max(axis=1),
        np.sum(warmth > overheating_c, axis=1),
        warmth.max(axis=1),
    )
    return np.stack(columns, axis=1).astype(np.float64)
