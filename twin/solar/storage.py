"""How much of its PV a building uses itself, alone and with a battery."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import twin.kernels.solar.battery  # noqa: F401 registers the family
from twin.errors import DataError
from twin.kernels.registry import get
from twin.parameters import parameter

Float = NDArray[np.float64]


@dataclass(frozen=True)
class StorageParameters:
    """The battery behind a meter."""

    battery_kwh_kwp: float = parameter(
        1.0,
        unit="kWh/kWp",
        low=0.0,
        high=20.0,
        meaning="usable capacity of the battery that is looked at, per power of the modules",
        source="about 1 kWh per kWp and per MWh of yearly demand: Weniger, Tjaden and Quaschning 2014, "
        "doi:10.1016/j.egypro.2014.01.160, as recalled",
    )
    battery_hours: float = parameter(
        2.5,
        unit="h",
        low=0.25,
        high=24.0,
        meaning="usable capacity of the battery over its power",
        source="NREL Annual Technology Baseline 2024, residential battery storage: 5 kW and 12.5 kWh",
    )
    round_trip_efficiency: float = parameter(
        0.85,
        unit="-",
        low=0.3,
        high=1.0,
        meaning="energy out of the battery over energy into it",
        source="NREL Annual Technology Baseline 2024, residential battery storage, as recalled",
    )


def self_consumption(
    index: pd.Index,
    demand_kw: NDArray[np.float32],
    pv_kw: NDArray[np.float32],
    capacity_kwh: Float,
    parameters: StorageParameters,
    *,
    variant: str = "numba",
) -> pd.DataFrame:
    """Balance each building's hourly PV with its own hourly demand, through a battery where it has one.

    Parameters
    ----------
    index : Index (n,)
        Building ids.
    demand_kw, pv_kw : float32 (n, hours)
        Hourly means of the building's electricity demand and of its PV.
    capacity_kwh : float64 (n,)
        Usable battery capacity; 0 for none.
    parameters : StorageParameters
    variant : str
        Kernel variant.

    Returns
    -------
    DataFrame
        demand_kwh_a, pv_kwh_a, used_kwh_a (own PV used in its hour or out of the battery), exported_kwh_a,
        imported_kwh_a, battery_loss_kwh_a, self_consumption_share (of the PV), self_sufficiency_share (of the demand).

    Raises
    ------
    DataError
        Negative or non-finite power or capacity, or arrays that do not fit together.
    """
    if demand_kw.shape != pv_kw.shape or demand_kw.ndim != 2 or not len(capacity_kwh) == len(pv_kw) == len(index):
        raise DataError(f"demand {demand_kw.shape}, PV {pv_kw.shape} and capacity {capacity_kwh.shape} do not fit")
    for name, values in (("demand", demand_kw), ("PV", pv_kw), ("battery capacity", capacity_kwh)):
        wrong = ~(np.isfinite(values) & (values >= 0.0))
        if wrong.any():
            row = index[np.nonzero(wrong)[0][0]]
            raise DataError(f"the {name} of {row} is negative or not a number", expected="finite values from 0")
    direct, charged, discharged, exported, imported, _ = get("solar.battery", variant)(
        np.ascontiguousarray(demand_kw, np.float32),
        np.ascontiguousarray(pv_kw, np.float32),
        np.ascontiguousarray(capacity_kwh, np.float64),
        np.ascontiguousarray(capacity_kwh, np.float64) / parameters.battery_hours,
        float(np.sqrt(parameters.round_trip_efficiency)),
    )
    used, demand, pv = direct + discharged, direct + discharged + imported, direct + charged + exported
    return pd.DataFrame(
        {
            "demand_kwh_a": demand,
            "pv_kwh_a": pv,
            "used_kwh_a": used,
            "exported_kwh_a": exported,
            "imported_kwh_a": imported,
            "battery_loss_kwh_a": charged - discharged,
            "self_consumption_share": np.divide(used, pv, out=np.zeros(len(pv)), where=pv > 0.0),
            "self_sufficiency_share": np.divide(used, demand, out=np.zeros(len(pv)), where=demand > 0.0),
        },
        index=index,
    )


def battery_curve(
    demand_kw: NDArray[np.float32],
    pv_kw: NDArray[np.float32],
    capacities_kwh: Float,
    parameters: StorageParameters,
    *,
    variant: str = "numba",
) -> pd.DataFrame:
    """Return `self_consumption` of one building for several battery sizes, indexed by capacity in kWh.

    Parameters
    ----------
    demand_kw, pv_kw : float32 (hours,)
    capacities_kwh : float64 (n,)
    parameters : StorageParameters
    """
    n = len(capacities_kwh)
    demand, pv = (np.ascontiguousarray(np.broadcast_to(a, (n, len(a)))) for a in (demand_kw, pv_kw))
    index = pd.Index(capacities_kwh, name="capacity_kwh")
    return self_consumption(index, demand, pv, capacities_kwh, parameters, variant=variant)
