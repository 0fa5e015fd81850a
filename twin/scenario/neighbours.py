"""What new height takes from its neighbours: sun, sky, daylight and PV potential of buildings that do not change.

A neighbour is a building that stands in the baseline and in the scenario with the same outline, height and roof. Its
loss is what it had in the baseline less what it has in the scenario, paired draw by draw; felling trees or removing a
building gives some back, which counts as a negative loss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.parameters import parameter

if TYPE_CHECKING:
    import geopandas as gpd

_BRE = "Littlefair, King, Howlett, Ticleanu and Longfield 2022, Site layout planning for daylight and sunlight, BRE 209"

SUN, SKY, IRRADIATION, PV = "roof_sun_h_a", "roof_sky_view", "roof_irradiation_kwh_a", "pv_potential_kwh_a"
VSC_LOWEST = "facade_vsc_lowest"
VSC_SIDES = tuple(f"facade_vsc_{azimuth}" for azimuth in range(0, 360, 45))
QUANTITIES = (SUN, SKY, IRRADIATION, PV, VSC_LOWEST, *VSC_SIDES)
"""Result columns of the buildings that are compared: hours of the year with sun on the roof, view of the sky (1 is all
of it), irradiation and PV potential of the roof, least vertical sky component of all windows and of each side's."""
SHELL = ("height_m", "roof_type", "roof_azimuth_deg", "roof_tilt_deg")
"""With the outline, what makes the outer shape of a building."""


class Limit(NamedTuple):
    """The least ratio to before, and the value from which no ratio is asked."""

    ratio: float
    enough: float = math.inf


@dataclass(frozen=True)
class NeighbourParameters:
    """Limits of what a neighbour may keep, as ratios to what it had before; higher is stricter.

    A neighbour is noticeably affected where a ratio falls below its limit; windows also need to fall below what is
    enough. The limits are guidance, not law, and made
    for windows and solar panels in the United Kingdom: set those that hold where the study is.
    """

    irradiation_ratio: float = parameter(
        0.90,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="least irradiation of a neighbour's roof over a year, relative to before",
        source=f"{_BRE}, section 4.5: 0.90 for existing solar panels, as recalled; not checked at source",
    )
    sun_ratio: float = parameter(
        0.80,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="least hours of sun on a neighbour's roof, relative to before",
        source=f"{_BRE}: 0.80 times the former sunlight hours of a window; that it is applied to roofs is an "
        "assumption",
    )
    sky_ratio: float = parameter(
        0.80,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="least view of the sky from a neighbour's roof, relative to before",
        source=f"{_BRE}: 0.80 times the former vertical sky component of a window (where that falls below 27 %); "
        "that it is applied to roofs is an assumption",
    )
    vsc_ratio: float = parameter(
        0.80,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="least vertical sky component of a neighbour's windows, the least of each side, relative to before; "
        "it is asked only below vsc_enough",
        source=f"{_BRE}: noticeable where it falls below 27 % and below 0.80 times its former value, window by window, "
        "as surveyors quote it (right-of-light.co.uk); the guide itself was not read. That the least of a side stands "
        "for its windows is an assumption",
    )
    vsc_enough: float = parameter(
        0.27,
        unit="-",
        low=0.0,
        high=0.4,
        meaning="vertical sky component from which windows have enough daylight whatever they had before",
        source=f"{_BRE}: 27 %, as surveyors quote it; the guide itself was not read. 25° of obstruction give it",
    )

    def limits(self) -> dict[str, Limit]:
        """Return the limit by result column."""
        daylight = Limit(self.vsc_ratio, self.vsc_enough)
        roof = {IRRADIATION: self.irradiation_ratio, SUN: self.sun_ratio, SKY: self.sky_ratio}
        return {name: Limit(ratio) for name, ratio in roof.items()} | dict.fromkeys(VSC_SIDES, daylight)


def neighbours(baseline: gpd.GeoDataFrame, changed: gpd.GeoDataFrame) -> pd.Index:
    """Return the ids of the buildings that stand in both with the same outer shape, in the baseline's order."""
    common = baseline.index.intersection(changed.index, sort=False)
    before, after = baseline.loc[common], changed.loc[common]
    same = shapely.equals_exact(before.geometry.to_numpy(), after.geometry.to_numpy(), 0.0)
    for column in SHELL:
        same &= (before[column] == after[column]).to_numpy()
    return common[same]


def affected(
    before: Mapping[str, NDArray[np.float64]], after: Mapping[str, NDArray[np.float64]], limits: Mapping[str, Limit]
) -> NDArray[np.bool_]:
    """Return which buildings keep less than a limit of something; what had nothing before cannot lose it."""
    below = [(after[name] < ratio * before[name]) & (after[name] < enough) for name, (ratio, enough) in limits.items()]
    return np.any(below, axis=0)


def neighbour_totals(
    before: Mapping[str, NDArray[np.float64]],
    after: Mapping[str, NDArray[np.float64]],
    parameters: NeighbourParameters,
) -> dict[str, float]:
    """Return the totals of all neighbours.

    Parameters
    ----------
    before, after : mapping
        `QUANTITIES` of the neighbours in the baseline and the scenario, float64 (n,).
    parameters : NeighbourParameters
    """
    loss = {name: before[name] - after[name] for name in QUANTITIES}
    return {
        "neighbour_pv_loss_kwh_a": float(loss[PV].sum()),
        "neighbour_irradiation_loss_kwh_a": float(loss[IRRADIATION].sum()),
        "neighbour_sun_loss_h_a": float(loss[SUN].sum()),
        "neighbours_affected": float(affected(before, after, parameters.limits()).sum()),
    }
