"""Contraction of links in series: the same equilibrium on fewer links, and every link found again."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.road_network import RoadNetwork, forward_star
from twin.kernels.traffic.assignment import assignment_numba, beckmann_objective
from twin.traffic.contraction import Contracted, contract

ZONES = 4


def street_network(seed: int, same_power: bool = True) -> RoadNetwork:
    """Return zones joined to a ring of junctions with chords, each street cut into up to four links in series."""
    rng = np.random.Generator(np.random.Philox(seed))
    junctions = 7
    streets = [(ZONES + k, ZONES + (k + 1) % junctions) for k in range(junctions)]
    streets += [(ZONES + int(a), ZONES + int(b)) for a, b in rng.integers(0, junctions, (5, 2)) if a != b]
    streets = list(dict.fromkeys(tuple(sorted(pair)) for pair in streets))
    nodes = ZONES + junctions
    rows: list[list[float]] = []

    def link(a: int, b: int, constant: bool = False) -> None:
        alpha = 0.0 if constant or rng.random() < 0.2 else rng.uniform(0.1, 1.0)
        power = 4.0 if same_power else rng.choice([0.0, 2.0, 4.0])
        capacity = 1e9 if constant else rng.uniform(40.0, 90.0)
        rows.append([a, b, capacity, rng.uniform(0.1, 2.0), rng.uniform(0.5, 3.0), alpha, power, rng.uniform(0.0, 1.0)])

    for zone in range(ZONES):
        near = ZONES + int(rng.integers(junctions))
        link(zone, near, True)
        link(near, zone, True)
    for a, b in streets:
        both = rng.random() < 0.7 or b - a in (1, junctions - 1)
        stops = [a, *range(nodes, nodes + int(rng.integers(0, 4))), b]
        nodes = max(nodes, *(s + 1 for s in stops))
        for tail, head in itertools.pairwise(stops):
            link(tail, head)
            if both:
                link(head, tail)
    table = np.array(rows)
    names = ("capacity", "length", "free_flow_time", "alpha", "power", "toll")
    values = {name: table[:, 2 + k] for k, name in enumerate(names)}
    labels = [str(k) for k in range(nodes)]
    ends = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return forward_star(ZONES, ZONES, labels, [str(k) for k in range(len(table))], *ends, values)


def solve(net: RoadNetwork, fixed: np.ndarray, demand: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    return assignment_numba(
        net.link_start, net.link_head, net.free_flow_time, net.capacity, net.alpha, net.power, fixed[None],
        demand[None], net.first_thru, 500, 1e-14,
    )  # fmt: skip


def times(net: RoadNetwork, flow: np.ndarray) -> np.ndarray:
    return net.free_flow_time * (1.0 + net.alpha * (flow / net.capacity) ** net.power)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_times_of_a_chain_are_the_sum_of_its_links(seed: int, same_power: bool) -> None:
    net = street_network(seed, same_power)
    small = contract(net)
    rng = np.random.Generator(np.random.Philox(seed))
    flow = rng.uniform(0.0, 200.0, len(small.network.link_head))
    assert np.allclose(small.total(times(net, small.expand(flow))), times(small.network, flow), rtol=1e-12)
    assert np.allclose(small.total(net.length), small.network.length, rtol=1e-12)
    assert np.isclose(small.network.toll.sum(), net.toll.sum())
    ids = [name for joined in small.network.link_ids for name in joined.split("+")]
    assert sorted(ids, key=int) == sorted(net.link_ids, key=int)
    for position, joined in enumerate(small.network.link_ids):
        parts = [net.link_ids.index(name) for name in joined.split("+")]
        assert (small.link_of[parts] == position).all()
        assert net.link_tail[parts[0]] == small.network.link_tail[position]
        assert net.link_head[parts[-1]] == small.network.link_head[position]
        assert (net.link_head[parts[:-1]] == net.link_tail[parts[1:]]).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_the_equilibrium_is_that_of_the_full_network(seed: int, same_power: bool) -> None:
    net = street_network(seed, same_power)
    small: Contracted = contract(net)
    demand = np.random.Generator(np.random.Philox(seed)).uniform(5.0, 30.0, (ZONES, ZONES))
    np.fill_diagonal(demand, 0.0)
    flow, time, skim, _ = solve(net, net.toll, demand)
    flow_small, _, skim_small, _ = solve(small.network, small.total(net.toll), demand)
    assert np.allclose(skim_small, skim, rtol=1e-9)
    expanded = small.expand(flow_small[0])
    # Flows on links whose time does not depend on flow need not be unique; times and Beckmann's function are.
    assert np.allclose(times(net, expanded), time, rtol=1e-9)
    bpr = net.free_flow_time, net.capacity, net.alpha, net.power
    full = beckmann_objective(flow[0], *bpr) + float(flow[0] @ net.toll)
    joined = beckmann_objective(expanded, *bpr) + float(expanded @ net.toll)
    assert np.isclose(joined, full, rtol=1e-9)


def test_streets_in_series_are_joined_and_zones_are_not() -> None:
    tail, head = np.array([0, 2, 3, 1, 3, 2]), np.array([2, 3, 1, 3, 2, 0])
    one = np.ones(6)
    values = dict.fromkeys(("capacity", "length", "free_flow_time", "alpha", "power", "toll"), one)
    net = forward_star(2, 2, list("abcd"), list("123456"), tail, head, values)
    small = contract(net)
    assert small.network.link_ids == ("1+2+3", "4+5+6")
    assert small.network.free_flow_time.tolist() == [3.0, 3.0] and small.network.alpha.tolist() == [1.0, 1.0]
    through = contract(forward_star(4, 0, list("abcd"), list("123456"), tail, head, values))
    assert len(through.network.link_head) == 6
