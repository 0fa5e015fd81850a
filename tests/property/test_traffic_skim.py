"""Skims by hierarchy agree with plain Dijkstra on awkward random networks."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.kernels.traffic.dissection import LEAF, LOW, dissection_order, undirected
from twin.kernels.traffic.hierarchy import BRANCHES, TOP, build_hierarchy, customize
from twin.kernels.traffic.shortest_path import random_network
from twin.kernels.traffic.skim import WORTH, skims, skims_numba, skims_of, skims_reference

seeds = st.integers(0, 2**31 - 1)


def forward_star(tail: np.ndarray, head: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(tail, kind="stable")
    return np.searchsorted(tail[order], np.arange(nodes + 1)).astype(np.int64), head[order].astype(np.int64)


def awkward_network(seed: int, most: int = 160) -> dict[str, Any]:
    """Return a random network with loops, parallel, free and closed links, loose parts and centroids of every kind."""
    rng = np.random.default_rng(seed)
    nodes = int(rng.integers(1, most))
    links = int(rng.integers(0, 4 * nodes))
    span = int(rng.integers(1, nodes + 1))
    tail = rng.integers(0, nodes, links)
    head = (tail + rng.integers(-span, span + 1, links)) % nodes
    again = rng.random(links) < 0.2
    tail, head = np.concatenate([tail, tail[again]]), np.concatenate([head, head[again]])
    start, head = forward_star(tail, head, nodes)
    cost = rng.uniform(0.0, 10.0, (int(rng.integers(1, 4)), len(head)))
    if rng.random() < 0.3:
        cost *= 10.0 ** rng.uniform(-9.0, 9.0, cost.shape)
    cost[rng.random(cost.shape) < 0.2] = 0.0
    cost[rng.random(cost.shape) < rng.choice([0.0, 0.1, 0.5])] = np.inf
    return {
        "link_start": start,
        "link_head": head,
        "link_cost": cost,
        "origins": rng.integers(0, nodes, int(rng.integers(1, 40))),
        "destinations": rng.integers(0, nodes, int(rng.integers(1, 100))),
        "first_thru": int(rng.choice([0, rng.integers(0, nodes + 1), nodes])),
    }


def by_hierarchy(inputs: dict[str, Any], order: np.ndarray | None = None) -> np.ndarray:
    hierarchy = build_hierarchy(inputs["link_start"], inputs["link_head"], inputs["first_thru"], order)
    return skims(hierarchy, inputs["link_cost"], inputs["origins"], inputs["destinations"])


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_agrees_with_dijkstra(seed: int) -> None:
    inputs = awkward_network(seed)
    np.testing.assert_allclose(by_hierarchy(inputs), skims_reference(**inputs), rtol=1e-12, atol=0.0)


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_agrees_with_dijkstra_where_there_are_separators(seed: int) -> None:
    rng = np.random.default_rng(seed)
    zones = int(rng.integers(2, 90))
    net = random_network(int(rng.integers(2 * LOW, 600)), rng, zones)
    inputs = {
        "link_start": net["link_start"],
        "link_head": net["link_head"],
        "link_cost": net["free_flow_time"][None] * rng.uniform(0.5, 2.0, (2, 1)),
        "origins": np.arange(zones),
        "destinations": np.arange(zones),
        "first_thru": zones,
    }
    hierarchy = build_hierarchy(inputs["link_start"], inputs["link_head"], zones, leaf=LOW)
    found = skims(hierarchy, inputs["link_cost"], inputs["origins"], inputs["destinations"])
    np.testing.assert_allclose(found, skims_reference(**inputs), rtol=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_trees_are_taken_for_few_origins_and_agree_bit_for_bit(seed: int) -> None:
    inputs = awkward_network(seed)
    inputs["origins"] = inputs["origins"][: (WORTH - 1) // len(inputs["link_cost"])]
    assert np.array_equal(skims_numba(**inputs), skims_reference(**inputs))


def test_a_hierarchy_is_taken_for_many_origins() -> None:
    inputs = awkward_network(8)
    inputs["origins"] = np.resize(inputs["origins"], WORTH)
    assert np.array_equal(skims_numba(**inputs), by_hierarchy(inputs))


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_several_costs_at_once_are_the_same_bits_as_one_by_one(seed: int) -> None:
    inputs = awkward_network(seed)
    together = by_hierarchy(inputs)
    for k, cost in enumerate(inputs["link_cost"]):
        assert by_hierarchy(inputs | {"link_cost": cost[None].copy()})[0].tobytes() == together[k].tobytes()


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_doubled_costs_double_the_skim(seed: int) -> None:
    inputs = awkward_network(seed)
    assert np.array_equal(by_hierarchy(inputs | {"link_cost": 2.0 * inputs["link_cost"]}), 2.0 * by_hierarchy(inputs))


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_numbers_of_nodes_and_order_of_links_do_not_matter(seed: int) -> None:
    inputs = awkward_network(seed)
    rng = np.random.default_rng(seed)
    nodes, first = len(inputs["link_start"]) - 1, inputs["first_thru"]
    number = np.concatenate([rng.permutation(first), first + rng.permutation(nodes - first)]).astype(np.int64)
    tail = number[np.repeat(np.arange(nodes), np.diff(inputs["link_start"]))]
    order = rng.permutation(len(tail))
    order = order[np.argsort(tail[order], kind="stable")]
    start, head = forward_star(tail[order], number[inputs["link_head"]][order], nodes)
    renumbered = inputs | {
        "link_start": start,
        "link_head": head,
        "link_cost": inputs["link_cost"][:, order].copy(),
        "origins": number[inputs["origins"]],
        "destinations": number[inputs["destinations"]],
    }
    np.testing.assert_allclose(by_hierarchy(renumbered), by_hierarchy(inputs), rtol=1e-12, atol=0.0)


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_any_order_of_the_junctions_gives_the_same_costs(seed: int) -> None:
    inputs = awkward_network(seed, 60)
    junctions = np.arange(inputs["first_thru"], len(inputs["link_start"]) - 1)
    given_order = by_hierarchy(inputs, np.random.default_rng(seed).permutation(junctions))
    np.testing.assert_allclose(given_order, by_hierarchy(inputs), rtol=1e-12, atol=0.0)


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_a_dearer_link_never_lowers_a_cost(seed: int) -> None:
    inputs = awkward_network(seed)
    rng = np.random.default_rng(seed)
    dearer = inputs["link_cost"] + rng.uniform(0.0, 5.0, inputs["link_cost"].shape)
    assert np.all(by_hierarchy(inputs | {"link_cost": dearer}) >= by_hierarchy(inputs) * (1.0 - 1e-12))


@settings(max_examples=30, deadline=None)
@given(seed=seeds, leaf=st.sampled_from([1, LOW, LEAF]))
def test_the_dissection_is_an_order_and_the_arcs_form_an_elimination_tree(seed: int, leaf: int) -> None:
    inputs = awkward_network(seed, 400)
    nodes = len(inputs["link_start"]) - 1
    tail = np.repeat(np.arange(nodes), np.diff(inputs["link_start"]))
    order = dissection_order(*undirected(tail, inputs["link_head"], nodes), leaf=leaf)
    assert np.array_equal(np.sort(order), np.arange(nodes))
    h = build_hierarchy(inputs["link_start"], inputs["link_head"], 0, leaf=leaf)
    for rank in range(nodes):
        ends = h.arc_head[h.arc_start[rank] : h.arc_start[rank + 1]]
        assert np.all(np.diff(ends, prepend=rank) > 0)
        assert h.parent[rank] == (ends[0] if len(ends) else -1)
        if len(ends):
            above = h.arc_head[h.arc_start[ends[0]] : h.arc_start[ends[0] + 1]]
            assert set(ends[1:].tolist()) <= set(above.tolist())


@settings(max_examples=50, deadline=None)
@given(links=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30), nodes=st.integers(7, 9))
def test_neighbours_are_listed_once_each_in_order(links: list[tuple[int, int]], nodes: int) -> None:
    tail, head = np.array(links, np.int64).reshape(-1, 2).T.copy()
    start, adj = undirected(tail, head, nodes)
    for v in range(nodes):
        beside = {b if a == v else a for a, b in links if v in (a, b) and a != b}
        assert adj[start[v] : start[v + 1]].tolist() == sorted(beside)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
@settings(max_examples=5, deadline=None)
@given(seed=seeds)
def test_the_dissection_is_the_same_on_one_thread_and_on_two(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nodes = int(rng.integers(5 * LOW, 10 * LOW))
    tail = rng.integers(0, nodes, 3 * nodes)
    graph, orders = undirected(tail, (tail + rng.integers(-30, 31, len(tail))) % nodes, nodes), []
    before = numba.get_num_threads()
    for threads in (1, 2):
        numba.set_num_threads(threads)
        orders.append(dissection_order(*graph, leaf=LOW))
    numba.set_num_threads(before)
    assert np.array_equal(*orders)


@settings(max_examples=100, deadline=None)
@given(seed=seeds)
def test_two_branches_do_not_depend_on_each_other(seed: int) -> None:
    inputs = awkward_network(seed)
    h = build_hierarchy(inputs["link_start"], inputs["link_head"], inputs["first_thru"])
    nodes = [h.branch_node[h.branch_start[b] : h.branch_start[b + 1]] for b in range(BRANCHES)]
    assert sorted(np.concatenate(nodes)) == list(range(len(h.parent)))
    assert all((np.diff(of_branch) > 0).all() for of_branch in nodes)
    branch = np.empty(len(h.parent), np.int64)
    for b, of_branch in enumerate(nodes):
        branch[of_branch] = b
    low, high = branch[h.arc_tail], branch[h.arc_head]
    assert ((low == high) | (high == TOP)).all()
    of_link = np.append(low, -1)[h.link_arc >> 1]  # -1 where a link has no arc
    for b in range(BRANCHES):
        links = h.branch_link[h.branch_link_start[b] : h.branch_link_start[b + 1]]
        assert np.array_equal(links, np.flatnonzero(of_link == b))


def test_a_customized_metric_answers_repeated_queries() -> None:
    inputs = awkward_network(5)
    hierarchy = build_hierarchy(inputs["link_start"], inputs["link_head"], inputs["first_thru"])
    metric = customize(hierarchy, inputs["link_cost"])
    whole = skims_of(hierarchy, metric, inputs["origins"], inputs["destinations"])
    part = skims_of(hierarchy, metric, inputs["origins"][:3], inputs["destinations"][::2])
    np.testing.assert_allclose(part, whole[:, :3, ::2], rtol=1e-12)


@pytest.mark.parametrize(("origins", "destinations"), [(0, 3), (3, 0), (0, 0)])
def test_nothing_asked_is_nothing_answered(origins: int, destinations: int) -> None:
    inputs = awkward_network(3)
    none = np.zeros(0, np.int64)
    asked = {"origins": inputs["origins"][:origins], "destinations": inputs["destinations"][:destinations]}
    assert by_hierarchy(inputs | asked).shape == (len(inputs["link_cost"]), origins, destinations)
    assert by_hierarchy(inputs | {"link_cost": inputs["link_cost"][:0]} | {"origins": none}).shape[0] == 0


def test_same_bits_for_any_number_of_threads() -> None:
    rng = np.random.default_rng(1)
    net = random_network(800, rng, 150)
    hierarchy = build_hierarchy(net["link_start"], net["link_head"], 150)
    zones, cost = np.arange(150), np.stack([net["free_flow_time"], net["free_flow_time"] * rng.uniform(1, 2)])
    before, bits = numba.get_num_threads(), set()
    try:
        for threads in range(1, before + 1):
            numba.set_num_threads(threads)
            bits.add(skims(hierarchy, cost, zones, zones).tobytes())
    finally:
        numba.set_num_threads(before)
    assert len(bits) == 1
