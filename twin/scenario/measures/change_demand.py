"""Change the demand for trips."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, Selecting, describe_zones, percent, with_column


class ChangeDemand(Selecting):
    """Multiply the trips that start and end in the selected zones; without a selector in the whole city."""

    type: Literal["change_demand"]
    layer: ClassVar[str] = "zones"
    factor: float = Field(ge=0, le=10, description="factor on the trips that start and end in the zones")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the demand changed."""
        mask = self.select(city, context)
        zones = with_column(city.zones, "zones", "trip_factor", mask, city.zones.loc[mask, "trip_factor"] * self.factor)
        summary = f"changes trip demand of {describe_zones(zones, mask)} by {percent(self.factor)}"
        n = int(mask.sum())
        return city.replace(zones=zones), self.report(context, n, summary, quantities={"zones": n})
