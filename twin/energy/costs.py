"""Investment per floor area of renewed elements, retrofit packages and heat supplies, with lives and upkeep.

All unit costs are assumptions of the order of Finnish building costs of the early 2020s, with VAT, per gross floor
area of multi-storey buildings: replace them where better figures are known. They are not far from the 150 to 170 EUR/m²
of net area that Kuusk and Kalamees 2015 (doi 10.1080/09613218.2016.1103117) found for Estonian blocks of flats brought
to the level of low-energy buildings. A package costs what its elements cost.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from twin.city.schema import ELEMENTS, ENVELOPES, HEAT_SUPPLIES, LEVELS
from twin.city.upgrades import PACKAGES, element_levels
from twin.energy.lifecycle import LifecycleParameters, Part, compared, life_cycle
from twin.errors import DataError, did_you_mean

ELEMENT_EUR_M2 = {
    "wall": {"standard": 80.0, "deep": 140.0},
    "roof": {"standard": 35.0, "deep": 50.0},
    "floor": {"standard": 30.0, "deep": 45.0},
    "window": {"standard": 65.0, "deep": 85.0},
    "ventilation": {"standard": 40.0, "deep": 60.0},
}
"""Assumption: façade with insulation, roof, ground floor, windows, balanced ventilation with heat recovery."""

RETROFIT_EUR_M2 = {
    state: sum(ELEMENT_EUR_M2[element][level] for element, level in package.items())
    for state, package in PACKAGES.items()
}
"""Packages that a state of the envelope stands for: the sum of their elements."""

HEAT_SUPPLY_EUR_M2 = {
    "district_heating": 25.0,
    "gas_boiler": 25.0,
    "oil_boiler": 25.0,
    "direct_electric": 20.0,
    "air_heat_pump": 70.0,
    "ground_heat_pump": 110.0,
}
"""Assumption: plant, installation and, for the ground, boreholes; the room heating stays."""

ELEMENT_LIFE_A = {"wall": 40.0, "roof": 40.0, "floor": 40.0, "window": 30.0, "ventilation": 20.0}
"""Years. Ventilation: fans and exchangers of EN 15459, annex A (15 to 20), as recalled; the others: assumption."""

ELEMENT_UPKEEP = {"wall": 0.0, "roof": 0.0, "floor": 0.0, "window": 0.0, "ventilation": 0.04}
"""Yearly upkeep per investment, beyond that of the old element. Ventilation: EN 15459, annex A, as recalled."""

SUPPLY_LIFE_A = {
    "district_heating": 20.0,
    "gas_boiler": 20.0,
    "oil_boiler": 20.0,
    "direct_electric": 20.0,
    "air_heat_pump": 18.0,
    "ground_heat_pump": 25.0,
}
"""Years: EN 15459, annex A, as recalled (boilers 20, heat pumps 15 to 20); of ground heat pumps a mean of the machine
and of its boreholes, which outlast it (assumption)."""

SUPPLY_UPKEEP = {
    "district_heating": 0.01,
    "gas_boiler": 0.02,
    "oil_boiler": 0.02,
    "direct_electric": 0.0,
    "air_heat_pump": 0.03,
    "ground_heat_pump": 0.02,
}
"""Yearly upkeep per investment: EN 15459, annex A, as recalled (boilers 1 to 2 %, heat pumps 2 to 4 %)."""


def upgrade_cost_eur(buildings: pd.DataFrame, element: str, level: str) -> pd.Series:
    """Return the cost of renewing an element of each building; 0 where it is as good or better already.

    Parameters
    ----------
    buildings : DataFrame
        With ``floor_area_m2``, ``envelope`` and ``upgrades``.
    element : str
        One of `twin.city.schema.ELEMENTS`.
    level : str
        One of `twin.city.schema.LEVELS`.

    Raises
    ------
    DataError
        An unknown element or level.
    """
    _known("element", element, ELEMENTS)
    _known("level", level, LEVELS)
    worse = element_levels(buildings)[:, ELEMENTS.index(element)] < 1 + LEVELS.index(level)
    return buildings["floor_area_m2"] * ELEMENT_EUR_M2[element][level] * worse


def retrofit_cost_eur(buildings: pd.DataFrame, envelope: str) -> pd.Series:
    """Return the cost of bringing each building to an envelope state: of the elements that are worse there.

    Parameters
    ----------
    buildings : DataFrame
        With ``floor_area_m2``, ``envelope`` and ``upgrades``.
    envelope : str
        A state of `twin.city.schema.ENVELOPES`.

    Raises
    ------
    DataError
        An unknown state.
    """
    _known("envelope state", envelope, ENVELOPES)
    levels = element_levels(buildings)
    unit = np.zeros(len(buildings))
    for element, level in PACKAGES[envelope].items():
        worse = levels[:, ELEMENTS.index(element)] < 1 + LEVELS.index(level)
        unit += ELEMENT_EUR_M2[element][level] * worse
    return buildings["floor_area_m2"] * unit


def heat_supply_cost_eur(buildings: pd.DataFrame, heat_supply: str) -> pd.Series:
    """Return the cost of changing each building's heat supply; 0 where it has that supply already.

    Parameters
    ----------
    buildings : DataFrame
        With ``floor_area_m2`` and ``heat_supply``.
    heat_supply : str
        One of `twin.city.schema.HEAT_SUPPLIES`.

    Raises
    ------
    DataError
        An unknown heat supply.
    """
    _known("heat supply", heat_supply, HEAT_SUPPLIES)
    return buildings["floor_area_m2"] * HEAT_SUPPLY_EUR_M2[heat_supply] * (buildings["heat_supply"] != heat_supply)


def parts_of_change(before: pd.DataFrame, after: pd.DataFrame) -> list[Part]:
    """Return what is bought in buildings that change, and the heat plant that they keep up anyway.

    A plant that stays is renewed after half of its life, since plants are half worn on average (assumption).

    Parameters
    ----------
    before, after : DataFrame (n,)
        With ``floor_area_m2``, ``envelope``, ``upgrades`` and ``heat_supply``; the same buildings.
    """
    area = after["floor_area_m2"].to_numpy(np.float64)
    old, new = element_levels(before), element_levels(after)
    parts = []
    for k, element in enumerate(ELEMENTS):
        prices = np.array([0.0, *(ELEMENT_EUR_M2[element][level] for level in LEVELS)])
        cost = area * prices[new[:, k]] * (new[:, k] > old[:, k])
        parts.append(Part(element, cost, ELEMENT_LIFE_A[element], ELEMENT_UPKEEP[element]))
    supply = after["heat_supply"].to_numpy()
    changed = supply != before["heat_supply"].to_numpy()
    for kind, price in HEAT_SUPPLY_EUR_M2.items():
        life, upkeep = SUPPLY_LIFE_A[kind], SUPPLY_UPKEEP[kind]
        cost = area * price * (supply == kind)
        parts.append(Part(kind, cost * changed, life, upkeep))
        parts.append(Part(kind, cost * ~changed, life, upkeep, first_year=round(life / 2.0)))
    return parts


def value_of_change(
    before: pd.DataFrame, after: pd.DataFrame, parameters: LifecycleParameters, subsidy_eur: pd.Series | None = None
) -> pd.DataFrame:
    """Return the life-cycle value of what changes in buildings, to their owners.

    Parameters
    ----------
    before, after : DataFrame (n,)
        Columns of `parts_of_change`, and of the results: ``heat_cost_eur_a``, ``electricity_cost_eur_a`` and
        ``co2_kg_a``.
    parameters : LifecycleParameters
    subsidy_eur : Series (n,), optional
        Of the investment, paid by others.

    Returns
    -------
    DataFrame
        Columns of `twin.energy.lifecycle.compared`, and global_cost_before_eur and global_cost_after_eur.
    """
    options = []
    for state in (before, after):
        parts = parts_of_change(before, state)
        if subsidy_eur is not None and state is after:
            zero = np.zeros(len(after))
            parts.append(Part("subsidy", zero, parameters.years, subsidy_eur=subsidy_eur.to_numpy(np.float64)))
        bills = {name: state[f"{name}_cost_eur_a"].to_numpy(np.float64) for name in ("heat", "electricity")}
        co2 = state["co2_kg_a"].to_numpy(np.float64)
        options.append(life_cycle(after.index, parts, bills, parameters, co2_kg_a=co2))
    reference, option = options
    costs = {
        "global_cost_before_eur": reference.table["global_cost_eur"],
        "global_cost_after_eur": option.table["global_cost_eur"],
    }
    return compared(option, reference).assign(**costs)


def _known(what: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise DataError(f"unknown {what} {word!r}", remedy=did_you_mean(word, words))
