"""Who wins and who loses: differences by zone, with small cells suppressed.

Two burdens are looked at: the mean generalised cost of a trip and the energy bills of homes per resident. A zone
wins (loses) when its difference to the baseline is below (above) zero by more than the noise of the paired draws.
Zones with fewer than `MINIMUM_RESIDENTS` residents are suppressed, as published tables of small cells are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

MINIMUM_RESIDENTS = 5
NOISE_FACTOR = 1.64
"""Differences below this many standard deviations of the paired difference are noise: a two-sided 90 % interval."""

WINS, LOSES, SAME, NOISY = "wins", "loses", "no change", "not distinguishable"
SUPPRESSED, EMPTY = "suppressed", "no residents"
OUTCOMES = (WINS, LOSES, NOISY, SAME, SUPPRESSED, EMPTY)


@dataclass(frozen=True)
class Burden:
    """A cost that zones carry: a column of the zones layer."""

    quantity: str
    label: str
    unit: str
    decimals: int


BURDENS = (
    Burden("mean_generalised_cost_min", "Generalised cost of a trip", "min/trip", decimals=2),
    Burden("energy_bill_eur_per_resident_a", "Energy bills of homes, per resident", "EUR/a", decimals=1),
)


def is_noise(value: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Return where a difference lies within the noise of its paired draws; never where `sd` is not known (NaN)."""
    return (value != 0.0) & (np.abs(value) < NOISE_FACTOR * np.nan_to_num(sd, nan=0.0))


def zone_differences(run: Run) -> pd.DataFrame:
    """Return the difference of every burden, scenario and zone against the baseline.

    Returns
    -------
    DataFrame
        scenario, quantity, label, unit, zone_id, residents (of the baseline), baseline, difference, sd, outcome
        (one of `OUTCOMES`). Residents and values of suppressed zones are empty.
    """
    baseline = run.layer(BASELINE, "zones")
    parts = []
    for scenario in run.info["scenarios"]:
        zones = run.layer(scenario, "zones").reindex(baseline.index)
        noise = run.noise(scenario)
        noise = noise[noise["layer"] == "zones"]
        for burden in BURDENS:
            if burden.quantity in baseline.columns and burden.quantity in zones.columns:
                sd = noise[noise["quantity"] == burden.quantity].set_index("id")["sd"].reindex(baseline.index)
                parts.append(_one(scenario, burden, baseline, zones, sd))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def count_outcomes(differences: pd.DataFrame) -> pd.DataFrame:
    """Return zones and residents by scenario, quantity and outcome: columns ``zones`` and ``residents``.

    Every zone is counted once. Residents of suppressed zones are not counted: the sum of a single cell would show it.
    """
    groups = differences.groupby(["scenario", "quantity", "outcome"], sort=False)
    return groups.agg(zones=("zone_id", "count"), residents=("residents", "sum")).reset_index()


def _one(scenario: str, burden: Burden, baseline: pd.DataFrame, zones: pd.DataFrame, sd: pd.Series) -> pd.DataFrame:
    residents = baseline["population"]
    before, after = baseline[burden.quantity], zones[burden.quantity]
    difference = (after - before).to_numpy(np.float64)
    spread = sd.to_numpy(np.float64)
    outcome = np.where(difference < 0, WINS, np.where(difference > 0, LOSES, SAME)).astype(object)
    outcome[is_noise(difference, spread)] = NOISY
    hidden = (residents < MINIMUM_RESIDENTS).to_numpy() | ~np.isfinite(difference)
    outcome[hidden] = np.where(residents[hidden] > 0, SUPPRESSED, EMPTY)
    table = pd.DataFrame(
        {
            "scenario": scenario,
            "quantity": burden.quantity,
            "label": burden.label,
            "unit": burden.unit,
            "zone_id": baseline.index.astype(str),
            "residents": residents.to_numpy(np.float64),
            "baseline": before.to_numpy(np.float64),
            "difference": difference,
            "sd": spread,
            "outcome": outcome,
        }
    )
    table.loc[hidden, ["residents", "baseline", "difference", "sd"]] = np.nan
    return table
