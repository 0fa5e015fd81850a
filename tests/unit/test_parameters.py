from dataclasses import dataclass

import pytest

from twin.errors import StudyError
from twin.parameters import describe, parameter, with_values


@dataclass(frozen=True)
class Example:
    speed_kmh: float = parameter(5, unit="km/h", low=1, high=9, meaning="walking speed", source="assumption")


def test_describe_gives_path_unit_and_range():
    (info,) = describe("walk", Example)
    assert (info.path, info.default, info.unit, info.low, info.high) == ("walk.speed_kmh", 5.0, "km/h", 1, 9)


def test_values_replace_by_path():
    assert with_values("walk", Example(), {"walk.speed_kmh": 4}).speed_kmh == 4.0


@pytest.mark.parametrize("value", [0.5, 9.5, float("nan"), float("inf")])
def test_values_outside_the_range_are_refused(value):
    with pytest.raises(StudyError, match="outside its range"):
        with_values("walk", Example(), {"walk.speed_kmh": value})


def test_unknown_parameters_suggest_the_closest():
    with pytest.raises(StudyError, match=r"did you mean 'walk\.speed_kmh'"):
        with_values("walk", Example(), {"walk.speed": 4})
