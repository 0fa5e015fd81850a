"""The calculated stock against what is measured: prebound correction, and heat per floor area by year class.

Homes that are calculated to need much heat use less than that: they are heated less (M. Sunikka-Blank and R. Galvin,
"Introducing the prebound effect", Building Research & Information 40(3), 2012, doi 10.1080/09613218.2012.690952).
The figures of measured stocks stand in `MEASURED`, each with its source; their state is listed in docs/sources.md.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import numpy as np
import pandas as pd

from twin.city.archetypes import CLASS_YEARS
from twin.city.schema import YEAR_CLASSES
from twin.energy.envelopes import NORDIC, Floats
from twin.energy.parameters import EnergyParameters

BASE_C = 17.0
"""Base temperature of the Finnish heating degree days S17."""
PUBLISHED_GAP = ((50.0, 0.0), (150.0, 0.17), (225.0, 0.30), (300.0, 0.40))
"""Calculated bought heat in kWh/m²a and by which share less is measured. Sunikka-Blank and Galvin 2012 find 30 % at
the mean rating of 225; 150 and 300 through later summaries. That the gap ends at 50 continues the line (assumption);
beyond 300 it stays (assumption)."""

MOST_LESS = 0.6
"""Share of the room heat that is saved at most (assumption)."""

BOUGHT_HEAT = {"district_heating": "district_heating_kwh_a", "gas_boiler": "gas_kwh_a", "oil_boiler": "oil_kwh_a"}
"""Supplies whose bought energy is heat that meters of stocks measure."""
LIVING_OVER_GROSS = 1.0 / 1.2
"""Living area over heated gross area: the German decree on energy saving (EnEV 2007, § 19) sets the area of use at 1.2
times the living area of blocks of flats (recalled)."""


@dataclass(frozen=True)
class Measured:
    """Measured heat of a stock of homes in kWh/m²a, with hot water, as bought.

    A range over years or carriers; of homes built from `first_year` to `last_year`.
    """

    country: str
    place: str
    homes: str
    low_kwh_m2: float
    high_kwh_m2: float
    source: str
    first_year: int = 0
    last_year: int = 9999


_METERS = "customers' meters of the district-heating company, read in a published thesis"
_PAGE = "Vojens Fjernvarme, consumption by use and year of construction, vojensfjernvarme.dk"
_VOJENS_YEARS = ((0, 1920), (1921, 1962), (1963, 1978), (1979, 1998), (1999, 2006), (2007, 2015), (2016, 9999))
_VOJENS_2021 = {
    "detached": (178.0, 154.0, 115.0, 103.0, 93.0, 72.0, 53.0),
    "terraced": (None, 141.0, 109.0, 93.0, 107.0, 113.0, None),
    "flats": (265.0, 110.0, 143.0, 80.0, 81.0, 54.0, None),
}
MEASURED = (
    Measured("DK", "Assens, 2012/13 to 2016/17", "all", 113.0, 134.0, _METERS),
    Measured("DK", "Vojens, 2012/13 to 2016/17", "detached", 103.0, 122.0, _METERS),
    Measured("DK", "Vojens, 2012/13 to 2016/17", "terraced", 101.0, 121.0, _METERS),
    Measured("DK", "Vojens, 2012/13 to 2016/17", "flats", 126.0, 158.0, _METERS),
    Measured("SE", "Sweden, 2009 and 2010", "flats", 148.0, 158.0, "Swedish Energy Agency, news of its statistics"),
    Measured(
        "DE",
        "Germany, 2006 and 2009, 312 000 blocks",
        "flats",
        136.0 * LIVING_OVER_GROSS,
        149.4 * LIVING_OVER_GROSS,
        "ista and IWH, energy efficiency index, per living area",
    ),
    *(
        Measured("DK", "Vojens, 2021", homes, value, value, _PAGE, first, last)
        for homes, values in _VOJENS_2021.items()
        for (first, last), value in zip(_VOJENS_YEARS, values, strict=True)
        if value is not None
    ),
)


def published_gap(rating_kwh_m2: Floats) -> Floats:
    """Return the share by which measured bought heat is less than calculated (`PUBLISHED_GAP`)."""
    at, gaps = zip(*PUBLISHED_GAP, strict=True)
    return np.asarray(np.interp(rating_kwh_m2, at, gaps))


def prebound_k(
    loss_w_m2k: Floats, hot_water_kwh_m2: Floats, temperature_c: Floats, parameters: EnergyParameters
) -> Floats:
    """Return how much lower homes are heated, so that their bought heat falls by the prebound share.

    The rating is estimated by degree hours below `BASE_C`. Lowering the base by a share of its mean distance to the
    outdoor temperature lowers the degree hours by about that share, or somewhat less: fewer hours stay below it.

    Parameters
    ----------
    loss_w_m2k : float64 (n,)
        Heat loss per kelvin and floor area.
    hot_water_kwh_m2 : float64 (n,)
        Tapped heat of a year.
    temperature_c : float64 (8760,)
        Outdoor air.
    parameters : EnergyParameters
        Gives the share of the published gap that is applied (``prebound_strength``), and the losses.
    """
    below = np.maximum(0.0, BASE_C - temperature_c)
    hours = np.count_nonzero(below)
    if hours == 0:
        return np.zeros_like(loss_w_m2k)
    room = loss_w_m2k * below.sum() / 1000.0
    water = parameters.hot_water_factor * (1.0 + parameters.hot_water_loss_share) * hot_water_kwh_m2
    rating = room / parameters.distribution_efficiency + water
    less = published_gap(rating) * rating * parameters.distribution_efficiency
    share = np.minimum(less / np.maximum(room, 1e-9), MOST_LESS)
    return np.asarray(parameters.prebound_strength * share * below.sum() / hours)


def measured_stock(country: str) -> pd.DataFrame:
    """Return the published figures for a country: its own, else those of its part of Europe."""
    known = [m for m in MEASURED if m.country == country]
    known = known or [m for m in MEASURED if (m.country in NORDIC) == (country in NORDIC)]
    return pd.DataFrame([astuple(m) for m in known], columns=[f.name for f in fields(Measured)])


def stock_comparison(
    buildings: pd.DataFrame, corrected: pd.DataFrame, calculated: pd.DataFrame, country: str
) -> pd.DataFrame:
    """Compare bought heat of homes per floor area, with and without prebound correction, with measured stocks.

    Parameters
    ----------
    buildings : DataFrame
        The city's, with ``use``, ``year_class``, ``floor_area_m2`` and ``heat_supply``. Homes on `BOUGHT_HEAT` count.
    corrected, calculated : DataFrame
        `EnergyResult.buildings` of the same rows with the usual ``prebound_strength``, and with 0.
    country : str
        ISO 3166-1 code.

    Returns
    -------
    DataFrame
        Indexed by year class, and ``all``: buildings, floor_area_m2, corrected_kwh_m2, calculated_kwh_m2, gap (the
        share by which the first is less), published_gap (at the calculated figure, where households pay their own
        heat), measured_low_kwh_m2 and measured_high_kwh_m2 over `measured_stock` (NaN where nothing is published).
    """
    counted = (buildings["use"] == "residential") & (buildings["floor_area_m2"] > 0.0)
    counted &= buildings["heat_supply"].isin(list(BOUGHT_HEAT))
    rows = counted.to_numpy()
    area = buildings["floor_area_m2"].to_numpy(np.float64)
    heats = [table[list(BOUGHT_HEAT.values())].sum(axis=1).to_numpy(np.float64) for table in (corrected, calculated)]
    year = buildings["year_class"].to_numpy()
    table = []
    for name in (*YEAR_CLASSES, "all"):
        mine = rows & ((year == name) | (name == "all"))
        floor = float(area[mine].sum())
        with_, without = (float(heat[mine].sum()) / floor if floor else np.nan for heat in heats)
        table.append((int(mine.sum()), floor, with_, without, 1.0 - with_ / without if without else np.nan))
    columns = ["buildings", "floor_area_m2", "corrected_kwh_m2", "calculated_kwh_m2", "gap"]
    index = pd.Index([*YEAR_CLASSES, "all"], name="year_class")
    frame = pd.DataFrame(table, columns=columns, index=index)
    frame["published_gap"] = published_gap(frame["calculated_kwh_m2"].to_numpy())
    measured = measured_stock(country)
    by_class = [_measured_range(measured, name) for name in index]
    frame[["measured_low_kwh_m2", "measured_high_kwh_m2"]] = by_class
    return frame


def _measured_range(measured: pd.DataFrame, name: str) -> tuple[float, float]:
    """Return lowest and highest measured figure of homes mostly of a year class; of figures of all years for "all"."""
    whole = (measured["first_year"] == 0) & (measured["last_year"] == 9999)
    if name == "all":
        mine = measured[whole]
    else:
        first, end = CLASS_YEARS[YEAR_CLASSES.index(name)]
        begins = measured["first_year"].clip(lower=CLASS_YEARS[0][0])
        ends = measured["last_year"].clip(upper=CLASS_YEARS[-1][1] - 1) + 1
        shared = ends.clip(upper=end) - begins.clip(lower=first)
        mine = measured[~whole & (2 * shared >= np.minimum(ends - begins, end - first))]
    return (mine["low_kwh_m2"].min(), mine["high_kwh_m2"].max()) if len(mine) else (np.nan, np.nan)
