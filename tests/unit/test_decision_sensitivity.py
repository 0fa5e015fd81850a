"""Ranking of parameters: closed forms of Ishigami's function, seeds, ties, files and what cannot be ranked."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from twin.decision.rebound import turning_elasticity
from twin.decision.sensitivity import (
    LEVELS,
    Design,
    _ranked,
    _values,
    design,
    differences,
    indices,
    read_sensitivity,
    sensitivity,
    uncertain_parameters,
    warned,
    write_sensitivity,
)
from twin.errors import MissingExtraError, RunError, StudyError
from twin.scenario.runner import plan_run
from twin.scenario.schema import Normal, Study, Triangular, Uniform

PATHS = ("energy.u_value_factor", "traffic.demand_factor", "traffic.value_of_time_eur_h")
METHODS = ("morris", "sobol")


@pytest.fixture(autouse=True)
def _salib() -> None:
    pytest.importorskip("SALib", reason="the extra 'sensitivity' is not installed")


def ishigami(unit: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y, z = (np.pi * (2.0 * unit - 1.0)).T
    return np.asarray(np.sin(x) + 7.0 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x))


def test_sobol_indices_of_ishigamis_function() -> None:
    """Closed form with a = 7, b = 0.1 (Ishigami and Homma 1990, doi 10.1109/ISUMA.1990.151285)."""
    points = design("sobol", PATHS, 4096, seed=1)
    found = indices(points, ishigami(points.unit))
    b, p4 = 0.1, np.pi**4
    parts = np.array([0.5 * (1.0 + b * p4 / 5.0) ** 2, 49.0 / 8.0, 0.0])
    joint = b**2 * p4**2 * (1.0 / 18.0 - 1.0 / 50.0)
    total = parts.sum() + joint
    np.testing.assert_allclose(found["first"], parts / total, atol=0.02)
    expected = (parts + joint * np.array([1.0, 0.0, 1.0])) / total
    np.testing.assert_allclose(found["influence"], expected, atol=0.02)
    assert (np.abs(found["influence"] - expected) <= 2.0 * found["confidence"]).all()


def test_morris_effects_of_ishigamis_function() -> None:
    """Against every elementary effect on the grid of levels, of which the trajectories are a sample."""
    points = design("morris", PATHS, 400, seed=1)
    found = indices(points, ishigami(points.unit))
    grid, step = np.linspace(0.0, 1.0, LEVELS), LEVELS / (2.0 * (LEVELS - 1.0))
    for i, path in enumerate(PATHS):
        low = np.array([u for u in itertools.product(grid, repeat=3) if u[i] + step <= 1.0 + 1e-9])
        high = low.copy()
        high[:, i] += step
        effects = (ishigami(high) - ishigami(low)) / step
        assert found.loc[path, "influence"] == pytest.approx(
            np.abs(effects).mean(), abs=2.0 * found["confidence"].max()
        )
        assert found.loc[path, "mean"] == pytest.approx(effects.mean(), abs=0.6)
        assert found.loc[path, "spread"] == pytest.approx(effects.std(), abs=0.6)


@pytest.mark.parametrize("method", METHODS)
def test_a_weighted_sum_is_ranked_by_its_weights(method) -> None:
    points = design(method, PATHS, 16, seed=3)
    rows = _ranked(points, points.unit @ np.array([1.0, -3.0, 0.0]), "total_co2_t_a", "green")
    assert list(rows["parameter"]) == [PATHS[1], PATHS[0], PATHS[2]]
    assert list(rows["rank"]) == [1, 2, 3]
    if method == "morris":
        np.testing.assert_allclose(rows["influence"], [3.0, 1.0, 0.0], atol=1e-12)
        np.testing.assert_allclose(rows["mean"], [-3.0, 1.0, 0.0], atol=1e-12)
        np.testing.assert_allclose(rows[["confidence", "spread"]], 0.0, atol=1e-12)
        assert not rows["tied"].any()
        assert set(rows["unit"]) == {"t/a"}
    else:
        np.testing.assert_allclose(rows["influence"], [0.9, 0.1, 0.0], atol=0.05)
        assert set(rows["unit"]) == {"share of variance"}
    assert _ranked(points, np.full(len(points.unit), 7.0), "total_co2_t_a", "green").empty


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_bits(method) -> None:
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - what others draw must not change
    one, other, third = (design(method, PATHS, 8, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.unit, other.unit)
    assert not np.array_equal(one.unit, third.unit)
    outputs = ishigami(one.unit)
    pd.testing.assert_frame_equal(indices(one, outputs), indices(other, outputs), check_exact=True)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_one_parameter_alone() -> None:
    for method in METHODS:
        points = design(method, PATHS[:1], 8, 0)  # type: ignore[arg-type]
        found = indices(points, 5.0 * points.unit[:, 0])
        assert found["influence"].iloc[0] == pytest.approx(5.0 if method == "morris" else 1.0, rel=0.15)


def test_ties_are_told() -> None:
    unit = np.zeros((4, 2))
    points = Design("morris", PATHS[:2], unit, 0)
    assert points.problem["num_vars"] == 2
    rng = np.random.default_rng(5)
    points = design("morris", PATHS, 10, 0)
    rows = _ranked(points, rng.normal(size=len(points.unit)), "total_co2_t_a", "green")
    assert rows["tied"].iloc[:2].all()
    assert not rows["tied"].iloc[2]  # nothing stands below the last


def test_points_lie_within_the_distributions_and_the_ranges() -> None:
    distributions = {
        PATHS[0]: Uniform(distribution="uniform", low=0.8, high=1.2),
        PATHS[1]: Normal(distribution="normal", mean=1.0, sd=50.0),
        PATHS[2]: Triangular(distribution="triangular", low=7.0, mode=10.0, high=15.0),
    }
    low = _values("morris", PATHS, np.zeros(3), distributions)
    high = _values("morris", PATHS, np.ones(3), distributions)
    assert low[PATHS[0]] == pytest.approx(0.82)
    assert high[PATHS[0]] == pytest.approx(1.18)
    assert low[PATHS[1]] >= 0.0  # kept within the range of the parameter
    assert all(np.isfinite(list(_values("sobol", PATHS, end, distributions).values())).all() for end in np.eye(3))
    assert 7.0 < low[PATHS[2]] < 10.0 < high[PATHS[2]] < 15.0


def test_what_stems_from_summing_is_no_difference() -> None:
    wide = pd.DataFrame({("baseline", "x"): [1e6, 1e6], ("green", "x"): [1e6 * (1.0 + 2e-16), 1e6 + 1.0]})
    np.testing.assert_array_equal(differences(wide, "green", "x"), [0.0, 1.0])


def test_warnings_of_some_points_are_told() -> None:
    found = pd.DataFrame({"point": [0, 1, 2]})
    assert warned(found) == []
    found.attrs["notes"] = [
        *((point, "street", "no way out") for point in range(3)),
        (1, "street", "morning: relative gap 1e-3"),
        (2, "street", "evening: relative gap 1e-2"),
    ]
    assert warned(found) == ["street: warnings at 2 of 3 points, for example: morning: relative gap 1e-3"]


def test_what_does_not_fit_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for method, number in (("morris", 3), ("morris", 5000), ("sobol", 4), ("sobol", 48)):
        with pytest.raises(StudyError, match="trajectories do not fit"):
            design(method, PATHS, number, 0)  # type: ignore[arg-type]
    empty = Study.model_validate({"study": "a", "question": "b", "city": "c", "scenarios": {"green": {"measures": []}}})
    with pytest.raises(StudyError, match="no uncertain parameters"):
        uncertain_parameters(empty)
    monkeypatch.setattr("twin.decision.sensitivity.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="SALib") as raised:
        design("morris", PATHS, 4, 0)
    assert "pip install -e '.[sensitivity]'" in str(raised.value)


@pytest.fixture
def fake_plan(monkeypatch: pytest.MonkeyPatch, small_city):
    """A study whose simulation is a formula."""
    study = Study.model_validate(
        {
            "study": "a",
            "question": "b",
            "city": "c",
            "measures": {"nothing": [{"type": "change_demand", "factor": 0.9}]},
            "scenarios": {"green": ["nothing"]},
            "uncertainty": {
                "draws": 2,
                "parameters": {path: {"distribution": "uniform", "low": 0.9, "high": 1.1} for path in PATHS[:2]},
            },
            "seed": 4,
        }
    )
    asked = []

    def simulated(plan, values, *, progress=None):
        asked.extend(values)
        rows = []
        for i, value in enumerate(values):
            a, b = value[PATHS[0]], value[PATHS[1]]
            effects = {"total_co2_t_a": -100.0 * a, "delay_veh_h_day": 10.0 * a * b, "car_share": 0.0}
            for quantity, effect in effects.items():
                rows += [(i, "baseline", quantity, 1000.0), (i, "green", quantity, 1000.0 + effect)]
        return pd.DataFrame(rows, columns=["point", "scenario", "quantity", "value"])

    monkeypatch.setattr("twin.decision.sensitivity.rerun", simulated)
    return plan_run(study, small_city), asked


@pytest.mark.parametrize("method", METHODS)
def test_differences_are_ranked_and_kept_in_the_run_folder(method, fake_plan, tmp_path: Path) -> None:
    plan, asked = fake_plan
    found = sensitivity(plan, method=method, trajectories=8)
    assert found.points == len(asked) == len({tuple(value.values()) for value in asked})  # none is simulated twice
    assert set(found.table["kpi"]) == {"total_co2_t_a", "delay_veh_h_day"}
    assert "Share of trips by car: no parameter moves the difference of any scenario" in found.notes
    co2 = found.table[found.table["kpi"] == "total_co2_t_a"].set_index("parameter")
    if method == "morris":
        assert co2.loc[PATHS[0], "influence"] == pytest.approx(100.0 * 0.2 * 0.9)  # across the middle 90 %
        assert co2.loc[PATHS[0], "mean"] < 0.0
    assert co2.loc[PATHS[1], "influence"] == pytest.approx(0.0, abs=1e-9)
    write_sensitivity(tmp_path, found)
    again = read_sensitivity(tmp_path)
    assert again is not None
    pd.testing.assert_frame_equal(again.table, found.table)
    assert again.as_data() == json.loads((tmp_path / "sensitivity.json").read_text(encoding="utf-8"))
    assert len(pd.read_csv(tmp_path / "sensitivity.csv")) == len(found.table)
    (tmp_path / "sensitivity.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RunError, match="cannot be read"):
        read_sensitivity(tmp_path)
    assert read_sensitivity(tmp_path / "elsewhere") is None


def test_only_the_kpis_asked_for(fake_plan) -> None:
    plan, _ = fake_plan
    found = sensitivity(plan, trajectories=4, kpis=["car_share", "car_share"])
    assert found.table.empty
    assert len(found.notes) == 1
    with pytest.raises(StudyError, match="unknown KPI"):
        sensitivity(plan, kpis=["car_shares"])


def test_the_elasticity_at_which_a_saving_turns(fake_plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from twin.decision import elasticity

    plan, _ = fake_plan
    slope = [0.0, 0.0]

    def simulated(plan, values, *, progress=None):
        rows = []
        for i, value in enumerate(values):
            rows += [(i, "baseline", elasticity.KPI, 1000.0)]
            rows += [(i, "green", elasticity.KPI, 1000.0 - slope[0] - slope[1] * value[elasticity.PARAMETER])]
        return pd.DataFrame(rows, columns=["point", "scenario", "quantity", "value"])

    monkeypatch.setattr(elasticity, "rerun", simulated)
    for slope[:], outcome, turn in (
        ((40.0, 50.0), elasticity.TURNS, -0.8),
        ((40.0, 10.0), elasticity.SAVES, None),
        ((-5.0, 10.0), elasticity.LOSES, None),
        ((0.0, 0.0), elasticity.NO_EFFECT, None),
    ):
        found = elasticity.elasticity_sweep(plan, [-1.0, -0.5, -0.0])
        assert list(found.table["elasticity"]) == [0.0, -0.5, -1.0]
        assert found.outcome == {"green": outcome}
        assert found.turning["green"] == (None if turn is None else pytest.approx(turn))
        if turn is not None:
            shares = found.table["rebound_share"].to_numpy()
            np.testing.assert_allclose(shares, [0.0, 25.0 / 40.0, 50.0 / 40.0])
            assert turning_elasticity(found.table["elasticity"], found.table["saving_t_a"]) == pytest.approx(turn)
        elasticity.write_elasticity(tmp_path, found)
        again = elasticity.read_elasticity(tmp_path)
        assert again is not None
        pd.testing.assert_frame_equal(again.table, found.table)
        assert (again.turning, again.outcome) == (found.turning, found.outcome)
