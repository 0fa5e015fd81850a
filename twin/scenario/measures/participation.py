"""Measures in which some of the selected buildings take part, chosen at random but always the same.

Who takes part depends on the study's seed, the type of the measure and the building's id alone: a larger share contains
the smaller one, and scenarios that differ in the share differ in nobody else.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.city.model import City
from twin.random import entity_keys, uniform
from twin.scenario.measures.base import Context, Selecting, with_column


def chances(buildings: gpd.GeoDataFrame, stream: str, seed: int) -> NDArray[np.float64]:
    """Return a number in (0, 1) per building, float64 (n,), that its id and the name of the stream fix."""
    return uniform(seed, f"scenario.{stream}", entity_keys(buildings.index))[:, 0]


def with_buildings(city: City, column: str, mask: NDArray[np.bool_], values: object) -> City:
    """Return the city with one column of some buildings set; the very same city where no building is meant."""
    if not mask.any():
        return city
    return city.replace(buildings=with_column(city.buildings, "buildings", column, mask, values))


class Participating(Selecting):
    """A measure on a share of the selected buildings."""

    share: float = Field(1.0, ge=0, le=1, description="share of the selected buildings that take part")

    def taking_part(self, city: City, context: Context) -> tuple[NDArray[np.bool_], int]:
        """Return the mask of heated buildings that take part, and how many buildings were selected."""
        mask = self.select(city, context)
        heated = (city.buildings["floor_area_m2"] > 0.0).to_numpy()
        return mask & heated & (chances(city.buildings, self.type, context.seed) <= self.share), int(mask.sum())


def per_floor_area(buildings: gpd.GeoDataFrame, eur_m2: float) -> Any:
    """Return a cost in proportion to the floor area, float64 (n,)."""
    return buildings["floor_area_m2"].to_numpy(np.float64) * eur_m2
