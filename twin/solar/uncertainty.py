"""How sure a yearly yield is: what it exceeds with a given probability (P50, P90), and what makes it unsure.

Four independent relative errors are combined as the root of the sum of their squares, as Thevenard and Pelland 2013
(Estimating the uncertainty in long-term photovoltaic yield predictions, Solar Energy 91, doi:10.1016/
j.solener.2011.05.006) do, and the yield is taken as normal about its mean, cut off at zero:

- *weather*: from year to year. The standard deviation of the yields in several weather years, moderated by the
  parameter: ``s² = (d0 s0² + (n - 1) s²) / (d0 + n - 1)`` (G. K. Smyth 2004, doi:10.2202/1544-6115.1027), so that three
  years neither say nothing nor everything. Common to all roofs of the city. Of the mean of n years it is 1/√n.
- *model*: irradiation data, transposition, ratings, soiling and other losses. Common to all roofs.
- *tilt and azimuth* of pitched planes: half the difference of the unshaded yield at plus and minus one standard
  deviation. Each building its own.
- *height* of the buildings around: the city is drawn again with other heights (`with_other_heights`), the shading
  computed again, and the deviation of each building's yield taken over the draws, moderated in the same way by the
  city's mean square. Each building its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.special import ndtri

from twin.city.model import City
from twin.parameters import parameter
from twin.random import entity_keys, normal

Float = NDArray[np.float64]
MEASURED = "measured"
STREAM = "solar.height_error"
_THEVENARD = "Thevenard and Pelland 2013, doi:10.1016/j.solener.2011.05.006"


@dataclass(frozen=True)
class UncertaintyParameters:
    """Standard deviations of what a yield depends on."""

    interannual_sd: float = parameter(
        0.039, unit="-", low=0.0, high=0.3, meaning="year to year, of the yield", source=_THEVENARD + ", Toronto",
    )  # fmt: skip
    interannual_weight: float = parameter(
        4.0, unit="-", low=0.0, high=100.0, meaning="weight of that figure against weather years that are given, in "
        "years", source="assumption",
    )  # fmt: skip
    model_sd: float = parameter(
        0.078, unit="-", low=0.0, high=0.5, meaning="irradiation data, transposition, rating, soiling and other losses",
        source=_THEVENARD + ": 8.7 % of one year's yield, less its 3.9 % of climate, in squares",
    )  # fmt: skip
    tilt_sd_deg: float = parameter(
        5.0, unit="deg", low=0.0, high=30.0, meaning="error of a pitched roof's tilt that was not measured",
        source="assumption; Biljecki, Heuvelink, Ledoux and Stoter 2015, doi:10.1080/13658816.2015.1073292, show that "
        "errors of tilt and azimuth matter",
    )  # fmt: skip
    azimuth_sd_deg: float = parameter(
        5.0, unit="deg", low=0.0, high=45.0, meaning="error of a pitched roof's azimuth that was not measured",
        source="assumption",
    )  # fmt: skip
    measured_angle_sd_deg: float = parameter(
        1.0, unit="deg", low=0.0, high=30.0, meaning="error of measured tilt and azimuth (roof planes of a 3D model)",
        source="assumption",
    )  # fmt: skip
    height_sd_m: float = parameter(
        0.5, unit="m", low=0.0, high=10.0, meaning="error of a measured height", source="assumption",
    )  # fmt: skip
    estimated_height_sd: float = parameter(
        0.15, unit="-", low=0.0, high=1.0, meaning="relative error of a height from levels or neighbours",
        source="assumption: half a storey in three",
    )  # fmt: skip


def with_other_heights(city: City, parameters: UncertaintyParameters, seed: int, draw: int) -> City:
    """Return the city with building heights drawn anew, each about its own by the error of its origin.

    Roof planes move up and down with their building. Equal ids draw equal numbers whatever else is in the city.
    Heights stay above 1.5 m.
    """
    buildings = city.buildings
    before = buildings["height_m"].to_numpy(np.float64)
    error = normal(seed, STREAM, entity_keys(buildings.index), draw)[:, 0]
    height = np.maximum(before + height_spread(buildings, parameters) * error, 1.5)
    changed = city.replace(buildings=buildings.assign(height_m=height))
    if city.roof_planes is None or not len(city.roof_planes):
        return changed
    planes = city.roof_planes
    lift = pd.Series(height - before, index=buildings.index).reindex(planes["building_id"]).fillna(0.0).to_numpy()
    corners = shapely.get_coordinates(planes.geometry.to_numpy(), include_z=True)
    corners[:, 2] += np.repeat(lift, shapely.get_num_coordinates(planes.geometry.to_numpy()))
    lifted = shapely.set_coordinates(planes.geometry.to_numpy().copy(), corners)
    return changed.replace(roof_planes=planes.set_geometry(gpd.GeoSeries(lifted, index=planes.index, crs=planes.crs)))


def height_spread(buildings: gpd.GeoDataFrame, parameters: UncertaintyParameters) -> Float:
    """Return the standard deviation of each building's height, m."""
    height = buildings["height_m"].to_numpy(np.float64)
    estimated = np.maximum(parameters.estimated_height_sd * height, parameters.height_sd_m)
    if "height_m_origin" not in buildings.columns:
        return estimated
    return np.where((buildings["height_m_origin"] == MEASURED).to_numpy(), parameters.height_sd_m, estimated)


def moderated_sd(sample: Float, prior_sd: Float | float, prior_weight: float) -> Float:
    """Return the standard deviation along the last axis, drawn towards a prior of a given weight.

    Parameters
    ----------
    sample : float64 (n, draws)
        Relative deviations or values about any mean.
    prior_sd : float or float64 (n,)
    prior_weight : float
        Degrees of freedom of the prior; 0 to ignore it.
    """
    n, draws = sample.shape
    freedom = max(draws - 1, 0)
    own = sample.var(axis=1, ddof=1) if freedom else np.zeros(n)
    total = prior_weight + freedom
    prior = np.broadcast_to(np.asarray(prior_sd, np.float64), (n,))
    return np.sqrt((prior_weight * prior**2 + freedom * own) / total) if total > 0.0 else np.zeros(n)


def weather_sd(kwh_by_year: Float | None, count: int, parameters: UncertaintyParameters) -> Float:
    """Return the relative year-to-year deviation of `count` yields.

    Parameters
    ----------
    kwh_by_year : float64 (n, years), optional
        Yields in the weather years that were given.
    """
    if kwh_by_year is None or kwh_by_year.shape[1] < 2:
        return np.full(count, parameters.interannual_sd)
    mean = kwh_by_year.mean(axis=1)
    relative = np.divide(kwh_by_year, mean[:, None], out=np.ones_like(kwh_by_year), where=mean[:, None] > 0.0)
    return moderated_sd(relative, parameters.interannual_sd, parameters.interannual_weight)


def angle_sd(
    yields: Callable[[Float, Float], Float], tilt: Float, azimuth: Float, tilt_sd: Float, azimuth_sd: Float
) -> Float:
    """Return the relative deviation of the yield of planes by the errors of tilt and azimuth.

    Parameters
    ----------
    yields : callable
        ``yields(tilt, azimuth) -> float64 (n,)``, for example the unshaded irradiation of the year.
    tilt, azimuth, tilt_sd, azimuth_sd : float64 (n,), degrees
    """
    middle = yields(tilt, azimuth)
    by_tilt = yields(np.minimum(tilt + tilt_sd, 90.0), azimuth) - yields(np.maximum(tilt - tilt_sd, 0.0), azimuth)
    by_azimuth = yields(tilt, azimuth + azimuth_sd) - yields(tilt, azimuth - azimuth_sd)
    spread = np.hypot(by_tilt, by_azimuth) / 2.0
    return np.divide(spread, middle, out=np.zeros(len(tilt)), where=middle > 0.0)


def height_sd(kwh: Float, kwh_by_draw: Float | None, prior_weight: float = 4.0) -> Float:
    """Return the relative deviation of each building's yield by the heights around it.

    Parameters
    ----------
    kwh : float64 (n,)
        Yields with the heights as they are stated.
    kwh_by_draw : float64 (n, draws), optional
        Yields with heights drawn anew; zeros are returned without.
    prior_weight : float
        Weight of the city's mean square, in draws (assumption).
    """
    if kwh_by_draw is None or not kwh_by_draw.shape[1]:
        return np.zeros(len(kwh))
    # About the stated yield, not about the draws' mean: what the error does on average is an error too.
    relative = np.divide(
        kwh_by_draw - kwh[:, None], kwh[:, None], out=np.zeros_like(kwh_by_draw), where=kwh[:, None] > 0
    )
    square = (relative**2).mean(axis=1)
    city = float(square[kwh > 0.0].mean()) if (kwh > 0.0).any() else 0.0
    draws = kwh_by_draw.shape[1]
    return np.where(kwh > 0.0, np.sqrt((prior_weight * city + draws * square) / (prior_weight + draws)), 0.0)


def exceeded(kwh: Float, sd: Float, probability: float) -> Float:
    """Return the yield that is exceeded with a probability: 0.5 gives `kwh`, 0.9 the P90.

    Parameters
    ----------
    kwh : float64 (n,)
        Expected yield.
    sd : float64 (n,)
        Relative standard deviation.
    probability : float
        Above 0 and below 1.
    """
    return np.maximum(kwh * (1.0 - float(ndtri(probability)) * sd), 0.0)


def exceedance(
    kwh: pd.Series,
    parameters: UncertaintyParameters,
    *,
    weather: Float,
    angle: Float,
    height: Float,
    life_a: float,
) -> pd.DataFrame:
    """Combine the errors of every building's yield.

    Parameters
    ----------
    kwh : Series
        Expected yield of a year, by building.
    parameters : UncertaintyParameters
    weather, angle, height : float64 (n,)
        Relative deviations; see the module.
    life_a : float
        Years of the long-term mean.

    Returns
    -------
    DataFrame
        sd_weather, sd_model, sd_angle, sd_height, sd_year (relative), p50_kwh_a, p90_kwh_a (of any one year),
        p90_life_kwh_a (of the mean of the life).
    """
    value = kwh.to_numpy(np.float64)
    model = np.full(len(value), parameters.model_sd)
    lasting = np.sqrt(model**2 + angle**2 + height**2)
    year = np.hypot(lasting, weather)
    life = np.hypot(lasting, weather / np.sqrt(life_a))
    return pd.DataFrame(
        {
            "sd_weather": weather,
            "sd_model": model,
            "sd_angle": angle,
            "sd_height": height,
            "sd_year": year,
            "p50_kwh_a": value,
            "p90_kwh_a": exceeded(value, year, 0.9),
            "p90_life_kwh_a": exceeded(value, life, 0.9),
        },
        index=kwh.index,
    )


def city_exceedance(table: pd.DataFrame, probability: float = 0.9) -> float:
    """Return the yield of all buildings together that is exceeded with a probability, in one year.

    Weather and model move all roofs together; tilt and heights each its own, so they cancel in the sum.
    """
    kwh = table["p50_kwh_a"].to_numpy(np.float64)
    if kwh.sum() <= 0.0:
        return 0.0
    common = [float((kwh * table[name]).sum()) for name in ("sd_weather", "sd_model")]
    own = [float(((kwh * table[name]) ** 2).sum()) for name in ("sd_angle", "sd_height")]
    sd = np.sqrt(sum(x**2 for x in common) + sum(own)) / kwh.sum()
    return float(exceeded(np.array([kwh.sum()]), np.array([sd]), probability)[0])
