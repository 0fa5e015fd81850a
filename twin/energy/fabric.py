"""What buildings are made of: areas of their elements, layers by U-value and class of thermal mass.

Each element has a layer with mass inside, a resistance that brings it to its U-value, and a cladding outside. Where the
U-value leaves no room for mass and cladding, these conduct better. Materials: EN ISO 10456:2007, table 3, as recalled;
brick as EN 1745. Which mass class has which layers is an assumption.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import DataError, at_row

Float = NDArray[np.float64]
Int = NDArray[np.int64]
LIGHT_MASS, MEDIUM_MASS, HEAVY_MASS = 0, 1, 2
ELEMENTS = ("wall", "roof", "floor", "inner_floor", "inner_wall", "party")
"""Opaque elements in the order of their nodes; the window, without nodes, comes last."""
INSIDE_M2K_W = {"wall": 0.13, "roof": 0.10, "window": 0.13}
OUTSIDE_M2K_W = 0.04
"""Surface resistances that a U-value holds, EN ISO 6946."""
MOST_U_W_M2K = 6.0
"""No element loses more; single glass has about 5.8."""
LEAST_M2K_W = 0.02
SURFACES_PER_FLOOR = 4.5
"""Inside surfaces over floor area, EN ISO 13790, 7.2.2.2; inner walls are what the other elements leave of it."""
LEAST_INNER_WALL = 0.5

_GYPSUM, _TIMBER, _BRICK, _CONCRETE = (0.25, 900e3), (0.13, 800e3), (0.60, 1700e3), (1.65, 2200e3)
# Thickness (m) and material by mass class; inner floors and walls up to the middle.
_MASS = {
    "wall": ((0.026, _GYPSUM), (0.100, _BRICK), (0.150, _CONCRETE)),
    "roof": ((0.026, _GYPSUM), (0.026, _GYPSUM), (0.150, _CONCRETE)),
    "floor": ((0.030, _TIMBER), (0.080, _CONCRETE), (0.150, _CONCRETE)),
    "inner_floor": ((0.030, _TIMBER), (0.050, _CONCRETE), (0.080, _CONCRETE)),
    "inner_wall": ((0.013, _GYPSUM), (0.040, _BRICK), (0.060, _CONCRETE)),
    "party": ((0.026, _GYPSUM), (0.100, _BRICK), (0.100, _CONCRETE)),
}
_CLADDING = {
    "wall": ((0.020, _TIMBER), (0.085, _BRICK), (0.085, _BRICK)),
    "roof": ((0.020, _TIMBER),) * 3,
}


class Fabric(NamedTuple):
    """Elements of n buildings, float64 (n,) where nothing else is said.

    area_m2: by element, ``"window"`` too; wall_m2, window_m2 (n, 8) by orientation; u_value_w_m2k of wall, roof, floor
    and window, thermal bridges included; g_value of whole windows at normal incidence, frames included; mass (n,)
    int64; perimeter_m: edge of the floor to outdoors; shading (n, 8), roof_shading.
    """

    area_m2: dict[str, Float]
    wall_m2: Float
    window_m2: Float
    u_value_w_m2k: dict[str, Float]
    g_value: Float
    mass: Int
    perimeter_m: Float
    shading: Float
    roof_shading: Float


class Layers(NamedTuple):
    """Mass, insulation and cladding of an element: resistance m²K/W and heat capacity J/m²K, float64 (n,)."""

    mass_m2k_w: Float
    mass_j_m2k: Float
    insulation_m2k_w: Float
    cladding_m2k_w: Float
    cladding_j_m2k: Float


def inner_areas(floor_area_m2: Float, footprint_m2: Float, outer_m2: Float, party_m2: Float) -> tuple[Float, Float]:
    """Return the surfaces of floors between storeys, both sides, and of inner walls."""
    floors = 2.0 * np.maximum(floor_area_m2 - footprint_m2, 0.0)
    rest = SURFACES_PER_FLOOR * floor_area_m2 - outer_m2 - party_m2 - floors
    return floors, np.maximum(rest, LEAST_INNER_WALL * floor_area_m2)


def layers_of(element: str, u_value_w_m2k: Float, mass: Int) -> Layers:
    """Return the layers of a wall or roof of given U-value."""
    inner, outer = _tabled(_MASS[element], mass), _tabled(_CLADDING[element], mass)
    left = 1.0 / u_value_w_m2k - INSIDE_M2K_W[element] - OUTSIDE_M2K_W
    left = np.maximum(left, LEAST_M2K_W)
    inside, outside = np.minimum(inner[0], 0.4 * left), np.minimum(outer[0], 0.4 * left)
    return Layers(inside, inner[1], left - inside - outside, outside, outer[1])


def mass_of(element: str, mass: Int) -> tuple[Float, Float]:
    """Return resistance and heat capacity of the inner layer of an element."""
    return _tabled(_MASS[element], mass)


def window_resistance(u_value_w_m2k: Float) -> Float:
    """Return the resistance of windows between their surfaces."""
    return np.asarray(np.maximum(1.0 / u_value_w_m2k - INSIDE_M2K_W["window"] - OUTSIDE_M2K_W, LEAST_M2K_W))


def check_fabric(fabric: Fabric, names: NDArray[np.str_]) -> None:
    """Raise DataError for an impossible construction, with the building and the figure."""
    figures = {f"U-value of the {name}": (u, 0.0, MOST_U_W_M2K) for name, u in fabric.u_value_w_m2k.items()}
    figures |= {f"area of the {name}": (area, -1e-6, np.inf) for name, area in fabric.area_m2.items()}
    figures["g-value of the window"] = (fabric.g_value, -1e-9, 1.0)
    for what, (values, low, high) in figures.items():
        wrong = np.flatnonzero(~((values > low) & (values <= high)))
        if len(wrong):
            expected = f"more than 0, at most {high:g}" if np.isfinite(high) else "not negative"
            where = at_row("buildings", str(names[wrong[0]]), what)
            raise DataError(f"the {what} is {values[wrong[0]]:g}", where=where, expected=expected)


def _tabled(table: tuple[tuple[float, tuple[float, float]], ...], mass: Int) -> tuple[Float, Float]:
    resistance = np.array([thickness / conductivity for thickness, (conductivity, _) in table])
    capacity = np.array([thickness * store for thickness, (_, store) in table])
    return resistance[mass], capacity[mass]
