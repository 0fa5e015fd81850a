"""How GRASS r.sun, SEBE and VoxCity are run on a raster city: files written and kernels compiled outside the clock."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cases.solar_scene import LATITUDE, LONGITUDE

EAST, NORTH, ZONE = 500_000, 5_316_000, "EPSG:32632"  # 48 degrees north, 9 degrees east


def grass_version() -> str:
    """Return the version of GRASS."""
    said = subprocess.run(["grass", "--version"], capture_output=True, text=True, check=True)
    return re.findall(r"GRASS GIS (\S+)", said.stdout + said.stderr)[0]


def run_grass(surface: np.ndarray, days: tuple[int, ...]) -> tuple[float, float, float]:
    """Run r.sun for some days, one hour apart.

    Returns CPU and wall seconds of the r.sun processes alone, and the hours of sun of the mean cell over all days.
    """
    side = len(surface)
    lines = [
        f"r.in.bin -f input=surface.bin output=surface bytes=4 north={NORTH} south={NORTH - side} "
        f"west={EAST} east={EAST + side} rows={side} cols={side} --quiet",
        "g.region raster=surface",
    ]
    for day in days:
        maps = f"insol_time=sun{day} beam_rad=beam{day} diff_rad=diff{day}"
        lines.append(
            f"{sys.executable} clock.py r.sun elevation=surface aspect_value=0 slope_value=0 day={day} step=1 "
            f"{maps} nprocs=1 --quiet"
        )
        lines.append(f"r.univar -g sun{day}")
    clock = (
        "import resource, subprocess, sys, time\nwall = time.perf_counter()\nsubprocess.run(sys.argv[1:], check=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print('cpu', used.ru_utime + used.ru_stime, 'wall', time.perf_counter() - wall)\n"
    )
    with tempfile.TemporaryDirectory(prefix="r-sun-") as folder:
        where = Path(folder)
        surface.astype(np.float32).tofile(where / "surface.bin")
        (where / "clock.py").write_text(clock)
        (where / "run.sh").write_text("set -e\n" + "\n".join(lines) + "\n")
        command = ["grass", "--tmp-location", ZONE, "--exec", "bash", "run.sh"]
        said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    times = np.array(re.findall(r"^cpu (\S+) wall (\S+)$", said, re.MULTILINE), float)
    means = [float(m) for m in re.findall(r"^mean=(\S+)$", said, re.MULTILINE)]
    return float(times[:, 0].sum()), float(times[:, 1].sum()), sum(means)


def solar_time_suns(day: int) -> tuple[np.ndarray, np.ndarray]:
    """Return azimuth and altitude at the half hours of solar time, by r.sun's own declination, while the sun is up."""
    angle = 2.0 * np.pi * day / 365.25
    declination = np.arcsin(0.3978 * np.sin(angle - 1.4 + 0.0355 * np.sin(angle - 0.0489)))
    hour, latitude = np.radians(15.0 * (np.arange(24) + 0.5 - 12.0)), np.radians(LATITUDE)
    up = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour)
    east = -np.cos(declination) * np.sin(hour)
    north = np.cos(latitude) * np.sin(declination) - np.sin(latitude) * np.cos(declination) * np.cos(hour)
    day_time = up > 0.0
    azimuth = np.degrees(np.arctan2(east, north))[day_time] % 360.0
    return azimuth, np.degrees(np.arcsin(up[day_time]))


class _Silent:
    """What SEBE reports its progress to."""

    def setProgress(self, share: int) -> None:  # noqa: N802
        """Take no notice."""

    def isCanceled(self) -> bool:  # noqa: N802
        """Go on."""
        return False


def prepare_sebe(surface: np.ndarray, hours: dict[str, np.ndarray], sky: bool = True) -> Callable[[], float]:
    """Return a call of SEBE without vegetation and albedo, with sun and sky or the sun alone.

    It answers the mean irradiation of the cells in kWh/m2.

    Its packages are opened without their ``__init__``, which wants QGIS. The sky vault is made outside the clock.
    """
    root = Path(os.environ["UMEP_PROCESSING"])
    for name in ("", ".util", ".functions", ".util.SEBESOLWEIGCommonFiles", ".functions.SEBEfiles"):
        package = types.ModuleType(f"umep_processing{name}")
        package.__path__ = [str(root.joinpath(*name.split(".")))]
        sys.modules[package.__name__] = package
    from umep_processing.functions.SEBEfiles.SEBE_2015a_calc_forprocessing import SEBE_2015a_calc
    from umep_processing.functions.SEBEfiles.sunmapcreator_2015a import sunmapcreator_2015a

    count = len(hours["hour"])
    weather = np.zeros((count, 24))
    weather[:, 14], weather[:, 21], weather[:, 22] = hours["ghi"], hours["dhi"], hours["dni"]
    day = (hours["hour"] // 24 + 1.0)[None]
    place = {"longitude": LONGITUDE, "latitude": LATITUDE, "altitude": 0.0}
    only = {"energymonth": 0, "energyyear": 1, "suitmap": 0}
    zenith, azimuth = hours["zenith"][None], hours["azimuth"][None]
    with np.errstate(all="ignore"):
        vault = sunmapcreator_2015a(weather, 90.0 - zenith, azimuth, False, only, day, 0.0, place, np.radians(zenith))
    vault[1][:, 2] *= sky
    height, facing = _walls(surface)
    flat = np.zeros(surface.shape)
    size, dsm = len(surface), surface.astype(np.float64)

    def call() -> float:
        answer = SEBE_2015a_calc(
            dsm,
            1.0,
            flat,
            flat,
            1.0,
            size,
            size,
            0.0,
            0.0,
            height,
            facing,
            0.0,
            1.0,
            *vault,
            0,
            _Silent(),
            height.max(),
        )
        return float(answer["Energyyearroof"].mean())

    return call


def _walls(surface: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the height and the outward direction of the walls that stand beside each cell, as SEBE's walls are."""
    padded = np.pad(surface.astype(np.float64), 1, mode="edge")
    around = np.stack([padded[2:, 1:-1], padded[1:-1, :-2], padded[:-2, 1:-1], padded[1:-1, 2:]])  # S, W, N, E of it
    height = around.max(axis=0) - surface
    height[(height < 3.0)] = 0.0
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        height[edge] = 0.0
    return height, np.array([0.0, 90.0, 180.0, 270.0])[around.argmax(axis=0)]


def prepare_voxcity(surface: np.ndarray, azimuth: np.ndarray, altitude: np.ndarray) -> Callable[[], float]:
    """Return a call of VoxCity's map of direct light, once per sun: the mean lit share of the cells."""
    from voxcity.simulator.solar.kernels import compute_direct_solar_irradiance_map_binary as trace

    levels = int(surface.max()) + 3
    top = surface.astype(int)[..., None]
    level = np.arange(levels)
    voxels = np.where(level == 0, 1, np.where(level <= top, -3, 0)).astype(np.int8)  # ground, buildings, air
    turn, up = np.radians(azimuth), np.radians(altitude)
    # The first axis of the raster goes south, the second east.
    suns = np.stack([-np.cos(up) * np.cos(turn), np.cos(up) * np.sin(turn), np.sin(up)], axis=1)
    settings = (0.0, (0,), 1.0, 0.6, 1.0, False, True)
    trace(voxels[:9, :9].copy(), tuple(suns[0]), *settings)  # compiles

    def call() -> float:
        return float(np.mean([np.nanmean(trace(voxels, tuple(sun), *settings)) for sun in suns]))

    return call
