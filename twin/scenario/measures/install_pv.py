"""Install photovoltaics on roofs and façades."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, Selecting, amount, count, with_column
from twin.scenario.prospects import SHARE_COLUMN, Surface

WORDS: dict[str, str] = {"roofs": "roof", "facades": "façade"}


def _once(surfaces: list[Surface]) -> list[Surface]:
    if len(set(surfaces)) != len(surfaces):
        raise PydanticCustomError("twin", "a surface is listed twice", {"expected": "roofs, facades, or both"})
    return surfaces


Surfaces = Annotated[list[Surface], Field(min_length=1), AfterValidator(_once)]


class InstallPv(Selecting):
    """Cover a share of the suitable roof or façade area of the selected buildings with PV.

    What is suitable (sun, size, shade) the solar model decides. A building that has more already keeps it. The
    investment follows from the installed power and is part of the results, not of this change.
    """

    type: Literal["install_pv"]
    layer: ClassVar[str] = "buildings"
    share: float = Field(1.0, gt=0, le=1, description="share of the suitable area")
    surfaces: Surfaces = Field(["roofs"], description="`roofs`, `facades`, or both")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the PV installed."""
        mask = self.select(city, context)
        chosen = city.buildings[mask]
        buildings = city.buildings
        gain = np.zeros(len(chosen), dtype=bool)
        for surface in self.surfaces:
            column = SHARE_COLUMN[surface]
            gain |= (chosen[column] < self.share).to_numpy()
            share = np.maximum(chosen[column].to_numpy(), self.share)
            buildings = with_column(buildings, "buildings", column, mask, share)
        footprint_m2 = float(chosen["footprint_area_m2"].sum())
        n = int(gain.sum())
        summary = (
            f"puts PV on {100 * self.share:g} % of the suitable {surface_words(self.surfaces)} area of "
            f"{count(n, 'building')} ({amount(footprint_m2)} m² of footprint)"
        )
        quantities = {"buildings": n, "footprint_area_m2": footprint_m2}
        return city.replace(buildings=buildings), self.report(context, len(chosen), summary, quantities=quantities)


def surface_words(surfaces: list[Surface]) -> str:
    """Return ``roof``, ``façade`` or ``roof and façade``."""
    return " and ".join(WORDS[surface] for surface in surfaces)
