"""What a PV system costs and earns over its life: LCOE, net present value, payback, cost per tonne of CO2.

Real prices of today, at the end of each year, discounted with one real rate. Output falls by a constant share each
year; the share of it that the building uses itself stays that of the first year. The inverter is replaced once or
more within the life, nothing is left at its end.

- Levelised cost ``(C0 + Σ Cy / (1 + r)^y) / (Σ Ey / (1 + r)^y)``: W. Short, D. J. Packey, T. Holt, A Manual for the
  Economic Evaluation of Energy Efficiency and Renewable Energy Technologies, NREL/TP-462-5173 (1995).
- CO2 avoided is that of the electricity that the building no longer buys, as the totals of a run count it: what is fed
  in earns a credit only if a factor for it is given. What making the modules emitted is a column of its own, and is not
  deducted: it arose elsewhere and before, and no total of a run holds it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.parameters import parameter

Float = NDArray[np.float64]

NOTHING_T = 1e-9
"""Tonnes of CO2, a milligram: what avoids less avoids none."""


@dataclass(frozen=True)
class Prices:
    """What electricity and systems cost here: the study's electricity parameters, handed in.

    `price_eur_kwh` is saved by each kWh used in the building, `export_price_eur_kwh` paid for each kWh fed in;
    `co2_kg_kwh` is avoided by the one, `export_co2_kg_kwh` credited for the other; `pv_cost_eur_kwp` is the installed
    cost of a roof system.
    """

    price_eur_kwh: float
    export_price_eur_kwh: float
    co2_kg_kwh: float
    pv_cost_eur_kwp: float
    export_co2_kg_kwh: float = 0.0


@dataclass(frozen=True)
class EconomicsParameters:
    """Cost and life of PV systems and batteries, beside the prices of electricity."""

    life_a: float = parameter(
        25.0, unit="a", low=1.0, high=60.0, meaning="life of the system, whole years",
        source="warranted life of modules, usual in the studies of Fraunhofer ISE and NREL; assumption",
    )  # fmt: skip
    discount_rate: float = parameter(
        0.03, unit="1/a", low=0.0, high=0.3, meaning="real discount rate",
        source="social discount rate of the European Commission's Better Regulation Toolbox 2023, tool 64, as recalled",
    )  # fmt: skip
    degradation: float = parameter(
        0.0055, unit="1/a", low=0.0, high=0.05, meaning="output lost each year",
        source="median of crystalline silicon 0.5 to 0.6 % a year: Jordan et al. 2016, doi:10.1002/pip.2744",
    )  # fmt: skip
    opex_share: float = parameter(
        0.015, unit="1/a", low=0.0, high=0.2, meaning="yearly operation, insurance and upkeep, per cost of the system",
        source="assumption; replace by offers for the city",
    )  # fmt: skip
    inverter_life_a: float = parameter(
        15.0, unit="a", low=1.0, high=60.0, meaning="years until the inverter is replaced",
        source="assumption; 10 to 15 years are usual",
    )  # fmt: skip
    inverter_cost_eur_kwp: float = parameter(
        120.0, unit="EUR/kWp", low=0.0, high=2000.0, meaning="replacing the inverter", source="assumption: a tenth of "
        "the system's cost",
    )  # fmt: skip
    facade_cost_factor: float = parameter(
        1.5, unit="-", low=0.5, high=10.0, meaning="cost of a façade system over that of a roof system",
        source="assumption; replace by offers",
    )  # fmt: skip
    battery_cost_eur_kwh: float = parameter(
        700.0, unit="EUR/kWh", low=0.0, high=5000.0, meaning="cost of a battery, installed, per usable capacity",
        source="assumption; replace by offers",
    )  # fmt: skip
    battery_life_a: float = parameter(
        15.0, unit="a", low=1.0, high=60.0, meaning="years until the battery is replaced",
        source="NREL Annual Technology Baseline 2024, residential battery storage, as recalled",
    )  # fmt: skip
    embodied_co2_kg_kwp: float = parameter(
        810.0, unit="kg/kWp", low=0.0, high=3000.0, meaning="CO2 emitted by making the modules, shown beside "
        "what they avoid",
        source="glass-backsheet modules made in China: Mueller et al. 2021, doi:10.1016/j.solmat.2021.111277 (580 made "
        "in Germany); inverter and mounting not counted",
    )  # fmt: skip


def economics(
    index: pd.Index,
    kwp: Float,
    kwh_a: Float,
    used_share: Float,
    prices: Prices,
    parameters: EconomicsParameters,
    *,
    battery_kwh: Float | None = None,
    cost_factor: float = 1.0,
) -> pd.DataFrame:
    """Return cost and earnings of PV systems.

    Parameters
    ----------
    index : Index (n,)
    kwp : float64 (n,)
        Power of the modules.
    kwh_a : float64 (n,)
        AC output of the first year.
    used_share : float64 (n,)
        Share of the output used in the building, directly or through the battery; the rest is fed in (less the
        battery's losses, which belong to neither).
    prices : Prices
    parameters : EconomicsParameters
    battery_kwh : float64 (n,), optional
        Batteries bought with the systems.
    cost_factor : float
        Cost of these systems over roof systems.

    Returns
    -------
    DataFrame
        capex_eur, cost_eur_a (first year's upkeep), revenue_eur_a (first year), lcoe_eur_kwh, npv_eur, payback_a
        (undiscounted; inf when never within the life), co2_avoided_kg_a (first year), co2_avoided_t (over the life),
        co2_embodied_t (of making the modules, not deducted), cost_eur_t_co2 (capital per tonne avoided over the life;
        inf when none is avoided). Rows without a system: 0, and NaN for LCOE, payback and cost per tonne.
    """
    years = np.arange(1, round(parameters.life_a) + 1)
    discount = (1.0 + parameters.discount_rate) ** -years.astype(np.float64)
    output = (1.0 - parameters.degradation) ** (years - 1.0)
    battery = np.zeros(len(kwp)) if battery_kwh is None else battery_kwh
    system, store = kwp * prices.pv_cost_eur_kwp * cost_factor, battery * parameters.battery_cost_eur_kwh
    capex, upkeep = system + store, (system + store) * parameters.opex_share
    cost = np.repeat(upkeep[:, None], len(years), axis=1)
    cost += np.outer(kwp * parameters.inverter_cost_eur_kwp, _replaced(years, parameters.inverter_life_a))
    cost += np.outer(store, _replaced(years, parameters.battery_life_a))

    revenue = kwh_a * (used_share * prices.price_eur_kwh + (1.0 - used_share) * prices.export_price_eur_kwh)
    energy = kwh_a * float(output @ discount)
    cash = np.outer(revenue, output) - cost
    built = kwh_a > 0.0
    avoided = kwh_a * (used_share * prices.co2_kg_kwh + (1.0 - used_share) * prices.export_co2_kg_kwh)
    avoided_t = avoided * output.sum() / 1000.0
    per_tonne = np.divide(capex, avoided_t, out=np.full(len(kwp), np.inf), where=avoided_t > NOTHING_T)
    return pd.DataFrame(
        {
            "capex_eur": capex,
            "cost_eur_a": upkeep,
            "revenue_eur_a": revenue,
            "lcoe_eur_kwh": np.divide(capex + cost @ discount, energy, out=np.full(len(kwp), np.nan), where=built),
            "npv_eur": cash @ discount - capex,
            "payback_a": np.where(built, payback(capex, cash), np.nan),
            "co2_avoided_kg_a": avoided,
            "co2_avoided_t": avoided_t,
            "co2_embodied_t": kwp * parameters.embodied_co2_kg_kwp / 1000.0,
            "cost_eur_t_co2": np.where(built, per_tonne, np.nan),
        },
        index=index,
    )


def _replaced(years: NDArray[np.int64], life_a: float) -> Float:
    """Return 1 in the years in which a part is replaced; not in the last, which it would not serve."""
    life = max(round(life_a), 1)
    return ((years % life == 0) & (years < years[-1])).astype(np.float64)


def payback(capex: Float, cash: Float) -> Float:
    """Return the years until the summed earnings have paid the capital back, linear within a year.

    Undiscounted, and for the last time: an inverter bought later must be paid back too.

    Parameters
    ----------
    capex : float64 (n,)
    cash : float64 (n, years)
        Earnings less costs of each year.

    Returns
    -------
    float64 (n,), years; inf where the sum stays below zero.
    """
    total = np.concatenate([-capex[:, None], np.cumsum(cash, axis=1) - capex[:, None]], axis=1)
    below = total < 0.0
    last = np.where(below.any(axis=1), total.shape[1] - 1 - np.argmax(below[:, ::-1], axis=1), -1)
    result = np.where(last < 0, 0.0, np.inf)
    row = np.flatnonzero((last >= 0) & (last < total.shape[1] - 1))
    year = last[row]
    result[row] = year - total[row, year] / cash[row, year]
    return result
