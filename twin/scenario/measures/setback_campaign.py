"""A campaign for lower room temperatures."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, amount, count
from twin.scenario.measures.participation import Participating, with_buildings
from twin.scenario.payments import SUBSIDY, invested, payment


class SetbackCampaign(Participating):
    """Lower the heating set-point in a share of the selected buildings; two campaigns add up.

    Who takes part depends on the seed of the study and the building's id: a larger share contains the smaller one.
    """

    type: Literal["setback_campaign"]
    layer: ClassVar[str] = "buildings"
    kelvin: float = Field(1.0, ge=0, le=5, description="by how much the set-point is lowered [K]")
    cost_eur: float = Field(0.0, ge=0, le=1e9, description="cost of the campaign, paid by the public")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with lower set-points."""
        mask, matched = self.taking_part(city, context)
        mask &= self.kelvin > 0.0
        done = city.buildings[mask]
        people, floor_m2 = float(done["population"].sum()), float(done["floor_area_m2"].sum())
        summary = f"lowers the heating set-point of {count(len(done), 'building')} by {self.kelvin:g} K"
        if people:
            summary += f", where {amount(people)} people live"
        payments = payment(SUBSIDY, "campaign for lower room temperatures", eur=self.cost_eur)
        change = self.report(
            context,
            matched,
            summary,
            quantities={"buildings": len(done), "floor_area_m2": floor_m2, "residents": people},
            capital_cost_eur=invested(payments),
            cost_source="as given in the study" if self.cost_eur else "",
            payments=payments,
        )
        return with_buildings(city, "heating_shift_k", mask, done["heating_shift_k"] - self.kelvin), change
