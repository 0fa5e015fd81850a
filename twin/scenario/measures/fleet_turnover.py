"""Change which cars people own."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, Selecting, describe_zones, percent, with_column


class FleetTurnover(Selecting):
    """Change the cars of the residents of the selected zones; without a selector of the whole city.

    `electric_share_added` is added to the share of electric cars, so 0.1 makes of 15 % 25 %; `old_car_share_factor`
    multiplies the share of cars below the low-emission standard.
    """

    type: Literal["fleet_turnover"]
    layer: ClassVar[str] = "zones"
    electric_share_added: float | None = Field(None, ge=-1, le=1, description="added to the share of electric cars")
    old_car_share_factor: float | None = Field(
        None, ge=0, le=5, description="factor on the share of cars below the low-emission standard"
    )

    @model_validator(mode="after")
    def _does_something(self) -> FleetTurnover:
        if self.electric_share_added is None and self.old_car_share_factor is None:
            expected = {"expected": "electric_share_added or old_car_share_factor"}
            raise PydanticCustomError("twin", "fleet_turnover changes nothing", expected)
        return self

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the cars changed."""
        mask = self.select(city, context)
        zones = city.zones
        parts = []
        if self.electric_share_added is not None:
            share = zones.loc[mask, "electric_share_added"] + self.electric_share_added
            zones = with_column(zones, "zones", "electric_share_added", mask, share)
            parts.append(f"the share of electric cars by {100 * self.electric_share_added:+g} percentage points")
        if self.old_car_share_factor is not None:
            factor = zones.loc[mask, "old_car_share_factor"] * self.old_car_share_factor
            zones = with_column(zones, "zones", "old_car_share_factor", mask, factor)
            parts.append(f"the share of cars below the low-emission standard by {percent(self.old_car_share_factor)}")
        summary = f"changes {' and '.join(parts)} in {describe_zones(zones, mask)}"
        n = int(mask.sum())
        return city.replace(zones=zones), self.report(context, n, summary, quantities={"zones": n})
