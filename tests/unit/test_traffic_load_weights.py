"""Weights of a mix of loads: those that have one cost the same, and links are at the mix."""

from __future__ import annotations

import numpy as np
import pytest

from tests.property.test_traffic_equilibrium import random_problem
from twin.kernels.team import new_team
from twin.kernels.traffic.bush_sweep import Links, fill_all
from twin.kernels.traffic.equilibrium import _links
from twin.kernels.traffic.load_weights import RANGES, Mix, drop_unused, lead_mix, make_mix, mix_piece


def mixed(seed: int, loads: int) -> tuple[Mix, Links]:
    """Return loads of random flow on a random network, all trips on the first."""
    problem = random_problem(seed, 1, False)
    links, rng = _links(problem, problem.fixed_cost), np.random.default_rng(seed)
    mix = make_mix(loads + 2, len(links.flow))  # more room than needed
    mix.number[:loads] = np.arange(loads)
    mix.load[:loads] = rng.uniform(0.0, 2.0, (loads, len(links.flow))) * problem.capacity
    mix.extra[:loads], mix.weight[:loads] = rng.uniform(0.0, 1.0, loads), np.eye(loads)[0]
    lead_mix(new_team(), 0, 1, mix, links)
    return mix, links


def cost_of_loads(mix: Mix, links: Links, loads: int) -> np.ndarray:
    time, slope = np.empty_like(links.flow), np.empty_like(links.flow)
    fill_all(links, time, slope)
    return mix.extra[:loads] + mix.load[:loads] @ time


@pytest.mark.parametrize("loads", [1, 2, 5])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_links_get_the_mix(seed: int, loads: int) -> None:
    mix, links = mixed(seed, loads)
    lead_mix(new_team(), 0, loads, mix, links)
    weight = mix.weight[:loads]
    assert (weight >= 0.0).all()
    np.testing.assert_allclose(weight.sum(), 1.0, rtol=1e-12)
    np.testing.assert_allclose(links.flow, weight @ mix.load[:loads], rtol=1e-12)
    np.testing.assert_allclose(links.cost[0], mix.time + links.fixed[0], rtol=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_loads_with_weight_cost_the_same(seed: int) -> None:
    mix, links = mixed(seed, 4)
    for _ in range(10):
        lead_mix(new_team(), 0, 4, mix, links)
    cost = cost_of_loads(mix, links, 4)
    np.testing.assert_allclose(cost[mix.weight[:4] > 0.0], cost.min(), rtol=1e-6)


def test_parts_of_the_links_make_up_the_model() -> None:
    mix, links = mixed(4, 3)
    for part in range(RANGES):
        mix_piece(part, 3, mix, links)
    cost, bend = mix.cost[:, :3].sum(axis=0), mix.bend[:, :3, :3].sum(axis=0)
    np.testing.assert_allclose(cost + mix.extra[:3], cost_of_loads(mix, links, 3), rtol=1e-12)
    np.testing.assert_allclose(bend, (mix.load[:3] * links.slope) @ mix.load[:3].T, rtol=1e-12)


def test_loads_without_weight_are_given_up() -> None:
    mix, _ = mixed(5, 4)
    mix.weight[:4] = 0.0, 0.25, 0.0, 0.75
    kept = mix.load[[1, 3]].copy()
    assert drop_unused(4, mix) == 2
    assert mix.number[:2].tolist() == [1, 3] and mix.weight[:2].tolist() == [0.25, 0.75]
    np.testing.assert_array_equal(mix.load[:2], kept)
