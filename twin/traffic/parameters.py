"""Parameters of the traffic model, with unit, range and source."""

from __future__ import annotations

from dataclasses import dataclass

from twin.parameters import parameter
from twin.traffic.effect_parameters import EffectParameters

_ASSUMPTION = "assumption"
_BPR = "Bureau of Public Roads 1964, Traffic Assignment Manual"


@dataclass(frozen=True)
class TrafficParameters(EffectParameters):
    """Parameters of `twin.traffic.model.simulate_traffic`; paths are ``traffic.<field>``."""

    demand_factor: float = parameter(
        1.0, unit="-", low=0.0, high=5.0, meaning="multiplies all trips, internal and external", source="neutral value"
    )
    work_trips_per_resident: float = parameter(
        0.7,
        unit="trips/day",
        low=0.0,
        high=5.0,
        meaning="commuting trips, both directions, per resident and working day",
        source="assumption; the Finnish National Travel Survey 2004-2005 has 0.55 a day, days off included",
    )
    other_trips_per_resident: float = parameter(
        2.0,
        unit="trips/day",
        low=0.0,
        high=10.0,
        meaning="all other trips from home and back per resident and working day",
        source="assumption; with work 2.7, the Finnish National Travel Survey 2004-2005 has 2.86 in all",
    )
    business_trips_per_job: float = parameter(
        0.6,
        unit="trips/day",
        low=0.0,
        high=10.0,
        meaning="trips that start at workplaces (business, lunch, errands) per job and working day",
        source=_ASSUMPTION,
    )
    internal_trip_share: float = parameter(
        0.4,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="share of these trips that stay inside the area; the rest crosses the cordon",
        source="assumption, for a study area of a few square kilometres",
    )
    mean_trip_length_km: float = parameter(
        2.0,
        unit="km",
        low=0.05,
        high=50.0,
        meaning="mean length of internal trips; capped at 0.9 of the mean without deterrence",
        source=_ASSUMPTION,
    )
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
    car_occupancy: float = parameter(
        1.3, unit="persons/veh", low=1.0, high=4.0, meaning="persons per car", source=_ASSUMPTION
    )
    car_availability: float = parameter(
        0.6, unit="-", low=0.0, high=1.0, meaning="share of trips whose maker could take a car", source=_ASSUMPTION
    )
    car_constant_min: float = parameter(
        8.0,
        unit="min",
        low=-60.0,
        high=60.0,
        meaning="access, parking and other costs of a car trip, as time",
        source=_ASSUMPTION,
    )
    walk_constant_min: float = parameter(
        0.0, unit="min", low=-60.0, high=60.0, meaning="constant of walking, as time", source="reference mode"
    )
    cycle_constant_min: float = parameter(
        10.0, unit="min", low=-60.0, high=60.0, meaning="constant of cycling, as time", source=_ASSUMPTION
    )
    transit_constant_min: float = parameter(
        14.0,
        unit="min",
        low=-60.0,
        high=90.0,
        meaning="access, waiting and fare of public transport, as time",
        source=_ASSUMPTION,
    )
    walk_speed_kmh: float = parameter(
        4.8, unit="km/h", low=2.0, high=8.0, meaning="walking speed", source="assumption, usual 4.5-5"
    )
    cycle_speed_kmh: float = parameter(
        15.0, unit="km/h", low=8.0, high=30.0, meaning="cycling speed", source="assumption, usual 14-17"
    )
    transit_speed_kmh: float = parameter(
        18.0, unit="km/h", low=5.0, high=60.0, meaning="commercial speed of public transport", source=_ASSUMPTION
    )
    logit_scale_per_min: float = parameter(
        0.08, unit="1/min", low=0.001, high=1.0, meaning="scale of the mode-choice logit", source=_ASSUMPTION
    )
    cordon_trips_per_job: float = parameter(
        2.0,
        unit="trips/day",
        low=0.0,
        high=20.0,
        meaning="trips of commuters and visitors from outside and back, per job and working day",
        source=_ASSUMPTION,
    )
    cordon_car_share: float = parameter(
        0.35,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="car's share of trips across the cordon at usual costs",
        source=_ASSUMPTION,
    )
    external_traffic_level: float = parameter(
        1.0, unit="-", low=0.0, high=5.0, meaning="multiplies all traffic across the cordon", source="neutral value"
    )
    through_share: float = parameter(
        0.4,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="share of a cordon station's usual traffic (`twin.traffic.demand`) that crosses the area",
        source=_ASSUMPTION,
    )
    external_elasticity: float = parameter(
        -0.3,
        unit="-",
        low=-2.0,
        high=0.0,
        meaning="elasticity of cordon traffic to the generalised cost of the whole trip",
        source="assumption, within the range of de Jong and Gunn 2001, J. Transp. Econ. Policy 35(2), as recalled",
    )
    external_leg_min: float = parameter(
        20.0,
        unit="min",
        low=0.0,
        high=120.0,
        meaning="generalised cost outside the area of a trip that crosses the cordon",
        source=_ASSUMPTION,
    )
    noncompliant_share: float = parameter(
        0.2,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="share of cars below the low-emission standard (petrol before Euro 4, diesel before Euro 6)",
        source=_ASSUMPTION,
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
        1e-6,
        unit="-",
        low=1e-12,
        high=1e-2,
        meaning="relative gap of the equilibrium",
        source="Boyce et al. 2004 ask 1e-4",
    )
