"""The named comparisons, one module per room."""

from harness import Case

from cases import city, run, solar, traffic

CASES: dict[str, Case] = {case.name: case for module in (city, solar, traffic, run) for case in module.CASES}
