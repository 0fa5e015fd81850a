"""The table of rebound: net is gross plus what changed trips do, and the words say the same as the figures."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_fixture import FakeRun, make_run

from twin.city.model import City
from twin.decision.compare import BETTER, NOT_DISTINGUISHABLE, compare
from twin.report.html import render
from twin.report.rebound import rebound_rows, share_text, words
from twin.report.summary import REBOUND, kpi_groups, labels_of

CHANGES = st.floats(-1e4, 1e4).filter(lambda x: abs(x) > 1e-3)


@pytest.fixture(scope="module")
def run(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    made = make_run(small_city, tmp_path_factory.mktemp("rebound"), idle=True)
    table = made.table.copy()
    gross = {"traffic_co2_gross_change_t_a": -100.0, "vehicle_km_gross_change_day": -900.0, "rebound_share": 1.2}
    for name, value in gross.items():
        table.loc[(table["scenario"] == "car-free-street") & (table["quantity"] == name), "value"] = value
    made.table = table
    return made


@given(CHANGES, CHANGES)
@settings(max_examples=200, deadline=None)
def test_words_follow_the_signs(gross: float, net: float) -> None:
    share = 1.0 - net / gross
    said = words({"difference": net}, {"difference": gross, "verdict": BETTER}, share)
    more = abs(net) > abs(gross) and (net > 0) == (gross > 0)
    if share == 0.0:
        assert "what changes comes from changed trips" in said
    elif more:
        assert said.startswith("Changed trips add to the " + ("saving" if gross < 0 else "increase"))
    elif (net > 0) != (gross > 0):
        assert said.endswith("emissions rise." if net > 0 else "emissions fall.")
    else:
        assert share_text(share) in said


def test_noise_is_not_explained() -> None:
    said = words({"difference": 1.0}, {"difference": 2.0, "verdict": NOT_DISTINGUISHABLE}, 0.5)
    assert "cannot be told from noise" in said


def test_shares_without_a_gross_change_are_not_printed() -> None:
    assert share_text(0.0) == "–"
    assert share_text(0.256) == "26 %"
    assert share_text(-0.5) == "−50 %"
    assert share_text(250.0) == "above 500 %"
    assert share_text(-250.0) == "below −500 %"


def test_gross_and_net_stand_side_by_side(run: FakeRun) -> None:
    table = compare(run)
    rows = rebound_rows(run, table, labels_of(run))
    assert [row["label"] for row in rows] == ["Car-free street", "Both, with deep retrofit"]  # who changes no traffic
    first = rows[0]
    assert first["share"] == "120 %"
    assert first["words"].endswith("emissions rise.")
    net = table.set_index(["scenario", "kpi"]).loc[("car-free-street", "traffic_co2_t_a"), "difference"]
    co2 = first["quantities"][0]
    assert float(co2["answer"].lstrip("+")) == pytest.approx(net + 100.0, abs=1.0)
    assert co2["gross"] == "−100"
    assert co2["gross_interval"] == "all draws equal"


def test_the_report_shows_the_table_and_the_kpi_table_does_not_repeat_it(run: FakeRun) -> None:
    page = render(run)
    assert '<section id="rebound">' in page
    assert 'href="#rebound"' in page
    labels = {row["label"] for group in kpi_groups(run, compare(run)) for row in group["rows"]}
    assert "CO₂ of road traffic" in labels
    assert "Rebound" not in labels


def test_runs_without_gross_changes_have_no_table(run: FakeRun) -> None:
    old = FakeRun(**{**vars(run), "table": run.table[~run.table["quantity"].isin(REBOUND)]})
    assert rebound_rows(old, compare(old), labels_of(old)) == []
    assert 'id="rebound"' not in render(old)


def test_kpis_that_no_scenario_changes_share_a_line(run: FakeRun) -> None:
    table = compare(run)
    groups = kpi_groups(run, table)
    same = table[(table["scenario"] != "baseline")].groupby("kpi")["verdict"].agg(lambda v: set(v) == {"no change"})
    shown = {row["label"] for group in groups for row in group["rows"]}
    named = " · ".join(text for group in groups for text in group["unchanged"])
    labels = pd.Series(table.drop_duplicates("kpi").set_index("kpi")["label"])
    for kpi, unchanged in same.drop(list(REBOUND)).items():
        assert (labels[kpi] in shown) != bool(unchanged)
        if unchanged:
            assert labels[kpi] in named
    assert "No change in any scenario: " in render(run)
