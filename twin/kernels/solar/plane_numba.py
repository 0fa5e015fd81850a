"""Irradiance of planes in vector instructions; families and references are in `twin.kernels.solar.plane`.

The hours are innermost, 128 side by side in single precision, with all that depends on the hour alone packed so that a
block lies together in the cache. Sums are kept lane by lane and put together in a fixed order: the same bits for any
number of threads.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from twin.kernels.registry import variant
from twin.kernels.solar.trigonometry import sine_cosine

LANES = 128  # hours side by side; their ten series are 5 KB
_PART = (
    5  # blocks of hours that stay in the first-level cache while the planes of a group pass; sums in single precision
)
_GROUP = 16  # planes
_SERIES = 10
_0, _1, _2, _LIT = np.float32(0.0), np.float32(1.0), np.float32(2.0), np.float32(1.0 / 255.0)


@njit(cache=True)
def _packed(zenith_deg, azimuth_deg, beam, direct, isotropic, band, ground, wall):  # type: ignore[no-untyped-def]
    """Return the series [blocks, series, LANES]: the hours of a block lie side by side, the last is zero-filled."""
    hours = zenith_deg.size
    out = np.zeros(((hours + LANES - 1) // LANES, _SERIES, LANES), np.float32)
    for t in range(hours):
        sine, up = sine_cosine(math.radians(zenith_deg[t]))
        east, north = sine_cosine(math.radians(azimuth_deg[t]))
        row = out[t // LANES, :, t % LANES]
        row[0], row[1], row[2] = sine * east, sine * north, up
        row[3], row[4], row[5] = beam[t], direct[t], isotropic[t]
        row[6], row[7] = min(band[t], 0.0), max(band[t], 0.0)
        row[8], row[9] = ground[t], wall[t]
    return out


@njit(cache=True)
def _cosine(light, b, k, nx, ny, nz):  # type: ignore[no-untyped-def]
    cosine = light[b, 0, k] * nx + light[b, 1, k] * ny + light[b, 2, k] * nz
    return cosine if cosine > _0 else _0


@njit(cache=True)
def _background(light, b, k, view, sine, sky, bright):  # type: ignore[no-untyped-def]
    """Return the light of the sky without the sun and its surroundings; `bright` is the sine times the band's share."""
    rest = light[b, 5, k] * view + light[b, 6, k] * sine
    seen = rest * sky
    # Where the darkness prevails no share is applied: it would give light.
    return (seen if seen < rest else rest) + light[b, 7, k] * bright


@njit(cache=True)
def _sky_light(light, b, k, cosine, background):  # type: ignore[no-untyped-def]
    """Return all light of the sky; `cosine` of incidence is already multiplied with the lit share."""
    beam, all_of_it = light[b, 3, k] * cosine, light[b, 4, k] * cosine + background
    return all_of_it if all_of_it > beam else beam


@njit(cache=True)
def _normal(tilt_deg, azimuth_deg):  # type: ignore[no-untyped-def]
    """Return the unit normal (east, north, up), the isotropic view and the sine of the tilt, in single precision."""
    tilt, turn = math.radians(tilt_deg), math.radians(azimuth_deg)
    sine = math.sin(tilt)
    nz = math.cos(tilt)
    east, north = np.float32(sine * math.sin(turn)), np.float32(sine * math.cos(turn))
    return east, north, np.float32(nz), np.float32(0.5 * (1.0 + nz)), np.float32(sine)


@njit(cache=True)
def _block(lit, b, padded):  # type: ignore[no-untyped-def]
    """Return the lit shares of the hours of block `b`; those of an unfilled block through `padded`."""
    first = b * LANES
    if first + LANES <= lit.size:
        return lit[first : first + LANES]
    padded[: lit.size - first] = lit[first:]
    return padded


@njit(cache=True)
def _write_plane(light, lit, normal, shares, incidence, poa, transmitted):  # type: ignore[no-untyped-def]
    """Fill the hours of one plane, block by block through `value`, which stays in the first-level cache."""
    padded, value = np.zeros(LANES, np.uint8), np.empty(LANES, np.float32)
    cosine, kept = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    nx, ny, nz, view, sine = normal
    sky, rim, below, aside = shares
    bright = sine * rim
    for b in range(light.shape[0]):
        first = b * LANES
        count = min(LANES, poa.size - first)
        share = _block(lit, b, padded)
        for k in range(LANES):
            through = _cosine(light, b, k, nx, ny, nz) * (np.float32(share[k]) * _LIT)
            total = _sky_light(light, b, k, through, _background(light, b, k, view, sine, sky, bright))
            value[k] = total + light[b, 8, k] * below + light[b, 9, k] * aside
        poa[first : first + count] = value[:count]
        if incidence.size > 0:
            for k in range(LANES):
                cosine[k] = _cosine(light, b, k, nx, ny, nz)
            _behind_glass(light, b, share, cosine, incidence, value, kept)
        transmitted[first : first + count] = value[:count]


@njit(cache=True)
def _behind_glass(light, b, share, cosine, incidence, value, kept):  # type: ignore[no-untyped-def]
    """Take from `value` what the glass takes from the beam; `kept` is scratch."""
    kept[:] = incidence[incidence.size - 1]
    for term in range(incidence.size - 2, -1, -1):
        coefficient = incidence[term]
        for k in range(LANES):
            kept[k] = kept[k] * (_2 * cosine[k] - _1) + coefficient
    for k in range(LANES):
        through = kept[k] if kept[k] > _0 else _0
        lost = cosine[k] - through if cosine[k] > _0 else _0
        value[k] -= light[b, 3, k] * (np.float32(share[k]) * _LIT) * lost


@variant("solar.plane_irradiance", "numba")
@njit(cache=True, parallel=True)
def plane_irradiance_numba(  # type: ignore[no-untyped-def]
    tilt_deg, surface_azimuth_deg, lit, sky_share, band_share, ground_view, wall_view,
    zenith_deg, azimuth_deg, beam, direct, isotropic, band, ground, wall, incidence,
):  # fmt: skip
    """Compute plane by plane in parallel, 128 hours at a time; same arguments as the reference."""
    planes, hours = tilt_deg.size, zenith_deg.size
    poa, transmitted = np.empty((planes, hours), np.float32), np.empty((planes, hours), np.float32)
    light = _packed(zenith_deg, azimuth_deg, beam, direct, isotropic, band, ground, wall)
    all_lit = np.full(hours, 255, np.uint8)
    for i in prange(planes):
        own = lit[i] if lit.size > 0 else all_lit
        normal = _normal(tilt_deg[i], surface_azimuth_deg[i])
        shares = (sky_share[i], band_share[i], ground_view[i], wall_view[i])
        _write_plane(light, own, normal, shares, incidence, poa[i], transmitted[i])
    return poa, transmitted


@njit(cache=True)
def _add_shaded(light, first, last, lit, normal, sky, rim, part):  # type: ignore[no-untyped-def]
    """Add the light of the sky in some blocks of hours, lane by lane, with shade in row 0 and without in row 1.

    `lit` begins at the first of the blocks.
    """
    nx, ny, nz, view, sine = normal
    bright = sine * rim
    for b in range(first, last):
        share = lit[(b - first) * LANES : (b - first + 1) * LANES]
        for k in range(LANES):
            cosine = _cosine(light, b, k, nx, ny, nz)
            through = cosine * (np.float32(share[k]) * _LIT)
            part[0, k] += _sky_light(light, b, k, through, _background(light, b, k, view, sine, sky, bright))
            part[1, k] += _sky_light(light, b, k, cosine, _background(light, b, k, view, sine, _1, sine))


@njit(cache=True)
def _add_free(light, first, last, normal, part):  # type: ignore[no-untyped-def]
    """Add the light of the sky in some blocks of hours, lane by lane, without shade in row 1."""
    nx, ny, nz, view, sine = normal
    for b in range(first, last):
        for k in range(LANES):
            cosine = _cosine(light, b, k, nx, ny, nz)
            part[1, k] += _sky_light(light, b, k, cosine, _background(light, b, k, view, sine, _1, sine))


@njit(cache=True)
def _sum_group(light, lit, all_lit, normals, sky_share, band_share, annual, unshaded):  # type: ignore[no-untyped-def]
    """Sum the light of the sky of a group of planes; each part of the year stays in the first-level cache meanwhile."""
    planes, blocks = annual.size, light.shape[0]
    filled = all_lit.size // LANES
    padded, part = np.zeros(LANES, np.uint8), np.empty((2, LANES), np.float32)
    total = np.zeros((planes, 2, LANES))
    for first in range(0, blocks, _PART):
        last = min(first + _PART, blocks)
        for i in range(planes):
            n = normals[i]
            normal = (n[0], n[1], n[2], n[3], n[4])
            part[:] = _0
            if lit.size == 0 and sky_share[i] == _1 and band_share[i] == _1:
                _add_free(light, first, last, normal, part)
                part[0] = part[1]
            else:
                own = lit[i] if lit.size > 0 else all_lit
                sky, rim = sky_share[i], band_share[i]
                _add_shaded(light, first, min(last, filled), own[first * LANES :], normal, sky, rim, part)
                if last > filled:
                    rest = own[filled * LANES :]
                    padded[: rest.size] = rest
                    _add_shaded(light, filled, last, padded, normal, sky, rim, part)
            for k in range(LANES):
                total[i, 0, k] += part[0, k]
            for k in range(LANES):
                total[i, 1, k] += part[1, k]
    for i in range(planes):
        annual[i], unshaded[i] = 0.0, 0.0
        for k in range(LANES):
            annual[i] += total[i, 0, k]
            unshaded[i] += total[i, 1, k]


@variant("solar.plane_irradiation", "numba")
@njit(cache=True, parallel=True)
def plane_irradiation_numba(  # type: ignore[no-untyped-def]
    tilt_deg, surface_azimuth_deg, lit, sky_share, band_share, ground_view, wall_view,
    zenith_deg, azimuth_deg, beam, direct, isotropic, band, ground, wall,
):  # fmt: skip
    """Sum groups of planes in parallel, 128 hours at a time; same arguments as the reference."""
    planes, hours = tilt_deg.size, zenith_deg.size
    annual, unshaded = np.empty(planes), np.empty(planes)
    light = _packed(zenith_deg, azimuth_deg, beam, direct, isotropic, band, ground, wall)
    ground_year, wall_year = _sum(ground), _sum(wall)
    all_lit = np.full(hours, 255, np.uint8)
    normals = np.empty((planes, 5), np.float32)
    for i in range(planes):
        normals[i, 0], normals[i, 1], normals[i, 2], normals[i, 3], normals[i, 4] = _normal(
            tilt_deg[i], surface_azimuth_deg[i]
        )
    for group in prange((planes + _GROUP - 1) // _GROUP):
        own = slice(group * _GROUP, min((group + 1) * _GROUP, planes))
        _sum_group(
            light, lit[own], all_lit, normals[own], sky_share[own], band_share[own], annual[own], unshaded[own]
        )  # fmt: skip
    for i in range(planes):
        annual[i] += ground_year * ground_view[i] + wall_year * wall_view[i]
        unshaded[i] += ground_year * (0.5 * (1.0 - math.cos(math.radians(tilt_deg[i]))))
    return annual, unshaded


@njit(cache=True)
def _sum(series):  # type: ignore[no-untyped-def]
    total = 0.0
    for value in series:
        total += value
    return total
