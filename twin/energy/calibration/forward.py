"""The forward model of the calibration: what the meters of some buildings would read for given factors."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.city.climate import MONTH_OF_HOUR
from twin.city.meters import CARRIERS
from twin.energy.calibration.prior import FIELDS, Floats, Ints, factor_values
from twin.energy.model import simulate_energy
from twin.energy.parameters import EnergyParameters, Factors

if TYPE_CHECKING:
    from twin.city.model import City, Weather
    from twin.energy.drives import SunOnBuildings

NEIGHBOUR_M = 1.0
"""Buildings within this distance are kept as neighbours of those that are simulated; party walls depend on them."""
BLOCK, STACKED = 2048, 512
"""Buildings simulated at once; smaller sets for several members at once, as copies far from each other."""
APART_M = 1e5
HEAT, ELECTRICITY = CARRIERS.index("heat"), CARRIERS.index("electricity")
MONTH_STARTS = np.flatnonzero(np.diff(MONTH_OF_HOUR, prepend=-1))


@dataclass(frozen=True)
class Readings:
    """What meters would read by `CARRIERS`: kWh of the year (…, n, 5), and of the months (…, n, 5, 12) if asked for."""

    annual_kwh: Floats
    monthly_kwh: Floats | None

    def __getitem__(self, member: int) -> Readings:
        """Return the readings of one member."""
        return Readings(self.annual_kwh[member], None if self.monthly_kwh is None else self.monthly_kwh[member])


def mean_occupants(parameters: EnergyParameters) -> EnergyParameters:
    """Return the parameters without the model's own scatter between buildings: a calibration brings its own."""
    return dataclasses.replace(parameters, behaviour_spread=0.0, setpoint_spread_k=0.0)


class Forward:
    """The energy model of some buildings of a city.

    Parameters
    ----------
    city : City
    weather : Weather
        Of the year of the readings.
    sun : SunOnBuildings
        Of all buildings of the city.
    parameters : EnergyParameters
    rows : int64 (n,)
        Positions of the buildings; the others only matter as neighbours.
    seed : int
    monthly : bool
        Whether months are wanted; the hourly results are summed by block and dropped.
    method : str
        Of `simulate_energy`.
    """

    def __init__(
        self,
        city: City,
        weather: Weather,
        sun: SunOnBuildings,
        parameters: EnergyParameters,
        rows: Ints,
        *,
        seed: int,
        monthly: bool = False,
        method: str = "modal",
    ) -> None:
        near = _neighbours(city, rows)
        self.count, self.copies = len(rows), max(1, STACKED // len(rows))
        order = np.concatenate([np.tile(rows, self.copies), np.tile(near, self.copies)])
        buildings = city.buildings.iloc[order]
        copy = np.concatenate([np.repeat(np.arange(self.copies), len(part)) for part in (rows, near)])
        self.city = city.replace(buildings=buildings.set_geometry(_moved(buildings.geometry.array, APART_M * copy)))
        self.sun = sun._replace(shading=sun.shading[order], roof_shading=sun.roof_shading[order])
        self.weather, self.seed, self.monthly, self.method = weather, seed, monthly, method
        self.parameters = mean_occupants(parameters)

    def run(self, x: Floats) -> Readings:
        """Return the readings for the factors `x` of members and buildings, float64 (members, n, 7), `prior.FIELDS`."""
        values = factor_values(x)
        annual = np.empty((*x.shape[:2], len(CARRIERS)))
        monthly = np.empty((*x.shape[:2], len(CARRIERS), 12)) if self.monthly else None
        for first in range(0, len(x), self.copies):
            for start in range(0, self.count, BLOCK):
                self._block(slice(first, first + self.copies), slice(start, start + BLOCK), values, annual, monthly)
        return Readings(annual, monthly)

    def _block(self, members: slice, rows: slice, values: Floats, annual: Floats, monthly: Floats | None) -> None:
        """Simulate some buildings in some members; more than one only when all buildings fit into one block."""
        wanted = values[members, rows]
        stacked = slice(rows.start, rows.start + wanted.shape[0] * wanted.shape[1])
        factors, p = Factors(*np.ascontiguousarray(wanted.reshape(-1, len(FIELDS)).T)), self.parameters
        result = simulate_energy(
            self.city, self.weather, self.sun, p, seed=self.seed, rows=stacked, method=self.method, factors=factors
        )
        b = result.buildings
        heat = b["heating_kwh_a"].to_numpy() / p.distribution_efficiency + b["hot_water_kwh_a"].to_numpy()
        names = ("district_heating_kwh_a", "gas_kwh_a", "oil_kwh_a", "electricity_kwh_a")
        year = np.column_stack([heat, *(b[name].to_numpy() for name in names)])
        annual[members, rows] = year.reshape(*wanted.shape[:2], -1)
        if monthly is None:
            return
        months = _months(result.heating_kw) / p.distribution_efficiency + _months(result.hot_water_kw)
        share = months / np.maximum(months.sum(axis=1, keepdims=True), 1e-9)
        by_month = year[:, :, None] * share[:, None, :]
        by_month[:, ELECTRICITY] = _months(result.electricity_kw)
        monthly[members, rows] = by_month.reshape(*wanted.shape[:2], len(CARRIERS), 12)


def _months(power_kw: NDArray[np.float32]) -> Floats:
    return np.add.reduceat(power_kw, MONTH_STARTS, axis=1, dtype=np.float64)


def _neighbours(city: City, rows: Ints) -> Ints:
    """Return the positions of buildings near the chosen ones that are not chosen themselves, sorted."""
    shapes = np.asarray(city.buildings.geometry.array)
    near = shapely.STRtree(shapes).query(shapes[rows], predicate="dwithin", distance=NEIGHBOUR_M)[1]
    return np.setdiff1d(near, rows).astype(np.int64)


def _moved(shapes: NDArray[np.object_], east_m: Floats) -> NDArray[np.object_]:
    """Return shapes moved to the east."""
    shapes = np.asarray(shapes)
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    xy[:, 0] += east_m[owner]
    return np.asarray(shapely.set_coordinates(shapes.copy(), xy))
