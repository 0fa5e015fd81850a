"""Give cyclists lanes or tracks of their own."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.city.model import City
from twin.city.schema import CYCLE_FACILITIES
from twin.scenario.measures.base import (
    Change,
    Context,
    SelectingSome,
    count,
    describe_links,
    street_quantities,
    with_column,
)

EUR_PER_GBP = 1.14
"""Mean of 2017 (European Central Bank, 0.877 GBP per EUR)."""
TRACK_EUR_KM = 0.5 * 1.3e6 * EUR_PER_GBP
"""Investment per km and direction: half of a two-way physically segregated track, which took 1.15 to 1.45 million GBP
per km in English cities (Taylor and Hiblin 2017, Typical Costs of Cycling Interventions, report to the Department
for Transport)."""
COST = MappingProxyType(
    {
        "lane": (0.0, ""),
        "track": (
            TRACK_EUR_KM,
            f"{TRACK_EUR_KM / 1e6:.2g} million EUR per km and direction (Taylor and Hiblin 2017, Typical Costs of "
            "Cycling Interventions, two-way physically segregated tracks in England)",
        ),
    }
)


class CycleNetwork(SelectingSome):
    """Mark cycle lanes or build cycle tracks along the selected links, in the directions selected.

    A link that has as good a facility already stays as it is. With `from_car_lane` the room is taken from cars where
    a direction has two lanes or more: one lane less, and the capacity with it. The investment counts tracks only.
    """

    type: Literal["cycle_network"]
    layer: ClassVar[str] = "links"
    facility: Literal["lane", "track"] = Field(description="painted lane, or track apart from cars")
    from_car_lane: bool = Field(False, description="whether a car lane gives way where there are at least two")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the facilities."""
        mask = self.select(city, context)
        links = city.links
        rank = links["cycle_facility"].map(CYCLE_FACILITIES.index).to_numpy(dtype=np.int64)
        better = mask & (rank < CYCLE_FACILITIES.index(self.facility))
        done = links[better]
        links = with_column(links, "links", "cycle_facility", better, self.facility)
        summary = f"gives cyclists a {self.facility} on {describe_links(done)}"
        quantities = street_quantities(done)
        if self.from_car_lane:
            taken = better & (links["lanes"] >= 2.0).to_numpy()
            before = links[taken]
            lanes = before["lanes"] - 1.0
            links = with_column(
                links, "links", "capacity_veh_h", taken, before["capacity_veh_h"] * lanes / before["lanes"]
            )
            links = with_column(links, "links", "lanes", taken, lanes)
            quantities["links_with_a_car_lane_less"] = len(before)
            summary += f"; {count(len(before), 'link loses', 'links lose')} a car lane"
        unit_eur, source = COST[self.facility]
        change = self.report(
            context,
            int(mask.sum()),
            summary,
            quantities=quantities,
            capital_cost_eur=unit_eur * float(done["length_m"].sum()) / 1000.0,
            cost_source=source,
        )
        return city.replace(links=links), change
