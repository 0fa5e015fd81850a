"""Close links to trucks."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.city.model import City
from twin.scenario.measures.base import (
    Change,
    Context,
    SelectingSome,
    describe_links,
    street_quantities,
    with_column,
)


class TruckBan(SelectingSome):
    """Close the selected links to trucks, in the directions selected; vans and cars stay."""

    type: Literal["truck_ban"]
    layer: ClassVar[str] = "links"

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the ban."""
        mask = self.select(city, context)
        links = city.links[mask]
        summary = f"closes {describe_links(links)} to trucks"
        change = self.report(context, len(links), summary, quantities=street_quantities(links))
        return city.replace(links=with_column(city.links, "links", "truck_ban", mask, True)), change
