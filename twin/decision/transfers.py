"""Who has to be compensated: smallest transfers, vetoes, and what a year of delay costs.

Transfers are a linear programme over the present values that actors end with: the least money moved that leaves no
protected actor below zero, without pushing anybody who gives below zero. SciPy's HiGHS solves it (Huangfu and Hall
2018, doi 10.1007/s12532-017-0130-5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, hstack, vstack

from twin.decision import finance
from twin.decision.ledger import COST, OUTSIDE, Line, build, present_positions
from twin.errors import StudyError, TwinError, did_you_mean

Float = NDArray[np.float64]

ROUNDING = 1e-9
"""Amounts up to this part of the largest position are none: a tenth of a cent of a million."""
TIGHT: Any = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
"""As exact as HiGHS goes: positions are scaled to one."""
PASSES, COMPENSATED, UNPAYABLE = "passes", "passes if compensated", "cannot be compensated"
"""Outcomes of the veto test."""
DUAL = 1e-6
"""Prices are whole numbers; what is below this is zero."""


@dataclass(frozen=True)
class Transfers:
    """A plan of compensation.

    Attributes
    ----------
    flows : DataFrame
        payer, gainer, amount: one row per transfer, largest first.
    total : float
        Sum of all amounts.
    shortfall : float
        What the protected still lack after it: above zero where the others cannot, or may not, give enough.
    after : Series
        Position of every actor after the transfers.
    """

    flows: pd.DataFrame
    total: float
    shortfall: float
    after: pd.Series

    @property
    def sufficient(self) -> bool:
        """Whether nobody who is protected remains worse off."""
        return self.shortfall == 0.0


def smallest_transfers(
    net: pd.Series,
    protected: Iterable[str] | None = None,
    *,
    allowed: Callable[[str, str], bool] | None = None,
) -> Transfers:
    """Return the smallest transfers that leave no protected actor worse off.

    The first programme finds the least shortfall and, with it, the least money moved. A second one chooses among all
    plans as good as that the one in which the largest share of a surplus that is given away is smallest: givers give
    alike where they may.

    Parameters
    ----------
    net : Series
        Present value of each actor's position, by actor; `OUTSIDE` takes no part.
    protected : iterable of str, optional
        Who must not be worse off; all actors when left out. Others may stay below zero but do not fall further.
    allowed : callable, optional
        ``allowed(payer, gainer)``: whether such a transfer is possible; every one when left out.

    Raises
    ------
    StudyError
        A protected actor that has no position, or a position that is not finite.
    """
    net = net.drop(index=OUTSIDE, errors="ignore").sort_index().astype(float)
    guarded = _protected(net, protected)
    scale = float(np.abs(net).max()) if len(net) else 0.0
    pairs = [
        (i, j)
        for i in range(len(net))
        for j in range(len(net))
        if i != j and (allowed is None or allowed(net.index[i], net.index[j]))
    ]
    if scale == 0.0:
        return Transfers(_flows([], np.zeros(0), net), 0.0, 0.0, net)
    moved, lacking = _solve(np.asarray(net, np.float64) / scale, guarded, pairs)
    moved, lacking = np.where(moved > ROUNDING, moved * scale, 0.0), np.where(lacking > ROUNDING, lacking * scale, 0.0)
    flows = _flows(pairs, moved, net)
    given = flows.groupby("payer")["amount"].sum().reindex(net.index, fill_value=0.0)
    got = flows.groupby("gainer")["amount"].sum().reindex(net.index, fill_value=0.0)
    after = net + got - given
    after[np.abs(after) <= len(net) * ROUNDING * scale] = 0.0
    return Transfers(flows, float(flows["amount"].sum()), float(lacking.sum()), after)


def _protected(net: pd.Series, protected: Iterable[str] | None) -> NDArray[np.bool_]:
    if not np.isfinite(net).all():
        raise StudyError(f"the position of {net.index[~np.isfinite(net)][0]!r} is not finite")
    names = list(net.index) if protected is None else list(protected)
    for name in names:
        if name not in net.index:
            raise StudyError(f"{name!r} has no position in the ledger", remedy=did_you_mean(name, map(str, net.index)))
    return np.asarray(net.index.isin(names))


def _solve(net: Float, guarded: NDArray[np.bool_], pairs: Sequence[tuple[int, int]]) -> tuple[Float, Float]:
    """Return amounts moved over the pairs and what each actor still lacks, both in units of the largest position.

    Variables: one amount per pair, one shortfall per actor, and the largest share of a surplus given.
    """
    n, m = len(net), len(pairs)
    start, end = (np.array([pair[k] for pair in pairs], np.int64) for k in (0, 1))
    ones = np.ones(m)
    leaves = coo_array((ones, (start, np.arange(m))), shape=(n, m))
    arrives = coo_array((ones, (end, np.arange(m))), shape=(n, m))
    own = coo_array((guarded.astype(float), (np.arange(n), np.arange(n))), shape=(n, n))
    # net + arrives - leaves + shortfall >= floor
    floor = np.where(guarded, 0.0, np.minimum(net, 0.0))
    keep = hstack([leaves - arrives, -own, csr_array((n, 1))])
    givers = np.flatnonzero(net > 0.0)
    # what a giver parts with, net of what passes through it, is at most share * surplus
    share = coo_array((-net[givers], (np.arange(len(givers)), np.zeros(len(givers)))), shape=(len(givers), 1))
    parts = hstack([csr_array(leaves - arrives)[givers], csr_array((len(givers), n)), share])
    rows, limits = vstack([keep, parts]), np.concatenate([net - floor, np.zeros(len(givers))])
    # moving one unit to whoever lacks it takes less than n transfers: no lack is accepted to save transfers
    goal = np.repeat([1.0, float(n), 0.0], [m, n, 1])
    sparse: Any = csr_array(rows)  # the stubs of SciPy know dense constraints only
    first = linprog(goal, A_ub=sparse, b_ub=limits, bounds=(0.0, None), method="highs", options=TIGHT)
    if not first.success:  # to transfer nothing and lack everything is a solution
        raise TwinError(f"the smallest transfers were not found: {first.message}")
    # all that is as good: variables with a reduced cost stay zero, constraints with a price stay tight
    tight = np.asarray(first.ineqlin.marginals) < -DUAL
    most = np.where(np.asarray(first.lower.marginals) > DUAL, 0.0, np.inf)
    bounds: Any = np.stack([np.zeros(m + n + 1), most], axis=1)
    alike = linprog(
        np.repeat([0.0, 1.0], [m + n, 1]),
        A_ub=sparse[~tight],
        b_ub=limits[~tight],
        A_eq=sparse[tight],
        b_eq=limits[tight],
        bounds=bounds,
        method="highs",
        options=TIGHT,
    )
    x = np.asarray(alike.x if alike.success else first.x)
    return x[:m], x[m : m + n]


def _flows(pairs: Sequence[tuple[int, int]], moved: Float, net: pd.Series) -> pd.DataFrame:
    rows = [(net.index[i], net.index[j], float(x)) for (i, j), x in zip(pairs, moved, strict=True) if x > 0.0]
    frame = pd.DataFrame(rows, columns=["payer", "gainer", "amount"]).astype({"amount": float})
    return frame.sort_values(["amount", "payer", "gainer"], ascending=[False, True, True], ignore_index=True)


def veto_test(
    net: pd.DataFrame, vetoes: Iterable[str], *, allowed: Callable[[str, str], bool] | None = None
) -> pd.DataFrame:
    """Return whether each scenario passes its veto holders, and the cheapest compensation where not.

    Parameters
    ----------
    net : DataFrame
        Present value of the position of actors (columns) in scenarios (rows).
    vetoes : iterable of str
        Actors whose agreement is needed.
    allowed : callable, optional
        As in `smallest_transfers`.

    Returns
    -------
    DataFrame
        One row per scenario and veto holder: scenario, actor, position, compensation (what it needs), paid_by (who
        gives the most), outcome ("passes", "passes if compensated" or "cannot be compensated").
    """
    names = list(vetoes)
    rows = []
    for scenario, position in net.iterrows():
        plan = smallest_transfers(position, names, allowed=allowed)
        rounding = ROUNDING * float(np.abs(position).max())
        for actor in names:
            need = max(0.0, -float(position[actor]))
            paid = plan.flows[plan.flows["gainer"] == actor]
            if need <= rounding:
                need, outcome = 0.0, PASSES
            else:
                outcome = COMPENSATED if plan.after[actor] >= 0.0 else UNPAYABLE
            by = str(paid["payer"].iloc[0]) if len(paid) else ""
            rows.append((scenario, actor, float(position[actor]), need, by, outcome))
    return pd.DataFrame(rows, columns=["scenario", "actor", "position", "compensation", "paid_by", "outcome"])


def price_of_delay(
    lines: Sequence[Line],
    first_year: int,
    years: int,
    rate: float,
    *,
    delay_years: float = 1.0,
    costs_wait: bool = False,
) -> pd.Series:
    """Return what each actor loses, as present value, when benefits start later and the last year stays.

    Parameters
    ----------
    lines, first_year, years, rate
        As in `twin.decision.ledger.build` and `present_positions`.
    delay_years : float
    costs_wait : bool
        Whether costs are put off as well (the decision comes later), or only the benefits (the work takes longer).

    Returns
    -------
    Series
        By actor, above zero where the delay costs something; all actors with `OUTSIDE` sum to zero.
    """
    finance.discount_factors(rate, years)
    later = [
        line
        if line.kind == COST and not costs_wait
        else replace(line, start=(first_year if line.start is None else line.start) + delay_years)
        for line in lines
    ]
    before, after = (present_positions(build(part, first_year, years), rate) for part in (lines, later))
    return before - after
