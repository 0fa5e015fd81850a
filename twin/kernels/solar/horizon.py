"""Horizons of points among buildings, and the share of the sky a tilted plane sees above them.

A building is a vertical prism: closed rings of edges and one top height. Seen from a point, the horizon in an azimuth
is the highest elevation angle of any point on the prisms' top edges in that azimuth. A ray that meets an edge at
distance d > 0 sees it under atan((top - z) / d). The geometry is exact at the azimuths of the bins, which are
``k * 2π / bins`` clockwise from north.

Sources: J. Dozier, J. Frew, Rapid calculation of terrain parameters for radiation modeling from digital elevation
data, IEEE Trans. Geosci. Remote Sens. 28 (1990) 963-969, doi:10.1109/36.58986 (horizon and sky view of a tilted
plane by azimuth sectors).
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Float = NDArray[np.float64]
Int = NDArray[np.int64]


def _sample_city(size: int, rng: np.random.Generator) -> Inputs:
    """Return `size` points on the roofs of a jittered grid of rotated boxes, each group seeing its neighbours."""
    buildings = max(4, size // 4)
    side = math.ceil(math.sqrt(buildings))
    number = np.arange(buildings)
    centre = np.stack([number % side, number // side], axis=1) * 30.0 + rng.uniform(-4.0, 4.0, (buildings, 2))
    turn = rng.uniform(0.0, math.pi, buildings)[:, None] + np.arange(4) * math.pi / 2
    corner = centre[:, None, :] + 11.0 * np.stack([np.cos(turn), np.sin(turn)], axis=2)
    after = np.roll(corner, -1, axis=1)
    top = rng.uniform(5.0, 40.0, buildings)
    group = np.sort(rng.integers(0, buildings, size))
    near = np.abs(centre[:, None, :] - centre[None, :, :]).max(axis=2) < 100.0
    np.fill_diagonal(near, False)
    return {
        "x": centre[group, 0] + rng.uniform(-3.0, 3.0, size),
        "y": centre[group, 1] + rng.uniform(-3.0, 3.0, size),
        "z": top[group],
        "point_group": group,
        "group_start": np.concatenate([[0], np.cumsum(near.sum(axis=1))]),
        "neighbour": np.nonzero(near)[1],
        "edge_start": np.arange(buildings + 1) * 4,
        "x1": corner[:, :, 0].ravel(),
        "y1": corner[:, :, 1].ravel(),
        "x2": after[:, :, 0].ravel(),
        "y2": after[:, :, 1].ravel(),
        "top": top,
        "bins": 24,
    }


def _call(kernel: Kernel, inputs: Inputs, **changes: object) -> Float:
    return np.asarray(kernel(*(inputs | changes).values()))


def _check_more_buildings(kernel: Kernel, inputs: Inputs) -> None:
    """Check that removing buildings (lowering them under the ground) never raises a horizon."""
    fewer = np.where(np.arange(len(inputs["top"])) % 2 == 0, inputs["top"], -1e3)
    assert np.all(_call(kernel, inputs, top=fewer) <= _call(kernel, inputs))


def _check_higher_point(kernel: Kernel, inputs: Inputs) -> None:
    """Check that a point that rises never sees a higher horizon."""
    assert np.all(_call(kernel, inputs, z=inputs["z"] + 2.5) <= _call(kernel, inputs))


def _check_rotation(kernel: Kernel, inputs: Inputs) -> None:
    """Check that turning the scene clockwise by one bin moves every horizon to the next bin."""
    turn = 2 * math.pi / inputs["bins"]
    c, s = math.cos(turn), math.sin(turn)
    moved = {}
    for x, y in (("x", "y"), ("x1", "y1"), ("x2", "y2")):
        moved[x] = c * inputs[x] + s * inputs[y]
        moved[y] = c * inputs[y] - s * inputs[x]
    before = np.roll(_call(kernel, inputs), 1, axis=1)
    np.testing.assert_allclose(_call(kernel, inputs, **moved), before, rtol=1e-6, atol=1e-9)


def _check_permutation(kernel: Kernel, inputs: Inputs) -> None:
    """Check that the order of the neighbours does not matter, to the last bit."""
    start = inputs["group_start"]
    turned = np.concatenate([inputs["neighbour"][a:b][::-1] for a, b in pairwise(start)])
    assert np.array_equal(_call(kernel, inputs, neighbour=turned), _call(kernel, inputs))


declare(
    Family(
        name="solar.horizon",
        purpose="Horizon elevation of points in every azimuth bin, from the prisms of neighbouring buildings.",
        inputs=(
            Array("x", ("points",), "float64", "m"),
            Array("y", ("points",), "float64", "m"),
            Array("z", ("points",), "float64", "m"),
            Array("point_group", ("points",), "int64", "-"),
            Array("group_start", ("groups+1",), "int64", "-"),
            Array("neighbour", ("pairs",), "int64", "-"),
            Array("edge_start", ("buildings+1",), "int64", "-"),
            Array("x1", ("edges",), "float64", "m"),
            Array("y1", ("edges",), "float64", "m"),
            Array("x2", ("edges",), "float64", "m"),
            Array("y2", ("edges",), "float64", "m"),
            Array("top", ("buildings",), "float64", "m"),
            Array("bins", (), "int64", "-"),
        ),
        outputs=(Array("horizon", ("points", "bins"), "float64", "deg"),),
        sample=_sample_city,
        work=lambda inputs: float(len(inputs["x"]) * inputs["bins"]),
        work_unit="point·azimuth",
        source="Dozier & Frew 1990, doi:10.1109/36.58986; exact ray-edge crossings",
        sizes=(10, 1000, 10_000),
        properties=(
            Property("adding buildings never lowers a horizon", _check_more_buildings),
            Property("a higher point never sees a higher horizon", _check_higher_point),
            Property("rotation by one bin moves the horizons by one bin", _check_rotation),
            Property("the order of neighbours does not matter", _check_permutation),
        ),
    )
)


@variant("solar.horizon", "reference")
def horizon_reference(
    x: Float,
    y: Float,
    z: Float,
    point_group: Int,
    group_start: Int,
    neighbour: Int,
    edge_start: Int,
    x1: Float,
    y1: Float,
    x2: Float,
    y2: Float,
    top: Float,
    bins: int,
) -> Float:
    """Cross every ray with every edge of the point's neighbours.

    Parameters
    ----------
    x, y, z : float64 [points], m
        Points; their own buildings are simply not among their neighbours.
    point_group : int64 [points]
        Group of each point; the points of one building form a group.
    group_start, neighbour : int64 [groups + 1], int64 [pairs]
        Neighbouring buildings of each group, as a compressed row list.
    edge_start : int64 [buildings + 1]
        Edges of each building in `x1` ... `y2`.
    x1, y1, x2, y2 : float64 [edges], m
    top : float64 [buildings], m
        Height of the prism, in the same datum as `z`.
    bins : int
        Number of azimuth bins.

    Returns
    -------
    float64 [points, bins], deg
        Horizon elevation, 0 where nothing stands above the point.
    """
    azimuth = np.arange(bins) * (2 * math.pi / bins)
    dx, dy = np.sin(azimuth)[:, None], np.cos(azimuth)[:, None]
    tangent = np.zeros((len(x), bins))
    for p in range(len(x)):
        for b in neighbour[group_start[point_group[p]] : group_start[point_group[p] + 1]]:
            if top[b] <= z[p]:
                continue
            edges = slice(edge_start[b], edge_start[b + 1])
            ax, ay, bx, by = x1[edges] - x[p], y1[edges] - y[p], x2[edges] - x[p], y2[edges] - y[p]
            ca, cb = dx * ay - dy * ax, dx * by - dy * bx
            hit = (ca * cb <= 0.0) & (ca != cb)
            distance = np.where(hit, ax * by - ay * bx, 0.0) / np.where(hit, cb - ca, 1.0)
            ahead = hit & (distance > 0.0)
            seen = np.where(ahead, top[b] - z[p], 0.0) / np.where(ahead, distance, 1.0)
            tangent[p] = np.maximum(tangent[p], seen.max(axis=1, initial=0.0))
    return np.degrees(np.arctan(tangent))


@variant("solar.horizon", "numba")
@njit(parallel=True, cache=True)
def horizon_numba(x, y, z, point_group, group_start, neighbour, edge_start, x1, y1, x2, y2, top, bins):  # type: ignore[no-untyped-def]
    """Cross each edge only with the rays of the azimuth interval it spans; same arguments as the reference."""
    width = 2 * math.pi / bins
    azimuth = np.arange(bins) * width
    dx, dy = np.sin(azimuth), np.cos(azimuth)
    out = np.zeros((x.size, bins))
    for p in prange(x.size):
        row = out[p]
        group = point_group[p]
        for n in range(group_start[group], group_start[group + 1]):
            b = neighbour[n]
            rise = top[b] - z[p]
            if rise <= 0.0:
                continue
            for e in range(edge_start[b], edge_start[b + 1]):
                ax, ay, bx, by = x1[e] - x[p], y1[e] - y[p], x2[e] - x[p], y2[e] - y[p]
                first = math.atan2(ax, ay)
                turn = math.atan2(bx, by) - first
                if turn > math.pi:
                    turn -= 2 * math.pi
                elif turn < -math.pi:
                    turn += 2 * math.pi
                low, high = first + min(turn, 0.0), first + max(turn, 0.0)
                start, count = math.floor(low / width), math.ceil(high / width) - math.floor(low / width) + 1
                # An edge that passes (nearly) through the point spans half the circle, on a side rounding decides.
                if count > bins or abs(turn) > math.pi - 1e-6:
                    start, count = 0, bins
                area = ax * by - ay * bx
                for step in range(count):
                    k = (start + step) % bins
                    ca, cb = dx[k] * ay - dy[k] * ax, dx[k] * by - dy[k] * bx
                    if ca * cb <= 0.0 and ca != cb:
                        distance = area / (cb - ca)
                        if distance > 0.0:
                            row[k] = max(row[k], rise / distance)
        for k in range(bins):
            row[k] = math.degrees(math.atan(row[k]))
    return out


def _sample_planes(size: int, rng: np.random.Generator) -> Inputs:
    """Return `size` planes of three points each, with smooth random horizons."""
    bins = 72
    phase = np.arange(bins) * 0.26 + rng.uniform(0.0, 6.0, (size * 3, 1))
    waves = rng.uniform(0.0, 25.0, (size * 3, 1)) * (1 + np.sin(phase))
    tilt = np.where(rng.random(size) < 0.5, 0.0, rng.uniform(5.0, 90.0, size))
    return {
        "horizon": waves.astype(np.float32),
        "point_start": np.arange(size + 1) * 3,
        "tilt_deg": tilt,
        "surface_azimuth_deg": rng.uniform(0.0, 360.0, size),
    }


def _check_share_bounds(kernel: Kernel, inputs: Inputs) -> None:
    """Check that the share is one without a horizon, zero with one at the zenith, and falls as it rises."""
    share = _call(kernel, inputs)
    assert np.all((share >= 0.0) & (share <= 1.0 + 1e-12))
    assert np.all(_call(kernel, inputs, horizon=np.zeros_like(inputs["horizon"])) == 1.0)
    zenith = np.full_like(inputs["horizon"], 90.0)
    np.testing.assert_allclose(_call(kernel, inputs, horizon=zenith), 0.0, atol=1e-6)
    higher = np.minimum(inputs["horizon"] + np.float32(3.0), np.float32(90.0))
    assert np.all(_call(kernel, inputs, horizon=higher) <= share)


declare(
    Family(
        name="solar.sky_share",
        purpose="Share of the sky that a tilted plane would see, and sees above its horizons (cosine weighted).",
        inputs=(
            Array("horizon", ("points", "bins"), "float32", "deg"),
            Array("point_start", ("planes+1",), "int64", "-"),
            Array("tilt_deg", ("planes",), "float64", "deg"),
            Array("surface_azimuth_deg", ("planes",), "float64", "deg clockwise from north"),
        ),
        outputs=(Array("sky_share", ("planes",), "float64", "-"),),
        sample=_sample_planes,
        work=lambda inputs: float(inputs["horizon"].size),
        work_unit="point·azimuth",
        source="Dozier & Frew 1990, doi:10.1109/36.58986, eq. 7, bounded below by the plane itself",
        rtol=1e-9,
        sizes=(10, 1000, 10_000),
        properties=(Property("the sky share falls from one to zero as the horizon rises", _check_share_bounds),),
    )
)


@variant("solar.sky_share", "reference")
def sky_share_reference(
    horizon: NDArray[np.float32], point_start: Int, tilt_deg: Float, surface_azimuth_deg: Float
) -> Float:
    """Integrate the cosine-weighted sky above the horizons, relative to the same integral without horizons.

    In the sector of azimuth φ the plane sees the sky above h = max(horizon, 0, the plane itself), and the integral of
    cos θ cos e de from h to the zenith is ``cos β cos²h / 2 + sin β cos(φ - γ) ((π/2 - h)/2 - sin 2h / 4)``.
    The sky view factor of the plane is ``sky_share (1 + cos β) / 2``.

    Parameters
    ----------
    horizon : float32 [points, bins], deg
    point_start : int64 [planes + 1]
        Points of each plane; at least one.
    tilt_deg, surface_azimuth_deg : float64 [planes]
        Azimuth clockwise from north.

    Returns
    -------
    float64 [planes]
        Mean over the points of each plane, 1 without obstruction.
    """
    bins = horizon.shape[1]
    sector = np.arange(bins) * (2 * math.pi / bins)
    share = np.empty(len(tilt_deg))
    for i in range(len(tilt_deg)):
        tilt, turn = math.radians(tilt_deg[i]), math.radians(surface_azimuth_deg[i])
        toward, up = math.sin(tilt) * np.cos(sector - turn), math.cos(tilt)
        own = np.maximum(0.0, np.arctan2(-toward, up))
        points = np.radians(horizon[point_start[i] : point_start[i + 1]].astype(np.float64))
        seen = _sector_sky(np.maximum(points, own), up, toward)
        share[i] = np.sum(seen) / np.sum(np.broadcast_to(_sector_sky(own, up, toward), seen.shape))
    return share


def _sector_sky(h: Float, up: float, toward: Float) -> Float:
    return up * np.cos(h) ** 2 / 2 + toward * ((math.pi / 2 - h) / 2 - np.sin(2 * h) / 4)


@variant("solar.sky_share", "numba")
@njit(cache=True)
def sky_share_numba(horizon, point_start, tilt_deg, surface_azimuth_deg):  # type: ignore[no-untyped-def]
    """Add the same sums in plain loops; same arguments as the reference."""
    bins = horizon.shape[1]
    share = np.empty(tilt_deg.size)
    for i in range(tilt_deg.size):
        tilt, turn = math.radians(tilt_deg[i]), math.radians(surface_azimuth_deg[i])
        up, side = math.cos(tilt), math.sin(tilt)
        first, last = point_start[i], point_start[i + 1]
        total, free = 0.0, 0.0
        for k in range(bins):
            toward = side * math.cos(k * (2 * math.pi / bins) - turn)
            own = max(0.0, math.atan2(-toward, up))
            open_sky = up * math.cos(own) ** 2 / 2 + toward * ((math.pi / 2 - own) / 2 - math.sin(2 * own) / 4)
            for p in range(first, last):
                free += open_sky
                h = math.radians(np.float64(horizon[p, k]))
                if h <= own:
                    total += open_sky
                else:
                    total += up * math.cos(h) ** 2 / 2 + toward * ((math.pi / 2 - h) / 2 - math.sin(2 * h) / 4)
        share[i] = total / free
    return share
