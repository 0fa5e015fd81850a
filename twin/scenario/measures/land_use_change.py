"""Change what buildings are used for, and how densely."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from twin.city.ground_floors import LEAST_LEVELS
from twin.city.impute import residents_of, workplaces_of
from twin.city.model import City
from twin.city.schema import MAIN_USE
from twin.scenario.measures.add_buildings import GroundFloor, Use
from twin.scenario.measures.base import (
    Change,
    Context,
    SelectingSome,
    amount,
    count,
    percent,
    with_column,
)

_WORDS = {
    "residential": "dwellings",
    "office": "offices",
    "retail": "shops",
    "education": "schools",
    "health": "health care",
    "public": "public use",
    "industrial": "industry",
    "other": "other use",
}


class LandUseChange(SelectingSome):
    """Change the use of the selected buildings, or their floor area, residents or jobs; the shell stays as it is.

    Where the use changes, residents and jobs follow from the floor area by the rules that fill gaps in the data;
    elsewhere they change in proportion to the floor area. The factors on residents and jobs come on top. A ground floor
    of another use keeps it unless `ground_floor_use` says otherwise; residents and jobs do not follow from it.
    """

    type: Literal["land_use_change"]
    layer: ClassVar[str] = "buildings"
    use: Use | None = Field(None, description="use afterwards")
    ground_floor_use: GroundFloor | None = Field(
        None, description="use of the ground floor afterwards; main: that of the building; two storeys or more"
    )
    floor_area_factor: float | None = Field(None, ge=0, le=10, description="factor on the heated floor area")
    population_factor: float | None = Field(None, ge=0, le=10, description="factor on the residents")
    jobs_factor: float | None = Field(None, ge=0, le=10, description="factor on the jobs")

    @model_validator(mode="after")
    def _does_something(self) -> LandUseChange:
        names = ("use", "ground_floor_use", "floor_area_factor", "population_factor", "jobs_factor")
        if all(getattr(self, name) is None for name in names):
            expected = {"expected": f"one of {', '.join(names)}"}
            raise PydanticCustomError("twin", "land_use_change changes nothing", expected)
        return self

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the buildings changed."""
        mask = self.select(city, context)
        before = city.buildings[mask]
        use = before["use"].to_numpy(dtype=object)
        turned = np.zeros(len(before), dtype=bool) if self.use is None else use != self.use
        scale = 1.0 if self.floor_area_factor is None else self.floor_area_factor
        floor = before["floor_area_m2"].to_numpy() * scale
        after = use.copy()
        after[turned] = self.use
        ground = before["ground_floor_use"].to_numpy(dtype=object)
        ground = np.where(turned & (ground == use), MAIN_USE, ground)  # one of the same use turns with the building
        let = np.zeros(len(before), dtype=bool)
        if self.ground_floor_use is not None:
            let = (ground != self.ground_floor_use) & (before["levels"].to_numpy(np.float64) >= LEAST_LEVELS)
            ground = np.where(let, self.ground_floor_use, ground)
        people = np.where(turned, residents_of(after, floor), before["population"].to_numpy() * scale)
        jobs = np.where(turned, workplaces_of(after, floor), before["jobs"].to_numpy() * scale)
        people = people * (1.0 if self.population_factor is None else self.population_factor)
        jobs = jobs * (1.0 if self.jobs_factor is None else self.jobs_factor)
        buildings = city.buildings
        columns = {"use": after, "floor_area_m2": floor, "population": people, "jobs": jobs, "ground_floor_use": ground}
        for column, values in columns.items():
            buildings = with_column(buildings, "buildings", column, mask, values)
        added = {name: float(np.sum(columns[name] - before[name])) for name in ("floor_area_m2", "population", "jobs")}
        quantities = {
            "buildings": len(before),
            "buildings_of_another_use": int(turned.sum()),
            "ground_floors_of_another_use": int(let.sum()),
            "floor_area_m2": float(floor.sum()),
            "added_floor_area_m2": added["floor_area_m2"],
            "added_population": added["population"],
            "added_jobs": added["jobs"],
        }
        change = self.report(
            context, len(before), self._summary(turned, let, added, len(before)), quantities=quantities
        )
        return city.replace(buildings=buildings), change

    def _summary(self, turned: NDArray[np.bool_], let: NDArray[np.bool_], added: dict[str, float], n: int) -> str:
        parts = []
        if self.use is not None:
            parts.append(f"turns {count(int(turned.sum()), 'building')} over to {_WORDS[self.use]}")
        if self.ground_floor_use is not None:
            words = "the use above" if self.ground_floor_use == MAIN_USE else _WORDS[self.ground_floor_use]
            parts.append(f"gives the ground floors of {count(int(let.sum()), 'building')} to {words}")
        factors = (
            ("floor area", self.floor_area_factor),
            ("residents", self.population_factor),
            ("jobs", self.jobs_factor),
        )
        changed = [f"the {name} by {percent(factor)}" for name, factor in factors if factor is not None]
        if changed:
            parts.append(f"changes {' and '.join(changed)} in {count(n, 'building')}")
        units = {"floor_area_m2": "m² of floor area", "population": "residents", "jobs": "jobs"}
        signed = [f"{'+' if added[k] >= 0 else ''}{amount(added[k])} {word}" for k, word in units.items()]
        return f"{' and '.join(parts)} ({', '.join(signed)})"
