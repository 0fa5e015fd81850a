"""Built-in thermal figures by use, size and year class: a Nordic and a central European set.

Nordic: U-values are the reference values by year of the building permit in the annex of the Finnish decree on energy
certificates (1048/2017), which repeat the National Building Code, part C3; given as recalled, only the row of 2010
was checked. A year class takes the mean over its years. Standard renewal follows the Finnish decree 4/13 (recalled).

Central European: medians over the national residential typologies of Austria, Czechia, Germany, Hungary, Poland and
Slovenia (TABULA and EPISCOPE, www.episcope.eu), each the mean over its buildings of the class, read with
`twin.city.tabula`. Standard renewal has the U-values that annex 7 of the German Gebäudeenergiegesetz asks of renewed
elements; deep renewal those of EnerPHit for the cool temperate climate (recalled).

Whatever is marked *assumption* is a judgement. The state of every figure is listed in docs/sources.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.archetypes import CLASS_YEARS, FIGURES, MASSES, SIZES
from twin.city.schema import BUILDING_USES, ENVELOPES, LEVELS, YEAR_CLASSES

Floats = NDArray[np.float64]

FIELDS = tuple(FIGURES)
STATES = 1 + len(LEVELS)

# permits from this year on: U-values in W/m²K of wall, roof, ground floor, window
U_VALUES = (
    (0, 0.81, 0.47, 0.47, 2.8),
    (1976, 0.40, 0.35, 0.40, 2.1),
    (1978, 0.35, 0.29, 0.40, 2.1),
    (1985, 0.28, 0.22, 0.36, 2.1),
    (2004, 0.25, 0.16, 0.25, 1.4),
    (2008, 0.24, 0.15, 0.24, 1.4),
    (2010, 0.17, 0.09, 0.16, 1.0),
)
# By year class; q50: assumption, 4 m³/h,m² is the value of the Finnish decree for houses not measured. Recovery
# 0.3/0.45/0.55 is what D3 2003, D3 2010 and 1010/2017 ask for (recalled); which class has which is an assumption.
NORDIC_LEAKAGE = (6.0, 6.0, 5.0, 4.0, 3.0, 2.0)
RECOVERY_HOMES = (0.0, 0.0, 0.0, 0.0, 0.3, 0.55)
RECOVERY_OTHER = (0.0, 0.0, 0.2, 0.35, 0.45, 0.55)
FLOW_SHARE_BY_CLASS = (0.6, 0.6, 0.8, 1.0, 1.0, 1.0)
"""Ventilation of existing buildings over today's standard flow: natural ventilation moves less air (assumption)."""
FAN_POWER_BY_CLASS = (0.0, 0.0, 1.0, 1.0, 2.5, 1.8)
"""Specific fan power: none with natural ventilation, 1.0 exhaust only, 2.5 and 1.8 of D3 2003 and 1010/2017 (as
recalled)."""

# by year class: U-values of wall, roof, floor and window in W/m²K, g-value, q50 in m³/h,m²
CENTRAL_EUROPE = (
    (1.47, 1.00, 1.11, 2.74, 0.75, 11.0),
    (1.40, 0.93, 1.07, 2.83, 0.75, 9.3),
    (1.33, 0.77, 0.92, 2.86, 0.75, 8.6),
    (0.71, 0.40, 0.56, 2.25, 0.69, 5.9),
    (0.30, 0.25, 0.33, 1.44, 0.60, 5.7),
    (0.25, 0.21, 0.34, 1.24, 0.64, 5.7),
)
CENTRAL_COUNTRIES = ("AT", "CZ", "DE", "HU", "PL", "SI")
"""The national typologies that `CENTRAL_EUROPE` is the median of."""
CENTRAL_HOME_FLOW_SHARE = 0.56
"""0.4 air changes an hour of rooms 2.5 m high, as all national tables of TABULA have it, over 0.5 l/s,m²."""

LEAKAGE_OF = (0.4, 0.2, 0.0, 0.4, 0.0)
"""Shares of the elements (`twin.city.schema.ELEMENTS`) in the tightness that a package brings (assumption)."""


@dataclass(frozen=True)
class Renewal:
    """What elements are renewed to; an element that is better already stays."""

    wall_w_m2k: float
    roof_w_m2k: float
    floor_w_m2k: float
    window_w_m2k: float
    heat_recovery: float
    fan_power_kw_s_m3: float
    halving: bool = False  # walls and roofs are asked for half their U-value, but no better than the figures here
    tighter: float = 0.8  # multiplies the leakage (assumption: a fifth less)
    q50: float = math.inf  # leakage at most


NORDIC_RENEWAL = (
    Renewal(0.17, 0.09, 0.30, 1.0, 0.45, 2.0, halving=True),
    Renewal(0.12, 0.09, 0.25, 0.7, 0.70, 1.8, q50=1.0),
)
"""Standard: Finnish decree 4/13 (recalled; floors: assumption, it asks for what is possible). Deep: assumption, near
the passive-house level."""
CENTRAL_RENEWAL = (
    Renewal(0.24, 0.24, 0.30, 1.3, 0.45, 2.0),
    Renewal(0.15, 0.15, 0.15, 0.85, 0.75, 1.62, q50=1.0),
)
"""Standard: GEG annex 7; ventilation as in the Nordic set (assumption). Deep: EnerPHit, cool temperate climate, fans
0.45 Wh/m³ (recalled); leakage: assumption."""

NORDIC = ("FI", "SE", "NO", "DK", "IS", "EE", "LV", "LT")


def built_in(country: str) -> Floats:
    """Return the figures of a country's set, float64 (uses, sizes, year classes, 3 states, 9 fields).

    States are as built, standard and deep; uses, classes and fields in the order of `BUILDING_USES`, `YEAR_CLASSES`
    and `FIELDS`. Countries of the north have the Nordic set, all others the central European one.
    """
    nordic = country in NORDIC
    table = np.empty((len(BUILDING_USES), len(SIZES), len(YEAR_CLASSES), STATES, len(FIELDS)))
    for use, name in enumerate(BUILDING_USES):
        for year in range(len(YEAR_CLASSES)):
            home = name == "residential"
            old = _nordic(year, home) if nordic else _central(year, home)
            table[use, :, year, 0] = old
            for state, renewal in enumerate(renewals(country), start=1):
                table[use, :, year, state] = renewed(old, renewal)
    return table


def renewals(country: str) -> tuple[Renewal, Renewal]:
    """Return what elements are renewed to in a country, standard and deep."""
    return NORDIC_RENEWAL if country in NORDIC else CENTRAL_RENEWAL


def completed(country: str, table: pd.DataFrame) -> tuple[Floats, NDArray[np.int64]]:
    """Return the figures and masses of a city's own table, completed by its country's built-in set.

    A row that names a use or size goes before one that speaks for all. Homes of a size that a class lacks are like
    those of the other size. A use that the table does not name has the envelope of its homes, but its own
    ventilation (assumption: what is built in one time is built alike). What the table does not say of renewed
    elements follows from its figures as built.
    """
    figures = built_in(country)
    mass = np.full(figures.shape[:3], -1)
    said = _by_place(table)
    for use, size, year in np.ndindex(*mass.shape):
        row = _row_for(said, use, size, year, 0)
        if row is not None:
            figures[use, size, year, 0] = _overlaid(figures[use, size, year, 0], row[0])
            mass[use, size, year] = row[1]
        old = figures[use, size, year, 0]
        for state, renewal in enumerate(renewals(country), start=1):
            new, row = renewed(old, renewal), _row_for(said, use, size, year, state)
            if row is not None:
                new = _overlaid(new, row[0])
            figures[use, size, year, state] = _not_worse(figures[use, size, year, state - 1], new)
    return figures, mass


def renewed(old: Floats, renewal: Renewal) -> Floats:
    """Return the figures (fields,) with every element renewed; none gets worse."""
    wall, roof, floor, window, g_value, leakage, recovery, flow, fan = (float(value) for value in old)
    new, half = renewal, 0.5 if renewal.halving else 0.0
    return np.array(
        [
            min(wall, max(new.wall_w_m2k, half * wall)),
            min(roof, max(new.roof_w_m2k, half * roof)),
            min(floor, new.floor_w_m2k),
            min(window, new.window_w_m2k),
            glazing_g_value(new.window_w_m2k) if new.window_w_m2k < window else g_value,
            min(new.tighter * leakage, new.q50),
            max(recovery, new.heat_recovery),
            max(flow, 1.0),
            new.fan_power_kw_s_m3 if new.heat_recovery > recovery else fan,
        ]
    )


def glazing_g_value(window_w_m2k: float) -> float:
    """Return the normal g-value of glazing of a U-value: 0.75 double, 0.68 triple, 0.6 and 0.5 coated (assumption)."""
    for u_value, g_value in ((2.5, 0.75), (1.8, 0.68), (1.2, 0.60)):
        if window_w_m2k >= u_value:
            return g_value
    return 0.50


def class_u_values(year: int) -> tuple[float, ...]:
    """Return the Finnish U-values of wall, roof, floor and window as the mean over the years of a class."""
    rows = [max((r for r in U_VALUES if r[0] <= y), key=lambda r: r[0])[1:] for y in range(*CLASS_YEARS[year])]
    return tuple(round(sum(column) / len(rows), 6) for column in zip(*rows, strict=True))


def _nordic(year: int, home: bool) -> Floats:
    u_values = class_u_values(year)
    recovery = (RECOVERY_HOMES if home else RECOVERY_OTHER)[year]
    g_value = glazing_g_value(u_values[3])
    rest = (g_value, NORDIC_LEAKAGE[year], recovery, FLOW_SHARE_BY_CLASS[year], FAN_POWER_BY_CLASS[year])
    return np.array((*u_values, *rest))


def _central(year: int, home: bool) -> Floats:
    """Homes air through windows; other uses have the ventilation of the Nordic set (assumption)."""
    *u_values, g_value, leakage = CENTRAL_EUROPE[year]
    recovery = 0.0 if home else RECOVERY_OTHER[year]
    flow = CENTRAL_HOME_FLOW_SHARE if home else FLOW_SHARE_BY_CLASS[year]
    fan = 0.0 if home else FAN_POWER_BY_CLASS[year]
    return np.array((*u_values, g_value, leakage, recovery, flow, fan))


_Row = tuple[Floats, int]
_ENVELOPE = len(FIELDS) - 3  # the last three figures are ventilation


def _by_place(table: pd.DataFrame) -> dict[tuple[str, str, int, int], _Row]:
    """Return figures and mass of each row by use, size, year class and state."""
    found = {}
    values = table[list(FIELDS)].to_numpy(np.float64)
    for k, row in enumerate(table.itertuples(index=False)):
        place = (str(row.use), str(row.size), YEAR_CLASSES.index(row.year_class), ENVELOPES.index(row.envelope))
        found[place] = values[k], MASSES.index(row.mass) if row.mass else -1
    return found


def _row_for(said: dict[tuple[str, str, int, int], _Row], use: int, size: int, year: int, state: int) -> _Row | None:
    """Return the row that speaks for an archetype; of other uses' homes only the envelope."""
    for name in (BUILDING_USES[use], "", "residential"):
        for which in (SIZES[size], "", SIZES[1 - size]):
            row = said.get((name, which, year, state))
            if row is None:
                continue
            if name == "residential" and BUILDING_USES[use] != name:
                only = row[0].copy()
                only[_ENVELOPE:] = np.nan
                return only, row[1]
            return row
    return None


def _overlaid(figures: Floats, said: Floats) -> Floats:
    """Return the figures with what is said in their place; a window without g-value has that of its U-value."""
    new = np.where(np.isnan(said), figures, said)
    window, g_value = FIELDS.index("window_w_m2k"), FIELDS.index("g_value")
    if np.isnan(said[g_value]) and not np.isnan(said[window]):
        new[g_value] = glazing_g_value(float(said[window]))
    return np.asarray(new)


def _not_worse(before: Floats, after: Floats) -> Floats:
    """Return a state that is in no element worse than the one before."""
    new = after.copy()
    lower = [FIELDS.index(name) for name in FIELDS if name.endswith("_w_m2k")] + [FIELDS.index("leakage_m3_h_m2")]
    new[lower] = np.minimum(before[lower], after[lower])
    recovery = FIELDS.index("heat_recovery")
    new[recovery] = max(before[recovery], after[recovery])
    return new
