"""Customizable contraction hierarchy: what depends on the topology of a network alone, and its costs.

The junctions of the network are ranked by nested dissection. Contracting them in that order leaves an undirected graph
of arcs, each from a lower to a higher rank, that holds a cheapest path between any two junctions as one way up and one
way down, whatever the links cost (Dibbelt, Strasser and Wagner 2016, doi 10.1145/2886843). So the order and the arcs
are worked out once per topology by `build_hierarchy`; `customize` gives the arcs their costs for a cost vector, the
basic customization of the same paper with triangles enumerated through their lowest node.

Nodes below `first_thru` (zone centroids) are not passed through. They are no part of the hierarchy: links to and from
them are looked at only where a path begins or ends.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.threads import over_threads
from twin.kernels.traffic.dissection import LEAF, by_ends, by_key, dissection_order, undirected

BRANCHES, TOP = 3, 2  # two that do not depend on each other, and what is above both


class Hierarchy(NamedTuple):
    """Everything that depends on the topology only; all arrays int64.

    Ranks number the junctions so that each subtree of the elimination tree is a range of ranks that ends at its root.
    """

    first_thru: int
    link_start: np.ndarray  # [nodes + 1] first link out of a node
    link_head: np.ndarray  # [links]
    in_start: np.ndarray  # [nodes + 1] first place of a node's incoming links in `in_link`
    in_link: np.ndarray  # [links]
    in_tail: np.ndarray  # [links] tail of `in_link`
    rank: np.ndarray  # [nodes], -1 for nodes that are not passed through
    parent: np.ndarray  # [junctions] by rank: next node of the elimination tree, -1 at a root
    arc_start: np.ndarray  # [junctions + 1] by rank: first arc up
    arc_head: np.ndarray  # [arcs] rank of the upper end, ascending within a node
    arc_tail: np.ndarray  # [arcs] rank of the lower end
    below_start: np.ndarray  # [junctions + 1] by rank: first place of the arcs from below in `below_arc`
    below_arc: np.ndarray  # [arcs]
    link_arc: np.ndarray  # [links] arc of a link: ``2 arc`` up, ``2 arc + 1`` down, -1 where it has none
    branch_start: np.ndarray  # [4] first place of every branch in `branch_node`
    branch_node: np.ndarray  # [junctions] the ranks of two parts with nothing between them, and of what is above both
    branch_link_start: np.ndarray  # [4] first place of every branch in `branch_link`
    branch_link: np.ndarray  # [links with an arc] by the branch of their lower end


class Metric(NamedTuple):
    """Costs of the arcs of a `Hierarchy` for several cost vectors."""

    link_cost: np.ndarray  # [costs, links]
    up: np.ndarray  # [costs, arcs] from the lower to the upper end
    down: np.ndarray  # [costs, arcs] from the upper to the lower end


@njit(cache=True)
def _postorder(adj_start: np.ndarray, adj: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return an order with the same arcs in which each subtree of the elimination tree is contiguous.

    The elimination tree without the arcs, with path compression: Liu 1986, doi 10.1145/6497.6499.
    """
    nodes = len(order)
    rank = np.empty(nodes, np.int64)
    rank[order] = np.arange(nodes)
    parent = np.full(nodes, -1)
    root = np.full(nodes, -1)
    for r in range(nodes):
        for e in range(adj_start[order[r]], adj_start[order[r] + 1]):
            at = rank[adj[e]]
            while at < r:
                above = root[at]
                root[at] = r
                if above == r:
                    break
                if above == -1:
                    parent[at] = r
                    break
                at = above
    child, sibling = np.full(nodes, -1), np.full(nodes, -1)
    for r in range(nodes - 1, -1, -1):
        if parent[r] >= 0:
            sibling[r] = child[parent[r]]
            child[parent[r]] = r
    result = np.empty(nodes, np.int64)
    place = 0
    for top in range(nodes):
        if parent[top] >= 0:
            continue
        at = top
        while True:
            while child[at] >= 0:
                at = child[at]
            while True:
                result[place] = order[at]
                place += 1
                if at == top or sibling[at] >= 0:
                    break
                at = parent[at]
            if at == top:
                break
            at = sibling[at]
    return result


@njit(cache=True)
def _arcs(adj_start: np.ndarray, adj: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the arcs up by rank, ascending, and the elimination tree (symbolic factorisation)."""
    nodes = len(order)
    rank = np.empty(nodes, np.int64)
    rank[order] = np.arange(nodes)
    start = np.zeros(nodes + 1, np.int64)
    head = np.empty(max(16, 4 * len(adj)), np.int64)
    parent = np.full(nodes, -1)
    child, sibling = np.full(nodes, -1), np.full(nodes, -1)
    seen = np.full(nodes, -1)
    for r in range(nodes):
        first = start[r]
        place = first
        room = first + nodes - r
        if room > len(head):
            wider = np.empty(2 * room, np.int64)
            wider[:first] = head[:first]
            head = wider
        seen[r] = r
        for e in range(adj_start[order[r]], adj_start[order[r] + 1]):
            w = rank[adj[e]]
            if w > r and seen[w] != r:
                seen[w] = r
                head[place] = w
                place += 1
        below = child[r]
        while below >= 0:
            for e in range(start[below], start[below + 1]):
                w = head[e]
                if seen[w] != r:
                    seen[w] = r
                    head[place] = w
                    place += 1
            below = sibling[below]
        start[r + 1] = place
        if place > first:
            parent[r] = head[first:place].min()
            sibling[r] = child[parent[r]]
            child[parent[r]] = r
    head = head[: start[nodes]]
    return start, head[by_ends(np.repeat(np.arange(nodes), np.diff(start)), head, nodes)], parent


@njit(cache=True)
def _arc_of_links(
    link_start: np.ndarray, link_head: np.ndarray, rank: np.ndarray, arc_start: np.ndarray, arc_head: np.ndarray
) -> np.ndarray:
    found = np.full(len(link_head), -1)
    for node in range(len(rank)):
        for link in range(link_start[node], link_start[node + 1]):
            low, high = rank[node], rank[link_head[link]]
            if low < 0 or high < 0 or low == high:
                continue
            down = 1 if low > high else 0
            if down == 1:
                low, high = high, low
            a, b = arc_start[low], arc_start[low + 1]
            found[link] = 2 * (a + np.searchsorted(arc_head[a:b], high)) + down
    return found


@njit(cache=True)
def _branches(
    parent: np.ndarray, arc_start: np.ndarray, arc_tail: np.ndarray, below_start: np.ndarray, below_arc: np.ndarray
) -> np.ndarray:
    """Return the branch of every junction: 0 and 1 do not depend on each other, 2 is above both.

    The first ranks up to any of them are whole subtrees, which share no more with the others than what is above the
    last of them. They are chosen for `customize` to take least time where two threads share 0 and 1.
    """
    nodes = len(parent)
    work, above = np.empty(nodes, np.int64), np.zeros(nodes, np.int64)
    for r in range(nodes):
        work[r] = 1 + arc_start[r + 1] - arc_start[r]
        for i in range(below_start[r], below_start[r + 1]):
            work[r] += arc_start[arc_tail[below_arc[i]] + 1] - below_arc[i]
    for r in range(nodes - 1, -1, -1):
        if parent[r] >= 0:
            above[r] = work[parent[r]] + above[parent[r]]
    total, before = work.sum(), np.int64(0)
    least, last = total, -1
    for r in range(nodes):
        before += work[r]
        longest = max(before, total - before - above[r]) + above[r]
        if longest < least:
            least, last = longest, r
    branch = np.ones(nodes, np.int64)
    branch[: last + 1] = 0
    while last >= 0:
        last = parent[last]
        if last >= 0:
            branch[last] = 2
    return branch


def build_hierarchy(
    link_start: np.ndarray, link_head: np.ndarray, first_thru: int, order: np.ndarray | None = None, leaf: int = LEAF
) -> Hierarchy:
    """Work out everything that depends on the topology alone: pay once, then ask for any costs.

    Parameters
    ----------
    link_start : int64 [nodes + 1]
    link_head : int64 [links]
    first_thru : int
        Nodes below it are not passed through.
    order : int64 [nodes - first_thru], optional
        The junctions from lowest to highest; by default a nested dissection that needs no coordinates.
    leaf : int
        See `dissection_order`.

    Returns
    -------
    Hierarchy
    """
    link_start, link_head = np.ascontiguousarray(link_start, np.int64), np.ascontiguousarray(link_head, np.int64)
    nodes = len(link_start) - 1
    first_thru = min(max(int(first_thru), 0), nodes)
    tail = np.repeat(np.arange(nodes), np.diff(link_start))
    inner = (tail >= first_thru) & (link_head >= first_thru)
    adj_start, adj = undirected(tail[inner] - first_thru, link_head[inner] - first_thru, nodes - first_thru)
    order = dissection_order(adj_start, adj, leaf=leaf) if order is None else np.asarray(order, np.int64) - first_thru
    order = _postorder(adj_start, adj, order)
    arc_start, arc_head, parent = _arcs(adj_start, adj, order)
    rank = np.full(nodes, -1, np.int64)
    rank[first_thru + order] = np.arange(len(order))
    in_start, in_link = by_key(link_head, nodes)
    below_start, below_arc = by_key(arc_head, len(order))
    arc_tail = np.repeat(np.arange(len(order)), np.diff(arc_start))
    link_arc = _arc_of_links(link_start, link_head, rank, arc_start, arc_head)
    branch = _branches(parent, arc_start, arc_tail, below_start, below_arc)
    branch_start, branch_node = by_key(branch, BRANCHES)
    with_arc = np.flatnonzero(link_arc >= 0)
    branch_link_start, branch_link = by_key(branch[arc_tail[link_arc[with_arc] >> 1]], BRANCHES)
    return Hierarchy(
        first_thru=first_thru,
        link_start=link_start,
        link_head=link_head,
        in_start=in_start,
        in_link=in_link,
        in_tail=tail[in_link],
        rank=rank,
        parent=parent,
        arc_start=arc_start,
        arc_head=arc_head,
        arc_tail=arc_tail,
        below_start=below_start,
        below_arc=below_arc,
        link_arc=link_arc,
        branch_start=branch_start,
        branch_node=branch_node,
        branch_link_start=branch_link_start,
        branch_link=with_arc[branch_link],
    )


@njit(cache=True)
def first_passed(link_start: np.ndarray, link_head: np.ndarray, first_thru: int, zones: int) -> int:
    """Return the first node from `first_thru` to `zones` that links with two others or more, or `zones`.

    No cheapest path passes through a dead end, so that a hierarchy can do without those before this node.
    """
    nodes = len(link_start) - 1
    low, high = np.full(nodes, nodes), np.full(nodes, -1)
    for u in range(nodes):
        for link in range(link_start[u], link_start[u + 1]):
            v = link_head[link]
            if u != v:
                low[u], high[u] = min(low[u], v), max(high[u], v)
                low[v], high[v] = min(low[v], u), max(high[v], u)
    first = first_thru
    while first < zones and low[first] >= high[first]:
        first += 1
    return first


@njit(cache=True)
def _customize(
    nodes: np.ndarray,
    links: np.ndarray,
    link_arc: np.ndarray,
    arc_start: np.ndarray,
    arc_head: np.ndarray,
    arc_tail: np.ndarray,
    below_start: np.ndarray,
    below_arc: np.ndarray,
    link_cost: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
) -> None:
    """Fill the costs of the arcs up from `nodes`, which `links` may stand for, after those from all nodes below.

    The cheaper of a link and of the way through a lower node, lowest node first.
    """
    ahead, back = np.empty(len(arc_start)), np.empty(len(arc_start))
    for node in nodes:
        for e in range(ix(arc_start[ix(node)]), ix(arc_start[ix(node + 1)])):
            up[e], down[e] = np.inf, np.inf
    for link in links:
        arc = link_arc[ix(link)] >> 1
        if link_arc[ix(link)] & 1 == 1:
            down[arc] = min(down[arc], link_cost[ix(link)])
        else:
            up[arc] = min(up[arc], link_cost[ix(link)])
    for node in nodes:
        s, end = ix(arc_start[ix(node)]), ix(arc_start[ix(node + 1)])
        for e in range(s, end):
            ahead[ix(arc_head[e])] = up[e]
            back[ix(arc_head[e])] = down[e]
        for i in range(ix(below_start[ix(node)]), ix(below_start[ix(node + 1)])):
            arc = ix(below_arc[i])
            to, fro = down[arc], up[arc]
            for e in range(ix(arc + 1), ix(arc_start[arc_tail[arc] + 1])):
                w = ix(arc_head[e])
                there, home = to + up[e], down[e] + fro
                ahead[w] = there if there < ahead[w] else ahead[w]
                back[w] = home if home < back[w] else back[w]
        for e in range(s, end):
            up[e] = ahead[ix(arc_head[e])]
            down[e] = back[ix(arc_head[e])]


@njit(cache=True)
def customize_branch(h: Hierarchy, branch: int, link_cost: np.ndarray, up: np.ndarray, down: np.ndarray) -> None:
    """Fill the costs of the arcs up from the nodes of a branch; those of the branches below it are there."""
    nodes = h.branch_node[h.branch_start[branch] : h.branch_start[branch + 1]]
    links = h.branch_link[h.branch_link_start[branch] : h.branch_link_start[branch + 1]]
    _customize(
        nodes, links, h.link_arc, h.arc_start, h.arc_head, h.arc_tail, h.below_start, h.below_arc, link_cost, up, down
    )  # fmt: skip


@over_threads
@njit(cache=True, nogil=True)
def _customize_all(
    begin: int,
    end: int,
    nodes: np.ndarray,
    links: np.ndarray,
    link_arc: np.ndarray,
    arc_start: np.ndarray,
    arc_head: np.ndarray,
    arc_tail: np.ndarray,
    below_start: np.ndarray,
    below_arc: np.ndarray,
    link_cost: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
) -> None:
    for k in range(begin, end):
        _customize(
            nodes, links, link_arc, arc_start, arc_head, arc_tail, below_start, below_arc, link_cost[k], up[k], down[k]
        )  # fmt: skip


def customize(hierarchy: Hierarchy, link_cost: np.ndarray) -> Metric:
    """Give the arcs of a hierarchy their costs for each cost vector.

    Parameters
    ----------
    hierarchy : Hierarchy
    link_cost : float64 [costs, links]
        Not negative; infinite when closed.

    Returns
    -------
    Metric
    """
    h = hierarchy
    link_cost = np.ascontiguousarray(link_cost, np.float64)
    metric = Metric(link_cost, *np.empty((2, len(link_cost), len(h.arc_head))))
    of_all = (h.branch_node, h.branch_link, h.link_arc)  # a branch above others comes after them
    _customize_all(len(link_cost), *of_all, h.arc_start, h.arc_head, h.arc_tail, h.below_start, h.below_arc, *metric)
    return metric
