"""The flow chart of the ledger: bands to scale, bars that balance, labels that do not overlap, and charts of money."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.decision import ledger
from twin.report import money_charts
from twin.report.flow_chart import BARS, KIND_COLOURS, LEFT, RIGHT, WIDTH, Flow, Layout, flow_chart, flows_of, lay_out

ACTORS = (
    ledger.OUTSIDE, "city", "shops", "people and carriers who drive in the centre and beyond", "Ö", "W" * 60,
    "owners of buildings, flats and everything else that stands", "state",
)  # fmt: skip
names: Callable[[str], str] = str


def amount(payer: str, gainer: str) -> str:
    return "12.3 M€"


def net(actor: str) -> str:
    return "−4.56 M€"


def laid_out(flows: list[Flow]) -> Layout:
    return lay_out(flows, names, amount, net)


flows_strategy = st.lists(
    st.builds(
        Flow,
        st.sampled_from(ACTORS),
        st.sampled_from(ACTORS),
        st.sampled_from(list(KIND_COLOURS)),
        st.floats(1e-2, 1e9),
        st.booleans(),
    ).filter(lambda flow: flow.payer != flow.gainer),
    min_size=1,
    max_size=25,
)


@given(flows_strategy)
@settings(max_examples=60, deadline=None)
def test_bands_are_to_one_scale_and_bars_balance(flows: list[Flow]) -> None:
    layout = laid_out(flows)
    total = layout.scale * sum(flow.value for flow in flows)
    assert 0.0 < total <= BARS * (1.0 + 1e-12)
    for band in layout.bands:
        assert band.width == pytest.approx(layout.scale * band.flow.value)
    assert len(layout.bands) == len(flows)
    for bars, side in ((layout.payers, "payer"), (layout.gainers, "gainer")):
        assert sum(bar.height for bar in bars) == pytest.approx(total)
        for bar in bars:
            own = [band for band in layout.bands if getattr(band.flow, side) == bar.actor]
            assert bar.height == pytest.approx(sum(band.width for band in own))
            starts = sorted((band.start if side == "payer" else band.end, band.width) for band in own)
            edge = bar.top
            for start, width in starts:
                assert start == pytest.approx(edge, abs=1e-6)
                edge = start + width


@given(flows_strategy)
@settings(max_examples=60, deadline=None)
def test_no_labels_overlap_and_none_leaves_the_image(flows: list[Flow]) -> None:
    layout = laid_out(flows)
    for text in layout.texts:
        assert text.left >= 0.0
        assert text.left + text.width <= WIDTH
        assert 0.0 <= text.top <= text.top + text.height <= layout.height
        assert text.left + text.width <= LEFT or text.left >= RIGHT  # never over the bands
    for one, other in combinations(layout.texts, 2):
        apart = (
            one.top + one.height <= other.top + 1e-6
            or other.top + other.height <= one.top + 1e-6
            or one.left + one.width <= other.left
            or other.left + other.width <= one.left
        )
        assert apart, (one, other)
    for bars in (layout.payers, layout.gainers):
        for above, below in pairwise(bars):
            assert above.top + above.height <= below.top


@given(flows_strategy)
@settings(max_examples=20, deadline=None)
def test_every_pair_has_a_label_and_every_actor_its_name(flows: list[Flow]) -> None:
    layout = laid_out(flows)
    pairs = {(flow.payer, flow.gainer) for flow in flows}
    assert {text.of for text in layout.texts if len(text.of) == 2} == pairs
    assert {text.of[0] for text in layout.texts if len(text.of) == 1} == {actor for pair in pairs for actor in pair}


def test_the_chart_is_well_formed_and_escapes_names() -> None:
    flows = [
        Flow("<b>city", "shops & co", "cost", 3.0), Flow("shops & co", ledger.OUTSIDE, "loss", 1.0, sure=False),
    ]  # fmt: skip

    def both(*actors: str) -> tuple[str, str]:
        return "1 €", '<tspan data-from="x">1 €</tspan>'

    image = flow_chart(flows, names, both, both, "Who pays <whom>", "EUR")
    root = ElementTree.fromstring(image)
    said = "".join(root.itertext())
    assert "<b>city" in said
    assert "shops & co" in said
    assert "dashed: inside the noise" in said
    assert "loss (inside the noise) from shops & co" in said
    assert image.count("stroke-dasharray") == 2  # the band and its key
    assert image == flow_chart(flows, names, both, both, "Who pays <whom>", "EUR")


def test_nothing_is_drawn_where_no_money_flows() -> None:
    assert flow_chart([], names, lambda p, g: ("", ""), lambda a: ("", ""), "", "") == ""


LINES = [
    ledger.Line("a", "street", "cost", "city", ledger.OUTSIDE, 1000.0, once=True),
    ledger.Line("b", "time", "saving", ledger.OUTSIDE, "people", -90.0, verdict="not distinguishable", kpi="x"),
    ledger.Line("c", "toll", "revenue", "people", "city", 200.0),
    ledger.Line("d", "fuel", "saving", ledger.OUTSIDE, "people", 40.0, verdict="better", kpi="x"),
    ledger.Line("e", "care", "cost", "city", ledger.OUTSIDE, -10.0),
]


def test_flows_sum_to_the_matrix_and_say_what_flows_back() -> None:
    book = ledger.build(LINES, 2026, 12)
    found = flows_of(book, 0.03, {})
    table = ledger.matrix(book, 0.03)
    for payer in table.index:
        for gainer in table.columns:
            own = sum(f.value for f in found if (f.payer, f.gainer) == (payer, gainer))
            assert own == pytest.approx(table.loc[payer, gainer])
    kinds = {(f.payer, f.gainer, f.kind, f.sure) for f in found}
    assert ("people", ledger.OUTSIDE, "loss", False) in kinds
    assert (ledger.OUTSIDE, "people", "saving", True) in kinds
    assert (ledger.OUTSIDE, "city", "avoided cost", True) in kinds


def test_the_balance_ends_at_the_net_present_values() -> None:
    book = ledger.build(LINES, 2026, 12)
    balance = money_charts.cumulated_cash(book, 0.03, "city", ["people"], {})
    cases = ledger.business_cases(book, 0.03, "city", ["people"])
    assert list(balance.index) == list(range(2026, 2038))
    np.testing.assert_allclose(balance.iloc[-1], cases["npv"][balance.columns])
    assert balance.iloc[0]["direct revenue"] == pytest.approx(-1000.0 + 200.0 + 10.0)
    image = money_charts.cash_chart(balance, {name: name for name in balance}, "note")
    assert "Balance over the years" in "".join(ElementTree.fromstring(image).itertext())
    assert money_charts.cash_chart(0.0 * balance, {}, "") == ""


@pytest.mark.parametrize(("low", "high", "hollow"), [(1.0, 3.0, False), (-1.0, 3.0, True), (np.nan, np.nan, True)])
def test_a_mark_is_hollow_where_its_interval_holds_zero(low: float, high: float, hollow: bool) -> None:
    image = money_charts.interval_mark(2.0, low, high, (-1.0, 3.0))
    ElementTree.fromstring(image)
    assert ('fill="#fff"' in image) is hollow
