"""A road network and its trips as the assignment wants them, whatever file they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import DataError, TwinError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_BYTES = 500_000_000
"""Of a text file; the largest published trip table is about 50 MB."""

MAX_COUNT = 10_000_000
MAX_ZONES = 20_000
"""A table of this many zones takes 3.2 GB."""

MAX_SHOWN = 20


@dataclass(frozen=True)
class RoadNetwork:
    """A road network as a forward star; nodes and zones count from 0, and zones are the first nodes.

    Links are sorted by tail, then head; parallel links stay in file order. Paths do not pass through nodes below
    ``first_thru``. Link times are ``free_flow_time * (1 + alpha * (flow / capacity) ** power)``. ``length_unit`` is
    "km", or empty where lengths, times, tolls and capacities are in whatever units the file has (TNTP says none);
    otherwise times are minutes and capacities vehicles per hour. ``node_labels`` [nodes], of which the first are those
    of the zones, and ``link_ids`` [links] are the file's.
    """

    zones: int
    first_thru: int
    link_start: Ints
    link_tail: Ints
    link_head: Ints
    capacity: Floats
    length: Floats
    free_flow_time: Floats
    alpha: Floats
    power: Floats
    toll: Floats
    node_labels: tuple[str, ...]
    link_ids: tuple[str, ...]
    length_unit: str = ""

    @property
    def zone_labels(self) -> tuple[str, ...]:
        """Names of the zones."""
        return self.node_labels[: self.zones]


class Trips(NamedTuple):
    """Trips between the zones named `labels`: float64 [zones, zones], origins in rows; `path` is for messages."""

    labels: tuple[str, ...]
    table: Floats
    path: str


def forward_star(
    zones: int,
    first_thru: int,
    node_labels: Sequence[str],
    link_ids: Sequence[str],
    tail: Ints,
    head: Ints,
    values: dict[str, Floats],
    length_unit: str = "",
) -> RoadNetwork:
    """Return a network of links in any order; `values` holds the remaining arrays of `RoadNetwork` by name."""
    order = np.lexsort((head, tail))
    start = np.searchsorted(tail[order], np.arange(len(node_labels) + 1)).astype(np.int64)
    return RoadNetwork(
        zones=zones,
        first_thru=first_thru,
        link_start=start,
        link_tail=tail[order].astype(np.int64),
        link_head=head[order].astype(np.int64),
        node_labels=tuple(node_labels),
        link_ids=tuple(link_ids[k] for k in order),
        length_unit=length_unit,
        **{name: np.ascontiguousarray(array[order], np.float64) for name, array in values.items()},
    )


def trips_of(network: RoadNetwork, trips: Trips) -> Floats:
    """Return the trips as a table of the network's zones.

    Raises
    ------
    DataError
        Trips of zones that the network has not; all are named.
    """
    place = {label: k for k, label in enumerate(network.zone_labels)}
    unknown = [label for label in trips.labels if label not in place]
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise DataError(
            f"unknown zones: {', '.join(map(repr, unknown[:5]))}{more}",
            where=trips.path,
            expected="zones of the network: " + ", ".join(network.zone_labels[:5]) + " …",
        )
    at = np.array([place[label] for label in trips.labels], np.int64)
    table = np.zeros((network.zones, network.zones))
    table[np.ix_(at, at)] = trips.table
    return table


def label_order(labels: set[str]) -> list[str]:
    """Return labels sorted: as numbers where all are whole numbers, else as text."""
    whole = all(label.isascii() and label.isdigit() and len(label) <= 18 for label in labels)
    return sorted(labels, key=lambda label: (int(label), label) if whole else (0, label))


def raise_problems(problems: Sequence[TwinError], what: str, where: str) -> None:
    """Raise one DataError that holds all problems, if there are any."""
    if problems:
        more = f" ({len(problems)} problems, the first {MAX_SHOWN} are shown)" if len(problems) > MAX_SHOWN else ""
        raise DataError(what + more, where=where, problems=problems[:MAX_SHOWN])
