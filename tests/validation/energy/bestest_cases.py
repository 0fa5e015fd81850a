"""The cases of ASHRAE 140-2020, section 5.2, written from the specification: what each differs in, and constants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from twin.energy.constructions import Layer

HEIGHT, FLOOR_M2, VOLUME = 2.7, 48.0, 129.6
AIR = 1.0156 * 1015.0  # J/m³K at 1650 m
FAN_M3_H = 1700.0
AZIMUTH = {"N": 0.0, "E": 90.0, "S": 180.0, "W": 270.0}
WALL_M2 = {"N": 21.6, "E": 16.2, "S": 21.6, "W": 16.2}
GLASS_EMITTANCE = 0.84
# Outside convection (W/m²K) of the standard's constant coefficients, and inside.
OUTSIDE = {"wall": 11.9, "roof": 14.4, "floor": 0.8, "window": 8.0}
STANDARD = {"wall": 2.2, "roof": 1.8, "floor": 2.2, "window": 2.4}
# Inside convection of EN ISO 52016-1, which cities take (`twin.energy.assembly`).
EUROPEAN = {"wall": 2.5, "roof": 5.0, "floor": 0.7, "window": 2.5}
# Convection and radiation together, of cases 450, 460 and 470.
COMBINED_OUTSIDE = {"wall": 21.6, "roof": 21.8, "floor": 5.2, "window": 17.8}
COMBINED_INSIDE = {"wall": 1.8, "roof": 1.7, "floor": 3.7, "window": 4.5}

PLASTERBOARD, SIDING = (0.16, 950.0, 840.0), Layer(0.009, 0.14, 530.0, 900.0)
ROOF_DECK = Layer(0.019, 0.14, 530.0, 900.0)
LIGHT_WALL = (Layer(0.012, *PLASTERBOARD), Layer(0.066, 0.04, 12.0, 840.0), SIDING)
HEAVY_WALL = (Layer(0.100, 0.51, 1400.0, 1000.0), Layer(0.0615, 0.04, 10.0, 1400.0), SIDING)
COMMON_WALL = (Layer(0.200, 0.51, 1400.0, 1000.0),)
ROOF = (Layer(0.010, *PLASTERBOARD), Layer(0.1118, 0.04, 12.0, 840.0), ROOF_DECK)
LIGHT_FLOOR = (Layer(0.025, 0.14, 650.0, 1200.0), Layer(1.003, 0.04))
HEAVY_FLOOR = (Layer(0.080, 1.13, 1400.0, 1000.0), Layer(1.007, 0.04))
THICK_FOAM, THICK_QUILT = Layer(0.250, 0.04, 10.0, 1400.0), Layer(0.400, 0.04, 12.0, 840.0)
PANE = Layer(0.003048, 1.0, 2500.0, 750.0)
# The opaque window of the cases without sun: two panes of 2470 kg/m³ that let no light pass.
OPAQUE_PANE = Layer(0.003048, 1.0, 2470.0, 750.0)
AIR_GAP = Layer(0.012, 0.012 * 5.208)
# Argon behind a coating of 0.047: EN 673:2011, 5.2 and 5.3, with its argon at 10 °C and 15 K between the panes: no
# convection, 1.403 W/m²K by conduction and 0.240 by radiation.
ARGON_GAP = Layer(0.012, 0.012 * 1.643)
PANES: dict[str, tuple[Layer, ...]] = {
    "double": (PANE, AIR_GAP, PANE),
    "single": (PANE,),
    "low-e": (PANE, ARGON_GAP, PANE),
    "opaque": (OPAQUE_PANE, AIR_GAP, OPAQUE_PANE),
}
# Where light that passes the windows is absorbed by surfaces of 0.6, 0.9 and 0.1; the rest leaves through the windows.
FRACTIONS: dict[float, dict[str, float]] = {
    0.6: {"floor": 0.642, "roof": 0.167, "E": 0.038, "W": 0.038, "N": 0.053, "S": 0.027},
    0.9: {"floor": 0.903, "roof": 0.050, "E": 0.010, "W": 0.010, "N": 0.014, "S": 0.007},
    0.1: {"floor": 0.243, "roof": 0.191, "E": 0.057, "W": 0.057, "N": 0.077, "S": 0.063},
}
# The same with windows in the east and west; for 0.9 in the proportions in which those of 0.6 differ.
FRACTIONS_EAST_WEST: dict[float, dict[str, float]] = {
    0.6: {"floor": 0.642, "roof": 0.167, "E": 0.025, "W": 0.025, "N": 0.053, "S": 0.053},
    0.9: {"floor": 0.903, "roof": 0.050, "E": 0.0065, "W": 0.0065, "N": 0.014, "S": 0.014},
}


@dataclass(frozen=True)
class Case:
    """One case: what differs from case 600.

    glass: double, single, low-e or opaque; control: deadband, setback, night, tight or none; constant: where combined
    constant coefficients take the place of convection and radiation, "inside", "outside" or both.
    """

    heavy: bool = False
    windows: tuple[str, ...] = ("S",)
    glass: str = "double"
    overhang: bool = False
    fins: bool = False
    insulated: bool = False
    control: str = "deadband"
    fan: bool = False
    gains_w: float = 200.0
    leak_h: float = 0.5
    emittance_inside: float = 0.9
    emittance_outside: float = 0.9
    absorptance_inside: float = 0.6
    absorptance_outside: float = 0.6
    constant: tuple[str, ...] = ()

    @property
    def window_m2(self) -> float:
        """Of each side that has windows."""
        return 12.0 / max(len(self.windows), 1)

    @property
    def steps(self) -> int:
        """Of an hour: six where the set-point rises within one, so that it is a ramp and not a mean."""
        return 6 if self.control == "setback" else 1

    @property
    def fractions(self) -> dict[str, float]:
        table = FRACTIONS_EAST_WEST if self.windows == ("E", "W") else FRACTIONS
        return table[self.absorptance_inside]


def _cases() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for mass, heavy in (("6", False), ("9", True)):
        both: dict[str, Any] = {"heavy": heavy, "windows": ("E", "W")}
        cases |= {
            f"{mass}00": Case(heavy),
            f"{mass}10": Case(heavy, overhang=True),
            f"{mass}20": Case(**both),
            f"{mass}30": Case(**both, overhang=True, fins=True),
            f"{mass}40": Case(heavy, control="setback"),
            f"{mass}50": Case(heavy, control="night", fan=True),
            f"{mass}80": Case(heavy, insulated=True),
            f"{mass}85": Case(heavy, control="tight"),
            f"{mass}95": Case(heavy, insulated=True, control="tight"),
            f"{mass}00FF": Case(heavy, control="none"),
            f"{mass}50FF": Case(heavy, control="none", fan=True),
            f"{mass}80FF": Case(heavy, insulated=True, control="none"),
        }
    cases |= {"660": Case(glass="low-e"), "670": Case(glass="single")}
    # In depth: one thing after the other comes in. No gains, no air, dull and black outside, one set-point.
    dark = Case(
        glass="opaque", control="tight", gains_w=0.0, leak_h=0.0, emittance_inside=0.9, emittance_outside=0.9,
        absorptance_outside=0.1,
    )  # fmt: skip
    shiny = replace(dark, emittance_inside=0.1, emittance_outside=0.1)
    lit = replace(dark, glass="double", absorptance_inside=0.9)
    cases |= {
        "195": replace(shiny, windows=()),
        "200": shiny,
        "210": replace(dark, emittance_inside=0.1),
        "215": replace(dark, emittance_outside=0.1),
        "220": dark,
        "230": replace(dark, leak_h=1.0),
        "240": replace(dark, gains_w=200.0),
        "250": replace(dark, absorptance_outside=0.9),
        "270": lit,
        "280": replace(lit, absorptance_inside=0.1),
        "290": replace(lit, overhang=True),
        "300": replace(lit, windows=("E", "W")),
        "310": replace(lit, windows=("E", "W"), overhang=True, fins=True),
        "320": replace(lit, control="deadband"),
    }
    band = replace(dark, control="deadband")
    cases |= {
        "395": replace(band, windows=()),
        "400": band,
        "410": replace(band, leak_h=0.5),
        "420": replace(band, leak_h=0.5, gains_w=200.0),
        "430": replace(band, leak_h=0.5, gains_w=200.0, absorptance_outside=0.6),
        "440": Case(absorptance_inside=0.1),
        "450": Case(constant=("inside", "outside")),
        "460": Case(constant=("inside",)),
        "470": Case(constant=("outside",)),
        "800": Case(True, glass="opaque"),
        "810": Case(True, absorptance_inside=0.1),
    }
    return dict(sorted(cases.items()))


CASES = _cases()
IN_DEPTH = tuple(name for name in CASES if name < "5" or name.startswith("8"))
BASIC = tuple(name for name in CASES if name not in IN_DEPTH)
