"""Rates and typical values that imputation and the synthetic city share, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

STOREY_HEIGHT_M = MappingProxyType(
    {
        "residential": 3.0,
        "office": 3.5,
        "retail": 4.5,
        "education": 3.6,
        "health": 3.6,
        "public": 4.0,
        "industrial": 6.0,
        "other": 3.0,
    }
)
"""Floor-to-floor height by use, m. Assumption: usual European practice."""

NET_FACTOR = 0.9
"""Heated share of footprint times storeys, for outer walls, passages and unheated rooms. Assumption."""

SMALL_OTHER_M2 = 30.0
"""Buildings of use "other" with a footprint below this (sheds, garages, bins) count as unheated: no floor area.
Assumption; they still cast shade and carry a roof."""

M2_PER_RESIDENT = 50.0
"""Gross heated floor area per resident of residential buildings: 40.3 m2 of dwelling per person (Official
Statistics of Finland, Dwellings and housing conditions, overview 2016, appendix table 2, whole country) divided by
0.8, the dwellings' share of the gross area (assumption)."""

M2_PER_JOB = MappingProxyType(
    {
        "office": 20.0,
        "retail": 40.0,
        "education": 80.0,
        "health": 50.0,
        "public": 80.0,
        "industrial": 80.0,
    }
)
"""Gross floor area per workplace, m2; uses that are absent have none. Office, retail and industrial follow the net
densities of the Employment Density Guide (Homes & Communities Agency, 3rd edition 2015: offices 8-13 m2, shops
15-20 and retail warehouses 90 m2, industry 36-47 and storage 70-95 m2; as recalled, not checked at source), widened
to gross area with vacancy by assumption; the others are assumptions."""

ROOF_TILT_DEG = MappingProxyType({"flat": 0.0, "gabled": 30.0, "hipped": 25.0})
"""Tilt by roof type. Assumption: usual slopes of tiled and sheet-metal roofs."""

DEFAULT_USE = "residential"
DEFAULT_YEAR_CLASS = "1960-1979"
DEFAULT_LEVELS = MappingProxyType(
    {
        "residential": 2.0,
        "office": 4.0,
        "retail": 1.0,
        "education": 2.0,
        "health": 3.0,
        "public": 2.0,
        "industrial": 1.0,
        "other": 1.0,
    }
)
"""Storeys where neither the building nor any other of its use tells. Assumption."""


@dataclass(frozen=True)
class RoadRates:
    """Typical values of a road class, for one direction."""

    lanes: float
    speed_limit_kmh: float
    capacity_per_lane_veh_h: float


ROADS = MappingProxyType(
    {
        "motorway": RoadRates(2.0, 100.0, 2000.0),
        "trunk": RoadRates(2.0, 80.0, 1800.0),
        "primary": RoadRates(2.0, 50.0, 900.0),
        "secondary": RoadRates(1.0, 50.0, 900.0),
        "tertiary": RoadRates(1.0, 40.0, 700.0),
        "unclassified": RoadRates(1.0, 40.0, 600.0),
        "residential": RoadRates(1.0, 30.0, 500.0),
        "living_street": RoadRates(1.0, 20.0, 300.0),
        "service": RoadRates(1.0, 20.0, 300.0),
    }
)
"""Lanes, speed limit and capacity per lane by class. Assumptions in the manner of the Highway Capacity Manual:
uninterrupted flow about 2000 veh/h and lane with some heavy vehicles; at signals a saturation flow of 1900 veh/h
times a green share of 0.45 to 0.5; local streets less, for parking and crossings."""

CONNECTORS = 2
CONNECTOR_POWER_KW = 22.0
"""Charging site without tags: two connectors of 22 kW, the three-phase 32 A supply of IEC 61851. Assumption."""

SMALL_HOUSE_M2 = 300.0
"""In cities with district heating, dwellings with less floor area than this are taken to heat with electricity.
Assumption: networks seldom reach detached houses."""
