"""Plain words of the page "How firm this is"; none of them holds a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from twin.decision import compare
from twin.decision.elasticity import LOSES, NO_EFFECT, SAVES, TURNS
from twin.decision.footprint import CO2
from twin.decision.pilot import INSIDE, NOT_SIMULATED, OUTSIDE
from twin.decision.programme import SPLITS
from twin.report.rebound import FAR
from twin.report.traced import stated

if TYPE_CHECKING:
    import pandas as pd

    from twin.decision.decide import Decision
    from twin.decision.footprint import Footprint
    from twin.decision.pilot import SmartZone
    from twin.decision.programme import Programme

SPLIT_NAMES = {"equal": "equal", "per_capita": "per head", "shapley": "Shapley", "stable": "most stable"}
SPLIT_MEANING = {
    "equal": "each member pays the same",
    "per_capita": "by residents",
    "shapley": "what each adds to the cost, in the mean over all orders of joining",
    "stable": "the least reason for any group to leave (least core)",
}
SAME_WAY = 0.9
"""Part of the mean absolute effect that the signed mean must reach for a parameter to act one way."""
_SPILL_TRIFLE = 1e-9


def direction(row: Mapping[Any, Any]) -> str:
    """Return an arrow for whether the difference rises with a parameter (Morris); none where that does nothing."""
    if row["influence"] == 0.0:
        return ""
    if abs(row["mean"]) < SAME_WAY * row["influence"]:
        return "↕"
    return "↑" if row["mean"] > 0.0 else "↓"


def most_often_first(table: pd.DataFrame) -> Markup:
    """Return which parameters lead the rankings, the most frequent first."""
    if not len(table):
        return Markup("No parameter moves any difference.")
    leaders = table.loc[table["rank"] == 1, "parameter"].value_counts(sort=True)
    return Markup("What the differences hang on most: {}.").format(_listed([str(name) for name in leaders.index]))


def leaders(names: Sequence[str], *, whole: bool) -> Markup:
    """Return which parameters lead a ranking.

    Parameters
    ----------
    names : sequence of str
        The first, and those that cannot be told apart from it one after the other.
    whole : bool
        Whether these are all there are.
    """
    if len(names) == 1:
        return Markup("{} matters most.").format(stated(names[0]))
    if whole:
        return Markup("None of the parameters can be ranked above the next: try more simulations.")
    return Markup("{} lead; their order is not certain.").format(_listed(names))


def against_difference(influence: float, difference: float) -> str:
    """Return how much of a difference one parameter moves."""
    if influence >= difference:
        return "the first parameter alone moves it by as much or more"
    if influence >= difference / 2.0:
        return "the first parameter alone moves it by more than half of it"
    return "no parameter alone moves it by half of it"


def moves(decision: Decision, scenario: str, kpis: Sequence[str]) -> bool:
    """Return whether a scenario changes any of these KPIs."""
    rows = [decision.kpi(scenario, kpi) for kpi in kpis]
    return any(row is not None and row["verdict"] != compare.NO_CHANGE for row in rows)


def far(share: float) -> str:
    """Return words for a rebound that is no share of anything worth the name; none for others."""
    if share == 0.0:
        return "–"
    return "" if abs(share) <= FAR else "many times over"


def rebound(gross: Mapping[str, Any] | None, share: Mapping[str, Any] | None) -> str:
    """Return what changed trips do to the first effect on CO2.

    Parameters
    ----------
    gross, share : mapping or None
        Rows of the KPI table: the gross change of CO2 of road traffic, and the rebound.
    """
    if gross is None or share is None or share["value"] == 0.0:
        return "With every trip as before little would change: what changes comes from changed trips."
    if gross["verdict"] == compare.NOT_DISTINGUISHABLE:
        return "The first effect cannot be told from noise, so its rebound says little."
    saves, part = gross["difference"] < 0.0, float(share["value"])
    if part < 0.0:
        return "Changed trips add to the saving." if saves else "Changed trips add to the increase."
    if part <= 1.0:
        return "Changed trips take back part of the saving." if saves else "Part of the increase does not happen."
    if saves:
        return "Changed trips take back more than the saving: emissions rise."
    return "Trips that change save more than detours add: emissions fall."


def turning(outcome: str, elasticity: Markup) -> Markup:
    """Return in words where the saving of a scenario turns into a loss."""
    if outcome == TURNS:
        return Markup("the CO₂ saving turns into a loss at an elasticity of {}.").format(elasticity)
    plain = {
        SAVES: "saves CO₂ at every elasticity that was tried.",
        LOSES: "saves no CO₂ even where traffic across the edge of the area stays fixed.",
        NO_EFFECT: "does not change CO₂.",
    }
    return stated(plain.get(outcome, outcome))


def rebound_short(decision: Decision, moved: Sequence[str]) -> Markup:
    """Return where a CO2 saving turns into a loss, or else what changed trips do to it.

    Parameters
    ----------
    decision : Decision
    moved : sequence of str
        The scenarios that change traffic.
    """
    found = decision.elasticity
    if found is not None:
        turns = [decision.labels[name] for name, outcome in found.outcome.items() if outcome == TURNS]
        if turns:
            text = "With a stronger answer of traffic the CO₂ saving turns into a loss: {}."
            return Markup(text).format(stated("; ".join(turns)))  # noqa: S704 - our own words
        if SAVES in found.outcome.values():
            return Markup("No CO₂ saving turns into a loss at any elasticity of traffic that was tried.")
        return Markup("No scenario saves CO₂, even where traffic across the edge of the area stays fixed.")
    if not moved:
        return Markup("Homes that need less heat are heated more: see what they take back.")
    against = [s for s in moved if (decision.kpi(s, "rebound_share") or {"value": 0.0})["value"] > 0.0]
    if against:
        names = "; ".join(decision.labels[s] for s in against)
        return Markup("Changed trips take back part of the first effect on CO₂, or turn it: {}.").format(stated(names))
    return Markup("Changed trips take nothing of the first effect on CO₂ back.")


def pilot_short(found: SmartZone) -> Markup:
    """Return the answer of a pilot in one sentence."""
    return Markup("Pilot: {} {}").format(pilot_effect(found.verdict), pilot_answer(found.answer))


def pilot_effect(verdict: str) -> str:
    """Return what may be said of the effect in the pilot against the control area."""
    return {
        compare.BETTER: "it does better than the control area.",
        compare.WORSE: "it does worse than the control area.",
        compare.CHANGED: "it differs from the control area.",
        compare.NO_CHANGE: "nothing changes in it.",
        compare.NOT_DISTINGUISHABLE: "its effect cannot be told from noise.",
        compare.NO_INTERVAL: "too few entities for an interval.",
    }[verdict]


def spill_over(found: SmartZone) -> str:
    """Return what may be said of the strip around a pilot."""
    spill = found.spill_over
    if spill.value != spill.value:
        return "Nothing lies in the strip around it."
    if abs(spill.value) <= _SPILL_TRIFLE * abs(found.effect.value):
        return "Nothing spills over its edge."
    if spill.low <= 0.0 <= spill.high or spill.low != spill.low:
        return "What spills over its edge cannot be told from noise."
    same = (spill.value > 0.0) == (found.effect.value > 0.0)
    return "Its neighbours change the same way." if same else "Its neighbours change the other way."


def pilot_answer(answer: str) -> str:
    """Return whether the pilot foretells the city."""
    return {
        INSIDE: "What the run simulates city-wide lies inside the interval that the pilot foretells.",
        OUTSIDE: "What the run simulates city-wide lies outside of it: the pilot does not stand for the city.",
        NOT_SIMULATED: "Whether it stands for the city is not known.",
    }[answer]


def net(verdict: str) -> str:
    """Return what may be said of CO2 after the footprint."""
    return {
        compare.BETTER: "still saves CO₂",
        compare.WORSE: "adds CO₂",
        compare.NO_CHANGE: "no change",
        compare.NOT_DISTINGUISHABLE: "cannot be told from no saving",
        compare.NO_INTERVAL: "no interval",
    }[verdict]


def footprint_short(decision: Decision, found: Footprint) -> Markup:
    """Return whether the footprint changes what may be said of any scenario."""
    lost = []
    for row in found.net.to_dict("records"):
        before = decision.kpi(row["scenario"], CO2)
        if before is not None and before["verdict"] == compare.BETTER != row["verdict"]:
            lost.append(decision.labels[row["scenario"]])
    if not lost:
        return Markup("Counting the study’s own footprint changes no verdict on CO₂.")
    return Markup("Once their own footprint is counted, these can no longer be said to save CO₂: {}.").format(
        stated("; ".join(lost))
    )


def programme_short(found: Programme) -> Markup:
    """Return which splits hold the group together."""
    held = ", ".join(SPLIT_NAMES[split] for split in SPLITS if found.stays[split])
    left = ", ".join(SPLIT_NAMES[split] for split in SPLITS if not found.stays[split])
    if not held:
        return Markup("Shared programme: under every split some group would do better alone.")
    text = f"Shared programme: splits that nobody gains by leaving: {held}"
    return Markup("{}.").format(f"{text}; that some would leave: {left}" if left else text)


def noise_short(decision: Decision, enough: bool) -> Markup:
    """Return whether there is noise at all."""
    if not enough:
        return Markup("The run has too few draws: nothing here can be told from noise.")
    mine = decision.table["scenario"].isin(decision.scenarios)
    if (decision.table.loc[mine, "verdict"] == compare.NOT_DISTINGUISHABLE).any():
        return Markup("Some differences are only noise: they are listed below.")
    return Markup("Every difference of a KPI can be told from noise.")


def missing(decision: Decision, traffic: bool) -> Iterator[tuple[str, Markup]]:
    """Yield what the study lacks, and what would bring it.

    Parameters
    ----------
    decision : Decision
    traffic : bool
        Whether any scenario changes traffic.
    """
    if decision.sensitivity is None:
        parameters = decision.run.info["study"].get("uncertainty", {}).get("parameters")
        first = "" if parameters else "list uncertain parameters under <code>uncertainty</code>, run the study, then "
        yield (
            "Which parameters the answers hang on",
            Markup(first + "run <code>twin sensitivity</code> with the study’s file"),  # noqa: S704 - our own words
        )
    if decision.elasticity is None and traffic:
        example = stated("--elasticity 0,-0.3,-0.6,-1")
        text = Markup("run <code>twin sensitivity</code> with the study’s file and <code>{}</code>").format(example)
        yield "At which elasticity of demand a CO₂ saving is lost", text
    section = Markup("a section <code>{}</code> in the canvas")
    if decision.pilot is None:
        yield "A smart zone: a pilot against a control area, and against the whole city", section.format("pilot")
    if decision.footprint is None:
        both = Markup("sections <code>devices</code> and <code>computing</code> in the canvas")
        yield "The study’s own footprint", both
    if decision.programme is None:
        yield "Costs shared between cities", section.format("shared_programme")


def _listed(names: Sequence[str]) -> Markup:
    marked = [stated(name) for name in names]
    return marked[0] if len(marked) == 1 else Markup(", ").join(marked[:-1]) + Markup(" and ") + marked[-1]
