"""The hourly electricity balance in which rooftop PV, heat pumps, appliances and charging sites meet.

Behind each building's meter PV serves the building's own demand first; what is left over is exported. In the city
all surpluses and demands of an hour meet in the local grid, together with the charging sites, whose mean working day
stands for every day of the year. Nothing is stored in this first form. CO2 is that of what each building and site buys,
at the average factor of the grid; electricity fed in earns its price and, unless a parameter says so, no credit of CO2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.parameters import parameter
from twin.solar.economics import Prices


@dataclass(frozen=True)
class ElectricityParameters:
    """Price, emission factor and cost of electricity and of PV systems."""

    price_eur_kwh: float = parameter(
        0.18,
        unit="EUR/kWh",
        low=0.0,
        high=2.0,
        meaning="price of electricity bought, with network fees and taxes",
        source="assumption; replace by the price of the area (Eurostat table nrg_pc_204 for households)",
    )
    export_price_eur_kwh: float = parameter(
        0.05,
        unit="EUR/kWh",
        low=0.0,
        high=2.0,
        meaning="price paid for electricity fed into the grid",
        source="assumption; replace by the day-ahead price of the area",
    )
    co2_kg_kwh: float = parameter(
        0.06,
        unit="kg/kWh",
        low=0.0,
        high=1.5,
        meaning="CO2 of electricity bought, average of the year",
        source="assumption; the Finnish energy certificate has 0.05; replace by the figure of the city's grid",
    )
    export_co2_kg_kwh: float = parameter(
        0.0,
        unit="kg/kWh",
        low=0.0,
        high=1.5,
        meaning="CO2 credited for electricity fed into the grid",
        source="assumption: accounts of what is bought give none; the factor of electricity bought would credit all "
        "generation alike",
    )
    pv_cost_eur_kwp: float = parameter(
        1200.0,
        unit="EUR/kWp",
        low=100.0,
        high=10000.0,
        meaning="cost of a rooftop PV system, installed",
        source="assumption; replace by offers for the city",
    )

    @property
    def prices(self) -> Prices:
        """What the economics of PV read."""
        return Prices(
            price_eur_kwh=self.price_eur_kwh,
            export_price_eur_kwh=self.export_price_eur_kwh,
            co2_kg_kwh=self.co2_kg_kwh,
            export_co2_kg_kwh=self.export_co2_kg_kwh,
            pv_cost_eur_kwp=self.pv_cost_eur_kwp,
        )


@dataclass(frozen=True)
class BuildingBalance:
    """The balance of a block of buildings.

    `buildings` has one row per building (kWh/a): electricity demand, PV used, exported and imported energy;
    `demand_kw` and `pv_kw` are the sums of the block, float64 (8760,).
    """

    buildings: pd.DataFrame
    demand_kw: NDArray[np.float64]
    pv_kw: NDArray[np.float64]


@dataclass(frozen=True)
class CityBalance:
    """The balance of the whole city: hourly series (8760,) in kW and totals."""

    series: dict[str, NDArray[np.float64]]
    totals: dict[str, float]


def building_balance(
    index: pd.Index, demand_kw: NDArray[np.float32], pv_kw: NDArray[np.float32], parameters: ElectricityParameters
) -> BuildingBalance:
    """Balance every building of a block behind its own meter.

    Parameters
    ----------
    index : Index (n,)
        Building ids.
    demand_kw, pv_kw : float32 (n, 8760)
        Demand and PV output, hourly means.
    parameters : ElectricityParameters
    """
    imported = np.maximum(demand_kw - pv_kw, np.float32(0.0)).sum(axis=1, dtype=np.float64)
    demand = demand_kw.sum(axis=1, dtype=np.float64)
    generated = pv_kw.sum(axis=1, dtype=np.float64)
    used = np.clip(demand - imported, 0.0, generated)
    exported = generated - used
    buildings = pd.DataFrame(
        {
            "electricity_import_kwh_a": imported,
            "electricity_export_kwh_a": exported,
            "pv_used_kwh_a": used,
            "electricity_cost_eur_a": imported * parameters.price_eur_kwh - exported * parameters.export_price_eur_kwh,
            "electricity_co2_kg_a": imported * parameters.co2_kg_kwh - exported * parameters.export_co2_kg_kwh,
        },
        index=index,
    )
    return BuildingBalance(buildings, demand_kw.sum(axis=0, dtype=np.float64), pv_kw.sum(axis=0, dtype=np.float64))


def city_balance(
    demand_kw: NDArray[np.float64],
    pv_kw: NDArray[np.float64],
    charging_kw: NDArray[np.float64],
    parameters: ElectricityParameters,
) -> CityBalance:
    """Balance the city hour by hour; exports of one building serve the imports of another.

    Parameters
    ----------
    demand_kw : float64 (8760,)
        Demand of all buildings.
    pv_kw : float64 (8760,)
        PV output of all buildings.
    charging_kw : float64 (8760,)
        Load of the public charging sites.
    parameters : ElectricityParameters
    """
    net = demand_kw + charging_kw - pv_kw
    imported, exported = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    generated = float(pv_kw.sum())
    used = generated - float(exported.sum())
    load = float(demand_kw.sum() + charging_kw.sum())
    series = {
        "electricity_demand_kw": demand_kw,
        "charging_kw": charging_kw,
        "pv_kw": pv_kw,
        "import_kw": imported,
        "export_kw": exported,
    }
    totals = {
        "electricity_demand_kwh_a": load,
        "import_kwh_a": float(imported.sum()),
        "export_kwh_a": float(exported.sum()),
        "peak_import_kw": float(imported.max()),
        "pv_used_kwh_a": used,
        "self_consumption_share": used / generated if generated > 0 else 0.0,
        "self_sufficiency_share": used / load if load > 0 else 0.0,
        "charging_co2_t_a": float(charging_kw.sum()) * parameters.co2_kg_kwh / 1000.0,
    }
    return CityBalance(series, totals)
