"""Light on, through and behind the windows of the ASHRAE 140 cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import twin.kernels.solar  # noqa: F401
from tests.validation.energy.bestest_cases import AZIMUTH, Case
from twin.city.epw import read_epw
from twin.energy.glazing import absorptance
from twin.kernels.registry import get
from twin.kernels.solar.light import Light, light_of_year
from twin.kernels.solar.window import Window, lit_share, transmittance, views

Float = NDArray[np.float64]
HOURS = 8760
# Two clear panes: what passes by angle of incidence; what inner and outer absorb at 0°; all three of light from
# everywhere.
TRANSMITTED = {0.0: 0.703, 40.0: 0.678, 50.0: 0.646, 60.0: 0.577, 70.0: 0.438, 80.0: 0.208}
ABSORBED = (0.072, 0.096)
HEMISPHERIC = (0.601, 0.073, 0.110)
# Case 660 at 0°: transmittance, reflectance of front and back of the outer, coated pane and of the inner one.
COATED, CLEAR = (0.452, 0.359, 0.397), (0.834, 0.075, 0.075)
# By angle, as shares of those at 0°, in powers of its cosine: transmittance, and reflectance on the way to 1 plus
# transmittance. E. U. Finlayson et al., "WINDOW 4.0: Documentation of Calculation Procedures", LBL-33943 (1993), as in
# the Engineering Reference of EnergyPlus: bronze glass stands for coated panes below 0.645, clear glass for the others.
ANGULAR = {
    "clear": ((-0.0015, 3.355, -3.840, 1.460, 0.0288), (0.999, -0.563, 2.043, -2.532, 1.054)),
    "bronze": ((-0.002, 2.813, -2.341, -0.05725, 0.599), (0.997, -1.868, 6.513, -7.862, 3.225)),
}


@dataclass
class Site:
    """Denver: the weather file, its light, and the infrared of the sky."""

    temperature_c: Float
    light: Light
    infrared: Float
    glass: dict[tuple[object, ...], tuple[Float, Float, Float]] = field(default_factory=dict)
    planes: dict[str, Float] = field(default_factory=dict)

    def irradiance(self) -> dict[str, Float]:
        """Return the light on the walls and on the roof, W/m²."""
        if not self.planes:
            tilt, azimuth = np.array([90.0] * 4 + [0.0]), np.array([*AZIMUTH.values(), 180.0])
            ones, ground = np.ones(5, np.float32), (0.5 * (1.0 - np.cos(np.radians(tilt)))).astype(np.float32)
            rest = np.zeros(HOURS), np.empty(0, np.float32)
            found = get("solar.plane_irradiance", "numba")(
                tilt, azimuth, np.empty((0, 0), np.uint8), ones, ones, ground, 0.0 * ones, *self.light, *rest
            )[0]
            self.planes = dict(zip((*AZIMUTH, "roof"), found.astype(np.float64), strict=True))
        return self.planes


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
    key = (case.overhang, case.fins, case.glass, side)
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
        for angular, all_round in zip(optics(cosine, case.glass), hemispheric(case.glass), strict=True)
    )
    return through, inner, outer


def optics(cosine: Float, glass: str) -> tuple[Float, Float, Float]:
    """Return the shares of beam that pass, and that the inner and the outer pane absorb.

    Of two clear panes those of the standard: Fresnel's, times its table over Fresnel's between the angles of the table.
    """
    if glass == "low-e":
        return _coated(cosine)
    panes = {"single": 1, "double": 2}[glass]
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


def _coated(cosine: Float) -> tuple[Float, Float, Float]:
    """Two panes whose properties at 0° are given, all reflections between them counted."""

    def pane(normal: tuple[float, float, float], curve: str) -> tuple[Float, Float, Float]:
        through, back = (np.polynomial.polynomial.polyval(cosine, c) for c in ANGULAR[curve])
        rest = back - through
        return normal[0] * through, normal[1] * (1.0 - rest) + rest, normal[2] * (1.0 - rest) + rest

    (t1, front1, back1), (t2, front2, _) = pane(COATED, "bronze"), pane(CLEAR, "clear")
    arriving = t1 / (1.0 - back1 * front2)
    shares = (
        arriving * t2,
        arriving * (1.0 - t2 - front2),
        (1.0 - t1 - front1) + arriving * front2 * (1.0 - t1 - back1),
    )
    through, inner, outer = (np.where(cosine > 0.0, np.clip(share, 0.0, 1.0), 0.0) for share in shares)
    return through, inner, outer


@cache
def hemispheric(glass: str) -> tuple[float, float, float]:
    """Return the shares of light from everywhere; of two clear panes the standard's."""
    if glass == "double":
        return HEMISPHERIC
    through, inner, outer = optics(np.sqrt((np.arange(2000) + 0.5) / 2000), glass)
    return float(through.mean()), float(inner.mean()), float(outer.mean())


def inside_fractions(
    size: tuple[float, float, float], glass_m2: float, absorbed: float = 0.6, *, rays: int = 20000
) -> dict[str, float]:
    """Return where the light behind a window in the south is absorbed in a box, by following rays with equal weights.

    As the specification computes its own table: all light falls on the floor first and leaves every surface evenly in
    all directions (Lambert's law); what returns to the glass leaves through it, less its reflectance of diffuse light
    from inside.

    Parameters
    ----------
    size : width along the south, depth, height, m
    glass_m2 : float
        Of the south wall, anywhere in it.
    absorbed : float
        Absorptance of the surfaces.
    """
    rng = np.random.default_rng(140)
    reach = np.array(size)
    glass_share, mirrored = glass_m2 / (size[0] * size[2]), 0.16
    names = ("W", "E", "S", "N", "floor", "roof")  # at 0 and at the end of x, y and z
    found = dict.fromkeys((*names, "lost"), 0.0)
    at, axis, end = rng.uniform(0.0, 1.0, (rays, 3)) * reach, np.full(rays, 2), np.zeros(rays, int)
    weight = np.full(rays, 1.0 / rays)
    for _ in range(60):
        for k, name in enumerate(names):
            here = (axis == k // 2) & (end == k % 2)
            share = glass_share if name == "S" else 0.0
            found[name] += float(weight[here].sum()) * (1.0 - share) * absorbed
            found["lost"] += float(weight[here].sum()) * share * (1.0 - mirrored)
            weight = np.where(here, weight * ((1.0 - share) * (1.0 - absorbed) + share * mirrored), weight)
        # Into the room by Lambert's law.
        turn, sine = rng.uniform(0.0, 2.0 * np.pi, rays), np.sqrt(rng.uniform(0.0, 1.0, rays))
        local = np.column_stack([sine * np.cos(turn), sine * np.sin(turn), np.sqrt(1.0 - sine**2)])
        row = np.arange(rays)
        heading = np.empty((rays, 3))
        for k in (1, 2, 3):
            heading[row, (axis + k) % 3] = local[:, k - 1] * (np.where(end == 0, 1.0, -1.0) if k == 3 else 1.0)
        at[row, axis] = np.where(end == 0, 0.0, reach[axis])
        with np.errstate(divide="ignore"):
            distance = np.where(heading > 0.0, (reach - at) / heading, np.where(heading < 0.0, -at / heading, np.inf))
        distance[row, axis] = reach[axis] / np.abs(local[:, 2])
        axis = np.argmin(distance, axis=1)
        at = np.clip(at + distance[row, axis][:, None] * heading, 0.0, reach)
        end = (heading[row, axis] > 0.0).astype(int)
    return found
