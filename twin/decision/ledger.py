"""The ledger: who pays whom how much in which year, and the business cases that follow.

Double entry: every line moves money from a payer to a gainer, so all positions of a year sum to zero once the account
`OUTSIDE` (suppliers, markets, everybody who is no actor of the study) is counted. A line is of one of four kinds:

- ``cost``: what the measure costs its payer;
- ``revenue``: money earned through it (a fee, a toll, a sale);
- ``saving``: money, or what stands for it, that a physical difference saves its gainer; below zero it is a loss;
- ``transfer``: money moved between actors (grants, compensation) that neither costs nor saves anything by itself.

Amounts are real prices, at full uptake. Parties are roles; `actors` maps them to the actors who hold them, so that an
actor with two roles is netted once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.decision import finance
from twin.decision.staging import AT_ONCE, Uptake, in_service, installed
from twin.errors import StudyError, did_you_mean

Float = NDArray[np.float64]

OUTSIDE = "outside"
COST, REVENUE, SAVING, TRANSFER = "cost", "revenue", "saving", "transfer"
KINDS = (COST, REVENUE, SAVING, TRANSFER)
DIRECT, OWN, PUBLIC = "direct revenue", "plus own savings", "plus all public savings"
CASES = (DIRECT, OWN, PUBLIC)
SHARE_ROUNDING = 1e-6
"""What shares that were written with few digits may miss of one."""


@dataclass(frozen=True)
class Line:
    """One stated or computed flow of money.

    Parameters
    ----------
    id, what : str
        Unique id, and what it is for.
    kind : {"cost", "revenue", "saving", "transfer"}
    payer, gainer : str
        The two parties, or `OUTSIDE`.
    amount : float
        Paid each year, or once; below zero it flows the other way.
    once : bool
        Paid when taken up, instead of each year of service.
    start : float or None
        Decimal year of the start; None stands for the first year of the ledger.
    life_years : float
        Years each part serves; what is paid once has none.
    uptake : Uptake
    kpi : str
        The KPI whose difference it comes from; empty for a stated line.
    per_unit : float
        What the amount is per unit of that difference, with its sign; NaN for a stated line.
    source : str
        Where the amount or its unit value is from.
    low, high : float
        Range of the amount; NaN where none is known.
    verdict : str
        What the comparison says of the KPI's difference; empty for a stated line.
    unit_key : str
        What the unit value is called: lines of one key are uncertain together; empty where it has no range.
    unit_low, unit_high : float
        Ends of the unit value's range as parts of it.
    """

    id: str
    what: str
    kind: str
    payer: str
    gainer: str
    amount: float
    once: bool = False
    start: float | None = None
    life_years: float = np.inf
    uptake: Uptake = AT_ONCE
    kpi: str = ""
    per_unit: float = float("nan")
    source: str = ""
    low: float = float("nan")
    high: float = float("nan")
    verdict: str = ""
    unit_key: str = ""
    unit_low: float = 1.0
    unit_high: float = 1.0


@dataclass(frozen=True)
class Ledger:
    """Lines laid out over years.

    Attributes
    ----------
    lines : DataFrame (n,)
        The fields of `Line`, indexed by id.
    profile : float64 (n, y)
        Part of the amount that flows in each year.
    first_year : int
        Calendar year of the first column.
    """

    lines: pd.DataFrame
    profile: Float
    first_year: int

    @property
    def years(self) -> NDArray[np.int64]:
        """The calendar years, int64 (y,)."""
        return self.first_year + np.arange(self.profile.shape[1])

    @cached_property
    def amounts(self) -> Float:
        """Money from payer to gainer, float64 (n, y)."""
        return self.lines["amount"].to_numpy(np.float64)[:, None] * self.profile

    def only(self, keep: NDArray[np.bool_]) -> Ledger:
        """Return the lines where `keep`, bool (n,)."""
        return replace(self, lines=self.lines[keep], profile=self.profile[keep])

    def parties(self, actors: Mapping[str, str] | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the actors who pay and gain, object (n,) each; a party that `actors` does not name is its own."""
        found = actors or {}
        return tuple(  # type: ignore[return-value]
            np.array([found.get(p, p) for p in self.lines[side]], dtype=object) for side in ("payer", "gainer")
        )

    def table(self, actors: Mapping[str, str] | None = None) -> pd.DataFrame:
        """Return the flows as rows: line, what, kind, payer, gainer, year, amount, kpi, source; none of zero."""
        payer, gainer = self.parties(actors)
        row, column = np.nonzero(self.amounts)
        kept = self.lines.iloc[row]
        frame = pd.DataFrame({"line": kept.index.to_numpy(), "what": kept["what"].to_numpy()})
        frame["kind"], frame["payer"], frame["gainer"] = kept["kind"].to_numpy(), payer[row], gainer[row]
        frame["year"], frame["amount"] = self.years[column], self.amounts[row, column]
        return frame.assign(kpi=kept["kpi"].to_numpy(), source=kept["source"].to_numpy())

    def entries(self, actors: Mapping[str, str] | None = None) -> pd.DataFrame:
        """Return two entries of every flow and year, line, year, actor, amount: paid below zero, received above."""
        flows = self.table(actors)
        paid = flows[["line", "year"]].assign(actor=flows["payer"], amount=-flows["amount"])
        received = flows[["line", "year"]].assign(actor=flows["gainer"], amount=flows["amount"])
        both = pd.concat([paid, received]).sort_index(kind="stable")
        return both.reset_index(drop=True)


def build(lines: Sequence[Line], first_year: int, years: int) -> Ledger:
    """Return the ledger of `years` calendar years from `first_year` on.

    Raises
    ------
    StudyError
        Two lines of one id, an unknown kind, a line from a party to itself, or a number that is not finite.
    """
    _check(lines)
    calendar = first_year + np.arange(years, dtype=np.float64)
    start = np.array([first_year if line.start is None else line.start for line in lines], float)
    life = np.array([line.life_years for line in lines], float)
    profile = np.zeros((len(lines), years))
    for uptake, rows in _by_curve(lines).items():
        once = np.array([lines[k].once for k in rows], bool)
        paid, running = rows[once], rows[~once]
        profile[paid] = installed(start[paid], calendar, uptake)
        profile[running] = in_service(start[running], calendar, uptake, life[running])
    frame = pd.DataFrame([vars(line) for line in lines], columns=[field.name for field in fields(Line)])
    return Ledger(frame.drop(columns="uptake").set_index("id"), profile, first_year)


def _by_curve(lines: Sequence[Line]) -> dict[Uptake, NDArray[np.int64]]:
    groups: dict[Uptake, list[int]] = {}
    for k, line in enumerate(lines):
        groups.setdefault(line.uptake, []).append(k)
    return {uptake: np.array(rows, np.int64) for uptake, rows in groups.items()}


def _check(lines: Sequence[Line]) -> None:
    seen: set[str] = set()
    for line in lines:
        where = f"ledger line {line.id!r}"
        if line.id in seen:
            raise StudyError(f"two ledger lines are called {line.id!r}", expected="an id of its own for every line")
        seen.add(line.id)
        if line.kind not in KINDS:
            raise StudyError(f"unknown kind {line.kind!r}", where=where, remedy=did_you_mean(line.kind, KINDS))
        if not line.payer or not line.gainer or line.payer == line.gainer:
            raise StudyError(
                f"money flows from {line.payer!r} to {line.gainer!r}", where=where, expected="two different parties"
            )
        if not (np.isfinite(line.amount) and np.isfinite(line.start or 0.0) and line.life_years > 0):
            raise StudyError(
                f"amount {line.amount!r}, start {line.start!r} and life {line.life_years!r} cannot be used",
                where=where,
                expected="a finite amount, a decimal year and a life above 0",
            )


def shared(line: Line, shares: Mapping[str, float]) -> list[Line]:
    """Return the line split over several payers by their shares; what rounding leaves of it is split alike.

    Raises
    ------
    StudyError
        A share below zero, or shares that do not sum to one.
    """
    total = sum(shares.values())
    if any(not share >= 0.0 for share in shares.values()) or not abs(total - 1.0) <= SHARE_ROUNDING:
        raise StudyError(
            f"the cost shares sum to {total:g}", where=f"ledger line {line.id!r}", expected="shares that sum to 1"
        )
    scaled = ("amount", "per_unit", "low", "high")
    return [
        replace(line, id=f"{line.id}/{p}", payer=p, **{name: getattr(line, name) * s / total for name in scaled})
        for p, s in shares.items()
        if s > 0.0
    ]


def positions(ledger: Ledger, actors: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return the net money of every actor (rows, by name) in every year (columns); columns sum to zero."""
    payer, gainer = ledger.parties(actors)
    names, code = np.unique(np.concatenate([payer, gainer]).astype(str), return_inverse=True)
    n = len(payer)
    net = np.zeros((len(names), ledger.profile.shape[1]))
    np.add.at(net, code[:n], -ledger.amounts)
    np.add.at(net, code[n:], ledger.amounts)
    return pd.DataFrame(net, index=pd.Index(names, name="actor"), columns=pd.Index(ledger.years, name="year"))


def present_positions(ledger: Ledger, rate: float, actors: Mapping[str, str] | None = None) -> pd.Series:
    """Return the present value of every actor's net money; the values sum to zero."""
    net = positions(ledger, actors)
    return pd.Series(finance.npv(rate, net.to_numpy(np.float64)), net.index)


def matrix(ledger: Ledger, rate: float, actors: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return the present value that payers (rows) give to gainers (columns); what flows back is a row of its own."""
    payer, gainer = ledger.parties(actors)
    value = finance.npv(rate, ledger.amounts)
    back = value < 0.0
    flows = pd.DataFrame(
        {"payer": np.where(back, gainer, payer), "gainer": np.where(back, payer, gainer), "value": np.abs(value)}
    )
    apart = flows[flows["payer"] != flows["gainer"]]
    return apart.pivot_table(index="payer", columns="gainer", values="value", aggfunc="sum", fill_value=0.0)


def business_cases(
    ledger: Ledger,
    rate: float,
    promoter: str,
    public: Iterable[str] = (),
    actors: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return the three business cases side by side.

    The first counts what the promoter pays, earns and is granted; the second also what it saves. The third is the
    account of all public bodies taken together: savings of the others, but also what they pay, and money between them
    cancels. Savings of different funders are thus never added without their costs.

    Parameters
    ----------
    ledger : Ledger
    rate : float
        Real discount rate; the first year is not discounted.
    promoter : str
        The actor whose decision it is.
    public : iterable of str
        All public actors; the promoter counts as one.
    actors : mapping of str to str, optional
        The actor of each party.

    Returns
    -------
    DataFrame
        Indexed by case: npv, irr, payback_years, break_even_year (NaN where none), received and paid (present values
        of what flows in and out).
    """
    signs = _signs(ledger, promoter, public, actors)
    rows = {case: _measures(sign[:, None] * ledger.amounts, rate, ledger.first_year) for case, sign in signs.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("case")


def npv_by_draw(
    ledger: Ledger,
    amounts: Float,
    rate: float,
    promoter: str,
    public: Iterable[str] = (),
    actors: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return the net present value of the three business cases (columns) by draw (rows).

    `amounts` is float64 (d, n), the amount of every line in every draw (`twin.decision.valuation.amounts_by_draw`);
    the others are those of `business_cases`.
    """
    factor = finance.npv(rate, ledger.profile)
    signs = _signs(ledger, promoter, public, actors)
    return pd.DataFrame({case: np.asarray(amounts) @ (sign * factor) for case, sign in signs.items()})


def _signs(ledger: Ledger, promoter: str, public: Iterable[str], actors: Mapping[str, str] | None) -> dict[str, Float]:
    """Return by case whether each line is money in (1), out (-1) or neither (0), float64 (n,)."""
    payer, gainer = ledger.parties(actors)
    saving = (ledger.lines["kind"] == SAVING).to_numpy()
    own, everybody = (
        np.isin(gainer, members).astype(float) - np.isin(payer, members)
        for members in ([promoter], sorted({promoter, *public}))
    )
    return {DIRECT: np.where(saving, 0.0, own), OWN: own, PUBLIC: everybody}


def _measures(flows: Float, rate: float, first_year: int) -> dict[str, float]:
    cash, present = flows.sum(axis=0), finance.npv(rate, flows)
    pays = bool(flows.any())
    year = finance.break_even(rate, cash, first_year) if pays else None
    return {
        "npv": float(finance.npv(rate, cash)),
        "irr": finance.irr(cash),
        "payback_years": finance.payback_years(cash) if pays else float("nan"),
        "break_even_year": float("nan") if year is None else float(year),
        "received": float(present[present > 0].sum()),
        "paid": float(-present[present < 0].sum()),
    }


@dataclass(frozen=True)
class Pockets:
    """Who pays and who gains.

    Attributes
    ----------
    by_actor : DataFrame
        Indexed by actor: cost (paid, less transfers received), benefit (revenue and savings, net; a loss is below
        zero) and net, present values.
    wrong_share : float
        Part of the benefit that lands with actors who pay nothing; NaN without any benefit.
    mismatch : float
        Part of the benefit that would have to move for it to be shared as the cost is; NaN without benefit or cost.
    """

    by_actor: pd.DataFrame
    wrong_share: float
    mismatch: float


def pockets(ledger: Ledger, rate: float, actors: Mapping[str, str] | None = None) -> Pockets:
    """Return costs and benefits by actor, and how much of the benefit lands in the wrong pockets."""
    kind = ledger.lines["kind"].to_numpy()
    paying = np.isin(kind, (COST, TRANSFER))
    spent, gained = (present_positions(ledger.only(part), rate, actors) for part in (paying, ~paying))
    frame = pd.DataFrame({"cost": -spent, "benefit": gained}).fillna(0.0).drop(index=OUTSIDE, errors="ignore")
    frame["net"] = frame["benefit"] - frame["cost"]
    cost, benefit = frame["cost"].clip(lower=0.0).to_numpy(), frame["benefit"].clip(lower=0.0).to_numpy()
    nothing = finance.ROUNDING * float(np.abs(frame.to_numpy()).sum())
    if benefit.sum() <= nothing:
        return Pockets(frame, float("nan"), float("nan"))
    wrong = float(benefit[cost <= nothing].sum() / benefit.sum())
    if cost.sum() <= nothing:
        return Pockets(frame, wrong, float("nan"))
    return Pockets(frame, wrong, float(1.0 - np.minimum(benefit / benefit.sum(), cost / cost.sum()).sum()))
