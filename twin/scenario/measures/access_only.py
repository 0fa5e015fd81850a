"""Close links to through traffic."""

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


class AccessOnly(SelectingSome):
    """Close the selected links to through traffic, as where residents hold permits.

    Open they stay to trips that start or end in a zone that holds such a link, and to goods vehicles.
    """

    type: Literal["access_only"]
    layer: ClassVar[str] = "links"

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the links closed to through traffic."""
        mask = self.select(city, context)
        links = city.links[mask]
        summary = f"closes {describe_links(links)} to through traffic"
        change = self.report(context, len(links), summary, quantities=street_quantities(links))
        return city.replace(links=with_column(city.links, "links", "access_only", mask, True)), change
