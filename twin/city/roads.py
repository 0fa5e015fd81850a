"""From OSM ways to a directed road network: junction-to-junction links, cordon stations, one connected component."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.city.osm_turns import Ends, Restriction, banned_turns, summary
from twin.city.schema import DERIVED, MEASURED, ROAD_CLASSES
from twin.errors import DataError

MPH_KMH = 1.609344
KNOT_KMH = 1.852
SPEED_ZONES = {"urban": 50.0, "rural": 80.0, "trunk": 100.0, "motorway": 120.0, "living_street": 20.0}
"""Limits behind ``<country>:<zone>`` values where the country has no own entry; those of Finland
(https://wiki.openstreetmap.org/wiki/Key:maxspeed, table of implicit values)."""
COUNTRY_SPEED_ZONES = {
    "DE:rural": 100.0,
    "DE:living_street": 7.0,
    "AT:rural": 100.0,
    "AT:motorway": 130.0,
    "SE:rural": 70.0,
    "SE:motorway": 110.0,
    "FR:motorway": 130.0,
    "IT:rural": 90.0,
    "IT:motorway": 130.0,
    "ES:rural": 90.0,
    "NL:motorway": 100.0,
}
"""Limits that differ (same table)."""
MINOR_CLASSES = ("residential", "living_street", "service")
PAIR_DISTANCE_M = 80.0
"""Ends of opposite carriageways closer than this are one station. Assumption: the widest dual carriageways."""


NodeId = int | str
Positions = Mapping[NodeId, tuple[float, float]]


@dataclass(frozen=True)
class Way:
    """One drivable way: its OSM tags and its nodes in drawn order.

    Ids and nodes are numbers of OSM, or texts where other data is put in the same form. Several ways may share an id
    when parts of one are missing.
    """

    id: NodeId
    tags: Mapping[str, str]
    nodes: tuple[NodeId, ...]


Piece = tuple[Way, int, tuple[NodeId, ...]]


def road_class(highway: str | None) -> str | None:
    """Return the road class of a ``highway`` value, or None when cars have no business there."""
    name = (highway or "").removesuffix("_link")
    return "unclassified" if name == "road" else name if name in ROAD_CLASSES else None


def speed_kmh(text: str | None) -> tuple[float, str]:
    """Return the speed limit of a ``maxspeed`` value in km/h and its origin; (nan, "") when it says none.

    Read are plain numbers, ``mph`` and ``knots``, ``<country>:<zone>``, ``zone30``, ``walk`` and ``none``.
    """
    value = (text or "").split(";")[0].strip()
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(km/h|kmh|kph|mph|knots)?", value):
        factor = {"mph": MPH_KMH, "knots": KNOT_KMH}.get(match[2] or "", 1.0)
        speed = float(match[1]) * factor
        return (speed, MEASURED) if 5.0 <= speed <= 130.0 else (np.nan, "")
    if match := re.fullmatch(r"(?:[A-Z]{2}:)?(?:zone:?)?(\d+)", value):
        return float(match[1]), DERIVED
    if match := re.fullmatch(r"[A-Z]{2}:(\w+)", value):
        speed = COUNTRY_SPEED_ZONES.get(value, SPEED_ZONES.get(match[1], np.nan))
        return speed, DERIVED if np.isfinite(speed) else ""
    fixed = {"walk": 6.0, "none": 130.0}.get(value)
    return (fixed, DERIVED) if fixed else (np.nan, "")


def directions(tags: Mapping[str, str]) -> str:
    """Return the directions in which cars may drive a way: ``"f"``, ``"b"`` or ``"fb"``."""
    oneway = tags.get("oneway", "").lower()
    if oneway in ("yes", "true", "1"):
        return "f"
    if oneway in ("-1", "reverse"):
        return "b"
    if oneway in ("no", "false", "0"):
        return "fb"
    implied = tags.get("junction") in ("roundabout", "circular") or tags.get("highway") == "motorway"
    return "f" if implied else "fb"


def lanes(tags: Mapping[str, str], direction: str) -> tuple[float, str]:
    """Return the lanes in one direction and their origin; (nan, "") when the tags say nothing.

    ``lanes`` counts both directions of a two-way road: half of it is taken, at least one lane.
    """
    own = _number(tags.get("lanes:forward" if direction == "f" else "lanes:backward"))
    if 1 <= own <= 12:
        return own, MEASURED
    total = _number(tags.get("lanes"))
    if not 1 <= total <= 24:
        return np.nan, ""
    if len(directions(tags)) == 1:
        return min(total, 12.0), MEASURED
    return max(total / 2.0, 1.0), DERIVED


def _number(text: str | None) -> float:
    match = re.match(r"\s*(\d+(?:\.\d+)?)", text or "")
    return float(match[1]) if match else np.nan


def split_ways(ways: Sequence[Way]) -> list[Piece]:
    """Cut ways at junctions: return (way, number along the way, nodes) of each piece.

    A junction is a node that several ways use, that one way passes twice, or at which a way ends. A piece that
    returns to its own start is cut once more in the middle, so that no link begins and ends at the same node.
    """
    uses: Counter[NodeId] = Counter()
    for way in ways:
        uses.update(way.nodes)
        uses.update((way.nodes[0], way.nodes[-1]))
    pieces: list[Piece] = []
    numbers: Counter[NodeId] = Counter()
    for way in ways:
        cuts = [0, *(k for k in range(1, len(way.nodes) - 1) if uses[way.nodes[k]] > 1), len(way.nodes) - 1]
        parts: list[tuple[NodeId, ...]] = []
        for first, last in itertools.pairwise(cuts):
            nodes = way.nodes[first : last + 1]
            middle = len(nodes) // 2
            parts += [nodes] if nodes[0] != nodes[-1] else [nodes[: middle + 1], nodes[middle:]]
        for nodes in parts:
            if len(nodes) > 1 and nodes[0] != nodes[-1]:
                pieces.append((way, numbers[way.id], nodes))
                numbers[way.id] += 1
    return pieces


def chain_pieces(pieces: Sequence[Piece]) -> list[Piece]:
    """Join pieces that follow each other with the same attributes where nothing else meets.

    A joined piece keeps the way and number of its first part. Pieces drawn towards each other stay apart.
    """
    ends = Counter(end for _, _, nodes in pieces for end in (nodes[0], nodes[-1]))
    starting = {nodes[0]: k for k, (_, _, nodes) in enumerate(pieces) if ends[nodes[0]] == 2}
    keys = [_attributes(way.tags) for way, _, _ in pieces]
    follower = {
        k: starting[nodes[-1]]
        for k, (_, _, nodes) in enumerate(pieces)
        if nodes[-1] in starting and starting[nodes[-1]] != k and keys[starting[nodes[-1]]] == keys[k]
    }
    followed = set(follower.values())
    joined = []
    used: set[int] = set()
    # First the chains with a beginning, then rings of equal pieces, which have none.
    for first in [*(k for k in range(len(pieces)) if k not in followed), *range(len(pieces))]:
        if first in used:
            continue
        used.add(first)
        way, seq, nodes = pieces[first]
        last = first
        while (last := follower.get(last, -1)) >= 0 and last not in used and pieces[last][2][-1] != nodes[0]:
            nodes = (*nodes, *pieces[last][2][1:])
            used.add(last)
        joined.append((way, seq, nodes))
    return joined


def _attributes(tags: Mapping[str, str]) -> tuple[object, ...]:
    ways = directions(tags)
    limits = [str(speed_kmh(tags.get(f"maxspeed:{s}") or tags.get("maxspeed"))) for s in ("forward", "backward")]
    return tags.get("name"), road_class(tags.get("highway")), ways, *limits, *(str(lanes(tags, d)) for d in ways)


def build_network(
    ways: Sequence[Way],
    positions: Positions,
    crs: str,
    extent: NDArray[np.float64],
    *,
    source: str = "osm",
    restrictions: Sequence[Restriction] = (),
    left_out: Mapping[str, int] | None = None,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, list[str]]:
    """Return nodes, directed links and the log of a road network.

    Parameters
    ----------
    ways : sequence of Way
    positions : mapping
        Coordinates of every node in the metric `crs`.
    crs : str
    extent : float64 (n, 2)
        Coordinates of whatever the extract holds; its convex hull is the edge at which roads leave (see
        `mark_stations`).
    source : str
        First part of the ids.
    restrictions : sequence of Restriction
        On turns, by the numbers of `ways`.
    left_out : mapping, optional
        How many restrictions were left out before, by reason; for the log.

    Returns
    -------
    nodes, links : GeoDataFrame
        Raw layers: unknown lanes and speeds are NaN with an empty origin.
    log : list of str

    Raises
    ------
    DataError
        No drivable road.
    """
    ways = sorted((w for w in ways if road_class(w.tags.get("highway")) and len(w.nodes) > 1), key=lambda w: w.id)
    pieces = chain_pieces(split_ways(ways))
    rows = [_link(*piece, direction, positions, source) for piece in pieces for direction in directions(piece[0].tags)]
    if not rows:
        raise DataError("no road that cars may use", where="links", expected="ways tagged highway")
    links = pd.DataFrame(rows)
    log: list[str] = []
    stations = mark_stations(links, positions, extent)
    links, moved = _join_carriageways(links, stations, positions, log)
    links = largest_component(links, log)
    links = _ban_turns(links, ways, restrictions, left_out or {}, log)
    node_ids = sorted(set(links["from_node"]) | set(links["to_node"]))
    external = np.isin(node_ids, sorted({moved.get(s, s) for s in stations}))
    ends = dict(zip(links["from_node"], shapely.get_point(links["geometry"].to_numpy(), 0), strict=True))
    names = pd.Index([f"{source}/node/{n}" for n in node_ids], dtype="str", name="node_id")
    nodes = gpd.GeoDataFrame({"external": external}, index=names, geometry=[ends[n] for n in node_ids], crs=crs)
    for column in ("from_node", "to_node"):
        links[column] = [f"{source}/node/{n}" for n in links[column]]
    text = (
        "link_id",
        "name",
        "from_node",
        "to_node",
        "road_class",
        "lanes_origin",
        "speed_limit_kmh_origin",
        "banned_turns",
    )
    links = links.astype(dict.fromkeys(text, "str")).set_index("link_id").sort_index()
    log.append(f"roads: {external.sum()} cordon stations where roads leave the area")
    return nodes.sort_index(), gpd.GeoDataFrame(links, geometry="geometry", crs=crs), log


def _link(
    way: Way, seq: int, nodes: tuple[NodeId, ...], direction: str, positions: Positions, source: str
) -> dict[str, object]:
    order = nodes if direction == "f" else nodes[::-1]
    own = way.tags.get("maxspeed:forward" if direction == "f" else "maxspeed:backward")
    speed, speed_origin = speed_kmh(own or way.tags.get("maxspeed"))
    count, lanes_origin = lanes(way.tags, direction)
    return {
        "link_id": f"{source}/way/{way.id}/{seq}/{direction}",
        "name": way.tags.get("name") or way.tags.get("ref") or "",
        "from_node": order[0],
        "to_node": order[-1],
        "road_class": road_class(way.tags.get("highway")),
        "lanes": count,
        "lanes_origin": lanes_origin,
        "speed_limit_kmh": speed,
        "speed_limit_kmh_origin": speed_origin,
        "geometry": shapely.LineString([positions[n] for n in order]),
        "drawn": (order[:2], order[-2:]),
    }


def _ban_turns(
    links: pd.DataFrame,
    ways: Sequence[Way],
    restrictions: Sequence[Restriction],
    left_out: Mapping[str, int],
    log: list[str],
) -> pd.DataFrame:
    """Return the links with their banned turns, and without the ends of their drawing."""
    users: dict[frozenset[NodeId], set[object]] = {}
    if restrictions:
        for way in ways:
            for pair in itertools.pairwise(way.nodes):
                users.setdefault(frozenset(pair), set()).add(way.id)
    ends = [
        Ends(link, tail, head, *(frozenset(users.get(frozenset(pair), ())) for pair in drawn))
        for link, tail, head, drawn in zip(
            links["link_id"], links["from_node"], links["to_node"], links["drawn"], strict=True
        )
    ]
    inside = set(links["to_node"])
    banned, counts = banned_turns(ends, [r for r in restrictions if r.via in inside])
    if line := summary(counts, left_out):
        log.append(line)
    texts = [" ".join(sorted(banned.get(link, ()))) for link in links["link_id"]]
    return links.drop(columns="drawn").assign(banned_turns=texts)


def mark_stations(links: pd.DataFrame, positions: Positions, extent: NDArray[np.float64]) -> set[NodeId]:
    """Return the nodes at which roads leave the area.

    A station is a node at which a road above residential ends (one neighbour along such roads) and whose distance
    to the edge of the convex hull of `extent` is at most 3 % of the hull's smaller side, within 30 m to 300 m, or
    at most 1.5 times the last straight piece of the road, up to 500 m: extracts leave out what lies beyond the last
    node inside. Where no such road reaches the edge, minor roads count. The thresholds are assumptions.
    """
    major = links[~links["road_class"].isin(MINOR_CLASSES)]
    return _ends_at_edge(major, positions, extent) or _ends_at_edge(links, positions, extent)


def _ends_at_edge(links: pd.DataFrame, positions: Positions, extent: NDArray[np.float64]) -> set[NodeId]:
    hull = shapely.convex_hull(shapely.MultiPoint(extent))
    west, south, east, north = hull.bounds
    margin = float(np.clip(0.03 * min(east - west, north - south), 30.0, 300.0))
    neighbours: dict[NodeId, set[NodeId]] = {}
    reach: dict[NodeId, float] = {}
    for tail, head, line in zip(links["from_node"], links["to_node"], links["geometry"], strict=True):
        steps = np.hypot(*np.diff(shapely.get_coordinates(line), axis=0).T)
        for node, other, last in ((tail, head, steps[0]), (head, tail, steps[-1])):
            neighbours.setdefault(node, set()).add(other)
            reach[node] = max(margin, min(1.5 * float(last), 500.0))
    ends = sorted(node for node, others in neighbours.items() if len(others) == 1)
    points = shapely.points(np.array([positions[n] for n in ends]).reshape(-1, 2))
    distance = np.atleast_1d(shapely.distance(points, hull.boundary))
    return {n for n, d in zip(ends, distance, strict=True) if d <= reach[n]}


def _join_carriageways(
    links: pd.DataFrame, stations: Iterable[NodeId], positions: Positions, log: list[str]
) -> tuple[pd.DataFrame, dict[NodeId, NodeId]]:
    """Make one station of the two ends of a road whose directions are drawn apart.

    Each carriageway alone is a road without return and would fall out of the strongly connected network. The end of
    the outward one is led to the end of the inward one when they are of the same class and at most `PAIR_DISTANCE_M`
    apart. Returns the links and the map from joined to remaining node.
    """
    heads, tails = set(links["to_node"]), set(links["from_node"])
    kinds = dict(zip(links["from_node"], links["road_class"], strict=True))
    kinds |= dict(zip(links["to_node"], links["road_class"], strict=True))
    outward = [s for s in sorted(stations) if s in heads and s not in tails]
    inward = [s for s in sorted(stations) if s in tails and s not in heads]
    pairs = sorted(
        (float(np.hypot(*np.subtract(positions[a], positions[b]))), a, b)
        for a in outward
        for b in inward
        if kinds[a] == kinds[b]
    )
    moved: dict[NodeId, NodeId] = {}
    for distance, a, b in pairs:
        if distance <= PAIR_DISTANCE_M and a not in moved and b not in moved.values():
            moved[a] = b
    heads_now = list(links["to_node"])
    lines = list(links["geometry"])
    for row, head in enumerate(heads_now):
        if head in moved:
            heads_now[row] = moved[head]
            lines[row] = shapely.LineString([*lines[row].coords, positions[moved[head]]])
    links = links.assign(to_node=heads_now, geometry=lines)
    if moved:
        said = "1 pair" if len(moved) == 1 else f"{len(moved)} pairs"
        log.append(f"roads: {said} of carriageways joined to one cordon station each")
    return links, moved


def largest_component(links: pd.DataFrame, log: list[str]) -> pd.DataFrame:
    """Return the links of the largest strongly connected component, by nodes; what is dropped is logged."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ids, ends = np.unique(np.concatenate([links["from_node"], links["to_node"]]), return_inverse=True)
    tail, head = ends[: len(links)], ends[len(links) :]
    graph = coo_array((np.ones(len(links), np.int8), (tail, head)), shape=(len(ids), len(ids)))
    _, label = connected_components(graph, directed=True, connection="strong")
    main = np.argmax(np.bincount(label))
    keep = (label[tail] == main) & (label[head] == main)
    if not keep.any():
        raise DataError("no two roads are connected in both directions", where="links")
    dropped = links[~keep]
    if len(dropped):
        km = shapely.length(dropped["geometry"].to_numpy()).sum() / 1000.0
        names = sorted({n for n in dropped["name"] if n})
        shown = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
        log.append(f"roads: {len(dropped)} links ({km:.2f} km) dropped, not connected both ways: {shown or 'unnamed'}")
    return links[keep]
