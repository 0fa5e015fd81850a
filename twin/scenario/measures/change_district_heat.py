"""District heat that becomes cleaner, or dearer."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, Measure, amount, count, percent
from twin.scenario.payments import UTILITY, invested, payment

CO2 = "energy.district_heating_co2_kg_kwh"
PRICE = "energy.district_heating_price_eur_kwh"


class ChangeDistrictHeat(Measure):
    """Change the emission factor and the price of district heat, for all who buy it.

    The factors multiply the parameters `energy.district_heating_co2_kg_kwh` and
    `energy.district_heating_price_eur_kwh` in every draw, on top of what the study says of them. The energy company
    pays `cost_eur`; what it passes on to customers is for `price_factor` to say.
    """

    type: Literal["change_district_heat"]
    layer: ClassVar[str] = "buildings"
    co2_factor: float = Field(1.0, ge=0, le=10, description="multiplies the emission factor")
    price_factor: float = Field(1.0, ge=0, le=10, description="multiplies the price")
    cost_eur: float = Field(0.0, ge=0, le=1e12, description="investment of the energy company")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the very same city: what changes are parameters."""
        served = city.buildings[city.buildings["heat_supply"] == "district_heating"]
        factors = {CO2: self.co2_factor, PRICE: self.price_factor}
        payments = payment(UTILITY, "cleaner district heat", eur=self.cost_eur)
        floor_m2 = float(served["floor_area_m2"].sum())
        change = self.report(
            context,
            len(served),
            f"district heat of {count(len(served), 'building')} ({amount(floor_m2)} m² of floor area): CO₂ "
            f"{percent(self.co2_factor)}, price {percent(self.price_factor)}",
            quantities={"buildings": len(served), "floor_area_m2": floor_m2},
            capital_cost_eur=invested(payments),
            cost_source="as given in the study" if self.cost_eur else "",
            payments=payments,
            factors={name: factor for name, factor in factors.items() if not np.isclose(factor, 1.0, rtol=0, atol=0)},
        )
        return city, change
