"""The whole decision layer on the result of a large city: from the run folder to canvas, ledger, brief and JSON.

The city is synthetic, the measures of the study are applied to it as in a run; the results of the simulation are made
up (an effect where a measure acts, with noise), since the decision layer reads them and does not make them. Timed are
reading the folder, the KPI table, claims, ledgers with their samples, transfers, incidence of every resident, the
robustness of the choice, and writing all pages.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from harness import Case, Job

STUDY = "retrofit-or-heat-pumps"
DRAWS = 16
_EFFECTS = {"heating_kwh_a": 0.7, "district_heating_kwh_a": 0.7, "co2_kg_a": 0.6, "energy_cost_eur_a": 0.85}
"""What is left where a measure acts."""


def _prepare(size: int) -> Job:
    from twin.city.synthetic import generate_city

    folder = Path(tempfile.mkdtemp(prefix="twin-decision-"))
    write_result(generate_city(size, seed=1), folder)

    def job() -> dict[str, float]:
        from twin.decision.decide import decide
        from twin.decision.figures import figures_of
        from twin.report.decision_pages import decision_data, write_pages
        from twin.scenario.store import Run

        begun = time.perf_counter()
        run = Run.open(folder)
        decision = decide(run)
        figures = figures_of(decision)
        decided = time.perf_counter()
        pages = write_pages(decision, figures)
        json.dumps(decision_data(decision, figures))
        return {
            "decide_s": decided - begun,
            "pages_s": time.perf_counter() - decided,
            "pages": len(pages),
            "figures": len(figures),
        }

    return job


def write_result(city: Any, folder: Path) -> None:
    """Write the folder of a finished run of the study on a city, with made-up results."""
    from twin.city.library import library_root
    from twin.scenario import files
    from twin.scenario.apply import apply_measures
    from twin.scenario.store import BASELINE, CANVAS
    from twin.scenario.study import load_study

    study = _moved(load_study(library_root() / "scenarios" / f"{STUDY}.yaml"), city)
    rng = np.random.default_rng(3)
    applied = {name: apply_measures(city, study, study.measures_of(name)) for name in study.names()}
    before = _results(city, rng)
    draws = []
    for name, made in applied.items():
        buildings = _after(made.city.buildings, city.buildings, before["buildings"])
        (folder / name).mkdir(parents=True)
        buildings.to_parquet(folder / name / "buildings.parquet")
        made.city.zones.join(before["zones"]).to_parquet(folder / name / "zones.parquet")
        made.city.links.to_parquet(folder / name / "links.parquet")
        if name != BASELINE:
            _noise(buildings, before, rng).to_parquet(folder / name / "noise.parquet", index=False)
        draws.append(_totals(name, rng))
    pd.concat(draws, ignore_index=True).to_parquet(folder / "draws.parquet", index=False)
    files.write_json(folder / CANVAS, study.canvas)
    files.write_json(folder / "run.json", _info(study, city, applied))


def _moved(study: Any, city: Any) -> Any:
    """Return the study with its outlines in this city: the pilot in one quarter of it, the control in the opposite."""
    west, south, east, north = city.buildings.to_crs("EPSG:4326").total_bounds
    middle = (west + east) / 2.0, (south + north) / 2.0
    pilot = [[west, south], [middle[0], south], [*middle], [west, middle[1]]]
    control = [[*middle], [east, middle[1]], [east, north], [middle[0], north]]
    plain = study.model_dump(mode="json")
    for interventions in plain["measures"].values():
        for one in interventions:
            if one.get("inside"):
                one["inside"] = pilot
    if plain["canvas"] and plain["canvas"].get("pilot"):
        plain["canvas"]["pilot"] |= {"inside": pilot, "control": control}
    return type(study).model_validate(plain)


def _results(city: Any, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Return result columns of the baseline."""
    buildings, zones = city.buildings, city.zones
    area = buildings["floor_area_m2"].to_numpy(np.float64)
    made = {
        "heating_kwh_a": 130.0 * area * rng.uniform(0.6, 1.4, len(area)),
        "district_heating_kwh_a": 150.0 * area * rng.uniform(0.6, 1.4, len(area)),
        "pv_kwh_a": np.zeros(len(area)),
        "co2_kg_a": 25.0 * area,
        "energy_cost_eur_a": 18.0 * area * rng.uniform(0.8, 1.2, len(area)),
        "lden_db": rng.uniform(45.0, 70.0, len(area)),
        "nox_ug_m3": rng.gamma(2.0, 2.0, len(area)),
    }
    homes = buildings["population"].groupby(buildings["zone_id"]).sum().reindex(zones.index, fill_value=0.0)
    of_zones = {
        "population": homes,
        "mean_generalised_cost_min": rng.uniform(5.0, 25.0, len(zones)),
        "accessibility_min": rng.uniform(10.0, 30.0, len(zones)),
        "consumer_surplus_eur_day": np.zeros(len(zones)),
        "energy_bill_eur_per_resident_a": rng.uniform(300.0, 900.0, len(zones)),
    }
    return {
        "buildings": pd.DataFrame(made, index=buildings.index),
        "zones": pd.DataFrame(of_zones, index=zones.index),
    }


def _after(buildings: Any, before: Any, results: pd.DataFrame) -> Any:
    """Return the buildings of a scenario: where a measure acts, less heat, less CO2 and a smaller bill."""
    acted = np.zeros(len(buildings), bool)
    for column in ("envelope", "upgrades", "heat_supply", "heating_shift_k", "heat_response"):
        acted |= (buildings[column].astype(str) != before[column].astype(str)).to_numpy()
    after = results.copy()
    for column, factor in _EFFECTS.items():
        after.loc[acted, column] *= factor
    return buildings.join(after)


def _noise(buildings: Any, before: dict[str, pd.DataFrame], rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for quantity in before["buildings"].columns:
        value = buildings[quantity].to_numpy() - before["buildings"][quantity].to_numpy()
        sd = 0.1 * np.abs(value) * rng.uniform(0.5, 2.0, len(value))
        part = {"layer": "buildings", "id": buildings.index, "quantity": quantity, "value": value, "sd": sd}
        parts.append(pd.DataFrame(part))
    for quantity in before["zones"].columns.drop("population"):
        part = {"layer": "zones", "id": before["zones"].index, "quantity": quantity, "value": 0.0, "sd": 0.0}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def _totals(scenario: str, rng: np.random.Generator) -> pd.DataFrame:
    """Return every KPI in every draw: in scenarios a tenth less, more or less."""
    from twin.decision.kpis import CATALOGUE
    from twin.scenario.store import BASELINE

    common = np.random.default_rng(9).normal(1.0, 0.05, DRAWS + 1)
    common[0] = 1.0
    parts = []
    for i, kpi in enumerate(CATALOGUE):
        effect = np.zeros(DRAWS + 1) if scenario == BASELINE else rng.normal(-0.1, 0.05, DRAWS + 1)
        value = (1000.0 + 100.0 * i) * common * (1.0 + effect)
        row = {"scenario": scenario, "draw": range(DRAWS + 1), "quantity": kpi.id, "value": value}
        parts.append(pd.DataFrame(row))
    return pd.concat(parts, ignore_index=True)


def _info(study: Any, city: Any, applied: dict[str, Any]) -> dict[str, Any]:
    import dataclasses

    from twin.scenario.parameters import model_parameters
    from twin.scenario.run_info import parameter_table

    plain = {key: value for key, value in study.resolved().items() if key != "canvas"}
    return {
        "format": 1, "run": f"{study.study}-made-up", "identity": "0" * 64, "study": plain, "question": study.question,
        "city": dataclasses.asdict(city.meta), "scenarios": list(study.scenarios), "labels": study.labels(),
        "size": {name: len(getattr(city, name)) for name in ("buildings", "links", "nodes", "zones")},
        "draws": DRAWS, "seed": study.seed, "warnings": [], "sources": [],
        "changes": {name: [dataclasses.asdict(c) for c in made.changes] for name, made in applied.items()},
        "parameters": parameter_table(model_parameters(study, 0), study),
        "weather": {"title": city.weather.title}, "versions": {}, "resolution": {"score": 0.0, "rows": []},
    }  # fmt: skip


CASES = [
    Case(
        name="decision-scale",
        work="the whole decision layer on a finished run: claims, ledger, incidence, robustness and all pages",
        size_unit="buildings",
        sizes=(1_000, 10_000, 100_000),
        quick_sizes=(1_000,),
        prepare=_prepare,
        isolated=True,
        repetitions=3,
    )
]
