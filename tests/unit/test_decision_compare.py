"""Paired comparison: exact zeros, signs of verdicts, intervals, targets and the table of zones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_fixture import TOTALS, FakeRun, make_run

from twin.city.model import City
from twin.decision import compare as comparison
from twin.decision.compare import MINIMUM_DRAWS, VERDICTS, compare, interval, targets, verdict, write_kpis
from twin.decision.distribution import MINIMUM_RESIDENTS, count_outcomes, is_noise, zone_differences
from twin.decision.kpis import CATALOGUE, find_kpi
from twin.errors import StudyError

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)
DIFFERENCES = st.lists(NUMBERS, min_size=MINIMUM_DRAWS, max_size=40).map(np.array)


@pytest.fixture(scope="module")
def run(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    return make_run(small_city, tmp_path_factory.mktemp("run"), idle=True)


@given(NUMBERS, DIFFERENCES, st.sampled_from(["lower", "higher", "neutral"]))
@settings(max_examples=200, deadline=None)
def test_verdicts_follow_the_interval_and_mirror(nominal: float, differences: np.ndarray, better: str) -> None:
    low, high = interval(differences)
    found = verdict(nominal, differences, better)
    assert found in VERDICTS
    if (low > 0 and nominal > 0) or (high < 0 and nominal < 0):
        assert found in ("better", "worse", "changed")
        assert (found == "changed") == (better == "neutral")
    else:
        assert found in ("not distinguishable", "no change")
    swap = {"better": "worse", "worse": "better"}
    assert verdict(-nominal, -differences, better) == swap.get(found, found)
    if better == "lower":
        assert verdict(nominal, differences, "higher") == swap.get(found, found)


@given(st.lists(st.floats(1e-6, 1e9), min_size=MINIMUM_DRAWS, max_size=40).map(np.array))
@settings(max_examples=50, deadline=None)
def test_all_draws_above_zero_is_worse_where_lower_is_better(differences: np.ndarray) -> None:
    assert verdict(1.0, differences, "lower") == "worse"
    assert verdict(1.0, differences, "higher") == "better"
    assert verdict(1.0, np.append(differences, -differences), "lower") == "not distinguishable"
    for nominal in (0.0, -1.0):  # the reported value would contradict the word beside it
        assert verdict(nominal, differences, "lower") == "not distinguishable"


def test_few_draws_give_no_interval_and_no_judgement() -> None:
    for count in range(MINIMUM_DRAWS):
        assert np.isnan(interval(np.ones(count))).all()
        assert verdict(1.0, np.ones(count), "lower") == "no interval"
    assert verdict(0.0, np.zeros(0), "lower") == "no change"


def test_the_order_of_summing_is_no_difference(run: FakeRun) -> None:
    rows = run.table[(run.table["scenario"] == "baseline") & (run.table["quantity"] == "people_lden_55")]
    noisy = rows.assign(scenario="do-nothing", value=rows["value"] * (1 + 2e-16))
    rest = run.table[(run.table["scenario"] != "do-nothing") | (run.table["quantity"] != "people_lden_55")]
    table = compare(FakeRun(**{**vars(run), "table": pd.concat([rest, noisy])})).set_index(["scenario", "kpi"])
    assert table.loc[("do-nothing", "people_lden_55"), "verdict"] == "no change"


def test_doing_nothing_is_exactly_no_change(run: FakeRun) -> None:
    table = compare(run)
    idle = table[table["scenario"] == "do-nothing"]
    assert len(idle) == len(CATALOGUE)
    assert (idle["difference"] == 0.0).all()
    assert (idle[["low", "high"]] == 0.0).all().all()
    assert set(idle["verdict"]) == {"no change"}


def test_differences_are_paired_by_draw(run: FakeRun) -> None:
    """The common factor of each draw is far larger than the effect: only pairing can see the effect."""
    draws = run.draws()
    wide = draws[draws["quantity"] == "delay_veh_h_day"].pivot(index="draw", columns="scenario", values="value")
    paired = (wide["car-free-street"] - wide["baseline"]).loc[1:]
    row = compare(run).set_index(["scenario", "kpi"]).loc[("car-free-street", "delay_veh_h_day")]
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(paired, [0.05, 0.95])))
    assert row["draws"] == 16
    assert row["value"] - row["baseline"] == row["difference"]
    assert row["verdict"] == "worse"
    assert row["percent"] == pytest.approx(9.0, abs=1e-6)


def test_baseline_rows_and_columns(run: FakeRun) -> None:
    table = compare(run)
    baseline = table[table["scenario"] == "baseline"].set_index("kpi")
    assert baseline["value"].to_dict() == {name: pytest.approx(TOTALS[name]) for name in baseline.index}
    assert set(baseline["verdict"]) == {"baseline"}
    assert list(table.columns) == [
        "scenario", "kpi", "scope", "label", "value", "unit", "better", "baseline", "difference", "percent", "low",
        "high", "draws", "verdict",
    ]  # fmt: skip


def test_order_of_the_draws_table_does_not_matter(run: FakeRun) -> None:
    shuffled = FakeRun(**{**vars(run), "table": run.table.sample(frac=1.0, random_state=3)})
    pd.testing.assert_frame_equal(compare(run), compare(shuffled))


def test_a_missing_total_is_a_note_not_a_crash(run: FakeRun) -> None:
    fewer = FakeRun(**{**vars(run), "table": run.table[run.table["quantity"] != "car_share"]})
    table = compare(fewer)
    assert "car_share" not in set(table["kpi"])
    assert any("car_share" in note for note in table.attrs["notes"])


def test_zero_draws(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = make_run(small_city, tmp_path_factory.mktemp("nodraws"), draws=0)
    table = compare(run)
    assert table[["low", "high"]].isna().all().all()
    assert set(table["verdict"]) == {"baseline", "no interval", "no change"}
    wanted = targets(run)
    assert wanted["share"].isna().all()
    assert set(wanted["verdict"]) <= {"met", "missed"}


def test_targets_need_agreement_of_the_draws(run: FakeRun) -> None:
    table = targets(run).set_index(["kpi", "scenario"])
    assert table.loc[("total_co2_t_a", "combination"), "verdict"] == "met"
    assert table.loc[("total_co2_t_a", "baseline"), "verdict"] == "missed"
    assert table.loc[("delay_veh_h_day", "car-free-street"), "verdict"] == "uncertain"
    assert table["share"].between(0, 1).all()


def test_a_target_on_an_unknown_total_is_not_modelled(run: FakeRun) -> None:
    study = {**run.info["study"], "targets": [{"kpi": "happiness", "at_least": 1.0, "label": ""}]}
    odd = FakeRun(**{**vars(run), "info": {**run.info, "study": study}})
    assert set(targets(odd)["verdict"]) == {comparison.NOT_MODELLED}
    with pytest.raises(StudyError, match="unknown KPI"):
        find_kpi("delay_veh_h")


def test_kpi_files_are_equal_bytes(run: FakeRun) -> None:
    write_kpis(run)
    before = [(run.path / name).read_bytes() for name in ("kpis.parquet", "kpis.csv")]
    table = write_kpis(run)
    assert [(run.path / name).read_bytes() for name in ("kpis.parquet", "kpis.csv")] == before
    pd.testing.assert_frame_equal(pd.read_parquet(run.path / "kpis.parquet"), table)
    assert not list(run.path.glob(".*.part"))


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
@settings(max_examples=50, deadline=None)
def test_noise_rule(value: float, sd: float) -> None:
    found = bool(is_noise(np.array([value]), np.array([sd]))[0])
    assert found == (value != 0 and abs(value) < 1.64 * sd)
    assert not is_noise(np.array([value]), np.array([np.nan]))[0]


def test_zones_each_count_once_and_small_cells_are_hidden(run: FakeRun, small_city: City) -> None:
    layers = {key: layer.copy() for key, layer in run.layers.items()}
    for scenario in ("baseline", *run.info["scenarios"]):
        zones = layers[scenario, "zones"]
        zones.iloc[0, zones.columns.get_loc("population")] = MINIMUM_RESIDENTS - 0.5
    table = zone_differences(FakeRun(**{**vars(run), "layers": layers}))
    first = table[table["zone_id"] == small_city.zones.index[0]]
    assert set(first["outcome"]) == {"suppressed"}
    assert first[["residents", "baseline", "difference", "sd"]].isna().all().all()
    counts = count_outcomes(table)
    assert (counts.groupby(["scenario", "quantity"])["zones"].sum() == len(small_city.zones)).all()
    idle = table[(table["scenario"] == "do-nothing") & ~table["outcome"].isin(["suppressed", "no residents"])]
    assert set(idle["outcome"]) == {"no change"}
