"""A ban on new boilers."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.city.model import City
from twin.scenario.heat_estimate import supply_cost_eur
from twin.scenario.measures.base import Change, Context, Selecting, amount, count
from twin.scenario.measures.heat_rule import Replacement, replacements, supply_words
from twin.scenario.measures.participation import chances, with_buildings
from twin.scenario.payments import by_owner, invested

Banned = Literal["gas_boiler", "oil_boiler", "direct_electric"]


class BoilerBan(Selecting):
    """Forbid new boilers from a year on, and look at the city in a later year.

    Boilers live `lifetime_years` and are of all ages alike, so that the part of them that has reached its end by then
    grows evenly from none in the first year to all. Which ones is fixed by the seed of the study and the building's id:
    a later year contains the earlier. `to` names what replaces them; `by_rule` takes district heating within
    `network_m` of a building that has it, else a heat pump: ground-source from `ground_from_m2` of floor area on, where
    boreholes pay (assumption), else air-source. Owners pay; what the same boiler would have cost anew is reported as
    saved, not deducted.
    """

    type: Literal["boiler_ban"]
    layer: ClassVar[str] = "buildings"
    from_year: int = Field(ge=1990, le=2100, description="first year without new boilers")
    year: int = Field(ge=1990, le=2200, description="year that the scenario shows")
    banned: Annotated[list[Banned], Field(min_length=1)] = Field(
        ["gas_boiler", "oil_boiler"], description="`gas_boiler`, `oil_boiler`, `direct_electric`"
    )
    lifetime_years: float = Field(20.0, gt=0, le=60, description="life of a boiler (EN 15459-1, annex D, as recalled)")
    to: Replacement = Field("by_rule", description="heat supply afterwards, or `by_rule`")
    network_m: float = Field(50.0, ge=0, le=5000, description="how far a connection to district heating may be [m]")
    ground_from_m2: float = Field(2000.0, ge=0, description="least floor area of a ground-source heat pump [m²]")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city after the ban."""
        mask = self.select(city, context)
        matched = int(mask.sum())
        mask &= city.buildings["heat_supply"].isin(self.banned).to_numpy()
        boilers = int(mask.sum())
        ended = min(max((self.year - self.from_year) / self.lifetime_years, 0.0), 1.0)
        mask &= chances(city.buildings, "boiler_age", context.seed) <= ended
        done = city.buildings[mask]
        to = replacements(city, mask, self.to, network_m=self.network_m, ground_from_m2=self.ground_from_m2)
        cost, spared = np.zeros(len(done)), np.zeros(len(done))
        for supplies, total in ((to, cost), (done["heat_supply"].to_numpy(), spared)):
            for supply in sorted(set(supplies)):
                chosen = supplies == supply
                total[chosen] = supply_cost_eur(done[chosen], supply)
        payments = by_owner(done, "heat supplies instead of boilers", cost)
        floor_m2 = float(done["floor_area_m2"].sum())
        summary = (
            f"replaces {count(len(done), 'boiler')} of {amount(boilers)} ({amount(floor_m2)} m² of floor area) by "
            f"{self.year}: {supply_words(to)}"
        )
        change = self.report(
            context,
            matched,
            summary.removesuffix(": "),
            quantities={
                "buildings": len(done),
                "boilers": boilers,
                "floor_area_m2": floor_m2,
                "spared_boilers_eur": float(spared.sum()),
            },
            capital_cost_eur=invested(payments),
            cost_source="unit costs per heat supply (assumption, twin.energy.costs)",
            payments=payments,
        )
        return with_buildings(city, "heat_supply", mask, to), change
