"""The TNTP reader: what is read, and a named error for every way a file can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin.city.tntp import read_tntp_network, read_tntp_trips
from twin.errors import DataError, TwinError, UnsafeFileError

NET = """<NUMBER OF ZONES> 2
<NUMBER OF NODES> 3
<FIRST THRU NODE> 3
<NUMBER OF LINKS> 3
<END OF METADATA>

~ tail head capacity length time b power speed toll type ;
\t3\t2\t900\t1\t2.5\t0.15\t4\t50\t7\t1\t;
\t1\t3\t1800.5\t2\t1\t0\t0\t50\t0\t1\t;
\t1\t3\t600\t3\t1e1\t0.5\t1\t50\t0\t1\t;
"""
TRIPS = """<NUMBER OF ZONES> 2
<TOTAL OD FLOW> 30.5
<END OF METADATA>

Origin  1
    1 :      0.5;     2 :    20.0;
Origin 2
    1 : 10;
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "x_net.tntp"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_network_is_read_sorted_by_tail(tmp_path: Path) -> None:
    net = read_tntp_network(write(tmp_path, NET))
    assert (net.zones, net.first_thru) == (2, 2)
    assert net.link_start.tolist() == [0, 2, 2, 3]
    assert net.link_tail.tolist() == [0, 0, 2]
    assert net.link_head.tolist() == [2, 2, 1]
    assert net.capacity.tolist() == [1800.5, 600.0, 900.0]
    assert net.free_flow_time.tolist() == [1.0, 10.0, 2.5]
    assert net.alpha.tolist() == [0.0, 0.5, 0.15]
    assert net.power.tolist() == [0.0, 1.0, 4.0]
    assert net.toll.tolist() == [0.0, 0.0, 7.0]
    assert net.length.tolist() == [2.0, 3.0, 1.0]


def test_trips_are_read(tmp_path: Path) -> None:
    assert np.array_equal(read_tntp_trips(write(tmp_path, TRIPS)), [[0.5, 20.0], [10.0, 0.0]])


LINK = "\t3\t2\t900\t1\t2.5\t0.15\t4\t50\t7\t1\t;"
BAD_NETS = {
    "no end of metadata": ("<END OF METADATA>", "", "<END OF METADATA> is missing"),
    "no number of zones": ("<NUMBER OF ZONES> 2", "", "<NUMBER OF ZONES> is missing"),
    "no number of nodes": ("<NUMBER OF NODES> 3", "", "<NUMBER OF NODES> is missing"),
    "no first thru node": ("<FIRST THRU NODE> 3", "", "<FIRST THRU NODE> is missing"),
    "zones in words": ("ZONES> 2", "ZONES> two", "'two'"),
    "negative zones": ("ZONES> 2", "ZONES> -2", "'-2'"),
    "no zones": ("ZONES> 2", "ZONES> 0", "'0'"),
    "too many nodes": ("NODES> 3", "NODES> 999999999", "'999999999'"),
    "more zones than nodes": ("ZONES> 2", "ZONES> 9", "9 zones but 3 nodes"),
    "first thru node beyond": ("NODE> 3", "NODE> 9", "beyond the last node 3"),
    "a link is missing": ("LINKS> 3", "LINKS> 4", "3 links, 4 are declared"),
    "a link too many": ("LINKS> 3", "LINKS> 2", "3 links, 2 are declared"),
    "a field is missing": (LINK, LINK.replace("\t50", ""), ":8:1: 9 fields"),
    "a field too many": (LINK, LINK.replace("\t50", "\t50\t50"), "11 fields"),
    "tail unknown": (LINK, LINK.replace("\t3\t2", "\t4\t2"), "tail node is '4'"),
    "head zero": (LINK, LINK.replace("\t3\t2", "\t3\t0"), "head node is '0'"),
    "head not whole": (LINK, LINK.replace("\t3\t2", "\t3\t1.5"), "head node is '1.5'"),
    "a loop": (LINK, LINK.replace("\t3\t2", "\t3\t3"), "from node 3 to itself"),
    "capacity zero": (LINK, LINK.replace("900", "0"), "capacity is 0.0"),
    "capacity negative": (LINK, LINK.replace("900", "-1"), "capacity is -1.0"),
    "capacity infinite": (LINK, LINK.replace("900", "inf"), "capacity is 'inf'"),
    "time not a number": (LINK, LINK.replace("2.5", "nan"), "free-flow time is 'nan'"),
    "time negative": (LINK, LINK.replace("2.5", "-2.5"), "free-flow time is -2.5"),
    "b in words": (LINK, LINK.replace("0.15", "some"), "b is 'some'"),
    "b negative": (LINK, LINK.replace("0.15", "-0.15"), "b is -0.15"),
    "power negative": (LINK, LINK.replace("\t4\t", "\t-4\t"), "power is -4.0"),
    "power below one": (LINK, LINK.replace("\t4\t", "\t0.5\t"), "power is 0.5"),
    "digits apart": (LINK, LINK.replace("900", "9_00"), "'9_00'"),
}
BAD_TRIPS = {
    "no end of metadata": ("<END OF METADATA>", "", "<END OF METADATA> is missing"),
    "no number of zones": ("<NUMBER OF ZONES> 2", "", "<NUMBER OF ZONES> is missing"),
    "too many zones": ("ZONES> 2", "ZONES> 9999999", "'9999999'"),
    "total differs": ("30.5", "31.5", "30.5, 31.5 are declared"),
    "total in words": ("30.5", "many", "TOTAL OD FLOW is 'many'"),
    "no origin": ("Origin  1", "", "before the first origin"),
    "origin unknown": ("Origin 2", "Origin 3", "origin is '3'"),
    "origin missing": ("Origin 2", "Origin", "origin is ''"),
    "destination unknown": ("1 : 10", "9 : 10", "destination is '9'"),
    "no colon": ("1 : 10", "1 10", "'1 10' is not an entry"),
    "negative": ("1 : 10", "1 : -10", "-10.0"),
    "not a number": ("1 : 10", "1 : ten", "'ten'"),
    "infinite": ("1 : 10", "1 : inf", "'inf'"),
    "twice": ("1 : 10", "1 : 5; 1 : 5", "from 2 to 1 stand twice"),
}


@pytest.mark.parametrize("case", BAD_NETS)
def test_bad_networks_are_named(case: str, tmp_path: Path) -> None:
    old, new, message = BAD_NETS[case]
    assert old in NET
    with pytest.raises(DataError) as caught:
        read_tntp_network(write(tmp_path, NET.replace(old, new)))
    assert message in str(caught.value)
    assert "x_net.tntp" in str(caught.value)


@pytest.mark.parametrize("case", BAD_TRIPS)
def test_bad_trips_are_named(case: str, tmp_path: Path) -> None:
    old, new, message = BAD_TRIPS[case]
    assert old in TRIPS
    with pytest.raises(DataError) as caught:
        read_tntp_trips(write(tmp_path, TRIPS.replace(old, new)))
    assert message in str(caught.value)
    assert "x_net.tntp" in str(caught.value)


@pytest.mark.parametrize("read", [read_tntp_network, read_tntp_trips])
def test_files_that_are_no_text(read, tmp_path: Path) -> None:
    with pytest.raises(TwinError, match="does not exist"):
        read(tmp_path / "none.tntp")
    with pytest.raises(TwinError, match="not a file"):
        read(tmp_path)
    path = tmp_path / "x.tntp"
    for raw in (b"\xff\xfe\x00", b"<NUMBER OF ZONES> 2\0"):
        path.write_bytes(raw)
        with pytest.raises(UnsafeFileError):
            read(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="METADATA"):
        read(path)


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_tntp_network(write(tmp_path, NET.replace("900", "0").replace("1800.5", "-3")))
    assert len(caught.value.problems) == 2
