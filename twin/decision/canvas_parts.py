"""What the blocks and sections of a canvas are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from twin.scenario.measures.base import Model
from twin.scenario.schema import Name, Text

Year = Annotated[int, Field(ge=1900, le=2200)]


class Item(Model):
    """An entry of a block."""

    id: Name | None = Field(None, description="name that other entries refer to")
    text: Text


class UnitValue(Model):
    """What one unit costs or is worth, with where that is from and how far it may be off."""

    value: float
    unit: Text = Field(description="for example EUR/kWp")
    source: Text
    year: Year
    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> UnitValue:
        if not self.low <= self.value <= self.high:
            raise PydanticCustomError(
                "twin", f"the value {self.value:g} is not between low {self.low:g} and high {self.high:g}"
            )
        return self
