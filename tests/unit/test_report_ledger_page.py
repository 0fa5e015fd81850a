"""The page of the ledger: every number by its reference, plain words that never call noise a gain, hostile text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from decision_canvas_fixture import CANVAS, STUDY
from report_fixture import FakeRun, make_run

from twin.city.model import City
from twin.decision.decide import Decision, decide
from twin.decision.figures import Figures, figures_of
from twin.report import ledger_words as words
from twin.report.ledger_page import render_ledger

MORE = """
actors:
  network: {label: District heating company, veto: true}
  state: {label: The state, public: true}
  owners: {label: Owners of buildings}
  drivers: {label: Travellers by car}
  hospital: {label: Hospital district, public: true}
unit_values:
  heat: {value: 0.08, unit: EUR/kWh, source: assumption, year: 2025, low: 0.07, high: 0.1}
  co2: {value: 100, unit: EUR/t, source: assumption, year: 2025, low: 60, high: 189}
  delay: {value: 3000, unit: EUR/(veh·h/day), source: assumption, year: 2025, low: 2000, high: 4000}
  nox: {value: 21, unit: EUR/kg, source: assumption, year: 2025, low: 10, high: 30}
revenue_streams:
  - {text: heat not bought, kpi: district_heating_kwh_a, gain_when: lower, unit_value: heat, gainer: owners,
     payer: network}
  - {text: damage avoided, kpi: total_co2_t_a, unit_value: co2, gainer: state}
  - {text: lost time, kpi: delay_veh_h_day, unit_value: delay, gainer: drivers}
  - {text: illness, kpi: traffic_nox_kg_a, unit_value: nox, gainer: hospital}
  - text: rent of terraces
    kind: direct
    quantity: 12
    amount: {value: 4000, unit: EUR/a, source: assumption, year: 2025, low: 3000, high: 5000}
    gainer: city
    payer: shops
    measure: car-free
budget_costs:
  - text: solar roofs
    kind: capex
    quantity: 2600
    amount: {value: 1100, unit: EUR/kWp, source: assumption, year: 2024, low: 900, high: 1400}
    shares: {residents: 0.75, state: 0.25}
    measure: large-roofs
"""


def canvas_data() -> dict[str, Any]:
    canvas, more = yaml.safe_load(CANVAS), yaml.safe_load(MORE)
    for key, value in more.items():
        canvas[key] = canvas[key] | value if isinstance(value, dict) else canvas[key] + value
    offer = {"value": 50000, "unit": "EUR", "source": "assumption", "year": 2025, "low": 3e4, "high": 9e4}
    canvas["actors"]["shops"]["compensation"] = offer
    return canvas


def decided(city: City, folder: Path, canvas: dict[str, Any], **options: Any) -> tuple[Decision, Figures]:
    run: FakeRun = make_run(city, folder, **options)
    study = yaml.safe_load(STUDY)
    if options.get("idle"):
        study["scenarios"]["do-nothing"] = []
    run.info["study"] |= study | {"canvas": canvas}
    decision = decide(run)  # type: ignore[arg-type]
    return decision, figures_of(decision)


@pytest.fixture(scope="module")
def rich(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> tuple[Decision, Figures, str]:
    decision, figures = decided(small_city, tmp_path_factory.mktemp("ledger"), canvas_data(), idle=True)
    return decision, figures, render_ledger(decision, figures)


class Reader(HTMLParser):
    """Collects numbers with references, and the texts that stand outside of numbers, stated texts and axes."""

    VOID = frozenset({"meta", "br", "link", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[tuple[str, bool]] = []
        self.numbers: list[tuple[str, str]] = []
        self.outside: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        classes = found.get("class", "").split()
        if "id" in found:
            self.ids.add(found["id"])
        if "data-from" in found:
            self.numbers.append((found["data-from"], found.get("value", found.get("data-value", ""))))
        axes = tag == "svg" and "flows" not in classes
        exempt = "data-from" in found or "stated" in classes or axes or tag in ("style", "title")
        if tag not in self.VOID:
            self.stack.append((tag, exempt or bool(self.stack and self.stack[-1][1])))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        return None

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self.stack.pop()
        assert opened == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and not (self.stack and self.stack[-1][1]):
            self.outside.append(data.strip())


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert not reader.stack
    return reader


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_every_number_is_that_of_its_reference(rich: tuple[Decision, Figures, str]) -> None:
    _, figures, html = rich
    numbers = read(html).numbers
    assert len(numbers) > 150
    for ref, value in numbers:
        assert value == repr(figures[ref].value), ref


def test_no_digit_stands_outside_of_numbers_and_stated_texts(rich: tuple[Decision, Figures, str]) -> None:
    for text in read(rich[2]).outside:
        assert not re.search(r"\d", text.replace("CO₂", "")), text


def test_the_page_needs_nothing_else(rich: tuple[Decision, Figures, str]) -> None:
    html = rich[2]
    assert "<script" not in html
    assert not re.search(r"(src|href)=\"(https?:)?//", html)
    assert {"choice", "method", *rich[0].scenarios} <= read(html).ids  # other pages link to them


def test_every_position_line_case_and_veto_is_on_the_page(rich: tuple[Decision, Figures, str]) -> None:
    decision, _, html = rich
    shown = {ref for ref, _ in read(html).numbers}
    for scenario, money in decision.money.items():
        base = f"ledger/{scenario}"
        assert {f"{base}/line/{line}/amount" for line in money.book.lines.index} <= shown
        assert {f"{base}/case/{case}/npv" for case in money.cases.index} <= shown
        assert {f"{base}/transfers/{k}/amount" for k in money.transfers.flows.index} <= shown
        moved = money.positions.index[money.positions["value"].abs() > 1.0]
        assert {f"{base}/position/{actor}/value" for actor in moved} <= shown
        for payer, row in money.matrix.iterrows():
            assert {f"{base}/matrix/{payer}/{g}" for g in row.index[row > 0.0]} <= shown
    assert {f"veto/{v.scenario}/{v.actor}/position" for v in decision.vetoes.itertuples()} <= shown


def test_a_veto_holder_who_loses_is_named_with_what_it_needs(rich: tuple[Decision, Figures, str]) -> None:
    decision, _, html = rich
    vetoes = decision.vetoes.set_index(["scenario", "actor"])
    assert vetoes.loc[("car-free-street", "shops"), "outcome"] != "passes"
    section = html[html.index('id="car-free-street"') : html.index('id="solar-roofs"')]
    assert 'data-from="veto/car-free-street/shops/compensation"' in section
    assert "not enough" in text_of(section)
    lost = html[html.index('id="combination"') : html.index('id="do-nothing"')]
    assert "District heating company would lose." in text_of(lost)


def test_what_is_inside_the_noise_is_called_neither_gain_nor_loss(rich: tuple[Decision, Figures, str]) -> None:
    decision, _, html = rich
    row = decision.money["car-free-street"].positions.loc["hospital"]
    assert row["low"] < 0.0 < row["high"]
    text = text_of(html[html.index('id="car-free-street"') : html.index('id="solar-roofs"')])
    assert "Hospital district would" not in text
    assert "Gain and loss cannot be told apart" in text
    assert "not sure: rests on a difference inside the noise" in text
    assert "saving (inside the noise)" in text or "loss (inside the noise)" in text


def test_equal_input_gives_equal_bytes(rich: tuple[Decision, Figures, str]) -> None:
    decision, _, html = rich
    assert render_ledger(decision, figures_of(decision)) == html


def test_hostile_text_is_escaped(small_city: City, tmp_path: Path) -> None:
    canvas, evil = canvas_data(), "<script>alert('x')</script>\"&"
    canvas["actors"]["shops"]["label"] = evil
    canvas["revenue_streams"][1]["text"] = evil
    canvas["unit_values"]["co2"]["source"] = evil
    canvas["accounts"]["source"] = evil
    html = render_ledger(*decided(small_city, tmp_path, canvas))
    read(html)
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_without_accounts_the_page_says_how_to_give_them(small_city: City, tmp_path: Path) -> None:
    canvas = canvas_data()
    del canvas["accounts"]
    html = render_ledger(*decided(small_city, tmp_path, canvas))
    assert "No money is counted." in html
    assert "<code>accounts</code>" in html
    assert 'class="scenario"' not in html


def test_without_draws_no_sum_is_called_sure(small_city: City, tmp_path: Path) -> None:
    decision, figures = decided(small_city, tmp_path, canvas_data(), draws=0)
    text = text_of(render_ledger(decision, figures))
    assert "too few uncertainty draws for intervals" in text
    assert "would lose, by nominal values alone" in text
    assert "would lose." not in text


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (5.0, 1.0, 9.0, "A would gain."),
        (-5.0, -9.0, -1.0, "A would lose."),
        (5.0, -1.0, 9.0, "Gain and loss cannot be told apart: the interval holds both."),
        (0.0, 0.0, 0.0, "A would neither gain nor lose."),
        (5.0, float("nan"), float("nan"), "A would gain, by nominal values alone: there is no interval."),
    ],
)
def test_words_of_a_position(value: float, low: float, high: float, said: str) -> None:
    assert words.position_words("A", "a", {"value": value, "low": low, "high": high}) == said


def test_words_of_a_veto_and_an_offer() -> None:
    lost = {"outcome": "passes if compensated", "position": -9.0, "compensation": 9.0, "stated": 9.0}
    assert words.veto_words(lost, -12.0, -6.0) == "It would lose; it may stop this unless it is compensated."
    assert "though its interval holds gain as well" in words.veto_words(lost, -12.0, 2.0)
    assert "reaches below zero" in words.veto_words({"outcome": "passes", "position": 9.0}, -2.0, 20.0)
    assert words.offer_words(lost, "EUR") == "enough"
    assert words.offer_words(lost | {"stated": 5.0}, "EUR") == "not enough"
    assert words.offer_words(lost, "EUR/a") == ""


def test_a_case_says_why_it_has_no_rate_of_return() -> None:
    row = {"received": 0.0, "paid": 9.0, "irr": float("nan"), "payback_years": float("nan")}
    assert words.case_reason(row, "irr") == "nothing comes in"
    assert words.case_reason(row | {"received": 5.0}, "payback_years") == "not within these years"
    assert words.case_reason(row | {"received": 5.0, "irr": 0.1}, "irr") == ""
