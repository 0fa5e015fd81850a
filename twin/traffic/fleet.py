"""What drives on the roads: technologies of each kind of vehicle, from the parameters and the city's zones.

The zones carry what a fleet-turnover measure changes: `electric_share_added` and `old_car_share_factor`. Cars are not
followed from their homes to the links, so the city's fleet takes the mean of the zones, weighted by residents and jobs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin.city.model import City
from twin.traffic.parameters import TrafficParameters

KINDS = ("car", "old_car", "van", "truck")
"""Kinds of vehicles with a fleet of their own; classes with and without access share one."""
KIND_OF_CLASS = {
    "car": "car",
    "car_access": "car",
    "old_car": "old_car",
    "old_car_access": "old_car",
    "van": "van",
    "truck": "truck",
}


@dataclass(frozen=True)
class Fleet:
    """Shares of technologies, which sum to 1 with the electric share.

    Parameters
    ----------
    technology : dict of dict
        By kind of `KINDS`, the share of each technology of `twin.traffic.emission_curves`.
    electric : dict
        By kind, the electric share.
    noncompliant_share : float
        Cars below the low-emission standard, of all cars.
    medium_truck_share : float
        Trucks of two axles, of all trucks.
    """

    technology: dict[str, dict[str, float]]
    electric: dict[str, float]
    noncompliant_share: float
    medium_truck_share: float


def fleet(city: City, parameters: TrafficParameters) -> Fleet:
    """Return the fleet of a city."""
    added = zone_mean(city, "electric_share_added", 0.0)
    factor = zone_mean(city, "old_car_share_factor", 1.0)
    return fleet_of(parameters, electric_added=added, old_car_factor=factor)


def fleet_of(p: TrafficParameters, *, electric_added: float = 0.0, old_car_factor: float = 1.0) -> Fleet:
    """Return the fleet of a set of parameters, with a share of electric cars added and that of old cars multiplied."""
    electric = {
        "car": float(np.clip(p.electric_share + electric_added, 0.0, 1.0)),
        "old_car": 0.0,
        "van": p.van_electric_share,
        "truck": p.truck_electric_share,
    }
    diesel, old_diesel = p.compliant_diesel_share, p.noncompliant_diesel_share
    combustion = {
        "car": {
            "petrol_euro_5": (1.0 - diesel) * (1.0 - p.petrol_euro_6_share),
            "petrol_euro_6": (1.0 - diesel) * p.petrol_euro_6_share,
            "diesel_euro_6": diesel * (1.0 - p.diesel_euro_6d_share),
            "diesel_euro_6d": diesel * p.diesel_euro_6d_share,
        },
        "old_car": {
            "petrol_euro_3": 1.0 - old_diesel,
            "diesel_euro_4": old_diesel * (1.0 - p.noncompliant_diesel_euro_5_share),
            "diesel_euro_5": old_diesel * p.noncompliant_diesel_euro_5_share,
        },
        "van": {"van_euro_5": 1.0 - p.van_euro_6_share, "van_euro_6": p.van_euro_6_share},
        "truck": {"truck_euro_v": 1.0 - p.truck_euro_vi_share, "truck_euro_vi": p.truck_euro_vi_share},
    }
    return Fleet(
        technology={
            kind: {name: share * (1.0 - electric[kind]) for name, share in shares.items()}
            for kind, shares in combustion.items()
        },
        electric=electric,
        noncompliant_share=float(np.clip(p.noncompliant_share * old_car_factor, 0.0, 1.0)),
        medium_truck_share=p.truck_medium_share,
    )


def zone_mean(city: City, column: str, default: float) -> float:
    """Return the mean of a column of the zones, weighted by residents and jobs; a plain mean where there are none."""
    if column not in city.zones or len(city.zones) == 0:
        return default
    values = city.zones[column].to_numpy(float)
    zone = city.zones.index.get_indexer(city.buildings["zone_id"])
    people = (city.buildings["population"] + city.buildings["jobs"]).to_numpy(float) * (zone >= 0)
    weight = np.bincount(zone.clip(0), people, len(values))
    return float(np.average(values, weights=weight)) if weight.sum() > 0.0 else float(values.mean())
