"""The traffic of a working day: demand and equilibrium in three periods, and what follows for links and zones.

Each period is one user equilibrium of its mean hour, solved jointly with the demand of six classes of vehicles
(`periods`). A scenario pivots on its baseline: hours and destinations answer the difference of costs, consumer surplus
is that difference's worth, and the gross effect is what would come of it if every trip were made as before. Hours
within a period share its routes; their flows follow the hourly profiles, their speeds the BPR function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.model import City
from twin.errors import DataError
from twin.traffic.accessibility import consumer_surplus
from twin.traffic.classes import NAMES
from twin.traffic.parameters import TrafficParameters
from twin.traffic.periods import Day, Period, Setting, changed_day, held_day, prepare, relative_gap, usual_day
from twin.traffic.profile import PURPOSES
from twin.traffic.results import link_results, road_totals, zone_results

__all__ = ["TrafficParameters", "TrafficResult", "simulate_traffic"]

Floats = NDArray[np.float64]

RESIDUAL_LIMIT = 0.01  # of the person trips; a warning beyond
# Gross change of CO2, as part of all CO2 and of the net change, below which there is nothing that could rebound.
TRIFLE, BESIDE = 1e-4, 0.1


@dataclass(frozen=True)
class TrafficResult:
    """Traffic of a working day, and annual totals; frames are indexed like the city's layers.

    ``links``: flow_veh_day (all classes; flow_van_veh_day and flow_truck_veh_day of them), flow_peak_veh_h,
    speed_peak_kmh, volume_capacity_ratio (passenger-car units), delay_veh_h_day, co2_kg_day, nox_g_day, pm25_g_day,
    ev_kwh_day, lden_10m_db, injuries_a. ``buildings``: lden_db, lnight_db, nox_ug_m3, nox_exposure. ``zones``:
    trips_day (person trips that start here and stay inside the area), car_trips_day (cars that start here), car_share
    (of trips_day), mean_car_time_min and mean_generalised_cost_min (cars in the evening peak, weighted with the trips
    of all modes from here; where a closure or a rule leaves no way by car, the cost is that of the cheapest other
    mode, and never below that of the open road), jobs_30min and accessibility_min (evening peak, all modes),
    consumer_surplus_eur_day (against the baseline). ``arrivals_veh_h`` [zones, 24] cars that arrive; ``od_car``
    [zones, zones] internal car trips per day; ``hourly_flow_veh_h`` [24] vehicle-km in each hour. In `totals`,
    car_trips_day counts all cars, those that only cross the area included. ``day`` holds the equilibria, from which
    scenarios start.
    """

    links: pd.DataFrame
    buildings: pd.DataFrame
    zones: pd.DataFrame
    arrivals_veh_h: Floats
    od_car: Floats
    hourly_flow_veh_h: Floats
    totals: dict[str, float]
    diagnostics: dict[str, Any]
    day: Day


def simulate_traffic(
    city: City,
    parameters: TrafficParameters,
    *,
    variant: str = "numba",
    base: TrafficResult | None = None,
    held: TrafficResult | None = None,
) -> TrafficResult:
    """Return the traffic of a city's working day.

    Parameters
    ----------
    city : City
        Complete (see `twin.city.check`).
    parameters : TrafficParameters
    variant : str
        Of the traffic kernels.
    base : TrafficResult, optional
        The baseline on which this scenario pivots: a city with the same zones and stations, the same parameters.
    held : TrafficResult, optional
        Trips stay those of this result whatever they cost; only routes answer.

    Raises
    ------
    DataError
        A network that cannot be used: unknown nodes, figures that are not positive, all streets closed.
    """
    if bool(city.links["closed"].all()):
        if city.links.empty:
            remedy = "import the city again with --roads; `twin solar` does without"
            raise DataError("the city has no roads, so traffic cannot be simulated", where="links", remedy=remedy)
        raise DataError("every link is closed to cars", where="links", remedy="leave at least one link open")
    s = prepare(city, parameters, variant)
    day = _day(s, base, held)
    links, buildings, hourly, totals = link_results(s, day)
    zones, arrivals, od_car, trip_totals = zone_results(s, day)
    zones["consumer_surplus_eur_day"] = 0.0
    totals |= trip_totals
    cars = totals["car_trips_day"]
    car_h = totals.pop("car_h_day")
    totals |= {
        "mean_car_trip_time_min": 60.0 * car_h / cars if cars > 0.0 else 0.0,
        "mean_car_trip_length_km": totals["car_km_day"] / cars if cars > 0.0 else 0.0,
        "consumer_surplus_eur_a": 0.0,
        **_change(s, day, base, totals),
    }
    if base is not None:
        surplus = consumer_surplus(base.day.states, day.states, zones.index, parameters)
        zones["consumer_surplus_eur_day"] = surplus["logsum_eur"] + surplus["goods_eur"]
        whole = float(zones["consumer_surplus_eur_day"].sum()) + surplus.attrs["through_eur"]
        totals["consumer_surplus_eur_a"] = whole * parameters.working_day_equivalents
    diagnostics = {
        "relative_gap": relative_gap(day.periods),
        "unreachable_pairs": _lost_pairs(s),
        "demand_residual": day.residual,
        "iterations": day.rounds,
        "mean_trip_length_km": s.demand.trip_length_km,
        **{f"beta_{name}_per_km": beta for name, beta in zip(PURPOSES, s.demand.betas, strict=True)},
        "warnings": [*s.demand.warnings, *_cut_off(s), *_not_converged(day, parameters)],
    }
    return TrafficResult(links, buildings, zones, arrivals, od_car, hourly, totals, diagnostics, day)


def _day(s: Setting, base: TrafficResult | None, held: TrafficResult | None) -> Day:
    if held is not None:
        return held_day(s, held.day)
    return usual_day(s) if base is None else changed_day(s, base.day)


def _change(s: Setting, day: Day, base: TrafficResult | None, totals: dict[str, float]) -> dict[str, float]:
    """Return the gross change against the baseline, and which part of it the answer of demand takes back.

    Gross is the change when every trip of the baseline is still made, to the same place at the same hour by the same
    mode; the net change is that of the totals. A rebound share of 0.3 says that 30 % of the gross change of CO2 does
    not happen; above 1 that the net change has the other sign; negative that the answer of demand adds to it. It is 0
    where there is no gross change to speak of: parking charges or new homes act on demand, not on the roads.
    """
    if base is None:
        return {"traffic_co2_gross_change_t_a": 0.0, "vehicle_km_gross_change_day": 0.0, "rebound_share": 0.0}
    co2, km = road_totals(s, held_day(s, base.day))
    before = base.totals["traffic_co2_t_a"]
    gross, net = co2 - before, totals["traffic_co2_t_a"] - before
    some = abs(gross) > max(TRIFLE * before, BESIDE * abs(net))
    return {
        "traffic_co2_gross_change_t_a": gross,
        "vehicle_km_gross_change_day": km - base.totals["vehicle_km_day"],
        "rebound_share": 1.0 - net / gross if some else 0.0,
    }


def _cut_off(s: Setting) -> list[str]:
    """Return a warning for zones and stations that closures leave without any way in or out by road."""
    net = s.network
    names = np.array([*(f"zone {i}" for i in s.city.zones.index), *(f"station {i}" for i in net.station_nodes)])
    inside = np.concatenate([net.access_zone, np.zeros(len(net.station_nodes), bool)])
    access = inside[:, None] | inside[None, :]
    of = {name: s.free[NAMES.index(name)] for name in NAMES}
    costs = {
        "cars": np.where(access, of["car_access"], of["car"]),
        "non-compliant cars": np.where(access, of["old_car_access"], of["old_car"]),
        "trucks": of["truck"],
    }
    elsewhere = ~np.eye(len(names), dtype=bool)
    warnings = []
    for axis, way in ((1, "out"), (0, "in")):
        had = (np.isfinite(s.reference) & elsewhere).any(axis=axis)
        told = np.zeros(len(names), bool)
        for who, cost in costs.items():
            lost = had & ~told & ~(np.isfinite(cost) & elsewhere).any(axis=axis)
            told |= lost
            if lost.any():
                some = ", ".join(names[lost][:5])
                warnings.append(f"no way {way} for {who} at {int(lost.sum())} place(s): {some}")
    lost_share = _lost_pairs(s)
    if lost_share > 0.0:
        warnings.append(
            f"{100.0 * lost_share:.1f} % of pairs of places have no way left for cars: trips inside go by other modes, "
            "through traffic stays away, and cars to and from outside use other stations"
        )
    return warnings


def _not_converged(day: Day, parameters: TrafficParameters) -> list[str]:
    """Return a warning for every period whose equilibrium or demand is further off than it should be."""
    warnings = [
        f"{name}: relative gap {_gap(period):.1e}, above the {parameters.relative_gap:.1e} asked for"
        for name, period in day.periods.items()
        if _gap(period) > parameters.relative_gap
    ]
    if day.residual > RESIDUAL_LIMIT:
        warnings.append(f"person trips still differ by {day.residual:.1%} from what the costs ask for")
    return warnings


def _gap(period: Period) -> float:
    return float(period.solution.relative_gap)


def _lost_pairs(s: Setting) -> float:
    """Return the share of pairs with a path on the open network that cars with access have none on now."""
    free = s.free[NAMES.index("car_access")]
    return float(1.0 - np.isfinite(free).sum() / np.isfinite(s.reference).sum())
