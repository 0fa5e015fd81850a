"""What new height takes from its neighbours: sun, sky and PV potential of buildings that do not change themselves.

A neighbour is a building that stands in the baseline and in the scenario with the same outline, height and roof. Its
loss is what it had in the baseline less what it has in the scenario, paired draw by draw; felling trees or removing a
building gives some back, which counts as a negative loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.parameters import parameter

if TYPE_CHECKING:
    import geopandas as gpd

_BRE = "Littlefair, King, Howlett, Ticleanu and Longfield 2022, Site layout planning for daylight and sunlight, BRE 209"

SUN, SKY, IRRADIATION, PV = "roof_sun_h_a", "roof_sky_view", "roof_irradiation_kwh_a", "pv_potential_kwh_a"
QUANTITIES = (SUN, SKY, IRRADIATION, PV)
"""Result columns of the buildings that are compared: hours of the year with sun on the roof, view of the sky (1 is all
of it), irradiation and PV potential of the roof."""
SHELL = ("height_m", "roof_type", "roof_azimuth_deg", "roof_tilt_deg")
"""With the outline, what makes the outer shape of a building."""


@dataclass(frozen=True)
class NeighbourParameters:
    """Limits of what a neighbour may keep, as ratios to what it had before; higher is stricter.

    A neighbour is noticeably affected where a ratio falls below its limit. The limits are guidance, not law, and made
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

    def limits(self) -> dict[str, float]:
        """Return the least ratio by result column."""
        return {IRRADIATION: self.irradiation_ratio, SUN: self.sun_ratio, SKY: self.sky_ratio}


def neighbours(baseline: gpd.GeoDataFrame, changed: gpd.GeoDataFrame) -> pd.Index:
    """Return the ids of the buildings that stand in both with the same outer shape, in the baseline's order."""
    common = baseline.index.intersection(changed.index, sort=False)
    before, after = baseline.loc[common], changed.loc[common]
    same = shapely.equals_exact(before.geometry.to_numpy(), after.geometry.to_numpy(), 0.0)
    for column in SHELL:
        same &= (before[column] == after[column]).to_numpy()
    return common[same]


def affected(
    before: Mapping[str, NDArray[np.float64]], after: Mapping[str, NDArray[np.float64]], limits: Mapping[str, float]
) -> NDArray[np.bool_]:
    """Return which buildings keep less than a limit of something; what had nothing before cannot lose it."""
    below = [after[name] < least * before[name] for name, least in limits.items()]
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
