"""Renewal of public buildings under a budget."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, Expression, Selecting, amount, count
from twin.scenario.measures.electricity_monitoring import PUBLIC_WHERE
from twin.scenario.measures.renewal import RANKINGS, Package, Ranking, by_building, carried_out, ranked, works
from twin.scenario.payments import PUBLIC, invested, payment


class PublicBuildingProgramme(Selecting):
    """Renew public buildings with a package of elements, by rank, until the budget is spent.

    Package and rankings are those of `retrofit_programme`. Buildings are done whole; the list ends with the first that
    the rest of the budget is not enough for, so that a larger budget never drops a building, and the budget is never
    exceeded. Without `where` it is about education, health and public buildings. The public pays all.
    """

    type: Literal["public_building_programme"]
    layer: ClassVar[str] = "buildings"
    where: Expression | None = Field(PUBLIC_WHERE, description="expression on the buildings' columns")
    package: Package = Field(description="steps `element:level` in order")
    budget_eur: float = Field(ge=0, le=1e12, description="what may be spent")
    ranking: Ranking = Field("cost_per_kwh", description="`cost_per_kwh`, `worst_first` or `random`")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city after the programme."""
        mask = self.select(city, context)
        table = works(city, mask, self.package)
        jobs = ranked(by_building(table), self.ranking, city, context.seed)
        jobs = jobs.assign(spent_eur=jobs["cost_eur"].cumsum())
        chosen = jobs[jobs["spent_eur"] <= self.budget_eur]
        done = table[table["row"].isin(chosen["row"])]
        spent = float(chosen["cost_eur"].sum())
        payments = payment(PUBLIC, "renewal of public buildings", eur=spent)
        summary = (
            f"renews {count(len(chosen), 'public building')} of {amount(len(jobs))} that gain by it, for "
            f"{amount(spent)} of {amount(self.budget_eur)} EUR, {RANKINGS[self.ranking]}: {', '.join(self.package)}"
        )
        if len(chosen) < len(jobs):
            summary += f"; the next one would cost {amount(float(jobs['cost_eur'].iloc[len(chosen)]))} EUR"
        change = self.report(
            context,
            int(mask.sum()),
            summary,
            quantities={
                "buildings": len(chosen),
                "candidates": len(jobs),
                "floor_area_m2": float(chosen["floor_area_m2"].sum()),
                "budget_eur": self.budget_eur,
                "estimated_saving_kwh_a": float(chosen["saving_kwh_a"].sum()),
            },
            capital_cost_eur=invested(payments),
            cost_source="unit costs per element (assumption, twin.energy.costs)",
            rows=tuple(self._row(city, row) for _, row in chosen.iterrows()),
            payments=payments,
        )
        return carried_out(city, done, self.package), change

    def _row(self, city: City, row: pd.Series) -> dict[str, Any]:
        """Return a chosen building as plain data for the report."""
        building = city.buildings.loc[row["building_id"]]
        numbers = ("floor_area_m2", "cost_eur", "saving_kwh_a", "heat_kwh_m2", "score", "spent_eur")
        return {
            "building_id": str(row["building_id"]),
            "name": str(building["name"]),
            "use": str(building["use"]),
            "steps": ", ".join(np.array(self.package)[list(row["steps"])]),
            **{name: float(row[name]) for name in numbers},
            "ranking": self.ranking,
        }
