"""Money checked by hand and against numpy-financial, and the coverage of the interval of a pilot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.figures import Recorder
from twin.decision import finance
from twin.decision.canvas import Canvas
from twin.decision.canvas_lines import ledger_lines
from twin.decision.ledger import (
    COST,
    DIRECT,
    OUTSIDE,
    OWN,
    REVENUE,
    TRANSFER,
    Line,
    build,
    business_cases,
    positions,
    present_positions,
)
from twin.decision.pilot import CONFIDENCE, Ratio, likeness, ratio, scale_up
from twin.decision.programme import SPLITS, programme
from twin.decision.sharing import SharedCosts, group_costs, shapley_split

FIRST, RATE = 2026, 0.03
HALF = 650_000.0
REFERENCE = "City Model Canvas: a programme of a city and a region, shared 50/50"
NO_KPIS = pd.DataFrame(columns=["scenario", "kpi", "difference", "low", "high", "verdict"])


def money(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "EUR", "source": "worked example", "year": 2025, "low": value, "high": value}


def canvas(shares: dict[str, float], cost: float, **more: Any) -> Canvas:
    line = {"id": "works", "text": "works", "kind": "capex", "amount": money(cost), "shares": shares}
    accounts = {"first_year": FIRST, "years": 10, "discount_rate": RATE, "promoter": "city", "source": "example"}
    actors = {name: {"label": name.title()} for name in shares}
    return Canvas.model_validate({"budget_costs": [line], "actors": actors, "accounts": accounts} | more)


def test_a_programme_shared_in_halves(figure: Recorder) -> None:
    """As a cost line of the canvas with shares, and as a shared programme under every split: the same."""
    stated = canvas({"city": 0.5, "region": 0.5}, 2 * HALF)
    lines, notes = ledger_lines(stated, "s", NO_KPIS, [], FIRST)
    ledger = build(lines, FIRST, 10)
    net = present_positions(ledger, RATE)
    assert notes == [] and positions(ledger).sum(axis=0).abs().max() == 0.0
    paid = [-net["city"], -net["region"]]
    half = {"people": 1e5, "units": 1, "running_eur_a": 0.0}
    shared = {
        "members": {"city": {"label": "City"} | half, "region": {"label": "Region"} | half},
        "development_eur": money(1_000_000.0), "unit_eur": money(150_000.0),
    }  # fmt: skip
    found = programme(canvas({"city": 0.5, "region": 0.5}, 2 * HALF, shared_programme=shared))
    assert found is not None and found.total == 2 * HALF
    splits = found.shares[list(SPLITS)].to_numpy().ravel()
    figure.check("Ledger: programme of 1.3 M€ in halves", [*paid, *splits], HALF, 1e-6, "EUR", REFERENCE)


def test_a_company_with_five_percent_of_its_own_money(figure: Recorder) -> None:
    """2 M€ of works; 95 % are paid by others. By hand: 10 years of 15,000 € on 100,000 € of its own at 3 %."""
    stated = canvas({"funder": 0.95, "company": 0.05}, 2e6)
    lines, _ = ledger_lines(stated, "s", NO_KPIS, [], FIRST)
    net = present_positions(build(lines, FIRST, 10), RATE)
    by_hand = "by hand: 95 % external and 5 % own money of 2 M€"
    figure.check("Ledger: company funded 95/5, external", -net["funder"], 1.9e6, 1e-6, "EUR", by_hand)
    figure.check("Ledger: company funded 95/5, own", -net["company"], 1e5, 1e-6, "EUR", by_hand)
    # the same as a grant: the company pays all and is granted 95 %, then earns
    flows = [
        Line("works", "works", COST, "company", OUTSIDE, 2e6, once=True),
        Line("grant", "grant", TRANSFER, "funder", "company", 1.9e6, once=True),
        Line("fees", "fees", REVENUE, "homes", "company", 15_000.0),
    ]
    case = business_cases(build(flows, FIRST, 10), RATE, "company").loc[DIRECT]
    annuity = (1.0 - 1.03**-10) / 0.03 * 1.03
    figure.check(
        "Ledger: company funded 95/5, net present value", case["npv"], 15_000 * annuity - 1e5, 1e-6, "EUR",
        "closed form of the annuity; the first year is not discounted",
    )  # fmt: skip


def test_business_cases_against_numpy_financial(figure: Recorder) -> None:
    """Net present value and rate of return of ledgers: random lines, and one by hand."""
    oracle = pytest.importorskip("numpy_financial")
    ours, truth, rates, known = [], [], [], []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        lines = [
            Line("works", "works", COST, "city", OUTSIDE, rng.uniform(1e5, 1e6), once=True),
            Line("running", "running", COST, "city", OUTSIDE, rng.uniform(0.0, 2e3)),
            Line("fees", "fees", REVENUE, "homes", "city", rng.uniform(1e4, 2e5), start=FIRST + rng.uniform(1.0, 4.0)),
        ]
        rate, ledger = rng.uniform(0.0, 0.1), build(lines, FIRST, 25)
        case = business_cases(ledger, rate, "city").loc[OWN]
        cash = positions(ledger).loc["city"].to_numpy()
        ours.append(case["npv"])
        truth.append(float(oracle.npv(rate, cash)))
        rates.append(case["irr"])
        known.append(float(oracle.irr(cash)))
    source = "numpy-financial 1.0, 50 ledgers of 25 years"
    figure.check("Ledger: net present value", ours, truth, 1e-6, "EUR", source)
    figure.check("Ledger: internal rate of return", rates, known, 1e-8, "-", source)
    textbook = np.array([-100.0, 39.0, 59.0, 55.0, 20.0])
    figure.check("Rate of return of the example of numpy-financial", finance.irr(textbook), 0.28095, 5e-6, "-",
                 "documentation of numpy_financial.irr")  # fmt: skip


def test_shapley_of_development_once(figure: Recorder) -> None:
    """Without learning, each city pays its own units and an equal part of what is developed once."""
    units = {"a": 100.0, "b": 40.0, "c": 2.0}
    cost = group_costs(SharedCosts(90.0, 10.0, units, dict.fromkeys(units, 0.0)))
    expected = [10.0 * n + 30.0 for n in units.values()]
    figure.check(
        "Shapley value: developed once, own units", shapley_split(cost), expected, 1e-9, "EUR",
        "by hand: Shapley 1953, symmetry and dummy",
    )  # fmt: skip


def test_the_interval_of_a_pilot_covers_the_truth(figure: Recorder) -> None:
    """A synthetic city of 5,000 buildings: sizes are lognormal, the measure suits seven in ten, effects vary."""
    held = []
    for seed in range(2000):
        rng = np.random.default_rng(seed)
        floor = rng.lognormal(7.0, 0.8, 5000)
        change = -30.0 * floor * rng.gamma(4.0, 0.25, 5000) * (rng.uniform(size=5000) < 0.7)
        drift = 0.2 * floor * rng.normal(size=5000)
        order = rng.permutation(5000)
        pilot, control = order[:100], order[100:300]
        found = scale_up(ratio((change + drift)[pilot], floor[pilot]), ratio(drift[control], floor[control]), floor)
        held.append(found.low <= change.sum() <= found.high)
    figure.check(
        "Smart zone: coverage of the 90 % interval, pilot drawn at random", np.mean(held), CONFIDENCE, 0.02, "-",
        "nominal, 2000 synthetic pilots of 100 buildings",
    )  # fmt: skip


@pytest.mark.parametrize("alike", [0.2, 0.5])
def test_the_interval_of_a_compact_pilot_covers_the_truth(figure: Recorder, alike: float) -> None:
    """Cities of 50 by 50 houses, pilots of 7 by 7; areas of 5 by 5 have a part of the variance in common.

    Baseline and effect per floor area are patchy alike, but not in the same places.
    """
    side, size = 50, 7
    points = np.stack([a.ravel() for a in np.meshgrid(np.arange(side), np.arange(side))], 1).astype(float)
    held, by_chance = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        patches = rng.normal(size=(2, side // 5, side // 5)).repeat(5, 1).repeat(5, 2).reshape(2, -1)
        need, effect = np.exp(0.5 * (np.sqrt(alike) * patches + np.sqrt(1.0 - alike) * rng.normal(size=(2, side**2))))
        floor = rng.lognormal(7.0, 0.5, side**2)
        change = -30.0 * floor * effect
        corner = rng.integers(0, side - size + 1, 2)
        pilot = ((points[:, ::-1] >= corner) & (points[:, ::-1] < corner + size)).all(axis=1)
        plain = ratio(change[pilot], floor[pilot])
        wary = replace(plain, variance=plain.variance * likeness(120.0 * floor * need, floor, points, plain.n))
        for one, into in ((wary, held), (plain, by_chance)):
            found = scale_up(one, Ratio(0.0, 0.0, 2), floor)
            into.append(found.low <= change.sum() <= found.high)
    assert np.mean(by_chance) < 0.7  # what it would hold if the pilot were taken for a random sample
    figure.check(
        "Smart zone: coverage of the 90 % interval, compact pilot", np.mean(held), CONFIDENCE, 0.06, "-",
        "nominal, 200 synthetic cities of alike neighbours",
    )  # fmt: skip
