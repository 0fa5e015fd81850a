"""Sound power of road traffic per metre of road: CNOSSOS-EU.

Directive (EU) 2015/996, annex II, 2.2, with the coefficients of Delegated Directive (EU) 2021/1226 (table F-1): rolling
noise ``A_R + B_R lg(v / 70)``, propulsion noise ``A_P + B_P (v - 70) / 70``, their energy sum per vehicle, and
``10 lg(Q / (1000 v))`` for a flow of Q vehicles per hour. Corrections: air temperature, studded tyres, gradient, road
surface. Left out: the junction correction. The laws hold from 20 to 130 km/h; speeds outside are set to the nearest end
in the laws, while the density of vehicles takes the speed itself (at least `SLOWEST_KMH`).

Cars and vans are light vehicles (category 1). Electric vehicles roll like the others and have no propulsion noise: the
directive leaves them to an open category without coefficients, so this is an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.traffic.fleet import KINDS, Fleet
from twin.traffic.parameters import TrafficParameters

Floats = NDArray[np.float64]
Bands = tuple[float, ...]

FREQUENCIES = np.array([63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0])
A_WEIGHTING = np.array([-26.2, -16.1, -8.6, -3.2, 0.0, 1.2, 1.0, -1.1])
REFERENCE_SPEED_KMH, REFERENCE_TEMPERATURE_C = 70.0, 20.0
SPEED_RANGE_KMH = (20.0, 130.0)
SLOWEST_KMH = 5.0
# Of rolling noise, dB per degree below 20 degC.
TEMPERATURE_DB_K = {"1": 0.08, "2": 0.04, "3": 0.04}
# Studded tyres, table F-2: a + b lg(v / 70) between 50 and 90 km/h, light vehicles only.
STUDS_A = np.array([0.0, 0.0, 0.0, 2.6, 2.9, 1.5, 2.3, 9.2])
STUDS_B = np.array([0.0, 0.0, 0.0, -3.1, -6.4, -14.0, -22.4, -11.4])
# Hours of the indicators: day 07-19, evening 19-23, night 23-07.
PERIODS = {"day": tuple(range(7, 19)), "evening": tuple(range(19, 23)), "night": (23, 0, 1, 2, 3, 4, 5, 6)}


@dataclass(frozen=True)
class Coefficients:
    """Rolling and propulsion coefficients of one category, dB per octave band from 63 Hz to 8 kHz."""

    rolling_a: Bands | None
    rolling_b: Bands | None
    propulsion_a: Bands
    propulsion_b: Bands


@dataclass(frozen=True)
class Surface:
    """A road surface other than the reference, for one category: `alpha` per octave band and `beta`, dB."""

    alpha: Bands
    beta: float


TABLE_F1 = {
    "1": Coefficients(
        (83.1, 89.2, 87.7, 93.1, 100.1, 96.7, 86.8, 76.2),
        (30.0, 41.5, 38.9, 25.7, 32.5, 37.2, 39.0, 40.0),
        (97.9, 92.5, 90.7, 87.2, 84.7, 88.0, 84.4, 77.1),
        (-1.3, 7.2, 7.7, 8.0, 8.0, 8.0, 8.0, 8.0),
    ),
    "2": Coefficients(
        (88.7, 93.2, 95.7, 100.9, 101.7, 95.1, 87.8, 83.6),
        (30.0, 35.8, 32.6, 23.8, 30.1, 36.2, 38.3, 40.1),
        (105.5, 100.2, 100.5, 98.7, 101.0, 97.8, 91.2, 85.0),
        (-1.9, 4.7, 6.4, 6.5, 6.5, 6.5, 6.5, 6.5),
    ),
    "3": Coefficients(
        (91.7, 96.2, 98.2, 104.9, 105.1, 98.5, 91.1, 85.6),
        (30.0, 33.5, 31.3, 25.4, 31.8, 37.1, 38.6, 40.6),
        (108.8, 104.2, 103.5, 102.9, 102.6, 98.5, 93.8, 87.5),
        (0.0, 3.0, 4.6, 5.0, 5.0, 5.0, 5.0, 5.0),
    ),
    "4a": Coefficients(
        None,
        None,
        (93.0, 93.0, 93.5, 95.3, 97.2, 100.4, 95.8, 90.9),
        (4.2, 7.4, 9.8, 11.6, 15.7, 18.9, 20.3, 20.6),
    ),
    "4b": Coefficients(
        None,
        None,
        (99.9, 101.9, 96.7, 94.4, 95.2, 94.7, 92.1, 88.6),
        (3.2, 5.9, 11.9, 11.6, 11.5, 12.6, 11.1, 12.0),
    ),
}


def vehicle_power(
    category: str,
    speed_kmh: Floats,
    *,
    temperature_c: float = REFERENCE_TEMPERATURE_C,
    studded_share: float = 0.0,
    gradient_percent: float = 0.0,
    electric_share: float = 0.0,
    surface: Surface | None = None,
    table: dict[str, Coefficients] = TABLE_F1,
) -> Floats:
    """Return the sound power of one vehicle, dB re 1 pW, [..., 8 bands].

    Parameters
    ----------
    category : str
        "1" light, "2" medium heavy, "3" heavy, "4a" mopeds, "4b" motorcycles.
    speed_kmh : float64 [...]
    temperature_c, studded_share, gradient_percent
        Of the air; of light vehicles on studded tyres; of the road, positive uphill.
    electric_share : float
        Share of the vehicles without propulsion noise.
    surface : Surface, optional
        None for the reference: dense asphalt concrete 0/11 and stone mastic asphalt 0/11.
    table : dict, optional
        Coefficients by category.
    """
    c = table[category]
    v = np.clip(np.asarray(speed_kmh, float), *SPEED_RANGE_KMH)[..., None]
    alpha, beta = (np.array(surface.alpha), surface.beta) if surface is not None else (np.zeros(8), 0.0)
    ratio = np.log10(v / REFERENCE_SPEED_KMH)
    propulsion = np.array(c.propulsion_a) + np.array(c.propulsion_b) * (v / REFERENCE_SPEED_KMH - 1.0)
    propulsion = propulsion + gradient_correction(category, v, gradient_percent) + np.minimum(alpha, 0.0)
    energy = (1.0 - electric_share) * 10.0 ** (propulsion / 10.0)
    if c.rolling_a is not None and c.rolling_b is not None:
        rolling = np.array(c.rolling_a) + np.array(c.rolling_b) * ratio + alpha + beta * ratio
        rolling = rolling + TEMPERATURE_DB_K[category] * (REFERENCE_TEMPERATURE_C - temperature_c)
        if category == "1":
            rolling = rolling + studded_correction(v, studded_share)
        energy = energy + 10.0 ** (rolling / 10.0)
    return np.asarray(10.0 * np.log10(energy))


def studded_correction(speed_kmh: Floats, share: float) -> Floats:
    """Return what studded tyres on a share of the light vehicles add to rolling noise, dB per band."""
    one = STUDS_A + STUDS_B * np.log10(np.clip(speed_kmh, 50.0, 90.0) / REFERENCE_SPEED_KMH)
    return np.asarray(10.0 * np.log10(1.0 - share + share * 10.0 ** (one / 10.0)))


def gradient_correction(category: str, speed_kmh: Floats, gradient_percent: float) -> Floats:
    """Return what a gradient (percent, positive uphill) adds to propulsion noise, dB."""
    up, down = min(12.0, gradient_percent), min(12.0, -gradient_percent)
    v = np.asarray(speed_kmh, float)
    if category == "1":
        value = down - 6.0 if down > 6.0 else (up - 2.0) / 1.5 * v / 100.0 if up > 2.0 else 0.0
    elif category == "2":
        value = (down - 4.0) / 0.7 * (v - 20.0) / 100.0 if down > 4.0 else up * v / 100.0 if up > 0.0 else 0.0
    elif category == "3":
        value = (down - 4.0) / 0.5 * (v - 10.0) / 100.0 if down > 4.0 else up / 0.8 * v / 100.0 if up > 0.0 else 0.0
    else:
        value = 0.0
    return np.asarray(value)


def line_energy(power_db: Floats, flow_veh_h: Floats, speed_kmh: Floats) -> Floats:
    """Return the sound power per metre of a flow, pW/m, [..., 8 bands], of vehicles of `power_db` each."""
    density = np.asarray(flow_veh_h, float) / (1000.0 * np.maximum(speed_kmh, SLOWEST_KMH))
    return np.asarray(density[..., None] * 10.0 ** (power_db / 10.0))


def hourly_energy(
    flow_veh_h: dict[str, Floats], speed_kmh: Floats, fleet: Fleet, parameters: TrafficParameters
) -> Floats:
    """Return the sound power per metre of road, pW/m, [..., 8 bands], of flows by kind of `twin.traffic.fleet.KINDS`.

    Flows and speeds have one shape, for example [links] or [links, hours].
    """
    p = parameters
    total = np.zeros((*np.shape(speed_kmh), len(FREQUENCIES)))
    medium = fleet.medium_truck_share
    for kind in KINDS:
        split = (("2", medium), ("3", 1.0 - medium)) if kind == "truck" else (("1", 1.0),)
        for category, share in split:
            power = vehicle_power(
                category, speed_kmh, temperature_c=p.noise_temperature_c, studded_share=p.noise_studded_share,
                electric_share=fleet.electric[kind],
            )  # fmt: skip
            total += line_energy(power, share * flow_veh_h[kind], speed_kmh)
    return total


def decibel(energy: Floats) -> Floats:
    """Return 10 lg of energies; 0 dB where there is less than 1."""
    return np.asarray(10.0 * np.log10(np.maximum(energy, 1.0)))
