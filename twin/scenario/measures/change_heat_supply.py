"""Change the heat supply of buildings."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from twin.city.model import City
from twin.energy.costs import HEAT_SUPPLY_EUR_M2, heat_supply_cost_eur
from twin.scenario.measures.base import Change, Context, Selecting, amount, count, with_column
from twin.scenario.payments import by_owner

Supply = Literal["district_heating", "gas_boiler", "oil_boiler", "direct_electric", "air_heat_pump", "ground_heat_pump"]
WORDS: dict[str, str] = {
    "district_heating": "district heating",
    "gas_boiler": "gas boilers",
    "oil_boiler": "oil boilers",
    "direct_electric": "direct electric heating",
    "air_heat_pump": "air-source heat pumps",
    "ground_heat_pump": "ground-source heat pumps",
}


class ChangeHeatSupply(Selecting):
    """Heat the selected buildings another way; one that is heated so already stays as it is."""

    type: Literal["change_heat_supply"]
    layer: ClassVar[str] = "buildings"
    to: Supply = Field(description="heat supply afterwards")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the heat supply changed."""
        mask = self.select(city, context)
        other = mask & (city.buildings["heat_supply"] != self.to).to_numpy()
        done = city.buildings[other]
        floor_m2 = float(done["floor_area_m2"].sum())
        cost = heat_supply_cost_eur(done, self.to)
        summary = f"changes {count(len(done), 'building')} ({amount(floor_m2)} m² of floor area) to {WORDS[self.to]}"
        change = self.report(
            context,
            int(mask.sum()),
            summary,
            quantities={"buildings": len(done), "floor_area_m2": floor_m2},
            capital_cost_eur=float(cost.sum()),
            cost_source=f"{HEAT_SUPPLY_EUR_M2[self.to]:g} EUR per m² of floor area (assumption, twin.energy.costs)",
            payments=by_owner(done, "heat supplies", cost),
        )
        return city.replace(buildings=with_column(city.buildings, "buildings", "heat_supply", other, self.to)), change
