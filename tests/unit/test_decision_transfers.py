"""Smallest transfers, vetoes and the price of delay."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.decision.ledger import COST, OUTSIDE, SAVING, Line
from twin.decision.staging import Uptake
from twin.decision.transfers import price_of_delay, smallest_transfers, veto_test
from twin.errors import StudyError

NAMES = ["city", "homes", "region", "state", "utility"]
MONEY = st.integers(-100, 100).map(float)


@given(st.lists(MONEY, min_size=1, max_size=5), st.data())
@settings(max_examples=80, deadline=None)
def test_no_protected_actor_is_left_worse_off_and_nothing_is_wasted(money: list[float], data: st.DataObject) -> None:
    net = pd.Series(money, NAMES[: len(money)])
    guarded = data.draw(st.sets(st.sampled_from(list(net.index))))
    plan = smallest_transfers(net, guarded)
    deficit = -net[list(guarded)].clip(upper=0.0).sum()
    surplus = net.clip(lower=0.0).sum()
    # where everybody may pay everybody the optimum has a closed form
    assert plan.total == pytest.approx(min(deficit, surplus), abs=1e-6)
    assert plan.shortfall == pytest.approx(max(0.0, deficit - surplus), abs=1e-6)
    assert plan.after.sum() == pytest.approx(net.sum(), abs=1e-6)
    assert plan.sufficient == (deficit <= surplus)
    for name in net.index:
        floor = 0.0 if name in guarded and plan.sufficient else min(0.0, net[name])
        assert plan.after[name] >= floor - 1e-6
    if plan.sufficient and surplus > 0.0:  # givers part with the same share of what they have
        shares = 1.0 - plan.after[net > 0.0] / net[net > 0.0]
        np.testing.assert_allclose(shares, deficit / surplus, atol=1e-6)


@given(st.lists(st.integers(-3, 3).map(float), min_size=3, max_size=3), st.data())
@settings(max_examples=40, deadline=None)
def test_transfers_are_minimal_against_brute_force(money: list[float], data: st.DataObject) -> None:
    net = pd.Series(money, NAMES[:3])
    pairs = [(a, b) for a in net.index for b in net.index if a != b]
    legal = data.draw(st.sets(st.sampled_from(pairs), max_size=4))
    plan = smallest_transfers(net, allowed=lambda payer, gainer: (payer, gainer) in legal)
    ways = sorted(legal)
    ways = sorted(legal)
    move = np.array([[(name == b) * 1.0 - (name == a) for name in net.index] for a, b in ways]).reshape(-1, 3)
    amounts = np.array(list(product(range(4), repeat=len(ways))), float)
    after = net.to_numpy() + amounts @ move
    fine = (after >= np.minimum(net.to_numpy(), 0.0)).all(axis=1)
    # shortfall, then money moved: the optimum of a transport problem in whole numbers is whole
    best = min(zip(-np.minimum(after, 0.0).sum(axis=1)[fine], amounts.sum(axis=1)[fine], strict=True))
    assert (plan.shortfall, plan.total) == pytest.approx(best, abs=1e-6)
    assert {(a, b) for a, b in zip(plan.flows["payer"], plan.flows["gainer"], strict=True)} <= legal


@given(st.lists(MONEY, min_size=2, max_size=5), st.sampled_from([1e-6, 0.1, 7.3, 1e9]))
@settings(max_examples=40, deadline=None)
def test_currency_and_order_do_not_matter(money: list[float], factor: float) -> None:
    net = pd.Series(money, NAMES[: len(money)])
    plan, scaled = smallest_transfers(net), smallest_transfers(net * factor)
    assert scaled.total == pytest.approx(plan.total * factor, rel=1e-6, abs=1e-6 * factor)
    pd.testing.assert_frame_equal(smallest_transfers(net[::-1]).flows, plan.flows)


def test_money_passes_on_where_only_that_is_allowed() -> None:
    net = pd.Series({"state": 10.0, "city": 0.0, "homes": -4.0, OUTSIDE: -6.0})
    chain = {("state", "city"), ("city", "homes")}
    plan = smallest_transfers(net, allowed=lambda a, b: (a, b) in chain)
    assert plan.total == pytest.approx(8.0) and plan.sufficient and OUTSIDE not in plan.after.index
    barred = smallest_transfers(net, allowed=lambda a, b: (a, b) == ("state", "city"))
    assert barred.shortfall == pytest.approx(4.0) and barred.flows.empty and barred.after["homes"] == -4.0
    assert smallest_transfers(pd.Series({"a": 0.0, "b": 0.0})).total == 0.0
    assert smallest_transfers(pd.Series(dtype=float)).sufficient
    with pytest.raises(StudyError, match="no position"):
        smallest_transfers(net, ["mayor"])
    with pytest.raises(StudyError, match="not finite"):
        smallest_transfers(pd.Series({"a": np.nan}))


def test_vetoes_are_compensated_at_the_least_price() -> None:
    net = pd.DataFrame(
        {"city": [5.0, 5.0, 1.0], "utility": [2.0, -3.0, -3.0], "homes": [1.0, -9.0, 0.0]}, index=["a", "b", "c"]
    )
    table = veto_test(net, ["utility"]).set_index("scenario")
    assert list(table["outcome"]) == ["passes", "passes if compensated", "cannot be compensated"]
    assert list(table["compensation"]) == [0.0, 3.0, 3.0]
    assert list(table["paid_by"]) == ["", "city", "city"]
    both = veto_test(net, ["utility", "homes"])
    assert len(both) == 6 and both["outcome"].iloc[3] == "cannot be compensated"


def test_a_year_of_delay_costs_the_last_year_and_the_waiting() -> None:
    lines = [
        Line("build", "", COST, "city", OUTSIDE, 100.0, once=True, start=2027.0),
        Line("save", "", SAVING, OUTSIDE, "city", 30.0, start=2028.0),
    ]
    price = price_of_delay(lines, 2027, 10, 0.0)
    assert price["city"] == pytest.approx(30.0) and price.sum() == pytest.approx(0.0)
    rate = 0.05
    assert price_of_delay(lines, 2027, 10, rate)["city"] == pytest.approx(
        30.0 / 1.05
    )  # the first year's saving is lost
    waited = price_of_delay(lines, 2027, 10, rate, costs_wait=True)["city"]
    assert waited == pytest.approx(30.0 / 1.05 - 100.0 * (1.0 - 1.0 / 1.05))
    half = price_of_delay(lines, 2027, 10, 0.0, delay_years=0.5)["city"]
    assert half == pytest.approx(15.0)
    slow = [Line("save", "", SAVING, OUTSIDE, "city", 30.0, uptake=Uptake.linear(5.0))]
    assert price_of_delay(slow, 2027, 10, 0.0)["city"] == pytest.approx(30.0)
