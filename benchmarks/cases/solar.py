"""Sun position and Perez transposition against pvlib.

Of pvlib's sun positions the faster one (Numba, one thread) is compared. Its Perez sky is called plane by plane, as most
do, and once for all planes and hours, which is faster. Ours computes the sky once per hour, and of all planes the
series or only their sums. Compare with ``NUMBA_NUM_THREADS=1``: pvlib runs on one thread.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from harness import Case, Job, Peer, run_case

LATITUDE, LONGITUDE, ELEVATION = 60.17, 24.94, 20.0
PRESSURE_PA, TEMPERATURE_C, DELTA_T_S, REFRACTION_DEG = 101325.0, 10.0, 69.0, 0.5667
START = 1_609_459_200.0


def _unix(size: int) -> np.ndarray:
    """Return the hours of a year, or quarters of hours where more are asked for."""
    return START + (3600.0 if size <= 8760 else 900.0) * np.arange(size, dtype=np.float64)


def _position(size: int) -> Job:
    from twin.kernels import solar  # noqa: F401
    from twin.kernels.registry import get

    kernel, times = get("solar.position", "numba"), _unix(size)
    site = (LATITUDE, LONGITUDE, ELEVATION, PRESSURE_PA, TEMPERATURE_C, DELTA_T_S, REFRACTION_DEG)
    return lambda: kernel(times, *site)


def _pvlib_position(size: int) -> Job:
    os.environ["PVLIB_USE_NUMBA"] = "1"  # read once, when the module is loaded
    from pvlib import spa

    times = _unix(size)
    site = (LATITUDE, LONGITUDE, ELEVATION, PRESSURE_PA / 100, TEMPERATURE_C, DELTA_T_S, REFRACTION_DEG)
    spa.solar_position_numba(times[:10], *site, numthreads=1)  # compiles
    return lambda: spa.solar_position_numba(times, *site, numthreads=1)


def _position_agreement(ours: Any, theirs: Any) -> tuple[str, bool]:
    zenith = float(np.abs(ours[0] - theirs[0]).max())
    turn = np.abs((ours[1] - theirs[4] + 180.0) % 360.0 - 180.0)
    worst = max(zenith, float((turn * np.sin(np.radians(ours[0]))).max()))
    return f"max {worst:.1e} deg", worst < 1e-6


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


def _perez(size: int, family: str = "solar.plane_irradiance") -> Job:
    from twin.kernels import solar  # noqa: F401
    from twin.kernels.registry import get

    s = _sky(size)
    sky, planes = get("solar.sky", "numba"), get(family, "numba")
    one, none = np.ones(size, np.float32), np.zeros(size, np.float32)
    below = (0.5 * (1.0 - np.cos(np.radians(s["tilt"])))).astype(np.float32)
    seen = s["tilt"], s["plane_azimuth"], np.empty((0, 0), np.uint8), one, one, below, none
    glass = (np.empty(0, np.float32),) if family == "solar.plane_irradiance" else ()

    def job() -> np.ndarray:
        # As `twin.solar` does: only the hours with light are looked at.
        light = np.flatnonzero((s["ghi"] > 0.0) | (s["dhi"] > 0.0))
        dni, dhi, ghi, zenith, azimuth, extra = (
            s[name][light] for name in ("dni", "dhi", "ghi", "zenith", "azimuth", "extra")
        )
        coefficients = sky(dni, dhi, ghi, zenith, extra, 0.2)
        beam = np.where(zenith < 90.0, dni, 0.0)
        return planes(*seen, zenith, azimuth, beam, *coefficients, np.zeros(len(light)), *glass)[0]

    return job


def _perez_sums(size: int) -> Job:
    return _perez(size, "solar.plane_irradiation")


def _pvlib_perez(size: int) -> Job:
    s = _sky(size)
    planes = list(zip(s["tilt"], s["plane_azimuth"], strict=True))
    return lambda: np.stack([_pvlib_total(s, tilt, azimuth) for tilt, azimuth in planes])


def _pvlib_perez_at_once(size: int) -> Job:
    s = _sky(size)
    return lambda: _pvlib_total(s, s["tilt"][:, None], s["plane_azimuth"][:, None])


def _pvlib_perez_in_light(size: int) -> Job:
    s = _sky(size)
    light = (s["ghi"] > 0.0) | (s["dhi"] > 0.0)
    some = {name: values[light] if len(values) == 8760 else values for name, values in s.items()}
    return lambda: _pvlib_total(some, s["tilt"][:, None], s["plane_azimuth"][:, None])


def _pvlib_total(s: dict[str, Any], tilt: Any, azimuth: Any) -> np.ndarray:
    from pvlib import atmosphere, irradiance

    airmass = atmosphere.get_relative_airmass(s["zenith"])
    total = irradiance.get_total_irradiance(
        tilt, azimuth, s["zenith"], s["azimuth"], s["dni"], s["ghi"], s["dhi"],
        dni_extra=s["extra"], airmass=airmass, albedo=0.2, model="perez",
    )  # fmt: skip
    return np.nan_to_num(total["poa_global"])


def _perez_agreement(ours: Any, theirs: Any) -> tuple[str, bool]:
    # Where the peer looked at all hours, those that are dark in all planes are no part of ours.
    theirs = theirs if theirs.shape == ours.shape else theirs[:, theirs.any(axis=0)]
    worst = float(np.abs(ours - theirs).max())
    return f"max {worst:.1e} W/m2", worst < 2e-3


def _sums_agreement(ours: Any, theirs: Any) -> tuple[str, bool]:
    sums = theirs.sum(axis=1)
    worst = float((np.abs(ours - sums) / sums).max())
    return f"year {worst:.1e} apart", worst < 1e-6


def _perez_both(case: Case, quick: bool) -> list[dict[str, Any]]:
    """Measure the series written, and the sums of the year."""
    records = []
    for what, prepare, agreement in (("series", _perez, _perez_agreement), ("sums", _perez_sums, _sums_agreement)):
        peers = tuple(replace(peer, agreement=agreement) for peer in case.peers)
        part = run_case(replace(case, prepare=prepare, peers=peers, measure=None), quick)
        records += [record | {"label": f"{record['size']:,} {what}", "what": what} for record in part]
    return records


CASES = [
    Case(
        name="solar-position",
        work="apparent zenith and azimuth by SPA",
        size_unit="instants",
        sizes=(8_760, 35_040, 350_400),
        quick_sizes=(8_760,),
        prepare=_position,
        peers=(Peer("pvlib SPA (Numba)", "pvlib", "bench", _pvlib_position, _position_agreement),),
    ),
    Case(
        name="solar-perez",
        work="hourly plane-of-array irradiance of a year, Perez sky",
        size_unit="planes",
        sizes=(1, 10, 100, 1000),
        quick_sizes=(10,),
        repetitions=3,
        measure=_perez_both,
        peers=(
            Peer("pvlib by plane", "pvlib", "bench", _pvlib_perez, _perez_agreement),
            Peer("pvlib at once", "pvlib", "bench", _pvlib_perez_at_once, _perez_agreement),
            Peer("pvlib, hours with light", "pvlib", "bench", _pvlib_perez_in_light, _perez_agreement),
        ),
    ),
]
