"""Who is reached: direct, indirect or no benefit, winners and losers by group, disparity and energy poverty.

Entities are buildings, households or trips. A gain is above zero where the entity is better off; a difference within
the noise of its paired draws (`twin.decision.distribution.is_noise`) is neither gain nor loss. Everything here is of
one city and not for publication as it is: `twin.decision.suppression` hides small cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.decision.distribution import is_noise
from twin.errors import DataError

Float = NDArray[np.float64]

DIRECTLY, INDIRECTLY, NOT_REACHED = "direct", "indirect", "none"
REACH = (DIRECTLY, INDIRECTLY, NOT_REACHED)
WINNER, LOSER, MIXED, UNCHANGED = "wins", "loses", "mixed", "no change"
OUTCOMES = (WINNER, LOSER, MIXED, UNCHANGED)

QUINTILES = 5
POVERTY_SHARE = 0.10
"""Share of income spent on energy above which a household is poor in energy (Boardman 1991, Fuel Poverty)."""


def entity_gains(
    baseline: pd.DataFrame,
    scenario: pd.DataFrame,
    better: Mapping[str, str],
    sd: pd.DataFrame | None = None,
    least: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return how much better off each entity is by each quantity; noise and trifles are zero.

    Parameters
    ----------
    baseline, scenario : DataFrame
        Result columns of a layer, indexed by entity. Entities that are not in both are left out.
    better : mapping of str to {"lower", "higher"}
        The columns to compare, and which direction is better for the entity.
    sd : DataFrame, optional
        Standard deviation of the paired differences, of the same columns; where it is missing nothing is noise.
    least : mapping of str to float, optional
        The smallest difference of a column that matters to anybody; smaller ones are trifles.

    Raises
    ------
    DataError
        A column that is not there.
    """
    for name in better:
        if name not in baseline.columns or name not in scenario.columns:
            raise DataError(f"the layer has no column {name!r}", expected="a result column of both scenarios")
    common = baseline.index.intersection(scenario.index)
    columns = list(better)
    before, after = (x.loc[common, columns].to_numpy(np.float64) for x in (baseline, scenario))
    sign = np.array([1.0 if better[name] == "higher" else -1.0 for name in columns])
    gain = (after - before) * sign
    if sd is not None:
        spread = sd.reindex(index=common, columns=columns).to_numpy(np.float64)
        gain = np.where(is_noise(gain, spread), 0.0, gain)
    if least is not None:
        gain = np.where(np.abs(gain) < np.array([least.get(name, 0.0) for name in columns]), 0.0, gain)
    return pd.DataFrame(gain + 0.0, index=common, columns=columns)


def classify(gains: pd.DataFrame, treated: NDArray[np.bool_]) -> pd.DataFrame:
    """Return each entity's reach and outcome over all quantities, each entity once.

    An entity that gains by any quantity is reached: directly where a measure acts on it, else indirectly. It wins
    (loses) where it gains (loses) by at least one quantity and loses (gains) by none; both is mixed.

    Parameters
    ----------
    gains : DataFrame (n, k)
        From `entity_gains`.
    treated : bool (n,)
        Whether a measure matched the entity.

    Returns
    -------
    DataFrame
        Indexed like `gains`: reach (one of `REACH`) and outcome (one of `OUTCOMES`).
    """
    values = gains.to_numpy(np.float64)
    up, down = (values > 0.0).any(axis=1), (values < 0.0).any(axis=1)
    reach = np.where(up, np.where(treated, DIRECTLY, INDIRECTLY), NOT_REACHED)
    outcome = np.where(up & down, MIXED, np.where(up, WINNER, np.where(down, LOSER, UNCHANGED)))
    return pd.DataFrame({"reach": reach, "outcome": outcome}, index=gains.index)


def count_outcomes(classes: pd.DataFrame, groups: Any, people: Float | None = None) -> pd.DataFrame:
    """Return people (entities without `people`) by group (rows) and outcome (columns, all of `OUTCOMES`)."""
    weights = np.ones(len(classes)) if people is None else people
    frame = pd.DataFrame({"group": groups, "outcome": classes["outcome"].to_numpy(), "people": weights})
    table = frame.pivot_table(index="group", columns="outcome", values="people", aggfunc="sum", fill_value=0.0)
    return table.reindex(columns=pd.Index(OUTCOMES, name="outcome"), fill_value=0.0)


def quintiles(income: Float, people: Float) -> NDArray[np.int64]:
    """Return each entity's income quintile by people, 1 poorest to 5 richest; entities of one income share one.

    An income's quintile is that of the middle of its people in the order of incomes. Entities without people or
    without a known income are of quintile 0.
    """
    income, people = np.asarray(income, np.float64), np.asarray(people, np.float64)
    known = np.isfinite(income) & (people > 0.0)
    result = np.zeros(len(income), np.int64)
    if not known.any():
        return result
    _, level = np.unique(income[known], return_inverse=True)
    held = np.bincount(level, weights=people[known])
    middle = (np.cumsum(held) - held / 2.0) / held.sum()
    result[known] = np.minimum((middle[level] * QUINTILES).astype(np.int64), QUINTILES - 1) + 1
    return result


def mean_gains(gain: Float, groups: Any, people: Float) -> pd.DataFrame:
    """Return by group the people, their gain in total and the mean gain of a person; `gain` is per entity."""
    frame = pd.DataFrame({"group": groups, "people": people, "gain": gain})
    table = frame.groupby("group", sort=True)[["people", "gain"]].sum()
    mean = table["gain"] / table["people"].where(table["people"] > 0.0)
    return table.assign(mean_gain=mean)


@dataclass(frozen=True)
class Disparity:
    """How the poorest fifth fares beside the richest.

    Attributes
    ----------
    poorest, richest : float
        Mean gain of a person.
    ratio : float
        Poorest to richest, NaN unless both gain or both lose: a ratio of a gain and a loss says nothing.
    reading : str
        What it means in words.
    """

    poorest: float
    richest: float
    ratio: float
    reading: str


def disparity(gain: Float, quintile: NDArray[np.int64], people: Float) -> Disparity:
    """Return the disparity of a gain per entity between the first and the fifth quintile."""
    means = mean_gains(gain, quintile, people)["mean_gain"].reindex([1, QUINTILES])
    poorest, richest = (float(x) for x in means)
    if np.isnan(poorest) or np.isnan(richest):
        return Disparity(poorest, richest, float("nan"), "incomes are not known")
    if poorest * richest > 0.0:
        more = "more" if abs(poorest) > abs(richest) else "less" if abs(poorest) < abs(richest) else "as much"
        word = "gain" if poorest > 0.0 else "lose"
        than = "as" if more == "as much" else "than"
        return Disparity(poorest, richest, poorest / richest, f"the poorest {word} {more} {than} the richest")
    state = {1.0: "gain", -1.0: "lose", 0.0: "stay as they are"}
    reading = f"the poorest {state[np.sign(poorest)]}, the richest {state[np.sign(richest)]}"
    return Disparity(poorest, richest, float("nan"), reading)


def energy_poverty_rate(bill: Float, income: Float, people: Float, *, share: float = POVERTY_SHARE) -> float:
    """Return the share of people whose energy bill is above `share` of their income; NaN without known incomes.

    Entities without known income or bill are not counted; an income of zero with a bill is poor.
    """
    known = np.isfinite(bill) & np.isfinite(income) & (people > 0.0)
    total = float(np.sum(people[known]))
    if total == 0.0:
        return float("nan")
    return float(np.sum(people[known & (bill > share * income)]) / total)


def twice_median_rate(bill: Float, income: Float, people: Float) -> float:
    """Return the share of people who spend more than twice the median share of income on energy (2M).

    Indicator 2M of the EU Energy Poverty Observatory: Thema and Vondung 2020, EPOV Indicator Dashboard: Methodology
    Guidebook. The median is over people with an income above zero.
    """
    known = np.isfinite(bill) & np.isfinite(income) & (people > 0.0) & (income > 0.0)
    if not known.any():
        return float("nan")
    spent, weight = bill[known] / income[known], people[known]
    order = np.argsort(spent, kind="stable")
    reached = np.cumsum(weight[order])
    median = spent[order][np.searchsorted(reached, reached[-1] / 2.0)]
    return float(weight[spent > 2.0 * median].sum() / weight.sum())
