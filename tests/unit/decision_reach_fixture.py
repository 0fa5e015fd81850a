"""A made-up run of a few buildings whose incidence can be counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tests.unit.report_fixture import FakeRun

CRS = "EPSG:3067"
SCENARIO = "change"


def run_of(
    buildings: pd.DataFrame,
    after: pd.DataFrame,
    zones: pd.DataFrame,
    zones_after: pd.DataFrame,
    *,
    sd: float = 0.0,
    links: pd.DataFrame | None = None,
    links_after: pd.DataFrame | None = None,
) -> Any:
    """Return a run of one scenario; buildings stand 100 m apart on a line, streets are given with `at`, their x."""
    layers = {}
    for scenario, tables in (("baseline", (buildings, zones, links)), (SCENARIO, (after, zones_after, links_after))):
        layers[scenario, "buildings"] = _placed(tables[0], lambda x: shapely.box(x, 0, x + 20, 20), buildings.index)
        layers[scenario, "zones"] = _placed(tables[1], lambda x: shapely.box(x, 0, x + 90, 90), zones.index)
        streets = pd.DataFrame({"at": []}) if tables[2] is None else tables[2]
        shapes = [shapely.LineString([(x, -40), (x, 40)]) for x in streets["at"]]
        layers[scenario, "links"] = gpd.GeoDataFrame(streets, geometry=shapes, crs=CRS)
    parts = []
    for layer in ("buildings", "zones"):
        was, new = layers["baseline", layer], layers[SCENARIO, layer]
        common = was.index.intersection(new.index)
        for name in ("energy_cost_eur_a", "lden_db", "nox_ug_m3", "mean_generalised_cost_min", "accessibility_min"):
            if name in was.columns and name in new.columns:
                value = (new[name].reindex(common) - was[name].reindex(common)).to_numpy()
                part = {"layer": layer, "id": common, "quantity": name, "value": value, "sd": sd * np.ones(len(common))}
                parts.append(pd.DataFrame(part))
    noise = {SCENARIO: pd.concat(parts, ignore_index=True)} if parts else {}
    info = {"scenarios": [SCENARIO], "labels": {"baseline": "As it is", SCENARIO: "Change"}}
    return FakeRun(Path("nowhere"), info, layers, pd.DataFrame(), {}, noise)


def _placed(table: pd.DataFrame, shape: Any, order: pd.Index) -> gpd.GeoDataFrame:
    place = {name: k for k, name in enumerate(order)}
    new = iter(range(len(order), len(order) + len(table)))
    shapes = [shape(100.0 * (place[name] if name in place else next(new))) for name in table.index]
    return gpd.GeoDataFrame(table.copy(), geometry=shapes, crs=CRS)


def random_run(seed: int, n: int = 30, zones: int = 4) -> Any:
    """Return a run whose buildings gain and lose at random; some are changed by a measure, some empty."""
    rng = np.random.default_rng(seed)
    ids = [f"b{k:03}" for k in range(n)]
    names = [f"z{k}" for k in range(zones)]
    before = pd.DataFrame(
        {
            "use": rng.choice(["residential", "residential", "office"], n),
            "population": rng.integers(0, 7, n).astype(float),
            "zone_id": rng.choice(names, n),
            "pv_share": 0.0,
            "energy_cost_eur_a": rng.uniform(200, 4000, n),
            "lden_db": 55.0,
        },
        index=pd.Index(ids, name="building_id"),
    )
    after = before.copy()
    after["energy_cost_eur_a"] *= rng.choice([0.8, 1.0, 1.0, 1.3], n)
    after["lden_db"] += rng.choice([-3.0, 0.0, 0.0, 0.0, 2.0], n)
    after["pv_share"] = rng.choice([0.0, 0.5], n)
    zone = pd.DataFrame({"parking_eur": 0.0, "accessibility_min": 20.0}, index=pd.Index(names, name="zone_id"))
    return run_of(before, after, zone, zone.copy())
