"""Labels of a contraction hierarchy for batches of nodes, and their min-plus product: the kernels of `traffic.skim`.

Every cheapest path climbs the hierarchy and then descends, so it passes a node that is above both of its ends. The
label of an origin holds the cost to every node above it, the label of a destination the cost from there, and a skim is
the smallest sum over the nodes common to both: hub labels that follow the elimination tree (Abraham et al. 2011, doi
10.1007/978-3-642-20662-7_20; Ouyang et al. 2018, doi 10.1145/3183713.3196913), multiplied in blocks as in supernodal
all-pairs costs (Sao, Kannan, Gera and Vuduc 2020, doi 10.1145/3332466.3374533). The sweep that fills the labels of a
batch at once is the upward half of PHAST (Delling et al. 2013, doi 10.1016/j.jpdc.2012.02.007).

Points (origins or destinations) are sorted by rank and cut into batches of neighbours, which share most nodes above
them. Loops run over whole rows of a batch, so that LLVM vectorises them without settings of ours: rows of one scratch
array at distances known when compiling, no `min` (which treats NaN), indices that cannot be negative.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.kernels.indices import ix
from twin.kernels.jit import njit
from twin.kernels.threads import over_threads_from

FROM = 16  # origins per batch
TO = 64  # destinations per batch
SIDE = 32  # destinations per tile; a tile is all pairs of a batch of origins and these
FEW = 12  # common rows that are not worth a look which of them are of use
NEAR, FAR = 1 << 26, 1 << 29  # whole units of the largest finite and of an infinite cost
INFINITE = np.float64(np.inf).view(np.int64)
WORTH, BLOCK = 8, 256  # batches, or blocks of so many rows, from which on threads pay
WORTH_LABELS = 200_000  # entries of labels from which on they pay there: 400 zones have fewer, 1,800 more
STEP = 4  # common nodes per pass over a tile


class Plan(NamedTuple):
    """Batches of points and the nodes above them; a row of a batch is a node, highest rank first."""

    point: np.ndarray  # [points] index of the point by place
    row_start: np.ndarray  # [batches + 1]
    row_rank: np.ndarray  # [rows]
    row_next: np.ndarray  # [rows] row of the batch after the subtree of this one
    seed_start: np.ndarray  # [points + 1] by place
    seed_row: np.ndarray  # [seeds] row in the batch
    seed_link: np.ndarray  # [seeds] link between the point and the node, -1 where the point is the node


@njit(cache=True)
def plan(
    points: np.ndarray,
    rank: np.ndarray,
    parent: np.ndarray,
    first: np.ndarray,
    link: np.ndarray,
    node: np.ndarray,
    lanes: int,
) -> Plan:
    """Sort `points` into batches of `lanes`; ``link`` and ``node`` list the links at a node and their other ends."""
    count, junctions = len(points), len(parent)
    key = np.full(count, junctions)
    seeds = 0
    for i in range(count):
        at = points[i]
        if rank[at] >= 0:
            key[i] = rank[at]
            seeds += 1
            continue
        for j in range(first[at], first[at + 1]):
            if rank[node[j]] >= 0:
                key[i] = min(key[i], rank[node[j]])
                seeds += 1
    point = np.argsort(key, kind="mergesort")
    batches = (count + lanes - 1) // lanes
    row_start = np.zeros(batches + 1, np.int64)
    ranks = [np.int64(0) for _ in range(0)]
    seed_start = np.zeros(count + 1, np.int64)
    seed_row, seed_link = np.empty(seeds, np.int64), np.empty(seeds, np.int64)
    mark, row = np.full(junctions, -1), np.empty(junctions, np.int64)
    above = np.empty(junctions, np.int64)
    seeds = 0
    for batch in range(batches):
        begin, size = seeds, 0
        for place in range(batch * lanes, min(count, (batch + 1) * lanes)):
            at = points[point[place]]
            if rank[at] >= 0:
                seed_row[seeds] = rank[at]
                seed_link[seeds] = -1
                seeds += 1
            else:
                for j in range(first[at], first[at + 1]):
                    if rank[node[j]] >= 0:
                        seed_row[seeds] = rank[node[j]]
                        seed_link[seeds] = link[j]
                        seeds += 1
            seed_start[place + 1] = seeds
        for s in range(begin, seeds):
            v = seed_row[s]
            while v >= 0 and mark[v] != batch:
                mark[v] = batch
                above[size] = v
                size += 1
                v = parent[v]
        rows = np.sort(above[:size])[::-1]
        for r in range(size):
            row[rows[r]] = r
            ranks.append(rows[r])
        for s in range(begin, seeds):
            seed_row[s] = row[seed_row[s]]
        row_start[batch + 1] = row_start[batch] + size
    row_rank = np.array(ranks) if len(ranks) > 0 else np.empty(0, np.int64)
    row_next = np.empty(len(row_rank), np.int64)
    for batch in range(batches):
        low, size = row_start[batch], row_start[batch + 1] - row_start[batch]
        for r in range(size):
            row[row_rank[low + r]] = r
            row_next[low + r] = r + 1
        for r in range(size - 1, 0, -1):
            v = parent[row_rank[low + r]]
            if v >= 0:
                row_next[low + row[v]] = max(row_next[low + row[v]], row_next[low + r])
    return Plan(point, row_start, row_rank, row_next, seed_start, seed_row, seed_link)


@njit(cache=True)
def _fill_from(
    label: np.ndarray, row: np.ndarray, rank: np.ndarray, start: np.ndarray, head: np.ndarray, cost: np.ndarray
) -> None:
    """Carry the costs of a batch of `FROM` points up: lowest row first, each into the rows of its arcs."""
    for r in range(len(rank) - 1, -1, -1):
        for e in range(ix(start[rank[r]]), ix(start[rank[r] + 1])):
            p, c = ix(row[ix(head[e])]), cost[e]
            for i in range(FROM):
                through, old = label[r, i] + c, label[p, i]
                label[p, i] = through if through < old else old


@njit(cache=True)
def _fill_to(
    label: np.ndarray, row: np.ndarray, rank: np.ndarray, start: np.ndarray, head: np.ndarray, cost: np.ndarray
) -> None:
    """Carry the costs of a batch of `TO` points up: lowest row first, each into the rows of its arcs."""
    for r in range(len(rank) - 1, -1, -1):
        for e in range(ix(start[rank[r]]), ix(start[rank[r] + 1])):
            p, c = ix(row[ix(head[e])]), cost[e]
            for i in range(TO):
                through, old = label[r, i] + c, label[p, i]
                label[p, i] = through if through < old else old


def _entries_each(batches: Plan, *args: np.ndarray) -> int:
    """Return how many labels a batch has, in the mean."""
    return args[-1].size // max(1, len(batches.row_start) - 1)


@over_threads_from(WORTH_LABELS, _entries_each)
@njit(cache=True, nogil=True)
def _fill_labels(
    begin: int, end: int, batches: Plan, link_cost: np.ndarray, arc_start: np.ndarray, arc_head: np.ndarray,
    arc_cost: np.ndarray, result: np.ndarray,
) -> None:  # fmt: skip
    lanes, row = result.shape[1], np.empty(len(arc_start), np.int64)
    for batch in range(begin, end):
        low, high = batches.row_start[batch], batches.row_start[batch + 1]
        rank = batches.row_rank[low:high]
        for r in range(high - low):
            row[rank[r]] = r
        label = result[low:high]
        label[:, :] = np.inf
        for lane in range(lanes):
            place = min(batch * lanes + lane, len(batches.point) - 1)
            for s in range(batches.seed_start[place], batches.seed_start[place + 1]):
                link = batches.seed_link[s]
                cost = 0.0 if link < 0 else link_cost[link]
                if cost < label[batches.seed_row[s], lane]:
                    label[batches.seed_row[s], lane] = cost
        if lanes == FROM:
            _fill_from(label, row, rank, arc_start, arc_head, arc_cost)
        else:
            _fill_to(label, row, rank, arc_start, arc_head, arc_cost)


def labels(
    batches: Plan, lanes: int, link_cost: np.ndarray, arc_start: np.ndarray, arc_head: np.ndarray, arc_cost: np.ndarray
) -> np.ndarray:
    """Return the cost between every row's node and each point of its batch, [rows, lanes]."""
    result = np.empty((len(batches.row_rank), lanes))
    _fill_labels(len(batches.row_start) - 1, batches, link_cost, arc_start, arc_head, arc_cost, result)
    return result


@over_threads_from(WORTH)
@njit(cache=True, nogil=True)
def _fill_largest(begin: int, end: int, label: np.ndarray, most: np.ndarray) -> None:
    """Fill `most` [blocks] with the bits of the largest finite cost: those of numbers not negative have their order."""
    for block in range(begin, end):
        top = np.int64(0)
        for r in range(block * BLOCK, min(len(label), (block + 1) * BLOCK)):
            bits = label[r].view(np.int64)
            for i in range(len(bits)):
                top = bits[i] if bits[i] > top and bits[i] < INFINITE else top
        most[block] = top


def _largest(label: np.ndarray) -> float:
    """Return the largest finite cost."""
    most = np.zeros(-(-len(label) // BLOCK), np.int64)
    _fill_largest(len(most), label, most)
    return float(most.view(np.float64).max(initial=0.0))


@over_threads_from(WORTH)
@njit(cache=True, nogil=True)
def _fill_coarse(begin: int, end: int, label: np.ndarray, scale: float, result: np.ndarray) -> None:
    lanes, sides = label.shape[1], result.shape[1]
    for r in range(begin * BLOCK, min(len(label), end * BLOCK)):
        for side in range(sides):
            for first in range(0, SIDE, min(lanes, SIDE)):
                source = label[r, side * SIDE : side * SIDE + min(lanes, SIDE)]
                target = result[r, side, first : first + min(lanes, SIDE)]
                for i in range(len(source)):
                    cost = source[i] * scale
                    target[i] = np.int32((cost if cost < FAR else FAR) + 0.5)


def _coarse(label: np.ndarray, scale: float) -> np.ndarray:
    """Return the costs in whole units, rounded, `FAR` where infinite: enough to see which rows are of no use.

    [rows, sides, `SIDE`]; fewer lanes than `SIDE` are repeated.
    """
    result = np.empty((len(label), max(1, label.shape[1] // SIDE), SIDE), np.int32)
    _fill_coarse(-(-len(label) // BLOCK), label, scale, result)
    return result


@njit(cache=True)
def _useful(
    ahead: np.ndarray, back: np.ndarray, side: int, here: np.ndarray, there: np.ndarray, common: int, kept: np.ndarray
) -> int:
    """Fill `kept` with the common rows that may be the best of some pair of a tile; return how many.

    A row goes where another one is as good for every pair: where the least of its differences to that one at the
    origins and the least at the destinations sum up to 0 or more (2 or more in whole units, for they are rounded). The
    other one is the best at the corners of the tile, if above all of its points. Costs are those of `_coarse`.
    """
    least, chosen = FAR, -1
    for c in range(common if common > FEW else 0):
        h, t = ix(here[c]), ix(there[c])
        cost = ahead[h, 0, 0] + ahead[h, 0, SIDE - 1] + back[t, side, 0] + back[t, side, SIDE - 1]
        if cost < least:
            least, chosen = cost, c
    if chosen >= 0:
        h, t, most = here[chosen], there[chosen], np.int32(0)
        for i in range(SIDE):
            most = max(most, ahead[h, 0, i], back[t, side, i])
        if most >= FAR:
            chosen = -1
    if chosen < 0:
        for c in range(common):
            kept[c] = c
        return common
    h, t, count = ix(here[chosen]), ix(there[chosen]), 0
    for c in range(common):
        a, b = ix(here[c]), ix(there[c])
        x, y = np.int32(FAR), np.int32(FAR)
        for i in range(SIDE):
            x = min(x, np.int32(ahead[a, 0, i] - ahead[h, 0, i]))
            y = min(y, np.int32(back[b, side, i] - back[t, side, i]))
        kept[count] = c
        count += 1 if x + y < 2 or c == chosen else 0
    return count


@njit(cache=True)
def _tile(
    ahead: np.ndarray,
    back: np.ndarray,
    side: int,
    here: np.ndarray,
    there: np.ndarray,
    kept: np.ndarray,
    count: int,
    work: np.ndarray,
) -> None:
    """Fill the first `FROM` × `SIDE` of `work` with the least sums over the rows that are kept.

    Four origins by four common nodes at a time: every cost loaded is used four times.
    """
    for i in range(FROM * SIDE):
        work[i] = np.inf
    for c in range(0, count, STEP):
        c0, c1 = kept[c], kept[min(c + 1, count - 1)]
        c2, c3 = kept[min(c + 2, count - 1)], kept[min(c + 3, count - 1)]
        for s in range(STEP):
            b = there[kept[min(c + s, count - 1)]]
            for j in range(SIDE):
                work[FROM * SIDE + s * SIDE + j] = back[b, side, j]
        k0, k1, k2, k3 = here[c0], here[c1], here[c2], here[c3]
        for i in range(0, FROM, 4):
            a00, a01, a02, a03 = ahead[k0, i], ahead[k1, i], ahead[k2, i], ahead[k3, i]
            a10, a11, a12, a13 = ahead[k0, i + 1], ahead[k1, i + 1], ahead[k2, i + 1], ahead[k3, i + 1]
            a20, a21, a22, a23 = ahead[k0, i + 2], ahead[k1, i + 2], ahead[k2, i + 2], ahead[k3, i + 2]
            a30, a31, a32, a33 = ahead[k0, i + 3], ahead[k1, i + 3], ahead[k2, i + 3], ahead[k3, i + 3]
            for j in range(SIDE):
                b0, b1 = work[FROM * SIDE + j], work[FROM * SIDE + SIDE + j]
                b2, b3 = work[FROM * SIDE + 2 * SIDE + j], work[FROM * SIDE + 3 * SIDE + j]
                x = work[i * SIDE + j]
                y = a00 + b0
                x = y if y < x else x
                y = a01 + b1
                x = y if y < x else x
                y = a02 + b2
                x = y if y < x else x
                y = a03 + b3
                work[i * SIDE + j] = y if y < x else x
                x = work[i * SIDE + SIDE + j]
                y = a10 + b0
                x = y if y < x else x
                y = a11 + b1
                x = y if y < x else x
                y = a12 + b2
                x = y if y < x else x
                y = a13 + b3
                work[i * SIDE + SIDE + j] = y if y < x else x
                x = work[i * SIDE + 2 * SIDE + j]
                y = a20 + b0
                x = y if y < x else x
                y = a21 + b1
                x = y if y < x else x
                y = a22 + b2
                x = y if y < x else x
                y = a23 + b3
                work[i * SIDE + 2 * SIDE + j] = y if y < x else x
                x = work[i * SIDE + 3 * SIDE + j]
                y = a30 + b0
                x = y if y < x else x
                y = a31 + b1
                x = y if y < x else x
                y = a32 + b2
                x = y if y < x else x
                y = a33 + b3
                work[i * SIDE + 3 * SIDE + j] = y if y < x else x


@over_threads_from(WORTH)
@njit(cache=True, nogil=True)
def _product(
    begin: int,
    end: int,
    origins: Plan,
    destinations: Plan,
    ahead: np.ndarray,
    back: np.ndarray,
    coarse_ahead: np.ndarray,
    coarse_back: np.ndarray,
    junctions: int,
    skim: np.ndarray,
) -> None:
    """Fill `skim` [origins, destinations] with the least sum of both labels over the nodes above both points."""
    tos = len(destinations.row_start) - 1
    count = len(destinations.point)
    sides = back.reshape((len(back), TO // SIDE, SIDE))
    inverse = np.empty(count, np.int64)
    inverse[destinations.point] = np.arange(count)
    for batch in range(begin, end):
        low, high = origins.row_start[batch], origins.row_start[batch + 1]
        row = np.full(junctions, -1, np.int32)
        for r in range(high - low):
            row[origins.row_rank[low + r]] = r
        here, there = np.empty(high - low, np.int64), np.empty(high - low, np.int64)
        kept = np.empty(high - low + 1, np.int64)
        work = np.empty((FROM + STEP) * SIDE)
        panel = np.empty((FROM, tos * TO))
        for to in range(tos):
            first = destinations.row_start[to]
            size, common, r = destinations.row_start[to + 1] - first, 0, 0
            while r < size:
                h = row[ix(destinations.row_rank[ix(first + r)])]
                if h >= 0:
                    here[common], there[common] = low + h, first + r
                    common += 1
                    r += 1
                else:
                    r = destinations.row_next[ix(first + r)]
            for side in range(TO // SIDE):
                useful = _useful(coarse_ahead, coarse_back, side, here, there, common, kept)
                _tile(ahead, sides, side, here, there, kept, useful, work)
                for i in range(FROM):
                    for j in range(SIDE):
                        panel[i, to * TO + side * SIDE + j] = work[i * SIDE + j]
        for place in range(batch * FROM, min((batch + 1) * FROM, len(origins.point))):
            out, line = skim[origins.point[place]], panel[place - batch * FROM]
            for j in range(count):
                out[j] = line[ix(inverse[j])]


def product(
    origins: Plan, destinations: Plan, ahead: np.ndarray, back: np.ndarray, junctions: int, skim: np.ndarray
) -> None:
    """Fill `skim` [origins, destinations] from the labels of both; infinite where no node is above both points."""
    scale = min(NEAR / max(_largest(ahead), _largest(back), 1e-300), 1e300)
    batches = len(origins.row_start) - 1
    _product(batches, origins, destinations, ahead, back, _coarse(ahead, scale), _coarse(back, scale), junctions, skim)
