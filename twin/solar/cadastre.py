"""The solar cadastre: one row per building and per roof plane, and which roofs first under a budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.errors import UsageError, did_you_mean
from twin.solar.economics import EconomicsParameters, Prices, economics
from twin.solar.suitability import SUITABLE, irradiation_class

Float = NDArray[np.float64]

MONEY = ("capex_eur", "lcoe_eur_kwh", "npv_eur", "payback_a", "co2_avoided_kg_a", "co2_avoided_t", "co2_embodied_t",
         "cost_eur_t_co2")  # fmt: skip
RANKINGS = {"co2": "least capital cost per tonne of CO2 first", "npv": "most net present value per EUR first"}


@dataclass(frozen=True)
class Cadastre:
    """The tables of a cadastre, indexed by plane and by building, and the sums of the city."""

    planes: pd.DataFrame
    buildings: pd.DataFrame
    totals: dict[str, float]


def solar_cadastre(
    planes: pd.DataFrame,
    buildings: pd.DataFrame,
    consumption: pd.DataFrame,
    certainty: pd.DataFrame,
    prices: Prices,
    parameters: EconomicsParameters,
    *,
    with_battery: pd.DataFrame | None = None,
) -> Cadastre:
    """Join yield, rules, money and certainty.

    Parameters
    ----------
    planes : DataFrame
        `SolarResult.planes`, with pv_potential_kwp and pv_potential_kwh_a.
    buildings : DataFrame
        `SolarResult.buildings`; pv_kwp is what is installed already.
    consumption : DataFrame
        `storage.self_consumption` of each building's whole potential.
    certainty : DataFrame
        `uncertainty.exceedance` by building.
    prices : Prices
    parameters : EconomicsParameters
    with_battery : DataFrame, optional
        The same of a battery; only its share of PV used is kept, as self_consumption_battery_share.

    Returns
    -------
    Cadastre
        Money is that of a system on all suitable planes. ``installed_share`` is installed over potential,
        ``remaining_kwp`` the rest.
    """
    kwp, kwh = (buildings[k].to_numpy(np.float64) for k in ("pv_potential_kwp", "pv_potential_kwh_a"))
    used = consumption["self_consumption_share"].to_numpy(np.float64)
    money = economics(buildings.index, kwp, kwh, used, prices, parameters)
    installed = buildings["pv_kwp"].to_numpy(np.float64)
    sums = _plane_sums(planes, buildings.index)
    table = pd.concat([sums, buildings[["suitable_area_m2", "pv_potential_kwp", "pv_potential_kwh_a"]]], axis=1)
    table["specific_yield_kwh_kwp"] = buildings["specific_yield_kwh_kwp"]
    table["installed_kwp"] = installed
    table["installed_share"] = np.divide(installed, kwp, out=np.zeros(len(kwp)), where=kwp > 0.0)
    table["remaining_kwp"] = np.maximum(kwp - installed, 0.0)
    for name in ("demand_kwh_a", "self_consumption_share", "self_sufficiency_share"):
        table[name] = consumption[name]
    if with_battery is not None:
        table["self_consumption_battery_share"] = with_battery["self_consumption_share"]
    table = pd.concat([table, money, certainty], axis=1)
    return Cadastre(_plane_money(planes, consumption, prices, parameters), table, _totals(table))


def _plane_sums(planes: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """Return area, irradiation, loss by shade and the deciding reason of each building."""
    area = planes["area_m2"]
    weighted = pd.DataFrame(
        {
            "roof_area_m2": area,
            "planes": 1,
            "suitable_planes": planes["suitable"].astype(np.int64),
            "sun": area * planes["irradiation_kwh_m2"],
            "open": area * planes["unshaded_kwh_m2"],
        }
    )
    sums = weighted.groupby(planes["building_id"].to_numpy()).sum().reindex(index, fill_value=0)
    shape = sums["roof_area_m2"].to_numpy(np.float64)
    sun, unshaded = (sums.pop(k).to_numpy(np.float64) for k in ("sun", "open"))
    sums["irradiation_kwh_m2"] = np.divide(sun, shape, out=np.zeros(len(shape)), where=shape > 0.0)
    sums["shading_loss_share"] = 1.0 - np.divide(sun, unshaded, out=np.ones(len(shape)), where=unshaded > 0.0)
    sums["irradiation_class"] = irradiation_class(sums["irradiation_kwh_m2"].to_numpy())
    # Of the planes that suit, or else of all, the largest speaks for the building; ties go to the first id.
    order = planes.assign(plane=planes.index.astype(str)).sort_values(
        ["suitable", "area_m2", "plane"], ascending=[False, False, True], kind="stable"
    )
    first = order.drop_duplicates("building_id").set_index("building_id")["reason"]
    sums["reason"] = first.reindex(index).fillna("no roof plane").astype("str")
    sums.index.name = index.name
    return sums


def _plane_money(
    planes: pd.DataFrame, consumption: pd.DataFrame, prices: Prices, parameters: EconomicsParameters
) -> pd.DataFrame:
    """Return the planes with yield, class and money at their building's share of self-consumption."""
    kwp, kwh = (planes[k].to_numpy(np.float64) for k in ("pv_potential_kwp", "pv_potential_kwh_a"))
    used = consumption["self_consumption_share"].reindex(planes["building_id"]).to_numpy(np.float64)
    money = economics(planes.index, kwp, kwh, used, prices, parameters)
    table = planes.copy()
    table["specific_yield_kwh_kwp"] = np.divide(kwh, kwp, out=np.zeros(len(kwp)), where=kwp > 0.0)
    annual, unshaded = (planes[k].to_numpy(np.float64) for k in ("irradiation_kwh_m2", "unshaded_kwh_m2"))
    table["shading_loss_share"] = 1.0 - np.divide(annual, unshaded, out=np.ones(len(kwp)), where=unshaded > 0.0)
    table["irradiation_class"] = irradiation_class(annual)
    return pd.concat([table, money[list(MONEY)]], axis=1)


def _totals(table: pd.DataFrame) -> dict[str, float]:
    names = ["roof_area_m2", "suitable_area_m2", "pv_potential_kwp", "pv_potential_kwh_a", "installed_kwp"]
    names += ["remaining_kwp", "demand_kwh_a", "capex_eur", "npv_eur"]
    names += ["co2_avoided_kg_a", "co2_avoided_t", "co2_embodied_t"]
    totals = {name: float(table[name].sum()) for name in names}
    kwp = totals["pv_potential_kwp"]
    totals["installed_share"] = totals["installed_kwp"] / kwp if kwp > 0.0 else 0.0
    totals["buildings"] = float(len(table))
    totals["suitable_buildings"] = float((table["suitable_planes"] > 0).sum())
    return totals


def rank(buildings: pd.DataFrame, by: str = "co2", budget_eur: float | None = None) -> pd.DataFrame:
    """Return the buildings worth equipping, best first, until the budget is spent.

    Only what is not installed yet counts. The last building that the budget reaches is equipped in part, so that the
    choice is the best of all for its measure (the continuous knapsack), and a larger budget never gives less.

    Parameters
    ----------
    buildings : DataFrame
        Of a `Cadastre`.
    by : str
        ``co2``: capital cost per tonne of CO2 avoided over the life, lowest first; ``npv``: net present value per EUR
        of capital, highest first, down to zero.
    budget_eur : float, optional
        All that are worth it when left out.

    Returns
    -------
    DataFrame
        Indexed by building id: rank (1, 2, …), equipped_share (of what is missing), kwp, kwh_a, capex_eur, npv_eur,
        co2_avoided_t, co2_embodied_t, and the running sums cumulative_capex_eur, cumulative_kwp,
        cumulative_co2_avoided_t.

    Raises
    ------
    UsageError
        Another `by`, or a negative budget.
    """
    if by not in RANKINGS:
        raise UsageError(f"unknown ranking {by!r}", remedy=did_you_mean(by, RANKINGS))
    if budget_eur is not None and not budget_eur >= 0.0:
        raise UsageError(f"a budget of {budget_eur:g} EUR is no budget", expected="0 or more")
    missing = 1.0 - buildings["installed_share"].clip(0.0, 1.0)
    same = ("capex_eur", "npv_eur", "co2_avoided_t", "co2_embodied_t")
    columns = {"kwp": "pv_potential_kwp", "kwh_a": "pv_potential_kwh_a"} | {k: k for k in same}
    table = pd.DataFrame({new: buildings[old] * missing for new, old in columns.items()})
    worth = (table["kwp"] > 0.0) & (table["co2_avoided_t" if by == "co2" else "npv_eur"] > 0.0)
    table = table[worth]
    key = table["capex_eur"] / table["co2_avoided_t"] if by == "co2" else -table["npv_eur"] / table["capex_eur"]
    # Equal to ten digits is equal: then the id decides, whatever the sums' last bits.
    table = table.assign(key=[float(f"{k:.10g}") for k in key], own=table.index.astype(str))
    table = table.sort_values(["key", "own"]).drop(columns=["key", "own"])
    before = table["capex_eur"].cumsum() - table["capex_eur"]
    left = np.inf if budget_eur is None else budget_eur
    share = ((left - before) / table["capex_eur"]).clip(0.0, 1.0)
    table = table.mul(share, axis=0).assign(equipped_share=share)[share > 0.0]
    for name in ("capex_eur", "kwp", "co2_avoided_t"):
        table[f"cumulative_{name}"] = table[name].cumsum()
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def counts_by_reason(planes: pd.DataFrame) -> pd.DataFrame:
    """Return how many planes and how much area each rule decides; figures in the reason are left out.

    Returns
    -------
    DataFrame
        Indexed by reason, suitable first, then by area: planes, area_m2.
    """
    kind = planes["reason"].str.split(":").str[0]
    table = planes.groupby(kind.to_numpy())["area_m2"].agg(planes="size", area_m2="sum")
    table = table.assign(first=table.index != SUITABLE, name=table.index)
    table = table.sort_values(["first", "area_m2", "name"], ascending=[True, False, True])
    return table[["planes", "area_m2"]].rename_axis("reason")
