"""The axioms of the Shapley value, which single it out among all splits: sum, symmetry, dummy, adding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.decision.sharing import equal_split, leavers, members, per_capita_split, shapley_split

Game = np.ndarray


@st.composite
def games(draw: st.DrawFn, least: int = 1, most: int = 5) -> Game:
    """Return what every group pays, float64 (2**n,): any numbers, nothing for the empty group."""
    n = draw(st.integers(least, most))
    numbers = st.floats(-1e6, 1e6, allow_subnormal=False)
    return np.array([0.0, *draw(st.lists(numbers, min_size=2**n - 1, max_size=2**n - 1))])


def players(cost: Game) -> int:
    return len(cost).bit_length() - 1


def swapped(cost: Game, i: int, j: int) -> Game:
    """Return the game in which players i and j change places."""
    group = np.arange(len(cost))
    one, other = group >> i & 1, group >> j & 1
    return cost[group & ~(1 << i | 1 << j) | other << i | one << j]


@given(games())
@settings(max_examples=100, deadline=None)
def test_the_shares_sum_to_the_whole(cost: Game) -> None:
    scale = np.abs(cost).max() + 1.0
    for split in (shapley_split(cost), equal_split(cost), per_capita_split(cost, np.arange(1.0, players(cost) + 1))):
        assert split.sum() == pytest.approx(cost[-1], abs=1e-12 * scale)


@given(games(least=2), st.data())
@settings(max_examples=100, deadline=None)
def test_players_that_add_the_same_pay_the_same(cost: Game, data: st.DataObject) -> None:
    i, j = data.draw(st.permutations(range(players(cost))))[:2]
    alike = (cost + swapped(cost, i, j)) / 2.0
    split = shapley_split(alike)
    assert split[i] == pytest.approx(split[j], abs=1e-12 * (np.abs(cost).max() + 1.0))
    # a player's name does not matter either: who changes places changes shares
    one, other = shapley_split(cost), shapley_split(swapped(cost, i, j))
    expected = one.copy()
    expected[[i, j]] = one[[j, i]]
    np.testing.assert_allclose(other, expected, atol=1e-12 * (np.abs(cost).max() + 1.0))


@given(games(most=4), st.floats(-1e6, 1e6), st.data())
@settings(max_examples=100, deadline=None)
def test_a_player_that_adds_a_fixed_sum_pays_that_sum(cost: Game, own: float, data: st.DataObject) -> None:
    n = players(cost)
    dummy = data.draw(st.integers(0, n))
    group = np.arange(2 ** (n + 1))
    others = group & ((1 << dummy) - 1) | group >> dummy + 1 << dummy
    split = shapley_split(cost[others] + own * (group >> dummy & 1))
    scale = np.abs(cost).max() + abs(own) + 1.0
    assert split[dummy] == pytest.approx(own, abs=1e-12 * scale)
    np.testing.assert_allclose(np.delete(split, dummy), shapley_split(cost), atol=1e-12 * scale)


@given(st.integers(1, 4).flatmap(lambda n: st.tuples(games(n, n), games(n, n))), st.floats(-10.0, 10.0))
@settings(max_examples=100, deadline=None)
def test_shares_of_two_programmes_add(pair: tuple[Game, Game], factor: float) -> None:
    one, other = pair
    scale = np.abs(one).max() + 10.0 * np.abs(other).max() + 1.0
    added = shapley_split(one) + factor * shapley_split(other)
    np.testing.assert_allclose(shapley_split(one + factor * other), added, atol=1e-12 * scale)


@given(games(least=2, most=4), st.data())
@settings(max_examples=100, deadline=None)
def test_leavers_are_all_groups_that_would_pay_less(cost: Game, data: st.DataObject) -> None:
    n = players(cost)
    weight = np.array(data.draw(st.lists(st.floats(0.1, 1.0), min_size=n, max_size=n)))
    split = cost[-1] * weight / weight.sum()
    found = leavers(cost, split, [f"city-{k}" for k in range(n)])
    gain = members(n)[1:-1] @ split - cost[1:-1]
    assert len(found) == (gain > 1e-9 * abs(cost[-1])).sum()
    assert found["gain"].is_monotonic_decreasing and (found["pays"] - found["alone"] == found["gain"]).all()
    if len(found):
        assert found["gain"].iloc[0] == pytest.approx(gain.max())
