"""Batteries behind the meters of buildings."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, amount, count
from twin.scenario.measures.participation import Participating, per_floor_area, with_buildings
from twin.scenario.payments import by_owner, invested


class InstallBatteries(Participating):
    """Put batteries into a share of the selected buildings, by default those with PV.

    Give the usable capacity per building or per floor area, or both for their sum. A building with more already keeps
    it. Owners pay, at the price per kWh of the parameter `economics.battery_cost_eur_kwh`. A later batteries measure
    sees PV that measures before it installed.
    """

    type: Literal["install_batteries"]
    layer: ClassVar[str] = "buildings"
    kwh_building: float = Field(0.0, ge=0, le=1e5, description="usable capacity per building [kWh]")
    kwh_m2: float = Field(0.0, ge=0, le=10, description="usable capacity per floor area [kWh/m²]")
    only_with_pv: bool = Field(True, description="leave out buildings without PV")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with batteries."""
        mask, matched = self.taking_part(city, context)
        buildings = city.buildings
        if self.only_with_pv:
            mask &= (buildings[["pv_share", "facade_pv_share"]] > 0.0).any(axis=1).to_numpy()
        wanted = self.kwh_building + per_floor_area(buildings, self.kwh_m2)
        before = buildings["battery_kwh"].to_numpy(np.float64)
        mask &= wanted > before
        added = (wanted - before)[mask]
        price = context.parameters.economics.battery_cost_eur_kwh
        payments = by_owner(buildings[mask], "batteries", added * price)
        change = self.report(
            context,
            matched,
            f"adds {amount(float(added.sum()))} kWh of batteries to {count(int(mask.sum()), 'building')}",
            quantities={"buildings": int(mask.sum()), "battery_kwh": float(added.sum())},
            capital_cost_eur=invested(payments),
            cost_source=f"{price:g} EUR/kWh, economics.battery_cost_eur_kwh",
            payments=payments,
        )
        return with_buildings(city, "battery_kwh", mask, wanted[mask]), change
