"""The ASHRAE 140-2020 thermal fabric cases as networks of nodes and as modes: drives, elements, profiles, runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import twin.kernels.energy
import twin.kernels.solar  # noqa: F401
from tests.validation.energy import bestest_cases as spec
from tests.validation.energy.bestest_cases import AIR, FLOOR_M2, GLASS_EMITTANCE, VOLUME, Case
from tests.validation.energy.bestest_laws import (
    PRESSURE_SHARE,
    Outside,
    beyond_constant_films,
    beyond_constants,
    with_loads,
)
from tests.validation.energy.bestest_sun import HOURS, Site, inside_fractions, light_of_windows
from twin.energy.constructions import ROOM_K, Element, Layer, Load, Network, build_network, radiant_films
from twin.energy.coupled import SETTLED_K, CoupledResult, Partition, Profiles, Zone, assembled, simulate_coupled
from twin.energy.films import fitted_films, inside_surfaces, radiative_film
from twin.energy.glazing import gap_conductance
from twin.kernels.energy.modal import reduce_networks
from twin.kernels.energy.network_contract import ZONE_COLUMNS
from twin.kernels.registry import get

Float = NDArray[np.float64]
SIGMA = 5.670374419e-8
WARMUP = 1344
SETTLING = 2  # runs before the last; a third changes no figure by 1e-4
LAW_ROUNDS = 5
OVERHEATING_C = 27.0
# Drives: outdoor air, then what the outsides meet, then the light of the windows.
SOL_AIR = {"N": 1, "E": 2, "S": 3, "W": 4, "roof": 5}
WINDOW_AIR = {"E": 6, "S": 7, "W": 8}
LIGHT = {"E": 9, "S": 12, "W": 15}  # transmitted, absorbed by the inner pane, by the outer pane
COLUMNS = 18
RULES = ("standard", "walton", "own", "law", "natural")
"""Where coefficients come from.

standard: the constants that the specification lists, radiation at 10 °C outside and 20 °C inside. walton: the same, but
natural convection inside at the temperatures of the case (`twin.energy.films`). own: convection as the specification
lists it; radiation by the law of Stefan and Boltzmann and the gap between panes by EN 673, both made linear about the
temperatures of the case. law: the same, but not linear: `bestest_laws`. natural: and so natural convection inside."""
TILT = {"floor": 0.0, "roof": 180.0}


@dataclass(frozen=True)
class Coefficients:
    """W/m²K. radiation outside by surface, gap of windows by side: in the place of constants; inside: convection."""

    radiation: dict[str, float] = field(default_factory=dict)
    gap: dict[str, float] = field(default_factory=dict)
    room_k: float = ROOM_K
    inside: dict[str, float] = field(default_factory=lambda: spec.STANDARD)


def outside_film(case: Case, name: str, own: Coefficients) -> tuple[float, float]:
    """Return convection and radiation at an outside surface, W/m²K; constant combined coefficients are all convection.

    name: a side, "roof", "floor", or a side with "window" before it.
    """
    kind = name.split()[0] if name.split()[0] in spec.OUTSIDE else "wall"
    if "outside" in case.constant:
        return spec.COMBINED_OUTSIDE[kind], 0.0
    return spec.OUTSIDE[kind], own.radiation.get(name, 4.0 * emittance_outside(case, name) * SIGMA * 283.15**3)


def emittance_outside(case: Case, name: str) -> float:
    return GLASS_EMITTANCE if "window" in name and case.glass != "opaque" else case.emittance_outside


def outsides(case: Case, own: Coefficients, sides: Sequence[str]) -> list[Outside]:
    """Return what the elements of `elements` exchange outside."""
    names = [*sides, "roof", "floor", *(f"window {side}" for side in case.windows)]
    return [Outside(*outside_film(case, name, own), emittance_outside(case, name)) for name in names]


def drives(site: Site, case: Case, own: Coefficients = Coefficients()) -> Float:
    """Return the drives, float64 (8760, `COLUMNS`)."""
    table = np.zeros((HOURS, COLUMNS))
    table[:, 0] = site.temperature_c
    irradiance = site.irradiance()
    # Sky and air above the horizon as in Walton (1983), section 4.3.
    missing = SIGMA * (site.temperature_c + 273.15) ** 4 - site.infrared

    def met(name: str, view: float, sun: Float | float) -> Float:
        convection, radiation = outside_film(case, name, own)
        lost = emittance_outside(case, name) * view * missing if radiation > 0.0 else 0.0
        return np.asarray(site.temperature_c + (sun - lost) / (convection + radiation))

    for name, column in SOL_AIR.items():
        view = 1.0 if name == "roof" else 0.5 * np.sqrt(0.5)
        table[:, column] = met(name, view, case.absorptance_outside * irradiance[name])
    for side, column in WINDOW_AIR.items():
        sun = case.absorptance_outside * irradiance[side] if case.glass == "opaque" else 0.0
        table[:, column] = met(f"window {side}", 0.5 * np.sqrt(0.5), sun)
        if side in case.windows and case.glass != "opaque":
            table[:, LIGHT[side] : LIGHT[side] + 3] = np.transpose(light_of_windows(site, case, side))
    return table


def elements(
    case: Case,
    own: Coefficients = Coefficients(),
    walls: dict[str, float] = spec.WALL_M2,
    floor_m2: float = FLOOR_M2,
    fractions: dict[str, float] | None = None,
) -> list[Element]:
    """Return a zone's elements with the films of `own`: walls with their openings, roof, floor, windows."""
    lit = case.windows if case.glass != "opaque" else ()
    if fractions is None:
        fractions = case.fractions if lit else {}
    wall, floor = (spec.HEAVY_WALL, spec.HEAVY_FLOOR) if case.heavy else (spec.LIGHT_WALL, spec.LIGHT_FLOOR)
    roof = spec.ROOF
    if case.insulated:
        wall, roof = (wall[0], spec.THICK_FOAM, wall[2]), (roof[0], spec.THICK_QUILT, roof[2])
    # No radiation where combined constant coefficients stand for it.
    emittance = 1e-9 if "inside" in case.constant else case.emittance_inside
    films = spec.COMBINED_INSIDE if "inside" in case.constant else own.inside

    def opaque(area: float, layers: tuple[Layer, ...], name: str, column: int) -> Element:
        film = films.get(name, films["wall"])
        sun = tuple(Load(LIGHT[side], case.window_m2 * fractions[name]) for side in lit)
        return Element(
            area, layers, film, sum(outside_film(case, name, own)), column, emittance, sun, TILT.get(name, 90.0)
        )

    found = [
        opaque(area - (case.window_m2 if side in case.windows else 0.0), wall, side, SOL_AIR[side])
        for side, area in walls.items()
    ]
    found += [opaque(floor_m2, roof, "roof", SOL_AIR["roof"]), opaque(floor_m2, floor, "floor", 0)]
    for side in case.windows:
        panes, area, loads = spec.PANES[case.glass], case.window_m2, ()
        if side in own.gap:
            panes = (panes[0], Layer(0.012, 0.012 * own.gap[side]), panes[2])
        if lit:
            loads = (Load(LIGHT[side] + 1, area), Load(LIGHT[side] + 2, area, inside=False))
        pane = emittance if case.glass == "opaque" or "inside" in case.constant else GLASS_EMITTANCE
        outside = sum(outside_film(case, f"window {side}", own))
        found.append(Element(area, panes, films["window"], outside, WINDOW_AIR[side], pane, loads))
    return found


def fitted(
    case: Case,
    own: Coefficients,
    drive: Float,
    parts: Sequence[Element],
    surfaces: Float,
    air: Float,
    windows_end: int | None = None,
) -> Coefficients:
    """Return radiation outside and gaps that fit the temperatures of a run best, as `twin.energy.films`.

    Windows are taken as without heat capacity, outsides of walls at the temperature that they meet.
    """
    area = np.array([e.area_m2 for e in parts])
    films = radiant_films(area, np.array([e.emissivity for e in parts]), own.room_k)
    star = surfaces @ (films * area) / (films * area).sum()
    radiation, gap = {}, {}
    middle, apart = 0.5 * (surfaces + star[:, None]) + 273.15, films * area * (surfaces - star[:, None]) ** 2
    room_k = float(np.cbrt(np.average(middle**3, weights=np.maximum(apart, 1e-12))))
    if "outside" not in case.constant:
        for name, column in SOL_AIR.items():
            radiation[name] = radiative_film(emittance_outside(case, name), drive[:, column], drive[:, 0])
    end = len(parts) if windows_end is None else windows_end
    for at, side in zip(range(end - len(case.windows), end), case.windows, strict=True):
        here = surfaces[:, at]
        outer = here
        if case.glass in ("double", "low-e"):
            into = parts[at].h_inside_w_m2k * (air - here) + films[at] * (star - here) + 0.6 * case.gains_w / area.sum()
            before = own.gap.get(side, spec.PANES[case.glass][1].conductivity_w_mk / 0.012)
            outer = here - (into + drive[:, LIGHT[side] + 1]) / before
            gas, faces = ("argon", (0.047, 0.84)) if case.glass == "low-e" else ("air", (0.84, 0.84))
            now = gap_conductance(here, outer, 0.012, gas=gas, emissivities=faces, pressure_share=PRESSURE_SHARE)
            gap[side] = float(np.average(now, weights=np.maximum((here - outer) ** 2, 1e-12)))
        if "outside" not in case.constant and case.glass != "opaque":
            name = f"window {side}"
            radiation[name] = radiative_film(emittance_outside(case, name), outer, drive[:, 0])
    return replace(own, radiation=radiation, gap=gap, room_k=room_k)


def profiles(case: Case) -> dict[str, Float]:
    """Return the set-points, gains and fan of a case, float64 (1, 8760 times its steps) each."""
    count = HOURS * case.steps
    hour = (np.arange(count) + 0.5) / case.steps % 24.0
    low, high = np.full(count, 20.0), np.full(count, 27.0)
    if case.control == "setback":
        low = np.where(hour > 23.0, 10.0, 10.0 + 10.0 * np.clip(hour - 7.0, 0.0, 1.0))
    if case.control == "night":
        low, high = np.full(count, -100.0), np.where((hour > 7.0) & (hour < 18.0), 27.0, 200.0)
    if case.control == "tight":
        high = np.full(count, 20.0)
    if case.control == "none":
        low, high = np.full(count, -100.0), np.full(count, 200.0)
    night = np.where((hour > 18.0) | (hour < 7.0), 1.0, 0.0) if case.fan else np.zeros(count)
    rows = {"heat_set_c": low, "cool_set_c": high, "gain": np.full(count, case.gains_w), "air_flow": night}
    return {name: row[None] for name, row in rows.items()}


def zone_values(case: Case, volume: float = VOLUME) -> dict[str, float]:
    """Return what the table of zones holds of a case; gains are those of the profile."""
    return {
        "h_leak_w_k": case.leak_h * volume * AIR / 3600.0,
        "h_vent_w_k": spec.FAN_M3_H * AIR / 3600.0,
        "air_capacity_j_k": volume * AIR,
        "internal_w": 1.0,
        "heating_limit_w": 1e6,
        "cooling_limit_w": 1e6,
    }


Result = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], Float]


class Building:
    """A case with its drives, its network, and the coefficients it ends with, by one of `RULES`."""

    def __init__(self, site: Site, case: Case, rule: str = "own", inside: dict[str, float] = spec.STANDARD) -> None:
        self.case, self.own = case, Coefficients(inside=inside)
        self.profiles = profiles(case)
        self._set(site, elements(case, self.own))
        for _ in range(0 if rule == "standard" else SETTLING):
            surfaces, air = self._temperatures()
            if rule != "walton":
                self.own = fitted(case, self.own, self.drive, self.elements, surfaces, air)
                self._set(site, elements(case, self.own))
            elif "inside" not in case.constant:
                self._set(site, fitted_films(self.elements, surfaces, air))
        if rule in ("law", "natural"):
            self._follow_the_laws(rule == "natural")

    def _temperatures(self) -> tuple[Float, Float]:
        """Return the inside surfaces (t, e) and the air of every step."""
        air = self._run(self.network)[2].astype(np.float64)
        return inside_surfaces(self.network, self.drive, self.profiles["gain"][0], air), air

    def _follow_the_laws(self, natural: bool) -> None:
        """Add two loads for each surface and one for the air, and run until they settle."""
        self.elements = with_loads(self.elements, COLUMNS)
        out, area = outsides(self.case, self.own, tuple(spec.WALL_M2)), np.array([e.area_m2 for e in self.elements])
        self.drive = np.column_stack([self.drive, np.zeros((len(self.drive), 2 * len(area) + 1))])
        self.network = self._built(self.elements)
        self.network.direct[-1] = self.network.solar_in[-1] = 1.0
        for _ in range(LAW_ROUNDS):
            surfaces, air = self._temperatures()
            loads = beyond_constants(self.case, self.elements, out, self.drive, surfaces, self.own.room_k)
            if natural:
                given = beyond_constant_films(self.elements, surfaces, air)
                loads[:, ::2] -= given
                self.drive[:, -1] = given @ area
            self.drive[:, COLUMNS:-1] = loads

    def _set(self, site: Site, parts: list[Element]) -> None:
        self.drive, self.elements = np.repeat(drives(site, self.case, self.own), self.case.steps, axis=0), parts
        self.network = self._built(parts)

    def _built(self, parts: list[Element]) -> Network:
        """Return the network; the kernels' hour becomes a shorter step where capacities are that many times larger."""
        made = build_network(parts, self.drive.shape[1], radiant=0.6, room_k=self.own.room_k)
        return made._replace(capacity_j_k=self.case.steps * made.capacity_j_k)

    def arrays(self, made: Network) -> tuple[Float, ...]:
        """Return zones and network as a batch of one."""
        film = float(sum(e.area_m2 * e.h_inside_w_m2k for e in self.elements))
        values = zone_values(self.case) | {
            "direct_gain_w": made.direct_gain,
            "direct_air_w_k": made.direct_air,
            "surface_film_w_k": film,
            "convective_w": 0.4,
        }
        values["air_capacity_j_k"] *= self.case.steps
        zone = np.array([[values.get(name, 0.0) for name in ZONE_COLUMNS]])
        inner = made.capacity_j_k, made.conductance_w_k, made.air_in_w_k, made.drive_in, made.gain_in
        return zone, made.direct[None], made.solar_in[None], *(a[None] for a in inner)

    def _run(self, made: Network, modes: int | None = None, variant: str = "numba") -> Result:
        shared = self.drive, *self.profiles.values(), np.zeros(1, np.int64)
        batch, warmup = self.arrays(made), WARMUP * self.case.steps
        if modes is None:
            out = get("energy.zone_network", variant)(*shared, *batch, 20.0, OVERHEATING_C, warmup)
        else:
            out = get("energy.zone_modal", variant)(
                *shared, *reduce_networks(*batch, modes=modes), 20.0, OVERHEATING_C, warmup, 1
            )
        return out[0][0], out[1][0], out[2][0], out[3]

    def run(self, modes: int | None = None, variant: str = "numba") -> Result:
        """Return heating, cooling and air temperature, means of hours, float32 (8760,), and the balance (1, 7)."""
        heating, cooling, air, balance = self._run(self.network, modes, variant)
        return *(a.reshape(HOURS, -1).mean(axis=1) for a in (heating, cooling, air)), balance


class Sunspace:
    """Case 960: the light room of case 600 behind a heavy sunspace, a wall of concrete between them."""

    BACK, SUN = Case(windows=()), Case(True, control="none", gains_w=0.0)
    DEPTH_M = 2.0

    def __init__(self, site: Site, rule: str = "own", inside: dict[str, float] = spec.STANDARD) -> None:
        rows = profiles(self.BACK), profiles(self.SUN)
        self.profiles = Profiles(*(np.concatenate(pair) for pair in zip(*(r.values() for r in rows), strict=True)))
        self.fractions = inside_fractions((8.0, self.DEPTH_M, spec.HEIGHT), self.SUN.window_m2)
        # The walls of both zones meet the same drives, so that radiation outside is fitted to the same temperatures.
        self.own = [Coefficients(inside=inside), Coefficients(inside=inside)]
        self._set(site)
        for _ in range(0 if rule == "standard" else SETTLING):
            out = self.run(settled_k=0.05)
            made = assembled(self.zones, [self.wall], COLUMNS)
            air = out.air_c.astype(np.float64)
            if rule in ("own", "law"):
                cases = self.BACK, self.SUN
                self.own = [
                    fitted(case, own, self.drive, e, surfaces, t, len(e) - 1)
                    for case, own, e, surfaces, t in zip(cases, self.own, made, out.surfaces, air, strict=True)
                ]
                self._set(site)
            else:
                parts = [fitted_films(*of_zone) for of_zone in zip(made, out.surfaces, air, strict=True)]
                self.zones = [replace(z, elements=tuple(p[:-1])) for z, p in zip(self.zones, parts, strict=True)]
                films = parts[0][-1].h_inside_w_m2k, parts[1][-1].h_inside_w_m2k
                self.wall = replace(self.wall, films_w_m2k=films)
        if rule == "law":
            self._follow_the_laws()

    def _follow_the_laws(self) -> None:
        """As `Building`; the wall between the zones has one load in each, of what it radiates there."""
        count = [2 * len(zone.elements) + 2 for zone in self.zones]
        first = COLUMNS, COLUMNS + count[0]
        own = [Load(f + c - 2, self.wall.area_m2) for f, c in zip(first, count, strict=True)]
        self.zones = [
            replace(z, elements=tuple(with_loads(z.elements, f))) for z, f in zip(self.zones, first, strict=True)
        ]
        self.wall = replace(self.wall, loads=((own[0],), (*self.wall.loads[1], own[1])))
        self.drive = np.column_stack([self.drive, np.zeros((HOURS, sum(count)))])
        for _ in range(LAW_ROUNDS):
            surfaces = self.run(settled_k=0.05).surfaces
            made = assembled(self.zones, [self.wall], self.drive.shape[1])
            loads = [
                beyond_constants(case, made[z], outsides(case, own, sides), self.drive, surfaces[z], own.room_k)
                for z, (case, own, sides) in enumerate(
                    zip((self.BACK, self.SUN), self.own, ("NEW", "ESW"), strict=True)
                )
            ]
            self.drive[:, COLUMNS:] = np.column_stack(loads)

    def _set(self, site: Site) -> None:
        common, side_m2 = spec.WALL_M2["N"], self.DEPTH_M * spec.HEIGHT
        back_own, sun_own = self.own
        self.drive = drives(site, self.SUN, sun_own)
        back = elements(self.BACK, back_own, {side: spec.WALL_M2[side] for side in "NEW"})
        walls = {"E": side_m2, "S": common, "W": side_m2}
        sun = elements(self.SUN, sun_own, walls, 8.0 * self.DEPTH_M, self.fractions)
        self.zones = [
            Zone(tuple(back), zone_values(self.BACK), 0, 0.6, back_own.room_k),
            Zone(tuple(sun), zone_values(self.SUN, 8.0 * side_m2), 1, 0.6, sun_own.room_k),
        ]
        film = back_own.inside["wall"]
        lit = (Load(LIGHT["S"], self.SUN.window_m2 * self.fractions["N"]),)
        self.wall = Partition(0, 1, common, spec.COMMON_WALL, (film, film), loads=((), lit))

    def run(self, modes: int | None = None, settled_k: float = SETTLED_K) -> CoupledResult:
        """Return both zones, the room first."""
        given = self.zones, [self.wall], self.drive, self.profiles
        return simulate_coupled(*given, modes=modes, settled_k=settled_k, warmup=WARMUP)


def figures_of(heating: NDArray[Any], cooling: NDArray[Any], air: NDArray[Any], free: bool) -> dict[str, float]:
    """Return what the standard asks for: MWh and kW, or °C of a free-floating case."""
    if free:
        return {"Tmax": float(air.max()), "Tmin": float(air.min()), "Tmean": float(air.mean(dtype=np.float64))}
    return {
        "heat": heating.sum(dtype=np.float64) / 1e6,
        "cool": cooling.sum(dtype=np.float64) / 1e6,
        "peak heat": float(heating.max()) / 1e3,
        "peak cool": float(cooling.max()) / 1e3,
    }
