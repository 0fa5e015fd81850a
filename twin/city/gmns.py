"""GMNS: the General Modeling Network Specification, folders of CSV tables.

Tables and fields: Zephyr Foundation, https://github.com/zephyr-data-specs/GMNS (version 0.97). Read are ``config.csv``
(units of length and speed), ``node.csv``, ``link.csv`` and, for trips, ``demand.csv`` with ``o_zone_id``,
``d_zone_id`` and ``volume``. Capacity is per hour and lane. The fields ``vdf_alpha``, ``vdf_beta`` and ``vdf_fftt``
(minutes) of link.csv, which are no part of the specification but usual, set the BPR function. Turn restrictions
(movement.csv) are not read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from twin.city.csv_table import CsvTable
from twin.city.road_network import Floats, RoadNetwork, Trips, forward_star, label_order, raise_problems
from twin.city.tables import bpr_columns, check_ends, read_trips, unique_ids
from twin.errors import DataError, at_line

KM = {
    "km": 1.0,
    "kilometer": 1.0,
    "kilometers": 1.0,
    "kilometre": 1.0,
    "mi": 1.609344,
    "mile": 1.609344,
    "miles": 1.609344,
    "m": 0.001,
    "meter": 0.001,
    "meters": 0.001,
    "metre": 0.001,
    "ft": 0.0003048,
    "foot": 0.0003048,
    "feet": 0.0003048,
}
KMH = {"km/h": 1.0, "kmh": 1.0, "kph": 1.0, "kmph": 1.0, "mph": 1.609344, "mi/h": 1.609344}
YES, NO = ("1", "true", "t", "yes"), ("0", "false", "f", "no")


def is_gmns(folder: Path) -> bool:
    """Return whether a folder holds the two tables that make a network."""
    return (folder / "link.csv").is_file() or (folder / "node.csv").is_file()


def read_gmns(folder: str | Path) -> RoadNetwork:
    """Read the network in a folder.

    Zones are those that node.csv names in ``zone_id``. A zone with one node is that node, which paths may pass
    through unless its ``node_type`` is ``centroid``; where a zone has several nodes, every zone gets a centroid of its
    own, joined to its nodes at no cost.

    Raises
    ------
    UnsafeFileError
        Tables too large, or not text.
    DataError
        Units, tables, columns or cells that cannot be used; all of a table are named.
    """
    folder = Path(folder)
    km, kmh = _units(folder / "config.csv")
    nodes, zone_of, centroid = _nodes(folder / "node.csv")
    table = CsvTable(folder / "link.csv", ("link_id", "from_node_id", "to_node_id", "directed", "capacity"))
    ids = unique_ids(table, "link_id")
    tails, heads = table.text("from_node_id"), table.text("to_node_id")
    known = set(nodes)
    for column, names in (("from_node_id", tails), ("to_node_id", heads)):
        for row, name in enumerate(names):
            if name and name not in known:
                table.problem(row, column, f"unknown node {name!r}", "a node_id of node.csv")
    check_ends(table, tails, heads, "to_node_id")
    values = _values(table, km, kmh)
    directed = _flags(table, "directed")
    raise_problems(table.problems, "the GMNS links cannot be used", table.path)
    both = np.flatnonzero(~directed)
    link_ids = [*ids, *(f"{ids[k]}/reverse" for k in both)]
    values = {name: np.concatenate([array, array[both]]) for name, array in values.items()}
    ends = [*tails, *(heads[k] for k in both)], [*heads, *(tails[k] for k in both)]
    return _with_zones(table.path, nodes, zone_of, centroid, ends, link_ids, values)


def read_gmns_trips(path: str | Path) -> Trips:
    """Read ``demand.csv``; errors as `twin.city.tables.read_trips`."""
    return read_trips(path, "o_zone_id", "d_zone_id", "volume")


def _units(path: Path) -> tuple[float, float]:
    """Return km per unit of length and km/h per unit of speed."""
    table = CsvTable(path, ("long_length", "speed"))
    raise_problems(table.problems, "the GMNS units cannot be used", table.path)
    if len(table) != 1:
        raise DataError(f"{len(table)} rows", where=table.path, expected="one row")
    found = []
    for column, known in (("long_length", KM), ("speed", KMH)):
        unit = table.cells[column][0].strip().lower()
        if unit not in known:
            raise DataError(
                f"{column} is {unit[:40]!r}",
                where=at_line(path, table.lines[0], table.place[column] + 1),
                expected="one of " + ", ".join(known),
            )
        found.append(known[unit])
    return found[0], found[1]


def _nodes(path: Path) -> tuple[list[str], list[str], list[bool]]:
    """Return ids, zones (empty where there is none), and whether each is a centroid."""
    table = CsvTable(path, ("node_id", "zone_id"))
    ids = unique_ids(table, "node_id")
    zones = [cell.strip() for cell in table.cells.get("zone_id", [])]
    kinds = [cell.strip().lower() for cell in table.cells.get("node_type", [""] * len(table))]
    if not any(zones) and not table.problems:
        raise DataError(
            "no node has a zone", where=table.path, expected="zone_id of the nodes where trips begin and end"
        )
    raise_problems(table.problems, "the GMNS nodes cannot be used", table.path)
    return ids, zones, [kind == "centroid" for kind in kinds]


def _flags(table: CsvTable, column: str) -> np.ndarray:
    flags = np.zeros(len(table), bool)
    for row, cell in enumerate(table.cells.get(column, [])):
        word = cell.strip().lower()
        if word not in (*YES, *NO):
            table.problem(row, column, f"{column} is {cell[:40]!r}", "true or false")
        flags[row] = word in YES
    return flags


def _values(table: CsvTable, km: float, kmh: float) -> dict[str, Floats]:
    positive = {"good": lambda x: x > 0.0, "expected": "a positive number"}
    capacity = table.numbers("capacity", **positive)  # type: ignore[arg-type]
    lanes = table.numbers("lanes", default=1.0, **positive)  # type: ignore[arg-type]
    if "length" not in table:
        raise DataError("the column 'length' is missing", where=at_line(table.path, 1, 1))
    if "free_speed" not in table and "vdf_fftt" not in table:
        raise DataError("no column says the free-flow speed", where=at_line(table.path, 1, 1), expected="free_speed")
    length = km * table.numbers("length")
    if "vdf_fftt" in table:
        time = table.numbers("vdf_fftt")
    else:
        with np.errstate(divide="ignore", invalid="ignore"):  # what is not positive is a problem by now
            time = 60.0 * length / (kmh * table.numbers("free_speed", **positive))  # type: ignore[arg-type]
    values = {"capacity": capacity * lanes, "length": length, "free_flow_time": time}
    return values | {"toll": table.numbers("toll", default=0.0)} | bpr_columns(table, "vdf_alpha", "vdf_beta")


def _with_zones(
    where: str,
    nodes: list[str],
    zone_of: list[str],
    centroid: list[bool],
    ends: tuple[list[str], list[str]],
    link_ids: list[str],
    values: dict[str, Floats],
) -> RoadNetwork:
    zones = label_order({zone for zone in zone_of if zone})
    members: dict[str, list[int]] = {zone: [] for zone in zones}
    for k, zone in enumerate(zone_of):
        if zone:
            members[zone].append(k)
    held = [k for found in members.values() for k in found]
    tails, heads = ends
    if all(len(found) == 1 for found in members.values()):
        if 0 < sum(centroid[k] for k in held) < len(held):
            raise DataError(
                "some nodes with a zone are centroids and some are not",
                where=str(Path(where).with_name("node.csv")),
                expected="all or none of them with node_type centroid",
            )
        rest = [k for k in range(len(nodes)) if not zone_of[k]]
        order = [members[zone][0] for zone in zones] + rest
        place = {nodes[k]: at for at, k in enumerate(order)}
        labels = [*zones, *(nodes[k] for k in rest)]
        first_thru = len(zones) if all(centroid[k] for k in held) else 0
    else:
        labels = [*zones, *nodes]
        place = {name: len(zones) + k for k, name in enumerate(nodes)}
        first_thru = len(zones)
    tail, head = (np.array([place[name] for name in names], np.int64) for names in (tails, heads))
    if len(labels) > len(nodes):
        near = np.repeat(np.arange(len(zones)), [len(members[zone]) for zone in zones])
        far = len(zones) + np.array(held, np.int64)
        tail, head = np.concatenate([tail, near, far]), np.concatenate([head, far, near])
        pairs = [f"{zones[a]}/{nodes[b]}" for a, b in zip(near, held, strict=True)]
        link_ids = [
            *link_ids,
            *(f"connector/{pair}/out" for pair in pairs),
            *(f"connector/{pair}/in" for pair in pairs),
        ]
        fill = {"capacity": 1e9, "power": 1.0}
        values = {
            name: np.concatenate([array, np.full(2 * len(near), fill.get(name, 0.0))]) for name, array in values.items()
        }
    return forward_star(len(zones), first_thru, labels, link_ids, tail, head, values, "km")
