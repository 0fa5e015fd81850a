"""The footprint of devices and of computing: by hand, within ranges, debited once from the CO2 of a scenario."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from report_fixture import FakeRun, make_run
from test_scenario_measures import study_of

from twin.city.model import City
from twin.decision.canvas import Canvas
from twin.decision.compare import compare
from twin.decision.footprint import CO2, COMPUTING, GRID, Footprint, footprint
from twin.errors import RunError
from twin.scenario.runner import plan_run, run_study
from twin.scenario.store import Run

FACTOR = 0.06
STATED = {"unit": "W", "source": "data sheet", "year": 2025}


class TimedRun(FakeRun):
    """A made-up run that took some processor time."""

    spent = 7200.0

    def cpu_seconds(self) -> float:
        return self.spent


@pytest.fixture
def run(small_city: City, tmp_path: Path) -> TimedRun:
    made = make_run(small_city, tmp_path)
    grid = {"path": GRID, "value": FACTOR}
    info = made.info | {"parameters": [*made.info["parameters"], grid]}
    return TimedRun(**{f.name: getattr(made, f.name) for f in dataclasses.fields(made)} | {"info": info})


def of(run: TimedRun, table: pd.DataFrame | None = None, **sections: Any) -> Footprint:
    canvas = Canvas.model_validate(sections)
    return footprint(run, canvas, compare(run) if table is None else table)  # type: ignore[arg-type]


def stated(value: float, low: float, high: float) -> dict[str, Any]:
    return STATED | {"value": value, "low": low, "high": high}


SENSORS = {
    "text": "sensors in roofs", "count": 2, "quantity_of": "roofs", "measure": "large-roofs",
    "power_w": stated(5, 4, 8), "embodied_kg": stated(30, 20, 60), "life_years": 6,
}  # fmt: skip
SERVER = {"text": "a server", "power_w": stated(200, 150, 300), "hours_a": 1000}


def test_devices_by_hand(run: TimedRun) -> None:
    run.info["changes"]["solar-roofs"][0]["quantities"]["roofs"] = 50.0
    found = of(run, devices=[SENSORS, SERVER])
    rows = found.rows.set_index(["scenario", "item"])
    sensors = rows.loc[("solar-roofs", "device-0")]
    assert sensors["count"] == 100.0
    assert [sensors[f"kwh_a{end}"] for end in ("", "_low", "_high")] == pytest.approx([4380.0, 3504.0, 7008.0])
    assert sensors["use_kg_a"] == pytest.approx(4380.0 * FACTOR)
    assert [sensors[f"embodied_kg_a{end}"] for end in ("", "_low", "_high")] == pytest.approx([500.0, 2000 / 6, 1000.0])
    assert sensors["co2_kg_a_high"] == pytest.approx(7008.0 * FACTOR + 1000.0)
    assert sensors["source"] == "data sheet (2025)"  # once, though both of its figures have it
    assert rows.loc[("car-free-street", "device-1"), "kwh_a"] == pytest.approx(200.0)
    assert ("car-free-street", "device-0") not in rows.index  # it has no such measure
    assert found.totals.loc["solar-roofs", "kwh_a"] == pytest.approx(4580.0)


def test_computing_by_hand_and_from_every_scenario(run: TimedRun) -> None:
    found = of(run, computing={"power_w": stated(30, 20, 40), "runs_a": 12})
    assert set(found.rows["item"]) == {COMPUTING} and len(found.rows) == 3
    assert found.totals["kwh_a"].tolist() == pytest.approx([7200 * 12 * 30 / 3.6e6] * 3)
    assert found.totals["co2_kg_a_high"].tolist() == pytest.approx([7200 * 12 * 40 / 3.6e6 * FACTOR] * 3)
    assert found.cpu_seconds == 7200.0 and found.notes == []
    run.spent = float("nan")
    found = of(run, computing={"power_w": stated(30, 20, 40)})
    assert found.rows.empty and "did not measure" in found.notes[0]
    assert "no section `computing`" in of(run).notes[0]


def test_net_co2_is_gross_and_footprint_with_both_ranges(run: TimedRun) -> None:
    table = compare(run)  # type: ignore[arg-type]
    found = of(run, table, devices=[{"text": "servers", "embodied_kg": stated(8e4, 5e4, 2e5), "life_years": 4}])
    gross = table[table["kpi"] == CO2].set_index("scenario")
    for row in found.net.to_dict("records"):
        saved = gross.loc[row["scenario"]]
        assert row["net_t_a"] == pytest.approx(saved["difference"] + 20.0)
        assert row["low"] == pytest.approx(saved["low"] + 12.5) and row["high"] == pytest.approx(saved["high"] + 50.0)
    net = found.net.set_index("scenario")
    # saves about 135 t in every draw: still better; the effect of the other is some 20 t up and within the noise
    assert net.loc["solar-roofs", "verdict"] == "better"
    assert net.loc["solar-roofs", "share"] == pytest.approx(20.0 / -gross.loc["solar-roofs", "difference"])
    assert np.isnan(net.loc["car-free-street", "share"]) or gross.loc["car-free-street", "difference"] < 0.0


def test_a_footprint_can_eat_the_saving(run: TimedRun) -> None:
    large = {"text": "too many servers", "embodied_kg": stated(1e6, 9e5, 1.1e6), "life_years": 1}
    verdicts = of(run, devices=[large]).net.set_index("scenario")["verdict"]
    assert verdicts.to_dict() == {"car-free-street": "worse", "solar-roofs": "worse", "combination": "better"}
    unsure = {"text": "servers", "embodied_kg": stated(1.4e5, 0.0, 4e5), "life_years": 1}
    assert of(run, devices=[unsure]).net.set_index("scenario").loc["solar-roofs", "verdict"] == "not distinguishable"


def test_without_devices_or_draws(small_city: City, tmp_path: Path) -> None:
    made = make_run(small_city, tmp_path, draws=0, idle=True)
    run = TimedRun(**{f.name: getattr(made, f.name) for f in dataclasses.fields(made)})
    found = of(run)
    assert found.rows.empty and (found.totals == 0.0).all(axis=None)
    table = compare(run).query("kpi == @CO2").set_index("scenario")  # type: ignore[arg-type]
    net = found.net.set_index("scenario")
    assert net["net_t_a"].to_dict() == table.loc[net.index, "difference"].to_dict()
    assert net["verdict"].to_dict() == table.loc[net.index, "verdict"].to_dict()
    assert net.loc["do-nothing", "verdict"] == "no change"
    without = compare(run).query("kpi != @CO2")  # type: ignore[arg-type]
    assert of(run, without).net.empty and any("has no total_co2_t_a" in note for note in of(run, without).notes)


def test_a_measure_that_cleans_the_grid_cleans_devices(run: TimedRun) -> None:
    run.info["changes"]["solar-roofs"][0]["factors"] = {GRID: 0.5}
    use = of(run, devices=[SERVER]).totals["use_kg_a"]
    assert use["solar-roofs"] == pytest.approx(0.5 * use["car-free-street"])


def test_what_cannot_be_counted_is_said(run: TimedRun) -> None:
    found = of(run, devices=[SENSORS])
    assert found.rows.empty and found.notes[1] == (
        "Solar on large roofs: not counted, its measures have no roofs: sensors in roofs"
    )
    with pytest.raises(ValidationError, match="below zero"):
        of(run, devices=[SERVER | {"power_w": stated(1, -1, 2)}])
    run.info["parameters"].pop()
    with pytest.raises(RunError, match=GRID):
        of(run, devices=[SERVER])


@given(st.floats(0.0, 1e4), st.floats(0.0, 1.0), st.floats(1.0, 10.0), st.floats(1.0, 50.0))
@settings(max_examples=40, deadline=None)
def test_footprints_add_and_lie_within_their_ranges(power: float, least: float, most: float, count: float) -> None:
    table = pd.DataFrame(columns=["kpi", "scenario"])
    info = {
        "scenarios": ["s"], "changes": {"s": []}, "labels": {"s": "S"}, "parameters": [{"path": GRID, "value": 0.1}],
    }  # fmt: skip
    run = TimedRun(Path(), info, {}, table, {}, {})
    one = {"text": "x", "count": count, "power_w": stated(power, least * power, most * power)}
    alone, twice = of(run, table, devices=[one]).totals, of(run, table, devices=[one, one]).totals
    np.testing.assert_allclose(twice, 2.0 * alone)
    assert (alone["co2_kg_a_low"] <= alone["co2_kg_a"]).all() and (alone["co2_kg_a"] <= alone["co2_kg_a_high"]).all()


def test_processor_time_of_a_log(tmp_path: Path) -> None:
    run, log = Run(tmp_path, {}), tmp_path / "log.jsonl"
    assert np.isnan(run.cpu_seconds())
    lines = [json.dumps({"event": "block", "cpu_seconds": x}) for x in (0.5, 2.25)]
    log.write_text("\n".join([*lines, '{"event": "blo']))  # killed while it wrote
    assert run.cpu_seconds() == 2.75
    log.write_text("\n".join([*lines, json.dumps({"event": "block", "seconds": 1.0})]))  # of an older version
    assert np.isnan(run.cpu_seconds())


def test_a_run_measures_its_processor_time(small_city: City, tmp_path: Path) -> None:
    some = f'building_id == "{small_city.buildings.index[0]}"'
    run = run_study(plan_run(study_of(m=[{"type": "install_pv", "where": some}]), small_city), tmp_path)
    events = [json.loads(line) for line in (run.path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all(event["cpu_seconds"] >= 0.0 for event in events)
    assert run.cpu_seconds() == pytest.approx(sum(event["cpu_seconds"] for event in events)) and run.cpu_seconds() > 0.0
    assert "cpu_seconds" not in (run.path / "run.json").read_text(encoding="utf-8")
