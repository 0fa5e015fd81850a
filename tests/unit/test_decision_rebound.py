"""Rebound: shares, elastic demand and the elasticity at which a saving is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.decision.rebound import demand, rebound, turning_elasticity
from twin.errors import StudyError


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=9), st.floats(0.1, 3.0), st.floats(-2.0, 0.0))
@settings(max_examples=60, deadline=None)
def test_no_elasticity_is_fixed_demand_to_the_bit(base: list[float], ratio: float, elasticity: float) -> None:
    before = np.array(base)
    ratios = np.full(len(base), ratio)
    np.testing.assert_array_equal(demand(before, ratios, 0.0), before)
    more, less = demand(before, ratios, elasticity - 0.5), demand(before, ratios, elasticity)
    assert ((more >= less) if ratio <= 1.0 else (more <= less)).all()  # what gets cheaper is used more


def test_shares_by_hand() -> None:
    assert rebound(100.0, 70.0).share == pytest.approx(0.3)
    assert rebound(100.0, -20.0).share == pytest.approx(1.2)
    assert np.isnan(rebound(0.0, 5.0).share)
    for ratio, elasticity in ((0.0, -1.0), (1.0, 0.2), (1.0, float("nan"))):
        with pytest.raises(StudyError, match="demand"):
            demand(np.ones(1), np.array([ratio]), elasticity)


@given(st.floats(0.1, 0.9), st.permutations(range(6)))
@settings(max_examples=40, deadline=None)
def test_the_turning_point_of_a_straight_line(turn: float, order: list[int]) -> None:
    x = -np.linspace(0.0, 1.0, 6)[list(order)]
    assert turning_elasticity(x, 40.0 * (x + turn)) == pytest.approx(-turn)
    assert np.isnan(turning_elasticity(x, np.ones(6)))
    assert np.isnan(turning_elasticity(x, 40.0 * (x + turn) - 100.0))
