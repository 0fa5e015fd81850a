"""Scenarios simulated again with other parameters: the run's own bits, what is not computed twice, and bad points."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from twin.city.model import City, Weather
from twin.city.synthetic import generate_city
from twin.errors import StudyError
from twin.scenario.rerun import COLUMNS, rerun
from twin.scenario.runner import Plan, plan_run, run_study
from twin.scenario.schema import Study

PRICE, DEMAND, HEAT = "electricity.price_eur_kwh", "traffic.demand_factor", "energy.u_value_factor"


def study_of(city: City, measures: Sequence[str]) -> Study:
    """Return a study of a closed street and of measures on buildings, some of which shade their neighbours."""
    street = city.links.index[len(city.links) // 2]
    roof = city.buildings.index[7]
    return Study.model_validate(
        {
            "study": "again",
            "question": "What if?",
            "city": "small",
            "measures": {
                "street": [{"type": "close_links", "where": f"link_id == '{street}'"}],
                "roofs": [{"type": "pv_programme", "budget_eur": 2e5}],
                "taller": [{"type": "raise_buildings", "where": f"building_id == '{roof}'", "metres": 9.0}],
            },
            "scenarios": {"street": ["street"], "roofs": list(measures)},
            "baseline": {"parameters": {PRICE: 0.2}},
            "seed": 3,
        }
    )


@pytest.fixture(scope="module")
def city(plain_weather: Weather) -> City:
    return generate_city(100, seed=1, weather=plain_weather)


@pytest.fixture(scope="module")
def plan(city: City) -> Plan:
    return plan_run(study_of(city, ("taller",)), city)


def value(found: pd.DataFrame, point: int, scenario: str, quantity: str) -> float:
    rows = found.set_index(["point", "scenario", "quantity"])["value"]
    return float(rows[point, scenario, quantity])


def test_without_values_it_is_the_nominal_draw_of_the_run_bit_for_bit(city: City, tmp_path: Path) -> None:
    plan = plan_run(study_of(city, ("roofs", "taller")), city)  # roofs are chosen by simulation
    run = run_study(plan, tmp_path)
    seen: list[tuple[str, int, int]] = []
    found = rerun(plan, [{}, {PRICE: 0.2}], progress=lambda *step: seen.append(step))
    assert list(found.columns) == COLUMNS
    draws = run.draws()
    expected = draws[draws["draw"] == 0].set_index(["scenario", "quantity"])["value"].sort_index()
    assert expected["roofs", "neighbour_irradiation_loss_kwh_a"] != 0.0
    for point in (0, 1):
        again = found[found["point"] == point].set_index(["scenario", "quantity"])["value"].sort_index()
        pd.testing.assert_series_equal(again, expected, check_exact=True)
    assert seen[0][1:] == (0, 6)
    assert seen[-1][1:] == (6, 6)
    assert [step[1] for step in seen] == sorted(step[1] for step in seen)


def test_what_a_domain_does_not_read_is_not_computed_again(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    from twin.energy import model as energy
    from twin.solar import model as solar
    from twin.traffic import model as traffic

    calls: list[str] = []
    for module, name in ((energy, "energy"), (solar, "solar"), (traffic, "traffic")):

        def counted(real: Any, name: str, *args: Any, **options: Any) -> Any:
            calls.append(name)
            return real(*args, **options)

        monkeypatch.setattr(module, f"simulate_{name}", partial(counted, getattr(module, f"simulate_{name}"), name))
    points: list[dict[str, float]] = [
        {}, {PRICE: 0.1}, {"lifecycle.discount_rate": 0.05}, {DEMAND: 1.1}, {DEMAND: 1.1, HEAT: 1.1},
        {DEMAND: 1.1, HEAT: 1.1, PRICE: 0.3},
    ]  # fmt: skip
    made: list[dict[str, int]] = [{} for _ in points]

    def watch(label: str, done: int, total: int) -> None:
        if done % 3 == 0 and (done or label == "preparing"):
            made[done // 3 - 1] = {name: calls.count(name) for name in ("energy", "solar", "traffic") if done}
            calls.clear()

    rerun(plan, points, progress=watch)
    first, price, interest, demand, heat, both = made
    assert min(first.values()) > 0
    nothing = dict.fromkeys(first, 0)
    assert price == interest == both == nothing
    assert demand == nothing | {"traffic": first["traffic"]}
    assert heat == nothing | {"energy": first["energy"]}


POINTS: list[dict[str, float]] = [{PRICE: 0.1}, {DEMAND: 1.1}, {DEMAND: 1.1, HEAT: 1.1, PRICE: 0.1}]


@pytest.fixture(scope="module")
def found(plan: Plan) -> pd.DataFrame:
    return rerun(plan, POINTS)


def test_points_stand_for_themselves(plan: Plan, found: pd.DataFrame) -> None:
    alone = rerun(plan, POINTS[2:], scenarios=["street", "baseline"])
    assert list(alone["scenario"].unique()) == ["street", "baseline"]  # only those asked for, in that order
    for name in ("street", "baseline"):
        one, other = (
            frame[(frame["scenario"] == name) & (frame["point"] == point)].drop(columns="point").reset_index(drop=True)
            for frame, point in ((alone, 0), (found, 2))
        )
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert value(found, 2, "baseline", "heating_kwh_a") > value(found, 0, "baseline", "heating_kwh_a")
    assert value(found, 1, "street", "vehicle_km_day") > value(found, 0, "street", "vehicle_km_day")
    assert value(found, 1, "street", "energy_cost_eur_a") > value(found, 0, "street", "energy_cost_eur_a")


def test_no_points_are_no_rows(plan: Plan) -> None:
    assert list(rerun(plan, []).columns) == COLUMNS
    assert rerun(plan, []).empty


@pytest.mark.parametrize(
    ("point", "what"),
    [
        ({"traffic.nonsense": 1.0}, "unknown parameter"),
        ({"nonsense": 1.0}, "unknown parameter"),
        ({PRICE: 1e9}, "outside its range"),
        ({PRICE: float("nan")}, "expected: a finite number"),
        ({PRICE: float("inf")}, "expected: a finite number"),
    ],
)
def test_a_point_that_does_not_fit_stops_before_anything_runs(
    plan: Plan, point: dict[str, float], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twin.scenario.rerun.evaluate_applied", None)
    with pytest.raises(StudyError, match=what):
        rerun(plan, [{}, point])


def test_a_scenario_that_is_not_there(plan: Plan) -> None:
    with pytest.raises(StudyError, match=r"no scenario 'streets'(?s:.)*did you mean 'street'"):
        rerun(plan, [{}], scenarios=["streets"])
