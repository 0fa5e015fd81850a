"""Ledger lines of a canvas: amounts by hand, when they start, who pays, and what is not counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decision_canvas_fixture import CANVAS
from hypothesis import given, settings
from hypothesis import strategies as st
from report_fixture import FakeRun, make_run

from twin.city.model import City
from twin.city.yaml import parse_yaml
from twin.decision import ledger, staging
from twin.decision.actors import one_name
from twin.decision.canvas import Canvas, Uptake
from twin.decision.canvas_lines import curve_of, ledger_lines
from twin.decision.compare import compare
from twin.errors import StudyError

CHANGE = {"measure": "car-free", "quantities": {"street_length_km": 0.412}}
PAID = {"measure": "large-roofs", "quantities": {}, "payments": [
    {"payer": "owners of other buildings", "what": "PV", "eur": 3.1e6, "eur_a": 0.0}]}  # fmt: skip


@pytest.fixture(scope="module")
def run(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    return make_run(small_city, tmp_path_factory.mktemp("run"))


def example(**other: Any) -> Canvas:
    return Canvas.model_validate(parse_yaml(CANVAS)[0] | other)


def test_lines_by_hand(run: FakeRun) -> None:
    table = compare(run)
    lines, notes = ledger_lines(example(), "combination", table, [CHANGE, PAID], 2026)
    found = {line.id: line for line in lines}
    assert notes == ["the run computes an investment of 41,200,000 EUR; lines pay 3,250,000 EUR"]
    paving = found["cost-0/paving/city"]
    assert (paving.amount, paving.low, paving.high, paving.once) == (150_000.0, 100_000.0, 225_000.0, True)
    assert (paving.start, paving.payer, paving.gainer, paving.source) == (2026, "city", "outside", "FORE 2024 (2024)")
    cleaning = [found["cost-1/city"], found["cost-1/utility"]]
    assert [line.amount for line in cleaning] == pytest.approx([0.5 * 0.412 * 12_000] * 2)
    assert {line.start for line in cleaning} == {2028.0}  # after 24 months of tasks
    saved = found["revenue-0"]
    row = table.set_index(["scenario", "kpi"]).loc[("combination", "import_kwh_a")]
    assert saved.amount == pytest.approx(-row["difference"] * 0.18)
    assert (saved.kpi, saved.gainer, saved.verdict) == ("import_kwh_a", "residents", row["verdict"])
    assert saved.low <= saved.amount <= saved.high
    pv = found["large-roofs-1-0/once"]
    assert (pv.amount, pv.start) == (3.1e6, 2028.0)  # spreads with the uptake of its measure
    assert pv.uptake.shares[-1] == 0.6


def test_what_is_not_counted_is_said(run: FakeRun) -> None:
    table = compare(run)
    lines, notes = ledger_lines(example(), "solar-roofs", table, [PAID], 2026)
    assert not [line for line in lines if "paving" in line.id]  # its measure is not in this scenario
    assert notes == ["not counted, the run has no street_length_km: cleaning"]
    bare = Canvas.model_validate({
        "budget_costs": {"capex": "a plan", "x": {"text": "y", "amount": {
            "value": 1, "unit": "EUR", "source": "s", "year": 2020, "low": 1, "high": 1}}},
        "revenue_streams": ["fees"],
    })  # fmt: skip
    lines, notes = ledger_lines(bare, "solar-roofs", table, [], 2026)
    assert lines == []
    assert notes.pop() == "the run computes an investment of 3,100,000 EUR; lines pay 0 EUR"
    assert [note.split(":")[0] for note in notes] == [
        "not counted, no amount is stated", "not counted, nobody pays it", "not counted, no amount is stated",
    ]  # fmt: skip


def test_a_stated_cost_replaces_the_computed_one(run: FakeRun) -> None:
    both = [CHANGE | {"payments": [{"payer": "public buildings", "what": "paving", "eur": 9.0, "eur_a": 0.0}]}]
    lines, notes = ledger_lines(example(), "car-free-street", compare(run), both, 2026)
    assert {line.amount for line in lines if line.once} == {150_000.0}
    assert notes == [
        "the capex of car-free is the stated one, not the computed one",
        "the run computes an investment of 240,000 EUR; lines pay 150,000 EUR",
    ]


def test_a_stated_running_cost_leaves_the_computed_investment(run: FakeRun) -> None:
    paid = PAID | {"payments": [*PAID["payments"], {"payer": "city", "what": "upkeep", "eur": 0.0, "eur_a": 7.0}]}
    unit = {"value": 5.0, "unit": "EUR/a", "source": "s", "year": 2025, "low": 5.0, "high": 5.0}
    service = {"text": "service", "kind": "opex", "amount": unit, "measure": "large-roofs", "payer": "city"}
    lines, notes = ledger_lines(example(budget_costs=[service]), "solar-roofs", compare(run), [paid], 2026)
    assert [line.amount for line in lines if line.kind == ledger.COST] == [5.0, 3.1e6]
    assert notes == ["the opex of large-roofs is the stated one, not the computed one"]


def test_a_difference_of_several_measures_comes_with_the_slowest(run: FakeRun) -> None:
    table, curve = compare(run), {}
    for name, changes in (("alone", [CHANGE]), ("both", [CHANGE, PAID])):
        lines, _ = ledger_lines(example(), "combination", table, changes, 2026)
        curve[name] = next(line.uptake for line in lines if line.id == "revenue-0")
    assert curve["alone"] == staging.AT_ONCE  # the street is closed in a day
    assert curve["both"] == curve_of(Uptake.model_validate({"final": 0.6, "years": 8, "shape": "s_curve"}))


def test_what_may_be_counted_twice_is_said(run: FakeRun) -> None:
    unit = {"value": 1.0, "unit": "EUR/kWh", "source": "s", "year": 2025, "low": 1.0, "high": 1.0}
    saved = {"text": "saved", "kpi": "import_kwh_a", "amount": unit, "gainer": "residents"}
    service = {"text": "service", "kind": "opex", "quantity_of": "floor_m2", "amount": unit, "measure": "large-roofs",
               "payer": "city"}  # fmt: skip
    canvas = example(
        budget_costs=[service], revenue_streams=[saved | {"measure": m} for m in ("car-free", "large-roofs")]
    )
    parts = [{"measure": "large-roofs", "quantities": {"floor_m2": 5.0}}] * 2
    table = compare(run)
    lines, notes = ledger_lines(canvas, "solar-roofs", table, parts, 2026)
    assert next(line.amount for line in lines if line.kind == ledger.COST) == 10.0
    assert "floor_m2 is the sum of 2 parts of large-roofs: service" in notes
    assert not [note for note in notes if "whole difference" in note]
    both = ledger_lines(canvas, "combination", table, [*parts, CHANGE], 2026)[1]
    assert "residents gains the whole difference of import_kwh_a for each of car-free, large-roofs" in both


def test_ledgers_balance_and_net_an_actor_once(run: FakeRun) -> None:
    canvas = example()
    changes = {"solar-roofs": [PAID], "combination": [CHANGE, PAID]}
    for scenario, several in changes.items():
        lines, _ = ledger_lines(canvas, scenario, compare(run), several, 2026)
        net = ledger.positions(ledger.build(lines, 2026, 20), one_name(canvas))
        assert np.abs(net.to_numpy().sum(axis=0)).max() < 1e-6 * np.abs(net.to_numpy()).max()
        assert "shops" in net.index  # named by its alias in the payments
        assert "owners of other buildings" not in net.index


@given(st.floats(0, 1), st.floats(0, 40), st.sampled_from(["linear", "s_curve"]))
@settings(max_examples=60, deadline=None)
def test_uptake_ends_at_its_final_share(final: float, years: float, shape: str) -> None:
    curve = curve_of(Uptake.model_validate({"final": final, "years": years, "shape": shape}))
    assert curve.share(np.array([years, years + 5.0])) == pytest.approx(final)
    assert (curve.share(np.linspace(0, 50, 30)) <= final + 1e-12).all()


def test_neutral_kpis_and_circular_payments_are_refused(tmp_path: Path) -> None:
    from twin.decision.canvas_file import load_canvas

    text = "actors: {a: {label: A}}\nrevenue_streams:\n  - {text: x, kpi: investment_eur, payer: a, gainer: a}\n"
    (tmp_path / "canvas.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        load_canvas(tmp_path / "canvas.yaml")
    assert [p.what for p in caught.value.problems] == [
        "for 'investment_eur' neither direction is a gain in general", "'a' pays itself",
    ]  # fmt: skip
