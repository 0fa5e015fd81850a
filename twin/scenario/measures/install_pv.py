"""Install photovoltaics on roofs."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, Selecting, amount, count, with_column


class InstallPv(Selecting):
    """Cover a share of the suitable roof area of the selected buildings with PV.

    What is suitable (sun, size, shade) the solar model decides. A building that has more already keeps it. The
    investment follows from the installed power and is part of the results, not of this change.
    """

    type: Literal["install_pv"]
    layer: ClassVar[str] = "buildings"
    share: float = Field(1.0, gt=0, le=1, description="share of the suitable roof area")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the PV installed."""
        mask = self.select(city, context)
        chosen = city.buildings[mask]
        roof_m2 = float(chosen["footprint_area_m2"].sum())
        n = int((chosen["pv_share"] < self.share).sum())
        summary = (
            f"puts PV on {100 * self.share:g} % of the suitable roof area of {count(n, 'building')} "
            f"({amount(roof_m2)} m² of footprint)"
        )
        share = np.maximum(chosen["pv_share"].to_numpy(), self.share)
        buildings = with_column(city.buildings, "buildings", "pv_share", mask, share)
        change = self.report(context, len(chosen), summary, quantities={"buildings": n, "footprint_area_m2": roof_m2})
        return city.replace(buildings=buildings), change
