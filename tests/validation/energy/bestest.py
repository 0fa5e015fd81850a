"""ASHRAE 140-2020 thermal fabric cases (section 5.2), written from the specification: buildings, drives, profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import twin.kernels.energy
import twin.kernels.solar  # noqa: F401
from twin.city.epw import read_epw
from twin.energy.constructions import Element, Layer, Load, Network, build_network
from twin.energy.films import settled_films
from twin.energy.glazing import absorptance
from twin.kernels.energy.modal import reduce_networks
from twin.kernels.registry import get
from twin.kernels.solar.light import Light, light_of_year
from twin.kernels.solar.window import Window, lit_share, transmittance, views

Float = NDArray[np.float64]
SIGMA = 5.670374419e-8
HOURS = 8760
WARMUP = 1344
HEIGHT, VOLUME = 2.7, 129.6
AIR = 1.0156 * 1015.0  # J/m³K at 1650 m
FAN_M3_H = 1700.0
ABSORPTANCE, EMITTANCE, GLASS_EMITTANCE = 0.6, 0.9, 0.84
AZIMUTH = {"N": 0.0, "E": 90.0, "S": 180.0, "W": 270.0}
WALL_M2 = {"N": 21.6, "E": 16.2, "S": 21.6, "W": 16.2}
FLOOR_M2 = 48.0
# Outside convection (W/m²K) of the standard's constant coefficients.
OUTSIDE = {"wall": 11.9, "roof": 14.4, "floor": 0.8, "window": 8.0}
# Inside: the standard's constants.
STANDARD = {"wall": 2.2, "roof": 1.8, "floor": 2.2, "window": 2.4}
OPAQUE_RADIATION = 4.0 * EMITTANCE * SIGMA * 283.15**3
GLASS_RADIATION = 4.0 * GLASS_EMITTANCE * SIGMA * 283.15**3

PLASTERBOARD, SIDING = (0.16, 950.0, 840.0), Layer(0.009, 0.14, 530.0, 900.0)
LIGHT_WALL = (Layer(0.012, *PLASTERBOARD), Layer(0.066, 0.04, 12.0, 840.0), SIDING)
HEAVY_WALL = (Layer(0.100, 0.51, 1400.0, 1000.0), Layer(0.0615, 0.04, 10.0, 1400.0), SIDING)
ROOF_DECK = Layer(0.019, 0.14, 530.0, 900.0)
ROOF = (Layer(0.010, *PLASTERBOARD), Layer(0.1118, 0.04, 12.0, 840.0), ROOF_DECK)
LIGHT_FLOOR = (Layer(0.025, 0.14, 650.0, 1200.0), Layer(1.003, 0.04))
HEAVY_FLOOR = (Layer(0.080, 1.13, 1400.0, 1000.0), Layer(1.007, 0.04))
INSULATED_ROOF = (ROOF[0], Layer(0.400, 0.04, 12.0, 840.0), ROOF_DECK)
PANE, GAP = Layer(0.003048, 1.0, 2500.0, 750.0), Layer(0.012, 0.012 * 5.208)
# Two panes: what passes by angle of incidence; what inner and outer absorb at 0°; all three of light from everywhere.
TRANSMITTED = {0.0: 0.703, 40.0: 0.678, 50.0: 0.646, 60.0: 0.577, 70.0: 0.438, 80.0: 0.208}
ABSORBED = (0.072, 0.096)
HEMISPHERIC = (0.601, 0.073, 0.110)
# Where the light that passes the windows is absorbed; the rest leaves through the windows.
FRACTIONS = {"floor": 0.642, "roof": 0.167, "E": 0.038, "W": 0.038, "N": 0.053, "S": 0.027}
FRACTIONS_EAST_WEST = {"floor": 0.642, "roof": 0.167, "E": 0.025, "W": 0.025, "N": 0.053, "S": 0.053}
# Drives: outdoor air, then what the outsides meet, then the light of the windows.
SOL_AIR = {"N": 1, "E": 2, "S": 3, "W": 4, "roof": 5}
WINDOW_AIR = {"E": 6, "S": 7, "W": 8}
LIGHT = {"E": 9, "S": 12, "W": 15}  # transmitted, absorbed by the inner pane, by the outer pane
COLUMNS = 18


@dataclass(frozen=True)
class Case:
    """One case: what differs from case 600."""

    heavy: bool = False
    windows: tuple[str, ...] = ("S",)
    overhang: bool = False
    fins: bool = False
    panes: int = 2
    insulated: bool = False
    control: str = "deadband"  # deadband, setback, night, tight or none
    fan: bool = False


CASES: dict[str, Case] = {}
for _mass, _heavy in (("6", False), ("9", True)):
    _east_west: dict[str, Any] = {"heavy": _heavy, "windows": ("E", "W")}
    CASES |= {
        f"{_mass}00": Case(_heavy),
        f"{_mass}10": Case(_heavy, overhang=True),
        f"{_mass}20": Case(**_east_west),
        f"{_mass}30": Case(**_east_west, overhang=True, fins=True),
        f"{_mass}40": Case(_heavy, control="setback"),
        f"{_mass}50": Case(_heavy, control="night", fan=True),
        f"{_mass}80": Case(_heavy, insulated=True),
        f"{_mass}85": Case(_heavy, control="tight"),
        f"{_mass}95": Case(_heavy, insulated=True, control="tight"),
        f"{_mass}00FF": Case(_heavy, control="none"),
        f"{_mass}50FF": Case(_heavy, control="none", fan=True),
        f"{_mass}80FF": Case(_heavy, insulated=True, control="none"),
    }
CASES["670"] = Case(panes=1)


@dataclass
class Site:
    """Denver: the weather file, its light, and the infrared of the sky."""

    temperature_c: Float
    light: Light
    infrared: Float
    glass: dict[tuple[Any, ...], tuple[Float, Float, Float]] = field(default_factory=dict)


def read_site(epw: Path) -> Site:
    """Return the drives of the weather file; its temperatures are those at the end of each hour."""
    weather = read_epw(epw)
    site = (weather.latitude, weather.longitude, weather.utc_offset_h, weather.elevation_m)
    parts = (weather.dni_w_m2, weather.dhi_w_m2, weather.ghi_w_m2)
    light = light_of_year(site, *parts, 0.2, temperature_c=float(weather.temperature_c.mean()), steps=2).hourly()
    infrared = np.array([float(line.split(",")[12]) for line in epw.read_text().splitlines()[8:]])
    return Site(_of_hour(weather.temperature_c), light, _of_hour(infrared))


def _of_hour(at_end: Float) -> Float:
    return np.asarray(0.5 * (at_end + np.roll(at_end, 1)))


def light_of_windows(site: Site, case: Case, side: str) -> tuple[Float, Float, Float]:
    """Return W/m² passing the window, absorbed by its inner and by its outer pane."""
    key = (case.overhang, case.fins, case.panes, side)
    if key not in site.glass:
        site.glass[key] = _light_of_windows(site, case, side)
    return site.glass[key]


def _light_of_windows(site: Site, case: Case, side: str) -> tuple[Float, Float, Float]:
    light = site.light
    devices = [Window(3.0, 2.0)]
    if case.fins:
        devices = [Window(3.0, 2.0, overhang_depth=1.0, overhang_gap=0.5, fin_depth=1.0)]
    elif case.overhang:
        devices = [
            Window(3.0, 2.0, overhang_depth=1.0, overhang_gap=0.5, overhang_left=left, overhang_right=5.0 - left)
            for left in (0.5, 4.5)
        ]
    turn, zenith = light.azimuth_deg - AZIMUTH[side], np.radians(light.zenith_deg)
    cosine = np.maximum(np.sin(zenith) * np.cos(np.radians(turn)), 0.0)
    beam, diffuse = np.zeros(HOURS), np.zeros(HOURS)
    for window in devices:
        seen = views(window)
        beam += light.direct * cosine * lit_share(window, 90.0 - light.zenith_deg, turn) / len(devices)
        sky = 0.5 * light.isotropic * seen.sky + light.band * seen.band + 0.5 * light.ground * seen.ground
        diffuse += np.maximum(sky, 0.0) / len(devices)
    through, inner, outer = (
        beam * angular + diffuse * all_round
        for angular, all_round in zip(optics(cosine, case.panes), hemispheric(case.panes), strict=True)
    )
    return through, inner, outer


def optics(cosine: Float, panes: int) -> tuple[Float, Float, Float]:
    """Return the shares of beam that pass, and that the inner and the outer pane absorb.

    Of two panes those of the standard: Fresnel's, times its table over Fresnel's between the angles of the table.
    """
    shares = transmittance(cosine, panes), *absorptance(cosine, panes)
    if panes == 1:
        return shares
    degrees = np.degrees(np.arccos(np.clip(cosine, 0.0, 1.0)))
    at = np.cos(np.radians(np.array(list(TRANSMITTED))))
    ratio = np.array(list(TRANSMITTED.values())) / transmittance(at, 2)
    through = shares[0] * np.interp(degrees, list(TRANSMITTED), ratio)
    scale = [
        standard / float(fresnel[0]) for standard, fresnel in zip(ABSORBED, absorptance(np.ones(1), 2), strict=True)
    ]
    return through, shares[1] * scale[0], shares[2] * scale[1]


def hemispheric(panes: int) -> tuple[float, float, float]:
    """Return the shares of light from everywhere; of two panes the standard's."""
    if panes == 2:
        return HEMISPHERIC
    through, inner, outer = optics(np.sqrt((np.arange(2000) + 0.5) / 2000), panes)
    return float(through.mean()), float(inner.mean()), float(outer.mean())


def drives(site: Site, case: Case) -> Float:
    """Return the drives, float64 (8760, `COLUMNS`)."""
    table = np.zeros((HOURS, COLUMNS))
    table[:, 0] = site.temperature_c
    tilt, azimuth = np.array([90.0] * 4 + [0.0]), np.array([*AZIMUTH.values(), 180.0])
    ones = np.ones(5, np.float32)
    own = (ones, ones, (0.5 * (1.0 - np.cos(np.radians(tilt)))).astype(np.float32), 0.0 * ones)
    rest = np.zeros(HOURS), np.empty(0, np.float32)
    irradiance = get("solar.plane_irradiance", "numba")(
        tilt, azimuth, np.empty((0, 0), np.uint8), *own, *site.light, *rest
    )[0].astype(np.float64)
    # Sky and air above the horizon as in Walton (1983), section 4.3.
    missing = SIGMA * (site.temperature_c + 273.15) ** 4 - site.infrared
    for at, (name, column) in enumerate(SOL_AIR.items()):
        sky = 1.0 if name == "roof" else 0.5 * np.sqrt(0.5)
        film = OUTSIDE["roof" if name == "roof" else "wall"] + OPAQUE_RADIATION
        gained = ABSORPTANCE * irradiance[at] - EMITTANCE * sky * missing
        table[:, column] = site.temperature_c + gained / film
    for side, column in WINDOW_AIR.items():
        film = OUTSIDE["window"] + GLASS_RADIATION
        table[:, column] = site.temperature_c - GLASS_EMITTANCE * 0.5 * np.sqrt(0.5) * missing / film
        if side in case.windows:
            table[:, LIGHT[side] : LIGHT[side] + 3] = np.transpose(light_of_windows(site, case, side))
    return table


def elements(case: Case, inside: dict[str, float]) -> list[Element]:
    """Return the building; `inside` are convective films by kind of surface."""
    glass = 12.0 / len(case.windows)
    fractions = FRACTIONS if case.windows == ("S",) else FRACTIONS_EAST_WEST
    wall = HEAVY_WALL if case.heavy else LIGHT_WALL
    if case.insulated:
        wall = (wall[0], Layer(0.25, 0.04, 10.0, 1400.0), SIDING)

    def sun(name: str) -> tuple[Load, ...]:
        return tuple(Load(LIGHT[side], glass * fractions[name]) for side in case.windows)

    found = []
    for side, area in WALL_M2.items():
        opaque = area - (glass if side in case.windows else 0.0)
        outside = OUTSIDE["wall"] + OPAQUE_RADIATION
        found.append(Element(opaque, wall, inside["wall"], outside, SOL_AIR[side], EMITTANCE, sun(side)))
    roof = INSULATED_ROOF if case.insulated else ROOF
    outside = OUTSIDE["roof"] + OPAQUE_RADIATION
    found.append(Element(FLOOR_M2, roof, inside["roof"], outside, SOL_AIR["roof"], EMITTANCE, sun("roof"), 180.0))
    floor, outside = HEAVY_FLOOR if case.heavy else LIGHT_FLOOR, OUTSIDE["floor"] + OPAQUE_RADIATION
    found.append(Element(FLOOR_M2, floor, inside["floor"], outside, 0, EMITTANCE, sun("floor"), 0.0))
    for side in case.windows:
        loads = (Load(LIGHT[side] + 1, glass), Load(LIGHT[side] + 2, glass, inside=False))
        panes = (PANE, GAP, PANE) if case.panes == 2 else (PANE,)
        outside = OUTSIDE["window"] + GLASS_RADIATION
        column = WINDOW_AIR[side]
        found.append(Element(glass, panes, inside["window"], outside, column, GLASS_EMITTANCE, loads))
    return found


def profiles(case: Case) -> dict[str, Float]:
    """Return the set-points, gains and fan of a case, float64 (1, 8760) each."""
    hour = np.arange(HOURS) % 24
    low, high = np.full(HOURS, 20.0), np.full(HOURS, 27.0)
    if case.control == "setback":
        low = np.where((hour >= 23) | (hour < 7), 10.0, np.where(hour == 7, 15.0, 20.0))
    if case.control == "night":
        low, high = np.full(HOURS, -100.0), np.where((hour >= 7) & (hour < 18), 27.0, 200.0)
    if case.control == "tight":
        high = np.full(HOURS, 20.0)
    if case.control == "none":
        low, high = np.full(HOURS, -100.0), np.full(HOURS, 200.0)
    night = np.where((hour >= 18) | (hour < 7), 1.0, 0.0) if case.fan else np.zeros(HOURS)
    rows = {"heat_set_c": low, "cool_set_c": high, "gain": np.full(HOURS, 200.0), "air_flow": night}
    return {name: row[None] for name, row in rows.items()}


Result = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], Float]


class Building:
    """A case with its drives, its network, and the films it ends with.

    rule: ``"standard"``, the constant coefficients of the standard, or ``"walton"``, natural convection at the
    temperatures of the case itself (`twin.energy.films`).
    """

    def __init__(self, site: Site, case: Case, rule: str = "walton") -> None:
        self.case, self.drive = case, drives(site, case)
        self.profiles = profiles(case)
        self.elements = elements(case, STANDARD)
        if rule == "walton":
            self.elements = settled_films(
                self.elements, self._build, lambda made: self._run(made)[2], self.drive, self.profiles["gain"][0]
            )
        self.network = self._build(self.elements)

    @staticmethod
    def _build(parts: Sequence[Element]) -> Network:
        return build_network(parts, COLUMNS, radiant=0.6)

    def arrays(self, made: Network) -> tuple[Float, ...]:
        """Return zones and network as a batch of one."""
        leak, fan = 0.5 * VOLUME * AIR / 3600.0, FAN_M3_H * AIR / 3600.0
        zone = [leak, fan, VOLUME * AIR, 1.0, made.direct_gain, made.direct_air, 1e6, 1e6]
        inner = made.capacity_j_k, made.conductance_w_k, made.air_in_w_k, made.drive_in, made.gain_in
        return np.array([zone]), made.direct[None], made.solar_in[None], *(a[None] for a in inner)

    def _run(self, made: Network, modes: int | None = None, variant: str = "numba") -> Result:
        shared = self.drive, *self.profiles.values(), np.zeros(1, np.int64)
        batch = self.arrays(made)
        if modes is None:
            out = get("energy.zone_network", variant)(*shared, *batch, 20.0, WARMUP)
        else:
            out = get("energy.zone_modal", variant)(*shared, *reduce_networks(*batch, modes=modes), 20.0, WARMUP, 1)
        return out[0][0], out[1][0], out[2][0], out[3]

    def run(self, modes: int | None = None, variant: str = "numba") -> Result:
        """Return heating, cooling and air temperature, each float32 (8760,), and the balance (1, 7)."""
        return self._run(self.network, modes, variant)


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
