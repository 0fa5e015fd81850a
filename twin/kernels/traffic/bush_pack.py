"""Packing a bush anew: its nodes in a new order, without the arcs that go and with the links that come in.

The scratch space tells what is to be done: `mark` which links of the row stay, `entering` and `following` which ones
come in, and `order` how the positions follow on each other; it is the old order where nothing else is asked for.
"""

from __future__ import annotations

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.traffic.bush import Bushes, Net, Work, copy_part

MEETS, LEADS = 3, 1  # to a meeting of ways, and with it to a destination; to a destination alone


@njit(cache=True)
def sort(b: int, lowest: int, highest: int, bushes: Bushes, net: Net, w: Work) -> None:
    """Change ``order`` between two positions of row `b` to a topological order, close to the old order.

    Depth first against the arcs: a node follows when the tails of all arcs into it have.
    """
    first, tail, link = bushes.first[b], bushes.tail[b], bushes.link[b]
    stack, done = w.queue, w.state
    for p in range(lowest):
        done[p] = 1
    for p in range(lowest, highest + 1):
        done[p] = 0
    found = lowest
    for start in range(lowest, highest + 1):
        if done[start] == 1:
            continue
        stack[0] = start
        depth = 1
        while depth > 0:
            p = ix(stack[depth - 1])
            waits_for = -1
            for a in range(ix(first[p]), ix(first[p + 1])):
                if done[ix(tail[a])] == 0 and w.mark[ix(link[a])] == 1:
                    waits_for = tail[a]
                    break
            enters = w.entering[p] if waits_for < 0 else -1
            while enters >= 0:
                if done[w.place[net.tail[enters]]] == 0:
                    waits_for = w.place[net.tail[enters]]
                    break
                enters = w.following[enters]
            if waits_for >= 0:
                stack[depth] = waits_for
                depth += 1
            else:
                done[p] = 1
                w.order[found] = p
                found += 1
                depth -= 1


@njit(cache=True)
def _lead(b: int, reached: int, wanted: np.ndarray, bushes: Bushes, net: Net, w: Work) -> tuple[int, int]:
    """Fill ``state`` with where positions lead to, and sizes; return the arcs that lead to a meeting, and to anywhere.

    Destinations are the zones that trips are `wanted` to.
    """
    node, first, tail, link = bushes.node[b], bushes.first[b], bushes.tail[b], bushes.link[b]
    zones, leads, mark, entering, following = len(wanted), w.state, w.mark, w.entering, w.following
    for p in range(reached):
        v = ix(node[p])
        leads[p] = (v < zones) & (wanted[v if v < zones else ix(0)] > 0.0)
    leads[0] = MEETS
    meeting, live, meeting_arcs, live_arcs = 0, 0, 0, 0
    for q in range(reached - 1, -1, -1):
        p = ix(w.order[q])
        way = leads[p]
        if way == 0:
            continue
        s, e, enters, arcs = ix(first[p]), ix(first[p + 1]), entering[p], 1
        if e == s + 1 and enters < 0:  # most have but one arc, and keep it
            leads[ix(tail[s])] |= way
        else:
            arcs = 0
            for a in range(s, e):
                arcs += mark[ix(link[a])]
            n = enters
            while n >= 0:
                arcs += 1
                n = following[ix(n)]
            if arcs > 1:
                leads[p] = way = MEETS
            for a in range(s, e):
                leads[ix(tail[a])] |= way if mark[ix(link[a])] == 1 else 0
            while enters >= 0:
                leads[ix(w.place[ix(net.tail[ix(enters)])])] |= way
                enters = following[ix(enters)]
        live += 1
        live_arcs += arcs
        meeting += way == MEETS
        meeting_arcs += arcs if way == MEETS else 0
    bushes.size[b, 0], bushes.size[b, 1], bushes.size[b, 2] = live, reached, meeting
    return meeting_arcs, live_arcs


@njit(cache=True)
def pack(b: int, reached: int, wanted: np.ndarray, bushes: Bushes, net: Net, w: Work) -> None:
    """Write row `b` anew: nodes that lead to a meeting of ways first, those that lead to no destination last."""
    node, first, tail, link, flow = bushes.node[b], bushes.first[b], bushes.tail[b], bushes.link[b], bushes.flow[b]
    meeting_arcs, live_arcs = _lead(b, reached, wanted, bushes, net, w)
    leads, at = w.state, w.queue
    ahead, alive, dead = ix(0), ix(bushes.size[b, 2]), ix(bushes.size[b, 0])
    arcs_ahead, arcs_alive, arcs_dead = ix(0), ix(meeting_arcs), ix(live_arcs)
    for q in range(reached):
        p = ix(w.order[q])
        way, s, e, enters = leads[p], ix(first[p]), ix(first[p + 1]), w.entering[p]
        to = ahead if way == MEETS else alive if way == LEADS else dead
        arc = arcs_ahead if way == MEETS else arcs_alive if way == LEADS else arcs_dead
        w.node[to], w.first[to], at[p] = node[p], arc, to
        if e == s + 1 and enters < 0:
            w.tail[arc], w.link[arc], w.flow[arc] = at[ix(tail[s])], link[s], flow[s]
            arc = ix(arc + 1)
        else:
            for a in range(s, e):
                if w.mark[ix(link[a])] == 1:
                    w.tail[arc], w.link[arc], w.flow[arc] = at[ix(tail[a])], link[a], flow[a]
                    arc = ix(arc + 1)
            while enters >= 0:
                w.tail[arc], w.link[arc], w.flow[arc] = at[w.place[net.tail[enters]]], enters, 0.0
                arc = ix(arc + 1)
                enters = w.following[enters]
        if way == MEETS:
            ahead, arcs_ahead = ix(ahead + 1), arc
        elif way == LEADS:
            alive, arcs_alive = ix(alive + 1), arc
        else:
            dead, arcs_dead = ix(dead + 1), arc
    w.first[reached] = arcs_dead
    copy_part(reached, w.node, node)
    copy_part(reached + 1, w.first, first)
    copy_part(arcs_dead, w.tail, tail)
    copy_part(arcs_dead, w.link, link)
    copy_part(arcs_dead, w.flow, flow)
