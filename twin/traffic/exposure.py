"""People exposed to road noise and to the exhaust of nearby roads.

Noise: people count with the level at the most exposed façade of their building, as in the noise maps of Directive
2002/49/EC before its amendment of 2021 (which spreads the flats of a building over its façades). Highly annoyed: the
road curve of Directive (EU) 2020/367, annex III, from the WHO Environmental Noise Guidelines 2018.

NOx: what nearby links add to the annual mean at the middle of a building, as the long-term Gaussian plume of ground
sources for wind from all sides alike, ``C = sum Q / (sqrt(2 pi) pi u sigma_z(r) r)`` (Turner 1970, Workbook of
Atmospheric Dispersion Estimates, sector average) with Briggs' urban sigma_z of neutral air (Briggs 1973; here with
`WAKE_M` of mixing by the vehicles themselves). It is a proxy that ranks places and scenarios: no street canyons, no
chemistry, no background, no weather of the place; canyons can hold several times as much.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.city.model import City
from twin.traffic.noise_propagation import RADIUS_M, near_pieces, road_pieces
from twin.traffic.parameters import TrafficParameters

Floats = NDArray[np.float64]

HIGHLY_ANNOYED = (0.789270, -0.031162, 0.000342)
"""Share of highly annoyed people: of the constant, of Lden and of its square."""
ANNOYED_FROM_DB = 55.0  # the lowest level that noise maps report; the curve itself turns up again below 45 dB
WAKE_M = 2.0  # mixing height behind vehicles. Assumption, of the order of their height.
NEAREST_M = 5.0
SECONDS_PER_DAY = 86400.0


def highly_annoyed_share(lden_db: Floats) -> Floats:
    """Return the share of people highly annoyed by road noise at each Lden; of 40 to 80 dB in its studies."""
    level = np.asarray(lden_db, float)
    a, b, c = HIGHLY_ANNOYED
    return np.asarray(np.clip(a + b * level + c * level**2, 0.0, 1.0))


def noise_exposure(population: Floats, lden_db: Floats, lnight_db: Floats) -> dict[str, float]:
    """Return people_lden_55, people_lden_65, people_lnight_50 (at or above each level, dB) and highly_annoyed.

    Of people below `ANNOYED_FROM_DB` none count as annoyed.
    """
    people = np.asarray(population, float)
    return {
        "people_lden_55": float(people[lden_db >= 55.0].sum()),
        "people_lden_65": float(people[lden_db >= 65.0].sum()),
        "people_lnight_50": float(people[lnight_db >= 50.0].sum()),
        "highly_annoyed": float((people * highly_annoyed_share(lden_db))[lden_db >= ANNOYED_FROM_DB].sum()),
    }


def dilution(distance_m: Floats, wind_m_s: float) -> Floats:
    """Return the mean concentration of a point source on the ground per emission, s/m3, at each distance.

    Wind blows from all sides alike; distances below `NEAREST_M` are set to it.
    """
    r = np.maximum(distance_m, NEAREST_M)
    # Briggs 1973, urban, stability D: 0.14 r (1 + 0.0003 r)^-1/2
    sigma = np.hypot(0.14 * r / np.sqrt(1.0 + 0.0003 * r), WAKE_M)
    return np.asarray(1.0 / (np.sqrt(2.0 * np.pi) * np.pi * wind_m_s * sigma * r))


def nox_concentration(city: City, nox_g_day: Floats, parameters: TrafficParameters) -> pd.Series:
    """Return what links within `RADIUS_M` add to NOx at each building, micrograms per m3 (a proxy, see the module).

    Parameters
    ----------
    city : City
    nox_g_day : float64 [links]
    parameters : TrafficParameters
    """
    pieces = road_pieces(city.links.geometry.to_numpy())
    centre = shapely.get_coordinates(shapely.centroid(city.buildings.geometry.to_numpy()))
    length = pieces.length_m
    whole = np.bincount(pieces.link, length, len(city.links))
    # The emission of a link is spread over the length of its line.
    emission = nox_g_day[pieces.link] * length / whole[pieces.link] * 1e6 / SECONDS_PER_DAY
    start, candidate = near_pieces(centre, np.full(len(centre), RADIUS_M), pieces)
    of = np.repeat(np.arange(len(centre)), np.diff(start))
    distance = np.hypot(*(pieces.middle[candidate] - centre[of]).T)
    added = np.bincount(of, emission[candidate] * dilution(distance, parameters.nox_wind_m_s), len(centre))
    return pd.Series(added, index=city.buildings.index, name="nox_ug_m3")


def exposure(
    city: City,
    noise: pd.DataFrame,
    nox_g_day: Floats,
    parameters: TrafficParameters,
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return columns per building and totals of the city.

    Parameters
    ----------
    city : City
    noise : DataFrame
        Of `facade_noise`.
    nox_g_day : float64 [links]
    parameters : TrafficParameters

    Returns
    -------
    buildings : DataFrame
        lden_db, lnight_db, nox_ug_m3 and nox_exposure (residents times nox_ug_m3).
    totals : dict
        Those of `noise_exposure`, and nox_exposure (person micrograms per m3).
    """
    people = city.buildings["population"].to_numpy(float)
    nox = nox_concentration(city, nox_g_day, parameters)
    frame = noise.assign(nox_ug_m3=nox, nox_exposure=people * nox.to_numpy())
    totals = noise_exposure(people, noise["lden_db"].to_numpy(), noise["lnight_db"].to_numpy())
    return frame, {**totals, "nox_exposure": float(frame["nox_exposure"].sum())}
