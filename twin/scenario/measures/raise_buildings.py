"""Make buildings higher."""

from __future__ import annotations

from typing import ClassVar, Literal

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from twin.city.impute import residents_of, workplaces_of
from twin.city.model import City
from twin.city.rules import NET_FACTOR, STOREY_HEIGHT_M
from twin.scenario.measures.base import Change, Context, SelectingSome, amount, count, with_column


class RaiseBuildings(SelectingSome):
    """Add storeys to the selected buildings, or metres to their height; the roof keeps its shape.

    A storey is as high as usual for the building's use, and adds the heated floor area that fills gaps in the data:
    footprint times 0.9; residents and jobs follow from the added floor area by the use. A building without heated
    floor area stays without. Roof planes are lifted by the same height; trees stay. Construction is not costed.
    """

    type: Literal["raise_buildings"]
    layer: ClassVar[str] = "buildings"
    storeys: int | None = Field(None, ge=1, le=100, description="storeys to add")
    metres: float | None = Field(None, gt=0, le=400, description="height to add in m; as many storeys as fit in it")

    @model_validator(mode="after")
    def _one_height(self) -> RaiseBuildings:
        if (self.storeys is None) == (self.metres is None):
            expected = {"expected": "either storeys or metres"}
            raise PydanticCustomError("twin", "raise_buildings needs one height", expected)
        return self

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the buildings raised."""
        mask = self.select(city, context)
        before = city.buildings[mask]
        use = before["use"].to_numpy(dtype=object)
        storey_m = np.array([STOREY_HEIGHT_M[name] for name in use], np.float64)
        if self.metres is None:
            storeys = np.full(len(before), float(self.storeys or 0))
            metres = storeys * storey_m
        else:
            metres = np.full(len(before), self.metres)
            storeys = np.floor(metres / storey_m)
        floor = before["floor_area_m2"].to_numpy()
        added_floor = np.where(floor > 0.0, before["footprint_area_m2"].to_numpy() * storeys * NET_FACTOR, 0.0)
        added = {
            "height_m": metres,
            "levels": storeys,
            "floor_area_m2": added_floor,
            "population": residents_of(use, added_floor),
            "jobs": workplaces_of(use, added_floor),
        }
        buildings = city.buildings
        for column, more in added.items():
            buildings = with_column(buildings, "buildings", column, mask, before[column].to_numpy() + more)
        sums = {name: float(added[name].sum()) for name in ("floor_area_m2", "population", "jobs")}
        change = self.report(
            context,
            len(before),
            f"raises {count(len(before), 'building')} by {self._words(metres)} (+{amount(sums['floor_area_m2'])} m² of "
            f"floor area, +{amount(sums['population'])} residents, +{amount(sums['jobs'])} jobs)",
            quantities={
                "buildings": len(before),
                "highest_raise_m": float(metres.max()),
                **{f"added_{name}": value for name, value in sums.items()},
            },
        )
        return city.replace(buildings=buildings, roof_planes=_lifted(city.roof_planes, before, metres)), change

    def _words(self, metres: NDArray[np.float64]) -> str:
        if self.storeys is None:
            return f"{self.metres:g} m"
        low, high = float(metres.min()), float(metres.max())
        return (
            f"{count(self.storeys, 'storey')} ({low:g} m)"
            if low == high
            else (f"{count(self.storeys, 'storey')} ({low:g} to {high:g} m)")
        )


def _lifted(
    planes: gpd.GeoDataFrame | None, raised: gpd.GeoDataFrame, metres: NDArray[np.float64]
) -> gpd.GeoDataFrame | None:
    """Return the roof planes with those of the raised buildings lifted; the very same object where there are none."""
    if planes is None:
        return None
    row = raised.index.get_indexer(planes["building_id"])
    carried = row >= 0
    if not carried.any():
        return planes
    polygons, which = planes.geometry.to_numpy()[carried], row[carried]
    coordinates, owner = shapely.get_coordinates(polygons, include_z=True, return_index=True)
    coordinates[:, 2] += metres[which][owner]
    geometry = planes.geometry.to_numpy().copy()
    geometry[carried] = shapely.set_coordinates(polygons.copy(), coordinates)
    return planes.set_geometry(gpd.GeoSeries(geometry, index=planes.index, crs=planes.crs))
