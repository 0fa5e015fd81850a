"""Costs shared between cities: development once, deployment with learning, splits, and who would rather leave.

A group of cities that develop together pay for the development once and learn from one another's deployment. A split is
stable when no sub-group could do the same for less on its own: then it lies in the core of the cost game (H. P. Young,
Cost Allocation, Handbook of Game Theory 2, 1994, chapter 34). Groups are numbered by bits: city ``i`` is in group ``g``
when ``g >> i & 1``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog

from twin.errors import StudyError

Float = NDArray[np.float64]

MOST_CITIES = 16
"""All groups of more cities are too many to list."""


@dataclass(frozen=True)
class SharedCosts:
    """What a service costs that several cities introduce.

    Parameters
    ----------
    development : float
        Cost of developing it, once for a group however large.
    unit : float
        Cost of the first unit deployed.
    units : mapping of str to float
        Units that each city deploys (sensors, buildings, vehicles).
    running : mapping of str to float
        Present value of each city's own running costs.
    learning_rate : float
        Part by which the mean cost of a unit falls with every doubling of the units that a group has deployed (Wright
        1936, doi 10.2514/8.155: 0.2 for aircraft).
    """

    development: float
    unit: float
    units: Mapping[str, float]
    running: Mapping[str, float]
    learning_rate: float = 0.0

    @property
    def cities(self) -> list[str]:
        """The cities, in the order of their units."""
        return list(self.units)


def group_costs(costs: SharedCosts) -> Float:
    """Return what each group pays by itself, float64 (2**n,); nothing for the empty group.

    Deployment of `Q` units costs ``unit * Q ** (1 + log2(1 - learning_rate))``, which is Wright's cumulative mean. No
    group pays less than one unit's cost for less than one unit.

    Raises
    ------
    StudyError
        Too many cities, a cost or number of units below zero, or a learning rate outside 0 to below 1.
    """
    n = len(costs.cities)
    if not 1 <= n <= MOST_CITIES:
        raise StudyError(f"costs of {n} cities cannot be shared", expected=f"1 to {MOST_CITIES} cities")
    if set(costs.running) != set(costs.units):
        raise StudyError("running costs and units name different cities", expected="one of each for every city")
    units = np.array([costs.units[c] for c in costs.cities], float)
    running = np.array([costs.running[c] for c in costs.cities], float)
    numbers = np.concatenate([units, running, [costs.development, costs.unit]])
    if not (np.isfinite(numbers).all() and (numbers >= 0.0).all()):
        raise StudyError("costs and units must be finite and not below zero")
    if not 0.0 <= costs.learning_rate < 1.0:
        raise StudyError(f"the learning rate {costs.learning_rate!r} cannot be used", expected="0 to below 1")
    member = members(n)
    deployed = member @ units
    exponent = np.log2(1.0 - costs.learning_rate)
    # the first unit is the dearest: below one unit there is nothing to learn from
    deployment = costs.unit * deployed * np.maximum(deployed, 1.0) ** exponent
    return np.asarray(np.where(member.any(axis=1), costs.development, 0.0) + deployment + member @ running)


def members(n: int) -> Float:
    """Return which of n cities are in each group, 0 or 1, float64 (2**n, n)."""
    return ((np.arange(2**n)[:, None] >> np.arange(n)[None, :]) & 1).astype(np.float64)


def _players(cost: Float) -> int:
    n = len(cost).bit_length() - 1
    if len(cost) != 2**n or n < 1:
        raise StudyError(f"{len(cost)} costs are not those of all groups", expected="2**n costs of n cities")
    return n


def equal_split(cost: Float) -> Float:
    """Return the same share of the whole group's cost for all, float64 (n,)."""
    n = _players(cost)
    return np.full(n, cost[-1] / n)


def per_capita_split(cost: Float, people: Float) -> Float:
    """Return shares of the whole group's cost by population, float64 (n,)."""
    people = np.asarray(people, np.float64)
    if not (len(people) == _players(cost) and (people >= 0.0).all() and people.sum() > 0.0):
        raise StudyError("populations cannot be used", expected="one number of 0 or more for every city")
    return np.asarray(cost[-1] * people / people.sum())


def shapley_split(cost: Float) -> Float:
    """Return each city's mean extra cost over all orders of joining, float64 (n,): the Shapley value.

    L. S. Shapley, A value for n-person games, Contributions to the Theory of Games II, 1953. Exact, over all groups.
    """
    n = _players(cost)
    group = np.arange(2**n)
    size = members(n).sum(axis=1).astype(np.int64)
    weight = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in range(n)])
    value = np.empty(n)
    for i in range(n):
        without = group[(group >> i) & 1 == 0]
        value[i] = weight[size[without]] @ (cost[without | (1 << i)] - cost[without])
    return value


def leavers(cost: Float, split: Float, cities: Sequence[str], *, tolerance: float = 1e-9) -> pd.DataFrame:
    """Return the groups that would pay less by themselves, the largest gain first; none when the split is in the core.

    Parameters
    ----------
    cost : float64 (2**n,)
    split : float64 (n,)
        What each city pays.
    cities : sequence of str
    tolerance : float
        Part of the whole cost below which a gain is rounding.

    Returns
    -------
    DataFrame
        group (names, joined by commas), cities (how many), pays, alone, gain.
    """
    n = _players(cost)
    member = members(n)
    pays = member @ split
    gain = pays - cost
    # the whole group cannot leave itself
    better = np.flatnonzero(gain[:-1] > tolerance * abs(cost[-1]))
    rows = [
        (", ".join(c for i, c in enumerate(cities) if g >> i & 1), int(member[g].sum()), pays[g], cost[g], gain[g])
        for g in better[np.argsort(-gain[better], kind="stable")]
    ]
    return pd.DataFrame(rows, columns=["group", "cities", "pays", "alone", "gain"])


def least_core(cost: Float) -> tuple[Float, float]:
    """Return the split whose most discontented group gains least by leaving, and that gain.

    A gain of zero or less means that the core is not empty: there is a split that nobody wants to leave (Maschler,
    Peleg and Shapley 1979, doi 10.1287/moor.4.4.303). For one city the gain is minus infinity: nobody can leave.
    """
    n = _players(cost)
    scale = float(np.abs(cost).max()) or 1.0
    if n == 1:
        return np.array([cost[1]]), -np.inf
    proper = members(n)[1:-1]
    solved = linprog(
        np.append(np.zeros(n), 1.0),
        A_ub=np.hstack([proper, -np.ones((len(proper), 1))]),
        b_ub=cost[1:-1] / scale,
        A_eq=np.append(np.ones(n), 0.0)[None, :],
        b_eq=[cost[-1] / scale],
        bounds=(None, None),
        method="highs",
    )
    found = np.asarray(solved.x) * scale  # always solvable: any split will do if the gain is large enough
    return found[:n], float(found[n])


def compare_splits(costs: SharedCosts, people: Mapping[str, float]) -> pd.DataFrame:
    """Return what each city pays alone and under each split, and how many groups would leave it.

    Returns
    -------
    DataFrame
        One row per city and a row ``leavers``: alone, equal, per_capita, shapley, stable (the least core).
    """
    cost, cities = group_costs(costs), costs.cities
    splits = {
        "equal": equal_split(cost),
        "per_capita": per_capita_split(cost, np.array([people[c] for c in cities], float)),
        "shapley": shapley_split(cost),
        "stable": least_core(cost)[0],
    }
    table = pd.DataFrame({"alone": cost[2 ** np.arange(len(cities))], **splits}, index=pd.Index(cities, name="city"))
    leaving = {name: float(len(leavers(cost, split, cities))) for name, split in splits.items()}
    table.loc["leavers"] = pd.Series({"alone": 0.0, **leaving})
    return table
