"""A mix of all-or-nothing loads: the weights that save most, and the costs of the links it leads to.

Pairwise Newton steps between loads in a quadratic model of Beckmann's function (simplicial decomposition: von
Hohenbalken 1977, doi 10.1007/BF01584323). A `team` of threads shares the links, and the model by parts of the links.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels.dot import dot
from twin.kernels.jit import njit
from twin.kernels.team import NONE, await_pieces, next_piece, open_pieces, take_piece
from twin.kernels.traffic.bush_sweep import Links, refresh_range

MIXES = 4  # quadratic models in a row after each load
STEPS = 4  # steps between two loads in a model, per load
RANGES = 2  # parts of the links


class Mix(NamedTuple):
    """Loads, and the model of what they cost by part of the links; of all loads, the first are in use."""

    number: np.ndarray  # [loads] which of all loads it was
    load: np.ndarray  # [loads, links]
    extra: np.ndarray  # [loads] the fixed cost of a load, which does not depend on flow
    weight: np.ndarray  # [loads]
    cost: np.ndarray  # [parts, loads] at the present flow
    bend: np.ndarray  # [parts, loads, loads] how much each bends the cost of each
    bent: np.ndarray  # [links] scratch space
    time: np.ndarray  # [links]


def make_mix(loads: int, links: int) -> Mix:
    """Return room for a mix."""
    return Mix(
        np.empty(loads, np.int64),
        np.empty((loads, links)),
        np.empty(loads),
        np.empty(loads),
        np.empty((RANGES, loads)),
        np.empty((RANGES, loads, loads)),
        np.empty(links),
        np.zeros(links),
    )


@njit(cache=True)
def _set_range(first: int, last: int, loads: int, mix: Mix, links: Links) -> None:
    """Set the links from `first` to `last` to the mix, with its times and slopes."""
    flow = links.flow[first:last]
    flow[:] = 0.0
    for i in range(loads):
        load, weight = mix.load[i, first:last], mix.weight[i]
        for link in range(len(flow)):
            flow[link] += weight * load[link]
    refresh_range(first, last, links, mix.time)


@njit(cache=True)
def _model_range(part: int, first: int, last: int, loads: int, mix: Mix, links: Links) -> None:
    """Fill what the links from `first` to `last` cost every load, and how much each load bends that of each."""
    bent, slope = mix.bent[first:last], links.slope[first:last]
    for i in range(loads):
        load = mix.load[i, first:last]
        mix.cost[part, i] = dot(load, mix.time[first:last])
        for link in range(len(load)):
            bent[link] = load[link] * slope[link]
        for j in range(i + 1):
            mix.bend[part, i, j] = mix.bend[part, j, i] = dot(mix.load[j, first:last], bent)


@njit(cache=True)
def _models(loads: int) -> int:
    """Return how many models are made after a load."""
    return MIXES if loads > 1 else 0


@njit(cache=True)
def mix_piece(piece: int, loads: int, mix: Mix, links: Links) -> None:
    """Set a part of the links to the mix, if they are not, and make its part of the next model, if there is one."""
    step, part, m = piece // RANGES, piece % RANGES, len(links.flow)
    first, last = m * part // RANGES, m * (part + 1) // RANGES
    if step > 0 or loads == 1:
        _set_range(first, last, loads, mix, links)
    if step < _models(loads):
        _model_range(part, first, last, loads, mix, links)


@njit(cache=True)
def _share(team: np.ndarray, base: int, loads: int, mix: Mix, links: Links) -> None:
    """Open the pieces of a step and see them done."""
    open_pieces(team, RANGES)
    piece = take_piece(0, team)
    while piece != NONE:
        mix_piece(piece - base, loads, mix, links)
        piece = next_piece(0, team)
    await_pieces(team)


@njit(cache=True)
def _move_weight(loads: int, mix: Mix) -> None:
    """Move weight from dear loads to the cheapest by Newton steps in the model."""
    cost, bend, weight = np.zeros(loads), np.zeros((loads, loads)), mix.weight
    for part in range(RANGES):
        cost += mix.cost[part, :loads]
        bend += mix.bend[part, :loads, :loads]
    cost += mix.extra[:loads]
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
    `mix_piece`: what a part of the links needs of others are only the weights, so that threads need not read what
    others have just written.
    """
    for _ in range(_models(loads)):
        _share(team, base, loads, mix, links)
        _move_weight(loads, mix)
    _share(team, base, loads, mix, links)


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
