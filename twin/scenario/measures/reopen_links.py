"""Reopen links to cars."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, Selecting, describe_links, street_km, with_column


class ReopenLinks(Selecting):
    """Open the selected links to cars again; links that are open stay as they are."""

    type: Literal["reopen_links"]
    layer: ClassVar[str] = "links"

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the links open."""
        mask = self.select(city, context)
        reopened = city.links[mask & city.links["closed"].to_numpy()]
        change = self.report(
            context,
            int(mask.sum()),
            f"reopens {describe_links(reopened)} to cars",
            quantities={"links": len(reopened), "street_length_km": street_km(reopened)},
        )
        return city.replace(links=with_column(city.links, "links", "closed", mask, False)), change
