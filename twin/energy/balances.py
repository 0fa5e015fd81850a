"""The heat balance of a block of buildings by two methods.

``modal``: `twin.energy.assembly`, reduced to modes, kernel ``energy.zone_modal``. ``simple_hourly``: the simple hourly
method (5R1C) of EN ISO 13790, kernel ``energy.zone_balance``, for comparison with calculations under that standard.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import twin.kernels.energy  # noqa: F401  (registers the kernels)
from twin.city.model import Weather
from twin.energy import archetypes as arch
from twin.energy.assembly import CONVECTIVE, Networks, assemble
from twin.energy.fabric import Fabric
from twin.energy.parameters import EnergyParameters
from twin.energy.profiles import Profiles
from twin.energy.zones import Block, Zones
from twin.kernels import registry
from twin.kernels.energy import network_contract, zone_contract
from twin.kernels.energy.air_node import LEAST_BAND_K
from twin.kernels.energy.reduction import MODES

Float = NDArray[np.float64]
Single = NDArray[np.float32]
WARMUP_HOURS = 336
START_C = 20.0
AIR_STORE_J_M2K = 10e3
"""Of air and furniture by floor area, EN ISO 52016-1, annex B, as recalled; not checked at source."""


class Balance(NamedTuple):
    """What a balance gives.

    heating_w and cooling_w float32 (n, 8760); flows (n, 7) in Wh, `twin.kernels.energy.network_contract.BALANCE`;
    overheating_h and max_operative_c (n,).
    """

    heating_w: Single
    cooling_w: Single
    flows: Float
    overheating_h: Float
    max_operative_c: Float


def modal_balance(
    zones: Zones,
    fabric: Fabric,
    profiles: Profiles,
    profile: NDArray[np.int64],
    drive: Float,
    parameters: EnergyParameters,
    variant: str,
) -> Balance:
    """Return the balance of buildings as six modes each.

    Parameters
    ----------
    zones, fabric
        Of n buildings, checked.
    profiles : Profiles
    profile : int64 (n,)
        Row of the profiles of each building.
    drive : float64 (8760, m)
        `twin.energy.drives.drives`.
    """
    networks = assemble(fabric)
    internal = zones.floor_area_m2 * zones.gains
    modes = registry.get("energy.zone_reduction", "reference" if variant == "reference" else "numba")(
        zone_table(zones, networks),
        networks.direct,
        networks.solar_in,
        networks.capacity_j_k,
        networks.conductance_w_k,
        networks.air_in_w_k,
        networks.drive_in,
        internal[:, None] * networks.gain_in,
        MODES,
    )
    schedules = schedules_of(profiles, parameters)
    heating, cooling, _, flows, figures = registry.get("energy.zone_modal", variant)(
        drive, *schedules, profile, *modes, START_C, parameters.overheating_limit_c, WARMUP_HOURS, 1
    )
    return Balance(heating, cooling, flows, figures[:, 5], figures[:, 6])


def zone_table(zones: Zones, networks: Networks) -> Float:
    """Return the zones as the kernels take them, float64 (n, 13), `network_contract.ZONE_COLUMNS`."""
    internal = zones.floor_area_m2 * zones.gains
    columns = {
        "h_leak_w_k": zones.h_leak_w_k,
        "h_vent_w_k": zones.h_vent_w_k,
        "air_capacity_j_k": AIR_STORE_J_M2K * zones.floor_area_m2,
        "internal_w": internal,
        "direct_gain_w": internal * networks.direct_gain,
        "direct_air_w_k": networks.direct_air_w_k,
        "heating_limit_w": zones.heating_limit_w,
        "cooling_limit_w": zones.cooling_limit_w,
        "heat_recovery": zones.heat_recovery,
        "airing_w_k": zones.airing_w_k,
        "heat_offset_k": zones.heat_offset_k,
        "surface_film_w_k": networks.film_w_k,
        "convective_w": CONVECTIVE * internal,
    }
    return np.column_stack([columns[name] for name in network_contract.ZONE_COLUMNS])


def schedules_of(profiles: Profiles, parameters: EnergyParameters) -> tuple[Float, Float, Float, Float]:
    """Return set-points, internal gains by floor area and air flow as the kernels take them."""
    return profiles.heat_set_c, profiles.cool_set_c, _gain(profiles, parameters), profiles.air_flow


def simple_hourly_balance(
    block: Block,
    zones: Zones,
    fabric: Fabric,
    profiles: Profiles,
    profile: NDArray[np.int64],
    weather: Weather,
    irradiance_w_m2: Float,
    parameters: EnergyParameters,
    variant: str,
) -> Balance:
    """Return the balance by the simple hourly method: no layers, sky or sun on walls, the ground at air temperature.

    irradiance_w_m2 : float64 (8, 8760)
        On unshaded walls.
    """
    area, windows = zones.floor_area_m2, fabric.area_m2["window"]
    outer = sum(fabric.area_m2[name] for name in ("wall", "roof", "floor"))
    # Tall and thin buildings have more envelope than the standard's areas per floor area allow for.
    mass_area = np.maximum(area * np.array(arch.MASS_AREA)[block.mass], outer)
    lowest = profiles.cool_set_c.min(axis=1) - profiles.heat_set_c.max(axis=1) - LEAST_BAND_K
    columns = {
        "floor_area_m2": area,
        "h_opaque_w_k": zones.loss_w_k - zones.h_window_w_k,
        "h_window_w_k": zones.h_window_w_k,
        "h_leak_w_k": zones.h_leak_w_k,
        "h_vent_w_k": zones.h_vent_w_k,
        "heat_recovery": zones.heat_recovery,
        "airing_w_k": zones.airing_w_k,
        "capacity_j_k": area * np.array(arch.MASS_J_M2K)[block.mass],
        "mass_area_m2": mass_area,
        "surface_area_m2": np.maximum(4.5 * area, mass_area + windows),
        "gains_factor": zones.gains,
        "heat_offset_k": np.minimum(zones.heat_offset_k, lowest[profile]),
        "heating_limit_w": zones.heating_limit_w,
        "cooling_limit_w": zones.cooling_limit_w,
    }
    heating, cooling, flows, comfort = registry.get("energy.zone_balance", variant)(
        np.array(weather.temperature_c, np.float64),  # writable: numba compiles read-only arrays anew
        np.ascontiguousarray(irradiance_w_m2.T),
        profiles.heat_set_c,
        profiles.cool_set_c,
        _gain(profiles, parameters),
        profiles.air_flow,
        profile,
        np.column_stack([columns[name] for name in zone_contract.ZONE_COLUMNS]),
        fabric.window_m2 * fabric.shading * (fabric.g_value * arch.GLASS_INCIDENCE)[:, None],
        parameters.overheating_limit_c,
        WARMUP_HOURS,
    )
    return Balance(heating, cooling, flows, comfort[:, 1], comfort[:, 3])


def _gain(profiles: Profiles, parameters: EnergyParameters) -> Float:
    """Return the internal gains by floor area, W/m² (k, 8760)."""
    power = parameters.appliance_use_factor * profiles.electricity_w_m2
    return np.asarray(parameters.internal_gains_factor * (profiles.people_w_m2 + power))
