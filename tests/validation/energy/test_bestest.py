"""ASHRAE 140-2020 fabric cases against the ranges of six programs and the standard's acceptance limits.

The limits are read from a file of the reference notes beside the repository, the weather from its data. Without them
the tests skip; `tests/unit/test_energy_network.py` and `test_energy_coupled.py` hold the same code to closed forms.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.figures import Recorder
from tests.validation.energy.bestest import Building, Sunspace, figures_of
from tests.validation.energy.bestest_cases import BASIC, CASES, EUROPEAN, FRACTIONS, IN_DEPTH
from tests.validation.energy.bestest_limits import SUN_ZONE, Figures, count, inside, read_limits
from tests.validation.energy.bestest_sun import Site, inside_fractions, light_of_windows, read_site
from twin.energy.coupled import CoupledResult
from twin.kernels.energy.network_contract import residual

SHARED = Path(__file__).resolve().parents[3] / "../shared"
EPW = SHARED / "data/weather/USA_CO_Denver_725650_TMY3.epw"
LIMITS = SHARED / "reference/energy.md"
MISSING = [str(path.relative_to(SHARED)) for path in (EPW, LIMITS) if not path.exists()]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"../shared lacks {', '.join(MISSING)}")
PROGRAMS = "ASHRAE 140-2020, six programs"
ACCEPTED = "ASHRAE 140-2020, Addendum b"
# The harness of the notes, where EnergyPlus 25.2 itself scores 69 of 74. Heating and its peak of 650 and 950 count.
HARNESS = {f"{mass}{kind}" for mass in "69" for kind in ("00", "40", "50", "20", "80", "85", "95")} | {
    f"{mass}{kind}FF" for mass in "69" for kind in ("00", "50", "80")
}
WITHOUT_HEATING = 4
FLOATING = ("Tmax", "Tmin", "Tmean")
MODES, MODES_OF_ZONES = 6, 8  # with six, cooling of case 960 is 0.7 % and its peak 1.3 % off


@pytest.fixture(scope="module")
def site() -> Site:
    return read_site(EPW)


@pytest.fixture(scope="module")
def buildings(site: Site) -> dict[str, Building]:
    return {name: Building(site, case, "law") for name, case in CASES.items()}


@pytest.fixture(scope="module")
def sunspace(site: Site) -> Sunspace:
    return Sunspace(site, "law")


@pytest.fixture(scope="module")
def runs(buildings: dict[str, Building], sunspace: Sunspace) -> dict[int | None, tuple[Figures, list[float]]]:
    """By number of modes, of which None is every node: the figures, and what the balances lack."""
    found: dict[int | None, tuple[Figures, list[float]]] = {}
    for modes in (None, MODES):
        out = {name: made.run(modes) for name, made in buildings.items()}
        both = sunspace.run(modes and MODES_OF_ZONES)
        figures = {name: figures_of(*one[:3], name.endswith("FF")) for name, one in out.items()}
        lacks = [float(residual(one[3])[0]) for one in out.values()] + residual(both.balance).tolist()
        found[modes] = (figures | of_sunspace(both), lacks)
    return found


@pytest.fixture(scope="module")
def results(runs: dict[int | None, tuple[Figures, list[float]]]) -> Figures:
    return runs[None][0]


def of_sunspace(out: CoupledResult) -> Figures:
    zones = [[a[z] for a in (out.heating_w, out.cooling_w, out.air_c)] for z in (0, 1)]
    return {"960": figures_of(*zones[0], False), SUN_ZONE: figures_of(*zones[1], True)}


def show(what: str, counted: tuple[int, int, list[str]]) -> None:
    print(f"\nASHRAE 140, {what}: {counted[0]} of {counted[1]}", *counted[2], sep="\n")


def test_ranges_of_the_programs(results: Figures, figure: Recorder) -> None:
    """How many outputs are inside, with the coefficients that were fixed for all cases."""
    programs = read_limits(LIMITS)[0]
    harness = count(results, programs, HARNESS)
    basic = count(results, programs, {*BASIC, "960", SUN_ZONE})
    deep = count(results, programs, set(IN_DEPTH))
    show("600 and 900 series", basic)
    show("cases in depth", deep)
    inside_, checked = harness[0] + WITHOUT_HEATING, harness[1] + WITHOUT_HEATING
    assert (checked, basic[1], deep[1]) == (74, 101, 100)
    figure.check("ASHRAE 140: outputs of 20 cases in the programs' ranges", inside_, 74, 9, "-", PROGRAMS)
    figure.check("ASHRAE 140: outputs of the 600 and 900 series in the ranges", basic[0], basic[1], 10, "-", PROGRAMS)
    figure.check("ASHRAE 140: outputs of the cases in depth in the ranges", deep[0], deep[1], 14, "-", PROGRAMS)


def test_acceptance_limits(results: Figures, figure: Recorder) -> None:
    """Annual heating and cooling, without the heating that 650 and 950 do not have."""
    accepted = read_limits(LIMITS)[1]
    for name, mass, most in (("low mass", "6", 21), ("high mass", "9", 19)):
        counted = count(results, accepted, {case for case in results if case.startswith(mass)})
        show(f"acceptance, {name}", counted)
        assert counted[1] == most
        figure.check(f"ASHRAE 140: acceptance limits, {name}", counted[0], most, 0, "-", ACCEPTED)


def test_sensitivities(results: Figures, figure: Recorder) -> None:
    """Differences between cases, which cancel what they have in common."""
    differences = read_limits(LIMITS)[2]
    misses = []
    for (a, b, kind), at in differences.items():
        value = results[a][kind] - results[b][kind]
        if not inside(value, at, 2):
            misses.append(f"{a}-{b} {kind} {value:.3f}, range {at[0]:g} to {at[1]:g}")
    show("differences", (9 - len(misses), 9, misses))
    assert len(differences) == 9
    figure.check("ASHRAE 140: differences between cases in the ranges", 9 - len(misses), 9, 1, "-", PROGRAMS)


def test_the_inside_films_of_cities(site: Site, figure: Recorder) -> None:
    """The same law with the convection of EN ISO 52016-1 inside, which cities take: the goal does not hang on it."""
    programs, accepted, _ = read_limits(LIMITS)
    results = {
        name: figures_of(*Building(site, CASES[name], "law", EUROPEAN).run()[:3], name.endswith("FF")) for name in BASIC
    }
    results |= of_sunspace(Sunspace(site, "law", EUROPEAN).run())
    harness, limits = count(results, programs, HARNESS), count(results, accepted, set(results))
    show("inside films of cities, harness", harness)
    show("inside films of cities, acceptance", limits)
    show("inside films of cities, all", count(results, programs, set(results)))
    outputs = harness[0] + WITHOUT_HEATING
    figure.check("ASHRAE 140: outputs of 20 cases, inside films of EN ISO 52016-1", outputs, 74, 9, "-", PROGRAMS)
    figure.check("ASHRAE 140: acceptance limits, inside films of EN ISO 52016-1", limits[0], 40, 0, "-", ACCEPTED)


def test_the_standards_constants(site: Site, figure: Recorder) -> None:
    """With nothing but the constants of the specification, the gap of windows too: one acceptance limit less."""
    programs, accepted, _ = read_limits(LIMITS)
    results = {
        name: figures_of(*Building(site, CASES[name], "standard").run()[:3], name.endswith("FF")) for name in BASIC
    }
    results |= of_sunspace(Sunspace(site, "standard").run())
    harness, limits = count(results, programs, HARNESS), count(results, accepted, set(results))
    show("constants only, harness", harness)
    show("constants only, acceptance", limits)
    show("constants only, all", count(results, programs, set(results)))
    outputs = harness[0] + WITHOUT_HEATING
    figure.check("ASHRAE 140: outputs of 20 cases, constants only", outputs, 74, 9, "-", PROGRAMS)
    figure.check("ASHRAE 140: acceptance limits, constants only", limits[0], 40, 1, "-", ACCEPTED)


def test_walton_films(site: Site) -> None:
    """With natural convection at each case's own temperatures the acceptance limits hold, but fewer ranges."""
    programs, accepted, _ = read_limits(LIMITS)
    names = ("600", "620", "900", "920", "940")
    results = {name: figures_of(*Building(site, CASES[name], "walton").run()[:3], False) for name in names}
    show("Walton's films", count(results, programs, set(names)))
    assert count(results, accepted, set(names))[2] == []


def test_six_modes(runs: dict[int | None, tuple[Figures, list[float]]], figure: Recorder) -> None:
    """Reduced buildings are within 0.6 % of every node on every case, 0.05 K where they float; case 960 has eight."""
    every, reduced = runs[None][0], runs[MODES][0]
    source = "the same building with every node"

    def both(kinds: tuple[str, ...], least: float) -> tuple[list[float], list[float]]:
        pairs = [
            (reduced[name][kind], value)
            for name, found in every.items()
            for kind, value in found.items()
            if kind in kinds and value >= least
        ]
        return [ours for ours, _ in pairs], [truth for _, truth in pairs]

    annual, peaks, floating = both(("heat", "cool"), 0.1), both(("peak heat", "peak cool"), 0.1), both(FLOATING, -99.0)
    figure.check("Six modes: annual demand of every case", *annual, 0.006, "MWh", source, relative=True)
    figure.check("Six modes: peaks of every case", *peaks, 0.006, "kW", source, relative=True)
    figure.check("Six modes: temperatures that float", *floating, 0.05, "°C", source)


def test_every_balance_closes(runs: dict[int | None, tuple[Figures, list[float]]], figure: Recorder) -> None:
    lacks = [lack for _, of_runs in runs.values() for lack in of_runs]
    figure.check("ASHRAE 140: first law over every case", lacks, 0.0, 1e-9, "-", "definition")


@pytest.mark.parametrize("name", ["640", "900FF"])
def test_reference_and_fast_variant_agree_over_a_year(buildings: dict[str, Building], name: str) -> None:
    plain, fast = buildings[name].run(variant="reference"), buildings[name].run(variant="numba")
    for a, b in zip(plain[:3], fast[:3], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-3)


def test_light_of_the_windows(site: Site) -> None:
    """Transmitted light against the ranges of the programs, south without and with overhang, two other panes."""
    south, shaded, coated, single = (
        light_of_windows(site, CASES[name], "S")[0].sum() / 1000.0 for name in ("600", "610", "660", "670")
    )
    assert south == pytest.approx(815.0, rel=0.02)  # six programs: 804 to 826
    assert 0.176 <= 1.0 - shaded / south <= 0.224
    assert 430.0 <= coated <= 506.0  # six programs: 436 to 506
    assert 988.0 <= single <= 1039.0


@pytest.mark.parametrize("absorptance", [0.6, 0.9, 0.1])
def test_light_inside(absorptance: float) -> None:
    """Rays reproduce the specification's table of where light is absorbed; case 960 needs them for its sunspace."""
    found = inside_fractions((8.0, 6.0, 2.7), 12.0, absorptance)
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-3)
    for name, expected in FRACTIONS[absorptance].items():
        assert found[name] == pytest.approx(expected, abs=0.03), name
