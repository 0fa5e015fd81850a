"""The page "How firm this is": every number by its reference, noise never called a gain, and what a study lacks."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from decision_run_fixture import canvas_run
from report_fixture import FakeRun

from tests.traced_pages import check_page
from twin.city.model import City
from twin.decision.canvas_sections import Pilot
from twin.decision.decide import Decision, decide
from twin.decision.elasticity import LOSES, NO_EFFECT, SAVES, TURNS, Elasticity, write_elasticity
from twin.decision.figures import Figures, figures_of
from twin.decision.figures_more import pilot_units
from twin.decision.pilot import Estimate, entity_areas
from twin.decision.sensitivity import COLUMNS, OF_METHOD, Method, Sensitivity, write_sensitivity
from twin.report import firmness_charts as charts
from twin.report import firmness_words as words
from twin.report.firmness_page import render_firmness

VALUE = {"unit": "W", "source": "data sheet", "year": 2025}
DEVICES = [
    {"text": "counters <of> 3 kinds", "count": 12, "measure": "car-free", "life_years": 6,
     "power_w": VALUE | {"value": 5, "low": 4, "high": 8}, "embodied_kg": VALUE | {"value": 30, "low": 20, "high": 60}},
]  # fmt: skip
COMPUTING = {"power_w": VALUE | {"value": 20, "low": 10, "high": 40}, "runs_a": 12}
MEMBERS = {
    "big": {"label": "Big city", "people": 600, "units": 100},
    "mid": {"label": "Middle city", "people": 300, "units": 40, "running_eur_a": 3},
    "small": {"label": "Small city", "people": 20, "units": 2},
}
EUR = {"unit": "EUR", "source": "assumption", "year": 2025}
PROGRAMME = {
    "members": MEMBERS,
    "development_eur": EUR | {"value": 90, "low": 60, "high": 200},
    "unit_eur": EUR | {"value": 10, "low": 8, "high": 12},
}
PARAMETERS = ("traffic.demand_factor", "traffic.value_of_time_eur_h", "solar.system_loss_share")


def pilot_of(city: City, **keys: Any) -> dict[str, Any]:
    west, south, east, north = city.buildings.total_bounds
    box = shapely.box(west, south, (west + east) / 2, (south + north) / 2)
    ring = gpd.GeoSeries([box], crs=city.buildings.crs).to_crs("EPSG:4326").iloc[0].exterior
    stated = {"scenario": "combination", "quantity": "heating_kwh_a", "per": "floor_area_m2", "edge_m": 40}
    return stated | {"inside": [list(map(float, p)) for p in ring.coords[:-1]]} | keys


def ranking(method: Method) -> Sensitivity:
    """Return a ranking of three parameters, the first two tied."""
    rows = []
    for kpi, size in (("total_co2_t_a", 40.0), ("car_share", 0.01), ("energy_cost_eur_a", 3e4)):
        size = size if method == "morris" else 0.6
        for scenario in ("car-free-street", "combination"):
            for rank, part in enumerate((1.0, 0.9, 0.0), start=1):
                more = (-size * part, size) if method == "morris" else (size * part / 2, 0.1)
                row = (scenario, kpi, "", PARAMETERS[rank - 1], rank, size * part, 0.1 * size, rank == 1, *more)
                rows.append(row)
    table = pd.DataFrame(rows, columns=[*COLUMNS, *OF_METHOD[method]])
    return Sensitivity(method, 10, 40, 7, dict.fromkeys(PARAMETERS, "normal, mean 1, sd 0.1"), table, ["a note of 2"])


def sweep() -> Elasticity:
    """Return a sweep in which one scenario turns, one saves throughout and one never saves."""
    savings = {"car-free-street": (10.0, 2.0, -6.0), "solar-roofs": (9.0, 9.5, 10.0), "combination": (-4.0, -3.0, -2.0)}
    rows = [
        (name, value, saving, 1.0 - saving / part[0] if part[0] > 0.0 else math.nan)
        for name, part in savings.items()
        for value, saving in zip((0.0, -0.5, -1.0), part, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["scenario", "elasticity", "saving_t_a", "rebound_share"])
    outcome = {"car-free-street": TURNS, "solar-roofs": SAVES, "combination": LOSES}
    turning = {"car-free-street": -0.625, "solar-roofs": None, "combination": None}
    return Elasticity(table, turning, outcome, ["equilibrium not reached at point 2"])


def whole_run(city: City, folder: Path, **changes: Any) -> FakeRun:
    """Return a run whose study has every section of the page."""
    sections = {"devices": DEVICES, "computing": COMPUTING, "shared_programme": PROGRAMME, "pilot": pilot_of(city)}
    run = canvas_run(city, folder, **sections | changes)
    run.info["parameters"] = [*run.info["parameters"], {"path": "electricity.co2_kg_kwh", "value": 0.06}]
    gross = run.table["quantity"].isin(["traffic_co2_gross_change_t_a", "vehicle_km_gross_change_day"])
    moved = run.table["scenario"].isin(["car-free-street", "combination"])
    run.table.loc[gross & moved, "value"] = -30.0 - run.table.loc[gross & moved, "draw"] / 10.0
    run.table.loc[(run.table["quantity"] == "rebound_share") & moved, "value"] = 0.3
    return run


@pytest.fixture(scope="module")
def decision(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> Decision:
    folder = tmp_path_factory.mktemp("firm")
    write_sensitivity(folder, ranking("morris"))
    write_elasticity(folder, sweep())
    return decide(whole_run(small_city, folder))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def figures(decision: Decision) -> Figures:
    return figures_of(decision)


@pytest.fixture(scope="module")
def page(decision: Decision, figures: Figures) -> str:
    return render_firmness(decision, figures)


def text_of(page: str, section: str) -> str:
    """Return the words of a section."""
    found = re.search(rf'<section id="{section}">(.*?)</section>', page, re.DOTALL)
    assert found, section
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def test_every_number_has_its_reference(decision: Decision, figures: Figures, page: str) -> None:
    assert check_page(page, figures) > 150
    assert page == render_firmness(decision, figures)
    for section in ("sensitivity", "rebound", "pilot", "footprint", "programme", "noise"):
        assert f'<section id="{section}">' in page
    assert 'id="missing"' not in page and 'id="elasticity"' in page
    for prefix in ("sensitivity/", "elasticity/", "pilot/", "footprint/", "programme/", "noise/", "kpi/", "run/"):
        assert f'data-from="{prefix}' in page


def test_a_study_without_the_sections_says_how_to_get_them(small_city: City, tmp_path: Path) -> None:
    bare = decide(canvas_run(small_city, tmp_path, accounts=None))  # type: ignore[arg-type]
    plain = render_firmness(bare, figures_of(bare))
    check_page(plain, figures_of(bare))
    assert not any(f'<section id="{name}">' in plain for name in ("sensitivity", "pilot", "footprint", "programme"))
    missing = text_of(plain, "missing")
    for way in ("list uncertain parameters", "twin sensitivity", "--elasticity", "shared_programme", "computing"):
        assert way in missing, way


def test_traffic_that_does_not_change_has_no_rebound(small_city: City, tmp_path: Path) -> None:
    run = canvas_run(small_city, tmp_path)
    still = run.table["quantity"].isin(["vehicle_km_day", "traffic_co2_t_a"])
    base = run.table[still & (run.table["scenario"] == "baseline")].set_index(["quantity", "draw"])["value"]
    keys = pd.MultiIndex.from_frame(run.table.loc[still, ["quantity", "draw"]])
    run.table.loc[still, "value"] = base.reindex(keys).to_numpy()
    quiet = decide(run)  # type: ignore[arg-type]
    plain = render_firmness(quiet, figures_of(quiet))
    assert '<section id="rebound">' not in plain and "--elasticity" not in plain


def test_noise_is_listed_and_never_called_a_gain(decision: Decision, figures: Figures, page: str) -> None:
    noise = text_of(page, "noise")
    for scenario in decision.scenarios:
        rows = decision.table[decision.table["scenario"] == scenario]
        unclear = rows[rows["verdict"] == "not distinguishable"]
        assert figures[f"noise/{scenario}/unclear"].value == len(unclear)
        assert figures[f"noise/{scenario}/moved"].value == (rows["verdict"] != "no change").sum()
        for kpi in unclear["kpi"]:
            assert f'data-from="kpi/{scenario}/{kpi}/low"' in page
    assert "cannot be told from noise" in noise and "better" not in noise.replace("not called better", "")


def test_too_few_draws_are_said(small_city: City, tmp_path: Path) -> None:
    run = whole_run(small_city, tmp_path)
    run.info["draws"], run.table = 0, run.table[run.table["draw"] == 0]
    poor = decide(run)  # type: ignore[arg-type]
    plain = render_firmness(poor, figures_of(poor))
    check_page(plain, figures_of(poor))
    assert "too few for intervals" in text_of(plain, "noise") and "too few draws" in plain
    assert "no interval" in text_of(plain, "footprint")


def test_rankings_say_ties_and_scale(figures: Figures, page: str) -> None:
    base = "sensitivity/combination"
    assert figures[f"{base}/energy_cost_eur_a/{PARAMETERS[0]}/influence"].value == pytest.approx(30.0)  # k€
    assert figures[f"{base}/car_share/{PARAMETERS[0]}/influence"].unit == "pp"
    shown = text_of(page, "sensitivity")
    assert f"{PARAMETERS[0]} and {PARAMETERS[1]} lead; their order is not certain." in shown
    assert "a note of 2" in shown and "Morris" in shown


def test_sobol_has_its_own_words(small_city: City, tmp_path: Path) -> None:
    write_sensitivity(tmp_path, ranking("sobol"))
    other = decide(whole_run(small_city, tmp_path))  # type: ignore[arg-type]
    numbers = figures_of(other)
    plain = render_firmness(other, numbers)
    check_page(plain, numbers)
    assert "share of the variance" in plain and "↑" not in text_of(plain, "sensitivity")
    assert numbers[f"sensitivity/combination/car_share/{PARAMETERS[0]}/influence"].unit == "share"


def test_the_elasticity_at_which_a_saving_turns(figures: Figures, page: str) -> None:
    shown = text_of(page, "rebound")
    assert "turns into a loss at an elasticity of −0.625" in shown and "saves CO₂ at every elasticity" in shown
    assert "equilibrium not reached at point 2" in shown
    assert figures["elasticity/car-free-street/2/saving_t_a"].value == -6.0
    assert "With a stronger answer of traffic the CO₂ saving turns into a loss" in page


def test_the_pilot_and_its_units(decision: Decision, figures: Figures, page: str, small_city: City) -> None:
    found = decision.pilot
    assert found is not None and figures["pilot/effect/value"].unit == "kWh/a per m²"
    assert figures["pilot/scaled/value"].unit == "kWh/a" and figures["pilot/area/pilot/units"].unit == "m²"
    areas = entity_areas(decision.run, found.pilot)
    counts = areas["area"].value_counts()
    for area in ("pilot", "edge", "control"):
        assert counts[area] == found.areas.loc[area, "entities"]
    assert "Whether it stands for the city is not known." in text_of(page, "pilot")
    links = Pilot.model_validate(pilot_of(small_city, layer="links", quantity="flow_veh_day", per=None))
    assert pilot_units(links) == ("", "link")


def test_the_answer_of_a_pilot_follows_the_truth(small_city: City, tmp_path: Path) -> None:
    run = whole_run(small_city, tmp_path, pilot=pilot_of(small_city, citywide="car-free-street"))
    other = decide(run)  # type: ignore[arg-type]
    assert other.pilot is not None
    for answer, said in (("inside the interval", "lies inside"), ("outside the interval", "does not stand")):
        judged = replace(other, pilot=replace(other.pilot, answer=answer))
        plain = render_firmness(judged, figures_of(judged))
        assert said in text_of(plain, "pilot")
        assert 'data-from="pilot/truth"' in plain


def test_the_footprint_is_debited(decision: Decision, figures: Figures, page: str) -> None:
    shown = text_of(page, "footprint")
    assert "counters &lt;of&gt; 3 kinds" in shown
    # two scenarios have the devices: they stand together, once
    assert shown.count("counters &lt;of&gt; 3 kinds") == 1
    assert "Car-free street ; Both, with deep retrofit" in shown
    assert figures["footprint/car-free-street/device-0/count"].value == 12.0
    assert 'data-from="footprint/cpu_seconds"' in page


def test_the_programme_names_who_would_leave(decision: Decision, page: str) -> None:
    found = decision.programme
    assert found is not None and not found.stays["equal"] and found.stays["stable"]
    shown = text_of(page, "programme")
    assert "Who would leave a split that is equal:" in shown and "Small city" in shown
    assert "splits that nobody gains by leaving" in page and "that some would leave: equal" in page


def test_hostile_texts_stay_texts(small_city: City, tmp_path: Path) -> None:
    nasty = "</svg><script>alert(1)</script>"
    write_sensitivity(tmp_path, replace(ranking("morris"), notes=[nasty]))
    members = {name: row | {"label": f"{nasty} {name}"} for name, row in MEMBERS.items()}
    run = whole_run(small_city, tmp_path, shared_programme=PROGRAMME | {"members": members})
    run.info["labels"] = {name: f"{nasty} {name}" for name in run.info["labels"]}
    run.info["question"] = nasty
    other = decide(run)  # type: ignore[arg-type]
    numbers = figures_of(other)
    plain = render_firmness(other, numbers)
    check_page(plain, numbers)
    assert "<script" not in plain and plain.count("</svg>") == plain.count("<svg")


def test_words_without_numbers() -> None:
    assert words.direction({"influence": 0.0, "mean": 0.0}) == ""
    assert [words.direction({"influence": 1.0, "mean": m}) for m in (0.95, -1.0, 0.2)] == ["↑", "↓", "↕"]
    assert "by as much" in words.against_difference(2.0, 2.0) and "no parameter" in words.against_difference(0.9, 2.0)
    assert "None of the parameters" in words.leaders(["a", "b"], whole=True)
    assert "a</span> matters most" in words.leaders(["a"], whole=False)
    assert words.far(0.0) == "–" and words.far(0.4) == "" and words.far(-80.0) == "many times over"
    assert "does not change" in words.turning(NO_EFFECT, words.Markup(""))
    assert "of another version" in words.turning("of another version", words.Markup(""))
    saving, rising = ({"verdict": "better", "difference": d} for d in (-3.0, 3.0))
    told = [words.rebound(saving, {"value": v}) for v in (-0.2, 0.4, 1.7)]
    told += [words.rebound(rising, {"value": v}) for v in (-0.2, 0.4, 1.7)]
    assert len(set(told)) == 6 and not any(re.search(r"\d", text) for text in told)
    unsure = {"verdict": "not distinguishable", "difference": -1.0}
    assert "cannot be told from noise" in words.rebound(unsure, {"value": 0.5})


def test_bars_are_to_scale() -> None:
    bars = [charts.Bar(name, value, 1.0, name == "a", "", "") for name, value in (("a", 8.0), ("b", 4.0))]
    chart = charts.ranking_chart("t", "u", bars, 9.0, 6.0)
    wide, narrow = (float(w) for w in re.findall(r'<rect x="208" [^>]*width="([\d.]+)"', chart))
    assert wide == pytest.approx(2 * narrow, abs=0.2) and chart.count("cannot be told apart") == 1
    assert "the difference itself" in chart
    assert "the difference itself" not in charts.ranking_chart("t", "u", bars, 9.0, 60.0)


def test_an_estimate_without_an_interval_or_a_truth() -> None:
    shown = {"scaled": "s", "truth": "t"}
    whole = charts.estimate_chart("t", "u", Estimate(-5.0, -7.0, -3.0), -4.0, shown)
    poor = charts.estimate_chart("t", "u", Estimate(-5.0, np.nan, np.nan), np.nan, shown)
    assert "simulated" in whole and "simulated" not in poor
    assert "nan" not in whole and "nan" not in poor


def test_maps_of_streets_are_lines(decision: Decision) -> None:
    links = decision.run.layer("baseline", "links")
    areas = links[["geometry"]].assign(area=np.where(np.arange(len(links)) % 2, "pilot", ""))
    lines = charts.pilot_map("t", "u", areas, [areas.union_all().envelope], True)
    assert 'fill="none" stroke="#2166ac"' in lines and "control area" not in lines
    assert charts.pilot_map("t", "u", areas.iloc[:0], [], True) == ""
