"""Ranges and limits of ASHRAE 140 from a file of notes: what six programs publish, and what the standard accepts."""

from __future__ import annotations

import re
from pathlib import Path

Ranges = dict[str, dict[str, tuple[float, float]]]
Differences = dict[tuple[str, str, str], tuple[float, float]]
Figures = dict[str, dict[str, float]]
NUMBER = r"[-−]?\d+\.\d+"
SUN_ZONE = "960 sun zone"


def pair(cell: str) -> tuple[float, float] | None:
    found = [float(n.replace("−", "-")) for n in re.findall(NUMBER, re.sub(r"(?<=\d)[-–…](?=[-−\d])", " ", cell))]
    return (min(found), max(found)) if len(found) == 2 else None


def read_limits(path: Path) -> tuple[Ranges, Ranges, Differences]:
    """Return the programs' ranges and the acceptance limits by case and figure, and the ranges of differences."""
    programs: Ranges = {}
    accepted: Ranges = {}
    text = path.read_text(encoding="utf-8")
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 11 and re.fullmatch(r"\d{3}", cells[0]):
            columns = {"heat": 1, "cool": 3, "peak heat": 5, "peak cool": 6}
            programs[cells[0]] = {name: at for name, c in columns.items() if (at := pair(cells[c]))}
            accepted[cells[0]] = {name: at for name, c in (("heat", 2), ("cool", 4)) if (at := pair(cells[c]))}
    free = next(line for line in text.splitlines() if line.startswith("Free-float (°C), 2020"))
    for name, rest in re.findall(rf"(\d{{3}}FF|{SUN_ZONE}) ([^;]*)", free):
        programs[name] = {
            k: at for k, c in zip(("Tmax", "Tmin", "Tmean"), rest.split("|"), strict=True) if (at := pair(c))
        }
    differences: Differences = {}
    sensitivity = next(line for line in text.splitlines() if line.startswith("Sensitivity deltas"))
    for part, figure in zip(re.split(r"cooling ", sensitivity), ("heat", "cool"), strict=True):
        for a, b, cell in re.findall(r"(\d{3})−(\d{3}) ([−\d.…–]+)", part):
            if at := pair(cell):
                differences[a, b, figure] = at
    return programs, accepted, differences


def inside(value: float, limits: tuple[float, float], digits: int) -> bool:
    return limits[0] <= round(float(value), digits) <= limits[1]


def count(results: Figures, limits: Ranges, only: set[str]) -> tuple[int, int, list[str]]:
    """Return how many figures are in their range, how many there are, and the others.

    What is nothing by definition, such as the heating of a case that is not heated, does not count.
    """
    checked, misses = 0, []
    for name in sorted(only & set(results)):
        for figure, at in limits.get(name, {}).items():
            if figure in results[name] and at != (0.0, 0.0):
                checked += 1
                value = results[name][figure]
                if not inside(value, at, 1 if figure.startswith("T") else 3):
                    misses.append(f"{name} {figure} {value:.3f}, range {at[0]:g} to {at[1]:g}")
    return checked - len(misses), checked, misses
