"""Change lanes, speed limit or capacity of links."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from twin.city.model import City
from twin.scenario.measures.base import Change, Context, Selecting, describe_links, street_km, with_column

_PAIRS = {
    "lanes": ("lanes", "lanes_factor"),
    "speed_limit_kmh": ("speed_limit_kmh", "speed_factor"),
    "capacity_veh_h": ("capacity_veh_h", "capacity_factor"),
}
_WORDS = {"lanes": "lanes", "speed_limit_kmh": "speed limit", "capacity_veh_h": "capacity"}
_UNITS = {"lanes": "", "speed_limit_kmh": " km/h", "capacity_veh_h": " veh/h"}


class ChangeLinks(Selecting):
    """Set or multiply lanes, speed limit or capacity of the selected links.

    A change of lanes rescales the capacity in proportion, unless the capacity is given too: a factor then multiplies
    the rescaled capacity, a value replaces it.
    """

    type: Literal["change_links"]
    layer: ClassVar[str] = "links"
    lanes: float | None = Field(None, ge=1, le=12, description="lanes in each selected direction")
    lanes_factor: float | None = Field(None, gt=0, le=10, description="factor on the lanes")
    speed_limit_kmh: float | None = Field(None, ge=5, le=130, description="speed limit in km/h")
    speed_factor: float | None = Field(None, gt=0, le=10, description="factor on the speed limit")
    capacity_veh_h: float | None = Field(None, ge=50, le=30000, description="capacity of each selected direction")
    capacity_factor: float | None = Field(None, gt=0, le=10, description="factor on the capacity")

    @model_validator(mode="after")
    def _one_of_each(self) -> ChangeLinks:
        given = {name for pair in _PAIRS.values() for name in pair if getattr(self, name) is not None}
        if not given:
            names = ", ".join(name for pair in _PAIRS.values() for name in pair)
            raise PydanticCustomError("twin", "change_links changes nothing", {"expected": f"one of {names}"})
        for value, factor in _PAIRS.values():
            if {value, factor} <= given:
                raise PydanticCustomError("twin", f"both {value} and {factor} are given", {"expected": "one of them"})
        return self

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the links changed."""
        mask = self.select(city, context)
        links, before = city.links, city.links[mask]
        parts = []
        for column, (value_name, factor_name) in _PAIRS.items():
            value, factor = getattr(self, value_name), getattr(self, factor_name)
            if value is None and factor is None:
                continue
            new = links.loc[mask, column] * factor if value is None else value
            links = with_column(links, "links", column, mask, new)
            parts.append(
                f"{_WORDS[column]} by a factor of {factor:g}"
                if value is None
                else f"{_WORDS[column]} to {value:g}{_UNITS[column]}"
            )
            if column == "lanes":
                capacity = before["capacity_veh_h"] * links.loc[mask, "lanes"] / before["lanes"]
                links = with_column(links, "links", "capacity_veh_h", mask, capacity)
        change = self.report(
            context,
            len(before),
            f"changes the {' and the '.join(parts)} on {describe_links(before)}",
            quantities={"links": len(before), "street_length_km": street_km(before)},
        )
        return city.replace(links=links), change
