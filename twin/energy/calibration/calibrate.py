"""Calibrate the parameters of archetypes to meter readings; see `twin.energy.calibration.smoother` for the method."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from twin.city.meters import Meters
from twin.energy.calibration import smoother
from twin.energy.calibration.forward import Forward
from twin.energy.calibration.observed import Observed, observe
from twin.energy.calibration.posterior import Calibration
from twin.energy.calibration.prior import (
    FIELDS,
    Components,
    Floats,
    Ints,
    building_draw,
    building_spread,
    components_of,
)
from twin.energy.parameters import EnergyParameters
from twin.errors import DataError
from twin.random import entity_keys, normal, uniform

if TYPE_CHECKING:
    from twin.city.model import City, Weather
    from twin.energy.drives import SunOnBuildings

Say = Callable[[str, int, int], None]
STEPS = 3
"""Assimilations (Emerick and Reynolds use four; the readings are nearly linear in the logarithms)."""
LEAST_METERED, LEAST_MEMBERS = 5, 20
OWN_ROUNDS = 2
"""Rounds in which the own part of metered buildings is fitted to their readings."""


def calibrate(
    city: City,
    weather: Weather,
    sun: SunOnBuildings,
    meters: Meters,
    parameters: EnergyParameters,
    *,
    members: int = 64,
    seed: int = 1,
    steps: int = STEPS,
    method: str = "modal",
    progress: Say | None = None,
) -> Calibration:
    """Return the posterior of the factors of all groups and of the metered buildings.

    Parameters
    ----------
    city : City
    weather : Weather
        Of the year of the readings.
    sun : SunOnBuildings
        Of all buildings of the city, for this weather.
    meters : Meters
    parameters : EnergyParameters
    members : int
        Size of the ensemble, 20 or more.
    seed : int
    steps : int
        Assimilations.
    method : str
        Of `simulate_energy`.
    progress : callable, optional
        Called with (what, done, total).

    Raises
    ------
    DataError
        Fewer than five metered buildings, or too few members.
    """
    observed = observe(meters, city)
    if len(observed.ids) < LEAST_METERED:
        raise DataError(
            f"{len(observed.ids)} metered buildings are too few to calibrate a city", where=meters.path,
            expected=f"readings of {LEAST_METERED} buildings or more",
        )  # fmt: skip
    if members < LEAST_MEMBERS:
        raise DataError(f"{members} members are too few", expected=f"{LEAST_MEMBERS} or more")
    components, group_of = components_of(city.buildings)
    group = group_of[observed.rows]
    forward = Forward(
        city, weather, sun, parameters, observed.rows, seed=seed, monthly=observed.by_month, method=method
    )
    say = progress or (lambda *_: None)
    run = _Runs(forward, observed, group, components, say, total=1 + members * (steps + 1 + OWN_ROUNDS))
    nominal = run(np.zeros((1, len(components.names), len(FIELDS))))[0]
    state = np.stack([components.draw(seed, member) for member in range(1, members + 1)])
    precision = smoother.prior_precision(components)
    for step in range(steps):
        linear, outputs = run.linear(state)
        grid, p = smoother.scatter_posterior(linear, components, run.at_prior_mean(linear, outputs, state))
        scatter = np.exp(p @ np.log(grid))
        weight = smoother.weights(linear, scatter)
        precision = precision + smoother.information(linear, weight, components) / steps
        error = _errors(weight, seed, step, members) * np.sqrt(steps)
        pulled = smoother.pull(linear, weight, components, run.data + error - outputs)
        state = state + np.linalg.solve(precision, pulled.T / steps).T.reshape(state.shape)
    linear, outputs = run.linear(state)
    rest = run.at_prior_mean(linear, outputs, state)
    grid, p = smoother.scatter_posterior(linear, components, rest)
    scales = _scales(grid, p, seed, members)
    own = _own_parts(run, linear, state, outputs, scales, seed)
    return Calibration(
        components=components,
        state=state,
        covariance=np.linalg.inv(precision).astype(np.float64),
        scatter=scales,
        metered=observed,
        own=own,
        nominal=nominal,
        archetypes=outputs,
        fitted=run.last,
        linear=linear,
        at_prior_mean=rest,
        seed=seed,
        year=meters.year,
        runs=run.done,
    )


class _Runs:
    """Forward runs of an ensemble, compared with the readings."""

    def __init__(
        self, forward: Forward, observed: Observed, group: Ints, components: Components, say: Say, total: int
    ) -> None:
        self.forward, self.observed, self.group, self.components = forward, observed, group, components
        self.say, self.total, self.done = say, total, 0
        self.data, self.there, self.noise = observed.data, observed.there, observed.noise
        self.last = np.empty(0)

    def __call__(self, state: Floats, own: Floats | None = None) -> Floats:
        """Return what is compared, (members, m, k), for parts (members, components, 7) and own parts of buildings."""
        x = self.of_buildings(state)
        if own is not None:
            x = x + own
        out = []
        for first in range(0, len(x), self.forward.copies):
            self.say("forward runs", self.done, self.total)
            readings = self.forward.run(x[first : first + self.forward.copies])
            out += [self.observed.compared(readings[k]) for k in range(len(readings.annual_kwh))]
            self.done += len(readings.annual_kwh)
        self.last = np.stack(out)
        return self.last

    def of_buildings(self, state: Floats) -> Floats:
        """Return the factors that the groups give the metered buildings, (members, m, 7)."""
        return self.components.of_groups(state)[:, self.group]

    def linear(self, state: Floats) -> tuple[smoother.Linear, Floats]:
        """Run the ensemble; return the readings' linearisation and the outputs."""
        outputs = self(state)
        slope, rest = smoother.regression(self.of_buildings(state), outputs)
        there = self.there
        noise = np.where(there, np.hypot(self.noise, rest), 1.0)
        return smoother.Linear(slope * there[:, :, None], noise, there, self.group), outputs

    def at_prior_mean(self, linear: smoother.Linear, outputs: Floats, state: Floats) -> Floats:
        """Return readings less what the linearised model says for factors of one, (m, k)."""
        x = self.of_buildings(state).mean(axis=0)
        there = np.einsum("bkf,bf->bk", linear.slope, x)
        return np.where(linear.there, self.data - outputs.mean(axis=0) + there, 0.0)


def _errors(weight: Floats, seed: int, step: int, members: int) -> Floats:
    """Return draws of the errors of the readings, scatter of buildings included, (members, m, k)."""
    m, k = weight.shape[:2]
    keys = entity_keys(f"{b}" for b in range(m))
    z = np.stack([normal(seed, f"energy.calibration.error{step}", keys, j, n=k) for j in range(1, members + 1)])
    dead = weight[:, np.arange(k), np.arange(k)] == 0.0
    filled = weight.copy()
    filled[:, np.arange(k), np.arange(k)] += dead
    lower = np.linalg.cholesky(np.linalg.inv(filled))
    return np.where(dead, 0.0, np.einsum("bkl,jbl->jbk", lower, z))


def _scales(grid: Floats, p: Floats, seed: int, members: int) -> Floats:
    """Return scales of the scatter, (1 + members, 2): the centre first, then one draw for each member."""
    u = uniform(seed, "energy.calibration.scatter", entity_keys(["scatter"]), 0, n=members)[0]
    picked = np.minimum(np.searchsorted(np.cumsum(p), u), len(p) - 1)
    return np.vstack([np.exp(p @ np.log(grid)), grid[picked]])


def _own_parts(
    run: _Runs, linear: smoother.Linear, state: Floats, outputs: Floats, scales: Floats, seed: int
) -> Floats:
    """Return the own part of the metered buildings given their readings, (1 + members, m, 7): the centre, then draws.

    Each draw starts from one of the prior and is moved to its own draw of the reading (randomised maximum likelihood).
    """
    members = len(state)
    data = run.data
    keys = entity_keys(run.observed.ids)
    z = np.stack([normal(seed, "energy.calibration.reading", keys, j, n=data.shape[1]) for j in range(1, members + 1)])
    read = np.where(linear.there, data + z * run.noise, 0.0)
    variance = building_spread(scales) ** 2
    start = np.stack([building_draw(run.observed.ids, seed, j) for j in range(1, members + 1)])
    start = start * np.sqrt(variance[1:, None, :])
    gain = np.stack([_gain(linear, v) for v in variance])
    own, seen = np.zeros_like(start), outputs
    for _ in range(OWN_ROUNDS):
        moved = np.einsum("bkf,jbf->jbk", linear.slope, start - own)
        own = start + np.einsum("jbfk,jbk->jbf", gain[1:], np.where(linear.there, read - seen - moved, 0.0))
        seen = run(state, own)
    centre = np.einsum("bfk,bk->bf", gain[0], np.where(linear.there, data - outputs.mean(axis=0), 0.0))
    return np.concatenate([centre[None], own])


def _gain(linear: smoother.Linear, variance: Floats) -> Floats:
    """Return the gain of a building's own part by its readings, (m, 7, k)."""
    error = np.einsum("bkf,blf->bkl", linear.slope * variance, linear.slope)
    k = error.shape[1]
    error[:, np.arange(k), np.arange(k)] += linear.noise**2
    return np.linalg.solve(error, linear.slope * variance).transpose(0, 2, 1)
