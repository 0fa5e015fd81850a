"""The decision that a run leads to: canvas, claims, ledger, vetoes, robustness, incidence and footprint in one object.

Pages, the command line and tests read all they show from `Decision`; nothing is computed again elsewhere. Everything
that rests on money needs the canvas's ``accounts``; without them the parts on money are empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from twin.decision import ledger, robustness, valuation
from twin.decision.actors import one_name
from twin.decision.canvas import Accounts, Canvas
from twin.decision.canvas_file import canvas_of
from twin.decision.canvas_lines import ledger_lines
from twin.decision.choice import choice_of, positions_by_sample
from twin.decision.compare import BETTER, NOT_DISTINGUISHABLE, QUANTILES, WORSE, compare
from twin.decision.elasticity import Elasticity, read_elasticity
from twin.decision.footprint import CO2, Footprint, footprint
from twin.decision.incomes import kept_incomes
from twin.decision.overview import Overview, overview
from twin.decision.pilot import SmartZone, smart_zone
from twin.decision.programme import Programme, programme
from twin.decision.reach import Incidence, incidence_of
from twin.decision.sensitivity import Sensitivity, read_sensitivity
from twin.decision.transfers import PASSES, UNPAYABLE, Transfers, price_of_delay, smallest_transfers, veto_test
from twin.scenario.output import MINIMUM_DRAWS

if TYPE_CHECKING:
    from twin.scenario.store import Run

Lines = list[ledger.Line]


@dataclass(frozen=True)
class Money:
    """The ledger of one scenario and all that follows from it; sums are present values in EUR.

    Attributes
    ----------
    book : Ledger
    notes : list of str
        What the ledger does not count, and why.
    positions : DataFrame
        Indexed by actor: value, low, high (90 % interval; NaN without draws). With `OUTSIDE` the values sum to zero.
    matrix : DataFrame
        Payers (rows) by gainers (columns).
    cases : DataFrame
        The three business cases (`twin.decision.ledger.business_cases`), with npv_low and npv_high.
    pockets : Pockets
    transfers : Transfers
        The smallest that leave no actor worse off.
    delay : Series
        What a year of delay costs each actor.
    """

    book: ledger.Ledger
    notes: list[str]
    positions: pd.DataFrame
    matrix: pd.DataFrame
    cases: pd.DataFrame
    pockets: ledger.Pockets
    transfers: Transfers
    delay: pd.Series

    def told(self) -> pd.Series:
        """Return the positions of actors whose interval lies on one side of zero; of all where there is none."""
        own = self.positions.drop(index=ledger.OUTSIDE, errors="ignore")
        inside = (own["low"] <= 0.0) & (own["high"] >= 0.0)
        return own.loc[~inside, "value"]

    def told_cases(self) -> list[str]:
        """Return the business cases whose interval lies on one side of zero; all where there is none."""
        inside = (self.cases["npv_low"] <= 0.0) & (self.cases["npv_high"] >= 0.0)
        return list(self.cases.index[~inside])


@dataclass(frozen=True)
class Decision:
    """All that a run says to the decision.

    Attributes
    ----------
    run : Run
    overview : Overview
        Canvas, state of its blocks, claims and their verdicts.
    table : DataFrame
        The KPI table (`twin.decision.compare.compare`).
    money : dict of str to Money
        By scenario; empty without accounts.
    vetoes : DataFrame
        Of `veto_test`: scenario, actor, position, compensation, paid_by, outcome; `stated` is the compensation that the
        canvas offers (NaN where none).
    choice : DataFrame
        Indexed by scenario, the baseline too: wins (share of weights of criteria and draws under which it is best; the
        criteria are the KPIs of the bottom lines, for the economic one the ledger's money where there is one),
        wins_stakeholders (the same for weights of stakeholders and their positions; NaN without accounts), pareto.
    lines : DataFrame
        What each scenario does to the three bottom lines (`robustness.bottom_lines`).
    conflicts : DataFrame
        Where one bottom line gets better and another worse.
    labels : dict of str to str
        Names of the baseline and the scenarios for readers.
    reach : dict of str to Incidence
        By scenario: whom it reaches, and who wins and loses.
    footprint : Footprint or None
        Of devices and computing; None where the canvas states neither.
    pilot : SmartZone or None
    programme : Programme or None
    sensitivity : Sensitivity or None
        What ``twin sensitivity`` left in the run folder.
    elasticity : Elasticity or None
        The same, where the elasticity of demand was varied.
    """

    run: Run
    overview: Overview
    table: pd.DataFrame
    money: dict[str, Money]
    vetoes: pd.DataFrame
    choice: pd.DataFrame
    lines: pd.DataFrame
    conflicts: pd.DataFrame
    labels: dict[str, str] = field(default_factory=dict)
    reach: dict[str, Incidence] = field(default_factory=dict)
    footprint: Footprint | None = None
    pilot: SmartZone | None = None
    programme: Programme | None = None
    sensitivity: Sensitivity | None = None
    elasticity: Elasticity | None = None

    @property
    def canvas(self) -> Canvas:
        """The canvas of the study."""
        return self.overview.canvas

    @property
    def scenarios(self) -> list[str]:
        """The scenarios, without the baseline."""
        return list(self.run.info["scenarios"])

    @cached_property
    def actor_labels(self) -> dict[str, str]:
        """Names of actors for readers, by the names that ledgers know them by."""
        known = {a.id or a.label: a.label for a in self.overview.actors}
        return known | {ledger.OUTSIDE: "everybody else"}

    def in_doubt(self, scenario: str) -> list[str]:
        """Return the veto holders that pass by nominal values, but whose interval reaches below zero."""
        mine = self.vetoes[(self.vetoes["scenario"] == scenario) & (self.vetoes["outcome"] == PASSES)]
        low = self.money[scenario].positions["low"] if scenario in self.money else pd.Series(dtype=float)
        return [str(actor) for actor in mine["actor"] if low.get(actor, 0.0) < 0.0]

    def kpi(self, scenario: str, name: str) -> dict[str, Any] | None:
        """Return the row of a KPI in a scenario, None where the run has none."""
        found = self._rows.get((scenario, name))
        return None if found is None else dict(found)

    @cached_property
    def _rows(self) -> dict[tuple[str, str], dict[str, Any]]:
        rows = self.table.to_dict("records")
        return {(str(r["scenario"]), str(r["kpi"])): {str(k): v for k, v in r.items()} for r in rows}


def decide(run: Run) -> Decision:
    """Return the decision of a finished run whose study has a canvas.

    Raises
    ------
    StudyError
        The study has no canvas.
    """
    canvas = canvas_of(run.info["study"], str(run.path))
    table, draws = compare(run), run.draws()
    money = _money(run, canvas, table, draws)
    taken = footprint(run, canvas, table) if canvas.devices or canvas.computing else None
    of_all = {scenario: _verdict_of_all(books) for scenario, books in money.items()}
    lines = robustness.bottom_lines(_after_footprint(table, taken), ledger=of_all)
    incomes = kept_incomes(run.path, canvas.incomes)
    return Decision(
        run,
        overview(canvas, run, table),
        table,
        money,
        _vetoes(canvas, money),
        choice_of(run, canvas, table, draws, {s: m.book for s, m in money.items()}),
        lines,
        robustness.conflicts(lines),
        dict(run.info["labels"]),
        {scenario: incidence_of(run, scenario, incomes) for scenario in run.info["scenarios"]},
        taken,
        None if canvas.pilot is None else smart_zone(run, canvas.pilot),
        programme(canvas),
        read_sensitivity(run.path),
        read_elasticity(run.path),
    )


def _money(run: Run, canvas: Canvas, table: pd.DataFrame, draws: pd.DataFrame) -> dict[str, Money]:
    if canvas.accounts is None:
        return {}
    found = {}
    for scenario in run.info["scenarios"]:
        changes = run.info["changes"][scenario]
        lines, notes = ledger_lines(canvas, scenario, table, changes, canvas.accounts.first_year)
        found[scenario] = _money_of(scenario, lines, notes, canvas, canvas.accounts, draws, int(run.info["seed"]))
    return found


def _money_of(
    scenario: str,
    lines: Lines,
    notes: list[str],
    canvas: Canvas,
    accounts: Accounts,
    draws: pd.DataFrame,
    seed: int,
) -> Money:
    rate, first, years, names = accounts.discount_rate, accounts.first_year, accounts.years, one_name(canvas)
    book = ledger.build(lines, first, years)
    public = [name for name, actor in canvas.actors.items() if actor.public]
    cases = ledger.business_cases(book, rate, accounts.promoter, public, names)
    present = ledger.present_positions(book, rate, names)
    positions = present.rename("value").to_frame().assign(low=np.nan, high=np.nan)
    cases = cases.assign(npv_low=np.nan, npv_high=np.nan)
    if len(book.lines) and draws["draw"].max() >= MINIMUM_DRAWS:
        amounts = valuation.sampled_amounts(book.lines, draws, scenario, seed)
        by_actor = positions_by_sample(book, amounts, rate, names, list(present.index))
        positions["low"], positions["high"] = np.quantile(by_actor, QUANTILES, axis=0)
        by_case = ledger.npv_by_draw(book, amounts, rate, accounts.promoter, public, names)
        cases["npv_low"], cases["npv_high"] = (by_case.quantile(q)[cases.index] for q in QUANTILES)
    own = present.drop(index=ledger.OUTSIDE, errors="ignore")
    return Money(
        book,
        notes,
        positions,
        ledger.matrix(book, rate, names),
        cases,
        ledger.pockets(book, rate, names),
        smallest_transfers(own),
        price_of_delay(_renamed(lines, names), first, years, rate),
    )


def _renamed(lines: Lines, names: dict[str, str]) -> Lines:
    """Return the lines between actors instead of parties, without those that an actor pays to itself."""
    moved = [replace(x, payer=names.get(x.payer, x.payer), gainer=names.get(x.gainer, x.gainer)) for x in lines]
    return [line for line in moved if line.payer != line.gainer]


def _after_footprint(table: pd.DataFrame, taken: Footprint | None) -> pd.DataFrame:
    """Return the KPI table with the verdict on CO2 that is left after devices and computing took theirs."""
    if taken is None:
        return table
    verdicts = taken.net.set_index("scenario")["verdict"]
    rows = (table["kpi"] == CO2) & table["scenario"].isin(verdicts.index)
    return table.assign(verdict=table["verdict"].mask(rows, table["scenario"].map(verdicts)))


def _verdict_of_all(books: Money) -> str:
    """Return what the sum of all actors' positions says: what they win is what `OUTSIDE` loses."""
    rest = books.positions.loc[ledger.OUTSIDE] if ledger.OUTSIDE in books.positions.index else None
    if rest is None or not rest["low"] <= rest["high"] or rest["low"] <= 0.0 <= rest["high"]:
        return NOT_DISTINGUISHABLE
    return BETTER if rest["high"] < 0.0 else WORSE


def _vetoes(canvas: Canvas, money: dict[str, Money]) -> pd.DataFrame:
    columns = ["scenario", "actor", "position", "compensation", "paid_by", "outcome", "stated"]
    holders = [name for name, actor in canvas.actors.items() if actor.veto]
    if not money or not holders:
        return pd.DataFrame(columns=columns)
    found = pd.concat(
        [_veto_of(scenario, holders, books, canvas) for scenario, books in money.items()], ignore_index=True
    )
    offered = {name: actor.compensation.value for name, actor in canvas.actors.items() if actor.compensation}
    return found.assign(stated=found["actor"].map(offered).astype(float))[columns]


def _veto_of(scenario: str, holders: list[str], books: Money, canvas: Canvas) -> pd.DataFrame:
    """Return the veto test of a scenario: those whose gain is money pay, where they can those whose gain is certain."""
    value = books.positions["value"].drop(index=ledger.OUTSIDE, errors="ignore")
    net = value.reindex(sorted({*value.index, *holders}), fill_value=0.0).rename(scenario).to_frame().T
    able = {name for name in net.columns if name not in canvas.actors or canvas.actors[name].can_pay}
    sure = able & set(books.told().index)
    firm = veto_test(net, holders, allowed=lambda payer, gainer: payer in sure)
    if (firm["outcome"] != UNPAYABLE).all():
        return firm
    return veto_test(net, holders, allowed=lambda payer, gainer: payer in able)
