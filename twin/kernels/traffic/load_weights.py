"""A mix of all-or-nothing loads: the weights that save most, and the costs of the links it leads to.

Pairwise Newton steps between loads in a quadratic model of Beckmann's function (simplicial decomposition: von
Hohenbalken 1977, doi 10.1007/BF01584323). A `team` of threads shares the links and the rows of the model.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels.dot import dot
from twin.kernels.jit import njit
from twin.kernels.team import NONE, await_pieces, next_piece, open_pieces, take_piece
from twin.kernels.traffic.bush_sweep import Links, fill_all

MIXES = 4  # quadratic models in a row after each load
STEPS = 4  # steps between two loads in a model, per load
RANGES = 2  # parts of the links


class Mix(NamedTuple):
    """Loads, and the model of what they cost; of all but the links, the first rows are in use."""

    number: np.ndarray  # [loads] which of all loads it was
    load: np.ndarray  # [loads, links]
    extra: np.ndarray  # [loads] the fixed cost of a load, which does not depend on flow
    weight: np.ndarray  # [loads]
    cost: np.ndarray  # [loads] at the present flow
    bend: np.ndarray  # [loads, loads] how much each bends the cost of each
    bent: np.ndarray  # [loads, links] scratch space
    time: np.ndarray  # [links]


def make_mix(loads: int, links: int) -> Mix:
    """Return room for a mix."""
    return Mix(
        np.empty(loads, np.int64),
        np.empty((loads, links)),
        np.empty(loads),
        np.empty(loads),
        np.empty(loads),
        np.empty((loads, loads)),
        np.empty((loads, links)),
        np.zeros(links),
    )


@njit(cache=True)
def _set_range(first: int, last: int, loads: int, mix: Mix, links: Links) -> None:
    """Set the links from `first` to `last` to the mix, with its times and slopes."""
    flow, time, slope = links.flow[first:last], mix.time[first:last], links.slope[first:last]
    flow[:] = 0.0
    for i in range(loads):
        load, weight = mix.load[i, first:last], mix.weight[i]
        for link in range(len(flow)):
            flow[link] += weight * load[link]
    some = Links(
        flow, links.cost, slope, links.fixed, links.bpr[first:last], links.form[first:last], links.curves, links.margin,
        links.mirror,
    )  # fmt: skip
    fill_all(some, time, slope)
    for k in range(len(links.cost)):
        cost, fixed = links.cost[k, first:last], links.fixed[k, first:last]
        for link in range(len(flow)):
            cost[link] = time[link] + fixed[link]


@njit(cache=True)
def _fill_row(i: int, mix: Mix, links: Links) -> None:
    """Fill the cost of load `i`, and how much it bends the costs of those before it, and they its own."""
    load, bent = mix.load[i], mix.bent[i]
    mix.cost[i] = mix.extra[i] + dot(load, mix.time)
    for link in range(len(load)):
        bent[link] = load[link] * links.slope[link]
    for j in range(i + 1):
        mix.bend[i, j] = mix.bend[j, i] = dot(mix.load[j], bent)


@njit(cache=True)
def mix_piece(piece: int, loads: int, mix: Mix, links: Links) -> None:
    """Do a piece of a model: a row, the longest ones first, or then a part of the links."""
    at = piece % (loads + RANGES)
    if at < loads:
        _fill_row(loads - 1 - at, mix, links)
    else:
        m = len(links.flow)
        _set_range(m * (at - loads) // RANGES, m * (at - loads + 1) // RANGES, loads, mix, links)


@njit(cache=True)
def _share(count: int, team: np.ndarray, base: int, loads: int, mix: Mix, links: Links) -> None:
    """Open `count` further pieces and see them done."""
    open_pieces(team, count)
    piece = take_piece(0, team)
    while piece != NONE:
        mix_piece(piece - base, loads, mix, links)
        piece = next_piece(0, team)
    await_pieces(team)


@njit(cache=True)
def _move_weight(loads: int, mix: Mix) -> None:
    """Move weight from dear loads to the cheapest by Newton steps in the model."""
    cost, bend, weight = mix.cost[:loads], mix.bend, mix.weight
    for _ in range(STEPS * loads):
        best, dear = np.argmin(cost), -1
        for i in range(loads):
            if weight[i] > 0.0 and (dear < 0 or cost[i] > cost[dear]):
                dear = i
        curve = bend[best, best] + bend[dear, dear] - 2.0 * bend[best, dear]
        if cost[dear] <= cost[best] or dear == best:
            break
        step = weight[dear]
        if curve > 0.0:
            step = min(step, (cost[dear] - cost[best]) / curve)
        weight[dear] -= step
        weight[best] += step
        for i in range(loads):
            cost[i] += step * (bend[i, best] - bend[i, dear])


@njit(cache=True)
def lead_mix(team: np.ndarray, base: int, loads: int, mix: Mix, links: Links) -> None:
    """Set the weights of the first `loads` anew and all links to the mix, with a `team`.

    The links are at the mix of the loads before, if there are any. The team's pieces from `base` on are those of
    `mix_piece`.
    """
    for _ in range(MIXES if loads > 1 else 1):
        _share(loads, team, base, loads, mix, links)
        _move_weight(loads, mix)
        _share(RANGES, team, base, loads, mix, links)


@njit(cache=True)
def drop_unused(loads: int, mix: Mix) -> int:
    """Give up loads without weight, which are not taken again; return how many are left."""
    kept = 0
    for i in range(loads):
        if mix.weight[i] > 0.0:
            if kept < i:
                mix.number[kept], mix.extra[kept], mix.weight[kept] = mix.number[i], mix.extra[i], mix.weight[i]
                mix.load[kept] = mix.load[i]
            kept += 1
    return kept
