"""A programme of photovoltaics under a budget: the best roofs and façades first."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from twin.city.model import City
from twin.errors import SelectorError
from twin.scenario.measures.base import Change, Context, Selecting, amount, count, with_column
from twin.scenario.measures.install_pv import WORDS, Surfaces, surface_words
from twin.scenario.prospects import SHARE_COLUMN

Ranking = Literal["cost_per_tonne", "net_present_value", "yield"]
RANKINGS: dict[str, str] = {
    "cost_per_tonne": "investment per tonne of CO₂ avoided",
    "net_present_value": "net present value per euro invested",
    "yield": "yield per installed power",
}
SCALED = ["kwp", "kwh_a", "used_kwh_a", "co2_kg_a", "co2_t", "saving_eur_a", "cost_eur", "npv_eur"]
"""Amounts of a building, in proportion to how much of its area is covered."""
PART = 1e-4
"""The last building is covered in steps of this share, rounded down."""


class PvProgramme(Selecting):
    """Put PV on the best of the selected buildings, by rank, until the budget is spent.

    Ranked is what all suitable area of a building's roof or façades would bring with nominal parameters, by simulation,
    with shade and the building's own demand. `cost_per_tonne` is the investment per tonne of CO₂ that the building's
    purchases of electricity avoid over the life of the system (parameters `economics`); making the modules is not
    counted, and savings are not deducted, since ratios of net costs rank gains wrongly (Taylor 2012, doi
    10.1016/j.enpol.2012.05.071). What is fed in avoids none unless `electricity.export_co2_kg_kwh` credits it, here, in
    the KPIs and in the solar cadastre alike. `net_present_value` is that per euro invested, `yield` is kWh per kWp.
    What avoids no CO₂, or loses money, is left out where that is ranked by. Equals are ranked by id.

    The last one gets the part that the money is enough for, so that a larger budget never drops a roof; the budget, at
    nominal prices, is never exceeded. A programme sees the city as the measures before it left it. ``twin check``
    simulates nothing and shows a rough estimate of how far the budget reaches.
    """

    type: Literal["pv_programme"]
    layer: ClassVar[str] = "buildings"
    needs_solar: ClassVar[bool] = True
    budget_eur: float = Field(gt=0, le=1e12, description="what may be spent on PV, at the nominal price per kWp")
    ranking: Ranking = Field("cost_per_tonne", description="`cost_per_tonne`, `net_present_value` or `yield`")
    surfaces: Surfaces = Field(["roofs"], description="`roofs`, `facades`, or both")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the programme carried out."""
        mask = self.select(city, context)
        ranked = self.ranked(city, context, city.buildings.index[mask])
        chosen = spend(ranked, self.budget_eur)
        buildings = city.buildings
        for surface, part in chosen.groupby("surface", sort=True):
            column = SHARE_COLUMN[surface]  # type: ignore[index]
            rows = buildings.index.isin(part["building_id"])
            before = buildings.loc[rows, column]
            gained = part.set_index("building_id")["part"].reindex(before.index)
            buildings = with_column(buildings, "buildings", column, rows, before + gained * (1.0 - before))
        change = self.report(
            context,
            int(mask.sum()),
            self._summary(chosen, ranked["building_id"].nunique(), context.solar.exact),
            quantities=self._quantities(chosen, ranked["building_id"].nunique()),
            rows=tuple(self._row(row) for _, row in chosen.iterrows()),
        )
        return city.replace(buildings=buildings), change

    def ranked(self, city: City, context: Context, ids: pd.Index) -> pd.DataFrame:
        """Return what may be chosen, best first: one row per building and surface, with its score.

        Raises
        ------
        SelectorError
            No selected building has suitable area that the ranking could place.
        """
        parts = []
        for surface in self.surfaces:
            part = context.solar.of(city, surface).loc[ids].assign(surface=surface, name=city.buildings["name"])
            parts.append(part.assign(use=city.buildings["use"], building_id=list(ids)))
        lots = pd.concat(parts, ignore_index=True)
        lots = lots[(lots["kwp"] > 0.0) & (lots["cost_eur"] > 0.0)]
        lots = lots.assign(score=self.score(lots))
        lots = lots[np.isfinite(lots["score"])]
        if lots.empty:
            raise SelectorError(
                f"none of the {len(ids)} selected buildings has {surface_words(self.surfaces)} area for PV "
                f"that {RANKINGS[self.ranking]} could rank",
                remedy="widen `where`, or choose another ranking",
            )
        return lots.sort_values(["score", "building_id", "surface"], kind="stable", ignore_index=True)

    def score(self, lots: pd.DataFrame) -> pd.Series:
        """Return what is ranked by, least first; infinite where a building does not qualify."""
        if self.ranking == "cost_per_tonne":
            return (lots["cost_eur"] / lots["co2_t"].where(lots["co2_t"] > 0.0)).fillna(np.inf)
        if self.ranking == "yield":
            return -(lots["kwh_a"] / lots["kwp"]).where(lots["kwh_a"] > 0.0, -np.inf)
        return -(lots["npv_eur"] / lots["cost_eur"]).where(lots["npv_eur"] > 0.0, -np.inf)

    def _summary(self, chosen: pd.DataFrame, candidates: int, exact: bool) -> str:
        n = chosen["building_id"].nunique()
        where = "the " + " and ".join(f"{WORDS[s]}s" for s in self.surfaces) + " of" if exact else "about"
        text = (
            f"puts PV on {where} {count(n, 'building')} of {amount(candidates)} that qualify, "
            f"{amount(chosen['kwp'].sum())} kWp for {amount(chosen['cost_eur'].sum())} of "
            f"{amount(self.budget_eur)} EUR, best {RANKINGS[self.ranking]} first"
        )
        if not exact:
            return f"{text} (a rough estimate; the run chooses by simulation)"
        last = float(chosen["part"].iloc[-1]) if len(chosen) else 1.0
        return f"{text}; the last one on {100 * last:.3g} % of its area" if last < 1.0 else text

    def _quantities(self, chosen: pd.DataFrame, candidates: int) -> dict[str, float]:
        sums = {name: float(chosen[name].sum()) for name in SCALED}
        return {
            "buildings": chosen["building_id"].nunique(),
            "candidates": candidates,
            "budget_eur": self.budget_eur,
            **sums,
        }

    def _row(self, row: pd.Series) -> dict[str, Any]:
        """Return a chosen building as plain data for the report."""
        sign = 1.0 if self.ranking == "cost_per_tonne" else -1.0
        numbers = ("part", *SCALED, "spent_eur")
        words = ("building_id", "name", "use", "surface")
        return {
            **{name: str(row[name]) for name in words},
            **{name: float(row[name]) for name in numbers},
            "score": sign * float(row["score"]),
            "ranking": self.ranking,
        }


def spend(ranked: pd.DataFrame, budget_eur: float) -> pd.DataFrame:
    """Return what a budget buys of a ranked list: all that fit whole, then a part of the next.

    The amounts (`SCALED`) of the last one are those of all its area times the `part` that is bought; `spent_eur` is the
    running total.
    """
    parts, spent = np.zeros(len(ranked)), 0.0
    for i, cost in enumerate(ranked["cost_eur"]):
        part = 1.0
        if spent + cost > budget_eur:
            steps = math.floor((budget_eur - spent) / cost / PART)
            while steps > 0 and spent + steps * PART * cost > budget_eur:
                steps -= 1
            part = steps * PART
        parts[i] = part
        spent += part * cost
        if part < 1.0:
            break
    bought = parts > 0.0
    chosen = ranked[bought].assign(part=parts[bought])
    chosen[SCALED] = chosen[SCALED].mul(chosen["part"], axis=0)
    return chosen.assign(spent_eur=chosen["cost_eur"].cumsum())
