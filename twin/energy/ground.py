"""Floors on the ground: EN ISO 13370:2017, slab on ground, formulas as recalled; not checked at source."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
CONDUCTIVITY_W_MK = 2.0
STORE_J_M3K = 2.0e6
PERIOD_DEPTH_M = 3.2
"""Of sand or gravel, the standard's default: conductivity, heat capacity, depth that a yearly wave reaches."""
WALL_M = 0.4
"""Thickness of outer walls (assumption)."""
SOIL_M = 0.5
"""Of the soil that takes part hour by hour (EN ISO 52016-1, 6.5.8.3)."""
INSIDE_M2K_W, OUTSIDE_M2K_W = 0.17, 0.04


class Floor(NamedTuple):
    """A floor on the ground, float64 (n,) each.

    construction_m2k_w: resistance of slab and insulation; virtual_m2k_w: of what lies below the soil that takes part;
    swing: share of the yearly swing of the air that the ground's temperature follows.
    """

    construction_m2k_w: Float
    virtual_m2k_w: Float
    swing: Float


def floor_on_ground(area_m2: Float, perimeter_m: Float, u_value_w_m2k: Float) -> Floor:
    """Return floors by area, length of the edge to outdoors, and U-value of the construction between two airs."""
    resistance = np.maximum(1.0 / u_value_w_m2k - INSIDE_M2K_W - OUTSIDE_M2K_W, 0.05)
    width = area_m2 / np.maximum(0.5 * perimeter_m, 1e-3 * np.sqrt(area_m2))
    depth = WALL_M + CONDUCTIVITY_W_MK * (INSIDE_M2K_W + resistance + OUTSIDE_M2K_W)
    wide = np.pi * width
    shallow = 2.0 * CONDUCTIVITY_W_MK / (wide + depth) * np.log(wide / depth + 1.0)
    u_value = np.where(depth < width, shallow, CONDUCTIVITY_W_MK / (0.457 * width + depth))
    soil = SOIL_M / CONDUCTIVITY_W_MK
    virtual = np.maximum(1.0 / u_value - INSIDE_M2K_W - resistance - soil, 0.02)
    edge = 0.37 * CONDUCTIVITY_W_MK * np.log(PERIOD_DEPTH_M / depth + 1.0)  # W/K per metre of edge
    swing = edge * 2.0 / width / u_value
    return Floor(resistance, virtual, np.minimum(swing, 1.0))
