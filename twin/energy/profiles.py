"""Hourly profiles of use, year starting on a Monday: set-points, gains, ventilation, electricity, hot water."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from twin.city.model import HOURS
from twin.city.schema import BUILDING_USES
from twin.energy.archetypes import IDLE_FLOW_L_S_M2, IDLE_LOAD, Use
from twin.energy.parameters import EnergyParameters
from twin.energy.response import response_setpoints

SCHOOL_HOLIDAY = (152, 222)  # June to 10 August, days of the year counted from 0 (assumption)

# Relative use over the day of a dwelling (assumption: morning and evening peaks of many dwellings together).
_HOME_POWER = (5, 4, 4, 4, 4, 5, 7, 9, 9, 8, 8, 8, 9, 9, 9, 10, 12, 14, 16, 16, 15, 13, 10, 7)
_HOME_WATER = (2, 1, 1, 1, 2, 5, 9, 9, 7, 6, 5, 5, 5, 5, 5, 5, 6, 8, 9, 10, 10, 9, 7, 4)
_HOME_PEOPLE = (10, 10, 10, 10, 10, 10, 9, 7, 5, 4, 4, 4, 4, 4, 5, 6, 7, 8, 8, 9, 9, 10, 10, 10)
_HOME_DARKNESS = 0.2  # more electricity in midwinter, less in midsummer (assumption)


@dataclass(frozen=True)
class Profiles:
    """Tables by use (rows in the order of `BUILDING_USES`) and hour, float64 (8, 8760); per floor area where m2.

    `air_flow` is a multiple of the standard flow; `hot_water` shares of the year's heat, summing to 1.
    """

    heat_set_c: NDArray[np.float64]
    cool_set_c: NDArray[np.float64]
    people_w_m2: NDArray[np.float64]
    electricity_w_m2: NDArray[np.float64]
    air_flow: NDArray[np.float64]
    hot_water: NDArray[np.float64]


def build_profiles(
    uses: Mapping[str, Use], parameters: EnergyParameters, temperature_c: NDArray[np.float64]
) -> Profiles:
    """Return the profiles of all uses for one year of outdoor temperatures (8760,), which say when heating starts."""
    hour = np.arange(HOURS) % 24
    day = np.arange(HOURS) // 24
    rows: dict[str, list[NDArray[np.float64]]] = {f: [] for f in Profiles.__dataclass_fields__}
    for name in BUILDING_USES:
        use = uses[name]
        busy = _busy(name, use, hour, day)
        people, electricity, water = _loads(name, use, busy, hour, day)
        setback = 0.0 if use.first_hour == 0 and use.end_hour == 24 else parameters.night_setback_k
        warm = _warm(busy, temperature_c, parameters)
        flow = np.where(busy > 0.0, 1.0, IDLE_FLOW_L_S_M2 / use.flow_l_s_m2)
        heat_set = np.where(warm, 0.0, -setback) + use.heating_c + parameters.heating_setpoint_shift_k
        cool_set = np.full(HOURS, use.cooling_c + parameters.cooling_setpoint_shift_k)
        rows["heat_set_c"].append(heat_set)
        rows["cool_set_c"].append(np.maximum(cool_set, heat_set + 1.0))
        rows["people_w_m2"].append(people)
        rows["electricity_w_m2"].append(electricity)
        rows["air_flow"].append(flow)
        rows["hot_water"].append(water / water.sum())
    return Profiles(**{name: np.stack(values) for name, values in rows.items()})


def _warm(
    busy: NDArray[np.float64], temperature_c: NDArray[np.float64], parameters: EnergyParameters
) -> NDArray[np.bool_]:
    """Return the hours without set-back: those of use, and before them as many as the cold asks for."""
    lead = parameters.preheat_h + parameters.preheat_cold_h_k * np.maximum(0.0, 5.0 - temperature_c)
    warm = busy > 0.0
    for hours in range(1, 25):
        warm = warm | (np.roll(busy > 0.0, -hours) & (hours <= np.round(lead)))
    return np.asarray(warm)


def _busy(name: str, use: Use, hour: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.float64]:
    busy = (hour >= use.first_hour) & (hour < use.end_hour) & (day % 7 < use.days)
    if name == "education":
        busy &= ~((day >= SCHOOL_HOLIDAY[0]) & (day < SCHOOL_HOLIDAY[1]))
    return busy.astype(np.float64)


def _loads(
    name: str, use: Use, busy: NDArray[np.float64], hour: NDArray[np.int64], day: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return heat of people and electricity in W/m², and the unscaled profile of hot water."""
    lighting = use.lighting_w_m2 * use.lighting_share
    equipment = use.equipment_w_m2 * use.occupancy
    if name == "residential":
        shape = np.array(_HOME_POWER) / np.mean(_HOME_POWER)
        season = 1.0 + _HOME_DARKNESS * np.cos(2.0 * np.pi * (day + 10) / 365.0)
        people = np.array(_HOME_PEOPLE) / np.mean(_HOME_PEOPLE)
        return (
            use.people_w_m2 * use.occupancy * people[hour],
            (lighting + equipment) * shape[hour] * season,
            np.array(_HOME_WATER, np.float64)[hour],
        )
    load = np.where(busy > 0.0, 1.0, IDLE_LOAD)
    return use.people_w_m2 * use.occupancy * busy, (lighting + equipment) * load, np.maximum(busy, 0.02)


def responding(profiles: Profiles, signals: Sequence[NDArray[np.float64]], parameters: EnergyParameters) -> Profiles:
    """Return the profiles, then once more for each signal (8760,) with the set-points of heating that follow it."""
    parts = [profiles]
    for signal in signals:
        follows = response_setpoints(profiles.heat_set_c, profiles.cool_set_c, signal, parameters)
        parts.append(replace(profiles, heat_set_c=follows))
    return Profiles(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Profiles)})
