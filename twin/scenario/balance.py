"""The hourly electricity balance in which rooftop PV, heat pumps, appliances and charging sites meet.

Behind each building's meter PV serves the building's own demand first, then its electric cars and its battery; what is
left over is exported. In the city all surpluses and demands of an hour meet in the local grid, together with the
charging sites, whose mean working day stands for every day of the year. CO2 is that of what each building and site
buys, at the average factor of the grid, of the year or hour by hour; electricity fed in earns its price and, unless a
parameter says so, no credit of CO2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import twin.kernels.energy.meter_numba  # noqa: F401  (registers the kernel)
from twin.errors import DataError, at_row
from twin.kernels.energy.meter import ANNUAL, SIGNALS, STORE
from twin.kernels.registry import get
from twin.parameters import parameter
from twin.solar.economics import Prices
from twin.solar.storage import StorageParameters

WARMUP_HOURS = 168
"""Hours before the year in which batteries and cars find their state."""


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

    car_charging_hours: float = parameter(
        1.0,
        unit="h",
        low=1.0,
        high=24.0,
        meaning="whole hours within which electric cars are charged at home, evenly or sooner from surplus PV; 1: as "
        "they come",
        source="1 is charging without control; cars stand at home for about ten hours a night, assumption",
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

    Parameters
    ----------
    buildings : DataFrame
        One row per building: electricity_import_kwh_a, electricity_export_kwh_a, pv_used_kwh_a (in its hour or out of
        the battery), electricity_cost_eur_a, electricity_co2_kg_a; vehicles_kwh_a (drawn by cars at home),
        battery_discharged_kwh_a, battery_loss_kwh_a, peak_electricity_kw and peak_feed_in_kw (of its largest hour).
    demand_kw, pv_kw : float64 (8760,)
        Sums of the block: all load behind the meters, with cars and what batteries take less what they give; PV.
    net_kw : float32 (n, 8760)
        What each building buys, or feeds in where below zero.
    """

    buildings: pd.DataFrame
    demand_kw: NDArray[np.float64]
    pv_kw: NDArray[np.float64]
    net_kw: NDArray[np.float32]


@dataclass(frozen=True)
class CityBalance:
    """The balance of the whole city: hourly series (8760,) in kW and totals."""

    series: dict[str, NDArray[np.float64]]
    totals: dict[str, float]


def building_balance(
    index: pd.Index,
    demand_kw: NDArray[np.float32],
    pv_kw: NDArray[np.float32],
    parameters: ElectricityParameters,
    *,
    battery_kwh: NDArray[np.float64] | None = None,
    storage: StorageParameters | None = None,
    vehicles_kw: NDArray[np.float32] | None = None,
    charging_kw: NDArray[np.float64] | None = None,
    electricity: pd.DataFrame | None = None,
    variant: str = "numba",
) -> BuildingBalance:
    """Balance every building of a block behind its own meter.

    Parameters
    ----------
    index : Index (n,)
        Building ids.
    demand_kw, pv_kw : float32 (n, 8760)
        Demand without cars and PV output, hourly means.
    parameters : ElectricityParameters
    battery_kwh : float64 (n,), optional
        Usable capacity of batteries.
    storage : StorageParameters, optional
        Power and efficiency of batteries; the defaults when left out.
    vehicles_kw : float32 (n, 8760), optional
        What the cars of each building draw when they are charged as they come.
    charging_kw : float64 (n,), optional
        Power of each building's charging points; the most its cars draw as they come when left out.
    electricity : DataFrame, optional
        Hourly ``price_eur_kwh`` and ``co2_kg_kwh`` of electricity bought, instead of the flat parameters.
    variant : str
        Kernel variant.

    Raises
    ------
    DataError
        Arrays that do not fit together, or batteries that are negative or not a number.
    """
    storage = storage or StorageParameters()
    fitting = {"PV": pv_kw, "cars": vehicles_kw}
    for name, values in fitting.items():
        if values is not None and values.shape != demand_kw.shape:
            raise DataError(f"demand {demand_kw.shape} and {name} {values.shape} do not fit", expected="equal shapes")
    row, cars = _vehicles(vehicles_kw, demand_kw.shape)
    store = _store(index, battery_kwh, storage, cars, row, charging_kw, parameters)
    net, annual = get("energy.meter", variant)(
        np.ascontiguousarray(demand_kw),
        np.ascontiguousarray(pv_kw),
        cars,
        row,
        store,
        signals(parameters, electricity, demand_kw.shape[1]),
        min(WARMUP_HOURS, demand_kw.shape[1]),
    )
    sums = dict(zip(ANNUAL, annual.T, strict=True))
    buildings = pd.DataFrame(
        {
            "electricity_import_kwh_a": sums["imported"],
            "electricity_export_kwh_a": sums["exported"],
            "pv_used_kwh_a": sums["used"],
            "electricity_cost_eur_a": sums["cost_eur"],
            "electricity_co2_kg_a": sums["co2_kg"],
            "vehicles_kwh_a": sums["vehicles"],
            "battery_discharged_kwh_a": sums["discharged"],
            "battery_loss_kwh_a": sums["charged"] - sums["discharged"] - sums["stored"],
            "peak_electricity_kw": sums["peak_import_kw"],
            "peak_feed_in_kw": sums["peak_export_kw"],
        },
        index=index,
    )
    generated = pv_kw.sum(axis=0, dtype=np.float64)
    plain = not len(cars) and not store[:, 0].any()
    load = demand_kw.sum(axis=0, dtype=np.float64) if plain else net.sum(axis=0, dtype=np.float64) + generated
    return BuildingBalance(buildings, load, generated, net)


def _vehicles(
    vehicles_kw: NDArray[np.float32] | None, shape: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the row of each building's cars, below 0 for none, and the rows of those that have some."""
    row = np.full(shape[0], -1, np.int64)
    if vehicles_kw is None:
        return row, np.zeros((0, shape[1]), np.float32)
    some = vehicles_kw.any(axis=1)
    row[some] = np.arange(int(some.sum()))
    return row, np.ascontiguousarray(vehicles_kw[some])


def _store(
    index: pd.Index,
    battery_kwh: NDArray[np.float64] | None,
    storage: StorageParameters,
    cars: NDArray[np.float32],
    row: NDArray[np.int64],
    charging_kw: NDArray[np.float64] | None,
    parameters: ElectricityParameters,
) -> NDArray[np.float64]:
    """Return the columns `twin.kernels.energy.meter.STORE` of each building."""
    capacity = np.zeros(len(index)) if battery_kwh is None else np.asarray(battery_kwh, np.float64)
    wrong = ~(np.isfinite(capacity) & (capacity >= 0.0))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise DataError(
            f"the battery is {capacity[first]:g} kWh",
            where=at_row("buildings", index[first], "battery_kwh"),
            expected="a finite capacity from 0",
        )
    points = np.zeros(len(index))
    points[row >= 0] = cars.max(axis=1, initial=0.0)
    if charging_kw is not None:
        points = np.where(row >= 0, np.maximum(points, charging_kw), 0.0)
    columns = {
        "capacity_kwh": capacity,
        "power_kw": capacity / storage.battery_hours,
        "efficiency": np.full(len(index), np.sqrt(storage.round_trip_efficiency)),
        "charging_kw": points,
        "charging_hours": np.full(len(index), np.round(parameters.car_charging_hours)),
    }
    return np.column_stack([columns[name] for name in STORE])


def signals(parameters: ElectricityParameters, electricity: pd.DataFrame | None, hours: int) -> NDArray[np.float64]:
    """Return price and CO2 of each hour, rows `twin.kernels.energy.meter.SIGNALS`."""
    rows = np.empty((len(SIGNALS), hours))
    for k, name in enumerate(SIGNALS):
        rows[k] = getattr(parameters, name)
        if electricity is not None and name in electricity:
            rows[k] = electricity[name].to_numpy(np.float64)
    return rows


def city_balance(
    demand_kw: NDArray[np.float64],
    pv_kw: NDArray[np.float64],
    charging_kw: NDArray[np.float64],
    parameters: ElectricityParameters,
    electricity: pd.DataFrame | None = None,
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
    electricity : DataFrame, optional
        Hourly ``co2_kg_kwh`` of electricity bought, instead of the flat parameter.
    """
    net = demand_kw + charging_kw - pv_kw
    imported, exported = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    generated = float(pv_kw.sum())
    used = generated - float(exported.sum())
    load = float(demand_kw.sum() + charging_kw.sum())
    charging_co2_kg = float(charging_kw.sum()) * parameters.co2_kg_kwh
    if electricity is not None:
        charging_co2_kg = float(charging_kw @ electricity["co2_kg_kwh"].to_numpy(np.float64))
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
        "charging_co2_t_a": charging_co2_kg / 1000.0,
    }
    return CityBalance(series, totals)
