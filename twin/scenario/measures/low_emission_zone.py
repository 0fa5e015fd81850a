"""Close an area to vehicles below the low-emission standard."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from twin.city.model import City
from twin.scenario.measures.base import Area, Change, Context, Selecting, describe_links, street_km, with_column


class LowEmissionZone(Selecting):
    """Close the links within a polygon to vehicles below the low-emission standard; `where` may leave some out."""

    type: Literal["low_emission_zone"]
    layer: ClassVar[str] = "links"
    inside: Area = Field(description="polygon of the zone, or path of a vector file")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the zone."""
        mask = self.select(city, context)
        links = city.links[mask]
        change = self.report(
            context,
            len(links),
            f"makes a low-emission zone of {describe_links(links)}",
            quantities={"links": len(links), "street_length_km": street_km(links)},
        )
        return city.replace(links=with_column(city.links, "links", "low_emission", mask, True)), change
