"""What the zones of buildings are besides their fabric: air, gains, set-points and plant, by building."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.model import Weather
from twin.city.schema import BUILDING_USES
from twin.city.tabula import LEAKAGE_DIVISOR
from twin.energy import archetypes as arch
from twin.energy.envelope import Shells
from twin.energy.fabric import MOST_U_W_M2K, Fabric, inner_areas
from twin.energy.parameters import EnergyParameters, Factors
from twin.energy.profiles import Profiles
from twin.energy.stock import prebound_k
from twin.random import entity_keys, normal

Float = NDArray[np.float64]
AIR_J_M3K = 1200.0
DESIGN_MARGIN = 1.5
"""Heating capacity over the steady loss in the coldest hour (assumption)."""


@dataclass(frozen=True)
class Behaviour:
    """What differs between buildings of one archetype: use factor (mean 1) and set-point offset, float64 (n,)."""

    use: Float
    setpoint_k: Float


class Zones(NamedTuple):
    """Zones of n buildings, float64 (n,).

    A building without floor area has 1 m² and neither heating, cooling nor gains. h_vent_w_k is before heat recovery;
    gains scales the internal gains of the use; loss_w_k is the steady loss of the fabric with the ground.
    """

    floor_area_m2: Float
    alive: NDArray[np.bool_]
    loss_w_k: Float
    h_window_w_k: Float
    h_leak_w_k: Float
    h_vent_w_k: Float
    heat_recovery: Float
    airing_w_k: Float
    gains: Float
    heat_offset_k: Float
    heating_limit_w: Float
    cooling_limit_w: Float


@dataclass(frozen=True)
class Block:
    """A block of buildings with what is known of them beside the columns: shells, thermal figures, use, behaviour."""

    buildings: pd.DataFrame
    shells: Shells
    envelope: dict[str, NDArray[np.float64]]
    mass: NDArray[np.int64]
    use: NDArray[np.int64]
    standard: dict[str, Float]
    behaviour: Behaviour
    factors: Factors


def block_of(
    buildings: pd.DataFrame,
    shells: Shells,
    archetypes: arch.Archetypes,
    behaviour: Behaviour,
    factors: Factors,
    envelope: dict[str, NDArray[Any]] | None = None,
) -> Block:
    """Look up the archetypes of buildings; their `envelope` too where it is not known yet."""
    envelope = archetypes.envelope(buildings) if envelope is None else envelope
    use = np.asarray(buildings["use"].map({name: i for i, name in enumerate(BUILDING_USES)}), np.int64)
    names = arch.Use.__dataclass_fields__
    standard = {f: np.array([float(getattr(archetypes.uses[u], f)) for u in BUILDING_USES])[use] for f in names}
    figures = {name: values for name, values in envelope.items() if name != "mass"}
    return Block(buildings, shells, figures, envelope["mass"], use, standard, behaviour, factors)


def draw_behaviour(ids: pd.Index, parameters: EnergyParameters, seed: int, draw: int) -> Behaviour:
    """Draw the behaviour of each building, keyed by its id, so that it is the same in every scenario."""
    z = normal(seed, "energy.behaviour", entity_keys(ids), draw, n=2)
    sigma = parameters.behaviour_spread
    return Behaviour(np.exp(sigma * z[:, 0] - 0.5 * sigma * sigma), parameters.setpoint_spread_k * z[:, 1])


def zones_of(block: Block, profiles: Profiles, weather: Weather, parameters: EnergyParameters) -> Zones:
    """Return the zones of a block."""
    e, shells, standard, factors = block.envelope, block.shells, block.standard, block.factors
    floor_area = block.buildings["floor_area_m2"].to_numpy(np.float64)
    alive = floor_area > 0.0
    area = np.where(alive, floor_area, 1.0)
    walls, windows = shells.wall_m2.sum(axis=1), shells.window_m2.sum(axis=1)
    outer = walls + windows + shells.roof_m2 + shells.floor_m2
    scale = parameters.u_value_factor * factors.u_value
    h_window = scale * e["window_w_m2k"] * windows
    loss = h_window + scale * arch.THERMAL_BRIDGES * (
        e["wall_w_m2k"] * walls
        + e["roof_w_m2k"] * shells.roof_m2
        + arch.GROUND_FACTOR * e["floor_w_m2k"] * shells.floor_m2
    )
    levels = block.buildings["levels"].to_numpy(np.float64)
    divisor = np.select([levels >= at for at, _ in LEAKAGE_DIVISOR], [d for _, d in LEAKAGE_DIVISOR])
    leakage = parameters.infiltration_factor * factors.infiltration * e["leakage_m3_h_m2"]
    h_leak = AIR_J_M3K * leakage * outer / (3600.0 * divisor)
    h_vent = AIR_J_M3K * 1e-3 * full_flow_l_s(block, parameters)
    windows_open = np.where(standard["cooled"], 0.0, parameters.window_airing_factor)

    mean_loss = loss + h_leak + h_vent * (1.0 - e["heat_recovery"])
    prebound = prebound_k(mean_loss / area, standard["hot_water_kwh_m2"], weather.temperature_c, parameters)
    homes = block.use == BUILDING_USES.index("residential")
    offset = block.behaviour.setpoint_k + factors.setpoint_shift_k - np.where(homes, prebound, 0.0)
    offset = offset + block.buildings["heating_shift_k"].to_numpy(np.float64)
    coldest = standard["heating_c"] - weather.temperature_c.min()
    heating = DESIGN_MARGIN * (loss + h_leak + h_vent) * np.maximum(coldest, 10.0)
    return Zones(
        floor_area_m2=area,
        alive=alive,
        loss_w_k=loss,
        h_window_w_k=h_window,
        h_leak_w_k=h_leak,
        h_vent_w_k=h_vent,
        heat_recovery=e["heat_recovery"],
        airing_w_k=h_vent * (e["heat_recovery"] + windows_open),
        gains=np.where(alive, _gains(block, profiles, parameters), 0.0),
        heat_offset_k=offset,
        heating_limit_w=np.where(alive, heating, 0.0),
        cooling_limit_w=np.where(alive, arch.COOLING_W_M2 * area * standard["cooled"], 0.0),
    )


def fabric_of(block: Block, zones: Zones, shading: Float, roof_shading: Float, parameters: EnergyParameters) -> Fabric:
    """Return what the buildings of a block are made of; thermal bridges raise the U-values of opaque elements."""
    e, shells = block.envelope, block.shells
    walls, windows = shells.wall_m2.sum(axis=1), shells.window_m2.sum(axis=1)
    outer = walls + windows + shells.roof_m2 + shells.floor_m2
    inner_floor, inner_wall = inner_areas(
        zones.floor_area_m2,
        np.maximum(shells.floor_m2, shells.between_m2),
        outer + shells.between_m2,
        shells.party_wall_m2,
    )
    scale = parameters.u_value_factor * block.factors.u_value
    u_value = {name: arch.THERMAL_BRIDGES * e[f"{name}_w_m2k"] for name in ("wall", "roof", "floor")}
    u_value["window"] = e["window_w_m2k"]
    # a factor that is uncertain makes no construction impossible
    u_value = {name: np.minimum(scale * u, np.maximum(u, MOST_U_W_M2K)) for name, u in u_value.items()}
    height = np.maximum(block.buildings["height_m"].to_numpy(np.float64), 1.0)
    return Fabric(
        area_m2={
            "wall": walls,
            "roof": shells.roof_m2,
            "floor": shells.floor_m2,
            "inner_floor": inner_floor,
            "inner_wall": inner_wall,
            "party": shells.party_wall_m2,
            "window": windows,
        },
        wall_m2=shells.wall_m2,
        window_m2=shells.window_m2,
        u_value_w_m2k=u_value,
        g_value=e["g_value"] * arch.WINDOW_FRAME,
        mass=block.mass,
        perimeter_m=(walls + windows) / height,
        shading=shading,
        roof_shading=roof_shading,
    )


def appliance_scale(block: Block) -> Float:
    """Return the electricity of appliances and lighting over that of the use, without the behaviour."""
    return block.buildings["appliance_factor"].to_numpy(np.float64) * block.factors.appliances


def fan_power_w(block: Block, parameters: EnergyParameters) -> Float:
    """Return the electric power of fans at full flow."""
    return np.asarray(full_flow_l_s(block, parameters) * block.envelope["fan_power_kw_s_m3"])


def full_flow_l_s(block: Block, parameters: EnergyParameters) -> Float:
    """Return the ventilation flow in hours of use."""
    per_area = block.standard["flow_l_s_m2"] * block.envelope["flow_share"]
    scale = parameters.ventilation_factor * block.factors.ventilation
    return np.asarray(scale * per_area * block.buildings["floor_area_m2"].to_numpy(np.float64))


def _gains(block: Block, profiles: Profiles, parameters: EnergyParameters) -> Float:
    """Return what scales the internal gains of the use, of which only a part follows the appliances."""
    people, power = profiles.people_w_m2.mean(axis=1), profiles.electricity_w_m2.mean(axis=1)
    share = parameters.appliance_use_factor * power
    share = (share / np.maximum(people + share, 1e-9))[block.use]
    mixed = 1.0 + share * (appliance_scale(block) - 1.0)
    return np.asarray(block.behaviour.use * block.factors.internal_gains * mixed)
