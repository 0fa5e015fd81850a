"""Parameters of what traffic does to its surroundings: fleet, emissions, noise, safety."""

from __future__ import annotations

from dataclasses import dataclass

from twin.parameters import parameter

_ASSUMPTION = "assumption"


@dataclass(frozen=True)
class EffectParameters:
    """The part of `twin.traffic.parameters.TrafficParameters` that effects read."""

    compliant_diesel_share: float = parameter(
        0.2, unit="-", low=0.0, high=1.0, meaning="diesel share of compliant combustion cars", source=_ASSUMPTION
    )
    noncompliant_diesel_share: float = parameter(
        0.6, unit="-", low=0.0, high=1.0, meaning="diesel share of non-compliant cars", source=_ASSUMPTION
    )
    electric_share: float = parameter(
        0.08, unit="-", low=0.0, high=1.0, meaning="share of compliant cars that are electric", source=_ASSUMPTION
    )
    emission_factor_scale: float = parameter(
        1.0,
        unit="-",
        low=0.3,
        high=3.0,
        meaning="multiplies all exhaust emission factors",
        source="neutral value; cold starts and ageing are not modelled",
    )
