"""Loads of many buildings as weighted sums of rows of shared tables."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Singles = NDArray[np.float32]
CHUNK = 64  # buildings that share a tile of the tables while it is near
TILE = 365  # hours of a tile


def reference(
    library: Singles, profiles: Singles, first: NDArray[np.int64], row: NDArray[np.int64], weight: NDArray[np.float64]
) -> Singles:
    """Sum the rows of each building.

    Parameters
    ----------
    library, profiles : float32 (h, t), (k, t)
        Two tables, numbered through: row h is the first of `profiles`.
    first : int64 (n + 1,)
        Building i takes the entries first[i] … first[i + 1] of `row` and `weight`.
    row : int64 (m,)
    weight : float64 (m,)

    Returns
    -------
    float32 (n, t)
    """
    out = np.zeros((len(first) - 1, library.shape[1]), np.float32)
    for i in range(len(out)):
        total = np.zeros(library.shape[1])
        for j in range(first[i], first[i + 1]):
            r = row[j]
            total += weight[j] * (library[r] if r < len(library) else profiles[r - len(library)])
        out[i] = total
    return out


@njit(cache=True)
def _add(out: Singles, values: Singles, weight: np.float32) -> None:
    for t in range(out.size):
        out[t] += weight * values[t]


@njit(cache=True)
def _tile(
    out: Singles, library: Singles, profiles: Singles, row: NDArray[np.int64], weight: NDArray[np.float64], at: int
) -> None:
    """Sum one building's rows over the hours of `out`, from hour `at` on."""
    out[:] = np.float32(0.0)
    for j in range(row.size):
        if row[j] < library.shape[0]:
            _add(out, library[row[j], at : at + out.size], np.float32(weight[j]))
        else:
            _add(out, profiles[row[j] - library.shape[0], at : at + out.size], np.float32(weight[j]))


@njit(cache=True, parallel=True)
def fast(
    library: Singles, profiles: Singles, first: NDArray[np.int64], row: NDArray[np.int64], weight: NDArray[np.float64]
) -> Singles:
    """Sum in tiles of hours that stay in the cache, chunks of buildings in parallel. See `reference`."""
    n, hours = first.size - 1, library.shape[1]
    out = np.empty((n, hours), np.float32)
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        for at in range(0, hours, TILE):
            end = min(at + TILE, hours)
            for i in range(CHUNK * chunk, min(CHUNK * chunk + CHUNK, n)):
                mine = slice(first[i], first[i + 1])
                _tile(out[i, at:end], library, profiles, row[mine], weight[mine], at)
    return out


def sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return `size` buildings of no to twenty rows each."""
    counts = rng.integers(0, 20, size)
    first = np.concatenate([[0], np.cumsum(counts)])
    return {
        "library": rng.uniform(0.0, 3.0, (40, 480)).astype(np.float32),
        "profiles": rng.uniform(0.0, 3.0, (5, 480)).astype(np.float32),
        "first": first,
        "row": rng.integers(0, 45, first[-1]),
        "weight": rng.uniform(0.0, 2.0, first[-1]),
    }


def _weights_scale(kernel: Kernel, inputs: Inputs) -> None:
    twice = inputs | {"weight": 2.0 * inputs["weight"]}
    np.testing.assert_array_equal(kernel(*twice.values()), 2.0 * kernel(*inputs.values()))


def _sums_are_kept(kernel: Kernel, inputs: Inputs) -> None:
    totals = np.concatenate([inputs["library"], inputs["profiles"]]).sum(axis=1, dtype=np.float64)
    taken = np.bincount(
        np.repeat(np.arange(len(inputs["first"]) - 1), np.diff(inputs["first"])),
        weights=inputs["weight"] * totals[inputs["row"]],
        minlength=len(inputs["first"]) - 1,
    )
    np.testing.assert_allclose(kernel(*inputs.values()).sum(axis=1, dtype=np.float64), taken, rtol=1e-5)


FAMILY = declare(
    Family(
        name="energy.load_mix",
        purpose="Hourly loads of buildings as weighted sums of rows of shared tables.",
        inputs=(
            Array("library", ("h", "t"), "float32", "kW"),
            Array("profiles", ("k", "t"), "float32", "-"),
            Array("first", ("n1",), "int64", "-"),
            Array("row", ("m",), "int64", "-"),
            Array("weight", ("m",), "float64", "-"),
        ),
        outputs=(Array("load", ("n", "t"), "float32", "kW"),),
        sample=sample,
        work=lambda inputs: float((len(inputs["first"]) - 1) * inputs["library"].shape[1]),
        work_unit="building·hour",
        source="own: product of a sparse with a dense matrix",
        rtol=1e-5,
        atol=1e-6,
        properties=(
            Property("twice the weight is twice the load, exactly", _weights_scale),
            Property("the sum of a building is that of its rows", _sums_are_kept),
        ),
    )
)

variant("energy.load_mix", "reference")(reference)
variant("energy.load_mix", "numba")(fast)
