"""The linear algebra of the smoother: many buildings, each with a few readings, on few shared parameters.

Ensemble smoother with multiple data assimilation (Emerick and Reynolds 2013, doi 10.1016/j.cageo.2012.03.011): the
readings are assimilated several times with their errors inflated, each time after new forward runs. The ensemble gives
the sensitivity of each building's readings to its own seven factors by regression. As these seven are a known sum of
independent parts (`twin.energy.calibration.prior`), the covariances follow from the prior without sampling error:
nothing needs localisation or inflation, and the spread cannot collapse. Scatter between buildings is integrated out:
it enters the errors of the readings, correlated within a building.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from twin.energy.calibration.observed import SLOTS
from twin.energy.calibration.prior import FIELDS, SCATTER_SD, Components, Floats, Ints, building_spread

N = len(FIELDS)
SCALES = np.exp(np.linspace(np.log(0.4), np.log(3.0), 9))
"""Scales of the scatter between buildings that are compared."""
RIDGE = 1e-8


class Linear(NamedTuple):
    """The readings of buildings, linear in their factors.

    Parameters
    ----------
    slope : float64 (buildings, k, 7)
        0 where a reading is missing.
    noise : float64 (buildings, k)
        Standard deviation of the reading and of what the model cannot say of a building; 1 where it is missing.
    there : bool (buildings, k)
    group : int64 (buildings,)
    """

    slope: Floats
    noise: Floats
    there: np.ndarray
    group: Ints


def regression(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return slopes (buildings, k, 7) and the residuals' standard deviation (buildings, k) of outputs on factors.

    Parameters
    ----------
    x : float64 (members, buildings, 7)
    y : float64 (members, buildings, k)
    """
    members = len(x)
    dx, dy = x - x.mean(axis=0), y - y.mean(axis=0)
    normal = np.einsum("jbf,jbg->bfg", dx, dx)
    normal += RIDGE * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(N)
    slope = np.linalg.solve(normal, np.einsum("jbf,jbk->bfk", dx, dy)).transpose(0, 2, 1)
    rest = dy - np.einsum("bkf,jbf->jbk", slope, dx)
    return slope, np.sqrt((rest**2).sum(axis=0) / max(members - N - 1, 1))


def weights(linear: Linear, scatter: Floats) -> Floats:
    """Return the inverse error covariance of each building's readings, (buildings, k, k); 0 where missing."""
    own = building_spread(scatter)
    error = np.einsum("bkf,blf->bkl", linear.slope * own**2, linear.slope)
    k = error.shape[1]
    error[:, np.arange(k), np.arange(k)] += linear.noise**2
    inverse = np.linalg.inv(error)
    both = linear.there[:, :, None] & linear.there[:, None, :]
    return np.where(both, inverse, 0.0)


def information(linear: Linear, weight: Floats, components: Components) -> Floats:
    """Return the precision that the readings add to the parts, (components · 7, components · 7)."""
    per_building = np.einsum("bkf,bkl,blg->bfg", linear.slope, weight, linear.slope)
    per_group = np.zeros((len(components.groups), N, N))
    np.add.at(per_group, linear.group, per_building)
    size = len(components.names)
    out = np.zeros((size, N, size, N))
    for parts, block in zip(components.parts, per_group, strict=True):
        for a in parts:
            for b in parts:
                out[a, :, b, :] += block
    return out.reshape(size * N, size * N)


def pull(linear: Linear, weight: Floats, components: Components, residual: Floats) -> Floats:
    """Return the slope of the log likelihood by the parts, (…, components · 7), for residuals (…, buildings, k)."""
    per_building = np.einsum("bkf,bkl,...bl->...bf", linear.slope, weight, residual)
    buildings_first = np.moveaxis(per_building, -2, 0)
    out = np.zeros((len(components.names), *buildings_first.shape[1:]))
    for k in range(components.parts.shape[1]):
        np.add.at(out, components.parts[linear.group, k], buildings_first)
    return np.moveaxis(out, 0, -2).reshape(*per_building.shape[:-2], -1)


def prior_precision(components: Components) -> Floats:
    """Return the prior precision of the parts, diagonal."""
    return np.diag(1.0 / components.spread.ravel() ** 2)


def log_evidence(linear: Linear, components: Components, residual: Floats, scatter: Floats) -> float:
    """Return the log of how probable the readings are for scales of the scatter, constants left out.

    Parameters
    ----------
    residual : float64 (buildings, k)
        Readings less what the model says at the prior mean, by its linearisation.
    """
    weight = weights(linear, scatter)
    precision = prior_precision(components)
    posterior = precision + information(linear, weight, components)
    h = pull(linear, weight, components, residual)
    lower = cho_factor(posterior, lower=True)
    size = np.arange(weight.shape[1])
    filled = weight.copy()
    filled[:, size, size] += ~linear.there
    log_weight = np.linalg.slogdet(filled)[1].sum()
    log_ratio = 2.0 * np.log(np.diag(lower[0])).sum() - np.log(np.diag(precision)).sum()
    misfit = np.einsum("bk,bkl,bl->", residual, weight, residual) - h @ cho_solve(lower, h)
    return float(0.5 * (log_weight - log_ratio - misfit))


def scatter_posterior(linear: Linear, components: Components, residual: Floats) -> tuple[Floats, Floats]:
    """Return the grid of scales (81, 2) of the scatter between buildings, and their probabilities (81,).

    Only the first outputs, the sums, are asked: how far the shares of months differ depends more on what their error is
    taken to be than on the buildings.
    """
    k = len(SLOTS)
    linear = Linear(linear.slope[:, :k], linear.noise[:, :k], linear.there[:, :k], linear.group)
    residual = residual[:, :k]
    grid = np.array([(a, b) for a in SCALES for b in SCALES])
    log_prior = -0.5 * (np.log(grid) ** 2).sum(axis=1) / SCATTER_SD**2
    log_p = log_prior + [log_evidence(linear, components, residual, scales) for scales in grid]
    p = np.exp(log_p - log_p.max())
    return grid, p / p.sum()
