"""Road noise at receivers: what straight pieces of road send to points in front of buildings.

Every piece is an incoherent line source. Its divergence is integrated exactly over the piece (angle seen over
distance); all else is taken at one distance, the one at which a point source of the same power would give the same
divergence, and along one ray, to the middle of the piece. Per octave band, after Directive (EU) 2015/996, annex II,
2.5, amended by (EU) 2021/1226:

- air absorption;
- flat ground in homogeneous conditions, the path's ground factor reduced near the hard platform of the road
  (G' = G d / (30 (zs + zr)) at distances d up to 30 (zs + zr));
- diffraction over roofs, ``10 lg(3 + 40 delta / wavelength)``, at most 25 dB, over the one roof with the longest
  detour; the ground then counts with its lower bound (-3 dB over hard ground).

Left out: reflections, lateral diffraction, terrain, favourable conditions. Where several roofs screen, the detour is
that of the worst alone.
"""

from __future__ import annotations

import math

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant
from twin.kernels.threads import over_threads

NAME = "traffic.noise_level"
SOUND_SPEED = 340.0
CLEAR_M = 2.0  # of a ray's ends, where no roof screens: receivers stand that far from their own wall
MIN_DISTANCE_M = 1.0
MAX_DIFFRACTION = 10.0**-2.5
ORDER = (
    "receiver", "first", "last", "candidate", "piece", "energy", "roof", "west", "south", "cell", "frequency",
    "absorption", "ground", "source_height", "receiver_height",
)  # fmt: skip


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    receivers, pieces, side = max(3, size), max(6, 2 * size), 120.0
    start = rng.uniform(0.0, side, (pieces, 2))
    piece = np.concatenate([start, start + rng.uniform(-25.0, 25.0, (pieces, 2))], axis=1)
    roof = np.where(rng.random((24, 24)) < 0.15, rng.uniform(3.0, 25.0, (24, 24)), 0.0)
    count = rng.integers(0, pieces + 1, receivers)
    last = np.cumsum(count)
    candidate = np.concatenate([np.sort(rng.choice(pieces, n, replace=False)) for n in count])
    return {
        "receiver": rng.uniform(0.0, side, (receivers, 2)),
        "first": (last - count).astype(np.int64),
        "last": last.astype(np.int64),
        "candidate": candidate.astype(np.int64),
        "piece": piece,
        "energy": 10.0 ** rng.uniform(5.0, 9.0, (pieces, 2, 4)),
        "roof": roof.astype(np.float32),
        "west": 0.0,
        "south": 0.0,
        "cell": 5.0,
        "frequency": np.array([125.0, 500.0, 1000.0, 4000.0]),
        "absorption": np.array([0.4, 1.9, 3.7, 32.8]),
        "ground": float(rng.choice([0.0, 0.3, 1.0])),
        "source_height": 0.05,
        "receiver_height": 4.0,
    }


def _call(kernel: Kernel, inputs: Inputs) -> np.ndarray:
    return np.asarray(kernel(*(inputs[k] for k in ORDER)))


def _check_energy_sum(kernel: Kernel, inputs: Inputs) -> None:
    first = np.random.default_rng(2).random(inputs["energy"].shape) * inputs["energy"]
    parts = [_call(kernel, dict(inputs, energy=e)) for e in (first, inputs["energy"] - first)]
    np.testing.assert_allclose(parts[0] + parts[1], _call(kernel, inputs), rtol=1e-9, atol=1e-9)


def _check_screens(kernel: Kernel, inputs: Inputs) -> None:
    open_field = _call(kernel, dict(inputs, roof=np.zeros_like(inputs["roof"]), ground=0.0))
    assert (_call(kernel, dict(inputs, ground=0.0)) <= open_field * (1.0 + 1e-12)).all()


def _check_turned(kernel: Kernel, inputs: Inputs) -> None:
    turned = dict(inputs, piece=inputs["piece"][:, [2, 3, 0, 1]].copy())
    np.testing.assert_allclose(_call(kernel, turned), _call(kernel, inputs), rtol=1e-9, atol=1e-9)


def _check_permutation(kernel: Kernel, inputs: Inputs) -> None:
    order = np.random.default_rng(1).permutation(len(inputs["receiver"]))
    shuffled = dict(inputs, **{k: inputs[k][order].copy() for k in ("receiver", "first", "last")})
    assert np.array_equal(_call(kernel, shuffled), _call(kernel, inputs)[order])


declare(
    Family(
        name=NAME,
        purpose="Sound energy that pieces of road send to receivers, over ground and roofs.",
        inputs=(
            Array("receiver", ("receivers", "2"), "float64", "m"),
            Array("first", ("receivers",), "int64", "-"),
            Array("last", ("receivers",), "int64", "-"),
            Array("candidate", ("candidates",), "int64", "-"),
            Array("piece", ("pieces", "4"), "float64", "m"),
            Array("energy", ("pieces", "kinds", "bands"), "float64", "pW/m"),
            Array("roof", ("rows", "columns"), "float32", "m"),
            Array("west", (), "float64", "m"),
            Array("south", (), "float64", "m"),
            Array("cell", (), "float64", "m"),
            Array("frequency", ("bands",), "float64", "Hz"),
            Array("absorption", ("bands",), "float64", "dB/km"),
            Array("ground", (), "float64", "-"),
            Array("source_height", (), "float64", "m"),
            Array("receiver_height", (), "float64", "m"),
        ),
        outputs=(Array("level", ("receivers", "kinds"), "float64", "10^(dB/10)"),),
        sample=_sample,
        work=lambda inputs: float(max(1, len(inputs["candidate"]))),
        work_unit="receiver-piece pair",
        source="Directive (EU) 2015/996, annex II, 2.5, amended by Delegated Directive (EU) 2021/1226",
        rtol=1e-9,
        atol=1e-9,
        sizes=(10, 100, 400),
        properties=(
            Property("energies add up", _check_energy_sum),
            Property("roofs never add sound", _check_screens),
            Property("direction of a piece does not matter", _check_turned),
            Property("permutation of receivers", _check_permutation),
        ),
    )
)


@variant(NAME, "reference")
def noise_level_reference(
    receiver: np.ndarray, first: np.ndarray, last: np.ndarray, candidate: np.ndarray, piece: np.ndarray,
    energy: np.ndarray, roof: np.ndarray, west: float, south: float, cell: float, frequency: np.ndarray,
    absorption: np.ndarray, ground: float, source_height: float, receiver_height: float,
) -> np.ndarray:  # fmt: skip
    """Return the sound energy (10 to the power of the level over 10) of each kind at each receiver.

    Parameters
    ----------
    receiver : float64 [receivers, 2]
        Points, all `receiver_height` (m) above flat ground.
    first, last : int64 [receivers]
        The pieces a receiver hears are ``candidate[first:last]``.
    candidate : int64 [candidates]
    piece : float64 [pieces, 4]
        Both ends (x, y, x, y) of straight pieces of road, `source_height` (m) above the ground.
    energy : float64 [pieces, kinds, bands]
        Sound power per metre in pW, weighted as wanted (A, hours of the day); `kinds` are summed apart.
    roof : float32 [rows, columns]
        Height of roofs above ground in cells of `cell` metres, row 0 in the `south`, column 0 in the `west`; 0 where
        there is none, as beyond the raster.
    frequency, absorption : float64 [bands]
        Hz and dB/km.
    ground : float
        Ground factor G, 0 hard to 1 soft.
    """
    out = np.zeros((len(receiver), energy.shape[1]))
    rise = receiver_height - source_height
    for i in range(len(receiver)):
        for p in candidate[first[i] : last[i]]:
            x0, y0, x1, y1 = piece[p]
            rx, ry = receiver[i]
            view = _view_reference(rx, ry, x0, y0, x1, y1, rise)
            if view == 0.0:
                continue
            length = math.hypot(x1 - x0, y1 - y0)
            slant = max(math.sqrt(length / view), MIN_DISTANCE_M)
            flat = math.sqrt(max(slant**2 - rise**2, 1.0))
            detour = _detour_reference(
                rx, ry, 0.5 * (x0 + x1), 0.5 * (y0 + y1), receiver_height, source_height, roof, west, south, cell
            )
            kept = _kept_reference(slant, flat, detour, frequency, absorption, ground, source_height, receiver_height)
            out[i] += view / (4.0 * np.pi) * (energy[p] @ kept)
    return out


def _view_reference(rx: float, ry: float, x0: float, y0: float, x1: float, y1: float, rise: float) -> float:
    """Return the integral of ds / r^2 along a piece, 1/m."""
    length = np.hypot(x1 - x0, y1 - y0)
    if length == 0.0:
        return 0.0
    along = np.array([(x0 - rx) * (x1 - x0) + (y0 - ry) * (y1 - y0), (x1 - rx) * (x1 - x0) + (y1 - ry) * (y1 - y0)])
    across = ((x0 - rx) * (y1 - y0) - (y0 - ry) * (x1 - x0)) / length
    height = max(np.hypot(across, rise), MIN_DISTANCE_M)
    angles = np.arctan(along / length / height)
    return float((angles[1] - angles[0]) / height)


def _detour_reference(
    rx: float, ry: float, sx: float, sy: float, receiver_height: float, source_height: float, roof: np.ndarray,
    west: float, south: float, cell: float,
) -> float:  # fmt: skip
    """Return the longest detour over a roof that is above the line of sight, m; 0 when there is none."""
    distance = math.hypot(sx - rx, sy - ry)
    steps = int(distance / cell) + 1
    step = np.arange(1, steps)
    near = CLEAR_M / max(distance, CLEAR_M)
    t = step[(step >= near * steps) & (step <= (1.0 - near) * steps)] * (1.0 / steps)
    x, y = (rx + t * (sx - rx) - west) * (1.0 / cell), (ry + t * (sy - ry) - south) * (1.0 / cell)
    inside = (x >= 0.0) & (y >= 0.0) & (x < roof.shape[1]) & (y < roof.shape[0])
    height = roof[y[inside].astype(int), x[inside].astype(int)].astype(float)
    t = t[inside]
    above = height > receiver_height + (source_height - receiver_height) * t
    if not above.any():
        return 0.0
    t, height = t[above], height[above]
    over = np.hypot(t * distance, height - receiver_height) + np.hypot((1.0 - t) * distance, height - source_height)
    return float(over.max() - math.hypot(distance, receiver_height - source_height))


def _kept_reference(
    slant: float, flat: float, detour: float, frequency: np.ndarray, absorption: np.ndarray, ground: float, zs: float,
    zr: float,
) -> np.ndarray:  # fmt: skip
    """Return the share of the energy of each band that is left by air, ground and roofs."""
    air = np.exp(-math.log(10.0) / 10.0 * absorption / 1000.0 * slant)
    g = ground * min(1.0, flat / (30.0 * (zs + zr)))
    bound = 10.0 ** (0.3 * (1.0 - g))
    if detour > 0.0:
        return air * bound * np.maximum(1.0 / (3.0 + 40.0 * detour * frequency / SOUND_SPEED), MAX_DIFFRACTION)
    if g <= 0.0:
        return air * bound
    k = 2.0 * np.pi * frequency / SOUND_SPEED
    top = 0.0185 * frequency**2.5 * g**2.6
    w = top / (frequency**1.5 * g**2.6 + 1.3e3 * frequency**0.75 * g**1.3 + 1.16e6)
    cf = flat * (1.0 + 3.0 * w * flat * np.exp(-np.sqrt(w * flat))) / (1.0 + w * flat)
    root, ratio = np.sqrt(2.0 * cf / k), cf / k
    gain = 4.0 * k**2 / flat**2 * (zs**2 - root * zs + ratio) * (zr**2 - root * zr + ratio)
    return np.asarray(air * np.minimum(gain, bound))


@njit(cache=True)
def _detour(
    rx: float, ry: float, sx: float, sy: float, zr: float, zs: float, roof: np.ndarray, west: float, south: float,
    cell: float,
) -> float:  # fmt: skip
    """Return what `_detour_reference` does."""
    dx, dy = sx - rx, sy - ry
    distance = math.sqrt(dx * dx + dy * dy)
    steps = int(distance / cell) + 1
    direct = math.sqrt(distance * distance + (zr - zs) * (zr - zs))
    near = CLEAR_M / max(distance, CLEAR_M)
    first, last = near * steps, (1.0 - near) * steps
    share, per_m = 1.0 / steps, 1.0 / cell
    longest = direct
    for step in range(max(1, math.ceil(first)), min(steps - 1, math.floor(last)) + 1):
        t = step * share
        x, y = (rx + t * dx - west) * per_m, (ry + t * dy - south) * per_m
        if x < 0.0 or y < 0.0:
            continue
        column, row = int(x), int(y)
        if column >= roof.shape[1] or row >= roof.shape[0]:
            continue
        height = float(roof[row, column])
        if height <= zr + (zs - zr) * t:
            continue
        a, b = t * distance, distance - t * distance
        over = math.sqrt(a * a + (height - zr) * (height - zr)) + math.sqrt(b * b + (height - zs) * (height - zs))
        longest = max(longest, over)
    return longest - direct


@over_threads
@njit(cache=True, nogil=True)
def _receivers(
    begin: int, end: int, out: np.ndarray,
    receiver: np.ndarray, first: np.ndarray, last: np.ndarray, candidate: np.ndarray, piece: np.ndarray,
    energy: np.ndarray, roof: np.ndarray, west: float, south: float, cell: float, frequency: np.ndarray,
    absorption: np.ndarray, ground: float, source_height: float, receiver_height: float,
) -> None:  # fmt: skip
    kinds, bands = energy.shape[1], energy.shape[2]
    zs, zr = source_height, receiver_height
    rise = zr - zs
    wave = 2.0 * math.pi * frequency / SOUND_SPEED
    air = -math.log(10.0) / 10.0 * absorption / 1000.0
    f25, f15, f075 = 0.0185 * frequency**2.5, frequency**1.5, 1.3e3 * frequency**0.75
    for i in range(begin, end):
        rx, ry = receiver[i, 0], receiver[i, 1]
        total = np.zeros(kinds)
        for c in range(first[i], last[i]):
            p = candidate[c]
            x0, y0, x1, y1 = piece[p, 0], piece[p, 1], piece[p, 2], piece[p, 3]
            dx, dy = x1 - x0, y1 - y0
            length = math.hypot(dx, dy)
            if length == 0.0:
                continue
            across = ((x0 - rx) * dy - (y0 - ry) * dx) / length
            height = max(math.hypot(across, rise), MIN_DISTANCE_M)
            near = math.atan(((x0 - rx) * dx + (y0 - ry) * dy) / length / height)
            view = (math.atan(((x1 - rx) * dx + (y1 - ry) * dy) / length / height) - near) / height
            slant = max(math.sqrt(length / view), MIN_DISTANCE_M)
            flat = math.sqrt(max(slant**2 - rise**2, 1.0))
            detour = _detour(rx, ry, 0.5 * (x0 + x1), 0.5 * (y0 + y1), zr, zs, roof, west, south, cell)
            g = ground * min(1.0, flat / (30.0 * (zs + zr)))
            bound = 10.0 ** (0.3 * (1.0 - g))
            g13 = g**1.3
            for b in range(bands):
                if detour > 0.0:
                    gain = bound * max(1.0 / (3.0 + 40.0 * detour * frequency[b] / SOUND_SPEED), MAX_DIFFRACTION)
                elif g <= 0.0:
                    gain = bound
                else:
                    k = wave[b]
                    w = f25[b] * g13 * g13 / (f15[b] * g13 * g13 + f075[b] * g13 + 1.16e6)
                    cf = flat * (1.0 + 3.0 * w * flat * math.exp(-math.sqrt(w * flat))) / (1.0 + w * flat)
                    root, ratio = math.sqrt(2.0 * cf / k), cf / k
                    gain = 4.0 * k * k / (flat * flat) * (zs * zs - root * zs + ratio) * (zr * zr - root * zr + ratio)
                    gain = min(gain, bound)
                kept = view / (4.0 * math.pi) * gain * math.exp(air[b] * slant)
                for kind in range(kinds):
                    total[kind] += kept * energy[p, kind, b]
        for kind in range(kinds):
            out[i, kind] = total[kind]


@variant(NAME, "numba")
def noise_level_numba(
    receiver: np.ndarray, first: np.ndarray, last: np.ndarray, candidate: np.ndarray, piece: np.ndarray,
    energy: np.ndarray, roof: np.ndarray, west: float, south: float, cell: float, frequency: np.ndarray,
    absorption: np.ndarray, ground: float, source_height: float, receiver_height: float,
) -> np.ndarray:  # fmt: skip
    """Return the same as the reference, receivers in parallel."""
    out = np.zeros((len(receiver), energy.shape[1]))
    _receivers(
        len(receiver), out, receiver, first, last, candidate, piece, energy, roof, west, south, cell, frequency,
        absorption, ground, source_height, receiver_height,
    )  # fmt: skip
    return out
