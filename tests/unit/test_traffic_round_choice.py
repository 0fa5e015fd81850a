"""When rounds of an equilibrium stall, and which bushes the next one renews."""

from __future__ import annotations

import numpy as np
import pytest

from twin.kernels.traffic.bush import make_bushes
from twin.kernels.traffic.joint_newton import FEWEST, WORK, rounds_worth
from twin.kernels.traffic.round_choice import FEW, PATIENCE, SLOW, Watch, next_rows


def stalled(watch: Watch, excesses: list[float]) -> list[int]:
    """Return the rounds that stall."""
    return [n for n, excess in enumerate(excesses) if watch.stalls(excess)]


def test_rounds_that_fall_fast_never_stall() -> None:
    assert stalled(Watch(1), [0.9 * SLOW**n for n in range(40)]) == []


@pytest.mark.parametrize("worth", [1, 3])
def test_the_dearer_the_remedy_the_later(worth: int) -> None:
    """Rounds that save nothing stall after the patience, then after twice as many."""
    first, second = stalled(Watch(worth), [1.0] * (8 * PATIENCE * worth))[:2]
    assert first == PATIENCE * worth
    assert second - first == 2 * PATIENCE * worth


def test_progress_restores_patience() -> None:
    watch = Watch(1)
    assert stalled(watch, [1.0] * (PATIENCE + 1)) == [PATIENCE]
    assert stalled(watch, [0.5 * SLOW] + [0.5 * SLOW] * PATIENCE) == [PATIENCE]


@pytest.mark.parametrize(("bushes", "worth"), [(3, 1), (400, 4)])
def test_what_joint_steps_cost_grows_with_the_arcs(bushes: int, worth: int) -> None:
    """Up to `WORK` arc visits they get what a round costs; above, they make `FEWEST` cycles all the same."""
    arcs = worth * WORK // FEWEST // bushes
    rows = make_bushes(np.zeros((bushes, 2), np.int64), 2, 1, np.int32)
    rows.size[:] = 1
    rows.first[:, 1] = arcs
    assert rounds_worth(rows) == worth


def test_few_bushes_that_hold_nearly_all_go_on_alone() -> None:
    excess = np.array([1e-9, 5.0, 1e-9, 1e-9, 1e-9])
    assert FEW * len(excess) > 1
    every = np.arange(len(excess))
    alone = next_rows(every, excess, True)
    assert alone.tolist() == [1]
    assert next_rows(alone, excess, True).tolist() == [1]
    assert next_rows(alone, excess, False).tolist() == every.tolist()
    assert next_rows(every, np.ones(5), True).tolist() == every.tolist()
