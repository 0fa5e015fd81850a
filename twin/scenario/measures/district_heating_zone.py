"""A zone in which buildings connect to district heating."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field

from twin.city.model import City
from twin.energy.costs import heat_supply_cost_eur
from twin.scenario.measures.base import Change, Context, SelectingSome, amount, count
from twin.scenario.measures.change_heat_supply import Supply
from twin.scenario.measures.participation import chances, with_buildings
from twin.scenario.payments import UTILITY, by_owner, invested, payment

NEIGHBOURS = 12


class DistrictHeatingZone(SelectingSome):
    """Connect a share of the buildings of a zone to district heating.

    The zone is given by `where` or `inside`. Who connects is fixed by the seed of the study and the building's id: a
    higher rate contains the lower. Owners pay the connection and the substation, the energy company the pipes: as long
    as the shortest tree of straight lines that joins the new buildings with each other and with the buildings that have
    district heating today. The default price is of the order that Persson et al. 2019 (Energy 176, 604-622) give for
    small pipes in built-up areas, as recalled.
    """

    type: Literal["district_heating_zone"]
    layer: ClassVar[str] = "buildings"
    connection_rate: float = Field(ge=0, le=1, description="share of the zone's buildings that connect")
    connecting: Annotated[list[Supply], Field(min_length=1)] = Field(
        ["gas_boiler", "oil_boiler", "direct_electric"], description="heat supplies of those who may connect"
    )
    pipe_eur_m: float = Field(800.0, ge=0, le=1e5, description="price of pipes per metre of trench")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the buildings connected."""
        mask = self.select(city, context)
        matched = int(mask.sum())
        buildings = city.buildings
        mask &= (buildings["floor_area_m2"] > 0.0).to_numpy()
        mask &= (
            buildings["heat_supply"].isin(self.connecting) & (buildings["heat_supply"] != "district_heating")
        ).to_numpy()
        may = int(mask.sum())
        mask &= chances(buildings, self.type, context.seed) <= self.connection_rate
        done = buildings[mask]
        pipes_m = trench_m(city, mask)
        cost = heat_supply_cost_eur(done, "district_heating").to_numpy(np.float64)
        payments = by_owner(done, "connections to district heating", cost)
        payments += payment(UTILITY, "pipes of district heating", eur=pipes_m * self.pipe_eur_m)
        floor_m2 = float(done["floor_area_m2"].sum())
        change = self.report(
            context,
            matched,
            f"connects {count(len(done), 'building')} of {amount(may)} ({amount(floor_m2)} m² of floor area) to "
            f"district heating by {amount(pipes_m)} m of pipes",
            quantities={"buildings": len(done), "candidates": may, "floor_area_m2": floor_m2, "trench_m": pipes_m},
            capital_cost_eur=invested(payments),
            cost_source=f"connections: assumption, twin.energy.costs; pipes: {self.pipe_eur_m:g} EUR/m",
            payments=payments,
        )
        return with_buildings(city, "heat_supply", mask, "district_heating"), change


def trench_m(city: City, mask: NDArray[np.bool_]) -> float:
    """Return the length of the shortest tree that joins some buildings, and the nearest with district heating.

    Straight lines between the middles of buildings; each looks at its nearest neighbours only.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial import KDTree

    n = int(mask.sum())
    if n == 0:
        return 0.0
    outlines = np.asarray(city.buildings.geometry.array)
    points = shapely.get_coordinates(shapely.centroid(outlines))
    new = points[mask]
    found = [np.asarray(part).reshape(n, -1) for part in KDTree(new).query(new, k=min(NEIGHBOURS, n))]
    ends = [(np.repeat(np.arange(n), found[0].shape[1]), found[1].ravel(), found[0].ravel())]
    served = (city.buildings["heat_supply"] == "district_heating").to_numpy()
    if served.any():
        ends.append((np.arange(n), np.full(n, n), np.asarray(KDTree(points[served]).query(new)[0])))
    tail, head, length = (np.concatenate(part) for part in zip(*ends, strict=True))
    low, high = np.minimum(tail, head), np.maximum(tail, head)
    _, once = np.unique(low * (n + 1) + high, return_index=True)  # an edge given twice would count twice
    edges = once[low[once] != high[once]]
    weights = np.maximum(length[edges], 0.01)  # a length of 0 would be no edge
    graph = coo_array((weights, (low[edges], high[edges])), shape=(n + 1, n + 1))
    return float(minimum_spanning_tree(graph.tocsr()).sum())
