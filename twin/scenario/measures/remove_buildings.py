"""Remove buildings."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from twin.city.model import City
from twin.errors import SelectorError
from twin.scenario.measures.base import Change, Context, Selecting, amount, count


class RemoveBuildings(Selecting):
    """Remove the selected buildings, with their residents, jobs and energy demand."""

    type: Literal["remove_buildings"]
    layer: ClassVar[str] = "buildings"

    @model_validator(mode="after")
    def _selects(self) -> RemoveBuildings:
        if self.where is None and self.inside is None:
            raise PydanticCustomError(
                "twin", "remove_buildings without a selector would remove the city", {"expected": "where or inside"}
            )
        return self

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city without the buildings."""
        mask = self.select(city, context)
        gone = city.buildings[mask]
        if len(gone) == len(city.buildings):
            raise SelectorError("the selector matches every building; a city cannot be without any")
        floor_m2, people = float(gone["floor_area_m2"].sum()), float(gone["population"].sum())
        summary = (
            f"removes {count(len(gone), 'building')} ({amount(floor_m2)} m² of floor area, {amount(people)} residents)"
        )
        change = self.report(
            context,
            len(gone),
            summary,
            quantities={"buildings": len(gone), "floor_area_m2": floor_m2, "population": people},
        )
        planes = city.roof_planes
        if planes is not None:
            planes = planes[~planes["building_id"].isin(gone.index)]
        return city.replace(buildings=city.buildings[~mask], roof_planes=planes), change
