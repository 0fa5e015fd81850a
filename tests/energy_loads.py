"""Plain buildings and a plain year for tests of loads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from twin.city.model import HOURS
from twin.city.schema import BUILDING_USES
from twin.energy.loads import Loads, building_loads
from twin.energy.parameters import EnergyParameters
from twin.energy.profiles import Profiles

HOUR = np.arange(HOURS) % 24
DAY = np.arange(HOURS) // 24
SEASON = np.cos(2.0 * np.pi * (DAY + 10) / 365.0)  # 1 in midwinter
DAYLIGHT = np.maximum(0.0, np.sin(np.pi * (HOUR - 6.0) / 12.0) * (350.0 - 250.0 * SEASON) - 40.0 * SEASON)
TEMPERATURE = 8.0 - 12.0 * np.cos(2.0 * np.pi * (DAY - 15) / 365.0)
PARAMETERS = EnergyParameters()


def profiles() -> Profiles:
    """Return profiles that differ by use and hour."""
    kinds = len(BUILDING_USES)
    wave = 1.0 + 0.5 * np.sin(2.0 * np.pi * HOUR / 24.0 + np.arange(kinds)[:, None])
    flat = np.ones((kinds, HOURS))
    return Profiles(
        heat_set_c=21.0 * flat, cool_set_c=26.0 * flat, people_w_m2=2.0 * wave, electricity_w_m2=3.0 * wave,
        air_flow=0.5 * wave, hot_water=wave / wave.sum(axis=1, keepdims=True),
    )  # fmt: skip


def buildings(homes: list[int], use: str = "residential", cars: float = 0.0, prefix: str = "b") -> pd.DataFrame:
    """Return buildings of so many homes of two residents, 100 m² each."""
    count = np.array(homes, float)
    return pd.DataFrame(
        {"use": use, "floor_area_m2": 100.0 * count, "population": 2.0 * count, "electric_cars": cars * count},
        index=pd.Index([f"{prefix}{i}" for i in range(len(homes))], name="building_id"),
    )


def loads(table: pd.DataFrame, **changes: Any) -> Loads:
    """Return the loads of buildings whose energy follows floor area."""
    area = table["floor_area_m2"].to_numpy()
    given: dict[str, Any] = {
        "seed": 5, "appliance_scale": area / 1000.0, "tapped_kwh": 30.0 * area, "fan_kw": 0.0 * area,
        "temperature_c": TEMPERATURE, "daylight_w_m2": DAYLIGHT,
    }  # fmt: skip
    given |= changes
    return building_loads(table, profiles(), PARAMETERS, **given)
