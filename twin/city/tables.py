"""Plain CSV tables of links and trips, whose columns say their units.

Links, one row for each direction: ``from_node``, ``to_node``, ``capacity_veh_h``, a length (``length_km``,
``length_m`` or ``length_mi``), and ``free_flow_time_min``, ``free_flow_time_s``, ``free_speed_kmh`` or
``free_speed_mph``; further ``link_id``, ``alpha``, ``power`` (of the BPR function; 0.15 and 4 when left out) and
``toll``. Trips, one row for each pair of zones: ``origin``, ``destination``, ``trips``. Zones are the nodes that the
trips name.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from twin.city.csv_table import CsvTable
from twin.city.road_network import (
    MAX_ZONES,
    Floats,
    RoadNetwork,
    Trips,
    forward_star,
    label_order,
    raise_problems,
)
from twin.errors import DataError

BPR_ALPHA, BPR_POWER = 0.15, 4.0
"""Bureau of Public Roads 1964, Traffic Assignment Manual."""

KM = {"length_km": 1.0, "length_m": 0.001, "length_mi": 1.609344}
MINUTES = {"free_flow_time_min": 1.0, "free_flow_time_s": 1.0 / 60.0}
KMH = {"free_speed_kmh": 1.0, "free_speed_mph": 1.609344}
LINK_COLUMNS = ("from_node", "to_node", "capacity_veh_h")


def read_links(path: str | Path, zones: tuple[str, ...], *, through_zones: bool = True) -> RoadNetwork:
    """Read a table of links.

    Parameters
    ----------
    path : CSV file
    zones : names of the nodes that are zones, as in the trips
    through_zones : whether paths may pass through zones

    Raises
    ------
    UnsafeFileError
        Too large, or not text.
    DataError
        Columns, cells or zones that cannot be used; all are named.
    """
    table = CsvTable(path, LINK_COLUMNS)
    length_column = _one_of(table, KM, "length")
    time_column = _one_of(table, MINUTES | KMH, "free-flow time or speed")
    tails, heads = table.text("from_node"), table.text("to_node")
    check_ends(table, tails, heads, "to_node")
    length = KM[length_column] * table.numbers(length_column)
    values = {"capacity": table.numbers("capacity_veh_h", good=lambda x: x > 0.0, expected="a positive number")}
    if time_column in MINUTES:
        time = MINUTES[time_column] * table.numbers(time_column)
    else:
        speed = table.numbers(time_column, good=lambda x: x > 0.0, expected="a positive number")
        with np.errstate(divide="ignore", invalid="ignore"):  # what is not positive is a problem by now
            time = 60.0 * length / (KMH[time_column] * speed)
    values |= {"length": length, "free_flow_time": time, "toll": table.numbers("toll", default=0.0)}
    values |= bpr_columns(table, "alpha", "power")
    ids = unique_ids(table, "link_id") if "link_id" in table else [str(k + 1) for k in range(len(table))]
    nodes = set(tails) | set(heads)
    missing = [zone for zone in zones if zone not in nodes]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        table.problems.append(
            DataError(f"no link touches the zones {', '.join(map(repr, missing[:5]))}{more}", where=table.path)
        )
    raise_problems(table.problems, "the table of links cannot be used", table.path)
    labels = [*zones, *label_order(nodes - set(zones))]
    place = {label: k for k, label in enumerate(labels)}
    tail, head = (np.array([place[n] for n in names], np.int64) for names in (tails, heads))
    return forward_star(len(zones), 0 if through_zones else len(zones), labels, ids, tail, head, values, "km")


def read_trips(
    path: str | Path, origin: str = "origin", destination: str = "destination", amount: str = "trips"
) -> Trips:
    """Read a table of trips.

    Raises
    ------
    UnsafeFileError
        Too large, or not text.
    DataError
        Columns or cells that cannot be used, pairs that stand twice, too many zones; all are named.
    """
    table = CsvTable(path, (origin, destination, amount))
    origins, destinations = table.text(origin), table.text(destination)
    trips = table.numbers(amount)
    labels = label_order(set(origins) | set(destinations))
    if len(labels) > MAX_ZONES:
        raise DataError(f"{len(labels)} zones", where=table.path, expected=f"at most {MAX_ZONES}")
    place = {label: k for k, label in enumerate(labels)}
    result = np.zeros((len(labels), len(labels)))
    seen: set[tuple[int, int]] = set()
    for row, pair in enumerate(zip(origins, destinations, strict=True)):
        at = place[pair[0]], place[pair[1]]
        if at in seen:
            table.problem(row, origin, f"trips from {pair[0]!r} to {pair[1]!r} stand twice")
        seen.add(at)
        result[at] = trips[row]
    raise_problems(table.problems, "the table of trips cannot be used", table.path)
    return Trips(tuple(labels), result, table.path)


def unique_ids(table: CsvTable, column: str) -> list[str]:
    """Return a column of ids; those that stand twice are noted."""
    ids = table.text(column)
    seen: set[str] = set()
    for row, name in enumerate(ids):
        if name and name in seen:
            table.problem(row, column, f"{column} {name!r} stands twice")
        seen.add(name)
    return ids


def check_ends(table: CsvTable, tails: list[str], heads: list[str], column: str) -> None:
    """Note links from a node to itself."""
    for row, (tail, head) in enumerate(zip(tails, heads, strict=True)):
        if tail and tail == head:
            table.problem(row, column, f"a link from node {tail!r} to itself")


def bpr_columns(table: CsvTable, alpha: str, power: str) -> dict[str, Floats]:
    """Return alpha and power of the BPR function; its times must rise evenly or faster."""
    factors = table.numbers(alpha, default=BPR_ALPHA)
    powers = table.numbers(
        power, default=BPR_POWER, good=lambda x: x == 0.0 or x >= 1.0, expected="0, or at least 1: times rise evenly"
    )
    return {"alpha": factors, "power": powers}


def _one_of(table: CsvTable, names: dict[str, float], what: str) -> str:
    found = [name for name in names if name in table]
    if len(found) != 1:
        said = f"the columns {' and '.join(found)} say the same" if found else f"no column says the {what}"
        raise DataError(said, where=f"{table.path}:1:1", expected="one of " + ", ".join(names))
    return found[0]
