"""Counter-based random numbers keyed by (seed, model, entity id, draw).

The same entity draws the same numbers in every scenario, whatever else changed in the city and in whatever
order entities are visited. The generator is Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel
random numbers: as easy as 1, 2, 3", doi 10.1145/2063384.2063405).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_LOW = np.uint64(0xFFFFFFFF)


def philox(counter: NDArray[np.uint32], key: tuple[int, int]) -> NDArray[np.uint32]:
    """Return Philox 4x32-10 of each counter.

    Parameters
    ----------
    counter : uint32 (n, 4)
    key : two 32-bit words

    Returns
    -------
    uint32 (n, 4)
    """
    x = [counter[:, i].astype(np.uint64) for i in range(4)]
    k0, k1 = key[0] & 0xFFFFFFFF, key[1] & 0xFFFFFFFF
    for _ in range(10):
        p0, p1 = _M0 * x[0], _M1 * x[2]
        x = [
            (p1 >> np.uint64(32)) ^ x[1] ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> np.uint64(32)) ^ x[3] ^ np.uint64(k1),
            p0 & _LOW,
        ]
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return np.stack(x, axis=1).astype(np.uint32)


def entity_keys(ids: Iterable[str]) -> NDArray[np.uint64]:
    """Return a 64-bit key per entity id (BLAKE2b of the id, so independent of order and process)."""
    digests = b"".join(hashlib.blake2b(str(i).encode(), digest_size=8).digest() for i in ids)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def uniform(seed: int, model: str, keys: NDArray[np.uint64], draw: int = 0, n: int = 1) -> NDArray[np.float64]:
    """Return numbers in (0, 1), shape (len(keys), n).

    Parameters
    ----------
    seed : int
        The study's seed.
    model : str
        The name of the stream, for example ``"charging.arrival"``.
    keys : uint64 (m,)
        Entity keys from `entity_keys`.
    draw : int
        Index of the uncertainty draw.
    n : int
        Numbers per entity.
    """
    return uniform_at(stream_key(seed, model), keys, draw, n)


def stream_key(seed: int, model: str) -> tuple[int, int]:
    """Return the two 32-bit words that select the stream of a model under a seed."""
    digest = hashlib.blake2b(f"{seed}/{model}".encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def uniform_at(
    stream: tuple[int, int], keys: NDArray[np.uint64], draw: int, n: int, first: int | NDArray[np.int64] = 0
) -> NDArray[np.float64]:
    """Return n numbers in (0, 1) per entity from the position 2 `first` of its sequence on, shape (len(keys), n).

    `first` counts steps of the generator, of two numbers each, and may differ between entities. Kernels that draw
    within their loops compute the same numbers from the same counters.
    """
    m = len(keys)
    steps = (n + 1) // 2
    counter = np.empty((m * steps, 4), np.uint32)
    counter[:, 0] = np.repeat((keys & _LOW).astype(np.uint32), steps)
    counter[:, 1] = np.repeat((keys >> np.uint64(32)).astype(np.uint32), steps)
    counter[:, 2] = np.uint32(draw)
    counter[:, 3] = (np.broadcast_to(first, m)[:, None] + np.arange(steps)).ravel().astype(np.uint32)
    words = philox(counter, stream).astype(np.uint64)
    high = words[:, 0::2] << np.uint64(21)
    bits = high ^ (words[:, 1::2] >> np.uint64(11))
    return ((bits.astype(np.float64) + 0.5) * 2.0**-53).reshape(m, steps * 2)[:, :n]


def normal(seed: int, model: str, keys: NDArray[np.uint64], draw: int = 0, n: int = 1) -> NDArray[np.float64]:
    """Return standard normal numbers, shape (len(keys), n), by inversion."""
    from scipy.special import ndtri

    return np.asarray(ndtri(uniform(seed, model, keys, draw, n)))
