"""Demand response of heating."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, amount, count
from twin.scenario.measures.participation import Participating, with_buildings
from twin.scenario.payments import by_owner, invested


class HeatResponse(Participating):
    """Let heating follow a signal within comfort bounds: less in the peak hours, more before them.

    The signal and the bounds are parameters `energy.*`. Controls are paid by the owners, by default 1500 EUR a building
    (assumption). Who takes part depends on the seed of the study and the building's id: a larger share contains the
    smaller one.
    """

    type: Literal["heat_response"]
    layer: ClassVar[str] = "buildings"
    cost_eur_building: float = Field(1500.0, ge=0, le=1e6, description="controls, per building")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with responding buildings."""
        mask, matched = self.taking_part(city, context)
        mask &= ~city.buildings["heat_response"].to_numpy(bool)
        done = city.buildings[mask]
        payments = by_owner(done, "controls for demand response", np.full(len(done), self.cost_eur_building))
        floor_m2 = float(done["floor_area_m2"].sum())
        change = self.report(
            context,
            matched,
            f"lets the heating of {count(len(done), 'building')} ({amount(floor_m2)} m² of floor area) follow the "
            "signal of demand response",
            quantities={"buildings": len(done), "floor_area_m2": floor_m2},
            capital_cost_eur=invested(payments),
            cost_source=f"{self.cost_eur_building:g} EUR per building (default: assumption)",
            payments=payments,
        )
        return with_buildings(city, "heat_response", mask, True), change
