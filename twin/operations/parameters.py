"""What is assumed about the operation of the city."""

from __future__ import annotations

from dataclasses import dataclass

from twin.parameters import parameter

AC_LIMIT_KW = 43.5
"""Connectors up to this power are alternating current: 63 A three-phase at 400 V (IEC 61851-1, mode 3)."""


@dataclass(frozen=True)
class OperationsParameters:
    """What is assumed about electric cars and their drivers."""

    ev_share: float = parameter(
        0.15,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="share of cars that can charge among arriving cars, plug-in hybrids included",
        source="assumption",
    )
    public_charging_share: float = parameter(
        0.05,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="share of arriving electric cars that look for a public charger",
        source="assumption",
    )
    energy_kwh: float = parameter(
        20.0, unit="kWh", low=0.1, high=100.0, meaning="mean energy of a charging session", source="assumption"
    )
    energy_cv: float = parameter(
        0.5,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="coefficient of variation of the session energy (gamma distributed; 1 is exponential)",
        source="assumption",
    )
    vehicle_ac_kw: float = parameter(
        11.0,
        unit="kW",
        low=1.0,
        high=AC_LIMIT_KW,
        meaning="power that a car draws at most from an AC connector",
        source="assumption: three-phase 16 A on-board charger",
    )
    vehicle_dc_kw: float = parameter(
        100.0,
        unit="kW",
        low=10.0,
        high=1000.0,
        meaning="power that a car draws at most from a DC connector, mean over a session",
        source="assumption",
    )
    reach_m: float = parameter(
        1000.0,
        unit="m",
        low=50.0,
        high=10000.0,
        meaning="largest distance from the middle of the zone to a site",
        source="assumption",
    )
    distance_decay_m: float = parameter(
        300.0,
        unit="m",
        low=10.0,
        high=10000.0,
        meaning="distance that makes a site e times less attractive",
        source="assumption",
    )
    queue_places: float = parameter(
        2.0, unit="vehicles", low=0.0, high=1000.0, meaning="places to wait at a site", source="assumption"
    )
    patience_min: float = parameter(
        20.0, unit="min", low=0.0, high=720.0, meaning="longest wait before a driver gives up", source="assumption"
    )
