"""Irradiance of planes in vector instructions; families and references are in `twin.kernels.solar.plane`.

The hours are innermost, in single precision, with all that depends on the hour alone packed in blocks that stay in the
first-level cache while a group of planes passes. Sums are kept lane by lane and put together in a fixed order: the same
bits for any number of threads.

Light of the ground, of walls and of the sky away from the sun is linear in its series: for the year's sums their sums
do, and only the sun, which planes can turn away from, is followed hour by hour. Planes so steep that a dark horizon may
exceed their isotropic light (`_darkness`: with real skies, planes that look down) have every term of every hour.
"""

from __future__ import annotations

import math

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.registry import variant
from twin.kernels.solar.trigonometry import sine_cosine
from twin.kernels.threads import over_threads

BLOCK = 512  # hours; their ten series are 20 KB
_LANES = 32  # sums side by side
_PART = 4  # blocks of hours: 64 to a lane are summed in single precision
_GROUP = 16  # planes; a year of their hours fits into a second cache
_SERIES = 10
_0, _1, _2, _LIT = np.float32(0.0), np.float32(1.0), np.float32(2.0), np.float32(1.0 / 255.0)
# Where the series of a block begin. One array with fixed places in it: LLVM sees that they do not overlap.
_X, _Y, _Z, _BEAM, _DIRECT, _ISOTROPIC, _DARK, _BRIGHT, _GROUND, _WALL = range(0, _SERIES * BLOCK, BLOCK)


@njit(cache=True)
def _packed(zenith_deg, azimuth_deg, beam, direct, isotropic, band, ground, wall):  # type: ignore[no-untyped-def]
    """Return the series [blocks, series · BLOCK] hour beside hour; what is beyond the last hour is zero."""
    hours = zenith_deg.size
    blocks = (hours + BLOCK - 1) // BLOCK
    out = np.zeros((blocks, _SERIES * BLOCK), np.float32)
    for b in range(blocks):
        here, row = slice(b * BLOCK, min((b + 1) * BLOCK, hours)), out[b]
        _pack_sun(zenith_deg[here], azimuth_deg[here], row)
        _pack_light(beam[here], direct[here], isotropic[here], row)
        _pack_rest(band[here], ground[here], wall[here], row)
    return out


@njit(cache=True)
def _pack_sun(zenith_deg, azimuth_deg, row):  # type: ignore[no-untyped-def]
    for k in range(zenith_deg.size):
        sine, up = sine_cosine(math.radians(zenith_deg[k]))
        east, north = sine_cosine(math.radians(azimuth_deg[k]))
        row[k + _X], row[k + _Y], row[k + _Z] = sine * east, sine * north, up


@njit(cache=True)
def _pack_light(beam, direct, isotropic, row):  # type: ignore[no-untyped-def]
    for k in range(beam.size):
        row[k + _BEAM], row[k + _DIRECT], row[k + _ISOTROPIC] = beam[k], direct[k], isotropic[k]


@njit(cache=True)
def _pack_rest(band, ground, wall, row):  # type: ignore[no-untyped-def]
    for k in range(band.size):
        row[k + _DARK], row[k + _BRIGHT] = min(band[k], 0.0), max(band[k], 0.0)
        row[k + _GROUND], row[k + _WALL] = ground[k], wall[k]


@njit(cache=True)
def _cosine(light, k, nx, ny, nz):  # type: ignore[no-untyped-def]
    cosine = light[k + _X] * nx + light[k + _Y] * ny + light[k + _Z] * nz
    return cosine if cosine > _0 else _0


@njit(cache=True)
def _background(light, k, view, sine, sky, bright):  # type: ignore[no-untyped-def]
    """Return the light of the sky without the sun and its surroundings; `bright` is the sine times the band's share."""
    rest = light[k + _ISOTROPIC] * view + light[k + _DARK] * sine
    seen = rest * sky
    # Where the darkness prevails no share is applied: it would give light.
    return (seen if seen < rest else rest) + light[k + _BRIGHT] * bright


@njit(cache=True)
def _sky_light(light, k, cosine, background):  # type: ignore[no-untyped-def]
    """Return all light of the sky; `cosine` of incidence is already multiplied with the lit share."""
    beam, all_of_it = light[k + _BEAM] * cosine, light[k + _DIRECT] * cosine + background
    return all_of_it if all_of_it > beam else beam


@njit(cache=True)
def _normals(tilt_deg, azimuth_deg):  # type: ignore[no-untyped-def]
    """Return unit normals (east, north, up), isotropic views and sines of the tilt, float32 [planes, 5]."""
    out = np.empty((tilt_deg.size, 5), np.float32)
    for i in range(tilt_deg.size):
        sine, up = sine_cosine(math.radians(tilt_deg[i]))
        east, north = sine_cosine(math.radians(azimuth_deg[i]))
        out[i, 0], out[i, 1], out[i, 2], out[i, 3], out[i, 4] = sine * east, sine * north, up, 0.5 * (1.0 + up), sine
    return out


@njit(cache=True)
def _write_hours(light, share, normal, shares, poa):  # type: ignore[no-untyped-def]
    """Fill the hours of a block of one plane."""
    nx, ny, nz, view, sine = normal
    sky, rim, below, aside = shares
    bright = sine * rim
    for k in range(poa.size):
        through = _cosine(light, k, nx, ny, nz) * share[k]
        total = _sky_light(light, k, through, _background(light, k, view, sine, sky, bright))
        poa[k] = total + light[k + _GROUND] * below + light[k + _WALL] * aside


@njit(cache=True)
def _write_behind_glass(light, share, normal, incidence, scratch, poa, transmitted):  # type: ignore[no-untyped-def]
    """Fill the hours of a block behind the glass of one plane."""
    nx, ny, nz, _, _ = normal
    cosine, kept = scratch
    for k in range(poa.size):
        cosine[k] = _cosine(light, k, nx, ny, nz)
    kept[:] = incidence[incidence.size - 1]
    for term in range(incidence.size - 2, -1, -1):
        coefficient = incidence[term]
        for k in range(poa.size):
            kept[k] = kept[k] * (_2 * cosine[k] - _1) + coefficient
    for k in range(poa.size):
        through = kept[k] if kept[k] > _0 else _0
        lost = cosine[k] - through if cosine[k] > _0 else _0
        transmitted[k] = poa[k] - light[k + _BEAM] * share[k] * lost


@njit(cache=True)
def _clear(rows):  # type: ignore[no-untyped-def]
    """Write zeros, which takes lines into the cache without reading them from memory: what follows writes faster."""
    for i in range(rows.shape[0]):
        row = rows[i]
        for k in range(row.size):
            row[k] = _0


@njit(cache=True)
def _write_group(light, lit, normals, shares, incidence, poa, transmitted):  # type: ignore[no-untyped-def]
    """Fill the hours of a group of planes, block by block."""
    share = np.ones(BLOCK, np.float32)
    scratch = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    _clear(poa)
    if incidence.size > 0:
        _clear(transmitted)
    for b in range(light.shape[0]):
        here = slice(b * BLOCK, min((b + 1) * BLOCK, poa.shape[1]))
        for i in range(poa.shape[0]):
            n, s = normals[i], shares[i]
            normal = (n[0], n[1], n[2], n[3], n[4])
            if lit.size > 0:
                own = lit[i, here]
                for k in range(own.size):
                    share[k] = np.float32(own[k]) * _LIT
            _write_hours(light[b], share, normal, (s[0], s[1], s[2], s[3]), poa[i, here])
            if incidence.size > 0:
                _write_behind_glass(light[b], share, normal, incidence, scratch, poa[i, here], transmitted[i, here])


@over_threads
@njit(cache=True, nogil=True)
def _write_all(begin, end, light, lit, normals, shares, incidence, poa, transmitted):  # type: ignore[no-untyped-def]
    planes = poa.shape[0]
    for group in range(begin, end):
        own = slice(group * _GROUP, min((group + 1) * _GROUP, planes))
        _write_group(light, lit[own], normals[own], shares[own], incidence, poa[own], transmitted[own])


@variant("solar.plane_irradiance", "numba")
def plane_irradiance_numba(  # type: ignore[no-untyped-def]
    tilt_deg, surface_azimuth_deg, lit, sky_share, band_share, ground_view, wall_view,
    zenith_deg, azimuth_deg, beam, direct, isotropic, band, ground, wall, incidence,
):  # fmt: skip
    """Compute groups of planes in parallel; same arguments as the reference. Without glass both results are one array.

    NumPy allocates: it asks for large pages, and those of 4 KB cost more than the arithmetic.
    """
    shape = (len(tilt_deg), len(zenith_deg))
    poa = np.empty(shape, np.float32)
    transmitted = np.empty(shape, np.float32) if incidence.size > 0 else poa
    light = _packed(zenith_deg, azimuth_deg, beam, direct, isotropic, band, ground, wall)
    shares, groups = np.stack([sky_share, band_share, ground_view, wall_view], axis=1), -(-shape[0] // _GROUP)
    _write_all(groups, light, lit, _normals(tilt_deg, surface_azimuth_deg), shares, incidence, poa, transmitted)
    return poa, transmitted


@njit(cache=True)
def _darkness(beam, direct, isotropic, band):  # type: ignore[no-untyped-def]
    """Return how many times the horizon's darkness is the isotropic light, at worst.

    A plane whose view is above this times the sine of its tilt has no hour with a background below zero. Where the
    direct light is less than the beam, which no sky has, the answer is as good as infinite.
    """
    worst = 0.0
    for t in range(band.size):
        ratio = (-band[t] if band[t] < 0.0 else 0.0) / (isotropic[t] if isotropic[t] > 1e-9 else 1e-9)
        ratio = ratio if direct[t] >= beam[t] else 1e30
        worst = ratio if ratio > worst else worst
    return worst


@njit(cache=True)
def _sun(light, k, nx, ny, nz):  # type: ignore[no-untyped-def]
    return light[k + _DIRECT] * _cosine(light, k, nx, ny, nz)


@njit(cache=True)
def _add_sun(light, normal, row):  # type: ignore[no-untyped-def]
    """Add the direct light of a block of hours to the lanes of a row."""
    nx, ny, nz, _, _ = normal
    for first in range(0, BLOCK, 4 * _LANES):
        for lane in range(_LANES):
            k = first + lane
            a, b = _sun(light, k, nx, ny, nz), _sun(light, k + _LANES, nx, ny, nz)
            c, d = _sun(light, k + 2 * _LANES, nx, ny, nz), _sun(light, k + 3 * _LANES, nx, ny, nz)
            row[lane] += (a + b) + (c + d)


@njit(cache=True)
def _add_lit_sun(light, lit, normal, row):  # type: ignore[no-untyped-def]
    """Add the direct light that arrives in a block of hours to the lanes of a row."""
    nx, ny, nz, _, _ = normal
    for first in range(0, BLOCK, 4 * _LANES):
        for lane in range(_LANES):
            k = first + lane
            a, b = _sun(light, k, nx, ny, nz), _sun(light, k + _LANES, nx, ny, nz)
            c, d = _sun(light, k + 2 * _LANES, nx, ny, nz), _sun(light, k + 3 * _LANES, nx, ny, nz)
            a, b = a * np.float32(lit[k]), b * np.float32(lit[k + _LANES])
            c, d = c * np.float32(lit[k + 2 * _LANES]), d * np.float32(lit[k + 3 * _LANES])
            row[lane] += ((a + b) + (c + d)) * _LIT


@njit(cache=True)
def _add_sky(light, lit, normal, sky, rim, row):  # type: ignore[no-untyped-def]
    """Add all light of the sky in a block of hours to the lanes of a row, whatever bends it."""
    nx, ny, nz, view, sine = normal
    bright = sine * rim
    for k in range(BLOCK):
        through = _cosine(light, k, nx, ny, nz) * (np.float32(lit[k]) * _LIT)
        row[k % _LANES] += _sky_light(light, k, through, _background(light, k, view, sine, sky, bright))


@njit(cache=True)
def _flush(part, total):  # type: ignore[no-untyped-def]
    for i in range(part.shape[0]):
        one, all_of_it = part[i], total[i]
        for k in range(one.size):
            all_of_it[k] += one[k]
    part[:] = _0


@njit(cache=True)
def _sum_group(light, lit, bent, normals, shares, sums):  # type: ignore[no-untyped-def]
    """Sum the hours of a group of planes, block by block, into sums [planes, 2]: with shade and in the open."""
    planes = normals.shape[0]
    padded, all_lit = np.zeros(BLOCK, np.uint8), np.full(BLOCK, 255, np.uint8)
    part, total = np.zeros((2 * planes, _LANES), np.float32), np.zeros((2 * planes, _LANES))
    for b in range(light.shape[0]):
        for i in range(planes):
            n = normals[i]
            normal = (n[0], n[1], n[2], n[3], n[4])
            own = all_lit
            if lit.size > 0:
                own = lit[i, b * BLOCK : (b + 1) * BLOCK]
                if own.size < BLOCK:
                    padded[: own.size] = own
                    own = padded
            if bent[i]:
                _add_sky(light[b], own, normal, shares[i, 0], shares[i, 1], part[2 * i])
                _add_sky(light[b], all_lit, normal, _1, _1, part[2 * i + 1])
            else:
                if lit.size > 0:
                    _add_lit_sun(light[b], own, normal, part[2 * i])
                _add_sun(light[b], normal, part[2 * i + 1])
        if (b + 1) % _PART == 0:
            _flush(part, total)
    _flush(part, total)
    for i in range(planes):
        for kind in range(2):
            row = total[2 * i + kind]
            for k in range(_LANES):
                sums[i, kind] += row[k]
        if lit.size == 0 and not bent[i]:
            sums[i, 0] = sums[i, 1]


@over_threads
@njit(cache=True, nogil=True)
def _sum_all(begin, end, light, lit, bent, normals, shares, sums):  # type: ignore[no-untyped-def]
    planes = normals.shape[0]
    for group in range(begin, end):
        own = slice(group * _GROUP, min((group + 1) * _GROUP, planes))
        _sum_group(light, lit[own], bent[own], normals[own], shares[own], sums[own])


@variant("solar.plane_irradiation", "numba")
def plane_irradiation_numba(  # type: ignore[no-untyped-def]
    tilt_deg, surface_azimuth_deg, lit, sky_share, band_share, ground_view, wall_view,
    zenith_deg, azimuth_deg, beam, direct, isotropic, band, ground, wall,
):  # fmt: skip
    """Sum groups of planes in parallel; same arguments as the reference."""
    light = _packed(zenith_deg, azimuth_deg, beam, direct, isotropic, band, ground, wall)
    normals = _normals(tilt_deg, surface_azimuth_deg)
    view, sine = normals[:, 3].astype(np.float64), normals[:, 4].astype(np.float64)
    bent = sine * _darkness(beam, direct, isotropic, band) >= view
    sums = np.zeros((len(tilt_deg), 2))
    groups = -(-len(tilt_deg) // _GROUP)
    _sum_all(groups, light, lit, bent, normals, np.stack([sky_share, band_share], axis=1), sums)
    dark, bright = np.minimum(band, 0.0).sum() * sine, np.maximum(band, 0.0).sum() * sine
    even = isotropic.sum() * view + dark
    annual = sums[:, 0] + np.where(bent, 0.0, even * sky_share + bright * band_share)
    unshaded = sums[:, 1] + np.where(bent, 0.0, even + bright)
    annual += ground.sum() * ground_view + wall.sum() * wall_view
    unshaded += ground.sum() * (1.0 - view)
    return annual, unshaded
