"""Loads of the arcs of a hierarchy moved to the links of the network, from the top down."""

from __future__ import annotations

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.traffic.hierarchy import Hierarchy


@njit(cache=True)
def find_own_links(h: Hierarchy, link_cost: np.ndarray, up: np.ndarray, down: np.ndarray, own: np.ndarray) -> None:
    """Fill `own` [2, arcs] (up, down) with the link that costs what the arc costs, -1 where there is none."""
    own[:] = -1
    for link in range(len(link_cost)):
        arc = h.link_arc[link] >> 1
        side = h.link_arc[link] & 1
        if arc >= 0 and link_cost[link] == (down[arc] if side == 1 else up[arc]):
            own[side, arc] = link


@njit(cache=True)
def unpack_branch(
    h: Hierarchy, branch: int, up: np.ndarray, down: np.ndarray, own: np.ndarray, loads: np.ndarray, flow: np.ndarray
) -> None:  # fmt: skip
    """Move the `loads` [2, arcs] of the arcs from the nodes of a branch to their own links, or to arcs below.

    The branches above it must be done.
    """
    nodes, first = len(h.parent), h.branch_start[branch]
    ahead, back = np.empty(nodes), np.empty(nodes)  # loads of the arcs of a node, by upper end
    there, home = np.empty(nodes), np.empty(nodes)  # what the arcs cost, -1 where no load is left
    for at in range(h.branch_start[branch + 1] - 1, first - 1, -1):
        r, left = h.branch_node[at], 0
        for e in range(ix(h.arc_start[r]), ix(h.arc_start[r + 1])):
            p = ix(h.arc_head[e])
            there[p], home[p] = -1.0, -1.0
            if own[0, e] >= 0:
                flow[own[0, e]] += loads[0, e]
            elif loads[0, e] > 0.0:
                ahead[p], there[p] = loads[0, e], up[e]
                left += 1
            if own[1, e] >= 0:
                flow[own[1, e]] += loads[1, e]
            elif loads[1, e] > 0.0:
                back[p], home[p] = loads[1, e], down[e]
                left += 1
        for i in range(h.below_start[r], h.below_start[r + 1]):
            if left == 0:
                break
            arc = ix(h.below_arc[i])
            to, fro = down[arc], up[arc]
            for e in range(ix(arc + 1), ix(h.arc_start[h.arc_tail[arc] + 1])):
                p = ix(h.arc_head[e])
                if to + up[e] == there[p]:
                    loads[1, arc] += ahead[p]
                    loads[0, e] += ahead[p]
                    there[p] = -1.0
                    left -= 1
                if down[e] + fro == home[p]:
                    loads[1, e] += back[p]
                    loads[0, arc] += back[p]
                    home[p] = -1.0
                    left -= 1
