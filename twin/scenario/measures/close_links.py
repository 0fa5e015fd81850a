"""Close links to cars."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, Selecting, describe_links, street_km, with_column


class CloseLinks(Selecting):
    """Close the selected links to cars, in the directions selected; walking and cycling stay."""

    type: Literal["close_links"]
    layer: ClassVar[str] = "links"

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the links closed."""
        mask = self.select(city, context)
        links = city.links[mask]
        summary = f"closes {describe_links(links)} to cars"
        change = self.report(
            context, len(links), summary, quantities={"links": len(links), "street_length_km": street_km(links)}
        )
        return city.replace(links=with_column(city.links, "links", "closed", mask, True)), change
