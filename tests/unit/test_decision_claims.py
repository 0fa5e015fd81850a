"""Claims: what a run says to them, and that nothing inside the noise is ever supported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from decision_canvas_fixture import CANVAS
from hypothesis import given, settings
from hypothesis import strategies as st
from report_fixture import FakeRun, make_run

from twin.city.model import City
from twin.city.yaml import parse_yaml
from twin.decision.canvas import Canvas, Claim
from twin.decision.canvas_file import canvas_of
from twin.decision.claims import VERDICTS, answer_of, evidence_sentence, judge, judge_parts, share_without_evidence
from twin.decision.compare import MINIMUM_DRAWS, compare, interval, verdict
from twin.decision.completeness import COMPUTED_COLUMNS, computed_entries
from twin.decision.overview import Overview, overview
from twin.errors import StudyError

SEEN = {"better", "worse", "changed"}
DRAWS = st.lists(st.tuples(st.floats(-50, 50), st.floats(1, 100)), min_size=2, max_size=25)
WANTS = st.one_of(
    st.just({}),
    st.sampled_from([{"direction": "lower"}, {"direction": "higher"}]),
    st.builds(lambda p, d: {"by_percent": p, "direction": d}, st.floats(0.1, 80), st.sampled_from(["lower", "higher"])),
    st.builds(lambda side, x: {side: x}, st.sampled_from(["at_most", "at_least"]), st.floats(-20, 120)),
)


@pytest.fixture(scope="module")
def run(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    return make_run(small_city, tmp_path_factory.mktemp("run"), idle=True)


def canvas(**blocks: Any) -> Canvas:
    return Canvas.model_validate(blocks)


def row_of(own: pd.Series, base: pd.Series, better: str) -> dict[str, Any]:
    """Return the row of the comparison that `compare` would give."""
    paired = own - base
    sampled = paired[paired.index > 0].to_numpy()
    low, high = interval(sampled)
    word = verdict(float(paired.loc[0]), sampled, better)
    return {"low": low, "high": high, "draws": len(sampled), "verdict": word}


@given(DRAWS, WANTS, st.sampled_from(["pv_kwh_a", "import_kwh_a"]))
@settings(max_examples=400, deadline=None)
def test_nothing_inside_the_noise_is_supported(
    pairs: list[tuple[float, float]], want: dict[str, Any], kpi: str
) -> None:
    base = pd.Series([b for _, b in pairs])
    own = base + [d for d, _ in pairs]
    row = row_of(own, base, "higher" if kpi == "pv_kwh_a" else "lower")
    answer = answer_of(Claim.model_validate({"text": "x", "kpis": [kpi], **want}), kpi, row, own, base)
    assert answer.verdict in VERDICTS
    if answer.verdict == "supported":
        assert row["verdict"] in SEEN
        if "direction" in want or not want:
            wanted = want.get("direction", "higher" if kpi == "pv_kwh_a" else "lower")
            assert (row["low"] > 0) == (wanted == "higher")
        if "at_most" in want:
            assert own.loc[0] <= want["at_most"]
            assert (own.loc[1:] <= want["at_most"]).mean() >= 0.95
    if len(pairs) - 1 < MINIMUM_DRAWS:
        assert answer.verdict == "not distinguishable"


@given(st.lists(st.floats(1e-3, 10), min_size=MINIMUM_DRAWS + 1, max_size=20), st.floats(1, 40))
@settings(max_examples=100, deadline=None)
def test_opposite_claims_are_not_both_supported(differences: list[float], percent: float) -> None:
    base = pd.Series(np.full(len(differences), 100.0))
    own = base + differences
    row = row_of(own, base, "higher")

    def say(**want: Any) -> str:
        claim = Claim.model_validate({"text": "x", "kpis": ["pv_kwh_a"], **want})
        return answer_of(claim, "pv_kwh_a", row, own, base).verdict

    assert say(direction="higher") == say() == "supported"
    assert say(direction="lower") == "not supported"
    assert say(by_percent=percent, direction="lower") == "not supported"
    smallest = min(differences)
    if smallest > 0.1:
        assert say(by_percent=smallest * 0.99) == "supported"
    assert say(by_percent=11) == "not supported"


def test_limits() -> None:
    noise = np.linspace(-3.0, 3.0, 20)
    base = pd.Series([100.0, *(100.0 + noise)])

    def say(shift: Any, **want: Any) -> tuple[str, str]:
        own = base + shift
        claim = Claim.model_validate({"text": "x", "kpis": ["import_kwh_a"], **want})
        answer = answer_of(claim, "import_kwh_a", row_of(own, base, "lower"), own, base)
        return answer.verdict, answer.reason

    assert say(-20.0, at_most=90.0)[0] == "supported"
    assert say(-2.0, at_most=90.0)[0] == "not supported"
    assert say(-10.0, at_most=90.0)[0] == "not distinguishable"  # half of the draws
    # A limit that is kept with or without the measure is no merit of it.
    unclear = np.append(0.0, np.tile([-1.0, 1.0], 10))
    assert say(unclear, at_most=200.0) == (
        "not distinguishable", "the limit is kept, but the measure makes no difference beyond noise",
    )  # fmt: skip
    assert say(5.0, at_most=200.0)[0] == "supported"  # it stays below, for sure, though it rises
    assert say(5.0, at_most=200.0, direction="lower") == ("not supported", "the limit is kept, but it becomes higher")
    assert say(0.0) == ("not supported", "nothing changes")


def test_verdicts_of_a_run(run: FakeRun) -> None:
    found = canvas(**parse_yaml(CANVAS)[0])
    table = compare(run)
    parts = judge_parts(found, table, run.draws())
    judged = judge(found, parts, run.info["scenarios"])
    key = ["text", "scenario"]
    assert not judged.duplicated(key).any()
    say = judged.set_index(key)["verdict"].to_dict()
    assert say["Roofs generate a good part of our electricity", "solar-roofs"] == "supported"
    assert say["Less delay", "car-free-street"] == "not supported"
    assert say["Less delay", "do-nothing"] == "not supported"
    assert say["More people come to our shops", "solar-roofs"] == "not modelled"
    evidence = judged.set_index(key)["evidence"].to_dict()
    assert evidence["Less delay", "solar-roofs"] == "simulated"
    assert evidence["More people come to our shops", "combination"] == "expert"
    assert evidence["The brand of the city grows", "combination"] == "none"
    assert share_without_evidence(judged) == (1, 8, 1 / 8)
    # Every number stands in the comparison, and no part that is supported is noise there.
    rows = table.set_index(["scenario", "kpi"])
    for part in parts.to_dict("records"):
        row = rows.loc[(part["scenario"], part["kpi"])]
        assert (part["difference"], part["value"]) == (row["difference"], row["value"])
        assert part["verdict"] != "supported" or row["verdict"] in SEEN


def test_several_kpis_are_as_good_as_the_weakest(run: FakeRun) -> None:
    one = canvas(value_proposition=[{"text": "x", "kpis": ["pv_kwh_a", "delay_veh_h_day"], "scenario": "combination"}])
    parts = judge_parts(one, compare(run), run.draws())
    assert list(parts["verdict"]) == ["supported", "not supported"]
    judged = judge(one, parts, run.info["scenarios"])
    assert list(judged["verdict"]) == ["not supported"]
    assert judged["reason"][0].startswith("Delay: ")


def test_what_the_run_lacks_is_not_modelled_and_no_evidence(run: FakeRun) -> None:
    fewer = FakeRun(**{**vars(run), "table": run.table[run.table["quantity"] != "pv_kwh_a"]})
    one = canvas(value_proposition=[{"text": "x", "kpis": ["pv_kwh_a"], "evidence": "simulated"}])
    judged = overview(one, fewer).claims  # type: ignore[arg-type]
    assert set(judged["verdict"]) == {"not modelled"}
    assert set(judged["evidence"]) == {"none"}
    assert evidence_sentence(judged) == "1 of 1 claims has no evidence (100 %)."


def test_a_run_without_draws_supports_nothing(small_city: City, tmp_path: Path) -> None:
    plain = make_run(small_city, tmp_path, draws=0)
    judged = overview(canvas(**parse_yaml(CANVAS)[0]), plain).claims  # type: ignore[arg-type]
    assert set(judged["verdict"]) == {"not distinguishable", "not modelled"}
    assert "simulated" not in set(judged["evidence"])


def test_without_a_run_and_without_claims() -> None:
    judged = judge(canvas(value_proposition=["x"]))
    assert list(judged["verdict"]) == ["not modelled"]
    assert evidence_sentence(judge(Canvas())) == "Nothing is claimed."


def test_worries_are_no_claims_until_they_name_a_kpi() -> None:
    both = canvas(
        social_risks=["noise", {"text": "louder nights", "kpis": ["people_lnight_50"], "direction": "higher"}]
    )
    assert [(block, place) for block, place, _ in both.claims()] == [("social_risks", 1)]


def test_blocks_that_a_run_fills(run: FakeRun) -> None:
    table = compare(run)
    found = computed_entries(table, run.info["changes"])
    assert list(found.columns) == COMPUTED_COLUMNS
    assert set(found["verdict"].dropna()) <= SEEN
    assert "do-nothing" not in set(found["scenario"])
    bad = found[found["block"].isin(["environmental_costs", "social_risks"])]
    assert set(bad["verdict"]) == {"worse"}
    assert ("social_risks", "car-free-street", "delay_veh_h_day") in set(
        bad[["block", "scenario", "kpi"]].itertuples(index=False, name=None)
    )
    assert set(found[found["block"] == "deployment"]["label"]) >= {"close 6 links (412 m) to cars"}
    page = overview(Canvas(), run).as_data()  # type: ignore[arg-type]
    origins = {block["key"]: block["origin"] for block in page["blocks"]}
    assert origins["environmental_benefits"] == origins["deployment"] == "computed"
    assert origins["mission"] == "empty"


def test_the_canvas_in_the_study_of_a_run(run: FakeRun) -> None:
    study = run.info["study"] | {"scenarios": dict.fromkeys(run.info["scenarios"]), "measures": {"car-free": []}}
    within = FakeRun(**{**vars(run), "info": run.info | {"study": study | {"canvas": parse_yaml(CANVAS)[0]}}})
    with pytest.raises(StudyError, match="unknown measure 'large-roofs'"):
        _overview(within)
    study["measures"] = {"car-free": [], "large-roofs": []}
    within = FakeRun(**{**vars(run), "info": run.info | {"study": study | {"canvas": parse_yaml(CANVAS)[0]}}})
    page = _overview(within).as_data()
    assert page["evidence"] == {
        "sentence": "1 of 8 claims has no evidence (12 %).", "claims": 8, "without_evidence": 1,
        "share_without_evidence": 0.125,
    }  # fmt: skip
    assert json.dumps(page, allow_nan=False)
    with pytest.raises(StudyError, match="the study has no canvas"):
        _overview(run)


def _overview(run: FakeRun) -> Overview:
    return overview(canvas_of(run.info["study"]), run)  # type: ignore[arg-type]
