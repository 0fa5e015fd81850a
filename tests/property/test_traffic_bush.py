"""The compiled equilibrium on networks made to be awkward: parallel, free, constant, steep, cut off, overloaded."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import twin.kernels.traffic  # noqa: F401
from twin.kernels import registry
from twin.kernels.traffic.assignment import ARGUMENTS, link_times
from twin.kernels.traffic.shortest_path import trees_reference

seeds = st.integers(0, 2**31 - 1)
Result = tuple[np.ndarray, np.ndarray, np.ndarray, float]


def solve(inputs: dict[str, Any]) -> Result:
    return registry.get("traffic.assignment", "numba")(*(inputs[name] for name in ARGUMENTS))


def awkward(seed: int) -> dict[str, Any]:
    """A random directed graph, mostly not connected, with every kind of link and up to three classes."""
    rng = np.random.default_rng(seed)
    zones = int(rng.integers(1, 7))
    nodes = zones + int(rng.integers(1, 20))
    links = int(rng.integers(1, 5 * nodes))
    classes = int(rng.integers(1, 4))
    tail, head = np.sort(rng.integers(0, nodes, links)), rng.integers(0, nodes, links)
    head = np.where(head == tail, (head + 1) % nodes, head)
    kind = rng.integers(0, 5, links)
    time = np.where(
        kind == 0, 0.0, rng.choice([1.0, 2.0, 5.0], links) * rng.choice([1.0, rng.uniform(0.5, 2.0)], links)
    )
    fixed = rng.choice([0.0, 0.0, 1.0, np.inf], (classes, links), p=[0.4, 0.3, 0.2, 0.1])
    demand = rng.uniform(0.0, 10.0 ** rng.integers(0, 5), (classes, zones, zones)) * (rng.random((zones, zones)) < 0.7)
    return {
        "link_start": np.searchsorted(tail, np.arange(nodes + 1)).astype(np.int64),
        "link_head": head.astype(np.int64),
        "free_flow_time": time,
        "capacity": rng.uniform(10.0, 2000.0, links),
        "alpha": np.where(kind == 1, 0.0, rng.choice([0.15, 1.0], links)),
        "power": rng.choice([1.0, 2.0, 4.0, 4.0, 5.7], links),
        "fixed_cost": fixed,
        "demand": demand,
        "first_thru": int(rng.choice([0, zones])),
        "max_rounds": 300,
        "target_gap": 1e-9,
    }


@settings(max_examples=150, deadline=None)
@given(seed=seeds)
def test_equilibrium_on_awkward_networks(seed: int) -> None:
    inputs = awkward(seed)
    flow, time, skim, gap = solve(inputs)
    zones, nodes = inputs["demand"].shape[1], len(inputs["link_start"]) - 1
    tail = np.repeat(np.arange(nodes), np.diff(inputs["link_start"]))
    assert (flow >= 0.0).all()
    bpr = (inputs[name] for name in ("free_flow_time", "capacity", "alpha", "power"))
    np.testing.assert_allclose(time, link_times(flow.sum(axis=0), *bpr), rtol=1e-12)
    paid, least = 0.0, 0.0
    for k, wanted in enumerate(inputs["demand"]):
        cost = time + inputs["fixed_cost"][k]
        best, _ = trees_reference(
            inputs["link_start"], inputs["link_head"], cost, np.arange(zones), inputs["first_thru"]
        )
        np.testing.assert_allclose(skim[k], best[:, :zones], rtol=1e-12)
        carried = np.where(np.isfinite(skim[k]) & ~np.eye(zones, dtype=bool), wanted, 0.0)
        balance = np.bincount(inputs["link_head"], flow[k], nodes) - np.bincount(tail, flow[k], nodes)
        balance[:zones] -= carried.sum(axis=0) - carried.sum(axis=1)
        assert np.abs(balance).max() <= 1e-10 * max(1.0, carried.sum())
        used = flow[k] > 0.0
        paid += float(flow[k, used] @ cost[used])
        least += float((carried * np.where(carried > 0.0, skim[k], 0.0)).sum())
    assert gap <= 1e-9
    assert abs(paid - least - gap * paid) <= 1e-12 * paid


def test_all_awkward_networks_reach_the_gap() -> None:
    """Those on which sweeps alone stall are in `test_traffic_stalls`."""
    assert [seed for seed in range(200) if solve(awkward(seed))[3] > 1e-9] == []


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_threads_change_no_bit(seed: int) -> None:
    inputs = awkward(seed)
    most = numba.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 4):
            numba.set_num_threads(min(threads, most))
            results.append(solve(inputs))
    finally:
        numba.set_num_threads(most)
    for other in results[1:]:
        assert all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("factor", [1e-6, 1.0, 3.0])
def test_the_gap_is_reached_from_empty_to_full_streets(factor: float) -> None:
    """At three times the sample's demand the worst street takes three times as long as when it is empty."""
    inputs = registry.family("traffic.assignment").sample(100, np.random.default_rng(4))
    inputs = dict(inputs, demand=factor * inputs["demand"], target_gap=1e-12, max_rounds=100)
    assert solve(inputs)[3] <= 1e-12


def test_the_gap_is_reached_at_absurd_overload() -> None:
    """Times grow to a hundred thousand times those of empty streets; sweeps alone end at 1e-5."""
    inputs = registry.family("traffic.assignment").sample(50, np.random.default_rng(4))
    inputs = dict(inputs, demand=100.0 * inputs["demand"], max_rounds=60)
    flow, time, _, gap = solve(inputs)
    assert (time / inputs["free_flow_time"]).max() > 1e5
    assert np.isfinite(flow).all()
    assert gap <= 1e-9


def test_one_zone_and_no_rounds() -> None:
    inputs = registry.family("traffic.assignment").sample(10, np.random.default_rng(1))
    alone = dict(inputs, demand=np.ones((2, 1, 1)), first_thru=1)
    flow, time, skim, gap = solve(alone)
    assert not flow.any()
    assert gap == 0.0
    assert skim.tolist() == [[[0.0]], [[0.0]]]
    assert np.array_equal(time, inputs["free_flow_time"])
    _, _, _, once = solve(dict(inputs, demand=100.0 * inputs["demand"], max_rounds=0))
    assert once > solve(dict(inputs, demand=100.0 * inputs["demand"], max_rounds=1))[3]


def test_asking_for_less_than_rounding_ends() -> None:
    inputs = registry.family("traffic.assignment").sample(50, np.random.default_rng(2))
    assert solve(dict(inputs, demand=3.0 * inputs["demand"], target_gap=0.0, max_rounds=60))[3] <= 1e-14
