"""Self-consumption and batteries by hand, and bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from twin.errors import DataError
from twin.parameters import describe
from twin.solar.storage import StorageParameters, battery_curve, self_consumption

IDEAL = StorageParameters(round_trip_efficiency=1.0, battery_hours=1.0)


def one(demand: list[float], pv: list[float], capacity: float, parameters: StorageParameters = IDEAL) -> pd.Series:
    arrays = (np.array([a], np.float32) for a in (demand, pv))
    return self_consumption(pd.Index(["b"]), *arrays, np.array([capacity]), parameters).iloc[0]


def test_without_a_battery() -> None:
    row = one([1, 1, 2, 0], [0, 3, 1, 1], 0.0)
    assert row["used_kwh_a"] == 2.0
    assert row["exported_kwh_a"] == 3.0
    assert row["imported_kwh_a"] == 2.0
    assert row["self_consumption_share"] == pytest.approx(2 / 5)
    assert row["self_sufficiency_share"] == pytest.approx(2 / 4)


def test_a_battery_moves_noon_to_evening() -> None:
    """Of a surplus of 3 kWh 2 fit; the evening takes them back."""
    row = one([1, 0, 1, 2], [1, 3, 0, 0], 2.0)
    assert row["used_kwh_a"] == 3.0
    assert row["exported_kwh_a"] == 1.0
    assert row["imported_kwh_a"] == 1.0


def test_losses_and_power() -> None:
    """4 kWh of capacity over 2 h is 2 kW; of 2 kWh in, half of a round trip of 0.25 stays, half of that comes out."""
    row = one([0, 5], [4, 0], 4.0, StorageParameters(round_trip_efficiency=0.25 + 0.05, battery_hours=2.0))
    assert row["exported_kwh_a"] == pytest.approx(2.0)
    assert row["used_kwh_a"] == pytest.approx(2.0 * 0.30)
    assert row["battery_loss_kwh_a"] == pytest.approx(2.0 * 0.70)


def test_curve_rises_and_levels_off() -> None:
    demand, pv = np.tile([1.0, 0.0], 12).astype(np.float32), np.tile([0.0, 2.0], 12).astype(np.float32)
    curve = battery_curve(demand, pv, np.array([0.0, 0.5, 1.0, 5.0]), IDEAL)
    assert curve["self_sufficiency_share"].tolist() == pytest.approx([0.0, 5.5 / 12, 11 / 12, 11 / 12])
    assert curve.index.name == "capacity_kwh"


def test_nothing_to_share() -> None:
    row = one([0, 0], [0, 0], 1.0)
    assert row["self_consumption_share"] == row["self_sufficiency_share"] == 0.0


@pytest.mark.parametrize(("demand", "pv", "capacity"), [([-1], [0], 0.0), ([1], [np.nan], 0.0), ([1], [1], -1.0)])
def test_bad_input_is_named(demand: list[float], pv: list[float], capacity: float) -> None:
    with pytest.raises(DataError, match="of b is negative or not a number"):
        one(demand, pv, capacity)


def test_arrays_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="do not fit"):
        one([1, 1], [1], 0.0)


def test_every_parameter_has_a_source() -> None:
    for info in describe("storage", StorageParameters):
        assert info.source and info.meaning and info.low <= info.default <= info.high
