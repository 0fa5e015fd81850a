"""ASHRAE 140-2020 cases against EnergyPlus itself, run here on input that is written from the specification.

Twice: with the same constant convection in both, which compares everything else, and with EnergyPlus's own convection
(TARP inside, DOE-2 outside). Needs the wheels of `tests.validation.energy.energyplus`; without them the tests skip.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.figures import Recorder
from tests.validation.energy import energyplus
from tests.validation.energy.bestest import Building, Sunspace, figures_of
from tests.validation.energy.bestest_cases import BASIC, CASES
from tests.validation.energy.bestest_limits import Figures
from tests.validation.energy.bestest_sun import Site, read_site

SHARED = Path(__file__).resolve().parents[3] / "../shared/data/weather/USA_CO_Denver_725650_TMY3.epw"
INSTALLED, WEATHER = energyplus.available()
EPW = WEATHER or (SHARED if SHARED.exists() else None)
pytestmark = [
    pytest.mark.skipif(not INSTALLED, reason="needs pyenergyplus-lbnl; TWIN_ENERGYPLUS_PYTHON may name its Python"),
    pytest.mark.skipif(EPW is None, reason="needs the weather of Denver: ochre-nrel, or ../shared"),
]
SOURCE = "EnergyPlus 25.2, run by the test"
LEAST = 0.1
"""MWh and kW; of less no shares are taken."""
SOME_IN_DEPTH = ("195", "210", "215", "230", "250", "270", "280", "310", "430", "450", "460", "470", "800", "810")


@pytest.fixture(scope="module")
def site() -> Site:
    assert EPW is not None
    return read_site(EPW)


@pytest.fixture(scope="module")
def ours(site: Site) -> Figures:
    names = (*BASIC, *SOME_IN_DEPTH)
    found = {name: figures_of(*Building(site, CASES[name], "law").run()[:3], name.endswith("FF")) for name in names}
    out = Sunspace(site, "law").run()
    return found | {"960": figures_of(out.heating_w[0], out.cooling_w[0], out.air_c[0], False)}


def theirs(names: tuple[str, ...], folder: Path, *, films: bool) -> Figures:
    assert EPW is not None
    found = {}
    for name in names:
        (folder / name).mkdir()
        zones = energyplus.run(name if name == "960" else CASES[name], EPW, folder / name, films=films)
        hours = zones["BACK" if name == "960" else "ZONE"]
        free = name.endswith("FF")
        heating, cooling = (hours[energyplus.AIR if free else k] for k in (energyplus.HEATING, energyplus.COOLING))
        found[name] = figures_of(heating, cooling, hours[energyplus.AIR], free)
    return found


Pairs = list[tuple[str, float, float]]


def pairs(ours: Figures, theirs: Figures, kinds: tuple[str, ...]) -> Pairs:
    """Return case and figure, ours and theirs."""
    return [
        (f"{name} {kind}", ours[name][kind], value)
        for name, found in theirs.items()
        for kind, value in found.items()
        if kind in kinds and (kind.startswith("T") or value >= LEAST)
    ]


def record(figure: Recorder, name: str, found: Pairs, limit: float, unit: str, *, relative: bool = True) -> None:
    figure.check(name, [a for _, a, _ in found], [b for _, _, b in found], limit, unit, SOURCE, relative=relative)


def test_same_convection(ours: Figures, tmp_path: Path, figure: Recorder) -> None:
    """What differs is conduction, radiation, glass, sun, air and control."""
    found = theirs((*BASIC, *SOME_IN_DEPTH, "960"), tmp_path, films=True)
    record(figure, "EnergyPlus, same convection: annual demand", pairs(ours, found, ("heat", "cool")), 0.08, "MWh")
    record(figure, "EnergyPlus, same convection: peaks", pairs(ours, found, ("peak heat", "peak cool")), 0.08, "kW")
    free = pairs(ours, found, ("Tmax", "Tmin"))
    record(figure, "EnergyPlus, same convection: floating extremes", free, 1.5, "°C", relative=False)
    mean = pairs(ours, found, ("Tmean",))
    record(figure, "EnergyPlus, same convection: floating means", mean, 1.0, "°C", relative=False)


def test_its_own_convection(ours: Figures, site: Site, tmp_path: Path, figure: Recorder) -> None:
    """EnergyPlus with its films of wind and temperature; we with natural convection inside, in all cases but 960."""
    ours = {
        name: figures_of(*Building(site, CASES[name], "natural").run()[:3], name.endswith("FF")) for name in BASIC
    } | {"960": ours["960"]}
    found = theirs((*BASIC, "960"), tmp_path, films=False)
    free = pairs(ours, found, ("Tmax", "Tmin"))
    record(figure, "EnergyPlus, its own convection: floating extremes", free, 1.5, "°C", relative=False)
    for title, kinds in (("annual demands", ("heat", "cool")), ("peaks", ("peak heat", "peak cool"))):
        compared = pairs(ours, found, kinds)
        apart = [(name, a, b) for name, a, b in compared if abs(a / b - 1.0) > 0.08]
        print(f"\nmore than 8 % off, {title}:", *(f"{name} {a:.3f} {b:.3f} {a / b - 1:+.1%}" for name, a, b in apart))
        within = len(compared) - len(apart)
        figure.check(f"EnergyPlus, its own convection: {title} within 8 %", within, len(compared), 1, "-", SOURCE)
