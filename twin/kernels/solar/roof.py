"""Irradiance of roof planes under their horizons, hour by hour.

A plane is seen from a few sample points with a horizon each. The sun reaches a point when it stands above the horizon
interpolated linearly at its azimuth; the sunlit share of the plane is the mean over its points and multiplies the beam
and the circumsolar light. The rest of the sky (isotropic and horizon band of the Perez model, see
`twin.kernels.solar.transposition`) is reduced to the share of the sky that the plane sees; where the horizon band
darkens the sky so much that the sum is negative, it is left as it is, so that more obstruction never gives more light.
Light reflected by the ground is that of an open plain; light reflected by walls is left out.

Beside the irradiance on the plane the kernel returns what passes a module's glass: the beam is reduced by the Fresnel
reflection of glass (n = 1.526) relative to normal incidence, as PVWatts version 5 does (A. P. Dobos, PVWatts Version 5
Manual, NREL/TP-6A20-62641, 2014, section 8).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Float = NDArray[np.float64]
Int = NDArray[np.int64]
GLASS = 1.526
_NORMAL = 1.0 - ((GLASS - 1.0) / (GLASS + 1.0)) ** 2


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return `size` planes of three points, 72 azimuths, and 120 random hours of sun and sky."""
    phase = np.arange(72) * 0.26 + rng.uniform(0.0, 6.0, (size * 3, 1))
    horizon = rng.uniform(0.0, 20.0, (size * 3, 1)) * (1 + np.sin(phase))
    flat = rng.random(size) < 0.5
    zenith = rng.uniform(10.0, 95.0, 120)
    up = zenith < 90.0
    beam = np.where(up, rng.uniform(0.0, 900.0, 120), 0.0)
    return {
        "horizon": horizon.astype(np.float32),
        "point_start": np.arange(size + 1) * 3,
        "sky_share": rng.uniform(0.3, 1.0, size),
        "tilt_deg": np.where(flat, 0.0, rng.uniform(5.0, 90.0, size)),
        "surface_azimuth_deg": np.where(flat, 0.0, rng.uniform(0.0, 360.0, size)),
        "zenith_deg": zenith,
        "azimuth_deg": rng.uniform(0.0, 360.0, 120),
        "beam": beam,
        "direct": beam + np.where(up, rng.uniform(0.0, 200.0, 120), 0.0),
        "isotropic": rng.uniform(0.0, 300.0, 120),
        "band": rng.uniform(-100.0, 60.0, 120),
        "ground": rng.uniform(0.0, 150.0, 120),
    }


def _check_open_sky(kernel: Kernel, inputs: Inputs) -> None:
    """Check that a plane without horizon receives exactly the unshaded sum, and never more with one."""
    shaded, glass, annual, unshaded = kernel(*inputs.values())
    free = inputs | {"horizon": np.zeros_like(inputs["horizon"]), "sky_share": np.ones_like(inputs["sky_share"])}
    top, _, full, again = kernel(*free.values())
    assert np.array_equal(full, again)
    assert np.array_equal(again, unshaded)
    assert np.all(shaded <= top)
    assert np.all(annual <= unshaded)
    assert shaded.min() >= 0.0
    assert np.all(glass <= shaded)


def _check_permutation(kernel: Kernel, inputs: Inputs) -> None:
    """Check that the order of the planes does not matter, to the last bit."""
    planes = len(inputs["tilt_deg"])
    order = np.arange(planes)[::-1]
    turned = inputs | {
        name: np.ascontiguousarray(inputs[name][order]) for name in ("sky_share", "tilt_deg", "surface_azimuth_deg")
    }
    points = (3 * order[:, None] + np.arange(3)).ravel()
    turned["horizon"] = np.ascontiguousarray(inputs["horizon"][points])
    for a, b in zip(kernel(*inputs.values()), kernel(*turned.values()), strict=True):
        assert np.array_equal(a[order], b)


declare(
    Family(
        name="solar.roof_irradiance",
        purpose="Hourly and annual irradiation of roof planes under their horizons, shaded and unshaded.",
        inputs=(
            Array("horizon", ("points", "bins"), "float32", "deg"),
            Array("point_start", ("planes+1",), "int64", "-"),
            Array("sky_share", ("planes",), "float64", "-"),
            Array("tilt_deg", ("planes",), "float64", "deg"),
            Array("surface_azimuth_deg", ("planes",), "float64", "deg clockwise from north"),
            Array("zenith_deg", ("hours",), "float64", "deg"),
            Array("azimuth_deg", ("hours",), "float64", "deg clockwise from north"),
            Array("beam", ("hours",), "float64", "W/m2"),
            Array("direct", ("hours",), "float64", "W/m2"),
            Array("isotropic", ("hours",), "float64", "W/m2"),
            Array("band", ("hours",), "float64", "W/m2"),
            Array("ground", ("hours",), "float64", "W/m2"),
        ),
        outputs=(
            Array("poa", ("planes", "hours"), "float64", "W/m2"),
            Array("transmitted", ("planes", "hours"), "float64", "W/m2"),
            Array("annual", ("planes",), "float64", "Wh/m2"),
            Array("unshaded", ("planes",), "float64", "Wh/m2"),
        ),
        sample=_sample,
        work=lambda inputs: float(len(inputs["horizon"]) * len(inputs["zenith_deg"])),
        work_unit="point·hour",
        source="Perez et al. 1990, doi:10.1016/0038-092X(90)90055-H; Dobos 2014, NREL/TP-6A20-62641",
        rtol=1e-9,
        atol=1e-9,
        sizes=(10, 100, 2000),
        properties=(
            Property("shading never adds light, and none means none", _check_open_sky),
            Property("the order of planes does not matter", _check_permutation),
        ),
    )
)


@variant("solar.roof_irradiance", "reference")
def roof_irradiance_reference(
    horizon: NDArray[np.float32],
    point_start: Int,
    sky_share: Float,
    tilt_deg: Float,
    surface_azimuth_deg: Float,
    zenith_deg: Float,
    azimuth_deg: Float,
    beam: Float,
    direct: Float,
    isotropic: Float,
    band: Float,
    ground: Float,
) -> tuple[Float, Float, Float, Float]:
    """Return irradiance on the plane and behind glass, and annual sums, plane by plane.

    Parameters
    ----------
    horizon : float32 [points, bins], deg
        Horizon of each sample point at the azimuths ``k 360 / bins``.
    point_start : int64 [planes + 1]
        Points of each plane; at least one.
    sky_share : float64 [planes]
        Visible share of the plane's sky, see ``solar.sky_share``.
    tilt_deg, surface_azimuth_deg : float64 [planes]
    zenith_deg, azimuth_deg : float64 [hours]
        Apparent sun position.
    beam, direct, isotropic, band, ground : float64 [hours], W/m2
        Direct normal irradiance and the hourly coefficients of ``solar.sky``.

    Returns
    -------
    poa, transmitted : float64 [planes, hours], W/m2
    annual, unshaded : float64 [planes], Wh/m2
        Sums over the hours given, with the horizons and without.
    """
    planes, hours, bins = len(tilt_deg), len(zenith_deg), horizon.shape[1]
    poa, transmitted = np.empty((planes, hours)), np.empty((planes, hours))
    unshaded = np.empty(planes)
    z, a = np.radians(zenith_deg), np.radians(azimuth_deg)
    position = azimuth_deg / (360.0 / bins)
    before = np.floor(position).astype(np.int64)
    weight = position - before
    altitude = 90.0 - zenith_deg
    for i in range(planes):
        tilt, turn = math.radians(tilt_deg[i]), math.radians(surface_azimuth_deg[i])
        cosine = np.sin(z) * np.sin(a) * (math.sin(tilt) * math.sin(turn))
        cosine = cosine + np.sin(z) * np.cos(a) * (math.sin(tilt) * math.cos(turn)) + np.cos(z) * math.cos(tilt)
        cosine = np.clip(cosine, 0.0, 1.0)
        rows = horizon[point_start[i] : point_start[i + 1]].astype(np.float64)
        skyline = rows[:, before % bins] * (1.0 - weight) + rows[:, (before + 1) % bins] * weight
        lit = np.sum(altitude > skyline, axis=0) / len(rows)
        background = isotropic * (0.5 * (1.0 + math.cos(tilt))) + band * math.sin(tilt)
        reflected = ground * (0.5 * (1.0 - math.cos(tilt)))
        circumsolar = (direct - beam) * cosine
        seen = np.where(background > 0.0, background * sky_share[i], background)
        poa[i] = beam * cosine * lit + np.maximum(circumsolar * lit + seen, 0.0) + reflected
        transmitted[i] = poa[i] - beam * cosine * lit * (1.0 - _glass(cosine))
        unshaded[i] = np.sum(beam * cosine + np.maximum(circumsolar + background, 0.0) + reflected)
    annual = np.array([np.sum(row) for row in poa])
    return poa, transmitted, annual, unshaded


def _glass(cosine: Float) -> Float:
    """Return the transmittance of glass relative to normal incidence."""
    inside = np.sqrt(1.0 - (1.0 - cosine**2) / GLASS**2)
    across = (cosine - GLASS * inside) / (cosine + GLASS * inside)
    along = (GLASS * cosine - inside) / (GLASS * cosine + inside)
    return (1.0 - 0.5 * (across**2 + along**2)) / _NORMAL


@variant("solar.roof_irradiance", "numba")
@njit(parallel=True, cache=True)
def roof_irradiance_numba(  # type: ignore[no-untyped-def]
    horizon,
    point_start,
    sky_share,
    tilt_deg,
    surface_azimuth_deg,
    zenith_deg,
    azimuth_deg,
    beam,
    direct,
    isotropic,
    band,
    ground,
):
    """Compute plane by plane in parallel, what depends on the hour once; same arguments as the reference."""
    planes, hours, bins = tilt_deg.size, zenith_deg.size, horizon.shape[1]
    poa, transmitted = np.empty((planes, hours)), np.empty((planes, hours))
    annual, unshaded = np.empty(planes), np.empty(planes)
    east, north, up = np.empty(hours), np.empty(hours), np.empty(hours)
    before, after, weight = np.empty(hours, np.int64), np.empty(hours, np.int64), np.empty(hours)
    for t in range(hours):
        z, a = math.radians(zenith_deg[t]), math.radians(azimuth_deg[t])
        east[t], north[t], up[t] = math.sin(z) * math.sin(a), math.sin(z) * math.cos(a), math.cos(z)
        position = azimuth_deg[t] / (360.0 / bins)
        bin_before = math.floor(position)
        weight[t] = position - bin_before
        before[t], after[t] = bin_before % bins, (bin_before + 1) % bins
    for i in prange(planes):
        tilt, turn = math.radians(tilt_deg[i]), math.radians(surface_azimuth_deg[i])
        nx, ny, nz = math.sin(tilt) * math.sin(turn), math.sin(tilt) * math.cos(turn), math.cos(tilt)
        first, last = point_start[i], point_start[i + 1]
        total, full = 0.0, 0.0
        for t in range(hours):
            cosine = min(1.0, max(0.0, east[t] * nx + north[t] * ny + up[t] * nz))
            lit, kept = 0.0, 1.0
            if cosine > 0.0 and direct[t] > 0.0:
                count = 0
                for p in range(first, last):
                    skyline = np.float64(horizon[p, before[t]]) * (1.0 - weight[t])
                    skyline += np.float64(horizon[p, after[t]]) * weight[t]
                    if 90.0 - zenith_deg[t] > skyline:
                        count += 1
                lit = count / (last - first)
                inside = GLASS * math.sqrt(1.0 - (1.0 - cosine * cosine) / (GLASS * GLASS))
                across = (cosine - inside) / (cosine + inside)
                along = (GLASS * cosine - inside / GLASS) / (GLASS * cosine + inside / GLASS)
                kept = (1.0 - 0.5 * (across * across + along * along)) / _NORMAL
            background = isotropic[t] * (0.5 * (1.0 + nz)) + band[t] * math.sin(tilt)
            seen = background * sky_share[i] if background > 0.0 else background
            circumsolar = (direct[t] - beam[t]) * cosine
            reflected = ground[t] * (0.5 * (1.0 - nz))
            sunlight = beam[t] * cosine * lit
            value = sunlight + max(circumsolar * lit + seen, 0.0) + reflected
            poa[i, t] = value
            transmitted[i, t] = value - sunlight * (1.0 - kept)
            total += value
            full += beam[t] * cosine + max(circumsolar + background, 0.0) + reflected
        annual[i], unshaded[i] = total, full
    return poa, transmitted, annual, unshaded
