"""Travel demand of a working day: trips by purpose from buildings, their destinations and hours, and the cordon.

Trip ends follow residents, jobs and floor area by use. Destinations answer the straight distance, calibrated to a mean
length; work and education match both ends, business and other trips choose among what attracts them. How modes,
periods and destinations answer the costs of travel is in `choice` and `response`, vans and trucks are in `freight`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.frames import with_defaults
from twin.city.model import City
from twin.city.schema import ZONES
from twin.traffic.choice import Alternatives, alternatives, other_cost, parking_minutes
from twin.traffic.cordon import external_cars, station_traffic, through_traffic
from twin.traffic.distribution import distribute
from twin.traffic.freight import goods_ends, goods_trips
from twin.traffic.network import Network
from twin.traffic.parameters import TrafficParameters
from twin.traffic.profile import LEGS, PURPOSES, goods_profile, hourly_profile, leg_profiles, per_hour

Floats = NDArray[np.float64]

# Relative weight of a square metre of floor for trips of a purpose, by use. Assumption.
ATTRACTION = {
    "education": {"education": 1.0},
    "other": {
        "residential": 0.2,
        "office": 0.3,
        "retail": 3.0,
        "education": 1.5,
        "health": 1.5,
        "public": 1.0,
        "industrial": 0.1,
        "other": 0.2,
    },
}
BOTH_ENDS = ("work", "education")
# Mean length of a purpose's trips relative to the others; all together have `mean_trip_length_km`. Assumption.
RELATIVE_LENGTH = {"work": 1.2, "education": 0.8, "business": 1.0, "other": 0.95}
SHORTEST_KM = 0.05


class Legs(NamedTuple):
    """Person trips per hour of a purpose's way out [zones, zones] (row: home or workplace) and way back.

    ``back`` has the same rows and columns as ``out``: trips from the column to the row.
    """

    out: Floats
    back: Floats


@dataclass(frozen=True)
class Demand:
    """Trips of a working day.

    ``trips`` holds, by purpose, person trips [zones, zones] from home or workplace (row) to the activity and back,
    both directions counted; ``external`` [centroids, centroids] cars that cross the cordon at usual costs; ``goods``
    [2, centroids, centroids] vans and trucks. ``leg_hours`` [legs, 24], ``car_hours`` and ``goods_hours`` [24] are
    shares of the day. ``alternatives`` are the costs of the other modes and ``other_cost`` [zones, zones] their
    composite. ``parking_charge_min`` and ``parking_search_min`` [zones] belong to a car's arrival; ``old_factor``
    [zones] multiplies the share of cars below the low-emission standard; ``betas`` are the
    deterrences (1/km) by purpose.
    """

    trips: dict[str, Floats]
    external: Floats
    goods: Floats
    leg_hours: Floats
    car_hours: Floats
    goods_hours: Floats
    population: Floats
    jobs: Floats
    alternatives: Alternatives
    other_cost: Floats
    parking_charge_min: Floats
    parking_search_min: Floats
    old_factor: Floats
    without_car_min: Floats
    trip_length_km: float
    betas: tuple[float, ...]
    warnings: tuple[str, ...]

    def legs(self, purpose: str, period: str) -> Legs:
        """Return a purpose's person trips in the mean hour of a period."""
        rate = per_hour(self.leg_hours, period)
        first = LEGS.index(f"{purpose}_out")
        half = 0.5 * self.trips[purpose]
        return Legs(rate[first] * half, rate[first + 1] * half)

    def hourly_persons(self, period: str) -> Floats:
        """Return person trips between zones in the mean hour of a period [zones, zones], all purposes."""
        legs = [self.legs(purpose, period) for purpose in PURPOSES]
        return np.asarray(sum(leg.out + leg.back.T for leg in legs))

    def daily_persons(self) -> Floats:
        """Return person trips between zones of the whole day [zones, zones]."""
        return np.asarray(sum(0.5 * (trips + trips.T) for trips in self.trips.values()))

    def parking_min(self, period: str) -> Floats:
        """Return what parking adds to the cost of a car trip between zones in a period [zones, zones], minutes.

        The search is at the end of a trip. A visit's charge is borne half by the way there, half by the way back, so
        that residents who come home do not pay; a pair of zones has the mean over its trips.
        """
        legs = [self.legs(purpose, period) for purpose in PURPOSES]
        out, back = sum(leg.out for leg in legs), sum(leg.back.T for leg in legs)
        there = np.divide(out, out + back, out=np.full_like(out, 0.5), where=out + back > 0.0)
        half = 0.5 * self.parking_charge_min
        return np.asarray(there * half[None, :] + (1.0 - there) * half[:, None] + self.parking_search_min[None, :])


def build_demand(city: City, network: Network, parameters: TrafficParameters, variant: str) -> Demand:
    """Return the demand of a city's working day."""
    p = parameters
    n = network.zones
    zone = city.zones.index.get_indexer(city.buildings["zone_id"])
    buildings, zone = city.buildings[zone >= 0], zone[zone >= 0]
    zones = with_defaults(city.zones, ZONES)
    factor = zones["trip_factor"].to_numpy(float)
    population: Floats = np.bincount(zone, buildings["population"].to_numpy(float), n).astype(float)
    jobs: Floats = np.bincount(zone, buildings["jobs"].to_numpy(float), n).astype(float)
    travelling, at_work = population * factor, jobs * factor
    km = _distance_km(network.position) * p.detour_factor
    whole = km.copy()
    whole[np.arange(n), np.arange(n)] = _inside_km(city) * p.detour_factor
    whole[:n, :n] = np.maximum(whole[:n, :n], SHORTEST_KM)
    inside = whole[:n, :n]
    trips, betas, warnings = _trips(_trip_ends(buildings, zone, factor, travelling, at_work, p), inside, p, variant)
    totals = {purpose: float(matrix.sum()) for purpose, matrix in trips.items()}
    total = sum(totals.values())
    entering, leaving = station_traffic(city, network)
    through = through_traffic(entering, leaving, km[n:, n:], p)
    modes = alternatives(city, network, inside, p, variant)
    charge, search = parking_minutes(city, p)
    car_hours = hourly_profile(p)
    return Demand(
        trips=trips,
        external=external_cars(travelling, at_work, entering, leaving, through, p),
        goods=goods_trips(goods_ends(buildings, zone, factor, p), entering, leaving, through, inside, p),
        leg_hours=leg_profiles(totals, car_hours),
        car_hours=car_hours,
        goods_hours=goods_profile(),
        population=population,
        jobs=jobs,
        alternatives=modes,
        other_cost=other_cost(modes, p),
        parking_charge_min=charge,
        parking_search_min=search,
        old_factor=zones["old_car_share_factor"].to_numpy(float),
        without_car_min=_cheapest_other(whole, p) - p.car_constant_min,
        trip_length_km=float(sum((matrix * inside).sum() for matrix in trips.values()) / total) if total > 0.0 else 0.0,
        betas=tuple(betas[purpose] for purpose in PURPOSES),
        warnings=tuple(warnings),
    )


def _trip_ends(
    buildings: pd.DataFrame, zone: NDArray[np.int64], factor: Floats, population: Floats, jobs: Floats,
    p: TrafficParameters,
) -> dict[str, tuple[Floats, Floats]]:  # fmt: skip
    """Return productions and attractions of each purpose [zones]; trips to school are other trips where none is."""
    floor = buildings["floor_area_m2"].to_numpy(float)

    def pull(purpose: str) -> Floats:
        weight = buildings["use"].map(ATTRACTION[purpose]).fillna(0.0).to_numpy(float)
        return np.bincount(zone, weight * floor, len(factor)) * factor

    kept = p.internal_trip_share * p.demand_factor
    schools = pull("education")
    learning = p.education_trip_share if schools.sum() > 0.0 else 0.0
    others = population * p.other_trips_per_resident * kept
    return {
        "work": (population * p.work_trips_per_resident * kept, jobs),
        "education": (others * learning, schools),
        "business": (jobs * p.business_trips_per_job * kept, jobs + pull("other") * (jobs.sum() / _sum(pull("other")))),
        "other": (others * (1.0 - learning), pull("other")),
    }


def _sum(values: Floats) -> float:
    """Return the sum, or 1 where it is 0."""
    return float(values.sum()) or 1.0


def _trips(
    ends: dict[str, tuple[Floats, Floats]], km: Floats, p: TrafficParameters, variant: str
) -> tuple[dict[str, Floats], dict[str, float], list[str]]:
    """Return trips [zones, zones] and deterrence of each purpose, and warnings."""
    made = {purpose: float(ends[purpose][0].sum()) if ends[purpose][1].sum() > 0.0 else 0.0 for purpose in PURPOSES}
    total = sum(made.values())
    scale = total / sum(made[purpose] * RELATIVE_LENGTH[purpose] for purpose in PURPOSES) if total > 0.0 else 1.0
    trips, betas, warnings = {}, {}, []
    for purpose in PURPOSES:
        length = p.mean_trip_length_km * RELATIVE_LENGTH[purpose] * scale
        trips[purpose], betas[purpose], told = distribute(
            *ends[purpose], km, length, purpose, purpose in BOTH_ENDS, variant
        )
        warnings += told
    return trips, betas, warnings


def _distance_km(position: Floats) -> Floats:
    return np.hypot(*(position[:, None, :] - position[None, :, :]).transpose(2, 0, 1)) / 1000.0


def _inside_km(city: City) -> Floats:
    """Return the mean straight distance within each zone: that of two random points in a square of its area."""
    # 0.5214 sides: Santaló 1976, Integral Geometry and Geometric Probability.
    return 0.5214 * np.sqrt(city.zones.geometry.area.to_numpy()) / 1000.0


def _cheapest_other(km: Floats, p: TrafficParameters) -> Floats:
    """Return the cost of the cheapest of walking, cycling and public transport over `km`, minutes."""
    modes = (
        (p.walk_constant_min, p.walk_speed_kmh),
        (p.cycle_constant_min, p.cycle_speed_kmh),
        (p.transit_constant_min, p.transit_speed_kmh),
    )
    return np.min([constant + 60.0 * km / speed for constant, speed in modes], axis=0)
