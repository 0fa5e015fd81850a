"""The shared programme of a canvas: what each city pays under each split, and who would rather leave.

A programme is developed once and deployed by several cities that learn from one another. Development and deployment are
paid at once; running costs begin when the key activities are done and are present values over the years of the
canvas's accounts (`twin.decision.sharing` shares them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from twin.decision import finance, sharing, staging
from twin.decision.canvas import Accounts, Canvas
from twin.decision.canvas_sections import SharedProgramme
from twin.decision.tasks import MONTHS, months_to_benefit
from twin.errors import StudyError

SPLITS = ("equal", "per_capita", "shapley", "stable")
LEAVER_COLUMNS = ["split", "group", "cities", "pays", "alone", "gain"]


@dataclass(frozen=True)
class Programme:
    """What a programme costs several cities together; sums are present values in EUR.

    Attributes
    ----------
    labels : dict of str to str
        The members, and what they are called.
    shares : DataFrame
        Indexed by member: people, units, alone (what it would pay by itself), then what it pays under each of
        `SPLITS`. Each split sums to `total`.
    leavers : DataFrame
        The groups that would pay less by themselves, by split: split, group (members, joined by commas), cities (how
        many), pays, alone, gain; the largest gain of a split first.
    stays : dict of str to bool
        Whether nobody gains by leaving, by split. Where even the least core (``stable``) has leavers, no split holds
        the group together.
    total, low, high : float
        What the whole group pays, and its range from those of development and of a unit, at the same end both.
    saving : float
        What the group pays less than its members by themselves.
    """

    labels: dict[str, str]
    shares: pd.DataFrame
    leavers: pd.DataFrame
    stays: dict[str, bool]
    total: float
    low: float
    high: float
    saving: float


def programme(canvas: Canvas) -> Programme | None:
    """Return the shared programme of a canvas, None where it has none.

    Raises
    ------
    StudyError
        The canvas has no accounts, or costs that cannot be used.
    """
    stated = canvas.shared_programme
    if stated is None:
        return None
    if canvas.accounts is None:
        raise StudyError(
            "the shared programme cannot be counted: the canvas has no section `accounts`",
            expected="first_year, years, discount_rate, promoter",
        )
    running = _running_factor(canvas.accounts, months_to_benefit(canvas) or 0.0)
    costs = _costs(stated, stated.development_eur.value, stated.unit_eur.value, running)
    people = {name: member.people for name, member in stated.members.items()}
    table = sharing.compare_splits(costs, people).drop(index="leavers")
    table.insert(0, "people", pd.Series(people, dtype=float))
    table.insert(1, "units", pd.Series(dict(costs.units), dtype=float))
    cost = sharing.group_costs(costs)
    leavers = _leavers(cost, table, costs.cities)
    low, high = (
        float(sharing.group_costs(_costs(stated, *ends, running))[-1])
        for ends in (
            (stated.development_eur.low, stated.unit_eur.low),
            (stated.development_eur.high, stated.unit_eur.high),
        )
    )
    return Programme(
        {name: member.label for name, member in stated.members.items()},
        table.rename_axis("member"),
        leavers,
        {split: split not in set(leavers["split"]) for split in SPLITS},
        float(cost[-1]),
        low,
        high,
        float(table["alone"].sum() - cost[-1]),
    )


def _running_factor(accounts: Accounts, months: float) -> float:
    """Return the present value of a euro a year from the end of the key activities to that of the accounts."""
    calendar = accounts.first_year + np.arange(accounts.years, dtype=np.float64)
    start = np.array([accounts.first_year + months / MONTHS])
    service = staging.in_service(start, calendar, staging.AT_ONCE, np.array([np.inf]))
    return float(finance.npv(accounts.discount_rate, service[0]))


def _costs(stated: SharedProgramme, development: float, unit: float, running: float) -> sharing.SharedCosts:
    return sharing.SharedCosts(
        development,
        unit,
        {name: member.units for name, member in stated.members.items()},
        {name: running * member.running_eur_a for name, member in stated.members.items()},
        stated.learning_rate,
    )


def _leavers(cost: sharing.Float, table: pd.DataFrame, cities: list[str]) -> pd.DataFrame:
    """Return the groups that gain by leaving each split."""
    # the least core is solved to a tolerance: what it leaves above that is rounding
    parts = [
        sharing.leavers(cost, table[split].to_numpy(np.float64), cities, tolerance=1e-7).assign(split=split)
        for split in SPLITS
    ]
    return pd.concat(parts, ignore_index=True)[LEAVER_COLUMNS]
