"""What a calibration found: the factors of every building in every member, and how much the meters told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from twin.city.model import City
from twin.energy.calibration.forward import mean_occupants
from twin.energy.calibration.observed import Observed
from twin.energy.calibration.prior import (
    FIELDS,
    IN_LOGARITHM,
    Components,
    Floats,
    building_draw,
    building_spread,
    components_of,
    factor_values,
)
from twin.energy.calibration.smoother import Linear
from twin.energy.parameters import EnergyParameters, Factors


@dataclass(frozen=True)
class Calibration:
    """The posterior ensemble.

    Parameters
    ----------
    components : Components
        The parts that the factors of groups are made of.
    state : float64 (members, components, 7)
        Their posterior draws.
    covariance : float64 (components · 7, components · 7)
        Their posterior covariance.
    scatter : float64 (1 + members, 2)
        Scale of the scatter between buildings (heat, use): the centre, then one per member.
    metered : Observed
        The readings, m buildings.
    own : float64 (1 + members, m, 7)
        The own part of the metered buildings: the centre, then one per member.
    nominal : float64 (m, k)
        What the model without calibration says of the readings; `Observed.data` has the same form.
    archetypes, fitted : float64 (members, m, k)
        The same of every member, from the groups' factors alone and with the buildings' own part.
    linear : Linear
        The readings, linear in the factors of their building, around the posterior.
    at_prior_mean : float64 (m, k)
        Readings less what the linearised model says for factors of one.
    seed, year, runs : int
        Seed, the year of the readings, forward runs made.
    """

    components: Components
    state: Floats
    covariance: Floats
    scatter: Floats
    metered: Observed
    own: Floats
    nominal: Floats
    archetypes: Floats
    fitted: Floats
    linear: Linear
    at_prior_mean: Floats
    seed: int
    year: int
    runs: int

    @property
    def members(self) -> int:
        """Size of the ensemble."""
        return len(self.state)

    def parameters(self, parameters: EnergyParameters) -> EnergyParameters:
        """Return the parameters that go with `factors`: without the model's own scatter between buildings."""
        return mean_occupants(parameters)

    def factors(self, city: City, member: int) -> Factors:
        """Return the factors of every building of a city.

        Buildings are known by id, groups by use and year class. Groups that the calibrated city did not have inherit
        from their use and year class.

        Parameters
        ----------
        city : City
            The calibrated one, or it after measures.
        member : int
            0: the mean, for a nominal run; 1, 2, …: members of the ensemble, beginning again after the last.
        """
        return Factors(*np.ascontiguousarray(factor_values(self.logarithms(city.buildings, member)).T))

    def logarithms(self, buildings: pd.DataFrame, member: int) -> Floats:
        """Return what `factors` is made of, float64 (n, 7) as in `prior.FIELDS`."""
        index = (member - 1) % self.members + 1 if member else 0
        components, group = components_of(buildings)
        x = components.of_groups(self._parts(components, index))[group]
        own = building_spread(self.scatter[index])
        drawn = building_draw(buildings.index, self.seed, index) * own if index else np.zeros_like(x)
        place = buildings.index.get_indexer(self.metered.ids)
        drawn[place[place >= 0]] = self.own[index, place >= 0]
        if not index:  # the mean of a lognormal factor is above its median
            doubt = self._variance(components)[group] + own**2
            doubt[place[place >= 0]] = 0.0
            x = x + np.where(IN_LOGARITHM, 0.5 * doubt, 0.0)
        return np.asarray(x + drawn)

    def _parts(self, components: Components, index: int) -> Floats:
        """Return the parts of these components in a member, the mean for 0; unknown ones are drawn from the prior."""
        known = {name: k for k, name in enumerate(self.components.names)}
        source = self.state[index - 1] if index else self.state.mean(axis=0)
        drawn = components.draw(self.seed, index) if index else np.zeros((len(components.names), len(FIELDS)))
        return np.stack([source[known[n]] if n in known else drawn[k] for k, n in enumerate(components.names)])

    def _variance(self, components: Components) -> Floats:
        """Return the posterior variance of groups, (groups, 7); that of the prior where a group is unknown."""
        known = dict(zip(self.components.groups, self.posterior_variance, strict=True))
        prior = (components.spread**2)[components.parts].sum(axis=1)
        return np.stack([known.get(group, prior[k]) for k, group in enumerate(components.groups)])

    @property
    def posterior_variance(self) -> Floats:
        """Posterior variance of the factors of groups, float64 (groups, 7)."""
        return np.diagonal(self.group_covariance(), axis1=1, axis2=2).copy()

    @property
    def prior_variance(self) -> Floats:
        """Prior variance of the factors of groups, float64 (groups, 7)."""
        return np.asarray((self.components.spread**2)[self.components.parts].sum(axis=1))

    def group_covariance(self) -> Floats:
        """Return the posterior covariance between the fields of each group, float64 (groups, 7, 7)."""
        return group_covariance(self.covariance, self.components)


def group_covariance(covariance: Floats, components: Components) -> Floats:
    """Return the covariance between the fields of each group, (groups, 7, 7), from that of the parts."""
    size, n = len(components.names), len(FIELDS)
    blocks = covariance.reshape(size, n, size, n)
    out = np.zeros((len(components.groups), n, n))
    for a in range(components.parts.shape[1]):
        for b in range(components.parts.shape[1]):
            out += blocks[components.parts[:, a], :, components.parts[:, b], :]
    return out
