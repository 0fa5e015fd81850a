"""Public charging sites as processes on the city's clock.

Electric cars that arrive in a zone look for a public charger within walking distance. They queue where a place is
free, give up when they have waited too long, charge with the power that the site's cap leaves, and go.

The same vehicle (zone, day, hour, number) draws the same time, energy and preferences in every scenario: more traffic
adds vehicles to those that were there, more sites attract some of them and leave the others where they were.

A single day is a small sample where few vehicles charge, so the results are means over a working week.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import simpy
from numpy.typing import NDArray

from twin.city.model import City
from twin.errors import DataError
from twin.operations.clock import DAY_S, HOUR_S, CityClock, Meter
from twin.operations.parameters import AC_LIMIT_KW, OperationsParameters
from twin.random import entity_keys, uniform

Floats = NDArray[np.float64]

WARM_UP_DAYS = 1
"""Days that are simulated first and not counted."""

REPORTED_DAYS = 5
"""Days that are reported, a working week: each has vehicles of its own, and the sites work on from day to day."""

_DONE_KWH = 1e-9
_BLOCK = 20_000  # zone-hours drawn at once, which bounds the memory
_COLUMNS = (
    "arrivals_day",
    "served_day",
    "turned_away_day",
    "mean_wait_min",
    "p95_wait_min",
    "energy_kwh_day",
    "peak_kw",
    "utilisation",
)


@dataclass(frozen=True)
class ChargingResult:
    """The mean working day of the charging sites, over a week of `REPORTED_DAYS` days.

    `sites` is indexed by site_id: arrivals_day, served_day, turned_away_day (vehicles per day), mean_wait_min and
    p95_wait_min of all that were served in the week, energy_kwh_day (per day), peak_kw (highest power at any moment
    of the week), utilisation (mean share of the connectors in use). `load_kw` holds the mean power by hour of the day,
    float64 [n_sites, 24]; its sum over the hours is energy_kwh_day.

    `totals`, per day: charging_arrivals_day counts every vehicle that looks for a charger, charging_turned_away_day
    those that were not served, charging_out_of_reach_day those among them without a site in reach.
    charging_mean_wait_min is the mean of all that were served in the week. charging_peak_kw is the highest hourly mean
    of all sites together on a day, as a mean over the days; the peak of the mean day would be lower, because the days
    do not peak in the same hour.
    """

    sites: pd.DataFrame
    load_kw: Floats
    totals: dict[str, float]


@dataclass(frozen=True)
class Vehicles:
    """Vehicles in order of arrival: zone (row of the zones), time (s since midnight), need (kWh), random key."""

    zone: NDArray[np.int64]
    time_s: Floats
    energy_kwh: Floats
    key: NDArray[np.uint64]


class ChargingSite:
    """One site: connectors, a queue, and a power cap that is shared equally among the cars that charge.

    Parameters
    ----------
    clock : CityClock
    connectors : int
    power_kw : float
        What one car draws when the cap does not bind.
    cap_kw : float
        Cap of the whole site.
    queue_places : int
    patience_s : float
    """

    def __init__(
        self, clock: CityClock, connectors: int, power_kw: float, cap_kw: float, queue_places: int, patience_s: float
    ) -> None:
        self.clock = clock
        self.connectors = connectors
        self.power_kw = power_kw
        self.cap_kw = cap_kw
        self.queue_places = queue_places
        self.patience_s = patience_s
        self.plugs = simpy.Resource(clock.env, capacity=connectors)
        self.load = Meter(clock.days)
        self.occupied = Meter(clock.days)
        self.arrivals = self.turned_away = 0
        self.delivered_kwh = 0.0  # in the reported days, summed over the cars: must equal the metered load
        self.waits_s: list[float] = []
        self._charging: dict[simpy.Event, float] = {}  # the event of being full -> energy still missing, kWh
        self._changed = clock.env.event()
        self._updated_s = clock.now_s
        clock.start(self._controller())

    def visit(self, arrival_s: float, energy_kwh: float) -> Generator[simpy.Event, object, None]:
        """Run one vehicle: arrive, wait, charge, leave."""
        yield self.clock.wait_until(arrival_s)
        arrived_s = self.clock.now_s  # differs from arrival_s by rounding
        counts = arrival_s >= 0.0
        self.arrivals += counts
        if self.plugs.count >= self.connectors and len(self.plugs.queue) >= self.queue_places:
            self.turned_away += counts
            return
        with self.plugs.request() as request:
            yield request | self.clock.env.timeout(self.patience_s)
            if not request.triggered:
                self.turned_away += counts
                return
            if counts:
                self.waits_s.append(self.clock.now_s - arrived_s)
            full = self.clock.env.event()
            self._advance()
            self._charging[full] = energy_kwh
            self._announce()
            yield full

    def rate_kw(self) -> float:
        """Return the power of each car that charges now."""
        return min(self.power_kw, self.cap_kw / len(self._charging)) if self._charging else 0.0

    def close(self) -> None:
        """Bring the meters up to date at the end of the run."""
        self._advance()

    def _announce(self) -> None:
        changed, self._changed = self._changed, self.clock.env.event()
        changed.succeed()

    def _advance(self) -> None:
        """Deliver energy at the present rates since the last change."""
        now, rate = self.clock.now_s, self.rate_kw()
        hours = (now - self._updated_s) / HOUR_S
        counted = max(0.0, min(now, self.clock.end_s) - max(self._updated_s, 0.0)) / HOUR_S
        for full in self._charging:
            self._charging[full] -= rate * hours
            self.delivered_kwh += rate * counted
        self.load.add(self._updated_s, now, rate * len(self._charging))
        self.occupied.add(self._updated_s, now, float(len(self._charging)))
        self._updated_s = now

    def _controller(self) -> Generator[simpy.Event, object, None]:
        """Let cars go when they are full; rates change whenever a car comes or goes."""
        while True:
            if not self._charging:
                yield self._changed
                continue
            delay = max(0.0, min(self._charging.values())) / self.rate_kw() * HOUR_S
            yield self._changed | self.clock.env.timeout(delay)
            self._advance()
            for full in [event for event, missing in self._charging.items() if missing <= _DONE_KWH]:
                del self._charging[full]
                full.succeed()


def simulate_charging(
    city: City, arrivals_veh_h: Floats, parameters: OperationsParameters, *, seed: int, draw: int = 0
) -> ChargingResult:
    """Simulate a warm-up day and a working week of all charging sites.

    Parameters
    ----------
    city : City
        Zones and charging sites are used.
    arrivals_veh_h : float64 (n_zones, 24)
        Cars that arrive in each zone in each hour of a working day, in the order of the city's zones.
    parameters : OperationsParameters
    seed, draw : int
        Seed of the study and index of the uncertainty draw.

    Returns
    -------
    ChargingResult

    Raises
    ------
    DataError
        Arrivals of another shape, or that are negative or not finite.
    """
    arrivals = np.asarray(arrivals_veh_h, np.float64)
    if arrivals.shape != (len(city.zones), 24) or not np.all(np.isfinite(arrivals) & (arrivals >= 0.0)):
        raise DataError(
            f"the arrivals of cars, shape {arrivals.shape}, cannot be used",
            where="charging: arrivals_veh_h",
            expected=f"finite numbers of at least 0, shape ({len(city.zones)}, 24)",
        )
    rates = arrivals * (parameters.ev_share * parameters.public_charging_share)
    vehicles = draw_vehicles([str(z) for z in city.zones.index], rates, parameters, seed, draw)
    choice = _choose(city, vehicles, parameters, seed, draw)

    clock = CityClock(WARM_UP_DAYS, REPORTED_DAYS)
    frame = city.charging_sites
    patience_s = parameters.patience_min * 60.0
    sites = []
    for connectors, power, cap in zip(
        frame["connectors"], frame["connector_power_kw"], frame["power_cap_kw"], strict=True
    ):
        limit = parameters.vehicle_ac_kw if power <= AC_LIMIT_KW else parameters.vehicle_dc_kw
        places = round(parameters.queue_places)
        sites.append(ChargingSite(clock, int(connectors), min(float(power), limit), float(cap), places, patience_s))
    for k, site in enumerate(choice):
        if site >= 0:
            clock.start(sites[site].visit(float(vehicles.time_s[k]), float(vehicles.energy_kwh[k])))
    # Past the last midnight until the last driver has a connector or gives up; nobody arrives any more.
    clock.run(patience_s + 1.0)
    lost = int(np.sum((choice < 0) & (vehicles.time_s >= 0.0)))
    return _result(frame.index, sites, lost)


def draw_vehicles(
    zone_ids: list[str], rates_veh_h: Floats, parameters: OperationsParameters, seed: int, draw: int
) -> Vehicles:
    """Draw the vehicles of the warm-up day (day -1) and the reported days, a Poisson process in each zone and hour.

    Every day has keys of its own. The number in an hour is the number of unit-exponential steps that fit into the
    rate, so a higher rate keeps every vehicle of a lower one.
    """
    zone, hour = np.nonzero(rates_veh_h > 0.0)
    days = range(-WARM_UP_DAYS, REPORTED_DAYS)
    cells = [(int(z), int(h), day) for day in days for z, h in zip(zone, hour, strict=True)]
    if not cells:
        none = np.zeros(0)
        return Vehicles(np.zeros(0, np.int64), none, none, np.zeros(0, np.uint64))
    rate = np.array([rates_veh_h[z, h] for z, h, _ in cells])
    keys = entity_keys(f"{zone_ids[z]}/{day}/{h}" for z, h, day in cells)
    blocks = [slice(k, k + _BLOCK) for k in range(0, len(cells), _BLOCK)]
    count = np.concatenate([_poisson(rate[block], keys[block], seed, draw) for block in blocks])
    owner = np.repeat(np.arange(len(cells)), count)
    number = np.concatenate([np.arange(c) for c in count])
    key = entity_keys(
        f"{zone_ids[cells[c][0]]}/{cells[c][2]}/{cells[c][1]}/{i}" for c, i in zip(owner, number, strict=True)
    )
    u = uniform(seed, "charging.vehicle", key, draw, 2)
    start = np.array([day * DAY_S + h * HOUR_S for _, h, day in cells])
    time = start[owner] + HOUR_S * u[:, 0]
    order = np.lexsort((key, time))
    place = np.array([z for z, _, _ in cells], np.int64)[owner]
    return Vehicles(place[order], time[order], _energy(u[order, 1], parameters), key[order])


def _poisson(rate: Floats, keys: NDArray[np.uint64], seed: int, draw: int) -> NDArray[np.int64]:
    """Return Poisson counts that grow with the rate for the same key."""
    most = int(np.ceil(rate.max() + 10.0 * np.sqrt(rate.max()) + 20.0))  # passed with a chance below 1e-12
    steps = -np.log(uniform(seed, "charging.arrival", keys, draw, most))
    return np.asarray((np.cumsum(steps, axis=1) <= rate[:, None]).sum(axis=1))


def _energy(u: Floats, parameters: OperationsParameters) -> Floats:
    """Return gamma distributed session energies by inversion."""
    from scipy.special import gammaincinv

    cv = parameters.energy_cv
    if cv < 1e-3:
        return np.full(len(u), parameters.energy_kwh)
    shape = 1.0 / cv**2
    return np.asarray(gammaincinv(shape, u) * (parameters.energy_kwh / shape))


def _choose(
    city: City, vehicles: Vehicles, parameters: OperationsParameters, seed: int, draw: int
) -> NDArray[np.int64]:
    """Return the row of the site that each vehicle drives to, or -1 where none is in reach.

    A logit choice by connectors and distance. The random part of the utility belongs to vehicle and site (Gumbel), so
    that a new site changes the choice of nobody who does not prefer it.
    """
    choice = np.full(len(vehicles.zone), -1, np.int64)
    sites = city.charging_sites
    if not len(sites) or not len(choice):
        return choice
    centre = city.zones.geometry.centroid
    site_keys = entity_keys(str(i) for i in sites.index)
    weight = np.log(sites["connectors"].to_numpy(np.float64))
    x, y = sites.geometry.x.to_numpy(), sites.geometry.y.to_numpy()
    for zone in np.unique(vehicles.zone):
        point = centre.iloc[int(zone)]
        distance = np.hypot(x - point.x, y - point.y)
        near = np.flatnonzero(distance <= parameters.reach_m)
        if not len(near):
            continue
        rows = np.flatnonzero(vehicles.zone == zone)
        pairs = (vehicles.key[rows][:, None] ^ site_keys[near][None, :]).ravel()
        noise = -np.log(-np.log(uniform(seed, "charging.site", pairs, draw)))
        fixed = weight[near] - distance[near] / parameters.distance_decay_m
        choice[rows] = near[np.argmax(noise.reshape(len(rows), len(near)) + fixed, axis=1)]
    return choice


def _result(index: pd.Index, sites: list[ChargingSite], lost: int) -> ChargingResult:
    load = np.zeros((len(sites), REPORTED_DAYS, 24))
    records = []
    waits: list[float] = []
    for k, site in enumerate(sites):
        site.close()
        load[k] = site.load.hourly_means()
        waits += site.waits_s
        records.append(
            (
                site.arrivals / REPORTED_DAYS,
                len(site.waits_s) / REPORTED_DAYS,
                site.turned_away / REPORTED_DAYS,
                float(np.mean(site.waits_s)) / 60.0 if site.waits_s else 0.0,
                float(np.percentile(site.waits_s, 95)) / 60.0 if site.waits_s else 0.0,
                site.delivered_kwh / REPORTED_DAYS,
                site.load.peak,
                float(site.occupied.hourly_means().mean()) / site.connectors,
            )
        )
    frame = pd.DataFrame(np.array(records, np.float64).reshape(-1, len(_COLUMNS)), index=index, columns=list(_COLUMNS))
    totals = {
        "charging_kwh_day": float(frame["energy_kwh_day"].sum()),
        "charging_arrivals_day": (sum(site.arrivals for site in sites) + lost) / REPORTED_DAYS,
        "charging_served_day": len(waits) / REPORTED_DAYS,
        "charging_turned_away_day": (sum(site.turned_away for site in sites) + lost) / REPORTED_DAYS,
        "charging_out_of_reach_day": lost / REPORTED_DAYS,
        "charging_mean_wait_min": float(np.mean(waits)) / 60.0 if waits else 0.0,
        "charging_peak_kw": float(load.sum(axis=0).max(axis=1).mean()),
    }
    return ChargingResult(frame, load.mean(axis=1), totals)
