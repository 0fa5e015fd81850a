"""The equilibrium settles from a cold start however strongly demand answers, on empty roads and far above capacity.

A cold start asks for the trips of empty roads. Where demand holds at the cost of full ones, these are many times what
fits (see `demand_law.too_far`). Laws are centred on the equilibrium with fixed demand, so the solution is known.
"""

from __future__ import annotations

from collections.abc import Iterator

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_decision_rebound_properties import (
    GAP,
    REACHED,
    ROUNDS,
    answering,
    corridor,
    roads,
    same,
    stages,
)
from tests.property.test_traffic_equilibrium import check, counts, random_problem, seeds
from twin.kernels import registry
from twin.kernels.traffic.demand_law import HALVINGS, answer, too_far
from twin.kernels.traffic.elastic_assignment import ARGUMENTS
from twin.kernels.traffic.equilibrium import IN_BLOCKS, Problem, Solution, solve
from twin.kernels.traffic.link_cost import BPR, NO_CURVES

ROUNDED = 1e-9
"""A gap that stiff demand may be left with by rounding."""
ENOUGH = 100  # rounds; cold starts took up to 20 on corridors and 90 on grids
constant, logit = st.floats(-4.0, -0.1), st.floats(0.05, 4.0)
loads = st.floats(0.1, 3.0)  # trips, as a share of the capacity of the narrowest stage


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Small networks are solved sooner by one thread; results do not depend on it."""
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)


def centred(parts: list, load: float, response: float, leg: float) -> tuple[Problem, Solution]:
    """Return a corridor whose demand law holds at the fixed-demand equilibrium, and that equilibrium."""
    problem = corridor(parts, load * min(sum(road[1] for road in stage) for stage in parts))
    today = solve(problem, GAP, ROUNDS)
    law = answering(problem, today.skim[0, 0, 1], response)._replace(outside_leg=leg)
    return (law._replace(demand=2.0 * law.demand) if response > 0.0 else law), today


@given(stages, loads, st.one_of(constant, logit), st.floats(0.0, 20.0))
@settings(max_examples=150, deadline=None)
def test_cold_starts_lead_to_the_equilibrium_the_law_is_centred_on(
    parts: list, load: float, response: float, leg: float
) -> None:
    problem, today = centred(parts, load, response, leg)
    cold = solve(problem, REACHED, ENOUGH)
    assert cold.relative_gap <= ROUNDED  # hardly ever above what was asked for
    np.testing.assert_allclose(cold.od_flow, today.od_flow, rtol=1e-6)
    np.testing.assert_allclose(cold.skim[0, 0, 1], today.skim[0, 0, 1], rtol=1e-6)


@given(st.lists(roads, min_size=1, max_size=3), st.floats(0.1, 2.0), st.one_of(constant, logit))
@settings(max_examples=20, deadline=None)
def test_both_variants_settle_on_the_same_trips(way: list, load: float, response: float) -> None:
    """On one way: of several the reference, whose routes take Newton steps of their own, may swing between some."""
    parts = [[road] for road in way]
    problem, _ = centred(parts, load, response, 5.0)
    links = len(problem.link_head)
    more = {"form": np.full(links, BPR), "curves": NO_CURVES, "marginal": 0, "max_rounds": ROUNDS, "target_gap": 1e-9}
    inputs = problem._asdict() | more
    plain, fast = (
        registry.get("traffic.elastic_assignment", variant)(*(inputs[name] for name in ARGUMENTS))
        for variant in ("reference", "numba")
    )
    assert max(plain[4], fast[4]) <= 1e-9
    np.testing.assert_allclose(plain[3], fast[3], rtol=1e-6)


@given(seeds, counts, st.one_of(constant, logit), loads)
@settings(max_examples=40, deadline=None)
def test_cold_starts_settle_on_grids_with_several_classes(
    seed: int, classes: int, response: float, load: float
) -> None:
    """Some pairs answer, some are fixed."""
    problem = random_problem(seed, classes, True, load=load)
    assert problem.response is not None
    problem = problem._replace(response=np.where(problem.response != 0.0, response, 0.0))
    cold = solve(problem, REACHED, ROUNDS)
    check(problem, cold)


@pytest.mark.parametrize("response", [-3.0, 2.0])
def test_cold_starts_settle_where_sweeps_go_in_blocks(response: float) -> None:
    problem = random_problem(5, 2, True, size=80, zones=IN_BLOCKS)
    assert problem.response is not None
    problem = problem._replace(response=np.where(problem.response != 0.0, response, 0.0))
    cold = solve(problem, 1e-10, ROUNDS)
    assert len(cold.bushes.group) >= IN_BLOCKS and cold.relative_gap <= 1e-10


@given(stages, loads)
@settings(max_examples=20, deadline=None)
def test_no_response_is_fixed_demand_to_the_bit(parts: list, load: float) -> None:
    problem, today = centred(parts, load, 0.0, 5.0)
    same(solve(problem, GAP, ROUNDS), today)


@given(st.one_of(constant, logit), st.floats(0.01, 100.0), st.floats(0.1, 1e3))
@settings(max_examples=100, deadline=None)
def test_a_step_halved_often_enough_is_not_too_far(response: float, start: float, full: float) -> None:
    """On one road of time 10 (1 + x^4), whatever the step."""

    def missing(trips: float) -> float:
        return answer(10.0 * (1.0 + trips**4), full, 20.0, response, 0.0)[0] - trips

    before, step = missing(start), np.copysign(1e3 * max(start, full), missing(start))
    step = max(step, -start)
    for _ in range(HALVINGS):
        if not too_far(before, missing(start + step)):
            break
        step *= 0.5
    assert not too_far(before, missing(start + step))
