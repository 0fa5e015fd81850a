"""Simulating a study again with the inputs that were observed: values of parameters, and the weather of a year."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from twin.decision.follow_up import NOMINAL
from twin.decision.follow_up_observed import KPI, Observed
from twin.scenario.rerun import Progress, rerun
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.city.model import Weather
    from twin.scenario.runner import Plan


def years_of(observed: Observed, weather: Mapping[int, Weather]) -> list[int]:
    """Return the years in which a KPI and an input were observed: those to simulate again."""
    return sorted({int(y) for y in observed.of(KPI)["year"]} & {*observed.inputs(), *weather})


def simulate_again(
    plan: Plan,
    observed: Observed,
    weather: Mapping[int, Weather] | None = None,
    *,
    nominal: bool = False,
    progress: Progress | None = None,
) -> pd.DataFrame | None:
    """Return the totals with the observed inputs of each year; None where there are none.

    Parameters
    ----------
    plan : Plan
        The study made ready.
    observed : Observed
    weather : mapping of int to Weather, optional
        Measured weather by year, in place of the city's.
    nominal : bool
        Whether to simulate the study's own inputs too, as `NOMINAL`: where the run was made by another version.
    progress : callable, optional
        Called with (label, simulations done, simulations in all).

    Returns
    -------
    DataFrame
        year, scenario, quantity, value.
    """
    measured, inputs = weather or {}, observed.inputs()
    years = years_of(observed, measured)
    if not years:
        return None
    usual = [NOMINAL] * nominal + [year for year in years if year not in measured]
    parts = [(plan, usual)] if usual else []
    parts += [(_with_weather(plan, measured[year]), [year]) for year in years if year in measured]
    tables = []
    for each, of in parts:
        points = [inputs.get(year, {}) for year in of]
        table = rerun(each, points, scenarios=[BASELINE, *observed.scenarios], progress=progress)
        tables.append(table.assign(year=[of[point] for point in table["point"]]))
    return pd.concat(tables, ignore_index=True)[["year", "scenario", "quantity", "value"]]


def _with_weather(plan: Plan, weather: Weather) -> Plan:
    """Return the plan under other weather; what the measures act on stays as it was decided."""
    scenarios = {
        name: dataclasses.replace(
            each, city=each.city.replace(weather=weather), installed=each.installed.replace(weather=weather)
        )
        for name, each in plan.scenarios.items()
    }
    return dataclasses.replace(plan, city=plan.city.replace(weather=weather), scenarios=scenarios)
