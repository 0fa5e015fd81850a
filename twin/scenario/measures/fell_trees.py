"""Fell trees."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.city.model import City
from twin.errors import SelectorError
from twin.scenario.measures.base import Change, Context, SelectingSome, count


class FellTrees(SelectingSome):
    """Fell the selected trees; roofs and façades behind them get their sun back."""

    type: Literal["fell_trees"]
    layer: ClassVar[str] = "trees"
    cost_eur: float = Field(0.0, ge=0, le=1e5, description="felling one tree in EUR; not counted when left out")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city without the trees."""
        if city.trees is None or len(city.trees) == 0:
            raise SelectorError(
                "the city has no trees to fell",
                expected="a city whose source has trees, or plant_trees before",
            )
        mask = self.select(city, context)
        gone = city.trees[mask]
        crowns = float(np.pi / 4 * (gone["crown_diameter_m"] ** 2).sum())
        summary = f"fells {count(len(gone), 'tree')} of {len(city.trees)}"
        change = self.report(
            context,
            len(gone),
            summary,
            quantities={"trees": len(gone), "crown_area_m2": crowns},
            capital_cost_eur=self.cost_eur * len(gone),
            cost_source=f"{self.cost_eur:g} EUR per tree (study)" if self.cost_eur else "",
        )
        return city.replace(trees=city.trees[~mask]), change
