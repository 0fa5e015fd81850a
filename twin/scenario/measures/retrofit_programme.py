"""A programme that renews buildings at a yearly rate, element by element."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, Selecting, amount, count
from twin.scenario.measures.renewal import RANKINGS, Package, Ranking, by_building, carried_out, ranked, works
from twin.scenario.payments import OWNER_OF_USE, PUBLIC, by_owner, invested


class RetrofitProgramme(Selecting):
    """Renew the selected buildings over some years: a share of their floor area each year, by rank.

    The `package` lists elements (wall, roof, floor, window, ventilation) and levels (standard, deep) in the order of
    the works, for example ``["roof:standard", "window:standard", "wall:standard"]``. A step that would not improve
    the element, since it is as good already, is left out. `order` says whether a building gets all steps at once
    (`by_building`), or every building the first step before any gets the second (`by_element`; as much work a year:
    the rate times the number of steps). `rate` is the share of the floor area of all selected buildings; the last
    building of a year is done whole. Ranked is by an estimate of heat losses, not by simulation: `cost_per_kwh` by
    investment per kWh saved in a year, `worst_first` by heat per floor area, `random` by the seed and the id, for a
    programme that targets nobody. More years or a higher rate never leave out a building. The scenario shows the city
    after the last year.

    `subsidy_share` of the investment is paid by the public; public buildings (by use) get none.
    """

    type: Literal["retrofit_programme"]
    layer: ClassVar[str] = "buildings"
    package: Package = Field(description="steps `element:level` in order")
    rate: float = Field(ge=0, le=1, description="share of the floor area renewed each year")
    years: float = Field(ge=0, le=100, description="years that the programme runs")
    ranking: Ranking = Field("cost_per_kwh", description="`cost_per_kwh`, `worst_first` or `random`")
    order: Literal["by_building", "by_element"] = Field("by_building", description="`by_building` or `by_element`")
    subsidy_share: float = Field(0.0, ge=0, le=1, description="share of the investment that the public pays")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city after the programme."""
        mask = self.select(city, context)
        selected = city.buildings[mask]
        table = works(city, mask, self.package)
        yearly_m2 = self.rate * float(selected["floor_area_m2"].sum())
        jobs = self._jobs(table, city, context)
        if self.order == "by_element":
            yearly_m2 *= len(self.package)
        begun = jobs["floor_area_m2"].cumsum() - jobs["floor_area_m2"]
        chosen = jobs[begun < yearly_m2 * self.years]
        year = np.floor(begun[chosen.index] / yearly_m2).astype(np.int64) + 1 if len(chosen) else []
        pairs = [(row, step) for row, steps in zip(chosen["row"], chosen["steps"], strict=True) for step in steps]
        done = table[pd.MultiIndex.from_frame(table[["row", "step"]]).isin(pairs)]
        change = self._change(context, city, int(mask.sum()), done, chosen.assign(year=year))
        return carried_out(city, done, self.package), change

    def _jobs(self, table: pd.DataFrame, city: City, context: Context) -> pd.DataFrame:
        """Return the jobs in the order of the works: `steps` of a building at a time."""
        if self.order == "by_building":
            return ranked(by_building(table), self.ranking, city, context.seed)
        steps = [ranked(table[table["step"] == k], self.ranking, city, context.seed) for k in range(len(self.package))]
        return pd.concat(steps, ignore_index=True).assign(steps=lambda jobs: jobs["step"].map(lambda k: (k,)))

    def _change(self, context: Context, city: City, matched: int, done: pd.DataFrame, jobs: pd.DataFrame) -> Change:
        renewed = city.buildings.loc[jobs["building_id"]]
        private = (renewed["use"].map(OWNER_OF_USE) != PUBLIC).to_numpy(np.float64)
        cost = jobs["cost_eur"].to_numpy(np.float64)
        payments = by_owner(renewed, "renewal of buildings", cost, subsidy_eur=cost * private * self.subsidy_share)
        floor_m2 = float(jobs.drop_duplicates("row")["floor_area_m2"].sum())
        saving = float(done["saving_kwh_a"].sum())
        summary = (
            f"renews {count(done['row'].nunique(), 'building')} ({amount(floor_m2)} m² of floor area) in "
            f"{self.years:g} years, {100 * self.rate:g} % a year, {RANKINGS[self.ranking]}: {', '.join(self.package)}"
        )
        return self.report(
            context,
            matched,
            summary,
            quantities={
                "buildings": int(done["row"].nunique()),
                "floor_area_m2": floor_m2,
                "steps": len(done),
                "estimated_saving_kwh_a": saving,
            },
            capital_cost_eur=invested(payments),
            cost_source="unit costs per element (assumption, twin.energy.costs)",
            rows=self._years(jobs),
            payments=payments,
        )

    def _years(self, jobs: pd.DataFrame) -> tuple[dict[str, Any], ...]:
        """Return what is done in each year, as plain data for the report."""
        rows, spent = [], 0.0
        for year in sorted(set(jobs["year"])):
            part = jobs[jobs["year"] == year]
            spent += float(part["cost_eur"].sum())
            row = {name: float(part[name].sum()) for name in ("floor_area_m2", "cost_eur", "saving_kwh_a")}
            rows.append({"year": int(year), "jobs": len(part), **row, "spent_eur": spent})
        return tuple(rows)
