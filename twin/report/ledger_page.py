"""The page of the ledger: who pays, who gains, business cases, vetoes, transfers and the lines that it all comes from.

Every number is printed by its reference (`twin.report.traced`); words beside it say what it means.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from twin import __version__
from twin.decision.actors import one_name
from twin.decision.canvas import Accounts, CostLine, RevenueLine
from twin.decision.kpis import KPIS
from twin.decision.ledger import COST, KINDS, OUTSIDE, OWN, PUBLIC
from twin.decision.valuation import in_noise
from twin.report import ledger_words as words
from twin.report import money_charts
from twin.report.flow_chart import flow_chart, flows_of
from twin.report.templating import environment
from twin.report.traced import Traced

if TYPE_CHECKING:
    from twin.decision.decide import Decision, Money
    from twin.decision.figures import Figures

KIND_MEANING = {
    "cost": "what a measure costs its payer",
    "revenue": "money earned through it: a fee, a toll, a sale",
    "saving": "money, or what stands for it, that a physical difference saves; below zero it is a loss, and flows back",
    "transfer": "grants and compensation, which neither cost nor save anything by themselves",
}


def render_ledger(decision: Decision, figures: Figures) -> str:
    """Return the page as HTML. Equal decisions give equal bytes."""
    info, accounts, page = decision.run.info, decision.canvas.accounts, _Page(decision, Traced(figures))
    return (
        environment()
        .get_template("ledger.html.j2")
        .render(
            title=info["study"]["study"].replace("-", " ").capitalize(),
            question=info["question"],
            city=info["city"]["title"],
            draws=page.number("run/draws"),
            interval=any(m.positions["low"].notna().any() for m in decision.money.values()),
            accounts=None if accounts is None else page.accounts(accounts),
            choice=list(page.choice()),
            stakeholders=bool(decision.choice["wins_stakeholders"].notna().any()),
            sections=[] if accounts is None else [page.section(s, accounts) for s in decision.money],
            kinds=[{"kind": kind, "meaning": KIND_MEANING[kind]} for kind in KINDS],
            run=info["run"],
            version=__version__,
        )
    )


class _Page:
    """What the template shows, from one decision."""

    def __init__(self, decision: Decision, traced: Traced) -> None:
        self.decision, self.traced = decision, traced
        self.actors = one_name(decision.canvas)

    def number(self, ref: str) -> Markup:
        """Return a number by its reference."""
        return self.traced.html(ref)

    def known(self, ref: str) -> Markup | None:
        """Return a number by its reference, None where there is none."""
        return self.traced.html(ref) if self.traced.known(ref) else None

    def interval(self, low: str, high: str) -> Markup | None:
        """Return the two ends of an interval, None where there is none."""
        if not (self.traced.known(low) and self.traced.known(high)):
            return None
        return Markup("{} … {}").format(self.traced.html(low), self.traced.html(high))

    def name(self, actor: str) -> str:
        """Return the name of an actor for readers; that of a party that the canvas does not know is its own."""
        return self.decision.actor_labels.get(actor, actor)

    def accounts(self, accounts: Accounts) -> dict[str, Any]:
        """Return how money is counted."""
        return {
            "promoter": self.name(accounts.promoter),
            "source": accounts.source,
            "public": [self.name(a) for a, actor in self.decision.canvas.actors.items() if actor.public],
        } | {name: self.known(f"stated/accounts/{name}") for name in ("first_year", "years", "discount_rate")}

    def choice(self) -> Iterator[dict[str, Any]]:
        """Yield the scenarios side by side, the baseline first."""
        decision = self.decision
        for scenario, pareto in zip(map(str, decision.choice.index), decision.choice["pareto"], strict=True):
            books = decision.money.get(scenario)
            found = decision.vetoes[decision.vetoes["scenario"] == scenario]
            told = decision.lines.loc[scenario].to_dict() if scenario in decision.lines.index else {}
            base = f"ledger/{scenario}/case"
            yield {
                "id": scenario,
                "label": decision.labels[scenario],
                "money": books is not None,
                "own": None if books is None else self.number(f"{base}/{OWN}/npv"),
                "own_interval": None if books is None else self.interval(*_ends(f"{base}/{OWN}/npv_")),
                "public": None if books is None else self.number(f"{base}/{PUBLIC}/npv"),
                "public_interval": None if books is None else self.interval(*_ends(f"{base}/{PUBLIC}/npv_")),
                "vetoes": len(found),
                "failing": [
                    {"actor": self.name(row["actor"]), "outcome": row["outcome"]}
                    for row in found[found["outcome"] != "passes"].to_dict("records")
                ],
                "lines": [{"line": line, "verdict": verdict} for line, verdict in told.items()],
                "conflicts": list(decision.conflicts.loc[decision.conflicts["scenario"] == scenario, "text"]),
                "wins": self.known(f"choice/{scenario}/wins"),
                "wins_stakeholders": self.known(f"choice/{scenario}/wins_stakeholders"),
                "pareto": "–"
                if not self.traced.known(f"choice/{scenario}/wins")
                else "in it"
                if pareto
                else "dominated, within the noise",
            }

    def section(self, scenario: str, accounts: Accounts) -> dict[str, Any]:
        """Return all that is shown of one scenario."""
        money, base = self.decision.money[scenario], f"ledger/{scenario}"
        return {
            "id": scenario,
            "label": self.decision.labels[scenario],
            "cases": list(self._cases(money, base, self.name(accounts.promoter))),
            "cash": self._cash(money, accounts),
            "positions": list(self._positions(money, base)),
            "untouched": [self.name(actor) for actor in _untouched(money)],
            "chart": self._flows(money, scenario, accounts),
            "matrix": self._matrix(money, base),
            "wrong_share": self.known(f"{base}/wrong_share"),
            "mismatch": self.known(f"{base}/mismatch"),
            "transfers": self._transfers(money, base),
            "vetoes": list(self._vetoes(scenario, money)),
            "delay": list(self._delay(money, base)),
            "lines": list(self._lines(money, scenario)),
            "notes": money.notes,
        }

    def _cases(self, money: Money, base: str, promoter: str) -> Iterator[dict[str, Any]]:
        for case, row in money.cases.iterrows():
            at, plain = f"{base}/case/{case}", {str(k): v for k, v in row.items()}
            measures = (
                ("irr", "Internal rate of return"), ("payback_years", "Payback, not discounted"),
                ("break_even_year", "Breaks even, discounted"),
            )  # fmt: skip
            yield {
                "name": words.CASE_NAMES[str(case)],
                "meaning": words.case_meaning(str(case), promoter),
                "npv": self.number(f"{at}/npv"),
                "interval": self.interval(*_ends(f"{at}/npv_")),
                "words": words.case_words(plain),
                "received": self.number(f"{at}/received"),
                "paid": self.number(f"{at}/paid"),
                "measures": [
                    {
                        "name": label,
                        "value": words.case_reason(plain, measure) or self.number(f"{at}/{measure}"),
                    }
                    for measure, label in measures
                ],
            }

    def _cash(self, money: Money, accounts: Accounts) -> Markup:
        public = [a for a, actor in self.decision.canvas.actors.items() if actor.public]
        balance = money_charts.cumulated_cash(
            money.book, accounts.discount_rate, accounts.promoter, public, self.actors
        )
        return _image(money_charts.cash_chart(balance, words.CASE_NAMES, "discounted; ends at the net present value"))

    def _positions(self, money: Money, base: str) -> Iterator[dict[str, Any]]:
        shown = money.positions.drop(index=[OUTSIDE, *_untouched(money)], errors="ignore")
        span = money_charts.span_of(shown)
        order = [*shown["value"].sort_values(ascending=False, kind="stable").index]
        pays = {str(a): float(cost) for a, cost in money.pockets.by_actor["cost"].items()}
        for actor in [*order, *(money.positions.index.intersection([OUTSIDE]))]:
            row = {str(k): float(v) for k, v in money.positions.loc[actor].items()}
            at = f"{base}/position/{actor}"
            yield {
                "name": self.name(actor),
                "outside": actor == OUTSIDE,
                "value": self.number(f"{at}/value"),
                "interval": self.interval(*_ends(f"{at}/")),
                "mark": "" if actor == OUTSIDE else _image(money_charts.interval_mark(**row, span=span)),
                "cost": self.known(f"{base}/pocket/{actor}/cost"),
                "benefit": self.known(f"{base}/pocket/{actor}/benefit"),
                "pocket": words.pocket_words(pays[actor]) if actor in pays else "",
                "words": words.position_words(self.name(actor), actor, row),
            }

    def _flows(self, money: Money, scenario: str, accounts: Accounts) -> Markup:
        base = f"ledger/{scenario}"

        def both(ref: str) -> tuple[str, str]:
            return self.traced.text(ref), self.traced.svg(ref)

        chart = flow_chart(
            flows_of(money.book, accounts.discount_rate, self.actors),
            self.name,
            lambda payer, gainer: both(f"{base}/matrix/{payer}/{gainer}"),
            lambda actor: both(f"{base}/position/{actor}/value"),
            f"Who pays whom: {self.decision.labels[scenario]}",
            "present value in EUR; payers left, receivers right; bands and bars to one scale",
        )
        return _image(chart)

    def _matrix(self, money: Money, base: str) -> dict[str, Any]:
        """Return the matrix without rows and columns that hold nothing."""
        full = money.matrix
        table = full.loc[(full > 0.0).any(axis=1), (full > 0.0).any(axis=0)]
        rows = [
            {
                "payer": self.name(str(payer)),
                "cells": [
                    self.number(f"{base}/matrix/{payer}/{gainer}") if value > 0.0 else None
                    for gainer, value in zip(table, row, strict=True)
                ],
            }
            for payer, row in zip(table.index, table.to_numpy(), strict=True)
        ]
        return {"gainers": [self.name(str(g)) for g in table], "rows": rows}

    def _transfers(self, money: Money, base: str) -> dict[str, Any]:
        plan = money.transfers
        return {
            "flows": [
                {
                    "payer": self.name(row["payer"]),
                    "gainer": self.name(row["gainer"]),
                    "amount": self.number(f"{base}/transfers/{k}/amount"),
                }
                for k, row in plan.flows.iterrows()
            ],
            "total": self.number(f"{base}/transfers/total"),
            "shortfall": None if plan.sufficient else self.number(f"{base}/transfers/shortfall"),
        }

    def _vetoes(self, scenario: str, money: Money) -> Iterator[dict[str, Any]]:
        vetoes = self.decision.vetoes
        ends = money.positions.reindex([*vetoes["actor"]])[["low", "high"]].astype(float).to_numpy()
        interval = dict(zip(vetoes["actor"], ends, strict=True))
        for row in vetoes[vetoes["scenario"] == scenario].to_dict("records"):
            actor = str(row["actor"])
            at, plain = f"veto/{scenario}/{actor}", {str(k): v for k, v in row.items()}
            offer = self.decision.canvas.actors[actor].compensation
            yield {
                "actor": self.name(actor),
                "outcome": row["outcome"],
                "position": self.number(f"{at}/position"),
                "compensation": None if row["outcome"] == "passes" else self.number(f"{at}/compensation"),
                "paid_by": self.name(str(row["paid_by"])) if row["paid_by"] else "",
                "words": words.veto_words(plain, *interval[actor]),
                "stated": self.known(f"stated/actors/{actor}/compensation/value"),
                "unit": offer.unit if offer else "",
                "enough": words.offer_words(plain, offer.unit) if offer else "",
                "source": offer.source if offer else "",
            }

    def _delay(self, money: Money, base: str) -> Iterator[dict[str, Any]]:
        unsure = money.book.lines[in_noise(money.book.lines) & (money.book.lines["kind"] != COST)]
        doubtful = {self.actors.get(p, p) for p in [*unsure["payer"], *unsure["gainer"]]}
        for actor, cost in money.delay.sort_values(ascending=False, kind="stable").items():
            if actor != OUTSIDE and abs(cost) >= words.TRIFLE:
                yield {
                    "actor": self.name(str(actor)),
                    "cost": self.number(f"{base}/delay/{actor}/value"),
                    "words": words.delay_words(float(cost), actor not in doubtful),
                }

    def _lines(self, money: Money, scenario: str) -> Iterator[dict[str, Any]]:
        lines, unsure = money.book.lines, in_noise(money.book.lines)
        for (line, row), doubtful in zip(lines.iterrows(), unsure, strict=True):
            at, kpi = f"ledger/{scenario}/line/{line}", str(row["kpi"])
            verdict, style = words.verdict_words(str(row["verdict"]))
            yield {
                "id": str(line),
                "what": row["what"],
                "kind": row["kind"],
                "payer": self._party(str(row["payer"])),
                "gainer": self._party(str(row["gainer"])),
                "amount": self.number(f"{at}/amount"),
                "once": bool(row["once"]),
                "range": self.interval(*_ends(f"{at}/")) if row["low"] < row["high"] else None,
                "kpi": KPIS[kpi].label if kpi else "",
                "difference": self.traced.link(f"kpi/{scenario}/{kpi}/difference") if kpi else None,
                "verdict": verdict,
                "style": style,
                "noise": bool(doubtful),
                "source": row["source"],
            } | self._stated(str(line), str(row["unit_key"]))

    def _party(self, party: str) -> str:
        return self.name(self.actors.get(party, party))

    def _stated(self, line: str, unit_key: str) -> dict[str, Any]:
        """Return what the canvas states of a line: its quantity and unit value; nothing of a computed payment."""
        canvas = self.decision.canvas
        block, _, place = line.split("/")[0].partition("-")
        if not unit_key or not place.isdigit():
            return {"quantity": None, "quantity_of": "", "unit_value": None, "unit": "", "share": None}
        name = "budget_costs" if block == "cost" else "revenue_streams"
        entry: CostLine | RevenueLine = getattr(canvas, name)[int(place)]
        amount = canvas.amount(entry)
        at = f"stated/{name}/{place}/amount" if entry.unit_value is None else f"stated/unit_values/{entry.unit_value}"
        payer = line.rsplit("/", 1)[-1]
        shares = (f"stated/{name}/{place}/shares/{payer}", f"stated/cost_shares/{payer}")
        split = isinstance(entry, CostLine) and len(canvas.payers(entry)) > 1
        return {
            "quantity": self.known(f"stated/{name}/{place}/quantity"),
            "quantity_of": (entry.quantity_of or "").replace("_", " "),
            "unit_value": self.known(f"{at}/value"),
            "unit": amount.unit if amount else "",
            "share": next((self.number(ref) for ref in shares if split and self.traced.known(ref)), None),
        }


def _untouched(money: Money) -> list[str]:
    """Return the actors whose position no line moves."""
    ends = money.positions.drop(index=OUTSIDE, errors="ignore").abs().max(axis=1)
    pocket = money.pockets.by_actor[["cost", "benefit"]].abs().max(axis=1).reindex(ends.index).fillna(0.0)
    return [str(actor) for actor in ends.index[(ends < words.TRIFLE) & (pocket < words.TRIFLE)]]


def _ends(prefix: str) -> tuple[str, str]:
    return f"{prefix}low", f"{prefix}high"


def _image(image: str) -> Markup:
    """Mark an image as safe for the template: `twin.report.svg` escapes every text and attribute in it."""
    return Markup(image)  # noqa: S704
