"""The three questions that a follow-up must answer (Timeus, Vinaixa and Pardo-Bosch 2020), in words and numbers.

Was value delivered, is the balance as expected, were the stakeholders reached? Numbers stand in the sentences as
references (`twin.decision.follow_up_figures`), so that each can be followed to where it is from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from twin.decision import compare
from twin.decision import follow_up_judge as judge
from twin.decision.canvas import Canvas
from twin.decision.follow_up import AHEAD, AS_PLANNED, BEHIND, SIMULATED, FollowUp
from twin.decision.follow_up_balance import AS_EXPECTED, BETTER, NOT_OBSERVED, WORSE, Balance
from twin.decision.kpis import KPIS

VALUE, BALANCE, REACHED = "Was value delivered?", "Is the balance as expected?", "Were the stakeholders reached?"
QUESTIONS = (VALUE, BALANCE, REACHED)
YES, PARTLY, NO, NOT_KNOWN = "yes", "partly", "no", "not known"
LEAST_SHARE = 0.5
"""A balance is called as expected where at least this part of the money was observed (assumption)."""
ALL = "all"
"""Stands for all measures together in references."""
_CAUSES = {
    judge.BY_INPUTS: "the observed inputs explain it",
    judge.BY_PART: "the observed inputs explain a part of it, the rest is error of the model",
    judge.BY_MODEL: "the observed inputs do not explain it: it is error of the model",
    judge.NOT_SPLIT: "no inputs of that year were observed, so that nobody can say why",
}


@dataclass(frozen=True)
class Ref:
    """A number in a sentence, by its reference."""

    ref: str


Sentence = tuple[str | Ref, ...]


@dataclass(frozen=True)
class Answer:
    """What is answered to one question for one scenario: one word, and why."""

    scenario: str
    question: str
    word: str
    sentences: tuple[Sentence, ...]


def base_ref(scenario: str) -> str:
    """Return how the references of a scenario's follow-up begin."""
    return f"follow-up/{scenario}"


def answers(found: FollowUp, money: Balance) -> list[Answer]:
    """Return the answers of every observed scenario."""
    made = []
    for scenario in found.scenarios:
        made += [_value(found, scenario), _balance(found, money, scenario), _reached(found, scenario)]
    return made


def latest(table: pd.DataFrame, *names: str) -> list[dict[str, Any]]:
    """Return the row of the last year of each group."""
    if table.empty:
        return []
    last = table.sort_values("year", kind="stable").groupby(list(names), sort=False).tail(1).sort_index()
    return [{str(key): value for key, value in row.items()} for row in last.to_dict("records")]


def counted(found: FollowUp, scenario: str) -> dict[str, int]:
    """Return how many KPIs that were promised to get better came out how, each in its last observed year."""
    rows = [row for row in _of(found.table, scenario) if row["promise"] == compare.BETTER]
    words = (judge.AS_PROMISED, judge.BETTER, judge.WORSE, compare.NO_INTERVAL)
    return {"promised": len(rows)} | {word: sum(row["verdict"] == word for row in rows) for word in words}


def _of(table: pd.DataFrame, scenario: str) -> list[dict[str, Any]]:
    return latest(table[table["scenario"] == scenario], "kpi")


def _value(found: FollowUp, scenario: str) -> Answer:
    rows, count, base = _of(found.table, scenario), counted(found, scenario), base_ref(scenario)
    good, bad = count[judge.AS_PROMISED] + count[judge.BETTER], count[judge.WORSE]
    word = NOT_KNOWN if not good + bad else YES if not bad else NO if not good else PARTLY
    said: list[Sentence] = []
    if count["promised"]:
        number = [Ref(f"{base}/count/{name}") for name in ("promised", judge.AS_PROMISED, judge.BETTER, judge.WORSE)]
        said.append(
            ("KPIs that were promised to get better and were observed: ", number[0], "; as promised ", number[1],
             ", better ", number[2], ", worse ", number[3], ".")
        )  # fmt: skip
    else:
        said.append(("No KPI that was promised to get better was observed.",))
    said += [_shortfall(row, base) for row in rows if row["verdict"] in (judge.WORSE, judge.OTHER)]
    lucky = [row["label"] for row in rows if row["cause"] == judge.BY_LUCK]
    if lucky:
        said.append((f"As promised only because errors cancel: {_listed(lucky)}.",))
    vague = [row["label"] for row in rows if row["promise"] == compare.NOT_DISTINGUISHABLE]
    if vague:
        said.append((f"No effect beyond noise was promised of: {_listed(vague)}.",))
    missing = _claimed(found.canvas, {row["kpi"] for row in rows}, scenario)
    if missing:
        said.append((f"Claimed and not observed: {_listed(missing)}.",))
    return Answer(scenario, VALUE, word, tuple(said))


def _shortfall(row: dict[str, Any], base: str) -> Sentence:
    """Return what an observation that is not as promised should have been, and why it is not."""
    ref = f"{base}/{row['kpi']}/{row['year']}"
    names = ("observed", "low", "high") if row["against"] == SIMULATED else tuple(
        f"effect_{end}" for end in ("observed", "low", "high")
    )  # fmt: skip
    observed, low, high = (Ref(f"{ref}/{name}") for name in names)
    what = "" if row["against"] == SIMULATED else ", change against the observed baseline"
    why = f"; {_CAUSES[row['cause']]}." if row["cause"] else "."
    head = f"{row['label']} in {row['year']}{what}: "
    return (head, observed, ", promised ", low, " to ", high, f", {row['verdict']}{why}")


def _claimed(canvas: Canvas | None, seen: set[str], scenario: str) -> list[str]:
    """Return the KPIs that the canvas makes claims on for a scenario, and that were not observed."""
    if canvas is None:
        return []
    claims = [claim for _, _, claim in canvas.claims() if claim.scenario in (None, scenario)]
    names = dict.fromkeys(kpi for claim in claims for kpi in claim.kpis)
    return [KPIS[kpi].label for kpi in names if kpi not in seen and kpi in KPIS]


def _balance(found: FollowUp, money: Balance, scenario: str) -> Answer:
    rows = [row for row in money.actors.to_dict("records") if row["scenario"] == scenario]
    judged = [row for row in rows if row["verdict"] in (AS_EXPECTED, BETTER, WORSE)]
    said: list[Sentence] = []
    if not any(row["verdict"] != NOT_OBSERVED for row in rows):
        return Answer(scenario, BALANCE, NOT_KNOWN, (("Nothing was observed that carries money.",),))
    base, until = f"{base_ref(scenario)}/balance", money.until[scenario]
    said.append(
        ("Part of the money expected until ", str(until), " that was observed: ", Ref(f"{base}/share"),
         "; the rest is taken as expected.")
    )  # fmt: skip
    promoter = found.canvas.accounts.promoter if found.canvas and found.canvas.accounts else ""
    for row in sorted(judged, key=lambda row: (row["actor"] != promoter, row["verdict"] == AS_EXPECTED, row["actor"])):
        ref = f"{base}/{row['actor']}"
        net, low, high, least, most = (
            Ref(f"{ref}/{name}") for name in ("observed", "low", "high", "observed_low", "observed_high")
        )
        unsure: Sentence = (" (", least, " to ", most, ")") if row["observed_low"] < row["observed_high"] else ()
        head = f"{actor_name(found.canvas, str(row['actor']))}, net: "
        said.append((head, net, *unsure, ", expected ", low, " to ", high, f": {row['verdict']}."))
    right = sum(row["verdict"] == AS_EXPECTED for row in judged)
    word = NOT_KNOWN if not judged else YES if right == len(judged) else PARTLY if right else NO
    if word == YES and not money.share[scenario] >= LEAST_SHARE:
        word = NOT_KNOWN
        said.append(("Too little of the money was observed to say yes.",))
    return Answer(scenario, BALANCE, word, tuple(said))


def actor_name(canvas: Canvas | None, actor: str) -> str:
    """Return the name of an actor for readers."""
    return canvas.actors[actor].label if canvas is not None and actor in canvas.actors else actor


def _reached(found: FollowUp, scenario: str) -> Answer:
    base = base_ref(scenario)
    said: list[Sentence] = []
    rows = latest(found.uptake[found.uptake["scenario"] == scenario], "measure")
    for row in rows:
        ref = f"{base}/uptake/{row['measure'] or ALL}/{row['year']}"
        what = row["measure"] or "All measures together"
        numbers = Ref(f"{ref}/observed"), Ref(f"{ref}/planned")
        said.append(
            (f"{what} in {row['year']}: in place ", numbers[0], ", planned ", numbers[1], f": {row['verdict']}.")
        )
    people = latest(found.participation[found.participation["scenario"] == scenario], "actor")
    for row in people:
        name = actor_name(found.canvas, row["actor"])
        number = Ref(f"{base}/participation/{row['actor']}/{row['year']}")
        said.append((f"{name} in {row['year']}: took part ", number, "; no figure was promised.",))  # fmt: skip
    unseen = _not_asked(found.canvas, {row["actor"] for row in people})
    if unseen:
        said.append((f"Nobody looked whether these were reached: {_listed(unseen)}.",))
    if not rows:
        said.insert(0, ("The uptake of the measures was not observed.",))
    kept = sum(row["verdict"] in (AS_PLANNED, AHEAD) for row in rows)
    behind = sum(row["verdict"] == BEHIND for row in rows)
    word = NOT_KNOWN if not rows else YES if not behind else PARTLY if kept else NO
    return Answer(scenario, REACHED, word, tuple(said))


def _not_asked(canvas: Canvas | None, seen: set[str]) -> list[str]:
    """Return beneficiaries and those whose buy-in is needed of whom no participation was observed."""
    if canvas is None:
        return []
    named = [entry.actor for entry in (*canvas.beneficiaries, *canvas.buy_in) if entry.actor is not None]
    return [canvas.actors[name].label for name in dict.fromkeys(named) if name not in seen]


def _listed(names: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(names))


def plain(sentences: Sequence[Sentence], shown: Any) -> list[str]:
    """Return sentences as text; `shown` turns a reference into text."""
    return ["".join(part if isinstance(part, str) else shown(part.ref) for part in each) for each in sentences]
