"""Numbers that the canvas itself speaks of: its claims, what it states, its schedule, and those within sentences.

A sentence that the engine makes ("the wedges leave 300 of 900 open") holds numbers too. `sentence` cuts it into words,
numbers with a reference each, and what the author of the canvas wrote, which is quoted and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from twin.decision.claims import evidence_sentence, share_without_evidence
from twin.decision.figures import COUNT, EUR, PERCENT, PLAIN, SHARE, YEAR, Figure
from twin.decision.kpis import CATALOGUE
from twin.decision.overview import Overview

_NUMBER = re.compile(r"(?<![\w.])[-−]?\d[\d,\u202f]*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w])")
_YEARS = range(1900, 2201)


@dataclass(frozen=True)
class Part:
    """Part of a sentence: words, or a number where it has a reference; `stated` words are the author's."""

    text: str
    ref: str = ""
    stated: bool = False


def canvas_figures(overview: Overview) -> dict[str, Figure]:
    """Return the numbers of a canvas, alone or with its run."""
    found = dict(_claims(overview)) | dict(_schedule(overview))
    for ref, text in _sentences(overview):
        for part in sentence(overview, ref, text):
            if part.ref:
                found[part.ref] = _figure(part.text, text)
    return found


def sentence(overview: Overview, ref: str, text: str) -> list[Part]:
    """Return the parts of a sentence; its numbers are called ``ref/0``, ``ref/1`` and so on."""
    parts: list[Part] = []
    for piece, stated in _quoted(text, _author_words(overview)):
        if stated:
            parts.append(Part(piece, stated=True))
            continue
        at = 0
        for match in _NUMBER.finditer(piece):
            count = sum(bool(part.ref) for part in parts)
            parts += [Part(piece[at : match.start()]), Part(match.group(), f"{ref}/{count}")]
            at = match.end()
        parts.append(Part(piece[at:]))
    return [part for part in parts if part.text]


def is_verdict(overview: Overview, flag: str) -> bool:
    """Return whether a red flag says what stands elsewhere: how many claims lack evidence, or a claim's verdict."""
    return flag == evidence_sentence(overview.claims) or flag.startswith("not supported by ")


def flag_ref(block: str, place: int) -> str:
    """Return the reference of the numbers in a red flag."""
    return f"text/{block}/flag/{place}"


def missing_ref(block: str, place: int) -> str:
    """Return the reference of the numbers in what a block lacks."""
    return f"text/{block}/missing/{place}"


def reason_ref(block: str, place: int, scenario: str) -> str:
    """Return the reference of the numbers in the reason of a verdict."""
    return f"text/{block}/reason/{place}/{scenario or 'alone'}"


def measure_ref(place: int) -> str:
    """Return the reference of the numbers in the summary of a measure, by its row in `Overview.computed`."""
    return f"text/deployment/measure/{place}"


def _sentences(overview: Overview) -> Iterator[tuple[str, str]]:
    for state in overview.states:
        yield from ((flag_ref(state.block.key, i), text) for i, text in enumerate(state.flags))
        yield from ((missing_ref(state.block.key, i), text) for i, text in enumerate(state.missing))
    for row in overview.claims.to_dict("records"):
        yield reason_ref(row["block"], row["place"], row["scenario"]), str(row["reason"])
    for place, row in enumerate(overview.computed.to_dict("records")):
        if row["block"] == "deployment":
            yield measure_ref(place), str(row["label"])


def _claims(overview: Overview) -> Iterator[tuple[str, Figure]]:
    none, count, share = share_without_evidence(overview.claims)
    origin = "claims of the canvas, judged by the run" if len(overview.parts) else "claims of the canvas"
    yield "claims/without_evidence", Figure(float(none), COUNT, origin)
    yield "claims/count", Figure(float(count), COUNT, origin)
    yield "claims/share_without_evidence", Figure(share, SHARE, origin)
    if len(overview.claims):
        for verdict, number in overview.claims["verdict"].value_counts().items():
            yield f"claims/verdict/{verdict}", Figure(float(number), COUNT, origin)
    yield (
        "blocks/filled",
        Figure(float(sum(s.origin != "empty" for s in overview.states)), COUNT, "blocks of the canvas"),
    )
    flags = len({flag for state in overview.states for flag in state.flags if not is_verdict(overview, flag)})
    yield "blocks/flags", Figure(float(flags), COUNT, "red flags of the canvas")


def _schedule(overview: Overview) -> Iterator[tuple[str, Figure]]:
    plan = overview.schedule
    for row in plan.to_dict("records"):
        origin = f"schedule of the key activities: {row['text']}"
        for column in ("start", "end"):
            yield f"schedule/{row['place']}/{column}", Figure(float(row[column]), COUNT, origin)
    if plan["months"].notna().any():
        yield (
            "schedule/end",
            Figure(float(plan["end"].max()), COUNT, "schedule of the key activities: when all are done"),
        )


def _figure(text: str, whole: str) -> Figure:
    value = float(text.replace(",", "").replace("\u202f", "").replace("−", "-"))
    after = whole[whole.find(text) + len(text) :].lstrip()
    if re.fullmatch(r"\d{4}", text) and int(text) in _YEARS:
        return Figure(value, YEAR, f"in words: {whole}")
    unit = EUR if after.startswith("EUR") else PERCENT if after.startswith("%") else PLAIN
    return Figure(value, unit, f"in words: {whole}")


def _author_words(overview: Overview) -> list[str]:
    """Return what sentences quote, of the author and of the catalogue of KPIs, the longest first."""
    canvas = overview.canvas
    found = {text for state in overview.states for text in state.entries}
    found |= {actor.label for actor in canvas.actors.values()}
    found |= {plan.label for plan in canvas.targets} | {kpi.label for kpi in CATALOGUE}
    return sorted((text for text in found if any(c.isdigit() for c in text)), key=lambda text: (-len(text), text))


def _quoted(text: str, quotes: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a text, and whether each is one of the quotes."""
    for quote in quotes:
        at = text.find(quote)
        if at >= 0:
            yield from _quoted(text[:at], quotes)
            yield quote, True
            yield from _quoted(text[at + len(quote) :], quotes)
            return
    if text:
        yield text, False
