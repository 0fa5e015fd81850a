"""Unique route flows: the split between alternatives is the same for everybody who has both.

An equilibrium fixes total link flows, not who uses which of two equally cheap ways. The condition of proportionality
(Bar-Gera 2010, doi 10.1016/j.trb.2010.03.003; Bar-Gera, Boyce and Nie 2012, doi 10.1016/j.trb.2011.09.006) says
more: over any pair of alternative segments (two ways from one node to another) all groups split alike. It is part of
the first-order condition of the most likely route flows, those of greatest entropy given the link flows, which are
unique; trades between three or more groups are the rest.

A group is one class of one origin. Its row holds the arcs open to it, those into one node side by side and nodes in
an order in which every tail stands before its heads, beginning behind the origin; flows may be zero. Within a group
the flow through a node goes on from every way in alike, so a segment carries the flow into its last node times the
shares of its arcs among all that go into their heads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant
from twin.kernels.traffic.proportionality_newton import most_likely
from twin.kernels.traffic.proportionality_pairs import trade

NAME = "traffic.proportionality"
ARGUMENTS = ("link_tail", "link_head", "row_start", "row_link", "row_flow", "max_sweeps", "target")
NEWTON_STEPS = 60
SAMPLE_SWEEPS = 5000


def entropy(link_head: np.ndarray, row_start: np.ndarray, row_link: np.ndarray, row_flow: np.ndarray) -> float:
    """Return the entropy of the route flows of all groups, given the trips of each.

    Minus the sum over arcs of ``x * log(x / flow into the head)`` (Akamatsu 1997, doi 10.1287/trsc.31.4.341).
    """
    total = 0.0
    for g in range(len(row_start) - 1):
        x = row_flow[row_start[g] : row_start[g + 1]]
        head = link_head[row_link[row_start[g] : row_start[g + 1]]]
        used = x > 0.0
        inflow = np.bincount(head, x, int(link_head.max()) + 1)[head]
        total -= float((x[used] * np.log(x[used] / inflow[used])).sum())
    return total


def sample_lattice(size: int, rng: np.random.Generator) -> Inputs:
    """Return a lattice of streets to the east and north, all ways equally dear; each origin splits its flow anyhow."""
    columns = max(3, int(np.sqrt(size)))
    nodes = columns * columns
    number = np.arange(nodes).reshape(columns, columns)
    tail = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    head = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    links: list[int] = []
    flows: list[float] = []
    start = [0]
    for origin in rng.permutation(nodes - columns - 1)[: max(3, size // 3)]:
        row, flow = _sample_row(int(origin), columns, tail, head, rng)
        links += row
        flows += flow
        start.append(len(links))
    return {
        "link_tail": tail.astype(np.int64),
        "link_head": head.astype(np.int64),
        "row_start": np.array(start, np.int64),
        "row_link": np.array(links, np.int64),
        "row_flow": np.array(flows),
        "max_sweeps": SAMPLE_SWEEPS,
        "target": 1e-11,
    }


def _sample_row(
    origin: int, columns: int, tail: np.ndarray, head: np.ndarray, rng: np.random.Generator
) -> tuple[list[int], list[float]]:
    row, column = np.divmod(np.arange(columns * columns), columns)
    reached = (row >= origin // columns) & (column >= origin % columns)
    amount = rng.uniform(0.0, 100.0, len(reached))
    blocks: list[tuple[list[int], list[float]]] = []
    for v in np.flatnonzero(reached)[::-1]:
        into = np.flatnonzero((head == v) & reached[tail])
        share = rng.dirichlet(np.full(len(into), 0.7)) if len(into) else np.empty(0)
        np.add.at(amount, tail[into], amount[v] * share)
        blocks.append((into.tolist(), (amount[v] * share).tolist()))
    blocks.reverse()
    return [a for b in blocks for a in b[0]], [x for b in blocks for x in b[1]]


def link_totals(inputs: Inputs, row_flow: np.ndarray) -> np.ndarray:
    """Return the flow of all groups together, [links]."""
    return np.bincount(inputs["row_link"], row_flow, len(inputs["link_head"]))


def balance(inputs: Inputs, row_flow: np.ndarray) -> np.ndarray:
    """Return what ends at every node less what starts there, [groups, nodes]."""
    groups, nodes = len(inputs["row_start"]) - 1, int(max(inputs["link_head"].max(), inputs["link_tail"].max())) + 1
    group = np.repeat(np.arange(groups), np.diff(inputs["row_start"]))
    balance = np.zeros((groups, nodes))
    np.add.at(balance, (group, inputs["link_head"][inputs["row_link"]]), row_flow)
    np.subtract.at(balance, (group, inputs["link_tail"][inputs["row_link"]]), row_flow)
    return balance


def _run(kernel: Kernel, inputs: Inputs) -> np.ndarray:
    flow, _ = kernel(*(inputs[name] for name in ARGUMENTS))
    return np.asarray(flow)


def _check_totals(kernel: Kernel, inputs: Inputs) -> None:
    """Link flows and the trips of every group stay."""
    flow = _run(kernel, inputs)
    assert (flow >= 0.0).all()
    was = link_totals(inputs, inputs["row_flow"])
    np.testing.assert_allclose(link_totals(inputs, flow), was, rtol=1e-9, atol=1e-9 * was.max())
    before = balance(inputs, inputs["row_flow"])
    np.testing.assert_allclose(balance(inputs, flow), before, atol=1e-9 * np.abs(before).max())


def _check_entropy(kernel: Kernel, inputs: Inputs) -> None:
    parts = (inputs["link_head"], inputs["row_start"], inputs["row_link"])
    before = entropy(*parts, inputs["row_flow"])
    assert entropy(*parts, _run(kernel, inputs)) >= before * (1.0 - 1e-12)


def _check_unique(kernel: Kernel, inputs: Inputs) -> None:
    """Mixing two groups' flows along one face of the lattice, and the order of groups, change nothing in the result."""
    expected = _run(kernel, inputs)
    groups = len(inputs["row_start"]) - 1
    rows = [slice(inputs["row_start"][g], inputs["row_start"][g + 1]) for g in reversed(range(groups))]
    turned: dict[str, Any] = dict(inputs)
    turned["row_start"] = np.concatenate([[0], np.cumsum(np.diff(inputs["row_start"])[::-1])])
    turned["row_link"] = np.concatenate([inputs["row_link"][r] for r in rows])
    # The answer is one start among others with the same totals: halfway to it is another.
    turned["row_flow"] = np.concatenate([0.5 * (inputs["row_flow"] + expected)[r] for r in rows])
    np.testing.assert_allclose(
        _run(kernel, turned), np.concatenate([expected[r] for r in rows]), rtol=1e-6, atol=1e-6 * expected.max()
    )


declare(
    Family(
        name=NAME,
        purpose="Unique route flows of an equilibrium: all who have two alternatives split alike.",
        inputs=(
            Array("link_tail", ("links",), "int64", "-"),
            Array("link_head", ("links",), "int64", "-"),
            Array("row_start", ("groups+1",), "int64", "-"),
            Array("row_link", ("arcs",), "int64", "-"),
            Array("row_flow", ("arcs",), "float64", "veh/h"),
            Array("max_sweeps", (), "int64", "-"),
            Array("target", (), "float64", "-"),
        ),
        outputs=(
            Array("row_flow", ("arcs",), "float64", "veh/h"),
            Array("deviation", (), "float64", "-"),
        ),
        sample=sample_lattice,
        work=lambda inputs: float(len(inputs["row_link"])),
        work_unit="arc of a group",
        source=(
            "proportionality: Bar-Gera 2010, doi 10.1016/j.trb.2010.03.003; "
            "reference: dual of the entropy problem, Bell and Iida 1997, Transportation Network Analysis, ch. 5"
        ),
        rtol=1e-6,
        atol=1e-6,
        sizes=(10, 50, 100),
        properties=(
            Property("link flows and trips stay", _check_totals),
            Property("entropy does not fall", _check_entropy),
            Property("unique", _check_unique),
        ),
    )
)


@variant(NAME, "reference")
def proportionality_reference(
    link_tail: np.ndarray,
    link_head: np.ndarray,
    row_start: np.ndarray,
    row_link: np.ndarray,
    row_flow: np.ndarray,
    max_sweeps: int,
    target: float,
) -> tuple[np.ndarray, float]:
    """Greatest entropy by Newton's method on its dual: one factor per link makes the loads meet the link flows.

    With factors ``exp(-b)`` the shares at every node are those of a logit of the routes behind it; the dual is
    convex in `b`, its gradient the link flows less the loads.

    Parameters
    ----------
    link_tail, link_head : int64 [links]
    row_start : int64 [groups + 1]
    row_link : int64 [arcs]
        The arcs open to each group, in the order that the module describes.
    row_flow : float64 [arcs]
    max_sweeps : int
    target : float
        Stop when the worst deviation, as a part of the flow concerned, is at most this.

    Returns
    -------
    row_flow : float64 [arcs]
    deviation : float
        Here the greatest difference of a link flow as a part of the largest one.
    """
    wanted = np.bincount(row_link, row_flow, len(link_head))
    groups = [_Group(link_tail, link_head, row_link[s:e], row_flow[s:e]) for s, e in _spans(row_start)]
    b = np.zeros(len(link_head))
    best, loads = _dual(groups, b, wanted)
    deviation = np.inf
    for _ in range(min(max_sweeps, NEWTON_STEPS)):
        slope = np.concatenate(loads) if loads else np.zeros(0)
        error = np.bincount(row_link, slope, len(wanted)) - wanted
        deviation = float(np.abs(error).max() / max(wanted.max(), 1e-300))
        if deviation <= target:
            break
        change = np.zeros((len(b), len(b)))
        for group in groups:
            group.add_jacobian(change)
        step = np.linalg.lstsq(-change, error, rcond=1e-14)[0]
        scale = 1.0
        while scale > 1e-6:
            value, loads = _dual(groups, b + scale * step, wanted)
            if value <= best + 1e-12 * abs(best):
                break
            scale *= 0.5
        b, best = b + scale * step, value
    return (np.concatenate(loads) if loads else np.zeros(0)), deviation


def _spans(row_start: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(row_start[:-1].tolist(), row_start[1:].tolist(), strict=True))


def _dual(groups: list[_Group], b: np.ndarray, wanted: np.ndarray) -> tuple[float, list[np.ndarray]]:
    """Return the dual's value and the flows of every group."""
    value = float(wanted @ b)
    loads = []
    for group in groups:
        loads.append(group.load(b))
        value += group.log_sum
    return value, loads


class _Group:
    """One group's arcs; `load` spreads its trips over them by link factors."""

    def __init__(self, link_tail: np.ndarray, link_head: np.ndarray, link: np.ndarray, flow: np.ndarray) -> None:
        self.link = link
        nodes = int(max(link_tail.max(), link_head.max())) + 1
        self.tail = link_tail[link]
        self.blocks: list[tuple[int, int, int]] = []
        heads = link_head[link]
        for a, v in enumerate(heads.tolist()):
            if self.blocks and self.blocks[-1][0] == v:
                self.blocks[-1] = (v, self.blocks[-1][1], a + 1)
            else:
                self.blocks.append((v, a, a + 1))
        self.sink = np.bincount(heads, flow, nodes) - np.bincount(self.tail, flow, nodes)
        if len(link):
            self.sink[self.tail[0]] = 0.0
        self.x: np.ndarray = np.zeros(len(link))
        self.share: np.ndarray = np.zeros(len(link))
        self.through: np.ndarray = np.zeros(nodes)
        self.log_sum = 0.0

    def load(self, b: np.ndarray) -> np.ndarray:
        log_z = np.zeros(len(self.sink))
        self.share, self.x = np.ones(len(self.link)), np.zeros(len(self.link))
        self.log_sum = 0.0
        for v, s, e in self.blocks:
            way = log_z[self.tail[s:e]] - b[self.link[s:e]]
            most = way.max()
            weight = np.exp(way - most)
            log_z[v] = most + np.log(weight.sum())
            self.share[s:e] = weight / weight.sum()
            self.log_sum += self.sink[v] * log_z[v]
        self.through = self.sink.copy()
        for v, s, e in reversed(self.blocks):
            self.x[s:e] = self.share[s:e] * self.through[v]
            np.add.at(self.through, self.tail[s:e], self.x[s:e])
        return self.x

    def add_jacobian(self, change: np.ndarray) -> None:
        """Add the derivative of the loads [links] by `b` [links] to `change`."""
        n = len(change)
        dz, dg = np.zeros((len(self.sink), n)), np.zeros((len(self.sink), n))
        dp = np.zeros((len(self.link), n))
        for v, s, e in self.blocks:
            way = dz[self.tail[s:e]].copy()
            way[np.arange(e - s), self.link[s:e]] -= 1.0
            dz[v] = self.share[s:e] @ way
            dp[s:e] = self.share[s:e, None] * (way - dz[v])
        for v, s, e in reversed(self.blocks):
            dx = dp[s:e] * self.through[v] + self.share[s:e, None] * dg[v]
            np.add.at(dg, self.tail[s:e], dx)
            np.add.at(change, self.link[s:e], dx)


@variant(NAME, "numba")
def proportionality_numba(
    link_tail: np.ndarray,
    link_head: np.ndarray,
    row_start: np.ndarray,
    row_link: np.ndarray,
    row_flow: np.ndarray,
    max_sweeps: int,
    target: float,
) -> tuple[np.ndarray, float]:
    """Trades over pairs of segments, then Newton steps for what they leave open; arguments as for the reference.

    Where the Newton steps do not keep the link flows, the flows are proportional over all pairs and no more. The
    deviation is that over pairs.
    """
    parts = (link_tail, link_head, row_start, row_link)
    flow, _, _ = trade(*parts, row_flow, max_sweeps, target)
    flow, _ = most_likely(*parts, flow, NEWTON_STEPS, target)
    return trade(*parts, flow, 0, target)[:2]
