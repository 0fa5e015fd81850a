"""Charge a toll on links, or on the links that enter a cordon."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from twin.city.model import City
from twin.errors import SelectorError
from twin.scenario import selectors
from twin.scenario.measures.base import Area, Change, Context, Selecting, describe_links, with_column


class Toll(Selecting):
    """Charge every passage of the selected links, or of the links that enter a cordon.

    With `cordon` the links are those that start outside the polygon and end inside it; `where` and `inside` narrow
    them. The toll replaces an earlier one on the same link.
    """

    type: Literal["toll"]
    layer: ClassVar[str] = "links"
    toll_eur: float = Field(ge=0, le=100, description="toll per passage in EUR")
    cordon: Area | None = Field(None, description="polygon whose entries are charged")

    @model_validator(mode="after")
    def _somewhere(self) -> Toll:
        if self.cordon is None and self.where is None and self.inside is None:
            raise PydanticCustomError(
                "twin", "toll names no links", {"expected": "a cordon, or links by where or inside"}
            )
        return self

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the toll."""
        mask = self.select(city, context)
        place = ""
        if self.cordon is not None:
            mask &= _entering(city, selectors.polygon(self.cordon, city.meta.crs, base=context.base))
            place = " that enter the cordon"
            if not mask.any():
                raise SelectorError("no link enters the cordon", remedy="draw it so that streets cross its boundary")
        tolled = city.links[mask]
        summary = f"charges {self.toll_eur:g} EUR per passage on {describe_links(tolled)}{place}"
        change = self.report(context, len(tolled), summary, quantities={"links": len(tolled)})
        return city.replace(links=with_column(city.links, "links", "toll_eur", mask, self.toll_eur)), change


def _entering(city: City, cordon: shapely.Geometry) -> NDArray[np.bool_]:
    """Return the links whose tail is outside and whose head is inside."""
    inside = dict(zip(city.nodes.index, shapely.intersects(cordon, city.nodes.geometry.to_numpy()), strict=True))
    tail = city.links["from_node"].map(inside).to_numpy(dtype=bool)
    head = city.links["to_node"].map(inside).to_numpy(dtype=bool)
    return np.asarray(head & ~tail)
