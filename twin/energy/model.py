"""Hourly energy demand and heat supply of a city's buildings for one year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import twin.kernels.energy  # noqa: F401  (registers the kernels)
from twin.city.model import HOURS, City, Weather
from twin.city.schema import BUILDING_USES
from twin.energy.archetypes import USES
from twin.energy.envelope import ORIENTATIONS, build_shells
from twin.energy.parameters import EnergyParameters
from twin.energy.profiles import Profiles, build_profiles
from twin.energy.supply import supply_heat
from twin.energy.zones import Behaviour, apertures, draw_behaviour, fan_power_w, zone_arrays
from twin.errors import DataError, WeatherError
from twin.kernels import registry
from twin.kernels.energy.zone_contract import BALANCE

WARMUP_HOURS = 336


@dataclass(frozen=True)
class EnergyResult:
    """Energy of a block of buildings over one year.

    Parameters
    ----------
    buildings : DataFrame
        Indexed like the city's buildings: heating_kwh_a (room heat), cooling_kwh_a, hot_water_kwh_a (with circulation
        losses), appliances_kwh_a (with lighting and fans), peak_heating_kw, overheating_h, district_heating_kwh_a,
        gas_kwh_a, oil_kwh_a, electricity_kwh_a (final, before PV), heat_co2_kg_a and heat_cost_eur_a (non-electric
        carriers).
    balance : DataFrame
        The zones' heat balance in kWh, columns `twin.kernels.energy.zone_contract.BALANCE`.
    heating_kw, cooling_kw, hot_water_kw, electricity_kw, district_heating_kw : float32 (n, 8760)
    totals : dict
        Sums of the columns of `buildings`, and ``peak_district_heating_kw`` of these rows together.
    """

    buildings: pd.DataFrame
    balance: pd.DataFrame
    heating_kw: NDArray[np.float32]
    cooling_kw: NDArray[np.float32]
    hot_water_kw: NDArray[np.float32]
    electricity_kw: NDArray[np.float32]
    district_heating_kw: NDArray[np.float32]
    totals: dict[str, float]


def simulate_energy(
    city: City,
    weather: Weather,
    gains_azimuth_deg: NDArray[np.float64],
    gains_irradiance_w_m2: NDArray[np.float64],
    gains_shading: NDArray[np.float64],
    parameters: EnergyParameters,
    *,
    seed: int,
    draw: int = 0,
    rows: slice = slice(None),
    variant: str = "numba",
) -> EnergyResult:
    """Simulate the year of some or all buildings of a city.

    Parameters
    ----------
    city : City
        Complete: every column of the buildings filled.
    weather : Weather
    gains_azimuth_deg : float64 (8,)
        0, 45, … 315.
    gains_irradiance_w_m2 : float64 (8, 8760)
        Unshaded, on vertical planes of these azimuths.
    gains_shading : float64 (buildings of the city, 8)
        1 unshaded, 0 always in shade.
    parameters : EnergyParameters
    seed, draw : int
        Key the behaviour of each building together with its id.
    rows : slice
        Block of buildings, in the order of the city.
    variant : str
        Kernel variant.

    Raises
    ------
    WeatherError, DataError
        Weather or solar gains of a wrong shape or with values that are not finite.
    """
    _check(city, weather, gains_azimuth_deg, gains_irradiance_w_m2, gains_shading)
    buildings = city.buildings.iloc[rows]
    temperature_c = np.array(weather.temperature_c, np.float64)  # writable: numba compiles read-only arrays anew
    shells = build_shells(city.buildings, rows)
    profiles = build_profiles(parameters)
    use = buildings["use"].map({name: i for i, name in enumerate(BUILDING_USES)}).to_numpy(np.int64)
    behaviour = draw_behaviour(buildings.index, parameters, seed, draw)
    zones = zone_arrays(buildings, shells, weather, parameters, behaviour)
    heating, cooling, balance, comfort = registry.get("energy.zone_balance", variant)(
        temperature_c,
        np.ascontiguousarray(gains_irradiance_w_m2.T),
        profiles.heat_set_c,
        profiles.cool_set_c,
        parameters.internal_gains_factor
        * (profiles.people_w_m2 + parameters.appliance_use_factor * profiles.electricity_w_m2),
        profiles.air_flow,
        use,
        zones,
        apertures(buildings, shells, gains_shading[rows]),
        parameters.overheating_limit_c,
        WARMUP_HOURS,
    )
    for power in (heating, cooling):
        power *= np.float32(1e-3)
    hot_water, appliances = _demand(buildings, use, profiles, behaviour, parameters)
    supply = supply_heat(buildings, heating, hot_water, temperature_c, parameters, variant)
    electricity = supply.electricity_kw
    electricity += appliances
    electricity += cooling * np.float32(1.0 / parameters.cooling_efficiency)

    balance = pd.DataFrame(balance / 1000.0, index=buildings.index, columns=list(BALANCE))
    annual = {
        "heating_kwh_a": balance["heating"].to_numpy(),
        "cooling_kwh_a": balance["cooling"].to_numpy(),
        "hot_water_kwh_a": _year(hot_water),
        "appliances_kwh_a": _year(appliances),
        "peak_heating_kw": comfort[:, 0] / 1000.0,
        "overheating_h": np.where(buildings["floor_area_m2"].to_numpy() > 0.0, comfort[:, 1], 0.0),
        **{name: supply.annual[name].to_numpy() for name in ("district_heating_kwh_a", "gas_kwh_a", "oil_kwh_a")},
        "electricity_kwh_a": _year(electricity),
        **{name: supply.annual[name].to_numpy() for name in ("heat_co2_kg_a", "heat_cost_eur_a")},
    }
    table = pd.DataFrame(annual, index=buildings.index)
    totals = {str(name): float(table[name].sum()) for name in table}
    together = supply.district_heating_kw.sum(axis=0, dtype=np.float64)
    totals["peak_district_heating_kw"] = float(together.max())
    return EnergyResult(table, balance, heating, cooling, hot_water, electricity, supply.district_heating_kw, totals)


def _demand(
    buildings: pd.DataFrame,
    use: NDArray[np.int64],
    profiles: Profiles,
    behaviour: Behaviour,
    parameters: EnergyParameters,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return hot water with circulation losses, and electricity of appliances, lighting and fans, in kW (n, 8760)."""
    area = buildings["floor_area_m2"].to_numpy(np.float64)
    heat_kwh_m2 = np.array([USES[name].hot_water_kwh_m2 for name in BUILDING_USES])[use]
    tapped = area * behaviour.use * parameters.hot_water_factor * heat_kwh_m2
    hot_water = profiles.hot_water.astype(np.float32)[use]
    hot_water *= tapped.astype(np.float32)[:, None]
    hot_water += (tapped * parameters.hot_water_loss_share / HOURS).astype(np.float32)[:, None]
    appliances = profiles.electricity_w_m2.astype(np.float32)[use]
    scale = area * behaviour.use * parameters.appliance_use_factor / 1000.0
    appliances *= scale.astype(np.float32)[:, None]
    moving = profiles.air_flow.astype(np.float32)[use]
    moving *= (fan_power_w(buildings, parameters) / 1000.0).astype(np.float32)[:, None]
    appliances += moving
    return hot_water, appliances


def _year(hourly: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(hourly.sum(axis=1, dtype=np.float64))


def _check(
    city: City,
    weather: Weather,
    azimuth_deg: NDArray[np.float64],
    irradiance_w_m2: NDArray[np.float64],
    shading: NDArray[np.float64],
) -> None:
    """Refuse what the kernels cannot check."""
    temperature = weather.temperature_c
    if temperature.shape != (HOURS,) or not np.isfinite(temperature).all():
        raise WeatherError(
            "the outdoor temperature is incomplete", where=weather.title, expected=f"{HOURS} finite hourly values"
        )
    shapes = {
        "azimuths of façade gains": (azimuth_deg, (ORIENTATIONS,)),
        "façade irradiance": (irradiance_w_m2, (ORIENTATIONS, HOURS)),
        "façade shading": (shading, (len(city.buildings), ORIENTATIONS)),
    }
    for what, (values, shape) in shapes.items():
        if values.shape != shape or not np.isfinite(values).all() or (values < 0.0).any():
            raise DataError(
                f"the {what} cannot be used", expected=f"finite values ≥ 0 of shape {shape}, not {values.shape}"
            )
    if not np.allclose(azimuth_deg, 360.0 / ORIENTATIONS * np.arange(ORIENTATIONS)):
        raise DataError("the azimuths of façade gains do not fit", expected="0, 45, … 315 degrees")
