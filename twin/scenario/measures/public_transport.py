"""Change the frequency of public transport."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, Selecting, describe_zones, percent, with_column


class PublicTransport(Selecting):
    """Multiply the frequency of public transport in the selected zones; without a selector in the whole city.

    What it costs to run is not counted.
    """

    type: Literal["public_transport"]
    layer: ClassVar[str] = "zones"
    transit_level_factor: float = Field(gt=0, le=10, description="factor on the departures per hour")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the frequency changed."""
        mask = self.select(city, context)
        level = city.zones.loc[mask, "transit_level"] * self.transit_level_factor
        zones = with_column(city.zones, "zones", "transit_level", mask, level)
        place = describe_zones(zones, mask)
        summary = f"changes the frequency of public transport by {percent(self.transit_level_factor)} in {place}"
        n = int(mask.sum())
        return city.replace(zones=zones), self.report(context, n, summary, quantities={"zones": n})
