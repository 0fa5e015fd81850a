"""Retrofit building envelopes."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.city.model import City
from twin.city.schema import ENVELOPES
from twin.energy.costs import RETROFIT_EUR_M2, retrofit_cost_eur
from twin.scenario.measures.base import Change, Context, Selecting, amount, count, with_column
from twin.scenario.payments import by_owner

Target = Literal["standard_retrofit", "deep_retrofit"]
_WORDS = {"standard_retrofit": "to the standard of a usual renovation", "deep_retrofit": "deeply"}


class Retrofit(Selecting):
    """Retrofit the envelope of the selected buildings; one that is as good or better already stays as it is."""

    type: Literal["retrofit"]
    layer: ClassVar[str] = "buildings"
    to: Target = Field(description="state of the envelope afterwards")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the retrofit."""
        mask = self.select(city, context)
        state = city.buildings["envelope"].map(ENVELOPES.index).to_numpy(dtype=np.int64)
        worse = mask & (state < ENVELOPES.index(self.to))
        done = city.buildings[worse]
        floor_m2 = float(done["floor_area_m2"].sum())
        cost = retrofit_cost_eur(done, self.to)
        summary = f"retrofits {count(len(done), 'building')} {_WORDS[self.to]} ({amount(floor_m2)} m² of floor area)"
        change = self.report(
            context,
            int(mask.sum()),
            summary,
            quantities={"buildings": len(done), "floor_area_m2": floor_m2},
            capital_cost_eur=float(cost.sum()),
            cost_source=f"{RETROFIT_EUR_M2[self.to]:g} EUR per m² of floor area (assumption, twin.energy.costs)",
            payments=by_owner(done, "renewal of buildings", cost),
        )
        return city.replace(buildings=with_column(city.buildings, "buildings", "envelope", worse, self.to)), change
