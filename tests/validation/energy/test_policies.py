"""Two published results of policies against the studies of the library that ask for them.

Neither is a truth for our buildings: the projects publish what was saved, not the buildings. The limits are how far
the studies may stray before somebody must look; where they differ, and why, is said beside each.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.figures import Recorder
from twin.city.library import find_city
from twin.city.model import City
from twin.city.synthetic import generate_city
from twin.scenario.apply import apply_measures
from twin.scenario.evaluate import simulate_buildings
from twin.scenario.memo import Memo
from twin.scenario.parameters import model_parameters, scaled
from twin.scenario.schema import Study
from twin.scenario.study import load_study
from twin.solar.model import prepare_roofs

MILAN = "Sharing Cities, Milan: 60 % less energy, 470 t CO2 a year in more than 300 flats"
TAMPERE = "Ala-Kotila, Vainio and Heinonen 2020, doi 10.3390/smartcities3020009: eight student blocks"
FUELS = ["district_heating_kwh_a", "gas_kwh_a", "oil_kwh_a"]


@dataclass(frozen=True)
class Outcome:
    """What one scenario comes to: buildings, and heat for rooms and water by the hour in kW."""

    buildings: pd.DataFrame
    heat_kw: np.ndarray


def simulated(city: City, study: Study, **changed: float) -> dict[str, Outcome]:
    """Return the nominal outcome of every scenario of a study in a city, without traffic."""
    roofs, memo, found = prepare_roofs(city), Memo(), {}
    for name in study.names():
        applied = apply_measures(city, study, study.measures_of(name))
        parameters = scaled(model_parameters(study, 0), applied.factors | changed)
        frame, _, series, _ = simulate_buildings(
            applied.city, parameters, roofs, study.seed, 0, variant="numba", memo=memo
        )
        found[name] = Outcome(frame, series["heating_kw"] + series["hot_water_kw"])
    return found


@pytest.fixture(scope="module")
def milan(repo_root: Path) -> dict[str, Outcome]:
    return simulated(find_city("milan-blocks"), load_study(repo_root / "scenarios" / "milan-retrofit.yaml"))


@pytest.fixture(scope="module")
def blocks(repo_root: Path) -> dict[str, Outcome]:
    """The blocks of flats on district heating of a synthetic Finnish city, in the demand-response study."""
    city, study = generate_city(300, seed=3), load_study(repo_root / "scenarios" / "heat-demand-response.yaml")
    homes = city.buildings["use"].eq("residential") & city.buildings["heat_supply"].eq("district_heating")
    chosen = city.buildings[homes & (city.buildings["floor_area_m2"] > 500.0)]
    assert len(chosen) >= 30
    return simulated(city.replace(buildings=chosen), study)


def fuel(outcome: Outcome) -> float:
    return float(outcome.buildings[FUELS].to_numpy().sum())


def test_milan_saves_what_was_published(milan: dict[str, Outcome], figure: Recorder) -> None:
    """Heat bought falls as published. CO2 falls less, because it starts lower.

    1.57 t per flat is 60 % of 12.9 MWh of gas, or 138 kWh/m² of dwelling; our blocks need less before, being compact
    and without balconies, and with the prebound correction, by which old homes are heated less than is calculated.
    """
    before, after = milan["baseline"], milan["as-done"]
    saved = fuel(after) / fuel(before) - 1.0
    figure.check("Milan retrofit: heat bought", 100 * saved, -60.0, 8.0, "%", MILAN)
    co2 = float(after.buildings["co2_kg_a"].sum() - before.buildings["co2_kg_a"].sum()) / 1000.0
    figure.check("Milan retrofit: CO2", co2, -470.0, 0.3, "t/a", MILAN, relative=True)
    assert co2 / -306 <= 1.57  # the most that the published figures allow per flat


def test_milan_has_the_winter_of_its_decree() -> None:
    """Degree days below 20 °C from 15 October to 15 April: 2404 by the decree 412/93."""
    days = find_city("milan-blocks").weather.temperature_c.reshape(365, 24).mean(axis=1)
    season = np.concatenate([days[:105], days[287:]])
    assert np.maximum(20.0 - season, 0.0).sum() == pytest.approx(2404.0, rel=0.02)


def test_milan_is_mostly_the_envelope(milan: dict[str, Outcome]) -> None:
    envelope, all_ = (fuel(milan["baseline"]) - fuel(milan[name]) for name in ("envelope-only", "as-done"))
    assert 0.85 < envelope / all_ < 1.0
    assert (
        milan["as-done"].buildings["electricity_import_kwh_a"].sum()
        < milan["envelope-only"].buildings["electricity_import_kwh_a"].sum()
    )


def test_demand_response_against_the_field_test(blocks: dict[str, Outcome], figure: Recorder) -> None:
    """Response alone moves heat and saves next to none; the field test's saving is lower temperatures.

    The nine per cent a year of the field test came with controls that also ended overheating: by one kelvin less,
    our blocks save two thirds of that. Its peak is a mean over buildings and months, ours the highest hour of all.
    """
    base = blocks["baseline"]

    def change(name: str) -> tuple[float, float]:
        other = blocks[name]
        heat = 100.0 * (other.heat_kw.sum() / base.heat_kw.sum() - 1.0)
        return float(heat), float(100.0 * (other.heat_kw.max() / base.heat_kw.max() - 1.0))

    heat, peak = change("respond-and-cooler")
    figure.check("Heat demand response and 1 K less: heat a year", heat, -9.0, 5.0, "%", TAMPERE)
    figure.check("Heat demand response and 1 K less: peak", peak, -14.0, 7.0, "%", TAMPERE)
    response, shaved = change("all-respond")
    assert abs(response) < 2.0
    assert shaved < -3.0
    assert change("cooler-rooms")[0] < -4.0
    half = change("half-respond")
    assert shaved < half[1] < 0.0
