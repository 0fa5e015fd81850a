"""The named comparisons, one module per room."""

from cases import city, run, solar
from harness import Case

CASES: dict[str, Case] = {case.name: case for module in (city, solar, run) for case in module.CASES}
