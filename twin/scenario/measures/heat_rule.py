"""Which heat supply replaces another, by rule."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.city.model import City
from twin.scenario.measures.base import count
from twin.scenario.measures.change_heat_supply import WORDS

Replacement = Literal["by_rule", "district_heating", "direct_electric", "air_heat_pump", "ground_heat_pump"]


def replacements(
    city: City, mask: NDArray[np.bool_], to: Replacement, *, network_m: float, ground_from_m2: float
) -> NDArray[np.str_]:
    """Return the new heat supply of each building of a mask.

    Parameters
    ----------
    city : City
    mask : bool (n,)
    to : str
        A heat supply for all of them, or ``by_rule``: district heating within `network_m` of a building that has it,
        else a ground-source heat pump from `ground_from_m2` of floor area on, else an air-source one.
    network_m, ground_from_m2 : float
    """
    n = int(mask.sum())
    if to != "by_rule":
        return np.full(n, to)
    outlines = np.asarray(city.buildings.geometry.array)
    connected = outlines[(city.buildings["heat_supply"] == "district_heating").to_numpy()]
    near = np.zeros(n, bool)
    if n and len(connected):
        near[shapely.STRtree(connected).query(outlines[mask], predicate="dwithin", distance=network_m)[0]] = True
    large = city.buildings.loc[mask, "floor_area_m2"].to_numpy() >= ground_from_m2
    return np.where(near, "district_heating", np.where(large, "ground_heat_pump", "air_heat_pump"))


def supply_words(supplies: NDArray[np.str_]) -> str:
    """Return ``3 district heating, 12 air-source heat pumps``; empty for none."""
    found = Counter(supplies.tolist())
    return ", ".join(count(found[name], words, words) for name, words in WORDS.items() if name in found)
