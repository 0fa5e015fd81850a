"""TNTP: the text format of road networks and trip tables of "Transportation Networks for Research".

Format: B. Stabler, H. Bar-Gera and E. Sall, https://github.com/bstabler/TransportationNetworks. Links carry a BPR
function ``free_flow_time * (1 + b * (flow / capacity) ** power)``; ``~`` starts a comment.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from twin.city.road_network import (
    MAX_BYTES,
    MAX_COUNT,
    MAX_ZONES,
    Floats,
    RoadNetwork,
    forward_star,
    raise_problems,
)
from twin.errors import DataError, TwinError, UnsafeFileError, at_line

END = "<END OF METADATA>"
_TAG = re.compile(r"<([^<>]+)>\s*([^~]*)")
_LINK_FIELDS = 10
_TOTAL_TOLERANCE = 1e-4  # the published totals are rounded, and some leave out trips within a zone


def read_tntp_network(path: str | Path) -> RoadNetwork:
    """Read a ``_net.tntp`` file; ids of links are their numbers in the file, counted from 1.

    Raises
    ------
    UnsafeFileError
        A file larger than `MAX_BYTES`, or not text.
    DataError
        Metadata that is missing or contradicts the links, and links that cannot be used; all are named.
    """
    path = Path(path)
    meta, body = _split(path)
    zones, nodes, links = (_whole(meta, tag, path) for tag in ("NUMBER OF ZONES", "NUMBER OF NODES", "NUMBER OF LINKS"))
    first_thru = _whole(meta, "FIRST THRU NODE", path)
    problems: list[TwinError] = []
    if zones > nodes:
        problems.append(DataError(f"{zones} zones but {nodes} nodes", where=str(path), expected="zones that are nodes"))
    if first_thru > nodes + 1:
        problems.append(DataError(f"the first thru node {first_thru} is beyond the last node {nodes}", where=str(path)))
    rows = []
    for number, text in body:
        try:
            rows.append(_link(text, nodes, at_line(path, number, 1)))
        except DataError as error:
            problems.append(error)
    if len(rows) != links and not problems:
        problems.append(DataError(f"{len(rows)} links, {links} are declared", where=str(path)))
    raise_problems(problems, "the TNTP network cannot be used", str(path))
    table = np.array(rows).reshape(-1, _LINK_FIELDS)
    tail, head = (table[:, k].astype(np.int64) - 1 for k in (0, 1))
    names = {"capacity": 2, "length": 3, "free_flow_time": 4, "alpha": 5, "power": 6, "toll": 8}
    labels, ids = ([str(k + 1) for k in range(count)] for count in (nodes, len(table)))
    return forward_star(zones, first_thru - 1, labels, ids, tail, head, {n: table[:, k] for n, k in names.items()})


def read_tntp_trips(path: str | Path) -> Floats:
    """Read a ``_trips.tntp`` file as a table [zones, zones], origins in rows.

    Raises
    ------
    UnsafeFileError
        A file larger than `MAX_BYTES`, or not text.
    DataError
        Metadata that is missing or contradicts the trips, and entries that cannot be used; all are named.
    """
    path = Path(path)
    meta, body = _split(path)
    zones = _whole(meta, "NUMBER OF ZONES", path, MAX_ZONES)
    trips = np.zeros((zones, zones))
    seen = np.zeros((zones, zones), bool)
    problems: list[TwinError] = []
    origin = 0
    for number, text in body:
        where = at_line(path, number, 1)
        try:
            if text.lower().startswith("origin"):
                origin = _node(text[len("origin") :], zones, "origin", where)
                continue
            if origin == 0:
                raise DataError("trips before the first origin", where=where, expected="Origin <zone>")
            for entry in filter(str.strip, text.split(";")):
                destination, amount = _entry(entry, zones, where)
                if seen[origin - 1, destination - 1]:
                    raise DataError(f"trips from {origin} to {destination} stand twice", where=where)
                seen[origin - 1, destination - 1] = True
                trips[origin - 1, destination - 1] = amount
        except DataError as error:
            problems.append(error)
    raise_problems(problems, "the TNTP trip table cannot be used", str(path))
    if "TOTAL OD FLOW" in meta:
        total = _number(meta["TOTAL OD FLOW"], "TOTAL OD FLOW", str(path))
        if abs(trips.sum() - total) > _TOTAL_TOLERANCE * max(total, 1.0):
            raise DataError(f"the trips add up to {trips.sum():.10g}, {total:.10g} are declared", where=str(path))
    return trips


def _split(path: Path) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """Return the metadata, and the lines that are neither empty nor comments with their numbers."""
    if not path.is_file():
        raise DataError("the file does not exist or is not a file", where=str(path))
    with path.open("rb") as stream:
        raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise UnsafeFileError("the file is too large", where=str(path), expected=f"at most {MAX_BYTES:,} bytes")
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise UnsafeFileError("the file is not UTF-8 text", where=str(path), expected="a TNTP text file") from None
    if "\0" in "".join(lines[:100]):
        raise UnsafeFileError("the file is not text", where=str(path), expected="a TNTP text file")
    end = next((i for i, line in enumerate(lines) if line.strip().upper().startswith(END)), None)
    if end is None:
        raise DataError(f"the line {END} is missing", where=str(path), expected="a TNTP file")
    found = (_TAG.match(line.strip()) for line in lines[:end])
    meta = {match[1].strip().upper(): match[2].strip() for match in found if match}
    body = ((number, line.split("~")[0].strip()) for number, line in enumerate(lines[end + 1 :], end + 2))
    return meta, [(number, text) for number, text in body if text]


def _whole(meta: dict[str, str], tag: str, path: Path, most: int = MAX_COUNT) -> int:
    if tag not in meta:
        raise DataError(f"the metadata <{tag}> is missing", where=str(path))
    if not re.fullmatch(r"[0-9]{1,9}", meta[tag]) or not 1 <= int(meta[tag]) <= most:
        raise DataError(f"<{tag}> is {meta[tag]!r}", where=str(path), expected=f"a whole number from 1 to {most}")
    return int(meta[tag])


def _number(text: str, what: str, where: str) -> float:
    try:
        value = math.nan if "_" in text else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{what} is {text.strip()!r}", where=where, expected="a finite number")
    return value


def _node(text: str, count: int, what: str, where: str) -> int:
    text = text.strip()
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= count:
        raise DataError(f"{what} is {text!r}", where=where, expected=f"a whole number from 1 to {count}")
    return int(text)


def _entry(entry: str, zones: int, where: str) -> tuple[int, float]:
    destination, colon, amount = entry.partition(":")
    if not colon:
        raise DataError(f"{entry.strip()!r} is not an entry", where=where, expected="<destination> : <trips>;")
    value = _number(amount, "the number of trips", where)
    if value < 0.0:
        raise DataError(f"the number of trips is {value}", where=where, expected="not negative")
    return _node(destination, zones, "destination", where), value


def _link(text: str, nodes: int, where: str) -> list[float]:
    """Return the ten fields of a link, checked."""
    fields = text.rstrip(";").split()
    if len(fields) != _LINK_FIELDS:
        expected = "tail, head, capacity, length, free-flow time, b, power, speed, toll, type"
        raise DataError(f"{len(fields)} fields", where=where, expected=expected)
    row = [float(_node(fields[k], nodes, what, where)) for k, what in ((0, "tail node"), (1, "head node"))]
    names = ("capacity", "length", "free-flow time", "b", "power", "speed", "toll", "link type")
    row += [_number(field, name, where) for field, name in zip(fields[2:], names, strict=True)]
    if row[0] == row[1]:
        raise DataError(f"a link from node {fields[0]} to itself", where=where)
    if row[2] <= 0.0:
        raise DataError(f"capacity is {row[2]}", where=where, expected="a positive number")
    for value, name in zip(row[4:7], names[2:5], strict=True):
        if value < 0.0:
            raise DataError(f"{name} is {value}", where=where, expected="not negative")
    if 0.0 < row[6] < 1.0 and row[5] > 0.0:
        raise DataError(
            f"power is {row[6]}", where=where, expected="0, or at least 1: times that rise evenly or faster"
        )
    return row
