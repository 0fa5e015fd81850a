"""Checks of a network: every kind of trouble is named, and lost pairs are those a plain search finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.road_network import RoadNetwork, forward_star
from twin.kernels.traffic.shortest_path import trees_reference
from twin.traffic.checks import check_network, lost_pairs

# Zones A and B, junctions c, d, e.
PAIRS = ["Ac", "cA", "cd", "dc", "dB", "Bd", "ce", "ec", "de", "ed"]
DEMAND = np.array([[0.0, 5.0], [3.0, 0.0]])


def network(pairs: list[str], nodes: str = "ABcde", zones: int = 2, first_thru: int = 2) -> RoadNetwork:
    tail, head = (np.array([nodes.index(pair[k]) for pair in pairs], np.int64) for k in (0, 1))
    one = np.ones(len(pairs))
    values = dict.fromkeys(("capacity", "length", "free_flow_time", "alpha", "power"), one) | {"toll": 0 * one}
    return forward_star(zones, first_thru, list(nodes), pairs, tail, head, values)


def test_a_sound_network_has_nothing_to_say() -> None:
    found = check_network(network(PAIRS), DEMAND)
    assert not found.errors and not found.notes and not len(found.lost)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([*PAIRS, "cd"], "1 links run beside another between the same nodes: cd (c to d)"),
        ([p for p in PAIRS if p not in ("de", "ed")], "1 nodes are dead ends: e"),
        ([p for p in PAIRS if p not in ("ec", "ed")], "1 nodes can be entered but not left: e"),
        ([p for p in PAIRS if p not in ("ce", "de")], "1 nodes can be left but not entered: e"),
    ],
)
def test_notes(pairs: list[str], message: str) -> None:
    found = check_network(network(pairs), DEMAND)
    assert not found.errors
    assert [note.what for note in found.notes] == [message]


def test_errors_are_collected() -> None:
    net = network([p for p in PAIRS if p != "Bd"])
    capacity, time = net.capacity.copy(), net.free_flow_time.copy()
    capacity[0], time[1] = 0.0, -1.0
    fixed = np.zeros(len(capacity))
    fixed[2] = -3.0
    found = check_network(replace(net, capacity=capacity, free_flow_time=time), DEMAND, fixed, "n.csv")
    text = "\n".join(error.message() for error in found.errors)
    for part in (
        "capacity that is not positive: Ac",
        "cost less than nothing",
        "time that is negative",
        "3 trips have",
    ):
        assert part in text
    assert found.lost.tolist() == [[1, 0]]
    assert all(error.where == "n.csv" for error in found.errors)


def test_isolated_zones_and_demand() -> None:
    pairs = [p for p in PAIRS if "B" not in p]
    found = check_network(network(pairs), DEMAND)
    assert [e.what.split(":")[0] for e in found.errors] == ["1 zones with trips have no link", "8 trips have no way"]
    empty = check_network(network(pairs), np.zeros((2, 2)))
    assert not empty.errors and empty.notes[0].what == "1 zones without trips have no link: B"
    bad = check_network(network(PAIRS), np.array([[0.0, -1.0], [0.0, 0.0]]))
    assert bad.errors[0].what == "-1.0 trips from zone A to B"


def test_closed_links_are_no_way() -> None:
    net = network(PAIRS)
    fixed = np.where(np.array(net.link_ids) == "dB", np.inf, 0.0)
    assert check_network(net, DEMAND, fixed).lost.tolist() == [[0, 1]]


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 8), st.integers(0, 20), st.integers(1, 4), st.booleans(), st.integers(0, 2**32 - 1))
def test_lost_pairs_are_those_without_a_path(nodes: int, links: int, zones: int, closed: bool, seed: int) -> None:
    rng = np.random.Generator(np.random.Philox(seed))
    zones = min(zones, nodes)
    tail = rng.integers(0, nodes, links)
    head = (tail + rng.integers(1, nodes, links)) % nodes
    values = {n: np.ones(links) for n in ("capacity", "length", "free_flow_time", "alpha", "power", "toll")}
    labels, ids = ([str(k) for k in range(count)] for count in (nodes, links))
    net = forward_star(zones, zones if closed else 0, labels, ids, tail, head, values)
    wanted = rng.random((zones, zones)) < 0.7
    np.fill_diagonal(wanted, False)
    best, _ = trees_reference(net.link_start, net.link_head, net.free_flow_time, np.arange(zones), net.first_thru)
    expected = np.argwhere(wanted & np.isinf(best[:, :zones]))
    assert lost_pairs(net, wanted, np.ones(links, bool)).tolist() == expected.tolist()
