"""The named comparisons, one module per room."""

from harness import Case

from cases import city, run, skims, solar, traffic, traffic_scale, traffic_scenarios

_MODULES = (city, solar, skims, traffic, traffic_scenarios, traffic_scale, run)
CASES: dict[str, Case] = {case.name: case for module in _MODULES for case in module.CASES}
