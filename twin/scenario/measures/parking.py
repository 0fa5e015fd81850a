"""Change the charge for parking, and how many spaces there are."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, Selecting, describe_zones, percent, with_column


class Parking(Selecting):
    """Set the parking charge of the selected zones, or multiply their parking spaces; without a selector everywhere.

    The charge is the mean over all visits by car, those that park free of charge included.
    """

    type: Literal["parking"]
    layer: ClassVar[str] = "zones"
    parking_eur: float | None = Field(None, ge=0, le=100, description="mean parking charge per visit in EUR")
    parking_supply_factor: float | None = Field(None, gt=0, le=10, description="factor on the parking spaces")

    @model_validator(mode="after")
    def _does_something(self) -> Parking:
        if self.parking_eur is None and self.parking_supply_factor is None:
            expected = {"expected": "parking_eur or parking_supply_factor"}
            raise PydanticCustomError("twin", "parking changes nothing", expected)
        return self

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with parking changed."""
        mask = self.select(city, context)
        zones = city.zones
        parts = []
        if self.parking_eur is not None:
            zones = with_column(zones, "zones", "parking_eur", mask, self.parking_eur)
            parts.append(f"sets the mean parking charge to {self.parking_eur:g} EUR per visit")
        if self.parking_supply_factor is not None:
            supply = zones.loc[mask, "parking_supply"] * self.parking_supply_factor
            zones = with_column(zones, "zones", "parking_supply", mask, supply)
            parts.append(f"changes the parking spaces by {percent(self.parking_supply_factor)}")
        summary = f"{' and '.join(parts)} in {describe_zones(zones, mask)}"
        n = int(mask.sum())
        return city.replace(zones=zones), self.report(context, n, summary, quantities={"zones": n})
