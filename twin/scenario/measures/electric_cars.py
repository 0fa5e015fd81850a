"""Electric cars that charge at home."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, Selecting, amount, count
from twin.scenario.measures.participation import with_buildings
from twin.scenario.payments import by_owner, invested


class ElectricCars(Selecting):
    """Charge a share of the cars of residents at their homes.

    Every selected building with residents gets ``residents * cars_per_resident * share`` electric cars, a mean and so
    not a whole number; one with more already keeps them. The charger is paid by the owners of homes, by default
    1500 EUR a car (assumption); the car is not counted. What cars emit on the road is a matter of `fleet_turnover`.
    """

    type: Literal["electric_cars"]
    layer: ClassVar[str] = "buildings"
    share: float = Field(ge=0, le=1, description="share of residents' cars that are electric and charged at home")
    cars_per_resident: float = Field(0.4, ge=0, le=2, description="cars per resident (assumption; use the city's own)")
    cost_eur_car: float = Field(1500.0, ge=0, le=1e5, description="charger with installation, per car")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with electric cars."""
        mask = self.select(city, context)
        matched = int(mask.sum())
        wanted = city.buildings["population"].to_numpy(np.float64) * self.cars_per_resident * self.share
        before = city.buildings["electric_cars"].to_numpy(np.float64)
        mask &= wanted > before
        added = (wanted - before)[mask]
        payments = by_owner(city.buildings[mask], "chargers at home", added * self.cost_eur_car)
        change = self.report(
            context,
            matched,
            f"charges {amount(float(added.sum()))} electric cars at {count(int(mask.sum()), 'building')}",
            quantities={"buildings": int(mask.sum()), "electric_cars": float(added.sum())},
            capital_cost_eur=invested(payments),
            cost_source=f"{self.cost_eur_car:g} EUR per car (default: assumption)",
            payments=payments,
        )
        return with_buildings(city, "electric_cars", mask, wanted[mask]), change
