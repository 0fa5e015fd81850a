"""Order of elimination by minimum fill, of a piece of a network.

Eliminating a node links all its neighbours with one another. The next is always the node that adds the fewest of these
links (scheme 3 of Tinney and Walker 1967, doi 10.1109/PROC.1967.6011), of several the one with the fewest neighbours.
How many every node would add is kept up to date link by link. Neighbours are bits, so that two nodes' neighbours are
compared 64 at a time: small pieces are ordered in far less time than they are dissected in, with fewer links added.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels.jit import njit

WORD = 64  # bits
STEP = 2**20  # more neighbours than a node of a piece can have
NEVER = 2**62  # key of a node that is not to be eliminated, or was
ONE = np.uint64(1)
TWOS, FOURS = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)  # every second bit, two bits of four
EIGHTS, BYTES = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)  # four of eight, the last of eight


class Piece(NamedTuple):
    """The nodes of a piece, by their number in it, and then those around it, which stay."""

    linked: np.ndarray  # [nodes, words] bits of the neighbours; the nodes around the piece are linked with one another
    key: np.ndarray  # [nodes] what to choose by: `STEP` for every link that eliminating a node adds, and its degree


@njit(cache=True, inline="always")
def _ones(word: np.uint64) -> np.uint64:
    """Return how many bits are set."""
    word = word - ((word >> ONE) & TWOS)
    word = (word & FOURS) + ((word >> np.uint64(2)) & FOURS)
    word = (word + (word >> np.uint64(4))) & EIGHTS
    return (word * BYTES) >> np.uint64(56)


@njit(cache=True)
def _count_without(row: np.ndarray, other: np.ndarray) -> int:
    """Return how many bits of `row` the `other` lacks."""
    count = 0
    for w in range(len(row)):
        count += int(_ones(row[w] & ~other[w]))
    return count


@njit(cache=True)
def _list_bits(row: np.ndarray, found: np.ndarray) -> int:
    """Fill `found` with the numbers of the bits that are set, ascending; return how many."""
    count = 0
    for w in range(len(row)):
        word = row[w]
        while word != np.uint64(0):
            last = word & (~word + ONE)
            found[count] = WORD * w + np.int64(_ones(last - ONE))
            count += 1
            word ^= last
    return count


@njit(cache=True, inline="always")
def _has(linked: np.ndarray, a: int, b: int) -> bool:
    return (linked[a, b // WORD] >> np.uint64(b % WORD)) & ONE != np.uint64(0)


@njit(cache=True, inline="always")
def _flip(linked: np.ndarray, a: int, b: int) -> None:
    linked[a, b // WORD] ^= ONE << np.uint64(b % WORD)


@njit(cache=True)
def _piece(start: np.ndarray, adj: np.ndarray, piece: np.ndarray, local: np.ndarray) -> Piece:
    """Return the `piece` of a network; `local` [nodes of the network] is -1 everywhere, also after."""
    size = len(piece)
    around = [piece[0] for _ in range(0)]
    for i in range(size):
        local[piece[i]] = i
    for i in range(size):
        for e in range(start[piece[i]], start[piece[i] + 1]):
            if local[adj[e]] < 0:
                local[adj[e]] = size + len(around)
                around.append(adj[e])
    total = size + len(around)
    linked = np.zeros((total, (total + WORD - 1) // WORD), np.uint64)
    for i in range(size):
        for e in range(start[piece[i]], start[piece[i] + 1]):
            j = local[adj[e]]
            _flip(linked, i, j)
            if j >= size:
                _flip(linked, j, i)
    for i in range(size, total):
        for j in range(size, total):
            if i != j:
                _flip(linked, i, j)
    for i in range(size):
        local[piece[i]] = -1
    for v in around:
        local[v] = -1
    key, near = np.full(total, NEVER), np.empty(total, np.int64)
    for i in range(size):
        degree, missing = _list_bits(linked[i], near), 0
        for n in range(degree):
            missing += _count_without(linked[i], linked[near[n]]) - 1  # a neighbour is none of its own
        key[i] = STEP * (missing // 2) + degree
    return Piece(linked, key)


@njit(cache=True)
def _link(a: int, b: int, p: Piece, shared: np.ndarray, near: np.ndarray) -> None:
    """Link two nodes; `shared` [words] and `near` [nodes] are scratch space."""
    linked, key = p.linked, p.key
    for w in range(linked.shape[1]):
        shared[w] = linked[a, w] & linked[b, w]
    for n in range(_list_bits(shared, near)):
        key[near[n]] -= STEP
    key[a] += STEP * _count_without(linked[a], linked[b]) + 1
    key[b] += STEP * _count_without(linked[b], linked[a]) + 1
    _flip(linked, a, b)
    _flip(linked, b, a)


@njit(cache=True)
def _eliminate(v: int, p: Piece, near: np.ndarray, shared: np.ndarray, scratch: np.ndarray) -> None:
    """Link all neighbours of node `v` with one another, and take it out."""
    degree = _list_bits(p.linked[v], near)
    for i in range(degree):
        for j in range(i):
            if not _has(p.linked, near[i], near[j]):
                _link(near[i], near[j], p, shared, scratch)
    for i in range(degree):
        u = near[i]
        p.key[u] -= STEP * (_count_without(p.linked[u], p.linked[v]) - 1) + 1  # not `v` itself
        _flip(p.linked, u, v)
    p.key[v] = NEVER


@njit(cache=True)
def sort_by_minimum_fill(start: np.ndarray, adj: np.ndarray, piece: np.ndarray, local: np.ndarray) -> None:
    """Sort the nodes `piece` in place in the order of their elimination; nodes around them count but stay.

    Parameters
    ----------
    start, adj : int64 [nodes + 1], [2 × edges]
        Adjacency lists of the whole network.
    piece : int64 [size]
    local : int64 [nodes]
        Scratch space: -1 everywhere, also after.
    """
    size = len(piece)
    p = _piece(start, adj, piece, local)
    total, words = p.linked.shape
    near, scratch, shared = np.empty(total, np.int64), np.empty(total, np.int64), np.empty(words, np.uint64)
    order = np.empty(size, np.int64)
    for rank in range(size):
        v = int(np.argmin(p.key))
        order[rank] = piece[v]
        _eliminate(v, p, near, shared, scratch)
    piece[:] = order
