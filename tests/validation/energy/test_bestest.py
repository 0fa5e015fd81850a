"""ASHRAE 140-2020 600 and 900 series against the ranges of six programs and the standard's acceptance limits.

The limits are read from a file of the reference notes beside the repository, the weather from its data. Without them
the tests skip; `tests/unit/test_energy_network.py` holds the same kernels to closed forms.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.validation.energy.bestest import CASES, Building, Site, figures_of, light_of_windows, read_site
from twin.kernels.energy.network_contract import residual

SHARED = Path(__file__).resolve().parents[3] / "../shared"
EPW = SHARED / "data/weather/USA_CO_Denver_725650_TMY3.epw"
LIMITS = SHARED / "reference/energy.md"
MISSING = [str(path.relative_to(SHARED)) for path in (EPW, LIMITS) if not path.exists()]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"../shared lacks {', '.join(MISSING)}")
Ranges = dict[str, dict[str, tuple[float, float]]]
NUMBER = r"[-−]?\d+\.\d+"
# The harness of the notes, where EnergyPlus 25.2 itself scores 69 of 74.
HARNESS = {f"{mass}{kind}" for mass in "69" for kind in ("00", "40", "50", "20", "80", "85", "95")} | {
    f"{mass}{kind}FF" for mass in "69" for kind in ("00", "50", "80")
}


def pair(cell: str) -> tuple[float, float] | None:
    found = [float(n.replace("−", "-")) for n in re.findall(NUMBER, re.sub(r"(?<=\d)[-–…](?=[-−\d])", " ", cell))]
    return (min(found), max(found)) if len(found) == 2 else None


def read_limits(path: Path) -> tuple[Ranges, Ranges, dict[tuple[str, str, str], tuple[float, float]]]:
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
    for name, rest in re.findall(r"(\d{3}FF) ([^;]*)", free):
        programs[name] = {
            k: at for k, c in zip(("Tmax", "Tmin", "Tmean"), rest.split("|"), strict=True) if (at := pair(c))
        }
    differences = {}
    sensitivity = next(line for line in text.splitlines() if line.startswith("Sensitivity deltas"))
    for part, figure in zip(re.split(r"cooling ", sensitivity), ("heat", "cool"), strict=True):
        for a, b, cell in re.findall(r"(\d{3})−(\d{3}) ([−\d.…–]+)", part):
            if at := pair(cell):
                differences[a, b, figure] = at
    return programs, accepted, differences


@pytest.fixture(scope="module")
def site() -> Site:
    return read_site(EPW)


@pytest.fixture(scope="module")
def buildings(site: Site) -> dict[str, Building]:
    return {name: Building(site, case, "standard") for name, case in CASES.items()}


@pytest.fixture(scope="module")
def results(buildings: dict[str, Building]) -> dict[str, dict[str, float]]:
    return {name: figures_of(*made.run()[:3], name.endswith("FF")) for name, made in buildings.items()}


def inside(value: float, limits: tuple[float, float], digits: int) -> bool:
    return limits[0] <= round(float(value), digits) <= limits[1]


def count(results: dict[str, dict[str, float]], limits: Ranges, only: set[str]) -> tuple[int, int, list[str]]:
    """Return how many figures are in their range, how many there are, and the others."""
    checked, misses = 0, []
    for name, figures in results.items():
        for figure, at in limits.get(name, {}).items():
            if name in only and figure in figures:
                checked += 1
                digits = 1 if figure.startswith("T") else 3
                if not inside(figures[figure], at, digits):
                    misses.append(f"{name} {figure} {figures[figure]:.3f}, range {at[0]:g} to {at[1]:g}")
    return checked - len(misses), checked, misses


def test_ranges_of_the_programs(results: dict[str, dict[str, float]]) -> None:
    """Of 94 outputs at most the 5 known ones are outside; of the 74 of the notes' harness 71 are inside."""
    programs = read_limits(LIMITS)[0]
    all_in, checked, misses = count(results, programs, set(results))
    harness_in, harness, _ = count(results, programs, HARNESS)
    print(f"\nASHRAE 140, six programs: {all_in} of {checked} inside, {harness_in} of {harness} of the harness")
    print("\n".join(misses))
    assert (checked, harness) == (94, 74)
    assert {miss.rsplit(" ", 5)[0] for miss in misses} <= {
        "610 cool", "640 peak heat", "910 cool", "950 cool", "950FF Tmax",
    }, misses  # fmt: skip
    assert harness_in >= 71


def test_acceptance_limits(results: dict[str, dict[str, float]]) -> None:
    """Annual heating and cooling: 37 of 38; cooling of case 900 is 1 % over the upper limit."""
    accepted = read_limits(LIMITS)[1]
    inside_, checked, misses = count(results, accepted, set(results))
    print(f"\nASHRAE 140, acceptance limits: {inside_} of {checked} inside", *misses, sep="\n")
    assert checked == 38
    assert [miss.rsplit(" ", 5)[0] for miss in misses] in ([], ["900 cool"])
    assert results["900"]["cool"] < 1.02 * accepted["900"]["cool"][1]


def test_sensitivities(results: dict[str, dict[str, float]]) -> None:
    """Differences between cases, which cancel what they have in common."""
    differences = read_limits(LIMITS)[2]
    assert len(differences) == 9
    misses = []
    for (a, b, figure), at in differences.items():
        value = results[a][figure] - results[b][figure]
        if not inside(value, at, 2):
            misses.append(f"{a}-{b} {figure} {value:.3f}, range {at[0]:g} to {at[1]:g}")
    print(
        f"\nASHRAE 140, differences: {len(differences) - len(misses)} of {len(differences)} inside", *misses, sep="\n"
    )
    assert len(misses) == 0, misses


def test_walton_films(site: Site) -> None:
    """With natural convection at each case's own temperatures the acceptance limits hold where the constants miss."""
    programs, accepted, _ = read_limits(LIMITS)
    names = ("600", "620", "900", "920", "940")
    results = {name: figures_of(*Building(site, CASES[name], "walton").run()[:3], False) for name in names}
    all_in, checked, misses = count(results, programs, set(names))
    print(f"\nASHRAE 140 with Walton's films: {all_in} of {checked} inside", *misses, sep="\n")
    assert count(results, accepted, set(names))[2] == []
    assert len(misses) <= 1


def test_six_modes(buildings: dict[str, Building], results: dict[str, dict[str, float]]) -> None:
    """The reduced building is within 0.6 % of the full network on every case, 0.05 K where it floats."""
    worst: dict[str, tuple[float, str]] = {}
    for name, made in buildings.items():
        reduced = figures_of(*made.run(6)[:3], name.endswith("FF"))
        for figure, value in results[name].items():
            apart = abs(reduced[figure] - value)
            if not figure.startswith("T"):
                apart = apart / value if value > 1e-6 else apart
            worst[figure] = max(worst.get(figure, (0.0, "")), (apart, name))
    print("\nsix modes, worst case:", {figure: f"{apart:.2e} ({name})" for figure, (apart, name) in worst.items()})
    for figure, (apart, name) in worst.items():
        assert apart <= (0.05 if figure.startswith("T") else 0.006), (figure, name)


def test_every_balance_closes(buildings: dict[str, Building]) -> None:
    for name, made in buildings.items():
        for modes in (None, 6):
            assert residual(made.run(modes)[3])[0] < 1e-9, name


@pytest.mark.parametrize("name", ["640", "900FF"])
def test_reference_and_fast_variant_agree_over_a_year(buildings: dict[str, Building], name: str) -> None:
    plain, fast = buildings[name].run(variant="reference"), buildings[name].run(variant="numba")
    for a, b in zip(plain[:3], fast[:3], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-3)


def test_light_of_the_windows(site: Site) -> None:
    """Transmitted light against the ranges of the programs, south without and with overhang."""
    south, shaded = (light_of_windows(site, CASES[name], "S")[0].sum() / 1000.0 for name in ("600", "610"))
    assert south == pytest.approx(815.0, rel=0.02)  # six programs: 804 to 826
    assert 0.176 <= 1.0 - shaded / south <= 0.224
