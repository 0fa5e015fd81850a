"""Plant trees."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar, Literal

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from twin.city.frames import layer_frame
from twin.city.model import City
from twin.city.schema import DERIVED, TREES
from twin.errors import GeometryError, SelectorError
from twin.scenario import selectors
from twin.scenario.measures.base import (
    Area,
    Change,
    Context,
    Expression,
    Measure,
    Position,
    appended,
    count,
    new_ids,
    select_by,
    zone_of,
)

Points = NDArray[np.object_]
SIZES = MappingProxyType({"small": (6.0, 4.0), "medium": (12.0, 7.0), "large": (20.0, 12.0)})
"""Height and crown diameter in m, full grown. Assumption: usual for small ornamental, middle and large street trees."""
BASE_SHARE, MIN_BASE_M = 0.25, 2.5
"""Crowns begin at a quarter of the height (the default of SOLWEIG), over streets no lower than 2.5 m (assumption)."""
TREE_EUR = 1000.0
MAX_TREES = 100_000
WALL_M = 2.0
"""Trees are set at least this far from walls, and from the middle of streets (assumption)."""


class PlantTrees(Measure):
    """Plant trees on both sides of streets, over an area, or at given places.

    They are there full grown. Where a building, the middle of a street or another tree is in the way, a place along
    streets or in an area is left out; of a given place this is an error.
    """

    type: Literal["plant_trees"]
    layer: ClassVar[str] = "trees"
    along: Expression | None = Field(None, description="expression on links: both sides of these streets")
    inside: Area | None = Field(None, description="polygon to fill, or with `along` the part of the streets meant")
    at: list[Position] | None = Field(None, min_length=1, max_length=MAX_TREES, description="places of single trees")
    spacing_m: float = Field(10.0, ge=2, le=200, description="distance between neighbouring trees in m")
    offset_m: float = Field(6.0, ge=2, le=50, description="distance of the rows from the middle of the street in m")
    size: Literal["small", "medium", "large"] = Field(
        "medium", description="6 m, 12 m or 20 m high, with crowns of 4 m, 7 m or 12 m"
    )
    height_m: float | None = Field(None, ge=2, le=80, description="height in m, instead of that of the size")
    crown_diameter_m: float | None = Field(None, ge=0.5, le=40, description="in m, instead of that of the size")
    evergreen: bool = Field(False, description="keeps its leaves in winter")
    cost_eur: float = Field(TREE_EUR, ge=0, le=1e5, description="planting and first care of one tree in EUR")

    @model_validator(mode="after")
    def _one_place(self) -> PlantTrees:
        if (self.at is None) == (self.along is None and self.inside is None):
            raise PydanticCustomError(
                "twin", "plant_trees needs one kind of place", {"expected": "`along` and/or `inside`, or `at`"}
            )
        return self

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the trees."""
        if self.at is not None:
            points, left_out = self._given(city), 0
        else:
            rows = self.along is not None
            places = self._rows(city, context) if rows else self._grid(city, context)
            # At crossings and in bends the row of one street would stand on another.
            free = _free(places, city, self.spacing_m, 0.9 * self.offset_m if rows else WALL_M)
            points, left_out = places[free], int((~free).sum())
            if len(points) == 0:
                raise SelectorError(
                    f"none of {len(places)} places is free: buildings, streets or trees stand there",
                    remedy="choose other streets, a wider spacing or another area",
                )
        existing = city.trees.index if city.trees is not None else gpd.pd.Index([], dtype="str")
        added = self._layer(points, new_ids(existing, context.name, len(points)), city.meta.crs)
        zone_of(added, city.zones, [f"the tree {place}" for place in self.at or added.index])
        trees = appended(city.trees, added) if city.trees is not None and len(city.trees) else added
        crowns = float(np.pi / 4 * (added["crown_diameter_m"] ** 2).sum())
        summary = f"plants {count(len(added), 'tree')}, {added['height_m'].iloc[0]:g} m high"
        if left_out:
            summary += f" ({count(left_out, 'place')} left out, where something stands)"
        change = self.report(
            context,
            len(added),
            summary,
            quantities={"trees": len(added), "crown_area_m2": crowns},
            capital_cost_eur=self.cost_eur * len(added),
            cost_source=f"{self.cost_eur:g} EUR per tree ({'assumption' if self.cost_eur == TREE_EUR else 'study'})",
        )
        return city.replace(trees=trees), change

    def _layer(self, points: Points, ids: list[str], crs: str) -> gpd.GeoDataFrame:
        height, crown = SIZES[self.size]
        height = height if self.height_m is None else self.height_m
        crown = crown * height / SIZES[self.size][0] if self.crown_diameter_m is None else self.crown_diameter_m
        values = {
            "height_m": height,
            "crown_base_m": max(BASE_SHARE * height, min(MIN_BASE_M, 0.5 * height)),
            "crown_diameter_m": crown,
            "evergreen": self.evergreen,
        }
        columns = {name: np.full(len(points), value) for name, value in values.items()}
        return layer_frame(TREES, ids, columns, points, crs, origin=DERIVED)

    def _given(self, city: City) -> Points:
        assert self.at is not None
        points = np.array([selectors.point(place, city.meta.crs) for place in self.at], object)
        tree, house = city.buildings.sindex.query(points, predicate="within")
        if len(tree):
            raise GeometryError(
                f"the tree {self.at[tree[0]]} stands in the building {city.buildings.index[house[0]]}",
                expected="a place in the open",
            )
        return points

    def _rows(self, city: City, context: Context) -> Points:
        """Return places on both sides of the streets, evenly spaced."""
        assert self.along is not None
        mask = select_by(city.links, self.along, self.inside, key="along", context=context)
        streets = city.links[mask]
        streets = streets[~streets.index.str.replace(r"/[fb]$", "", regex=True).duplicated()]
        lines = streets.geometry.to_numpy()
        number = np.maximum(np.floor(shapely.length(lines) / self.spacing_m), 1).astype(np.int64)
        if 2 * number.sum() > MAX_TREES:
            raise SelectorError(f"more than {MAX_TREES} trees", remedy="widen the spacing or choose fewer streets")
        line = np.repeat(lines, number)
        step = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
        share = (step + 0.5) / np.repeat(number, number)
        reach = 0.25 / np.maximum(shapely.length(line), 1.0)
        ahead, behind = (
            shapely.get_coordinates(shapely.line_interpolate_point(line, np.clip(share + s, 0.0, 1.0), normalized=True))
            for s in (reach, -reach)
        )
        along = ahead - behind
        across = np.stack([along[:, 1], -along[:, 0]], axis=1) / np.maximum(np.hypot(*along.T), 1e-9)[:, None]
        middle = (ahead + behind) / 2
        both = np.stack([middle + self.offset_m * across, middle - self.offset_m * across], axis=1)
        return np.asarray(shapely.points(both.reshape(-1, 2)), object)

    def _grid(self, city: City, context: Context) -> Points:
        """Return places on a square grid over the area."""
        assert self.inside is not None
        area = selectors.polygon(self.inside, city.meta.crs, base=context.base)
        west, south, east, north = shapely.bounds(area)
        if (east - west) * (north - south) / self.spacing_m**2 > 4 * MAX_TREES:
            raise SelectorError(f"more than {MAX_TREES} trees", where="inside", remedy="widen the spacing")
        # Whole multiples of the spacing: two areas side by side share one pattern.
        x, y = (
            np.arange(np.ceil(low / self.spacing_m), np.floor(high / self.spacing_m) + 1) * self.spacing_m
            for low, high in ((west, east), (south, north))
        )
        x, y = (values.ravel() for values in np.meshgrid(x, y))
        within = shapely.contains_xy(area, x, y)
        if not within.any():
            raise SelectorError(
                "the area holds no place for a tree at this spacing", where="inside", remedy="lessen the spacing"
            )
        return np.asarray(shapely.points(x[within], y[within]), object)


def _free(points: Points, city: City, spacing_m: float, street_m: float) -> NDArray[np.bool_]:
    """Return which places are clear of buildings, streets, trees that stand, and new trees before them."""
    free = np.ones(len(points), bool)
    for layer, distance in ((city.buildings, WALL_M), (city.links, street_m), (city.trees, spacing_m / 2)):
        if layer is not None and len(layer):
            near = shapely.STRtree(layer.geometry.to_numpy()).query(points, predicate="dwithin", distance=distance)
            free[near[0]] = False
    first, second = shapely.STRtree(points).query(points, predicate="dwithin", distance=spacing_m / 2)
    order = np.lexsort((first, second))
    for i, j in zip(first[order].tolist(), second[order].tolist(), strict=True):
        if i < j and free[i]:
            free[j] = False
    return free
