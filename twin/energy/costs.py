"""Investment per floor area of retrofit packages and heat supplies, for the scenario layer.

All unit costs are assumptions of the order of Finnish building costs of the early 2020s, with VAT, per gross floor
area of multi-storey buildings: replace them where better figures are known.
"""

from __future__ import annotations

import pandas as pd

from twin.city.schema import ENVELOPES, HEAT_SUPPLIES
from twin.errors import DataError, did_you_mean

RETROFIT_EUR_M2 = {"existing": 0.0, "standard_retrofit": 180.0, "deep_retrofit": 380.0}
"""Assumption: façade insulation, roof and windows; with balanced ventilation and airtightness in the deep package."""

HEAT_SUPPLY_EUR_M2 = {
    "district_heating": 25.0,
    "gas_boiler": 25.0,
    "oil_boiler": 25.0,
    "direct_electric": 20.0,
    "air_heat_pump": 70.0,
    "ground_heat_pump": 110.0,
}
"""Assumption: plant, installation and, for the ground, boreholes; the room heating stays."""


def retrofit_cost_eur(buildings: pd.DataFrame, envelope: str) -> pd.Series:
    """Return the cost of bringing each building to an envelope state; 0 where it is there or better already.

    Parameters
    ----------
    buildings : DataFrame
        With ``floor_area_m2`` and ``envelope``.
    envelope : str
        A state of `twin.city.schema.ENVELOPES`.

    Raises
    ------
    DataError
        An unknown state.
    """
    _known("envelope state", envelope, ENVELOPES)
    rank = {state: i for i, state in enumerate(ENVELOPES)}
    better = buildings["envelope"].map(rank) < rank[envelope]
    return buildings["floor_area_m2"] * RETROFIT_EUR_M2[envelope] * better


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


def _known(what: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise DataError(f"unknown {what} {word!r}", remedy=did_you_mean(word, words))
