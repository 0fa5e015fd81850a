"""What the calibrated model says of buildings without a meter and of the district, with intervals and trust."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twin.city.meters import CARRIERS, HEAT_CARRIERS
from twin.energy.calibration.forward import ELECTRICITY, HEAT, Forward
from twin.energy.calibration.observed import SLOTS, SUM_SD, Observed
from twin.energy.calibration.posterior import Calibration
from twin.energy.calibration.prior import Floats
from twin.energy.parameters import EnergyParameters
from twin.errors import DataError
from twin.random import entity_keys, normal

if TYPE_CHECKING:
    from twin.city.model import City, Weather
    from twin.energy.drives import SunOnBuildings

METERED, CALIBRATED, BORROWED, EXTRAPOLATED = "metered", "calibrated", "borrowed", "extrapolated"
TRUST = (METERED, CALIBRATED, BORROWED, EXTRAPOLATED)
ENOUGH = 5
"""Metered buildings that make a group, or a use, count as calibrated (assumption)."""
SIZE_REACH = 2.0
"""Buildings this many times larger than the largest metered one of their use, or smaller than the smallest, are out of
the meters' reach (assumption)."""
LEAST_MEMBERS = 19
"""Fewer members have no 90 % interval: the highest and lowest of 19 are its ends."""
ENDS = (0.05, 0.95)


@dataclass(frozen=True)
class Prediction:
    """Annual consumption of a city after calibration.

    Parameters
    ----------
    buildings : DataFrame
        Indexed like the city's buildings: for heat (behind the boiler, rooms and hot water) and electricity the
        columns ``<q>_kwh_a`` (median), ``<q>_low_kwh_a``, ``<q>_high_kwh_a`` (90 % interval),
        ``<q>_uncalibrated_kwh_a``, ``<q>_trust`` (`TRUST`) and ``<q>_meters`` (metered buildings of the group).
    totals : DataFrame
        Index carrier: uncalibrated_kwh, mean_kwh, low_kwh, high_kwh, metered_share (of the mean).
    """

    buildings: pd.DataFrame
    totals: pd.DataFrame


def predict(
    calibration: Calibration,
    city: City,
    weather: Weather,
    sun: SunOnBuildings,
    parameters: EnergyParameters,
    *,
    members: int | None = None,
    method: str = "modal",
    progress: Callable[[str, int, int], None] | None = None,
) -> Prediction:
    """Run the members of a calibration on all buildings of a city.

    Parameters
    ----------
    calibration, city, weather, sun, parameters
        As in `calibrate`.
    members : int, optional
        How many members to run, 19 or more; by default all.
    """
    count = calibration.members if members is None else min(members, calibration.members)
    if count < LEAST_MEMBERS:
        raise DataError(f"{count} members give no 90 % interval", expected=f"{LEAST_MEMBERS} or more")
    say = progress or (lambda *_: None)
    forward = Forward(
        city, weather, sun, parameters, np.arange(len(city.buildings)), seed=calibration.seed, method=method
    )
    nominal = forward.run(np.zeros((1, len(city.buildings), calibration.state.shape[-1]))).annual_kwh[0]
    runs = np.empty((count, *nominal.shape))
    for member in range(1, count + 1):
        say("all buildings", member - 1, count)
        runs[member - 1] = forward.run(calibration.logarithms(city.buildings, member)[None]).annual_kwh[0]
        _as_read(runs[member - 1], calibration, city, member)
    table = pd.DataFrame(index=city.buildings.index)
    for slot, (quantity, column) in enumerate(zip(SLOTS, (HEAT, ELECTRICITY), strict=True)):
        low, middle, high = np.quantile(runs[:, :, column], [ENDS[0], 0.5, ENDS[1]], axis=0, method="weibull")
        table[f"{quantity}_kwh_a"], table[f"{quantity}_low_kwh_a"], table[f"{quantity}_high_kwh_a"] = middle, low, high
        table[f"{quantity}_uncalibrated_kwh_a"] = nominal[:, column]
        trust, meters = trust_map(calibration.metered, slot, city.buildings)
        table[f"{quantity}_trust"], table[f"{quantity}_meters"] = trust, meters
    return Prediction(table, _totals(runs, nominal, table))


def _as_read(annual_kwh: Floats, calibration: Calibration, city: City, member: int) -> None:
    """Replace what was read by the reading, with the error of a meter."""
    observed = calibration.metered
    z = normal(calibration.seed, "energy.calibration.meter", entity_keys(observed.ids), member, n=len(SLOTS))
    place = city.buildings.index.get_indexer(observed.ids)
    for slot, columns in enumerate(([CARRIERS.index(c) for c in HEAT_CARRIERS], [ELECTRICITY])):
        has = np.flatnonzero((observed.carrier[:, slot] >= 0) & observed.months[:, slot].all(axis=1) & (place >= 0))
        rows = place[has]
        read = observed.annual_kwh[has, slot] * np.exp(SUM_SD * z[has, slot])
        said = annual_kwh[rows, observed.carrier[has, slot]]
        ratio = np.divide(read, said, out=np.ones_like(read), where=said > 0.0)
        annual_kwh[rows[:, None], columns] *= ratio[:, None]


def _totals(runs: Floats, nominal: Floats, table: pd.DataFrame) -> pd.DataFrame:
    sums = runs.sum(axis=1)
    low, high = np.quantile(sums, ENDS, axis=0, method="weibull")
    mean = sums.mean(axis=0)
    metered = []
    for column, carrier in enumerate(CARRIERS):
        quantity = SLOTS[0] if carrier in HEAT_CARRIERS else SLOTS[1]
        rows = (table[f"{quantity}_trust"] == METERED).to_numpy()
        metered.append(runs[:, rows, column].sum(axis=1).mean())
    return pd.DataFrame(
        {
            "uncalibrated_kwh": nominal.sum(axis=0),
            "mean_kwh": mean,
            "low_kwh": low,
            "high_kwh": high,
            "metered_share": np.divide(metered, mean, out=np.zeros_like(mean), where=mean > 0.0),
        },
        index=pd.Index(CARRIERS, name="carrier"),
    )


def trust_map(observed: Observed, slot: int, buildings: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return where each building's consumption is known from, and the metered buildings of its group.

    ``metered``: it has a meter. ``calibrated``: `ENOUGH` metered buildings of its use and year class. ``borrowed``: at
    least one of these, or `ENOUGH` of its use. ``extrapolated``: neither, or a size beyond `SIZE_REACH` of the metered
    buildings of its use.
    """
    has = observed.ids[observed.carrier[:, slot] >= 0]
    metered = buildings.index.isin(has)
    use, year = buildings["use"].astype(str), buildings["year_class"].astype(str)
    group = use + "/" + year
    of_group = group.map(group[metered].value_counts()).fillna(0).to_numpy(np.int64)
    of_use = use.map(use[metered].value_counts()).fillna(0).to_numpy(np.int64)
    area = buildings["floor_area_m2"]
    sizes = area[metered].groupby(use[metered]).agg(["min", "max"])
    smallest = use.map(sizes["min"]).to_numpy(np.float64) / SIZE_REACH
    largest = use.map(sizes["max"]).to_numpy(np.float64) * SIZE_REACH
    inside = (area.to_numpy() >= smallest) & (area.to_numpy() <= largest)
    trust = np.select(
        [metered, inside & (of_group >= ENOUGH), inside & ((of_group > 0) | (of_use >= ENOUGH))],
        [METERED, CALIBRATED, BORROWED],
        EXTRAPOLATED,
    )
    return trust.astype(object), of_group
