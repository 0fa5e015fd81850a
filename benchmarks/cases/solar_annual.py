"""Hourly irradiation of a year on every cell of a raster city: ours against GRASS r.sun, SEBE and VoxCity.

Ours adds up the beam of every hour of the year with the sun up (`solar.beam_sum`), and the sky by the same sweep over
577 patches with the isotropic light of the Perez sky; circumsolar light goes with the sun. All cells are horizontal, so
that roofs mean the same to everybody. CPU seconds are those of a million cells and a year of hourly suns. Where a peer
would take hours it is run on a part and scaled, which its record says:

- GRASS r.sun (`grass` on the PATH): three days, one hour apart, scaled to 365. Clear sky without sky view factors. The
  hours of sun per cell on its days are compared.
- SEBE (`UMEP_PROCESSING` names a checkout of UMEP-dev/UMEP-processing; its functions run without QGIS): 145 patches,
  the whole city, nothing scaled. Its times hold walls too. The mean beam is compared on a city of 400 x 400 cells; its
  sky light is lower than ours on shaded ground, since it weighs patches by luminance without their cosine.
- VoxCity (package `voxcity`): the direct light of six hours at 1 m, scaled to all hours with the sun up; its diffuse
  light, one sky view factor per cell, is left out, in its favour. The share of lit cells is compared.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from harness import Case, clock, new_record

from cases import solar_annual_peers as peers
from cases.solar_scene import SIDE, beam, heights, patches, year


def annual(surface: np.ndarray) -> Callable[[], np.ndarray]:
    """Return a call that gives the irradiation of every cell over the year in Wh/m2."""
    kernel, hours = beam(surface), year()
    azimuth, altitude, angle = patches()
    sky = angle * hours["isotropic"].sum() / np.pi

    def call() -> np.ndarray:
        return kernel(hours["azimuth"], 90.0 - hours["zenith"], hours["direct"]) + kernel(azimuth, altitude, sky)

    return call


@dataclass(frozen=True)
class Annual:
    """A peer.

    `missing()` says why it cannot run, or nothing. `run(side)` returns CPU and wall seconds of a year of a million
    cells, what was done, and what was compared: its name, our value, theirs and the relative tolerance.
    """

    name: str
    version: Callable[[], str]
    missing: Callable[[], str]
    run: Callable[[int], tuple[float, float, str, tuple[str, float, float, float]]]


def _grass(side: int) -> tuple[float, float, str, tuple[str, float, float, float]]:
    days = (80, 172, 355)
    cpu, wall, hours = peers.run_grass(heights(side), days)
    kernel, mine = beam(heights(side)), 0.0
    for day in days:
        azimuth, altitude = peers.solar_time_suns(day)
        mine += float(kernel(azimuth, altitude, 1.0 / np.sin(np.radians(altitude))).mean(dtype=np.float64))
    scale = 365.0 / len(days) * 1e6 / side**2
    said = f"days {', '.join(map(str, days))} scaled to 365"
    return cpu * scale, wall * scale, said, ("hours of sun", mine, hours, 0.03)


def _sebe(side: int) -> tuple[float, float, str, tuple[str, float, float, float]]:
    hours = year()
    cpu, wall, kwh = clock(peers.prepare_sebe(heights(side), hours))
    total = float(annual(heights(side))().mean(dtype=np.float64)) / 1000.0
    part = heights(min(side, 400))
    of_sun = peers.prepare_sebe(part, hours, sky=False)()
    suns = hours["azimuth"], 90.0 - hours["zenith"], hours["dni"]
    mine = float(beam(part)(*suns).mean(dtype=np.float64)) / 1000.0
    scale = 1e6 / side**2
    said = f"145 patches; with the sky {total:.4g} and {kwh:.4g} kWh/m2"
    return cpu * scale, wall * scale, said, (f"beam of {part.size:,} cells kWh/m2", mine, of_sun, 0.03)


def _voxcity(side: int) -> tuple[float, float, str, tuple[str, float, float, float]]:
    hours = year()
    high = np.flatnonzero(hours["zenith"] < 85.0)
    some = high[np.linspace(0, len(high) - 1, 8).astype(int)[1:-1]]
    azimuth, altitude = hours["azimuth"][some], 90.0 - hours["zenith"][some]
    surface = np.rint(heights(side))
    cpu, wall, lit = clock(peers.prepare_voxcity(surface, azimuth, altitude))
    mine = beam(surface)(azimuth, altitude, 1.0 / np.sin(np.radians(altitude)))
    mine = float(mine.mean(dtype=np.float64)) / len(some)
    scale = len(hours["hour"]) / len(some) * 1e6 / side**2
    said = f"{len(some)} hours scaled to {len(hours['hour'])}, beam only"
    return cpu * scale, wall * scale, said, ("lit share", mine, lit, 0.04)


def _need(found: bool, remedy: str) -> str:
    return "" if found else f"peer missing: {remedy}"


PEERS = (
    Annual(
        "GRASS r.sun",
        peers.grass_version,
        lambda: _need(shutil.which("grass") is not None, "no grass on the PATH"),
        _grass,
    ),
    Annual(
        "SEBE (UMEP)",
        lambda: "",
        lambda: _need("UMEP_PROCESSING" in os.environ, "UMEP_PROCESSING names no checkout"),
        _sebe,
    ),
    Annual(
        "VoxCity",
        lambda: importlib.metadata.version("voxcity"),
        lambda: _need(importlib.util.find_spec("voxcity") is not None, "pip install voxcity"),
        _voxcity,
    ),
)


def measure(case: Case, quick: bool) -> list[dict[str, Any]]:
    """Measure ours before and after each peer."""
    side = 200 if quick else SIDE
    ours = annual(heights(side))
    first, _, _ = clock(ours)
    scale, records = 1e6 / side**2, []
    for peer in PEERS:
        record = new_record(case, side * side) | {"ours_first_call_s": first, "peer": peer.name, "repetitions": 1}
        mine, missing = [clock(ours)[:2]], peer.missing()
        record["agreement"] = missing
        if not missing:
            cpu, wall, said, (what, a, b, tolerance) = peer.run(side)
            mine.append(clock(ours)[:2])
            good = abs(a - b) <= tolerance * abs(b)
            record |= {"peer_version": peer.version(), "note": said, "difference": f"{what} {a:.4g}, {b:.4g}"}
            record["agreement"] = f"{record['difference']}; {said}" if good else "differs"
            if good:
                record |= {"peer_cpu_s": cpu, "peer_wall_s": wall}
        record["ours_cpu_s"], record["ours_wall_s"] = (statistics.mean(t) * scale for t in zip(*mine, strict=True))
        if record["peer_cpu_s"]:
            record["ratio"] = record["peer_cpu_s"] / record["ours_cpu_s"]
        records.append(record)
    return records


CASES = [
    Case(
        name="solar-annual",
        work="irradiation of a year of hours, seconds per million cells",
        size_unit="cells",
        measure=measure,
    )
]
