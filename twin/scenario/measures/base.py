"""What every measure shares: strict models, selectors, the context it is applied in and the change it reports."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from twin.city.model import City
from twin.city.schema import DERIVED, LAYERS
from twin.city.zones import assign_zones
from twin.errors import SchemaError, SelectorError, TwinError, at_row
from twin.scenario import expression, selectors

if TYPE_CHECKING:
    from twin.scenario.parameters import ModelParameters
    from twin.scenario.prospects import Prospects

MAX_CORNERS = 10_000


class Model(BaseModel):
    """A strict part of a study file: no unknown keys, no text where a number is meant, finite numbers only."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Context:
    """Where a measure is applied: its name in the study (part of new ids), and the folder paths start from.

    `solar` says what PV would bring on each building of a city, for measures that choose by it. `parameters` are the
    nominal ones as the measures before left them, for measures that compare costs; `seed`, the study's, keys who takes
    part.
    """

    name: str
    base: Path | None
    solar: Prospects
    parameters: ModelParameters
    seed: int


@dataclass(frozen=True)
class Change:
    """What one intervention did.

    Parameters
    ----------
    measure, type, layer : str
        Name of the measure in the study, its type, and the layer it changed.
    matched : int
        Features that the selector matched or that were added.
    summary : str
        One sentence in plain words.
    quantities : dict
        Amounts by name with unit, for example ``street_length_km``.
    capital_cost_eur : float
        Investment, where a unit cost with a source is known; PV is left to the results.
    cost_source : str
        Where the unit cost is from; empty where no cost is counted.
    rows : tuple of dict
        What was chosen, in order, where a measure ranks (see `twin.scenario.measures.pv_programme`).
    payments : tuple of dict
        Who pays what of the investment, and each year (see `twin.scenario.payments`).
    factors : dict
        By what a measure multiplies named parameters, for example ``energy.district_heating_co2_kg_kwh``.
    """

    measure: str
    type: str
    layer: str
    matched: int
    summary: str
    quantities: dict[str, float] = field(default_factory=dict)
    capital_cost_eur: float = 0.0
    cost_source: str = ""
    rows: tuple[dict[str, Any], ...] = ()
    payments: tuple[dict[str, Any], ...] = ()
    factors: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the change as plain data."""
        return asdict(self)


def checked(check: Callable[[Any], object]) -> AfterValidator:
    """Return a validator that turns the `TwinError` of `check` into a validation error with its remedy."""

    def run(value: Any) -> Any:
        try:
            check(value)
        except TwinError as error:
            context = {"message": error.what, "expected": error.expected, "remedy": error.remedy}
            raise PydanticCustomError("twin", "{message}", context) from None
        return value

    return AfterValidator(run)


Position = Annotated[
    list[float],
    Field(min_length=2, max_length=2, description="[longitude, latitude], WGS 84 degrees"),
]
Corners = Annotated[
    list[Position],
    Field(min_length=3, max_length=MAX_CORNERS, description="corners of a polygon, in order around it"),
    checked(selectors.check_lonlat),
]
FilePath = Annotated[str, Field(min_length=1, description="vector file, relative to the study file")]
Area = Annotated[
    Annotated[Corners, Tag("corners")] | Annotated[FilePath, Tag("file")],
    Discriminator(lambda value: "file" if isinstance(value, str) else "corners"),
]
Expression = Annotated[str, checked(expression.parse)]


class Measure(Model):
    """One intervention; `apply` returns the changed city and what was changed."""

    type: str
    layer: ClassVar[str]
    needs_solar: ClassVar[bool] = False
    """Whether it chooses by `Context.solar`."""

    @abstractmethod
    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with this intervention, and the change."""

    def report(self, context: Context, matched: int, summary: str, **more: Any) -> Change:
        """Return a `Change` of this measure."""
        return Change(context.name, self.type, self.layer, matched, summary, **more)


class Selecting(Measure):
    """A measure on the features of a layer that satisfy an expression and lie in a polygon."""

    where: Expression | None = Field(None, description="expression on the layer's columns; all features when left out")
    inside: Area | None = Field(None, description="polygon, or path of a vector file; everywhere when left out")

    def select(self, city: City, context: Context) -> NDArray[np.bool_]:
        """Return the mask of the selected features; matching none is a `SelectorError`."""
        layer: gpd.GeoDataFrame = getattr(city, self.layer)
        return selectors.select(layer, self.where, self.inside, name=self.layer, base=context.base)


class SelectingSome(Selecting):
    """A measure that must say which features it means, since all of them are hardly meant."""

    @model_validator(mode="after")
    def _somewhere(self) -> SelectingSome:
        if self.where is None and self.inside is None:
            raise PydanticCustomError("twin", f"{self.type} names no {self.layer}", {"expected": "where or inside"})
        return self


def select_by(
    layer: gpd.GeoDataFrame, where: str, inside: Sequence[Sequence[float]] | str | None, *, key: str, context: Context
) -> NDArray[np.bool_]:
    """Return the mask of links that the expression under another key than `where` selects.

    Raises
    ------
    SelectorError
        With `key` as its place, which `twin.scenario.apply` turns into a line of the study.
    """
    try:
        return selectors.select(layer, where, inside, name="links", base=context.base)
    except SelectorError as error:
        raise SelectorError(error.what, where=key, expected=error.expected, remedy=error.remedy) from error


def with_column(
    layer: gpd.GeoDataFrame, name: str, column: str, mask: NDArray[np.bool_], values: object
) -> gpd.GeoDataFrame:
    """Return a copy with `values` in one column of the selected rows; where that changes one, its origin is derived.

    Raises
    ------
    SchemaError
        A new value is outside the range of the column.
    """
    spec = LAYERS[name].column(column)
    result = layer.copy()
    result.loc[mask, column] = values
    changed = result.loc[mask, column]
    if spec.low is not None and spec.high is not None:
        bad = ~changed.between(spec.low, spec.high)
        if bad.any():
            first = changed.index[bad][0]
            raise SchemaError(
                f"{column} would become {changed[first]:g} {spec.unit} ({int(bad.sum())} of {len(changed)} {name})",
                where=at_row(name, first, column),
                expected=f"{spec.low:g} to {spec.high:g} {spec.unit}".removesuffix(" -"),
            )
    if spec.has_origin:
        result.loc[mask & (result[column] != layer[column]).to_numpy(), f"{column}_origin"] = DERIVED
    return result


def street_km(links: gpd.GeoDataFrame) -> float:
    """Return the length of the streets in km; the two directions of a street count once."""
    streets = links["length_m"].groupby(links.index.str.replace(r"/[fb]$", "", regex=True)).max()
    return float(streets.sum()) / 1000.0


def amount(value: float) -> str:
    """Return a whole number with thin spaces between thousands."""
    return f"{value:,.0f}".replace(",", "\u202f")


def count(n: int, singular: str, plural: str | None = None) -> str:
    """Return ``1 link`` or ``2 links``."""
    return f"{amount(n)} {singular if n == 1 else plural or singular + 's'}"


def of_streets(links: gpd.GeoDataFrame) -> str:
    """Return `` of Mikonkatu and Kaivokatu``, the longest streets first; empty when none has a name."""
    named = links[links["name"] != ""]
    names = list(named.groupby("name")["length_m"].sum().sort_values(ascending=False, kind="stable").index)
    if not names:
        return ""
    if len(names) > 3:
        return f" of {', '.join(names[:3])} and {len(names) - 3} more"
    return " of " + " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def describe_links(links: gpd.GeoDataFrame) -> str:
    """Return ``14 links, 1.2 km, of Aleksanterinkatu``."""
    return f"{count(len(links), 'link')}, {street_km(links):.2g} km,{of_streets(links)}".rstrip(",")


def street_quantities(links: gpd.GeoDataFrame) -> dict[str, float]:
    """Return the number of links and the length of their streets."""
    return {"links": len(links), "street_length_km": street_km(links)}


def describe_zones(zones: gpd.GeoDataFrame, mask: NDArray[np.bool_]) -> str:
    """Return ``the whole city`` or ``4 zones``."""
    n = int(mask.sum())
    return "the whole city" if n == len(zones) else count(n, "zone")


def percent(factor: float) -> str:
    """Return what a factor changes, ``+20 %`` or ``-5 %``."""
    return f"{100 * (factor - 1):+g} %"


def new_ids(existing: pd.Index, name: str, n: int) -> list[str]:
    """Return `n` ids ``measure/<name>/<number>`` that go on from those already in the layer."""
    prefix = f"measure/{name}/"
    ends = (i.removeprefix(prefix) for i in existing if i.startswith(prefix))
    start = max((int(end) for end in ends if end.isdecimal()), default=0) + 1
    return [f"{prefix}{start + k}" for k in range(n)]


def appended(layer: gpd.GeoDataFrame, added: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a layer with rows added, sorted by id, columns and types as before."""
    added = added.reindex(columns=layer.columns)
    missing = [column for column in added.columns if added[column].isna().any()]
    if missing:
        raise SchemaError(f"new features lack {', '.join(missing)}")
    added = added.astype({c: layer[c].dtype for c in layer.columns if c != layer.geometry.name})
    joined = pd.concat([layer, added]) if len(layer) else added
    joined.index.name = layer.index.name
    return gpd.GeoDataFrame(joined, geometry=layer.geometry.name, crs=layer.crs).sort_index()


def zone_of(added: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, labels: Sequence[str]) -> pd.Series:
    """Return the zone of each new feature: the one that holds it, else the nearest.

    Raises
    ------
    SelectorError
        A feature lies outside the rectangle around all zones.
    """
    extent = shapely.box(*zones.total_bounds)
    outside = ~shapely.intersects(extent, added.geometry.to_numpy())
    if outside.any():
        west, south, east, north = zones.to_crs(selectors.WGS84).total_bounds
        raise SelectorError(
            f"{labels[int(np.argmax(outside))]} lies outside the city",
            expected=f"longitude {west:.3f} to {east:.3f}, latitude {south:.3f} to {north:.3f}",
            remedy="positions are [longitude, latitude]",
        )
    return assign_zones(added, zones)
