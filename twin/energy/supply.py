"""Heat supply: which carrier meets the heat and cold of each building, hour by hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.schema import ELEMENTS, HEAT_SUPPLIES
from twin.city.upgrades import element_levels
from twin.energy.parameters import EnergyParameters
from twin.errors import DataError, at_row, did_you_mean
from twin.kernels import registry
from twin.kernels.energy import heat_supply as kernel
from twin.kernels.energy.heat_pump import AIR, GROUND

KINDS = {
    "district_heating": kernel.DISTRICT,
    "gas_boiler": kernel.GAS,
    "oil_boiler": kernel.OIL,
    "direct_electric": kernel.DIRECT,
    "air_heat_pump": kernel.AIR_PUMP,
    "ground_heat_pump": kernel.GROUND_PUMP,
}
RADIATORS = ("wall", "roof", "window")
"""Elements that decide the flow temperature: once all of them are renewed, radiators suffice with cooler water."""


@dataclass(frozen=True)
class Supply:
    """Carriers of a block of buildings.

    Parameters
    ----------
    annual : DataFrame
        district_heating_kwh_a, gas_kwh_a, oil_kwh_a, heat_co2_kg_a and heat_cost_eur_a (non-electric carriers);
        heat_electricity_kwh_a (heat pumps with their back-up, direct heating), backup_kwh_a (of it, back-up heaters),
        heat_pump_heat_kwh_a (heat from heat pumps, without back-up) and cooling_electricity_kwh_a.
    district_heating_kw, electricity_kw : float32 (n, 8760)
        Electricity for heat and for the cold that was handed in.
    """

    annual: pd.DataFrame
    district_heating_kw: NDArray[np.float32]
    electricity_kw: NDArray[np.float32]


def supply_heat(
    buildings: pd.DataFrame,
    heating_kw: NDArray[np.float32],
    hot_water_kw: NDArray[np.float32],
    temperature_c: NDArray[np.float64],
    parameters: EnergyParameters,
    variant: str,
    *,
    cooling_kw: NDArray[np.float32] | None = None,
    ground_c: NDArray[np.float64] | None = None,
) -> Supply:
    """Meet room heat, with the losses of its distribution, and hot water by each building's heat supply.

    Parameters
    ----------
    buildings : DataFrame
        With ``heat_supply``, ``envelope``, ``upgrades`` and ``year_class``.
    heating_kw, hot_water_kw : float32 (n, 8760)
    temperature_c : float64 (8760,)
        Outdoor air.
    parameters : EnergyParameters
    variant : str
        Kernel variant.
    cooling_kw : float32 (n, 8760), optional
        Cold, made with electricity; none when left out.
    ground_c : float64 (8760,), optional
        Undisturbed ground, the source of ground heat pumps; the annual mean of the air when left out.

    Raises
    ------
    DataError
        An unknown heat supply, or arrays that do not fit.
    """
    p = parameters
    shape = (len(buildings), len(temperature_c))
    if heating_kw.shape != shape or hot_water_kw.shape != shape:
        raise DataError(
            f"room heat {heating_kw.shape} and hot water {hot_water_kw.shape} do not fit", expected=f"both {shape}"
        )
    source_c = np.empty((2, len(temperature_c)))
    source_c[AIR] = temperature_c
    source_c[GROUND] = (temperature_c.mean() if ground_c is None else ground_c) - p.ground_source_drop_k
    supply = _kinds(buildings)
    electricity, district, annual = registry.get("energy.heat_supply", variant)(
        np.ascontiguousarray(heating_kw),
        np.ascontiguousarray(hot_water_kw),
        np.zeros(shape, np.float32) if cooling_kw is None else np.ascontiguousarray(cooling_kw),
        np.array(temperature_c, np.float64),
        source_c,
        supply,
        _plant(buildings, supply, heating_kw, hot_water_kw, p),
        p.heat_pump_correction,
    )
    kwh = dict(zip(kernel.ANNUAL, annual.T, strict=True))
    carriers = {name: kwh[name.removesuffix("_kwh_a")] for name in ("district_heating_kwh_a", "gas_kwh_a", "oil_kwh_a")}
    district_kwh, gas_kwh, oil_kwh = carriers.values()
    table = {
        **carriers,
        "heat_co2_kg_a": district_kwh * p.district_heating_co2_kg_kwh
        + gas_kwh * p.gas_co2_kg_kwh
        + oil_kwh * p.oil_co2_kg_kwh,
        "heat_cost_eur_a": district_kwh * p.district_heating_price_eur_kwh
        + gas_kwh * p.gas_price_eur_kwh
        + oil_kwh * p.oil_price_eur_kwh,
        "heat_electricity_kwh_a": kwh["direct"] + kwh["compressor"] + kwh["backup"],
        "backup_kwh_a": kwh["backup"],
        "heat_pump_heat_kwh_a": kwh["pumped_space"] + kwh["pumped_water"],
        "cooling_electricity_kwh_a": kwh["cooling"],
    }
    return Supply(pd.DataFrame(table, index=buildings.index), district, electricity)


def _kinds(buildings: pd.DataFrame) -> NDArray[np.int64]:
    """Return the kernel's number of each heat supply; DataError names the building of an unknown one."""
    kind = buildings["heat_supply"].map(KINDS)
    if kind.isna().any():
        building = buildings.index[int(np.argmax(kind.isna()))]
        word = str(buildings.at[building, "heat_supply"])
        raise DataError(
            f"unknown heat supply {word!r}",
            where=at_row("buildings", building, "heat_supply"),
            remedy=did_you_mean(word, HEAT_SUPPLIES),
        )
    return np.asarray(kind.to_numpy(np.int64))


def _plant(
    buildings: pd.DataFrame,
    supply: NDArray[np.int64],
    heating_kw: NDArray[np.float32],
    hot_water_kw: NDArray[np.float32],
    p: EnergyParameters,
) -> NDArray[np.float64]:
    """Return the columns `twin.kernels.energy.heat_supply.PLANT` of each building."""
    efficiency = np.ones(len(KINDS))
    efficiency[kernel.DISTRICT] = p.district_heating_efficiency
    efficiency[kernel.GAS], efficiency[kernel.OIL] = p.gas_boiler_efficiency, p.oil_boiler_efficiency
    flow_c = np.array([p.sink_existing_c, p.sink_standard_c, p.sink_deep_c])
    slope = np.array([p.sink_existing_slope, p.sink_standard_slope, p.sink_deep_slope])
    renewed = element_levels(buildings)[:, [ELEMENTS.index(name) for name in RADIATORS]].min(axis=1)
    level = np.where(buildings["year_class"] == "2010-onwards", 2, renewed)
    capacity = np.zeros(len(buildings))
    pumps = np.flatnonzero(supply >= kernel.AIR_PUMP)
    if pumps.size:
        room = heating_kw[pumps].max(axis=1).astype(np.float64) / p.distribution_efficiency
        capacity[pumps] = p.heat_pump_capacity_share * (room + hot_water_kw[pumps].mean(axis=1, dtype=np.float64))
    columns = {
        "space_factor": np.full(len(buildings), 1.0 / p.distribution_efficiency),
        "efficiency": efficiency[supply],
        "flow_c": flow_c[level],
        "flow_slope": slope[level],
        "water_c": np.full(len(buildings), p.hot_water_temperature_c),
        "capacity_kw": capacity,
        "cooling_efficiency": np.full(len(buildings), p.cooling_efficiency),
        "tank_hours": np.where(supply >= kernel.DIRECT, np.round(p.tank_hours), 1.0),
    }
    return np.column_stack([columns[name] for name in kernel.PLANT])
