"""Add buildings."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import ClassVar, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from twin.city.ground_floors import LEAST_LEVELS
from twin.city.model import City
from twin.city.schema import BUILDINGS, MAIN_USE
from twin.errors import CrsError, GeometryError, SchemaError
from twin.scenario import selectors
from twin.scenario.measures.base import (
    Change,
    Context,
    Corners,
    FilePath,
    Measure,
    Model,
    amount,
    appended,
    count,
    new_ids,
    zone_of,
)
from twin.scenario.measures.change_heat_supply import Supply

OVERLAP_M2 = 1.0
Use = Literal["residential", "office", "retail", "education", "health", "public", "industrial", "other"]
GroundFloor = Literal["main", "residential", "office", "retail", "education", "health", "public", "industrial", "other"]
YearClass = Literal["before-1940", "1940-1959", "1960-1979", "1980-1999", "2000-2009", "2010-onwards"]


class NewBuilding(Model):
    """One building to add; what is left out is filled by the rules that fill gaps in the data."""

    polygon: Corners
    name: str = ""
    use: Use
    ground_floor_use: GroundFloor | None = Field(None, description="use of the ground floor, where it is another")
    height_m: float | None = Field(None, ge=1.5, le=600, description="height of the eaves or flat roof in m")
    levels: float | None = Field(None, ge=1, le=200, description="storeys above ground")
    year_class: YearClass = "2010-onwards"
    roof_type: Literal["flat", "gabled", "hipped"] | None = None
    roof_azimuth_deg: float | None = Field(None, ge=0, le=360, description="azimuth of the main roof plane")
    roof_tilt_deg: float | None = Field(None, ge=0, le=75, description="tilt of the roof planes")
    floor_area_m2: float | None = Field(None, ge=0, le=2e7, description="gross heated floor area in m²")
    population: float | None = Field(None, ge=0, le=1e5, description="residents")
    jobs: float | None = Field(None, ge=0, le=1e5, description="workplaces")
    heat_supply: Supply | None = None
    envelope: Literal["existing", "standard_retrofit", "deep_retrofit"] = "existing"
    pv_share: float = Field(0.0, ge=0, le=1, description="share of the suitable roof area that carries PV")
    facade_pv_share: float = Field(0.0, ge=0, le=1, description="share of the suitable façade area that carries PV")

    @model_validator(mode="after")
    def _tall(self) -> NewBuilding:
        if self.height_m is None and self.levels is None:
            raise PydanticCustomError("twin", "the building has no height", {"expected": "height_m or levels"})
        return self


class AddBuildings(Measure):
    """Add buildings, listed here or in a vector file whose columns are named like those of the layer.

    They may not overlap each other, nor buildings that stand: remove those first.
    """

    type: Literal["add_buildings"]
    layer: ClassVar[str] = "buildings"
    buildings: list[NewBuilding] | None = Field(
        None, min_length=1, max_length=10_000, description="outlines with height or levels, and use"
    )
    file: FilePath | None = Field(None, description="vector file of outlines, relative to the study file")

    @model_validator(mode="after")
    def _one_source(self) -> AddBuildings:
        if (self.buildings is None) == (self.file is None):
            raise PydanticCustomError(
                "twin", "add_buildings needs one source of buildings", {"expected": "either buildings or file"}
            )
        return self

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the buildings."""
        from twin.city.impute import complete_buildings

        given = self._given(city, context.base)
        given.index = pd.Index(
            new_ids(city.buildings.index, context.name, len(given)), dtype="str", name=city.buildings.index.name
        )
        _refuse_overlaps(given, city.buildings)
        added = complete_buildings(given, city.meta)
        labels = [f"the building {name or key}" for key, name in added["name"].items()]
        _refuse_low(added, labels)
        added["zone_id"] = zone_of(added, city.zones, labels)
        floor_m2, people = float(added["floor_area_m2"].sum()), float(added["population"].sum())
        summary = (
            f"adds {count(len(added), 'building')} ({amount(floor_m2)} m² of floor area, {amount(people)} residents)"
        )
        change = self.report(
            context,
            len(added),
            summary,
            quantities={"buildings": len(added), "floor_area_m2": floor_m2, "population": people},
        )
        return city.replace(buildings=appended(city.buildings, added)), change

    def _given(self, city: City, base: Path | None) -> gpd.GeoDataFrame:
        """Return the new buildings with the schema's columns, missing where nothing was said."""
        columns = [column.name for column in BUILDINGS.columns if column.name in NewBuilding.model_fields]
        if self.buildings is not None:
            shapes = gpd.GeoSeries([shapely.Polygon(b.polygon) for b in self.buildings], crs=selectors.WGS84)
            table = pd.DataFrame([{name: getattr(b, name) for name in columns} for b in self.buildings])
        else:
            from twin.city.door import open_vector

            features = open_vector(selectors.resolve(self.file or "", base)).reset_index(drop=True)
            shapes = features.geometry
            if shapes.crs is None:
                raise CrsError(f"the file {self.file!r} names no coordinate reference system")
            if features.empty or not shapes.geom_type.isin(["Polygon", "MultiPolygon"]).all():
                raise GeometryError(f"the file {self.file!r} does not hold polygons only", expected="building outlines")
            if not shapely.is_valid(shapes.to_numpy()).all():
                raise GeometryError(f"polygons of {self.file!r} cross themselves", remedy="repair them in a GIS")
            table = features.reindex(columns=columns)
            if table["use"].isna().any():
                raise SchemaError(f"buildings of {self.file!r} have no use", expected="a column `use` without gaps")
            table["year_class"] = table["year_class"].astype(object).where(table["year_class"].notna(), "2010-onwards")
        return _typed(gpd.GeoDataFrame(table, geometry=shapes.to_crs(city.meta.crs).to_numpy(), crs=city.meta.crs))


def _refuse_low(added: gpd.GeoDataFrame, labels: list[str]) -> None:
    """Raise SchemaError where a building of one storey has another use on its ground floor."""
    other = (added["ground_floor_use"] != MAIN_USE) & (added["ground_floor_use"] != added["use"])
    for label in itertools.compress(labels, other & (added["levels"] < LEAST_LEVELS)):
        raise SchemaError(
            f"{label} has no other floor than the ground floor",
            expected=f"no ground_floor_use, or at least {LEAST_LEVELS:g} levels",
        )


def _typed(buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the columns in the schema's types, state filled with its default, values within range."""
    result = buildings.copy()
    for name in buildings.columns.drop("geometry"):
        column = BUILDINGS.column(name)
        if column.default is not None and not column.has_origin:
            result[name] = result[name].astype(object).where(result[name].notna(), column.default)
        try:
            result[name] = result[name].astype("str" if column.dtype == "str" else "float64")
        except (TypeError, ValueError):
            raise SchemaError(f"column {name!r} of the new buildings does not hold numbers") from None
        given = result[name].dropna()
        bad = ~given.isin(column.values) if column.values else np.zeros(len(given), dtype=bool)
        if column.low is not None and column.high is not None:
            bad = ~given.between(column.low, column.high)
        if bad.any():
            expected = ", ".join(column.values) or f"{column.low:g} to {column.high:g} {column.unit}"
            raise SchemaError(f"{name} of a new building is {given[bad].iloc[0]!r}", expected=expected)
    return result


def _refuse_overlaps(added: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> None:
    """Raise `GeometryError` where a new building overlaps one that stands, or another new one."""
    first, second = added.sindex.query(added.geometry.to_numpy(), predicate="intersects")
    pairs = first < second
    outlines = added.geometry.to_numpy()
    twice = shapely.area(shapely.intersection(outlines[first[pairs]], outlines[second[pairs]])) > OVERLAP_M2
    if twice.any():
        k = int(np.argmax(twice))
        raise GeometryError(f"the new buildings {first[pairs][k] + 1} and {second[pairs][k] + 1} overlap")
    new, old = buildings.sindex.query(added.geometry.to_numpy(), predicate="intersects")
    shared = shapely.area(shapely.intersection(added.geometry.to_numpy()[new], buildings.geometry.to_numpy()[old]))
    hits = np.flatnonzero(shared > OVERLAP_M2)
    if len(hits):
        names = sorted({str(buildings.index[old[k]]) for k in hits})
        raise GeometryError(
            f"new buildings overlap {count(len(names), 'building')} that stand: {', '.join(names[:5])}",
            remedy="list a measure with remove_buildings before, or move the outline",
        )
