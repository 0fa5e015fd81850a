"""Sums of products by partial sums, and link times without a branch, against plain ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.kernels.dot import SUMS, dot
from twin.kernels.traffic.bush_sweep import Links, cost_and_slope, fill_all
from twin.kernels.traffic.link_cost import BPR, CONICAL, CURVE, DAVIDSON


@pytest.mark.parametrize("count", [0, 1, SUMS - 1, SUMS, SUMS + 1, 5 * SUMS + 7])
def test_dot_is_the_sum_of_products(count: int) -> None:
    rng = np.random.default_rng(count)
    a, b = rng.normal(size=count), rng.normal(size=count)
    assert dot(a, b) == pytest.approx(math.fsum(a * b), rel=1e-12, abs=1e-12)


@given(seed=st.integers(0, 2**32 - 1), plain=st.booleans())
@settings(max_examples=30, deadline=None)
def test_times_of_all_links_are_those_of_each(seed: int, plain: bool) -> None:
    rng, n = np.random.default_rng(seed), 50
    form = np.full(n, BPR) if plain else rng.choice([BPR, CONICAL, DAVIDSON, CURVE], n)
    power = np.where(form == BPR, rng.choice([4.0] if plain else [0.0, 1.0, 2.5, 4.0], n), 0.0)
    power = np.where(form == CONICAL, 3.0, np.where(form == DAVIDSON, 0.9, power))
    time0, rise = rng.uniform(0.1, 5.0, n), rng.choice([0.0, 0.15, 2.0], n)
    flow = rng.choice([0.0, -1e-12, 1.0], n) * rng.uniform(0.0, 3000.0, n)
    curves = np.array([[[0.2, 1.0, 0.1, 0.5, 0.3], [0.9, 1.6, 1.2, 0.4, 0.2]]])
    links = Links(
        flow, np.empty((1, n)), np.zeros(n), np.zeros((1, n)),
        np.column_stack([time0, rise, np.full(n, 1e-3), power]), form, curves, 0.5, 1.0,
    )  # fmt: skip
    time, slope = np.empty(n), np.empty(n)
    fill_all(links, time, slope)
    for link in range(n):
        wanted = cost_and_slope(link, links) if rise[link] > 0.0 else (time0[link], 0.0)
        assert (time[link], slope[link]) == wanted
