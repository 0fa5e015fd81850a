"""Weights, win shares, Pareto set and the three bottom lines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.decision.kpis import KPIS
from twin.decision.robustness import (
    BOTTOM_LINE,
    LINES,
    bottom_lines,
    conflicts,
    pareto,
    sample_weights,
    win_shares,
)
from twin.errors import StudyError

CRITERIA = ["co2", "cost", "noise", "time"]


@st.composite
def score_tables(draw: st.DrawFn, criteria: int = 4) -> np.ndarray:
    s = draw(st.integers(1, 5))
    rows = st.lists(st.integers(-5, 5).map(float), min_size=criteria, max_size=criteria)
    return np.array(draw(st.lists(rows, min_size=s, max_size=s)))


def test_weights_cover_the_simplex_evenly() -> None:
    weights = sample_weights(CRITERIA[:3], 7, 40_000)
    assert weights.shape == (40_000, 3) and (weights > 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-14)
    # Dirichlet(1, 1, 1): mean 1/3, variance 1/18, and P(w > t) = (1 - t)^2
    np.testing.assert_allclose(weights.mean(axis=0), 1 / 3, atol=5e-3)
    np.testing.assert_allclose(weights.var(axis=0), 1 / 18, atol=1e-3)
    for t in (0.2, 0.5, 0.8):
        np.testing.assert_allclose((weights > t).mean(axis=0), (1 - t) ** 2, atol=1e-2)


@given(st.permutations(range(4)), st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_the_order_of_criteria_changes_no_bit(order: list[int], seed: int) -> None:
    weights = sample_weights(CRITERIA, seed, 50)
    np.testing.assert_array_equal(sample_weights([CRITERIA[k] for k in order], seed, 50), weights[:, order])


@given(score_tables(), st.integers(0, 50), st.data())
@settings(max_examples=60, deadline=None)
def test_win_shares_sum_to_one_and_follow_their_scenario(scores: np.ndarray, seed: int, data: st.DataObject) -> None:
    weights = sample_weights(CRITERIA, seed, 300)
    shares = win_shares(scores, weights)
    assert shares.sum() == pytest.approx(1.0, abs=1e-12) and (shares >= 0.0).all()
    order = data.draw(st.permutations(range(len(scores))))
    np.testing.assert_allclose(win_shares(scores[order], weights), shares[order], atol=1e-12)
    rescaled = scores * np.array([1.0, 1e6, 2.0, 0.25]) + 7.0  # units do not matter
    np.testing.assert_allclose(win_shares(rescaled, weights), shares, atol=1e-9)
    efficient = pareto(scores)
    assert efficient.any()
    unlike = len(np.unique(scores, axis=0)) == len(scores)
    if unlike:  # what is dominated wins under no weights, as all weights are above zero
        assert shares[~efficient].sum() == 0.0


def test_win_shares_by_hand() -> None:
    weights = sample_weights(["a", "b"], 1, 40_000)
    opposed = np.array([[1.0, 0.0], [0.0, 1.0], [0.25, 0.25]])
    np.testing.assert_allclose(win_shares(opposed, weights), [0.5, 0.5, 0.0], atol=0.01)
    np.testing.assert_allclose(win_shares(np.zeros((4, 2)), weights), 0.25)
    # the middle way wins where 0.6 beats both weights: w in (0.4, 0.6)
    middle = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.6]])
    np.testing.assert_allclose(win_shares(middle, weights), [0.4, 0.4, 0.2], atol=0.01)
    draws = np.stack([[[1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]], [[1.0, 1.0], [0.0, 0.0]]])
    np.testing.assert_allclose(win_shares(draws, weights), [2 / 3, 1 / 3])
    with pytest.raises(StudyError, match="no value"):
        win_shares(np.array([[np.nan, 1.0]]), weights)
    for names in ([], ["a", "a"]):
        with pytest.raises(StudyError, match="criteria"):
            sample_weights(names, 1)


@given(score_tables(3))
@settings(max_examples=60, deadline=None)
def test_pareto_is_the_set_that_nobody_dominates(scores: np.ndarray) -> None:
    expected = [not any((other >= one).all() and (other > one).any() for other in scores) for one in scores]
    assert pareto(scores).tolist() == expected
    assert pareto(scores, np.full(3, 100.0)).all()  # within the noise nothing is better


def test_noise_keeps_close_scenarios_in_the_set() -> None:
    scores = np.array([[1.0, 1.0], [0.9, 1.0], [0.0, 1.05]])
    assert pareto(scores).tolist() == [True, False, True]
    assert pareto(scores, np.array([0.2, 0.1])).tolist() == [True, True, False]


def test_a_ring_of_scenarios_within_the_noise_stays_in_the_set() -> None:
    ring = np.array([[1.1, 0.5, 0.0], [0.0, 1.1, 0.5], [0.5, 0.0, 1.1]])
    assert pareto(ring, np.ones(3)).all()
    beaten = np.concatenate([ring, [[-2.0, -2.0, -2.0]]])
    assert pareto(beaten, np.ones(3)).tolist() == [True, True, True, False]


def test_conflicts_between_the_three_lines() -> None:
    assert set(BOTTOM_LINE) <= set(KPIS) and set(BOTTOM_LINE.values()) == set(LINES)
    rows = [
        ("baseline", "total_co2_t_a", "baseline"),
        ("street", "total_co2_t_a", "better"),
        ("street", "traffic_nox_kg_a", "not distinguishable"),
        ("street", "jobs_30min", "worse"),
        ("street", "pv_kwh_a", "worse"),
        ("roofs", "total_co2_t_a", "better"),
        ("roofs", "traffic_nox_kg_a", "worse"),
        ("roofs", "energy_cost_eur_a", "no change"),
    ]
    lines = bottom_lines(pd.DataFrame(rows, columns=["scenario", "kpi", "verdict"]))
    assert list(lines.index) == ["street", "roofs"]
    assert lines.loc["street"].tolist() == ["not modelled", "better", "worse"]
    assert lines.loc["roofs"].tolist() == ["not distinguishable", "mixed", "not modelled"]
    found = conflicts(lines)
    assert found.to_numpy().tolist() == [["street", "environmental", "social", "environmental better, social worse"]]
