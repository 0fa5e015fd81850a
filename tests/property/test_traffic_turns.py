"""Turn bans on random networks: what is reached, and at what cost, is what a search over links finds."""

from __future__ import annotations

import heapq

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.kernels.traffic.shortest_path import trees_reference
from twin.traffic.turns import take_apart


def over_links(tail: np.ndarray, head: np.ndarray, cost: np.ndarray, banned: set, source: int, nodes: int) -> list:
    """Return the least cost from a node to all nodes by a search whose states are links."""
    best = [np.inf] * nodes
    best[source] = 0.0
    queue = [(cost[k], k) for k in range(len(tail)) if tail[k] == source]
    heapq.heapify(queue)
    done = set()
    while queue:
        spent, link = heapq.heappop(queue)
        if link in done:
            continue
        done.add(link)
        best[head[link]] = min(best[head[link]], spent)
        for k in range(len(tail)):
            if tail[k] == head[link] and (link, k) not in banned:
                heapq.heappush(queue, (spent + cost[k], k))
    return best


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(1, 14), st.integers(0, 2**32 - 1), st.floats(0.0, 0.8))
def test_paths_obey_bans_and_nothing_else(nodes: int, links: int, seed: int, share: float) -> None:
    rng = np.random.Generator(np.random.Philox(seed))
    tail = rng.integers(0, nodes, links)
    head = (tail + rng.integers(1, nodes, links)) % nodes
    cost = rng.integers(1, 9, links).astype(float)
    pairs = [(a, b) for a in range(links) for b in range(links) if head[a] == tail[b] and rng.random() < share]
    turns = take_apart(tail, head, np.array(pairs, np.int64).reshape(-1, 2), np.arange(nodes), nodes)
    assert len(turns.link_tail) == links
    all_tail = np.concatenate([turns.link_tail, turns.tail])
    all_head = np.concatenate([turns.link_head, turns.head])
    all_cost = np.concatenate([cost, np.zeros(len(turns.tail))])
    order = np.argsort(all_tail, kind="stable")
    start = np.searchsorted(all_tail[order], np.arange(turns.nodes + 1))
    best, _ = trees_reference(start, all_head[order], all_cost[order], np.arange(nodes), 0)
    for source in range(nodes):
        expected = over_links(tail, head, cost, set(pairs), source, nodes)
        found = best[source, turns.leave]
        found[source] = 0.0
        assert found.tolist() == expected


def test_without_bans_nothing_changes() -> None:
    tail, head = np.array([0, 1]), np.array([1, 0])
    turns = take_apart(tail, head, np.empty((0, 2), np.int64), np.arange(2), 2)
    assert turns.nodes == 2 and len(turns.tail) == 0
    assert np.array_equal(turns.link_tail, tail) and np.array_equal(turns.link_head, head)
