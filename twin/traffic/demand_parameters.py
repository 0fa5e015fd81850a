"""Parameters of travel demand: how many trips, where to, by which mode, when, and across the cordon."""

from __future__ import annotations

from dataclasses import dataclass

from twin.parameters import parameter

_ASSUMPTION = "assumption"


@dataclass(frozen=True)
class DemandParameters:
    """The part of `twin.traffic.parameters.TrafficParameters` that demand reads."""

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
    education_trip_share: float = parameter(
        0.12,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="share of the trips other than work that go to school or college and back",
        source=_ASSUMPTION,
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
    active_nest_ratio: float = parameter(
        1.25,
        unit="-",
        low=1.0,
        high=10.0,
        meaning="scale of the choice between walking and cycling over that between modes; 1: multinomial logit",
        source=_ASSUMPTION,
    )
    transit_wait_min: float = parameter(
        5.0,
        unit="min",
        low=0.0,
        high=60.0,
        meaning="waiting for public transport within its constant; falls as its frequency grows (`transit_level`)",
        source="assumption; half of a headway of ten minutes",
    )
    cycle_track_factor: float = parameter(
        0.84,
        unit="-",
        low=0.3,
        high=1.5,
        meaning="distance felt on a cycle track over that on a quiet street",
        source="Broach, Dill and Gliebe 2012, doi 10.1016/j.tra.2012.07.005: path -16.0 % for commuters",
    )
    cycle_busy_factor: float = parameter(
        1.368,
        unit="-",
        low=1.0,
        high=10.0,
        meaning="distance felt on a main road without lane or track over that on a quiet street",
        source="Broach, Dill and Gliebe 2012, as above: +36.8 % for commuters at 10,000 to 20,000 vehicles a day; a "
        "lane offsets it",
    )
    parking_search_min: float = parameter(
        3.0,
        unit="min",
        low=0.0,
        high=30.0,
        meaning="search for parking with today's supply; it grows as the inverse of `parking_supply`",
        source="assumption; Shoup 2006, doi 10.1016/j.tranpol.2006.05.005, lists 3.5 to 14 min in busy centres, as "
        "recalled",
    )
    period_scale_per_min: float = parameter(
        0.08,
        unit="1/min",
        low=0.0,
        high=1.0,
        meaning="scale of the choice of period (morning, evening, off-peak) for business and other trips",
        source="as sensitive as mode choice: UK TAG unit M2.1, 4.8, for periods of about three hours",
    )
    destination_scale_per_min: float = parameter(
        0.05,
        unit="1/min",
        low=0.0,
        high=1.0,
        meaning="scale by which other trips choose new destinations when costs change",
        source="assumption; below the mode's scale, as destinations stand above modes in the choice",
    )
    goods_level: float = parameter(
        0.1,
        unit="-",
        low=0.0,
        high=5.0,
        meaning="multiplies the trips of vans and trucks that start or end here (`twin.traffic.freight`)",
        source="assumption: brings the US rates of 1996 to the usual eighth of the vehicles in an inner city",
    )
    goods_internal_share: float = parameter(
        0.3,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="share of van and truck trips that stay inside the area",
        source=_ASSUMPTION,
    )
    through_van_share: float = parameter(
        0.1, unit="-", low=0.0, high=0.5, meaning="vans' share of through traffic", source=_ASSUMPTION
    )
    through_truck_share: float = parameter(
        0.05, unit="-", low=0.0, high=0.5, meaning="trucks' share of through traffic", source=_ASSUMPTION
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
