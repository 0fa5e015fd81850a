"""The named comparisons, one module per room."""

from harness import Case

from cases import (
    city,
    decision,
    energy,
    energy_scale,
    energy_whole_run,
    run,
    skims,
    solar,
    solar_annual,
    solar_scale,
    solar_shading,
    traffic,
    traffic_scale,
    traffic_scenarios,
    traffic_threads,
)

_SOLAR = (solar, solar_shading, solar_annual, solar_scale)
_ENERGY = (energy, energy_whole_run, energy_scale)
_MODULES = (city, *_SOLAR, *_ENERGY, skims, traffic, traffic_threads, traffic_scenarios, traffic_scale, decision, run)
CASES: dict[str, Case] = {case.name: case for module in _MODULES for case in module.CASES}
