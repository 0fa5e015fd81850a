"""What the fourteen blocks of a canvas say, for the sheet and for the page: stated entries here, computed ones beside.

A claim carries its verdict, the difference that decides it, and its evidence. Without a run only the stated entries
and what is missing are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from twin.decision.canvas import Canvas, CostLine, RevenueLine
from twin.decision.canvas_figures import flag_ref, is_verdict, missing_ref, reason_ref, sentence
from twin.decision.canvas_parts import UnitValue
from twin.decision.claims import NOT_MODELLED, VERDICTS
from twin.decision.figures import Figures
from twin.decision.kpis import KPIS
from twin.decision.overview import Overview
from twin.report import canvas_marks as marks
from twin.report.canvas_text import (
    COMPUTED,
    SOURCE,
    STATED,
    BlockText,
    Entry,
    Paragraph,
    Piece,
    as_stated,
    difference,
    from_parts,
    letter,
    listed,
    name,
    spare,
    stated,
    words,
)

if TYPE_CHECKING:
    from twin.decision.decide import Decision

Pieces = tuple[Piece, ...]


@dataclass(frozen=True)
class Book:
    """What the pages of one canvas read: the canvas, its numbers, and the decision where there is a run."""

    overview: Overview
    figures: Figures
    decision: Decision | None = None

    @property
    def canvas(self) -> Canvas:
        """The canvas."""
        return self.overview.canvas

    @property
    def letters(self) -> dict[str, str]:
        """Scenarios and their letters; without a run there are none."""
        found = self.decision.scenarios if self.decision else []
        return {scenario: chr(ord("A") + k) if k < 26 else f"A{k}" for k, scenario in enumerate(found)}

    def actor(self, key: str) -> str:
        """Return the label of an actor."""
        known = self.decision.actor_labels if self.decision else {a: v.label for a, v in self.canvas.actors.items()}
        return known.get(key, key)

    def number(self, path: str) -> Piece:
        """Return a number that the canvas states."""
        return as_stated(self.figures, f"stated/{path}")


def block_texts(book: Book, computed: Callable[[Book, str], Iterator[Entry]]) -> list[BlockText]:
    """Return what all blocks say, in order."""
    found = []
    for state in book.overview.states:
        b = state.block
        said = list(enumerate(book.canvas.entries(b.key)))
        if b.key == "key_activities":
            plan = book.overview.schedule
            said.sort(key=lambda entry: (plan["end"].iloc[entry[0]], plan["start"].iloc[entry[0]], entry[0]))
        entries = [Entry(STATED, tuple(_stated_entry(book, b.key, i, e))) for i, e in said]
        entries += list(_extra_stated(book, b.key))
        if book.decision is not None:
            entries += list(computed(book, b.key))
        flags = [
            Paragraph(from_parts(sentence(book.overview, flag_ref(b.key, i), text)), marks.FLAG)
            for i, text in enumerate(state.flags)
            if not is_verdict(book.overview, text)
        ]
        missing = [
            Paragraph(from_parts(sentence(book.overview, missing_ref(b.key, i), text), soft=True), marks.MISSING)
            for i, text in enumerate(state.missing)
        ]
        found.append(
            BlockText(
                b.number, b.key, b.title, b.part, b.question, b.line, tuple(entries), tuple(flags), tuple(missing)
            )
        )
    return found


def _stated_entry(book: Book, block: str, place: int, entry: Any) -> Iterator[Paragraph]:
    """Yield the paragraphs of an entry: its text with what it says beside, then verdicts."""
    beside = list(_beside(book, block, place, entry))
    head: Pieces = (
        stated(entry.text),
        *(listed([(Piece(" · ", soft=True, spare=b[0].spare), *b) for b in beside], "")),
    )
    yield Paragraph(head)
    yield from _verdicts(book, block, place)


def _beside(book: Book, block: str, place: int, entry: Any) -> Iterator[Pieces]:
    actor = getattr(entry, "actor", None) or getattr(entry, "supplier", None)
    if isinstance(entry, CostLine | RevenueLine):
        yield from _money_line(book, block, place, entry)
    if block == "mission":
        yield from _goal(book, "mission", entry.kpi, entry)
    if block == "buy_in" and actor is not None and book.canvas.actors[actor].veto:
        yield (words("veto", bold=True),)
    if block == "deployment" and entry.uptake is not None:
        yield from _uptake(book, place, entry.uptake)
    if block == "key_activities":
        yield from _duration(book, place, entry)
    if block == "key_infrastructure_resources" and entry.exists is not None:
        yield (words("exists" if entry.exists else "does not exist yet", soft=True),)
    if actor is not None:
        yield (
            spare((stated(book.actor(actor), soft=True),))
            if block == "key_activities"
            else (stated(book.actor(actor), soft=True),)
        )


def _goal(book: Book, path: str, kpi: str | None, goal: Any) -> Iterator[Pieces]:
    """Yield a limit and its year: "Total CO₂ at most 6000 t/a by 2035"."""
    if kpi is None or kpi not in KPIS:
        return
    pieces: list[Piece] = [name(KPIS[kpi].label)]
    for key, word in (("at_most", "at most"), ("at_least", "at least")):
        if getattr(goal, key) is not None:
            pieces += [words(f" {word} "), book.number(f"{path}/{key}"), name(f" {KPIS[kpi].unit}")]
    if goal.year is not None:
        pieces += [words(" by "), book.number(f"{path}/year")]
    yield tuple(pieces)


def _uptake(book: Book, place: int, uptake: Any) -> Iterator[Pieces]:
    base = f"deployment/{place}/uptake"
    pieces: list[Piece] = []
    if f"stated/{base}/final" in book.figures:
        pieces += [words("reaches "), _share(book, f"{base}/final")]
    if f"stated/{base}/years" in book.figures:
        pieces += [words(" over " if pieces else "in full after "), book.number(f"{base}/years"), words(" years")]
    if pieces:
        yield tuple(pieces)


def _share(book: Book, path: str) -> Piece:
    """Return a stated part of one as a percentage."""
    return Piece(f"{100 * book.figures[f'stated/{path}'].value:g}\u202f%", f"stated/{path}")


def _duration(book: Book, place: int, task: Any) -> Iterator[Pieces]:
    if task.months is None:
        return
    plan = book.overview.schedule.iloc[place]
    base = f"schedule/{place}"
    pieces = [book.number(f"key_activities/{place}/months"), words(" month" if task.months == 1 else " months")]
    if plan["start"] > 0:
        pieces += [words(", done in month "), Piece(ref=f"{base}/end")]
    yield tuple(pieces)


def _money_line(book: Book, block: str, place: int, line: CostLine | RevenueLine) -> Iterator[Pieces]:
    """Yield amount and quantity, kind, and who pays or gains."""
    amount = book.canvas.amount(line)
    if amount is not None:
        formula = _amount(book, block, place, line, amount)
        yield spare(formula) if line.kpi is not None else formula
    if isinstance(line, CostLine):
        if line.kind is not None:
            yield (words({"capex": "once", "opex": "every year"}[line.kind], soft=True),)
        if line.payer is not None:
            yield (words("paid by ", soft=True), stated(book.actor(line.payer), soft=True))
        elif line.shares:
            base = f"{block}/{place}/shares"
            parts = [
                (stated(book.actor(a), soft=True), words(" "), _share(book, f"{base}/{a}")) for a in sorted(line.shares)
            ]
            yield listed(parts, ", ")
    elif line.gainer is not None:
        yield (words("to ", soft=True), stated(book.actor(line.gainer), soft=True))


def _amount(book: Book, block: str, place: int, line: CostLine | RevenueLine, amount: UnitValue) -> Pieces:
    base = f"unit_values/{line.unit_value}" if line.unit_value is not None else f"{block}/{place}/amount"
    pieces = [book.number(f"{base}/value"), stated(f" {amount.unit}")]
    if f"stated/{block}/{place}/quantity" in book.figures:
        pieces += [words(" × "), book.number(f"{block}/{place}/quantity")]
    if line.kpi in KPIS:
        pieces += [words(" × change of "), name(_in_text(KPIS[str(line.kpi)].label))]
    return tuple(pieces)


def _in_text(label: str) -> str:
    """Return a label as it stands within a sentence."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _verdicts(book: Book, block: str, place: int) -> Iterator[Paragraph]:
    """Yield what the run (or, without one, the author) says to a claim, each verdict once, with its evidence."""
    claims = book.overview.claims
    mine = claims[(claims["block"] == block) & (claims["place"] == place)]
    rows = [{str(key): value for key, value in row.items()} for row in mine.to_dict("records")]
    if book.decision is None:
        for row in rows:
            yield Paragraph(_evidence(row), marks.NONE if row["evidence"] == "none" else NOT_MODELLED)
        return
    for verdict in VERDICTS:
        same = [row for row in rows if row["verdict"] == verdict]
        if same:
            everybody = len(same) == len(book.letters) > 1 and verdict == NOT_MODELLED
            said = [] if everybody else _answers(book, block, place, same)
            pieces = (words(verdict, bold=True), words(" "), *said)
            evidence = (words(" · ", soft=True), *_evidence(same[0]))
            yield Paragraph((*pieces, *(spare(evidence) if same[0]["evidence"] == "simulated" else evidence)), verdict)
    for reason in dict.fromkeys(str(row["reason"]) for row in rows):
        same = [row for row in rows if row["reason"] == reason]
        ref = reason_ref(block, place, same[0]["scenario"])
        badges = [(letter(book.letters[row["scenario"]]),) for row in same if row["scenario"] in book.letters]
        said = from_parts(sentence(book.overview, ref, reason), soft=True)
        yield Paragraph((*listed(badges, " "), words(" "), *said), detail=True)


def _answers(book: Book, block: str, place: int, rows: list[dict[str, Any]]) -> Pieces:
    """Return the letters of scenarios and the differences that decide; a KPI is named before what it decides."""
    parts = book.overview.parts
    several = len(set(parts.loc[(parts["block"] == block) & (parts["place"] == place), "kpi"])) > 1
    by_kpi: dict[str, list[Pieces]] = {}
    for row in rows:
        scenario = row["scenario"]
        badge = letter(book.letters[scenario]) if scenario in book.letters else stated(scenario)
        kpi = _deciding(parts, block, place, row)
        answer = (badge, words(" "), *difference(book.figures, scenario, kpi)) if kpi else (badge,)
        by_kpi.setdefault(kpi, []).append(answer)
    groups = [
        ((name(f"{_in_text(KPIS[kpi].label)} "),) if several and kpi else ()) + listed(answers, "  ")
        for kpi, answers in by_kpi.items()
    ]
    return listed(groups)


def _deciding(parts: pd.DataFrame, block: str, place: int, row: dict[str, Any]) -> str:
    """Return the first KPI whose answer is the verdict, empty where no KPI was modelled."""
    mine = parts[(parts["block"] == block) & (parts["place"] == place) & (parts["scenario"] == row["scenario"])]
    deciding = mine[(mine["verdict"] == row["verdict"]) & mine["difference"].notna()]
    return "" if deciding.empty else str(deciding["kpi"].iloc[0])


def _evidence(row: dict[str, Any]) -> Pieces:
    evidence = str(row["evidence"])
    if evidence == "none":
        return (words("no evidence", soft=True),)
    source = (words(": ", soft=True), Piece(str(row["source"]), words=SOURCE, soft=True)) if row["source"] else ()
    return (words(evidence, soft=True), *(source if evidence != "simulated" else ()))


def _extra_stated(book: Book, block: str) -> Iterator[Entry]:
    """Yield what sections beside the blocks say to a block: targets, cost shares, compensations, devices."""
    canvas = book.canvas
    if block == "mission":
        for i, plan in enumerate(canvas.targets):
            yield _target(book, i, plan)
    elif block == "key_partnerships" and canvas.cost_shares:
        shares = [
            (stated(book.actor(actor)), words(" "), _share(book, f"cost_shares/{actor}"))
            for actor in canvas.cost_shares
        ]
        yield Entry(STATED, (Paragraph((words("Shares of costs: "), *listed(shares, ", "))),))
    elif block == "buy_in":
        for key, actor in canvas.actors.items():
            if actor.compensation is not None:
                amount = book.number(f"actors/{key}/compensation/value")
                unit = stated(f" {actor.compensation.unit}")
                yield Entry(STATED, (Paragraph((stated(actor.label), words(" is offered "), amount, unit)),))


def _target(book: Book, place: int, plan: Any) -> Entry:
    base = f"targets/{place}"
    goal = book.canvas.mission
    same = goal is not None and (goal.kpi, goal.at_most, goal.at_least, goal.year) == (
        plan.kpi,
        plan.at_most,
        plan.at_least,
        plan.year,
    )
    label = (stated(plan.label), words(": ")) if plan.label else (words("Target: "),)
    head = () if same else (*label, *listed(list(_goal(book, base, plan.kpi, plan))))
    wedges = [
        (stated(wedge.label), words(" "), book.number(f"{base}/wedges/{key}/change"))
        for key, wedge in plan.wedges.items()
        if f"stated/{base}/wedges/{key}/change" in book.figures
    ]
    way = (words("Way there: "), *listed(wedges)) if wedges else ()
    paragraphs = [Paragraph(pieces) for pieces in (head, way) if pieces]
    return Entry(STATED, tuple(paragraphs or [Paragraph(label)]))


def rows_of(book: Book, block: str) -> pd.DataFrame:
    """Return what the run fills into a block."""
    computed = book.overview.computed
    return computed[computed["block"] == block] if len(computed) else computed


def by_scenario(book: Book, kpi: str, scenarios: list[str]) -> Pieces:
    """Return a KPI and its difference in some scenarios, each after its letter."""
    each = [(letter(book.letters[s]), words(" "), *difference(book.figures, s, kpi)) for s in scenarios]
    return (name(KPIS[kpi].label), words("  "), *listed(each, "  "))


def computed_entry(*paragraphs: Paragraph) -> Entry:
    """Return an entry that the run fills in."""
    return Entry(COMPUTED, paragraphs)
