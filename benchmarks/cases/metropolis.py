"""A metropolitan road network and its trips, made up: the size of a large region, nobody's data.

The layout follows what planners draw: streets on a grid that is finer in the centre, arterials on every fifth line,
motorways on every twentieth that only arterials meet, a share of the streets taken away again; zones tied to their two
nearest streets; trips of a morning from homes to workplaces that thin out from the centre. Everything is drawn from one
seeded generator, so the same arguments give the same network.

At its equilibrium the whole metropolis is about as busy as Chicago's regional network at its best known solution: the
mean ratio of volume to capacity is 0.68 on arterials (there 0.60 on all roads), 4,600 links are above one (there
8,600), and trips take 1.42 times as long as on empty roads (there 1.41). Trips go with the road nodes, so the same
network with fewer zones is as busy; smaller networks are less busy, since their trips are shorter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

STREET, ARTERIAL, MOTORWAY, CONNECTOR = range(4)
ARTERIAL_EVERY, MOTORWAY_EVERY = 5, 20  # lines of the grid
SPACING_KM = 0.75  # mean distance of neighbouring lines
CENTRE = 1.4  # power that draws the lines together towards the centre
SPEED_KM_H = np.array([40.0, 60.0, 100.0, 25.0])
LANE_VEH_H = np.array([700.0, 900.0, 1900.0, 10_000.0])
PERIOD_H = 1.8  # the trips are those of a morning
ROAD_LINKS_PER_NODE = 2.89  # of Chicago's regional network, without connectors
TRIPS_PER_NODE = 1.36e6 / 11_200
TRIP_KM = 14.0  # scale of the gravity's decay
SHARE_OF_PAIRS = 0.855  # pairs that hold trips
DISTANCE_COST_MIN_KM = 0.15


def metropolis(zones: int = 1790, nodes: int = 11_200, seed: int = 1) -> dict[str, Any]:
    """Return the inputs of ``traffic.assignment``, and `kind`, `length_km`, `xy_km` [nodes, 2] and `link_tail`.

    `zones` centroids come first, `nodes` road nodes after them; `first_thru` is `zones`. Times are in minutes, flows
    and capacities in vehicles of a morning.
    """
    rng = np.random.default_rng(seed)
    columns = int(np.ceil(np.sqrt(nodes)))
    place = np.arange(nodes)
    row, column = np.divmod(place, columns)
    rows = int(row.max()) + 1
    xy = np.column_stack([_lines(columns, rng, column), _lines(rows, rng, row)])
    xy += rng.uniform(-0.15, 0.15, xy.shape) * SPACING_KM
    ends, kind = _roads(nodes, columns, row, column, rng)
    centre, tie, tie_node = _zones(zones, xy, kind, ends, rng)
    lanes = np.select([kind == STREET, kind == ARTERIAL], [1.0, rng.integers(2, 4, len(kind))], 3.0)
    ends = np.vstack([ends + zones, np.column_stack([tie, tie_node + zones])])
    kind = np.concatenate([kind, np.full(len(tie), CONNECTOR)])
    lanes = np.concatenate([lanes, np.full(len(tie), 1.0)])
    return _inputs(zones, np.vstack([centre, xy]), ends, kind, lanes, rng)


def _lines(count: int, rng: np.random.Generator, line: np.ndarray) -> np.ndarray:
    """Return the coordinate, km, of `line` among `count` lines that are closer in the centre."""
    where = np.linspace(-1.0, 1.0, count) + rng.uniform(-0.2, 0.2, count) / count
    return (np.sign(where) * np.abs(where) ** CENTRE * 0.5 * count * SPACING_KM)[line]


def _roads(
    nodes: int, columns: int, row: np.ndarray, column: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the two ends [roads, 2] and the kind of the two-way roads: connected, arterials and motorways whole."""
    place = np.arange(nodes)
    east, north = place[(column < columns - 1) & (place + 1 < nodes)], place[place + columns < nodes]
    ends = np.vstack([np.column_stack([east, east + 1]), np.column_stack([north, north + columns])])
    line = np.concatenate([row[east], column[north]])
    half = ARTERIAL_EVERY // 2
    kind = np.select([line % MOTORWAY_EVERY == 2 * half, line % ARTERIAL_EVERY == half], [MOTORWAY, ARTERIAL], STREET)
    on_motorway = np.zeros(nodes, bool)
    on_motorway[ends[kind == MOTORWAY]] = True
    meets = on_motorway[ends].any(axis=1) & (kind == STREET)
    order = np.argsort(rng.random(len(ends)) + 2.0 * (kind == STREET) + 2.0 * meets, kind="stable")
    needed = _spanning(nodes, ends[order])
    keep = (kind[order] != STREET) | needed
    spare = np.flatnonzero(~keep)
    keep[spare[: max(0, round(0.5 * ROAD_LINKS_PER_NODE * nodes) - int(keep.sum()))]] = True
    chosen = np.sort(order[keep])
    return ends[chosen], kind[chosen]


def _spanning(nodes: int, ends: np.ndarray) -> np.ndarray:
    """Return which edges, taken in their order, tie something new together (Kruskal)."""
    parent = list(range(nodes))
    needed = np.zeros(len(ends), bool)
    for i, (a, b) in enumerate(ends.tolist()):
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a != b:
            parent[a] = b
            needed[i] = True
    return needed


def _zones(
    zones: int, xy: np.ndarray, kind: np.ndarray, ends: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the centres [zones, 2], and zone and road node of every tie, two per zone, never on a motorway."""
    street = np.ones(len(xy), bool)
    street[ends[kind == MOTORWAY]] = False
    candidates = np.flatnonzero(street)
    step = len(candidates) / zones
    chosen = candidates[(step * (np.arange(zones) + rng.random(zones))).astype(np.int64)]
    centre = xy[chosen] + rng.uniform(-0.4, 0.4, (zones, 2)) * SPACING_KM
    nearest = np.empty((zones, 2), np.int64)
    for z in range(zones):
        away = ((xy[candidates] - centre[z]) ** 2).sum(axis=1)
        nearest[z] = candidates[np.argsort(away, kind="stable")[:2]]
    return centre, np.repeat(np.arange(zones), 2), nearest.ravel()


def _inputs(
    zones: int, xy: np.ndarray, ends: np.ndarray, kind: np.ndarray, lanes: np.ndarray, rng: np.random.Generator
) -> dict[str, Any]:
    """Return both directions of every road as a forward star, and the trips."""
    ends, kind, lanes = np.vstack([ends, ends[:, ::-1]]), np.tile(kind, 2), np.tile(lanes, 2)
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    tail, head, kind, lanes = ends[order, 0], ends[order, 1], kind[order], lanes[order]
    length = np.maximum(np.hypot(*(xy[tail] - xy[head]).T), 0.05)
    links = len(tail)
    return {
        "link_start": np.searchsorted(tail, np.arange(len(xy) + 1)).astype(np.int64),
        "link_head": head.astype(np.int64),
        "free_flow_time": length / SPEED_KM_H[kind] * 60.0,
        "capacity": lanes * LANE_VEH_H[kind] * PERIOD_H,
        "alpha": np.full(links, 0.15),
        "power": np.full(links, 4.0),
        "fixed_cost": (DISTANCE_COST_MIN_KM * length)[None],
        "demand": _trips(xy[:zones], TRIPS_PER_NODE * (len(xy) - zones), rng)[None],
        "first_thru": zones,
        "max_rounds": 200,
        "link_tail": tail.astype(np.int64),
        "kind": kind,
        "length_km": length,
        "xy_km": xy,
    }


def _trips(centre: np.ndarray, total: float, rng: np.random.Generator) -> np.ndarray:
    """Return the trips [zones, zones]: homes spread wide, workplaces dense in the centre, fewer over long ways."""
    zones = len(centre)
    out = np.hypot(*centre.T)
    size = out.max()
    homes = np.exp(-0.5 * out / size) * rng.lognormal(0.0, 0.5, zones)
    work = np.exp(-2.0 * out / size) * rng.lognormal(0.0, 0.7, zones)
    away = np.hypot(*(centre[:, None] - centre[None]).transpose(2, 0, 1))
    trips = work * np.exp(-away / TRIP_KM)
    np.fill_diagonal(trips, 0.0)
    trips *= (homes / trips.sum(axis=1))[:, None]
    pairs = min(round(SHARE_OF_PAIRS * zones**2), zones * (zones - 1))
    trips[trips < np.partition(trips, -pairs, axis=None)[-pairs]] = 0.0
    return trips * (total / trips.sum())
