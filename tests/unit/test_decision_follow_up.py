"""Follow-up: reading observations, expected by year, residuals split, verdicts, the balance and the three answers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
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
from twin.decision import follow_up as module
from twin.decision import follow_up_judge as judge
from twin.decision.canvas import Canvas
from twin.decision.compare import NO_INTERVAL, compare
from twin.decision.follow_up import (
    AHEAD,
    AS_PLANNED,
    BEHIND,
    EARLIER,
    NOMINAL,
    SAME_YEAR,
    SIMULATED,
    FollowUp,
    follow_up,
)
from twin.decision.follow_up_answers import BALANCE, NO, NOT_KNOWN, PARTLY, REACHED, VALUE, YES
from twin.decision.follow_up_balance import AS_EXPECTED, NOT_OBSERVED, WORSE, balance
from twin.decision.follow_up_expected import Promise, Share, timetable
from twin.decision.follow_up_judge import Range
from twin.decision.follow_up_observed import read_observed
from twin.errors import DataError, TwinError, UnsafeFileError
from twin.report.follow_up_page import render_follow_up, report_of, write_follow_up

HEADER = "year,kpi,scenario,value,low,high,source\n"
SOLAR, STREET = "solar-roofs", "car-free-street"
PATH = "electricity.price_eur_kwh"


@pytest.fixture(scope="module")
def run(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    return make_run(small_city, tmp_path_factory.mktemp("run"), draws=12)


@pytest.fixture(scope="module", autouse=True)
def _compared_once() -> Iterator[None]:
    """Compare each run once: every follow-up of a test asks for the same table."""
    kept: dict[int, pd.DataFrame] = {}

    def compared(run: Any) -> pd.DataFrame:
        if id(run) not in kept:
            kept[id(run)] = compare(run)
        return kept[id(run)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "compare", compared)
        yield


@pytest.fixture(scope="module")
def canvas() -> Canvas:
    return Canvas.model_validate(parse_yaml(CANVAS)[0])


@pytest.fixture
def followed(run: FakeRun, canvas: Canvas, tmp_path: Path) -> Any:
    """Return a function that follows up rows of a CSV file."""

    def follow(*rows: str, again: pd.DataFrame | None = None, of: Canvas | None = canvas) -> FollowUp:
        path = tmp_path / "observed.csv"
        path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
        return follow_up(run, of, read_observed(path, run, of), again)

    return follow


def row_of(found: FollowUp, kpi: str, year: int) -> dict[str, Any]:
    rows = [r for r in found.table.to_dict("records") if (r["kpi"], r["year"]) == (kpi, year)]
    assert len(rows) == 1
    return rows[0]


def totals(run: FakeRun, scenario: str, kpi: str) -> np.ndarray:
    table = run.draws()
    return table[(table["scenario"] == scenario) & (table["quantity"] == kpi)].sort_values("draw")["value"].to_numpy()


def again_frame(values: dict[tuple[int, str, str], float]) -> pd.DataFrame:
    return pd.DataFrame(
        [(*key, value) for key, value in values.items()], columns=["year", "scenario", "quantity", "value"]
    )


# Reading


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("year,kpi,value\n2027,pv_kwh_a,1\n", ":1:1", "the column 'source' is missing"),
        (HEADER, "", "the table has no rows"),
        (f"{HEADER}2027,pv_kwh_a,solar-roofs,1,,\n", ":2:1", "6 fields"),
        (f"{HEADER}2027.5,pv_kwh_a,solar-roofs,1,,,x\n", ":2:1", "year is 2027.5"),
        (f"{HEADER}2027,pv_kwh_a,solar-roofs,many,,,x\n", ":2:4", "value is 'many'"),
        (f"{HEADER}2027,pv_kwh_a,solar-roofs,nan,,,x\n", ":2:4", "value is 'nan'"),
        (f"{HEADER}2027,pv_kwh_a,solar-roofs,1,,,\n", ":2:7", "source is empty"),
        (f"{HEADER}2027,pv_kwh,solar-roofs,1,,,x\n", ":2:2", "'pv_kwh' is no KPI of the run"),
        (f"{HEADER}2027,pv_kwh_a,solar-rofs,1,,,x\n", ":2:3", "no scenario 'solar-rofs'"),
        (f"{HEADER}2027,pv_kwh_a,,1,,,x\n", ":2:3", "no scenario is named"),
        (f"{HEADER}2027,pv_kwh_a,solar-roofs,5,6,7,x\n", ":2:4", "5 is not between low and high"),
        (f"{HEADER}2027,pv_kwh_a,solar-roofs,5,4,,x\n", ":2:6", "one end of the range is missing"),
        (f"{HEADER}2027,electricity.prise,,1,,,x\n", ":2:2", "unknown parameter 'electricity.prise'"),
        (f"{HEADER}2027,{PATH},,-4,,,x\n", ":2:4", "is outside its range"),
        (f"{HEADER}2027,{PATH},solar-roofs,0.2,,,x\n", ":2:3", "an input holds in all scenarios"),
        (f"{HEADER}2027,weather.hdd,,4000,,,x\n", ":2:2", "the engine takes no 'weather.hdd'"),
        (f"{HEADER}2027,uptake,solar-roofs,1.4,,,x\n", ":2:4", "uptake is 1.4"),
        (f"{HEADER}2027,uptake.car-free,solar-roofs,1,,,x\n", ":2:2", "is no measure of the scenario"),
        (f"{HEADER}2027,participation.nobody,solar-roofs,1,,,x\n", ":2:2", "is no actor of the canvas"),
        (f"{HEADER}2027,cost.nothing,solar-roofs,1,,,x\n", ":2:2", "is no cost line with an id"),
        (f"{HEADER}2027,{PATH},,0.2,,,x\n", "", "no KPI of a scenario was observed"),
        (f"{HEADER}2027,pv_kwh_a,baseline,1,,,x\n", "", "no KPI of a scenario was observed"),
        (f"{HEADER}2027,pv_kwh_a,solar-roofs,1,,,x\n2027,pv_kwh_a,solar-roofs,2,,,x\n", ":3:2", "stands twice"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_its_place(
    run: FakeRun, canvas: Canvas, tmp_path: Path, text: str, place: str, says: str
) -> None:
    path = tmp_path / "o.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_observed(path, run, canvas)  # type: ignore[arg-type]
    message = caught.value.message()
    assert says in message
    assert f"{path}{place}" in message


def test_all_problems_are_told_at_once(run: FakeRun, tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_text(f"{HEADER}x,y,z,v,,,\n2027,pv_kwh_a,solar-roofs,1,,,fine\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_observed(path, run, None)  # type: ignore[arg-type]
    assert len(caught.value.problems) == 5  # year, kpi, scenario, value, source


def test_binary_files_are_refused(run: FakeRun, tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_bytes(b"year\0\xff\xfe")
    with pytest.raises(UnsafeFileError):
        read_observed(tmp_path / "o.csv", run, None)  # type: ignore[arg-type]


def test_units_are_checked_and_converted(run: FakeRun, tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    head = "year,kpi,scenario,value,unit,source\n"
    path.write_text(
        f"{head}2030,pv_kwh_a,solar-roofs,1500,MWh/a,x\n2031,pv_kwh_a,solar-roofs,7,kWh/a,x\n", encoding="utf-8"
    )
    seen = read_observed(path, run, None).of("kpi")  # type: ignore[arg-type]
    assert list(seen["value"]) == pytest.approx([1.5e6, 7.0])
    path.write_text(f"{head}2030,pv_kwh_a,solar-roofs,1500,GWh,x\n", encoding="utf-8")
    with pytest.raises(DataError, match="MWh/a or kWh/a"):
        read_observed(path, run, None)  # type: ignore[arg-type]


cells = st.sampled_from(
    ["", "2027", "2027.0", "1e400", "-1", "nan", "0.5", "7e6", "pv_kwh_a", "uptake", "uptake.", "uptake.large-roofs",
     "cost", "cost.paving", "revenue.x", "participation.city", PATH, "weather.x", ".", "a.b.c", SOLAR, "baseline", "é"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(table=st.lists(st.lists(cells, min_size=7, max_size=7), min_size=1, max_size=4))
def test_any_table_is_read_or_refused_by_name(
    run: FakeRun, canvas: Canvas, tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(HEADER + "".join(",".join(row) + "\n" for row in table), encoding="utf-8")
    try:
        seen = read_observed(path, run, canvas)  # type: ignore[arg-type]
    except TwinError as error:
        assert str(path) in error.message()
    else:
        assert "Was value delivered?" in render_follow_up(report_of(follow_up(run, canvas, seen)))  # type: ignore[arg-type]


seen_rows = st.tuples(
    st.sampled_from(["pv_kwh_a", "import_kwh_a", "investment_eur", "rebound_share", "car_share"]),
    st.sampled_from([SOLAR, STREET, "baseline"]), st.integers(2020, 2050), st.floats(-1e15, 1e15),
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(table=st.lists(seen_rows, min_size=1, max_size=6, unique_by=lambda row: row[:3]))
def test_any_value_is_judged_and_shown(
    run: FakeRun, canvas: Canvas, tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str, int, float]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "valid.csv"
    rows = ["2030,pv_kwh_a,combination,1,,,x", *(f"{year},{kpi},{of},{value!r},,,x" for kpi, of, year, value in table)]
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    found = follow_up(run, canvas, read_observed(path, run, canvas))  # type: ignore[arg-type]
    assert set(found.table["verdict"]) <= set(judge.VERDICTS)
    assert len(found.table) == len(rows)
    assert "<svg" in render_follow_up(report_of(found))


# Expected


def test_expected_follows_tasks_and_uptake(run: FakeRun, canvas: Canvas) -> None:
    times = timetable(run, canvas, SOLAR)  # type: ignore[arg-type]
    assert (times.decided, times.start) == (2026.0, 2028.0)  # 24 months of tasks
    assert [times.shares(year)["large-roofs"] for year in (2026, 2027)] == [0.0, 0.0]
    rising = [times.shares(year)["large-roofs"] for year in range(2028, 2037)]
    assert all(np.diff(rising) >= 0.0)
    assert rising[-1] == pytest.approx(0.6)
    promise = Promise(run.draws(), frozenset({"pv_kwh_a"}))
    base, full = totals(run, "baseline", "pv_kwh_a"), totals(run, SOLAR, "pv_kwh_a")
    half = promise.level(SOLAR, "pv_kwh_a", Share(0.5, 0.5, 0.5))
    assert half.value == pytest.approx(base[0] + 0.5 * (full - base)[0])
    assert (half.low, half.high) == pytest.approx(np.quantile((base + 0.5 * (full - base))[1:], [0.05, 0.95]))
    nothing = promise.effect(SOLAR, "pv_kwh_a", Share(0.0, 0.0, 0.0))
    assert (nothing.value, nothing.low, nothing.high) == (0.0, 0.0, 0.0)


def test_without_a_canvas_all_is_expected_at_once(run: FakeRun, followed: Any) -> None:
    found = followed(f"2027,pv_kwh_a,{SOLAR},2e6,,,x", of=None)
    assert row_of(found, "pv_kwh_a", 2027)["expected"] == pytest.approx(totals(run, SOLAR, "pv_kwh_a")[0])
    assert any("does not say when benefits start" in note for note in found.notes)


def test_measures_that_spread_differently_widen_the_interval(run: FakeRun, canvas: Canvas) -> None:
    share = Share.of(timetable(run, canvas, "combination").shares(2031))  # type: ignore[arg-type]
    assert share.low < share.value < share.high == 1.0


def test_investment_counts_what_was_spent(run: FakeRun, canvas: Canvas) -> None:
    shares = timetable(run, canvas, STREET)  # type: ignore[arg-type]
    assert [shares.shares(y, "investment_eur")["car-free"] for y in (2025, 2026)] == [0.0, 1.0]
    assert [shares.shares(y)["car-free"] for y in (2026, 2027, 2028)] == [0.0, 0.0, 1.0]


# Verdicts

numbers = st.floats(-1e6, 1e6)


@settings(max_examples=200, deadline=None)
@given(numbers, numbers, numbers, st.floats(0, 1), st.sampled_from(["lower", "higher", "neutral"]))
def test_inside_the_interval_is_as_promised_and_never_better(
    a: float, b: float, at: float, part: float, better: str
) -> None:
    low, high = sorted((a, b))
    inside = low + part * (high - low)
    promised = Range((low + high) / 2, low, high)
    assert judge.verdict(Range(inside, inside, inside), promised, better) == judge.AS_PROMISED
    said = judge.verdict(Range(at, at, at), promised, better)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    if at < low - slack or at > high + slack:
        wanted = judge.BETTER if (at < low) == (better == "lower") else judge.WORSE
        assert said == (judge.OTHER if better == "neutral" else wanted)
    # a wider observation is never judged more boldly
    wide = Range(at, min(at, low), max(at, low))
    assert judge.verdict(wide, promised, better) == judge.AS_PROMISED


def test_without_an_interval_nothing_is_judged() -> None:
    nan = math.nan
    assert judge.verdict(Range(1.0, 1.0, 1.0), Range(1.0, nan, nan), "lower") == NO_INTERVAL
    assert judge.cause(NO_INTERVAL, Range(1.0, 1.0, 1.0), Range(1.0, nan, nan), 3.0) == ""


@pytest.mark.parametrize(
    ("observed", "shift", "why"),
    [
        (5.0, math.nan, ""), (20.0, math.nan, judge.NOT_SPLIT), (20.0, 15.0, judge.BY_INPUTS),
        (20.0, 5.0, judge.BY_PART), (20.0, 0.5, judge.BY_MODEL), (20.0, -5.0, judge.BY_MODEL), (5.0, 1.0, ""),
        (5.0, 9.0, judge.BY_LUCK),
    ],
)  # fmt: skip
def test_causes(observed: float, shift: float, why: str) -> None:
    promised, seen = Range(5.0, 0.0, 8.0), Range(observed, observed, observed)
    assert judge.cause(judge.verdict(seen, promised, "lower"), seen, promised, shift) == why


# Residuals


def test_a_residual_is_split_by_hand(followed: Any, run: FakeRun) -> None:
    kpi = "energy_cost_eur_a"
    base, full = totals(run, "baseline", kpi)[0], totals(run, SOLAR, kpi)[0]
    again = again_frame({(2040, "baseline", kpi): 1.1 * base, (2040, SOLAR, kpi): 1.05 * full})
    rows = [f"2040,{kpi},{SOLAR},6e6,,,x", f"2040,{PATH},,0.3,,,x", f"2040,uptake.large-roofs,{SOLAR},0.4,,,x"]
    row = row_of(followed(*rows, again=again), kpi, 2040)
    expected = base + 0.6 * (full - base)
    rerun = 1.1 * base + 0.4 * (1.05 * full - 1.1 * base)
    assert row["share_expected"] == pytest.approx(0.6)
    assert row["share_observed"] == 0.4
    assert row["expected"] == pytest.approx(expected)
    assert row["rerun"] == pytest.approx(rerun)
    assert row["input_error"] == pytest.approx(rerun - expected)
    assert row["of_uptake"] == pytest.approx(-0.2 * (full - base))
    assert row["residual"] == pytest.approx(row["input_error"] + row["model_error"])
    assert row["model_error"] == pytest.approx(6e6 - rerun)


def test_without_observed_inputs_nothing_is_split(followed: Any) -> None:
    row = row_of(followed(f"2040,pv_kwh_a,{SOLAR},9e6,,,x"), "pv_kwh_a", 2040)
    assert math.isnan(row["input_error"])
    assert math.isnan(row["model_error"])
    assert row["cause"] == judge.NOT_SPLIT


def test_of_another_version_only_what_inputs_change_is_used(followed: Any, run: FakeRun) -> None:
    kpi, rows = "energy_cost_eur_a", [f"2040,energy_cost_eur_a,{SOLAR},6e6,,,x", f"2040,{PATH},,0.3,,,x"]
    own = {s: totals(run, s, kpi)[0] for s in ("baseline", SOLAR)}
    same = {(2040, s, kpi): 1.2 * value for s, value in own.items()}
    drifted = {(2040, s, kpi): 1.2 * value + 7e5 for s, value in own.items()}
    nominal = {(NOMINAL, s, kpi): value + 7e5 for s, value in own.items()}
    one, other = followed(*rows, again=again_frame(same)), followed(*rows, again=again_frame(drifted | nominal))
    assert row_of(one, kpi, 2040)["input_error"] == pytest.approx(row_of(other, kpi, 2040)["input_error"])
    assert any("another version" in note for note in other.notes)


@settings(max_examples=8, deadline=None)
@given(bias=st.floats(-4000.0, 4000.0), effect=st.floats(-400.0, 400.0))
def test_an_observed_baseline_takes_out_what_the_model_is_always_off_by(
    run: FakeRun, canvas: Canvas, tmp_path_factory: pytest.TempPathFactory, bias: float, effect: float
) -> None:
    path = tmp_path_factory.mktemp("seen") / "o.csv"
    said = []
    for off in (0.0, bias):
        before = 8421.0 + off
        rows = [f"2027,total_co2_t_a,baseline,{before!r},,,x", f"2040,total_co2_t_a,{SOLAR},{before + effect!r},,,x"]
        path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
        row = row_of(follow_up(run, canvas, read_observed(path, run, canvas)), "total_co2_t_a", 2040)  # type: ignore[arg-type]
        assert row["against"] == EARLIER
        assert row["effect_observed"] == pytest.approx(effect, abs=1e-6)
        promised = Range(row["effect_expected"], row["effect_low"], row["effect_high"])
        seen = row["effect_observed"]
        near = min(abs(seen - promised.low), abs(seen - promised.high)) < 1e-3
        said.append("" if near else row["verdict"])
    assert "" in said or said[0] == said[1]


def test_what_the_effect_is_measured_against(followed: Any, run: FakeRun) -> None:
    kpi = "total_co2_t_a"
    rows = [f"{year},{kpi},{SOLAR},8300,,,x" for year in (2030, 2031, 2033)]
    seen = [f"2031,{kpi},baseline,8500,8450,8550,x", f"2031,{PATH},,0.3,,,x", f"2033,{PATH},,0.1,,,x"]
    base, full = totals(run, "baseline", kpi)[0], totals(run, SOLAR, kpi)[0]
    again = {(2031, "baseline", kpi): base + 50.0, (2033, "baseline", kpi): base - 30.0}
    again |= {(year, SOLAR, kpi): full for year in (2031, 2033)}
    found = followed(*rows, *seen, again=again_frame(again))
    first, same, later = (
        row_of(found, kpi, 2030),
        found.table[found.table["scenario"] == SOLAR].iloc[1].to_dict(),
        row_of(found, kpi, 2033)
    )  # fmt: skip
    assert (first["against"], same["against"], later["against"]) == (SIMULATED, SAME_YEAR, EARLIER)
    assert first["without"] == pytest.approx(base)
    assert (same["without"], same["effect_observed_low"], same["effect_observed_high"]) == (8500.0, -250.0, -150.0)
    assert later["without"] == pytest.approx(8500.0 - 80.0)  # adjusted by what the inputs change


# The balance


def test_observed_money_and_effects_stand_in_the_ledger(followed: Any, run: FakeRun) -> None:
    found = followed(
        "2036,import_kwh_a,baseline,3.3e7,,,x", f"2036,import_kwh_a,{SOLAR},3.2e7,,,x"
    )  # fmt: skip
    money = balance(found)
    (line,) = money.lines.to_dict("records")
    assert (line["line"], line["gainer"], line["year"]) == ("revenue-0", "residents", 2036)
    assert line["observed"] == pytest.approx(1e6 * 0.18)
    actors = money.actors.set_index("actor")
    gain = actors.loc["residents"]
    assert gain["difference"] == pytest.approx(line["observed"] - line["expected"])
    assert money.until == {SOLAR: 2036}
    assert actors.loc["utility", "verdict"] == NOT_OBSERVED if "utility" in actors.index else True


def test_money_on_a_simulated_baseline_is_as_unsure_as_that(followed: Any, run: FakeRun) -> None:
    idle = float(totals(run, "baseline", "import_kwh_a")[0])  # as if nothing had been done, well inside the interval
    found = followed(f"2036,import_kwh_a,{SOLAR},{idle!r},,,x")
    (row,) = found.table.to_dict("records")
    assert row["effect_observed_low"] < row["effect_observed"] < row["effect_observed_high"]
    money = balance(found).actors.set_index("actor")
    assert money.loc["residents", "difference"] < 0.0
    assert money.loc["residents", "verdict"] == AS_EXPECTED


def test_what_is_paid_once_counts_where_it_was_paid(followed: Any, run: FakeRun) -> None:
    seen = f"2030,delay_veh_h_day,{STREET},340,,,x"
    low = balance(followed(seen, f"2027,cost.paving,{STREET},160000,,,x")).actors.set_index("actor").loc["city"]
    assert (low["expected"], low["observed"]) == (pytest.approx(-150_000.0), pytest.approx(-160_000.0))
    assert low["verdict"] == AS_EXPECTED  # within the stated range of 200 to 450 EUR/m2
    high = balance(followed(seen, f"2027,cost.paving,{STREET},400000,,,x")).actors.set_index("actor").loc["city"]
    assert high["verdict"] == WORSE


def test_money_that_no_line_carries_is_said(followed: Any) -> None:
    money = balance(followed(f"2030,pv_kwh_a,{SOLAR},2e6,,,x", f"2030,cost.paving,{SOLAR},1,,,x"))
    assert any("cost.paving is not used" in note for note in money.notes)
    late = balance(followed(f"2060,import_kwh_a,{SOLAR},2e7,,,x"))
    assert any("do not reach that year" in note for note in late.notes)


# Answers and the page


def words(found: FollowUp) -> dict[str, str]:
    return {answer.question: answer.word for answer in report_of(found).answers}


def test_three_questions(followed: Any, run: FakeRun, canvas: Canvas) -> None:
    share = timetable(run, canvas, SOLAR).shares(2040)["large-roofs"]  # type: ignore[arg-type]
    base, full = (float(totals(run, s, "total_co2_t_a")[0]) for s in ("baseline", SOLAR))
    kept = f"2040,total_co2_t_a,{SOLAR},{base + share * (full - base)!r},,,x"
    broken = f"2040,import_kwh_a,{SOLAR},5e7,,,x"
    assert words(followed(kept)) == {VALUE: YES, BALANCE: NOT_KNOWN, REACHED: NOT_KNOWN}
    assert words(followed(broken))[VALUE] == NO
    mixed = words(
        followed(kept, broken, f"2040,uptake,{SOLAR},0.2,,,x", f"2040,participation.residents,{SOLAR},0.3,,,x")
    )
    assert mixed == {VALUE: PARTLY, BALANCE: NO, REACHED: NO}


def test_a_balance_of_which_little_was_observed_is_not_known(followed: Any, run: FakeRun) -> None:
    paved = followed(f"2030,delay_veh_h_day,{STREET},340,,,x", f"2026,cost.paving,{STREET},150000,,,x")
    assert words(paved)[BALANCE] == YES
    base, full = (float(totals(run, s, "import_kwh_a")[0]) for s in ("baseline", SOLAR))
    rows = [f"2036,import_kwh_a,baseline,{base!r},,,x", f"2036,import_kwh_a,{SOLAR},{full!r},,,x"]
    report = report_of(followed(*rows))
    assert set(report.money.actors["verdict"]) == {AS_EXPECTED}
    assert 0.0 < report.money.share[SOLAR] < 0.5
    assert words(report.followed)[BALANCE] == NOT_KNOWN


def test_uptake_against_plan(followed: Any) -> None:
    rows = [f"2040,pv_kwh_a,{SOLAR},2e6,,,x"]
    for year, share in ((2038, 0.6), (2039, 0.4), (2040, 0.8)):
        rows.append(f"{year},uptake.large-roofs,{SOLAR},{share},,,x")
    assert list(followed(*rows).uptake["verdict"]) == [AS_PLANNED, BEHIND, AHEAD]


def test_a_run_without_draws_is_not_judged(small_city: City, canvas: Canvas, tmp_path: Path) -> None:
    bare = make_run(small_city, tmp_path, draws=0)
    (tmp_path / "o.csv").write_text(f"{HEADER}2040,total_co2_t_a,{SOLAR},1,,,x\n", encoding="utf-8")
    found = follow_up(bare, canvas, read_observed(tmp_path / "o.csv", bare, canvas))  # type: ignore[arg-type]
    assert list(found.table["verdict"]) == [NO_INTERVAL]
    assert words(found)[VALUE] == NOT_KNOWN


def test_the_page_traces_every_number(followed: Any, tmp_path: Path) -> None:
    found = followed(
        "2027,import_kwh_a,baseline,3.3e7,3.2e7,3.4e7,x", f"2040,import_kwh_a,{SOLAR},3.2e7,,,<b>meters</b>",
        f"2040,pv_kwh_a,{SOLAR},2e6,1.9e6,2.1e6,x", f"2040,uptake,{SOLAR},0.5,,,x", f"2040,{PATH},,0.2,,,x",
        f"2040,participation.residents,{SOLAR},0.3,,,x",
    )  # fmt: skip
    report = report_of(found)
    page = render_follow_up(report)
    assert "<script" not in page
    assert "<b>meters</b>" not in page
    cells = re.findall(r'<data value="([^"]*)" data-from="([^"]*)" title="[^"]*">([^<]*)</data>', page)
    assert len(cells) > 40
    for value, ref, shown in cells:
        assert float(value) == report.traced.figures[ref].value or math.isnan(float(value))
        assert report.traced.text(ref).startswith(shown)
    for answer in report.answers:
        for sentence in answer.sentences:
            for part in sentence:
                if not isinstance(part, str):
                    assert part.ref in report.traced.figures
                else:
                    assert not re.search(r"\d", re.sub(r"\b(19|20)\d\d\b", "", part))
    write_follow_up(report, tmp_path / "f.csv", tmp_path / "f.html")
    back = pd.read_csv(tmp_path / "f.csv")
    assert list(back["residual"]) == pytest.approx(list(found.table["residual"]))
    assert (tmp_path / "f.html").read_text(encoding="utf-8") == page
