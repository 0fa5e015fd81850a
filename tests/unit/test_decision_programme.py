"""The shared programme of a canvas: splits that sum, present values, and who leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.decision.canvas import Canvas
from twin.decision.programme import SPLITS, Programme, programme
from twin.errors import StudyError

ACCOUNTS = {"first_year": 2026, "years": 10, "discount_rate": 0.03, "promoter": "big", "source": "assumption"}


def amount(value: float, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    ends = {"low": value if low is None else low, "high": value if high is None else high}
    return {"value": value, "unit": "EUR", "source": "assumption", "year": 2025, **ends}


def member(people: float, units: float, running: float = 0.0) -> dict[str, Any]:
    return {"label": f"City of {people:g}", "people": people, "units": units, "running_eur_a": running}


MEMBERS = {"big": member(600, 100), "mid": member(300, 40), "small": member(20, 2)}


def of(members: dict[str, Any], **keys: Any) -> Programme:
    stated = {"members": members, "development_eur": amount(90.0), "unit_eur": amount(10.0), **keys}
    found = programme(Canvas.model_validate({"shared_programme": stated, "accounts": ACCOUNTS}))
    assert found is not None
    return found


@st.composite
def some_members(draw: st.DrawFn) -> dict[str, Any]:
    names = ["a", "b", "c", "d"][: draw(st.integers(2, 4))]
    numbers = st.floats(1.0, 1e4)
    return {name: member(draw(numbers), draw(numbers), draw(st.floats(0.0, 1e4))) for name in names}


@given(some_members(), st.floats(0.0, 0.4))
@settings(max_examples=40, deadline=None)
def test_every_split_pays_for_the_whole_and_joining_saves(members: dict[str, Any], learning: float) -> None:
    found = of(members, learning_rate=learning)
    np.testing.assert_allclose(found.shares[list(SPLITS)].sum(), found.total, rtol=1e-6)
    assert found.saving >= 90.0 * (len(members) - 1) - 1e-6 * found.total  # developed once
    assert found.low == pytest.approx(found.total) and found.high == pytest.approx(found.total)
    for split in SPLITS:
        rows = found.leavers[found.leavers["split"] == split]
        assert found.stays[split] == rows.empty and rows["gain"].is_monotonic_decreasing
        assert (rows["gain"] > 0.0).all()
    # joining is never dearer, so a split that nobody leaves exists
    assert found.stays["stable"]


def test_a_small_city_would_leave_an_equal_split() -> None:
    found = of(MEMBERS)
    assert found.total == 90 + 1420 and found.shares["alone"].tolist() == [1090.0, 490.0, 110.0]
    assert found.saving == pytest.approx(180.0)
    assert found.shares["equal"].tolist() == pytest.approx([1510 / 3] * 3)
    first = found.leavers[found.leavers["split"] == "equal"].iloc[0]
    assert first["group"] == "mid, small" and first["gain"] == pytest.approx(2 * 1510 / 3 - 510)
    assert not found.stays["equal"] and found.stays["shapley"]
    assert found.labels["big"] == "City of 600"
    # each pays for its own units; the development is shared by all alike
    assert found.shares["shapley"].tolist() == pytest.approx([1030.0, 430.0, 50.0])


def test_running_costs_are_present_values_from_the_end_of_the_work() -> None:
    members = {"a": member(1, 1, 100.0), "b": member(1, 1, 0.0)}
    free = {"members": members, "development_eur": amount(0.0), "unit_eur": amount(0.0)}
    plain = {"shared_programme": free, "accounts": ACCOUNTS}
    found = programme(Canvas.model_validate(plain))
    annuity = (1 - 1.03**-10) / 0.03 * 1.03  # the first year is not discounted
    assert found is not None and found.total == pytest.approx(100 * annuity)
    late = programme(Canvas.model_validate(plain | {"key_activities": [{"text": "build", "months": 18}]}))
    years = np.array([0.0, 0.5, *[1.0] * 8]) * 1.03 ** -np.arange(10.0)
    assert late is not None and late.total == pytest.approx(100 * years.sum())


def test_the_range_is_that_of_both_unit_values() -> None:
    found = of(MEMBERS, development_eur=amount(90, 50, 200), unit_eur=amount(10, 9, 12))
    assert (found.low, found.total, found.high) == (50 + 9 * 142, 1510.0, 200 + 12 * 142)


def test_no_programme_and_no_accounts() -> None:
    assert programme(Canvas()) is None
    stated = {"members": MEMBERS, "development_eur": amount(90.0), "unit_eur": amount(10.0)}
    with pytest.raises(StudyError, match="no section `accounts`"):
        programme(Canvas.model_validate({"shared_programme": stated}))
