"""Hourly energy demand and heat supply of a city's buildings for one year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.model import HOURS, City, Weather
from twin.city.morph import with_heat_island
from twin.city.schema import BUILDING_USES
from twin.energy.archetypes import archetypes_of
from twin.energy.balances import Balance, simple_hourly_balance
from twin.energy.drives import SunOnBuildings, check_sun, check_weather, drives
from twin.energy.fabric import check_fabric
from twin.energy.heat_island import heat_island_k
from twin.energy.homes import home_years
from twin.energy.loads import Loads, building_loads, lived_in
from twin.energy.pairs import zones_balance
from twin.energy.parameters import EnergyParameters, Factors
from twin.energy.parts import Parts
from twin.energy.profiles import Profiles, build_profiles, responding
from twin.energy.response import heat_load_signal
from twin.energy.supply import supply_heat
from twin.energy.zones import Block, appliance_scale, block_of, draw_behaviour, fabric_of, fan_power_w, zones_of
from twin.errors import DataError, did_you_mean
from twin.kernels.energy.network_contract import BALANCE

METHODS = ("modal", "simple_hourly")
ELECTRIC = ("direct_electric", "air_heat_pump", "ground_heat_pump")
INTENSIVE = ("max_operative_c", "heating_kwh_m2_a")
"""Columns of buildings that have no sum."""


@dataclass(frozen=True)
class EnergyResult:
    """Energy of a block of buildings over one year.

    Parameters
    ----------
    buildings : DataFrame
        Indexed like the city's buildings: heating_kwh_a (room heat), cooling_kwh_a, hot_water_kwh_a (with circulation
        losses), appliances_kwh_a (with lighting and fans), peak_heating_kw, peak_cooling_kw, overheating_h,
        max_operative_c, district_heating_kwh_a, gas_kwh_a, oil_kwh_a, electricity_kwh_a (final, before PV),
        heat_co2_kg_a and heat_cost_eur_a (non-electric carriers), heating_kwh_m2_a (0 without floor area).
    balance : DataFrame
        The zones' heat balance in kWh, columns `twin.kernels.energy.network_contract.BALANCE`.
    heating_kw, cooling_kw, hot_water_kw, electricity_kw, district_heating_kw : float32 (n, 8760)
    vehicles_kw : float32 (n, 8760)
        Electric cars charged as they come home; not part of `electricity_kw`.
    zones : DataFrame
        The two zones of every building whose ground floor has a use of its own, indexed by building: part
        (``ground_floor``, ``above``), use, floor_area_m2, heating_kwh_a, cooling_kwh_a, hot_water_kwh_a,
        appliances_kwh_a, overheating_h, max_operative_c and from_other_kwh_a (heat that the
        zone receives through the floor from the other, negative where it gives). Other buildings have no rows.
    totals : dict
        Sums of the columns of `buildings` (but not of `INTENSIVE` ones), and ``peak_district_heating_kw`` of these
        rows together.
    """

    buildings: pd.DataFrame
    balance: pd.DataFrame
    heating_kw: NDArray[np.float32]
    cooling_kw: NDArray[np.float32]
    hot_water_kw: NDArray[np.float32]
    electricity_kw: NDArray[np.float32]
    district_heating_kw: NDArray[np.float32]
    vehicles_kw: NDArray[np.float32]
    zones: pd.DataFrame
    totals: dict[str, float]


def simulate_energy(
    city: City,
    weather: Weather,
    sun: SunOnBuildings,
    parameters: EnergyParameters,
    *,
    seed: int,
    draw: int = 0,
    rows: slice = slice(None),
    method: str = "modal",
    factors: Factors | None = None,
    variant: str = "numba",
) -> EnergyResult:
    """Simulate the year of some or all buildings of a city.

    Parameters
    ----------
    city : City
        Complete: every column of the buildings filled.
    weather : Weather
        Of the station; buildings of zones with a heat island meet it warmer.
    sun : SunOnBuildings
        On all buildings of the city.
    parameters : EnergyParameters
    seed, draw : int
        Key the behaviour of each building together with its id.
    rows : slice
        Block of buildings, in the order of the city.
    method : str
        ``"modal"``, or ``"simple_hourly"``: the simple hourly method of EN ISO 13790.
    factors : Factors, optional
        Of the buildings of `rows`, from calibration.
    variant : str
        Kernel variant; one that only the zones have leaves the other kernels at ``"numba"``.

    Raises
    ------
    WeatherError, DataError
        Weather or sun of a wrong shape or with values that are not finite; an impossible construction or factor; an
        unknown method.
    """
    if method not in METHODS:
        raise DataError(f"unknown method {method!r}", remedy=did_you_mean(method, METHODS))
    check_weather(weather)
    check_sun(sun, len(city.buildings))
    which = np.arange(len(city.buildings))[rows]
    factors = factors or Factors.neutral(len(which))
    factors.check(len(which))
    warmer = heat_island_k(city, rows)
    parts, members = [], []
    for offset in np.unique(warmer):
        mine = np.flatnonzero(warmer == offset)
        air, some = with_heat_island(weather, float(offset)), factors.rows(mine)
        parts.append(_simulate(city, air, sun, parameters, seed, draw, which[mine], method, some, variant))
        members.append(mine)
    if not parts:
        return _simulate(city, weather, sun, parameters, seed, draw, which, method, factors, variant)
    return _together(parts, members) if len(parts) > 1 else parts[0]


def _simulate(
    city: City,
    weather: Weather,
    sun: SunOnBuildings,
    parameters: EnergyParameters,
    seed: int,
    draw: int,
    rows: NDArray[np.int64],
    method: str,
    factors: Factors,
    variant: str,
) -> EnergyResult:
    """Simulate buildings that meet the same air."""
    buildings = city.buildings.iloc[rows]
    archetypes = archetypes_of(city)
    temperature_c = np.array(weather.temperature_c, np.float64)  # writable: numba compiles read-only arrays anew
    parts = Parts(buildings)
    shells = parts.shells(city.buildings, rows, archetypes.uses)
    behaviour = draw_behaviour(parts.table.index, parameters, seed, draw)
    own = factors.rows(parts.owner)
    block = block_of(parts.table, shells, archetypes, behaviour, own, parts.envelope(archetypes))
    other = "reference" if variant == "reference" else "numba"
    homes = home_years(seed, parameters.persons_per_home, weather.ghi_w_m2, other)
    profiles = lived_in(build_profiles(archetypes.uses, parameters, temperature_c), homes)
    balance, through = _balance(parts, block, profiles, city, weather, sun, rows, parameters, method, variant)
    loads = _loads(block, profiles, weather, parameters, seed, draw, other)
    zones = _zones(parts, balance, loads, through)

    heating, cooling = parts.summed(balance.heating_w), parts.summed(balance.cooling_w)
    for power in (heating, cooling):
        power *= np.float32(1e-3)
    hot_water, appliances = parts.summed(loads.hot_water_kw), parts.summed(loads.appliances_kw)
    supply = supply_heat(buildings, heating, hot_water, temperature_c, parameters, other, cooling_kw=cooling)
    electricity = supply.electricity_kw
    electricity += appliances

    area = buildings["floor_area_m2"].to_numpy(np.float64)
    flows = pd.DataFrame(parts.summed(balance.flows / 1000.0), index=buildings.index, columns=list(BALANCE))
    heat = flows["heating"].to_numpy()
    annual = {
        "heating_kwh_a": heat,
        "cooling_kwh_a": flows["cooling"].to_numpy(),
        "hot_water_kwh_a": _year(hot_water),
        "appliances_kwh_a": _year(appliances),
        "peak_heating_kw": heating.max(axis=1).astype(np.float64),
        "peak_cooling_kw": np.abs(cooling.max(axis=1)).astype(np.float64),
        "overheating_h": np.where(area > 0.0, parts.highest(balance.overheating_h), 0.0),
        "max_operative_c": np.where(area > 0.0, parts.highest(balance.max_operative_c), 0.0),
        **{name: supply.annual[name].to_numpy() for name in ("district_heating_kwh_a", "gas_kwh_a", "oil_kwh_a")},
        "electricity_kwh_a": _year(electricity),
        **{name: supply.annual[name].to_numpy() for name in ("heat_co2_kg_a", "heat_cost_eur_a")},
        "heating_kwh_m2_a": np.divide(heat, area, out=np.zeros(len(area)), where=area > 0.0),
    }
    table = pd.DataFrame(annual, index=buildings.index)
    vehicles = loads.vehicles_kw[: len(buildings)]
    series = heating, cooling, hot_water, electricity, supply.district_heating_kw, vehicles
    return EnergyResult(table, flows, *series, zones, _totals(table, supply.district_heating_kw))


def _zones(parts: Parts, balance: Balance, loads: Loads, through_wh: NDArray[np.float64]) -> pd.DataFrame:
    """Return the results of the zones of buildings of two, the ground floors first."""
    ground = np.arange(len(parts.buildings), len(parts.owner))
    rows = np.concatenate([ground, parts.mixed])
    table = {
        "part": np.repeat(["ground_floor", "above"], len(ground)),
        "use": parts.table["use"].to_numpy(object)[rows],
        "floor_area_m2": parts.table["floor_area_m2"].to_numpy(np.float64)[rows],
        "heating_kwh_a": balance.flows[rows, BALANCE.index("heating")] / 1000.0,
        "cooling_kwh_a": balance.flows[rows, BALANCE.index("cooling")] / 1000.0,
        "hot_water_kwh_a": _year(loads.hot_water_kw[rows]),
        "appliances_kwh_a": _year(loads.appliances_kw[rows]),
        "overheating_h": balance.overheating_h[rows],
        "max_operative_c": balance.max_operative_c[rows],
        "from_other_kwh_a": np.concatenate([-through_wh, through_wh]) / 1000.0,
    }
    return pd.DataFrame(table, index=parts.buildings.index[parts.owner[rows]])


def _totals(buildings: pd.DataFrame, district_heating_kw: NDArray[np.float32]) -> dict[str, float]:
    totals = {str(name): float(buildings[name].sum()) for name in buildings if name not in INTENSIVE}
    together = district_heating_kw.sum(axis=0, dtype=np.float64)
    return totals | {"peak_district_heating_kw": float(together.max())}


def _together(parts: Sequence[EnergyResult], members: Sequence[NDArray[np.int64]]) -> EnergyResult:
    """Return the results of groups of buildings as one, each building at its place."""
    order = np.argsort(np.concatenate(members))
    tables = [pd.concat([getattr(p, name) for p in parts]).iloc[order] for name in ("buildings", "balance")]
    series = {}
    for name in (f.name for f in fields(EnergyResult) if f.name.endswith("_kw")):
        series[name] = np.empty((len(order), HOURS), np.float32)
        for part, mine in zip(parts, members, strict=True):
            series[name][mine] = getattr(part, name)
    totals = _totals(tables[0], series["district_heating_kw"])
    zones = pd.concat([p.zones for p in parts])
    return EnergyResult(buildings=tables[0], balance=tables[1], **series, zones=zones, totals=totals)


def _balance(
    parts: Parts,
    block: Block,
    profiles: Profiles,
    city: City,
    weather: Weather,
    sun: SunOnBuildings,
    rows: NDArray[np.int64],
    parameters: EnergyParameters,
    method: str,
    variant: str,
) -> tuple[Balance, NDArray[np.float64]]:
    """Return the balance of the zones and the heat through floors between them, none in the simple hourly method."""
    zones = zones_of(block, profiles, weather, parameters)
    at = rows[parts.owner]
    fabric = fabric_of(block, zones, sun.shading[at], sun.roof_shading[at], parameters)
    check_fabric(fabric, block.buildings.index.to_numpy(str))
    schedules, row = _schedules(block, profiles, city.electricity, weather, parameters)
    if method == "simple_hourly":
        irradiance = sun.irradiance_w_m2
        apart = simple_hourly_balance(block, zones, fabric, schedules, row, weather, irradiance, parameters, variant)
        return apart, np.zeros(len(parts.mixed))
    drive, between = drives(weather, sun, parameters), block.shells.between_m2
    return zones_balance(parts, between, zones, fabric, schedules, row, drive, parameters, variant)


def _schedules(
    block: Block,
    profiles: Profiles,
    electricity: pd.DataFrame | None,
    weather: Weather,
    parameters: EnergyParameters,
) -> tuple[Profiles, NDArray[np.int64]]:
    """Return the profiles with those of buildings that respond, and the row of each building.

    Buildings heated with electricity follow its price where the city has one by the hour, all others the heat load.
    """
    follows = block.buildings["heat_response"].to_numpy(bool)
    if not follows.any():
        return profiles, block.use
    hot_water = profiles.hot_water[BUILDING_USES.index("residential")]
    signals = [heat_load_signal(np.asarray(weather.temperature_c, np.float64), hot_water)]
    kind = follows.astype(np.int64)
    if electricity is not None:
        signals.append(electricity["price_eur_kwh"].to_numpy(np.float64))
        kind[follows & block.buildings["heat_supply"].isin(ELECTRIC).to_numpy()] = 2
    return responding(profiles, signals, parameters), block.use + len(BUILDING_USES) * kind


def _loads(
    block: Block,
    profiles: Profiles,
    weather: Weather,
    parameters: EnergyParameters,
    seed: int,
    draw: int,
    variant: str,
) -> Loads:
    usage = block.buildings["floor_area_m2"].to_numpy(np.float64) * block.behaviour.use
    per_m2 = block.standard["hot_water_kwh_m2"] * block.factors.hot_water * parameters.hot_water_factor
    return building_loads(
        block.buildings,
        profiles,
        parameters,
        seed=seed,
        draw=draw,
        appliance_scale=usage * parameters.appliance_use_factor * appliance_scale(block) / 1000.0,
        tapped_kwh=usage * per_m2,
        fan_kw=fan_power_w(block, parameters) / 1000.0,
        temperature_c=np.asarray(weather.temperature_c, np.float64),
        daylight_w_m2=np.asarray(weather.ghi_w_m2, np.float64),
        variant=variant,
    )


def _year(hourly: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(hourly.sum(axis=1, dtype=np.float64))
