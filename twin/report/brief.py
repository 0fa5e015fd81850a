"""A brief for the council: two pages in plain words, every number linked to where it is from.

It is written to be read aloud: short sentences, no tables of figures but one. What cannot be told from noise is called
so, never better or worse.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from markupsafe import Markup

from twin.decision import compare
from twin.decision.claims import NOT_DISTINGUISHABLE, NOT_MODELLED, NOT_SUPPORTED, SUPPORTED, evidence_sentence
from twin.decision.decide import Decision
from twin.decision.figures import Figures
from twin.decision.kpis import KPIS
from twin.decision.ledger import OUTSIDE, OWN
from twin.decision.tasks import months_to_benefit
from twin.decision.transfers import PASSES, UNPAYABLE
from twin.report.templating import environment
from twin.report.traced import Traced, stated
from twin.scenario.store import BASELINE

HEADLINE = "total_co2_t_a"
"""KPI of the brief where the mission names none."""
MOST_CLAIMS, MOST_ACTORS, MOST_FLAGS = 8, 3, 4
"""What two pages hold; the canvas and the ledger show the rest."""
TOLD_WINS = 0.01
"""Share of weights from which on the brief names a scenario."""
FOOTPRINT_TOLD = 0.01
"""Share of the saving that devices take from which on the brief speaks of it."""
RISKS = ("environmental_costs", "social_risks")
"""Blocks whose claims are no promises but what is feared."""
_RISK_WORDS = {
    SUPPORTED: "The model confirms what was feared",
    NOT_DISTINGUISHABLE: "Whether this comes true cannot be told from noise",
    NOT_MODELLED: "Feared, and beyond the model",
}
_VERDICT_WORDS = {
    SUPPORTED: "The model bears these promises out",
    NOT_SUPPORTED: "The model speaks against these promises",
    NOT_DISTINGUISHABLE: "These cannot be told from noise",
    NOT_MODELLED: "The model cannot say anything about these",
}


def render_brief(decision: Decision, figures: Figures) -> str:
    """Return the brief as HTML. Equal decisions give equal bytes."""
    info, traced = decision.run.info, Traced(figures)
    leading = leading_scenario(decision)
    return (
        environment()
        .get_template("brief.html.j2")
        .render(
            title=info["study"]["study"].replace("-", " ").capitalize(),
            question=info["question"],
            city=info["city"]["title"],
            mission=decision.canvas.mission.text if decision.canvas.mission else "",
            headline=stated(KPIS[headline_kpi(decision)].label),
            rows=[_row(decision, traced, scenario) for scenario in decision.scenarios],
            leading=stated(decision.labels[leading]),
            first=list(_first(decision, traced, leading)),
            promised=list(_promised(decision, leading)),
            evidence=evidence_sentence(decision.overview.claims),
            money=list(_money(decision, traced, leading)),
            vetoes=list(_vetoes(decision, traced)),
            risks=list(_risks(decision, traced, leading)),
            sure=list(_sure(decision, traced)),
            tasks=list(_tasks(decision, traced)),
        )
    )


def leading_scenario(decision: Decision) -> str:
    """Return the scenario that is best under most weights, the first of the study where none is known."""
    wins = decision.choice["wins"].drop(index=BASELINE).dropna()
    return str(wins.idxmax()) if len(wins) and wins.max() > 0.0 else decision.scenarios[0]


def headline_kpi(decision: Decision) -> str:
    """Return the KPI of the mission, if the run has it, else total CO2."""
    goal = decision.canvas.mission
    named = goal.kpi if goal is not None and goal.kpi is not None else HEADLINE
    return named if decision.kpi(BASELINE, named) is not None else HEADLINE


def _row(decision: Decision, traced: Traced, scenario: str) -> dict[str, Any]:
    """Return the row of a scenario in the one table."""
    books = decision.money.get(scenario)
    outcomes = decision.vetoes[decision.vetoes["scenario"] == scenario]["outcome"]
    failing = int((outcomes != PASSES).sum())
    agree = "nobody holds a veto" if not len(outcomes) else "pass" if not failing else "needs compensation"
    if agree == "pass" and decision.in_doubt(scenario):
        agree = "cannot be told from noise"
    if (outcomes == UNPAYABLE).any():
        agree = "fails"
    loser = None if books is None else _worst_off(decision, scenario)
    conflict = decision.conflicts[decision.conflicts["scenario"] == scenario]["text"]
    return {
        "label": stated(decision.labels[scenario]),
        "headline": change(decision, traced, scenario, headline_kpi(decision)),
        "npv": "" if books is None else traced.link(f"ledger/{scenario}/case/{OWN}/npv"),
        "npv_in_noise": books is not None and OWN not in books.told_cases(),
        "loser": "nobody beyond noise" if loser is None else _actor(decision, loser),
        "loss": "" if loser is None else traced.link(f"ledger/{scenario}/position/{loser}/value"),
        "agree": agree,
        "conflict": "; ".join(conflict),
    }


def change(decision: Decision, traced: Traced, scenario: str, kpi: str) -> Markup:
    """Return the difference of a KPI with its interval, or that it cannot be told from noise."""
    row = decision.kpi(scenario, kpi)
    if row is None:
        return Markup("not modelled")
    if row["verdict"] == compare.NO_CHANGE:
        return Markup("no change")
    base = f"kpi/{scenario}/{kpi}"
    if row["verdict"] == compare.NOT_DISTINGUISHABLE:
        return Markup("cannot be told from noise ({} to {})").format(
            traced.link(f"{base}/low"), traced.link(f"{base}/high")
        )
    if not traced.known(f"{base}/low"):
        return Markup("{} (no interval)").format(traced.link(f"{base}/difference"))
    return Markup("{} ({} to {})").format(*(traced.link(f"{base}/{part}") for part in ("difference", "low", "high")))


def _worst_off(decision: Decision, scenario: str) -> str | None:
    """Return the actor who loses most beyond noise, None where nobody does."""
    own = decision.money[scenario].told()
    return str(own.idxmin()) if len(own) and own.min() < 0.0 else None


def _first(decision: Decision, traced: Traced, scenario: str) -> Iterator[Markup]:
    """Yield the short answer."""
    wins = decision.choice["wins"].dropna().sort_values(ascending=False, kind="stable")
    told = [str(name) for name in wins.index[:MOST_ACTORS] if wins[name] >= TOLD_WINS]
    if told:
        shares = [
            Markup("{} speak for {}").format(traced.link(f"choice/{name}/wins"), _choice_name(decision, name))
            for name in told
        ]
        yield Markup("Of all the ways to weigh money, environment and people, {}. This is advice, not proof.").format(
            Markup("; ").join(shares)
        )
    kpi = headline_kpi(decision)
    yield Markup("{}: {}.").format(stated(KPIS[kpi].label), change(decision, traced, scenario, kpi))
    yield from _target(decision)
    yield from _after_footprint(decision, traced, scenario)
    for text in decision.conflicts[decision.conflicts["scenario"] == scenario]["text"]:
        yield Markup("<b>Mind the conflict:</b> {}.").format(text)


def _target(decision: Decision) -> Iterator[Markup]:
    """Yield which scenarios keep what the mission promises."""
    claims = decision.overview.claims
    mission = claims[claims["block"] == "mission"]
    if not len(mission):
        return
    kept = mission.loc[mission["verdict"] == SUPPORTED, "scenario"]
    if len(kept):
        names = Markup(", ").join(stated(decision.labels[s]) for s in kept)
        yield Markup("What the mission promises is kept by: {}.").format(names)
    else:
        yield Markup("No scenario keeps what the mission promises.")


def _after_footprint(decision: Decision, traced: Traced, scenario: str) -> Iterator[Markup]:
    """Yield what devices and computing take of the CO2 that is saved, where it is more than a trifle."""
    if decision.footprint is None:
        return
    net = {str(row["scenario"]): row for row in decision.footprint.net.to_dict("records")}.get(scenario)
    if net is None or not net["share"] >= FOOTPRINT_TOLD:
        return
    base = f"footprint/net/{scenario}"
    text = Markup("Making and running its devices takes {} of the CO₂ that is saved; what is left, {}, ").format(
        traced.link(f"{base}/share"), traced.link(f"{base}/net_t_a")
    )
    told = net["verdict"] in (compare.BETTER, compare.WORSE)
    yield text + ("can be told from noise." if told else Markup("<b>cannot be told from noise</b>."))


def _choice_name(decision: Decision, scenario: str) -> Markup:
    return Markup("leaving things as they are") if scenario == BASELINE else stated(decision.labels[scenario])


def _actor(decision: Decision, actor: str) -> Markup:
    return stated(decision.actor_labels.get(actor, actor))


def _promised(decision: Decision, scenario: str) -> Iterator[dict[str, Any]]:
    """Yield the claims by what the run says to them, worst news first."""
    claims = decision.overview.claims
    mine = claims[claims["scenario"].isin([scenario, ""]) & ~claims["block"].isin(RISKS)]
    for verdict in (NOT_SUPPORTED, NOT_DISTINGUISHABLE, SUPPORTED, NOT_MODELLED):
        found = mine[mine["verdict"] == verdict]
        if len(found):
            texts = [
                row["text"] + (f" (evidence: {row['evidence']})" if verdict == NOT_MODELLED else "")
                for row in found.head(MOST_CLAIMS).to_dict("records")
            ]
            yield {"words": _VERDICT_WORDS[verdict], "texts": texts, "more": max(0, len(found) - MOST_CLAIMS)}


def _money(decision: Decision, traced: Traced, scenario: str) -> Iterator[Markup]:
    """Yield who pays and who gains."""
    if scenario not in decision.money:
        yield Markup("The canvas states no accounts, so no money is counted.")
        return
    accounts = decision.canvas.accounts
    base, books = f"ledger/{scenario}", decision.money[scenario]
    assert accounts is not None
    yield Markup("All sums are present values over {} years at a discount rate of {}.").format(
        traced.link("stated/accounts/years"), traced.link("stated/accounts/discount_rate")
    )
    promoter = _actor(decision, accounts.promoter)
    case = f"{base}/case"
    yield Markup(
        "For {}, direct revenue alone leaves {}. With its own savings it is {}; with those of all public bodies, {}."
    ).format(promoter, *(traced.link(f"{case}/{name}/npv") for name in books.cases.index))
    own = books.told().sort_values()
    doubtful = books.positions["value"].drop(index=[OUTSIDE, *own.index], errors="ignore")
    groups = {
        "Those who gain": own[own > 0.0][::-1],
        "Those who lose": own[own < 0.0],
        "Whether they gain or lose cannot be told from noise": doubtful[doubtful != 0.0],
    }
    for words, actors in groups.items():
        if len(actors):
            named = [_position(decision, traced, base, str(actor)) for actor in actors.index[:MOST_ACTORS]]
            yield Markup("<b>{}:</b> {}.").format(words, Markup("; ").join(named))
    if traced.known(f"{base}/wrong_share"):
        yield Markup("Of all benefit, {} lands with those who pay nothing.").format(traced.link(f"{base}/wrong_share"))


def _position(decision: Decision, traced: Traced, base: str, actor: str) -> Markup:
    where = f"{base}/position/{actor}"
    text = Markup("{}, {}").format(_actor(decision, actor), traced.link(f"{where}/value"))
    if not traced.known(f"{where}/low") or traced.text(f"{where}/low") == traced.text(f"{where}/high"):
        return text
    return text + Markup(" ({} to {})").format(traced.link(f"{where}/low"), traced.link(f"{where}/high"))


def _vetoes(decision: Decision, traced: Traced) -> Iterator[Markup]:
    """Yield who must agree, and the cheapest compensation where they would lose."""
    if not len(decision.vetoes):
        yield Markup("The canvas names nobody who can stop this, or no accounts to judge it by.")
    for scenario, rows in decision.vetoes.groupby("scenario", sort=False):
        failing = rows[rows["outcome"] != PASSES]
        doubt = decision.in_doubt(str(scenario))
        if not len(failing) and not doubt:
            yield Markup("<b>{}</b>: nobody who holds a veto would lose.").format(
                stated(decision.labels[str(scenario)])
            )
        for actor in doubt:
            yield Markup("<b>{}</b>: whether {}, who can say no, would lose cannot be told from noise.").format(
                stated(decision.labels[str(scenario)]), _actor(decision, actor)
            )
        for name, row in failing.set_index("actor").iterrows():
            yield _veto(decision, traced, str(scenario), str(name), row)


def _veto(decision: Decision, traced: Traced, scenario: str, actor: str, row: pd.Series) -> Markup:
    base = f"veto/{scenario}/{actor}"
    who = _actor(decision, actor)
    told = decision.money[scenario].told()
    start = Markup("<b>{}</b>: {} can say no, and {} lose {}.").format(
        stated(decision.labels[scenario]),
        who,
        "would" if actor in told.index else "may",
        traced.link(f"{base}/compensation"),
    )
    if row["outcome"] == UNPAYABLE:
        return start + Markup(" Nobody gains enough to make that good.")
    payer = _actor(decision, row["paid_by"])
    text = start + Markup(" The cheapest way to win consent is to pay that sum, most of it from {}.").format(payer)
    if row["paid_by"] not in told.index:
        text += Markup(" Whether these gain enough for it cannot be told from noise.")
    if traced.known(f"{base}/stated"):
        text += Markup(" The canvas offers {}.").format(traced.link(f"{base}/stated"))
    return text


def _risks(decision: Decision, traced: Traced, scenario: str) -> Iterator[Markup]:
    """Yield what could go wrong."""
    claims = decision.overview.claims
    mine = claims[claims["scenario"].isin([scenario, ""]) & claims["block"].isin(RISKS)]
    for verdict, words in _RISK_WORDS.items():
        texts = mine.loc[mine["verdict"] == verdict, "text"].head(MOST_CLAIMS)
        if len(texts):
            yield Markup("{}: {}.").format(words, stated("; ".join(texts)))
    yield from _rebound(decision, traced, scenario)
    if scenario in decision.money:
        delay = decision.money[scenario].delay.drop(index=OUTSIDE, errors="ignore").sort_values(ascending=False)
        if len(delay) and delay.iloc[0] > 0.0:
            who = _actor(decision, str(delay.index[0]))
            yield Markup("Each year that the benefits come later costs {} {}.").format(
                who, traced.link(f"ledger/{scenario}/delay/{delay.index[0]}/value")
            )
        for note in decision.money[scenario].notes:
            yield Markup("The ledger is not complete: {}.").format(stated(note))
    flags = list(dict.fromkeys(flag for state in decision.overview.states for flag in state.flags))
    known = (evidence_sentence(claims), "not supported by")  # said above
    for flag in [flag for flag in flags if not flag.startswith(known)][:MOST_FLAGS]:
        yield Markup("{}.").format(stated(_capital(flag)))


def _rebound(decision: Decision, traced: Traced, scenario: str) -> Iterator[Markup]:
    """Yield what travellers' reaction does to the first effect on CO2 of traffic."""
    row = decision.kpi(scenario, "rebound_share")
    if row is None or not row["value"]:
        return
    share = traced.link(f"kpi/{scenario}/rebound_share/value")
    if row["value"] < 0.0:
        yield Markup("Travellers' reaction adds to the first effect on CO₂ of traffic (rebound {}).").format(share)
    elif row["value"] <= 1.0:
        yield Markup("Travellers react: {} of the first effect on CO₂ of traffic is taken back.").format(share)
    else:
        yield Markup(
            "Travellers react so much that the first effect on CO₂ of traffic turns round (rebound {})."
        ).format(share)


def _sure(decision: Decision, traced: Traced) -> Iterator[Markup]:
    """Yield how sure this is."""
    if decision.run.info["draws"] >= compare.MINIMUM_DRAWS:
        yield Markup(
            "The study was repeated {} times with other values of what is not known. Ranges in brackets hold "
            "nine in ten of these repetitions; a difference that is not on one side of zero is called noise."
        ).format(traced.link("run/draws"))
    else:
        yield Markup(
            "The study was run without repetitions, so nothing here has a range: take no small difference as real."
        )
    yield Markup(
        "The model knows {} buildings and {} links of streets. It does not know who lives in them, what people think, "
        "or what prices will do beyond the ranges that the study states."
    ).format(traced.link("run/buildings"), traced.link("run/links"))


def _tasks(decision: Decision, traced: Traced) -> Iterator[Markup]:
    """Yield what the council would have to do, and when benefits start."""
    plan = decision.overview.schedule.sort_values(["start", "place"])
    for row in plan.to_dict("records"):
        ref = f"stated/key_activities/{row['place']}/months"
        takes = Markup(", {} months").format(traced.link(ref)) if ref in traced.figures else Markup("")
        late = Markup(" (a delay of this delays everything)") if row["critical"] and row["months"] else Markup("")
        yield Markup("{}{}{}").format(stated(_capital(row["text"])), takes, late)
    if months_to_benefit(decision.canvas) is not None:
        yield Markup("Benefits start after {} months.").format(traced.link("tasks/months"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
