"""The first bush of an origin: all links that lead away from it, with its flow on cheapest paths."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.traffic.bush import Bushes, Net, Work
from twin.kernels.traffic.bush_pack import pack


class Heap(NamedTuple):
    """Scratch space of `start_bush`."""

    key: np.ndarray
    item: np.ndarray


@njit(cache=True)
def make_heap(links: int) -> Heap:
    """Return scratch space; every link puts one entry on the heap at most."""
    return Heap(np.full(links + 3, np.inf), np.empty(links + 3, np.int32))


@njit(cache=True)
def start_bush(b: int, cost: np.ndarray, wanted: np.ndarray, net: Net, bushes: Bushes, w: Work, heap: Heap) -> None:
    """Give bush `b` all links that lead away from its origin, at link costs `cost`, with its flow on cheapest paths.

    ``best`` keeps the labels, infinite where there is no way. Links beyond the room of the row wait for `renew`.
    """
    origin = bushes.group[b, 1]
    reached = _label(origin, cost, net, w, heap)
    w.entering[:] = -1
    best, room = w.best, bushes.tail.shape[1] - reached
    for u in range(len(best)):
        if best[u] == np.inf or (u < net.first_thru and u != origin):
            continue
        for link in range(net.start[u], net.start[u + 1]):
            v = net.head[link]
            if w.tree[v] == link or (w.place[u] < w.place[v] and best[u] < best[v] and room > 0):
                room -= w.tree[v] != link
                at = w.place[v]
                w.following[link], w.entering[at] = w.entering[at], link
    bushes.size[b, 1] = reached
    for p in range(reached):
        bushes.node[b, p], bushes.first[b, p + 1] = w.order[p], 0
        w.order[p] = p
    pack(b, reached, wanted, bushes, net, w)
    node, first, link, flow = bushes.node[b], bushes.first[b], bushes.link[b], bushes.flow[b]
    for p in range(1, reached):
        for a in range(first[p], first[p + 1]):
            flow[a] = 1.0 if link[a] == w.tree[node[p]] else 0.0  # for `settle` to scale


@njit(cache=True)
def _label(origin: int, cost: np.ndarray, net: Net, w: Work, heap: Heap) -> int:
    """Fill ``best``, the last link ``tree`` of the cheapest path, ``place`` and ``order``; return the nodes reached.

    Dijkstra with a heap that keeps outdated entries; centroids, which lead nowhere, stay off it and come last.
    """
    best, place, order, key, item = w.best, w.place, w.order, heap.key, heap.item
    best[:] = np.inf
    place[:] = -1
    w.tree[:] = -1
    best[origin] = 0.0
    key[0], item[0] = 0.0, origin
    size, found = 1, 0
    while size > 0:
        base, u = key[0], item[0]
        size -= 1
        last, what = key[size], item[size]
        key[size] = np.inf
        i, child = 0, 1
        while child < size:  # the hole sinks to the bottom; comparing with the last entry would often guess wrong
            child += key[child + 1] < key[child]
            key[i], item[i] = key[child], item[child]
            i, child = child, 2 * child + 1
        while i > 0 and key[(i - 1) // 2] > last:
            key[i], item[i] = key[(i - 1) // 2], item[(i - 1) // 2]
            i = (i - 1) // 2
        key[i], item[i] = last, what
        if place[u] >= 0 or base > best[u]:
            continue
        order[found], place[u] = u, found
        found += 1
        for link in range(net.start[u], net.start[u + 1]):
            v = net.head[link]
            through = base + cost[link]
            if through < best[v]:
                best[v], w.tree[v] = through, link
                if v >= net.first_thru:
                    i = size
                    size += 1
                    while i > 0 and key[(i - 1) // 2] > through:
                        key[i], item[i] = key[(i - 1) // 2], item[(i - 1) // 2]
                        i = (i - 1) // 2
                    key[i], item[i] = through, v
    for v in range(min(net.first_thru, len(best))):
        if best[v] < np.inf and v != origin:
            order[found], place[v] = v, found
            found += 1
    return found
