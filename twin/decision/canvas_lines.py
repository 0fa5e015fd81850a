"""Ledger lines of a canvas: its costs and revenues, times quantities that the run gives, and when they start.

What is built at once is paid in the first year; what spreads with an uptake curve is paid as it spreads. Running costs
and benefits start when the key activities are done. What the canvas states of a measure's cost, once or each year, is
not counted again from the payments that the run computed for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from twin.decision import ledger, staging, valuation
from twin.decision.canvas import Canvas, CostLine, RevenueLine, UnitValue, Uptake
from twin.decision.kpis import KPIS
from twin.decision.tasks import MONTHS, months_to_benefit

_UNPAID = 0.01
"""Part of the computed investment that may be left unpaid by rounding."""
Changes = Sequence[Mapping[str, Any]]


@dataclass
class _Collected:
    """Lines of one scenario as they are found, and why others are left out."""

    canvas: Canvas
    rows: dict[str, dict[str, Any]]
    changes: Changes
    first_year: float
    benefits_start: float
    lines: list[ledger.Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def counts(self, line: CostLine | RevenueLine) -> bool:
        """Return whether the scenario has the measure that a line belongs to."""
        return line.measure is None or line.measure in {change["measure"] for change in self.changes}

    def uptake(self, measure: str | None) -> staging.Uptake:
        """Return the uptake curve of the deployment that a measure is part of."""
        curves = [e.uptake for e in self.canvas.deployment if measure is not None and measure in e.measures]
        return next((curve_of(curve) for curve in curves if curve is not None), staging.AT_ONCE)

    def uptake_of(self, line: CostLine | RevenueLine) -> staging.Uptake:
        """Return the uptake curve of a line: of its measure, or the slowest of all where a KPI is that of them all.

        A difference that several measures bring together is there when the last of them is; to take it at once would
        set benefits of many years against costs that are paid as they spread.
        """
        if line.measure is not None or line.kpi is None:
            return self.uptake(line.measure)
        curves = [self.uptake(str(change["measure"])) for change in self.changes] or [staging.AT_ONCE]
        until = np.asarray(max(curve.years[-1] for curve in curves) + 1.0)
        return min(curves, key=lambda curve: float(curve.mean_share(np.zeros(()), until)))


def ledger_lines(
    canvas: Canvas, scenario: str, table: pd.DataFrame, changes: Changes, first_year: int
) -> tuple[list[ledger.Line], list[str]]:
    """Return the lines of a scenario, and a note for each entry that has no amount of money.

    Parameters
    ----------
    canvas : Canvas
    scenario : str
    table : DataFrame
        As `twin.decision.compare.compare` returns it.
    changes : sequence of mapping
        ``run.info["changes"][scenario]``: measure, quantities and payments.
    first_year : int
        First calendar year of the ledger: the year of the decision.

    Returns
    -------
    lines : list of Line
        Parties are ids of actors; those of computed payments are the payers of `twin.scenario.payments`, which
        `twin.decision.actors.one_name` maps to actors that name them among their aliases.
    notes : list of str
    """
    rows: dict[str, Any] = {str(row["kpi"]): row for row in table[table["scenario"] == scenario].to_dict("records")}
    start = first_year + (months_to_benefit(canvas) or 0.0) / MONTHS
    found = _Collected(canvas, rows, changes, float(first_year), start)
    for i, cost in enumerate(canvas.budget_costs):
        if found.counts(cost):
            _add_cost(found, f"cost-{i}", cost)
    for i, revenue in enumerate(canvas.revenue_streams):
        if found.counts(revenue):
            _add_revenue(found, f"revenue-{i}", revenue)
    _add_payments(found)
    _compare_investment(found)
    _note_twice(found)
    return found.lines, found.notes


def curve_of(uptake: Uptake) -> staging.Uptake:
    """Return an uptake as the ledger takes it."""
    if uptake.years < 1e-6:  # at once; shorter times cannot be divided into steps
        return staging.Uptake((0.0,), (uptake.final,))
    shape = staging.Uptake.s_curve if uptake.shape == "s_curve" else staging.Uptake.linear
    return shape(uptake.years, uptake.final)


def _add_cost(found: _Collected, name: str, cost: CostLine) -> None:
    kind = _kind(cost)
    line = _valued(found, name, cost, "higher", ledger.COST)
    payers = found.canvas.payers(cost)
    if line is None:
        return
    if kind is None or not payers:
        found.notes.append(f"not counted, {'neither capex nor opex' if payers else 'nobody pays it'}: {cost.text}")
        return
    once = kind == "capex"
    at_once = once and line.uptake == staging.AT_ONCE
    line = replace(line, once=once, start=found.first_year if at_once else found.benefits_start)
    found.lines += ledger.shared(line, payers)


def _kind(cost: CostLine) -> str | None:
    return cost.kind or (cost.id if cost.id in ("capex", "opex") else None)


def _add_revenue(found: _Collected, name: str, revenue: RevenueLine) -> None:
    gain_when = revenue.gain_when or (KPIS[revenue.kpi].better if revenue.kpi is not None else "higher")
    kind = ledger.REVENUE if revenue.kind == "direct" else ledger.SAVING
    line = _valued(found, name, revenue, gain_when, kind)
    if line is None:
        return
    if revenue.gainer is None:
        found.notes.append(f"not counted, nobody gains it: {revenue.text}")
        return
    payer = revenue.payer or ledger.OUTSIDE
    found.lines.append(replace(line, payer=payer, gainer=revenue.gainer, start=found.benefits_start))


def _valued(
    found: _Collected, name: str, line: CostLine | RevenueLine, gain_when: str, kind: str
) -> ledger.Line | None:
    """Return the line with its amount each year or once; nothing, and a note, where there is none."""
    unit = found.canvas.amount(line)
    if unit is None:
        found.notes.append(f"not counted, no amount is stated: {line.text}")
        return None
    worth = _worth(found, line, unit, gain_when)
    if worth is None:
        found.notes.append(f"not counted, the run has no {line.kpi or line.quantity_of}: {line.text}")
        return None
    amount, low, high, verdict = worth
    sign = 1.0 if gain_when == "higher" else -1.0
    return ledger.Line(
        id=f"{name}/{line.id}" if line.id else name,
        what=line.text,
        kind=kind,
        payer=ledger.OUTSIDE,
        gainer=ledger.OUTSIDE,
        amount=amount,
        life_years=np.inf if line.life_years is None else line.life_years,
        uptake=found.uptake_of(line),
        kpi=line.kpi or "",
        per_unit=sign * line.quantity * unit.value if line.kpi else np.nan,
        source=f"{unit.source} ({unit.year})",
        low=low,
        high=high,
        verdict=verdict,
        unit_key=(line.unit_value or name) if unit.value else "",
        unit_low=unit.low / unit.value if unit.value else 1.0,
        unit_high=unit.high / unit.value if unit.value else 1.0,
    )


def _worth(
    found: _Collected, line: CostLine | RevenueLine, unit: UnitValue, gain_when: str
) -> tuple[float, float, float, str] | None:
    """Return amount, low, high and the verdict on the KPI; None where the run has no such quantity."""
    if line.kpi is not None:
        row = found.rows.get(line.kpi)
        if row is None:
            return None
        sign = 1.0 if gain_when == "higher" else -1.0
        low, high = valuation.gain_range(row, sign, [line.quantity * end for end in (unit.low, unit.high)])
        return float(sign * row["difference"] * line.quantity * unit.value), low, high, str(row["verdict"])
    quantity = line.quantity
    if line.quantity_of is not None:
        amounts = [
            float(change["quantities"][line.quantity_of])
            for change in found.changes
            if line.quantity_of in change["quantities"] and line.measure in (None, change["measure"])
        ]
        if not amounts:
            return None
        if line.measure is not None and len(amounts) > 1:
            found.notes.append(f"{line.quantity_of} is the sum of {len(amounts)} parts of {line.measure}: {line.text}")
        quantity *= sum(amounts)
    ends = sorted((quantity * unit.low, quantity * unit.high))
    return quantity * unit.value, ends[0], ends[1], ""


def _add_payments(found: _Collected) -> None:
    """Add what the run says that measures cost, but for that part of it that the canvas states.

    A stated capex line of a measure stands in place of what the run says is paid once, an opex line in place of what is
    paid each year: running costs that somebody adds do not make the investment vanish.
    """
    stated = {(line.measure, _kind(line)) for line in found.canvas.budget_costs if line.measure is not None}
    for k, change in enumerate(found.changes):
        measure = str(change["measure"])
        uptake = found.uptake(measure)
        start = found.first_year if uptake == staging.AT_ONCE else found.benefits_start
        lines = valuation.payment_lines(
            change.get("payments") or (), start=start, uptake=uptake, prefix=f"{measure}-{k}"
        )
        for kind, part in (("capex", [x for x in lines if x.once]), ("opex", [x for x in lines if not x.once])):
            if part and (measure, kind) in stated:
                found.notes.append(f"the {kind} of {measure} is the stated one, not the computed one")
            else:
                found.lines += [line if line.once else replace(line, start=found.benefits_start) for line in part]


def _compare_investment(found: _Collected) -> None:
    """Note an investment that the run computes and no line pays: benefits without their cost would look too good."""
    row = found.rows.get("investment_eur")
    paid = sum(line.amount for line in found.lines if line.once)
    if row is not None and paid < (1.0 - _UNPAID) * row["difference"]:
        found.notes.append(f"the run computes an investment of {row['difference']:,.0f} EUR; lines pay {paid:,.0f} EUR")


def _note_twice(found: _Collected) -> None:
    """Note a KPI that somebody gains through several measures: each line takes the difference of all of them."""
    measures: dict[tuple[str, str], set[str]] = {}
    for line in found.canvas.revenue_streams:
        if line.kpi is not None and line.gainer is not None and found.counts(line):
            measures.setdefault((line.kpi, line.gainer), set()).add(line.measure or "all measures")
    for (kpi, gainer), names in measures.items():
        if len(names) > 1:
            found.notes.append(f"{gainer} gains the whole difference of {kpi} for each of {', '.join(sorted(names))}")
