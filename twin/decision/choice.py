"""How firm a choice of scenario is: win shares over weights of criteria and of stakeholders, and the Pareto set.

The criteria are the KPIs of the three bottom lines. Where there is a ledger, the present value of all actors whose gain
is money stands in place of the yearly economic KPIs that it counts: these hold no investment, and what one actor saves
at another's cost would look like a gain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.decision import finance, ledger, robustness, valuation
from twin.decision.actors import one_name
from twin.decision.canvas import Canvas
from twin.decision.compare import QUANTILES
from twin.scenario.output import MINIMUM_DRAWS
from twin.scenario.payments import BILLS
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

Float = NDArray[np.float64]
Books = Mapping[str, ledger.Ledger]

LEDGER = "present value of money"
"""The criterion in place of the economic KPIs that the ledger counts."""


def choice_of(run: Run, canvas: Canvas, table: pd.DataFrame, draws: pd.DataFrame, books: Books) -> pd.DataFrame:
    """Return win shares and the Pareto set of the scenarios and the baseline.

    Parameters
    ----------
    run : Run
    canvas : Canvas
    table : DataFrame
        As `twin.decision.compare.compare` returns it.
    draws : DataFrame
        scenario, draw, quantity, value.
    books : mapping of str to Ledger
        By scenario; empty without accounts.

    Returns
    -------
    DataFrame
        Indexed by scenario, the baseline first: wins, wins_stakeholders (NaN without accounts), pareto.
    """
    alternatives, seed = [BASELINE, *run.info["scenarios"]], int(run.info["seed"])
    choice = pd.DataFrame(index=pd.Index(alternatives, name="scenario"))
    better = {str(row["kpi"]): str(row["better"]) for row in table.to_dict("records")}
    criteria = _criteria(better, books)
    if not criteria:
        return choice.assign(wins=np.nan, wins_stakeholders=np.nan, pareto=False)
    cube = _scores(draws, alternatives, criteria, better)
    if books:
        cube = np.concatenate([cube, _money_scores(draws, alternatives, canvas, books)[:, :, None]], axis=2)
        criteria = [*criteria, LEDGER]
    sampled = _sampled(cube)
    choice["wins"] = robustness.win_shares(sampled, robustness.sample_weights(criteria, seed))
    choice["wins_stakeholders"] = _stakeholder_wins(draws, alternatives, canvas, books, seed)
    noise = None
    if len(sampled) >= MINIMUM_DRAWS:
        low, high = np.quantile(sampled - sampled[:, :1], QUANTILES, axis=0)
        noise = ((high - low) / 2.0).max(axis=0)
    return choice.assign(pareto=robustness.pareto(cube[0], noise))


def positions_by_sample(
    book: ledger.Ledger, amounts: Float, rate: float, names: Mapping[str, str], actors: list[str]
) -> Float:
    """Return the present value of every actor's position in every sample, float64 (samples, actors).

    `amounts` is float64 (samples, lines), `names` the actor of each party.
    """
    payer, gainer = book.parties(names)
    factor = finance.npv(rate, book.profile)
    sign = np.array([(gainer == a).astype(float) - (payer == a) for a in actors]).reshape(len(actors), len(factor))
    return np.asarray(amounts @ (sign * factor).T)


def _criteria(better: Mapping[str, str], books: Books) -> list[str]:
    """Return the KPIs that count beside the ledger: it counts the energy cost of all where it counts that of owners."""
    counted = {kpi for book in books.values() for kpi in book.lines["kpi"]}
    if counted & set(BILLS):
        counted.add("energy_cost_eur_a")
    lines = robustness.BOTTOM_LINE.items()
    return [k for k, line in lines if k in better and not (line == robustness.ECONOMIC and k in counted)]


def _scores(draws: pd.DataFrame, alternatives: list[str], criteria: list[str], better: Mapping[str, str]) -> Float:
    """Return scores, higher is better, float64 (draws, alternatives, criteria), draw 0 first."""
    wanted = draws[draws["quantity"].isin(criteria)]
    cube = wanted.pivot(index="draw", columns=["scenario", "quantity"], values="value").sort_index()
    sign = np.array([1.0 if better[k] == "higher" else -1.0 for k in criteria])
    return np.stack([cube[s][criteria].to_numpy(np.float64) * sign for s in alternatives], axis=1)


def _money_scores(draws: pd.DataFrame, alternatives: list[str], canvas: Canvas, books: Books) -> Float:
    """Return the present value of all actors whose gain is money, float64 (draws, alternatives), draw 0 first."""
    names = one_name(canvas)
    parties = {str(name) for book in books.values() for side in book.parties(names) for name in side}
    paid = [a for a in sorted(parties - {ledger.OUTSIDE}) if a not in canvas.actors or canvas.actors[a].can_pay]
    return _positions(draws, alternatives, canvas, books, paid).sum(axis=2)


def _stakeholder_wins(draws: pd.DataFrame, alternatives: list[str], canvas: Canvas, books: Books, seed: int) -> Float:
    """Return the win shares where stakeholders' present values are the criteria and their weights are not known."""
    holders = [name for name, actor in canvas.actors.items() if actor.weight > 0.0]
    if not books or not holders:
        return np.full(len(alternatives), np.nan)
    cube = _sampled(_positions(draws, alternatives, canvas, books, holders))
    return robustness.win_shares(cube, robustness.sample_weights(holders, seed))


def _positions(draws: pd.DataFrame, alternatives: list[str], canvas: Canvas, books: Books, actors: list[str]) -> Float:
    """Return present values of actors' positions, float64 (draws, alternatives, actors), draw 0 first."""
    names, rate = one_name(canvas), canvas.accounts.discount_rate if canvas.accounts else 0.0
    cube = np.zeros((draws["draw"].nunique(), len(alternatives), len(actors)))
    for k, scenario in enumerate(alternatives):
        if scenario != BASELINE:
            book = books[scenario]
            amounts = book.lines["amount"].to_numpy(np.float64)[None]
            if len(cube) > 1:
                amounts = np.concatenate([amounts, valuation.amounts_by_draw(book.lines, draws, scenario)])
            cube[:, k] = positions_by_sample(book, amounts, rate, names, actors)
    return cube


def _sampled(cube: Float) -> Float:
    """Return the draws beside the nominal one, or that alone where there are none."""
    return cube[1:] if len(cube) > 1 else cube
