"""Sun position and Perez transposition against pvlib."""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import Case, Job, Peer

LATITUDE, LONGITUDE, ELEVATION = 60.17, 24.94, 20.0
PRESSURE_PA, TEMPERATURE_C, DELTA_T_S, REFRACTION_DEG = 101325.0, 10.0, 69.0, 0.5667
STEP_S = 900.0
START = 1_609_459_200.0


def _unix(size: int) -> np.ndarray:
    return START + STEP_S * np.arange(size, dtype=np.float64)


def _position(size: int) -> Job:
    from twin.kernels import solar  # noqa: F401
    from twin.kernels.registry import get

    kernel, times = get("solar.position", "numba"), _unix(size)
    site = (LATITUDE, LONGITUDE, ELEVATION, PRESSURE_PA, TEMPERATURE_C, DELTA_T_S, REFRACTION_DEG)
    return lambda: kernel(times, *site)


def _pvlib_position(size: int) -> Job:
    from pvlib import spa

    times = _unix(size)
    site = (LATITUDE, LONGITUDE, ELEVATION, PRESSURE_PA / 100, TEMPERATURE_C, DELTA_T_S, REFRACTION_DEG)
    return lambda: spa.solar_position_numpy(times, *site, numthreads=1)


def _position_agreement(ours: Any, theirs: Any) -> tuple[str, bool]:
    zenith = float(np.abs(ours[0] - theirs[0]).max())
    turn = np.abs((ours[1] - theirs[4] + 180.0) % 360.0 - 180.0)
    worst = max(zenith, float((turn * np.sin(np.radians(ours[0]))).max()))
    return f"max {worst:.1e} deg", worst < 1e-4


def _sky(size: int) -> dict[str, Any]:
    """Return a year of clear-sky-like weather and `size` planes."""
    from twin.kernels.solar.position import extraterrestrial_of_year, sun_of_year

    zenith, azimuth = sun_of_year(LATITUDE, LONGITUDE, 2.0)
    rng = np.random.default_rng(0)
    up = np.maximum(np.cos(np.radians(zenith)), 0.0)
    extra = extraterrestrial_of_year()
    dni = np.where(up > 0.02, extra * rng.uniform(0.1, 0.7, 8760), 0.0)
    dhi = extra * up * rng.uniform(0.1, 0.3, 8760)
    sky = {"zenith": zenith, "azimuth": azimuth, "extra": extra, "dni": dni, "dhi": dhi, "ghi": dhi + dni * up}
    return sky | {"tilt": rng.uniform(0.0, 90.0, size), "plane_azimuth": rng.uniform(0.0, 360.0, size)}


def _perez(size: int) -> Job:
    from twin.kernels import solar  # noqa: F401
    from twin.kernels.registry import get

    s = _sky(size)
    sky, planes = get("solar.sky", "numba"), get("solar.transposition", "numba")

    def job() -> np.ndarray:
        direct, isotropic, horizon, ground = sky(s["dni"], s["dhi"], s["ghi"], s["zenith"], s["extra"], 0.2)
        beam = s["dni"]
        parts = planes(
            s["tilt"], s["plane_azimuth"], s["zenith"], s["azimuth"], beam, direct, isotropic, horizon, ground
        )
        return np.add(parts[0], parts[1]) + parts[2] + parts[3]

    return job


def _pvlib_perez(size: int) -> Job:
    from pvlib import atmosphere, irradiance

    s = _sky(size)

    def job() -> np.ndarray:
        airmass = atmosphere.get_relative_airmass(s["zenith"])
        out = np.empty((size, 8760))
        for i in range(size):
            total = irradiance.get_total_irradiance(
                s["tilt"][i], s["plane_azimuth"][i], s["zenith"], s["azimuth"], s["dni"], s["ghi"], s["dhi"],
                dni_extra=s["extra"], airmass=airmass, albedo=0.2, model="perez",
            )  # fmt: skip
            out[i] = np.nan_to_num(total["poa_global"])
        return out

    return job


def _perez_agreement(ours: Any, theirs: Any) -> tuple[str, bool]:
    worst = float(np.abs(ours - theirs).max())
    return f"max {worst:.1e} W/m2", worst < 1e-3


CASES = [
    Case(
        name="solar-position",
        work="apparent zenith and azimuth by SPA",
        size_unit="instants",
        sizes=(8_760, 35_040, 350_400),
        quick_sizes=(8_760,),
        prepare=_position,
        peers=(Peer("pvlib SPA (NumPy)", "pvlib", "bench", _pvlib_position, _position_agreement),),
    ),
    Case(
        name="solar-perez",
        work="hourly plane-of-array irradiance of a year, Perez sky",
        size_unit="planes",
        sizes=(1, 10, 100),
        quick_sizes=(1, 10),
        prepare=_perez,
        peers=(Peer("pvlib", "pvlib", "bench", _pvlib_perez, _perez_agreement),),
    ),
]
