"""Keep through traffic out of a neighbourhood."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from twin.city.model import City
from twin.scenario import selectors
from twin.scenario.measures.base import (
    Area,
    Change,
    Context,
    Expression,
    Measure,
    describe_links,
    select_by,
    street_quantities,
    with_column,
)

MINOR_STREETS = 'road_class in ["residential", "living_street", "service", "unclassified"]'


class LowTrafficNeighbourhood(Measure):
    """Keep through traffic out of a neighbourhood, by closing streets at points or by admitting access only.

    `filters` are links within the polygon that are closed to cars, as bollards or planters do; name both directions
    of a street. `access_only` closes the neighbourhood's minor streets to trips that neither start nor end in a zone
    that holds one of them. Either, or both.
    """

    type: Literal["low_traffic_neighbourhood"]
    layer: ClassVar[str] = "links"
    inside: Area = Field(description="polygon of the neighbourhood, or path of a vector file")
    filters: Expression | None = Field(None, description="links within the polygon that are closed to cars")
    access_only: bool = Field(False, description="whether streets within the polygon are closed to through traffic")
    where: Expression | None = Field(
        None,
        description="which of them; residential, living and service streets and unclassified roads when left out",
    )

    @model_validator(mode="after")
    def _does_something(self) -> LowTrafficNeighbourhood:
        if self.filters is None and not self.access_only:
            expected = {"expected": "filters, or access_only: true"}
            raise PydanticCustomError("twin", "low_traffic_neighbourhood keeps nobody out", expected)
        if self.where is not None and not self.access_only:
            expected = {"expected": "access_only: true, or filters instead of where"}
            raise PydanticCustomError("twin", "where says which streets are for access only, but none is", expected)
        return self

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the neighbourhood."""
        links = city.links
        touched = np.zeros(len(links), dtype=bool)
        quantities: dict[str, float] = {}
        parts = []
        if self.filters is not None:
            shut = select_by(city.links, self.filters, self.inside, key="filters", context=context)
            links = with_column(links, "links", "closed", shut, True)
            touched |= shut
            quantities["filtered_links"] = int(shut.sum())
            parts.append(f"{describe_links(links[shut])} to cars")
        if self.access_only:
            where = MINOR_STREETS if self.where is None else self.where
            quiet = selectors.select(city.links, where, self.inside, name="links", base=context.base)
            links = with_column(links, "links", "access_only", quiet, True)
            touched |= quiet
            quantities["access_only_links"] = int(quiet.sum())
            parts.append(f"{describe_links(links[quiet])} to through traffic")
        summary = f"makes a low-traffic neighbourhood: closes {' and '.join(parts)}"
        quantities |= street_quantities(links[touched])
        return city.replace(links=links), self.report(context, int(touched.sum()), summary, quantities=quantities)
