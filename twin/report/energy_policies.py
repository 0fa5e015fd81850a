"""Energy policies: who pays, what peaks become, and how much heat homes need by year of construction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.schema import YEAR_CLASSES
from twin.energy.lifecycle import LifecycleParameters, annuity_factor
from twin.report.charts import DAY, HOUR_MIDDLES, Lines
from twin.report.formats import NOTHING, eur, number
from twin.scenario.payments import OWNER_OF_USE, PAYERS, UTILITY, concerns_energy, summed
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

OTHER = "other measures, PV included"
"""Investments whose measures do not say who pays."""
LOADS = (
    ("heat", "Heat for rooms and hot water", ("heating_kw", "hot_water_kw")),
    ("district heat", "District heat", ("district_heating_kw",)),
    ("electricity", "Electricity from outside", ("import_kw",)),
)
LEAST_CO2_T = 0.5
"""A smaller change of CO2 makes no meaningful cost per tonne."""


def lifecycle_of(run: Run) -> LifecycleParameters:
    """Return the run's nominal period, interest and prices of life-cycle costs."""
    prefix = "lifecycle."
    rows = [row for row in run.info["parameters"] if row["path"].startswith(prefix)]
    return LifecycleParameters(**{row["path"].removeprefix(prefix): float(row["value"]) for row in rows})


def energy_policies(run: Run, table: pd.DataFrame, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return what the section shows; empty where no measure is an energy policy.

    Parameters
    ----------
    run : Run
    table : DataFrame
        Of `twin.decision.compare.compare`.
    labels : mapping
        Scenario names for readers.
    """
    if not concerns_energy(run.info["changes"]):
        return {}
    payers, money = who_pays(run, table, labels)
    life = lifecycle_of(run)
    return {
        "payers": payers,
        "money": money,
        "owners": list(dict.fromkeys(OWNER_OF_USE.values())),
        "running": any(row["yearly"] != NOTHING for row in money),
        "years": number(life.years),
        "rate": number(100 * life.discount_rate),
        "peaks": peak_rows(run, labels),
        "heat": heat_rows(run),
        "heat_names": [labels[name] for name in (BASELINE, *run.info["scenarios"])],
        "stock": stock_rows(run.info.get("stock") or []),
    }


def who_pays(run: Run, table: pd.DataFrame, labels: Mapping[str, str]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the payers that pay anything, and per scenario what is paid once and each year, against the baseline."""
    cells: dict[tuple[str, str], Any] = {(row["scenario"], row["kpi"]): row for row in table.to_dict("records")}
    paid = {name: _paid(run, name) for name in (BASELINE, *run.info["scenarios"])}
    bills = {name: bills_eur_a(run, name) for name in paid}
    rows: list[dict[str, Any]] = []
    life = lifecycle_of(run)
    annuity = annuity_factor(life.years, life.discount_rate)
    for name in run.info["scenarios"]:
        once = {p: paid[name].get(p, (0.0, 0.0))[0] - paid[BASELINE].get(p, (0.0, 0.0))[0] for p in PAYERS}
        yearly = sum(pay[1] for pay in paid[name].values()) - sum(pay[1] for pay in paid[BASELINE].values())
        invested = _difference(cells, name, "investment_eur")
        once[OTHER] = invested - sum(once.values())
        bill = {owner: bills[name][owner] - bills[BASELINE][owner] for owner in bills[name]}
        co2_t = _difference(cells, name, "total_co2_t_a")
        cost_eur_a = annuity * (invested - once[UTILITY]) + yearly + sum(bill.values())
        rows.append(
            {
                "label": labels[name],
                "once": once,
                "invested": _signed_eur(invested),
                "bills": {owner: _signed_eur(value) for owner, value in bill.items()},
                "resident": _signed_eur(_per_resident(run, name) - _per_resident(run, BASELINE)),
                "yearly": _signed_eur(yearly),
                "co2": number(co2_t, 0 if abs(co2_t) >= 100 else 1, signed=True),
                "cost": _signed_eur(cost_eur_a),
                "per_tonne": eur(cost_eur_a / -co2_t) if co2_t < -LEAST_CO2_T else NOTHING,
            }
        )
    payers = [p for p in (*PAYERS, OTHER) if any(abs(row["once"][p]) >= 1.0 for row in rows)]
    for row in rows:
        row["once"] = [_signed_eur(row["once"][p]) for p in payers]
    return payers, rows


def bills_eur_a(run: Run, scenario: str) -> dict[str, float]:
    """Return what heat and electricity cost in a year, by kind of owner."""
    buildings = run.layer(scenario, "buildings")
    owner = buildings["use"].map(OWNER_OF_USE)
    return {
        name: float(buildings["energy_cost_eur_a"][owner == name].sum())
        for name in dict.fromkeys(OWNER_OF_USE.values())
    }


def peak_rows(run: Run, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return, per scenario, the highest hour of each load in MW, and by how much it differs from the baseline's."""
    peaks = {
        name: {load: float(_load(run, name, parts).max()) for load, _, parts in LOADS}
        for name in (BASELINE, *run.info["scenarios"])
    }
    rows = []
    for name, own in peaks.items():
        cells = []
        for load, value in own.items():
            base = peaks[BASELINE][load]
            change = f"{number(100 * (value / base - 1), 1, signed=True)} %" if base > 0 and name != BASELINE else ""
            cells.append({"value": number(value / 1000.0, 2), "change": change})
        rows.append({"label": labels[name], "cells": cells})
    return rows


def peak_charts(run: Run) -> list[Lines]:
    """Return each load, in each scenario on the day of its own highest hour: peaks may move to another season."""
    charts = []
    for _, title, parts in LOADS:
        loads = {name: _load(run, name, parts) for name in (BASELINE, *run.info["scenarios"])}
        days = {name: int(np.argmax(load)) // 24 for name, load in loads.items()}
        values = {name: load[24 * days[name] : 24 * days[name] + 24] / 1000.0 for name, load in loads.items()}
        if any(load.any() for load in values.values()):
            marks = [(float(h), f"{h:02d}") for h in range(0, 25, 6)]
            note = _days(days)
            charts.append(
                Lines(
                    f"{title} on the peak day",
                    "MW",
                    "hour (local standard time)",
                    HOUR_MIDDLES,
                    DAY,
                    marks,
                    values,
                    note,
                )
            )
    return charts


def _days(days: Mapping[str, int]) -> str:
    """Return which day of the year is drawn."""
    if len(set(days.values())) == 1:
        return f"day {days[BASELINE] + 1} of the year"
    return f"each on the day of its highest hour; the baseline's is day {days[BASELINE] + 1} of the year"


def heat_rows(run: Run) -> list[dict[str, Any]]:
    """Return the room heat of homes per floor area in kWh/m²a, by year class: the baseline's and each scenario's."""
    found = []
    for name in (BASELINE, *run.info["scenarios"]):
        buildings = run.layer(name, "buildings")
        homes = buildings[(buildings["use"] == "residential") & (buildings["floor_area_m2"] > 0)]
        sums = homes.groupby("year_class")[["heating_kwh_a", "floor_area_m2"]].sum()
        sums.loc["all"] = homes[["heating_kwh_a", "floor_area_m2"]].sum()
        found.append((sums["heating_kwh_a"] / sums["floor_area_m2"], sums["floor_area_m2"]))
    rows = []
    for year in (*YEAR_CLASSES, "all"):
        area = found[0][1].get(year, 0.0)
        if area > 0:
            cells = [number(float(heat.get(year, math.nan))) for heat, _ in found]
            rows.append(
                {"year": year.replace("-", "–") if year[0].isdigit() else year, "area": number(area), "cells": cells}
            )
    return rows


def stock_rows(stock: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the rows of `twin.energy.stock.stock_comparison` as texts; year classes without homes are left out."""

    def text(value: float | None, decimals: int = 0, scale: float = 1.0) -> str:
        return NOTHING if value is None else number(scale * value, decimals)

    rows = []
    for row in stock:
        if row["buildings"]:
            low, high = row.get("measured_low_kwh_m2"), row.get("measured_high_kwh_m2")
            known = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
            rows.append(
                {
                    "year": row["year_class"],
                    "area": text(row["floor_area_m2"]),
                    "calculated": text(row["calculated_kwh_m2"]),
                    "corrected": text(row["corrected_kwh_m2"]),
                    "gap": text(row["gap"], scale=100.0),
                    "published": text(row["published_gap"], scale=100.0),
                    "measured": f"{text(low)} … {text(high)}" if known else NOTHING,
                }
            )
    return rows


def _load(run: Run, scenario: str, parts: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the sum of some hourly series in kW, float64 (8760,)."""
    series = run.series(scenario)
    return np.sum([series[part] for part in parts], axis=0)


def _paid(run: Run, scenario: str) -> dict[str, tuple[float, float]]:
    changes = run.info["changes"].get(scenario, [])
    return summed(tuple(row for change in changes for row in change.get("payments", ())))


def _difference(cells: Mapping[tuple[str, str], Any], scenario: str, kpi: str) -> float:
    row = cells.get((scenario, kpi))
    return float(row["difference"]) if row is not None else 0.0


def _per_resident(run: Run, scenario: str) -> float:
    """Return the energy bill of homes per resident."""
    buildings = run.layer(scenario, "buildings")
    homes = buildings["use"] == "residential"
    people = float(buildings["population"][homes].sum())
    return float(buildings["energy_cost_eur_a"][homes].sum()) / people if people else 0.0


def _signed_eur(value: float) -> str:
    if abs(value) < 0.5:
        return NOTHING
    return ("+" if value > 0 else "") + eur(value)
