"""Readers of networks and trips: what is written is read, units are units, zones are zones."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.gmns import read_gmns
from twin.city.network_files import read_any_network, read_any_trips
from twin.city.road_network import Trips, label_order, trips_of
from twin.city.tables import read_links, read_trips
from twin.errors import DataError, MissingExtraError, TwinError

CONFIG = "long_length,speed\nmile,mph\n"
NODES = "node_id,zone_id,node_type\n1,10,\n2,9,\n3,,\n"
LINKS = """link_id,from_node_id,to_node_id,directed,length,free_speed,capacity,lanes,vdf_alpha,vdf_beta
x,1,3,false,1,30,900,2,0.5,2
y,3,2,true,2,60,800,1,,
"""
NAMES = st.text("abcxyz0123456789-, \"'ä", min_size=1, max_size=6).map(str.strip).filter(bool)


def folder(path: Path, **changed: str) -> Path:
    for name, text in {"config": CONFIG, "node": NODES, "link": LINKS, **changed}.items():
        (path / f"{name}.csv").write_text(text, encoding="utf-8")
    return path


def test_gmns_units_lanes_and_directions(tmp_path: Path) -> None:
    net = read_gmns(folder(tmp_path))
    assert net.zone_labels == ("9", "10") and net.node_labels == ("9", "10", "3")
    assert net.link_ids == ("x", "x/reverse", "y") or set(net.link_ids) == {"x", "x/reverse", "y"}
    by_id = {name: k for k, name in enumerate(net.link_ids)}
    x, y = by_id["x"], by_id["y"]
    assert net.capacity[x] == 1800.0 and net.free_flow_time[x] == pytest.approx(2.0)
    assert net.length[x] == pytest.approx(1.609344) and (net.alpha[x], net.power[x]) == (0.5, 2.0)
    assert (net.alpha[y], net.power[y], net.capacity[y]) == (0.15, 4.0, 800.0)
    assert (net.link_tail[x], net.link_head[x]) == (1, 2)
    assert net.first_thru == 0 and net.length_unit == "km"


def test_gmns_centroids_are_not_passed_and_larger_zones_get_one(tmp_path: Path) -> None:
    nodes = NODES.replace("10,", "10,centroid").replace("9,", "9,centroid")
    assert read_gmns(folder(tmp_path, node=nodes)).first_thru == 2
    net = read_gmns(folder(tmp_path, node=NODES.replace("3,,", "3,9,")))
    assert net.zones == net.first_thru == 2 and len(net.node_labels) == 5
    connectors = [k for k, name in enumerate(net.link_ids) if name.startswith("connector/")]
    assert len(connectors) == 6 and not net.free_flow_time[connectors].any()


@settings(max_examples=40, deadline=None)
@given(st.lists(NAMES, min_size=2, max_size=5, unique=True), st.data())
def test_tables_are_read_as_written(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("tables")
    value = st.floats(0.0, 1e6, allow_nan=False)
    pairs = [(a, b) for a in names for b in names]
    chosen = data.draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))
    trips = {pair: data.draw(value) for pair in chosen}
    write(path / "t.csv", ["origin", "destination", "trips"], [[*pair, repr(x)] for pair, x in trips.items()])
    table = read_trips(path / "t.csv")
    assert list(table.labels) == label_order({name for pair in trips for name in pair})
    for a, origin in enumerate(table.labels):
        for b, destination in enumerate(table.labels):
            assert table.table[a, b] == trips.get((origin, destination), 0.0)
    streets = [pair for pair in pairs if pair[0] != pair[1]]
    rows = [[a, b, data.draw(value), data.draw(value), data.draw(st.floats(0.5, 1e5))] for a, b in streets]
    write(path / "n.csv", ["from_node", "to_node", "length_m", "free_flow_time_s", "capacity_veh_h"], rows)
    net = read_links(path / "n.csv", table.labels, through_zones=False)
    assert net.zone_labels == table.labels and net.first_thru == len(table.labels)
    assert np.array_equal(trips_of(net, table), table.table)
    for k, name in enumerate(net.link_ids):
        row = rows[int(name) - 1]
        assert [net.node_labels[net.link_tail[k]], net.node_labels[net.link_head[k]]] == row[:2]
        assert net.length[k] == pytest.approx(row[2] / 1000) and net.free_flow_time[k] == pytest.approx(row[3] / 60)
        assert net.capacity[k] == row[4]


def write(path: Path, header: list[str], rows: list[list]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])


@settings(max_examples=20, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=5, unique=True), st.integers(0, 2**32 - 1))
def test_omx_is_read_as_written(tmp_path_factory: pytest.TempPathFactory, names: list[str], seed: int) -> None:
    pytest.importorskip("h5py")
    from twin.city.omx import read_omx, write_omx

    path = tmp_path_factory.mktemp("omx") / "t.omx"
    table = np.random.Generator(np.random.Philox(seed)).uniform(0.0, 9.0, (len(names),) * 2)
    write_omx(path, {"cars": table, "vans": 2 * table}, tuple(names))
    found = read_omx(path, "vans")
    assert found.labels == tuple(names) and np.array_equal(found.table, 2 * table)
    with pytest.raises(DataError, match="the file has 2"):
        read_omx(path)


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"origin,destination,trips\n", b"<END OF METADATA>", b"\x89HDF\r\n\x1a\n"]),
)
def test_noise_is_never_taken_for_trips(tmp_path_factory: pytest.TempPathFactory, data: bytes, start: bytes) -> None:
    path = tmp_path_factory.mktemp("noise") / "t"
    path.write_bytes(start + data)
    try:
        table = read_any_trips(path).table
    except TwinError as error:
        assert str(path) in str(error)
    else:
        assert np.isfinite(table).all() and (table >= 0.0).all()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"from_node,to_node,capacity_veh_h,length_km,free_speed_kmh\n"]))
def test_noise_is_never_taken_for_a_network(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, start: bytes
) -> None:
    path = tmp_path_factory.mktemp("noise") / "n"
    path.write_bytes(start + data)
    try:
        net = read_any_network(path, Trips(("a",), np.zeros((1, 1)), "t"))
    except TwinError as error:
        assert str(path) in str(error)
    else:
        assert (net.capacity > 0.0).all() and (net.free_flow_time >= 0.0).all()


def test_speeds_give_times(tmp_path: Path) -> None:
    write(
        tmp_path / "n.csv",
        ["from_node", "to_node", "length_mi", "free_speed_mph", "capacity_veh_h"],
        [["a", "b", 2, 60, 9]],
    )
    net = read_links(tmp_path / "n.csv", ("a", "b"))
    assert net.free_flow_time[0] == pytest.approx(2.0) and net.length[0] == pytest.approx(3.218688)


def test_zones_sort_as_numbers_only_where_all_are() -> None:
    assert label_order({"10", "9"}) == ["9", "10"]
    assert label_order({"10", "9", "a"}) == ["10", "9", "a"]


def test_without_h5py_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from twin.city.omx import read_omx

    monkeypatch.setitem(sys.modules, "h5py", None)
    path = tmp_path / "t.omx"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(MissingExtraError, match=r"\[omx\]"):
        read_omx(path)
