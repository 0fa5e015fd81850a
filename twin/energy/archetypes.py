"""Archetypes by use and year class: envelope, ventilation and use of a Nordic building stock, with sources.

U-values are the reference values by year of the building permit in the annex of the Finnish decree on energy
certificates (1048/2017), which repeat the requirements of the National Building Code, part C3; they are given as
recalled, only the row of 2010 was checked. A year class takes the mean over its years. Standard use (hours, loads,
flows, set-points, hot water; homes as blocks of flats) follows the decree on the energy performance of new buildings
(1010/2017), as recalled; not checked at source. Whatever is marked *assumption* is a judgement. The state of every
figure is listed in docs/sources.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from twin.city.schema import YEAR_CLASSES

# permits from this year on: U-values in W/m²K of wall, roof, ground floor, window
U_VALUES = (
    (1900, 0.81, 0.47, 0.47, 2.8),
    (1976, 0.40, 0.35, 0.40, 2.1),
    (1978, 0.35, 0.29, 0.40, 2.1),
    (1985, 0.28, 0.22, 0.36, 2.1),
    (2004, 0.25, 0.16, 0.25, 1.4),
    (2008, 0.24, 0.15, 0.24, 1.4),
    (2010, 0.17, 0.09, 0.16, 1.0),
)
CLASS_YEARS = ((1900, 1940), (1940, 1960), (1960, 1980), (1980, 2000), (2000, 2010), (2010, 2025))

THERMAL_BRIDGES = 1.1
"""Multiplies the transmission of opaque elements (assumption)."""
GROUND_FACTOR = 0.6
"""Loss through the ground floor over the loss to outdoor air (assumption, after the b-factors of EN 12831)."""
WINDOW_FRAME = 0.75
"""Glazed share of a window (Finnish D5 2012, as recalled; not checked at source)."""
GLASS_INCIDENCE = 0.9
"""Mean over normal g-value, F_w of EN ISO 13790, 11.4.2."""


@dataclass(frozen=True)
class Envelope:
    """Thermal quality of a building's envelope and ventilation."""

    wall_w_m2k: float
    roof_w_m2k: float
    floor_w_m2k: float
    window_w_m2k: float
    g_value: float
    leakage_m3_h_m2: float  # q50, per envelope area
    heat_recovery: float


def _u_values(first: int, end: int) -> tuple[float, ...]:
    rows = [max((r for r in U_VALUES if r[0] <= year), key=lambda r: r[0])[1:] for year in range(first, end)]
    return tuple(round(sum(column) / len(rows), 6) for column in zip(*rows, strict=True))


def _g_value(window_w_m2k: float) -> float:
    """Return the normal g-value of glazing of a U-value: 0.75 double, 0.68 triple, 0.6 and 0.5 coated (assumption)."""
    for u_value, g_value in ((2.5, 0.75), (1.8, 0.68), (1.2, 0.60)):
        if window_w_m2k >= u_value:
            return g_value
    return 0.50


# q50 and heat recovery by year class: assumption; 4 m³/h,m² is the value of the decree for houses not measured,
# 0.3/0.45/0.55 the annual heat recovery that D3 2003, D3 2010 and 1010/2017 ask for (as recalled).
_LEAKAGE = dict(zip(YEAR_CLASSES, (6.0, 6.0, 5.0, 4.0, 3.0, 2.0), strict=True))
_RECOVERY_HOMES = dict(zip(YEAR_CLASSES, (0.0, 0.0, 0.0, 0.0, 0.3, 0.55), strict=True))
_RECOVERY_OTHER = dict(zip(YEAR_CLASSES, (0.0, 0.0, 0.2, 0.35, 0.45, 0.55), strict=True))
FLOW_SHARE = dict(zip(YEAR_CLASSES, (0.6, 0.6, 0.8, 1.0, 1.0, 1.0), strict=True))
"""Ventilation of existing buildings over today's standard flow: natural ventilation moves less air (assumption)."""
FAN_POWER_KW_S_M3 = dict(zip(YEAR_CLASSES, (0.0, 0.0, 1.0, 1.0, 2.5, 1.8), strict=True))
"""Specific fan power: none with natural ventilation, 1.0 exhaust only, 2.5 and 1.8 of D3 2003 and 1010/2017 (as
recalled)."""


def existing_envelope(year_class: str, *, residential: bool) -> Envelope:
    """Return the envelope as built."""
    wall, roof, floor, window = _u_values(*CLASS_YEARS[YEAR_CLASSES.index(year_class)])
    recovery = (_RECOVERY_HOMES if residential else _RECOVERY_OTHER)[year_class]
    return Envelope(wall, roof, floor, window, _g_value(window), _LEAKAGE[year_class], recovery)


def envelope_of(year_class: str, state: str, *, residential: bool) -> Envelope:
    """Return the envelope in a state of `twin.city.schema.ENVELOPES`; a retrofit never makes an element worse.

    ``standard_retrofit`` follows the Finnish decree on renovation (4/13), as recalled: walls and roof at half their
    U-value, but not asked below 0.17 and 0.09; windows 1.0; a fifth less leakage (assumption). ``deep_retrofit`` is
    near the passive-house level: 0.12, 0.09, floor unchanged below 0.25, windows 0.7, q50 of 1, heat recovery 0.7
    (assumption).
    """
    old = existing_envelope(year_class, residential=residential)
    if state == "existing":
        return old
    if state == "standard_retrofit":
        target = replace(
            old,
            wall_w_m2k=max(0.17, 0.5 * old.wall_w_m2k),
            roof_w_m2k=max(0.09, 0.5 * old.roof_w_m2k),
            window_w_m2k=1.0,
            leakage_m3_h_m2=0.8 * old.leakage_m3_h_m2,
        )
    elif state == "deep_retrofit":
        target = Envelope(0.12, 0.09, 0.25, 0.7, 0.5, 1.0, 0.70)
    else:
        raise KeyError(state)
    window = min(old.window_w_m2k, target.window_w_m2k)
    return Envelope(
        min(old.wall_w_m2k, target.wall_w_m2k),
        min(old.roof_w_m2k, target.roof_w_m2k),
        min(old.floor_w_m2k, target.floor_w_m2k),
        window,
        _g_value(window),
        min(old.leakage_m3_h_m2, target.leakage_m3_h_m2),
        max(old.heat_recovery, target.heat_recovery),
    )


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

HEAVY_FROM_LEVELS = 3
HEAVY = (260e3, 3.0)
MEDIUM = (165e3, 2.5)
"""C_m in J/K and A_m in m² per floor area, EN ISO 13790, table 12; stone from three storeys up (assumption)."""
