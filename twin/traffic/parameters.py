"""Parameters of the traffic model, with unit, range and source."""

from __future__ import annotations

from dataclasses import dataclass

from twin.parameters import parameter
from twin.traffic.demand_parameters import DemandParameters
from twin.traffic.effect_parameters import EffectParameters

_ASSUMPTION = "assumption"
_BPR = "Bureau of Public Roads 1964, Traffic Assignment Manual"


@dataclass(frozen=True)
class TrafficParameters(DemandParameters, EffectParameters):
    """Parameters of `twin.traffic.model.simulate_traffic`; paths are ``traffic.<field>``."""

    detour_factor: float = parameter(
        1.3,
        unit="-",
        low=1.0,
        high=2.0,
        meaning="route length over straight distance",
        source="assumption, usual 1.2-1.4",
    )
    value_of_time_eur_h: float = parameter(
        10.0, unit="EUR/h", low=1.0, high=60.0, meaning="value of travel time of car users", source=_ASSUMPTION
    )
    car_operating_cost_eur_km: float = parameter(
        0.15, unit="EUR/km", low=0.0, high=1.0, meaning="cost per km that drivers consider", source=_ASSUMPTION
    )
    van_value_of_time_eur_h: float = parameter(
        30.0,
        unit="EUR/h",
        low=1.0,
        high=200.0,
        meaning="value of travel time of a delivery van with its driver",
        source="assumption, of the order of a driver's wage cost",
    )
    truck_value_of_time_eur_h: float = parameter(
        40.0,
        unit="EUR/h",
        low=1.0,
        high=200.0,
        meaning="value of travel time of a truck with driver and load",
        source="assumption; de Jong et al. 2014, doi 10.1016/j.tranpol.2014.05.006, find about 38, as recalled",
    )
    van_operating_cost_eur_km: float = parameter(
        0.2, unit="EUR/km", low=0.0, high=3.0, meaning="cost per km of a van without its driver", source=_ASSUMPTION
    )
    truck_operating_cost_eur_km: float = parameter(
        0.5, unit="EUR/km", low=0.0, high=3.0, meaning="cost per km of a truck without its driver", source=_ASSUMPTION
    )
    truck_toll_factor: float = parameter(
        2.0, unit="-", low=0.0, high=20.0, meaning="toll of a truck over that of a car or van", source=_ASSUMPTION
    )
    bpr_alpha: float = parameter(
        0.15, unit="-", low=0.0, high=5.0, meaning="factor of the BPR travel-time function", source=_BPR
    )
    bpr_beta: float = parameter(
        4.0, unit="-", low=1.0, high=12.0, meaning="power of the BPR travel-time function", source=_BPR
    )
    free_flow_speed_ratio: float = parameter(
        0.8,
        unit="-",
        low=0.3,
        high=1.2,
        meaning="free-flow speed, junctions included, over the speed limit",
        source=_ASSUMPTION,
    )
    access_speed_kmh: float = parameter(
        10.0,
        unit="km/h",
        low=3.0,
        high=50.0,
        meaning="speed between a zone's centre and the street",
        source=_ASSUMPTION,
    )
    peak_share: float = parameter(
        0.085,
        unit="-",
        low=0.042,
        high=0.12,
        meaning="share of the working day's trips in an hour of the evening peak",
        source="assumption, usual 0.08-0.10 in cities",
    )
    working_day_equivalents: float = parameter(
        330.0, unit="d/a", low=200.0, high=366.0, meaning="working days that carry a year's traffic", source=_ASSUMPTION
    )
    relative_gap: float = parameter(
        1e-8,
        unit="-",
        low=1e-12,
        high=1e-2,
        meaning="relative gap of the equilibrium",
        source="Boyce et al. 2004 ask 1e-4 for stable link flows; that still leaves errors on links as large as what "
        "a policy of one per cent changes, 1e-8 leaves none that show in a difference",
    )
