"""Junctions with turn bans, taken apart so that a path through them is a turn that is allowed.

Such a junction gets a node for every link that ends there and one for every link that begins there, joined by links
without cost for the turns that are allowed: links of the street stay single. What begins a journey at the junction
(connectors) joins at its own node, from which every beginning link can be reached; what ends one leaves from a node
that every ending link leads to.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Turns(NamedTuple):
    """A network whose junctions with bans are taken apart.

    ``link_tail``, ``link_head`` [links] are the ends of the links after that; ``tail``, ``head`` [turns] the added
    links without cost; ``leave`` [junctions] the node from which journeys that end at a junction go on to their zone;
    ``nodes`` the number of nodes with those added.
    """

    link_tail: Ints
    link_head: Ints
    tail: Ints
    head: Ints
    leave: Ints
    nodes: int


def take_apart(link_tail: Ints, link_head: Ints, banned: Ints, joined: Ints, nodes: int) -> Turns:
    """Return the network in which no path makes a banned turn.

    Parameters
    ----------
    link_tail, link_head : int64 [links]
    banned : int64 [bans, 2]
        The link left and the link entered, which begins where the first ends.
    joined : int64 [any]
        Nodes to which connectors lead.
    nodes : int
    """
    tails, heads = np.asarray(link_tail, np.int64).copy(), np.asarray(link_head, np.int64).copy()
    leave = np.arange(nodes, dtype=np.int64)
    forbidden = set(map(tuple, banned.tolist()))
    with_connector = set(joined.tolist())
    added: list[tuple[int, int]] = []
    for junction in np.unique(link_head[banned[:, 0]]).tolist():
        entering, leaving = np.flatnonzero(link_head == junction), np.flatnonzero(link_tail == junction)
        heads[entering] = nodes + np.arange(len(entering))
        tails[leaving] = nodes + len(entering) + np.arange(len(leaving))
        nodes += len(entering) + len(leaving)
        added += [(heads[a], tails[b]) for a in entering for b in leaving if (a, b) not in forbidden]
        if junction in with_connector:
            added += [(junction, tails[b]) for b in leaving] + [(heads[a], nodes) for a in entering]
            leave[junction] = nodes
            nodes += 1
    turns = np.array(added, np.int64).reshape(-1, 2)
    return Turns(tails, heads, turns[:, 0], turns[:, 1], leave, nodes)
