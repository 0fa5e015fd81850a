"""What the traffic of a working day does to its surroundings: emissions, electricity, noise, exposure and accidents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.model import City
from twin.traffic.classes import NAMES
from twin.traffic.emissions import factors
from twin.traffic.exposure import exposure
from twin.traffic.fleet import KIND_OF_CLASS, KINDS, Fleet
from twin.traffic.noise_emission import PERIODS, hourly_energy
from twin.traffic.noise_propagation import Roofs, facade_noise, level_10m
from twin.traffic.parameters import TrafficParameters
from twin.traffic.safety import accidents

Floats = NDArray[np.float64]

SLOWEST_KMH = 1.0


@dataclass(frozen=True)
class LinkEffects:
    """Effects of a working day per link.

    ``co2``, ``nox``, ``pm_exhaust`` and ``pm_nonexhaust`` (PM2.5) in g/day, ``ev_kwh`` from batteries in kWh/day, all
    float64 [links]; ``noise_energy`` float64 [3, links, 8], the mean sound power of day, evening and night in pW per
    metre and octave band; ``injuries`` accidents with injuries per year.
    """

    co2: Floats
    nox: Floats
    pm_exhaust: Floats
    pm_nonexhaust: Floats
    ev_kwh: Floats
    noise_energy: Floats
    injuries: Floats

    def frame(self, index: pd.Index) -> pd.DataFrame:
        """Return the columns of the links: pm25_g_day, ev_kwh_day, lden_10m_db and injuries_a."""
        columns = {
            "pm25_g_day": self.pm_exhaust + self.pm_nonexhaust,
            "ev_kwh_day": self.ev_kwh,
            "lden_10m_db": level_10m(self.noise_energy),
            "injuries_a": self.injuries,
        }
        return pd.DataFrame(columns, index=index)


@dataclass(frozen=True)
class Effects:
    """Effects per link (as they come), per building (columns) and of the city (totals)."""

    links: LinkEffects
    buildings: pd.DataFrame
    totals: dict[str, float]


def link_effects(
    links: pd.DataFrame, flow_veh_h: Floats, speed_kmh: Floats, parameters: TrafficParameters, fleet: Fleet
) -> LinkEffects:
    """Return the effects of flows on each link.

    Parameters
    ----------
    links : DataFrame
        With `length_m` and `road_class`.
    flow_veh_h : float64 [classes, links, hours]
        Vehicles per hour by class, in the order of `twin.traffic.classes.CLASSES`, of 24 hours.
    speed_kmh : float64 [links, hours]
        Speeds of 0 (closed links) are set to `SLOWEST_KMH`; their flows are 0.
    parameters : TrafficParameters
    fleet : Fleet
    """
    km = links["length_m"].to_numpy(float) / 1000.0
    speed = np.maximum(speed_kmh, SLOWEST_KMH)
    flow = {kind: np.zeros(speed.shape) for kind in KINDS}
    for name, of_class in zip(NAMES, flow_veh_h, strict=True):
        flow[KIND_OF_CLASS[name]] += of_class
    sums = {name: np.zeros(len(km)) for name in ("co2", "nox", "pm_exhaust", "pm_nonexhaust", "ev")}
    for kind in KINDS:
        found = factors(kind, speed, fleet, parameters)
        for name, total in sums.items():
            total += (flow[kind] * getattr(found, name)).sum(axis=1) * km
    noise = np.empty((3, len(km), 8))
    for k, hours in enumerate(PERIODS.values()):
        some = list(hours)
        of_hours = {kind: values[:, some] for kind, values in flow.items()}
        noise[k] = hourly_energy(of_hours, speed[:, some], fleet, parameters).mean(axis=1)
    vehicles = sum(flow.values(), np.zeros(speed.shape))
    return LinkEffects(
        co2=sums["co2"],
        nox=sums["nox"],
        pm_exhaust=sums["pm_exhaust"],
        pm_nonexhaust=sums["pm_nonexhaust"],
        ev_kwh=sums["ev"],
        noise_energy=noise,
        injuries=accidents(links, vehicles * km[:, None], speed, parameters),
    )


def city_effects(
    city: City,
    flow_veh_h: Floats,
    speed_kmh: Floats,
    parameters: TrafficParameters,
    fleet: Fleet,
    *,
    roofs: Roofs | None = None,
    variant: str = "numba",
) -> Effects:
    """Return the effects of flows [classes, links, 24] and speeds [links, 24] on links, buildings and the city.

    Buildings: lden_db, lnight_db, nox_ug_m3, nox_exposure. Totals: traffic_co2_t_a, traffic_nox_kg_a,
    traffic_pm25_kg_a, ev_kwh_day, injuries_a, people_lden_55, people_lden_65, people_lnight_50, highly_annoyed and
    nox_exposure.
    """
    found = link_effects(city.links, flow_veh_h, speed_kmh, parameters, fleet)
    noise = facade_noise(city, found.noise_energy, parameters, roofs=roofs, variant=variant)
    buildings, people = exposure(city, noise, found.nox, parameters)
    days = parameters.working_day_equivalents
    totals = {
        "traffic_co2_t_a": float(found.co2.sum()) * days / 1e6,
        "traffic_nox_kg_a": float(found.nox.sum()) * days / 1e3,
        "traffic_pm25_kg_a": float((found.pm_exhaust + found.pm_nonexhaust).sum()) * days / 1e3,
        "ev_kwh_day": float(found.ev_kwh.sum()),
        "injuries_a": float(found.injuries.sum()),
        **people,
    }
    return Effects(found, buildings, totals)
