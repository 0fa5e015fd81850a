"""Malformed networks and trips for ``twin assign``, each with its exit code, error and place."""

# ruff: noqa: E501 (one line for each case)

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .malformed import Case, Words

TNTP_NET = """<NUMBER OF ZONES> 2
<NUMBER OF NODES> 3
<FIRST THRU NODE> 3
<NUMBER OF LINKS> 4
<END OF METADATA>
~ tail head capacity length time b power speed toll type ;
 1 3 1800 1.5 1.5 0.15 4 50 7 1 ;
 3 1 1800 1.5 1.5 0.15 4 50 0 1 ;
 3 2 900 2 2.5 0.15 4 50 0 1 ;
 2 3 900 2 2.5 0.15 4 50 0 1 ;
"""
SHORT_NET = "\n".join(TNTP_NET.replace("LINKS> 4", "LINKS> 2").splitlines()[:8])
TNTP_TRIPS = """<NUMBER OF ZONES> 2
<TOTAL OD FLOW> 30.0
<END OF METADATA>
Origin 1
 2 : 20.0;
Origin 2
 1 : 10.0;
"""
LINKS = """link_id,from_node,to_node,length_km,free_flow_time_min,capacity_veh_h,alpha,power,toll
a,A,C,1.5,1.5,1800,0.15,4,7
b,C,A,1.5,1.5,1800,0.15,4,0
c,C,B,2,2.5,900,0.15,4,0
d,B,C,2,2.5,900,0.15,4,0
"""
TRIPS = "origin,destination,trips\nA,B,20\nB,A,10\n"
CONFIG = "dataset_name,long_length,speed\nsmall,mile,mph\n"
NODES = "node_id,x_coord,y_coord,node_type,zone_id\n1,0,0,centroid,A\n2,1,0,centroid,B\n3,2,0,,\n"
GMNS_LINKS = """link_id,from_node_id,to_node_id,directed,length,free_speed,capacity,lanes,toll
1,1,3,0,1.5,30,900,2,0
2,2,3,false,2,30,900,1,0
"""
DEMAND = "o_zone_id,d_zone_id,volume\nA,B,20\nB,A,10\n"
GMNS = {"config.csv": CONFIG, "node.csv": NODES, "link.csv": GMNS_LINKS, "demand.csv": DEMAND}
Content = str | bytes


def put(folder: Path, name: str, content: Content) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def files(
    name: str,
    says: str,
    network: Content,
    trips: Content,
    kind: str,
    *more: str,
    code: int = 4,
    error: str = "DataError",
) -> Case:
    def make(folder: Path, city: Path) -> Words:
        net, table = ("n.tntp", "t.tntp") if kind == "tntp" else ("n.csv", "t.csv")
        put(folder, net, network)
        put(folder, table, trips)
        return ["assign", net, table, "--out", "o", *more]

    return Case(name, make, code, error, says)


def swap(text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def net(name: str, says: str, old: str, new: str, *more: str) -> Case:
    """Return a case of a TNTP network with a part replaced."""
    return files(f"tntp-{name}", says, swap(TNTP_NET, old, new), TNTP_TRIPS, "tntp", *more)


def od(name: str, says: str, old: str, new: str) -> Case:
    return files(f"tntp-{name}", says, TNTP_NET, swap(TNTP_TRIPS, old, new), "tntp")


def links(name: str, says: str, old: str, new: str, *more: str) -> Case:
    """Return a case of a CSV table of links with a part replaced."""
    return files(f"links-{name}", says, swap(LINKS, old, new), TRIPS, "csv", *more)


def trips(name: str, says: str, old: str, new: str) -> Case:
    return files(f"trips-{name}", says, LINKS, swap(TRIPS, old, new), "csv")


def gmns(name: str, says: str, file: str, old: str, new: str | None) -> Case:
    """Return a case of a GMNS folder with a part of a file replaced, or the file left out."""

    def make(folder: Path, city: Path) -> Words:
        for other, text in GMNS.items():
            if other != file or new is not None:
                put(folder, f"g/{other}", swap(text, old, new) if other == file and new is not None else text)
        return ["assign", "g", "g/demand.csv", "--out", "o"]

    return Case(f"gmns-{name}", make, 4, "DataError", says)


def omx(name: str, says: str, change: Callable[..., None], *more: str, code: int = 4, error: str = "DataError") -> Case:
    """Return a case whose trips are an OMX file; `change` gets the open file with the sound content."""

    def make(folder: Path, city: Path) -> Words:
        import h5py

        put(folder, "n.csv", LINKS)
        with h5py.File(folder / "t.omx", "w") as file:
            file.attrs["OMX_VERSION"] = np.bytes_(b"0.2")
            file.attrs["SHAPE"] = np.array([2, 2])
            file.create_group("data")["trips"] = np.array([[0.0, 20.0], [10.0, 0.0]])
            file.create_group("lookup")["zone"] = np.array([b"A", b"B"])
            change(file)
        return ["assign", "n.csv", "t.omx", "--out", "o", *more]

    return Case(f"omx-{name}", make, code, error, says)


def replaced(path: str, values: object) -> Callable[..., None]:
    def change(file) -> None:
        del file[path]
        file[path] = values

    return change


def _truncated(folder: Path, city: Path) -> Words:
    words = omx("", "", lambda file: None).make(folder, city)
    data = (folder / "t.omx").read_bytes()
    (folder / "t.omx").write_bytes(data[: len(data) // 2])
    return words


def _external_link(file) -> None:
    import h5py

    del file["data/trips"]
    file["data/trips"] = h5py.ExternalLink("secret.omx", "/data/trips")


def _soft_data(file) -> None:
    import h5py

    file["other"] = file["data"]
    del file["data"]
    file["data"] = h5py.SoftLink("/other")


def _external_values(file) -> None:
    del file["data/trips"]
    file["data"].create_dataset("trips", (2, 2), "f8", external=[("n.csv", 0, 32)])


def _bomb(file) -> None:
    del file["data/trips"]
    file["data"].create_dataset("trips", (15000, 15000), "f8", chunks=(1000, 1000), compression="gzip")
    file.attrs["SHAPE"] = np.array([15000, 15000])


def _chunk_bomb(file) -> None:
    del file["data/trips"]
    data = file["data"].create_dataset(
        "trips", (2, 2), "f8", maxshape=(None, None), chunks=(10000, 10000), compression="gzip"
    )
    data[...] = 1.0


def _long_names(file) -> None:
    import h5py

    del file["lookup/zone"]
    file["lookup"].create_dataset("zone", data=["A" * 100_000, "B"], dtype=h5py.string_dtype())


def _too_many_zones(file) -> None:
    del file["data/trips"]
    file["data"].create_dataset("trips", (2_000_000, 2_000_000), "f8", chunks=(1000, 1000), compression="gzip")
    file.attrs["SHAPE"] = np.array([2_000_000, 2_000_000])


def _second_matrix(file) -> None:
    file["data/more"] = np.zeros((2, 2))


def _no_data(file) -> None:
    del file["data"]


def _empty_data(file) -> None:
    del file["data/trips"]


def _data_as_matrix(file) -> None:
    del file["data"]
    file["data"] = np.zeros((2, 2))


def _matrix_as_group(file) -> None:
    del file["data/trips"]
    file.create_group("data/trips")


def plain(
    name: str,
    says: str,
    network: str,
    table: str,
    *more: str,
    code: int = 4,
    error: str = "DataError",
    there: dict[str, Content] | None = None,
    folders: tuple[str, ...] = (),
) -> Case:
    """Return a case of a command on files and folders that are there before."""

    def make(folder: Path, city: Path) -> Words:
        for path, content in ({"n.csv": LINKS, "t.csv": TRIPS} | (there or {})).items():
            put(folder, path, content)
        for path in folders:
            (folder / path).mkdir()
        return ["assign", network, table, *more]

    return Case(name, make, code, error, says)


def _large(folder: Path, city: Path) -> Words:
    put(folder, "n.csv", LINKS)
    put(folder, "t.csv", TRIPS)
    with (folder / "n.csv").open("r+b") as file:
        file.truncate(600_000_000)
    return ["assign", "n.csv", "t.csv"]


NETWORKS = [
    net("no-end-of-metadata", "n.tntp: the line <END OF METADATA> is missing", "<END OF METADATA>", "<END>"),
    net("no-number-of-zones", "<NUMBER OF ZONES> is missing", "<NUMBER OF ZONES> 2", ""),
    net("zones-in-words", "'two'", "ZONES> 2", "ZONES> two"),
    net("huge-count-of-nodes", "'999999999'", "NODES> 3", "NODES> 999999999"),
    net("more-zones-than-nodes", "9 zones but 3 nodes", "ZONES> 2", "ZONES> 9"),
    net("a-link-missing", "4 links, 5 are declared", "LINKS> 4", "LINKS> 5"),
    net("a-field-missing", "n.tntp:7:1: 9 fields", "7 1 ;", "7 ;"),
    net("unknown-node", "n.tntp:7:1: tail node is '9'", " 1 3 1800", " 9 3 1800"),
    net("zero-capacity", "n.tntp:9:1: capacity is 0.0", "900", "0"),
    net("negative-capacity", "capacity is -5.0", "900", "-5"),
    net("nan-time", "n.tntp:9:1: free-flow time is 'nan'", "2.5", "nan"),
    net("negative-time", "free-flow time is -2.5", "2.5", "-2.5"),
    net("loop", "from node 3 to itself", "3 2 900", "3 3 900"),
    net("power-below-one", "power is 0.5", "0.15 4 50 7", "0.15 0.5 50 7"),
    net("negative-cost-by-toll", "1 links cost less than nothing: 1 (1 to 3)", "50 7 1", "50 -70 1", "--toll-factor", "1"),
    net("negative-cost-by-length", "links cost less than nothing", "LINKS> 4", "LINKS> 4", "--length-factor", "-9"),
    net("no-way", "10 trips have no way: from zone 2 to 1", " 3 2 900 2 2.5 0.15 4 50 0 1 ;\n 2 3 900", " 3 2 900 2 2.5 0.15 4 50 0 1 ;\n 3 2 900"),
    files("tntp-zone-without-links", "1 zones with trips have no link: 2", SHORT_NET, TNTP_TRIPS, "tntp"),
    od("total-differs", "30, 40 are declared", "30.0", "40.0"),
    od("zones-too-many", "'9999999'", "ZONES> 2", "ZONES> 9999999"),
    od("more-zones-than-the-network", "unknown zones: '3'", "ZONES> 2", "ZONES> 3"),
    od("unknown-destination", "t.tntp:5:1: destination is '8'", "2 : 20", "8 : 20"),
    od("negative-demand", "number of trips is -20.0", "2 : 20", "2 : -20"),
    od("infinite-demand", "'inf'", "2 : 20.0", "2 : inf"),
    od("trips-twice", "trips from 1 to 2 stand twice", "2 : 20.0;", "2 : 10; 2 : 10;"),
    links("missing-column", "n.csv:1:1: the column 'capacity_veh_h' is missing", "capacity_veh_h", "capacity"),
    links("no-unit-of-length", "n.csv:1:1: no column says the length", "length_km", "length"),
    links("two-units-of-length", "length_km and length_m say the same", "toll", "length_m"),
    links("no-unit-of-time", "no column says the free-flow time", "free_flow_time_min", "free_flow_time_hours"),
    links("header-twice", "the column 'alpha' stands twice", "power", "alpha"),
    links("short-row", "n.csv:3:1: 8 fields", "0.15,4,0\nc", "0.15,4\nc"),
    links("nan", "n.csv:2:4: length_km is 'nan'", "a,A,C,1.5", "a,A,C,nan"),
    links("words", "n.csv:2:5: free_flow_time_min is 'quick'", "1.5,1.5,1800", "1.5,quick,1800"),
    links("negative-length", "length_km is -2", "B,2,", "B,-2,"),
    links("negative-time", "free_flow_time_min is -2.5", "2.5", "-2.5"),
    links("zero-capacity", "n.csv:4:6: capacity_veh_h is 0", "900", "0"),
    links("negative-alpha", "alpha is -0.15", "0.15", "-0.15"),
    links("power-below-one", "power is 0.5", "0.15,4", "0.15,0.5"),
    links("negative-toll", "toll is -7", ",7", ",-7"),
    links("empty-node", "n.csv:2:2: from_node is empty", "a,A", "a,"),
    links("id-twice", "n.csv:3:1: link_id 'a' stands twice", "b,C", "a,C"),
    links("loop", "n.csv:2:3: a link from node 'A' to itself", "a,A,C", "a,A,A"),
    links("unclosed-quote", "the CSV file cannot be read", "a,A", 'a,"A'),
    links("digits-apart", "'1_800'", "1800", "1_800"),
    links("one-way-only", "10 trips have no way: from zone B to A", "d,B,C", "d,C,B"),
    files("links-header-only", "n.csv: the table has no rows", LINKS.splitlines()[0], TRIPS, "csv"),
    files("links-empty-file", "n.csv: the file is empty", "", TRIPS, "csv"),
    files("links-binary", "n.csv: the file is not UTF-8 text", bytes(range(256)) * 9, TRIPS, "csv", code=5, error="UnsafeFileError"),
    files("links-nul", "n.csv: the file is not text", LINKS + "\0", TRIPS, "csv", code=5, error="UnsafeFileError"),
    files("links-other-csv", "n.csv: this is no network", "a,b\n1,2\n", TRIPS, "csv"),
    files("links-1000-columns", "n.csv:1:1: 1009 columns", ",".join(f"x{k}" for k in range(1000)) + "," + LINKS, TRIPS, "csv", code=5, error="UnsafeFileError"),
    trips("unknown-zone", "no link touches the zones 'Z'", "A,B", "A,Z"),
    trips("negative", "t.csv:2:3: trips is -20", "20", "-20"),
    trips("nan", "t.csv:2:3: trips is 'NaN'", "20", "NaN"),
    trips("twice", "trips from 'A' to 'B' stand twice", "B,A,10", "A,B,10"),
    trips("empty-origin", "t.csv:2:1: origin is empty", "A,B", ",B"),
    trips("no-column", "t.csv:1:1: the column 'destination' is missing", "destination", "to"),
    files("trips-other-csv", "t.csv: this is no file of trips", LINKS, "a,b\n1,2\n", "csv"),
    files("trips-binary", "t.csv: the file is not UTF-8 text", LINKS, b"\xff\xfe" * 40, "csv", code=5, error="UnsafeFileError"),
    gmns("no-units", "g/config.csv", "config.csv", "", None),
    gmns("bad-unit", "g/config.csv:2:2: long_length is 'parsec'", "config.csv", "mile", "parsec"),
    gmns("two-rows-of-units", "g/config.csv: 2 rows", "config.csv", "mph\n", "mph\nx,mile,mph\n"),
    gmns("no-nodes", "g/node.csv", "node.csv", "", None),
    gmns("no-links", "g/link.csv", "link.csv", "", None),
    gmns("node-twice", "g/node.csv:3:1: node_id '1' stands twice", "node.csv", "2,1,0", "1,1,0"),
    gmns("no-zones", "g/node.csv: no node has a zone", "node.csv", "A\n2,1,0,centroid,B", "\n2,1,0,centroid,"),
    gmns("half-centroids", "g/node.csv: some nodes with a zone are centroids", "node.csv", "centroid,A", ",A"),
    gmns("unknown-node", "g/link.csv:2:3: unknown node '9'", "link.csv", "1,1,3", "1,1,9"),
    gmns("directed-unknown", "g/link.csv:2:4: directed is 'maybe'", "link.csv", "1,3,0", "1,3,maybe"),
    gmns("zero-lanes", "g/link.csv:2:8: lanes is 0", "link.csv", "900,2", "900,0"),
    gmns("zero-speed", "g/link.csv:2:6: free_speed is 0", "link.csv", "1.5,30", "1.5,0"),
    gmns("no-capacity", "g/link.csv:2:7: capacity is ''", "link.csv", "900", ""),
    gmns("unknown-zone", "g/demand.csv: unknown zones: 'Z'", "demand.csv", "A,B", "A,Z"),
    gmns("broken-header", "g/link.csv:1:1: the column 'directed' is missing", "link.csv", "directed", "direct"),
    plain("gmns-one-table", "l.csv: this is one table of a GMNS network", "l.csv", "t.csv", there={"l.csv": GMNS_LINKS}),
    plain("folder-without-network", "d: the folder holds no network", "d", "t.csv", folders=("d",)),
    plain("folder-as-trips", "d: the folder has no demand.csv", "n.csv", "d", folders=("d",)),
    plain("network-missing", "x.csv: the file cannot be read", "x.csv", "t.csv"),
    plain("trips-missing", "x.csv: the file cannot be read", "n.csv", "x.csv"),
    plain("network-from-the-net", "virtual and network paths", "http://127.0.0.1/n.csv", "t.csv", code=5, error="UnsafeFileError"),
    plain("gap-zero", "--gap 0 is out of range", "n.csv", "t.csv", "--gap", "0", code=2, error="UsageError"),
    plain("gap-in-words", "'small'", "n.csv", "t.csv", "--gap", "small", code=2, error="UsageError"),
    plain("factor-nan", "'nan'", "n.csv", "t.csv", "--toll-factor", "nan", code=2, error="UsageError"),
    plain("factor-without-end", "makes a cost that is no number", "n.csv", "t.csv", "--toll-factor", "1e308", code=2, error="UsageError"),
    plain("skim-without-folder", "--skim needs a folder", "n.csv", "t.csv", "--skim", "csv", code=2, error="UsageError"),
    plain("output-is-there", "o: there is something already", "n.csv", "t.csv", "--out", "o", code=2, error="UsageError", folders=("o",)),
    plain("output-is-a-file", "t.csv: there is something already", "n.csv", "t.csv", "--out", "t.csv", "--force", code=2, error="UsageError"),
    Case("600-mb", _large, 5, "UnsafeFileError", "n.csv: the text file is 572.2 MiB"),
    Case("omx-truncated", _truncated, 4, "DataError", "t.omx: the OMX file cannot be read"),
    plain("omx-junk-after-magic", "t.omx: the OMX file cannot be read", "n.csv", "t.omx", there={"t.omx": b"\x89HDF\r\n\x1a\n" + b"junk" * 50}),
    plain("omx-as-network", "t.omx: an OMX file holds matrices", "t.omx", "t.csv", there={"t.omx": b"\x89HDF\r\n\x1a\n" + b"junk" * 50}),
    omx("not-square", "t.omx:data/trips: the matrix has the shape (2, 3)", replaced("data/trips", np.zeros((2, 3)))),
    omx("three-dimensions", "the matrix has the shape (2, 2, 2)", replaced("data/trips", np.zeros((2, 2, 2)))),
    omx("other-shape", "the matrix has the shape (3, 3)", replaced("data/trips", np.zeros((3, 3)))),
    omx("text", "t.omx:data/trips: the matrix holds", replaced("data/trips", np.array([[b"a", b"b"], [b"c", b"d"]]))),
    omx("negative", "the first is -1.0 in row 1, column 2", replaced("data/trips", np.array([[0.0, -1.0], [1.0, 0.0]]))),
    omx("nan", "the first is nan in row 2, column 1", replaced("data/trips", np.array([[0.0, 1.0], [np.nan, 0.0]]))),
    omx("no-data", "t.omx: there is no 'data'", _no_data),
    omx("no-matrix", "there is no matrix in the file", _empty_data),
    omx("data-is-a-matrix", "'data' is a dataset", _data_as_matrix),
    omx("matrix-is-a-group", "'trips' is a group", _matrix_as_group),
    omx("two-matrices", "the file has 2: more, trips", _second_matrix),
    omx("unknown-matrix", "there is no matrix 'cars'", lambda file: None, "--matrix", "cars"),
    omx("lookup-too-short", "the lookup has the shape (1,)", replaced("lookup/zone", np.array([b"A"]))),
    omx("lookup-twice", "the lookup names a zone twice", replaced("lookup/zone", np.array([b"A", b"A"]))),
    omx("unknown-zone", "no link touches the zones 'Q'", replaced("lookup/zone", np.array([b"A", b"Q"]))),
    omx("external-link", "'trips' is a link to somewhere else", _external_link, code=5, error="UnsafeFileError"),
    omx("soft-link", "'data' is a link to somewhere else", _soft_data, code=5, error="UnsafeFileError"),
    omx("external-values", "the values lie in another file", _external_values, code=5, error="UnsafeFileError"),
    omx("bomb", "unpack to 1800000000", _bomb, code=5, error="UnsafeFileError"),
    omx("chunk-bomb", "chunks of 800000000 bytes", _chunk_bomb, code=5, error="UnsafeFileError"),
    omx("long-names", "a name of 100000 letters", _long_names, code=5, error="UnsafeFileError"),
    omx("huge-shape", "2000000 zones", _too_many_zones, code=5, error="UnsafeFileError"),
]  # fmt: skip
