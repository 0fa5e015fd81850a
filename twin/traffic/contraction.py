"""Links in series made one: nodes of degree two taken out of a network, with the way back.

Two links in series carry the same flow. With the same power ``p``, the sum of their BPR times is one BPR time of the
capacity of the first, with ``t0 = t1 + t2`` and ``alpha * t0 = t1 * a1 + t2 * a2 * (c1 / c2) ** p``: no approximation.
Links whose time does not depend on flow join any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from twin.city.road_network import RoadNetwork

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Contracted:
    """A network without nodes of degree two; `link_of` [links of the full network] is the link that each is part of."""

    network: RoadNetwork
    link_of: Ints

    def expand(self, values: Floats) -> Floats:
        """Return values of the contracted links (flows), [..., links], as values of the full network's links."""
        return np.asarray(values[..., self.link_of])

    def total(self, values: Floats) -> Floats:
        """Return sums over each chain of values of the full network's links (costs, lengths), [..., links]."""
        rows = values.reshape(-1, values.shape[-1])
        sums = np.array([_sums(self.link_of, row, len(self.network.link_head)) for row in rows])
        return sums.reshape(*values.shape[:-1], len(self.network.link_head))


def _sums(group: Ints, values: Floats, groups: int) -> Floats:
    return np.bincount(group, values, groups).astype(np.float64)


def contract(network: RoadNetwork) -> Contracted:
    """Return the network with its links in series joined where the sum of their times is one BPR time.

    A node goes when it has two neighbours, is no zone, and joins one link to one in each direction that passes it. Its
    turns back lead nowhere that a cheapest path goes, and are not kept. Zones and all numbers of nodes stay.
    """
    chains = [[k] for k in range(len(network.link_head))]
    tail, head = network.link_tail.tolist(), network.link_head.tolist()
    time, alpha, power, capacity = (
        array.tolist() for array in (network.free_flow_time, network.alpha, network.power, network.capacity)
    )
    nodes = len(network.node_labels)
    enter: list[set[int]] = [set() for _ in range(nodes)]
    leave: list[set[int]] = [set() for _ in range(nodes)]
    for k in range(len(tail)):
        leave[tail[k]].add(k)
        enter[head[k]].add(k)
    for node in range(max(network.zones, network.first_thru), nodes):
        pairs = _through(sorted(enter[node]), sorted(leave[node]), tail, head)
        joined = [_sum(a, b, time, alpha, power, capacity) for a, b in pairs]
        if any(one is None for one in joined):
            continue
        for (a, b), one in zip(pairs, joined, strict=True):
            assert one is not None
            time[a], alpha[a], power[a], capacity[a] = one
            chains[a] += chains[b]
            chains[b] = []
            enter[node].discard(a)
            leave[node].discard(b)
            enter[head[b]].discard(b)
            enter[head[b]].add(a)
            head[a] = head[b]
    return _renumber(network, chains, tail, head, time, alpha, power, capacity)


def _through(entering: list[int], leaving: list[int], tail: list[int], head: list[int]) -> list[tuple[int, int]]:
    """Return the links (in, out) that follow each other through a node of degree two; none at other nodes."""
    sides, targets = [tail[k] for k in entering], [head[k] for k in leaving]
    if len(set(sides) | set(targets)) != 2 or len(set(sides)) < len(sides) or len(set(targets)) < len(targets):
        return []
    return [(a, b) for a in entering for b in leaving if tail[a] != head[b]]


def _sum(
    a: int, b: int, time: list[float], alpha: list[float], power: list[float], capacity: list[float]
) -> tuple[float, float, float, float] | None:
    """Return time, alpha, power and capacity of two links in series, or None where their sum is no BPR time."""
    fixed = [power[k] == 0.0 or alpha[k] == 0.0 or time[k] == 0.0 for k in (a, b)]
    whole = [time[k] * (1.0 + alpha[k]) if power[k] == 0.0 else time[k] for k in (a, b)]
    total = whole[0] + whole[1]
    if all(fixed):
        return total, 0.0, 1.0, min(capacity[a], capacity[b])
    if fixed[0] or fixed[1]:
        k = b if fixed[0] else a
        return total, alpha[k] * time[k] / total, power[k], capacity[k]
    if power[a] != power[b]:
        return None
    rise = time[a] * alpha[a] + time[b] * alpha[b] * (capacity[a] / capacity[b]) ** power[a]
    return total, rise / total, power[a], capacity[a]


def _renumber(
    network: RoadNetwork,
    chains: list[list[int]],
    tail: list[int],
    head: list[int],
    time: list[float],
    alpha: list[float],
    power: list[float],
    capacity: list[float],
) -> Contracted:
    kept = np.array([k for k, chain in enumerate(chains) if chain], np.int64)
    tails, heads = np.array(tail, np.int64)[kept], np.array(head, np.int64)[kept]
    kept = kept[np.lexsort((kept, heads, tails))]
    link_of = np.empty(len(chains), np.int64)
    for position, k in enumerate(kept):
        link_of[chains[k]] = position
    tails = np.array(tail, np.int64)[kept]
    small = replace(
        network,
        link_start=np.searchsorted(tails, np.arange(len(network.node_labels) + 1)).astype(np.int64),
        link_tail=tails,
        link_head=np.array(head, np.int64)[kept],
        free_flow_time=np.array(time)[kept],
        alpha=np.array(alpha)[kept],
        power=np.array(power)[kept],
        capacity=np.array(capacity)[kept],
        length=_sums(link_of, network.length, len(kept)),
        toll=_sums(link_of, network.toll, len(kept)),
        link_ids=tuple("+".join(network.link_ids[j] for j in chains[k]) for k in kept),
    )
    return Contracted(small, link_of)
