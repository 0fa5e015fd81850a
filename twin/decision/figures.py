"""Every number of a decision under a name of its own, with its unit and where it is from.

Pages print no number that is not here: they ask for it by its reference, so that each can be followed to the KPI, the
ledger line or the stated value behind it. References are paths: ``kpi/<scenario>/<kpi>/difference``,
``ledger/<scenario>/position/<actor>/value``, ``stated/accounts/discount_rate``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from twin.decision.claims import share_without_evidence
from twin.decision.kpis import KPIS
from twin.decision.tasks import months_to_benefit
from twin.errors import StudyError, did_you_mean
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.decision.decide import Decision, Money

EUR, SHARE, YEAR, COUNT, PLAIN, PERCENT = "EUR", "share", "year", "count", "", "%"


@dataclass(frozen=True)
class Figure:
    """One number.

    Attributes
    ----------
    value : float
    unit : str
        Unit of the value; `SHARE` is a part of one, `YEAR` a calendar year.
    origin : str
        Where it is from, in words.
    kpi : str
        The KPI whose form it is printed in; empty where it is none.
    difference : bool
        Whether it is a difference, printed with its sign.
    verdict : str
        What may be said of a difference; "" where it does not apply.
    """

    value: float
    unit: str
    origin: str
    kpi: str = ""
    difference: bool = False
    verdict: str = ""


class Figures:
    """The numbers of a decision by reference."""

    def __init__(self, figures: Mapping[str, Figure]) -> None:
        self._figures = dict(figures)

    def __getitem__(self, ref: str) -> Figure:
        """Return a number.

        Raises
        ------
        StudyError
            There is no such number.
        """
        if ref not in self._figures:
            alike = [name for name in self._figures if name.split("/")[:2] == ref.split("/")[:2]]
            remedy = did_you_mean(ref, alike) if alike else "`twin canvas RUN --json` lists all under `numbers`"
            raise StudyError(f"no number is called {ref!r}", remedy=remedy)
        return self._figures[ref]

    def __contains__(self, ref: object) -> bool:
        return ref in self._figures

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def known(self, ref: str) -> bool:
        """Return whether there is such a number, and it is finite."""
        return ref in self._figures and math.isfinite(self._figures[ref].value)

    def as_data(self) -> dict[str, dict[str, Any]]:
        """Return plain data for JSON, without numbers that are not finite."""
        return {
            ref: {"value": f.value, "unit": f.unit, "origin": f.origin} | ({"verdict": f.verdict} if f.verdict else {})
            for ref, f in self._figures.items()
            if math.isfinite(f.value)
        }


def figures_of(decision: Decision) -> Figures:
    """Return every number of a decision."""
    from twin.decision.canvas_figures import canvas_figures
    from twin.decision.figures_more import more_figures

    found: dict[str, Figure] = canvas_figures(decision.overview)
    found |= dict(_kpis(decision))
    found |= dict(_claims(decision))
    for scenario, money in decision.money.items():
        found |= dict(_money(decision, scenario, money))
    found |= dict(_vetoes(decision))
    found |= dict(_choice(decision))
    found |= dict(stated_figures("stated", decision.canvas.model_dump(mode="json", exclude_defaults=True)))
    found |= dict(_run(decision))
    return Figures(found | more_figures(decision))


def from_table(
    prefix: str, table: pd.DataFrame, origin: str, units: Mapping[str, str], *, differences: tuple[str, ...] = ()
) -> Iterator[tuple[str, Figure]]:
    """Yield the numbers of a table's columns that `units` names: ``prefix/<row>/<column>``."""
    for row, values in zip(table.index, table.to_dict("records"), strict=True):
        for column, unit in units.items():
            name = f"{prefix}/{row}/{column}"
            yield name, Figure(float(values[column]), unit, f"{origin}: {row}", difference=column in differences)


def _kpis(decision: Decision) -> Iterator[tuple[str, Figure]]:
    for row in decision.table.to_dict("records"):
        scenario, kpi = str(row["scenario"]), str(row["kpi"])
        label = f"{KPIS[kpi].label}, {decision.labels[scenario]}"
        known = {"value": False, "baseline": False, "difference": True, "low": True, "high": True}
        for column, difference in known.items():
            verdict = str(row["verdict"]) if difference and scenario != BASELINE else ""
            words = {"value": label, "baseline": f"{KPIS[kpi].label}, {decision.labels[BASELINE]}"}
            origin = f"KPI {kpi} of the run: {words.get(column, f'{label} against {decision.labels[BASELINE]}')}"
            figure = Figure(float(row[column]), str(row["unit"]), origin, kpi, difference, verdict)
            yield f"kpi/{scenario}/{kpi}/{column}", figure
        origin = f"KPI {kpi} of the run: {label}, relative to {decision.labels[BASELINE]}"
        yield f"kpi/{scenario}/{kpi}/percent", Figure(float(row["percent"]), PERCENT, origin, "", True, "")


def _claims(decision: Decision) -> Iterator[tuple[str, Figure]]:
    none, count, share = share_without_evidence(decision.overview.claims)
    origin = "claims of the canvas, judged by the run"
    yield "claims/without_evidence", Figure(float(none), COUNT, origin)
    yield "claims/count", Figure(float(count), COUNT, origin)
    yield "claims/share_without_evidence", Figure(share, SHARE, origin)
    for verdict, number in decision.overview.claims["verdict"].value_counts().items():
        yield f"claims/verdict/{verdict}", Figure(float(number), COUNT, origin)
    for row in decision.overview.parts.to_dict("records"):
        ref = f"claim/{row['block']}/{row['place']}/{row['scenario']}/{row['kpi']}/share"
        yield ref, Figure(float(row["share"]), SHARE, f"share of the draws that keep the claim on {row['kpi']}")


def _money(decision: Decision, scenario: str, money: Money) -> Iterator[tuple[str, Figure]]:
    base, name = f"ledger/{scenario}", decision.labels[scenario]
    rate = decision.canvas.accounts.discount_rate if decision.canvas.accounts else 0.0
    present = f"ledger of {name}, present value at {100 * rate:g} %"
    for line, row in money.book.lines.iterrows():
        source = f"KPI {row['kpi']} times a unit value: {row['source']}" if row["kpi"] else str(row["source"])
        for column in ("amount", "low", "high"):
            origin = f"ledger of {name}, line {line}: {source}"
            yield f"{base}/line/{line}/{column}", Figure(float(row[column]), EUR, origin, verdict=str(row["verdict"]))
    ends = dict.fromkeys(("value", "low", "high"), EUR)
    yield from from_table(f"{base}/position", money.positions, f"{present}, net of", ends, differences=tuple(ends))
    parts = dict.fromkeys(("cost", "benefit", "net"), EUR)
    yield from from_table(f"{base}/pocket", money.pockets.by_actor, f"{present}, cost and benefit of", parts)
    for payer, row in money.matrix.iterrows():
        for gainer, value in row.items():
            yield f"{base}/matrix/{payer}/{gainer}", Figure(float(value), EUR, f"{present}, from {payer} to {gainer}")
    units = {"npv": EUR, "npv_low": EUR, "npv_high": EUR, "irr": SHARE, "payback_years": "years"}
    units |= {"break_even_year": YEAR, "received": EUR, "paid": EUR}
    yield from from_table(f"{base}/case", money.cases, f"{present}, business case", units)
    yield (
        f"{base}/wrong_share",
        Figure(money.pockets.wrong_share, SHARE, f"{present}: benefit of those who pay nothing"),
    )
    yield f"{base}/mismatch", Figure(money.pockets.mismatch, SHARE, f"{present}: benefit shared unlike cost")
    origin = f"{present}: smallest transfers that leave nobody worse off"
    yield f"{base}/transfers/total", Figure(money.transfers.total, EUR, origin)
    yield f"{base}/transfers/shortfall", Figure(money.transfers.shortfall, EUR, origin)
    yield from from_table(f"{base}/transfers", money.transfers.flows, origin, {"amount": EUR})
    delay = money.delay.rename("value").to_frame()
    yield from from_table(f"{base}/delay", delay, f"{present}: price of a year of delay to", {"value": EUR})


def _vetoes(decision: Decision) -> Iterator[tuple[str, Figure]]:
    for row in decision.vetoes.to_dict("records"):
        base, name = f"veto/{row['scenario']}/{row['actor']}", decision.labels[row["scenario"]]
        origin = f"veto test of {name}: {row['actor']}"
        for column in ("position", "compensation", "stated"):
            yield f"{base}/{column}", Figure(float(row[column]), EUR, origin, difference=column == "position")


def _choice(decision: Decision) -> Iterator[tuple[str, Figure]]:
    origin = "share of all weights of the criteria, and draws, under which it is best"
    yield from from_table("choice", decision.choice, origin, {"wins": SHARE})
    origin = "share of all weights of the stakeholders under which their present values favour it"
    yield from from_table("choice", decision.choice, origin, {"wins_stakeholders": SHARE})


def stated_figures(path: str, value: Any) -> Iterator[tuple[str, Figure]]:
    """Yield every number that the canvas states, by its place in the file."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from stated_figures(f"{path}/{key}", part)
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from stated_figures(f"{path}/{i}", part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        last = path.rsplit("/", 1)[-1]
        unit = (
            YEAR if last in ("year", "first_year") else SHARE if "share" in path or last == "discount_rate" else PLAIN
        )
        yield path, Figure(float(value), unit, f"stated in the canvas: {path.removeprefix('stated/')}")


def _run(decision: Decision) -> Iterator[tuple[str, Figure]]:
    info = decision.run.info
    yield "run/draws", Figure(float(info["draws"]), COUNT, "uncertainty draws of the run")
    months = months_to_benefit(decision.canvas)
    yield "tasks/months", Figure(float("nan") if months is None else months, PLAIN, "end of the key activities, months")
    for layer, count in info["size"].items():
        yield f"run/{layer}", Figure(float(count), COUNT, f"{layer} of the city model")
