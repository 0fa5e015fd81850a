"""Parameters of what traffic does to its surroundings: fleet, emissions, noise, safety."""

from __future__ import annotations

from dataclasses import dataclass

from twin.parameters import parameter

_ASSUMPTION = "assumption"


def _share(default: float, meaning: str, *, high: float = 1.0) -> float:
    return parameter(default, unit="-", low=0.0, high=high, meaning=meaning, source=_ASSUMPTION)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class EffectParameters:
    """The part of `twin.traffic.parameters.TrafficParameters` that effects read."""

    compliant_diesel_share: float = _share(0.2, "diesel share of compliant combustion cars")
    noncompliant_diesel_share: float = _share(0.6, "diesel share of non-compliant cars")
    electric_share: float = _share(0.08, "share of compliant cars that are electric")
    petrol_euro_6_share: float = _share(0.5, "Euro 6 share of compliant petrol cars; the others are Euro 5")
    diesel_euro_6d_share: float = _share(
        0.4, "share of compliant diesel cars of 2020 and later; the others are early Euro 6"
    )
    noncompliant_diesel_euro_5_share: float = _share(
        0.6, "Euro 5 share of non-compliant diesel cars; the others are Euro 4"
    )
    van_electric_share: float = _share(0.03, "share of vans that are electric")
    van_euro_6_share: float = _share(0.6, "Euro 6 share of diesel vans; the others are Euro 5")
    truck_electric_share: float = _share(0.0, "share of trucks that are electric")
    truck_euro_vi_share: float = _share(0.75, "Euro VI share of diesel trucks; the others are Euro V")
    truck_medium_share: float = _share(
        0.5, "share of trucks with two axles (medium heavy in CNOSSOS-EU); the others are heavy"
    )
    emission_factor_scale: float = parameter(
        1.0,
        unit="-",
        low=0.3,
        high=3.0,
        meaning="multiplies all exhaust emission factors",
        source="neutral value; cold starts and ageing are not modelled",
    )
    ev_auxiliary_kw: float = parameter(
        0.8,
        unit="kW",
        low=0.0,
        high=6.0,
        meaning="power of heating, cooling and electronics of an electric car while it drives, mean of the year",
        source=_ASSUMPTION,
    )
    ev_recuperation: float = parameter(
        0.65,
        unit="-",
        low=0.0,
        high=0.9,
        meaning="share of braking energy that comes back to the battery",
        source=_ASSUMPTION,
    )
    noise_temperature_c: float = parameter(
        20.0,
        unit="degC",
        low=-20.0,
        high=40.0,
        meaning="mean air temperature of the road noise emission",
        source="reference condition of CNOSSOS-EU, Directive (EU) 2015/996, 2.2.2",
    )
    noise_studded_share: float = parameter(
        0.0,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="share of light vehicles on studded tyres, mean of the year",
        source="reference condition of CNOSSOS-EU; in Finland of the order of 0.3",
    )
    noise_ground_factor: float = parameter(
        0.2,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="acoustic ground factor G between road and building, 0 hard to 1 soft",
        source="assumption; asphalt 0, gravel 0.3, gardens 0.7 to 1 in Directive (EU) 2015/996, table 2.5.a",
    )
    nox_wind_m_s: float = parameter(
        2.0,
        unit="m/s",
        low=0.5,
        high=15.0,
        meaning="mean wind at the height of vehicles, which dilutes their exhaust",
        source=_ASSUMPTION,
    )
    injury_rate_scale: float = parameter(
        1.0,
        unit="-",
        low=0.1,
        high=10.0,
        meaning="multiplies all injury accident rates",
        source="neutral value; scale to the city's own counts",
    )
