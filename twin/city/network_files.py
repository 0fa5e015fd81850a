"""Networks and trips from files of any format that is read here, told apart by what is in them."""

from __future__ import annotations

from pathlib import Path

from twin.city.csv_table import read_text
from twin.city.door import check_size
from twin.city.gmns import is_gmns, read_gmns, read_gmns_trips
from twin.city.omx import MAGIC, MAX_OMX_BYTES, read_omx
from twin.city.road_network import RoadNetwork, Trips
from twin.city.tables import read_links, read_trips
from twin.city.tntp import read_tntp_network, read_tntp_trips
from twin.errors import DataError

_LOOK = 65536


def read_any_trips(path: str | Path, *, matrix: str | None = None) -> Trips:
    """Read trips from a TNTP table, GMNS ``demand.csv`` (or its folder), OMX file or CSV table.

    Raises
    ------
    DataError, UnsafeFileError, MissingExtraError
        None of these, or as the readers.
    """
    given, path = path, Path(path)
    if path.is_dir():
        if not (path / "demand.csv").is_file():
            raise DataError("the folder has no demand.csv", where=str(path), expected="a file of trips")
        given = path = path / "demand.csv"
    head = _look(given)
    if head.startswith(MAGIC):
        return read_omx(path, matrix)
    if _is_tntp(head):
        table = read_tntp_trips(path)
        return Trips(tuple(str(k + 1) for k in range(len(table))), table, str(path))
    columns = _header(head)
    if "o_zone_id" in columns:
        return read_gmns_trips(path)
    if {"origin", "destination", "trips"} & columns:
        return read_trips(path)
    read_text(path)
    raise DataError(
        "this is no file of trips",
        where=str(path),
        expected="TNTP, OMX, or CSV with origin, destination, trips (GMNS: o_zone_id, d_zone_id, volume)",
    )


def read_any_network(path: str | Path, trips: Trips, *, through_zones: bool = True) -> RoadNetwork:
    """Read a network from a TNTP file, GMNS folder or CSV table of links.

    Parameters
    ----------
    path : file or folder
    trips : names the zones of a CSV table
    through_zones : whether paths may pass through zones, in a CSV table

    Raises
    ------
    DataError, UnsafeFileError
        None of these, or as the readers.
    """
    given, path = path, Path(path)
    if path.is_dir():
        if not is_gmns(path):
            raise DataError("the folder holds no network", where=str(path), expected="node.csv and link.csv (GMNS)")
        return read_gmns(path)
    head = _look(given)
    if _is_tntp(head):
        return read_tntp_network(path)
    columns = _header(head)
    if "from_node_id" in columns:
        raise DataError(
            "this is one table of a GMNS network", where=str(path), remedy=f"name its folder: {path.parent}"
        )
    if {"from_node", "to_node", "capacity_veh_h"} & columns:
        return read_links(path, trips.labels, through_zones=through_zones)
    if head.startswith(MAGIC):
        raise DataError("an OMX file holds matrices and no network", where=str(path))
    read_text(path)
    raise DataError(
        "this is no network",
        where=str(path),
        expected="TNTP, a GMNS folder, or CSV with from_node, to_node, capacity_veh_h",
    )


def _look(path: str | Path) -> bytes:
    resolved = check_size(path, max_bytes=MAX_OMX_BYTES, what="file")
    with resolved.open("rb") as stream:
        return stream.read(_LOOK)


def _is_tntp(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").upper()
    return start.startswith((b"<", b"~")) or b"<END OF METADATA>" in start


def _header(head: bytes) -> set[str]:
    lines = head.decode("utf-8-sig", "replace").splitlines()
    return {name.strip().strip('"').lower() for name in lines[0].split(",")} if lines else set()
