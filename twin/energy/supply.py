"""Heat supply: which carrier meets the heat of each building, hour by hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.energy.parameters import EnergyParameters
from twin.kernels import registry
from twin.kernels.energy.heat_pump import AIR, GROUND


@dataclass(frozen=True)
class Supply:
    """Carriers of a block of buildings.

    Parameters
    ----------
    annual : DataFrame
        district_heating_kwh_a, gas_kwh_a, oil_kwh_a, heat_co2_kg_a and heat_cost_eur_a (non-electric carriers).
    district_heating_kw, electricity_kw : float32 (n, 8760)
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
) -> Supply:
    """Meet room heat, with the losses of its distribution, and hot water by each building's heat supply.

    Parameters
    ----------
    buildings : DataFrame
        With ``heat_supply``, ``envelope`` and ``year_class``.
    heating_kw, hot_water_kw : float32 (n, 8760)
    temperature_c : float64 (8760,)
    """
    p = parameters
    kind = buildings["heat_supply"].to_numpy()
    district = np.zeros_like(heating_kw)
    electricity = np.zeros_like(heating_kw)
    annual = {name: np.zeros(len(buildings)) for name in ("district_heating_kwh_a", "gas_kwh_a", "oil_kwh_a")}
    circuit = np.float32(1.0 / p.distribution_efficiency)

    rows = kind == "district_heating"
    district[rows] = (heating_kw[rows] * circuit + hot_water_kw[rows]) * np.float32(1.0 / p.district_heating_efficiency)
    annual["district_heating_kwh_a"][rows] = district[rows].sum(axis=1, dtype=np.float64)
    rows = kind == "direct_electric"
    electricity[rows] = heating_kw[rows] * circuit + hot_water_kw[rows]
    boilers = (
        ("gas_boiler", "gas_kwh_a", p.gas_boiler_efficiency),
        ("oil_boiler", "oil_kwh_a", p.oil_boiler_efficiency),
    )
    for boiler, column, efficiency in boilers:
        rows = kind == boiler
        room = heating_kw[rows].sum(axis=1, dtype=np.float64) / p.distribution_efficiency
        annual[column][rows] = (room + hot_water_kw[rows].sum(axis=1, dtype=np.float64)) / efficiency
    rows = (kind == "air_heat_pump") | (kind == "ground_heat_pump")
    if rows.any():
        room = heating_kw[rows] * circuit
        electricity[rows] = _heat_pumps(buildings[rows], room, hot_water_kw[rows], temperature_c, p, variant)

    district_kwh, gas_kwh, oil_kwh = annual.values()
    annual["heat_co2_kg_a"] = (
        district_kwh * p.district_heating_co2_kg_kwh + gas_kwh * p.gas_co2_kg_kwh + oil_kwh * p.oil_co2_kg_kwh
    )
    annual["heat_cost_eur_a"] = (
        district_kwh * p.district_heating_price_eur_kwh + gas_kwh * p.gas_price_eur_kwh + oil_kwh * p.oil_price_eur_kwh
    )
    return Supply(pd.DataFrame(annual, index=buildings.index), district, electricity)


def _heat_pumps(
    buildings: pd.DataFrame,
    heating_kw: NDArray[np.float32],
    hot_water_kw: NDArray[np.float32],
    temperature_c: NDArray[np.float64],
    p: EnergyParameters,
    variant: str,
) -> NDArray[np.float32]:
    """Return the electricity of heat pumps in kW; powers go through the kernel in kW instead of W."""
    source_c = np.empty((2, temperature_c.size))
    source_c[AIR], source_c[GROUND] = temperature_c, temperature_c.mean() - p.ground_source_drop_k
    sinks = {
        "existing": (p.sink_existing_c, p.sink_existing_slope, p.hot_water_temperature_c),
        "standard_retrofit": (p.sink_standard_c, p.sink_standard_slope, p.hot_water_temperature_c),
        "deep_retrofit": (p.sink_deep_c, p.sink_deep_slope, p.hot_water_temperature_c),
    }
    state = buildings["envelope"].where(buildings["year_class"] != "2010-onwards", "deep_retrofit")
    electricity, _ = registry.get("energy.heat_pump", variant)(
        np.ascontiguousarray(heating_kw),
        np.ascontiguousarray(hot_water_kw),
        temperature_c,
        source_c,
        np.where(buildings["heat_supply"].to_numpy() == "air_heat_pump", AIR, GROUND).astype(np.int64),
        np.array([sinks[s] for s in state]),
        p.heat_pump_capacity_share * (heating_kw + hot_water_kw).max(axis=1).astype(np.float64),
        p.heat_pump_correction,
    )
    return np.asarray(electricity)
