"""From buildings, envelope and profiles to the arrays of the kernel ``energy.zone_balance``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.model import Weather
from twin.city.schema import BUILDING_USES, ENVELOPES, YEAR_CLASSES
from twin.energy import archetypes as arch
from twin.energy.envelope import Shells
from twin.energy.parameters import EnergyParameters
from twin.kernels.energy.zone_contract import ZONE_COLUMNS
from twin.random import entity_keys, normal

AIR_J_M3K = 1200.0
LEAKAGE_DIVISOR = ((5.0, 15.0), (3.0, 20.0), (2.0, 24.0), (0.0, 35.0))
"""q50 over mean leakage by storeys from this number up (Finnish decree 1010/2017, formerly D5; 35 was checked, the
others are given as recalled)."""
DESIGN_MARGIN = 1.5
"""Heating capacity over the steady loss in the coldest hour (assumption)."""

BASE_C = 17.0
"""Base temperature of the Finnish heating degree days S17."""
PREBOUND_FROM_KWH_M2 = 100.0
PREBOUND_PER_KWH_M2 = 0.30 / (225.0 - PREBOUND_FROM_KWH_M2)
PREBOUND_MOST = 0.5
"""Sunikka-Blank and Galvin 2012 find 30 % less than calculated at the mean rating of 225 kWh/m²a, more above and
none or the opposite in efficient homes. The straight line through (100, 0) and (225, 30 %) and its end are ours."""


@dataclass(frozen=True)
class Behaviour:
    """What differs between buildings of one archetype: use factor (mean 1) and set-point offset, float64 (n,)."""

    use: NDArray[np.float64]
    setpoint_k: NDArray[np.float64]


def draw_behaviour(ids: pd.Index, parameters: EnergyParameters, seed: int, draw: int) -> Behaviour:
    """Draw the behaviour of each building, keyed by its id, so that it is the same in every scenario."""
    z = normal(seed, "energy.behaviour", entity_keys(ids), draw, n=2)
    sigma = parameters.behaviour_spread
    return Behaviour(np.exp(sigma * z[:, 0] - 0.5 * sigma * sigma), parameters.setpoint_spread_k * z[:, 1])


def zone_arrays(
    buildings: pd.DataFrame, shells: Shells, weather: Weather, parameters: EnergyParameters, behaviour: Behaviour
) -> NDArray[np.float64]:
    """Return the table of zones, float64 (n, 14) with the columns `ZONE_COLUMNS`.

    A building without floor area becomes a dead zone of 1 m² with neither heating, cooling nor gains.
    """
    quality = _envelopes(buildings)
    use = _uses(buildings)
    area = buildings["floor_area_m2"].to_numpy(np.float64)
    alive = area > 0.0
    area = np.where(alive, area, 1.0)
    walls, windows = shells.wall_m2.sum(axis=1), shells.window_m2.sum(axis=1)
    outer = walls + windows + shells.roof_m2 + shells.floor_m2

    scale = parameters.u_value_factor * arch.THERMAL_BRIDGES
    h_opaque = scale * (
        quality["wall_w_m2k"] * walls
        + quality["roof_w_m2k"] * shells.roof_m2
        + arch.GROUND_FACTOR * quality["floor_w_m2k"] * shells.floor_m2
    )
    h_window = parameters.u_value_factor * quality["window_w_m2k"] * windows
    levels = buildings["levels"].to_numpy(np.float64)
    divisor = np.select([levels >= at for at, _ in LEAKAGE_DIVISOR], [d for _, d in LEAKAGE_DIVISOR])
    h_leak = AIR_J_M3K * parameters.infiltration_factor * quality["leakage_m3_h_m2"] * outer / (3600.0 * divisor)
    h_vent = AIR_J_M3K * parameters.ventilation_factor * 1e-3 * _full_flow_l_s_m2(buildings) * area
    windows_open = np.where(use["cooled"], 0.0, parameters.window_airing_factor)

    heavy = levels >= arch.HEAVY_FROM_LEVELS
    capacity = area * np.where(heavy, arch.HEAVY[0], arch.MEDIUM[0])
    # tall and thin buildings have more envelope than the standard's areas per floor area allow for
    mass_area = np.maximum(area * np.where(heavy, arch.HEAVY[1], arch.MEDIUM[1]), outer - windows)
    surface_area = np.maximum(4.5 * area, mass_area + windows)

    h_mean = h_opaque + h_window + h_leak + h_vent * (1.0 - quality["heat_recovery"])
    prebound = _prebound_k(h_mean / area, weather.temperature_c, parameters)
    offset = behaviour.setpoint_k - np.where(buildings["use"].to_numpy() == "residential", prebound, 0.0)
    coldest = use["heating_c"] - weather.temperature_c.min()
    heating = DESIGN_MARGIN * (h_opaque + h_window + h_leak + h_vent) * np.maximum(coldest, 10.0)
    columns = {
        "floor_area_m2": area,
        "h_opaque_w_k": h_opaque,
        "h_window_w_k": h_window,
        "h_leak_w_k": h_leak,
        "h_vent_w_k": h_vent,
        "heat_recovery": quality["heat_recovery"],
        "airing_w_k": h_vent * (quality["heat_recovery"] + windows_open),
        "capacity_j_k": capacity,
        "mass_area_m2": mass_area,
        "surface_area_m2": surface_area,
        "gains_factor": np.where(alive, behaviour.use, 0.0),
        "heat_offset_k": offset,
        "heating_limit_w": np.where(alive, heating, 0.0),
        "cooling_limit_w": np.where(alive, arch.COOLING_W_M2 * area * use["cooled"], 0.0),
    }
    return np.column_stack([columns[name] for name in ZONE_COLUMNS])


def apertures(buildings: pd.DataFrame, shells: Shells, shading: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return window area times g-value, frame, incidence and shading, float64 (n, 8)."""
    g_value = _envelopes(buildings)["g_value"]
    return shells.window_m2 * shading * (g_value * arch.WINDOW_FRAME * arch.GLASS_INCIDENCE)[:, None]


def _prebound_k(
    loss_w_m2k: NDArray[np.float64], temperature_c: NDArray[np.float64], parameters: EnergyParameters
) -> NDArray[np.float64]:
    """Return how much lower old homes are heated, so that heating falls by the prebound share.

    The rating is estimated by degree hours below `BASE_C`; lowering the base by the share of its mean distance to
    the outdoor temperature lowers the degree hours by about that share.
    """
    below = np.maximum(0.0, BASE_C - temperature_c)
    hours = np.count_nonzero(below)
    if hours == 0:
        return np.zeros_like(loss_w_m2k)
    rating = loss_w_m2k * below.sum() / 1000.0
    share = np.clip(PREBOUND_PER_KWH_M2 * (rating - PREBOUND_FROM_KWH_M2), 0.0, PREBOUND_MOST)
    return np.asarray(parameters.prebound_strength * share * below.sum() / hours)


def _envelopes(buildings: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Return the envelope's figures as one array per field."""
    years = buildings["year_class"].map({c: i for i, c in enumerate(YEAR_CLASSES)}).to_numpy(np.int64)
    states = buildings["envelope"].map({c: i for i, c in enumerate(ENVELOPES)}).to_numpy(np.int64)
    homes = (buildings["use"].to_numpy() == "residential").astype(np.int64)
    fields = arch.Envelope.__dataclass_fields__
    table = np.array(
        [
            [
                [[getattr(arch.envelope_of(y, s, residential=bool(r)), f) for f in fields] for r in (0, 1)]
                for s in ENVELOPES
            ]
            for y in YEAR_CLASSES
        ]
    )
    return dict(zip(fields, table[years, states, homes].T, strict=True))


def _uses(buildings: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Return the figures of standard use as one array per field."""
    which = buildings["use"].map({use: i for i, use in enumerate(BUILDING_USES)}).to_numpy(np.int64)
    fields = arch.Use.__dataclass_fields__
    return {f: np.array([float(getattr(arch.USES[u], f)) for u in BUILDING_USES])[which] for f in fields}


def fan_power_w(buildings: pd.DataFrame, parameters: EnergyParameters) -> NDArray[np.float64]:
    """Return the electric power of fans at full flow; heat recovery added by a retrofit brings today's fans."""
    flow = _full_flow_l_s_m2(buildings) * buildings["floor_area_m2"].to_numpy(np.float64)
    specific = buildings["year_class"].map(arch.FAN_POWER_KW_S_M3)
    specific = specific.where(buildings["envelope"] != "deep_retrofit", arch.FAN_POWER_KW_S_M3["2010-onwards"])
    return np.asarray(parameters.ventilation_factor * flow * specific.to_numpy(np.float64))


def _full_flow_l_s_m2(buildings: pd.DataFrame) -> NDArray[np.float64]:
    """Return the ventilation flow in hours of use; a deep retrofit brings balanced ventilation at today's flow."""
    share = buildings["year_class"].map(arch.FLOW_SHARE).where(buildings["envelope"] != "deep_retrofit", 1.0)
    return np.asarray(_uses(buildings)["flow_l_s_m2"] * share.to_numpy(np.float64))
