"""Studies that stand on a calibration."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from twin.city.model import City
from twin.energy.parameters import EnergyParameters, Factors
from twin.errors import StudyError
from twin.scenario.calibrated import Calibrated, calibration_of
from twin.scenario.evaluate import simulate_buildings
from twin.scenario.memo import Memo
from twin.scenario.parameters import ModelParameters, model_parameters
from twin.scenario.study import load_study
from twin.solar.model import prepare_roofs

STUDY = """study: fitted
question: Does it stand?
city: helsinki-centre
calibration: meters-2023
scenarios:
  same: []
"""


class Doubled:
    """A posterior without scatter: U-values `times` as large in every member, as they are in the mean."""

    def __init__(self, times: float) -> None:
        self.times = times

    def parameters(self, parameters: EnergyParameters) -> EnergyParameters:
        return parameters

    def factors(self, city: City, member: int) -> Factors:
        neutral = Factors.neutral(len(city.buildings))
        return dataclasses.replace(neutral, u_value=np.full(len(city.buildings), self.times if member else 1.0))


@pytest.fixture(scope="module")
def parameters(tmp_path_factory: pytest.TempPathFactory) -> ModelParameters:
    path = tmp_path_factory.mktemp("study") / "study.yaml"
    path.write_text(STUDY.replace("calibration: meters-2023\n", ""), encoding="utf-8")
    return model_parameters(load_study(path), 0)


def test_draws_take_the_members_of_the_posterior(small_city: City, parameters: ModelParameters) -> None:
    roofs, memo = prepare_roofs(small_city), Memo()
    how = {"variant": "numba", "memo": memo}
    doubled, same = (Calibrated(Doubled(times), str(times)) for times in (2.0, 1.0))  # type: ignore[arg-type]
    heat = {
        (name, draw): simulate_buildings(small_city, parameters, roofs, 1, draw, calibrated=c, **how)[0][
            "heating_kwh_a"
        ]
        for name, c in (("none", None), ("same", same), ("doubled", doubled))
        for draw in (0, 1)
    }
    for draw in (0, 1):
        assert heat["same", draw].equals(heat["none", draw])
    assert heat["doubled", 0].equals(heat["none", 0]), "the mean of this posterior is the model itself"
    assert heat["doubled", 1].sum() > 1.3 * heat["none", 1].sum()


def test_a_calibration_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY, encoding="utf-8")
    with pytest.raises(StudyError, match="no calibration") as caught:
        calibration_of(load_study(path))
    assert caught.value.where == f"{path}:4:14"
    assert "twin calibrate" in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("uncertainty:\n  draws: 4\n  parameters:\n    energy.u_value_factor: {distribution: uniform, low: 0.9, "
         "high: 1.1}\n", "holds energy.u_value_factor already"),
        ("uncertainty:\n  draws: 4\n", None),
    ],
)  # fmt: skip
def test_what_the_calibration_holds_is_not_drawn_again(tmp_path: Path, text: str, said: str | None) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY + text, encoding="utf-8")
    if said is None:
        assert load_study(path).uncertainty.draws == 4
        path.write_text((STUDY + text).replace("calibration: meters-2023\n", ""), encoding="utf-8")
        said = "uncertainty has no parameters"
    with pytest.raises(StudyError) as caught:
        load_study(path)
    assert any(said in problem.what for problem in caught.value.problems)
