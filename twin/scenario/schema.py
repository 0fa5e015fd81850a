"""The study file as pydantic models; `twin.scenario.study` reads files into them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, PrivateAttr, StringConstraints, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

from twin.scenario.measures import AnyMeasure
from twin.scenario.measures.base import Model

BASELINE = "baseline"
NAME_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
MAX_DRAWS = 10_000
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=64)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Intervention = Annotated[AnyMeasure, Field(discriminator="type")]


class Baseline(Model):
    """The city as it is compared against: nothing done, or what is decided already."""

    label: Text = "Baseline"
    description: str = ""
    parameters: dict[str, float] = Field(default_factory=dict, description="values of named parameters")
    measures: list[Name] = Field(default_factory=list, description="measures that every scenario starts with")


class Scenario(Model):
    """A list of measures, applied in order on top of the baseline's."""

    label: str = Field("", description="name in the report; the scenario's own name when left out")
    description: str = ""
    measures: list[Name]

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"measures": value} if isinstance(value, list) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Allow the short form, a plain list of measures, in the JSON Schema."""
        full = handler(core)
        properties = handler.resolve_ref_schema(full)["properties"]
        return {"anyOf": [properties["measures"], full]}


class Normal(Model):
    """Normal distribution."""

    distribution: Literal["normal"]
    mean: float
    sd: float = Field(gt=0, description="standard deviation")

    def describe(self) -> str:
        """Return the distribution in words."""
        return f"normal, mean {self.mean:g}, sd {self.sd:g}"


class Lognormal(Model):
    """Lognormal distribution."""

    distribution: Literal["lognormal"]
    median: float = Field(gt=0)
    sigma: float = Field(gt=0, le=5, description="standard deviation of the logarithm")

    def describe(self) -> str:
        """Return the distribution in words."""
        return f"lognormal, median {self.median:g}, sigma {self.sigma:g}"


class Uniform(Model):
    """Uniform distribution."""

    distribution: Literal["uniform"]
    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if not self.low < self.high:
            raise PydanticCustomError("twin", f"low {self.low:g} is not below high {self.high:g}")
        return self

    def describe(self) -> str:
        """Return the distribution in words."""
        return f"uniform, {self.low:g} to {self.high:g}"


class Triangular(Model):
    """Triangular distribution."""

    distribution: Literal["triangular"]
    low: float
    mode: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Triangular:
        if not (self.low <= self.mode <= self.high and self.low < self.high):
            raise PydanticCustomError(
                "twin", f"{self.low:g}, {self.mode:g}, {self.high:g} are not in order", {"expected": "low, mode, high"}
            )
        return self

    def describe(self) -> str:
        """Return the distribution in words."""
        return f"triangular, {self.low:g} to {self.high:g}, most likely {self.mode:g}"


Distribution = Annotated[Normal | Lognormal | Uniform | Triangular, Field(discriminator="distribution")]


class Uncertainty(Model):
    """What is not known: distributions on named parameters, sampled alike in every scenario."""

    draws: int = Field(0, ge=0, le=MAX_DRAWS, description="simulations beside the nominal one")
    parameters: dict[str, Distribution] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _drawn(self) -> Uncertainty:
        if self.parameters and not self.draws:
            raise PydanticCustomError("twin", "uncertainty has no draws", {"expected": "draws and parameters"})
        return self


class Target(Model):
    """A value that a KPI should keep below or reach."""

    kpi: Text
    at_most: float | None = None
    at_least: float | None = None
    label: str = ""

    @model_validator(mode="after")
    def _one_side(self) -> Target:
        if (self.at_most is None) == (self.at_least is None):
            raise PydanticCustomError("twin", "a target needs one limit", {"expected": "either at_most or at_least"})
        return self


class Study(Model):
    """A question about a city, and the scenarios that answer it."""

    study: Name = Field(description="name of the study: small letters, digits and hyphens")
    question: Text = Field(description="what the study should answer, in plain words")
    city: Text = Field(description="city of the library, or path of a city package relative to this file")
    calibration: Text | None = Field(
        None, description="folder made by `twin calibrate` for the city, relative to this file"
    )
    baseline: Baseline = Baseline()
    measures: dict[Name, Annotated[list[Intervention], Field(min_length=1)]] = Field(
        default_factory=dict, description="named lists of interventions, applied in order"
    )
    scenarios: dict[Name, Scenario] = Field(min_length=1, description="what is compared with the baseline")
    uncertainty: Uncertainty = Field(default_factory=lambda: Uncertainty(draws=0))
    targets: list[Target] = Field(default_factory=list)
    canvas: dict[str, Any] | None = Field(None, description="City Model Canvas: fourteen blocks, checked by name")
    seed: int = Field(0, ge=0, le=2**53, description="seed of all random numbers")

    _path: Path | None = PrivateAttr(None)
    _positions: Any = PrivateAttr(None)

    @property
    def path(self) -> Path | None:
        """The file the study was read from."""
        return self._path

    @property
    def base(self) -> Path | None:
        """The folder that relative paths of the study start from."""
        return None if self._path is None else self._path.parent

    @property
    def parameters(self) -> dict[str, float]:
        """Values of parameters that the baseline sets; they hold in every scenario."""
        return self.baseline.parameters

    def names(self) -> list[str]:
        """Return ``baseline`` and the scenarios, in the order of the file."""
        return [BASELINE, *self.scenarios]

    def labels(self) -> dict[str, str]:
        """Return the names of the baseline and all scenarios for readers."""
        return {name: self.label(name) for name in self.names()}

    def resolved(self) -> dict[str, Any]:
        """Return the study as plain data, every default written out."""
        return self.model_dump(mode="json")

    def label(self, scenario: str) -> str:
        """Return the name of a scenario for readers."""
        if scenario == BASELINE:
            return self.baseline.label
        return self.scenarios[scenario].label or scenario.replace("-", " ").capitalize()

    def measures_of(self, scenario: str) -> list[str]:
        """Return the measures of a scenario in order of application: the baseline's, then its own."""
        own = [] if scenario == BASELINE else self.scenarios[scenario].measures
        return [*self.baseline.measures, *own]

    def at(self, *keys: str | int) -> str | None:
        """Return ``file:line:column`` of a part of the study, None when it was not read from a file."""
        if self._path is None or self._positions is None:
            return None
        return str(self._positions.where(keys))
