"""What a run fills into the blocks of a canvas, and the strip above them: bottom lines, conflicts and vetoes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from twin.decision import ledger, robustness
from twin.decision.canvas import BLOCK
from twin.decision.canvas_figures import measure_ref, sentence
from twin.decision.compare import BETTER, WORSE
from twin.decision.kpis import KPIS
from twin.decision.transfers import COMPENSATED, PASSES
from twin.report import canvas_marks as marks
from twin.report.canvas_blocks import Book, Pieces, by_scenario, computed_entry, rows_of
from twin.report.canvas_text import (
    COMPUTED,
    Entry,
    Paragraph,
    Piece,
    from_parts,
    in_words,
    letter,
    listed,
    name,
    stated,
    words,
)

_LAYERS = {"buildings": "buildings", "links": "directed links of streets", "zones": "zones"}
_REACH = (("direct", "directly better off"), ("indirect", "indirectly better off"), ("none", "without benefit"))
_LEAST_EUR, _MOST_VETOES = 0.5, 2


def computed_entries(book: Book, block: str) -> Iterator[Entry]:
    """Yield the entries that the run fills into a block."""
    special = {
        "mission": _mission, "beneficiaries": _beneficiaries, "buy_in": _vetoes, "deployment": _measures,
        "key_activities": _plan, "key_infrastructure_resources": _inventory, "budget_costs": _costs,
        "revenue_streams": _cases, "environmental_costs": _footprint, "social_risks": _losers,
        "social_benefits": _winners,
    }  # fmt: skip
    if BLOCK[block].line:
        yield from _kpis(book, block)
    if block in special:
        yield from special[block](book)


def _kpis(book: Book, block: str) -> Iterator[Entry]:
    rows = rows_of(book, block)
    judged = book.overview.parts
    judged = judged[judged["block"] == block]
    for kpi, part in rows.groupby("kpi", sort=False):
        said = set(judged.loc[judged["kpi"] == kpi, "scenario"]) >= set(part["scenario"])
        yield Entry(COMPUTED, (Paragraph(by_scenario(book, str(kpi), list(part["scenario"]))),), spare=said)


def _each(book: Book, refs: dict[str, str]) -> Pieces:
    """Return numbers of scenarios, each after its letter; those that are not known are left out."""
    known = [
        (letter(book.letters[s]), words(" "), Piece(ref=ref)) for s, ref in refs.items() if book.figures.known(ref)
    ]
    return listed(known, "  ")


def _mission(book: Book) -> Iterator[Entry]:
    goal = book.canvas.mission
    if goal is None or goal.kpi not in KPIS:
        return
    today = next((f"kpi/{s}/{goal.kpi}/baseline" for s in book.letters), "")
    if book.figures.known(today):
        after = _each(book, {s: f"kpi/{s}/{goal.kpi}/value" for s in book.letters})
        label = name(KPIS[goal.kpi].label, bold=True)
        yield computed_entry(Paragraph((label, words("  today "), Piece(ref=today), words("  "), *after)))


def _beneficiaries(book: Book) -> Iterator[Entry]:
    for reach, text in _REACH:
        each = _each(book, {s: f"reach/{s}/{reach}/people" for s in book.letters})
        if each:
            yield computed_entry(Paragraph((words(f"People {text}  "), *each)))


def _losers(book: Book) -> Iterator[Entry]:
    yield from _outcome(book, "loses", "People who lose")
    ratio = _each(book, {s: f"reach/{s}/gain/energy_cost_eur_a/ratio" for s in book.letters})
    if ratio:
        yield computed_entry(Paragraph((words("Gain in energy bills, poorest over richest fifth  "), *ratio)))


def _winners(book: Book) -> Iterator[Entry]:
    yield from _outcome(book, "wins", "People who win")
    yield from _poverty(book)


def _poverty(book: Book) -> Iterator[Entry]:
    today = next((f"reach/{s}/poverty/before" for s in book.letters), "")
    if book.figures.known(today):
        after = _each(book, {s: f"reach/{s}/poverty/after" for s in book.letters})
        yield computed_entry(Paragraph((words("Energy poverty  today "), Piece(ref=today), words("  "), *after)))


def _outcome(book: Book, outcome: str, text: str) -> Iterator[Entry]:
    each = _each(book, {s: f"reach/{s}/outcome/{outcome}/people" for s in book.letters})
    if each:
        yield computed_entry(Paragraph((words(f"{text}  "), *each)))


def _vetoes(book: Book) -> Iterator[Entry]:
    """Yield one entry for each veto holder: where it passes, what it would lose elsewhere, and what would settle it."""
    table = book.decision.vetoes if book.decision else pd.DataFrame()
    if table.empty:
        return
    for actor, part in table.groupby("actor", sort=False):
        paragraphs = [Paragraph((stated(book.actor(str(actor)), bold=True), words(" may veto")))]
        passing = list(part.loc[part["outcome"] == PASSES, "scenario"])
        doubt = [s for s in passing if book.decision and str(actor) in book.decision.in_doubt(s)]
        if sure := [[letter(book.letters[s])] for s in passing if s not in doubt]:
            paragraphs.append(Paragraph((words("loses nothing in "), *listed(sure, " ")), BETTER))
        if doubt:
            badges = listed([[letter(book.letters[s])] for s in doubt], " ")
            paragraphs.append(Paragraph((words("cannot be told from noise in "), *badges)))
        paragraphs += [
            Paragraph(veto_sentence(book, row["scenario"], str(actor), row["outcome"], row["paid_by"]), WORSE)
            for row in part[part["outcome"] != PASSES].to_dict("records")
        ]
        yield computed_entry(*paragraphs)


def veto_sentence(book: Book, scenario: str, actor: str, outcome: str, paid_by: str) -> Pieces:
    """Return what a veto holder would lose in a scenario, and the cheapest compensation."""
    base = f"veto/{scenario}/{actor}"
    head = (letter(book.letters[scenario]), words(" net "), Piece(ref=f"{base}/position", bold=True), words(": "))
    if outcome != COMPENSATED:
        return (*head, words("nobody gains enough to compensate it"))
    return (
        *head, Piece(ref=f"{base}/compensation", bold=True), words(" from "), stated(book.actor(paid_by)),
        words(" would settle it"),
    )  # fmt: skip


def _measures(book: Book) -> Iterator[Entry]:
    """Yield what the measures do; scenarios that do the same share an entry."""
    rows = book.overview.computed.reset_index(drop=True)
    rows = rows[rows["block"] == "deployment"]
    for label, part in rows.groupby("label", sort=False):
        parts = sentence(book.overview, measure_ref(int(part.index[0])), str(label))
        badges = [[letter(b)] for b in sorted({book.letters[s] for s in part["scenario"]})]
        yield computed_entry(Paragraph((*listed(badges, " "), words(" "), *from_parts(parts))))
    yield from _pilot(book)


def _pilot(book: Book) -> Iterator[Entry]:
    """Yield what the smart zone shows, and what it promises for the city."""
    if not book.figures.known("pilot/effect/value"):
        return
    zone = book.canvas.pilot
    pieces = [words("Smart zone, "), name(zone.quantity if zone else ""), words(": effect ")]
    for k, part in enumerate(("effect", "scaled")):
        pieces += [words("; scaled up ")] if k else []
        pieces += [Piece(ref=f"pilot/{part}/value", bold=True)]
        if book.figures.known(f"pilot/{part}/low"):
            low, high = Piece(ref=f"pilot/{part}/low", soft=True), Piece(ref=f"pilot/{part}/high", soft=True)
            pieces += [words(" (", soft=True), low, words(" to ", soft=True), high, words(")", soft=True)]
    if book.figures.known("pilot/truth"):
        pieces += [words("; simulated everywhere "), Piece(ref="pilot/truth", bold=True)]
    yield computed_entry(Paragraph(tuple(pieces)))


def _plan(book: Book) -> Iterator[Entry]:
    if not book.figures.known("schedule/end"):
        return
    chain = book.overview.schedule
    chain = chain[chain["critical"] & chain["months"].gt(0)].sort_values(["end", "place"])
    steps = [[stated(str(row["text"]), soft=True)] for row in chain.to_dict("records")]
    paragraphs = [Paragraph((words("Benefits can start in month "), Piece(ref="schedule/end", bold=True)))]
    if steps:
        paragraphs.append(Paragraph((words("longest chain: ", soft=True), *listed(steps, " – "))))
    yield computed_entry(*paragraphs)


def _inventory(book: Book) -> Iterator[Entry]:
    counts = [
        (Piece(ref=f"run/{layer}"), words(f" {label}"))
        for layer, label in _LAYERS.items()
        if f"run/{layer}" in book.figures
    ]
    if counts:
        yield computed_entry(Paragraph((words("The city model holds "), *listed(counts, ", "))))


def _costs(book: Book) -> Iterator[Entry]:
    """Yield the present value of the costs of each actor that bears any."""
    money = book.decision.money if book.decision else {}
    actors = dict.fromkeys(
        str(a) for m in money.values() for a, cost in m.pockets.by_actor["cost"].items() if cost > _LEAST_EUR
    )
    paragraphs = []
    for actor in (a for a in actors if a != ledger.OUTSIDE):
        bearing = {
            s: f"ledger/{s}/pocket/{actor}/cost"
            for s, m in money.items()
            if m.pockets.by_actor["cost"].get(actor, 0.0) > _LEAST_EUR
        }
        each = _each(book, bearing)
        paragraphs.append(Paragraph((stated(book.actor(actor)), words("  "), *each)))
    if paragraphs:
        yield computed_entry(Paragraph((words("Present value of costs, by who bears them"),)), *paragraphs)


def _cases(book: Book) -> Iterator[Entry]:
    """Yield the three business cases of the promoter, and the share of benefit that lands elsewhere."""
    accounts = book.canvas.accounts
    if accounts is None or not book.decision or not book.decision.money:
        return
    who = (words("Net present value for "), stated(book.actor(accounts.promoter)))
    over = (words(", "), book.number("accounts/years"), words(" years at "), book.number("accounts/discount_rate"))
    paragraphs = [Paragraph((*who, *over))]
    for case in ledger.CASES:
        each = _each(book, {s: f"ledger/{s}/case/{case}/npv" for s in book.letters})
        if each:
            paragraphs.append(Paragraph((words(f"{case}  "), *each)))
            paragraphs.append(Paragraph((words("intervals  ", soft=True), *_intervals(book, case)), detail=True))
    yield computed_entry(*paragraphs)
    each = _each(book, {s: f"ledger/{s}/wrong_share" for s in book.letters})
    if each:
        yield computed_entry(Paragraph((words("Benefit of those who pay nothing  "), *each)))


def _intervals(book: Book, case: str) -> Pieces:
    ends = {s: [f"ledger/{s}/case/{case}/npv_{end}" for end in ("low", "high")] for s in book.letters}
    known = {s: pair for s, pair in ends.items() if all(book.figures.known(ref) for ref in pair)}
    return listed(
        [
            (letter(book.letters[s]), words(" "), Piece(ref=low), words(" to "), Piece(ref=high))
            for s, (low, high) in known.items()
        ],
        "  ",
    )


def _footprint(book: Book) -> Iterator[Entry]:
    for key, text in (("kwh_a", "Electricity of devices and computing"), ("co2_kg_a", "CO₂ of devices and computing")):
        each = _each(book, {s: f"footprint/{s}/{key}" for s in book.letters})
        if each:
            yield computed_entry(Paragraph((name(text), words("  "), *each)))
    net = _each(book, {s: f"footprint/net/{s}/net_t_a" for s in book.letters})
    if net:
        yield computed_entry(Paragraph((name("CO₂ after this footprint"), words("  "), *net)))


@dataclass(frozen=True)
class ScenarioRow:
    """A scenario in the strip on top: its bottom lines as (mark, word), its conflict and what its vetoes say."""

    letter: str
    label: str
    lines: tuple[tuple[str, str], ...]
    conflict: str
    veto: Pieces
    veto_mark: str
    wins: str


def scenario_rows(book: Book) -> list[ScenarioRow]:
    """Return the scenarios with what they do to the bottom lines."""
    decision = book.decision
    if decision is None:
        return []
    found = []
    for scenario, badge in book.letters.items():
        verdicts = [
            str(decision.lines.loc[scenario, line]) if scenario in decision.lines.index else robustness.NOT_MODELLED
            for line in robustness.LINES
        ]
        pieces, mark = _veto_summary(book, scenario)
        wins = f"choice/{scenario}/wins"
        found.append(
            ScenarioRow(
                badge,
                decision.labels[scenario],
                tuple((v, _LINE_WORDS.get(v, v)) for v in verdicts),
                conflict_text(dict(zip(robustness.LINES, verdicts, strict=True))),
                pieces,
                mark,
                wins if book.figures.known(wins) else "",
            )
        )
    return found


_LINE_WORDS = {robustness.NOT_KNOWN: "not told apart"}


def conflict_text(verdicts: dict[str, str]) -> str:
    """Return which bottom lines get better and which worse, where both happen; empty elsewhere."""
    better = [line for line, verdict in verdicts.items() if verdict == BETTER]
    worse = [line for line, verdict in verdicts.items() if verdict == WORSE]
    return f"{' and '.join(better)} better, {' and '.join(worse)} worse" if better and worse else ""


def _veto_summary(book: Book, scenario: str) -> tuple[Pieces, str]:
    table = book.decision.vetoes if book.decision else pd.DataFrame()
    mine = table[table["scenario"] == scenario] if len(table) else table
    if mine.empty:
        return (words("no veto to test", soft=True),), marks.NONE
    against = mine[mine["outcome"] != PASSES]
    if against.empty and book.decision and book.decision.in_doubt(scenario):
        return (words("whether a veto holder loses cannot be told from noise"),), marks.NONE
    if against.empty:
        return (words("no veto holder loses"),), BETTER
    rows = [{str(key): value for key, value in row.items()} for row in against.to_dict("records")]
    said = [_in_short(book, scenario, row) for row in rows[:_MOST_VETOES]]
    if len(rows) > _MOST_VETOES:
        said.append((words(f"{in_words(len(rows) - _MOST_VETOES)} more, see buy-in and support"),))
    return listed(said, "; "), WORSE


def _in_short(book: Book, scenario: str, row: dict[str, Any]) -> Pieces:
    actor = str(row["actor"])
    base, holder = f"veto/{scenario}/{actor}", stated(book.actor(actor))
    if row["outcome"] != COMPENSATED:
        loss = Piece(ref=f"{base}/position", bold=True)
        return loss, words(" for "), holder, words("; nobody gains enough to compensate")
    amount, payer = Piece(ref=f"{base}/compensation", bold=True), stated(book.actor(str(row["paid_by"])))
    return amount, words(" to "), holder, words(" would settle it, cheapest from "), payer
