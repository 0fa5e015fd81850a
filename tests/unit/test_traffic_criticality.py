"""Link criticality against solving every closure from nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.validation.sioux_falls import sioux_falls
from twin.errors import UsageError
from twin.kernels.traffic.assignment import ARGUMENTS
from twin.kernels.traffic.equilibrium import Problem, Solution, solve
from twin.traffic.criticality import link_criticality


@pytest.fixture(scope="module")
def falls() -> tuple[Problem, Solution]:
    inputs = sioux_falls()
    inputs["free_flow_time"] *= 0.6  # minutes
    problem = Problem(*(inputs[name] for name in ARGUMENTS[:9]))
    return problem, solve(problem, 1e-10, 200)


def test_same_as_from_nothing(falls: tuple[Problem, Solution]) -> None:
    problem, base = falls
    closures = [0, 15, [27, 32], 66]
    found = link_criticality(problem, base, closures, target_gap=1e-10)
    total = (base.link_flow[0] * base.link_time).sum() / 60.0
    for row, closed in enumerate(closures):
        fixed = problem.fixed_cost.copy()
        fixed[:, closed] = np.inf
        cold = solve(problem._replace(fixed_cost=fixed), 1e-10, 200)
        added = (cold.link_flow[0] * cold.link_time).sum() / 60.0 - total
        assert found.added_time_h[row] == pytest.approx(added, abs=1e-8 * total)
        assert found.added_cost_h[row] == pytest.approx(added, abs=1e-8 * total)
        assert found.flow[row] == pytest.approx(base.link_flow[0, closed].sum())
        assert found.cut_off[row] == 0.0
    assert (found.relative_gap <= 1e-10).all()


def test_order_does_not_matter_and_the_base_stays(falls: tuple[Problem, Solution]) -> None:
    problem, base = falls
    before = [array.tobytes() for array in base.bushes]
    left: list[tuple[int, int, float]] = []
    there = link_criticality(problem, base, [3, 40, 70], progress=lambda *now: left.append(now))
    back = link_criticality(problem, base, [70, 40, 3])
    assert there.iloc[::-1].reset_index(drop=True).equals(back)
    assert before == [array.tobytes() for array in base.bushes]
    assert [now[:2] for now in left] == [(1, 3), (2, 3), (3, 3)]
    assert left[-1][2] == 0.0


def test_a_file_keeps_what_was_solved(falls: tuple[Problem, Solution], tmp_path: Path) -> None:
    """After an interruption in the middle of a line the rest is solved, and nothing twice."""
    file, left = tmp_path / "closures.csv", []
    whole = link_criticality(*falls, [3, [27, 32], 70], file=file)
    file.write_text(file.read_text()[:-5])
    again = link_criticality(*falls, [3, [27, 32], 70], file=file, progress=lambda *now: left.append(now[:2]))
    assert again.equals(whole) and whole.equals(link_criticality(*falls, [3, [27, 32], 70]))
    before = file.read_text()
    assert link_criticality(*falls, [70, 3], file=file).equals(whole.iloc[[2, 0]].reset_index(drop=True))
    assert file.read_text() == before and before.count("\n") == 4
    with pytest.raises(UsageError, match="another equilibrium"):
        link_criticality(*falls, [3], target_gap=1e-6, file=file)


@pytest.mark.parametrize("line", ["", "7", "7,1.0", "7,a,b,c,d,e,3", "7,1.0,1.0,1.0,1.0,1.0,2,2", "\x00\x00"])
def test_a_line_that_is_no_closure_is_named(falls: tuple[Problem, Solution], tmp_path: Path, line: str) -> None:
    file = tmp_path / "closures.csv"
    link_criticality(*falls, [3], file=file)
    whole = file.read_text()
    file.write_text(f"{whole}{line}\n")
    with pytest.raises(UsageError, match="line 3 is not a closure"):
        link_criticality(*falls, [3, 7], file=file)
    assert file.read_text() == f"{whole}{line}\n"
    file.write_bytes(b"\xff\xfe\n")
    with pytest.raises(UsageError, match="another equilibrium"):
        link_criticality(*falls, [3, 7], file=file)


def test_trips_cut_off() -> None:
    """Zone 1 is reached by one link only; zone 2 by two."""
    demand = np.zeros((1, 3, 3))
    demand[0, 0, 1], demand[0, 0, 2] = 30.0, 50.0
    start, head = np.array([0, 1, 1, 1, 4]), np.array([3, 1, 2, 2])
    ones = np.ones(4)
    problem = Problem(start, head, np.array([1.0, 2.0, 3.0, 6.0]), 1e6 * ones, 0.15 * ones, 4.0 * ones,
                      np.zeros((1, 4)), demand, 3)  # fmt: skip
    found = link_criticality(problem, solve(problem, 1e-10, 100), [1, 2, 3], target_gap=1e-10)
    np.testing.assert_allclose(found.cut_off, [30.0, 0.0, 0.0])
    np.testing.assert_allclose(found.added_cost_h, [0.0, 50.0 * 3.0 / 60.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(found.added_time_h, [-30.0 * 3.0 / 60.0, 50.0 * 3.0 / 60.0, 0.0], atol=1e-9)
    assert found.rounds[2] == 0  # nobody uses it


def test_links_that_do_not_exist(falls: tuple[Problem, Solution]) -> None:
    for closures in ([76], [[]], [-1]):
        with pytest.raises(UsageError, match="cannot close"):
            link_criticality(*falls, closures)
