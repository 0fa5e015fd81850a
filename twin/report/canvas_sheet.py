"""What stands around the fourteen blocks: the evidence on top, title and question, scenarios, legend and source."""

from __future__ import annotations

from dataclasses import dataclass

from twin.decision import claims, robustness
from twin.decision.canvas_figures import canvas_figures
from twin.decision.claims import VERDICTS, share_without_evidence
from twin.decision.compare import BETTER, WORSE
from twin.decision.decide import Decision
from twin.decision.figures import Figures, stated_figures
from twin.decision.overview import Overview
from twin.report import canvas_marks as marks
from twin.report.canvas_blocks import Book, Pieces, block_texts
from twin.report.canvas_computed import ScenarioRow, computed_entries, scenario_rows
from twin.report.canvas_text import NAME, SOURCE, BlockText, Piece, listed, spare, stated, words
from twin.scenario.store import BASELINE

SOURCE_TEXT = (
    "Blocks after the City Model Canvas of Timeus, Vinaixa and Pardo-Bosch (2020), doi 10.1080/14719037.2020.1718187."
)
LEGEND_ALONE = ((marks.STATED, "stated by the authors of the canvas"), (marks.NONE, "a claim without evidence"))
LEGEND = (
    (marks.STATED, "stated by the authors"),
    (marks.COMPUTED, "computed by the run"),
    (claims.SUPPORTED, "claim supported"),
    (claims.NOT_SUPPORTED, "not supported"),
    (claims.NOT_DISTINGUISHABLE, "not distinguishable from noise"),
    (claims.NOT_MODELLED, "not modelled"),
    (BETTER, "better"),
    (WORSE, "worse"),
    (robustness.MIXED, "mixed"),
    (marks.FLAG, "red flag"),
    (marks.CONFLICT, "conflict between bottom lines"),
)
MISSING_LEGEND = (marks.MISSING, "missing")


@dataclass(frozen=True)
class Sheet:
    """All that the sheet and the page show."""

    book: Book
    title: str
    place: Pieces
    question: Pieces
    facts: Pieces
    evidence: Pieces
    bare_share: float
    verdicts: tuple[tuple[str, Pieces], ...]
    rows: tuple[ScenarioRow, ...]
    notes: tuple[Pieces, ...]
    blocks: tuple[BlockText, ...]
    legend: tuple[tuple[str, str], ...]
    reading: Pieces
    source: str = SOURCE_TEXT


def sheet_of(decision: Decision, figures: Figures) -> Sheet:
    """Return the sheet of a run."""
    found = canvas_figures(decision.overview) | {ref: figures[ref] for ref in figures}
    book = Book(decision.overview, Figures(found), decision)
    info = decision.run.info
    return Sheet(
        book,
        str(info["study"]["study"]).replace("-", " ").capitalize(),
        (words(" · ", soft=True), Piece(str(info["city"]["title"]), words=NAME, soft=True)),
        (stated(str(info["question"])),),
        _facts(decision),
        *_evidence(book),
        _verdict_counts(book),
        tuple(scenario_rows(book)),
        (),
        tuple(block_texts(book, computed_entries)),
        (*LEGEND, MISSING_LEGEND),
        (
            words("Letters: scenarios, each against "),
            Piece(decision.labels[BASELINE], words=NAME),
            words(". ", soft=True),
            *spare((words("In brackets: the interval that holds nine of ten paired draws. ", soft=True),)),
            words("Verdicts rest on the simulation where no other evidence is named. ", soft=True),
            words("Every number with its interval, reason and source: on the page in full. ", soft=True),
        ),
    )


def sheet_alone(overview: Overview, title: str = "") -> Sheet:
    """Return the sheet of a canvas without a run."""
    found = canvas_figures(overview)
    found |= dict(stated_figures("stated", overview.canvas.model_dump(mode="json", exclude_defaults=True)))
    book = Book(overview, Figures(found))
    notes = [
        (words("This canvas has not been run: ", bold=True), words("all of it is stated, nothing is computed.")),
        (Piece(ref="blocks/filled"), words(" of the fourteen blocks are filled.")),
        *_several_roles(overview),
    ]
    return Sheet(
        book,
        title or "City Model Canvas",
        (),
        (),
        (),
        *_evidence(book),
        (),
        (),
        tuple(notes),
        tuple(block_texts(book, computed_entries)),
        (*LEGEND_ALONE, (marks.FLAG, "red flag"), MISSING_LEGEND),
        (),
    )


def _several_roles(overview: Overview) -> list[Pieces]:
    """Return a note for each actor with several roles, which is one actor all the same."""
    return [
        (stated(actor.label, bold=True), words(f" is one actor with several roles: {', '.join(actor.roles)}."))
        for actor in overview.actors
        if len(actor.roles) > 1
    ]


def _facts(decision: Decision) -> Pieces:
    """Return when the data is from and how large the model and the run are."""
    info = decision.run.info
    dates = sorted({str(source.get("date", ""))[:10] for source in info["sources"]} - {""})
    when = (words("data of "), Piece(_span(dates), words=SOURCE), words(" · ")) if dates else ()
    weather = str(info["weather"].get("title", ""))
    climate = (words(" · weather: "), Piece(weather, words=SOURCE)) if weather else ()
    counts = listed(
        [
            (Piece(ref="run/buildings"), words(" buildings")),
            (Piece(ref="run/zones"), words(" zones")),
            (Piece(ref="run/draws"), words(" uncertainty draws")),
        ],
        ", ",
    )
    return tuple(Piece(p.text, p.ref, p.words, p.bold, soft=True) for p in (*when, *counts, *climate))


def _span(dates: list[str]) -> str:
    return dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"


def _evidence(book: Book) -> tuple[Pieces, float]:
    """Return the sentence on top, and the share of claims without evidence."""
    none, count, share = share_without_evidence(book.overview.claims)
    if not count:
        return (words("Nothing is claimed.", bold=True),), 0.0
    verb = f" {'claim' if count == 1 else 'claims'} {'has' if none == 1 else 'have'} no evidence ("
    pieces = (
        Piece(ref="claims/without_evidence", bold=True), words(" of ", bold=True),
        Piece(ref="claims/count", bold=True), words(verb, bold=True),
        Piece(f"{100 * share:.0f}\u202f%", ref="claims/share_without_evidence", bold=True), words(").", bold=True),
    )  # fmt: skip
    return pieces, float(share) if none else 0.0


def _verdict_counts(book: Book) -> tuple[tuple[str, Pieces], ...]:
    """Return how often each verdict was given, over claims and scenarios, and the number of red flags."""
    found = [
        (verdict, (Piece(ref=f"claims/verdict/{verdict}", bold=True), words(f" {verdict}")))
        for verdict in VERDICTS
        if f"claims/verdict/{verdict}" in book.figures
    ]
    flags = book.figures["blocks/flags"].value
    if flags > 0:
        found.append(
            (marks.FLAG, (Piece(ref="blocks/flags", bold=True), words(" red flag" if flags == 1 else " red flags")))
        )
    return tuple(found)
