"""Life-cycle cost of buildings and their systems: global cost, annuity, net present value and payback.

Global cost after EN 15459-1:2017 and Commission Delegated Regulation (EU) 244/2012, annex I (4), in real terms: the
investment, and each year's cost of energy, upkeep, replacement and, where it has a price, CO2, discounted to the first
day, less what the parts are still worth at the end of the period:

    C = C_I + Σ_i C_i / (1 + r)^i - Σ_parts V / (1 + r)^n

Costs of year i fall at its end, at today's prices in the first and risen by the rate of their development in each
further one. A part is replaced at the end of its life, unless the period ends then; its value falls linearly from its
last replacement to zero. NPV is the global cost of what would be done otherwise less that of the option. Payback is
discounted: the last time at which the sum of the option's costs falls below that of the reference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.errors import DataError, did_you_mean
from twin.parameters import parameter

Float = NDArray[np.float64]
ENERGY = ("heat", "electricity")


@dataclass(frozen=True)
class LifecycleParameters:
    """Period, interest and prices of the life-cycle cost of buildings, in real terms."""

    years: float = parameter(
        30.0, unit="a", low=1.0, high=100.0, meaning="period of calculation, whole years",
        source="Regulation (EU) 244/2012, annex I (4): 30 years for residential and public buildings",
    )  # fmt: skip
    discount_rate: float = parameter(
        0.03, unit="1/a", low=0.0, high=0.3, meaning="real discount rate",
        source="guidelines to Regulation (EU) 244/2012 (2012/C 115/01): one of the rates must be 3 % in the "
        "macroeconomic calculation, as recalled",
    )  # fmt: skip
    heat_price_rise: float = parameter(
        0.0, unit="1/a", low=-0.1, high=0.2, meaning="real yearly rise of the prices of heat and fuels",
        source="assumption",
    )  # fmt: skip
    electricity_price_rise: float = parameter(
        0.0, unit="1/a", low=-0.1, high=0.2, meaning="real yearly rise of the price of electricity",
        source="assumption",
    )  # fmt: skip
    co2_price_eur_t: float = parameter(
        0.0, unit="EUR/t", low=0.0, high=2000.0,
        meaning="cost of CO2 beyond the prices paid; 0 for the owner's own calculation, more for society's",
        source="Regulation (EU) 244/2012, annex I (4.4), asks at least 50 EUR/t from 2030 in the macroeconomic "
        "calculation, as recalled",
    )  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A part of buildings that is bought once and again at the end of its life.

    Parameters
    ----------
    name : str
    cost_eur : float64 (n,)
    life_a : float
        Whole years.
    upkeep_share : float
        Yearly upkeep per cost.
    subsidy_eur : float64 (n,), optional
        Paid by others, at the first purchase only.
    first_year : int
        When it is bought first; 0 is today.
    """

    name: str
    cost_eur: Float
    life_a: float
    upkeep_share: float = 0.0
    subsidy_eur: Float | None = None
    first_year: int = 0


@dataclass(frozen=True)
class LifeCycle:
    """Life-cycle cost of buildings under one option.

    Parameters
    ----------
    table : DataFrame
        Present values: investment_eur, replacement_eur, upkeep_eur, energy_eur, co2_eur, residual_eur (what is left,
        to be deducted), global_cost_eur; annuity_eur_a, the same each year.
    yearly_eur : float64 (n, 1 + years)
        Costs of today and of each year, not discounted, without what is left.
    discount : float64 (1 + years,)
    """

    table: pd.DataFrame
    yearly_eur: Float
    discount: Float


def annuity_factor(years: float, rate: float) -> float:
    """Return the yearly payment over `years` years that is worth 1 today."""
    return -rate / math.expm1(-years * math.log1p(rate)) if rate > 0.0 else 1.0 / years


def life_cycle(
    index: pd.Index,
    parts: Sequence[Part],
    energy_eur_a: Mapping[str, Float],
    parameters: LifecycleParameters,
    *,
    co2_kg_a: Float | None = None,
) -> LifeCycle:
    """Return the life-cycle cost of buildings.

    Parameters
    ----------
    index : Index (n,)
    parts : sequence of Part
    energy_eur_a : mapping to float64 (n,)
        Yearly cost at today's prices of `ENERGY`: "heat" (all carriers but electricity) and "electricity".
    parameters : LifecycleParameters
    co2_kg_a : float64 (n,), optional
        Yearly CO2, for its price.

    Raises
    ------
    DataError
        Costs that are negative, not numbers or of another length, lives below one year, unknown energy.
    """
    p = parameters
    years = round(p.years)
    year = np.arange(years + 1)
    discount = (1.0 + p.discount_rate) ** -year.astype(np.float64)
    n = len(index)
    bought, kept, left = np.zeros((n, years + 1)), np.zeros((n, years + 1)), np.zeros(n)
    for part in parts:
        cost, subsidy, life = _checked(part, index)
        buys = np.arange(part.first_year, years, life)
        if not buys.size:
            continue
        bought[:, buys] += cost[:, None]
        bought[:, part.first_year] -= subsidy
        kept[:, part.first_year + 1 :] += (cost * part.upkeep_share)[:, None]
        left += cost * (life - (years - buys[-1])) / life
    first = bought[:, 0].copy()
    bought[:, 0] = 0.0
    running = np.zeros((n, years + 1))
    rises = {"heat": p.heat_price_rise, "electricity": p.electricity_price_rise}
    for name, yearly in energy_eur_a.items():
        if name not in rises:
            raise DataError(f"unknown energy {name!r}", remedy=did_you_mean(name, ENERGY))
        running[:, 1:] += np.outer(_finite(yearly, index, f"cost of {name}"), (1.0 + rises[name]) ** (year[1:] - 1.0))
    emitted = np.zeros(n) if co2_kg_a is None else _finite(co2_kg_a, index, "CO2")
    co2 = np.outer(emitted / 1000.0 * p.co2_price_eur_t, year > 0)
    table = pd.DataFrame(
        {
            "investment_eur": first,
            "replacement_eur": bought @ discount,
            "upkeep_eur": kept @ discount,
            "energy_eur": running @ discount,
            "co2_eur": co2 @ discount,
            "residual_eur": left * discount[-1],
        },
        index=index,
    )
    table["global_cost_eur"] = table.drop(columns="residual_eur").sum(axis=1) - table["residual_eur"]
    table["annuity_eur_a"] = table["global_cost_eur"] * annuity_factor(years, p.discount_rate)
    yearly = bought + kept + running + co2
    yearly[:, 0] += first
    return LifeCycle(table, yearly, discount)


def compared(option: LifeCycle, reference: LifeCycle) -> pd.DataFrame:
    """Return what an option is worth against a reference of the same buildings and parameters.

    Returns
    -------
    DataFrame
        extra_investment_eur, npv_eur, annuity_saved_eur_a, and payback_a: 0 where the option never costs more, inf
        where its extra investment never comes back within the period.
    """
    extra = option.table["investment_eur"] - reference.table["investment_eur"]
    gained = np.cumsum((reference.yearly_eur - option.yearly_eur) * option.discount, axis=1)
    return pd.DataFrame(
        {
            "extra_investment_eur": extra,
            "npv_eur": reference.table["global_cost_eur"] - option.table["global_cost_eur"],
            "annuity_saved_eur_a": reference.table["annuity_eur_a"] - option.table["annuity_eur_a"],
            "payback_a": _last_rise(gained),
        },
        index=option.table.index,
    )


def _last_rise(gained: Float) -> Float:
    """Return when the sum gained (n, 1 + years) rises above zero for the last time, linear within a year."""
    below = gained < -1e-9 * np.maximum(np.abs(gained).max(axis=1, keepdims=True), 1e-300)
    last = np.where(below.any(axis=1), gained.shape[1] - 1 - np.argmax(below[:, ::-1], axis=1), -1)
    result = np.where(last < 0, 0.0, np.inf)
    row = np.flatnonzero((last >= 0) & (last < gained.shape[1] - 1))
    before, after = gained[row, last[row]], gained[row, last[row] + 1]
    result[row] = last[row] - before / (after - before)
    return result


def _checked(part: Part, index: pd.Index) -> tuple[Float, Float, int]:
    """Return cost, subsidy and whole life of a part."""
    cost = _finite(part.cost_eur, index, f"cost of {part.name}", least=0.0)
    zero = np.zeros(len(index))
    subsidy = (
        zero if part.subsidy_eur is None else _finite(part.subsidy_eur, index, f"subsidy of {part.name}", least=0.0)
    )
    if round(part.life_a) < 1 or not part.upkeep_share >= 0.0 or part.first_year < 0:
        raise DataError(
            f"{part.name}: life {part.life_a:g} a, upkeep {part.upkeep_share:g}, first bought in {part.first_year}",
            expected="a life of at least one year, upkeep and first year from 0",
        )
    return cost, subsidy, round(part.life_a)


def _finite(values: Float, index: pd.Index, what: str, least: float = -np.inf) -> Float:
    values = np.asarray(values, np.float64)
    if values.shape != (len(index),):
        raise DataError(
            f"the {what} has shape {values.shape}", expected=f"one value for each of {len(index)} buildings"
        )
    wrong = ~(np.isfinite(values) & (values >= least))
    if wrong.any():
        k = int(np.argmax(wrong))
        raise DataError(
            f"the {what} of {index[k]} is {values[k]:g}", expected="finite" + (" and from 0" if least == 0.0 else "")
        )
    return values
