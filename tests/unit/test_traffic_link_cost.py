"""Link times: what hot loops work out agrees with the plain functions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.kernels.traffic.link_cost import BPR, NO_CURVES, bpr_time, shape


@settings(deadline=None)  # the first example compiles
@given(
    ratio=st.just(0.0) | st.floats(1e-6, 5.0),  # between, products of small numbers are rounded to nothing
    time0=st.floats(0.01, 100.0),
    alpha=st.just(0.0) | st.floats(1e-3, 10.0),
    capacity=st.floats(1.0, 1e4),
    power=st.sampled_from([0.0, 0.5, 1.0, 2.0, 4.0, 4.45, 16.8]),
)
def test_bpr_time_and_slope_are_those_of_its_shape(
    ratio: float, time0: float, alpha: float, capacity: float, power: float
) -> None:
    if power < 1.0:
        ratio = max(ratio, 1e-6)  # the slope at nothing is infinite
    time, slope = bpr_time(ratio, time0, time0 * alpha, 1.0 / capacity, power)
    value, first, _, _ = shape(ratio, alpha, power, BPR, NO_CURVES)
    assert time == pytest.approx(time0 * value, rel=1e-12)
    assert slope == pytest.approx(time0 * first / capacity, rel=1e-9, abs=1e-300)
