"""Archetypes by use, size, year class and country: envelope and ventilation after renewal, and standard use.

Thermal figures come from the city's own table (`twin.city.archetypes`) where it has one, else from the country's
built-in set (`twin.energy.envelopes`). Standard use (hours, loads, flows, set-points, hot water; homes as blocks of
flats) follows the Finnish decree on the energy performance of new buildings (1010/2017), as recalled; not checked at
source. Whatever is marked *assumption* is a judgement. The state of every figure is listed in docs/sources.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.archetypes import SIZES
from twin.city.model import City
from twin.city.schema import BUILDING_USES, ELEMENTS, YEAR_CLASSES
from twin.city.upgrades import element_levels
from twin.energy.envelopes import (
    FIELDS,
    LEAKAGE_OF,
    NORDIC,
    built_in,
    completed,
)
from twin.errors import DataError, at_row, did_you_mean

THERMAL_BRIDGES = 1.1
"""Multiplies the transmission of opaque elements (assumption)."""
GROUND_FACTOR = 0.6
"""Loss through the ground floor over the loss to outdoor air (assumption, after the b-factors of EN 12831)."""
WINDOW_FRAME = 0.75
"""Glazed share of a window (Finnish D5 2012, as recalled; not checked at source)."""
GLASS_INCIDENCE = 0.9
"""Mean over normal g-value, F_w of EN ISO 13790, 11.4.2."""
HOUSE_M2 = 400.0
"""Residential buildings up to this floor area count as houses, larger ones as blocks (assumption)."""

MASS_J_M2K = (110e3, 165e3, 260e3)
MASS_AREA = (2.5, 2.5, 3.0)
"""C_m in J/K and A_m in m² per floor area of `twin.city.archetypes.MASSES`, EN ISO 13790, table 12."""
HEAVY_FROM_LEVELS = 3
"""Stone from three storeys up, medium below (assumption), where a table does not say the mass."""


@dataclass(frozen=True)
class Archetypes:
    """Thermal figures and standard use of a city's buildings.

    Parameters
    ----------
    figures : float64 (uses, sizes, year classes, 3, 9)
        By `BUILDING_USES`, `SIZES`, `YEAR_CLASSES`, level of renewal (as built, standard, deep) and `FIELDS`.
    mass : int64 (uses, sizes, year classes)
        Place in `twin.city.archetypes.MASSES`; −1 where the number of storeys decides.
    uses : dict
        Standard use by name.
    title : str
        Which set this is.
    """

    figures: NDArray[np.float64]
    mass: NDArray[np.int64]
    uses: dict[str, Use]
    title: str

    def envelope(self, buildings: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Return the figures of buildings after their renewal.

        Parameters
        ----------
        buildings : DataFrame
            With ``use``, ``year_class``, ``floor_area_m2``, ``levels``, ``envelope`` and ``upgrades``.

        Returns
        -------
        dict
            float64 (n,) for each of `FIELDS`, and ``mass`` int64 (n,), the place in
            `twin.city.archetypes.MASSES`.

        Raises
        ------
        SchemaError, DataError
            An unknown use, year class, state or upgrade, with its building.
        """
        use = building_codes(buildings, "use", BUILDING_USES)
        year = building_codes(buildings, "year_class", YEAR_CLASSES)
        house = buildings["floor_area_m2"].to_numpy(np.float64) <= HOUSE_M2
        size = np.where(house & (use == BUILDING_USES.index("residential")), SIZES.index("house"), SIZES.index("block"))
        level = element_levels(buildings)
        found = {
            field: self.figures[use, size, year, level[:, ELEMENTS.index(_ELEMENT_OF[field])], k]
            for k, field in enumerate(FIELDS)
            if field in _ELEMENT_OF
        }
        q50 = self.figures[use, size, year, :, FIELDS.index("leakage_m3_h_m2")]
        found["leakage_m3_h_m2"] = _leakage(q50, level)
        by_storeys = np.where(buildings["levels"].to_numpy(np.float64) >= HEAVY_FROM_LEVELS, 2, 1)
        said = self.mass[use, size, year]
        return {field: found[field] for field in FIELDS} | {"mass": np.where(said < 0, by_storeys, said)}


def archetypes_of(city: City) -> Archetypes:
    """Return the archetypes of a city: its own table where it has one, completed by its country's built-in set.

    `twin.energy.envelopes.completed` says how.
    """
    country = city.meta.country
    title = "Nordic" if country in NORDIC else "central European"
    uses = uses_of(country)
    if city.archetypes is None:
        figures = built_in(country)
        mass = np.full(figures.shape[:3], -1)
    else:
        figures, mass = completed(country, city.archetypes)
        title = f"the city's own table, completed by the {title} set"
    return Archetypes(figures, mass, uses, title)


_ELEMENT_OF = {
    "wall_w_m2k": "wall",
    "roof_w_m2k": "roof",
    "floor_w_m2k": "floor",
    "window_w_m2k": "window",
    "g_value": "window",
    "heat_recovery": "ventilation",
    "flow_share": "ventilation",
    "fan_power_kw_s_m3": "ventilation",
}


def _leakage(q50: NDArray[np.float64], level: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the leakage of partly renewed buildings, so that all elements together give that of the package."""
    rows = np.arange(len(q50))
    old = np.maximum(q50[:, 0], 1e-9)
    factor = np.ones(len(q50))
    for element, share in enumerate(LEAKAGE_OF):
        factor *= (np.maximum(q50[rows, level[:, element]], 1e-9) / old) ** share
    return np.round(q50[:, 0] * factor, 9)


def building_codes(buildings: pd.DataFrame, column: str, known: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the place of each building's value in `known`; DataError names the first that is not there."""
    codes = np.asarray(pd.Index(known).get_indexer(pd.Index(buildings[column])), np.int64)
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        word = str(buildings[column].iloc[row])
        raise DataError(
            f"no archetype has the {column} {word!r}",
            where=at_row("buildings", buildings.index[row], column),
            expected=", ".join(known),
            remedy=did_you_mean(word, known),
        )
    return codes


@dataclass(frozen=True)
class Use:
    """Standard use of a building: hours, loads, flows, set-points and hot water per floor area."""

    first_hour: int
    end_hour: int
    days: int  # days a week from Monday
    occupancy: float
    lighting_w_m2: float
    lighting_share: float  # of the hours of use
    equipment_w_m2: float
    people_w_m2: float
    flow_l_s_m2: float
    heating_c: float
    cooling_c: float
    cooled: bool
    hot_water_kwh_m2: float
    window_share: float  # of the outer wall (assumption)


USES = {
    "residential": Use(0, 24, 7, 0.60, 9.0, 0.10, 4.0, 3.0, 0.5, 21.0, 27.0, False, 35.0, 0.25),
    "office": Use(7, 18, 5, 0.65, 10.0, 0.65, 12.0, 5.0, 2.0, 21.0, 25.0, True, 6.0, 0.35),
    "retail": Use(8, 21, 6, 1.00, 19.0, 1.00, 1.0, 2.0, 2.0, 18.0, 25.0, True, 4.0, 0.25),
    "education": Use(8, 16, 5, 0.60, 14.0, 0.60, 8.0, 14.0, 3.0, 21.0, 25.0, False, 11.0, 0.30),
    "health": Use(0, 24, 7, 0.60, 7.0, 0.60, 9.0, 8.0, 4.0, 22.0, 25.0, True, 30.0, 0.25),
    # from here on: assumption, after sports halls and assembly buildings, and workshops
    "public": Use(8, 22, 7, 0.50, 10.0, 0.50, 2.0, 5.0, 1.5, 20.0, 25.0, False, 10.0, 0.20),
    "industrial": Use(7, 17, 5, 0.60, 8.0, 0.60, 8.0, 2.0, 1.0, 17.0, 27.0, False, 4.0, 0.10),
    "other": Use(7, 19, 5, 0.50, 6.0, 0.50, 2.0, 1.0, 0.5, 18.0, 27.0, False, 4.0, 0.15),
}
IDLE_FLOW_L_S_M2 = 0.15
"""Ventilation outside the hours of use (1010/2017, as recalled; not checked at source)."""
IDLE_LOAD = 0.1
"""Lighting and equipment outside the hours of use, as a share (assumption)."""
COOLING_W_M2 = 80.0
"""Capacity of cooling plants (assumption)."""

CENTRAL_HOME = replace(USES["residential"], heating_c=20.0, hot_water_kwh_m2=12.5)
"""Homes at 20 °C with 10 (houses) to 15 kWh/m² (blocks) of hot water, as the national tables of TABULA have them."""
HOT_WATER_KWH_M2 = {"DK": 13.1, "SE": 25.0}
"""Tapped hot water of homes where the Finnish figure is far off: 250 l/m² heated by 45 K (Danish SBi 213, as recalled;
the 935 kWh a resident that Danish advisers use come to the same), and Sveby's figure for Swedish blocks (recalled)."""


def uses_of(country: str) -> dict[str, Use]:
    """Return standard use in a country; other uses than homes are the same everywhere (assumption)."""
    home = USES["residential"] if country in NORDIC else CENTRAL_HOME
    return USES | {"residential": replace(home, hot_water_kwh_m2=HOT_WATER_KWH_M2.get(country, home.hot_water_kwh_m2))}
