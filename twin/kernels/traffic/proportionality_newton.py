"""From proportional to most likely route flows by Newton's method, compiled; see `proportionality` for the problem.

Proportionality over pairs of segments leaves trades between three or more groups open (Bar-Gera 2010 calls them
higher order); greatest entropy settles these too, so its flows are unique. A step asks for one factor per link to
which all groups' shares answer to first order, and moves flows by that answer: trips and link flows stay, since the
answer is linear. The system is solved by conjugate gradients; each product is one pass forward and one backward over
all rows, in parallel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from twin.kernels.jit import njit

CHUNKS = 16  # groups are treated in this many parallel parts, whatever the number of threads
MOST_PRODUCTS = 1000  # of one step
KEPT = 1e-11  # part of the greatest link flow to which a step keeps the others
THROUGH = 0.05  # weight in the preconditioner of flow that has no alternative into its node
STRETCH = 0.95  # of the way to the first arc without flow
SLACK = 1e-12  # part of the entropy by which rounding may lower it
LEAST_STEP = 1e-3
EMPTY = 1e-15  # part of the greatest link flow below which an arc stays as it is


class Rows(NamedTuple):
    """The rows, with their flows and shares in what goes into the heads."""

    link_tail: np.ndarray
    link_head: np.ndarray
    start: np.ndarray
    link: np.ndarray
    flow: np.ndarray
    share: np.ndarray


@njit(cache=True, parallel=True)
def _entropy(rows: Rows) -> float:
    """Set the shares to the flows; return the entropy."""
    nodes = 1 + max(rows.link_tail.max(), rows.link_head.max())
    parts = np.zeros(CHUNKS)
    for part in prange(CHUNKS):
        parts[part] = _entropy_part(part, nodes, rows)
    return parts.sum()


@njit(cache=True)
def _entropy_part(part: int, nodes: int, rows: Rows) -> float:
    into = np.zeros(nodes)
    total = 0.0
    for g in range(part, len(rows.start) - 1, CHUNKS):
        s, e = rows.start[g], rows.start[g + 1]
        for a in range(s, e):
            into[rows.link_head[rows.link[a]]] = 0.0
        for a in range(s, e):
            into[rows.link_head[rows.link[a]]] += rows.flow[a]
        for a in range(s, e):
            x, all_in = rows.flow[a], into[rows.link_head[rows.link[a]]]
            rows.share[a] = x / all_in if x > 0.0 else 0.0
            if x > 0.0:
                total -= x * np.log(rows.share[a])
    return total


@njit(cache=True, parallel=True)
def _answer(b: np.ndarray, own: bool, least: float, rows: Rows, moved: np.ndarray) -> np.ndarray:
    """Return how link flows change when the logarithm of every link's factor falls by `b` [links].

    With `own`, factors start from each group's own shares rather than from common ones. `moved` [arcs], unless it is
    empty, gets the changes by arc.
    """
    nodes = 1 + max(rows.link_tail.max(), rows.link_head.max())
    parts = np.zeros((CHUNKS, len(b)))
    for part in prange(CHUNKS):
        _answer_part(part, nodes, b, own, least, rows, moved, parts[part])
    out = np.zeros(len(b))
    for part in range(CHUNKS):
        out += parts[part]
    return out


@njit(cache=True)
def _answer_part(
    part: int, nodes: int, b: np.ndarray, own: bool, least: float, rows: Rows, moved: np.ndarray, out: np.ndarray
) -> None:
    dz, dg = np.zeros(nodes), np.zeros(nodes)
    for g in range(part, len(rows.start) - 1, CHUNKS):
        s, e = rows.start[g], rows.start[g + 1]
        if e > s:
            dz[rows.link_tail[rows.link[s]]] = 0.0
        a = s
        while a < e:
            v = rows.link_head[rows.link[a]]
            change, i = 0.0, a
            while i < e and rows.link_head[rows.link[i]] == v:
                share, link = rows.share[i], rows.link[i]
                if share > 0.0:
                    change += share * (dz[rows.link_tail[link]] - b[link])
                    if own and share < 1.0:
                        change -= share * np.log(share)
                i += 1
            dz[v], dg[v] = change, 0.0
            a = i
        for a in range(e - 1, s - 1, -1):
            share, link = rows.share[a], rows.link[a]
            u, v = rows.link_tail[link], rows.link_head[link]
            change = share * dg[v]
            if 0.0 < share < 1.0 and rows.flow[a] > least:
                own_part = np.log(share) if own else 0.0
                change += rows.flow[a] * (dz[u] - b[link] - own_part - dz[v])
            dg[u] += change
            out[link] += change
            if len(moved) > 0:
                moved[a] = change


@njit(cache=True, parallel=True)
def _spread(b: np.ndarray, rows: Rows, flow: np.ndarray) -> None:
    """Fill `flow` [arcs] with the trips of `rows` spread over all arcs by the factors ``exp(-b)``."""
    nodes = 1 + max(rows.link_tail.max(), rows.link_head.max())
    for part in prange(CHUNKS):
        _spread_part(part, nodes, b, rows, flow)


@njit(cache=True)
def _spread_part(part: int, nodes: int, b: np.ndarray, rows: Rows, flow: np.ndarray) -> None:
    log_z, through, most = np.zeros(nodes), np.zeros(nodes), np.zeros(nodes)
    for g in range(part, len(rows.start) - 1, CHUNKS):
        s, e = rows.start[g], rows.start[g + 1]
        for a in range(s, e):
            through[rows.link_head[rows.link[a]]] = 0.0
            log_z[rows.link_tail[rows.link[a]]] = 0.0
        for a in range(s, e):
            through[rows.link_head[rows.link[a]]] += rows.flow[a]
        for a in range(s, e):
            through[rows.link_tail[rows.link[a]]] -= rows.flow[a]
        a = s
        while a < e:
            v = rows.link_head[rows.link[a]]
            end, most[v], total = a, -np.inf, 0.0
            while end < e and rows.link_head[rows.link[end]] == v:
                flow[end] = log_z[rows.link_tail[rows.link[end]]] - b[rows.link[end]]
                most[v] = max(most[v], flow[end])
                end += 1
            for i in range(a, end):
                flow[i] = np.exp(flow[i] - most[v])
                total += flow[i]
            for i in range(a, end):
                flow[i] /= total
            log_z[v] = most[v] + np.log(total)
            through[v] = max(0.0, through[v])
            a = end
        for a in range(e - 1, s - 1, -1):
            flow[a] *= through[rows.link_head[rows.link[a]]]
            through[rows.link_tail[rows.link[a]]] += flow[a]


def most_likely(
    link_tail: np.ndarray,
    link_head: np.ndarray,
    row_start: np.ndarray,
    row_link: np.ndarray,
    row_flow: np.ndarray,
    max_steps: int,
    target: float,
) -> tuple[np.ndarray, bool]:
    """Return the flows of greatest entropy, and whether they are that; else they have at least that of `row_flow`.

    A first run of steps leaves arcs without flow empty; its factors then tell what should run there, and a second
    run starts from that. `target` is for the greatest change of the last step, as a part of the largest link flow.
    """
    wanted = np.bincount(row_link, row_flow, len(link_head))
    most = float(wanted.max(initial=0.0))
    if most == 0.0:
        return row_flow.copy(), True
    rows = Rows(link_tail, link_head, row_start, row_link, row_flow.copy(), np.empty(len(row_flow)))
    b, done = _steps(rows, wanted, max_steps, target, True)
    if not done:
        return rows.flow, False
    if (rows.flow > 0.0).all():
        return rows.flow, True
    settled = rows.flow.copy()
    _spread(b, rows._replace(flow=settled), rows.flow)
    _, done = _steps(rows, wanted, max_steps, target, False)
    off = np.abs(wanted - np.bincount(row_link, rows.flow, len(link_head))).max()
    return (rows.flow, True) if done and off <= 10.0 * KEPT * most else (settled, False)


def _steps(rows: Rows, wanted: np.ndarray, max_steps: int, target: float, rising: bool) -> tuple[np.ndarray, bool]:
    """Take Newton steps; with `rising` none that lowers entropy. Return the factors and whether they have settled."""
    most = float(wanted.max())
    moved = np.empty(len(rows.flow))
    entropy = _entropy(rows)
    b = np.zeros(len(wanted))
    for _ in range(max_steps):
        off = wanted - np.bincount(rows.link, rows.flow, len(wanted))
        b, exact = _factors(rows, off, most)
        if not exact:
            return b, False
        _answer(b, True, EMPTY * most, rows, moved)
        falls = moved < 0.0
        scale = min(1.0, STRETCH * float(np.min(rows.flow[falls] / -moved[falls], initial=np.inf)))
        before = rows.flow.copy()
        rows.flow[:] = np.maximum(before + scale * moved, 0.0)
        now = _entropy(rows)
        while rising and now < entropy - SLACK * abs(entropy):
            scale *= 0.5
            if scale < LEAST_STEP:
                rows.flow[:] = before
                return b, False
            rows.flow[:] = before + scale * moved
            now = _entropy(rows)
        entropy = now
        if float(np.abs(moved).max()) <= target * most:
            return b, True
    return b, False


def _factors(rows: Rows, off: np.ndarray, most: float) -> tuple[np.ndarray, bool]:
    """Return the factors whose answer changes link flows by `off`, and whether they do so to `KEPT`."""
    least, nothing = EMPTY * most, np.empty(0)
    # A link can carry some groups' whole flow and still matter to the ways behind it.
    weight = np.bincount(rows.link, rows.flow * (1.0 - (1.0 - THROUGH) * rows.share), len(off))
    scale = np.divide(1.0, weight, out=np.zeros_like(weight), where=weight > least)
    b = np.zeros_like(off)
    r = _answer(b, True, least, rows, nothing) - off
    z = scale * r
    d, rz = z.copy(), float(r @ z)
    for _ in range(MOST_PRODUCTS):
        if np.abs(r).max() <= KEPT * most:
            return b, True
        hd = -_answer(d, False, least, rows, nothing)
        curve = float(d @ hd)
        if curve <= 0.0:
            break
        b += rz / curve * d
        r -= rz / curve * hd
        z = scale * r
        rz, before = float(r @ z), rz
        d = z + rz / before * d
    return b, bool(np.abs(r).max() <= KEPT * most)
