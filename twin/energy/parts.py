"""Buildings as zones: one each, and one more for a ground floor of another use (`twin.city.ground_floors`).

The first rows of zones are the buildings as they come, less their ground floors where these are zones; then come the
ground floors. A ground floor is one storey: its share of floor area and height is 1 over the number of storeys
(assumption: all are alike). It has the outer walls up to that height and the ground, the floors above have the others
and the roof. Envelope and thermal mass belong to the building, by its main use; windows, ventilation, gains,
set-points, electricity and hot water follow the use of the zone. Residents and cars live above.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.ground_floors import is_mixed
from twin.city.schema import BUILDING_USES
from twin.energy.archetypes import Archetypes, Use, building_codes
from twin.energy.envelope import Shells, build_shells, outer_walls, window_share

if TYPE_CHECKING:
    import geopandas as gpd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Real = TypeVar("Real", np.float32, np.float64)
GROUND = "/ground_floor"
"""Ends the ids of ground floors, by which they draw their behaviour."""
OWN_FIGURES = ("heat_recovery", "flow_share", "fan_power_kw_s_m3")


class Parts:
    """The zones of buildings.

    Parameters
    ----------
    buildings : GeoDataFrame (n,)

    Attributes
    ----------
    mixed : int64 (k,)
        Rows of the buildings whose ground floor is a zone; that of the j-th is row n + j of the zones.
    owner : int64 (n + k,)
        Building of each zone.
    table : DataFrame (n + k,)
        The zones with the columns of buildings; the buildings themselves where no ground floor is a zone.
    """

    def __init__(self, buildings: gpd.GeoDataFrame) -> None:
        self.buildings = buildings
        self.mixed: Ints = np.flatnonzero(is_mixed(buildings))
        self.owner: Ints = np.concatenate([np.arange(len(buildings)), self.mixed])
        self.table: pd.DataFrame = buildings
        if len(self.mixed):
            self.table = self._zones()

    def _zones(self) -> pd.DataFrame:
        n, mixed = len(self.buildings), self.mixed
        share = 1.0 / self.buildings["levels"].to_numpy(np.float64)[mixed]
        zones = pd.DataFrame(self.buildings.drop(columns="geometry")).iloc[self.owner]
        for name in ("floor_area_m2", "height_m"):
            values = zones[name].to_numpy(np.float64).copy()
            values[n:] *= share
            values[mixed] -= values[n:]
            zones[name] = values
        for name in ("population", "electric_cars"):
            values = zones[name].to_numpy(np.float64).copy()
            values[n:] = 0.0
            zones[name] = values
        use = zones["use"].to_numpy(object).copy()
        use[n:] = zones["ground_floor_use"].to_numpy(object)[n:]
        zones["use"] = pd.array(use, "str")
        zones.index = _named(zones.index, n)
        return zones

    def shells(self, city: gpd.GeoDataFrame, rows: Ints, uses: Mapping[str, Use]) -> Shells:
        """Return the outer surfaces of the zones; `rows` are the places of the buildings in the city."""
        whole = build_shells(city, rows, uses)
        if not len(self.mixed):
            return whole
        n, mixed = len(self.buildings), self.mixed
        below, below_party = outer_walls(city, rows[mixed], self.table["height_m"].to_numpy(np.float64)[n:])
        walls, party = whole.wall_m2 + whole.window_m2, whole.party_wall_m2
        above = np.maximum(walls[mixed] - below, 0.0)
        walls = np.concatenate([_put(walls, mixed, above), below])
        party = np.concatenate([_put(party, mixed, np.maximum(party[mixed] - below_party, 0.0)), below_party])
        windows = walls * window_share(self.table, walls, uses)[:, None]
        opaque = walls - windows
        single = np.setdiff1d(np.arange(n), mixed)
        opaque[single], windows[single] = whole.wall_m2[single], whole.window_m2[single]
        footprint, none = whole.floor_m2[mixed], np.zeros(len(mixed))
        return Shells(
            opaque,
            windows,
            party,
            np.concatenate([whole.roof_m2, none]),
            np.concatenate([_put(whole.floor_m2, mixed, none), footprint]),
            np.concatenate([_put(np.zeros(n), mixed, footprint), footprint]),
        )

    def envelope(self, archetypes: Archetypes) -> dict[str, NDArray[np.float64] | Ints]:
        """Return the thermal figures of the zones: those of the building, but for its ventilation."""
        whole = archetypes.envelope(self.buildings)
        if not len(self.mixed):
            return whole
        ground = self.buildings.iloc[self.mixed]
        building_codes(ground, "ground_floor_use", BUILDING_USES)
        own = archetypes.envelope(ground.assign(use=ground["ground_floor_use"]))
        n = len(self.buildings)
        figures = {name: values[self.owner] for name, values in whole.items()}
        for name in OWN_FIGURES:
            figures[name][n:] = own[name]
        return figures

    def summed(self, values: NDArray[Real]) -> NDArray[Real]:
        """Return sums over the zones of each building, (n, …); of buildings of one zone, the same bits."""
        return self._joined(values, np.add)

    def highest(self, values: NDArray[Real]) -> NDArray[Real]:
        """Return the highest value of the zones of each building."""
        return self._joined(values, np.maximum)

    def _joined(self, values: NDArray[Real], how: np.ufunc) -> NDArray[Real]:
        n = len(self.buildings)
        if len(self.mixed):
            values[self.mixed] = how(values[self.mixed], values[n:])
        return values[:n]


def _put(values: Floats, rows: Ints, new: Floats) -> Floats:
    values = values.copy()
    values[rows] = new
    return values


def _named(index: pd.Index, n: int) -> pd.Index:
    names = [*index[:n], *(f"{name}{GROUND}" for name in index[n:])]
    return pd.Index(names, dtype="str", name=index.name)
