"""How firm a choice is: win shares over sampled weights, Pareto set, and conflicts between the three bottom lines.

Nobody knows the right weights of criteria, so all are tried: weights are drawn evenly from the simplex, and a
scenario's share of wins says how much of the room of weights favours it (stochastic multicriteria acceptability
analysis: Lahdelma, Hokkanen and Salminen 1998, doi 10.1016/S0377-2217(97)00163-X).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin import random
from twin.decision.compare import BETTER, NOT_MODELLED, WORSE
from twin.errors import StudyError

Float = NDArray[np.float64]

SAMPLES = 10_000
TIE = 1e-12
"""Weighted scores this close share the win."""

ECONOMIC, ENVIRONMENTAL, SOCIAL = "economic", "environmental", "social"
LINES = (ECONOMIC, ENVIRONMENTAL, SOCIAL)
BOTTOM_LINE: dict[str, str] = {
    "energy_cost_eur_a": ECONOMIC,
    "consumer_surplus_eur_a": ECONOMIC,
    "total_co2_t_a": ENVIRONMENTAL,
    "traffic_nox_kg_a": ENVIRONMENTAL,
    "traffic_pm25_kg_a": ENVIRONMENTAL,
    "nox_exposure": SOCIAL,
    "people_lden_55": SOCIAL,
    "injuries_a": SOCIAL,
    "overheating_h": SOCIAL,
    "jobs_30min": SOCIAL,
}
"""The bottom line of KPIs where a study says nothing else (assumption); none of them contains another."""

NOT_KNOWN, MIXED = "not distinguishable", "mixed"


def sample_weights(criteria: Sequence[str], seed: int, samples: int = SAMPLES) -> Float:
    """Return weights drawn evenly from the simplex, float64 (samples, len(criteria)); each row sums to one.

    Exponential numbers divided by their sum (Devroye 1986, Non-Uniform Random Variate Generation, chapter 5.2), keyed
    by the names of the criteria: their order does not matter.
    """
    if len(set(criteria)) < len(criteria) or not criteria:
        raise StudyError("criteria need names of their own", expected="one or more different names")
    drawn = -np.log(random.uniform(seed, "decision.weights", random.entity_keys(criteria), n=samples)).T
    # added in the order of the names, so that another order of criteria gives the same bits
    total = drawn[:, np.argsort(np.array(criteria))].cumsum(axis=1)[:, -1:]
    return np.asarray(drawn / total)


def win_shares(scores: Float, weights: Float) -> Float:
    """Return the share of weights, and of draws, under which each scenario has the best weighted score.

    Parameters
    ----------
    scores : float64 (s, k) or (d, s, k)
        Score of scenarios by criterion, higher is better; optionally by draw. Each criterion is scaled to run from 0
        (its worst) to 1 (its best) over all scenarios and draws; one that does not differ counts for nothing.
    weights : float64 (w, k)

    Returns
    -------
    float64 (s,)
        Sums to one. Ties share a win.
    """
    cube = np.asarray(scores, np.float64)
    cube = cube[None] if cube.ndim == 2 else cube
    if not np.isfinite(cube).all():
        raise StudyError("a criterion has no value in some scenario", expected="a finite score of every scenario")
    low, high = cube.min(axis=(0, 1)), cube.max(axis=(0, 1))
    span = np.where(high > low, high - low, 1.0)
    wins = np.zeros(cube.shape[1])
    for one in (cube - low) / span:
        total = weights @ one.T
        best = total >= total.max(axis=1, keepdims=True) - TIE
        wins += (best / best.sum(axis=1, keepdims=True)).sum(axis=0)
    return np.asarray(wins / wins.sum())


def pareto(scores: Float, noise: Float | None = None) -> NDArray[np.bool_]:
    """Return which scenarios no other one dominates: as good by every criterion, and better by one.

    With noise, scenarios may dominate one another in a ring (A as good as B within the noise, and so on): those of a
    ring do not shut one another out, so that the set is never empty.

    Parameters
    ----------
    scores : float64 (s, k)
        Higher is better.
    noise : float64 (k,), optional
        Differences up to this are none: a scenario that is better only within the noise dominates nothing, and one
        that is worse only within the noise is as good.

    Returns
    -------
    bool (s,)
    """
    x = np.asarray(scores, np.float64)
    limit = np.zeros(x.shape[1]) if noise is None else np.asarray(noise, np.float64)
    ahead = x[:, None, :] - x[None, :, :]
    dominates = np.asarray((ahead >= -limit).all(axis=2) & (ahead > limit).any(axis=2))
    reaches = dominates.copy()
    for k in range(len(x)):  # transitive closure, Warshall 1962, doi 10.1145/321105.321107
        reaches |= reaches[:, k, None] & reaches[None, k, :]
    return np.asarray(~(dominates & ~reaches.T).any(axis=0))


def bottom_lines(
    kpis: pd.DataFrame, lines: Mapping[str, str] = BOTTOM_LINE, *, ledger: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Return what each scenario does to the economic, environmental and social bottom line.

    Parameters
    ----------
    kpis : DataFrame
        The table of `twin.decision.compare.compare`, without or with the baseline.
    lines : mapping of str to str
        The bottom line of each KPI that counts.
    ledger : mapping of str to str, optional
        Verdict on the money of all actors together by scenario: it counts for the economic line, which without it
        holds yearly costs and no investment.

    Returns
    -------
    DataFrame
        Indexed by scenario, one column per line: "better" or "worse" where all KPIs that can be told from noise agree,
        "mixed" where they do not, "not distinguishable" where none can be told, "not modelled" without any KPI.
    """
    counted = kpis[kpis["kpi"].isin(list(lines))]
    rows = {}
    for scenario, part in counted.groupby("scenario", sort=False):
        if not part["verdict"].eq(scenario).all():  # the baseline's verdict is its name
            row = {line: part.loc[part["kpi"].map(lines) == line, "verdict"] for line in LINES}
            found = {line: set(verdicts) for line, verdicts in row.items()}
            if ledger is not None and scenario in ledger:
                found[ECONOMIC].add(ledger[str(scenario)])
            rows[str(scenario)] = {line: _line_verdict(verdicts) for line, verdicts in found.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(LINES)).rename_axis("scenario")


def _line_verdict(verdicts: set[str]) -> str:
    if not verdicts:
        return NOT_MODELLED
    told = verdicts & {BETTER, WORSE}
    return NOT_KNOWN if not told else told.pop() if len(told) == 1 else MIXED


def conflicts(lines: pd.DataFrame) -> pd.DataFrame:
    """Return where one bottom line gets better and another worse: scenario, better, worse, text."""
    rows = [
        (scenario, good, bad, f"{good} better, {bad} worse")
        for scenario, row in lines.iterrows()
        for good in LINES
        for bad in LINES
        if row[good] == BETTER and row[bad] == WORSE
    ]
    return pd.DataFrame(rows, columns=["scenario", "better", "worse", "text"])
