"""Road works."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from twin.city.model import City
from twin.scenario.measures.base import (
    Change,
    Context,
    SelectingSome,
    count,
    describe_links,
    street_quantities,
    with_column,
)

WEEKS_PER_YEAR = 52.0


class RoadWorks(SelectingSome):
    """Narrow, slow or close the selected links for some weeks of the year.

    The results show a day during the works, and a year as if they lasted all of it; `weeks` is reported beside them.
    Closed lanes take their share of the capacity with them. A speed limit never raises the one that holds.
    """

    type: Literal["road_works"]
    layer: ClassVar[str] = "links"
    weeks: float = Field(gt=0, le=WEEKS_PER_YEAR, description="weeks of the year that the works last")
    closed: bool = Field(False, description="whether the links are closed to cars")
    lanes_closed: int | None = Field(None, ge=1, le=11, description="lanes closed in each selected direction")
    capacity_factor: float | None = Field(None, gt=0, le=1, description="factor on the capacity that remains")
    speed_limit_kmh: float | None = Field(None, ge=5, le=130, description="speed limit along the works in km/h")

    @model_validator(mode="after")
    def _does_something(self) -> RoadWorks:
        narrowed = [self.lanes_closed, self.capacity_factor, self.speed_limit_kmh]
        if not self.closed and narrowed == [None, None, None]:
            expected = {"expected": "closed: true, lanes_closed, capacity_factor or speed_limit_kmh"}
            raise PydanticCustomError("twin", "road_works hinders nobody", expected)
        if self.closed and narrowed != [None, None, None]:
            expected = {"expected": "closed: true alone, or lanes, capacity and speed limit"}
            raise PydanticCustomError("twin", "links are closed and narrowed at once", expected)
        return self

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city during the works."""
        mask = self.select(city, context)
        before = city.links[mask]
        links = city.links
        parts = []
        if self.closed:
            links = with_column(links, "links", "closed", mask, True)
            parts.append("cars shut out")
        if self.lanes_closed is not None:
            lanes = before["lanes"] - self.lanes_closed
            links = with_column(links, "links", "lanes", mask, lanes)
            capacity = before["capacity_veh_h"] * lanes / before["lanes"]
            links = with_column(links, "links", "capacity_veh_h", mask, capacity)
            parts.append(f"{count(self.lanes_closed, 'lane')} less")
        if self.capacity_factor is not None:
            capacity = links.loc[mask, "capacity_veh_h"] * self.capacity_factor
            links = with_column(links, "links", "capacity_veh_h", mask, capacity)
            parts.append(f"capacity by a factor of {self.capacity_factor:g}")
        if self.speed_limit_kmh is not None:
            limit = np.minimum(before["speed_limit_kmh"], self.speed_limit_kmh)
            links = with_column(links, "links", "speed_limit_kmh", mask, limit)
            parts.append(f"at most {self.speed_limit_kmh:g} km/h")
        summary = (
            f"road works on {describe_links(before)}, {', '.join(parts)}, for {self.weeks:g} weeks of the year; "
            "results show a day during the works"
        )
        quantities = street_quantities(before) | {
            "weeks": self.weeks,
            "share_of_the_year": self.weeks / WEEKS_PER_YEAR,
        }
        return city.replace(links=links), self.report(context, len(before), summary, quantities=quantities)
