"""Sections of a canvas beside the fourteen blocks: devices, a pilot, incomes, and costs shared between cities."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from twin.decision.canvas_parts import Item, UnitValue, Year
from twin.scenario.measures.base import Model
from twin.scenario.schema import Name, Text

Point = Annotated[list[float], Field(min_length=2, max_length=2)]
Outline = Annotated[list[Point], Field(min_length=3)]


def _not_below_zero(unit: UnitValue) -> UnitValue:
    if unit.low < 0.0:
        raise PydanticCustomError("twin", f"the value may be {unit.low:g}, below zero", {"expected": "low: 0 or more"})
    return unit


Amount = Annotated[UnitValue, AfterValidator(_not_below_zero)]
"""Power, mass or a price, which are not below zero."""


class Device(Item):
    """Sensors, gateways and servers of a measure: what they draw, and what it took to make them."""

    count: float = Field(1.0, gt=0)
    quantity_of: Text | None = Field(None, description="quantity of the study's measures that the count multiplies")
    measure: Name | None = Field(None, description="measure it belongs to: it counts in scenarios that have it")
    power_w: Amount | None = Field(None, description="mean electric power of one, W")
    hours_a: float = Field(8760.0, gt=0, le=8784, description="hours a year that it draws it")
    embodied_kg: Amount | None = Field(None, description="CO2 of making one, kg")
    life_years: float = Field(10.0, gt=0, le=100, description="years over which that is spread")
    price_eur: Amount | None = Field(None, description="price of one; counted by cost lines, not here")

    @model_validator(mode="after")
    def _says_something(self) -> Device:
        if self.power_w is None and self.embodied_kg is None:
            raise PydanticCustomError(
                "twin", "the device has no footprint", {"expected": "power_w, embodied_kg or both"}
            )
        return self


class Pilot(Model):
    """A measure tried in part of the city: inside an outline, against a control area."""

    scenario: Name = Field(description="scenario in which the measure acts inside the outline only")
    citywide: Name | None = Field(None, description="scenario in which it acts everywhere: the simulated truth")
    inside: Outline = Field(description="longitude and latitude of the corners of the pilot")
    control: Outline | None = Field(None, description="corners of the control area; all that is far away if left out")
    edge_m: float = Field(150.0, gt=0, le=5000, description="width of the strip around the pilot for spill-over")
    layer: Literal["buildings", "links"] = "buildings"
    quantity: Text = Field(description="result column of the layer, for example heating_kwh_a")
    per: Text | None = Field(None, description="column to scale by, as floor_area_m2; each counts once if none")


class Incomes(Model):
    """Where the incomes of residents are from: a table by zone, or areas with a column."""

    file: Text = Field(description="CSV with zone_id, or a layer of areas; relative to the study")
    column: Text = Field("income_eur_a", description="mean income of a resident a year, EUR")
    source: Text
    year: Year
    poverty_share: float = Field(0.10, gt=0, lt=1, description="share of income on energy above which a home is poor")


class Member(Model):
    """A city that takes part in sharing costs."""

    label: Text
    people: float = Field(gt=0)
    units: float = Field(gt=0, description="units it deploys: sensors, buildings, vehicles")
    running_eur_a: float = Field(0.0, ge=0, description="its own running costs a year")


class SharedProgramme(Model):
    """What a solution costs several cities together (`twin.decision.sharing`); years and rate are the accounts'."""

    members: dict[Name, Member] = Field(min_length=2, max_length=12)
    development_eur: Amount = Field(description="developing it, once for all")
    unit_eur: Amount = Field(description="deploying the first unit")
    learning_rate: float = Field(0.0, ge=0, lt=1, description="part by which a unit's mean cost falls with a doubling")


class Computing(Model):
    """Power of the machine that runs the twin."""

    power_w: Amount = Field(description="electric power of the machine per busy core, W")
    runs_a: float = Field(1.0, gt=0, description="runs like this one that a year of the study takes")
