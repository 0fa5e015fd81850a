"""Which roof planes suit PV, by named rules, and in plain words which rule decides.

Every rule is a threshold of `SolarParameters`, so a study may change any of them. A rule set is a named choice of all
thresholds:

- ``nrel``: at least 10 m² contiguous, at most 60° steep, not towards the pole unless flat, at least 70 % of the
  irradiation of the same plane without shading. Gagnon et al. 2016, Rooftop Solar Photovoltaic Technical Potential in
  the United States, NREL/TP-6A20-65298. The defaults.
- ``cea_800``: at least 800 kWh/m² a year and nothing else, the threshold of the City Energy Analyst
  (``annual-radiation-threshold``).
- ``sonnendach``: at least 10 m² and 1,000 kWh/m² a year, the class "good" of sonnendach.ch (Swiss Federal Office of
  Energy); `irradiation_class` names the class of every plane. Limits as recalled; not checked at source.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.errors import UsageError, did_you_mean
from twin.parameters import with_values
from twin.solar.parameters import SolarParameters

Float = NDArray[np.float64]

FLAT_TILT_DEG = 9.5
"""Up to here a plane counts as flat whatever it faces (Gagnon et al. 2016, as recalled)."""

SUITABLE = "suitable"

RULE_SETS: Mapping[str, Mapping[str, float]] = {
    "nrel": {
        "minimum_area_m2": 10.0,
        "maximum_tilt_deg": 60.0,
        "poleward_sector_deg": 67.5,
        "minimum_irradiation_share": 0.70,
        "minimum_irradiation_kwh_m2": 0.0,
    },
    "cea_800": {
        "minimum_area_m2": 0.0,
        "maximum_tilt_deg": 90.0,
        "poleward_sector_deg": 0.0,
        "minimum_irradiation_share": 0.0,
        "minimum_irradiation_kwh_m2": 800.0,
    },
    "sonnendach": {
        "minimum_area_m2": 10.0,
        "maximum_tilt_deg": 90.0,
        "poleward_sector_deg": 0.0,
        "minimum_irradiation_share": 0.0,
        "minimum_irradiation_kwh_m2": 1000.0,
    },
}

CLASS_LIMITS_KWH_M2 = (800.0, 1000.0, 1200.0, 1400.0)
CLASSES = ("low", "medium", "good", "very good", "excellent")


def with_rules(parameters: SolarParameters, name: str) -> SolarParameters:
    """Return `parameters` with the thresholds of a named rule set.

    Raises
    ------
    UsageError
        No rule set has this name.
    """
    if name not in RULE_SETS:
        raise UsageError(f"unknown rule set {name!r}", remedy=did_you_mean(name, RULE_SETS))
    return with_values("solar", parameters, {f"solar.{k}": v for k, v in RULE_SETS[name].items()})


def suitability(
    parameters: SolarParameters,
    latitude: float,
    tilt: Float,
    azimuth: Float,
    area: Float,
    annual: Float,
    unshaded: Float,
    *,
    inner_area: Float | None = None,
) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
    """Return whether each plane suits PV, and the first rule that it breaks in plain words.

    Parameters
    ----------
    parameters : SolarParameters
        The thresholds.
    latitude : float
        Degrees; negative in the southern hemisphere.
    tilt, azimuth : float64 [planes], degrees
    area : float64 [planes], m²
        True (sloped) area.
    annual, unshaded : float64 [planes], Wh/m²
        Irradiation of the year with and without what stands around.
    inner_area : float64 [planes], m², optional
        Contiguous area inside the setback (`contiguous_area`); `area` less the setback of a square when left out.

    Returns
    -------
    suitable : bool [planes]
    reason : str [planes]
        ``"suitable"`` or the rule that decides; rules are tried in the order of their cause: shape, orientation, sun.
    """
    pole, name = (0.0, "north") if latitude >= 0.0 else (180.0, "south")
    from_pole = np.abs((azimuth - pole + 180.0) % 360.0 - 180.0)
    inner = setback_area(area, parameters.setback_m) if inner_area is None else inner_area
    within = f" inside a setback of {parameters.setback_m:g} m" if parameters.setback_m > 0.0 else ""
    share = np.divide(annual, unshaded, out=np.ones(len(annual)), where=unshaded > 0.0)
    shaded, weak = share < parameters.minimum_irradiation_share, annual / 1000.0 < parameters.minimum_irradiation_kwh_m2
    rules = {
        f"steeper than {parameters.maximum_tilt_deg:g}°": tilt > parameters.maximum_tilt_deg,
        f"less than {parameters.minimum_area_m2:g} m² of contiguous area{within}": inner < parameters.minimum_area_m2,
        f"faces {name}": (tilt > FLAT_TILT_DEG) & (from_pole < parameters.poleward_sector_deg),
    }
    reason = np.where(weak, _weak(parameters, annual), SUITABLE) if len(share) else np.empty(0, "<U8")
    reason = np.where(shaded, _shaded(parameters, share), reason)
    for text, broken in reversed(rules.items()):
        reason = np.where(broken, text, reason)
    return reason == SUITABLE, reason


def _shaded(parameters: SolarParameters, share: Float) -> NDArray[np.str_]:
    # Rounded down, so that the printed share is never the one that it misses.
    percent, least = np.floor(share * 100).astype(np.int64), parameters.minimum_irradiation_share * 100
    return np.array([f"shaded: {s} % of unshaded irradiation (needs {least:g} %)" for s in percent] or [""])


def _weak(parameters: SolarParameters, annual: Float) -> NDArray[np.str_]:
    values, least = np.floor(annual / 1000.0).astype(np.int64), parameters.minimum_irradiation_kwh_m2
    return np.array([f"too little sun: {v} kWh/m² a year (needs {least:g})" for v in values] or [""])


def irradiation_class(annual_kwh_m2: Float) -> NDArray[np.str_]:
    """Return the sonnendach class of each plane: low, medium, good, very good, excellent."""
    return np.array(CLASSES)[np.digitize(annual_kwh_m2, CLASS_LIMITS_KWH_M2)]


def setback_area(area: Float, setback_m: float, perimeter: Float | None = None) -> Float:
    """Return what is left of rectangles of this area and perimeter inside a strip along their edges.

    Parameters
    ----------
    area : float64 [n], m²
    setback_m : float
    perimeter : float64 [n], m, optional
        Squares when left out. A perimeter too short for the area counts as a square.
    """
    half = 2.0 * np.sqrt(area) if perimeter is None else np.maximum(perimeter / 2.0, 2.0 * np.sqrt(area))
    root = np.sqrt(np.maximum(half * half - 4.0 * area, 0.0))
    length, width = (half + root) / 2.0, (half - root) / 2.0
    return np.maximum(length - 2.0 * setback_m, 0.0) * np.maximum(width - 2.0 * setback_m, 0.0)


def contiguous_area(polygons: NDArray[np.object_], tilt: Float, azimuth: Float, setback_m: float) -> Float:
    """Return the largest piece of each roof plane that is left inside the setback, in m² of true area.

    Parameters
    ----------
    polygons : shapely Polygons [n]
        Outlines of the planes seen from above (heights are not read), metres.
    tilt, azimuth : float64 [n], degrees
        They turn the outline into the plane, where the setback is measured along the slope.
    setback_m : float
    """
    flattened = _in_plane(polygons, np.radians(tilt), np.radians(azimuth))
    inside = shapely.buffer(flattened, -setback_m) if setback_m > 0.0 else flattened
    parts, owner = shapely.get_parts(inside, return_index=True)
    largest = np.zeros(len(polygons))
    np.maximum.at(largest, owner, shapely.area(parts))
    return largest


def _in_plane(polygons: NDArray[np.object_], tilt: Float, azimuth: Float) -> NDArray[np.object_]:
    """Return outlines seen from above in the coordinates of their planes: across the slope, and along it."""
    flat = np.array(shapely.force_2d(polygons), dtype=object)
    xy, owner = shapely.get_coordinates(flat, return_index=True)
    sine, cosine = np.sin(azimuth)[owner], np.cos(azimuth)[owner]
    along = (xy[:, 0] * sine + xy[:, 1] * cosine) / np.maximum(np.cos(tilt), 1e-6)[owner]
    turned: NDArray[np.object_] = shapely.set_coordinates(
        flat, np.column_stack([xy[:, 0] * cosine - xy[:, 1] * sine, along])
    )
    return turned


def usable_area(
    parameters: SolarParameters,
    area: Float,
    suitable: NDArray[np.bool_],
    *,
    inner_area: Float | None = None,
    obstruction_share: Float | None = None,
) -> Float:
    """Return the area that modules may use: inside the setback, less chimneys, dormers, plant and other uses.

    Parameters
    ----------
    area : float64 [planes], m²
    suitable : bool [planes]
    inner_area : float64 [planes], m², optional
        As in `suitability`.
    obstruction_share : float64 [planes], optional
        Measured share of the plane that is obstructed, NaN where unknown; there the parameter `usable_share` holds.
    """
    inner = setback_area(area, parameters.setback_m) if inner_area is None else inner_area
    share = np.full(len(area), parameters.usable_share)
    if obstruction_share is not None:
        share = np.where(np.isfinite(obstruction_share), 1.0 - obstruction_share, share)
    return np.where(suitable, inner * share, 0.0)
