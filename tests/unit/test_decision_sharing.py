"""Cost sharing: Shapley against closed forms, learning, and who leaves."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.decision.sharing import (
    SharedCosts,
    compare_splits,
    equal_split,
    group_costs,
    least_core,
    leavers,
    members,
    per_capita_split,
    shapley_split,
)
from twin.errors import StudyError

CITIES = ["a", "b", "c", "d", "e"]


@st.composite
def games(draw: st.DrawFn, most: int = 4) -> np.ndarray:
    n = draw(st.integers(1, most))
    return np.array([0.0, *draw(st.lists(st.floats(0.0, 1e3), min_size=2**n - 1, max_size=2**n - 1))])


@given(games())
@settings(max_examples=60, deadline=None)
def test_shapley_sums_to_the_total_and_is_the_mean_over_orders(cost: np.ndarray) -> None:
    split = shapley_split(cost)
    n = len(split)
    assert split.sum() == pytest.approx(cost[-1], abs=1e-9)
    mean = np.zeros(n)
    orders = list(permutations(range(n)))
    for order in orders:
        group = 0
        for city in order:
            mean[city] += cost[group | 1 << city] - cost[group]
            group |= 1 << city
    np.testing.assert_allclose(split, mean / len(orders), atol=1e-9)


@given(games(), st.floats(0.0, 100.0))
@settings(max_examples=40, deadline=None)
def test_shapley_scales_and_adds(cost: np.ndarray, factor: float) -> None:
    other = np.sqrt(cost)
    np.testing.assert_allclose(shapley_split(cost * factor), shapley_split(cost) * factor, atol=1e-6)
    np.testing.assert_allclose(shapley_split(cost + other), shapley_split(cost) + shapley_split(other), atol=1e-9)


@given(st.lists(st.floats(0.0, 1e3), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_shapley_of_the_airport_game(needs: list[float]) -> None:
    # Littlechild and Owen 1973, doi 10.1287/mnsc.20.3.370: each part of the runway is shared by all who need it
    n = len(needs)
    cost = (members(n) * np.array(needs)).max(axis=1)
    order = np.argsort(needs, kind="stable")
    steps = np.diff(np.concatenate([[0.0], np.array(needs)[order]])) / (n - np.arange(n))
    expected = np.empty(n)
    expected[order] = np.cumsum(steps)
    split = shapley_split(cost)
    np.testing.assert_allclose(split, expected, atol=1e-9)
    assert leavers(cost, split, [*CITIES, "f"], tolerance=1e-9).empty  # an airport game is concave: it is in the core


@st.composite
def programmes(draw: st.DrawFn) -> SharedCosts:
    names = CITIES[: draw(st.integers(1, 5))]
    numbers = st.floats(0.0, 1e3)
    return SharedCosts(
        draw(numbers),
        draw(numbers),
        {name: draw(st.floats(1.0, 1e3)) for name in names},
        {name: draw(numbers) for name in names},
        draw(st.floats(0.0, 0.5)),
    )


@given(programmes())
@settings(max_examples=60, deadline=None)
def test_joining_never_costs_more_and_the_game_has_a_core(costs: SharedCosts) -> None:
    cost = group_costs(costs)
    n = len(costs.cities)
    scale = max(cost[-1], 1.0)
    for one in range(2**n):
        for other in range(2**n):
            if one & other == 0:
                assert cost[one | other] <= cost[one] + cost[other] + 1e-9 * scale
    split, gain = least_core(cost)
    assert split.sum() == pytest.approx(cost[-1], rel=1e-7, abs=1e-6)
    # development once and concave learning: marginal costs fall as a group grows
    assert gain <= 1e-6 * scale
    assert leavers(cost, split, costs.cities, tolerance=1e-6).empty


@given(programmes())
@settings(max_examples=40, deadline=None)
def test_like_cities_pay_alike_and_names_do_not_matter(costs: SharedCosts) -> None:
    names = costs.cities
    back = SharedCosts(
        costs.development,
        costs.unit,
        {name: costs.units[name] for name in names[::-1]},
        {name: costs.running[name] for name in names},
        costs.learning_rate,
    )
    np.testing.assert_allclose(shapley_split(group_costs(back))[::-1], shapley_split(group_costs(costs)), rtol=1e-9)
    same = SharedCosts(costs.development, costs.unit, dict.fromkeys(names, 7.0), dict.fromkeys(names, 3.0))
    split = shapley_split(group_costs(same))
    np.testing.assert_allclose(split, equal_split(group_costs(same)), rtol=1e-9)


def test_learning_follows_wright() -> None:
    costs = SharedCosts(1000.0, 10.0, {"a": 1.0, "b": 1.0, "c": 2.0}, dict.fromkeys("abc", 5.0), 0.2)
    cost = group_costs(costs)
    assert cost[0b001] == pytest.approx(1015.0)
    assert cost[0b011] == pytest.approx(1000 + 2 * 8.0 + 10)  # mean cost falls by 20 % with the doubling
    assert cost[0b111] == pytest.approx(1000 + 4 * 6.4 + 15)


def test_a_small_city_leaves_an_equal_split() -> None:
    costs = SharedCosts(
        90.0, 10.0, {"big": 100.0, "mid": 40.0, "small": 2.0}, dict.fromkeys(["big", "mid", "small"], 0)
    )
    cost = group_costs(costs)
    found = leavers(cost, equal_split(cost), costs.cities)
    assert found["group"].iloc[0] == "mid, small" and found["gain"].iloc[0] == pytest.approx(2 * 1510 / 3 - 510)
    assert "small" in set(found["group"])
    table = compare_splits(costs, {"big": 600.0, "mid": 300.0, "small": 20.0})
    assert table.loc["leavers", "equal"] == len(found) and table.loc["leavers", ["shapley", "stable"]].sum() == 0.0
    np.testing.assert_allclose(table.loc["big":"small", ["equal", "per_capita", "shapley", "stable"]].sum(), cost[-1])
    np.testing.assert_allclose(
        per_capita_split(cost, np.array([2.0, 1.0, 1.0])), cost[-1] * np.array([0.5, 0.25, 0.25])
    )


def test_the_core_may_be_empty() -> None:
    # any two do it for 10, all three cost 18: somebody always pays more than a pair would
    cost = np.array([0.0, 10, 10, 10, 10, 10, 10, 18])
    split, gain = least_core(cost)
    assert gain == pytest.approx(2.0)
    np.testing.assert_allclose(split, 6.0)
    assert len(leavers(cost, split, CITIES)) == 3
    assert least_core(np.array([0.0, 4.0])) == (np.array([4.0]), -np.inf)


def test_what_cannot_be_shared_is_refused() -> None:
    good = SharedCosts(1.0, 1.0, {"a": 1.0}, {"a": 1.0})
    assert group_costs(good).tolist() == [0.0, 3.0]
    for bad, message in (
        (SharedCosts(1.0, 1.0, {}, {}), "0 cities"),
        (SharedCosts(1.0, 1.0, {"a": 1.0}, {"b": 1.0}), "different cities"),
        (SharedCosts(-1.0, 1.0, {"a": 1.0}, {"a": 1.0}), "not below zero"),
        (SharedCosts(1.0, 1.0, {"a": 1.0}, {"a": 1.0}, 1.0), "learning rate"),
    ):
        with pytest.raises(StudyError, match=message):
            group_costs(bad)
    with pytest.raises(StudyError, match="all groups"):
        shapley_split(np.zeros(3))
    with pytest.raises(StudyError, match="populations"):
        per_capita_split(np.zeros(4), np.zeros(2))


def test_sixteen_cities_take_a_second() -> None:
    names = [f"city-{k:02}" for k in range(16)]
    costs = SharedCosts(1e6, 50.0, {n: 10.0 + k for k, n in enumerate(names)}, dict.fromkeys(names, 100.0), 0.15)
    cost = group_costs(costs)
    split = shapley_split(cost)
    assert split.sum() == pytest.approx(cost[-1]) and (np.diff(split) > 0.0).all()
    assert leavers(cost, split, names).empty
