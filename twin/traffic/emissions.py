"""Exhaust, wear and electricity of vehicles by speed.

- Exhaust CO2, NOx and PM2.5: hot functions of the EMEP/EEA guidebook (`twin.traffic.emission_curves`); speeds beyond
  their range are set to its nearest end. CO2 is the energy of the fuel times 69.3 (petrol) and 74.1 g/MJ (diesel):
  IPCC 2006 Guidelines, vol. 2, table 1.4. Cold starts and ageing are not in these figures.
- PM2.5 of tyres, brakes and road surface: EMEP/EEA guidebook 2019, chapter 1.A.3.b.vi-vii, Tier 2: total suspended
  particles per km, share of PM2.5, and a correction for mean speed (tyres and brakes). Trucks as four axles, half
  laden. Electric vehicles wear like the others: the guidebook of 2019 has no factor for recuperation.
- Electricity of electric vehicles: road load of rolling, air and speed changes (masses, rolling resistance and drag
  are assumptions of the usual order; form as in Fiori et al. 2016, doi 10.1016/j.apenergy.2016.01.097).

Cars below the low-emission standard are told apart by the rule of London's Ultra Low Emission Zone (petrol Euro 4,
diesel Euro 6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.traffic.emission_curves import ENERGY, NOX, PM, Curve
from twin.traffic.fleet import Fleet
from twin.traffic.parameters import TrafficParameters

Floats = NDArray[np.float64]
CLASSES = ("compliant", "non_compliant")
CO2_G_MJ = {"petrol": 69.3, "diesel": 74.1}

# Total suspended particles, g/km: tyres, brakes, road surface. EMEP/EEA 2019, 1.A.3.b.vi-vii, tables 3-4, 3-6, 3-8.
WEAR_TSP = {"car": (0.0107, 0.0075, 0.0150), "van": (0.0169, 0.0117, 0.0150), "truck": (0.0450, 0.0327, 0.0760)}
WEAR_PM25_SHARE = (0.42, 0.39, 0.27)

AIR_KG_M3, GRAVITY = 1.2, 9.81
DRIVE_EFFICIENCY = 0.88  # battery to wheel. Assumption.
# Kinetic energy that speed changes ask for, m/s2 (J per kg and m), falls with the mean speed of the road. Assumption,
# of the order of driving cycles: 0.35 up to 20 km/h, 0.05 from 100 km/h.
ACCELERATION_DEMAND = ((20.0, 100.0), (0.35, 0.05))


@dataclass(frozen=True)
class RoadLoad:
    """An electric vehicle: mass (kg), rolling resistance (-), drag area (m2), auxiliaries relative to a car's (-)."""

    mass: float
    rolling: float
    drag_area: float
    auxiliaries: float


# Assumptions: a medium car, a delivery van and a two-axle truck, all half laden.
ELECTRIC = {
    "car": RoadLoad(1900.0, 0.010, 0.65, 1.0),
    "van": RoadLoad(2800.0, 0.010, 1.4, 1.2),
    "truck": RoadLoad(14000.0, 0.007, 5.5, 3.0),
}


@dataclass(frozen=True)
class Factors:
    """Means of a kind of vehicle over its fleet, per vehicle-km and of the shape of the speeds.

    ``co2``, ``nox``, ``pm_exhaust`` and ``pm_nonexhaust`` (PM2.5) in g, ``ev`` in kWh from the battery.
    """

    co2: Floats
    nox: Floats
    pm_exhaust: Floats
    pm_nonexhaust: Floats
    ev: Floats


def hot_factor(curve: Curve, speed_kmh: Floats) -> Floats:
    """Return the factor in g/km (MJ/km) at each speed (set to the valid range first)."""
    alpha, beta, gamma, delta, epsilon, zeta, eta = curve.coefficients
    v = np.clip(speed_kmh, curve.low, curve.high)
    top = alpha * v**2 + beta * v + gamma + delta / v
    return np.asarray(top / (epsilon * v**2 + zeta * v + eta) * (1.0 - curve.reduction))


def fuel_of(technology: str) -> str:
    """Return "petrol" or "diesel"; vans and trucks run on diesel."""
    return "petrol" if technology.startswith("petrol") else "diesel"


def wear_factors(kind: str, speed_kmh: Floats) -> tuple[Floats, Floats, Floats]:
    """Return PM2.5 in g/km of tyres, brakes and road surface at each speed."""
    v = np.asarray(speed_kmh, float)
    tyre_tsp, brake_tsp, road_tsp = WEAR_TSP["car" if kind == "old_car" else kind]
    tyre = np.where(v < 40.0, 1.39, np.where(v <= 90.0, -0.00974 * v + 1.78, 0.902))
    brake = np.where(v < 40.0, 1.67, np.where(v <= 95.0, -0.0270 * v + 2.75, 0.185))
    share = WEAR_PM25_SHARE
    return tyre_tsp * share[0] * tyre, brake_tsp * share[1] * brake, np.full(v.shape, road_tsp * share[2])


def electric_kwh_km(kind: str, speed_kmh: Floats, parameters: TrafficParameters) -> Floats:
    """Return kWh per km from the battery of an electric vehicle at each mean speed (at least 5 km/h)."""
    load = ELECTRIC["car" if kind == "old_car" else kind]
    v = np.maximum(np.asarray(speed_kmh, float), 5.0)
    steady = load.mass * GRAVITY * load.rolling + 0.5 * AIR_KG_M3 * load.drag_area * (v / 3.6) ** 2
    changes = load.mass * np.interp(v, *ACCELERATION_DEMAND)
    lost = changes * (1.0 / DRIVE_EFFICIENCY - parameters.ev_recuperation)
    joule_per_km = 1000.0 * (steady / DRIVE_EFFICIENCY + lost)
    return np.asarray(joule_per_km / 3.6e6 + parameters.ev_auxiliary_kw * load.auxiliaries / v)


def factors(kind: str, speed_kmh: Floats, fleet: Fleet, parameters: TrafficParameters) -> Factors:
    """Return the mean factors of a kind of vehicle of `twin.traffic.fleet.KINDS` at each speed."""
    v = np.asarray(speed_kmh, float)
    scale = parameters.emission_factor_scale
    co2, nox, pm = np.zeros(v.shape), np.zeros(v.shape), np.zeros(v.shape)
    for name, share in fleet.technology[kind].items():
        if share > 0.0:
            co2 += scale * share * CO2_G_MJ[fuel_of(name)] * hot_factor(ENERGY[name], v)
            nox += scale * share * hot_factor(NOX[name], v)
            pm += scale * share * hot_factor(PM[name], v)
    electric = fleet.electric[kind]
    ev = electric * electric_kwh_km(kind, v, parameters) if electric > 0.0 else np.zeros(v.shape)
    return Factors(co2, nox, pm, sum(wear_factors(kind, v), np.zeros(v.shape)), ev)
