"""From two networks with a floor between them to the modes of the pair: family ``energy.pair_reduction``.

Two zones of one building share a floor, cut in its middle: half of it stands in each network, and a conductance joins
the nodes at the cut. So the pair is one network with two air nodes. It is reduced as one zone is
(`twin.kernels.energy.reduction`), with both airs as inputs, each weighted by what it exchanges, so that a small zone is
as well kept as a large one. What the modes lack at steady state is added as direct terms, those from the air of one
zone to that of the other with them.

Rows of what comes out of the modes: heat to the first air, to the second, and through the floor from the first zone to
the second, W.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy import network_contract as contract
from twin.kernels.energy.network_contract import ZONE
from twin.kernels.energy.symmetric_numba import eigen
from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant
from twin.kernels.threads import over_threads

Float = NDArray[np.float64]
Spectra = Callable[[Float], tuple[Float, Float]]
PAIR_MODES = 20


class PairModes(NamedTuple):
    """Pairs as modes, float64, unit of a mode √J√K, as `energy.zone_pair` takes them.

    rate (n, r), 1/s, negative; out (n, 3, r), of which the first two rows are also what the airs give to the modes;
    storage (n, 2, r), heat stored in each zone; drive_in (n, r + 3, m), gain_in (n, r + 3, 2) and air_direct (n, 3, 2):
    what goes into the modes, and past them to the rows of `out`.
    """

    rate: Float
    out: Float
    storage: Float
    drive_in: Float
    gain_in: Float
    air_direct: Float


def reduce_pairs(
    zones: Float,
    direct: Float,
    capacity_j_k: Float,
    conductance_w_k: Float,
    air_in_w_k: Float,
    drive_in: Float,
    gain_in: Float,
    link_w_k: Float,
    modes: int = PAIR_MODES,
) -> PairModes:
    """Return pairs as `modes` modes each; all where there are not more.

    Parameters
    ----------
    zones : float64 (n, 2, 13)
        `network_contract.ZONE_COLUMNS`, of which the direct terms are read.
    direct : float64 (n, 2, m)
        Of each zone, as in `network.reference`.
    capacity_j_k : float64 (n, s)
        The first half of the nodes is of the first zone.
    conductance_w_k : float64 (n, s, s)
        With the floor's conductance.
    air_in_w_k, gain_in : float64 (n, 2, s)
        From the air of each zone, and from its gains.
    drive_in : float64 (n, s, m)
    link_w_k : float64 (n, s)
        Heat through the floor per kelvin of each node.
    modes : int
    """
    inputs = zones, direct, capacity_j_k, conductance_w_k, air_in_w_k, drive_in, gain_in, link_w_k
    return _reduced(_eigh, *inputs, modes)


def _reduced(
    spectra: Spectra,
    zones: Float,
    direct: Float,
    capacity: Float,
    conductance: Float,
    air: Float,
    drives: Float,
    gains: Float,
    link: Float,
    modes: int,
) -> PairModes:
    root = np.sqrt(capacity)
    half = np.arange(root.shape[1]) < root.shape[1] // 2
    rate, turn = spectra(-conductance / (root[:, :, None] * root[:, None, :]))
    rows = np.concatenate([air, link[:, None]], axis=1) / root[:, None]
    stored = np.stack([root * half, root * ~half], axis=1)
    into = np.concatenate([np.swapaxes(air, 1, 2), np.swapaxes(gains, 1, 2), drives], axis=2) / root[:, :, None]
    out, storage, into = _mul(rows, _t(turn)), _mul(stored, _t(turn)), _mul(turn, into)
    lack = np.zeros((len(root), 3, into.shape[2]))
    if root.shape[1] > modes:
        felt = out[:, :2] / np.maximum(air.sum(axis=2), 1e-9)[:, :, None]
        gramian = np.einsum("nik,nil->nkl", felt, felt) / -(rate[:, :, None] + rate[:, None, :])
        base = spectra(gramian)[1][:, -modes:]
        whole = _steady(rate, out, into)
        rate, turn = spectra(_mul(base * rate[:, None], _t(base)))
        turn = _mul(turn, base)
        out, storage, into = _mul(out, _t(turn)), _mul(storage, _t(turn)), _mul(turn, into)
        lack = whole - _steady(rate, out, into)
    for zone in range(2):
        lack[:, zone, zone] -= zones[:, zone, ZONE["direct_air_w_k"]]
        lack[:, zone, 2 + zone] += zones[:, zone, ZONE["direct_gain_w"]]
    lack[:, :2, 4:] += direct
    # The sign of a mode is free: the air that feels it most moves it up.
    felt = out[:, :2] / np.maximum(air.sum(axis=2), 1e-9)[:, :, None]
    most = np.where(np.abs(felt[:, 0]) >= np.abs(felt[:, 1]), felt[:, 0], felt[:, 1])
    sign = np.where(most < 0.0, -1.0, 1.0)
    out, storage, into = sign[:, None] * out, sign[:, None] * storage, sign[:, :, None] * into
    past = np.concatenate([into, lack], axis=1)
    copies = (np.ascontiguousarray(a) for a in (out, storage, past[:, :, 4:], past[:, :, 2:4], lack[:, :, :2]))
    return PairModes(rate, *copies)


def _steady(rate: Float, out: Float, into: Float) -> Float:
    """Return the steady response of the rows to all that goes in."""
    return _mul(out / -rate[:, None], into)


def _mul(a: Float, b: Float) -> Float:
    """Multiply stacks of matrices in an order of sums that no library changes."""
    return np.asarray(np.einsum("nik,nkj->nij", a, b))


def _t(a: Float) -> Float:
    return np.swapaxes(a, 1, 2)


def _eigh(matrices: Float) -> tuple[Float, Float]:
    """Return eigenvalues, ascending, and eigenvectors as rows."""
    values, vectors = np.linalg.eigh(matrices)
    return values, _t(vectors)


@over_threads
@njit(cache=True, nogil=True)
def _spectra(begin: int, end: int, matrices: Float, values: Float, rows: Float) -> None:
    for i in range(begin, end):
        rows[i] = matrices[i]
        eigen(rows[i], values[i], np.empty(matrices.shape[1]))


def _eigen(matrices: Float) -> tuple[Float, Float]:
    values, rows = np.empty(matrices.shape[:2]), np.empty(matrices.shape)
    _spectra(len(matrices), np.ascontiguousarray(matrices), values, rows)
    return values, rows


def fast(*inputs: Any) -> PairModes:
    """Reduce as `reduce_pairs`, the eigenvectors of pairs in parallel."""
    return _reduced(_eigen, *inputs)


def sample_networks(size: int, rng: np.random.Generator) -> Inputs:
    """Return random pairs: neighbours of `network_contract.sample`, the last nodes of whose walls are joined."""
    single = contract.sample(2 * size, rng)
    n, s, m = size, single["capacity_j_k"].shape[1], single["drive_in"].shape[2]
    conductance, drives = np.zeros((n, 2 * s, 2 * s)), np.zeros((n, 2 * s, m))
    air, gains, link = np.zeros((n, 2, 2 * s)), np.zeros((n, 2, 2 * s)), np.zeros((n, 2 * s))
    for zone in range(2):
        at = slice(zone * s, (zone + 1) * s)
        conductance[:, at, at] = single["conductance_w_k"][zone::2]
        drives[:, at] = single["drive_in"][zone::2]
        air[:, zone, at], gains[:, zone, at] = single["air_in_w_k"][zone::2], single["gain_in"][zone::2]
    joined = single["air_in_w_k"].sum(axis=1).reshape(n, 2).min(axis=1) * rng.uniform(0.05, 1.0, n)
    join(conductance, link, s - 1, 2 * s - 1, joined)
    return {
        "zones": single["zones"].reshape(n, 2, -1),
        "direct": single["direct"].reshape(n, 2, m),
        "capacity_j_k": single["capacity_j_k"].reshape(n, 2 * s),
        "conductance_w_k": conductance,
        "air_in_w_k": air,
        "drive_in": drives,
        "gain_in": gains,
        "link_w_k": link,
    }


def join(conductance: Float, link: Float, first: int, second: int, joined_w_k: Float) -> None:
    """Join two nodes of stacked networks by a conductance (n,), and set the row of the heat through it."""
    for a, b in ((first, second), (second, first)):
        conductance[:, a, a] += joined_w_k
        conductance[:, a, b] -= joined_w_k
    link[:, first], link[:, second] = joined_w_k, -joined_w_k


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    return sample_networks(size, rng) | {"modes": PAIR_MODES}


def _steady_state_is_kept(kernel: Kernel, inputs: Inputs) -> None:
    """Heat to both airs and through the floor, per kelvin of either air, per gain and per drive."""
    reduced = PairModes(*kernel(*inputs.values()))
    full = PairModes(*kernel(*(inputs | {"modes": 10**6}).values()))

    def steady(pairs: PairModes) -> Float:
        r = pairs.rate.shape[1]
        into = np.concatenate([_t(pairs.out[:, :2]), pairs.gain_in[:, :r], pairs.drive_in[:, :r]], axis=2)
        past = np.concatenate([pairs.air_direct, pairs.gain_in[:, r:], pairs.drive_in[:, r:]], axis=2)
        return _steady(pairs.rate, pairs.out, into) + past

    scale = inputs["zones"][:, :, ZONE["direct_air_w_k"]].max(axis=1)[:, None, None]
    assert np.all(np.abs(steady(reduced) - steady(full)) <= 1e-9 * np.maximum(scale, 1.0))


def _modes_decay(kernel: Kernel, inputs: Inputs) -> None:
    assert np.all(PairModes(*kernel(*inputs.values())).rate < 0.0)


def _air_to_air_is_mutual(kernel: Kernel, inputs: Inputs) -> None:
    direct = PairModes(*kernel(*inputs.values())).air_direct
    scale = np.abs(direct[:, :2]).max(axis=(1, 2))
    assert np.all(np.abs(direct[:, 0, 1] - direct[:, 1, 0]) <= 1e-9 * scale)


_PAIR_NODES, _ROWS = ("n", "two", "s"), ("n", "rows", "m")
declare(
    Family(
        name="energy.pair_reduction",
        purpose="Pairs of zones with a floor between them reduced to the modes of both together.",
        inputs=(
            Array("zones", ("n", "two", "columns"), "float64", "see ZONE_COLUMNS"),
            Array("direct", ("n", "two", "m"), "float64", "W per drive"),
            Array("capacity_j_k", ("n", "s"), "float64", "J/K"),
            Array("conductance_w_k", ("n", "s", "s"), "float64", "W/K"),
            Array("air_in_w_k", _PAIR_NODES, "float64", "W/K"),
            Array("drive_in", ("n", "s", "m"), "float64", "W per drive"),
            Array("gain_in", _PAIR_NODES, "float64", "W"),
            Array("link_w_k", ("n", "s"), "float64", "W/K"),
            Array("modes", (), "int64", "-"),
        ),
        outputs=(
            Array("rate", ("n", "r"), "float64", "1/s"),
            Array("out", ("n", "three", "r"), "float64", "see PairModes"),
            Array("storage", ("n", "two", "r"), "float64", "see PairModes"),
            Array("drive_in", _ROWS, "float64", "see PairModes"),
            Array("gain_in", ("n", "rows", "two"), "float64", "see PairModes"),
            Array("air_direct", ("n", "three", "two"), "float64", "W/K"),
        ),
        sample=_sample,
        work=lambda inputs: float(len(inputs["zones"])),
        work_unit="pair",
        source="Fernando and Nicholson 1983, doi:10.1109/TAC.1983.1103195",
        rtol=1e-5,
        atol=1e-8,
        properties=(
            Property("steady exchange is kept", _steady_state_is_kept),
            Property("all modes decay", _modes_decay),
            Property("what one air gives the other it would get from it", _air_to_air_is_mutual),
        ),
    )
)
variant("energy.pair_reduction", "reference")(reduce_pairs)
variant("energy.pair_reduction", "numba")(fast)
