"""A charging site as a queue M/M/c/K: losses, busy connectors and waiting against queueing theory."""

from __future__ import annotations

import dataclasses
from math import factorial
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import Point, box

from tests.figures import Recorder
from twin.operations.charging import OperationsParameters, simulate_charging

WEEKS = 20  # of five working days
ARRIVALS_PER_H = 20.0
SERVICE_H = 0.1  # 1.1 kWh at 11 kW, exponential


def theory(servers: int, places: int) -> tuple[float, float, float]:
    """Return the loss, the busy servers and the mean wait (minutes) of those who enter, in the steady state."""
    load = ARRIVALS_PER_H * SERVICE_H
    states = np.arange(servers + places + 1)
    weight = [load**n / (factorial(min(n, servers)) * servers ** max(0, n - servers)) for n in states]
    p = np.array(weight) / sum(weight)
    entering = ARRIVALS_PER_H * (1.0 - p[-1])
    return p[-1], load * (1.0 - p[-1]), 60.0 * float(p @ np.maximum(states - servers, 0)) / entering


@pytest.mark.parametrize(("servers", "places"), [(2, 0), (3, 2), (2, 4)])
def test_site_is_a_queue(servers: int, places: int, figure: Recorder) -> None:
    parameters = dataclasses.replace(
        OperationsParameters(), ev_share=1.0, public_charging_share=1.0, energy_kwh=1.1, energy_cv=1.0,
        queue_places=float(places), patience_min=720.0, vehicle_ac_kw=11.0,
    )  # fmt: skip
    zones = gpd.GeoDataFrame({"name": [""]}, geometry=[box(0.0, 0.0, 200.0, 200.0)], index=["z"], crs="EPSG:3067")
    site = {"connectors": [servers], "connector_power_kw": [22.0], "power_cap_kw": [1000.0]}
    sites = gpd.GeoDataFrame(site, geometry=[Point(100.0, 100.0)], index=["s"], crs="EPSG:3067")
    sites.index.name = "site_id"
    city = SimpleNamespace(zones=zones, charging_sites=sites)
    rates = np.full((1, 24), ARRIVALS_PER_H)
    weeks = [simulate_charging(city, rates, parameters, seed=1, draw=d) for d in range(WEEKS)]
    mean = {key: float(np.mean([week.totals[key] for week in weeks])) for key in weeks[0].totals}
    lost = mean["charging_turned_away_day"] / mean["charging_arrivals_day"]
    busy = float(np.mean([week.sites["utilisation"].iloc[0] for week in weeks])) * servers
    wait = mean["charging_mean_wait_min"]
    loss, carried, waiting = theory(servers, places)
    queue = f"Charging as M/M/{servers}/{servers + places}"
    source = "M/M/c/K steady state; sampling noise"
    # About 48,000 arrivals. Standard errors from the spread of the weeks: loss 0.003, busy 0.5 %, wait 1.5 %.
    figure.check(f"{queue}: share turned away", lost, loss, 0.01, "-", source)
    figure.check(f"{queue}: busy connectors", busy, carried, 0.02, "-", source, relative=True)
    if places:
        figure.check(f"{queue}: mean wait", wait, waiting, 0.05, "min", source, relative=True)
