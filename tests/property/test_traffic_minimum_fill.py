"""Orders by minimum fill, against sets of neighbours that are counted anew for every node."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.kernels.traffic.dissection import undirected
from twin.kernels.traffic.minimum_fill import sort_by_minimum_fill

MOST = 75  # nodes: neighbours may need two words of bits


def _plain(near: list[set[int]], piece: list[int]) -> list[int]:
    """Return `piece` in the order of elimination; nodes around it count as linked with one another."""
    near = [set(n) for n in near]
    around = set().union(*(near[v] for v in piece)) - set(piece)
    for v in around:
        near[v] = (near[v] & set(piece)) | around - {v}
    place, left, order = {v: i for i, v in enumerate(piece)}, set(piece), []

    def fill(v: int) -> int:
        return sum(b not in near[a] for a, b in itertools.combinations(near[v], 2))

    while left:
        v = min(left, key=lambda u: (fill(u), len(near[u]), place[u]))
        for a in near[v]:
            near[a] = (near[a] | near[v]) - {a, v}
        left.remove(v)
        order.append(v)
    return order


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), density=st.floats(0.3, 1.5))
def test_the_node_that_adds_the_fewest_links_is_next(seed: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    nodes = int(rng.integers(2, MOST))
    tail, head = rng.integers(0, nodes, (2, int(density * nodes)))
    start, adj = undirected(tail, head, nodes)
    near = [set(adj[start[v] : start[v + 1]].tolist()) for v in range(nodes)]
    piece = rng.permutation(nodes)[: int(rng.integers(1, nodes + 1))]
    expected, local = _plain(near, piece.tolist()), np.full(nodes, -1)
    sort_by_minimum_fill(start, adj, piece, local)
    assert piece.tolist() == expected
    assert (local == -1).all()


def test_a_ring_is_opened_before_its_hub_is_taken() -> None:
    rim = np.arange(70)
    start, adj = undirected(np.concatenate([rim, np.full(70, 70)]), np.concatenate([(rim + 1) % 70, rim]), 71)
    piece = np.arange(71)
    sort_by_minimum_fill(start, adj, piece, np.full(71, -1))
    assert set(piece[-3:].tolist()) >= {70}
