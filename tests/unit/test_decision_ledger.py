"""The ledger: double entry, closed forms of NPV and IRR, staging, business cases and valuation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.decision import finance
from twin.decision.ledger import (
    CASES,
    COST,
    DIRECT,
    KINDS,
    OUTSIDE,
    OWN,
    PUBLIC,
    REVENUE,
    SAVING,
    TRANSFER,
    Line,
    build,
    business_cases,
    matrix,
    npv_by_draw,
    pockets,
    positions,
    present_positions,
    shared,
)
from twin.decision.staging import AT_ONCE, Task, Uptake, in_service, installed, schedule
from twin.decision.valuation import amounts_by_draw, gain_range, payment_lines
from twin.errors import StudyError

PARTIES = ["city", "region", "utility", "homes", OUTSIDE]
CURVES = [AT_ONCE, Uptake.linear(4.0), Uptake.s_curve(6.0, 0.8), Uptake((0.0, 2.5), (0.3, 0.9))]
FIRST, YEARS = 2027, 12


@st.composite
def some_lines(draw: st.DrawFn) -> list[Line]:
    lines = []
    for k in range(draw(st.integers(1, 8))):
        payer, gainer = draw(st.permutations(PARTIES))[:2]
        lines.append(
            Line(
                id=str(k),
                what="x",
                kind=draw(st.sampled_from(KINDS)),
                payer=payer,
                gainer=gainer,
                amount=draw(st.floats(-1e6, 1e6).map(lambda x: round(x, 3))),
                once=draw(st.booleans()),
                start=draw(st.none() | st.floats(2025.0, 2035.0)),
                life_years=draw(st.sampled_from([3.0, 8.5, np.inf])),
                uptake=draw(st.sampled_from(CURVES)),
            )
        )
    return lines


@given(some_lines())
@settings(max_examples=60, deadline=None)
def test_every_flow_and_every_year_balances(lines: list[Line]) -> None:
    ledger = build(lines, FIRST, YEARS)
    per_flow = ledger.entries().groupby(["line", "year"])["amount"].agg(["sum", "count"])
    assert (per_flow["sum"] == 0.0).all() and (per_flow["count"] == 2).all()  # to the bit
    net = positions(ledger)
    moved = np.abs(ledger.amounts).sum()
    np.testing.assert_allclose(net.sum(axis=0), 0.0, atol=1e-12 * moved)
    by_hand = ledger.entries().groupby(["actor", "year"])["amount"].sum()
    for (actor, year), amount in by_hand.items():
        assert net.loc[actor, year] == pytest.approx(amount, abs=1e-9 * moved)


@given(some_lines(), st.floats(0.1, 1e3), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_currency_and_order_do_not_matter(lines: list[Line], factor: float, random: Any) -> None:
    base = build(lines, FIRST, YEARS)
    scaled = build([replace(line, amount=line.amount * factor) for line in lines], FIRST, YEARS)
    shuffled = list(lines)
    random.shuffle(shuffled)
    tolerance = 1e-11 * max(np.abs(base.amounts).sum(), 1.0)
    before = present_positions(base, 0.03)
    np.testing.assert_allclose(present_positions(scaled, 0.03), before * factor, atol=tolerance * factor)
    np.testing.assert_allclose(present_positions(build(shuffled, FIRST, YEARS), 0.03), before, atol=tolerance)
    one, other = (business_cases(x, 0.03, "city", ["region"]) for x in (base, scaled))
    np.testing.assert_allclose(other["npv"], one["npv"] * factor, atol=tolerance * factor)


@given(some_lines())
@settings(max_examples=40, deadline=None)
def test_an_actor_with_two_roles_is_netted_once(lines: list[Line]) -> None:
    ledger = build(lines, FIRST, YEARS)
    actors = {"region": "city"}
    joined, apart = positions(ledger, actors), positions(ledger)
    both = apart.reindex(["city", "region"]).fillna(0.0).sum()
    assert "region" not in joined.index
    if "city" in joined.index:
        np.testing.assert_allclose(joined.loc["city"], both, atol=1e-9 * np.abs(ledger.amounts).sum())
    flows = matrix(ledger, 0.03, actors)
    assert not {"region"} & (set(flows.index) | set(flows.columns))
    for name in set(flows.index) & set(flows.columns):
        assert flows.loc[name, name] == 0.0  # what an actor pays itself is no flow


def test_a_joint_programme_of_two_halves() -> None:
    programme = Line("programme", "joint programme", COST, "", OUTSIDE, 1_300_000.0, once=True)
    lines = shared(programme, {"city": 0.5, "region": 0.5})
    net = present_positions(build(lines, FIRST, 5), 0.04)
    assert net["city"] == net["region"] == -650_000.0 and net[OUTSIDE] == 1_300_000.0
    company = shared(replace(programme, id="company", amount=2_000_000.0), {"region": 0.95, "city": 0.05})
    net = present_positions(build(company, FIRST, 5), 0.04)
    assert net["region"] == pytest.approx(-1_900_000.0) and net["city"] == pytest.approx(-100_000.0)
    for shares in ({"city": 0.5, "region": 0.4}, {"city": 1.5, "region": -0.5}, {"city": float("nan")}):
        with pytest.raises(StudyError, match="cost shares"):
            shared(programme, shares)


@given(st.floats(0.001, 0.5), st.integers(1, 40), st.floats(1.0, 1e7))
@settings(max_examples=60, deadline=None)
def test_annuities_have_closed_forms(rate: float, years: int, payment: float) -> None:
    factor = (1.0 - (1.0 + rate) ** -years) / rate
    cash = np.concatenate([[-payment * factor], np.full(years, payment)])
    assert finance.npv(rate, cash) == pytest.approx(0.0, abs=1e-9 * payment * factor)
    assert finance.irr(cash) == pytest.approx(rate, rel=1e-9)
    assert finance.irr(3.7 * cash) == pytest.approx(finance.irr(cash), rel=1e-12)
    assert finance.payback_years(cash) == pytest.approx(factor, rel=1e-9)  # it earns `payment` a year
    lower = finance.break_even(rate * 0.9, cash, 2030)
    assert lower is not None and 2030 + factor <= lower <= 2030 + years
    assert finance.break_even(rate * 1.1 + 1e-6, cash, 2030) is None


def test_rates_of_return_that_do_not_exist_are_not_given() -> None:
    assert np.isnan(finance.irr(np.array([-1.0, -1.0])))
    assert np.isnan(finance.irr(np.zeros(3)))
    assert np.isnan(finance.irr(np.array([-100.0, 230.0, -132.0])))  # 10 % and 20 %
    assert finance.irr(np.array([-100.0, 39.0, 59.0, 55.0, 20.0])) == pytest.approx(0.2809484, abs=1e-7)
    assert finance.irr(np.array([-100.0, 10.0])) == pytest.approx(-0.9)
    assert finance.payback_years(np.array([5.0, 1.0])) == 0.0
    assert np.isnan(finance.payback_years(np.array([-5.0, 1.0])))
    assert finance.payback_years(np.array([-5.0, 6.0, -2.0, 2.0])) == pytest.approx(2.5)  # the last time, not the first
    with pytest.raises(StudyError, match="discount rate"):
        finance.npv(-1.0, np.ones(2))


@given(st.lists(st.floats(-1e5, 1e5).map(lambda x: round(x, 2)), min_size=2, max_size=30), st.floats(-0.2, 0.4))
@settings(max_examples=60, deadline=None)
def test_numpy_financial_agrees(cash: list[float], rate: float) -> None:
    oracle = pytest.importorskip("numpy_financial")
    flows = np.array(cash)
    scale = np.abs(flows).sum() * max(1.0, (1.0 + rate) ** -len(cash))
    assert finance.npv(rate, flows) == pytest.approx(float(oracle.npv(rate, flows)), abs=1e-10 * scale)
    project = np.append(-np.abs(flows[:1]) - 1.0, np.abs(flows[1:]) + 1.0)
    assert finance.irr(project) == pytest.approx(float(oracle.irr(project)), rel=1e-7, abs=1e-7)


@given(st.sampled_from(CURVES), st.floats(2020.0, 2034.0), st.sampled_from([2.0, 7.3, np.inf]))
@settings(max_examples=60, deadline=None)
def test_service_is_the_mean_of_the_uptake(uptake: Uptake, start: float, life: float) -> None:
    years = np.arange(2022.0, 2042.0)
    found = in_service(np.array([start]), years, uptake, np.array([life]))[0]
    fine = (np.arange(4000) + 0.5) / 4000
    for year, share in zip(years[::3], found[::3], strict=True):
        since = year + fine - start
        expected = uptake.share(since) - (uptake.share(since - life) if np.isfinite(life) else 0.0)
        assert share == pytest.approx(expected.mean(), abs=5e-4)
    assert found.min() > -1e-9 and found.max() < 1.0 + 1e-9
    paid = installed(np.array([start]), np.arange(2015.0, 2050.0), uptake)[0]
    assert paid.sum() == pytest.approx(uptake.shares[-1], abs=1e-12) and paid.min() >= 0.0


def test_a_cost_at_the_turn_of_a_year_is_of_the_year_that_begins() -> None:
    paid = installed(np.array([2030.0, 2030.4]), np.arange(2028.0, 2033.0), AT_ONCE)
    np.testing.assert_array_equal(paid, [[0, 0, 1, 0, 0]] * 2)
    served = in_service(np.array([2030.0, 2030.5]), np.arange(2028.0, 2033.0), AT_ONCE, np.array([2.0, np.inf]))
    np.testing.assert_allclose(served, [[0, 0, 1, 1, 0], [0, 0, 0.5, 1, 1]])
    for years, shares in (((1.0,), (1.0,)), ((0.0, 0.0), (0.0, 1.0)), ((0.0,), (1.5,)), ((), ())):
        with pytest.raises(StudyError, match="uptake"):
            Uptake(years, shares)


def test_tasks_wait_for_one_another() -> None:
    tasks = [Task("build", 1.5, ("permit", "tender")), Task("permit", 1.0), Task("tender", 0.25), Task("train", 0.5)]
    plan = schedule(tasks, 2027.0)
    assert list(plan.index) == ["build", "permit", "tender", "train"]
    assert plan.loc["build", "start"] == 2028.0 and plan.loc["build", "end"] == 2029.5
    assert list(plan["critical"]) == [True, True, False, False]
    for bad, message in (
        ([Task("a", 1.0, ("b",)), Task("b", 1.0, ("a",))], "wait for one another"),
        ([Task("a", 1.0, ("c",))], "no task"),
        ([Task("a", 1.0), Task("a", 2.0)], "two tasks"),
        ([Task("a", -1.0)], "takes -1"),
    ):
        with pytest.raises(StudyError, match=message):
            schedule(bad, 2027.0)
    assert schedule([], 2027.0).empty


def _programme() -> list[Line]:
    return [
        Line("build", "works", COST, "city", OUTSIDE, 1000.0, once=True),
        Line("grant", "grant", TRANSFER, "state", "city", 400.0, once=True),
        Line("fee", "fees", REVENUE, "homes", "city", 50.0),
        Line("own", "own bills", SAVING, OUTSIDE, "city", 60.0),
        Line("health", "fewer accidents", SAVING, OUTSIDE, "state", 90.0),
        Line("bills", "energy bills", SAVING, OUTSIDE, "homes", 120.0),
    ]


def test_three_business_cases_by_hand() -> None:
    cases = business_cases(build(_programme(), FIRST, 10), 0.0, "city", ["state"])
    assert list(cases.index) == list(CASES)
    assert cases.loc[DIRECT, "npv"] == pytest.approx(-1000 + 400 + 500)
    assert cases.loc[OWN, "npv"] == pytest.approx(-1000 + 400 + 500 + 600)
    # the grant cancels within the public account; its fees and savings stand against the whole cost
    assert cases.loc[PUBLIC, "npv"] == pytest.approx(-1000 + 500 + 600 + 900)
    assert cases.loc[PUBLIC, "paid"] == 1000.0 and cases.loc[PUBLIC, "received"] == 2000.0
    # 600 net after the first year's 110 in the same year: 490 owed, 110 a year
    assert cases.loc[OWN, "payback_years"] == pytest.approx(490 / 110)
    assert cases.loc[OWN, "break_even_year"] == FIRST + 5
    assert np.isnan(cases.loc[DIRECT, "irr"]) or cases.loc[DIRECT, "irr"] < 0.0


def test_wrong_pockets_by_hand() -> None:
    found = pockets(build(_programme(), FIRST, 10), 0.0)
    table = found.by_actor
    assert OUTSIDE not in table.index
    assert table.loc["city"].tolist() == [600.0, 1100.0, 500.0]
    assert table.loc["state"].tolist() == [400.0, 900.0, 500.0]
    assert table.loc["homes"].tolist() == [0.0, 700.0, 700.0]
    assert found.wrong_share == pytest.approx(700 / 2700)
    assert found.mismatch == pytest.approx(1 - (0.4 + 900 / 2700) if 1100 / 2700 > 0.6 else 1 - (1100 + 900) / 2700)
    alone = pockets(build([Line("a", "", COST, "city", OUTSIDE, 5.0)], FIRST, 3), 0.0)
    assert np.isnan(alone.wrong_share)


def test_lines_that_cannot_be_booked_are_refused() -> None:
    good = Line("a", "x", COST, "city", OUTSIDE, 1.0)
    for bad, message in (
        ([good, good], "two ledger lines"),
        ([replace(good, kind="coost")], "did you mean 'cost'"),
        ([replace(good, gainer="city")], "two different parties"),
        ([replace(good, amount=float("nan"))], "cannot be used"),
        ([replace(good, start=float("inf"))], "cannot be used"),
        ([replace(good, life_years=0.0)], "cannot be used"),
    ):
        with pytest.raises(StudyError, match=message):
            build(bad, FIRST, 3)
    assert positions(build([], FIRST, 3)).empty


def test_the_worth_of_a_difference_has_a_range() -> None:
    known = {"difference": -100.0, "low": -120.0, "high": -80.0}
    assert gain_range(known, -1.0, [40.0, 100.0]) == (80 * 40.0, 120 * 100.0)
    assert gain_range({"difference": -0.5, "low": -2.0, "high": 1.0}, -1.0, [1000.0, 1000.0]) == (-1000.0, 2000.0)
    bare = {"difference": 7.0, "low": np.nan, "high": np.nan}
    assert gain_range(bare, -1.0, [40.0, 100.0]) == (-700.0, -280.0)


def test_net_present_values_by_draw_are_paired() -> None:
    rng = np.random.default_rng(5)
    base, change = rng.normal(1000.0, 50.0, 8), rng.normal(-100.0, 9.0, 8)
    draws = pd.DataFrame(
        [
            (scenario, draw, "total_co2_t_a", base[draw] + (change[draw] if scenario == "s" else 0.0))
            for scenario in ("baseline", "s")
            for draw in range(8)
        ],
        columns=["scenario", "draw", "quantity", "value"],
    ).sample(frac=1.0, random_state=1)
    lines = [Line("co2", "CO2", SAVING, OUTSIDE, "city", 5000.0, kpi="total_co2_t_a", per_unit=-50.0)]
    lines.append(Line("build", "works", COST, "city", OUTSIDE, 7000.0, once=True))
    ledger = build(lines, FIRST, 10)
    found = npv_by_draw(ledger, amounts_by_draw(ledger.lines, draws, "s"), 0.03, "city")
    for row, draw in enumerate(range(1, 8)):
        one = build([replace(lines[0], amount=-50.0 * change[draw]), lines[1]], FIRST, 10)
        expected = business_cases(one, 0.03, "city")["npv"]
        np.testing.assert_allclose(found.iloc[row], expected, rtol=1e-9)
    halves = build([*shared(lines[0], {"a": 0.5, "b": 0.5}), lines[1]], FIRST, 10)
    by_draw = amounts_by_draw(halves.lines, draws, "s")
    np.testing.assert_allclose(by_draw[:, 0] + by_draw[:, 1], -50.0 * change[1:])
    for bad in (replace(lines[0], per_unit=float("nan")), replace(lines[0], kpi="injuries_a")):
        with pytest.raises(StudyError, match="has no"):
            amounts_by_draw(build([bad], FIRST, 10).lines, draws, "s")


def test_payments_of_measures_become_costs() -> None:
    rows = [
        {"payer": "owners of homes", "what": "PV", "eur": 300.0, "eur_a": 2.0},
        {"payer": "energy company", "what": "connection", "eur": -20.0, "eur_a": 0.0},
    ]
    lines = payment_lines(rows)
    assert [line.amount for line in lines] == [300.0, 2.0, -20.0]
    net = present_positions(build(lines, FIRST, 5), 0.0)
    assert net["owners of homes"] == -310.0 and net["energy company"] == 20.0 and net[OUTSIDE] == 290.0


def test_a_line_for_every_building_of_a_large_city_takes_seconds() -> None:
    lines = [Line(str(k), "pv", SAVING, OUTSIDE, f"zone-{k % 500}", 1.0 + k % 7) for k in range(20_000)]
    net = positions(build(lines, FIRST, 25))
    assert net.shape == (501, 25)
    assert net.loc[OUTSIDE].iloc[0] == pytest.approx(-sum(line.amount for line in lines))


def test_shares_of_few_digits_pay_the_whole() -> None:
    line = Line("a", "thirds", COST, "x", "y", 3.0)
    assert [part.amount for part in shared(line, dict.fromkeys("abc", 0.3333333))] == pytest.approx([1.0, 1.0, 1.0])
